from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.alphabet import digest, fonts_in
from benchmarks.glyphs import paired, tally
from covidct_curate.panels import glyphs, naming, spots, tokens

Picture = NDArray[np.uint8]
Boxes = list[tuple[int, int, int, int]]


def scan(rng: np.random.Generator, size: int = 300) -> Picture:
    """An oval of tissue with noise on black."""
    grey = np.zeros((size, size), np.float32)
    middle, axes = (size // 2, size // 2), (int(0.42 * size), int(0.34 * size))
    cv2.ellipse(grey, middle, axes, 0, 0, 360, 120, -1)
    cv2.ellipse(grey, (size // 3, size // 2), (size // 8, size // 6), 0, 0, 360, 30, -1)
    grey += rng.normal(0, 8, grey.shape) * (grey > 0)
    return cv2.cvtColor(np.clip(grey, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2RGB).astype(np.uint8)


def figure(columns: int, rows: int = 1, gap: int = 60) -> tuple[Picture, Boxes]:
    """Scans on white paper, in rows, with room above and below each."""
    rng = np.random.default_rng(5)
    size = 300
    picture = np.full((rows * (size + gap) + gap, columns * (size + 20) + 40, 3), 255, np.uint8)
    boxes: Boxes = []
    for row in range(rows):
        for column in range(columns):
            x, y = 30 + column * (size + 20), gap + row * (size + gap)
            picture[y : y + size, x : x + size] = scan(rng, size)
            boxes.append((x, y, x + size, y + size))
    return picture, boxes


def write(
    picture: Picture,
    text: str,
    at: tuple[int, int],
    colour: tuple[int, int, int],
    size: float = 28,
    box: tuple[int, int, int] | None = None,
) -> Picture:
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    if box is not None:
        x0, y0, x1, y1 = draw.textbbox(at, text, font=font)
        draw.rectangle((x0 - 6, y0 - 6, x1 + 6, y1 + 6), fill=box)
    draw.text(at, text, fill=colour, font=font)
    return np.array(image)


def texts(labels: list[naming.Letter | None]) -> list[str | None]:
    return [label.text if label else None for label in labels]


WHITE, BLACK, YELLOW = (255, 255, 255), (0, 0, 0), (255, 255, 0)


@pytest.mark.parametrize(
    ("form", "offset", "colour", "box"),
    [
        ("A", (10, 8), WHITE, None),
        ("a", (10, 8), WHITE, None),
        ("A", (10, 8), BLACK, WHITE),
        ("A", (262, 8), YELLOW, None),
        ("A", (10, 260), WHITE, None),
        ("(a)", (250, 258), WHITE, BLACK),
        ("A", (0, -42), BLACK, None),
        ("A.", (0, -42), BLACK, None),
        ("a)", (0, -42), BLACK, None),
        ("(a)", (135, 308), BLACK, None),
    ],
)
def test_each_style(
    form: str, offset: tuple[int, int], colour: tuple[int, int, int], box: tuple[int, int, int] | None
) -> None:
    picture, boxes = figure(3)
    expected = []
    for k, (x, y, _, _) in enumerate(boxes):
        letter = chr(ord("a" if "a" in form else "A") + k)
        expected.append(letter)
        text = form.replace("A", letter).replace("a", letter)
        picture = write(picture, text, (x + offset[0], y + offset[1]), colour, box=box)
    labels = naming.read_labels(picture, boxes)
    assert texts(labels) == expected
    for label, (x, y, _, _) in zip(labels, boxes, strict=True):
        assert label is not None
        assert abs(label.box[0] - x - offset[0]) < 25
        assert abs(label.box[1] - y - offset[1]) < 25
        assert 0 < label.confidence <= 1


def test_letters_in_white_discs() -> None:
    picture, boxes = figure(3)
    for k, (x, y, _, _) in enumerate(boxes):
        cv2.circle(picture, (x + 28, y + 28), 24, WHITE, -1)
        picture = write(picture, "ABC"[k], (x + 19, y + 11), BLACK)
    assert texts(naming.read_labels(picture, boxes)) == list("ABC")


def test_letters_run_over_rows() -> None:
    picture, boxes = figure(3, 2)
    for k, (x, y, _, _) in enumerate(boxes):
        picture = write(picture, "ABCDEF"[k], (x + 8, y + 6), WHITE)
    assert texts(naming.read_labels(picture, boxes)) == list("ABCDEF")
    turned = [boxes[k] for k in (5, 0, 3, 1, 4, 2)]
    assert texts(naming.read_labels(picture, turned)) == list("FADBEC")


def test_letters_run_down_columns() -> None:
    picture, boxes = figure(2, 2)
    for k, (x, y, _, _) in enumerate(boxes):
        picture = write(picture, "ACBD"[k], (x + 8, y + 6), WHITE)
    assert texts(naming.read_labels(picture, boxes)) == list("ACBD")


def test_a_number_behind_the_letter() -> None:
    picture, boxes = figure(2, 2)
    for k, (x, y, _, _) in enumerate(boxes):
        picture = write(picture, ("A1", "A2", "B1", "B2")[k], (x + 8, y + 6), WHITE)
    assert texts(naming.read_labels(picture, boxes)) == ["A1", "A2", "B1", "B2"]


def test_one_letter_under_a_row_of_three() -> None:
    picture, boxes = figure(3, 2)
    for k in (1, 4):
        x, y = boxes[k][0], boxes[k][3]
        picture = write(picture, "(a)" if k == 1 else "(b)", (x + 130, y + 12), BLACK, 24)
    assert texts(naming.read_labels(picture, boxes)) == ["a"] * 3 + ["b"] * 3


def test_boxes_somewhat_off() -> None:
    picture, boxes = figure(3)
    for k, (x, y, _, _) in enumerate(boxes):
        picture = write(picture, "ABC"[k], (x + 8, y + 6), WHITE)
    rng = np.random.default_rng(2)
    off = [tuple(int(v) for v in np.array(box) + rng.integers(-9, 10, 4)) for box in boxes]
    assert texts(naming.read_labels(picture, off)) == list("ABC")  # type: ignore[arg-type]


@pytest.mark.parametrize("quality", [60, 80])
def test_jpeg(quality: int) -> None:
    picture, boxes = figure(3)
    for k, (x, y, _, _) in enumerate(boxes):
        picture = write(picture, "ABC"[k], (x + 8, y + 6), WHITE)
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None
    assert texts(naming.read_labels(decoded.astype(np.uint8), boxes)) == list("ABC")


def test_no_letter_no_label() -> None:
    picture, boxes = figure(3)
    assert naming.read_labels(picture, boxes) == [None] * 3


def test_words_are_no_labels() -> None:
    picture, boxes = figure(3)
    for k, (x, y, _, _) in enumerate(boxes):
        picture = write(picture, ("Aorta", "Before", "Chest CT")[k], (x + 8, y + 6), WHITE)
    assert naming.read_labels(picture, boxes) == [None] * 3


def test_side_markers_are_no_labels() -> None:
    picture, boxes = figure(3)
    for x, y, _, _ in boxes:
        picture = write(picture, "R", (x + 8, y + 130), WHITE)
    assert naming.read_labels(picture, boxes) == [None] * 3


def test_a_letter_nobody_can_read() -> None:
    picture, boxes = figure(2)
    for k, (x, y, _, _) in enumerate(boxes):
        picture = write(picture, "AB"[k], (x + 10, y + 8), (40, 40, 40), 9)
        picture[y : y + 40, x : x + 40] = cv2.GaussianBlur(picture[y : y + 40, x : x + 40], (0, 0), 4)
    assert naming.read_labels(picture, boxes) == [None, None]


def test_spots_are_found_with_their_boxes() -> None:
    grey = np.full((120, 200), 255, np.uint8)
    grey[40:60, 30:34] = grey[56:60, 30:45] = 0
    grey[:, 150:] = 90
    grey[70:90, 170:180] = grey[70:74, 165:185] = 250
    seen = spots.spots_of(grey)
    found = dict(zip(map(tuple, seen.boxes.tolist()), seen.bright.tolist(), strict=True))
    assert found.pop((30, 40, 45, 60)) is False
    assert found.pop((165, 70, 185, 90)) is True
    patch = seen.patches[seen.boxes[:, 0].tolist().index(30)]
    assert (
        patch.shape == (spots.PATCH, spots.PATCH) and patch[:, :4].max() == 1 and patch[3:9, 10:].max() == 0
    )
    near = np.zeros(grey.shape, bool)
    near[:, 100:] = True
    assert (30, 40, 45, 60) not in map(tuple, spots.spots_of(grey, near).boxes.tolist())


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (7, 3)], ids=lambda s: f"{s[0]}x{s[1]}")
def test_no_spots_where_there_is_no_room(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    assert spots.spots_of(noise).boxes.shape == (0, 4)
    assert glyphs.classify(spots.spots_of(noise)).shape == (0, len(glyphs.CLASSES) + 1)


@pytest.mark.parametrize("char", "ABEKTbdgk2478")
def test_a_spot_says_its_letter(char: str) -> None:
    picture = write(np.full((60, 60, 3), 255, np.uint8), char, (20, 12), BLACK)
    seen = spots.spots_of(picture[..., 0])
    odds = glyphs.classify(seen)
    assert np.allclose(odds.sum(axis=1), 1, atol=1e-4)
    dark = np.flatnonzero(~seen.bright)
    largest = dark[(seen.boxes[dark, 2:] - seen.boxes[dark, :2]).prod(axis=1).argmax()]
    assert glyphs.CLASSES[int(odds[largest, :-1].argmax())] == char


@pytest.mark.parametrize("bottom", [24, 12], ids=["with height", "without height"])
def test_letters_known_as_text(bottom: int) -> None:
    boxes: Boxes = [(0, 0, 300, 300), (320, 0, 620, 300)]
    known = [
        tokens.printed(key, "", (box[0] + 10, 12, box[0] + 20, bottom), bracket=False)
        for key, box in zip("AB", boxes, strict=True)
    ]
    assert texts(naming.assign(known, boxes)) == ["A", "B"]
    assert naming.assign([], boxes) == [None, None]


def test_brackets_that_agree_need_not_be_clear() -> None:
    boxes: Boxes = [(k % 3 * 320, k // 3 * 360, k % 3 * 320 + 300, k // 3 * 360 + 300) for k in range(12)]
    seen = []
    for key, row, sure in (("a", 1, 0.87), ("b", 3, 0.37)):
        odds = [0.0] * len(tokens.KEYS)
        odds[tokens.KEYS.index(key)] = sure
        box = (460, row * 360 + 310, 480, row * 360 + 328)
        seen.append(tokens.Token(tuple(odds), -1.0, "", box, 14.4, bracket=True))
    assert texts(naming.assign(seen, boxes)) == ["a"] * 6 + ["b"] * 6
    assert texts(naming.assign(seen[1:], boxes)) == [None] * 12


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 10000), (10000, 1), (5, 5), (30, 30), (8, 4000)], ids=lambda s: f"{s[0]}x{s[1]}"
)
@pytest.mark.parametrize("level", [0, 255, -1])
def test_odd_pictures(shape: tuple[int, int], level: int) -> None:
    rng = np.random.default_rng(0)
    grey = np.full(shape, level, np.int64) if level >= 0 else rng.integers(0, 256, shape)
    picture = np.repeat(grey[..., None], 3, 2).astype(np.uint8)
    box = (0, 0, shape[1], shape[0])
    assert naming.read_labels(picture, [box]) == [None]
    assert naming.read_labels(picture, []) == []


def test_boxes_beyond_the_picture() -> None:
    picture, _ = figure(1)
    assert naming.read_labels(picture, [(-50, -50, 9000, 9000), (5, 5, 5, 5)]) == [None, None]


def test_noise_says_nothing() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (600, 900, 3)).astype(np.uint8)
    assert naming.read_labels(noise, [(0, 0, 450, 600), (450, 0, 900, 600)]) == [None, None]


def test_a_large_figure() -> None:
    picture, boxes = figure(3)
    for k, (x, y, _, _) in enumerate(boxes):
        picture = write(picture, "ABC"[k], (x + 8, y + 6), WHITE, 34)
    factor = 6
    large = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    assert large.shape[0] * large.shape[1] > 14_000_000
    begun = time.monotonic()
    labels = naming.read_labels(
        large, [(x * factor, y * factor, u * factor, v * factor) for x, y, u, v in boxes]
    )
    assert time.monotonic() - begun < 60
    assert texts(labels) == list("ABC")
    assert labels[0] is not None
    assert labels[0].box[3] < boxes[0][1] * factor + 50 * factor


def test_fonts_are_the_same_wherever_they_lie(tmp_path: Path) -> None:
    for name in ("one/z/B.ttf", "one/A.otf", "one/Symbol.ttf", "one/C.txt", "two/B.ttf", "two/x/y/A.otf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    one, two = fonts_in(tmp_path / "one"), fonts_in(tmp_path / "two")
    assert [path.name for path in one] == [path.name for path in two] == ["A.otf", "B.ttf"]
    assert digest(one) == digest(two[::-1]) != digest(one[:1])


def test_found_panels_are_paired_with_the_true_ones() -> None:
    gold, truth = [(0, 0, 100, 100), (100, 0, 200, 100), (200, 0, 300, 100)], ["a", None, "c"]
    found = [(400, 0, 500, 100), (205, 0, 300, 100), (0, 0, 90, 100), (100, 0, 120, 100)]
    assert paired(gold, truth, found) == (["a", None, "c", None, None], [2, None, 1, 0, 3])


def test_labels_are_counted() -> None:
    truth = ["a", "b", "c", None, None]
    assert tally(truth, ["a", "c", None, "d", None]) == {
        "right": 1,
        "wrong": 1,
        "missing": 1,
        "false": 1,
        "silent": 1,
    }
