"""Train the reader of panel labels and measure it.

    python -m benchmarks.glyphs train FONTS --pictures FOLDER [--seed N] [--out FILE]
    python -m benchmarks.glyphs score GOLD PICTURES [--jitter 0.03] [--split] [--ocr FILE] [--misses]

``train`` writes ``covidct_curate/panels/glyphs.npz`` from letters drawn with the fonts under FONTS over plain,
graded and noisy grounds and over the middles of the first 80 pictures of FOLDER (CT slices, without letters
there). The shipped weights: seed 7, the TrueType and OpenType fonts of Debian 12's fonts-croscore,
-crosextra-carlito, -dejavu-core, -dejavu-extra, -freefont-ttf, -lato, -liberation, -open-sans,
-roboto-unhinted and -urw-base35, COVID-CT's CT_NonCOVID; the file says how many fonts and the SHA-256 of their
names.

``score`` reads labels in the boxes of GOLD (JSON Lines with "id" and "panels": [{"box", "label"}], pictures
PICTURES/<id>.png), or with ``--split`` in those that ``cascade.split`` finds. ``--ocr`` names a JSON file with
another reader's words, {id: {"whole": [[text, confidence, corners]], "whole_s": seconds}}, put through the
same choice of labels.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.alphabet import NONE, digest, examples, fonts_in
from benchmarks.panels import Boxes, overlaps, pairs
from covidct_curate.panels import cascade, glyphs, naming
from covidct_curate.panels.tokens import KEYS, Token


def train(
    fonts: list[Path], slices: list[NDArray[np.uint8]], seed: int, sheets: int, epochs: int, out: Path
) -> None:
    rng = random.Random(seed)
    named: dict[str, Any] = {
        "fonts": np.array(len(fonts)),
        "names": np.array(digest(fonts)),
        "seed": np.array(seed),
    }
    rng.shuffle(fonts)
    held = fonts[: len(fonts) // 10]
    x, y = examples(rng, fonts[len(fonts) // 10 :], slices, sheets)
    test_x, test_y = examples(rng, held, slices, max(4, sheets // 12))
    print(
        f"{len(fonts)} fonts, {len(y)} spots, {np.mean(y == NONE):.2f} no letters; {len(test_y)} in unseen fonts",
        flush=True,
    )
    order = np.random.default_rng(seed)
    sizes = (x.shape[1], 104, NONE + 1)
    net = {
        "w1": order.normal(0, (2 / sizes[0]) ** 0.5, sizes[:2]).astype(np.float32),
        "b1": np.zeros(sizes[1], np.float32),
        "w2": order.normal(0, (1 / sizes[1]) ** 0.5, sizes[1:]).astype(np.float32),
        "b2": np.zeros(sizes[2], np.float32),
    }
    first = {name: np.zeros_like(v) for name, v in net.items()}
    second = {name: np.zeros_like(v) for name, v in net.items()}
    batch, step = 256, 0
    total = epochs * (len(y) // batch)
    for _ in range(epochs):
        places = order.permutation(len(y))
        for start in range(0, len(y) - batch + 1, batch):
            chosen = places[start : start + batch]
            a = x[chosen].astype(np.float32)
            a[:, :-2] *= order.uniform(0.8, 1.1, (batch, 1)).astype(np.float32)
            hidden = np.maximum(a @ net["w1"] + net["b1"], 0)
            logits = hidden @ net["w2"] + net["b2"]
            logits -= logits.max(1, keepdims=True)
            odds = np.exp(logits)
            odds /= odds.sum(1, keepdims=True)
            odds[np.arange(batch), y[chosen]] -= 1
            odds /= batch
            back = (odds @ net["w2"].T) * (hidden > 0)
            slope = {"w1": a.T @ back, "b1": back.sum(0), "w2": hidden.T @ odds, "b2": odds.sum(0)}
            step += 1
            rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * step / total))
            for name, g in slope.items():
                first[name] += 0.1 * (g - first[name])
                second[name] += 0.001 * (g * g - second[name])
                move = (first[name] / (1 - 0.9**step)) / (np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8)
                net[name] -= np.float32(rate) * move + np.float32(rate * 1e-3) * net[name]
    stored: dict[str, Any] = {name: v.astype(np.float16) for name, v in net.items()}
    np.savez_compressed(out, **stored, **named)
    hidden = np.maximum(test_x.astype(np.float32) @ net["w1"] + net["b1"], 0)
    guess = (hidden @ net["w2"] + net["b2"]).argmax(1)
    fold = np.array([glyphs.CLASSES.index(c.lower()) for c in glyphs.CLASSES] + [NONE])
    real = test_y != NONE
    print(
        f"unseen fonts: letters right {np.mean(fold[guess[real]] == fold[test_y[real]]):.3f}, "
        f"taken for none {np.mean(guess[real] == NONE):.3f}, none taken for letters {np.mean(guess[~real] != NONE):.3f}"
    )


def jittered(
    box: list[int], size: tuple[int, int], share: float, rng: random.Random
) -> tuple[int, int, int, int]:
    """A box each of whose sides is off by up to a share of the box's width or height."""
    x0, y0, x1, y1 = box
    dx, dy = share * (x1 - x0), share * (y1 - y0)
    x0, x1 = round(x0 + rng.uniform(-dx, dx)), round(x1 + rng.uniform(-dx, dx))
    y0, y1 = round(y0 + rng.uniform(-dy, dy)), round(y1 + rng.uniform(-dy, dy))
    return max(0, x0), max(0, y0), min(size[0], x1), min(size[1], y1)


_WORD = re.compile(r"([(\[]?)([A-Za-z1-9])([1-9]|i{1,3}|iv)?([)\]]?)[.:]?")


def other_tokens(found: list[list[Any]]) -> list[Token]:
    """Another reader's words as tokens, so that both go through the same choice."""
    tokens = []
    for text, sure, corners in found:
        match = _WORD.match(text.strip())
        if match is None or (match.end() != len(text.strip()) and not match[4]):
            continue
        letter = match[2]
        odds = np.full(len(KEYS), 0.002)
        odds[KEYS.index(letter.lower())] = float(sure)
        xs, ys = [c[0] for c in corners], [c[1] for c in corners]
        box = (round(min(xs)), round(min(ys)), round(max(xs)), round(max(ys)))
        upper = 3.0 if letter.isupper() else -3.0
        tall = max(box[3] - box[1], 1) * 0.7
        tokens.append(Token(tuple(odds), upper, match[3] or "", box, tall, bool(match[1] or match[4])))
    return tokens


def tally(gold: Sequence[str | None], read: Sequence[str | None]) -> Counter[str]:
    """Panel by panel: right, wrong or missing where a label is printed; else false or silent."""
    counts: Counter[str] = Counter()
    for truth, said in zip(gold, read, strict=True):
        if truth is None:
            counts["false" if said else "silent"] += 1
        else:
            counts["missing" if said is None else "right" if said == truth else "wrong"] += 1
    return counts


def paired(gold: Boxes, truth: list[str | None], found: Boxes) -> tuple[list[str | None], list[int | None]]:
    """What each panel is called, and which of ``found`` it is: those that are none come last, without a name."""
    matches = dict(pairs(overlaps(gold, found)[1], 0.5))
    others = sorted(set(range(len(found))) - set(matches.values()))
    return [*truth, *[None] * len(others)], [*[matches.get(k) for k in range(len(gold))], *others]


def score(given: argparse.Namespace) -> None:
    rows = [json.loads(line) for line in given.gold.read_text().splitlines()]
    heard = json.loads(given.ocr.read_text()) if given.ocr else {}
    counts: dict[str, Counter[str]] = {}
    seconds: dict[str, float] = {}
    each = []
    cv2.setNumThreads(1)
    for row in rows:
        loaded = cv2.imread(str(given.pictures / f"{row['id']}.png"))
        if loaded is None:
            raise SystemExit(
                f"{row['id']}.png cannot be read in {given.pictures}; write the pictures of the gold there"
            )
        picture = cv2.cvtColor(loaded, cv2.COLOR_BGR2RGB).astype(np.uint8)
        rng = random.Random(row["id"])
        gold = [panel["box"] for panel in row["panels"]]
        boxes = [jittered(box, row["size"], given.jitter, rng) for box in gold]
        if given.split:
            boxes = [cut.box for cut in cascade.split(picture)]
        begun = time.process_time()
        read = {"own": naming.read_labels(picture, boxes)}
        spent = {"own": time.process_time() - begun}
        each.append(1e9 * spent["own"] / picture[..., 0].size)
        if row["id"] in heard:
            read["other"] = naming.assign(other_tokens(heard[row["id"]]["whole"]), boxes)
            spent["other"] = heard[row["id"]]["whole_s"]
        truth = [panel["label"] and panel["label"].casefold() for panel in row["panels"]]
        places: list[int | None] = list(range(len(gold)))
        if given.split:
            truth, places = paired(gold, truth, boxes)
        for name, labels in read.items():
            letters = [None if place is None else labels[place] for place in places]
            told = [letter.text.casefold() if letter else None for letter in letters]
            seconds[name] = seconds.get(name, 0.0) + spent[name]
            counts.setdefault(name, Counter()).update(tally(truth, told))
            if given.misses and name == "own" and told != truth:
                print(row["id"], "printed", truth, "read", told)
    pixels = sum(row["size"][0] * row["size"][1] for row in rows) / 1e6
    print("| reader | right | wrong | missing | right, share | false | of unlabelled | s per megapixel |")
    for name, c in counts.items():
        total = c["right"] + c["wrong"] + c["missing"]
        print(
            f"| {name} | {c['right']} | {c['wrong']} | {c['missing']} | {c['right'] / max(total, 1):.3f} | "
            f"{c['false']} | {c['false'] + c['silent']} | {seconds[name] / pixels:.3f} |"
        )
    print(
        f"own, ms per megapixel: median {np.median(each):.1f}, 95th percentile {np.percentile(each, 95):.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ways = parser.add_subparsers(required=True, dest="way")
    making = ways.add_parser("train")
    making.add_argument("fonts", type=Path)
    making.add_argument("--pictures", type=Path)
    making.add_argument("--seed", type=int, default=7)
    making.add_argument("--sheets", type=int, default=400)
    making.add_argument("--epochs", type=int, default=14)
    making.add_argument("--out", type=Path, default=Path(glyphs.__file__).with_suffix(".npz"))
    scoring = ways.add_parser("score")
    scoring.add_argument("gold", type=Path)
    scoring.add_argument("pictures", type=Path)
    scoring.add_argument("--jitter", type=float, default=0.0)
    scoring.add_argument("--split", action="store_true")
    scoring.add_argument("--ocr", type=Path)
    scoring.add_argument("--misses", action="store_true")
    given = parser.parse_args()
    if given.way == "score":
        score(given)
        return
    fonts = fonts_in(given.fonts)
    middles = []
    for path in sorted(given.pictures.iterdir())[:80] if given.pictures else []:
        slice_ = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if slice_ is not None:
            h, w = slice_.shape
            middles.append(slice_[h // 4 : 3 * h // 4, w // 4 : 3 * w // 4].astype(np.uint8).copy())
    train(fonts, middles, given.seed, given.sheets, given.epochs, given.out)


if __name__ == "__main__":
    main()
