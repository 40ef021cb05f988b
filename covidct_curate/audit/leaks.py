"""Leaks: patients and papers in more than one part of a split."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from covidct_curate.audit.finding import Finding, found
from covidct_curate.audit.subject import PARTS, Entry
from covidct_curate.datasets.folders import natural

_SHARED: Sequence[tuple[str, str, Callable[[Entry], str]]] = (
    ("shared-patient", "patient", lambda entry: entry.patient),
    ("shared-patient", "scan", lambda entry: "" if entry.patient else entry.scan),
    ("shared-paper", "paper", lambda entry: entry.paper),
)
"""Kind of finding, what is shared, and which one a picture is of."""


def leaks(entries: Sequence[Entry]) -> list[Finding]:
    """One finding for each patient and each paper that is in two parts or more, with all its pictures there.

    A scan stands for its patient where that is not known. Pictures without a part are in none.
    """
    findings = []
    placed = [entry for entry in entries if entry.part]
    parts = [entry.part for entry in placed]
    for kind, what, key_of in _SHARED:
        keys = [key_of(entry) for entry in placed]
        files: dict[str, list[str]] = defaultdict(list)
        for entry, key in zip(placed, keys, strict=True):
            files[key].append(entry.name)
        for key, counts in spread([[key] if key else [] for key in keys], parts).items():
            findings.append(found(kind, files[key], f"{what} {key}: {in_words(counts)}"))
    return findings


def spread(keys: Sequence[Iterable[str]], parts: Sequence[str]) -> dict[str, Mapping[str, int]]:
    """Each key that is in more than one part, with how many pictures of it each part has.

    ``keys`` are those of each picture, ``parts`` its part, one of `PARTS`. In natural order of the keys, parts in
    theirs. Raises ValueError when the lists differ in length.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for own, part in zip(keys, parts, strict=True):
        for key in dict.fromkeys(own):
            counts[key][part] += 1
    found: dict[str, dict[str, int]] = {
        key: {part: own[part] for part in PARTS if own[part]} for key, own in counts.items()
    }
    return {key: found[key] for key in sorted(found, key=natural) if len(found[key]) > 1}


def in_words(counts: Mapping[str, int]) -> str:
    """``3 in train, 1 in test``."""
    return ", ".join(f"{count} in {part}" for part, count in counts.items())
