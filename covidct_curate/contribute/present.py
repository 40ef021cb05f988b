"""What a workspace has already, as far as a contribution may collide with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from covidct_curate import listing, selection
from covidct_curate.audit.duplicates import Look, in_grey, look, pairs
from covidct_curate.catalog import Connection, papers
from covidct_curate.contribute.contents import Contributed
from covidct_curate.contribute.dois import key
from covidct_curate.datasets.release import ROW
from covidct_curate.label.rules import DEFAULT, Rules, load_rules
from covidct_curate.panels.loose import read_pixels
from covidct_curate.png import pixels_hash


@dataclass(frozen=True, slots=True)
class Present:
    """The papers, names, patients and pictures of a workspace."""

    rules: Rules
    papers: Mapping[str, str] = field(default_factory=dict)
    """`dois.key` → what the workspace calls the paper."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Base name in small letters → the picture."""
    patients: Mapping[str, str] = field(default_factory=dict)
    """Patient's id → the paper."""
    pictures: tuple[Path, ...] = ()
    """Files of the pictures that a release may have."""


def nothing() -> Present:
    """What a workspace that is not there has. Raises `RuleError` when the rule file cannot be used."""
    return Present(load_rules(DEFAULT))


def present(db: Connection, root: Path) -> Present:
    """What the workspace has. Raises `RuleError` when its rule file cannot be used."""
    names: dict[str, str] = {}
    patients: dict[str, str] = {}
    files = []
    for row in _rows(db):
        told = json.loads(row["extra"][ROW]) if ROW in row["extra"] else {}
        for name in {row["file"], str(told.get("file_name", row["file"]))}:
            names.setdefault(PurePosixPath(name).name.casefold(), row["file"])
        for patient in {row["patient"]["id"], str(told.get("patient_id", ""))} - {""}:
            patients.setdefault(patient, row["source"])
        if row["keep"] != "no" and not row["superseded"] and (row["selected"] or told):
            files.append(root / row["file"])
    known = {key(each.paper.doi): each.source for each in papers.every(db) if each.paper.doi}
    return Present(selection.rules_of(db), known, names, patients, tuple(files))


def _rows(db: Connection) -> Iterator[Mapping[str, Any]]:
    yield from listing.panels(db)


def collisions(here: Present, new: Sequence[Contributed]) -> Iterator[str]:
    """Why contributed pictures do not fit beside what is there. A paper that is there is told once, and only that."""
    known = {key(each.doi): each.doi for each in new if key(each.doi) in here.papers}
    for one, doi in sorted(known.items()):
        yield f"{doi}: this paper is there already, {here.papers[one]}; leave it out"
    words = {here.rules.positive: 1, here.rules.negative: 0}
    patients: dict[str, str] = {}
    for each in new:
        if key(each.doi) in known:
            continue
        base, patient = PurePosixPath(each.name).name.casefold(), each.told["patient_id"]
        if words.get(each.told["finding"]) != each.told["label"]:
            yield (
                f"{each.name}: {each.told['finding'][:60]!r} with label {each.told['label']} is no class of this "
                f"workspace ({here.rules.positive} 1, {here.rules.negative} 0); use its rule file"
            )
        if base in here.names:
            yield f"{each.name}: a picture of this name is there already, {here.names[base]}; rename it"
        if patient in here.patients:
            patients.setdefault(patient, each.doi)
    for patient, doi in sorted(patients.items()):
        yield (
            f"patient {patient} of {doi} is there already, in {here.patients[patient]}; "
            "patients are never renumbered, so give it an id of its own"
        )


def copies(here: Present, new: Sequence[tuple[str, Path]], *, allow_alike: bool = False) -> Iterator[str]:
    """The contributed pictures (name and file) that show what a picture of the workspace shows.

    ``allow_alike``: only those with the same pixels.

    Raises `PictureError` when a picture cannot be read.
    """
    with ThreadPoolExecutor() as pool:
        ours = list(pool.map(_seen, here.pictures))
        theirs = list(pool.map(_seen, [path for _, path in new]))
    exact: dict[str, int] = {}
    for number, (pixels, _) in enumerate(ours):
        exact.setdefault(pixels, number)
    same = {
        (exact[pixels], number): "the same pixels as"
        for number, (pixels, _) in enumerate(theirs)
        if pixels in exact
    }
    groups = [0] * len(ours) + [1] * len(theirs)
    alike = [] if allow_alike else pairs([seen for _, seen in (*ours, *theirs)], groups=groups)
    for one, other, likeness in alike:
        pair = one, other - len(ours)
        same.setdefault(pair, f"the same slice (likeness {likeness:.3f}) as")
    for (one, other), how in sorted(same.items(), key=lambda each: (each[0][1], each[0][0])):
        file = here.pictures[one].name
        yield f"{new[other][0]}: it shows {how} {file}, which is there already; look at both, and take it out"


def _seen(path: Path) -> tuple[str, Look]:
    """The hash of a picture's pixels in grey, and its look."""
    grey = in_grey(read_pixels(path))
    return pixels_hash(grey), look(grey)
