"""One look at each picture's file: what it is, and what it can be compared by; decoded once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covidct_curate.audit.duplicates import Look

Features = NDArray[np.float32]
"""A row of numbers, the same length for every picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A picture's file that could be decoded."""

    size: tuple[int, int]
    """Width and height in pixels."""
    mode: str
    """As Pillow calls it: ``L``, ``RGB``, ``RGBA``, ``P``, ``I;16``."""
    form: str
    """What its bytes are: ``PNG``, ``JPEG``, whatever its name says."""
    bytes: int
    pixels: str
    """Hash of its pixels as 8-bit grey, and of its size: equal for equal pictures in whatever format."""
    border: Features
    """As `shortcuts.border` tells."""
    histogram: Features
    """As `shortcuts.histogram` tells."""
    look: Look
