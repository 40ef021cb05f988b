"""A contribution's folder, read and checked by itself: whole, well-formed, and only what may be handed on."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from covidct_curate import inputs
from covidct_curate.contribute.dois import well_formed
from covidct_curate.contribute.evidence import EVIDENCE, evidence_of
from covidct_curate.contribute.minors import minor
from covidct_curate.contribute.pack import CONTENTS, FORMAT
from covidct_curate.contribute.told import fault
from covidct_curate.datasets import cells
from covidct_curate.datasets.release import METADATA
from covidct_curate.errors import DatasetError, PictureError, in_words
from covidct_curate.label.age import OLDEST
from covidct_curate.licences import may_share
from covidct_curate.panels.loose import read_pixels
from covidct_curate.records import Evidence
from covidct_curate.release.build import CHECKSUMS
from covidct_curate.release.recipe import RECIPE
from covidct_curate.review.decisions import KEEP

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}/[A-Za-z0-9_][A-Za-z0-9._%-]{0,199}\.png")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_HASH = re.compile(r"[0-9a-f]{64}|")
_SUM = re.compile(r"([0-9a-f]{64})  (.+)")


@dataclass(frozen=True, slots=True)
class Contributed:
    """One picture of a contribution."""

    told: Mapping[str, Any]
    """As ``metadata.jsonl`` tells of pictures; every value is of its type."""
    inside: bool
    """Its file is there; else it is to be made from its paper."""
    evidence: Mapping[str, Evidence]
    kept_by: str
    kept_at: str
    figure_pixels: str
    """Hash of its whole figure's pixels, ``""`` where not known."""

    @property
    def name(self) -> str:
        """``CT_COVID/2020.02.10.20021584-p6-52%3.png``."""
        return str(self.told["file_name"])

    @property
    def doi(self) -> str:
        """Of its paper."""
        return str(self.told["doi"])


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a contribution holds."""

    folder: Path
    contributor: str
    contact: str
    date: str
    """Time of its newest decision."""
    digest: str
    """Of all its files."""
    pictures: tuple[Contributed, ...]
    problems: tuple[str, ...]
    """Why it cannot be merged, a sentence each."""


def read(folder: Path) -> Contribution:
    """Read a contribution's folder. Raises `DatasetError` when it is none."""
    about = _about(folder)
    problems: list[str] = []
    sums = _text(folder, CHECKSUMS)
    shown = {line["file_name"]: line for line in _lines(folder, METADATA, problems)}
    why = {line["file_name"]: line for line in _lines(folder, EVIDENCE, problems)}
    recipe = {line["file_name"]: line for line in _lines(folder, RECIPE, problems)}
    pictures = []
    for name in sorted({*shown, *recipe}):
        try:
            pictures.append(_picture(name, shown.get(name), why[name], recipe[name]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problems.append(f"{name}: what is told of it cannot be read ({error}); pack it anew")
    problems += _file_faults(folder, sums, pictures, {*shown, *recipe})
    for each in pictures:
        problems += _faults(each, folder)
    problems += _papers(pictures)
    return Contribution(
        folder=folder,
        contributor=about["contributor"],
        contact=about["contact"],
        date=about["date"],
        digest=hashlib.sha256(sums.encode()).hexdigest(),
        pictures=tuple(pictures),
        problems=tuple(problems),
    )


def _about(folder: Path) -> dict[str, str]:
    try:
        about = json.loads(_text(folder, CONTENTS))
        if about["format"] != FORMAT:
            raise DatasetError(
                f"{folder}: a contribution of another format ({about['format']!r}); update covidct"
            )
        texts = {name: " ".join(about[name].split()) for name in ("contributor", "contact", "date")}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(f"{folder}: its {CONTENTS} cannot be read ({error}); get a new copy") from error
    if not texts["contributor"]:
        raise DatasetError(f"{folder}: its {CONTENTS} names no contributor; pack it anew")
    return texts


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(
            f"{folder}: no contribution: {in_words(error)}; make one with curate contribute pack"
        ) from error
    except ValueError as error:
        raise DatasetError(f"{folder}: its {name} is no text; get a new copy") from error


def _lines(folder: Path, name: str, problems: list[str]) -> Iterator[dict[str, Any]]:
    """The lines of a file, each of a picture of its own."""
    seen: set[str] = set()
    for number, text in enumerate(_text(folder, name).splitlines(), 1):
        try:
            line = json.loads(text)
            file = line["file_name"]
            if not isinstance(file, str) or not _NAME.fullmatch(file):
                raise ValueError(f"{str(file)[:100]!r} is no name of a picture in a class folder")
            if file in seen:
                raise ValueError(f"{file} has a line already")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            problems.append(f"{name}, line {number}: {error}; pack it anew")
            continue
        seen.add(file)
        yield line


def _picture(
    name: str, shown: Mapping[str, Any] | None, why: Mapping[str, Any], recipe: Mapping[str, Any]
) -> Contributed:
    """One picture. Raises KeyError, TypeError, ValueError or AttributeError when a value is none of its kind."""
    told = why["told"] if shown is None else shown
    if told["file_name"] != name or recipe["in_release"] is not (shown is not None):
        raise ValueError("its lines contradict each other")
    if wrong := fault(told):
        raise ValueError(wrong)
    if not isinstance(recipe["figure_pixels"], str) or not _HASH.fullmatch(recipe["figure_pixels"]):
        raise ValueError("figure_pixels is no hash")
    kept = [each for each in why["decisions"] if each["field"] == KEEP and each["value"] == "yes"]
    by, at = (kept[0]["reviewer"], kept[0]["at"]) if kept else ("", told["decided_at"])
    if not by and told["reviewers"]:
        by = told["reviewers"][0]
    if not isinstance(by, str) or not isinstance(at, str):
        raise TypeError("a decision has no reviewer or time")
    return Contributed(told, shown is not None, evidence_of(why["evidence"]), by, at, recipe["figure_pixels"])


def _file_faults(folder: Path, sums: str, pictures: list[Contributed], lines: set[str]) -> Iterator[str]:
    """Files that are missing, changed or listed nowhere."""
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    listed = {}
    for number, line in enumerate(sums.splitlines(), 1):
        if found := _SUM.fullmatch(line):
            listed[found[2]] = found[1]
        else:
            yield f"{CHECKSUMS}, line {number}: no checksum of a file; pack it anew"
    inside = {each.name for each in pictures if each.inside}
    masks = {each.told["mask"] for each in pictures if each.inside} - {""}
    for name in sorted({*listed, *inside, *masks} - there.keys()):
        yield f"{name}: it is listed, but not there; pack it anew"
    for name in sorted(there.keys() - {CHECKSUMS}):
        picture = name.lower().endswith(".png")
        if picture and name not in inside | masks | lines:
            yield f"{name}: nothing tells of this picture; take it out, or pack it anew"
        elif name not in listed:
            yield f"{name}: it has no checksum; take it out, or pack it anew"
        elif there[name].is_symlink() or inputs.digest(there[name]) != listed[name]:
            yield f"{name}: it is not the file that was packed; get a new copy"


def _faults(each: Contributed, folder: Path) -> Iterator[str]:
    """What is wrong with one picture by itself."""
    told, name = each.told, each.name
    if told["dataset"]:
        yield f"{name}: it comes from the dataset {told['dataset'][:100]!r}, not from a paper; take it out"
    if minor(told["age"], told["age_max"]):
        yield f"{name}: its patient is under 18; take it out"
    age = cells.age(told["age"])
    old = (told["age_min"] or 0) > OLDEST or (age is not None and (age.low or 0) > OLDEST)
    if old and told["age"] != "90+":
        yield f"{name}: an age over {OLDEST} is told as 90+ only; write it so"
    if not (told["decided"] and each.kept_by.strip() and _TIME.fullmatch(each.kept_at)):
        yield f"{name}: nobody decided to keep it; review it first"
    may, why = may_share(told["licence"])
    if each.inside and not may:
        yield f"{name}: it may not be shared ({why}); give its recipe only"
    path = folder / name
    if each.inside and path.is_file():
        try:
            read_pixels(path)
        except PictureError as error:
            yield f"{name}: {str(error).removeprefix(f'{path}: ')}"
    if each.inside and told["mask"] not in ("", f"masks/{PurePosixPath(name).name}"):
        yield f"{name}: its mask lies elsewhere than in masks/; pack it anew"


def _papers(pictures: list[Contributed]) -> Iterator[str]:
    """Papers without a DOI, patients of two papers, and names that are one on some file systems."""
    papers: dict[str, set[str]] = defaultdict(set)
    names: dict[str, list[str]] = defaultdict(list)
    for doi in sorted({each.doi for each in pictures}):
        if not well_formed(doi):
            yield f"{doi[:100]!r} is no DOI; only papers with a DOI are merged"
    for each in pictures:
        papers[each.told["patient_id"]].add(each.doi)
        names[PurePosixPath(each.name).name.casefold()].append(each.name)
    for patient, dois in sorted(papers.items()):
        if patient and len(dois) > 1:
            yield f"patient {patient} is in several papers ({', '.join(sorted(dois))}); give each its own"
    for same in names.values():
        if len(same) > 1:
            yield f"{' and '.join(same)}: one name on some file systems; rename one of them"
