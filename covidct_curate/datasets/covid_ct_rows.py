"""One row of COVID-CT's sheet: what its cells say, and which of them cannot be trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from covidct_curate.datasets.cells import Gathered, age, gender, joined, kept, said
from covidct_curate.datasets.cells import doi as doi_in
from covidct_curate.datasets.folders import Notes, SheetRow
from covidct_curate.tables import Table, fold

_COLUMNS = (
    *("File name", "Patient ID", "Age", "Gender", "Location", "Medical history", "Time", "Severity"),
    *("Other diseases", "DOI", "Captions"),
)
_FIELDS = {
    "Location": "location",
    "Medical history": "medical_history",
    "Time": "time",
    "Severity": "severity",
    "Other diseases": "other_diseases",
}
_ABOVE = re.compile(
    r'(?:the )?(?:same(?: as)?|as|ditto|idem|see) ?(?:the )?(?:above|previous(?: row)?)|same|ditto|idem|["〃″]'
)
_PATIENT = re.compile(r"(?:patient|case)[ _#-]*(\d{1,9})", re.I)
_LOOKS = re.compile(
    r"ground[- ]?(?:glass|grass)|\bggo|opacit|consolidat|shadow|septal|patchy|bronchogram|crazy[- ]?paving|burrs"
    r"|fibrous cord|bronchodilat",
    re.I,
)
_PARTS = re.compile(r"\blesion|\blobe", re.I)
_GRADE = re.compile(
    r"mild|moderate|severe|critical|serious|asymptomatic|\bstage|\bordinary|\bcommon|recover|fatal|\bdied|\bdeath",
    re.I,
)
_WHEN = re.compile(
    r"\d|day|week|month|admission|onset|treatment|follow|baseline|discharge|before|after|initial|first", re.I
)
_DOUBTFUL, _MOVED = 0.5, 0.6


@dataclass(slots=True)
class Row(SheetRow):
    """One row of a sheet."""

    doubted: set[str] = field(default_factory=set)
    """Columns whose cell is not to be trusted."""


def resolved(sheet: str, table: Table, notes: Notes) -> list[Row]:
    """The sheet's rows, with "same as above" replaced by what stands above, and swapped cells put right."""
    named = {fold(column): column for column in _COLUMNS}
    rows: list[Row] = []
    for number, cells in zip(table.numbers, table.rows, strict=True):
        row = Row(sheet, number, {named.get(fold(column), column): text for column, text in cells.items()})
        for column, text in row.cells.items():
            if _ABOVE.fullmatch(text.strip(" .").casefold()):
                row.cells[column] = rows[-1].cells[column] if rows else ""
                row.doubted |= {column} & (rows[-1].doubted if rows else set())
                notes.row(row, f'{column}: "{text.strip()}", taken from the row above')
        _unswap(row, notes)
        rows.append(row)
    return rows


def _unswap(row: Row, notes: Notes) -> None:
    cells = row.cells
    one, other = cells.get("Age", ""), cells.get("Gender", "")
    if gender(one) and not gender(other) and (age(other) or not other.strip()):
        cells["Age"], cells["Gender"] = other, one
        row.doubted |= {"Age", "Gender"}
        notes.row(row, "Age, Gender: swapped", "columns-swapped")
    one, other = cells.get("DOI", ""), cells.get("Captions", "")
    if doi_in(other) and len(other) < 100 and not doi_in(one):
        cells["DOI"], cells["Captions"] = other, one
        notes.row(row, "DOI, Captions: swapped", "columns-swapped")


def patient(row: Row) -> str:
    """The patient's number: ``2`` of "Patient 2 "; another id as it stands; ``""`` where there is none."""
    cell = " ".join(said(row.cells.get("Patient ID", "")).split())
    found = _PATIENT.fullmatch(cell)
    return found[1] if found else cell


def facts(row: Row, notes: Notes) -> tuple[Gathered, str]:
    """What the row says of its image, and the image's caption."""
    gathered = Gathered()
    cells = row.cells
    gathered.extra = kept(cells, set(_COLUMNS))
    cell = cells.get("Patient ID", "")
    if not patient(row):
        notes.row(row, "Patient ID: blank")
    gathered.put("id", patient(row), "Patient ID", cell.strip(), _trust(row, "Patient ID"))
    _person(row, gathered, notes)
    for column, name in _FIELDS.items():
        _field(row, column, name, gathered, notes)
    return gathered, _caption(row, notes)


def _trust(row: Row, column: str) -> float:
    return _DOUBTFUL if column in row.doubted else 1.0


def _person(row: Row, gathered: Gathered, notes: Notes) -> None:
    cell = said(row.cells.get("Age", ""))
    if found := age(cell):
        gathered.put_age(found, "Age", cell, _trust(row, "Age"))
    elif cell:
        gathered.extra["Age"] = cell
        notes.row(row, f'Age: "{cell[:40]}" is no age; left out', "age")
    cell = said(row.cells.get("Gender", ""))
    gathered.put("gender", gender(cell), "Gender", cell, _trust(row, "Gender"))
    if cell and not gender(cell):
        gathered.extra["Gender"] = cell
        notes.row(row, f'Gender: "{cell[:40]}" is not M or F; left out', "gender")


def _field(row: Row, column: str, name: str, gathered: Gathered, notes: Notes) -> None:
    """A text field, or what stands in its column by mistake."""
    cell = said(row.cells.get(column, ""))
    if not cell:
        return
    looks = _LOOKS.search(cell) or (column == "Severity" and _PARTS.search(cell))
    if looks and column != "Location" and not (column == "Severity" and _GRADE.search(cell)):
        before = gathered.patient.get("radiology_report")
        gathered.put("radiology_report", f"{before} {cell}" if before else cell, column, cell, _MOVED)
        notes.row(row, f"{column}: describes the picture; taken as its radiology report", "columns-shifted")
    elif column == "Time" and not _WHEN.search(cell):
        gathered.extra[column] = cell
        notes.row(row, "Time: says no time; left out")
    elif column == "Severity" and not _GRADE.search(cell):
        gathered.put(name, cell, column, cell, _DOUBTFUL)
        notes.row(row, "Severity: names no degree; doubted")
    else:
        gathered.put(name, cell, column, cell, _trust(row, column))


def _caption(row: Row, notes: Notes) -> str:
    text, note = joined(row.cells.get("Captions", ""))
    if note:
        notes.row(row, f"Captions: {note}")
    return text
