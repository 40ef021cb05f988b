"""Alignment: images end where bare page turns into picture, and many of one size on the lines of their grid.

A slice may be white at its edge, as the page is: where it ends cannot be seen there, but its neighbours tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covidct_curate.panels.boxes import overlap
from covidct_curate.records import PixelBox

_RIM = 0.03
"""Share of its side by which an image may be larger than what is seen of it."""
_CLOSE = 0.02
"""Share of its side within which an image of a grid that close to the figure's edge reaches it."""
_LEAST, _TOLD, _EXACT, _OFF = 6, 3, 0.4, 2
"""Fewest images that make a grid, and fewest where the caption speaks of as many; the share of their sides that
must lie on its lines, and by how many pixels they may be off."""
_PITCHES = 81
"""Distances tried between the images of a grid."""

_WHITE, _PAGE = 231, 250
"""Least grey of bare page: JPEG's ringing beside an image is darker only here and there; and of clean page."""
_BARE, _DRAWN = 0.02, 0.25
"""Share of a column up to which it is bare, and the share from which on it shows a picture."""
_REACH, _NEAR, _MOST = 0.04, 3, 0.12
"""Share of an image's side within which its edge is looked for, the least distance in pixels, and the largest
share, for one that reaches into another."""
_ENDS = 0.05
"""Share of an edge's length at either end that is not looked at: a neighbour may reach in there."""
_PASSES = 3
"""Rounds over all boxes: where one ends may show only when its neighbour has been moved."""

Line = NDArray[np.int64]
Grey = NDArray[np.uint8]


def aligned(boxes: Sequence[PixelBox], size: tuple[int, int], *, told: bool = False) -> list[PixelBox]:
    """The boxes of a figure's images, in the same order, grown to the lines that others end on.

    ``size``: width and height of the figure. ``told``: its caption speaks of as many panels. No box shrinks,
    none grows by more than a rim, and none comes to overlap another. Where they stand on no grid, the boxes are
    returned as they are.
    """
    if len(boxes) < (_TOLD if told else _LEAST):
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


def settled(grey: Grey, boxes: Sequence[PixelBox], which: Sequence[bool]) -> list[PixelBox]:
    """The boxes, those of images (``which``) moved to the nearest place at which page turns into picture.

    A side without such a place nearby stays, and so does one at the figure's edge. No box comes to overlap
    another more than it did.
    """
    found = list(boxes)
    for _ in range(_PASSES):
        before = list(found)
        for index, image in enumerate(which):
            others = [*found[:index], *found[index + 1 :]]
            for side in range(4) if image else ():
                moved = _moved(grey, found[index], side, others)
                if all(overlap(moved, each) <= overlap(found[index], each) for each in others):
                    found[index] = moved
        if found == before:
            break
    return found


def _moved(grey: Grey, box: PixelBox, side: int, others: Sequence[PixelBox]) -> PixelBox:
    """The box with one of its sides (0 to 3: left, top, right, bottom) where its image ends."""
    axis, length = side % 2, grey.shape[1 - side % 2]
    if box[side] in (0, length):
        return box
    ends = round(_ENDS * (box[3 - axis] - box[1 - axis]))
    low, high = box[1 - axis] + ends, box[3 - axis] - ends
    beside = [each for each in others if each[1 - axis] < high and each[3 - axis] > low]
    shared = max((_shared(box, each, axis) for each in others if overlap(box, each)), default=0)
    size = box[axis + 2] - box[axis]
    reach = min(max(_NEAR, round(_REACH * size)) + shared, round(_MOST * size))
    start, stop = max(box[side] - reach - 2, 0), min(box[side] + reach + 2, length)
    near = grey[low:high, start:stop].T if axis == 0 else grey[start:stop, low:high]
    share = (near < _WHITE).mean(axis=1)
    bare = (share <= _BARE) & ((near < _PAGE).mean(axis=1) <= _DRAWN)
    taken = np.zeros(len(near), np.bool_)
    for each in beside:
        taken[max(each[axis] - start, 0) : max(each[axis + 2] - start, 0)] = True
    outside = bare | taken
    page, drawn, at = bare & ~taken, share >= _DRAWN, box[side] - start
    if side > 1:
        page, drawn, bare, outside, at = page[::-1], drawn[::-1], bare[::-1], outside[::-1], len(near) - at
    places = np.flatnonzero(page[:-2] & ~bare[1:-1] & (drawn[1:-1] | drawn[2:])) + 1
    # Inwards only from page or towards a neighbour: white within an image on black is its own.
    inwards = outside[at - 1] or any(-shared <= _apart(box, each, side) <= reach for each in beside)
    places = places[(np.abs(places - at) <= reach) & ((places <= at) | inwards)]
    if not len(places):
        return box
    place = int(places[np.abs(places - at).argmin()])
    moved = list(box)
    moved[side] = start + place if side < 2 else stop - place
    return moved[0], moved[1], moved[2], moved[3]


def _apart(box: PixelBox, other: PixelBox, side: int) -> int:
    """From a side of a box outwards to another that lies beyond it."""
    return box[side] - other[side + 2] if side < 2 else other[side - 2] - box[side]


def _shared(box: PixelBox, other: PixelBox, axis: int) -> int:
    """How far two boxes reach into each other along an axis."""
    return min(box[axis + 2], other[axis + 2]) - max(box[axis], other[axis])
