"""Figures in pieces: strips, tiles, panels, drawings, letters over pictures. Adds to LAYOUTS."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from pikepdf import Array, Dictionary, Name

from .layouts import CASES, layout
from .phantom import Pixels, compound, phantom_ct
from .truth import Placed, Written
from .writer import Manuscript

Cut = tuple[int, int, int, int]


def _pieces(m: Manuscript, pixels: Pixels, width: float, cuts: Iterable[Cut], below: float = 60) -> Placed:
    """Paint a picture as pieces; a cut is (top, left, bottom, right) in its pixels."""
    scale = width / pixels.shape[1]
    m.room(pixels.shape[0] * scale + 10 + below)
    x, y = m.left + (m.measure - width) / 2, m.y + 10
    for top, left, bottom, right in cuts:
        piece = np.ascontiguousarray(pixels[top:bottom, left:right])
        box = (x + left * scale, y + top * scale, x + right * scale, y + bottom * scale)
        m.sheet.image(m.object(piece), box)
    m.y = y + pixels.shape[0] * scale
    return Placed(m.at, (x, y, x + width, m.y))


def _whole(path: Path, seed: int, pixels: Pixels, width: float, cuts: Iterable[Cut]) -> Written:
    m = Manuscript(path, seed)
    m.article("Figure 1")
    placed = _pieces(m, pixels, width, cuts)
    m.y += 4
    caption = m.caption("Figure 1.", CASES[0], keep=False)
    m.record("Figure 1", CASES[0], placed, "below", caption.page, pixels=pixels)
    m.body(8)
    return m.save()


@layout
def strips(path: Path, seed: int = 0) -> Written:
    """One picture in 300 strips of two rows each."""
    pixels = phantom_ct(seed, (600, 520))
    return _whole(path, seed, pixels, 400, ((y, 0, y + 2, 520) for y in range(0, 600, 2)))


@layout
def slivers(path: Path, seed: int = 0) -> Written:
    """One picture in 3,000 strips of one row each."""
    pixels = phantom_ct(seed, (750, 600)).repeat(4, axis=0).repeat(4, axis=1)
    return _whole(path, seed, pixels, 400, ((y, 0, y + 1, 2400) for y in range(3000)))


@layout
def tiles(path: Path, seed: int = 0) -> Written:
    """One picture in 31 tiles: six rows of five, and one strip along the bottom."""
    pixels = phantom_ct(seed, (520, 500))
    cuts = [(80 * r, 100 * c, 80 * r + 80, 100 * c + 100) for r in range(6) for c in range(5)]
    return _whole(path, seed, pixels, 330, [*cuts, (480, 0, 520, 500)])


def _grid(
    m: Manuscript, seed: int, rows: int, columns: int, width: float, gap: float, under: float
) -> list[tuple[Placed, Pixels]]:
    """Panels, each an image of its own, from the present place down."""
    panels = []
    left = m.left + (m.measure - columns * width - (columns - 1) * gap) / 2
    top = m.y + 10
    for k in range(rows * columns):
        row, column = divmod(k, columns)
        pixels = phantom_ct(seed + k, (250, 280))
        x, y = left + column * (width + gap), top + row * (width * 250 / 280 + under)
        panels.append((m.picture(pixels, width, x=x, y=y), pixels))
    m.y = panels[-1][0].box[3]
    return panels


def _around(panels: list[tuple[Placed, Pixels]]) -> Placed:
    whole = panels[0][0]
    for where, _ in panels[1:]:
        whole |= where
    return whole


@layout
def panels_lettered_below(path: Path, seed: int = 0) -> Written:
    """Four panels, each an image of its own, with "(a)" set as text beneath it."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    m.page()
    panels = _grid(m, seed, 2, 2, 200, 16, 22)
    for k, (where, _) in enumerate(panels):
        m.sheet.text((where.box[0] + where.box[2]) / 2 - 6, where.box[3] + 13, f"({'abcd'[k]})", size=10)
    m.y += 22
    text = f"(a) First scan. (b) Day 4. (c) Day 9. (d) Day 14. {CASES[0]}"
    caption = m.caption("Figure 1.", text, keep=False)
    m.record("Figure 1", text, _around(panels), "below", caption.page, panels=panels)
    m.body(8)
    return m.save()


@layout
def letters_before_caption(path: Path, seed: int = 0) -> Written:
    """Two panels whose letters are lines of text glued before the caption: "(a)", "(b)", "Figure 1:"."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    m.page()
    panels = _grid(m, seed, 1, 2, 200, 16, 0)
    for k, (where, _) in enumerate(panels):
        m.sheet.text((where.box[0] + where.box[2]) / 2 - 6, m.y + 11, f"({'ab'[k]})", size=10)
    m.y += 12
    text = f"Two levels of one scan. {CASES[2]}"
    caption = m.caption("Figure 1:", text, keep=False)
    m.record("Figure 1", text, _around(panels), "below", caption.page, panels=panels)
    m.body(8)
    return m.save()


@layout
def panels_close(path: Path, seed: int = 0) -> Written:
    """Six panels, each an image of its own, three points apart, with white letters painted over them."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    m.page()
    panels = _grid(m, seed, 2, 3, 150, 3, 3)
    for k, (where, _) in enumerate(panels):
        m.sheet.text(where.box[0] + 5, where.box[1] + 16, "ABCDEF"[k], "hebo", 14, grey=1)
    m.y += 4
    text = f"(A-C) First scan. (D-F) Second scan. {CASES[1]}"
    caption = m.caption("Figure 1.", text, keep=False)
    m.record("Figure 1", text, _around(panels), "below", caption.page, panels=panels, overlay=True)
    m.body(8)
    return m.save()


@layout
def compound_figure(path: Path, seed: int = 0) -> Written:
    """Six lettered panels in one image."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    m.page()
    m.figure(1, f"(A-C) First scan. (D-F) Second scan. {CASES[1]}", compound(2, 3, seed), width=440)
    m.body(8)
    return m.save()


@layout
def annotated(path: Path, seed: int = 0) -> Written:
    """Arrows, a letter and a scale bar drawn over an image; `pixels` are the image's own."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    pixels = phantom_ct(seed)
    placed = m.picture(pixels, 260, below=70)
    x0, y0, x1, y1 = placed.box
    for x, y in ((x0 + 60, y0 + 130), (x0 + 190, y0 + 150)):
        m.sheet.path([(x - 24, y - 24), (x - 6, y - 6)], width=2, stroke="1 1 0")
        head = [(x, y), (x - 11, y - 4), (x - 4, y - 11)]
        m.sheet.path(head, width=0, close=True, fill="1 1 0", stroke="1 1 0")
    m.sheet.text(x0 + 8, y0 + 22, "A", "hebo", 18, grey=1)
    m.sheet.path([(x1 - 60, y1 - 12), (x1 - 12, y1 - 12)], width=3, stroke="1 1 1")
    m.y += 4
    text = f"{CASES[0]} Arrows mark the opacities."
    caption = m.caption("Figure 1.", text, keep=False)
    m.record("Figure 1", text, placed, "below", caption.page, pixels=pixels, overlay=True)
    m.body(6)
    return m.save()


def _drawing(m: Manuscript, height: float, text: str) -> Placed:
    m.room(height + 60)
    box = (m.left + 40, m.y + 10, m.left + 400, m.y + 10 + height)
    m.y = box[3] + 4
    caption = m.caption("Figure 1.", text, keep=False)
    placed = Placed(m.at, box)
    m.record("Figure 1", text, placed, "below", caption.page)
    return placed


@layout
def vector_plot(path: Path, seed: int = 0) -> Written:
    """Axes, curves and tick labels, and no image at all."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    placed = _drawing(m, 220, "Course of the CT score over 25 days in three groups of invented patients.")
    m.sheet.plot(placed.box, seed)
    m.body(8)
    return m.save()


@layout
def heavy_plot(path: Path, seed: int = 0) -> Written:
    """A scatter plot of 13,000 paths."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    placed = _drawing(m, 260, "Each of 13,000 voxels of one invented lesion, by density and distance.")
    m.sheet.plot(placed.box, seed, curves=1)
    x0, y0, x1, y1 = placed.box
    spots = m.rng.uniform((x0 + 34, y0 + 8), (x1 - 8, y1 - 32), (13_000, 2))
    for x, y in spots:
        m.sheet.box((x, y, x + 1.2, y + 1.2), width=0, fill="0.2 0.4 0.7")
    m.body(6)
    return m.save()


@layout
def plot_and_picture(path: Path, seed: int = 0) -> Written:
    """One figure of a CT and a drawn plot side by side."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    m.room(280)
    pixels = phantom_ct(seed)
    placed = m.picture(pixels, 210, x=m.left, y=m.y + 10)
    box = (m.left + 224, placed.box[1], m.left + 460, placed.box[3])
    m.sheet.plot(box, seed)
    m.y = placed.box[3] + 4
    text = "Left: CT on admission. Right: course of the score in three groups of invented patients."
    caption = m.caption("Figure 1.", text, keep=False)
    m.record("Figure 1", text, placed | Placed(m.at, box), "below", caption.page, panels=[(placed, pixels)])
    m.body(6)
    return m.save()


@layout
def form_figure(path: Path, seed: int = 0) -> Written:
    """The picture lies in a form XObject with a matrix of its own, as drawing programs write it."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    pixels = phantom_ct(seed, (300, 360))
    m.room(320)
    box = (m.left + 80, m.y + 10, m.left + 380, m.y + 260)
    form = m.pdf.make_stream(
        b"q 720 0 0 600 0 0 cm /Im0 Do Q",
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 720, 600]),
        Matrix=Array([1 / 720, 0, 0, 1 / 600, 0, 0]),
        Resources=Dictionary(XObject=Dictionary(Im0=m.pdf.make_indirect(m.object(pixels)))),
    )
    m.sheet.image(form, box)
    m.y = box[3] + 4
    caption = m.caption("Figure 1.", CASES[3], keep=False)
    m.record("Figure 1", CASES[3], Placed(m.at, box), "below", caption.page, pixels=pixels)
    m.body(6)
    return m.save()


@layout
def inline_images(path: Path, seed: int = 0) -> Written:
    """The picture stands in the page's own operators, as eight inline strips."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    pixels = phantom_ct(seed, (240, 240))
    m.room(320)
    x, y, side = m.left + 110, m.y + 10, 240.0
    for k in range(8):
        strip = np.ascontiguousarray(pixels[30 * k : 30 * k + 30])
        m.sheet.write("q")
        m.sheet.place((x, y + 30 * k, x + side, y + 30 * k + 30))
        data = zlib.compress(strip.tobytes(), 9)
        m.sheet.write(
            f"BI /W 240 /H 30 /BPC 8 /CS /G /F /Fl /L {len(data)} ID".encode() + b" " + data, "EI", "Q"
        )
    m.y = y + side + 4
    caption = m.caption("Figure 1.", CASES[3], keep=False)
    m.record(
        "Figure 1", CASES[3], Placed(m.at, (x, y, x + side, y + side)), "below", caption.page, pixels=pixels
    )
    m.body(6)
    return m.save()
