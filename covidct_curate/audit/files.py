"""The files of a dataset's pictures: each read, decoded once and looked at, or a finding."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import Image

from covidct_curate.audit.duplicates import in_grey, look
from covidct_curate.audit.finding import Finding, found
from covidct_curate.audit.likeness import Pixels
from covidct_curate.audit.seen import Seen
from covidct_curate.audit.shortcuts import border, histogram
from covidct_curate.audit.subject import Entry, Subject
from covidct_curate.errors import PictureError, in_words
from covidct_curate.panels.loose import read_pixels
from covidct_curate.png import pixels_hash

_T = TypeVar("_T")
_AT_ONCE = 1024
"""Pictures handed to the threads at once."""
_SUFFIX = {"JPEG": ".jpg", "TIFF": ".tif"}
"""How the name of a file is to end; that of any other as its format is called."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The picture in a file."""

    grey: Pixels
    """(height, width)."""
    mode: str
    form: str
    bytes: int
    """All three as `Seen` has them."""


def look_at(
    subject: Subject, progress: Callable[[int, int], None] | None = None
) -> tuple[dict[str, Seen], list[Finding]]:
    """What is seen of each picture, by `Entry.name`, and what is wrong with the files, in order of the entries.

    A file that is empty or cannot be decoded is a finding and nothing is seen of it. Of an animated file the first
    frame counts; what is transparent lies on white. ``progress`` is called with how many were looked at, and of how
    many. All cores are used; a picture takes about 20 kB.
    """
    seen: dict[str, Seen] = {}
    findings: list[Finding] = []
    entries = subject.entries
    for done, (entry, (one, wrong)) in enumerate(zip(entries, over(entries, _look_at), strict=True), 1):
        if one:
            seen[entry.name] = one
        if wrong:
            findings.append(wrong)
        if progress:
            progress(done, len(entries))
    return seen, findings


def over(entries: Sequence[Entry], what: Callable[[Entry], _T]) -> Iterator[_T]:
    """What is said of each picture, in their order, on all cores; libraries do not warn of odd files meanwhile."""
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")  # for all threads: each of them sets, and resets, the same
        for start in range(0, len(entries), _AT_ONCE):
            yield from pool.map(what, entries[start : start + _AT_ONCE])


def decoded(path: Path) -> Decoded:
    """The picture in a file. Raises `PictureError` or OSError when there is none that can be read."""
    size = path.stat().st_size
    grey = in_grey(read_pixels(path))
    with Image.open(path) as image:
        return Decoded(grey, image.mode, "JPEG" if image.format == "MPO" else str(image.format), size)


def _look_at(entry: Entry) -> tuple[Seen | None, Finding | None]:
    """What is seen of a file, and what is wrong with it."""
    path = entry.path
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return None, found("unreadable", [entry.name], "it is no regular file")
        if not status.st_size:
            return None, found("empty-file", [entry.name], "it has no bytes")
        file = decoded(path)
    except (OSError, PictureError) as error:
        return None, found("unreadable", [entry.name], in_words(error).removeprefix(f"{path}: "))
    grey = file.grey
    one = Seen(
        size=(grey.shape[1], grey.shape[0]),
        mode=file.mode,
        form=file.form,
        bytes=file.bytes,
        pixels=pixels_hash(grey),
        border=border(grey),
        histogram=histogram(grey),
        look=look(grey),
    )
    return one, _misnamed(entry.name, file.form)


def _misnamed(name: str, form: str) -> Finding | None:
    """That a file is not what its name says."""
    suffix = Path(name).suffix
    if Image.registered_extensions().get(suffix.lower()) == form:
        return None
    says = f"its name ends in {suffix}" if suffix else "its name has no ending"
    wanted = _SUFFIX.get(form, f".{form.lower()}")
    fix = f"Let its name end in {wanted}, here and where it is listed."
    return found("wrong-extension", [name], f"{says}, and it is a {form}", fix=fix)
