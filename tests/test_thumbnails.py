"""Thumbnails, decoded again."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covidct_curate.review.thumbnails import Thumbnail, Wish, thumbnails


def one(path: Path, side: int = 120, boxes: tuple[tuple[int, int, int, int], ...] = ()) -> Thumbnail:
    wish = Wish(path, side, boxes)
    return thumbnails([wish])[wish]


def decoded(small: Thumbnail) -> Image.Image:
    picture = Image.open(BytesIO(small.content))
    assert (picture.format, picture.size) == ("JPEG", (small.width, small.height))
    return picture


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I"])
def test_a_picture_of_any_mode_is_shown(tmp_path: Path, mode: str) -> None:
    pixels = np.zeros((400, 300), np.uint8)
    pixels[:, 150:] = 255
    image = Image.fromarray(pixels)
    if mode.startswith("I"):
        image = Image.fromarray(pixels.astype(np.uint16) * 257)
    path = tmp_path / ("a.tif" if mode in ("I", "CMYK") else "a.png")
    (image if mode == "I;16" else image.convert(mode)).save(path)
    small = decoded(one(path))
    grey = np.asarray(small.convert("L"))
    assert small.mode == "L" and grey.shape == (120, 90)
    assert grey[60, 10] <= 2 and grey[60, 80] >= 253


def test_colour_stays_colour_and_grey_in_colour_is_grey(tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), (200, 30, 30)).save(tmp_path / "red.png")
    Image.new("RGB", (300, 200), (100, 104, 98)).save(tmp_path / "grey.png")
    red = decoded(one(tmp_path / "red.png"))
    assert red.mode == "RGB"
    assert np.abs(np.asarray(red)[40, 60].astype(int) - (200, 30, 30)).max() <= 4
    assert decoded(one(tmp_path / "grey.png")).mode == "L"


def test_what_is_transparent_is_shown_on_white_and_what_is_small_stays_so(tmp_path: Path) -> None:
    Image.new("RGBA", (50, 40), (0, 0, 0, 0)).save(tmp_path / "a.png")
    small = decoded(one(tmp_path / "a.png"))
    assert small.size == (50, 40) and small.getextrema() == (255, 255)


@pytest.mark.parametrize(("size", "shown"), [((1000, 10), (120, 1)), ((3, 2000), (1, 120)), ((1, 1), (1, 1))])
def test_thin_pictures(tmp_path: Path, size: tuple[int, int], shown: tuple[int, int]) -> None:
    Image.new("L", size).save(tmp_path / "a.png")
    assert decoded(one(tmp_path / "a.png")).size == shown


def test_boxes_are_drawn_where_the_panels_are(tmp_path: Path) -> None:
    Image.new("L", (800, 400), 128).save(tmp_path / "a.png")
    boxes = ((0, 0, 400, 400), (400, 0, 800, 400))
    pixels = np.asarray(decoded(one(tmp_path / "a.png", 200, boxes)).convert("RGB")).astype(int)
    ink = pixels[..., 0] - pixels[..., 1] > 120
    assert pixels.shape == (100, 200, 3)
    assert ink[50].nonzero()[0].tolist() == [0, 99, 100, 199]
    assert ink[98, 5:95].sum() == 0 and ink[99].all()
    assert [ink[2:10, x : x + 8].sum() > 20 for x in (1, 60, 101, 160)] == [
        True,
        False,
        True,
        False,
    ]  # numbers
    first, second = pixels[1:11, 1:7], pixels[1:11, 101:107]
    assert np.abs(first - second).max() > 60  # 1 is not 2


def test_boxes_that_leave_the_picture_cost_nothing(tmp_path: Path) -> None:
    Image.new("L", (800, 400), 128).save(tmp_path / "a.png")
    boxes = ((-50, -50, 900, 900), (790, 390, 790, 390), (5000, 5000, 5100, 5100), (300, 300, 100, 100))
    assert decoded(one(tmp_path / "a.png", 200, boxes)).size == (200, 100)


def test_a_picture_that_is_shown_twice_is_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (800, 400), 128).save(tmp_path / "a.png")
    opened: list[object] = []
    original = Image.open

    def counted(file: Path) -> Image.Image:
        opened.append(file)
        return original(file)

    monkeypatch.setattr(Image, "open", counted)
    wishes = [
        Wish(tmp_path / "a.png", 120), Wish(tmp_path / "a.png", 220, ((0, 0, 9, 9),)), Wish(tmp_path / "a.png", 120)
    ]  # fmt: skip
    small = thumbnails(wishes)
    assert len(opened) == 1 and [small[wish].width for wish in wishes] == [120, 220, 120]


def test_a_broken_or_giant_picture_has_none(tmp_path: Path) -> None:
    Image.new("L", (300, 200)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:60])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    Image.new("1", (20_000, 20_000)).save(tmp_path / "giant.png")
    names = [
        "cut.png",
        "text.png",
        "folder.png",
        "giant.png",
        "missing.png",
        "n" * 300,
        "nul\0.png",
        "whole.png",
    ]
    small = thumbnails(Wish(tmp_path / name, 120) for name in names)
    assert [wish.picture.name for wish in small] == ["whole.png"]


def test_boxes_lie_right_on_a_picture_that_is_decoded_smaller(tmp_path: Path) -> None:
    Image.new("RGB", (3200, 1600), (128, 128, 128)).save(tmp_path / "a.jpg")
    small = one(tmp_path / "a.jpg", 200, ((1600, 0, 3200, 1600),))
    pixels = np.asarray(decoded(small)).astype(int)
    assert (pixels[50, :, 0] - pixels[50, :, 1] > 120).nonzero()[0].tolist() == [100, 199]


def test_a_part_of_a_picture_is_shown_beside_the_whole(tmp_path: Path) -> None:
    pixels = np.zeros((200, 400), np.uint8)
    pixels[:, 300:] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    whole = Wish(tmp_path / "a.png", 100)
    dark, light = (Wish(tmp_path / "a.png", 50, crop=box) for box in ((0, 0, 300, 200), (300, 0, 400, 200)))
    made = thumbnails([whole, dark, light])
    assert decoded(made[whole]).size == (100, 50)
    assert (decoded(made[dark]).size, np.asarray(decoded(made[dark])).max()) == ((50, 33), 0)
    assert (decoded(made[light]).size, np.asarray(decoded(made[light])).min()) == ((25, 50), 255)
