"""Binding: which caption belongs to which picture, decided once for the whole document.

On a page: each cluster goes to the caption it can see without prose between, in the document's own
habit (captions below, above or beside their pictures). Over pages: a label standing alone at a picture
leads to its entry in a legends section; a caption without a picture looks to the facing page; what is
left is bound in order of appearance when the numbers agree. A caption or a picture that fits nowhere
stays alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from covidct_curate.extract.captions import Caption
from covidct_curate.extract.page import Line, Page
from covidct_curate.extract.regions import Cluster, find_clusters, find_prose, is_picture
from covidct_curate.extract.sight import (
    Bound,
    bind_page,
    find_habits,
    find_loose,
    set_in_type,
    take_labels,
    take_notes,
)
from covidct_curate.extract.text import Style, union
from covidct_curate.records import Binding


def bind(
    pages: Sequence[Page], captions: Sequence[Caption], body: Style, words: frozenset[str]
) -> list[Bound]:
    """Figures of the document in reading order, captions and pictures left alone among them."""
    clusters: dict[int, list[Cluster]] = {}
    spoken = {id(line) for caption in captions for _, line in caption.lines}
    prose = {
        page.number: [line for line in find_prose(page, body) if id(line) not in spoken] for page in pages
    }
    for page in pages:
        lines = [line for caption in captions for number, line in caption.lines if number == page.number]
        clusters[page.number] = find_clusters(page, lines, prose[page.number])
    habit = find_habits(pages, captions, clusters, prose)
    bounds: list[Bound] = []
    loose: list[Bound] = []
    for page in pages:
        here = [c for c in captions if page.number in c.boxes and not (c.legend and not c.bare)]
        found, left = bind_page(page, here, clusters[page.number], prose[page.number], habit)
        bounds += found or set_in_type(page, here, clusters[page.number], prose[page.number], habit)
        loose += find_loose(page, left, prose[page.number], bool(here))
    placed = {id(bound.caption) for bound in bounds}
    bounds += [Bound(c) for c in captions if id(c) not in placed]
    bounds = _one_per_label([b for b in bounds if b.caption and not b.caption.table])
    loose = _facing(bounds, loose, prose)
    loose = _in_order(bounds, loose, pages, prose)
    walls = {
        page.number: prose[page.number] + [line for c in captions for n, line in c.lines if n == page.number]
        for page in pages
    }
    loose = _continued(bounds, loose, walls)
    sheets = {page.number: page for page in pages}
    first = pages[0].number
    loose = [b for b in loose if any(is_picture(c, sheets[c.page], c.page == first) for c in b.clusters)]
    for bound in (*bounds, *loose):
        take_labels(bound, sheets, walls, body)
        if bound.page is not None:
            take_notes(bound, sheets[bound.page], captions, body, words)
    order = {page.number: index for index, page in enumerate(pages)}

    def place(bound: Bound) -> tuple[int, float]:
        if bound.clusters:
            top = min(bound.clusters, key=lambda c: (order[c.page], c.bbox[1]))
            return order[top.page], top.bbox[1]
        assert bound.caption is not None
        return order[bound.caption.page], bound.caption.box[1]

    return sorted(bounds + loose, key=place)


def _one_per_label(bounds: Sequence[Bound]) -> list[Bound]:
    """Captions of the same label brought together: the fullest text, the picture wherever one is."""
    groups: defaultdict[str, list[Bound]] = defaultdict(list)
    for bound in bounds:
        assert bound.caption is not None
        groups[bound.caption.label.text].append(bound)
    result = []
    for group in groups.values():
        captions = [b.caption for b in group if b.caption]
        drawn = [b for b in group if b.clusters]
        sighted = {id(b.caption) for b in drawn}
        best = max(captions, key=lambda c: (_weight(c, id(c) in sighted), -c.page))
        whole = Bound(best)
        if drawn:
            own = next((b for b in drawn if b.caption is best), None)
            first = own or drawn[0]
            more = [b for b in drawn if b is not first and _is_continuation(b, first)]
            whole.clusters = [c for b in (first, *more) for c in b.clusters]
            whole.binding = first.binding if own else "legend"
            whole.confidence = first.confidence if own else min(first.confidence, 0.95)
            if own:  # a supplement may count from 1 again: a picture and words of its own make a figure
                result += [b for b in drawn if b is not own and b not in more and _speaks(b, best)]
        result.append(whole)
    return result


def _weight(caption: Caption, sighted: bool) -> float:
    """How likely a caption is the one: a legend, or in sight of a picture, rather than long."""
    rank = 2000 if caption.legend and not caption.bare else 1000 if sighted and not caption.bare else 0
    return rank + min(len(caption.text), 900) - (5000 if _says_continued(caption) else 0)


def _speaks(bound: Bound, other: Caption) -> bool:
    """Has a caption of its own that is not said elsewhere."""
    own = bound.caption
    return own is not None and len(own.text) > 40 and own.text[:40] != other.text[:40]


def _says_continued(caption: Caption) -> bool:
    return re.match(r"\W*(?:continued|cont\W?|cont.d)\b", caption.text, re.I) is not None


def _is_continuation(bound: Bound, first: Bound) -> bool:
    pages = {c.page for c in first.clusters}
    return bound.caption is not None and (
        _says_continued(bound.caption)
        or (bound.caption.bare and any(abs(c.page - p) == 1 for c in bound.clusters for p in pages))
    )


def _facing(bounds: Sequence[Bound], loose: list[Bound], prose: dict[int, list[Line]]) -> list[Bound]:
    """A caption at a page's head and a picture at the foot of the page before, or the other way round."""
    for bound in bounds:
        caption = bound.caption
        if bound.clusters or caption is None or caption.legend:
            continue
        top, bottom = caption.box[1], caption.box[3]
        head = not any(line.bbox[3] <= top for line in prose[caption.page])
        foot = not any(line.bbox[1] >= bottom for line in prose[caption.page])
        before = [b for b in loose if b.page == caption.page - 1] if head else []
        after = [b for b in loose if b.page == caption.page + 1] if foot else []
        before = [b for b in before if not _wall_after(b, prose)]
        after = [b for b in after if not _wall_before(b, prose)]
        choice = max(before, key=lambda b: b.clusters[0].bbox[3], default=None)
        binding: Binding = "next-page"
        if choice is None:
            choice = min(after, key=lambda b: b.clusters[0].bbox[1], default=None)
            binding = "previous-page"
        if choice is not None:
            bound.clusters, bound.binding, bound.confidence = choice.clusters, binding, 0.85
            loose = [b for b in loose if b is not choice]
    return loose


def _in_order(
    bounds: Sequence[Bound], loose: list[Bound], pages: Sequence[Page], prose: dict[int, list[Line]]
) -> list[Bound]:
    """Captions and pictures left over, bound in order of appearance."""
    by_page = {page.number: page for page in pages}
    alone = {number for number, lines in prose.items() if not lines and number != pages[0].number}
    waiting = [b for b in bounds if not b.clusters and b.caption and not b.caption.bare]
    grand = [b for b in loose if b.page in alone or _share(b, by_page[b.clusters[0].page]) > 0.06]
    grand.sort(key=lambda b: (b.page, min(c.bbox[1] for c in b.clusters)))
    if not all(b.caption and b.caption.legend for b in waiting):
        grand = [b for b in grand if b.page in alone]  # only a page of its own waits for a caption elsewhere
    if not waiting or not grand:
        return loose
    main = [b for b in waiting if b.caption and not b.caption.label.supplement]
    if len(waiting) > len(grand) == len(main):
        waiting = main  # the supplement's pictures lie in another file
    last = max(b.caption.page for b in waiting if b.caption)
    after = [b for b in grand if (b.page or 0) >= last]
    if len(grand) == len(waiting):
        pictures, confidence = grand, 0.8
    elif len(after) == len(waiting):
        pictures, confidence = after, 0.75
    else:
        pictures, confidence = (after if len(after) > len(waiting) else grand), 0.4
        if len(pictures) < len(waiting):
            return loose
    chosen = []
    for bound, picture in zip(waiting, pictures, strict=False):
        bound.clusters, bound.binding, bound.confidence = picture.clusters, "order", confidence
        if bound.caption and bound.caption.legend:
            bound.binding = "legend"
        chosen.append(picture)
    return [b for b in loose if b not in chosen]


def _share(bound: Bound, page: Page) -> float:
    box = union(c.bbox for c in bound.clusters)
    return (box[2] - box[0]) * (box[3] - box[1]) / (page.width * page.height)


def _continued(bounds: Sequence[Bound], loose: list[Bound], walls: dict[int, list[Line]]) -> list[Bound]:
    """A picture at a page's foot goes on at the head of the next, down to the caption there.

    Or the other way round: under a caption at a page's foot, and on over the page.
    """
    for picture in sorted(loose, key=lambda b: -(b.page or 0)):
        number = picture.page
        assert number is not None
        for bound in bounds:
            if not bound.clusters or bound.caption is None:
                continue
            first, last = bound.page, max(c.page for c in bound.clusters)
            ahead = (
                first == number + 1
                and bound.binding in ("below", "next-page")
                and not _wall_after(picture, walls)
                and not _wall_before(bound, walls)
            )
            behind = (
                last == number - 1
                and bound.binding in ("above", "previous-page")
                and not _wall_before(picture, walls)
                and not _wall_after(bound, walls)
            )
            if ahead or behind:
                bound.clusters = (
                    [*picture.clusters, *bound.clusters] if ahead else [*bound.clusters, *picture.clusters]
                )
                bound.confidence = min(bound.confidence, 0.85)
                loose = [b for b in loose if b is not picture]
                break
    return loose


def _wall_after(bound: Bound, walls: dict[int, list[Line]]) -> bool:
    """Prose or a caption under the picture, on its last page."""
    page = max(c.page for c in bound.clusters)
    bottom = max(c.bbox[3] for c in bound.clusters if c.page == page)
    return any(line.bbox[1] > bottom - 4 for line in walls[page])


def _wall_before(bound: Bound, walls: dict[int, list[Line]]) -> bool:
    """Prose or a caption over the picture, on its first page."""
    page = min(c.page for c in bound.clusters)
    top = min(c.bbox[1] for c in bound.clusters if c.page == page)
    return any(line.bbox[3] < top + 4 for line in walls[page])
