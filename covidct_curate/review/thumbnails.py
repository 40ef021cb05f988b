"""Small pictures for a sheet: JPEG, grey where the picture is grey, with the boxes of its panels where asked."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from covidct_curate.records import PixelBox

_MOST_PIXELS = 40_000_000
"""A picture with more is not decoded for a thumbnail."""
_QUALITY = 80
_GREY = 8
"""Levels by which the channels of a picture may differ that is still grey."""
_INK = "#E6007E"
"""Of boxes and their numbers: told from grey, black and white alike."""
_TAG = 11
"""Height of a box's number in pixels."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A thumbnail that is asked for."""

    picture: Path
    side: int
    """Its longest side in pixels at most; a smaller picture stays as large as it is."""
    boxes: tuple[PixelBox, ...] = ()
    """Drawn on it and numbered from 1 in their order; in the picture's pixels."""
    crop: PixelBox | None = None
    """The part of the picture that is shown; None for the whole."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture."""

    content: bytes
    """JPEG."""
    width: int
    height: int


def thumbnails(wishes: Iterable[Wish]) -> dict[Wish, Thumbnail]:
    """The thumbnails of all pictures that can be read; each picture is decoded once. Nothing is raised."""
    pictures: dict[Path, set[Wish]] = defaultdict(set)
    for wish in wishes:
        pictures[wish.picture].add(wish)
    with warnings.catch_warnings(), ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")
        return {wish: small for made in pool.map(_made, pictures.values()) for wish, small in made.items()}


def _made(wishes: set[Wish]) -> dict[Wish, Thumbnail]:
    """The thumbnails of one picture, none when it cannot be read."""
    first, wholes = next(iter(wishes)), [wish for wish in wishes if wish.crop is None]
    largest = max((wish.side for wish in wholes), default=0)
    try:
        if not first.picture.is_file():
            return {}
        with Image.open(first.picture) as picture:
            size = picture.size
            if size[0] * size[1] > _MOST_PIXELS:
                return {}
            if len(wholes) == len(wishes):
                picture.draft("RGB", (2 * largest, 2 * largest))
            found = {
                wish: _thumbnail(_shrunk(picture.crop(wish.crop), wish.side), (), size)
                for wish in wishes
                if wish.crop is not None
            }
            if wholes:
                small = _shrunk(picture, largest)
        return found | {wish: _thumbnail(_fitted(small, wish.side), wish.boxes, size) for wish in wholes}
    except Exception:  # whatever a broken picture makes its decoder raise
        return {}


def _shrunk(picture: Image.Image, side: int) -> Image.Image:
    """The picture at that size, 8 bits, grey or in colour, on white where it is transparent."""
    deep = picture.mode.startswith("I")
    if deep:
        picture = picture.convert("F")
    elif picture.mode not in ("L", "RGB", "RGBA", "CMYK", "F"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    small = _fitted(picture, side)
    if deep:
        small = small.point(lambda value: value * (1 / 257) + 0)
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    if small.mode in ("L", "F"):
        return small.convert("L")
    small = small.convert("RGB")
    return small.convert("L") if _is_grey(small) else small


def _is_grey(colours: Image.Image) -> bool:
    pairs = combinations(colours.split(), 2)
    return all(np.asarray(ImageChops.difference(*pair)).max() <= _GREY for pair in pairs)


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    longest = max(picture.size)
    if longest <= side:
        return picture
    width, height = (max(1, round(each * side / longest)) for each in picture.size)
    return picture.resize((width, height), Image.Resampling.HAMMING, reducing_gap=2.0)


def _thumbnail(small: Image.Image, boxes: tuple[PixelBox, ...], size: tuple[int, int]) -> Thumbnail:
    """With the boxes that were drawn on a picture of ``size``."""
    subsampling = -1
    if boxes:
        small = small.convert("RGB")
        _draw(small, boxes, size)
        subsampling = 0
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=_QUALITY, optimize=True, subsampling=subsampling)
    return Thumbnail(buffer.getvalue(), small.width, small.height)


def _draw(small: Image.Image, boxes: tuple[PixelBox, ...], size: tuple[int, int]) -> None:
    draw = ImageDraw.Draw(small)
    across, down = small.width / size[0], small.height / size[1]
    corners = []
    for x0, y0, x1, y1 in boxes:
        left, top = min(round(x0 * across), small.width - 1), min(round(y0 * down), small.height - 1)
        draw.rectangle(
            (left, top, max(left, round(x1 * across) - 1), max(top, round(y1 * down) - 1)), outline=_INK
        )
        corners.append((left, top))
    for number, (left, top) in enumerate(corners, 1):
        text = str(number)
        wide = round(draw.textlength(text, _font())) + 3
        left, top = min(left, small.width - wide), min(top, small.height - _TAG)
        draw.rectangle((left, top, left + wide, top + _TAG), fill=_INK)
        draw.text((left + 2, top + _TAG / 2), text, "white", _font(), anchor="lm")


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_TAG)
