"""Copies: pictures that a dataset has twice, as equal pixels or as one slice shown twice, and what they spoil."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import product

from covidct_curate.audit.duplicates import FLIPS, SAME, Match, matches
from covidct_curate.audit.finding import SEVERITIES, Finding, Severity, found
from covidct_curate.audit.seen import Seen
from covidct_curate.audit.subject import Entry, Subject

_PARTED = "Move them to one part, or leave one of them."
_TOGETHER = "Keep them in one part, or leave one of them."


def copies(subject: Subject, seen: Mapping[str, Seen]) -> list[Finding]:
    """The copies among the pictures seen, in order of their names.

    Equal pixels are one ``duplicate`` with all their files; two pictures of one slice are a ``near-duplicate``, for
    which equal ones count once and slices of one scan not at all. An error where they are in two parts of the split,
    and, as ``label-contradiction``, where in two classes; a note where all are of one paper or patient; else a warning.
    """
    equal: dict[str, list[Entry]] = defaultdict(list)
    for entry in subject.entries:
        if entry.name in seen:
            equal[seen[entry.name].pixels].append(entry)
    groups = list(equal.values())
    scans: list[Hashable] = [group[0].scan or (number,) for number, group in enumerate(groups)]
    return told(groups, matches([seen[group[0].name].look for group in groups], SAME, scans))


def told(groups: Sequence[Sequence[Entry]], alike: Iterable[Match]) -> list[Finding]:
    """The findings, as `copies` orders them: groups of equal pictures, and which groups show one slice."""
    findings = [_told("duplicate", group, "the same pixels") for group in groups if len(group) > 1]
    for one, other, likeness, flip in alike:
        text = f"likeness {likeness:.3f}" + (f", {FLIPS[flip]}" if flip else "")
        both = product(_different(groups[one]), _different(groups[other]))
        ways = [_told("near-duplicate", sorted(pair, key=lambda each: each.name), text) for pair in both]
        findings.append(min(ways, key=_weight))
    return sorted(findings, key=lambda finding: finding.files)


def _told(kind: str, entries: Sequence[Entry], text: str) -> Finding:
    """The finding that entries are copies of each other."""
    classes = sorted({entry.finding for entry in entries if entry.positive is not None})
    parts = sorted({entry.part for entry in entries} - {""})
    severity: Severity = "warning"
    fix = ""
    if len({entry.positive for entry in entries} - {None}) > 1:
        kind, severity = "label-contradiction", "error"
        text += f"; classes {' and '.join(classes)}"
    elif len(parts) > 1:
        severity, fix = "error", _PARTED
    else:
        for what, values in (
            ("patient", {entry.patient for entry in entries}),
            ("paper", {entry.paper for entry in entries}),
        ):
            if len(values) == 1 and values != {""}:
                severity, fix = "note", _TOGETHER
                text += f"; of one {what}"
                break
    if parts:
        text += f"; {' and '.join(parts)}"
    return found(kind, [entry.name for entry in entries], text, severity, fix)


def _different(entries: Sequence[Entry]) -> list[Entry]:
    """The first of equal pictures, and those of them in other classes and parts of the split."""
    kept: dict[tuple[bool | None, str], Entry] = {}
    for entry in entries:
        kept.setdefault((entry.positive, entry.part), entry)
    return list(kept.values())


def _weight(finding: Finding) -> tuple[bool, int]:
    """What is told first: a contradiction, then the most severe."""
    return finding.kind != "label-contradiction", SEVERITIES.index(finding.severity)
