"""What a patient had before, and what else they have: medical history and exposure, other diseases."""

from __future__ import annotations

import re

from covidct_curate.label.context import how_meant, near
from covidct_curate.label.passage import Passage, Passages, Reading, evidence_of
from covidct_curate.label.report import without_names
from covidct_curate.label.rules import Hit, Rules
from covidct_curate.records import Span

_LONGEST = 300
_LEAD = 20
"""Characters of a phrase that is kept whole within which its own verb may stand."""
_MOST = 8
"""Statements that are kept."""
_GOES_ON = re.compile(
    rb"[, ]*\b(?:(?:who|which|whom|that|and (?:response|past|family|social|surgical|was|had|has|he|she|who|is|presented|presenting|came|complained|developed|"
    rb"admitted)|but|he|she|presenting|presented|presents|complain\w+|admitted|hospitali[sz]ed|underwent|"
    rb"developed|was|were|is|are|has|had|found|came|visited|reported|show\w*|received|diagnosed|in whom|for whom|"
    rb"(?:and |with )?(?:\w+ ){0,2}(?:fever|cough|dyspnoea|dyspnea|shortness)|chest (?:CT|pain)|CT|on (?:admission|examination)|"
    rb"at (?:admission|presentation))\b|\d+[ -](?:days?|hours?|weeks?) (?:before|prior|after|later|ago))",
    re.I,
)
"""Where a sentence leaves the history and goes on with the patient."""
_TALK = re.compile(
    r"(?:(?:more|less|not|also|significantly|associated|present|common|similar|higher|lower|recorded|reported|related)\b|\W|\d)",
    re.I,
)
"""How a sentence goes on that only talks of histories."""
_ARTICLE = re.compile(r"(?:(?:a|an|the|his|her|had|has|with|and|was) )+", re.I)
_BEFORE = re.compile(
    rb"(?:(?:ordinary|secondary|primary|pulmonary|chronic|acute|active|old|latent|healed|bacterial|viral|fungal|severe|"
    rb"lobar|multiple|left|right|bilateral|invasive|metastatic|advanced|early|small|large|cell|squamous|community[- ]acquired|"
    rb"hospital[- ]acquired|mycoplasma|interstitial|allergic|lung|complicated|infected|miliary|cavitary) ){1,4}\Z",
    re.I,
)
_BEHIND = re.compile(
    rb" (?:(?:complicated|combined|together|associated) (?:with|by) (?:[\w-]+ )?[\w-]+|with (?:secondary )?infection|"
    rb"(?:in|of) the (?:(?:left|right|both|upper|lower|middle) ){0,2}(?:lungs?|lobes?|liver|brain|kidney))",
    re.I,
)
_RUNNING = re.compile(
    rb"\b(?:https?|www|doi|Article ID|Publishing (?:Corporation|Group|House|Company)|(?:med|bio)Rxiv|preprint|copyright|"
    rb"all rights reserved|Vol(?:ume|\.) \d)\b",
    re.I,
)
"""Words of a page's head or foot: where they stand, the sentence goes on behind them."""
_ADJECTIVE = re.compile(rb"(?:ous|ant|ign|ic)\Z")
_DISEASED = re.compile(
    rb" (?:[a-z-]{3,20} )?(?:pneumonia|pleurisy|infections?|diseases?|effusions?|tumou?rs?|cancers?|neoplasms?|lesions?|"
    rb"nodules?|mass(?:es)?|cavit(?:y|ies)|abscess(?:es)?|empyema|mycobacteri\w+|[a-z]{2,20}(?:itis|osis|omas?|a?emia|pathy))\b",
    re.I,
)
"""What a disease's adjective must stand before to name a disease: "tuberculous pleurisy", never "carcinomatous areas"."""
_NO_DISEASE = ("person", "topic")
_CALLED = re.compile(
    rb"\b(?:is|was|had|has|diagnosed (?:as|with)|diagnosis of|cases? of|(?:patients?|wom[ae]n|m[ae]n) with) (?:an? )?\Z",
    re.I,
)
"""What comes before a word for a sign when it is the name of the disease."""


def read_history(passages: Passages, rules: Rules) -> Reading | None:
    """Diseases the patient had before, exposure and travel, as the paper says them; "no underlying disease" where
    it says so. Never the symptoms the patient came with."""
    for passage in passages:
        if passage.source == "paper":
            continue
        said: dict[str, Hit] = {}
        for hit in rules.find("history", passage.text, passage.start, passage.end):
            value = _kept(hit, rules)
            if value and len(said) < _MOST:
                said.setdefault(value, hit)
        values = [v for v in said if not any(v != o and v.lower() in o.lower() for o in said)]
        if values:
            joined = "; ".join(values)
            joined = joined if len(joined) <= _LONGEST else joined[:_LONGEST].rsplit(" ", 1)[0]
            return Reading(joined, evidence_of(said[values[0]], passage.source))
    return None


def read_other_diseases(passages: Passages, rules: Rules) -> Reading | None:
    """Other diseases that are shown or that the patient has, as the paper says them.

    None where sentences of a caption name different ones: they are those of different pictures.
    """
    for passage in passages:
        if passage.source == "paper":
            continue
        found: dict[str, tuple[str, Hit]] = {}
        sentences = set()
        for hit in _others(passage, rules):
            value = without_names(rules, hit.text, *_phrase(hit, passage))
            if value.lower() not in found and len(found) < _MOST:
                found[value.lower()] = (value, hit)
                sentences.add(hit.text.sentence(hit.start)[0])
        if found:
            if len(sentences) > 1 and passage.source == "caption":
                return None
            values = [value for value, _ in found.values()]
            kept = [v for v in values if not any(v != o and v.lower() in o.lower() for o in values)]
            first = found[kept[0].lower()][1]
            return Reading("; ".join(kept)[:_LONGEST], evidence_of(first, passage.source))
    return None


def _others(passage: Passage, rules: Rules) -> list[Hit]:
    """Named other diseases said as facts. One that stands in the place of the studied disease counts beside that
    only where words say that the patient has both."""
    text, start, end = passage.text, passage.start, passage.end
    hits = [
        hit
        for hit in rules.find("disease", text, start, end)
        if how_meant(hit, rules, start, end) == "affirmed" and hit.rule.extra.get("role") not in _NO_DISEASE
    ]
    both = any(hit.rule.value == "positive" for hit in hits) and not any(
        hit.rule.value in ("together", "beside") for hit in rules.find("relation", text, start, end)
    )
    return [
        hit
        for hit in hits
        if hit.rule.value == "other" and "name" in hit.rule.extra
        if not (both and hit.rule.extra.get("role", "rival") == "rival")
        if hit.rule.extra.get("role") != "sign"
        or _CALLED.search(text.plain[max(start, hit.start - 60) : _phrase(hit, passage)[0]])
        if not hit.words.lower().startswith("other")
        if not _ADJECTIVE.search(text.plain, hit.start, hit.end) or _DISEASED.match(text.plain, hit.end, end)
    ]


def _kept(hit: Hit, rules: Rules) -> str:
    """The part of a history that is kept, "" when nothing is."""
    if hit.rule.value == "none":
        return ""
    if not hit.rule.value and how_meant(hit, rules) in ("negated", "possible", "other-subject"):
        return ""
    kept_whole = hit.rule.value in ("whole", "exact", "travel")
    start, end = (hit.start, hit.end) if kept_whole else hit.groups.get("what", (0, 0))
    if hit.rule.value == "travel" and not any(near(rules.find("place", hit.text), start, end)):
        return ""
    end = min(end, start + _LONGEST)
    beyond = _GOES_ON.search(hit.text.plain, min(start + _LEAD * kept_whole, end), end)
    if beyond and hit.rule.value != "exact":
        end = beyond.start()
    if _RUNNING.search(hit.text.plain, start, end):
        return ""
    said = without_names(rules, hit.text, start, end).strip(" ,;:-")
    said = re.sub(r"(?:[ ,]+(?:and|or|with|on|in|of|the|a|for))+$", "", said)
    said = _ARTICLE.sub("", said, count=1) if _ARTICLE.match(said) else said
    return said if len(said) > 2 and not _TALK.match(said) else ""


def _phrase(hit: Hit, passage: Passage) -> Span:
    """A disease with the words that say which one."""
    plain = hit.text.plain
    before = _BEFORE.search(plain, max(passage.start, hit.start - 60), hit.start)
    behind = _BEHIND.match(plain, hit.end, min(passage.end, hit.end + 80))
    if behind is None and _ADJECTIVE.search(plain, hit.start, hit.end):
        behind = _DISEASED.match(plain, hit.end, passage.end)
    return (before.start() if before else hit.start), (behind.end() if behind else hit.end)
