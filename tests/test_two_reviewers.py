"""Several reviewers, sheets out and in, runs in between, kills: nothing typed is lost, nothing is overwritten."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from typer.testing import CliRunner

from covidct_curate import labelling, pipeline, splitting
from covidct_curate.catalog import Catalog
from covidct_curate.catalog.papers import Stage
from covidct_curate.cli import app
from covidct_curate.importing import import_dataset
from covidct_curate.panels.choice import read_choice
from covidct_curate.review import rows
from covidct_curate.review.export import export_sheet
from covidct_curate.review.intake import CONFLICTS, import_sheet
from tests import reviewers
from tests.fake_extract import fake_paper, fake_split, figure, picture, run_here, write_pdf
from tests.reviewers import BOXES, PANELS, SENSELESS, Sheet
from tests.test_cli import curate, start
from tests.test_importing import made as dataset
from tests.test_pipeline import killed_at, listed, state

NAMES = ("Ann", "Bob", "Cy")
WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "panels": {
        "keep": ("yes", "yes", "no", ""),
        "Age": ("45", "46", "40s", ""),
        "Gender": ("M", "F", ""),
        "Location": ("Wuhan", "=1+1", "007", ""),
        "Medical history": ("none\nknown", ""),
        "finding": ("covid", "non-covid"),
        "modality": ("ct", "xray"),
        "note": ("look again", "'tis", ""),
        "reviewer": ("Dee", ""),
    },
    "figures": {
        "figure": ("yes", "no", ""),
        "caption": ("Chest CT of a 30-year-old woman.", "Chest radiograph.", ""),
        "panels": ("1x1", "1x2", "2x2", BOXES),
        "reviewer": ("Dee", ""),
    },
    "conflicts": {"choose": ("earlier", "later", "later", ""), "reviewer": ("Dee", "")},
}
"""What reviewers type, by table and column."""
OFTEN = {"panels": ("Age", "Age", "Age", "keep", "keep", "keep"), "figures": ("caption", "panels", "panels")}
"""Columns that are typed into more often, so that reviewers meet."""
ENDINGS = (".csv", ".csv", ".csv", ".csv", ".xlsx")
KILL = st.none() | st.none() | st.integers(1, 400)
"""The step of an import before which it is killed."""
TIME = "2024-02-11T09:30:00Z"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "extract_paper", fake_paper)
    monkeypatch.setattr(pipeline, "EXTRACT", pipeline.EXTRACT)
    monkeypatch.setattr("covidct_curate.engine.run", run_here)
    monkeypatch.setattr("covidct_curate.panels.figure.split", fake_split)
    monkeypatch.setattr("covidct_curate.review.intake.now", lambda: TIME)


# --- any sequence of what reviewers and runs do ---------------------------------------------------------


def papers(folder: Path, variant: int = 0) -> list[Path]:
    """Two papers: three panels of one figure and another; a single one. A newer extraction finds the second
    figure in other pixels (1), or not at all (2)."""
    second = figure(2, picture(40 + 100 * variant, bbox=(50, 300, 150, 400), xref=8))
    first = [figure(1, picture(10, columns=3)), *([] if variant == 2 else [second])]
    other = figure(1, picture(70), caption="Chest CT of a 45-year-old man.")
    return [
        write_pdf(folder / "a.pdf", *first, doi="10.1101/2020.01.01.1", version=1),
        write_pdf(folder / "b.pdf", other, doi="10.1101/2020.01.01.2", version=1),
    ]


class Reviewing(RuleBasedStateMachine):
    """What `tests.reviewers` says must be in the catalogue is compared with it after every step."""

    begin: Path
    """A folder with the papers in ``pdfs`` and their workspace ``ws``."""
    folder: Path
    """An empty one for this run is made in it."""
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.home = reviewers.copied(self.begin, self.folder / str(self.runs))
        self.ws = self.home / "ws"
        self.kept = reviewers.catalogue(self.ws)
        self.pixels: dict[str, str] = {}
        self.sheets: list[Sheet] = []
        self.bytes: dict[Path, str] = {}
        self.steps = 0
        self.open: set[str] = set()
        """Numbers of the conflicts."""
        self.look()

    def teardown(self) -> None:
        shutil.rmtree(self.home)

    # what they do

    @initialize()
    def begin_with_a_sheet_each(self) -> None:
        for name in NAMES[:2]:
            self.export(name, None, ".csv")

    @rule(
        name=st.sampled_from(NAMES),
        only=st.sampled_from((None, None, "undecided", "conflicts", "a.pdf")),
        ending=st.sampled_from(ENDINGS),
    )
    def export(self, name: str, only: str | None, ending: str) -> None:
        (written,) = export_sheet(self.ws, out=self.home / f"{name}{ending}", only=only)
        assert written.path is not None
        self.take(written.path)
        self.look()

    def take(self, path: Path) -> None:
        """A sheet comes to hand; what it shows is what stands."""
        sheet = reviewers.opened(path, self.kept)
        standing = {cell: one.said.value for cell, (one, _) in reviewers.verdicts(self.kept).items()}
        for line in sheet.lines:
            for name, named in reviewers.FIELDS[line.kind].items():
                value = standing.get((line.key, named))
                if line.kind != "conflicts" and value is not None and named != "keep":
                    typed = reviewers.told(line.shown[name])
                    assert (PANELS.get(typed, typed) if named == "panels" else typed) == value
        sheet.pixels = dict(self.asked("SELECT uid, pixels FROM pictures"))
        self.sheets = [*[each for each in self.sheets if each.path != path][-5:], sheet]
        self.bytes = reviewers.digest(file for each in self.sheets for file in each.files())

    @rule(data=st.data(), partial=st.sampled_from((False, False, True)), kill=KILL)
    def review(self, data: st.DataObject, partial: bool, kill: int | None) -> None:
        """Two type into a sheet and hand it in."""
        for _ in range(2):
            sheet = self.any_sheet(data)
            kind = data.draw(st.sampled_from(("panels", "panels", "figures")))
            lines = [line for line in sheet.lines if line.kind == kind]
            for _ in range(data.draw(st.integers(1, 3)) if lines else 0):
                line = lines[min(data.draw(st.integers(0, 2)), len(lines) - 1)]
                column = data.draw(st.sampled_from([*WORDS[kind], *OFTEN[kind]]))
                line.cells[column] = data.draw(st.sampled_from(WORDS[kind][column]))
            self.save(sheet)
            self.bring_in(sheet, data.draw(st.sampled_from(NAMES)), partial, kill)

            if self.open and data.draw(st.booleans()):
                self.choose(data, partial, kill)

    def choose(self, data: st.DataObject, partial: bool, kill: int | None) -> None:
        """Somebody decides conflicts, in a fresh sheet or in one that they have."""
        sheets = [sheet for sheet in self.sheets if any(line.kind == "conflicts" for line in sheet.lines)]
        if not sheets or data.draw(st.booleans()):
            self.export(data.draw(st.sampled_from(NAMES)), "conflicts", data.draw(st.sampled_from(ENDINGS)))
            sheets = self.sheets[-1:]
        sheet = data.draw(st.sampled_from(range(len(sheets))).map(sheets.__getitem__))
        for line in [line for line in sheet.lines if line.kind == "conflicts"][:6]:
            line.cells["choose"] = data.draw(st.sampled_from(WORDS["conflicts"]["choose"]))
            line.cells["reviewer"] = data.draw(st.sampled_from(("", "", "", "Dee")))
        self.save(sheet)
        self.bring_in(sheet, data.draw(st.sampled_from(NAMES)), partial, kill)

    @rule(data=st.data(), name=st.sampled_from(NAMES), kill=KILL)
    def hand_in(self, data: st.DataObject, name: str, kill: int | None) -> None:
        """A sheet as it is: for the first time, again, or in somebody else's name."""
        self.bring_in(self.any_sheet(data), name, False, kill)

    @rule(
        data=st.data(), what=st.sampled_from(("sort", "delete", "bring together", "rename", "spoil", "mend"))
    )
    def handle(self, data: st.DataObject, what: str) -> None:
        sheet = self.any_sheet(data)
        panels = [line for line in sheet.lines if line.kind == "panels"]
        if what == "sort":
            random.Random(data.draw(st.integers(0, 9))).shuffle(sheet.lines)
        elif what == "delete":
            del sheet.lines[: data.draw(st.integers(1, 3))]
        elif what == "bring together":
            more, there = self.any_sheet(data), {(line.kind, line.key) for line in sheet.lines}
            if sheet.path.suffix == more.path.suffix == ".csv":
                sheet.lines += [line for line in more.lines if (line.kind, line.key) not in there]
        elif what == "rename":
            self.steps += 1
            sheet.rename(f"renamed {self.steps}")
        elif panels:
            column, text = data.draw(st.sampled_from(sorted(SENSELESS.items())))
            if what == "spoil":
                panels[0].cells[column] = text
            for line in panels if what == "mend" else []:
                line.cells["DOI"] = line.shown["DOI"]
        self.save(sheet)

    @rule(what=st.sampled_from(("label", "split", 0, 1, 2)))
    def run_again(self, what: str | int) -> None:
        if isinstance(what, int):
            self.extract_again(what)
        else:
            assert not {"label": labelling.label, "split": splitting.split}[what](self.ws).failures
        self.look()

    def extract_again(self, variant: int) -> None:
        self.steps += 1
        pipeline.EXTRACT = Stage("extract", 1000 + self.steps, "")  # type: ignore[misc]
        newer = papers(self.home / "newer", variant)

        def extract(path: Path, out: Path, *, name: str) -> Any:
            return fake_paper(newer["ab".index(path.stem)], out, name=name)

        pipeline.extract_paper = extract
        assert not pipeline.extract([self.begin / "pdfs"], self.ws).failures

    def any_sheet(self, data: st.DataObject) -> Sheet:
        return self.sheets[data.draw(st.integers(0, len(self.sheets) - 1))]

    def save(self, sheet: Sheet) -> None:
        sheet.save()
        self.bytes = reviewers.digest(file for each in self.sheets for file in each.files())

    def bring_in(self, sheet: Sheet, name: str, partial: bool, kill: int | None) -> None:
        for file in sheet.files():
            self.import_file(file, sheet, name, partial, kill)

    # what must come of it

    def import_file(self, file: Path, sheet: Sheet, name: str, partial: bool, kill: int | None) -> None:
        said, senseless = reviewers.expected(sheet.files()[file], name, self.kept, self.gone())
        if senseless and not partial:
            said = []

        def run(ws: Path, **how: Any) -> Any:
            return import_sheet(ws, file, reviewer=name, partial=partial, **how)

        handed = None
        if not said and not senseless:
            assert run(self.ws).changes == ()
            return self.look()
        before = state(self.ws)
        rehearsed = run(self.ws, dry_run=True)
        assert (len(rehearsed.problems) > 0, rehearsed.applied) == (senseless > 0, False)
        assert state(self.ws) == before
        self.look()
        if kill is not None:
            whole = reviewers.copied(self.ws, self.home / "whole")
            run(whole)
            killed_at(kill, lambda: run(self.ws), self.ws)
            run(self.ws)
            assert reviewers.catalogue(self.ws) == reviewers.catalogue(whole)
            assert state(self.ws) == state(whole)
            shutil.rmtree(whole)
        else:
            done = run(self.ws)
            assert done.changes == rehearsed.changes
            assert not done.failures
            handed = done.conflicts
        now = reviewers.catalogue(self.ws)
        made = now[len(self.kept) :]
        assert sorted(map(repr, (one.said for one in made))) == sorted(map(repr, said))
        for one in made:  # what the sheet showed; of a conflict that is decided, what there is
            seen = [sheet.pixels.get(one.said.uid), self.pixels.get(one.said.uid)]
            assert one.pixels in (seen if any(line.kind == "conflicts" for line in sheet.lines) else seen[:1])
        self.kept += made
        run(self.ws)
        self.look()
        if handed is not None:  # somebody gets the sheet to choose in, under another name
            self.steps += 1
            self.take(Path(shutil.copy(handed, self.home / f"choose {self.steps}.xlsx")))

    def gone(self) -> frozenset[str]:
        return frozenset(uid for (uid,) in self.asked("SELECT uid FROM figures WHERE retired"))

    def asked(self, query: str) -> list[Any]:
        db = sqlite3.connect(self.ws / "catalog.db")
        try:
            return db.execute(query).fetchall()
        finally:
            db.close()

    def look(self) -> None:
        """All that must hold at any time."""
        assert reviewers.catalogue(self.ws) == self.kept
        assert reviewers.digest(self.bytes) == self.bytes
        verdicts = reviewers.verdicts(self.kept)
        panels, figures = listed("panels", self.ws), listed("figures", self.ws)
        self.pixels = dict(self.asked("SELECT uid, pixels FROM pictures"))
        self.open = set()
        for row in (*panels, *figures):
            mine = {field: each for (uid, field), each in verdicts.items() if uid == row["uid"]}
            assert {
                field: (each["value"], each["reviewer"], {one["number"] for one in each["rivals"]})
                for field, each in row["decisions"].items()
            } == {
                field: (one.said.value, one.said.reviewer, {rival.number for rival in rivals})
                for field, (one, rivals) in mine.items()
            }
            self.open |= {str(rival.number) for _, rivals in mine.values() for rival in rivals}
            for field, (one, _) in mine.items():
                self.is_shown(row, field, one, panels)
        with Catalog(self.ws / "catalog.db") as catalog, catalog.snapshot() as db:
            (book,) = rows.books(db, self.ws, only="conflicts", words=(), most=2000)
        assert {row.key for row in book.conflicts} == self.open

    def is_shown(self, row: dict[str, Any], field: str, one: reviewers.Kept, panels: list[Any]) -> None:
        value = one.said.value
        if field == "panels":
            choice = read_choice(value)
            assert choice is not None
            cut = [panel["box"] for panel in panels if panel["figure_uid"] == row["uid"]]
            assert [tuple(box) for box in cut] == list(choice.boxes_in((200, 200)))
        elif field == "keep":
            fresh = one.pixels == row["pixels"]
            assert row["keep"] == (value if fresh else "")
            assert fresh or "recut" in row["flags"]
        else:
            patient = row.get("patient", {})
            assert {**row, **patient, "patient": patient.get("id")}[field] == value


@pytest.fixture
def begin(tmp_path: Path) -> Path:
    pipeline.extract(papers(tmp_path / "begin" / "pdfs"), tmp_path / "begin" / "ws")
    return tmp_path / "begin"


def test_nothing_typed_is_ever_lost(begin: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    machine = type("Machine", (Reviewing,), {"begin": begin, "folder": tmp_path / "runs"})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=int(os.environ.get("EXAMPLES", "5")),
            stateful_step_count=20,
            deadline=None,
            derandomize="EXAMPLES" not in os.environ,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        ),
    )


# --- killed at any instant ------------------------------------------------------------------------------


def test_an_import_killed_at_any_instant_and_done_again_is_one_never_killed(
    begin: Path, tmp_path: Path
) -> None:
    ws = begin / "ws"
    for name in ("Ann.csv", "Bob.xlsx"):
        export_sheet(ws, out=tmp_path / name)
    mine, theirs = (reviewers.opened(tmp_path / name, []) for name in ("Ann.csv", "Bob.xlsx"))
    for sheet, age, caption in (
        (mine, "45", "Chest radiograph."),
        (theirs, "46", "Chest CT of a girl of 6."),
    ):
        panels, figures = (
            [line for line in sheet.lines if line.kind == kind] for kind in ("panels", "figures")
        )
        panels[0].cells |= {"keep": "yes", "Age": age}
        panels[-1].cells |= {"keep": "no", "Age": age}
        figures[0].cells |= {"caption": caption}
        if sheet is theirs:
            figures[1].cells |= {"panels": "1x2"}
            figures[2].cells |= {"caption": caption, "panels": "2x2"}
        sheet.save()
    for file in mine.files():
        import_sheet(ws, file, reviewer="Ann")

    def run(ws: Path) -> None:
        import_sheet(ws, theirs.path, reviewer="Bob")

    run(whole := reviewers.copied(ws, tmp_path / "whole"))
    expected = state(whole), reviewers.catalogue(whole)
    assert CONFLICTS in expected[0]["others"]
    for step in range(1, 10_000, 29):
        killed = reviewers.copied(ws, tmp_path / str(step))
        was_killed = killed_at(step, lambda killed=killed: run(killed), killed)  # type: ignore[misc]
        run(killed)
        assert (state(killed), reviewers.catalogue(killed)) == expected, step
        shutil.rmtree(killed)
        if not was_killed:
            assert step > 200
            return
    raise AssertionError("the import never came to its end")


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A workspace of 210 pictures, and the sheet of all of them with ``keep`` at yes."""
    begin = tmp_path / "begin"
    figures = [figure(n, picture(n % 200, page=n, columns=3)) for n in range(1, 71)]
    pipeline.extract([write_pdf(begin / "a.pdf", *figures, pages=71)], begin / "ws")
    export_sheet(begin / "ws", out=begin / "Ann.csv")
    sheet = reviewers.opened(begin / "Ann.csv", [])
    for line in sheet.lines:
        if line.kind == "panels":
            line.cells["keep"] = "yes"
    sheet.save()
    return begin


def test_a_command_that_is_killed_and_done_again_decides_all(big: Path, tmp_path: Path) -> None:
    command = ("sheet", "import", big / "Ann.csv", "--reviewer", "Ann", "-w")
    whole, killed = reviewers.copied(big / "ws", tmp_path / "whole"), tmp_path / "killed"
    begun = time.monotonic()
    done = curate(*command, whole, cwd=tmp_path)
    took = time.monotonic() - begun
    assert (done.returncode, done.stderr) == (0, "")
    expected = reviewers.catalogue(whole)
    assert sum(one.said.field == "keep" for one in expected) == 210
    for share in (0.3, 0.5, 0.65, 0.8, 0.95):
        reviewers.copied(big / "ws", killed)
        with start(*command, killed, cwd=tmp_path) as run:
            time.sleep(took * share)
            run.kill()
            run.communicate()
        assert reviewers.catalogue(killed) in ([], expected)
        import_sheet(killed, big / "Ann.csv", reviewer="Ann")
        assert reviewers.catalogue(killed) == expected
        shutil.rmtree(killed)


# --- from the command line ------------------------------------------------------------------------------


class Desk:
    """A workspace and the people at it."""

    def __init__(self, home: Path) -> None:
        self.home, self.ws = home, home / "ws"

    def curate(self, *arguments: str | Path, code: int = 0) -> str:
        done = CliRunner().invoke(app, [*map(str, arguments), "-w", str(self.ws)])
        assert done.exit_code == code, done.output
        return done.output

    def export(self, name: str, *options: str) -> Path:
        file = self.home / name
        self.curate("sheet", "export", "--out", file, *options)
        return file

    def type_in(self, file: Path, kind: str, row: int, **cells: str) -> Path:
        sheet = reviewers.opened(file, reviewers.catalogue(self.ws))
        line = [line for line in sheet.lines if line.kind == kind][row]
        line.cells |= cells
        sheet.save()
        return file

    def bring(self, file: Path, who: str, *options: str, code: int = 0) -> str:
        return self.curate("sheet", "import", file, "--reviewer", who, *options, code=code)

    def panels(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.curate("list", "panels", "--format", "jsonl").splitlines()]


@pytest.fixture
def desk(begin: Path) -> Desk:
    return Desk(begin)


def test_two_reviewers_meet_and_a_third_chooses(desk: Desk) -> None:
    mine, theirs = desk.export("ann.xlsx"), desk.export("bob.xlsx")
    desk.type_in(mine, "panels", 0, Age="45", keep="yes")
    desk.type_in(theirs, "panels", 0, Age="46", keep="yes")
    assert "0 conflicts" in desk.bring(mine, "Ann")
    told = desk.bring(theirs, "Bob")
    assert "age: blank → “46”, Bob (conflict: another value stands)" in told
    assert "1 conflicts" in told
    assert desk.panels()[0]["patient"]["age"] == "45"
    conflicts = desk.ws / CONFLICTS
    ((_, row),) = [(kind, cells) for kind, cells in reviewers.read(conflicts) if kind == "conflicts"]
    assert [row[name] for name in ("column", "earlier value", "earlier reviewer")] == ["Age", "45", "Ann"]
    assert [row[name] for name in ("later value", "later reviewer")] == ["46", "Bob"]
    desk.type_in(conflicts, "conflicts", 0, choose="later")
    before = conflicts.read_bytes()
    desk.bring(conflicts, "Cy")
    assert conflicts.read_bytes() == before
    age = desk.panels()[0]["decisions"]["age"]
    assert (age["value"], age["reviewer"], age["rivals"]) == ("46", "Cy", [])
    assert "0 changes, 0 pictures decided, 0 values confirmed, 0 conflicts" in desk.bring(theirs, "Bob")
    agreed = [
        json.loads(line) for line in desk.curate("sheet", "agreement", "--format", "jsonl").splitlines()
    ]
    (field,) = [row for row in agreed if row["disagreements"]]
    assert (field["first"], field["second"], field["field"], field["pictures"]) == ("Ann", "Bob", "age", 1)
    assert [(each["first_value"], each["second_value"]) for each in field["disagreements"]] == [("45", "46")]


def test_two_who_choose_differently_are_in_conflict_again(desk: Desk) -> None:
    desk.export("ann.csv")
    desk.export("bob.csv")
    for name, age in (("ann", "45"), ("bob", "46")):
        desk.bring(desk.type_in(desk.home / f"{name}.csv", "panels", 0, Age=age), name)
    one, other = desk.export("1.xlsx", "--only", "conflicts"), desk.export("2.xlsx", "--only", "conflicts")
    desk.bring(desk.type_in(one, "conflicts", 0, choose="later"), "Cy")
    assert "1 conflicts" in desk.bring(desk.type_in(other, "conflicts", 0, choose="earlier"), "Dee")
    age = desk.panels()[0]["decisions"]["age"]
    assert (age["value"], age["reviewer"]) == ("46", "Cy")
    assert [(each["value"], each["reviewer"]) for each in age["rivals"]] == [("45", "Dee")]


@pytest.mark.parametrize("backwards", [False, True])
def test_one_of_several_values_is_chosen_over_all_others(desk: Desk, backwards: bool) -> None:
    files = [desk.export(f"{name}.csv") for name in NAMES]
    for file, name, age in zip(files, NAMES, ("45", "46", "47"), strict=True):
        desk.bring(desk.type_in(file, "panels", 0, Age=age), name)
    choosing = desk.export("choose.xlsx", "--only", "conflicts")
    sheet = reviewers.opened(choosing, reviewers.catalogue(desk.ws))
    for line in sheet.lines:
        if line.kind == "conflicts":
            line.cells["choose"] = "later" if line.cells["later value"] == "47" else "earlier"
    if backwards:
        sheet.lines.reverse()
    sheet.save()
    desk.bring(choosing, "Cy")
    age = desk.panels()[0]["decisions"]["age"]
    assert (age["value"], age["reviewer"], age["rivals"]) == ("47", "Cy", [])


def test_who_types_anew_in_the_same_sheet_contradicts_nobody(desk: Desk) -> None:
    file = desk.export("ann.csv")
    for age in ("45", "46", "45"):
        assert "1 changes, 0 pictures decided, 0 values confirmed, 0 conflicts" in desk.bring(
            desk.type_in(file, "panels", 0, Age=age), "Ann"
        )
        assert desk.panels()[0]["patient"]["age"] == age
        assert "0 changes" in desk.bring(file, "Ann")


def test_panels_can_be_in_conflict_too(desk: Desk) -> None:
    one, other = desk.export("ann.xlsx"), desk.export("bob.xlsx")
    desk.bring(desk.type_in(one, "figures", 1, panels="2x3"), "Ann")
    assert len(desk.panels()) == 3 + 6 + 1
    assert "1 conflicts" in desk.bring(desk.type_in(other, "figures", 1, panels="1x2"), "Bob")
    assert len(desk.panels()) == 3 + 6 + 1
    ((_, row),) = [
        (kind, cells) for kind, cells in reviewers.read(desk.ws / CONFLICTS) if kind == "conflicts"
    ]
    assert (row["column"], row["earlier value"], row["later value"]) == ("panels", "2x3", "1x2")
    desk.bring(desk.type_in(desk.ws / CONFLICTS, "conflicts", 0, choose="later"), "Cy")
    assert len(desk.panels()) == 3 + 2 + 1


def test_a_changed_caption_labels_anew_what_nobody_decided(desk: Desk) -> None:
    file = desk.export("ann.xlsx")
    desk.type_in(file, "figures", 2, caption="Chest CT of a 30-year-old man.")
    desk.type_in(file, "panels", -1, Gender="F")
    before = desk.panels()[-1]
    desk.bring(file, "Ann")
    after = desk.panels()[-1]
    assert [(row["patient"]["age"], row["patient"]["gender"]) for row in (before, after)] == [
        ("45", "M"),
        ("30", "F"),
    ]
    assert after["decisions"]["gender"]["automatic"] == "M"


def test_what_makes_no_sense_keeps_back_the_rest_unless_asked(desk: Desk) -> None:
    file = desk.type_in(desk.export("ann.xlsx"), "panels", 0, Age="??", Gender="F")
    desk.type_in(file, "panels", 1, Gender="M")
    told = desk.bring(file, "Ann", code=1)
    assert "problem: MetaInfo!C2" in told
    assert "not applied" in told
    assert not any(row["decisions"] for row in desk.panels())
    assert "problem: MetaInfo!C2" in desk.bring(file, "Ann", "--partial", code=1)
    assert [row["patient"]["gender"] for row in desk.panels()[:2]] == ["F", "M"]


def test_a_sheet_of_another_workspace_is_refused(desk: Desk, tmp_path: Path) -> None:
    pipeline.extract(papers(tmp_path / "other" / "pdfs", 1), tmp_path / "other" / "ws")
    file = Desk(tmp_path / "other").export("ann.xlsx")
    told = desk.bring(file, "Ann", "--partial", code=1)
    assert "none of its rows was exported from this workspace" in told
    assert reviewers.catalogue(desk.ws) == []


def test_a_caption_of_a_figure_that_is_no_longer_found_is_kept(desk: Desk, monkeypatch: Any) -> None:
    file = desk.type_in(desk.export("ann.xlsx"), "figures", 1, caption="Chest radiograph.")
    monkeypatch.setattr(pipeline, "EXTRACT", Stage("extract", 1000, ""))
    fewer = papers(desk.home / "fewer", 2)
    monkeypatch.setattr(
        pipeline,
        "extract_paper",
        lambda path, out, name: fake_paper(fewer["ab".index(path.stem)], out, name=name),
    )
    assert not pipeline.extract([desk.home / "pdfs"], desk.ws).failures
    desk.bring(file, "Ann")
    (kept,) = listed("decisions", desk.ws)
    assert (kept["field"], kept["new"], kept["orphaned"]) == ("caption", "Chest radiograph.", True)


def test_a_changed_caption_leaves_what_a_datasets_sheet_says(tmp_path: Path) -> None:
    import_dataset("covid-ct", dataset(tmp_path / "dataset"), tmp_path / "ws")
    desk = Desk(tmp_path)
    before = desk.panels()
    desk.bring(
        desk.type_in(desk.export("ann.xlsx"), "figures", 0, caption="Radiograph of a girl of 6."), "Ann"
    )
    after = desk.panels()
    assert after[0]["caption"] == "Radiograph of a girl of 6."
    kept = ("uid", "file", "patient", "finding", "modality", "box")
    assert [[row[key] for key in kept] for row in after] == [[row[key] for key in kept] for row in before]
