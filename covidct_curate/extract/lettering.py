"""Lettering: the short texts in and around a figure, such as the letters of its panels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from covidct_curate.extract.page import Line, Page, Span
from covidct_curate.extract.text import clean, union
from covidct_curate.records import Box, Lettering

_NEAR = 20.0
"""Points from a figure's edge at which a text may still belong to one of its panels."""
_LONGEST = 24
"""Characters of a text that is lettering."""
_MOST = 300
"""Texts kept of a figure: with more, the shortest."""
_GAP = 0.6
"""Heights of its letters by which two words stand apart."""
_WIDE = re.compile(r"\s{2,}|\t")


def find_lettering(page: Page, region: Box, inside: Sequence[Line], captions: set[int]) -> list[Lettering]:
    """The short texts in and around ``region`` of a page, in the page's own order.

    ``inside``: lines known to belong to the figure. ``captions``: ``id`` of the lines of all captions.
    """
    x0, y0, x1, y1 = region
    near = [
        line
        for line in page.lines
        if id(line) not in captions
        and line.bbox[0] < x1 + _NEAR
        and line.bbox[2] > x0 - _NEAR
        and line.bbox[1] < y1 + _NEAR
        and line.bbox[3] > y0 - _NEAR
    ]
    words = {
        (text, tuple(round(v) for v in box)): (text, box)
        for line in (*inside, *near)
        for text, box in _words(line)
    }
    found = [Lettering(text, page.number, box) for text, box in words.values()]
    shortest = sorted(range(len(found)), key=lambda number: len(found[number].text))[:_MOST]
    return [found[number] for number in sorted(shortest)]


def _words(line: Line) -> Iterator[tuple[str, Box]]:
    """The line's texts that stand apart from each other and are short, each with its box."""
    for group in _groups(line.spans):
        whole = "".join(span.text for span in group)
        box = union(span.bbox for span in group)
        for start, end in _pieces(whole) if line.upright else [(0, len(whole))]:
            text = clean(whole[start:end])
            if 0 < len(text) <= _LONGEST:
                letter = (box[2] - box[0]) / len(whole)
                cut = box[0] + start * letter, box[1], box[0] + end * letter, box[3]
                yield text, cut if line.upright else box


def _groups(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Spans that follow each other without a gap."""
    group: list[Span] = []
    for span in spans:
        if group and span.bbox[0] - group[-1].bbox[2] > _GAP * span.size:
            yield group
            group = []
        group.append(span)
    if group:
        yield group


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Where the parts between wide spaces start and end."""
    start = 0
    for found in _WIDE.finditer(text):
        if found.start() > start:
            yield start, found.start()
        start = found.end()
    if text[start:].strip():
        yield start, len(text)
