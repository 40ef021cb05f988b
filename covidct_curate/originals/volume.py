"""One scan as an array that always lies the same way round."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidct_curate.errors import VolumeError

Voxels = NDArray[np.int16] | NDArray[np.float32]
Point = tuple[float, float, float]

MOST_VOXELS = 1 << 30
"""A scan with more is not decoded: 2 GiB, four thousand slices of 512 by 512."""
AIR = -1024
"""Hounsfield units of what a scanner did not see. Lower values have no meaning and are raised to it."""

_TURNED = 10.0
"""Degrees between the scan's axes and the body's from which a note says so."""
_SURE_AIR = -500
_BAND = 1 << 22
"""Voxels converted at once."""


@dataclass(frozen=True, eq=False, slots=True)
class Volume:
    """A scan or a mask: (slices, rows, columns), from feet to head, front to back, right to left.

    The first column is the patient's right, shown left, as radiologists look at it.
    """

    voxels: Voxels
    """Hounsfield units where ``is_hu``, else the values as stored."""
    spacing: Point | None
    """Millimetres between slices, rows and columns; None where the files do not say."""
    is_hu: bool
    origin: Point | None = None
    """Millimetres (left, back, head) of the first voxel; None where the files do not say."""
    notes: tuple[str, ...] = ()
    """What is odd: missing slices, gantry tilt, … No file's or person's name is in them."""


def check_size(shape: tuple[int, ...], where: object) -> None:
    """Raise `VolumeError` for a shape that no scan has, before anything is allocated for it."""
    count = 1
    for length in shape:
        count *= int(length)
    if min(shape) < 1 or count > MOST_VOXELS:
        size = " by ".join(f"{length:,}" for length in shape)
        raise VolumeError(
            f"{where}: its header says {size} voxels, which no scan has; get a new copy of the file"
        )


def upright(
    voxels: NDArray[Any], axes: NDArray[np.float64], spacing: Point, origin: Point
) -> tuple[NDArray[Any], Point, Point, tuple[str, ...]]:
    """Turn an array so that its axes run from feet to head, front to back and right to left.

    ``axes`` (3, 3) has for each axis of ``voxels`` the direction (left, back, head) in which it runs, ``spacing``
    its step, ``origin`` the place of its first voxel. Returns array, spacing and origin as `Volume` has them, and
    notes. Axes are only exchanged and reversed, nothing is interpolated. Raises `VolumeError` for axes that span
    no space.
    """
    lengths = np.linalg.norm(axes, axis=1)
    if not np.isfinite(axes).all() or (lengths == 0).any():
        raise VolumeError("its directions are not numbers or zero; get a new copy of the file")
    unit = axes / lengths[:, None]
    if abs(np.linalg.det(unit)) < 1e-3:
        raise VolumeError("its directions do not span a space; get a new copy of the file")
    towards = (2, 1, 0)
    order = max(
        permutations(range(3)), key=lambda each: sum(abs(unit[each[t], towards[t]]) for t in range(3))
    )
    turned = voxels.transpose(order)
    place = np.array(origin, np.float64)
    worst = 0.0
    for axis, source in enumerate(order):
        along = unit[source, towards[axis]]
        worst = max(worst, float(np.degrees(np.arccos(min(1.0, abs(along))))))
        if along < 0:
            place += unit[source] * spacing[source] * (voxels.shape[source] - 1)
            turned = np.flip(turned, axis)
    notes = (f"the scan lies {worst:.0f}° askew of the body's axes; left so",) if worst > _TURNED else ()
    first, second, third = (float(spacing[source]) for source in order)
    x, y, z = (float(each) for each in place)
    return np.ascontiguousarray(turned), (first, second, third), (x, y, z), notes


def narrow(
    stored: NDArray[Any], slope: float = 1.0, intercept: float = 0.0
) -> tuple[Voxels, tuple[str, ...]]:
    """``stored * slope + intercept`` as int16 where that is exact, else as float32; and notes.

    What is no number becomes the lowest number there is. Raises `VolumeError` for arrays of anything but
    numbers, and for those without any number.
    """
    if stored.dtype == np.int16 and slope == 1 and intercept == 0:
        return stored, ()
    if stored.dtype.kind not in "biuf":
        raise VolumeError(f"its voxels are no plain numbers ({stored.dtype}); save it in shades of grey")
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise VolumeError("its scale is zero or no number; get a new copy of the file")
    rows = max(1, _BAND // max(1, stored[0].size))
    bands = [slice(start, start + rows) for start in range(0, stored.shape[0], rows)]
    unknown = 0
    if stored.dtype.kind != "f" and float(slope).is_integer() and float(intercept).is_integer():
        ends = [int(each) * int(slope) + int(intercept) for each in (stored.min(), stored.max())]
        whole, low, high = True, float(min(ends)), float(max(ends))
    else:
        whole, low, high = True, np.inf, -np.inf
        for band in bands:
            values = _scaled(stored[band], slope, intercept)
            finite = values[np.isfinite(values)]
            unknown += values.size - finite.size
            if finite.size:
                whole = whole and bool((np.rint(finite) == finite).all())
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:
        raise VolumeError("none of its voxels is a number; get a new copy of the file")
    exact = whole and low >= -32768 and high <= 32767
    result: Voxels = np.empty(stored.shape, np.int16) if exact else np.empty(stored.shape, np.float32)
    for band in bands:
        values = _scaled(stored[band], slope, intercept)
        if unknown:
            values[~np.isfinite(values)] = low
        result[band] = values
    return result, (f"{unknown:,} voxels are no numbers; taken as the lowest value",) if unknown else ()


def _scaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[np.float64]:
    return stored.astype(np.float64) * slope + intercept


def looks_hu(voxels: Voxels) -> bool:
    """Whether values are Hounsfield units: a chest has air in it, and air is far below zero."""
    return int(voxels.min()) <= _SURE_AIR and int(voxels.max()) > _SURE_AIR


def floored(voxels: Voxels) -> Voxels:
    """Hounsfield units, none below `AIR`."""
    return np.maximum(voxels, voxels.dtype.type(AIR)) if voxels.min() < AIR else voxels
