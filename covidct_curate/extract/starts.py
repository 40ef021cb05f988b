"""Where captions start: lines that begin with a label and look like the start of a paragraph.

What decides between "Figure 3. Axial CT" and "Figure 3 shows" is the document's own habit: the spelling,
punctuation and typeface most labels share.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from covidct_curate.extract.labels import Label, parse_label, parse_table
from covidct_curate.extract.page import Line, Page
from covidct_curate.extract.text import Style, clean, font_family, line_above
from covidct_curate.extract.wording import HEADING, LEGENDS, SENTENCE_END

_PANEL_LETTERS = re.compile(r"^(?:\s*\(?[a-zA-Z]\)\s*)+(?=[A-Za-z]{3})")
_SUPPORTING = re.compile(
    r"^\W*(?:supporting|supplement(?:ary|al)|additional)\s+(?:information|files?|materials?|data)(?:\s+captions?)?\W*$",
    re.I,
)


@dataclass(slots=True)
class Start:
    """A line a caption may start at, and how much it looks like one."""

    page: int
    line: Line
    label: Label
    table: bool
    score: float
    style: tuple[str, str, bool, float]
    head: str
    rest: str


def find_starts(page: Page, body: Style) -> list[Start]:
    """Every line of the page that begins with a label, judged."""
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


def _judge(page: Page, line: Line, text: str, label: Label, table: bool, body: Style) -> Start:
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
    score += _opening(line, page, rest)
    spelling = re.sub(r"[^A-Za-z]", "", head)
    kind = ("upper" if spelling[:3].isupper() else "title") + ("short" if len(spelling) <= 4 else "long")
    style = (kind, stop[0] if stop else "", bold, round(line.spans[0].size))
    return Start(page.number, line, label, table, score, style, head, rest)


def _opening(line: Line, page: Page, rest: str) -> float:
    """How much the line looks like the first of a paragraph, not like the next of one that began above."""
    above = line_above(line, page.lines)
    if above is None:
        return 1.0
    gap = line.bbox[1] - above.bbox[3]
    alike = (
        abs(above.lead.size - line.lead.size) < 0.6
        and font_family(above.lead.font) == font_family(line.spans[0].font)
        and above.lead.bold == line.spans[0].bold
    )
    if gap >= 0.6 * line.lead.size and (above.block != line.block or gap >= 1.5 * line.lead.size):
        return 1.0
    if not alike or SENTENCE_END.search(clean(above.text)):
        return 0.0
    short = above.bbox[2] < line.bbox[2] - 0.12 * (line.bbox[2] - line.bbox[0])
    return -2.0 if short and rest else -4.0


def _at_picture(line: Line, page: Page) -> bool:
    """An image ends right above the line or begins right below it."""
    x0, y0, x1, y1 = line.bbox
    return any(
        min(p.bbox[2], x1) - max(p.bbox[0], x0) > 0.3 * min(p.bbox[2] - p.bbox[0], x1 - x0)
        and p.bbox[3] - p.bbox[1] > 20
        and (-4 < y0 - p.bbox[3] < 30 or -4 < p.bbox[1] - y1 < 60)
        for p in page.placements
    )


def in_style(starts: Sequence[Start]) -> list[Start]:
    """Drop starts that do not look like the document's captions."""
    chosen: list[Start] = []
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


def _missing(starts: Sequence[Start], chosen: Sequence[Start]) -> list[Start]:
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


def legend_pages(pages: Sequence[Page], chosen: Sequence[Start]) -> set[int]:
    """Pages of a legends section: under its heading, or several captions on a page with no picture."""
    found: set[int] = set()
    by_page: defaultdict[int, list[Start]] = defaultdict(list)
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
        under = blank and (under or several or any(LEGENDS.match(text) for text in texts))
        if under and by_page[page.number]:
            found.add(page.number)
        elif any(HEADING.match(text) for text in texts):
            under = False
    return found


def file_lists(pages: Sequence[Page]) -> set[int]:
    """Lines under a heading "Supporting information": a list of other files, on a page with no picture."""
    listed: set[int] = set()
    for page in pages:
        if page.placements or len(page.drawings) > 40:
            continue
        heading = next((line for line in page.lines if _SUPPORTING.match(clean(line.text))), None)
        if heading is not None:
            listed |= {id(line) for line in page.lines if line.baseline > heading.baseline}
    return listed
