"""Hounsfield units as pictures of 8 and of 16 bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from covidct_curate.errors import CurateError
from covidct_curate.originals.volume import Volume
from covidct_curate.originals.windows import LUNG, Window, from_hu16, hu16, parse_window, pictures, windowed

EVERY = np.arange(-32768, 32768).astype(np.int16)
windows = st.builds(Window, st.integers(-1500, 1500), st.integers(1, 4000))


@given(windows)
def test_windows_rise_and_are_exact_at_their_ends(window: Window) -> None:
    grey = windowed(EVERY, window).astype(int)
    assert (np.diff(grey) >= 0).all()
    low, high = window.level - window.width / 2, window.level + window.width / 2
    assert (grey[low >= EVERY] == 0).all() and (grey[high <= EVERY] == 255).all()
    inside = (low < EVERY) & (high > EVERY)
    exact = (EVERY[inside] - low) * 255 / window.width
    assert (np.abs(grey[inside] - exact) <= 0.5 + 1e-9).all()


@given(windows, arrays(np.int16, array_shapes(min_dims=1, max_dims=3)))
def test_floats_and_whole_numbers_give_the_same_grey(window: Window, values: np.ndarray) -> None:
    np.testing.assert_array_equal(windowed(values, window), windowed(values.astype(np.float32), window))


def test_the_lung_window() -> None:
    values = np.array([-3024, -1350, -1347, -600, 150, 3000, -1344], np.int16)
    assert windowed(values).tolist() == [0, 0, 1, 128, 255, 255, 1]
    assert windowed(np.array([np.nan], np.float32)).tolist() == [0]


@given(arrays(np.int16, array_shapes(min_dims=1, max_dims=3)))
def test_sixteen_bits_give_every_unit_back(values: np.ndarray) -> None:
    pixels = hu16(values)
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(from_hu16(pixels), values)
    np.testing.assert_array_equal(hu16(values.astype(np.float32)), pixels)


def test_sixteen_bits_of_other_numbers() -> None:
    values = np.array([0.4, 0.5, -0.5, 1e9, -1e9, np.nan, np.inf, -np.inf], np.float32)
    assert from_hu16(hu16(values)).tolist() == [0, 1, 0, 32767, -32768, -32768, 32767, -32768]


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("-600,1500", LUNG),
        (" 40 , 400 ", Window(40, 400)),
        ("-0.5,1.5", Window(-0.5, 1.5)),
        ("+50,1", Window(50, 1)),
    ],
)
def test_windows_are_read(text: str, window: Window) -> None:
    assert parse_window(text) == window


@pytest.mark.parametrize(
    "text", ["", "lung", "40", "40,0", "40,-400", "1,2,3", "nan,5", "1e3,5", "999999,5", "40;400"]
)
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(CurateError, match="is no window: give level and width"):
        parse_window(text)


def volume(values: list[float], kind: type, is_hu: bool) -> Volume:
    return Volume(np.array(values, kind).reshape(-1, 1, 1), None, is_hu)


def test_pictures_of_slices() -> None:
    scan = volume([-1350, -600, 150], np.int16, True)
    assert [each.tolist() for each in pictures(scan, [2, 0])] == [[[255]], [[0]]]
    assert next(pictures(scan, [1], Window(-600, 100))).tolist() == [[128]]
    assert [int(each[0, 0]) for each in pictures(volume([0, 7, 255], np.int16, False), range(3))] == [
        0,
        7,
        255,
    ]
    assert [int(each[0, 0]) for each in pictures(volume([1000, 2000, 3000], np.int16, False), range(3))] == [
        0,
        128,
        255,
    ]
    assert [int(each[0, 0]) for each in pictures(volume([-5, -5], np.float32, False), range(2))] == [0, 0]
