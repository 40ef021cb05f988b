"""Panels that are no images: plots, gels, tables, diagrams, on white."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.manuscripts import Pixels

from .ink import BLACK, WHITE, arrow, contrast, write
from .spec import Colour

INKS: tuple[Colour, ...] = (
    (31, 119, 180),
    (214, 39, 40),
    (44, 160, 44),
    (90, 90, 90),
    (255, 150, 20),
    (0, 0, 0),
)
WORDS = (
    "age",
    "patients",
    "dose",
    "volume",
    "lesion",
    "day",
    "control",
    "mean",
    "score",
    "female",
    "lung",
    "count",
)
"""What axes, lanes and cells say."""


def _paper(wide: int, high: int) -> Pixels:
    return np.full((high, wide, 3), 255, np.uint8)


def _words(rng: np.random.Generator, count: int) -> str:
    return " ".join(WORDS[int(k)] for k in rng.integers(0, len(WORDS), count))


def _type_size(wide: int, high: int) -> int:
    return int(np.clip(min(wide, high) / 18, 7, 26))


def plot(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """Axes with ticks and names; bars, lines, points, or a curve of steps."""
    picture, size = _paper(wide, high), _type_size(wide, high)
    x0, y0, x1, y1 = round(size * 4.2), round(size * 1.2), wide - size, high - round(size * 3.6)
    thick = 1 if wide < 500 else 2
    if rng.random() < 0.5:
        cv2.rectangle(picture, (x0, y0), (x1, y1), BLACK, thick)
    else:
        cv2.line(picture, (x0, y0), (x0, y1), BLACK, thick)
        cv2.line(picture, (x0, y1), (x1, y1), BLACK, thick)
    kind = ("bars", "lines", "points", "steps")[int(rng.integers(4))]
    marks = int(rng.integers(2, 6)) if kind == "bars" else 5
    for k in range(5):
        y = round(y1 - (y1 - y0) * k / 4.4)
        cv2.line(picture, (x0 - size // 3, y), (x0, y), BLACK, thick)
        write(picture, f"{k * 20}", (x0 - size * 0.5, y), size, anchor=(1, 0.5))
    for k in range(marks):
        x = round(x0 + (x1 - x0) * (k + 0.5) / marks)
        cv2.line(picture, (x, y1), (x, y1 + size // 3), BLACK, thick)
        write(
            picture,
            _words(rng, 1) if kind == "bars" else f"{k * 5}",
            (x, y1 + size * 0.5),
            size,
            anchor=(0.5, 0),
        )
    write(picture, _words(rng, 2), ((x0 + x1) / 2, y1 + size * 1.9), size, anchor=(0.5, 0))
    write(picture, _words(rng, 2), (size * 0.5, (y0 + y1) / 2), size, anchor=(0, 0.5), upright=True)
    if rng.random() < 0.3:
        write(picture, _words(rng, 2), ((x0 + x1) / 2, 1), size, anchor=(0.5, 0), font="hebo")
    _data(rng, kind, marks, picture[y0:y1, x0:x1], size)
    return picture


def _data(rng: np.random.Generator, kind: str, marks: int, field: Pixels, size: int) -> None:
    """What the axes enclose."""
    high, wide = field.shape[:2]
    if kind == "bars":
        for k in range(marks):
            ink, x = INKS[int(rng.integers(len(INKS)))], (k + 0.5) / marks * wide
            top, half = float(rng.uniform(0.2, 0.8)) * high, wide / marks * 0.3
            cv2.rectangle(field, (int(x - half), int(top)), (int(x + half), high), ink, -1)
            cv2.line(field, (int(x), int(top - high * 0.06)), (int(x), int(top)), BLACK, 1)
        return
    for series in range(int(rng.integers(1, 4))):
        ink = INKS[series + int(rng.integers(2))]
        if kind == "points":
            middle = rng.uniform(0.25, 0.75, 2)
            for x, y in rng.normal(middle, 0.1, (60, 2)) * (wide, high):
                cv2.circle(field, (int(x), int(y)), max(2, size // 4), ink, -1, cv2.LINE_AA)
            continue
        x = np.linspace(0.02, 0.98, 7 if kind == "lines" else 14) * wide
        y = np.clip(0.1 + 0.8 * np.sort(rng.random(len(x))), 0, 1) * high
        if kind == "steps":
            x, y = np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]
        cv2.polylines(field, [_path(x, y)], False, ink, max(1, size // 6), cv2.LINE_AA)


def _path(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.int32]:
    return np.stack([x, y], axis=1).round().astype(np.int32)


def _bands(rng: np.random.Generator, wide: int, high: int, lanes: int, bands: int) -> Pixels:
    """Dark bands in lanes on a light grey ground."""
    image = np.full((high, wide), float(rng.uniform(185, 228)), np.float32)
    for lane in range(lanes):
        for _ in range(int(rng.integers(1, bands + 1))):
            x, y = (lane + 0.5) / lanes * wide, float(rng.uniform(0.15, 0.85)) * high
            half, thick = 0.34 * wide / lanes, max(2.0, high / bands * 0.12)
            corner, other = (int(x - half), int(y - thick)), (int(x + half), int(y + thick))
            cv2.rectangle(image, corner, other, float(rng.uniform(20, 130)), -1)
    blurred = cv2.GaussianBlur(image, (0, 0), max(1.0, high / bands / 25))
    noisy = np.clip(blurred + rng.normal(0, 3, (high, wide)), 0, 255).astype(np.uint8)
    return np.repeat(noisy[..., None], 3, axis=2)


def gel(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """One gel with its ladder of weights at the left and the names of its lanes above."""
    picture, size, lanes = _paper(wide, high), _type_size(wide, high), int(rng.integers(3, 9))
    left, top = size * 4, size * 2
    picture[top:, left:] = _bands(rng, wide - left, high - top, lanes, 7)
    for k in range(7):
        y = top + (k + 0.5) / 7 * (high - top)
        write(picture, f"{250 >> k} kDa", (left - 4, y), max(7, size - 3), anchor=(1, 0.5))
    for lane in range(lanes):
        x = left + (lane + 0.5) / lanes * (wide - left)
        write(picture, f"{lane + 1}", (x, top - 3), size, anchor=(0.5, 1))
    return picture


def blots(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """Strips of one blot under each other with white between them, named at the left."""
    picture, size = _paper(wide, high), _type_size(wide, high)
    strips, lanes = int(rng.integers(2, 6)), int(rng.integers(3, 9))
    left, gap = size * 5, max(3, high // 30)
    tall = (high - gap * (strips - 1)) // strips
    for k in range(strips):
        y = k * (tall + gap)
        picture[y : y + tall, left:] = _bands(rng, wide - left, tall, lanes, 1)
        write(picture, _words(rng, 1), (left - 6, y + tall / 2), size, anchor=(1, 0.5))
    return picture


def table(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """Rows of words and numbers under a head, with rules, at times with shaded rows."""
    picture, size, columns = _paper(wide, high), _type_size(wide, high), int(rng.integers(3, 6))
    step, shaded = round(size * 1.9), rng.random() < 0.4
    for k, y in enumerate(range(0, high - step, step)):
        if k == 0 or (shaded and k % 2):
            picture[y : y + step] = (70, 110, 160) if k == 0 and shaded else (236, 238, 242) if k else 255
        for column in range(columns):
            text = _words(rng, 1) if k == 0 or column == 0 else f"{rng.uniform(0, 99):.1f}"
            at = (6 + column * wide / columns, y + step / 2)
            ink = contrast((70, 110, 160)) if k == 0 and shaded else BLACK
            write(picture, text, at, size, ink, "hebo" if k == 0 else "helv", (0, 0.5))
        if k < 2:
            cv2.line(picture, (0, y), (wide, y), BLACK, 1)
    cv2.line(picture, (0, high - 2), (wide, high - 2), BLACK, 1)
    return picture


def diagram(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """Boxes of text joined by arrows, from the top down, in one or two columns."""
    picture, size = _paper(wide, high), _type_size(wide, high)
    levels = int(rng.integers(3, 6))
    fill = WHITE if rng.random() < 0.5 else (220, 232, 245)
    above: list[tuple[float, float]] = []
    for level in range(levels):
        columns = 1 if level == 0 else int(rng.integers(1, 4))
        y0, y1 = level * high / levels + 2, (level + 0.6) * high / levels
        below = []
        for column in range(columns):
            x, half = (column + 0.5) / columns * wide, 0.42 * wide / max(columns, 2)
            corners = (round(x - half), round(y0)), (round(x + half), round(y1))
            cv2.rectangle(picture, *corners, fill, -1)
            cv2.rectangle(picture, *corners, BLACK, 2 if wide > 600 else 1)
            write(picture, _words(rng, 2), (x, (y0 + y1) / 2), size, anchor=(0.5, 0.5))
            start = above[column % len(above)] if above else (x, y0)
            if above:
                arrow(picture, start, (x, y0), BLACK, 1)
            below.append((x, y1))
        above = below
    return picture


DRAWN: dict[str, Callable[[np.random.Generator, int, int], Pixels]] = {
    "plot": plot,
    "gel": gel,
    "blots": blots,
    "table": table,
    "diagram": diagram,
}
"""``DRAWN[kind](rng, wide, high)``."""
