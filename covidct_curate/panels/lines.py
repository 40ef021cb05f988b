"""The lines along which an image is cut: sharp gutters first, then seams, then black between pictures alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.panels import gutters, seams
from covidct_curate.records import Method

_EVEN = 0.06
"""Share of a side by which parts of equal size may differ from their mean."""
_ASIDE = 0.25
"""Share of a side that must lie on either side of a seam that does not cut into equal parts."""
_BAND = 8
"""Columns up to which what shows one colour beside a seam is a line between pictures."""
_RULED, _WHITE, _RIMMED, _REACH, _RULES = 0.98, 225, 0.6, 2, 0.9
"""Share of its length at which a black line must be black; grey of white, the share of a column that must have
it, and within how many columns of the line; confidence in such lines."""
_BARE, _CLEAR = 0.95, 6
"""Share of a column that is white where it shows no picture; such columns beside a rule that stands clear."""
_WIDE, _USUAL, _EQUAL, _UP_TO = 1.8, 1.6, 0.01, 0.9
"""Ratio of the sides from which on a picture is too wide for one image, and the largest of an image of usual
shape; the share of the width by which such images may differ; the share of a line's length at which they must
go right up to it."""
_GUESS = 0.5
"""Confidence in a cut that only the likeness of its parts speaks for."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Parallel cuts through an image: what is cut away at each, as (first, after the last) column."""

    cuts: tuple[tuple[int, int], ...]
    method: Method
    confidence: float
    colour: int | None = None
    """Grey of the gutters, None for seams."""
    rimmed: bool = False
    """The white beside them is the pictures' own."""

    def parts(self, width: int) -> list[tuple[int, int]]:
        """What is left of that many columns, as (first, after the last) pairs."""
        edges = [0, *(edge for cut in self.cuts for edge in cut), width]
        return list(zip(edges[::2], edges[1::2], strict=True))


def find(grey: NDArray[np.uint8], least: int, *, eager: bool = False) -> Lines | None:
    """Upright lines with a panel of ``least`` columns on either side, None where there are none.

    ``eager``: also those that would not do by themselves, for a picture that is known to have panels.
    """
    width = grey.shape[1]
    bands = gutters.find(grey, least)
    sharp = [
        band for band in bands if band.sharp or (eager and max(band.left, band.right) >= gutters.STRAIGHT)
    ]
    if sharp:
        sure = min(max(band.left, band.right) for band in sharp)
        return Lines(tuple((band.start, band.stop) for band in sharp), "gutter", sure, sharp[0].colour)
    found = seams.find(grey, least)
    even = eager or _even([seam.at for seam in found], width)
    clear = [
        seam for seam in found if even or (seam.clear and min(seam.at, width - seam.at) >= _ASIDE * width)
    ]
    if clear:
        sure = 0.9 * min(seam.stepped for seam in clear)
        return Lines(tuple(_widened(grey, seam.at) for seam in clear), "seam", sure)
    dark = [band.middle for band in bands if band.colour <= gutters.DARK]
    if dark and _even(dark, width):
        parts = [grey[:, a:b] for a, b in pairwise([0, *dark, width])]
        if eager or all(gutters.alike(one, other) for one, other in pairwise(parts)):
            return Lines(tuple((middle, middle) for middle in dark), "gutter", _GUESS)
    return _dividing(grey, least)


def _dividing(grey: NDArray[np.uint8], least: int) -> Lines | None:
    """Thin lines through a picture too wide to be one image, into images of one size and of usual shape."""
    height, width = grey.shape
    if width < _WIDE * height:
        return None
    thin = [
        (band.start, band.stop)
        for band in gutters.find(grey, least, drawn=True)
        if min(band.left, band.right) >= _UP_TO
    ]
    edges = [0, *(edge for cut in thin for edge in cut), width]
    sizes = [b - a for a, b in zip(edges[::2], edges[1::2], strict=True)]
    if not thin or max(sizes) - min(sizes) > _EQUAL * width or max(sizes) > _USUAL * height:
        return None
    return Lines(tuple(thin), "gutter", _GUESS)


def ruled(grey: NDArray[np.uint8], least: int) -> Lines | None:
    """Upright black lines from edge to edge with white on both sides: the gutters of pictures with white rims.

    A rule drawn in a white gutter is none: it stands clear of the pictures on both sides.
    """
    width = grey.shape[1]
    if width < 2 * least + 1:
        return None
    black = _share(grey <= gutters.DARK) >= _RULED
    if not black.any():
        return None
    light = _share(grey >= _WHITE)
    white = np.convolve(light >= _RIMMED, np.ones(2 * _REACH + 1), "same") > 0
    bare = np.concatenate((light >= _BARE, np.zeros(_CLEAR, np.bool_)))
    steps = np.flatnonzero(np.diff(black.astype(np.int8), prepend=0, append=0))
    cuts = [
        (start, stop)
        for start, stop in zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True)
        if least <= start and stop <= width - least and stop - start <= _BAND
        if white[start - 1] and white[stop]
        if not (bare[start - _CLEAR : start].all() and bare[stop : stop + _CLEAR].all())
    ]
    apart = all(after[0] - before[1] >= least for before, after in pairwise(cuts))
    return Lines(tuple(cuts), "gutter", _RULES, 0, True) if cuts and apart else None


def _widened(grey: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """A seam with the columns beside it that show one colour: it is the edge of a line between the pictures."""
    middle = grey[len(grey) // 20 : len(grey) - len(grey) // 20]
    plain = [column for column in (at, at + 1, at - 1) if _plain(middle[:, column])]
    if not plain:
        return at, at
    start, stop = plain[0], plain[0] + 1
    while stop < at + _BAND and _plain(middle[:, stop]):
        stop += 1
    while start > at - _BAND and _plain(middle[:, start - 1]):
        start -= 1
    return (start, stop) if stop - start < _BAND else (at, at)


def _share(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of each column the share that is set."""
    pixels = np.ascontiguousarray(mask).view(np.uint8)
    return np.asarray(cv2.reduce(pixels, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() / mask.shape[0])


def _plain(column: NDArray[np.uint8]) -> bool:
    return bool(np.percentile(column, 97) - np.percentile(column, 3) <= gutters.NOISE)


def _even(at: Sequence[int], width: int) -> bool:
    """Cuts there leave parts of equal size."""
    sizes = [b - a for a, b in pairwise([0, *at, width])]
    return max(sizes) - min(sizes) <= 2 * _EVEN * width
