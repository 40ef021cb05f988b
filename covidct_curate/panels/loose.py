"""Loose pictures: image files of any kind read as 8-bit pixels, and split."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from covidct_curate.errors import PictureError
from covidct_curate.panels.cascade import Cut, split
from covidct_curate.panels.kind import modality_of

Pixels = NDArray[np.uint8]

MOST_PIXELS = 100_000_000
"""A picture with more is not decoded."""

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")
SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".bmp", ".gif", ".webp"))
"""How the names of picture files end, in small letters."""
_BAND = 1 << 20
"""Pixels scaled at once."""


@dataclass(frozen=True, slots=True)
class Loose:
    """A picture file and the panels seen in it."""

    file: str
    """As it was given."""
    size: tuple[int, int]
    """Width and height in pixels."""
    modality: str
    """``ct``, ``other`` or ``unknown``, by the pixels alone."""
    panels: tuple[Cut, ...]


def split_file(path: Path) -> Loose:
    """Split one picture file. Raises `PictureError` when it cannot be read."""
    picture = read_picture(path)
    try:
        cuts = split(picture)
        modality = modality_of(picture, [cut.box for cut in cuts])
    except MemoryError:
        raise PictureError(
            f"{path}: it takes more memory than there is; shrink it, or close other programs"
        ) from None
    except Exception as error:  # whatever odd pixels break, they cost their own picture
        raise PictureError(f"{path}: its panels could not be found; please report this picture") from error
    return Loose(_text(path), (picture.shape[1], picture.shape[0]), modality, tuple(cuts))


def split_files(paths: Iterable[Path]) -> Iterator[Loose | PictureError]:
    """Split files, and the picture files in folders (searched recursively); an error for each that fails."""
    for given in paths:
        found = sorted(_inside(given)) if given.is_dir() else [given]
        if not found:
            yield PictureError(f"{given}: there is no picture in this folder")
        for path in found:
            try:
                yield split_file(path)
            except PictureError as error:
                yield error


def read_picture(path: Path) -> Pixels:
    """Read a picture as (height, width, 3) RGB, as `read_pixels` does."""
    return in_colour(read_pixels(path))


def in_colour(pixels: Pixels) -> Pixels:
    """Grey (height, width) or RGB pixels as (height, width, 3) RGB."""
    return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)


def read_pixels(path: Path) -> Pixels:
    """Read a PNG, JPEG, TIFF, BMP, GIF or WebP: grey (height, width) or RGB (height, width, 3), 8 bits each.

    The first frame counts, in the order in which its pixels are stored, whatever turn its Exif data ask
    for. Samples of more than 8 bits are scaled by their own range; what is transparent lies on white.
    Raises `PictureError` when the file cannot be read as a picture or is one of over 100 megapixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise PictureError(_too_large(path, f"{image.width} by {image.height} pixels"))
                image.load()
                return _eight_bit(image)
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise PictureError(_too_large(path, "hundreds of megapixels")) from None
    except MemoryError:
        raise PictureError(_too_large(path, "more than there is memory for")) from None
    except UnidentifiedImageError:
        raise PictureError(f"{path}: it is no PNG, JPEG, TIFF, BMP, GIF or WebP picture") from None
    except OSError as error:
        if error.errno is not None:
            raise PictureError(f"{path}: it cannot be read: {error.strerror}") from error
        raise PictureError(_damaged(path)) from error
    except Exception as error:  # whatever a damaged file makes its decoder raise
        raise PictureError(_damaged(path)) from error


def _too_large(path: Path, size: str) -> str:
    return f"{path}: it is too large ({size}); shrink it to 100 megapixels or less"


def _damaged(path: Path) -> str:
    return f"{path}: the picture is damaged or cut short; get a new copy, or save it anew"


def _eight_bit(image: Image.Image) -> Pixels:
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled(np.asarray(image))
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        white = Image.new("RGB", layers.size, "white")
        white.paste(layers, mask=layers.getchannel("A"))
        return np.array(white, np.uint8)
    return np.array(image if image.mode in ("L", "RGB") else image.convert(_plain(image)), np.uint8)


def _plain(image: Image.Image) -> str:
    return "L" if image.mode == "1" else "RGB"


def _scaled(samples: NDArray[np.generic]) -> Pixels:
    """Samples of any depth as 8 bits: their lowest black, their highest white; an even picture black."""
    values = samples.reshape(samples.shape[0], -1)
    rows = max(1, _BAND // max(1, values.shape[1]))
    bands = [slice(start, start + rows) for start in range(0, values.shape[0], rows)]
    low, high = np.inf, -np.inf
    for band in bands:
        finite = values[band][np.isfinite(values[band])]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    result = np.zeros(values.shape, np.uint8)
    if high > low:
        for band in bands:
            share = (values[band].astype(np.float64) - low) / (high - low)
            result[band] = np.nan_to_num(np.clip(share, 0, 1) * 255 + 0.5, nan=0.0).astype(np.uint8)
    return result


def _inside(folder: Path) -> Iterator[Path]:
    for here, below, files in os.walk(folder):
        below.sort()
        for name in files:
            if Path(name).suffix.lower() in SUFFIXES:
                yield Path(here) / name


def _text(path: Path) -> str:
    """The path as text; bytes that are no UTF-8 replaced."""
    return os.fsencode(path).decode("utf-8", "replace")
