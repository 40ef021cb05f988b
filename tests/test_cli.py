"""The ``curate`` and ``covidct`` commands as their users type them, on generated manuscripts."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from covidct_curate import __version__, listing
from covidct_curate.catalog import Catalog, decisions, figures
from covidct_curate.records import Decision
from tests.manuscripts import Written
from tests.manuscripts.bad import odd_names

RUN = "import sys; from {0}.cli import main; sys.argv[0] = '{1}'; main()"


def curate(*arguments: str | Path, cwd: Path, command: str = "curate") -> subprocess.CompletedProcess[str]:
    package = {"curate": "covidct_curate", "covidct": "covidct_model"}[command]
    return subprocess.run(
        [sys.executable, "-c", RUN.format(package, command), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.fspath(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


def rows(kind: str, ws: Path) -> list[dict[str, Any]]:
    done = curate("list", kind, "-w", ws, "--format", "jsonl", cwd=ws.parent)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def written(manuscript: Callable[[str], Written]) -> list[Written]:
    return [manuscript("clean"), manuscript("panels_lettered_below")]


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory, written: list[Written]) -> Path:
    """A workspace with two papers, a failure and two decisions; not to be changed."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "pdfs").mkdir()
    for each in written:
        (folder / "pdfs" / each.path.name).write_bytes(each.path.read_bytes())
    (folder / "pdfs" / "=1+1.pdf").write_text("no PDF")
    done = curate("extract", "pdfs", "-w", "ws", "--jobs", "2", cwd=folder)
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("failed: =1+1.pdf: ")
    assert "MetaInfo.xlsx" in done.stdout
    with Catalog(folder / "ws" / "catalog.db") as catalog, catalog.transaction() as db:
        uid = next(
            kept.pictures[0].uid for found in figures.by_paper(db).values() for kept in found if kept.pictures
        )
        first = decisions.append(db, Decision(uid, "keep", "no", None, "ann", "2024-01-01T00:00:00Z", "test"))
        decisions.append(db, Decision(uid, "keep", "yes", first, "bob", "2024-01-02T00:00:00Z", "test"))
    return folder / "ws"


def test_papers_have_the_agreed_keys(ws: Path, written: list[Written]) -> None:
    listed = {each["source"]: each for each in rows("papers", ws)}
    assert set(listed) == {each.path.name for each in written}
    for truth in written:
        row = listed[truth.path.name]
        keys = [
            "source",
            "sha256",
            "doi",
            "server",
            "version",
            "title",
            "posted",
            "licence",
            "pages",
            "figures",
            "seconds",
        ]
        assert list(row)[: len(keys)] == keys
        assert (row["doi"], row["server"], row["posted"]) == (truth.doi, truth.server, truth.posted)
        assert (row["pages"], row["figures"]) == (truth.pages, len(truth.figures))
        assert row["seconds"] > 0
        assert len(row["uid"]) == 16


def test_figures_have_the_agreed_keys(ws: Path, written: list[Written]) -> None:
    listed = rows("figures", ws)
    for truth in written:
        mine = [row for row in listed if row["source"] == truth.path.name]
        assert [row["label"] for row in mine] == [figure.label for figure in truth.figures]
        for row, figure in zip(mine, truth.figures, strict=True):
            assert (row["doi"], row["page"], row["caption_page"]) == (
                truth.doi,
                figure.page,
                figure.caption_page,
            )
            assert row["caption"] == figure.caption
            assert row["binding"] == figure.binding
            assert len(row["bbox"]) == 4
            assert 0 <= row["confidence"] <= 1
            assert row["mentions"] == list(figure.mentions)
            assert all(isinstance(xref, int) for xref in row["xrefs"])
            assert row["files"]
            assert all((ws / file).is_file() and file.startswith("papers/") for file in row["files"])
            assert [one["file"] for one in row["pictures"]] == row["files"]
    boxes = [row["bbox"] for row in listed if row["source"] == written[0].path.name]
    for box, figure in zip(boxes, written[0].figures, strict=True):
        assert box == pytest.approx(figure.bbox, abs=3)
    uids = [row["uid"] for row in listed] + [one["uid"] for row in listed for one in row["pictures"]]
    assert len(set(uids)) == len(uids)


def test_panels_have_the_agreed_keys(ws: Path, written: list[Written]) -> None:
    listed = rows("panels", ws)
    keys = [
        "source", "doi", "figure_label", "figure_file", "file", "index", "box", "label", "caption", "subcaption",
        "method", "confidence", "modality", "finding", "patient", "evidence", "decided", "uid",
        "figure_uid", "superseded", "subcaption_spans", "label_source", "kind",
    ]  # fmt: skip
    ours = [
        "page", "pixels", "region", "flags", "selected", "look", "extra", "keep", "note", "reviewer", "decisions",
        "paper_uid",
    ]  # fmt: skip
    assert all(list(row) == keys + ours for row in listed)
    patient = [
        "id", "age", "age_min", "age_max", "gender", "location", "medical_history", "time", "time_days", "severity",
        "radiology_report", "other_diseases", "rt_pcr", "outcome", "icu", "ventilation",
    ]  # fmt: skip
    for row in listed:
        assert list(row["patient"]) == patient
        assert all(list(why) == ["rule", "text", "source", "confidence"] for why in row["evidence"].values())
        assert set(row["evidence"]) <= {"modality", "region", "finding", *patient}
        assert row["modality"] in {"ct", "unknown", "other"}
    for row in listed:
        assert (ws / row["file"]).is_file() and (ws / row["figure_file"]).is_file()
        assert 0 <= row["confidence"] <= 1
        assert row["subcaption"] == " ".join(row["caption"][a:b] for a, b in row["subcaption_spans"])
    single, *cut = [row for row in listed if row["source"] == written[0].path.name]
    assert (single["modality"], single["region"], single["selected"]) == ("ct", "chest", True)
    assert (single["patient"]["age"], single["patient"]["age_min"], single["patient"]["gender"]) == (
        "52", 52, "M",
    )  # fmt: skip
    assert single["evidence"]["age"]["text"] in single["caption"]
    assert (single["method"], single["index"], single["box"][:2]) == ("whole", 0, [0, 0])
    assert (single["file"], single["subcaption"]) == (single["figure_file"], single["caption"])
    assert [(row["method"], row["index"]) for row in cut] == [("gutter", n) for n in range(4)]
    assert [row["file"] for row in cut] == [
        f"{cut[0]['figure_file'].removesuffix('.png')}%{n}.png" for n in range(4)
    ]
    parts = [row for row in listed if row["source"] == written[1].path.name]
    (figure,) = (figure for figure in written[1].figures if figure.panels)
    mine = [row for row in parts if row["figure_label"] == figure.label]
    assert [(row["method"], row["index"]) for row in mine] == [
        ("embedded", n) for n in range(len(figure.panels))
    ]
    (details,) = (row["pictures"] for row in rows("figures", ws) if row["uid"] == mine[0]["figure_uid"])
    by_file = {one["file"]: one for one in details}
    for row, truth in zip(mine, figure.panels, strict=True):
        whole, part = by_file[row["figure_file"]], by_file[row["file"]]
        assert (part["uid"], part["role"]) == (row["uid"], "part")
        assert part["bbox"] == pytest.approx(truth.bbox, abs=3)
        assert row["box"] == pytest.approx(place_in(whole, part["bbox"]), abs=1)
    assert [row["label"] for row in mine] == ["a", "b", "c", "d"][: len(mine)]


def place_in(whole: dict[str, Any], bbox: list[float]) -> list[float]:
    """A box of the page in the pixels of a picture that lies there."""
    left, top, right, bottom = whole["bbox"]
    across, down = whole["size"][0] / (right - left), whole["size"][1] / (bottom - top)
    x0, y0, x1, y1 = bbox
    return [(x0 - left) * across, (y0 - top) * down, (x1 - left) * across, (y1 - top) * down]


def test_failures_and_decisions_have_the_agreed_keys(ws: Path) -> None:
    (failure,) = rows("failures", ws)
    assert set(failure) == {"source", "stage", "reason"}
    assert (failure["source"], failure["stage"]) == ("=1+1.pdf", "extract")
    first, second = rows("decisions", ws)
    assert set(first) == {"uid", "file", "field", "old", "new", "reviewer", "at", "client"} | {
        "state",
        "orphaned",
    }
    assert (first["state"], second["state"], first["orphaned"]) == ("replaced", "stands", False)
    assert (first["old"], first["new"], second["old"], second["new"]) == (None, "no", "no", "yes")
    assert (ws / first["file"]).is_file()


def test_csv_has_no_formulas(ws: Path) -> None:
    done = curate("list", "failures", "-w", ws, "--format", "csv", cwd=ws)
    assert done.stdout.startswith("\ufeff")
    header, row = csv.reader(StringIO(done.stdout.lstrip("\ufeff")))
    assert header == ["source", "stage", "reason"]
    assert row[0] == "'=1+1.pdf"


def test_a_failure_is_told_in_full(ws: Path) -> None:
    (failure,) = rows("failures", ws)
    assert failure["reason"] in curate("list", "failures", "-w", ws, cwd=ws).stdout


@pytest.mark.parametrize("kind", ["papers", "figures", "panels", "decisions"])
def test_tables_fit_the_terminal(ws: Path, kind: str) -> None:
    done = curate("list", kind, "-w", ws, cwd=ws)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == len(rows(kind, ws)) + 2
    assert max(map(len, lines)) <= 80


def test_a_run_over_all_done_succeeds_and_says_so(ws: Path, written: list[Written]) -> None:
    pdfs = ws.parent / "pdfs"
    curate("extract", *(pdfs / each.path.name for each in written), "-w", ws, cwd=ws)  # shows the decisions
    before = (ws / "MetaInfo.xlsx").stat()
    done = curate("extract", *(pdfs / each.path.name for each in written), "-w", ws, cwd=ws)
    assert (done.returncode, done.stderr) == (0, "")
    assert "skipped" in done.stdout
    after = (ws / "MetaInfo.xlsx").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_a_workspace_is_split_again_and_as_a_reviewer_says(ws: Path, tmp_path: Path) -> None:
    mine = tmp_path / "ws"
    shutil.copytree(ws, mine)
    before = rows("panels", mine)
    done = curate("split", "-w", mine, "--jobs", "2", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert rows("panels", mine) == before
    uid = next(row["figure_uid"] for row in before if row["method"] == "whole")
    said = ["--figure", uid, "--grid", "1x2", "--reviewer", "Ann Ö."]
    assert curate("split", "-w", mine, *said, cwd=tmp_path).returncode == 0
    halves = [row for row in rows("panels", mine) if row["figure_uid"] == uid]
    assert [row["method"] for row in halves] == ["reviewer", "reviewer"]
    assert [Path(row["file"]).name.rpartition("%")[2] for row in halves] == ["0.png", "1.png"]
    assert rows("decisions", mine)[-1]["reviewer"] == "Ann Ö."
    done = curate(
        "split", "-w", mine, "--figure", uid, "--boxes", "0,0,9999,9", "--reviewer", "ann", cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: the box 0,0,9999,9 is empty or leaves the picture of ")
    done = curate(
        "split", "-w", mine, "--figure", "nobody", "--grid", "1x2", "--reviewer", "ann", cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr == "Error: nobody: no figure has this uid; see curate list figures\n"
    sheet = curate("list", "panels", "-w", mine, "--contact-sheet", "sheet.png", cwd=tmp_path)
    assert (sheet.returncode, sheet.stdout) == (0, "sheet.png\n")
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_loose_pictures_are_split_without_a_workspace(ws: Path, tmp_path: Path) -> None:
    file = ws / next(row["figure_file"] for row in rows("panels", ws) if row["method"] == "whole")
    (tmp_path / "a b.png").write_bytes(file.read_bytes())
    done = curate("split", "a b.png", "--format", "jsonl", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = map(json.loads, done.stdout.splitlines())
    assert list(row) == ["file", "size", "modality", "panels"]
    assert row["file"] == "a b.png"
    assert [panel["box"] for panel in row["panels"]] == [[0, 0, *row["size"]]]
    table = curate("split", "a b.png", cwd=tmp_path).stdout.splitlines()
    assert table[0].split() == ["file", "size", "modality", "panels"]
    assert table[1].startswith("a b.png") and table[-1] == "1 pictures"
    assert [path.name for path in tmp_path.iterdir()] == ["a b.png"]


def test_odd_names_work_from_the_shell(tmp_path: Path) -> None:
    (tmp_path / "pdfs").mkdir()
    files = odd_names(tmp_path / "pdfs")
    given = [path for path in files.values() if not path.name.lower().endswith(".pdf")]
    done = curate("extract", "-w", "ws", "--only", "figures", "--", "pdfs", *given, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert {row["source"] for row in rows("papers", tmp_path / "ws")} == set(files)


@pytest.mark.parametrize(
    "arguments",
    [
        ["extract"],
        ["extract", "a.pdf", "--jobs", "0"],
        ["extract", "a.pdf", "--engine", "cloud"],
        ["list"],
        ["list", "horses"],
        ["list", "papers", "--format", "xml"],
        ["list", "papers", "--contact-sheet", "a.png"],
        ["list", "panels", "--contact-sheet", "a.png", "--per-sheet", "0"],
        ["split", "--grid", "2x2"],
        ["split", "--reviewer", "ann"],
        ["split", "--format", "jsonl"],
        ["split", "a.png", "--figure", "x", "--grid", "1x2", "--reviewer", "ann"],
        ["split", "--figure", "x", "--reviewer", "ann"],
        ["split", "--figure", "x", "--grid", "1x2", "--reviewer", " "],
        ["split", "--figure", "x", "--grid", "1x2", "--boxes", "0,0,9,9", "--reviewer", "ann"],
        ["split", "--figure", "x", "--grid", "many", "--reviewer", "ann"],
        ["split", "--figure", "x", "--boxes", "0,0,9", "--reviewer", "ann"],
        ["extract", "a.pdf", "--keep", "hologram"],
        ["label", "--format", "jsonl"],
        ["label", "--title", "COVID-19"],
        ["label", "--keep", "plot"],
        ["label", "--table", "a.csv", "--keep", "ct"],
        ["label", "--table", "a.csv", "--rules", "nobody"],
        ["import"],
        ["import", "horses", "."],
        ["import", "covid-ct"],
        ["fly"],
    ],
)
def test_wrong_usage_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = curate(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr
    assert list(tmp_path.iterdir()) == []


def test_errors_are_one_clear_line(tmp_path: Path) -> None:
    done = curate("list", "papers", "-w", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == "Error: nowhere/catalog.db: there is no catalogue here; make one with `curate extract`\n"
    )
    done = curate("extract", "gone.pdf", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"failed: gone.pdf: there is no such file: {tmp_path / 'gone.pdf'}\n"


@pytest.mark.parametrize("command", ["curate", "covidct"])
def test_version_and_help(tmp_path: Path, command: str) -> None:
    done = curate("--version", cwd=tmp_path, command=command)
    assert (done.returncode, done.stdout) == (0, f"covidct {__version__}\n")
    assert curate("--help", cwd=tmp_path, command=command).returncode == 0


@pytest.mark.parametrize("command", ["extract", "split", "label", "import", "list"])
def test_every_command_has_an_example(tmp_path: Path, command: str) -> None:
    assert f"Example: curate {command}" in curate(command, "--help", cwd=tmp_path).stdout


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = ["pymupdf", "cv2", "numpy", "pandas", "sqlite3", "xlsxwriter", "PIL"]
    check = (
        "import sys; from covidct_curate.cli import app\n"
        "try: app(['--help'])\n"
        f"except SystemExit: print('LOADED', sorted(set({heavy}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.splitlines()[-1] == "LOADED []"


def start(*arguments: str | Path, cwd: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN.format("covidct_curate", "curate"), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.fspath(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_stopped_run_goes_on_to_the_same_end(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    (tmp_path / "pdfs").mkdir()
    odd_names(tmp_path / "pdfs")
    (tmp_path / "pdfs" / "no suffix").unlink()
    assert curate("extract", "pdfs", "-w", "whole", cwd=tmp_path).returncode == 0
    with start("extract", "pdfs", "-w", "stopped", "--jobs", "2", cwd=tmp_path) as run:
        # As soon as the first paper is in place.
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("stopped/papers/*/*")) and time.monotonic() < deadline:
            time.sleep(0.005)
        stopped = time.monotonic()
        run.send_signal(sent)
        _, errors = run.communicate()
        assert time.monotonic() - stopped < 20
    assert run.returncode == code
    if sent == signal.SIGINT:
        assert errors == b"Interrupted; the same command goes on from here.\n"
    done = curate("extract", "pdfs", "-w", "stopped", "--jobs", "2", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for kind in ("papers", "figures", "panels"):
        one, other = (listing.rows(kind, tmp_path / ws) for ws in ("stopped", "whole"))
        assert plain(one) == plain(other)
    pictures = [
        {path.relative_to(ws): path.read_bytes() for path in ws.glob("papers/**/*.png")}
        for ws in (tmp_path / "whole", tmp_path / "stopped")
    ]
    assert pictures[0] == pictures[1]


def plain(value: Any) -> Any:
    """Without uids and times."""
    if isinstance(value, dict):
        return {
            key: plain(each)
            for key, each in value.items()
            if key not in ("uid", "figure_uid", "paper_uid", "seconds")
        }
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value
