"""Short texts in and around a figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from covidct_curate.extract import extract_paper
from covidct_curate.extract.lettering import find_lettering
from covidct_curate.extract.page import Line, Page, Span
from covidct_curate.records import Box
from tests.manuscripts import Written

REGION = (100.0, 100.0, 300.0, 200.0)


def span(text: str, x: float, y: float) -> Span:
    box = x, y, x + 5.0 * len(text), y + 12
    return Span(text, box, "Helvetica", 10, False, False, False, 0)


def line(*spans: Span, turn: int = 0) -> Line:
    box: Box = (spans[0].bbox[0], spans[0].bbox[1], spans[-1].bbox[2], spans[-1].bbox[3])
    return Line("".join(each.text for each in spans), box, spans, 0, box[3] - 2, spans[0], turn)


def page(*lines: Line) -> Page:
    return Page(0, 600, 800, list(lines), [], [], None)


def found(*lines: Line, captions: tuple[Line, ...] = ()) -> dict[str, Box]:
    told = find_lettering(page(*lines, *captions), REGION, [], {id(each) for each in captions})
    return {each.text: each.bbox for each in told}


def test_letters_in_and_near_a_figure_are_kept_with_their_place() -> None:
    far, caption = line(span("B", 150, 240)), line(span("Figure 1.", 100, 205))
    letters = found(line(span("A", 110, 110)), line(span("(b)", 150, 205)), far, captions=(caption,))
    assert letters == {"A": (110, 110, 115, 122), "(b)": (150, 205, 165, 217)}


def test_words_that_stand_apart_are_texts_of_their_own() -> None:
    spaced = found(line(span("(a)     (b)", 110, 110)), line(span("C", 110, 150), span("D", 200, 150)))
    assert spaced == {
        "(a)": (110, 110, 125, 122),
        "(b)": (150, 110, 165, 122),
        "C": (110, 150, 115, 162),
        "D": (200, 150, 205, 162),
    }
    assert found(line(span("Hounsfield ", 110, 110), span("units", 165, 110))) == {
        "Hounsfield units": (110, 110, 190, 122)
    }


def test_prose_and_emptiness_are_no_lettering() -> None:
    assert found(line(span("a sentence of the text beside it", 110, 110)), line(span("   ", 110, 150))) == {}


def test_turned_text_keeps_its_box() -> None:
    assert found(line(span("y   axis", 110, 110), turn=3)) == {"y axis": (110, 110, 150, 122)}


def test_of_very_many_texts_the_shortest_are_kept() -> None:
    many = [line(span(f"tick {number}", 110, 110)) for number in range(500)]
    assert "A" in (kept := found(*many, line(span("A", 120, 120))))
    assert len(kept) == 300


def test_letters_under_the_images_of_a_figure_come_with_it(
    manuscript: Callable[[str], Written], tmp_path: Path
) -> None:
    truth = manuscript("panels_lettered_below")
    figure = extract_paper(truth.path, tmp_path, name="x").figures[0]
    assert sorted(each.text for each in figure.lettering) == ["(a)", "(b)", "(c)", "(d)"]
    parts = [picture.bbox for picture in figure.pictures if picture.role == "part"]
    for each in sorted(figure.lettering, key=lambda each: each.text):
        x0, _, x1, y1 = parts.pop(0)
        assert x0 < each.bbox[0] < x1 and 0 < each.bbox[3] - y1 < 20
