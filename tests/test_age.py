from __future__ import annotations

import pytest

from covidct_curate.label.age import Age, age_of, ages_of, number
from covidct_curate.label.rules import Hit, Rules, load_rules
from covidct_curate.label.text import read
from tests.test_subjects import HEAD


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    file = tmp_path_factory.mktemp("rules") / "patients.toml"
    file.write_text(HEAD, "utf-8")
    return load_rules(file)


def found(words: str, rules: Rules) -> list[Hit]:
    return rules.find("age", read(words))


@pytest.mark.parametrize(
    ("words", "text", "low", "high"),
    [
        ("45-year-old", "45", 45, 45),
        ("a 70- year-old", "70", 70, 70),
        ("36 years-old", "36", 36, 36),
        ("57\u2010year\u2013old", "57", 57, 57),
        ("45 y/o", "45", 45, 45),
        ("45 y.o.", "45", 45, 45),
        ("62 years of age", "62", 62, 62),
        ("aged about 62", "62", 62, 62),
        ("age (years): 62", "62", 62, 62),
        ("seventy three years old", "73", 73, 73),
        ("aged nineteen years", "19", 19, 19),
        ("2.5-year-old", "2.5", 2.5, 2.5),
        ("89 years old", "89", 89, 89),
        ("90 years old", "90+", 90, None),
        ("103-year-old", "90+", 90, None),
        ("in her early nineties", "90+", 90, None),
        ("in his late-80s", "80s", 80, 89),
        ("a man in the forties", "40s", 40, 49),
        ("in their teens", "teens", 13, 19),
        ("40+ years old", "40+", 40, None),
        ("over 60 years old", "60+", 60, None),
        ("younger than 5 years of age", "<5", 0, 5),
        ("aged 30-40 years", "30-40", 30, 40),
        ("between 30 and 40 years old", "30-40", 30, 40),
        ("85 to 95 years old", "85+", 85, None),
        ("3-month-old", "3 months", 0.25, 0.25),
        ("a one-month-old boy", "1 month", 1 / 12, 1 / 12),
        ("aged 6 weeks", "6 weeks", 42 / 365.25, 42 / 365.25),
        ("an 11-day-old neonate", "11 days", 11 / 365.25, 11 / 365.25),
        ("2 years and 6 months old", "2 years 6 months", 2.5, 2.5),
        ("M/45", "45", 45, 45),
    ],
)
def test_ages_in_years(words: str, text: str, low: float, high: float | None, rules: Rules) -> None:
    (hit,) = found(words, rules)
    age = age_of(hit)
    assert age is not None
    assert age.text == text
    assert age.low == pytest.approx(low, abs=1e-3)
    assert age.high == (None if high is None else pytest.approx(high, abs=1e-3))


@pytest.mark.parametrize("words", ["a 200-year-old tree", "aged 40 to 30", "2 years 14 months old"])
def test_what_nobody_reaches_is_no_age(words: str, rules: Rules) -> None:
    assert [age_of(hit) for hit in found(words, rules)] == [None]


@pytest.mark.parametrize(
    "words",
    [
        "a 5-year follow-up",
        "10 years ago",
        "day 10",
        "5 mm",
        "18F-FDG PET",
        "smoking for 30 years",
        "in the 1990s",
        "page 45",
    ],
)
def test_other_numbers_are_no_age(words: str, rules: Rules) -> None:
    assert found(words, rules) == []


def test_a_list_has_several_ages(rules: Rules) -> None:
    (hit,) = found("aged 45, 52 and 95 years", rules)
    assert [age.text for age in ages_of(hit)] == ["45", "52", "90+"]
    assert age_of(hit) is None


def test_equal_ages_are_equal_whatever_the_words(rules: Rules) -> None:
    (digits,), (words,) = found("a 45-year-old man", rules), found("a forty-five-year-old man", rules)
    assert age_of(digits) == age_of(words) == Age("45", 45.0, 45.0)


@pytest.mark.parametrize(
    ("words", "value"),
    [("45", 45), ("2.5", 2.5), ("seven", 7), ("Ninety-nine", 99), ("forty two", 42), ("forties", 40), ("twentyten", None),
     ("forty-ten", None), ("", None), ("4e9", None)],
)  # fmt: skip
def test_numbers(words: str, value: float | None) -> None:
    assert number(words) == value
