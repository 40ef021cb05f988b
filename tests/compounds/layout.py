"""Where the panels of a compound figure lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .spec import Spec

PixelBox = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, half-open."""

LEAST = 56
"""Pixels of the shorter side of a panel, so that none can be taken for a strip of text."""
LARGEST = 3_500_000
"""Pixels of a figure."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The size of a figure and the cells of its panels, row by row."""

    width: int
    height: int
    rows: tuple[tuple[PixelBox, ...], ...]

    @property
    def cells(self) -> tuple[PixelBox, ...]:
        """All cells in reading order."""
        return tuple(cell for row in self.rows for cell in row)


@dataclass(frozen=True, slots=True)
class Strips:
    """Room kept for text, in pixels: over and under each row of panels, over and left of all."""

    above: int = 0
    below: int = 0
    top: int = 0
    left: int = 0


def arrange(rng: np.random.Generator, spec: Spec, strips: Strips) -> Arrangement:
    """Lay the panels out; a figure that would be too large is drawn narrower than its spec says."""
    state = rng.bit_generator.state
    width = spec.width
    while True:
        rng.bit_generator.state = state  # the same proportions at another size
        done = _at(rng, spec, strips, width)
        large = done.width * done.height / LARGEST
        if large <= 1 or min(min(x1 - x0, y1 - y0) for x0, y0, x1, y1 in done.cells) <= LEAST * 1.2:
            return done
        width = int(width / max(large**0.5, 1.05))


def _at(rng: np.random.Generator, spec: Spec, strips: Strips, width: int) -> Arrangement:
    left, top = spec.margin + strips.left, spec.margin + strips.top
    if spec.layout == "tall":
        rows = _tall(rng, spec, strips, width, left, top)
    else:
        rows = []
        y = top + strips.above
        for row in _sizes(rng, spec, width):
            across = sum(w for w, _ in row) + spec.gutter * (len(row) - 1)
            x = left + ((width - across) // 2 if spec.layout == "ragged" and spec.centred else 0)
            high = max(h for _, h in row)
            cells = []
            for w, h in row:
                cells.append((x, y, x + w, y + h))
                x += w + spec.gutter
            rows.append(cells)
            y += high + spec.gutter + strips.below + strips.above
        if spec.layout == "loose":
            rows = [[_shrunk(rng, cell, spec.centred) for cell in row] for row in rows]
    right = max(cell[2] for row in rows for cell in row) + spec.margin
    bottom = max(cell[3] for row in rows for cell in row) + strips.below + spec.margin
    return Arrangement(right, bottom, tuple(tuple(row) for row in rows))


def _sizes(rng: np.random.Generator, spec: Spec, width: int) -> list[list[tuple[int, int]]]:
    """Width and height of the panels of each row."""
    proportion = float(np.clip(np.exp(rng.normal(0.18, 0.22)), 0.6, 2.2))
    if spec.layout in ("rows", "aligned"):
        return [_justified(rng, spec, count, width, proportion) for count in spec.counts]
    columns = max(spec.counts)
    wide = max(LEAST, (width - spec.gutter * (columns - 1)) // columns)
    high = max(LEAST, round(wide / proportion))
    return [[(wide, high)] * count for count in spec.counts]


def _justified(
    rng: np.random.Generator, spec: Spec, count: int, width: int, proportion: float
) -> list[tuple[int, int]]:
    """A row as wide as the figure whose panels are equally high."""
    room = width - spec.gutter * (count - 1)
    shares = (
        np.exp(np.clip(rng.normal(0, 0.35, count), -0.5, 0.5)) if spec.layout == "aligned" else np.ones(count)
    )
    proportions = shares * proportion * (float(rng.uniform(1.2, 2.2)) if count == 1 else 1)
    high = max(LEAST, round(min(room / proportions.sum(), 1.1 * width)))
    edges = np.round(np.concatenate([[0], np.cumsum(shares)]) / shares.sum() * room).astype(int)
    return [(max(LEAST, int(w)), high) for w in np.diff(edges)]


def _tall(
    rng: np.random.Generator, spec: Spec, strips: Strips, width: int, left: int, top: int
) -> list[list[PixelBox]]:
    """One panel, and beside it a pile as high as it."""
    pile, between = spec.counts[1], spec.gutter + strips.above + strips.below
    wide = round((width - spec.gutter) * float(rng.uniform(0.5, 0.72)))
    narrow = max(LEAST, width - spec.gutter - wide)
    total = wide / float(rng.uniform(0.6, 1.3))
    high = max(LEAST, round((total - between * (pile - 1)) / pile), round(narrow / 2.5))
    x, y = left + wide + spec.gutter, top + strips.above
    small = [(x, y + k * (high + between), x + narrow, y + k * (high + between) + high) for k in range(pile)]
    return [[(left, y, left + wide, small[-1][3])], small]


def _shrunk(rng: np.random.Generator, cell: PixelBox, centred: bool) -> PixelBox:
    """A smaller panel in the cell, at its top or in its middle."""
    x0, y0, x1, y1 = cell
    w = max(LEAST, int((x1 - x0) * rng.uniform(0.72, 1)))
    h = max(LEAST, int((y1 - y0) * rng.uniform(0.72, 1)))
    x = x0 + max(0, x1 - x0 - w) // 2
    y = y0 + (max(0, y1 - y0 - h) // 2 if centred else 0)
    return x, y, x + w, y + h
