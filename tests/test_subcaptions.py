"""Captions divided over panels: each form of mark, text that only looks marked, and hostile text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidct_curate.panels.subcaptions import (
    Division,
    announced,
    announced_count,
    divide,
    spans_for,
    text_of,
)

Box = tuple[float, float, float, float]


def told(caption: str) -> dict[str, str]:
    """Text by labels or places, joined by commas; of all panels under ""."""
    division = divide(caption)
    parts = {",".join(part.labels + part.place): text_of(caption, part.spans) for part in division.parts}
    shared = text_of(caption, division.shared)
    return parts | ({"": shared} if shared else {})


def panel(caption: str, label: str | None = None, place: Box | None = None) -> str:
    return text_of(caption, spans_for(caption, divide(caption), label=label, place=place))


@pytest.mark.parametrize(
    ("caption", "first", "second"),
    [
        ("(A) Day 1, clear. (B) Day 9, opacities.", "Day 1, clear.", "Day 9, opacities."),
        ("[A] Lung window. [B] Bone window.", "Lung window.", "Bone window."),
        ("A, Lung window. B, Bone window.", "Lung window.", "Bone window."),
        ("A: lung window; B: bone window.", "lung window", "bone window."),
        ("A. Lung window. B. Bone window.", "Lung window.", "Bone window."),
        ("A) lung window, B) bone window.", "lung window", "bone window."),
        ("A – lung window; B – bone window.", "lung window", "bone window."),
        ("Panel A: lung window. Panel B: bone window.", "lung window.", "bone window."),
        ("Image A shows the lung and image B shows the bone.", "shows the lung", "shows the bone."),
        ("A shows the lung, B shows the bone.", "shows the lung", "shows the bone."),
        ("Fig. A. Lung window. Fig. B. Bone window.", "Lung window.", "Bone window."),
    ],
)
def test_each_style_of_mark(caption: str, first: str, second: str) -> None:
    assert told(caption) == {"A": first, "B": second}
    assert told(f"Scans of one man. {caption}") == {"A": first, "B": second, "": "Scans of one man."}


def test_bold_letters_that_lost_their_weight() -> None:
    caption = "Scans of one man a Lung window, day 1. b Bone window. c Follow-up after 2 weeks"
    assert told(caption) == {
        "": "Scans of one man",
        "a": "Lung window, day 1.",
        "b": "Bone window.",
        "c": "Follow-up after 2 weeks",
    }


@pytest.mark.parametrize(
    ("mark", "labels"),
    [
        ("(A–C)", "A,B,C"),
        ("(A-C)", "A,B,C"),
        ("(A to C)", "A,B,C"),
        ("(A)–(C)", "A,B,C"),
        ("(A, B, and C)", "A,B,C"),
        ("((A), (B), (C))", "A,B,C"),
        ("(A) and (B)", "A,B"),
        ("(A & B)", "A,B"),
        ("Panels A and B:", "A,B"),
        ("A/B:", "A,B"),
        ("A, B.", "A,B"),
        ("(A1–A3)", "A1,A2,A3"),
        ("(1-3)", "1,2,3"),
        ("(i–iii)", "i,ii,iii"),
    ],
)
def test_ranges_and_lists(mark: str, labels: str) -> None:
    assert told(f"{mark} Scans before treatment.") == {labels: "Scans before treatment."}


def test_marks_behind_their_text() -> None:
    assert told("Nodule on day 4 (A); scar on day 9 (B). Arrows mark the pleura.") == {
        "A": "Nodule on day 4",
        "B": "scar on day 9",
        "": "Arrows mark the pleura.",
    }


def test_what_a_row_of_marks_shares() -> None:
    assert told("Axial (a) and coronal (b) CT shows a cyst.") == {
        "a": "Axial",
        "b": "coronal",
        "": "CT shows a cyst.",
    }
    assert told("Heart rate before exercise (a) and during exercise (b).") == {
        "": "Heart rate",
        "a": "before exercise",
        "b": "during exercise",
    }
    assert told("CT of the chest (a) and the pelvis (b).") == {
        "": "CT of",
        "a": "the chest",
        "b": "the pelvis",
    }
    assert told("Scans obtained (A) 4, (B) 7, and (C) 12 days after onset.") == {
        "": "Scans obtained days after onset.",
        "A": "4",
        "B": "7",
        "C": "12",
    }


def test_subject_with_its_mark_goes_on() -> None:
    caption = "Sagittal CT (a) shows a cyst. It is round. Axial scans (b and c) show its wall."
    assert told(caption) == {
        "a": "Sagittal CT shows a cyst. It is round.",
        "b,c": "Axial scans show its wall.",
    }


def test_range_over_single_marks() -> None:
    caption = "Scans (A, B) at rest and (C, D) under load, in one man (A, C) and one woman (B, D)."
    assert announced(divide(caption)) == ("A", "B", "C", "D")
    assert "one man" in panel(caption, "C") and "one woman" not in panel(caption, "C")


@pytest.mark.parametrize(
    "tail",
    [
        "Scale bars, 10 mm.",
        "Arrows show the cyst.",
        "Error bars show the standard deviation.",
        "GGO, ground-glass opacity.",
        "Abbreviations: GGO, ground-glass opacity; LN, lymph node.",
        "*P < 0.05.",
        "Data are means of three scans.",
        "All scans are in the lung window.",
    ],
)
def test_tail_of_all_panels(tail: str) -> None:
    assert told(f"(A) Lung. (B) Bone. {tail}") == {"A": "Lung.", "B": "Bone.", "": tail}


def test_tail_of_one_panel() -> None:
    assert told("(A) Lung. (B) Bone. It has healed.")["B"] == "Bone. It has healed."
    caption = "(A) Lung. Scale bar, 2 cm. (B) Bone. Scale bar, 9 mm."
    assert told(caption) == {"A": "Lung. Scale bar, 2 cm.", "B": "Bone. Scale bar, 9 mm."}
    assert (
        told("(A) Lung. (B) Bone. (C) Skin. Arrows in A and C show scars.")["A,C"]
        == "Arrows in A and C show scars."
    )


def test_mention_of_another_panel_is_no_mark() -> None:
    assert told("(A) Lung. (B) Same man as in (A). (C) Woman, compare with (A).") == {
        "A": "Lung.",
        "B": "Same man as in (A).",
        "C": "Woman, compare with (A).",
    }


def test_nested_labels() -> None:
    caption = "Two men. (A1–A2) First man. (B1–B2) Second man."
    assert announced(divide(caption)) == ("A1", "A2", "B1", "B2")
    assert panel(caption, "a2") == panel(caption, "A") == "Two men. First man."
    caption = "(A) First man: day 1 (A-1); day 3 (A-2). (B) Second man."
    assert panel(caption, "A2") == "First man day 3" and panel(caption, "B") == "Second man."
    assert announced_count(divide(caption)) == 3
    assert told("a(i) Axial view. a(ii) Coronal view. b Drawing.") == {
        "a(i)": "Axial view.",
        "a(ii)": "Coronal view.",
        "b": "Drawing.",
    }
    assert told("(Aa) Axial. (Ab) Coronal. (Ba) Later.") == {"Aa": "Axial.", "Ab": "Coronal.", "Ba": "Later."}


def test_numbers_and_roman_numbers() -> None:
    assert told("1: apex. 2: base.") == {"1": "apex.", "2": "base."}
    assert told("(1) Apex. (2) Base.") == {"1": "Apex.", "2": "Base."}
    caption = "Stages: (i) early, (ii) late, (iii) healed, (iv) scarred."
    assert announced(divide(caption)) == ("i", "ii", "iii", "iv")
    assert told(caption)["iv"] == "scarred."
    assert told("Figure 1A: Axial. Figure 1B: Coronal.") == {"1A": "Axial.", "1B": "Coronal."}
    assert panel("Figure 1A: Axial. Figure 1B: Coronal.", "B") == "Coronal."


def test_letters_outrank_numbers_inside_them() -> None:
    assert told("(a) Dose: (1) low; (2) high. (b) Time.") == {"a": "Dose: (1) low; (2) high.", "b": "Time."}


def test_order_of_the_text_is_kept_and_labels_are_sorted() -> None:
    caption = "(A) Day 1. (C) Day 9. (D) Day 20. (B) Day 4."
    assert [part.labels for part in divide(caption).parts] == [("A",), ("C",), ("D",), ("B",)]
    assert announced(divide(caption)) == ("A", "B", "C", "D")


def test_one_part_of_a_figure_printed_in_parts() -> None:
    assert told("Course of one man. (D) Scan on day 12.") == {
        "": "Course of one man.",
        "D": "Scan on day 12.",
    }


@pytest.mark.parametrize(
    "caption",
    [
        "Vitamin D and hepatitis B in a 44-year-old with a grade A lesion.",
        "Effects of vitamins A, B and C in groups A and B.",
        "A patient with fever. A scan was made. A nodule was seen.",
        "I. Introduction of the catheter under guidance.",
        "Scores (n = 4), type A and type B, P < 0.05 (a).",
        "As Fig. 1A and Fig. 1B show, the lesion grows.",
        "Carbon (C), nitrogen (N) and boron (B) in stones.",
        "CT shows a nodule (a) in the left lobe.",
        "Opacities in influenza A, influenza B and SARS.",
        "Blood groups: A, 40%; B, 20%; O, 40%.",
        "Left and right lungs; the left lung is smaller, the right upper lobe is clear.",
        "Cells of H. sapiens and E. coli, as in references (3) and (7).",
        "T1- and T2-weighted scans at L5.",
        "",
        "   ",
    ],
)
def test_what_only_looks_labelled(caption: str) -> None:
    whole = ((caption.index(caption.strip()), len(caption)),) if caption.strip() else ()
    assert divide(caption) == Division((), whole)
    assert announced(divide(caption)) == () and announced_count(divide(caption)) == 0
    assert panel(caption, "A") == panel(caption) == caption.strip()


def test_places() -> None:
    assert told("Upper panel: radiograph. Lower panel: CT. Arrows show scars.") == {
        "top": "radiograph.",
        "bottom": "CT.",
        "": "Arrows show scars.",
    }
    assert told("CT of a man at admission (left) and at discharge (right).") == {
        "": "CT of a man",
        "left": "at admission",
        "right": "at discharge",
    }
    assert told("The left panel shows the lung and the right panel shows the bone.") == {
        "left": "shows the lung",
        "right": "shows the bone.",
    }
    assert told("Old (type 1; top) or new (type 2; bottom)")["bottom"] == "new (type 2"
    assert told("CT from left to right: day 1, day 5 and day 9.") == {
        "": "CT",
        "column 1": "day 1",
        "column 2": "day 5",
        "column 3": "day 9.",
    }


def test_panel_found_by_place() -> None:
    rows = "First row: admission; second row: day 5; third row: discharge."
    assert panel(rows, place=(0.5, 0.35, 1, 0.65)) == "day 5"
    assert announced_count(divide(rows)) == 3
    sides = "Day 1 (left), day 5 (middle) and day 9 (right) after onset."
    assert panel(sides, place=(0.66, 0, 1, 1)) == "day 9 after onset."
    assert panel(sides, place=(0.34, 0, 0.65, 1)) == "day 5 after onset."
    corners = "Top left: lung. Top right: bone. Bottom left: skin. Bottom right: fat."
    assert panel(corners, "C", (0, 0.5, 0.5, 1)) == "skin."
    assert announced_count(divide(corners)) == 4
    grid = "Men (top row) and women (bottom row). Day 1 (left column), day 9 (right column)."
    assert panel(grid, place=(0, 0, 0.5, 0.5)) == "Men Day 1"
    assert announced_count(divide(grid)) == 4


def test_panel_that_spans_both_sides_gets_the_whole_caption() -> None:
    caption = "Left: lung. Right: bone."
    assert panel(caption, place=(0, 0, 1, 0.4)) == caption


def test_letters_outrank_places() -> None:
    caption = "Axial (left) and coronal (right) scans. (A) Day 1. (B) Day 9."
    assert panel(caption, "B", (0, 0.5, 1, 1)) == "Axial (left) and coronal (right) scans. Day 9."


def test_unnamed_panel_gets_the_whole_caption() -> None:
    caption = "Scans of one man. (A) Lung. (B) Bone."
    assert panel(caption) == panel(caption, "E") == panel(caption, "", (0, 0, 1, 1)) == caption
    assert panel(caption, "b") == "Scans of one man. Bone."


@pytest.mark.parametrize(
    "unit",
    ["(a) (b) ", "(", ")", "()", "A. B. ", "A, ", "A and ", "(A, ", "panels A and B show ", "x (a), y (b) z ", "A1, A2; ",
     "left to right: a, b, ", "(left) right: ", "A) x (", "\x00\x1b\u202e", "1 ", "a", ". ", "i, ii; ", "²ſK(ſ) "],
)  # fmt: skip
def test_hostile_text_ends_in_time(unit: str) -> None:
    caption = unit * (100_000 // len(unit))
    start = time.perf_counter()
    check(caption)
    assert time.perf_counter() - start < 60


def check(caption: str) -> None:
    """Ranges lie in the caption, in order, without overlap within a part."""
    division = divide(caption)
    for part in division.parts:
        assert bool(part.labels) != bool(part.place)
        assert all(label.strip() == label != "" for label in part.labels + part.place)
    found = [division.shared, *(part.spans for part in division.parts)]
    for label in (None, "A", "b1", *announced(division)[:3]):
        found.append(spans_for(caption, division, label=label, place=(0.0, 0.0, 0.5, 0.5)))
    for spans in found:
        ends = [0, *(end for span in spans for end in span), len(caption)]
        assert ends == sorted(ends)
        assert all(start < end for start, end in spans)
    assert announced_count(division) <= max(len(announced(division)), 81)


WORDS = st.sampled_from(
    ["(A)", "(b", "c)", "D.", "E,", "F:", "(A–C)", "(a, b)", "B-1)", "A1", "ii", "(iv)", "2:", "and", "of", "in", "to", "panel",
     "Panels", "Fig.", "CT", "shows", "left", "(right)", "top row:", "left to right:", "scan.", "Scale bars", ";", "(", "]", "a(i)", "–",
     "day 4", "\u00b2", "\x00", "ſ", "K", "٣:", "(٤)", "(Aa)", "IV", "(II)"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_ranges_hold_for_text_like_captions(caption: str) -> None:
    check(caption)


@given(st.text(max_size=300))
def test_ranges_hold_for_any_text(caption: str) -> None:
    check(caption)
