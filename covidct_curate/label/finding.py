"""Whether a panel shows the disease of the rule file: what the words nearest to it say its patient has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from covidct_curate.label.context import AFFIRMED, find_trigger, meaning, near
from covidct_curate.label.passage import Passage, Passages
from covidct_curate.label.rules import Hit, Rules
from covidct_curate.records import Evidence, Source

UNCERTAIN, NOT_APPLICABLE = "uncertain", "not-applicable"
NO_PATIENT_PICTURE = frozenset({"plot", "diagram", "table", "gel", "microscopy"})
"""Modalities that show no picture of a patient's body: they have no finding."""

_TRUST = {"subcaption": 1.0, "caption": 1.0, "mention": 0.9, "case": 0.9, "paper": 0.75, "title": 0.67}
"""How far words of each source bear on the panel; others 0.8."""
_WHOLE_PAPER = ("title", "paper")
_NEAR, _SIDE_BY_SIDE, _AROUND = 40, 8, 80
"""Characters: from words that join a disease to one before them to that disease; between two that are merely
listed; from two to a word that makes them one patient's."""

_Lean = Literal["positive", "negative", "uncertain", "companion", "besides", "normal", "tested", "sign"]
"""What one source says. The first three end the search. ``companion``: only a disease that the patient may have
besides, and that the picture is of ("lung cancer"); ``besides``: the same of a person who has it ("a man with lung
cancer"); ``normal``: only that the picture is; ``tested``: only that a test was negative; ``sign``: only a disease
that may be what the picture looks like, or that a case description mentions."""
_STRENGTH: tuple[_Lean, ...] = ("companion", "besides", "normal", "tested", "sign")


@dataclass(frozen=True, slots=True)
class _Said:
    lean: _Lean
    evidence: Evidence


@dataclass(slots=True)
class _Words:
    """The disease words of one source, by what they say."""

    positive: list[Hit] = field(default_factory=list)
    rivals: list[Hit] = field(default_factory=list)
    companions: list[Hit] = field(default_factory=list)
    normal: list[Hit] = field(default_factory=list)
    signs: list[Hit] = field(default_factory=list)
    denied: list[tuple[Hit, Hit]] = field(default_factory=list)
    """Each with the words that do so."""
    doubted: list[tuple[Hit, Hit]] = field(default_factory=list)
    tested: list[tuple[Hit, Hit]] = field(default_factory=list)


def read_finding(
    passages: Passages, rules: Rules, *, modality: str, own: bool = True
) -> tuple[str, Evidence | None]:
    """The file's positive or negative class, ``uncertain`` or ``not-applicable``, and why.

    The nearest source that says what the patient has decides; all passages of one source are weighed together.
    ``own`` is False where the passages speak of several panels that the text does not tell apart: then a second
    disease may be another patient's. The evidence is None where nothing was said, and for ``not-applicable``.
    """
    if modality in NO_PATIENT_PICTURE:
        return NOT_APPLICABLE, None
    held: list[_Said] = []
    for source, group in groupby(passages, key=lambda passage: passage.source):
        said = _weigh(_sort(group, rules), rules, source, own)
        if said is None or (source == "paper" and said.lean != "positive"):
            continue
        if said.lean == "positive":
            return _with_doubts(said, held, rules)
        if said.lean == "negative":
            return rules.negative, said.evidence
        if said.lean == "uncertain":
            return UNCERTAIN, said.evidence
        held.append(said)
    if not held:
        return UNCERTAIN, None
    strongest = _strongest(held)
    if strongest.lean in ("companion", "besides", "normal"):
        return rules.negative, strongest.evidence
    return UNCERTAIN, strongest.evidence


def _with_doubts(said: _Said, held: Sequence[_Said], rules: Rules) -> tuple[str, Evidence]:
    """The positive class, unless what was said nearer to the panel stands against it."""
    if held:
        nearer = _strongest(held)
        whole_paper = said.evidence.source in _WHOLE_PAPER
        if nearer.lean == "companion" and whole_paper:
            return rules.negative, nearer.evidence
        if nearer.lean in ("companion", "besides") or (whole_paper and nearer.lean != "sign"):
            return UNCERTAIN, nearer.evidence
    return rules.positive, said.evidence


def _strongest(held: Sequence[_Said]) -> _Said:
    return min(held, key=lambda said: _STRENGTH.index(said.lean))


def _sort(passages: Iterable[Passage], rules: Rules) -> _Words:
    words = _Words()
    for passage in passages:
        for hit in rules.find("disease", passage.text, passage.start, passage.end):
            role = hit.rule.extra.get("role")
            if role == "topic" and passage.source != "title":
                continue
            trigger = find_trigger(hit, rules, passage.start, passage.end)
            meant = meaning(trigger)
            if hit.rule.value == "positive":
                if meant == AFFIRMED:
                    words.positive.append(hit)
                elif trigger is not None and meant == "negated":
                    aside = trigger.rule.extra.get("test", False)
                    (words.tested if aside else words.denied).append((hit, trigger))
                elif trigger is not None and meant in ("possible", "historical"):
                    words.doubted.append((hit, trigger))
            elif meant == AFFIRMED:
                healthy = hit.rule.value == "healthy"
                if role == "sign":
                    (words.normal if healthy else words.signs).append(hit)
                else:
                    (words.companions if role == "companion" else words.rivals).append(hit)
    return words


def _weigh(words: _Words, rules: Rules, source: Source, own: bool) -> _Said | None:
    """What one source says on the whole, None when nothing."""

    def said(lean: _Lean, hit: Hit, *others: Hit, rule: str = "") -> _Said:
        found = sorted((hit, *others), key=lambda each: each.start)
        if others and found[0].text is found[-1].text and found[-1].start - found[0].end <= _AROUND:
            shown = hit.text.words(found[0].start, max(each.end for each in found))
        else:
            shown = " … ".join(each.words for each in found)
        sure = 0.5 if lean == "uncertain" else hit.rule.confidence * _TRUST.get(source, 0.8)
        return _Said(lean, Evidence(rule or hit.rule.id, shown, source, round(sure, 3)))

    if words.positive:
        best = max(words.positive, key=lambda hit: hit.rule.confidence)
        against = _against(words, rules, own)
        if against is not None:
            return said("uncertain", best, against, rule=against.rule.id)
        if not own and (doubted := _doubted_person(words)):
            return said("uncertain", *doubted, rule=doubted[1].rule.id)
        if source == "title" and (telling := _contrast(best, rules)):
            return said("uncertain", best, telling, rule=telling.rule.id)
        return said("positive", best)
    other = next(iter(words.rivals or words.companions), None)
    if words.doubted:
        hit, trigger = words.doubted[0]
        if other is None or not (_before(other, hit) or _confirmed(other, rules)):
            return said("uncertain", hit, trigger, rule=trigger.rule.id)
    if words.rivals:
        return said("negative", words.rivals[0])
    if words.denied:
        hit, trigger = words.denied[0]
        return said("negative", hit, trigger, rule=trigger.rule.id)
    if words.companions:
        first = words.companions[0]
        if source == "case":
            return said("sign", first)
        return said("besides" if _had_by_someone(first, rules) else "companion", first)
    if words.normal:  # of which examination, a case description rarely says
        return said("sign" if source == "case" else "normal", words.normal[0])
    if words.tested:
        hit, trigger = words.tested[0]
        return said("tested", hit, trigger, rule=trigger.rule.id)
    return said("sign", words.signs[0]) if words.signs else None


def _doubted_person(words: _Words) -> tuple[Hit, Hit] | None:
    """Someone of whom the disease is only suspected, beside others who have it."""
    persons = (pair for pair in words.doubted if pair[0].rule.extra.get("role") == "person")
    return next(persons, None)


def _against(words: _Words, rules: Rules, own: bool) -> Hit | None:
    """A word that speaks of a patient without the disease, beside words for one with it."""
    if words.denied:
        return words.denied[0][1]
    affirmed = set(words.positive)
    for other in words.rivals:
        if other.rule.value == "healthy" or not _joined(other, affirmed, rules):
            return other
    for other in words.companions:
        if not _joined(other, affirmed, rules) and (not own or _listed(other, affirmed, rules)):
            return other
    return next((other for other in words.normal if _listed(other, affirmed, rules, b",;")), None)


def _neighbours(other: Hit, positive: Set[Hit], rules: Rules) -> list[Hit]:
    """The positive words next before and next behind another, of the same sentence."""
    first, last = other.text.sentence(other.start)
    low, high = max(first, other.start - _AROUND), min(last, other.end + _AROUND)
    close = [hit for hit in near(rules.find("disease", other.text), low, high) if hit in positive]
    before = [hit for hit in close if hit.start < other.start][-1:]
    return before + [hit for hit in close if hit.start > other.start][:1]


def _joined(other: Hit, positive: Set[Hit], rules: Rules) -> bool:
    """Whether the words make another disease one that the same patient has."""
    begin, finish = other.text.sentence(other.start)
    for hit in _neighbours(other, positive, rules):
        first, second = sorted((hit, other), key=lambda each: each.start)
        low, high = max(begin, first.start - _AROUND), min(finish, second.end + _AROUND)
        for words in near(rules.find("relation", hit.text), low, high):
            if words.rule.value == "together":
                return True
            at_once = words.end > first.end and not hit.text.plain[first.end : words.start].strip(b" -")
            if words.rule.value == "beside" and at_once and 0 <= second.start - words.end <= _NEAR:
                return True
    return False


def _listed(other: Hit, positive: Set[Hit], rules: Rules, apart: bytes = b"") -> bool:
    """Whether another word stands side by side with a positive one ("and", "or", a comma), no mark of ``apart``
    or colon between them."""
    for hit in _neighbours(other, positive, rules):
        first, second = sorted((hit, other), key=lambda each: each.start)
        gap = hit.text.plain[first.end : second.start]
        if len(gap) <= _SIDE_BY_SIDE and not set(gap) & {*b":", *apart}:
            return True
    return False


def _had_by_someone(other: Hit, rules: Rules) -> bool:
    """Whether words that join ("a man with") stand right before another disease."""
    before = near(rules.find("relation", other.text), other.start - _SIDE_BY_SIDE, other.start)
    return any(words.rule.value == "beside" and words.end <= other.start for words in before)


def _contrast(hit: Hit, rules: Rules) -> Hit | None:
    """Words that tell classes apart, in the text of a disease word."""
    return next((each for each in rules.find("relation", hit.text) if each.rule.value == "contrast"), None)


def _confirmed(hit: Hit, rules: Rules) -> bool:
    trigger = find_trigger(hit, rules)
    return trigger is not None and trigger.rule.value == "confirmed"


def _before(first: Hit, second: Hit) -> bool:
    return first.text is not second.text or first.start < second.start
