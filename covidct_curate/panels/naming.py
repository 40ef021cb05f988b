"""Which token names which panel: labels keep one style and one place, and make a sequence over the figure.

A letter alone proves little, so what fits no sequence is left out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covidct_curate.panels.tokens import KEYS, Token, tokens_near
from covidct_curate.records import PixelBox

_GAIN = 3.0
"""What a label read is worth against the doubt in it (natural logarithm)."""
_JUMP, _START = 1.2, 0.9
"""What each letter left out costs, between two labels and before the first."""
_FREE, _HOLE = 0.8, 0.8
"""What each label costs where they follow no order, and each letter that none of them is."""
_DIGITS, _WRONG_BRACKET = 1.5, 2.2
"""What digits for letters cost, and brackets where the others have none."""
_LEAST = 0.15
"""Confidence in a token from which on it may be a label."""
_FAR = 1.5
"""Distance from a place, in shares of what a label there may be off, from which on a token is elsewhere."""
_STEP = 0.2
"""Between the sizes tried (natural logarithm of pixels)."""
_ALIKE = "cosuvwxz"
"""Letters whose capital has the same shape: their height tells the case, so they fit two sizes."""
_PLACES = ("top left", "top right", "bottom left", "bottom right", "below", "above")


_Options = dict[int, dict[int, tuple[float, Token]]]
"""Panel → place of a label's beginning in ``KEYS`` → what it is worth, and the token."""
_Chosen = dict[int, tuple[int, Token]]
"""Panel → place of its label's beginning in ``KEYS``, and the token."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter or label: what it says as printed, its place in pixels, how sure (0 to 1)."""

    text: str
    box: PixelBox
    confidence: float


def read_labels(picture: NDArray[np.uint8], panels: Sequence[PixelBox]) -> list[Letter | None]:
    """The printed label of each panel, in the order of ``panels``; None where none can be read.

    ``picture`` is (h, w) grey or (h, w, 3) RGB, ``panels`` are half-open pixel boxes. A label may lie in a
    corner of its panel or just outside it; one label may serve several panels of a row.
    """
    return assign(tokens_near(picture, panels), panels)


@dataclass(frozen=True, slots=True)
class _Claim:
    token: Token
    panel: int
    gains: tuple[float, ...]
    """What it is worth as each of ``KEYS``."""


def assign(tokens: Sequence[Token], panels: Sequence[PixelBox]) -> list[Letter | None]:
    """The label of each panel out of ``tokens``, None where none fits; see ``read_labels``."""
    if not panels:
        return []
    tokens = [token for token in tokens if token.confidence >= _LEAST]
    best: _Chosen = {}
    best_score, best_place = 0.0, ""
    orders = _orders(panels)
    for place in _PLACES:
        for options in _readings(_claims(tokens, panels, place)):
            if sum(max(gain for gain, _ in here.values()) for here in options.values()) <= best_score:
                continue
            for order in orders:
                score, chosen = _unordered(options) if order is None else _rising(options, order)
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
        labels[panel] = Letter(
            (KEYS[key].upper() if upper else KEYS[key]) + suffix, token.box, round(sure, 3)
        )
    letters = sorted({key for key, _ in best.values()})
    if len(letters) > 1 and letters == list(range(len(letters))):
        _spread(labels, panels, best_place)
    return labels


def _claims(tokens: Sequence[Token], panels: Sequence[PixelBox], place: str) -> list[_Claim]:
    """Each token with the panel it is nearest to, as seen from this place of a panel."""
    costs = _distances(tokens, panels, place)
    return [
        _Claim(token, panel, tuple(_GAIN + math.log(odds + 1e-6) - cost for odds in token.odds))
        for token, panel, cost in zip(tokens, costs.argmin(1).tolist(), costs.min(1).tolist(), strict=True)
        if cost < _FAR
    ]


def _distances(tokens: Sequence[Token], panels: Sequence[PixelBox], place: str) -> NDArray[np.float64]:
    """(tokens, panels): 0 for a token right at the place of the panel; from ``_FAR`` on it is not there."""
    x0, y0, x1, y1 = np.array(panels, float).T[:, None]
    left, top, right, bottom = np.array([token.box for token in tokens], float).reshape(-1, 4).T[:, :, None]
    tall = np.array([token.height for token in tokens])[:, None]
    w, h = np.maximum(x1 - x0, 1), np.maximum(y1 - y0, 1)
    x, y = (left + right) / 2, (top + bottom) / 2
    if place in ("below", "above"):
        away = top - y1 if place == "below" else y0 - bottom
        there = (away >= -0.5 * tall - 0.03 * h) & (away <= np.maximum(5 * tall, 0.12 * h))
        there &= (x0 <= x) & (x <= x1)
        return np.where(there, 2.5 * abs(x - (x0 + x1) / 2) / w + 0.08 * abs(away) / tall, np.inf)
    dx = left - x0 if place.endswith("left") else x1 - right
    dy = top - y0 if place.startswith("top") else y1 - bottom
    inside = (x0 - 0.5 * tall < x) & (x < x1 + 0.5 * tall) & (y0 - 0.5 * tall < y) & (y < y1 + 0.5 * tall)
    most_x, most_y = np.maximum(0.2 * w, 2.5 * tall), np.maximum(0.2 * h, 2.5 * tall)
    least_x = np.where(inside, most_x, np.maximum(5 * tall, 0.2 * w))
    least_y = np.where(inside, most_y, np.maximum(4 * tall, 0.1 * h))
    there = (-least_x <= dx) & (dx <= most_x) & (-least_y <= dy) & (dy <= most_y)
    off = abs(dx) / np.where(dx > 0, most_x, least_x) + abs(dy) / np.where(dy > 0, most_y, least_y)
    return np.where(there, 0.7 * off, np.inf)


def _readings(claims: Sequence[_Claim]) -> Iterator[_Options]:
    """What the panels may be called by claims of one style: bracketed or bare, one size, letters or digits."""
    for bracket in (True, False):
        sizes = {round(math.log(c.token.height) / _STEP) for c in claims if c.token.bracket == bracket}
        seen: set[tuple[int, ...]] = set()
        for size in sorted(sizes)[:10]:
            fitting = tuple(k for k, claim in enumerate(claims) if _fits(claim.token, _STEP * size))
            if fitting not in seen:
                seen.add(fitting)
                for keys in (range(26), range(26, len(KEYS))):
                    yield _options([claims[k] for k in fitting], bracket, keys)


def _fits(token: Token, size: float) -> bool:
    """Whether a token is as high as ``size`` (natural logarithm of pixels) says."""
    off = math.log(token.height) - size
    if not token.bracket and token.key in _ALIKE:
        return min(abs(off), abs(off + (0.34 if token.upper > 0 else -0.34))) < 0.28
    return abs(off) < 0.28


def _options(claims: Sequence[_Claim], bracket: bool, keys: range) -> _Options:
    options: _Options = {}
    for claim in claims:
        loss = (_WRONG_BRACKET if claim.token.bracket != bracket else 0.0) + (_DIGITS if keys[0] else 0.0)
        for key in keys:
            gain = claim.gains[key] - loss
            if gain > 0:
                here = options.setdefault(claim.panel, {})
                if key not in here or gain > here[key][0]:
                    here[key] = (gain, claim.token)
    return options


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


def _rising(options: _Options, order: Sequence[int]) -> tuple[float, _Chosen]:
    """The best labels, and their score, that rise from panel to panel along an order."""
    first = 26 if any(key >= 26 for here in options.values() for key in here) else 0
    # the last label → score and labels so far
    paths: dict[tuple[int, str], tuple[float, _Chosen]] = {(first - 1, ""): (0.0, {})}
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


def _unordered(options: _Options) -> tuple[float, _Chosen]:
    """Labels, and their score, in no order, each but once: the clearest first."""
    ranked = sorted(
        ((gain, panel, key) for panel, here in options.items() for key, (gain, _) in here.items()),
        reverse=True,
    )
    chosen: _Chosen = {}
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
    first = 26 if max(letters, default=0) >= 26 else 0
    return score - _HOLE * (max(letters, default=first - 1) + 1 - first - len(letters)), chosen


def _sound(chosen: _Chosen, count: int) -> bool:
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
    if bracketed and first == 0 and sure > 0.55 and letters[-1] - letters[0] < count:
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
