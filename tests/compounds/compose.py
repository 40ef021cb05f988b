"""A compound figure painted from its spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.manuscripts import Pixels

from . import furniture, graphics, images
from .layout import Arrangement, PixelBox, Strips, arrange
from .spec import GRAPHIC, Spec


@dataclass(frozen=True, slots=True)
class Compound:
    """A figure and the truth about it."""

    picture: Pixels
    """Height x width x 3, RGB."""
    boxes: tuple[PixelBox, ...]
    """The panels in reading order."""
    labels: tuple[str | None, ...]
    """The letter of each panel without brackets; panels of a row that one letter covers have the same."""
    spec: Spec


def compose(rng: np.random.Generator, slices: Sequence[NDArray[np.uint8]], spec: Spec) -> Compound:
    """Paint the figure. `slices` are CTs, height x width or RGB; equal for equal arguments and generators."""
    size = furniture.letter_size(rng, spec)
    outside = round(size * 1.7) if spec.letters in ("above", "below") else 0
    strips = Strips(
        above=outside if spec.letters == "above" else 0,
        below=outside if spec.letters == "below" else 0,
        top=furniture.HEADING if spec.headings in ("columns", "bars", "title") else 0,
        left=furniture.HEADING if spec.headings == "rows" else 0,
    )
    plan = arrange(rng, spec, strips)
    picture = np.empty((plan.height, plan.width, 3), np.uint8)
    picture[:] = spec.colour
    letters = _letters(plan, spec)
    boxes = []
    alike = int(rng.integers(len(slices)))
    for cell, kind, letter in zip(plan.cells, spec.contents, letters, strict=True):
        x0, y0, x1, y1 = cell
        panel = picture[y0:y1, x0:x1]
        one = alike if spec.similar else int(rng.integers(len(slices)))
        panel[:] = _content(rng, slices[one], spec, kind, x1 - x0, y1 - y0)
        furniture.furnish(rng, panel, kind, spec)
        if letter and spec.letters == "inside":
            furniture.letter_inside(panel, letter, size, spec)
        boxes.append(_visible(panel, cell, kind, spec))
    for box, letter in zip(boxes, letters, strict=True):
        if letter and spec.letters in ("above", "below"):
            furniture.letter_outside(picture, box, letter, size, spec)
    furniture.headings(rng, picture, plan, spec)
    furniture.rules(picture, plan, spec)
    if spec.arrows == "crossing":
        furniture.crossing_arrows(rng, picture, boxes, spec)
    return Compound(_stored(picture, spec), tuple(boxes), _labels(plan, spec, letters), spec)


def _content(
    rng: np.random.Generator, source: NDArray[np.uint8], spec: Spec, kind: str, wide: int, high: int
) -> Pixels:
    """The image of a panel; beside a colour bar it is narrower than the cell."""
    if kind in GRAPHIC:
        return graphics.DRAWN[kind](rng, wide, high)
    beside = furniture.bar_room(spec, kind, wide)
    trim = spec.colour if _surrounded(spec) else None
    if kind in images.DRAWN:
        picture = images.DRAWN[kind](rng, wide - beside, high)
        if trim is not None:
            picture = np.asarray(cv2.resize(images.trimmed(picture, trim), (wide - beside, high)), np.uint8)
    else:
        picture = images.slice_image(rng, kind, source, wide - beside, high, trim)
    return furniture.bar_beside(picture, wide, high, spec) if beside else picture


def _surrounded(spec: Spec) -> bool:
    """Whether panels border on the colour of the gutter."""
    return spec.margin > 0 or (spec.gutter > 0 and spec.panels > 1)


def _visible(panel: Pixels, cell: PixelBox, kind: str, spec: Spec) -> PixelBox:
    """The part of the cell that does not look like the gutter."""
    if kind in GRAPHIC:
        share = 0.0
    elif _surrounded(spec):
        share = images.SHARE / 2
    else:
        return cell
    x0, y0, x1, y1 = images.seen(panel, spec.colour, share)
    return cell[0] + x0, cell[1] + y0, cell[0] + x1, cell[1] + y1


def _letters(plan: Arrangement, spec: Spec) -> list[str]:
    """What is printed at each panel, with its brackets; nothing where no letter stands."""
    printed = []
    number = 0
    for row in plan.rows:
        for k in range(len(row)):
            if spec.letters == "none" or (spec.by_row and k > 0):
                printed.append("")
                continue
            letter = str(number + 1) if spec.form == "1" else chr(ord("A") + number)
            letter = letter if spec.form == "A" else letter.lower()
            printed.append(spec.form.replace("a", letter) if spec.form in ("(a)", "a)") else letter)
            number += 1
    return printed


def _labels(plan: Arrangement, spec: Spec, letters: Sequence[str]) -> tuple[str | None, ...]:
    labels: list[str | None] = [letter.strip("()") or None for letter in letters]
    if spec.by_row:
        first = 0
        for row in plan.rows:
            labels[first : first + len(row)] = [labels[first]] * len(row)
            first += len(row)
    return tuple(labels)


def _stored(picture: Pixels, spec: Spec) -> Pixels:
    """As a file gives it back: scaled, compressed."""
    if spec.soften < 1:
        high, wide = picture.shape[:2]
        small = (max(1, round(wide * spec.soften)), max(1, round(high * spec.soften)))
        lesser = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        picture = np.asarray(cv2.resize(lesser, (wide, high), interpolation=cv2.INTER_CUBIC), np.uint8)
    if spec.jpeg is not None:
        _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, spec.jpeg])
        picture = np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
    return picture
