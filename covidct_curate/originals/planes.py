"""The slices of one DICOM series: decoded, put in their places, made a volume."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidct_curate.errors import CurateError, VolumeError
from covidct_curate.originals.decoders import check_codec
from covidct_curate.originals.volume import (
    AIR,
    Point,
    Volume,
    Voxels,
    check_size,
    floored,
    looks_hu,
    narrow,
    upright,
)

_SURE_AIR = -900
"""Hounsfield units up to which padding is believed to be padding."""
_NO_TISSUE = 32767
"""Hounsfield units from which it is, too: a negative number read without its sign."""
_TILT = 0.5
_TOUCHING = 0.01
"""Millimetres between slices that lie at one place."""
_UNEVEN = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """One slice with what its file, or its frame's part of a file, says."""

    voxels: Voxels
    mirror: Voxels | None
    """The same with dark and light exchanged, where the file says that it is stored so."""
    is_hu: bool
    axes: NDArray[np.float64] | None
    position: NDArray[np.float64] | None
    spacing: tuple[float, float] | None
    step: float | None
    """Millimetres to the next slice as the file says; slices may lie otherwise."""
    tilt: float
    order: tuple[int, int]
    """Acquisition, number."""


def orientation(dataset: Any) -> NDArray[np.float64] | None:
    """Directions (left, back, head) in which slices, rows and columns run; None where not or wrongly stated."""
    shared = _group(dataset.get("SharedFunctionalGroupsSequence"), "PlaneOrientationSequence")
    cosines = _numbers(dataset if shared is None else shared, "ImageOrientationPatient", 6)
    if cosines is None:
        return None
    along, down = cosines[:3], cosines[3:]
    if (
        abs(np.linalg.norm(along) - 1) > 0.01
        or abs(np.linalg.norm(down) - 1) > 0.01
        or abs(along @ down) > 0.01
    ):
        return None
    return np.stack([np.cross(along, down), down, along])


def load(files: Sequence[Path]) -> Volume:
    """Decode one series. Slices that cannot be decoded are left out with a note.

    Raises `VolumeError` when none can be decoded or they make no volume, `CurateError` naming the package that
    a compression needs.
    """
    planes: list[_Plane] = []
    reasons: list[str] = []
    notes: list[str] = []
    for number, path in enumerate(files, 1):
        try:
            planes += _planes(path, number)
        except (CurateError, MemoryError):
            raise
        except Exception as error:  # whatever damaged pixels make their decoder raise
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reasons.append(_first_line(error))
    if not planes:
        raise VolumeError(f"{files[0]}: none of its slices can be decoded: {reasons[0]}; get a new copy")
    if reasons:
        notes.append(
            f"{len(reasons):,} of {len(files):,} files cannot be decoded, cut short or damaged; left out"
        )
    shape = planes[0].voxels.shape
    whole = [plane for plane in planes if plane.voxels.shape == shape]
    if len(whole) < len(planes):
        notes.append(f"{len(planes) - len(whole):,} slices of another size were left out")
    placed = [plane for plane in whole if plane.axes is not None and plane.position is not None]
    if len(whole) / 2 < len(placed) < len(whole):
        notes.append(f"{len(whole) - len(placed):,} slices do not say where they lie; left out")
        whole = placed
    check_size((len(whole), *shape), files[0])
    ordered, axes, step, origin = _ordered(whole, notes)
    voxels, is_hu = _stacked(ordered, notes)
    inner = ordered[0].spacing
    if inner is None or step is None:
        notes.append("distances between slices or pixels are not stated")
    known = (step or 1.0, *(inner or (1.0, 1.0)))
    turned, spacing, place, more = upright(voxels, axes, known, origin or (0.0, 0.0, 0.0))
    return Volume(
        voxels=turned,
        spacing=spacing if inner and step else None,
        is_hu=is_hu,
        origin=place if origin and inner and step else None,
        notes=(*notes, *more),
    )


def _ordered(
    planes: list[_Plane], notes: list[str]
) -> tuple[list[_Plane], NDArray[np.float64], float | None, Point | None]:
    """Slices along their normal, one at a place; directions, the step between them, the first's place."""
    axes = planes[0].axes
    if axes is None or any(plane.axes is None or plane.position is None for plane in planes):
        notes.append("places or directions of the slices are not stated; ordered by number, taken as axial")
        flat = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], np.float64)
        ordered = sorted(planes, key=lambda plane: plane.order)
        return ordered, flat if axes is None else axes, ordered[0].step, None
    normal = axes[0]
    placed = sorted(
        ((float(plane.position @ normal), plane) for plane in planes if plane.position is not None),
        key=lambda each: (round(each[0] / _TOUCHING), each[1].order),
    )
    kept = [placed[0]]
    for place, plane in placed[1:]:
        if place - kept[-1][0] > _TOUCHING:
            kept.append((place, plane))
    if len(kept) < len(placed):
        notes.append(
            f"{len(placed) - len(kept):,} slices lie where another lies; the first acquisition's was kept"
        )
    ordered = [plane for _, plane in kept]
    first, last = ordered[0].position, ordered[-1].position
    assert first is not None and last is not None
    _tell_tilt(ordered, (last - first), normal, notes)
    gaps = np.diff([place for place, _ in kept])
    step = round(float(np.median(gaps)), 6) if gaps.size else ordered[0].step
    if gaps.size and step is not None:
        _tell_gaps(gaps, step, notes)
    return ordered, axes, step, (float(first[0]), float(first[1]), float(first[2]))


def _tell_tilt(
    planes: list[_Plane], way: NDArray[np.float64], normal: NDArray[np.float64], notes: list[str]
) -> None:
    length = float(np.linalg.norm(way))
    shear = np.degrees(np.arccos(np.clip(abs(way @ normal) / length, 0, 1))) if length else 0.0
    tilt = max(float(shear), *(abs(plane.tilt) for plane in planes))
    if tilt > _TILT:
        notes.append(f"gantry tilt of {tilt:.1f}°: slices lie slanted one above the other; left so")


def _tell_gaps(gaps: NDArray[np.float64], step: float, notes: list[str]) -> None:
    wide = np.flatnonzero(gaps > 1.5 * step)
    if wide.size:
        missing = int((np.rint(gaps[wide] / step) - 1).sum())
        where = ", ".join(f"{gaps[each]:g} mm" for each in wide[:5])
        notes.append(f"about {missing:,} slices are missing: gaps of {where} where {step:g} mm is usual")
    rest = gaps[gaps <= 1.5 * step]
    if (abs(rest - step) > _UNEVEN * step).any():
        notes.append(f"slices lie {rest.min():g} to {rest.max():g} mm apart; {step:g} mm is usual")


def _stacked(planes: list[_Plane], notes: list[str]) -> tuple[Voxels, bool]:
    """Slices as one array, and whether it is in Hounsfield units; mirrored where that is what they need."""
    stated = all(plane.is_hu for plane in planes)
    parts = [plane.voxels for plane in planes]
    mirrors = [plane.mirror for plane in planes if plane.mirror is not None]
    if len(mirrors) == len(parts):
        if stated and min(int(part.min()) for part in parts) <= -500:
            notes.append("MONOCHROME1, but its values are Hounsfield units as they stand; left so")
        else:
            notes.append("MONOCHROME1: dark and light were exchanged")
            parts = mirrors
    exact = all(part.dtype == np.int16 for part in parts)
    voxels: Voxels = np.empty((len(parts), *parts[0].shape), np.int16 if exact else np.float32)
    for index, part in enumerate(parts):
        voxels[index] = part
    is_hu = stated or looks_hu(voxels)
    if not is_hu:
        notes.append("its values are no Hounsfield units, no scale is stated")
    return floored(voxels) if is_hu else voxels, is_hu


def _planes(path: Path, number: int) -> list[_Plane]:
    """The slices of one file, decoded. Raises what pydicom raises, `CurateError` when a codec is missing."""
    try:
        import pydicom
    except ImportError:
        raise CurateError("reading DICOM needs pydicom; install it: pip install pydicom") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
        check_codec(dataset)
        count = int(dataset.get("NumberOfFrames") or 1)
        check_size((count, int(dataset.Rows), int(dataset.Columns)), path)
        pixels = np.asarray(dataset.pixel_array)
        frames = pixels[None] if pixels.ndim == 2 else pixels
        shared = dataset.get("SharedFunctionalGroupsSequence")
        each = dataset.get("PerFrameFunctionalGroupsSequence") or [None] * len(frames)
        return [
            _plane(dataset, [group, shared[0] if shared else None, dataset], stored, (number, index))
            for index, (stored, group) in enumerate(zip(frames, each, strict=True))
        ]


def _plane(dataset: Any, groups: list[Any], stored: NDArray[Any], place: tuple[int, int]) -> _Plane:
    """One frame; ``groups`` say of it, the first that does: its own, those of all frames, the file."""

    def said(sequence: str, name: str, count: int) -> NDArray[np.float64] | None:
        for group in groups:
            source = group if group is dataset else _group([group] if group is not None else None, sequence)
            if source is not None and (found := _numbers(source, name, count)) is not None:
                return found
        return None

    slope = said("PixelValueTransformationSequence", "RescaleSlope", 1)
    intercept = said("PixelValueTransformationSequence", "RescaleIntercept", 1)
    scale = float(slope[0]) if slope is not None and slope[0] != 0 else 1.0
    shift = float(intercept[0]) if intercept is not None else 0.0
    mirror = None
    if str(dataset.get("PhotometricInterpretation", "")).strip() == "MONOCHROME1":
        ends = -1 if dataset.PixelRepresentation else (1 << int(dataset.BitsStored)) - 1
        mirror, _ = narrow(ends - stored.astype(np.int64), scale, shift)
    padded = None if mirror is not None else _padding(dataset, stored, scale, shift)
    if padded is None or not padded.any() or padded.all():
        voxels, _ = narrow(stored, scale, shift)
    else:
        voxels, _ = narrow(np.where(padded, stored[~padded].min(), stored), scale, shift)
        voxels[padded] = AIR
    cosines = said("PlaneOrientationSequence", "ImageOrientationPatient", 6)
    spacing = said("PixelMeasuresSequence", "PixelSpacing", 2)
    step = said("PixelMeasuresSequence", "SpacingBetweenSlices", 1)
    thick = said("PixelMeasuresSequence", "SliceThickness", 1)
    steps = [abs(float(found[0])) for found in (step, thick) if found is not None and found[0] != 0]
    tilt = _numbers(dataset, "GantryDetectorTilt", 1)
    acquisition, instance = (_numbers(dataset, name, 1) for name in ("AcquisitionNumber", "InstanceNumber"))
    return _Plane(
        voxels=voxels,
        mirror=mirror,
        is_hu=slope is not None and intercept is not None and _in_hu(dataset, groups),
        axes=None if cosines is None else orientation(_Stated(cosines)),
        position=said("PlanePositionSequence", "ImagePositionPatient", 3),
        spacing=(float(spacing[0]), float(spacing[1]))
        if spacing is not None and (spacing > 0).all()
        else None,
        step=steps[0] if steps else None,
        tilt=float(tilt[0]) if tilt is not None else 0.0,
        order=(
            int(acquisition[0]) if acquisition is not None else 0,
            (int(instance[0]) if instance is not None else place[0]) * 100_000 + place[1],
        ),
    )


class _Stated:
    """Direction cosines found in a frame's own part, as a dataset that says only them."""

    def __init__(self, cosines: NDArray[np.float64]) -> None:
        self._cosines = cosines

    def get(self, name: str) -> Any:
        return self._cosines if name == "ImageOrientationPatient" else None


def _in_hu(dataset: Any, groups: list[Any]) -> bool:
    """Whether a rescaled slice is in Hounsfield units: said to be, or nothing else said."""
    for group in groups:
        source = (
            group
            if group is dataset
            else _group([group] if group is not None else None, "PixelValueTransformationSequence")
        )
        kind = str(source.get("RescaleType", "") or "").strip().upper() if source is not None else ""
        if kind:
            return kind == "HU"
    return True


def _padding(dataset: Any, stored: NDArray[Any], scale: float, shift: float) -> NDArray[np.bool_] | None:
    """Where a slice is padded; None where nothing is said, or what is said is a value that tissue has."""
    padding = _numbers(dataset, "PixelPaddingValue", 1)
    if padding is None:
        return None
    limit = _numbers(dataset, "PixelPaddingRangeLimit", 1)
    low, high = sorted((float(padding[0]), float(padding[0] if limit is None else limit[0])))
    ends = sorted((low * scale + shift, high * scale + shift))
    if ends[1] > _SURE_AIR and ends[0] < _NO_TISSUE:
        return None
    return np.asarray((stored >= low) & (stored <= high))


def _group(groups: Any, sequence: str) -> Any:
    """The item of a frame's functional groups that has this sequence's elements."""
    items = groups[0].get(sequence) if groups else None
    return items[0] if items else None


def _numbers(dataset: Any, name: str, count: int) -> NDArray[np.float64] | None:
    """An element that must be so many numbers; None where it is missing or is not."""
    try:
        value = dataset.get(name)
        values = np.array([float(each) for each in ([value] if count == 1 else value)], np.float64)
    except Exception:  # absent, or a damaged element
        return None
    return values if values.size == count and np.isfinite(values).all() else None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
