"""Region: where one figure lies on a page, and what of the page lies in it."""

from __future__ import annotations

from dataclasses import dataclass

from covidct_curate.extract.page import Drawing, Line, Placement
from covidct_curate.records import Box


@dataclass(frozen=True, slots=True)
class Region:
    """The part of a page that one figure takes up."""

    page: int
    bbox: Box
    """PDF points of the page as displayed, origin top left."""
    placements: tuple[Placement, ...] = ()
    """The figure's images, in painting order."""
    drawings: tuple[Drawing, ...] = ()
    """Paths and shadings that belong to the figure."""
    lines: tuple[Line, ...] = ()
    """Text that belongs to the figure (letters of panels, axis labels), its caption not among them."""
