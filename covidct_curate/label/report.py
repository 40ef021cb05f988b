"""The sentences that describe a picture, in the paper's words."""

from __future__ import annotations

import re
from bisect import bisect_right

from covidct_curate.label.passage import Passage, Passages, Reading, evidence_of
from covidct_curate.label.rules import Hit, Rules
from covidct_curate.label.text import Text
from covidct_curate.records import Source, Span

LONGEST = 1000
"""Characters of a report."""
_FROM: tuple[Source, ...] = ("subcaption", "caption", "mention")
_SHORT_FORM = re.compile(rb"\b([A-Z][A-Za-z0-9]{1,7})\)?\s?[,:=]\s?((?:[a-zA-Z][\w']{0,30}[ -]?){1,8})")
_MARK = re.compile(
    r"(?:fig(?:ure|\.)? ?S?\d{1,2}[A-Za-z]?(?:[.:]|(?-i:(?= [A-Z]))) ?)?(?:\(?[A-Za-z]\d?[).:] )?", re.I
)
"""A label of the figure and a letter of the panel, before the first word."""
_LEGEND = re.compile(
    rb"\b(?:arrow|arrowhead|circle|box|boxe|line|asterisk|star|triangle|bar|colou?r|marker)s?\b"
    rb"[^.;]{0,60}?\b(?:indicat|represent|denot|mark|label|mean|point|show)(?:s|es|e|ed|ing)?\b",
    re.I,
)
_SHOWN = re.compile(
    rb"\([^()]{0,60}(?:\([a-h]\)[^()]{0,20}){0,6}\) (?:\w+ )?(?:show|reveal|demonstrat|confirm|exhibit|display|depict|was|were|is|are|had|with)",
    re.I,
)
"""A figure cited in brackets of which the sentence goes on to tell: "A biopsy (Figure 1) revealed"."""
_UNTOLD = frozenset(
    b"to at by the a an of or and in from possible suspicious suspected predicted detected abnormal pulmonary lung "
    b"lungs lesion lesions area areas region regions abnormality abnormalities model radiologists".split()
)
"""Words that tell nothing of a picture."""
_EDGES = " ,;:-"


def read_report(passages: Passages, rules: Rules) -> Reading | None:
    """The whole sentences that say what the picture shows, joined, at most 1,000 characters.

    Those of the panel's own part of the caption, else of the caption, else of the sentences that cite the
    figure. What explains signs of the drawing ("White arrows mark lesions") or abbreviations only is left out.
    """
    for source in _FROM:
        found: list[tuple[str, Hit]] = []
        for passage in passages:
            if passage.source == source:
                found.extend(_described(passage, rules))
        value: list[str] = []
        length = 0
        for said, _ in found:
            if said in value:
                continue
            if length + len(said) > LONGEST:
                break
            value.append(said)
            length += len(said) + 1
        if found:
            text = " ".join(value) or found[0][0][:LONGEST].rsplit(" ", 1)[0]
            return Reading(text, evidence_of(found[0][1], source))
    return None


def without_names(rules: Rules, text: Text, start: int, end: int) -> str:
    """The paper's words of a stretch, names and initials of patients left out."""
    pieces, at = [], start
    for hit in rules.find("initials", text, start, end):
        pieces.append(text.words(at, hit.start))
        at = hit.end
    pieces.append(text.words(at, end))
    said = " ".join(piece for piece in pieces if piece)
    return re.sub(r"\(\s?\)\s?", "", said) if len(pieces) > 1 else said


def _described(passage: Passage, rules: Rules) -> list[tuple[str, Hit]]:
    """Sentences with a sign in them, and the first sign of each."""
    text = passage.text
    firsts: dict[Span, Hit] = {}
    legends: dict[Span, bool] = {}
    cited: dict[Span, int] = {}
    explained = [
        found.span()
        for found in _SHORT_FORM.finditer(text.plain, passage.start, passage.end)
        if _stands_for(found[1], found[2])
    ]
    for hit in rules.find("sign", text, passage.start, passage.end):
        number = bisect_right(explained, hit.start, key=lambda span: span[0]) - 1
        if number >= 0 and hit.start < explained[number][1]:
            continue
        start, end = text.sentence(hit.start)
        span = (max(start, passage.start), min(end, passage.end))
        if span not in legends:
            legends[span] = _is_legend(text.plain[span[0] : span[1]])
            cited[span] = _cited(text, span) if passage.source == "mention" else -1
        behind = 0 <= cited[span] < hit.start and not _SHOWN.match(text.plain, cited[span], hit.start)
        if not legends[span] and not behind:
            firsts.setdefault(span, hit)
    return [
        (said, hit)
        for span, hit in firsts.items()
        if (said := _MARK.sub("", without_names(rules, text, *span), count=1).strip(_EDGES))
    ]


def _cited(text: Text, span: Span) -> int:
    """Where a sentence cites a figure in brackets last, -1 where it does not: the picture shows what stands before."""
    return max(text.plain.rfind(words, *span) for words in (b"(Fig", b"(fig", b"(see Fig"))


def _is_legend(sentence: bytes) -> bool:
    """Whether a sentence tells what a mark of the drawing means, and nothing of the picture."""
    legend = _LEGEND.search(sentence)
    if legend is None:
        return False
    told = re.findall(rb"[a-z]+", sentence[legend.end() : legend.end() + 120].lower())
    return all(word in _UNTOLD for word in told)


def _stands_for(letters: bytes, words: bytes) -> bool:
    """Whether the capitals of an abbreviation begin the words that follow it."""
    initials = b"".join(word[:1] for word in re.split(rb"[ -]+", words)).lower()
    capitals = bytes(c for c in letters if 65 <= c <= 90).lower()
    return len(capitals) > 1 and initials.startswith(capitals)
