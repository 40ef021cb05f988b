"""The files of a dataset: what is wrong with one is told, and the others are looked at all the same."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covidct_curate.audit.files import look_at
from covidct_curate.audit.likeness import Pixels
from covidct_curate.audit.subject import Subject
from tests.entries import entry
from tests.manuscripts.phantom import phantom_ct

GREY = phantom_ct(1, (80, 96))


def _subject(folder: Path) -> Subject:
    entries = tuple(entry(path.name, path=path) for path in sorted(folder.iterdir()))
    return Subject(folder, "covid-ct", "covid", "non-covid", entries, ())


def _packed(form: str, pixels: Pixels = GREY, mode: str = "") -> bytes:
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, form)
    return buffer.getvalue()


def _bomb() -> bytes:
    """A PNG that says that it is 60,000 by 60,000 pixels."""
    content = b"IHDR" + struct.pack(">2I5B", 60_000, 60_000, 8, 0, 0, 0, 0)
    whole = _packed("PNG")
    return whole[:12] + content + struct.pack(">I", zlib.crc32(content)) + whole[33:]


@pytest.mark.parametrize(
    ("name", "content", "kind", "told"),
    [
        ("a.png", b"", "empty-file", "no bytes"),
        ("a.png", b"=1+1\x00 no picture", "unreadable", "no PNG"),
        ("a.png", _packed("PNG")[:-300], "unreadable", "damaged"),
        ("a.jpg", _packed("JPEG")[:-300], "unreadable", "damaged"),
        ("a.png", _bomb(), "unreadable", "too large"),
        ("a.png", _packed("JPEG"), "wrong-extension", "it is a JPEG"),
        ("a.JPG", _packed("PNG"), "wrong-extension", "it is a PNG"),
        ("a", _packed("PNG"), "wrong-extension", "no ending"),
        ("a.dcm", _packed("TIFF"), "wrong-extension", "it is a TIFF"),
    ],
)
def test_one_bad_file_is_told_and_the_others_are_seen(
    tmp_path: Path, name: str, content: bytes, kind: str, told: str
) -> None:
    for other in ("b.png", "c.PNG"):
        (tmp_path / other).write_bytes(_packed("PNG"))
    (tmp_path / name).write_bytes(content)
    seen, findings = look_at(_subject(tmp_path))
    assert [(finding.kind, finding.files) for finding in findings] == [(kind, (name,))]
    assert told in findings[0].text
    assert str(tmp_path) not in findings[0].text
    assert set(seen) == {"b.png", "c.PNG"} | ({name} if kind == "wrong-extension" else set())


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path.name)])
def test_what_is_no_file_is_told(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a.png")
    seen, findings = look_at(_subject(tmp_path))
    assert (seen, [finding.kind for finding in findings]) == ({}, ["unreadable"])


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.JPE", "a.tif", "a.TIFF", "a.bmp", "a.gif", "a.webp"])
def test_every_ending_of_a_format_is_right(tmp_path: Path, name: str) -> None:
    form = Image.registered_extensions()[Path(name).suffix.lower()]
    (tmp_path / name).write_bytes(_packed(form))
    seen, findings = look_at(_subject(tmp_path))
    assert findings == []
    assert (seen[name].form, seen[name].size) == (form, (96, 80))


def test_equal_pixels_are_equal_in_whatever_format(tmp_path: Path) -> None:
    deep = np.asarray(GREY, np.uint16) * 257
    deep[0, :2] = 0, 65535
    grey = np.asarray(deep >> 8, np.uint8)
    modes = {"L": "", "RGB": "RGB", "RGBA": "RGBA", "P": "P", "LA": "LA"}
    for name, mode in modes.items():
        (tmp_path / f"{name}.png").write_bytes(_packed("PNG", grey, mode))
    for form in ("bmp", "tiff", "gif"):
        (tmp_path / f"a.{form}").write_bytes(_packed(form, grey))
    Image.fromarray(deep).save(tmp_path / "deep.png")
    (tmp_path / "other.png").write_bytes(_packed("PNG", np.asarray(grey ^ 1, np.uint8)))
    seen, findings = look_at(_subject(tmp_path))
    assert findings == []
    other = seen.pop("other.png").pixels
    assert len(seen) == 9
    assert {one.pixels for one in seen.values()} - {other} == {seen["L.png"].pixels}
    assert {name: seen[f"{name}.png"].mode for name in modes} == {name: name for name in modes}
    assert seen["deep.png"].mode == "I;16"


def test_transparent_is_white_and_the_first_frame_counts(tmp_path: Path) -> None:
    clear = np.dstack([np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), np.uint8)])
    Image.fromarray(clear).save(tmp_path / "clear.png")
    white = Image.new("L", (30, 20), 255)
    white.save(tmp_path / "white.png")
    white.save(tmp_path / "moving.gif", save_all=True, append_images=[Image.new("L", (30, 20), 9)])
    seen, _ = look_at(_subject(tmp_path))
    assert len({one.pixels for one in seen.values()}) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2)])
def test_odd_sizes_are_seen(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("L", size, 7).save(tmp_path / "a.png")
    seen, findings = look_at(_subject(tmp_path))
    assert (findings, seen["a.png"].size) == ([], size)
    assert np.isfinite([*seen["a.png"].border, *seen["a.png"].histogram]).all()


def test_progress_counts_every_picture(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(_packed("PNG") if number % 2 else b"")
    told: list[tuple[int, int]] = []
    look_at(_subject(tmp_path), lambda done, total: told.append((done, total)))
    assert told == [(done, 5) for done in range(1, 6)]
