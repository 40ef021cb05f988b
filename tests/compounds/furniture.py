"""What stands in and around panels: letters, headings, rules, arrows, bars, insets."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from tests.manuscripts import Pixels

from .ink import BLACK, MARKS, WHITE, arrow, contrast, glyphs, write
from .layout import Arrangement, PixelBox
from .spec import GRAPHIC, Colour, Spec

HEADING = 36
"""Pixels kept over or beside the panels for headings."""
TITLES = (
    "Lung window",
    "Soft tissue",
    "Axial",
    "Coronal",
    "Day 1",
    "Day 4",
    "Day 14",
    "Before",
    "After",
    "Control",
)


def letter_size(rng: np.random.Generator, spec: Spec) -> int:
    """Pixels of the letters' type."""
    columns = 1 if spec.layout == "single" else max(spec.counts)
    return int(np.clip(spec.width / columns * rng.uniform(0.05, 0.11), 11, 40))


def letter_inside(panel: Pixels, letter: str, size: int, spec: Spec) -> None:
    """Letter in a corner of the panel."""
    font = "hebo"
    high, wide = glyphs(letter, size, font).shape
    pad = max(2, size // 4) if spec.style == "plain" else max(3, size // 3)
    x = pad if "left" in spec.corner else panel.shape[1] - wide - pad
    y = pad if "top" in spec.corner else panel.shape[0] - high - pad
    place = panel[max(0, y - pad) : y + high + pad, max(0, x - pad) : x + wide + pad]
    ink = WHITE if place.mean() < 140 else BLACK
    if spec.style != "plain":
        ink = WHITE if spec.style == "dark" else BLACK
        place[:] = BLACK if spec.style == "dark" else WHITE
    write(panel, letter, (x, y), size, ink, font)


def letter_outside(picture: Pixels, box: PixelBox, letter: str, size: int, spec: Spec) -> None:
    """Letter over the panel at its left, or under its middle."""
    x0, y0, x1, y1 = box
    ink, font = contrast(spec.colour), "hebo" if spec.form in ("A", "1") else "tiro"
    gap = max(4, size // 3)
    if spec.letters == "above":
        write(picture, letter, (x0, y0 - gap), size, ink, font, (0, 1))
    else:
        write(picture, letter, ((x0 + x1) / 2, y1 + gap), size, ink, font, (0.5, 0))


# in panels ---------------------------------------------------------------------------------------------


def furnish(rng: np.random.Generator, panel: Pixels, kind: str, spec: Spec) -> None:
    """Marks on an image; plots and their like stay as they are."""
    high, wide = panel.shape[:2]
    if kind not in GRAPHIC and min(high, wide) >= 110:
        if spec.annotated and kind in ("ct", "soft", "xray"):
            _annotate(rng, panel)
        if spec.inset:
            _inset(rng, panel)
        if spec.bar == "within":
            _bar(panel[high // 5 : high * 3 // 5, wide - max(6, wide // 22) - 6 : wide - 6])
        if spec.scale:
            y, long = high - max(8, high // 16), wide // 5
            ink = WHITE if panel[y - 4 : y, wide - 8 - long : wide - 8].mean() < 140 else BLACK
            cv2.line(panel, (wide - 8 - long, y), (wide - 8, y), ink, max(2, high // 120))
            write(panel, "5 cm", (wide - 8 - long / 2, y - 4), max(9, high // 26), ink, anchor=(0.5, 1))
        if spec.arrows == "inside":
            _arrows(rng, panel)
    if spec.rule == "edge":
        cv2.rectangle(panel, (0, 0), (wide - 1, high - 1), contrast(spec.colour), 1)


def _annotate(rng: np.random.Generator, panel: Pixels) -> None:
    high, wide = panel.shape[:2]
    size = int(np.clip(high / 30, 8, 18))
    for k in range(3):
        write(
            panel, f"{TITLES[k]} {int(rng.integers(1, 400))}", (4, high * 0.3 + k * size * 1.3), size, WHITE
        )
        write(panel, f"{rng.uniform(0, 99):.1f}", (wide - 4, 4 + k * size * 1.3), size, WHITE, anchor=(1, 0))
    write(panel, "R", (4, high * 0.6), size + 4, WHITE)


def _inset(rng: np.random.Generator, panel: Pixels) -> None:
    """A detail, enlarged, in the lower right corner, framed."""
    high, wide = panel.shape[:2]
    w, h = wide // 3, high // 3
    x, y = int(rng.integers(0, wide - w // 2)), int(rng.integers(0, high - h // 2))
    detail = cv2.resize(panel[y : y + h // 2, x : x + w // 2], (w, h), interpolation=cv2.INTER_CUBIC)
    panel[high - h :, wide - w :] = detail
    cv2.rectangle(panel, (wide - w, high - h), (wide - 1, high - 1), WHITE, max(1, wide // 200))


def _arrows(rng: np.random.Generator, panel: Pixels) -> None:
    high, wide = panel.shape[:2]
    ink = MARKS[int(rng.integers(len(MARKS)))]
    for _ in range(int(rng.integers(1, 3))):
        head = float(rng.uniform(0.25, 0.75)) * wide, float(rng.uniform(0.25, 0.75)) * high
        angle, long = float(rng.uniform(0, 2 * np.pi)), 0.14 * min(high, wide)
        tail = head[0] + long * np.cos(angle), head[1] + long * np.sin(angle)
        arrow(panel, tail, head, ink, max(1, min(high, wide) // 110))


# bars of colours ---------------------------------------------------------------------------------------


def bar_room(spec: Spec, kind: str, wide: int) -> int:
    """Pixels of the cell's width that a colour bar beside the image takes."""
    return max(14, wide // 11) if spec.bar == "beside" and kind in ("ct", "soft", "pet") and wide > 160 else 0


def bar_beside(picture: Pixels, wide: int, high: int, spec: Spec) -> Pixels:
    """The image at the left of a cell, a bar at its right, nearer than the next panel."""
    cell = np.empty((high, wide, 3), np.uint8)
    cell[:] = spec.colour
    cell[:, : picture.shape[1]] = picture
    _bar(cell[high // 8 : high - high // 8, picture.shape[1] + min(4, spec.gutter // 3) :])
    return cell


def _bar(place: Pixels) -> None:
    ramp = np.linspace(250, 60, place.shape[0]).astype(np.uint8)[:, None]
    place[:] = cv2.applyColorMap(ramp, cv2.COLORMAP_JET)[..., ::-1]


# around panels -----------------------------------------------------------------------------------------


def headings(rng: np.random.Generator, picture: Pixels, plan: Arrangement, spec: Spec) -> None:
    """Words over columns, over all, or beside rows."""
    ink, size = contrast(spec.colour), 17
    rows = plan.rows
    if spec.headings in ("columns", "bars"):
        for x0, _, x1, _ in rows[0]:
            fit = int(np.clip((x1 - x0) / 8, 9, size))
            if spec.headings == "bars":
                ground: Colour = (205, 215, 230)
                y = spec.margin
                picture[y + 2 : y + HEADING - 6, x0:x1] = ground
                ink = contrast(ground)
            word = TITLES[int(rng.integers(len(TITLES)))]
            write(picture, word, ((x0 + x1) / 2, spec.margin + HEADING / 2 - 2), fit, ink, "hebo", (0.5, 0.5))
    elif spec.headings == "title":
        write(picture, "Follow-up", (picture.shape[1] / 2, spec.margin + 4), size + 3, ink, "hebo", (0.5, 0))
    elif spec.headings == "rows":
        for row in rows:
            middle = (row[0][1] + row[0][3]) / 2
            word = TITLES[int(rng.integers(len(TITLES)))]
            fit = int(np.clip((row[0][3] - row[0][1]) / 7, 9, size))
            write(picture, word, (spec.margin + HEADING / 2 - 3, middle), fit, ink, "hebo", (0.5, 0.5), True)


def rules(picture: Pixels, plan: Arrangement, spec: Spec) -> None:
    """Thin lines around panels, between them, or around all."""
    ink = contrast(spec.colour)
    if spec.rule == "around":
        for x0, y0, x1, y1 in plan.cells:
            cv2.rectangle(picture, (x0 - 2, y0 - 2), (x1 + 1, y1 + 1), ink, 1)
    elif spec.rule == "border":
        cv2.rectangle(picture, (0, 0), (picture.shape[1] - 1, picture.shape[0] - 1), ink, 1)
    elif spec.rule == "between":
        left, right = min(c[0] for c in plan.cells), max(c[2] for c in plan.cells)
        for k, row in enumerate(plan.rows):
            for (_, y0, x1, y1), (after, _, _, _) in pairwise(row):
                cv2.line(picture, ((x1 + after) // 2, y0), ((x1 + after) // 2, y1), ink, 1)
            if k and spec.layout != "tall" and spec.letters in ("none", "inside"):
                over, under = max(c[3] for c in plan.rows[k - 1]), min(c[1] for c in row)
                cv2.line(picture, (left, (over + under) // 2), (right, (over + under) // 2), ink, 1)


def crossing_arrows(rng: np.random.Generator, picture: Pixels, boxes: list[PixelBox], spec: Spec) -> None:
    """Arrows that begin in the gutter right of a panel and point into it."""
    for x0, y0, x1, y1 in boxes:
        if rng.random() < 0.6:
            y = float(rng.uniform(0.25, 0.75)) * (y1 - y0) + y0
            tail = x1 + min(spec.gutter * 0.7, 22), y
            head = x1 - 0.14 * (x1 - x0), y + float(rng.uniform(-0.06, 0.06)) * (y1 - y0)
            thick = max(1, min(x1 - x0, y1 - y0) // 110)
            ink = MARKS[2 + int(rng.integers(len(MARKS) - 2))]
            arrow(picture, tail, head, ink, thick)
