"""Layouts that real papers taught us, each set again in words of our own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pymupdf
import pytest

from covidct_curate.extract import extract_paper
from covidct_curate.records import Figure
from tests.manuscripts import phantom_ct

PROSE = "The course of the disease was followed by imaging in each of the patients of this invented study."
Row = tuple[float, float, str, str, float]
"""x, baseline, text, font, size"""


def paragraph(y: float, count: int = 8, x: float = 72, size: float = 11) -> list[Row]:
    return [(x, y + 14 * k, PROSE[: int(520 * 2 / size)], "tiro", size) for k in range(count)]


class Paper:
    def __init__(self) -> None:
        self.document = pymupdf.open()
        self.pictures = 0

    def page(self, rows: Sequence[Row], *pictures: tuple[float, float, float, float]) -> pymupdf.Page:
        page = self.document.new_page(width=612, height=792)
        for box in pictures:
            self.pictures += 1  # a picture that comes back on many pages is taken for a logo
            pixels = phantom_ct(self.pictures, (200, 240))
            pixmap = pymupdf.Pixmap(pymupdf.csGRAY, 240, 200, pixels.tobytes(), False)
            page.insert_image(box, pixmap=pixmap, keep_proportion=False)
        for x, y, text, font, size in rows:
            page.insert_text((x, y), text, fontname=font, fontsize=size)
        return page

    def figures(self, folder: Path) -> dict[str | None, Figure]:
        path = folder / "paper.pdf"
        self.document.save(path)
        self.document.close()
        return {figure.label: figure for figure in extract_paper(path, folder, name="paper").figures}


@pytest.fixture
def paper() -> Paper:
    return Paper()


def test_notes_below_a_picture_whose_caption_is_above(paper: Paper, tmp_path: Path) -> None:
    for number, below in ((1, "First series: read in spring"), (2, "Second series: read in autumn")):
        rows = [
            (72, 100, f"Figure {number}: Share of lungs affected", "tibo", 11.0),
            (72, 420, below, "tibo", 11.0),
        ]
        paper.page([*rows, *paragraph(620)], (72, 120, 372, 400))
    heading = [(72.0, 420.0, "Results in the second group", "tibo", 11.0)]
    paper.page([(72, 100, "Figure 3: Scores", "tibo", 11), *heading, *paragraph(436)], (72, 120, 372, 400))
    found = paper.figures(tmp_path)
    assert found["Figure 1"].caption == "Share of lungs affected First series: read in spring"
    assert found["Figure 3"].caption == "Scores"


def test_a_caption_in_two_columns_side_by_side(paper: Paper, tmp_path: Path) -> None:
    left = [
        "Fig. 1 Axial CT on admission with",
        "opacities in the periphery of both",
        "lungs. The arrow points at a vessel",
    ]
    right = ["that runs through the opacity, the", "star at a small effusion on the left"]
    rows: list[Row] = [(72, 330 + 10 * k, text, "helv", 8) for k, text in enumerate(left)]
    rows += [(225, 330 + 10 * k, text, "helv", 8) for k, text in enumerate(right)]
    paper.page([*rows, *paragraph(400)], (72, 80, 540, 310))
    caption = paper.figures(tmp_path)["Figure 1"].caption
    assert caption == " ".join([*left, *right]).removeprefix("Fig. 1 ")


def test_a_sentence_that_begins_a_line_with_a_label_is_no_caption(paper: Paper, tmp_path: Path) -> None:
    rows = [
        (72, 100, "The sign was seen in most of the patients who came late (see also", "tiro", 11),
        (72, 114, "Figure 7E). The reading of all scans was repeated after a month, and", "tiro", 11),
        (72, 128, "Figure 2 shows how far the two readings of a scan were apart. In", "tiro", 11),
        (72, 142, "Figure 3, the same is shown for the second reader of the scans.", "tiro", 11),
        (72, 420, "Figure 1. Axial slice of a chest CT.", "tibo", 9),
    ]
    paper.page([*rows, *paragraph(500)], (72, 200, 372, 400))
    assert list(paper.figures(tmp_path)) == ["Figure 1"]


def test_a_list_of_supporting_files_is_no_captions(paper: Paper, tmp_path: Path) -> None:
    paper.page([(72, 320, "Fig 1. Chest CT.", "tibo", 9), *paragraph(360)], (72, 80, 372, 300))
    files: list[Row] = [
        (72, 200 + 20 * k, f"S{k} Fig. Slices of patient {k}.", "tiro", 11) for k in (1, 2, 3)
    ]
    paper.page([*paragraph(80, 4), (72, 180, "Supporting information", "tibo", 12), *files])
    assert list(paper.figures(tmp_path)) == ["Figure 1"]


def test_a_figure_of_letters_only(paper: Paper, tmp_path: Path) -> None:
    paper.page(paragraph(80, 20))
    letters: list[Row] = [(90, 120 + 12 * k, "ACGT" * 12, "cour", 9) for k in range(12)]
    paper.page([*letters, (72, 320, "Figure 1. Alignment of twelve invented sequences.", "tibo", 11)])
    figure = paper.figures(tmp_path)["Figure 1"]
    assert figure.bbox is not None and figure.bbox[1] < 120 and 240 < figure.bbox[3] < 310
    assert figure.pictures and figure.confidence < 0.9


def test_a_label_missing_from_the_count_is_looked_for(paper: Paper, tmp_path: Path) -> None:
    for number, mark, font in ((1, ".", "tibo"), (2, "", "tiro"), (3, ".", "tibo")):
        text = f"Figure {number}{mark} 52-year-old man, slice at the level of the carina."
        paper.page([*paragraph(80, 3), (72, 352, text, font, 11), *paragraph(400)], (72, 140, 372, 330))
    found = paper.figures(tmp_path)
    assert list(found) == ["Figure 1", "Figure 2", "Figure 3"]
    assert found["Figure 2"].caption == "52-year-old man, slice at the level of the carina."


def test_a_picture_that_goes_on_over_the_page_to_its_caption(paper: Paper, tmp_path: Path) -> None:
    paper.page(paragraph(80, 30), (72, 520, 372, 720))
    paper.page(
        [(72, 300, "Figure 1. Slices in their order.", "tibo", 11), *paragraph(340)], (72, 72, 372, 280)
    )
    figure = paper.figures(tmp_path)["Figure 1"]
    assert (figure.page, figure.pages) == (0, (0, 1))


def test_a_supplement_that_counts_from_one_again(paper: Paper, tmp_path: Path) -> None:
    captions = (
        "Slices of the patients who were admitted in winter.",
        "Slices of the patients who came from abroad.",
    )
    for caption in captions:
        paper.page([(72, 320, f"Figure 1. {caption}", "tibo", 11), *paragraph(360)], (72, 80, 372, 300))
    path = tmp_path / "paper.pdf"
    paper.document.save(path)
    found = extract_paper(path, tmp_path, name="paper").figures
    assert [(figure.label, figure.caption) for figure in found] == [
        ("Figure 1", caption) for caption in captions
    ]


def test_ornaments_of_a_title_page_are_no_figures(paper: Paper, tmp_path: Path) -> None:
    page = paper.page(
        [(72, 150, "A title in large letters", "tibo", 20), *paragraph(300)], (72, 60, 150, 100)
    )
    page.draw_rect((60, 280, 560, 420), color=(0, 0.5, 0.5))
    assert not paper.figures(tmp_path)
