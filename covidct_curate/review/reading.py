"""An edited sheet read back: the lines of its tables, each cell as a person sees it, with its address.

A table is known by its header alone: sheets and files may be renamed, rows sorted, tables put one under another.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from covidct_curate.columns import Kind, columns
from covidct_curate.errors import DatasetError, SheetError
from covidct_curate.review.csvs import unguarded
from covidct_curate.review.table import EXPORT, KEYS
from covidct_curate.tables import TOP, first_bytes, is_workbook
from covidct_curate.tables.grids import Grid, fold, letters, places
from covidct_curate.tables.numberformat import exact
from covidct_curate.tables.textfiles import read_text
from covidct_curate.tables.workbooks import open_workbook

NEEDS: dict[Kind, tuple[str, ...]] = {
    "panels": ("keep", KEYS["panels"], EXPORT),
    "figures": ("panels", KEYS["figures"], EXPORT),
    "conflicts": ("choose", KEYS["conflicts"], EXPORT),
}
"""The columns by which a table of each kind is known."""

_LONGEST_NAME = 60
"""Characters; a longer text is no column's name."""
_PLAIN_SHEET = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table, as it came back."""

    sheet: str
    """The sheet's name; ``""`` for CSV."""
    number: int
    """Of the row, as spreadsheet programs count."""
    cells: Mapping[str, str]
    """Our column → text as a person sees it, numbers with all their digits, dates in ISO 8601 where they have
    year, month and day. Columns that the file lacks are not there, nor those that others added."""
    letters: Mapping[str, str]
    """Our column → the column's letters in the file: ``AB``."""
    dates: frozenset[str]
    """Our columns whose cell holds a date or a time, not text."""

    def place(self, column: str) -> str:
        """Where the cell is: ``MetaInfo!C7``, in CSV ``row 7, column Age``."""
        if not self.sheet:
            return f"row {self.number}, column {column}"
        sheet = (
            self.sheet if _PLAIN_SHEET.fullmatch(self.sheet) else "'" + self.sheet.replace("'", "''") + "'"
        )
        if column not in self.letters:
            return f"{sheet}, row {self.number}, column {column}"
        return f"{sheet}!{self.letters[column]}{self.number}"


@dataclass(frozen=True, slots=True)
class Edited:
    """What a workbook or CSV file holds of ours."""

    path: Path
    panels: tuple[Line, ...]
    figures: tuple[Line, ...]
    conflicts: tuple[Line, ...]
    notes: tuple[str, ...]
    """What is odd: merged cells, formulas without results, columns named twice."""


@dataclass(slots=True)
class _Table:
    """Where our columns stand from a header row on."""

    kind: Kind
    columns: dict[str, int]
    letters: dict[str, str]


def read_sheet(path: Path) -> Edited:
    """Read the tables of an edited .xlsx or .csv file: all rows, hidden and filtered ones too.

    Sheets without a table of ours are left alone; the file is only read, and nothing in it is run or followed.
    Raises `SheetError` when the file cannot be read or has no such table.
    """
    try:
        head = first_bytes(path)
        grids, others = _workbook(path) if is_workbook(head) else _text_file(path, head)
    except DatasetError as error:
        raise SheetError(str(error)) from error
    if not grids:
        raise SheetError(f"{path}: {_nothing_ours(others)}")
    lines: dict[Kind, list[Line]] = {kind: [] for kind in NEEDS}
    sheets: dict[Kind, list[str]] = {kind: [] for kind in NEEDS}
    notes: list[str] = []
    for grid in grids:
        grid.clean()
        for table, rows in _tables(grid):
            sheets[table.kind].append(grid.name)
            lines[table.kind].extend(_lines(grid, table, rows))
            grid.notes.extend(_wide(grid, table, rows))
        notes.extend(f"{grid.name}: {note}" if grid.name else note for note in grid.notes)
    for kind, names in sheets.items():
        if len(names) > 1:
            where = f" ({', '.join(dict.fromkeys(names))})" if any(names) else ""
            notes.append(f"{len(names)} tables of {kind}{where}; all were read")
    notes.extend(_almost(others))
    return Edited(
        path, tuple(lines["panels"]), tuple(lines["figures"]), tuple(lines["conflicts"]), tuple(notes)
    )


def _workbook(path: Path) -> tuple[list[Grid], list[_Top]]:
    """The sheets that have a table of ours, and the first rows of the others."""
    grids, others = [], []
    with open_workbook(path) as sheets:
        for sheet in sheets:
            top = sheet.top(TOP)
            if any(map(_kind, top)):
                grids.append(sheet.read(exact))
            else:
                others.append(_Top(sheet.name, top))
    return grids, others


def _text_file(path: Path, head: bytes) -> tuple[list[Grid], list[_Top]]:
    grid = read_text(path, head, [name for needs in NEEDS.values() for name in needs])
    for _, cells in grid.rows:
        cells[:] = map(unguarded, cells)
    top = [cells for _, cells in grid.rows[:TOP]]
    return ([grid], []) if any(map(_kind, top)) else ([], [_Top("", top)])


def _kind(cells: Sequence[str]) -> Kind | None:
    """The kind of table that has this header: of several, the one with the most columns here."""
    names = _names(cells)
    kinds = [kind for kind, needs in NEEDS.items() if {fold(each) for each in needs} <= names]
    return max(kinds, key=lambda kind: len(_ours(kind) & names), default=None)


def _names(cells: Sequence[str]) -> set[str]:
    return {fold(cell) for cell in cells if cell and len(cell) <= _LONGEST_NAME} - {""}


@cache
def _ours(kind: Kind) -> frozenset[str]:
    return frozenset(fold(column.name) for column in columns(kind))


def _tables(grid: Grid) -> Iterator[tuple[_Table, list[tuple[int, list[str]]]]]:
    """The tables of a sheet, from header to header, each with its rows.

    Rows above the first header are its rows too where they have a key and an export: somebody sorted the header
    along.
    """
    table: _Table | None = None
    rows: list[tuple[int, list[str]]] = []
    for place, (number, cells) in enumerate(grid.rows):
        kind = None
        if place < TOP if table is None else EXPORT in map(str.casefold, map(str.strip, cells)):
            kind = _kind(cells)
        if kind is None:
            rows.append((number, cells))
            continue
        found = _Table(kind, *_columns(grid, number, cells, kind))
        if table is None:
            known = [found.columns[name] for name in (KEYS[kind], EXPORT)]
            rows = [row for row in rows if all(at < len(row[1]) and row[1][at].strip() for at in known)]
            if rows:
                told = places([str(each) for each, _ in rows])
                grid.notes.append(f"rows {told}: above the header (row {number}), read like the others")
            table = found
        elif found != table:
            yield table, rows
            table, rows = found, []
    if table is not None:
        yield table, rows


def _columns(
    grid: Grid, number: int, cells: Sequence[str], kind: Kind
) -> tuple[dict[str, int], dict[str, str]]:
    """Where our columns stand in this header: by number and by letters. Of two that bear one name it is the one
    whose case and spaces are ours, else the first."""
    by_name: dict[str, list[int]] = defaultdict(list)
    for at, cell in enumerate(cells):
        if len(cell) <= _LONGEST_NAME:
            by_name[fold(cell)].append(at)
    found: dict[str, int] = {}
    for column in columns(kind):
        there = by_name.get(fold(column.name), [])
        if there:
            found[column.name] = next((at for at in there if cells[at].strip() == column.name), there[0])
        if len(there) > 1:
            told = ", ".join(map(letters, there))
            read = letters(found[column.name])
            grid.notes.append(f'row {number}: columns {told} are all "{column.name}"; {read} was read')
    return found, {name: letters(at) for name, at in found.items()}


def _lines(grid: Grid, table: _Table, rows: Sequence[tuple[int, list[str]]]) -> Iterator[Line]:
    """The rows that have text in our columns."""
    dated = {number for number, _ in grid.dates}
    none: frozenset[str] = frozenset()
    for number, texts in rows:
        cells = {name: _plain(texts[at]) if at < len(texts) else "" for name, at in table.columns.items()}
        if not any(map(str.strip, cells.values())):
            continue
        for name in (KEYS[table.kind], EXPORT):
            cells[name] = unguarded(cells[name])
        dates = none
        if number in dated:
            dates = frozenset(name for name, at in table.columns.items() if (number, at) in grid.dates)
        yield Line(grid.name, number, cells, table.letters, dates)


def _wide(grid: Grid, table: _Table, rows: Sequence[tuple[int, list[str]]]) -> Iterator[str]:
    """Cells merged over several columns: a spreadsheet program keeps only the first one's text."""
    numbers = {number for number, _ in rows}
    at = set(table.columns.values())
    told = [
        f"{letters(left)}{first}:{letters(right)}{last}"
        for first, left, last, right in grid.merged
        if first in numbers and any(left < each <= right for each in at)
    ]
    if told:
        yield f"{places(told)}: merged over columns, so that all but the first count as blank"


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


class _Top(NamedTuple):
    """The first rows of a sheet that has no table of ours."""

    sheet: str
    rows: list[list[str]]

    def nearest(self) -> tuple[int, int, Kind, list[str]]:
        """How near its nearest row is to a header of ours: needed columns, all columns, kind, what is missing."""
        found: list[tuple[int, int, Kind, list[str]]] = []
        for cells in self.rows:
            names = _names(cells)
            for kind, needs in NEEDS.items():
                missing = [each for each in needs if fold(each) not in names]
                found.append((len(needs) - len(missing), len(_ours(kind) & names), kind, missing))
        return max(found, key=lambda each: each[:2], default=(0, 0, "panels", list(NEEDS["panels"])))


def _nothing_ours(tops: Sequence[_Top]) -> str:
    if not any(top.rows for top in tops):
        return "nothing is written in it; export the sheet again"
    top = max(tops, key=lambda top: top.nearest()[:2])
    missing = _listed(top.nearest()[3])
    where = f'the sheet "{top.sheet}"' if top.sheet else "it"
    return (
        f"no table of an exported sheet: in its first {TOP} rows {where} has no header with {missing}; "
        f"export again, or bring {missing} back as exported"
    )


def _almost(tops: Sequence[_Top]) -> Iterator[str]:
    """Sheets that were not read, and yet look like ours."""
    for top in tops:
        needed, shared, kind, missing = top.nearest()
        if 2 * shared >= len(_ours(kind)) or needed == len(NEEDS[kind]) - 1:
            yield f"{top.sheet}: not read, for it has no header with {_listed(missing)}; bring it back as exported"


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    if not first:
        return f"the column {last}"
    return f"the columns {', '.join(first)} and {last}"
