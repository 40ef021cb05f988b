"""A ``.meca`` package: a zip with ``manifest.xml`` and, in ``content/``, PDF, JATS and figures.

Seen in some: all of it one folder deeper, backslashes in names.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from covidct_curate.crawl.jats import element
from covidct_curate.errors import NoAnswer
from covidct_curate.manifest import plain

_LARGEST_PDF: Final = 2**30
_LARGEST_XML: Final = 2**23
"""Bytes of a manifest, or of a JATS up to the end of its front; real ones have some ten thousand."""
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_FILES: Final = 200
"""Files of a package that are looked for in its first bytes."""
_SWELLS: Final = 100
"""How many times its packed size a PDF may have; real ones shrink to a half at best."""
_CHUNK: Final = 2**20

_JATS = re.compile(r"(?:[^/]+/)?content/[^/]+\.xml", re.I)
_MANIFEST = re.compile(r"(?:[^/]+/)?manifest\.xml", re.I)
_LOCAL = struct.Struct("<4s5H3I2H")
"""The header before each file of a zip."""
_FRONT_END = re.compile(rb"</(?:\w+:)?front\s*>")


@contextmanager
def unpacking(url: str) -> Iterator[None]:
    """Raises `NoAnswer` for a package that is damaged, encrypted, or none."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        reason = plain(str(error))[:200] or type(error).__name__
        raise NoAnswer(f"{plain(url)}: the package cannot be unpacked: {reason}") from error


def streamed(head: bytes) -> bytes | None:
    """The JATS up to the end of its front, out of a zip's first bytes; None where it is not, or not wholly, in them.

    A zip's table of contents comes last, so this goes from file to file by the headers before them.
    """
    at = 0
    try:
        for _ in range(_MOST_FILES):
            if not head.startswith(b"PK\3\4", at) or at + _LOCAL.size > len(head):
                return None
            _, _, flags, method, _, _, _, packed, _, length, extra = _LOCAL.unpack_from(head, at)
            at += _LOCAL.size
            name = head[at : at + length].decode("utf-8", "replace").replace("\\", "/")
            at += length + extra
            unsized = bool(flags & 8)
            if flags & 1 or method not in _METHODS:
                return None
            content = head[at:] if unsized else head[at : at + packed]
            if _JATS.fullmatch(name):
                if method == zipfile.ZIP_DEFLATED:
                    begin = zlib.decompressobj(-15).decompress(content, _LARGEST_XML)
                else:
                    begin = content[:_LARGEST_XML]
                if end := _FRONT_END.search(begin):
                    return begin[: end.end()]
            if not unsized:
                at += packed
                continue
            if method == zipfile.ZIP_STORED:
                return None
            unpacker = zlib.decompressobj(-15)
            while content and not unpacker.eof:
                unpacker.decompress(content, _CHUNK)
                content = unpacker.unconsumed_tail
            at = len(head) - len(unpacker.unused_data)
            at += 16 if head.startswith(b"PK\7\x08", at) else 12
    except zlib.error:
        pass
    return None


def unpacked(file: IO[bytes], url: str) -> bytes:
    """The JATS up to the end of its front, out of a whole package."""
    with unpacking(url), zipfile.ZipFile(file) as archive:
        for name, member in _members(archive).items():
            if _JATS.fullmatch(name):
                with archive.open(member) as stream:
                    begin = stream.read(_LARGEST_XML)
                if end := _FRONT_END.search(begin):
                    return begin[: end.end()]
    raise NoAnswer(f"{plain(url)}: there is no JATS with a front in content/")


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    return {
        member.filename.replace("\\", "/"): member
        for member in archive.infolist()
        if not member.is_dir() and member.compress_type in _METHODS
    }


def pdf(archive: zipfile.ZipFile, url: str) -> zipfile.ZipInfo:
    """The article's PDF: that of the manifest, of several or none the one called as the JATS is.

    Raises `NoAnswer` when there is no such PDF, or when it would swell beyond all measure.
    """
    members = _members(archive)
    listed = _listed(archive, members)
    called = [f"{name[:-4]}.pdf" for name in members if _JATS.fullmatch(name)]
    beside = [name for name in members if name in called and (name in listed or not listed)]
    chosen = listed if len(listed) == 1 else beside
    if len(chosen) != 1:
        count = len(listed) or sum(name.lower().endswith(".pdf") for name in members)
        raise NoAnswer(f"{plain(url)}: which of its {count} PDFs is the article's is not told")
    member = members[chosen[0]]
    if member.file_size > min(_LARGEST_PDF, _SWELLS * member.compress_size + _CHUNK):
        raise NoAnswer(f"{plain(url)}: its PDF would swell to {member.file_size:,} bytes")
    return member


def _listed(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> list[str]:
    """The PDFs that the manifest calls the article's and that are there; none where it cannot be read."""
    name = min((name for name in members if _MANIFEST.fullmatch(name)), key=len, default=None)
    if name is None:
        return []
    with archive.open(members[name]) as stream:
        content = stream.read(_LARGEST_XML)
    try:
        manifest = element(content, "manifest")
    except ValueError:
        return []
    folder = name[: -len("manifest.xml")]
    names = [
        folder + each.get("href", "").replace("\\", "/")
        for item in manifest.iter("item")
        if (item.get("type") or item.get("item-type")) == "article"
        for each in item.iter("instance")
    ]
    return [each for each in dict.fromkeys(names) if each in members and each.lower().endswith(".pdf")]
