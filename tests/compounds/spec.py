"""What a compound figure is to look like, drawn from wide distributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Colour = tuple[int, int, int]
T = TypeVar("T")

LAYOUTS = ("single", "grid", "ragged", "rows", "aligned", "loose", "tall")
"""``grid``: equal cells. ``ragged``: its last row incomplete. ``rows``: rows of unequal numbers of panels,
each as wide as the figure, as one wide over two small. ``aligned``: panels of a row equally high and
unequally wide. ``loose``: each panel of its own size in its cell. ``tall``: one panel beside a pile."""

RASTER = ("ct", "soft", "pet", "legs", "xray", "ultrasound", "photo", "histology", "scope")
GRAPHIC = ("plot", "gel", "blots", "table", "diagram")
CONTENTS = RASTER + GRAPHIC

COUNTS = dict(
    zip(
        range(1, 17),
        (15, 20, 13, 17, 6, 11, 3, 5, 4, 1.2, 0.6, 2, 0.6, 0.6, 0.8, 1.2),
        strict=True,
    )
)
"""Weights of the numbers of panels."""


@dataclass(frozen=True, slots=True)
class Spec:
    """How one figure is laid out and furnished; lengths in pixels."""

    layout: str
    counts: tuple[int, ...]
    """Panels in each row; for ``tall`` the one and the pile beside it."""
    contents: tuple[str, ...]
    """What each panel shows, in reading order, of CONTENTS."""
    width: int
    """Width of all panels and gutters together, without margin and row titles."""
    gutter: int
    colour: Colour
    """Of gutters and margin."""
    margin: int = 0
    centred: bool = False
    """The incomplete row of ``ragged`` stands in the middle; panels of ``loose`` hang from the middle."""
    letters: str = "none"
    """``none``, ``inside``, ``above`` or ``below`` the panel, in the gutter."""
    form: str = "A"
    """How the first letter is printed: ``A``, ``a``, ``(a)``, ``a)``, ``1``."""
    style: str = "plain"
    """``plain`` ink, or a ``dark`` or ``light`` box behind the letter."""
    corner: str = "top left"
    by_row: bool = False
    """One letter covers a whole row of panels."""
    rule: str = "none"
    """A line: ``edge`` on the panel's edge, ``around`` it, ``between`` panels, ``border`` of the figure."""
    headings: str = "none"
    """Strips of text without panels: ``columns``, coloured ``bars`` over them, ``rows``, ``title``."""
    arrows: str = "none"
    """``none``, ``inside`` panels, or ``crossing`` their edge into the gutter."""
    bar: str = "none"
    """A colour bar ``within`` panels or ``beside`` their image, which is then part of them."""
    similar: bool = False
    """All CTs are much the same slice, as in follow-up."""
    scale: bool = False
    inset: bool = False
    annotated: bool = False
    """Lines of the scanner's text in the corners."""
    soften: float = 1.0
    """The picture was scaled down by this factor, and back."""
    jpeg: int | None = None
    """Quality 60–95, or stored without loss."""

    @property
    def panels(self) -> int:
        """How many panels there are."""
        return sum(self.counts)


def draw_spec(rng: np.random.Generator) -> Spec:
    """The look of one figure: equal for generators in equal states."""
    count = _weighted(rng, COUNTS)
    gutter = _gutter(rng)
    layout, counts = _layout(rng, count, gutter)
    colour = _colour(rng)
    widest = 1 if layout == "single" else max(counts)
    width = float(np.clip(np.exp(rng.normal(np.log(820), 0.5)), 300, 3000))
    width = max(width, min(3000, widest * (85 + gutter)))
    letters = "none"
    if count > 1:
        letters = _weighted(rng, {"none": 28, "inside": 42, "above": 8, "below": 22})
    elif rng.random() < 0.1:
        letters = "inside"
    rules = {"none": 70, "edge": 12} | ({"around": 6, "between": 7, "border": 5} if gutter >= 6 else {})
    headings = {"none": 80, "title": 4} | ({"columns": 7, "bars": 4, "rows": 5} if layout == "grid" else {})
    margin = 0 if rng.random() < 0.5 else int(rng.integers(1, 61))
    if gutter == 0 and max(colour) < 60:
        margin = 0  # else nobody could say where the black of the margin ends
    return Spec(
        layout=layout,
        counts=counts,
        contents=_contents(rng, count),
        width=int(width),
        gutter=gutter,
        colour=colour,
        margin=margin,
        centred=bool(rng.random() < 0.5),
        letters=letters,
        form=_weighted(rng, {"A": 42, "a": 20, "(a)": 24, "a)": 7, "1": 7}),
        style=_weighted(rng, {"plain": 65, "dark": 17, "light": 18}),
        corner=_weighted(rng, {"top left": 60, "bottom left": 15, "bottom right": 15, "top right": 10}),
        by_row=layout == "grid" and min(len(counts), counts[0]) > 1 and bool(rng.random() < 0.12),
        rule=_weighted(rng, rules),
        headings=_weighted(rng, headings) if count > 1 else "none",
        arrows=_weighted(
            rng, {"none": 65, "inside": 25} | ({"crossing": 10} if gutter >= 6 and count > 1 else {})
        ),
        bar=_weighted(rng, {"none": 90, "within": 6} | ({"beside": 4} if gutter >= 12 else {})),
        similar=bool(rng.random() < 0.25),
        scale=bool(rng.random() < 0.12),
        inset=bool(rng.random() < 0.06),
        annotated=bool(rng.random() < 0.12),
        soften=float(rng.uniform(0.6, 0.95)) if rng.random() < 0.3 else 1.0,
        jpeg=int(rng.integers(60, 96)) if rng.random() < 0.7 else None,
    )


def _weighted(rng: np.random.Generator, weights: Mapping[T, float]) -> T:
    shares = np.array(list(weights.values()), float)
    return list(weights)[int(rng.choice(len(shares), p=shares / shares.sum()))]


def _gutter(rng: np.random.Generator) -> int:
    low, high = _weighted(rng, {(0, 0): 12, (1, 3): 10, (4, 10): 12, (11, 20): 13, (21, 40): 53})
    return int(rng.integers(low, high + 1))


def _colour(rng: np.random.Generator) -> Colour:
    """White, black, a grey, any colour."""
    kind = _weighted(rng, {"white": 60, "black": 18, "grey": 10, "colour": 12})
    if kind == "white":
        return (255, 255, 255) if rng.random() < 0.85 else (252, 252, 252)
    if kind == "black":
        return (0, 0, 0) if rng.random() < 0.8 else (8, 8, 8)
    if kind == "grey":
        level = int(rng.integers(60, 241))
        return (level, level, level)
    red, green, blue = (int(v) for v in rng.integers(20, 256, 3))
    return (red, green, blue)


def _layout(rng: np.random.Generator, count: int, gutter: int) -> tuple[str, tuple[int, ...]]:
    """A layout that can hold so many panels, and the panels of each row."""
    if count == 1:
        return "single", (1,)
    grids = [
        (count // rows, rows)
        for rows in range(1, 7)
        if count % rows == 0 and count // rows <= 6 and (count < 5 or rows > 1)
    ]
    grids = [(columns, rows) for columns, rows in grids if columns * 3 >= rows]
    ragged = [columns for columns in range(2, 6) if count > columns and count % columns]
    names: dict[str, float] = {"aligned": 14}
    if grids:
        names |= {"grid": 50} | ({"loose": 8} if gutter else {})
    if count > 2:
        names |= {"rows": 14} | ({"tall": 9} if count <= 5 else {}) | ({"ragged": 12} if ragged else {})
    layout = _weighted(rng, names)
    if layout in ("grid", "loose"):
        columns, rows = _weighted(rng, {grid: 3.0 if grid[0] >= grid[1] else 1.0 for grid in grids})
        return layout, (columns,) * rows
    if layout == "ragged":
        near = {columns: 1 / (1 + abs(columns - count**0.5)) for columns in ragged}
        columns = _weighted(rng, near)
        return layout, (columns,) * (count // columns) + (count % columns,)
    if layout == "tall":
        return layout, (1, count - 1)
    return layout, _rows(rng, count, unequal=layout == "rows")


def _rows(rng: np.random.Generator, count: int, unequal: bool) -> tuple[int, ...]:
    """Panels divided over rows of one to five, when `unequal` not the same number in each."""
    while True:
        left, rows = count, []
        while left:
            rows.append(min(left, int(rng.integers(1, 6))))
            left -= rows[-1]
        several = len(set(rows)) > 1 if unequal else True
        if several and len(rows) <= max(2, count / 2 + 1):
            return tuple(rows)


def _contents(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """What the panels show: mostly CTs, often all of a kind, at times mixed with plots."""
    if count == 1:
        kinds = (40, 8, 3, 5, 6, 3, 5, 3, 2, 9, 5, 4, 4, 4)
        return (_weighted(rng, dict(zip(CONTENTS, kinds, strict=True))),)
    mixes: dict[tuple[str, ...], float] = {
        ("ct",): 46,
        ("ct", "soft"): 14,
        ("soft",): 5,
        ("ct", "xray"): 6,
        ("ct", "pet"): 5,
        ("ct", "legs", "soft"): 2,
        ("ct", "ct", "plot"): 7,
        ("ct", "histology", "photo"): 4,
        ("xray",): 2,
        ("photo", "histology"): 3,
        ("scope", "ultrasound"): 2,
        ("plot",): 3,
        ("plot", "gel"): 1,
    }
    mix = _weighted(rng, mixes)
    if rng.random() < 0.4:
        return tuple(mix[k % len(mix)] for k in range(count))
    return tuple(mix[int(k)] for k in rng.integers(0, len(mix), count))
