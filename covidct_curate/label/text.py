"""A text as rules see it: plain ASCII, one byte a character, with the way back to the words of the paper."""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from covidct_curate.label.spacing import breaks
from covidct_curate.records import Span

LONGEST = 200_000
"""Characters of a text that are read; what follows is not."""

_ODD = re.compile(r"[^\x21-\x7e]+")
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_PLAIN = {
    **dict.fromkeys(_DASHES, "-"),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u2032\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2a7d": "<=",
    "\u2a7e": ">=",
    "\u00b1": "+-",
    "\u00d7": "x",
    "\u00b5": "u",
    "\u03bc": "u",
    "\u2022": ";",
    "\u3002": ".",
    "\u3001": ",",
    "\u00df": "ss",
    "\u00e6": "ae",
    "\u00f8": "o",
    "\u0153": "oe",
    "\u0142": "l",
    "\u0131": "i",
    "\u2044": "/",
    "\u2122": "",
    "\u00ae": "",
}
_UNKNOWN = "~"
"""Stands for a letter that ASCII has no likeness of."""
_STOP = re.compile(rb"(?:[.!?]{1,3}[)\]'\"]{0,2} |(?<=[a-z]{3})[.](?=[A-Z(][A-Za-z])|\n)")
_SHORT = re.compile(
    rb"(?:\b(?:vs|figs?|dr|mr|mrs|ms|prof|approx|nos?|al|ca|cf|resp|st|refs?|eqs?|e\.g|i\.e|min|hrs?|yrs?|mos?|"
    rb"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|pt|inc|ltd|suppl)|\b[a-z])\Z",
    re.I,
)
_OPENER = re.compile(rb"[(\['\"*]{0,3} ?[A-Z0-9~]")


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """What `read` makes of a text. Positions are those of ``plain`` unless said otherwise."""

    original: str
    plain: bytes
    """The text in ASCII: white space folded, dashes and quotes plain, ligatures and accents spelt out. Each
    paragraph ends with a line feed."""
    origin: array[int]
    """For each byte, and for the end, the character of ``original`` it stands for."""
    sentences: tuple[Span, ...]
    """In order, without gaps but for white space."""
    memory: dict[str, Any] = field(default_factory=dict, repr=False)
    """What rules found before, so that the same text is not searched twice."""

    def words(self, start: int, end: int) -> str:
        """The original's words there, white space and control characters folded."""
        if start >= end:
            return ""
        piece = self.original[self.origin[start] : self.origin[end - 1] + 1]
        return " ".join("".join(c if c.isprintable() else " " for c in piece).split())

    def sentence(self, at: int) -> Span:
        """The sentence that a position lies in."""
        number = max(0, bisect_right(self.sentences, at, key=lambda span: span[0]) - 1)
        return self.sentences[number] if self.sentences else (0, 0)

    def place(self, at: int) -> int:
        """The position in ``plain`` of a character of ``original``, or of the next one that is shown."""
        return bisect_left(self.origin, at, 0, len(self.origin) - 1)


def read(text: str) -> Text:
    """Fold a text. Takes time linear in its length; never raises.

    Control, formatting and unprintable characters are left out. Words that were set without spaces are
    parted where known words meet ("CTscansofthe" → "CT scans of the").
    """
    text = text[:LONGEST]
    plain: list[str] = []
    origin = array("l")

    def put(piece: str, at: int, spread: bool) -> None:
        plain.append(piece)
        origin.extend(range(at, at + len(piece)) if spread else [at] * len(piece))

    at = 0
    last = "\n"
    for odd in _ODD.finditer(text):
        if odd.start() > at:
            _put_word(text[at : odd.start()], at, put)
            last = text[odd.start() - 1]
        at = odd.end()
        run = odd[0]
        if run.isspace():
            mark = "\n" if run.count("\n") > 1 else " "
            if last != "\n" and (mark != last or mark == "\n"):
                put(mark, odd.start(), False)
                last = mark
            continue
        for offset, character in enumerate(run):
            piece = _ascii(character)
            if piece == " " and last in " \n":
                continue
            if piece:
                put(piece, odd.start() + offset, False)
                last = piece[-1]
    if at < len(text):
        _put_word(text[at:], at, put)
    origin.append(len(text))
    joined = "".join(plain).encode("ascii")
    return Text(text, joined, origin, tuple(_sentences(joined)))


def _put_word(word: str, at: int, put: Any) -> None:
    start = 0
    for position in breaks(word):
        put(word[start:position], at + start, True)
        put(" ", at + position - 1, False)
        start = position
    put(word[start:], at + start, True)


@cache
def _ascii(character: str) -> str:
    known = _PLAIN.get(character)
    if known is not None:
        return known
    category = unicodedata.category(character)
    if category[0] == "Z" or character in "\t\n\r\v\f":
        return " "
    if category == "Cc":
        return " "
    if category in ("Cf", "Cs", "Mn", "Me"):
        return ""
    if category == "No" and unicodedata.decomposition(character).startswith("<super>"):
        return ""
    spelt = "".join(c for c in unicodedata.normalize("NFKD", character) if " " <= c <= "\x7e")
    return spelt or _UNKNOWN


def _sentences(plain: bytes) -> list[Span]:
    found: list[Span] = []
    start = 0
    for stop in _STOP.finditer(plain):
        new_line = plain[stop.start() : stop.end()] == b"\n"
        if not new_line and (
            not _OPENER.match(plain, stop.end())
            or _SHORT.search(plain, max(0, stop.start() - 8), stop.start())
        ):
            continue
        if stop.end() > start:
            found.append((start, stop.end()))
        start = stop.end()
    if start < len(plain):
        found.append((start, len(plain)))
    return found
