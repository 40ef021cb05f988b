"""Where a patient was treated or comes from."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

from covidct_curate.label.passage import Passage, Passages, Reading
from covidct_curate.label.rules import Hit, Rules
from covidct_curate.records import Evidence

_JOINT = re.compile(
    rb",? ?(?:(?:City|Province|Prefecture|County|District|Municipality|State|SAR|city|province|prefecture|county|"
    rb"district)\b,? ?)?(?:(?:in|of) (?:the )?)?(?:\(|(?:the )?(?:P\.? ?R\.? ))?"
)
"""Between two places of which the second holds the first: "Changde, Hunan, China"."""
_UNKNOWN = re.compile(rb"(?: ?(?:the|city of))? ?((?:[A-Z][\w'-]+ ){0,2}[A-Z][\w'-]+,) ")
"""A place that no rule knows, named before one that is known."""
_INSTITUTION = re.compile(
    rb"Hospital|Universit|College|Institut|Cent(?:er|re)|Medical|School|Department|Clinic|Excellence|Foundation|Ministry"
)
_NAMED_AFTER = re.compile(
    rb" (?:[A-Z][\w'-]+ ){0,5}?(?:Hospital|University|College|Institute|Cent(?:er|re)|School|Clinic)"
    rb"(?:,| in| of| at|,? \() ?(?:the )?"
)
"""Between a place that a hospital is named after and the one it stands in: "Zhejiang University, Hangzhou"."""
_NAMES = re.compile(rb"\b(?:University|College|Institute|School|Academy) of (?:[A-Z][\w'-]*[ ,]{1,2}){0,5}\Z")
_ALSO = (b" and ", b" or ", b", ", b", and ")
_REACH = 60
"""Characters from such words to a place."""
_TITLED = re.compile(
    rb" ?(?:the |our |city of |central |northern |southern |eastern |western |downtown |nearby |(?:part|region|area)s? of )*",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Place:
    hits: tuple[Hit, ...]
    start: int
    end: int

    def words(self) -> str:
        return self.hits[0].text.words(self.start, self.end).strip(" ,;:(")


def read_location(passages: Passages, rules: Rules) -> Reading | None:
    """The place as the paper says it ("Wuhan, China"): of a hospital, else of a home.

    Travel is none. Passages of the paper as a whole (affiliations, methods) count only when no other says
    anything, with low confidence, and only where all their places agree.
    """
    for passage in passages:
        if passage.source == "paper":
            continue
        places = _places(passage, rules)
        if not places:
            continue
        tied = _tied(places, passage, rules)
        for tie in ("care", "home"):
            these = [place for place, kind in tied if kind == tie]
            if these:
                return _agreed(these, passage, 0.9 if tie == "care" else 0.85)
    return _of_paper([passage for passage in passages if passage.source == "paper"], rules)


def _of_paper(passages: list[Passage], rules: Rules) -> Reading | None:
    for only_tied, confidence in ((True, 0.5), (False, 0.35)):
        places: list[_Place] = []
        for passage in passages:
            there = _places(passage, rules)
            tied = _tied(there, passage, rules)
            if only_tied:
                places += [place for place, tie in tied if tie != "none" and not _part_of_name(place)]
            else:
                journeys = {place.end for place, tie in tied if tie == "none"}
                places += [place for place in there if place.end not in journeys]
        if places:
            found = _agreed(places, passages[0], confidence)
            return found if only_tied or any(_within(place) for place in places) else None
    return None


def _part_of_name(place: _Place) -> bool:
    """Does it stand in the name of an institution: "University of Turin Medical Center, Turin"?"""
    plain = place.hits[0].text.plain
    return bool(_NAMES.search(plain, max(0, place.start - 80), place.start))


def _within(place: _Place) -> bool:
    """Is it more than a country? Authors of one country say little of where their patient was."""
    return any(hit.rule.extra.get("level") != "country" for hit in place.hits)


def _places(passage: Passage, rules: Rules) -> list[_Place]:
    """Places with what holds them, in order."""
    found: list[list[Hit]] = []
    for hit in rules.find("place", passage.text, passage.start, passage.end):
        if hit.rule.value == "none":
            continue
        if found:
            last = found[-1][-1]
            between = hit.text.plain[last.end : min(hit.start, last.end + 30)]
            if between and _JOINT.fullmatch(between) and _holds(hit, last):
                found[-1].append(hit)
                continue
        found.append([hit])
    return [_Place(tuple(hits), hits[0].start, hits[-1].end) for hits in found]


def _holds(outer: Hit, inner: Hit) -> bool:
    """Whether one place may be the province or country of another."""
    levels = ("ship", "city", "province", "country")
    sizes = [levels.index(hit.rule.extra.get("level", "city")) for hit in (outer, inner)]
    return sizes[0] > sizes[1] or (sizes[0] == sizes[1] == 1)


def _tied(places: list[_Place], passage: Passage, rules: Rules) -> list[tuple[_Place, str]]:
    """Places that words tie to a patient (care, home) or to a journey and the like (none): within such words, or
    right behind them."""
    ties = rules.find("placing", passage.text, passage.start, passage.end)
    ends = [tie.end for tie in ties]
    found: list[tuple[_Place, str]] = []
    for place in places:
        behind = place.hits[0].text.plain[found[-1][0].end : place.start] if found else b""
        if _NAMED_AFTER.fullmatch(behind):
            found[-1] = (place, found[-1][1])
            continue
        if behind in _ALSO:
            found.append((place, found[-1][1]))
            continue
        number = bisect_left(ends, place.start)
        at_sea = place.hits[0].rule.extra.get("level") == "ship"
        if number < len(ties) and ties[number].start < place.start:
            inner = [hit for hit in place.hits if hit.end <= ties[number].end]
            end = inner[-1].end if inner else place.end
            found.append((_Place(tuple(inner) or place.hits, place.start, end), ties[number].rule.value))
            continue
        tie = next(
            (ties[n] for n in range(number, number - 2, -1) if 0 <= n < len(ties) and ends[n] <= place.start),
            None,
        )
        if tie is None or place.start - tie.end > _REACH:
            if at_sea:
                found.append((place, "home"))
            continue
        between = tie.text.plain[tie.end : place.start]
        unknown = None if _INSTITUTION.search(between) else _UNKNOWN.fullmatch(between)
        if unknown or _TITLED.fullmatch(between) or at_sea:
            start = tie.end + unknown.start(1) if unknown else place.start
            found.append((_Place(place.hits, start, place.end), tie.rule.value))
    return found


def _agreed(places: list[_Place], passage: Passage, confidence: float) -> Reading | None:
    """The fullest of places that do not contradict each other."""
    fullest = max(places, key=lambda place: place.end - place.start)
    said = fullest.words()
    within = set(re.findall(r"\w+", said.lower()))
    if any(set(re.findall(r"\w+", place.words().lower())) - within for place in places):
        return None
    evidence = Evidence(fullest.hits[0].rule.id, said, passage.source, confidence)
    return Reading(said, evidence)
