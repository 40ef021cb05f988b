"""What one PDF page holds: lines of text, images as placed, drawings.

The page is interpreted once, into a display list; text and marks are both read from that list, and no
image is decoded. Everything is in PDF points of the page as displayed (rotation and crop box applied),
origin top left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pymupdf
from pymupdf import mupdf

from covidct_curate.errors import UnreadablePDF
from covidct_curate.records import Box

_TEXT_FLAGS = pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES
_BOLD, _ITALIC, _SUPERSCRIPT = 16, 2, 1
_COLOUR_AREA = 2000.0
"""Square points above which a drawing's colour is asked for: a white sheet behind a chart is no ink."""

_LARGEST = 100_000.0
"""Points a side of a page; larger ones are damage."""

_RGB = mupdf.FzColorspace(mupdf.FzColorspace.Fixed_RGB)
_COLOUR = mupdf.FzColorParams()

Matrix = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in one font."""

    text: str
    bbox: Box
    font: str
    size: float
    bold: bool
    italic: bool
    superscript: bool
    colour: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text as the PDF sets it."""

    text: str
    bbox: Box
    spans: tuple[Span, ...]
    block: int
    baseline: float
    lead: Span
    """The span with most letters: the line's font."""
    turn: int
    """Quarter turns clockwise at which it stands: 0 reads from left to right, 1 downwards, 3 upwards. Text
    at another angle, which nothing is made of, counts as 2, upside down."""

    @property
    def upright(self) -> bool:
        """Reads left to right along the page's upper edge."""
        return self.turn == 0


@dataclass(frozen=True, slots=True)
class Placement:
    """One image as the page places it."""

    image: Any
    """``mupdf.FzImage``, undecoded."""
    xref: int | None
    """None for an inline image."""
    matrix: Matrix
    """Maps the unit square to the page."""
    bbox: Box
    """What of it can be seen."""
    full: Box
    """Where the whole image would lie, were nothing clipped."""
    size: tuple[int, int]
    """Width and height in pixels."""
    stencil: bool
    """A 1-bit mask through which a colour is painted."""
    alpha: float
    odd_clip: bool
    """Shown through a clip that is no upright rectangle, or through a soft mask of the page."""
    order: int
    """Place in the painting order, shared with drawings."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """The box of one filled or stroked path, or of a shading."""

    bbox: Box
    kind: Literal["fill", "stroke", "shade"]
    white: bool
    order: int


@dataclass(slots=True)
class Page:
    """A page's content."""

    number: int
    width: float
    height: float
    lines: list[Line]
    placements: list[Placement]
    drawings: list[Drawing]
    display: Any = field(repr=False)
    """The ``pymupdf.DisplayList`` it was read from, to render from without interpreting again."""


def read_page(document: pymupdf.Document, number: int) -> Page:
    """Read page ``number`` (0-based). Raises what MuPDF raises on a page it cannot load, UnreadablePDF on
    one of absurd size."""
    page = document.load_page(number)
    display = page.get_displaylist()
    width, height = page.rect.width, page.rect.height
    if max(width, height) > _LARGEST:
        raise UnreadablePDF(f"it is {width:.0f} by {height:.0f} points large")
    device = _Marks(width, height)
    everywhere = mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE)
    mupdf.fz_run_display_list(display.this, device, mupdf.FzMatrix(), everywhere, mupdf.FzCookie())
    mupdf.fz_close_device(device)
    placements = _placements(document, page, device.images)
    scanned = any(covers(p, width, height) for p in placements)
    text = pymupdf.TextPage(display.get_textpage(_TEXT_FLAGS))
    lines = _lines(text.extractDICT()["blocks"], width, height, scanned)
    return Page(number, width, height, lines, placements, device.drawings, display)


def covers(placement: Placement, width: float, height: float) -> bool:
    """The image takes the whole page, as a scan does."""
    x0, y0, x1, y1 = placement.bbox
    return (x1 - x0) * (y1 - y0) > 0.8 * width * height


def _lines(blocks: Sequence[dict[str, Any]], width: float, height: float, scanned: bool) -> list[Line]:
    """Hidden letters count only over a scan, where they are what a reader sees."""
    lines = []
    for index, block in enumerate(blocks):
        for raw in block.get("lines", ()):
            spans = tuple(
                Span(
                    s["text"],
                    s["bbox"],
                    s["font"],
                    s["size"],
                    bool(s["flags"] & _BOLD),
                    bool(s["flags"] & _ITALIC),
                    bool(s["flags"] & _SUPERSCRIPT),
                    s["color"],
                )
                for s in raw["spans"]
                if s["text"] and (scanned or s.get("alpha", 255))
            )
            x0, y0, x1, y1 = raw["bbox"]
            seen = x1 > 0 and y1 > 0 and x0 < width and y0 < height
            if spans and seen and any(s.text.strip() for s in spans):
                text = "".join(s.text for s in spans)
                baseline = raw["spans"][0]["origin"][1]
                lead = longest(spans)
                # damaged letters may be miles wide
                box = max(x0, -width), max(y0, -height), min(x1, 2 * width), min(y1, 2 * height)
                lines.append(Line(text, box, spans, index, baseline, lead, _quarter(raw["dir"])))
    return lines


def longest(spans: Sequence[Span]) -> Span:
    """The span with most letters."""
    return max(spans, key=lambda span: len(span.text.strip()))


def _quarter(direction: tuple[float, float]) -> int:
    x, y = direction
    return 0 if x > 0.99 else 1 if y > 0.99 else 3 if y < -0.99 else 2


class _Marks(mupdf.FzDevice2):  # type: ignore[misc]
    """MuPDF device that notes where images and paths fall. Callbacks get raw structs from MuPDF."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__()
        self.page = (0.0, 0.0, width, height)
        self.images: list[tuple[Any, Matrix, Box, bool, float, bool, int]] = []
        self.drawings: list[Drawing] = []
        self.order = 0
        self.odd: list[bool | Matrix] = []
        self.masks = 0
        for name in [
            "fill_path",
            "stroke_path",
            "fill_shade",
            "fill_image",
            "fill_image_mask",
            "clip_path",
            "clip_stroke_path",
            "clip_text",
            "clip_stroke_text",
            "clip_image_mask",
            "pop_clip",
            "begin_mask",
            "end_mask",
        ]:
            getattr(self, f"use_virtual_{name}")()

    def _visible(self, rect: Any) -> Box | None:
        clip = mupdf.ll_fz_device_current_scissor(self.m_internal)
        box = (
            max(rect.x0, clip.x0, 0.0),
            max(rect.y0, clip.y0, 0.0),
            min(rect.x1, clip.x1, self.page[2]),
            min(rect.y1, clip.y1, self.page[3]),
        )
        return box if box[2] >= box[0] and box[3] >= box[1] else None

    def _draw(
        self,
        kind: Literal["fill", "stroke", "shade"],
        rect: Any,
        alpha: float,
        colour: tuple[Any, Any] | None = None,
    ) -> None:
        self.order += 1
        if self.masks or alpha <= 0:
            return
        box = self._visible(rect)
        if box is None:
            return
        white = False
        if colour is not None and (box[2] - box[0]) * (box[3] - box[1]) > _COLOUR_AREA:
            white = _is_white(*colour)
        self.drawings.append(Drawing(box, kind, white, self.order))

    def _place(self, image: Any, ctm: Any, stencil: bool, alpha: float) -> None:
        self.order += 1
        if self.masks or alpha <= 0:
            return
        box = self._visible(mupdf.ll_fz_transform_rect(mupdf.fz_unit_rect, ctm))
        if box is None:
            return
        kept = mupdf.FzImage(mupdf.ll_fz_keep_image(image))
        matrix = _matrix(ctm)
        # MuPDF shows an image's own soft mask as a clip at the very same place: that is no odd clip
        odd = any(clip is not False and clip != matrix for clip in self.odd)
        self.images.append((kept, matrix, box, stencil, alpha, odd, self.order))

    def fill_path(
        self, ctx: Any, path: Any, even_odd: int, ctm: Any, space: Any, colour: Any, alpha: float, params: Any
    ) -> None:
        self._draw("fill", mupdf.ll_fz_bound_path(path, None, ctm), alpha, (space, colour))

    def stroke_path(
        self, ctx: Any, path: Any, stroke: Any, ctm: Any, space: Any, colour: Any, alpha: float, params: Any
    ) -> None:
        self._draw("stroke", mupdf.ll_fz_bound_path(path, stroke, ctm), alpha, (space, colour))

    def fill_shade(self, ctx: Any, shade: Any, ctm: Any, alpha: float, params: Any) -> None:
        self._draw("shade", mupdf.ll_fz_bound_shade(shade, ctm), alpha)

    def fill_image(self, ctx: Any, image: Any, ctm: Any, alpha: float, params: Any) -> None:
        self._place(image, ctm, False, alpha)

    def fill_image_mask(
        self, ctx: Any, image: Any, ctm: Any, space: Any, colour: Any, alpha: float, params: Any
    ) -> None:
        self._place(image, ctm, True, alpha)

    def clip_path(self, ctx: Any, path: Any, even_odd: int, ctm: Any, scissor: Any) -> None:
        self.odd.append(not mupdf.ll_fz_path_is_rect(path, ctm))

    def clip_stroke_path(self, *_: Any) -> None:
        self.odd.append(True)

    def clip_text(self, *_: Any) -> None:
        self.odd.append(True)

    def clip_stroke_text(self, *_: Any) -> None:
        self.odd.append(True)

    def clip_image_mask(self, ctx: Any, image: Any, ctm: Any, scissor: Any) -> None:
        self.odd.append(_matrix(ctm))

    def begin_mask(self, *_: Any) -> None:
        self.masks += 1

    def end_mask(self, *_: Any) -> None:
        self.masks -= 1
        self.odd.append(True)

    def pop_clip(self, *_: Any) -> None:
        if self.odd:
            self.odd.pop()


def _matrix(ctm: Any) -> Matrix:
    return (ctm.a, ctm.b, ctm.c, ctm.d, ctm.e, ctm.f)


def _is_white(space: Any, colour: Any) -> bool:
    if not space:
        return False
    rgb = mupdf.ll_fz_convert_color(space, colour, _RGB.m_internal, None, _COLOUR.internal())
    return bool(min(rgb[:3]) > 0.98)


def _placements(
    document: pymupdf.Document,
    page: pymupdf.Page,
    images: Sequence[tuple[Any, Matrix, Box, bool, float, bool, int]],
) -> list[Placement]:
    numbers = _xrefs(document, page) if images else {}
    placements = []
    for image, matrix, box, stencil, alpha, odd, order in images:
        a, b, c, d, e, f = matrix
        xs, ys = (e, e + a, e + c, e + a + c), (f, f + b, f + d, f + b + d)
        full = (min(xs), min(ys), max(xs), max(ys))
        xref = numbers.get(image.m_internal_value())
        size = (image.w(), image.h())
        placements.append(Placement(image, xref, matrix, box, full, size, stencil, alpha, odd, order))
    return placements


def _xrefs(document: pymupdf.Document, page: pymupdf.Page) -> dict[int, int]:
    """Address of each loaded image of the page → its xref. Looked up in MuPDF's store: decodes nothing."""
    if not document.is_pdf:
        return {}
    pdf = mupdf.pdf_specifics(document.this)
    numbers = {}
    for xref in {entry[0] for entry in page.get_images(full=True)}:
        try:
            image = mupdf.pdf_load_image(pdf, mupdf.pdf_new_indirect(pdf, xref, 0))
        except (mupdf.FzErrorBase, TypeError):  # PyMuPDF turns some of MuPDF's errors into TypeErrors
            continue
        numbers[image.m_internal_value()] = xref
    return numbers
