"""The audit of a release, from what was at hand while it was built."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from covidct_curate.audit import consistency, copies, leaks, report, shortcuts
from covidct_curate.audit.duplicates import SAME, Match
from covidct_curate.audit.examine import Audit, ordered
from covidct_curate.audit.finding import Finding
from covidct_curate.audit.released import entry
from covidct_curate.audit.subject import Entry, Subject
from covidct_curate.release.formats.rows import row
from covidct_curate.release.item import About, Item
from covidct_curate.release.pictures import Written

Alike = tuple[str, str, float, int]
"""File names of two items, how alike they are, and which of `duplicates.FLIPS` turns one into the other."""


def audited(
    folder: Path, items: Sequence[Item], about: About, written: Mapping[str, Written], alike: Sequence[Alike]
) -> dict[str, Any]:
    """The release in ``folder`` examined, as JSON: in form and content as ``curate audit`` does.

    ``written``: file name → what was written, of the pictures in the release; ``alike``: which items show one slice,
    `SAME` or less.
    """
    classes = about.positive, about.negative
    shared = sorted((item for item in items if item.shared), key=lambda item: item.file_name)
    entries = tuple(entry(item.file_name, folder / item.file_name, row(item), *classes) for item in shared)
    rows = {name: each.features for name, each in written.items()}
    told = shortcuts.of_rows(entries, rows, (about.negative, about.positive))
    findings = (
        *consistency.findings(entries, "release", private=about.private),
        *_copies(entries, written, alike),
        *leaks.leaks(entries),
        *shortcuts.findings(told),
    )
    subject = Subject(folder, "release", *classes, entries, ())
    return report.as_json(Audit(subject, ordered(findings), shortcuts.as_json(told)))


def _copies(
    entries: Sequence[Entry], written: Mapping[str, Written], alike: Sequence[Alike]
) -> list[Finding]:
    equal: dict[str, list[Entry]] = defaultdict(list)
    for each in entries:
        equal[written[each.name].pixels].append(each)
    group = {each.name: number for number, members in enumerate(equal.values()) for each in members}
    found: dict[tuple[int, int], Match] = {}
    for one, other, likeness, flip in alike:
        if likeness >= SAME and {one, other} <= group.keys() and group[one] != group[other]:
            key = (min(group[one], group[other]), max(group[one], group[other]))
            found[key] = max(found.get(key, (*key, 0.0, 0)), (*key, likeness, flip))
    return copies.told(list(equal.values()), found.values())
