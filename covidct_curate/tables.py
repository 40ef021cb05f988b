"""Tables of other people: Excel workbooks and text with separators, every cell as text, as a person sees it.

Nothing is guessed into numbers or dates: ``2020.10`` stays ``2020.10``, ``007`` stays ``007``, a blank is ``""``.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from covidct_curate.errors import DatasetError
from covidct_curate.workbooks import MOST_COLUMNS, Grid, letters, places, read_workbook

_MOST_BYTES = 256 * 2**20
_TOP = 50
"""Rows among which the header is looked for."""
_SAMPLE = 100_000
"""Characters that show how a text file is separated."""
_LONGEST_CELL = 64 * 2**20
_SWALLOWED = 200
"""Lines in one cell that tell of a quote which was never closed."""
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
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
    head = _head(path)
    if head.startswith(b"PK"):
        grid = read_workbook(path, lambda top: _header(top, needs) is not None)
    else:
        grid = _read_text(path, head, needs)
    _clean(grid)
    return _table(path, grid, needs)


def fold(name: str) -> str:
    """A column's name without case and without what is no letter or digit: ``pO2_saturation`` → ``po2saturation``."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _head(path: Path) -> bytes:
    """The file's first bytes. Raises `DatasetError` for what is surely no table."""
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
    if suffix in _WORKBOOKS and not head.startswith(b"PK"):
        raise DatasetError(f"{path}: not a workbook, whatever its name says; save the table as .xlsx or .csv")
    if suffix not in _WORKBOOKS | _TEXT_FILES:
        raise DatasetError(f"{path}: not a kind of table that can be read; save it as .xlsx, .csv or .tsv")
    if not head.strip():
        raise DatasetError(f"{path}: the file is empty")
    if size > _MOST_BYTES:
        raise DatasetError(f"{path}: {size / 2**20:,.0f} MB, and 256 MB are read at most; give it in parts")
    return head


def _read_text(path: Path, head: bytes, needs: Sequence[str]) -> Grid:
    text, notes = _decoded(path, head)
    first, _, rest = text.partition("\n")
    if named := re.fullmatch(r'"?sep=(.)"?', first.strip("\ufeff ")):
        text, separator = "\n" + rest, named[1]
    else:
        separator = _separator(text[:_SAMPLE], needs, path.suffix.lower())
    grid = Grid(notes=notes)
    for number, cells in enumerate(_records(path, text, separator), 1):
        if any(cell.count("\n") > _SWALLOWED for cell in cells):
            grid.notes.append(f"row {number}: a cell of more than {_SWALLOWED} lines; was a quote left open?")
        if len(cells) > MOST_COLUMNS:
            grid.notes.append(f"row {number}: what lies right of column {MOST_COLUMNS:,} was not read")
        if any(map(str.strip, cells)):
            grid.rows.append((number, cells[:MOST_COLUMNS]))
    return grid


def _decoded(path: Path, head: bytes) -> tuple[str, list[str]]:
    """The file's text with plain line ends, and a note where it is no UTF-8."""
    content = path.read_bytes()
    notes = []
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
    elif b"\0\0" in head or head.startswith((b"%PDF", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8")):
        raise DatasetError(f"{path}: not a table, whatever its name says; save the table as .csv")
    elif re.match(rb"\s*<(?:!doctype|html|table|\?xml)", head, re.I):
        raise DatasetError(f"{path}: a web page, not a table; download the file itself, or save it as .csv")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            notes.append(f"not in UTF-8 (first in line {line:,}); read as Western European text (cp1252)")
            text = content.decode("cp1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def _separator(sample: str, needs: Sequence[str], suffix: str) -> str:
    """The character that parts the cells: the one that finds the needed columns, then gives even rows."""
    best, most = ",", (-1, False, 0.0, 0)
    for separator in "\t,;|" if suffix in (".tsv", ".tab") else ",;\t|":
        try:
            rows = [row for row in islice(_reader(sample, separator), _TOP) if row]
        except csv.Error:
            continue
        width, same = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        wanted = {fold(each) for each in needs}
        found = max((len(wanted & {fold(cell) for cell in row}) for row in rows), default=0)
        score = found, width > 1, same / max(1, len(rows)), width
        if score > most:
            best, most = separator, score
    return best


def _reader(text: str, separator: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator)


def _records(path: Path, text: str, separator: str) -> list[list[str]]:
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        return list(_reader(text.replace("\0", ""), separator))
    except csv.Error as error:
        raise DatasetError(
            f"{path}: this table cannot be read ({error}); look for a quote left open"
        ) from error
    finally:
        csv.field_size_limit(before)


def _clean(grid: Grid) -> None:
    """Leave out control characters, which no sheet or page can show."""
    told = []
    for number, cells in grid.rows:
        for column, text in enumerate(cells):
            if not text.isprintable() and _CONTROLS.search(text):
                cells[column] = _CONTROLS.sub("", text)
                told.append(f"{letters(column)}{number}")
    if told:
        grid.notes.append(f"{places(told)}: control characters, left out")


def _header(rows: Sequence[Sequence[str]], needs: Sequence[str]) -> int | None:
    """Index of the header row: the first with all needed names, else the first as wide as most rows."""
    top = rows[:_TOP]
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
        raise _missing(path, texts[:_TOP], needs)
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
