"""Leaks: what is in two parts of a split is found, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from covidct_curate.audit.leaks import leaks
from tests.test_shortcuts import entry


def test_patients_and_papers_in_two_parts_are_found_and_nothing_else() -> None:
    entries = [
        entry("a.png", positive=True, patient="12", paper="x", part="train"),
        entry("b.png", positive=True, patient="12", paper="x", part="train"),
        entry("c.png", positive=True, patient="12", paper="x", part="test"),
        entry("d.png", positive=True, patient="2", paper="y", part="val"),
        entry("e.png", positive=False, patient="3", paper="y", part="train"),
        entry("f.png", positive=False, patient="4", paper="z", part="test"),
        entry("g.png", positive=False, patient="4", paper="z", part=""),
        entry("h.png", positive=False, part="train"),
        entry("i.png", positive=False, part="test"),
    ]
    told = [(each.kind, each.severity, each.files, each.text) for each in leaks(entries)]
    assert told == [
        ("shared-patient", "error", ("a.png", "b.png", "c.png"), "patient 12: 2 in train, 1 in test"),
        ("shared-paper", "error", ("a.png", "b.png", "c.png"), "paper x: 2 in train, 1 in test"),
        ("shared-paper", "error", ("d.png", "e.png"), "paper y: 1 in train, 1 in val"),
    ]


def test_patients_come_in_the_order_of_their_numbers() -> None:
    entries = [
        entry(f"{number}-{part}.png", positive=True, patient=str(number), part=part)
        for number in (10, 9, 100)
        for part in ("train", "val", "test")
    ]
    assert [each.text for each in leaks(entries)] == [
        f"patient {number}: 1 in train, 1 in val, 1 in test" for number in (9, 10, 100)
    ]


def test_a_scan_stands_for_a_patient_who_is_not_known() -> None:
    known = entry("a.png", positive=True, patient="1", part="train")
    entries = [
        replace(known, scan="s"),
        replace(known, name="b.png", scan="s"),
        replace(known, name="c.png", patient="", scan="t"),
        replace(known, name="d.png", patient="", scan="t", part="val"),
    ]
    assert [(each.kind, each.files, each.text) for each in leaks(entries)] == [
        ("shared-patient", ("c.png", "d.png"), "scan t: 1 in train, 1 in val")
    ]


def test_without_a_split_nothing_leaks() -> None:
    assert leaks([]) == []
    assert leaks([entry(f"{n}.png", positive=n > 1, patient="1", paper="x") for n in range(4)]) == []
