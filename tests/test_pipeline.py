"""The main job over papers whose contents the tests dictate: identity, resuming, bad input, the workspace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from covidct_curate import listing, pipeline
from covidct_curate.catalog import Catalog, decisions
from covidct_curate.catalog.papers import Stage
from covidct_curate.records import Decision
from tests.fake_extract import fake_paper, fake_split, figure, picture, run_here, write_pdf


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "extract_paper", fake_paper)
    monkeypatch.setattr(pipeline.engines, "run", run_here)
    monkeypatch.setattr("covidct_curate.panels.figure.split", fake_split)
    monkeypatch.setattr("covidct_curate.panels.figure.kind_of", lambda picture: "radiology")


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    return tmp_path / "ws"


def extracted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are extracted from now on."""
    seen: list[str] = []

    def watched(path: Path, out: Path, *, name: str) -> Any:
        seen.append(path.name)
        return fake_paper(path, out, name=name)

    monkeypatch.setattr(pipeline, "extract_paper", watched)
    return seen


def statuses(report: pipeline.Report) -> dict[str, str]:
    return {result.source: result.status for result in report.results}


def listed(kind: str, ws: Path) -> list[dict[str, Any]]:
    return [dict(row) for row in listing.rows(kind, ws)]


def state(ws: Path) -> dict[str, Any]:
    """All that the lists and the folders say, without uids and times."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: plain(each)
                for key, each in value.items()
                if key not in ("uid", "figure_uid", "paper_uid", "seconds")
            }
        return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value

    lists = {
        kind: [plain(row) for row in listed(kind, ws)] for kind in ("papers", "figures", "panels", "failures")
    }
    files = {
        path.relative_to(ws).as_posix(): path.read_bytes()
        for path in ws.rglob("papers/**/*")
        if path.is_file()
    }
    with sqlite3.connect(ws / "catalog.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        counts = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables}
        del counts["exports"]  # those of earlier states stay
    db.close()
    others = sorted(path.name for path in ws.iterdir() if not path.name.startswith("catalog.db"))
    return {
        "lists": lists,
        "files": files,
        "rows": counts,
        "others": others,
        "tmp": sorted((ws / "tmp").iterdir()),
    }


def decide(ws: Path, uid: str) -> None:
    with Catalog(ws / "catalog.db") as catalog, catalog.transaction() as db:
        decisions.append(db, Decision(uid, "keep", "yes", None, "ann", "2024-01-01T00:00:00Z", "test"))


# --- the run --------------------------------------------------------------------------------------------


def test_every_input_is_accounted_for(tmp_path: Path, ws: Path) -> None:
    pdfs = tmp_path / "pdfs"
    write_pdf(pdfs / "a.pdf", figure(1, picture(10)))
    write_pdf(pdfs / "deep" / "b.PDF", figure(1, picture(20)), figure(2))
    (pdfs / "copy.pdf").write_bytes((pdfs / "a.pdf").read_bytes())
    (pdfs / "bad.pdf").write_text("hello")
    (pdfs / "notes.txt").write_text("not looked at")
    told: list[pipeline.Progress] = []
    report = pipeline.extract([pdfs, tmp_path / "gone.pdf"], ws, progress=told.append)
    assert statuses(report) == {
        "a.pdf": "done",
        "copy.pdf": "duplicate",
        "deep/b.PDF": "done",
        "bad.pdf": "failed",
        "gone.pdf": "failed",
    }
    assert {(each.source, each.stage) for each in report.failures} == {
        ("bad.pdf", "extract"),
        ("gone.pdf", "read"),
    }
    assert next(each.reason for each in report.failures if each.source == "bad.pdf") == "not a PDF"
    assert [(each["source"], each["stage"]) for each in listed("failures", ws)] == [
        ("bad.pdf", "extract"),
        ("gone.pdf", "read"),
    ]
    assert told[-1] == pipeline.Progress(total=3, done=3, figures=3, failed=1)


def test_pictures_lie_where_the_lists_say(tmp_path: Path, ws: Path) -> None:
    write_pdf(
        tmp_path / "a.pdf", figure(1, picture(10), picture(11, role="native")), doi="10.1101/x.1", version=1
    )
    pipeline.extract([tmp_path / "a.pdf"], ws)
    (paper,), (found,) = listed("papers", ws), listed("figures", ws)
    folder = f"papers/{paper['sha256'][:2]}/{paper['sha256'][:12]}"
    assert found["files"] == [f"{folder}/x.1-p0-7.png", f"{folder}/x.1-p0-7-native11.png"]
    assert sorted(path.relative_to(ws).as_posix() for path in ws.rglob("*.png")) == sorted(found["files"])


def test_a_second_run_does_no_work(tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pdf(tmp_path / "pdfs" / "a.pdf", figure(1, picture(10)))
    write_pdf(tmp_path / "pdfs" / "b.pdf")
    first = pipeline.extract([tmp_path / "pdfs"], ws)
    assert first.sheet.path == ws / "MetaInfo.xlsx"
    before, sheet = state(ws), (ws / "MetaInfo.xlsx").stat()
    seen = extracted(monkeypatch)
    second = pipeline.extract([tmp_path / "pdfs"], ws)
    assert seen == []
    assert statuses(second) == {"a.pdf": "skipped", "b.pdf": "skipped"}
    assert second.sheet.path is None
    assert state(ws) == before
    after = (ws / "MetaInfo.xlsx").stat()
    assert (after.st_ino, after.st_mtime_ns) == (sheet.st_ino, sheet.st_mtime_ns)


def test_a_new_file_is_all_that_is_extracted(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pdf(tmp_path / "pdfs" / "a.pdf", figure(1, picture(10)))
    pipeline.extract([tmp_path / "pdfs"], ws)
    write_pdf(tmp_path / "pdfs" / "b.pdf", figure(1, picture(20)))
    seen = extracted(monkeypatch)
    pipeline.extract([tmp_path / "pdfs"], ws)
    assert seen == ["b.pdf"]
    assert len(listed("papers", ws)) == 2


@pytest.mark.parametrize(
    "stage", [Stage("extract", 99, ""), Stage("extract", pipeline.EXTRACT.version, "other")]
)
def test_another_version_or_setting_does_it_again(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))
    write_pdf(tmp_path / "b.pdf", figure(1, picture(20)))
    pipeline.extract([tmp_path / "a.pdf", tmp_path / "b.pdf"], ws)
    before = {each["uid"] for each in listed("panels", ws)}
    monkeypatch.setattr(pipeline, "EXTRACT", stage)
    seen = extracted(monkeypatch)
    pipeline.extract([tmp_path / "a.pdf"], ws)
    assert seen == ["a.pdf"]
    pipeline.extract([tmp_path / "a.pdf"], ws)
    assert seen == ["a.pdf"]
    assert {each["uid"] for each in listed("panels", ws)} == before


def test_pictures_that_were_deleted_are_made_again(tmp_path: Path, ws: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))
    pipeline.extract([pdf], ws)
    file = ws / listed("figures", ws)[0]["files"][0]
    file.unlink()
    file.parent.rmdir()
    pipeline.extract([pdf], ws)
    assert file.is_file()


def test_a_failure_goes_when_its_file_succeeds_or_is_gone(tmp_path: Path, ws: Path) -> None:
    pdfs = tmp_path / "pdfs"
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        write_pdf(pdfs / name).write_text(f"broken {name}")
    pipeline.extract([pdfs], ws)
    assert [each["source"] for each in listed("failures", ws)] == ["a.pdf", "b.pdf", "c.pdf"]
    write_pdf(pdfs / "a.pdf", figure(1, picture(10)))
    (pdfs / "b.pdf").unlink()
    pipeline.extract([pdfs], ws)
    assert [each["source"] for each in listed("failures", ws)] == ["c.pdf"]


def test_the_order_in_which_workers_finish_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdfs = tmp_path / "pdfs"
    for name in "abcd":
        write_pdf(pdfs / f"{name}.pdf", figure(1, picture(10)), doi="10.1101/x.1", version=1, salt=name)
    pipeline.extract([pdfs], tmp_path / "one")

    def backwards(*given: Any, **options: Any) -> Iterator[Any]:
        yield from reversed(list(run_here(*given, **options)))

    def run(*given: Any, **options: Any) -> Any:
        return (each for each in backwards(*given, **options))

    monkeypatch.setattr(pipeline.engines, "run", run)
    pipeline.extract([pdfs], tmp_path / "two")
    assert state(tmp_path / "one") == state(tmp_path / "two")


# --- identity -------------------------------------------------------------------------------------------


def test_one_file_under_two_names_is_one_paper_with_a_note(tmp_path: Path, ws: Path) -> None:
    write_pdf(tmp_path / "pdfs" / "a.pdf", figure(1, picture(10)))
    (tmp_path / "pdfs" / "b.pdf").write_bytes((tmp_path / "pdfs" / "a.pdf").read_bytes())
    pipeline.extract([tmp_path / "pdfs"], ws)
    (paper,) = listed("papers", ws)
    assert paper["source"] == "a.pdf"
    assert paper["sources"] == ("a.pdf", "b.pdf")
    assert paper["notes"] == ("the same file under another name: b.pdf",)


def test_another_file_with_the_same_pictures_is_the_same_paper(tmp_path: Path, ws: Path) -> None:
    for name in ("a", "b"):
        write_pdf(
            tmp_path / "pdfs" / f"{name}.pdf", figure(1, picture(10)), doi="10.1101/x", version=1, salt=name
        )
    report = pipeline.extract([tmp_path / "pdfs"], ws)
    assert statuses(report) == {"a.pdf": "done", "b.pdf": "duplicate"}
    (paper,) = listed("papers", ws)
    assert paper["notes"] == ("another file of this paper, with the same pictures: b.pdf",)
    assert len(list(ws.rglob("*.png"))) == 1
    assert set(statuses(pipeline.extract([tmp_path / "pdfs"], ws)).values()) == {"skipped"}


def test_a_supplement_without_pictures_is_not_the_paper(tmp_path: Path, ws: Path) -> None:
    write_pdf(tmp_path / "pdfs" / "a.pdf", doi="10.1101/x", title="One", pages=3)
    write_pdf(tmp_path / "pdfs" / "b.pdf", doi="10.1101/x", title="One", pages=9)
    pipeline.extract([tmp_path / "pdfs"], ws)
    assert len(listed("papers", ws)) == 2


def test_other_pictures_make_another_paper_with_a_note(tmp_path: Path, ws: Path) -> None:
    write_pdf(tmp_path / "pdfs" / "a.pdf", figure(1, picture(10)), doi="10.1101/x", version=1)
    write_pdf(tmp_path / "pdfs" / "b.pdf", figure(1, picture(20)), doi="10.1101/X", version=1)
    pipeline.extract([tmp_path / "pdfs"], ws)
    assert [paper["notes"] for paper in listed("papers", ws)] == [
        ("the same DOI and version with other pictures: b.pdf",),
        ("the same DOI and version with other pictures: a.pdf",),
    ]


def test_the_newest_version_is_current_whatever_the_order(tmp_path: Path, ws: Path) -> None:
    for version in (2, 1, 3):
        write_pdf(
            tmp_path / f"{version}.pdf", figure(1, picture(10 * version)), doi="10.1101/x", version=version
        )
        pipeline.extract([tmp_path / f"{version}.pdf"], ws)
    assert [(each["version"], each["superseded"]) for each in listed("papers", ws)] == [
        (1, True),
        (2, True),
        (3, False),
    ]
    assert [each["superseded"] for each in listed("figures", ws)] == [True, True, False]
    assert [each["superseded"] for each in listed("panels", ws)] == [True, True, False]


def again(ws: Path, pdf: Path, monkeypatch: pytest.MonkeyPatch, version: int, *figures: Any) -> None:
    """A newer extraction finds other figures in the same file."""

    def newer(path: Path, out: Path, *, name: str) -> Any:
        other = write_pdf(path.parent / "newer.json", *figures)
        return fake_paper(other, out, name=name)

    monkeypatch.setattr(pipeline, "extract_paper", newer)
    monkeypatch.setattr(pipeline, "EXTRACT", Stage("extract", version, ""))
    report = pipeline.extract([pdf], ws)
    assert not report.failures


def test_uids_stay_where_figures_and_pictures_fit(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = write_pdf(
        tmp_path / "a.pdf",
        figure(1, picture(10, bbox=(50, 50, 150, 150))),
        figure(2, picture(20, bbox=(50, 300, 150, 400), xref=8)),
        figure(None, caption="Bare words."),
    )
    pipeline.extract([pdf], ws)
    one, two, bare = (each["uid"] for each in listed("figures", ws))
    picture_one, picture_two = (each["uid"] for each in listed("panels", ws))
    again(
        ws,
        pdf,
        monkeypatch,
        101,
        figure(None, caption="Bare words."),
        figure(2, picture(20, bbox=(60, 500, 160, 600), xref=8)),  # moved: label and pixels hold it
        figure(3, picture(11, bbox=(50, 51, 150, 151))),  # relabelled and recoloured: its box holds it
    )
    assert [each["uid"] for each in listed("figures", ws)] == [bare, two, one]
    assert [each["uid"] for each in listed("panels", ws)] == [picture_two, picture_one]


def test_retired_pictures_keep_their_decisions_and_files(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = write_pdf(
        tmp_path / "a.pdf",
        figure(1, picture(10)),
        figure(2, picture(20, bbox=(50, 300, 150, 400), xref=8)),
    )
    pipeline.extract([pdf], ws)
    decided, plain = listed("panels", ws)
    decide(ws, decided["uid"])
    content = (ws / decided["file"]).read_bytes()
    for version in (101, 102):
        # The new picture has the decided one's name; nothing else of it.
        again(
            ws, pdf, monkeypatch, version, figure(9, picture(90, bbox=(300, 300, 350, 350)), caption="New.")
        )
        (orphan,) = listed("decisions", ws)
        assert orphan["uid"] == decided["uid"]
        assert (ws / orphan["file"]).read_bytes() == content
        assert not (ws / plain["file"]).exists()
        assert len(listed("panels", ws)) == 1
        assert len(list(ws.rglob("papers/**/*.png"))) == 2
    again(ws, pdf, monkeypatch, 103, figure(1, picture(10)))
    assert [each["uid"] for each in listed("panels", ws)] == [decided["uid"]]
    assert listed("decisions", ws)[0]["file"] == decided["file"]


def test_a_paper_and_its_other_file_stay_one_when_done_again(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdfs = tmp_path / "pdfs"
    write_pdf(pdfs / "b.pdf", figure(1, picture(10)), doi="10.1101/x", version=1)
    pipeline.extract([pdfs], ws)
    write_pdf(pdfs / "a.pdf", figure(1, picture(10)), doi="10.1101/x", version=1, salt="a")
    pipeline.extract([pdfs], ws)
    (before,) = listed("papers", ws)
    monkeypatch.setattr(pipeline, "EXTRACT", Stage("extract", 101, ""))

    def newer(path: Path, out: Path, *, name: str) -> Any:
        told = json.loads(path.read_text())
        told["figures"][0]["pictures"][0]["shade"] = 200
        (tmp_path / "newer.json").write_text(json.dumps(told))
        return fake_paper(tmp_path / "newer.json", out, name=name)

    monkeypatch.setattr(pipeline, "extract_paper", newer)
    pipeline.extract([pdfs], ws)
    (after,) = listed("papers", ws)
    assert (after["uid"], after["source"]) == (before["uid"], "b.pdf")


# --- killed at any instant ------------------------------------------------------------------------------


def killed_at(step: int, run: Callable[[], object], ws: Path) -> bool:
    """Run in a child that kills itself before its ``step``-th touch of the workspace; False if it ended first."""
    child = os.fork()
    if child == 0:
        left = step

        def count(_: object = None) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            written = event == "open" and os.fspath(ws) in str(arguments[0]) and "w" in (arguments[1] or "")
            if written or event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.copyfile"):
                count()

        prepare = Catalog._prepare

        def traced(catalog: Catalog) -> None:
            catalog._db.set_trace_callback(count)
            prepare(catalog)

        Catalog._prepare = traced  # type: ignore[method-assign]
        sys.addaudithook(hook)
        try:
            run()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def every_kill(run: Callable[[Path], object], folder: Path, begin: Path | None = None) -> Iterable[Path]:
    """Workspaces of runs killed at every third step, each run to its end afterwards.

    ``begin``: the workspace they all start from.
    """
    for step in range(1, 100_000, 3):
        ws = folder / str(step)
        if begin:
            shutil.copytree(begin, ws)
        killed = killed_at(step, lambda ws=ws: run(ws), ws)  # type: ignore[misc]
        run(ws)
        yield ws
        if not killed:
            assert step > 50
            return
    raise AssertionError("the run never came to its end")


def test_a_run_killed_at_any_instant_ends_the_same(tmp_path: Path) -> None:
    pdfs = tmp_path / "pdfs"
    write_pdf(pdfs / "a.pdf", figure(1, picture(10), picture(11, role="native")), doi="10.1101/x", version=2)
    write_pdf(
        pdfs / "b.pdf",
        figure(1, picture(10), picture(11, role="native")),
        doi="10.1101/x",
        version=2,
        salt="b",
    )
    write_pdf(pdfs / "c.pdf", figure(1, picture(30)), doi="10.1101/x", version=1)
    (pdfs / "d.pdf").write_text("broken")

    def run(ws: Path) -> None:
        pipeline.extract([pdfs], ws)

    run(tmp_path / "whole")
    expected = state(tmp_path / "whole")
    for ws in every_kill(run, tmp_path / "killed"):
        assert state(ws) == expected, ws.name


def test_doing_it_again_killed_at_any_instant_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = write_pdf(
        tmp_path / "a.pdf", figure(1, picture(10)), figure(2, picture(20, bbox=(50, 300, 150, 400), xref=8))
    )
    old = tmp_path / "old"
    pipeline.extract([pdf], old)
    decide(old, listed("panels", old)[1]["uid"])

    def run(ws: Path) -> None:
        again(
            ws,
            pdf,
            monkeypatch,
            101,
            figure(1, picture(10)),
            figure(3, picture(90, bbox=(0, 0, 40, 40), xref=8)),
        )

    shutil.copytree(old, tmp_path / "whole")
    run(tmp_path / "whole")
    expected = state(tmp_path / "whole")
    assert len(expected["files"]) == 3
    for ws in every_kill(run, tmp_path / "killed", old):
        assert state(ws) == expected, ws.name
        (orphan,) = listed("decisions", ws)
        assert (ws / orphan["file"]).is_file()
