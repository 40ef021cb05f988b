"""`statistics`: the numbers of a dataset, as a paper about it would tell them."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from covidct_curate.audit.subject import PARTS, Entry, Subject

Size = tuple[int, int]
"""Width and height in pixels."""
DECADES = (*(f"{start}–{start + 9}" for start in range(0, 90, 10)), "90+")
"""Ages in years, as a histogram shows them."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The smallest, the mean and the largest of some sides, in pixels."""

    least: int
    mean: float
    most: int


@dataclass(frozen=True, slots=True)
class Group:
    """What some of a dataset's pictures are: those of one class, of one source, or all."""

    name: str
    """``""`` for pictures of which the class, the source or the modality is not known."""
    images: int
    patients: int
    """Those that are known; so are papers."""
    papers: int
    parts: Mapping[str, int]
    """Images in ``train``, ``val`` and ``test``; empty without a split."""
    height: Extent | None
    """None when no picture can be read; so is ``width``."""
    width: Extent | None
    ages: int
    """People whose age is known, at least as a range."""
    genders: Mapping[str, int]
    """``M``, ``F`` and ``""`` (not known) → people."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The numbers of a dataset."""

    total: Group
    classes: tuple[Group, ...]
    """The positive class, the negative one, then others by size."""
    sources: tuple[Group, ...]
    """By size; so are modalities."""
    modalities: tuple[Group, ...]
    people: Literal["patients", "images"]
    """What ages and genders are counted by: patients, each once; images where no patient is known at all."""
    ages: Mapping[str, tuple[int, ...]]
    """Class → people in each of `DECADES`; a range counts at its middle."""
    open_ages: int
    """People whose age has only one bound, such as ``50+``: they are in no decade."""
    figures_a_paper: Mapping[int, int]
    """Number of figures → papers that have it. Papers whose figures are not known are left out."""
    panels_a_paper: Mapping[int, int]
    """Number of images → papers that have it."""
    unread: tuple[str, ...]
    """Pictures whose size cannot be told."""


@dataclass(frozen=True, slots=True)
class _Person:
    low: float | None
    high: float | None
    gender: str


def statistics(subject: Subject, sizes: Mapping[str, Size] | None = None) -> Statistics:
    """The numbers of a dataset. ``sizes``: name → width and height; by default the files' own.

    A patient counts once, with the age and the gender told of most of their pictures; one with pictures in two
    classes counts in both. Nothing is raised for a picture that cannot be read.
    """
    entries = subject.entries
    known = measured(entries) if sizes is None else sizes
    by_patient = any(entry.patient for entry in entries)
    keys = {entry.name: entry.patient if by_patient else entry.name for entry in entries}
    people = _people(entries, keys)

    def group(name: str, members: Sequence[Entry]) -> Group:
        return _group(name, members, known, keys, people)

    def groups(of: Callable[[Entry], str]) -> list[Group]:
        members: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            members[of(entry)].append(entry)
        found = [group(name, each) for name, each in members.items()]
        return sorted(found, key=lambda each: (not each.name, -each.images, each.name))

    first = [subject.positive, subject.negative]
    classes = groups(lambda entry: entry.finding)
    classes.sort(key=lambda each: first.index(each.name) if each.name in first else len(first))
    papers = [entry for entry in entries if entry.paper]
    of_papers = Counter(entry.paper for entry in papers)
    unknown = {entry.paper for entry in papers if not entry.figure}
    figures = Counter(
        paper for paper, _ in {(entry.paper, entry.figure) for entry in papers} if paper not in unknown
    )
    return Statistics(
        total=group("all", entries),
        classes=tuple(classes),
        sources=tuple(groups(lambda entry: entry.source)),
        modalities=tuple(groups(lambda entry: entry.modality)),
        people="patients" if by_patient else "images",
        ages=_decades(entries, keys, people),
        open_ages=sum(_has_age(each) and _decade(each) is None for each in people.values()),
        figures_a_paper=dict(sorted(Counter(figures.values()).items())),
        panels_a_paper=dict(sorted(Counter(of_papers.values()).items())),
        unread=tuple(entry.name for entry in entries if entry.name not in known),
    )


def measured(entries: Iterable[Entry]) -> dict[str, Size]:
    """Name → width and height in pixels, by the head of each file alone; without those that cannot be read."""
    sizes: dict[str, Size] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for entry in entries:
            try:
                with Image.open(entry.path) as image:
                    sizes[entry.name] = image.size
            except Exception:  # whatever a damaged head makes its decoder raise
                continue
    return sizes


def _people(entries: Iterable[Entry], keys: Mapping[str, str]) -> dict[str, _Person]:
    """Each person with what is told of most of their pictures, of equally many the first."""
    ages: defaultdict[str, Counter[tuple[float | None, float | None]]] = defaultdict(Counter)
    genders: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        key = keys[entry.name]
        ages[key][entry.age_min, entry.age_max] += 1
        genders[key][entry.gender if entry.gender in ("M", "F") else ""] += 1
    people = {}
    for key in ages:
        if key:
            told = [age for age, _ in ages[key].most_common() if age != (None, None)]
            said = [gender for gender, _ in genders[key].most_common() if gender]
            low, high = told[0] if told else (None, None)
            people[key] = _Person(low, high, said[0] if said else "")
    return people


def _group(
    name: str,
    entries: Sequence[Entry],
    sizes: Mapping[str, Size],
    keys: Mapping[str, str],
    people: Mapping[str, _Person],
) -> Group:
    own = [people[key] for key in sorted({keys[entry.name] for entry in entries} - {""})]
    parts = Counter(entry.part for entry in entries if entry.part)
    read = [sizes[entry.name] for entry in entries if entry.name in sizes]
    return Group(
        name=name,
        images=len(entries),
        patients=len({entry.patient for entry in entries} - {""}),
        papers=len({entry.paper for entry in entries} - {""}),
        parts={part: parts[part] for part in PARTS} if parts else {},
        height=_extent([height for _, height in read]),
        width=_extent([width for width, _ in read]),
        ages=sum(map(_has_age, own)),
        genders={gender: sum(each.gender == gender for each in own) for gender in ("M", "F", "")},
    )


def _extent(sides: Sequence[int]) -> Extent | None:
    return Extent(min(sides), sum(sides) / len(sides), max(sides)) if sides else None


def _has_age(person: _Person) -> bool:
    return person.low is not None or person.high is not None


def _decade(person: _Person) -> int | None:
    """The place in `DECADES` of a person's age; None where the age is not known, or open."""
    low, high = person.low, person.high
    if low is not None and low >= 90:
        return len(DECADES) - 1
    if low is None or high is None or not 0 <= low + high < 300:
        return None
    return min(int((low + high) / 2) // 10, len(DECADES) - 1)


def _decades(
    entries: Iterable[Entry], keys: Mapping[str, str], people: Mapping[str, _Person]
) -> dict[str, tuple[int, ...]]:
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for finding, key in sorted({(entry.finding, keys[entry.name]) for entry in entries}):
        decade = _decade(people[key]) if key else None
        if decade is not None:
            counts[finding][decade] += 1
    return {finding: tuple(counts[finding][at] for at in range(len(DECADES))) for finding in sorted(counts)}
