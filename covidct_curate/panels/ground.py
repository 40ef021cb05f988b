"""The ground panels stand on: its colour, where it shows, and the margins it makes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.records import PixelBox

Colour = tuple[int, int, int]
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
PAPER = 250
"""Least of the three colours from which on a pixel is bare page."""
_NOISE = 12
"""Levels by which a page of another colour than white may differ from itself."""
_RINGING, _AROUND, _MOSTLY = 24, 5, 0.68
"""Levels by which JPEG's ringing may stray from the page; what strays less must fill most of the square of so
many pixels around it to be more than that."""
_RIM = 0.6
"""Share of the rim that must have its colour."""
_SPECK = 0.005
"""Share of a row or column up to which what is not page is specks in a margin."""
_TRACE = 0.02
"""The same beside an image, where what touched it may have left a line."""
_SOLID, _BROKEN = 0.85, 0.5
"""Share of a row or column that must be page for a gutter to be there: black, and any other page."""


def colours(picture: NDArray[np.uint8], *, own: bool = True) -> list[Colour]:
    """The colours that panels may stand on: white, black and, if ``own``, that of the picture's rim first."""
    if not own:
        return [WHITE, BLACK]
    ring = rim(picture.shape)
    inner = picture[ring:-ring, ring:-ring]
    if not inner.size:
        return [WHITE]
    edge = np.concatenate((inner[0], inner[-1], inner[:, 0], inner[:, -1])).astype(np.int16)
    colour = np.median(edge, axis=0)
    found = [WHITE, BLACK]
    if (np.abs(edge - colour).max(axis=1) <= _NOISE).mean() >= _RIM:
        rim_colour = int(colour[0]), int(colour[1]), int(colour[2])
        if min(rim_colour) >= PAPER + 4:
            return found
        others = [each for each in found if max(map(abs, np.subtract(rim_colour, each))) > 2 * _NOISE]
        found = [rim_colour, *others]
    return found


def rim(shape: Sequence[int]) -> int:
    """Width in pixels of the rim in which a frame drawn round a whole picture lies."""
    return max(1, min(6, round(0.006 * max(shape[:2])), min(shape[:2]) // 8))


def off_page(picture: NDArray[np.uint8], page: Colour) -> NDArray[np.uint8]:
    """1 where the picture has another colour than the page, 0 elsewhere."""
    noise = 255 - PAPER if page == WHITE else _NOISE
    low, high = tuple(max(c - noise, 0) for c in page), tuple(min(c + noise, 255) for c in page)
    faint = cv2.bitwise_not(cv2.inRange(picture, low, high))
    if page != WHITE:
        return np.not_equal(faint, 0).view(np.uint8)
    strong = cv2.bitwise_not(cv2.inRange(picture, (255 - _RINGING,) * 3, WHITE))
    solid = cv2.threshold(cv2.blur(faint, (_AROUND, _AROUND)), 255 * _MOSTLY, 255, cv2.THRESH_BINARY)[1]
    return np.not_equal(cv2.bitwise_or(strong, cv2.bitwise_and(faint, solid)), 0).view(np.uint8)


def parted(mask: NDArray[np.uint8], *, dark: bool) -> bool:
    """The page shows along enough of some row or column within a mask for panels to stand apart there."""
    share = _SOLID if dark else _BROKEN
    for axis in (0, 1):
        lines = mask.shape[1 - axis]
        counts = cv2.reduce(mask, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
        inner = counts[lines // 10 : lines - lines // 10]
        if len(inner) and inner.min() <= (1 - share) * mask.shape[axis]:
            return True
    return False


def trimmed(mask: NDArray[np.uint8], box: PixelBox, *, image: bool = False) -> PixelBox:
    """The part of a box that is left without margins of bare page; ``mask`` is that of the box.

    ``image``: it holds no drawing, of which a tick or a letter alone may be the outermost.
    """
    speck = _TRACE if image else _SPECK
    columns = np.flatnonzero(
        cv2.reduce(mask, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() > speck * mask.shape[0]
    )
    rows = np.flatnonzero(
        cv2.reduce(mask, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() > speck * mask.shape[1]
    )
    if not len(rows) or not len(columns):
        return box
    return (
        box[0] + int(columns[0]),
        box[1] + int(rows[0]),
        box[0] + int(columns[-1]) + 1,
        box[1] + int(rows[-1]) + 1,
    )
