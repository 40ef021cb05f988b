"""What was changed in a sheet, compared with what its export showed."""

from __future__ import annotations

import json
import random
import re
import string
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covidct_curate.columns import Column, Kind, columns
from covidct_curate.review.changes import Changes, Edit, Problem, Ruling, compare
from covidct_curate.review.csvs import write_csv
from covidct_curate.review.reading import Edited, Line, read_sheet
from covidct_curate.review.shown import clean, read_export, same, turned, written
from covidct_curate.review.table import EXPORT, KEYS, Book, Row, Value
from covidct_curate.review.workbook import write_workbook

SHEETS: dict[Kind, str] = {"panels": "MetaInfo", "figures": "figures", "conflicts": "conflicts"}
WORDS = ("covid", "non-covid", "uncertain", "not-applicable")
LETTERS = {
    kind: dict(
        zip(
            (column.name for column in columns(kind)),
            [*string.ascii_uppercase, *("A" + c for c in string.ascii_uppercase)],
            strict=False,
        )
    )
    for kind in SHEETS
}


def panel(uid: str = "aa01", basis: Mapping[str, int] | None = None, **cells: Value) -> Row:
    """A picture's row; a cell's column with _ for spaces."""
    told: dict[str, Value] = {column.name: "" for column in columns() if column.name != EXPORT}
    told |= {
        "File name": f"{uid}.png",
        "modality": "ct",
        "finding": "uncertain",
        "Captions": "A CT.",
        "page": 6.0,
    }
    told |= {"confidence": 0.83, "age from": None, "uid": uid}
    return Row(uid, told | {name.replace("_", " "): value for name, value in cells.items()}, basis or {})


def figure(uid: str = "ff01", basis: Mapping[str, int] | None = None, **cells: Value) -> Row:
    told: dict[str, Value] = {column.name: "" for column in columns("figures") if column.name != EXPORT}
    told |= {"File name": f"{uid}.png", "caption": "Two slices.", "panels": "1x2", "page": 3, "uid": uid}
    return Row(uid, told | cells, basis or {})


def conflict(
    number: int, column: str = "Age", later: str = "54", earlier: int | None = 3, file: str = "a.png"
) -> Row:
    told: dict[str, Value] = {each.name: "" for each in columns("conflicts") if each.name != EXPORT}
    told |= {"File name": file, "column": column, "earlier value": "45", "earlier reviewer": "Anna"}
    told |= {"later value": later, "later reviewer": "Ben", "conflict": str(number)}
    return Row(str(number), told, {} if earlier is None else {"earlier": earlier})


def book(*rows: Row, figures: Sequence[Row] = (), conflicts: Sequence[Row] = ()) -> Book:
    return Book(rows, tuple(figures), tuple(conflicts), {"finding": WORDS})


def lines(kind: Kind, of: Book, changes: Mapping[tuple[str, str], str] | None = None) -> list[Line]:
    """The table as it comes back from a file, with some cells changed: (key, column) → text."""
    back = []
    for number, row in enumerate(of.rows(kind), 2):
        cells = {name: written(value) for name, value in row.cells.items()} | {EXPORT: of.export}
        cells |= {column: text for (key, column), text in (changes or {}).items() if key == row.key}
        back.append(
            Line(sheet=SHEETS[kind], number=number, cells=cells, letters=LETTERS[kind], dates=frozenset())
        )
    return back


def edited(
    panels: Sequence[Line] = (), figures: Sequence[Line] = (), conflicts: Sequence[Line] = ()
) -> Edited:
    return Edited(Path("MetaInfo.xlsx"), tuple(panels), tuple(figures), tuple(conflicts), ())


def come_back(
    of: Book, changes: Mapping[tuple[str, str], str] | None = None, reviewer: str = "Ben"
) -> Changes:
    """What is found in the book's file when these cells of it were changed."""
    file = edited(*(lines(kind, of, changes) for kind in SHEETS))
    return compare(file, {of.export: read_export(of.content)}, reviewer)


def one(change: str, column: str, *, dates: bool = False, **cells: Value) -> Changes:
    """What is found when one cell of a single picture was changed."""
    return one_of("panels", panel("aa01", None, **cells), change, column, dates=dates)


def one_of(kind: Kind, row: Row, change: str, column: str, *, dates: bool = False) -> Changes:
    of = book(**{kind: [row]}) if kind != "panels" else book(row)
    (line,) = lines(kind, of, {(row.key, column): change})
    if dates:
        line = replace(line, dates=frozenset({column}))
    return compare(edited(**{kind: [line]}), {of.export: read_export(of.content)}, "Ben")


def values(found: Changes) -> dict[str, str]:
    assert not found.problems
    return {edit.field: edit.value for edit in found.edits}


def problem(found: Changes) -> str:
    assert not found.edits and not found.rulings
    (each,) = found.problems
    return str(each)


# One cell


def test_an_unchanged_file_changes_nothing() -> None:
    of = book(
        panel(), panel("aa02", keep="yes", reviewer="Anna"), figures=[figure()], conflicts=[conflict(7)]
    )
    assert come_back(of) == Changes((), (), (), 4)


def test_a_changed_cell_is_an_edit_based_on_the_decision_it_showed() -> None:
    of = book(panel("aa01", {"age": 12}, Age="45"), panel("aa02"))
    (edit,) = come_back(of, {("aa01", "Age"): " 46 "}).edits
    place = f"MetaInfo!{LETTERS['panels']['Age']}2"
    assert edit == Edit("aa01", "age", "46", "45", 12, "Ben", place, confirmed=False)


def test_fields_go_by_the_names_that_decisions_use() -> None:
    assert values(one("P7", "Patient ID")) == {"patient": "P7"}
    assert values(one("fever", "Medical history")) == {"medical_history": "fever"}
    assert values(one("negative", "RT-PCR")) == {"rt_pcr": "negative"}


def test_blank_clears_what_was_not_blank() -> None:
    assert values(one("  ", "Location", Location="Wuhan")) == {"location": ""}
    assert values(one("", "Location")) == {}


@pytest.mark.parametrize(
    ("shown", "text", "alike"),
    [
        (0.83, "0.830", True),
        (0.83, "0,83", True),
        (0.83, "8.3E-01", True),
        (0.83, "0.84", False),
        (0.83, "", False),
        (0.83, "zero", False),
        (6.0, "6", True),
        (6, "6.0", True),
        (1000.0, "1,000", True),
        (0, "0", True),
        (None, "", True),
        (None, " ", True),
        (None, "0", False),
        ("", " \n", True),
        ("45", "45", True),
        ("45", "45.0", False),
        ("a\r\nb", "a\nb", True),
        ("a\rb", "a\nb ", True),
        ("a\x02b\x85", "ab", True),
        ("Cafe\u0301", "Caf\u00e9", True),
        ("yes", "Yes", False),
    ],
)
def test_same(shown: Value, text: str, alike: bool) -> None:
    assert same(shown, text) is alike


@pytest.mark.parametrize(
    ("shown", "text", "is_turned"),
    [
        ("2020.10", "2020.1", True),
        ("007", "7", True),
        ("+45", "45", True),
        ("1e5", "100000", True),
        ("1,234", "1234", True),
        ("12345678901234567890", "12345678901234600000", True),
        ("12345678901234567890", "1.23456789012346E+19", True),
        ("0.12345678901234567891", "0.12345678901234568", True),
        ("1000000001", "1000000002", False),
        ("1234567890123456", "1234567890123457", False),
        ("45", "46", False),
        ("45", "45", False),
        ("45", "", False),
        ("", "0", False),
        ("40s", "40", False),
        ("1e999", "1e998", False),
        (0.5, "0.6", False),
    ],
)
def test_turned_into_a_number(shown: Value, text: str, is_turned: bool) -> None:
    assert turned(shown, text) is is_turned


def test_a_cell_turned_into_a_number_is_a_problem() -> None:
    told = problem(one("7", "Patient ID", Patient_ID="007"))
    assert told.startswith("MetaInfo!B2: ") and '"7"' in told and '"007"' in told and "as text" in told
    assert "cannot be changed" in problem(one("2020.1", "Captions", Captions="2020.10"))


@pytest.mark.parametrize(
    ("shown", "text", "expected"),
    [
        ("007", "'007", {}),
        ("'tis", "''tis", {}),
        ("'tis", "'tis", {}),
        ("007", "'008", {"note": "008"}),
        ("", "'=1+1", {"note": "=1+1"}),
        ("", "'tis", {"note": "'tis"}),
        ("", "''tis''", {"note": "''tis''"}),
    ],
)
def test_a_csv_files_apostrophe_is_no_part_of_the_words(
    shown: str, text: str, expected: dict[str, str]
) -> None:
    assert values(one(text, "note", note=shown)) == expected
    if not expected:
        assert values(one(text, "Captions", Captions=shown)) == {}


def test_dates_belong_in_the_column_time_only() -> None:
    assert values(one("2020-02-12", "Time", dates=True, Time="2020-02-11")) == {"time": "2020-02-12"}
    assert values(one("2020-02-11", "Time", dates=True, Time="2020-02-11")) == {}
    assert "date" in problem(one("2026-05-03", "Age", dates=True, Age="3-5"))
    assert "date" in problem(one("2026-05-03", "keep", dates=True))
    assert values(one("2026-05-03", "note", dates=True, note="2026-05-03")) == {}


def test_listed_words_are_known_in_any_case() -> None:
    assert values(one(" CT", "modality", modality="mri")) == {"modality": "ct"}
    assert values(one("CT", "modality", modality="ct")) == {}
    assert values(one("f", "Gender")) == {"gender": "F"}
    assert values(one("Non-Covid", "finding")) == {"finding": "non-covid"}


@pytest.mark.parametrize(
    ("column", "word", "words"),
    [
        ("Gender", "male", "M, F"),
        ("keep", "TRUE", "yes, no"),
        ("modality", "computed tomography", "ct, xray"),
        ("finding", "pneumonia", "covid, non-covid, uncertain, not-applicable"),
    ],
)
def test_unknown_words_are_problems_that_list_the_known(column: str, word: str, words: str) -> None:
    told = problem(one(word, column))
    assert told.startswith(f"MetaInfo!{LETTERS['panels'][column]}2: ") and word in told and words in told


def test_words_may_be_cleared_only_where_the_schema_says_so() -> None:
    assert values(one("", "Gender", Gender="F")) == {"gender": ""}
    assert values(one("", "keep", keep="yes")) == {"keep": ""}
    assert '"modality" cannot be blank' in problem(one("", "modality"))
    assert '"finding" cannot be blank' in problem(one("", "finding"))


def test_a_word_of_another_rule_file_that_was_shown_may_stay() -> None:
    assert values(one("pneumonia", "finding", finding="pneumonia")) == {}


def test_findings_are_free_where_the_export_lists_no_words() -> None:
    of = replace(book(panel()), words={})
    assert values(come_back(of, {("aa01", "finding"): "pneumonia"})) == {"finding": "pneumonia"}


def test_ages_must_be_readable_and_stop_at_ninety() -> None:
    assert values(one("3 months", "Age")) == {"age": "3 months"}
    assert values(one("93", "Age", Age="45")) == {"age": "90+"}
    assert values(one("95 years", "Age", Age="90+")) == {}
    assert values(one("", "Age", Age="45")) == {"age": ""}
    assert '"old"' in problem(one("old", "Age"))


def test_a_column_that_cannot_be_changed_is_a_problem_whatever_was_typed() -> None:
    told = problem(one("", "Captions"))
    assert told.startswith(f"MetaInfo!{LETTERS['panels']['Captions']}2: ") and '"A CT." became blank' in told
    assert '"confidence" cannot be changed' in problem(one("0.9", "confidence"))
    assert '"page" cannot be changed' in problem(one("2026-01-06", "page", dates=True))


def test_long_and_hostile_texts_are_quoted_short_and_on_one_line() -> None:
    told = problem(one("=cmd|'/c calc'!A0\n\x07" * 4000, "Captions"))
    assert len(told) < 300 and told.isprintable()


def test_columns_that_the_file_lacks_are_no_change() -> None:
    of = book(panel(Age="45"))
    (line,) = lines("panels", of, {("aa01", "note"): "dark"})
    gone = {
        name: text for name, text in line.cells.items() if name not in ("Age", "Captions", "reviewer", "DOI")
    }
    found = compare(edited([replace(line, cells=gone)]), {of.export: read_export(of.content)}, "Ben")
    assert values(found) == {"note": "dark"}


# Figures


@pytest.mark.parametrize(
    ("shown", "text", "value"),
    [
        ("1x2", "2x3", {"grid": [2, 3]}),
        ("1x2", " 2 X 3", {"grid": [2, 3]}),
        ("1x2", "1 × 2", None),
        ("1x2", "0,0,9,9;10,0,19,9", {"boxes": [[0, 0, 9, 9], [10, 0, 19, 9]], "size": None}),
        ("0,0,9,9; 10,0,19,9", "[[0, 0, 9, 9], [10, 0, 19, 9]]", None),
        ("0,0,9,9; 10,0,19,9", "0, 0, 9, 9   10,0,19,9", None),
        ("0,0,9,9; 10,0,19,9", "1x2", {"grid": [1, 2]}),
        ("", "1x1", {"grid": [1, 1]}),
    ],
)
def test_panels_are_a_choice_whatever_their_spelling(shown: str, text: str, value: object) -> None:
    found = one_of("figures", figure(panels=shown), text, "panels")
    assert not found.problems
    assert [json.loads(edit.value) for edit in found.edits] == ([] if value is None else [value])
    assert all((edit.field, edit.old) == ("panels", shown) for edit in found.edits)


@pytest.mark.parametrize("text", ["", "2 by 3", "0x3", "0,0,9", "10203040", "x" * 5000])
def test_panels_that_are_no_choice_are_problems(text: str) -> None:
    told = problem(one_of("figures", figure(), text, "panels"))
    assert told.startswith("figures!") and "2x3" in told and "1x1" in told and len(told) < 400


def test_figures_have_captions_and_may_be_none() -> None:
    assert values(one_of("figures", figure(), "No", "figure")) == {"figure": "no"}
    assert values(one_of("figures", figure(), "", "caption")) == {"caption": ""}
    assert values(one_of("figures", figure(), "=2+2 slices", "caption")) == {"caption": "=2+2 slices"}


# Confirming a row


def editable() -> list[Column]:
    return [column for column in columns() if column.editable and column.name != "reviewer"]


def test_keep_confirms_every_cell_that_may_be_changed_and_comes_last() -> None:
    of = book(panel("aa01", {"gender": 4}, Age="45", Gender="F"), panel("aa02"))
    found = come_back(of, {("aa01", "keep"): "YES", ("aa01", "Age"): "46"})
    assert not found.problems and {edit.uid for edit in found.edits} == {"aa01"}
    assert [edit.field for edit in found.edits] == [
        *(column.field for column in editable() if column.name not in ("keep", "note")),
        "keep",
    ]
    told = {edit.field: (edit.value, edit.old, edit.based_on, edit.confirmed) for edit in found.edits}
    assert told["age"] == ("46", "45", None, False)
    assert told["gender"] == ("F", "F", 4, True)
    assert told["location"] == ("", "", None, True)
    assert told["keep"] == ("yes", "", None, False)


def test_a_name_typed_where_keep_stands_confirms_too() -> None:
    found = one("Cleo", "reviewer", keep="no", reviewer="Anna", Age="45")
    assert len(found.edits) == len(editable()) - 1  # all but the note
    assert all(edit.confirmed and edit.reviewer == "Cleo" for edit in found.edits)
    assert (found.edits[-1].field, found.edits[-1].value, found.edits[-1].old) == ("keep", "no", "no")


def test_a_name_alone_confirms_nothing_where_nobody_kept() -> None:
    assert values(one("Cleo", "reviewer")) == {}
    assert values(one(" ", "reviewer", keep="yes", reviewer="Anna")) == {}


def test_taking_keep_back_confirms_nothing() -> None:
    of = book(panel(keep="yes", reviewer="Anna"))
    assert values(come_back(of, {("aa01", "keep"): "", ("aa01", "reviewer"): "Cleo"})) == {"keep": ""}


def test_columns_that_the_file_lacks_are_not_confirmed() -> None:
    of = book(panel(Age="45"))
    (line,) = lines("panels", of, {("aa01", "keep"): "yes"})
    gone = {name: text for name, text in line.cells.items() if name != "Age"}
    found = compare(edited([replace(line, cells=gone)]), {of.export: read_export(of.content)}, "Ben")
    assert set(values(found)) == {column.field for column in editable()} - {"age", "note"}


def test_what_is_confirmed_unchanged_is_told_as_it_was_shown() -> None:
    found = one("yes", "keep", Location=" two\r\nlines ", Medical_history="e\u0301")
    told = values(found)
    assert (told["location"], told["medical_history"]) == (" two\r\nlines ", "e\u0301")


@pytest.mark.parametrize("wrong", [{"Gender": "male"}, {"Captions": "Another."}])
def test_a_row_with_a_problem_confirms_nothing(wrong: dict[str, str]) -> None:
    changes = {"keep": "yes", "Location": "Wuhan"} | wrong
    found = come_back(book(panel()), {("aa01", column): text for column, text in changes.items()})
    assert [(edit.field, edit.confirmed) for edit in found.edits] == [("location", False)]
    (told,) = found.problems
    assert "its keep is not taken" in told.reason


def test_a_signed_row_with_a_problem_confirms_nothing() -> None:
    of = book(panel(keep="yes", reviewer="Anna"))
    found = come_back(of, {("aa01", "reviewer"): "Cleo", ("aa01", "Age"): "old", ("aa01", "note"): "dark"})
    assert [(edit.field, edit.reviewer) for edit in found.edits] == [("note", "Cleo")]
    assert "its keep is not taken" in found.problems[0].reason


def test_an_unknown_word_for_keep_confirms_nothing_and_the_rest_stands() -> None:
    of = book(panel())
    found = come_back(of, {("aa01", "keep"): "maybe", ("aa01", "Age"): "45", ("aa01", "reviewer"): "Cleo"})
    assert [(edit.field, edit.reviewer) for edit in found.edits] == [("age", "Cleo")]
    assert len(found.problems) == 1


# Reviewers


def test_a_row_is_its_own_reviewers_where_that_name_was_typed() -> None:
    of = book(panel(reviewer="Anna"), panel("aa02"), panel("aa03", reviewer="Anna"), figures=[figure()])
    typed = {("aa02", "reviewer"): "  Cl\x07eo\n Li ", ("aa03", "reviewer"): " ", ("ff01", "reviewer"): "Dan"}
    noted = {(uid, "note"): "dark" for uid in ("aa01", "aa02", "aa03")} | {("ff01", "caption"): "One."}
    found = come_back(of, typed | noted, reviewer=" Ben ")
    assert [edit.reviewer for edit in found.edits] == ["Ben", "Cleo Li", "Ben", "Dan"]


def test_nothing_is_taken_of_a_row_whose_reviewer_is_a_problem() -> None:
    of = book(panel())
    for name in ("x" * 101, "Anna Berg" * 50):
        found = come_back(of, {("aa01", "reviewer"): name, ("aa01", "keep"): "yes", ("aa01", "Age"): "45"})
        assert not found.edits
        assert "at most 100" in found.problems[0].reason and "nothing of the row" in found.problems[0].reason
    assert one("x" * 100, "reviewer", keep="yes").edits[0].reviewer == "x" * 100


@pytest.mark.parametrize("importer", ["", " \n\x00", "x" * 101])
def test_changes_need_a_name(importer: str) -> None:
    of = book(panel(), panel("aa02"), panel("aa03"))
    changes = {("aa01", "note"): "dark", ("aa02", "note"): "dark", ("aa02", "reviewer"): "Cleo"}
    found = come_back(of, changes, importer)
    assert [(edit.uid, edit.reviewer) for edit in found.edits] == [("aa02", "Cleo")]
    (told,) = found.problems
    assert told.place == f"MetaInfo!{LETTERS['panels']['reviewer']}2" and "nobody is named" in told.reason


# Rows


def test_blank_rows_are_passed_over_and_typed_ones_reported() -> None:
    of = book(panel())
    (line,) = lines("panels", of)
    blank = replace(line, number=3, cells=dict.fromkeys(line.cells, " "))
    dragged = replace(line, number=4, cells={**blank.cells, EXPORT: of.export})
    typed = replace(line, number=5, cells={**blank.cells, "Age": "45"})
    found = compare(edited([line, blank, dragged, typed]), {of.export: read_export(of.content)}, "Ben")
    assert found.rows == 1
    assert "no uid" in problem(found) and problem(found).startswith(f"MetaInfo!{LETTERS['panels']['uid']}5: ")


def test_a_uid_that_was_not_exported_is_a_problem() -> None:
    found = come_back(book(panel("aa01"), panel("aa02")), {("aa02", "uid"): "1.2E+16", ("aa02", "Age"): "45"})
    assert found.rows == 1 and "uid was changed" in problem(found)


def test_a_figure_is_not_looked_for_among_the_pictures() -> None:
    assert "uid was changed" in problem(
        come_back(book(panel(), figures=[figure()]), {("aa01", "uid"): "ff01"})
    )


def test_rows_of_several_exports_are_each_compared_with_their_own() -> None:
    first, second = book(panel("aa01", {"age": 1}, Age="45")), book(panel("aa02", {"age": 2}, Age="54"))
    changes = {("aa01", "Age"): "54", ("aa02", "Age"): "45"}
    both = edited([*lines("panels", second, changes), *lines("panels", first, changes)])
    found = compare(both, {each.export: read_export(each.content) for each in (first, second)}, "Ben")
    assert [(edit.uid, edit.old, edit.value, edit.based_on) for edit in found.edits] == [
        ("aa02", "54", "45", 2),
        ("aa01", "45", "54", 1),
    ]


def test_a_row_of_another_workspace_is_a_problem() -> None:
    ours, theirs = book(panel("aa01")), book(panel("aa02"))
    both = edited([*lines("panels", ours), *lines("panels", theirs, {("aa02", "Age"): "45"})])
    found = compare(both, {ours.export: read_export(ours.content)}, "Ben")
    assert found.rows == 1 and "another workspace" in problem(found)


def test_a_whole_file_of_another_workspace_is_one_problem() -> None:
    of = book(*(panel(f"aa{at:02}") for at in range(30)), figures=[figure()], conflicts=[conflict(7)])
    found = compare(edited(*(lines(kind, of) for kind in SHEETS)), {}, "Ben")
    assert (found.rows, problem(found).split(":")[0]) == (0, "MetaInfo.xlsx")


def test_a_file_without_rows_is_none_of_another_workspace() -> None:
    assert compare(edited(), {}, "Ben") == Changes((), (), (), 0)


def test_a_row_that_stands_twice_is_taken_once() -> None:
    of = book(panel())
    (line,) = lines("panels", of, {("aa01", "Age"): "45"})
    known = {of.export: read_export(of.content)}
    copied = replace(line, number=9, cells={**line.cells, "Age": "45 "})
    assert values(compare(edited([line, copied]), known, "Ben")) == {"age": "45"}
    found = compare(edited([line, replace(copied, cells={**line.cells, "note": "dark"})]), known, "Ben")
    assert [edit.field for edit in found.edits] == ["age"] and found.rows == 1
    (told,) = found.problems
    uid = LETTERS["panels"]["uid"]
    assert told.place == f"MetaInfo!{uid}9" and f"MetaInfo!{uid}2" in told.reason


def test_a_copy_whose_text_became_a_date_is_not_the_same() -> None:
    of = book(panel())
    (line,) = lines("panels", of, {("aa01", "Time"): "2020-02-11"})
    copied = replace(line, number=3, dates=frozenset({"Time"}))
    found = compare(edited([line, copied]), {of.export: read_export(of.content)}, "Ben")
    assert [each.value for each in found.edits] == ["2020-02-11"] and len(found.problems) == 1


def test_a_row_that_stands_twice_by_two_exports_is_a_problem() -> None:
    first, second = book(panel(Age="45")), book(panel(Age="46"))
    both = edited([*lines("panels", first), *lines("panels", second)])
    found = compare(both, {each.export: read_export(each.content) for each in (first, second)}, "Ben")
    assert "once more" in problem(found)


# Problems of the same kind


def test_many_problems_of_one_kind_are_told_together() -> None:
    of = book(*(panel(f"{at:04x}") for at in range(2000)))
    changes = {(row.key, "Captions"): "Another." for row in of.panels} | {("0001", "Age"): "old"}
    found = come_back(of, changes)
    at = LETTERS["panels"]["Captions"]
    assert [told.place for told in found.problems] == [
        f"MetaInfo!{at}2, {at}3, {at}4, {at}5, {at}6 and 1,995 more",
        f"MetaInfo!{LETTERS['panels']['Age']}3",
    ]
    assert "these cells" in found.problems[0].reason


@pytest.mark.parametrize(("count", "told"), [(1, 1), (5, 5), (6, 1)])
def test_up_to_five_are_named_one_by_one(count: int, told: int) -> None:
    of = book(*(panel(f"{at:04x}") for at in range(count)))
    found = come_back(of, {(row.key, "Gender"): f"word {at}" for at, row in enumerate(of.panels)})
    assert len(found.problems) == told
    assert ("word 0" in found.problems[0].reason) is (told == count)


def test_problems_of_text_files_name_rows_and_column() -> None:
    of = book(*(panel(f"{at:04x}") for at in range(7)))
    changed = [replace(line, sheet="", letters={}) for line in lines("panels", of)]
    changed = [replace(line, cells={**line.cells, "Age": "old"}) for line in changed]
    known = {of.export: read_export(of.content)}
    (told,) = compare(edited(changed), known, "Ben").problems
    assert told.place == "rows 2, 3, 4, 5, 6 and 2 more, column Age"
    (told,) = compare(edited(changed[:1]), known, "Ben").problems
    assert told.place == changed[0].place("Age")


def test_a_problem_says_where_and_what() -> None:
    assert str(Problem("MetaInfo!C7", "no age; leave it blank")) == "MetaInfo!C7: no age; leave it blank"


# Conflicts


def test_a_choice_is_a_ruling() -> None:
    of = book(conflicts=[conflict(7), conflict(9, earlier=None, file="b.png"), conflict(11, file="c.png")])
    changes = {("7", "choose"): "Later", ("9", "choose"): "earlier", ("9", "reviewer"): "Cleo"}
    found = come_back(of, changes)
    at = LETTERS["conflicts"]["choose"]
    assert (found.edits, found.problems, found.rows) == ((), (), 3)
    assert found.rulings == (
        Ruling(7, "later", 3, "Ben", f"conflicts!{at}2"),
        Ruling(9, "earlier", None, "Cleo", f"conflicts!{at}3"),
    )


def test_a_choice_of_another_word_is_a_problem() -> None:
    assert "earlier, later" in problem(come_back(book(conflicts=[conflict(7)]), {("7", "choose"): "54"}))


@pytest.mark.parametrize("column", ["later value", "reviewer"])
def test_a_conflict_with_a_problem_is_not_ruled_on(column: str) -> None:
    of = book(conflicts=[conflict(7)])
    told = problem(come_back(of, {("7", "choose"): "later", ("7", column): "9" * 101}))
    assert ("its choose is not taken" if column == "later value" else "nothing of the row is taken") in told


def test_two_later_values_for_one_cell_are_problems() -> None:
    of = book(
        conflicts=[conflict(7, later="54"), conflict(9, later="64"), conflict(11, column="Gender", later="F")]
    )
    found = come_back(of, {(key, "choose"): "later" for key in ("7", "9", "11")})
    assert [ruling.conflict for ruling in found.rulings] == [11]
    assert [told.place[-1] for told in found.problems] == ["2", "3"]


@pytest.mark.parametrize(
    ("rows", "choices"),
    [
        ([conflict(7), conflict(9)], ["later", "later"]),
        ([conflict(7), conflict(9, later="64")], ["later", "earlier"]),
        ([conflict(7), conflict(9, later="64", file="b.png")], ["later", "later"]),
        ([conflict(7), conflict(9, later="64", earlier=4)], ["later", "later"]),
    ],
)
def test_choices_that_do_not_contradict_each_other_stand(rows: list[Row], choices: list[str]) -> None:
    found = come_back(
        book(conflicts=rows), {(row.key, "choose"): take for row, take in zip(rows, choices, strict=True)}
    )
    assert [ruling.take for ruling in found.rulings] == choices and not found.problems


# Real files

NASTY = (
    *(
        "007",
        "2020.10",
        "1e5",
        "3-5",
        "2020-02-11",
        "Mar-1",
        "1/2",
        "10,5",
        "+45",
        "TRUE",
        "12345678901234567890",
    ),
    *(
        "=1+1",
        "@a",
        "'x",
        " lead",
        "trailing \n",
        "\ttab",
        "a\nb",
        "_x0041_",
        "e\u0301",
        "x\x85y",
        "a\u2028b",
    ),
)


def test_texts_that_spreadsheets_like_to_change_come_back_from_files_unchanged(tmp_path: Path) -> None:
    of = book(
        *(panel(f"{at:016x}", Captions=text, note=text, Location=text) for at, text in enumerate(NASTY)),
        figures=[figure(f"f{at:015x}", caption=text) for at, text in enumerate(NASTY)],
        conflicts=[conflict(at, later=text) for at, text in enumerate(NASTY, 1)],
    )
    write_workbook(of, tmp_path / "book.xlsx")
    count = 0
    for path in [tmp_path / "book.xlsx", *write_csv(of, tmp_path / "book.csv")]:
        found = compare(read_sheet(path), {of.export: read_export(of.content)}, "Ben")
        assert replace(found, rows=0) == Changes((), (), (), 0)
        count += found.rows
    assert count == 6 * len(NASTY)


# Any book, any edits

PATIENT = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(max_size=12).map(lambda text: f"w{text}")
PANELS = st.sampled_from(["1x1", "2x3", "0,0,9,9", "0,0,9,9; 10,0,19,9"])
AGES = st.sampled_from(["", "45", "40s", "40+", "3 months", "90+"])


def cell(kind: Kind, column: Column) -> st.SearchStrategy[str]:
    """What may stand in that column."""
    if column.name == "modality":
        return st.sampled_from(column.values)
    if column.values:
        return st.sampled_from(["", *column.values])
    if column.name == "finding":
        return st.sampled_from(WORDS)
    if column.name == "Age":
        return AGES
    if kind == "figures" and column.name == "panels":
        return PANELS
    return st.just("") | TEXT


@st.composite
def rows_of(draw: st.DrawFn, kind: Kind) -> tuple[Row, ...]:
    made = []
    for at in range(draw(st.integers(0, 3))):
        cells: dict[str, Value] = {}
        for column in columns(kind):
            if column.number:
                cells[column.name] = draw(st.none() | st.floats(0, 1000) | st.integers(0, 99))
            elif column.name not in (KEYS[kind], EXPORT):
                cells[column.name] = draw(cell(kind, column))
        key = f"{kind[0]}{at}"
        fields = [column.field for column in columns(kind) if column.editable and column.name != "reviewer"]
        basis = draw(st.dictionaries(st.sampled_from(fields), st.integers(1, 99), max_size=3))
        made.append(Row(key, cells | {KEYS[kind]: key}, basis))
    return tuple(made)


@st.composite
def books(draw: st.DrawFn) -> Book:
    return Book(draw(rows_of("panels")), draw(rows_of("figures")), (), {"finding": WORDS})


@st.composite
def edits_of(draw: st.DrawFn, of: Book) -> dict[tuple[str, str], str]:
    """Cells that may be changed → what is typed there."""
    places = [
        (kind, row.key, column)
        for kind in SHEETS
        for row in of.rows(kind)
        for column in columns(kind)
        if column.editable
    ]
    if not places:
        return {}
    chosen = draw(
        st.lists(st.sampled_from(places), max_size=8, unique_by=lambda each: (each[1], each[2].name))
    )
    return {(key, column.name): draw(cell(kind, column)) for kind, key, column in chosen}


def expected(
    of: Book, changes: Mapping[tuple[str, str], str]
) -> set[tuple[str, str, str, int | None, str, bool]]:
    """(uid, field, value, based on, reviewer, confirmed), worked out from what was typed alone."""
    found = set()
    for kind in SHEETS:
        for row in of.rows(kind):
            new = {
                name: clean(text)
                for (key, name), text in changes.items()
                if key == row.key and clean(text) != clean(written(row.cells[name]))
            }
            name = " ".join(new.pop("reviewer", "").split())
            keep = new.get("keep", row.cells.get("keep"))
            confirms = keep in ("yes", "no") and bool("keep" in new or name)
            for column in columns(kind):
                if column.name in new or (
                    confirms and column.editable and column.name not in ("reviewer", "note")
                ):
                    value = new.get(column.name, row.cells[column.name])
                    by, basis = name or "Ben", row.basis.get(column.field)
                    if column.field == "panels":
                        grid = (
                            {"grid": [int(each) for each in str(value).split("x")]}
                            if "x" in str(value)
                            else None
                        )
                        boxes = (
                            [[int(n) for n in box.split(",")] for box in str(value).split(";")]
                            if not grid
                            else []
                        )
                        value = json.dumps(grid or {"boxes": boxes, "size": None})
                    found.add((row.key, column.field, str(value), basis, by, column.name not in new))
    return found


def told(found: Changes) -> set[tuple[str, str, str, int | None, str, bool]]:
    return {(e.uid, e.field, e.value, e.based_on, e.reviewer, e.confirmed) for e in found.edits}


@PATIENT
@given(books())
def test_any_unchanged_book_changes_nothing(of: Book) -> None:
    assert come_back(of) == Changes((), (), (), len(of.panels) + len(of.figures))


@PATIENT
@given(st.data())
def test_any_edits_are_found_and_no_others(data: st.DataObject) -> None:
    of = data.draw(books())
    changes = data.draw(edits_of(of))
    found = come_back(of, changes)
    assert not found.problems
    assert len(told(found)) == len(found.edits)
    assert told(found) == expected(of, changes)


@PATIENT
@given(st.data(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_does_not_matter(data: st.DataObject, chance: random.Random) -> None:
    of = data.draw(books())
    changes = data.draw(edits_of(of)) | dict.fromkeys(
        ((row.key, "Captions") for row in of.panels), "Another."
    )
    known = {of.export: read_export(of.content)}
    tables = [lines(kind, of, changes) for kind in SHEETS]
    mixed = []
    for table in tables:
        chance.shuffle(table := list(table))
        mixed.append(
            [
                replace(line, cells=dict(chance.sample(list(line.cells.items()), len(line.cells))))
                for line in table
            ]
        )
    before, after = compare(edited(*tables), known, "Ben"), compare(edited(*mixed), known, "Ben")
    assert set(before.edits) == set(after.edits) and len(before.edits) == len(after.edits)
    assert set(before.problems) == set(after.problems)


def respelt(kind: Kind, column: Column, value: Value) -> str:
    """The same said in other words."""
    if isinstance(value, (int, float)):
        return f" {written(value)}".replace(".", ",")
    text = re.sub("\r\n|\r|\n", "\r\n", unicodedata.normalize("NFD", written(value)))
    if column.editable and (column.values or column.name == "finding"):
        text = text.upper()
    if kind == "figures" and column.name == "panels":
        text = text.replace("x", " X ").replace("; ", "  ")
    return f"\n{text}\x07 "


@PATIENT
@given(books())
def test_the_same_typed_again_changes_nothing(of: Book) -> None:
    changes = {
        (row.key, column.name): respelt(kind, column, row.cells[column.name])
        for kind in SHEETS
        for row in of.rows(kind)
        for column in columns(kind)
        if column.name != EXPORT
    }
    assert come_back(of, changes) == Changes((), (), (), len(of.panels) + len(of.figures))


@PATIENT
@given(st.dictionaries(st.sampled_from([column.name for column in columns()]), st.text(max_size=30)))
def test_any_text_in_any_cell_is_an_edit_or_a_problem(typed: dict[str, str]) -> None:
    of = book(panel(Age="45", note="007"), panel("aa02"))
    found = come_back(of, {("aa01", name): text for name, text in typed.items()})
    assert all(edit.uid == "aa01" and len(edit.reviewer) <= 100 for edit in found.edits)
    assert all(str(each).isprintable() for each in found.problems)
