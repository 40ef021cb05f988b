"""A first look at pixels alone, on pictures drawn here."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from covidct_curate.panels.kind import CLASSES, NAMES, features, kind_of, look_of, modality_of
from tests.manuscripts.phantom import compound, lettered, phantom_ct, scanned

Picture = NDArray[np.uint8]


def rgb(grey: Picture) -> Picture:
    return np.asarray(np.repeat(grey[..., None], 3, axis=2), np.uint8)


def bars(seed: int = 0) -> Picture:
    rng = np.random.default_rng(seed)
    picture = np.full((420, 560, 3), 255, np.uint8)
    for k in range(7):
        top, left = int(rng.integers(40, 330)), 80 + 62 * k
        ink = tuple(int(v) for v in rng.integers(40, 220, 3))
        cv2.rectangle(picture, (left, top), (left + 40, 360), ink, -1)
        cv2.line(picture, (left + 20, top - 14), (left + 20, top + 14), (0, 0, 0), 1)
        cv2.putText(
            picture, f"G{k}", (left + 6, 385), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA
        )
    cv2.line(picture, (70, 20), (70, 360), (0, 0, 0), 2)
    cv2.line(picture, (70, 360), (540, 360), (0, 0, 0), 2)
    return picture


def table() -> Picture:
    picture = np.full((400, 700, 3), 255, np.uint8)
    for row in range(12):
        for column in range(5):
            at = (20 + 136 * column, 28 + 32 * row)
            text = f"{row * 7.3 + column:.2f}"
            cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
        cv2.line(picture, (10, 38 + 32 * row), (690, 38 + 32 * row), (0, 0, 0), 1)
    return picture


def stained_tissue(seed: int = 0) -> Picture:
    """Pink ground of many shades with violet nuclei all over it."""
    rng = np.random.default_rng(seed)
    shade = cv2.GaussianBlur(rng.normal(0, 1, (400, 520)).astype(np.float32), (0, 0), 9)
    shade = (shade / np.abs(shade).max())[..., None]
    picture = np.asarray([222.0, 160.0, 200.0]) + shade * np.asarray([28.0, 55.0, 35.0])
    for _ in range(420):
        at = (int(rng.integers(520)), int(rng.integers(400)))
        axes = (int(rng.integers(4, 9)), int(rng.integers(3, 7)))
        ink = (float(rng.uniform(80, 130)), float(rng.uniform(40, 90)), float(rng.uniform(130, 170)))
        cv2.ellipse(picture, at, axes, float(rng.uniform(0, 180)), 0, 360, ink, -1, cv2.LINE_AA)
    noisy = cv2.GaussianBlur(picture, (0, 0), 1.0) + rng.normal(0, 5, picture.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


@pytest.mark.parametrize("seed", range(4))
def test_a_slice_is_radiology_and_ct(seed: int) -> None:
    picture = rgb(lettered(phantom_ct(seed, 400), "A"))
    assert kind_of(picture) == "radiology"
    assert modality_of(picture, [(0, 0, 400, 400)]) == "ct"


def test_a_compound_of_slices_is_radiology_and_ct_by_its_panels() -> None:
    picture = rgb(compound(2, 3, size=200, gap=12))
    boxes = [(212 * c, 212 * r, 212 * c + 200, 212 * r + 200) for r in range(2) for c in range(3)]
    assert kind_of(picture) == "radiology"
    assert modality_of(picture, boxes) == "ct"


def test_one_slice_beside_a_plot_makes_the_figure_ct() -> None:
    plot = bars()
    picture = np.full((420, 1000, 3), 255, np.uint8)
    picture[:420, :560] = plot
    picture[10:410, 590:990] = rgb(phantom_ct(1, 400))
    assert modality_of(picture, [(0, 0, 560, 420), (590, 10, 990, 410)]) == "ct"
    assert modality_of(picture, [(0, 0, 560, 420)]) == "other"


def typed() -> Picture:
    return rgb(scanned([f"line {k} of what somebody typed for the archive" for k in range(30)]))


@pytest.mark.parametrize("draw", [bars, table, typed])
def test_drawings_and_text_are_graphic(draw: Callable[[], Picture]) -> None:
    picture = draw()
    assert kind_of(picture) == "graphic"
    assert modality_of(picture, []) == "other"


@pytest.mark.parametrize("seed", range(3))
def test_stained_tissue_is_a_photo(seed: int) -> None:
    picture = stained_tissue(seed)
    assert kind_of(picture) == "photo"
    assert modality_of(picture, []) == "other"


@pytest.mark.parametrize(
    ("picture", "best"),
    [(rgb(lettered(phantom_ct(1, 400), "A")), "ct"), (bars(), "graphic"), (stained_tissue(), "photo")],
)
def test_a_look_is_a_probability_for_every_class(picture: Picture, best: str) -> None:
    look = look_of(picture)
    assert tuple(look) == CLASSES
    assert sum(look.values()) == pytest.approx(1, abs=1e-5)
    assert min(look.values()) >= 0
    assert max(look, key=look.__getitem__) == best
    assert look[best] > 0.5
    assert all(type(chance) is float for chance in look.values())


def test_the_look_of_ct_is_what_decides_over_the_figure() -> None:
    for picture in (rgb(phantom_ct(3, 300)), bars(2), stained_tissue(1)):
        verdict = modality_of(picture, [])
        ct = look_of(picture)["ct"]
        assert verdict == ("ct" if ct > 0.5 else "other" if ct < 0.2 else "unknown")


@pytest.mark.parametrize("scale", [0.4, 2.0])
def test_the_same_at_another_size_and_compressed(scale: float) -> None:
    for picture, kind in ((rgb(phantom_ct(2, 400)), "radiology"), (bars(3), "graphic")):
        scaled = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        _, data = cv2.imencode(".jpg", scaled, [cv2.IMWRITE_JPEG_QUALITY, 70])
        assert kind_of(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)) == kind


@pytest.mark.parametrize("shape", [(1, 1), (1, 10000), (10000, 1), (15, 400), (0, 0), (300, 400)])
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_nothing_to_see_is_unknown(shape: tuple[int, int], grey: int) -> None:
    picture = np.full((*shape, 3), grey, np.uint8)
    assert kind_of(picture) == "unknown"
    assert modality_of(picture, []) == "unknown"
    assert modality_of(picture, [(0, 0, shape[1], shape[0])]) == "unknown"
    assert look_of(picture) == {}


@pytest.mark.parametrize("shape", [(16, 16), (16, 10000), (9000, 17), (300, 300), (4000, 5000)])
def test_noise_is_no_ct_and_no_accident(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = features(picture)
    assert found is not None
    assert found.shape == (len(NAMES),) == (len(set(NAMES)),)
    assert np.isfinite(found).all()
    assert modality_of(picture, []) != "ct"
    assert kind_of(picture) == kind_of(picture.copy())


def test_the_picture_stays_as_it_was_and_may_be_a_view() -> None:
    picture = rgb(compound(1, 2, size=240, gap=0))
    before = picture.copy()
    picture.setflags(write=False)
    view = picture[:, ::-1]
    assert kind_of(view) == kind_of(np.ascontiguousarray(view))
    modality_of(picture, [(0, 0, 240, 240), (240, 0, 480, 240)])
    assert np.array_equal(picture, before)


def test_boxes_beyond_the_picture_are_cut_at_its_edge() -> None:
    picture = rgb(phantom_ct(0, 300))
    assert modality_of(picture, [(-20, -20, 500, 500)]) == "ct"
    assert modality_of(picture, [(400, 400, 500, 500)]) == "unknown"
