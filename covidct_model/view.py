"""One view for all sources of a study: upright, the lungs only, in one window.

Whoever passes pictures on turns, crops and windows them in his own way, and a network that could tell the sources
apart by that would need no lungs. COVID-Seg and LUNA slices as they come are told apart by four grey-level numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.originals.body import body_box
from covidct_curate.originals.lungs import lung_box
from covidct_curate.records import PixelBox

Grey = NDArray[np.uint8]
Turn = Literal["", "anticlockwise", "transposed"]
"""What brings a picture upright: the front of the body on top, the patient's right at the left."""

_WHITE = 0.9
"""How far up from aerated lung to soft tissue white begins: from about -50 HU on. Black is aerated lung and air.

Beyond that the sources' own windows end, each at another level; with more of it forests tell them apart."""
_AERATED = 25
"""Percentile of what is dark that is aerated lung, whatever disease is in the rest."""
_CONTRAST = 20
"""Grey levels between lung and tissue below which there are no two such things."""
_LEAST = 0.5
"""Share of the body's width and height that the box of both lungs takes at least."""
_DARK = 0.35
"""Share of that box that is lung at least."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture as a study shows it."""

    pixels: Grey
    box: PixelBox
    """Where in the upright picture it was cut out."""
    lungs: bool
    """Whether both lungs are well in it; else it shows the body, or the whole where none is found."""


def viewed(pixels: Grey, turn: Turn) -> View:
    """The view of a grey picture (height, width): turned, cropped to the lungs, its grey levels mapped.

    Aerated lung, by the dark half of the crop, becomes black, what is nearly as bright as soft tissue, by the bright
    half, white, and between them grey goes evenly.
    """
    upright = turned(pixels, turn)
    body, lungs = body_box(upright), lung_box(upright)
    box = body or (0, 0, upright.shape[1], upright.shape[0])
    both = body is not None and lungs is not None and _wide(lungs, body)
    if both and lungs is not None:
        box = lungs
    x0, y0, x1, y1 = box
    crop = upright[y0:y1, x0:x1]
    threshold, _ = cv2.threshold(crop, 0, 255, cv2.THRESH_OTSU)
    dark = crop <= threshold
    return View(_levelled(crop, dark), box, bool(both and dark.mean() >= _DARK))


def turned(pixels: Grey, turn: Turn) -> Grey:
    """A picture (or its mask) brought upright."""
    if turn == "anticlockwise":
        return np.ascontiguousarray(np.rot90(pixels))
    return np.ascontiguousarray(pixels.T if turn == "transposed" else pixels)


def _wide(lungs: PixelBox, body: PixelBox) -> bool:
    return all(lungs[at + 2] - lungs[at] >= _LEAST * (body[at + 2] - body[at]) for at in (0, 1))


def _levelled(crop: Grey, dark: NDArray[np.bool_]) -> Grey:
    if dark.all() or not dark.any():
        return crop
    lung, tissue = float(np.percentile(crop[dark], _AERATED)), float(np.median(crop[~dark]))
    if tissue - lung < _CONTRAST:
        return crop
    levels = (np.arange(256) - lung) * 255 / (_WHITE * (tissue - lung))
    return np.asarray(np.rint(np.clip(levels, 0, 255)), np.uint8)[crop]
