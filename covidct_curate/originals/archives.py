"""Archives given in place of a folder: unpacked for as long as they are read, unless they are unsafe."""

from __future__ import annotations

import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import IO

from covidct_curate.errors import DatasetError

MOST_MEMBERS = 200_000
MOST_BYTES = 100 << 30
"""An archive with more is to be unpacked by hand."""

_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_CHUNK = 1 << 20


def is_archive(path: Path) -> bool:
    """Whether a file is an archive by its name: ``.zip``, ``.tar``, or a compressed ``.tar``."""
    return path.is_file() and path.name.lower().endswith((".zip", *_TARS))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A temporary folder with an archive's files, gone afterwards; any other path as it is.

    Raises `DatasetError` when the archive is damaged, encrypted or too large, or when a member's name leads out of
    its folder or it is a link or a device: then nothing of it is read.
    """
    if not is_archive(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="curate-") as folder:
        try:
            if path.name.lower().endswith(".zip"):
                _unzip(path, Path(folder))
            else:
                _untar(path, Path(folder))
        except DatasetError:
            raise
        except (
            zipfile.BadZipFile,
            tarfile.TarError,
            EOFError,
            ValueError,
            RuntimeError,
            NotImplementedError,
        ) as error:
            raise DatasetError(f"{path}: the archive is damaged or encrypted; unpack it by hand") from error
        except OSError as error:
            if error.errno is None:
                raise DatasetError(f"{path}: the archive is damaged; get a new copy") from error
            raise DatasetError(f"{path}: it cannot be unpacked: {error.strerror}") from error
        except Exception as error:  # zlib's and lzma's own, for damaged data
            raise DatasetError(f"{path}: the archive is damaged; get a new copy") from error
        yield Path(folder)


def _unzip(path: Path, folder: Path) -> None:
    left = MOST_BYTES
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check_count(len(members), path)
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            _check(member.filename, kind in (0, stat.S_IFREG, stat.S_IFDIR), path)
        for member in members:
            if not member.is_dir():
                with archive.open(member) as source:
                    left = _copy(source, folder / member.filename, left, path)


def _untar(path: Path, folder: Path) -> None:
    left = MOST_BYTES
    with tarfile.open(path) as archive:
        members = []
        for member in archive:
            members.append(member)
            _check_count(len(members), path)
            _check(member.name, member.isreg() or member.isdir(), path)
        for member in members:
            source = archive.extractfile(member) if member.isreg() else None
            if source is not None:
                with source:
                    left = _copy(source, folder / member.name, left, path)


def _check_count(count: int, path: Path) -> None:
    if count > MOST_MEMBERS:
        raise DatasetError(f"{path}: it has more than {MOST_MEMBERS:,} files; unpack it by hand")


def _check(name: str, plain: bool, path: Path) -> None:
    """Refuse a member that is not a plain file or folder below the archive's own."""
    parts = PureWindowsPath(name)
    if parts.drive or parts.root or ".." in parts.parts or "\0" in name:
        raise DatasetError(f"{path}: its member {name[:100]!r} leads out of the archive's folder; refused")
    if not plain:
        raise DatasetError(f"{path}: its member {name[:100]!r} is a link or a device; refused")


def _copy(source: IO[bytes], target: Path, left: int, path: Path) -> int:
    """Write a member, never over another; returns how many bytes may still come."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise DatasetError(
                    f"{path}: it unpacks to more than {MOST_BYTES >> 30} GiB; unpack it by hand"
                )
            file.write(chunk)
    return left
