"""Manuscripts set as preprints are set, each with its truth: ``LAYOUTS[name](path, seed) -> Written``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .phantom import Pixels, compound, phantom_ct
from .style import Style
from .truth import Placed, Written
from .writer import Manuscript

Layout = Callable[[Path, int], Written]
LAYOUTS: dict[str, Layout] = {}

CASES = (
    "Chest CT of a 52-year-old man with fever and cough for five days. Axial image on admission shows "
    "patchy ground-glass opacities in both lower lobes.",
    "Follow-up CT of the same patient on day 9. The opacities have become denser and a crazy-paving "
    "pattern is seen in the right lower lobe.",
    "A 34-year-old woman, nurse, with close contact to a confirmed patient. CT on day 2 of illness shows "
    "a single subpleural nodule with a halo.",
    "Images of a 67-year-old man with severe disease who was moved to intensive care. There is diffuse "
    "consolidation with air bronchograms; the heart is not enlarged.",
)


def layout(function: Layout) -> Layout:
    """List a layout under its function's name."""
    LAYOUTS[function.__name__] = function
    return function


@layout
def clean(path: Path, seed: int = 0) -> Written:
    """Captions below, stamp, line numbers: the manuscript as it should be."""
    m = Manuscript(path, seed)
    m.article("Figure 1", "Figure 2")
    m.figure(1, CASES[0])
    m.body(6)
    m.figure(2, CASES[1], compound(2, 2, seed + 5))
    m.heading("Discussion")
    m.body(8)
    return m.save()


@layout
def captions_above(path: Path, seed: int = 0) -> Written:
    """Each caption stands above its picture."""
    m = Manuscript(path, seed)
    m.article("Figure 1", "Figure 2")
    m.figure(1, CASES[0], above=True)
    m.body(6)
    m.figure(2, CASES[3], above=True)
    m.body(8)
    return m.save()


@layout
def caption_beside(path: Path, seed: int = 0) -> Written:
    """The caption stands to the right of its picture."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    pixels = phantom_ct(seed, (300, 360))
    m.room(220)
    placed = m.picture(pixels, 230, x=m.left)
    end = m.y + 14
    caption = m.caption("Figure 1.", CASES[0], left=m.left + 245, width=m.measure - 245, y=placed.box[1] + 20)
    m.record("Figure 1", CASES[0], placed, "beside", caption.page, pixels=pixels)
    m.y = end
    m.body(8)
    return m.save()


@layout
def side_by_side(path: Path, seed: int = 0) -> Written:
    """Two figures next to each other whose captions are their labels and nothing else."""
    m = Manuscript(path, seed)
    m.article("Figure 1", "Figure 2")
    m.room(270)
    top = m.y + 10
    for k in range(2):
        pixels = phantom_ct(seed + k)
        x = m.left + k * 240
        placed = m.picture(pixels, 225, x=x, y=top)
        caption = m.caption(f"Figure {k + 1}", "", left=x + 85, y=top + 230, numbered=k == 0)
        m.record(f"Figure {k + 1}", "", placed, "below", caption.page, pixels=pixels)
    m.body(8)
    return m.save()


def _legends(m: Manuscript, count: int) -> int:
    """Front matter, then a section of legends; returns its page."""
    m.article(*(f"Figure {k + 1}" for k in range(count)))
    m.page()
    m.heading("Figure legends")
    for k in range(count):
        m.caption(f"Figure {k + 1}.", CASES[k])
    return m.at


@layout
def legends_section(path: Path, seed: int = 0) -> Written:
    """Legends in a section of their own; each picture has a page, and "Figure 1" under it."""
    m = Manuscript(path, seed)
    page = _legends(m, 3)
    for k in range(3):
        m.page()
        pixels = phantom_ct(seed + k, (300, 380))
        placed = m.picture(pixels, 380)
        m.y += 10
        m.flow(f"Figure {k + 1}", centred=True, numbered=False)
        m.record(f"Figure {k + 1}", CASES[k], placed, "legend", page, pixels=pixels)
    return m.save()


@layout
def legends_bare(path: Path, seed: int = 0) -> Written:
    """Legends in a section of their own; the pictures come later, in order, with no word beside them."""
    m = Manuscript(path, seed)
    page = _legends(m, 3)
    for k in range(3):
        m.page()
        pixels = phantom_ct(seed + k, (300, 380))
        m.record(f"Figure {k + 1}", CASES[k], m.picture(pixels, 400), "legend", page, pixels=pixels)
    return m.save()


@layout
def picture_pages(path: Path, seed: int = 0) -> Written:
    """Legends in a section of their own; each picture is a whole page of the picture's size."""
    m = Manuscript(path, seed)
    page = _legends(m, 3)
    for k, (height, width) in enumerate(((380, 510), (252, 510), (700, 570))):
        m.page(width, height, plain=True)
        pixels = phantom_ct(seed + k, (height, width))
        placed = m.picture(pixels, width, x=0, y=0)
        m.record(f"Figure {k + 1}", CASES[k], placed, "legend", page, pixels=pixels)
    return m.save()


@layout
def full_page_images(path: Path, seed: int = 0) -> Written:
    """Figure pages that are one image each, white border included, with the stamp as their only text."""
    m = Manuscript(path, seed)
    page = _legends(m, 2)
    for k in range(2):
        m.page(plain=True)
        pixels = np.full((792, 612), 255, np.uint8)
        pixels[120:420, 110:490] = phantom_ct(seed + k, (300, 380))
        placed = m.picture(pixels, 612, x=0, y=0)
        m.record(f"Figure {k + 1}", CASES[k], placed, "legend", page, pixels=pixels)
    return m.save()


@layout
def second_title(path: Path, seed: int = 0) -> Written:
    """At the picture stands "Figure 1." with the author list; the real legend is in its section."""
    m = Manuscript(path, seed)
    page = _legends(m, 2)
    for k in range(2):
        m.page()
        m.flow("Example, Placeholder, Imaginary et al.", bold=(f"Figure {k + 1}.", "tibo"), numbered=False)
        pixels = phantom_ct(seed + k)
        m.record(f"Figure {k + 1}", CASES[k], m.picture(pixels, 360), "legend", page, pixels=pixels)
    return m.save()


@layout
def caption_next_page(path: Path, seed: int = 0) -> Written:
    """The picture fills its page; the caption opens the next one."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    m.page()
    pixels = phantom_ct(seed, (610, 460))
    placed = m.picture(pixels, 460)
    m.page()
    caption = m.caption("Figure 1.", CASES[0])
    m.record("Figure 1", CASES[0], placed, "next-page", caption.page, pixels=pixels)
    m.body(8)
    return m.save()


@layout
def caption_previous_page(path: Path, seed: int = 0) -> Written:
    """The caption ends its page; the picture opens the next one."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    while m.y < 600:
        m.body(3)
    caption = m.caption("Figure 1.", CASES[0], keep=False)
    m.page()
    pixels = phantom_ct(seed, (420, 460))
    placed = m.picture(pixels, 440)
    m.record("Figure 1", CASES[0], placed, "previous-page", caption.page, pixels=pixels)
    m.y += 20
    m.body(8)
    return m.save()


LONG = " ".join(CASES) + " Scale bars are absent because nothing was measured."


@layout
def caption_over_page(path: Path, seed: int = 0) -> Written:
    """The caption starts below its picture and goes on at the top of the next page."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    m.page()
    m.body(5)
    pixels = phantom_ct(seed, (440, 400))
    placed = m.picture(pixels, 440, x=m.left + 14, y=m.bottom - 544)
    m.y = m.bottom - 50
    caption = m.caption("Figure 1.", LONG, keep=False, y=m.y)
    m.record("Figure 1", LONG, placed, "below", caption.page, pixels=pixels)
    m.body(8)
    return m.save()


def _columns() -> Style:
    return Style(
        columns=2, numbers=False, margin=54, size=9.5, leading=11.5, caption_size=8.5, caption_leading=10.5
    )


@layout
def caption_next_column(path: Path, seed: int = 0) -> Written:
    """A two-column paper: one caption goes on at the top of the next column, one picture spans both."""
    m = Manuscript(path, seed, style=_columns())
    m.article("Figure 1", "Figure 2")
    while m.column or m.y > 400:
        m.body(4)
    while m.y < 440:
        m.body(2)
    pixels = phantom_ct(seed, (250, 300))
    placed = m.picture(pixels, 240, x=m.left, y=m.bottom - 232)
    m.y = m.bottom - 26
    caption = m.caption("Figure 1.", LONG, keep=False, y=m.y)
    m.record("Figure 1", LONG, placed, "below", caption.page, pixels=pixels)
    m.body(8)
    m.page()
    wide = compound(1, 3, seed + 3)
    spanning = m.picture(wide, 504, x=m.left, y=72)
    second = m.caption("Figure 2.", CASES[1], left=m.left, width=504, y=spanning.box[3] + 4)
    m.record("Figure 2", CASES[1], spanning, "below", second.page, pixels=wide)
    m.top = m.y
    m.body(14)
    m.body(14)
    m.body(14)
    return m.save()


@layout
def two_captions_two_pictures(path: Path, seed: int = 0) -> Written:
    """Two captions one after the other, and under them two pictures."""
    m = Manuscript(path, seed)
    m.article("Figure 1", "Figure 2")
    m.page()
    captions = [m.caption(f"Figure {k + 1}.", CASES[k]) for k in range(2)]
    for k in range(2):
        pixels = phantom_ct(seed + k, (260, 340))
        placed = m.picture(pixels, 300)
        m.y += 8
        m.record(f"Figure {k + 1}", CASES[k], placed, "above", captions[k].page, pixels=pixels)
    return m.save()


@layout
def body_starts_like_caption(path: Path, seed: int = 0) -> Written:
    """Paragraphs of the body start with "Figure 2 shows ..." in the body's style."""
    m = Manuscript(path, seed)
    m.article("Figure 1", "Figure 2")
    m.figure(1, CASES[0])
    sentence = m.cited(
        "Figure 2", "Figure 2 shows the same patient four days later, when the fever had gone."
    )
    m.flow(f"{sentence} Dry cough persisted for another week and then ceased without further treatment.")
    m.body(5)
    m.figure(2, CASES[1])
    m.body(5)
    return m.save()


@layout
def graphs(path: Path, seed: int = 0) -> Written:
    """Captions above, labelled "Graph 1:"."""
    m = Manuscript(path, seed)
    m.article("Graph 1", "Graph 2")
    for k in range(2):
        m.room(320)
        caption = m.caption(f"Graph {k + 1}:", CASES[k], keep=False)
        box = (m.left + 40, m.y, m.left + 400, m.y + 210)
        m.sheet.plot(box, seed + k)
        m.record(f"Graph {k + 1}", CASES[k], Placed(m.at, box), "above", caption.page)
        m.y += 230
        m.body(4)
    return m.save()


@layout
def panel_legends(path: Path, seed: int = 0) -> Written:
    """Under "Figure 1." its panels have legends "Figure 1-A." and "Figure 1-B.", which are no new figures."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    pixels = compound(1, 2, seed, 260)
    placed = m.picture(pixels, 400, below=100)
    m.y += 4
    caption = m.caption("Figure 1.", CASES[0])
    lines = [
        ("Figure 1-A.", "Axial slice at the level of the carina, first scan."),
        ("Figure 1-B.", "The same level nine days later; the opacities have cleared."),
    ]
    for shown, text in lines:
        m.caption(shown, text)
    whole = " ".join([CASES[0], *(f"{shown} {text}" for shown, text in lines)])
    m.record("Figure 1", whole, placed, "below", caption.page, pixels=pixels)
    m.body(8)
    return m.save()


@layout
def supplementary(path: Path, seed: int = 0) -> Written:
    """Main, supplementary and extended-data figures in one file."""
    m = Manuscript(path, seed)
    m.article("Figure 1", "Figure S1", "Figure S2", "Extended Data Figure 1")
    m.figure(1, CASES[0])
    m.heading("Supplementary material")
    m.figure("S1", CASES[1], shown="Fig S1.")
    m.figure("S2", CASES[2], shown="Supplementary Figure 2.")
    pixels = phantom_ct(seed + 9)
    placed = m.picture(pixels, below=60)
    caption = m.caption("Extended Data Fig. 1 |", CASES[3], keep=False)
    m.record("Extended Data Figure 1", CASES[3], placed, "below", caption.page, pixels=pixels)
    return m.save()


@layout
def missing_parts(path: Path, seed: int = 0) -> Written:
    """A figure with no caption at all, and a caption whose picture the authors forgot."""
    m = Manuscript(path, seed)
    m.article("Figure 1", "Figure 2")
    m.figure(1, CASES[0])
    m.body(6)
    caption = m.caption("Figure 2.", CASES[1])
    m.record("Figure 2", CASES[1], None, "none", caption.page)
    for _ in range(3):
        m.page()
        m.body(24)
    pixels = phantom_ct(seed + 7)
    m.record(None, "", m.picture(pixels, 300), "none", pixels=pixels)
    m.y += 10
    m.body(6)
    return m.save()


@layout
def continued(path: Path, seed: int = 0) -> Written:
    """One figure over two pages, the second headed "Figure 1 (continued)"."""
    m = Manuscript(path, seed)
    m.article("Figure 1")
    m.page()
    panels: list[tuple[Placed, Pixels]] = []
    for k in range(2):
        pixels = compound(2, 2, seed + 4 * k, 240, first=4 * k)
        panels.append((m.picture(pixels, 420), pixels))
        m.y += 6
        if k == 0:
            caption = m.caption("Figure 1.", CASES[0], keep=False)
            m.page()
        else:
            m.caption("Figure 1 (continued).", "", keep=False)
    m.record("Figure 1", CASES[0], panels[0][0], "below", caption.page, panels=panels, pages=(1, 2))
    m.body(6)
    return m.save()


@layout
def hyphenated(path: Path, seed: int = 0) -> Written:
    """A narrow caption whose words are broken at line ends."""
    m = Manuscript(path, seed)
    text = (
        "Cor\xadre\xadspond\xading slices of a fol\xadlow-up ex\xadam\xadina\xadtion: ground-glass opac\xadi\xadties "
        "with re\xadtic\xadu\xadla\xadtion and sub\xadpleu\xadral con\xadsol\xadi\xadda\xadtion, in\xadter\xadpret\xaded "
        "in\xadde\xadpend\xadent\xadly by two ra\xaddi\xadol\xado\xadgists with\xadout know\xadl\xadedge of the "
        "lab\xado\xadra\xadto\xadry find\xadings or the clin\xadi\xadcal pre\xadsen\xadta\xadtion of the pa\xadtient."
    )
    m.article("Figure 1")
    pixels = phantom_ct(seed)
    placed = m.picture(pixels, 220, below=120)
    m.y += 4
    caption = m.caption("Figure 1.", text, left=m.left + 154, width=160, keep=False)
    m.record("Figure 1", text, placed, "below", caption.page, pixels=pixels)
    m.body(6)
    return m.save()


@layout
def odd_labels(path: Path, seed: int = 0) -> Written:
    """Labels as authors write them: a no-break space, capitals, "Fig", a dash."""
    m = Manuscript(path, seed)
    m.article("Figure 1", "Figure 2", "Figure 3", "Figure 4")
    for k, shown in enumerate(("Figure\xa01.", "FIGURE 2:", "Fig 3", "Fig. 4 –")):
        m.figure(k + 1, CASES[k], shown=shown, width=200)
        m.body(4)
    return m.save()


@layout
def small_captions(path: Path, seed: int = 0) -> Written:
    """Captions in a sans-serif much smaller than the body."""
    style = Style(caption_font="helv", caption_bold="hebo", caption_size=7, caption_leading=8.5)
    m = Manuscript(path, seed, style=style)
    m.article("Figure 1", "Figure 2")
    for k in range(2):
        m.figure(k + 1, CASES[k])
        m.body(6)
    return m.save()


@layout
def captions_in_body_style(path: Path, seed: int = 0) -> Written:
    """Captions in the body's own font and size, with no bold label."""
    style = Style(caption_bold="tiro", caption_size=11, caption_leading=14)
    m = Manuscript(path, seed, style=style)
    m.article("Figure 1", "Figure 2")
    for k in range(2):
        m.figure(k + 1, CASES[k], shown=f"Figure {k + 1}:")
        m.body(6)
    return m.save()
