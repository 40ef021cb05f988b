"""Broken, hostile and locked PDFs: a clear line for each, the rest is done, nothing is half-written."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pikepdf
import pytest
from PIL import Image

from benchmarks import fuzz
from covidct_curate import engine, listing, pipeline
from covidct_curate.errors import PictureError, UnreadablePDF
from covidct_curate.extract import extract_paper, furniture
from covidct_curate.extract.manuscript import open_document
from covidct_curate.extract.page import read_page
from covidct_curate.extract.pixels import MAX_COMPOSED, write_pictures
from covidct_curate.panels.loose import read_picture, read_pixels, split_file
from covidct_curate.records import Extraction
from tests.manuscripts import Written
from tests.manuscripts.bad import READABLE, bad_files
from tests.manuscripts.fuzz import mutate
from tests.test_cli import curate

NO_PDF = "it is not a PDF, or one too damaged to be opened"
REASONS = {
    "empty": "the file is empty",
    "garbage_after_header": NO_PDF,
    "locked": "it is protected by a password: save a copy without one",
    "no_pages": "it has no pages, or none that can be found",
    "pages_loop": "no page of it can be read",
    "text": NO_PDF,
}
"""What is said of each file that gives nothing."""

Run = tuple[CompletedProcess[str], Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return bad_files(tmp_path_factory.mktemp("bad"))


@pytest.fixture(scope="module")
def ran(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of the command over all bad files, and its workspace."""
    folder = tmp_path_factory.mktemp("run")
    done = curate("extract", files["text"].parent, "-w", "ws", "--jobs", "2", cwd=folder)
    return done, folder / "ws"


def helvetica(pdf: pikepdf.Pdf) -> pikepdf.Object:
    name = pikepdf.Name
    return pdf.make_indirect(pikepdf.Dictionary(Type=name.Font, Subtype=name.Type1, BaseFont=name.Helvetica))


def listed(kind: str, ws: Path) -> list[dict[str, Any]]:
    return [dict(row) for row in listing.rows(kind, ws)]


def figures(ran: Run, name: str) -> list[dict[str, Any]]:
    return [row for row in listed("figures", ran[1]) if row["source"] == f"{name}.pdf"]


def notes(ran: Run, name: str) -> tuple[str, ...]:
    (found,) = (row["notes"] for row in listed("papers", ran[1]) if row["source"] == f"{name}.pdf")
    return tuple(found)


# --- the command ----------------------------------------------------------------------------------------


def test_each_bad_file_is_named_with_its_reason_and_the_rest_is_done(
    files: dict[str, Path], ran: Run
) -> None:
    assert set(REASONS) | set(READABLE) == set(files)
    done, ws = ran
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"failed: {name}.pdf: {reason}" for name, reason in sorted(REASONS.items())
    ]
    assert {row["source"]: row["reason"] for row in listed("failures", ws)} == {
        f"{name}.pdf": reason for name, reason in REASONS.items()
    }
    assert {row["source"] for row in listed("papers", ws)} == {f"{name}.pdf" for name in READABLE}


def test_nothing_is_half_written(ran: Run) -> None:
    ws = ran[1]
    named = {file for row in listed("figures", ws) for file in row["files"]}
    lying = {path.relative_to(ws).as_posix() for path in ws.rglob("papers/**/*") if path.is_file()}
    assert lying == named
    assert not list((ws / "tmp").iterdir())
    for file in named:
        with Image.open(ws / file) as image:
            image.load()


def test_a_truncated_or_print_protected_file_gives_what_it_holds(ran: Run) -> None:
    for name in ("truncated", "owner_password"):
        found = figures(ran, name)
        assert [row["label"] for row in found] == ["Figure 1", "Figure 2"]
        assert all(row["caption"] and row["files"] for row in found)


def test_a_page_of_200_inches_gives_a_picture_of_bounded_size(ran: Run) -> None:
    (found,) = figures(ran, "huge_page")
    (file,) = found["files"]
    with Image.open(ran[1] / file) as image:
        assert image.size == (600, 600)


def test_a_picture_of_4_gigapixels_is_left_out_with_a_note(ran: Run) -> None:
    (found,) = figures(ran, "huge_image")
    assert (found["label"], found["files"]) == ("Figure 1", [])
    (note,) = notes(ran, "huge_image")
    assert re.fullmatch(r"page 1: image \d+ of 60000x60000 pixels left out: too large", note)


def test_a_loop_of_objects_costs_nothing_else(ran: Run) -> None:
    (found,) = figures(ran, "recursive_form")
    assert found["label"] == "Figure 1"
    assert found["files"]
    assert figures(ran, "xref_loop") == []


@pytest.mark.parametrize("name", ["huge_image", "huge_page", "recursive_form", "pages_loop"])
def test_hostile_files_need_little_memory(files: dict[str, Path], tmp_path: Path, name: str) -> None:
    job = pipeline.Job(files[name], tmp_path / "out", name)
    (outcome,) = engine.run(pipeline.work, [job], 1, 60, memory=600_000_000)
    assert outcome.error is None
    assert isinstance(outcome.value, str) is (name in REASONS)


def test_a_drawing_on_a_page_of_200_inches_is_composed_in_bounded_pixels(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(14400, 14400))
        page.Contents = pdf.make_stream(
            b"20 w 500 500 13000 13000 re S 500 500 m 13500 13500 l S 500 13500 m 13500 500 l S "
            b"BT /F 10 Tf 500 400 Td (Figure 1. A large cross.) Tj ET"
        )
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=helvetica(pdf)))
        pdf.save(tmp_path / "poster.pdf")
    (tmp_path / "out").mkdir()
    found = extract_paper(tmp_path / "poster.pdf", tmp_path / "out", name="poster")
    ((picture,),) = (figure.pictures for figure in found.figures)
    assert picture.xref is None
    assert 0.5 * MAX_COMPOSED < picture.width * picture.height <= 1.01 * MAX_COMPOSED


# --- a damaged part costs that part ---------------------------------------------------------------------


def extracted(path: Path, folder: Path) -> Extraction:
    out = folder / "out"
    out.mkdir()
    return extract_paper(path, out, name="paper")


def test_a_page_that_breaks_costs_that_page(
    manuscript: Callable[[str], Written], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = manuscript("clean")
    lost = truth.figures[0].page

    def read(document: Any, number: int) -> Any:
        if number == lost:
            raise IndexError("list index out of range")
        return read_page(document, number)

    monkeypatch.setattr("covidct_curate.extract.manuscript.read_page", read)
    found = extracted(truth.path, tmp_path)
    assert [figure.label for figure in found.figures] == ["Figure 2"]
    assert found.notes == (f"page {(lost or 0) + 1} left out: it is damaged",)
    assert found.paper.pages == truth.pages


def test_a_page_tree_that_promises_too_much_gives_one_note(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root.Spare = pikepdf.Array([pdf.make_indirect(pikepdf.Dictionary()) for _ in range(40)])
        pdf.save(tmp_path / "a.pdf")
    data = (tmp_path / "a.pdf").read_bytes()
    assert data.count(b"/Count 1 ") == 1
    (tmp_path / "a.pdf").write_bytes(data.replace(b"/Count 1 ", b"/Count 30"))
    found = extracted(tmp_path / "a.pdf", tmp_path)
    (note,) = found.notes
    assert note.startswith("pages 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 19 more left out: ")
    assert "code=" not in note


def test_a_page_of_absurd_size_is_left_out(manuscript: Callable[[str], Written], tmp_path: Path) -> None:
    truth = manuscript("clean")
    with pikepdf.open(truth.path) as pdf:
        pdf.pages[truth.figures[0].page or 0].MediaBox = pikepdf.Array([0, 0, 900_000, 800_000])
        pdf.save(tmp_path / "absurd.pdf")
    found = extracted(tmp_path / "absurd.pdf", tmp_path)
    assert [figure.label for figure in found.figures] == ["Figure 2"]
    (note,) = found.notes
    assert note.endswith("left out: it is 900000 by 800000 points large")


def test_a_picture_that_breaks_costs_that_picture(
    manuscript: Callable[[str], Written], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = manuscript("clean")
    lost = truth.figures[0].page or 0

    def broken(page: Any, *rest: Any) -> Any:
        if page.number == lost:
            raise IndexError("list index out of range")
        return write_pictures(page, *rest)

    monkeypatch.setattr("covidct_curate.extract.write_pictures", broken)
    found = extracted(truth.path, tmp_path)
    assert [(figure.label, len(figure.pictures)) for figure in found.figures] == [
        ("Figure 1", 0),
        ("Figure 2", 1),
    ]
    assert found.notes == (f"page {lost + 1}: a picture left out: it is damaged",)


def test_text_that_runs_off_the_page_costs_nothing(
    manuscript: Callable[[str], Written], tmp_path: Path
) -> None:
    truth = manuscript("clean")
    with pikepdf.open(truth.path) as pdf:
        page = pdf.pages[truth.figures[0].page or 0]
        text = b" 1 0 0 1 560 300 Tm (%s) Tj 1e7 0 0 1e7 300 60 Tm (wide) Tj" % (b"far off the page " * 60)
        page.Resources.Font["/Odd"] = helvetica(pdf)
        page.contents_add(pdf.make_stream(b"BT /Odd 10 Tf" + text + b" ET"))
        pdf.save(tmp_path / "wide.pdf")
    found = extracted(tmp_path / "wide.pdf", tmp_path)
    assert [(figure.label, len(figure.pictures)) for figure in found.figures] == [
        ("Figure 1", 1),
        ("Figure 2", 1),
    ]


def test_control_characters_in_line_numbers_cost_nothing(manuscript: Callable[[str], Written]) -> None:
    with open_document(manuscript("clean").path) as document:
        page = read_page(document, 0)
    lines = [
        replace(line, text=f"{number}\x1f", bbox=(40, 100 + 20 * number, 50, 110 + 20 * number))
        for number, line in zip(range(1, 9), page.lines * 8, strict=False)
    ]
    (kept,) = furniture.strip_furniture([replace(page, lines=lines)])
    assert kept.lines == []


def test_a_page_count_that_cannot_be_had_is_a_refusal(
    manuscript: Callable[[str], Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(document: Any) -> int:
        raise RuntimeError("code=7: Invalid number of pages")

    path = manuscript("clean").path
    monkeypatch.setattr("pymupdf.Document.page_count", property(count))
    with pytest.raises(UnreadablePDF, match=f"^{NO_PDF}$"):
        open_document(path)


# --- mutants --------------------------------------------------------------------------------------------


def test_every_mutant_has_its_outcome(manuscript: Callable[[str], Written], tmp_path: Path) -> None:
    sources = [manuscript(name).path.read_bytes() for name in ("clean", "strips", "vector_plot")]
    rng = np.random.default_rng(7)
    jobs = []
    for number in range(60):
        path = tmp_path / f"{number}.pdf"
        path.write_bytes(mutate(sources[number % len(sources)], rng))
        jobs.append(pipeline.Job(path, tmp_path / f"out{number}", path.stem))
    outcomes = list(engine.run(pipeline.work, jobs, 2, 60))
    assert Counter(outcome.item for outcome in outcomes) == Counter(jobs)
    raised = [outcome.error for outcome in outcomes if outcome.error and "raised" in outcome.error]
    assert raised == []
    assert sum(isinstance(outcome.value, Extraction) for outcome in outcomes) > 20


def test_the_fuzzer_counts_every_mutant(
    manuscript: Callable[[str], Written], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = manuscript("clean").path.parent
    options = ["--batch", "5", "--minutes", "0.0001", "--keep", str(tmp_path / "kept"), str(folder)]
    assert fuzz.main(options) == 0
    said = capsys.readouterr().out
    assert "5  mutants;" in said
    assert "no fault of the driver" in said


# --- real ones ------------------------------------------------------------------------------------------


def test_of_hostile_papers_only_locked_ones_fail(papers: Path, tmp_path: Path) -> None:
    folder = papers / "hostile"
    if not folder.is_dir():
        pytest.skip("there are no hostile papers")
    report = pipeline.extract([folder], tmp_path / "ws", jobs=2, timeout=120)
    given = Counter(path.relative_to(folder).as_posix() for path in folder.rglob("*.pdf"))
    assert Counter(result.source for result in report.results) == given
    assert {failure.reason for failure in report.failures} == {REASONS["locked"]}
    assert report.counts["failed"] == 5
    assert not list((tmp_path / "ws" / "tmp").iterdir())


# --- loose pictures -------------------------------------------------------------------------------------


def save(pixels: Any, path: Path, **options: Any) -> None:
    Image.fromarray(pixels).save(path, **options)


def odd_pictures(folder: Path) -> dict[str, tuple[int, int]]:
    """Pictures that are odd but whole: name → size."""
    rng = np.random.default_rng(3)
    save(np.full((1, 1), 90, np.uint8), folder / "one pixel.png")
    save(np.arange(10_000, dtype=np.uint8)[None] // 40, folder / "strip.png")
    save(np.arange(10_000, dtype=np.uint8)[:, None] // 40, folder / "strip upright.png")
    save(np.full((300, 400, 3), 255, np.uint8), folder / "white.png")
    save(np.zeros((300, 400), np.uint8), folder / "black.png")
    save(rng.integers(0, 256, (300, 400, 3), np.uint8), folder / "noise.png")
    save(rng.integers(0, 65_536, (60, 80), np.uint16), folder / "deep.png")
    save(rng.integers(0, 1 << 20, (60, 80), np.int32), folder / "deeper.tif")
    save(rng.random((60, 80), np.float32), folder / "real.tif")
    palette = Image.fromarray(rng.integers(0, 4, (60, 80), np.uint8), "L").convert("P")
    palette.save(folder / "palette.png", transparency=bytes([0, 80, 160, 255]))
    Image.new("CMYK", (80, 60), (0, 99, 99, 0)).save(folder / "inks.jpg")
    Image.new("1", (80, 60), 1).save(folder / "bits.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (80, 60)).save(folder / "turned.jpg", exif=turned)
    frames = [Image.new("P", (80, 60), k) for k in range(3)]
    frames[0].save(folder / "frames.gif", save_all=True, append_images=frames[1:])
    small = dict.fromkeys(
        [
            "deep.png",
            "deeper.tif",
            "real.tif",
            "palette.png",
            "inks.jpg",
            "bits.png",
            "turned.jpg",
            "frames.gif",
        ],
        (80, 60),
    )
    wide = dict.fromkeys(["white.png", "black.png", "noise.png"], (400, 300))
    strips = {"one pixel.png": (1, 1), "strip.png": (10_000, 1), "strip upright.png": (1, 10_000)}
    return {**small, **wide, **strips}


def test_odd_pictures_are_each_answered(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    sizes = odd_pictures(folder)
    done = curate("split", "odd", "--format", "jsonl", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    rows = {row["file"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert set(rows) == {f"odd/{name}" for name in sizes}
    for name, (width, height) in sizes.items():
        row = rows[f"odd/{name}"]
        assert set(row) == {"file", "size", "modality", "panels"}
        assert (row["size"], row["modality"] in {"ct", "other", "unknown"}) == ([width, height], True)
        assert row["panels"]
        for panel in row["panels"]:
            x0, y0, x1, y1 = panel["box"]
            assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
            assert 0 <= panel["confidence"] <= 1
    for name in ("one pixel.png", "white.png", "black.png", "noise.png", "strip.png", "strip upright.png"):
        assert len(rows[f"odd/{name}"]["panels"]) == 1, name


def test_pictures_that_cannot_be_read_are_named_and_the_others_split(tmp_path: Path) -> None:
    save(np.zeros((30, 40), np.uint8), tmp_path / "good.png")
    save(np.random.default_rng(1).integers(0, 256, (300, 400), np.uint8), tmp_path / "whole.png")
    data = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    (tmp_path / "flipped.png").write_bytes(data[:5000] + bytes([data[5000] ^ 255]) + data[5001:])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("%!PS no picture")
    (tmp_path / "nothing").mkdir()
    Image.new("1", (20_000, 20_000)).save(tmp_path / "giant.png")
    Image.new("1", (11_000, 10_000)).save(tmp_path / "large.png")
    names = [
        "cut.png",
        "good.png",
        "flipped.png",
        "empty.png",
        "text.png",
        "nothing",
        "giant.png",
        "large.png",
    ]
    done = curate("split", *names, "gone.png", "--format", "jsonl", cwd=tmp_path)
    assert done.returncode == 1
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == ["good.png"]
    damaged = "the picture is damaged or cut short; get a new copy, or save it anew"
    none = "it is no PNG, JPEG, TIFF, BMP, GIF or WebP picture"
    large = "shrink it to 100 megapixels or less"
    assert done.stderr.splitlines() == [
        f"failed: cut.png: {damaged}",
        f"failed: flipped.png: {damaged}",
        f"failed: empty.png: {none}",
        f"failed: text.png: {none}",
        "failed: nothing: there is no picture in this folder",
        f"failed: giant.png: it is too large (hundreds of megapixels); {large}",
        f"failed: large.png: it is too large (11000 by 10000 pixels); {large}",
        "failed: gone.png: it cannot be read: No such file or directory",
    ]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16"])
def test_20_megapixels_need_less_than_a_gigabyte(tmp_path: Path, mode: str) -> None:
    rng = np.random.default_rng(5)
    tile = rng.integers(0, 255, (500, 500), np.uint8)
    grey = np.tile(tile, (8, 10))
    image = (
        Image.fromarray(grey.astype(np.uint16) * 200)
        if mode == "I;16"
        else Image.fromarray(grey).convert(mode)
    )
    image.save(tmp_path / "large.png", compress_level=1)
    (outcome,) = engine.run(split_file, [tmp_path / "large.png"], 1, 120, memory=1_000_000_000)
    assert outcome.error is None and outcome.value is not None
    assert outcome.value.size == (5000, 4000)


def test_pixels_are_read_as_they_show(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    deep = np.linspace(1000, 3000, 256).astype(np.uint16)[None].repeat(4, 0)
    save(deep, path)
    assert np.array_equal(read_pixels(path), np.arange(256, dtype=np.uint8)[None].repeat(4, 0))
    save(np.full((4, 4), 700, np.uint16), path)
    assert not read_pixels(path).any()
    save(np.array([[[9, 9, 9, 0], [0, 0, 0, 255], [0, 0, 200, 51]]], np.uint8), path)
    assert read_pixels(path).tolist() == [[[255, 255, 255], [0, 0, 0], [204, 204, 244]]]
    save(np.array([[0.5, np.nan, 1.5, np.inf]], np.float32), tmp_path / "a.tif")
    assert read_pixels(tmp_path / "a.tif").tolist() == [[0, 0, 255, 255]]
    save(np.array([[7, 8]], np.uint8), path)
    assert read_picture(path).tolist() == [[[7, 7, 7], [8, 8, 8]]]


def test_a_picture_the_splitter_breaks_on_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("covidct_curate.panels.loose.split", broken)
    save(np.zeros((30, 40), np.uint8), tmp_path / "a.png")
    with pytest.raises(PictureError, match=r"a\.png: its panels could not be found") as caught:
        split_file(tmp_path / "a.png")
    assert "division" not in str(caught.value)
