"""Who a text speaks of: each patient with number, age and gender, and the stretches that speak of them.

Blank beats wrong: what two statements contradict each other on is dropped, a group's facts are nobody's, and
where it is not plain whom "the patient" means, the stretch is nobody's too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from covidct_curate.label.age import Age
from covidct_curate.label.coreference import Person, Reader
from covidct_curate.label.persons import Phrase, names, phrases, pronouns
from covidct_curate.label.rules import Hit, Rules
from covidct_curate.label.text import Text
from covidct_curate.records import Evidence, Source, Span

_CLAUSE = re.compile(rb"[;,()\[\]]|\. |\b(?:and|while|whereas|but|versus|vs)\b")


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody a text speaks of, or a group."""

    number: str
    """The paper's own: ``3`` of "Patient 3" and "case 03", ``III`` of "Case III", ``suspected 1``; else
    ``""``."""
    age: Age | None
    gender: str
    """``M``, ``F`` or ``""``."""
    several: bool
    """A group, or somebody of whom it is not plain who it is: nobody's facts."""
    mentions: tuple[Span, ...]
    """Where named. Positions in ``text.plain``."""
    spans: tuple[Span, ...]
    """Stretches that speak of this one: from a mention (from the start of its sentence, or of its clause when
    somebody else is named before it there) to the next mention of somebody else. Those of different subjects
    do not overlap."""
    evidence: Mapping[str, Evidence]
    """Of ``age``, ``gender`` and ``id``."""


def find_subjects(text: Text, rules: Rules, source: Source) -> tuple[Subject, ...]:
    """Everybody a text speaks of, in order of first mention. Evidence is said to come from ``source``; it never
    has a name or initials in it. Takes time linear in the length of the text."""
    reader = Reader(text)
    stream: list[tuple[int, Phrase | Hit]] = [(phrase.start, phrase) for phrase in phrases(text, rules)]
    stream += [(hit.start, hit) for hit in pronouns(text, rules)]
    for _, each in sorted(stream, key=lambda pair: pair[0]):
        if isinstance(each, Phrase):
            reader.phrase(each)
        else:
            reader.pronoun(each)
    reader.close()
    return tuple(_subjects(text, reader, names(text, rules), source))


def _subjects(text: Text, reader: Reader, hidden: Sequence[Span], source: Source) -> Iterator[Subject]:
    spans: dict[int, list[Span]] = {}
    for start, end, one in _stretches(text, reader.course):
        spans.setdefault(id(one), []).append((start, end))
    for one in reader.persons:
        age, evidence = None, {}
        agreed = _agreed(one.ages)
        if agreed is not None:
            age = agreed[0]
            evidence["age"] = _evidence(agreed[1], hidden, source)
        gender = one.gender if len({gender for gender, _ in one.genders}) == 1 else ""
        if gender:
            evidence["gender"] = _evidence(one.genders[0][1], hidden, source)
        if one.number and one.number_hit is not None:
            evidence["id"] = _evidence(one.number_hit, hidden, source)
        yield Subject(
            one.number,
            age,
            gender,
            one.several,
            tuple(one.mentions),
            tuple(spans.get(id(one), ())),
            evidence,
        )


def _agreed(ages: Sequence[tuple[Age, Hit]]) -> tuple[Age, Hit] | None:
    """The most exact of ages that do not contradict each other."""
    if not ages:
        return None
    best = min(ages, key=lambda pair: _width(pair[0]))
    low, high = best[0].low or 0.0, _high(best[0])
    return best if all((age.low or 0.0) <= low and high <= _high(age) for age, _ in ages) else None


def _high(age: Age) -> float:
    return float("inf") if age.high is None else age.high


def _width(age: Age) -> float:
    return _high(age) - (age.low or 0.0)


def _evidence(hit: Hit, hidden: Sequence[Span], source: Source) -> Evidence:
    """Evidence without the names in it."""
    start, end = hit.start, hit.end
    words, at = [], start
    for begin, finish in hidden:
        if begin < end and finish > at:
            words.append(hit.text.words(at, begin))
            at = max(at, finish)
    words.append(hit.text.words(at, end))
    return Evidence(hit.rule.id, " ".join(filter(None, words)).strip("(,;: "), source, hit.rule.confidence)


def _stretches(text: Text, course: Sequence[tuple[int, int, Person]]) -> Iterator[tuple[int, int, Person]]:
    """Each run of mentions of one person: from where to where the text speaks of them."""
    starts: list[tuple[int, Person]] = []
    last_end = 0
    for start, end, one in course:
        if not starts or starts[-1][1] is not one:
            starts.append((_begin(text, start, last_end), one))
        last_end = max(last_end, end)
    for at, (start, one) in enumerate(starts):
        end = starts[at + 1][0] if at + 1 < len(starts) else len(text.plain)
        if start < end:
            yield start, end, one


def _begin(text: Text, start: int, last_end: int) -> int:
    sentence = text.sentence(start)[0]
    if sentence >= last_end:
        return sentence
    clause, depth = last_end, 0
    for found in _CLAUSE.finditer(text.plain, min(last_end, start), start):
        if found[0] in (b"(", b"["):
            depth += 1
        elif found[0] in (b")", b"]"):
            depth = max(0, depth - 1)
        elif not depth:
            clause = found.end() if found[0][:1] in b",;." else found.start()
    return min(clause, start) if start >= last_end else last_end
