"""The sheet through LibreOffice and openpyxl: opened, changed and saved as a curator does, then read back."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from covidct_curate import pipeline
from covidct_curate.catalog import Catalog, decisions
from covidct_curate.columns import columns
from covidct_curate.records import Decision
from covidct_curate.review.export import export_sheet
from covidct_curate.review.intake import Intake, import_sheet
from tests.fake_extract import fake_paper, fake_split, figure, picture, run_here, write_pdf
from tests.office import Office, Step, missing, office
from tests.test_pipeline import listed

SHEETS = ("MetaInfo", "figures", "conflicts")
TOLD = {
    "patient": "007",
    "note": "2020.10",
    "location": "=SUM(A1:A2)",
    "time": "3-5",
    "medical_history": "'quoted'\nand a second line",
    "severity": "1e5",
    "other_diseases": "+49 @home",
    "outcome": "TRUE",
    "radiology_report": 'Opacities, "ground-glass"; größer als 3 cm – 肺炎 🫁\ttab',
}
"""Field → words that spreadsheet programs take for something else."""


@pytest.fixture(scope="module")
def libreoffice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    lacking = missing()
    if lacking:
        if os.environ.get("CI"):
            pytest.fail(f"not installed: {lacking}", pytrace=False)
        pytest.skip(f"needs {lacking}")
    with office(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with six pictures and a conflict, its MetaInfo.xlsx written; not to be changed."""
    folder = tmp_path_factory.mktemp("exported")
    ws = folder / "ws"
    places = [(50.0, 50.0 + 120 * k, 150.0, 150.0 + 120 * k) for k in range(5)]
    captions = [
        "=1+1 is no sum. Chest CT of a 52-year-old man.",
        "Chest CT of a 34-year-old woman – „größer“, 肺炎.",
        "007 chest CT.",
        "'Axial' CT of the chest, \"before\" and after treatment, day 3.",
        "Chest CT of a 61-year-old woman with fever.",
    ]
    figures = [
        figure(k + 1, picture(30 * k + 10, bbox=places[k], xref=7 + k, columns=1 + (k == 3)), caption=caption)
        for k, caption in enumerate(captions)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "extract_paper", fake_paper)
        patch.setattr("covidct_curate.engine.run", run_here)
        patch.setattr("covidct_curate.panels.figure.split", fake_split)
        pipeline.extract([write_pdf(folder / "a.pdf", *figures, doi="10.1101/2020.02.11.1")], ws)
    first, second, *_ = listed("panels", ws)
    for field, value in TOLD.items():
        _decide(ws, first["uid"], field, value)
    _decide(ws, second["uid"], "age", "45")
    _decide(ws, second["uid"], "age", "46", "Bob")
    export_sheet(ws)
    return ws


def _decide(ws: Path, uid: str, field: str, value: str, by: str = "Ann") -> None:
    with Catalog(ws / "catalog.db") as catalog, catalog.transaction() as db:
        decisions.append(db, Decision(uid, field, value, None, by, "2024-02-11T09:30:00Z", "test"))


@pytest.fixture
def ws(exported: Path, tmp_path: Path) -> Path:
    return shutil.copytree(exported, tmp_path / "ws")


def brought(ws: Path, path: Path) -> Intake:
    return import_sheet(ws, path, reviewer="Cy")


# --- what is in a file -----------------------------------------------------------------------------------


def sheet_of(path: Path, name: str = "MetaInfo") -> Worksheet:
    sheet = openpyxl.load_workbook(path)[name]
    assert isinstance(sheet, Worksheet)
    return sheet


def column(sheet: Worksheet, name: str) -> int:
    return next(number for number, cell in enumerate(sheet[1], 1) if cell.value == name)


def validations(sheet: Worksheet) -> object:
    """Column, cells, and words of each drop-down; columns with a message."""
    assert sheet.parent is not None
    lists = sheet.parent["lists"]
    found = set()
    for each in sheet.data_validations.dataValidation:
        words: list[object] = []
        if each.type == "list":
            assert each.showErrorMessage and each.errorStyle in (None, "stop")
            words = [cell.value for (cell,) in lists[each.formula1.removeprefix("lists!")]]
        found.add((str(each.sqref), tuple(words), each.prompt))
    assert found
    return found


def pictures(sheet: Worksheet) -> dict[object, str]:
    """File name of the row in whose first cell a picture begins → hash of the picture."""
    starts = [(image.anchor._from.col, image.anchor._from.row + 1, image) for image in sheet._images]
    assert {at for at, _, _ in starts} == {0}
    found = {sheet.cell(row, 1).value: hashlib.sha256(image._data()).hexdigest() for _, row, image in starts}
    assert len(found) == len(starts) == sheet.max_row - 1
    return found


def looks(sheet: Worksheet) -> object:
    """Colours and kinds of all cells."""
    return {
        cell.coordinate: (cell.fill.fgColor.rgb, cell.font.color.rgb, cell.data_type, cell.number_format)
        for row in sheet.iter_rows()
        for cell in row
    }


def links(sheet: Worksheet) -> dict[object, object]:
    """File name of the row → where its link leads."""
    return {
        sheet.cell(cell.row, 1).value: cell.hyperlink.target
        for row in sheet.iter_rows()
        for cell in row
        if cell.hyperlink
    }


def hidden(sheet: Worksheet) -> object:
    """Columns that do not show."""
    spans = [(each.min, each.max) for each in sheet.column_dimensions.values() if each.hidden]
    return [cell.value for cell in sheet[1] if any(a <= cell.column <= b for a, b in spans)]


def frames(sheet: Worksheet) -> object:
    """What is fixed and filtered, how wide the columns are, and how it is printed."""
    widths = [
        round(each.width) for each in sheet.column_dimensions.values() for _ in range(each.min, each.max + 1)
    ]
    return (
        sheet.freeze_panes,
        sheet.auto_filter.ref,
        sheet.print_title_rows,
        sheet.page_setup.orientation,
        [round(sheet.row_dimensions[row].height) for row in range(1, sheet.max_row + 1)],
        widths,
    )


PARTS = (validations, pictures, looks, links, hidden, frames)


# --- only opened and saved ------------------------------------------------------------------------------


def by_openpyxl(path: Path, out: Path, change: Callable[[Worksheet], None] = lambda sheet: None) -> Path:
    book = openpyxl.load_workbook(path)
    change(book["MetaInfo"])
    book.save(out)
    return out


@pytest.fixture(scope="module", params=["LibreOffice", "openpyxl"])
def saved(request: pytest.FixtureRequest, exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported sheet after another program opened and saved it."""
    sheet, out = exported / "MetaInfo.xlsx", tmp_path_factory.mktemp("saved") / "saved.xlsx"
    if request.param == "openpyxl":
        return by_openpyxl(sheet, out)
    office: Office = request.getfixturevalue("libreoffice")
    return office.edit(sheet, out)


def test_a_sheet_that_was_only_saved_says_nothing_new(saved: Path, ws: Path) -> None:
    found = brought(ws, saved)
    assert (found.changes, found.problems, found.notes, found.rows) == ((), (), (), 12)


@pytest.mark.parametrize("part", PARTS)
def test_saving_leaves_the_sheet_as_it_looks(
    part: Callable[[Worksheet], object], saved: Path, exported: Path
) -> None:
    for name in SHEETS:
        assert part(sheet_of(saved, name)) == part(sheet_of(exported / "MetaInfo.xlsx", name))


def test_texts_that_look_like_something_else_stay_texts(saved: Path) -> None:
    rows = sheet_of(saved)
    first = {cell.value: rows.cell(2, cell.column) for cell in rows[1]}
    shown = {each.name: TOLD[each.field] for each in columns() if each.field in TOLD}
    assert len(shown) == len(TOLD)
    assert {name: first[name].value for name in shown} == shown
    assert {first[name].data_type for name in (*shown, "Captions")} == {"s"}


# --- changed --------------------------------------------------------------------------------------------


def place(path: Path, name: str, row: int, sheet: str = "MetaInfo") -> str:
    """What LibreOffice calls the cell in that column and row."""
    return f"${sheet}.{sheet_of(path, sheet).cell(row, column(sheet_of(path, sheet), name)).coordinate}"


def typed(where: str, text: str) -> list[Step]:
    return [("GoToCell", {"ToPoint": where}), ("EnterString", {"StringName": text})]


def sorted_by(path: Path, name: str) -> list[Step]:
    """The pictures from Z to A."""
    sheet = sheet_of(path)
    told = {"ByRows": True, "HasHeader": True, "IncludeAttribs": True}
    order = {"Col1": column(sheet, name), "Ascending1": False}
    return [("GoToCell", {"ToPoint": f"$MetaInfo.{sheet.dimensions}"}), ("DataSort", {**told, **order})]


def uids(ws: Path) -> list[str]:
    return [row["uid"] for row in listed("panels", ws)]


def told(intake: Intake) -> dict[tuple[str, str], str]:
    """(uid, field) → new value of all that was changed."""
    assert (intake.problems, intake.notes, intake.failures) == ((), (), ())
    changed = [each.decision for each in intake.changes if each.outcome != "confirmed"]
    assert {each.reviewer for each in changed} <= {"Cy"}
    return {(each.uid, each.field): each.value for each in changed}


def test_what_was_typed_comes_in_and_nothing_else(libreoffice: Office, ws: Path, tmp_path: Path) -> None:
    sheet, uid = ws / "MetaInfo.xlsx", uids(ws)
    changes = {
        ("Patient ID", 3): "007",
        ("note", 4): "=1+1",
        ("Time", 4): "3-5",
        ("Location", 4): "'Wuhan'",
        ("finding", 5): "covid",
        ("keep", 5): "yes",
        ("Severity", 2): "",
    }
    steps = [step for (name, row), text in changes.items() for step in typed(place(sheet, name, row), text)]
    figure = typed(place(sheet, "panels", 3, "figures"), "1x2")
    mine = [
        *[("GoToCell", {"ToPoint": place(sheet, "note", 7)}), ("DeleteRows", {})],
        *sorted_by(sheet, "Captions"),
        *[("GoToCell", {"ToPoint": place(sheet, "Age", 1)}), ("InsertColumnsBefore", {})],
        *typed(place(sheet, "Age", 1), "mine"),
        *typed(place(sheet, "Age", 4), "45"),
        ("HideRow", {}),
        ("filter", {"sheet": "MetaInfo", "column": 4, "text": "F"}),
    ]
    out = libreoffice.edit(sheet, tmp_path / "Kopie von MetaInfo.xlsx", *steps, *figure, *mine)
    rows = sheet_of(out)
    assert rows.max_row == 6 and "mine" in [cell.value for cell in rows[1]]
    assert sum(rows.row_dimensions[row].hidden for row in range(2, 7)) == 4
    fields = {each.name: each.field for each in columns()}
    expected = {(uid[row - 2], fields[name]): text for (name, row), text in changes.items()}
    expected[listed("panels", ws)[1]["figure_uid"], "panels"] = '{"grid": [1, 2]}'
    assert told(brought(ws, out)) == expected
    assert brought(ws, out).changes == ()


def test_sorting_takes_the_pictures_along(libreoffice: Office, ws: Path, tmp_path: Path) -> None:
    sheet = ws / "MetaInfo.xlsx"
    delete = [("GoToCell", {"ToPoint": place(sheet, "note", 4)}), ("DeleteRows", {})]
    out = libreoffice.edit(sheet, tmp_path / "sorted.xlsx", *delete, *sorted_by(sheet, "File name"))
    before, after = sheet_of(sheet), sheet_of(out)
    names = [cell.value for cell in before["A"][1:]]
    assert [cell.value for cell in after["A"][1:]] == [names[at] for at in (1, 0, 5, 4, 3)]
    shown = pictures(before)
    del shown[names[2]]
    assert pictures(after) == shown
    assert {name for name in links(before) if name != names[2]} == set(links(after))
    assert told(brought(ws, out)) == {}


def test_what_openpyxl_changes_comes_in_and_nothing_else(ws: Path, tmp_path: Path) -> None:
    def change(sheet: Worksheet) -> None:
        for name, row, value in [
            ("Age", 4, 45),
            ("finding", 5, "covid"),
            ("keep", 5, "no"),
            ("note", 2, None),
        ]:
            sheet.cell(row, column(sheet, name)).value = value

    out, uid = by_openpyxl(ws / "MetaInfo.xlsx", tmp_path / "changed.xlsx", change), uids(ws)
    expected = {
        (uid[2], "age"): "45",
        (uid[3], "finding"): "covid",
        (uid[3], "keep"): "no",
        (uid[0], "note"): "",
    }
    assert told(brought(ws, out)) == expected
    assert brought(ws, out).changes == ()


# --- CSV ------------------------------------------------------------------------------------------------

CSV = "Text - txt - csv (StarCalc)"
ENGLISH, GERMAN = 1033, 1031


@pytest.mark.parametrize("language", [ENGLISH, GERMAN])
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("name", ["panels", "figures"])
def test_csv_that_was_opened_and_saved_says_nothing_new(
    name: str, ending: str, language: int, libreoffice: Office, ws: Path, tmp_path: Path
) -> None:
    export_sheet(ws, out=tmp_path / "sheet.csv")
    path = tmp_path / {"panels": "sheet.csv", "figures": "sheet-figures.csv"}[name]
    utf8, quoted, detect = 76, "false", "true"
    opened = (CSV, f"44,34,{utf8},1,,{language},{quoted},{detect}")
    kept = (CSV, f"44,34,{utf8},1,,{language},false,true") if ending == "csv" else None
    out = libreoffice.edit(path, tmp_path / f"saved.{ending}", open_as=opened, save_as=kept)
    found = brought(ws, out)
    assert (found.changes, found.problems, found.notes) == ((), (), ())
    assert found.rows == {"panels": 6, "figures": 5}[name]


def test_a_workbook_saved_as_csv_says_nothing_new(libreoffice: Office, ws: Path, tmp_path: Path) -> None:
    out = libreoffice.edit(
        ws / "MetaInfo.xlsx", tmp_path / "m.csv", save_as=(CSV, "44,34,76,1,,0,false,true")
    )
    found = brought(ws, out)
    assert (found.changes, found.problems, found.notes, found.rows) == ((), (), (), 6)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_what_was_typed_into_csv_comes_in_and_nothing_else(
    ending: str, libreoffice: Office, ws: Path, tmp_path: Path
) -> None:
    export_sheet(ws, out=tmp_path / "sheet.csv")
    sheet, uid = ws / "MetaInfo.xlsx", uids(ws)
    changes = {("Patient ID", 2): "'008", ("note", 3): "fine, 'really'", ("Age", 4): "45", ("keep", 6): "no"}
    steps = [
        step
        for (name, row), text in changes.items()
        for step in typed(place(sheet, name, row).removeprefix("$MetaInfo."), text)
    ]
    kind = (CSV, f"44,34,76,1,,{ENGLISH},false,true")
    out = libreoffice.edit(
        tmp_path / "sheet.csv",
        tmp_path / f"changed.{ending}",
        *steps,
        open_as=kind,
        save_as=kind if ending == "csv" else None,
    )
    fields = {"Patient ID": "patient", "note": "note", "Age": "age", "keep": "keep"}
    expected = {(uid[row - 2], fields[name]): text for (name, row), text in changes.items()}
    assert told(brought(ws, out)) == {**expected, (uid[0], "patient"): "008"}
