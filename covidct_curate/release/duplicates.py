"""Near-duplicates: pictures that show the same slice, whatever was done to the file since.

Resized, re-encoded, slightly cropped, framed, brighter, in another window, with letters or arrows: the same.
A neighbouring slice of the same scan is another picture. Three steps, each stricter and slower:

1. a perceptual hash: the low frequencies (DCT) of a small equalised picture, of the whole and of crops of it,
   compared for all pairs at once;
2. the pairs that are left are laid over each other, shifted by a few pixels;
3. those that still agree are aligned exactly (scale, shift, shear), and the correlation of their details decides.
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

from covidct_curate.errors import PictureError
from covidct_curate.originals.body import body_box

Pixels = NDArray[np.uint8]
"""Height x width (grey) or height x width x 3 (RGB), 8 bits."""
Pair = tuple[int, int, float]
"""Numbers of two pictures, the smaller first, and how alike they are: 1 is the same."""
_Plane = NDArray[np.float32]

SAME = 0.965
"""Likeness from which on two pictures show the same slice. Neighbours among thin slices reach it too; of two
copies in windows that have little in common, some do not (0.92)."""
_SIDE, _SMALL = 128, 32
"""Sides of the thumbnails that are aligned and that are shifted."""
_LOW, _HIGH = 3.0, 16.0
"""Widths of the two blurs, in pixels of the thumbnail, between which the hash looks."""
_FREQUENCIES = 10.5
"""Half waves across the thumbnail up to which the hash looks."""
_HASHES, _SHIFTED = 0.84, 0.7
"""What two hashes, and two pictures laid over each other, reach at least."""
_HALFWAY = 0.7
"""Correlation that pictures being aligned reach at least."""
_STRETCH = 1.33
"""How much larger one may be shown than the other, each brought to the same size."""
_COARSE, _LEFT_OUT = 8, 0.15
"""Blur above which details are none; share of a picture that may differ."""
_ROWS = 128
"""Pictures compared with all others at once."""
_NEAREST = 3
"""Others that a picture is aligned with at most, those whose hashes are most like its own."""
_CROPS = np.array(
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
    hashes: _Plane
    """One row a crop, of unit length; zeros for a picture of one colour."""


def near_duplicates(
    pictures: Sequence[Path | Pixels], least: float = SAME, groups: Sequence[Hashable] | None = None
) -> list[Pair]:
    """All pairs of pictures that show the same slice, in order of their numbers.

    Files are read, arrays taken as they are. A picture of one colour is like no other. Mirrored and turned
    copies are not found. Raises `PictureError` when a file is no picture.
    """
    return pairs(looks(pictures), least, groups)


def looks(pictures: Sequence[Path | Pixels]) -> list[Look]:
    """The look of each picture, in their order, on all cores. Raises `PictureError` as `near_duplicates` does."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(look, pictures))


def look(picture: Path | Pixels) -> Look:
    """The look of one picture. Raises `PictureError` when the file is no picture."""
    grey = _grey(picture) if isinstance(picture, Path) else picture
    if grey.ndim == 3:
        grey = np.asarray(cv2.cvtColor(grey, cv2.COLOR_RGB2GRAY), np.uint8)
    thumbnail = _equalised(_resized(_chest(grey), _SIDE, _SIDE))
    rows = [_hash(thumbnail[top:bottom, left:right]) for left, top, right, bottom in map(_box, _CROPS)]
    return Look(thumbnail, np.stack(rows))


def pairs(seen: Sequence[Look], least: float = SAME, groups: Sequence[Hashable] | None = None) -> list[Pair]:
    """All pairs of equal looks, in order of their numbers: (smaller, larger, likeness from `least` to 1).

    Pictures of one of the ``groups`` are not compared: slices of one scan are alike anyway. Each is compared with the
    few that are most like it, so of many copies of one picture not every pair is told, but all are joined.
    """
    if len(seen) < 2:
        return []
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups or range(len(seen))))}
    own = np.array([numbers[group] for group in groups or range(len(seen))])
    candidates = _candidates(np.stack([each.hashes for each in seen]), own)
    small = [_details(_resized(each.thumbnail, _SMALL, _SMALL), 0.7, 2) for each in seen]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        near = pool.map(lambda each: _shifted(small, *each) >= _SHIFTED, candidates, chunksize=256)
        left = [each for each, keep in zip(candidates, near, strict=True) if keep]
        likeness = pool.map(lambda each: _aligned(seen, *each), left, chunksize=16)
        found = [(min(a, b), max(a, b), score) for (a, b, _), score in zip(left, likeness, strict=True)]
    return sorted(each for each in found if each[2] >= least)


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


# one picture -------------------------------------------------------------------------------------------


def _grey(path: Path) -> Pixels:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    except (OSError, cv2.error) as error:
        raise PictureError(f"{path}: cannot be read ({error}); check the file") from error
    if grey is None:
        raise PictureError(f"{path}: is no picture that can be read; check the file")
    return np.asarray(grey, np.uint8)


def _chest(grey: Pixels) -> Pixels:
    """The picture's part that shows the body, without frame, table and what is printed beside it."""
    height, width = grey.shape
    scale = min(1.0, 256 / max(height, width))
    small = _resized(grey, max(1, round(width * scale)), max(1, round(height * scale)))
    x0, y0, x1, y1 = body_box(small) or (0, 0, small.shape[1], small.shape[0])
    across, down = width / small.shape[1], height / small.shape[0]
    return grey[round(y0 * down) : round(y1 * down), round(x0 * across) : round(x1 * across)]


def _equalised(grey: Pixels) -> Pixels:
    """Each grey level replaced by its rank, the same whatever brightness and contrast were."""
    counts = np.bincount(grey.ravel(), minlength=256)
    ranks = (np.cumsum(counts) - counts / 2) / grey.size
    return np.asarray(np.rint(255 * ranks), np.uint8)[grey]


def _hash(thumbnail: Pixels) -> _Plane:
    waves = cv2.dct(_resized(thumbnail, _SMALL, _SMALL).astype(np.float32))
    kept = (waves[: _PASSED.shape[0], : _PASSED.shape[1]] * _PASSED)[_PASSED > 0]
    length = float(np.linalg.norm(kept))
    return np.asarray(kept / length if length > 1 else np.zeros_like(kept), np.float32)


def _passed() -> _Plane:
    """How much of each wave the hash keeps."""
    side = int(_FREQUENCIES) + 1
    waves = np.hypot(*np.mgrid[:side, :side])
    turn = (np.pi * waves / _SIDE) ** 2 / 2
    passed = np.exp(-turn * _LOW**2) - np.exp(-turn * _HIGH**2)
    return np.asarray(np.where(waves <= _FREQUENCIES, passed, 0), np.float32)


_PASSED = _passed()


# two pictures ------------------------------------------------------------------------------------------


def _candidates(hashes: _Plane, groups: NDArray[np.int_]) -> list[tuple[int, int, int]]:
    """Pairs of two groups whose hashes agree: a picture, one of those most like it, and its crop that is so.

    `hashes` is pictures x crops x waves.
    """
    count, crops, waves = hashes.shape
    every = hashes.reshape(count * crops, waves)
    best: dict[tuple[int, int], tuple[float, tuple[int, int, int]]] = {}
    for start in range(0, count, _ROWS):
        alike = (hashes[start : start + _ROWS, 0] @ every.T).reshape(-1, count, crops)
        most = alike.max(axis=2)
        most[groups[start : start + _ROWS, None] == groups] = -1
        nearest = np.argsort(-most, axis=1, kind="stable")[:, :_NEAREST]
        for row, others in enumerate(nearest.tolist()):
            for other in others:
                value, one = float(most[row, other]), start + row
                key = (one, other) if one < other else (other, one)
                if value >= _HASHES and value > best.get(key, (0.0,))[0]:
                    best[key] = value, (one, other, int(alike[row, other].argmax()))
    return [best[key][1] for key in sorted(best)]


def _shifted(small: Sequence[_Plane], one: int, other: int, crop: int) -> float:
    """Correlation of the middle of one with the crop of the other, at the best of some shifts."""
    left, top, right, bottom = np.rint(_CROPS[crop] * (_SMALL / 100)).astype(int)
    whole = small[other][top : _SMALL - bottom, left : _SMALL - right]
    if crop:
        whole = np.asarray(cv2.resize(whole, (_SMALL, _SMALL), interpolation=cv2.INTER_LINEAR), np.float32)
    middle = small[one][3:-3, 3:-3]
    return float(cv2.matchTemplate(whole, middle, cv2.TM_CCOEFF_NORMED).max())


def _aligned(seen: Sequence[Look], one: int, other: int, crop: int) -> float:
    """How alike the details of two pictures are, the other aligned with the first."""
    fixed, moving = seen[one].thumbnail, seen[other].thumbnail
    warp = _alignment(fixed, moving, crop)
    if warp is None:
        return 0.0
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    covered = cv2.warpAffine(np.ones((_SIDE, _SIDE), np.uint8), warp, (_SIDE, _SIDE), flags=flags)
    covered[:4] = covered[-4:] = covered[:, :4] = covered[:, -4:] = 0
    if covered.mean() < 0.5:
        return 0.0
    laid = cv2.warpAffine(moving, warp, (_SIDE, _SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    a, b = _softened(fixed), _softened(np.asarray(laid, np.uint8))
    inside = covered > 0
    ways = ((_as_grey(a, b, inside), b), (a, _as_grey(b, a, inside)))
    return max(_likeness(_details(x, 0, _COARSE), _details(y, 0, _COARSE), inside) for x, y in ways)


def _alignment(fixed: Pixels, moving: Pixels, crop: int) -> _Plane | None:
    """Where each pixel of one picture lies in the other, 2 x 3; None where they cannot be aligned."""
    left, top, right, bottom = (each / _SIDE for each in _box(_CROPS[crop]))
    warp = np.array([[right - left, 0, left], [0, bottom - top, top]], np.float32)
    for side, steps in ((_SIDE // 2, 15), (_SIDE, 6)):
        one, other = (_details(_resized(each, side, side), side / 85, side / 16) for each in (fixed, moving))
        everywhere = np.ones((side, side), np.uint8)
        warp[:, 2] *= side
        enough = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, steps, 1e-3)
        try:
            reached, found = cv2.findTransformECC(one, other, warp, cv2.MOTION_AFFINE, enough, everywhere, 1)
        except cv2.error:  # they have too little in common
            return None
        if reached < _HALFWAY:
            return None
        warp = np.array(found, np.float32)
        warp[:, 2] /= side
    stretched = np.linalg.svd(warp[:, :2], compute_uv=False)
    if stretched.min() < 1 / _STRETCH or stretched.max() > _STRETCH:
        return None
    warp[:, 2] *= _SIDE
    return warp


def _as_grey(plane: _Plane, model: _Plane, inside: NDArray[np.bool_]) -> _Plane:
    """The plane in the other's grey levels, as another window would show it."""
    level = np.minimum(plane / 8, 31).astype(np.intp)
    counts = np.bincount(level[inside], minlength=32)
    sums = np.bincount(level[inside], model[inside], minlength=32)
    known = np.flatnonzero(counts > 5)
    return np.asarray(np.interp(plane, 8 * known + 4, sums[known] / counts[known]), np.float32)


def _likeness(one: _Plane, other: _Plane, inside: NDArray[np.bool_]) -> float:
    """Correlation in the neighbourhood of each pixel, averaged without the worst part of the picture.

    Where either has details, they count; letters and arrows are in the part left out.
    """
    within = inside.astype(np.float32)
    share = _around(within) + 1e-6
    mean_a, mean_b = _around(one * within) / share, _around(other * within) / share
    spread_a = np.maximum(_around(one * one * within) / share - mean_a**2, 0)[inside]
    spread_b = np.maximum(_around(other * other * within) / share - mean_b**2, 0)[inside]
    common = (_around(one * other * within) / share - mean_a * mean_b)[inside]
    alike = common / np.sqrt(spread_a * spread_b + 1)
    weight = np.sqrt(np.maximum(spread_a / (spread_a.mean() + 1e-6), spread_b / (spread_b.mean() + 1e-6)))
    if not weight.any():
        return 0.0
    order = np.argsort(alike, kind="stable")
    sums = np.cumsum(weight[order])
    best = order[sums > _LEFT_OUT * sums[-1]]
    return float(np.average(alike[best], weights=weight[best]))


# planes ------------------------------------------------------------------------------------------------


def _around(plane: _Plane) -> _Plane:
    """The mean of what is around each pixel."""
    return np.asarray(cv2.blur(cv2.blur(plane, (17, 17)), (17, 17)), np.float32)


def _softened(grey: Pixels) -> _Plane:
    return np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1), np.float32)


def _details(grey: Pixels | _Plane, fine: float, coarse: float) -> _Plane:
    """What is between two widths of blur, in pixels; 0 for no blur."""
    plane = grey.astype(np.float32)
    width = 2 * round(coarse) + 1
    ground = cv2.blur(cv2.blur(plane, (width, width)), (width, width))
    return np.asarray((cv2.GaussianBlur(plane, (0, 0), fine) if fine else plane) - ground, np.float32)


def _resized(grey: Pixels, width: int, height: int) -> Pixels:
    if grey.shape == (height, width):
        return grey
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _box(crop: NDArray[np.int_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a crop in the thumbnail."""
    left, top, right, bottom = (int(each) for each in np.rint(crop * (_SIDE / 100)))
    return left, top, _SIDE - right, _SIDE - bottom
