"""What is on a page and is no figure, and pages that are odd themselves. Adds to LAYOUTS."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np

from .layouts import CASES, layout
from .phantom import Pixels, lettered, phantom_ct, scanned
from .style import Stamp, Style
from .truth import Placed, Written
from .writer import Manuscript


def _badge(text: str, width: int = 120, height: int = 42, grey: int = 90) -> Pixels:
    """A small grey picture with letters, as logos and licence badges are."""
    return lettered(np.full((height, width), grey, np.uint8), text, 22)


def table(m: Manuscript, number: int, rows: int = 6) -> None:
    """A ruled table with its caption above."""
    m.room(40 + 15 * rows)
    top = m.y + 6
    m.caption(f"Table {number}.", "Features of the invented patients at each examination.", keep=False)
    names = ("Feature", "Day 0", "Day 4", "Day 9")
    rules = (m.y, m.y + 16, m.y + 20 + 15 * rows)
    for y in rules:
        m.sheet.path([(m.left, y), (m.left + m.measure, y)], width=0.9)
    for row in range(rows + 1):
        for column, name in enumerate(names):
            cell = name if row == 0 else f"Item {row}" if column == 0 else str(int(m.rng.integers(1, 99)))
            y = m.y + 12 + 15 * row + (4 if row else 0)
            m.sheet.text(m.left + 6 + column * m.measure / 4, y, cell, "tibo" if row == 0 else "tiro", 10)
    m.y = rules[-1] + 12
    m.tables.append(Placed(m.at, (m.left, top, m.left + m.measure, rules[-1])))


def boxed_table(m: Manuscript, number: int, rows: int = 5) -> None:
    """A table whose every cell has a border and whose head is shaded."""
    m.room(60 + 16 * rows)
    top = m.y + 6
    m.caption(f"Table {number}.", "Doses and times, all invented.", keep=False)
    wide = m.measure / 4
    for row in range(rows):
        for column in range(4):
            x, y = m.left + column * wide, m.y + 16 * row
            m.sheet.box((x, y, x + wide, y + 16), width=0.5, fill="0.85 0.9 1" if row == 0 else None)
            m.sheet.text(x + 5, y + 12, f"{'ABCD'[column]}{row}", size=10)
    m.y += 16 * rows
    m.tables.append(Placed(m.at, (m.left, top, m.left + m.measure, m.y)))
    m.y += 12


def equation(m: Manuscript) -> None:
    """A displayed equation in text and a drawn fraction bar, then one that is a small picture."""
    m.y += 26
    x = m.left + 150
    m.sheet.text(x, m.y, "S  =", "tiit", 12)
    m.sheet.text(x + 36, m.y - 8, "a + 2b", "tiit", 12)
    m.sheet.path([(x + 30, m.y - 4), (x + 80, m.y - 4)], width=0.7)
    m.sheet.text(x + 44, m.y + 9, "n", "tiit", 12)
    m.sheet.text(m.left + m.measure - 20, m.y, "(1)", size=11)
    m.y += 14
    ink = 255 - lettered(np.zeros((36, 190), np.uint8), "T = c + d", 24)
    m.furniture.append(m.picture(ink, 100))
    m.y += 10


@layout
def no_figures(path: Path, seed: int = 0) -> Written:
    """A paper with tables and equations only."""
    m = Manuscript(path, seed)
    m.article()
    m.body(8)
    table(m, 1)
    m.body(4)
    equation(m)
    m.body(6)
    boxed_table(m, 2)
    m.body(4)
    return m.save()


@layout
def tables_and_equations(path: Path, seed: int = 0) -> Written:
    """A figure and a plot between tables and equations."""
    m = Manuscript(path, seed)
    m.article("Figure 1", "Figure 2")
    table(m, 1)
    m.figure(1, CASES[0], width=200)
    equation(m)
    boxed_table(m, 2)
    m.room(290)
    box = (m.left + 60, m.y + 10, m.left + 380, m.y + 210)
    m.sheet.plot(box, seed)
    m.y = box[3] + 4
    text = "Course of the CT score over 25 days."
    caption = m.caption("Figure 2.", text, keep=False)
    m.record("Figure 2", text, Placed(m.at, box), "below", caption.page)
    m.body(6)
    return m.save()


@layout
def logos(path: Path, seed: int = 0) -> Written:
    """A logo on each page, a licence badge, an icon beside an author's name."""
    m = Manuscript(path, seed, logo=_badge("NGH"))
    m.furniture.append(m.picture(_badge("CC BY", 110, 40), 60, x=72, y=740))
    icon = np.full((48, 48, 3), 255, np.uint8)
    y, x = np.mgrid[0:48, 0:48]
    icon[(y - 24) ** 2 + (x - 24) ** 2 < 500] = (160, 200, 60)
    m.furniture.append(m.picture(icon, 9, x=300, y=116))
    m.article("Figure 1", "Figure 2")
    m.figure(1, CASES[0])
    m.body(30)
    m.figure(2, CASES[1])
    m.body(30)
    return m.save()


@layout
def graphical_abstract(path: Path, seed: int = 0) -> Written:
    """A picture under "Graphical abstract" on the first page, with no caption; then Figure 1."""
    m = Manuscript(path, seed)
    m.front()
    m.heading("Graphical abstract")
    pixels = np.stack([phantom_ct(seed + 30, (180, 360))] * 3, axis=-1)
    pixels[150:, :, 2] = 220
    m.record(None, "", m.picture(pixels, 320), "none", pixels=pixels)
    m.page()
    m.heading("Results")
    m.body(4, ("Figure 1", "The first scan was abnormal in all patients (Figure 1)."))
    m.figure(1, CASES[0])
    m.body(6)
    return m.save()


@layout
def no_doi(path: Path, seed: int = 0) -> Written:
    """A manuscript that no server has stamped."""
    m = Manuscript(path, seed, stamp=None)
    m.article("Figure 1")
    m.figure(1, CASES[2])
    m.body(6)
    return m.save()


@layout
def side_stamp(path: Path, seed: int = 0) -> Written:
    """The stamp runs upwards in the left margin; the server is bioRxiv."""
    m = Manuscript(path, seed, stamp=Stamp(server="bioRxiv", side=True), style=Style(numbers=False))
    m.article("Figure 1")
    m.figure(1, CASES[2])
    m.body(6)
    return m.save()


@layout
def rotated_page(path: Path, seed: int = 0) -> Written:
    """Figure pages in landscape by /Rotate 90 and /Rotate 270."""
    m = Manuscript(path, seed)
    m.article("Figure 1", "Figure 2")
    for number, rotate in ((1, 90), (2, 270)):
        m.page(792, 612, rotate=rotate)
        m.figure(number, CASES[number], phantom_ct(seed + number, (300, 420)), width=480)
    return m.save()


@layout
def cropped_page(path: Path, seed: int = 0) -> Written:
    """Pages whose crop box lies inside a larger media box, not at its corner."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    m.page(crop=(40, 60))
    m.figure(1, CASES[0])
    m.body(6)
    return m.save()


@layout
def scan_with_hidden_text(path: Path, seed: int = 0) -> Written:
    """A page that is one scan with its words in invisible text over it; the figure is part of the scan."""
    m = Manuscript(path, seed, style=Style(numbers=False))
    m.article("Figure 1")
    m.page(plain=True)
    lines = textwrap.wrap(f"Figure 1. {CASES[0]}", 90)
    sheet = scanned(lines, 1020, 1320, top=720)
    sheet[180:680, 260:760] = phantom_ct(seed, 500)
    m.picture(sheet, 612, x=0, y=0)
    scale = 612 / 1020
    box = (260 * scale, 180 * scale, 760 * scale, 680 * scale)
    for k, line in enumerate(lines):
        m.sheet.text(80, 432 + 14.4 * k, line, size=10.2, hidden=True)
    m.record("Figure 1", CASES[0], Placed(m.at, box), "below", m.at)
    return m.save()


@layout
def hidden_letters(path: Path, seed: int = 0) -> Written:
    """Invisible letters at the ends of the caption's lines, as some preprints carry."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    pixels = phantom_ct(seed)
    placed = m.picture(pixels, 240, below=80)
    m.y += 4
    top = m.y
    caption = m.caption("Figure 1.", CASES[0], keep=False)
    for k in range(2):
        m.sheet.text(caption.box[2] + 6, top + 12.5 * (k + 1), "peer", size=10, hidden=True)
    m.record("Figure 1", CASES[0], placed, "below", caption.page, pixels=pixels)
    m.body(6)
    return m.save()
