"""Copies in a dataset: each planted one is told once, as severe as what it spoils."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from covidct_curate.audit.copies import copies
from covidct_curate.audit.files import look_at
from covidct_curate.audit.finding import Finding
from covidct_curate.audit.likeness import Pixels
from covidct_curate.audit.subject import Entry, Subject
from covidct_curate.release.official import official
from tests.entries import entry
from tests.test_duplicates import patient


@dataclass(frozen=True)
class Shown:
    """A picture to plant: which slice, how changed, and what is known of it."""

    slice: int
    change: str = ""
    finding: str = "covid"
    part: str = ""
    paper: str = ""
    patient: str = ""
    scan: str = ""


def _pixels(shown: Shown) -> Pixels:
    grey = patient(shown.slice)
    changed = {
        "": grey,
        "smaller": cv2.resize(grey, (200, 160), interpolation=cv2.INTER_AREA),
        "mirrored": grey[:, ::-1],
        "lettered": cv2.putText(grey.copy(), "A", (6, 30), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 2),
    }
    return np.ascontiguousarray(changed[shown.change], np.uint8)


def _entry(name: str, path: Path, shown: Shown) -> Entry:
    positive = {"covid": True, "non-covid": False, "noncovid": False}.get(shown.finding)
    return entry(
        name, path=path, finding=shown.finding, positive=positive, patient=shown.patient, paper=shown.paper,
        scan=shown.scan, part=shown.part,
    )  # fmt: skip


def _found(folder: Path, planted: dict[str, Shown]) -> list[Finding]:
    """What is told of pictures of these names, among others that are no copies."""
    pictures = planted | {f"z{number}.png": Shown(number, part="train") for number in (7, 8, 9)}
    entries = []
    for name, shown in sorted(pictures.items()):
        Image.fromarray(_pixels(shown)).save(folder / name)
        entries.append(_entry(name, folder / name, shown))
    subject = Subject(folder, "covid-ct", "covid", "non-covid", tuple(entries), ())
    seen, wrong = look_at(subject)
    assert wrong == []
    return copies(subject, seen)


@pytest.mark.parametrize(
    ("one", "other", "severity", "told"),
    [
        ({}, {}, "warning", ""),
        ({"paper": "p"}, {"paper": "q"}, "warning", ""),
        ({"paper": "p"}, {"paper": "p"}, "note", "; of one paper"),
        ({"patient": "7", "paper": "p"}, {"patient": "7"}, "note", "; of one patient"),
        ({"part": "test"}, {}, "warning", "; test"),
        ({"part": "test"}, {"part": "test"}, "warning", "; test"),
        ({"part": "test"}, {"part": "train"}, "error", "; test and train"),
        ({"part": "test", "paper": "p"}, {"part": "train", "paper": "p"}, "error", "; test and train"),
        ({"finding": ""}, {}, "warning", ""),
        ({"finding": "non-covid"}, {}, "contradiction", "; classes covid and non-covid"),
        (
            {"finding": "non-covid", "part": "val"},
            {"part": "train"},
            "contradiction",
            "; classes covid and non-covid; train and val",
        ),
    ],
)
@pytest.mark.parametrize("change", ["", "smaller", "mirrored", "lettered"])
def test_two_copies_are_one_finding(
    tmp_path: Path, change: str, one: dict[str, str], other: dict[str, str], severity: str, told: str
) -> None:
    found = _found(tmp_path, {"a.png": Shown(1, **one), "b.png": Shown(1, change, **other)})
    kind = "near-duplicate" if change else "duplicate"
    wanted = ("label-contradiction", "error") if severity == "contradiction" else (kind, severity)
    assert [(each.kind, each.severity, each.files) for each in found] == [(*wanted, ("a.png", "b.png"))]
    assert found[0].text.endswith(told)
    assert found[0].text.startswith("likeness " if change else "the same pixels")
    assert (", mirrored" in found[0].text) == (change == "mirrored")


def test_many_equal_files_are_one_finding_and_count_once(tmp_path: Path) -> None:
    equal = {f"a{number}.png": Shown(1, part="train") for number in range(6)}
    found = _found(tmp_path, {**equal, "b.png": Shown(1, "smaller", part="train")})
    assert [(each.kind, each.files) for each in found] == [
        ("duplicate", tuple(equal)),
        ("near-duplicate", ("a0.png", "b.png")),
    ]


def test_the_worst_of_equal_pictures_is_told(tmp_path: Path) -> None:
    planted = {
        "a.png": Shown(1, part="train"),
        "b.png": Shown(1, part="test"),
        "c.png": Shown(1, "smaller", part="train"),
        "d.png": Shown(2),
        "e.png": Shown(2, finding="non-covid"),
        "f.png": Shown(2, "lettered"),
    }
    found = _found(tmp_path, planted)
    assert [(each.kind, each.severity, each.files) for each in found] == [
        ("duplicate", "error", ("a.png", "b.png")),
        ("near-duplicate", "error", ("b.png", "c.png")),
        ("label-contradiction", "error", ("d.png", "e.png")),
        ("label-contradiction", "error", ("e.png", "f.png")),
    ]


def test_slices_of_one_scan_are_no_near_duplicates(tmp_path: Path) -> None:
    planted = {"a.png": Shown(1, scan="s"), "b.png": Shown(1, "smaller", scan="s")}
    assert _found(tmp_path, planted) == []
    apart = {"a.png": Shown(1, scan="s"), "b.png": Shown(1, "smaller", scan="t")}
    assert [each.kind for each in _found(tmp_path, apart)] == ["near-duplicate"]


def test_a_file_that_cannot_be_read_is_no_copy(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"the same")
    entries = tuple(_entry(name, tmp_path / name, Shown(1)) for name in ("a.png", "b.png"))
    subject = Subject(tmp_path, "covid-ct", "covid", "non-covid", entries, ())
    assert copies(subject, look_at(subject)[0]) == []


def test_the_errors_among_real_pictures_are_the_known_ones() -> None:
    data = os.environ.get("COVIDCT_DATA")
    if not data or not (folder := Path(data) / "covid-ct").is_dir():
        pytest.skip("COVIDCT_DATA does not name a folder with covid-ct/")
    listed = official()
    known = {each.images for each in listed.errata if each.kind == "near-duplicate"}
    named = {name for pair in known for name in pair}
    names = sorted({name for name in listed.parts if (folder / name).is_file()})
    chosen = sorted({*names[::7], *named})
    entries = tuple(
        _entry(
            name,
            folder / name,
            Shown(0, finding=name.partition("/")[0].removeprefix("CT_").lower(), part=listed.parts[name]),
        )
        for name in chosen
    )
    subject = Subject(folder, "covid-ct", "covid", "noncovid", entries, ())
    found = copies(subject, look_at(subject)[0])
    assert {each.files for each in found if each.severity == "error"} == known
