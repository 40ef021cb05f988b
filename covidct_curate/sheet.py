"""``MetaInfo.xlsx``: one row a picture, the eleven columns of COVID-CT's own sheet first.

The picture itself lies small in its "File name" cell, under the name: that column is frozen, so the picture
stays in sight while a curator fills in the others. It is a floating object that moves, sorts and hides with its
cell.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

import xlsxwriter
from PIL import Image

from covidct_curate.columns import columns
from covidct_curate.errors import SheetError

COLUMNS: tuple[str, ...] = tuple(column.name for column in columns())
"""COVID-CT's eleven, then ours."""

_WIDTHS = {
    **dict.fromkeys(COLUMNS, 12),
    "File name": 34,
    "Patient ID": 22,
    "Location": 16,
    "Medical history": 22,
    "Time": 16,
    "Other diseases": 18,
    "DOI": 26,
    "Captions": 90,
    "Radiology report": 40,
    "Evidence": 60,
    "uid": 18,
}
_THUMBNAIL = 120
"""Longest side of a thumbnail, in pixels."""
_MOST_PIXELS = 40_000_000
"""A picture with more is not decoded for a thumbnail."""
_TEXT_LINE, _MARGIN, _ROW = 20, 4, 150
"""Heights in pixels: a line of text, the air around a thumbnail, the lowest row."""
_LONGEST = 32_767
"""Characters (UTF-16 units) that a cell holds."""
_MOST_ROWS = 1_048_575
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One picture in the sheet."""

    cells: tuple[str | float | None, ...]
    """One for each of `COLUMNS`; text stays text, whatever it looks like."""
    picture: Path | None
    """Where the picture lies, for its thumbnail; None for a row without."""


def write_metainfo(rows: Sequence[SheetRow], path: Path) -> None:
    """Write ``rows`` to the workbook ``path``, whole or not at all; equal rows give equal bytes.

    Text is stored as text, never as a formula, number or link; characters that XML cannot hold are left
    out, and a text longer than a cell can hold is cut. A picture that cannot be read has no thumbnail.
    Raises `SheetError` when the file cannot be written or the rows are more than a sheet holds.
    """
    if len(rows) > _MOST_ROWS:
        raise SheetError(
            f"{path}: {len(rows):,} rows, and a sheet holds {_MOST_ROWS:,}; write fewer at a time"
        )
    content = _workbook(rows)
    draft = path.with_name(f".{path.name[:200]}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SheetError(
            f"{path}: the sheet cannot be written ({reason}); close it elsewhere, or check the folder and its disk"
        ) from error
    finally:
        _discard(draft)


def _discard(draft: Path) -> None:
    try:
        draft.unlink(missing_ok=True)
    except OSError:
        return


def _workbook(rows: Sequence[SheetRow]) -> bytes:
    buffer = BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(buffer, options)
    book.set_properties({"created": datetime(2020, 1, 1)})
    head = book.add_format({"bold": True, "bg_color": "#DDE6EE", "bottom": 1, "valign": "vcenter"})
    cell = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    quoted = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@", "quote_prefix": True})
    sheet = book.add_worksheet("MetaInfo")
    number_cell = book.add_format({"valign": "top"})
    for column, name in enumerate(COLUMNS):
        sheet.set_column(column, column, _WIDTHS[name], cell)
        sheet.write_string(0, column, name, head)
    sheet.set_row_pixels(0, 24)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, len(rows), len(COLUMNS) - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A2:AZ{len(rows) + 2}"})
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    for number, (row, thumbnail) in enumerate(zip(rows, _thumbnails(rows), strict=True), 1):
        name = cell_text(str(row.cells[0]))
        top = _MARGIN + _TEXT_LINE * _text_lines(name, _WIDTHS["File name"])
        height = _ROW
        if thumbnail is not None:
            data, pixels = thumbnail
            height = max(_ROW, top + pixels + _MARGIN)
            place = {"x_offset": _MARGIN, "y_offset": top, "object_position": 1, "description": name[:200]}
            sheet.insert_image(number, 0, "thumbnail.png", {"image_data": BytesIO(data), **place})
        sheet.set_row_pixels(number, height)
        for column, value in enumerate(row.cells):
            if isinstance(value, str):
                text = cell_text(value)
                if text:
                    sheet.write_string(number, column, text, quoted if text[0] in "=+-@'\t\n" else cell)
            elif value is not None:
                sheet.write_number(number, column, value, number_cell)
    book.close()
    return buffer.getvalue()


def cell_text(text: str) -> str:
    """``text`` as a cell can hold it: no control characters or lone surrogates, at most 32,767 long."""
    text = _ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    units = text.encode("utf-16-le")
    if len(units) <= 2 * _LONGEST:
        return text
    return units[: 2 * (_LONGEST - 1)].decode("utf-16-le", "ignore") + "…"


def _text_lines(text: str, width: int) -> int:
    """Lines that ``text`` takes in a column ``width`` characters wide; six at most are given room."""
    room = width - 3
    cells = [
        sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in t[:999]) for t in text.split("\n", 6)
    ]
    return min(6, sum(max(1, -(-each // room)) for each in cells))


def _thumbnails(rows: Sequence[SheetRow]) -> list[tuple[bytes, int] | None]:
    """For each row the thumbnail as PNG and its height in pixels, None where there is none."""
    with warnings.catch_warnings(), ThreadPoolExecutor(2) as pool:
        warnings.simplefilter("ignore")
        return list(pool.map(_thumbnail, [row.picture for row in rows]))


def _thumbnail(path: Path | None) -> tuple[bytes, int] | None:
    try:
        if path is None or not path.is_file():
            return None
        with Image.open(path) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                return None
            picture.draft("RGB", (2 * _THUMBNAIL, 2 * _THUMBNAIL))
            small = _eight_bit(picture)
            buffer = BytesIO()
            small.save(buffer, "PNG", compress_level=3)
    except Exception:  # whatever a broken picture makes its decoder raise
        return None
    return buffer.getvalue(), small.height


def _eight_bit(picture: Image.Image) -> Image.Image:
    """The picture at a thumbnail's size, grey or in colour, on white where it is transparent."""
    if picture.mode.startswith("I"):
        small: Image.Image = picture.convert("F")
    elif picture.mode in ("L", "RGB", "RGBA", "F"):
        small = picture
    else:
        small = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    longest = max(small.size)
    size = tuple(max(1, round(side * _THUMBNAIL / longest)) for side in small.size)
    if longest > _THUMBNAIL:
        small = small.resize((size[0], size[1]), Image.Resampling.BOX)
    if picture.mode.startswith("I"):
        return small.point(lambda value: value * (1 / 257) + 0).convert("L")
    if small.mode == "RGBA":
        white = Image.new("RGBA", small.size, "white")
        return Image.alpha_composite(white, small).convert("RGB")
    return small if small.mode in ("L", "RGB") else small.convert("L")
