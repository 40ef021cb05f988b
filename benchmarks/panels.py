"""How well panels are cut, and contact sheets of splits to look through.

    python -m benchmarks.panels FOLDER_OR_IMAGE... [--sheet out.png [--per-sheet 200]]
                                [--gold GOLD.jsonl] [--megapixel]

Every picture is split by `covidct_curate.panels.cascade.split` and timed. --sheet: shown small, its panels
framed and numbered; several sheets are numbered: out.png, out-2.png, … --gold: scored against boxes read by
hand, a JSON line a picture: {"id": its name without the ending, "layout", "panels": [{"box", "modality"}]}.
--megapixel: each picture is brought to one megapixel first, for the time alone.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Boxes = Sequence[tuple[float, float, float, float]]
Splitter = Callable[[Pixels], Sequence[Any]]
"""Takes a picture, height x width x 3, RGB; gives panels that have a ``box`` in pixels, half-open."""

SPLITTER = "covidct_curate.panels.cascade:split"
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}
GREEN, RED = (0, 190, 0), (235, 0, 0)


# scores ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Score:
    """One figure: how many panels it has and was given, and how well they agree."""

    gold: int
    found: int
    accuracy: float
    """As ImageCLEF 2016 measures figure separation: matches over the larger of `gold` and `found`, where a
    found panel matches a true one when at least two thirds of its area lie within it."""
    at75: int
    """Pairs whose intersection is at least 0.75 of their union."""
    at90: int


def overlaps(gold: Boxes, found: Boxes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each true (row) and found (column) box: intersection over the found area, and over the union."""
    a, b = (np.asarray(boxes, float).reshape(-1, 4) for boxes in (gold, found))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(axis=2)
    of_a, of_b = (np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (a, b))
    union = of_a[:, None] + of_b[None] - both
    return both / np.maximum(of_b[None], 1e-9), both / np.maximum(union, 1e-9)


def pairs(agreement: NDArray[np.float64], least: float) -> list[tuple[int, int]]:
    """One-to-one pairs (row, column) that agree at least so much, the best first."""
    rows, columns = np.nonzero(agreement >= least)
    order = np.argsort(-agreement[rows, columns], kind="stable")
    taken: list[tuple[int, int]] = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if all(row != r and column != c for r, c in taken):
            taken.append((row, column))
    return taken


def score(gold: Boxes, found: Boxes) -> Score:
    """Compare the panels found in a figure with the true ones."""
    covered, agreement = overlaps(gold, found)
    matches = len(pairs(covered, 2 / 3 - 1e-9))
    accuracy = matches / max(len(gold), len(found), 1)
    at75, at90 = (len(pairs(agreement, least)) for least in (0.75, 0.9))
    return Score(len(gold), len(found), accuracy, at75, at90)


@dataclass(slots=True)
class Tally:
    """Sums over figures."""

    figures: int = 0
    singles: int = 0
    split: int = 0
    """Single pictures that were cut."""
    exact: int = 0
    panels: int = 0
    """True and found ones together."""
    accuracy: float = 0.0
    at75: int = 0
    at90: int = 0

    def add(self, one: Score) -> None:
        """Count one more figure."""
        self.figures += 1
        self.singles += one.gold == 1
        self.split += one.gold == 1 and one.found > 1
        self.exact += one.gold == one.found
        self.panels += one.gold + one.found
        self.accuracy += one.accuracy
        self.at75 += one.at75
        self.at90 += one.at90

    HEAD = "figures | accuracy | F1 at 0.75 | F1 at 0.9 | exact count | false splits"

    def __str__(self) -> str:
        """The cells of a Markdown row under HEAD; false splits are a share of the single pictures."""
        figures, panels = max(self.figures, 1), max(self.panels, 1)
        false = f"{self.split} of {self.singles}" if self.singles else "–"
        return (
            f"{self.figures} | {self.accuracy / figures:.3f} | {2 * self.at75 / panels:.3f} "
            f"| {2 * self.at90 / panels:.3f} | {self.exact / figures:.3f} | {false}"
        )


# speed -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Clock:
    """Times a splitter picture by picture."""

    split: Splitter
    each: list[float] = field(default_factory=list)
    """Milliseconds per megapixel."""

    def __call__(self, picture: Pixels) -> Sequence[Any]:
        """Split a picture against the clock."""
        start = time.process_time()
        panels = self.split(picture)
        taken = time.process_time() - start
        self.each.append(1e9 * taken / (picture.shape[0] * picture.shape[1]))
        return panels

    def __str__(self) -> str:
        """Median and 95th percentile of the processor's time."""
        return (
            f"ms per megapixel: median {statistics.median(self.each):.1f}, "
            f"95th percentile {np.percentile(self.each, 95):.1f}, of {len(self.each)} pictures"
        )


def splitter(name: str = SPLITTER) -> Splitter:
    """The function that ``module:function`` names."""
    module, _, function = name.partition(":")
    found: Splitter = getattr(importlib.import_module(module), function)
    return found


# sheets ------------------------------------------------------------------------------------------------


def mark(picture: Pixels, boxes: Boxes, colour: tuple[int, int, int], names: Sequence[str] = ()) -> None:
    """Frame boxes in the picture, with a name in the corner of each."""
    thick = max(1, round(min(picture.shape[:2]) / 200))
    for k, (x0, y0, x1, y1) in enumerate(boxes):
        corners = (round(x0), round(y0)), (round(x1) - 1, round(y1) - 1)
        cv2.rectangle(picture, *corners, colour, thick)
        if names:
            at, size = (round(x0) + 2, round(y0) + 12), 0.4 * max(1, thick)
            cv2.putText(picture, names[k], at, cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), thick * 3)
            cv2.putText(picture, names[k], at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick)


class Sheet:
    """A contact sheet that is written each time it is full, so that memory stays the same."""

    def __init__(self, path: Path, per_sheet: int, across: int, tile: tuple[int, int] = (240, 200)) -> None:
        """`tile`: width and height of a picture's place."""
        self.path, self.across, self.tile = path, across, tile
        self.down = -(-per_sheet // across)
        self.written: list[Path] = []
        self._clear()

    def _clear(self) -> None:
        wide, high = self.tile
        self.used = 0
        self.pixels = np.full((self.down * high, self.across * wide, 3), 128, np.uint8)

    def add(
        self, picture: Pixels, *marks: tuple[Boxes, tuple[int, int, int], Sequence[str]], title: str = ""
    ) -> None:
        """Show a picture with boxes (boxes, colour, names) and a title."""
        wide, high = self.tile
        room = high - 18
        scale = min((wide - 6) / picture.shape[1], room / picture.shape[0])
        size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
        small = np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
        for boxes, colour, names in marks:
            mark(
                small,
                [(x0 * scale, y0 * scale, x1 * scale, y1 * scale) for x0, y0, x1, y1 in boxes],
                colour,
                names,
            )
        row, column = divmod(self.used, self.across)
        place = self.pixels[row * high : (row + 1) * high, column * wide : (column + 1) * wide]
        place[16 : 16 + size[1], 3 : 3 + size[0]] = small
        cv2.putText(
            place,
            title[: wide // 6],
            (3, 12),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.36,
            (255, 255, 255),
            1,
            cv2.LINE_AA,
        )
        self.used += 1
        if self.used == self.across * self.down:
            self.save()

    def save(self) -> None:
        """Write what has been added since the last sheet."""
        if self.used:
            number = len(self.written) + 1
            path = self.path if number == 1 else self.path.with_stem(f"{self.path.stem}-{number}")
            rows = -(-self.used // self.across)
            save(path, self.pixels[: rows * self.tile[1]])
            self.written.append(path)
            self._clear()


def save(path: Path, picture: Pixels) -> None:
    """Write an RGB picture; the name says in which format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode(path.suffix or ".png", np.ascontiguousarray(picture[..., ::-1]))
    path.write_bytes(data.tobytes())


def pictures(paths: Sequence[Path]) -> Iterator[tuple[Path, Pixels]]:
    """The pictures of files and folders, RGB; a file that cannot be read is named and left out."""
    for path in paths:
        files = (
            sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        )
        for file in files:
            picture = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
            if picture is None:
                print(f"{file}: not a picture that can be read, left out")
                continue
            yield file, np.ascontiguousarray(np.asarray(picture, np.uint8)[..., ::-1])


RADIOLOGY = {"ct", "xray", "mri", "ultrasound", "nuclear", "angiography"}


class Gold:
    """True boxes by picture name, and the scores so far: all, by layout, and of radiology."""

    def __init__(self, path: Path) -> None:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        self.rows = {row["id"]: row for row in rows}
        self.tallies: dict[str, Tally] = defaultdict(Tally)

    def add(self, name: str, found: Boxes) -> None:
        """Score the panels found in a picture; one that is not in the gold does not count."""
        row = self.rows.get(name)
        if row is None:
            return
        one = score([panel["box"] for panel in row["panels"]], found)
        kinds = {panel["modality"] for panel in row["panels"]}
        groups = ["all", row["layout"], "radiology" if kinds & RADIOLOGY else "other"]
        for group in [*groups, *(["ct"] if "ct" in kinds else [])]:
            self.tallies[group].add(one)

    def __str__(self) -> str:
        """A Markdown table."""
        lines = [f"| | {Tally.HEAD} |", "|---" * (Tally.HEAD.count("|") + 2) + "|"]
        return "\n".join([*lines, *(f"| {name} | {tally} |" for name, tally in self.tallies.items())])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="FOLDER_OR_IMAGE")
    parser.add_argument("--sheet", type=Path, metavar="FILE")
    parser.add_argument("--per-sheet", type=int, default=200, metavar="N")
    parser.add_argument("--gold", type=Path, metavar="FILE")
    parser.add_argument("--megapixel", action="store_true")
    parser.add_argument("--splitter", default=SPLITTER, metavar="MODULE:FUNCTION")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    clock = Clock(splitter(options.splitter))
    across = max(1, round((1.2 * options.per_sheet) ** 0.5))
    sheet = Sheet(options.sheet, options.per_sheet, across) if options.sheet else None
    gold = Gold(options.gold) if options.gold else None
    counts: Counter[int] = Counter()
    for file, picture in pictures(options.paths):
        if options.megapixel:
            scale = (1e6 / (picture.shape[0] * picture.shape[1])) ** 0.5
            picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale), np.uint8)
        panels = clock(picture)
        boxes = [panel.box for panel in panels]
        counts[len(panels)] += 1
        if gold:
            gold.add(file.stem, boxes)
        if sheet:
            names = [str(number) for number in range(1, len(panels) + 1)]
            sheet.add(picture, (boxes, RED, names), title=f"{len(panels)}: {file.stem}")
    if not clock.each:
        parser.error("no pictures there")
    if gold:
        print(gold)
    print(clock)
    print("panels a picture:", ", ".join(f"{n}: {counts[n]}" for n in sorted(counts)))
    if sheet:
        sheet.save()
        print("written:", ", ".join(str(path) for path in sheet.written))


if __name__ == "__main__":
    main()
