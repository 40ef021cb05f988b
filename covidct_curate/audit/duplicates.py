"""Near-duplicates: pictures that show the same slice, whatever was done to the file since.

Resized, re-encoded, slightly cropped, framed, brighter, in another window, with letters or arrows, mirrored or
turned by 180°: the same. A neighbouring slice of the same scan is another picture. Two steps, the second stricter and
slower:

1. a perceptual hash: the low frequencies (DCT) of a small equalised picture, of the whole and of crops of it.
   Mirrored, a picture has the same waves with other signs. `candidates` finds those whose hashes agree;
2. `likeness` aligns each pair that is left.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.audit.candidates import candidates
from covidct_curate.audit.likeness import SIDE, SMALL, Pixels, Plane, box, likeness, resized
from covidct_curate.originals.body import body_box
from covidct_curate.panels.loose import read_pixels

Pair = tuple[int, int, float]
"""Numbers of two pictures, the smaller first, and how alike they are: 1 is the same."""
Match = tuple[int, int, float, int]
"""A pair, and which of `FLIPS` turns one into the other."""

FLIPS = ("", "mirrored", "upside down", "turned by 180°")
"""In words; as numbers, 1 is left to right, 2 top to bottom."""
SAME = 0.965
"""Likeness from which on two pictures show the same slice. Neighbours among thin slices reach it too; of two
copies in windows that have little in common, some do not (0.92)."""
_LOW, _HIGH = 3.0, 16.0
"""Widths of the two blurs, in pixels of the thumbnail, between which the hash looks."""
_FREQUENCIES = 10.5
"""Half waves across the thumbnail up to which the hash looks."""
CROPS = np.array(
    [
        *[(0, 0, 0, 0), (5, 5, 5, 5), (9, 9, 9, 9), (5, 0, 5, 0), (0, 5, 0, 5)],
        *[(7, 0, 0, 0), (0, 7, 0, 0), (0, 0, 7, 0), (0, 0, 0, 7)],
    ]
)
"""Percent of the sides taken away at left, top, right and bottom."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What two pictures are compared by."""

    thumbnail: Pixels
    """128 x 128, the body only, grey levels equalised."""
    hashes: NDArray[np.float16]
    """One row a crop, of unit length; zeros for a picture of one colour."""


def near_duplicates(
    pictures: Sequence[Path | Pixels], least: float = SAME, groups: Sequence[Hashable] | None = None
) -> list[Pair]:
    """All pairs of pictures that show the same slice, in order of their numbers.

    Files are read, arrays taken as they are. A picture of one colour is like no other. Raises `PictureError`
    when a file is no picture.
    """
    return pairs(looks(pictures), least, groups)


def looks(pictures: Sequence[Path | Pixels]) -> list[Look]:
    """The look of each picture, in their order, on all cores. Raises `PictureError` as `near_duplicates` does."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(look, pictures))


def look(picture: Path | Pixels) -> Look:
    """The look of one picture. Raises `PictureError` when the file is no picture."""
    grey = in_grey(read_pixels(picture) if isinstance(picture, Path) else picture)
    thumbnail = equalised(resized(_chest(grey), SIDE, SIDE))
    return Look(thumbnail, hashes(thumbnail))


def pairs(seen: Sequence[Look], least: float = SAME, groups: Sequence[Hashable] | None = None) -> list[Pair]:
    """All pairs of equal looks, in order of their numbers: (smaller, larger, likeness from `least` to 1).

    Pictures of one of the ``groups`` are not compared: slices of one scan are alike anyway. Each is compared with the
    few that are most like it, so of many copies of one picture not every pair is told, but all are joined.
    """
    return [(one, other, likeness) for one, other, likeness, _ in matches(seen, least, groups)]


def matches(
    seen: Sequence[Look], least: float = SAME, groups: Sequence[Hashable] | None = None
) -> list[Match]:
    """The `pairs`, with the flip under which each is most alike."""
    if len(seen) < 2:
        return []
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups or range(len(seen))))}
    own = np.array([numbers[group] for group in groups or range(len(seen))])
    tried = candidates(np.stack([each.hashes for each in seen]), own, SIGNS)
    best: dict[tuple[int, int], tuple[float, int]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        scores = pool.map(lambda each: _likeness(seen, *each), tried, chunksize=16)
        for (one, other, _, flip), score in zip(tried, scores, strict=True):
            key = (min(one, other), max(one, other))
            if score >= least and score > best.get(key, (0.0, 0))[0]:
                best[key] = score, flip
    return [(*key, *best[key]) for key in sorted(best)]


def clusters(count: int, found: Iterable[Pair]) -> list[int]:
    """The cluster of each of `count` pictures, told by its smallest number: pairs, and pairs of pairs."""
    parent = list(range(count))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = number = parent[parent[number]]
        return number

    for one, other, _ in found:
        a, b = sorted((root(one), root(other)))
        parent[b] = a
    return [root(number) for number in range(count)]


def _likeness(seen: Sequence[Look], one: int, other: int, crop: int, flip: int) -> float:
    """How alike two pictures are, one flipped and laid over the crop of the other."""
    return likeness(turned(seen[one].thumbnail, flip), seen[other].thumbnail, CROPS[crop])


# one picture -------------------------------------------------------------------------------------------


def turned(grey: Pixels, flip: int) -> Pixels:
    """A grey picture flipped as `FLIPS` says."""
    return np.ascontiguousarray(grey[:: -1 if flip & 2 else 1, :: -1 if flip & 1 else 1])


def in_grey(pixels: Pixels) -> Pixels:
    """RGB pixels as grey ones, by ITU-R 601; grey ones as they are."""
    return pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def _chest(grey: Pixels) -> Pixels:
    """The picture's part that shows the body, without frame, table and what is printed beside it."""
    height, width = grey.shape
    scale = min(1.0, 256 / max(height, width))
    small = resized(grey, max(1, round(width * scale)), max(1, round(height * scale)))
    x0, y0, x1, y1 = body_box(small) or (0, 0, small.shape[1], small.shape[0])
    across, down = width / small.shape[1], height / small.shape[0]
    return grey[round(y0 * down) : round(y1 * down), round(x0 * across) : round(x1 * across)]


def equalised(grey: Pixels) -> Pixels:
    """Each grey level replaced by its rank, the same whatever brightness and contrast were."""
    counts = np.bincount(grey.ravel(), minlength=256)
    ranks = (np.cumsum(counts) - counts / 2) / grey.size
    return np.asarray(np.rint(255 * ranks), np.uint8)[grey]


def hashes(thumbnail: Pixels) -> NDArray[np.float16]:
    """`Look.hashes` of a `Look.thumbnail`."""
    rows = [
        _hash(thumbnail[top:bottom, left:right])
        for left, top, right, bottom in (box(crop, SIDE) for crop in CROPS)
    ]
    return np.stack(rows).astype(np.float16)


def _hash(thumbnail: Pixels) -> Plane:
    waves = cv2.dct(resized(thumbnail, SMALL, SMALL).astype(np.float32))
    kept = (waves[: _PASSED.shape[0], : _PASSED.shape[1]] * _PASSED)[_PASSED > 0]
    length = float(np.linalg.norm(kept))
    return np.asarray(kept / length if length > 1 else np.zeros_like(kept), np.float32)


def _passed() -> Plane:
    """How much of each wave the hash keeps."""
    side = int(_FREQUENCIES) + 1
    waves = np.hypot(*np.mgrid[:side, :side])
    turn = (np.pi * waves / SIDE) ** 2 / 2
    passed = np.exp(-turn * _LOW**2) - np.exp(-turn * _HIGH**2)
    return np.asarray(np.where(waves <= _FREQUENCIES, passed, 0), np.float32)


_PASSED = _passed()
_DOWN, _ACROSS = np.nonzero(_PASSED)
SIGNS = np.stack([(-1.0) ** ((flip & 1) * _ACROSS + (flip >> 1) * _DOWN) for flip in range(len(FLIPS))])
SIGNS = SIGNS.astype(np.float32)
"""Flips x waves: mirrored, a wave that is odd in that direction changes its sign."""
