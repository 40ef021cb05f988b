"""Small scans written as DICOM, NIfTI and MetaImage, with the voxels they must come back as."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from covidct_curate.originals.volume import Volume

Voxels = NDArray[Any]
Axes = NDArray[np.float64]
"""(3, 3): for each axis of an array the direction (left, back, head) in which it runs."""

SALT = b"a salt that only tests use"
SPACING = (2.5, 0.5, 0.75)
ORIGIN = (-110.0, -90.0, 40.0)
STANDARD: Axes = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], np.float64)
ROOT = "1.2.826.0.1.3680043.8.498"
Change = Callable[[Dataset, int], object]


def voxels(shape: tuple[int, int, int] = (5, 6, 7), seed: int = 0) -> Voxels:
    """Hounsfield units of any kind, no two corners alike."""
    values = np.random.default_rng(seed).integers(-1000, 1200, shape).astype(np.int16)
    values[0, 0, 0], values[-1, -1, -1], values[0, -1, 0] = -1024, 1500, 1400
    return values


def orientations() -> Iterator[Axes]:
    """All 48 ways in which an array's axes can run along the body's."""
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            axes = np.zeros((3, 3))
            for axis, (component, sign) in enumerate(zip(order, signs, strict=True)):
                axes[axis, component] = sign
            yield axes


def laid(upright: Voxels, axes: Axes) -> tuple[Voxels, tuple[float, ...], tuple[float, ...]]:
    """A scan stored along other axes: its array, its spacing and the place of its first voxel."""
    components = [int(np.argmax(np.abs(axis))) for axis in axes]
    sources = [2 - component for component in components]
    array = upright.transpose(sources)
    spacing = tuple(SPACING[source] for source in sources)
    origin = list(ORIGIN)
    for axis, component in enumerate(components):
        if axes[axis, component] < 0:
            array = np.flip(array, axis)
            origin[component] += SPACING[2 - component] * (upright.shape[2 - component] - 1)
    return array, spacing, tuple(origin)


def same(found: Volume, upright: Voxels) -> None:
    """A scan came back as it was: voxels, spacing and place."""
    np.testing.assert_array_equal(found.voxels, upright)
    np.testing.assert_allclose(found.spacing or (), SPACING, rtol=1e-6)
    np.testing.assert_allclose(found.origin or (), ORIGIN, atol=1e-4)


def write_nifti(
    path: Path,
    upright: Voxels,
    axes: Axes = STANDARD[::-1],
    change: Callable[[Any], object] = lambda image: None,
) -> Path:
    """Write a scan along these axes. ``change`` is called with the image before it is saved."""
    array, spacing, origin = laid(upright, axes)
    affine = np.eye(4)
    affine[:3, :3] = (axes * np.array(spacing)[:, None]).T
    affine[:3, 3] = origin
    image = nibabel.Nifti1Image(np.ascontiguousarray(array), np.diag([-1, -1, 1, 1]) @ affine)
    change(image)
    nibabel.save(image, path)
    return path


def write_metaimage(
    path: Path,
    upright: Voxels,
    axes: Axes = STANDARD[::-1],
    kind: str = "MET_SHORT",
    dtype: str = "<i2",
    packed: bool = False,
    change: Mapping[str, str | None] | None = None,
) -> Path:
    """Write ``.mha``, or ``.mhd`` with its ``.raw``. ``change`` sets lines of the header, None leaves them out."""
    array, spacing, origin = laid(upright, axes)
    content = np.ascontiguousarray(array.transpose()).astype(dtype).tobytes()
    if packed:
        content = zlib.compress(content)
    local = path.suffix == ".mha"
    data = path.with_suffix(".zraw" if packed else ".raw")
    lines: dict[str, str | None] = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": str(dtype.startswith(">")),
        "CompressedData": str(packed),
        "TransformMatrix": " ".join(f"{each:g}" for each in axes.ravel()),
        "Offset": " ".join(f"{each:g}" for each in origin),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": " ".join(f"{each:g}" for each in spacing),
        "DimSize": " ".join(str(each) for each in array.shape),
        "ElementType": kind,
        **(change or {}),
    }
    lines["ElementDataFile"] = (change or {}).get("ElementDataFile", "LOCAL" if local else data.name)
    header = "".join(f"{key} = {value}\n" for key, value in lines.items() if value is not None).encode()
    path.write_bytes(header + content if local else header)
    if not local:
        data.write_bytes(content)
    return path


def slice_of(stored: Voxels, place: tuple[float, ...], axes: Axes, number: int) -> Dataset:
    """One CT slice as DICOM, with all that names a patient in it."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = UID(f"{ROOT}.3.{number}")
    data.StudyInstanceUID, data.SeriesInstanceUID = UID(f"{ROOT}.1"), UID(f"{ROOT}.2")
    data.Modality, data.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.PatientName, data.PatientID, data.PatientBirthDate = "Doe^Jane", "MRN-0042", "19500630"
    data.PatientSex, data.PatientAge, data.StudyDate = "F", "070Y", "20200310"
    data.InstitutionName, data.AccessionNumber = "Saint Nowhere", "A-7"
    data.Manufacturer, data.BodyPartExamined, data.KVP = "SIEMENS Healthineers", "CHEST", "120"
    data.InstanceNumber = number
    data.ImagePositionPatient = [float(each) for each in place]
    data.ImageOrientationPatient = [float(each) for each in (*axes[2], *axes[1])]
    data.PixelSpacing = [1.0, 1.0]
    data.SliceThickness = "5"
    data.Rows, data.Columns = stored.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = 8 * stored.dtype.itemsize
    data.BitsStored, data.HighBit = data.BitsAllocated, data.BitsAllocated - 1
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    data.RescaleSlope, data.RescaleIntercept = "1", "-1024"
    data.PixelData = stored.tobytes()
    return data


def write_dicom(
    folder: Path,
    upright: Voxels,
    axes: Axes = STANDARD,
    change: Change = lambda data, index: None,
    first: int = 1,
) -> list[Path]:
    """Write a series along these axes, in files whose names and numbers say nothing of the slices' order.

    Stored are ``upright + 1024`` as unsigned 16 bits. ``change`` is called with each slice and its index, and may
    return False to have it left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    array, spacing, origin = laid(upright, axes)
    stored = (array.astype(np.int32) + 1024).astype(np.uint16)
    paths = []
    for index in range(len(stored)):
        place = np.array(origin) + axes[0] * spacing[0] * index
        number = first + (index * 7 + 3) % 97
        data = slice_of(np.ascontiguousarray(stored[index]), tuple(place), axes, number)
        data.PixelSpacing = [spacing[1], spacing[2]]
        if change(data, index) is not False:
            paths.append(folder / f"IM{number:04}.dcm")
            data.save_as(paths[-1], enforce_file_format=True)
    return paths
