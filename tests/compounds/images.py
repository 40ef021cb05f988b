"""What panels show, pixel by pixel: CT slices in several windows, and pictures of other kinds drawn here."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.manuscripts import Pixels

from .layout import PixelBox
from .spec import Colour

VISIBLE = 28
"""Levels by which a pixel differs from the colour around it when it can be seen."""
SHARE = 0.03
"""Part of a side of an image that must be seen where the image is to end."""


def seen(picture: Pixels, colour: Colour, share: float) -> PixelBox:
    """The box of what differs from the colour: the outermost rows and columns with that share of such pixels.

    The whole picture when nothing does.
    """
    differs = (np.abs(picture.astype(np.int16) - np.array(colour, np.int16)) > VISIBLE).any(axis=2)
    high, wide = differs.shape
    y = np.flatnonzero(differs.sum(axis=1) >= max(1, share * wide))
    x = np.flatnonzero(differs.sum(axis=0) >= max(1, share * high))
    if not (len(x) and len(y)):
        return 0, 0, wide, high
    return int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1


def trimmed(picture: Pixels, colour: Colour) -> Pixels:
    """The picture without the surround that has this colour."""
    for _ in range(3):  # what is cut off was part of the sides that were measured
        x0, y0, x1, y1 = seen(picture, colour, SHARE)
        picture = picture[y0:y1, x0:x1]
    return picture


def fitted(picture: Pixels, wide: int, high: int) -> Pixels:
    """The middle of the picture in these proportions, scaled to this size."""
    h, w = picture.shape[:2]
    scale = max(wide / w, high / h)
    across, down = min(w, max(1, round(wide / scale))), min(h, max(1, round(high / scale)))
    x, y = (w - across) // 2, (h - down) // 2
    part = picture[y : y + down, x : x + across]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (wide, high), interpolation=method), np.uint8)


def rgb(picture: NDArray[np.uint8]) -> Pixels:
    """Grey or RGB to RGB."""
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture


# slices ------------------------------------------------------------------------------------------------


def window(rng: np.random.Generator, kind: str, grey: NDArray[np.uint8]) -> Pixels:
    """A slice as it is (``ct``), in a soft-tissue window (``soft``), or in false colours (``pet``)."""
    if kind == "pet":
        table = (cv2.COLORMAP_HOT, cv2.COLORMAP_JET, cv2.COLORMAP_INFERNO)[int(rng.integers(3))]
        blurred = cv2.GaussianBlur(grey, (0, 0), max(1.0, min(grey.shape) / 80))
        return np.ascontiguousarray(cv2.applyColorMap(blurred, table)[..., ::-1])
    level = np.arange(256, dtype=float)
    if kind == "soft":
        low, gain = float(rng.uniform(70, 120)), float(rng.uniform(1.0, 1.5))
        level = np.clip((level - low) * gain, 0, 225)
    elif rng.random() < 0.3:
        level = 255 * (level / 255) ** float(rng.uniform(0.6, 1.5))
    return rgb(np.asarray(level, np.uint8)[grey])


def _zoomed(rng: np.random.Generator, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A detail of the slice."""
    h, w = grey.shape
    part = float(rng.uniform(0.45, 0.7))
    y, x = int(rng.uniform(0.1, 0.9 - part) * h), int(rng.uniform(0.1, 0.9 - part) * w)
    return grey[y : y + max(8, int(part * h)), x : x + max(8, int(part * w))]


def slice_image(
    rng: np.random.Generator, kind: str, source: NDArray[np.uint8], wide: int, high: int, trim: Colour | None
) -> Pixels:
    """A slice in this size, a little other than last time; with `trim` without a surround of that colour."""
    grey = source if source.ndim == 2 else np.asarray(cv2.cvtColor(source, cv2.COLOR_RGB2GRAY), np.uint8)
    if kind != "soft" and rng.random() < 0.12 and min(grey.shape) > 100:
        grey = _zoomed(rng, grey)
    else:
        h, w = grey.shape
        top, bottom, left, right = rng.uniform(0, 0.05, 4)
        grey = grey[int(top * h) : h - int(bottom * h), int(left * w) : w - int(right * w)]
    picture = window(rng, kind, grey)
    if trim is not None:
        picture = trimmed(picture, trim)
    return fitted(picture, wide, high)


# drawn -------------------------------------------------------------------------------------------------


def _clouds(rng: np.random.Generator, wide: int, high: int, channels: int = 1) -> NDArray[np.float32]:
    """Smooth noise about 0, most of it in large shapes, height x width x channels."""
    total = np.zeros((high, wide, channels), np.float32)
    for cells, weight in ((3, 1.0), (7, 0.5), (17, 0.3), (43, 0.15), (131, 0.12)):
        coarse = rng.normal(0, weight, (cells, cells, channels)).astype(np.float32)
        total += cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC).reshape(high, wide, channels)
    return total


def _grain(rng: np.random.Generator, picture: NDArray[np.number], sigma: float) -> Pixels:
    noise = rng.normal(0, sigma, picture.shape[:2]).astype(np.float32)
    return np.asarray(np.clip(picture + (noise[..., None] if picture.ndim == 3 else noise), 0, 255), np.uint8)


def _ellipse(
    image: NDArray[np.float32],
    at: tuple[float, float],
    radii: tuple[float, float],
    level: float,
    turn: float = 0,
) -> None:
    """Filled; place and radii as parts of the width and height."""
    high, wide = image.shape
    centre, axes = (
        (round(at[0] * wide), round(at[1] * high)),
        (round(radii[0] * wide), round(radii[1] * high)),
    )
    cv2.ellipse(image, centre, axes, turn, 0, 360, level, -1, cv2.LINE_AA)


def legs(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """Two limbs in one CT with black between them."""
    image = np.full((high, wide), 3, np.float32)
    radius = float(rng.uniform(0.15, 0.2))
    for x in (0.5 - radius - float(rng.uniform(0.05, 0.11)), 0.5 + radius + float(rng.uniform(0.05, 0.11))):
        y = 0.5 + float(rng.uniform(-0.03, 0.03))
        tall = min(0.46, radius * wide / high * float(rng.uniform(0.9, 1.2)))
        _ellipse(image, (x, y), (radius, tall), 95)
        for _ in range(6):
            angle, reach = float(rng.uniform(0, 6.3)), 0.5 * radius
            at = (x + reach * np.cos(angle), y + reach * tall / radius * np.sin(angle))
            _ellipse(
                image,
                at,
                (radius * 0.35, tall * 0.3),
                float(rng.uniform(135, 165)),
                float(rng.uniform(0, 90)),
            )
        _ellipse(image, (x, y), (radius * 0.24, tall * 0.24), 245)
        _ellipse(image, (x, y), (radius * 0.13, tall * 0.13), 110)
    return rgb(_grain(rng, cv2.GaussianBlur(image, (0, 0), 1.5), 4))


def xray(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """A radiograph of a chest or of a limb."""
    image: NDArray[np.float32] = np.full((high, wide), float(rng.uniform(110, 150)), np.float32)
    if wide > 0.7 * high:
        for x in (0.28, 0.72):
            _ellipse(image, (x, 0.45), (0.17, 0.34), 55)
        for k in range(9):
            for x in (0.28, 0.72):
                centre = round(x * wide), round((0.2 + 0.08 * k) * high)
                cv2.ellipse(
                    image, centre, (wide // 5, high // 10), 0, 190, 350, 150, max(2, high // 60), cv2.LINE_AA
                )
        _ellipse(image, (0.5, 0.5), (0.05, 0.6), 205)
        _ellipse(image, (0.57, 0.62), (0.15, 0.14), 190)
        _ellipse(image, (0.5, 1.02), (0.5, 0.18), 205)
    else:
        image *= 0.35
        _ellipse(image, (0.5, 0.5), (0.4, 0.7), 105)
        for x, thick in ((0.42, 0.11), (0.63, 0.06)):
            _ellipse(image, (x, 0.5), (thick, 0.6), 215, float(rng.uniform(-3, 3)))
            _ellipse(image, (x, 0.5), (thick * 0.4, 0.6), 150)
    blurred = cv2.GaussianBlur(image, (0, 0), max(1.0, high / 70)) + 14 * _clouds(rng, wide, high)[..., 0]
    top, bottom, left, right = rng.uniform(0, 0.12, 4)
    part = blurred[int(top * high) : high - int(bottom * high), int(left * wide) : wide - int(right * wide)]
    part = cv2.resize(part, (wide, high))[:, :: int(rng.choice([-1, 1]))] * float(rng.uniform(0.8, 1.15))
    return rgb(_grain(rng, np.maximum(part, 32), 5))


def ultrasound(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """A fan of speckles on black that reaches all four sides."""
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    down, aside = y / high + 0.06, np.abs(x / wide - 0.5)
    fan = (aside < 0.53 * down) & (np.hypot(aside * 0.5, down) < 1.07)
    fine = cv2.GaussianBlur(rng.rayleigh(0.8, (high, wide)).astype(np.float32), (0, 0), 1.2)
    speckles = (85 + 45 * _clouds(rng, wide, high)[..., 0]) * fine
    return rgb(np.asarray(np.clip(np.where(fan, speckles, 4), 0, 255), np.uint8))


def photo(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """Colours of skin and cloth in large shapes, with an object before them."""
    cloths = (60, 120, 150), (70, 130, 100), (190, 195, 205), (175, 130, 110), (45, 45, 55)
    base = np.array(cloths[int(rng.integers(len(cloths)))], np.float32)
    image = base + _clouds(rng, wide, high) * 24 + _clouds(rng, wide, high, 3) * 4
    mask = np.zeros((high, wide), np.float32)
    at = float(rng.uniform(0.35, 0.65)), float(rng.uniform(0.35, 0.65))
    radii = float(rng.uniform(0.15, 0.4)), float(rng.uniform(0.15, 0.4))
    _ellipse(mask, at, radii, 1, float(rng.uniform(0, 180)))
    cover = cv2.GaussianBlur(mask, (0, 0), max(1.0, wide / 150))[..., None]
    thing = np.array([205, 140, 115], np.float32) + rng.normal(0, 25, 3) + _clouds(rng, wide, high) * 20
    return _grain(rng, image * (1 - cover) + thing * cover, 4)


def histology(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """Pink tissue, violet nuclei, white lumens."""
    pink = np.array([226, 160, 196], np.float32) + np.array([14, 30, 18], np.float32) * _clouds(
        rng, wide, high
    )
    image = np.ascontiguousarray(np.clip(pink, 0, 255))
    for _ in range(int(rng.integers(2, 7))):
        at = int(rng.integers(0, wide)), int(rng.integers(0, high))
        axes = int(rng.uniform(0.03, 0.12) * wide), int(rng.uniform(0.03, 0.1) * high)
        cv2.ellipse(image, at, axes, float(rng.uniform(0, 180)), 0, 360, (246, 240, 244), -1, cv2.LINE_AA)
    radius = max(2, min(wide, high) // 70)
    for x, y in rng.random((500, 2)):
        at = int(x * wide), int(y * high)
        cv2.circle(image, at, radius, (110, 60, float(rng.uniform(130, 170))), -1, cv2.LINE_AA)
    return _grain(rng, cv2.GaussianBlur(image, (0, 0), 0.8), 5)


def scope(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """What an endoscope sees: a round picture on black that reaches all four sides."""
    image = photo(rng, wide, high).astype(np.float32) * (1.1, 0.7, 0.55)
    mask = np.zeros((high, wide), np.float32)
    _ellipse(mask, (0.5, 0.5), (0.52, 0.52), 1)
    return np.asarray(np.clip(image * mask[..., None] + 3, 0, 255), np.uint8)


DRAWN: dict[str, Callable[[np.random.Generator, int, int], Pixels]] = {
    "legs": legs,
    "xray": xray,
    "ultrasound": ultrasound,
    "photo": photo,
    "histology": histology,
    "scope": scope,
}
"""``DRAWN[kind](rng, wide, high)``."""
