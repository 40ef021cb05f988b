"""Contributed pictures into a catalogue: all papers in one transaction, or none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from covidct_curate import selection
from covidct_curate.catalog import Catalog, Connection, decisions, figures, papers
from covidct_curate.catalog.papers import CONTRIBUTION, Stage
from covidct_curate.contribute.contents import Contributed, Contribution
from covidct_curate.contribute.told import only_known
from covidct_curate.datasets import Document
from covidct_curate.datasets.release import METADATA, read_release
from covidct_curate.errors import DatasetError, WorkspaceError, in_words
from covidct_curate.pictures import Read, figures_of, read_images
from covidct_curate.records import Decision, Extraction
from covidct_curate.release.formats.rows import write_lines
from covidct_curate.review.decisions import KEEP
from covidct_curate.session import committed
from covidct_curate.workspace import Workspace

_CLIENT = "curate contribute merge"


@dataclass(frozen=True, slots=True)
class _Ready:
    """A paper whose pictures lie in the workspace's temporary folder."""

    document: Document
    sha256: str
    staging: Path
    read: Sequence[Read]


def stage(contribution: Contribution) -> Stage:
    """What is done for the papers that came with this very contribution."""
    return Stage(CONTRIBUTION, 1, contribution.digest)


def identity(each: Contributed) -> str:
    """What stands for the SHA-256 of a contributed paper's file."""
    version = each.told["version"]
    return _digest(_source(f"{each.doi}v{version}" if version else each.doi))


def bring(
    place: Workspace,
    catalog: Catalog,
    contribution: Contribution,
    pictures: Mapping[str, Contributed],
    folder: Path,
    reviewer: str,
) -> None:
    """Take contributed pictures down; their files lie in ``folder`` by their names.

    Raises `DatasetError` when one cannot be read and `WorkspaceError` when the workspace cannot be written: then
    nothing of them is there.
    """
    by = (
        f"{contribution.contributor} ({contribution.contact})"
        if contribution.contact
        else contribution.contributor
    )
    write_lines((_line(each, by) for each in pictures.values()), folder / METADATA)
    note = f"contributed by {by}, {contribution.date[:10]}; merged by {reviewer}"
    try:
        with ExitStack() as stack:
            ready = [
                _ready(_document(each, pictures, folder), place, catalog, stack)
                for each in read_release(folder).documents
            ]
            with catalog.transaction() as db:
                if selection.of_workspace(db) is None:
                    selection.settle(db, None, ())
                for each in ready:
                    _store(db, each, note, stage(contribution), place)
                    _keep(db, each, pictures, folder)
    except OSError as error:
        raise WorkspaceError(f"{place.root}: {in_words(error)}; nothing was merged") from error


def _line(each: Contributed, by: str) -> dict[str, object]:
    """What the picture's line says, and who gave it."""
    told = only_known(each.told)
    extra = {CONTRIBUTION: by} | told["extra"]
    return told | {"extra": extra, "in_release": each.inside, "figure_pixels": each.figure_pixels}


def _source(home: str) -> str:
    return f"{CONTRIBUTION}/{home}"


def _digest(source: str) -> str:
    return hashlib.sha256(f"import {source}".encode()).hexdigest()


def _document(document: Document, pictures: Mapping[str, Contributed], folder: Path) -> Document:
    """The same with what is known of each fact's evidence."""
    images = []
    for image in document.images:
        evidence = {**image.facts.evidence, **pictures[_name(image.file, folder)].evidence}
        images.append(replace(image, facts=replace(image.facts, evidence=evidence)))
    source = _source(document.source.partition("/")[2])
    return replace(document, source=source, images=tuple(images))


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _ready(document: Document, place: Workspace, catalog: Catalog, stack: ExitStack) -> _Ready:
    sha256 = _digest(document.source)
    staging = place.staging(sha256)
    stack.enter_context(place.settled(staging.name, committed(catalog, place.folder(sha256))))
    staging.mkdir()
    read, unread = read_images(document, staging)
    if unread:
        raise DatasetError(f"{unread[0]}; nothing was merged")
    return _Ready(document, sha256, staging, read)


def _store(db: Connection, each: _Ready, note: str, done: Stage, place: Workspace) -> None:
    extraction = Extraction(
        each.document.paper, tuple(figures_of(each.read)), notes=(note,), dataset=CONTRIBUTION
    )
    folder = place.folder(each.sha256)
    papers.register(db, [(each.sha256, each.document.source)])
    stored = papers.store(
        db,
        extraction,
        sha256=each.sha256,
        folder=folder,
        staging=each.staging.name,
        stages=[done],
        seconds=0.0,
    )
    place.place(each.staging, folder, stored.files.names, stored.files.retired)


def _keep(db: Connection, each: _Ready, pictures: Mapping[str, Contributed], folder: Path) -> None:
    """Take down that the contribution's reviewers kept its pictures."""
    uids = {one.picture.file: one.uid for kept in figures.of_file(db, each.sha256) for one in kept.pictures}
    for read in each.read:
        by = pictures[_name(read.image.file, folder)]
        made = Decision(uids[read.picture.file], KEEP, "yes", None, by.kept_by, by.kept_at, _CLIENT, "")
        decisions.append(db, made)
