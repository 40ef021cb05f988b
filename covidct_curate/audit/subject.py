"""What is audited: a dataset's pictures as they are listed and lie on disk, whatever kind of dataset it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from covidct_curate.audit.finding import Finding

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")
"""The parts of a split, in their order."""
SubjectKind = Literal["workspace", "release", "covid-ct", "chestxray"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of a dataset."""

    name: str
    """Relative to the dataset's folder, with ``/``: ``CT_COVID/a.png``. Unique."""
    path: Path
    """The file, which is there; a missing one is a finding, not an entry."""
    finding: str
    """Its class as the dataset calls it: ``covid``; ``""`` where nobody says."""
    positive: bool | None
    """Whether that is the positive class, or the negative one; None for any other."""
    patient: str
    """Unique over the dataset; ``""`` where not known."""
    paper: str
    """DOI, or what else names the paper; ``""`` where not known."""
    scan: str
    """The scan whose slice it is; ``""`` where it is none. Slices of one scan are alike and not compared."""
    part: str
    """``train``, ``val`` or ``test``; ``""`` without a split."""
    source: str
    """Where it comes from, for counting: ``medrxiv``, ``biorxiv``, ``journal``, an imported dataset's name."""
    modality: str
    age: str
    """As told; ``""`` where not known."""
    age_min: float | None
    age_max: float | None
    """Years, None where open."""
    gender: str
    """``M``, ``F`` or ``""``."""
    licence: str | None
    figure: str
    """What names the figure it is a panel of, unique over the dataset; ``""`` where not known."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A dataset as it is found."""

    path: Path
    kind: SubjectKind
    positive: str
    """The positive class: ``covid``."""
    negative: str
    entries: tuple[Entry, ...]
    """In order of their names."""
    findings: tuple[Finding, ...]
    """What is wrong with its sheets and lists, and with what they say of files."""
