"""What single cells of a patient sheet say: ages, genders, DOIs, words for nothing."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from covidct_curate.label.age import ADULT, OLDEST, Age
from covidct_curate.records import Evidence, Facts, Patient

_NOTHING = frozenset({"", "-", "--", "?", "n/a", "na", "nan", "null", "unknown", "unk", "not available"})
_OLDEST = 120
_EXPORTED = OLDEST + 1
"""From this age on, ages are told as ``90+``."""
_YEARS = {"month": 12, "mo": 12, "week": 52.18, "wk": 52.18, "day": 365.25}
"""Of each unit, how many make a year."""
_UNIT = r"(?:[ -]*(y\.?o\.?|y/o|y|yrs?|years?|months?|mos?|weeks?|wks?|days?)\.?(?:[ -]*of age|[ -]*old)?)?"
_NUMBER = r"(\d{1,3}(?:\.\d{1,6})?)"
_ABOUT = r"(?:(?:~|about|approx\.?|approximately|around|circa|ca\.?) ?)?"
_ONE = re.compile(_ABOUT + _NUMBER + _UNIT)
_FROM = re.compile(rf"{_NUMBER} ?(?:\+|or (?:more|older|above)|and (?:older|above)){_UNIT}")
_ABOVE = re.compile(rf"(?:>=|>|≥|over|above|older than|at least) ?{_NUMBER}{_UNIT}")
_BELOW = re.compile(rf"(<=|≤|up to|<|under|below|younger than) ?{_NUMBER}{_UNIT}")
_DECADE = re.compile(
    r"(?:in )?(?:his |her |their |the )?(?:(?:early|mid|late)[ -]?(?:to[ -]?late )?)?([1-9]0) ?['’]?s"
)
_RANGE = re.compile(rf"(?:between )?{_NUMBER} ?(?:-|to|and) ?{_NUMBER}{_UNIT}")
_LIST = re.compile(r"""\[(['"])(.*)\1\]""", re.S)
_LONGEST_LIST = 200_000
_DOI = re.compile(r"10\.\d{4,9}/\S+")


@dataclass(slots=True)
class Gathered:
    """The facts of one image while its row is read."""

    patient: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)

    def put(
        self, name: str, value: str | float | None, column: str, cell: str, confidence: float = 1.0
    ) -> None:
        """Set a field of the patient, on the word of a cell. Nothing is set by an empty value."""
        if value is not None and value != "":
            self.patient[name] = value
            self.support(name, column, cell, confidence)

    def support(self, name: str, column: str, cell: str, confidence: float = 1.0) -> None:
        """Say which cell a fact was read from."""
        self.evidence[name] = Evidence(f"sheet.{column}", cell, "sheet", confidence)

    def put_age(self, found: Age, column: str, cell: str, confidence: float = 1.0) -> None:
        """Set the age. A cell that tells more than ``90+`` is not quoted."""
        self.put(
            "age",
            found.text,
            column,
            cell if found.text == " ".join(cell.split()) else found.text,
            confidence,
        )
        self.patient["age_min"], self.patient["age_max"] = found.low, found.high
        if found.high is not None and found.high < ADULT:
            self.flags.append("under-18")

    def facts(self, modality: str, region: str, finding: str) -> Facts:
        """The facts of the image."""
        return Facts(
            modality=modality,
            region=region,
            finding=finding,
            patient=Patient(**self.patient),
            evidence=self.evidence,
            flags=tuple(self.flags),
            extra=self.extra,
        )


def joined(cell: str) -> tuple[str, str]:
    """A caption, and what is odd about its cell: some hold a list of strings in Python's notation."""
    text = cell.strip()
    found = _LIST.fullmatch(text)
    if found is None:
        return text, ""
    parts: object = None
    if len(text) <= _LONGEST_LIST:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                parts = ast.literal_eval(text)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                parts = None
    if isinstance(parts, list) and all(isinstance(part, str) for part in parts):
        return " ".join(part.strip() for part in parts).strip(), "a list in Python's notation, joined"
    joint = re.sub(f"{found[1]}, {{0,3}}{found[1]}", " ", found[2]).strip()
    return joint, "a list in Python's notation with a stray quote, joined"


def said(text: str) -> str:
    """The cell's text without surrounding spaces; ``""`` where it is a word for nothing (``N/A``, ``-``)."""
    text = text.strip()
    return "" if text.casefold() in _NOTHING else text


def age(cell: str) -> Age | None:
    """The age in a cell; None where it holds none.

    ``45`` is 45 to 45 years, ``40+`` 40 and more, ``40s`` 40 to 49, ``30-40`` and ``3 months`` what they say.
    From 90 years on it is ``90+``; a range that goes beyond keeps its lower end only.
    """
    text = " ".join(cell.split())[:60]
    plain = re.sub("[–—−]", "-", text.casefold()).removeprefix("age ").removeprefix("aged ").strip(" .")
    found = _years(plain)
    if found is None or (found[0] or 0) > _OLDEST or (found[1] or 0) > _OLDEST:
        return None
    low, high = found
    if low is not None and low >= _EXPORTED:
        return Age("90+", _EXPORTED, None)
    if high is not None and high >= _EXPORTED:
        return Age(f"{low or 0:g}+", low, None)
    return Age(re.sub(r"^(\d+)\.0+$", r"\1", text), low, high)


def _years(text: str) -> tuple[float | None, float | None] | None:
    if found := _ONE.fullmatch(text):
        years = _scaled(found[1], found[2])
        return years, years
    if found := _DECADE.fullmatch(text):
        return float(found[1]), float(found[1]) + 9
    if found := _FROM.fullmatch(text) or _ABOVE.fullmatch(text):
        return _scaled(found[1], found[2]), None
    if found := _BELOW.fullmatch(text):
        years = _scaled(found[2], found[3])
        # "under 18" is 17 completed years at most
        return None, years - 1 if found[1] not in ("<=", "≤", "up to") and years > 1 else years
    if found := _RANGE.fullmatch(text):
        low, high = _scaled(found[1], found[3]), _scaled(found[2], found[3])
        return (low, high) if low <= high else None
    return None


def _scaled(number: str, unit: str | None) -> float:
    name = (unit or "").rstrip("s")
    return round(float(number) / _YEARS.get(name, 1), 3)


def gender(cell: str) -> str:
    """``M``, ``F`` or ``""``."""
    word = cell.strip().strip(".").casefold()
    return {"m": "M", "male": "M", "man": "M", "f": "F", "female": "F", "woman": "F"}.get(word, "")


def doi(cell: str) -> str | None:
    """The DOI in a cell, without spaces, address or closing punctuation; None where there is none."""
    found = _DOI.search("".join(cell.split()))
    return (
        found[0].rstrip(".,;)]")
        if found and "(" not in found[0]
        else found[0].rstrip(".,;")
        if found
        else None
    )


def yes_no(cell: str) -> str:
    """``yes``, ``no`` or ``""``."""
    return {"y": "yes", "yes": "yes", "true": "yes", "n": "no", "no": "no", "false": "no"}.get(
        cell.strip().casefold(), ""
    )


def kept(row: Mapping[str, str], known: set[str]) -> dict[str, str]:
    """The cells of a row that have no field: column → text, those that say something."""
    return {column: text.strip() for column, text in row.items() if column not in known and text.strip()}
