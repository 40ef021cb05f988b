"""Workbooks, read back with openpyxl."""

import hashlib
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet
from PIL import Image

from covidct_curate.columns import columns
from covidct_curate.errors import SheetError
from covidct_curate.review import workbook as writer
from covidct_curate.review.output import cell_text
from covidct_curate.review.table import Book, Row, Tone, Value
from covidct_curate.review.workbook import write_workbook

NAMES = [column.name for column in columns()]
WORDS = {"finding": ("covid", "non-covid", "uncertain", "=1")}


def read(path: Path) -> Worksheet:
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert isinstance(sheet, Worksheet)
    return sheet


def picture(path: Path, mode: str = "L", size: tuple[int, int] = (300, 200)) -> Path:
    Image.new(mode, size).save(path)
    return path


def row(name: str, shown: Path | None = None, tones: dict[str, Tone] | None = None, **cells: Value) -> Row:
    """A row with these cells, by their columns, with _ for a space."""
    named = {column.replace("_", " "): value for column, value in cells.items()}
    return Row(name, {"File name": name, **named}, tones=tones or {}, picture=shown)


def whole(folder: Path) -> Book:
    """A book with something of everything."""
    shown = picture(folder / "a.png")
    tones: dict[str, Tone] = {"Age": "doubtful", "keep": "changed", "finding": "conflict"}
    link = "https://doi.org/10.1101/x"
    panels = (
        row("a.png", shown, tones, uid="0" * 16, keep="yes", Age="40s", link=link, confidence=0.5),
        row("b.png", shown, uid="1" * 16, modality="ct", Captions="=1+1"),
    )
    figure = Row("f" * 16, {"File name": "f.png", "uid": "f" * 16}, picture=shown, boxes=((0, 0, 150, 200),))
    return Book(panels, (figure,), (row("a.png", shown, conflict="7"),), words=WORDS)


def saved_again(path: Path) -> Path:
    """The workbook after openpyxl read and wrote it."""
    book = openpyxl.load_workbook(path)
    book.save(path.with_name("again.xlsx"))
    book.close()
    return path.with_name("again.xlsx")


@pytest.fixture(params=["written", "saved again"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Workbook:
    """`whole` as it was written, and after openpyxl saved it."""
    path = tmp_path / "m.xlsx"
    write_workbook(whole(tmp_path), path)
    return openpyxl.load_workbook(path if request.param == "written" else saved_again(path))


def column(sheet: Worksheet, name: str) -> str:
    """The letters of a column."""
    return next(str(cell.column_letter) for cell in sheet[1] if cell.value == name)


def test_the_sheets_and_their_columns(book: Workbook) -> None:
    assert book.sheetnames == ["MetaInfo", "figures", "conflicts", "read me", "lists"]
    assert [book[name].sheet_state for name in book.sheetnames] == [*["visible"] * 4, "hidden"]
    for name, kind in (("MetaInfo", "panels"), ("figures", "figures"), ("conflicts", "conflicts")):
        sheet = book[name]
        shown = columns(kind)
        assert [cell.value for cell in sheet[1]] == [each.name for each in shown]
        last = sheet.cell(1, len(shown)).column_letter
        assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", f"A1:{last}{sheet.max_row}")
        assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
        assert sheet.print_title_rows == "$1:$1" and sheet.page_setup.fitToHeight == 0
        grounds = [cell.fill.fgColor.rgb for cell in sheet[1]]
        assert len({ground for ground, each in zip(grounds, shown, strict=True) if each.editable}) == 1
        assert len(set(grounds)) == 2


def test_the_columns_that_name_rows_are_hidden_text(book: Workbook) -> None:
    hidden = {
        "MetaInfo": ["uid", "export"],
        "figures": ["uid", "export"],
        "conflicts": ["conflict", "export"],
    }
    told = set()
    for name, names in hidden.items():
        sheet = book[name]
        spans = [(each.min, each.max) for each in sheet.column_dimensions.values() if each.hidden]
        assert [
            cell.value for cell in sheet[1] if any(first <= cell.column <= last for first, last in spans)
        ] == names
        for each in names:
            cell = sheet[f"{column(sheet, each)}2"]
            assert (cell.data_type, cell.number_format) == ("s", "@")
            told.add(cell.value)
    assert {"0" * 16, "f" * 16, "7"} < told and len(told) == 4  # and one export


def test_drop_downs_and_messages_cover_all_rows(book: Workbook) -> None:
    lists = book["lists"]
    expected = {
        "MetaInfo": {"Gender", "keep", "modality", "finding", "RT-PCR", "ICU"},
        "figures": {"figure"},
        "conflicts": {"choose"},
    }
    told = {"MetaInfo": {"keep"}, "figures": {"figure", "panels"}, "conflicts": {"choose"}}
    for name, names in expected.items():
        sheet = book[name]
        found = {
            sheet.cell(1, min(each.sqref.ranges, key=str).min_col).value: each
            for each in sheet.data_validations.dataValidation
        }
        assert {key for key, each in found.items() if each.type == "list"} == names
        assert {key for key, each in found.items() if each.prompt} == told[name]
        for key, each in found.items():
            letter = column(sheet, str(key))
            rows = f"{letter}2:{letter}{sheet.max_row}" if sheet.max_row > 2 else f"{letter}2"
            assert str(each.sqref) == rows
            if each.type == "list":
                assert each.errorStyle in (None, "stop") and each.allow_blank and each.showErrorMessage
                assert each.formula1.startswith("lists!$")
                words = [cell.value for (cell,) in lists[each.formula1.removeprefix("lists!")]]
                values = next(
                    c.values for k in ("panels", "figures", "conflicts") for c in columns(k) if c.name == key
                )
                assert tuple(words) == (values or WORDS["finding"])


def test_colours(book: Workbook) -> None:
    sheet = book["MetaInfo"]
    ground = {
        name: [sheet[f"{column(sheet, name)}{line}"].fill.fgColor.rgb for line in (2, 3)]
        for name in ("File name", "Age", "keep", "finding", "note", "evidence", "link", "confidence")
    }
    white, grey = ground["note"][0], ground["evidence"][0]
    assert white == "FFFFFFFF" != grey
    assert {name: each[1] for name, each in ground.items()} == {
        "File name": grey, "Age": white, "keep": white, "finding": white, "note": white,
        "evidence": grey, "link": grey, "confidence": grey,
    }  # fmt: skip
    assert len({ground["Age"][0], ground["keep"][0], ground["finding"][0], white, grey}) == 5
    legend = [
        cell.fill.fgColor.rgb for cell in book["read me"]["A"] if cell.value in ("amber", "green", "red")
    ]
    assert sorted(legend) == sorted(ground[name][0] for name in ("Age", "keep", "finding"))


def test_pictures_stay_in_their_cells(book: Workbook) -> None:
    for name, rows, side in (("MetaInfo", [1, 2], 120), ("figures", [1], 220), ("conflicts", [1], 120)):
        images = book[name]._images
        assert [image.anchor._from.row for image in images] == rows
        for image in images:
            anchor = image.anchor
            assert anchor.editAs in (None, "twoCell")  # both: "move and size with cells"
            assert (anchor.to.row, anchor.to.col, anchor._from.col) == (anchor._from.row, 0, 0)
            assert max(image.width, image.height) == side


def test_a_dois_page_is_a_link_and_nothing_else_is(book: Workbook) -> None:
    links = {
        (sheet.title, cell.coordinate): cell.hyperlink.target
        for sheet in book.worksheets for line in sheet.iter_rows() for cell in line if cell.hyperlink
    }  # fmt: skip
    sheet = book["MetaInfo"]
    place = f"{column(sheet, 'link')}2"
    assert links == {("MetaInfo", place): "https://doi.org/10.1101/x"}
    assert sheet[place].value == "https://doi.org/10.1101/x"


def test_read_me_tells_what_the_file_is(book: Workbook, tmp_path: Path) -> None:
    told = [(line[0].value or "", line[1].value or "") for line in book["read me"].iter_rows(max_col=2)]
    texts = " ".join(text for _, text in told)
    assert "curate sheet import FILE --reviewer NAME" in texts and "2x3" in texts
    export = book["MetaInfo"][f"{column(book['MetaInfo'], 'export')}2"].value
    assert told[-4:] == [("export", export), ("pictures", "2"), ("figures", "1"), ("conflicts", "1")]


def test_a_picture_goes_below_its_name_in_rows_of_one_height(tmp_path: Path) -> None:
    names = ["a.png", "long " * 10, "very long " * 60]
    shown = picture(tmp_path / "a.png", size=(100, 300))
    write_workbook(Book(tuple(row(name, shown) for name in names)), tmp_path / "m.xlsx")
    sheet = read(tmp_path / "m.xlsx")
    heights = {sheet.row_dimensions[line].height for line in (2, 3, 4)}
    assert len(heights) == 1
    tops = [image.anchor._from.rowOff for image in sheet._images]
    assert tops[0] < tops[1] < tops[2]
    assert [image.anchor.to.row for image in sheet._images] == [1, 2, 3]


def test_pictures_of_many_rows_are_not_too_far_down_for_libreoffice(tmp_path: Path) -> None:
    shown = picture(tmp_path / "a.png", size=(300, 300))
    rows = tuple(row(("long " * 20 if number % 9 else "a.png"), shown) for number in range(2000))
    write_workbook(Book(rows, rows), tmp_path / "m.xlsx")
    book = openpyxl.load_workbook(tmp_path / "m.xlsx")
    for name in ("MetaInfo", "figures"):
        sheet = book[name]
        heights = [sheet.row_dimensions[line].height for line in range(1, 2002)]
        assert len(set(heights[1:])) == 1 and sum(heights) * 12_700 < 2**31
        images = [image.anchor for image in sheet._images]
        assert [(image._from.row, image.to.row) for image in images] == [(at, at) for at in range(1, 2001)]


def test_a_picture_that_cannot_be_read_costs_only_its_thumbnail(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    rows = (row("text.png", tmp_path / "text.png"), row("none"), row("a.png", picture(tmp_path / "a.png")))
    write_workbook(Book(rows), tmp_path / "m.xlsx")
    sheet = read(tmp_path / "m.xlsx")
    assert [image.anchor._from.row for image in sheet._images] == [3]
    assert [cell.value for cell in sheet["A"]] == ["File name", "text.png", "none", "a.png"]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "=HYPERLINK(\"http://a.b\",\"c\")", "+1", "-1", "@SUM(A1)", "{=1}", "http://a.b/c", "mailto:a@b.c",
     "internal:Sheet!A1", "2020.10", "007", "1e5", "TRUE", "_x0041_", "a\nb", " a ", "<b>&amp;</b>", "'quoted",
     "肺 🫁"],
)  # fmt: skip
def test_text_stays_text(tmp_path: Path, text: str) -> None:
    shown = row(text, Age=text, Captions=text, link=text, uid=text)
    write_workbook(Book((shown,), words={"finding": (text,)}), tmp_path / "m.xlsx")
    sheet = read(tmp_path / "m.xlsx")
    for name in ("File name", "Age", "Captions", "link", "uid"):
        cell = sheet[f"{column(sheet, name)}2"]
        assert (cell.value, cell.data_type, cell.number_format, cell.hyperlink) == (text, "s", "@", None)
        assert cell.quotePrefix == (text[0] in "=+-@'")


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("https://doi.org/10.1101/x", "https://doi.org/10.1101/x"),
        (
            "https://doi.org/10.1002/(SICI)1<1::A>3.0.CO;2-2",
            "https://doi.org/10.1002/(SICI)1%3c1::A%3e3.0.CO;2-2",
        ),
        ("https://doi.org/10.1101/" + "x" * 2050, "https://doi.org/10.1101/" + "x" * 2050),
        ("https://doi.org/10.1101/" + "x" * 2080, None),
        ("https://doi.org/10.1101/a b", None),
        ("https://doi.org/x", None),
        ("http://doi.org/10.1101/x", None),
        ("https://doi.org.evil.example/10.1101/x", None),
        ("javascript:alert(1)", None),
    ],
)
def test_only_addresses_of_dois_are_links(tmp_path: Path, link: str, target: str | None) -> None:
    write_workbook(Book((row("a", link=link),)), tmp_path / "m.xlsx")
    sheet = read(tmp_path / "m.xlsx")
    cell = sheet[f"{column(sheet, 'link')}2"]
    assert cell.value == link
    assert (cell.hyperlink.target if cell.hyperlink else None) == target


def test_links_beyond_what_a_sheet_holds_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_MOST_LINKS", 2)
    rows = tuple(row(str(n), link=f"https://doi.org/10.1101/{n}") for n in range(4))
    write_workbook(Book(rows), tmp_path / "m.xlsx")
    sheet = read(tmp_path / "m.xlsx")
    cells = sheet[column(sheet, "link")][1:]
    assert [cell.value for cell in cells] == [each.cells["link"] for each in rows]
    assert [bool(cell.hyperlink) for cell in cells] == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\x00b\x02c\x0bd\x1f", "abcd"),
        ("a\ud800b\udfff", "ab"),
        ("a\ufffe\uffffb", "ab"),
        ("a\r\nb\rc\td", "a\nb\nc\td"),
        ("x" * 32_767, "x" * 32_767),
        ("x" * 32_768, "x" * 32_766 + "…"),
        ("🫁" * 20_000, "🫁" * 16_383 + "…"),
    ],
)
def test_what_a_cell_cannot_hold_is_left_out(tmp_path: Path, text: str, kept: str) -> None:
    assert cell_text(text) == kept == cell_text(kept)
    write_workbook(
        Book((row(text, DOI=text, Captions=text),), words={"finding": (text,)}), tmp_path / "m.xlsx"
    )
    cells = read(tmp_path / "m.xlsx")[2]
    assert cells[0].value == cells[9].value == cells[10].value == kept


def test_equal_books_give_equal_bytes(tmp_path: Path) -> None:
    digests = set()
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_workbook(whole(tmp_path / folder), tmp_path / folder / "m.xlsx")
        digests.add(hashlib.sha256((tmp_path / folder / "m.xlsx").read_bytes()).hexdigest())
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == ["a.png", "m.xlsx"]
    assert len(digests) == 1


def test_numbers_are_numbers_and_what_is_unknown_is_blank(tmp_path: Path) -> None:
    rows = (
        row("a.png", Age="45", age_from=45.0, time_in_days=None, confidence=0.1 + 0.2),
        row("b.png", Age="007", age_from=None, time_in_days=0.0, note=""),
    )
    write_workbook(Book(rows), tmp_path / "m.xlsx")
    sheet = read(tmp_path / "m.xlsx")
    names = ("Age", "age from", "time in days", "confidence", "note")
    for line, expected in (2, ["45", 45, None, pytest.approx(0.3)]), (3, ["007", None, 0, None]):
        shown = [sheet[f"{column(sheet, name)}{line}"] for name in names]
        assert [cell.value for cell in shown] == [*expected, None]
        assert [cell.data_type for cell in shown] == ["s", "n", "n", "n", "n"]
        assert shown[4].number_format == "@"  # what is typed there stays text


def test_pandas_reads_it(tmp_path: Path) -> None:
    write_workbook(whole(tmp_path), tmp_path / "m.xlsx")
    table = pd.read_excel(tmp_path / "m.xlsx", dtype=str)
    assert list(table.columns) == NAMES and len(table) == 2


def test_an_empty_book(tmp_path: Path) -> None:
    write_workbook(Book(), tmp_path / "m.xlsx")
    book = openpyxl.load_workbook(tmp_path / "m.xlsx")
    assert book.sheetnames == ["MetaInfo", "figures", "read me", "lists"]
    assert [cell.value for cell in book["MetaInfo"][1]] == NAMES
    assert [book[name].max_row for name in ("MetaInfo", "figures")] == [1, 1]
    assert [book[name].data_validations.count for name in ("MetaInfo", "figures")] == [0, 0]


def test_more_rows_than_a_sheet_holds_are_refused(tmp_path: Path) -> None:
    figures = (row("a"),) * 1_048_576
    with pytest.raises(SheetError, match=r"m\.xlsx: 1,048,576 rows in figures"):
        write_workbook(Book(figures=figures), tmp_path / "m.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "MetaInfo.xlsx"
    with pytest.raises(SheetError, match=r"nowhere/MetaInfo\.xlsx: the sheet cannot be written"):
        write_workbook(Book(), path)
    with pytest.raises(SheetError, match="the sheet cannot be written"):
        write_workbook(Book(), tmp_path / "nul\0.xlsx")


def test_the_old_sheet_stays_when_the_new_cannot_be_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "m.xlsx").mkdir()
    with pytest.raises(SheetError, match="cannot be written"):
        write_workbook(Book(), tmp_path / "m.xlsx")
    assert [p.name for p in tmp_path.iterdir()] == ["m.xlsx"]
