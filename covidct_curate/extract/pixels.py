"""The pictures of one figure, written as PNG files.

A figure that is one embedded image is that image's own pixels, cut and turned as the page shows it; tiles
of one picture are joined; anything else is composed by rendering its part of the page. Where a page draws
arrows or letters over an image, and where several images make up a figure, the images' own pixels are kept
beside it. Colours are as `native` gives them; a composed picture without colour is written in grey.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pymupdf import mupdf

from covidct_curate.extract import native
from covidct_curate.extract.mosaic import joined, mosaics
from covidct_curate.extract.native import Decoder, ImageError, Piece
from covidct_curate.extract.page import Page, Placement
from covidct_curate.extract.region import Region
from covidct_curate.extract.text import union
from covidct_curate.png import Pixels, write_png
from covidct_curate.records import Box, Picture, Role

DRAWING_DPI = 200
"""Least resolution of a composed figure that has drawings or text in it."""
MAX_DPI = 600
MAX_COMPOSED = 40_000_000
"""Pixels of a composed picture."""
_PANEL_SIDE = 32
"""Pixels: a smaller image is an icon, no panel."""
_PANEL_SHARE = 0.02
"""Share of the figure's area below which an image is no panel."""
_SQUARE = 1.01
"""Sides of a pixel that differ no more than this count as equal."""
_WITHIN = 0.02
"""Pixels by which an image is drawn within the pixels it is to fill: MuPDF fills those it touches, and an
image drawn at its own size is copied, not interpolated."""
_FRAME = 2.0
"""Points at an image's edge in which a line drawn over it is its frame."""
_CHANGE, _CHANGED = 40, 8
"""Grey levels by which a pixel must differ, and how many must, for something to lie over an image."""
_HIDDEN = 0.15
"""Share of an image that an odd clip or mask may hide; of one that shows less, its own pixels are not kept."""


class NameBook:
    """Names of one paper's pictures, none given twice."""

    def __init__(self, stem: str) -> None:
        self.stem = stem
        self._given: set[str] = set()
        self._composed: dict[int, int] = {}

    def image(self, page: int, xref: int | None) -> str:
        """``<stem>-p<page>-<xref>.png``; a composed picture's name for an inline image or a second use."""
        name = f"{self.stem}-p{page}-{xref}.png"
        if xref is None or name in self._given:
            return self.composed(page)
        self._given.add(name)
        return name

    def composed(self, page: int) -> str:
        """``<stem>-p<page>-f<n>.png``, n from 1 on each page."""
        self._composed[page] = self._composed.get(page, 0) + 1
        return f"{self.stem}-p{page}-f{self._composed[page]}.png"


@dataclass(slots=True)
class _Part:
    """One picture of a figure: an embedded image, or several that are tiles of one."""

    pieces: list[Piece]
    box: Box
    scale: tuple[float, float]
    """Pixels a point, across and down."""

    @property
    def order(self) -> int:
        return self.pieces[0].placement.order

    @property
    def single(self) -> Placement | None:
        return self.pieces[0].placement if len(self.pieces) == 1 else None

    @property
    def side(self) -> float:
        """Its shorter side in pixels."""
        return min((self.box[2] - self.box[0]) * self.scale[0], (self.box[3] - self.box[1]) * self.scale[1])

    @property
    def rendered(self) -> bool:
        """It has no pixels of its own that would show it: its shape or colour is elsewhere."""
        one = self.single
        return one is not None and (one.stencil or native.mask_scale(one) != (1, 1))

    @property
    def sound(self) -> bool:
        """The page shows its own pixels, unless something is painted over them."""
        one = self.single
        return not self.rendered and (one is None or (one.alpha == 1 and not one.odd_clip))


def write_pictures(page: Page, region: Region, out: Path, names: NameBook) -> tuple[list[Picture], list[str]]:
    """Write the pictures of the figure at ``region`` into the folder ``out``.

    Returns the pictures, the figure itself first, then an embedded image's own pixels (role ``native``)
    or its parts in reading order (role ``part``); and notes on what was left out. No picture when there
    is nothing that can be shown. Raises OSError when a file cannot be written.
    """
    return _Writer(page, region, out, names).write()


class _Writer:
    def __init__(self, page: Page, region: Region, out: Path, names: NameBook) -> None:
        self.page, self.region, self.out, self.names = page, region, out, names
        self.own = {p.order for p in region.placements}
        self.load = Decoder()
        self.notes: list[str] = []
        self.pictures: list[Picture] = []
        x0, y0, x1, y1 = region.bbox
        self.bbox = max(x0, 0.0), max(y0, 0.0), min(x1, page.width), min(y1, page.height)

    def write(self) -> tuple[list[Picture], list[str]]:
        pieces, askew = self._sorted()
        parts = self._parts(pieces)
        bases = self._bases(parts)
        if len(bases) == 1 and not askew:
            self._single(bases[0], [p for p in parts if p is not bases[0]])
        elif parts or askew or self.region.drawings or self.region.lines:
            if askew or not self._paste(parts):
                self._compose(parts)
            self._keep(bases, "part" if len(bases) > 1 else "native")
        return self.pictures, self.notes

    # what there is -------------------------------------------------------------------------------------

    def _sorted(self) -> tuple[list[Piece], bool]:
        """The region's images in painting order, each once; and whether some can only be rendered.

        Others that lie within the region come along: they may be scraps of a picture stored in pieces.
        """
        pieces, askew = [], False
        seen = set()
        x0, y0, x1, y1 = self.bbox
        placed = {p.order: p for p in (*self.page.placements, *self.region.placements)}
        for order, placement in sorted(placed.items()):
            box, own = placement.bbox, order in self.own
            if not own and (box[0] < x0 - 1 or box[1] < y0 - 1 or box[2] > x1 + 1 or box[3] > y1 + 1):
                continue
            if native.too_large(placement):
                if own:
                    self.notes.append(f"{native.name(placement)} left out: too large")
                continue
            key = (placement.image.m_internal_value(), placement.matrix, box)
            if key in seen:
                continue
            seen.add(key)
            piece = native.piece(placement)
            if piece is not None:
                pieces.append(piece)
            elif own and _area(box) > 0:
                askew = True
        return pieces, askew

    def _parts(self, pieces: Sequence[Piece]) -> list[_Part]:
        """The pieces as pictures, in painting order."""
        alone = [_part([p]) for p in pieces]
        try:
            groups = mosaics([p.pieces[0] for p in alone if p.sound], self.load)
            parts = [p for p in alone if not p.sound] + [_part(group) for group in groups]
        except ImageError as error:
            self._note(error)
            parts = alone
        parts = [p for p in parts if any(piece.placement.order in self.own for piece in p.pieces)]
        return sorted(parts, key=lambda p: p.order)

    def _bases(self, parts: Sequence[_Part]) -> list[_Part]:
        """The parts that are pictures, in reading order: no icons, nothing laid over another part."""
        if len(parts) < 2:
            return list(parts)
        least = _PANEL_SHARE * _area(self.bbox)
        bases: list[_Part] = []
        for part in parts:
            small = _area(part.box) < least or part.side < _PANEL_SIDE
            if not small and not any(_area(_shared(part.box, b.box)) > 0.8 * _area(part.box) for b in bases):
                bases.append(part)
        return _reading_order(bases)

    # what is written -----------------------------------------------------------------------------------

    def _single(self, part: _Part, others: Sequence[_Part]) -> None:
        """A figure with one picture in it, and what may be drawn on it and around it."""
        try:
            pixels, scale = self._own(part)
        except ImageError as error:
            self._note(error)
            if others or self.region.drawings or self.region.lines:
                self._compose([part, *others])
            return
        if pixels is None:
            self._compose([part, *others])
            return
        painted, around = self._over(part, others), self._around(part, others)
        if part.sound and not painted and not around:
            self._write(pixels, "figure", part)
            return
        box, density, size, anchor = self._grid([part, *others])
        whole = cut = None
        if density == scale:
            whole = self._render(box, density, size, anchor)
            cut = _cut(whole, box, density, part.box, pixels)
        changed = 0
        if not part.rendered and (painted or not part.sound):
            if cut is None:
                cut = self._render(part.box, scale, (pixels.shape[1], pixels.shape[0]), part.box)
            changed = _changed(pixels, cut, scale) if cut is not None else 0
        over = changed > _CHANGED
        if not around and not over:
            self._write(pixels, "figure", part)
            return
        if whole is None:
            whole = self._render(box, density, size, anchor)
        composed = self._finish(whole, over and painted)
        holes = part.single is None and any(_meet(p.box, part.box) for p in others)
        hidden = not part.sound and changed > _HIDDEN * pixels.shape[0] * pixels.shape[1]
        if not composed or not (holes or hidden or _blank(pixels)):
            self._write(pixels, "native" if composed else "figure", part, over and painted)

    def _compose(self, parts: Sequence[_Part]) -> None:
        self._finish(self._render(*self._grid(parts)))

    def _paste(self, parts: Sequence[_Part]) -> bool:
        """Write images that lie on one grid of pixels, with nothing else in the figure, as they are."""
        if self.region.drawings or self.region.lines or not all(p.sound for p in parts):
            return False
        pieces = [piece for part in parts for piece in part.pieces]
        if any(native.see_through(p.placement) for p in pieces):
            return False
        try:
            found = joined(pieces, self.load)
        except ImageError:
            return False
        if found is None or found[0].size > 3 * MAX_COMPOSED:
            return False
        self._write(found[0], "figure", None)
        return True

    def _grid(self, parts: Sequence[_Part]) -> tuple[Box, tuple[float, float], tuple[int, int], Box]:
        """Where to render the figure: box, pixels a point across and down, size in pixels,
        and the finest picture's box.

        Where the resolution is that of an image, its pixels come to lie on whole pixels.
        """
        x0, y0, x1, y1 = self.bbox
        area = max((x1 - x0) * (y1 - y0), 1.0)
        main = [p for p in parts if _area(p.box) >= _PANEL_SHARE * area] or list(parts)
        finest = max(main, key=lambda p: max(p.scale), default=None)
        wanted = max(finest.scale) if finest else 0.0
        if self.region.drawings or self.region.lines or finest is None:
            wanted = max(wanted, DRAWING_DPI / 72)
        density = min(wanted, MAX_DPI / 72, math.sqrt(MAX_COMPOSED / area))
        scale = density, density
        if finest is not None and density == max(finest.scale) <= _SQUARE * min(finest.scale):
            scale = finest.scale
            x0 = finest.box[0] - math.ceil((finest.box[0] - x0) * scale[0] - 0.5) / scale[0]
            y0 = finest.box[1] - math.ceil((finest.box[1] - y0) * scale[1] - 0.5) / scale[1]
        size = max(1, round((x1 - x0) * scale[0])), max(1, round((y1 - y0) * scale[1]))
        box = x0, y0, x1, y1
        return box, scale, size, finest.box if finest else box

    def _finish(self, shown: Pixels | None, overlay: bool = False) -> bool:
        """Write the composed figure; False when it could not be rendered."""
        if shown is None:
            self.notes.append("figure not composed: its part of the page cannot be rendered")
            return False
        self._write(_without_colour(shown), "figure", None, overlay)
        return True

    def _keep(self, parts: Sequence[_Part], role: Role) -> None:
        """Write the parts' own pixels, the same ones once, blank ones not."""
        done = set()
        for part in parts:
            key = tuple((p.placement.image.m_internal_value(), p.turn, p.crop) for p in part.pieces)
            if key in done:
                continue
            done.add(key)
            try:
                pixels, scale = self._own(part)
            except ImageError as error:
                self._note(error)
                continue
            if pixels is None or _blank(pixels):
                continue
            if not part.sound and not part.rendered:
                shown = self._render(part.box, scale, (pixels.shape[1], pixels.shape[0]), part.box)
                if shown is None or _changed(pixels, shown, scale) > _HIDDEN * shown[:, :, 0].size:
                    continue
            self._write(pixels, role, part)

    def _own(self, part: _Part) -> tuple[Pixels | None, tuple[float, float]]:
        """The part's own pixels, and how many of them a point has; None where it has no pixels of its own.

        A stencil, and an image whose shape is in a finer soft mask, are rendered on their own grid.
        """
        one, scale = part.single, part.pieces[0].scale
        if one is None:
            return joined(part.pieces, self.load) or (None, scale)
        if not part.rendered:
            return self.load(part.pieces[0]), scale
        finer = native.mask_scale(one)
        if part.pieces[0].turn[1] % 2:
            finer = finer[::-1]
        scale = scale[0] * finer[0], scale[1] * finer[1]
        size = round((part.box[2] - part.box[0]) * scale[0]), round((part.box[3] - part.box[1]) * scale[1])
        shown = self._render(part.box, scale, size, part.box) if size[0] * size[1] <= MAX_COMPOSED else None
        return (None if shown is None else _without_colour(shown)), scale

    def _around(self, part: _Part, others: Sequence[_Part]) -> bool:
        """The figure has something to show beside the image."""
        boxes = [d.bbox for d in self.region.drawings if not d.white]
        boxes += [line.bbox for line in self.region.lines] + [p.box for p in others]
        x0, y0, x1, y1 = part.box
        outer = x0 - _FRAME, y0 - _FRAME, x1 + _FRAME, y1 + _FRAME
        return any(b[0] < outer[0] or b[1] < outer[1] or b[2] > outer[2] or b[3] > outer[3] for b in boxes)

    def _over(self, part: _Part, others: Sequence[_Part]) -> bool:
        """Something may be painted over the image, or be seen through it."""
        clear = any(native.see_through(p.placement) for p in part.pieces)
        drawn = [d.bbox for d in self.region.drawings if clear or d.order > part.order]
        drawn += [line.bbox for line in self.region.lines]
        drawn += [p.box for p in others if clear or p.pieces[-1].placement.order > part.order]
        return any(_meet(b, part.box) for b in drawn)

    def _render(
        self, box: Box, scale: tuple[float, float], size: tuple[int, int], anchor: Box
    ) -> Pixels | None:
        """The page's ``box`` in RGB; an image at ``anchor`` that has this scale falls on whole pixels.

        None where MuPDF fails or an image too large to decode lies in it.
        """
        placed = (*self.page.placements, *self.region.placements)
        if any(native.too_large(p) and _meet(p.bbox, box) for p in placed):
            return None
        fitted = []
        for axis in (0, 1):
            low, high = anchor[axis], anchor[axis + 2]
            factor = scale[axis] * (1 - 2 * _WITHIN / max((high - low) * scale[axis], 1))
            start = round((low - box[axis]) * scale[axis]) + _WITHIN
            fitted.append((factor, start - low * factor))
        (across, left), (down, top) = fitted
        space, separations = mupdf.fz_device_rgb(), mupdf.FzSeparations()
        pixmap = mupdf.fz_new_pixmap_with_bbox(space, mupdf.FzIrect(0, 0, *size), separations, 0)
        mupdf.fz_clear_pixmap_with_value(pixmap, 255)
        device = mupdf.fz_new_draw_device(mupdf.FzMatrix(across, 0, 0, down, left, top), pixmap)
        area = mupdf.FzRect(box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1)
        try:
            mupdf.fz_run_display_list(
                self.page.display.this, device, mupdf.FzMatrix(), area, mupdf.FzCookie()
            )
            mupdf.fz_close_device(device)
        except (mupdf.FzErrorBase, TypeError):  # PyMuPDF turns some of MuPDF's errors into TypeErrors
            return None
        return native.samples(pixmap).copy()

    def _write(self, pixels: Pixels, role: Role, part: _Part | None, overlay: bool = False) -> None:
        page, one = self.page.number, part.single if part else None
        name = self.names.composed(page) if one is None else self.names.image(page, one.xref)
        digest = write_png(pixels, self.out / name)
        self.pictures.append(
            Picture(
                file=name,
                role=role,
                page=page,
                bbox=self.bbox if part is None else part.box,
                width=pixels.shape[1],
                height=pixels.shape[0],
                xref=one.xref if one else None,
                pixels=digest,
                clipped=one is not None and part is not None and part.pieces[0].clipped,
                turned=_turned(part),
                overlay=overlay,
            )
        )

    def _note(self, error: ImageError) -> None:
        if str(error) not in self.notes:
            self.notes.append(str(error))


def _part(pieces: list[Piece]) -> _Part:
    largest = max(pieces, key=lambda p: p.size[0] * p.size[1])
    return _Part(pieces, union(p.box for p in pieces), largest.scale)


def _turned(part: _Part | None) -> str:
    turns = {p.turned for p in part.pieces} if part else set()
    return turns.pop() if len(turns) == 1 else ""


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _shared(one: Box, other: Box) -> Box:
    return (
        max(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        min(one[3], other[3]),
    )


def _meet(one: Box, other: Box) -> bool:
    x0, y0, x1, y1 = _shared(one, other)
    return x1 >= x0 and y1 >= y0


def _reading_order(parts: Sequence[_Part]) -> list[_Part]:
    """Row by row; parts are in one row when they share half of the lower one's height."""
    rows: list[list[_Part]] = []
    for part in sorted(parts, key=lambda p: p.box[1]):
        for row in rows:
            top, bottom = row[0].box[1], row[0].box[3]
            common = min(bottom, part.box[3]) - max(top, part.box[1])
            if common >= 0.5 * min(bottom - top, part.box[3] - part.box[1]):
                row.append(part)
                break
        else:
            rows.append([part])
    return [part for row in rows for part in sorted(row, key=lambda p: p.box[0])]


def _cut(
    whole: Pixels | None, box: Box, scale: tuple[float, float], part: Box, pixels: Pixels
) -> Pixels | None:
    """The picture's part of the rendered figure; None where it reaches beyond."""
    x, y = round((part[0] - box[0]) * scale[0]), round((part[1] - box[1]) * scale[1])
    if whole is None or x < 0 or y < 0:
        return None
    cut = whole[y : y + pixels.shape[0], x : x + pixels.shape[1]]
    return cut if cut.shape[:2] == pixels.shape[:2] else None


def _changed(own: Pixels, shown: Pixels, scale: tuple[float, float]) -> int:
    """Pixels in which the page shows something else than the image's own, its frame aside."""
    height, width = own.shape[:2]
    x, y = (min(round(_FRAME * s), side // 4) for s, side in zip(scale, (width, height), strict=True))
    inner = slice(y, height - y), slice(x, width - x)
    most = 0
    for channel in range(3):
        part = own if own.ndim == 2 else own[:, :, channel]
        apart = cv2.absdiff(
            np.ascontiguousarray(part[inner]), np.ascontiguousarray(shown[:, :, channel][inner])
        )
        most = max(most, int(np.count_nonzero(apart > _CHANGE)))
    return most


def _blank(pixels: Pixels) -> bool:
    return bool((pixels == pixels[0, 0]).all())


def _without_colour(pixels: Pixels) -> Pixels:
    """Grey where all channels are equal, else as it is."""
    if np.array_equal(pixels[::16, :, 0], pixels[::16, :, 1]):
        red, green, blue = cv2.split(pixels)
        if np.array_equal(red, green) and np.array_equal(green, blue):
            return np.asarray(green, np.uint8)
    return pixels
