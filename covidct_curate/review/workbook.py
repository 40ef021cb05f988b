"""A book as a workbook: ``MetaInfo.xlsx``.

A picture lies small in the "File name" cell of its row, under the name: that column is frozen, so the picture stays
in sight while a curator fills in the others. It is a floating object that moves, sorts and hides with its cell; a
program that sorts leaves the heights of the rows where they are, so all rows of a sheet are equally high.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import xlsxwriter

from covidct_curate.columns import Column, Kind, columns
from covidct_curate.errors import SheetError
from covidct_curate.review.guide import write_guide
from covidct_curate.review.looks import Looks
from covidct_curate.review.output import cell_text, new_workbook, put
from covidct_curate.review.table import EXPORT, KEYS, Book, Row, Value
from covidct_curate.review.thumbnails import Thumbnail, Wish, thumbnails

SHEETS: dict[Kind, str] = {"panels": "MetaInfo", "figures": "figures", "conflicts": "conflicts"}

_WIDTHS = {
    "File name": 34,
    "Patient ID": 14,
    "Location": 16,
    "Medical history": 22,
    "Time": 16,
    "Other diseases": 18,
    "DOI": 26,
    "Captions": 70,
    "caption": 70,
    "note": 30,
    "panels": 40,
    "radiology report": 40,
    "automatic value": 40,
    "evidence": 60,
    "link": 30,
    "flags": 18,
    "source": 34,
    "earlier value": 40,
    "later value": 40,
    "earlier at": 20,
    "later at": 20,
}
"""In characters; others are as wide as their names."""
_SIDES: dict[Kind, int] = {"panels": 120, "figures": 220, "conflicts": 120}
"""Longest side of a thumbnail in pixels, where there is room for it."""
_HEIGHTS: dict[Kind, int] = {"panels": 150, "figures": 150, "conflicts": 64}
"""Height of the rows in pixels, unless their thumbnails need more."""
_TEXT_LINE, _MARGIN = 20, 4
"""Heights in pixels: a line of text, the air around a thumbnail."""
_HEAD = 28
"""Height of the header in pixels."""
_DEEPEST = 225_000
"""Pixels from the top of a sheet down to which pictures stay in their cells: LibreOffice 7.4 piles up those that
are more than 2³¹ EMU (225,455 pixels) down."""
_SMALLEST = 16
"""Longest side of a thumbnail in pixels, however many rows there are."""
_MOST_ROWS = 1_048_575
_MOST_LINKS = 65_530
_LONGEST_LINK = 2_079
_LONGEST_MESSAGE = 255
_TOLD = frozenset({"keep", "figure", "panels", "choose"})
"""Columns whose meaning is shown beside a cell that is chosen."""


def write_workbook(book: Book, path: Path) -> None:
    """Write the sheets "MetaInfo", "figures", "conflicts" (where there are any) and "read me" to ``path``.

    Whole or not at all; equal books with equal pictures give equal bytes. Text is stored as text, never as a
    formula, number or date; characters that XML cannot hold are left out, and a text longer than a cell can hold
    is cut. A picture that cannot be read has no thumbnail. Drop-downs take their words from a hidden sheet
    "lists". Raises `SheetError` when the file cannot be written or the rows are more than a sheet holds.
    """
    for kind, name in SHEETS.items():
        if len(book.rows(kind)) > _MOST_ROWS:
            raise SheetError(
                f"{path}: {len(book.rows(kind)):,} rows in {name}, and a sheet holds {_MOST_ROWS:,}; "
                "write fewer at a time"
            )
    put({path: _content(book)})


def _content(book: Book) -> bytes:
    buffer = BytesIO()
    workbook = new_workbook(buffer)
    looks = Looks(workbook)
    kinds: list[Kind] = [kind for kind in SHEETS if kind != "conflicts" or book.conflicts]
    sheets = {kind: workbook.add_worksheet(SHEETS[kind]) for kind in kinds}
    write_guide(workbook.add_worksheet("read me"), book, looks)
    lists = _lists(workbook.add_worksheet("lists"), book, kinds)
    wishes = {
        kind: [_wish(row, kind, _room(len(book.rows(kind)))) for row in book.rows(kind)] for kind in kinds
    }
    small = thumbnails(wish for each in wishes.values() for wish in each if wish)
    for kind, sheet in sheets.items():
        _write_rows(sheet, book, kind, looks)
        _write_pictures(
            sheet, kind, book.rows(kind), [small.get(wish) if wish else None for wish in wishes[kind]]
        )
        _write_choices(sheet, kind, len(book.rows(kind)), lists)
    workbook.close()
    return buffer.getvalue()


def _wish(row: Row, kind: Kind, room: int) -> Wish | None:
    if row.picture is None:
        return None
    side = min(_SIDES[kind], room - _top(row) - _MARGIN)
    return Wish(row.picture, max(_SMALLEST, side), row.boxes, row.crop)


def _room(rows: int) -> int:
    """Height in pixels that each of so many rows may have."""
    return (_DEEPEST - _HEAD) // max(1, rows)


def _top(row: Row) -> int:
    """Height in pixels of a picture's name, which stands above it."""
    return _MARGIN + _TEXT_LINE * _text_lines(_name(row), _WIDTHS["File name"])


def _name(row: Row) -> str:
    return cell_text(str(row.cells.get("File name") or ""))


def _lists(sheet: Any, book: Book, kinds: list[Kind]) -> dict[tuple[Kind, str], str]:
    """Write the words of each drop-down to a column of the hidden sheet; give the ranges they lie in."""
    ranges: dict[tuple[Kind, str], str] = {}
    sheet.hide()
    for kind in kinds:
        for column in columns(kind):
            words = column.values or (book.words.get(column.name, ()) if kind == "panels" else ())
            if not (column.editable and words):
                continue
            number = len(ranges)
            sheet.write_string(0, number, f"{SHEETS[kind]}: {column.name}")
            for line, word in enumerate(words, 1):
                sheet.write_string(line, number, cell_text(word))
            letters = xlsxwriter.utility.xl_col_to_name(number, col_abs=True)
            ranges[kind, column.name] = f"=lists!{letters}$2:{letters}${len(words) + 1}"
    return ranges


def _write_rows(sheet: Any, book: Book, kind: Kind, looks: Looks) -> None:
    rows, shown = book.rows(kind), columns(kind)
    for number, column in enumerate(shown):
        hidden = {"hidden": column.name in (KEYS[kind], EXPORT)}
        sheet.set_column(number, number, _width(column), looks.plain, hidden)
        sheet.write_string(0, number, column.name, looks.head(editable=column.editable))
    sheet.set_row_pixels(0, _HEAD)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, len(rows), len(shown) - 1)
    last = xlsxwriter.utility.xl_col_to_name(len(shown) - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A2:{last}{len(rows) + 2}"})
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    links = 0
    for line, row in enumerate(rows, 1):
        cells: Mapping[str, Value] = {**row.cells, EXPORT: book.export}
        for number, column in enumerate(shown):
            value, tone = cells.get(column.name), row.tones.get(column.name)
            text = cell_text(value) if isinstance(value, str) else ""
            if value is not None and not isinstance(value, str):
                sheet.write_number(line, number, value, looks.number(tone, editable=column.editable))
            elif not text:
                sheet.write_blank(line, number, None, looks.text(tone, editable=column.editable))
            elif column.name == "link" and links < _MOST_LINKS and _is_link(text):
                links += 1
                sheet.write_url(line, number, text, looks.link(tone, editable=column.editable), text)
            else:
                quoted = text[0] in "=+-@'\t\n"
                look = looks.text(tone, editable=column.editable, quoted=quoted)
                sheet.write_string(line, number, text, look)


def _width(column: Column) -> int:
    return _WIDTHS.get(column.name, max(10, len(column.name) + 4))


def _is_link(text: str) -> bool:
    return (
        text.startswith("https://doi.org/10.")
        and len(quote(text)) <= _LONGEST_LINK
        and not any(character.isspace() for character in text)
    )


def _write_pictures(sheet: Any, kind: Kind, rows: tuple[Row, ...], small: list[Thumbnail | None]) -> None:
    height = min(_HEIGHTS[kind], _room(len(rows)))
    for line, (row, thumbnail) in enumerate(zip(rows, small, strict=True), 1):
        if thumbnail is None:
            continue
        top, name = _top(row), _name(row)[:200]
        height = max(height, top + thumbnail.height + _MARGIN)
        place = {"x_offset": _MARGIN, "y_offset": top, "object_position": 1, "description": name}
        sheet.insert_image(line, 0, "thumbnail.jpg", {"image_data": BytesIO(thumbnail.content), **place})
    for line in range(1, len(rows) + 1):
        sheet.set_row_pixels(line, height)


def _text_lines(text: str, width: int) -> int:
    """Lines that ``text`` takes in a column ``width`` characters wide; four at most are given room."""
    room = width - 3
    cells = [
        sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in t[:999]) for t in text.split("\n", 4)
    ]
    return min(4, sum(max(1, -(-each // room)) for each in cells))


def _write_choices(sheet: Any, kind: Kind, rows: int, lists: Mapping[tuple[Kind, str], str]) -> None:
    """Give the cells of each column its drop-down and its message."""
    for number, column in enumerate(columns(kind)):
        source = lists.get((kind, column.name))
        if not rows or not (source or column.name in _TOLD):
            continue
        choices: dict[str, Any] = {"validate": "any"}
        if source:
            choices = {
                "validate": "list",
                "source": source,
                "error_type": "stop",
                "error_title": column.name,
                "error_message": "Choose a word of the list, or leave the cell blank.",
            }
        if column.name in _TOLD:
            message = column.meaning
            if len(message) > _LONGEST_MESSAGE:
                message = message[: _LONGEST_MESSAGE - 1] + "…"
            choices |= {"input_title": column.name, "input_message": message}
        sheet.data_validation(1, number, rows, number, choices)
