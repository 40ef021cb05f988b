"""How a disease word is meant: as a fact, denied, suspected, of the past, or of somebody else.

After the ideas of NegEx (Chapman 2001) and ConText (Harkema 2009): words before or behind the disease say it, they
reach to the end of their sentence or to a boundary word, and the nearest speaks. Which words do is in the rule
file (``[[context]]``, ``[[boundary]]``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from covidct_curate.label.rules import Hit, Rules

AFFIRMED = "affirmed"
_FARTHEST = 300
"""Characters that no trigger reaches beyond, so that a text of one endless sentence is read in linear time."""
_LONGEST_HIT = 100
"""Characters by which a trigger that reaches into a stretch may begin before it."""
_SPEAKING = ("negated", "possible", "historical", "other-subject", "confirmed")
_OUTRANKED = ("negated", "possible", "historical")
"""What "confirmed" puts right; "contact with a confirmed case" stays what it is."""


def how_meant(hit: Hit, rules: Rules, start: int = 0, end: int | None = None) -> str:
    """ "affirmed", "negated", "possible", "historical" or "other-subject": how the words around a disease word
    mean it. Words outside ``start`` to ``end`` (positions in the text's ``plain``) are not read.

    A disease word within words that only look like it (``ignore``), a full stop aside, is "other-subject".
    """
    return meaning(find_trigger(hit, rules, start, end))


def meaning(trigger: Hit | None) -> str:
    """What the words that `find_trigger` found say of their disease word."""
    if trigger is None or trigger.rule.value == "confirmed":
        return AFFIRMED
    return "other-subject" if trigger.rule.value == "ignore" else trigger.rule.value


def find_trigger(hit: Hit, rules: Rules, start: int = 0, end: int | None = None) -> Hit | None:
    """The words that say how a disease word is meant, None when none do."""
    first, last = hit.text.sentence(hit.start)
    low = max(first, start, hit.start - _FARTHEST)
    high = min(last, len(hit.text.plain) if end is None else end, hit.end + _FARTHEST)
    for boundary in near(rules.find("boundary", hit.text), low, high):
        if boundary.end <= hit.start:
            low = max(low, boundary.end)
        elif boundary.start >= hit.end:
            high = boundary.start
            break
    found: list[tuple[int, Hit]] = []
    for trigger in near(rules.find("context", hit.text), low, max(high, hit.end)):
        distance = _distance(trigger, hit)
        if trigger.rule.value == "ignore" and trigger.start <= hit.start and trigger.end >= hit.end - 1:
            return trigger
        if trigger.rule.value in _SPEAKING and distance is not None:
            found.append((distance, trigger))
    found.sort(key=lambda each: each[0])
    if found and found[0][1].rule.value == "confirmed":
        found = [each for each in found if each[1].rule.value not in (*_OUTRANKED, "confirmed")] or found
    return found[0][1] if found else None


def near(hits: Sequence[Hit], low: int, high: int) -> Iterator[Hit]:
    """Those of the hits, which are in order and apart, that lie at least partly between two positions."""
    for number in range(bisect_left(hits, low - _LONGEST_HIT, key=lambda hit: hit.start), len(hits)):
        if hits[number].start >= high:
            return
        if hits[number].end > low:
            yield hits[number]


def _distance(trigger: Hit, hit: Hit) -> int | None:
    """Characters between the two, None where the trigger does not reach the hit. Words within a positive disease
    word say how it is meant ("suspected case"); within another they belong to it ("no lesion", "non-infected")."""
    if trigger.start < hit.end and trigger.end > hit.start:
        belongs = hit.rule.value != "positive" and hit.start <= trigger.start and trigger.end <= hit.end
        return None if belongs else -1
    behind = trigger.start >= hit.end
    if behind != (trigger.rule.extra.get("direction") == "after"):
        return None
    left, right = (hit.end, trigger.start) if behind else (trigger.end, hit.start)
    reach = trigger.rule.extra.get("reach")
    if reach is not None and len(hit.text.plain[left:right].split()) > reach:
        return None
    return right - left
