"""Captions: where they start, how far they go.

A caption starts at a line that begins with a figure's label and looks like the start of a paragraph. What
decides between "Figure 3. Axial CT" and "Figure 3 shows" is the document's own habit: the spelling,
punctuation and typeface most labels share. A caption then goes on line by line as long as typeface,
leading and column agree, over a column's or a page's end where the sentence does.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from covidct_curate.extract.labels import Label, parse_label, parse_table
from covidct_curate.extract.page import Line, Page
from covidct_curate.extract.text import Style, clean, font_family, union, unwrap
from covidct_curate.records import Box

_PANEL_LETTERS = re.compile(r"^(?:\s*\(?[a-zA-Z]\)\s*)+(?=[A-Za-z]{3})")
_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*$")
_PANEL_MARK = re.compile(r"^\(?[A-Za-z](?:\s*[-–,&]\s*[A-Za-z])*\s*[).:,]")
_LEGENDS = re.compile(
    r"^\W*(?:\d+\.?\s*)?(?:(?:supplement\w*|extended data|supporting|main|additional)\s+)?"
    r"(?:(?:fig(?:ure)?s?\.?)(?:\s+and\s+tables?)?\s*(?:legends?|captions?|titles?)"
    r"|(?:legends?|captions?)(?:\s+(?:to|for|of)\s+(?:the\s+)?(?:\w+\s+)?fig\w*(?:\s+and\s+tables?)?)?)\W*$",
    re.I,
)
_SUPPORTING = re.compile(
    r"^\W*(?:supporting|supplement(?:ary|al)|additional)\s+(?:information|files?|materials?|data)(?:\s+captions?)?\W*$",
    re.I,
)
_LINK = re.compile(r"^(?:https?://\S+|doi:?\s?10\.\S+)$", re.I)
_HEADING = re.compile(
    r"^\W*(?:\d+(?:\.\d+)*\.?\s*)?(?:references?|bibliography|acknowledge?ments?|tables?|figures?|funding|"
    r"supplement\w*(?: \w+)?|author contributions?|competing interests?|appendix|abbreviations|"
    r"(?:materials? and )?methods|results|discussion|conclusions?|introduction|abstract)\W*$",
    re.I,
)


@dataclass(slots=True)
class Caption:
    """One caption, or one label standing alone at a picture."""

    label: Label
    table: bool
    lines: list[tuple[int, Line]]
    """(page, line) in reading order."""
    score: float = 0.0
    legend: bool = False
    """It stands among others of its kind, away from the pictures."""
    head: str = ""
    """Its label as printed."""
    text: str = ""
    """Without its label."""
    boxes: dict[int, Box] = field(default_factory=dict)

    @property
    def page(self) -> int:
        """The page it starts on."""
        return self.lines[0][0]

    @property
    def box(self) -> Box:
        """Its place on the page it starts on."""
        return self.boxes[self.page]

    @property
    def bare(self) -> bool:
        """A label with no words of its own."""
        return len(re.sub(r"\W+", "", self.text)) < 3


@dataclass(slots=True)
class _Start:
    page: int
    line: Line
    label: Label
    table: bool
    score: float
    style: tuple[str, str, bool, float]
    head: str
    rest: str


def find_captions(pages: Sequence[Page], body: Style, words: frozenset[str]) -> list[Caption]:
    """All captions of figures and tables, in reading order. ``pages`` are without running matter."""
    leading = _body_leading(pages)
    listed = _file_lists(pages)
    starts = [start for page in pages for start in _starts(page, body) if id(start.line) not in listed]
    chosen = _in_style(starts)
    taken = {(start.page, id(start.line)) for start in chosen}
    legend_pages = _legend_pages(pages, chosen)
    captions = []
    for start in chosen:
        legend = start.page in legend_pages and not start.table
        lines = _Extension(pages, taken, body, leading, legend_pages if legend else set()).run(start)
        caption = Caption(start.label, start.table, lines, start.score, legend)
        caption.head = clean(start.head)
        texts = [start.rest, *(line.text for _, line in lines[1:])]
        caption.text = clean(unwrap(texts, words)).lstrip(":.|–—- ") if texts else ""
        for number in {number for number, _ in lines}:
            caption.boxes[number] = _first_box([line for page, line in lines if page == number])
        captions.append(caption)
    return _join_panels(captions)


def _file_lists(pages: Sequence[Page]) -> set[int]:
    """Lines under a heading "Supporting information": a list of other files, on a page with no picture."""
    listed: set[int] = set()
    for page in pages:
        if page.placements or len(page.drawings) > 40:
            continue
        heading = next((line for line in page.lines if _SUPPORTING.match(clean(line.text))), None)
        if heading is not None:
            listed |= {id(line) for line in page.lines if line.baseline > heading.baseline}
    return listed


def _body_leading(pages: Sequence[Page]) -> float:
    """Usual distance of baselines, in points."""
    steps: Counter[float] = Counter()
    for page in pages:
        lines = [
            line for line in page.lines if line.upright and line.bbox[2] - line.bbox[0] > 0.25 * page.width
        ]
        for above, below in itertools.pairwise(lines):
            step = below.baseline - above.baseline
            if 4 < step < 60 and abs(above.lead.size - below.lead.size) < 0.6:
                steps[round(step)] += 1
    return steps.most_common(1)[0][0] if steps else 14.0


def _above(line: Line, lines: Sequence[Line]) -> Line | None:
    """The nearest line over this one in its column."""
    over = [
        other
        for other in lines
        if other is not line
        and other.bbox[1] < line.bbox[1] - 1
        and other.upright
        and _overlap(other, line) > 0.3
    ]
    return max(over, key=lambda other: other.bbox[3], default=None)


def _overlap(a: Line, b: Line) -> float:
    """Shared width as a part of the narrower line's."""
    shared = min(a.bbox[2], b.bbox[2]) - max(a.bbox[0], b.bbox[0])
    return shared / max(1.0, min(a.bbox[2] - a.bbox[0], b.bbox[2] - b.bbox[0]))


def _starts(page: Page, body: Style) -> list[_Start]:
    found = []
    for line in page.lines:
        if not line.upright:
            continue
        letters = _PANEL_LETTERS.match(line.text)
        text = line.text[letters.end() :] if letters else line.text
        table = parse_table(text)
        label = table or parse_label(text)
        if label is None or label.plural or (not label.number and not text[label.end :].strip()):
            continue
        found.append(_judge(page, line, text, label, table is not None, body))
    return found


def _judge(page: Page, line: Line, text: str, label: Label, table: bool, body: Style) -> _Start:
    head, rest = text[: label.end], text[label.end :].strip()
    stop = re.search(r"[:.|–—-](?=\s*$)", head)
    bold = line.spans[0].bold and not body.bold
    score = 1.0 if _at_picture(line, page) else 0.0
    if ")" in head and "(" not in head:
        score -= 4  # the end of a bracket in running text
    elif stop:
        score += 2.5
    if bold or (line.spans[0].italic and not line.lead.italic):
        score += 2
    if abs(line.lead.size - body.size) >= 0.75 or font_family(line.lead.font) != body.font:
        score += 1
    if not stop and rest:
        first = rest[0]
        bracket = re.match(r"\([A-Za-z](?:\s*[-–,&]\s*[A-Za-z])*\)\s*(\S)", rest)
        if first.islower() or first in ",;)" or (bracket and bracket[1].islower()):
            score -= 3
        elif first == "(" and not bracket:
            score -= 1.5
        else:
            score += 1
    if not rest:
        score += 1
    if label.panel and not stop:
        score -= 2
    above = _above(line, page.lines)
    if above is None:
        score += 1
    else:
        gap = line.bbox[1] - above.bbox[3]
        alike = (
            abs(above.lead.size - line.lead.size) < 0.6
            and font_family(above.lead.font) == font_family(line.spans[0].font)
            and above.lead.bold == line.spans[0].bold
        )
        near = gap < 0.6 * line.lead.size or (above.block == line.block and gap < 1.5 * line.lead.size)
        short = above.bbox[2] < line.bbox[2] - 0.12 * (line.bbox[2] - line.bbox[0])
        ended = _SENTENCE_END.search(clean(above.text)) is not None
        if near and alike and not (short and rest) and not ended:
            score -= 4
        elif near and alike and not ended:
            score -= 2
        elif not near:
            score += 1
    spelling = re.sub(r"[^A-Za-z]", "", head)
    kind = ("upper" if spelling[:3].isupper() else "title") + ("short" if len(spelling) <= 4 else "long")
    style = (kind, stop[0] if stop else "", bold, round(line.spans[0].size))
    return _Start(page.number, line, label, table, score, style, head, rest)


def _at_picture(line: Line, page: Page) -> bool:
    """An image ends right above the line or begins right below it."""
    x0, y0, x1, y1 = line.bbox
    return any(
        min(p.bbox[2], x1) - max(p.bbox[0], x0) > 0.3 * min(p.bbox[2] - p.bbox[0], x1 - x0)
        and p.bbox[3] - p.bbox[1] > 20
        and (-4 < y0 - p.bbox[3] < 30 or -4 < p.bbox[1] - y1 < 60)
        for p in page.placements
    )


def _in_style(starts: Sequence[_Start]) -> list[_Start]:
    """Drop starts that do not look like the document's captions."""
    chosen: list[_Start] = []
    for table in (False, True):
        mine = [start for start in starts if start.table == table]
        weight: defaultdict[tuple[str, str, bool, float], dict[str, float]] = defaultdict(dict)
        for start in mine:
            if start.score > 0:
                best = weight[start.style]
                best[start.label.text] = max(best.get(start.label.text, 0.0), start.score)
        total = {style: sum(best.values()) for style, best in weight.items()}
        habit = max(total, key=lambda style: total[style], default=None)
        for start in mine:
            same = start.style == habit
            rivals = [
                other
                for other in mine
                if other is not start
                and other.label.text == start.label.text
                and bool(other.rest) == bool(start.rest)
            ]
            beaten = any(other.style == habit and other.score >= 2 for other in rivals) and not same
            if start.score >= (1.0 if same else 2.0) and not (beaten and start.score < 3):
                chosen.append(start)
        chosen += _missing(mine, [start for start in chosen if start.table == table])
    return sorted(chosen, key=lambda start: (start.page, starts.index(start)))


def _missing(starts: Sequence[_Start], chosen: Sequence[_Start]) -> list[_Start]:
    """The best start of each label that the count of the chosen ones leaves out: 1, 3 want a 2."""
    known = {start.label.text for start in chosen}
    added = []
    for supplement in {(start.label.kind, start.label.supplement) for start in chosen}:
        numbers = [
            int(digits[0])
            for start in chosen
            if (start.label.kind, start.label.supplement) == supplement
            and (digits := re.search(r"\d+$", start.label.number))
        ]
        for start in sorted(starts, key=lambda start: -start.score):
            digits = re.search(r"\d+$", start.label.number)
            if (
                digits
                and (start.label.kind, start.label.supplement) == supplement
                and start.label.text not in known
                and int(digits[0]) < max(numbers, default=0)
                and start.score >= 0
            ):
                known.add(start.label.text)
                added.append(start)
    return added


def _legend_pages(pages: Sequence[Page], chosen: Sequence[_Start]) -> set[int]:
    """Pages of a legends section: under its heading, or several captions on a page with no picture."""
    found: set[int] = set()
    by_page: defaultdict[int, list[_Start]] = defaultdict(list)
    for start in chosen:
        if not start.table:
            by_page[start.page].append(start)
    under = False  # a heading of legends, and nothing since that ends them
    for page in pages:
        marks = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (p.bbox for p in page.placements))
        shapes = sum(
            min(d.bbox[2] - d.bbox[0], d.bbox[3] - d.bbox[1]) > 2.5 and not d.white for d in page.drawings
        )
        blank = marks < 0.02 * page.width * page.height and shapes < 4
        texts = [clean(line.text) for line in page.lines]
        several = len([start for start in by_page[page.number] if start.rest]) >= 2
        under = blank and (under or several or any(_LEGENDS.match(text) for text in texts))
        if under and by_page[page.number]:
            found.add(page.number)
        elif any(_HEADING.match(text) for text in texts):
            under = False
    return found


class _Extension:
    """How far one caption goes on from its first line. ``legends`` are the pages of its section, if it is one."""

    def __init__(
        self, pages: Sequence[Page], taken: set[tuple[int, int]], body: Style, leading: float, legends: set[int]
    ) -> None:
        self.pages = {page.number: page for page in pages}
        self.taken = taken
        self.body = body
        self.leading = leading
        self.legends = legends

    def run(self, start: _Start) -> list[tuple[int, Line]]:
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
            and any(_overlap(line, other) > 0.25 for other in _column(lines)[-3:])
        ]
        return min(under, key=lambda line: (round(line.baseline), line.bbox[0]), default=None)

    def _fits(
        self, lines: list[tuple[int, Line]], last: Line, below: Line, step: float | None, page: Page
    ) -> bool:
        if (page.number, id(below)) in self.taken:
            return False
        text = clean(below.text)
        if _HEADING.match(text) or _LEGENDS.match(text) or _LINK.match(text):
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
        if not beside or len(lines) < 2 or _SENTENCE_END.search(clean(lines[-1][1].text)):
            return False
        over = _above(beside[0], page.lines)
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
            line.bbox[1] > last.bbox[3] - 1 and _overlap(line, last) > 0.1 and line.upright
            for line in page.lines
        ) and not any(p.bbox[1] > last.bbox[3] and p.bbox[3] - p.bbox[1] > 20 for p in page.placements)

    def _goes_on(self, lines: list[tuple[int, Line]], line: Line, page: Page) -> bool:
        if (page.number, id(line)) in self.taken or not self._like(lines, line):
            return False
        text, before = clean(line.text), clean(lines[-1][1].text)
        if _HEADING.match(text) or _LEGENDS.match(text):
            return False
        edge = max(other.bbox[2] for _, other in lines)
        left = min(other.bbox[0] for _, other in lines)
        short = len(lines) > 1 and lines[-1][1].bbox[2] < edge - 0.2 * (edge - left)
        unfinished = not _SENTENCE_END.search(before) and (not short or text[:1].islower())
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
            if other.baseline > line.baseline + 2 and _overlap(other, line) > 0.25
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
        if _SENTENCE_END.search(clean(last.text)) or not self._goes_on(lines, top, page):
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


def _first_box(lines: Sequence[Line]) -> Box:
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


def _join_panels(captions: list[Caption]) -> list[Caption]:
    """Legends of single panels ("Figure 1-A.") go to the caption of their figure that comes before."""
    result: list[Caption] = []
    for caption in captions:
        before = next((c for c in reversed(result) if not c.table), None)
        if (
            before is not None
            and not caption.table
            and (caption.label.panel or caption.legend)
            and before.label.text == caption.label.text
            and not before.bare
            and caption.page - before.lines[-1][0] <= 1
        ):
            before.text = f"{before.text} {caption.head} {caption.text}".strip()
            before.lines += caption.lines
            for page, box in caption.boxes.items():
                before.boxes[page] = union([before.boxes[page], box]) if page in before.boxes else box
        else:
            result.append(caption)
    return result
