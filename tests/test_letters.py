"""Panel labels: from the page's text, else from the pixels, else as the caption counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from covidct_curate.panels.letters import Label, label_panels, printed
from tests.compounds import PixelBox
from tests.compounds.images import rgb
from tests.compounds.ink import write
from tests.manuscripts import Pixels, phantom_ct

HIGH, WIDE, GAP = 240, 280, 50
TYPE = 20
PLACES = {
    "inside": (8, 8),
    "above": (2, -TYPE - 6),
    "below": (WIDE // 2 - 8, HIGH + 6),
    "left": (-TYPE - 4, 4),
}
"""Where a label's left upper corner lies, from that of its panel."""

Lettering = list[tuple[str, PixelBox]]


def figure(columns: int, rows: int = 1) -> tuple[Pixels, list[PixelBox]]:
    """Slices on white with room for letters around each."""
    picture = np.full((rows * (HIGH + GAP) + GAP, columns * (WIDE + GAP) + GAP, 3), 255, np.uint8)
    boxes = []
    for row in range(rows):
        for column in range(columns):
            x, y = GAP + column * (WIDE + GAP), GAP + row * (HIGH + GAP)
            picture[y : y + HIGH, x : x + WIDE] = rgb(phantom_ct(row * columns + column, (HIGH, WIDE)))
            boxes.append((x, y, x + WIDE, y + HIGH))
    return picture, boxes


def texts(boxes: Sequence[PixelBox], printed: Sequence[str], place: str = "above") -> Lettering:
    """Texts of the page, one at the same place of each panel; none where it is empty."""
    dx, dy = PLACES[place]
    return [
        (text, (x + dx, y + dy, x + dx + TYPE * len(text) * 3 // 5, y + dy + TYPE))
        for (x, y, _, _), text in zip(boxes, printed, strict=True)
        if text
    ]


def read(labels: Sequence[Label]) -> list[str | None]:
    return [label for label, _ in labels]


def sources(labels: Sequence[Label]) -> set[str]:
    return {source for _, source in labels}


# the page's text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", ["A", "a", "(A)", "(a)", "a)", "A.", "[b]", "1"])
def test_text_at_a_panel_is_its_label(place: str, form: str) -> None:
    picture, boxes = figure(3)
    first = form.strip("()[].")
    if first == "b":
        form, first = "[a]", "a"
    expected = [chr(ord(first) + k) for k in range(3)]
    printed = [form.replace(first, letter) for letter in expected]
    labels = label_panels(picture, boxes, texts(boxes, printed, place), ())
    assert labels == tuple((letter, "text") for letter in expected)


def test_letters_are_given_in_the_order_of_the_panels() -> None:
    picture, boxes = figure(2, 2)
    lettering = texts(boxes, "ABCD")
    assert read(label_panels(picture, boxes, lettering[::-1], ())) == list("ABCD")
    assert read(label_panels(picture, boxes[::-1], lettering, ())) == list("DCBA")


def test_letters_may_run_down_columns() -> None:
    picture, boxes = figure(2, 2)
    assert read(label_panels(picture, boxes, texts(boxes, "ACBD"), ())) == list("ACBD")


def test_a_number_behind_the_letter_belongs_to_it() -> None:
    picture, boxes = figure(2, 2)
    printed = ["A1", "A2", "B1", "B2"]
    assert read(label_panels(picture, boxes, texts(boxes, printed), ())) == printed


def test_a_label_before_words_is_read() -> None:
    picture, boxes = figure(2)
    lettering = texts(boxes, ["(a) Before", "(b) After"], "above")
    assert read(label_panels(picture, boxes, lettering, ())) == ["a", "b"]


def test_a_label_before_words_lies_where_they_begin() -> None:
    picture, boxes = figure(2)
    lettering = [
        (f"({letter}) Follow-up of the first patient", (x1 - 60, y1 + 6, x1 + 240, y1 + 26))
        for letter, (_, _, x1, y1) in zip("ab", boxes, strict=True)
    ]
    assert read(label_panels(picture, boxes, lettering, ())) == ["a", "b"]


@pytest.mark.parametrize(
    "printed",
    [
        ("Day 3", "Day 9"),
        ("n", "p"),
        ("R", "L"),
        ("A patient", "B cells"),
        ("CT", "PET"),
        ("0", "50"),
        ("", ""),
    ],
)
def test_other_texts_are_no_labels(printed: tuple[str, str]) -> None:
    picture, boxes = figure(2)
    assert label_panels(picture, boxes, texts(boxes, printed), ()) == ((None, ""), (None, ""))


def test_text_far_from_all_panels_is_no_label() -> None:
    picture, boxes = figure(2)
    lettering = [("A", (0, 5000, 12, 5020)), ("B", (40, 5000, 52, 5020))]
    assert read(label_panels(picture, boxes, lettering, ())) == [None, None]


def test_only_labels_that_the_caption_names_are_believed() -> None:
    picture, boxes = figure(2)
    lettering = texts(boxes, "ab")
    assert read(label_panels(picture, boxes, lettering, ("A", "B"))) == ["a", "b"]
    assert "text" not in sources(label_panels(picture, boxes, lettering, ("1", "2")))


def test_a_letter_the_caption_does_not_name_does_not_mislead() -> None:
    picture, boxes = figure(3)
    lettering = texts(boxes, "ABC") + texts(boxes, "CDE", "inside")
    assert read(label_panels(picture, boxes, lettering, ("A", "B", "C"))) == list("ABC")


def test_one_letter_covers_its_row() -> None:
    picture, boxes = figure(3, 2)
    lettering = texts(boxes, ["a", "", "", "b", "", ""], "inside")
    labels = label_panels(picture, boxes, lettering, ("a", "b"))
    assert read(labels) == ["a"] * 3 + ["b"] * 3
    assert sources(labels) == {"text"}


def test_letters_make_no_panels() -> None:
    picture, boxes = figure(2, 2)
    lettering = texts(boxes, "ABCD")
    assert len(label_panels(picture, boxes[:2], lettering, ("A", "B", "C", "D"))) == 2


def test_hostile_texts_are_no_labels() -> None:
    picture, boxes = figure(2)
    lettering = [(text, (0, 0, 0, 0)) for text in ("", " ", "\0", "=1+1", "A" * 10_000, "(", "()", "Ａ", "é")]
    assert read(label_panels(picture, boxes, lettering, ())) == [None, None]


# pixels ------------------------------------------------------------------------------------------------


def test_without_text_the_pixels_are_read() -> None:
    picture, boxes = figure(3)
    for letter, (x, y, _, _) in zip("ABC", boxes, strict=True):
        write(picture, letter, (x + 10, y + 10), 26, (255, 255, 255), "hebo")
    assert label_panels(picture, boxes, (), ()) == (("A", "pixels"), ("B", "pixels"), ("C", "pixels"))


def test_pixels_count_where_the_text_has_fewer_labels() -> None:
    picture, boxes = figure(3)
    for letter, (x, y, _, _) in zip("ABC", boxes, strict=True):
        write(picture, letter, (x + 10, y + 10), 26, (255, 255, 255), "hebo")
    labels = label_panels(picture, boxes, texts(boxes, ["(A)", "", ""]), ("A", "B", "C"))
    assert labels == (("A", "pixels"), ("B", "pixels"), ("C", "pixels"))


def test_where_text_and_pixels_say_as_much_the_text_is_believed() -> None:
    picture, boxes = figure(3)
    for letter, (x, y, _, _) in zip("BC", boxes[1:], strict=True):
        write(picture, letter, (x + 10, y + 10), 26, (255, 255, 255), "hebo")
    labels = label_panels(picture, boxes, texts(boxes, ["a", "b", ""]), ())
    assert labels == (("a", "text"), ("b", "text"), (None, ""))


def test_letters_plain_to_see_stand_though_the_caption_does_not_name_them() -> None:
    picture, boxes = figure(3)
    for letter, (x, y, _, _) in zip("ABC", boxes, strict=True):
        write(picture, letter, (x + 10, y + 10), 26, (255, 255, 255), "hebo")
    assert read(label_panels(picture, boxes, (), ("1", "2"))) == list("ABC")


def test_text_goes_before_pixels() -> None:
    picture, boxes = figure(3)
    for letter, (x, y, _, _) in zip("ABC", boxes, strict=True):
        write(picture, letter, (x + 10, y + 10), 26, (255, 255, 255), "hebo")
    assert label_panels(picture, boxes, texts(boxes, "abc"), ()) == (
        ("a", "text"),
        ("b", "text"),
        ("c", "text"),
    )


# the caption -------------------------------------------------------------------------------------------


def test_the_caption_counts_panels_only_if_it_names_as_many() -> None:
    picture, boxes = figure(3)
    assert label_panels(picture, boxes, (), ("A", "B", "C")) == tuple((x, "caption") for x in "ABC")
    for announced in (("A", "B"), ("A", "B", "C", "D"), ()):
        assert label_panels(picture, boxes, (), announced) == ((None, ""),) * 3


def test_the_caption_fills_what_could_not_be_read() -> None:
    picture, boxes = figure(3)
    labels = label_panels(picture, boxes, texts(boxes, ["a", "b", ""]), ("A", "B", "C"))
    assert labels == (("a", "text"), ("b", "text"), ("C", "caption"))


def test_the_caption_does_not_count_against_what_was_read() -> None:
    picture, boxes = figure(3)
    labels = label_panels(picture, boxes, texts(boxes, ["B", "C", ""]), ("A", "B", "C"))
    assert labels == (("B", "text"), ("C", "text"), (None, ""))


def test_a_single_panel_is_not_named_after_the_caption() -> None:
    picture, boxes = figure(1)
    assert label_panels(picture, boxes, (), ("A",)) == ((None, ""),)


def test_labels_are_the_same_each_time() -> None:
    picture, boxes = figure(2, 2)
    lettering = texts(boxes, "ABCD")
    before = picture.copy()
    assert label_panels(picture, boxes, lettering, ()) == label_panels(picture, boxes, lettering, ())
    assert np.array_equal(picture, before)


def test_labels_in_brackets_that_count_from_a_say_how_many_panels_there_are() -> None:
    def texts(*said: str) -> list[tuple[str, PixelBox]]:
        return [(text, (10, 20 * n, 40, 20 * n + 12)) for n, text in enumerate(said)]

    assert printed(texts("(b)", "(A) axial", "Time", "(c)")) == ("a", "b", "c")
    for said in ((), ("(a)",), ("(a)", "(c)"), ("a", "b"), ("(n)", "(p)"), ("(1)", "(2)")):
        assert printed(texts(*said)) == ()
