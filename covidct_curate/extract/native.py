"""An embedded image's own pixels, decoded once, upright and cut as the page shows it.

Nothing is resampled, except a soft mask that has another size than its image. Colours become what a
viewer shows: grey stays 8-bit grey, everything else 8-bit RGB (an RGB stream whose channels are equal
stays RGB), transparent parts show white paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from pymupdf import mupdf

from covidct_curate.errors import CurateError
from covidct_curate.extract.page import Matrix, Placement
from covidct_curate.png import Pixels
from covidct_curate.records import Box

MAX_PIXELS = 100_000_000
"""An image that claims more pixels is not decoded."""
_MAX_BYTES = 300_000_000
_SLIVER = 0.03
"""Share of an image's side that a clip may take off each edge without being a crop."""
_STRAIGHT = 0.002
"""Shear, as a share of the side, up to which a placement counts as upright."""

Turn = tuple[bool, int]
"""Mirrored left to right or not, then turned by so many quarters clockwise."""
_TURNS = {
    (False, 0): "",
    (False, 1): "rotated 90",
    (False, 2): "rotated 180",
    (False, 3): "rotated 270",
    (True, 0): "mirrored",
    (True, 1): "mirrored, rotated 90",
    (True, 2): "flipped",
    (True, 3): "mirrored, rotated 270",
}


class ImageError(CurateError):
    """An embedded image that is too large or too broken to decode."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One upright placement in pixels of its image, as turned by the page."""

    placement: Placement
    turn: Turn
    crop: tuple[int, int, int, int]
    """What is shown, in pixels of the turned image, half-open."""
    clipped: bool
    scale: tuple[float, float]
    """Pixels a point, across and down."""

    @property
    def turned(self) -> str:
        """The turn in words."""
        return _TURNS[self.turn]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is shown, in pixels."""
        return self.crop[2] - self.crop[0], self.crop[3] - self.crop[1]

    @property
    def box(self) -> Box:
        """What is shown, in points, on the edges of pixels."""
        (x, y), (across, down) = self.placement.full[:2], self.scale
        x0, y0, x1, y1 = self.crop
        return x + x0 / across, y + y0 / down, x + x1 / across, y + y1 / down


def piece(placement: Placement) -> Piece | None:
    """The placement in pixels. None when it is askew, empty, or shows less than a pixel."""
    turn = _turn(placement.matrix)
    full, bbox = placement.full, placement.bbox
    if turn is None or full[2] <= full[0] or full[3] <= full[1]:
        return None
    size = placement.size if turn[1] % 2 == 0 else placement.size[::-1]
    across, down = size[0] / (full[2] - full[0]), size[1] / (full[3] - full[1])
    edges = (
        (bbox[0] - full[0]) * across,
        (bbox[1] - full[1]) * down,
        size[0] - (full[2] - bbox[2]) * across,
        size[1] - (full[3] - bbox[3]) * down,
    )
    # An edge less than a pixel off is rounding in the page, and a sliver off is a frame or a table's cell
    # that was drawn too narrow: neither is a crop.
    whole = (0, 0, *size)
    off = [abs(edge - end) for edge, end in zip(edges, whole, strict=True)]
    sliver = all(each <= _SLIVER * side for each, side in zip(off, (*size, *size), strict=True))
    cut = [each > 1 and not sliver for each in off]
    x0, y0, x1, y1 = (round(e) if c else w for e, c, w in zip(edges, cut, whole, strict=True))
    if x1 <= x0 or y1 <= y0:
        return None
    return Piece(placement, turn, (x0, y0, x1, y1), any(cut), (across, down))


def _turn(matrix: Matrix) -> Turn | None:
    a, b, c, d, _, _ = matrix
    if max(abs(b), abs(c)) <= _STRAIGHT * min(abs(a), abs(d)):
        return {(True, True): (False, 0), (False, True): (True, 0), (True, False): (True, 2)}.get(
            (a > 0, d > 0), (False, 2)
        )
    if max(abs(a), abs(d)) <= _STRAIGHT * min(abs(b), abs(c)):
        return {(True, False): (False, 1), (False, True): (False, 3), (False, False): (True, 1)}.get(
            (b > 0, c > 0), (True, 3)
        )
    return None


def too_large(placement: Placement) -> bool:
    """The image claims more pixels than are ever decoded."""
    pixels = placement.size[0] * placement.size[1]
    mask = placement.image.mask()
    covered = mask.w() * mask.h() if mask.m_internal else 0
    return max(pixels, covered) > MAX_PIXELS or pixels * placement.image.n() > _MAX_BYTES


def see_through(placement: Placement) -> bool:
    """What lies under the image may show."""
    image = placement.image
    return bool(placement.stencil or placement.alpha < 1 or image.use_colorkey() or image.mask().m_internal)


class Decoder:
    """Decodes each image once, however often it is placed. One a figure: it holds what it decoded, and
    what it returned is good for as long as it lives."""

    def __init__(self) -> None:
        self._known: dict[int, Pixels] = {}
        self._pixmaps: list[Any] = []

    def __call__(self, piece: Piece) -> Pixels:
        """What the page shows of the piece's image. Raises ImageError."""
        key = piece.placement.image.m_internal_value()
        if key not in self._known:
            self._known[key] = self._decode(piece.placement)
        pixels = self._known[key]
        mirrored, quarters = piece.turn
        if mirrored:
            pixels = pixels[:, ::-1]
        pixels = np.rot90(pixels, -quarters)
        x0, y0, x1, y1 = piece.crop
        return pixels[y0:y1, x0:x1]

    def _decode(self, placement: Placement) -> Pixels:
        if too_large(placement):
            raise ImageError(f"{name(placement)} left out: too large")
        try:
            pixmap = _coloured(mupdf.fz_get_unscaled_pixmap_from_image(placement.image))
            pixels = _opaque(samples(pixmap), bool(pixmap.alpha()))
            mask = placement.image.mask()
            if mask.m_internal:
                covering = mupdf.fz_get_unscaled_pixmap_from_image(mask)
                pixels = _masked(pixels, samples(covering)[:, :, -1])
        except (mupdf.FzErrorBase, TypeError, ValueError) as error:
            raise ImageError(f"{name(placement)} left out: it cannot be decoded ({error})") from error
        self._pixmaps.append(pixmap)
        return pixels


def name(placement: Placement) -> str:
    """The image, for a message."""
    number = "inline image" if placement.xref is None else f"image {placement.xref}"
    return f"{number} of {placement.size[0]}x{placement.size[1]} pixels"


def mask_scale(placement: Placement) -> tuple[float, float]:
    """How much finer than the image its soft mask is, across and down; 1 where that is little or none."""
    mask = placement.image.mask()
    if not mask.m_internal:
        return 1.0, 1.0
    finer = mask.w() / placement.size[0], mask.h() / placement.size[1]
    return (max(finer[0], 1.0), max(finer[1], 1.0)) if max(finer) > 1.1 else (1.0, 1.0)


def samples(pixmap: Any) -> Pixels:
    """The pixmap's own memory as (height, width, channels): good for as long as the pixmap is kept."""
    width, height, channels = pixmap.w(), pixmap.h(), pixmap.n()
    flat = np.frombuffer(mupdf.fz_pixmap_samples_memoryview(pixmap), np.uint8)
    return flat.reshape(height, pixmap.stride())[:, : width * channels].reshape(height, width, channels)


def _coloured(pixmap: Any) -> Any:
    """The pixmap in grey or RGB."""
    space = pixmap.colorspace()
    if not space.m_internal:
        raise ValueError("it has no colours")
    grey = mupdf.fz_colorspace_is_gray(space)
    wanted = mupdf.fz_device_gray() if grey else mupdf.fz_device_rgb()
    if space.m_internal_value() == wanted.m_internal_value():
        return pixmap
    unset = mupdf.FzColorspace(), mupdf.FzDefaultColorspaces(), mupdf.FzColorParams()
    return mupdf.fz_convert_pixmap(pixmap, wanted, *unset, 1)


def _opaque(array: Pixels, alpha: bool) -> Pixels:
    """Pixels over white; colours are premultiplied by alpha, the last channel."""
    if alpha:
        array = array[:, :, :-1] + (255 - array[:, :, -1:])
    return array[:, :, 0] if array.shape[2] == 1 else array


def _masked(pixels: Pixels, cover: Pixels) -> Pixels:
    if cover.min() == 255:
        return pixels
    height, width = pixels.shape[:2]
    if cover.shape != (height, width):
        smaller = cover.shape[0] >= height and cover.shape[1] >= width
        way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        cover = np.asarray(cv2.resize(np.asarray(cover), (width, height), interpolation=way), np.uint8)
    out = np.empty(pixels.shape, np.uint8)
    for start in range(0, height, 256):
        rows = slice(start, start + 256)
        share = cover[rows].astype(np.uint16)
        if pixels.ndim == 3:
            share = share[:, :, None]
        out[rows] = (pixels[rows] * share + 255 * (255 - share) + 127) // 255
    return out
