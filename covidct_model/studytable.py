"""A study's results as a table: Markdown, JSON, and a page that is whole in itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from covidct_curate.audit import markup
from covidct_model.config import Config
from covidct_model.controls import NAMES as CONTROLS
from covidct_model.evaluate import Spread
from covidct_model.material import Material
from covidct_model.run import put, whole
from covidct_model.told import DISCLAIMER

_Table = tuple[str, list[str], list[list[str | int]]]
"""Caption, head and rows."""
_NAMED = {"accuracy": "accuracy", "f1": "F1", "auc": "AUC"}
_HOW = (
    "Mean over the runs at the threshold 0.5, COVID the positive class; in brackets the 95 % interval, runs and "
    "patients drawn anew."
)


@dataclass(frozen=True, slots=True)
class Row:
    """A setting and what came out."""

    title: str
    config: Config
    """Of its first run."""
    learnt: tuple[str, ...]
    runs: tuple[Path, ...]
    results: Mapping[str, Spread]
    """``accuracy``, ``f1`` and ``auc`` on the test part."""
    published: Mapping[str, float]
    controls: Mapping[str, float | None]
    """AUC of each control on the same test part; empty where it is told in the row before."""
    overlap: float | None
    """Mean Dice of lesions on the test part; None without masks there."""
    material: Material
    differs: str
    left_out: int
    """Test pictures left out."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that failed, and why."""

    title: str
    seed: int
    reason: str


@dataclass(frozen=True, slots=True)
class Results:
    """A study, as far as it is done."""

    name: str
    about: str
    cited: str
    differs: tuple[str, ...]
    rows: tuple[Row, ...]
    failures: tuple[Failure, ...]


def write(results: Results, out: Path) -> None:
    """Write ``table.md``, ``table.json`` and ``index.html`` into ``out``."""
    whole(out / "table.md", as_markdown(results).encode())
    put(out / "table.json", as_json(results, out))
    whole(out / "index.html", as_page(results).encode())


def as_json(results: Results, out: Path) -> dict[str, Any]:
    """All that is told; folders relative to ``out``."""
    return {
        "study": results.name,
        "about": results.about,
        "cited": results.cited,
        "differs": list(results.differs),
        "rows": [
            {
                "title": row.title,
                "learnt": list(row.learnt),
                "config": {name: value for name, value in row.config.as_dict().items() if name not in ("data", "seed")},
                "seeds": len(row.runs),
                **{name: asdict(spread) for name, spread in row.results.items()},
                "dice": row.overlap,
                "published": dict(row.published),
                "controls": {name: {"auc": value} for name, value in row.controls.items()},
                "data": {part: dict(counts) for part, counts in row.material.counts.items()},
                "slices_without_lungs": dict(row.material.left_out),
                "test_left_out": row.left_out,
                "differs": row.differs,
                "runs": [Path(os.path.relpath(run, out)).as_posix() for run in row.runs],
            }
            for row in results.rows
        ],
        "failures": [asdict(each) for each in results.failures],
        "disclaimer": DISCLAIMER,
    }  # fmt: skip


def as_markdown(results: Results) -> str:
    """The tables for a document."""
    parts = [f"# {results.name}", results.about, f"Published: {results.cited}. {_HOW}"]
    for caption, head, rows in _tables(results):
        lines: list[markup.Cells] = [head, ["---"] * len(head), *rows]
        table = "\n".join("| " + " | ".join(_plain(str(cell)) for cell in line) + " |" for line in lines)
        parts += [f"**{caption}**", table]
    notes = _notes(results)
    if notes:
        parts += ["What differs in data:", "\n".join(f"- {_plain(each)}" for each in notes)]
    if results.failures:
        told = (f"- {each.title}, seed {each.seed}: {_plain(each.reason)}" for each in results.failures)
        parts += ["Failed:", "\n".join(told)]
    return "\n\n".join([*(each for each in parts if each), DISCLAIMER]) + "\n"


def as_page(results: Results) -> str:
    """The same as a page."""
    body = [
        f"<h1>{markup.text(results.name)}</h1>\n<p>{markup.text(results.about, 2000)}</p>\n",
        f'<p class="soft">Published: {markup.text(results.cited)}. {markup.text(_HOW)}</p>\n',
        *(markup.table(caption, head, rows) for caption, head, rows in _tables(results)),
    ]
    notes = _notes(results)
    if notes:
        items = "".join(f"<li>{markup.text(each, 2000)}</li>" for each in notes)
        body.append(f"<h2>What differs in data</h2>\n<ul>{items}</ul>\n")
    if results.failures:
        items = "".join(
            f"<li>{markup.text(f'{each.title}, seed {each.seed}: {each.reason}', 2000)}</li>"
            for each in results.failures
        )
        body.append(f"<h2>Failed</h2>\n<ul>{items}</ul>\n")
    body.append(f'<p class="soft">{markup.text(DISCLAIMER)}</p>\n')
    return markup.document(results.name, "".join(body))


def as_text(results: Results) -> str:
    """The first table for a terminal, a line a row."""
    lines = []
    for row in results.rows:
        told = ", ".join(f"{name} {_spread(row.results[key])}" for key, name in _NAMED.items())
        lines.append(f"{row.title} ({len(row.runs)} runs): {told}")
    return "".join(f"{line}\n" for line in lines)


def _tables(results: Results) -> list[_Table]:
    """Caption, head and rows of each table."""
    own: list[list[str | int]] = [
        [
            row.title,
            row.config.model,
            len(row.runs),
            *(_spread(row.results[name]) for name in _NAMED),
            " / ".join(f"{row.published[name]:.3f}" if name in row.published else "–" for name in _NAMED)
            if row.published
            else "–",
        ]
        for row in results.rows
    ]
    told = [row for row in results.rows if not row.left_out]
    by_material = {row.learnt: row for row in told}
    controls: list[list[str | int]] = [
        [_learnt(row.learnt), *(_number(row.controls.get(name)) for name in CONTROLS)]
        for row in by_material.values()
    ]
    data: list[list[str | int]] = []
    for row in by_material.values():
        cells: list[str | int] = [_learnt(row.learnt)]
        for counts in row.material.counts.values():
            cells.append(f"{counts['positive']} + {counts['negative']} of {counts['patients']}")
        cells.append(row.material.counts["train"]["masks"])
        cells.append(sum(row.material.left_out.values()))
        data.append(cells)
    tables: list[_Table] = [
        ("Results", ["setting", "network", "runs", *_NAMED.values(), "published: accuracy / F1 / AUC"], own),
        (
            "AUC on the same test pictures without looking at the anatomy",
            ["learnt from", *CONTROLS],
            controls,
        ),
        (
            "Pictures: COVID + others, of so many known patients",
            [
                "learnt from",
                "training",
                "validation",
                "test",
                "masks in training",
                "slices left out: no lungs",
            ],
            data,
        ),
    ]
    overlaps: Sequence[Row] = [row for row in told if row.overlap is not None]
    if overlaps:
        tables.append(
            (
                "Lesions found on test",
                ["setting", "Dice"],
                [[row.title, _number(row.overlap)] for row in overlaps],
            )
        )
    return tables


def _notes(results: Results) -> list[str]:
    own = [f"{row.title}: {row.differs}" for row in results.rows if row.differs]
    return [*results.differs, *own]


def _learnt(names: Sequence[str]) -> str:
    return " + ".join(names)


def _spread(spread: Spread) -> str:
    if spread.mean is None:
        return "–"
    if spread.low is None or spread.high is None:
        return f"{spread.mean:.3f}"
    return f"{spread.mean:.3f} ({spread.low:.3f}–{spread.high:.3f})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _plain(text: str) -> str:
    """Text in one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
