"""A dataset's numbers, its figures and the page of both."""

import json
import os
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from covidct_curate.audit import page
from covidct_curate.audit.plots import draw
from covidct_curate.audit.reading import read
from covidct_curate.audit.statistics import DECADES, Extent, measured, statistics
from covidct_curate.audit.subject import Entry, Subject
from covidct_curate.errors import ChoiceError, DatasetError
from covidct_curate.png import write_png
from tests.entries import entry as plain
from tests.htmlpage import Page, hostile_free

HOSTILE = '<script>alert(1)</script>\n\x00\u202e$x^$"&_'


def entry(number: int, **changes: Any) -> Entry:
    """The picture of that number, of a patient and a paper of its own, of which nothing else is known."""
    own = {"patient": f"p{number:03d}", "paper": f"10.1/{number:03d}", "source": "medrxiv"}
    path = Path(f"/nowhere/{number}.png")
    return plain(**{"name": f"CT_COVID/{number:03d}.png", "path": path, **own, **changes})


def aged(number: int, low: float | None, high: float | None, **changes: Any) -> Entry:
    return entry(number, age="told", age_min=low, age_max=high, **changes)


def subject(*entries: Entry) -> Subject:
    return Subject(Path("/nowhere/set"), "covid-ct", "covid", "non-covid", entries, ())


def drawn(folder: Path, *entries: Entry) -> Subject:
    """The same with their pictures: each of one grey level, that of its patient's number, 30 by 20."""
    made = []
    for each in entries:
        path = folder / "pictures" / f"{each.name.replace('/', '-')}"
        path.parent.mkdir(exist_ok=True)
        level = int(re.sub(r"\D", "", each.patient) or 0) * 8 % 200
        write_png(np.full((20, 30), level, np.uint8), path)
        made.append(replace(each, path=path))
    return subject(*made)


OTHER: dict[str, Any] = {"finding": "non-covid", "positive": False, "source": "journal"}


# numbers -----------------------------------------------------------------------------------------------


def test_images_patients_and_papers_are_counted_by_class_and_source() -> None:
    told = statistics(
        subject(
            entry(1, part="train"),
            entry(2, part="train", patient="p001"),
            entry(3, part="test", patient="", paper=""),
            entry(4, part="val", paper="10.1/001", **OTHER),
            entry(5, patient="p004", **OTHER),
            entry(6, finding="", positive=None, source="", modality="xray"),
        ),
        {},
    )
    assert [(each.name, each.images, each.patients, each.papers) for each in told.classes] == [
        ("covid", 3, 1, 2),
        ("non-covid", 2, 1, 2),
        ("", 1, 1, 1),
    ]
    assert (told.total.images, told.total.patients, told.total.papers) == (6, 3, 4)
    assert [dict(each.parts) for each in told.classes] == [
        {"train": 2, "val": 0, "test": 1},
        {"train": 0, "val": 1, "test": 0},
        {},
    ]
    assert [(each.name, each.images) for each in told.sources] == [("medrxiv", 3), ("journal", 2), ("", 1)]
    assert [(each.name, each.images) for each in told.modalities] == [("ct", 5), ("xray", 1)]
    assert "no part" in page.table(told)


def test_sizes_are_of_the_pictures_that_can_be_read(tmp_path: Path) -> None:
    paths = []
    for number, (height, width) in enumerate([(10, 40), (20, 50), (60, 30)]):
        paths.append(tmp_path / f"{number}.png")
        write_png(np.zeros((height, width), np.uint8), paths[-1])
    (tmp_path / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    (tmp_path / "4.png").touch()
    entries = [entry(number, path=path) for number, path in enumerate(paths)]
    entries += [entry(number, path=tmp_path / f"{number}.png") for number in (3, 4, 5)]
    told = statistics(subject(*entries))
    assert (told.total.height, told.total.width) == (Extent(10, 30, 60), Extent(30, 40, 50))
    assert told.unread == tuple(f"CT_COVID/00{number}.png" for number in (3, 4, 5))
    assert measured(entries[:1]) == {"CT_COVID/000.png": (40, 10)}
    assert statistics(subject(*entries), {"CT_COVID/001.png": (7, 9)}).total.height == Extent(9, 9, 9)


def test_a_patient_has_one_age_and_one_gender() -> None:
    told = statistics(
        subject(
            aged(1, 45, 45, gender="M", patient="a"),
            aged(2, 71, 71, gender="F", patient="a"),
            aged(3, 71, 71, gender="F", patient="a"),
            entry(4, patient="a"),
            aged(5, 30, 30, gender="M", patient="b"),
            aged(6, 31, 31, patient="b"),
            entry(7, patient="c", gender="M"),
            aged(8, 50, 50, patient=""),
        ),
        {},
    )
    assert (told.people, told.total.ages) == ("patients", 2)
    assert told.total.genders == {"M": 2, "F": 1, "": 0}
    assert counted(told.ages["covid"]) == {"70–79": 1, "30–39": 1}


def counted(decades: tuple[int, ...]) -> dict[str, int]:
    return {name: count for name, count in zip(DECADES, decades, strict=True) if count}


@pytest.mark.parametrize(
    ("low", "high", "decade"),
    [
        (40, 49, "40–49"),
        (35, 75, "50–59"),
        (0.25, 0.25, "0–9"),
        (89, 89, "80–89"),
        (90, None, "90+"),
        (95, 99, "90+"),
        (101, 101, "90+"),
        (40, None, None),
        (None, 17, None),
        (float("nan"), 40, None),
        (-50, 3, None),
    ],
)
def test_a_range_of_ages_counts_at_its_middle(
    low: float | None, high: float | None, decade: str | None
) -> None:
    told = statistics(subject(aged(1, low, high)), {})
    assert told.total.ages == 1
    assert told.open_ages == (decade is None)
    assert counted(told.ages.get("covid", (0,) * 10)) == ({decade: 1} if decade else {})


def test_where_no_patient_is_known_images_are_counted() -> None:
    told = statistics(subject(*(aged(at, 50, 50, gender="F", patient="") for at in range(3))), {})
    assert (told.people, told.total.patients, told.total.ages) == ("images", 0, 3)
    assert "counted by images" in page.table(told)


def test_a_patient_in_two_classes_counts_in_both_and_once_in_all() -> None:
    told = statistics(subject(aged(1, 50, 50, patient="a"), aged(2, 50, 50, patient="a", **OTHER)), {})
    assert [each.ages for each in (*told.classes, told.total)] == [1, 1, 1]
    assert {name: sum(counts) for name, counts in told.ages.items()} == {"covid": 1, "non-covid": 1}


def test_figures_and_panels_a_paper() -> None:
    told = statistics(
        subject(
            entry(1, paper="a", figure="a1"),
            entry(2, paper="a", figure="a1"),
            entry(3, paper="a", figure="a2"),
            entry(4, paper="b", figure="b1"),
            entry(5, paper="c", figure="c1"),
            entry(6, paper="c"),
            entry(7, paper="", figure="x"),
        ),
        {},
    )
    assert told.figures_a_paper == {1: 1, 2: 1}
    assert told.panels_a_paper == {1: 1, 2: 1, 3: 1}


def test_an_empty_dataset_has_statistics_too(tmp_path: Path) -> None:
    told = statistics(subject())
    assert "There are no images." in page.table(told)
    written = page.write_statistics(subject(), told, tmp_path / "out")
    assert "There are no images." in Page(written.read_text("utf-8")).text
    assert {each.name for each in written.parent.iterdir()} == {"index.html", "statistics.json"}


def test_the_terminal_shows_no_control_characters() -> None:
    told = statistics(subject(entry(1, finding=HOSTILE, source=HOSTILE, name=HOSTILE)))
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", page.table(told))
    assert "\\u202e" in page.table(told) and len(page.table(told).splitlines()) < 40


# figures -----------------------------------------------------------------------------------------------


def words(svg: bytes) -> list[str]:
    """The texts of an SVG, in their order."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg.decode())


def test_the_age_histogram_has_a_bar_for_each_decade_and_class(tmp_path: Path) -> None:
    entries = [aged(at, 45, 45) for at in range(3)] + [aged(at, 63, 63, **OTHER) for at in range(4, 9)]
    made = subject(*entries, aged(10, 50, None))
    ages = draw(statistics(made, {}), made)["ages"]
    told = words(ages["svg"])
    assert "Ages of patients, n = 8" in told
    assert {"covid (n = 3)", "non-covid (n = 5)", "number of patients"} <= set(told)
    assert [word for word in told if word in DECADES] == list(DECADES)
    assert "age (years); not shown: 1 without an upper or lower end" in told
    colours = [ages["svg"].decode().count(f"fill: {colour}") for colour in ("#d55e00", "#0072b2")]
    assert colours == [len(DECADES) + 1] * 2  # the legend's


def test_genders_are_shares_of_those_known() -> None:
    made = subject(
        *(entry(at, gender="M") for at in range(6)),
        *(entry(at, gender="F") for at in range(6, 8)),
        entry(9),
        entry(10, **OTHER),
    )
    told = words(draw(statistics(made, {}), made)["genders"]["svg"])
    assert {"6 male", "2 female", "covid", "(n = 8 of 9)", "share of patients (%)"} <= set(told)
    assert "non-covid" not in told


def test_figures_a_paper_beyond_the_last_bar_are_together() -> None:
    entries = [
        entry(100 * paper + at, paper=f"p{paper}", figure=f"{paper}-{at}")
        for paper, count in enumerate([1, 1, 3, 12, *[13] * 16])
        for at in range(count)
    ]
    made = subject(*entries)
    told = words(draw(statistics(made, {}), made)["figures"]["svg"])
    assert "Figures a paper, n = 20 papers" in told
    assert told.count("12+") == 1 and "13" not in told and "17" in told
    unknown = subject(*(replace(each, figure="") for each in entries))
    assert "Pictures a paper, n = 20 papers" in words(
        draw(statistics(unknown, {}), unknown)["figures"]["svg"]
    )


def test_what_nobody_knows_is_not_drawn(tmp_path: Path) -> None:
    made = drawn(tmp_path, entry(1, patient="", paper="", modality="xray"))
    assert set(draw(statistics(made), made)) == {"examples"}
    assert "No age is known." in page.table(statistics(made))


def test_examples_are_of_as_many_patients_as_fit(tmp_path: Path) -> None:
    entries = [entry(3 * at + k, patient=f"p{at:02d}") for at in range(20) for k in range(3)]
    made = drawn(tmp_path, *entries, *(entry(90 + at, patient="p24", **OTHER) for at in range(3)))
    examples = draw(statistics(made), made)["examples"]
    assert {"covid, n = 60 images", "non-covid, n = 3 images"} <= set(words(examples["svg"]))
    with Image.open(BytesIO(examples["png"])) as image:
        pixels = np.asarray(image.convert("L"))
    centres = [pixels[60 + 180 * row + 88, 88::180] for row in range(2)]
    levels = [int(level) for row in centres for level in row]
    patients = {round(level / 8) for level in levels}
    assert len(levels) == 16 and len(patients) == 16 and max(patients) >= 18
    others = pixels[2 * 60 + 2 * 180 + 88, 88::180]
    assert [abs(int(level) - 192) <= 2 for level in others] == [True] * 3 + [False] * 5


def test_an_example_that_cannot_be_read_gives_way(tmp_path: Path) -> None:
    made = drawn(tmp_path, *(entry(at) for at in range(20)))
    for each in made.entries[:3]:
        each.path.write_bytes(b"none")
    with Image.open(BytesIO(draw(statistics(made), made)["examples"]["png"])) as image:
        pixels = np.asarray(image.convert("L"))
    levels = [int(level) for row in range(2) for level in pixels[60 + 180 * row + 88, 88::180]]
    assert len({round(level / 8) for level in levels}) == 16 and min(levels) > 8 * 2


def test_figures_are_the_same_on_every_run(tmp_path: Path) -> None:
    made = drawn(
        tmp_path, *(aged(at, 5 * at, 5 * at, gender="MF"[at % 2], figure=f"f{at}") for at in range(12))
    )
    first, second = (draw(statistics(made), made) for _ in range(2))
    assert set(first) == {"ages", "genders", "figures", "examples"}
    assert first == second


def test_any_class_can_be_drawn(tmp_path: Path) -> None:
    names = ["$\\frac{$", "_hidden", HOSTILE, "类别", "x" * 500, "\ud800"]
    each = [aged(at, 40, 40, gender="M", finding=name) for at, name in enumerate(names)]
    made = drawn(tmp_path, *each)
    plots = draw(statistics(made), made)
    assert set(plots) == {"ages", "genders", "figures", "examples"}
    assert sum("(n = 1)" in word for word in words(plots["ages"]["svg"])) == len(names)
    for forms in plots.values():
        ElementTree.fromstring(forms["svg"])


def test_many_classes_share_a_colour() -> None:
    made = subject(*(aged(at, 50, 50, finding=f"class {at}", positive=None) for at in range(40)))
    told = words(draw(statistics(made, {}), made)["ages"]["svg"])
    assert "35 other classes (n = 35)" in told and sum("(n = 1)" in word for word in told) == 5


# the page ----------------------------------------------------------------------------------------------


def test_the_page_is_whole_in_itself(tmp_path: Path) -> None:
    hostile = aged(2, 30, 30, finding=HOSTILE, positive=None, source=HOSTILE, modality=HOSTILE, paper=HOSTILE)
    made = drawn(
        tmp_path, aged(1, 40, 40, gender="M", figure="a"), hostile, *(entry(at) for at in range(3, 9))
    )
    unread = entry(9, name=HOSTILE)
    made = replace(made, path=Path("/nowhere") / HOSTILE, entries=(*made.entries, unread))
    written = page.write_statistics(made, statistics(made), tmp_path / "out")
    shown = Page(written.read_text("utf-8"))
    assert shown.images == {"image/svg+xml": 3, "image/png": 1}
    hostile_free(shown)
    assert "Images that cannot be read: 1" in shown.text


def test_the_folder_holds_page_figures_and_numbers(tmp_path: Path) -> None:
    made = drawn(tmp_path, *(aged(at, 40, 40, gender="F", figure=f"f{at}") for at in range(3)))
    out = tmp_path / "out"
    page.write_statistics(made, statistics(made), out)
    names = ("ages", "genders", "examples", "figures-a-paper")
    figures = {f"{name}.{form}" for name in names for form in ("png", "svg")}
    assert {each.name for each in out.iterdir()} == {"index.html", "statistics.json", *figures}
    told = json.loads((out / "statistics.json").read_text())
    assert told["total"]["images"] == 3 and told["total"]["genders"] == {"M": 0, "F": 3, "": 0}
    assert told["ages"] == {"covid": [0, 0, 0, 0, 3, 0, 0, 0, 0, 0]}
    first = {each.name: each.read_bytes() for each in out.iterdir()}
    page.write_statistics(made, statistics(made), out)
    assert {each.name: each.read_bytes() for each in out.iterdir()} == first
    less = subject(*(replace(each, age_min=None, age_max=None) for each in made.entries))
    page.write_statistics(less, statistics(less), out)
    assert figures - {each.name for each in out.iterdir()} == {"ages.png", "ages.svg"}


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    made = subject(entry(1))
    told = statistics(made)
    for name, content in (("thesis.txt", "mine"), ("index.html", "mine"), ("statistics.json", "[1]")):
        out = tmp_path / name
        out.mkdir()
        (out / name).write_text(content)
        with pytest.raises(ChoiceError, match="other files"):
            page.write_statistics(made, told, out)
        assert [each.read_text() for each in out.iterdir()] == [content]
    own = tmp_path / "own"
    page.write_statistics(made, told, own)
    (own / "notes.txt").touch()
    with pytest.raises(ChoiceError, match="other files"):
        page.write_statistics(made, told, own)
    with pytest.raises(ChoiceError, match="it is a file"):
        page.write_statistics(made, told, own / "notes.txt")
    with pytest.raises(DatasetError, match="cannot be written"):
        page.write_statistics(made, told, own / "notes.txt" / "below")


def test_the_numbers_of_covid_ct() -> None:
    data = Path(os.environ.get("COVIDCT_DATA", "")) / "covid-ct"
    if "COVIDCT_DATA" not in os.environ or not data.is_dir():
        pytest.skip("COVIDCT_DATA does not name a folder with covid-ct/")
    told = statistics(read(data))
    covid, other = told.classes
    assert (covid.images, other.images) == (349, 397)
    assert covid.height and covid.width
    assert [(each.least, round(each.mean), each.most) for each in (covid.height, covid.width)] == [
        (61, 302, 1225),
        (115, 430, 1671),
    ]
    assert (covid.parts, other.parts) == (
        {"train": 191, "val": 60, "test": 98},
        {"train": 234, "val": 58, "test": 105},
    )
    assert 0 < covid.ages <= 72 and 0 < covid.genders["M"] <= 33 and 0 < covid.genders["F"] <= 25
