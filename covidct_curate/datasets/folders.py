"""The picture files of a dataset's folder, and the notes about its sheets."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from covidct_curate import inputs
from covidct_curate.datasets import Note
from covidct_curate.errors import DatasetError

_PICTURE = re.compile(r"\.(?:png|jpe?g|bmp|gif|tiff?|webp)$", re.I)
_MOST_RANGES = 40


@dataclass(slots=True)
class SheetRow:
    """One row of a dataset's sheet."""

    sheet: str
    number: int
    cells: dict[str, str]
    file: str = field(default="", kw_only=True)
    """The image it is of, as the dataset calls it; while none is found, the name in its cell."""


@dataclass(slots=True)
class Notes:
    """Notes on a dataset; equal ones on many rows become one."""

    _rows: dict[tuple[str, str, str], list[SheetRow]] = field(default_factory=lambda: defaultdict(list))
    _plain: list[Note] = field(default_factory=list)

    def say(self, text: str, kind: str = "sheet", files: Iterable[str] = ()) -> None:
        """A note on the dataset as a whole."""
        self._plain.append(Note(text, kind, tuple(files)))

    def row(self, row: SheetRow, text: str, kind: str = "sheet") -> None:
        """A note on one row of a sheet, and on what is its image in the end."""
        self._rows[row.sheet, text, kind].append(row)

    def all(self) -> tuple[Note, ...]:
        """Those on the whole first, then those on rows, in the order they were first said.

        A row that names no image stands for its sheet.
        """
        on_rows = (
            Note(
                f"{sheet}, {_ranges([row.number for row in rows])}: {text}",
                kind,
                tuple(dict.fromkeys(row.file or sheet for row in rows)),
            )
            for (sheet, text, kind), rows in self._rows.items()
        )
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
        notes.say(f"there is no folder {folder.name}", "missing")
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
        notes.say(
            f"{folder.name}/: {len(others):,} that are no pictures were left out, such as {others[0]}",
            "other-file",
            [f"{folder.name}/{each}" for each in others],
        )
    return {name: found[name] for name in sorted(found, key=natural)}


def natural(name: str) -> list[tuple[int, int | str]]:
    """Sort key in which numbers count as numbers."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d{1,15})", name)]


def stem(name: str) -> str:
    """A picture's name without its ending; a name without one as it is."""
    return _PICTURE.sub("", name)


def folded(name: str) -> str:
    """A name as it is for a reader: composed Unicode in small letters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Names:
    """Finds files by their names as sheets and lists write them."""

    def __init__(self, names: Mapping[str, str], *loose: Callable[[str], str]) -> None:
        """``names``: file → its name; each ``loose`` makes equal what a sheet may write otherwise."""
        self._forms: list[tuple[Callable[[str], str], dict[str, list[str]]]] = []
        forms: tuple[Callable[[str], str], ...] = (str, folded, *loose)
        for form in forms:
            found: dict[str, list[str]] = defaultdict(list)
            for file, name in names.items():
                found[form(name)].append(file)
            self._forms.append((form, found))

    def find(self, name: str) -> list[str]:
        """The files of that very name, else in other letters, else those alike by ``loose``."""
        return next((found[key] for form, found in self._forms if (key := form(name)) in found), [])


def sources(dataset: str, names: Iterable[str]) -> dict[str, str]:
    """How lists call each document: printable Unicode, no slash in its own part, no two alike."""
    called: dict[str, str] = {}
    taken: set[str] = set()
    counts: Counter[str] = Counter()
    for name in names:
        plain = "".join(
            each if each.isprintable() and each not in "/\\" else "_" for each in inputs.name(name)
        )
        base = unique = f"{dataset}/{plain.strip()[:200] or '_'}"
        while unique in taken:
            counts[base] += 1
            unique = f"{base} ({counts[base] + 1})"
        taken.add(unique)
        called[name] = unique
    return called
