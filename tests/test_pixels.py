"""Pictures of figures: own pixels, turned, cut, joined and composed as the page shows them."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pikepdf
import pymupdf
import pytest
from pikepdf import Array, Name
from PIL import Image
from pymupdf import mupdf

from covidct_curate import png
from covidct_curate.extract import pixels
from covidct_curate.extract.page import Page, read_page
from covidct_curate.extract.pixels import NameBook, write_pictures
from covidct_curate.extract.region import Region
from covidct_curate.png import write_png
from covidct_curate.records import Box, Picture

from .manuscripts.phantom import phantom_ct
from .manuscripts.pixels import PIXELS
from .manuscripts.sheet import Sheet, image_object, raw_image

Pixels = npt.NDArray[np.uint8]
BOX: Box = (99.0, 120.0, 291.0, 264.0)
"""192 x 144 points: where most of the images below are placed."""


@pytest.fixture
def sheet() -> Sheet:
    return Sheet(pikepdf.new())


@pytest.fixture
def grey() -> Pixels:
    """Asymmetric in both directions, 96 x 128."""
    picture = np.asarray(phantom_ct(3, (96, 128)), np.uint8).copy()
    picture[4:20, 4:12] = 250
    return picture


@pytest.fixture
def rgb(grey: Pixels) -> Pixels:
    return np.dstack([grey, np.roll(grey, 9, axis=1), 255 - grey])


def read(folder: Path, picture: Picture) -> Pixels:
    stored = cv2.imread(str(folder / picture.file), cv2.IMREAD_UNCHANGED)
    assert stored is not None and stored.shape[1::-1] == (picture.width, picture.height)
    return np.asarray(stored if stored.ndim == 2 else stored[:, :, ::-1], np.uint8)


class Result:
    """What was written for a page's figure."""

    def __init__(self, sheet: Sheet, out: Path, bbox: Box = BOX, rest: bool = True) -> None:
        sheet.finish()
        data = io.BytesIO()
        sheet.pdf.save(data)
        self.document = pymupdf.open("pdf", data.getvalue())
        self.page: Page = read_page(self.document, 0)
        drawings, lines = (tuple(self.page.drawings), tuple(self.page.lines)) if rest else ((), ())
        region = Region(0, bbox, tuple(self.page.placements), drawings, lines)
        self.out = out
        self.pictures, self.notes = write_pictures(self.page, region, out, NameBook("paper"))
        assert sorted(p.name for p in out.iterdir()) == sorted(p.file for p in self.pictures)

    @property
    def roles(self) -> list[str]:
        return [p.role for p in self.pictures]

    def read(self, picture: Picture) -> Pixels:
        return read(self.out, picture)

    def shown(self, picture: Picture) -> Pixels:
        """The page there, rendered by MuPDF at the picture's size."""
        x0, y0, x1, y1 = picture.bbox
        scale = pymupdf.Matrix(picture.width / (x1 - x0), picture.height / (y1 - y0))
        mapped = pymupdf.Rect(picture.bbox) * scale
        page = self.document[0]
        pixmap = page.get_pixmap(matrix=scale, clip=pymupdf.Rect(picture.bbox))
        array = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.h, pixmap.w, 3)
        x, y = round(mapped.x0) - pixmap.x, round(mapped.y0) - pixmap.y
        return array[y : y + picture.height, x : x + picture.width]


def as_rgb(picture: Pixels) -> Pixels:
    return picture if picture.ndim == 3 else np.dstack([picture] * 3)


def likeness(one: Pixels, other: Pixels) -> float:
    return float(np.corrcoef(as_rgb(one).ravel(), as_rgb(other).ravel())[0, 1])


# an image of its own -----------------------------------------------------------------------------------


def test_grey_and_rgb_are_the_streams_own_pixels(
    sheet: Sheet, tmp_path: Path, grey: Pixels, rgb: Pixels
) -> None:
    for number, picture in enumerate((grey, rgb, np.dstack([grey] * 3))):
        one = Sheet(pikepdf.new())
        one.image(image_object(one.pdf, picture), BOX)
        out = tmp_path / str(number)
        out.mkdir()
        result = Result(one, out)
        (figure,) = result.pictures
        assert figure.file == f"paper-p0-{figure.xref}.png" and figure.xref
        assert (figure.role, figure.turned, figure.clipped, figure.overlay) == ("figure", "", False, False)
        assert np.allclose(figure.bbox, BOX, atol=0.01)
        assert np.array_equal(result.read(figure), picture)
        assert result.notes == []


def flate(sheet: Sheet, values: npt.NDArray[np.generic], **entries: object) -> pikepdf.Stream:
    height, width = values.shape[:2]
    return raw_image(sheet.pdf, zlib.compress(values.tobytes()), width, height, **entries)


def device_n(s: Sheet, g: Pixels) -> pikepdf.Stream:
    program = s.pdf.make_stream(b"{ exch pop dup dup }")
    program.update({"/FunctionType": 4, "/Domain": [0, 1, 0, 1], "/Range": [0, 1, 0, 1, 0, 1]})
    inks = Array([Name("/One"), Name("/Two")])
    return flate(s, np.dstack([255 - g, g]), ColorSpace=Array([Name.DeviceN, inks, Name.DeviceRGB, program]))


def lab(s: Sheet, g: Pixels) -> pikepdf.Stream:
    space = Array(
        [Name.Lab, pikepdf.Dictionary(WhitePoint=[0.9505, 1, 1.089], Range=Array([-100, 100, -100, 100]))]
    )
    return flate(s, np.dstack([g, g // 2 + 60, 190 - g // 2]), ColorSpace=space)


def calibrated_grey(s: Sheet, g: Pixels) -> pikepdf.Stream:
    space = Array([Name.CalGray, pikepdf.Dictionary(WhitePoint=[0.9505, 1, 1.089], Gamma=2.2)])
    return flate(s, g, ColorSpace=space)


def coarser_soft_mask(s: Sheet, g: Pixels) -> pikepdf.Stream:
    mask = s.pdf.make_indirect(
        image_object(s.pdf, np.tile(np.linspace(0, 255, 32).astype(np.uint8), (24, 1)))
    )
    return flate(s, g, ColorSpace=Name.DeviceGray, SMask=mask)


KINDS = (device_n, lab, calibrated_grey, coarser_soft_mask)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_rarer_kinds_as_mupdf_shows_them(
    kind: Callable[[Sheet, Pixels], pikepdf.Stream], sheet: Sheet, tmp_path: Path, grey: Pixels
) -> None:
    sheet.image(kind(sheet, grey), BOX)
    result = Result(sheet, tmp_path)
    (figure,) = result.pictures
    stored = result.read(figure)
    assert stored.shape[:2] == grey.shape and stored.std() > 10
    assert likeness(stored, result.shown(figure)) > 0.999
    assert np.abs(as_rgb(stored).astype(int) - result.shown(figure)).mean() < 2


@pytest.mark.parametrize("name", PIXELS)
def test_every_kind_of_image_as_a_viewer_shows_it(name: str, tmp_path: Path) -> None:
    written = PIXELS[name](tmp_path / "paper.pdf")
    names = NameBook("paper")
    out = tmp_path / "out"
    out.mkdir()
    with pymupdf.open(written.path) as document:
        for truth in written.figures:
            assert truth.page is not None and truth.bbox is not None and truth.pixels is not None
            page = read_page(document, truth.page)
            inside = [p for p in page.placements if np.allclose(p.bbox, truth.bbox, atol=0.5)]
            region = Region(truth.page, truth.bbox, tuple(inside))
            pictures, notes = write_pictures(page, region, out, names)
            assert (len(pictures), notes) == (1, [])
            figure = pictures[0]
            assert (figure.role, figure.turned, figure.clipped) == ("figure", truth.turned, truth.clipped)
            stored = as_rgb(read(out, figure))
            assert stored.shape == as_rgb(truth.pixels).shape
            assert np.abs(stored.astype(int) - as_rgb(truth.pixels)).max() <= truth.tolerance
    assert len({p.name for p in out.iterdir()}) == len(written.figures)


def test_shape_in_a_finer_soft_mask(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    mask = sheet.pdf.make_indirect(image_object(sheet.pdf, np.where(grey > 90, 255, 0).astype(np.uint8)))
    dark = np.full((2, 2), 30, np.uint8)
    sheet.image(image_object(sheet.pdf, dark, SMask=mask), BOX)
    result = Result(sheet, tmp_path)
    (figure,) = result.pictures
    assert (figure.width, figure.height) == (128, 96) and figure.xref
    assert np.abs(result.read(figure).astype(int) - np.where(grey > 90, 30, 255)).mean() < 2


def test_stencil_is_painted_in_its_colour(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    bits = grey < 90  # 0 is painted
    data = zlib.compress(np.packbits(bits, axis=1).tobytes())
    sheet.write("0.8 0 0.2 rg")
    sheet.image(raw_image(sheet.pdf, data, 128, 96, ImageMask=True, BitsPerComponent=1), BOX)
    result = Result(sheet, tmp_path)
    (figure,) = result.pictures
    expected = np.where(bits[:, :, None], 255, np.array([204, 0, 51]))
    assert np.abs(result.read(figure).astype(int) - expected).max() <= 1
    assert figure.file == f"paper-p0-{figure.xref}.png"


def test_inline_image(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    small = np.ascontiguousarray(grey[::2, ::2])
    sheet.write("q")
    sheet.place(BOX)
    sheet.write("BI /W 64 /H 48 /CS /G /BPC 8 /F /AHx ID", small.tobytes().hex() + ">", "EI", "Q")
    result = Result(sheet, tmp_path)
    (figure,) = result.pictures
    assert (figure.file, figure.xref) == ("paper-p0-f1.png", None)
    assert np.array_equal(result.read(figure), small)


def test_partly_transparent_placement_is_as_shown(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    sheet.image(image_object(sheet.pdf, grey), BOX, alpha=0.25)
    result = Result(sheet, tmp_path)
    (figure,) = result.pictures
    assert np.abs(result.read(figure).astype(int) - (191 + grey * 0.25)).max() <= 2


# turned and cut ----------------------------------------------------------------------------------------

TURNS: dict[str, tuple[tuple[float, ...], Callable[[Pixels], Pixels]]] = {
    "": ((1, 0, 0, 1, 0, 0), lambda a: a),
    "mirrored": ((-1, 0, 0, 1, 1, 0), np.fliplr),
    "flipped": ((1, 0, 0, -1, 0, 1), np.flipud),
    "rotated 180": ((-1, 0, 0, -1, 1, 1), lambda a: np.rot90(a, 2)),
    "rotated 90": ((0, -1, 1, 0, 0, 1), lambda a: np.rot90(a, -1)),
    "rotated 270": ((0, 1, -1, 0, 1, 0), np.rot90),
    "mirrored, rotated 90": ((0, 1, 1, 0, 0, 0), lambda a: np.rot90(np.fliplr(a), -1)),
    "mirrored, rotated 270": ((0, -1, -1, 0, 1, 1), lambda a: np.rot90(np.fliplr(a))),
}


@pytest.mark.parametrize("turned", TURNS)
def test_turned_images_are_saved_as_shown(turned: str, sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    matrix, turn = TURNS[turned]
    box = BOX if abs(matrix[0]) == 1 else (99.0, 120.0, 243.0, 312.0)
    sheet.image(image_object(sheet.pdf, grey), box, matrix)  # type: ignore[arg-type]
    result = Result(sheet, tmp_path, box)
    (figure,) = result.pictures
    assert figure.turned == turned
    assert np.array_equal(result.read(figure), turn(grey))
    assert likeness(result.read(figure), result.shown(figure)) > 0.999


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_pages_turned_by_the_viewer(rotate: int, tmp_path: Path, grey: Pixels) -> None:
    sheet = Sheet(pikepdf.new(), rotate=rotate)
    sheet.image(image_object(sheet.pdf, grey), BOX)
    result = Result(sheet, tmp_path)
    (figure,) = result.pictures
    assert np.array_equal(result.read(figure), grey)


@pytest.mark.parametrize("turned", ["", "mirrored", "rotated 90"])
def test_only_the_part_that_is_shown(turned: str, sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    matrix, turn = TURNS[turned]
    box = BOX if turned != "rotated 90" else (99.0, 120.0, 243.0, 312.0)
    clip = (box[0] + 15, box[1] + 30, box[2] - 45, box[3] - 3)  # 1.5 points a pixel
    sheet.image(image_object(sheet.pdf, grey), box, matrix, clip=clip)  # type: ignore[arg-type]
    result = Result(sheet, tmp_path, clip)
    (figure,) = result.pictures
    assert figure.clipped and np.allclose(figure.bbox, clip, atol=0.01)
    assert np.array_equal(result.read(figure), turn(grey)[20:-2, 10:-30])


def test_less_than_a_pixel_off_is_no_clip(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    sheet.image(image_object(sheet.pdf, grey), BOX, clip=(BOX[0] + 1, BOX[1], BOX[2] - 1, BOX[3]))
    result = Result(sheet, tmp_path)
    assert not result.pictures[0].clipped
    assert np.array_equal(result.read(result.pictures[0]), grey)


def test_a_sliver_off_the_edges_is_no_crop(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    """A table cell a little too narrow for its picture does not cost the picture its edge."""
    sheet.image(image_object(sheet.pdf, grey), BOX, clip=(BOX[0], BOX[1], BOX[2] - 5, BOX[3] - 3))
    result = Result(sheet, tmp_path)
    assert not result.pictures[0].clipped
    assert np.array_equal(result.read(result.pictures[0]), grey)


def test_askew_image_is_rendered(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    sheet.write("q 0.866 0.5 -0.5 0.866 0 0 cm 192 0 0 144 500 150 cm")
    sheet.write(f"/{sheet.use(image_object(sheet.pdf, grey))} Do", "Q")
    result = Result(sheet, tmp_path, (280, 160, 530, 430))
    (figure,) = result.pictures
    assert (figure.file, figure.xref) == ("paper-p0-f1.png", None)
    assert result.read(figure).std() > 20


def test_what_a_round_clip_hides_is_not_saved(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    bright = grey // 4 + 10
    x0, y0, x1, y1 = BOX[0], 792 - BOX[3], BOX[2], 792 - BOX[1]
    sheet.write(f"q {x0} {y0} m {x1} {y0} l {(x0 + x1) / 2} {y1} l h W n")
    sheet.image(image_object(sheet.pdf, bright), BOX)
    sheet.write("Q")
    result = Result(sheet, tmp_path)
    (figure,) = result.pictures
    assert figure.role == "figure"
    assert np.all(result.read(figure)[2:20, 2:20] == 255)


# what is drawn on it and around it ---------------------------------------------------------------------


def test_arrow_over_an_image_keeps_both(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    sheet.image(image_object(sheet.pdf, grey), BOX)
    sheet.path([(150, 180), (200, 220)], width=3, stroke="1 0 0")
    result = Result(sheet, tmp_path)
    figure, own = result.pictures
    assert [figure.role, own.role] == ["figure", "native"]
    assert figure.file == "paper-p0-f1.png" and own.file == f"paper-p0-{own.xref}.png"
    assert figure.xref is None and figure.overlay and own.overlay
    assert np.array_equal(result.read(own), grey)
    red = result.read(figure)
    assert red.ndim == 3 and ((red[:, :, 0] > 200) & (red[:, :, 1] < 60)).sum() > 50


def test_composed_picture_holds_the_image_unresampled(sheet: Sheet, tmp_path: Path) -> None:
    fine = np.asarray(phantom_ct(5, (600, 800)), np.uint8)  # 300 dpi
    sheet.image(image_object(sheet.pdf, fine), BOX)
    sheet.path([(110, 130), (130, 150)], width=2)
    sheet.text(150, 290, "A", "hebo", 14)
    result = Result(sheet, tmp_path, (90, 110, 300, 296))
    figure, own = result.pictures
    composed = result.read(figure)
    x, y = (int((own.bbox[k] - figure.bbox[k]) * 600 / 144) for k in (0, 1))
    unequal = min(
        np.count_nonzero(composed[y + j : y + j + 600, x + i : x + i + 800] != fine)
        for i in (0, 1)
        for j in (0, 1)
    )
    assert unequal < 0.01 * fine.size  # the line and nothing else


def test_letter_beside_an_image(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    sheet.image(image_object(sheet.pdf, grey), BOX)
    sheet.text(85, 130, "A", "hebo", 14)
    result = Result(sheet, tmp_path, (80, 110, BOX[2], BOX[3]))
    assert result.roles == ["figure", "native"]
    assert not any(p.overlay for p in result.pictures)
    assert result.pictures[0].width > (BOX[2] - 80) * 199 / 72  # 200 dpi for text


def test_redaction_is_part_of_the_figure(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    sheet.image(image_object(sheet.pdf, grey), BOX)
    sheet.box((110, 125, 180, 150), width=0, fill="1 1 1")
    result = Result(sheet, tmp_path)
    assert result.roles == ["figure", "native"] and result.pictures[0].overlay
    assert result.read(result.pictures[0])[30, 60] == 255


@pytest.mark.parametrize("what", ["under", "frame", "hidden text"])
def test_what_does_not_show_leaves_the_image_alone(
    what: str, sheet: Sheet, tmp_path: Path, grey: Pixels
) -> None:
    if what == "under":
        sheet.box((120, 140, 200, 200), fill="1 0 0")
        sheet.text(130, 220, "covered text")
    sheet.image(image_object(sheet.pdf, grey), BOX)
    if what == "frame":
        sheet.box(BOX, width=1)
    if what == "hidden text":
        sheet.text(130, 220, "recognised text", hidden=True)
    result = Result(sheet, tmp_path)
    (figure,) = result.pictures
    assert figure.xref and not figure.overlay
    assert np.array_equal(result.read(figure), grey)


def test_icon_over_an_image_is_an_overlay(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    sheet.image(image_object(sheet.pdf, grey), BOX)
    sheet.image(image_object(sheet.pdf, np.full((40, 40, 3), (255, 0, 0), np.uint8)), (150, 150, 190, 190))
    result = Result(sheet, tmp_path)
    assert result.roles == ["figure", "native"]
    assert np.array_equal(result.read(result.pictures[1]), grey)


def test_drawing_alone(sheet: Sheet, tmp_path: Path) -> None:
    sheet.plot(BOX)
    result = Result(sheet, tmp_path)
    (figure,) = result.pictures
    assert figure.file == "paper-p0-f1.png"
    assert abs(figure.width - 192 * 200 / 72) <= 1 and abs(figure.height - 144 * 200 / 72) <= 1
    assert result.read(figure).std() > 5


def test_nothing_there(sheet: Sheet, tmp_path: Path) -> None:
    assert Result(sheet, tmp_path).pictures == []


# several images ----------------------------------------------------------------------------------------


def lay(sheet: Sheet, whole: Pixels, rows: list[int], columns: list[int], dpi: float) -> Box:
    """Place ``whole`` in pieces, cut at ``rows`` and ``columns``."""
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            box = [v * 72 / dpi for v in (left, top, right, bottom)]
            place = (box[0] + 80, box[1] + 90, box[2] + 80, box[3] + 90)
            piece = np.ascontiguousarray(whole[top:bottom, left:right])
            sheet.image(image_object(sheet.pdf, piece), place)
    return 80, 90, 80 + whole.shape[1] * 72 / dpi, 90 + whole.shape[0] * 72 / dpi


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ([*range(0, 300, 7), 300], [0, 400]),
        ([0, 150, 300], [0, 190, 400]),
        ([0, 200, 300], [0, 400]),
        ([*range(0, 300, 50), 300], [*range(0, 400, 80), 400]),
    ],
    ids=["strips", "quarters", "two", "tiles"],
)
@pytest.mark.parametrize("dpi", [150, 217.3])
def test_tiles_are_joined(
    rows: list[int], columns: list[int], dpi: float, sheet: Sheet, tmp_path: Path
) -> None:
    whole = np.asarray(phantom_ct(7, (300, 400)), np.uint8)
    box = lay(sheet, whole, rows, columns, dpi)
    result = Result(sheet, tmp_path, box)
    (figure,) = result.pictures
    assert (figure.file, figure.xref, figure.role) == ("paper-p0-f1.png", None, "figure")
    assert np.array_equal(result.read(figure), whole)


def test_tiles_with_an_arrow(sheet: Sheet, tmp_path: Path) -> None:
    whole = np.asarray(phantom_ct(7, (300, 400)), np.uint8)
    box = lay(sheet, whole, [*range(0, 300, 20), 300], [0, 400], 200)
    sheet.path([(100, 110), (140, 140)], width=2, stroke="1 1 0")
    result = Result(sheet, tmp_path, box)
    assert [(p.role, p.file) for p in result.pictures] == [
        ("figure", "paper-p0-f1.png"),
        ("native", "paper-p0-f2.png"),
    ]
    assert np.array_equal(result.read(result.pictures[1]), whole)


def test_strips_with_white_left_out(sheet: Sheet, tmp_path: Path) -> None:
    whole = np.full((120, 400), 255, np.uint8)
    whole[:, 30:90] = np.asarray(phantom_ct(2, (120, 60)), np.uint8)
    whole[20:100:2, 200:350] = 0
    for row in range(120):
        for left, right in ((30, 90), (200, 350)):
            if left == 30 or whole[row, left] == 0:
                box = (80 + left * 0.36, 90 + row * 0.36, 80 + right * 0.36, 90 + (row + 1) * 0.36)
                sheet.image(image_object(sheet.pdf, whole[row : row + 1, left:right].copy()), box)
    result = Result(sheet, tmp_path, (80 + 30 * 0.36, 90, 80 + 350 * 0.36, 90 + 120 * 0.36))
    (figure,) = result.pictures
    assert np.array_equal(result.read(figure), whole[:, 30:350])


def test_tiles_around_another_image_are_no_picture_of_their_own(sheet: Sheet, tmp_path: Path) -> None:
    whole = np.asarray(phantom_ct(7, (300, 400)), np.uint8)
    for top in range(0, 300, 10):
        for left, right in ((0, 100), (300, 400)) if 50 <= top < 250 else ((0, 400),):
            place = (80 + left * 0.36, 90 + top * 0.36, 80 + right * 0.36, 90 + (top + 10) * 0.36)
            sheet.image(image_object(sheet.pdf, whole[top : top + 10, left:right].copy()), place)
    middle = np.asarray(phantom_ct(8, (150, 150)), np.uint8)
    sheet.image(image_object(sheet.pdf, middle), (116, 108, 188, 180))
    result = Result(sheet, tmp_path, (80, 90, 80 + 400 * 0.36, 90 + 300 * 0.36))
    assert result.roles == ["figure"]


def test_panels_of_separate_images(sheet: Sheet, tmp_path: Path) -> None:
    panels = [np.asarray(phantom_ct(k, (150 - k, 200)), np.uint8) for k in range(4)]
    for k in (2, 0, 3, 1):
        x, y = 80 + 160 * (k % 2), 90 + 120 * (k // 2)
        sheet.image(image_object(sheet.pdf, panels[k]), (x, y, x + 150, y + (150 - k) * 0.75))
    sheet.image(image_object(sheet.pdf, np.zeros((20, 20), np.uint8)), (235, 205, 239, 209))
    result = Result(sheet, tmp_path, (80, 90, 390, 320))
    assert result.roles == ["figure", *["part"] * 4]
    for picture, panel in zip(result.pictures[1:], panels, strict=True):
        assert picture.file == f"paper-p0-{picture.xref}.png"
        assert np.array_equal(result.read(picture), panel)
    assert result.pictures[0].file == "paper-p0-f1.png"
    assert abs(result.pictures[0].width - 310 * 200 / 150) <= 1


def test_panels_that_touch_stay_panels(sheet: Sheet, tmp_path: Path) -> None:
    panels = [np.pad(np.asarray(phantom_ct(k, (180, 180)), np.uint8), 10) for k in range(2)]
    for panel in panels:
        panel[:10] = panel[-10:] = panel[:, :10] = panel[:, -10:] = 0
    for k, panel in enumerate(panels):
        sheet.image(image_object(sheet.pdf, panel), (80 + 150 * k, 90, 230 + 150 * k, 240))
    result = Result(sheet, tmp_path, (80, 90, 380, 240))
    assert result.roles == ["figure", "part", "part"]
    assert np.array_equal(result.read(result.pictures[0]), np.hstack(panels))


def test_one_image_placed_twice(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    image = sheet.pdf.make_indirect(image_object(sheet.pdf, grey))
    sheet.image(image, BOX)
    sheet.image(image, BOX)
    sheet.image(image, (310, 120, 502, 264), (-1, 0, 0, 1, 1, 0))
    result = Result(sheet, tmp_path, (100, 120, 502, 264))
    assert result.roles == ["figure", "part", "part"]
    assert len({p.file for p in result.pictures}) == 3
    assert [p.turned for p in result.pictures] == ["", "", "mirrored"]


def test_names_are_never_given_twice() -> None:
    names = NameBook("paper")
    given = [names.image(0, 7), names.image(0, 7), names.image(1, 7), names.image(0, None), names.composed(1)]
    assert given == [
        "paper-p0-7.png",
        "paper-p0-f1.png",
        "paper-p1-7.png",
        "paper-p0-f2.png",
        "paper-p1-f1.png",
    ]


# bad input ---------------------------------------------------------------------------------------------


def huge(sheet: Sheet) -> pikepdf.Stream:
    """Claims 60000 x 60000 pixels in a few bytes."""
    return raw_image(sheet.pdf, zlib.compress(bytes(1000)), 60_000, 60_000, ColorSpace=Name.DeviceRGB)


def test_an_image_that_claims_too_many_pixels(sheet: Sheet, tmp_path: Path) -> None:
    sheet.image(huge(sheet), BOX)
    sheet.text(120, 150, "A")
    result = Result(sheet, tmp_path)
    assert result.pictures == []
    assert "of 60000x60000 pixels left out: too large" in result.notes[0]


def test_its_neighbours_are_kept(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    sheet.image(image_object(sheet.pdf, grey), BOX)
    sheet.image(huge(sheet), (310, 120, 502, 264))
    result = Result(sheet, tmp_path, (100, 120, 502, 264))
    (figure,) = result.pictures
    assert np.array_equal(result.read(figure), grey)
    assert len(result.notes) == 1


def test_a_mask_that_claims_too_many_pixels(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    mask = sheet.pdf.make_indirect(
        raw_image(sheet.pdf, zlib.compress(bytes(100)), 60_000, 60_000, ColorSpace=Name.DeviceGray)
    )
    sheet.image(image_object(sheet.pdf, grey, SMask=mask), BOX)
    result = Result(sheet, tmp_path)
    assert result.pictures == [] and "too large" in result.notes[0]


@pytest.mark.parametrize("name", ["DCTDecode", "JPXDecode", "FlateDecode"])
def test_a_broken_stream_costs_only_itself(name: str, sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    kind = Name("/" + name)
    sheet.image(raw_image(sheet.pdf, b"none", 128, 96, ColorSpace=Name.DeviceGray, Filter=kind), BOX)
    sheet.image(image_object(sheet.pdf, grey), (310, 120, 502, 264))
    result = Result(sheet, tmp_path, (BOX[0], 120, 502, 264))
    assert np.array_equal(result.read(result.pictures[-1]), grey)


def test_an_image_that_fails_to_decode(
    sheet: Sheet, tmp_path: Path, grey: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(image: object) -> None:
        raise mupdf.FzErrorFormat("no data")

    monkeypatch.setattr(mupdf, "fz_get_unscaled_pixmap_from_image", fail)
    sheet.image(image_object(sheet.pdf, grey), BOX)
    result = Result(sheet, tmp_path)
    assert result.pictures == []
    assert len(result.notes) == 1 and "128x96 pixels left out: it cannot be decoded" in result.notes[0]


def test_a_page_of_200_inches_is_capped(
    tmp_path: Path, grey: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "MAX_COMPOSED", 500_000)
    sheet = Sheet(pikepdf.new(), 14_400, 14_400)
    sheet.path([(100, 100), (14_000, 14_000)], width=40)
    sheet.image(image_object(sheet.pdf, grey), (200, 9_000, 203, 9_002))
    result = Result(sheet, tmp_path, (0, 0, 14_400, 14_400))
    assert result.pictures[0].width * result.pictures[0].height <= 501_000


def test_thousands_of_tiny_images(sheet: Sheet, tmp_path: Path) -> None:
    dot = sheet.pdf.make_indirect(image_object(sheet.pdf, np.full((6, 6, 3), (200, 0, 0), np.uint8)))
    rng = np.random.default_rng(0)
    for x, y in rng.uniform((60, 80), (500, 700), (3000, 2)):
        sheet.image(dot, (x, y, x + 2, y + 2))
    result = Result(sheet, tmp_path, (60, 80, 502, 702))
    assert result.roles == ["figure"]
    assert (result.read(result.pictures[0])[:, :, 1] < 128).sum() > 10_000


# the file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (37, 53), (1, 700, 3), (301, 1, 3), (64, 48, 3)])
def test_png_holds_pixels_and_nothing_else(
    shape: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(png, "_BAND", 1000)
    stored = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    path = tmp_path / "a.png"
    turned = stored[::-1, ::-1]
    digest = write_png(turned, path)
    image = Image.open(path)
    assert np.array_equal(np.asarray(image), turned) and image.info == {}
    mode = "L" if len(shape) == 2 else "RGB"
    expected = f"{mode} {shape[1]} {shape[0]} ".encode() + turned.tobytes()
    assert digest == hashlib.sha256(expected).hexdigest()
    data, at, kinds = path.read_bytes(), 8, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        kinds.append(kind)
        at += 12 + length
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}


def test_equal_pixels_have_equal_digests(sheet: Sheet, tmp_path: Path, grey: Pixels) -> None:
    sheet.image(image_object(sheet.pdf, grey), BOX)
    sheet.image(image_object(sheet.pdf, np.fliplr(grey).copy()), (310, 120, 502, 264), (-1, 0, 0, 1, 1, 0))
    result = Result(sheet, tmp_path, (100, 120, 502, 264))
    assert result.pictures[1].pixels == result.pictures[2].pixels != result.pictures[0].pixels


# real papers -------------------------------------------------------------------------------------------


def test_real_images_are_what_mupdf_shows(papers: Path, tmp_path: Path) -> None:
    likes: list[float] = []
    for path in sorted((papers / "preprints").glob("*.pdf"))[:8]:
        with pymupdf.open(path) as document:
            names = NameBook(path.stem)
            for number in range(len(document)):
                page = read_page(document, number)
                for placement in page.placements:
                    x0, y0, x1, y1 = placement.bbox
                    if (x1 - x0) * (y1 - y0) < 20_000 or len(likes) >= 60:
                        continue
                    region = Region(number, placement.bbox, (placement,))
                    pictures, _ = write_pictures(page, region, tmp_path, names)
                    stored = read(tmp_path, pictures[0])
                    box = pictures[0].bbox
                    zoom = pymupdf.Matrix(256 / (box[2] - box[0]), 256 / (box[3] - box[1]))
                    pixmap = document[number].get_pixmap(matrix=zoom, clip=pymupdf.Rect(box))
                    shown = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.h, pixmap.w, 3)
                    small = cv2.resize(
                        np.ascontiguousarray(as_rgb(stored)),
                        (pixmap.w, pixmap.h),
                        interpolation=cv2.INTER_AREA,
                    )
                    likes.append(likeness(np.asarray(small, np.uint8), shown))
    assert len(likes) > 10
    assert np.median(likes) > 0.98  # where they differ, something is drawn over the image
