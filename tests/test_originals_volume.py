"""Scans turned upright, and their values kept exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from covidct_curate.errors import VolumeError
from covidct_curate.originals.volume import AIR, MOST_VOXELS, check_size, floored, looks_hu, narrow, upright
from tests.volumes import ORIGIN, SPACING, laid, orientations, voxels


def test_every_orientation_is_turned_to_the_same_scan() -> None:
    scan = voxels()
    seen = set()
    for axes in orientations():
        array, spacing, origin = laid(scan, axes)
        turned, steps, place, notes = upright(array, axes, spacing, origin)
        np.testing.assert_array_equal(turned, scan)
        assert (steps, place, notes) == (SPACING, ORIGIN, ())
        seen.add(array.tobytes())
    assert len(seen) == 48


def test_a_scan_askew_is_left_so_and_noted() -> None:
    angle = np.radians(15)
    axes = np.array([[0, 0, 1], [-np.sin(angle), np.cos(angle), 0], [np.cos(angle), np.sin(angle), 0]])
    scan = voxels()
    turned, _, _, notes = upright(scan, axes, SPACING, ORIGIN)
    np.testing.assert_array_equal(turned, scan)
    assert notes == ("the scan lies 15° askew of the body's axes; left so",)


@pytest.mark.parametrize(
    "axes", [np.zeros((3, 3)), np.full((3, 3), np.nan), np.array([[0, 0, 1.0], [0, 1, 0], [0, 1, 0]])]
)
def test_directions_that_make_no_space_are_refused(axes: np.ndarray) -> None:
    with pytest.raises(VolumeError, match="directions"):
        upright(voxels(), axes, SPACING, ORIGIN)


@pytest.mark.parametrize("shape", [(0, 5, 5), (65535, 65535, 65535), (1, 1, MOST_VOXELS + 1)])
def test_absurd_sizes_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(VolumeError, match=r"scan\.mhd: its header says .* voxels, which no scan has"):
        check_size(shape, "scan.mhd")


@given(
    arrays(np.int16, array_shapes(min_dims=3, max_dims=3)), st.sampled_from(["i2", "i4", "i8", "f4", "f8"])
)
def test_whole_numbers_stay_whole(values: np.ndarray, kind: str) -> None:
    kept, notes = narrow(values.astype(kind))
    assert kept.dtype == np.int16 and notes == ()
    np.testing.assert_array_equal(kept, values)


@given(arrays(np.uint16, array_shapes(min_dims=3, max_dims=3), elements=st.integers(0, 4095)))
def test_scales_are_applied(values: np.ndarray) -> None:
    whole, _ = narrow(values, 2, -1024)
    np.testing.assert_array_equal(whole, values.astype(int) * 2 - 1024)
    assert whole.dtype == np.int16
    half, _ = narrow(values, 0.5, -1024)
    np.testing.assert_array_equal(half, values / 2 - 1024)


def test_values_beyond_sixteen_bits_are_floats() -> None:
    kept, _ = narrow(np.array([[[0, 65535]]], np.uint16))
    assert kept.dtype == np.float32 and kept.tolist() == [[[0, 65535]]]


def test_what_is_no_number_becomes_the_lowest() -> None:
    kept, notes = narrow(np.array([[[np.nan, -7.5, np.inf, 3]]], np.float64))
    assert kept.tolist() == [[[-7.5, -7.5, -7.5, 3]]]
    assert notes == ("2 voxels are no numbers; taken as the lowest value",)


@pytest.mark.parametrize(
    ("stored", "slope", "says"),
    [
        (np.full((1, 1, 2), np.nan), 1, "none of its voxels is a number"),
        (np.zeros((1, 1, 2), np.complex64), 1, "no plain numbers"),
        (np.zeros((1, 1, 2), np.int32), 0, "scale"),
        (np.zeros((1, 1, 2), np.int32), np.nan, "scale"),
    ],
)
def test_arrays_that_are_no_scan_are_refused(stored: np.ndarray, slope: float, says: str) -> None:
    with pytest.raises(VolumeError, match=says):
        narrow(stored, slope)


def test_what_the_scanner_did_not_see_is_air() -> None:
    scan = np.array([[[-3024, -1024, -1000, 40]]], np.int16)
    assert floored(scan).tolist() == [[[AIR, AIR, -1000, 40]]]
    assert looks_hu(scan) and not looks_hu(np.array([[[0, 255]]], np.int16))
