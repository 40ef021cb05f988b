"""A workspace's picture as a release has it: grey, 8 bits, nothing in the file but pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from covidct_curate.audit.duplicates import in_grey
from covidct_curate.audit.shortcuts import Row, border, features, histogram
from covidct_curate.originals.documents import HU16
from covidct_curate.originals.lungs import crop_box
from covidct_curate.originals.windows import from_hu16, windowed
from covidct_curate.panels.loose import Pixels, read_pixels
from covidct_curate.png import pixels_hash, write_png
from covidct_curate.records import PixelBox
from covidct_curate.release.item import Item


@dataclass(frozen=True, slots=True)
class Look:
    """How pictures are released."""

    colour: str = "grey"
    """``grey``, or ``keep`` for the colours they have."""
    crop: str = ""
    """``body``, ``lungs`` or ``""``."""


def rendered(pixels: Pixels, look: Look) -> tuple[Pixels, PixelBox]:
    """Pixels, grey or RGB of 8 bits, as they are released, and which part of them that is."""
    grey = in_grey(pixels)
    box = crop_box(grey, look.crop)
    return cut(pixels if look.colour == "keep" else grey, box), box


def cut(pixels: Pixels, box: PixelBox) -> Pixels:
    """A part of a picture."""
    x0, y0, x1, y1 = box
    return pixels[y0:y1, x0:x1]


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A picture as it was written."""

    size: tuple[int, int]
    """Width and height in pixels."""
    pixels: str
    """Hash of its pixels in grey."""
    features: Mapping[str, Row]
    """As `shortcuts.features` gives them."""


def write_pictures(items: Iterable[Item], folder: Path, look: Look) -> dict[str, Written]:
    """Write the pictures of items, and their masks, below ``folder``; file name → what was written.

    Raises `PictureError` when one cannot be read, OSError when one cannot be written.
    """

    def put(item: Item) -> tuple[str, Written]:
        shown, box = rendered(_read(item), look)
        path = folder / item.file_name
        pixels = write_png(shown, path)
        if item.mask is not None:
            write_png(cut(read_pixels(item.mask), box), folder / "masks" / path.name)
        grey = in_grey(shown)
        size, mode = (box[2] - box[0], box[3] - box[1]), "L" if shown.ndim == 2 else "RGB"
        told = features(path.name, size, mode, path.stat().st_size, border(grey), histogram(grey))
        return item.file_name, Written(size, pixels if mode == "L" else pixels_hash(grey), told)

    wanted = list(items)
    for place in {Path(item.file_name).parent.as_posix() for item in wanted}:
        (folder / place).mkdir(parents=True, exist_ok=True)
    if any(item.mask for item in wanted):
        (folder / "masks").mkdir(exist_ok=True)
    with ThreadPoolExecutor() as pool:
        return dict(pool.map(put, wanted))


def _read(item: Item) -> Pixels:
    if HU16 in item.extra:
        with Image.open(item.picture) as image:
            return windowed(from_hu16(np.asarray(image, np.uint16)))
    return read_pixels(item.picture)
