"""Gutters: bands of one colour that run through a picture from edge to edge.

All functions look for upright bands, as (first column, column after the last) pairs; pass a transposed
picture for level ones. A letter, an arrow's tip or JPEG's noise in a band does not hide it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

NOISE = 12
"""Grey levels by which a pixel may differ from its gutter."""
_CROSSED = 0.04
"""Share of a band's length that letters and arrows may take up."""
_STEADY = 9.0
"""Standard deviation of a column's grey from which on it shows more than one colour."""
_STEP = 24
"""Grey levels by which a picture must differ from the gutter at its edge."""
_REACH = 6
"""Pixels within which the edge of a blurred or tilted picture lies."""
_FRAME = 50
"""Part of a column at either end in which a frame round the picture may cross a gutter."""
_COLOURS = 8
_BARE = 0.98
"""Share of a row from which on it is margin and tells nothing of where pictures end."""
_LINE, _OTHER = 4, 0.35
"""Columns up to which a band may be a line drawn over one picture, and the share of its length at which the
two sides must differ for it to be a gutter."""
STRAIGHT = 0.4
"""Share of a band's length at which panels must begin at once on both sides."""
_SURELY, _SOME = 0.9, 0.1
"""The same where one side is beyond doubt, and what the other then needs."""
ALIKE = 0.6
"""Correlation from which on two parts count as pictures of the same kind, taken the same way."""
DARK = 40
"""Grey level up to which a gutter may be the surround of a scan."""


@dataclass(frozen=True, slots=True)
class Gutter:
    """An upright band between two panels."""

    start: int
    stop: int
    colour: int
    left: float
    """Share of its length at which the picture on its left goes right up to it."""
    right: float

    @property
    def middle(self) -> int:
        """The column in its middle."""
        return (self.start + self.stop) // 2

    @property
    def sharp(self) -> bool:
        """Pictures end at it as pictures do: most of one side, and something of the other, at once."""
        least, most = sorted((self.left, self.right))
        some = _SOME if self.colour <= DARK else 2.5 * _SOME
        return least >= STRAIGHT or (most >= _SURELY and least >= some)


def find(grey: Grey, least: int, *, drawn: bool = False) -> list[Gutter]:
    """Bands with a panel of ``least`` columns on either side and between them, from left to right.

    ``drawn``: also thin lines behind which the same picture seems to go on.
    """
    height, width = grey.shape
    if width < 2 * least + 1:
        return []
    found: list[Gutter] = []
    for colour in _colours(grey):
        near = _near(grey, colour)
        share = cv2.reduce(near, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0] / (255 * height)
        runs = [(a, b) for a, b in _runs(share >= 1 - _CROSSED) if a >= least and width - b >= least]
        if not runs:
            continue
        along = cv2.reduce(near, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() < _BARE * 255 * width
        shown = grey[along]
        for start, stop in runs:
            if stop - start > _LINE or drawn or _changes(shown, start, stop):
                left = _edge(shown[:, start - _REACH : start], colour)
                right = _edge(shown[:, stop : stop + _REACH], colour)
                found.append(Gutter(start, stop, colour, left, right))
    return _joined(found, least)


def bared(grey: Grey, colour: int) -> tuple[int, int]:
    """(first column, column after the last) of a part without margins of its gutter's colour.

    A margin goes only where a picture's edge stands behind it: a scan's black surround has none.
    """
    near = cv2.reduce(_near(grey, colour), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() // 255
    shown = len(grey) - near > _CROSSED * len(grey)
    columns = np.flatnonzero(shown)
    start, stop = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, grey.shape[1])
    if _edge(grey[:, start : start + _REACH], colour) < STRAIGHT:
        start = 0
    if _edge(grey[:, max(stop - _REACH, 0) : stop], colour) < STRAIGHT:
        stop = grey.shape[1]
    return start, stop


def _near(grey: Grey, colour: int) -> Grey:
    """255 where a pixel is of the gutter's colour, else 0."""
    return cv2.inRange(grey, max(colour - NOISE, 0), min(colour + NOISE, 255)).astype(np.uint8, copy=False)


def alike(left: Grey, right: Grey) -> bool:
    """Two parts show the same kind of picture in the same pose, and not one picture's two halves."""
    one, other = _small(left), _small(right)
    same = _correlation(one, other)
    return same >= ALIKE and same >= _correlation(one, other[:, ::-1])


def _colours(grey: Grey) -> list[int]:
    """Greys of columns that show one colour, but for a frame round the picture; white and black in any case."""
    rim = grey.shape[0] // _FRAME
    grey = grey[rim : grey.shape[0] - rim]
    height = grey.shape[0]
    mean = cv2.reduce(grey, 0, cv2.REDUCE_SUM, dtype=cv2.CV_64F)[0] / height
    square = cv2.reduce(cv2.multiply(grey, grey, dtype=cv2.CV_32F), 0, cv2.REDUCE_SUM, dtype=cv2.CV_64F)[0]
    deviation = np.sqrt(np.maximum(square / height - mean * mean, 0))
    counts = np.bincount(np.round(mean[deviation < _STEADY]).astype(np.intp), minlength=256)
    counts[[0, 255]] += 1
    colours: list[int] = []
    for colour in np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]:
        if all(abs(int(colour) - each) > NOISE for each in colours):
            colours.append(int(colour))
    return colours[:_COLOURS]


def _edge(beside: Grey, colour: int) -> float:
    """Share of rows that leave the band's colour within the columns beside it."""
    if not beside.size:
        return 0.0
    low, high = beside.min(axis=1), beside.max(axis=1)
    return float(((low < colour - _STEP) | (high > colour + _STEP)).mean())


def _changes(grey: Grey, start: int, stop: int) -> bool:
    """The picture is another one behind a thin line, and not the same with a line drawn over it.

    It must change more across the line than it does before it, where it may be shaded.
    """
    far, before, after = grey[:, start - 2 * _LINE], grey[:, start - _LINE], grey[:, stop - 1 + _LINE]
    lit = np.maximum(before, after) > DARK
    step, shade = cv2.absdiff(before, after).ravel(), cv2.absdiff(far, before).ravel()
    telling = int(np.count_nonzero(lit))
    changed = int(np.count_nonzero(lit & (step > NOISE) & (step > 2 * shade.astype(np.int16))))
    return changed > _OTHER * max(telling, 1)


def _joined(found: list[Gutter], least: int) -> list[Gutter]:
    """Bands too close for a panel between them are one: a gutter with a rule in it, say."""
    joined: list[Gutter] = []
    for each in sorted(found, key=lambda one: (one.start, -one.stop)):
        last = joined[-1] if joined else None
        if last is None or each.start - last.stop >= least:
            joined.append(each)
        elif last.sharp != each.sharp:
            joined[-1] = last if last.sharp else each
        elif each.stop > last.stop:
            wider = max(last, each, key=lambda one: one.stop - one.start)
            joined[-1] = Gutter(last.start, each.stop, wider.colour, last.left, each.right)
    return joined


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    steps = np.diff(np.concatenate(([0], flags.view(np.int8), [0])))
    return list(zip(np.flatnonzero(steps > 0).tolist(), np.flatnonzero(steps < 0).tolist(), strict=True))


def _small(grey: Grey) -> NDArray[np.float64]:
    return cv2.resize(grey, (48, 48), interpolation=cv2.INTER_AREA).astype(np.float64)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-9))
