"""How well generated compound figures are split, of which the truth is known.

    python -m benchmarks.compounds [--count 1000] [--seed 1] [--worst 10] [--out FOLDER]
                                   [--sheet FILE] [--sheet-count 100] [--only INDEX]

The figures are those of `tests.compounds`, from the CT slices below $COVIDCT_DATA (covid-ct and luna-slices;
drawn phantoms without it). A figure is the same for the same seed and index, whatever the count, so that one
can be drawn again alone: --only INDEX. Truth is green, the result red. --out: where the worst ones (or the
one) are written as they are and marked.
"""

from __future__ import annotations

import argparse
import heapq
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import overload

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.compounds import LAYOUTS, Compound, Spec, compose, draw_spec
from tests.manuscripts import phantom_ct

from .panels import GREEN, RED, SPLITTER, Clock, Score, Sheet, Tally, mark, save, score, splitter

Grey = NDArray[np.uint8]

PHANTOMS = 12


class Slices(Sequence[Grey]):
    """CT slices read from their files when they are asked for."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = [file for file in files if usable(read(file))]

    @overload
    def __getitem__(self, index: int) -> Grey: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Grey]: ...
    def __getitem__(self, index: int | slice) -> Grey | Sequence[Grey]:
        """The slice, height x width."""
        if isinstance(index, slice):
            return [read(file) for file in self.files[index]]
        return read(self.files[index])

    def __len__(self) -> int:
        return len(self.files)


def read(file: Path) -> Grey:
    """A grey picture."""
    picture = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise SystemExit(f"{file}: not a picture that can be read; remove it and try again")
    return np.asarray(picture, np.uint8)


def usable(grey: Grey) -> bool:
    """Whether a picture is one slice that fills its frame: no rim of paper, no line across it, not tiny."""
    high, wide = grey.shape
    if min(high, wide) < 110 or not 0.6 < wide / high < 2:
        return False
    for lines in (grey, grey.T):
        white = (lines > 243).mean(axis=1)
        black = (lines < 12).mean(axis=1)
        middle = slice(len(lines) // 4, len(lines) * 3 // 4)
        if max(white[:4].max(), white[-4:].max(), white[middle].max()) > 0.96 or black[middle].max() > 0.99:
            return False
    return True


def slices() -> Sequence[Grey]:
    """Real CT slices where there are some, else phantoms."""
    data = os.environ.get("COVIDCT_DATA")
    files = []
    if data:
        for folder in ("covid-ct/CT_COVID", "covid-ct/CT_NonCOVID", "luna-slices"):
            files += sorted(p for p in Path(data, folder).rglob("*") if p.suffix in (".png", ".jpg"))
    if not files:
        print("phantoms: COVIDCT_DATA names no folder with covid-ct or luna-slices\n")
        return [phantom_ct(seed, (260, 320)) for seed in range(PHANTOMS)]
    return Slices(files)


def figure(seed: int, index: int, of: Sequence[Grey]) -> Compound:
    """The figure of that number."""
    rng = np.random.default_rng([seed, index])
    return compose(rng, of, draw_spec(rng))


# tables ------------------------------------------------------------------------------------------------


def band(value: int, edges: Sequence[int], low: int = 0) -> str:
    """The range a number from `low` on belongs to; `edges` are the last numbers of the ranges."""
    for high in edges:
        if value <= high:
            return str(high) if low == high else f"{low}–{high}"
        low = high + 1
    return f"over {edges[-1]}"


def hue(spec: Spec) -> str:
    """What the gutter's colour is called."""
    least, most = min(spec.colour), max(spec.colour)
    if most - least > 12:
        return "colour"
    return "white" if least > 245 else "black" if most < 20 else "grey"


def compounds_only(of: Callable[[Spec], str]) -> Callable[[Spec], str]:
    """Single pictures have no gutter to ask about."""
    return lambda spec: of(spec) if spec.panels > 1 else ""


GROUPS: dict[str, tuple[Callable[[Spec], str], tuple[str, ...]]] = {
    "panels": (lambda spec: band(spec.panels, (1, 2, 4, 8, 16), 1), ("1", "2", "3–4", "5–8", "9–16")),
    "gutter, px": (
        compounds_only(lambda spec: band(spec.gutter, (0, 3, 10, 40))),
        ("0", "1–3", "4–10", "11–40"),
    ),
    "gutter colour": (
        compounds_only(lambda spec: hue(spec) if spec.gutter else ""),
        ("white", "black", "grey", "colour"),
    ),
    "layout": (lambda spec: spec.layout, LAYOUTS),
    "letters": (compounds_only(lambda spec: spec.letters), ("none", "inside", "above", "below")),
    "rule": (compounds_only(lambda spec: spec.rule), ("none", "edge", "around", "between", "border")),
    "headings": (compounds_only(lambda spec: spec.headings), ("none", "title", "columns", "bars", "rows")),
    "JPEG": (
        lambda spec: "none" if spec.jpeg is None else band(spec.jpeg, (75, 85, 95), 60),
        ("60–75", "76–85", "86–95", "none"),
    ),
    "single picture": (
        lambda spec: spec.contents[0] if spec.panels == 1 else "",
        (
            "ct",
            "soft",
            "pet",
            "legs",
            "xray",
            "ultrasound",
            "photo",
            "histology",
            "scope",
            "plot",
            "gel",
            "blots",
            "table",
            "diagram",
        ),
    ),
    "plots among the panels": (
        compounds_only(lambda spec: "yes" if {"plot", "gel"} & set(spec.contents) else "no"),
        ("no", "yes"),
    ),
}
"""Title of a table, to which of its rows a figure belongs ("" for none), and the order of the rows."""


def described(spec: Spec) -> str:
    """A spec in one line, without what is as usual."""
    words = [f"{spec.panels} {'/'.join(dict.fromkeys(spec.contents))}", f"{spec.layout} {spec.counts}"]
    words.append(f"gutter {spec.gutter} {hue(spec)} {spec.colour}, margin {spec.margin}")
    for name in ("letters", "rule", "headings", "arrows", "bar"):
        if getattr(spec, name) != "none":
            words.append(f"{name} {getattr(spec, name)}")
    words += [name for name in ("similar", "scale", "inset", "annotated") if getattr(spec, name)]
    if spec.soften < 1:
        words.append(f"softened {spec.soften:.2f}")
    if spec.jpeg is not None:
        words.append(f"JPEG {spec.jpeg}")
    return ", ".join(words)


def tables(total: Tally, parts: Mapping[str, Mapping[str, Tally]]) -> None:
    """Print all, then each group of GROUPS."""
    rule = "|---" * (len(Tally.HEAD.split("|")) + 1) + "|"
    print(f"| | {Tally.HEAD} |\n{rule}\n| all | {total} |")
    for title, (_, order) in GROUPS.items():
        rows = [value for value in order if value in parts[title]]
        if rows:
            print(f"\n| {title} | {Tally.HEAD} |\n{rule}")
        for value in rows:
            print(f"| {value} | {parts[title][value]} |")


def marked(compound: Compound, found: Sequence[tuple[int, int, int, int]]) -> NDArray[np.uint8]:
    """The figure with truth and result drawn in."""
    picture = compound.picture.copy()
    mark(picture, compound.boxes, GREEN)
    mark(picture, found, RED)
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description="How well generated compound figures are split.")
    parser.add_argument("--count", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="INDEX", help="this figure alone")
    parser.add_argument("--worst", type=int, default=10, metavar="N", help="list so many of the worst")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the worst there, or the only one")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="a contact sheet of the first figures")
    parser.add_argument("--sheet-count", type=int, default=100, metavar="N")
    parser.add_argument("--splitter", default=SPLITTER, metavar="MODULE:FUNCTION")
    options = parser.parse_args()
    split, of = Clock(splitter(options.splitter)), slices()
    split.split(phantom_ct(0, 200)[..., None].repeat(3, axis=2))  # imports and tables, not on the clock
    sheet = Sheet(options.sheet, min(options.sheet_count, options.count), 10) if options.sheet else None
    total, parts = Tally(), {title: defaultdict[str, Tally](Tally) for title in GROUPS}
    worst: list[tuple[float, int, Score, Spec]] = []
    for index in range(options.count) if options.only is None else [options.only]:
        compound = figure(options.seed, index, of)
        spec = compound.spec
        found = [tuple(panel.box) for panel in split(compound.picture)]
        one = score(compound.boxes, found)
        total.add(one)
        for title, (which, _) in GROUPS.items():
            if value := which(spec):
                parts[title][value].add(one)
        good = one.accuracy + (one.at75 + one.at90) / (one.gold + one.found)
        heapq.heappush(worst, (-good, -index, one, spec))
        if len(worst) > options.worst:
            heapq.heappop(worst)
        if sheet is not None and index < options.sheet_count:
            title = f"{index}: {one.found} of {one.gold} {one.accuracy:.2f}"
            sheet.add(compound.picture, (compound.boxes, GREEN, ()), (found, RED, ()), title=title)
    if sheet is not None:
        sheet.save()
    tables(total, parts)
    print(f"\n{split}")
    if not worst:
        return
    print("\n| index | panels | found | accuracy | within 0.75 | within 0.9 | figure |\n" + "|---" * 7 + "|")
    for _, negative, one, spec in sorted(worst, key=lambda entry: (-entry[0], -entry[1])):
        index = -negative
        print(
            f"| {index} | {one.gold} | {one.found} | {one.accuracy:.3f} | {one.at75} | {one.at90} | {described(spec)} |"
        )
        if options.out:
            compound = figure(options.seed, index, of)
            boxes = [tuple(panel.box) for panel in split.split(compound.picture)]
            save(options.out / f"{options.seed}-{index}.png", compound.picture)
            save(options.out / f"{options.seed}-{index}-marked.png", marked(compound, boxes))


if __name__ == "__main__":
    main()
