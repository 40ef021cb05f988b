"""How an audit calls pictures and patients."""

from __future__ import annotations


def shown(name: str) -> str:
    r"""A file's name as valid Unicode, no two alike: a byte that is no UTF-8 is spelt out, ``\udcff``."""
    return name.encode("utf-8", "backslashreplace").decode()


def known(patient: str) -> str:
    """A patient's id; ``""`` for the ids of those that cannot be told apart, ``0`` and those that end in ``-0``."""
    return "" if patient == "0" or patient.endswith("-0") else patient
