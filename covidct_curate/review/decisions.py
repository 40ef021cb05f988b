"""What reviewers decided, laid over what was found without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from covidct_curate.catalog.decisions import Verdict
from covidct_curate.columns import columns
from covidct_curate.datasets import cells
from covidct_curate.label.age import ADULT
from covidct_curate.records import Evidence, Facts, Patient

KEEP, NOTE = "keep", "note"
PICTURE_FIELDS = tuple(column.field for column in columns() if column.editable and column.field != "reviewer")
"""What may be decided about a picture: ``keep``, ``note``, and its facts."""
FIGURE, CAPTION, PANELS = "figure", "caption", "panels"
FIGURE_FIELDS = (FIGURE, CAPTION, PANELS)
"""What may be decided about a figure: is it one, its caption, how it is cut."""

RECUT = "recut"
"""Flag of a picture whose pixels changed after somebody decided about it."""
_PATIENT = {field.name for field in fields(Patient)}
_MINOR = "under-18"

Decided = Mapping[str, Verdict]
"""Field → verdict, of one figure or picture."""


@dataclass(frozen=True, slots=True)
class Review:
    """What was decided about one picture."""

    keep: str
    """``yes``, ``no``, or ``""`` while nobody has decided, or when the pixels changed since."""
    recut: bool
    """The pixels changed since somebody decided about it."""
    note: str
    reviewer: str
    """Who decided last: about keeping it, else about anything; ``""`` while nobody has."""


def review(decided: Decided, pixels: str) -> Review:
    """What was decided about a picture that has these pixels now."""
    keep, note = decided.get(KEEP), decided.get(NOTE)
    recut = any(each.standing.pixels not in (None, pixels) for each in decided.values())
    stale = keep is not None and keep.standing.pixels not in (None, pixels)
    last = keep or max(decided.values(), key=lambda each: each.standing.number, default=None)
    return Review(
        keep="" if keep is None or stale else keep.value,
        recut=recut,
        note="" if note is None else note.value,
        reviewer="" if last is None else last.standing.decision.reviewer,
    )


def settled(facts: Facts, decided: Decided) -> Facts:
    """The facts of a panel with every decided value in its place, but the patient's id as it was.

    Where a reviewer's value is not the one that was found, the decision is its evidence. An age is read anew for
    its limits, and for whether its patient is a minor. A time's days are no longer known when it was changed.
    """
    own: dict[str, Any] = {}
    patient: dict[str, Any] = {}
    evidence = dict(facts.evidence)
    flags = list(facts.flags)
    for field in PICTURE_FIELDS:
        verdict = decided.get(field)
        if verdict is None or field in (KEEP, NOTE, "patient") or verdict.value == automatic(facts, field):
            continue
        value, made = verdict.value, verdict.standing.decision
        evidence[field] = Evidence("decision", f"{made.reviewer}, {made.at}", "reviewer", 1.0)
        (patient if field in _PATIENT else own)[field] = value
        if field == "age":
            age = cells.age(value)
            patient |= (
                {"age_min": age.low, "age_max": age.high} if age else {"age_min": None, "age_max": None}
            )
            patient["age"] = age.text if age else value
            minor = age is not None and age.high is not None and age.high < ADULT
            flags = [flag for flag in flags if flag != _MINOR] + [_MINOR] * minor
        elif field == "time":
            patient["time_days"] = None
        elif field == "modality":
            flags = [flag for flag in flags if flag != "modality-conflict"]
    found = replace(facts.patient, **patient)
    return replace(facts, **own, patient=found, evidence=evidence, flags=tuple(flags))


def automatic(facts: Facts, field: str) -> str:
    """What was found for a field of a picture without reviewers; ``""`` for what only they can say."""
    return str(getattr(facts.patient if field in _PATIENT else facts, field, ""))
