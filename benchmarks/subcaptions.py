"""Captions divided over panels, against a gold of character ranges.

    COVIDCT_DATA=FOLDER python -m benchmarks.subcaptions [--workspace WS] [--show-misses]

The gold (benchmarks/gold/subcaptions.jsonl) is ranges of captions known by their hash, no text; the captions
come from the papers under COVIDCT_DATA/papers, extracted into a temporary workspace or taken from one already
made of that folder. Scored are the tokens of every panel the gold names: its own and the shared text against
what `spans_for` gives for that label, summed over (panel, token) pairs with multiplicity. The tokens of a panel
that only one side knows are false or missed. A caption that does not divide counts once, as one panel.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from covidct_curate import listing, pipeline
from covidct_curate.panels.subcaptions import Division, Part, Span, divide, spans_for, text_of

GOLD = Path(__file__).with_name("gold") / "subcaptions.jsonl"
Panels = dict[str, Counter[str]]


def tokens(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.casefold()))


def gold_panels(caption: str, gold: dict[str, Any]) -> Panels:
    """Tokens by label; a place counts as a label."""
    shared = [(start, end) for start, end in gold["shared"]]
    names = dict.fromkeys(name for part in gold["parts"] for name in part["labels"] + part["place"])
    panels: Panels = {}
    for name in names or {"": None}:
        own = [
            (start, end)
            for part in gold["parts"]
            if name in part["labels"] + part["place"]
            for start, end in part["spans"]
        ]
        panels[name] = tokens(text_of(caption, sorted(shared + own)))
    return panels


def found_panels(caption: str, division: Division) -> Panels:
    names = dict.fromkeys(name for part in division.parts for name in (*part.labels, *part.place))
    return {
        name: tokens(text_of(caption, found_spans(caption, division, name))) for name in names or {"": None}
    }


def found_spans(caption: str, division: Division, name: str) -> list[Span]:
    if any(name in part.labels for part in division.parts):
        return list(spans_for(caption, division, label=name, place=None))
    own = [span for part in division.parts if name in part.place for span in part.spans]
    return sorted([*division.shared, *own])


def read_figures(workspace: Path) -> dict[str, Any]:
    """Figures by the first 16 hex digits of their caption's SHA-256."""
    figures: list[Any] = listing.rows("figures", workspace)
    return {hashlib.sha256(each["caption"].encode()).hexdigest()[:16]: each for each in figures}


def score(figures: dict[str, Any], gold: list[dict[str, Any]], show: bool) -> str:
    count: Counter[str] = Counter()
    for row in gold:
        if row["sha256"] not in figures:
            print(f"changed  {row['sha256']}: no such caption, read it anew")
            continue
        figure = figures[row["sha256"]]
        caption = figure["caption"]
        division = divide(caption)
        wanted, found = gold_panels(caption, row), found_panels(caption, division)
        right = sum((wanted[name] & found[name]).total() for name in wanted.keys() & found.keys())
        predicted, expected = (sum(panel.total() for panel in side.values()) for side in (found, wanted))
        count.update(right=right, predicted=predicted, expected=expected, captions=1)
        same = wanted.keys() == found.keys()
        count["divided_right"] += same
        if show:
            f1 = 2 * right / max(1, predicted + expected)
            print(
                f"{f1:.3f}  {figure['source']} {figure['label']}: {len(wanted)} panels{'' if same else ' ' + str([*found])}"
            )
            if f1 < 0.95:
                show_parts(caption, row, division)
    precision = count["right"] / max(1, count["predicted"])
    recall = count["right"] / max(1, count["expected"])
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return (
        f"token_f1={f1:.3f} P={precision:.3f} R={recall:.3f} captions={count['captions']} "
        f"divided_right={count['divided_right']}"
    )


def show_parts(caption: str, row: dict[str, Any], division: Division) -> None:
    wanted = [
        Part(tuple(p["labels"]), tuple(p["place"]), tuple(map(tuple, p["spans"]))) for p in row["parts"]
    ]
    for title, parts, shared in (("gold", wanted, row["shared"]), ("found", division.parts, division.shared)):
        for part in parts:
            print(f"    {title} {','.join(part.labels + part.place)}: {text_of(caption, part.spans)!r}")
        print(f"    {title} shared: {text_of(caption, shared)!r}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, help="one made of the papers already")
    parser.add_argument(
        "--show-misses", action="store_true", help="a line for each caption; parts of the wrong"
    )
    options = parser.parse_args()
    gold = [json.loads(line) for line in GOLD.read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        workspace = options.workspace or Path(folder)
        if options.workspace is None:
            pipeline.extract([Path(os.environ["COVIDCT_DATA"]) / "papers"], workspace)
        print(score(read_figures(workspace), gold, options.show_misses))


if __name__ == "__main__":
    main()
