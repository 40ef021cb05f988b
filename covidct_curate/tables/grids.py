"""Cells of a sheet as rows of text, whatever file they come from."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

MOST_COLUMNS = 1_000
"""Cells further to the right are not read."""

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Merged(NamedTuple):
    """Cells merged into one: rows counted from 1, columns from 0, all inclusive."""

    first: int
    column: int
    last: int
    right: int


@dataclass(slots=True)
class Grid:
    """A sheet's cells: ``rows`` of (row number from 1, texts from column A on), blank rows left out."""

    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dates: dict[tuple[int, int], bool] = field(default_factory=dict)
    """(Row number, column from 0) of the cells that hold a date or time, not text; whether its format shows
    year, month and day."""
    merged: list[Merged] = field(default_factory=list)
    name: str = ""
    """The sheet's; ``""`` for a text file."""

    def clean(self) -> None:
        """Leave out control characters, which no sheet or page can show."""
        told = []
        for number, cells in self.rows:
            for column, text in enumerate(cells):
                if not text.isprintable() and _CONTROLS.search(text):
                    cells[column] = _CONTROLS.sub("", text)
                    told.append(f"{letters(column)}{number}")
        if told:
            self.notes.append(f"{places(told)}: control characters, left out")

    def spread(self) -> None:
        """Write each merged cell's text into all of its rows that have text of their own, in its first column.

        Ranges that overlap, which no program writes, count once.
        """
        by_number = dict(self.rows)
        numbers = sorted(by_number)
        told = []
        done: dict[int, int] = {}
        for first, column, last, _ in sorted(self.merged):
            top = by_number.get(first, [])
            text = top[column] if column < len(top) else ""
            if first < last and text.strip():
                told.append(f"{letters(column)}{first}:{letters(column)}{last}")
                full_date = self.dates.get((first, column))
                start = bisect_right(numbers, max(first, done.get(column, 0)))
                for number in numbers[start : bisect_right(numbers, last)]:
                    cells = by_number[number]
                    cells.extend([""] * (column + 1 - len(cells)))
                    cells[column] = text
                    if full_date is not None:
                        self.dates[number, column] = full_date
                done[column] = max(done.get(column, 0), last)
        if told:
            self.notes.append(f"{places(told)}: merged cells, whose text stands in each of their rows")


def fold(name: str) -> str:
    """A column's name without case and without what is no letter or digit: ``pO2_saturation`` → ``po2saturation``."""
    return re.sub(r"[\W_]+", "", name.casefold())


def letters(column: int) -> str:
    """A column's name: 0 is ``A``, 26 is ``AA``."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def places(addresses: list[str], most: int = 5) -> str:
    """``C5, C9, C12 and 40 more``."""
    told = ", ".join(addresses[:most])
    return told if len(addresses) <= most else f"{told} and {len(addresses) - most:,} more"
