"""How far a caption goes: line by line as long as typeface, leading and column agree.

It goes on over a column's or a page's end where the sentence does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from covidct_curate.extract.labels import parse_label
from covidct_curate.extract.page import Line, Page
from covidct_curate.extract.starts import Start
from covidct_curate.extract.text import Style, clean, font_family, line_above, overlap, union
from covidct_curate.extract.wording import HEADING, LEGENDS, SENTENCE_END
from covidct_curate.records import Box

_PANEL_MARK = re.compile(r"^\(?[A-Za-z](?:\s*[-–,&]\s*[A-Za-z])*\s*[).:,]")
_LINK = re.compile(r"^(?:https?://\S+|doi:?\s?10\.\S+)$", re.I)


class Extension:
    """How far one caption goes on from its first line. ``legends`` are the pages of its section, if it is one."""

    def __init__(
        self,
        pages: Sequence[Page],
        taken: set[tuple[int, int]],
        body: Style,
        leading: float,
        legends: set[int],
    ) -> None:
        self.pages = {page.number: page for page in pages}
        self.taken = taken
        self.body = body
        self.leading = leading
        self.legends = legends

    def run(self, start: Start) -> list[tuple[int, Line]]:
        """The caption's lines, each with its page, in reading order."""
        lines = [(start.page, start.line)]
        self._down(lines, self.pages[start.page])
        page = self.pages[start.page]
        if self._aside(lines, page):
            return lines
        if not self._foot_reached(lines, page):
            return lines
        if self._next_column(lines, page) is not None:
            return lines
        while self._next_page(lines):
            pass
        return lines

    def _down(self, lines: list[tuple[int, Line]], page: Page) -> None:
        step: float | None = None
        while True:
            last = lines[-1][1]
            below = self._below(last, lines, page)
            if below is None or not self._fits(lines, last, below, step, page):
                return
            distance = below.baseline - last.baseline
            step = distance if step is None else max(step, distance)
            lines.append((page.number, below))

    def _below(self, last: Line, lines: list[tuple[int, Line]], page: Page) -> Line | None:
        used = {id(line) for _, line in lines}
        under = [
            line
            for line in page.lines
            if id(line) not in used
            and line.upright
            and line.baseline > last.baseline + 0.3 * last.lead.size
            and any(overlap(line, other) > 0.25 for other in _column(lines)[-3:])
        ]
        return min(under, key=lambda line: (round(line.baseline), line.bbox[0]), default=None)

    def _fits(
        self, lines: list[tuple[int, Line]], last: Line, below: Line, step: float | None, page: Page
    ) -> bool:
        if (page.number, id(below)) in self.taken:
            return False
        text = clean(below.text)
        if HEADING.match(text) or LEGENDS.match(text) or _LINK.match(text):
            return False
        size = _text_size(lines)
        left = min(line.bbox[0] for line in _column(lines))
        middle = (last.bbox[0] + last.bbox[2] - below.bbox[0] - below.bbox[2]) / 2
        if abs(below.bbox[0] - left) > 3.5 * size and abs(middle) > 6:
            return False
        if abs(below.lead.size - size) > 0.8 and len(below.text.strip()) > 3:
            return False
        if self._image_between(last, below, page):
            return False
        distance = below.baseline - last.baseline
        if self.legends:
            heading = (
                below.lead.bold and not last.lead.bold and len(text) < 80 and distance > 1.2 * self.leading
            )
            return not heading and distance < 4 * self.leading
        if step is None:
            label = parse_label(last.text)
            alone = label is not None and not last.text[label.end :].strip()
            reach = max(1.45 * size, (1.8 if alone else 1.12) * self.leading)
        else:
            reach = max(1.2 * step, 1.3 * size)
        if distance > reach:
            return False
        if len(lines) > 1 and below.lead.bold and not last.lead.bold and all(s.bold for s in below.spans):
            return False
        caption_font = font_family(last.lead.font)
        own = caption_font != self.body.font or abs(size - self.body.size) > 0.6
        is_body = (
            font_family(below.lead.font) == self.body.font and abs(below.lead.size - self.body.size) < 0.3
        )
        return not (own and is_body and caption_font != font_family(below.lead.font))

    def _image_between(self, last: Line, below: Line, page: Page) -> bool:
        return any(
            p.bbox[1] > last.bbox[1]
            and p.bbox[3] < below.bbox[3]
            and p.bbox[3] - p.bbox[1] > 20
            and min(p.bbox[2], last.bbox[2]) > max(p.bbox[0], last.bbox[0])
            for p in page.placements
        )

    def _own_style(self, lines: list[tuple[int, Line]]) -> bool:
        """Set unlike body text, so that typeface alone tells whether a line goes on."""
        last = lines[-1][1].lead
        return font_family(last.font) != self.body.font or abs(last.size - self.body.size) > 0.6

    def _like(self, lines: list[tuple[int, Line]], line: Line) -> bool:
        last = lines[-1][1].lead
        return abs(line.lead.size - last.size) < 0.3 and font_family(line.lead.font) == font_family(last.font)

    def _aside(self, lines: list[tuple[int, Line]], page: Page) -> bool:
        """A caption set in two columns side by side: go on at the top of the right one."""
        first = lines[0][1]
        if not self._own_style(lines):
            return False
        x1 = max(line.bbox[2] for _, line in lines)
        beside = [
            line
            for line in page.lines
            if abs(line.baseline - first.baseline) < 1.0
            and line.bbox[0] > x1
            and line.bbox[0] - x1 < 40
            and self._like(lines, line)
            and (page.number, id(line)) not in self.taken
        ]
        if not beside or len(lines) < 2 or SENTENCE_END.search(clean(lines[-1][1].text)):
            return False
        over = line_above(beside[0], page.lines)
        if (
            over is not None
            and beside[0].baseline - over.baseline < 2 * self.leading
            and self._like(lines, over)
        ):
            return False
        lines.append((page.number, beside[0]))
        self._down(lines, page)
        return True

    def _foot_reached(self, lines: list[tuple[int, Line]], page: Page) -> bool:
        """No more of the page stands under the caption."""
        last = lines[-1][1]
        return not any(
            line.bbox[1] > last.bbox[3] - 1 and overlap(line, last) > 0.1 and line.upright
            for line in page.lines
        ) and not any(p.bbox[1] > last.bbox[3] and p.bbox[3] - p.bbox[1] > 20 for p in page.placements)

    def _goes_on(self, lines: list[tuple[int, Line]], line: Line, page: Page) -> bool:
        if (page.number, id(line)) in self.taken or not self._like(lines, line):
            return False
        text, before = clean(line.text), clean(lines[-1][1].text)
        if HEADING.match(text) or LEGENDS.match(text):
            return False
        edge = max(other.bbox[2] for _, other in lines)
        left = min(other.bbox[0] for _, other in lines)
        short = len(lines) > 1 and lines[-1][1].bbox[2] < edge - 0.2 * (edge - left)
        unfinished = not SENTENCE_END.search(before) and (not short or text[:1].islower())
        if page.number in self.legends or self._own_style(lines) or unfinished:
            return True
        return self._own_leading(lines, line, page) or _PANEL_MARK.match(text) is not None

    def _own_leading(self, lines: list[tuple[int, Line]], line: Line, page: Page) -> bool:
        """The caption's lines stand closer, or wider, than body text does, and so do the lines that come."""
        if len(lines) < 3:
            return False
        step = lines[-1][1].baseline - lines[-2][1].baseline
        under = [
            other
            for other in page.lines
            if other.baseline > line.baseline + 2 and overlap(other, line) > 0.25
        ]
        if not under or lines[-1][0] != lines[-2][0]:
            return False
        coming = min(other.baseline for other in under) - line.baseline
        return abs(coming - step) < 0.6 and abs(step - self.leading) > 0.12 * self.leading

    def _next_column(self, lines: list[tuple[int, Line]], page: Page) -> bool | None:
        """Whether it goes on at the head of the column to the right; None where there is no such column."""
        last = lines[-1][1]
        column = [
            line
            for line in page.lines
            if line.bbox[0] > max(other.bbox[2] for n, other in lines if n == page.number) + 5
            and line.upright
        ]
        if sum(line.bbox[2] - line.bbox[0] > 0.25 * page.width for line in column) < 3:
            return None
        top = min(column, key=lambda line: line.baseline)
        if SENTENCE_END.search(clean(last.text)) or not self._goes_on(lines, top, page):
            return False
        lines.append((page.number, top))
        self._down(lines, page)
        return True

    def _next_page(self, lines: list[tuple[int, Line]]) -> bool:
        number = lines[-1][0]
        page = self.pages.get(number + 1)
        if page is None or not page.lines or not self._foot_reached(lines, self.pages[number]):
            return False
        top = min((line for line in page.lines if line.upright), key=lambda line: line.baseline, default=None)
        if top is None or not self._goes_on(lines, top, page):
            return False
        if any(p.bbox[3] < top.bbox[1] and p.bbox[3] - p.bbox[1] > 20 for p in page.placements):
            return False
        lines.append((page.number, top))
        self._down(lines, page)
        return True


def first_box(lines: Sequence[Line]) -> Box:
    """Around the lines up to where they go on in another column."""
    count = 1
    while count < len(lines) and lines[count].baseline > lines[count - 1].baseline:
        count += 1
    return union(line.bbox for line in lines[:count])


def _column(lines: list[tuple[int, Line]]) -> list[Line]:
    """The lines since the last change of column or page."""
    start = len(lines) - 1
    while (
        start
        and lines[start - 1][0] == lines[start][0]
        and lines[start - 1][1].baseline < lines[start][1].baseline
    ):
        start -= 1
    return [line for _, line in lines[start:]]


def _text_size(lines: list[tuple[int, Line]]) -> float:
    sizes: Counter[float] = Counter()
    for _, line in lines:
        for span in line.spans:
            sizes[span.size] += len(span.text)
    return sizes.most_common(1)[0][0]
