"""The body and lung crops: drawn slices whose chest lies in a known box, and anything else as input."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from covidct_curate.originals.body import body_box, body_box_hu, body_hull
from covidct_curate.originals.lungs import lung_box, lung_box_hu
from covidct_curate.records import PixelBox

from .manuscripts.phantom import lettered, phantom_ct

Pixels = NDArray[np.uint8]
SIDE = 320
BODY = 11, 45, 309, 275
"""The boxes of the drawn body, whatever the seed, in a slice of SIDE x SIDE; the table lies below it."""
LUNGS = 48, 82, 268, 231
DATA = os.environ.get("COVIDCT_DATA")
few = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def slice_on(ground: int, room: tuple[int, int, int, int], seed: int = 0, glass: int = 3) -> Pixels:
    """The drawn slice with so much of one grey at its left, top, right and bottom."""
    left, top, right, bottom = room
    out = np.full((SIDE + top + bottom, SIDE + left + right), ground, np.uint8)
    out[top : top + SIDE, left : left + SIDE] = phantom_ct(seed, SIDE, glass)
    return out


def moved(box: PixelBox, across: int, down: int) -> PixelBox:
    return box[0] + across, box[1] + down, box[2] + across, box[3] + down


def crop(picture: Pixels, box: PixelBox) -> Pixels:
    return np.ascontiguousarray(picture[box[1] : box[3], box[0] : box[2]])


def whole(picture: Pixels) -> PixelBox:
    return 0, 0, picture.shape[1], picture.shape[0]


def assert_holds(box: PixelBox | None, body: PixelBox, slack: int = 9) -> None:
    """The box holds the body, and no more than `slack` pixels beside it."""
    assert box is not None
    loose = body[0] - box[0], body[1] - box[1], box[2] - body[2], box[3] - body[3]
    assert min(loose) >= 0 and max(loose) <= slack, (box, body)


# slices with something to take away --------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ground", [0, 6, 12])
def test_space_and_table_go(seed: int, ground: int) -> None:
    picture = slice_on(ground, (90, 70, 40, 60), seed)
    assert_holds(body_box(picture), moved(BODY, 90, 70))


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_slice_is_cropped_alike(turns: int) -> None:
    picture = slice_on(6, (60, 60, 60, 60))
    x0, y0, x1, y1 = moved(BODY, 60, 60)
    side = picture.shape[0]
    turned = {1: (y0, side - x1, y1, side - x0), 2: (side - x1, side - y1, side - x0, side - y0)}
    turned[3] = (side - y1, x0, side - y0, x1)
    assert_holds(body_box(np.ascontiguousarray(np.rot90(picture, turns))), turned[turns])


def test_a_bright_table_that_touches_the_back_goes() -> None:
    picture = slice_on(6, (60, 60, 60, 60))
    centre, radii = (220, 60 + BODY[3] - 117), (210, 120)
    cv2.ellipse(picture, centre, radii, 0, 20, 160, 240, 5)
    assert_holds(body_box(picture), moved(BODY, 60, 60), 15)  # where it touches, the table top itself stays


def test_the_white_margin_of_a_paper_goes_with_what_is_printed_in_it() -> None:
    picture = slice_on(255, (50, 40, 30, 60))
    cv2.putText(picture, "B", (8, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3)
    cv2.putText(picture, "day 12", (90, 408), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 0, 2)
    cv2.rectangle(picture, (2, 2), (397, 417), 120, 2)
    assert_holds(body_box(picture), moved(BODY, 50, 40))


def test_a_body_cut_out_on_white() -> None:
    inside = body_hull(phantom_ct(1, SIDE))
    picture = np.asarray(np.where(inside, phantom_ct(1, SIDE), 255), np.uint8)
    assert_holds(body_box(np.pad(picture, 30, constant_values=255)), moved(BODY, 30, 30))


def test_letters_arrows_and_scales_beside_the_body_go() -> None:
    picture = lettered(slice_on(6, (80, 60, 80, 60)), "C", 34).copy()
    cv2.arrowedLine(picture, (60, 330), (120, 300), 255, 3)
    cv2.line(picture, (460, 100), (460, 340), 255, 2)
    for y in range(100, 341, 24):
        cv2.line(picture, (450, y), (460, y), 255, 2)
    cv2.putText(picture, "W 1500 L -600", (10, 430), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    assert_holds(body_box(picture), moved(BODY, 80, 60))


def test_a_full_frame_has_black_corners_outside_a_grey_field_of_view() -> None:
    picture = slice_on(6, (70, 70, 70, 70))
    picture = np.clip(picture.astype(int) + 50, 0, 255).astype(np.uint8)
    field = np.zeros_like(picture)
    cv2.circle(field, (230, 230), 229, 1, -1)
    assert_holds(body_box(picture * field), moved(BODY, 70, 70))


def test_a_window_for_soft_tissue_has_black_lungs_and_dark_fat() -> None:
    picture = slice_on(0, (60, 60, 60, 60), glass=0).astype(int)
    fat = (picture > 60) & (picture < 145)
    soft = np.where(fat, 38, np.where(picture >= 145, picture - 30, 0)).astype(np.uint8)
    assert_holds(body_box(soft), moved(BODY, 60, 60))


def test_a_wall_brighter_than_the_window_is_kept() -> None:
    picture = slice_on(6, (60, 60, 60, 60))
    assert_holds(body_box(np.where(picture > 60, 255, picture).astype(np.uint8)), moved(BODY, 60, 60))


def test_the_chest_is_kept_with_arms_beside_it() -> None:
    picture = slice_on(6, (90, 60, 90, 60))
    for x in (35, 465):
        cv2.ellipse(picture, (x, 240), (28, 44), 0, 0, 360, 160, -1)
    box = body_box(picture)
    assert box is not None
    body = moved(BODY, 90, 60)
    assert box[0] <= body[0] and box[2] >= body[2]
    assert 0 <= body[1] - box[1] <= 9 and 0 <= box[3] - body[3] <= 9


# slices with nothing to take away ----------------------------------------------------------------------


def test_a_cropped_slice_stays_as_it_is() -> None:
    picture = crop(phantom_ct(2, SIDE), BODY)
    assert body_box(picture) == whole(picture)


@pytest.mark.parametrize("inset", [(40, 0, 40, 0), (0, 40, 0, 0), (20, 20, 20, 20), (30, 0, 0, 30)])
def test_a_body_cut_by_the_frame_is_not_cut_further(inset: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = BODY
    picture = crop(phantom_ct(0, SIDE), (x0 + inset[0], y0 + inset[1], x1 - inset[2], y1 - inset[3]))
    assert body_box(picture) == whole(picture)


def test_two_black_lungs_that_touch_the_frame_stay() -> None:
    picture = crop(phantom_ct(0, SIDE), (60, 95, 258, 215))
    assert body_box(np.where(picture < 75, 0, picture).astype(np.uint8)) == whole(picture)


def test_lungs_on_a_white_that_is_the_wall_stay() -> None:
    picture = crop(phantom_ct(0, SIDE), (30, 55, 290, 265))
    saturated = np.where(picture > 100, 255, picture).astype(np.uint8)
    assert body_box(saturated) == whole(saturated)


# hull, Hounsfield units, lungs -------------------------------------------------------------------------


def test_the_hull_holds_the_body_and_not_the_corners() -> None:
    picture = slice_on(6, (60, 60, 60, 60))
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    body = ((x - 219.5) / 148.8) ** 2 + ((y - 219.5) / 115.2) ** 2 <= 1
    hull = body_hull(picture)
    assert hull.dtype == np.bool_ and hull.shape == picture.shape
    assert (hull & body).sum() >= 0.985 * body.sum() and (hull & ~body).sum() <= 0.03 * body.sum()


def hounsfield(picture: Pixels) -> NDArray[np.int16]:
    return np.asarray(
        np.interp(picture, [0, 6, 34, 120, 168, 255], [-1024, -1000, -850, -90, 40, 900]), np.int16
    )


def test_hounsfield_units_give_the_same_box() -> None:
    voxels = hounsfield(slice_on(6, (60, 60, 60, 60)))
    y, x = np.mgrid[: voxels.shape[0], : voxels.shape[1]]
    voxels[np.hypot(x - 220, y - 220) > 219] = -3024
    assert_holds(body_box_hu(voxels), moved(BODY, 60, 60))
    assert_holds(lung_box_hu(voxels), moved(LUNGS, 60, 60), 12)
    cut = hounsfield(crop(phantom_ct(0, SIDE), (45, 60, 275, 260)))
    assert body_box_hu(cut) == (0, 0, 230, 200)
    for stored in (voxels, cut):
        assert body_box_hu(stored.astype(np.float32)) == body_box_hu(stored)


def test_voxels_that_are_no_number_are_air() -> None:
    voxels = hounsfield(slice_on(6, (60, 60, 60, 60))).astype(np.float32)
    voxels[:40], voxels[-40:] = np.nan, -np.inf
    assert_holds(body_box_hu(voxels), moved(BODY, 60, 60))


@pytest.mark.parametrize("seed", range(4))
def test_the_lungs_are_boxed(seed: int) -> None:
    assert_holds(lung_box(slice_on(6, (60, 60, 60, 60), seed, 0)), moved(LUNGS, 60, 60), 12)


def test_no_lungs_no_box() -> None:
    picture = slice_on(6, (60, 60, 60, 60))
    hull = body_hull(picture)
    assert lung_box(np.where(hull, 160, picture).astype(np.uint8)) is None


# any picture -------------------------------------------------------------------------------------------


@few
@given(
    seed=st.integers(0, 5),
    ground=st.sampled_from([0, 6, 255]),
    room=st.tuples(*[st.integers(0, 120)] * 4),
    scale=st.floats(0.4, 2.5),
)
def test_a_crop_cropped_again_stays(
    seed: int, ground: int, room: tuple[int, int, int, int], scale: float
) -> None:
    picture = np.asarray(cv2.resize(slice_on(ground, room, seed), None, fx=scale, fy=scale), np.uint8)
    box = body_box(picture)
    assert box is not None
    once = crop(picture, box)
    again = body_box(once)
    assert again is not None
    shift = again[0], again[1], once.shape[1] - again[2], once.shape[0] - again[3]
    assert max(shift) <= 0.01 * max(once.shape)


@few
@given(
    arrays.arrays(
        np.uint8,
        st.one_of(
            st.tuples(st.integers(1, 90), st.integers(1, 90)),
            st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)),
        ),
        elements=st.one_of(st.sampled_from([0, 255]), st.integers(0, 255)),
    )
)
def test_no_picture_raises(picture: Pixels) -> None:
    height, width = picture.shape[:2]
    for box in (body_box(picture), lung_box(picture)):
        if box is not None:
            assert 0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height
    assert body_hull(picture).shape == (height, width)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (24, 24), (23, 400), (3000, 30), (200, 200)])
@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_one_colour_has_no_body(shape: tuple[int, int], level: int) -> None:
    picture = np.full(shape, level, np.uint8)
    assert body_box(picture) is None and lung_box(picture) is None
    assert not body_hull(picture).any()


@pytest.mark.parametrize("level", [-3024, -1000])
def test_air_has_no_body(level: int) -> None:
    assert body_box_hu(np.full((64, 64), level, np.int16)) is None


@pytest.mark.parametrize("seed", range(3))
def test_noise_gives_a_box_inside_or_none(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (300, 400), dtype=np.uint8)
    for box in (body_box(noise), lung_box(noise), body_box(noise[:, :30]), body_box(noise[:25])):
        assert box is None or (box[0] < box[2] and box[1] < box[3])


def test_colour_is_judged_by_its_grey_and_no_input_is_changed() -> None:
    picture = slice_on(6, (60, 60, 60, 60))
    before = picture.copy()
    assert body_box(np.dstack([picture] * 3)) == body_box(picture) == body_box(np.asfortranarray(picture))
    assert (picture == before).all()


def test_larger_pictures_give_the_same_box_larger() -> None:
    boxes = []
    for scale in (1, 2, 4):
        picture = np.asarray(cv2.resize(slice_on(6, (60, 60, 60, 60)), None, fx=scale, fy=scale), np.uint8)
        box = body_box(picture)
        assert box is not None
        boxes.append(np.array(box) / scale)
    for smaller, larger in pairwise(boxes):
        assert np.abs(smaller - larger).max() <= 4


@pytest.mark.skipif(not DATA, reason="needs COVIDCT_DATA")
def test_full_frames_are_cropped_and_crops_stay() -> None:
    files = sorted((Path(str(DATA)) / "luna-slices").glob("*.png"))[:12]
    assert files
    for file in files:
        picture = np.asarray(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE), np.uint8)
        box = body_box(picture)
        assert box is not None and (box[2] - box[0]) * (box[3] - box[1]) > 0.2 * picture.size
        lungs = lung_box(picture)
        assert lungs is None or (lungs[0] >= box[0] and lungs[3] <= box[3])
        once = crop(picture, box)
        assert body_box(once) == whole(once)
