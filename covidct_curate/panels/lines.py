"""The lines along which an image is cut: sharp gutters first, then seams, then black between pictures alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from covidct_curate.panels import gutters, seams
from covidct_curate.records import Method

_EVEN = 0.06
"""Share of a side by which parts of equal size may differ from their mean."""
_ASIDE = 0.25
"""Share of a side that must lie on either side of a seam that does not cut into equal parts."""
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
        return Lines(tuple((seam.at, seam.at) for seam in clear), "seam", sure)
    dark = [band.middle for band in bands if band.colour <= gutters.DARK]
    if dark and _even(dark, width):
        parts = [grey[:, a:b] for a, b in pairwise([0, *dark, width])]
        if eager or all(gutters.alike(one, other) for one, other in pairwise(parts)):
            return Lines(tuple((middle, middle) for middle in dark), "gutter", _GUESS)
    return None


def _even(at: Sequence[int], width: int) -> bool:
    """Cuts there leave parts of equal size."""
    sizes = [b - a for a, b in pairwise([0, *at, width])]
    return max(sizes) - min(sizes) <= 2 * _EVEN * width
