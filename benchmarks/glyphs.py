"""Train the reader of panel labels and measure it.

    python -m benchmarks.glyphs train FONTS --pictures FOLDER [--seed N]
    python -m benchmarks.glyphs score GOLD PICTURES [--jitter 0.03] [--ocr FILE] [--misses]

``train`` writes ``covidct_curate/panels/glyphs.npz`` from letters drawn with every TrueType and OpenType font
under FONTS (the shipped weights: Debian 12's fonts-liberation, -dejavu-core, -dejavu-extra, -freefont-ttf,
-croscore, -crosextra-carlito, -open-sans, -lato, -roboto-unhinted, -urw-base35) over plain, graded and noisy
grounds and over the middles of the pictures under ``--pictures`` (CT slices without letters there). ``score``
reads labels in the given boxes of GOLD (JSON Lines with "id" and "panels": [{"box", "label"}], pictures
PICTURES/<id>.png). ``--ocr`` names a JSON file with another reader's words, {id: {way: [[text, confidence,
corners]], "<way>_s": seconds}}, put through the same choice of labels.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from covidct_curate.panels import glyphs

NONE = len(glyphs.CLASSES)
SIDE = 960
SYMBOLS = "*+-=/&%#@!?$<>→←↑↓★■●▲αβγΔμπσΩ~{}[]:;|"
_SKIPPED_FONTS = re.compile(r"Symbol|Math|Z003|D05|Hairline|Thin|opens__", re.I)


def ground(rng: random.Random, slices: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    noise = np.random.default_rng(rng.randrange(1 << 30))
    kind = rng.random()
    level = rng.choice([0, 10, 255, 250, 240, rng.randrange(256)])
    base = np.full((SIDE, SIDE), level, np.float32)
    if kind < 0.45:
        return base
    if kind < 0.6 or not slices:
        for octave in (8, 30, 120, 480):
            if rng.random() < 0.6:
                rough = noise.standard_normal((octave, octave)).astype(np.float32)
                base += rng.uniform(5, 50) * cv2.resize(rough, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        return base
    for top in range(0, SIDE, 240):
        for left in range(0, SIDE, 240):
            slice_ = slices[rng.randrange(len(slices))]
            base[top : top + 240, left : left + 240] = cv2.resize(slice_, (240, 240))
    return base


def words(rng: random.Random) -> str:
    letter = rng.choice(glyphs.CLASSES[:62])
    style = rng.random()
    if style < 0.45:
        return letter
    if style < 0.65:
        return f"({letter})"
    if style < 0.72:
        return f"{letter})"
    if style < 0.78:
        return letter + rng.choice("123456")
    if style < 0.85:
        return rng.choice(SYMBOLS)
    return "".join(rng.choice(glyphs.CLASSES[:62]) for _ in range(rng.randrange(2, 6)))


def sheet(
    rng: random.Random, fonts: list[Path], slices: list[NDArray[np.uint8]]
) -> tuple[NDArray[np.uint8], list[tuple[str, tuple[int, int, int, int]]]]:
    """A picture full of letters, and where each stroke lies."""
    canvas = ground(rng, slices)
    drawn: list[tuple[str, tuple[int, int, int, int]]] = []
    y = 6
    while y < SIDE - 80:
        size = round(rng.choice([rng.uniform(10, 20), rng.uniform(12, 24), rng.uniform(16, 72)]))
        font = ImageFont.truetype(str(rng.choice(fonts)), size)
        x = 6
        while x < SIDE - 3 * size - 10:
            text = words(rng)
            patch = canvas[y : y + round(1.5 * size) + 2, x : x + round(size * (len(text) + 1))]
            local = float(np.median(patch))
            colour = rng.choice([0, 0, 255, 255, 255, rng.randrange(256)])
            if abs(colour - local) < 80:
                colour = 0 if local > 127 else 255
            if rng.random() < 0.15:
                wide = round(font.getlength(text)) + 8
                canvas[y - 3 : y + round(1.35 * size), x - 4 : x + wide] = 255 - colour
            at = float(x)
            for char in text:
                image = Image.new("L", (round(2.2 * size) + 6, round(1.6 * size) + 4), 0)
                ImageDraw.Draw(image).text((size * 0.5 + at % 1, 1), char, fill=255, font=font)
                ink = np.asarray(image, np.float32) / 255
                left = int(at) - int(size * 0.5)
                x0, x1 = max(left, 0), min(left + ink.shape[1], SIDE)
                part = ink[: SIDE - y, x0 - left : x1 - left]
                view = canvas[y : y + part.shape[0], x0:x1]
                view += part * (colour - view)
                _, _, stats, _ = cv2.connectedComponentsWithStats((part > 0.5).astype(np.uint8))
                if len(stats) > 1:
                    a, b, w, h, _ = stats[1 + int(stats[1:, 4].argmax())]
                    drawn.append((char, (x0 + int(a), y + int(b), x0 + int(a + w), y + int(b + h))))
                at += font.getlength(char) * rng.choice([1.0, 1.0, 1.06])
            if rng.random() < 0.12:
                tip = (int(at) + 4, y + size // 2)
                end = (tip[0] + rng.randrange(4, 40), tip[1] + rng.randrange(-12, 13))
                cv2.arrowedLine(canvas, end, tip, float(colour), rng.randrange(1, 4), tipLength=0.4)
                at = max(tip[0], end[0])
            if rng.random() < 0.08:
                radius = rng.randrange(3, max(4, size // 2 + 1))
                cv2.circle(
                    canvas, (int(at) + radius + 4, y + radius), radius, float(colour), rng.choice([-1, 1, 2])
                )
                at += 2 * radius + 6
            x = round(at + rng.uniform(0.5, 1.2) * size)
        y += round(1.7 * size) + 8
    if rng.random() < 0.6:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 1.1)), np.float32)
    canvas += (
        np.random.default_rng(rng.randrange(1 << 30))
        .normal(0, rng.uniform(0, 8), canvas.shape)
        .astype(np.float32)
    )
    grey = np.clip(canvas, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, rng.randrange(45, 96)])[1]
        grey = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    if rng.random() < 0.4:
        scale = rng.uniform(0.6, 1.7)
        bigger = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=rng.choice([1, 2, 3]))
        grey = np.asarray(bigger, np.uint8)
        drawn = [(c, tuple(round(v * scale) for v in box)) for c, box in drawn]  # type: ignore[misc]
    return grey, drawn


def overlap(one: Any, other: Any) -> float:
    w = min(one[2], other[2]) - max(one[0], other[0])
    h = min(one[3], other[3]) - max(one[1], other[1])
    if w <= 0 or h <= 0:
        return 0.0
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return float(w * h / (areas - w * h))


def examples(
    rng: random.Random, fonts: list[Path], slices: list[NDArray[np.uint8]], sheets: int
) -> tuple[Any, Any]:
    values, truth = [], []
    for _ in range(sheets):
        grey, drawn = sheet(rng, fonts, slices)
        spots = glyphs.spots_of(grey)
        middles = np.array([[(b[0] + b[2]) / 2, (b[1] + b[3]) / 2] for _, b in drawn])
        names, kept = [], []
        for k, box in enumerate(spots.boxes):
            off = np.abs(middles - [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]).max(axis=1)
            best = int(off.argmin())
            char, shape = drawn[best]
            close = overlap(box, shape)
            name = glyphs.CLASSES.find(char) if close >= 0.65 else -1
            if 0.45 < close < 0.65:
                continue
            names.append(name if name >= 0 else NONE)
            kept.append(k)
        values.append(glyphs.features(spots)[kept].astype(np.float16))
        truth.append(np.array(names, np.int64))
    return np.concatenate(values), np.concatenate(truth)


def train(
    fonts: list[Path], slices: list[NDArray[np.uint8]], seed: int, sheets: int, epochs: int, out: Path
) -> None:
    rng = random.Random(seed)
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
    np.savez_compressed(out, allow_pickle=False, **{name: v.astype(np.float16) for name, v in net.items()})
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
    x0, y0, x1, y1 = box
    dx, dy = share * (x1 - x0), share * (y1 - y0)
    x0, x1 = round(x0 + rng.uniform(-dx, dx)), round(x1 + rng.uniform(-dx, dx))
    y0, y1 = round(y0 + rng.uniform(-dy, dy)), round(y1 + rng.uniform(-dy, dy))
    return max(0, x0), max(0, y0), min(size[0], x1), min(size[1], y1)


_WORD = re.compile(r"([(\[]?)([A-Za-z1-9])([1-9]|i{1,3}|iv)?([)\]]?)[.:]?")


def other_tokens(found: list[list[Any]]) -> list[glyphs.Token]:
    """Another reader's words as tokens, so that both go through the same choice."""
    tokens = []
    for text, sure, corners in found:
        match = _WORD.match(text.strip())
        if match is None or (match.end() != len(text.strip()) and not match[4]):
            continue
        letter = match[2]
        odds = np.full(len(glyphs._KEYS), 0.002)
        odds[glyphs._KEYS.index(letter.lower())] = float(sure)
        xs, ys = [c[0] for c in corners], [c[1] for c in corners]
        box = (round(min(xs)), round(min(ys)), round(max(xs)), round(max(ys)))
        bracket = bool(match[1] or match[4])
        upper = 3.0 if letter.isupper() else -3.0
        tokens.append(
            glyphs.Token(tuple(odds), upper, match[3] or "", box, max(box[3] - box[1], 1) * 0.7, bracket)
        )
    return tokens


def tally(gold: list[str | None], read: list[glyphs.Letter | None]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for truth, letter in zip(gold, read, strict=True):
        said = letter.text.casefold() if letter else None
        if truth is None:
            counts["false" if said else "silent"] += 1
        else:
            counts["missing" if said is None else "right" if said == truth.casefold() else "wrong"] += 1
    return counts


def score(gold: Path, pictures: Path, jitter: float, other: Path | None, misses: bool) -> None:
    rows = [json.loads(line) for line in gold.read_text().splitlines()]
    heard = json.loads(other.read_text()) if other else {}
    counts: dict[str, Counter[str]] = {}
    seconds: dict[str, float] = {}
    finding, pixels = 0.0, 0.0
    cv2.setNumThreads(1)
    for row in rows:
        loaded = cv2.imread(str(pictures / f"{row['id']}.png"))
        if loaded is None:
            raise SystemExit(
                f"{row['id']}.png cannot be read in {pictures}; write the pictures of the gold there"
            )
        picture = cv2.cvtColor(loaded, cv2.COLOR_BGR2RGB).astype(np.uint8)
        rng = random.Random(row["id"])
        boxes = [jittered(p["box"], row["size"], jitter, rng) for p in row["panels"]]
        truth = [p["label"] for p in row["panels"]]
        begun = time.perf_counter()
        read = {"own": glyphs.read_labels(picture, boxes)}
        spent = {"own": time.perf_counter() - begun}
        for way in ("whole", "corner"):
            if row["id"] in heard:
                found = heard[row["id"]][way]
                words = [w for part in found for w in part] if way == "corner" else found
                read[way] = glyphs.assign(other_tokens(words), boxes)
                spent[way] = heard[row["id"]][f"{way}_s"]
        for name, labels in read.items():
            counts.setdefault(name, Counter()).update(tally(truth, labels))
            seconds[name] = seconds.get(name, 0.0) + spent[name]
        told = [letter.text.casefold() if letter else None for letter in read["own"]]
        if misses and told != [t and t.casefold() for t in truth]:
            print(row["id"], "printed", truth, "read", told)
        begun = time.perf_counter()
        glyphs.find_letters(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8))
        finding += time.perf_counter() - begun
        pixels += picture.shape[0] * picture.shape[1] / 1e6
    print("| reader | right | wrong | missing | right, share | false | of unlabelled | s per megapixel |")
    for name, c in counts.items():
        total = c["right"] + c["wrong"] + c["missing"]
        print(
            f"| {name} | {c['right']} | {c['wrong']} | {c['missing']} | {c['right'] / max(total, 1):.3f} | "
            f"{c['false']} | {c['false'] + c['silent']} | {seconds[name] / pixels:.3f} |"
        )
    print(f"find_letters: {finding / pixels * 1e3:.1f} ms per megapixel")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ways = parser.add_subparsers(required=True, dest="way")
    making = ways.add_parser("train")
    making.add_argument("fonts", type=Path)
    making.add_argument("--pictures", type=Path)
    making.add_argument("--seed", type=int, default=7)
    making.add_argument("--sheets", type=int, default=170)
    making.add_argument("--epochs", type=int, default=14)
    making.add_argument("--out", type=Path, default=Path(glyphs.__file__).with_suffix(".npz"))
    scoring = ways.add_parser("score")
    scoring.add_argument("gold", type=Path)
    scoring.add_argument("pictures", type=Path)
    scoring.add_argument("--jitter", type=float, default=0.0)
    scoring.add_argument("--ocr", type=Path)
    scoring.add_argument("--misses", action="store_true")
    given = parser.parse_args()
    if given.way == "score":
        score(given.gold, given.pictures, given.jitter, given.ocr, given.misses)
        return
    fonts = sorted(p for p in given.fonts.rglob("*") if p.suffix in (".ttf", ".otf"))
    fonts = [p for p in fonts if not _SKIPPED_FONTS.search(p.name)]
    middles = []
    for path in sorted(given.pictures.iterdir())[:80] if given.pictures else []:
        slice_ = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if slice_ is not None:
            h, w = slice_.shape
            middles.append(slice_[h // 4 : 3 * h // 4, w // 4 : 3 * w // 4].astype(np.uint8).copy())
    train(fonts, middles, given.seed, given.sheets, given.epochs, given.out)


if __name__ == "__main__":
    main()
