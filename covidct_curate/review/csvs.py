"""A book as CSV files, one a table, which spreadsheet programs open without changing a cell.

Such a program reads ``007`` as 7, ``3-5`` as a date and ``=1+1`` as a formula. A text that it would change gets an
apostrophe in front, which keeps it a text; a text that starts with an apostrophe gets a second one, so that every
text can be told from the others.
"""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from io import StringIO
from pathlib import Path

from covidct_curate.columns import Kind, columns
from covidct_curate.review.output import cell_text, put
from covidct_curate.review.table import EXPORT, Book, Value

_STARTS = tuple("=+-@\t\r\n＝＋－＠")
_DOI = re.compile(r"10\.[0-9]{4,9}/\S+")
_INTEGER = re.compile(r"0|[1-9][0-9]{0,14}")
"""A number that every program shows as it was written."""
_NUMBER = re.compile(r"(?=(?s:.*)\d)[\d\s.,:/\\()'’%‰+\-−$€£¥年月日時时分秒]+([eE][\d\s+\-−]*\d)?%?(?<!\+)")
"""Numbers, sums of money, dates and times in digits."""
_STAMP = re.compile(r"\d{4}-?\d\d-?\d\d[tT ][\d:.,]+([zZ]|[+\-][\d:]+)?")
_CLOCK = re.compile(r"\d{1,2}(([:.]\d{1,2}){1,2}\s*|\s+)[ap]\.?(m\.?)?|\d{1,2}[ap]\.?m\.?", re.IGNORECASE)
_MONTH = (
    r"(?:jan|ene|gen|feb|fév|fev|m[aä]r|mrt|mrz|apr|avr|abr|ma[iygj]|mei|ju[nli]|giu|lug|ago|aug|aoû|"
    r"sep|set|o[ckut]t|nov|de[czs]|dé[cz]|dic)[^\W\d_]*\.?"
)
_DAY = r"\d{1,4}(?:st|nd|rd|th)?"
_PART = r"[\s.,/\-]*"
_DATE = re.compile(
    rf"([^\W\d_]+\.?,?\s+)?({_DAY}{_PART}{_MONTH}|{_MONTH}{_PART}{_DAY})({_PART}{_DAY})?", re.IGNORECASE
)
"""A date with a month's name, the day of the week before it or not: 1 March 2020, Mar-1, SEPT2, Di, 3. Mai."""
_LONGEST_DATE = 64
"""Characters; a longer text is no date."""
_TRUTH = frozenset(
    ["true", "false", "wahr", "falsch", "vrai", "faux", "verdadero", "falso", "verdadeiro", "vero", "waar", "onwaar"]
)  # fmt: skip


def guarded(text: str) -> str:
    """``text`` with an apostrophe before it where a spreadsheet program would change it on opening the file."""
    return f"'{text}" if text.startswith("'") or _changes(text) else text


def unguarded(text: str) -> str:
    """The text that `guarded` was given; one that it would not have made, such as ``'a' or b``, stays as it is."""
    return text[1:] if text.startswith("'") and guarded(text[1:]) == text else text


def _changes(text: str) -> bool:
    if text.startswith(_STARTS):
        return True
    if _INTEGER.fullmatch(text) or _DOI.fullmatch(text):
        return False
    bare = text.strip()
    if bare.startswith(_STARTS) or _NUMBER.fullmatch(bare):
        return True
    return len(bare) <= _LONGEST_DATE and (
        any(pattern.fullmatch(bare) for pattern in (_STAMP, _CLOCK, _DATE)) or bare.lower() in _TRUTH
    )


def csv_files(path: Path) -> dict[Kind, Path]:
    """Where `write_csv` writes each table: the panels to ``path``, the others beside it."""
    return {
        "panels": path,
        "figures": path.with_name(f"{path.stem}-figures.csv"),
        "conflicts": path.with_name(f"{path.stem}-conflicts.csv"),
    }


def write_csv(book: Book, path: Path) -> list[Path]:
    """Write the panels to ``path`` and the figures beside it to ``STEM-figures.csv``; give the files back.

    Conflicts, where there are any, go to ``STEM-conflicts.csv``. All columns are written, ``uid`` and ``export``
    too; UTF-8 with a byte order mark, lines end with CR LF. No file is touched before all could be written.
    Raises `SheetError` when one cannot be.
    """
    files = csv_files(path)
    if not book.conflicts:
        del files["conflicts"]
    put({file: _content(book, kind) for kind, file in files.items()})
    return list(files.values())


def _content(book: Book, kind: Kind) -> bytes:
    names = [column.name for column in columns(kind)]
    lines = StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(names)
    for row in book.rows(kind):
        cells = {**row.cells, EXPORT: book.export}
        writer.writerow([_told(cells.get(name)) for name in names])
    return lines.getvalue().encode("utf-8-sig")


def _told(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guarded(cell_text(value))
    return f"{Decimal(repr(value)):f}".removesuffix(".0")
