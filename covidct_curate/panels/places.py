"""Row and column words of captions: "(left)", "Upper panel:", "the bottom row shows", "left to right".

A place is written in a few words: "top", "bottom", "left", "right", "middle", "middle row", "top left", "row 2".
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from covidct_curate.panels.marks import LONGEST, Mark, in_front
from covidct_curate.panels.phrases import in_bracket

_WORD = (
    r"(?:upper(?:most)?|lower(?:most)?|top|bottom|left(?:-hand|most)?|right(?:-hand|most)?|middle|cent(?:er|re|ral)|"
    r"above|below|first|second|third|fourth|1st|2nd|3rd|4th)"
)
_NOUN = r"(?:panels?|rows?|columns?|images?|pictures?|photos?|photographs?|graphs?|plots?|sides?|half|halves|parts?|scans?)"
_ONE = rf"{_WORD}(?:[ -]{_WORD})?(?: {_NOUN}){{0,2}}"
_LIST = rf"{_ONE}(?:(?:,| and|, and| or| &) (?:the )?{_ONE}){{0,3}}"
_INSIDE = re.compile(
    rf"(?:[(\[]|(?<=[;,] ))(?:the )?(?P<list>{_LIST})(?P<extra>[,;:] [^()\[\]]{{1,80}})?[)\]]", re.I
)
_AHEAD = re.compile(
    rf"(?:(?<=[.;:,!?] )|(?<=\band )|(?<=\bwhile )|(?<=\bwhereas )|\A)(?:(?:(?:{_NOUN} )?(?:in|on|at|of) )?the |(?:in|on|at) )?(?P<list>{_LIST})"
    rf"(?P<stop>\s?[:,](?=\s)|\s?[-–—](?=\s)|(?<=[a-z]) (?=(?:show|demonstrate|depict|reveal|display|illustrate|represent|"
    rf"present|indicate|correspond|is\b|are\b|was\b|were\b)))",
    re.I,
)
_ORDERED = re.compile(
    r"(?:from )?\b(?P<way>left[ -]to[ -]right|top[ -]to[ -]bottom)\b[,:]?\s(?P<items>[^.;()\[\]]{3,400})",
    re.I,
)
_ITEM = re.compile(r",\s(?:and\s)?|\sand\s")
_NORMAL = {
    "upper": "top",
    "uppermost": "top",
    "above": "top",
    "lower": "bottom",
    "lowermost": "bottom",
    "below": "bottom",
    "left-hand": "left",
    "leftmost": "left",
    "right-hand": "right",
    "rightmost": "right",
    "center": "middle",
    "centre": "middle",
    "central": "middle",
    "1st": "first",
    "2nd": "second",
    "3rd": "third",
    "4th": "fourth",
}
_ORDINAL = ("first", "second", "third", "fourth")
_PAIRS = (("left", "right"), ("top", "bottom"), ("row 1", "row 2"), ("column 1", "column 2"))
_NOUN_NEEDED = re.compile(rf"{_NOUN}\Z", re.I)


def find_places(caption: str) -> tuple[Mark, ...]:
    """Marks whose labels are places, in order of the text; empty where fewer than two opposite ones are named."""
    caption = caption[:LONGEST]
    found = sorted([*_inside(caption), *_ahead(caption), *_ordered(caption)], key=lambda mark: mark.start)
    clear = [mark for n, mark in enumerate(found) if n == 0 or mark.start >= found[n - 1].end]
    words = {word for mark in clear for label in mark.labels for word in (label, *label.split())}
    if not any(one in words and other in words for one, other in _PAIRS):
        return ()
    return tuple(clear)


def _inside(caption: str) -> Iterable[Mark]:
    for found in _INSIDE.finditer(caption):
        places = _normal(found["list"])
        if places:
            extra = found.span("extra") if found["extra"] else (0, 0)
            opened = found[0][0] in "(["
            if not opened and not in_bracket(caption, found.start()):
                continue
            strong = opened and caption[max(0, found.start() - 2) : found.start()].rstrip()[-1:] in (
                "",
                ".",
                ";",
                ":",
            )
            leads = strong or (opened and in_front(caption, *found.span()))
            yield Mark(found.start(), found.end(), places, "place", leads, strong, extra=extra)


def _ahead(caption: str) -> Iterable[Mark]:
    for found in _AHEAD.finditer(caption):
        places = _normal(found["list"])
        stop = found["stop"].strip()
        strong = caption[max(0, found.start() - 2) : found.start()].rstrip()[-1:] in (
            "",
            ".",
            ";",
            ":",
            "!",
            "?",
        )
        named = _NOUN_NEEDED.search(found["list"])
        if places and (named or (stop and (strong or stop == ":"))):
            yield Mark(found.start(), found.end(), places, "place", True, strong)


def _ordered(caption: str) -> Iterable[Mark]:
    for found in _ORDERED.finditer(caption):
        axis = "column" if found["way"][0] in "lL" else "row"
        start, cuts = found.start("items"), [(0, 0)]
        cuts += [m.span() for m in _ITEM.finditer(found["items"])]
        if not 2 <= len(cuts) <= 8:
            continue
        for n, (low, high) in enumerate(cuts, 1):
            first = found.start() if n == 1 else start + low
            yield Mark(first, start + high, (f"{axis} {n}",), "place", True, False)


def _normal(text: str) -> tuple[str, ...]:
    """The places a phrase names; empty where an ordinal has no row or column with it."""
    places = []
    axis = (
        "row"
        if re.search(r"\brows?\b", text, re.I)
        else "column"
        if re.search(r"\bcolumns?\b", text, re.I)
        else ""
    )
    for one in re.split(r",? and |, | or | & ", text.casefold()):
        words = [_NORMAL.get(word, word) for word in re.findall(r"[a-z]+(?:-hand)?|\d\w\w", one)]
        words = [word for word in words if re.fullmatch(_WORD, word)]
        if not words:
            continue
        if words[0] in _ORDINAL:
            if not axis:
                return ()
            places.append(f"{axis} {_ORDINAL.index(words[0]) + 1}")
        else:
            words += [axis] if words == ["middle"] and axis else []
            places.append(" ".join(dict.fromkeys(words)))
    return tuple(dict.fromkeys(places))


def lies_at(box: tuple[float, float, float, float], name: str, named: Iterable[str]) -> bool:
    """Does a panel (box in fractions of the figure) lie at that place? ``named``: all places of the caption,
    which say whether a side is a half or a third."""
    words = {word for each in named for word in each.split()}
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    axis, _, number = name.partition(" ")
    if axis in ("row", "column") and number:
        count = max(int(each.split()[1]) for each in named if each.startswith(f"{axis} "))
        low, high, along = (box[1], box[3], y) if axis == "row" else (box[0], box[2], x)
        return int(along * count) + 1 == int(number) and high - low <= 1.5 / count
    across = "left" in words or "right" in words
    for word in name.split():
        if word in ("row", "column"):
            continue
        if word == "middle":
            along = x if name == "middle column" or (across and name == "middle") else y
            if not 1 / 3 <= along <= 2 / 3:
                return False
            continue
        low, high, along = (box[0], box[2], x) if word in ("left", "right") else (box[1], box[3], y)
        share = 1 / 3 if "middle" in words else 1 / 2
        if high - low > 0.75 or not (along < share if word in ("left", "top") else along > 1 - share):
            return False
    return True
