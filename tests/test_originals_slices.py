"""Which slices of a scan are chosen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from covidct_curate.errors import CurateError, VolumeError
from covidct_curate.originals.slices import choose, fit, lesion, lung_areas
from covidct_curate.originals.volume import Volume


def scan(slices: int = 40, size: int = 128) -> Volume:
    """A body in air: lungs from slice 10 to 29, largest at 20, bowel gas below, a windpipe above, a table."""
    voxels = np.full((slices, size, size), -1000, np.int16)
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    body = (x / 0.45) ** 2 + (y / 0.35) ** 2 < 1
    voxels[:, body] = 40
    voxels[:, int(0.93 * size) : int(0.95 * size)] = 200
    for index in range(10, 30):
        reach = 1 - ((index - 20) / 11) ** 2
        for side in (-0.2, 0.2):
            voxels[index, ((x - side) / 0.15) ** 2 + (y / 0.25) ** 2 < reach] = -850
    voxels[2:6, (x / 0.1) ** 2 + (y / 0.1) ** 2 < 1] = -900
    voxels[30:, (x / 0.03) ** 2 + (y / 0.03) ** 2 < 1] = -1000
    return Volume(voxels, (5.0, 1.0, 1.0), True, (0.0, 0.0, 0.0))


def masked(values: dict[int, int], kind: type = np.int16) -> Volume:
    """A mask of `scan`: slice → pixels of value 3, and 5 pixels of value 1 in each slice."""
    voxels = np.zeros((40, 128, 128), kind)
    voxels[:, 0, :5] = 1
    for index, count in values.items():
        voxels[index].flat[200 : 200 + count] = 3
    return Volume(voxels, (5.0, 1.0, 1.0), False, (0.0, 0.0, 0.0))


def test_all_and_every_nth() -> None:
    volume = scan()
    assert choose(volume) == list(range(40))
    assert choose(volume, every=1) == list(range(40))
    assert choose(volume, every=10) == [4, 14, 24, 34]
    assert choose(volume, every=100) == [19]


def test_slices_with_a_lesion() -> None:
    mask = masked({7: 3, 8: 30, 12: 31})
    labels = frozenset({3})
    assert choose(scan(), mask=mask, labels=labels) == [7, 8, 12]
    assert choose(scan(), mask=mask, labels=labels, least=30) == [8, 12]
    assert choose(scan(), mask=mask, labels=labels, least=31, every=1) == [12]
    assert choose(scan(), mask=mask, labels=frozenset({9})) == []
    assert choose(scan(), mask=mask) == list(range(40))


@pytest.mark.parametrize("high", [1, 255, 60000])
def test_masks_of_one_eight_and_sixteen_bits(high: int) -> None:
    marked = np.zeros((2, 4, 4), np.int16 if high < 32768 else np.float32)
    marked[1, 2, 3] = high
    mask = Volume(marked, None, False)
    found = lesion(mask, Volume(np.zeros((2, 4, 4), np.int16), None, True))
    assert found.sum() == 1 and found[1, 2, 3]


def test_a_mask_smeared_by_compression() -> None:
    values = np.array([0, 1, 2, 3, 4, 5, 120, 128, 250, 255], np.int16).reshape(1, 2, 5)
    found = lesion(Volume(values, None, False), Volume(np.zeros((1, 2, 5), np.int16), None, True))
    assert found.ravel().tolist() == [False] * 7 + [True] * 3


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(VolumeError, match="its mask has 40 by 128 by 128 voxels, the scan 40 by 64 by 64"):
        choose(scan(size=64), mask=masked({}))


def test_a_mask_that_lies_elsewhere_is_told() -> None:
    volume, mask = scan(), masked({})
    assert fit(mask, volume) == ()
    moved = Volume(mask.voxels, (5.0, 1.0, 2.0), False, (0.0, 30.0, 0.0))
    assert fit(moved, volume) == (
        "mask and scan state different distances between voxels",
        "mask and scan state places 30 mm apart; look at them together",
    )
    assert fit(Volume(mask.voxels, None, False), volume) == ()


def test_slices_with_much_lung() -> None:
    volume = scan()
    areas = lung_areas(volume)
    assert np.flatnonzero(areas).tolist() == list(range(10, 30)) and areas.argmax() == 20
    chosen = choose(volume, lungs=0.5)
    assert chosen == [index for index in range(40) if areas[index] >= areas[20] / 2]
    assert 10 < len(chosen) < 20
    assert choose(volume, lungs=1) == [20]
    assert choose(volume, lungs=0.5, every=5)[0] > chosen[0]


def test_noise_and_a_thin_chest_wall_keep_the_lungs_in() -> None:
    volume = scan(size=512)
    clean = lung_areas(volume)
    noise = np.random.default_rng(0).normal(0, 400, (512, 512)).astype(np.int16)
    for plane in volume.voxels[10:30]:
        lungs = (plane == -850).astype(np.uint8)
        plane[cv2.dilate(lungs, np.ones((11, 11), np.uint8)) == 0] = -1000  # a wall of five pixels is left
        plane += noise
    areas = lung_areas(volume)
    assert np.flatnonzero(areas).tolist() == list(range(10, 30)) and areas[20] > 0.9 * clean[20]


def test_large_scans_are_looked_at_coarsely() -> None:
    assert np.flatnonzero(lung_areas(scan(size=512))).tolist() == list(range(10, 30))


def test_a_scan_without_lungs_has_no_such_slices() -> None:
    assert choose(Volume(np.full((3, 40, 40), 40, np.int16), None, True), lungs=0.5) == []


def test_lungs_need_hounsfield_units() -> None:
    with pytest.raises(VolumeError, match="Hounsfield units only"):
        choose(masked({}), lungs=0.5)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"least": 0}, {"lungs": 0.0}, {"lungs": 1.5}])
def test_numbers_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(CurateError, match="1 or more"):
        choose(scan(), **wrong)  # type: ignore[arg-type]
