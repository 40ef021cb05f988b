"""Compound figures are cut where panels meet, and single pictures stay whole: one picture for each lesson."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.panels import overlaps, score
from covidct_curate.panels.cascade import Hints, split
from tests.compounds import PixelBox, Spec, compose, draw_spec
from tests.compounds.graphics import DRAWN as GRAPHICS
from tests.compounds.images import DRAWN as IMAGES
from tests.compounds.images import rgb
from tests.compounds.ink import arrow, write
from tests.manuscripts import Pixels, phantom_ct

WHITE, BLACK, GREY, BLUE = (255, 255, 255), (0, 0, 0), (128, 128, 128), (40, 90, 170)
Colour = tuple[int, int, int]
Boxes = list[PixelBox]
NOTHING = Hints()
"""What the page and the caption say of a loose picture."""


def ct(seed: int = 0, high: int = 200, wide: int = 240) -> Pixels:
    return rgb(phantom_ct(seed, (high, wide)))


def crop(seed: int = 0, high: int = 200, wide: int = 240) -> Pixels:
    """The middle of a slice: tissue and lung up to all four edges."""
    large = ct(seed, 2 * high, 2 * wide)
    return np.ascontiguousarray(large[high // 2 : -(high // 2), wide // 2 : -(wide // 2)])


def grainy(image: NDArray[np.float32]) -> Pixels:
    """A grey image as a scanner gives it, in RGB."""
    grain = np.random.default_rng(0).normal(0, 4, image.shape)
    return rgb(np.clip(image + grain, 0, 255).astype(np.uint8))


def windowed(picture: Pixels, gain: float, offset: float) -> Pixels:
    return grainy(picture[..., 0] * np.float32(gain) + np.float32(offset))


def drawn(kind: str, high: int = 200, wide: int = 240, seed: int = 0) -> Pixels:
    return {**IMAGES, **GRAPHICS}[kind](np.random.default_rng(seed), wide, high)


def laid(
    rows: Sequence[Sequence[Pixels]], gutter: int = 14, colour: Colour = WHITE, margin: int = 0
) -> tuple[Pixels, Boxes]:
    """Panels in rows, each row as high as its highest panel; the picture and the panels' boxes."""
    wide = max(sum(p.shape[1] + gutter for p in row) - gutter for row in rows)
    high = sum(max(p.shape[0] for p in row) + gutter for row in rows) - gutter
    picture = np.empty((high + 2 * margin, wide + 2 * margin, 3), np.uint8)
    picture[:] = colour
    boxes, y = [], margin
    for row in rows:
        x = margin
        for panel in row:
            h, w = panel.shape[:2]
            picture[y : y + h, x : x + w] = panel
            boxes.append((x, y, x + w, y + h))
            x += w + gutter
        y += max(panel.shape[0] for panel in row) + gutter
    return picture, boxes


def grid(columns: int = 2, rows: int = 2, **how: object) -> tuple[Pixels, Boxes]:
    slices = [[ct(row * columns + column) for column in range(columns)] for row in range(rows)]
    return laid(slices, **how)  # type: ignore[arg-type]


def boxes_of(picture: Pixels, hints: Hints = NOTHING) -> Boxes:
    return [cut.box for cut in split(picture, hints=hints)]


def near(found: Boxes, true: Boxes, within: float = 4) -> bool:
    """As many boxes, in the same order, no side off by more than so many pixels."""
    if len(found) != len(true):
        return False
    return all(
        abs(a - b) <= within
        for one, other in zip(found, true, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def stored(picture: Pixels, quality: int) -> Pixels:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def inside(picture: Pixels, box: PixelBox) -> bool:
    high, wide = picture.shape[:2]
    return bool(0 <= box[0] < box[2] <= wide and 0 <= box[1] < box[3] <= high)


# gutters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [WHITE, BLACK, GREY, BLUE], ids=["white", "black", "grey", "blue"])
@pytest.mark.parametrize("margin", [0, 20])
def test_gutters_have_any_colour(colour: Colour, margin: int) -> None:
    crops = [[crop(2 * row + column) for column in range(2)] for row in range(2)]
    picture, boxes = laid(crops, 12, colour, margin)
    cuts = split(picture)
    assert len(cuts) == 4
    assert {cut.method for cut in cuts} == {"gutter"}
    if margin == 0 or colour == WHITE:
        assert near([cut.box for cut in cuts], boxes)
    else:
        assert score(boxes, [cut.box for cut in cuts]).at75 == 4


@pytest.mark.parametrize("colour", [WHITE, GREY, BLUE], ids=["white", "grey", "blue"])
def test_a_gutter_may_be_three_pixels_wide(colour: Colour) -> None:
    one, other = crop(0), windowed(crop(1), 0.6, 60)
    picture, boxes = laid([[one, other], [windowed(crop(2), 0.7, 0), windowed(crop(3), 0.5, 100)]], 3, colour)
    assert near(boxes_of(picture), boxes, 2)


@pytest.mark.parametrize("colour", [WHITE, BLACK, BLUE], ids=["white", "black", "blue"])
def test_the_noise_of_jpeg_does_not_hide_gutters(colour: Colour) -> None:
    crops = [[crop(2 * row + column) for column in range(2)] for row in range(2)]
    picture, boxes = laid(crops, 10, colour)
    assert near(boxes_of(stored(picture, 60)), boxes)


def test_letters_in_the_gutter_do_not_hide_it() -> None:
    picture, boxes = grid(gutter=26)
    for letter, (x0, _, _, y1) in zip("ABCD", boxes, strict=True):
        write(picture, letter, (x0 + 110, y1 + 4), 18)
    write(picture, "vs", (boxes[0][2] + 3, 90), 16)
    assert near(boxes_of(picture), boxes)


def test_an_arrow_across_a_gutter_does_not_join_the_panels() -> None:
    picture, boxes = laid([[crop(0), crop(1)], [crop(2), crop(3)]], 16)
    arrow(picture, (205, 120), (300, 90), (255, 220, 0), 3)
    assert near(boxes_of(picture), boxes)


def test_stored_panels_end_where_their_images_do() -> None:
    crops = [[crop(2 * row + column) for column in range(2)] for row in range(2)]
    picture, boxes = laid(crops, 13)
    assert near(boxes_of(stored(picture, 75)), boxes, 1)


def test_black_lines_between_images_leave_them_their_white_rims() -> None:
    framed = [
        [np.pad(crop(2 * row + column), ((3, 3), (3, 3), (0, 0)), constant_values=255) for column in range(2)]
        for row in range(2)
    ]
    picture, boxes = laid(framed, 4, BLACK)
    assert near(boxes_of(picture), boxes, 1)


def test_a_hairline_in_the_gutter_is_part_of_the_gutter() -> None:
    picture, boxes = grid(gutter=15)
    high, wide = picture.shape[:2]
    cv2.line(picture, (wide // 2, 0), (wide // 2, high - 1), BLACK, 1)
    cv2.line(picture, (0, high // 2), (wide - 1, high // 2), BLACK, 1)
    assert near(boxes_of(picture), boxes)


@pytest.mark.parametrize("margin", [0, 1, 12])
def test_a_hairline_round_the_picture_hides_no_gutter(margin: int) -> None:
    picture, boxes = grid(gutter=14, margin=margin)
    high, wide = picture.shape[:2]
    cv2.rectangle(picture, (0, 0), (wide - 1, high - 1), BLACK, 1)
    assert near(boxes_of(picture), boxes)


def test_a_frame_round_panels_is_no_panel() -> None:
    picture, boxes = grid(gutter=20, margin=40)
    high, wide = picture.shape[:2]
    cv2.rectangle(picture, (20, 20), (wide - 21, high - 21), BLACK, 1)
    assert near(boxes_of(picture), boxes)


def test_a_frame_round_each_panel_stays_with_it() -> None:
    picture, boxes = grid(gutter=20, margin=20)
    for x0, y0, x1, y1 in boxes:
        cv2.rectangle(picture, (x0 - 3, y0 - 3), (x1 + 2, y1 + 2), BLACK, 1)
    assert near(boxes_of(picture), boxes)


def test_slices_with_a_black_surround_are_parted_on_black() -> None:
    one, other = ct(1)[:, 8:200], crop(2)  # the first ends in black before the gutter does
    one[:, -22:] = 4
    picture, boxes = laid([[one, other]], 10, BLACK)
    found = boxes_of(picture)
    assert score(boxes, found).accuracy == 1


def test_alike_slices_are_parted_on_black() -> None:
    picture, boxes = laid([[ct(1), ct(1)]], 8, BLACK)
    found = boxes_of(picture)
    assert len(found) == 2 and score(boxes, found).at75 == 2


# layouts -----------------------------------------------------------------------------------------------


def test_rows_may_hold_unequal_numbers_of_panels() -> None:
    picture, boxes = laid([[ct(0, 190, 307), ct(1, 190, 307)], [ct(k, 170, 200) for k in (2, 3, 4)]])
    assert near(boxes_of(picture), boxes)


def test_one_wide_panel_over_two_small_ones() -> None:
    picture, boxes = laid([[ct(0, 240, 414)], [ct(1, 160, 200), ct(2, 160, 200)]])
    assert near(boxes_of(picture), boxes)


def test_a_tall_panel_is_read_before_those_beside_it() -> None:
    picture = np.full((460, 500, 3), 255, np.uint8)
    boxes = [(0, 0, 300, 460), (314, 0, 500, 144), (314, 158, 500, 302), (314, 316, 500, 460)]
    for seed, (x0, y0, x1, y1) in enumerate(boxes):
        picture[y0:y1, x0:x1] = crop(seed, y1 - y0, x1 - x0)
    assert near(boxes_of(picture), boxes)


@pytest.mark.parametrize(
    ("colour", "margin"),
    [(WHITE, 0), (WHITE, 12), (BLUE, 12), (BLACK, 0)],
    ids=["white", "margin", "blue", "black"],
)
def test_the_last_row_may_be_incomplete(colour: Colour, margin: int) -> None:
    picture, boxes = laid([[crop(0), crop(1), crop(2)], [crop(3), crop(4)]], 14, colour, margin)
    assert near(boxes_of(picture), boxes)


def test_panels_are_read_row_by_row() -> None:
    picture, boxes = grid(4, 2, gutter=10)
    assert near(boxes_of(picture), boxes)


def test_a_large_figure_is_cut_to_the_pixel_almost() -> None:
    panels = [[cv2.resize(ct(2 * r + c), None, fx=8, fy=8) for c in range(2)] for r in range(2)]
    picture, boxes = laid([[np.asarray(p, np.uint8) for p in row] for row in panels], 60, margin=100)
    assert picture.shape[0] * picture.shape[1] > 12_000_000
    assert near(boxes_of(picture), boxes, 0.02 * 8 * 200)


# what is no panel --------------------------------------------------------------------------------------


def test_a_strip_of_text_above_is_no_panel() -> None:
    picture, boxes = grid(gutter=14, margin=40)
    write(picture, "Before treatment", (60, 10), 20, font="hebo")
    write(picture, "After treatment", (315, 10), 20, font="hebo")
    assert near(boxes_of(picture), boxes)


def test_a_coloured_strip_of_text_above_is_no_panel() -> None:
    picture, boxes = grid(gutter=14, margin=40)
    for x0, _, x1, _ in boxes[:2]:
        picture[4:34, x0:x1] = (205, 215, 230)
        write(picture, "Day 4", (x0 + 90, 10), 16)
    assert near(boxes_of(picture), boxes)


def test_letters_below_are_not_part_of_the_panels() -> None:
    picture, boxes = grid(gutter=36, margin=36)
    for letter, (x0, _, x1, y1) in zip("abcd", boxes, strict=True):
        write(picture, f"({letter})", ((x0 + x1) / 2, y1 + 8), 20, font="tiro", anchor=(0.5, 0))
    assert near(boxes_of(picture), boxes)


def test_a_colour_bar_beside_a_scan_is_no_panel() -> None:
    picture, boxes = grid(2, 1, gutter=60, margin=40)
    for _, y0, x1, y1 in boxes:
        ramp = np.linspace(250, 5, y1 - y0 - 40).astype(np.uint8)[:, None].repeat(16, axis=1)
        bar = picture[y0 + 20 : y1 - 20, x1 + 6 : x1 + 22]
        bar[:] = cv2.applyColorMap(ramp, cv2.COLORMAP_JET)[:, : bar.shape[1]]
    found = boxes_of(picture)
    assert len(found) == 2 and score(boxes, found).at75 == 2


def test_a_legend_beside_slices_is_no_panel() -> None:
    picture, boxes = grid(2, 2, gutter=14, margin=10)
    wider = np.full((picture.shape[0], picture.shape[1] + 120, 3), 255, np.uint8)
    wider[:, : picture.shape[1]] = picture
    cv2.rectangle(wider, (530, 150), (620, 220), BLACK, 1)
    for number, word in enumerate(("lung", "bone", "fluid")):
        write(wider, word, (560, 157 + 20 * number), 13)
        cv2.line(wider, (536, 165 + 20 * number), (554, 165 + 20 * number), (200, 30, 30), 2)
    found = boxes_of(wider)
    assert len(found) == 4 and score(boxes, found).at90 == 4


def test_an_inset_stays_in_its_panel() -> None:
    picture, boxes = grid(2, 1, gutter=14)
    detail = cv2.resize(picture[60:110, 40:100], (90, 75), interpolation=cv2.INTER_CUBIC)
    picture[125:200, 150:240] = detail
    cv2.rectangle(picture, (150, 125), (239, 199), WHITE, 1)
    assert near(boxes_of(picture), boxes)


@pytest.mark.parametrize("frame", [WHITE, (255, 220, 0)], ids=["white", "yellow"])
def test_an_inset_does_not_cut_a_single_scan(frame: Colour) -> None:
    picture = ct(1, 320, 400)
    picture[220:, 270:] = cv2.resize(picture[100:160, 60:140], (130, 100), interpolation=cv2.INTER_CUBIC)
    cv2.rectangle(picture, (270, 220), (399, 319), frame, 2)
    assert boxes_of(picture) == [(0, 0, 400, 320)]


def tracer(seed: int, high: int = 640, wide: int = 480) -> Pixels:
    """Where a tracer went, dark on white."""
    rng = np.random.default_rng(seed)
    image = np.full((high, wide), 255, np.float32)
    organs = [(0.5, 0.5, 0.37, 0.45, 40.0)]
    organs += [
        (*rng.uniform(0.27, 0.73, 2), *rng.uniform(0.03, 0.13, 2), rng.uniform(30, 160)) for _ in range(9)
    ]
    for x, y, across, down, level in organs:
        mask = np.zeros((high, wide), np.float32)
        centre, axes = (round(x * wide), round(y * high)), (round(across * wide), round(down * high))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 1, -1)
        image -= level * cv2.GaussianBlur(mask, (0, 0), 9)
    picture = rgb(np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8))
    picture[picture > 247] = 255
    return picture


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_crosshairs_over_a_scan_on_white_do_not_cut_it(seed: int) -> None:
    picture = tracer(seed)
    cv2.line(picture, (210, 0), (210, 639), (30, 60, 200), 1)
    cv2.line(picture, (0, 270), (479, 270), (30, 60, 200), 1)
    assert len(boxes_of(picture)) == 1


# seams -------------------------------------------------------------------------------------------------


def test_pictures_that_touch_are_cut_at_the_step_between_them() -> None:
    picture, boxes = laid([[windowed(crop(0), 0.5, 20), windowed(crop(3), 0.6, 110)]], 0)
    cuts = split(picture)
    assert near([cut.box for cut in cuts], boxes, 2)
    assert {cut.method for cut in cuts} == {"seam"}


def test_three_equal_pictures_that_touch_are_three() -> None:
    panels = [crop(0), windowed(crop(1), 0.5, 120), windowed(crop(2), 0.8, 0)]
    picture, boxes = laid([panels], 0)
    assert near(boxes_of(picture), boxes, 2)


def test_rows_that_touch_are_cut_too() -> None:
    picture, boxes = laid([[windowed(crop(0), 0.4, 10)], [windowed(crop(3), 0.5, 130)]], 0)
    assert near(boxes_of(picture), boxes, 2)


def test_an_edge_inside_an_anatomy_is_no_seam() -> None:
    picture = drawn("xray", 400, 260, seed=3)
    picture[60:330, 120:160] = np.clip(picture[60:330, 120:160].astype(int) + 70, 0, 255)
    assert boxes_of(picture) == [(0, 0, 260, 400)]


# one picture -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [WHITE, BLUE], ids=["white", "blue"])
def test_a_single_picture_is_one_panel_without_the_page_around_it(colour: Colour) -> None:
    picture, boxes = laid([[crop(1)]], colour=colour, margin=50)
    (cut,) = split(picture)
    assert near([cut.box], boxes) and cut.method == "whole"


@pytest.mark.parametrize("kind", ["plot", "table", "diagram", "gel"])
@pytest.mark.parametrize("seed", range(6))
def test_a_graphic_stays_one(kind: str, seed: int) -> None:
    assert len(boxes_of(drawn(kind, 420, 600, seed))) == 1


@pytest.mark.parametrize("kind", ["xray", "ultrasound", "photo", "histology", "scope"])
@pytest.mark.parametrize("seed", range(3))
def test_any_single_image_stays_one(kind: str, seed: int) -> None:
    assert boxes_of(drawn(kind, 300, 360, seed)) == [(0, 0, 360, 300)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("window", [(1, 0), (0.5, 0), (1.6, -60)], ids=["as it is", "dark", "hard"])
def test_a_single_slice_stays_one(seed: int, window: tuple[float, float]) -> None:
    picture = windowed(ct(seed, 300, 360), *window)
    assert boxes_of(picture) == [(0, 0, 360, 300)]


def legs(high: int = 400, wide: int = 360) -> Pixels:
    """A radiograph of both legs."""
    image = np.full((high, wide), 18, np.float32)
    for x in (wide * 27 // 100, wide * 73 // 100):
        cv2.ellipse(image, (x, high // 2), (wide * 19 // 100, high * 3 // 4), 0, 0, 360, 110, -1)
        cv2.line(image, (x, -5), (x + 6, high + 5), 205, wide // 10)
    return grainy(np.asarray(cv2.GaussianBlur(image, (0, 0), 3), np.float32))


def test_two_legs_in_one_radiograph_stay_together() -> None:
    assert boxes_of(legs()) == [(0, 0, 360, 400)]
    picture, boxes = laid([[legs(), legs()]], margin=10)
    assert near(boxes_of(picture), boxes)


@pytest.mark.parametrize("seed", [0, 4])
def test_two_legs_in_one_slice_stay_together(seed: int) -> None:
    half = drawn("legs", 300, 360, seed)[:, :180]
    picture = np.ascontiguousarray(np.hstack([half, half[:, ::-1]]))
    assert boxes_of(picture) == [(0, 0, 360, 300)]


def lungs(gap: int, high: int = 400, wide: int = 640) -> Pixels:
    """A crop of the chest whose tissue is as white as the page: all that is left are two lungs, cut off."""
    slice_, mask = crop(1, high, wide), np.zeros((high, wide), np.uint8)
    for x in (wide // 2 - gap // 2 - wide * 28 // 100, wide // 2 + gap // 2 + wide * 28 // 100):
        cv2.ellipse(mask, (x, high // 2), (wide * 28 // 100, high * 7 // 10), 0, 0, 360, 1, -1)
    slice_[mask == 0] = 255
    return slice_


@pytest.mark.parametrize("gap", [8, 24, 40])
def test_a_white_mediastinum_that_meets_the_page_does_not_cut_the_chest(gap: int) -> None:
    picture, boxes = laid([[lungs(gap)]], margin=20)
    assert near(boxes_of(picture), boxes)


def test_two_lungs_on_white_stay_one() -> None:
    picture = np.full((300, 400, 3), 255, np.uint8)
    lungs = crop(2, 300, 400)
    mask = np.zeros((300, 400), np.uint8)
    for x in (110, 290):
        cv2.ellipse(mask, (x, 150), (82, 130), 0, 0, 360, 1, -1)
    picture[mask == 1] = lungs[mask == 1]
    assert near(boxes_of(picture), [(28, 20, 373, 281)])


def test_two_round_photographs_on_white_are_two() -> None:
    picture, boxes = np.full((320, 640, 3), 255, np.uint8), [(20, 20, 300, 300), (330, 20, 610, 300)]
    mask = np.zeros((280, 280), np.uint8)
    cv2.circle(mask, (140, 140), 138, 1, -1)
    for seed, (x0, y0, x1, y1) in enumerate(boxes):
        picture[y0:y1, x0:x1][mask == 1] = drawn("photo", 280, 280, seed)[mask == 1]
    assert near(boxes_of(picture), boxes)


# graphics among panels ---------------------------------------------------------------------------------


def inked(picture: Pixels, box: PixelBox) -> PixelBox:
    """The box of what is not white within a box."""
    x0, y0, x1, y1 = box
    y, x = np.nonzero(picture[y0:y1, x0:x1].min(axis=2) < 250)
    return x0 + int(x.min()), y0 + int(y.min()), x0 + int(x.max()) + 1, y0 + int(y.max()) + 1


def test_unlike_pieces_of_a_drawing_are_no_panels() -> None:
    picture = np.full((400, 600, 3), 255, np.uint8)
    cv2.ellipse(picture, (160, 200), (130, 170), 0, 0, 360, (30, 90, 30), 3)
    cv2.line(picture, (160, 30), (160, 370), (30, 90, 30), 3)
    cv2.rectangle(picture, (360, 50), (560, 120), BLACK, 2)
    cv2.rectangle(picture, (400, 250), (500, 380), (160, 30, 30), 2)
    write(picture, "lung", (420, 70), 22)
    assert len(boxes_of(picture)) == 1


def test_four_plots_are_four_panels() -> None:
    picture, cells = laid(
        [[drawn("plot", 300, 400, 2 * r + c) for c in range(2)] for r in range(2)], 30, margin=20
    )
    found = boxes_of(picture)
    assert len(found) == 4
    assert score([inked(picture, cell) for cell in cells], found).at75 == 4


def test_a_plot_beside_slices_is_a_panel_with_the_names_of_its_axes() -> None:
    picture, cells = laid([[ct(0, 300, 360), drawn("plot", 300, 400, 1)]], 30, margin=20)
    found = boxes_of(picture)
    assert near(found, [cells[0], inked(picture, cells[1])], 6)


# what the page and the caption say ---------------------------------------------------------------------


def test_images_of_the_page_are_panels() -> None:
    picture, boxes = laid([[ct(1), ct(1)]], 0)
    assert near(boxes_of(picture, Hints(parts=tuple(boxes))), boxes, 0)
    assert {cut.method for cut in split(picture, hints=Hints(parts=tuple(boxes)))} == {"embedded"}


def test_images_of_the_page_are_cut_further() -> None:
    picture, boxes = grid(2, 2, gutter=14)
    parts = (0, 0, 240, 414), (254, 0, 494, 414)
    cuts = split(picture, hints=Hints(parts=parts))
    assert near([cut.box for cut in cuts], boxes)


def test_images_of_the_page_that_show_half_the_figure_are_not_believed() -> None:
    picture, boxes = grid(2, 2, gutter=14)
    assert near(boxes_of(picture, Hints(parts=(boxes[0], boxes[3]))), boxes)


def test_strips_that_a_picture_is_stored_in_are_no_panels() -> None:
    picture = ct(1, 320, 400)
    strips = tuple((0, y, 400, y + 40) for y in range(0, 320, 40))
    assert boxes_of(picture, Hints(parts=strips)) == [(0, 0, 400, 320)]


def head(high: int = 200, wide: int = 240) -> Pixels:
    image = np.full((high, wide), 6, np.float32)
    for at, axes, level in (
        ((120, 100), (95, 85), 60),
        ((120, 100), (70, 60), 200),
        ((90, 60), (30, 25), 20),
    ):
        cv2.ellipse(image, at, axes, 0, 0, 360, level, -1)
    return grainy(np.asarray(cv2.GaussianBlur(image, (0, 0), 1), np.float32))


def test_what_the_caption_announces_raises_weak_lines_only_if_the_number_fits() -> None:
    picture, boxes = laid([[ct(1), head()]], 0)  # black to black, and not alike
    (alone,) = split(picture)
    cuts = split(picture, hints=Hints(announced=2))
    assert near([cut.box for cut in cuts], boxes)
    assert max(cut.confidence for cut in cuts) < alone.confidence
    assert boxes_of(picture, Hints(announced=3)) == [alone.box]


def test_a_caption_alone_cuts_nothing() -> None:
    picture = ct(1, 300, 360)
    for count in (2, 3, 4):
        assert boxes_of(picture, Hints(announced=count)) == [(0, 0, 360, 300)]


def test_panels_that_the_caption_does_not_count_are_less_sure() -> None:
    picture, _ = grid(2, 1)
    told, untold = (
        min(cut.confidence for cut in split(picture, hints=Hints(announced=count))) for count in (2, 4)
    )
    assert untold < told


def test_a_caption_that_names_fewer_letters_takes_no_panel_away() -> None:
    picture, boxes = grid(2, 2)
    assert near(boxes_of(picture, Hints(announced=2)), boxes)


# bad pictures ------------------------------------------------------------------------------------------


def noise(high: int, wide: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (high, wide, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        *(np.full((h, w, 3), v, np.uint8) for h, w in ((1, 1), (1, 10000), (10000, 1)) for v in (0, 255)),
        np.full((400, 600, 3), 255, np.uint8),
        np.full((400, 600, 3), 0, np.uint8),
        np.full((400, 600, 3), 127, np.uint8),
        noise(400, 600),
        noise(1, 10000),
        noise(10000, 1),
        noise(7, 3),
        noise(33, 4000),
    ],
    ids=lambda picture: f"{picture.shape[0]}x{picture.shape[1]} {picture.flat[0]}",
)
@pytest.mark.parametrize("announced", [0, 2], ids=["unannounced", "announced"])
def test_a_picture_of_nothing_is_one_panel_within_it(picture: Pixels, announced: int) -> None:
    (cut,) = split(picture, hints=Hints(announced=announced))
    assert inside(picture, cut.box)
    assert 0 < cut.confidence <= 1


# whatever is drawn -------------------------------------------------------------------------------------

SLICES = [phantom_ct(seed, (260, 320)) for seed in range(8)]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_panels_lie_in_the_picture_and_apart(seed: int) -> None:
    rng = np.random.default_rng([11, seed])
    picture = compose(rng, SLICES, replace(draw_spec(rng), width=480)).picture
    cuts = split(picture)
    assert cuts == split(picture.copy())
    assert all(inside(picture, cut.box) and 0 < cut.confidence <= 1 for cut in cuts)
    shared = [overlaps([a.box], [b.box])[0].item() for a, b in combinations(cuts, 2)]
    assert max(shared, default=0) < 0.2


def resized(seed: int, high: int, wide: int) -> Pixels:
    return np.asarray(cv2.resize(crop(seed % 6), (wide, high), interpolation=cv2.INTER_AREA), np.uint8)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.integers(4, 30),
    st.tuples(*[st.integers(0, 60)] * 4),
    st.integers(0, 30),
)
def test_white_around_a_figure_changes_nothing(
    counts: list[int], gutter: int, around: tuple[int, int, int, int], seed: int
) -> None:
    wide = 640
    rows = [
        [resized(seed + k, 150, (wide - gutter * (count - 1)) // count) for k in range(count)]
        for count in counts
    ]
    picture, boxes = laid(rows, gutter)
    left, top, right, bottom = around
    more = cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT, value=WHITE)
    found = boxes_of(np.asarray(more, np.uint8))
    assert near(found, [(x0 + left, y0 + top, x1 + left, y1 + top) for x0, y0, x1, y1 in boxes])
    assert len(boxes_of(picture)) == len(found)


def test_generated_figures_are_cut_right_on_the_whole() -> None:
    accuracy = []
    for index in range(60):
        rng = np.random.default_rng([1, index])
        spec = draw_spec(rng)
        compound = compose(rng, SLICES, replace(spec, width=min(spec.width, 800)))
        found = score(compound.boxes, boxes_of(compound.picture))
        accuracy.append(found.accuracy)
        if spec.contents == ("ct",):
            assert found.found == 1, index
    assert np.mean(accuracy) >= 0.85


def test_single_slices_are_not_cut_however_they_are_furnished() -> None:
    spec = Spec(layout="single", counts=(1,), contents=("ct",), width=420, gutter=0, colour=WHITE)
    furnished = [
        spec,
        replace(spec, annotated=True),
        replace(spec, inset=True, scale=True),
        replace(spec, arrows="inside", letters="inside"),
        replace(spec, bar="within", jpeg=60),
        replace(spec, colour=BLACK, margin=30),
    ]
    for number, each in enumerate(furnished):
        for seed in range(4):
            compound = compose(np.random.default_rng([number, seed]), SLICES, each)
            assert len(boxes_of(compound.picture)) == 1, (number, seed)


def test_the_black_border_of_a_radiograph_is_no_panel() -> None:
    picture = np.full((480, 620, 3), 3, np.uint8)
    picture[:, 170:] = rgb(cv2.resize(phantom_ct(1, (300, 300)), (450, 480)) // 2 + 90)
    cv2.putText(picture, "R", (20, 440), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (240, 240, 240), 3)
    (cut,) = split(picture)
    assert cut.box == (0, 0, 620, 480)


# edges of light images ---------------------------------------------------------------------------------


def light(seed: int, high: int = 200, wide: int = 240) -> Pixels:
    """A slice as many windows show it: dark lungs in a white body from side to side, dark corners."""
    image = np.full((high, wide), 60, np.float32)
    cv2.ellipse(image, (wide // 2, high // 2), (wide // 2, int(0.46 * high)), 0, 0, 360, 255, -1)
    for side in (-1, 1):
        at = wide // 2 + side * int(0.22 * wide), high // 2
        cv2.ellipse(image, at, (int(0.16 * wide), int(0.32 * high)), 5 * side + seed, 0, 360, 90, -1)
    grain = np.random.default_rng(seed).normal(0, 6, image.shape)
    image = np.where(image == 255, image, np.clip(image + grain, 0, 255))
    return rgb(np.asarray(image, np.uint8))


WIDTHS = ((209, 199, 222), (205, 218, 200), (231, 181, 211))


def test_images_of_uneven_width_end_where_they_end() -> None:
    slices = [[crop(3 * r + c, wide=wide) for c, wide in enumerate(row)] for r, row in enumerate(WIDTHS)]
    picture, boxes = laid(slices, 8)
    assert near(boxes_of(stored(picture, 70)), boxes, 1)


def test_white_bodies_that_a_trace_joins_over_a_gutter_are_two_images() -> None:
    slices = [light(n) for n in range(4)]
    picture, boxes = laid([slices], 8)
    picture[188:192, boxes[1][2] : boxes[2][0]] = 215
    assert near(boxes_of(picture), boxes, 7)


def test_images_within_ruled_lines_keep_their_white_rims() -> None:
    framed = []
    for n in range(4):
        panel = np.full((200, 240, 3), 255, np.uint8)
        panel[3:-3, 3:-3] = windowed(crop(n), 0.6, 20)[3:-3, 3:-3]
        framed.append(panel)
    picture, boxes = laid([framed[:2], framed[2:]], 4, BLACK)
    assert boxes_of(picture) == boxes
