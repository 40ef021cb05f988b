"""Which patient each panel shows: the subjects of captions and body, brought together over a paper.

A panel's own part of the caption says it best, then what its figure's panels share, then the sentences of the
body that cite the figure, last the one patient of a case report. Where several subjects stand against as many
panels, they are taken in order, as a reader would, with low confidence. Anything less plain is left open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from covidct_curate.label.rules import Rules
from covidct_curate.label.subjects import Subject, find_subjects
from covidct_curate.label.text import Text
from covidct_curate.records import Source, Span

UNKNOWN = "0"
"""Id of the patient that nobody can name."""

_SURE, _FOLLOWED, _CASE, _IN_ORDER = 1.0, 0.75, 0.75, 0.6
_MOST = 100
"""Single subjects of a caption beyond which nobody is told apart."""
_CASE_REPORT = re.compile(rb"\bcase\b(?!-control| series)", re.I)


@dataclass(frozen=True, slots=True)
class PanelText:
    """Where a caption speaks of one panel. Positions in ``caption.plain``."""

    own: tuple[Span, ...]
    """Of it and no other, or of a few with it; empty where the caption does not part it from the others."""
    shared: tuple[Span, ...]
    """Of it among all others of its figure."""


@dataclass(frozen=True, slots=True)
class FigureText:
    """A figure as its words have it."""

    caption: Text
    panels: tuple[PanelText, ...]
    mentions: tuple[Span, ...]
    """Sentences that cite it. Positions in the plain body."""
    contradicted: bool = False
    """The letters printed on the picture are not those of the caption."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one text says of somebody."""

    text: Text
    subject: Subject
    source: Source


@dataclass(slots=True, eq=False)
class Person:
    """One patient of a paper."""

    said: list[Said] = field(default_factory=list)
    id: str = UNKNOWN

    @property
    def known(self) -> bool:
        """Is anything known by which to tell them from others?"""
        return bool(self.numbers or self.age or self.gender) or any(s.source == "case" for s in self.said)

    @property
    def numbers(self) -> set[str]:
        """What the paper calls them."""
        return {_plain(each.subject.number) for each in self.said if each.subject.number}

    @property
    def age(self) -> str:
        """As the first text that knows it says it."""
        return next((_age(each.subject) for each in self.said if each.subject.age), "")

    @property
    def gender(self) -> str:
        """``M``, ``F`` or ``""``."""
        return next((each.subject.gender for each in self.said if each.subject.gender), "")

    def could_be(self, subject: Subject) -> bool:
        """Does nothing that is known of both differ?"""
        pairs = (_age(subject), self.age), (subject.gender, self.gender)
        return all(not mine or not theirs or mine == theirs for mine, theirs in pairs)

    def is_surely(self, subject: Subject) -> bool:
        """Are age and gender known of both, and equal?"""
        wanted = _age(subject), subject.gender
        return all(wanted) and any((_age(each.subject), each.subject.gender) == wanted for each in self.said)


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a panel shows, as far as words tell."""

    person: Person | None
    confidence: float
    strangers: tuple[Subject, ...] = ()
    """Others whom the caption speaks of: what is said of them is not said of this one."""
    candidates: tuple[Person, ...] = ()
    """Where nobody can be named: those it may be. What all of them share is true of this one."""


def attribute(figures: Sequence[FigureText], body: Text, title: Text, rules: Rules) -> list[list[Who]]:
    """For each figure, for each of its panels, the patient it shows. Patients are numbered in order of
    appearance, and have the same id in all figures; one of whom nothing is known, whom another figure may show
    as well, stays `UNKNOWN`."""
    cast = _Cast(body, title, rules)
    found = [cast.figure(figure) for figure in figures]
    number = 0
    for panels in found:
        several = len({id(who.person) for who in panels if who.person}) > 1
        for person in (who.person for who in panels):
            if person is not None and person.id == UNKNOWN and (several or person.known):
                number += 1
                person.id = str(number)
    return found


def overlaps(spans: Sequence[Span], others: Sequence[Span]) -> bool:
    """Do any two spans share a character?"""
    return any(start < last and first < end for start, end in spans for first, last in others)


class _Cast:
    """Everybody in a paper."""

    def __init__(self, body: Text, title: Text, rules: Rules) -> None:
        self.rules = rules
        self.body = [
            (subject, Person([Said(body, subject, "case")])) for subject in single_subjects(body, rules)
        ]
        self.persons = [person for _, person in self.body]
        described = [person for subject, person in self.body if subject.age or subject.gender]
        self.lone = described[0] if len(described) == 1 and _CASE_REPORT.search(title.plain) else None
        """The only patient that a case report describes."""

    def figure(self, figure: FigureText) -> list[Who]:
        """Whom each of its panels shows."""
        subjects = find_subjects(figure.caption, self.rules, "caption")
        singles = [each for each in subjects if not each.several]
        if len(singles) > _MOST:
            singles = []
        cited = [person for subject, person in self.body if overlaps(subject.spans, figure.mentions)]
        known = self._persons(figure, singles, cited)
        free = [
            each for each in singles if not any(overlaps(each.mentions, panel.own) for panel in figure.panels)
        ]
        sharing: dict[tuple[Span, ...], list[int]] = {}
        for place, panel in enumerate(figure.panels):
            sharing.setdefault(panel.own, []).append(place)
        whos = []
        for place, panel in enumerate(figure.panels):
            named = [each for each in singles if overlaps(each.mentions, panel.own)]
            chosen, confidence = self._choose(figure, panel, subjects, singles, named)
            if len(named) > 1:
                chosen, confidence = _in_order(named, sharing[panel.own], place)
            elif chosen is None and len(singles) > 1 and not figure.contradicted:
                chosen, confidence = _in_order(free, range(len(figure.panels)), place)
            strangers = tuple(each for each in singles if each is not chosen)
            if chosen is not None:
                whos.append(Who(known[id(chosen)], confidence, strangers))
            elif singles:
                whos.append(
                    Who(None, _IN_ORDER, strangers, tuple(known[id(each)] for each in named or singles))
                )
            elif self._is_control(panel, figure):
                whos.append(Who(None, _IN_ORDER))
            else:
                whos.append(self._described(figure, cited, not subjects, place))
        return whos

    def _choose(
        self,
        figure: FigureText,
        panel: PanelText,
        subjects: Sequence[Subject],
        singles: Sequence[Subject],
        named: Sequence[Subject],
    ) -> tuple[Subject | None, float]:
        """The one subject of the caption that a panel can show; ``named`` are those of its own part."""
        if len(named) == 1:
            return named[0], _SURE
        common = [each for each in singles if overlaps(each.mentions, panel.shared)]
        if len(common) == 1 and not panel.own:
            return common[0], _SURE
        follows = [each for each in singles if len(singles) == 1 or overlaps(each.spans, panel.own)]
        if len(follows) == 1 and self._follows(panel, figure, subjects):
            return follows[0], _SURE if common else _FOLLOWED
        return None, 0.0

    def _described(self, figure: FigureText, cited: Sequence[Person], alone: bool, place: int) -> Who:
        """The patient whose description in the body cites the figure, where the caption names nobody. As many as
        there are panels are taken in order when each is cited where they are first described."""
        if len(cited) == 1:
            return Who(cited[0], _CASE)
        first = [person for subject, person in self.body if overlaps(subject.spans[:1], figure.mentions)]
        if len(first) == len(cited) == len(figure.panels):
            return Who(first[place], _IN_ORDER)
        if not cited and alone and self.lone is not None:
            return Who(self.lone, _CASE)
        return Who(None, _IN_ORDER, candidates=tuple(cited))

    def _is_control(self, panel: PanelText, figure: FigureText) -> bool:
        """Is a panel said to show somebody healthy, rather than a normal finding?"""
        return any(
            hit.rule.value == "healthy" and hit.rule.extra.get("role") != "sign"
            for start, end in panel.own or panel.shared
            for hit in self.rules.find("disease", figure.caption, start, end)
        )

    def _follows(self, panel: PanelText, figure: FigureText, subjects: Sequence[Subject]) -> bool:
        """May a panel without a subject of its own show one that the caption names elsewhere? Not a group, nor
        somebody healthy or with another disease."""
        return not any(each.several and overlaps(each.mentions, panel.own) for each in subjects) and all(
            hit.rule.value == "positive"
            for start, end in panel.own
            for hit in self.rules.find("disease", figure.caption, start, end)
        )

    def _persons(
        self, figure: FigureText, singles: Sequence[Subject], cited: Sequence[Person]
    ) -> dict[int, Person]:
        """For each subject of a caption the person it is: one already known, else a new one."""
        found: dict[int, Person] = {}
        here: set[int] = set()
        in_order = len(cited) == len(singles) and all(
            person.could_be(subject) for person, subject in zip(cited, singles, strict=True)
        )
        for place, subject in enumerate(singles):
            free = [person for person in self.persons if id(person) not in here]
            number = _plain(subject.number)
            same = [each for each in free if number and number in each.numbers and each.could_be(subject)]
            if not same and in_order and id(cited[place]) not in here:
                same = [cited[place]]
            if not same and len(singles) == 1 and not number:
                same = [each for each in cited if each.could_be(subject)]
            if not same:
                same = [p for p in free if p.is_surely(subject) and not (number and p.numbers - {number})]
            if not same and self.lone is not None and not (number or subject.age or subject.gender):
                same = [self.lone]
            person = same[0] if len(same) == 1 else Person()
            if len(same) != 1:
                self.persons.append(person)
            person.said.append(Said(figure.caption, subject, "caption"))
            here.add(id(person))
            found[id(subject)] = person
        return found


def _in_order(subjects: Sequence[Subject], places: Sequence[int], place: int) -> tuple[Subject | None, float]:
    """As many subjects as panels: the first shows the first, and so on."""
    if len(subjects) == len(places):
        return subjects[places.index(place)], _IN_ORDER
    return None, 0.0


def single_subjects(body: Text, rules: Rules) -> Sequence[Subject]:
    """Every single patient the body speaks of; looked for once."""
    found: Sequence[Subject] | None = body.memory.get("subjects")
    if found is None:
        found = [each for each in find_subjects(body, rules, "case") if not each.several]
        body.memory["subjects"] = found
    return found


def _age(subject: Subject) -> str:
    return subject.age.text if subject.age else ""


def _plain(number: str) -> str:
    return re.sub(r"\b0+(?=\d)", "", number.casefold())
