"""Tiles and strips: one picture stored in pieces, joined from the pieces' own pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from covidct_curate.extract.native import MAX_PIXELS, Decoder, Piece
from covidct_curate.png import Pixels

_MOST = 20_000
"""Placements looked through for neighbours; beyond, a figure is only composed."""
_THIN = 64
"""Pixels: a piece with a shorter side is a strip or a scrap."""
_MANY = 12
"""More abutting pieces than this are tiles, whatever is in them."""
_OVERLAP = 3
"""Pixels by which tiles may overlap."""


def mosaics(pieces: Sequence[Piece], load: Decoder) -> list[list[Piece]]:
    """Group pieces into pictures: tiles of one picture together, every other piece alone.

    Tiles abut at one scale, and are thin, or many, or show at their seams that the picture goes on.
    Order within a picture is the painting order. Raises ImageError from ``load``.
    """
    if not 1 < len(pieces) <= _MOST:
        return [[p] for p in pieces]
    groups: list[list[int]] = []
    for group in _touching(pieces):
        members = [pieces[k] for k in group]
        groups.extend([group] if len(group) > 1 and _tiled(members, load) else [[k] for k in group])
    largest = max(groups, key=lambda g: (len(g) > 1, sum(_area(pieces[k]) for k in g)))
    if len(largest) > 1:
        scraps = _scraps(pieces, largest)
        groups = [g for g in groups if g is not largest and not scraps.issuperset(g)]
        groups.append(sorted(scraps.union(largest)))
    return [[pieces[k] for k in sorted(g)] for g in groups]


def joined(pieces: Sequence[Piece], load: Decoder) -> tuple[Pixels, tuple[float, float]] | None:
    """The picture in its pieces' own pixels, white where there is none, and its pixels a point.

    None when the pieces lie on no common grid of pixels, differ in scale, or the picture would be too large. Raises
    ImageError from ``load``.
    """
    if not all(_alike(p, pieces[0]) for p in pieces):
        return None
    boxes = np.array([p.box for p in pieces])
    sizes = np.array([p.size for p in pieces])
    scales, corners, worst = [], [], 0.0
    for axis in (0, 1):
        start = boxes[:, axis] - boxes[:, axis].min()
        known = np.unique(np.round([p.scale[axis] for p in pieces], 4))
        known = known[np.linspace(0, len(known) - 1, min(len(known), 16)).astype(int)]
        known = np.array([_fitted(start, scale) for scale in known])
        errors = [np.abs(start * s - np.round(start * s)) for s in known]
        # Off by the whole grid is off; a few pieces between pixels are rounding in the page.
        best = int(np.argmin([np.quantile(e, 0.9) for e in errors]))
        worst = max(worst, float(np.quantile(errors[best], 0.9)))
        scales.append(float(known[best]))
        corners.append(np.round(start * known[best]).astype(int))
    width, height = (int((corners[k] + sizes[:, k]).max()) for k in (0, 1))
    if worst > 0.35 or width * height > MAX_PIXELS:
        return None
    parts = [load(p) for p in pieces]
    colour = any(part.ndim == 3 for part in parts)
    canvas = np.full((height, width, 3) if colour else (height, width), 255, np.uint8)
    for part, x, y in zip(parts, *corners, strict=True):
        part = part[:, :, None] if colour and part.ndim == 2 else part
        canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
    return canvas, (scales[0], scales[1])


def _fitted(start: npt.NDArray[np.float64], scale: float) -> float:
    """``scale`` (pixels a point) made so exact that it holds over the whole picture, not one piece alone.

    Fitted to the pieces near the corner first, then to those farther and farther from it.
    """
    reach = 64 / scale
    while True:
        near = start[start <= reach]
        steps = np.round(near * scale)
        if steps.any():
            scale = float(steps @ steps / (steps @ near))
        if reach >= start.max():
            return scale
        reach *= 4


def _area(piece: Piece) -> int:
    return piece.size[0] * piece.size[1]


def _alike(one: Piece, other: Piece) -> bool:
    """Both at one scale: laid side by side, their sizes agree to a pixel."""
    return all(
        abs(a - b) <= max(0.01 * b, 1.2 * b / min(m, n))
        for a, b, m, n in zip(one.scale, other.scale, one.size, other.size, strict=True)
    )


def _touching(pieces: Sequence[Piece]) -> list[list[int]]:
    """Connected groups of pieces that abut, at the same scale."""
    boxes = np.array([p.box for p in pieces])
    pixel = 1 / np.array([p.scale for p in pieces])
    order = np.argsort(boxes[:, 1], kind="stable")
    tops = boxes[order, 1]
    parent = list(range(len(pieces)))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for at, k in enumerate(order):
        end = int(np.searchsorted(tops, boxes[k, 3] + pixel[k, 1], "right"))
        near = order[at + 1 : end]
        gaps = np.maximum(boxes[near, :2], boxes[k, :2]) - np.minimum(boxes[near, 2:], boxes[k, 2:])
        gap = (gaps / pixel[k]).max(axis=1)
        for j in near[(gap <= 1) & (gap >= -_OVERLAP)]:
            if _alike(pieces[k], pieces[j]):
                parent[root(int(k))] = root(int(j))
    groups: dict[int, list[int]] = {}
    for k in range(len(pieces)):
        groups.setdefault(root(k), []).append(k)
    return list(groups.values())


def _tiled(pieces: Sequence[Piece], load: Decoder) -> bool:
    thin = sum(min(p.size) < _THIN or max(p.size) > 5 * min(p.size) for p in pieces)
    if len(pieces) > _MANY or 2 * thin >= len(pieces):
        return True
    seams = [
        s for k, p in enumerate(pieces) for q in pieces[k + 1 :] if (s := _goes_on(p, q, load)) is not None
    ]
    return 2 * sum(seams) > len(seams)


def _goes_on(one: Piece, other: Piece, load: Decoder) -> bool | None:
    """Whether the picture goes on over the seam of two pieces; None where the seam shows nothing."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = one.box, other.box
    wide, high = min(ax1, bx1) - max(ax0, bx0), min(ay1, by1) - max(ay0, by0)
    if max(wide * one.scale[0], high * one.scale[1]) < _THIN / 2:
        return None  # they meet at a corner
    axis = 0 if high > wide else 1
    first, second = (one, other) if one.box[axis] < other.box[axis] else (other, one)
    low = max(one.box[1 - axis], other.box[1 - axis])
    length = round((high if axis == 0 else wide) * one.scale[1 - axis])
    facing = []
    for part, end in ((first, -1), (second, 0)):
        lines = _grey(load(part))
        lines = lines.T if axis == 0 else lines
        start = round((low - part.box[1 - axis]) * part.scale[1 - axis])
        inner = end - 1 if end else 1
        facing.append(lines[[end, inner], start : start + length].astype(np.float64))
    shortest = min(f.shape[1] for f in facing)
    (last, before), (following, after) = (f[:, :shortest] for f in facing)
    if min(last.std(), following.std()) < 8:
        return None
    within = max(np.abs(last - before).mean(), np.abs(following - after).mean())
    return bool(np.abs(last - following).mean() <= 2 * within + 2)


def _grey(pixels: Pixels) -> Pixels:
    return pixels if pixels.ndim == 2 else pixels[:, :, 1]


def _scraps(pieces: Sequence[Piece], mosaic: Sequence[int]) -> set[int]:
    """Small pieces on the mosaic's grid of pixels that touch no other: what lay between was white."""
    core = pieces[mosaic[0]]
    found = set()
    for k, piece in enumerate(pieces):
        if min(piece.size) < _THIN and _alike(piece, core):
            steps = [(piece.box[axis] - core.box[axis]) * core.scale[axis] for axis in (0, 1)]
            if all(abs(step - round(step)) < 0.25 for step in steps):
                found.add(k)
    return found
