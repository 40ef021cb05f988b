"""The body crop: where the chest lies in a CT slice, without the space and the table around it.

As the COVID-CT paper has it, by threshold segmentation and convex hull. Three steps, each of which leaves a
side alone rather than cut into the body:

1. a paper's white margin around the picture, with what is printed in it, is taken away;
2. tissue is told from air by a threshold, thin things (table, clothes, letters) are opened away, what is
   enclosed is filled, and the parts that are left are the body;
3. the convex hull of the body gives the box; a side that would lose next to nothing keeps its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.originals.shapes import Mask, bounds, filled, hull, large, largest, solid
from covidct_curate.originals.tissue import BLACK, CLOSED, DARK, core, reduced, smoothed, threshold
from covidct_curate.records import PixelBox

TISSUE_HU = -500
"""Hounsfield units above which a voxel is tissue and not lung or air."""
_WINDOW_HU = (-1200, 200)
"""Hounsfield units told apart: below, as dark as air; above, as bright as tissue."""
_LEAST = 24
"""Shortest side of a picture in which a chest can be told."""
_CONTRAST = 16
"""Least grey levels between the darkest and the brightest of a picture that shows anything."""
_WHITE = 250
"""Grey level from which on a pixel is bare paper."""
_CONVEX = 0.93
"""Share of its hull that a picture, or a whole body on white, fills."""
_LEAST_SHARE = 0.1
"""Share of a picture that a chest fills at least."""
_INSIDE = 0.03
"""Share of the middle of a picture that a lung fills at least."""
_LUNG = 0.04
"""Share of a picture that a lung fills at least."""
_TEXTURE, _ALIKE = 0.013, 0.05
"""Of the contrast between tissue and air: the least spread within 7 pixels that the vessels of a lung make;
the most that one lung may be darker than the other."""
_ROUNDS = 4
"""Times that a crop is looked at again."""
_MARGIN, _KEEP = 0.008, 0.02
"""Shares of a side: room left around the body; what is not worth cutting."""


@dataclass(frozen=True, slots=True)
class Body:
    """What was found in one slice."""

    frame: PixelBox
    """The picture without a paper's margin."""
    tissue: Mask
    """Of the frame, at the size worked at: brighter than air and lung."""
    parts: Mask
    """Of the frame, at the size worked at: the body, filled."""


def body_box(pixels: NDArray[np.uint8]) -> PixelBox | None:
    """The box of the chest in a CT slice: height x width (grey) or height x width x 3 (RGB), 8 bits.

    The whole picture where nothing is to be removed, None where no body can be told (noise, one colour,
    fewer than 24 pixels a side). A few pixels around the body stay; cropping a crop changes nothing much.
    """
    return _settled(pixels, find)


def body_box_hu(voxels: NDArray[np.int16] | NDArray[np.float32]) -> PixelBox | None:
    """The same for one slice in Hounsfield units, rows x columns."""
    return _settled(voxels, find_hu)


def _settled(plane: NDArray[Any], look: Callable[[NDArray[Any]], Body | None]) -> PixelBox | None:
    """The box that stays as it is when the crop is looked at again."""
    box: PixelBox | None = None
    left = top = 0
    for _ in range(_ROUNDS):
        body = look(plane)
        if body is None:
            break
        x0, y0, x1, y1 = _box(body, plane.shape)
        whole = plane.shape[:2] == (y1 - y0, x1 - x0)
        left, top, plane = left + x0, top + y0, plane[y0:y1, x0:x1]
        box = left, top, left + x1 - x0, top + y1 - y0
        if whole:
            break
    return box


def body_hull(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """True inside the convex hull of the body, height x width; nowhere where no body can be told."""
    whole = np.zeros(pixels.shape[:2], np.bool_)
    body = find(pixels)
    if body is not None:
        x0, y0, x1, y1 = body.frame
        inside = cv2.resize(hull(body.parts), (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
        whole[y0:y1, x0:x1] = inside > 0
    return whole


def find(pixels: NDArray[np.uint8]) -> Body | None:
    """The body in a picture, height x width (x 3), 8 bits; None where none can be told."""
    if min(pixels.shape[:2]) < _LEAST:
        return None
    grey = np.asarray(pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    frame = _frame(grey)
    x0, y0, x1, y1 = frame
    if min(x1 - x0, y1 - y0) < _LEAST:
        return None
    inner = smoothed(grey[y0:y1, x0:x1])
    if int(inner.max()) - int(inner.min()) < _CONTRAST:
        return None
    return _body(frame, inner, threshold(inner))


def find_hu(voxels: NDArray[np.int16] | NDArray[np.float32]) -> Body | None:
    """The body in a slice in Hounsfield units, rows x columns; None where none can be told."""
    if min(voxels.shape) < _LEAST:
        return None
    low, high = _WINDOW_HU
    scale = 255 / (high - low)
    grey = smoothed(
        ((np.clip(np.nan_to_num(voxels.astype(np.float32), nan=low), low, high) - low) * scale).astype(
            np.uint8
        )
    )
    return _body((0, 0, voxels.shape[1], voxels.shape[0]), grey, int((TISSUE_HU - low) * scale))


# the paper's margin ------------------------------------------------------------------------------------


def _frame(grey: NDArray[np.uint8]) -> PixelBox:
    """The box of the picture on its white page; the whole where there is no page around it."""
    height, width = grey.shape
    sides = grey[0], grey[-1], grey[:, 0], grey[:, -1]
    if max((side >= _WHITE).mean() for side in sides) < 0.5:
        return 0, 0, width, height
    small = reduced(grey)
    scale = grey.shape[0] / small.shape[0], grey.shape[1] / small.shape[1]
    ink = solid(np.asarray(small < _WHITE, np.uint8), 0.04)
    content = filled(large(ink, 0.004 * ink.size))
    if not content.any():
        return 0, 0, width, height
    x0, y0, x1, y1 = bounds(content)
    content = content[y0:y1, x0:x1]
    convex = content.sum() >= _CONVEX * hull(content).sum()
    # else what is white may be the body's own wall, brighter than the window: only a picture's edge is cut at
    left, top, right, bottom = (convex or _edge(np.rot90(content, turn)) for turn in (3, 0, 1, 2))
    room = 0 if content.mean() >= _CONVEX else 2  # pixels beside what has no straight edges: a body on white
    return (
        max(0, round(x0 * scale[1]) - room) if left else 0,
        max(0, round(y0 * scale[0]) - room) if top else 0,
        min(width, round(x1 * scale[1]) + room) if right else width,
        min(height, round(y1 * scale[0]) + room) if bottom else height,
    )


def _edge(content: Mask) -> bool:
    """Does the content begin, at its top, with the straight edge of a picture?"""
    row = content[min(2, len(content) - 1)]
    corner = max(1, round(0.04 * len(row)))
    return bool(row.mean() >= 0.5 or row[:corner].any() or row[-corner:].any())


# the body ----------------------------------------------------------------------------------------------


def _body(frame: PixelBox, grey: NDArray[np.uint8], threshold: int) -> Body | None:
    """The filled body without table, clothes and letters; None where there is nothing of the kind."""
    tissue = np.asarray(grey > threshold, np.uint8)
    whole = filled(solid(tissue, 0.012), 0.03)
    body = solid(whole | _open_lungs(grey, tissue, whole), 0.035)
    body = large(body, max(0.02 * body.size, 0.1 * largest(body)))
    return Body(frame, tissue, body) if body.sum() >= _LEAST_SHARE * body.size else None


def _open_lungs(grey: NDArray[np.uint8], tissue: Mask, whole: Mask) -> Mask:
    """The lungs that the frame cuts open: they look like air around the body, but are not as dark and flat."""
    found = np.zeros_like(whole)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(1 - whole, connectivity=4)
    deep = [
        part
        for part in range(1, count)
        if stats[part, cv2.CC_STAT_AREA] >= _LUNG * whole.size and (core(parts) == part).mean() >= _INSIDE
    ]
    if not deep or not tissue.any():
        return found
    levels = grey.astype(np.float32)
    spread = np.sqrt(np.maximum(cv2.blur(levels**2, (7, 7)) - cv2.blur(levels, (7, 7)) ** 2, 0))
    closed = whole & (1 - tissue)
    bright = float(np.median(grey[tissue > 0]))
    lung = float(np.median(grey[closed > 0])) if closed.mean() > CLOSED else None
    no_holes = (filled(whole) & (1 - tissue)).mean() < CLOSED
    for part in deep:
        air = np.asarray(parts == part, np.uint8)
        inner = cv2.erode(air, np.ones((7, 7), np.uint8)) > 0
        if not inner.any():
            continue
        level = float(np.median(grey[inner]))
        textured = float(np.median(spread[inner])) >= _TEXTURE * (bright - level)
        amid = core(air).mean() >= DARK / 2
        if lung is None:
            opened = textured or (amid and level <= BLACK and no_holes)
        else:
            opened = textured and lung - level < (3 if amid else 1) * _ALIKE * (bright - lung)
        if opened:
            found |= air
    return found


def around(body: Body, part: Mask, margin: float) -> PixelBox:
    """The box, in the picture's pixels, of a part of the body, with a share of each side as room around it."""
    x0, y0, x1, y1 = body.frame
    left, top, right, bottom = bounds(part)
    rows, columns = part.shape
    across, down = (x1 - x0) / columns, (y1 - y0) / rows
    room_x, room_y = 1 + margin * (x1 - x0), 1 + margin * (y1 - y0)
    return (
        max(x0, int(x0 + left * across - room_x)),
        max(y0, int(y0 + top * down - room_y)),
        min(x1, int(np.ceil(x0 + right * across + room_x))),
        min(y1, int(np.ceil(y0 + bottom * down + room_y))),
    )


def _box(body: Body, shape: tuple[int, ...]) -> PixelBox:
    """The box of the body; sides that would lose next to nothing keep their place."""
    box = around(body, body.parts, _MARGIN)
    width, height = shape[1], shape[0]
    least_x, least_y = 1 + _KEEP * (box[2] - box[0]), 1 + _KEEP * (box[3] - box[1])
    return (
        box[0] if box[0] > least_x else 0,
        box[1] if box[1] > least_y else 0,
        box[2] if width - box[2] > least_x else width,
        box[3] if height - box[3] > least_y else height,
    )
