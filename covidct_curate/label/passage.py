"""What every reader of a field is given, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covidct_curate.label.rules import Hit
from covidct_curate.label.text import Text
from covidct_curate.records import Evidence, Source


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text that speaks of a panel: whole sentences, or the panel's own part of its caption."""

    text: Text
    start: int
    end: int
    """Positions in ``text.plain``: only what lies between them speaks of this panel."""
    source: Source


Passages = Sequence[Passage]
"""Those of one panel, the nearest first: a fact of an earlier one beats one of a later."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A value and why."""

    value: str
    evidence: Evidence


def evidence_of(hit: Hit, source: Source, confidence: float | None = None) -> Evidence:
    """Evidence of a rule that matched; the rule's own confidence unless one is given."""
    return Evidence(hit.rule.id, hit.words, source, hit.rule.confidence if confidence is None else confidence)
