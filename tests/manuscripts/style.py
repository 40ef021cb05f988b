"""How a manuscript looks: its type, its stamp, and the sentences that fill it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

LICENCES = {
    "cc_by": "It is made available under a CC-BY 4.0 International license .",
    "cc_by_nc_nd": "It is made available under a CC-BY-NC-ND 4.0 International license .",
    "cc_no": "All rights reserved. No reuse allowed without permission.",
}

TITLE = "Imaging course of an invented pneumonia in three imaginary hospitals"
AUTHORS = "Ada Example, Bo Placeholder, Chen Imaginary, Dora Nobody"
AFFILIATION = "Department of Imaginary Radiology, Nowhere General Hospital"
FILLER = (
    "All names, dates and values in this manuscript are invented for testing.",
    "Patients were examined in the supine position at full inspiration.",
    "Images were reconstructed with a slice thickness of 1.5 mm and read by two radiologists in consensus.",
    "Disagreements were resolved by a third reader with twenty years of experience.",
    "The median time from onset of symptoms to the first scan was four days (range 1-11 days).",
    "Fever, dry cough and fatigue were the most common complaints on admission.",
    "Laboratory findings included lymphopenia in most patients and raised C-reactive protein in half of them.",
    "No patient had a history of lung surgery, and none was pregnant at the time of examination.",
    "The extent of disease was scored from 0 to 5 for each lobe, giving a total between 0 and 25.",
    "Continuous values are given as mean and standard deviation, counts as number and percentage.",
    "The difference between groups was tested with the Mann-Whitney test at a level of 0.05.",
    "Consolidation was more frequent in older patients, while younger ones had ground-glass opacities.",
    "Pleural effusion and enlarged lymph nodes were rare, i.e. in fewer than 5% of the cohort.",
    "Treatment followed the local protocol, with oxygen given when saturation fell below 93%.",
)


@dataclass(slots=True)
class Style:
    """How running text and captions are set."""

    font: str = "tiro"
    size: float = 11
    leading: float = 14
    caption_font: str = "tiro"
    caption_bold: str = "tibo"
    caption_size: float = 10
    caption_leading: float = 12.5
    columns: int = 1
    numbers: bool = True
    margin: float = 72


@dataclass(slots=True)
class Stamp:
    """What the server prints on each page; `side` puts it upright in the left margin."""

    server: str = "medRxiv"
    doi: str = ""
    """Empty: an invented one that depends on the file's name."""
    posted: date = date(2020, 1, 3)
    side: bool = False
    licence: str = "cc_by_nc_nd"

    @property
    def lines(self) -> list[str]:
        """The stamp as set, four lines."""
        day = f"{self.posted:%B} {self.posted.day}, {self.posted.year}"
        return [
            f"{self.server} preprint doi: https://doi.org/{self.doi}; this version posted {day}. "
            "The copyright holder for this preprint",
            "(which was not certified by peer review) is the author/funder, who has granted "
            f"{self.server} a license to display the preprint in",
            "perpetuity.",
            LICENCES[self.licence],
        ]
