"""Metrics: as in cases counted by hand, and drawn samples as scikit-learn weighs them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from covidct_model.metrics import NAMES, Bin, area, chosen, counted, measured, reliability, resampled

LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
SCORES = np.array([0.95, 0.85, 0.5, 0.15, 0.75, 0.45, 0.35, 0.25, 0.05, 0.0])
"""At 0.5: three of four positives found, one of six negatives told positive."""


def test_a_case_counted_by_hand() -> None:
    assert counted(LABELS, SCORES) == {"tp": 3, "fn": 1, "tn": 5, "fp": 1}
    told = measured(LABELS, SCORES)
    errors = [0.05, 0.15, 0.5, 0.85, 0.75, 0.45, 0.35, 0.25, 0.05, 0]
    assert told == pytest.approx(
        {
            "auc": (6 + 6 + 5 + 2) / 24,
            "accuracy": 0.8,
            "f1": 2 * 3 / (2 * 3 + 1 + 1),
            "f1_negative": 2 * 5 / (2 * 5 + 1 + 1),
            "sensitivity": 3 / 4,
            "specificity": 5 / 6,
            "precision": 3 / 4,
            "balanced_accuracy": (3 / 4 + 5 / 6) / 2,
            "brier": sum(each**2 for each in errors) / 10,
            # Alone in their ranges, but for 0.05 and 0, which share one.
            "calibration_error": (sum(errors[:8]) + 0.05) / 10,
        }
    )


def test_the_positive_class_is_1() -> None:
    told, turned = measured(LABELS, SCORES), measured(1 - LABELS, 1 - SCORES, 0.5 + 1e-9)
    for name, other in (
        ("f1", "f1_negative"),
        ("sensitivity", "specificity"),
        ("auc", "auc"),
        ("accuracy", "accuracy"),
    ):
        assert told[name] == pytest.approx(turned[other])
    assert measured(LABELS, SCORES, 0.9)["precision"] == 1
    assert measured(LABELS, SCORES, 0.96)["precision"] == measured(LABELS, SCORES, 0.96)["f1"] == 0


@pytest.mark.parametrize("label", [0, 1])
def test_of_one_class_only_what_needs_no_other_is_told(label: int) -> None:
    labels = np.full(3, label)
    told = measured(labels, np.array([0.0, 0.0, 1.0]))
    known = {name for name, value in told.items() if value is not None}
    assert known == {"accuracy", "brier", "calibration_error"}
    assert told["accuracy"] == pytest.approx([2 / 3, 1 / 3][label])
    many = resampled(labels, np.array([0.0, 0.0, 1.0]), np.ones((2, 3), np.int32))
    assert {name for name, values in many.items() if np.isfinite(values).all()} == known
    assert area([label] * 3, [0.1, 0.2, 0.3]) is None


def test_the_area_counts_ties_half() -> None:
    assert area([1, 0, 0, 1], [0.5, 0.5, 0.1, 0.9]) == pytest.approx(3.5 / 4)


@pytest.mark.parametrize("threshold", [0.5, 0.3, 1.0])
def test_drawn_samples_are_measured_as_their_pictures_one_by_one(threshold: float) -> None:
    random = np.random.default_rng(3)
    labels = np.array([0, 1] * 30)
    scores = np.clip(np.round(random.normal(0.35 + 0.3 * labels, 0.3), 1), 0, 1)  # with ties
    weights = random.integers(0, 3, (20, 60)).astype(np.int32)
    many = resampled(labels, scores, weights, threshold)
    assert set(many) == set(NAMES)
    for number, weight in enumerate(weights):
        one = measured(np.repeat(labels, weight), np.repeat(scores, weight), threshold)
        assert {name: values[number] for name, values in many.items()} == pytest.approx(one)
        assert many["auc"][number] == pytest.approx(sk.roc_auc_score(labels, scores, sample_weight=weight))


def test_very_many_weights_give_what_few_do(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.random.default_rng(0).integers(1, 3, (7, 10)).astype(np.int32)
    whole = resampled(LABELS, SCORES, weights)
    monkeypatch.setattr("covidct_model.metrics._AT_ONCE", 20)
    parts = resampled(LABELS, SCORES, weights)
    for name in NAMES:
        np.testing.assert_allclose(whole[name], parts[name])


@pytest.mark.parametrize(
    ("labels", "scores", "threshold"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], 0.25),
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 0.5),  # within the gap
        ([0, 1, 0, 1], [0.7, 0.8, 0.85, 0.95], 0.75),  # 0.9 is as good, and further away
        ([0, 1], [0.6, 0.6], 0.5),
        ([1, 1], [0.6, 0.7], None),
    ],
)
def test_the_threshold_has_the_best_sum_and_is_near_one_half(
    labels: list[int], scores: list[float], threshold: float | None
) -> None:
    told = chosen(np.array(labels), np.array(scores))
    assert told == (None if threshold is None else pytest.approx(threshold))


def test_ranges_of_scores() -> None:
    told = reliability(np.array([0, 1, 1, 1]), np.array([0.02, 0.04, 0.95, 1.0]))
    assert told == [Bin(2, pytest.approx(0.03), 0.5), Bin(2, pytest.approx(0.975), 1.0)]
