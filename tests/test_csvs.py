"""CSV files of a book."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidct_curate.columns import Kind, columns
from covidct_curate.errors import SheetError
from covidct_curate.review.csvs import csv_files, guarded, unguarded, write_csv
from covidct_curate.review.table import Book, Row, Value


def row(key: str, **cells: Value) -> Row:
    return Row(key, {name.replace("_", " "): value for name, value in cells.items()})


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@given(st.text() | st.from_regex(r"\A['=+\-@\t]?[0-9eE.,/: a-z%-]{0,12}\Z"))
def test_every_text_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@A1", "\tx", "\nx", "\rx", " =1", "＝1", "'", "'a", "007", "1e5", "1E-5", ".5", "5.", "3.5",
     "00", "1,000", "50%", "$5", "5 €", "(5)", "40-", " 45", "45 ", "1234567890123456", "123e45", "1234567890123e45", "3-5",
     "1/2", "1 1/2", "2020-02-11", "11.02.2020", "2020/2/11", "2020.10", "12:30", "5 PM", "5 a", "2:30pm", "Mar-1",
     "1 March 2020", "March 1, 2020", "Tuesday, 3 March 2020", "3. Mai", "SEPT2", "Dec 5", "11-Feb", "5 août",
     "2020-02-11T10:00:00Z", "2020-02-11 10:00:00", "TRUE", "False", "wahr", "２０", "2020年2月11日", "0,0,30,40"],
)  # fmt: skip
def test_what_a_spreadsheet_program_would_change_is_guarded(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    ["", "45", "0", "2020", "123456789012345", "40s", "40+", "90+", "3 months", "day 5 after onset", "covid", "2x3",
     "10.1101/2020.02.10.20021584", "https://doi.org/10.1101/2020.02.10.20021584", "a1b2c3d4e5f60718", "Wuhan",
     "0,0,300,280; 310,0,600,280", "Figure 1", "2a", "b", "March", "in hospital", "true north", "a\n=1", "肺 🫁"],
)  # fmt: skip
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text


def test_other_apostrophes_are_the_words_own() -> None:
    assert unguarded("'Axial' CT, before and after") == "'Axial' CT, before and after"


def test_all_tables_are_written_with_all_columns(tmp_path: Path) -> None:
    texts = {
        "File_name": "=a.png",
        "Age": "007",
        "keep": "yes",
        "Captions": 'Zwölf,\n"x";\ty',
        "uid": "1" * 16,
    }
    panels = row("1" * 16, **texts, confidence=0.83, page=6.0, time_in_days=-3, age_from=None)
    book = Book((panels,), (row("f", panels="3-5"),), (row("7", conflict="7", later_value="'"),))
    path = tmp_path / "a.b.csv"
    kinds: list[Kind] = ["panels", "figures", "conflicts"]
    files = [path, tmp_path / "a.b-figures.csv", tmp_path / "a.b-conflicts.csv"]
    assert write_csv(book, path) == files == list(csv_files(path).values())
    for kind, file in zip(kinds, files, strict=True):
        (line,) = read(file)
        assert list(line) == [column.name for column in columns(kind)]
        assert unguarded(line["export"]) == book.export
        for name, value in book.rows(kind)[0].cells.items():
            if not isinstance(value, str):
                continue
            assert unguarded(line[name]) == value
    (line,) = read(path)
    assert (line["File name"], line["Age"], line["uid"]) == ("'=a.png", "'007", f"'{'1' * 16}")
    assert [line[n] for n in ("confidence", "page", "time in days", "age from")] == ["0.83", "6", "-3", ""]
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfFile name,") and content.endswith(b"\r\n")


@pytest.mark.parametrize(
    ("number", "told"),
    [(1e-7, "0.0000001"), (0.1 + 0.2, "0.30000000000000004"), (-2.5, "-2.5"), (10.0, "10")],
)
def test_numbers_are_written_in_full(tmp_path: Path, number: float, told: str) -> None:
    write_csv(Book((row("u", confidence=number),)), tmp_path / "a.csv")
    assert read(tmp_path / "a.csv")[0]["confidence"] == told


def test_what_a_cell_cannot_hold_is_left_out(tmp_path: Path) -> None:
    write_csv(Book((row("u", note="a\0b\ud800c\r\nd"),)), tmp_path / "a.csv")
    assert read(tmp_path / "a.csv")[0]["note"] == "abc\nd"


def test_without_conflicts_there_is_no_file_of_them(tmp_path: Path) -> None:
    write_csv(Book(), tmp_path / "a.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-figures.csv", "a.csv"]
    assert read(tmp_path / "a.csv") == []


def test_no_file_is_touched_when_one_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("before")
    (tmp_path / ".a-conflicts.csv.2.part").mkdir()
    with pytest.raises(SheetError, match=r"a-conflicts\.csv: the sheet cannot be written"):
        write_csv(Book(conflicts=(row("7"),)), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a-conflicts.csv.2.part", "a.csv"]


def test_long_names_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / f"{'肺' * 60}.csv"
    files = write_csv(Book((row("u", note="a"),), (row("f", caption="b"),)), path)
    assert [list(read(file)[0])[1] for file in files] == ["Patient ID", "figure"]
