"""What may be told of a patient: nothing is copied from a header but the facts named here.

Names, numbers, dates, addresses, free text and private elements of a header never leave the reader. A fact from a
header is one of a few known words or a number, so that text typed into the wrong field is not carried along.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from covidct_curate.errors import CurateError

FACTS: Mapping[str, str] = {
    "sex": "M or F",
    "age": "years, or months, weeks or days of a small child; 90+ above 89",
    "modality": "ct",
    "body_part": "one of the standard's words for parts of the body, in small letters",
    "manufacturer": "one of the known makers of scanners",
    "kvp": "peak kilovoltage of the tube",
    "slice_thickness": "millimetres",
    "day": "days from the patient's first study in the same import",
}
"""All that is told of a scan, and what it looks like."""

_SHORTEST_SALT = 16
_DIGITS = 12
_OLDEST = 130
_PARTS = frozenset(
    ("abdomen", "chest", "head", "heart", "lung", "neck", "pelvis", "spine", "thorax", "wholebody")
)
_MAKERS = {
    "siemens": "Siemens",
    "ge": "GE",
    "general electric": "GE",
    "philips": "Philips",
    "toshiba": "Toshiba",
    "canon": "Canon",
    "hitachi": "Hitachi",
    "fujifilm": "Fujifilm",
    "neusoft": "Neusoft",
    "uih": "United Imaging",
    "united imaging": "United Imaging",
    "shimadzu": "Shimadzu",
    "picker": "Picker",
    "marconi": "Marconi",
    "neurologica": "NeuroLogica",
}
_NOBODY = frozenset(
    ("", "0", "anonymous", "anonymized", "anonymised", "anon", "unknown", "none", "na", "n/a")
)


def pseudonym(kind: str, salt: bytes, identity: str) -> str:
    """``p-3f2a81c0d94e``: what stands for an identity, always the same with one salt, unknowable without it.

    ``kind`` is ``p`` for patients, ``s`` for scans. Raises `CurateError` for a salt of fewer than 16 bytes,
    with which identities could be guessed.
    """
    if len(salt) < _SHORTEST_SALT:
        raise CurateError(
            f"the salt of pseudonyms needs {_SHORTEST_SALT} bytes or more; make it by chance, keep it secret"
        )
    code = hmac.new(salt, f"{kind}\0{identity}".encode("utf-8", "surrogateescape"), hashlib.sha256)
    return f"{kind}-{code.hexdigest()[:_DIGITS]}"


def identity(header: Any) -> str | None:
    """What tells a patient from others in a DICOM header, never to be shown; None where nothing does."""
    number = _text(header, "PatientID")
    if number.casefold() in _NOBODY:
        return None
    return f"{_text(header, 'IssuerOfPatientID')}\0{number}"


def facts(header: Any) -> dict[str, str]:
    """The `FACTS` that a DICOM header tells, ``day`` aside."""
    found = {
        "sex": {"M": "M", "F": "F"}.get(_text(header, "PatientSex").upper(), ""),
        "age": _age(header),
        "modality": "ct",
        "body_part": _body_part(header),
        "manufacturer": _maker(_text(header, "Manufacturer")),
        "kvp": _number(_text(header, "KVP"), 20, 300),
        "slice_thickness": _number(_text(header, "SliceThickness"), 0.01, 100),
    }
    return {name: value for name, value in found.items() if value}


def day_of(header: Any) -> date | None:
    """The day of the study, to be told as an offset only."""
    for name in ("StudyDate", "SeriesDate", "AcquisitionDate"):
        if found := _date(_text(header, name)):
            return found
    return None


def flags(header: Any) -> tuple[str, ...]:
    """``burned-in`` and ``face`` where the header warns of them."""
    warned = (("BurnedInAnnotation", "burned-in"), ("RecognizableVisualFeatures", "face"))
    return tuple(flag for name, flag in warned if _text(header, name).upper() == "YES")


def _text(header: Any, name: str) -> str:
    try:
        value = header.get(name)
    except Exception:  # a damaged element tells nothing
        return ""
    return "" if value is None else str(value).strip().strip("\0").strip()


def _age(header: Any) -> str:
    found = re.fullmatch(r"(\d{1,3})([DWMY])", _text(header, "PatientAge").upper())
    if found:
        count, unit = int(found[1]), found[2]
        if unit == "Y":
            return _years(count)
        word = {"D": "day", "W": "week", "M": "month"}[unit]
        return f"{count} {word}{'s' if count > 1 else ''}" if count else ""
    born, seen = _date(_text(header, "PatientBirthDate")), day_of(header)
    if born is None or seen is None or seen < born:
        return ""
    return _years(seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day)))


def _years(count: int) -> str:
    if not 0 < count <= _OLDEST:  # 000Y is what tools that blank headers write
        return ""
    return str(count) if count <= 89 else "90+"


def _date(text: str) -> date | None:
    found = re.fullmatch(r"(\d{4})([.-]?)(\d\d)\2(\d\d)", text)
    try:
        return date(int(found[1]), int(found[3]), int(found[4])) if found else None
    except ValueError:
        return None


def _body_part(header: Any) -> str:
    word = re.sub(r"[^a-z]", "", _text(header, "BodyPartExamined").casefold())
    return word if word in _PARTS else ""


def _maker(text: str) -> str:
    plain = text.casefold()
    return next((maker for word, maker in _MAKERS.items() if re.match(rf"{word}\b", plain)), "")


def _number(text: str, low: float, high: float) -> str:
    try:
        value = float(text)
    except ValueError:
        return ""
    return f"{value:g}" if low <= value <= high else ""
