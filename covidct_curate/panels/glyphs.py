"""Panel labels read from pixels: "A", "(b)", "c)", "D1" in or beside the panels of a figure.

Three steps: letter-like spots (a local threshold for each polarity and connected components), what each spot
says (a small network over a 20×20 patch, its weights in ``glyphs.npz``), and which spots are the panels'
labels: those that keep one style and one place, and make a sequence over the figure. A letter alone proves
little, so what fits no sequence is left out.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
PixelBox = tuple[int, int, int, int]

CLASSES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789()"
"""What a spot may say; one more class says "no letter"."""
PATCH = 20
_MOST_PIXELS = 2_000_000
"""A larger figure is read at a smaller scale."""
_LEAST, _MOST = 6, 90
"""Height in pixels of a spot that may be a letter."""
_CONTRAST = 60
_STROKE = 0.65
"""Where a stroke ends, from the local extreme (0) to the local mean (1)."""
_WINDOW = 21
_SPOTS = 300
"""Spots classified per megapixel, at most."""
_SURE = 0.5
_CAPITAL = 0.7
"""Height of a capital, as a share of a line of text."""
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi")


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter or label: what it says as printed, its place in pixels, how sure (0 to 1)."""

    text: str
    box: PixelBox
    confidence: float


@dataclass(frozen=True, slots=True)
class Spots:
    """Letter-sized components of one polarity, as arrays of the same length."""

    boxes: NDArray[np.int32]
    """(n, 4): x0, y0, x1, y1."""
    patches: NDArray[np.float32]
    """(n, PATCH, PATCH): 1 on the stroke, 0 beside it."""
    bright: NDArray[np.bool_]
    """(n,): lighter than what is around it."""


def find_letters(picture: NDArray[np.uint8]) -> list[Letter]:
    """Single letters, digits and short labels standing alone in a figure, best first.

    ``picture`` is (h, w) grey or (h, w, 3) RGB. Boxes are pixels of ``picture``. Words are no letters.
    """
    return [Letter(t.text(), t.box, t.confidence) for t in _tokens(picture, None) if t.confidence >= _SURE]


def read_labels(picture: NDArray[np.uint8], panels: Sequence[PixelBox]) -> list[Letter | None]:
    """The printed label of each panel, in the order of ``panels``; None where none can be read.

    ``picture`` is (h, w) grey or (h, w, 3) RGB, ``panels`` are half-open pixel boxes. A label may lie in a
    corner of its panel or just outside it; one label may serve several panels of a row.
    """
    if not panels or min(picture.shape[:2]) < _LEAST:
        return [None] * len(panels)
    return assign(_tokens(picture, panels), panels)


# --- spots ------------------------------------------------------------------------------------------------


def spots_of(grey: Grey, near: NDArray[np.bool_] | None = None) -> Spots:
    """Letter-sized components of a (h, w) picture, light ones and dark ones.

    ``near`` is a (h, w) mask: nothing is seen outside it.
    """
    window = np.ones((_WINDOW, _WINDOW), np.uint8)
    high, low = cv2.dilate(grey, window), cv2.erode(grey, window)
    mean = cv2.blur(grey, (_WINDOW, _WINDOW))
    clear = cv2.subtract(high, low).astype(np.uint8, copy=False) >= _CONTRAST
    boxes: list[NDArray[np.int32]] = []
    patches: list[NDArray[np.float32]] = []
    bright: list[bool] = []
    limit = max(60, int(_SPOTS * grey.size / 1e6))
    for light in (True, False):
        ends = cv2.addWeighted(high if light else low, 1 - _STROKE, mean, _STROKE, 0)
        mask = (((grey > ends) if light else (grey < ends)) & clear).view(np.uint8)
        if near is not None:
            mask &= near.view(np.uint8)
        labels, stats = _components(mask)
        w, h, area = stats[:, 2], stats[:, 3], stats[:, 4]
        fill = area / np.maximum(w * h, 1)
        keep = (h >= _LEAST) & (h <= _MOST) & (w >= 2) & (w <= 1.6 * h + 2) & (h <= 9 * w) & (fill > 0.12)
        keep &= (fill < 0.9) | (w < 0.4 * h)
        keep[0] = False
        index = np.flatnonzero(keep)
        if len(index) > limit:
            x0, y0 = stats[index, 0], stats[index, 1]
            x1, y1 = x0 + w[index] - 1, y0 + h[index] - 1
            spread = high[(y0 + y1) // 2, (x0 + x1) // 2].astype(int) - low[(y0 + y1) // 2, (x0 + x1) // 2]
            index = index[np.argsort(-spread, kind="stable")[:limit]]
        for k in index:
            x0, y0, wide, tall = (int(v) for v in stats[k, :4])
            window_ = np.s_[y0 : y0 + tall, x0 : x0 + wide]
            patches.append(_patch(grey[window_], labels[window_] == k, light))
            boxes.append(np.array((x0, y0, x0 + wide, y0 + tall), np.int32))
            bright.append(light)
    if not boxes:
        return Spots(np.zeros((0, 4), np.int32), np.zeros((0, PATCH, PATCH), np.float32), np.zeros(0, bool))
    return Spots(np.stack(boxes), np.stack(patches), np.array(bright))


def _components(mask: Grey) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Labels (h, w) and, for each label, x0, y0, width, height, area; label 0 is the ground.

    OpenCV's own statistics take ten times as long as its labels.
    """
    count, found = cv2.connectedComponentsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_SPAGHETTI)
    labels = found.astype(np.int32, copy=False)
    y, x = np.divmod(np.flatnonzero(mask), mask.shape[1])
    names = labels[y, x]
    stats = np.zeros((count, 5), np.int64)
    # of several values given to one place the last stays: the pixels come from top to bottom
    stats[names[::-1], 1] = y[::-1]
    stats[names, 3] = y
    across = np.argsort(x.astype(np.uint16), kind="stable")
    stats[names[across[::-1]], 0] = x[across[::-1]]
    stats[names[across], 2] = x[across]
    stats[:, 2] += 1 - stats[:, 0]
    stats[:, 3] += 1 - stats[:, 1]
    stats[:, 4] = np.bincount(names, minlength=count)
    return labels, stats


def _patch(grey: Grey, mask: NDArray[np.bool_], light: bool) -> NDArray[np.float32]:
    values = grey.astype(np.float32)
    if not light:
        values = 255 - values
    least, most = float(values.min()), float(values.max())
    values = (values - least) / max(most - least, 1.0)
    around = cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8))
    values *= around
    h, w = values.shape
    scale = (PATCH - 2) / max(h, w)
    small = cv2.resize(
        values,
        (max(1, round(w * scale)), max(1, round(h * scale))),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
    )
    patch = np.zeros((PATCH, PATCH), np.float32)
    top, left = (PATCH - small.shape[0]) // 2, (PATCH - small.shape[1]) // 2
    patch[top : top + small.shape[0], left : left + small.shape[1]] = small
    return patch


# --- what a spot says -------------------------------------------------------------------------------------


@functools.cache
def _weights() -> dict[str, NDArray[np.float32]]:
    with resources.files(__package__).joinpath("glyphs.npz").open("rb") as file, np.load(file) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


def features(spots: Spots) -> NDArray[np.float32]:
    """(n, PATCH * PATCH + 2): the patch, then the logarithms of height and of width over height."""
    w = (spots.boxes[:, 2] - spots.boxes[:, 0]).astype(np.float32)
    h = (spots.boxes[:, 3] - spots.boxes[:, 1]).astype(np.float32)
    size = np.stack([np.log(np.maximum(h, 1) / 20), np.log(np.maximum(w, 1) / np.maximum(h, 1))], 1)
    return np.concatenate([spots.patches.reshape(len(w), PATCH * PATCH) - 0.3, size], 1).astype(np.float32)


def classify(spots: Spots) -> NDArray[np.float32]:
    """(n, len(CLASSES) + 1): the probability of each class; the last is "no letter"."""
    net = _weights()
    hidden = np.maximum(features(spots) @ net["w1"] + net["b1"], 0)
    logits = hidden @ net["w2"] + net["b2"]
    logits -= logits.max(axis=1, keepdims=True)
    odds: NDArray[np.float32] = np.exp(logits)
    odds /= odds.sum(axis=1, keepdims=True)
    return odds


# --- labels standing alone --------------------------------------------------------------------------------

_KEYS = "abcdefghijklmnopqrstuvwxyz123456789"
_LOW = "acemnorsuvwxz"
_ALIKE = "cosuvwxz"
"""Letters whose capital has the same shape: their height tells the case, so they fit two sizes."""
_STEMS = "ilI1"


@dataclass(frozen=True, slots=True)
class Token:
    """Something that stands alone and may be a label: what it may say, where and how it is written."""

    odds: tuple[float, ...]
    """Probability of each of ``_KEYS``: letters without case, then digits."""
    upper: float
    """Above 0 where capitals are likelier; the logarithm of the odds."""
    suffix: str
    box: PixelBox
    height: float
    """Of a capital in this size, in pixels."""
    bracket: bool

    @property
    def confidence(self) -> float:
        """Of its likeliest reading."""
        return max(self.odds)

    def text(self) -> str:
        """Its likeliest reading, as printed."""
        return _printed(_KEYS[int(np.argmax(self.odds))], self.upper > 0) + self.suffix


def printed(key: str, suffix: str, box: PixelBox, *, bracket: bool) -> Token:
    """The token of a label that is known as text: a letter or digit and what follows it."""
    odds = [0.0] * len(_KEYS)
    odds[_KEYS.index(key.lower())] = 0.99
    upper = 1.0 if key.isupper() else -1.0
    return Token(tuple(odds), upper, suffix, box, _CAPITAL * (box[3] - box[1]), bracket)


def _printed(key: str, upper: bool) -> str:
    return key.upper() if upper else key


def _tokens(picture: NDArray[np.uint8], panels: Sequence[PixelBox] | None) -> list[Token]:
    scale = min(1.0, (_MOST_PIXELS / max(picture.shape[0] * picture.shape[1], 1)) ** 0.5)
    if scale < 1:
        size = (max(1, int(picture.shape[1] * scale)), max(1, int(picture.shape[0] * scale)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    if min(picture.shape[:2]) < _LEAST:
        return []
    near = None if panels is None else _near(picture.shape[:2], panels, scale)
    planes = [picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8)]
    if picture.ndim == 3:
        chroma = cv2.subtract(
            cv2.max(cv2.max(picture[..., 0], picture[..., 1]), picture[..., 2]),
            cv2.min(cv2.min(picture[..., 0], picture[..., 1]), picture[..., 2]),
        ).astype(np.uint8)
        if chroma.mean() < 25 and np.count_nonzero(chroma > 110) > 30:
            planes.append(chroma)
    found: list[Token] = []
    for plane in planes:
        spots = spots_of(plane, near)
        odds = classify(spots)
        for light in (True, False):
            side = np.flatnonzero((spots.bright == light) & (odds[:, -1] < 0.7))
            found.extend(_alone(spots.boxes[side], odds[side]))
    found.sort(key=lambda t: (-t.confidence, t.box))
    kept: list[Token] = []
    for token in found:
        if all(_shared(token.box, other.box) < 0.3 for other in kept):
            kept.append(token)
    if scale < 1:
        kept = [_scaled(token, 1 / scale) for token in kept]
    return kept


def _scaled(token: Token, by: float) -> Token:
    x0, y0, x1, y1 = (round(v * by) for v in token.box)
    return Token(token.odds, token.upper, token.suffix, (x0, y0, x1, y1), token.height * by, token.bracket)


def _shared(one: PixelBox, other: PixelBox) -> float:
    """Common area over the smaller area."""
    w = min(one[2], other[2]) - max(one[0], other[0])
    h = min(one[3], other[3]) - max(one[1], other[1])
    if w <= 0 or h <= 0:
        return 0.0
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return w * h / max(min(areas), 1)


def _near(shape: tuple[int, int], panels: Sequence[PixelBox], scale: float) -> NDArray[np.bool_]:
    """(h, w): where a label of one of the panels may lie."""
    near = np.zeros(shape, np.uint8)
    boxes = [[int(v * scale) for v in box] for box in panels]
    for x0, y0, x1, y1 in boxes:
        reach = max(60, int(0.15 * min(x1 - x0, y1 - y0)))
        near[max(0, y0 - reach) : max(0, y1 + reach), max(0, x0 - reach) : max(0, x1 + reach)] = 1
    for x0, y0, x1, y1 in boxes:
        dx, dy = max(60, int(0.25 * (x1 - x0))), max(60, int(0.25 * (y1 - y0)))
        near[max(0, y0 + dy) : max(0, y1 - dy), max(0, x0) : max(0, x1)] = 0
        near[max(0, y0) : max(0, y1), max(0, x0 + dx) : max(0, x1 - dx)] = 0
    return near.astype(bool)


def _alone(boxes: NDArray[np.int32], odds: NDArray[np.float32]) -> list[Token]:
    """Tokens of one polarity: a letter, with brackets, digit or Roman number, in no word and no sentence."""
    if not len(boxes):
        return []
    boxes, odds = _outermost(boxes, odds)
    x0, y0, x1, y1 = (boxes[:, k].astype(np.float64) for k in range(4))
    h = y1 - y0
    level = np.minimum(y1[:, None], y1[None]) - np.maximum(y0[:, None], y0[None])
    level = level / np.minimum(h[:, None], h[None])
    size = np.maximum(h[:, None], h[None])
    gap = x0[None] - x1[:, None]
    after = (level > 0.35) & (x0[None] > x0[:, None]) & (gap > -0.35 * size)
    alike = size < 2.6 * np.minimum(h[:, None], h[None])
    lowered = (
        (level > 0.05) & (h[None] < 0.85 * h[:, None]) & (y1[None] > y1[:, None]) & (x0[None] > x0[:, None])
    )
    linked = (after | lowered) & alike & (gap < 0.32 * size) & (gap > -0.35 * size)
    spaced = after & alike & (gap < 0.75 * size)
    group = np.arange(len(boxes))
    for i, j in np.argwhere(linked):
        group[group == group[j]] = group[i]
    tokens = []
    for name in np.unique(group):
        members = np.flatnonzero(group == name)
        if len(members) > 6 or np.any(spaced[np.ix_(group != name, members)]):
            continue
        members = members[np.argsort(x0[members], kind="stable")]
        token = _parse(boxes[members], odds[members])
        if token is not None:
            tokens.append(token)
    return tokens


def _outermost(
    boxes: NDArray[np.int32], odds: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Without what lies inside another letter."""
    x0, y0, x1, y1 = (boxes[:, k] for k in range(4))
    inside = (x0[:, None] >= x0) & (y0[:, None] >= y0) & (x1[:, None] <= x1) & (y1[:, None] <= y1)
    np.fill_diagonal(inside, False)
    kept = ~inside.any(axis=1)
    return boxes[kept], odds[kept]


def _parse(boxes: NDArray[np.int32], odds: NDArray[np.float32]) -> Token | None:
    said = [CLASSES[k] for k in odds[:, :-1].argmax(axis=1)]
    first, last = 0, len(said)
    if said[0] == "(" and last > 1:
        first = 1
    if last - first > 1 and said[last - 1] == ")":
        last -= 1
    bracket = len(said) - (last - first) > 0
    folded, upper = _folded(odds[first])
    heights = boxes[:, 3] - boxes[:, 1]
    best = int(np.argmax(folded))
    short = 1.2 if _KEYS[best] in _LOW and upper <= 0 else 0.85
    suffix = ""
    for k in range(first + 1, last):
        tall = float(heights[k]) / float(heights[first])
        low = boxes[k, 3] > boxes[first, 3] + 0.1 * heights[first] and tall < 0.95
        stem = said[k] in tuple(_STEMS + "j") or 5 * (boxes[k, 2] - boxes[k, 0]) < 2 * heights[k]
        if stem and (low or tall < short) and not suffix.isdigit():
            suffix += "i"
        elif said[k] in tuple("vV") and (low or tall < short) and suffix in ("", "i"):
            suffix += "v"
        elif not suffix and not low and said[k] in tuple("123456789ilI"):
            suffix = said[k] if said[k].isdigit() else "1"
        else:
            return None
    if suffix and (_KEYS[best].isdigit() or (suffix.isalpha() and suffix not in _ROMAN)):
        return None
    height = float(heights[first])
    if bracket:
        height = 0.8 * float(max(heights[0], heights[-1]))
    elif _KEYS[best] in _LOW and upper <= 0:
        height *= 1.4
    box = (int(boxes[:, 0].min()), int(boxes[:, 1].min()), int(boxes[:, 2].max()), int(boxes[:, 3].max()))
    return Token(tuple(float(v) for v in folded), upper, suffix, box, height, bracket)


def _folded(odds: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Odds of ``_KEYS`` and the logarithm of capital against small; look-alikes share theirs."""
    folded = np.concatenate([odds[:26] + odds[26:52], odds[53:62]])
    stems = float(sum(odds[CLASSES.index(c)] for c in _STEMS))
    for key in "il1":
        folded[_KEYS.index(key)] = max(float(folded[_KEYS.index(key)]), 0.8 * stems)
    folded[_KEYS.index("o")] += odds[52]
    best = int(np.argmax(folded[:26]))
    upper = float(np.log((odds[26 + best] + 1e-3) / (odds[best] + 1e-3)))
    return folded, upper


# --- which labels the panels bear -------------------------------------------------------------------------

_GAIN = 3.0
"""What a label read is worth against the doubt in it (natural logarithm)."""
_JUMP = 1.2
_START = 0.9
_FREE = 0.8
_DIGITS = 1.5
_WRONG_BRACKET = 2.2
_PLACES = ("top left", "top right", "bottom left", "bottom right", "below", "above")


@dataclass(frozen=True, slots=True)
class _Claim:
    token: Token
    panel: int
    cost: float


def assign(tokens: Sequence[Token], panels: Sequence[PixelBox]) -> list[Letter | None]:
    """The label of each panel out of ``tokens``, None where none fits; see ``read_labels``."""
    best: dict[int, tuple[int, Token]] = {}
    best_score, best_place = 0.0, ""
    for place in _PLACES:
        claims = _claims(tokens, panels, place)
        for bracket in (True, False):
            seeds = sorted(
                {round(np.log(c.token.height) / 0.2) for c in claims if c.token.bracket == bracket}
            )
            for seed in seeds[:10]:
                fitting = [c for c in claims if _fits(c.token, 0.2 * seed)]
                for digits in (False, True):
                    for order in _orders(panels):
                        score, chosen = _sequence(fitting, order, len(panels), bracket, digits)
                        if score > best_score + 1e-9 and _sound(chosen, len(panels)):
                            best, best_score, best_place = chosen, score, place
    labels: list[Letter | None] = [None] * len(panels)
    if not best:
        return labels
    upper = sum(token.upper for _, token in best.values()) > 0
    numbers = any(token.suffix.isdigit() for _, token in best.values())
    for panel, (key, token) in best.items():
        sure = min(0.99, token.odds[key])
        suffix = "1" if numbers and token.suffix == "i" else token.suffix
        labels[panel] = Letter(_printed(_KEYS[key], upper) + suffix, token.box, round(sure, 3))
    letters = sorted({key for key, _ in best.values()})
    if len(letters) > 1 and letters == list(range(len(letters))):
        _spread(labels, panels, best_place)
    return labels


def _fits(token: Token, size: float) -> bool:
    off = float(np.log(token.height)) - size
    if not token.bracket and _KEYS[int(np.argmax(token.odds))] in _ALIKE:
        return min(abs(off), abs(off + (0.34 if token.upper > 0 else -0.34))) < 0.28
    return abs(off) < 0.28


def _claims(tokens: Sequence[Token], panels: Sequence[PixelBox], place: str) -> list[_Claim]:
    """Each token with the panel it is nearest to, as seen from this place of a panel."""
    claims = []
    for token in tokens:
        if token.confidence < 0.15:
            continue
        costs = [_distance(token, box, place) for box in panels]
        nearest = int(np.argmin(costs))
        if costs[nearest] < 1.5:
            claims.append(_Claim(token, nearest, costs[nearest]))
    return claims


def _distance(token: Token, panel: PixelBox, place: str) -> float:
    """0 for a token right at the place of the panel; from 1.5 on it is not there."""
    x0, y0, x1, y1 = panel
    w, h = max(x1 - x0, 1), max(y1 - y0, 1)
    tall = token.height
    left, top, right, bottom = token.box
    x, y = (left + right) / 2, (top + bottom) / 2
    if place in ("below", "above"):
        away = top - y1 if place == "below" else y0 - bottom
        if away < -0.5 * tall - 0.03 * h or away > max(5 * tall, 0.12 * h) or not x0 <= x <= x1:
            return 9.0
        return 2.5 * abs(x - (x0 + x1) / 2) / w + 0.08 * abs(away) / tall
    dx = left - x0 if place.endswith("left") else x1 - right
    dy = top - y0 if place.startswith("top") else y1 - bottom
    inside = x0 - 0.5 * tall < x < x1 + 0.5 * tall and y0 - 0.5 * tall < y < y1 + 0.5 * tall
    most_x, most_y = max(0.2 * w, 2.5 * tall), max(0.2 * h, 2.5 * tall)
    least_x, least_y = max(5.0 * tall, 0.2 * w), max(4.0 * tall, 0.1 * h)
    if inside:
        least_x, least_y = most_x, most_y
    if not (-least_x <= dx <= most_x and -least_y <= dy <= most_y):
        return 9.0
    return 0.7 * (abs(dx) / (most_x if dx > 0 else least_x) + abs(dy) / (most_y if dy > 0 else least_y))


def _orders(panels: Sequence[PixelBox]) -> list[list[int] | None]:
    """Reading orders: by rows, by columns where that differs, and none (None)."""
    rows = [k for row in _bands(panels, 1) for k in sorted(row, key=lambda k: panels[k][0])]
    columns = [k for band in _bands(panels, 0) for k in sorted(band, key=lambda k: panels[k][1])]
    return [rows, None] if rows == columns else [rows, columns, None]


def _bands(panels: Sequence[PixelBox], axis: int) -> list[list[int]]:
    """Panels in rows (axis 1) or columns (axis 0): those whose middles lie in one another's span."""
    bands: list[list[int]] = []
    for k in sorted(range(len(panels)), key=lambda k: panels[k][axis] + panels[k][axis + 2]):
        middle = (panels[k][axis] + panels[k][axis + 2]) / 2
        head = panels[bands[-1][0]] if bands else None
        if head is not None and head[axis] <= middle < head[axis + 2]:
            bands[-1].append(k)
        else:
            bands.append([k])
    return bands


def _sequence(
    claims: Sequence[_Claim], order: list[int] | None, count: int, bracket: bool, digits: bool
) -> tuple[float, dict[int, tuple[int, Token]]]:
    """The best labels along an order of panels (rising), or in no order (each once): score, panel → label."""
    keys = range(26, len(_KEYS)) if digits else range(26)
    options: dict[int, dict[int, tuple[float, Token]]] = {}
    for claim in claims:
        loss = (
            claim.cost
            + (_WRONG_BRACKET if claim.token.bracket != bracket else 0.0)
            + (_DIGITS if digits else 0.0)
        )
        for key in keys:
            gain = _GAIN + float(np.log(claim.token.odds[key] + 1e-6)) - loss
            here = options.setdefault(claim.panel, {})
            if gain > 0 and (key not in here or gain > here[key][0]):
                here[key] = (gain, claim.token)
    start = keys[0]
    if order is None:
        return _unordered(options, start)
    # paths: last key → (score, panel → label); a label rises from panel to panel
    paths: dict[tuple[int, str], tuple[float, dict[int, tuple[int, Token]]]] = {(start - 1, ""): (0.0, {})}
    for panel in order:
        grown = dict(paths)
        for (last, suffix), (score, chosen) in paths.items():
            for key, (gain, token) in options.get(panel, {}).items():
                if key < last or (key == last and not (suffix and token.suffix > suffix)):
                    continue
                jump = (_JUMP if chosen else _START) * max(0, key - last - 1)
                value = score + gain - jump
                state = (key, token.suffix)
                if state not in grown or value > grown[state][0]:
                    grown[state] = (value, {**chosen, panel: (key, token)})
        paths = grown
    return max(paths.values(), key=lambda path: path[0])


def _unordered(
    options: dict[int, dict[int, tuple[float, Token]]], start: int
) -> tuple[float, dict[int, tuple[int, Token]]]:
    ranked = sorted(
        ((gain, panel, key) for panel, here in options.items() for key, (gain, _) in here.items()),
        reverse=True,
    )
    chosen: dict[int, tuple[int, Token]] = {}
    used: set[tuple[int, str]] = set()
    score = 0.0
    for gain, panel, key in ranked:
        token = options[panel][key][1]
        if panel in chosen or (key, token.suffix) in used or token.odds[key] < 0.4:
            continue
        chosen[panel] = (key, token)
        used.add((key, token.suffix))
        score += gain - _FREE
    letters = {key for key, _ in chosen.values()}
    holes = len([k for k in range(start, max(letters, default=start - 1) + 1) if k not in letters])
    return score - 0.8 * holes, chosen


def _sound(chosen: dict[int, tuple[int, Token]], count: int) -> bool:
    """Whether these labels prove one another: a start of the alphabet, clear letters, enough of them."""
    if not chosen:
        return False
    letters = sorted({key for key, _ in chosen.values()})
    sure = float(np.mean([token.odds[key] for key, token in chosen.values()]))
    digits = letters[0] >= 26
    first = letters[0] - (26 if digits else 0)
    if len(chosen) == 1:
        token = next(iter(chosen.values()))[1]
        return token.bracket and sure > 0.8 and not digits and (first == 0 or count == 1)
    following = sum(1 for a, b in itertools.pairwise(letters) if b == a + 1)
    if following < 0.6 * (len(letters) - 1) or (len(letters) == 1 and len(chosen) < 2):
        return False
    bracketed = all(token.bracket for _, token in chosen.values())
    if digits and (first > 0 or sure < 0.7 or (len(chosen) < 3 and not bracketed)):
        return False
    if bracketed and first == 0 and sure > 0.7 and letters[-1] - letters[0] < count:
        return True
    return sure > 0.45 and first <= 2 and (len(chosen) >= 0.34 * count or sure > 0.8)


def _spread(labels: list[Letter | None], panels: Sequence[PixelBox], place: str) -> None:
    """One letter over a row: panels without their own take it from the panel before, or the one below."""
    bands = [sorted(band, key=lambda k: panels[k][0]) for band in _bands(panels, 1)]
    if place == "below":
        waiting: list[int] = []
        for band in bands:
            own = [labels[k] for k in band if labels[k] is not None]
            waiting.extend(k for k in band if labels[k] is None)
            if len(own) == 1 and own[0] is not None and len(band) > 1:
                for k in waiting:
                    labels[k] = _lent(own[0])
            if own:
                waiting = []
        return
    if any(labels[band[0]] is None for band in bands):
        return
    for band in bands:
        head = labels[band[0]]
        others = [labels[k] for k in band[1:]]
        if head is not None and place.endswith("left") and not any(others):
            for k in band[1:]:
                labels[k] = _lent(head)


def _lent(letter: Letter) -> Letter:
    return Letter(letter.text, letter.box, round(0.6 * letter.confidence, 3))
