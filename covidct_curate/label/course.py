"""How ill a patient was and what became of them: severity, RT-PCR, outcome, intensive care, ventilation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from covidct_curate.label.context import find_trigger, meaning, near
from covidct_curate.label.passage import Passage, Passages, Reading, evidence_of
from covidct_curate.label.rules import Hit, Rules

_OUTCOMES = ("discharged", "recovered", "improved")
"""Ends that do not exclude each other: the first that is said stands for all."""
_RETURNED = "returned"
_DENIALS = ("no", "none", "negative")
"""Values that deny by themselves."""
_BELIEVED = {"outcome": ("affirmed", "negated")}
"""What words around a hit may say of it. An end that is denied has rules of its own: "did not need oxygen and recovered" denies the oxygen."""
_ASTERISK = re.compile(rb"[.;] \(?\*[* ]{0,3}")
_VENTILATIONS = ("ECMO", "invasive", "non-invasive", "none")
"""From the most to the least: a patient who had the first may have had all."""


def read_severity(passages: Passages, rules: Rules) -> Reading | None:
    """asymptomatic, mild, moderate, non-severe, severe or critical, as the paper classes the patient.

    A course from one class to another is none: which of them held when the picture was made is not said. Nor is
    a state at a time ("was asymptomatic on admission").
    """
    for passage in passages:
        hits = [hit for hit in _meant("severity", passage, rules) if not _at_a_time(hit, rules)]
        if hits:
            values = {hit.rule.value for hit in hits}
            return None if len(values) > 1 or "several" in values else _reading(hits[0], passage)
    return None


def read_rt_pcr(passages: Passages, rules: Rules) -> Reading | None:
    """``positive`` or ``negative``; None where both are said of the patient."""
    return _agreed("rt_pcr", passages, rules)


def read_icu(passages: Passages, rules: Rules) -> Reading | None:
    """``yes`` or ``no``: whether the patient was in intensive care."""
    return _agreed("icu", passages, rules)


def read_outcome(passages: Passages, rules: Rules) -> Reading | None:
    """What became of the patient: died, discharged, recovered, improved, …

    Of ends that go together the most final stands. A death and a discharge in one passage are two patients: None.
    What was before the patient came back is no end.
    """
    back = _back(passages, rules)
    for passage in passages:
        hits = [
            hit
            for hit in _meant("outcome", passage, rules)
            if hit.rule.value != _RETURNED
            if hit.rule.value == "died" or hit.start >= back.get(id(hit.text), 0)
        ]
        values = {hit.rule.value for hit in hits}
        final = next((value for value in _OUTCOMES if value in values), "")
        if "died" in values:
            final = "" if values & {"discharged", "recovered"} else "died"
        elif not final and len(values) == 1:
            final = values.pop()
        if hits:
            return next((_reading(hit, passage) for hit in hits if hit.rule.value == final), None)
    return None


def _back(passages: Passages, rules: Rules) -> dict[int, int]:
    """Where the passages of each text say last that the patient came back."""
    found: dict[int, int] = {}
    for passage in passages:
        for hit in _meant("outcome", passage, rules):
            if hit.rule.value == _RETURNED:
                found[id(hit.text)] = max(hit.start, found.get(id(hit.text), 0))
    return found


def read_ventilation(passages: Passages, rules: Rules) -> Reading | None:
    """``ECMO``, ``invasive``, ``non-invasive`` or ``none``: the most that the patient had."""
    for passage in passages:
        hits = _meant("ventilation", passage, rules)
        for value in _VENTILATIONS:
            for hit in hits:
                if hit.rule.value == value:
                    return _reading(hit, passage)
    return None


def _agreed(kind: str, passages: Passages, rules: Rules) -> Reading | None:
    """The value that the nearest passage with one gives, None where it gives two."""
    for passage in passages:
        hits = _meant(kind, passage, rules)
        if hits:
            return _reading(hits[0], passage) if len({hit.rule.value for hit in hits}) == 1 else None
    return None


def _meant(kind: str, passage: Passage, rules: Rules) -> Sequence[Hit]:
    """Hits that are said of the patient as a fact. Passages of the paper as a whole say none."""
    if passage.source == "paper":
        return []
    return [
        hit
        for hit in rules.find(kind, passage.text, passage.start, passage.end)
        if (hit.rule.value != "none" or kind == "ventilation") and not _footnote(hit)
        if hit.rule.value in _DENIALS or _believed(hit, rules)
    ]


def _believed(hit: Hit, rules: Rules) -> bool:
    """Whether the words around a hit let it stand; those within it, as "negative" in a test's result, are its own."""
    trigger = find_trigger(hit, rules)
    if trigger is not None and hit.start <= trigger.start and trigger.end <= hit.end:
        return True
    return meaning(trigger) in _BELIEVED.get(hit.rule.kind, ("affirmed",))


def _footnote(hit: Hit) -> bool:
    """What an asterisk explains is said of the points it marks."""
    start, _ = hit.text.sentence(hit.start)
    if hit.text.plain[start : start + 2].startswith((b"*", b"(*")):
        return True
    return _ASTERISK.search(hit.text.plain, max(start, hit.start - 300), hit.start) is not None


def _at_a_time(hit: Hit, rules: Rules) -> bool:
    """Right before a time, a state is only that of then."""
    return hit.rule.value == "asymptomatic" and any(
        not time.rule.value
        for time in near(rules.find("time", hit.text), hit.end, hit.end + 40)
        if b"," not in hit.text.plain[hit.end : time.start]
    )


def _reading(hit: Hit, passage: Passage) -> Reading:
    return Reading(hit.rule.value, evidence_of(hit, passage.source))
