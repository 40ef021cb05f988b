"""Existing datasets as they are: their images, and what their sheets say of each.

A reader never changes what it reads. It raises `DatasetError` when a folder is no such dataset; a bad row or a
missing picture is a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from covidct_curate.records import Facts, Paper


@dataclass(frozen=True, slots=True)
class Image:
    """One image file of a dataset."""

    file: Path
    figure: str
    """Key of the figure it was cut from, within its document: ``p6-52``. ``""`` when unknown."""
    page: int | None
    xref: int | None
    caption: str
    facts: Facts
    """From the sheet, each with evidence: rule ``sheet.<column>``, the cell's text, source ``sheet``."""


@dataclass(frozen=True, slots=True)
class Document:
    """The images of one paper, or of one source where no paper is known."""

    source: str
    """How lists call it: ``covid-ct/2020.05.06.20091234``, ``chestxray/COVID-00001``."""
    paper: Paper
    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """All documents of a dataset, each image in exactly one."""

    documents: tuple[Document, ...]
    notes: tuple[str, ...]
    """What is wrong or odd in its sheets and folders, with rows and columns."""
