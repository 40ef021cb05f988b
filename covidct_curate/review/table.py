"""What a workbook shows: three tables of rows, which name the decisions each of their cells rests on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from covidct_curate.columns import Kind
from covidct_curate.records import PixelBox

Value = str | float | None
"""What a cell shows; None and ``""`` are both blank."""

Tone = Literal["changed", "doubtful", "conflict"]
"""A cell that shows a reviewer's value; a rule's value that is not sure; a value with an open conflict."""

KEYS: dict[Kind, str] = {"panels": "uid", "figures": "uid", "conflicts": "conflict"}
"""The column that names a row of each table."""

EXPORT = "export"
"""The column that names the export a row comes from. Rows hold no value for it: it is the book's."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row."""

    key: str
    """The uid of a picture or figure; the number of a conflict's later decision."""
    cells: Mapping[str, Value]
    """By the names of the table's columns, ``export`` aside; as written, so that a cell can hold it."""
    basis: Mapping[str, int] = field(default_factory=dict)
    """Field → number of the decision that its cell shows; a field that is not there shows an automatic value."""
    tones: Mapping[str, Tone] = field(default_factory=dict)
    """By column."""
    picture: Path | None = None
    """Where the picture lies, for its thumbnail."""
    crop: PixelBox | None = None
    """The part of the picture that the thumbnail shows; None for the whole."""
    pixels: str = ""
    """Hash of the picture's pixels."""
    boxes: tuple[PixelBox, ...] = ()
    """Drawn on the thumbnail, in the picture's pixels."""


@dataclass(frozen=True)
class Book:
    """A workbook: its rows, and what must be known to read it back."""

    panels: tuple[Row, ...] = ()
    figures: tuple[Row, ...] = ()
    conflicts: tuple[Row, ...] = ()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column of the panels → the words it may hold, for columns whose schema names none: ``finding``."""

    def rows(self, kind: Kind) -> tuple[Row, ...]:
        """The rows of that table."""
        return {"panels": self.panels, "figures": self.figures, "conflicts": self.conflicts}[kind]

    @cached_property
    def content(self) -> str:
        """All that a sheet that comes back is held against, as JSON: kind → key → [cells, basis, pixels]; ``words``."""
        kinds: tuple[Kind, ...] = ("panels", "figures", "conflicts")
        told: dict[str, object] = {
            kind: {row.key: [dict(row.cells), dict(row.basis), row.pixels] for row in self.rows(kind)}
            for kind in kinds
        }
        told["words"] = dict(self.words)
        return json.dumps(told, ensure_ascii=False, sort_keys=True)

    @cached_property
    def export(self) -> str:
        """The export's id: books that show the same have the same."""
        return hashlib.sha256(self.content.encode("utf-8", "surrogatepass")).hexdigest()[:16]
