"""One PDF onto the disk: whole and what it says it is, or not there."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pymupdf

from covidct_curate import inputs
from covidct_curate.crawl.listing import Body, Source
from covidct_curate.crawl.preprint import Preprint
from covidct_curate.crawl.web import strong
from covidct_curate.errors import CrawlError, NoAnswer
from covidct_curate.manifest import plain, put

_TRIES: Final = 3
_LONGEST: Final = 900.0
"""Seconds for one file."""
_LARGEST: Final = 2**30
"""Bytes; a preprint with all of its figures has some hundred million at most."""
_TITLE = re.compile(rb"<title[^>]*>(.{0,200}?)</title", re.I | re.S)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Got:
    """A file that is on the disk."""

    sha256: str
    bytes: int
    etag: str
    url: str


def download(source: Source, preprint: Preprint, target: Path, clock: Callable[[], float]) -> Got:
    """Write the PDF of a preprint to ``target``.

    It grows as ``target.part``; what an earlier run left of it is gone on with if the server's strong ETag is still the
    same. A connection that breaks is taken up again. The file is renamed when it has the length that was announced,
    begins and ends as a PDF does, and PyMuPDF opens it. Raises `NoAnswer` with the reason when it does not,
    `HostStopped`, and `CrawlError` when the disk refuses.
    """
    part, note = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")
    end = clock() + _LONGEST
    try:
        for left in reversed(range(_TRIES)):
            have, etag = _left(part, note)
            begun = False
            try:
                with source.open(preprint, have, etag) as body:
                    begun = True
                    whole = _write(body, part, note, lambda: clock() > end)
                break
            except _Bad:
                raise
            except NoAnswer:
                if not (left and begun) or clock() > end:
                    raise
        got = replace(check(part), etag=whole.etag, url=whole.url)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        if target.exists() and not (target.is_file() and inputs.digest(target) == got.sha256):
            raise _Bad(f"{target}: there is another file of this name already; move it away")
        part.replace(target)
        _sync(target.parent)
    except _Bad:
        part.unlink(missing_ok=True)
        raise
    except OSError as error:
        raise CrawlError(
            f"{target}: it cannot be written: {error.strerror or error}"
            + ("; make room and run the same command again" if error.errno in _FULL else "")
        ) from error
    finally:
        if not part.exists():
            note.unlink(missing_ok=True)
    return got


class _Bad(NoAnswer):
    """What came is no PDF; nothing of it is of use."""


def _left(part: Path, note: Path) -> tuple[int, str]:
    """How many bytes an earlier try left, and of which file; (0, "") unless both are known."""
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        etag = told.get("etag") if isinstance(told, dict) else None
        return (part.stat().st_size, etag) if isinstance(etag, str) and strong(etag) else (0, "")
    except (OSError, ValueError, RecursionError):
        return 0, ""


def _write(body: Body, part: Path, note: Path, late: Callable[[], bool]) -> Body:
    """The body appended to, or in place of, what is there. Raises `NoAnswer` when it ends early."""
    if body.start == 0:
        part.unlink(missing_ok=True)
        if strong(body.etag):
            put(note, json.dumps({"etag": body.etag}).encode())
        else:
            note.unlink(missing_ok=True)
    size = body.start
    with part.open("ab") as file:
        for chunk in body.chunks:
            file.write(chunk)
            size += len(chunk)
            if size > _LARGEST:
                raise _Bad(f"{body.url}: larger than {_LARGEST >> 20} MiB")
            if late():
                raise NoAnswer(f"{body.url}: too slow: {size:,} bytes in {_LONGEST / 60:.0f} minutes")
    if body.total is not None and size != body.total:
        raise NoAnswer(f"{body.url}: it ended after {size:,} of {body.total:,} bytes")
    return body


def check(path: Path) -> Got:
    """What a file is, without tag and address. Raises `NoAnswer` unless it is a whole PDF, OSError."""
    _look(path)
    return Got(inputs.digest(path), path.stat().st_size, "", "")


def _look(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, path.stat().st_size - 2048))
        tail = file.read()
    if not head.strip():
        raise _Bad("the server gave an empty file")
    if b"%PDF-" not in head[:1024]:
        lower = head.lstrip()[:100].lower()
        if lower.startswith((b"<!doctype html", b"<html", b"<?xml", b"<head")):
            title = _TITLE.search(head)
            named = f" ({plain(title[1].decode('utf-8', 'replace'))[:80]!r})" if title else ""
            raise _Bad(f"a web page came instead of a PDF{named}")
        raise _Bad("what came is no PDF")
    if b"%%EOF" not in tail:
        raise _Bad("the PDF breaks off before its end")
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    try:
        with pymupdf.open(path, filetype="pdf") as document:
            if not document.needs_pass and document.page_count == 0:
                raise _Bad("the PDF has no page")
    except (pymupdf.mupdf.FzErrorBase, RuntimeError, ValueError) as error:
        raise _Bad(f"PyMuPDF cannot open it: {plain(str(error))[:120]}") from error


def _sync(folder: Path) -> None:
    """Make a rename last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
