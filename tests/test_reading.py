"""An edited sheet read back: every table found by its header, every cell as it stands, or one clear line."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covidct_curate.columns import Kind, columns
from covidct_curate.errors import SheetError
from covidct_curate.review.csvs import guarded
from covidct_curate.review.reading import NEEDS, Edited, Line, read_sheet
from covidct_curate.tables import fold
from covidct_curate.tables.numberformat import exact

Sheet = openpyxl.worksheet.worksheet.Worksheet
Cells = Mapping[str, object]

KINDS: tuple[Kind, ...] = ("panels", "figures", "conflicts")
NAMES: dict[Kind, str] = {"panels": "MetaInfo", "figures": "figures", "conflicts": "conflicts"}
SHEET_XML = "xl/worksheets/sheet1.xml"


def names(kind: Kind) -> list[str]:
    return [column.name for column in columns(kind)]


def row(kind: Kind, number: int, **changed: object) -> dict[str, object]:
    """A row of which every cell is filled, and each differs."""
    cells: dict[str, object] = {
        column.name: number + 0.25 if column.number else f"{column.name} {number}" for column in columns(kind)
    }
    return cells | {"export": "e0", NEEDS[kind][1]: f"key{number}"} | changed


def write(
    path: Path, tables: Mapping[Kind, Sequence[Cells]], change: Callable[[Sheet], object] | None = None
) -> Path:
    """Tables as they are exported, and ``change`` let at the first sheet."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for kind, rows in tables.items():
        sheet = book.create_sheet(NAMES[kind])
        sheet.append(names(kind))
        for cells in rows:
            sheet.append([cells[name] for name in names(kind)])
    if change is not None:
        change(book.worksheets[0])
    book.save(path)
    return path


def panels(path: Path, change: Callable[[Sheet], object] | None = None, count: int = 3) -> Path:
    return write(path, {"panels": [row("panels", number) for number in range(1, count + 1)]}, change)


def with_shared_strings(path: Path) -> Path:
    """Three panels in a workbook whose texts lie in one part, as Excel writes them."""
    book = xlsxwriter.Workbook(path)
    table = book.add_worksheet("MetaInfo")
    table.write_row(0, 0, names("panels"))
    for number in (1, 2, 3):
        table.write_row(number, 0, row("panels", number).values())
    book.close()
    return path


def text(value: object) -> str:
    return str(value)


def keys(lines: Sequence[Line]) -> list[str]:
    return [line.cells["uid"] for line in lines]


def at(name: str, number: int) -> str:
    """The address of a panel's cell: the third row is number 2."""
    return f"{openpyxl.utils.get_column_letter(names('panels').index(name) + 1)}{number + 1}"


@pytest.fixture
def sheet(tmp_path: Path) -> Iterator[Path]:
    """A path in a folder in which nothing else may come to lie."""
    yield tmp_path / "t.xlsx"
    assert [each.name for each in tmp_path.iterdir()] in ([], ["t.xlsx"])


# --- what is read


def test_all_tables_come_back_as_they_were_written(sheet: Path) -> None:
    written = {kind: [row(kind, number) for number in (1, 2)] for kind in KINDS}
    edited = read_sheet(write(sheet, written))
    assert edited.path == sheet and edited.notes == ()
    for kind, lines in zip(KINDS, (edited.panels, edited.figures, edited.conflicts), strict=True):
        assert [dict(line.cells) for line in lines] == [
            {name: text(value) for name, value in cells.items()} for cells in written[kind]
        ]
        assert [(line.sheet, line.number, line.dates) for line in lines] == [
            (NAMES[kind], 2, frozenset()),
            (NAMES[kind], 3, frozenset()),
        ]


def test_shared_strings_with_formats_and_readings_are_plain_text(sheet: Path) -> None:
    rich = b"<si><r><t>Age</t></r><r><rPr><b/></rPr><t> 1</t></r><rPh sb='0' eb='1'><t>kana</t></rPh></si>"
    rewrite(
        with_shared_strings(sheet),
        "xl/sharedStrings.xml",
        lambda xml: xml.replace(b"<si><t>Age 1</t></si>", rich),
    )
    assert [line.cells["Age"] for line in read_sheet(sheet).panels] == ["Age 1", "Age 2", "Age 3"]


def test_names_of_columns_differ_when_folded() -> None:
    for kind in KINDS:
        assert len({fold(name) for name in names(kind)}) == len(names(kind))
        assert set(NEEDS[kind]) <= set(names(kind))


def test_a_cell_is_told_by_its_address(sheet: Path) -> None:
    line = read_sheet(panels(sheet)).panels[1]
    assert line.place("Age") == "MetaInfo!C3"
    assert line.letters["uid"] == at("uid", 2)[:-1]
    assert Line("my sheet's", 7, {}, {"Age": "C"}, frozenset()).place("Age") == "'my sheet''s'!C7"
    assert Line("MetaInfo", 7, {}, {}, frozenset()).place("Age") == "MetaInfo, row 7, column Age"
    assert Line("", 7, {}, {"Age": "C"}, frozenset()).place("Age") == "row 7, column Age"


def test_text_is_kept_to_the_letter(sheet: Path) -> None:
    odd = [
        "007",
        "2020.10",
        "=1+1",
        "'tis",
        "_x0041_",
        "_x005F_",
        "x005F_",
        " a\n b ",
        "3-5",
        "1e5",
        "nan",
        "TRUE",
    ]
    book = xlsxwriter.Workbook(sheet, {"strings_to_formulas": False, "strings_to_numbers": False})
    table = book.add_worksheet("t")
    for number, name in enumerate(NEEDS["panels"] + ("note",)):
        table.write_string(0, number, name)
    for number, each in enumerate(odd, 1):
        for column, cell in enumerate(["", f"u{number}", "e0", each]):
            table.write_string(number, column, cell)
    book.close()
    assert [line.cells["note"] for line in read_sheet(sheet).panels] == odd


@given(
    notes=st.lists(
        st.text(
            st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("_x05Fé\n,;\"'="),
            max_size=30,
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back(tmp_path: Path, notes: list[str]) -> None:
    rows = [["", f"u{number}", "e0", note] for number, note in enumerate(notes)]
    header = [*NEEDS["panels"], "note"]
    with (tmp_path / "t.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *([guarded(cell) for cell in cells] for cells in rows)])
    book = xlsxwriter.Workbook(tmp_path / "t.xlsx", {"strings_to_formulas": False, "strings_to_urls": False})
    table = book.add_worksheet()
    for number, cells in enumerate([header, *rows]):
        for column, cell in enumerate(cells):
            table.write_string(number, column, cell)
    book.close()
    for name in ("t.csv", "t.xlsx"):
        assert [line.cells["note"] for line in read_sheet(tmp_path / name).panels] == notes


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (45, "General", "45"),
        (45.0, "0.00", "45"),
        (0.83, "General", "0.83"),
        (0.8312345, "0.00", "0.8312345"),
        (1 / 3, "0.0", "0.3333333333333333"),
        (1e-5, "General", "0.00001"),
        (-0.0, "General", "0"),
        (7, "000", "7"),
        (2020.1, "0.00", "2020.1"),
        (0.5, "0%", "0.5"),
        (1e300, "General", "1e+300"),
        (True, "General", "TRUE"),
    ],
)
def test_numbers_have_all_their_digits(sheet: Path, value: float, code: str, shown: str) -> None:
    def change(table: Sheet) -> None:
        table[at("Age", 1)] = value
        table[at("Age", 1)].number_format = code

    assert read_sheet(panels(sheet, change)).panels[0].cells["Age"] == shown
    assert exact(value, code) == shown


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (datetime(2020, 2, 11), "yyyy-mm-dd", "2020-02-11"),
        (datetime(2020, 2, 11), "d/m/yyyy", "2020-02-11"),
        (datetime(2020, 2, 11, 15, 4), "d/m/yyyy", "2020-02-11"),
        (datetime(2020, 2, 11, 15, 4), "d/m/yyyy h:mm", "2020-02-11 15:04:00"),
        (datetime(2026, 10, 20), "d-mmm", "20-Oct"),
        (datetime(2020, 2, 1), "mmm-yy", "Feb-20"),
        (time(8, 5), "h:mm", "8:05"),
    ],
)
def test_dates_are_told_from_text(sheet: Path, value: object, code: str, shown: str) -> None:
    def change(table: Sheet) -> None:
        table[at("Time", 1)] = value
        table[at("Time", 1)].number_format = code

    edited = read_sheet(panels(sheet, change))
    assert edited.panels[0].cells["Time"] == shown
    assert [line.dates for line in edited.panels] == [{"Time"}, frozenset(), frozenset()]
    assert edited.notes == ()


@pytest.mark.parametrize(
    ("part", "old", "new", "shown"),
    [
        ("xl/workbook.xml", b"<workbookPr/>", b'<workbookPr date1904="1"/>', "2024-02-12"),
        ("xl/styles.xml", b'numFmtId="14"', b'numFmtId="31"', "2020-02-11"),
        ("xl/styles.xml", b'numFmtId="14"', b'numFmtId="46"', "43872 days, 0:00:00"),
        (SHEET_XML, b't="n"><v>43872</v>', b't="d"><v>2020-02-11T00:00:00</v>', "2020-02-11"),
    ],
)
def test_other_ways_to_store_a_date(sheet: Path, part: str, old: bytes, new: bytes, shown: str) -> None:
    def change(table: Sheet) -> None:
        table[at("Time", 1)] = datetime(2020, 2, 11)
        table[at("Time", 1)].number_format = "mm-dd-yy"

    rewrite(panels(sheet, change), part, lambda xml: xml.replace(old, new))
    line = read_sheet(sheet).panels[0]
    assert line.cells["Time"] == shown
    assert line.dates == {"Time"}


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: re.sub(rb"<(/?)(?=[a-z])", rb"<\1x:", xml).replace(b" xmlns=", b" xmlns:x="),
        lambda xml: xml.decode().encode("utf-16"),
    ],
)
def test_other_dialects_of_the_format(sheet: Path, change: Callable[[bytes], bytes]) -> None:
    def plain(xml: bytes) -> bytes:
        return change(re.sub(rb"^<\?xml.*?\?>\s*", b"", xml))

    expected = read_sheet(with_shared_strings(sheet)).panels
    for part in (SHEET_XML, "xl/sharedStrings.xml", "xl/styles.xml"):
        rewrite(sheet, part, plain)
    assert read_sheet(sheet).panels == expected


def test_sorted_hidden_filtered_deleted_and_inserted_rows(sheet: Path) -> None:
    def change(table: Sheet) -> None:
        table.auto_filter.ref = "A1:AH5"
        table.auto_filter.add_filter_column(1, ["nothing"])
        for number in (2, 3):
            table.row_dimensions[number].hidden = True
        table.column_dimensions["C"].hidden = True
        table.delete_rows(4)
        table.insert_rows(3, 2)
        table.move_range(f"A2:{at('export', 1)}", rows=8)
        table["BA3"] = "my own remark"

    edited = read_sheet(panels(sheet, change, count=4))
    assert keys(edited.panels) == ["key2", "key4", "key1"]
    assert [line.number for line in edited.panels] == [5, 6, 10]
    assert edited.panels[2].place("Age") == "MetaInfo!C10"


def test_a_header_moved_down_its_columns_shuffled_and_renamed_in_case(sheet: Path) -> None:
    order = [*reversed(names("panels")), "my own"]
    book = openpyxl.Workbook()
    table = book.active
    table.title = "Übersicht 2"
    for _ in range(2):
        table.append(["Reviewed by me"])
        table.append([])
    table.append([])
    table.append([name.upper().replace(" ", "  ") for name in order])
    cells = row("panels", 1)
    table.append([cells.get(name, "mine") for name in order])
    book.save(sheet)
    (line,) = read_sheet(sheet).panels
    assert line.cells == {name: text(value) for name, value in cells.items()}
    assert line.number == 7
    assert line.place("export") == "'Übersicht 2'!A7"


def test_a_header_sorted_along_with_its_rows(sheet: Path) -> None:
    def change(table: Sheet) -> None:
        rows = [[cell.value for cell in cells] for cells in table.iter_rows()]
        table.delete_rows(1, len(rows))
        for cells in [["a title"], *rows[1:3], rows[0], rows[3]]:
            table.append(cells)

    edited = read_sheet(panels(sheet, change))
    assert keys(edited.panels) == ["key1", "key2", "key3"]
    assert [line.number for line in edited.panels] == [2, 3, 5]
    assert edited.notes == ("MetaInfo: rows 2, 3: above the header (row 4), read like the others",)


def test_tables_one_under_another_are_all_read(sheet: Path) -> None:
    def change(table: Sheet) -> None:
        table.append(names("panels"))
        table.append(list(row("panels", 8).values()))
        table.append(list(reversed(names("panels"))))
        table.append(list(reversed(row("panels", 9).values())))
        table.append(names("figures"))
        table.append(list(row("figures", 5).values()))

    edited = read_sheet(panels(sheet, change))
    assert keys(edited.panels) == ["key1", "key2", "key3", "key8", "key9"]
    assert edited.panels[-1].cells == {name: text(value) for name, value in row("panels", 9).items()}
    assert keys(edited.figures) == ["key5"]
    assert edited.notes == ("2 tables of panels (MetaInfo); all were read",)


def test_two_sheets_of_one_kind_are_both_read_and_others_left_alone(sheet: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["read me", "keep yes or no"])
    for number, name in enumerate(("of Ann", "of Ben"), 1):
        table = book.create_sheet(name)
        table.append(names("panels"))
        table.append(list(row("panels", number).values()))
    lists = book.create_sheet("lists")
    lists.sheet_state = "hidden"
    lists.append(["keep", "modality", "finding", "Gender", "choose"])
    book.save(sheet)
    edited = read_sheet(sheet)
    assert keys(edited.panels) == ["key1", "key2"]
    assert edited.notes == ("2 tables of panels (of Ann, of Ben); all were read",)


def test_a_column_named_twice_is_told(sheet: Path) -> None:
    def change(table: Sheet) -> None:
        table["BA1"], table["BA2"] = "AGE", "other"

    edited = read_sheet(panels(sheet, change))
    assert edited.panels[0].cells["Age"] == "Age 1"
    assert edited.notes == ('MetaInfo: row 1: columns C, BA are all "Age"; C was read',)


def test_merged_cells_are_told(sheet: Path) -> None:
    def change(table: Sheet) -> None:
        table.merge_cells("C2:C4")
        table.merge_cells("E3:G3")

    edited = read_sheet(panels(sheet, change))
    assert [line.cells["Age"] for line in edited.panels] == ["Age 1"] * 3
    assert [line.cells["Time"] for line in edited.panels] == ["Time 1", "", "Time 3"]
    assert edited.notes == (
        "MetaInfo: C2:C4: merged cells, whose text stands in each of their rows",
        "MetaInfo: E3:G3: merged over columns, so that all but the first count as blank",
    )


def test_formulas_are_their_results_else_told(sheet: Path) -> None:
    book = xlsxwriter.Workbook(sheet)
    table = book.add_worksheet("t")
    for number, name in enumerate((*NEEDS["panels"], "Age", "note", "Time")):
        table.write_string(0, number, name)
    table.write_row(1, 0, ["yes", "u1", "e0"])
    table.write_formula("D2", "=40+5", None, 45)
    table.write_formula("E2", '=IF(1,"","x")', None, "nothing")
    table.write_formula("F2", "=1/0", None, "#DIV/0!")
    book.close()
    rewrite(sheet, SHEET_XML, lambda xml: xml.replace(b"nothing", b""))
    edited = read_sheet(sheet)
    assert dict(edited.panels[0].cells) == {
        "keep": "yes", "uid": "u1", "export": "e0", "Age": "45", "note": '=IF(1,"","x")', "Time": "#DIV/0!",
    }  # fmt: skip
    assert edited.notes == (
        "t: F2: a formula that failed",
        "t: E2: formulas without a stored result, shown as formulas",
    )

    def change(table: Sheet) -> None:
        table["C3"] = "=40+5"

    edited = read_sheet(panels(sheet, change))
    assert edited.panels[1].cells["Age"] == "=40+5"
    assert edited.notes == ("MetaInfo: C3: formulas without a stored result, shown as formulas",)


def test_a_shared_formula_without_a_result_is_shown_in_its_own_words(sheet: Path) -> None:
    master = b'<c r="C2"><f t="shared" ref="C2:C3" si="0">B2+1</f></c>'
    rewrite(panels(sheet), SHEET_XML, lambda xml: re.sub(rb'<c r="C2".*?</c>', master, xml))
    rewrite(
        sheet,
        SHEET_XML,
        lambda xml: re.sub(rb'<c r="C3".*?</c>', b'<c r="C3"><f t="shared" si="0"/></c>', xml),
    )
    assert [line.cells["Age"] for line in read_sheet(sheet).panels] == ["=B2+1", "=B3+1", "Age 3"]


# --- columns that are gone


def test_columns_that_were_removed_are_absent(sheet: Path) -> None:
    edited = read_sheet(panels(sheet, lambda table: table.delete_cols(names("panels").index("Age") + 1)))
    assert "Age" not in edited.panels[0].cells and "Age" not in edited.panels[0].letters
    assert edited.panels[0].cells["Gender"] == "Gender 1"


@pytest.mark.parametrize("name", ["uid", "export", "keep"])
def test_without_a_needed_column_there_is_no_table(sheet: Path, name: str) -> None:
    panels(sheet, lambda table: table.delete_cols(names("panels").index(name) + 1))
    with pytest.raises(
        SheetError, match=f'"MetaInfo" has no header with the column {name}; export again'
    ) as caught:
        read_sheet(sheet)
    assert str(caught.value).startswith(f"{sheet}: ")


def test_a_sheet_that_lost_its_columns_is_told_beside_one_that_has_them(sheet: Path) -> None:
    def change(table: Sheet) -> None:
        table.delete_cols(names("panels").index("keep") + 1)

    edited = read_sheet(write(sheet, {"panels": [row("panels", 1)], "figures": [row("figures", 1)]}, change))
    assert edited.panels == () and keys(edited.figures) == ["key1"]
    assert edited.notes == (
        "MetaInfo: not read, for it has no header with the column keep; bring it back as exported",
    )


def test_a_workbook_of_other_things_or_of_nothing(sheet: Path) -> None:
    book = openpyxl.Workbook()
    book.save(sheet)
    with pytest.raises(SheetError, match="nothing is written in it"):
        read_sheet(sheet)
    book.active.append(["File name", "Captions"])
    book.save(sheet)
    with pytest.raises(SheetError, match="no header with the columns keep, uid and export"):
        read_sheet(sheet)
    for number in range(60):
        book.active.append([number])
    book.active.append(names("panels"))
    book.save(sheet)
    with pytest.raises(SheetError, match="first 50 rows"):
        read_sheet(sheet)


# --- CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_of_any_country(tmp_path: Path, separator: str, encoding: str) -> None:
    cells = row("panels", 1, Location="Zürich", note="=1+1", Captions='one; two, "three"\nfour') | {
        "Age": "007"
    }
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerows([names("panels"), [guarded(text(cell)) for cell in cells.values()], [""] * 5])
    path = tmp_path / "t.csv"
    path.write_bytes(out.getvalue().encode(encoding))
    edited = read_sheet(path)
    assert [dict(line.cells) for line in edited.panels] == [
        {name: text(cell) for name, cell in cells.items()}
    ]
    assert edited.panels[0].place("Age") == "row 2, column Age"
    assert len(edited.notes) == (encoding == "cp1252")


def test_csv_of_figures_and_of_other_things(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("uid,panels,export\n'007,\"'0,0,9,9\",e0\n")
    assert [dict(line.cells) for line in read_sheet(path).figures] == [
        {"uid": "007", "panels": "0,0,9,9", "export": "e0"}
    ]
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SheetError, match="it has no header with the columns keep, uid and export"):
        read_sheet(path)


def test_a_workbook_called_csv_is_read_and_a_csv_called_xlsx_refused(tmp_path: Path) -> None:
    panels(tmp_path / "t.xlsx").rename(tmp_path / "t.csv")
    assert keys(read_sheet(tmp_path / "t.csv").panels) == ["key1", "key2", "key3"]
    (tmp_path / "t.xlsx").write_text("keep,uid,export\nyes,u1,e0\n")
    with pytest.raises(SheetError, match="not a workbook, whatever its name says"):
        read_sheet(tmp_path / "t.xlsx")


# --- what is survived or refused


def rewrite(path: Path, name: str, change: Callable[[bytes], bytes], *more: tuple[str, bytes]) -> Path:
    """The workbook with one part changed, and more parts."""
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in [*parts.items(), *more]:
            archive.writestr(each, change(content) if each == name else content)
    return path


def refused(path: Path, reason: str) -> None:
    with pytest.raises(SheetError, match=reason) as caught:
        read_sheet(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_a_gigabyte_in_a_small_file_is_not_unpacked(sheet: Path) -> None:
    panels(sheet)
    with (
        zipfile.ZipFile(sheet, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/media/image1.png", "w", force_zip64=True) as member,
    ):
        for _ in range(1024):
            member.write(bytes(2**20))
    assert sheet.stat().st_size < 8 * 2**20
    refused(sheet, "unpacked it is 1,024 MB")


def test_a_part_that_says_it_is_smaller_than_it_is(sheet: Path) -> None:
    bomb = b"<worksheet>" + b" " * (8 * 2**20)
    size = len(bomb).to_bytes(4, "little")
    rewrite(panels(sheet), SHEET_XML, lambda _: bomb)
    content = sheet.read_bytes()
    assert content.count(size) == 2
    sheet.write_bytes(content.replace(size, (1000).to_bytes(4, "little")))
    refused(sheet, "damaged")


@pytest.mark.parametrize("part", ["xl/sharedStrings.xml", SHEET_XML, "xl/workbook.xml", "xl/styles.xml"])
@pytest.mark.parametrize(
    "entity", ['<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">', '<!ENTITY b SYSTEM "file:///etc/passwd">']
)
def test_entities_are_refused(sheet: Path, part: str, entity: str) -> None:
    doctype = f"<!DOCTYPE x [{entity}]>".encode()
    rewrite(with_shared_strings(sheet), part, lambda xml: doctype + re.sub(rb"^<\?xml.*?\?>", b"", xml))
    refused(sheet, "document type declaration")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("before", ["", "<!-- > -->", f"<!--{'x' * 5000}-->", "<?x ?>" * 500])
def test_entities_are_refused_however_they_are_hidden(sheet: Path, encoding: str, before: str) -> None:
    doctype = f'{before}<!DOCTYPE x [<!ENTITY a "{"ha" * 100}">]>'
    for code in ("utf-8", encoding):
        rewrite(panels(sheet), SHEET_XML, lambda xml, to=code: (doctype + xml.decode()).encode(to))
        refused(sheet, "document type declaration")


def test_a_workbook_in_the_strict_dialect_is_refused(sheet: Path) -> None:
    strict = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
    usual = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rewrite(panels(sheet), SHEET_XML, lambda xml: xml.replace(usual, strict))
    refused(sheet, 'saved as "Strict Open XML"; save it as an ordinary .xlsx workbook')


def test_macros_and_links_to_other_files_are_left_alone(tmp_path: Path) -> None:
    path = panels(tmp_path / "t.xlsm")
    link = b'<Relationship Id="rId99" Type="http://x/worksheet" Target="file:///etc/passwd" TargetMode="External"/>'
    rewrite(
        path,
        "xl/_rels/workbook.xml.rels",
        lambda xml: xml.replace(b"</Relationships>", link + b"</Relationships>"),
        ("xl/vbaProject.bin", b"macro"),
        ("xl/externalLinks/externalLink1.xml", b"<broken"),
    )
    named = b'<sheet xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" name="x" sheetId="99" r:id="rId99"/>'
    rewrite(path, "xl/workbook.xml", lambda xml: xml.replace(b"</sheets>", named + b"</sheets>"))
    assert keys(read_sheet(path).panels) == ["key1", "key2", "key3"]
    assert [each.name for each in tmp_path.iterdir()] == ["t.xlsm"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (
            "t.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9) + "EncryptedPackage".encode("utf-16-le"),
            "password",
        ),
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as .xlsx"),
        ("t.ods", b"PK\x03\x04", "save it as .xlsx"),
        ("t.xlsx", b"", "not a workbook"),
        ("t.csv", b"", "empty"),
        ("t.csv", b"<html></html>", "web page"),
        ("t.csv", b"%PDF-1.7", "not a table"),
        ("t.docx", b"x", "not a kind of table"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, reason)


def test_missing_files_folders_and_broken_workbooks_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.xlsx", "No such file")
    refused(tmp_path, "folder")
    path = panels(tmp_path / "t.xlsx")
    content = path.read_bytes()
    for length in range(4, len(content), len(content) // 20):
        path.write_bytes(content[:length])
        refused(path, "damaged")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    refused(path, "not an .xlsx workbook")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'<row r="2"', b'<row r="99999999999"'),
        (b'<row r="2"', b'<row r="two"'),
        (b'r="C2"', b'r="ZZZZ2"'),
        (b'r="C2"', b'r="?"'),
        (b"<v>0</v>", b"<v>9999</v>"),
        (b"</sheetData>", b""),
        (b"</sheetData>", b'<row r="9"><c r="A9" t="d"><v>soon</v></c></row></sheetData>'),
        (b"</sheetData>", b'<row><c r="XFD9"/></row>' * 4100 + b"</sheetData>"),
    ],
)
def test_sheets_that_make_no_sense_are_refused(sheet: Path, old: bytes, new: bytes) -> None:
    rewrite(with_shared_strings(sheet), SHEET_XML, lambda xml: xml.replace(old, new))
    refused(sheet, "cannot be read .*save it again as .xlsx")


def test_many_rows_and_all_columns_with_a_format_but_no_content(sheet: Path) -> None:
    def blank(rows: range, letters: list[str]) -> bytes:
        cells = [f'<c r="{each}%d" s="0"/>' for each in letters]
        return "".join(
            f'<row r="{number}">{"".join(cells) % ((number,) * len(cells))}</row>' for number in rows
        ).encode()

    wide = [openpyxl.utils.get_column_letter(number) for number in range(1, 16_385)]
    filler = blank(range(5, 10), wide) + blank(range(10, 100_000), ["A"])
    rewrite(panels(sheet), SHEET_XML, lambda xml: xml.replace(b"</sheetData>", filler + b"</sheetData>"))
    assert keys(read_sheet(sheet).panels) == ["key1", "key2", "key3"]


def test_blank_cells_before_cells_without_an_address_keep_them_in_place(sheet: Path) -> None:
    cells = b'<row r="2"><c r="A2" s="0"/><c r="B2" s="0"/><c t="inlineStr"><is><t>45</t></is></c>'
    rewrite(
        panels(sheet), SHEET_XML, lambda xml: re.sub(rb'<row r="2".*?(?=<c r="D2")', cells, xml, flags=re.S)
    )
    line = read_sheet(sheet).panels[0]
    assert (line.cells["File name"], line.cells["Patient ID"], line.cells["Age"]) == ("", "", "45")


def test_many_rows_with_long_captions(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    book = xlsxwriter.Workbook(path)
    for kind, count in (("panels", 2000), ("figures", 700)):
        table = book.add_worksheet(NAMES[kind])
        table.write_row(0, 0, names(kind))
        for number in range(1, count + 1):
            table.write_row(
                number, 0, row(kind, number, caption="word " * 300, Captions="word " * 300).values()
            )
    book.close()
    edited = read_sheet(path)
    assert isinstance(edited, Edited)
    assert (len(edited.panels), len(edited.figures)) == (2000, 700)
