"""The manifest of a folder of preprints: which files were fetched, when, from where, under which licence.

``manifest.jsonl`` is the truth, a line a file; ``index.csv`` is the same for spreadsheets. A line is added when its
file is complete, so a kill loses neither.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from covidct_curate.errors import CrawlError
from covidct_curate.forms import FORMS
from covidct_curate.licences import known
from covidct_curate.records import Paper

NAME = "manifest.jsonl"
INDEX = "index.csv"
_NUMBERS = ("version", "bytes")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_LONGEST = 500
"""Characters of a fact of a paper; more are no title."""
_LONGEST_REASON = 120


@dataclass(frozen=True, slots=True)
class Fetched:
    """One PDF of the folder. Text that is not known is ``""``."""

    file: str
    """Its name in the folder."""
    doi: str
    version: int | None
    server: str
    """``medRxiv`` or ``bioRxiv``; what Europe PMC calls others."""
    title: str
    authors: str
    posted: str
    """The day this version was posted, ISO 8601."""
    category: str
    licence: str
    """As given: ``cc_by_nc``, ``cc_no``; ``""`` is not open."""
    spdx: str
    """The same as SPDX calls it; ``""`` where SPDX has no name for it."""
    url: str
    """Where the file came from."""
    sha256: str
    bytes: int
    etag: str
    fetched: str
    """When, ISO 8601, UTC."""
    tool: str
    """``covidct 0.1.0``."""
    published: str
    """DOI of the journal article that the preprint became."""

    @property
    def key(self) -> tuple[str, int]:
        """Which paper's version it is, for comparing: DOIs know no capitals."""
        return self.doi.casefold(), self.version or 0

    def paper(self) -> Paper:
        """What it says of the paper; pages are not known."""
        found = known(self.licence[:_LONGEST])
        return Paper(
            doi=self.doi[:_LONGEST] or None,
            server=self.server[:_LONGEST] or None,
            version=self.version,
            title=self.title[:_LONGEST] or None,
            posted=self.posted or None,
            licence=(found.key if found else self.licence[:_LONGEST]) or None,
        )


def spdx(licence: str) -> str:
    """A licence as given by a server, as SPDX calls it; ``""`` where it has no name there."""
    found = known(licence)
    return found.spdx if found else ""


def read_manifest(folder: Path) -> tuple[list[Fetched], list[str]]:
    """What the manifest of a folder lists, and what is wrong with it; nothing where there is none.

    Lines that make no sense, such as one cut short by a kill, are left out and told. Of lines about one file the last
    holds. Raises `CrawlError` when the file is there and cannot be read.
    """
    path = folder / NAME
    try:
        if path.exists() and not path.is_file():
            raise CrawlError(f"{path}: it is no regular file")
        content = path.read_bytes()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise CrawlError(f"{path}: it cannot be read: {error.strerror}") from error
    found: dict[str, Fetched] = {}
    notes = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            entry = _entry(json.loads(line))
        except (ValueError, RecursionError) as error:
            notes.append(f"{path}: line {number} is left out: {str(error)[:_LONGEST_REASON]}")
            continue
        found[entry.file] = entry
    return list(found.values()), notes


def append(folder: Path, entry: Fetched) -> None:
    """Add a line, which is on the disk when this returns. Raises OSError."""
    with (folder / NAME).open("ab") as file:
        # After a kill the last line may lack its end; readers pass over an empty line.
        file.write(b"\n" + _lines([entry]).encode())
        file.flush()
        os.fsync(file.fileno())


def write_manifest(folder: Path, entries: Iterable[Fetched]) -> None:
    """Write manifest and index anew, by DOI and version, each whole or not at all. Raises OSError."""
    ordered = sorted(entries, key=lambda entry: (entry.key, entry.file))
    table = io.StringIO(newline="")
    FORMS["csv"]("papers", map(_row, ordered), table)
    if not ordered:
        table.write(",".join(field.name for field in fields(Fetched)) + "\r\n")
    put(folder / NAME, _lines(ordered).encode())
    put(folder / INDEX, table.getvalue().encode())


def put(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all. Raises OSError."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def plain(text: str) -> str:
    """Text on one line, that any file can hold: halves of characters replaced, white space single, nothing that
    is not seen."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join(_UNSEEN.sub("", whole).split())


def _lines(entries: Sequence[Fetched]) -> str:
    out = io.StringIO(newline="")
    FORMS["jsonl"]("papers", map(_row, entries), out)
    return out.getvalue()


def _row(entry: Fetched) -> dict[str, object]:
    return {name: plain(value) if isinstance(value, str) else value for name, value in asdict(entry).items()}


def _entry(told: Any) -> Fetched:
    """One line. Raises ValueError."""
    if not isinstance(told, dict):
        raise ValueError("it is no object")
    values: dict[str, Any] = {}
    for field in fields(Fetched):
        value = told.get(field.name)
        if field.name in _NUMBERS:
            good = value is None or (type(value) is int and 0 <= value < 2**63)
            values[field.name] = value if field.name == "version" else value or 0
        else:
            good = value is None or isinstance(value, str)
            values[field.name] = plain(value) if isinstance(value, str) else ""
        if not good:
            raise ValueError(f"{field.name} is {value!r}")
    if values["file"] in ("", "..") or Path(values["file"]).name != values["file"]:
        raise ValueError(f"file is {values['file']!r}, and ought to be a name in the folder")
    if values["posted"]:
        values["posted"] = date.fromisoformat(values["posted"]).isoformat()
    return Fetched(**values)
