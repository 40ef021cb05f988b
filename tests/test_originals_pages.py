"""Scans that come as pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covidct_curate.errors import DatasetError, VolumeError
from covidct_curate.originals.pages import find_pages, load
from tests.volumes import SALT


def page(seed: int, shape: tuple[int, ...] = (6, 7), kind: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 250, shape).astype(kind)


def test_pages_of_a_tiff_are_slices(tmp_path: Path) -> None:
    pages = [page(each) for each in range(4)]
    first, *rest = (Image.fromarray(each) for each in pages)
    first.save(tmp_path / "scan.tif", save_all=True, append_images=rest)
    (series,), notes = find_pages(tmp_path, SALT)
    volume = series.load()
    np.testing.assert_array_equal(volume.voxels, np.stack(pages))
    assert (volume.spacing, volume.is_hu, volume.notes, notes) == (None, False, (), ())


@pytest.mark.parametrize(("by", "patients", "scans"), [("file", 5, 5), ("number", 3, 4), ("folder", 2, 3)])
def test_what_one_patients_pictures_are(tmp_path: Path, by: str, patients: int, scans: int) -> None:
    (tmp_path / "b").mkdir()
    for number, name in enumerate(("case1_10.png", "case1_9.png", "case1_11.png", "case2_1.png", "b/7.png")):
        size = (8, 9) if name == "case1_11.png" else (6, 7)
        Image.fromarray(page(number, size)).save(tmp_path / name)
    found, _ = find_pages(tmp_path, SALT, by)  # type: ignore[arg-type]
    assert len({each.patient for each in found}) == patients
    assert len({each.name for each in found}) == len(found) == scans
    if by == "number":
        np.testing.assert_array_equal(found[0].load().voxels, np.stack([page(1), page(0)]))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32])
def test_depth_is_kept(tmp_path: Path, kind: type) -> None:
    pixels = page(0, kind=kind) * kind(100 if kind is not np.uint8 else 1)
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(load([tmp_path / "a.tif"]).voxels[0], pixels)


def test_one_bit_and_colour(tmp_path: Path) -> None:
    bits = page(0) > 100
    Image.fromarray(bits).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(load([tmp_path / "bits.png"]).voxels[0], bits * 255)
    Image.fromarray(np.repeat(page(0)[:, :, None], 3, axis=2)).save(tmp_path / "grey.png")
    volume = load([tmp_path / "grey.png"])
    np.testing.assert_array_equal(volume.voxels[0], page(0))
    assert volume.notes == ()
    Image.fromarray(page(0, (6, 7, 3))).save(tmp_path / "colour.png")
    assert load([tmp_path / "colour.png"]).notes == ("pictures in colour were made grey",)


def test_pages_of_different_sizes_are_no_scan(tmp_path: Path) -> None:
    first, second = Image.fromarray(page(0)), Image.fromarray(page(0, (8, 9)))
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    with pytest.raises(VolumeError, match=r"a\.tif: it is 9 by 8 pixels, the scan's first picture 7 by 6"):
        load([tmp_path / "a.tif"])


def test_damaged_pictures(tmp_path: Path) -> None:
    Image.fromarray(page(0, (60, 70))).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    (series,), _ = find_pages(tmp_path, SALT)
    with pytest.raises(VolumeError, match=r"a\.png: the picture is damaged or cut short"):
        series.load()
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"1 file left out: damaged, or no picture; such as a\.png"):
        find_pages(tmp_path, SALT)
    with pytest.raises(VolumeError, match="no PNG, JPEG"):
        load([tmp_path / "a.png"])


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "a\n=1.txt").write_text("a")
    with pytest.raises(
        DatasetError, match=r"no picture .*: 1 file left out: no picture; such as a\ufffd=1\.txt"
    ):
        find_pages(tmp_path, SALT)
