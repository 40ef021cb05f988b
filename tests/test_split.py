"""Panels in the workspace: split, split again, decided by a reviewer; names, uids, kills, contact sheets."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from covidct_curate import listing, pipeline, splitting
from covidct_curate.catalog import Catalog, decisions, schema
from covidct_curate.catalog.papers import Stage
from covidct_curate.errors import ChoiceError, CurateError, NoFigure, WorkspaceError
from covidct_curate.panels import figure as panels_of_figures
from covidct_curate.panels.choice import Choice, parse_boxes, parse_grid, read_choice
from covidct_curate.panels.figure import split_figure
from covidct_curate.records import Decision, Figure, Lettering, Picture
from tests.fake_extract import fake_paper, fake_split, figure, picture, run_here, write_pdf
from tests.test_pipeline import again, decide, every_kill, extracted, killed_at, listed, state, statuses


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "extract_paper", fake_paper)
    monkeypatch.setattr(pipeline.engines, "run", run_here)
    monkeypatch.setattr(panels_of_figures, "split", fake_split)
    monkeypatch.setattr(panels_of_figures, "kind_of", lambda picture: "radiology")


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    return tmp_path / "ws"


def names(ws: Path) -> list[str]:
    return [Path(row["file"]).name for row in listed("panels", ws)]


def uids(ws: Path) -> list[str]:
    return [row["uid"] for row in listed("panels", ws)]


def pixels(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image)


def cut_into(monkeypatch: pytest.MonkeyPatch, *boxes: tuple[int, int, int, int]) -> None:
    """From now on every picture is cut so."""

    def cut(picture: Any, hints: Any) -> Any:
        return tuple(panels_of_figures.Cut(box, "seam", 0.5) for box in boxes)

    monkeypatch.setattr(panels_of_figures, "split", cut)


# --- extract splits -------------------------------------------------------------------------------------


def test_a_cut_figure_is_kept_whole_with_its_panels(tmp_path: Path, ws: Path) -> None:
    write_pdf(tmp_path / "a.pdf", figure(1, picture(10, columns=3), caption="(A) One. (B) Two. (C) Three."))
    report = pipeline.extract([tmp_path / "a.pdf"], ws)
    assert (report.results[0].pictures, report.results[0].panels) == (1, 3)
    (row,), panels = listed("figures", ws), listed("panels", ws)
    assert [Path(file).name for file in row["files"]] == [
        "a-p0-7.png",
        *[f"a-p0-7%{k}.png" for k in range(3)],
    ]
    assert [one["role"] for one in row["pictures"]] == ["figure", "panel", "panel", "panel"]
    assert (row["kind"], row["panels"]) == ("radiology", 3)
    assert [panel["file"] for panel in panels] == row["files"][1:]
    assert {panel["figure_file"] for panel in panels} == {row["files"][0]}
    assert [panel["index"] for panel in panels] == [0, 1, 2]
    assert [panel["box"] for panel in panels] == [(0, 0, 67, 200), (67, 0, 133, 200), (133, 0, 200, 200)]
    assert [panel["uid"] for panel in panels] == [one["uid"] for one in row["pictures"][1:]]
    whole = pixels(ws / row["files"][0])
    for panel, one in zip(panels, row["pictures"][1:], strict=True):
        x0, y0, x1, y1 = panel["box"]
        assert np.array_equal(pixels(ws / panel["file"]), whole[y0:y1, x0:x1])
        assert one["size"] == [x1 - x0, y1 - y0]
        assert one["bbox"] == [50 + x0 / 2, 50, 50 + x1 / 2, 150]
    caption = panels[0]["caption"]
    for panel in panels:
        assert panel["subcaption"] == " ".join(caption[a:b] for a, b in panel["subcaption_spans"])


def test_a_figure_of_one_panel_is_that_panel(tmp_path: Path, ws: Path) -> None:
    write_pdf(tmp_path / "a.pdf", figure(1, picture(10), caption="A slice. (A) is no part."), figure(2))
    pipeline.extract([tmp_path / "a.pdf"], ws)
    (panel,), (one, two) = listed("panels", ws), listed("figures", ws)
    assert panel["file"] == panel["figure_file"] == one["files"][0]
    assert panel["uid"] == one["pictures"][0]["uid"]
    assert (panel["box"], panel["method"], panel["label"]) == ((0, 0, 200, 200), "whole", None)
    assert (panel["subcaption"], panel["subcaption_spans"]) == (
        panel["caption"],
        ((0, len(panel["caption"])),),
    )
    assert (two["files"], two["panels"]) == ([], 0)


def test_parts_of_the_pdf_are_panels_in_their_own_pixels(tmp_path: Path, ws: Path) -> None:
    write_pdf(
        tmp_path / "a.pdf",
        figure(
            1,
            picture(10, bbox=(50, 50, 250, 150)),
            picture(20, role="part", bbox=(50, 50, 148, 150), xref=8),
            picture(30, role="part", bbox=(152, 50, 250, 150), xref=9),
        ),
    )
    pipeline.extract([tmp_path / "a.pdf"], ws)
    assert names(ws) == ["a-p0-8-part20.png", "a-p0-9-part30.png"]
    assert [row["method"] for row in listed("panels", ws)] == ["embedded", "embedded"]
    assert [row["box"] for row in listed("panels", ws)] == [(0, 0, 196, 200), (204, 0, 400, 200)]
    assert len(list(ws.rglob("papers/**/*.png"))) == 3


@pytest.mark.parametrize("role", ["part", "native"])
def test_a_panel_inside_a_part_is_cut_from_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    rng = np.random.default_rng(1)
    own = rng.integers(0, 255, (300, 600), np.uint8)
    Image.fromarray(own).save(tmp_path / "x-p0-7.png")
    shown = np.repeat(np.repeat(np.pad(own, ((0, 0), (0, 200)), constant_values=255), 2, 0), 2, 1)
    Image.fromarray(shown).save(tmp_path / "x-p0-f1.png")
    box = 10.0, 10.0, 170.0, 70.0
    whole = Picture("x-p0-f1.png", "figure", 0, box, 1600, 600, None, "w")
    part = Picture("x-p0-7.png", role, 0, (10.0, 10.0, 130.0, 70.0), 600, 300, 7, "p")  # type: ignore[arg-type]
    cut_into(monkeypatch, (0, 0, 600, 600), (600, 0, 1200, 600), (1240, 0, 1600, 600))
    split, notes = split_figure(
        Figure("Figure 1", "", None, 0, box, "none", 1.0, pictures=(whole, part)), tmp_path
    )
    assert notes == ()
    assert [panel.file for panel in split.panels] == ["x-p0-7%0.png", "x-p0-7%1.png", "x-p0-f1%2.png"]
    assert np.array_equal(pixels(tmp_path / "x-p0-7%0.png"), own[:, :300])
    assert np.array_equal(pixels(tmp_path / "x-p0-7%1.png"), own[:, 300:])
    cut = {picture.file: picture for picture in split.pictures}["x-p0-7%1.png"]
    assert (cut.bbox, cut.xref, cut.role) == ((70.0, 10.0, 130.0, 70.0), 7, "panel")


def test_a_figure_over_two_pages_has_panels_of_both(tmp_path: Path, ws: Path) -> None:
    pages = [picture(10, columns=2), picture(30, page=1, columns=2)]
    write_pdf(tmp_path / "a.pdf", figure(1, *pages, pages=(0, 1)))
    pipeline.extract([tmp_path / "a.pdf"], ws)
    assert names(ws) == ["a-p0-7%0.png", "a-p0-7%1.png", "a-p1-7%0.png", "a-p1-7%1.png"]
    assert [row["index"] for row in listed("panels", ws)] == [0, 1, 2, 3]


def test_lettering_reaches_the_splitter_in_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def label(picture: Any, boxes: Any, lettering: Any, announced: Any) -> Any:
        seen.extend([lettering, announced])
        return (("a", "text"), ("b", "text"))

    def cut(picture: Any, hints: Any) -> Any:
        seen.append(hints.announced)
        return fake_split(picture, hints)

    monkeypatch.setattr(panels_of_figures, "label_panels", label)
    monkeypatch.setattr(panels_of_figures, "split", cut)
    told = picture(10, columns=2)
    write_pdf(tmp_path / "a.pdf", figure(1, told))
    (found,) = fake_paper(tmp_path / "a.pdf", tmp_path, name="a").figures
    inside, below = Lettering("(a)", 0, (60, 60, 70, 70)), Lettering("(b)", 0, (120, 151, 130, 160))
    elsewhere = Lettering("C", 1, (60, 60, 70, 70))
    whole = Figure(
        "Figure 1", "CT (a) before and (b) after.", 0, 0, found.bbox, "below", 1.0, pictures=found.pictures,
        lettering=(inside, below, elsewhere),
    )  # fmt: skip
    split, _ = split_figure(whole, tmp_path)
    first, second = ("(a)", (20, 20, 40, 40)), ("(b)", (140, 202, 160, 220))
    assert seen == [2, (first, second), ("a", "b")]
    assert [(panel.label, panel.label_source) for panel in split.panels] == [("a", "text"), ("b", "text")]


def test_a_crash_costs_the_panels_of_its_figure(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(picture: Any, hints: Any) -> Any:
        if picture[0, 0, 0] == 10:
            raise IndexError("list index out of range")
        return fake_split(picture, hints)

    monkeypatch.setattr(panels_of_figures, "split", broken)
    write_pdf(
        tmp_path / "a.pdf",
        figure(1, picture(10, columns=2)),
        figure(2, picture(20, columns=2, bbox=(50, 300, 150, 400), xref=8)),
    )
    report = pipeline.extract([tmp_path / "a.pdf"], ws)
    assert not report.failures
    assert names(ws) == ["a-p0-7.png", "a-p0-8%0.png", "a-p0-8%1.png"]
    assert listed("panels", ws)[0]["confidence"] == 0
    assert listed("papers", ws)[0]["notes"] == ("Figure 1 is left whole: it could not be split",)
    monkeypatch.setattr(panels_of_figures, "split", fake_split)
    splitting.split(ws)
    assert len(names(ws)) == 4
    assert listed("papers", ws)[0]["notes"] == ()


def test_a_full_disk_is_no_crash_of_the_splitter(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(pixels: Any, path: Path) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(panels_of_figures, "write_png", full)
    write_pdf(tmp_path / "a.pdf", figure(1, picture(10, columns=2)))
    report = pipeline.extract([tmp_path / "a.pdf"], ws)
    assert [failure.reason for failure in report.failures] == ["No space left on device"]


# --- done separately ------------------------------------------------------------------------------------


def test_only_figures_are_split_later_without_the_pdf(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdfs = tmp_path / "pdfs"
    write_pdf(pdfs / "a.pdf", figure(1, picture(10, columns=2)), doi="10.1101/x", version=1)
    write_pdf(pdfs / "b.pdf", figure(1, picture(10, columns=2)), doi="10.1101/x", version=1, salt="b")
    pipeline.extract([pdfs], tmp_path / "whole")
    pipeline.extract([pdfs], ws, only_figures=True)
    assert listed("panels", ws) == []
    assert listed("figures", ws)[0]["panels"] == 0
    kept = [one["uid"] for one in listed("figures", ws)[0]["pictures"]]
    seen = extracted(monkeypatch)
    report = pipeline.extract([pdfs], ws)
    assert (seen, statuses(report)) == ([], {"a.pdf": "done", "b.pdf": "skipped"})
    assert report.results[0].panels == 2
    assert state(ws) == state(tmp_path / "whole")
    assert listed("figures", ws)[0]["pictures"][0]["uid"] == kept[0]
    assert set(statuses(pipeline.extract([pdfs], ws)).values()) == {"skipped"}


def test_a_split_paper_and_its_unsplit_file_are_twins(tmp_path: Path, ws: Path) -> None:
    pdfs = [
        write_pdf(
            tmp_path / f"{name}.pdf", figure(1, picture(10, columns=2)), doi="10.1/x", version=1, salt=name
        )
        for name in "ab"
    ]
    pipeline.extract(pdfs[:1], ws, only_figures=True)
    assert statuses(pipeline.extract(pdfs[1:], ws)) == {"b.pdf": "duplicate"}
    # what the run was asked for is done for the paper, whichever of its files was given
    assert names(ws) == ["x-p0-7%0.png", "x-p0-7%1.png"]
    pipeline.extract(pdfs[:1], tmp_path / "other")
    assert statuses(pipeline.extract(pdfs[1:], tmp_path / "other", only_figures=True)) == {
        "b.pdf": "duplicate"
    }
    assert len(listed("papers", tmp_path / "other")) == 1


def test_a_newer_splitter_splits_again_and_reads_no_pdf(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10, columns=2)))
    pipeline.extract([pdf], ws)
    before = uids(ws)
    monkeypatch.setattr(splitting, "PANELS", Stage("panels", 99, ""))
    seen = extracted(monkeypatch)
    assert statuses(pipeline.extract([pdf], ws)) == {"a.pdf": "done"}
    assert statuses(pipeline.extract([pdf], ws)) == {"a.pdf": "skipped"}
    assert (seen, uids(ws)) == ([], before)


def test_a_picture_that_is_gone_is_named_and_made_again_from_its_pdf(tmp_path: Path, ws: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10, columns=2)))
    pipeline.extract([pdf], ws)
    before, whole = uids(ws), ws / listed("figures", ws)[0]["files"][0]
    whole.unlink()
    (failure,) = splitting.split(ws).failures
    assert (failure.source, failure.stage) == ("a.pdf", "panels")
    assert failure.reason.startswith("a-p0-7.png is gone from ")
    assert [(row["source"], row["stage"]) for row in listed("failures", ws)] == [("a.pdf", "panels")]
    assert statuses(pipeline.extract([pdf], ws)) == {"a.pdf": "done"}
    assert (uids(ws), whole.is_file(), listed("failures", ws)) == (before, True, [])


def test_split_does_all_current_papers_again(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (1, 2):
        write_pdf(
            tmp_path / f"{version}.pdf",
            figure(1, picture(10 * version, columns=2)),
            doi="10.1/x",
            version=version,
        )
    pipeline.extract([tmp_path / "1.pdf", tmp_path / "2.pdf"], ws)
    (ws / "MetaInfo.xlsx").unlink()
    cut_into(monkeypatch, (0, 0, 100, 200), (100, 0, 150, 200), (150, 0, 200, 200))
    told: list[Any] = []
    report = splitting.split(ws, progress=told.append)
    assert (statuses(report), report.results[0].panels) == ({"2.pdf": "done"}, 3)
    assert (told[-1].total, told[-1].done, told[-1].failed) == (1, 1, 0)
    assert report.sheet.path == ws / "MetaInfo.xlsx"
    assert [row["superseded"] for row in listed("panels", ws)] == [True, True, False, False, False]


def test_split_needs_a_workspace(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="there is no catalogue here"):
        splitting.split(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


# --- uids and names -------------------------------------------------------------------------------------


def test_panels_keep_their_uids_where_their_boxes_fit(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10, columns=2)))
    pipeline.extract([pdf], ws)
    first, second = uids(ws)
    cut_into(monkeypatch, (0, 0, 96, 200), (100, 0, 140, 200), (140, 0, 200, 200))
    splitting.split(ws)
    assert uids(ws)[0] == first
    assert second not in uids(ws)
    assert len(list(ws.rglob("papers/**/*.png"))) == 4
    cut_into(monkeypatch, (0, 0, 100, 200), (100, 0, 200, 200))
    splitting.split(ws)
    assert uids(ws) == [first, second]


def test_a_decided_number_is_not_given_to_another(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10, columns=4)))
    pipeline.extract([pdf], ws)
    _, gone, moved, _ = uids(ws)
    decide(ws, gone)
    decide(ws, moved)
    content = pixels(ws / listed("panels", ws)[1]["file"])
    cut_into(
        monkeypatch,
        (0, 0, 20, 200),
        (20, 0, 50, 200),
        (50, 0, 75, 200),
        (100, 0, 150, 200),
        (150, 0, 200, 200),
    )
    for _ in range(2):
        splitting.split(ws)
        # 1 is retired with a decision; 2 keeps its number though it is the fourth now
        assert names(ws) == [f"a-p0-7%{k}.png" for k in (0, 3, 4, 2, 5)]
        assert uids(ws)[3] == moved
        orphan, _ = listed("decisions", ws)
        assert (orphan["uid"], orphan["file"].split("/")[-2:]) == (gone, ["retired", f"{gone}.png"])
        assert np.array_equal(pixels(ws / orphan["file"]), content)
        for row in listed("panels", ws):
            x0, y0, x1, y1 = row["box"]
            assert np.array_equal(pixels(ws / row["file"]), pixels(ws / row["figure_file"])[y0:y1, x0:x1])
    monkeypatch.setattr(panels_of_figures, "split", fake_split)
    splitting.split(ws)
    assert names(ws)[1:3] == ["a-p0-7%1.png", "a-p0-7%2.png"]
    assert uids(ws)[1:3] == [gone, moved]


# --- a reviewer's panels --------------------------------------------------------------------------------


def two_figures(tmp_path: Path, ws: Path) -> tuple[Path, list[str]]:
    pdf = write_pdf(
        tmp_path / "a.pdf",
        figure(1, picture(10, columns=2)),
        figure(2, picture(50, columns=2, bbox=(50, 300, 150, 400), xref=8)),
    )
    pipeline.extract([pdf], ws)
    return pdf, [row["uid"] for row in listed("figures", ws)]


def test_a_grid_is_a_decision_that_later_runs_keep_to(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf, (one, _) = two_figures(tmp_path, ws)
    before = uids(ws)
    report = splitting.decide(ws, one, parse_grid("2x2"), reviewer=" ann ")
    assert [(each.source, each.status, each.panels) for each in report.results] == [("a.pdf", "done", 6)]
    boxes = [(0, 0, 100, 100), (100, 0, 200, 100), (0, 100, 100, 200), (100, 100, 200, 200)]

    def as_decided() -> None:
        mine = [row for row in listed("panels", ws) if row["figure_uid"] == one]
        assert [row["box"] for row in mine] == boxes
        assert {(row["method"], row["confidence"]) for row in mine} == {("reviewer", 1.0)}
        assert len(listed("panels", ws)) == 6

    as_decided()
    assert uids(ws)[4:] == before[2:]
    (decision,) = listed("decisions", ws)
    assert (decision["uid"], decision["field"], decision["reviewer"]) == (one, "panels", "ann")
    assert (decision["old"], json.loads(decision["new"]), decision["client"]) == (
        None,
        {"grid": [2, 2]},
        "curate split",
    )
    kept = uids(ws)
    splitting.split(ws)
    as_decided()
    # read again, the figures are known by their places, and the decision is found
    again(
        ws, pdf, monkeypatch, 101,
        figure(2, picture(50, columns=2, bbox=(50, 300, 150, 400), xref=8)),
        figure(1, picture(12, columns=2)),
    )  # fmt: skip
    as_decided()
    assert set(uids(ws)) == set(kept)
    splitting.decide(ws, one, parse_grid("1x1"), reviewer="bob")
    assert names(ws) == ["a-p0-8%0.png", "a-p0-8%1.png", "a-p0-7.png"]
    assert [row["old"] for row in listed("decisions", ws)] == [None, decision["new"]]


def test_boxes_are_cut_as_drawn(tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pdf, (_, two) = two_figures(tmp_path, ws)
    splitting.decide(ws, two, parse_boxes(["0,0,90,200", "100,10, 200,200"]), reviewer="ann")
    mine = [row for row in listed("panels", ws) if row["figure_uid"] == two]
    assert [row["box"] for row in mine] == [(0, 0, 90, 200), (100, 10, 200, 200)]
    for row in mine:
        x0, y0, x1, y1 = row["box"]
        assert np.array_equal(pixels(ws / row["file"]), pixels(ws / row["figure_file"])[y0:y1, x0:x1])
    # the same figure in half the pixels: the boxes are drawn to its scale
    monkeypatch.setattr(pipeline, "EXTRACT", Stage("extract", 101, ""))

    def smaller(path: Path, out: Path, *, name: str) -> Any:
        found = fake_paper(path, out, name=name)
        picture = found.figures[1].pictures[0]
        with Image.open(out / picture.file) as image:
            image.resize((100, 100)).save(out / picture.file)
        halved = [pipeline.replace(picture, width=100, height=100, pixels="halved")]
        changed = pipeline.replace(found.figures[1], pictures=tuple(halved))
        return pipeline.replace(found, figures=(found.figures[0], changed))

    monkeypatch.setattr(pipeline, "extract_paper", smaller)
    assert not pipeline.extract([pdf], ws).failures
    mine = [row for row in listed("panels", ws) if row["figure_uid"] == two]
    assert [row["box"] for row in mine] == [(0, 0, 45, 100), (50, 5, 100, 100)]


def test_boxes_on_a_picture_of_another_shape_wait_for_review(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf, (one, _) = two_figures(tmp_path, ws)
    splitting.decide(ws, one, parse_boxes(["0,0,50,50;60,60,120,120"]), reviewer="ann")
    again(ws, pdf, monkeypatch, 101, figure(1, picture(10, columns=3, bbox=(50, 50, 350, 150))))
    assert [row["method"] for row in listed("panels", ws)] == ["gutter"] * 3
    (note,) = listed("papers", ws)[0]["notes"]
    assert note == "Figure 1: a reviewer's boxes were drawn on a picture of another shape and wait for review"


def test_a_decision_leaves_other_figures_as_they_are(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (one, two) = two_figures(tmp_path, ws)
    before = [row for row in listed("panels", ws) if row["figure_uid"] == two]
    cut_into(monkeypatch, (0, 0, 30, 200), (30, 0, 200, 200))
    splitting.decide(ws, one, parse_grid("1x3"), reviewer="ann")
    assert [row for row in listed("panels", ws) if row["figure_uid"] == two] == before
    assert all((ws / row["file"]).is_file() for row in before)


def test_of_two_decisions_on_one_value_the_earlier_stands(tmp_path: Path, ws: Path) -> None:
    _, (one, _) = two_figures(tmp_path, ws)
    splitting.decide(ws, one, parse_grid("1x3"), reviewer="ann")
    with Catalog(ws / "catalog.db") as catalog, catalog.transaction() as db:
        rival = Decision(one, "panels", '{"grid": [5, 5]}', None, "bob", "2024-01-01T00:00:00Z", "test")
        decisions.append(db, rival)
    splitting.split(ws)
    assert sum(row["figure_uid"] == one for row in listed("panels", ws)) == 3
    splitting.decide(ws, one, parse_grid("1x4"), reviewer="ann")
    assert sum(row["figure_uid"] == one for row in listed("panels", ws)) == 4


def test_a_choice_that_makes_no_sense_is_refused(tmp_path: Path, ws: Path) -> None:
    _, (one, _) = two_figures(tmp_path, ws)
    picture = listed("figures", ws)[0]["pictures"][0]["uid"]
    for uid, choice, words in (
        ("nobody", parse_grid("1x2"), "nobody: no figure has this uid"),
        (picture, parse_grid("1x2"), f"that of its figure is {one}"),
        (one, parse_grid("2x100"), "cells of under 8 pixels"),
        (one, parse_boxes(["0,0,201,100"]), "leaves the picture of 200x200"),
        (one, parse_boxes(["50,50,50,90"]), "is empty"),
        (one, parse_boxes(["0,0,4,90"]), "under 8 pixels"),
        (one, parse_boxes(["0,0,100,100", "0,0,100,101"]), "cover the same pixels"),
    ):
        with pytest.raises(CurateError, match=words):
            splitting.decide(ws, uid, choice, reviewer="ann")
    with pytest.raises(ChoiceError, match="reviewer"):
        splitting.decide(ws, one, parse_grid("1x2"), reviewer=" ")
    assert listed("decisions", ws) == []


def test_a_caption_without_a_picture_cannot_be_split(tmp_path: Path, ws: Path) -> None:
    pipeline.extract([write_pdf(tmp_path / "a.pdf", figure(1))], ws)
    with pytest.raises(NoFigure, match="no picture to split"):
        splitting.decide(ws, listed("figures", ws)[0]["uid"], parse_grid("1x2"), reviewer="ann")


def test_a_decision_on_a_figure_not_yet_split_splits_its_paper(tmp_path: Path, ws: Path) -> None:
    pdf = write_pdf(
        tmp_path / "a.pdf",
        figure(1, picture(10, columns=2)),
        figure(2, picture(50, columns=2, bbox=(50, 300, 150, 400), xref=8)),
    )
    pipeline.extract([pdf], ws, only_figures=True)
    splitting.decide(ws, listed("figures", ws)[0]["uid"], parse_grid("1x3"), reviewer="ann")
    assert len(uids(ws)) == 5
    assert statuses(pipeline.extract([pdf], ws)) == {"a.pdf": "skipped"}


def test_boxes_can_be_written_as_one_pleases() -> None:
    boxes = ((0, 0, 20, 20), (20, 0, 40, 20))
    for texts in (
        ["0,0,20,20", "20,0,40,20"],
        ["0,0,20,20;20,0,40,20"],
        ["0, 0, 20, 20; 20, 0, 40, 20"],
        ["0,0,20,20 20,0,40,20"],
        ["[[0, 0, 20, 20], [20, 0, 40, 20]]"],
    ):
        assert parse_boxes(texts).boxes == boxes


@pytest.mark.parametrize("text", ["", "2", "0x2", "2x0", "axb", "2x3x4", "-1x2", "1000x2"])
def test_what_is_no_grid_is_refused(text: str) -> None:
    with pytest.raises(ChoiceError, match="is no grid"):
        parse_grid(text)


@pytest.mark.parametrize(
    "texts", [[], [""], ["1,2,3"], ["1,2,3,4,5"], ["-1,0,5,5"], ["a,b,c,d"], ["1.5,0,3,3"]]
)
def test_what_is_no_box_is_refused(texts: list[str]) -> None:
    with pytest.raises(ChoiceError, match="no box"):
        parse_boxes(texts)


@pytest.mark.parametrize(
    "value", ["", "yes", "[]", "{}", '{"grid": [0, 2]}', '{"grid": 3}', '{"boxes": [[1, 2]], "size": [9, 9]}',
              '{"boxes": [], "size": [9, 9]}', '{"boxes": [[0, 0, 1, 1]]}']
)  # fmt: skip
def test_a_value_that_is_no_choice_is_none(value: str) -> None:
    assert read_choice(value) is None


def test_a_choice_survives_the_catalogue() -> None:
    for choice in (Choice(grid=(2, 3)), Choice(boxes=((0, 0, 5, 5), (5, 0, 9, 9)), size=(10, 10))):
        assert read_choice(choice.value()) == choice
    assert Choice(grid=(2, 3)).boxes_in((10, 7)) == (
        (0, 0, 3, 4), (3, 0, 7, 4), (7, 0, 10, 4), (0, 4, 3, 7), (3, 4, 7, 7), (7, 4, 10, 7)
    )  # fmt: skip


# --- killed at any instant ------------------------------------------------------------------------------


def test_splitting_killed_at_any_instant_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    pdf, (one, _) = two_figures(tmp_path, old)
    for uid in uids(old)[1:3]:
        decide(old, uid)
    splitting.decide(old, one, parse_grid("1x3"), reviewer="ann")
    splitting.decide(old, one, parse_grid("2x2"), reviewer="ann")

    def run(ws: Path) -> None:
        # both stages anew, the first with its figures known only afterwards
        monkeypatch.setattr(splitting, "PANELS", Stage("panels", 99, ""))
        again(
            ws, pdf, monkeypatch, 101,
            figure(1, picture(10, columns=2)),
            figure(3, picture(90, columns=3, bbox=(0, 0, 40, 40), xref=8)),
        )  # fmt: skip

    shutil.copytree(old, tmp_path / "whole")
    run(tmp_path / "whole")
    expected = state(tmp_path / "whole")
    assert len(expected["lists"]["panels"]) == 7
    for ws in every_kill(run, tmp_path / "killed", old):
        assert state(ws) == expected, ws.name
        assert all((ws / row["file"]).is_file() for row in listed("decisions", ws))


def test_a_decision_killed_at_any_instant_is_whole_or_nothing(tmp_path: Path) -> None:
    old = tmp_path / "old"
    _, (one, _) = two_figures(tmp_path, old)
    ends = set()
    for step in range(1, 100_000, 3):
        ws = tmp_path / "killed" / str(step)
        shutil.copytree(old, ws)
        killed = killed_at(
            step, lambda ws=ws: splitting.decide(ws, one, parse_grid("1x5"), reviewer="ann"), ws
        )  # type: ignore[misc]
        with pipeline.Workspace(ws).locked(), Catalog(ws / "catalog.db") as catalog, catalog.snapshot() as db:
            pipeline.Workspace(ws).recover(pipeline.papers.folders(db))
        mine = [row for row in listed("panels", ws) if row["figure_uid"] == one]
        ends.add((len(listed("decisions", ws)), len(mine)))
        assert all((ws / row["file"]).is_file() for row in listed("panels", ws))
        if not killed:
            break
    assert ends == {(0, 2), (1, 5)}


# --- an older workspace ---------------------------------------------------------------------------------


def test_a_workspace_from_before_panels_is_taken_over(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = write_pdf(
        tmp_path / "a.pdf",
        figure(
            1,
            picture(10, bbox=(50, 50, 250, 150)),
            picture(20, role="part", bbox=(50, 50, 148, 150), xref=8),
            picture(30, role="part", bbox=(152, 50, 250, 150), xref=9),
        ),
    )
    pipeline.extract([pdf], ws)
    kept, expected = uids(ws), state(ws)
    # what the first release left: its tables, its roles, its stage
    db = sqlite3.connect(ws / "catalog.db")
    db.executescript(
        """DROP TABLE panels; DROP TABLE settings; DROP TABLE exports;
           ALTER TABLE decisions DROP COLUMN old; ALTER TABLE decisions DROP COLUMN pixels; ALTER TABLE pictures DROP COLUMN name; ALTER TABLE figures DROP COLUMN lettering;
           ALTER TABLE figures DROP COLUMN kind; ALTER TABLE papers DROP COLUMN panel_notes;
           ALTER TABLE papers DROP COLUMN dataset; ALTER TABLE papers DROP COLUMN body;
           UPDATE pictures SET role = 'panel' WHERE role = 'part'; DELETE FROM done WHERE stage <> 'extract';
           UPDATE done SET version = 1; PRAGMA user_version = 1;"""
    )
    db.close()
    assert len(schema.MIGRATIONS) == 4
    seen = extracted(monkeypatch)
    pipeline.extract([pdf], ws)
    assert (seen, uids(ws), state(ws)) == (["a.pdf"], kept, expected)


def test_a_workspace_from_before_labels_is_taken_over(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf, (one, _) = two_figures(tmp_path, ws)
    splitting.decide(ws, one, parse_grid("2x2"), reviewer="ann")
    kept, expected = uids(ws), state(ws)
    # what the second release left
    db = sqlite3.connect(ws / "catalog.db")
    db.executescript(
        """DROP TABLE settings; DROP TABLE exports;
           ALTER TABLE decisions DROP COLUMN old; ALTER TABLE decisions DROP COLUMN pixels;
           ALTER TABLE papers DROP COLUMN dataset; ALTER TABLE papers DROP COLUMN body;
           ALTER TABLE panels DROP COLUMN look; ALTER TABLE panels DROP COLUMN facts;
           DELETE FROM done WHERE stage = 'label'; UPDATE done SET version = version - 1;
           PRAGMA user_version = 2;"""
    )
    db.close()
    assert len(schema.MIGRATIONS) == 4
    assert [row["modality"] for row in listed("panels", ws)] == ["unknown"] * 6
    seen = extracted(monkeypatch)
    pipeline.extract([pdf], ws)
    assert (seen, uids(ws), state(ws)) == (["a.pdf"], kept, expected)
    assert [row["modality"] for row in listed("panels", ws)] == ["ct"] * 6


# --- contact sheets -------------------------------------------------------------------------------------


def test_contact_sheets_show_every_current_figure_with_its_boxes(tmp_path: Path, ws: Path) -> None:
    for number in range(5):
        name = f"{number}.pdf"
        write_pdf(
            tmp_path / name, figure(1, picture(100 + number, columns=2)), doi=f"10.1/{number}", version=1
        )
    write_pdf(tmp_path / "9.pdf", figure(1, picture(200, columns=2)), doi="10.1/4", version=2)
    pipeline.extract([tmp_path / f"{number}.pdf" for number in (0, 1, 2, 3, 4, 9)], ws)
    out = tmp_path / "sheet.png"
    written = listing.write_contact_sheets(ws, out, 2)
    assert written == [out, tmp_path / "sheet-2.png", tmp_path / "sheet-3.png"]
    first, last = pixels(written[0]), pixels(written[2])
    assert first.shape[1] >= last.shape[1]
    green = (first == (0, 170, 0)).all(axis=2)
    # the line between the two panels of the first figure, 200 pixels wide at its own size
    assert green[50:150, 6 + 99].all() and green[50:150, 6 + 100].all()
    assert not green[50:150, 6 + 50].any()


def test_a_contact_sheet_of_nothing_and_one_of_a_lost_picture(tmp_path: Path, ws: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))
    pipeline.extract([pdf], ws, only_figures=True)
    assert listing.write_contact_sheets(ws, tmp_path / "a.png", 200) == [tmp_path / "a.png"]
    pipeline.extract([pdf], ws)
    (ws / listed("panels", ws)[0]["file"]).unlink()
    assert listing.write_contact_sheets(ws, tmp_path / "b.png", 200) == [tmp_path / "b.png"]
    with pytest.raises(listing.PictureError, match="the sheet cannot be written"):
        listing.write_contact_sheets(ws, tmp_path / "nowhere" / "c.png", 200)
