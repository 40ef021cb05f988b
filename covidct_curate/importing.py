"""Existing datasets into a workspace: their images become pictures, what their sheets say becomes facts.

Each document of a dataset is taken down as a paper, all of it or nothing. One that has not changed since it was
imported is skipped, one that has is brought up to date. What an earlier import brought is never lost: a picture
whose image is gone or can no longer be read stays, and so does a document that is gone.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from covidct_curate import inputs, selection
from covidct_curate.catalog import Catalog, Connection, decisions, failures, figures, papers, settings
from covidct_curate.catalog.failures import Failure
from covidct_curate.catalog.papers import KeptPaper, Stage
from covidct_curate.datasets import Dataset, Document, Image, Slice
from covidct_curate.datasets.chestxray import read_chestxray
from covidct_curate.datasets.covid_ct import read_covid_ct
from covidct_curate.datasets.folders import stem
from covidct_curate.datasets.release import carried, read_release
from covidct_curate.errors import ChoiceError, CurateError, DatasetError, WorkspaceError, in_words
from covidct_curate.extract.names import safe_name
from covidct_curate.forms import visible
from covidct_curate.originals import documents as originals
from covidct_curate.originals.archives import unpacked
from covidct_curate.originals.documents import Wish
from covidct_curate.panels.kind import look_of
from covidct_curate.panels.loose import in_colour, read_pixels
from covidct_curate.png import Pixels, write_png
from covidct_curate.records import Decision, Extraction, Figure, Panel, Picture
from covidct_curate.report import Meter, Progress, Report, Result
from covidct_curate.review import export
from covidct_curate.review.decisions import KEEP
from covidct_curate.session import committed, opened, remember
from covidct_curate.splitting import now
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
_PANEL = re.compile(r"(.+)%(\d{1,4})")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
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
    with unpacked(folder) as found:
        dataset = _dataset(kind, found, wish, salt)
        return _import(kind, dataset, found, place, wish, importer, salt, Meter(progress), folder)


def _import(
    kind: str,
    dataset: Dataset,
    found: Path,
    place: Workspace,
    wish: Wish | None,
    importer: str,
    salt: bytes,
    meter: Meter,
    folder: Path,
) -> Report:
    with opened(place, create=True) as catalog:
        with catalog.transaction() as db:
            if selection.of_workspace(db) is None:
                selection.settle(db, None, ())
            settings.put(db, _SALT, salt.hex())
            words = selection.findings(db)
        if wish is not None and wish.finding and wish.finding not in words:
            raise ChoiceError(f"{wish.finding}: no finding of this workspace; there are {', '.join(words)}")
        by = importer.strip() if wish is not None and wish.finding else ""
        run = _Run(kind, folder.absolute(), place, catalog, meter, by)
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


@dataclass(frozen=True, slots=True)
class _Read:
    """An image that was read, and what it gave."""

    image: Image
    picture: Picture
    panel: Panel
    mask: Picture | None = None


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
                read, unread = _read(document, staging)
                if not read:
                    raise CurateError(f"none of its {len(unread)} images can be read: {unread[0]}")
                stay, gone = self.stay(sha256, read, staging)
                odd = document.scan.notes if document.scan else ()
                extraction = Extraction(
                    document.paper,
                    (*_figures(read), *stay),
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

    def stay(self, sha256: str, read: Sequence[_Read], staging: Path) -> tuple[list[Figure], list[str]]:
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
            for picture in _wholes(figure)
            if picture.file not in names and picture.pixels not in pixels and (home / picture.file).is_file()
        }
        notes = [
            f"{file}: kept from an earlier import, its image is gone or cannot be read"
            for file in sorted(gone)
        ]
        return _part(before, gone, home, staging), notes

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
        verdicts = decisions.verdicts(db, [KEEP])
        for kept in figures.of_file(db, sha256):
            for one in kept.pictures:
                if one.picture.role == "figure" and one.uid not in verdicts:
                    made = Decision(one.uid, KEEP, "yes", None, self.importer, now(), "curate import", "")
                    decisions.append(db, made)

    def move(self, dataset: Dataset) -> None:
        """Take what earlier imports brought out of documents where another one has that image now."""
        names = {_identity(each): set(_names(each.images)) for each in dataset.documents}
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
            wholes = [picture for figure in found for picture in _wholes(figure)]
            here.update((each.file, each.pixels) for each in wholes if each.file in own)
            earlier.append([each for each in wholes if each.file not in own])
        for (paper, found), pictures in zip(imported, earlier, strict=True):
            moved = {each.file for each in pictures if (each.file, each.pixels) in here}
            if moved:
                self.take_out(paper, found, moved)

    def take_out(self, paper: KeptPaper, found: Sequence[Figure], moved: set[str]) -> None:
        """Take pictures out of a document. Raises `WorkspaceError` when the disk refuses."""
        staging, home = self.workspace.staging(paper.sha256), self.workspace.root / paper.folder
        files = {picture.file for figure in found for picture in _wholes(figure)} - moved
        stay = {file for file in files if (home / file).is_file()}
        stage = self.stages.get(paper.sha256, Stage(NAME, STAGE_VERSION, settings=""))
        notes = tuple(f"{file}: its image is in another document now" for file in sorted(moved))
        with self.workspace.settled(staging.name, committed(self.catalog, paper.folder)):
            try:
                staging.mkdir()
                left = tuple(_part(found, stay, home, staging))
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


def _read(document: Document, staging: Path) -> tuple[list[_Read], list[str]]:
    """Write the images of a document into a folder: those that can be read, and why not the others."""
    if document.scan is not None:
        return [_read_slice(each, staging) for each in document.scan.slices()], []
    read, unread = [], []
    for image, name in zip(document.images, _names(document.images), strict=True):
        try:
            read.append(_read_image(image, staging / name))
        except OSError:
            raise  # the workspace's disk: of an image they are no OSErrors
        except Exception as error:  # whatever odd pixels break, they cost their own image
            called, said = inputs.name(image.file.name), inputs.name(in_words(error))
            unread.append(f"{called}: {said.removeprefix(f'{inputs.name(str(image.file))}: ')}")
    return read, unread


def _read_image(image: Image, path: Path) -> _Read:
    """Write one image as PNG and judge its look. Raises `PictureError` when it cannot be read."""
    pixels = read_pixels(image.file)
    read = _written(image, pixels, path, look_of(in_colour(pixels)))
    return _with_mask(read, read_pixels(image.mask), path) if image.mask else read


def _read_slice(found: Slice, staging: Path) -> _Read:
    """Write one slice of a scan, and its mask."""
    path = staging / found.image.file.name
    read = _written(found.image, found.pixels, path, {})
    return read if found.mask is None else _with_mask(read, found.mask, path)


def _with_mask(read: _Read, mask: Pixels, path: Path) -> _Read:
    """The mask of the picture at ``path`` written beside it."""
    name = f"{path.stem}.mask.png"
    picture = replace(read.picture, file=name, role="mask", pixels=write_png(mask, path.with_name(name)))
    return replace(read, mask=picture)


def _written(image: Image, pixels: NDArray[Any], path: Path, look: Mapping[str, float]) -> _Read:
    """An image written as PNG, as picture and panel."""
    height, width = pixels.shape[:2]
    panel = Panel(
        figure_file=path.name,
        file=path.name,
        box=(0, 0, width, height),
        label=None,
        label_source="",
        spans=((0, len(image.caption)),) if image.caption else (),
        method="whole",
        confidence=1.0,
        look=look,
        facts=image.facts,
    )
    picture = Picture(
        file=path.name,
        role="figure",
        page=image.page or 0,
        bbox=(0, 0, width, height),
        width=width,
        height=height,
        xref=image.xref,
        pixels=write_png(pixels, path),
    )
    return _Read(image, picture, panel)


def _names(images: Iterable[Image]) -> list[str]:
    """Names for pictures: those of their images, made safe, no two alike on any file system.

    The number of a panel stays as it is: ``a-p6-52%3.jpg`` is ``a-p6-52%3.png``.
    """
    names: list[str] = []
    taken: set[str] = set()
    for image in images:
        plain, number = stem(image.file.name), ""
        if found := _PANEL.fullmatch(plain):
            plain, number = found[1], f"%{found[2]}"
        base = safe_name(plain[:80]) + _UNSAFE.sub("_", plain[80:])[-60:]  # a long name's end tells most
        name, count = f"{base}{number}.png", 2
        while name.lower() in taken:
            name, count = f"{base}-{count}{number}.png", count + 1
        taken.add(name.lower())
        names.append(name)
    return names


def _figures(read: Iterable[_Read]) -> list[Figure]:
    """The figures that images were cut from; an image of which that is not known is a figure of its own."""
    groups: dict[tuple[str, str, str], list[_Read]] = defaultdict(list)
    for each in read:
        alone = "" if each.image.figure else each.picture.file
        groups[each.image.figure, each.image.caption, alone].append(each)
    found = []
    for (_, caption, _), members in groups.items():
        pages = sorted({each.image.page for each in members if each.image.page is not None})
        xrefs = dict.fromkeys(each.image.xref for each in members if each.image.xref is not None)
        found.append(
            Figure(
                label=None,
                caption=caption,
                caption_page=None,
                page=pages[0] if pages else None,
                bbox=None,
                binding="none",
                confidence=1.0,
                xrefs=tuple(xrefs),
                pictures=(
                    *(each.picture for each in members),
                    *(each.mask for each in members if each.mask is not None),
                ),
                pages=tuple(pages),
                panels=tuple(each.panel for each in members),
            )
        )
    return found


def _wholes(figure: Figure) -> list[Picture]:
    """The pictures that images became: all but cut panels."""
    return [picture for picture in figure.pictures if picture.role == "figure"]


def _part(found: Iterable[Figure], files: Set[str], home: Path, staging: Path) -> list[Figure]:
    """Figures with these whole pictures and their panels only, copied from ``home`` to ``staging``."""
    part = []
    for figure in found:
        panels = tuple(panel for panel in figure.panels if panel.figure_file in files)
        names = files | {panel.file for panel in panels}
        pictures = tuple(picture for picture in figure.pictures if picture.file in names)
        for picture in pictures:
            shutil.copyfile(home / picture.file, staging / picture.file)
        if pictures:
            part.append(replace(figure, pictures=pictures, panels=panels))
    return part


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
        words = {word.strip("\"'.,:;()") for word in note.split()}
        for source in sorted({source for word in words & homes.keys() for source in homes[word]}):
            found[source].append(note)
    return found


def _put_notes(kind: str, notes: Sequence[str], place: Workspace) -> list[str]:
    """Write all notes on a dataset into the workspace, one a line, and return what the report tells of them."""
    path, draft = place.root / f"import-{kind}.txt", place.tmp / "notes"
    lines = [visible(note) for note in notes]
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
