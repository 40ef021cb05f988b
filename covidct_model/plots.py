"""ROC, calibration and confusion of a run, as PNG; the same on every run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from sklearn.metrics import roc_curve

from covidct_model.metrics import BINS, Labels, Numbers, reliability

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MODEL, _GUESS = "#0072B2", "#777777"
_OTHERS = ("#D55E00", "#009E73", "#CC79A7")
"""Told apart by the colour-blind (Okabe and Ito)."""
_LINES = ("--", "-.", ":")
_DPI = 130


def roc(labels: Labels, scores: Numbers, others: Mapping[str, Numbers], point: float | None) -> bytes | None:
    """The curve of the network and, thinner, of ``others``; crosses at 0.5 and at the threshold ``point``.

    Scores are (n,), as the labels; None when a class is not there.
    """
    if len(set(labels.tolist())) < 2:
        return None
    with _drawing(5.2, 5) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=_GUESS, linewidth=0.8)
        for (name, own), colour, line in zip(others.items(), _OTHERS, _LINES, strict=False):
            across, up, _ = roc_curve(labels, own)
            axes.plot(across, up, linestyle=line, color=colour, linewidth=1.2, label=f"control: {name}")
        across, up, _ = roc_curve(labels, scores)
        axes.plot(across, up, color=_MODEL, linewidth=2.2, label="network")
        marks = [(0.5, "o", "at 0.5")]
        if point is not None and point != 0.5:
            marks.append((point, "s", f"at {point:.3f}, from validation"))
        for threshold, mark, name in marks:
            told = scores >= threshold
            at = float(told[labels == 0].mean()), float(told[labels == 1].mean())
            axes.plot(*at, mark, color=_MODEL, markeredgecolor="white", markersize=8, label=name)
        axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        axes.set_aspect("equal")
        axes.legend(loc="lower right", frameon=False, fontsize=9)
        return _png(figure)


def calibration(labels: Labels, scores: Numbers) -> bytes:
    """How often pictures of a score are positive, and how many have it, in 10 ranges of equal width."""
    bins = reliability(labels, scores)
    with _drawing(5.2, 5) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        upper.plot([0, 1], [0, 1], color=_GUESS, linewidth=0.8, label="as it says")
        upper.plot(
            [each.score for each in bins],
            [each.positive for each in bins],
            "o-",
            color=_MODEL,
            label="network",
        )
        upper.set(ylabel="share that is positive", ylim=(-0.02, 1.02))
        upper.legend(frameon=False)
        lower.hist(scores, bins=BINS, range=(0, 1), color=_MODEL)
        lower.set(xlabel="score", ylabel="pictures", xlim=(0, 1))
        return _png(figure)  # fmt: skip


def confusion(tables: Sequence[tuple[str, Mapping[str, int]]]) -> bytes:
    """A confusion matrix (``tp``, ``fn``, ``tn``, ``fp``) for each title."""
    with _drawing(3.9 * len(tables), 3.6) as figure:
        for axes, (title, counts) in zip(
            figure.subplots(1, len(tables), squeeze=False)[0], tables, strict=True
        ):
            cells = [[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]]
            most = max(1, *map(max, cells))
            axes.imshow(cells, cmap="Blues", vmin=0, vmax=most)
            for down, row in enumerate(cells):
                for across, count in enumerate(row):
                    ink = "white" if count > most / 2 else "black"
                    axes.text(across, down, f"{count:,}", ha="center", va="center", color=ink, fontsize=15)
            axes.set_xticks([0, 1], ["negative", "positive"])
            axes.set_yticks([0, 1], ["negative", "positive"], rotation=90, va="center")
            axes.set(title=title, xlabel="told", ylabel="true")
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
        return _png(figure)


@contextmanager
def _drawing(width: float, height: float) -> Iterator[Figure]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style = {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 11,
        "font.family": "DejaVu Sans",
        "text.parse_math": False,
    }
    with rc_context(style):  # type: ignore[arg-type, unused-ignore]
        yield Figure(figsize=(width, height), layout="constrained")


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
