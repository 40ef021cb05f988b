"""Which slices of a scan become pictures: every n-th, those with a lesion, those with much lung."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.errors import CurateError, VolumeError
from covidct_curate.originals.volume import Volume, Voxels

_LUNG = -500
"""Hounsfield units up to which a voxel is air or lung."""
_GRID = 256
"""Rows and columns, at most, that lungs are looked for in, each the mean of the pixels it covers: with fewer,
noise and thin chest walls let lungs run out into the air around."""
_SPECK = 40
"""Voxels of the coarse grid that a slice's part of a lung has at least."""
_SECOND = 0.2
"""Share of the largest air-filled part that the other lung has at least; bowel gas has less."""
_DISTANCE = 0.01
_GREYS = 8
"""Values beyond which a mask of 8 bits is a picture of one, smeared by its compression."""


def choose(
    volume: Volume,
    *,
    every: int | None = None,
    mask: Volume | None = None,
    least: int = 1,
    labels: frozenset[int] | None = None,
    lungs: float | None = None,
) -> list[int]:
    """Slices of a scan, from feet to head: those that meet all that is asked, all of them when nothing is.

    ``mask``: whose mask has ``least`` pixels or more (of these ``labels``, else of any but 0). ``lungs``: whose lungs
    take this share, 0 to 1, of their largest area or more. ``every``: of those that remain each n-th, counted so
    that as much is left out below the first as above the last. Raises `VolumeError` for a mask of another shape and
    for lungs of a scan that is not in Hounsfield units, `CurateError` for numbers that make no sense.
    """
    if (every is not None and every < 1) or least < 1 or (lungs is not None and not 0 < lungs <= 1):
        raise CurateError("give every and least as 1 or more, lungs as a share above 0 and up to 1")
    kept = np.ones(volume.voxels.shape[0], bool)
    if mask is not None:
        kept &= lesion(mask, volume, labels).sum(axis=(1, 2)) >= least
    if lungs is not None:
        areas = lung_areas(volume)
        kept &= (areas > 0) & (areas >= lungs * areas.max())
    chosen = [int(index) for index in np.flatnonzero(kept)]
    return chosen if every is None else chosen[(len(chosen) - 1) % every // 2 :: every]


def fit(mask: Volume, volume: Volume) -> tuple[str, ...]:
    """Notes on how a mask lies on its scan. Raises `VolumeError` when its shape is another."""
    if mask.voxels.shape != volume.voxels.shape:
        sizes = (" by ".join(str(each) for each in one.voxels.shape) for one in (mask, volume))
        raise VolumeError("its mask has {} voxels, the scan {}; find the mask of this scan".format(*sizes))
    notes = []
    if mask.spacing and volume.spacing and not np.allclose(mask.spacing, volume.spacing, rtol=_DISTANCE):
        notes.append("mask and scan state different distances between voxels")
    if mask.origin and volume.origin and volume.spacing:
        apart = np.abs(np.subtract(mask.origin, volume.origin))
        if (apart > 0.5 * max(volume.spacing)).any():
            notes.append(f"mask and scan state places {apart.max():.0f} mm apart; look at them together")
    return tuple(notes)


def lesion(mask: Volume, volume: Volume, labels: frozenset[int] | None = None) -> NDArray[np.bool_]:
    """Where a mask marks something: (slices, rows, columns) of the scan it belongs to.

    A mask of 0 and 1, 0 and 255, or of labels marks what is not 0, or these ``labels``. One with many values up to
    255 is a picture of a mask: its lighter half counts. Raises `VolumeError` when its shape is another.
    """
    fit(mask, volume)
    if labels is not None:
        return np.isin(mask.voxels, sorted(labels))
    values = np.unique(mask.voxels)
    if values.size > _GREYS and values[0] >= 0 and 200 < values[-1] <= 255:
        return np.asarray(mask.voxels >= 128)
    return np.asarray(mask.voxels != 0)


def lung_areas(volume: Volume) -> NDArray[np.int64]:
    """Area of the lungs in each slice, in pixels of a grid of up to 256 columns; all 0 where there are none.

    Air inside the body, joined from slice to slice: its largest part, and others of a fifth of it or more.
    Raises `VolumeError` when the scan is not in Hounsfield units.
    """
    if not volume.is_hu:
        raise VolumeError("lungs are found in Hounsfield units only; choose slices of this scan another way")
    parents: list[int] = [0]
    sizes: list[int] = [0]
    places: list[int] = [0]
    above: NDArray[np.int64] | None = None
    for index, plane in enumerate(volume.voxels):
        here = _inner_air(_coarse(plane))
        names = np.zeros(len(here[1]), np.int64)
        for part, size in enumerate(here[1]):
            if size >= _SPECK:
                names[part] = len(parents)
                parents.append(len(parents))
                sizes.append(size)
                places.append(index)
        named = names[here[0]]
        if above is not None:
            both = (named > 0) & (above > 0)
            for pair in np.unique(named[both] * len(parents) + above[both]):
                one, other = divmod(int(pair), len(parents))
                parents[_root(parents, one)] = _root(parents, other)
        above = named
    whole = np.zeros(len(parents), np.int64)
    roots = [_root(parents, each) for each in range(len(parents))]
    np.add.at(whole, roots, sizes)
    areas = np.zeros(volume.voxels.shape[0], np.int64)
    for root, size, place in zip(roots, sizes, places, strict=True):
        if whole[root] >= _SECOND * whole.max():
            areas[place] += size
    return areas


def _coarse(plane: Voxels) -> Voxels:
    height, width = plane.shape
    share = _GRID / max(height, width)
    if share >= 1:
        return plane
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _inner_air(plane: Voxels) -> tuple[NDArray[np.int32], list[int]]:
    """Parts of air that do not touch the frame: their numbers, and the size of each (0 for all else)."""
    air = (plane <= _LUNG).astype(np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(air, connectivity=4)
    sizes = [int(each) for each in stats[:, cv2.CC_STAT_AREA]]
    for part in {0, *np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]).tolist()}:
        sizes[part] = 0
    return np.asarray(parts, np.int32), sizes


def _root(parents: list[int], each: int) -> int:
    while parents[each] != each:
        parents[each] = parents[parents[each]]
        each = parents[each]
    return each
