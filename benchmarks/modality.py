"""Modality from words and pixels, against figures whose panels a person named.

    curate list panels -w WS --format jsonl > q.jsonl;  curate list figures -w WS --format jsonl > f.jsonl
    python benchmarks/modality.py --gold GOLD --pictures PICTURES -w WS --panels q.jsonl --figures f.jsonl
        [--rules covid-19] [--out FOLDER] [--misses]

GOLD has one figure a line: {"id", "source", "page", "xref" or "clip", "panels": [{"box", "label", "modality"}]};
PICTURES holds <id>.png. Figures are scored on the workspace's own panels: CT when any panel is. Panels are scored on
the gold's boxes, each with the words of the panel of its letter, else with the whole caption. The pixels of a paper
are judged by trees that were fitted without it. --out writes figures.jsonl and panels.jsonl for a scorer.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.kind import FOLDS, Sample, extra_samples, fitted, gold_samples, material_of, read
from covidct_curate.label import text
from covidct_curate.label.modality import read_modality
from covidct_curate.label.passage import Passage
from covidct_curate.label.rules import Rules, load_rules
from covidct_curate.panels import kind as looks

Record = dict[str, Any]
Look = Callable[[NDArray[np.uint8], str], Mapping[str, float]]
WAYS = ("words", "pixels", "both")


def records(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def overlap(a: list[float], b: list[float]) -> float:
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0.0, wide) * max(0.0, high)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def figure_of(gold: Record, figures: list[Record]) -> Record | None:
    """The workspace's figure of the same paper and page that has the image, else the same place."""
    there = [f for f in figures if f["source"] == gold["source"] and f["page"] == gold["page"]]
    if gold["xref"] is not None:
        return next((f for f in there if gold["xref"] in f["xrefs"]), None)
    best = max(there, key=lambda f: overlap(f["bbox"], gold["clip"]), default=None)
    return best if best and overlap(best["bbox"], gold["clip"]) > 0.3 else None


def passages_of(figure: Record, panel: Record | None) -> list[Passage]:
    """The panel's own part of the caption, the caption, the sentences that cite the figure."""
    caption, length = text.read(figure["caption"]), len(figure["caption"])
    spans = [(a, b) for a, b in panel["subcaption_spans"] if b - a < length] if panel else []
    found = [Passage(caption, caption.place(a), caption.place(b), "subcaption") for a, b in spans]
    found.append(Passage(caption, 0, len(caption.plain), "caption"))
    for sentence in map(text.read, figure["mentions"]):
        found.append(Passage(sentence, 0, len(sentence.plain), "mention"))
    return found


def looks_without(samples: list[Sample], material: Any) -> Look:
    """The look of a picture as trees see it that were fitted without its paper."""
    models = [fitted(material.without(fold)) for fold in range(FOLDS)]
    folds = {s.paper: s.fold for s in samples}

    def look(picture: NDArray[np.uint8], paper: str) -> Mapping[str, float]:
        x = looks.features(picture)
        return {} if x is None else looks.look_from(x, models[folds[paper]])

    return look


def judge(
    figure: Record | None, panel: Record | None, look: Mapping[str, float], rules: Rules
) -> dict[str, Any]:
    words = passages_of(figure, panel) if figure else []
    return {
        "words": read_modality(words, rules, {}),
        "pixels": read_modality([], rules, look),
        "both": read_modality(words, rules, look),
    }


def ratio(name: str, pairs: list[tuple[bool, bool]]) -> None:
    right = sum(true and said for true, said in pairs)
    said, true = sum(s for _, s in pairs), sum(t for t, _ in pairs)
    print(f"{name:24s} precision {right}/{said} recall {right}/{true} of {len(pairs)}")


def confusion(pairs: list[tuple[str, str]]) -> None:
    said = sorted({s for _, s in pairs})
    print("gold".ljust(13) + " ".join(s[:9].rjust(9) for s in said))
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for true, s in pairs:
        table[true][s] += 1
    for true, row in sorted(table.items()):
        print(true.ljust(13) + " ".join(str(row[s] or ".").rjust(9) for s in said))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--gold", "--pictures", "--panels", "--figures"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("-w", "--workspace", type=Path, required=True)
    parser.add_argument("--rules", default="covid-19")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--misses", action="store_true", help="say why for each that was judged wrongly")
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    samples = gold_samples(given.gold, given.pictures)
    if data := os.environ.get("COVIDCT_DATA"):
        samples += extra_samples(Path(data), rng)
    look_without = looks_without(samples, material_of(samples, rng))
    rules, figures = load_rules(given.rules), records(given.figures)
    panels: dict[str, list[Record]] = defaultdict(list)
    for panel in records(given.panels):
        panels[panel["figure_uid"]].append(panel)
    per_figure: dict[str, list[tuple[bool, bool]]] = {way: [] for way in WAYS}
    per_panel: dict[str, list[tuple[str, str]]] = {way: [] for way in WAYS}
    flagged = Counter[str]()
    lines: dict[str, list[Record]] = {"figures": [], "panels": []}
    for gold in records(given.gold):
        figure = figure_of(gold, figures)
        own = panels[figure["uid"]] if figure else []
        verdicts = []
        for panel in own:
            whole = read(given.workspace / panel["figure_file"])
            assert whole is not None, panel["figure_file"]
            x0, y0, x1, y1 = panel["box"]
            look = look_without(np.ascontiguousarray(whole[y0:y1, x0:x1]), gold["source"])
            verdicts.append(judge(figure, panel, look, rules))
        true = any(p["modality"] == "ct" for p in gold["panels"])
        for way in WAYS:
            per_figure[way].append((true, any(v[way][0] == "ct" for v in verdicts)))
        said = per_figure["both"][-1][1]
        if given.misses and said != true:
            print("FIGURE", gold["id"], "is CT" if true else "is no CT", [v["both"] for v in verdicts])
        lines["figures"].append({"id": gold["id"], "panels": [], "modality": "ct" if said else "other"})
        picture = read(given.pictures / f"{gold['id']}.png")
        assert picture is not None, gold["id"]
        judged = []
        for panel in gold["panels"]:
            x0, y0, x1, y1 = panel["box"]
            letter = (panel["label"] or "").strip("()").lower()
            same = next((p for p in own if letter and (p["label"] or "").lower() == letter), None)
            look = look_without(np.ascontiguousarray(picture[y0:y1, x0:x1]), gold["source"])
            verdict = judge(figure, same, look, rules)
            for way in WAYS:
                per_panel[way].append((panel["modality"], verdict[way][0]))
            judged.append(verdict["both"][0])
            flagged.update(verdict["both"][2])
            if given.misses and verdict["both"][0] != panel["modality"]:
                seen = {k: round(v, 2) for k, v in look.items() if v > 0.1}
                print("panel", gold["id"], panel["label"], panel["modality"], "->", verdict["both"], seen)
        boxes = [panel["box"] for panel in gold["panels"]]
        lines["panels"].append({"id": gold["id"], "panels": boxes, "modality": judged})
    for way in WAYS:
        ratio(f"CT figures, {way}", per_figure[way])
    for way in WAYS:
        ratio(f"CT panels, {way}", [(t == "ct", s == "ct") for t, s in per_panel[way]])
    for way in WAYS:
        right = sum(t == s for t, s in per_panel[way])
        print(f"{'all classes, ' + way:24s} {right}/{len(per_panel[way])} panels right")
    confusion(per_panel["both"])
    print("flags", dict(flagged))
    for name in lines if given.out else ():
        rows = "".join(json.dumps(line) + "\n" for line in lines[name])
        (given.out / f"{name}.jsonl").write_text(rows, encoding="utf-8")


if __name__ == "__main__":
    main()
