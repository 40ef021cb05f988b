"""What `evaluate` tells, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from covidct_model.bootstrap import Difference, Estimate, Judged
from covidct_model.controls import NAMES as CONTROLS
from covidct_model.metrics import BINS
from covidct_model.run import Run
from covidct_model.worst import Mistake

SEED = 0
"""Of the draws."""
DISCLAIMER = "No medical device: a research baseline. What is told here says nothing of use on patients."


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the split, judged."""

    pictures: int
    positive: int
    patients: int
    """That are known."""
    half: Judged
    """At 0.5."""
    validated: Judged | None
    """At the threshold chosen on validation."""
    masked: int
    """Pictures with a lesion's mask."""
    masks: Mapping[str, Estimate]
    """``dice`` and ``iou``, means of those; empty for networks that find no lesions."""


@dataclass(frozen=True, slots=True)
class Against:
    """By how much a run is above another, metric by metric, at 0.5."""

    folder: Path
    differences: Mapping[str, Difference]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run, judged."""

    run: Run
    test: Part
    val: Part | None
    controls: Mapping[str, Judged]
    """By their names, judged on the test part at 0.5."""
    without_leaks: Part | None
    """The test part without ``leaked``; None where that is all of it, or nothing."""
    leaked: tuple[str, ...]
    """Test pictures that share a paper or a slice with another part."""
    against: Against | None
    mistakes: tuple[Mistake, ...]
    """The worst of the test part, the worst first."""
    notes: tuple[str, ...]
    """What a reader must know to read the numbers."""
    draws: int

    @property
    def unbeaten(self) -> tuple[str, ...]:
        """Controls whose AUC has an interval that the network's is not wholly above."""
        low = self.test.half.estimates["auc"].low
        highs = {name: each.estimates["auc"].high for name, each in self.controls.items()}
        return tuple(
            name for name, high in highs.items() if low is not None and high is not None and low <= high
        )


def as_json(told: Evaluation) -> dict[str, Any]:
    """``test``, ``val`` and ``test_without_leaks`` with every metric, ``controls``, ``against``, ``errors``, ``notes``.

    What cannot be told is None.
    """
    clean, against = told.without_leaks, told.against
    return {
        "test": _part(told.test),
        "val": _part(told.val) if told.val else None,
        "test_without_leaks": {**_part(clean), "left_out": list(told.leaked)} if clean else None,
        "threshold": told.test.validated.threshold if told.test.validated else None,
        "controls": {
            name: {**_judged(each), "by": CONTROLS[name], "beaten": name not in told.unbeaten}
            for name, each in told.controls.items()
        },
        "against": {
            "run": str(against.folder),
            "differences": {name: asdict(each) for name, each in against.differences.items()},
        }
        if against
        else None,
        "errors": [asdict(each) for each in told.mistakes],
        "notes": list(told.notes),
        "bootstrap": {"draws": told.draws, "seed": SEED, "interval": 0.95, "drawn": "patients, within classes"},
        "calibration_bins": BINS,
        "disclaimer": DISCLAIMER,
    }  # fmt: skip


def _part(part: Part) -> dict[str, Any]:
    headline = _judged(part.half)
    headline["intervals"] |= {name: _ends(each) for name, each in part.masks.items()}
    return {
        "n": part.pictures,
        "positive": part.positive,
        "patients": part.patients,
        **headline,
        **({name: each.value for name, each in part.masks.items()}),
        **({"masks": part.masked} if part.masks else {}),
        **({"why": "one class only"} if part.positive in (0, part.pictures) else {}),
        "at_0.5": _judged(part.half),
        "at_validation_threshold": _judged(part.validated) if part.validated else None,
    }


def _judged(judged: Judged) -> dict[str, Any]:
    return {
        "threshold": judged.threshold,
        **{name: each.value for name, each in judged.estimates.items()},
        "intervals": {name: _ends(each) for name, each in judged.estimates.items()},
        "confusion": dict(judged.confusion),
    }


def _ends(estimate: Estimate) -> list[float] | None:
    return None if estimate.low is None or estimate.high is None else [estimate.low, estimate.high]
