"""The compound figures that splitters are measured on: their truth is true, and they are all sorts."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.panels import Score, Tally, score
from tests.compounds import CONTENTS, LAYOUTS, Compound, PixelBox, Spec, compose, draw_spec
from tests.manuscripts import Pixels, phantom_ct

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
PLAIN = Spec(layout="grid", counts=(3, 3), contents=("ct",) * 6, width=500, gutter=12, colour=WHITE, margin=9)


@pytest.fixture(scope="module")
def slices() -> list[Pixels]:
    return [phantom_ct(seed, (160, 200)) for seed in range(4)]


def one(slices: list[Pixels], **changes: object) -> Compound:
    return compose(np.random.default_rng(0), slices, replace(PLAIN, **changes))  # type: ignore[arg-type]


def ink(compound: Compound) -> NDArray[np.bool_]:
    """Where the picture can be told from the gutter."""
    off = np.abs(compound.picture.astype(int) - compound.spec.colour)
    return np.asarray((off > 28).any(axis=2))


def outside(compound: Compound) -> NDArray[np.bool_]:
    """Ink that lies in no panel."""
    left = ink(compound)
    for x0, y0, x1, y1 in compound.boxes:
        left[y0:y1, x0:x1] = False
    return left


def apart(a: PixelBox, b: PixelBox) -> bool:
    return min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])


# whatever is drawn -------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(30))
def test_panels_are_counted_lie_in_the_picture_and_do_not_overlap(index: int, slices: list[Pixels]) -> None:
    rng = np.random.default_rng([7, index])
    spec = replace(draw_spec(rng), width=480)
    compound = compose(rng, slices, spec)
    high, wide, channels = compound.picture.shape
    assert channels == 3 and compound.picture.dtype == np.uint8
    assert len(compound.boxes) == len(compound.labels) == len(spec.contents) == spec.panels
    for x0, y0, x1, y1 in compound.boxes:
        assert 0 <= x0 < x1 <= wide and 0 <= y0 < y1 <= high
        assert min(x1 - x0, y1 - y0) >= 40
    assert all(apart(a, b) for a, b in combinations(compound.boxes, 2))


def test_equal_seeds_give_equal_figures(slices: list[Pixels]) -> None:
    def draw(index: int) -> Compound:
        rng = np.random.default_rng([3, index])
        return compose(rng, slices, replace(draw_spec(rng), width=400))

    first, again, other = draw(5), draw(5), draw(6)
    assert np.array_equal(first.picture, again.picture)
    assert (first.boxes, first.labels, first.spec) == (again.boxes, again.labels, again.spec)
    assert other.spec != first.spec


def test_all_sorts_are_drawn() -> None:
    specs = [draw_spec(np.random.default_rng([1, index])) for index in range(2000)]
    compounds = [spec for spec in specs if spec.panels > 1]
    assert {spec.panels for spec in specs} == set(range(1, 17))
    assert {spec.layout for spec in specs} == set(LAYOUTS)
    assert {kind for spec in specs for kind in spec.contents} == set(CONTENTS)
    assert {spec.gutter for spec in compounds} == set(range(41))
    assert 0.12 < 1 - len(compounds) / len(specs) < 0.18
    assert 0.09 < np.mean([spec.gutter == 0 for spec in compounds]) < 0.15
    assert {spec.letters for spec in compounds} == {"none", "inside", "above", "below"}
    assert {spec.jpeg for spec in specs} == {None, *range(60, 96)}
    assert {spec.colour for spec in specs} >= {WHITE, BLACK}
    assert all(300 <= spec.width <= 3000 for spec in specs)


def test_rows_hold_as_many_panels_as_the_layout_says() -> None:
    for index in range(500):
        spec = draw_spec(np.random.default_rng([2, index]))
        if spec.layout in ("grid", "loose"):
            assert len(set(spec.counts)) == 1
        if spec.layout == "ragged":
            *full, last = spec.counts
            assert len(set(full)) == 1 and 0 < last < full[0]
        if spec.layout == "rows":
            assert len(set(spec.counts)) > 1


# the truth ---------------------------------------------------------------------------------------------


def test_around_the_panels_lies_nothing_but_the_gutter(slices: list[Pixels]) -> None:
    compound = one(slices)
    assert not outside(compound).any()
    for x0, y0, x1, y1 in compound.boxes:
        inside = ink(compound)[y0:y1, x0:x1]
        assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()


def test_a_grid_is_read_row_by_row(slices: list[Pixels]) -> None:
    boxes = one(slices).boxes
    for row in (boxes[:3], boxes[3:]):
        assert len({(y0, y1) for _, y0, _, y1 in row}) == 1
        assert [b[0] - a[2] for a, b in pairwise(row)] == [12, 12]
    assert boxes[3][1] - boxes[0][3] == 12
    assert boxes[0][:2] == (9, 9)


def test_stitched_panels_fill_the_picture(slices: list[Pixels]) -> None:
    compound = one(slices, gutter=0, margin=0)
    high, wide, _ = compound.picture.shape
    assert sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in compound.boxes) == high * wide


def test_the_last_row_of_a_ragged_grid_may_stand_in_the_middle(slices: list[Pixels]) -> None:
    ragged: dict[str, object] = {"layout": "ragged", "counts": (3, 1), "contents": ("ct",) * 4}
    left, middle = (one(slices, **ragged, centred=centred).boxes[3] for centred in (False, True))
    assert left[0] == 9
    assert abs((middle[0] + middle[2]) / 2 - 9 - 250) <= 1


def test_one_panel_beside_a_pile_is_as_high_as_it(slices: list[Pixels]) -> None:
    big, *pile = one(slices, layout="tall", counts=(1, 3), contents=("ct",) * 4).boxes
    assert (big[1], big[3]) == (pile[0][1], pile[-1][3])
    assert all(box[0] == big[2] + 12 for box in pile)


def test_one_wide_panel_lies_over_two(slices: list[Pixels]) -> None:
    wide, left, right = one(slices, layout="rows", counts=(1, 2), contents=("ct",) * 3).boxes
    assert (wide[0], wide[2]) == (left[0], right[2])
    assert wide[3] + 12 == left[1]


def test_a_black_surround_counts_only_where_it_can_be_seen(slices: list[Pixels]) -> None:
    dark = [np.pad(piece, 60, constant_values=0) for piece in slices]
    single = {"layout": "single", "counts": (1,), "contents": ("ct",), "margin": 20}
    on_white, on_black = one(dark, **single), one(dark, **single, colour=BLACK)
    x0, y0, x1, y1 = on_white.boxes[0]
    assert (x0, y0, x1 - x0) == (20, 20, 500)
    assert on_white.picture[y0 : y0 + 8, x0:x1].max() < 20
    x0, y0, x1, y1 = on_black.boxes[0]
    assert on_black.picture[y0, x0:x1].max() > 28 and on_black.picture[y0:y1, x0].max() > 28


def test_a_plot_on_white_reaches_as_far_as_its_ink(slices: list[Pixels]) -> None:
    compound = one(slices, contents=("ct", "plot", "ct", "plot", "gel", "plot"))
    assert not outside(compound).any()
    x0, y0, x1, y1 = compound.boxes[1]
    inside = ink(compound)[y0:y1, x0:x1]
    assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()
    on_grey = one(slices, contents=("plot",) * 6, colour=(120, 120, 120))
    assert on_grey.boxes == one(slices).boxes


@pytest.mark.parametrize("where", ["above", "below"])
def test_letters_in_the_gutter_belong_to_no_box(where: str, slices: list[Pixels]) -> None:
    compound = one(slices, letters=where, form="(a)")
    assert compound.labels == ("a", "b", "c", "d", "e", "f")
    left = outside(compound)
    for x0, y0, x1, y1 in compound.boxes:
        beside = left[max(0, y0 - 20) : y0, x0:x1] if where == "above" else left[y1 : y1 + 20, x0:x1]
        assert beside.any()


@pytest.mark.parametrize("style", ["plain", "dark", "light"])
@pytest.mark.parametrize("corner", ["top left", "bottom right"])
def test_letters_inside_change_their_corner_alone(style: str, corner: str, slices: list[Pixels]) -> None:
    bare, lettered = one(slices), one(slices, letters="inside", style=style, corner=corner)
    assert lettered.boxes == bare.boxes
    x0, y0, x1, y1 = bare.boxes[0]
    y, x = np.nonzero((bare.picture != lettered.picture).any(axis=2)[y0:y1, x0:x1])
    assert len(x) > 20
    if corner == "top left":
        assert x.max() < (x1 - x0) / 2 and y.max() < (y1 - y0) / 2
    else:
        assert x.min() > (x1 - x0) / 2 and y.min() > (y1 - y0) / 2


def test_a_letter_may_cover_a_row(slices: list[Pixels]) -> None:
    assert one(slices, letters="inside", by_row=True).labels == ("A", "A", "A", "B", "B", "B")
    assert one(slices, letters="inside", form="1").labels == ("1", "2", "3", "4", "5", "6")
    assert one(slices).labels == (None,) * 6


@pytest.mark.parametrize("headings", ["columns", "bars", "rows", "title"])
def test_headings_are_no_panels(headings: str, slices: list[Pixels]) -> None:
    compound = one(slices, headings=headings)
    assert len(compound.boxes) == 6
    left = outside(compound)
    first = compound.boxes[0]
    strip = left[:, : first[0]] if headings == "rows" else left[: first[1]]
    assert strip.any()
    assert left.sum() == strip.sum()


@pytest.mark.parametrize("rule", ["around", "between", "border"])
def test_rules_lie_outside_panels(rule: str, slices: list[Pixels]) -> None:
    ruled = one(slices, rule=rule)
    assert ruled.boxes == one(slices).boxes
    assert outside(ruled).any()


def test_arrows_may_come_from_the_gutter(slices: list[Pixels]) -> None:
    crossing = one(slices, arrows="crossing")
    assert crossing.boxes == one(slices).boxes
    assert outside(crossing).any()


def test_a_colour_bar_beside_an_image_is_part_of_the_panel(slices: list[Pixels]) -> None:
    compound = one(slices, bar="beside", width=800)
    assert compound.boxes == one(slices, width=800).boxes
    assert not outside(compound).any()
    _, y0, x1, y1 = compound.boxes[0]
    bar = compound.picture[(y0 + y1) // 2, x1 - 3].astype(int)
    assert bar.max() - bar.min() > 60


def test_compression_and_scaling_leave_the_truth(slices: list[Pixels]) -> None:
    plain, stored = one(slices), one(slices, jpeg=60, soften=0.7)
    assert stored.boxes == plain.boxes
    assert stored.picture.shape == plain.picture.shape
    off = np.abs(stored.picture.astype(int) - plain.picture)
    assert 0.2 < off.mean() < 12


def test_a_figure_that_would_be_too_large_is_drawn_smaller(slices: list[Pixels]) -> None:
    compound = one(slices, width=3000)
    assert compound.picture.shape[0] * compound.picture.shape[1] <= 3_500_000
    assert compound.picture.shape[1] > 1500


# the measure -------------------------------------------------------------------------------------------

HALVES = [(0, 0, 100, 100), (100, 0, 200, 100)]


def test_a_perfect_split_scores_one() -> None:
    assert score(HALVES, HALVES[::-1]) == Score(gold=2, found=2, accuracy=1.0, at75=2, at90=2)


def test_a_missed_split_matches_nothing() -> None:
    assert score(HALVES, [(0, 0, 200, 100)]) == Score(2, 1, 0.0, 0, 0)
    assert score(HALVES, []) == Score(2, 0, 0.0, 0, 0)
    assert score([], []) == Score(0, 0, 0.0, 0, 0)


def test_a_part_of_a_panel_matches_it_once() -> None:
    quarters = [(0, 0, 100, 50), (0, 50, 100, 100)]
    assert score(HALVES[:1], quarters) == Score(1, 2, 0.5, 0, 0)


def test_two_thirds_within_are_enough_and_less_is_not() -> None:
    assert score(HALVES[:1], [(50, 0, 125, 100)]).accuracy == 1.0
    assert score(HALVES[:1], [(50, 0, 126, 100)]).accuracy == 0.0


def test_union_is_measured_at_two_heights() -> None:
    assert score(HALVES[:1], [(0, 0, 80, 100)]) == Score(1, 1, 1.0, 1, 0)
    assert score(HALVES[:1], [(0, 0, 90, 100)]) == Score(1, 1, 1.0, 1, 1)
    assert score(HALVES[:1], [(0, 0, 74, 100)]) == Score(1, 1, 1.0, 0, 0)


def test_tallies_count_false_splits_of_single_pictures_only() -> None:
    tally = Tally()
    tally.add(score(HALVES[:1], HALVES))
    tally.add(score(HALVES, HALVES))
    assert (tally.figures, tally.singles, tally.split, tally.exact) == (2, 1, 1, 1)
    assert str(tally) == "2 | 0.750 | 0.857 | 0.857 | 0.500 | 1 of 1"
