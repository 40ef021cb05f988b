"""Shortcuts: how well the class can be told without the anatomy.

From what a file is (its size, mode, ending, bytes), from the outermost pixels, and from the shares of grey levels.
A model that is given more than the anatomy can learn any of them; its results mean little where they tell much.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from covidct_curate.audit.duplicates import clusters
from covidct_curate.audit.finding import Finding, found
from covidct_curate.audit.seen import Seen
from covidct_curate.audit.subject import Entry, Subject

Row = NDArray[np.float32]
"""The features of one picture: finite, and as many for every picture."""
_Numbers = NDArray[np.float64]
_Chosen = NDArray[np.intp]
"""Numbers of some pictures."""

NAMES: Mapping[str, str] = {
    "file": "the file's width, height, mode, ending and bytes",
    "border": "the outermost pixels",
    "histogram": "the shares of the grey levels",
}
"""Every shortcut, and what it goes by, in words."""
LEAST = 10
"""Groups of each class below which nothing can be said, and half of that in the test part."""
ALARM = 0.6
"""Lower end of the interval from which on a shortcut is a finding."""

_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp")
_FRAME = 0.04
"""Width of the border as a share of the side."""
_BLACK, _WHITE = 8, 247
"""Grey levels up to which, and from which on, a pixel is black or white."""
_BINS = 32
TREES, _FOLDS, _DRAWS = 200, 5, 1000
"""Trees of the forest that is judged on the test part, twice those of each that is cross-validated."""
_MOST = 2_500
"""Pictures of a class that a forest is fitted and judged on at most."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An area under the ROC curve, with its 95 % interval."""

    auc: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Told:
    """How well the class can be told."""

    headline: Estimate
    how: Literal["test part", "cross-validated"]
    """How the headline was had."""
    cross_validated: Estimate
    pictures: int
    """How many were used: all, or some where there are very many."""
    of: int


@dataclass(frozen=True, slots=True)
class Untold:
    """Nothing can be said."""

    why: str
    """``fewer than 10 patients or papers of class covid``."""


def border(grey: NDArray[np.uint8]) -> Row:
    """What the outermost pixels of a grey picture (height x width, at least 1 x 1) are like; 16 numbers.

    For top, bottom, left and right: mean and standard deviation, from 0 to 1, and the shares of black and white.
    """
    down, across = (max(1, round(_FRAME * side)) for side in grey.shape)
    sides = grey[:down], grey[-down:], grey[:, :across], grey[:, -across:]
    rows = [
        (each.mean() / 255, each.std() / 255, (each <= _BLACK).mean(), (each >= _WHITE).mean())
        for each in sides
    ]
    return np.array(rows, np.float32).ravel()


def histogram(grey: NDArray[np.uint8]) -> Row:
    """The shares of 32 ranges of grey levels, their mean and standard deviation (0 to 1); 34 numbers."""
    counts = np.bincount(grey.ravel(), minlength=256)
    shares = counts.reshape(_BINS, -1).sum(axis=1) / grey.size
    return np.array([*shares, grey.mean() / 255, grey.std() / 255], np.float32)


def file_features(size: tuple[int, int], mode: str, suffix: str, size_in_bytes: int) -> Row:
    """What a file tells: width, height, their ratio, bytes a pixel, its mode and its name's ending; 24 numbers.

    ``size`` is width and height in pixels, at least 1; ``mode`` as Pillow calls it; ``suffix`` with its dot.
    """
    width, height = size
    shape = [width, height, width / height, size_in_bytes / (width * height)]
    return np.array([*shape, *_one_hot(mode, _MODES), *_one_hot(suffix.lower(), _SUFFIXES)], np.float32)


def _one_hot(value: str, known: Sequence[str]) -> list[float]:
    """One for the place of the value, the last for any that is not known."""
    return [*(float(value == each) for each in known), float(value not in known)]


# how well a class can be told ---------------------------------------------------------------------------


def shortcut(
    features: NDArray[np.float32],
    positive: Sequence[bool],
    groups: Sequence[Hashable],
    parts: Sequence[str] | None = None,
    names: tuple[str, str] = ("negative", "positive"),
) -> Told | Untold:
    """How well a random forest tells the class from features alone.

    ``features`` are pictures x numbers, all finite; ``groups`` tell which pictures belong together (a patient's, a
    paper's): cross-validation never learns from and judges on the same, and the interval is that of drawing groups
    anew. ``parts`` are ``train``, ``val``, ``test`` or ``""``: where training and test have 5 groups of each class, the
    headline is that of a forest which learnt from the training part only, as a model does, on the test part; else it
    is cross-validated. ``names`` are what the classes are called. The same input gives the same result. Raises
    ValueError when the lengths differ.
    """
    if not len(features) == len(positive) == len(groups) == len(parts or positive):
        raise ValueError("shortcut needs features, a class and a group for each picture")
    truth = np.array(positive, bool)
    told_apart = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    group = np.array([told_apart[each] for each in groups], np.intp)
    for value in (True, False):
        if _count(group[truth == value]) < LEAST:
            return Untold(f"fewer than {LEAST} patients or papers of class {names[value]}")
    part = np.array(parts or [""] * len(truth))
    used = _some(truth)
    rows, truth, group, part = features[used], truth[used], group[used], part[used]
    crossed = _cross_validated(rows, truth, group)
    train, test = np.flatnonzero(part == "train"), np.flatnonzero(part == "test")
    if not (_judges(group[train], truth[train]) and _judges(group[test], truth[test])):
        return Told(crossed, "cross-validated", crossed, len(used), len(positive))
    told = scores(rows[train], truth[train], rows[test], TREES)
    headline = _estimate(told, truth[test], group[test])
    return Told(headline, "test part", crossed, len(used), len(positive))


def _count(values: NDArray[np.intp]) -> int:
    return len(np.unique(values))


def _judges(group: NDArray[np.intp], truth: NDArray[np.bool_]) -> bool:
    """Whether a part of the split has enough of each class."""
    return min(_count(group[truth]), _count(group[~truth])) >= LEAST // 2


def _some(truth: NDArray[np.bool_]) -> _Chosen:
    """All pictures, or some of a class that has very many."""
    random = np.random.default_rng(0)
    chosen = [
        own if len(own) <= _MOST else random.choice(own, _MOST, replace=False)
        for own in (np.flatnonzero(truth), np.flatnonzero(~truth))
    ]
    return np.sort(np.concatenate(chosen))


def _cross_validated(
    rows: NDArray[np.float32], truth: NDArray[np.bool_], group: NDArray[np.intp]
) -> Estimate:
    from sklearn.model_selection import StratifiedGroupKFold

    told = np.zeros(len(truth))
    for train, test in StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0).split(rows, truth, group):
        told[test] = scores(rows[train], truth[train], rows[test], TREES // 2)
    return _estimate(told, truth, group)


def scores(
    rows: NDArray[np.float32], truth: NDArray[np.bool_], judged: NDArray[np.float32], trees: int
) -> _Numbers:
    """How sure (0 to 1) a forest that learnt from the features and classes of some pictures is that others are positive."""
    from sklearn.ensemble import RandomForestRegressor

    # On 0 and 1, a regressor grows the trees a classifier does, and can do with one class.
    forest = RandomForestRegressor(trees, max_features="sqrt", min_samples_leaf=2, random_state=0)
    forest.fit(rows, truth.astype(np.float64))
    return np.asarray(np.round(forest.predict(judged), 9), np.float64)


def _estimate(scores: _Numbers, truth: NDArray[np.bool_], group: NDArray[np.intp]) -> Estimate:
    """The area under the curve, and what groups drawn anew give; as many of one class, the other and both."""
    order = np.argsort(scores, kind="stable")
    scores, truth = scores[order], truth[order]
    groups, member = np.unique(group[order], return_inverse=True)
    has = np.zeros((2, len(groups)), bool)
    has[truth.astype(int), member] = True
    kind = has[0] + 2 * has[1]
    below, upto = (
        np.searchsorted(scores, scores[truth], "left"),
        np.searchsorted(scores, scores[truth], "right"),
    )

    def areas(drawn: NDArray[np.int64]) -> _Numbers:
        weight = drawn[:, member].astype(np.float64)
        negatives = np.zeros((len(drawn), len(scores) + 1))
        np.cumsum(weight * ~truth, axis=1, out=negatives[:, 1:])
        won = (weight[:, truth] * (negatives[:, below] + negatives[:, upto])).sum(axis=1) / 2
        return np.asarray(won / (weight[:, truth].sum(axis=1) * negatives[:, -1]), np.float64)

    random = np.random.default_rng(0)
    found = []
    at_once = max(1, 2_000_000 // len(scores))
    for start in range(0, _DRAWS, at_once):
        drawn = np.zeros((min(at_once, _DRAWS - start), len(groups)), np.int64)
        for own in (np.flatnonzero(kind == each) for each in np.unique(kind)):
            drawn[:, own] = random.multinomial(len(own), np.full(len(own), 1 / len(own)), len(drawn))
        found.append(areas(drawn))
    low, high = np.percentile(np.concatenate(found), (2.5, 97.5))
    return Estimate(float(areas(np.ones((1, len(groups)), np.int64))[0]), float(low), float(high))


# a dataset ----------------------------------------------------------------------------------------------


def of_subject(subject: Subject, seen: Mapping[str, Seen]) -> dict[str, Told | Untold]:
    """Each of `NAMES`, of a dataset's pictures that were ``seen`` (by name) and are of one of its two classes."""
    rows = {
        entry.name: features(entry.name, one.size, one.mode, one.bytes, one.border, one.histogram)
        for entry in subject.entries
        if (one := seen.get(entry.name))
    }
    return of_rows(subject.entries, rows, (subject.negative, subject.positive))


def features(
    name: str, size: tuple[int, int], mode: str, size_in_bytes: int, edge: Row, levels: Row
) -> dict[str, Row]:
    """A picture's features for each of `NAMES`; ``edge`` and ``levels`` as `border` and `histogram` give them."""
    suffix = PurePosixPath(name).suffix
    return {"file": file_features(size, mode, suffix, size_in_bytes), "border": edge, "histogram": levels}


def of_rows(
    entries: Sequence[Entry], rows: Mapping[str, Mapping[str, Row]], names: tuple[str, str]
) -> dict[str, Told | Untold]:
    """Each of `NAMES`, of the pictures that have `features` (by name) and a class; ``names`` as in `shortcut`.

    Pictures of one patient, paper or scan, and those that share one with them, are one group.
    """
    used = [entry for entry in entries if entry.positive is not None and entry.name in rows]
    positive, parts = [entry.positive is True for entry in used], [entry.part for entry in used]
    groups = _groups(used)
    return {
        what: shortcut(
            np.array([rows[entry.name][what] for entry in used], np.float32), positive, groups, parts, names
        )
        for what in NAMES
    }


def findings(told: Mapping[str, Told | Untold]) -> list[Finding]:
    """A warning for each shortcut that surely tells something of the class."""
    result = []
    for name, each in told.items():
        if isinstance(each, Told) and each.headline.low >= ALARM:
            best = each.headline
            how = "on the test part" if each.how == "test part" else "cross-validated"
            text = (
                f"the class is told by {NAMES[name]} alone: AUC {best.auc:.3f} "
                f"({best.low:.3f} to {best.high:.3f}, {how}; guessing reaches 0.5)"
            )
            result.append(found("shortcut", (), text))
    return result


def as_json(told: Mapping[str, Told | Untold]) -> dict[str, dict[str, object]]:
    """Each shortcut with ``auc``, ``low`` and ``high``, ``how`` they were had, the cross-validated ones, and pictures.

    Where nothing can be said, the three are None and ``why`` tells the reason.
    """
    return {name: _told_json(each) for name, each in told.items()}


def _told_json(told: Told | Untold) -> dict[str, object]:
    if isinstance(told, Untold):
        return {"auc": None, "low": None, "high": None, "why": told.why}
    return {
        **_rounded(told.headline),
        "how": told.how,
        "cross_validated": _rounded(told.cross_validated),
        "pictures": told.pictures,
        "of": told.of,
    }


def _rounded(estimate: Estimate) -> dict[str, float]:
    return {name: round(getattr(estimate, name), 4) for name in ("auc", "low", "high")}


def _groups(entries: Sequence[Entry]) -> list[int]:
    first: dict[tuple[str, str], int] = {}
    shared = [
        (first.setdefault(key, number), number, 1.0)
        for number, entry in enumerate(entries)
        for key in (("patient", entry.patient), ("paper", entry.paper), ("scan", entry.scan))
        if key[1]
    ]
    return clusters(len(entries), shared)
