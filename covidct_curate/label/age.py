"""Ages as papers say them, and as years."""

from __future__ import annotations

import re
from dataclasses import dataclass

from covidct_curate.label.rules import Hit

ADULT = 18
"""Years from which on somebody is no minor."""
OLDEST = 89
"""Ages above it are told as a group only: ``90+``."""

_LIMIT = 120
_DAYS = 365.25
_UNITS = {"months": 12.0, "weeks": _DAYS / 7, "days": _DAYS}
"""How many of them make a year."""
_SMALL = dict(
    zip(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ],
        range(1, 20),
        strict=True,
    )
)
_TENS = {
    "twent": 20,
    "thirt": 30,
    "fort": 40,
    "fourt": 40,
    "fift": 50,
    "sixt": 60,
    "sevent": 70,
    "eight": 80,
    "ninet": 90,
}
_TEN = re.compile(rf"({'|'.join(_TENS)})(?:y|ies)(?:[ -]+([a-z]+))?")


@dataclass(frozen=True, slots=True)
class Age:
    """An age. Two are equal when they say the same, whatever the words were."""

    text: str
    """As the paper says it, in digits and without "years old": ``45``, ``40s``, ``40+``, ``30-40``,
    ``3 months``; above 89 ``90+``."""
    low: float | None
    """Years."""
    high: float | None
    """Years; None where nothing bounds it."""


def age_of(hit: Hit) -> Age | None:
    """The age that a match of a rule of kind ``age`` states; None where it is no age a person reaches."""
    given = {name: hit.group(name).lower() for name in hit.groups}
    if "low" in given and "high" in given:
        return _between(number(given["low"]), number(given["high"]))
    if "decade" in given:
        return _decade(given["decade"])
    if "above" in given:
        return _open(number(given["above"]))
    if "below" in given:
        years = number(given["below"])
        return None if years is None or years > OLDEST else Age(f"<{_shown(years)}", 0.0, years)
    if "years" in given:
        return _years(number(given["years"]), number(given.get("months", "")))
    for unit, many in _UNITS.items():
        if unit in given:
            count = number(given[unit])
            if count is None or count / many > _LIMIT:
                return None
            years = round(count / many, 4)
            return Age(_counted(count, unit), years, years)
    return None


def ages_of(hit: Hit) -> tuple[Age, ...]:
    """All ages of a match: several where it lists them ("45 and 52 years old"). Empty where one of them is no
    age."""
    if "each" not in hit.groups:
        age = age_of(hit)
        return (age,) if age else ()
    ages = [_years(number(each), None) for each in re.findall(r"\d{1,3}", hit.group("each"))]
    known = tuple(age for age in ages if age)
    return known if len(known) == len(ages) else ()


def number(words: str) -> float | None:
    """A number in digits or English words up to ninety-nine: ``"45"``, ``"2.5"``, ``"seventy-three"``."""
    words = words.strip().lower()
    if re.fullmatch(r"\d{1,6}(?:\.\d{1,3})?", words):
        return float(words)
    if words in _SMALL:
        return float(_SMALL[words])
    tens = _TEN.fullmatch(words)
    if tens and (not tens[2] or _SMALL.get(tens[2], 10) < 10):
        return float(_TENS[tens[1]] + (_SMALL[tens[2]] if tens[2] else 0))
    return None


def _shown(value: float) -> str:
    return f"{value:g}"


def _counted(count: float, unit: str) -> str:
    return f"{_shown(count)} {unit if count != 1 else unit[:-1]}"


def _years(years: float | None, months: float | None) -> Age | None:
    if years is None or years > _LIMIT:
        return None
    if years > OLDEST:
        return _open(years)
    if months:
        exact = round(years + months / 12, 4)
        text = f"{_counted(years, 'years')} {_counted(months, 'months')}"
        return Age(text, exact, exact) if months < 12 else None
    return Age(_shown(years), years, years)


def _open(years: float | None) -> Age | None:
    if years is None or years > _LIMIT:
        return None
    shown = min(years, OLDEST + 1)
    return Age(f"{_shown(shown)}+", shown, None)


def _between(low: float | None, high: float | None) -> Age | None:
    if low is None or high is None or not low < high <= _LIMIT:
        return None
    return _open(low) if high > OLDEST else Age(f"{_shown(low)}-{_shown(high)}", low, high)


def _decade(words: str) -> Age | None:
    if words == "teens":
        return Age("teens", 13.0, 19.0)
    low = number(words.rstrip("s").rstrip("'")) if words[0].isdigit() else number(words)
    if low is None:
        return None
    return _open(low) if low > OLDEST else Age(f"{_shown(low)}s", low, low + 9)


_OLD = re.compile(
    r"\b(?:9\d|1[0-4]\d)(?= ?[-‐-―]? ?(?:years?|yrs?|y/?o|y\.o)\b)|(?<=\baged )(?:9\d|1[0-4]\d)\b", re.I
)


def veiled(words: str) -> str:
    """A text in which ages of 90 and more, which may tell who somebody is, read ``90+``."""
    return _OLD.sub("90+", words)
