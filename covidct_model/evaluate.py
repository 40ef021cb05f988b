"""`evaluate`: what a run's scores are worth, how sure that is, and what is reached without looking at the anatomy.

Into the run folder go ``evaluation.json``, ``report.html``, ``roc.png``, ``calibration.png``, ``confusion.png`` and,
in ``errors/``, the worst mistakes with what spoke for them.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from covidct_curate.forms import visible
from covidct_model import plots, worst
from covidct_model.bootstrap import Estimate, Weights, compared, drawn, interval, judged, mean
from covidct_model.controls import Known, controls
from covidct_model.errors import RunError
from covidct_model.metrics import NAMES, Labels, Numbers, chosen, measured, resampled
from covidct_model.report import page
from covidct_model.run import Prediction, Run, open_run, put, whole
from covidct_model.told import SEED, Against, Evaluation, Part, as_json

_FEW = 10
"""Patients of a class below which an interval says little."""


def evaluate(run: Path, *, draws: int = 1000, against: Path | None = None) -> Evaluation:
    """Judge a run on its test part, write that into its folder, and return it.

    Intervals (95 %) are of ``draws`` draws of patients, always the same ones. ``against`` is another run on the same
    test pictures, from which the differences are told. Raises `RunError` when the run is not done or damaged, has no
    test pictures, its release is no longer there, or the other run's pictures are others.
    """
    own = open_run(run)
    config = own.config
    predictions = _predictions(own)
    test = [each for each in predictions if each.split == "test"]
    val = [each for each in predictions if each.split == "val"]
    if not test:
        raise RunError(f"{run}: no picture is in its test part; list some in the release's Data-split/")
    threshold = chosen(_labels(val), _scores(val)) if val else None
    learnt = config.fit.split("+")
    control_scores = controls(
        Path(config.data),
        [Known(each.file_name, each.label) for each in predictions if each.split in learnt],
        [Known(each.file_name, each.label) for each in test],
    )
    weights = _drawn(test, draws)
    leaked = _leaked(own, predictions)
    clean = [each for each in test if each.file_name not in leaked]
    masks = _masks(own)
    mistakes, unexplained = worst.shown(own, test)
    notes = _notes(test, threshold, "val" in learnt)
    evaluation = Evaluation(
        run=own,
        test=_part(test, threshold, masks, draws),
        val=_part(val, threshold, masks, draws) if val else None,
        controls={
            name: judged(_labels(test), scores, weights) for name, scores in control_scores.items()
        },
        without_leaks=_part(clean, threshold, masks, draws) if clean and leaked else None,
        leaked=tuple(each.file_name for each in test if each.file_name in leaked),
        against=_against(test, against, weights) if against else None,
        mistakes=mistakes,
        notes=(*notes, *([unexplained] if unexplained else [])),
        draws=draws,
    )  # fmt: skip
    drawn_plots = {
        "roc": plots.roc(
            _labels(test),
            _scores(test),
            {name: own for name, own in control_scores.items() if name != "majority"},
            threshold,
        ),
        "calibration": plots.calibration(_labels(test), _scores(test)),
        "confusion": plots.confusion(
            [
                (f"at {each.threshold:.3g}", each.confusion)
                for each in (evaluation.test.half, evaluation.test.validated)
                if each
            ]
        ),
    }
    for name, content in drawn_plots.items():
        if content:
            whole(run / f"{name}.png", content)
        else:
            (run / f"{name}.png").unlink(missing_ok=True)
    whole(run / "report.html", page(evaluation, drawn_plots).encode())
    put(run / "evaluation.json", as_json(evaluation))
    return evaluation


# a run's predictions -------------------------------------------------------------------------------------


def _predictions(run: Run) -> list[Prediction]:
    """In order of their parts and names. Raises `RunError` for what is no score, no class, or told twice."""
    told = sorted(run.predictions(), key=lambda each: (each.split, each.file_name))
    path = run.folder / "predictions.csv"
    for each in told:
        if not 0 <= each.score <= 1:
            raise RunError(
                f"{path}: the score of {visible(each.file_name)} is {each.score}, no number from 0 to 1; train anew"
            )
        if each.label not in (0, 1):
            raise RunError(f"{path}: the class of {visible(each.file_name)} is {each.label}, not 0 or 1")
    for one, other in pairwise(told):
        if one.file_name == other.file_name:
            raise RunError(f"{path}: {visible(one.file_name)} is in it twice")
    return told


def _labels(some: Sequence[Prediction]) -> Labels:
    return np.array([each.label for each in some], np.int64)


def _scores(some: Sequence[Prediction]) -> Numbers:
    return np.array([each.score for each in some], np.float64)


def _groups(some: Sequence[Prediction]) -> list[Hashable]:
    """The patient of each picture; where not known, the paper; else the picture stands alone."""
    return [
        ("patient", each.patient) if each.patient else ("paper", each.paper) if each.paper else each.file_name
        for each in some
    ]


def _drawn(some: Sequence[Prediction], draws: int) -> Weights:
    return drawn(_groups(some), _labels(some), draws, SEED)


def _part(
    some: Sequence[Prediction], threshold: float | None, masks: Mapping[str, tuple[float, float]], draws: int
) -> Part:
    labels, scores, weights = _labels(some), _scores(some), _drawn(some, draws)
    masked = [each for each in some if each.file_name in masks]
    overlap: dict[str, Estimate] = {}
    if masked:
        again = _drawn(masked, draws)
        for at, name in enumerate(("dice", "iou")):
            overlap[name] = mean(np.array([masks[each.file_name][at] for each in masked]), again)
    return Part(
        pictures=len(some),
        positive=int(labels.sum()),
        patients=len({each.patient for each in some} - {""}),
        half=judged(labels, scores, weights),
        validated=None if threshold is None else judged(labels, scores, weights, threshold),
        masked=len(masked),
        masks=overlap,
    )


def _masks(run: Run) -> dict[str, tuple[float, float]]:
    """Dice and IoU of each picture that has them."""
    path = run.folder / "masks.csv"
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            told = {row["file_name"]: (float(row["dice"]), float(row["iou"])) for row in csv.DictReader(file)}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path}: these are no overlaps of masks ({error}); train anew") from error
    if not all(0 <= value <= 1 for pair in told.values() for value in pair):
        raise RunError(f"{path}: an overlap is no number from 0 to 1; train anew")
    return told


def _leaked(run: Run, predictions: Sequence[Prediction]) -> Collection[str]:
    """Test pictures that share a paper or a slice with pictures of another part."""
    parts = {each.file_name: each.split for each in predictions}
    leaked = set()
    for warning in run.told("data.json").get("warnings", []):
        files = [str(each) for each in warning["files"]]
        if {parts[each] for each in files if each in parts} - {"test"}:
            leaked |= {each for each in files if parts.get(each) == "test"}
    return leaked


def _notes(test: Sequence[Prediction], threshold: float | None, learnt_val: bool) -> list[str]:
    """What a reader must know to read the numbers."""
    notes = []
    for label, name in ((1, "positive"), (0, "negative")):
        groups = set(_groups([each for each in test if each.label == label]))
        if not groups:
            notes.append(
                f"No test picture is of the {name} class: AUC and all that needs both cannot be told."
            )
        elif len(groups) < _FEW:
            notes.append(
                f"The test part has {len(groups)} patient{'s' if len(groups) > 1 else ''} or papers of the {name} "
                "class: the intervals say little."
            )
    if threshold is None:
        notes.append("Validation lacks a class, so no threshold could be chosen on it.")
    elif learnt_val:
        notes.append(
            "The network learnt from validation too: the threshold chosen on it, and its results, flatter."
        )
    return notes  # fmt: skip


# several runs --------------------------------------------------------------------------------------------


def _against(test: Sequence[Prediction], folder: Path, weights: Weights) -> Against:
    other = _test_of(folder)
    _same(test, other, folder)
    return Against(folder, compared(_labels(test), _scores(test), _scores(other), weights))


def _test_of(folder: Path) -> list[Prediction]:
    return [each for each in _predictions(open_run(folder)) if each.split == "test"]


def _same(test: Sequence[Prediction], other: Sequence[Prediction], folder: Path) -> None:
    """Raises `RunError`, which names the first difference, unless both runs' test pictures are the same."""
    own, others = ({each.file_name: each.label for each in some} for some in (test, other))
    for name in sorted({*own, *others}):
        if own.get(name) != others.get(name):
            what = (
                "is not in its test part" if name not in others
                else "is in its test part only" if name not in own
                else f"is of class {others[name]} there, of class {own[name]} here"
            )  # fmt: skip
            raise RunError(f"{folder}: its test pictures are others: {visible(name)} {what}")


@dataclass(frozen=True, slots=True)
class Spread:
    """A metric over several runs; all None where it cannot be told."""

    mean: float | None
    low: float | None
    high: float | None
    """The 95 % interval of the mean, runs and patients drawn anew."""
    least: float | None
    most: float | None
    """Of the runs."""


def summary(runs: Sequence[Path], *, draws: int = 1000) -> dict[str, Spread]:
    """Each of `metrics.NAMES` on the test part, at 0.5, over runs that differ in their seeds: at least one.

    Raises `RunError` when a run is not done, has no test pictures, or others than the first.
    """
    tests = [_test_of(each) for each in runs]
    first = tests[0]
    if not first:
        raise RunError(f"{runs[0]}: no picture is in its test part")
    for folder, other in zip(runs[1:], tests[1:], strict=True):
        _same(first, other, folder)
    labels, weights = _labels(first), _drawn(first, draws)
    values = [measured(labels, _scores(each)) for each in tests]
    many = [resampled(labels, _scores(each), weights) for each in tests]
    picked = np.random.default_rng(SEED).integers(0, len(runs), (draws, len(runs)))
    told = {}
    for name in NAMES:
        own = [each for each in (one[name] for one in values) if each is not None]
        if len(own) < len(runs):
            told[name] = Spread(None, None, None, None, None)
            continue
        means = np.take_along_axis(np.stack([each[name] for each in many], 1), picked, 1).mean(1)
        told[name] = Spread(math.fsum(own) / len(own), *interval(means), min(own), max(own))
    return told
