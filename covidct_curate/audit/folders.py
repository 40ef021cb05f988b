"""Releases and folders of others as what is audited; nothing here knows of a workspace."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from covidct_curate.audit import consistency
from covidct_curate.audit.finding import Finding, Severity, found
from covidct_curate.audit.names import known, shown
from covidct_curate.audit.released import read_release
from covidct_curate.audit.subject import Entry, Subject, SubjectKind
from covidct_curate.datasets import Image, Note
from covidct_curate.datasets.chestxray import read_chestxray
from covidct_curate.datasets.covid_ct import read_covid_ct
from covidct_curate.datasets.release import METADATA
from covidct_curate.errors import DatasetError
from covidct_curate.forms import visible
from covidct_curate.tables import fold

_POSITIVE, _NEGATIVE = "covid", "non-covid"
"""What the readers of others' datasets call their classes."""
_CRAWLED = re.compile(r"([a-z]+)[ _-]*patient[ _-]*\w*", re.I)
_HOST = re.compile(r"https?://(?:www\.)?([^/:?#\s]+)", re.I)


def read_folder(path: Path) -> Subject:
    """Read the dataset in ``path``: a release, a folder like COVID-CT or covid-chestxray-dataset.

    No picture is decoded. Raises `DatasetError` when it is none of these or its main table cannot be read.
    """
    if not path.is_dir():
        problem = (
            "this is a file; unpack it, or name the folder" if path.is_file() else "there is no such folder"
        )
        raise DatasetError(f"{path}: {problem}")
    if (path / METADATA).is_file():
        return read_release(path)
    classes = (
        path / home / name for home in ("", "Images-processed") for name in ("CT_COVID", "CT_NonCOVID")
    )
    if any(folder.is_dir() for folder in classes):
        return _covid_ct(path)
    if (path / "images").is_dir() and any(path.glob("*.csv")):
        return _chestxray(path)
    raise DatasetError(
        f"{path}: no dataset that can be read; name a folder with catalog.db (a workspace), {METADATA} "
        "(a release), CT_COVID or CT_NonCOVID (like COVID-CT), or images/ beside a table (.csv) with the columns "
        "finding and patientid (like covid-chestxray-dataset)"
    )


def _covid_ct(path: Path) -> Subject:
    dataset = read_covid_ct(path, sheet_needed=False)
    pictures = [(document, image) for document in dataset.documents for image in document.images]
    folders: dict[str, set[str]] = defaultdict(set)
    for _, image in pictures:
        folders[image.facts.patient.id].add(image.file.parent.name)
    entries = []
    for document, image in pictures:
        folder, number = image.file.parent.name, image.facts.patient.id
        positive = folder == "CT_COVID"
        named = document.source.partition("/")[2] if positive else ""
        crawled = _CRAWLED.fullmatch(number)
        # The two sheets count their patients from 1 each.
        alone = not number.isdecimal() and len(folders[number]) == 1
        patient = number if alone else f"{folder}/{number}"
        entries.append(
            _entry(
                image,
                patient=patient if known(number) else "",
                paper=document.paper.doi or named,
                source=document.paper.server
                or ("journal" if positive else crawled[1].lower() if crawled else ""),
                licence=document.paper.licence,
                figure=f"{folder}/{document.source}/{image.figure}" if image.figure else "",
            )
        )
    return _others(path, "covid-ct", entries, dataset.notes)


def _chestxray(path: Path) -> Subject:
    dataset = read_chestxray(path)
    entries = []
    for document in dataset.documents:
        for image in document.images:
            told = {fold(column): text for column, text in image.facts.extra.items()}
            host = _HOST.match(told.get("url", ""))
            entries.append(
                _entry(
                    image,
                    patient=known(image.facts.patient.id),
                    paper=document.paper.doi or "",
                    source="journal" if document.paper.doi else host[1].lower() if host else "",
                    licence=told.get("license") or told.get("licence") or document.paper.licence,
                )
            )
    return _others(path, "chestxray", entries, dataset.notes)


def _entry(
    image: Image, *, patient: str, paper: str, source: str, licence: str | None, figure: str = ""
) -> Entry:
    facts = image.facts
    return Entry(
        name=shown(f"{image.file.parent.name}/{image.file.name}"),
        path=image.file,
        finding=facts.finding,
        positive={_POSITIVE: True, _NEGATIVE: False}.get(facts.finding),
        patient=patient,
        paper=paper.lower(),
        scan="",
        part=facts.extra.get("split", ""),
        source=source,
        modality=facts.modality,
        age=facts.patient.age,
        age_min=facts.patient.age_min,
        age_max=facts.patient.age_max,
        gender=facts.patient.gender,
        licence=licence,
        figure=figure,
    )


def _others(path: Path, kind: SubjectKind, entries: list[Entry], notes: Sequence[Note]) -> Subject:
    """Somebody else's dataset, whose reader has told contradictions already."""
    ordered = tuple(sorted(entries, key=lambda each: each.name))
    findings = [
        *(_finding(note) for note in notes),
        *consistency.findings(ordered, kind),
    ]
    return Subject(path, kind, _POSITIVE, _NEGATIVE, ordered, tuple(findings))


def _finding(note: Note) -> Finding:
    """What a reader noted. A sheet or a folder that is not there names no file, and is no error."""
    severity: Severity | None = "warning" if note.kind == "missing" and not note.files else None
    return found(note.kind, [shown(file) for file in note.files], visible(note.text), severity)
