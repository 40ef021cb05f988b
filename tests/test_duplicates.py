"""Near-duplicates: one slice whatever was done to its file, and not its neighbour."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from covidct_curate.audit import candidates
from covidct_curate.audit.duplicates import FLIPS, SAME, clusters, looks, matches, near_duplicates
from covidct_curate.audit.likeness import Pixels
from covidct_curate.errors import PictureError
from covidct_curate.release.official import official
from tests.manuscripts.phantom import phantom_ct

COUNT = 12


def _changed(grey: Pixels) -> dict[str, Pixels]:
    """One picture as others may have it."""
    height, width = grey.shape
    lettered = grey.copy()
    cv2.putText(lettered, "A", (8, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 255, 3)
    cv2.arrowedLine(lettered, (width // 3, height // 3), (width // 2, height // 2), 255, 3)
    packed = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    smaller = cv2.resize(grey, (int(0.55 * width), int(0.5 * height)), interpolation=cv2.INTER_AREA)
    return {
        "smaller": np.asarray(smaller, np.uint8),
        "packed": np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8),
        "cropped": grey[height // 33 :, : width - width // 33],
        "brighter": np.asarray(255 * (grey / 255) ** 0.6, np.uint8),
        "window": np.asarray(np.clip((grey.astype(np.float64) - 20) * 255 / 190, 0, 255), np.uint8),
        "lettered": lettered,
        "framed": np.asarray(
            cv2.copyMakeBorder(grey, 9, 30, 40, 5, cv2.BORDER_CONSTANT, value=255), np.uint8
        ),
        "coloured": np.dstack([grey, grey, grey]),
    }


def patient(seed: int) -> Pixels:
    """A phantom bent into another body."""
    grey = phantom_ct(seed, (320, 380))
    y, x = np.mgrid[:320, :380].astype(np.float32)
    coarse = np.random.default_rng(seed).normal(0, 14, (2, 5, 6)).astype(np.float32)
    bent = [cv2.resize(each, (380, 320), interpolation=cv2.INTER_CUBIC) for each in coarse]
    moved = cv2.remap(grey, x + bent[0], y + bent[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


@pytest.fixture(scope="module")
def slices() -> list[Pixels]:
    return [patient(seed) for seed in range(COUNT)]


@pytest.mark.parametrize("change", _changed(phantom_ct(0, 64)))
def test_a_changed_copy_is_found_and_nothing_else(slices: list[Pixels], change: str) -> None:
    copies = [_changed(each)[change] for each in slices]
    found = near_duplicates([*slices, *copies])
    assert [(a, b) for a, b, _ in found] == [(number, number + COUNT) for number in range(COUNT)]
    assert all(SAME <= score <= 1.001 for _, _, score in found)


_TURNED = {"": (1, 1), "mirrored": (1, -1), "upside down": (-1, 1), "turned by 180°": (-1, -1)}


@pytest.mark.parametrize("flip", FLIPS)
@pytest.mark.parametrize("change", ["cropped", "brighter", "lettered"])
def test_a_flipped_copy_is_found_as_flipped_and_nothing_else(
    slices: list[Pixels], flip: str, change: str
) -> None:
    down, across = _TURNED[flip]
    copies = [np.ascontiguousarray(_changed(each)[change][::down, ::across]) for each in slices]
    found = matches(looks([*slices, *copies]))
    assert [(a, b, FLIPS[turn]) for a, b, _, turn in found] == [
        (number, number + COUNT, flip) for number in range(COUNT)
    ]


def test_in_cells_the_same_is_found(slices: list[Pixels], monkeypatch: pytest.MonkeyPatch) -> None:
    copies = [_changed(each)["cropped"] for each in slices]
    seen = looks([*slices, *[np.ascontiguousarray(each[:, ::-1]) for each in copies]])
    exact = matches(seen)
    assert len(exact) == COUNT
    monkeypatch.setattr(candidates, "_EXACT", 4)
    monkeypatch.setattr(candidates, "_CELL", 4)
    assert [(a, b, flip) for a, b, _, flip in matches(seen)] == [(a, b, flip) for a, b, _, flip in exact]


def test_groups_are_not_compared_within(slices: list[Pixels]) -> None:
    same = [slices[0], slices[0], slices[0]]
    assert [pair[:2] for pair in near_duplicates(same, groups=["a", "a", "b"])] == [(0, 2), (1, 2)]


def test_files_and_arrays_are_alike(slices: list[Pixels], tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    assert cv2.imwrite(str(path), slices[1])
    found = near_duplicates([slices[0], path, slices[1]])
    assert [(a, b) for a, b, _ in found] == [(1, 2)]
    assert found == near_duplicates([slices[0], slices[1], slices[1]])


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_file_that_is_no_picture_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=r"bad\.png"):
        near_duplicates([path])


def test_odd_pictures_are_like_nothing() -> None:
    rng = np.random.default_rng(0)
    shapes = [(1, 1), (1, 300), (300, 1), (30, 30), (128, 128)]
    flat = [np.full(shape, value, np.uint8) for shape in shapes for value in (0, 255)]
    noise = [rng.integers(0, 256, shape).astype(np.uint8) for shape in shapes[3:]]
    assert near_duplicates([*flat, *noise]) == []
    assert near_duplicates([]) == []


def test_clusters_are_chains_of_pairs() -> None:
    assert clusters(6, [(4, 5, 1.0), (1, 2, 1.0), (0, 2, 1.0)]) == [0, 0, 0, 3, 4, 4]
    assert clusters(0, []) == []


def test_known_errata_are_found_in_the_real_pictures() -> None:
    data = os.environ.get("COVIDCT_DATA")
    if not data or not (folder := Path(data) / "covid-ct").is_dir():
        pytest.skip("COVIDCT_DATA does not name a folder with covid-ct/")
    known = [each.images for each in official().errata if each.kind == "near-duplicate"]
    files = [folder / name for pair in known for name in pair]
    found = {(a, b) for a, b, _ in near_duplicates(files, 0.93)}
    assert found >= {(2 * number, 2 * number + 1) for number in range(len(known))}
