"""Seams: lines along which two pictures touch without a gutter.

An edge inside an anatomy follows it; a seam goes straight from one side of the picture to the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

_STEP = 14
"""Grey levels by which the two sides of a seam differ."""
_BLACK, _WHITE = 25, 248
"""Grey levels at which a place tells nothing: two pictures' black surrounds look alike, and white ones too."""
_AROUND = 41
"""Columns that a seam is compared with."""
_TELLING = 0.25
"""Share of a seam's length that must not be black on both sides."""
_CLEAR, _FAIRLY, _LONELY = 0.9, 0.8, 0.65
"""Share of the telling length that must step for a seam anywhere in the picture; the share that will do where
it is by so much above that of the columns around."""
EVEN = 0.65
"""The same where the seam would cut the picture into equal parts."""
_SMOOTH, _BEYOND, _OTHER = 7, 6, 0.55
"""Side of the square that is averaged, columns from a seam to where the averages must differ, and the share of
the length at which they must: a line drawn over one picture is no seam, nor is a grid's."""
_STANDS_OUT = 0.35
"""By how much that share must be above that of the columns around."""


@dataclass(frozen=True, slots=True)
class Seam:
    """Two pictures touch between the columns ``at - 1`` and ``at``."""

    at: int
    stepped: float
    """Share of its telling length at which the two sides differ."""
    around: float
    """The same for the columns around it."""

    @property
    def clear(self) -> bool:
        """A seam wherever it is, not only where it cuts the picture into equal parts."""
        return self.stepped >= _CLEAR or (self.stepped >= _FAIRLY and self.stepped - self.around >= _LONELY)


def find(grey: Grey, least: int) -> list[Seam]:
    """Upright seams with a panel of ``least`` columns on either side, from left to right."""
    height, width = grey.shape
    if width < 2 * least + 1:
        return []
    share, telling = _stepped(grey, 1)
    smooth = cv2.blur(grey, (_SMOOTH, _SMOOTH)).astype(np.uint8, copy=False)
    beyond, telling_beyond = _stepped(smooth, _BEYOND)
    around = np.convolve(np.pad(share, _AROUND // 2, mode="edge"), np.full(_AROUND, 1 / _AROUND), "valid")
    good = (share - around >= _STANDS_OUT) & (telling >= _TELLING * height)
    good &= (beyond >= _OTHER) & (telling_beyond >= _TELLING * height)
    good[:least] = good[width - least :] = False
    seams: list[Seam] = []
    for column in np.flatnonzero(good & (share >= EVEN)):
        seam = Seam(int(column), float(share[column]), float(around[column]))
        if seams and seam.at - seams[-1].at < least:
            if seam.stepped > seams[-1].stepped:
                seams[-1] = seam
        else:
            seams.append(seam)
    return seams


def _stepped(grey: Grey, reach: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each column: the share of its telling length at which the columns ``reach`` before and after it
    differ, and that telling length in pixels."""
    before, after = grey[:, : -2 * reach], grey[:, 2 * reach :]
    lit = cv2.bitwise_and(
        cv2.inRange(cv2.max(before, after), _BLACK + 1, 255), cv2.inRange(cv2.min(before, after), 0, _WHITE)
    )
    stepped = cv2.bitwise_and(cv2.inRange(cv2.absdiff(before, after), _STEP + 1, 255), lit)
    telling = cv2.reduce(lit, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0] / 255
    share = cv2.reduce(stepped, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0] / 255 / np.maximum(telling, 1)
    return np.pad(share, reach), np.pad(telling, reach)
