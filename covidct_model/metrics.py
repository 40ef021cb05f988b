"""What a network's scores are worth. The positive class (COVID) is 1, whatever it is called.

A picture is told positive when its score reaches the threshold. Of a class that is not there nothing is told that
needs it: such a metric is None. Where nothing is told positive, precision is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]
"""0 or 1."""

NAMES: Mapping[str, str] = {
    "auc": "AUC",
    "accuracy": "accuracy",
    "f1": "F1",
    "f1_negative": "F1 of the negative class",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "precision": "precision",
    "balanced_accuracy": "balanced accuracy",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}
"""Every metric, and what it is called. All are from 0 to 1; of the last two the lowest is the best."""
HALF = 0.5
"""The threshold of the headline."""
BINS = 10
"""Of equal width, for the expected calibration error."""
_ALONE = ("accuracy", "brier", "calibration_error")
"""Metrics that one class is enough for."""
_AT_ONCE = 2_000_000
"""Weights that are worked on at once."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Pictures of about the same score."""

    count: int
    score: float
    """Their mean score."""
    positive: float
    """The share of them that is positive."""


def measured(labels: Labels, scores: Numbers, threshold: float = HALF) -> dict[str, float | None]:
    """Each of `NAMES` for pictures with those labels and scores (n,), n ≥ 1; None where a class is not there."""
    told = (scores >= threshold).astype(np.int64)
    values = {
        "accuracy": sk.accuracy_score(labels, told),
        "brier": sk.brier_score_loss(labels, scores, pos_label=1),
        "calibration_error": sum(
            each.count * abs(each.score - each.positive) for each in reliability(labels, scores)
        )
        / len(labels),
    }
    if len(np.unique(labels)) == 2:
        values |= {
            "auc": sk.roc_auc_score(labels, scores),
            "f1": sk.f1_score(labels, told, zero_division=0),
            "f1_negative": sk.f1_score(labels, told, pos_label=0, zero_division=0),
            "sensitivity": sk.recall_score(labels, told),
            "specificity": sk.recall_score(labels, told, pos_label=0),
            "precision": sk.precision_score(labels, told, zero_division=0),
            "balanced_accuracy": sk.balanced_accuracy_score(labels, told),
        }
    return {name: float(values[name]) if name in values else None for name in NAMES}


def area(labels: Sequence[float], scores: Sequence[float]) -> float | None:
    """The area under the ROC curve; None when a class is not there."""
    return float(sk.roc_auc_score(labels, scores)) if len(set(labels)) == 2 else None


def counted(labels: Labels, scores: Numbers, threshold: float = HALF) -> dict[str, int]:
    """The confusion matrix: ``tp``, ``fn``, ``tn``, ``fp``."""
    (tn, fp), (fn, tp) = sk.confusion_matrix(labels, scores >= threshold, labels=[0, 1]).tolist()
    return {"tp": tp, "fn": fn, "tn": tn, "fp": fp}


def chosen(labels: Labels, scores: Numbers) -> float | None:
    """The threshold with the largest sum of sensitivity and specificity (Youden); None when a class is not there.

    Of several as good, and within the gap between two scores, the one nearest to 0.5.
    """
    if len(np.unique(labels)) < 2:
        return None
    levels = np.unique(scores)
    tried = np.unique([HALF, *((levels[:-1] + levels[1:]) / 2)])
    told = scores >= tried[:, None]
    sums = told[:, labels == 1].mean(axis=1) - told[:, labels == 0].mean(axis=1)
    best = tried[sums >= sums.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - HALF))])


def reliability(labels: Labels, scores: Numbers) -> list[Bin]:
    """The `BINS` of scores that hold any picture, from the lowest on."""
    place = _bins(scores)
    return [
        Bin(int(own.sum()), float(scores[own].mean()), float(labels[own].mean()))
        for own in (place == number for number in np.unique(place))
    ]


def _bins(scores: Numbers) -> NDArray[np.int64]:
    return np.minimum((scores * BINS).astype(np.int64), BINS - 1)


# many samples at once ------------------------------------------------------------------------------------


def resampled(
    labels: Labels, scores: Numbers, weights: NDArray[np.integer], threshold: float = HALF
) -> dict[str, Numbers]:
    """`measured` of many samples: each row of ``weights`` (draws, n) says how often each picture is in one.

    Name → (draws,); NaN where a class is not there.
    """
    parts = np.array_split(weights, max(1, weights.size // _AT_ONCE))
    with np.errstate(divide="ignore", invalid="ignore"):
        told = [_resampled(labels == 1, scores, each.astype(np.float64), threshold) for each in parts]
    return {name: np.concatenate([each[name] for each in told]) for name in NAMES}


def _resampled(
    truth: NDArray[np.bool_], scores: Numbers, weight: Numbers, threshold: float
) -> dict[str, Numbers]:
    told, count = scores >= threshold, weight.sum(axis=1)
    tp, fn, tn, fp = (
        weight[:, own].sum(axis=1) for own in (truth & told, truth & ~told, ~truth & ~told, ~truth & told)
    )
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    place = np.eye(BINS)[_bins(scores)]
    values = {
        "accuracy": (tp + tn) / count,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "f1_negative": 2 * tn / (2 * tn + fp + fn),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": tp / np.maximum(tp + fp, 1),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "brier": weight @ (scores - truth) ** 2 / count,
        "calibration_error": np.abs(weight @ ((scores - truth)[:, None] * place)).sum(axis=1) / count,
        "auc": _areas(truth, scores, weight),
    }
    both = (tp + fn > 0) & (tn + fp > 0)
    return {name: each if name in _ALONE else np.where(both, each, np.nan) for name, each in values.items()}


def _areas(truth: NDArray[np.bool_], scores: Numbers, weight: Numbers) -> Numbers:
    """Of all pairs of a positive and a negative picture, the share in which the positive one scores higher."""
    order = np.argsort(scores, kind="stable")
    scores, truth, weight = scores[order], truth[order], weight[:, order]
    below, upto = (np.searchsorted(scores, scores[truth], side) for side in ("left", "right"))
    negatives = np.zeros((len(weight), len(scores) + 1))
    np.cumsum(weight * ~truth, axis=1, out=negatives[:, 1:])
    won = (weight[:, truth] * (negatives[:, below] + negatives[:, upto])).sum(axis=1) / 2
    return np.asarray(won / (weight[:, truth].sum(axis=1) * negatives[:, -1]), np.float64)
