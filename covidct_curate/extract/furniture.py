"""Running matter: what a page carries for the series it stands in, and no paper is about.

Stamps of the preprint servers, running heads, page numbers, line numbers, logos and rules that come back
on page after page. It is told from content by recurrence, so a document of one page keeps all but what
is a stamp by its words.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from covidct_curate.extract.labels import parse_label, parse_table
from covidct_curate.extract.page import Line, Page, Placement
from covidct_curate.extract.text import clean, rows

_STAMP = re.compile(
    r"(?:bio|med)rxiv preprint|certified by peer review|not peer-reviewed|copyright holder for this|"
    r"all rights reserved\W+no reuse|is the author/funder|(?:bio|med)rxiv a license|made available under a|"
    r"international licen[cs]e|no reuse allowed without permission|display the preprint in perpetuity|"
    r"^\W*perpetuity\W*$|this version posted",
    re.I,
)
_PAGE_NUMBER = re.compile(
    r"^[\s|\u2013\u2014-]*(?:page\s*)?(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:of|/)\s*\d{1,4})?[\s|\u2013\u2014-]*$",
    re.I,
)
_NUMBER = re.compile(r"^\s*\d{1,4}\s*$")
_MARGIN = 0.12
"""Share of the page's height above and below which running heads are looked for."""


def strip_furniture(pages: Sequence[Page]) -> list[Page]:
    """The pages without their running matter, fragments of lines brought together to whole rows."""
    numbered = [_line_numbers(page) for page in pages]
    columns = Counter(round(line.bbox[2] / 3) for found in numbered for line in found)
    counted = _counted_through(pages)
    joined: list[Page] = []
    for page, numbers in zip(pages, numbered, strict=True):
        gone = {id(line) for line in numbers} | counted
        # a page with few lines has too few numbers to show a column: take those of the other pages
        gone |= {
            id(line)
            for line in page.lines
            if _NUMBER.match(line.text)
            and sum(columns[round(line.bbox[2] / 3) + d] for d in (-1, 0, 1)) >= 10
            and not any(_beside(line, other) for other in page.lines if not _NUMBER.match(other.text))
        }
        joined.append(replace(page, lines=rows([line for line in page.lines if id(line) not in gone])))
    texts = _running_texts(joined)
    marks = _running_marks(joined)
    return [
        replace(
            page,
            lines=[line for line in page.lines if not _is_running(line, page, texts)],
            placements=[p for p in page.placements if _image_key(p, page) not in marks],
            drawings=[d for d in page.drawings if _box_key(d.bbox) not in marks],
        )
        for page in joined
    ]


def _line_numbers(page: Page) -> list[Line]:
    """Numbers in one column that count up, down the page: manuscript line numbers."""
    columns: defaultdict[int, list[Line]] = defaultdict(list)
    for line in page.lines:
        if line.upright and _NUMBER.match(line.text):
            columns[round(line.bbox[2] / 6)].append(line)
    found: list[Line] = []
    for key in sorted(columns):
        column = sorted(columns[key] + columns.get(key + 1, []), key=lambda line: line.bbox[1])
        values = [int(line.text.strip()) for line in column]
        steps = [b - a for a, b in itertools.pairwise(values)]
        usual = Counter(steps).most_common(1)
        if usual and usual[0][0] in (1, 2, 5, 10) and usual[0][1] >= 0.8 * len(steps):
            beside = min(line.bbox[0] for line in column)
            across = [other for other in page.lines if not _NUMBER.match(other.text) and other.upright]
            left = sum(other.bbox[2] < beside for other in across)
            right = sum(other.bbox[0] > beside for other in across)
            # few numbers must stand outside of all text; a count in the gutter of two columns must be
            # high, for a table's rows are counted from 1
            outside = min(left, right) <= (0.1 * len(across) if len(column) >= 4 else 0)
            if outside or (len(column) >= 4 and values[0] > 20):
                found += column
    return found


def _counted_through(pages: Sequence[Page]) -> set[int]:
    """Numbers beside lines of text that count up by one through the document, few as they may be."""
    columns: defaultdict[int, list[Line]] = defaultdict(list)
    for page in pages:
        texts = [line for line in page.lines if line.upright and not _NUMBER.match(line.text)]
        for line in sorted(page.lines, key=lambda line: line.bbox[1]):
            if line.upright and _NUMBER.match(line.text):
                level = [t for t in texts if abs(t.baseline - line.baseline) < 0.5 * line.lead.size]
                if any(4 < max(t.bbox[0] - line.bbox[2], line.bbox[0] - t.bbox[2]) < 60 for t in level):
                    columns[round(line.bbox[2] / 6)].append(line)
    return {
        id(line)
        for column in columns.values()
        if len(column) >= 2
        and all(int(b.text.strip()) - int(a.text.strip()) == 1 for a, b in itertools.pairwise(column))
        for line in column
    }


def _beside(line: Line, other: Line) -> bool:
    """Stands right beside another line, as a number within a table or a plot does."""
    level = min(line.bbox[3], other.bbox[3]) - max(line.bbox[1], other.bbox[1])
    gap = max(other.bbox[0] - line.bbox[2], line.bbox[0] - other.bbox[2])
    return level > 0 and 0 < gap < 6


def _text_key(text: str) -> str:
    """Text with its numbers made alike; a figure's label is never like another's."""
    text = clean(text).casefold()
    return text if parse_label(text) or parse_table(text) else re.sub(r"\d+", "0", text)


def _where(line: Line, page: Page) -> tuple[str, int]:
    """Distance from the nearer of the upper and lower edges, coarse."""
    y = (line.bbox[1] + line.bbox[3]) / 2
    return ("top", round(y / 8)) if y < page.height / 2 else ("foot", round((page.height - y) / 8))


def _running_texts(pages: Sequence[Page]) -> set[tuple[str, str]]:
    """(folded text, edge) of lines that come back near the edge of several pages."""
    seen: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for page in pages:
        for line in page.lines:
            if _near_edge(line, page):
                seen[_text_key(line.text), _where(line, page)[0]].add(page.number)
    least = 2 if len(pages) < 12 else 3
    return {key for key, where in seen.items() if len(where) >= least and len(key[0]) > 1}


def _near_edge(line: Line, page: Page) -> bool:
    y = (line.bbox[1] + line.bbox[3]) / 2
    x = (line.bbox[0] + line.bbox[2]) / 2
    if not line.upright:
        return x < 0.1 * page.width or x > 0.9 * page.width
    return y < _MARGIN * page.height or y > (1 - _MARGIN) * page.height


def _is_running(line: Line, page: Page, texts: set[tuple[str, str]]) -> bool:
    text = clean(line.text)
    stamped = _STAMP.search(text) is not None
    if not _near_edge(line, page):
        # on a page of another size the stamp lands anywhere
        return stamped and any((_text_key(text), edge) in texts for edge in ("top", "foot"))
    edge = _where(line, page)[0]
    if stamped or (_text_key(text), edge) in texts:
        return True
    margin = line.bbox[1] > 0.9 * page.height or line.bbox[3] < 0.1 * page.height
    return margin and _PAGE_NUMBER.match(text) is not None


def _box_key(box: tuple[float, float, float, float]) -> tuple[str, int, int, int, int]:
    return ("box", round(box[0]), round(box[1]), round(box[2]), round(box[3]))


def _image_key(placement: Placement, page: Page) -> tuple[str, int, int, int, int]:
    """An image that comes back is known by its number and size, wherever it stands."""
    x0, y0, x1, y1 = placement.bbox
    if placement.xref is None:
        return _box_key(placement.bbox)
    return ("image", placement.xref, round(x1 - x0), round(y1 - y0), 0)


def _running_marks(pages: Sequence[Page]) -> set[tuple[str, int, int, int, int]]:
    seen: defaultdict[tuple[str, int, int, int, int], set[int]] = defaultdict(set)
    for page in pages:
        for placement in page.placements:
            seen[_image_key(placement, page)].add(page.number)
        for drawing in page.drawings:
            x0, y0, x1, y1 = drawing.bbox
            edge = y1 < _MARGIN * page.height or y0 > (1 - _MARGIN) * page.height
            sheet = (x1 - x0) * (y1 - y0) > 0.8 * page.width * page.height
            if edge or sheet:
                seen[_box_key(drawing.bbox)].add(page.number)
    least = max(3, len(pages) // 4)
    return {key for key, where in seen.items() if len(where) >= least}
