"""Intervals: they hold the truth about as often as they say, and patients are drawn whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from covidct_model.bootstrap import compared, drawn, interval, judged, mean
from covidct_model.metrics import NAMES, Labels, Numbers

APART = 1.2
TRUE_AREA = 0.5 * (1 + math.erf(APART / 2))
"""Of two normal scores so far apart."""


def sampled(seed: int, patients: int = 50, pictures: int = 3) -> tuple[Labels, Numbers, list[int]]:
    """Labels, scores and patients: the pictures of a patient are all but copies of each other."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(patients) % 2, pictures)
    logits = np.repeat(random.normal(size=patients), pictures) + random.normal(0, 0.01, len(labels))
    scores = 1 / (1 + np.exp(-(logits + APART * labels)))
    return labels, scores, np.repeat(np.arange(patients), pictures).tolist()


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = 0
    for seed in range(60):
        labels, scores, patients = sampled(seed)
        area = judged(labels, scores, drawn(patients, labels, 300)).estimates["auc"]
        assert area.low is not None and area.high is not None and area.value is not None
        assert area.low <= area.value <= area.high
        held += area.low <= TRUE_AREA <= area.high
    assert held >= 51


def test_pictures_of_a_patient_are_drawn_together() -> None:
    labels, scores, patients = sampled(1)
    whole = drawn(patients, labels, 500)
    assert (whole.reshape(500, 50, 3) == whole[:, ::3, None]).all()
    alone = drawn(range(150), labels, 500)
    wide, narrow = (
        np.ptp(interval(judged_area(labels, scores, weights))) for weights in (whole, alone)
    )  # fmt: skip
    assert wide > 1.4 * narrow


def judged_area(labels: Labels, scores: Numbers, weights: np.ndarray) -> Numbers:
    area = judged(labels, scores, weights).estimates["auc"]
    assert area.low is not None and area.high is not None
    return np.array([area.low, area.high])


def test_as_many_patients_of_each_class_are_drawn_as_there_are() -> None:
    labels = np.array([0, 0, 0, 1, 1, 0, 1])
    weights = drawn(["a", "b", "c", "d", "e", "f", "f"], labels, 200)
    assert set(weights[:, :3].sum(axis=1)) == {3}
    assert set(weights[:, 3:5].sum(axis=1)) == {2}
    assert (weights[:, 5:] == 1).all()  # the only one of both classes


def test_the_same_seed_draws_the_same() -> None:
    labels, _, patients = sampled(0)
    one, same, other = (drawn(patients, labels, 20, seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_run_against_itself_is_no_better() -> None:
    labels, scores, patients = sampled(2)
    told = compared(labels, scores, scores, drawn(patients, labels, 200))
    assert set(told) == set(NAMES)
    assert {(each.value, each.low, each.high, each.p) for each in told.values()} == {(0, 0, 0, 1)}


def test_a_clear_difference_is_sure_and_its_sign_is_told() -> None:
    labels, scores, patients = sampled(3)
    weights = drawn(patients, labels, 400)
    better = np.clip(scores + 0.3 * (labels - 0.5), 0, 1)
    up, down = compared(labels, better, scores, weights), compared(labels, scores, better, weights)
    for name, way in (("auc", 1), ("brier", -1)):
        one, other = up[name], down[name]
        assert one.value is not None and one.low is not None and one.high is not None and one.p is not None
        assert way * one.value > 0 and way * one.low > 0 and way * one.high > 0
        assert one.p < 0.02
        assert other.value == pytest.approx(-one.value) and other.p == one.p


def test_no_difference_is_not_sure() -> None:
    labels, scores, patients = sampled(4)
    random = np.random.default_rng(0)
    other = np.clip(scores + random.normal(0, 0.05, len(scores)), 0, 1)
    p = compared(labels, other, scores, drawn(patients, labels, 400))["auc"].p
    assert p is not None and 0.05 < p <= 1


def test_what_cannot_be_told_has_no_interval() -> None:
    labels = np.zeros(4, np.int64)
    scores = np.array([0.1, 0.2, 0.3, 0.9])
    weights = drawn(range(4), labels, 50)
    told = judged(labels, scores, weights)
    assert (told.estimates["auc"].value, told.estimates["auc"].low) == (None, None)
    assert told.estimates["accuracy"].value == 0.75 and told.estimates["accuracy"].high == 1
    assert compared(labels, scores, scores, weights)["auc"].p is None


def test_the_mean_of_a_number_per_picture() -> None:
    told = mean(np.array([0.2, 0.4, 0.6]), drawn(range(3), np.ones(3, np.int64), 200))
    assert told.value == pytest.approx(0.4)
    assert told.low is not None and told.high is not None
    assert 0.2 <= told.low < 0.4 < told.high <= 0.6
