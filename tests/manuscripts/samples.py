"""The sample manuscripts of docs/samples: ``python -m tests.manuscripts.samples docs/samples``.

People, places, values and pictures are invented; the CTs are phantoms drawn by `phantom_ct`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from .phantom import Pixels, compound, lettered, phantom_ct
from .style import Stamp, Style
from .truth import Placed, Written
from .writer import Manuscript

SAMPLES: dict[str, Callable[[Path], Written]] = {}
NOTE = (
    "This manuscript is a sample for testing software. The patients, hospitals and values are invented, and "
    "the images are phantoms drawn by a program; nothing in it is medical evidence."
)
Sentence = str | tuple[str, str]
"""A sentence, or (labels split by ``|``, a sentence that cites these figures)."""


def _sample(name: str) -> Callable[[Callable[[Path], Written]], Callable[[Path], Written]]:
    def listed(function: Callable[[Path], Written]) -> Callable[[Path], Written]:
        SAMPLES[name] = function
        return function

    return listed


def _say(m: Manuscript, *sentences: Sentence) -> None:
    """A paragraph."""
    words = []
    for sentence in sentences:
        if isinstance(sentence, tuple):
            for label in sentence[0].split("|"):
                m.cited(label, sentence[1])
            sentence = sentence[1]
        words.append(sentence)
    m.flow(" ".join(words))
    m.y += 5


def _note(m: Manuscript) -> None:
    m.heading("Note")
    _say(m, NOTE)


@_sample("case-report")
def case_report(path: Path) -> Written:
    m = Manuscript(
        path,
        stamp=Stamp(doi="10.1101/2020.01.01.00000001", posted=date(2020, 2, 3), licence="cc_by"),
        title="Serial chest CT in a 52-year-old man with COVID-19 pneumonia: a case report",
        authors="Ada Example, Bo Placeholder, Chen Imaginary",
        affiliation="Department of Radiology, First Imaginary Hospital, Nowhere City",
    )
    m.head()
    m.heading("Abstract")
    _say(
        m,
        "We describe the imaging course of one patient with laboratory-confirmed COVID-19.",
        "Ground-glass opacities appeared on day 3, became dense by day 9 and had largely cleared on day 21.",
        "Serial CT may help to follow the disease when repeated swabs disagree.",
    )
    m.heading("Introduction")
    _say(
        m,
        "The new coronavirus disease often shows itself on chest CT before it is confirmed by RT-PCR.",
        "Most reports give a single examination; the course over time is less well known.",
        "Here we report four examinations of one patient.",
    )
    m.heading("Case presentation")
    _say(
        m,
        "A 52-year-old man from Nowhere City was admitted with fever (38.6 °C) and dry cough for three days.",
        "He had a history of hypertension, treated for eight years, and was a former smoker.",
        "A throat swab was positive for SARS-CoV-2 on RT-PCR.",
        (
            "Figure 1",
            "Chest CT on the day of admission showed patchy ground-glass opacities below the pleura of "
            "both lower lobes (Fig. 1).",
        ),
        "He was given oxygen by nasal cannula and was never ventilated.",
    )
    m.figure(
        1,
        "Axial chest CT (lung window) of a 52-year-old man with COVID-19 on admission, day 3 after onset of "
        "symptoms. Patchy ground-glass opacities are seen in the periphery of both lungs.",
        phantom_ct(101, (300, 360), glass=4),
        width=250,
    )
    _say(
        m,
        (
            "Figure 2",
            "Four examinations at the level of the carina are compared in Figure 2.",
        ),
        (
            "Figure 2",
            "The opacities were most extensive on day 9, with consolidation in the right lower lobe "
            "(Figure 2B), and had nearly cleared three weeks after onset (Fig. 2C, D).",
        ),
        "The patient was discharged on day 23 after two negative swabs.",
    )
    m.figure(
        2,
        "Chest CT of the same patient over time. (A) Day 3: multiple ground-glass opacities. (B) Day 9: "
        "larger and denser opacities. (C) Day 15: partial absorption. (D) Day 21: faint residual opacities.",
        compound(2, 2, 110, 210, glass=(3, 6, 2, 1)),
        width=300,
    )
    m.heading("Discussion")
    _say(
        m,
        "The course seen here, with a peak in the second week, agrees with what others have described.",
        "A single case proves nothing, and the level of the slices differs slightly between examinations.",
    )
    _note(m)
    return m.save()


@_sample("legends-at-end")
def legends_at_end(path: Path) -> Written:
    m = Manuscript(
        path,
        stamp=Stamp(doi="10.1101/2020.01.01.00000002", posted=date(2020, 2, 18)),
        title="Chest CT of COVID-19 and influenza pneumonia in two family clusters",
        authors="Dora Nobody, Emil Someone, Fay Anyone",
        affiliation="Institute of Invented Medicine, Elsewhere",
    )
    m.head()
    m.heading("Abstract")
    _say(
        m,
        "Two families were examined within one week; one had COVID-19, the other influenza A.",
        "We compare the CT findings of three members of these families.",
    )
    m.heading("Methods")
    _say(
        m,
        "All scans were made at full inspiration without contrast medium.",
        "Two radiologists read them in consensus without knowledge of the swab results.",
    )
    m.heading("Results")
    _say(
        m,
        "The index patient was a 34-year-old woman, a nurse in Elsewhere, without previous illness.",
        ("Figure 1", "Her CT showed ground-glass opacities in both lungs on day 4 (Figure 1)."),
        "Her father, aged 67 years, had type 2 diabetes and was admitted to intensive care.",
        (
            "Figure 1|Figure 2",
            "His opacities were more extensive than hers (Figs. 1 and 2), and he died of respiratory "
            "failure on day 16.",
        ),
        "In the second family a 29-year-old man was positive for influenza A and negative for SARS-CoV-2.",
        ("Figure 3", "He had only a small opacity in one lobe, as Figure 3 shows."),
    )
    m.heading("Discussion")
    _say(m, "The findings overlap, and CT alone cannot tell the two infections apart in single patients.")
    _note(m)
    captions = (
        "CT of a 34-year-old woman with confirmed COVID-19, day 4. Bilateral ground-glass opacities are seen "
        "below the pleura.",
        "CT of a 67-year-old man with severe COVID-19 and diabetes, day 11. Extensive opacities involve "
        "both lungs; there is no pleural effusion.",
        "CT of a 29-year-old man with influenza A pneumonia; RT-PCR for SARS-CoV-2 was negative twice. A "
        "single faint opacity is present.",
    )
    m.page()
    m.heading("Figure legends")
    for k, text in enumerate(captions):
        m.caption(f"Figure {k + 1}.", text)
    legends = m.at
    for k, (text, glass) in enumerate(zip(captions, (3, 7, 1), strict=True)):
        m.page()
        pixels = phantom_ct(120 + k, (290, 350), glass)
        placed = m.picture(pixels, 400)
        m.y += 10
        m.flow(f"Figure {k + 1}", centred=True, numbered=False)
        m.record(f"Figure {k + 1}", text, placed, "legend", legends, pixels=pixels)
    return m.save()


@_sample("tiled-figure")
def tiled_figure(path: Path) -> Written:
    m = Manuscript(
        path,
        stamp=Stamp(doi="10.1101/2020.01.01.00000003", posted=date(2020, 3, 1), licence="cc_no"),
        title="Organising pneumonia after lobectomy: imaging of a 61-year-old woman without COVID-19",
        authors="Gus Fiction, Hana Made-Up",
        affiliation="Clinic of Thoracic Surgery, Nowhere University",
    )
    m.head()
    m.heading("Abstract")
    _say(
        m,
        "New opacities during an epidemic are easily taken for COVID-19.",
        "We report a woman whose opacities had another cause.",
    )
    m.heading("Case")
    _say(
        m,
        "A 61-year-old woman had undergone lobectomy for lung cancer four months earlier.",
        "She had a low fever and was short of breath; three swabs for SARS-CoV-2 were negative.",
        ("Figure 1", "CT showed dense subpleural opacities on both sides (Figure 1)."),
        "Biopsy confirmed organising pneumonia, and she recovered with prednisolone.",
    )
    text = (
        "Chest CT of a 61-year-old woman with organising pneumonia and negative tests for SARS-CoV-2. Dense "
        "opacities lie below the pleura of both lungs."
    )
    pixels = phantom_ct(131, (360, 400), glass=5)
    scale = 0.8
    m.room(360 * scale + 80)
    x, y = m.left + (m.measure - 400 * scale) / 2, m.y + 10
    for top in range(0, 360, 60):
        for left in range(0, 400, 80):
            tile = np.ascontiguousarray(pixels[top : top + 60, left : left + 80])
            box = (x + left * scale, y + top * scale, x + (left + 80) * scale, y + (top + 60) * scale)
            m.sheet.image(m.object(tile), box)
    placed = Placed(m.at, (x, y, x + 400 * scale, y + 360 * scale))
    m.y = placed.box[3] + 4
    caption = m.caption("Figure 1.", text, keep=False)
    m.record("Figure 1", text, placed, "below", caption.page, pixels=pixels)
    m.heading("Discussion")
    _say(m, "The history and the negative tests pointed away from an infection.")
    _note(m)
    return m.save()


@_sample("plot-and-panels")
def plot_and_panels(path: Path) -> Written:
    m = Manuscript(
        path,
        stamp=Stamp(doi="10.1101/2020.01.01.00000004", posted=date(2020, 4, 7)),
        title="Extent of lung opacities over time in 24 invented patients with COVID-19",
        authors="Ivo Unreal, Jana Mock, Kim Sample",
        affiliation="Imaging Centre, Third Imaginary Hospital, Nowhere City",
    )
    m.head()
    m.heading("Abstract")
    _say(
        m,
        "We followed the CT score of 24 patients over 25 days.",
        "The score rose until the second week and fell after it in all three groups of severity.",
    )
    m.heading("Methods")
    _say(
        m,
        "Each lobe was scored from 0 to 5, and the sum was given in per cent of the greatest possible value.",
        "Patients were grouped as mild, moderate or severe by the worst saturation on record.",
    )
    m.heading("Results")
    _say(
        m,
        "There were 14 men and 10 women aged 23 to 78 years.",
        ("Figure 1", "The median score of the three groups is plotted in Fig. 1."),
        ("Figure 2", "Typical slices of four patients are given in Figure 2A–D."),
        (
            "Figure 1|Figure 2",
            "Severe disease went with higher scores and denser opacities (Figures 1 and 2).",
        ),
    )
    m.room(270)
    box = (m.left + 50, m.y + 10, m.left + 410, m.y + 210)
    m.sheet.plot(box, 6)
    m.y = box[3] + 4
    text = "Median CT score over 25 days in patients with mild (blue), moderate (red) and severe (green) disease."
    caption = m.caption("Figure 1.", text, keep=False)
    m.record("Figure 1", text, Placed(m.at, box), "below", caption.page)
    m.page()
    panels: list[tuple[Placed, Pixels]] = []
    for k in range(4):
        pixels = lettered(phantom_ct(140 + k, (230, 260), glass=1 + 2 * k), "ABCD"[k])
        x, y = m.left + 24 + 212 * (k % 2), 82.0 + 186 * (k // 2)
        panels.append((m.picture(pixels, 204, x=x, y=y), pixels))
    m.y = panels[-1][0].box[3] + 4
    text = (
        "Axial CT of four patients with COVID-19. (A) A 23-year-old woman with mild disease. (B) A 45-year-old "
        "man with moderate disease. (C) A 58-year-old man with moderate disease and asthma. (D) A 78-year-old "
        "woman with severe disease who was ventilated."
    )
    caption = m.caption("Figure 2.", text, keep=False)
    m.record("Figure 2", text, panels[0][0] | panels[3][0], "below", caption.page, panels=panels)
    m.heading("Discussion")
    _say(m, "The number of patients is small, and all of them are invented.")
    _note(m)
    return m.save()


@_sample("two-columns")
def two_columns(path: Path) -> Written:
    style = Style(
        columns=2, numbers=False, margin=54, size=9.5, leading=11.8, caption_size=8.5, caption_leading=10.4
    )
    m = Manuscript(
        path,
        stamp=Stamp("bioRxiv", "10.64898/2025.12.01.00000005", date(2025, 12, 3), licence="cc_by"),
        style=style,
        title="A phantom for testing how figures are taken out of papers",
        authors="Lou Pretend, Max Invented",
        affiliation="Laboratory of Imaginary Physics, Somewhere",
    )
    m.head()
    m.heading("Abstract")
    _say(
        m,
        "Software that reads papers must be tested on papers whose content is known.",
        "We describe a phantom of the chest that is drawn by a program and may be copied by anyone.",
    )
    m.heading("1 Introduction")
    _say(
        m,
        "Published images may seldom be passed on, and their true content is seldom written down.",
        "A drawn phantom has neither problem: it is free, and every opacity in it is known.",
        "It must be lopsided, so that a mirrored copy can be told from the original.",
    )
    _say(
        m,
        "Earlier phantoms were made for measuring scanners and show discs and wedges.",
        "They look like nothing that stands in a clinical paper, and programs that choose pictures by their "
        "look pass them over.",
    )
    m.heading("2 Methods")
    _say(
        m,
        ("Figure 1", "The phantom consists of ellipses, as shown in Figure 1."),
        "The heart lies to one side, the spine below, and the lungs differ in size.",
        "Noise is added to every slice, and the number of opacities is chosen at will.",
        ("Figure 2", "Slices with one, four and eight opacities are compared in Fig. 2."),
    )
    style.caption_bold = "hebo"
    m.room(240)
    text = "Phantom of the chest without opacities. The larger lung is shown on the left."
    caption = m.caption("Figure 1.", text, keep=False)
    m.y -= 8
    pixels = phantom_ct(150, (260, 310), glass=0)
    placed = m.picture(pixels, 220)
    m.y += 10
    m.record("Figure 1", text, placed, "above", caption.page, pixels=pixels)
    m.heading("3 Results")
    _say(
        m,
        "Three readers who did not know the phantom took it for a CT at first sight.",
        "All of them found the opacities, and none noticed that the ribs are too round.",
        ("Figure 2", "Mirrored copies of the slices in Fig. 2 were recognised in every case."),
    )
    _say(
        m,
        "The time to draw one slice was below a tenth of a second.",
        "A manuscript of five pages with ten slices was written in less than a second and took up less than "
        "one megabyte.",
    )
    m.heading("4 Discussion")
    _say(
        m,
        "A phantom cannot replace patients, but it can replace their pictures in the tests of a program.",
        "Its weakness is its regularity: a program may learn to know it.",
    )
    _note(m)
    m.page()
    wide = compound(1, 3, 151, 170, gap=8, glass=(1, 4, 8))
    spanning = m.picture(wide, 330, x=m.left, y=80)
    text = (
        "Phantom slices with a growing number of opacities: (A) one, (B) four, (C) eight. All slices have "
        "the same noise."
    )
    beside = m.caption("Figure 2.", text, left=m.left + 344, width=160, y=84)
    m.record("Figure 2", text, spanning, "beside", beside.page, pixels=wide)
    m.top = m.y = spanning.box[3] + 20
    m.heading("References")
    for number in range(1, 7):
        m.flow(
            f"[{number}] Nobody A, Someone B. An invented reference, part {number}. J Imag Res. 2019;{number}:1-9."
        )
    return m.save()


def write_samples(folder: Path) -> list[Written]:
    """Write all samples as ``folder/<name>.pdf``."""
    folder.mkdir(parents=True, exist_ok=True)
    return [write(folder / f"{name}.pdf") for name, write in SAMPLES.items()]


if __name__ == "__main__":
    for written in write_samples(Path(sys.argv[1])):
        print(f"{written.path}: {written.pages} pages, {len(written.figures)} figures")
