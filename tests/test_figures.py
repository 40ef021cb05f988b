"""Figures, captions, bindings, pictures and mentions of manuscripts whose truth is known."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from PIL import Image

from covidct_curate.extract import extract_paper
from covidct_curate.records import Box, Extraction, Figure
from tests.manuscripts import LAYOUTS, PIXELS, Manuscript, Pixels, TrueFigure, Written, phantom_ct

Extracted = tuple[Written, Extraction, Path]


@pytest.fixture(scope="module")
def extracted(
    manuscript: Callable[[str], Written], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Extracted]:
    """Truth, extraction and picture folder of a layout or pixel case, made once."""
    done: dict[str, Extracted] = {}

    def run(name: str) -> Extracted:
        if name not in done:
            out = tmp_path_factory.mktemp(name)
            written = manuscript(name) if name in LAYOUTS else PIXELS[name](out / f"{name}.pdf")
            done[name] = written, extract_paper(written.path, out, name=name), out
        return done[name]

    return run


def letters(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (one, other)]
    return shared / (sum(areas) - shared)


def pairs(written: Written, extraction: Extraction) -> list[tuple[TrueFigure, Figure]]:
    """True and found figures side by side, by label and page. Fails when one is missing or too many."""
    left = list(extraction.figures)
    found = []
    for true in written.figures:
        match = next((f for f in left if f.label == true.label and (f.label or f.page == true.page)), None)
        assert match is not None, f"{true.label} on page {true.page} is missing"
        left.remove(match)
        found.append((true, match))
    assert not left, f"not in the paper: {[(f.label, f.page, f.caption[:40]) for f in left]}"
    return found


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(name: str, extracted: Callable[[str], Extracted]) -> None:
    written, extraction, _ = extracted(name)
    for true, figure in pairs(written, extraction):
        assert letters(figure.caption) == letters(true.caption)
        assert figure.caption_page == true.caption_page
        assert (figure.page, figure.pages) == (true.page, true.pages)
        # a legend's picture without a label can only have been bound by order
        assert figure.binding == true.binding
        if true.bbox is None:
            assert figure.bbox is None and not figure.pictures
        else:
            assert figure.bbox is not None and overlap(figure.bbox, true.bbox) > 0.85


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_figure_with_a_place_has_a_picture(name: str, extracted: Callable[[str], Extracted]) -> None:
    _, extraction, out = extracted(name)
    for figure in extraction.figures:
        assert bool(figure.pictures) == (figure.bbox is not None)
        assert not figure.pictures or figure.pictures[0].role == "figure"
        for picture in figure.pictures:
            with Image.open(out / picture.file) as image:
                assert image.size == (picture.width, picture.height)
                assert not image.info, "a picture carries no metadata"


@pytest.mark.parametrize("name", LAYOUTS)
def test_mentions(name: str, extracted: Callable[[str], Extracted]) -> None:
    written, extraction, _ = extracted(name)
    for true, figure in pairs(written, extraction):
        assert [letters(m) for m in figure.mentions] == [letters(m) for m in true.mentions]


def load(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image)


def same(got: Pixels, want: Pixels, tolerance: int) -> bool:
    """Equal within ``tolerance`` grey levels; grey and RGB with equal channels are equal."""
    if got.shape[:2] != want.shape[:2]:
        return False
    wide = [a if a.ndim == 3 else np.repeat(a[..., None], 3, axis=2) for a in (got, want)]
    return int(np.abs(wide[0].astype(int) - wide[1].astype(int)).max()) <= tolerance


@pytest.mark.parametrize("name", [*LAYOUTS, *PIXELS])
def test_pixels_are_those_of_the_stream_as_shown(name: str, extracted: Callable[[str], Extracted]) -> None:
    written, extraction, out = extracted(name)
    for true, figure in pairs(written, extraction):
        if true.pixels is not None:
            own = [p for p in figure.pictures if p.role != "part"]
            assert any(same(load(out / p.file), true.pixels, true.tolerance) for p in own)
            assert any((p.turned, p.clipped) == (true.turned, true.clipped) for p in own)
            assert any(p.overlay for p in own) == true.overlay
        for panel in true.panels:
            mine = [p for p in figure.pictures if p.page == panel.page]
            assert any(same(load(out / p.file), panel.pixels, true.tolerance) for p in mine)


@pytest.mark.parametrize("name", ["clean", "no_doi"])
def test_paper(name: str, extracted: Callable[[str], Extracted]) -> None:
    written, extraction, _ = extracted(name)
    paper = extraction.paper
    assert (paper.doi, paper.server, paper.posted) == (written.doi, written.server, written.posted)
    assert (paper.title, paper.licence, paper.pages) == (written.title, written.licence, written.pages)
    stem = (written.doi or f"/{name}").partition("/")[2]
    assert all(p.file.startswith(f"{stem}-p") for f in extraction.figures for p in f.pictures)


def test_files_are_named_by_page_and_image(extracted: Callable[[str], Extracted]) -> None:
    _, extraction, _ = extracted("clean")
    for figure in extraction.figures:
        for picture in figure.pictures:
            tail = rf"-p{picture.page}-({picture.xref}|f\d+)\.png"
            assert re.search(tail, picture.file)
            assert (picture.xref is None) == bool(re.search(r"-f\d+\.png", picture.file))


def gold(folder: Path) -> dict[str, list[str]]:
    """Labels of the figures a JATS file names, by document."""
    found = {}
    for path in sorted(folder.glob("*.xml")):
        figures = re.findall(r"<fig[\s>].*?</fig>", path.read_text(encoding="utf-8"), re.S)
        labels = [re.search(r"<label>(.*?)</label>", figure, re.S) for figure in figures]
        found[path.stem] = [" ".join(re.sub("<.*?>", "", label[1]).split()) for label in labels if label]
    return found


def test_journal_papers(papers: Path, tmp_path: Path) -> None:
    """Labels found in real papers against their JATS: at most one in fifty missed or false."""
    wrong = total = 0
    for stem, labels in gold(papers / "jats").items():
        extraction = extract_paper(papers / "jats" / f"{stem}.pdf", tmp_path, name=stem)
        want = {re.sub(r"^Fig(?:ure)?\.?\s*", "Figure ", label).rstrip(".:") for label in labels}
        got = {f.label for f in extraction.figures if f.label and f.pictures}
        wrong += len(want ^ got)
        total += len(want)
    assert total > 100 and wrong <= total / 50


def test_a_damaged_page_costs_itself_alone(manuscript: Callable[[str], Written], tmp_path: Path) -> None:
    written = manuscript("legends_section")
    with pikepdf.open(written.path) as document:
        document.pages[-1].obj.Type = pikepdf.Name.Nonsense
        del document.pages[-1].obj.MediaBox
        document.pages[-1].obj.Contents = pikepdf.Array([pikepdf.Array()])
        document.save(tmp_path / "damaged.pdf")
    extraction = extract_paper(tmp_path / "damaged.pdf", tmp_path, name="damaged")
    assert sorted((f.label or "", bool(f.pictures)) for f in extraction.figures) == [
        ("Figure 1", True),
        ("Figure 2", True),
        ("Figure 3", False),
    ]


def test_few_line_numbers_are_no_part_of_a_caption(tmp_path: Path) -> None:
    m = Manuscript(tmp_path / "short.pdf", 3, stamp=None)
    m.body(1)
    m.figure(1, "Slice of an invented patient.", phantom_ct(3, 120), width=120)
    m.save()
    (figure,) = extract_paper(tmp_path / "short.pdf", tmp_path, name="short").figures
    assert (figure.label, figure.caption) == ("Figure 1", "Slice of an invented patient.")
