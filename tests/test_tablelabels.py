"""Rows of somebody's table labelled by their captions."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import openpyxl
import pytest

from covidct_curate.errors import DatasetError
from covidct_curate.label.rules import load_rules
from covidct_curate.records import Evidence
from covidct_curate.tablelabels import LabelledRow, label_table
from tests.test_cli import curate

HEAD = ("File name", "Captions")
HANG = 400.0
"""Seconds that no table may take; they take a tenth."""
KEYS = [
    "File name", "modality", "finding", "Age", "Gender", "Location", "Medical history", "Time", "Severity",
    "Other diseases", "evidence",
]  # fmt: skip
PAIR = "Chest CT. (A) A 45-year-old man with COVID-19. (B) A 31-year-old woman with influenza pneumonia."


def table(path: Path, rows: Iterable[Sequence[object]], head: Sequence[str] = HEAD) -> Path:
    """A table as .csv or .xlsx, as the path says."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *rows])
        return path
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in [head, *rows]:
        book.active.append(list(row))
    book.save(path)
    return path


def labelled(path: Path, *, title: str = "") -> list[LabelledRow]:
    return label_table(path, load_rules(), title=title)[1]


def brief(rows: Iterable[LabelledRow]) -> list[tuple[str, str, str, str]]:
    """File, finding, age and gender."""
    return [(row.file, row.facts.finding, row.facts.patient.age, row.facts.patient.gender) for row in rows]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_every_row_has_what_its_caption_says(tmp_path: Path, suffix: str) -> None:
    path = table(
        tmp_path / f"t{suffix}",
        [
            ("a.png", "Figure 2. Chest CT of a 45-year-old man with COVID-19 on day 5 of illness."),
            ("b.png", "Chest radiograph of a 31-year-old woman with bacterial pneumonia."),
            ("c.png", ""),
            ("d.png", None),
            ("e.png", 7),
        ],
    )
    rows = labelled(path)
    assert brief(rows) == [
        ("a.png", "covid", "45", "M"),
        ("b.png", "non-covid", "31", "F"),
        ("c.png", "uncertain", "", ""),
        ("d.png", "uncertain", "", ""),
        ("e.png", "uncertain", "", ""),
    ]
    first = dict(rows[0].as_json())
    assert list(first)[: len(KEYS)] == KEYS
    assert (first["modality"], first["Time"], first["region"]) == ("ct", "day 5 of illness", "chest")
    assert rows[0].facts.evidence["age"] == Evidence("age.years-old", "45-year-old", "caption", 0.9)
    assert [row.facts.modality for row in rows] == ["ct", "xray", "unknown", "unknown", "unknown"]


NAMES = [
    " 2020.10.01.x-p3-7%1 .png ", "=1+1.png", "007", "2020.10", "ä 肺.png", "<b>.png", "a\nb.png", "x" * 300, "²1.png",
    "1" * 5000 + ".png", "٣.png", "%%%", "a.png", "a.png",
]  # fmt: skip


def test_names_and_their_order_stay_as_they_are(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [(name, "Chest CT of COVID-19.") for name in NAMES])
    assert [row.file for row in labelled(path)] == NAMES
    assert {row.facts.finding for row in labelled(path)} == {"covid"}


# --- rows of one figure ---------------------------------------------------------------------------------


def test_rows_of_one_caption_are_its_panels_in_the_order_of_their_names(tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv", [("x-p3-7%10.png", PAIR), ("y-p1-2.png", "Chest CT."), ("x-p3-7%2.png", PAIR)]
    )
    assert brief(labelled(path)) == [
        ("x-p3-7%10.png", "non-covid", "31", "F"),
        ("y-p1-2.png", "uncertain", "", ""),
        ("x-p3-7%2.png", "covid", "45", "M"),
    ]


def test_blocks_of_rows_share_a_letter(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [(f"x-p3-7%{n}.png", PAIR) for n in range(4)])
    assert [row[2:] for row in brief(labelled(path))] == [("45", "M"), ("45", "M"), ("31", "F"), ("31", "F")]
    assert [row.facts.patient.id for row in labelled(path)] == ["1", "1", "2", "2"]


@pytest.mark.parametrize("count", [1, 3])
def test_rows_that_do_not_go_with_the_letters_are_left_blank(tmp_path: Path, count: int) -> None:
    path = table(tmp_path / "t.csv", [(f"x-p3-7%{n}.png", PAIR) for n in range(count)])
    assert [row[2:] for row in brief(labelled(path))] == [("", "")] * count
    assert {row.facts.patient.id for row in labelled(path)} == {"0"}


def test_rows_with_only_their_own_part_of_a_caption(tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv",
        [
            ("x-p3-7%0.png", "Chest CT. A. A 45-year-old man with COVID-19."),
            ("x-p3-7%1.png", "Chest CT. B. A 31-year-old woman with influenza pneumonia."),
        ],
    )
    assert [row[1:] for row in brief(labelled(path))] == [("covid", "45", "M"), ("non-covid", "31", "F")]


def test_a_caption_that_is_a_list_of_sentences(tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv", [("a.png", "['Chest CT on admission.', 'A 45-year-old man with COVID-19.']")]
    )
    assert brief(labelled(path)) == [("a.png", "covid", "45", "M")]


def test_figures_of_one_paper_know_its_patients(tmp_path: Path) -> None:
    rows = [
        ("x-p3-7.png", "Chest CT of patient 1, a 45-year-old man with COVID-19."),
        ("x-p5-9.png", "Follow-up CT of patient 1."),
        ("y-p5-9.png", "Follow-up CT of patient 1."),
    ]
    found = labelled(table(tmp_path / "t.csv", rows))
    first, second, other = (row.facts.patient for row in found)
    assert first.id == second.id
    assert (other.age, other.gender) == ("", "")


def test_rows_of_one_name_are_each_labelled(tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv",
        [
            ("a.png", "Chest CT of a 45-year-old man."),
            ("a.png", "Chest CT of a 31-year-old woman."),
            ("a.png", "Chest CT of a 45-year-old man."),
        ],
    )
    assert [row[2:] for row in brief(labelled(path))] == [("45", "M"), ("31", "F"), ("45", "M")]


# --- words beside the caption ---------------------------------------------------------------------------


def test_the_context_column_is_read_after_the_caption(tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv",
        [
            ("x-p1-1.png", "Chest CT of patient 2.", "Patient 2 was a 31-year-old woman with diabetes."),
            ("y-p1-1.png", "Chest CT of a 45-year-old man.", "A 54-year-old woman was seen, too."),
            ("z-p1-1.png", "Chest CT.", "  "),
        ],
        (*HEAD, "context"),
    )
    first, second, third = (row.facts for row in labelled(path))
    assert (first.patient.age, first.patient.gender, first.patient.medical_history) == ("31", "F", "diabetes")
    assert first.evidence["id"].source == "caption"
    assert first.evidence["age"].source in ("case", "mention")
    assert (second.patient.age, second.patient.gender) == ("45", "M")
    assert (third.patient.age, third.patient.gender) == ("", "")


def test_a_title_says_what_all_rows_are_about(tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv",
        [("a.png", "Chest CT on day 5 shows opacities."), ("b.png", "Chest CT of a healthy control.")],
    )
    assert [row[1] for row in brief(labelled(path))] == ["uncertain", "non-covid"]
    titled = labelled(path, title="CT findings of COVID-19 pneumonia")
    assert [row[1] for row in brief(titled)] == ["covid", "non-covid"]
    assert titled[0].facts.evidence["finding"].source == "title"


# --- tables as they are ---------------------------------------------------------------------------------


def test_other_columns_and_headers_of_any_case_do_not_matter(tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv",
        [("x", "Chest CT of a 45-year-old man.", "99", "a.png")],
        ("Note", " captions", "Age", "FILE NAME"),
    )
    assert brief(labelled(path)) == [("a.png", "uncertain", "45", "M")]


@pytest.mark.parametrize(
    ("head", "missing"),
    [
        (("File name", "Caption"), '"Captions"'),
        (("Picture", "Captions"), '"File name"'),
        (("a", "b"), '"File name", "Captions"'),
    ],
)
def test_missing_columns_are_named(tmp_path: Path, head: tuple[str, ...], missing: str) -> None:
    path = table(tmp_path / "t.csv", [("a.png", "Chest CT.")], head)
    with pytest.raises(DatasetError, match=f"no column {missing};"):
        labelled(path)
    done = curate("label", "--table", "t.csv", "--format", "jsonl", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: t.csv: no column {missing}; there are ")
    assert len(done.stderr.splitlines()) == 1


def test_a_table_of_no_rows(tmp_path: Path) -> None:
    assert labelled(table(tmp_path / "t.csv", [])) == []


HOSTILE = [
    "x" * 100_000,
    "(A) a 45-year-old man, " * 4000,
    "Chest CT\x07 of a 45-year-old man\u2028 with COVID-19\u202e.",
    "=HYPERLINK(\"http://a.b\",\"Chest CT of a 45-year-old man\")",
    "<script>alert(1)</script> Chest CT",
    "['" * 1000,
    "Figure " * 1000,
    "صورة مقطعية " * 1000,
]  # fmt: skip


def test_hostile_captions_are_one_row_each(tmp_path: Path) -> None:
    rows = [(f"{n}.png", caption, caption[:1000]) for n, caption in enumerate(HOSTILE)]
    path = table(tmp_path / "t.csv", rows, (*HEAD, "Context"))
    begin = time.monotonic()
    found = labelled(path)
    assert time.monotonic() - begin < HANG
    assert [row.file for row in found] == [name for name, _, _ in rows]
    assert (found[2].facts.patient.age, found[2].facts.finding) == ("45", "covid")
    for form in ("jsonl", "csv", "table"):
        done = curate("label", "--table", "t.csv", "--format", form, cwd=tmp_path)
        assert done.returncode == 0
        if form == "jsonl":
            assert [json.loads(line)["File name"] for line in done.stdout.split("\n")[:-1]] == [
                name for name, _, _ in rows
            ]
        if form == "table":
            assert len(done.stdout.splitlines()) == len(rows) + 2


def test_twenty_thousand_rows(tmp_path: Path) -> None:
    captions = [
        "Chest CT of a 45-year-old man with COVID-19.",
        PAIR,
        "Chest CT of patient 7.",
        "Chest radiograph of a 60-year-old woman with bacterial pneumonia.",
        "Bar plot.",
    ]
    rows = [
        (f"x{n // 50}-p{n % 5}-{n}.png", f"{captions[n % 5]} {n if n < 500 else n % 7}")
        for n in range(20_000)
    ]
    path = table(tmp_path / "t.csv", rows)
    begin = time.monotonic()
    found = labelled(path)
    assert time.monotonic() - begin < HANG
    assert [row.file for row in found] == [name for name, _ in rows]
    assert {row.facts.patient.age for row in found[::5]} == {"45"}
    assert {row.facts.patient.gender for row in found[3::5]} == {"F"}


@pytest.mark.parametrize("name", ["one paper", "one name", "one caption"])
def test_thousands_of_rows_that_belong_together(tmp_path: Path, name: str) -> None:
    rows = [
        (
            "a.png" if name == "one name" else f"a_{n}.png",
            f"Chest CT of patient {1 if name == 'one caption' else n}, a {20 + n % 3 * (name != 'one caption')}"
            "-year-old man.",
        )
        for n in range(3000)
    ]
    begin = time.monotonic()
    found = labelled(table(tmp_path / "t.csv", rows))
    assert time.monotonic() - begin < HANG
    assert [row.facts.patient.age for row in found[:3]] == (
        ["20", "20", "20"] if name == "one caption" else ["20", "21", "22"]
    )


# --- the command ----------------------------------------------------------------------------------------


def test_the_command_prints_rows_and_makes_no_workspace(tmp_path: Path) -> None:
    table(
        tmp_path / "t.xlsx",
        [("a.png", "Chest CT of a 45-year-old man with pulmonary tuberculosis."), ("-b.png", "Chest CT.")],
    )
    done = curate("label", "--table", "t.xlsx", "--format", "jsonl", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = map(json.loads, done.stdout.splitlines())
    assert list(first)[: len(KEYS)] == KEYS
    assert (first["File name"], first["finding"], first["Age"]) == ("a.png", "non-covid", "45")
    assert second["File name"] == "-b.png"
    done = curate("label", "--table", "t.xlsx", "--rules", "tuberculosis", "--format", "csv", cwd=tmp_path)
    head, one, two = csv.reader(done.stdout.lstrip("\ufeff").splitlines())
    assert (head[:3], one[:3], two[0]) == (KEYS[:3], ["a.png", "ct", "tuberculosis"], "'-b.png")
    done = curate("label", "--table", "t.xlsx", "--title", "COVID-19 pneumonia", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[0].split()[:4] == ["File", "name", "modality", "finding"]
    assert lines[-1] == "2 rows"
    assert max(map(len, lines)) <= 80
    assert [path.name for path in tmp_path.iterdir()] == ["t.xlsx"]


def test_notes_on_the_table_are_told_beside(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(
        "File name,Captions\na.png,Chest CT of a b\u00e9b\u00e9.\n".encode("cp1252")
    )
    done = curate("label", "--table", "t.csv", "--format", "jsonl", cwd=tmp_path)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr.startswith("note: not in UTF-8")


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = curate("label", "--table", "gone.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: gone.csv: No such file")
