"""Shortcuts: a planted one is found, none where classes are shuffled, and nothing is said of too few."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from covidct_curate.audit import shortcuts
from covidct_curate.audit.duplicates import look
from covidct_curate.audit.seen import Seen
from covidct_curate.audit.shortcuts import (
    NAMES,
    Estimate,
    Told,
    Untold,
    as_json,
    border,
    file_features,
    findings,
    histogram,
    of_subject,
    shortcut,
)
from covidct_curate.audit.subject import Entry, Subject
from tests.entries import entry as plain

GREY = arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)))
SCENES = ("none", *NAMES)


@pytest.fixture(autouse=True)
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few trees are enough where a class is told by one thing, or by none."""
    monkeypatch.setattr(shortcuts, "TREES", 30)


def entry(name: str, *, positive: bool | None, **told: str) -> Entry:
    return plain(name, finding="covid" if positive else "non-covid", positive=positive, **told)


def planted(scene: str, count: int = 80, *, parts: bool = False) -> tuple[Subject, dict[str, Seen]]:
    """Pictures of noise, two a patient, of which one thing tells the class."""
    random = np.random.default_rng(5)
    entries, seen = [], {}
    for number in range(count):
        positive = number // 2 % 2 == 0
        grey = random.integers(20, 230, (60, 60), np.uint8)
        if positive and scene == "border":
            grey[:3] = grey[-3:] = grey[:, :3] = grey[:, -3:] = 255
        elif scene == "border":  # as much white, elsewhere
            inside = random.permutation(54 * 54) < 60 * 60 - 54 * 54
            grey[3:-3, 3:-3][inside.reshape(54, 54)] = 255
        if positive and scene == "histogram":
            grey[10:50, 10:50] //= 2
        alpha = positive and scene == "file"
        name = f"{number:03d}.{'png' if alpha or scene != 'file' else 'jpg'}"
        part = ("train", "train", "val", "test")[number // 4 % 4] if parts else ""
        entries.append(entry(name, positive=positive, patient=f"p{number // 2}", part=part))
        size = (60 + int(random.integers(9)), 60)
        seen[name] = Seen(
            size=size,
            mode="RGBA" if alpha else "L",
            form="PNG",
            bytes=3000 + int(random.integers(900)),
            pixels=str(number),
            border=border(grey),
            histogram=histogram(grey),
            look=look(grey),
        )
    return Subject(Path("data"), "covid-ct", "covid", "non-covid", tuple(entries), ()), seen


@pytest.mark.parametrize("scene", SCENES)
def test_the_planted_shortcut_is_found_and_no_other(scene: str) -> None:
    told = of_subject(*planted(scene))
    for name, each in told.items():
        assert isinstance(each, Told)
        best = each.headline
        if name == scene:
            assert best.auc > 0.99 and best.low > 0.95
        else:
            assert best.low < 0.5, name
        assert 0 <= best.low <= best.auc <= best.high <= 1
    found = findings(told)
    assert [(each.kind, each.severity, each.files) for each in found] == [
        ("shortcut", "warning", ()) for name in NAMES if name == scene
    ]
    assert all(f"told by {NAMES[scene]} alone: AUC 1.000 (" in each.text for each in found)


def test_shuffled_classes_are_not_told() -> None:
    within = 0
    for seed in range(8):
        random = np.random.default_rng(seed)
        rows = random.random((100, 3)).astype(np.float32)
        told = shortcut(rows, (random.permutation(100) < 50).tolist(), range(100))
        assert isinstance(told, Told) and not findings({"file": told})
        within += told.headline.low < 0.5 < told.headline.high
    assert within >= 6


def test_with_a_split_the_test_part_is_judged() -> None:
    subject, seen = planted("file", parts=True)
    told = as_json(of_subject(subject, seen))
    assert list(told) == ["file", "border", "histogram"]
    assert told["file"]["how"] == "test part"
    assert told["file"]["cross_validated"] == {"auc": 1.0, "low": 1.0, "high": 1.0}
    assert (told["file"]["auc"], told["file"]["pictures"], told["file"]["of"]) == (1.0, 80, 80)
    assert "NaN" not in json.dumps(told)
    assert "on the test part" in findings(of_subject(subject, seen))[0].text


def test_what_the_training_part_does_not_show_is_not_told_of_the_test_part() -> None:
    random = np.random.default_rng(0)
    positive = [number % 2 == 0 for number in range(200)]
    parts = ["train" if number < 100 else "test" for number in range(200)]
    rows = random.random((200, 3)).astype(np.float32)
    rows[100:, 0] = positive[100:]
    told = shortcut(rows, positive, range(200), parts)
    assert isinstance(told, Told)
    assert told.how == "test part" and findings({"file": told}) == []
    assert told.cross_validated.low > 0.6


def test_groups_are_never_learnt_from_and_judged_on() -> None:
    random = np.random.default_rng(1)
    group = np.repeat(np.arange(40), 5)
    rows = random.random((40, 4)).astype(np.float32)[group]
    positive = [number % 2 == 0 for number in group]
    told = shortcut(rows, positive, group.tolist())
    alone = shortcut(rows, positive, range(200))
    assert isinstance(told, Told) and isinstance(alone, Told)
    assert told.headline.low < 0.5 < told.headline.high
    assert alone.headline.auc > 0.95
    wide, narrow = (each.headline.high - each.headline.low for each in (told, alone))
    assert wide > 2 * narrow


def test_patients_and_papers_that_share_pictures_are_one_group() -> None:
    subject, seen = planted("none", 40)
    named = [(each, seen[each.name]) for each in subject.entries]
    joined = [
        entry(each.name, positive=each.positive, patient=each.patient, paper=f"paper {number % 9}")
        for number, (each, _) in enumerate(named)
    ]
    told = of_subject(Subject(Path(), "covid-ct", "covid", "non-covid", tuple(joined), ()), seen)
    assert told["file"] == Untold("fewer than 10 patients or papers of class covid")


def test_the_same_pictures_give_the_same_numbers() -> None:
    one, two = (as_json(of_subject(*planted("histogram", parts=True))) for _ in range(2))
    assert one == two


def test_a_finding_tells_area_and_interval() -> None:
    weak = Told(Estimate(0.61, 0.59, 0.63), "cross-validated", Estimate(0.9, 0.8, 1.0), 5, 5)
    sure = Told(Estimate(0.9637, 0.9181, 0.9958), "test part", Estimate(0.5, 0.4, 0.6), 5, 5)
    assert [each.text for each in findings({"border": weak, "histogram": sure})] == [
        "the class is told by the shares of the grey levels alone: AUC 0.964 (0.918 to 0.996, on the test part; "
        "guessing reaches 0.5)"
    ]


def test_of_too_few_nothing_is_said() -> None:
    subject, seen = planted("none", 80)
    few = [each for number, each in enumerate(subject.entries) if each.positive or number < 36]
    for entries, wanting in (
        (few, "non-covid"),
        ([each for each in few if each.positive], "non-covid"),
        ([], "covid"),
        ([entry("0.png", positive=True)], "covid"),
    ):
        told = of_subject(Subject(Path(), "covid-ct", "covid", "non-covid", tuple(entries), ()), seen)
        assert as_json(told)["border"] == {
            "auc": None,
            "low": None,
            "high": None,
            "why": f"fewer than 10 patients or papers of class {wanting}",
        }
        assert findings(told) == []


def test_pictures_of_neither_class_and_unseen_ones_do_not_count() -> None:
    subject, seen = planted("file", 60)
    others = (entry("x.gif", positive=None), entry("unseen.png", positive=True))
    more = Subject(subject.path, "covid-ct", "covid", "non-covid", (*subject.entries, *others), ())
    assert of_subject(more, {**seen, "x.gif": seen["000.png"]}) == of_subject(subject, seen)


def test_of_very_many_some_are_used_and_it_is_said() -> None:
    random = np.random.default_rng(2)
    positive = [number % 10 == 0 for number in range(4000)]
    rows = random.random((4000, 2)).astype(np.float32)
    rows[:, 0] += np.array(positive) * 0.5
    told = shortcut(rows, positive, range(4000))
    assert isinstance(told, Told)
    assert (told.pictures, told.of) == (2900, 4000)
    assert 0.7 < told.headline.low < told.headline.high < 0.95


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="for each picture"):
        shortcut(np.zeros((2, 3), np.float32), [True], [0, 1])
    with pytest.raises(ValueError, match="for each picture"):
        shortcut(np.zeros((1, 3), np.float32), [True], [0], ["train", "test"])


@settings(deadline=None)
@given(GREY)
def test_any_picture_has_a_border_and_a_histogram(grey: NDArray[np.uint8]) -> None:
    edge, levels = border(grey), histogram(grey)
    assert (edge.shape, levels.shape) == ((16,), (34,))
    assert edge.dtype == levels.dtype == np.float32
    assert all(np.all((each >= 0) & (each <= 1)) for each in (edge, levels))
    assert levels[:32].sum() == pytest.approx(1)


def test_a_border_is_told_by_side() -> None:
    grey = np.full((50, 100), 128, np.uint8)
    grey[:2], grey[:, -4:] = 255, 0
    top, bottom, left, right = border(grey).reshape(4, 4)
    assert top == pytest.approx([0.96, 0.196, 0.04, 0.96], abs=0.01)
    assert left == pytest.approx([0.52, 0.098, 0, 0.04], abs=0.01)
    assert right == pytest.approx([0, 0, 1, 0])
    assert bottom[2:] == pytest.approx([0.04, 0])


def test_every_file_has_as_many_features() -> None:
    rows = [
        file_features((3, 6), "L", ".PNG", 36),
        file_features((3, 6), "L", ".png", 36),
        file_features((3, 6), "HSV", ".xyz", 0),
        file_features((1, 1), "RGBA", "", 10**12),
    ]
    assert {each.shape for each in rows} == {(24,)}
    np.testing.assert_array_equal(rows[0], rows[1])
    assert rows[0][:4] == pytest.approx([3, 6, 0.5, 2])
    assert all(each[4:].sum() == 2 and np.isfinite(each).all() for each in rows)
