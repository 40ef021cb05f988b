"""The picture files of a dataset's folder, and the notes about its sheets."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from covidct_curate import inputs
from covidct_curate.errors import DatasetError

_PICTURE = re.compile(r"\.(?:png|jpe?g|bmp|gif|tiff?|webp)$", re.I)
_MOST_RANGES = 40


@dataclass(slots=True)
class Notes:
    """Notes on a dataset; equal ones on many rows become one."""

    _rows: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    _plain: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """A note on the dataset as a whole."""
        self._plain.append(text)

    def row(self, sheet: str, number: int, text: str) -> None:
        """A note on one row of a sheet."""
        self._rows[sheet, text].append(number)

    def all(self) -> tuple[str, ...]:
        """Those on the whole first, then those on rows, in the order they were first said."""
        on_rows = (f"{sheet}, {_ranges(rows)}: {text}" for (sheet, text), rows in self._rows.items())
        return (*self._plain, *on_rows)


def _ranges(rows: list[int]) -> str:
    """``row 5``, ``rows 5-9, 12``: every row is told, up to forty ranges of them."""
    ordered = sorted(set(rows))
    ranges: list[list[int]] = []
    for number in ordered:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    told = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges[:_MOST_RANGES])
    rest = sum(b - a + 1 for a, b in ranges[_MOST_RANGES:])
    return f"row{'s' if len(ordered) > 1 else ''} {told}{f' and {rest} more' if rest else ''}"


def pictures(folder: Path, notes: Notes) -> dict[str, Path]:
    """Picture files right in ``folder``: name → path, in natural order (``%2`` before ``%10``).

    A folder that is not there has none. Others, hidden ones aside, are noted. Raises `DatasetError` when the folder cannot be listed.
    """
    if not folder.is_dir():
        notes.say(f"there is no folder {folder.name}")
        return {}
    try:
        files = [each for each in os.scandir(folder) if not each.name.startswith(".")]
        found = {
            each.name: Path(each.path) for each in files if _PICTURE.search(each.name) and each.is_file()
        }
    except OSError as error:
        raise DatasetError(f"{folder}: {error.strerror or error}; check the folder and its rights") from error
    others = sorted(inputs.name(each.name) for each in files if each.name not in found)
    if others:
        notes.say(f"{folder.name}/: {len(others):,} that are no pictures were left out, such as {others[0]}")
    return {name: found[name] for name in sorted(found, key=natural)}


def natural(name: str) -> list[tuple[int, int | str]]:
    """Sort key in which numbers count as numbers."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d{1,15})", name)]


def stem(name: str) -> str:
    """A picture's name without its ending; a name without one as it is."""
    return _PICTURE.sub("", name)


def sources(dataset: str, names: Iterable[str]) -> dict[str, str]:
    """How lists call each document: printable Unicode, no slash in its own part, no two alike."""
    called: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = "".join(
            each if each.isprintable() and each not in "/\\" else "_" for each in inputs.name(name)
        )
        base = unique = f"{dataset}/{plain.strip()[:200] or '_'}"
        count = 2
        while unique in taken:
            unique, count = f"{base} ({count})", count + 1
        taken.add(unique)
        called[name] = unique
    return called
