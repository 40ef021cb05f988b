"""Marks on pictures: text, arrows, lines."""

from __future__ import annotations

import io
from functools import cache

import cv2
import numpy as np
import pymupdf
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.manuscripts import Pixels

from .spec import Colour

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
MARKS: tuple[Colour, ...] = (WHITE, WHITE, (255, 220, 0), (230, 20, 20), (0, 220, 240))
"""Colours of arrows on a CT."""


def contrast(colour: Colour) -> Colour:
    """Black or white, whichever is read on that colour."""
    return BLACK if 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > 128 else WHITE


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(io.BytesIO(pymupdf.Font(name).buffer), size)


@cache
def glyphs(text: str, size: int, font: str = "helv") -> NDArray[np.float32]:
    """How much of each pixel the text covers, 0..1, height x width, without empty rim."""
    x0, y0, x1, y1 = (int(v) for v in _font(font, size).getbbox(text))
    page = Image.new("L", (max(1, x1 - x0), max(1, y1 - y0)))
    ImageDraw.Draw(page).text((-x0, -y0), text, 255, _font(font, size))
    cover = np.asarray(page, np.float32) / np.float32(255)
    cover.setflags(write=False)
    return cover


def write(
    picture: Pixels,
    text: str,
    at: tuple[float, float],
    size: int,
    ink: Colour = BLACK,
    font: str = "helv",
    anchor: tuple[float, float] = (0, 0),
    upright: bool = False,
) -> None:
    """Write into the picture; `anchor` (0..1, 0..1) says which point of the text lies `at` (x, y)."""
    cover = glyphs(text, size, font)
    if upright:
        cover = np.rot90(cover)
    high, wide = cover.shape
    x, y = round(at[0] - anchor[0] * wide), round(at[1] - anchor[1] * high)
    top, left = max(0, -y), max(0, -x)
    place = picture[max(0, y) : max(0, y + high), max(0, x) : max(0, x + wide)]
    cover = cover[top : top + place.shape[0], left : left + place.shape[1], None]
    place[...] = place + (np.array(ink, np.float32) - place) * cover


def arrow(
    picture: Pixels, tail: tuple[float, float], head: tuple[float, float], ink: Colour, thick: int
) -> None:
    """A shaft with a filled head."""
    start, end = np.array(tail, float), np.array(head, float)
    along = (end - start) / max(1e-6, float(np.hypot(*(end - start))))
    side = np.array([-along[1], along[0]])
    neck = end - along * thick * 4
    cv2.line(picture, _point(start), _point(neck), ink, thick, cv2.LINE_AA)
    triangle = np.array([end, neck + side * thick * 2, neck - side * thick * 2])
    cv2.fillPoly(picture, [np.round(triangle).astype(np.int32)], ink, cv2.LINE_AA)


def _point(xy: NDArray[np.floating]) -> tuple[int, int]:
    return round(float(xy[0])), round(float(xy[1]))
