"""What is true about a generated manuscript."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from covidct_curate.records import Binding, Box

from .phantom import Pixels


@dataclass(frozen=True, slots=True)
class Placed:
    """Where something lies: a 0-based page and a box in its displayed points."""

    page: int
    box: Box

    def __or__(self, other: Placed) -> Placed:
        """The box around both, on the first one's page."""
        a, b = self.box, other.box
        return Placed(self.page, (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])))


@dataclass(frozen=True, slots=True, eq=False)
class TruePanel:
    """One of several images that make up a figure, and the pixels a viewer shows of it."""

    page: int
    bbox: Box
    pixels: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class TrueFigure:
    """A figure as the toolkit should report it (see `covidct_curate.records.Figure` for the fields)."""

    label: str | None
    caption: str
    """Without its label, hyphens undone, white space folded."""
    page: int | None
    bbox: Box | None
    """Round pictures and drawings, a plot's axis labels included; "(a)" set below a panel is not."""
    binding: Binding
    """``legend`` when its caption stands in a section of legends, whether or not the picture is labelled."""
    caption_page: int | None
    pages: tuple[int, ...] = ()
    pixels: Pixels | None = None
    """What the page shows at native resolution when the figure is one image or the tiles of one."""
    panels: tuple[TruePanel, ...] = ()
    mentions: tuple[str, ...] = ()
    turned: str = ""
    """As `covidct_curate.records.Picture.turned`; angles are clockwise. `pixels` are already turned."""
    clipped: bool = False
    overlay: bool = False
    tolerance: int = 0
    """By how many grey levels viewers may differ from `pixels` (colour conversion, lossy decoders)."""


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A PDF and all that is true about it."""

    path: Path
    figures: tuple[TrueFigure, ...]
    pages: int
    title: str
    doi: str | None
    server: str | None
    posted: str | None
    licence: str | None
    furniture: tuple[Placed, ...] = ()
    """Pictures that are no figures: logos, badges, icons, equations set as images."""
    tables: tuple[Placed, ...] = ()


def folded(text: str) -> str:
    """A caption as a reader takes it: soft hyphens undone, white space folded."""
    return re.sub(r"\s+", " ", text.replace("\xad", "")).strip()
