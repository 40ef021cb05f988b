"""Text files with separators as rows of text: commas, semicolons or tabs, in whatever encoding."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from covidct_curate.errors import DatasetError
from covidct_curate.tables.grids import MOST_COLUMNS, Grid, fold

_TOP = 50
"""Rows that show how a text file is separated."""
_SAMPLE = 100_000
"""Characters that show it."""
_LONGEST_CELL = 64 * 2**20
_SWALLOWED = 200
"""Lines in one cell that tell of a quote which was never closed."""


def read_text(path: Path, head: bytes, needs: Sequence[str] = ()) -> Grid:
    """The file's rows. ``head`` is its first bytes, ``needs`` names columns that tell the right separator.

    Raises `DatasetError` for what is no text, or no table.
    """
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
