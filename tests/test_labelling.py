"""Labels in the workspace: what extraction reads, other rules, what is selected, kills, hostile words."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from covidct_curate import labelling, listing, pipeline, selection, splitting
from covidct_curate.catalog import Catalog
from covidct_curate.errors import RuleError, WorkspaceError
from covidct_curate.label.paper import label_figures
from covidct_curate.label.rules import load_rules
from covidct_curate.panels.choice import parse_grid
from covidct_curate.report import Report
from covidct_curate.review import export
from tests.fake_extract import fake_paper, fake_split, figure, picture, run_here, write_pdf
from tests.manuscripts import Manuscript, Pixels, phantom_ct
from tests.manuscripts.phantom import compound
from tests.test_cli import curate
from tests.test_pipeline import every_kill, extracted, listed, state, statuses

HANG = 60.0
"""Seconds that no hostile paper may take; they take tenths."""


def manuscript(path: Path, title: str, cases: list[str], figures: list[tuple[str, Pixels | None]]) -> Path:
    """A preprint that describes cases, then cites and shows each figure."""
    m = Manuscript(path, 3, title=title)
    m.head()
    m.heading("Abstract")
    m.body(3)
    m.heading("Case presentation")
    for case in cases:
        m.flow(case)
        m.y += 5
    m.heading("Results")
    for number, (caption, pixels) in enumerate(figures, 1):
        m.body(4, (f"Figure {number}", f"The images are shown in Figure {number}."))
        m.figure(number, caption, pixels)
    m.heading("Discussion")
    m.body(6)
    return m.save().path


@pytest.fixture(scope="module")
def pdfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelling") / "pdfs"
    folder.mkdir()
    manuscript(
        folder / "covid.pdf",
        "Clinical features of COVID-19 pneumonia in an invented hospital",
        [
            "Patient 1 was a 45-year-old man with hypertension who was admitted with fever. He was moved to the "
            "intensive care unit on day 8.",
            "Patient 2, a 31-year-old woman, presented with cough. Her RT-PCR was positive.",
        ],
        [
            (
                "Chest CT of patient 1 with COVID-19 pneumonia on day 5 of illness shows bilateral ground-glass "
                "opacities.",
                None,
            ),
            (
                "Chest CT images. (A) A 31-year-old woman with COVID-19 (patient 2). (B) A 60-year-old man with "
                "bacterial pneumonia.",
                compound(1, 2, 7),
            ),
            ("Chest radiograph of a 57-year-old man with COVID-19.", None),
            ("Chest CT of a 7-year-old boy with COVID-19.", phantom_ct(99)),
        ],
    )
    manuscript(
        folder / "tb.pdf",
        "Imaging of pulmonary tuberculosis: a case report",
        [
            "A 29-year-old woman with diabetes was admitted with cough and weight loss. Sputum smear was positive."
        ],
        [
            (
                "Axial chest CT on admission shows tree-in-bud nodules of active pulmonary tuberculosis in the right "
                "upper lobe.",
                None,
            ),
            ("Chest CT of a 50-year-old man with COVID-19 pneumonia for comparison.", None),
        ],
    )
    return folder


@pytest.fixture(scope="module")
def labelled(pdfs: Path) -> Path:
    """The workspace of both manuscripts; not to be changed."""
    ws = pdfs.parent / "ws"
    assert not pipeline.extract([pdfs], ws, jobs=2).failures
    return ws


@pytest.fixture
def mine(labelled: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(labelled, tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "extract_paper", fake_paper)
    monkeypatch.setattr("covidct_curate.engine.run", run_here)
    monkeypatch.setattr("covidct_curate.panels.figure.split", fake_split)
    monkeypatch.setattr("covidct_curate.panels.figure.kind_of", lambda picture: "radiology")


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    return tmp_path / "ws"


def cells(ws: Path, *fields: str) -> list[tuple[Any, ...]]:
    """Of each panel, fields of the list or of its patient; the patient's id without the paper's."""
    rows = []
    for row in listed("panels", ws):
        values = {**row, **row["patient"], "id": row["patient"]["id"].rpartition("-")[2]}
        rows.append(tuple(values[field] for field in fields))
    return rows


def dump(ws: Path) -> dict[str, list[Any]]:
    """All rows of all tables but times."""
    db = sqlite3.connect(ws / "catalog.db")
    try:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        found = {name: db.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall() for name in tables}
        found["done"] = sorted(db.execute("SELECT sha256, stage, version, settings FROM done"))
    finally:
        db.close()
    return found


def sheet(path: Path) -> list[dict[str, Any]]:
    head, *rows = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


# --- from PDFs to cells ---------------------------------------------------------------------------------


def test_extract_fills_the_facts_of_every_panel(labelled: Path) -> None:
    fields = "figure_label", "label", "modality", "region", "finding", "id", "age", "gender", "selected"
    assert cells(labelled, *fields) == [
        ("Figure 1", None, "ct", "chest", "covid", "1", "45", "M", True),
        ("Figure 2", "A", "ct", "chest", "covid", "2", "31", "F", True),
        ("Figure 2", "B", "ct", "chest", "non-covid", "3", "60", "M", True),
        ("Figure 3", None, "xray", "chest", "covid", "4", "57", "M", False),
        ("Figure 4", None, "ct", "chest", "covid", "5", "7", "M", False),
        ("Figure 1", None, "ct", "chest", "non-covid", "1", "29", "F", True),
        ("Figure 2", None, "ct", "chest", "covid", "2", "50", "M", True),
    ]
    first, second, third, _, boy, case, _ = (row["patient"] for row in listed("panels", labelled))
    assert (first["age_min"], first["age_max"], first["medical_history"]) == (45, 45, "hypertension")
    assert (first["time"], first["time_days"], first["icu"]) == ("day 5 of illness", 5, "yes")
    assert (second["rt_pcr"], second["medical_history"], second["icu"]) == ("positive", "", "")
    assert (third["other_diseases"], third["rt_pcr"]) == ("bacterial pneumonia", "")
    assert (case["medical_history"], case["time"], case["time_days"]) == ("diabetes", "on admission", 0)
    assert boy["age_max"] == 7
    assert [row["flags"] for row in listed("panels", labelled)][4] == ("under-18",)


def test_every_fact_says_which_rule_found_it_in_which_words(labelled: Path) -> None:
    rules = load_rules()
    known = {rule.id for each in rules.rules.values() for rule in each}
    with Catalog(labelled / "catalog.db") as catalog, catalog.snapshot() as db:
        bodies = dict(db.execute("SELECT sha256, body FROM papers"))
    papers = {row["source"]: row["sha256"] for row in listed("papers", labelled)}
    sources = set()
    for row in listed("panels", labelled):
        patient = row["patient"]
        filled = {field for field in patient if patient[field] not in ("", None)}
        # age_min, age_max and time_days come with age and time; a number is not always named
        assert filled - {"id", "age_min", "age_max", "time_days"} <= set(row["evidence"])
        assert {"modality", "region", "finding"} <= set(row["evidence"])
        for why in row["evidence"].values():
            where = {
                "subcaption": row["subcaption"],
                "caption": row["caption"],
                "case": bodies[papers[row["source"]]],
            }
            assert why["text"] and why["text"] in where[why["source"]]
            assert why["rule"] in known
            assert 0 < why["confidence"] <= 1
            sources.add(why["source"])
    assert sources == {"subcaption", "caption", "case"}


def test_the_sheet_shows_selected_panels_with_their_evidence(labelled: Path) -> None:
    rows = sheet(labelled / "MetaInfo.xlsx")
    panels = [row for row in listed("panels", labelled) if row["selected"]]
    assert len(rows) == len(panels) == 5
    for row, panel in zip(rows, panels, strict=True):
        assert row["File name"] == Path(panel["file"]).name
        assert (row["modality"], row["finding"], row["uid"]) == ("ct", panel["finding"], panel["uid"])
        assert (row["Age"], row["age from"]) == (panel["patient"]["age"], panel["patient"]["age_min"])
        for field, why in panel["evidence"].items():
            assert f"{field}: {why['rule']} “{why['text']}” ({why['source']})" in row["evidence"]
        assert row["confidence"] == min(why["confidence"] for why in panel["evidence"].values())


# --- other rules ----------------------------------------------------------------------------------------


def test_another_rule_file_has_its_own_words_from_label_or_from_extract(
    pdfs: Path, mine: Path, tmp_path: Path
) -> None:
    report = labelling.label(mine, rules="tuberculosis")
    assert statuses(report) == {"covid.pdf": "done", "tb.pdf": "done"}
    assert [result.panels for result in report.results] == [5, 2]
    assert report.sheet.path == mine / "MetaInfo.xlsx"
    assert cells(mine, "finding", "age", "selected") == [
        ("non-tuberculosis", "45", True),
        ("non-tuberculosis", "31", True),
        ("non-tuberculosis", "60", True),
        ("non-tuberculosis", "57", True),  # its rules select radiographs too
        ("non-tuberculosis", "7", False),
        ("tuberculosis", "29", True),
        ("non-tuberculosis", "50", True),
    ]
    assert {row["finding"] for row in sheet(mine / "MetaInfo.xlsx")} == {"tuberculosis", "non-tuberculosis"}
    other = tmp_path / "other"
    assert not pipeline.extract([pdfs], other, jobs=2, rules="tuberculosis").failures
    assert state(other)["lists"] == state(mine)["lists"]


def test_the_next_run_keeps_to_the_workspace_s_rules(
    pdfs: Path, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelling.label(mine, rules="tuberculosis", keep=["ct"])
    before = dump(mine)
    report = pipeline.extract([pdfs], mine, jobs=1)
    assert statuses(report) == {"covid.pdf": "skipped", "tb.pdf": "skipped"}
    assert dump(mine) == before
    more = manuscript(
        tmp_path / "more.pdf",
        "Another case of pulmonary tuberculosis",
        [],
        [("Chest CT of a 33-year-old man with pulmonary tuberculosis.", None)],
    )
    assert not pipeline.extract([more], mine, jobs=1).failures
    row = next(row for row in listed("panels", mine) if row["source"] == "more.pdf")
    assert (row["finding"], row["selected"]) == ("tuberculosis", True)
    assert not pipeline.extract([pdfs], mine, jobs=1, rules="covid-19").failures
    found = dict(cells(mine, "source", "finding"))
    assert (found["tb.pdf"], found["more.pdf"]) == ("covid", "tuberculosis")  # not among these inputs


def test_labelling_again_changes_nothing(mine: Path) -> None:
    before, written = dump(mine), (mine / "MetaInfo.xlsx").stat()
    for _ in range(2):
        report = labelling.label(mine)
        assert set(statuses(report).values()) == {"done"}
        assert report.sheet.path is None
        assert dump(mine) == before
    labelling.label(mine, rules="tuberculosis")
    assert dump(mine) != before
    labelling.label(mine, rules="covid-19")
    after = dump(mine)
    assert {name: rows for name, rows in after.items() if name not in ("sheets", "settings", "exports")} == {
        name: rows for name, rows in before.items() if name not in ("sheets", "settings", "exports")
    }
    assert sorted(after["settings"]) == sorted(before["settings"])
    after_sheet = (mine / "MetaInfo.xlsx").stat()
    assert after_sheet.st_ino != written.st_ino


def own_rules(path: Path, *rules: str, positive: str = "ill") -> Path:
    path.write_text(
        f'name = "Own"\npositive = "{positive}"\nnegative = "well"\npositive_folder = "ILL"\n'
        'negative_folder = "WELL"\nkeep = ["ct"]\n'
        'extends = ["modality", "context", "patient", "places", "course"]\n' + "\n".join(rules),
        "utf-8",
    )
    return path


PLAGUE = '[[disease]]\nid = "own.plague"\nvalue = "positive"\nterms = ["plague"]\n'


def test_a_rule_file_of_one_s_own_is_read_again_when_it_was_changed(
    fake: None, tmp_path: Path, ws: Path
) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10), caption="Chest CT of plague."))
    own = own_rules(tmp_path / "own.toml", PLAGUE)
    pipeline.extract([pdf], ws, rules=str(own))
    assert cells(ws, "finding", "selected") == [("ill", True)]
    assert statuses(pipeline.extract([pdf], ws)) == {"a.pdf": "skipped"}
    own_rules(own, PLAGUE, positive="plague")
    assert statuses(pipeline.extract([pdf], ws)) == {"a.pdf": "done"}
    assert cells(ws, "finding") == [("plague",)]
    own.unlink()
    before = dump(ws)
    uid = listed("figures", ws)[0]["uid"]
    runs: list[Callable[[], object]] = [
        lambda: pipeline.extract([pdf], ws),
        lambda: labelling.label(ws),
        lambda: splitting.split(ws),
        lambda: splitting.decide(ws, uid, parse_grid("1x2"), reviewer="ann"),
    ]
    for run in runs:
        with pytest.raises(RuleError, match=r"own\.toml"):
            run()
    assert dump(ws) == before
    labelling.label(ws, rules="covid-19")
    assert cells(ws, "finding") == [("uncertain",)]


# --- what is selected -----------------------------------------------------------------------------------


def test_keep_selects_modalities_until_somebody_says_otherwise(mine: Path, pdfs: Path) -> None:
    def chosen() -> list[str]:
        return [row[0] for row in cells(mine, "modality", "selected") if row[1]]

    before = [row["facts"] for row in facts(mine)]
    labelling.label(mine, keep=["xray"])
    assert chosen() == ["xray"]
    assert [row["modality"] for row in sheet(mine / "MetaInfo.xlsx")] == ["xray"]
    pipeline.extract([pdfs], mine, jobs=1)
    assert chosen() == ["xray"]
    labelling.label(mine)
    assert chosen() == ["xray"]
    pipeline.extract([pdfs], mine, jobs=1, keep=["ct", "xray"])
    assert chosen() == ["ct", "ct", "ct", "xray", "ct", "ct"]
    assert [row["facts"] for row in facts(mine)] == before
    labelling.label(mine, rules="tuberculosis", keep=["xray"])
    assert chosen() == ["xray"]
    labelling.label(mine, rules="covid-19")
    assert chosen() == ["ct"] * 5


def facts(ws: Path) -> list[dict[str, Any]]:
    return [
        {"facts": {key: row[key] for key in ("modality", "finding", "patient", "evidence")}}
        for row in listed("panels", ws)
    ]


@pytest.mark.parametrize(
    ("caption", "selected"),
    [
        ("Chest CT of a 50-year-old man.", True),
        ("CT of a 50-year-old man.", True),
        ("Head CT of a 50-year-old man.", False),
        ("Chest radiograph of a 50-year-old man.", False),
        ("Chest CT of an 11-month-old girl.", False),
        ("Chest CT of an infant.", False),
        ("Chest CT of an 18-year-old man.", True),
        ("Photograph of the patient's face.", False),
        ("Words of nothing.", False),
        ("", False),
    ],
)
def test_only_adults_chest_ct_is_selected(
    fake: None, tmp_path: Path, ws: Path, caption: str, selected: bool
) -> None:
    pipeline.extract([write_pdf(tmp_path / "a.pdf", figure(1, picture(10), caption=caption))], ws)
    assert cells(ws, "selected") == [(selected,)]
    assert (ws / "MetaInfo.xlsx").exists() == selected


def test_what_was_never_labelled_is_not_selected(fake: None, tmp_path: Path, ws: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))
    pipeline.extract([pdf], ws, only_figures=True)
    with Catalog(ws / "catalog.db") as catalog, catalog.snapshot() as db:
        assert selection.of_workspace(db) is None
    assert listed("panels", ws) == []
    pipeline.extract([pdf], ws)
    assert cells(ws, "modality", "selected") == [("ct", True)]


# --- which papers ---------------------------------------------------------------------------------------


def test_label_does_current_papers_only(fake: None, tmp_path: Path, ws: Path) -> None:
    for version in (1, 2):
        write_pdf(
            tmp_path / f"{version}.pdf",
            figure(1, picture(10 * version), caption="Chest CT of COVID-19."),
            doi="10.1/x",
            version=version,
        )
    write_pdf(tmp_path / "bare.pdf", figure(1))
    pipeline.extract([tmp_path / f"{name}.pdf" for name in (1, 2, "bare")], ws)
    told: list[Any] = []
    report = labelling.label(ws, rules="tuberculosis", progress=told.append)
    assert statuses(report) == {"2.pdf": "done", "bare.pdf": "done"}
    assert (told[-1].total, told[-1].done, told[-1].failed) == (2, 2, 0)
    assert cells(ws, "source", "finding") == [("1.pdf", "covid"), ("2.pdf", "non-tuberculosis")]
    with pytest.raises(WorkspaceError, match="there is no catalogue here"):
        labelling.label(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def boom(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a caption with BOOM in it cannot be labelled."""

    def explode(figures: Any, setting: Any, rules: Any) -> Any:
        if any("BOOM" in each.caption for each in figures):
            raise RecursionError("too deep")
        return label_figures(figures, setting, rules)

    monkeypatch.setattr(labelling, "label_figures", explode)


def test_a_paper_whose_labelling_raises_costs_that_paper_only(
    fake: None, tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdfs = tmp_path / "pdfs"
    write_pdf(pdfs / "a.pdf", figure(1, picture(10), caption="Chest CT of COVID-19. BOOM"))
    write_pdf(pdfs / "b.pdf", figure(1, picture(20), caption="Chest CT of COVID-19."))
    pipeline.extract([pdfs], ws)
    failure = {"source": "a.pdf", "stage": "label", "reason": "RecursionError: too deep"}
    with monkeypatch.context() as patched:
        boom(patched)
        runs: list[Callable[[], Report]] = [
            lambda: labelling.label(ws, rules="tuberculosis"),
            lambda: pipeline.extract([pdfs], ws),
            lambda: splitting.split(ws),
        ]
        for run in runs:
            assert [(each.source, each.stage, each.reason) for each in run().failures] == [
                tuple(failure.values())
            ]
            assert failure in listed("failures", ws)
            assert cells(ws, "finding")[1] == ("non-tuberculosis",)
    assert not pipeline.extract([pdfs], ws).failures
    assert cells(ws, "finding") == [("non-tuberculosis",)] * 2
    assert listed("failures", ws) == []


def test_a_failure_of_label_goes_when_the_paper_is_labelled(
    fake: None, tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pdf(tmp_path / "a.pdf", figure(1, picture(10), caption="Chest CT. BOOM"))
    (tmp_path / "bad.pdf").write_text("no PDF")
    pipeline.extract([tmp_path / "a.pdf", tmp_path / "bad.pdf"], ws)
    with monkeypatch.context() as patched:
        boom(patched)
        assert len(labelling.label(ws).failures) == 1
    assert [row["stage"] for row in listed("failures", ws)] == ["label", "extract"]
    assert not labelling.label(ws).failures
    assert [row["stage"] for row in listed("failures", ws)] == ["extract"]


def test_a_new_paper_whose_labelling_raises_costs_that_paper_only(
    fake: None, tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pdf(tmp_path / "a.pdf", figure(1, picture(10), caption="Chest CT. BOOM"))
    write_pdf(tmp_path / "b.pdf", figure(1, picture(20)))
    with monkeypatch.context() as patched:
        boom(patched)
        report = pipeline.extract([tmp_path / "a.pdf", tmp_path / "b.pdf"], ws)
    assert statuses(report) == {"a.pdf": "failed", "b.pdf": "done"}
    assert "RecursionError" in report.failures[0].reason
    assert not pipeline.extract([tmp_path / "a.pdf", tmp_path / "b.pdf"], ws).failures
    assert cells(ws, "modality") == [("ct",), ("ct",)]
    assert listed("failures", ws) == []


# --- after splitting ------------------------------------------------------------------------------------


PAIR = "Chest CT. (A) A 40-year-old man with COVID-19. (B) A 52-year-old woman with bacterial pneumonia."


def test_panels_are_labelled_again_when_they_were_split_again(fake: None, tmp_path: Path, ws: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10, columns=2), caption=PAIR))
    pipeline.extract([pdf], ws, keep=["ct", "mri"])
    halves = [("covid", "40", "1"), ("non-covid", "52", "2")]
    assert cells(ws, "finding", "age", "id") == halves
    (row,) = listed("figures", ws)
    splitting.decide(ws, row["uid"], parse_grid("1x1"), reviewer="ann")
    assert cells(ws, "method", "age") == [("reviewer", "")]
    report = splitting.decide(ws, row["uid"], parse_grid("1x2"), reviewer="ann")
    assert (report.results[0].status, report.results[0].panels) == ("done", 2)
    assert report.sheet.path == ws / "MetaInfo.xlsx"
    assert cells(ws, "finding", "age", "id") == halves
    assert [row["Age"] for row in sheet(ws / "MetaInfo.xlsx")] == ["40", "52"]
    before = dump(ws)
    assert statuses(pipeline.extract([pdf], ws)) == {"a.pdf": "skipped"}
    assert dump(ws) == before
    splitting.split(ws)
    assert cells(ws, "finding", "age", "id") == halves
    with Catalog(ws / "catalog.db") as catalog, catalog.snapshot() as db:
        assert selection.of_workspace(db) == selection.Selection(("ct", "mri"), ("chest",))


@pytest.mark.parametrize("command", ["split", "decide"])
def test_a_kill_between_split_and_label_ends_as_none(
    fake: None, tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    pdfs = tmp_path / "pdfs"
    write_pdf(pdfs / "a.pdf", figure(1, picture(10, columns=2), caption=PAIR))
    write_pdf(pdfs / "b.pdf", figure(1, picture(20)))
    pipeline.extract([pdfs], ws)
    uid = listed("figures", ws)[0]["uid"]
    shutil.copytree(ws, tmp_path / "whole")

    def run(place: Path) -> None:
        if command == "split":
            splitting.split(place)
        else:
            splitting.decide(place, uid, parse_grid("1x3"), reviewer="ann")

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(labelling, "label_figures", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        try:
            run(ws)
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert "unknown" in [row[0] for row in cells(ws, "modality")]
    run(tmp_path / "whole")
    # extraction goes on where either stopped, and finds only the killed one's work
    seen = extracted(monkeypatch)
    pipeline.extract([pdfs], ws)
    assert not set(statuses(pipeline.extract([pdfs], tmp_path / "whole")).values()) - {"skipped"}
    assert (seen, state(ws)) == ([], state(tmp_path / "whole"))


def test_labelling_killed_at_any_instant_ends_the_same(fake: None, tmp_path: Path) -> None:
    old = tmp_path / "old"
    for name, shade in ("a", 10), ("b", 20):
        write_pdf(tmp_path / f"{name}.pdf", figure(1, picture(shade, columns=2), caption=PAIR))
    pipeline.extract([tmp_path / "a.pdf", tmp_path / "b.pdf"], old)

    def run(ws: Path) -> None:
        labelling.label(ws, rules="tuberculosis")

    shutil.copytree(old, tmp_path / "whole")
    run(tmp_path / "whole")
    expected = state(tmp_path / "whole")
    for ws in every_kill(run, tmp_path / "killed", old):
        assert state(ws) == expected, ws.name


def test_a_workspace_whose_labelling_was_killed_is_finished_by_extract(
    fake: None, tmp_path: Path, ws: Path
) -> None:
    pdfs = tmp_path / "pdfs"
    for number in range(3):
        write_pdf(pdfs / f"{number}.pdf", figure(1, picture(10 * number), caption="Chest CT of COVID-19."))
    pipeline.extract([pdfs], ws)

    class Killed(BaseException):
        pass

    def stop(progress: Any) -> None:
        raise Killed

    with pytest.raises(Killed):
        labelling.label(ws, rules="tuberculosis", progress=stop)
    assert sorted(cells(ws, "finding")) == [("covid",), ("covid",), ("non-tuberculosis",)]
    assert sorted(statuses(pipeline.extract([pdfs], ws)).values()) == ["done", "done", "skipped"]
    assert cells(ws, "finding") == [("non-tuberculosis",)] * 3


# --- broken rule files ----------------------------------------------------------------------------------

BROKEN = {
    "no TOML": "name = \nfoo",
    "an unknown kind": PLAGUE.replace("disease", "horses"),
    "an unknown value": PLAGUE.replace('"positive"', '"perhaps"'),
    "a pattern that is none": '[[disease]]\nid = "own.x"\nvalue = "positive"\npattern = "(("\n',
    "look-around": '[[disease]]\nid = "own.x"\nvalue = "positive"\npattern = "a(?=b)"\n',
    "two rules of one id": PLAGUE + PLAGUE,
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_rule_file_is_wrong_usage_and_changes_nothing(
    labelled: Path, tmp_path: Path, why: str
) -> None:
    own_rules(tmp_path / "own.toml", BROKEN[why])
    before = dump(labelled), {path: path.stat() for path in labelled.rglob("*") if "catalog" not in path.name}
    (tmp_path / "t.csv").write_text("File name,Captions\na.png,Chest CT.\n")
    (tmp_path / "a.pdf").write_text("no PDF")
    for command in (
        ["label", "-w", labelled],
        ["label", "--table", "t.csv"],
        ["extract", "a.pdf", "-w", labelled],
    ):
        done = curate(*command, "--rules", "own.toml", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"Error: {tmp_path / 'own.toml'}")
        assert len(done.stderr.splitlines()) == 1
    after = dump(labelled), {path: path.stat() for path in labelled.rglob("*") if "catalog" not in path.name}
    assert after[0] == before[0]
    assert {path: stat.st_mtime_ns for path, stat in after[1].items() if path.is_file()} == {
        path: stat.st_mtime_ns for path, stat in before[1].items() if path.is_file()
    }


def test_the_command_line_labels_a_workspace(mine: Path, tmp_path: Path) -> None:
    done = curate("label", "-w", "mine", "--rules", "tuberculosis", "--keep", "xray", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "spreadsheet: mine/MetaInfo.xlsx" in done.stdout
    assert [row for row in cells(mine, "modality", "finding", "selected") if row[2]] == [
        ("xray", "non-tuberculosis", True)
    ]
    own_rules(tmp_path / "own.toml", PLAGUE)
    assert curate("label", "-w", "mine", "--rules", "own.toml", cwd=tmp_path).returncode == 0
    # a later run from another folder finds the file
    assert curate("label", "-w", mine, cwd=mine).returncode == 0
    assert {row[0] for row in cells(mine, "finding")} <= {"ill", "well", "uncertain", "not-applicable"}
    done = curate("label", "-w", "mine", "--rules", "nobody", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "covid-19, tuberculosis" in done.stderr


# --- hostile words --------------------------------------------------------------------------------------

LONG = 100_000
HOSTILE: dict[str, Callable[[], str]] = {
    "one word": lambda: "x" * LONG,
    "no spaces": lambda: "CTscansofthe2019-nCoVnucleicacidpositivepatient" * (LONG // 47),
    "patients": lambda: "a 45-year-old man with COVID-19, " * (LONG // 33),
    "letters": lambda: "".join(
        f"({chr(97 + n % 26)}) A {n % 90}-year-old woman. " for n in range(LONG // 25)
    ),
    "brackets": lambda: "(" * LONG,
    "digits": lambda: "7" * LONG,
    "days": lambda: "on day 5 after " * (LONG // 15),
    "stops": lambda: ". " * (LONG // 2),
    "controls": lambda: (
        "Chest CT of a 45-year-old man\x00\x01\x07\x1b[31m\x9b\x85\u2028\u2029 with\tCOVID-19.\r\n"
    ),
    "right to left": lambda: (
        "Chest CT of a 45-year-old man \u202e\u2066with\u2069 COVID-19. صورة مقطعية للصدر " * 50
    ),
    "formula": lambda: '=HYPERLINK("http://a.b","Chest CT of a 45-year-old man with COVID-19")',
    "commands": lambda: "@SUM(A1) +1 -1 |cmd Chest CT of a 45-year-old man, 男, 45歳, with COVID-19 🫁",
    "HTML": lambda: "<script>alert(1)</script><b>Chest CT</b> of a 45-year-old man &amp; COVID-19<!--",
    "halves": lambda: "Chest CT of a 45-year-old man \ud800 with COVID-19 \udfff",
    "marks": lambda: "Chest CT of a 45-year-old man" + "\u0301" * LONG,
    "wide": lambda: "Ｃｈｅｓｔ ＣＴ of a ４５-year-old man with ＣＯＶＩＤ-19",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_captions_end_as_text(fake: None, tmp_path: Path, ws: Path, name: str) -> None:
    caption = HOSTILE[name]()
    pdf = write_pdf(
        tmp_path / "a.pdf",
        figure(1, picture(10, columns=2), caption=f"Chest CT. {caption}", mentions=[caption[:5000]]),
        title=caption[:300],
        body=f"{caption}\n\n{caption}",
    )
    begin = time.monotonic()
    assert not pipeline.extract([pdf], ws).failures
    assert time.monotonic() - begin < HANG
    panels = {}
    for form in ("jsonl", "csv", "table"):
        out = StringIO()
        listing.write("panels", ws, form, out)
        panels[form] = out.getvalue()
        panels[form].encode()
    first, second = map(json.loads, panels["jsonl"].splitlines())
    for row in (first, second):
        assert row["modality"] == "ct"
        assert row["finding"] in ("covid", "non-covid", "uncertain", "not-applicable")
        for why in row["evidence"].values():
            assert len(why["text"]) <= 10_000
    _, *rows = csv.reader(StringIO(panels["csv"].lstrip("\ufeff")))
    assert len(rows) == 2
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert not set("\x1b\x07\x9b\u202e\u2066") & set(panels["table"])
    assert len(panels["table"].splitlines()) == 4
    (ws / "MetaInfo.xlsx").unlink(missing_ok=True)
    labelling.label(ws)
    book = openpyxl.load_workbook(ws / "MetaInfo.xlsx")
    cells = [cell for row in book.active.iter_rows(min_row=2) for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    assert not any(cell.hyperlink for cell in cells)


def test_ordinary_facts_survive_odd_characters(fake: None, tmp_path: Path, ws: Path) -> None:
    names = ["controls", "right to left", "formula", "HTML", "halves", "wide"]
    for number, name in enumerate(names):
        caption = HOSTILE[name]()
        write_pdf(tmp_path / "pdfs" / f"{number}.pdf", figure(1, picture(10 + number), caption=caption))
    assert not pipeline.extract([tmp_path / "pdfs"], ws).failures
    assert cells(ws, "modality", "finding", "age", "gender") == [("ct", "covid", "45", "M")] * len(names)
    assert export.NAME in [path.name for path in ws.iterdir()]
