"""How a spreadsheet shows a number or a date: the cell's value written in its number format."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

Value = int | float | bool | str | datetime | date | time | timedelta

_PIECE = re.compile(r'"([^"]*)"?|\\(.)|[_*].|\[[^\]]*\]?|(.)', re.S)
"""Quoted text; one escaped character; padding; colours, conditions, languages; anything else."""
_NUMBER = re.compile(r"[#0?,]*[#0?][#0?,]*(?:\.[#0?]*)?")
_DATE_CODE = re.compile(r"AM/PM|A/P|[yY]+|[mM]+|[dD]+|[hH]+|[sS]+(?:\.0+)?|[^ymdhsYMDHS]", re.I)
_NINE = ("January", "February", "March", "April", "May", "June", "July", "August", "September")
_MONTHS = (*_NINE, "October", "November", "December")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LOCAL_DATE = frozenset({"mm-dd-yy", "m/d/yy h:mm"})
"""Formats that every country shows its own way; they are written ISO 8601."""
_MOST_DECIMALS = 30


def shown(value: Value, number_format: str) -> str:
    """``value`` as its cell shows it: 2020.1 in ``0.00`` is ``2020.10``, 7 in ``000`` is ``007``.

    Dates that each country shows its own way are written ISO 8601; month names are English. A format that
    is not understood (fractions, powers of ten) shows the number as typed.
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (datetime, date, time)):
        return _date(value, number_format)
    if isinstance(value, (int, float)):
        return _number(value, number_format)
    return str(value)


def exact(value: Value, number_format: str) -> str:
    """``value`` in full, however its cell rounds it: 0.8312 in ``0.00`` is ``0.8312``, 7 in ``000`` is ``7``.

    Dates with year, month and day are written ISO 8601, with the time where the format shows one; a date
    without its year or day, and a time, as the cell shows them.
    """
    if isinstance(value, bool):
        return shown(value, number_format)
    if isinstance(value, (int, float)):
        if not value:
            return "0"
        if isinstance(value, float) and not 1e-9 <= abs(value) < 1e15:
            return repr(value)
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    if isinstance(value, date) and (full_date(number_format) or number_format in ("General", "@", "")):
        timed = isinstance(value, datetime) and (
            "h" in _codes(number_format) or number_format in ("General", "")
        )
        if isinstance(value, datetime) and not (timed and value.time() != time()):
            value = value.date()
        return str(value)
    return shown(value, number_format)


def full_date(number_format: str) -> bool:
    """Whether a date in this format shows year, month and day. Excel's own guesses (``d-mmm``) do not."""
    codes = _codes(number_format)
    return all(letter in codes for letter in "ymd")


def _codes(number_format: str) -> str:
    return "".join(code for literal, code in _pieces(number_format) if not literal).lower()


@lru_cache(maxsize=256)
def _pieces(number_format: str) -> tuple[tuple[bool, str], ...]:
    """The format's first section, each character or literal text as (is literal, text)."""
    pieces = []
    for found in _PIECE.finditer(number_format[:500]):
        quoted, escaped, plain = found.groups()
        if plain == ";":
            break
        if plain is not None:
            pieces.append((False, plain))
        elif quoted or escaped:
            pieces.append((True, quoted or escaped))
    return tuple(pieces)


def _general(value: int | float) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _number(value: int | float, number_format: str) -> str:
    if number_format in ("General", "@", ""):
        return _general(value)
    pieces = _pieces(number_format)
    codes = "".join("\0" if literal else text for literal, text in pieces)
    core = _NUMBER.search(codes)
    if core is None or re.search(r"[0#?eE/]", codes[: core.start()] + codes[core.end() :]):
        return _general(value)
    before = "".join(text for _, text in pieces[: core.start()])
    after = "".join(text for _, text in pieces[core.end() :])
    whole, _, decimals = core[0].partition(".")
    amount = Decimal(repr(value)) * (100 if "%" in before + after else 1)
    step = Decimal(1).scaleb(-min(len(decimals), _MOST_DECIMALS))
    if not amount.is_finite() or amount.adjusted() > 300:
        return _general(value)
    amount = amount.quantize(step, ROUND_HALF_UP) if amount.adjusted() < 20 else amount
    digits, _, fraction = f"{abs(amount):f}".partition(".")
    digits = digits.zfill(whole.count("0")) if digits != "0" or "0" in whole else ""
    while fraction and fraction.endswith("0") and len(fraction) > decimals.count("0"):
        fraction = fraction[:-1]
    if "," in whole:
        digits = f"{int(digits or 0):,}".zfill(whole.count("0"))
    sign = "-" if amount < 0 else ""
    return f"{sign}{before}{digits}{'.' if fraction else ''}{fraction}{after}"


def _date(value: datetime | date | time, number_format: str) -> str:
    if number_format in _LOCAL_DATE or number_format in ("General", "@", ""):
        midnight = isinstance(value, datetime) and value.time() == time()
        return value.date().isoformat() if midnight and isinstance(value, datetime) else str(value)
    text, minutes = "", False
    pieces = _pieces(number_format)
    twelve = any(not literal and char in "aA" for literal, char in pieces)
    at = 0
    while at < len(pieces):
        literal, char = pieces[at]
        if literal:
            text, at = text + char, at + 1
            continue
        end = at
        while end < len(pieces) and not pieces[end][0]:
            end += 1
        codes = "".join(piece for _, piece in pieces[at:end])
        tokens = _DATE_CODE.findall(codes)
        for number, token in enumerate(tokens):
            kind = token[0].lower()
            following = next((each[0].lower() for each in tokens[number + 1 :] if each[0].isalpha()), "")
            if kind == "m" and len(token) <= 2 and (minutes or following == "s"):
                kind = "minute"
            text += _part(value, kind, token, twelve)
            if token[0].isalpha():
                minutes = kind == "h"
        at = end
    return text


def _part(value: datetime | date | time, kind: str, token: str, twelve: bool) -> str:
    """One code of a date format, written out."""
    wide = len(token) > 1
    if isinstance(value, date):
        if kind == "y":
            return f"{value.year:04d}" if len(token) > 2 else f"{value.year % 100:02d}"
        if kind == "m":
            name = _MONTHS[value.month - 1]
            names = {3: name[:3], 5: name[:1]}
            return names.get(len(token), name) if len(token) > 2 else f"{value.month:0{1 + wide}d}"
        if kind == "d":
            name = _DAYS[value.weekday()]
            return (name[:3] if len(token) == 3 else name) if len(token) > 2 else f"{value.day:0{1 + wide}d}"
    if isinstance(value, (datetime, time)):
        if kind == "h":
            hour = (value.hour - 1) % 12 + 1 if twelve else value.hour
            return f"{hour:0{1 + wide}d}"
        if kind == "minute":
            return f"{value.minute:0{1 + wide}d}"
        if kind == "s":
            return f"{value.second:0{1 + token.lower().startswith('ss')}d}"
        if kind == "a":
            return "AM" if value.hour < 12 else "PM"
    return "" if token.isalpha() else token
