"""COVID-CT: images cut from preprints by hand, with a sheet that was filled in by hand.

The folder has ``CT_COVID/`` and ``CT_NonCOVID/``, a workbook with the columns ``File name`` and ``Captions``
among its eleven, ``NonCOVID-CT-MetaInfo.csv`` (image, patient) and ``Data-split/``.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from covidct_curate.datasets import Dataset, Document, Image
from covidct_curate.datasets.cells import Gathered, doi
from covidct_curate.datasets.covid_ct_rows import Row, facts, patient, resolved
from covidct_curate.datasets.folders import Names, Notes, folded, natural, pictures, sources, stem
from covidct_curate.errors import DatasetError
from covidct_curate.records import Facts, Paper
from covidct_curate.tables import Table, read_table

_FOLDERS = {"CT_COVID": "covid", "CT_NonCOVID": "non-covid"}
_NAME = re.compile(r"(?P<paper>.+)-p(?P<page>\d{1,5})-(?P<xref>\d{1,7})(?:[%_-]\d{1,4})*")
_NO_PAGE = re.compile(r"(?P<paper>.+?)(?:_(?P<figure>\d{1,2}))?(?:%\d{1,4})?")
_PREPRINT = re.compile(r"20\d\d\.\d\d\.\d\d\.(\d{6}|\d{8})(?:v\d+)?")
_RIVAL = re.compile(r"bacteri|tubercul|tumou?r|cancer|bronchiectas|influenza|fung|mycoplasma", re.I)
"""Diseases that a chest CT may show instead."""
_TAIL = re.compile(r"(?:[%_-]\d+)+$")


@dataclass(frozen=True, slots=True)
class _Name:
    """What a picture's name tells."""

    paper: str
    figure: str
    page: int | None
    xref: int | None


def read_covid_ct(folder: Path, *, sheet_needed: bool = True) -> Dataset:
    """Read a copy of COVID-CT: every image of its two folders, with what its sheets say.

    A patient's id is the sheet's number (``2`` of "Patient 2"), ``0`` where there is none. The official split is
    in ``facts.extra["split"]``. Images of one preprint are one document; of the others, whose papers are not
    known, those of one patient. Raises `DatasetError` when the folder has neither image folder, or, where one is
    needed, no workbook with the columns ``File name`` and ``Captions``.
    """
    notes = Notes()
    root = _root(folder)
    files = {
        f"{name}/{each}": path for name in _FOLDERS for each, path in pictures(root / name, notes).items()
    }
    rows = [*_covid_rows(folder, notes, needed=sheet_needed), *_other_rows(folder, notes)]
    named = _match(rows, files, notes)
    splits = _splits(root if (root / "Data-split").is_dir() else folder, files, notes)
    _compare(named, notes)
    grouped: dict[str, list[tuple[str, Row | None]]] = defaultdict(list)
    homes = {_figure_key(key): _home(key, row) for key, row in named.items()}
    for key in files:
        row = named.get(key)
        grouped[_home(key, row) if row else homes.get(_figure_key(key), _home(key, None))].append((key, row))
    unnamed = [key for key in files if key not in named]
    if unnamed:
        notes.say(
            f"{len(unnamed):,} images are in no sheet, such as {unnamed[0]}; their patients are not known",
            "unlisted",
            unnamed,
        )
    called = sources("covid-ct", grouped)
    documents = [_document(called[name], name, each, files, splits, notes) for name, each in grouped.items()]
    return Dataset(tuple(documents), notes.all())


def _root(folder: Path) -> Path:
    """Where the image folders lie: the folder, or ``Images-processed/`` in it."""
    for root in (folder, folder / "Images-processed"):
        if any((root / name).is_dir() for name in _FOLDERS):
            return root
    hint = (
        "it has them as .zip files: unpack those first"
        if _zipped(folder)
        else "give the folder that has them"
    )
    raise DatasetError(f"{folder}: not COVID-CT, there is no folder CT_COVID or CT_NonCOVID; {hint}")


def _zipped(folder: Path) -> bool:
    roots = (folder, folder / "Images-processed")
    return any((root / f"{name}.zip").is_file() for root in roots for name in _FOLDERS)


def _covid_rows(folder: Path, notes: Notes, *, needed: bool) -> list[Row]:
    """The rows of the workbook, cells that say "same as above" filled; none without one that is not needed."""
    books = [each for each in folder.glob("*.xlsx") if not each.name.startswith(("~", "."))]
    books.sort(key=lambda each: ("metainfo" not in each.name.lower(), each.name))
    problems = []
    for number, book in enumerate(books):
        try:
            table = read_table(book, needs=("File name", "Captions"))
        except DatasetError as error:
            problems.append(str(error))
            continue
        others = [each.name for each in books[number + 1 :]]
        if others:
            notes.say(f"{book.name} was read, not {', '.join(others)}", files=others)
        for note in table.notes:
            notes.say(f"{book.name}: {note}", files=[book.name])
        return resolved(book.name, table, notes)
    none = f"{folder}: there is no workbook (.xlsx) with the columns File name and Captions; put it there"
    if needed:
        raise DatasetError(problems[0] if problems else none)
    notes.say(problems[0] if problems else none, "missing")
    return []


def _other_rows(folder: Path, notes: Notes) -> list[Row]:
    """The rows of the table of other images: image name and patient."""
    for path in sorted(
        folder.glob("*.csv"), key=lambda each: ("noncovid" not in each.name.lower(), each.name)
    ):
        try:
            table = read_table(path, needs=("image name", "patient id"))
        except DatasetError:
            continue
        for note in table.notes:
            notes.say(f"{path.name}: {note}", files=[path.name])
        rows = []
        for number, cells in zip(table.numbers, _without_index(table), strict=True):
            names = {"image name": "File name", "patient id": "Patient ID"}
            rows.append(
                Row(path.name, number, {names.get(column, column): text for column, text in cells.items()})
            )
        return rows
    notes.say(
        "there is no table (.csv) of the images of CT_NonCOVID with the columns image name and patient id",
        "missing",
    )
    return []


def _without_index(table: Table) -> list[dict[str, str]]:
    """The rows without a nameless first column that only counts them."""
    first = table.columns[0]
    counts = first.startswith("column ") and all(row[first] == str(at) for at, row in enumerate(table.rows))
    return [
        {column: text for column, text in row.items() if not (counts and column == first)}
        for row in table.rows
    ]


def _match(rows: list[Row], files: dict[str, Path], notes: Notes) -> dict[str, Row]:
    """The row of each image: by its name, else by its name without ending and with any sign before a number."""
    names = Names({key: key.split("/", 1)[1] for key in files}, loose_name)
    named: dict[str, Row] = {}
    for row in rows:
        row.file = name = row.cells["File name"].strip()
        home = "CT_COVID/" if row.sheet.endswith(".xlsx") else "CT_NonCOVID/"
        found = names.find(name)
        found = [key for key in found if key.startswith(home)] or found
        if not name:
            notes.row(row, "no file name; left out")
        elif not found:
            notes.row(row, "its image is not there", "missing")
        elif len(found) > 1:
            notes.row(row, f"{name[:80]} may be any of {len(found)} images; left out", "name")
        elif found[0] in named:
            row.file = found[0]
            notes.row(row, f"names the same image as row {named[row.file].number}; left out", "duplicate-row")
        else:
            row.file = found[0]
            named[found[0]] = row
            _tell_match(row, name, home, notes)
    return named


def _tell_match(row: Row, name: str, home: str, notes: Notes) -> None:
    folder, file = row.file.split("/", 1)
    if name == stem(file) != file:
        notes.row(row, f"File name: without its ending {file[len(name) :]}", "name")
    elif name != file:
        notes.row(row, f"File name: written otherwise than the image, {file[:80]}", "name")
    if not row.file.startswith(home):
        notes.row(row, f"File name: the image lies in {folder}", "label-contradiction")


def loose_name(name: str) -> str:
    """A picture's name without ending, folded, ``%`` for what parts its numbers: as sheets and lists vary."""
    return _TAIL.sub(lambda found: re.sub(r"[%_-]", "%", found[0]), folded(stem(name.strip())))


def _splits(root: Path, files: dict[str, Path], notes: Notes) -> dict[str, str]:
    """The official split: image → train, val or test."""
    splits: dict[str, str] = {}
    names = Names({key: key for key in files}, _loose_key)
    for path in sorted((root / "Data-split").rglob("*CT_*.txt")):
        part, _, folder = path.stem.partition("CT_")
        missing, otherwise = [], []
        for line in _listed_in(path):
            key = f"CT_{folder}/{line}"
            found = names.find(key)
            if len(found) != 1:
                missing.append(line)
                continue
            if found[0] != key:
                otherwise.append(found[0])
            if splits.setdefault(found[0], part) != part:
                told = f"{path.name}: {line} is in {splits[found[0]]} too, where it is left"
                notes.say(told, "split", found)
        if missing:
            told = f"{path.name}: {len(missing):,} images are not there, such as {missing[0][:80]}"
            notes.say(told, "missing", missing)
        if otherwise:
            count = f"{len(otherwise):,} images are written otherwise"
            notes.say(f"{path.name}: {count}, such as {otherwise[0]}", "name", otherwise)
    outside = [key for key in files if key not in splits]
    if outside and splits:
        told = f"{len(outside):,} images are in no part of the split, such as {outside[0]}"
        notes.say(told, "split", outside)
    return splits


def _listed_in(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}; it is to be a list of file names") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _loose_key(key: str) -> str:
    folder, _, name = key.partition("/")
    return f"{folder}/{loose_name(name)}"


def _compare(named: dict[str, Row], notes: Notes) -> None:
    """One patient has one age, one gender and one paper: rows that disagree are doubted, and told."""
    by_patient: dict[tuple[str, str], list[tuple[str, Row]]] = defaultdict(list)
    for key, row in named.items():
        if patient(row):
            by_patient[row.sheet, patient(row)].append((key, row))
    for (sheet, number), members in by_patient.items():
        for column in ("Age", "Gender"):
            told = {row.cells.get(column, "").strip() for _, row in members} - {""}
            if len(told) > 1:
                text = f"{column}: patient {number} has {_listed(told)}"
                for _, row in members:
                    row.doubted.update({column, "Patient ID"})
                    notes.row(row, text, "patient-contradiction")
        if sheet.endswith(".xlsx"):
            papers = {_parsed(key).paper for key, _ in members}
            if len(papers) > 1:
                text = f"Patient ID: patient {number} is in {len(papers)} papers"
                for _, row in members:
                    row.doubted.add("Patient ID")
                    notes.row(row, text, "patient-contradiction")


def _listed(texts: set[str]) -> str:
    *rest, last = sorted(texts, key=natural)
    return f"{', '.join(rest)} and {last}"


def _parsed(key: str) -> _Name:
    """Paper, page and figure as a picture's name tells them."""
    folder, name = key.split("/", 1)
    if folder == "CT_COVID" and (found := _NAME.fullmatch(stem(name))):
        page, xref = int(found["page"]), int(found["xref"])
        return _Name(found["paper"], f"p{found['page']}-{found['xref']}", page, xref)
    found = _NO_PAGE.fullmatch(stem(name))
    if folder == "CT_COVID" and found:
        return _Name(found["paper"], found["figure"] or "", None, None)
    figure, cut, _ = stem(name).rpartition("%")
    return _Name(figure or stem(name), figure if cut else "", None, None)


def _figure_key(key: str) -> tuple[str, str]:
    return key.split("/", 1)[0], _parsed(key).paper


def _home(key: str, row: Row | None) -> str:
    """The name of an image's document: its paper; where that is not known, its patient."""
    if row is None or key.startswith("CT_COVID/"):
        return _parsed(key).paper
    return patient(row) or _parsed(key).paper


def _document(
    called: str,
    name: str,
    members: list[tuple[str, Row | None]],
    files: dict[str, Path],
    splits: dict[str, str],
    notes: Notes,
) -> Document:
    stated: Counter[str] = Counter()
    for _, row in members:
        cell = row.cells.get("DOI", "") if row else ""
        found = doi(cell)
        if row and cell.strip() and found is None:
            notes.row(row, "DOI: not a DOI; left out", "doi")
        elif row and found and found != cell.strip():
            notes.row(row, "DOI: written with spaces or signs that are none of it", "doi")
        stated.update([found] if found else [])
    paper = _paper(name, stated, members, notes)
    images = []
    for key, row in sorted(members, key=lambda each: natural(each[0])):
        parsed = _parsed(key)
        gathered, caption = facts(row, notes) if row else (Gathered(), "")
        gathered.patient.setdefault("id", "0")
        if key in splits:
            gathered.extra["split"] = splits[key]
        judged = _judged(gathered, key, row, notes)
        images.append(Image(files[key], parsed.figure, parsed.page, parsed.xref, caption, judged))
    return Document(called, paper, tuple(images))


def _paper(name: str, stated: Counter[str], members: list[tuple[str, Row | None]], notes: Notes) -> Paper:
    """The paper: a preprint's DOI is in its pictures' names, another's in the sheet."""
    rows = [row for _, row in members if row]
    preprint = _PREPRINT.fullmatch(name)
    suffix = name.partition("v")[0]
    from_name = f"10.1101/{suffix}" if preprint else None
    for row in rows:
        found = doi(row.cells.get("DOI", ""))
        if from_name and found not in (None, from_name):
            notes.row(row, f"DOI: {found}, but the image is of {from_name}, which is taken", "doi")
    if from_name is None and len(stated) > 1:
        text = f"DOI: {name[:60]} has {_listed(set(stated))}; the commonest is taken"
        for row in rows:
            notes.row(row, text, "doi")
    if preprint:
        return Paper(doi=from_name, server="medrxiv" if len(preprint[1]) == 8 else "biorxiv")
    return Paper(doi=stated.most_common(1)[0][0] if stated else None)


def _judged(gathered: Gathered, key: str, row: Row | None, notes: Notes) -> Facts:
    """The facts with what the image's folder says: a chest CT, of its class."""
    folder = key.split("/", 1)[0]
    rival = _RIVAL.search(row.cells.get("Other diseases", "")) if row and folder == "CT_COVID" else None
    if row and rival:
        text = row.cells["Other diseases"].strip()[:60]
        notes.row(row, f'Other diseases: "{text}", though the image is in CT_COVID; doubted')
    for name in ("modality", "region", "finding"):
        gathered.support(name, "folder", folder, 0.5 if rival and name == "finding" else 1.0)
    return gathered.facts("ct", "chest", _FOLDERS[folder])
