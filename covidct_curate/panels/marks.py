"""Marks of panels in a caption: the "(A)", "b)", "C:", "(a–c)", "Panel D", "(left)" that divide it.

A single hit proves nothing ("vitamin D", "grade A", "(n = 4)"): what counts is a sequence in one style that
starts at the first letter or number and has no great gaps. The best such sequence wins.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from covidct_curate.panels.enumeration import LABEL, LIST, after_to, expand, kinds, kinds_of, rank
from covidct_curate.panels.phrases import in_bracket

WEIGHT = {
    "paren": 1.0,
    "half": 0.95,
    "colon": 0.9,
    "dot": 0.9,
    "panel": 0.8,
    "verb": 0.75,
    "comma": 0.7,
    "dash": 0.6,
    "bare": 0.7,
}
KIND_WEIGHT = {"upper": 1.0, "lower": 1.0, "numbered": 0.9, "number": 0.6, "roman": 0.5}

_PANEL = r"(?:sub-?)?(?:panels?|images?|photos?|photographs?|pictures?|parts?)"
_FIGURE = r"(?:[Ff]ig(?:ure|s)?\.? )"
_VERB = (
    r"(?:show|demonstrate|depict|reveal|represent|display|illustrate|exhibit|indicate|present|correspond)"
    r"(?:s|ed|ing)?\b|(?:is|are|was|were|has|had|have)\b"
)
STYLES = {
    "paren": re.compile(
        rf"[(\[]\s?(?:{_PANEL} )?(?P<list>{LIST})(?P<extra>\s?[,;:] ?[^()\[\]]{{1,80}})?\s?[)\]]"
    ),
    "half": re.compile(rf"(?<![\w(\[.'’-])(?P<list>{LIST})\)"),
    "colon": re.compile(rf"(?<![\w.'’/-])(?:{_PANEL} |{_FIGURE})?(?P<list>{LIST})\s?:(?!\d)", re.I),
    "dot": re.compile(rf"(?<![\w.'’/-])(?:{_FIGURE})?(?P<list>{LIST})\.(?=\s?[A-Z(\d]|\s)"),
    "comma": re.compile(rf"(?<![\w.'’/-])(?P<list>{LIST}),(?=\s)"),
    "dash": re.compile(rf"(?<![\w.'’/-])(?P<list>{LIST})\s?(?:(?<=\s)[-–—](?=\s)|=)"),
    "panel": re.compile(rf"\b(?:{_PANEL} |{_FIGURE})[(\[]?(?P<list>{LIST})[)\]]?", re.I),
    "verb": re.compile(rf"(?<![\w.'’/-])(?P<list>{LIST})(?=\s(?:{_VERB}))"),
    "bare": re.compile(rf"(?<![\w'’/-])(?P<list>{LIST})(?=\s[A-Z0-9“\"‘(][^.)])"),
}
_AGED = re.compile(r"\s\d{1,3}\s?[-–]?\s?(?:year|yr|month|week|day|y/?o)", re.I)
"""Behind an "A" that is an article: "A 50-year-old man"."""
_LAST = re.compile(rf"{LABEL}\Z")
_ELSEWHERE = re.compile(
    r"\b(?:types?|grade|class|group|vitamins?|hepatitis|influenza|child|exp\.?|fig(?:ure|s|ures)?\.?|tables?|tab\.?|"
    r"eqs?\.?|equations?|refs?\.?|references?)[\s(\[]*$",
    re.I,
)
_NOT_A_PANEL = re.compile(
    r"\b(?:types?|grades?|class|classes|groups?|vitamins?|hepatitis|influenza|stages?|child|child-pugh|scores?|"
    r"categor(?:y|ies)|factors?|lanes?|zones?|arms?|cohorts?|phases?|models?|experiments?|exp\.?|"
    r"fig(?:ure|s|ures)?\.?|tables?|tab\.?|eqs?\.?|equations?|refs?\.?|references?|days?|weeks?|months?|years?|series|"
    r"proteins?|ig|h(?:a)?emophilia|streptococcus|segments?|aged|no\.|numbers?|lines?|rows?|columns?|plans?|strains?|"
    r"subtypes?|lineages?|variants?)[\s(\[:]*$",
    re.I,
)
_POINTING = re.compile(r"\b(?:in|from|of|see|than|to|as|for|by|with|panels?|images?|pictures?)\s*$", re.I)
_LEADING_WORD = re.compile(
    r"(?:[,;:–—]|\b(?:and|or|of|for|in|on|with|both|by|from|the|a|an|at|to|is|are|was|were|via|between|versus|vs\.?|"
    r"including|as|during|after|before|either|&|shows?|showed|showing|demonstrat(?:es?|ed|ing)|reveal(?:s|ed|ing)?|"
    r"depict(?:s|ed|ing)?|illustrat(?:es?|ed|ing)|using|like|plus|namely|while|whereas))\s*$",
    re.I,
)
_NEXT_WORD = re.compile(r"(?:and|or|versus|vs)\b", re.I)
_STRONG = ".;:!?•|\n"
_CONTEXT = 24
LONGEST = 20_000
"""Characters of a caption in which marks are looked for: more is no caption but a page gone astray."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One label mark: its characters, its labels and how it stands in the sentence."""

    start: int
    end: int
    labels: tuple[str, ...]
    style: str
    leads: bool
    """The text follows the mark; else it comes before."""
    strong: bool
    """A caption, sentence or clause starts here."""
    pointing: bool = False
    """Reads like a mention ("as in (b)") rather than the start of a part."""
    loose: bool = False
    """Stands in a sentence that goes on with a word: it may lead or trail."""
    extra: tuple[int, int] = (0, 0)
    """Further text inside the brackets: the "axial" of "(A, axial)"."""


def find_marks(caption: str) -> tuple[Mark, ...]:
    """Marks of the best sequence, in order of the text; empty where the caption names no panels."""
    caption = caption[:LONGEST]
    groups: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    by_style: dict[str, list[Mark]] = {}
    for style, pattern in STYLES.items():
        by_style[style] = list(_joined(caption, _candidates(caption, style, pattern)))
        for mark in by_style[style]:
            for kind in kinds_of(mark.labels):
                groups[style, kind].append(mark)
    best: tuple[float, str, str, list[Mark]] = (0.0, "", "", [])
    for (style, kind), group in groups.items():
        chosen = _sequence(caption, group, kind, style)
        count = len({rank(label, kind)[0] for mark in chosen for label in mark.labels})
        score = count * WEIGHT[style] * KIND_WEIGHT[kind] + 0.1 * any(m.strong for m in chosen)
        if chosen and score > best[0]:
            best = (score, style, kind, chosen)
    _, style, kind, marks = best
    if not marks:
        return ()
    return _without_mentions(caption, _completed(marks, by_style, style, kind))


def _candidates(caption: str, style: str, pattern: re.Pattern[str]) -> Iterable[Mark]:
    for found in pattern.finditer(caption):
        start, listed = found.start(), found["list"]
        labels = expand(listed)
        if style == "half" and not kinds_of(labels):
            last = _LAST.search(listed)
            start, labels = (start + last.start(), expand(last[0])) if last else (start, ())
        before = caption[max(0, start - _CONTEXT) : start]
        if (
            not labels
            or (_ELSEWHERE if style == "paren" else _NOT_A_PANEL).search(before)
            or not kinds_of(labels)
        ):
            continue
        stripped = before.rstrip(" \t\u00a0")
        strong = not stripped or stripped[-1] in _STRONG
        pointing = bool(_POINTING.search(before)) and not strong
        if style in ("dot", "bare") and not strong and labels[0] not in ("a", "A"):
            continue
        end = found.end()
        if style == "bare" and labels[0] in ("a", "A") and _AGED.match(caption, found.end("list")):
            continue
        after = caption[end : end + _CONTEXT].lstrip()
        pointing = pointing and not after[:1].isupper()
        extra = (0, 0)
        leads, loose = True, False
        if style == "half" and in_bracket(caption, start):
            leads = strong = False
        if style == "paren":
            leads = strong or in_front(caption, start, end)
            loose = not leads and after[:1].isalnum() and not _NEXT_WORD.match(after)
            extra = found.span("extra") if found["extra"] else extra
        elif style in ("verb", "bare"):
            end = found.end("list")
        elif style == "panel":
            if found[0][:3].casefold() == "fig" and labels[0][0].isdigit() and not strong:
                continue
            leads = strong or bool(_LEADING_WORD.search(before)) or found.start() == 0
        yield Mark(start, end, labels, style, leads, strong, pointing, loose, extra)


def in_front(caption: str, start: int, end: int) -> bool:
    """Does a bracket inside a sentence stand before what it names: "shows (a) a mass and (b) a node"?"""
    after = caption[end : end + _CONTEXT].lstrip()
    lead_word = _LEADING_WORD.search(caption[max(0, start - _CONTEXT) : start])
    return lead_word is not None and bool(after) and after[0] not in ".,;:)]"


_GAP = re.compile(r"[\s)\]]*(?:,|;|and|or|&|,\s?and|to|[-–—])?[\s(\[]*", re.I)


def _joined(caption: str, marks: Iterable[Mark]) -> Iterable[Mark]:
    """Marks side by side are one: "(a) and (b)", "((a), (b))", "(A)–(C)"."""
    held: Mark | None = None
    for mark in marks:
        if held is not None and held.style in ("paren", "half", "dot") and mark.start - held.end < 12:
            gap = caption[held.end : mark.start]
            if held.extra == (0, 0) and (_GAP.fullmatch(gap) if held.style == "paren" else not gap.strip()):
                ranged = gap.strip(" ()[]").casefold() in ("to", "-", "–", "—")
                more = tuple(after_to(held.labels[-1], mark.labels[0])) if ranged else mark.labels
                labels = tuple(dict.fromkeys(held.labels + more + mark.labels))
                if kinds_of(labels):
                    leads = held.strong or (held.leads and mark.leads)
                    held = replace(held, end=mark.end, labels=labels, leads=leads)
                    continue
        if held is not None:
            yield _with_outer(caption, held)
        held = mark
    if held is not None:
        yield _with_outer(caption, held)


def _with_outer(caption: str, mark: Mark) -> Mark:
    """A mark with the second pair of brackets around it."""
    if len(mark.labels) < 2 or mark.start == 0 or caption[mark.start - 1] not in "([":
        return mark
    end = mark.end + 1 if caption[mark.end : mark.end + 1] in (")", "]") else mark.end
    before = caption[max(0, mark.start - 1 - _CONTEXT) : mark.start - 1].rstrip()
    strong = not before or before[-1] in _STRONG
    return replace(mark, start=mark.start - 1, end=end, strong=strong, leads=strong)


def _sequence(caption: str, group: list[Mark], kind: str, style: str) -> list[Mark]:
    """The marks of a group whose labels run on from the first; empty where they make no sequence."""
    present = {rank(label, kind)[0] for mark in group for label in mark.labels}
    run: set[int] = set()
    missing = 0
    for index in range(max(present) + 1):
        if index in present:
            run.add(index)
        elif 0 not in present or missing >= 1 or index + 1 not in present:
            break
        else:
            missing += 1
    if missing and len(run) < 4:
        run = {index for index in run if all(n in run for n in range(index))}
    chosen = [m for m in group if all(rank(label, kind)[0] in run for label in m.labels)]
    if style in ("dot", "bare"):
        chosen = _from_boundaries(chosen, kind)
    chosen = [m for m in chosen if not (m.pointing and style in ("colon", "comma", "dash", "verb"))]
    inner = {rank(label, kind) for mark in chosen for label in mark.labels}
    if len(inner) >= 2 and any(m.leads or not m.pointing for m in chosen) and _orderly(chosen, kind, style):
        return chosen
    return _single(caption, group, kind, style)


def _from_boundaries(marks: list[Mark], kind: str) -> list[Mark]:
    """Marks where a sentence starts; the first may follow a title without a full stop: the last before B."""
    strong = [mark for mark in marks if mark.strong]
    if not strong or rank(strong[0].labels[0], kind)[0] != 1:
        return strong
    loose = [mark for mark in marks if not mark.strong and mark.end <= strong[0].start and not mark.pointing]
    return [replace(loose[-1], strong=True), *strong] if loose else strong


def _orderly(marks: list[Mark], kind: str, style: str) -> bool:
    """Weak styles must stand at boundaries or run on without a break."""
    if style in ("paren", "half", "panel"):
        return True
    if len(marks) == 1:
        return style in ("colon", "dot") and marks[0].strong
    strong = sum(m.strong for m in marks)
    if strong >= len(marks) - 1 or style in ("colon", "verb"):
        return True
    firsts = [rank(m.labels[0], kind) for m in marks]
    rising = all(a < b for a, b in pairwise(firsts))
    return rising and len(marks) >= 3 and kind in ("upper", "lower", "numbered")


def _single(caption: str, group: list[Mark], kind: str, style: str) -> list[Mark]:
    """One lone mark is believed only where a sentence starts with it."""
    labels = {label for mark in group if mark.strong for label in mark.labels}
    if style not in ("paren", "half", "colon", "dot") or kind not in ("upper", "lower") or len(labels) != 1:
        return []
    found = [m for m in group if m.strong and set(m.labels) == labels][:1]
    after = caption[found[0].end : found[0].end + _CONTEXT].lstrip()
    known = style in ("paren", "half") or found[0].labels[0] in "Aa" or style == "colon"
    return found if known and after[:1].isupper() else []


@dataclass(slots=True)
class _Kept:
    """Marks taken so far, and the labels and characters they take."""

    marks: list[Mark] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)

    def add(self, mark: Mark) -> None:
        self.marks.append(mark)
        self.labels.update(label.casefold() for label in mark.labels)
        self.taken.update(range(mark.start, mark.end))

    def free(self, mark: Mark) -> bool:
        return self.taken.isdisjoint(range(mark.start, mark.end))


def _completed(marks: list[Mark], by_style: dict[str, list[Mark]], style: str, kind: str) -> list[Mark]:
    """The sequence with what other styles add to it: "(A) …, (B) …. Panel C shows …"."""
    kept = _Kept()
    for mark in marks:
        kept.add(mark)
    last = max(rank(label, kind)[0] for mark in marks for label in mark.labels)
    for other in ("paren", "panel", "half", "bare", "colon"):
        way = kind if other != style else {"upper": "lower", "lower": "upper"}.get(kind, "")
        for mark in by_style[other]:
            new = [label for label in mark.labels if label.casefold() not in kept.labels]
            fits = new and all(way in kinds(x) and rank(x, way)[0] <= last + len(new) for x in new)
            clear = mark.strong or (other == "panel" and way == kind)
            if fits and clear and not mark.pointing and kept.free(mark):
                kept.add(mark)
                last = max(last, *(rank(label, way)[0] for label in new))
    _add_lists(kept, by_style, marks[0].start, kind)
    if kind in ("upper", "lower"):
        _add_nested(kept, by_style["half"], kind)
    return sorted(kept.marks, key=lambda mark: mark.start)


def _add_lists(kept: _Kept, by_style: dict[str, list[Mark]], start: int, kind: str) -> None:
    """Sentences on several panels in another style: "a, e Day 1", and before the parts "A and B were …"."""
    for other in ("bare", "colon", "comma", "verb", "dot"):
        for mark in by_style[other]:
            known = len(mark.labels) > 1 and kept.labels.issuperset(map(str.casefold, mark.labels))
            if known and mark.strong and mark.start > start and kept.free(mark):
                kept.add(mark)
    heads = [m for m in by_style["verb"] if m.start < start and kind in kinds(m.labels[0])]
    if len(heads) >= 2 and rank(heads[0].labels[0], kind)[0] == 0 and all(map(kept.free, heads)):
        for mark in heads:
            kept.add(mark)


def _add_nested(kept: _Kept, marks: Iterable[Mark], kind: str) -> None:
    """Marks inside a part: the "A-1" of "(A) First patient (day 2, A-1)"."""
    for mark in marks:
        label = mark.labels[0].casefold()
        if len(mark.labels) > 1 or len(label) < 2 or kind not in kinds(mark.labels[0]):
            continue
        if label[0] in kept.labels and label not in kept.labels and kept.free(mark):
            kept.add(replace(mark, leads=False, strong=False))


def _without_mentions(caption: str, marks: list[Mark]) -> tuple[Mark, ...]:
    """Marks less those that only point back to a part marked elsewhere; one that could stand on either side of
    its text stands where most do."""
    marked = {label for mark in marks if not mark.pointing for label in mark.labels}
    kept = [mark for mark in marks if not (mark.pointing and marked.issuperset(mark.labels))]
    titled = [m.loose and caption[m.end : m.end + 4].lstrip()[:1].isupper() for m in kept]
    if 2 * sum(m.strong and m.leads for m in kept) > len(kept) - sum(titled):
        kept = [
            replace(m, leads=True, strong=True) if loose else m for m, loose in zip(kept, titled, strict=True)
        ]
    for n, (mark, after) in enumerate(pairwise(kept)):
        if mark.loose and after.leads and not after.strong and not mark.strong:
            kept[n] = replace(mark, leads=True)
    return tuple(kept)
