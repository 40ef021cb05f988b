"""A whole manuscript, read: its pages, its captions, its figures in the making, its body text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pymupdf
from pymupdf import mupdf

from covidct_curate.errors import UnreadablePDF
from covidct_curate.extract.binding import bind
from covidct_curate.extract.captions import Caption, find_captions
from covidct_curate.extract.furniture import strip_furniture
from covidct_curate.extract.identity import read_identity
from covidct_curate.extract.page import Page, read_page
from covidct_curate.extract.sideways import reading_turn, turn_back, turn_page
from covidct_curate.extract.sight import Bound
from covidct_curate.extract.text import Style, body_style, clean, unwrap, vocabulary
from covidct_curate.records import Paper

_REFERENCES = re.compile(
    r"^\W*(?:\d+\.?\s*)?(?:references?|bibliography|literature cited|works cited)\W*$", re.I
)


@dataclass(slots=True)
class Manuscript:
    """What reading a PDF gave, before any image is decoded."""

    paper: Paper
    pages: list[Page]
    """As read, running matter included."""
    content: list[Page]
    """The same without running matter."""
    captions: list[Caption]
    figures: list[Bound]
    body: str
    """Running text up to the references, without captions."""
    notes: list[str]


def open_document(path: Path) -> pymupdf.Document:
    """Open a PDF. Raises UnreadablePDF with the reason in plain words."""
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    try:
        if path.stat().st_size == 0:
            raise UnreadablePDF("the file is empty")
        document = pymupdf.open(path, filetype="pdf")
        locked = bool(document.needs_pass)
        count = 0 if locked else document.page_count
    except (mupdf.FzErrorBase, RuntimeError, ValueError) as error:
        raise UnreadablePDF("it is not a PDF, or one too damaged to be opened") from error
    if locked:
        document.close()
        raise UnreadablePDF("it is protected by a password: save a copy without one")
    if count == 0:
        document.close()
        raise UnreadablePDF("it has no pages, or none that can be found")
    return document


def read_manuscript(document: pymupdf.Document, name: str) -> Manuscript:
    """Read every page that can be read; ``name`` is the file's stem. Raises UnreadablePDF when none can."""
    pages: list[Page] = []
    damaged: dict[str, list[int]] = {}
    for number in range(document.page_count):
        try:
            pages.append(read_page(document, number))
        except Exception as error:  # whatever a damaged page breaks, it costs that page
            damaged.setdefault(_words(error), []).append(number + 1)
    if not pages:
        raise UnreadablePDF("no page of it can be read")
    notes = [f"{_counted(numbers)} left out: {words}" for words, numbers in damaged.items()]
    paper = read_identity(pages, document.metadata or {}, name, page_count=document.page_count)
    stripped = strip_furniture(pages)
    turned = {page.number: (page, turn) for page in stripped if (turn := reading_turn(page))}
    content = [turn_page(*turned[page.number]) if page.number in turned else page for page in stripped]
    body, words = body_style(content), vocabulary(content)
    captions = find_captions(content, body, words)
    figures = bind(content, captions, body, words)
    text = "\n\n".join(unwrap(lines, words) for lines in _paragraphs(content, captions, figures, body))
    for page, turn in turned.values():
        found = [c for figure in figures for c in figure.clusters if c.page == page.number]
        turn_back(found, page, turn)
    return Manuscript(paper, pages, stripped, captions, figures, text, notes)


def _words(error: Exception) -> str:
    """What we or MuPDF say of a page, without codes; Python's errors say nothing to a reader."""
    if isinstance(error, UnreadablePDF | mupdf.FzErrorBase | RuntimeError):
        return clean(re.sub(r"^code=\d+: ", "", str(error)))[:200]
    return "it is damaged"


def _counted(numbers: Sequence[int]) -> str:
    """``page 3`` or ``pages 3, 7, 8 and 40 more``."""
    if len(numbers) == 1:
        return f"page {numbers[0]}"
    more = f" and {len(numbers) - 10} more" if len(numbers) > 10 else ""
    return f"pages {', '.join(map(str, numbers[:10]))}{more}"


def _paragraphs(
    pages: Sequence[Page], captions: Sequence[Caption], figures: Sequence[Bound], style: Style
) -> list[list[str]]:
    """Lines of running text up to the references, parted at each heading."""
    skip = {id(line) for caption in captions for _, line in caption.lines}
    skip |= {id(line) for figure in figures for cluster in figure.clusters for line in cluster.lines}
    paragraphs: list[list[str]] = [[]]
    for index, page in enumerate(pages):
        # in the order the file sets them: that is how columns are read
        for line in sorted(page.lines, key=lambda line: (line.block, line.baseline, line.bbox[0])):
            if _REFERENCES.match(clean(line.text)) and index >= len(pages) // 3:
                return paragraphs
            if not line.upright or id(line) in skip:
                continue
            letters = [span for span in line.spans if span.text.strip()]
            if all((span.bold and not style.bold) or span.size > style.size + 1 for span in letters):
                paragraphs += [[line.text], []]
            else:
                paragraphs[-1].append(line.text)
    return paragraphs
