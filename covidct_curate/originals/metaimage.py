"""MetaImage: ``.mhd`` with its ``.raw`` or ``.zraw``, as LUNA16 ships scans, and ``.mha`` with both in one file.

The format is a few lines of text and an array: reading it here takes no package.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from covidct_curate.errors import DatasetError, VolumeError
from covidct_curate.originals import deidentify
from covidct_curate.originals.series import Series, Tally, files_below, keys
from covidct_curate.originals.volume import Point, Volume, check_size, floored, looks_hu, narrow, upright

_HEADERS = (".mhd", ".mha")
_DATA = (".raw", ".zraw")
_LONGEST = 1 << 16
_CHUNK = 1 << 20
_TYPES: Mapping[str, str] = {
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
_LETTERS = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "I": (2, 1), "S": (2, -1)}
"""Where an axis begins → its direction (left, back, head)."""


def find_metaimage(path: Path, salt: bytes) -> tuple[list[Series], tuple[str, ...]]:
    """Each MetaImage in a folder and those below it, or the file given, as a scan; and notes.

    A file is taken as one patient's, and told apart by its name: LUNA16's is the SeriesInstanceUID, so that a scan
    has the same pseudonym there and in DICOM. ``salt``, 16 secret bytes or more, makes the pseudonyms. A header
    that cannot be used says so when its scan is loaded. Raises `DatasetError` when ``path`` cannot be listed or
    has no such file.
    """
    tally = Tally()
    files = []
    for each in files_below(path):
        suffix = each.suffix.lower()
        if suffix in _HEADERS:
            files.append(each)
        elif suffix not in _DATA or not any(each.with_suffix(header).is_file() for header in _HEADERS):
            tally.leave("no MetaImage" if suffix not in _DATA else "voxels without a header", each)
    if not files:
        raise DatasetError(f"{path}: there is no MetaImage (.mhd, .mha) in it")
    found = []
    for each, key in keys(files, path).items():
        identity = key.removesuffix(each.suffix)
        found.append(
            Series(
                name=deidentify.pseudonym("s", salt, identity),
                files=_files(each),
                patient=deidentify.pseudonym("p", salt, identity),
                read=partial(load, each),
            )
        )
    return found, tally.notes()


def load(path: Path) -> Volume:
    """Read one header and its voxels.

    Values are Hounsfield units where some are as low as air's, else as stored. Raises `VolumeError` when the header
    is no MetaImage's, asks for what no scan is, or points out of its folder, and when voxels are missing or
    damaged; OSError when a file cannot be read.
    """
    notes: list[str] = []
    with path.open("rb") as file:
        header, start = _header(file, path)
        shape = _shape(header, path)
        kind = np.dtype(_TYPES[_known(header, path)])
        if _true(header.get("ElementByteOrderMSB", header.get("BinaryDataByteOrderMSB", "False"))):
            kind = kind.newbyteorder(">")
        wanted = int(np.prod([int(length) for length in shape])) * kind.itemsize
        source = _source(header, path)
        if source is None:
            stored = _read(file, start, wanted, header, path, notes)
        else:
            with source.open("rb") as data:
                stored = _read(data, 0, wanted, header, source, notes)
    try:
        return _volume(np.frombuffer(stored, kind).reshape(shape), header, notes)
    except VolumeError as error:
        raise VolumeError(f"{path}: {error}") from None


def _volume(stored: NDArray[np.generic], header: Mapping[str, str], notes: list[str]) -> Volume:
    count = 3
    spacing = _numbers(header, ("ElementSpacing", "ElementSize"), count)
    origin = _numbers(header, ("Offset", "Position", "Origin"), count)
    axes = _axes(header, notes)
    steps = (1.0, 1.0, 1.0)
    if spacing is not None:
        if (spacing == 0).any():
            raise VolumeError("its spacing is zero; get a new copy of the file")
        if (spacing < 0).any():
            notes.append("negative spacing: those axes run the other way")
            axes = axes * np.sign(spacing)[:, None]
        steps = (float(abs(spacing[2])), float(abs(spacing[1])), float(abs(spacing[0])))
    else:
        notes.append("distances between slices or pixels are not stated")
    first: Point = (
        (0.0, 0.0, 0.0) if origin is None else (float(origin[0]), float(origin[1]), float(origin[2]))
    )
    turned, steps, place, askew = upright(stored, axes[::-1], steps, first)
    voxels, more = narrow(turned.astype(turned.dtype.newbyteorder("="), copy=False))
    is_hu = looks_hu(voxels)
    known = spacing is not None and origin is not None
    return Volume(
        voxels=floored(voxels) if is_hu else voxels,
        spacing=steps if spacing is not None else None,
        is_hu=is_hu,
        origin=place if known else None,
        notes=(*notes, *askew, *more),
    )


def _axes(header: Mapping[str, str], notes: list[str]) -> NDArray[np.float64]:
    """Directions (left, back, head) of the axes x, y and z of the file, one a row."""
    two = header["NDims"] == "2"
    if any(name in header for name in ("TransformMatrix", "Rotation", "Orientation")):
        found = _numbers(header, ("TransformMatrix", "Rotation", "Orientation"), 4 if two else 9)
        assert found is not None
        if not two:
            return found.reshape(3, 3)
        flat = np.eye(3)
        flat[:2, :2] = found.reshape(2, 2)
        return flat
    letters = header.get("AnatomicalOrientation", "").strip().upper()
    axes = np.zeros((3, 3))
    if len(letters) == 3 and {_LETTERS[each][0] for each in letters if each in _LETTERS} == {0, 1, 2}:
        for row, letter in enumerate(letters):
            axes[row, _LETTERS[letter][0]] = _LETTERS[letter][1]
        return axes
    notes.append("its directions are not stated; taken as right to left, front to back, feet to head")
    return np.eye(3)


def _header(file: BinaryIO, path: Path) -> tuple[dict[str, str], int]:
    """The header's lines, and where the voxels of an ``.mha`` begin."""
    text = file.read(_LONGEST)
    header: dict[str, str] = {}
    start = 0
    while start < len(text) and "ElementDataFile" not in header:
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        key, equals, value = text[start:end].decode("utf-8", "replace").partition("=")
        if key.strip() and not equals:
            break
        header[key.strip()] = value.strip()
        start = end + 1
    if "DimSize" not in header or "ElementDataFile" not in header:
        raise VolumeError(f"{path}: it is no MetaImage, or its header is cut short; get a new copy")
    return header, start


def _shape(header: dict[str, str], path: Path) -> tuple[int, int, int]:
    sizes = header["DimSize"].split()
    header.setdefault("NDims", str(len(sizes)))
    if header["NDims"] not in ("2", "3") or len(sizes) != int(header["NDims"]):
        raise VolumeError(f"{path}: it has {header['NDims'][:20]!r} axes; a scan has three")
    if not all(each.isdecimal() and len(each) < 10 for each in sizes):
        raise VolumeError(f"{path}: its size ({header['DimSize'][:60]!r}) makes no sense; get a new copy")
    if header.get("ElementNumberOfChannels", "1") != "1":
        raise VolumeError(f"{path}: it is in colour, not a scan or a mask")
    x, y, z = (*(int(each) for each in sizes), 1)[:3]
    check_size((z, y, x), path)
    return z, y, x


def _known(header: Mapping[str, str], path: Path) -> str:
    kind = header.get("ElementType", "")
    if kind not in _TYPES:
        raise VolumeError(f"{path}: voxels of the kind {kind[:40]!r} cannot be read; save it as MET_SHORT")
    if not _true(header.get("BinaryData", "True")):
        raise VolumeError(f"{path}: its voxels are written as text; save it as binary data")
    return kind


def _source(header: Mapping[str, str], path: Path) -> Path | None:
    """The file with the voxels, beside the header or below it; None where they follow the header."""
    name = header["ElementDataFile"]
    if name.upper() == "LOCAL":
        return None
    if not name or name.upper().startswith("LIST") or "%" in name or "\0" in name:
        raise VolumeError(f"{path}: its voxels lie in a list of files; save them in one file")
    windows = PureWindowsPath(name)
    below = not (Path(name).is_absolute() or windows.drive or windows.root or ".." in windows.parts)
    source = path.parent / name
    if not below or not source.resolve().is_relative_to(path.parent.resolve()):
        raise VolumeError(f"{path}: it points to voxels outside its own folder ({name[:100]!r}); refused")
    if not source.is_file():
        raise VolumeError(f"{path}: its voxels, {name[:100]!r}, are not there; put them beside it")
    return source


def _read(
    file: BinaryIO, start: int, wanted: int, header: Mapping[str, str], path: Path, notes: list[str]
) -> bytes:
    """The bytes of the voxels. Raises `VolumeError` when there are fewer than wanted."""
    size = os.fstat(file.fileno()).st_size
    packed = _true(header.get("CompressedData", "False"))
    skip = header.get("HeaderSize", "0").strip()
    if skip == "-1" and not packed:
        start = max(start, size - wanted)
    elif skip.isdecimal() and len(skip) < 16:
        start += int(skip)
    file.seek(start)
    if packed:
        return _unpacked(file, wanted, path, notes)
    there = max(0, size - start)
    if there < wanted:
        raise VolumeError(
            f"{path}: it is cut short, {there:,} bytes of voxels where its header needs {wanted:,}; get a new copy"
        )
    if there > wanted:
        notes.append(f"{there - wanted:,} bytes more than its size needs; the first were taken")
    return file.read(wanted)


def _unpacked(file: BinaryIO, wanted: int, path: Path, notes: list[str]) -> bytes:
    """Decompress the bytes wanted and at most one more, however many there would be."""
    unpacker = zlib.decompressobj(wbits=47)
    parts: list[bytes] = []
    got = 0
    try:
        while got <= wanted and not unpacker.eof:  # at its end the checksum is looked at
            chunk = unpacker.unconsumed_tail or file.read(_CHUNK)
            if not chunk:
                break
            parts.append(unpacker.decompress(chunk, wanted + 1 - got))
            got += len(parts[-1])
    except zlib.error as error:
        raise VolumeError(f"{path}: its compressed voxels are damaged; get a new copy") from error
    if got < wanted:
        raise VolumeError(
            f"{path}: it is cut short, {got:,} bytes of voxels where its header needs {wanted:,}; get a new copy"
        )
    if got > wanted:
        notes.append("more voxels than its size needs; the first were taken")
    elif not unpacker.eof:
        raise VolumeError(f"{path}: the end of its compressed voxels is missing; get a new copy")
    return b"".join(parts)[:wanted]


def _numbers(header: Mapping[str, str], names: tuple[str, ...], count: int) -> NDArray[np.float64] | None:
    """The first of these elements as so many numbers, a third axis added to two; None where there is none."""
    for name in names:
        if name not in header:
            continue
        try:
            values = [float(each) for each in header[name].split()]
        except ValueError:
            values = []
        if count == 3 and len(values) == 2:
            values.append(0.0 if name in ("Offset", "Position", "Origin") else 1.0)
        if len(values) != count or not np.isfinite(values).all():
            raise VolumeError(
                f"{name} ({header[name][:60]!r}) is not {count} numbers; get a new copy of the file"
            )
        return np.array(values, np.float64)
    return None


def _files(path: Path) -> tuple[Path, ...]:
    """A header and the file it names, where it may."""
    try:
        with path.open("rb") as file:
            header, _ = _header(file, path)
        source = _source(header, path)
    except (VolumeError, OSError):
        return (path,)
    return (path,) if source is None else (path, source)


def _true(text: str) -> bool:
    return text.strip().lower() in ("true", "t", "1", "yes")
