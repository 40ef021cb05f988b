"""Rows and columns of islands: which belong in line, how far they reach, whose the marks between them are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from covidct_curate.panels.boxes import area, union
from covidct_curate.panels.islands import Island
from covidct_curate.records import PixelBox

_REACH = 0.08
"""Share of the longer side within which a letter or mark belongs to a graphic."""
_RIGHT = 4
"""How much farther a mark on a graphic's right counts than one on its left: axes are named on the left."""
_LINED = 0.6
"""Share of the graphics' area that must stand in rows or columns."""
_OFF, _LIKE = 0.04, 0.75
"""Share of a picture's longer side by which the middles of boxes in line may be off, and the least ratio of
their sizes."""
_LIGHT, _GROWN = 0.04, 0.4
"""Share of its side by which a straight and a round island may grow to where others in line end."""
_SAME = 0.01
"""Share of its side by which the other end of a straight island may be off that of one it grows with."""
_RULE = 0.1
"""Least ratio of its sides of a mark that may be longer than what it belongs to: a leaner one is a rule."""
_MOST = 20_000
"""Marks from which on a picture is stippled, and none of them is told whose it is."""


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
            and (not straight or abs(other.box[n - 2] - island.box[n - 2]) <= max(2, _SAME * size))
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
    if not bits or not big or len(bits) > _MOST:
        return big
    boxes, small = np.array([island.box for island in big]), np.array([bit.box for bit in bits])
    left, right = boxes[None, :, 0] - small[:, None, 2], small[:, None, 0] - boxes[None, :, 2]
    down = np.maximum(boxes[None, :, 1] - small[:, None, 3], small[:, None, 1] - boxes[None, :, 3])
    gap = np.hypot(np.maximum(np.maximum(left, _RIGHT * right), 0), np.maximum(down, 0))
    owner = np.where(gap.min(axis=1) <= _REACH * side, gap.argmin(axis=1), -1)
    # A rule between panels is longer than what it would belong to.
    sides = small[:, 2:] - small[:, :2]
    long = (sides > (boxes[:, 2:] - boxes[:, :2])[owner]).any(axis=1)
    owner[long & (sides.min(axis=1) < _RULE * sides.max(axis=1))] = -1
    return [
        replace(island, box=union((island.box, *(bits[n].box for n in np.flatnonzero(owner == index)))))
        if not island.dense
        else island
        for index, island in enumerate(big)
    ]
