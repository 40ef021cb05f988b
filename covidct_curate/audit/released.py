"""A release as what is audited: what its files say of each other, and what of them is there."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from covidct_curate import inputs
from covidct_curate.audit import consistency
from covidct_curate.audit.finding import Finding, found
from covidct_curate.audit.names import known, shown
from covidct_curate.audit.subject import PARTS, Entry, Subject
from covidct_curate.datasets.folders import Names, Notes, pictures
from covidct_curate.datasets.release import METADATA
from covidct_curate.errors import DatasetError
from covidct_curate.forms import visible
from covidct_curate.tables import read_table

_ABOUT, _LICENCES, _SUMS = "release.json", "LICENSES.csv", "checksums.sha256"
_FOLDERS = ("CT_COVID", "CT_NonCOVID")
_SUM = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")
_LONGEST = 200
"""Characters of a name that a sentence shows."""


@dataclass(slots=True)
class _Release:
    """A release while it is read."""

    path: Path
    about: Mapping[str, Any]
    findings: list[Finding] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    """Where its pictures and masks lie, or ought to."""
    files: dict[str, Path] = field(default_factory=dict)
    """Its pictures and masks: name → file."""
    names: Names = field(default_factory=lambda: Names({}))
    lost: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Pictures that are not there → the files that list them."""
    otherwise: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Pictures → the files that write their names otherwise."""

    def find(self, name: str, lister: str) -> str:
        """The picture of that name; ``""`` where there is none. What is odd about it is remembered."""
        there = self.names.find(name)
        if len(there) != 1:
            self.lost[name].append(lister)
            return ""
        if there[0] != name:
            self.otherwise[there[0]].append(lister)
        return there[0]

    def tell(self, kind: str, files: Iterable[str], text: str) -> None:
        """A finding of that kind."""
        self.findings.append(found(kind, [shown(file) for file in files], visible(text)))

    def word(self, name: str, default: str) -> str:
        """A text that the release tells of itself."""
        value = self.about.get(name)
        return value if isinstance(value, str) and value else default


def read_release(path: Path) -> Subject:
    """Read the release in ``path``, however damaged: what is wrong is a finding.

    Raises `DatasetError` when its ``metadata.jsonl`` cannot be read or names no picture at all.
    """
    release = _Release(path, _about(path))
    rows = _rows(release)
    positive, negative = release.word("positive", "covid"), release.word("negative", "non-covid")
    _look(release, rows)
    entries: dict[str, Entry] = {}
    for number, row in rows:
        name = release.find(row["file_name"], METADATA)
        if name in entries:
            release.tell("duplicate-row", [name], f"{METADATA}, line {number}: {name[:_LONGEST]} once more")
        elif name:
            entries[name] = entry(name, release.files[name], row, positive, negative)
        if mask := _text(row, "mask"):
            release.find(mask, METADATA)
    _unlisted(release, entries)
    _lists(release, entries)
    _licences(release)
    _sums(release)
    _tell_names(release)
    ordered = tuple(entries[name] for name in sorted(entries))
    private = release.about.get("private") is True
    findings = (*release.findings, *consistency.findings(ordered, "release", private=private))
    return Subject(path, "release", positive, negative, ordered, findings)


def _about(path: Path) -> Mapping[str, Any]:
    try:
        told = json.loads((path / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _rows(release: _Release) -> list[tuple[int, dict[str, Any]]]:
    """The lines that name a picture, with their numbers."""
    path = release.path / METADATA
    rows, bad = [], []
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                row = _row(line)
                if row is not None:
                    rows.append((number, row))
                elif line.strip():
                    bad.append(number)
    except OSError as error:
        raise DatasetError(
            f"{path}: {error.strerror or error}; check its rights, or get a new copy"
        ) from error
    if not rows:
        raise DatasetError(
            f"{path}: no line of it names a picture (file_name); get a new copy of the release"
        )
    if bad:
        text = f"{METADATA}: {len(bad):,} lines cannot be read or name no picture, the first is line {bad[0]}"
        release.findings.append(found("sheet", [METADATA], text, "error", "Get the release anew."))
    return rows


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not isinstance(row.get("file_name"), str) or not row["file_name"]:
        return None
    return row


def _look(release: _Release, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """List the pictures in the class folders, and in those that the rows name."""
    folders = {release.word(f"{each}_folder", "") for each in ("positive", "negative")} - {""}
    folders |= {name for name in _FOLDERS if (release.path / name).is_dir()} if not folders else set()
    folders |= {_folder(row["file_name"]) for _, row in rows}
    release.folders = {*folders, "masks"}
    root, notes = release.path.resolve(), Notes()
    for folder in sorted(release.folders):
        home = root / folder
        if ".." in home.parts or not home.is_dir() or not home.resolve().is_relative_to(root):
            continue
        inside = pictures(home, Notes() if folder == "." else notes)
        before = "" if folder == "." else f"{folder}/"
        release.files.update({before + name: release.path / before / name for name in inside})
    release.names = Names({name: name for name in release.files})
    for note in notes.all():
        release.tell(note.kind, note.files, note.text)


def _folder(name: str) -> str:
    return name.rpartition("/")[0] or "."


def entry(name: str, path: Path, row: Mapping[str, Any], positive: str, negative: str) -> Entry:
    """The picture that a line of ``metadata.jsonl`` tells of; `positive` and `negative` are the classes."""
    extra = row.get("extra")
    doi, dataset, source = (_text(row, key) for key in ("doi", "dataset", "source"))
    return Entry(
        name=shown(name),
        path=path,
        finding=_text(row, "finding"),
        positive={positive: True, negative: False}.get(_text(row, "finding")),
        patient=known(_text(row, "patient_id")),
        paper=doi.lower() or (source if not dataset or row.get("page") is not None else ""),
        scan=source if isinstance(extra, dict) and "slice" in extra else "",
        part=part if (part := _text(row, "split")) in PARTS else "",
        source=dataset or _text(row, "server").lower() or ("journal" if doi else ""),
        modality=_text(row, "modality"),
        age=_text(row, "age"),
        age_min=_number(row, "age_min"),
        age_max=_number(row, "age_max"),
        gender=_text(row, "gender"),
        licence=_text(row, "licence") or None,
        figure=_text(row, "figure_uid"),
    )


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _number(row: Mapping[str, Any], key: str) -> float | None:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _unlisted(release: _Release, entries: Mapping[str, Entry]) -> None:
    extra = [name for name in release.files if name not in entries and not name.startswith("masks/")]
    if extra:
        release.tell("unlisted", extra, f"{len(extra):,} pictures are not in {METADATA}")


def _lists(release: _Release, entries: Mapping[str, Entry]) -> None:
    """Hold the lists of the split against the lines of ``metadata.jsonl``."""
    listed: dict[str, set[str]] = defaultdict(set)
    for path in sorted((release.path / "Data-split").rglob("*.txt")):
        part = next((each for each in PARTS if path.stem.startswith(each)), "")
        if not part or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        for line in filter(None, map(str.strip, text.split("\n"))):
            if name := release.find(f"{path.stem.removeprefix(part)}/{line}", path.name):
                listed[name].add(part)
    told: dict[str, list[str]] = defaultdict(list)
    for name, entry in entries.items():
        parts = [part for part in PARTS if part in listed.get(name, ())]
        if parts != [entry.part] and (parts or entry.part):
            theirs = f"in the lists of {' and '.join(parts)}" if parts else "in no list of Data-split"
            told[f"{theirs}; {METADATA} says {entry.part or 'no part'}"].append(name)
    for text, names in told.items():
        release.tell("split", names, f"{len(names):,} pictures are {text}")


def _licences(release: _Release) -> None:
    """Look for the pictures that ``LICENSES.csv`` says are in the release."""
    try:
        table = read_table(release.path / _LICENCES, needs=("file_name", "in the release"))
    except DatasetError as error:
        release.findings.append(found("missing", [_LICENCES], visible(str(error)), "warning", "Get it anew."))
        return
    for row in table.rows:
        if row["in the release"].strip() == "yes":
            release.find(row["file_name"].strip(), _LICENCES)


def _sums(release: _Release) -> None:
    """Hold every file against its checksum."""
    path = release.path / _SUMS
    changed, bad, gone = [], 0, []
    try:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError as error:
        text = f"{_SUMS}: {error.strerror or error}; whether files were changed is not known"
        release.findings.append(found("missing", [_SUMS], text, "warning", "Get it anew."))
        return
    for line in filter(None, lines):
        told = _SUM.fullmatch(line)
        if not told or told[2].startswith("/") or ".." in told[2].split("/"):
            bad += 1
            continue
        name = told[2]
        picture = "/" in name and _folder(name) in release.folders
        there = release.find(name, _SUMS) if picture else name
        try:
            if there and inputs.digest(release.path / there) != told[1].lower():
                changed.append(there)
        except (OSError, ValueError):
            gone.append(there)
    if changed:
        release.tell("changed", changed, f"{len(changed):,} files are not what {_SUMS} says")
    if gone:
        release.tell("missing", gone, f"{len(gone):,} files that {_SUMS} lists are not there")
    if bad:
        release.tell("sheet", [_SUMS], f"{_SUMS}: {bad:,} lines are no checksum of a file in the release")


def _tell_names(release: _Release) -> None:
    """What is missing or called otherwise, one finding for each set of files that say so."""
    for kind, whose, text in (
        ("missing", release.lost, "are not there"),
        ("name", release.otherwise, "are written otherwise than on disk"),
    ):
        grouped: dict[str, list[str]] = defaultdict(list)
        for name, listers in whose.items():
            grouped[", ".join(dict.fromkeys(listers))].append(name)
        for told, names in grouped.items():
            release.tell(kind, names, f"{len(names):,} pictures in {told} {text}")
