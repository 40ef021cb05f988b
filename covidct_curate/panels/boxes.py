"""Pixel boxes: how large they are, what they share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from covidct_curate.records import PixelBox


def area(box: PixelBox) -> int:
    """Pixels in a box."""
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(one: PixelBox, other: PixelBox) -> int:
    """Pixels two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def likeness(one: PixelBox, other: PixelBox) -> float:
    """Intersection over union."""
    shared = overlap(one, other)
    return shared / max(area(one) + area(other) - shared, 1)


def union(boxes: Iterable[PixelBox]) -> PixelBox:
    """The least box that holds all of them."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def gap(boxes: Sequence[PixelBox]) -> int:
    """The least distance between two of them, in pixels; a large number without two."""
    return min(
        (
            max(one[0] - other[2], other[0] - one[2], one[1] - other[3], other[1] - one[3])
            for number, one in enumerate(boxes)
            for other in boxes[:number]
        ),
        default=1 << 30,
    )
