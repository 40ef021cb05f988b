"""Reading order of panels: rows from the top, each from the left, columns where a tall panel stands beside."""

from __future__ import annotations

from collections.abc import Sequence

from covidct_curate.records import PixelBox

_OVERLAP = 0.2
"""Share of the shorter of two boxes by which they may overlap and still be one after the other."""


def in_order(boxes: Sequence[PixelBox]) -> list[int]:
    """The indices of the boxes in reading order."""
    return _ordered(boxes, list(range(len(boxes))))


def _ordered(boxes: Sequence[PixelBox], indices: list[int]) -> list[int]:
    if len(indices) < 2:
        return indices
    for axis in (1, 0):
        groups = _groups(boxes, indices, axis)
        if len(groups) > 1:
            return [index for group in groups for index in _ordered(boxes, group)]
    return sorted(indices, key=lambda index: (boxes[index][1], boxes[index][0], index))


def _groups(boxes: Sequence[PixelBox], indices: list[int], axis: int) -> list[list[int]]:
    """Rows (axis 1) or columns (axis 0) that no box reaches across."""
    groups: list[list[int]] = []
    end = 0
    for index in sorted(indices, key=lambda each: (boxes[each][axis], boxes[each][axis + 2])):
        start, stop = boxes[index][axis], boxes[index][axis + 2]
        shortest = (
            min((stop - start, *(boxes[i][axis + 2] - boxes[i][axis] for i in groups[-1]))) if groups else 1
        )
        if not groups or end - start <= _OVERLAP * shortest:
            groups.append([])
            end = stop
        groups[-1].append(index)
        end = max(end, stop)
    return groups
