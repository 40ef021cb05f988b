"""Phrases that name persons: "a previously healthy 45-year-old man (Patient 3)", "the other patient"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from covidct_curate.label.age import Age, ages_of, number
from covidct_curate.label.rules import Hit, Rules
from covidct_curate.label.text import Text
from covidct_curate.records import Span

_FAR = 70
"""Bytes that may lie between two words of one phrase."""
_WORD = re.compile(rb"[A-Za-z0-9'/+-]*[A-Za-z0-9][A-Za-z0-9'/+-]*")
_BACK = re.compile(rb"[A-Za-z0-9'/+-]+|[^A-Za-z0-9'/+ -]")
_COPULA = frozenset((b"was", b"is", b"were", b"are"))
_ARTICLE = frozenset((b"a", b"an"))
_BRIDGE = _COPULA | _ARTICLE | frozenset(b"who of aged at about approximately".split())
_STOP = (
    _COPULA
    | _ARTICLE
    | frozenset(
        b"and or but nor the this that these those who which whom whose had has have with without of in on at by for "
        b"from to into after before between during than then as when while since his her their its our my your he "
        b"she they it we showing shows showed show presented presenting presents admitted underwent received "
        b"receiving developed died year years day days week weeks month months no not versus vs because if so also "
        b"did does be been being can could may might will would should including treated diagnosed figure fig "
        b"there where per via among see panel images image scan scans ct".split()
    )
)
_LOOSE = _STOP - frozenset((b"with", b"of"))
_DETERMINERS = {
    **dict.fromkeys(b"a an one 1 some".split(), "a"),
    **dict.fromkeys(b"the this that our said present index".split(), "the"),
    **dict.fromkeys(b"his her their patient's whose my".split(), "his"),
    **dict.fromkeys(b"another different further separate".split(), "another"),
    **dict.fromkeys(b"other".split(), "other"),
    **dict.fromkeys(b"same".split(), "same"),
    **dict.fromkeys(
        b"each every any no per both all two three four five six seven eight nine ten many most these those "
        b"several few other's".split(),
        "each",
    ),
}
_CHILD = re.compile(r"(?:child|infant|neonate|newborn|baby|toddler)\b", re.I)
_NUMBERED = re.compile(r"(suspected|control|healthy|donor|volunteer)\b", re.I)
_ORDINALS = {
    word: str(at) for at, word in enumerate(["first", "second", "third", "fourth", "fifth", "sixth"], 1)
}
_LISTED = re.compile(rb"\([^)]{0,9}\)|(\d{1,3}|[A-H]\b|[IVX]{1,4}\b)|(\s?-\s?|\bto\b)")


@dataclass(slots=True, eq=False)
class Phrase:
    """Words that name one person or several, or only an age or a gender of somebody. Positions in
    ``text.plain``."""

    start: int
    end: int
    several: bool = False
    noun: bool = False
    """It has a word for a person; else it only says an age, a gender."""
    generic: bool = False
    """That word is "patient" or "case"."""
    role: str = ""
    """``relative``, ``staff``, ``animal``, ``label`` (a bare "P1"), or ``""``."""
    ages: tuple[Age, ...] = ()
    age_hit: Hit | None = None
    gender: str = ""
    gender_hit: Hit | None = None
    number: str = ""
    number_hit: Hit | None = None
    ordinal: bool = False
    """The number is that of "the second patient"."""
    numbers: tuple[tuple[str, Span], ...] = ()
    """Those of "patients 1, 2 and 5", each with where it stands."""
    reference: str = "bare"
    """``a``: somebody new; ``the``, ``same``, ``other``: somebody named before; ``another``: somebody else;
    ``his``: a relation of somebody; ``each``: nobody in particular; ``bare``; ``kind``: bare with
    adjectives."""
    old: bool = False
    """The age can stand for a person: "a 45-year-old"."""
    child: bool = False
    """The word for the person is one for a child."""


@dataclass(frozen=True, slots=True, eq=False)
class _Atom:
    start: int
    end: int
    kind: str
    hit: Hit


def phrases(text: Text, rules: Rules) -> list[Phrase]:
    """All phrases of a text that name persons, in order."""
    found: list[Phrase] = []
    current: Phrase | None = None
    nameless = bytearray(text.plain)
    for start, end in names(text, rules):
        nameless[start:end] = b"\0" * (end - start)
    for atom in _atoms(text, rules):
        if current is None or not _joins(nameless, current, atom):
            current = Phrase(atom.start, atom.end)
            found.append(current)
        _add(current, atom, nameless)
    for phrase in found:
        refer(text.plain, phrase)
    return found


def names(text: Text, rules: Rules) -> list[Span]:
    """Where names and initials stand: what is never to be copied."""
    return [hit.groups.get("name", (hit.start, hit.end)) for hit in rules.find("initials", text)]


def pronouns(text: Text, rules: Rules) -> list[Hit]:
    """All "he" and "her" of a text that mean one person, in order."""
    blocked = _cover(text, rules, ("cohort", "initials"))
    return [
        hit
        for hit in rules.find("gender", text)
        if hit.rule.extra.get("pronoun") and blocked.find(1, hit.start, hit.end) < 0
    ]


def _cover(text: Text, rules: Rules, kinds: Sequence[str]) -> bytearray:
    covered = bytearray(len(text.plain))
    for kind in kinds:
        for hit in rules.find(kind, text):
            covered[hit.start : hit.end] = b"\x01" * (hit.end - hit.start)
    return covered


def _atoms(text: Text, rules: Rules) -> list[_Atom]:
    nobody = _cover(text, rules, ("cohort",))
    found = []
    for kind in ("subject", "age", "gender"):
        for hit in rules.find(kind, text):
            end = hit.start + 1 if kind == "subject" else hit.end
            if nobody.find(1, hit.start, end) >= 0 or hit.rule.extra.get("pronoun"):
                continue
            found.append(_Atom(hit.start, hit.end, kind, hit))
    return sorted(found, key=lambda atom: (atom.start, -atom.end))


def _joins(plain: bytearray, phrase: Phrase, atom: _Atom) -> bool:
    """Whether a word belongs to the phrase before it."""
    if atom.start < phrase.end:
        return True
    if atom.start - phrase.end > _FAR:
        return False
    gap = bytes(plain[phrase.end : atom.start]).replace(b"\0", b" ")
    if re.search(rb"[.;)\n\]!?]|\A's\b", gap):
        return False
    words = [word.lower() for word in _WORD.findall(gap)]
    plain_words = len(words) <= 6 and not _STOP.intersection(words)
    if atom.kind == "age":
        return _takes_age(phrase, atom, gap, words, plain_words)
    if atom.kind == "gender":
        if phrase.gender:
            return plain_words and b"," not in gap and atom.hit.rule.value == phrase.gender
        if not phrase.noun:
            return plain_words and (bool(phrase.ages) or not words)
        return (
            not _STOP.intersection(_after_copula(words))
            and len(words) <= 5
            and (
                not words or words[0] in _COPULA or gap.lstrip()[:1] in (b",", b"(", b":") or words == [b"a"]
            )
        )
    return _takes_noun(phrase, atom, gap, words, plain_words)


def _takes_age(phrase: Phrase, atom: _Atom, gap: bytes, words: list[bytes], plain_words: bool) -> bool:
    if phrase.ages or not (phrase.noun or phrase.gender):
        return False
    said = atom.hit.words.lower()
    if said.startswith(("age", "in ")) or gap.endswith(b"("):
        return len(words) <= 6 and not _LOOSE.intersection(_after_copula(words))
    if b":" in gap and not phrase.number:
        return False
    article = _ARTICLE.intersection(words)
    apposed = b"," in gap and (phrase.generic or phrase.role == "relative")
    if article and phrase.several:
        return False
    if words and words[0] in (_COPULA | {b"who"}):
        return len(words) <= 7 and not (_STOP - _BRIDGE).intersection(words)
    if article and not (phrase.number or apposed):
        return False
    if words and words[0] in _ARTICLE:
        return plain_words or not _STOP.intersection(words[1:])
    return all(word in _BRIDGE for word in words)


def _takes_noun(phrase: Phrase, atom: _Atom, gap: bytes, words: list[bytes], plain_words: bool) -> bool:
    rule = atom.hit.rule
    several = rule.value == "several" and rule.extra.get("role") != "animal"
    if rule.extra.get("role") in ("relative", "staff", "animal"):
        if phrase.number and gap.strip() in (b"(", b","):
            return True
        beside = not phrase.noun or (rule.extra["role"] == "staff" and bool(phrase.ages))
        return beside and plain_words and b"," not in gap
    if rule.value in ("same", "other"):
        return False
    if not phrase.noun:
        return plain_words and not (b"(" in gap and several)
    if phrase.several != several:
        return False
    if phrase.role not in ("", "label"):
        if phrase.ages and plain_words and b"," not in gap:
            return True
        return bool(words) and words[0] in _COPULA and not _STOP.intersection(_after_copula(words))
    numbered = "number" in atom.hit.groups
    if numbered and phrase.number:
        return False
    rest = _after_copula(words)
    if _STOP.intersection(rest) or len(rest) > 4:
        return False
    if words and words[0] in _COPULA:
        return True
    if _ARTICLE.intersection(words):
        return bool(phrase.number) or (phrase.generic and not phrase.ages and not phrase.gender)
    return numbered or bool(phrase.number) or (phrase.generic and b"," in gap) or not words


def _after_copula(words: list[bytes]) -> list[bytes]:
    """Words less a leading "who was a"."""
    at = 0
    for step in (frozenset((b"who",)), _COPULA, _ARTICLE | {b"the"}):
        if at < len(words) and words[at] in step:
            at += 1
    return words[at:]


def _add(phrase: Phrase, atom: _Atom, nameless: bytearray) -> None:
    hit, rule = atom.hit, atom.hit.rule
    phrase.end = max(phrase.end, atom.end)
    if atom.kind == "age":
        phrase.ages, phrase.age_hit = ages_of(hit), hit
        phrase.old = phrase.old or "old" in hit.words.lower() or len(phrase.ages) > 1
    elif atom.kind == "gender":
        if phrase.gender and phrase.gender != rule.value:
            phrase.gender, phrase.gender_hit = "?", None
        elif not phrase.gender:
            phrase.gender, phrase.gender_hit = rule.value, hit
            phrase.generic = phrase.generic or hit.words.startswith(("Mr", "Ms"))
    elif rule.value == "same":
        phrase.noun, phrase.reference = True, "same"
    elif rule.value == "other":
        phrase.reference = "other" if hit.words.lower().startswith("the") else "another"
    else:
        if not phrase.noun:
            phrase.role = str(rule.extra.get("role", ""))
        phrase.noun = True
        phrase.several = rule.value == "several" or phrase.several
        phrase.child = phrase.child or bool(_CHILD.match(hit.words))
        phrase.generic = hit.words.lower().startswith(("patient", "case"))
        if "number" in hit.groups and not phrase.number and nameless.find(0, *hit.groups["number"]) < 0:
            phrase.number, phrase.ordinal = _one_number(hit)
            phrase.number_hit = hit
        if "numbers" in hit.groups:
            phrase.numbers = tuple(_many_numbers(hit))


def _one_number(hit: Hit) -> tuple[str, bool]:
    said = hit.group("number")
    if said.lower() in _ORDINALS:
        return _ORDINALS[said.lower()], True
    value = number(said)
    shown = said if value is None else f"{value:g}"
    prefix = _NUMBERED.match(hit.words)
    return (f"{prefix[1].lower()} {shown}" if prefix else shown), False


def _many_numbers(hit: Hit) -> Iterator[tuple[str, Span]]:
    start, end = hit.groups["numbers"]
    prefix = "suspected " if hit.words.lower().startswith("suspected") else ""
    last, through = None, False
    for each in _LISTED.finditer(hit.text.plain, start, end):
        if each[2]:
            through = True
        elif each[1]:
            said = each[1].decode()
            if through and last and said.isdigit() and last.isdigit() and 0 < int(said) - int(last) < 30:
                for between in range(int(last) + 1, int(said)):
                    yield f"{prefix}{between}", each.span(1)
            through, last = False, said
            yield prefix + (f"{int(said)}" if said.isdigit() else said), each.span(1)


def refer(plain: bytes, phrase: Phrase) -> None:
    """Find out from the words before a phrase whether it names somebody new."""
    before = _BACK.findall(plain, max(0, phrase.start - 60), phrase.start)
    kind = phrase.reference
    if kind != "bare":
        return
    adjectives = 0
    for word in reversed(before[-6:]):
        word = word.lower()
        if word in _DETERMINERS:
            phrase.reference = _DETERMINERS[word]
            if phrase.reference == "a" and phrase.number.isalpha():
                phrase.number, phrase.number_hit = "", None
            return
        if not _WORD.fullmatch(word) or word in _STOP:
            break
        adjectives += 1
    phrase.reference = "kind" if adjectives else "bare"
