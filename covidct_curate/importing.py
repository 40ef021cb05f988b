"""Existing datasets into a workspace: their images become pictures, what their sheets say becomes facts.

Each document of a dataset is taken down as a paper, all of it or nothing. One that has not changed since it was
imported is skipped, one that has is brought up to date. What an earlier import brought is never lost: a picture
whose image is gone or can no longer be read stays, and so does a document that is gone.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from covidct_curate import inputs, selection
from covidct_curate.catalog import Catalog, Connection, decisions, failures, figures, papers, settings
from covidct_curate.catalog.failures import Failure
from covidct_curate.catalog.papers import KeptPaper, Stage
from covidct_curate.datasets import Dataset, Document, Note
from covidct_curate.datasets.chestxray import read_chestxray
from covidct_curate.datasets.covid_ct import read_covid_ct
from covidct_curate.datasets.release import carried, read_release
from covidct_curate.errors import ChoiceError, CurateError, DatasetError, WorkspaceError, in_words
from covidct_curate.forms import visible
from covidct_curate.originals import documents as originals
from covidct_curate.originals.archives import unpacked
from covidct_curate.originals.documents import Wish
from covidct_curate.pictures import Read, figures_of, names_of, part_of, read_images, wholes_of
from covidct_curate.records import Decision, Extraction, Figure, Picture
from covidct_curate.report import Meter, Progress, Report, Result
from covidct_curate.review import export
from covidct_curate.review.decisions import KEEP
from covidct_curate.session import committed, now, opened, remember
from covidct_curate.workspace import Workspace

KINDS: Mapping[str, Callable[[Path], Dataset]] = {
    "covid-ct": read_covid_ct,
    "chestxray": read_chestxray,
    "release": read_release,
}
"""Datasets that can be imported with their sheets, and their readers; `originals.documents.KINDS` are the others."""

NAME = "import"
_SALT = "salt"
STAGE_VERSION = 1
_SHOWN = 3
"""Notes on a dataset that the report tells."""


def import_dataset(
    kind: str,
    folder: Path,
    workspace: Path,
    *,
    wish: Wish | None = None,
    importer: str = "",
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Import the dataset of that kind in ``folder`` (or an archive of it) into a workspace.

    ``kind`` is one of `KINDS`, or for scans and loose pictures one of `originals.documents.KINDS`, of which ``wish``
    says what is wanted. What is imported with a finding is decided by the ``importer``: its pictures are kept.

    ``progress`` is called after each document. An image that cannot be read costs itself only, and a note on
    its paper says so; a document of which none can be read has failed. The report has one result a document,
    and first notes on the dataset's sheets; all of them are in the workspace's ``import-KIND.txt``, those that
    name a document or its images on its paper too.

    Raises `DatasetError` when there is no such kind or ``folder`` is no such dataset, `ChoiceError` when a wish
    makes no sense, `WorkspaceError` when the workspace cannot be used.
    """
    if kind not in KINDS and kind not in originals.KINDS:
        names = ", ".join([*KINDS, *originals.KINDS])
        raise DatasetError(f"{kind}: no such dataset can be imported; there are {names}")
    if wish is not None and wish.finding and not importer.strip():
        raise ChoiceError(
            "what is imported with a finding is decided: name its importer with --reviewer NAME"
        )
    place = Workspace(workspace)
    salt = _salt(place)
    finding = wish.finding if wish is not None else ""
    with unpacked(folder) as found:
        dataset = _dataset(kind, found, wish, salt)
        with opened(place, create=True) as catalog:
            with catalog.transaction() as db:
                if selection.of_workspace(db) is None:
                    selection.settle(db, None, ())
                settings.put(db, _SALT, salt.hex())
                words = selection.findings(db)
                decided = frozenset(decisions.verdicts(db, [KEEP]))
            if finding and finding not in words:
                raise ChoiceError(f"{finding}: no finding of this workspace; there are {', '.join(words)}")
            by = importer.strip() if finding else ""
            run = _Run(kind, folder.absolute(), place, catalog, Meter(progress), by, decided)
            run.take(dataset)
            if kind == "release":
                with catalog.transaction() as db:
                    settings.put(db, "release", json.dumps(carried(found)))
            sheet = export.write(place, catalog)
            notes = (*_put_notes(kind, dataset.notes, place), *run.losses(dataset), *sheet.notes)
            place.clear()
    return Report(tuple(run.results), replace(sheet, notes=notes))


def _dataset(kind: str, path: Path, wish: Wish | None, salt: bytes) -> Dataset:
    if kind in KINDS:
        if wish is not None:
            raise ChoiceError(f"{kind} says itself what its images show: no other option goes with it")
        return KINDS[kind](path)
    return originals.read_originals(kind, path, wish or Wish(), salt)


def _salt(place: Workspace) -> bytes:
    """The workspace's secret, by which pseudonyms are made, never released; a new one where there is none."""
    stored = None
    if place.catalog.is_file():
        with Catalog(place.catalog) as catalog, catalog.snapshot() as db:
            stored = settings.find(db, _SALT)
    return bytes.fromhex(stored) if stored else secrets.token_bytes(32)


@dataclass(slots=True)
class _Run:
    """An import under way."""

    kind: str
    folder: Path
    workspace: Workspace
    catalog: Catalog
    meter: Meter
    importer: str
    """Who decides about what is imported; ``""``: nobody."""
    decided: frozenset[str]
    """Pictures that somebody kept or dropped before."""
    results: list[Result] = field(default_factory=list)
    stages: dict[str, Stage] = field(default_factory=dict)
    """What is done, or is to be, for each document."""

    def take(self, dataset: Dataset) -> None:
        """Take down the documents that are new or have changed."""
        wanted = self.wanted(dataset.documents)
        notes = _named(dataset)
        self.meter.expect(len(wanted))
        failed = set()
        for document in dataset.documents:
            if document.source not in wanted:
                self.results.append(Result(document.source, "skipped"))
                continue
            result = self.record(document, notes[document.source])
            self.results.append(result)
            self.meter.count(None if result.status == "failed" else result.figures)
            if result.status == "failed":
                del self.stages[_identity(document)]
                failed.add(self.path(document))
                failure = Failure(document.source, result.stage, result.note)
                remember(self.catalog, self.path(document), failure, _identity(document))
        self.move(dataset)
        with self.catalog.transaction() as db:
            failures.keep_only(db, [self.folder / self.kind], failed)

    def wanted(self, documents: Sequence[Document]) -> set[str]:
        """Sources of the documents that are not in the catalogue as they are now, with all their pictures."""
        wanted = set()
        self.stages = {_identity(each): _stage(each) for each in documents}
        with self.catalog.transaction() as db:
            papers.register(db, [(_identity(each), each.source) for each in documents])
            pictures = figures.files(db)
            for document in documents:
                sha256 = _identity(document)
                done = sha256 in papers.done(db, self.stages[sha256])
                if not done or not all(
                    (self.workspace.root / each).is_file() for each in pictures.get(sha256, ())
                ):
                    wanted.add(document.source)
        return wanted

    def record(self, document: Document, notes: Sequence[str]) -> Result:
        """Read the images of a document and take them down, all that can be read or nothing."""
        started = time.perf_counter()
        sha256 = _identity(document)
        staging = self.workspace.staging(sha256)
        with self.workspace.settled(staging.name, committed(self.catalog, self.workspace.folder(sha256))):
            try:
                staging.mkdir()
                read, unread = read_images(document, staging)
                if not read:
                    raise CurateError(f"none of its {len(unread)} images can be read: {unread[0]}")
                stay, gone = self.stay(sha256, read, staging)
                odd = document.scan.notes if document.scan else ()
                extraction = Extraction(
                    document.paper,
                    (*figures_of(read), *stay),
                    notes=(*notes, *odd, *(f"left out: {each}" for each in unread), *gone),
                    dataset=self.kind,
                )
                self.put(extraction, sha256, staging, self.stages[sha256], time.perf_counter() - started)
            except Exception as error:
                # Sheets and images come from anywhere: whatever they break, they cost their own document only.
                return Result(document.source, "failed", in_words(error), NAME)
        return Result(
            document.source,
            "done",
            f"{len(unread)} of {len(document.images)} images left out" if unread else "",
            figures=len(extraction.figures),
            pictures=sum(len(figure.pictures) for figure in extraction.figures),
            panels=sum(len(figure.panels) for figure in extraction.figures),
        )

    def stay(self, sha256: str, read: Sequence[Read], staging: Path) -> tuple[list[Figure], list[str]]:
        """What earlier imports of a document brought and this one does not, copied into ``staging``.

        Figures with these pictures only, and a note on each.
        """
        names = {each.picture.file for each in read}
        pixels = {each.picture.pixels for each in read}
        home = self.workspace.root / self.workspace.folder(sha256)
        with self.catalog.snapshot() as db:
            before = [kept.figure for kept in figures.of_file(db, sha256)]
        gone = {
            picture.file
            for figure in before
            for picture in wholes_of(figure)
            if picture.file not in names and picture.pixels not in pixels and (home / picture.file).is_file()
        }
        notes = [
            f"{file}: kept from an earlier import, its image is gone or cannot be read"
            for file in sorted(gone)
        ]
        return part_of(before, gone, home, staging), notes

    def put(self, extraction: Extraction, sha256: str, staging: Path, stage: Stage, seconds: float) -> None:
        """Take down a document whose pictures lie in ``staging``."""
        folder = self.workspace.folder(sha256)
        with self.catalog.transaction() as db:
            stored = papers.store(
                db,
                extraction,
                sha256=sha256,
                folder=folder,
                staging=staging.name,
                stages=[stage],
                seconds=seconds,
            )
            failures.clear(db, sha256)
            if self.importer:
                self.decide(db, sha256)
            self.workspace.place(staging, folder, stored.files.names, stored.files.retired)

    def decide(self, db: Connection, sha256: str) -> None:
        """Keep the pictures of a document, where nobody has decided about them."""
        for kept in figures.of_file(db, sha256):
            for one in kept.pictures:
                if one.picture.role == "figure" and one.uid not in self.decided:
                    made = Decision(one.uid, KEEP, "yes", None, self.importer, now(), "curate import", "")
                    decisions.append(db, made)

    def move(self, dataset: Dataset) -> None:
        """Take what earlier imports brought out of documents where another one has that image now."""
        names = {_identity(each): set(names_of(each.images)) for each in dataset.documents}
        with self.catalog.snapshot() as db:
            by_paper = figures.by_paper(db)
            imported = [
                (paper, [kept.figure for kept in by_paper[paper.uid]])
                for paper in papers.every(db)
                if paper.dataset == self.kind
            ]
        here: set[tuple[str, str]] = set()
        earlier: list[list[Picture]] = []
        for paper, found in imported:
            own = names.get(paper.sha256, set())
            wholes = [picture for figure in found for picture in wholes_of(figure)]
            here.update((each.file, each.pixels) for each in wholes if each.file in own)
            earlier.append([each for each in wholes if each.file not in own])
        for (paper, found), pictures in zip(imported, earlier, strict=True):
            moved = {each.file for each in pictures if (each.file, each.pixels) in here}
            if moved:
                self.take_out(paper, found, moved)

    def take_out(self, paper: KeptPaper, found: Sequence[Figure], moved: set[str]) -> None:
        """Take pictures out of a document. Raises `WorkspaceError` when the disk refuses."""
        staging, home = self.workspace.staging(paper.sha256), self.workspace.root / paper.folder
        files = {picture.file for figure in found for picture in wholes_of(figure)} - moved
        stay = {file for file in files if (home / file).is_file()}
        stage = self.stages.get(paper.sha256, Stage(NAME, STAGE_VERSION, settings=""))
        notes = tuple(f"{file}: its image is in another document now" for file in sorted(moved))
        with self.workspace.settled(staging.name, committed(self.catalog, paper.folder)):
            try:
                staging.mkdir()
                left = tuple(part_of(found, stay, home, staging))
                extraction = Extraction(paper.paper, left, (*paper.notes, *notes), dataset=self.kind)
                self.put(extraction, paper.sha256, staging, stage, paper.seconds)
            except OSError as error:
                raise WorkspaceError(f"{self.workspace.root}: {in_words(error)}") from error

    def losses(self, dataset: Dataset) -> list[str]:
        """Notes on images that could not be read, and on documents of earlier imports that are gone."""
        here = {_identity(document) for document in dataset.documents}
        with self.catalog.snapshot() as db:
            imported = [each for each in papers.every(db) if each.dataset == self.kind and each.figures]
        gone = [each.source for each in imported if each.sha256 not in here]
        poorer = [each.source for each in self.results if each.status == "done" and each.note]
        notes = []
        if poorer:
            notes.append(
                f"{len(poorer):,} documents came in without some of their images, such as {poorer[0]}; "
                f"their notes say why: curate list papers"
            )
        if gone:
            notes.append(
                f"{len(gone):,} documents of an earlier import are not in this folder and stay, "
                f"such as {gone[0]}"
            )
        return notes

    def path(self, document: Document) -> Path:
        """Where failures of a document are remembered."""
        return self.folder / document.source


def _identity(document: Document) -> str:
    """What stands for the SHA-256 of a document's file: the same in every import."""
    return hashlib.sha256(f"import {document.source}".encode()).hexdigest()


def _stage(document: Document) -> Stage:
    """The import of a document as it is now: its paper, its image files and what is said of each."""
    told: list[object] = [asdict(document.paper)]
    if document.scan is not None:
        try:
            told.append(document.scan.key)
        except OSError as error:
            told.append(type(error).__name__)
    for image in document.images:
        try:
            content = inputs.digest(image.file)
        except OSError as error:
            content = type(error).__name__
        mask = inputs.digest(image.mask) if image.mask and image.mask.is_file() else None
        told.append(asdict(image) | {"file": [image.file.name, content], "mask": mask})
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return Stage(NAME, STAGE_VERSION, settings=digest)


def _named(dataset: Dataset) -> Mapping[str, Sequence[str]]:
    """Source of each document → the dataset's notes that name it, its DOI or one of its images."""
    homes: dict[str, set[str]] = defaultdict(set)
    for document in dataset.documents:
        own = [document.source.partition("/")[2], document.paper.doi or ""]
        for image in document.images:
            own += [image.file.name, f"{image.file.parent.name}/{image.file.name}"]
        for name in own:
            if len(name) > 4 and any(each.isdecimal() for each in name):  # others may be just words or counts
                homes[name].add(document.source)
    found: dict[str, list[str]] = defaultdict(list)
    for note in dataset.notes:
        words = {word.strip("\"'.,:;()") for word in note.text.split()}
        for source in sorted({source for word in words & homes.keys() for source in homes[word]}):
            found[source].append(note.text)
    return found


def _put_notes(kind: str, notes: Sequence[Note], place: Workspace) -> list[str]:
    """Write all notes on a dataset into the workspace, one a line, and return what the report tells of them."""
    path, draft = place.root / f"import-{kind}.txt", place.tmp / "notes"
    lines = [visible(note.text) for note in notes]
    try:
        if not lines:
            path.unlink(missing_ok=True)
            return []
        draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        draft.replace(path)
        where = f"all are in {path.name}"
    except OSError as error:
        where = f"{path.name} could not be written: {error.strerror}"
    return [f"{len(lines):,} notes on the dataset, {where}", *lines[:_SHOWN]]
