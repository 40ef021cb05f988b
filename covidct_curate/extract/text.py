"""Lines of text put together: fragments to lines, lines to running text."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from covidct_curate.extract.page import Line, Page, longest
from covidct_curate.records import Box

_HYPHEN_END = re.compile(r"(\w{2,})[-\u2010]$")
_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


@dataclass(frozen=True, slots=True)
class Style:
    """The typeface most of a document's letters are set in."""

    font: str
    size: float
    bold: bool


def clean(text: str) -> str:
    """White space folded, control characters, direction marks and soft hyphens removed."""
    return _SPACES.sub(" ", _CONTROL.sub("", text).replace("\u00ad", "")).strip()


@cache
def font_family(name: str) -> str:
    """``ABCDEF+Times-Bold`` → ``times``."""
    return re.split(r"[-,]", name.split("+")[-1])[0].removesuffix("MT").removesuffix("PS").casefold()


def body_style(pages: Iterable[Page]) -> Style:
    """The style of most letters of the document."""
    count: Counter[tuple[str, float, bool]] = Counter()
    for page in pages:
        for line in page.lines:
            if line.upright:
                for span in line.spans:
                    count[font_family(span.font), round(span.size * 2) / 2, span.bold] += len(
                        span.text.strip()
                    )
    if not count:
        return Style("", 10.0, False)
    (font, size, bold), _ = count.most_common(1)[0]
    return Style(font, size, bold)


def rows(lines: Sequence[Line]) -> list[Line]:
    """Fragments that stand on one line, brought together, from top to bottom.

    MuPDF breaks a line at wide spaces and at raised or lowered letters. Letters printed a second time over
    a line's end (as some word processors do) are dropped.
    """
    order = sorted(lines, key=lambda line: (round(line.bbox[1], 1), line.bbox[0]))
    result: list[list[Line]] = []
    for line in order:
        home = None
        for row in reversed(result[-24:]):
            if line.upright and row[0].upright and _same_row(row, line):
                home = row
                break
        if home is None:
            result.append([line])
        elif not _overprinted(home, line):
            home.append(line)
    return [merge(row) for row in result]


def _same_row(row: list[Line], line: Line) -> bool:
    size = max(line.lead.size, row[0].lead.size)
    for other in row:
        top, bottom = max(other.bbox[1], line.bbox[1]), min(other.bbox[3], line.bbox[3])
        least = min(other.bbox[3] - other.bbox[1], line.bbox[3] - line.bbox[1])
        if bottom - top < 0.5 * least:
            continue
        left, right = (other, line) if other.bbox[0] <= line.bbox[0] else (line, other)
        gap = right.bbox[0] - left.bbox[2]
        wide = other.block == line.block and abs(other.baseline - line.baseline) < 1.0
        if gap < (2.5 if wide else 0.9) * size and (gap > -0.8 * size or _overprinted(row, line)):
            return True
    return False


def _overprinted(row: list[Line], line: Line) -> bool:
    text = line.text.strip()
    x0, _, x1, _ = line.bbox
    return len(text) <= 3 and any(
        other.block != line.block
        and min(other.bbox[2], x1) - max(other.bbox[0], x0) > 0.5 * (x1 - x0)
        and text in other.text[-6:]
        for other in row
    )


def merge(parts: Sequence[Line]) -> Line:
    """One line of several fragments, left to right."""
    if len(parts) == 1:
        return parts[0]
    parts = sorted(parts, key=lambda part: part.bbox[0])
    text = parts[0].text
    for before, part in itertools.pairwise(parts):
        gap = part.bbox[0] - before.bbox[2]
        apart = gap > 0.12 * part.lead.size and not text.endswith(" ") and not part.text.startswith(" ")
        text += (" " if apart else "") + part.text
    main = max(parts, key=lambda part: len(part.text))
    spans = tuple(span for part in parts for span in part.spans)
    box = union(part.bbox for part in parts)
    return Line(text, box, spans, main.block, main.baseline, longest(spans), main.turn)


def vocabulary(pages: Iterable[Page]) -> frozenset[str]:
    """Words of the document that stand inside a line, hyphens kept."""
    words: set[str] = set()
    for page in pages:
        for line in page.lines:
            words.update(re.findall(r"\w+(?:-\w+)*", line.text.casefold())[:-1])
    return frozenset(words)


def unwrap(lines: Iterable[str], words: frozenset[str] = frozenset()) -> str:
    """Lines joined to running text, hyphenation undone.

    A hyphen at a line's end stays when the document writes the word with it elsewhere, or knows both of its
    halves as words and not the whole, or when what follows begins with a capital or a digit; else it goes.
    """
    text = ""
    soft = False
    for raw in lines:
        line = clean(raw)
        if not line:
            continue
        hyphen = _HYPHEN_END.search(text[-80:])
        if not text or soft:
            text += line
        elif hyphen and line[:1].islower():
            head, tail = hyphen[1].casefold(), re.match(r"\w*", line)
            rest = tail[0].casefold() if tail else ""
            parted = head in words and rest in words and min(len(head), len(rest)) > 2
            keep = head + rest not in words and (f"{head}-{rest}" in words or parted)
            text = text[:-1] + ("-" if keep else "") + line
        elif text[-1] in "-\u2010\u2013/" and len(text) > 1 and text[-2] != " ":
            text += line
        else:
            text += " " + line
        soft = raw.rstrip().endswith("\u00ad")
    return text


def union(boxes: Iterable[Box]) -> Box:
    """The smallest box around all. Raises ValueError when there is none."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def line_above(line: Line, lines: Sequence[Line]) -> Line | None:
    """The nearest line over this one in its column."""
    over = [
        other
        for other in lines
        if other is not line
        and other.bbox[1] < line.bbox[1] - 1
        and other.upright
        and overlap(other, line) > 0.3
    ]
    return max(over, key=lambda other: other.bbox[3], default=None)


def overlap(a: Line, b: Line) -> float:
    """Shared width as a part of the narrower line's."""
    shared = min(a.bbox[2], b.bbox[2]) - max(a.bbox[0], b.bbox[0])
    return shared / max(1.0, min(a.bbox[2] - a.bbox[0], b.bbox[2] - b.bbox[0]))
