"""Archives in place of a folder: unpacked only when nothing in them is unsafe."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from covidct_curate.errors import DatasetError
from covidct_curate.originals import archives
from covidct_curate.originals.archives import unpacked
from covidct_curate.originals.dicom import find_dicom
from tests.volumes import SALT, same, voxels, write_dicom


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, f"w:{'gz' if path.name.lower().endswith('gz') else ''}") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


KINDS: list[tuple[str, Callable[[Path, dict[str, bytes]], Path]]] = [
    ("a.zip", zipped),
    ("a.tar", tarred),
    ("a.tgz", tarred),
    ("a.TAR.GZ", tarred),
]


@pytest.mark.parametrize(("name", "write"), KINDS[:3])
def test_a_scan_in_an_archive(tmp_path: Path, name: str, write: Callable[..., Path]) -> None:
    members = {f"x/{path.name}": path.read_bytes() for path in write_dicom(tmp_path / "files", voxels())}
    with unpacked(write(tmp_path / name, members)) as folder:
        (series,), _ = find_dicom(folder, SALT)
        same(series.load(), voxels())
    assert not folder.exists()


def test_what_is_no_archive_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_bytes(b"x")
    for path in (tmp_path, tmp_path / "a.nii.gz", tmp_path / "none.zip"):
        with unpacked(path) as given:
            assert given == path


@pytest.mark.parametrize("bad", ["../a", "/a", "x/../../a", "..\\a", "C:\\a", "C:a", "\\\\host\\a", "x/.."])
@pytest.mark.parametrize(("name", "write"), KINDS)
def test_members_that_lead_out_are_refused(
    tmp_path: Path, name: str, write: Callable[..., Path], bad: str
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    path = write(folder / name, {"good": b"1", bad: b"2"})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatasetError, match="leads out of the archive's folder"), unpacked(path):
        pass
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("passwords")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(DatasetError, match="is a link or a device"), unpacked(tmp_path / "a.tar"):
        pass


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("passwords")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DatasetError, match="is a link or a device"), unpacked(tmp_path / "a.zip"):
        pass


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write(tmp_path / name, {f"{each}": bytes(1000) for each in range(5)}) for name, write in KINDS]
    monkeypatch.setattr(archives, "MOST_BYTES", 4999)
    for path in paths:
        with pytest.raises(DatasetError, match="unpacks to more than"), unpacked(path):
            pass
    monkeypatch.setattr(archives, "MOST_MEMBERS", 4)
    for path in paths:
        with pytest.raises(DatasetError, match="more than 4 files"), unpacked(path):
            pass


@pytest.mark.parametrize("keep", [0, 50, -300])
@pytest.mark.parametrize(("name", "write"), KINDS)
def test_damaged_archives_are_refused(
    tmp_path: Path, name: str, write: Callable[..., Path], keep: int
) -> None:
    content = bytes(range(256)) * 50
    path = write(tmp_path / name, {"a": content, "b": content[::-1]})
    path.write_bytes(path.read_bytes()[: keep if name != "a.tar" or keep >= 0 else 13000])
    with pytest.raises(DatasetError, match="archive is damaged"), unpacked(path):
        pass


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for _ in range(2):
            archive.addfile(tarfile.TarInfo("same"), io.BytesIO())
    with pytest.raises(DatasetError, match="cannot be unpacked: File exists"), unpacked(tmp_path / "a.tar"):
        pass


def test_what_the_reader_raises_is_not_the_archives(tmp_path: Path) -> None:
    with (
        pytest.raises(DatasetError, match="no CT series"),
        unpacked(zipped(tmp_path / "a.zip", {"a": b""})) as folder,
    ):
        find_dicom(folder, SALT)
