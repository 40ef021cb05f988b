"""The lung crop: the box of the lungs, where the chest wall around them is not wanted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covidct_curate.originals.body import Body, around, body_box, find, find_hu
from covidct_curate.originals.shapes import filled, joined, large, largest, solid
from covidct_curate.records import PixelBox

_THIN = 0.02
"""Share of the shorter side: what is thinner is a vessel in the lung; or a gap, a bronchus, and no lung."""
_LEAST, _BESIDE = 0.01, 0.08
"""Least share of a picture that is lung; least size of a part of it, of the largest part."""
_MARGIN = 0.01
"""Share of a side: room left around the lungs."""


def lung_box(pixels: NDArray[np.uint8]) -> PixelBox | None:
    """The box of the lungs in a CT slice: height x width (grey) or height x width x 3 (RGB), 8 bits.

    None where no lung is seen. Lung is what is dark within the body: a lung that is all white with
    disease cannot be told from the chest wall and is not in the box; bowel gas of a lung's size is.
    """
    body = find(pixels)
    return None if body is None else _box(body)


def crop_box(pixels: NDArray[np.uint8], what: str) -> PixelBox:
    """The box of the ``body`` or the ``lungs`` in a slice, as `lung_box` takes it; the whole for ``""`` or where none is."""
    box: PixelBox | None = None
    if what == "body":
        box = body_box(pixels)
    elif what == "lungs":
        box = lung_box(pixels)
    return box or (0, 0, pixels.shape[1], pixels.shape[0])


def lung_box_hu(voxels: NDArray[np.int16] | NDArray[np.float32]) -> PixelBox | None:
    """The same for one slice in Hounsfield units, rows x columns."""
    body = find_hu(voxels)
    return None if body is None else _box(body)


def _box(body: Body) -> PixelBox | None:
    dark = joined(filled(body.parts) & (1 - body.tissue), _THIN)
    lungs = solid(dark, _THIN)
    lungs = large(lungs, _BESIDE * largest(lungs))
    return around(body, lungs, _MARGIN) if lungs.sum() >= max(1, _LEAST * lungs.size) else None
