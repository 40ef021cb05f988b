"""When a picture was made, as the paper says it, and on which day of the illness or of the stay in hospital."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from covidct_curate.label.context import near
from covidct_curate.label.passage import Passage, Passages, Reading
from covidct_curate.label.rules import Hit, Rules
from covidct_curate.label.text import Text
from covidct_curate.records import Evidence

_VALUES = {
    **{"zero": 0, "a": 1, "an": 1, "next": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6},
    **{"seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13},
    **{"fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "first": 1, "second": 2, "third": 3},
    **{"fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10},
    **{"eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15},
    **{"sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20},
}
_JOINT = re.compile(rb"[ ,(]{1,3}(?:(?:i\.e\.,?|or|which was|on|at|in|the|=) ){0,3}\(?")
"""What may stand between two ways of saying one time: "May 2, 2020 (hospital day 3, illness day 9)"."""
_OTHERS = re.compile(
    rb"\b[A-H]\d{0,2}(?:(?:,|,? and|-| to|/) ?[A-H]\d{0,2}){0,6}(?: (?:was|were|is|are|at|on|obtained on))? ?\(?\Z"
)
"""Before a time that is said of other panels, by their letters: "C was day 9"."""
_LEAD = re.compile(r"on (?:the )?(?=.*(?:day|\d))", re.I)
_COUNTED = frozenset({"date", "onset", "admission"})
"""Ways to say one time that may stand apart in a sentence."""
_MARK = re.compile(rb"\([A-Za-z]\d?\)")
_TRUST = {"subcaption": 1.0, "caption": 1.0, "mention": 0.9, "case": 0.7}


@dataclass(frozen=True, slots=True)
class _Time:
    """One time, said in one or several ways."""

    hits: tuple[Hit, ...]
    value: str
    reference: Hit | None
    """Whose "after onset" a bare "day 7" borrows."""
    sentence: int
    """Where its sentence begins."""

    @property
    def kinds(self) -> set[str]:
        return {_kind(hit) for hit in self.hits}


def read_time(passages: Passages, rules: Rules) -> tuple[Reading, float | None] | None:
    """When the picture was made, and the same as days since the illness began, else since admission.

    None when nothing says it, or the nearest passage names several times. A time of the patient ("discharged on
    February 3") or of a study is none of the picture; in the description of a case only times of sentences that
    speak of pictures count, in a sentence that cites the figure also those beside a sign.
    """
    for passage in passages:
        if passage.source not in _TRUST:
            continue
        times = _times(passage, rules)
        if times:
            chosen = _choose(times)
            if chosen is None:
                return None
            first = min(chosen, key=lambda time: time.hits[0].start)
            last = max(chosen, key=lambda time: time.hits[-1].end)
            confidence = min(hit.rule.confidence for time in chosen for hit in time.hits)
            value = ", ".join(dict.fromkeys(time.value for time in chosen))
            words = passage.text.words(first.hits[0].start, last.hits[-1].end)
            rule = first.hits[0].rule.id
            evidence = Evidence(rule, words, passage.source, round(confidence * _TRUST[passage.source], 2))
            return Reading(value, evidence), _days(chosen)
    return None


def _times(passage: Passage, rules: Rules) -> list[_Time]:
    """The times of a passage that may be the picture's: those beside words for the picture, else all that do not
    stand beside words for the patient's state."""
    text = passage.text
    found: list[Hit] = []
    pictures: set[int] = set()
    patients: set[int] = set()
    for hit in rules.find("time", text, passage.start, passage.end):
        if hit.rule.value == "picture":
            pictures.add(text.sentence(hit.start)[0])
        elif hit.rule.value == "patient":
            patients.add(text.sentence(hit.start)[0])
        elif not hit.rule.value and (passage.source != "case" or _kind(hit) != "treatment"):
            found.append(hit)
    if not found:
        return []
    described = {
        text.sentence(sign.start)[0] for sign in rules.find("sign", text, passage.start, passage.end)
    }
    beside, plain = [], []
    for group in _together(found):
        sentence = text.sentence(group[0].start)[0]
        reference = _reference(group[0], rules) if len(group) == 1 else None
        others = _OTHERS.search(text.plain, max(passage.start, group[0].start - 40), group[0].start)
        if passage.source == "subcaption" and others and others.start() > passage.start:
            continue
        value = _say(text, group, passage.end)
        if reference is not None:
            value = f"{value} {reference.original('reference')}"
        time = _Time(tuple(group), value, reference, sentence)
        if sentence in pictures or (sentence in described and passage.source != "case"):
            beside.append(time)
        elif sentence not in patients and passage.source in ("subcaption", "caption"):
            plain.append(time)
    return beside or plain


def _together(found: Sequence[Hit]) -> list[list[Hit]]:
    """Hits next to each other that say one time in different ways."""
    groups: list[list[Hit]] = []
    for hit in found:
        if groups:
            last = groups[-1][-1]
            between = hit.text.plain[last.end : min(hit.start, last.end + 40)]
            if _JOINT.fullmatch(between) and _kind(hit) not in {_kind(each) for each in groups[-1]}:
                groups[-1].append(hit)
                continue
        groups.append([hit])
    return groups


def _kind(hit: Hit) -> str:
    return "date" if hit.group("date") else str(hit.rule.extra.get("since", "other"))


def _say(text: Text, group: Sequence[Hit], end: int) -> str:
    """The words of a time, an opened bracket closed."""
    start, stop = group[0].start, group[-1].end
    said = _LEAD.sub("", text.words(start, stop), count=1)
    return f"{said})" if said.count("(") > said.count(")") and b")" in text.plain[stop : end + 1] else said


def _reference(hit: Hit, rules: Rules) -> Hit | None:
    """For a bare "day 7": the one time of the same sentence that says from when days count."""
    if hit.rule.extra.get("since") != "other" or not hit.group("days"):
        return None
    start, end = hit.text.sentence(hit.start)
    memory: dict[int, Hit | None] = hit.text.memory.setdefault("time references", {})
    if start not in memory:
        with_one = [
            each for each in near(rules.find("time", hit.text), start, end) if each.group("reference")
        ]
        alike = len({each.group("reference").lower() for each in with_one}) == 1
        memory[start] = with_one[0] if alike else None
    return memory[start]


def _choose(times: Sequence[_Time]) -> list[_Time] | None:
    """The times, where they can be those of one picture."""
    distinct = list({_plain(time.value): time for time in reversed(times)}.values())[::-1]
    if len(distinct) == 1:
        return distinct
    if len({time.sentence for time in distinct}) == 1 and len(distinct) <= 3:
        kinds = [kind for time in distinct for kind in time.kinds]
        ends = distinct[0].hits[0].start, distinct[-1].hits[-1].end
        marked = _MARK.search(distinct[0].hits[0].text.plain, *ends)
        if len(kinds) == len(set(kinds)) and _COUNTED.issuperset(kinds) and not marked:
            return distinct
    return None


def _plain(value: str) -> str:
    return " ".join(
        word for word in re.findall(r"[a-z0-9]+", value.lower()) if word not in ("the", "on", "of")
    )


def _days(times: Sequence[_Time]) -> float | None:
    """Days since the illness began where one of the hits counts from there, else since admission."""
    for since in ("onset", "admission"):
        for time in times:
            for hit in time.hits:
                counted = time.reference or hit
                if counted.rule.extra.get("since") == since and (days := _number(hit)) is not None:
                    return days
    return None


def _number(hit: Hit) -> float | None:
    if hit.group("start"):
        return 0.0
    for unit, factor in (("days", 1.0), ("weeks", 7.0), ("hours", 1 / 24)):
        word = re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", hit.group(unit).lower())
        if word.isdigit():
            return round(int(word) * factor, 2)
        if word in _VALUES:
            return round(_VALUES[word] * factor, 2)
    return None
