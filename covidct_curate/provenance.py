"""What the manifest of a crawl says of PDFs, joined with what they say of themselves.

The manifest tells of the very bytes it lists what their server said, so it goes before what was read from the PDF.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from covidct_curate import manifest
from covidct_curate.catalog.papers import Stage
from covidct_curate.errors import CrawlError
from covidct_curate.manifest import Fetched
from covidct_curate.records import Extraction, Paper

NAME = "manifest"
TOPIC = f"{manifest.NAME}: "
"""How a note on a paper begins that is about its manifest."""

_VERSION = 1
_MOST_NOTES = 5
_SHORT = 80


@dataclass(frozen=True, slots=True)
class _Listed:
    """What one folder's manifest lists."""

    files: frozenset[str]
    by_sha256: dict[str, list[Fetched]]


@dataclass(slots=True)
class Manifests:
    """The manifests of the folders that PDFs lie in, each read once."""

    notes: list[str] = field(default_factory=list)
    """What is wrong with them."""
    _folders: dict[Path, _Listed] = field(default_factory=dict)

    def told(self, pdf: Path, sha256: str) -> Paper | None:
        """What the manifest of its folder says of a PDF, None where it lists no file of these bytes."""
        if pdf.parent not in self._folders:
            self._folders[pdf.parent] = self._read(pdf.parent)
        listed = self._folders[pdf.parent]
        if same := listed.by_sha256.get(sha256):
            return min(same, key=lambda entry: entry.file != pdf.name).paper()
        if pdf.name in listed.files:
            self.notes.append(
                f"{pdf}: not the file that {manifest.NAME} lists under this name, so nothing it says is taken; if "
                "you did not replace the file, delete it and crawl again"
            )
        return None

    def _read(self, folder: Path) -> _Listed:
        try:
            entries, notes = manifest.read_manifest(folder)
        except CrawlError as error:
            entries, notes = [], [f"{error}; its papers have what their PDFs say"]
        if len(notes) > _MOST_NOTES:
            more = f"{folder / manifest.NAME}: {len(notes) - _MOST_NOTES:,} more lines are left out"
            notes = [*notes[:_MOST_NOTES], more]
        self.notes += notes
        by_sha256: dict[str, list[Fetched]] = {}
        for entry in entries:
            by_sha256.setdefault(entry.sha256, []).append(entry)
        return _Listed(frozenset(entry.file for entry in entries), by_sha256)


def choose(own: Paper, told: Sequence[Paper]) -> Paper:
    """Of what manifests say of one file the first that its stamp does not contradict, else the first."""
    return next((each for each in told if not _another_paper(own, each)), told[0])


def joined(own: Paper, told: Paper) -> tuple[Paper, tuple[str, ...]]:
    """The facts of a paper, and notes on where its manifest and its PDF disagree.

    What ``told`` states goes before ``own``, what the PDF says. Where the PDF's stamp has another DOI, another
    paper came under that name: nothing is taken.
    """
    if _another_paper(own, told):
        dois = f"it says DOI {_short(told.doi)}, the PDF's stamp {_short(own.doi)}"
        return own, (f"{TOPIC}nothing of it is taken: {dois}",)
    notes = tuple(
        f"{TOPIC}{what} {_short(said)} is taken; the PDF says {_short(read)}"
        for what, said, read in (
            ("DOI", told.doi, own.doi),
            ("version", told.version, own.version),
            ("licence", told.licence, own.licence),
        )
        if said and read and str(said).casefold() != str(read).casefold()
    )
    facts = Paper(
        doi=told.doi or own.doi,
        server=told.server or own.server,
        version=told.version or own.version,
        title=told.title or own.title,
        posted=told.posted or own.posted,
        licence=told.licence or own.licence,
        pages=own.pages,
    )
    return facts, notes


def attributed(extraction: Extraction, told: Sequence[Paper]) -> Extraction:
    """A fresh extraction with the facts of its manifest, where it has one."""
    if not told:
        return extraction
    facts, notes = joined(extraction.paper, choose(extraction.paper, told))
    return replace(extraction, paper=facts, notes=(*extraction.notes, *notes))


def stage(own: Paper, told: Paper) -> Stage:
    """Facts of a paper, joined from these two; they are its settings, so that the PDF is not needed again."""
    return Stage(NAME, _VERSION, json.dumps({"own": asdict(own), "told": asdict(told)}))


def remembered(done: Stage) -> tuple[Paper, Paper]:
    """What the PDF and its manifest said when the stage was done."""
    both = json.loads(done.settings)
    return Paper(**both["own"]), Paper(**both["told"])


def _another_paper(own: Paper, told: Paper) -> bool:
    # Only a stamp names the server. A DOI that was read elsewhere may be that of a paper it cites.
    return bool(own.server and own.doi and told.doi and own.doi.casefold() != told.doi.casefold())


def _short(value: object) -> str:
    return str(value)[:_SHORT]
