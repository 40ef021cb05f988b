"""How a caption's sentences are built: where they end, where a clause begins, what a row of phrases shares, and
which sentences speak of the whole figure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from covidct_curate.panels.enumeration import expand

Span = tuple[int, int]
"""Characters of the caption, half-open."""

_STOP = re.compile(r"(?<=[a-z]{3})\.(?=[A-Z][a-z])|[.!?][)\]’”\"']?\s+(?=[(\[“\"'‘*†‡#]*[A-Z0-9(\[*†‡#∗])")
_SHORT = re.compile(
    r"(?:\b(?:vs|fig|figs|dr|mr|mrs|approx|no|nos|al|ca|resp|sp|spp|exp|ref|refs|eq|e\.g|i\.e|cf|st|ed|min|hr|hrs|"
    r"sec|wt|var|subsp|s\.e|s\.d)|(?<![\w’'°])(?-i:[A-Z]))\.\Z",
    re.I,
)


def sentence_ends(caption: str) -> set[int]:
    """Where sentences begin after the first."""
    return {
        stop.end()
        for stop in _STOP.finditer(caption)
        if not _SHORT.search(caption[max(0, stop.start() - 8) : stop.start() + 1])
    }


_CLOSED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


def in_bracket(caption: str, at: int) -> bool:
    """Is a round bracket open there?"""
    return "(" in without_brackets(caption[max(0, at - 200) : at])


def without_brackets(text: str) -> str:
    """The text with closed brackets blanked, as long as before."""
    return _CLOSED.sub(lambda found: "_" * len(found[0]), text)


def closing(caption: str, start: int, end: int) -> int:
    """Where a bracket that was open at ``start`` closes, else ``end``."""
    text = without_brackets(caption[start:end])
    close = text.find(")")
    return start + close if close >= 0 and in_bracket(caption, start) else end


def goes_on(caption: str, at: int) -> bool:
    """Does the sentence go on after a mark, rather than name the next of a row?"""
    return (
        re.match(r"\s*(?:[,;.:)\]]|and\b|or\b|&|as well as\b|versus\b|vs\b|\Z)", caption[at : at + 40])
        is None
    )


_CONJUNCTION = re.compile(r"\s(?=(?:and|or|while|whereas|but)\s)")


def clause(caption: str, start: int, end: int) -> int:
    """Where the last clause of a stretch begins."""
    text = without_brackets(caption[start:end]).rstrip(" ,;(")
    comma = max(text.rfind(", "), text.rfind("; "), text.rfind(": "))
    if comma >= 0:
        return start + comma + 1
    words = [found.end() for found in _CONJUNCTION.finditer(text)]
    return start + words[-1] if words else start


_PREPOSITION = re.compile(
    r"(?<![\w-])(?:of|for|with|in|from|between|by|at|on|to|before|after|during|without|under|within|among|against|through|"
    r"showing|shows|showed|reveals|revealed|demonstrates|demonstrated|demonstrating|depicting)\b",
    re.I,
)
_PICTURE = re.compile(
    r"\b(?:CT|MRI?|PET|HRCT|ultraso\w+|(?:X-?|x-?)ray|\w*graph[ys]?|\w*grams?|images?|scans?|views?|sections?|slices?|"
    r"reformat\w*|reconstructions?|stain\w*|specimens?|windows?|plots?|curves?|maps?|phases?)\b"
)
_VERB = re.compile(r"\b(?:is|are|was|were|shows?|showed|reveal(?:s|ed)|demonstrate[sd]?)\b", re.I)


def stem_length(first: str, second: str) -> int:
    """Length of what the first phrase of a row says for all: "Electrocardiogram | before exercise (a) and during
    exercise (b)", "CT of | the chest (a) and the pelvis (b)"."""
    second = re.sub(r"^[\s,;)\]]*(?:(?:and|or|as well as)\s)?\s*", "", second)
    opening = re.match(r"\w+", second)
    prepositions = list(_PREPOSITION.finditer(first))
    words, others = list(re.finditer(r"\S+", first)), second.split()
    if others and len(words) > len(others) and words[-1][0] == others[-1] and len(others) <= 3:
        return words[-len(others)].start()
    if not opening or not prepositions:
        return 0
    again = [m.start() for m in re.finditer(rf"(?<![\w-]){re.escape(opening[0])}\b", first)]
    if again:
        return again[-1]
    if _PREPOSITION.match(second):
        return prepositions[-1].start()
    verbs = list(_VERB.finditer(first))
    if _PICTURE.search(second):
        return 0
    if not _PREPOSITION.search(second) or (verbs and not _VERB.search(second)):
        if verbs and re.search(rf"\b{prepositions[-1][0]}\b", second, re.I):
            return verbs[-1].end()
        length = max(each[-1].end() for each in (prepositions, verbs) if each)
        choice = re.search(r"\beither\b", first[length:])
        return length + choice.end() if choice else length
    return 0


_POINTED = re.compile(
    r"\A(?:[\w-]+\s){0,3}?(?:(?:in|for|of)\s(?:both\s|panels?\s)?|panels?\s)"
    r"(?P<list>[(\[]?[A-Za-z][)\]]?(?:(?:,\s?(?:and\s)?|\sand\s|\s?[-–]\s?|\sto\s)[(\[]?[A-Za-z][)\]]?){0,9})(?=[\s,:;])",
    re.I,
)


def pointed_labels(sentence: str, every: set[str]) -> tuple[str, ...] | None:
    """Labels of a sentence that begins by saying whose it is, "Data in (b) and (c) are means"; None for any other.
    ``every``: the labels of the caption."""
    found = _POINTED.match(sentence)
    if not found or re.search(r"\bas (?:in|for)\b", found[0]):
        return None
    labels = expand(re.sub(r"[()\[\]]", "", found["list"]))
    if not labels or (labels[0].islower() and found["list"][0] not in "([" and "anel" not in found[0]):
        return None
    known = {label.casefold(): label for label in every}
    if any(label.casefold() not in known for label in labels):
        return None
    return tuple(known[label.casefold()] for label in labels)


_GENERAL = re.compile(
    r"\W{0,2}(?:abbreviations?\b|legend\b|scale\s?bars?\b|bars?\b|error bars?\b|arrows\b|arrowheads\b|asterisks?\b|"
    r"(?:\w+[ -]){1,3}?(?:arrows|arrowheads|asterisks|circles|boxes)\b|dashed\b|dotted\b|symbols\b|"
    r"(?:data|values|results|numbers)\s(?:are|were|is|represent|show|in|shown|presented|expressed)\b|"
    r"all\s(?:the\s)?(?:\w+\s)?(?:images|scans|data|values|panels|graphs|experiments|figures|pictures|sections|samples)\b|"
    r"(?:graphs?|images|plots|lines|points|dots|boxes|whiskers|photos)\s(?:show|are|were|represent|indicate|denote)\b|"
    r"(?:original )?magnification\b|statistical|significan|each\s(?:point|dot|symbol|data|bar|line)\b|n\s?=|"
    r"p[\s-]?(?:value|[<≤=>])|for interpretation|online version|for (?:the )?(?:colou?r|reference)|the (?:edges?|whiskers|boxes|error|scale|dashed|dotted|solid|shaded|horizontal|vertical)\b|reproduced|adapted|"
    r"reprinted|source:|created (?:with|in|using|by)|figures?\s(?:was|were|is|are|prepared|made|created)\b|"
    r"note[,:s]|in (?:conclusion|summary)|together,|(?:these|both|the)\s(?:\w+\s)?(?:images|scans|panels|cases|findings)\b|"
    r"window (?:width|level)|colou?r (?:bar|scale|code|key)|uncertainty\b|overall,|taken together)",
    re.I,
)
_SIGNIFICANCE = re.compile(
    r"[(\[]?(?:[*∗†‡#§]{1,4}|ns)[)\]]?[\s,:=]*(?:p\b|𝑃|𝑝|not sig|indicates|denotes|represents|signif)", re.I
)
_ACRONYM = re.compile(
    r"\W?(?P<word>[A-Z][\w/-]*[A-Z0-9][\w/-]*s?|[A-Z])\s?(?P<sign>[,:=;–-])?\s(?P<next>[\w-]+)"
)


def is_general(sentence: str) -> bool:
    """Does a sentence speak of the figure as a whole, or explain its signs?"""
    if _GENERAL.match(sentence) or _SIGNIFICANCE.match(sentence):
        return True
    found = _ACRONYM.match(sentence)
    if not found or len(found["word"]) < 2:
        return False
    return found["sign"] is not None or found["next"][0].casefold() == found["word"][0].casefold()


def opening(sentence: str) -> str:
    """The first two words, to tell sentences of a kind."""
    return " ".join(re.findall(r"[a-z]{3,}", sentence[:40].casefold())[:2])


_EDGE = re.compile(r"(?:[\s,;:)\]–—]|-(?=\s)|\.(?!\d))*(?:(?:and|or|&)\s+)?")


def trimmed(caption: str, start: int, end: int) -> Span | None:
    """A span less separators, white space and dangling "and" at its ends; None where nothing is left."""
    if edge := _EDGE.match(caption, start, end):
        start = edge.end()
    while start < end:
        if caption[end - 1] in ",;:([" or caption[end - 1].isspace():
            end -= 1
        elif (found := re.search(r"(?:^|\s)(?:and|or|&)\Z", caption[max(start, end - 5) : end])) is not None:
            end -= len(found[0])
        else:
            break
    return (start, end) if any(map(str.isalnum, caption[start:end])) else None


def merged_spans(caption: str, spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, those one that overlap or have only white space between them."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and (start <= merged[-1][1] or not caption[merged[-1][1] : start].strip()):
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
