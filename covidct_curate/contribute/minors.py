"""Whose pictures no dataset takes: those of minors."""

from __future__ import annotations

from covidct_curate.datasets import cells
from covidct_curate.label.age import ADULT


def minor(age: str, age_max: float | None) -> bool:
    """Whether somebody of that age, as told and in years, is surely under 18."""
    read = cells.age(age)
    ends = (age_max, read.high if read else None)
    return any(each is not None and each < ADULT for each in ends)
