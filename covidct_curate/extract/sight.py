"""One page: which caption sees which cluster, and which takes it.

A cluster goes to the caption it can see without prose between, in the document's own habit (captions
below, above or beside their pictures).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from covidct_curate.extract.assignment import assign
from covidct_curate.extract.captions import Caption
from covidct_curate.extract.page import Line, Page
from covidct_curate.extract.regions import Cluster, is_small
from covidct_curate.extract.text import Style, clean, font_family, union, unwrap
from covidct_curate.records import Binding, Box

_PANEL_LETTER = re.compile(r"^\(?[A-Za-z]\d?[).]?$")
_FAR = 1e6
_MOST_NOTES = 3
"""Lines under a picture that may be notes to its caption."""
_HABIT = 90.0
"""Points of distance that the document's habit outweighs."""


@dataclass(slots=True)
class Bound:
    """A figure in the making: a caption, the clusters it was bound to, and how."""

    caption: Caption | None
    clusters: list[Cluster] = field(default_factory=list)
    binding: Binding = "none"
    confidence: float = 0.0

    @property
    def page(self) -> int | None:
        """First page with a picture."""
        return min((c.page for c in self.clusters), default=None)


@dataclass(slots=True)
class _Sight:
    """A cluster as seen from a caption."""

    cost: float
    binding: Binding


def find_habits(
    pages: Sequence[Page],
    captions: Sequence[Caption],
    clusters: dict[int, list[Cluster]],
    prose: dict[int, list[Line]],
) -> dict[bool, Binding]:
    """For figures and for tables: where this document sets captions. Counted where there is no doubt."""
    votes: dict[bool, Counter[Binding]] = {False: Counter(), True: Counter()}
    for page in pages:
        here = [c for c in captions if page.number in c.boxes and not (c.legend and not c.bare)]
        big = [c for c in clusters[page.number] if not is_small(c, page)]
        for caption in here:
            seen = {s.binding for c in big if (s := see(caption, c, page, prose[page.number], here))}
            if len(seen) == 1:
                votes[caption.table][seen.pop()] += 1
    usual: dict[bool, Binding] = {False: "below", True: "above"}
    for table, count in votes.items():
        if count:
            usual[table] = max(count, key=lambda b: (count[b], b == usual[table]))
    return usual


def bind_page(
    page: Page,
    captions: Sequence[Caption],
    clusters: Sequence[Cluster],
    prose: Sequence[Line],
    habit: dict[bool, Binding],
) -> tuple[list[Bound], list[Cluster]]:
    """Each cluster to one caption; each caption, if it can be, to at least one cluster."""
    sights: dict[tuple[int, int], _Sight] = {}
    for i, caption in enumerate(captions):
        for j, cluster in enumerate(clusters):
            sight = see(caption, cluster, page, prose, captions)
            if sight and caption.table and not cluster.ruled:
                # a picture is a table's only when nothing at all stands between
                texts = [line for line in page.lines if not any(line is own for own in cluster.lines)]
                sight = see(caption, cluster, page, texts, captions)
            if sight and not (cluster.ruled and not caption.table and is_small(cluster, page)):
                if sight.binding != habit[caption.table]:
                    sight.cost += _HABIT
                if caption.table != cluster.ruled:
                    sight.cost += 60.0
                sights[i, j] = sight
    home: dict[int, int] = {}
    big = [j for j, cluster in enumerate(clusters) if not is_small(cluster, page)]
    # first one picture a caption, at the least cost over the page
    costs = [[sights[i, j].cost if (i, j) in sights else _FAR for j in big] for i in range(len(captions))]
    for i, k in enumerate(assign(costs)):
        if k is not None and (i, big[k]) in sights:
            home[big[k]] = i
    # then the rest, each to the nearest caption on the side where captions stand here
    for j in range(len(clusters)):
        if j not in home:
            seen = [
                (sights[i, j].binding != habit[captions[i].table], sights[i, j].cost, i)
                for i in range(len(captions))
                if (i, j) in sights
            ]
            if seen:
                home[j] = min(seen)[2]
    bounds = []
    for i, caption in enumerate(captions):
        mine = [j for j, owner in home.items() if owner == i]
        if not mine:
            continue
        near = min(mine, key=lambda j: (is_small(clusters[j], page), sights[i, j].cost))
        side = {j: sights[i, j].binding for j in mine}
        strays = _strays(clusters, mine, near, side, page, reach=36.0 if prose else page.height)
        for j in strays:
            del home[j]
        mine = [j for j in mine if j not in strays]
        if all(is_small(clusters[j], page) for j in mine) and sum(clusters[j].area for j in mine) < 900:
            for j in mine:
                del home[j]
            continue
        sight = sights[i, near]
        confidence = 0.98 if sight.binding == habit[caption.table] and sight.cost < 60 else 0.9
        bounds.append(Bound(caption, [clusters[j] for j in mine], sight.binding, confidence))
    return bounds, [cluster for j, cluster in enumerate(clusters) if j not in home]


def see(
    caption: Caption, cluster: Cluster, page: Page, prose: Sequence[Line], others: Sequence[Caption]
) -> _Sight | None:
    """How a caption sees a cluster, None where something stands between."""
    box = caption.boxes[page.number]
    x0, y0, x1, y1 = cluster.bbox
    shared = min(x1, box[2]) - max(x0, box[0])
    least = min(x1 - x0, box[2] - box[0])
    level = min(y1, box[3]) - max(y0, box[1])
    tall = min(y1 - y0, box[3] - box[1])
    if level > 0.5 * tall and shared <= 0.2 * least:
        gap = max(x0 - box[2], box[0] - x1, 0.0)
        between = (min(x1, box[2]), max(y0, box[1]), max(x0, box[0]), min(y1, box[3]))
        if gap < 0.25 * page.width and not _blocked(between, prose, others, page, caption):
            return _Sight(gap + 40.0, "beside")
        return None
    middle = (y0 + y1) / 2
    binding: Binding = "below" if middle < (box[1] + box[3]) / 2 else "above"
    gap = max(0.0, box[1] - y1 if binding == "below" else y0 - box[3])
    aside = 0.0
    if shared < 0.15 * least:
        # not over one another: only where nothing else stands in the way
        aside = max(x0 - box[2], box[0] - x1, 0.0) + 60.0
    low, high = max(x0, box[0]), min(x1, box[2])
    if shared <= 0:
        low, high = min(x0, box[0]), max(x1, box[2])
    between = (low, y1, high, box[1]) if binding == "below" else (low, box[3], high, y0)
    if _blocked(between, prose, others, page, caption):
        return None
    # convex, so that two captions over two pictures are taken in their order
    return _Sight(gap + aside + (gap + aside) ** 2 / 2000, binding)


def _blocked(
    between: Box, prose: Sequence[Line], others: Sequence[Caption], page: Page, caption: Caption
) -> bool:
    x0, y0, x1, y1 = between
    if y1 - y0 < 1 or x1 - x0 < 1:
        return False
    own = {id(line) for _, line in caption.lines}
    walls = [line.bbox for line in prose if id(line) not in own]
    here = caption.boxes[page.number]
    for box in (other.boxes[page.number] for other in others if other is not caption):
        apart = max(here[1] - box[3], box[1] - here[3])
        stacked = apart < 30 and min(here[2], box[2]) > max(here[0], box[0])
        if not stacked:
            walls.append(box)
    for wall in walls:
        across = min(x1, wall[2]) - max(x0, wall[0])
        down = min(y1, wall[3]) - max(y0, wall[1])
        if down > 0.5 * (wall[3] - wall[1]) and across > 0.15 * min(x1 - x0, wall[2] - wall[0]):
            return True
    return False


def _strays(
    clusters: Sequence[Cluster],
    mine: Sequence[int],
    near: int,
    side: dict[int, Binding],
    page: Page,
    reach: float,
) -> set[int]:
    """Of a caption's clusters, those across the caption, and small ones farther than ``reach`` from the others."""
    kept = {near}
    box = clusters[near].bbox
    grown = True
    while grown:
        grown = False
        for j in mine:
            x0, y0, x1, y1 = clusters[j].bbox
            level = min(y1, box[3]) - max(y0, box[1]) > 0.5 * min(y1 - y0, box[3] - box[1])
            gap = max(x0 - box[2], box[0] - x1, y0 - box[3], box[1] - y1)
            close = gap < reach or not is_small(clusters[j], page)
            if j not in kept and close and (level or side[j] == side[near]):
                kept.add(j)
                box = union([box, clusters[j].bbox])
                grown = True
    return set(mine) - kept


def find_loose(
    page: Page, clusters: Sequence[Cluster], prose: Sequence[Line], captioned: bool
) -> list[Bound]:
    """Pictures no caption of the page took: all of a page without prose are one figure."""
    solid = [c for c in clusters if not c.ruled]
    large = [c for c in solid if not is_small(c, page)]
    if large and not captioned and len(prose) <= 2:
        return [Bound(None, solid)]
    return [Bound(None, [c]) for c in large]


def set_in_type(
    page: Page,
    captions: Sequence[Caption],
    clusters: Sequence[Cluster],
    prose: Sequence[Line],
    habit: dict[bool, Binding],
) -> list[Bound]:
    """A figure that is nothing but letters (an alignment, a listing), on a page with no other picture."""
    figures = [c for c in captions if not c.table and not c.bare]
    if len(figures) != 1 or any(not is_small(c, page) for c in clusters):
        return []
    caption = figures[0]
    box = caption.boxes[page.number]
    walls = {id(line) for line in prose} | {id(line) for c in captions for _, line in c.lines}
    binding: Binding = "above" if habit[False] == "above" else "below"
    lines = [
        line
        for line in page.lines
        if id(line) not in walls
        and (line.bbox[3] <= box[1] + 1 if binding == "below" else line.bbox[1] >= box[3] - 1)
    ]
    if (
        any(line.bbox[3] < box[1] if binding == "below" else line.bbox[1] > box[3] for line in prose)
        or len(lines) < 4
    ):
        return []
    drawn = [c for c in clusters if c.bbox[3] <= box[1] + 1 or c.bbox[1] >= box[3] - 1]
    text = Cluster(page.number, union(line.bbox for line in lines), lines=lines)
    return [Bound(caption, [text, *drawn], binding, 0.7)]


def take_labels(bound: Bound, pages: dict[int, Page], walls: dict[int, list[Line]], body: Style) -> None:
    """Give a figure the texts that stand just outside its marks: panel letters, titles of a plot's axes."""
    for number in {cluster.page for cluster in bound.clusters}:
        clusters = [cluster for cluster in bound.clusters if cluster.page == number]
        taken = {id(line) for c in clusters for line in c.lines} | {id(line) for line in walls[number]}
        free = [line for line in pages[number].lines if id(line) not in taken]
        plot = any(cluster.drawings for cluster in clusters)
        box = union(cluster.bbox for cluster in clusters)
        grown = True
        while grown:
            found = [line for line in free if _labels(line, box, plot, body)]
            for line in found:
                free.remove(line)
                clusters[0].lines.append(line)
                box = union([box, line.bbox])
            grown = bool(found)
        clusters[0].bbox = union([clusters[0].bbox, *(line.bbox for line in clusters[0].lines)])


def _labels(line: Line, box: Box, plot: bool, body: Style) -> bool:
    """A line by the side of a figure is a panel letter, or a title of a plot in letters unlike the body's."""
    x0, y0, x1, y1 = line.bbox
    gap = max(x0 - box[2], box[0] - x1, y0 - box[3], box[1] - y1)
    text = clean(line.text)
    if gap <= 0 or gap > 24:
        return False
    if _PANEL_LETTER.match(text):
        return True
    small = line.lead.size < body.size - 0.75 or font_family(line.lead.font) != body.font
    if not plot or not small or line.lead.size > body.size + 0.5 or len(text.split()) > 8:
        return False
    across = min(x1, box[2]) > max(x0, box[0])
    return gap <= 16 if across else y0 >= box[1] - 6 and y1 <= box[3] + 6


def take_notes(
    bound: Bound, page: Page, captions: Sequence[Caption], body: Style, words: frozenset[str]
) -> None:
    """Give a caption above its picture the notes below it: a few lines in its own type, nothing after them."""
    caption = bound.caption
    if caption is None or bound.binding != "above" or caption.page != page.number:
        return
    type_ = _type(caption.lines[0][1])
    if type_ == (body.font, round(body.size), body.bold):
        return
    spoken = {id(line) for other in captions for _, line in other.lines}
    edge = max(cluster.bbox[3] for cluster in bound.clusters)
    notes: list[Line] = []
    for line in sorted(page.lines, key=lambda line: line.baseline):
        if not line.upright or line.bbox[1] < edge - 2:
            continue
        if line.bbox[1] - edge > 2 * line.lead.size:
            break
        if id(line) in spoken or _type(line) != type_ or len(notes) == _MOST_NOTES:
            return  # what looked like notes is the head of what comes
        notes.append(line)
        edge = line.bbox[3]
    if notes:
        caption.text = unwrap([caption.text, *(line.text for line in notes)], words)
        caption.lines += [(page.number, line) for line in notes]


def _type(line: Line) -> tuple[str, int, bool]:
    return font_family(line.lead.font), round(line.lead.size), line.lead.bold
