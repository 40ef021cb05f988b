"""An Excel workbook as rows of text, every cell as a person sees it."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from covidct_curate.errors import DatasetError
from covidct_curate.numberformat import full_date, shown

MOST_COLUMNS = 1_000
"""Cells further to the right are not read."""
_MOST_BYTES = 256 * 2**20
"""Of a workbook unpacked: 100,000 rows with long captions have less."""
_CHUNK = 1 << 20
_CARRY = 400
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(slots=True)
class Grid:
    """A sheet's cells: ``rows`` of (row number from 1, texts from column A on), blank rows left out."""

    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_workbook(path: Path, wanted: Callable[[list[list[str]]], bool]) -> Grid:
    """The first sheet whose first rows are ``wanted``, else the first that is not empty.

    A merged cell's text stands in each of its rows (in its first column); a formula is its last result, or
    its own text where none was stored. Raises `DatasetError` for a file that is no workbook, is damaged,
    protected by a password, or more than 256 MB unpacked.
    """
    _look(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(path, wanted)
    except DatasetError:
        raise
    except Exception as error:  # whatever a damaged workbook makes its parser raise
        raise DatasetError(
            f"{path}: this workbook cannot be read ({type(error).__name__}: {str(error)[:200]}); "
            "open it in a spreadsheet program and save it again as .xlsx"
        ) from error


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


def _look(path: Path) -> None:
    """Refuse what must not be unpacked, before anything is."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except Exception as error:  # damaged in whatever way
        raise DatasetError(
            f"{path}: this workbook is damaged ({error}); copy or download it again"
        ) from error
    names = {member.filename for member in members}
    if any(member.flag_bits & 1 for member in members):
        raise DatasetError(f"{path}: protected by a password; save a copy without one")
    size = sum(member.file_size for member in members)
    if size > _MOST_BYTES:
        raise DatasetError(
            f"{path}: unpacked it is {size / 2**20:,.0f} MB, and {_MOST_BYTES // 2**20} MB are read at most; "
            "save its sheet as .csv, in parts"
        )
    if "xl/workbook.bin" in names or "mimetype" in names or "[Content_Types].xml" not in names:
        raise DatasetError(f"{path}: not an .xlsx workbook; open it and save it as .xlsx or .csv")


def _read(path: Path, wanted: Callable[[list[list[str]]], bool]) -> Grid:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    try:
        sheets = [sheet for sheet in book.worksheets if _top(sheet)]
        if not sheets:
            return Grid()
        sheet = next((sheet for sheet in sheets if wanted(_top(sheet))), sheets[0])
        merged, formulas = _markup(book, sheet)
        grid = _Reader(sheet).read(blank_rows=formulas)
        title = sheet.title
        if len(sheets) > 1:
            others = places([f'"{each.title}"' for each in sheets if each is not sheet])
            grid.notes.append(f'the sheet "{title}" was read, not {others}')
    finally:
        book.close()
    if formulas:
        _fill_formulas(grid, path, title)
        grid.rows = [(number, cells) for number, cells in grid.rows if any(map(str.strip, cells))]
    _fill_merged(grid, merged)
    return grid


def _top(sheet: Any) -> list[list[str]]:
    """The rows among a sheet's first 50 that are not empty."""
    sheet.reset_dimensions()
    rows = [[_text(cell) for cell in row[:MOST_COLUMNS]] for row in islice(sheet.iter_rows(), 50)]
    return [cells for cells in rows if any(map(str.strip, cells))]


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value) if "_x" in value else value
    return shown(value, cell.number_format)


class _Reader:
    """One pass over a sheet, with what its notes need."""

    def __init__(self, sheet: Any) -> None:
        self.sheet = sheet
        self.dates: dict[int, list[str]] = defaultdict(list)
        self.odd: set[int] = set()
        self.errors: list[str] = []
        self.beyond: list[str] = []

    def read(self, blank_rows: bool) -> Grid:
        grid = Grid()
        for number, row in enumerate(self.sheet.iter_rows(), 1):
            if not row and not blank_rows:
                continue
            if len(row) > MOST_COLUMNS:
                if any(cell.value is not None for cell in row[MOST_COLUMNS:]):
                    self.beyond.append(str(number))
                row = row[:MOST_COLUMNS]
            cells = [_text(cell) for cell in row]
            if not blank_rows and not any(map(str.strip, cells)):
                continue
            for column, cell in enumerate(row):
                if cell.data_type in ("d", "e"):
                    self._watch(cell, column, number, cells[column])
            grid.rows.append((number, cells))
        grid.notes = list(self._notes(grid))
        return grid

    def _watch(self, cell: Any, column: int, number: int, text: str) -> None:
        if cell.data_type == "d":
            self.dates[column].append(f'{letters(column)}{number} ("{text}")')
            if not full_date(cell.number_format):
                self.odd.add(column)
        else:
            self.errors.append(f"{letters(column)}{number}")

    def _notes(self, grid: Grid) -> Iterator[str]:
        for column, cells in self.dates.items():
            filled = sum(1 for _, row in grid.rows if column < len(row) and row[column])
            if column in self.odd or 2 * len(cells) <= filled:
                yield f"{places(cells)}: dates, perhaps ages or ranges that were typed and taken for dates"
        if self.errors:
            yield f"{places(self.errors)}: a formula that failed"
        if self.beyond:
            yield f"row {places(self.beyond)}: what lies right of column {MOST_COLUMNS:,} was not read"


def _markup(book: Any, sheet: Any) -> tuple[dict[int, list[tuple[int, int]]], bool]:
    """Merged cells as column → (first row, last row), and whether the sheet has formulas.

    A streaming reader shows neither: they are looked for in the sheet's own XML.
    """
    merged: dict[int, list[tuple[int, int]]] = defaultdict(list)
    formulas, carry, seen = False, b"", set()
    with book._archive.open(sheet._worksheet_path) as source:
        while chunk := source.read(_CHUNK):
            text = carry + chunk
            formulas = formulas or _FORMULA.search(text) is not None
            for left, first, _, last in _MERGED.findall(text):
                key = left, first, last
                if key not in seen and int(first) < int(last):
                    seen.add(key)
                    merged[_column(left.decode())].append((int(first), int(last)))
            carry = text[-_CARRY:]
    return merged, formulas


def _column(name: str) -> int:
    number = 0
    for letter in name:
        number = 26 * number + ord(letter) - 64
    return number - 1


def _fill_merged(grid: Grid, merged: dict[int, list[tuple[int, int]]]) -> None:
    """Write each merged cell's text into all of its rows that have text of their own.

    Ranges that overlap, which no program writes, count once.
    """
    by_number = dict(grid.rows)
    last_row = grid.rows[-1][0] if grid.rows else 0
    told = []
    for column, ranges in merged.items():
        done = 0
        for first, last in sorted(ranges):
            top = by_number.get(first, [])
            text = top[column] if column < len(top) else ""
            if column < MOST_COLUMNS and text.strip() and first <= last_row:
                told.append(f"{letters(column)}{first}:{letters(column)}{last}")
                for number in range(max(first + 1, done + 1), min(last, last_row) + 1):
                    cells = by_number.get(number)
                    if cells is not None:
                        cells.extend([""] * (column + 1 - len(cells)))
                        cells[column] = text
            done = max(done, last)
    if told:
        grid.notes.append(f"{places(told)}: merged cells, whose text stands in each of their rows")


def _fill_formulas(grid: Grid, path: Path, title: str) -> None:
    """Where a formula has no stored result, show the formula."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=False, keep_links=False)
    told = []
    try:
        sheet = book[title]
        sheet.reset_dimensions()
        for (number, cells), row in zip(grid.rows, sheet.iter_rows(), strict=False):
            for column, cell in enumerate(row[: len(cells)]):
                if cell.data_type == "f" and not cells[column]:
                    value = cell.value
                    cells[column] = str(getattr(value, "text", None) or value)
                    told.append(f"{letters(column)}{number}")
    finally:
        book.close()
    if told:
        grid.notes.append(f"{places(told)}: formulas without a stored result, shown as formulas")
