"""Pictures drawn by us: a chest CT slice that is no patient's, a scan of letters, a colour chart."""

from __future__ import annotations

from functools import cache

import numpy as np
import pymupdf
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Height x width (grey) or height x width x 3 (RGB)."""


@cache
def _phantom(seed: int, height: int, width: int, glass: int) -> Pixels:
    rng = np.random.default_rng(seed)
    step = 2.0 / min(height, width)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = (y + 0.5 - height / 2) * step, (x + 0.5 - width / 2) * step
    image = np.full((height, width), 6.0, np.float32)

    def ellipse(cx: float, cy: float, rx: float, ry: float, soft: float = 1.5) -> NDArray[np.float32]:
        """Coverage 0..1 of an ellipse whose edge is `soft` pixels wide."""
        distance = (1 - np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2)) * min(rx, ry)
        return np.asarray(np.clip(distance / (soft * step) + 0.5, 0, 1), np.float32)

    def paint(cover: NDArray[np.float32], grey: float) -> None:
        nonlocal image
        image = image + (grey - image) * cover

    shift = float(rng.uniform(-0.02, 0.02))
    paint(np.clip(1 - np.abs(y - 0.86 - 0.12 * x**2) / 0.012, 0, 1), 95)  # the table beneath the patient
    paint(ellipse(0, 0, 0.93, 0.72), 120)  # skin and fat
    paint(ellipse(0, 0, 0.87, 0.65), 168)  # muscle
    for angle in np.linspace(0.25, 2 * np.pi + 0.25, 14, endpoint=False):  # ribs
        paint(ellipse(0.82 * np.cos(angle), 0.585 * np.sin(angle) + 0.01, 0.06, 0.03), 232)
    lungs = np.maximum(
        ellipse(-0.41 + shift, -0.02, 0.31, 0.47), ellipse(0.45 + shift, 0.04, 0.25, 0.40)
    )  # the patient's right lung, shown left, is the larger one
    mediastinum = np.maximum(ellipse(0.16, -0.16, 0.23, 0.24), ellipse(-0.02, 0.2, 0.13, 0.3))
    lungs = lungs * (1 - mediastinum)
    paint(lungs, 34)
    inside = lungs.copy()
    for sign, count in ((-1, 46), (1, 36)):  # vessels, finer towards the pleura
        for _ in range(count):
            reach = float(rng.uniform(0, 1))
            cx = sign * (0.18 + 0.46 * reach) + shift
            cy = float(rng.normal(0.02, 0.06 + 0.22 * reach))
            radius = 0.028 * (1.15 - reach)
            paint(ellipse(cx, cy, radius, radius * float(rng.uniform(0.7, 2.2)), 2) * inside, 128)
    for _ in range(glass):  # ground-glass opacities below the pleura
        side = float(rng.choice([-1.0, 1.0]))
        turn = float(rng.uniform(-0.2, 1.3))
        cx, cy = side * 0.44 + side * 0.2 * np.cos(turn), 0.33 * np.sin(turn)
        spread = float(rng.uniform(0.07, 0.13))
        blob = np.exp(-(((x - cx) / spread) ** 2 + ((y - cy) / (spread * 0.8)) ** 2))
        paint(np.clip(blob * 1.3, 0, 0.9).astype(np.float32) * inside, 112)
    paint(ellipse(0.19, 0.26, 0.075, 0.075), 190)  # descending aorta, left of the spine
    paint(ellipse(0, 0.42, 0.13, 0.11), 236)  # vertebra
    paint(ellipse(0, 0.45, 0.045, 0.045), 150)  # its canal
    paint(ellipse(0, 0.6, 0.03, 0.08), 228)  # spinous process
    paint(ellipse(0, -0.585, 0.1, 0.028), 226)  # sternum
    image += rng.normal(0, 3.5, image.shape).astype(np.float32)
    picture = np.clip(image, 0, 255).astype(np.uint8)
    picture.setflags(write=False)
    return picture


def phantom_ct(seed: int = 0, size: int | tuple[int, int] = 320, glass: int = 3) -> Pixels:
    """An axial chest CT in a lung window, height x width, grey; equal for equal arguments.

    `size` is one side or (height, width); `glass` counts ground-glass patches. The slice is lopsided
    (heart and aorta on one side, spine and table below), so a mirrored or turned copy is another picture.
    """
    height, width = (size, size) if isinstance(size, int) else size
    return _phantom(seed, height, width, glass)


def coloured(grey: Pixels, seed: int = 0) -> Pixels:
    """The slice in RGB with a fused colour map, as PET-CT and perfusion figures have."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.2, 0.9, 3)
    level = grey.astype(np.float32) / 255
    channels = [255 * level ** float(w * 2) for w in weight]
    return np.stack(channels, axis=-1).astype(np.uint8)


@cache
def _glyph(letter: str, size: int) -> Pixels:
    with pymupdf.open() as document:  # type: ignore[no-untyped-call]
        page = document.new_page(width=len(letter) * size * 0.7 + 4, height=size * 1.2)
        page.insert_text((2, size), letter, fontsize=size, fontname="hebo")
        pixmap = page.get_pixmap(colorspace=pymupdf.csGRAY)
        return np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.stride)[
            :, : pixmap.width
        ]


def lettered(picture: Pixels, letter: str, size: int = 28) -> Pixels:
    """A copy with a white letter burnt into the top left corner."""
    ink = 1 - _glyph(letter, size).astype(np.float32) / 255
    out = picture.copy()
    corner = out[6 : 6 + ink.shape[0], 6 : 6 + ink.shape[1]]
    if out.ndim == 3:
        ink = ink[..., None]
    corner[...] = corner + (255 - corner) * ink
    return out


def compound(
    rows: int,
    columns: int,
    seed: int = 0,
    size: int = 200,
    gap: int = 12,
    first: int = 0,
    glass: tuple[int, ...] = (3,),
) -> Pixels:
    """One image of rows x columns slices on white, lettered from the `first` on, as authors paste them.

    `glass` counts the opacities of each panel, over again when there are more panels.
    """
    out = np.full((rows * (size + gap) - gap, columns * (size + gap) - gap), 255, np.uint8)
    for k in range(rows * columns):
        top, left = (k // columns) * (size + gap), (k % columns) * (size + gap)
        panel = lettered(phantom_ct(seed + k, size, glass[k % len(glass)]), chr(65 + first + k))
        out[top : top + size, left : left + size] = panel
    return out


def scanned(lines: list[str], width: int = 1000, height: int = 1300, top: int = 100) -> Pixels:
    """A page of typed lines as a scanner sees it, grey."""
    with pymupdf.open() as document:  # type: ignore[no-untyped-call]
        page = document.new_page(width=width, height=height)
        for k, line in enumerate(lines):
            page.insert_text((134, top + 24 * k), line, fontsize=17, fontname="tiro")
        pixmap = page.get_pixmap(colorspace=pymupdf.csGRAY)
        sheet = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.stride)[:, :width]
    rng = np.random.default_rng(1)
    return np.asarray(np.clip(sheet - rng.integers(0, 14, sheet.shape), 0, 255), np.uint8)
