"""Figures, labels and captions against a gold standard.

    python -m benchmarks.accuracy WORKSPACE GOLD_FOLDER [--places FILE] [--misses]

The gold is a folder of JATS XML files, one a paper, named as its PDF; a <fig> is a figure, its <label> and
<caption> what must be found. A figure is right when its label is, its caption is at least 0.90 alike (share
of letters and digits in common) and a picture was written. Pictures with neither label nor caption are counted
apart. ``--places`` names a file of JSON Lines with "source", "label", "page" and "bbox" (points, origin top
left): how many of the figures found are on that page, and overlap that box by half.
"""

from __future__ import annotations

import argparse
import json
import re
import unicodedata
from collections import Counter, defaultdict
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from lxml import etree

from covidct_curate import listing
from covidct_curate.extract.labels import parse_label

Figure = dict[str, Any]


def letters(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in folded if char.isalnum())


def alike(one: str, other: str) -> float:
    a, b = letters(one), letters(other)
    return SequenceMatcher(None, a, b, autojunk=False).ratio() if a and b else float(a == b)


def label(text: str) -> str:
    found = parse_label(text)
    return found.text if found else " ".join(text.split()).casefold()


def words(node: Any) -> str:
    """Text of an element, its paragraphs apart; of maths given twice, one."""
    if node is None:
        return ""
    for twin in node.iter("{*}tex-math"):
        twin.text = ""
    parts = [node.text or ""]
    for child in node:
        if isinstance(child.tag, str) and etree.QName(child).localname not in ("label", "object-id"):
            parts += (
                [" ", words(child), " "] if etree.QName(child).localname in ("p", "title") else [words(child)]
            )
        parts.append(child.tail or "")
    return "".join(parts)


def read_gold(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Label and caption of every figure, by paper."""
    parser = etree.XMLParser(recover=True, load_dtd=False, no_network=True, resolve_entities=False)
    gold: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(folder.glob("*.xml")):
        root = etree.parse(path, parser).getroot()
        gold[path.stem] = [
            (label(words(fig.find("{*}label"))), words(fig.find("{*}caption"))) for fig in root.iter("{*}fig")
        ]
    return gold


def score(
    gold: dict[str, list[tuple[str, str]]], found: dict[str, list[Figure]], misses: bool
) -> Counter[str]:
    count: Counter[str] = Counter(papers=len(gold))
    for paper, figures in gold.items():
        left = [f for f in found[paper] if f["label"] or f["caption"]]
        count["bare"] += len(found[paper]) - len(left)
        count["predicted"] += len(left)
        count["gold"] += len(figures)
        for name, caption in figures:
            same = [f for f in left if label(f["label"] or "") == name]
            best = max(same, key=lambda f: alike(caption, f["caption"]), default=None)
            near = alike(caption, best["caption"]) if best else 0.0
            if best:
                left.remove(best)
            count["label"] += best is not None
            count["caption98"] += near >= 0.98
            right = best is not None and near >= 0.9 and bool(best["files"])
            count["right"] += right
            if misses and not right:
                print(f"missed  {paper}  {name}: {'no such label' if not best else f'caption {near:.2f}'}")
        if misses:
            for figure in left:
                print(
                    f"false   {paper}  {figure['label']} on page {figure['page']}: {figure['caption'][:60]!r}"
                )
    return count


def places(path: Path, found: dict[str, list[Figure]]) -> str:
    count: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        gold = json.loads(line)
        if "label" not in gold:
            continue
        count["gold"] += 1
        same = [f for f in found[Path(gold["source"]).stem] if f["label"] == label(gold["label"])]
        if same:
            count["found"] += 1
            here = [f for f in same if f["page"] == gold["page"]]
            count["page"] += bool(here)
            count["box"] += any(overlap(f["bbox"], gold["bbox"]) >= 0.5 for f in here)
    return f"found={count['found']}/{count['gold']} page={count['page']} box={count['box']}"


def overlap(one: list[float], other: list[float]) -> float:
    """Intersection over union."""
    shared = 1.0
    for axis in (0, 1):
        shared *= max(0.0, min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis]))
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return shared / (sum(areas) - shared)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workspace", type=Path)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--places", type=Path)
    parser.add_argument("--misses", action="store_true", help="print what was missed and what is false")
    options = parser.parse_args()
    found: dict[str, list[Figure]] = defaultdict(list)
    for figure in listing.rows("figures", options.workspace):
        found[re.split(r"[/\\]", figure["source"])[-1].removesuffix(".pdf")].append(figure)
    count = score(read_gold(options.gold), found, options.misses)
    precision = count["right"] / max(1, count["predicted"])
    recall = count["right"] / max(1, count["gold"])
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    shares = {key: count[key] / max(1, count["gold"]) for key in ("label", "caption98")}
    print(
        f"{count['papers']} papers, {count['gold']} figures: F1={f1:.3f} precision={precision:.3f} "
        f"recall={recall:.3f} labels={shares['label']:.3f} caption98={shares['caption98']:.3f} bare={count['bare']}"
    )
    if options.places:
        print(places(options.places, found))


if __name__ == "__main__":
    main()
