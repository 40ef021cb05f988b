"""Captions of figures and tables: their label, their words, their place."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from covidct_curate.extract.extension import Extension, first_box
from covidct_curate.extract.labels import Label
from covidct_curate.extract.page import Line, Page
from covidct_curate.extract.starts import file_lists, find_starts, in_style, legend_pages
from covidct_curate.extract.text import Style, clean, union, unwrap
from covidct_curate.records import Box


@dataclass(slots=True)
class Caption:
    """One caption, or one label standing alone at a picture."""

    label: Label
    table: bool
    lines: list[tuple[int, Line]]
    """(page, line) in reading order."""
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


def find_captions(pages: Sequence[Page], body: Style, words: frozenset[str]) -> list[Caption]:
    """All captions of figures and tables, in reading order. ``pages`` are without running matter."""
    leading = _body_leading(pages)
    listed = file_lists(pages)
    starts = [start for page in pages for start in find_starts(page, body) if id(start.line) not in listed]
    chosen = in_style(starts)
    taken = {(start.page, id(start.line)) for start in chosen}
    legends = legend_pages(pages, chosen)
    captions = []
    for start in chosen:
        legend = start.page in legends and not start.table
        lines = Extension(pages, taken, body, leading, legends if legend else set()).run(start)
        caption = Caption(start.label, start.table, lines, legend)
        caption.head = clean(start.head)
        texts = [start.rest, *(line.text for _, line in lines[1:])]
        caption.text = clean(unwrap(texts, words)).lstrip(":.|–—- ")
        for number in {number for number, _ in lines}:
            caption.boxes[number] = first_box([line for page, line in lines if page == number])
        captions.append(caption)
    return _join_panels(captions)


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
