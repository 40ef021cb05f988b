"""DICOM series: in order, in Hounsfield units, the same way round, whatever lies beside them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedCTImageStorage, JPEG2000Lossless, RLELossless, SecondaryCaptureImageStorage

from covidct_curate.errors import CurateError, DatasetError, VolumeError
from covidct_curate.originals.dicom import find_dicom
from covidct_curate.originals.volume import Volume
from tests.volumes import (
    ORIGIN,
    ROOT,
    SALT,
    SPACING,
    STANDARD,
    orientations,
    same,
    slice_of,
    voxels,
    write_dicom,
)


def load(folder: Path) -> Volume:
    """The only scan of a folder."""
    (series,), _ = find_dicom(folder, SALT)
    return series.load()


def test_a_series_comes_back_as_it_was(tmp_path: Path) -> None:
    scan = voxels()
    write_dicom(tmp_path, scan)
    found, notes = find_dicom(tmp_path, SALT)
    assert len(found) == 1 and notes == ()
    volume = found[0].load()
    same(volume, scan)
    assert volume.is_hu and volume.notes == () and volume.voxels.dtype == np.int16


def test_every_orientation_of_slices_comes_back_the_same(tmp_path: Path) -> None:
    scan = voxels()
    count = 0
    for axes in orientations():
        if np.linalg.det(axes[[2, 1, 0]]) > 0:  # slices are sorted along the normal of rows and columns
            write_dicom(tmp_path / str(count), scan, axes)
            same(load(tmp_path / str(count)), scan)
            count += 1
    assert count == 24


def test_slices_that_are_no_cube_keep_their_spacing(tmp_path: Path) -> None:
    axes = np.array([[0, 1, 0], [0, 0, -1], [1, 0, 0]], np.float64)  # a coronal scan
    write_dicom(tmp_path, voxels((3, 4, 9)), axes)
    same(load(tmp_path), voxels((3, 4, 9)))


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_slices_are_the_same(tmp_path: Path, syntax: str) -> None:
    scan = voxels((3, 32, 32))

    def compress(data: Dataset, index: int) -> None:
        data.compress(syntax, generate_instance_uid=False)

    write_dicom(tmp_path, scan, change=compress)
    same(load(tmp_path), scan)


def test_a_missing_codec_is_named(tmp_path: Path) -> None:
    def claim(data: Dataset, index: int) -> None:
        data.compress(RLELossless, generate_instance_uid=False)
        data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"

    write_dicom(tmp_path, voxels(), change=claim)
    with pytest.raises(CurateError, match=r"MPEG2.*save it uncompressed"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("syntax", "package"),
    [
        ("1.2.840.10008.1.2.4.70", "pylibjpeg-libjpeg"),
        ("1.2.840.10008.1.2.4.80", "pylibjpeg-libjpeg"),
        ("1.2.840.10008.1.2.4.90", "pylibjpeg-openjpeg"),
    ],
)
def test_the_package_of_a_codec_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: str, package: str
) -> None:
    from pydicom.pixels.decoders.base import Decoder

    def claim(data: Dataset, index: int) -> None:
        data.compress(RLELossless, generate_instance_uid=False)
        data.file_meta.TransferSyntaxUID = syntax

    write_dicom(tmp_path, voxels(), change=claim)
    monkeypatch.setattr(Decoder, "is_available", property(lambda decoder: False))
    with pytest.raises(CurateError, match=f"pip install pylibjpeg {package}"):
        load(tmp_path)


def test_signed_twelve_and_eight_bits(tmp_path: Path) -> None:
    scan = np.clip(voxels(), -1024, 1023)

    def twelve(data: Dataset, index: int) -> None:
        stored = np.frombuffer(data.PixelData, np.uint16).astype(np.int32) - 1024
        # what lies above the twelve bits is not the picture's
        data.PixelData = ((stored & 0x0FFF) | 0x5000).astype(np.uint16).tobytes()
        data.BitsStored, data.HighBit, data.PixelRepresentation, data.RescaleIntercept = 12, 11, 1, "0"

    write_dicom(tmp_path / "signed", scan, change=twelve)
    same(load(tmp_path / "signed"), scan)

    coarse = (voxels() // 16 * 16).clip(-1024, 3000).astype(np.int16)

    def eight(data: Dataset, index: int) -> None:
        stored = np.frombuffer(data.PixelData, np.uint16) // 16
        data.PixelData = stored.astype(np.uint8).tobytes()
        data.BitsAllocated, data.BitsStored, data.HighBit, data.RescaleSlope = 8, 8, 7, "16"

    write_dicom(tmp_path / "eight", coarse, change=eight)
    same(load(tmp_path / "eight"), coarse)


def test_each_slice_has_its_own_scale(tmp_path: Path) -> None:
    scan = voxels()

    def scale(data: Dataset, index: int) -> None:
        stored = np.frombuffer(data.PixelData, np.uint16) * 2 + index
        data.PixelData = stored.astype(np.uint16).tobytes()
        data.RescaleSlope, data.RescaleIntercept = "0.5", str(-1024 - index / 2)

    write_dicom(tmp_path, scan, change=scale)
    same(load(tmp_path), scan)


def test_monochrome1_is_shown_light_on_dark(tmp_path: Path) -> None:
    scan = voxels()

    def negative(data: Dataset, index: int) -> None:
        data.PixelData = (4095 - np.frombuffer(data.PixelData, np.uint16)).astype(np.uint16).tobytes()
        data.PhotometricInterpretation, data.BitsStored, data.HighBit = "MONOCHROME1", 12, 11

    write_dicom(tmp_path / "negative", scan, change=negative)
    volume = load(tmp_path / "negative")
    same(volume, scan)
    assert volume.notes == ("MONOCHROME1: dark and light were exchanged",)

    def said_only(data: Dataset, index: int) -> None:
        data.PhotometricInterpretation = "MONOCHROME1"

    write_dicom(tmp_path / "said", scan, change=said_only)
    volume = load(tmp_path / "said")
    same(volume, scan)
    assert "left so" in volume.notes[0]


@pytest.mark.parametrize("padding", [100, 63536])
def test_padding_is_air(tmp_path: Path, padding: int) -> None:
    scan = voxels()
    scan[scan == 100 - 1024] = -900
    scan[:, 0, 1] = -1024

    def pad(data: Dataset, index: int) -> None:
        stored = np.frombuffer(data.PixelData, np.uint16).copy()
        stored[1] = padding
        data.PixelData = stored.tobytes()
        data.add_new("PixelPaddingValue", "US", padding)

    write_dicom(tmp_path, scan, change=pad)
    same(load(tmp_path), scan)


def test_a_range_of_padding_is_air(tmp_path: Path) -> None:
    scan = voxels()

    def pad(data: Dataset, index: int) -> None:
        data.add_new("PixelPaddingValue", "US", 0)
        data.add_new("PixelPaddingRangeLimit", "US", 110)

    write_dicom(tmp_path, scan, change=pad)
    same(load(tmp_path), np.where(scan <= 110 - 1024, -1024, scan))


def test_padding_that_tissue_has_is_not_believed(tmp_path: Path) -> None:
    scan = voxels()
    scan[:, 1, 1] = 0
    write_dicom(tmp_path, scan, change=lambda data, index: data.add_new("PixelPaddingValue", "US", 1024))
    same(load(tmp_path), scan)


def test_missing_slices_are_told_and_the_rest_is_loaded(tmp_path: Path) -> None:
    scan = voxels((9, 6, 7))
    write_dicom(tmp_path, scan, change=lambda data, index: index not in (3, 4))
    volume = load(tmp_path)
    np.testing.assert_array_equal(volume.voxels, np.delete(scan, (3, 4), axis=0))
    assert volume.notes == ("about 2 slices are missing: gaps of 7.5 mm where 2.5 mm is usual",)
    assert volume.spacing == SPACING


def test_uneven_slices_are_told(tmp_path: Path) -> None:
    def shift(data: Dataset, index: int) -> None:
        data.ImagePositionPatient[2] += 0.6 * (index == 2)

    write_dicom(tmp_path, voxels(), change=shift)
    assert load(tmp_path).notes == ("slices lie 1.9 to 3.1 mm apart; 2.5 mm is usual",)


def test_gantry_tilt_is_told(tmp_path: Path) -> None:
    def slant(data: Dataset, index: int) -> None:
        data.ImagePositionPatient[1] += index * 2.5 * np.tan(np.radians(12))

    write_dicom(tmp_path / "slanted", voxels(), change=slant)
    assert "gantry tilt of 12.0°" in load(tmp_path / "slanted").notes[0]

    def said(data: Dataset, index: int) -> None:
        data.GantryDetectorTilt = "-8.5"

    write_dicom(tmp_path / "said", voxels(), change=said)
    assert "gantry tilt of 8.5°" in load(tmp_path / "said").notes[0]


def test_copies_and_slices_at_one_place_count_once(tmp_path: Path) -> None:
    scan = voxels()
    write_dicom(tmp_path, scan)
    write_dicom(tmp_path / "copy", scan)

    def later(data: Dataset, index: int) -> None:
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.9.{index}"
        data.AcquisitionNumber = 2

    write_dicom(tmp_path / "again", np.zeros_like(scan), change=later, first=50)
    (series,), notes = find_dicom(tmp_path, SALT)
    assert notes == ("5 files left out: a copy of another (same SOP instance); such as IM0004.dcm",)
    volume = series.load()
    same(volume, scan)
    assert volume.notes == ("5 slices lie where another lies; the first acquisition's was kept",)


def test_without_places_slices_keep_their_numbers(tmp_path: Path) -> None:
    scan = voxels()

    def unplaced(data: Dataset, index: int) -> None:
        del data.ImagePositionPatient, data.ImageOrientationPatient
        data.InstanceNumber = index + 1

    write_dicom(tmp_path, scan, change=unplaced)
    volume = load(tmp_path)
    np.testing.assert_array_equal(volume.voxels, scan)
    assert volume.origin is None and volume.spacing == (5.0, 0.5, 0.75)
    assert "not stated" in volume.notes[0]


def test_a_slice_without_a_place_is_left_out(tmp_path: Path) -> None:
    scan = voxels()

    def unplaced(data: Dataset, index: int) -> None:
        if index == 4:
            del data.ImagePositionPatient

    write_dicom(tmp_path, scan, change=unplaced)
    volume = load(tmp_path)
    same(volume, scan[:4])
    assert volume.notes == ("1 slices do not say where they lie; left out",)


def test_a_file_that_is_gone_is_no_damaged_slice(tmp_path: Path) -> None:
    paths = write_dicom(tmp_path, voxels())
    (series,), _ = find_dicom(tmp_path, SALT)
    paths[1].unlink()
    with pytest.raises(VolumeError, match="it cannot be read: No such file"):
        series.load()


def other(number: int, **elements: object) -> Dataset:
    """A file of the same patient that is no slice of a CT series."""
    data = slice_of(np.zeros((6, 7), np.uint16), ORIGIN, STANDARD, 500 + number)
    for name, value in elements.items():
        setattr(data, name, value)
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    return data


def test_a_folder_of_all_kinds_of_files(tmp_path: Path) -> None:
    scan = voxels()
    second = voxels(seed=1)
    write_dicom(tmp_path / "a", scan)

    def of_second(data: Dataset, index: int) -> None:
        data.SeriesInstanceUID = f"{ROOT}.20"

    write_dicom(tmp_path / "a", second, change=of_second, first=101)
    coronal = [1, 0, 0, 0, 0, -1]
    for number, data in enumerate(
        [
            other(0, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
            other(1, Modality="MR"),
            other(2, SOPClassUID=SecondaryCaptureImageStorage),
            other(3, SamplesPerPixel=3),
            other(4, ImageOrientationPatient=coronal, SeriesInstanceUID=f"{ROOT}.77"),
            other(5, ImageOrientationPatient=coronal),
            other(6, Rows=3),
            other(7, Rows=65535, Columns=65535),
            other(8, Modality="SR", Rows=0),
            other(9, ImageType=["DERIVED", "PRIMARY", "PERFUSION", "RCBF"]),
        ]
    ):
        data.save_as(tmp_path / f"other{number}", enforce_file_format=True)
    (tmp_path / "DICOMDIR").write_bytes(b"")
    (tmp_path / "readme.txt").write_text("Jane Doe")
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    (tmp_path / ".hidden").write_bytes(b"x")
    found, notes = find_dicom(tmp_path, SALT)
    volumes = [each.load() for each in found]
    for expected, volume in zip((scan, second), volumes, strict=True):
        same(volume, expected)
    assert len({each.name for each in found}) == 2 and len({each.patient for each in found}) == 1
    said = " ".join(notes)
    for reason in (
        *("a localizer", "MR, not CT", "a screen capture", "in colour", "not axial, a localizer"),
        *("2 files left out: of another size or direction", "a size that no scan has", "SR, not CT"),
        *("an index (DICOMDIR)", "no DICOM; such as readme.txt", "such as broken.dcm", "a map of perfusion"),
    ):
        assert reason in said, reason
    assert ".hidden" not in said


def test_a_file_cut_short_is_left_out(tmp_path: Path) -> None:
    scan = voxels()
    paths = write_dicom(tmp_path, scan)
    paths[2].write_bytes(paths[2].read_bytes()[:-20])
    volume = load(tmp_path)
    np.testing.assert_array_equal(volume.voxels, np.delete(scan, 2, axis=0))
    assert volume.notes[0] == "1 of 5 files cannot be decoded, cut short or damaged; left out"
    assert "about 1 slices are missing" in volume.notes[1]
    for path in set(paths) - {paths[2]}:
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(VolumeError, match="none of its slices can be decoded"):
        load(tmp_path)


def test_one_file_and_one_slice(tmp_path: Path) -> None:
    scan = voxels((1, 6, 7))
    (path,) = write_dicom(tmp_path, scan)
    volume = load(path)
    np.testing.assert_array_equal(volume.voxels, scan)
    assert volume.spacing == (5.0, 0.5, 0.75)


def test_without_a_mark_at_its_beginning(tmp_path: Path) -> None:
    scan = voxels()
    for path in write_dicom(tmp_path, scan):
        path.write_bytes(path.read_bytes()[132:])
    same(load(tmp_path), scan)


def enhanced(scan: np.ndarray, order: list[int]) -> Dataset:
    """A whole scan in one file, its frames in this order."""
    data = slice_of((scan[0].astype(np.int32) + 1000).astype(np.uint16), ORIGIN, STANDARD, 1)
    for name in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "RescaleIntercept",
    ):
        delattr(data, name)
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    data.NumberOfFrames = len(order)
    data.PixelData = (scan[order].astype(np.int32) + 1000).astype(np.uint16).tobytes()

    def group(**sequences: dict[str, object]) -> Dataset:
        made = Dataset()
        for sequence, elements in sequences.items():
            item = Dataset()
            for name, value in elements.items():
                setattr(item, name, value)
            setattr(made, sequence, Sequence([item]))
        return made

    data.SharedFunctionalGroupsSequence = Sequence(
        [
            group(
                PlaneOrientationSequence={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
                PixelMeasuresSequence={"PixelSpacing": [SPACING[1], SPACING[2]], "SliceThickness": "5"},
                PixelValueTransformationSequence={
                    "RescaleSlope": "1",
                    "RescaleIntercept": "-1000",
                    "RescaleType": "HU",
                },
            )
        ]
    )
    data.PerFrameFunctionalGroupsSequence = Sequence(
        [
            group(
                PlanePositionSequence={
                    "ImagePositionPatient": [ORIGIN[0], ORIGIN[1], ORIGIN[2] + SPACING[0] * index]
                }
            )
            for index in order
        ]
    )
    return data


def test_many_frames_in_one_file(tmp_path: Path) -> None:
    scan = np.maximum(voxels(), -1000)
    enhanced(scan, [3, 0, 4, 1, 2]).save_as(tmp_path / "one.dcm", enforce_file_format=True)
    same(load(tmp_path), scan)


def test_no_scale_and_no_air_is_no_hu(tmp_path: Path) -> None:
    def unscaled(data: Dataset, index: int) -> None:
        del data.RescaleSlope, data.RescaleIntercept

    scan = voxels()
    write_dicom(tmp_path, scan, change=unscaled)
    volume = load(tmp_path)
    assert not volume.is_hu and "no Hounsfield units" in volume.notes[0]
    np.testing.assert_array_equal(volume.voxels, scan.astype(np.int32) + 1024)


def test_a_scale_of_something_else_is_no_hu(tmp_path: Path) -> None:
    scan = np.abs(voxels())

    def scaled(data: Dataset, index: int) -> None:
        data.RescaleType = "US"

    write_dicom(tmp_path, scan, change=scaled)
    volume = load(tmp_path)
    assert not volume.is_hu
    np.testing.assert_array_equal(volume.voxels, scan)


def test_a_folder_without_ct_is_refused_and_why(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="the folder is empty"):
        find_dicom(tmp_path, SALT)
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(
        DatasetError, match=r"there is no CT series in it: 1 file left out: no DICOM; such as a\.txt"
    ):
        find_dicom(tmp_path, SALT)
    with pytest.raises(DatasetError, match="there is no such file or folder"):
        find_dicom(tmp_path / "none", SALT)


def test_a_scan_that_was_found_can_be_sent_to_another_process(tmp_path: Path) -> None:
    write_dicom(tmp_path, voxels())
    (series,), _ = find_dicom(tmp_path, SALT)
    same(pickle.loads(pickle.dumps(series)).load(), voxels())


def test_a_digest_is_of_the_content_alone(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a", voxels())
    for number, path in enumerate(reversed(write_dicom(tmp_path / "b", voxels()))):
        path.rename(path.with_name(f"{number}.dcm"))
    write_dicom(tmp_path / "c", voxels(seed=1))
    digests = [find_dicom(tmp_path / each, SALT)[0][0].digest for each in "abc"]
    assert digests[0] == digests[1] != digests[2]


def test_a_real_series_lies_as_it_should() -> None:
    folder = Path(os.environ.get("COVIDCT_DATA", "")) / "dicom"
    if not os.environ.get("COVIDCT_DATA") or not folder.is_dir():
        pytest.skip("COVIDCT_DATA does not name a folder with dicom/")
    volume = load(folder)
    assert volume.is_hu and volume.spacing is not None
    middle = volume.voxels[volume.voxels.shape[0] // 2]
    height, width = middle.shape
    bone = np.argwhere(middle > 300)
    assert bone[:, 0].mean() > height / 2  # the spine lies at the back
    soft = (middle > 0) & (middle < 200)
    assert (
        soft[:, : width // 2].sum() > soft[:, width // 2 :].sum()
    )  # the liver lies to the right, shown left
