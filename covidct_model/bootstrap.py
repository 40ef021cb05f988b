"""How sure a metric is: patients drawn anew, with all their pictures, as many of each class as there are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covidct_model.metrics import HALF, NAMES, Labels, Numbers, counted, measured, resampled

Weights = NDArray[np.int32]
"""Draws x pictures: how often each picture is in a draw."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval; None where it cannot be told."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Judged:
    """Scores judged at a threshold."""

    threshold: float
    estimates: Mapping[str, Estimate]
    """By the names of `metrics.NAMES`."""
    confusion: Mapping[str, int]
    """``tp``, ``fn``, ``tn``, ``fp``."""


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much a metric of one run is above that of another; None where it cannot be told."""

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    """Two-sided: how often draws would be as far on the other side of 0, twice; at most 1."""


def drawn(groups: Sequence[Hashable], labels: Labels, draws: int, seed: int = 0) -> Weights:
    """So many draws of all groups (patients), with replacement, within those of one class, the other and both.

    ``groups`` and ``labels`` (n,) are of the pictures; the same seed gives the same draws.
    """
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    member = np.array([numbers[each] for each in groups], np.intp)
    has = np.zeros((2, len(numbers)), bool)
    has[labels, member] = True
    kind = has[0] + 2 * has[1]
    random = np.random.default_rng(seed)
    counts = np.zeros((draws, len(numbers)), np.int32)
    for own in (np.flatnonzero(kind == each) for each in np.unique(kind)):
        counts[:, own] = random.multinomial(len(own), np.full(len(own), 1 / len(own)), draws)
    return counts[:, member]


def judged(labels: Labels, scores: Numbers, weights: Weights, threshold: float = HALF) -> Judged:
    """Every metric at that threshold, with the interval that the draws give."""
    values, many = measured(labels, scores, threshold), resampled(labels, scores, weights, threshold)
    estimates = {name: Estimate(values[name], *interval(many[name])) for name in NAMES}
    return Judged(threshold, estimates, counted(labels, scores, threshold))


def mean(values: Numbers, weights: Weights) -> Estimate:
    """The mean of a number per picture (n,), n ≥ 1."""
    return Estimate(float(values.mean()), *interval(weights @ values / weights.sum(axis=1)))


def compared(labels: Labels, one: Numbers, other: Numbers, weights: Weights) -> dict[str, Difference]:
    """Every metric of ``one`` less that of ``other``, both at 0.5, on the same pictures and the same draws."""
    first, second = measured(labels, one), measured(labels, other)
    many, less = resampled(labels, one, weights), resampled(labels, other, weights)
    told = {}
    for name in NAMES:
        value, taken = first[name], second[name]
        if value is None or taken is None:
            told[name] = Difference(None, None, None, None)
        else:
            differences = many[name] - less[name]
            told[name] = Difference(value - taken, *interval(differences), _two_sided(differences))
    return told


def interval(values: Numbers) -> tuple[float | None, float | None]:
    """Where the middle 95 % of the draws lie; None where some cannot be told."""
    if not np.isfinite(values).all():
        return None, None
    low, high = np.percentile(values, (2.5, 97.5)).tolist()
    return low, high


def _two_sided(differences: Numbers) -> float:
    fewer = min((differences <= 0).sum(), (differences >= 0).sum())
    return min(1.0, 2 * float(fewer + 1) / (len(differences) + 1))
