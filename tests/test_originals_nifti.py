"""NIfTI scans and masks: the same way round whatever their affine, refused when they are no scan."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from covidct_curate.errors import DatasetError, VolumeError
from covidct_curate.originals.nifti import find_nifti, load
from tests.volumes import ORIGIN, SALT, orientations, same, voxels, write_nifti


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_every_orientation_comes_back_the_same(tmp_path: Path, ending: str) -> None:
    scan = voxels()
    for axes in orientations():
        same(load(write_nifti(tmp_path / f"a{ending}", scan, axes)), scan)


def test_scaled_and_wide_values(tmp_path: Path) -> None:
    scan = voxels()

    def scale(image: Any) -> None:
        image.header.set_slope_inter(0.5, -1024)

    path = tmp_path / "scaled.nii"
    write_nifti(path, ((scan.astype(np.int32) + 1024) * 2).astype(np.int16), change=lambda image: None)
    content = bytearray(path.read_bytes())
    content[112:120] = struct.pack("<2f", 0.5, -1024)
    path.write_bytes(content)
    same(load(path), scan)
    volume = load(write_nifti(tmp_path / "float.nii.gz", scan.astype(np.float64)))
    same(volume, scan)
    assert volume.voxels.dtype == np.int16 and volume.is_hu


def test_masks_are_not_hounsfield_units(tmp_path: Path) -> None:
    for kind in (np.uint8, np.int16, np.uint16, np.float32):
        mask = (voxels() > 900).astype(kind) * 3
        volume = load(write_nifti(tmp_path / "m.nii.gz", mask))
        same(volume, mask)
        assert not volume.is_hu and volume.voxels.dtype == np.int16


def test_a_volume_of_one_time_is_read_and_of_more_refused(tmp_path: Path) -> None:
    scan = voxels()
    array = np.ascontiguousarray(scan.transpose()[::-1, ::-1])
    affine = np.diag([0.75, 0.5, 2.5, 1])
    nibabel.save(nibabel.Nifti1Image(array[..., None], affine), tmp_path / "one.nii")
    np.testing.assert_array_equal(load(tmp_path / "one.nii").voxels, scan)
    nibabel.save(nibabel.Nifti1Image(np.stack([array, array], -1), affine), tmp_path / "two.nii")
    with pytest.raises(VolumeError, match=r"two\.nii: it has 4 axes \(2 volumes\)"):
        load(tmp_path / "two.nii")


def test_one_slice_is_a_scan(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 3), np.int16), np.eye(4)), tmp_path / "flat.nii")
    assert load(tmp_path / "flat.nii").voxels.shape == (1, 3, 4)


def test_colour_is_refused(tmp_path: Path) -> None:
    colour = np.zeros((2, 3, 4), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    nibabel.save(nibabel.Nifti1Image(colour, np.eye(4)), tmp_path / "c.nii")
    with pytest.raises(VolumeError, match="colour"):
        load(tmp_path / "c.nii")
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 3, 4), np.complex64), np.eye(4)), tmp_path / "z.nii")
    with pytest.raises(VolumeError, match=r"z\.nii: its voxels are no plain numbers"):
        load(tmp_path / "z.nii")


def patched(path: Path, offset: int, form: str, *values: float) -> Path:
    """A file with numbers of its header overwritten."""
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, offset, *values)
    path.write_bytes(content)
    return path


def test_negative_spacing_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = patched(write_nifti(tmp_path / "n.nii", voxels()), 80, "<3f", -0.75, 0.5, -2.5)
    volume = load(path)
    same(volume, voxels())
    assert volume.notes == ("negative spacing; its size is taken, its sign left to the directions stated",)
    assert capfd.readouterr() == ("", "")


def test_directions_that_are_not_stated_are_told(tmp_path: Path) -> None:
    path = patched(write_nifti(tmp_path / "n.nii", voxels()), 252, "<2h", 0, 0)
    volume = load(path)
    assert "not stated" in volume.notes[0] and volume.voxels.shape == voxels().shape


def test_an_affine_of_zeros_is_refused(tmp_path: Path) -> None:
    path = patched(write_nifti(tmp_path / "n.nii", voxels()), 280, "<12f", *[0.0] * 12)
    with pytest.raises(VolumeError, match=r"n\.nii: its directions"):
        load(path)


def test_absurd_sizes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = patched(write_nifti(tmp_path / "n.nii", voxels()), 42, "<3h", 32767, 32767, 32767)
    with pytest.raises(VolumeError, match="which no scan has"):
        load(path)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("keep", [0, 100, 360, -30])
def test_a_file_cut_short_is_refused(tmp_path: Path, ending: str, keep: int) -> None:
    path = write_nifti(tmp_path / f"n{ending}", voxels())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(VolumeError, match="no NIfTI file, damaged or cut short"):
        load(path)


def test_files_are_found_under_pseudonyms(tmp_path: Path) -> None:
    for name in ("Doe_Jane.nii", "b/scan.nii.gz", "c/scan.nii.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_nifti(tmp_path / name, voxels())
    (tmp_path / "notes.txt").write_text("x")
    found, notes = find_nifti(tmp_path, SALT)
    assert len({each.name for each in found}) == len({each.patient for each in found}) == 3
    assert not any("Doe" in each.name + each.patient for each in found)
    assert notes == ("1 file left out: no NIfTI; such as notes.txt",)
    (alone,), _ = find_nifti(tmp_path / "Doe_Jane.nii", SALT)
    assert alone.name == next(each.name for each in found if each.files == alone.files)
    same(alone.load(), voxels())


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii", voxels())
    (series,), _ = find_nifti(tmp_path, SALT)
    (tmp_path / "a.nii").unlink()
    with pytest.raises(VolumeError, match=r"a\.nii: it cannot be read: No such file"):
        series.load()
    with pytest.raises(DatasetError, match="no NIfTI file"):
        find_nifti(tmp_path, SALT)


def test_origin_is_of_the_first_voxel(tmp_path: Path) -> None:
    assert load(write_nifti(tmp_path / "a.nii", voxels())).origin == ORIGIN


def test_real_masks_lie_as_they_should() -> None:
    folder = Path(os.environ.get("COVIDCT_DATA", "")) / "nifti"
    if not os.environ.get("COVIDCT_DATA") or not folder.is_dir():
        pytest.skip("COVIDCT_DATA does not name a folder with nifti/")
    found, _ = find_nifti(folder, SALT)
    for series in found:
        mask = series.load().voxels > 0
        areas = mask.sum(axis=(1, 2))
        there = np.flatnonzero(areas)
        low, high = there[: there.size // 4], there[-(there.size // 4) :]
        # lungs taper to their tips at the head's end, and are hollowed by the diaphragm at the feet's
        width = [np.ptp(np.flatnonzero(mask[part].any(axis=(0, 1)))) for part in (low, high)]
        assert width[0] > width[1]
