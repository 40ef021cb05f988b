"""Alignment: many images of one size that stand on a grid end on its lines.

A slice may be white at its edge, as the page is: where it ends cannot be seen there, but its neighbours tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covidct_curate.records import PixelBox

_RIM = 0.03
"""Share of its side by which an image may be larger than what is seen of it."""
_CLOSE = 0.02
"""Share of its side within which an image of a grid that close to the figure's edge reaches it."""
_LEAST, _EXACT, _OFF = 6, 0.4, 2
"""Fewest images that make a grid, the share of their sides that must lie on its lines, and by how many pixels
they may be off."""
_PITCHES = 81
"""Distances tried between the images of a grid."""

Line = NDArray[np.int64]


def aligned(boxes: Sequence[PixelBox], size: tuple[int, int]) -> list[PixelBox]:
    """The boxes of a figure's images, in the same order, grown to the lines that others end on.

    ``size``: width and height of the figure. No box shrinks, none grows by more than a rim, and none comes to
    overlap another. Where they stand on no grid, the boxes are returned as they are.
    """
    if len(boxes) < _LEAST:
        return list(boxes)
    given = np.array(boxes, np.int64)
    found = given.copy()
    for axis in (0, 1):
        lines = _on_grid(given[:, axis], given[:, axis + 2], size[axis])
        if lines is None:
            return list(boxes)
        found[:, axis], found[:, axis + 2] = np.clip(lines, 0, size[axis])
    if (np.abs(found - given) <= _OFF).mean() < _EXACT:
        return list(boxes)
    return [(int(x0), int(y0), int(x1), int(y1)) for x0, y0, x1, y1 in found]


def _on_grid(first: Line, last: Line, end: int) -> tuple[Line, Line] | None:
    """Where images of one size that stand at equal distances begin and end along an axis, None where none do.

    Where the outermost come close to the figure's edge, at 0 and ``end``, they end there.
    """
    size = int((last - first).max())
    if (last - first).min() < (1 - 2 * _RIM) * size:
        return None
    close = _CLOSE * size
    first, last = np.where(first <= close, 0, first), np.where(last >= end - close, end, last)
    middle = (first + last) / 2
    steps = np.diff(np.sort(middle))
    steps = steps[steps > size / 2]
    place = np.round((middle - middle.min()) / steps.min()) if len(steps) else np.zeros(len(first))
    pitch = np.ptp(middle) / place.max() if len(steps) else 0.0
    pitches = pitch + np.linspace(-1, 1, _PITCHES) * _RIM * size
    begins = (first[:, None] - place[:, None] * pitches).min(axis=0)
    ends = (last[:, None] - place[:, None] * pitches).max(axis=0)
    best = int((ends - begins).argmin())
    if ends[best] - begins[best] > min((1 + _RIM) * size, pitches[best] if len(steps) else np.inf):
        return None
    start = np.round(begins[best] + place * pitches[best]).astype(np.int64)
    stop = np.round(ends[best] + place * pitches[best]).astype(np.int64)
    return np.minimum(start, first), np.maximum(stop, last)
