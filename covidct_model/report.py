"""A run judged, for people: a page that is whole in itself, and a table for the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from covidct_curate.audit import markup
from covidct_curate.forms import visible
from covidct_model.bootstrap import Difference, Estimate, Judged
from covidct_model.controls import NAMES as CONTROLS
from covidct_model.metrics import BINS, NAMES
from covidct_model.told import DISCLAIMER, Evaluation, Part
from covidct_model.worst import Mistake

_STYLE = """
.verdict { font-size: 1.2rem; }
.warning { margin: 1rem 0; padding: .3rem 1rem; background: var(--card); border-left: 4px solid var(--warning); }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
.plots figure { margin: 0; flex: 1 1 20rem; max-width: 32rem; }
.mistakes figure { max-width: 22rem; }
.plots img { width: 100%; }
figcaption { font-size: .85rem; line-height: 1.35; }
td, td:last-child { white-space: nowrap; }
.facts th { font-weight: normal; color: var(--soft); text-align: left; vertical-align: top; }
.facts td { text-align: left; white-space: normal; }
footer { margin: 2rem 0 1rem; padding-top: .5rem; border-top: 1px solid var(--line); font-weight: 600; }
"""
_BESIDE = ("auc", "accuracy", "f1", "f1_negative", "balanced_accuracy")
"""What of a control is shown beside the network."""
_MASKS = {"dice": "Dice of lesions", "iou": "IoU of lesions"}
_WARNINGS = 20
_ALT = {
    "roc": "ROC curve of the network and of the controls on the test part.",
    "calibration": "How often test pictures of a score are positive.",
    "confusion": "Confusion matrix of the test part.",
    "curves": "Loss and AUC over the epochs of training.",
}


def table(told: Evaluation) -> str:
    """The results in at most 80 columns, safe on a terminal."""
    test = told.test
    text = f"test part: {_counted(test)}\n"
    validated = test.validated
    head = ["", "at 0.5", f"at {validated.threshold:.3g} (validation)" if validated else ""]
    rows = [[NAMES[name], *(_words(each.estimates[name]) for each in _judgements(test))] for name in NAMES]
    rows += [[_MASKS[name], _words(each)] for name, each in test.masks.items()]
    text += _columns([head, *rows])
    if told.without_leaks:
        text += f"\nwithout {_pictures(len(told.leaked))} that share a paper or slice with another part:\n"
        clean = told.without_leaks.half.estimates
        text += _columns([[NAMES[name], _words(clean[name])] for name in ("auc", "accuracy", "f1")])
    text += "\nbeside it, at 0.5 (what is reached without the anatomy):\n"
    chosen = ("auc", "accuracy", "f1")
    rows = [["network", *(_words(test.half.estimates[name]) for name in chosen)]]
    rows += [[name, *(_words(each.estimates[key]) for key in chosen)] for name, each in told.controls.items()]
    text += _columns([["", *(NAMES[name] for name in chosen)], *rows])
    if told.against:
        text += f"\nless {visible(str(told.against.folder))}:\n"
        text += _columns([[NAMES[name], _apart(each)] for name, each in told.against.differences.items()])
    lines = [*_unbeaten(told), *told.notes, "95 % intervals by drawing patients anew.", DISCLAIMER]
    return text + "\n" + "".join(f"{visible(line)}\n" for line in lines)


def page(told: Evaluation, drawn: Mapping[str, bytes | None]) -> str:
    """The page, with the plots ``drawn`` (name → PNG), the curves and the overlays that lie in the run folder.

    Raises `RunError` when the run's own files cannot be read.
    """
    facts = _facts(told)
    estimates = told.test.half.estimates
    body = (
        f"<h1>{markup.text(facts['network'])} on {markup.text(facts['release'])}</h1>\n"
        f'<p class="verdict"><strong>Test AUC {_words(estimates["auc"])}</strong>, accuracy '
        f"{_words(estimates['accuracy'])}, F1 {_words(estimates['f1'])}</p>\n"
        f'<p class="soft">{_counted(told.test)}; 95 % intervals by drawing patients anew, {told.draws:,} times</p>\n'
    )
    for line in (*_unbeaten(told), *told.notes):
        body += f'<p class="warning">{markup.text(line, 1000)}</p>\n'
    body += f"<h2>Results</h2>\n{_results(told)}"
    body += f"<h2>Without the anatomy</h2>\n{_controls(told)}"
    if told.against:
        rows = [(NAMES[name], _apart(each)) for name, each in told.against.differences.items()]
        body += "<h2>Against another run</h2>\n" + markup.table(
            f"Less {told.against.folder}, on the same test pictures, at 0.5", ("", "difference and p"), rows
        )
    body += _plots(told, drawn) + _mistakes(told) + _leaks(told)
    rows_of_facts = "\n".join(
        f'<tr><th scope="row">{markup.text(name)}</th><td>{markup.text(value, 1000)}</td></tr>'
        for name, value in facts.items()
    )
    body += f'<h2>The run</h2>\n<table class="facts">\n{rows_of_facts}\n</table>\n'
    body += f"<footer>{DISCLAIMER}</footer>\n"
    return markup.document(f"{facts['network']}: evaluation", body, _STYLE)


# numbers in words ----------------------------------------------------------------------------------------


def _words(estimate: Estimate) -> str:
    """``0.895 (0.826–0.949)``."""
    return "-" if estimate.value is None else f"{estimate.value:.3f}{_ends(estimate.low, estimate.high)}"


def _ends(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:.3f}–{high:.3f})"


def _apart(each: Difference) -> str:
    """``+0.021 (-0.010 to +0.055), p = 0.190``."""
    if each.value is None:
        return "-"
    ends = "" if each.low is None or each.high is None else f" ({each.low:+.3f} to {each.high:+.3f})"
    return f"{each.value:+.3f}{ends}" + ("" if each.p is None else f", p = {each.p:.3f}")


def _pictures(count: int) -> str:
    return f"{count:,} picture{'' if count == 1 else 's'}"


def _counted(part: Part) -> str:
    patients = f" of {part.patients:,} known patients" if part.patients else ""
    return f"{_pictures(part.pictures)}{patients}, {part.positive:,} positive (COVID)"


def _unbeaten(told: Evaluation) -> list[str]:
    """In plain words, which controls the network does not surely beat."""
    own = _words(told.test.half.estimates["auc"])
    return [
        f"The network does not surely beat the control '{name}', which sees only {CONTROLS[name].removesuffix(':')}: "
        f"AUC {own} against {_words(told.controls[name].estimates['auc'])}. It may have learnt no more than that."
        if name != "majority"
        else f"The network is not surely better than guessing: AUC {own}."
        for name in told.unbeaten
    ]


def _judgements(part: Part) -> list[Judged]:
    return [each for each in (part.half, part.validated) if each]


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines, cells below each other."""
    widths = [
        max(len(row[at]) for row in rows if at < len(row)) for at in range(max(len(row) for row in rows))
    ]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    )
    return "".join(f"  {line}\n" for line in lines)


# parts of the page ---------------------------------------------------------------------------------------


def _results(told: Evaluation) -> str:
    """Every metric: test at both thresholds, without leaks, and validation."""
    test, clean, val = told.test, told.without_leaks, told.val
    shown = [("test, at 0.5", test, test.half)]
    if test.validated:
        shown.append((f"test, at {test.validated.threshold:.3g}", test, test.validated))
    if clean:
        shown.append((f"without {len(told.leaked)} leaked, at 0.5", clean, clean.half))
    if val:
        shown.append(("validation, at 0.5", val, val.half))
    rows = [(NAMES[name], *(_words(judged.estimates[name]) for _, _, judged in shown)) for name in NAMES]
    for name in test.masks:
        rows.append(
            (_MASKS[name], *(_words(part.masks[name]) if name in part.masks else "-" for _, part, _ in shown))
        )
    rows.append(("pictures", *(f"{part.pictures:,}" for _, part, _ in shown)))
    text = markup.table("Each metric with its 95 % interval", ("", *(title for title, _, _ in shown)), rows)
    chosen = " The other threshold is the one with the best sum of sensitivity and specificity on validation."
    return text + (
        f'<p class="soft">The positive class, COVID, is 1. Brier score and calibration error are best when low; the '
        f"latter is over {BINS} ranges of scores of equal width, and draws of few pictures raise it, so that its interval "
        f"lies high.{chosen if test.validated else ''}</p>\n"
    )  # fmt: skip


def _controls(told: Evaluation) -> str:
    shown = {"network": told.test.half, **told.controls}
    rows = [
        (
            f"{name}: {CONTROLS[name]}" if name in CONTROLS else name,
            *(_words(judged.estimates[each]) for each in _BESIDE),
        )
        for name, judged in shown.items()
    ]
    return (
        "<p>What is reached on the test part by what is no anatomy, learnt from the pictures that the network learnt "
        "from. The network sees 8-bit grey pictures of one size; what a control reaches, it may still have reached by "
        "the same means.</p>\n"
        + markup.table("Network and controls, at 0.5", ("", *(NAMES[each] for each in _BESIDE)), rows)
    )


def _plots(told: Evaluation, drawn: Mapping[str, bytes | None]) -> str:
    curves = told.run.folder / "curves.png"
    shown = {**drawn, "curves": curves.read_bytes() if curves.is_file() else None}
    figures = "".join(
        f"<figure>{markup.picture(content, 'png', _ALT[name])}"
        f'<figcaption class="soft">{markup.text(_ALT[name])}</figcaption></figure>\n'
        for name, content in shown.items()
        if content
    )
    return f'<h2>Plots</h2>\n<div class="plots">\n{figures}</div>\n'


def _mistakes(told: Evaluation) -> str:
    if not told.mistakes:
        return "<h2>The worst mistakes</h2>\n<p>There are none at 0.5.</p>\n"
    figures = "".join(_mistake(told, each) for each in told.mistakes)
    about = (
        "Left the picture as the network sees it, right what spoke for its answer (Grad-CAM): bright where most did. "
        "It is a rough map, and no explanation. The pictures keep the licences of their sources."
        if any(each.overlay for each in told.mistakes)
        else ""
    )
    return f'<h2>The worst mistakes</h2>\n<p class="soft">{about}</p>\n<div class="plots mistakes">\n{figures}</div>\n'


def _mistake(told: Evaluation, each: Mistake) -> str:
    truth = "positive" if each.label else "negative"
    name = markup.text(each.file_name)
    image = ""
    if each.overlay:
        content = (told.run.folder / each.overlay).read_bytes()
        image = markup.picture(content, "png", f"{each.file_name} and what spoke for the answer")
    return f"<figure>{image}<figcaption><strong>{truth}, score {each.score:.3f}</strong> {name}</figcaption></figure>\n"


def _leaks(told: Evaluation) -> str:
    warnings = told.run.told("data.json").get("warnings", [])
    if not warnings:
        return ""
    items = [
        f"<li>{markup.text(str(each['kind']))}: {markup.text(str(each['text']), 1000)}: "
        f"{markup.text(', '.join(map(str, each['files'])), 1000)}</li>\n"
        for each in warnings[:_WARNINGS]
    ]
    more = len(warnings) - _WARNINGS
    if more > 0:
        items.append(f"<li>… and {more:,} more; data.json tells them all</li>\n")
    return (
        f"<h2>What the parts of the split share</h2>\n<p>{_pictures(len(told.leaked))} of the test part share a paper "
        "or a slice with another part; the results without them are above.</p>\n"
        f"<ul>\n{''.join(items)}</ul>\n"
    )


def _facts(told: Evaluation) -> dict[str, str]:
    """What the run is: name → value."""
    run, config = told.run, told.run.config
    made, data = run.told("environment.json"), run.told("data.json")
    epochs = _epochs(told)
    kept = [each["epoch"] for each in epochs if each.get("kept")]
    where = config.data.rstrip("/")
    return {
        "network": config.model,
        "first weights": config.weights,
        "release": where.rpartition("/")[2] or where,
        "digest of the data": str(data.get("digest", "")),
        "pictures": ", ".join(f"{part} {count:,}" for part, count in data.get("pictures", {}).items()),
        "learnt from": config.fit,
        "size": f"{config.size} x {config.size} pixels",
        "seed": str(config.seed),
        "epochs": f"{len(epochs)} of {config.epochs}" + (f"; kept: {kept[-1]}" if kept else ""),
        "batch, step size": f"{config.batch}, {config.lr:g}",
        "hardware": ", ".join([*map(str, made.get("gpus", [])), f"{made.get('processors')} x {made.get('processor')}"]),
        "versions": ", ".join(f"{name} {made[name]}" for name in ("covidct", "python", "torch", "torchvision") if name in made),
        "command": str(made.get("command", "")),
    }  # fmt: skip


def _epochs(told: Evaluation) -> list[dict[str, Any]]:
    path = told.run.folder / "metrics.jsonl"
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
