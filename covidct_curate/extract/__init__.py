"""One PDF in; its figures, captions, pictures and in-text mentions out."""

from __future__ import annotations

from pathlib import Path

from covidct_curate.extract.lettering import find_lettering
from covidct_curate.extract.manuscript import Manuscript, open_document, read_manuscript
from covidct_curate.extract.mentions import find_mentions
from covidct_curate.extract.names import safe_name
from covidct_curate.extract.pixels import NameBook, write_pictures
from covidct_curate.extract.region import Region
from covidct_curate.extract.sight import Bound
from covidct_curate.extract.text import clean, union
from covidct_curate.records import Extraction, Figure, Lettering, Picture

STAGE_VERSION = 3
"""Counts up whenever the same PDF would give other figures: what was extracted by another is done again."""


def extract_paper(path: Path, out: Path, *, name: str) -> Extraction:
    """Extract ``path``, writing picture files into the folder ``out``.

    ``name`` stands for the paper in file names where no DOI is found. Raises UnreadablePDF when no page
    can be had; a page or picture that fails is left out and told in ``notes``.
    """
    with open_document(path) as document:
        manuscript = read_manuscript(document, name)
        stem = safe_name((manuscript.paper.doi or "").partition("/")[2] or name)
        names = NameBook(stem)
        labels = [b.caption.label.text for b in manuscript.figures if b.caption]
        mentions = find_mentions(manuscript.body, labels)
        figures, notes = [], list(manuscript.notes)
        captions = {id(line) for caption in manuscript.captions for _, line in caption.lines}
        for bound in manuscript.figures:
            pictures, failed = _pictures(manuscript, bound, out, names)
            notes += failed
            label = bound.caption.label.text if bound.caption else None
            lettering = _lettering(manuscript, bound, captions)
            figures.append(_figure(bound, pictures, mentions.get(label or "", ()), lettering))
        return Extraction(manuscript.paper, tuple(figures), tuple(notes), body=manuscript.body)


def _pictures(
    manuscript: Manuscript, bound: Bound, out: Path, names: NameBook
) -> tuple[list[Picture], list[str]]:
    pictures: list[Picture] = []
    notes: list[str] = []
    pages = {page.number: page for page in manuscript.pages}
    for number in sorted({cluster.page for cluster in bound.clusters}):
        clusters = [cluster for cluster in bound.clusters if cluster.page == number]
        region = Region(
            number,
            union(cluster.bbox for cluster in clusters),
            tuple(sorted((p for c in clusters for p in c.placements), key=lambda p: p.order)),
            tuple(d for c in clusters for d in c.drawings),
            tuple(line for c in clusters for line in c.lines),
        )
        try:
            written, failed = write_pictures(pages[number], region, out, names)
        except (OSError, MemoryError):
            raise
        except Exception:  # whatever a damaged picture breaks, it costs that picture
            written, failed = [], ["a picture left out: it is damaged"]
        pictures += written
        notes += [f"page {number + 1}: {note}" for note in failed]
    return pictures, notes


def _lettering(manuscript: Manuscript, bound: Bound, captions: set[int]) -> tuple[Lettering, ...]:
    found: list[Lettering] = []
    for page in manuscript.content:
        clusters = [cluster for cluster in bound.clusters if cluster.page == page.number]
        if clusters:
            inside = [line for cluster in clusters for line in cluster.lines]
            found += find_lettering(page, union(c.bbox for c in clusters), inside, captions)
    return tuple(found)


def _figure(
    bound: Bound, pictures: list[Picture], mentions: tuple[str, ...], lettering: tuple[Lettering, ...]
) -> Figure:
    caption, first = bound.caption, bound.page
    pages = tuple(sorted({cluster.page for cluster in bound.clusters}))
    box = union(c.bbox for c in bound.clusters if c.page == first) if bound.clusters else None
    placements = sorted((p for c in bound.clusters for p in c.placements), key=lambda p: p.order)
    return Figure(
        label=caption.label.text if caption else None,
        caption=clean(caption.text) if caption else "",
        caption_page=caption.page if caption else None,
        page=first,
        bbox=box,
        binding=bound.binding,
        confidence=bound.confidence,
        xrefs=tuple(dict.fromkeys(p.xref for p in placements if p.xref is not None)),
        pictures=tuple(pictures),
        mentions=mentions,
        pages=pages,
        lettering=lettering,
    )
