"""One table with a header row, found in whatever file it comes in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from covidct_curate.errors import DatasetError
from covidct_curate.tables.grids import Grid, fold, letters, places
from covidct_curate.tables.textfiles import read_text
from covidct_curate.tables.workbooks import open_workbook

_MOST_BYTES = 256 * 2**20
TOP = 50
"""Rows among which the header is looked for."""
_TEXT_FILES = frozenset({".csv", ".tsv", ".txt", ".tab"})
_WORKBOOKS = frozenset({".xlsx", ".xlsm"})
_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True, slots=True)
class Table:
    """A table with one header row."""

    columns: tuple[str, ...]
    """All different; a needed column goes by its needed name, a second one of the same name is ``Age (2)``, one
    without a name ``column C``."""
    rows: tuple[Mapping[str, str], ...]
    """Column → text, for every column; a blank cell is ``""``. Rows without any text are left out."""
    notes: tuple[str, ...]
    """What is odd about the table, with the cells' places."""
    numbers: tuple[int, ...]
    """For each row its number in the sheet, counted from 1 as spreadsheet programs do."""


def read_table(path: Path, *, needs: Sequence[str] = ()) -> Table:
    """Read the table in an .xlsx, .csv or .tsv file.

    The header is the first row among the first 50 that names all columns of ``needs`` (whatever their case and
    spaces), without ``needs`` the first row that is as wide as the table. Raises `DatasetError` when the file
    cannot be read, is no table, or has no column of a needed name.
    """
    head = first_bytes(path)
    grid = _sheet(path, needs) if is_workbook(head) else read_text(path, head, needs)
    grid.clean()
    return _table(path, grid, needs)


def first_bytes(path: Path) -> bytes:
    """The first bytes of a workbook or text file. Raises `DatasetError` for what is surely no table."""
    try:
        if path.is_dir():
            raise DatasetError(f"{path}: this is a folder; name the table itself")
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(4096)
            old = head.startswith(_OLD_EXCEL)
            locked = old and "EncryptedPackage".encode("utf-16-le") in head + file.read(_MOST_BYTES)
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}; check the name and the rights") from error
    suffix = path.suffix.lower()
    if locked:
        raise DatasetError(f"{path}: protected by a password; save a copy without one")
    if old or suffix in (".xls", ".xlsb", ".ods"):
        raise DatasetError(f"{path}: not an .xlsx workbook; open it and save it as .xlsx or .csv")
    if suffix in _WORKBOOKS and not is_workbook(head):
        raise DatasetError(f"{path}: not a workbook, whatever its name says; save the table as .xlsx or .csv")
    if suffix not in _WORKBOOKS | _TEXT_FILES:
        raise DatasetError(f"{path}: not a kind of table that can be read; save it as .xlsx, .csv or .tsv")
    if not head.strip():
        raise DatasetError(f"{path}: the file is empty")
    if size > _MOST_BYTES:
        raise DatasetError(f"{path}: {size / 2**20:,.0f} MB, and 256 MB are read at most; give it in parts")
    return head


def is_workbook(head: bytes) -> bool:
    """Whether a file that begins so is a workbook, whatever its name says."""
    return head.startswith(b"PK")


def _sheet(path: Path, needs: Sequence[str]) -> Grid:
    """The first sheet that has the needed columns, else the first that is not empty."""
    with open_workbook(path) as sheets:
        tops = [(sheet, top) for sheet in sheets if (top := sheet.top(TOP))]
        if not tops:
            return Grid()
        sheet = next((sheet for sheet, top in tops if _header(top, needs) is not None), tops[0][0])
        grid = sheet.read()
        grid.notes[:0] = _odd_dates(grid)
        if len(tops) > 1:
            others = places([f'"{each.name}"' for each, _ in tops if each is not sheet])
            grid.notes.append(f'the sheet "{sheet.name}" was read, not {others}')
        return grid


def _odd_dates(grid: Grid) -> Iterator[str]:
    """The dates of columns that are no columns of dates, for each column."""
    told: dict[int, list[str]] = defaultdict(list)
    rows = dict(grid.rows)
    for number, column in grid.dates:
        told[column].append(f'{letters(column)}{number} ("{rows[number][column]}")')
    for column, cells in told.items():
        filled = sum(1 for _, row in grid.rows if column < len(row) and row[column])
        full = all(full for (_, each), full in grid.dates.items() if each == column)
        if not full or 2 * len(cells) <= filled:
            yield f"{places(cells)}: dates, perhaps ages or ranges that were typed and taken for dates"


def _header(rows: Sequence[Sequence[str]], needs: Sequence[str]) -> int | None:
    """Index of the header row: the first with all needed names, else the first as wide as most rows."""
    top = rows[:TOP]
    if needs:
        wanted = {fold(each) for each in needs}
        return next((at for at, cells in enumerate(top) if wanted <= {fold(cell) for cell in cells}), None)
    widths = [sum(1 for cell in cells if cell.strip()) for cells in top]
    return next((at for at, width in enumerate(widths) if 2 * width > max(widths)), None)


def _table(path: Path, grid: Grid, needs: Sequence[str]) -> Table:
    texts = [cells for _, cells in grid.rows]
    if not texts:
        raise DatasetError(f"{path}: the table is empty")
    at = _header(texts, needs)
    if at is None:
        raise _missing(path, texts[:TOP], needs)
    header, body = texts[at], grid.rows[at + 1 :]
    notes = list(grid.notes)
    if at:
        notes.append(f"the header is row {grid.rows[at][0]}; what stands above it was left out")
    width = max([len(header), *(len(cells) for _, cells in body)])
    used = [
        any(column < len(cells) and cells[column].strip() for _, cells in body) for column in range(width)
    ]
    columns: dict[int, str] = {}
    for column in range(width):
        name = " ".join(header[column].split()) if column < len(header) else ""
        if name or used[column]:
            columns[column] = _name(name, column, needs, list(columns.values()), notes)
    pairs = list(columns.items())
    rows = []
    for _, cells in body:
        cells.extend([""] * (width - len(cells)))
        rows.append({name: cells[column] for column, name in pairs})
    return Table(tuple(columns.values()), tuple(rows), tuple(notes), tuple(number for number, _ in body))


def _name(name: str, column: int, needs: Sequence[str], taken: Sequence[str], notes: list[str]) -> str:
    if not name:
        return f"column {letters(column)}"
    name = next((each for each in needs if fold(each) == fold(name)), name)
    if name not in taken:
        return name
    count = 2
    while f"{name} ({count})" in taken:
        count += 1
    notes.append(f'column {letters(column)} is a second "{name}"; it goes by "{name} ({count})"')
    return f"{name} ({count})"


def _missing(path: Path, rows: Sequence[Sequence[str]], needs: Sequence[str]) -> DatasetError:
    """Which needed columns are missing from the row that has most of them, and what that row has."""
    wanted = {fold(each) for each in needs}
    best = max(rows, key=lambda cells: len(wanted & {fold(cell) for cell in cells}))
    there = {fold(cell) for cell in best}
    missing = ", ".join(f'"{each}"' for each in needs if fold(each) not in there)
    names = [f'"{" ".join(cell.split())[:60]}"' for cell in best if cell.strip()]
    return DatasetError(
        f"{path}: no column {missing}; there are {places(names, 40)}; "
        "name the columns so in the table's header"
    )
