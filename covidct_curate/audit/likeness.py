"""How alike two pictures are, one laid over the other.

They are shifted by a few pixels first; those that agree are aligned exactly (scale, shift, shear), and the
correlation of their details decides.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Height x width (grey) or height x width x 3 (RGB), 8 bits."""
Plane = NDArray[np.float32]
"""Height x width."""
Crop = NDArray[np.int_]
"""Percent of the sides taken away at left, top, right and bottom."""

SIDE, SMALL = 128, 32
"""Sides of the pictures that are aligned and that are shifted."""
_SHIFTED = 0.7
"""Correlation that pictures being shifted reach at least."""
_HALFWAY = 0.75
"""Correlation that pictures being aligned reach at least."""
_STRETCH = 1.33
"""How much larger one may be shown than the other, each brought to the same size."""
_COARSE, _LEFT_OUT = 8, 0.15
"""Blur above which details are none; share of a picture that may differ."""


def likeness(fixed: Pixels, moving: Pixels, crop: Crop) -> float:
    """How alike the details of two pictures of 128 x 128 are, from 0 to 1.

    ``crop`` is about the part of the second that the first shows.
    """
    return _aligned(fixed, moving, crop) if _shifted(fixed, moving, crop) >= _SHIFTED else 0.0


def _shifted(fixed: Pixels, moving: Pixels, crop: Crop) -> float:
    """Correlation of the middle of one with the crop of the other, at the best of some shifts."""
    one, other = (_details(resized(each, SMALL, SMALL), 0.7, 2) for each in (fixed, moving))
    left, top, right, bottom = box(crop, SMALL)
    whole = other[top:bottom, left:right]
    if crop.any():
        whole = np.asarray(cv2.resize(whole, (SMALL, SMALL), interpolation=cv2.INTER_LINEAR), np.float32)
    return float(cv2.matchTemplate(whole, one[3:-3, 3:-3], cv2.TM_CCOEFF_NORMED).max())


def _aligned(fixed: Pixels, moving: Pixels, crop: Crop) -> float:
    """How alike the details of two pictures are, the other aligned with the first."""
    warp = _alignment(fixed, moving, crop)
    if warp is None:
        return 0.0
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    covered = cv2.warpAffine(np.ones((SIDE, SIDE), np.uint8), warp, (SIDE, SIDE), flags=flags)
    covered[:4] = covered[-4:] = covered[:, :4] = covered[:, -4:] = 0
    if covered.mean() < 0.5:
        return 0.0
    laid = cv2.warpAffine(moving, warp, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    a, b = _softened(fixed), _softened(np.asarray(laid, np.uint8))
    inside = covered > 0
    ways = ((_as_grey(a, b, inside), b), (a, _as_grey(b, a, inside)))
    return max(_agreement(_details(x, 0, _COARSE), _details(y, 0, _COARSE), inside) for x, y in ways)


def _alignment(fixed: Pixels, moving: Pixels, crop: Crop) -> Plane | None:
    """Where each pixel of one picture lies in the other, 2 x 3; None where they cannot be aligned."""
    left, top, right, bottom = (each / SIDE for each in box(crop, SIDE))
    warp = np.array([[right - left, 0, left], [0, bottom - top, top]], np.float32)
    for side, steps in ((SIDE // 2, 15), (SIDE, 6)):
        one, other = (_details(resized(each, side, side), side / 85, side / 16) for each in (fixed, moving))
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
    warp[:, 2] *= SIDE
    return warp


def _as_grey(plane: Plane, model: Plane, inside: NDArray[np.bool_]) -> Plane:
    """The plane in the other's grey levels, as another window would show it."""
    level = np.minimum(plane / 8, 31).astype(np.intp)
    counts = np.bincount(level[inside], minlength=32)
    sums = np.bincount(level[inside], model[inside], minlength=32)
    known = np.flatnonzero(counts > 5)
    return np.asarray(np.interp(plane, 8 * known + 4, sums[known] / counts[known]), np.float32)


def _agreement(one: Plane, other: Plane, inside: NDArray[np.bool_]) -> float:
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


def _around(plane: Plane) -> Plane:
    """The mean of what is around each pixel."""
    return np.asarray(cv2.blur(cv2.blur(plane, (17, 17)), (17, 17)), np.float32)


def _softened(grey: Pixels) -> Plane:
    return np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1), np.float32)


def _details(grey: Pixels | Plane, fine: float, coarse: float) -> Plane:
    """What is between two widths of blur, in pixels; 0 for no blur."""
    plane = grey.astype(np.float32)
    width = 2 * round(coarse) + 1
    ground = cv2.blur(cv2.blur(plane, (width, width)), (width, width))
    return np.asarray((cv2.GaussianBlur(plane, (0, 0), fine) if fine else plane) - ground, np.float32)


def resized(grey: Pixels, width: int, height: int) -> Pixels:
    """A grey picture of another size."""
    if grey.shape == (height, width):
        return grey
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def box(crop: Crop, side: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a crop in a picture of that side."""
    left, top, right, bottom = (int(each) for each in np.rint(crop * (side / 100)))
    return left, top, side - right, side - bottom
