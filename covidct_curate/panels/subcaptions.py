"""The caption of a compound figure divided over its panels, as ranges of its characters.

The marks say where the parts are (`marks`, `places`); here the text between them is given to parts. Text that
follows "(A)" belongs to A; before a mark that ends its phrase ("axial (a) and coronal (b) CT of the chest") it
belongs to that mark, what comes after a row of such marks to all of the row. Sentences before the first mark
are shared, and so are last sentences that speak of the whole figure: abbreviations, scale bars, arrows,
statistics.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from covidct_curate.panels.enumeration import ROMAN
from covidct_curate.panels.marks import Mark, find_marks
from covidct_curate.panels.phrases import Span as Span
from covidct_curate.panels.phrases import (
    clause,
    closing,
    goes_on,
    in_bracket,
    is_general,
    merged_spans,
    opening,
    pointed_labels,
    sentence_ends,
    stem_length,
    trimmed,
)
from covidct_curate.panels.places import find_places, lies_at

_Owner = tuple[str, ...] | None
_Piece = tuple[_Owner, int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """Text of one or several panels, without the mark that names them."""

    labels: tuple[str, ...]
    """As the caption writes them, ranges written out: ("A", "B", "C"). Empty where ``place`` names the panels."""
    place: tuple[str, ...]
    """Rows and columns: "top", "bottom", "left", "right", "middle", "top left", "row 2", "column 1"."""
    spans: tuple[Span, ...]
    """In order, without overlap; empty where a mark has no text of its own."""


@dataclass(frozen=True, slots=True)
class Division:
    """A caption's parts in order of their first mention, and what all panels share. A label may have several
    parts: its own and those of a range it belongs to. No parts: the caption is one piece, all shared."""

    parts: tuple[Part, ...]
    shared: tuple[Span, ...]


def divide(caption: str) -> Division:
    """Parts of a caption. Never raises; time grows with the length of the caption."""
    marks = find_marks(caption)
    if len({label for mark in marks for label in mark.labels}) < 2:
        marks = find_places(caption) or marks
    if not marks:
        whole = trimmed(caption, 0, len(caption))
        return Division((), (whole,) if whole else ())
    placed = marks[0].style == "place"
    every = {label for mark in marks for label in mark.labels}
    owned: dict[tuple[str, ...], list[Span]] = {mark.labels: [] for mark in marks}
    several = len(owned) > 1
    shared: list[Span] = []
    for owner, start, end in _pieces(caption, marks, every):
        span = trimmed(caption, start, end)
        if span is None:
            continue
        if owner is None or (several and every.issubset(owner)):
            shared.append(span)
        else:
            owned.setdefault(owner, []).append(span)
    parts = [
        Part(() if placed else labels, labels if placed else (), merged_spans(caption, spans))
        for labels, spans in owned.items()
        if spans or not every.issubset(labels) or not several
    ]
    return Division(tuple(parts), merged_spans(caption, shared))


def announced(division: Division) -> tuple[str, ...]:
    """Labels the caption says the picture holds, in alphabetical or numerical order, each once."""
    labels = {label for part in division.parts for label in part.labels}
    if labels & {"i", "I"} and all(label.casefold() in ROMAN for label in labels):
        return tuple(sorted(labels, key=lambda label: ROMAN.index(label.casefold())))
    return tuple(sorted(labels, key=_natural))


def innermost(division: Division) -> tuple[str, ...]:
    """Those of `announced` that stand for one panel: of A, A1, A2 and B all but A."""
    labels = announced(division)
    return tuple(x for x in labels if not any(_inner(y, x) for y in labels))


def announced_count(division: Division) -> int:
    """Least number of panels the caption speaks of; 0 where it says nothing.

    "A, A1, A2, B" are three (A is the pair A1 and A2), "left … right" two, two rows and three columns six.
    """
    if announced(division):
        return len(innermost(division))
    places = {place for part in division.parts for place in part.place}
    sides = {"left", "right", "middle column"}
    across = len([place for place in places if place in sides or re.match(r"column \d", place)])
    sides = {"top", "bottom", "middle row"}
    upright = len([place for place in places if place in sides or re.match(r"row \d", place)])
    if "middle" in places:
        across, upright = (across + 1, upright) if across else (across, upright + 1)
    corners = len(
        [place for place in places if re.match(r"(?:top|bottom|middle) (?:left|right|middle)", place)]
    )
    return corners or (max(across, 1) * max(upright, 1) if places else 0)


def text_of(caption: str, spans: Iterable[Span]) -> str:
    """The characters of the spans, joined by spaces."""
    return " ".join(caption[start:end] for start, end in spans)


def spans_for(
    caption: str,
    division: Division,
    *,
    label: str | None,
    place: tuple[float, float, float, float] | None,
) -> tuple[Span, ...]:
    """All that belongs to one panel: its own and the shared text, in order.

    ``label`` is the panel's, in either case; "A1" finds A1 and A, "A" finds A and, with it, A1 and A2, and "B"
    finds "3B" in a caption that knows no B. ``place`` is the panel's box in fractions of the figure (x0, y0,
    x1, y1), used where the caption names rows, columns or sides. A panel that the caption does not name, or
    that has no label, gets the whole caption: any part may be its own, and to hide them all would hide the
    finding.
    """
    own = [part for part in division.parts if part.labels and label and _names(division, part, label)]
    if not own and place is not None:
        named = [each for part in division.parts for each in part.place]
        own = [part for part in division.parts if any(lies_at(place, each, named) for each in part.place)]
    if not own:
        whole = trimmed(caption, 0, len(caption))
        return (whole,) if whole else ()
    return merged_spans(caption, [*division.shared, *(span for part in own for span in part.spans)])


def _names(division: Division, part: Part, label: str) -> bool:
    wanted = _plain(label)
    known = {_plain(each) for other in division.parts for each in other.labels}
    labels = {_plain(each) for each in part.labels}
    if wanted in known or any(_inner(wanted, each) or _inner(each, wanted) for each in known):
        return any(wanted == each or _inner(wanted, each) or _inner(each, wanted) for each in labels)
    return any(each[0].isdigit() and each.lstrip("0123456789") == wanted for each in labels)


def _plain(label: str) -> str:
    return re.sub(r"[\W_]", "", label).casefold()


def _inner(label: str, outer: str) -> bool:
    """Is A1 or Ai of A?"""
    label, outer = _plain(label), _plain(outer)
    if len(outer) != 1 or not outer.isalpha() or not label.startswith(outer) or len(label) == 1:
        return False
    return label[1:].isdigit() or (label[1:] in ROMAN and label not in ROMAN)


def _natural(label: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(n or 0), word.casefold()) for n, word in re.findall(r"(\d+)|([^\W\d_]+)", label))


def _sentences(caption: str, marks: Sequence[Mark]) -> list[Span]:
    """Sentences; one also begins at every mark that opens a clause."""
    cuts = {0, *(m.start for m in marks if m.strong and m.leads and not in_bracket(caption, m.start))}
    inside = {place for mark in marks for place in range(mark.start + 1, mark.end)}
    edges = [*sorted((cuts | sentence_ends(caption)) - inside), len(caption)]
    return [(a, b) for a, b in pairwise(edges) if caption[a:b].strip()]


# What belongs to whom


def _pieces(caption: str, marks: Sequence[Mark], every: set[str]) -> list[_Piece]:
    """The text between marks, each piece with its labels or None for all."""
    pieces: list[_Piece] = []
    waiting: list[Span] = []
    holder: _Owner = None
    recent: _Owner = None
    sentences = _sentences(caption, marks)
    general = _general_tail(caption, sentences, marks)
    at = 0
    for start, end in sentences:
        here = []
        while at < len(marks) and marks[at].start < end:
            here.append(marks[at])
            at += 1
        if here:
            if waiting:
                to = recent if here[0].leads else here[0].labels
                pieces += [(to, *span) for span in waiting]
                waiting = []
            holder = _cut(caption, (start, end), here, holder, pieces, recent is not None)
            recent = tuple(dict.fromkeys(label for mark in here for label in mark.labels))
        elif recent is None or start >= general:
            pieces.append((pointed_labels(caption[start : start + 60], every), start, end))
        elif pointed := pointed_labels(caption[start : start + 60], every):
            pieces.append((pointed, start, end))
        elif holder:
            pieces.append((holder, start, end))
        else:
            waiting.append((start, end))
    pieces += [(None, *span) for span in waiting]
    return pieces


def _cut(
    caption: str, sentence: Span, marks: Sequence[Mark], holder: _Owner, pieces: list[_Piece], begun: bool
) -> _Owner:
    """Give the text of a sentence with marks to its owners; return who owns the sentences that follow."""
    start, end = sentence
    together = tuple(dict.fromkeys(label for mark in marks for label in mark.labels))
    row: list[tuple[tuple[str, ...], Span]] = []
    at = start
    for n, mark in enumerate(marks):
        if mark.leads:
            if row:
                _close(caption, row, (at, mark.start), pieces)
                row = []
            else:
                stem = n == 0 and begun and caption[at : mark.start].rstrip()[-1:].isalnum()
                close = closing(caption, at, mark.start)
                pieces.append((together if stem and not holder else holder, at, close))
                if close < mark.start:
                    pieces.append((_bracketed(caption, marks[n:]), close, mark.start))
            holder = mark.labels
        elif not row:
            cut = at if n == 0 else clause(caption, at, mark.start)
            if n:
                both = tuple(dict.fromkeys((*(holder or ()), *mark.labels)))
                pieces.append((holder if cut > at else both, at, cut if cut > at else mark.start))
                cut = cut if cut > at else mark.start
            row = [(mark.labels, (cut, mark.start))]
        elif goes_on(caption, at):
            cut = clause(caption, at, mark.start)
            _close(caption, row, (at, cut), pieces)
            row = [(mark.labels, (cut, mark.start))]
        else:
            row.append((mark.labels, (at, mark.start)))
        if mark.extra != (0, 0):
            pieces.append((mark.labels, *mark.extra))
        at = mark.end
    if not row:
        close = closing(caption, at, end)
        own = _own_words(caption, marks, close)
        pieces += [(holder, at, own), (together, own, end)]
        wide = [mark.labels for mark in marks if mark.leads and set(mark.labels).issuperset(together)]
        return wide[0] if wide else holder
    _close(caption, row, (at, end), pieces)
    members = tuple(dict.fromkeys(label for labels, _ in row for label in labels))
    return members if len(caption[at:end].split()) >= 3 and goes_on(caption, at) else None


def _close(
    caption: str, row: Sequence[tuple[tuple[str, ...], Span]], after: Span, pieces: list[_Piece]
) -> None:
    """Give out a row of phrases with their marks behind them, and the text after it, which is of all."""
    if len(row) > 2 and set(row[0][0]).issuperset(label for labels, _ in row[1:] for label in labels):
        pieces.append((row[0][0], *row[0][1]))
        row = row[1:]
    members = tuple(dict.fromkeys(label for labels, _ in row for label in labels))
    (first, (start, end)), rest = row[0], row[1:]
    stem = stem_length(caption[start:end], caption[slice(*rest[0][1])]) if rest else 0
    pieces.append((members, start, start + stem))
    pieces.append((first, start + stem, end))
    pieces += [(labels, *span) for labels, span in rest]
    pieces.append((members, *after))


_JOINT = re.compile(r"(?:\s*,)?(?:\s(?:and|or))?\s*\Z")


def _own_words(caption: str, marks: Sequence[Mark], end: int) -> int:
    """Where the last of a row of equally short phrases ends: "(A) 4, (B) 7 and (C) 12 | days after onset"."""
    at = marks[-1].end
    if len(marks) < 2 or marks[-1].strong or not all(mark.leads for mark in marks[-2:]):
        return end
    every = {label for mark in marks for label in mark.labels}
    row = [mark for mark in marks if not every.issubset(mark.labels)]
    phrases = (_JOINT.sub("", caption[a.end : b.start]) for a, b in pairwise(row))
    counts = {len(phrase.split()) for phrase in phrases}
    words = list(re.finditer(r"\S+", caption[at:end]))
    if len(counts) != 1 or not 1 <= min(counts) <= 2 or len(words) <= min(counts):
        return end
    last = words[min(counts) - 1]
    return end if last[0][-1] in ".,;:" else at + last.end()


def _bracketed(caption: str, marks: Sequence[Mark]) -> tuple[str, ...]:
    """Labels of the first mark and those in the same bracket."""
    labels = list(marks[0].labels)
    for mark, after in pairwise(marks):
        if closing(caption, mark.end, after.start) < after.start:
            break
        labels += after.labels
    return tuple(dict.fromkeys(labels))


def _general_tail(caption: str, sentences: Sequence[Span], marks: Sequence[Mark]) -> int:
    """Where the last sentences that belong to all begin. A kind of sentence ("Scale bars, …") that an earlier
    part has too is that part's matter."""
    first, last = marks[0].start, marks[-1].end
    starts = {mark.start for mark in marks}
    before = {opening(caption[a:b]) for a, b in sentences if first < a < last - 1 and a not in starts}
    border = len(caption)
    for start, end in reversed(sentences):
        sentence = caption[start:end]
        if start < last or not is_general(sentence) or opening(sentence) in before:
            break
        border = start
    return border
