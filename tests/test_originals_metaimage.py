"""MetaImage: all its kinds of voxels, and headers that are not to be trusted."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from covidct_curate.errors import DatasetError, VolumeError
from covidct_curate.originals.metaimage import find_metaimage, load
from tests.volumes import ORIGIN, SALT, SPACING, orientations, same, voxels, write_metaimage

KINDS = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}


def test_every_orientation_comes_back_the_same(tmp_path: Path) -> None:
    scan = voxels()
    for axes in orientations():
        same(load(write_metaimage(tmp_path / "a.mhd", scan, axes)), scan)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("kind", "code"), KINDS.items())
def test_every_kind_of_voxel(tmp_path: Path, kind: str, code: str, order: str) -> None:
    scan = np.random.default_rng(1).integers(0, 127, (5, 6, 7))
    volume = load(write_metaimage(tmp_path / "a.mha", scan, kind=kind, dtype=order + code))
    same(volume, scan)
    assert not volume.is_hu and volume.notes == ()


@pytest.mark.parametrize("name", ["a.mha", "a.mhd"])
def test_compressed_voxels(tmp_path: Path, name: str) -> None:
    volume = load(write_metaimage(tmp_path / name, voxels(), packed=True))
    same(volume, voxels())
    assert volume.is_hu


def test_directions_by_letters(tmp_path: Path) -> None:
    change = {"TransformMatrix": None, "AnatomicalOrientation": "RAI"}
    same(load(write_metaimage(tmp_path / "a.mha", voxels(), change=change)), voxels())
    # the first axis runs from left to right, the third from head to feet
    volume = load(
        write_metaimage(tmp_path / "a.mha", voxels(), change={**change, "AnatomicalOrientation": "LAS"})
    )
    np.testing.assert_array_equal(volume.voxels, voxels()[::-1, :, ::-1])
    volume = load(
        write_metaimage(tmp_path / "a.mha", voxels(), change={**change, "AnatomicalOrientation": "???"})
    )
    np.testing.assert_array_equal(volume.voxels, voxels())
    assert "not stated" in volume.notes[0]


def test_negative_spacing_turns_its_axis(tmp_path: Path) -> None:
    volume = load(write_metaimage(tmp_path / "a.mha", voxels(), change={"ElementSpacing": "0.75 -0.5 2.5"}))
    np.testing.assert_array_equal(volume.voxels, voxels()[:, ::-1])
    assert volume.spacing == SPACING and "negative spacing" in volume.notes[0]
    assert volume.origin == (ORIGIN[0], ORIGIN[1] - 5 * SPACING[1], ORIGIN[2])


def test_spacing_and_place_that_are_not_stated(tmp_path: Path) -> None:
    volume = load(
        write_metaimage(tmp_path / "a.mha", voxels(), change={"ElementSpacing": None, "Offset": None})
    )
    assert volume.spacing is None and volume.origin is None and "not stated" in volume.notes[0]


def test_one_slice_in_two_axes(tmp_path: Path) -> None:
    change = {
        "NDims": "2",
        "DimSize": "7 6",
        "ElementSpacing": "0.75 0.5",
        "Offset": "0 0",
        "TransformMatrix": "1 0 0 1",
        "CenterOfRotation": "0 0",
    }
    volume = load(write_metaimage(tmp_path / "a.mha", voxels((1, 6, 7)), change=change))
    np.testing.assert_array_equal(volume.voxels, voxels((1, 6, 7)))


def test_a_header_before_the_voxels_is_skipped(tmp_path: Path) -> None:
    for size in ("5", "-1"):
        path = write_metaimage(tmp_path / "a.mhd", voxels(), change={"HeaderSize": size})
        raw = path.with_suffix(".raw")
        raw.write_bytes(b"abcde" + raw.read_bytes())
        volume = load(path)
        same(volume, voxels())
        assert volume.notes == ()


def test_more_bytes_than_needed_are_told(tmp_path: Path) -> None:
    path = write_metaimage(tmp_path / "a.mhd", voxels())
    with path.with_suffix(".raw").open("ab") as file:
        file.write(b"more")
    volume = load(path)
    same(volume, voxels())
    assert volume.notes == ("4 bytes more than its size needs; the first were taken",)


@pytest.mark.parametrize(
    "name", ["../a.raw", "/tmp/a.raw", "..\\a.raw", "C:\\a.raw", "C:a.raw", "b/../../a.raw", "link.raw"]
)
def test_voxels_outside_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    path = write_metaimage(folder / "a.mhd", voxels(), change={"ElementDataFile": name})
    (folder / "a.raw").rename(tmp_path / "a.raw")
    (folder / "link.raw").symlink_to(tmp_path / "a.raw")
    (folder / "b").mkdir()
    with pytest.raises(VolumeError, match="points to voxels outside its own folder"):
        load(path)
    (series,), _ = find_metaimage(path, SALT)
    assert series.files == (path,)


def test_voxels_in_a_folder_below(tmp_path: Path) -> None:
    path = write_metaimage(tmp_path / "a.mhd", voxels(), change={"ElementDataFile": "b/a.raw"})
    (tmp_path / "b").mkdir()
    (tmp_path / "a.raw").rename(tmp_path / "b" / "a.raw")
    same(load(path), voxels())


def test_a_raw_file_cut_short_is_refused_with_both_sizes(tmp_path: Path) -> None:
    path = write_metaimage(tmp_path / "a.mhd", voxels())
    raw = path.with_suffix(".raw")
    raw.write_bytes(raw.read_bytes()[:-1])
    with pytest.raises(VolumeError, match=r"a\.raw: it is cut short, 419 bytes .* needs 420"):
        load(path)


@pytest.mark.parametrize("keep", [0, 10, -50])
def test_compressed_voxels_cut_short_are_refused(tmp_path: Path, keep: int) -> None:
    path = write_metaimage(tmp_path / "a.mhd", voxels((9, 30, 30)), packed=True)
    data = path.with_suffix(".zraw")
    data.write_bytes(data.read_bytes()[:keep])
    with pytest.raises(VolumeError, match=r"cut short, [\d,]+ bytes .* needs 16,200"):
        load(path)
    data.write_bytes(b"no zlib at all")
    with pytest.raises(VolumeError, match="damaged"):
        load(path)


def test_compressed_voxels_are_checked_to_their_end(tmp_path: Path) -> None:
    path = write_metaimage(tmp_path / "a.mhd", voxels(), packed=True)
    data = path.with_suffix(".zraw")
    content = data.read_bytes()
    data.write_bytes(content[:-3])
    with pytest.raises(VolumeError, match="the end of its compressed voxels is missing"):
        load(path)
    data.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(VolumeError, match="damaged"):
        load(path)


def test_compressed_voxels_are_unpacked_no_further_than_needed(tmp_path: Path) -> None:
    path = write_metaimage(
        tmp_path / "a.mha", np.zeros((64, 512, 512), np.int16), packed=True, change={"DimSize": "2 2 2"}
    )
    tracemalloc.start()
    volume = load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert volume.voxels.shape == (2, 2, 2) and "more voxels" in volume.notes[0]
    assert peak < 4_000_000  # of 33 MB


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"DimSize": "99999 99999 99999"}, "which no scan has"),
        ({"DimSize": "7 6 0"}, "which no scan has"),
        ({"DimSize": "7 6 -5"}, "makes no sense"),
        ({"DimSize": "7 6 9999999999999"}, "makes no sense"),
        ({"DimSize": "7 6"}, "axes"),
        ({"NDims": "4", "DimSize": "7 6 5 2"}, "'4' axes"),
        ({"DimSize": None}, "no MetaImage"),
        ({"ElementType": "MET_STRING"}, "'MET_STRING' cannot be read"),
        ({"ElementType": None}, "the kind '' cannot be read"),
        ({"ElementNumberOfChannels": "3"}, "colour"),
        ({"BinaryData": "False"}, "written as text"),
        ({"ElementDataFile": "LIST"}, "list of files"),
        ({"ElementDataFile": "a%03d.raw 1 9 1"}, "list of files"),
        ({"ElementDataFile": "b.raw"}, "are not there"),
        ({"ElementSpacing": "0 1 1"}, "spacing is zero"),
        ({"ElementSpacing": "1 one 1"}, "ElementSpacing .* is not 3 numbers"),
        ({"ElementSpacing": "1 nan 1"}, "ElementSpacing .* is not 3 numbers"),
        ({"TransformMatrix": "1 0 0 0 1 0"}, "TransformMatrix .* is not 9 numbers"),
        ({"TransformMatrix": "0 0 0 0 0 0 0 0 0"}, "directions"),
    ],
)
def test_headers_that_make_no_sense_are_refused(
    tmp_path: Path, change: dict[str, str | None], says: str
) -> None:
    path = write_metaimage(tmp_path / "a.mhd", voxels(), change=change)
    with pytest.raises(VolumeError, match=rf"a\.mhd: .*{says}"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 100_000, b"DimSize = 1 1 1\n", bytes(range(256)) * 20])
def test_what_is_no_metaimage_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mhd").write_bytes(content)
    with pytest.raises(VolumeError, match="no MetaImage"):
        load(tmp_path / "a.mhd")


def test_files_are_found_under_pseudonyms(tmp_path: Path) -> None:
    uid = "1.3.6.1.4.1.14519.5"
    (tmp_path / "subset0").mkdir()
    path = write_metaimage(tmp_path / "subset0" / f"{uid}.mhd", voxels())
    write_metaimage(tmp_path / "b.mha", voxels())
    (tmp_path / "lonely.raw").write_bytes(b"")
    (tmp_path / "list.csv").write_text("x")
    found, notes = find_metaimage(tmp_path, SALT)
    assert [len(each.files) for each in found] == [1, 2]
    assert not any(uid in each.name + each.patient for each in found)
    assert len({each.name for each in found}) == 2
    assert notes == (
        "1 file left out: no MetaImage; such as list.csv",
        "1 file left out: voxels without a header; such as lonely.raw",
    )
    (alone,), _ = find_metaimage(path, SALT)
    assert alone.name == found[1].name
    digest = alone.digest
    with path.with_suffix(".raw").open("ab") as file:
        file.write(b"1")
    (changed,), _ = find_metaimage(path, SALT)
    assert changed.digest != digest
    with pytest.raises(DatasetError, match="no MetaImage"):
        find_metaimage(tmp_path / "list.csv", SALT)
