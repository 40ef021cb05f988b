"""Near-duplicate candidates among 1,000, 10,000 and 100,000 drawn pictures: time, and planted copies found.

    python benchmarks/duplicates.py [PICTURES...]

Thumbnails are drawn (body, lungs and a random texture of its own in each) and hashed as pictures are. Each tenth is
a copy of another: cropped, brighter, under noise, and one in four mirrored or turned.
"""

from __future__ import annotations

import sys
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.audit import duplicates
from covidct_curate.audit.candidates import candidates
from covidct_curate.audit.likeness import Pixels

_SIDE = 64
_COPIES = 10
"""One in so many is a copy."""


def drawn(random: np.random.Generator) -> Pixels:
    """One chest, 64 x 64."""
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
    bend = cv2.resize(random.normal(0, 0.04, (2 * 4, 4)), (_SIDE, 2 * _SIDE), interpolation=cv2.INTER_CUBIC)
    x, y = x + bend[:_SIDE], y + bend[_SIDE:]
    plane = np.where(x**2 + y**2 < 1, random.uniform(100, 160) + random.normal(0, 25) * np.hypot(x, y), 10.0)
    at, wide, high = random.uniform(0.38, 0.5), random.uniform(0.12, 0.42), random.uniform(0.25, 0.8)
    for side in (-1, 1):
        size, low = random.normal(1, 0.15), random.normal(0.05, 0.1)
        lung = ((x - side * at) / wide) ** 2 + ((y - low) / high) ** 2 < size
        plane[lung] = random.uniform(20, 60) + random.normal(0, 80) * np.clip(y[lung], 0, 1)
    for size in (5, 12):
        texture = random.normal(0, 4, (size, size))
        plane += cv2.resize(texture, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(plane, 0, 255), np.uint8)


def copied(grey: Pixels, random: np.random.Generator, flip: int) -> Pixels:
    """The same chest as another paper shows it."""
    left, top, right, bottom = random.integers(0, 3, 4)
    part = np.asarray(grey[top : _SIDE - bottom, left : _SIDE - right], np.float64)
    part = 255 * (part / 255) ** random.uniform(0.7, 1.4) + random.normal(0, 1, part.shape)
    whole = cv2.resize(np.clip(part, 0, 255).astype(np.uint8), (_SIDE, _SIDE))
    return duplicates.turned(np.asarray(whole, np.uint8), flip)


def hashes(grey: Pixels) -> NDArray[np.float16]:
    return duplicates.hashes(np.asarray(cv2.resize(duplicates.equalised(grey), (128, 128)), np.uint8))


if __name__ == "__main__":
    sizes = [int(each) for each in sys.argv[1:]] or [1_000, 10_000, 100_000]
    print("| pictures | seconds | ms a picture | candidates | copies found |\n|---|---|---|---|---|")
    for count in sizes:
        random = np.random.default_rng(0)
        seen: list[Pixels] = [drawn(random) for _ in range(count - count // _COPIES)]
        copies = random.choice(len(seen), count // _COPIES, replace=False)
        flips = [int(random.integers(1, 4)) if number % 4 == 0 else 0 for number in range(len(copies))]
        seen += [copied(seen[each], random, flip) for each, flip in zip(copies, flips, strict=True)]
        rows = np.stack([hashes(each) for each in seen])
        start = time.perf_counter()
        found = candidates(rows, np.arange(count), duplicates.SIGNS)
        seconds = time.perf_counter() - start
        pairs = {(min(a, b), max(a, b), flip) for a, b, _, flip in found}
        first = count - len(copies)
        kept = sum(
            (int(each), first + number, flip) in pairs
            for number, (each, flip) in enumerate(zip(copies, flips, strict=True))
        )
        print(
            f"| {count:,} | {seconds:.1f} | {1000 * seconds / count:.2f} | {len(found):,} "
            f"| {100 * kept / len(copies):.1f} % |",
            flush=True,
        )
