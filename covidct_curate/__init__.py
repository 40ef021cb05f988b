"""Preprint PDFs in, a reviewed medical-image dataset out."""

__version__ = "0.1.0"
