"""MetaInfo.xlsx, read back with openpyxl."""

import hashlib
import json
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from PIL import Image

from covidct_curate import metadata
from covidct_curate.errors import SheetError
from covidct_curate.sheet import COLUMNS, SheetRow, cell_text, write_metainfo

SCHEMA = json.loads((metadata.folder() / "metainfo.schema.json").read_text("utf-8"))
COVID_CT = [
    "File name", "Patient ID", "Age", "Gender", "Location", "Medical history", "Time", "Severity",
    "Other diseases", "DOI", "Captions",
]  # fmt: skip


def read(path: Path) -> Worksheet:
    sheet = openpyxl.load_workbook(path).active
    assert isinstance(sheet, Worksheet)
    return sheet


def picture(path: Path, mode: str = "L", size: tuple[int, int] = (300, 200)) -> Path:
    Image.new(mode, size).save(path)
    return path


def row(name: str, shown: Path | None, doi: str, caption: str, **others: str | float | None) -> SheetRow:
    """A row with these cells; ``others`` by their columns, with _ for a space."""
    named: dict[str, str | float | None] = {"File name": name, "DOI": doi, "Captions": caption}
    named |= {column.replace("_", " "): value for column, value in others.items()}
    return SheetRow(tuple(named.get(column, "") for column in COLUMNS), shown)


def test_one_row_a_picture_in_covid_ct_s_columns(tmp_path: Path) -> None:
    path = tmp_path / "MetaInfo.xlsx"
    first = picture(tmp_path / "a.png")
    write_metainfo([row("a-p6-52%0.png", first, "10.1101/x", "Lung."), row("b.png", None, "", "")], path)
    sheet = read(path)
    assert [c.value for c in sheet[1]] == list(COLUMNS) == list(SCHEMA["properties"]) and len(COLUMNS) == 29
    assert list(COLUMNS[:11]) == COVID_CT
    assert [c.value for c in sheet[2]] == ["a-p6-52%0.png", *[None] * 8, "10.1101/x", "Lung.", *[None] * 18]
    assert [c.value for c in sheet[3]] == ["b.png", *[None] * 28]
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.max_column) == ("B2", "A1:AC3", 29)
    table = pd.read_excel(path, dtype=str)
    assert list(table.columns) == list(COLUMNS) and len(table) == 2
    assert [p.name for p in tmp_path.iterdir() if p.suffix not in (".png", ".xlsx")] == []


def test_the_thumbnail_lies_in_its_own_row_and_moves_with_it(tmp_path: Path) -> None:
    rows = [row(f"{k}.png", picture(tmp_path / f"{k}.png", size=(300, 200 + k)), "", "") for k in range(5)]
    rows.insert(2, row("none.png", None, "", ""))
    rows.append(row("long " * 60, rows[0].picture, "", ""))
    write_metainfo(rows, tmp_path / "m.xlsx")
    images = read(tmp_path / "m.xlsx")._images
    assert [image.anchor._from.row for image in images] == [1, 2, 4, 5, 6, 7]
    for image in images:
        anchor = image.anchor
        assert anchor.editAs is None  # "move and size with cells" is what a two-cell anchor does unless told
        assert (anchor.to.row, anchor.to.col, anchor._from.col) == (anchor._from.row, 0, 0)
        assert max(image.width, image.height) == 120


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I"])
def test_a_picture_of_any_mode_has_a_thumbnail(tmp_path: Path, mode: str) -> None:
    pixels = np.zeros((400, 300), np.uint8)
    pixels[:, 150:] = 255
    image = Image.fromarray(pixels)
    if mode.startswith("I"):
        image = Image.fromarray(pixels.astype(np.uint16) * 257)
    path = tmp_path / ("a.tif" if mode in ("I", "CMYK") else "a.png")
    (image if mode == "I;16" else image.convert(mode)).save(path)
    write_metainfo([row("a", path, "", "")], tmp_path / "m.xlsx")
    (thumbnail,) = read(tmp_path / "m.xlsx")._images
    grey = np.asarray(Image.open(thumbnail.ref).convert("L"))
    assert grey.shape == (120, 90)
    assert grey[60, 10] <= 1 and grey[60, 80] >= 254


def test_what_is_transparent_is_shown_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (50, 40), (0, 0, 0, 0)).save(tmp_path / "a.png")
    write_metainfo([row("a.png", tmp_path / "a.png", "", "")], tmp_path / "m.xlsx")
    (thumbnail,) = read(tmp_path / "m.xlsx")._images
    shown = Image.open(thumbnail.ref).convert("RGB")
    assert shown.size == (50, 40) and shown.getextrema() == ((255, 255),) * 3


def test_a_broken_or_giant_picture_costs_only_its_thumbnail(tmp_path: Path) -> None:
    whole = picture(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:60])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    picture(tmp_path / "giant.png", "1", (20_000, 20_000))
    names = ["cut.png", "text.png", "folder.png", "giant.png", "missing.png", "n" * 300, "nul\0.png"]
    write_metainfo([row(n, tmp_path / n, "", "") for n in [*names, "whole.png"]], tmp_path / "m.xlsx")
    sheet = read(tmp_path / "m.xlsx")
    assert [image.anchor._from.row for image in sheet._images] == [8]
    assert sheet["A6"].value == "missing.png"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "=HYPERLINK(\"http://a.b\",\"c\")", "+1", "-1", "@SUM(A1)", "{=1}", "http://a.b/c", "mailto:a@b.c",
     "2020.10", "007", "1e5", "TRUE", "_x0041_", "a\nb", " a ", "<b>&amp;</b>", "'quoted", "肺 🫁"],
)  # fmt: skip
def test_text_stays_text(tmp_path: Path, text: str) -> None:
    write_metainfo([row(text, None, text, text)], tmp_path / "m.xlsx")
    cells = read(tmp_path / "m.xlsx")[2]
    for cell in (cells[0], cells[9], cells[10]):
        assert cell.value == text
        assert cell.data_type == "s" and cell.hyperlink is None


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
    assert cell_text(text) == kept
    write_metainfo([row(text, None, text, text)], tmp_path / "m.xlsx")
    cells = read(tmp_path / "m.xlsx")[2]
    assert cells[0].value == cells[9].value == cells[10].value == kept


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    digests = set()
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        rows = [row("a.png", picture(tmp_path / folder / "a.png"), "10.1/x", "=Lung")] * 3
        write_metainfo(rows, tmp_path / folder / "m.xlsx")
        digests.add(hashlib.sha256((tmp_path / folder / "m.xlsx").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_numbers_are_numbers_and_what_is_unknown_is_blank(tmp_path: Path) -> None:
    rows = [
        row("a.png", None, "", "", Age="45", Age_from=45.0, Time_in_days=None, Confidence=0.5),
        row("b.png", None, "", "", Age="007", Age_from=None, Time_in_days=0.0, Confidence=None),
    ]
    write_metainfo(rows, tmp_path / "m.xlsx")
    head, first, second = read(tmp_path / "m.xlsx").iter_rows()
    by_name = {cell.value: number for number, cell in enumerate(head)}
    for cells, expected in (first, ["45", 45, None, 0.5]), (second, ["007", None, 0, None]):
        shown = [cells[by_name[name]] for name in ("Age", "Age from", "Time in days", "Confidence")]
        assert [cell.value for cell in shown] == expected
        assert [cell.data_type for cell in shown] == ["s", "n", "n", "n"]


def test_no_row_at_all(tmp_path: Path) -> None:
    write_metainfo([], tmp_path / "m.xlsx")
    assert read(tmp_path / "m.xlsx").max_row == 1


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "MetaInfo.xlsx"
    with pytest.raises(SheetError, match=r"nowhere/MetaInfo\.xlsx: the sheet cannot be written"):
        write_metainfo([], path)


def test_the_old_sheet_stays_when_the_new_cannot_be_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "m.xlsx").mkdir()
    with pytest.raises(SheetError, match="cannot be written"):
        write_metainfo([], tmp_path / "m.xlsx")
    assert [p.name for p in tmp_path.iterdir()] == ["m.xlsx"]
