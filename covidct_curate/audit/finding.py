"""What an audit finds, and what each kind of it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""An error makes results wrong or the dataset unusable; a warning may; a note is good to know."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding."""

    severity: Severity
    """What it is unless the finding says otherwise."""
    meaning: str
    """Why it matters, in a sentence."""
    fix: str
    """What to do about it, in a sentence."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or good to know."""

    kind: str
    """One of `KINDS`."""
    severity: Severity
    files: tuple[str, ...]
    """The pictures concerned, relative to the dataset's folder; or the sheets."""
    text: str
    """What was found, with its figures: "likeness 0.997, train and test"."""
    fix: str


KINDS: Mapping[str, Kind] = {
    # files
    "missing": Kind("error", "Something lists a picture that is not there.", "Get the file, or take its row out."),
    "unlisted": Kind("warning", "A picture is in no sheet or list.", "Add its row, or take the picture out."),
    "unreadable": Kind("error", "A picture cannot be decoded.", "Get the file anew, or take it out."),
    "empty-file": Kind("error", "A file has no bytes.", "Get the file anew, or take it out."),
    "wrong-extension": Kind("warning", "A file's content is not what its name says.", "Rename it."),
    "other-file": Kind("note", "A file among the pictures is none.", "Move it elsewhere."),
    "changed": Kind("error", "A file is not the one that was released.", "Get the release anew."),
    "name": Kind("warning", "A name is not written as the file's on disk.", "Write it as the file is called."),
    # sheets
    "sheet": Kind("note", "Something about a sheet is odd.", "Read the row, and correct it."),
    "duplicate-row": Kind("warning", "Two rows name one picture.", "Leave one of them."),
    "columns-swapped": Kind("warning", "Two cells of a row are in each other's columns.", "Swap them."),
    "columns-shifted": Kind("warning", "A cell holds what belongs into another column.", "Move the text."),
    "age": Kind("warning", "An age is none, or out of range.", "Correct the cell."),
    "gender": Kind("warning", "A gender is none.", "Correct the cell."),
    "doi": Kind("warning", "A DOI is malformed.", "Write it as 10.1101/2031.02.03.20012345."),
    "patient-contradiction": Kind(
        "warning", "One patient has two ages, genders or papers.", "Find out which holds, or part the patients."
    ),
    "under-18": Kind("warning", "A patient is a minor.", "Make sure that it may be published."),
    "licence": Kind("warning", "A licence forbids passing the picture on.", "Share a recipe, not the picture."),
    # copies and leaks
    "duplicate": Kind("warning", "Two files hold the same pixels.", "Leave one of them."),
    "near-duplicate": Kind("warning", "Two pictures show the same slice.", "Leave one of them, or keep both in one part."),
    "label-contradiction": Kind("error", "The same slice is in two classes.", "Find out which holds, and take the other out."),
    "shared-patient": Kind("error", "A patient is in two parts of the split.", "Move all pictures of the patient to one part."),
    "shared-paper": Kind("error", "A paper is in two parts of the split.", "Move all pictures of the paper to one part."),
    "split": Kind("warning", "The split is incomplete or contradicts itself.", "Correct its lists."),
    "shortcut": Kind(
        "warning",
        "The class can be told without looking at the anatomy.",
        "Decode everything to 8-bit grey, one size and one border, and show the control beside every result.",
    ),
}  # fmt: skip
"""Every kind of finding there is."""


def found(
    kind: str, files: Sequence[str], text: str, severity: Severity | None = None, fix: str = ""
) -> Finding:
    """A finding of that kind, as severe and mended as the kind is unless told otherwise."""
    return Finding(kind, severity or KINDS[kind].severity, tuple(files), text, fix or KINDS[kind].fix)
