"""The workspace folder: one run at a time, full and read-only disks, odd names, an edited spreadsheet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from covidct_curate import inputs, listing, pipeline
from covidct_curate.errors import WorkspaceError
from covidct_curate.review import export
from covidct_curate.review.table import Book
from covidct_curate.workspace import Workspace
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


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """``mounted("size=1m")`` makes a small disk of its own, where we may."""
    places: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"disk{len(places)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", os.fspath(place)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("needs the right to mount a disk")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", os.fspath(place)], check=True)


# --- one run at a time ----------------------------------------------------------------------------------

HOLDER = """
import sys
from pathlib import Path
from covidct_curate.workspace import Workspace
with Workspace(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_until_the_first_is_gone(tmp_path: Path, ws: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, os.fspath(ws)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(WorkspaceError, match=r"ws: another run is writing"):
            pipeline.extract([pdf], ws)
        assert not (ws / "catalog.db").exists()
        holder.kill()
    assert not pipeline.extract([pdf], ws).failures


# --- disks that refuse ----------------------------------------------------------------------------------


def test_a_workspace_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))
    with pytest.raises(WorkspaceError, match=r"a\.pdf/ws: cannot write to this workspace: Not a directory"):
        pipeline.extract([pdf], pdf / "ws")


def test_a_read_only_workspace_is_named(tmp_path: Path, mounted: Callable[[str], Path]) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))
    with pytest.raises(WorkspaceError, match="cannot write to this workspace: Read-only file system"):
        pipeline.extract([pdf], mounted("ro") / "ws")


def test_a_workspace_on_a_read_only_disk_can_be_listed(
    tmp_path: Path, mounted: Callable[[str], Path]
) -> None:
    disk = mounted("size=4m")
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))
    pipeline.extract([pdf], disk / "ws")
    subprocess.run(["mount", "-o", "remount,ro", os.fspath(disk)], check=True)
    assert [row["source"] for row in listing.rows("figures", disk / "ws")] == ["a.pdf"]
    with pytest.raises(WorkspaceError, match="Read-only file system"):
        pipeline.extract([pdf], disk / "ws")


def test_a_full_disk_costs_what_does_not_fit(tmp_path: Path, mounted: Callable[[str], Path]) -> None:
    disk = mounted("size=1m")
    pdfs = tmp_path / "pdfs"
    write_pdf(pdfs / "a.pdf", figure(1, picture(10)))
    write_pdf(pdfs / "b.pdf", figure(1, picture(20, bbox=(0, 0, 600, 600), noise=True)))
    write_pdf(pdfs / "c.pdf", figure(1, picture(30)))
    report = pipeline.extract([pdfs], disk / "ws")
    assert {each.source: each.status for each in report.results} == {
        "a.pdf": "done",
        "b.pdf": "failed",
        "c.pdf": "done",
    }
    assert any(
        each.source == "b.pdf" and "No space left on device" in each.reason for each in report.failures
    )
    files = {path.relative_to(disk / "ws").as_posix() for path in disk.rglob("papers/**/*.png")}
    assert files == {file for row in listing.rows("figures", disk / "ws") for file in row["files"]}  # type: ignore[attr-defined]
    assert list((disk / "ws" / "tmp").iterdir()) == []


def test_a_disk_that_fills_up_loses_nothing_of_before(tmp_path: Path, mounted: Callable[[str], Path]) -> None:
    ws = mounted("size=1m") / "ws"
    pdfs = tmp_path / "pdfs"
    write_pdf(pdfs / "a.pdf", figure(1, picture(10)))
    pipeline.extract([pdfs], ws)
    write_pdf(pdfs / "b.pdf", figure(1, picture(20)))
    filler = ws / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    problems: list[str] = []
    try:
        problems = [each.reason for each in pipeline.extract([pdfs], ws).failures]
    except WorkspaceError as error:
        problems = [str(error)]
    assert any("disk is full" in problem for problem in problems), problems
    filler.unlink()
    assert [row["source"] for row in listing.rows("papers", ws)] == ["a.pdf"]
    assert not pipeline.extract([pdfs], ws).failures
    assert [row["source"] for row in listing.rows("papers", ws)] == ["a.pdf", "b.pdf"]


def test_a_picture_that_was_not_written_fails_its_paper(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(path: Path, out: Path, *, name: str) -> Any:
        found = fake_paper(path, out, name=name)
        if path.name == "a.pdf":
            next(out.iterdir()).unlink()
        else:
            (out / "stray.txt").write_text("not a picture of the record")
        return found

    monkeypatch.setattr(pipeline, "extract_paper", forgetful)
    for name in "ab":
        write_pdf(tmp_path / f"{name}.pdf", figure(1, picture(ord(name))))
    report = pipeline.extract([tmp_path / "a.pdf", tmp_path / "b.pdf"], ws)
    assert [(each.source, each.reason) for each in report.failures] == [
        ("a.pdf", "the extraction did not write a-p0-7.png")
    ]
    assert [path.name for path in ws.rglob("papers/*/*/*")] == ["b-p0-7.png"]


def test_an_unforeseen_error_costs_its_own_paper(tmp_path: Path, ws: Path) -> None:
    write_pdf(tmp_path / "a.pdf", figure(1, picture(10)), doi="10.1101/x", version=10**30)
    write_pdf(tmp_path / "b.pdf", figure(1, picture(20)))
    report = pipeline.extract([tmp_path / "a.pdf", tmp_path / "b.pdf"], ws)
    assert [(each.source, each.status) for each in report.results] == [("a.pdf", "failed"), ("b.pdf", "done")]
    assert "OverflowError" in report.failures[0].reason


# --- finding PDFs ---------------------------------------------------------------------------------------


def test_a_folder_without_a_pdf_is_a_failure(tmp_path: Path, ws: Path) -> None:
    (tmp_path / "empty").mkdir()
    (failure,) = pipeline.extract([tmp_path / "empty"], ws).failures
    assert (failure.source, failure.reason) == (
        os.fspath(tmp_path / "empty"),
        "there is no PDF in this folder",
    )


def test_links_in_circles_end(tmp_path: Path) -> None:
    write_pdf(tmp_path / "pdfs" / "a.pdf")
    (tmp_path / "pdfs" / "loop").symlink_to(tmp_path / "pdfs")
    (tmp_path / "pdfs" / "self.pdf").symlink_to("self.pdf")
    found = [each.source for each in inputs.find([tmp_path / "pdfs"])]
    assert "a.pdf" in found
    assert "self.pdf" in found
    assert len(found) <= 4


def test_what_is_no_regular_file_fails_without_a_wait(tmp_path: Path, ws: Path) -> None:
    pdfs = tmp_path / "pdfs"
    write_pdf(pdfs / "a.pdf", figure(1, picture(10)))
    os.mkfifo(pdfs / "pipe.pdf")
    (pdfs / "broken.pdf").symlink_to("nowhere")
    (pdfs / "folder.pdf").mkdir()
    report = pipeline.extract([pdfs], ws)
    assert {each.source: each.stage for each in report.failures} == {"pipe.pdf": "read", "broken.pdf": "read"}
    assert report.counts["done"] == 1


def test_a_file_given_itself_is_tried_whatever_its_name(tmp_path: Path, ws: Path) -> None:
    pdf = write_pdf(tmp_path / "manuscript.bin", figure(1, picture(10)))
    assert not pipeline.extract([pdf], ws).failures
    assert [row["source"] for row in listing.rows("papers", ws)] == ["manuscript.bin"]


ODD = (
    b"with space.pdf",
    b"-w.pdf",
    b'it\'s "quoted".pdf',
    b"two\nlines.pdf",
    b"\x1b[31mred\x07.pdf",
    "Köln – 武漢 \U0001f600.pdf".encode(),
    b"bytes \xff\xfe.pdf",
    "\u202efdp.exe.pdf".encode(),
    b"%s{0}$HOME`id`;.pdf",
    b"x" * 246 + b".pdf",
)


def test_odd_names_work_and_show(tmp_path: Path, ws: Path) -> None:
    pdfs = tmp_path / "pdfs"
    for number, name in enumerate(ODD):
        write_pdf(pdfs / os.fsdecode(name), figure(1, picture(number)), salt=str(number))
    report = pipeline.extract([pdfs], ws)
    assert not report.failures
    for form in ("jsonl", "csv", "table"):
        out = StringIO()
        listing.write("figures", ws, form, out)
        text = out.getvalue()
        text.encode()
        if form == "jsonl":
            sources = {json.loads(line)["source"] for line in text.splitlines()}
            assert sources == {name.decode("utf-8", "replace") for name in ODD}
        if form == "table":
            assert not set("\x1b\x07\u202e") & set(text)
            assert len(text.splitlines()) == len(ODD) + 2


def test_a_name_that_is_no_text_reaches_the_worker_as_one_that_is(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []

    def watched(path: Path, out: Path, *, name: str) -> Any:
        seen.append(path)
        return fake_paper(path, out, name=name)

    monkeypatch.setattr(pipeline, "extract_paper", watched)
    write_pdf(tmp_path / os.fsdecode(b"\xff.pdf"), figure(1, picture(1)))
    assert not pipeline.extract([tmp_path / os.fsdecode(b"\xff.pdf")], ws).failures
    os.fspath(seen[0]).encode()


# --- the spreadsheet ------------------------------------------------------------------------------------


def test_an_edited_sheet_is_never_overwritten(tmp_path: Path, ws: Path) -> None:
    def add(name: str, shade: int) -> export.Written:
        return pipeline.extract([write_pdf(tmp_path / name, figure(1, picture(shade)))], ws).sheet

    first, second, third = (ws / name for name in ("MetaInfo.xlsx", "MetaInfo-2.xlsx", "MetaInfo-3.xlsx"))
    assert add("a.pdf", 10) == export.Written(first, 1)
    before = first.read_bytes()
    assert add("b.pdf", 20) == export.Written(first, 2)
    assert first.read_bytes() != before
    edited = first.read_bytes() + b"edited"
    first.write_bytes(edited)
    assert add("b.pdf", 20).path is None
    written = add("c.pdf", 30)
    assert written.path == second
    assert written.notes == (
        "MetaInfo.xlsx is not as we last wrote it and is kept; the new sheet is MetaInfo-2.xlsx",
    )
    assert add("c.pdf", 30).path is None
    assert add("d.pdf", 40).path == second
    second.write_bytes(b"edited too")
    assert add("e.pdf", 50).path == third
    assert (first.read_bytes(), second.read_bytes()) == (edited, b"edited too")
    first.unlink()
    assert add("e.pdf", 50).path == first


def test_somebody_elses_sheet_is_kept(tmp_path: Path, ws: Path) -> None:
    ws.mkdir()
    (ws / "MetaInfo.xlsx").write_text("mine")
    report = pipeline.extract([write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))], ws)
    assert report.sheet.path == ws / "MetaInfo-2.xlsx"
    assert (ws / "MetaInfo.xlsx").read_text() == "mine"


def test_the_sheet_shows_current_papers_up_to_a_limit(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Book] = []
    write = export.write_workbook

    def watched(book: Book, path: Path) -> None:
        seen.append(book)
        write(book, path)

    monkeypatch.setattr(export, "write_workbook", watched)
    monkeypatch.setattr(export, "MOST_ROWS", 2)
    for version in (1, 2):
        write_pdf(
            tmp_path / f"{version}.pdf",
            figure(1, picture(version, columns=3), picture(100, role="native", bbox=(60, 60, 80, 80))),
            doi="10.1101/x",
            version=version,
        )
    sheet = pipeline.extract([tmp_path / "1.pdf", tmp_path / "2.pdf"], ws).sheet
    (book,) = seen
    cells = [row.cells for row in book.panels]
    assert [(row["File name"], row["DOI"], row["Captions"], row["modality"]) for row in cells] == [
        ("x-p0-7%0.png", "10.1101/x", "Chest CT, slice 1.", "ct"),
        ("x-p0-7%1.png", "10.1101/x", "Chest CT, slice 1.", "ct"),
    ]
    assert all(row.picture and row.picture.is_file() for row in book.panels)
    assert sheet.rows == 2
    assert sheet.notes == ("MetaInfo.xlsx shows 2 of 3 pictures; for all of them: curate sheet export",)


def test_only_figures_writes_no_sheet(tmp_path: Path, ws: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))
    assert pipeline.extract([pdf], ws, only_figures=True).sheet == export.Written()
    assert not (ws / "MetaInfo.xlsx").exists()
    assert pipeline.extract([pdf], ws).sheet.path == ws / "MetaInfo.xlsx"


def test_a_sheet_that_cannot_be_written_is_a_failure(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(book: Book, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "write_workbook", refuse)
    report = pipeline.extract([write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))], ws)
    assert [(each.source, each.stage, each.reason) for each in report.failures] == [
        ("MetaInfo.xlsx", "sheet", "No space left on device")
    ]


def test_stray_folders_are_swept_and_foreign_files_are_not(tmp_path: Path, ws: Path) -> None:
    stray, foreign = ws / "papers" / "ab" / ("ab" * 6), ws / "papers" / "ab" / "my own notes"
    for folder in (stray, foreign, ws / "tmp" / "half"):
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    with Workspace(ws).locked():
        Workspace(ws).recover({})
    assert (stray.exists(), foreign.exists(), list((ws / "tmp").iterdir())) == (False, True, [])
