"""Spots of a picture that may be letters: a local threshold for each polarity and connected components."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST, MOST = 6, 90
"""Height in pixels of a spot that may be a letter."""
PATCH = 20
"""Side of the square that a spot is brought to, in pixels."""
_CONTRAST = 60
"""Grey levels between the lightest and the darkest pixel around a letter."""
_STROKE = 0.65
"""Where a stroke ends, from the local extreme (0) to the local mean (1)."""
_WINDOW = 21
"""Side of the square that is "local", in pixels."""
_MANY = 300
"""Spots of one polarity per megapixel, at most; of more, those of least contrast are left out."""
_AROUND = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Spots:
    """Letter-sized components, as arrays of the same length."""

    boxes: NDArray[np.int32]
    """(n, 4): x0, y0, x1, y1."""
    patches: NDArray[np.float32]
    """(n, PATCH, PATCH): 1 on the stroke, 0 beside it."""
    bright: NDArray[np.bool_]
    """(n,): lighter than what is around it."""


def spots_of(grey: NDArray[np.uint8], near: NDArray[np.bool_] | None = None) -> Spots:
    """Letter-sized components of a (h, w) picture, light ones and dark ones.

    ``near`` is a (h, w) mask: nothing is seen outside it.
    """
    window = np.ones((_WINDOW, _WINDOW), np.uint8)
    high, low = cv2.dilate(grey, window), cv2.erode(grey, window)
    mean = cv2.blur(grey, (_WINDOW, _WINDOW))
    contrast = cv2.subtract(high, low).astype(np.uint8, copy=False)
    seen = contrast >= _CONTRAST
    if near is not None:
        seen &= near
    # no run of pixels goes on in the next row
    seen[:, 0] = seen[-1, -1] = False
    boxes: list[NDArray[np.int32]] = []
    patches: list[NDArray[np.float32]] = []
    for light in (True, False):
        ends = cv2.addWeighted(high if light else low, 1 - _STROKE, mean, _STROKE, 0)
        labels, names, found = _components(((grey > ends) if light else (grey < ends)) & seen)
        most = max(60, int(_MANY * grey.size / 1e6))
        if len(found) > most:
            middle = (found[:, :2] + found[:, 2:] - 1) // 2
            kept = np.argsort(-contrast[middle[:, 1], middle[:, 0]].astype(int), kind="stable")[:most]
            names, found = names[kept], found[kept]
        drawn = np.zeros((len(found), PATCH, PATCH), np.float32)
        ranges = np.ones((len(found), 1, 1), np.float32)
        for k, (name, (x0, y0, x1, y1)) in enumerate(zip(names.tolist(), found.tolist(), strict=True)):
            stroke = (labels[y0:y1, x0:x1] == name).view(np.uint8)
            ranges[k] = _draw(grey[y0:y1, x0:x1], stroke, light, drawn[k])
        boxes.append(found)
        patches.append(drawn / ranges)
    bright = np.repeat([True, False], [len(found) for found in boxes])
    return Spots(np.concatenate(boxes), np.concatenate(patches), bright)


def _components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Labels (h, w), the labels (n,) of letter-sized components and their boxes (n, 4).

    OpenCV's own statistics take several times as long as its labels: here each run of pixels counts once.
    """
    count, found = cv2.connectedComponentsWithAlgorithm(mask.view(np.uint8), 8, cv2.CV_32S, cv2.CCL_SPAGHETTI)
    labels = found.astype(np.int32, copy=False)
    runs = mask.ravel()
    begins, ends = np.flatnonzero(runs[1:] > runs[:-1]) + 1, np.flatnonzero(runs[1:] < runs[:-1]) + 1
    names = labels.ravel()[begins]
    rows = begins // mask.shape[1]
    lines = rows * mask.shape[1]
    x0, x1 = np.full(count, mask.shape[1]), np.zeros(count, np.int64)
    np.minimum.at(x0, names, begins - lines)
    np.maximum.at(x1, names, ends - lines)
    y0, y1 = np.zeros(count, np.int64), np.zeros(count, np.int64)
    # of several values given to one place the last stays: the runs come from top to bottom
    y0[names[::-1]], y1[names] = rows[::-1], rows + 1
    area = np.bincount(names, ends - begins, count)
    w, h = x1 - x0, y1 - y0
    fill = area / np.maximum(w * h, 1)
    shaped = (h >= LEAST) & (h <= MOST) & (w >= 2) & (w <= 1.6 * h + 2) & (h <= 9 * w)
    kept = np.flatnonzero(shaped & (fill > 0.12) & ((fill < 0.9) | (w < 0.4 * h)))
    return labels, kept, np.stack([x0, y0, x1, y1], 1)[kept].astype(np.int32)


def _draw(
    grey: NDArray[np.uint8], stroke: NDArray[np.uint8], light: bool, patch: NDArray[np.float32]
) -> float:
    """Bring a spot, (h, w) grey levels and its stroke (1), to a patch (PATCH, PATCH) of zeros.

    The patch is in grey levels over the ground; returned is how many the spot spans.
    """
    least, most, _, _ = cv2.minMaxLoc(grey)
    around = cv2.dilate(stroke, _AROUND).astype(np.uint8, copy=False)
    shade = (grey - np.uint8(least) if light else np.uint8(most) - grey) * around
    h, w = shade.shape
    scale = (PATCH - 2) / max(h, w)
    wide, tall = max(1, round(w * scale)), max(1, round(h * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    top, left = (PATCH - tall) // 2, (PATCH - wide) // 2
    small = cv2.resize(shade.astype(np.float32), (wide, tall), interpolation=way)
    patch[top : top + tall, left : left + wide] = small
    return max(most - least, 1.0)
