"""Existing datasets as they are: their images, and what their sheets say of each.

A reader never changes what it reads. It raises `DatasetError` when a folder is no such dataset; a bad row or a
missing picture is a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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
    mask: Path | None = None
    """Where it shows a lesion: a picture of its size."""


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One slice of a scan."""

    image: Image
    """Its ``file`` is the name to give it: it lies nowhere."""
    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    """(height, width)."""
    mask: NDArray[np.uint8] | None
    """The same size, 255 where a lesion is and else 0; None without."""


class Scan(Protocol):
    """A scan that is decoded slice by slice when it is imported."""

    @property
    def key(self) -> str:
        """What its pictures depend on: the same key, the same pictures. Raises OSError."""

    @property
    def notes(self) -> list[str]:
        """What is odd about it; complete once its slices were read."""

    def slices(self) -> Iterator[Slice]:
        """Its slices. Raises `CurateError` when it cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Document:
    """The images of one paper, or of one source where no paper is known; or a scan."""

    source: str
    """How lists call it: ``covid-ct/2020.05.06.20091234``, ``chestxray/COVID-00001``."""
    paper: Paper
    images: tuple[Image, ...]
    scan: Scan | None = None
    """In place of images."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something wrong or odd in a dataset's sheets or folders."""

    text: str
    """With sheet, rows and column."""
    kind: str = "sheet"
    """One of `audit.finding.KINDS`."""
    files: tuple[str, ...] = ()
    """The images concerned, as the dataset calls them."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """All documents of a dataset, each image in exactly one."""

    documents: tuple[Document, ...]
    notes: tuple[Note, ...]
    """What is wrong or odd in its sheets and folders."""
