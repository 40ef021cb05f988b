"""What is tissue in a CT picture, and what is air, lung or outside the field of view."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.originals.shapes import filled

_WORK = 256
"""Longest side at which the body is looked for."""
BLACK = 3
"""Grey level up to which a pixel is outside the field of view, or darker than the window."""
DARK = 0.2
"""Share of the middle of a picture that black lungs fill at least, in a window for soft tissue."""
_BLACKENED = 0.35
"""Share of the lungs that is black at least, vessels and disease aside, in a window for soft tissue."""
CLOSED = 0.02
"""Share of a picture from which on what the body encloses is lung and not windpipe."""


def reduced(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with its longest side brought down to the size worked at."""
    scale = _WORK / max(grey.shape)
    if scale >= 1:
        return grey
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def smoothed(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same without noise."""
    return np.asarray(cv2.GaussianBlur(reduced(grey), (5, 5), 0), np.uint8)


def threshold(grey: NDArray[np.uint8]) -> int:
    """The grey level above which a pixel is tissue: in the valley between air and lung, and fat and muscle."""
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    rough = np.asarray(grey > _otsu(counts), np.uint8)
    lungs = (filled(rough) & (1 - rough)) > 0
    amid = grey[lungs] if lungs.mean() > CLOSED else core(grey)
    black = (amid <= BLACK).mean()
    if black < 0.05:  # the lungs are not black: what is, lies outside the field of view
        counts[: BLACK + 1] = 0
    middle = _otsu(counts)
    smooth = np.convolve(np.pad(counts, 3, "edge"), np.full(7, 1 / 7), "valid")[: middle + 1]
    if black > (_BLACKENED if lungs.mean() > CLOSED else DARK):
        # black lungs, a window for soft tissue: fat is the next peak, and may lie below Otsu's cut
        low = int(np.argmax(smooth[: 2 * BLACK]))
        high = low + 1 + int(np.argmax(np.diff(smooth[low:], append=np.inf) > 0))
    else:
        below = np.cumsum(counts[: middle + 1])
        low, high = int(np.searchsorted(below, below[-1] / 2)), middle + 1
    valley = smooth[low:high]
    floor = np.flatnonzero(valley <= 1.5 * valley.min() + 1)
    return low + int(floor[0] + floor[-1]) // 2


def core(plane: NDArray[Any]) -> NDArray[Any]:
    """The middle of the picture, where the body is and its lungs are."""
    height, width = plane.shape
    return plane[height // 5 : height - height // 5, width // 5 : width - width // 5]


def _otsu(counts: NDArray[np.float64]) -> int:
    levels = np.arange(len(counts))
    below = np.cumsum(counts)
    mass = np.cumsum(counts * levels)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = mass / below - (mass[-1] - mass) / above
        between = np.where((below > 0) & (above > 0), below * above * apart**2, 0)
    return int(np.argmax(between))
