"""What an export showed, and whether a cell that comes back still says the same."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cache

from covidct_curate import metadata
from covidct_curate.columns import SCHEMAS, Column, Kind
from covidct_curate.datasets.cells import age
from covidct_curate.errors import ChoiceError
from covidct_curate.panels.choice import Choice, parse_boxes, parse_grid
from covidct_curate.review.csvs import unguarded
from covidct_curate.review.table import Value

REVIEWER = "reviewer"
"""The column of names."""
LONGEST_NAME = 100
"""Characters of a reviewer's name."""

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}(?:[.,][0-9]{0,400})?|[.,][0-9]{1,400})(?:[eE][+-]?[0-9]{1,3})?")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3}){1,100}(?:\.[0-9]{0,400})?")
_QUOTED = 60
"""Characters of a cell that are quoted."""
_AS_TEXT = "format the cell as text and type it again"
_NEAR = 1e-9
"""Share by which a number may differ and be the same."""
_SPREADSHEET = Context(prec=15)
"""Spreadsheet programs keep 15 digits of a number."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One row, as it was exported."""

    cells: Mapping[str, Value]
    """By column; a column that is not there was blank."""
    basis: Mapping[str, int]
    """Field → number of the decision that its cell showed."""
    pixels: str = ""
    """Hash of the pixels of the picture that it showed."""


@dataclass(frozen=True, slots=True)
class Export:
    """All that an export showed: `Book.content`, read."""

    panels: Mapping[str, Shown]
    """By uid."""
    figures: Mapping[str, Shown]
    """By uid."""
    conflicts: Mapping[str, Shown]
    """By the number of the later decision."""
    words: Mapping[str, tuple[str, ...]]
    """Column of the panels → the words it may hold."""

    def rows(self, kind: Kind) -> Mapping[str, Shown]:
        """The rows of that table."""
        return {"panels": self.panels, "figures": self.figures, "conflicts": self.conflicts}[kind]


@dataclass(frozen=True, slots=True)
class Odd:
    """Why nothing is taken of a cell or a row."""

    reason: str
    many: str
    """The same, said of many at once: it quotes none of them."""


def read_export(content: str) -> Export:
    """Read back what `Book.content` told."""
    told = json.loads(content)
    tables = {
        kind: {key: Shown(*row) for key, row in told[kind].items()}
        for kind in ("panels", "figures", "conflicts")
    }
    return Export(**tables, words={column: tuple(words) for column, words in told["words"].items()})


def clean(text: str) -> str:
    """``text`` without control characters and surrounding space, its line ends plain, its letters composed."""
    if not text.isprintable():
        text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return unicodedata.normalize("NFC", text).strip()


def written(shown: Value) -> str:
    """What a cell shows as text: ``6.0`` is ``6``."""
    if isinstance(shown, (int, float)):
        return f"{shown:.0f}" if float(shown).is_integer() and abs(shown) < 1e15 else repr(shown)
    return shown or ""


def same(shown: Value, text: str) -> bool:
    """Whether ``text`` says what the cell showed: the same words, or for a number the same number.

    Words are the same whatever their surrounding space, line ends and composition of letters; numbers
    whatever their spelling (0.83 is ``0.830`` and ``0,83``). ``"45"`` is text and not the same as ``45.0``.
    """
    if isinstance(shown, (int, float)):
        return any(math.isclose(shown, number, rel_tol=_NEAR) for number in _numbers(clean(text)))
    return (shown or "") == text or clean(shown or "") == clean(text)


def turned(shown: Value, text: str) -> bool:
    """Whether ``text`` is what a spreadsheet program makes of the shown text when it takes it for a number.

    So ``2020.10`` becomes ``2020.1``, ``007`` becomes ``7``, and of more than 15 digits the last are lost.
    """
    if not isinstance(shown, str) or same(shown, text):
        return False
    became = _numbers(clean(text))
    made: set[Decimal] = set()
    for number in _numbers(clean(shown)):
        made |= {number, _SPREADSHEET.plus(number), Decimal(repr(float(number)))}
    return not made.isdisjoint(became)


def _numbers(text: str) -> set[Decimal]:
    """The numbers that ``text`` may stand for; a comma parts decimals or thousands."""
    found = set()
    if _NUMBER.fullmatch(text):
        found.add(Decimal(text.replace(",", ".")))
    if _THOUSANDS.fullmatch(text):
        found.add(Decimal(text.replace(",", "")))
    return found


def said(
    kind: Kind, column: Column, shown: Value, text: str, *, is_date: bool, words: Sequence[str] = ()
) -> str | Odd | None:
    """What a cell says that showed ``shown``: None for the same, in whatever words; else its new value.

    ``words``: those that the column may hold where its schema names none. Values are written as decisions keep
    them: listed words as they are listed, an age of 90 years or more as ``90+``, panels as `Choice.value` (boxes
    without the picture's size). An apostrophe of a CSV file that was saved as a workbook is no part of the words.
    """
    bare = unguarded(text)
    if same(shown, text) or same(shown, bare):
        return None
    if not bare.startswith("'"):
        text = bare
    if not column.editable:
        return Odd(
            f'"{column.name}" cannot be changed here, and {_quoted(written(shown))} became {_quoted(text)}; '
            "put back what was there",
            f'"{column.name}" cannot be changed here, and these cells were; put back what was there',
        )
    if is_date and column.field != "time":
        return Odd(
            f"the spreadsheet program made a date of it ({_quoted(text)}); {_AS_TEXT}",
            f"the spreadsheet program made dates of these cells; {_AS_TEXT}",
        )
    if turned(shown, text):
        return Odd(
            f"the spreadsheet program made the number {_quoted(text)} of {_quoted(written(shown))}; {_AS_TEXT}",
            f"the spreadsheet program made numbers of these cells; {_AS_TEXT}",
        )
    value = _value(kind, column, shown, clean(text), column.values or words)
    return None if isinstance(value, str) and same(shown, value) else value


def name_of(text: str) -> str:
    """A reviewer's name, on one line."""
    return " ".join(clean(text).split())


def _quoted(text: str) -> str:
    plain = "".join(each if each.isprintable() else "�" for each in name_of(text[: 10 * _QUOTED]))
    return (f'"{plain[:_QUOTED]}…"' if len(plain) > _QUOTED else f'"{plain}"') if plain else "blank"


def _value(kind: Kind, column: Column, shown: Value, cell: str, words: Sequence[str]) -> str | Odd | None:
    if column.name == REVIEWER:
        name = name_of(cell)
        do = f"a reviewer's name has at most {LONGEST_NAME} characters; shorten it"
        return name if len(name) <= LONGEST_NAME else Odd(do, do)
    if words:
        return _word(kind, column, cell, words)
    if column.field == "age" and cell:
        return _age(cell)
    if kind == "figures" and column.field == "panels":
        return _panels(shown, cell)
    return cell


def _word(kind: Kind, column: Column, cell: str, words: Sequence[str]) -> str | Odd:
    blank = column.name in _clearable(kind)
    if not cell and blank:
        return cell
    for word in words:
        if word.casefold() == cell.casefold():
            return word
    do = f"choose one of: {', '.join(words)}{', or leave the cell blank' if blank else ''}"
    if not cell:
        reason = f'"{column.name}" cannot be blank; {do}'
        return Odd(reason, reason)
    return Odd(f"{_quoted(cell)} is no word for this column; {do}", f"unknown words; {do}")


@cache
def _clearable(kind: Kind) -> frozenset[str]:
    """The columns whose schema lists blank among their words."""
    text = (metadata.folder() / SCHEMAS[kind]).read_text(encoding="utf-8")
    return frozenset(
        name for name, each in json.loads(text)["properties"].items() if "" in each.get("enum", ())
    )


def _age(cell: str) -> str | Odd:
    found = age(cell)
    if found is None:
        do = "write it like 45, 40s, 40+, 30-40 or 3 months, or leave the cell blank"
        return Odd(f"{_quoted(cell)} is no age; {do}", f"no ages; {do}")
    return found.text if found.text.endswith("+") else cell


def _panels(shown: Value, cell: str) -> str | Odd | None:
    do = (
        "write rows x columns, such as 2x3, or left,top,right,bottom of each panel in pixels, parted by "
        "semicolons; 1x1 leaves the figure whole"
    )
    if not cell:
        reason = f'"panels" cannot be blank; {do}'
        return Odd(reason, reason)
    choice = _choice(cell)
    if choice is None:
        return Odd(f"{_quoted(cell)} is neither a grid nor boxes; {do}", f"neither grids nor boxes; {do}")
    return None if choice == _choice(written(shown)) else choice.value()


def _choice(cell: str) -> Choice | None:
    try:
        return parse_grid(cell) if re.search("[xX×]", cell) else parse_boxes([cell])
    except ChoiceError:
        return None
