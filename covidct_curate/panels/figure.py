"""One extracted figure to its panels: which pictures show them, what they are called, what is said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covidct_curate.errors import PictureError
from covidct_curate.panels.boxes import likeness
from covidct_curate.panels.cascade import Cut, Hints, split
from covidct_curate.panels.choice import LEAST, Choice
from covidct_curate.panels.kind import kind_of, look_of
from covidct_curate.panels.letters import label_panels, printed
from covidct_curate.panels.loose import in_colour, read_pixels
from covidct_curate.panels.subcaptions import announced, announced_count, divide, spans_for
from covidct_curate.png import write_png
from covidct_curate.records import (
    Box,
    Figure,
    Kind,
    LabelSource,
    Lettering,
    Panel,
    Picture,
    PixelBox,
    Span,
)

STAGE_VERSION = 2
"""Counts up whenever the same figure would be split otherwise: figures split by another are done again."""

_FITS, _EXACT = 0.9, 0.98
"""Intersection over union from which on a picture at hand shows a panel: one we found; one a reviewer set."""
_SLACK = 2.0
"""Pixels by which a panel may reach over the edge of the picture it is cut from: rounding."""

Pixels = NDArray[np.uint8]
Label = tuple[str | None, LabelSource]


def split_figure(
    figure: Figure, folder: Path, choice: Choice | None = None
) -> tuple[Figure, tuple[str, ...]]:
    """Split a figure whose pictures lie in ``folder``; pictures of panels cut out are written beside them.

    ``choice`` is a reviewer's and holds for the first whole picture. Returns the figure with its kind, its
    panels and their pictures, and notes on what a curator should know. Where splitting fails, the figure's
    whole pictures are its panels. Raises OSError when a file cannot be read or written.
    """
    pictures = tuple(picture for picture in figure.pictures if picture.role != "panel")
    figure = replace(figure, pictures=pictures, kind="unknown", panels=())
    try:
        return _Splitter(figure, folder, choice).run()
    except (OSError, MemoryError):
        raise
    except Exception as error:  # whatever odd pixels or captions break, they cost this figure's panels
        said = f" ({error})" if isinstance(error, PictureError) else ""
        panels = tuple(
            Panel(whole.file, whole.file, (0, 0, whole.width, whole.height), None, "", spans, "whole", 0.0)
            for whole in wholes(figure)
            for spans in [((0, len(figure.caption)),) if figure.caption else ()]
        )
        return replace(figure, panels=panels), (
            f"{_name(figure)} is left whole: it could not be split{said}",
        )


def wholes(figure: Figure) -> list[Picture]:
    """The pictures that are split: of each page the whole figure, and what lies in no whole."""
    found = [picture for picture in figure.pictures if picture.role == "figure"]
    others = [picture for picture in figure.pictures if picture.role in ("native", "part")]
    return found + [other for other in others if not any(_lies_in(other, whole) for whole in found)]


@dataclass(frozen=True, slots=True)
class _Found:
    """A panel of a whole picture, before it has a picture of its own."""

    whole: Picture
    cut: Cut
    label: Label
    look: Mapping[str, float]


class _Splitter:
    def __init__(self, figure: Figure, folder: Path, choice: Choice | None) -> None:
        self.figure, self.folder, self.choice = figure, folder, choice
        self.wholes = wholes(figure)
        self.division = divide(figure.caption)
        self.labels = announced(self.division)
        self.notes: list[str] = []
        self.kinds: dict[str, Kind] = {}
        self.cuts: list[Picture] = []
        self.numbers: Counter[str] = Counter()

    def run(self) -> tuple[Figure, tuple[str, ...]]:
        found: list[_Found] = []
        panels = []
        for number, whole in enumerate(self.wholes):
            pixels = read_pixels(self.folder / whole.file)
            here = self._find(whole, pixels, self.choice if number == 0 else None)
            panels += [(each, self._picture(each, (n, len(here)), pixels)) for n, each in enumerate(here)]
            found += here
        largest = max(self.wholes, key=lambda each: each.width * each.height, default=None)
        figure = replace(
            self.figure,
            kind=self.kinds[largest.file] if largest else "unknown",
            pictures=(*self.figure.pictures, *self.cuts),
            panels=tuple(self._panel(each, file, alone=len(found) == 1) for each, file in panels),
        )
        return figure, tuple(self.notes)

    def _find(self, whole: Picture, pixels: Pixels, choice: Choice | None) -> list[_Found]:
        """The panels of one whole picture with their labels."""
        picture = in_colour(pixels)
        self.kinds[whole.file] = kind_of(picture)
        lettering = tuple(_lettering(self.figure.lettering, whole))
        cuts: Sequence[Cut] = ()
        if choice is not None:
            boxes = choice.boxes_in((whole.width, whole.height))
            cuts = [Cut(box, "reviewer", 1.0) for box in boxes]
            if not boxes:
                self.notes.append(
                    f"{_name(self.figure)}: a reviewer's boxes were drawn on a picture of another shape and wait "
                    "for review"
                )
        if not cuts:
            parts = [part for part in self.figure.pictures if part.role == "part" and _lies_in(part, whole)]
            hints = Hints(
                parts=tuple(_clipped(_box_in(part.bbox, whole), whole) for part in parts),
                announced=self._count(lettering) if len(self.wholes) == 1 else 0,
            )
            cuts = split(picture, hints)
        labels: Sequence[Label] = [(None, "")] * len(cuts)
        if len(cuts) > 1 or len(self.wholes) > 1:
            labels = label_panels(picture, [cut.box for cut in cuts], lettering, self.labels)
        looks = [look_of(picture[cut.box[1] : cut.box[3], cut.box[0] : cut.box[2]]) for cut in cuts]
        return [_Found(whole, *each) for each in zip(cuts, labels, looks, strict=True)]

    def _count(self, lettering: Sequence[tuple[str, PixelBox]]) -> int:
        """Panels the caption announces, else labels printed."""
        return announced_count(self.division) or len(printed(lettering))

    def _picture(self, found: _Found, order: tuple[int, int], pixels: Pixels) -> str:
        """The file that shows a panel, the first of ``order`` the second: one at hand, or one written now."""
        whole, box = found.whole, found.cut.box
        reviewed = found.cut.method == "reviewer"
        fits = _EXACT if reviewed else _FITS
        if order[1] == 1 and not (reviewed and likeness(box, _all_of(whole)) < fits):
            return whole.file
        inside = []
        for picture in self.figure.pictures:
            if picture.role in ("part", "native") and picture.page == whole.page and picture != whole:
                place = _box_in(picture.bbox, whole)
                if picture.role == "part" and likeness(box, place) >= fits:
                    return picture.file
                x0, y0, x1, y1 = _in_part(box, whole, picture)
                if _within(box, place) and min(x1 - x0, y1 - y0) >= LEAST:
                    inside.append(picture)
        source = min(inside, key=lambda each: _area(each.bbox), default=whole)
        return self._cut(found, source, order[0], pixels)

    def _cut(self, found: _Found, source: Picture, index: int, pixels: Pixels) -> str:
        """Write a panel's picture, cut from ``source``: the whole, whose ``pixels`` are at hand, or a part."""
        box = found.cut.box
        number = index
        if source is not found.whole:
            number = self.numbers[source.file]
            pixels = read_pixels(self.folder / source.file)
            box = _in_part(box, found.whole, source)
        self.numbers[source.file] += 1
        x0, y0, x1, y1 = box
        path = Path(source.file)
        file = f"{path.stem}%{number}{path.suffix}"
        digest = write_png(pixels[y0:y1, x0:x1], self.folder / file)
        self.cuts.append(
            Picture(
                file=file,
                role="panel",
                page=source.page,
                bbox=_on_page(box, source),
                width=x1 - x0,
                height=y1 - y0,
                xref=source.xref,
                pixels=digest,
                clipped=source.clipped,
                turned=source.turned,
                overlay=source.overlay,
            )
        )
        return file

    def _panel(self, found: _Found, file: str, *, alone: bool) -> Panel:
        whole, (label, source), caption = found.whole, found.label, self.figure.caption
        x0, y0, x1, y1 = found.cut.box
        width, height = whole.width, whole.height
        place = x0 / width, y0 / height, x1 / width, y1 / height
        spans: tuple[Span, ...] = ((0, len(caption)),) if caption else ()
        if not alone:
            spans = spans_for(
                caption, self.division, label=label, place=place if len(self.wholes) == 1 else None
            )
        own = any(part.file == file and part.role == "part" for part in self.figure.pictures)
        return Panel(
            figure_file=whole.file,
            file=file,
            box=found.cut.box,
            label=label,
            label_source=source,
            spans=spans,
            method="embedded" if own and found.cut.method != "reviewer" else found.cut.method,
            confidence=found.cut.confidence,
            look={name: round(chance, 4) for name, chance in found.look.items()},
        )


def _name(figure: Figure) -> str:
    return figure.label or f"the figure on page {(figure.page or 0) + 1}"


def _lies_in(part: Picture, whole: Picture) -> bool:
    x0, y0, x1, y1 = part.bbox
    left, top, right, bottom = whole.bbox
    centred = left <= (x0 + x1) / 2 <= right and top <= (y0 + y1) / 2 <= bottom
    return part.page == whole.page and centred


def _lettering(texts: Sequence[Lettering], whole: Picture) -> Iterator[tuple[str, PixelBox]]:
    """The texts of the picture's page in its pixels; those around it lie outside."""
    for each in texts:
        if each.page == whole.page:
            yield each.text, _box_in(each.bbox, whole)


def _scale(picture: Picture) -> tuple[float, float]:
    """Pixels a point, across and down."""
    left, top, right, bottom = picture.bbox
    return picture.width / max(right - left, 1e-6), picture.height / max(bottom - top, 1e-6)


def _box_in(bbox: Box, picture: Picture) -> PixelBox:
    """A box of the page in the pixels of a picture that lies there, which it may leave."""
    across, down = _scale(picture)
    left, top = picture.bbox[:2]
    x0, y0, x1, y1 = bbox
    return (
        round((x0 - left) * across),
        round((y0 - top) * down),
        round((x1 - left) * across),
        round((y1 - top) * down),
    )


def _on_page(box: PixelBox, picture: Picture) -> Box:
    """A box of a picture in points of the page."""
    across, down = _scale(picture)
    left, top = picture.bbox[:2]
    x0, y0, x1, y1 = box
    return left + x0 / across, top + y0 / down, left + x1 / across, top + y1 / down


def _clipped(box: PixelBox, picture: Picture) -> PixelBox:
    """The part of a box that lies in the picture, empty where none does."""
    x0, y0, x1, y1 = box
    return (
        min(max(x0, 0), picture.width),
        min(max(y0, 0), picture.height),
        min(max(x1, 0), picture.width),
        min(max(y1, 0), picture.height),
    )


def _in_part(box: PixelBox, whole: Picture, part: Picture) -> PixelBox:
    """A box of the whole in the pixels of a part."""
    return _clipped(_box_in(_on_page(box, whole), part), part)


def _within(box: PixelBox, place: PixelBox) -> bool:
    slack = max(_SLACK, 0.02 * min(box[2] - box[0], box[3] - box[1]))
    return (
        box[0] >= place[0] - slack
        and box[1] >= place[1] - slack
        and box[2] <= place[2] + slack
        and box[3] <= place[3] + slack
    )


def _all_of(whole: Picture) -> PixelBox:
    return 0, 0, whole.width, whole.height


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
