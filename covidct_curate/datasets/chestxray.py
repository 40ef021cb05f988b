"""covid-chestxray-dataset and tables made like it: X-rays and CTs from publications and the web.

The folder has ``metadata.csv`` (12 or 29 columns) and ``images/``; ``volumes/`` are not read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from covidct_curate.datasets import Dataset, Document, Image
from covidct_curate.datasets.cells import doi
from covidct_curate.datasets.chestxray_rows import Row, facts, patient
from covidct_curate.datasets.folders import Names, Notes, folded, natural, pictures, sources, stem
from covidct_curate.errors import DatasetError
from covidct_curate.records import Facts, Paper, Patient
from covidct_curate.tables import Table, fold, read_table

_LICENCE = re.compile(r"cc[ _-]*(0|by)((?:[ _-]+(?:nc|nd|sa))*)", re.I)


def read_chestxray(folder: Path) -> Dataset:
    """Read a copy of covid-chestxray-dataset, in its first (12 columns) or present (29 columns) form.

    The images of one DOI, else of one address, else of one patient are one document. Patients keep their ids;
    where rows have no file name, a letter at the end of an id counts that patient's images. A blank finding,
    ``todo``, ``Unknown`` or a suspected one is ``uncertain``, never negative. Raises `DatasetError` when the
    folder has no table with the columns ``finding`` and ``patientid``, or no ``images/``.
    """
    notes = Notes()
    sheet, table = _sheet(folder, notes)
    if not (folder / "images").is_dir():
        raise DatasetError(f"{folder}: there is no folder images/ beside {sheet}; put the pictures there")
    files = pictures(folder / "images", notes)
    names = {fold(column): column for column in reversed(table.columns)}
    rows = [
        Row(sheet, number, {fold(column): cells[column] for column in reversed(table.columns)}, names)
        for number, cells in zip(table.numbers, table.rows, strict=True)
    ]
    found = _match(rows, files, sheet, notes)
    grouped: dict[str, list[tuple[str, Row | None]]] = defaultdict(list)
    for name in files:
        row = found.get(name)
        grouped[_home(row) if row else f"image {stem(name)}"].append((name, row))
    unnamed = [name for name in files if name not in found]
    if unnamed:
        notes.say(
            f"{len(unnamed):,} images are in no row of {sheet}, such as {unnamed[0]}; nothing is known of them",
            "unlisted",
            [f"images/{name}" for name in unnamed],
        )
    _compare(found, sheet, notes)
    called = sources("chestxray", grouped)
    documents = [_document(called[home], members, files, notes) for home, members in grouped.items()]
    return Dataset(tuple(documents), notes.all())


def _sheet(folder: Path, notes: Notes) -> tuple[str, Table]:
    """The table with the columns ``finding`` and ``patientid``."""
    problem = f"{folder}: not covid-chestxray-dataset, there is no table (.csv) with the columns finding and patientid"
    tables = sorted(folder.glob("*.csv"), key=lambda each: (each.name != "metadata.csv", each.name))
    for number, path in enumerate(tables):
        try:
            table = read_table(path, needs=("patientid", "finding"))
        except DatasetError as error:
            problem = str(error)
            continue
        if others := [each.name for each in tables[number + 1 :]]:
            notes.say(f"{path.name} was read, not {', '.join(others)}", files=others)
        for note in table.notes:
            notes.say(f"{path.name}: {note}", files=[path.name])
        return path.name, table
    raise DatasetError(problem)


def _match(rows: list[Row], files: dict[str, Path], sheet: str, notes: Notes) -> dict[str, Row]:
    """The row of each image: by its file name, where there is none by its id."""
    names = Names({name: name for name in files}, lambda name: folded(stem(name)))
    found: dict[str, Row] = {}
    for row in rows:
        wanted = row.cells.get("filename", row.cells["patientid"]).strip()
        row.file = wanted
        if row.said("folder").casefold() == "volumes" or wanted.casefold().endswith((".nii", ".nii.gz")):
            notes.row(row, "a volume; left out")
            continue
        fitting = names.find(wanted)
        if not fitting:
            if wanted:
                notes.row(row, "its image is not there", "missing")
            else:
                notes.row(row, "names no image")
            continue
        row.file = f"images/{fitting[0]}"
        if fitting[0] in found:
            first = found[fitting[0]].number
            notes.row(row, f"names the same image as row {first}; left out", "duplicate-row")
            continue
        if len(fitting) > 1:
            told = " or ".join(fitting[:5])
            notes.row(row, f"{wanted[:80]} may be {told}; the first is taken", "name")
        elif wanted != fitting[0] and ("filename" in row.cells or wanted != stem(fitting[0])):
            column = row.names.get("filename", row.names["patientid"])
            notes.row(row, f"{column}: written otherwise than the image, {fitting[0][:80]}", "name")
        found[fitting[0]] = row
    return found


def _home(row: Row) -> str:
    """The name of an image's document: its paper, its address, else its patient."""
    if found := doi(row.cells.get("doi", "")):
        return found
    address = re.sub(r"^https?://(?:www\.)?", "", row.said("url")).strip("/")
    return address or patient(row) or f"row {row.number}"


def _compare(found: dict[str, Row], sheet: str, notes: Notes) -> None:
    """Tell where one patient's rows disagree, or lie in several documents."""
    by_patient: dict[str, list[Row]] = defaultdict(list)
    for row in found.values():
        if patient(row):
            by_patient[patient(row)].append(row)
    for number, rows in by_patient.items():
        for name in ("age", "sex"):
            told = {row.said(name) for row in rows} - {""}
            if len(told) > 1:
                text = f"{name}: patient {number} has {' and '.join(sorted(told))}"
                for row in rows:
                    notes.row(row, text, "patient-contradiction")
        if len({_home(row) for row in rows}) > 1:
            for row in rows:
                text = f"patientid: {number} is in several papers or sources"
                notes.row(row, text, "patient-contradiction")


def _document(
    called: str, members: list[tuple[str, Row | None]], files: dict[str, Path], notes: Notes
) -> Document:
    rows = [row for _, row in members if row]
    images = []
    for name, row in sorted(members, key=lambda each: natural(each[0])):
        if row is None:
            images.append(Image(files[name], "", None, None, "", Facts(patient=Patient(id="0"))))
            continue
        text = "clinicalnotes" if row.said("clinicalnotes") else "notes"
        row.used |= {text} | ({"doi"} if doi(row.cells.get("doi", "")) else set())
        images.append(Image(files[name], "", None, None, row.said(text), facts(row, notes)))
    found = doi(rows[0].cells.get("doi", "")) if rows else None
    licences = {_licence(row.said("license")) for row in rows}
    return Document(
        called, Paper(doi=found, licence=licences.pop() if len(licences) == 1 else None), tuple(images)
    )


def _licence(cell: str) -> str | None:
    """A Creative Commons licence as preprint servers name it: ``CC BY-NC-SA`` is ``cc_by_nc_sa``."""
    found = _LICENCE.match(cell)
    if not found:
        return None
    parts = re.findall("nc|nd|sa", found[2].lower())
    return "cc0" if found[1] == "0" else "_".join(["cc_by", *parts])
