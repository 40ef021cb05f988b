"""Running text, file names, the geometry of turned pages, and the assignment of captions."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidct_curate.extract import extract_paper
from covidct_curate.extract.assignment import assign
from covidct_curate.extract.names import safe_name
from covidct_curate.extract.sideways import turn_box
from covidct_curate.extract.text import clean, union, unwrap
from tests.manuscripts import phantom_ct

WORDS = frozenset({"ground", "glass", "well-known", "opacities"})
COORDINATE = st.floats(0, 600, allow_nan=False, width=32)
BOX = st.tuples(COORDINATE, COORDINATE, COORDINATE, COORDINATE).map(
    lambda v: (min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3]))
)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["Axial CT of the", "chest "], "Axial CT of the chest"),
        (["bilateral opaci-", "ties in"], "bilateral opacities in"),
        (["a ground-", "glass pattern"], "a ground-glass pattern"),
        (["a well-", "known sign"], "a well-known sign"),
        (["positive SARS-", "CoV-2 test"], "positive SARS-CoV-2 test"),
        (["pneumo\u00ad", "nia"], "pneumonia"),
        (["days 3 -", "5 of illness"], "days 3 - 5 of illness"),
        (["", "  ", "one line"], "one line"),
        ([], ""),
    ],
)
def test_unwrap(lines: list[str], text: str) -> None:
    assert unwrap(lines, WORDS) == text


@given(st.text())
def test_clean_text_stays_clean(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e]|\s\s", cleaned)


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), max_size=8))
def test_unwrap_keeps_every_word(words: list[str]) -> None:
    kept = [word for word in (clean(word) for word in words) if word]
    assert unwrap(words) == " ".join(kept)


@given(st.text())
def test_safe_names_are_safe_anywhere(text: str) -> None:
    name = safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,80}", name)
    assert safe_name(name) == name
    assert name.split(".")[0].casefold() not in {"con", "prn", "aux", "nul", "com1", "lpt1"}


@given(BOX, st.sampled_from([1, 3]))
def test_a_turned_box_turns_back(box: tuple[float, float, float, float], turn: int) -> None:
    width, height = 612.0, 792.0
    turned = turn_box(box, width, height, turn)
    assert turned[0] <= turned[2] and turned[1] <= turned[3]
    assert turn_box(turned, height, width, 4 - turn) == pytest.approx(box, abs=1e-3)


@given(st.lists(BOX, min_size=1))
def test_union_holds_every_box(boxes: list[tuple[float, float, float, float]]) -> None:
    x0, y0, x1, y1 = union(boxes)
    assert all(x0 <= b[0] and y0 <= b[1] and b[2] <= x1 and b[3] <= y1 for b in boxes)


@pytest.mark.parametrize(("angle", "caption"), [(90, (410, 100, 470, 700)), (270, (40, 100, 95, 700))])
def test_a_figure_set_sideways(
    angle: int, caption: tuple[float, float, float, float], tmp_path: Path
) -> None:
    slice_ = phantom_ct(1, (200, 300))
    words = (
        "Axial chest CT on day 3. The second sentence makes this caption go on over two lines of the page."
    )
    with pymupdf.open() as document:
        document.new_page().insert_textbox((72, 72, 540, 700), "The findings are given in words. " * 60)
        page = document.new_page()
        pixmap = pymupdf.Pixmap(pymupdf.csGRAY, 300, 200, slice_.tobytes(), False)
        page.insert_image((100, 100, 400, 700), pixmap=pixmap, keep_proportion=False)
        page.insert_textbox(caption, f"Figure 1. {words}", fontsize=10, rotate=angle)
        document.save(tmp_path / "sideways.pdf")
    (figure,) = extract_paper(tmp_path / "sideways.pdf", tmp_path, name="sideways").figures
    assert (figure.label, figure.caption, figure.binding) == ("Figure 1", words, "below")
    assert figure.bbox == pytest.approx((100, 100, 400, 700), abs=1)
    assert (figure.pictures[0].width, figure.pictures[0].height) == (300, 200)


COSTS = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 50), min_size=width, max_size=width), min_size=1, max_size=5
    )
)


@given(COSTS)
def test_no_assignment_is_cheaper(costs: list[list[int]]) -> None:
    height, width = len(costs), len(costs[0])
    found = [column for column in assign(costs) if column is not None]
    assert len(found) == len(set(found)) == min(height, width)
    total = sum(costs[row][column] for row, column in enumerate(assign(costs)) if column is not None)
    if height <= width:
        every = (sum(costs[r][c] for r, c in enumerate(p)) for p in permutations(range(width), height))
    else:
        every = (sum(costs[r][c] for c, r in enumerate(p)) for p in permutations(range(height), width))
    assert total == min(every)
