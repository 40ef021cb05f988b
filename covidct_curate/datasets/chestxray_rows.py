"""One row of covid-chestxray-dataset's table: what its cells say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from covidct_curate.datasets.cells import Gathered, age, doi, gender, kept, said, yes_no
from covidct_curate.datasets.folders import Notes, SheetRow
from covidct_curate.records import Facts

_DISEASE = re.compile(r"covid|sars[ -]?cov[ -]?2|2019[ -]?n[ -]?cov|novel coronavirus", re.I)
_NOT = re.compile(r"\b(?:no|not|non|negative|without)\b", re.I)
_MAYBE = re.compile(r"suspect|possib|probab|presum|likely|pending|unclear|unknown|to[ -]?do\b|\?", re.I)
_MODALITIES = {"xray": "xray", "x-ray": "xray", "cxr": "xray", "dx": "xray", "cr": "xray", "ct": "ct"}
_VIEWS = {
    "xray": ("pa", "ap", "ap supine", "ap erect", "l", "lateral"),
    "ct": ("axial", "coronal", "sagittal"),
}
_FLAGS = (
    ("rtpcrpositive", "rt_pcr", {"yes": "positive", "no": "negative"}),
    ("survival", "outcome", {"yes": "survived", "no": "died"}),
    ("inicu", "icu", {"yes": "yes"}),
    ("wenticu", "icu", {"yes": "yes", "no": "no"}),
    ("intubationpresent", "ventilation", {"yes": "invasive"}),
    ("intubated", "ventilation", {"yes": "invasive"}),
)
"""Column, the patient's field, and what an answer means for it: "not in intensive care now" is no "never"."""
_PART = re.compile(r"(.*\d)[a-z]")
_DAYS = re.compile(r"-?\d{1,4}(?:\.\d{1,3})?")
_FEW = re.compile(r"(?:after )?a few days", re.I)
_FEW_DAYS = 5.0
"""What the dataset's own rules make of "after a few days"."""


@dataclass(slots=True)
class Row(SheetRow):
    """One row, its columns by their folded names."""

    names: dict[str, str]
    """Folded name → the sheet's own."""
    used: set[str] = field(default_factory=set)
    """Columns whose cell has become a fact."""

    def said(self, name: str) -> str:
        """A cell's text, ``""`` where it or its column is not there."""
        return said(self.cells.get(name, ""))


def patient(row: Row) -> str:
    """The patient's id. Without file names the ids are of images: ``7a`` and ``7b`` are patient 7's."""
    cell = row.said("patientid")
    part = _PART.fullmatch(cell) if "filename" not in row.cells else None
    return part[1] if part else cell


def facts(row: Row, notes: Notes) -> Facts:
    """What the row says of its image; columns without a field, and cells not understood, are in ``extra``."""
    gathered = Gathered()
    _id(row, gathered, notes)
    _age(row, gathered, notes)
    _put(row, gathered, notes, "sex", "gender", gender(row.said("sex")), "is not M or F")
    _put(row, gathered, notes, "location", "location", row.said("location"), "")
    for column, name, words in _FLAGS:
        answer = yes_no(row.said(column))
        if gathered.patient.get(name) != "yes":
            _put(row, gathered, notes, column, name, words.get(answer, ""), "" if answer else "is not Y or N")
    _time(row, gathered)
    if row.said("doi") and doi(row.said("doi")) is None:
        notes.row(row, f'{row.names["doi"]}: "{row.said("doi")[:40]}" is no DOI; kept as it stands', "doi")
    modality = _modality(row, gathered, notes)
    finding = row.said("finding")
    row.used.add("finding")
    if finding:
        gathered.support("finding", row.names["finding"], finding)
    gathered.support("region", "folder", "images")
    known = {row.names[name] for name in row.used if name in row.names}
    gathered.extra = kept({row.names[name]: text for name, text in row.cells.items()}, known)
    return gathered.facts(modality, "chest", judged(finding))


def judged(finding: str) -> str:
    """The class of a ``finding`` cell, flat or hierarchical.

    The disease in any part of it is the positive class; a blank, ``todo``, ``Unknown`` and a suspected disease
    are ``uncertain``, never negative.
    """
    parts = [part for part in re.split(r"[/,;|]", finding) if _DISEASE.search(part)]
    if not said(finding) or _MAYBE.search(finding):
        return "uncertain"
    if any(not _NOT.search(part) for part in parts):
        return "covid"
    return "non-covid"


def _put(row: Row, gathered: Gathered, notes: Notes, column: str, name: str, value: str, wrong: str) -> None:
    """Set a field from a column; a cell that gives nothing stays in ``extra`` and is told what is ``wrong``."""
    kind = "gender" if name == "gender" else "sheet"
    cell = row.said(column)
    if value:
        row.used.add(column)
        gathered.put(name, value, row.names[column], cell)
    elif cell and wrong:
        notes.row(row, f'{row.names[column]}: "{cell[:40]}" {wrong}; kept as it stands', kind)


def _id(row: Row, gathered: Gathered, notes: Notes) -> None:
    column, cell = row.names["patientid"], row.said("patientid")
    row.used |= {"patientid", "filename", "folder"}
    gathered.put("id", patient(row) or "0", column, cell)
    if not cell:
        notes.row(row, f"{column}: blank")
    elif patient(row) != cell:
        notes.row(row, f"{column}: ends in a letter, which counts one patient's images")


def _age(row: Row, gathered: Gathered, notes: Notes) -> None:
    cell = row.said("age")
    if found := age(cell):
        row.used.add("age")
        gathered.put_age(found, row.names["age"], cell)
    elif cell:
        notes.row(row, f'{row.names["age"]}: "{cell[:40]}" is no age; kept as it stands', "age")


def _time(row: Row, gathered: Gathered) -> None:
    """Days since the illness began from ``offset``; without it the date."""
    cell = row.said("offset")
    if not cell:
        if row.said("date"):
            row.used.add("date")
            gathered.put("time", row.said("date"), row.names["date"], row.said("date"))
        return
    row.used.add("offset")
    column = row.names["offset"]
    if _DAYS.fullmatch(cell):
        gathered.put("time", f"day {float(cell):g}", column, cell)
        gathered.put("time_days", float(cell), column, cell)
    else:
        gathered.put("time", cell, column, cell)
        gathered.put("time_days", _FEW_DAYS if _FEW.fullmatch(cell) else None, column, cell, 0.5)


def _modality(row: Row, gathered: Gathered, notes: Notes) -> str:
    """From ``modality``, else from ``view``, which stays in ``extra``."""
    cell = row.said("modality")
    if modality := _MODALITIES.get(cell.casefold()):
        row.used.add("modality")
        gathered.support("modality", row.names["modality"], cell)
        return modality
    if cell:
        notes.row(row, f'{row.names["modality"]}: "{cell[:40]}" is not known; kept as it stands')
    view = row.said("view")
    for modality, views in _VIEWS.items():
        if view.casefold() in views:
            gathered.support("modality", row.names["view"], view, 0.9)
            return modality
    return "unknown"
