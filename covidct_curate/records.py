"""One frozen dataclass for each noun that crosses a boundary between stages.

Pages are 0-based. Boxes are ``(x0, y0, x1, y1)`` with the origin at the top left: PDF points of the
page as displayed where they lie on a page, pixels (half-open) where they lie in a picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Box = tuple[float, float, float, float]

Binding = Literal[
    "below", "above", "beside", "inside", "legend", "next-page", "previous-page", "order", "none"
]
"""How a caption was bound to its picture: where the caption stands, seen from the picture."""

PixelBox = tuple[int, int, int, int]
"""A box in the pixels of a picture."""

Span = tuple[int, int]
"""Characters of a text, from the first to before the second."""

Role = Literal["figure", "native", "part", "panel", "mask"]
"""``figure``: the whole figure as the page shows it. ``native``: the stream's own pixels of a figure
whose page shows more than them (arrows, letters drawn over it). ``part``: one of several images that
make up a figure. ``panel``: cut out of one of those. ``mask``: where another picture shows a lesion."""

Kind = Literal["radiology", "photo", "graphic", "unknown"]
"""What a figure's pixels alone look like: scans; photographs; plots, tables, diagrams, gels."""

Method = Literal["whole", "embedded", "gutter", "seam", "reviewer"]
"""How a panel was found: the whole picture; an image of its own in the PDF; cut at a band of one colour;
cut where pictures touch; set by a reviewer."""

LabelSource = Literal["text", "pixels", "caption", ""]
"""Where a panel's label was read: the page's text, the pixels, the caption's own order, or nowhere."""


Source = Literal["subcaption", "caption", "mention", "case", "title", "paper", "pixels", "sheet", "reviewer"]
"""Where a fact was read: the panel's own part of the caption; the caption; a sentence that cites the figure;
the description of the case in the body; the title; elsewhere in the paper; the pixels; a cell of another
dataset's sheet; or a reviewer decided it."""


@dataclass(frozen=True, slots=True)
class Paper:
    """One version of one manuscript, as its PDF states it. Unknown facts are None."""

    doi: str | None = None
    server: str | None = None
    version: int | None = None
    title: str | None = None
    posted: str | None = None
    """ISO 8601 date, as exactly as it is stated: ``2020-02-11``."""
    licence: str | None = None
    """``cc_by``, ``cc_by_nc``, …, ``cc0``, ``cc_no`` (no reuse) as the preprint servers name them."""
    pages: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture file of a figure, written beside the others of its paper."""

    file: str
    """File name, without a folder."""
    role: Role
    page: int
    bbox: Box
    width: int
    height: int
    xref: int | None
    """PyMuPDF's number of the embedded image, None for a composed picture."""
    pixels: str
    """SHA-256 of mode, size and decoded pixels: equal pictures are equal whatever their file's bytes."""
    clipped: bool = False
    """The page shows only a part of the embedded image, and so does this picture."""
    turned: str = ""
    """How the page's placement turns the stored image, already applied: ``""``, ``mirrored``,
    ``flipped``, ``rotated 90``, ``rotated 180``, ``rotated 270``, …"""
    overlay: bool = False
    """Vector drawings or text lie over the embedded image on the page."""


@dataclass(frozen=True, slots=True)
class Lettering:
    """A short text of the page in or at a figure: a panel's letter, a word of an axis."""

    text: str
    page: int
    bbox: Box


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a fact is believed."""

    rule: str
    """Id of the rule in the rule file."""
    text: str
    """The words it was read from, as the source has them."""
    source: Source
    confidence: float


@dataclass(frozen=True, slots=True)
class Patient:
    """What is said of the patient a picture shows. Unknown facts are ``""`` or None: a blank beats a guess."""

    id: str = ""
    """Number within the paper: pictures with the same one show the same patient, ``"0"`` those of all
    patients that cannot be told apart. Imported pictures have their sheet's."""
    age: str = ""
    """As the paper says it: ``"45"``, ``"40s"``, ``"40+"``, ``"3 months"``; above 89 ``"90+"``."""
    age_min: float | None = None
    """Years."""
    age_max: float | None = None
    gender: str = ""
    """``M`` or ``F``."""
    location: str = ""
    medical_history: str = ""
    time: str = ""
    """When the picture was made, as the paper says it."""
    time_days: float | None = None
    """The same as days since the illness began, else since admission, where the paper says so."""
    severity: str = ""
    radiology_report: str = ""
    """The sentences that describe the picture."""
    other_diseases: str = ""
    rt_pcr: str = ""
    """``positive`` or ``negative``."""
    outcome: str = ""
    icu: str = ""
    """``yes`` or ``no``."""
    ventilation: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What words and pixels say of one panel, each with its evidence."""

    modality: str = "unknown"
    """``ct``, ``xray``, ``mri``, … as the rule file names them."""
    region: str = ""
    """The part of the body: ``chest``, ``head``, …; ``""`` where nothing says."""
    finding: str = "uncertain"
    """The rule file's positive or negative class, ``uncertain`` or ``not-applicable``."""
    patient: Patient = Patient()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    """``modality``, ``region``, ``finding`` or a field of the patient → why."""
    flags: tuple[str, ...] = ()
    """What a reviewer must look at: ``under-18``, ``face``, ``modality-conflict``, …"""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Columns of an imported sheet that have no place here, as they stand."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One image of a figure. Two of a figure's pictures show it: the whole, and the panel's own."""

    figure_file: str
    """Picture of the whole that it lies in."""
    file: str
    """Its own picture: a part of the figure, a picture cut out, or the whole itself."""
    box: PixelBox
    """Where it lies in the whole."""
    label: str | None
    """As printed, without brackets: ``A``, ``b``, ``2``, ``A1``."""
    label_source: LabelSource
    spans: tuple[Span, ...]
    """Characters of the figure's caption that speak of it."""
    method: Method
    confidence: float
    look: Mapping[str, float] = field(default_factory=dict)
    """What its pixels alone look like: ``ct``, ``mri``, ``xray``, ``ultrasound``, ``nuclear``, ``photo``,
    ``graphic`` → probability. Empty where they were not judged."""
    facts: Facts | None = None
    """None until the panel was labelled."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a paper: its caption, its place, its pictures and the sentences that cite it."""

    label: str | None
    caption: str
    caption_page: int | None
    page: int | None
    bbox: Box | None
    binding: Binding
    confidence: float
    xrefs: tuple[int, ...] = ()
    pictures: tuple[Picture, ...] = ()
    mentions: tuple[str, ...] = ()
    pages: tuple[int, ...] = ()
    """All pages of a figure that goes on over several; ``page`` is the first."""
    lettering: tuple[Lettering, ...] = ()
    kind: Kind = "unknown"
    panels: tuple[Panel, ...] = ()
    """In reading order; empty until the figure was split."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """All that one PDF gave."""

    paper: Paper
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    """What a curator should know: damaged pages, a picture left out, …"""
    panel_notes: tuple[str, ...] = ()
    """The same of splitting the figures."""
    body: str = ""
    """Running text up to the references, without captions; a blank line between paragraphs."""
    dataset: str = ""
    """The dataset that images were imported from; ``""`` for a PDF."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One reviewer's word on one field of a figure or picture. Never changed, only followed by another."""

    uid: str
    field: str
    value: str
    based_on: int | None
    """The decision it replaces, None where it replaces the automatic value."""
    reviewer: str
    at: str
    """ISO 8601, in universal time: ``2024-02-11T09:30:00Z``."""
    client: str
    """The command it was made with."""
    old: str | None = None
    """What was shown before; None where that is not known."""
