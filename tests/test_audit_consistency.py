"""What is told of patients and licences, held against itself."""

from __future__ import annotations

import pytest

from covidct_curate.audit.consistency import ages, contradictions, licences
from covidct_curate.audit.subject import Entry, SubjectKind
from tests.entries import entry


def aged(name: str, low: float | None, high: float | None, patient: str = "p") -> Entry:
    return entry(name, patient=patient, age=f"{low} {high}", age_min=low, age_max=high)


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ((45, 45), (45, 45), False),
        ((45, 45), (40, 49), False),
        ((45, 45), (40, None), False),
        ((None, 17), (17, 17), False),
        ((45, 45), (None, None), False),
        ((45, 45), (46, 46), True),
        ((45, 45), (50, None), True),
        ((None, 17), (18, 18), True),
    ],
)
def test_ages_of_one_patient_may_overlap_but_not_exclude_each_other(
    one: tuple[float, float], other: tuple[float, float], told: bool
) -> None:
    found = contradictions([aged("a", *one), aged("b", *other)])
    assert [(each.kind, each.files) for each in found] == [("patient-contradiction", ("a", "b"))] * told


def test_patients_that_are_not_known_or_differ_contradict_nobody() -> None:
    assert contradictions([aged("a", 1, 1, ""), aged("b", 90, 90, "")]) == []
    assert contradictions([aged("a", 1, 1, "p"), aged("b", 90, 90, "q")]) == []


def test_two_genders_of_one_patient_are_told_with_the_pictures_that_say_so() -> None:
    entries = [
        entry(name, patient="p", gender=gender) for name, gender in (("a", "M"), ("b", ""), ("c", "F"))
    ]
    (found,) = contradictions(entries)
    assert (found.files, found.text) == (("a", "c"), "patient p has genders F and M")


def test_ages_out_of_range_and_minors_are_told_apart() -> None:
    entries = [
        *(aged("old", 121, 121), aged("oldest", 120, 120), aged("born", 0, 0), aged("unborn", -1, -1)),
        *(aged("turned", 50, 40), aged("open", 90, None), aged("child", 17, 17), aged("grown", 18, 18)),
    ]
    assert [(each.kind, each.files) for each in ages(entries)] == [
        *(("age", ("old",)), ("age", ("unborn",)), ("age", ("turned",))),
        ("under-18", ("born", "child")),
    ]


@pytest.mark.parametrize(
    ("kind", "private", "expected"),
    [
        ("covid-ct", False, [("warning", ("nd",)), ("note", ("none", "blank")), ("warning", ("odd",))]),
        ("chestxray", False, [("warning", ("nd",)), ("note", ("none", "blank")), ("warning", ("odd",))]),
        ("release", False, [("error", ("nd",)), ("error", ("none", "blank")), ("error", ("odd",))]),
        ("release", True, [("warning", ("nd",)), ("warning", ("none", "blank")), ("warning", ("odd",))]),
        ("workspace", False, [("note", ("nd", "none", "blank", "odd"))]),
    ],
)
def test_licences_weigh_what_the_dataset_does_with_its_pictures(
    kind: SubjectKind, private: bool, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    given = {"by": "cc_by", "nd": "cc_by_nd", "none": None, "blank": "", "odd": "ask =us", "zero": "CC0"}
    entries = [entry(name, licence=licence) for name, licence in given.items()]
    found = licences(entries, kind, private=private)
    assert [(each.severity, each.files) for each in found] == expected
    assert {each.kind for each in found} == {"licence"}
    assert licences(entries[:1], kind, private=private) == []
