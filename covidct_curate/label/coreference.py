"""Who is meant: from phrases and pronouns to the persons of a text, followed from one to the next.

Where it is not plain whom "the patient" means, the stretch is taken for a group's, which is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from covidct_curate.label.age import ADULT, OLDEST, Age
from covidct_curate.label.persons import Phrase
from covidct_curate.label.rules import Hit
from covidct_curate.label.text import Text
from covidct_curate.records import Span

_LABEL = re.compile(rb"\([A-Ha-h][0-9]{0,2}(?:[),:;]|-|, )|(?:\A|[.;:,] )[A-Ha-h][0-9]{0,2}[.,:)]")
"""A panel's label."""
_LISTED = re.compile(
    rb"\b(?:and|or|versus|vs\.?|than|plus)(?: (?:of|in|from|for|by|to|with))? (?:an? |one |the )?\Z"
)
_HEADING = re.compile(rb"[ .:,;()\n-]*(?:(?:the|was|is|who) )?(?:an? )?(?:[A-Za-z-]+ ){0,3}")
_IS = re.compile(rb"\A[^,;.]*\b(?:was|is) (?:an? )?(?:[a-z-]+ ){0,3}\Z")
_OF = re.compile(rb"\b(?:of|to|by|with|from|for|than) (?:the |a |an )?\Z")
_ATTRIBUTE = re.compile(r"(?:year|month|week|day)[ -]+old|-old", re.I)
"""How an age stands for a person, and is not said of one: "a 45-year-old"."""
_AS = re.compile(
    rb"\b(?:he|she|patient|who) (?:(?:was|had been|is) )?(?:[a-z]+ly )?[a-z]+ed as (?:an? )?(?:[\w-]+ ){0,3}\Z",
    re.I,
)
"""Before a word that only says what somebody is taken for: "He was admitted as a patient of obstruction"."""
_MET = re.compile(
    rb"\b(?:conflict|fight|quarrel|argument|contact|room|ward|infected|hit|beaten|bitten|exposed|attacked|assaulted|"
    rb"injured|shared|sharing) (?:[\w-]+ ){0,2}(?:with|by|to) \Z",
    re.I,
)
"""Before somebody who is only met."""
_DIGITS = re.compile(rb"\d{1,3}")
_RECENT = 1000
"""Characters after which "the patient" is no longer taken for the only one of several of whom anything is said."""
_NEAR = 3
"""Sentences after which "45 years old" without a word for a person is no longer taken for the last one."""


@dataclass(slots=True, eq=False)
class Person:
    """Somebody of a text, or a group, and what was said of them."""

    several: bool = False
    relative: bool = False
    number: str = ""
    ordinal: bool = False
    ages: list[tuple[Age, Hit]] = field(default_factory=list)
    genders: list[tuple[str, Hit]] = field(default_factory=list)
    number_hit: Hit | None = None
    child: bool = False
    mentions: list[Span] = field(default_factory=list)

    @property
    def gender(self) -> str:
        """What was said first, ``""`` when nothing was."""
        return self.genders[0][0] if self.genders else ""

    @property
    def known(self) -> bool:
        """Was anything said?"""
        return bool(self.number or self.ages or self.genders)

    @property
    def described(self) -> bool:
        """Is anything said that is true of one, and not of a kind ("a child above six years")?"""
        exact = any(age.high is not None or (age.low or 0) > OLDEST for age, _ in self.ages)
        return exact or bool(self.genders and not self.ages)


class Reader:
    """Follows a text from phrase to phrase, and knows who was named so far."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.persons: list[Person] = []
        self.singles: list[Person] = []
        self.numbered: dict[str, Person] = {}
        self.aged: dict[str, list[Person]] = {}
        self.group = Person(several=True)
        self.last: Person | None = None
        self.course: list[tuple[int, int, Person]] = []
        """Mentions in order: start, end, whose."""
        self.before: Person | None = None
        """Whom the text returns to when the sentence on a relative ends."""
        self.returns = 0
        self.aside: list[Person] = []
        """Those who were named in brackets of that sentence."""
        self.staff = -1
        """Where somebody of the staff was named last."""

    def phrase(self, phrase: Phrase) -> None:
        """Somebody is named."""
        self._return(phrase.start)
        if phrase.role == "animal":
            return
        if phrase.role == "staff":
            if not phrase.ages or phrase.reference not in ("a", "kind", "bare"):
                self.staff = phrase.start
                return
            phrase.role = ""
        if phrase.role == "label" and not (phrase.ages or phrase.gender or phrase.number in self.numbered):
            return
        if phrase.several or phrase.reference == "each" or len(phrase.ages) > 1:
            self._several(phrase)
        elif phrase.role == "relative":
            self._relative(phrase)
        elif self._names(phrase):
            self._named(phrase)
        else:
            self._fact(phrase)

    def pronoun(self, hit: Hit) -> None:
        """ "He": follows whom the text speaks of, and tells a gender where only one can be meant."""
        self._return(hit.start)
        gender, last = hit.rule.value, self.last
        if last is None or last is self.group:
            fitting = [one for one in self.singles[:2] if one.gender in ("", gender)]
            if len(self.singles) == 1 and fitting:
                self._mention(fitting[0], hit.start, hit.end)
            elif len(self.singles) <= 6:
                fitting = [one for one in self.singles if one.gender in ("", gender)]
                described = self._described(fitting, hit.start)
                if described is not None and described.gender and not described.relative:
                    self._mention(described, hit.start, hit.end)
            return
        if not last.gender and not last.ordinal:
            if self._alone(last, hit.start):
                last.genders.append((gender, hit))
        elif last.gender and last.gender != gender:
            fitting = [one for one in self.singles[:4] if one.gender == gender]
            if not fitting:
                fitting = [one for one in self.singles[:4] if not one.gender]
            if len(fitting) == 1 and len(self.singles) <= 4:
                self._mention(fitting[0], hit.start, hit.end)

    def close(self) -> None:
        """The text is over."""
        self._return(len(self.text.plain))
        if not any(one.number == "2" for one in self.persons):
            for one in self.persons:
                if one.ordinal:
                    one.number, one.number_hit = "", None

    # who is meant

    def _several(self, phrase: Phrase) -> None:
        numbers = phrase.numbers
        if not numbers and len(phrase.ages) > 1 and phrase.age_hit and self._countable(phrase):
            places = [
                each.span() for each in _DIGITS.finditer(self.text.plain, *phrase.age_hit.groups["each"])
            ]
            for age, place in zip(phrase.ages, places, strict=True):
                one = self._new()
                self._mention(one, *place)
                self._age(one, age, phrase.age_hit)
                self._gender(one, phrase)
            self._mention(self.group, places[-1][1], phrase.end)
            return
        self._mention(self.group, phrase.start, numbers[0][1][0] if numbers else phrase.end)
        for at, (each, span) in enumerate(numbers):
            one = self._number(each, phrase)
            self._mention(one, *span)
            if len(phrase.ages) == len(numbers):
                self._age(one, phrase.ages[at], phrase.age_hit)
                self._gender(one, phrase)
        if numbers:
            self._mention(self.group, numbers[-1][1][1], max(phrase.end, numbers[-1][1][1]))

    def _countable(self, phrase: Phrase) -> bool:
        """ "A 45- and a 52-year-old man", "two men aged 45 and 52 years": as many as there are ages, not the limits of a group."""
        if not phrase.several:
            return True
        plain = self.text.plain
        count = {2: rb"two|2|both", 3: rb"three|3", 4: rb"four|4"}.get(len(phrase.ages), rb"\A\b")
        said = plain[max(0, phrase.start - 40) : phrase.end + 20].lower()
        return bool(re.search(rb"\b(?:" + count + rb")\b", said[:60]) or b"respectively" in said)

    def _relative(self, phrase: Phrase) -> None:
        if phrase.ages and phrase.reference == "a":
            phrase.role = ""
            self._named(phrase)
            return
        possessed = phrase.reference == "his" or self._possessed(phrase)
        if not possessed and not phrase.ages and phrase.reference != "the":
            self.staff = phrase.start
            return
        known = [one for one in self.singles if one.relative][-3:]
        same = [one for one in known if phrase.gender and one.gender == phrase.gender]
        one = same[-1] if same and not phrase.ages else self._new(relative=True)
        start, end = self.text.sentence(phrase.start)
        around = max(start, phrase.start - 200), min(end, phrase.end + 200)
        if (
            possessed
            and self.last is not None
            and not self.last.relative
            and not _LABEL.search(self.text.plain, *around)
        ):
            self.before, self.returns = (self.group if phrase.ages else self.last), end
        self._mention(one, phrase.start, phrase.end)
        self._facts(one, phrase)

    def _possessed(self, phrase: Phrase) -> bool:
        return bool(
            re.search(rb"'s? (?:[\w-]+ ){0,2}\Z", self.text.plain[max(0, phrase.start - 30) : phrase.start])
        )

    def _names(self, phrase: Phrase) -> bool:
        """Whether a phrase stands for a person, and does not only say an age or a gender of one."""
        if phrase.noun:
            return (
                phrase.generic
                or not phrase.gender
                or bool(phrase.ages or phrase.number)
                or not self._mankind(phrase)
            )
        if not phrase.ages and not phrase.gender:
            return False
        if phrase.reference in ("a", "the", "another", "other"):
            return bool(phrase.old or phrase.gender)
        start = self._opens(phrase.start)
        alone = not self.course and all(age.low == age.high for age in phrase.ages)
        return bool(phrase.ages and phrase.gender) or (start and (phrase.old or alone))

    def _mankind(self, phrase: Phrase) -> bool:
        """ "Disease in man", "man-related": nobody in particular."""
        plain = self.text.plain
        joined = b"-" in (plain[phrase.start - 1 : phrase.start], plain[phrase.end : phrase.end + 1])
        return joined or (phrase.reference == "bare" and not self._opens(phrase.start))

    def _opens(self, at: int) -> bool:
        """Whether nothing but a panel's label or a heading stands before it in its sentence."""
        start = self.text.sentence(at)[0]
        if at - start > 60:
            return False
        return bool(re.fullmatch(rb"[\s(\[]*(?:[\w. ,-]{1,9}[):.,-]+\s*)?", self.text.plain[start:at]))

    def _named(self, phrase: Phrase) -> None:
        one = self._who(phrase)
        if self.before is not None and not one.mentions and self._bracket(phrase.start):
            self.aside.append(one)
        self._mention(one, phrase.start, phrase.end)
        if not one.several:
            self._facts(one, phrase)

    def _bracket(self, at: int) -> bool:
        """Does an open bracket stand before it in its sentence?"""
        before = self.text.plain[max(self.text.sentence(at)[0], at - 200) : at]
        return before.rfind(b"(") > before.rfind(b")")

    def _met(self, phrase: Phrase) -> bool:
        """Is somebody only met: "in a conflict with another patient"?"""
        plain = self.text.plain
        start, end = self.text.sentence(phrase.start)
        return (
            self.last is not None
            and not (self.last.several or self.last.relative)
            and not (phrase.ages or phrase.gender or phrase.number)
            and bool(_MET.search(plain[max(start, phrase.start - 80) : phrase.start]))
            and not _LABEL.search(plain[max(start, phrase.start - 200) : min(end, phrase.end + 100)])
        )

    def _passing(self, phrase: Phrase) -> Person:
        """Somebody of whom the text speaks no longer than their sentence."""
        self.before, self.returns = self.last, self.text.sentence(phrase.start)[1]
        return self._new(relative=True)

    def _who(self, phrase: Phrase) -> Person:
        if phrase.number:
            return self._numbered(phrase)
        if phrase.reference == "another":
            if self._met(phrase):
                return self._passing(phrase)
            return self._new()
        if phrase.reference == "other":
            others = [one for one in self.singles[:3] if one is not self.last]
            if len(others) == 1 and len(self.singles) == 2 and self._fits(others[0], phrase):
                return others[0]
            return self._new() if len(self.singles) < 2 else self.group
        if phrase.reference == "same":
            return self._only() or (self._new() if not self.singles else self.group)
        if phrase.ages:
            equal = [one for one in self.aged.get(phrase.ages[0].text, [])[-3:] if self._fits(one, phrase)]
            if equal:
                return equal[-1]
        heading = self._heading(phrase)
        if heading is not None:
            return heading
        told = bool(phrase.ages or phrase.gender)
        last = self.last
        before = self.text.plain[max(0, phrase.start - 60) : phrase.start]
        if (
            last is not None
            and not (told or last.relative)
            and phrase.reference == "a"
            and _AS.search(before)
        ):
            return last
        start = max(self.text.sentence(phrase.start)[0], phrase.start - 120)
        if (
            phrase.reference == "a"
            or not self.singles
            or (phrase.reference == "kind" and (told or _LABEL.search(self.text.plain, start, phrase.start)))
            or (phrase.reference == "bare" and phrase.ages)
        ):
            return self._new()
        return self._definite(phrase)

    def _numbered(self, phrase: Phrase) -> Person:
        if phrase.ordinal and phrase.number not in self.numbered:
            unnumbered = [
                one for one in self.singles[:4] if not one.number and one.known and not one.relative
            ]
            if len(unnumbered) == 2 and len(self.singles) == 2 and phrase.number in "12":
                for at, one in enumerate(unnumbered, 1):
                    one.number, one.ordinal = str(at), True
                    self.numbered[one.number] = one
        return self._number(phrase.number, phrase)

    def _number(self, number: str, phrase: Phrase) -> Person:
        one = self.numbered.get(number)
        if one is None:
            one = self.numbered[number] = self._bracketed(phrase) or self._new()
            one.number, one.ordinal = number, phrase.ordinal
        one.ordinal = one.ordinal and phrase.ordinal
        return one

    def _bracketed(self, phrase: Phrase) -> Person | None:
        """Whose number stands in brackets behind: "a woman with pleural effusion (Patient 3)"."""
        plain, last = self.text.plain, self.last
        if last is None or last.number or not self._fits(last, phrase) or phrase.several:
            return None
        if plain[phrase.start - 1 : phrase.start] != b"(" or plain[phrase.end : phrase.end + 1] not in (
            b")",
            b",",
            b";",
        ):
            return None
        start, end, _ = self.course[-1]
        gap = plain[end : phrase.start]
        same = self.text.sentence(start) == self.text.sentence(phrase.start)
        return last if same and len(gap) < 300 and not _LABEL.search(gap) else None

    def _heading(self, phrase: Phrase) -> Person | None:
        """Whom a phrase tells more of: "Case 2: a 45-year-old man", "CT of a patient. A 45-year-old man"."""
        last = self.last
        if last is None or last.several or last.relative or last.ages or not self._fits(last, phrase):
            return None
        if not (phrase.ages or phrase.gender):
            return None
        start, end, _ = self.course[-1]
        gap = self.text.plain[end : phrase.start]
        if (
            len(gap) < 80
            and _IS.search(gap)
            and self.staff < start
            and not _OF.search(self.text.plain[max(0, start - 12) : start])
        ):
            return last
        if last.number and not last.ordinal:
            near = len(gap) < 30 and _HEADING.fullmatch(gap)
            led = len(gap) < 160 and self._opens(start) and not _LISTED.search(gap) and not _LABEL.search(gap)
            close = self.text.sentence(phrase.start)[0] <= self.text.sentence(start)[1]
            return last if near or (led and close) else None
        if self.singles != [last] or last.number or phrase.reference not in ("a", "kind", "bare"):
            return None
        if _LABEL.search(gap[-400:]) or _LISTED.search(gap[-30:]) or len(gap) > 400 or last.gender:
            return None
        return last

    def _definite(self, phrase: Phrase) -> Person:
        """ "The patient", "the man"."""
        last = self.last
        if phrase.ages:
            if last is not None and not last.several and not last.ages and self._fits(last, phrase):
                return last
            return self._new()
        if last is not None and not last.several and not last.relative and self._fits(last, phrase):
            if phrase.gender and not last.gender:
                same = [one for one in self.singles[:6] if one.gender == phrase.gender]
                return same[0] if len(same) == 1 else last
            return last
        fitting = [one for one in self.singles[:6] if not one.relative and self._fits(one, phrase)]
        exact = [one for one in fitting if phrase.gender and one.gender == phrase.gender]
        if len(self.singles) > 6:
            return self.group
        if len(exact) == 1:
            return exact[0]
        described = self._described(fitting, phrase.start)
        if described is not None:
            return described
        if len(fitting) == 1:
            return fitting[0]
        return self.group if fitting else self._new()

    def _described(self, fitting: Sequence[Person], at: int) -> Person | None:
        """The only one of several of whom anything is said, where the text spoke of them not long before."""
        described = [one for one in fitting if one.described]
        if len(described) != 1 or any(one.number for one in fitting):
            return None
        return described[0] if at - described[0].mentions[-1][1] < _RECENT else None

    def _fits(self, one: Person, phrase: Phrase) -> bool:
        if one.relative or one.several:
            return False
        if phrase.gender and one.gender and phrase.gender != one.gender:
            return False
        if phrase.child and not one.child and not (one.ages and (one.ages[0][0].low or 0) < ADULT):
            return False
        return not (phrase.ages and one.ages and phrase.ages[0] != one.ages[0][0])

    def _fact(self, phrase: Phrase) -> None:
        """An age or a gender without a word for a person: of whom the text speaks."""
        if not (phrase.ages or phrase.gender):
            return
        last = self.last
        if last is None:
            if phrase.ages and phrase.old:
                self._named(phrase)
            return
        if last.several or not self.course:
            return
        start, end, _ = self.course[-1]
        here, there = self.text.sentence(phrase.start), self.text.sentence(start)
        gap = self.text.plain[end : phrase.start]
        if _LABEL.search(gap[-60:]) and phrase.gender:
            return
        if last.ages and phrase.ages:
            if (
                phrase.ages[0] != last.ages[0][0]
                and phrase.age_hit
                and _ATTRIBUTE.search(phrase.age_hit.words)
            ):
                phrase.reference = "a"
                self._named(phrase)
            return
        if here == there or (phrase.ages and gap.count(b". ") < _NEAR and len(gap) < 400):
            self._facts(last, phrase)

    def _only(self) -> Person | None:
        if self.last is not None and not self.last.several and not self.last.relative:
            return self.last
        singles = [one for one in self.singles[:3] if not one.relative]
        return singles[0] if len(singles) == 1 else None

    def _alone(self, one: Person, at: int) -> bool:
        """Whether nobody but this one is named near."""
        start = self.text.sentence(max(0, self.text.sentence(at)[0] - 2))[0]
        if self.staff >= start:
            return False
        for begin, _, who in reversed(self.course[-12:]):
            if who is not one and (begin >= start or who.relative):
                return False
            if begin < start:
                break
        return len(self.singles) == 1 or bool(one.number or one.ages)

    # keeping count

    def _new(self, relative: bool = False) -> Person:
        one = Person(relative=relative)
        self.singles.append(one)
        return one

    def _mention(self, one: Person, start: int, end: int) -> None:
        if not one.mentions:
            self.persons.append(one)
        one.mentions.append((start, end))
        self.course.append((start, end, one))
        self.last = one

    def _return(self, at: int) -> None:
        if self.before is not None and at >= self.returns:
            if self.last is not None and (self.last.relative or self.last in self.aside):
                self.course.append((self.returns, self.returns, self.before))
                self.last = self.before
            self.before = None
            self.aside = []

    def _facts(self, one: Person, phrase: Phrase) -> None:
        if len(phrase.ages) == 1:
            self._age(one, phrase.ages[0], phrase.age_hit)
        self._gender(one, phrase)
        one.child = one.child or phrase.child
        if phrase.number and phrase.number_hit and one.number == phrase.number and one.number_hit is None:
            one.number_hit = phrase.number_hit

    def _age(self, one: Person, age: Age, hit: Hit | None) -> None:
        if hit is not None and len(one.ages) < 9:
            one.ages.append((age, hit))
            same = self.aged.setdefault(age.text, [])
            if one not in same[-3:]:
                same.append(one)

    def _gender(self, one: Person, phrase: Phrase) -> None:
        if phrase.gender_hit is not None and len(one.genders) < 9:
            one.genders.append((phrase.gender, phrase.gender_hit))
