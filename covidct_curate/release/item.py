"""One picture of a release, with all that is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from covidct_curate.audit.subject import Part
from covidct_curate.records import Patient, PixelBox
from covidct_curate.review.agreement import Pair


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a picture comes from, exactly enough to make it again from the paper's PDF."""

    dataset: str
    """The dataset it was imported from; ``""`` for a paper."""
    source: str
    """File name of the paper's PDF, or what the dataset calls the document."""
    doi: str | None = None
    version: int | None = None
    title: str | None = None
    server: str | None = None
    licence: str | None = None
    """As the paper or the dataset states it: ``cc_by``, ``cc_no``, …; None where it does not."""
    url: str = ""
    page: int | None = None
    """0-based; None where no paper is known."""
    xref: int | None = None
    figure_label: str | None = None
    panel: str | None = None
    box: PixelBox | None = None
    """Place in the figure's picture; None for the whole."""
    pixels: str = ""
    """Hash of the workspace's picture: mode, size and decoded pixels."""


@dataclass(frozen=True, slots=True)
class Item:
    """One picture of a release."""

    file_name: str
    """``CT_COVID/2020.02.10.20021584-p6-52%3.png``: unique, relative to the release."""
    positive: bool
    """Of the rule file's positive class."""
    finding: str
    """The class's name: ``covid``."""
    picture: Path
    """The workspace's file."""
    uid: str
    modality: str
    region: str
    patient: Patient
    """``id`` is unique over the release; ages over 89 are ``90+``."""
    caption: str
    """Ages over 89 veiled; ``""`` where it may not be shared."""
    subcaption: str
    origin: Origin
    decided: bool
    """A reviewer kept it."""
    reviewers: tuple[str, ...]
    """Who decided about it, the last first."""
    decided_at: str
    """Time of its newest decision; ``""`` without one."""
    shared: bool
    """The picture is in the release; else only its recipe."""
    why: str
    """Why it is or is not shared: ``cc_by``, ``no licence stated``."""
    figure_uid: str = ""
    figure_picture: Path | None = None
    """The whole figure's picture."""
    part: Part = "train"
    size: tuple[int, int] = (0, 0)
    """Width and height in pixels."""
    extra: Mapping[str, str] = field(default_factory=dict)
    mask: Path | None = None
    figure_shared: bool = False
    """The whole figure may be shown: none of its panels was left out of the dataset for what it shows."""


@dataclass(frozen=True, slots=True)
class About:
    """What is told of a release as a whole."""

    name: str
    version: str
    description: str
    """A sentence or two, in plain words."""
    disease: str
    """As the rule file is called: ``COVID-19``."""
    positive: str
    """The class's name: ``covid``."""
    negative: str
    positive_folder: str
    """``CT_COVID``."""
    negative_folder: str
    seed: int
    split: str
    """How the pictures were split, in words: ``grouped by patient, paper and near-duplicates``."""
    tool: str
    """What made it: ``covidct 0.1.0``."""
    decided_at: str = ""
    """Time of the newest decision, ISO 8601; ``""`` without one."""
    contact: str = ""
    """Whom to ask for a takedown: a mail address or a web address."""
    creator: str = ""
    """Who answers for the dataset; ``""``: its reviewers."""
    url: str = ""
    """Where the dataset can be found."""
    private: bool = False
    """It holds pictures that may not be shared."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What was counted on the way, in the order to tell it in: ``papers read`` → 760."""
    agreement: tuple[Pair, ...] = ()
    """How far its reviewers agree."""
    violations: tuple[str, ...] = ()
    """What is in two parts of the split, in words."""
    notes: tuple[str, ...] = ()
    """More on how it was made, a sentence each: ``Pictures were cropped to the body.``"""

    def folder(self, *, positive: bool) -> str:
        """The folder of a class."""
        return self.positive_folder if positive else self.negative_folder
