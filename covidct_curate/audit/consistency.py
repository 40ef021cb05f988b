"""What is told of patients and licences, held against itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from math import inf

from covidct_curate.audit.finding import Finding, Severity, found
from covidct_curate.audit.subject import Entry, SubjectKind
from covidct_curate.label.age import ADULT
from covidct_curate.licences import may_share

_OLDEST = 120
_MOST = 6
"""Ages or licences that a sentence names."""


def findings(entries: Sequence[Entry], kind: SubjectKind, *, private: bool = False) -> list[Finding]:
    """All of this room. Contradictions of others' datasets are left to their readers, who told them already."""
    own = contradictions(entries) if kind in ("workspace", "release") else []
    return [*own, *ages(entries), *licences(entries, kind, private=private)]


def contradictions(entries: Iterable[Entry]) -> list[Finding]:
    """Patients with ages that exclude each other, or with two genders: one finding a patient and field."""
    findings = []
    for patient, own in _grouped((each for each in entries if each.patient), lambda each: each.patient):
        aged = [each for each in own if (each.age_min, each.age_max) != (None, None)]
        youngest = max((_low(each) for each in aged), default=0.0)
        oldest = min((_high(each) for each in aged), default=inf)
        if youngest > oldest:
            ages = _listed(each.age or f"{_low(each):g}-{_high(each):g}" for each in aged)
            findings.append(
                found("patient-contradiction", _names(aged), f"patient {patient} has ages {ages}")
            )
        told = [each for each in own if each.gender]
        if len({each.gender for each in told}) > 1:
            genders = _listed(each.gender for each in told)
            findings.append(
                found("patient-contradiction", _names(told), f"patient {patient} has genders {genders}")
            )
    return findings


def ages(entries: Sequence[Entry]) -> list[Finding]:
    """Ages that nobody has, one finding an age; and one with the pictures of all that are under 18."""
    odd = [each for each in entries if _impossible(each)]
    findings = [
        found("age", _names(own), f"age {age[:40]}: not between 0 and {_OLDEST} years")
        for age, own in _grouped(odd, lambda each: each.age or f"{each.age_min} to {each.age_max}")
    ]
    minors = [
        each
        for each in entries
        if each.age_max is not None and each.age_max < ADULT and not _impossible(each)
    ]
    if minors:
        patients = {each.patient or each.name for each in minors}
        text = f"{len(minors):,} pictures of {len(patients):,} patients under {ADULT}"
        findings.append(found("under-18", _names(minors), text))
    return findings


def licences(entries: Sequence[Entry], kind: SubjectKind, *, private: bool = False) -> list[Finding]:
    """What the licences forbid.

    Of a workspace one note, for its releases leave those pictures out. Of a release an error a reason, for
    there they are passed on; a warning where it is ``private``. Of another dataset a warning for each licence
    that forbids it, and one note on pictures of which none is stated.
    """
    reason = cache(may_share)
    barred = [each for each in entries if not reason(each.licence)[0]]
    by_reason = list(_grouped(barred, lambda each: reason(each.licence)[1]))
    if kind == "workspace":
        if not barred:
            return []
        told = "; ".join(f"{why}: {len(own):,}" for why, own in by_reason[:_MOST])
        text = f"{len(barred):,} pictures may not be passed on ({told}); a release leaves them out"
        return [found("licence", _names(barred), text, "note", "Nothing: releases hold their recipes.")]
    findings = []
    for why, own in by_reason:
        severity: Severity = "warning"
        if kind == "release":
            severity = "warning" if private else "error"
        elif why == reason(None)[1]:
            severity = "note"
        findings.append(found("licence", _names(own), f"{len(own):,} pictures: {why}", severity))
    return findings


def _impossible(entry: Entry) -> bool:
    low, high = _low(entry), _high(entry)
    return low < 0 or low > _OLDEST or low > high or (entry.age_max is not None and high > _OLDEST)


def _low(entry: Entry) -> float:
    return 0.0 if entry.age_min is None else entry.age_min


def _high(entry: Entry) -> float:
    return inf if entry.age_max is None else entry.age_max


def _grouped(entries: Iterable[Entry], key: Callable[[Entry], str]) -> Iterable[tuple[str, list[Entry]]]:
    groups: dict[str, list[Entry]] = defaultdict(list)
    for each in entries:
        groups[key(each)].append(each)
    return groups.items()


def _names(entries: Iterable[Entry]) -> list[str]:
    return [each.name for each in entries]


def _listed(texts: Iterable[str]) -> str:
    told = sorted({each[:40] for each in texts})
    *rest, last = told if len(told) <= _MOST else [*told[:_MOST], f"{len(told) - _MOST:,} more"]
    return f"{', '.join(rest)} and {last}" if rest else last
