"""What reviewers decided: which decision stands, what lies over the facts, and what outlives a new run."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidct_curate import labelling, listing, pipeline, splitting
from covidct_curate.catalog import Catalog, decisions
from covidct_curate.panels.choice import parse_grid
from covidct_curate.records import Decision, Evidence, Facts, Patient
from covidct_curate.review.decisions import PICTURE_FIELDS, settled
from covidct_curate.review.export import export_sheet
from covidct_curate.review.intake import import_sheet
from tests.fake_extract import fake_paper, fake_split, figure, picture, run_here, write_pdf
from tests.test_pipeline import again, listed


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "extract_paper", fake_paper)
    monkeypatch.setattr("covidct_curate.engine.run", run_here)
    monkeypatch.setattr("covidct_curate.panels.figure.split", fake_split)


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    return tmp_path / "ws"


def decide(ws: Path, uid: str, field: str, value: str, by: str = "Ann", on: int | None = None) -> int:
    with Catalog(ws / "catalog.db") as catalog, catalog.transaction() as db:
        return decisions.append(db, Decision(uid, field, value, on, by, "2024-02-11T09:30:00Z", "test"))


def verdict(ws: Path, uid: str, field: str) -> decisions.Verdict:
    with Catalog(ws / "catalog.db") as catalog, catalog.snapshot() as db:
        return decisions.verdicts(db)[uid][field]


def told(ws: Path, uid: str, field: str) -> tuple[str, list[str]]:
    found = verdict(ws, uid, field)
    return found.value, [rival.decision.value for rival in found.rivals]


def states(ws: Path) -> list[str]:
    return [row["state"] for row in listed("decisions", ws)]


@pytest.fixture
def one(tmp_path: Path, ws: Path) -> str:
    pipeline.extract([write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))], ws)
    return str(listed("panels", ws)[0]["uid"])


# --- which one stands -----------------------------------------------------------------------------------


def test_a_decision_based_on_the_one_that_stands_follows_it(ws: Path, one: str) -> None:
    first = decide(ws, one, "age", "45")
    decide(ws, one, "age", "46", "Bob", first)
    assert told(ws, one, "age") == ("46", [])
    assert states(ws) == ["replaced", "stands"]


def test_one_made_in_ignorance_waits_until_somebody_chooses(ws: Path, one: str) -> None:
    decide(ws, one, "age", "45")
    rival = decide(ws, one, "age", "46", "Bob")
    assert told(ws, one, "age") == ("45", ["46"])
    assert states(ws) == ["stands", "conflict"]
    (row,) = listed("panels", ws)
    assert (row["patient"]["age"], [each["value"] for each in row["decisions"]["age"]["rivals"]]) == (
        "45",
        ["46"],
    )
    decide(ws, one, "age", "46", "Cy", rival)
    assert told(ws, one, "age") == ("46", [])
    assert states(ws) == ["replaced", "settled", "stands"]


def test_choosing_the_value_that_stands_ends_the_conflict_too(ws: Path, one: str) -> None:
    decide(ws, one, "age", "45")
    rival = decide(ws, one, "age", "46", "Bob")
    decide(ws, one, "age", "45", "Cy", rival)
    assert told(ws, one, "age") == ("45", [])


def test_saying_the_same_is_no_conflict(ws: Path, one: str) -> None:
    first = decide(ws, one, "age", "45")
    decide(ws, one, "age", "45", "Bob")
    assert told(ws, one, "age") == ("45", [])
    assert verdict(ws, one, "age").basis == first
    assert states(ws) == ["stands", "agrees"]


def test_a_conflict_ends_when_the_value_becomes_the_same(ws: Path, one: str) -> None:
    first = decide(ws, one, "age", "45")
    decide(ws, one, "age", "46", "Bob")
    decide(ws, one, "age", "46", "Ann", first)
    assert told(ws, one, "age") == ("46", [])


def test_each_reviewer_has_one_voice(ws: Path, one: str) -> None:
    first = decide(ws, one, "age", "45")
    decide(ws, one, "age", "46", "Bob")
    decide(ws, one, "age", "47", "Bob")
    decide(ws, one, "age", "48", "Cy")
    assert told(ws, one, "age") == ("45", ["47", "48"])
    decide(ws, one, "age", "49", "Bob", first)
    assert told(ws, one, "age") == ("49", ["48"])
    decide(ws, one, "age", "45", "Ann")
    assert told(ws, one, "age") == ("49", ["48", "45"])


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 9)), min_size=1, max_size=8
    )
)
def test_every_decision_has_a_state_and_one_stands(made: list[tuple[str, str, int]]) -> None:
    kept = [
        decisions.KeptDecision(
            at + 1, Decision("u", "f", value, (basis % at) + 1 if at and basis else None, who, "", ""), None
        )
        for at, (who, value, basis) in enumerate(made)
    ]
    found, states = decisions.fold(iter(kept))
    assert sorted(states) == [each.number for each in kept]
    assert [number for number, state in states.items() if state == "stands"] == [found.standing.number]
    assert {n for n, state in states.items() if state == "conflict"} == {
        rival.number for rival in found.rivals
    }
    assert all(rival.decision.value != found.value for rival in found.rivals)
    assert len({rival.decision.reviewer for rival in found.rivals}) == len(found.rivals)


# --- over the facts -------------------------------------------------------------------------------------


def test_decided_values_lie_over_what_was_found(ws: Path, one: str) -> None:
    (before,) = listed("panels", ws)
    for field, value in [
        ("age", "93"),
        ("gender", "F"),
        ("patient", "p7"),
        ("finding", "non-covid"),
        ("note", "hm"),
    ]:
        decide(ws, one, field, value)
    decide(ws, one, "keep", "no", "Bob")
    (row,) = listed("panels", ws)
    patient = row["patient"]
    assert (patient["id"], patient["age"], patient["age_min"], patient["gender"]) == ("p7", "90+", 90, "F")
    assert (row["finding"], row["note"], row["keep"], row["decided"]) == ("non-covid", "hm", "no", True)
    assert (row["reviewer"], before["decided"]) == ("Bob", False)
    assert (before["selected"], row["selected"]) == (True, False)
    assert row["evidence"]["gender"] == {
        "rule": "decision",
        "text": "Ann, 2024-02-11T09:30:00Z",
        "source": "reviewer",
        "confidence": 1.0,
    }
    assert row["decisions"]["finding"]["automatic"] == before["finding"]


def test_keep_takes_what_was_not_selected_and_a_figure_that_is_none_gives_nothing(ws: Path, one: str) -> None:
    decide(ws, one, "modality", "xray")
    assert listed("panels", ws)[0]["selected"] is False
    decide(ws, one, "keep", "yes")
    (row,) = listed("panels", ws)
    assert row["selected"] is True
    decide(ws, row["figure_uid"], "figure", "no")
    assert listed("panels", ws)[0]["selected"] is False
    assert listed("figures", ws)[0]["figure"] == "no"


FOUND = Facts(
    modality="ct",
    finding="covid",
    patient=Patient(id="1", age="15", age_min=15, age_max=15, gender="M", time="day 5", time_days=5),
    evidence={"age": Evidence("age.years", "15-year-old", "caption", 0.9)},
    flags=("under-18", "modality-conflict"),
)


def over(**values: str) -> Facts:
    return settled(
        FOUND,
        {
            field: decisions.Verdict(
                decisions.KeptDecision(1, Decision("u", field, value, None, "Ann", "", ""), None)
            )
            for field, value in values.items()
        },
    )


def test_a_confirmed_value_keeps_the_words_it_was_read_from() -> None:
    assert over(age="15", gender="M", modality="ct") == FOUND


def test_flags_follow_the_decided_values() -> None:
    assert over(age="45").flags == ("modality-conflict",)
    assert over(age="3 months").flags == ("modality-conflict", "under-18")
    assert over(modality="xray").flags == ("under-18",)
    assert (over(age="").patient.age_min, over(age="").flags) == (None, ("modality-conflict",))


def test_a_changed_time_has_no_days() -> None:
    assert (over(time="day 5").patient.time_days, over(time="day 6").patient.time_days) == (5, None)


@pytest.mark.parametrize("field", PICTURE_FIELDS)
def test_every_field_can_be_cleared(ws: Path, one: str, field: str) -> None:
    decide(ws, one, field, "")
    (row,) = listed("panels", ws)
    values = {**row, **row["patient"], "patient": row["patient"]["id"]}
    assert values[field] == ""


# --- after another run ----------------------------------------------------------------------------------


def test_no_run_touches_a_decided_value(ws: Path, one: str, tmp_path: Path, monkeypatch: Any) -> None:
    decide(ws, one, "age", "45")
    decide(ws, one, "keep", "yes")
    (before,) = listed("panels", ws)
    labelling.label(ws, rules="tuberculosis")
    splitting.split(ws)
    again(ws, tmp_path / "a.pdf", monkeypatch, 101, figure(1, picture(10), caption="A boy of 12. Chest CT."))
    (row,) = listed("panels", ws)
    assert row["caption"] != before["caption"]
    assert (row["uid"], row["patient"]["age"], row["keep"], row["decided"]) == (one, "45", "yes", True)


def test_a_picture_whose_pixels_changed_waits_for_review(
    ws: Path, one: str, tmp_path: Path, monkeypatch: Any
) -> None:
    decide(ws, one, "age", "45")
    first = decide(ws, one, "keep", "yes")
    again(ws, tmp_path / "a.pdf", monkeypatch, 101, figure(1, picture(99)))
    (row,) = listed("panels", ws)
    assert (row["uid"], row["patient"]["age"]) == (one, "45")
    assert (row["keep"], row["decided"], row["flags"]) == ("", False, ("recut",))
    assert row["decisions"]["keep"]["basis"] == first
    decide(ws, one, "keep", "yes", on=first)
    decide(ws, one, "age", "45", on=verdict(ws, one, "age").basis)
    (row,) = listed("panels", ws)
    assert (row["keep"], row["decided"], row["flags"]) == ("yes", True, ())


def test_a_panel_that_is_not_cut_again_keeps_its_decisions_as_an_orphan(ws: Path, tmp_path: Path) -> None:
    pipeline.extract([write_pdf(tmp_path / "a.pdf", figure(1, picture(10, columns=3)))], ws)
    first, *_ = listed("panels", ws)
    decide(ws, first["uid"], "keep", "yes")
    report = splitting.decide(ws, first["figure_uid"], parse_grid("1x2"), reviewer="Ann")
    assert any("no longer found or cut so: 1;" in note for note in report.sheet.notes)
    assert not any("no longer" in note for note in splitting.split(ws).sheet.notes)
    assert [(row["uid"] == first["uid"], row["orphaned"]) for row in listed("decisions", ws)] == [
        (True, True),
        (False, False),
    ]
    assert not any(row["decided"] for row in listed("panels", ws))


def version(tmp_path: Path, ws: Path, number: int, *shades: int) -> list[dict[str, Any]]:
    places = [(50.0, 50.0 + 120 * k, 150.0, 150.0 + 120 * k) for k in range(len(shades))]
    figures = [figure(k + 1, picture(s, bbox=places[k], xref=7 + k)) for k, s in enumerate(shades)]
    pdf = write_pdf(tmp_path / f"{number}.pdf", *figures, doi="10.1101/x", version=number)
    assert not pipeline.extract([pdf], ws).failures
    return [row for row in listed("panels", ws) if not row["superseded"]]


def test_decisions_carry_over_to_a_newer_version_where_the_pixels_are_equal(tmp_path: Path, ws: Path) -> None:
    old = version(tmp_path, ws, 1, 10, 20)
    for row in old:
        decide(ws, row["uid"], "age", "45")
        decide(ws, row["uid"], "keep", "yes")
    same, other = version(tmp_path, ws, 2, 10, 30)
    assert (same["patient"]["age"], same["keep"], same["decided"]) == ("45", "yes", True)
    assert same["decisions"]["age"]["basis"] is None
    assert (other["patient"]["age"], other["keep"], other["decided"]) == ("", "", False)
    decide(ws, same["uid"], "age", "46", "Bob")
    assert told(ws, same["uid"], "age") == ("46", [])
    newest, _ = version(tmp_path, ws, 3, 10, 30)
    assert (newest["patient"]["age"], newest["keep"]) == ("46", "yes")


def test_a_figures_decisions_carry_over_too(tmp_path: Path, ws: Path) -> None:
    (old,) = version(tmp_path, ws, 1, 10)
    splitting.decide(ws, old["figure_uid"], parse_grid("1x2"), reviewer="Ann")
    decide(ws, old["figure_uid"], "caption", "Chest CT of a 50-year-old woman.")
    rows = version(tmp_path, ws, 2, 10)
    assert len(rows) == 2
    assert {row["caption"] for row in rows} == {"Chest CT of a 50-year-old woman."}
    assert {row["patient"]["age"] for row in rows} == {"50"}


def test_lists_tell_of_decisions(ws: Path, one: str) -> None:
    decide(ws, one, "age", "45")
    (row,) = listing.rows("decisions", ws)
    assert (row["old"], row["new"], row["reviewer"]) == (None, "45", "Ann")


def test_a_sheet_of_before_does_not_confirm_pixels_it_did_not_show(
    ws: Path, one: str, tmp_path: Path, monkeypatch: Any
) -> None:
    export_sheet(ws, out=tmp_path / "a.csv")
    again(ws, tmp_path / "a.pdf", monkeypatch, 101, figure(1, picture(99)))
    text = (tmp_path / "a.csv").read_text("utf-8-sig")
    head, line = csv.reader(StringIO(text))
    line[head.index("keep")] = "yes"
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, line])
    assert import_sheet(ws, tmp_path / "a.csv", reviewer="Ann").decided == 1
    (row,) = listed("panels", ws)
    assert (row["uid"], row["keep"], row["flags"]) == (one, "", ("recut",))
