"""NIfTI: scans and masks in ``.nii`` and ``.nii.gz`` files."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from covidct_curate.errors import CurateError, DatasetError, VolumeError
from covidct_curate.originals import deidentify
from covidct_curate.originals.series import Series, Tally, files_below, keys
from covidct_curate.originals.volume import Point, Volume, check_size, floored, looks_hu, narrow, upright

_SUFFIXES = (".nii", ".nii.gz")


def find_nifti(path: Path, salt: bytes) -> tuple[list[Series], tuple[str, ...]]:
    """Each NIfTI file in a folder and those below it, or the file given, as a scan; and notes.

    A file is taken as one patient's, and told apart by its name: files of one name in two folders by both.
    ``salt``, 16 secret bytes or more, makes the pseudonyms. Raises `DatasetError` when ``path`` cannot be listed
    or has no such file.
    """
    tally = Tally()
    files = []
    for each in files_below(path):
        if each.name.lower().endswith(_SUFFIXES):
            files.append(each)
        else:
            tally.leave("no NIfTI", each)
    if not files:
        raise DatasetError(f"{path}: there is no NIfTI file (.nii, .nii.gz) in it")
    found = [
        Series(
            name=deidentify.pseudonym("s", salt, stem(key)),
            files=(each,),
            patient=deidentify.pseudonym("p", salt, stem(key)),
            read=partial(load, each),
        )
        for each, key in keys(files, path).items()
    ]
    return found, tally.notes()


def stem(name: str) -> str:
    """A NIfTI file's name without its ending."""
    lower = name.lower()
    return name[: -len(".nii.gz")] if lower.endswith(".nii.gz") else name.removesuffix(Path(name).suffix)


def load(path: Path) -> Volume:
    """Read one file. A fourth axis must have length 1: a scan over time is refused.

    Values are Hounsfield units where some are as low as air's, else as stored. Raises `VolumeError` when the file
    is damaged, no scan, or in colour, `CurateError` when nibabel is not installed, OSError when it cannot be read.
    """
    try:
        import nibabel
        from nibabel import imageglobals
    except ImportError:
        raise CurateError("reading NIfTI needs nibabel; install it: pip install nibabel") from None
    notes: list[str] = []
    with warnings.catch_warnings(), imageglobals.LoggingOutputSuppressor():
        warnings.simplefilter("ignore")
        try:
            with path.open("rb"):
                image: Any = nibabel.load(path)
            _tell_steps(image, path, notes)
            shape = _shape(image, path)
            stored = np.asanyarray(image.dataobj.get_unscaled()).reshape(shape)
            slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
        except (CurateError, MemoryError):
            raise
        except OSError as error:
            if error.errno is not None:
                raise
            raise VolumeError(_damaged(path)) from error
        except Exception as error:  # whatever a damaged file makes its reader raise
            raise VolumeError(_damaged(path)) from error
    try:
        return _volume(image, stored, (slope, intercept), notes)
    except VolumeError as error:
        raise VolumeError(f"{path}: {error}") from None


def _volume(image: Any, stored: np.ndarray[Any, Any], scale: tuple[float, float], notes: list[str]) -> Volume:
    axes = np.array(image.affine[:3, :3], np.float64).T * (
        -1,
        -1,
        1,
    )  # to the left and the back, as DICOM has it
    steps = np.linalg.norm(axes, axis=1)
    x, y, z = (float(each) for each in image.affine[:3, 3] * (-1, -1, 1))
    if int(image.header["sform_code"]) == 0 and int(image.header["qform_code"]) == 0:
        notes.append("its directions are not stated; taken as a radiologist's, right to left")
    spacing: Point = (float(steps[0]), float(steps[1]), float(steps[2]))
    turned, spacing, origin, askew = upright(stored, axes, spacing, (x, y, z))
    voxels, more = narrow(turned, *scale)
    is_hu = looks_hu(voxels)
    return Volume(floored(voxels) if is_hu else voxels, spacing, is_hu, origin, (*notes, *askew, *more))


def _shape(image: Any, path: Path) -> tuple[int, ...]:
    shape = tuple(int(length) for length in image.shape)
    if len(shape) > 3 and max(shape[3:]) > 1:
        times = " by ".join(str(length) for length in shape[3:])
        raise VolumeError(
            f"{path}: it has {len(shape)} axes ({times} volumes); save each volume in a file of its own"
        )
    if image.get_data_dtype().names:
        raise VolumeError(f"{path}: it is in colour, not a scan or a mask")
    shape = (*shape[:3], 1, 1)[:3] if len(shape) >= 1 else (0, 0, 0)
    check_size(shape, path)
    return shape


def _tell_steps(image: Any, path: Path, notes: list[str]) -> None:
    """Note negative spacings, which the reader makes positive."""
    from nibabel.openers import ImageOpener

    with ImageOpener(str(path), "rb") as file:
        raw = type(image.header).from_fileobj(file, check=False)
    if (np.asarray(raw["pixdim"][1:4], np.float64) < 0).any():
        notes.append("negative spacing; its size is taken, its sign left to the directions stated")


def _damaged(path: Path) -> str:
    return f"{path}: it is no NIfTI file, damaged or cut short; get a new copy"
