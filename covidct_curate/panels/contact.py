"""Contact sheets: small figures with the boxes of their panels, many on one picture, for a person to look over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from PIL import Image, ImageDraw, ImageFont

from covidct_curate.errors import PictureError
from covidct_curate.panels.loose import read_picture
from covidct_curate.records import PixelBox

PER_SHEET = 200

_SIDE, _LINE, _GAP = 220, 14, 6
"""Pixels: longest side of a small picture, a line of text, the air around."""
_SURE, _UNSURE, _LETTER = (0, 170, 0), (230, 60, 0), (255, 255, 0)
_SURE_FROM = 0.8
"""Confidence from which on a box is green; others are red."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Mark = tuple[PixelBox, str, float]
"""A panel's box, its label and the confidence."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure on a sheet."""

    picture: Path
    title: str
    marks: tuple[Mark, ...]


def write_sheets(tiles: Sequence[Tile], path: Path, per_sheet: int = PER_SHEET) -> list[Path]:
    """Write the figures as PNG to ``path``, with more than ``per_sheet`` also to ``<path>-2.png`` and so on.

    Returns the files written. A picture that cannot be read is an empty place. Raises `PictureError` when a
    sheet cannot be written, ValueError for ``per_sheet`` below 1.
    """
    if per_sheet < 1:
        raise ValueError(f"per_sheet must be 1 or more, not {per_sheet}")
    written = []
    for number, start in enumerate(range(0, max(len(tiles), 1), per_sheet), 1):
        target = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        sheet = _sheet(tiles[start : start + per_sheet])
        try:
            sheet.save(target, "PNG")
        except OSError as error:
            reason = error.strerror or str(error)
            raise PictureError(
                f"{target}: the sheet cannot be written: {reason}; name another file"
            ) from error
        written.append(target)
    return written


def _sheet(tiles: Sequence[Tile]) -> Image.Image:
    """The figures in rows, each row as high as its highest picture."""
    columns = max(1, math.ceil(math.sqrt(1.5 * len(tiles))))
    thumbnails = [_thumbnail(tile.picture) for tile in tiles]
    rows = [range(start, min(start + columns, len(tiles))) for start in range(0, len(tiles), columns)]
    heights = [
        max(0 if small is None else small.height for small, _ in (thumbnails[n] for n in row)) for row in rows
    ]
    below = 2 * _LINE + 2 * _GAP
    size = columns * (_SIDE + _GAP) + _GAP, sum(height + below for height in heights) + _GAP
    sheet = Image.new("RGB", size, (235, 235, 235))
    draw, font, y = ImageDraw.Draw(sheet), ImageFont.load_default(11), _GAP
    for row, height in zip(rows, heights, strict=True):
        for column, number in enumerate(row):
            tile, (small, scale), x = tiles[number], thumbnails[number], _GAP + column * (_SIDE + _GAP)
            if small is not None:
                sheet.paste(small, (x, y))
                _draw_marks(draw, font, tile.marks, (x, y), scale)
            lowest = min((confidence for _, _, confidence in tile.marks), default=0.0)
            count = f"{len(tile.marks)} {'panel' if len(tile.marks) == 1 else 'panels'}, {lowest:.2f}"
            for line, text in enumerate((_short(tile.title, font), count if small else "unreadable")):
                draw.text((x, y + height + 2 + line * _LINE), text, fill=(0, 0, 0), font=font)
        y += height + below
    return sheet


def _thumbnail(path: Path) -> tuple[Image.Image | None, float]:
    """The picture made small, and how much smaller it is; None when it cannot be read."""
    try:
        picture = read_picture(path)
    except PictureError:
        return None, 0.0
    scale = min(1.0, _SIDE / max(picture.shape[:2]))
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return Image.fromarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)), scale


def _draw_marks(
    draw: ImageDraw.ImageDraw, font: Font, marks: Sequence[Mark], at: tuple[int, int], scale: float
) -> None:
    for box, label, confidence in marks:
        x0, y0, x1, y1 = (at[k % 2] + round(side * scale) for k, side in enumerate(box))
        colour = _SURE if confidence >= _SURE_FROM else _UNSURE
        draw.rectangle((x0, y0, max(x1 - 1, x0), max(y1 - 1, y0)), outline=colour, width=2)
        place = x0 + 4, max(y1 - _LINE - 2, y0)
        draw.text(place, label, fill=_LETTER, font=font, stroke_width=1, stroke_fill=(0, 0, 0))


def _short(text: str, font: Font) -> str:
    """The end of a text that fits under a picture: names differ at their ends."""
    text = text.encode("ascii", "replace").decode()
    while len(text) > 4 and font.getlength(text) > _SIDE:
        text = "..." + text[4 if text.startswith("...") else 1 :]
    return text
