"""One picture of a figure → its panels: images of their own in the PDF, what stands apart, gutters, seams.

What the caption announces is a prior and a check: where nothing is found that it names, weaker lines count,
if they give as many panels as it says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.panels import alignment, boxes, ground, gutters, islands, lines, rows
from covidct_curate.panels.ground import Colour
from covidct_curate.panels.islands import Island
from covidct_curate.panels.kind import kind_of
from covidct_curate.panels.lines import Lines
from covidct_curate.panels.order import in_order
from covidct_curate.records import Method, PixelBox

_PIXELS = 2_000_000
"""A larger picture is split at this size: gutters stay, time and memory do not grow."""
_LEAST, _SHARE, _SHARE_WITHIN = 32, 0.06, 0.12
"""Shortest side of a panel: pixels, share of the figure's longer side, share of the side it is cut from."""
_LEAN = 0.18
"""Least ratio of a panel's sides: what is leaner is a colour bar, a strip of text, a row of a table."""
_DEPTH = 5
_SLIGHT = 0.2
"""Share of a typical image below which a graphic beside images is a legend, a scale, a stray mark."""
_FLAT, _DRAWN, _BLANK = 3, 0.6, 0.9
"""Grey levels about one; share of pixels within them from which on an image is a drawing on one colour; the
same for black, which may be the surround of a scan."""
_EVEN_GROUND = 0.72
"""Share of the pixels between black and white that equal their neighbours from which on it is a drawing."""
_PAPER = 245
_BLOCK = 0.08
"""Share of the figure below which a filled box of a drawing is no panel: a step in a flow chart, a bar."""
_ROUND = 0.5
"""Least ratio of the sides of a filled box and an image in its row: a body on white is less high than a scan."""
_COLOUR, _COLOURED = 40, 0.05
"""Difference of the colours of a coloured pixel, and the share of them up to which a picture may be of scans."""
_PLAIN = 8.0
"""Standard deviation of grey up to which a box shows nothing."""
_INKED, _FILLED = 0.8, 0.3
"""On a page that is not white: share of all ink that the images must hold, and of a black one they must fill."""
_HAIR = 4
"""Pixels between images on black up to which the black may be a line drawn over one image."""
_RIMMED = 0.9
"""Share of a box that is left without its white rim from which on the rim may be the image's own."""
_CROSSED = 0.05
"""Share of the smaller of two images' boxes from which on they overlap."""
_MARGIN = 0.98
_COVERED = 0.6
"""Share of a figure that embedded images must cover to be its panels."""
_APART, _GRAPHIC, _WHOLE = 0.9, 0.8, 0.9
"""Confidence in an image that stands apart, in a graphic that does, in a picture left whole."""
_UNTOLD = 0.7
"""What is left of the confidence where more panels are announced than the strong evidence shows."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What the page and the caption say of a picture's panels, in its pixels."""

    parts: tuple[PixelBox, ...] = ()
    """The embedded images that make up the picture."""
    announced: int = 0
    """How many panels the caption speaks of, or how many labels are printed beside them; 0 where neither says."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A panel's place in the picture, how it was found, and how sure that is (0 to 1)."""

    box: PixelBox
    method: Method
    confidence: float
    exact: bool = False
    """Its edges lie on lines drawn round it, white rims within."""


def split(picture: NDArray[np.uint8], hints: Hints = Hints()) -> tuple[Cut, ...]:
    """The panels of a (height, width, 3) RGB picture in reading order, at least one.

    A picture of one panel is that panel without the bare page around it.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, math.sqrt(_PIXELS / (width * height)))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    across, down = width / picture.shape[1], height / picture.shape[0]
    parts = [_scaled(part, 1 / across, 1 / down) for part in hints.parts]
    cuts = _Figure(picture).cuts(parts)
    if len(cuts) < hints.announced:
        eager = _Figure(picture, eager=True).cuts(parts) if len(cuts) == 1 else []
        if len(eager) == hints.announced:
            cuts = eager
        cuts = [replace(cut, confidence=cut.confidence * _UNTOLD) for cut in cuts]
    placed = [cut.box for cut in cuts]
    if len(cuts) > 1 and all(cut.method in ("gutter", "seam") for cut in cuts):
        figure = _Figure(picture)
        placed = alignment.settled(
            figure.grey, placed, [not cut.exact and figure.pictured(cut.box) for cut in cuts]
        )
        told = len(cuts) == hints.announced
        placed = alignment.aligned(placed, (picture.shape[1], picture.shape[0]), told=told)
    placed = [_scaled(box, across, down) for box in placed]
    cuts = [replace(cut, box=box) for cut, box in zip(cuts, placed, strict=True)]
    return tuple(cuts[index] for index in in_order([cut.box for cut in cuts]))


class _Figure:
    def __init__(self, picture: NDArray[np.uint8], *, eager: bool = False) -> None:
        self.picture, self.eager = picture, eager
        self.judged: dict[PixelBox, bool] = {}
        """Boxes that were looked at, and whether each shows an image."""
        self.grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
        self.side = max(self.grey.shape)
        self.least = max(_LEAST, round(_SHARE * self.side))
        red, green, blue = cv2.split(picture)
        chroma = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
        self.scans = cv2.countNonZero(cv2.inRange(chroma, _COLOUR, 255)) <= _COLOURED * self.grey.size

    def cuts(self, parts: Sequence[PixelBox]) -> list[Cut]:
        """The panels of the whole picture."""
        if self.embedded(parts):
            return [cut for part in parts for cut in self.panels(part, "embedded", 1.0, 1)]
        height, width = self.grey.shape
        return self.panels((0, 0, width, height), "whole", _WHOLE, 0)

    def embedded(self, parts: Sequence[PixelBox]) -> bool:
        """The images the picture is made of lie apart, could each be a panel, and leave nothing else to see."""
        if len(parts) < 2 or not all(map(self.shaped, parts)):
            return False
        apart = all(
            boxes.overlap(one, other) <= 0.05 * min(boxes.area(one), boxes.area(other))
            for number, one in enumerate(parts)
            for other in parts[:number]
        )
        return apart and sum(map(boxes.area, parts)) >= _COVERED * boxes.area(boxes.union(parts))

    def panels(
        self,
        box: PixelBox,
        method: Method,
        confidence: float,
        depth: int,
        *,
        trim: bool = True,
        image: bool = False,
        light: bool = False,
    ) -> list[Cut]:
        """The panels within a box that ``method`` found.

        ``trim``: without its bare margins. ``image``: it is known to be no drawing. ``light``: much in
        it is white, of which an edge may pass for a seam.
        """
        if depth < _DEPTH and max(box[2] - box[0], box[3] - box[1]) >= 2 * _LEAST:
            for axis in (1, 0):
                rules = self.lines(box, axis, ruled=True)
                cuts = self.along(rules, axis, box, min(confidence, rules.confidence), depth) if rules else []
                if cuts:
                    return cuts
            for page in ground.colours(_within(self.picture, box), own=trim):
                mask = ground.off_page(_within(self.picture, box), page)
                apart = self.apart(box, mask, page, depth)
                if len(apart) > 1:
                    return [cut for island in apart for cut in self.of_island(island, confidence, depth)]
                if trim and max(page) > gutters.DARK:
                    trimmed = ground.trimmed(mask, box, image=image)
                    if boxes.area(trimmed) < _MARGIN * boxes.area(box):
                        return self.panels(trimmed, method, confidence, depth + 1)
            if self.pictured(box):
                found = [(line, axis) for axis in (0, 1) if (line := self.lines(box, axis))]
                found = [each for each in found if not (light and each[0].method == "seam")]
                for line, axis in sorted(found, key=lambda each: -each[0].confidence):
                    cuts = self.along(line, axis, box, min(confidence, line.confidence), depth, light=light)
                    if cuts and (image or kind_of(_within(self.picture, box)) != "graphic"):
                        return cuts
        return [Cut(box, method, confidence)]

    def of_island(self, island: Island, confidence: float, depth: int) -> list[Cut]:
        """The panels of an island: an image may be several that touch."""
        if island.dense and self.pictured(island.box):
            sure = min(confidence, _APART)
            return self.panels(island.box, "gutter", sure, depth + 1, trim=False, light=island.solid)
        return [Cut(island.box, "gutter", min(confidence, _GRAPHIC))]

    def apart(self, box: PixelBox, mask: NDArray[np.uint8], page: Colour, depth: int) -> list[Island]:
        """The panels that stand apart on a page of that colour; ``mask`` is 1 off the page."""
        dark = max(page) <= gutters.DARK
        if not ground.parted(mask, dark=dark):
            return []
        big, bits = islands.large(mask, self.least, scans=self.scans)
        big = [_placed(each, box) for each in big]
        big = [replace(each, solid=each.framed and self.pictured(each.box)) for each in big]
        bits = [_placed(each, box) for each in bits]
        white = page == ground.WHITE
        images = [
            each
            for each in big
            if each.image
            and self.shaped(each.box)
            and (self.pictured(each.box) or (not white and all(each.sides)))
        ]
        if _crossed([each.box for each in big if self.pictured(each.box)]):
            return []
        if not white:
            shown = sum(each.ink for each in images)
            if shown < _INKED * sum(each.ink for each in [*big, *bits]):
                return []
            if dark and (
                shown < _FILLED * boxes.area(box) or boxes.gap([each.box for each in images]) <= _HAIR
            ):
                return []
        typical = float(np.median([boxes.area(each.box) for each in images])) if images else 0.0
        graphics = [each for each in big if each not in images and self.graphic(each, images, typical)]
        bits += [each for each in big if each not in images and each not in graphics]
        if dark:
            return images
        if not images and (depth or not (self.eager or rows.peers(graphics, self.side))):
            return []
        kept = rows.attach(rows.squared([*images, *graphics], self.side), bits, self.side)
        return [] if _crossed([each.box for each in kept if self.pictured(each.box)]) else kept

    def graphic(self, island: Island, images: list[Island], typical: float) -> bool:
        """An island that is no image can be a panel beside images of a ``typical`` area."""
        if not self.shaped(island.box) or boxes.area(island.box) < _SLIGHT * typical:
            return False
        # A filled box may be a step of a flow chart or a bar, unless it stands in a row of images.
        return (
            not island.dense
            or boxes.area(island.box) >= _BLOCK * self.grey.size
            or any(rows.in_line(island.box, each.box, self.side, like=_ROUND) for each in images)
        )

    def along(
        self, line: Lines, axis: int, box: PixelBox, confidence: float, depth: int, *, light: bool = False
    ) -> list[Cut]:
        """The panels that lines cut a box into; none where one of them could not be a panel."""
        x0, y0, x1, y1 = box
        parts = [
            (x0, y0 + a, x1, y0 + b) if axis else (x0 + a, y0, x0 + b, y1)
            for a, b in line.parts(y1 - y0 if axis else x1 - x0)
        ]
        if line.colour is not None:
            parts = [self.bared(part, line.colour) for part in parts]
        pictured = sum(map(self.pictured, parts))
        # Beside a gutter a plot may stand; a seam parts two images, and a scan from its own black border.
        if 2 * pictured < len(parts) or (line.method == "seam" and pictured < len(parts)):
            return []
        if line.rimmed and not all(map(self.filled, parts)):
            return []  # a rule in a white gutter
        cuts = [
            cut
            for part in parts
            for cut in self.panels(
                part, line.method, confidence, depth + 1, trim=not line.rimmed, image=True, light=light
            )
        ]
        if not all(self.shaped(cut.box) for cut in cuts):
            return []
        return [replace(cut, exact=True) for cut in cuts] if line.rimmed else cuts

    def filled(self, box: PixelBox) -> bool:
        """A box shows a scan or photograph, with a narrow white rim at most."""
        if kind_of(_within(self.picture, box)) == "graphic":
            return False
        mask = ground.off_page(_within(self.picture, box), ground.WHITE)
        return boxes.area(ground.trimmed(mask, box)) >= _RIMMED * boxes.area(box)

    def bared(self, box: PixelBox, colour: int) -> PixelBox:
        """A part without margins of its gutter's colour, of its width first."""
        x0, y0, x1, y1 = box
        left, right = gutters.bared(self.grey[y0:y1, x0:x1], colour)
        top, bottom = gutters.bared(np.ascontiguousarray(self.grey[y0:y1, x0 + left : x0 + right].T), colour)
        return x0 + left, y0 + top, x0 + right, y0 + bottom

    def lines(self, box: PixelBox, axis: int, *, ruled: bool = False) -> Lines | None:
        """The lines across a box: upright ones (axis 0) or level ones (axis 1); ``ruled``: black on white."""
        grey = _within(self.grey, box)
        if axis:
            grey = np.ascontiguousarray(grey.T)
        if ruled:
            return lines.ruled(grey, max(self.least, round(_SHARE_WITHIN * grey.shape[1])))
        return lines.find(grey, max(self.least, round(_SHARE_WITHIN * grey.shape[1])), eager=self.eager)

    def shaped(self, box: PixelBox) -> bool:
        """A box can be a panel: large enough, no strip, not blank."""
        width, height = box[2] - box[0], box[3] - box[1]
        if min(width, height) < max(self.least, _LEAN * max(width, height)):
            return False
        return cv2.meanStdDev(_within(self.grey, box))[1].item() > _PLAIN

    def pictured(self, box: PixelBox) -> bool:
        """A box shows an image: not one colour, nor a drawing on one colour or of even colours."""
        known = self.judged.get(box)
        if known is None:
            known = self.judged[box] = self._pictured(box)
        return known

    def _pictured(self, box: PixelBox) -> bool:
        grey = _within(self.grey, box)
        counts = cv2.calcHist([np.ascontiguousarray(grey)], [0], None, [256], [0, 256]).ravel()
        about = np.convolve(counts, np.ones(2 * _FLAT + 1), "same") / grey.size
        mode = int(about.argmax())
        return bool(about[mode] < (_BLANK if mode <= gutters.DARK else _DRAWN)) and not _even(grey)


def _within(pixels: NDArray[np.uint8], box: PixelBox) -> NDArray[np.uint8]:
    """The pixels in a box."""
    return pixels[box[1] : box[3], box[0] : box[2]]


def _even(grey: NDArray[np.uint8]) -> bool:
    """Most of what is neither black nor white is even, as no scan or photograph is."""
    here, left, above = grey[1:, 1:], grey[1:, :-1], grey[:-1, 1:]
    if not here.size:
        return False
    between = cv2.inRange(here, gutters.DARK, _PAPER)
    step = cv2.max(cv2.absdiff(here, left), cv2.absdiff(here, above))
    same = cv2.countNonZero(cv2.bitwise_and(cv2.inRange(step, 0, 1), between))
    return same > _EVEN_GROUND * max(cv2.countNonZero(between), 1)


def _crossed(found: Sequence[PixelBox]) -> bool:
    """Images overlap, so they do not stand apart: light ones that run into each other over a narrow gutter."""
    return any(
        boxes.overlap(one, other) >= _CROSSED * min(boxes.area(one), boxes.area(other))
        for number, one in enumerate(found)
        for other in found[:number]
    )


def _placed(island: Island, box: PixelBox) -> Island:
    """An island of a box, in the picture's pixels."""
    x0, y0, x1, y1 = island.box
    return replace(island, box=(box[0] + x0, box[1] + y0, box[0] + x1, box[1] + y1))


def _scaled(box: PixelBox, across: float, down: float) -> PixelBox:
    x0, y0, x1, y1 = box
    return round(x0 * across), round(y0 * down), round(x1 * across), round(y1 * down)
