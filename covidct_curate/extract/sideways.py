"""Pages set sideways: a wide figure and its caption turned to fit an upright page.

Such a page is turned so that its text reads from left to right, understood like any other, and what was
found on it is turned back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from covidct_curate.extract.page import Line, Page, longest
from covidct_curate.extract.regions import Cluster
from covidct_curate.extract.text import rows
from covidct_curate.records import Box


def reading_turn(page: Page) -> int:
    """Quarter turns clockwise at which most letters of the page stand: 0 for a page to be read as it is."""
    letters: Counter[int] = Counter()
    for line in page.lines:
        letters[line.turn] += len(line.text.strip())
    turn = max(letters, key=lambda turn: letters[turn], default=0)
    return turn if turn in (1, 3) else 0


def turn_page(page: Page, turn: int) -> Page:
    """The page as one sees it after turning it until letters at ``turn`` stand upright."""
    width, height = page.width, page.height
    return replace(
        page,
        width=height,
        height=width,
        lines=rows([_turn_line(line, width, height, turn) for line in page.lines]),
        placements=[replace(p, bbox=turn_box(p.bbox, width, height, turn)) for p in page.placements],
        drawings=[replace(d, bbox=turn_box(d.bbox, width, height, turn)) for d in page.drawings],
    )


def turn_back(clusters: Iterable[Cluster], page: Page, turn: int) -> None:
    """Put clusters found on the turned ``page`` where the page itself shows them."""
    width, height, back = page.height, page.width, 4 - turn
    for cluster in clusters:
        cluster.bbox = turn_box(cluster.bbox, width, height, back)
        cluster.placements = [
            replace(p, bbox=turn_box(p.bbox, width, height, back)) for p in cluster.placements
        ]
        cluster.drawings = [replace(d, bbox=turn_box(d.bbox, width, height, back)) for d in cluster.drawings]
        cluster.lines = [_turn_line(line, width, height, back) for line in cluster.lines]


def turn_box(box: Box, width: float, height: float, turn: int) -> Box:
    """A box of a ``width`` by ``height`` page after the page was turned back by ``turn`` quarters (1 or 3)."""
    x0, y0, x1, y1 = box
    return (y0, width - x1, y1, width - x0) if turn == 1 else (height - y1, x0, height - y0, x1)


def _turn_line(line: Line, width: float, height: float, turn: int) -> Line:
    box = turn_box(line.bbox, width, height, turn)
    spans = tuple(replace(span, bbox=turn_box(span.bbox, width, height, turn)) for span in line.spans)
    # letters reach about a fifth of their height under the line they stand on
    baseline = box[3] - 0.2 * (box[3] - box[1])
    turned = (line.turn - turn) % 4
    return replace(line, bbox=box, spans=spans, baseline=baseline, lead=longest(spans), turn=turned)
