"""Islands: what stands apart on the white of a page, each a connected part of a picture with its box."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.records import PixelBox

Colour = tuple[int, int, int]
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
PAPER = 250
"""Least of the three colours from which on a pixel is bare page."""
SIDE = 40
"""Pixels: a shorter side is a strip of letters, an icon, a legend's key."""
SHARE = 0.06
"""The same as a share of the picture's longer side."""
REACH = 0.08
"""Share of the longer side within which a letter or mark belongs to a graphic."""
_NOISE = 12
"""Levels by which a page of another colour than white may differ from itself."""
_RIM = 0.6
"""Share of the rim that must have its colour."""
_RIGHT = 4
"""How much farther a mark on a graphic's right counts than one on its left: axes are named on the left."""
_REACH, _TICK, _STRAIGHT = 6, 0.03, 0.6
"""Pixels, and share of its box, within which a straight side begins (an axis' ticks stand out from it), and
the share of its length that must."""
_TOUCH = 0.01
"""Share of the rim that must not be page for what lies at the rim to reach the picture's edge."""
_LINED = 0.6
"""Share of the graphics' area that must stand in rows or columns."""
_OFF, _LIKE = 0.04, 0.75
"""Share of a picture's longer side by which the middles of boxes in line may be off, and the least ratio of
their sizes."""
_LIGHT, _GROWN = 0.04, 0.4
"""Share of its side by which a straight and a round island may grow to where others in line end."""
_SPECK = 0.005
"""Share of a row or column up to which what is not page is specks in a margin."""
_SOLID, _BROKEN = 0.85, 0.5
"""Share of a row or column that must be page for a gutter to be there: black, and any other page."""
_DENSE = 0.55
"""Share of its box that an image fills; lines and letters fill less."""
_HALF, _LEVEL, _BETWEEN = 0.35, 0.08, 0.3
"""Two halves of a picture: the share of its box that each fills, and by what share of both they may be off
level and apart."""
_HOLLOW = 0.12
"""Share of its box below which an island that others lie in is a frame round them."""


@dataclass(frozen=True, slots=True)
class Island:
    """A connected part of what is not white."""

    box: PixelBox
    ink: int
    """Pixels that are not bare page."""
    sides: tuple[bool, bool, bool, bool] = (False, False, False, False)
    """Whether its left, top, right, bottom side begins at once along most of its length, as a picture's does."""

    @property
    def density(self) -> float:
        """Share of the box that is not white."""
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
        return self.density >= _DENSE


def area(box: PixelBox) -> int:
    """Pixels in a box."""
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(one: PixelBox, other: PixelBox) -> int:
    """Pixels two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def union(boxes: Iterable[PixelBox]) -> PixelBox:
    """The least box that holds all of them."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def pages(picture: NDArray[np.uint8], *, own: bool = True) -> list[Colour]:
    """The colours that panels may stand on: white, black and, if ``own``, that of the picture's rim first."""
    if not own:
        return [WHITE, BLACK]
    ring = _rim(picture.shape)
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


def _rim(shape: Sequence[int]) -> int:
    """Width in pixels of the rim in which a frame drawn round a whole picture lies."""
    return max(1, min(6, round(0.006 * max(shape[:2])), min(shape[:2]) // 8))


def off_page(picture: NDArray[np.uint8], page: Colour) -> NDArray[np.uint8]:
    """1 where the picture has another colour than the page, 0 elsewhere."""
    noise = 255 - PAPER if page == WHITE else _NOISE
    low, high = tuple(max(c - noise, 0) for c in page), tuple(min(c + noise, 255) for c in page)
    return np.equal(cv2.inRange(picture, low, high), 0).view(np.uint8)


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


def trimmed(mask: NDArray[np.uint8], box: PixelBox) -> PixelBox:
    """The part of a box that is left without margins of bare page; ``mask`` is that of the box."""
    columns = np.flatnonzero(
        cv2.reduce(mask, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() > _SPECK * mask.shape[0]
    )
    rows = np.flatnonzero(
        cv2.reduce(mask, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() > _SPECK * mask.shape[1]
    )
    if not len(rows) or not len(columns):
        return box
    return (
        box[0] + int(columns[0]),
        box[1] + int(rows[0]),
        box[0] + int(columns[-1]) + 1,
        box[1] + int(rows[-1]) + 1,
    )


def gap(islands: Sequence[Island]) -> int:
    """The least distance between two of them, in pixels; a large number without two."""
    boxes = [island.box for island in islands]
    return min(
        (
            max(one[0] - other[2], other[0] - one[2], one[1] - other[3], other[1] - one[3])
            for number, one in enumerate(boxes)
            for other in boxes[:number]
        ),
        default=1 << 30,
    )


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
    ring = _rim(mask.shape)
    big, bits = [], []
    inner = np.zeros_like(mask)
    inner[ring:-ring, ring:-ring] = mask[ring:-ring, ring:-ring]
    margin = mask.sum() - inner.sum() < _TOUCH * (mask.size - inner[ring:-ring, ring:-ring].size)
    for island in _find(inner):
        x0, y0, x1, y1 = island.box
        if min(x1 - x0, y1 - y0) >= least:
            place = island.box if margin else _to_rim(island.box, mask, ring)
            big.append(replace(island, box=place, sides=_sides(mask[y0:y1, x0:x1])))
        else:
            bits.append(island)
    big = [each for each in big if not _frames(each, big)]
    return _merged(big, scans), bits


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
    return overlap(island.box, other.box) >= 0.2 * min(area(island.box), area(other.box))


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


def peers(graphics: list[Island], side: int) -> bool:
    """Graphics stand in rows or columns of their like, as panels do and a diagram's pieces do not."""
    lined = sum(
        area(one.box)
        for one in graphics
        if any(in_line(one.box, other.box, side) for other in graphics if other is not one)
    )
    return len(graphics) > 1 and lined >= _LINED * sum(area(each.box) for each in graphics)


def in_line(one: PixelBox, other: PixelBox, side: int, *, like: float = _LIKE) -> bool:
    """Two boxes stand in a row and are of one height, or in a column and of one width.

    ``side``: the longer side of their picture. ``like``: least ratio of their heights or widths.
    """
    for axis in (0, 1):
        size, other_size = one[axis + 2] - one[axis], other[axis + 2] - other[axis]
        if _off(one, other, axis) <= _OFF * side and min(size, other_size) >= like * max(size, other_size):
            return True
    return False


def squared(islands: list[Island], side: int) -> list[Island]:
    """The islands, images grown to where those in their row and column end.

    A little, as light edges are lost on white; a round body on white, whose edges are all lost, much.
    """
    return [_squared(each, islands, side) if each.dense else each for each in islands]


def _squared(island: Island, others: list[Island], side: int) -> Island:
    box = list(island.box)
    for n, straight in enumerate(island.sides):
        axis = n % 2
        size = island.box[axis + 2] - island.box[axis]
        outward = 1 if n > 1 else -1
        grown = [
            (other.box[n] - island.box[n]) * outward
            for other in others
            if other.dense
            and other.sides[n]
            and _off(island.box, other.box, axis) <= _OFF * side < _off(island.box, other.box, 1 - axis)
        ]
        most = (_LIGHT if straight else _GROWN) * size
        fitting = [each for each in grown if 0 < each <= most]
        if fitting:
            box[n] += outward * sorted(fitting)[len(fitting) // 2]
    return replace(island, box=(box[0], box[1], box[2], box[3]))


def _off(one: PixelBox, other: PixelBox, axis: int) -> float:
    """How far the middles of two boxes are off each other along an axis."""
    return abs(one[axis] + one[axis + 2] - other[axis] - other[axis + 2]) / 2


def attach(big: list[Island], bits: list[Island], side: int) -> list[Island]:
    """The big islands, the graphics among them with the letters and marks beside them."""
    if not bits or not big:
        return big
    boxes, small = np.array([island.box for island in big]), np.array([bit.box for bit in bits])
    left, right = boxes[None, :, 0] - small[:, None, 2], small[:, None, 0] - boxes[None, :, 2]
    down = np.maximum(boxes[None, :, 1] - small[:, None, 3], small[:, None, 1] - boxes[None, :, 3])
    gap = np.hypot(np.maximum(np.maximum(left, _RIGHT * right), 0), np.maximum(down, 0))
    owner = np.where(gap.min(axis=1) <= REACH * side, gap.argmin(axis=1), -1)
    # A rule between panels is longer than what it would belong to.
    long = (small[:, 2:] - small[:, :2]) > (boxes[:, 2:] - boxes[:, :2])[owner]
    owner[long.any(axis=1)] = -1
    return [
        replace(island, box=union((island.box, *(bits[n].box for n in np.flatnonzero(owner == index)))))
        if not island.dense
        else island
        for index, island in enumerate(big)
    ]
