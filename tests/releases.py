"""Small releases whose truth is known, for the tests of formats and of the data card.

python -m tests.releases OUT     # one release, with every format below OUT/formats
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from covidct_curate.audit.subject import PARTS
from covidct_curate.png import write_png
from covidct_curate.records import Patient
from covidct_curate.release.formats import chestxray, coco, covid_ct, croissant, huggingface, imagefolder
from covidct_curate.release.item import About, Item, Origin

HOSTILE = (
    '=cmd|"/c calc"!A1 | <script>alert(1)</script>\n# [x](http://evil.example) `code` \u202e \ud800 ∆ "q", ok'
)

ABOUT = About(
    name="Sample CT",
    version="1.0",
    description="Pictures drawn for a test.",
    disease="COVID-19",
    positive="covid",
    negative="non-covid",
    positive_folder="CT_COVID",
    negative_folder="CT_NonCOVID",
    seed=7,
    split="grouped by patient and paper",
    tool="covidct 0.1.0",
    decided_at="2024-02-11T09:30:00Z",
    contact="takedown@example.org",
    creator="Sample Group",
    url="https://example.org/sample",
    counts={"papers read": 12},
)


def item(number: int, folder: Path, **changes: Any) -> Item:
    """The picture of that number, written into the folder ``workspace``; every third is of the other class."""
    positive = number % 3 != 2
    name = f"{'CT_COVID' if positive else 'CT_NonCOVID'}/2020.01.01.{number:08d}-p3-{number}%0.png"
    picture = folder / "workspace" / f"{number}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    height, width = 40 + number, 60 + number
    pixels = write_png(np.full((height, width), 20 * (number % 12), np.uint8), picture)
    made = Item(
        file_name=name,
        positive=positive,
        finding="covid" if positive else "non-covid",
        picture=picture,
        uid=f"u{number:04d}",
        modality="ct",
        region="chest",
        patient=Patient(id=f"p{number // 2}", age="45", age_min=45.0, age_max=45.0, gender="MF"[number % 2]),
        caption=f"Chest CT of patient {number}.",
        subcaption="",
        origin=Origin(
            dataset="",
            source=f"{number}.pdf",
            doi=f"10.1101/2020.01.01.{number:08d}",
            version=1,
            title=f"Study {number}",
            server="medrxiv",
            licence=("cc_by", "cc0", "cc_by_nc")[number % 3],
            page=3,
            xref=number,
            figure_label="Figure 1",
            panel="A",
            box=(5, 5, 5 + width, 5 + height),
            pixels=pixels,
        ),
        decided=True,
        reviewers=("Ann",),
        decided_at="2024-02-11T09:30:00Z",
        shared=True,
        why="CC BY 4.0",
        figure_uid=f"f{number:04d}",
        part=PARTS[number // 6 % 3],
        size=(width, height),
    )
    return replace(made, **changes)


def with_figure(each: Item, folder: Path) -> Item:
    """The same, cut out of a figure in colour that may be shown whole."""
    picture = folder / "workspace" / f"{each.figure_uid}-figure.png"
    pixels = np.full((200, 300, 3), (250, 120, 30), np.uint8)
    write_png(pixels, picture)
    return replace(each, figure_picture=picture, figure_shared=True)


def items(folder: Path) -> list[Item]:
    """Eighteen pictures over three parts; one hostile, one undecided, one uncertain, one with its whole figure."""
    made = [item(number, folder) for number in range(18)]
    made[1] = replace(
        made[1], caption=HOSTILE, extra={"=k": HOSTILE}, origin=replace(made[1].origin, title=HOSTILE)
    )
    made[3] = replace(made[3], decided=False, reviewers=(), decided_at="")
    made[2] = replace(made[2], finding="uncertain")
    made[4] = with_figure(made[4], folder)
    made[5] = replace(made[5], patient=Patient(id="p2", age="90+", age_min=90.0, time_days=-2.0, icu="yes"))
    made[6] = replace(made[6], subcaption="Coronal view.")
    barred = replace(
        item(18, folder),
        caption="",
        shared=False,
        why="CC BY-ND 4.0 allows no derivatives",
        origin=replace(made[0].origin, licence="cc_by_nd"),
    )
    return [*made, barred]


def release(folder: Path, made: list[Item], about: About = ABOUT) -> Path:
    """A release of these items, without its recipe."""
    out = folder / "release"
    for each in made:
        if each.shared:
            path = out / each.file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(each.picture.read_bytes())
            if each.mask:
                (out / "masks").mkdir(exist_ok=True)
                (out / "masks" / f"{path.stem}.png").write_bytes(each.mask.read_bytes())
    covid_ct.write(made, out, about)
    croissant.write(made, out, about)
    return out


def write_all(folder: Path) -> None:
    """A release in every format."""
    made = items(folder)
    out = release(folder, made)
    for module in (imagefolder, huggingface, coco, chestxray):
        home = out / "formats" / module.__name__.rpartition(".")[2]
        home.mkdir(parents=True)
        module.write(made, home, ABOUT, out)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
