"""The parts the cascade is made of: gutters, seams, lines, islands, reading order."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from covidct_curate.panels import alignment, boxes, ground, gutters, islands, lines, rows, seams
from covidct_curate.panels.ground import BLACK, WHITE
from covidct_curate.panels.islands import Island
from covidct_curate.panels.lines import Lines
from covidct_curate.panels.order import in_order
from covidct_curate.records import PixelBox
from tests.manuscripts import phantom_ct

Grey = NDArray[np.uint8]
LEAST = 40


def tissue(seed: int, high: int = 200, wide: int = 150, low: int = 60, top: int = 200) -> Grey:
    """Smooth shapes up to all edges, within these levels."""
    coarse = np.random.default_rng(seed).random((9, 7))
    smooth = cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_LINEAR)
    return np.asarray(low + smooth * (top - low), np.uint8)


def band(colour: int, wide: int, high: int = 200) -> Grey:
    return np.full((high, wide), colour, np.uint8)


def row(*parts: Grey) -> Grey:
    return np.ascontiguousarray(np.hstack(parts))


# gutters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [0, 255, 230, 30])
@pytest.mark.parametrize("wide", [3, 9, 30])
def test_a_band_is_found_to_the_pixel(colour: int, wide: int) -> None:
    (found,) = gutters.find(row(tissue(1), band(colour, wide), tissue(2)), LEAST)
    assert (found.start, found.stop) == (150, 150 + wide)
    assert abs(found.colour - colour) <= gutters.NOISE
    assert found.sharp and found.left > 0.9 and found.right > 0.9
    assert found.start <= found.middle < found.stop


def test_bands_come_from_left_to_right() -> None:
    grey = row(tissue(1), band(255, 10), tissue(2), band(0, 10), tissue(3), band(255, 10), tissue(4))
    assert [(g.start, g.stop) for g in gutters.find(grey, LEAST)] == [(150, 160), (310, 320), (470, 480)]


def test_a_band_needs_room_for_a_panel_on_both_sides() -> None:
    grey = row(tissue(1, wide=60), band(255, 10), tissue(2))
    assert len(gutters.find(grey, 60)) == 1
    assert gutters.find(grey, 61) == []
    assert gutters.find(np.ascontiguousarray(grey[:, ::-1]), 61) == []
    assert gutters.find(tissue(1, wide=80), 40) == []


@pytest.mark.parametrize(("rows", "count"), [(4, 1), (20, 0)])
def test_a_letter_hides_little_of_a_band_a_picture_much(rows: int, count: int) -> None:
    grey = row(tissue(1), band(255, 12), tissue(2))
    grey[80 : 80 + rows, 150:162] = 0
    assert len(gutters.find(grey, LEAST)) == count


def test_a_rule_in_a_band_does_not_make_it_two() -> None:
    grey = row(tissue(1), band(255, 8), band(0, 1), band(255, 8), tissue(2))
    assert [(g.start, g.stop, g.sharp) for g in gutters.find(grey, LEAST)] == [(150, 167, True)]


def test_a_thin_line_over_one_picture_is_no_gutter() -> None:
    grey = tissue(1, wide=400)
    grey[:, 200:202] = 255
    assert gutters.find(grey, LEAST) == []


def test_where_a_picture_fades_into_the_band_it_is_not_sharp() -> None:
    fading = np.asarray(tissue(1) * np.linspace(1, 0, 150), np.uint8)
    (found,) = gutters.find(row(fading, band(0, 10), np.ascontiguousarray(fading[:, ::-1])), LEAST)
    assert not found.sharp
    assert max(found.left, found.right) < gutters.STRAIGHT


def test_beyond_doubt_on_one_side_needs_little_on_the_other() -> None:
    body = phantom_ct(1, (200, 240))[:, 14:]  # it touches the band at the middle of its height only
    for grey in (row(body[:, ::-1], band(0, 10), tissue(2)), row(tissue(2), band(0, 10), body)):
        assert any(found.sharp for found in gutters.find(grey, LEAST))


def test_alike_are_slices_and_not_a_slice_and_its_mirror_image() -> None:
    one, other = phantom_ct(1, 200), phantom_ct(2, 200)
    assert gutters.alike(one, other)
    lopsided = np.triu(np.full((200, 200), 200, np.uint8))
    assert gutters.alike(lopsided, lopsided)
    assert not gutters.alike(lopsided, lopsided[:, ::-1])
    assert not gutters.alike(one, tissue(3, 200, 200))


# seams -------------------------------------------------------------------------------------------------


def test_a_step_from_top_to_bottom_is_a_seam() -> None:
    (seam,) = seams.find(row(tissue(1, top=100), tissue(2, low=140)), LEAST)
    assert abs(seam.at - 150) <= 1
    assert seam.stepped == 1


def test_seams_come_from_left_to_right() -> None:
    grey = row(tissue(1, top=90), tissue(2, low=130), tissue(3, top=90))
    assert np.allclose([seam.at for seam in seams.find(grey, LEAST)], [150, 300], atol=1)


def test_a_seam_needs_room_for_a_panel_on_both_sides() -> None:
    grey = row(tissue(1, top=90, wide=35), tissue(2, low=130))
    assert len(seams.find(grey, 30)) == 1
    assert seams.find(grey, LEAST) == []
    assert seams.find(np.ascontiguousarray(grey[:, ::-1]), LEAST) == []


def test_an_edge_over_half_the_height_is_no_seam() -> None:
    grey = tissue(1, wide=300, top=100)
    grey[:100, 150:] += 80
    assert seams.find(grey, LEAST) == []


def test_a_bright_line_over_one_picture_is_no_seam() -> None:
    grey = tissue(1, wide=300, low=100, top=130)
    grey[:, 150:152] = 255
    assert seams.find(grey, LEAST) == []


def test_black_on_both_sides_says_nothing_for_or_against_a_seam() -> None:
    grey = row(tissue(1, top=90), tissue(2, low=130))
    grey[:120] = 5
    assert len(seams.find(grey, LEAST)) == 1
    grey[:180] = 5
    assert seams.find(grey, LEAST) == []


# lines -------------------------------------------------------------------------------------------------


def test_parts_are_what_the_cuts_leave() -> None:
    cut = Lines(((10, 14), (30, 30)), "gutter", 1.0)
    assert cut.parts(50) == [(0, 10), (14, 30), (30, 50)]


def test_a_gutter_goes_before_a_seam() -> None:
    grey = row(tissue(1, top=90), tissue(2, low=130), band(255, 10), tissue(3))
    found = lines.find(grey, LEAST)
    assert found is not None and found.method == "gutter" and found.cuts == ((300, 310),)


def test_a_seam_takes_nothing_away() -> None:
    found = lines.find(row(tissue(1, top=90), tissue(2, low=130)), LEAST)
    assert found is not None and found.method == "seam"
    ((start, stop),) = found.cuts
    assert start == stop and 0 < found.confidence < 1


def test_a_narrow_part_is_cut_off_at_a_seam_only_if_it_is_known_to_be_there() -> None:
    grey = row(tissue(1, low=20, top=120, wide=60), tissue(2, low=100, wide=340))
    assert lines.find(grey, LEAST) is None
    eager = lines.find(grey, LEAST, eager=True)
    assert eager is not None and abs(eager.cuts[0][0] - 60) <= 1


def test_black_between_slices_alike_is_a_gutter_without_width() -> None:
    slice_ = phantom_ct(1, (200, 240))
    found = lines.find(row(slice_, slice_), LEAST)
    assert found is not None and found.method == "gutter" and found.confidence <= 0.5
    ((start, stop),) = found.cuts
    assert start == stop and abs(start - 240) <= 5


def test_black_within_one_picture_is_no_gutter() -> None:
    leg = np.zeros((400, 300), np.uint8)
    cv2.circle(leg, (150, 200), 120, 120, -1)
    cv2.circle(leg, (190, 150), 40, 240, -1)
    assert gutters.find(row(leg, leg[:, ::-1]), LEAST)
    assert lines.find(row(leg, leg[:, ::-1]), LEAST) is None


@pytest.mark.parametrize("seed", range(5))
def test_there_are_no_lines_in_one_picture(seed: int) -> None:
    assert lines.find(tissue(seed, 300, 400), LEAST) is None
    assert lines.find(tissue(seed, 300, 400), LEAST, eager=True) is None


def test_a_thick_line_among_the_thin_ones_of_squared_paper_is_no_seam() -> None:
    paper = np.random.default_rng(3).integers(205, 225, (330, 400)).astype(np.uint8)
    paper[:, ::7] = paper[::7] = 175
    for at in range(198, 210):  # before and behind it a thin line lies at different distances
        ruled = paper.copy()
        ruled[:, at] = 110
        assert not seams.find(ruled, 60)


# islands -----------------------------------------------------------------------------------------------


def sheet(high: int = 300, wide: int = 400, colour: tuple[int, int, int] = WHITE) -> Grey:
    picture = np.empty((high, wide, 3), np.uint8)
    picture[:] = colour
    return picture


def found(picture: Grey, *, scans: bool = True) -> tuple[list[Island], list[Island]]:
    return islands.large(ground.off_page(picture, WHITE), LEAST, scans=scans)


def test_measures_of_boxes() -> None:
    one, other = (0, 0, 10, 20), (6, 5, 12, 8)
    assert boxes.area(one) == 200
    assert boxes.overlap(one, other) == boxes.overlap(other, one) == 12
    assert boxes.overlap(one, (10, 0, 20, 20)) == 0
    assert boxes.union([one, other]) == (0, 0, 12, 20)
    assert boxes.gap([one, (14, 3, 20, 9)]) == 4
    assert boxes.gap([one]) > 1000


def test_the_page_has_the_colour_of_the_rim() -> None:
    assert ground.colours(sheet(colour=(200, 220, 240))) == [(200, 220, 240), WHITE, BLACK]
    assert ground.colours(sheet(colour=(254, 254, 254))) == [WHITE, BLACK]
    assert ground.colours(sheet(colour=(5, 5, 5))) == [(5, 5, 5), WHITE]
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    assert ground.colours(noise) == [WHITE, BLACK]
    assert ground.colours(sheet(1, 9)) == [WHITE]


def test_a_frame_on_the_rim_is_no_island() -> None:
    picture = sheet()
    cv2.rectangle(picture, (0, 0), (399, 299), BLACK, 1)
    picture[100:180, 100:220] = 0
    big, bits = found(picture)
    assert [island.box for island in big] == [(100, 100, 220, 180)] and not bits


def test_noise_of_the_page_is_page() -> None:
    for page in (WHITE, (120, 130, 140)):
        picture = sheet(colour=page)
        picture -= np.random.default_rng(0).integers(0, 5, picture.shape).astype(np.uint8)
        assert not ground.off_page(picture, page).any()


def test_panels_stand_apart_where_the_page_shows_through() -> None:
    mask = np.ones((200, 300), np.uint8)
    assert not ground.parted(mask, dark=False)
    mask[:, 140:150] = 0
    assert ground.parted(mask, dark=False) and ground.parted(mask, dark=True)
    assert ground.parted(np.ascontiguousarray(mask.T), dark=False)
    mask[:60, 140:150] = 1
    assert ground.parted(mask, dark=False) and not ground.parted(mask, dark=True)


def test_margins_are_trimmed_with_the_specks_in_them() -> None:
    picture = sheet()
    picture[60:200, 80:330] = 90
    picture[20, 30] = 0
    box = (1000, 2000, 1400, 2300)
    assert ground.trimmed(ground.off_page(picture, WHITE), box) == (1080, 2060, 1330, 2200)
    assert ground.trimmed(ground.off_page(sheet(), WHITE), box) == box


def test_what_touches_the_rim_begins_at_the_edge() -> None:
    picture = sheet()
    picture[60:, :330] = 90
    assert ground.trimmed(ground.off_page(picture, WHITE), (0, 0, 400, 300)) == (0, 60, 330, 300)


def test_an_image_at_the_rim_reaches_the_edge_unless_the_rim_is_margin() -> None:
    picture = sheet()
    picture[1:299, 1:150] = 90  # its outermost pixels are as light as the page
    picture[:, 200:] = 90
    assert [each.box for each in found(picture)[0]] == [(200, 0, 400, 300), (0, 0, 150, 300)]
    picture = sheet()
    picture[3:297, 3:397] = 90
    assert [each.box for each in found(picture)[0]] == [(3, 3, 397, 297)]


def test_large_islands_and_bits_are_told_apart() -> None:
    picture = sheet()
    picture[20:120, 20:180] = 90
    picture[150:170, 30:50] = 0
    big, bits = found(picture)
    assert [(each.box, each.ink) for each in big] == [((20, 20, 180, 120), 16000)]
    assert [each.box for each in bits] == [(30, 150, 50, 170)]


def test_an_image_has_straight_sides_and_is_full() -> None:
    picture = sheet()
    picture[20:140, 20:180] = 90
    cv2.circle(picture, (300, 100), 70, (90, 90, 90), -1)
    cv2.rectangle(picture, (40, 170), (160, 280), BLACK, 2)
    square, frame, disc = sorted(found(picture)[0], key=lambda each: (each.box[0] > 200, each.box[1]))
    assert square.image and square.straight == 4
    assert disc.dense and not disc.image
    assert not frame.dense and not frame.image


def test_a_frame_round_others_is_none_of_the_islands() -> None:
    picture = sheet()
    cv2.rectangle(picture, (20, 20), (380, 280), BLACK, 1)
    picture[40:260, 40:190] = 90
    picture[40:260, 210:360] = 90
    assert sorted(each.box for each in found(picture)[0]) == [(40, 40, 190, 260), (210, 40, 360, 260)]


def test_what_lies_within_an_island_is_part_of_it() -> None:
    picture = sheet()
    cv2.rectangle(picture, (20, 20), (380, 280), BLACK, 3)
    cv2.circle(picture, (200, 150), 40, (90, 90, 90), -1)
    assert len(found(picture)[0]) == 1


def test_two_round_halves_are_one_and_two_square_ones_are_two() -> None:
    lungs, squares = sheet(), sheet()
    for x0 in (40, 210):
        cv2.ellipse(lungs, (x0 + 75, 150), (75, 120), 0, 0, 360, (90, 90, 90), -1)
        squares[30:270, x0 : x0 + 151] = 90
    assert [each.box for each in found(lungs)[0]] == [(40, 30, 361, 271)]
    assert len(found(squares)[0]) == 2
    assert len(found(lungs, scans=False)[0]) == 2


def test_peers_stand_in_rows_or_columns_of_their_like() -> None:
    def plots(*boxes: PixelBox) -> list[Island]:
        return [Island(box, 100) for box in boxes]

    assert rows.peers(plots((0, 0, 100, 100), (120, 0, 220, 100)), 220)
    assert rows.peers(plots((0, 0, 100, 100), (0, 120, 100, 220)), 220)
    assert not rows.peers(plots((0, 0, 100, 100), (120, 50, 220, 150)), 220)
    assert not rows.peers(plots((0, 0, 100, 100), (120, 0, 220, 40)), 220)
    assert not rows.peers(plots((0, 0, 100, 100)), 220)


def test_graphics_take_their_letters_and_images_do_not() -> None:
    plot, image = Island((50, 0, 150, 100), 900), Island((300, 0, 400, 100), 9900)
    axis, letter, far = (
        Island(box, 30) for box in ((36, 40, 44, 60), (300, 106, 310, 116), (200, 380, 210, 390))
    )
    assert [each.box for each in rows.attach([plot, image], [axis, letter, far], 400)] == [
        (36, 0, 150, 100),
        image.box,
    ]
    assert rows.attach([plot, image], [], 400) == [plot, image]
    assert rows.attach([], [axis], 400) == []


# reading order -----------------------------------------------------------------------------------------

A, B, C, D = (0, 0, 100, 100), (110, 0, 210, 100), (0, 110, 100, 210), (110, 110, 210, 210)


def test_rows_are_read_before_columns() -> None:
    assert in_order([D, B, A, C]) == [2, 1, 3, 0]
    assert in_order([A]) == [0]
    assert in_order([]) == []


def test_a_tall_panel_is_read_before_those_at_its_right_and_after_those_at_its_left() -> None:
    tall, left, right = (0, 0, 100, 210), (-120, 0, -10, 100), (-120, 110, -10, 210)
    assert in_order([B, D, tall]) == [2, 0, 1]
    assert in_order([tall, right, left]) == [2, 1, 0]


def test_panels_of_a_row_need_not_be_level() -> None:
    lower = (110, 12, 210, 118)
    assert in_order([D, C, lower, A]) == [3, 2, 1, 0]
    assert in_order([(0, 0, 100, 104), (0, 98, 100, 200)]) == [0, 1]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(*[st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40)])))
def test_an_order_names_each_panel_once(places: list[tuple[int, int, int, int]]) -> None:
    boxes = [(x, y, x + w, y + h) for x, y, w, h in places]
    assert sorted(in_order(boxes)) == list(range(len(boxes)))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 5), st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_order_of_a_grid_does_not_depend_on_the_order_given(
    columns: int, rows: int, random: object
) -> None:
    cells = [(110 * c, 110 * r, 110 * c + 100, 110 * r + 100) for r in range(rows) for c in range(columns)]
    mixed = list(cells)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert [mixed[index] for index in in_order(mixed)] == cells


# edges and grids ---------------------------------------------------------------------------------------


def test_a_seam_takes_the_line_beside_it_away() -> None:
    grey = row(tissue(1, low=205, top=235), band(0, 4), tissue(1, low=205, top=235))
    line = lines.find(grey, LEAST)
    assert line is not None
    assert line.cuts == ((150, 154),)


@pytest.mark.parametrize(("rim", "cuts"), [(3, ((153, 157),)), (9, None)])
def test_black_lines_part_pictures_with_narrow_white_rims(rim: int, cuts: object) -> None:
    one, other = tissue(1), tissue(2)
    found = lines.ruled(row(one, band(255, rim), band(0, 4), band(255, rim), other), LEAST)
    assert (found.cuts if found else None) == cuts


def test_only_black_across_the_whole_picture_is_such_a_line() -> None:
    grey = row(tissue(1), band(255, 3), band(0, 4), band(255, 3), tissue(2))
    grey[:20, 150:160] = 255
    assert lines.ruled(grey, LEAST) is None


def test_noise_beside_an_image_is_not_the_image() -> None:
    picture = sheet()
    picture[50:250, 60:200] = 90
    noisy = np.random.default_rng(0).random((200, 6)) < 0.15
    picture[50:250, 200:206][noisy] = 240
    picture[120:123, 200:206] = 90  # an arrow's tip
    assert [each.box for each in found(picture)[0]] == [(60, 50, 200, 250)]


def test_images_do_not_overlap() -> None:
    picture = sheet()
    picture[50:250, 60:150] = 90
    picture[50:250, 160:250] = 90
    picture[195:235, 120:150] = 255  # white in one of them, where the other seems to reach in
    picture[200:230, 138:160] = 90
    assert [each.box for each in found(picture, scans=False)[0]] == [(60, 50, 250, 250)]


def cells(columns: int = 4, rows_: int = 2) -> list[PixelBox]:
    return [(110 * x, 90 * y, 110 * x + 100, 90 * y + 80) for y in range(rows_) for x in range(columns)]


def test_many_images_of_one_size_end_on_the_lines_of_their_grid() -> None:
    seen = cells()
    seen[1] = (112, 0, 209, 80)
    seen[6] = (221, 92, 320, 169)
    assert alignment.aligned(seen, (430, 170)) == cells()


def test_no_grid_is_seen_in_few_images_or_in_images_of_many_sizes() -> None:
    few = [(0, 0, 100, 80), (112, 0, 209, 80), (0, 90, 100, 170), (110, 90, 210, 170)]
    assert alignment.aligned(few, (210, 170)) == few
    sizes = cells()
    sizes[3] = (330, 0, 400, 80)
    assert alignment.aligned(sizes, (430, 170)) == sizes


def test_images_end_where_page_turns_into_picture() -> None:
    page = np.full((240, 400), 255, np.uint8)
    true = [(20, 20, 170, 220), (180, 20, 330, 220)]
    for seed, (x0, y0, x1, y1) in enumerate(true):
        page[y0:y1, x0:x1] = tissue(seed, top=180)
    page[:, 170:180][np.random.default_rng(0).random((240, 10)) < 0.15] = 240
    off = [(17, 22, 176, 221), (174, 20, 334, 216)]
    assert alignment.settled(page, off, [True, True]) == true
    assert alignment.settled(page, off, [False, True]) == [off[0], (180, 20, 330, 220)]
    far = [(20, 20, 150, 220), (180, 20, 330, 220)]
    assert alignment.settled(page, far, [True, True]) == far


def test_an_image_that_seems_to_reach_into_another_ends_beside_it() -> None:
    page = np.full((200, 360), 255, np.uint8)
    page[:, :170], page[:, 176:326] = tissue(1, wide=170, top=180), tissue(2, top=180)
    assert alignment.settled(page, [(0, 0, 170, 200), (162, 0, 326, 200)], [True, True]) == [
        (0, 0, 170, 200),
        (176, 0, 326, 200),
    ]


def test_white_in_an_image_on_black_is_its_own() -> None:
    dark = np.zeros((240, 400), np.uint8)
    framed = [(20, 20, 170, 220), (200, 20, 350, 220)]
    for seed, (x0, y0, x1, y1) in enumerate(framed):
        dark[y0:y1, x0:x1] = 255
        dark[y0 + 4 : y1 - 4, x0 + 4 : x1 - 4] = tissue(seed, top=180)[4:-4, 4:-4]
    assert alignment.settled(dark, framed, [True, True]) == framed


def test_few_images_make_a_grid_where_the_caption_speaks_of_as_many() -> None:
    seen = [(3, 0, 100, 80), (110, 0, 210, 80), (220, 0, 320, 80), (330, 0, 428, 80)]
    assert alignment.aligned(seen, (430, 80)) == seen
    assert alignment.aligned(seen, (430, 80), told=True) == cells(4, 1)


def test_a_corner_of_a_scan_may_be_longer_than_what_else_is_seen_of_it() -> None:
    body, corner, rule = (
        Island((60, 60, 260, 200), 12_000),
        Island((50, 30, 290, 70), 3_000),
        Island((40, 206, 300, 210), 1_000),
    )
    assert [each.box for each in rows.attach([body], [corner, rule], 400)] == [(50, 30, 290, 200)]


def test_a_line_divides_what_is_too_wide_for_one_image() -> None:
    half = tissue(1, wide=260)
    wide = row(half, band(0, 2), np.ascontiguousarray(half[:, ::-1]))  # as if one picture went on behind it
    line = lines.find(wide, LEAST)
    assert line is not None
    assert line.cuts == ((260, 262),)
    aside = wide.copy()
    aside[:, 260:262], aside[:, 200:202] = aside[:, 258:260], 0
    assert lines.find(aside, LEAST) is None
    assert lines.find(np.vstack((wide, wide[::-1])), LEAST) is None


def test_beside_an_image_a_trace_of_its_neighbour_is_margin() -> None:
    picture = sheet()
    picture[:, :330] = 90
    picture[:2, 330:] = 200
    box = (0, 0, 400, 300)
    assert ground.trimmed(ground.off_page(picture, WHITE), box, image=True) == (0, 0, 330, 300)
    assert ground.trimmed(ground.off_page(picture, WHITE), box) == box


def test_an_image_within_another_does_not_shrink_to_nothing() -> None:
    page = np.full((300, 300), 255, np.uint8)
    page[:, :20], page[:, 280:], page[:20], page[280:] = 90, 90, 90, 90
    boxes_ = [(5, 5, 295, 295), (10, 10, 290, 290)]
    for x0, y0, x1, y1 in alignment.settled(page, boxes_, [True, True]):
        assert x1 - x0 > 200 and y1 - y0 > 200
