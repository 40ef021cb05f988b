"""Islands: what stands apart on the ground, each a connected part of a picture with its box."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.panels.boxes import area, overlap, union
from covidct_curate.panels.ground import rim
from covidct_curate.records import PixelBox

_REACH, _TICK, _STRAIGHT = 6, 0.03, 0.6
"""Pixels, and share of its box, within which a straight side begins (an axis' ticks stand out from it), and
the share of its length that must."""
_TOUCH = 0.01
"""Share of the rim that must not be page for what lies at the rim to reach the picture's edge."""
_DENSE = 0.55
"""Share of its box that an image fills; lines and letters fill less."""
_HALF, _LEVEL, _BETWEEN = 0.35, 0.08, 0.3
"""Two halves of a picture: the share of its box that each fills (and a framed one), and by what share of both they may be off
level and apart."""
_FAINT = 0.05
"""Share of a row or column up to which what is not ground is no image."""
_SHARED = 0.06
"""Share of the smaller of two boxes from which on the images in them are one."""
_HOLLOW = 0.12
"""Share of its box below which an island that others lie in is a frame round them."""


@dataclass(frozen=True, slots=True)
class Island:
    """A connected part of what is not ground."""

    box: PixelBox
    ink: int
    """Pixels that are not ground."""
    sides: tuple[bool, bool, bool, bool] = (False, False, False, False)
    """Whether its left, top, right, bottom side begins at once along most of its length, as a picture's does."""
    solid: bool = False
    """It is known for an image, though white in it counts as ground."""

    @property
    def density(self) -> float:
        """Share of the box that is not ground."""
        return self.ink / area(self.box)

    @property
    def straight(self) -> int:
        """How many of its sides are straight."""
        return sum(self.sides)

    @property
    def image(self) -> bool:
        """Dense, and straight enough to be an image: a scan's body alone, a tissue, a lung is round."""
        return self.dense and self.straight >= 3

    @property
    def dense(self) -> bool:
        """It fills its box as an image does."""
        return self.solid or self.density >= _DENSE

    @property
    def framed(self) -> bool:
        """Its sides are straight and it is half full: a plot in its frame, or a scan with a white body."""
        return all(self.sides) and _HALF <= self.density < _DENSE


def _sides(ink: NDArray[np.uint8]) -> tuple[bool, bool, bool, bool]:
    down, across = (max(_REACH, round(_TICK * side)) for side in ink.shape)
    left, right = ink[:, :across].max(axis=1), ink[:, -across:].max(axis=1)
    top, bottom = ink[:down].max(axis=0), ink[-down:].max(axis=0)
    return (
        bool(left.mean() >= _STRAIGHT),
        bool(top.mean() >= _STRAIGHT),
        bool(right.mean() >= _STRAIGHT),
        bool(bottom.mean() >= _STRAIGHT),
    )


def _find(mask: NDArray[np.uint8]) -> list[Island]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    return [
        Island((int(x), int(y), int(x + w), int(y + h)), int(ink))
        for x, y, w, h, ink in stats[1:].tolist()
        if ink >= 4
    ]


def large(mask: NDArray[np.uint8], least: int, *, scans: bool) -> tuple[list[Island], list[Island]]:
    """The islands of a mask of zeros and ones with sides of ``least`` pixels, and the bits beside them.

    What lies within another is part of it, and what overlaps another is one with it; a hollow frame
    round others, or round the whole, is none. ``scans``: two round ones side by side may be one picture's
    halves, such as lungs.
    """
    ring = rim(mask.shape)
    big, bits = [], []
    inner = np.zeros_like(mask)
    inner[ring:-ring, ring:-ring] = mask[ring:-ring, ring:-ring]
    margin = mask.sum() - inner.sum() < _TOUCH * (mask.size - inner[ring:-ring, ring:-ring].size)
    for island in _find(inner):
        x0, y0, x1, y1 = island.box
        if min(x1 - x0, y1 - y0) >= least:
            place = island.box if margin else _to_rim(island.box, mask, ring)
            found = replace(island, box=place, sides=_sides(mask[y0:y1, x0:x1]))
            if found.dense:
                found = _settled(found, mask)
            big.append(found if margin else replace(found, box=_to_rim(found.box, mask, 1)))
        else:
            bits.append(island)
    big = [each for each in big if not _frames(each, big)]
    return _merged(big, scans), bits


def _settled(island: Island, mask: NDArray[np.uint8]) -> Island:
    """An image without rows and columns at its edges that only noise and strokes reach into."""
    x0, y0, x1, y1 = island.box
    ink = mask[y0:y1, x0:x1]
    columns = np.flatnonzero(ink.mean(axis=0) >= _FAINT)
    rows = np.flatnonzero(ink.mean(axis=1) >= _FAINT)
    box = (
        x0 + int(columns[0]),
        y0 + int(rows[0]),
        x0 + int(columns[-1]) + 1,
        y0 + int(rows[-1]) + 1,
    )
    return replace(island, box=box)


def _to_rim(box: PixelBox, mask: NDArray[np.uint8], ring: int) -> PixelBox:
    """The box of an island that was found without the rim, to the edge of the mask where it lies at the rim."""
    height, width = mask.shape
    x0, y0, x1, y1 = box
    return (
        0 if x0 <= ring else x0,
        0 if y0 <= ring else y0,
        width if x1 >= width - ring else x1,
        height if y1 >= height - ring else y1,
    )


def _frames(island: Island, others: list[Island]) -> bool:
    if island.density >= _HOLLOW:
        return False
    inside = [
        other
        for other in others
        if other is not island
        and other.straight >= 2
        and overlap(other.box, island.box) >= 0.95 * area(other.box)
    ]
    return sum(area(o.box) for o in inside) >= 0.3 * area(island.box)


def _merged(islands: list[Island], scans: bool) -> list[Island]:
    merged: list[Island] = []
    for island in sorted(islands, key=lambda each: -area(each.box)):
        again = True
        while again:
            again = False
            for other in merged:
                if _overlaps(island, other) or (scans and _halves(island, other)):
                    island = _both(island, other)
                    merged.remove(other)
                    again = True
                    break
        merged.append(island)
    return merged


def _overlaps(island: Island, other: Island) -> bool:
    shared, least = overlap(island.box, other.box), min(area(island.box), area(other.box))
    # Images do not overlap; white in one, next to the page, may part it.
    return shared >= (_SHARED if island.dense or other.dense else 0.2) * least


def _halves(island: Island, other: Island) -> bool:
    """Two islands are level, of one size, and round where they face each other."""
    if min(island.density, other.density) < _HALF:
        return False
    for axis in (0, 1):
        first, last = sorted((island, other), key=lambda each: each.box[axis])
        size = last.box[axis + 2] - first.box[axis]
        level = all(abs(first.box[n] - last.box[n]) <= _LEVEL * size for n in (1 - axis, 3 - axis))
        near = last.box[axis] - first.box[axis + 2] <= _BETWEEN * size
        if level and near and not (first.sides[axis + 2] or last.sides[axis]):
            return True
    return False


def _both(one: Island, other: Island) -> Island:
    box = union((one.box, other.box))
    sides = tuple(any(each.sides[n] and each.box[n] == box[n] for each in (one, other)) for n in range(4))
    return Island(box, one.ink + other.ink, (sides[0], sides[1], sides[2], sides[3]))
