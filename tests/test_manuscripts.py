"""The generated manuscripts hold what their truth says: checked with plain PyMuPDF and Pillow."""

# mypy: disable-error-code="no-untyped-call,attr-defined"

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.manuscripts import LAYOUTS, PIXELS, Written, phantom_ct
from tests.manuscripts.bad import READABLE, bad_files, odd_names
from tests.manuscripts.fuzz import mutate
from tests.manuscripts.samples import SAMPLES

SAMPLE_FOLDER = Path(__file__).parents[1] / "docs" / "samples"


def letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


def running_text(document: pymupdf.Document) -> str:
    """Letters and digits of all pages as displayed, without stamps, page numbers and line numbers."""
    kept = []
    for page in document:
        for word in page.get_text("words", sort=False):
            _, y0, x1, y1 = pymupdf.Rect(word[:4]) * page.rotation_matrix
            margin = x1 < 50 or (x1 <= 58.5 and word[4].isdigit())
            if not margin and y1 > 44 and y0 < page.rect.height - 45:
                kept.append(letters(word[4]))
    return "".join(kept)


def rendered(page: pymupdf.Page, box: tuple[float, float, float, float], zoom: float) -> NDArray[np.uint8]:
    """RGB of a box of a page as displayed."""
    pixmap = page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False)
    whole = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.stride)
    colour = whole[:, : pixmap.width * 3].reshape(pixmap.height, pixmap.width, 3)
    x0, y0, x1, y1 = (round(v * zoom) for v in box)
    return colour[max(y0, 0) : y1, max(x0, 0) : x1]


def small(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A 64 x 64 grey thumbnail, by area."""
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert("L")
    return np.asarray(image.resize((64, 64), Image.Resampling.BOX), float)


def unlike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean difference of two pictures in grey levels, whatever their sizes."""
    return float(np.abs(small(one) - small(other)).mean())


def test_a_turned_phantom_is_another_picture() -> None:
    phantom = phantom_ct(0)
    for turned in (np.fliplr(phantom), np.flipud(phantom), np.rot90(phantom), phantom.T):
        assert unlike(phantom, turned) > 12
    assert unlike(phantom, phantom_ct(1)) > 1
    assert np.array_equal(phantom, phantom_ct(0, (320, 320)))


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout_says_the_truth(name: str, manuscript: Callable[[str], Written]) -> None:
    written = manuscript(name)
    with pymupdf.open(written.path) as document:
        assert document.page_count == written.pages
        text = running_text(document)
        assert letters(written.title) in text
        if written.doi:
            assert written.doi in document[0].get_text()
        for figure in written.figures:
            assert letters(figure.caption) in text
            for sentence in figure.mentions:
                assert letters(sentence) in text
            assert (figure.page is None) == (figure.bbox is None)
            if figure.page is None or figure.bbox is None:
                continue
            page = document[figure.page]
            assert figure.bbox in page.rect
            assert figure.pages[0] == figure.page
            shown = [(figure.page, figure.bbox, figure.pixels)] if figure.pixels is not None else []
            shown += [(panel.page, panel.bbox, panel.pixels) for panel in figure.panels]
            for number, box, pixels in shown:
                assert unlike(rendered(document[number], box, 1.5), pixels) < 6
            if figure.pixels is None and not figure.panels:
                assert rendered(page, figure.bbox, 1.5).std() > 15
        for thing in (*written.furniture, *written.tables):
            assert rendered(document[thing.page], thing.box, 1.5).std() > 5
            for figure in written.figures:
                assert figure.page != thing.page or not pymupdf.Rect(figure.bbox).intersects(thing.box)


def test_every_layout_is_another_paper(manuscript: Callable[[str], Written]) -> None:
    dois = [manuscript(name).doi for name in LAYOUTS]
    assert len(set(dois)) == len(dois)


def test_equal_arguments_give_equal_files(tmp_path: Path) -> None:
    for name in ("clean", "panels_close"):
        (tmp_path / "again").mkdir(exist_ok=True)
        one = LAYOUTS[name](tmp_path / f"{name}.pdf", 3).path
        two = LAYOUTS[name](tmp_path / "again" / f"{name}.pdf", 3).path
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("name", PIXELS)
def test_pixels_are_those_a_viewer_shows(name: str, tmp_path: Path) -> None:
    written = PIXELS[name](tmp_path / f"{name}.pdf")
    with pymupdf.open(written.path) as document:
        for figure in written.figures:
            assert figure.page is not None and figure.bbox is not None and figure.pixels is not None
            seen = rendered(document[figure.page], figure.bbox, 1).astype(int)
            truth = figure.pixels.astype(int)
            truth = truth if truth.ndim == 3 else truth[..., None].repeat(3, axis=-1)
            assert seen.shape == truth.shape
            assert np.abs(seen - truth).max() <= figure.tolerance


def test_bad_files_are_as_bad_as_they_say(tmp_path: Path) -> None:
    files = bad_files(tmp_path)
    readable = []
    for name, path in files.items():
        try:
            with pymupdf.open(path) as document:
                if not document.needs_pass and document.page_count and document[0].get_text() is not None:
                    readable.append(name)
        except (RuntimeError, pymupdf.mupdf.FzErrorBase):
            continue
    assert sorted(readable) == sorted(READABLE)
    assert all(path.stat().st_size < 400_000 for path in files.values())


def test_odd_names_hold_sound_manuscripts(tmp_path: Path) -> None:
    for seed, (name, path) in enumerate(odd_names(tmp_path).items()):
        assert path.name == name
        with pymupdf.open(stream=path.read_bytes()) as document:
            assert f"Slice number {seed}" in document[0].get_text()


def test_mutants_differ_and_can_be_made_again(manuscript: Callable[[str], Written]) -> None:
    sound = manuscript("clean").path.read_bytes()
    mutants = [mutate(sound, np.random.default_rng(seed)) for seed in range(20)]
    assert mutants == [mutate(sound, np.random.default_rng(seed)) for seed in range(20)]
    assert len(set(mutants) - {sound}) >= 19
    assert mutate(b"", np.random.default_rng(0)) == b""


@pytest.mark.parametrize("name", SAMPLES)
def test_committed_samples_are_the_generators(name: str, tmp_path: Path) -> None:
    """Words are equal and pages look equal; bytes may differ between versions of zlib and pikepdf."""
    written = SAMPLES[name](tmp_path / f"{name}.pdf")
    with pymupdf.open(written.path) as ours, pymupdf.open(SAMPLE_FOLDER / f"{name}.pdf") as committed:
        assert ours.page_count == committed.page_count == written.pages
        for one, other in zip(ours, committed, strict=True):
            assert one.get_text() == other.get_text()
            pair = [rendered(page, tuple(page.rect), 1).astype(int) for page in (one, other)]
            assert np.abs(pair[0] - pair[1]).max() <= 3
        text = running_text(ours)
        for figure in written.figures:
            assert figure.mentions and all(letters(sentence) in text for sentence in figure.mentions)
            assert letters(figure.caption) in text


def test_samples_are_small() -> None:
    sizes = [path.stat().st_size for path in SAMPLE_FOLDER.glob("*.pdf")]
    assert len(sizes) == len(SAMPLES)
    assert sum(sizes) < 1_500_000
