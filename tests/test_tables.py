"""Tables of other people: read as text, as a person sees them, or refused in one clear line."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from openpyxl.workbook.protection import WorkbookProtection

from covidct_curate.errors import DatasetError
from covidct_curate.tables import Table, read_table
from covidct_curate.tables.numberformat import shown

Sheet = openpyxl.worksheet.worksheet.Worksheet


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """``workbook(rows, change)`` writes rows to a workbook and lets ``change`` at its sheet."""

    def write(rows: list[list[object]], change: Callable[[Sheet], object] = lambda sheet: None) -> Path:
        book = openpyxl.Workbook()
        sheet = book.active
        for row in rows:
            sheet.append(row)
        change(sheet)
        book.save(tmp_path / "t.xlsx")
        return tmp_path / "t.xlsx"

    return write


def text_file(tmp_path: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def column(table: Table, name: str) -> list[str]:
    return [row[name] for row in table.rows]


# --- cells as a person sees them


def test_numbers_and_blanks_of_a_workbook_stay_as_typed(workbook: Callable[..., Path]) -> None:
    def change(sheet: Sheet) -> None:
        sheet["A2"].number_format = "0.00"
        sheet["B2"].number_format = "000"

    path = workbook(
        [["a", "b", "c", "d", "e"], [2020.1, 7, None, True, 0.1 + 0.2], ["007", 12, "nan", 3.0, 5]], change
    )
    table = read_table(path)
    assert table.rows[0] == {"a": "2020.10", "b": "007", "c": "", "d": "TRUE", "e": "0.3"}
    assert table.rows[1] == {"a": "007", "b": "12", "c": "nan", "d": "3", "e": "5"}


def test_text_files_stay_as_typed(tmp_path: Path) -> None:
    table = read_table(text_file(tmp_path, "a,b,c\n2020.10,007,\nnan, x ,=1+1\n"))
    assert [tuple(row.values()) for row in table.rows] == [("2020.10", "007", ""), ("nan", " x ", "=1+1")]


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (1234.5, "#,##0.00", "1,234.50"),
        (0.456, "0%", "46%"),
        (45, '0" years"', "45 years"),
        (-3, "0.0", "-3.0"),
        (1.005, "0.00", "1.01"),
        (2.5, "0.##", "2.5"),
        (12345678901234567, "General", "12345678901234567"),
        (1.5, "# ?/?", "1.5"),
        (1e300, "0.00E+00", "1e+300"),
        (1e22, "#,##0", "10,000,000,000,000,000,000,000"),
        (date(2020, 10, 20), "d-mmm", "20-Oct"),
        (datetime(2020, 10, 20), "mmm-yy", "Oct-20"),
        (datetime(2020, 2, 3), "mm-dd-yy", "2020-02-03"),
        (datetime(2020, 2, 3, 15, 4), "[$-409]d/m/yyyy h:mm AM/PM;@", "3/2/2020 3:04 PM"),
        (datetime(2020, 2, 3, 15, 4, 9), 'yyyy"-"mm"-"dd hh:mm:ss', "2020-02-03 15:04:09"),
        (datetime(2020, 2, 3), "dddd d mmmm", "Monday 3 February"),
        (time(8, 5), "h:mm", "8:05"),
    ],
)
def test_values_are_written_in_their_number_format(value: int, code: str, text: str) -> None:
    assert shown(value, code) == text


def test_an_age_range_that_became_a_date_keeps_its_text_and_is_told(workbook: Callable[..., Path]) -> None:
    def change(sheet: Sheet) -> None:
        sheet["B3"].number_format = "d-mmm"

    path = workbook([["file", "Age"], ["a", "45"], ["b", datetime(2026, 10, 20)], ["c", "50"]], change)
    table = read_table(path)
    assert column(table, "Age") == ["45", "20-Oct", "50"]
    assert any("B3" in note and "20-Oct" in note and "dates" in note for note in table.notes)


def test_a_column_of_dates_is_nothing_to_tell(workbook: Callable[..., Path]) -> None:
    path = workbook([["file", "date"], ["a", date(2020, 2, 1)], ["b", date(2020, 2, 3)]])
    table = read_table(path)
    assert column(table, "date") == ["2020-02-01", "2020-02-03"]
    assert table.notes == ()


def test_a_merged_cell_belongs_to_all_its_rows(workbook: Callable[..., Path]) -> None:
    rows = [["file", "Location", "Age"], ["a", "Town", 1], ["b", None, 2], ["c", None, 3], ["d", "City", 4]]
    path = workbook(rows, lambda sheet: sheet.merge_cells("B2:B4"))
    table = read_table(path)
    assert column(table, "Location") == ["Town", "Town", "Town", "City"]
    assert any("B2:B4" in note for note in table.notes)


def test_a_cell_merged_over_columns_is_the_first_ones(workbook: Callable[..., Path]) -> None:
    rows = [["file", "x", "y"], ["a", "both", None], ["b", None, None]]
    path = workbook(rows, lambda sheet: sheet.merge_cells("B2:C3"))
    assert [tuple(row.values()) for row in read_table(path).rows] == [("a", "both", ""), ("b", "both", "")]


def test_a_merged_cell_makes_no_rows_below_the_table(workbook: Callable[..., Path]) -> None:
    rows = [["file", "x"], ["a", "1"], ["b", None]]
    table = read_table(workbook(rows, lambda sheet: sheet.merge_cells("B2:B3000")))
    assert column(table, "x") == ["1", "1"]


def test_a_formula_is_its_stored_result_else_its_text(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for at, name in enumerate(["a", "b", "c"]):
        sheet.write(0, at, name)
    sheet.write_formula(1, 0, "=1+1", None, 2)
    sheet.write_formula(1, 1, '=CONCAT("x","y")', None, "xy")
    sheet.write_formula(1, 2, "=1/0", None, "#DIV/0!")
    book.close()
    table = read_table(path)
    assert tuple(table.rows[0].values()) == ("2", "xy", "#DIV/0!")
    assert any("C2" in note for note in table.notes)


def test_a_formula_without_a_result_is_shown_and_told(workbook: Callable[..., Path]) -> None:
    table = read_table(workbook([["a", "b"], ["x", '=A2&"y"']]))
    assert column(table, "b") == ['=A2&"y"']
    assert any("B2" in note for note in table.notes)


def test_control_characters_are_left_out_and_told(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "t.xlsx")
    sheet = book.add_worksheet()
    for row, cells in enumerate([["a", "b"], ["x\x02y", "line\nend"]]):
        for at, cell in enumerate(cells):
            sheet.write_string(row, at, cell)
    book.close()
    for path in (tmp_path / "t.xlsx", text_file(tmp_path, 'a,b\nx\x02\x00y,"line\nend"\n')):
        table = read_table(path)
        assert table.rows == ({"a": "xy", "b": "line\nend"},)
        assert any("A2" in note and "control" in note for note in table.notes)


# --- headers


def test_the_header_may_stand_below_a_title(workbook: Callable[..., Path]) -> None:
    path = workbook([["Table S1. All images"], [], ["File  NAME ", "Captions"], ["a", "b"], [], ["c", "d"]])
    table = read_table(path, needs=("File name", "Captions"))
    assert table.columns == ("File name", "Captions")
    assert column(table, "File name") == ["a", "c"]
    assert table.numbers == (4, 6)
    assert read_table(path).columns == ("File NAME", "Captions")


def test_double_and_missing_names_are_told(tmp_path: Path) -> None:
    table = read_table(text_file(tmp_path, "Age,Age,,Age,\n1,2,3,4,\n"))
    assert table.columns == ("Age", "Age (2)", "column C", "Age (3)")
    assert list(table.rows[0].values()) == ["1", "2", "3", "4"]
    assert sum("second" in note for note in table.notes) == 2


def test_a_missing_column_names_the_file_what_is_missing_and_what_is_there(tmp_path: Path) -> None:
    path = text_file(tmp_path, "File name,Text\na,b\n")
    with pytest.raises(DatasetError) as caught:
        read_table(path, needs=("File name", "Captions"))
    message = str(caught.value)
    assert str(path) in message and 'no column "Captions"' in message and '"Text"' in message


def test_the_sheet_with_the_needed_columns_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["read me", "first"])
    second = book.create_sheet("data")
    second.append(["File name", "Captions"])
    second.append(["a", "b"])
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx", needs=("File name", "Captions"))
    assert len(table.rows) == 1
    assert any('"data"' in note and '"Sheet"' in note for note in table.notes)


def test_rows_of_any_length_are_kept_whole(tmp_path: Path) -> None:
    table = read_table(text_file(tmp_path, "a,b\n1\n1,2,3\n"))
    assert [dict(row) for row in table.rows] == [
        {"a": "1", "b": "", "column C": ""},
        {"a": "1", "b": "2", "column C": "3"},
    ]


# --- kinds of text files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_text_files_of_any_encoding_and_separator(tmp_path: Path, encoding: str, separator: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n")
    writer.writerows(
        [["File name", "Captions"], ["ä°.png", "one, two; three"], ["b", 'a "word"\r\nand more']]
    )
    table = read_table(text_file(tmp_path, out.getvalue().encode(encoding)))
    assert table.columns == ("File name", "Captions")
    assert column(table, "File name") == ["ä°.png", "b"]
    assert column(table, "Captions") == ["one, two; three", 'a "word"\nand more']


def test_excels_own_separator_line_and_rows_are_counted_as_in_the_sheet(tmp_path: Path) -> None:
    table = read_table(text_file(tmp_path, "sep=;\na;b\n1,5;2\n\n3;4\n"))
    assert column(table, "a") == ["1,5", "3"]
    assert table.numbers == (3, 5)


def test_long_captions_are_read_whole(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    caption = "opacity, " * 60_000
    table = read_table(text_file(tmp_path, f'File name,Captions\na,"{caption}"\n'))
    assert table.rows[0]["Captions"] == caption
    assert csv.field_size_limit() == limit


def test_a_quote_left_open_is_told(tmp_path: Path) -> None:
    lines = "\n".join(f"{number},x" for number in range(400))
    table = read_table(text_file(tmp_path, f'a,b\n0,"x\n{lines}\n'))
    assert any("quote" in note and "row 2" in note for note in table.notes)


# --- size


def test_a_hundred_thousand_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet()
    for row in range(100_001):
        sheet.write_row(row, 0, ["File name", "Age"] if row == 0 else [f"f{row}", row % 90])
    book.close()
    table = read_table(path)
    assert len(table.rows) == 100_000
    assert dict(table.rows[-1]) == {"File name": "f100000", "Age": "10"}
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([table.columns, *(row.values() for row in table.rows)])
    assert read_table(tmp_path / "t.csv").rows == table.rows


def test_a_cell_at_the_far_corner_costs_nothing(workbook: Callable[..., Path]) -> None:
    def change(sheet: Sheet) -> None:
        sheet["XFD1048576"] = "here"

    table = read_table(workbook([["a", "b"], ["1", "2"]], change))
    assert [dict(row) for row in table.rows] == [{"a": "1", "b": "2"}]
    assert any("1,000" in note for note in table.notes)


# --- what is refused


def member(path: Path, name: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(name, content)
    return path


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = member(tmp_path / "t.xlsx", "xl/sharedStrings.xml", bytes(300 * 2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(DatasetError, match="unpacked it is 300 MB"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as .xlsx"),
        ("t.xls", b"a,b\n1,2\n", "save it as .xlsx"),
        (
            "t.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(6000) + "EncryptedPackage".encode("utf-16-le"),
            "password",
        ),
        ("t.xlsx", b"a,b\n1,2\n", "not a workbook"),
        ("t.xlsx", b"PK\x03\x04" + bytes(100), "damaged"),
        ("t.csv", b"", "empty"),
        ("t.csv", b"\n\n \n", "empty"),
        ("t.csv", b"%PDF-1.7\n", "not a table"),
        ("t.csv", bytes(range(256)) * 4 + bytes(100), "not a table"),
        ("t.csv", b"<!DOCTYPE html><html></html>", "web page"),
        ("t.docx", b"text", "not a kind of table"),
    ],
)
def test_what_is_no_table_is_refused_with_its_name(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = text_file(tmp_path, content, name)
    with pytest.raises(DatasetError, match=reason) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DatasetError, match="folder"):
        read_table(tmp_path)


def test_other_zip_files_and_broken_parts_are_refused(tmp_path: Path, workbook: Callable[..., Path]) -> None:
    with pytest.raises(DatasetError, match=r"not an \.xlsx workbook"):
        read_table(member(tmp_path / "other.xlsx", "xl/workbook.bin", b""))
    with pytest.raises(DatasetError, match="cannot be read"):
        read_table(member(tmp_path / "broken.xlsx", "xl/workbook.xml", b"<workbook"))
    with pytest.raises(DatasetError, match="empty"):
        read_table(workbook([]))


def test_a_protected_sheet_that_opens_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.security = WorkbookProtection(workbookPassword="secret", lockStructure=True)
    book.active.protection.enable()
    book.active.append(["a", "b"])
    book.active.append(["1", "2"])
    book.save(tmp_path / "t.xlsx")
    assert len(read_table(tmp_path / "t.xlsx").rows) == 1
