"""What kind of picture a panel is, and of what part of the body: from the words, with the pixels as second voice.

Words and pixels are weighed as odds. Each passage, the nearest first, spends a share of what is still undecided on
the modalities it names; the rest stays with what figures of papers mostly are. That is multiplied by how often a
picture of each modality looks like this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from covidct_curate.label.kinds import MODALITIES
from covidct_curate.label.passage import Passage, Passages, Reading, evidence_of
from covidct_curate.label.rules import Hit, Rules
from covidct_curate.records import Evidence

UNKNOWN = "unknown"
CONFLICT = "modality-conflict"
LIKELY, LIKELY_ALONE = 0.4, 0.6
"""A modality less likely than this is unknown: one that words name, one that only pixels speak for."""

_NAMED = 0.65
"""Rules of this confidence name a modality; the words of the others only go with it."""
_TRUST = {"subcaption": 1.0, "caption": 1.0, "mention": 0.9, "case": 0.35, "title": 0.4, "paper": 0.2}
"""How surely a modality that a passage names is the panel's."""
_SHARED = 0.85
"""The same of a caption of which another part is the panel's own."""
_ASIDE = {"before": 0.25, "after": 0.5}
"""Weight of a modality just before, just after words that make it an aside."""
_LATER, _OBJECT, _PREDICATE = 0.4, 0.3, 0.75
"""Weight of a modality at the head of a later sentence; after another in its sentence; first in its sentence, but
behind the verb."""
_REACH = 16
"""Bytes between a modality and the words that make it an aside."""

_USUAL = {
    "ct": 0.13,
    "xray": 0.09,
    "mri": 0.09,
    "ultrasound": 0.05,
    "nuclear": 0.03,
    "angiography": 0.04,
    "endoscopy": 0.02,
    "photo": 0.11,
    "microscopy": 0.1,
    "gel": 0.02,
    "plot": 0.18,
    "diagram": 0.1,
    "table": 0.03,
    "other": 0.01,
}
"""How often a panel of a medical paper is of each modality."""

_LOOKS: Mapping[str, Mapping[str, float]] = {
    "ct": {"ct": 0.75, "mri": 0.08, "xray": 0.05, "nuclear": 0.1, "photo": 0.03, "graphic": 0.002},
    "xray": {"xray": 0.75, "ct": 0.03, "mri": 0.08, "ultrasound": 0.03, "photo": 0.06, "graphic": 0.01},
    "mri": {"mri": 0.7, "ct": 0.08, "xray": 0.12, "ultrasound": 0.04, "photo": 0.02, "graphic": 0.003},
    "ultrasound": {"ultrasound": 0.75, "mri": 0.08, "xray": 0.06, "photo": 0.05, "graphic": 0.003},
    "nuclear": {"nuclear": 0.55, "photo": 0.15, "graphic": 0.1, "ct": 0.04, "xray": 0.06, "mri": 0.06},
    "angiography": {
        "xray": 0.75,
        "mri": 0.1,
        "ultrasound": 0.05,
        "nuclear": 0.02,
        "photo": 0.04,
        "graphic": 0.005,
    },
    "endoscopy": {"photo": 0.85, "nuclear": 0.06, "graphic": 0.005},
    "photo": {"photo": 0.68, "xray": 0.08, "nuclear": 0.06, "ct": 0.02, "mri": 0.04, "graphic": 0.04},
    "microscopy": {"photo": 0.7, "xray": 0.06, "ct": 0.05, "nuclear": 0.04, "mri": 0.04, "graphic": 0.06},
    "gel": {"photo": 0.38, "graphic": 0.38, "xray": 0.12, "ct": 0.01, "mri": 0.03},
    "plot": {"graphic": 0.95, "photo": 0.02},
    "diagram": {"graphic": 0.9, "photo": 0.06},
    "table": {"graphic": 0.98},
    "other": {"photo": 0.25, "graphic": 0.3, "ultrasound": 0.15, "nuclear": 0.1, "xray": 0.05, "mri": 0.05},
}
"""How pictures of each modality look to the trees of `panels.kind`, rounded and smoothed."""
_RARE = 0.005
"""How often it happens that is not in the table."""
_KIND_LOOK: Mapping[str, Mapping[str, float]] = {  # for panels that were not judged
    "graphic": {"graphic": 0.94, "photo": 0.06},
    "photo": {"photo": 0.8, "nuclear": 0.1, "xray": 0.05, "graphic": 0.05},
    "radiology": {"ct": 0.3, "mri": 0.25, "xray": 0.25, "ultrasound": 0.1, "nuclear": 0.07, "photo": 0.03},
}
_DRAWN = 0.6
"""No scan looks this much like a drawing."""
_SURE_LOOK = 0.85
"""A look this sure disagrees with words for modalities that seldom look so."""

_VERB = re.compile(
    rb"\b(?:show|demonstrat|reveal|confirm|indicat|depict|suggest|disclos|identif|exhibit|display|report|detect|"
    rb"stud|perform|underw|includ|compar|predict|divid|obtain|accord|with respect|due to|because|after|before|when|"
    rb"while|whereas|which|that|who|where|was|were|is|are|had|has|have|did|does)\w*|[;]",
    re.I,
)
_JOIN = re.compile(rb"\b(?:and|or|plus|versus|vs|as well as)\b|[/,&+]", re.I)
_LETTERED = re.compile(
    rb"(?:\(?\b[a-z][0-9]?(?: ?[-,&] ?[a-z][0-9]?| and [a-z])*\)[:.,)]*|\b[A-H][:.]) ?(?:[\w-]+ ){0,4}\Z"
)
_CITED = re.compile(rb"\bfig(?:ure)?s?\b", re.I)


@dataclass(frozen=True, slots=True)
class _Claim:
    """A modality that a passage names, and how much it means it."""

    modality: str
    hit: Hit
    weight: float


def read_modality(
    passages: Passages, rules: Rules, look: Mapping[str, float], *, kind: str = "unknown"
) -> tuple[str, Evidence | None, tuple[str, ...]]:
    """The modality of a panel, why, and what a reviewer must look at.

    ``look`` is what `panels.kind.look_of` said of its pixels, empty where they were not judged; then the ``kind``
    of the whole figure stands for it. Without words and without pixels the modality is ``unknown``, and nothing
    is the reason. ``modality-conflict`` is among the flags where words and pixels are both sure of different
    things; the confidence is lowered then.
    """
    prior, reasons = _from_words(passages, rules)
    seen = {"graphic": 1.0} if look.get("graphic", 0.0) >= _DRAWN else look or _KIND_LOOK.get(kind, {})
    if not seen and not reasons:
        return UNKNOWN, None, ()
    odds = {m: p * _likelihood(m, seen) for m, p in prior.items()} if seen else prior
    total = sum(odds.values())
    best = max(odds, key=lambda m: odds[m])
    chance = odds[best] / total
    plainly = seen.get({"photo": "photo", "plot": "graphic"}.get(best, ""), 0.0) > LIKELY_ALONE
    if chance < (LIKELY if best in reasons else LIKELY_ALONE) and not (plainly and best not in reasons):
        return UNKNOWN, None, ()
    flags = (CONFLICT,) if _conflict(best, prior, seen) else ()
    if flags:
        chance *= 0.7
    confidence = round(min(chance, 0.99), 3)
    if best in reasons:
        passage, hit = reasons[best]
        return best, evidence_of(hit, passage.source, confidence), flags
    first = max(look or seen, key=(look or seen).__getitem__)
    words = f"{first} {(look or seen)[first]:.2f}"
    return best, Evidence("pixels.look", words, "pixels", confidence), flags


def read_region(passages: Passages, rules: Rules) -> Reading | None:
    """The part of the body a panel shows, from the nearest passage that names one; None where none does."""
    for passage in passages:
        hits = rules.find("region", passage.text, passage.start, passage.end)
        if hits:
            best = max(hits, key=lambda hit: (hit.rule.confidence, -hit.start))
            confidence = round(best.rule.confidence * _TRUST.get(passage.source, 0.5), 3)
            return Reading(best.rule.value, evidence_of(best, passage.source, confidence))
    return None


def shows_face(passages: Passages, rules: Rules, modality: str, look: Mapping[str, float]) -> bool:
    """Whether a panel may show a person's face, so that it must not be published without a look at it.

    Photographs do where any words say so, or where their caption does not say that they show something else;
    so do pictures of unknown modality that look like photographs. Scans and drawings do not.
    """
    if modality not in ("photo", UNKNOWN, "other"):
        return False
    coloured = look.get("photo", 0.0) + look.get("nuclear", 0.0)
    if modality != "photo" and look and coloured < 0.3:
        return False
    sure, perhaps, hidden = False, modality == "photo" or (modality == UNKNOWN and coloured >= 0.5), False
    for passage in passages:
        if passage.source in ("subcaption", "caption", "mention"):
            for hit in rules.find("face", passage.text, passage.start, passage.end):
                if hit.rule.extra.get("hidden", False):
                    hidden = hidden or passage.source != "mention"
                elif hit.rule.confidence >= _NAMED:
                    sure = True
                else:
                    perhaps = True
    return sure or (perhaps and not hidden)


def _from_words(passages: Passages, rules: Rules) -> tuple[dict[str, float], dict[str, tuple[Passage, Hit]]]:
    """Odds of each modality before a look at the pixels, and for each that is named where it was named best."""
    claims = [(passage, _claims(passage, rules)) for passage in passages]
    prior = dict.fromkeys(MODALITIES, 0.0)
    reasons: dict[str, tuple[Passage, Hit]] = {}
    best: dict[str, float] = {}
    undecided = 1.0
    parted = any(passage.source == "subcaption" for passage in passages)
    for named in (True, False):
        for passage, found in claims:
            part = [c for c in found if (c.hit.rule.confidence >= _NAMED) is named]
            shares: dict[str, float] = {}
            most = 0.0
            for claim in part:
                worth = claim.weight * claim.hit.rule.confidence
                shares[claim.modality] = shares.get(claim.modality, 0.0) + worth
                most = max(most, worth)
                if undecided * worth > best.get(claim.modality, 0.0):
                    best[claim.modality] = undecided * worth
                    reasons[claim.modality] = (passage, claim.hit)
            shared = parted and passage.source == "caption"
            spent = undecided * most * (_SHARED if shared else _TRUST.get(passage.source, 0.2))
            total = sum(shares.values())
            for modality, worth in shares.items():
                prior[modality] += spent * worth / total
            undecided -= spent
    for modality, share in _USUAL.items():
        prior[modality] += undecided * share
    return prior, reasons


def _claims(passage: Passage, rules: Rules) -> list[_Claim]:
    """The modalities a passage names: at its head fully, joined to that by "and" as well, else less."""
    text, start, end = passage.text, passage.start, passage.end
    asides = rules.find("aside", text, start, end)
    hidden = [(a.start, a.end) for a in asides if a.rule.value == "here"]
    hits = [
        hit
        for hit in rules.find("modality", text, start, end)
        if not any(a < hit.end and hit.start < b and hit.end - hit.start <= b - a for a, b in hidden)
    ]
    claims: list[_Claim] = []
    for named in (True, False):
        first = True
        for sentence in _by_sentence([h for h in hits if (h.rule.confidence >= _NAMED) is named]):
            head = _cited_head(sentence) if passage.source == "mention" else 0
            claims += _weighed(sentence, head, 1.0 if first else _LATER, asides, passage)
            first = False
    return claims


def _by_sentence(hits: Sequence[Hit]) -> Iterator[list[Hit]]:
    group: list[Hit] = []
    for hit in hits:
        if group and hit.start >= hit.text.sentence(group[0].start)[1]:
            yield group
            group = []
        group.append(hit)
    if group:
        yield group


def _cited_head(hits: Sequence[Hit]) -> int:
    """The number of the hit that a sentence which cites figures speaks of: the last before it cites one."""
    text = hits[0].text
    start, end = text.sentence(hits[0].start)
    before = 0
    for cited in _CITED.finditer(text.plain, start, end):
        count = sum(hit.end <= cited.start() for hit in hits)
        before = max(before, count)
    return max(0, before - 1)


def _weighed(
    hits: Sequence[Hit], head: int, most: float, asides: Sequence[Hit], passage: Passage
) -> Iterator[_Claim]:
    plain = passage.text.plain
    passing = [min((_ASIDE[a.rule.value] for a in asides if _touches(a, hit)), default=1.0) for hit in hits]
    if passing[head] < 1.0 in passing:
        head = passing.index(1.0)
    joined = {head}
    for at, step in ((head, 1), (head, -1)):
        while 0 <= at + step < len(hits):
            left, right = sorted((at, at + step))
            between = plain[hits[left].end : hits[right].start]
            if len(between) > 40 or not _JOIN.search(between) or _VERB.search(between):
                break
            at += step
            joined.add(at)
    opening = plain[max(passage.start, passage.text.sentence(hits[0].start)[0]) : hits[0].start]
    if passage.source != "mention" and _VERB.search(opening):
        most *= _PREDICATE
    for number, hit in enumerate(hits):
        weight = most if number in joined else most * _OBJECT
        if passage.source != "mention" and _LETTERED.search(
            plain, max(passage.start, hit.start - 60), hit.start
        ):
            weight = 1.0
        weight *= passing[number]
        yield _Claim(hit.rule.value, hit, weight)
        if also := hit.rule.extra.get("also"):
            yield _Claim(also, hit, weight * _OBJECT)


def _touches(aside: Hit, hit: Hit) -> bool:
    if aside.rule.value == "before":
        gap = aside.start - hit.end
    elif aside.rule.value == "after":
        gap = hit.start - aside.end
    else:
        return False
    return (
        -1 <= gap <= _REACH
        and b"." not in hit.text.plain[min(hit.end, aside.end) : max(hit.start, aside.start)]
    )


def _likelihood(modality: str, look: Mapping[str, float]) -> float:
    usual = _LOOKS[modality]
    return sum(chance * usual.get(name, _RARE) for name, chance in look.items())


def _conflict(best: str, prior: Mapping[str, float], look: Mapping[str, float]) -> bool:
    """Whether words and pixels are both sure, and not of the same."""
    said = max(prior, key=lambda m: prior[m])
    if prior[said] >= 0.5 and prior[best] < 0.15:
        return True
    return any(
        chance >= _SURE_LOOK and _LOOKS[best].get(name, _RARE) < 0.1 and _LOOKS[said].get(name, _RARE) < 0.1
        for name, chance in look.items()
    )
