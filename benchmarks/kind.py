"""Kind of pictures and CT at figure level, by cross-validation over papers; fits the weights that ship.

    python benchmarks/kind.py GOLD.jsonl PICTURES [--more LABELS.json --root FOLDER] [--fit] [--misses]

GOLD has one figure a line: {"id", "source" (its paper), "panels": [{"box": [x0, y0, x1, y1], "modality"}]};
PICTURES holds <id>.png. LABELS is a list of {"file" (under FOLDER), "source", "kind"}: whole figures seen by
eye, of kind radiology, photo, graphic or mixed; they are scored and, if photo or graphic, fitted too.
$COVIDCT_DATA adds CT slices and chest radiographs of public collections, to fit on, never to score.

The model is a small ensemble of boosted trees over the features of covidct_curate.panels.kind. Each paper is
judged by trees that saw none of its figures. Pictures are fitted as they are and changed: cropped, rescaled,
compressed, brightened, tinted, lettered, laid out as compounds. --fit uses all papers and writes kind.npz.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.panels import kind as looks

FOLDS = 5
DEPTH, BINS, ROUNDS, RATE, RIDGE = 4, 32, 100, 0.12, 2.0
CLASS_OF = {
    **{name: name for name in looks.CLASSES},
    "angiography": "xray",
    "microscopy": "photo",
    "endoscopy": "photo",
    "gel": "photo",
    "plot": "graphic",
    "diagram": "graphic",
}
GRIDS = ((1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (1, 4), (2, 4), (4, 3))
KINDS = ("radiology", "photo", "graphic")
Floats = NDArray[np.float64]
Picture = NDArray[np.uint8]


@dataclass
class Sample:
    """A picture and what it is: shares of the classes (none when nobody says)."""

    picture: Picture
    shares: Floats
    paper: str
    role: str
    name: str
    ct: bool = False
    boxes: list[tuple[int, int, int, int]] = field(default_factory=list)

    @property
    def fold(self) -> int:
        """The fold that judges this paper; -1: none, it is only fitted on."""
        return -1 if self.role == "extra" else zlib.crc32(self.paper.encode()) % FOLDS

    @property
    def kind(self) -> str:
        """The kind as a person says it, or mixed."""
        parts = kind_shares(self.shares)
        return KINDS[int(parts.argmax())] if parts.max() > 0.95 else "mixed"


def kind_shares(p: Floats) -> Floats:
    scans = p[..., :-2].sum(axis=-1)
    return np.stack([scans, p[..., -2], p[..., -1]], axis=-1)


def one(name: str) -> Floats:
    return np.asarray([float(c == name) for c in looks.CLASSES])


def read(path: Path) -> Picture | None:
    bgr = cv2.imread(str(path))
    return None if bgr is None else np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8)


def looked(picture: Picture) -> NDArray[np.float32]:
    """Features, zeros for a picture that has none."""
    found = looks.features(picture)
    return np.zeros(len(looks.NAMES), np.float32) if found is None else found


def shrunk(picture: Picture, most: int) -> Picture:
    scale = min(1.0, most / max(picture.shape[:2]))
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def is_coloured(picture: Picture) -> bool:
    small = cv2.resize(picture, (48, 48), interpolation=cv2.INTER_AREA).astype(int)
    return float(((small.max(axis=2) - small.min(axis=2)) > 40).mean()) > 0.3


def gold_samples(gold: Path, pictures: Path) -> list[Sample]:
    samples = []
    for line in gold.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        whole = read(pictures / f"{record['id']}.png")
        if whole is None:
            print("no picture of", record["id"])
            continue
        total, said = np.zeros(len(looks.CLASSES)), True
        boxes = []
        for panel in record["panels"]:
            x0, y0, x1, y1 = box = tuple(panel["box"])
            part = np.ascontiguousarray(whole[y0:y1, x0:x1])
            modality = panel["modality"]
            name = CLASS_OF.get(modality, "")
            if name == "ct" and is_coloured(part):
                name = "nuclear"  # a rendering or a fused scan: fitted with those, still scored as CT
            shares = one(name)
            said = said and bool(shares.any())
            total += shares * (x1 - x0) * (y1 - y0)
            boxes.append(box)
            samples.append(Sample(part, shares, record["source"], "panel", record["id"], modality == "ct"))
        shares = total / total.sum() if said else 0 * total
        has_ct = any(p["modality"] == "ct" for p in record["panels"])
        samples.append(Sample(whole, shares, record["source"], "figure", record["id"], has_ct, boxes))
    return samples


def more_samples(labels: Path, root: Path) -> list[Sample]:
    samples = []
    for record in json.loads(labels.read_text(encoding="utf-8")):
        picture = read(root / record["file"])
        if picture is not None:
            shares = one("photo") + one("graphic") if record["kind"] == "mixed" else one(record["kind"])
            shares /= max(1.0, shares.sum())
            samples.append(Sample(picture, shares, record["source"], "labelled", record["file"]))
    return samples


def extra_samples(data: Path, rng: np.random.Generator) -> list[Sample]:
    samples = []
    for pattern, name, most, turns in (
        ("covid-ct/CT_COVID/*", "ct", 150, 0),
        ("covid-ct/CT_NonCOVID/*", "ct", 150, 0),
        ("luna-slices/*.png", "ct", 50, 0),
        ("covid-seg/medseg/images/*", "ct", 30, 0),
        ("covid-seg/slices/*", "ct", 40, 1),
        ("chestxray/images/*", "xray", 12, 0),
    ):
        paths = sorted(data.glob(pattern))
        for k in sorted(rng.permutation(len(paths))[:most]):
            picture = read(paths[k])
            if picture is not None:
                picture = np.ascontiguousarray(np.rot90(shrunk(picture, 640), turns))
                samples.append(Sample(picture, one(name), pattern, "extra", paths[k].name))
    for _ in range(60):
        samples.append(Sample(stained(rng), one("photo"), "stained", "extra", "stained cells"))
    return samples


def stained(rng: np.random.Generator) -> Picture:
    """Cells in fluorescence as a camera sees them: blobs of few pure colours on a dark field."""
    side = int(rng.integers(160, 400))
    field_ = np.full((side, side, 3), rng.uniform(0, 12), np.float32)
    dyes = rng.permutation(3)[: int(rng.integers(1, 4))]
    for dye in dyes:
        layer = np.zeros((side, side), np.float32)
        for _ in range(int(rng.integers(4, 60))):
            centre = tuple(int(v) for v in rng.integers(0, side, 2))
            axes = tuple(int(v) for v in rng.uniform(0.01, 0.09, 2) * side + 1)
            hollow = int(rng.choice([-1, 2, 4]))
            cv2.ellipse(
                layer, centre, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(60, 255)), hollow
            )
        layer = cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(0.6, 4))).astype(np.float32)
        field_[..., dye] += layer * rng.uniform(0.5, 1.2)
    field_ += rng.normal(0, rng.uniform(1, 8), field_.shape)
    return np.clip(field_, 0, 255).astype(np.uint8)


def compressed(picture: Picture, rng: np.random.Generator) -> Picture:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 96))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def write_letter(picture: Picture, rng: np.random.Generator) -> None:
    height, width = picture.shape[:2]
    size = rng.uniform(0.0008, 0.003) * max(height, width)
    ink = (255, 255, 255) if rng.random() < 0.6 else (0, 0, 0)
    at = (int(rng.choice([0.03, 0.85]) * width), int(rng.choice([0.12, 0.95]) * height))
    letter = "ABCDabcd"[int(rng.integers(8))]
    cv2.putText(picture, letter, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, max(1, int(2 * size)), cv2.LINE_AA)


def draw_arrow(picture: Picture, rng: np.random.Generator) -> None:
    size = np.asarray(picture.shape[1::-1])
    tip = rng.uniform(0.2, 0.8, 2) * size
    tail = tip + rng.uniform(-0.15, 0.15, 2) * size
    ink = ((255, 255, 255), (0, 0, 0), (255, 0, 0), (255, 255, 0))[int(rng.integers(4))]
    thick = max(1, int(rng.uniform(0.004, 0.01) * size.max()))
    ends = [(int(p[0]), int(p[1])) for p in (tail, tip)]
    cv2.arrowedLine(picture, ends[0], ends[1], ink, thick, cv2.LINE_AA, tipLength=0.35)


def changed(sample: Sample, rng: np.random.Generator) -> Picture:
    """The picture as another paper might print it."""
    picture = shrunk(sample.picture, 900)
    height, width = picture.shape[:2]
    if min(height, width) < looks.LEAST:
        return picture
    name = looks.CLASSES[int(sample.shares.argmax())]
    pure, single = sample.shares.max() == 1, sample.role in ("panel", "extra")
    if name == "graphic" and sample.role != "panel" and min(height, width) > 150 and rng.random() < 0.7:
        share = rng.uniform(0.2, 0.6, 2)  # one plot or a corner of it
        x0, y0 = rng.uniform(0, 1 - share) * (width, height)
        x1, y1 = (x0, y0) + share * (width, height)
        part = picture[int(y0) : int(y1), int(x0) : int(x1)]
        picture = part if float((part.min(axis=2) < 200).mean()) > 0.02 else picture
    elif single and rng.random() < 0.5:
        x0, y0 = rng.uniform(0, 0.12, 2) * (width, height)
        x1, y1 = rng.uniform(0.88, 1, 2) * (width, height)
        picture = picture[int(y0) : int(y1), int(x0) : int(x1)]
    if pure and name != "graphic" and rng.random() < 0.4:
        picture = picture[:, ::-1]
    scale = max(float(np.exp(rng.uniform(np.log(0.3), np.log(1.5)))), 100 / max(picture.shape[:2]))
    size = (
        max(8, int(picture.shape[1] * scale * rng.uniform(0.92, 1.08))),
        max(8, int(picture.shape[0] * scale)),
    )
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(np.ascontiguousarray(picture), size, interpolation=way).astype(np.uint8)
    if pure and name == "photo" and rng.random() < 0.12:
        picture = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.uint8)
    if name != "graphic" and rng.random() < 0.5:
        ramp = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.2))
        ramp = (ramp - 0.5) * rng.uniform(0.85, 1.2) + 0.5 + rng.normal(0, 0.03)
        picture = (255 * np.clip(ramp, 0, 1)).astype(np.uint8)[picture]
    if single and name in ("ct", "mri", "xray", "ultrasound") and rng.random() < 0.2:
        film = (
            rng.uniform(0.92, 1.08, 3)
            if rng.random() < 0.5
            else 1 + np.asarray([-0.2, 0, 0.3]) * rng.uniform(0, 1.3)
        )
        bend = rng.uniform(0.8, 1.2, 3)  # films bleach in the lights: the tint is in the middle greys
        picture = (255 * np.clip(film * (picture / 255.0) ** bend, 0, 1)).astype(np.uint8)
    if single and name in ("xray", "nuclear") and rng.random() < 0.1:
        picture = 255 - picture
    if name == "graphic" and rng.random() < 0.15:
        paper = picture * rng.uniform(0.85, 1) - rng.integers(
            0, int(rng.integers(2, 20)), (*picture.shape[:2], 1)
        )
        picture = np.clip(paper, 0, 255).astype(np.uint8)  # as a scanner sees it
    picture = np.ascontiguousarray(picture)
    if single:
        if rng.random() < 0.35:
            write_letter(picture, rng)
        if rng.random() < 0.35:
            draw_arrow(picture, rng)
        if rng.random() < 0.25:
            top, bottom, left, right = (int(v * max(picture.shape[:2])) for v in rng.uniform(0, 0.08, 4))
            page = (255, 255, 255)
            framed = cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT, value=page)
            picture = np.asarray(framed, np.uint8)
    return compressed(picture, rng) if rng.random() < 0.5 else picture


def compound(pool: Sequence[Sample], rng: np.random.Generator) -> tuple[Picture, Floats]:
    """Panels of one class (mostly) laid out in a grid on white or black."""
    rows, columns = GRIDS[int(rng.integers(len(GRIDS)))]
    first = pool[int(rng.integers(len(pool)))]
    if rng.random() < 0.8:
        pool = [s for s in pool if s.shares.argmax() == first.shares.argmax()]
    else:
        pool = [s for s in pool if s.kind == first.kind]
    width = int(rng.integers(120, 320))
    height = int(width * rng.uniform(0.7, 1.3))
    gap = int(rng.choice([0, 2, 6, 12, 24]))
    ground = 255 if rng.random() < 0.75 else 0
    out = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), ground, np.uint8)
    series = rng.random() < 0.3
    total = np.zeros(len(looks.CLASSES))
    for k in range(rows * columns):
        sample = first if series else pool[int(rng.integers(len(pool)))]
        scale = max(width / sample.picture.shape[1], height / sample.picture.shape[0])
        size = [
            max(n, int(m * scale)) for n, m in zip((width, height), sample.picture.shape[1::-1], strict=True)
        ]
        scaled = cv2.resize(shrunk(sample.picture, 640), size, interpolation=cv2.INTER_AREA)
        y, x = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
        panel = np.array(scaled[y : y + height, x : x + width], np.uint8)
        if rng.random() < 0.5:
            write_letter(panel, rng)
        top, left = (k // columns) * (height + gap), (k % columns) * (width + gap)
        out[top : top + height, left : left + width] = panel
        total += sample.shares
    if rng.random() < 0.5:
        out = compressed(out, rng)
    return out, total / total.sum()


@dataclass
class Material:
    """What the trees are fitted on: features, shares of the classes, weights, folds, whether of one panel."""

    x: NDArray[np.float32]
    shares: Floats
    weight: Floats
    fold: NDArray[np.int64]
    single: NDArray[np.bool_]

    def _where(self, keep: NDArray[np.bool_]) -> Material:
        return Material(
            self.x[keep], self.shares[keep], self.weight[keep], self.fold[keep], self.single[keep]
        )

    def without(self, fold: int) -> Material:
        return self._where(self.fold != fold)

    def for_ct(self) -> Material:
        """Single panels, CT or not."""
        part = self._where(self.single)
        part.shares = np.stack([part.shares[:, 0], 1 - part.shares[:, 0]], axis=1)
        return part


def material_of(samples: Sequence[Sample], rng: np.random.Generator) -> Material:
    often = Counter(s.paper for s in samples)
    rows: list[tuple[NDArray[np.float32], Floats, float, int, bool]] = []
    for s in samples:
        if not s.shares.any() or (s.role == "figure" and len(s.boxes) == 1):
            continue
        rare = s.role != "extra" or often[s.paper] < 100
        copies = {"panel": 6, "extra": 2}.get(s.role, 3) if rare else 1
        weight = often[s.paper] ** -0.5 if s.role != "extra" else min(0.2, 5 / often[s.paper])
        single = s.role in ("panel", "extra") or s.shares[-1] == 1
        rows.append((looked(s.picture), s.shares, weight / 3, s.fold, single))
        weight /= copies + 1
        rows += [(looked(changed(s, rng)), s.shares, weight, s.fold, single) for _ in range(copies)]
    for fold in range(-1, FOLDS):
        pool = [s for s in samples if s.fold == fold and s.role in ("panel", "extra") and s.shares.any()]
        pool = [s for s in pool if min(s.picture.shape[:2]) > 40]
        for _ in range(60 if pool else 0):
            picture, shares = compound(pool, rng)
            rows.append((looked(picture), shares, 0.05, fold, False))
    x, shares_, weight_, fold_, single_ = (np.asarray(column) for column in zip(*rows, strict=True))
    return Material(x, shares_, weight_, fold_, single_)


def grow(m: Material) -> dict[str, NDArray[np.generic]]:
    """Boosted trees of one depth, each leaf a score for every class, by second-order gradients."""
    cuts = np.quantile(m.x, np.linspace(0, 1, BINS + 1)[1:-1], axis=0).astype(np.float32)  # BINS-1 x features
    number, width = m.x.shape
    classes = m.shares.shape[1]
    binned = np.empty(m.x.shape, np.int64)
    for f in range(width):
        binned[:, f] = np.searchsorted(cuts[:, f], m.x[:, f], side="left")
    place = binned + np.arange(width) * BINS
    weight = m.weight / m.weight.mean()
    weight *= 1 / (0.3 + (m.shares.T @ weight / weight.sum())[m.shares.argmax(axis=1)] * classes)
    score = np.zeros((number, classes))
    trees = [np.zeros((ROUNDS, n), d) for n, d in ((2**DEPTH - 1, np.uint8), (2**DEPTH - 1, np.float32))]
    leaves = np.zeros((ROUNDS, 2**DEPTH, classes), np.float16)
    rng = np.random.default_rng(5)
    for r in range(ROUNDS):
        p = np.exp(score - score.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        gradient = (m.shares - p) * weight[:, None]
        curve = p * (1 - p) * weight[:, None] + 1e-6
        seen = np.flatnonzero(rng.random(number) < 0.7)
        used = np.sort(rng.permutation(width)[: width // 2])
        node = np.zeros(number, np.int64)
        for depth in range(DEPTH):
            here = 2**depth
            index = (node[seen, None] * (width * BINS) + place[np.ix_(seen, used)]).ravel()
            size = here * width * BINS
            gain = np.zeros((here, width, BINS))
            for c in range(classes):
                g, h = (
                    np.bincount(index, np.repeat(a[seen, c], len(used)), size)
                    .reshape(here, width, BINS)
                    .cumsum(axis=2)
                    for a in (gradient, curve)
                )
                g_all, h_all = g[..., -1:], h[..., -1:]
                gain += (
                    g**2 / (h + RIDGE) + (g_all - g) ** 2 / (h_all - h + RIDGE) - g_all**2 / (h_all + RIDGE)
                )
            gain[..., -1] = 0
            best = gain.reshape(here, -1).argmax(axis=1)
            feature, cut = best // BINS, np.minimum(best % BINS, BINS - 2)
            first = here - 1
            trees[0][r, first : first + here] = feature
            trees[1][r, first : first + here] = cuts[cut, feature]
            node = 2 * node + (binned[np.arange(number), feature[node]] > cut[node])
        for c in range(classes):
            g, h = (np.bincount(node[seen], a[seen, c], 2**DEPTH) for a in (gradient, curve))
            leaves[r, :, c] = RATE * np.clip(g / (h + RIDGE), -4, 4)
        score += leaves[r][node]
    return {"feature": trees[0], "cut": trees[1], "leaf": leaves}


def fitted(m: Material) -> dict[str, NDArray[np.generic]]:
    """Both sets of trees: the classes of any picture; CT or not, of single panels."""
    return {**grow(m), **{f"ct_{name}": part for name, part in grow(m.for_ct()).items()}}


def rules(x: NDArray[np.float32]) -> Floats:
    """Hand-set thresholds, to compare the trees against."""
    p = np.zeros((len(x), len(looks.CLASSES)))
    at = {name: k for k, name in enumerate(looks.NAMES)}
    blank, alike = x[:, at["blank"]], x[:, at["alike"]]
    graphic = (blank + x[:, at["flat"]] > 0.45) & (alike > 0.6) & (x[:, at["black"]] < 0.3)
    photo = ~graphic & (x[:, at["coloured"]] > 0.15) & (x[:, at["unexplained"]] > 0.3)
    outline = (x[:, at["surround"]] > 0.08) & (x[:, at["round"]] > 0.8)
    slice_ = outline & (x[:, at["bone"]] > 0.01) & (x[:, at["chroma"]] < 0.15)
    p[np.arange(len(x)), np.where(graphic, 6, np.where(photo, 5, np.where(slice_, 0, 1)))] = 1
    return p


def report(samples: Sequence[Sample], p: Floats, ct: Floats, misses: bool) -> None:
    for role in ("panel", "figure", "labelled"):
        table: dict[str, Counter[str]] = defaultdict(Counter)
        for s, chance in zip(samples, p, strict=True):
            if s.role == role and s.shares.any():
                said = looks.kind_from(chance)
                table[s.kind][said] += 1
                if misses and s.kind != "mixed" and said != s.kind:
                    print(f"  {role} {s.name}: {s.kind} taken for {said} {np.round(chance, 2).tolist()}")
        for truth, row in sorted(table.items()):
            print(f"{role:9s}{truth:10s}", *(f"{k} {row[k]:<4d}" for k in (*KINDS, "unknown")))
    verdicts: dict[str, list[float]] = defaultdict(list)
    panels, figures = [], []
    for s, sure in zip(samples, ct.tolist(), strict=True):
        if s.role == "panel":
            verdicts[s.name].append(sure)
            panels.append((s.ct, sure > looks.SURE_CT))
    for s in samples:
        if s.role == "figure":
            modality = looks.modality_from(verdicts[s.name])
            figures.append((s.ct, modality == "ct"))
            if misses and s.ct != (modality == "ct"):
                print(f"  {s.name}: CT {s.ct}, said {modality} {np.round(verdicts[s.name], 2).tolist()}")
    for name, pairs in (("panels", panels), ("figures", figures)):
        right = sum(a and b for a, b in pairs)
        said, true = sum(b for _, b in pairs), sum(a for a, _ in pairs)
        print(f"CT {name}={len(pairs)} precision {right}/{said} recall {right}/{true}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("gold", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--more", type=Path)
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--fit", action="store_true", help="fit on everything and write the weights")
    parser.add_argument("--misses", action="store_true", help="name the figures judged wrongly")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(1)
    samples = gold_samples(given.gold, given.pictures)
    if given.more:
        samples += more_samples(given.more, given.root)
    if data := os.environ.get("COVIDCT_DATA"):
        samples += extra_samples(Path(data), rng)
    start = time.perf_counter()
    x = np.asarray([looked(s.picture) for s in samples])
    spent = 1000 * (time.perf_counter() - start)
    size = sum(s.picture.shape[0] * s.picture.shape[1] for s in samples) / 1e6
    print(f"features: {spent / len(samples):.1f} ms a picture, {spent / size:.1f} ms a megapixel")
    material = material_of(samples, rng)
    print(f"{len(samples)} pictures, {len(material.x)} to fit on, {len({s.paper for s in samples})} papers")
    p = np.zeros((len(samples), len(looks.CLASSES)))
    ct = np.zeros(len(samples))
    for fold in range(FOLDS):
        model = fitted(material.without(fold))
        for k, s in enumerate(samples):
            if s.fold == fold:
                p[k], ct[k] = looks.chances(x[k], model), looks.chance_of_ct(x[k], model)
    print("rules")
    by_rule = rules(x)
    report(samples, by_rule, by_rule[:, 0], False)
    print("trees, each paper judged without it")
    report(samples, p, ct, given.misses)
    if given.fit:
        np.savez_compressed(looks.WEIGHTS, **fitted(material))  # type: ignore[arg-type]
        print(f"wrote {looks.WEIGHTS.name}, {looks.WEIGHTS.stat().st_size} bytes")


if __name__ == "__main__":
    main()
