"""Preprints listed and downloaded: politely, completely, and so that a stopped run goes on."""
