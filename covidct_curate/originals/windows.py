"""Hounsfield units as pictures: through a window, as 8 bits; or all of them, as 16."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covidct_curate.errors import CurateError
from covidct_curate.originals.volume import Volume, Voxels

_NUMBERS = re.compile(r"\s*([+-]?\d{1,5}(?:\.\d{1,3})?)\s*,\s*(\d{1,5}(?:\.\d{1,3})?)\s*")
_ZERO = 32768


@dataclass(frozen=True, slots=True)
class Window:
    """The Hounsfield units that a picture shows."""

    level: float
    """The middle."""
    width: float
    """From black to white; above zero."""


LUNG = Window(-600, 1500)


def parse_window(text: str) -> Window:
    """``-600,1500``: level, width. Raises `CurateError` for anything else, and for a width of zero."""
    found = _NUMBERS.fullmatch(text)
    if found is None or float(found[2]) <= 0:
        raise CurateError(
            f"{text!r} is no window: give level and width in Hounsfield units, such as -600,1500"
        )
    return Window(float(found[1]), float(found[2]))


def windowed(voxels: Voxels, window: Window = LUNG) -> NDArray[np.uint8]:
    """Hounsfield units of any shape as 8 bits: ``level - width/2`` and less is 0, ``level + width/2`` and more 255.

    Between them grey is proportional, rounded to the nearest, halves up. What is no number is black.
    """
    if voxels.dtype == np.int16:
        table = _grey(np.arange(-_ZERO, _ZERO, dtype=np.float64), window)
        return np.asarray(table[voxels.astype(np.int32) + _ZERO])
    return _grey(voxels.astype(np.float64), window)


def _grey(values: NDArray[np.float64], window: Window) -> NDArray[np.uint8]:
    share = (values - (window.level - window.width / 2)) * 255 / window.width
    clipped = np.clip(np.nan_to_num(share, nan=0.0), 0, 255)
    return np.asarray(np.floor(clipped + 0.5), np.uint8)


def hu16(voxels: Voxels) -> NDArray[np.uint16]:
    """Hounsfield units of any shape as 16 bits: 32768 is zero, as in other collections of CT pictures.

    Exact for whole numbers; others are rounded, and cut off at -32768 and 32767. What is no number is -32768.
    """
    if voxels.dtype == np.int16:
        return np.asarray((voxels.astype(np.int32) + _ZERO).astype(np.uint16))
    values = np.nan_to_num(voxels.astype(np.float64), nan=-_ZERO, posinf=_ZERO - 1, neginf=-_ZERO)
    return np.asarray(np.clip(np.floor(values + 0.5) + _ZERO, 0, 2 * _ZERO - 1), np.uint16)


def from_hu16(pixels: NDArray[np.uint16]) -> NDArray[np.int16]:
    """The Hounsfield units of a picture made by `hu16`."""
    return (pixels.astype(np.int32) - _ZERO).astype(np.int16)


def pictures(volume: Volume, slices: Iterable[int], window: Window = LUNG) -> Iterator[NDArray[np.uint8]]:
    """Slices of a scan as 8-bit pictures (rows, columns), one by one.

    Hounsfield units through the window. Other values as they are where all of them are 0 to 255, else scaled so
    that the scan's lowest is 0 and its highest 255.
    """
    if volume.is_hu:
        for index in slices:
            yield windowed(volume.voxels[index], window)
        return
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    if low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    width = max(high - low, 1.0)
    whole = Window(low + width / 2, width)
    for index in slices:
        yield windowed(volume.voxels[index], whole)
