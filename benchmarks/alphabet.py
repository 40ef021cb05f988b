"""Letters drawn in many fonts over many grounds, to train the reader of panel labels with."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from covidct_curate.panels import glyphs, spots

NONE = len(glyphs.CLASSES)
SIDE = 960
SYMBOLS = "*+-=/&%#@!?$<>→←↑↓★■●▲αβγΔμπσΩ~{}[]:;|"
_SKIPPED = re.compile(r"Symbol|Math|Z003|D05|Hairline|Thin|opens__", re.I)


def fonts_in(folder: Path) -> list[Path]:
    """The fonts under a folder that have letters, by file name: where they lie does not matter."""
    found = (path for path in folder.rglob("*") if path.suffix in (".ttf", ".otf"))
    return sorted((path for path in found if not _SKIPPED.search(path.name)), key=lambda path: path.name)


def digest(fonts: Sequence[Path]) -> str:
    """SHA-256 of the fonts' file names, sorted, a line each."""
    return hashlib.sha256("\n".join(sorted(path.name for path in fonts)).encode()).hexdigest()


def ground(rng: random.Random, slices: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    noise = np.random.default_rng(rng.randrange(1 << 30))
    kind = rng.random()
    level = rng.choice([0, 10, 255, 250, 240, rng.randrange(256)])
    base = np.full((SIDE, SIDE), level, np.float32)
    if kind < 0.45:
        return base
    if kind < 0.6 or not slices:
        for octave in (8, 30, 120, 480):
            if rng.random() < 0.6:
                rough = noise.standard_normal((octave, octave)).astype(np.float32)
                base += rng.uniform(5, 50) * cv2.resize(rough, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        return base
    for top in range(0, SIDE, 240):
        for left in range(0, SIDE, 240):
            slice_ = slices[rng.randrange(len(slices))]
            base[top : top + 240, left : left + 240] = cv2.resize(slice_, (240, 240))
    return base


def words(rng: random.Random) -> str:
    letter = rng.choice(glyphs.CLASSES[:62])
    style = rng.random()
    if style < 0.45:
        return letter
    if style < 0.65:
        return f"({letter})"
    if style < 0.72:
        return f"{letter})"
    if style < 0.78:
        return letter + rng.choice("123456")
    if style < 0.85:
        return rng.choice(SYMBOLS)
    return "".join(rng.choice(glyphs.CLASSES[:62]) for _ in range(rng.randrange(2, 6)))


def sheet(
    rng: random.Random, fonts: list[Path], slices: list[NDArray[np.uint8]]
) -> tuple[NDArray[np.uint8], list[tuple[str, tuple[int, int, int, int]]]]:
    """A picture full of letters, and where each stroke lies."""
    canvas = ground(rng, slices)
    drawn: list[tuple[str, tuple[int, int, int, int]]] = []
    y = 6
    while y < SIDE - 80:
        size = round(rng.choice([rng.uniform(10, 20), rng.uniform(12, 24), rng.uniform(16, 72)]))
        font = ImageFont.truetype(str(rng.choice(fonts)), size)
        x = 6
        while x < SIDE - 3 * size - 10:
            text = words(rng)
            patch = canvas[y : y + round(1.5 * size) + 2, x : x + round(size * (len(text) + 1))]
            local = float(np.median(patch))
            colour = rng.choice([0, 0, 255, 255, 255, rng.randrange(256)])
            if abs(colour - local) < 80:
                colour = 0 if local > 127 else 255
            if rng.random() < 0.15:
                wide = round(font.getlength(text)) + 8
                canvas[y - 3 : y + round(1.35 * size), x - 4 : x + wide] = 255 - colour
            at = float(x)
            for char in text:
                image = Image.new("L", (round(2.2 * size) + 6, round(1.6 * size) + 4), 0)
                ImageDraw.Draw(image).text((size * 0.5 + at % 1, 1), char, fill=255, font=font)
                ink = np.asarray(image, np.float32) / 255
                left = int(at) - int(size * 0.5)
                x0, x1 = max(left, 0), min(left + ink.shape[1], SIDE)
                part = ink[: SIDE - y, x0 - left : x1 - left]
                view = canvas[y : y + part.shape[0], x0:x1]
                view += part * (colour - view)
                _, _, stats, _ = cv2.connectedComponentsWithStats((part > 0.5).astype(np.uint8))
                if len(stats) > 1:
                    a, b, w, h, _ = stats[1 + int(stats[1:, 4].argmax())]
                    drawn.append((char, (x0 + int(a), y + int(b), x0 + int(a + w), y + int(b + h))))
                at += font.getlength(char) * rng.choice([1.0, 1.0, 1.06])
            if rng.random() < 0.12:
                tip = (int(at) + 4, y + size // 2)
                end = (tip[0] + rng.randrange(4, 40), tip[1] + rng.randrange(-12, 13))
                cv2.arrowedLine(canvas, end, tip, float(colour), rng.randrange(1, 4), tipLength=0.4)
                at = max(tip[0], end[0])
            if rng.random() < 0.08:
                radius = rng.randrange(3, max(4, size // 2 + 1))
                cv2.circle(
                    canvas, (int(at) + radius + 4, y + radius), radius, float(colour), rng.choice([-1, 1, 2])
                )
                at += 2 * radius + 6
            x = round(at + rng.uniform(0.5, 1.2) * size)
        y += round(1.7 * size) + 8
    if rng.random() < 0.6:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 1.1)), np.float32)
    canvas += (
        np.random.default_rng(rng.randrange(1 << 30))
        .normal(0, rng.uniform(0, 8), canvas.shape)
        .astype(np.float32)
    )
    grey = np.clip(canvas, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, rng.randrange(45, 96)])[1]
        grey = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    if rng.random() < 0.4:
        scale = rng.uniform(0.6, 1.7)
        bigger = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=rng.choice([1, 2, 3]))
        grey = np.asarray(bigger, np.uint8)
        drawn = [(c, tuple(round(v * scale) for v in box)) for c, box in drawn]  # type: ignore[misc]
    return grey, drawn


def overlap(one: Any, other: Any) -> float:
    w = min(one[2], other[2]) - max(one[0], other[0])
    h = min(one[3], other[3]) - max(one[1], other[1])
    if w <= 0 or h <= 0:
        return 0.0
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return float(w * h / (areas - w * h))


def examples(
    rng: random.Random, fonts: list[Path], slices: list[NDArray[np.uint8]], sheets: int
) -> tuple[Any, Any]:
    values, truth = [], []
    for _ in range(sheets):
        grey, drawn = sheet(rng, fonts, slices)
        seen = spots.spots_of(grey)
        middles = np.array([[(b[0] + b[2]) / 2, (b[1] + b[3]) / 2] for _, b in drawn])
        names, kept = [], []
        for k, box in enumerate(seen.boxes):
            off = np.abs(middles - [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]).max(axis=1)
            best = int(off.argmin())
            char, shape = drawn[best]
            close = overlap(box, shape)
            name = glyphs.CLASSES.find(char) if close >= 0.65 else -1
            if 0.45 < close < 0.65:
                continue
            names.append(name if name >= 0 else NONE)
            kept.append(k)
        values.append(glyphs.features(seen)[kept].astype(np.float16))
        truth.append(np.array(names, np.int64))
    return np.concatenate(values), np.concatenate(truth)
