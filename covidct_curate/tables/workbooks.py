"""An Excel workbook as rows of text, every cell as a person sees it."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, time, timedelta
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

from covidct_curate.errors import DatasetError
from covidct_curate.tables.grids import MOST_COLUMNS, Grid, Merged, letters, places
from covidct_curate.tables.numberformat import Value, full_date, shown

_MOST_BYTES = 256 * 2**20
"""Of a workbook unpacked: 100,000 rows with long captions have less."""
_MOST_ROWS = 1_048_576
_MOST_CELLS = 1 << 26
"""Of a sheet, with the blank ones to the left of others: a million rows of 64."""
_LONGEST_NAME = 60
"""Characters of a sheet's name; programs allow 31."""
_XML = (".xml", ".rels")
_SMALL = 1 << 20
"""Bytes of a part that, whatever it is called and says, cannot swell to more than 100 MB: expat sees to that."""
_HEAD = 4096
_ROOT = re.compile(r"\ufeff?\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*+<[^!?\0]", re.S)
"""How a part begins that has no document type declaration."""
_STRICT = "http://purl.oclc.org/ooxml/spreadsheetml"
_CHUNK = 1 << 20
_CARRY = 400
_MERGED = re.compile(
    rb"""<(?:\w+:)?mergeCell\s[^>]*?ref=["']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})["']"""
)
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ASIAN_DATES = {
    **dict.fromkeys((27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((32, 33, 34, 35, 55, 56), "h:mm:ss"),
}
"""Formats that East Asian editions have built in, each in its own way, and openpyxl does not know."""

Write = Callable[[Value, str], str]
"""How a value with its number format is written as text."""


class _Cell(NamedTuple):
    """A cell that is not blank."""

    value: Value
    code: str
    """Its number format."""
    failed: bool = False
    """Whether it is a formula that failed."""


_Row = tuple[int, dict[int, _Cell]]
"""A row's number from 1, and its cells by column from 0."""


@contextmanager
def open_workbook(path: Path) -> Iterator[list[Sheet]]:
    """The sheets of the workbook at ``path`` in the order of their tabs, hidden ones too, open for reading.

    Raises `DatasetError`, within the ``with`` too, for a file that is no workbook, is damaged, protected by a
    password, or more than 256 MB unpacked.
    """
    _look(path)
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")
            book = _load(file)
            yield [Sheet(file, book, at) for at in range(len(book.worksheets))]
    except DatasetError:
        raise
    except Exception as error:  # whatever a damaged workbook makes its parser raise
        cause = error.__cause__ or error
        reason = " ".join(f"{type(cause).__name__}: {cause}".split())[:200]
        raise DatasetError(
            f"{path}: this workbook cannot be read ({reason}); "
            "open it in a spreadsheet program and save it again as .xlsx"
        ) from error


class Sheet:
    """One sheet of an open workbook: its first rows may be looked at, then it is read once."""

    def __init__(self, file: IO[bytes], book: Any, at: int) -> None:
        self._file = file
        self._book = book
        self._at = at
        self._sheet = book.worksheets[at]
        self._rows: Iterator[_Row] = self._filled()
        self.name = "".join(filter(str.isprintable, self._sheet.title))[:_LONGEST_NAME]

    def top(self, most: int) -> list[list[str]]:
        """The texts of the first rows, at most ``most``, that have any."""
        seen: list[_Row] = []
        found: list[list[str]] = []
        for number, cells in self._rows:
            seen.append((number, cells))
            texts = _texts(cells, shown)
            if any(map(str.strip, texts)):
                found.append(texts)
            if len(found) == most:
                break
        self._rows = chain(seen, self._rows)
        return found

    def read(self, write: Write = shown) -> Grid:
        """All rows that have text, numbers and dates written by ``write``.

        A merged cell's text stands in each of its rows (in its first column); a formula is its last result, or
        its own text where none was stored.
        """
        grid = Grid(name=self.name)
        failed: list[str] = []
        beyond: list[str] = []
        for number, cells in self._rows:
            texts = _texts(cells, write)
            if any(map(str.strip, texts)):
                grid.rows.append((number, texts))
            if max(cells) >= MOST_COLUMNS:
                beyond.append(str(number))
            for column, cell in cells.items():
                if column >= MOST_COLUMNS:
                    break
                if cell.failed:
                    failed.append(f"{letters(column)}{number}")
                elif isinstance(cell.value, (date, time, timedelta)):
                    grid.dates[number, column] = full_date(cell.code)
        if failed:
            grid.notes.append(f"{places(failed)}: a formula that failed")
        if beyond:
            told = f"row {places(beyond)}: what lies right of column {MOST_COLUMNS:,} was not read"
            grid.notes.append(told)
        grid.merged, formulas = self._markup()
        if formulas:
            self._fill_formulas(grid)
        grid.spread()
        return grid

    def _filled(self) -> Iterator[_Row]:
        """The rows that are not blank."""
        for number, row in enumerate(_cells(self._sheet), 1):
            cells = {at: self._cell(cell) for at, cell in enumerate(row) if cell.value is not None}
            if cells:
                yield number, cells

    def _cell(self, cell: Any) -> _Cell:
        value = cell.value
        if isinstance(value, str):
            return _Cell(_unescaped(value), "", cell.data_type == "e")
        asian = _ASIAN_DATES.get(cell.style_array.numFmtId)
        if asian and isinstance(value, (int, float)):
            return _Cell(_from_excel(value, self._book.epoch), asian)
        return _Cell(value, cell.number_format)

    def _markup(self) -> tuple[list[Merged], bool]:
        """The merged cells, and whether there are formulas.

        A streaming reader shows neither: they are looked for in the sheet's own XML.
        """
        merged: dict[Merged, None] = {}
        formulas, carry = False, b""
        with self._book._archive.open(self._sheet._worksheet_path) as source:
            while chunk := source.read(_CHUNK):
                text = carry + chunk
                formulas = formulas or _FORMULA.search(text) is not None
                for left, first, right, last in _MERGED.findall(text):
                    merged[Merged(int(first), _column(left), int(last), _column(right))] = None
                carry = text[-_CARRY:]
        return [each for each in merged if each.column < MOST_COLUMNS], formulas

    def _fill_formulas(self, grid: Grid) -> None:
        """Where a formula has no stored result, show the formula."""
        rows = dict(grid.rows)
        told = []
        sheet = _load(self._file, results=False).worksheets[self._at]
        for number, row in enumerate(_cells(sheet), 1):
            for column, cell in enumerate(row[:MOST_COLUMNS]):
                if cell.data_type == "f":
                    texts = rows.setdefault(number, [])
                    texts.extend([""] * (column + 1 - len(texts)))
                    if not texts[column]:
                        texts[column] = str(getattr(cell.value, "text", cell.value))
                        told.append(f"{letters(column)}{number}")
        grid.rows = sorted(rows.items())
        if told:
            grid.notes.append(f"{places(told)}: formulas without a stored result, shown as formulas")


def _look(path: Path) -> None:
    """Refuse what must not be unpacked, before anything is."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            if any(member.flag_bits & 1 for member in members):
                raise DatasetError(f"{path}: protected by a password; save a copy without one")
            size = sum(member.file_size for member in members)
            if size > _MOST_BYTES:
                raise DatasetError(
                    f"{path}: unpacked it is {size / 2**20:,.0f} MB, and {_MOST_BYTES // 2**20} MB are read at "
                    "most; save its sheet as .csv, in parts"
                )
            if "xl/workbook.bin" in names or "mimetype" in names or "[Content_Types].xml" not in names:
                raise DatasetError(f"{path}: not an .xlsx workbook; open it and save it as .xlsx or .csv")
            looked_at = (m for m in members if m.filename.endswith(_XML) or m.file_size > _SMALL)
            for member in looked_at:
                with archive.open(member) as part:
                    _look_at_part(path, member.filename, part.read(_HEAD))
    except DatasetError:
        raise
    except Exception as error:  # damaged in whatever way
        raise DatasetError(
            f"{path}: this workbook is damaged ({error}); copy or download it again"
        ) from error


def _look_at_part(path: Path, name: str, head: bytes) -> None:
    """Refuse XML that could swell, or that openpyxl takes for blank."""
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = head.decode("utf-16" if wide else "utf-8", "replace")
    if text.lstrip("\ufeff\0 \t\r\n").startswith("<") and not _ROOT.match(text):
        raise DatasetError(
            f"{path}: {name[:100]!r} in it has a document type declaration, or begins in another odd way; "
            "open it in a spreadsheet program and save it again as .xlsx"
        )
    if _STRICT in text:
        raise DatasetError(f'{path}: saved as "Strict Open XML"; save it as an ordinary .xlsx workbook')


def _load(file: IO[bytes], *, results: bool = True) -> Any:
    """The workbook, with its formulas' results or with the formulas."""
    from openpyxl.reader.excel import ExcelReader

    reader = ExcelReader(file, read_only=True, data_only=results, keep_links=False)
    reader.read_strings = lambda: _read_strings(reader)
    reader.read()
    return reader.wb


def _read_strings(reader: Any) -> None:
    """Read the shared strings as they are stored: openpyxl's own way leaves out each ``x005F_`` in them."""
    from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
    from openpyxl.xml.functions import iterparse

    item, run, text = (f"{{{SHEET_MAIN_NS}}}{name}" for name in ("si", "r", "t"))
    part = reader.package.find(SHARED_STRINGS)
    if part is None:
        return
    with reader.archive.open(part.PartName[1:]) as source:
        for _, node in iterparse(source):
            if node.tag == item:
                parts = (each for child in node for each in (child if child.tag == run else (child,)))
                reader.shared_strings.append("".join(each.text or "" for each in parts if each.tag == text))
                node.clear()


def _cells(sheet: Any) -> Iterator[tuple[Any, ...]]:
    """All rows from the first on, blank ones too, each from column A to its last cell."""
    sheet.reset_dimensions()
    size = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        size += len(row)
        if number > _MOST_ROWS or size > _MOST_CELLS:
            raise ValueError(f"it has more than {_MOST_ROWS:,} rows or {_MOST_CELLS:,} cells, blank ones too")
        yield row


def _texts(cells: dict[int, _Cell], write: Write) -> list[str]:
    """A row's texts from column A to its last cell, or as far as cells are read."""
    texts = [""] * min(MOST_COLUMNS, max(cells) + 1)
    for column, cell in cells.items():
        if column >= MOST_COLUMNS:
            break
        texts[column] = cell.value if isinstance(cell.value, str) else write(cell.value, cell.code)
    return texts


def _unescaped(text: str) -> str:
    """``_x000D_`` is how a workbook writes characters that XML cannot hold, ``_x005F_`` the "_" before such."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _from_excel(value: float, epoch: Any) -> Value:
    from openpyxl.utils.datetime import from_excel

    return from_excel(value, epoch)  # type: ignore[no-any-return]


def _column(name: bytes) -> int:
    from openpyxl.utils import column_index_from_string

    return int(column_index_from_string(name.decode())) - 1
