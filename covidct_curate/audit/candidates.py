"""Candidates for near-duplicates: pictures whose hashes agree.

In large sets a picture is compared only with the cells of those whose hashes are near its own, so the time grows
little more than the number of pictures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Candidate = tuple[int, int, int, int]
"""A picture, another, the crop of the other that is like the first, and the flip of the first."""

_HASHES = 0.84
"""What two hashes reach at least."""
_PIVOTED, _AT_ONCE = 4096, 1 << 23
"""Hashes whose cells are looked for at once; comparisons made at once."""
_EXACT, _CELL, _PROBED = 3000, 400, 6
"""Pictures up to which all are compared with all; else pictures in a cell, and cells each is compared with."""
_NEAREST, _FLIPPED = 3, 1
"""Others that a picture is aligned with at most, as it is and flipped: those whose hashes are most like its own."""


def candidates(hashes: NDArray[np.float16], groups: NDArray[np.int_], signs: Plane) -> list[Candidate]:
    """Pairs of two groups whose hashes agree, of each picture with some of those most like it.

    `hashes` is pictures x crops x waves, the first crop the whole picture, `signs` is flips x waves: what a flip
    makes of the waves, the first none. Flipped they are a candidate where they agree better than as they are.
    """
    count, crops, waves = hashes.shape
    found = _nearest(hashes.reshape(-1, waves), crops, groups, signs)
    best: dict[tuple[int, int, int], tuple[float, Candidate]] = {}
    for asking, asked, value in zip(*(each.tolist() for each in found), strict=True):
        (flip, one), (other, crop) = divmod(asking, count), divmod(asked, crops)
        key = (min(one, other), max(one, other), flip)
        if value > best.get(key, (0.0,))[0] and not (
            flip and value <= float((hashes[other].astype(np.float32) @ hashes[one, 0]).max())
        ):
            best[key] = value, (one, other, crop, flip)
    return [best[key][1] for key in sorted(best)]


def _nearest(
    rows: NDArray[np.float16], crops: int, groups: NDArray[np.int_], signs: Plane
) -> tuple[NDArray[np.intp], NDArray[np.intp], Plane]:
    """Who asks, who is asked, how well they agree: each picture under each flip, and the `_NEAREST` most like it.

    Who asks is the flip times the number of pictures, plus the picture; who is asked is one of the `rows`, which are
    the hashes of the `crops` of each picture in turn. Each row lies in the cell of the pivot it is nearest to.
    """
    whole = rows[::crops].astype(np.float32)
    count = len(whole)
    cells = 1 if count <= _EXACT else count // _CELL
    pivots = whole[np.linspace(0, count - 1, cells).astype(np.intp)]
    probed = np.concatenate([_cells(whole * flip, pivots, _PROBED) for flip in signs])
    home = _cells(rows, pivots, 1)[:, 0]
    found = [(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32))]
    for cell in range(cells):
        inside = np.flatnonzero(home == cell)
        owner = inside // crops
        first, last = np.searchsorted(owner, owner), np.searchsorted(owner, owner, "right") - 1
        there = rows[inside].astype(np.float32).T
        visitors = np.flatnonzero((probed == cell).any(axis=1)) if inside.size else inside
        block = max(1, _AT_ONCE // max(1, inside.size))
        for asking in np.split(visitors, range(block, len(visitors), block)):
            flips, ones = np.divmod(asking, count)
            alike = (whole[ones] * signs[flips]) @ there
            alike[groups[ones, None] == groups[owner]] = -1
            each = np.arange(len(asking))
            for _ in range(_NEAREST if len(asking) else 0):
                most = alike.argmax(axis=1)
                value = alike[each, most]
                keep = value >= _HASHES
                found.append((asking[keep], inside[most[keep]], value[keep]))
                for step in range(crops):  # the next is to be of another picture
                    alike[each, np.minimum(first[most] + step, last[most])] = -1
    asking, asked, values = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((asked, -values, asking))
    asking, asked, values = asking[order], asked[order], values[order]
    once = np.sort(np.unique(asking * count + asked // crops, return_index=True)[1])
    asking, asked, values = asking[once], asked[once], values[once]
    straight = np.flatnonzero(_rank(asking) < _NEAREST)
    straight = straight[asking[straight] < count]
    flipped = np.flatnonzero(asking >= count)
    flipped = flipped[np.lexsort((-values[flipped], asking[flipped] % count))]
    flipped = flipped[_rank(asking[flipped] % count) < _FLIPPED]
    nearest = np.concatenate([straight, flipped])
    return asking[nearest], asked[nearest], values[nearest]


def _rank(ordered: NDArray[np.intp]) -> NDArray[np.intp]:
    """How many equal ones stand before each."""
    return np.arange(len(ordered)) - np.searchsorted(ordered, ordered)


def _cells(rows: NDArray[np.float16] | Plane, pivots: Plane, count: int) -> NDArray[np.intp]:
    """The `count` cells whose pivots each row is nearest to."""
    count = min(count, len(pivots))
    blocks = (rows[start : start + _PIVOTED] for start in range(0, len(rows), _PIVOTED))
    far = (-(each.astype(np.float32) @ pivots.T) for each in blocks)
    return np.concatenate([np.argpartition(each, count - 1)[:, :count].copy() for each in far])
