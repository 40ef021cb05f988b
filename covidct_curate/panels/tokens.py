"""Tokens: letters, with what belongs to them ("(b)", "c)", "D1", "Eii"), that stand alone and may be labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.panels import spots
from covidct_curate.panels.glyphs import CLASSES, classify
from covidct_curate.records import PixelBox

KEYS = "abcdefghijklmnopqrstuvwxyz123456789"
"""What a label may begin with, case aside: letters, then digits."""
_LOW = "acemnorsuvwxz"
"""Small letters without an ascender."""
_STEMS = "ilI1"
"""What one upright stroke may be."""
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi")
_CAPITAL = 0.7
"""Height of a capital, as a share of a line of text."""
_LONGEST = 6
"""Characters of a label, brackets included."""
_PIXELS = 2_000_000
"""A larger figure is read at a smaller scale."""
_NONE = 0.7
"""Probability of "no letter" from which on a spot is none."""


@dataclass(frozen=True, slots=True)
class Token:
    """Something that stands alone and may be a label: what it may say, where and how it is written."""

    odds: tuple[float, ...]
    """Probability of each of ``KEYS``: letters without case, then digits."""
    upper: float
    """Above 0 where capitals are likelier; the logarithm of the odds."""
    suffix: str
    """A digit or a small Roman number behind the letter, or nothing."""
    box: PixelBox
    height: float
    """Of a capital in this size, in pixels."""
    bracket: bool
    """Written "(a)" or "a)"."""

    @property
    def confidence(self) -> float:
        """Of its likeliest reading."""
        return max(self.odds)

    @property
    def key(self) -> str:
        """Its likeliest reading, one of ``KEYS``."""
        return KEYS[self.odds.index(self.confidence)]


def printed(key: str, suffix: str, box: PixelBox, *, bracket: bool) -> Token:
    """The token of a label that is known as text: ``key``, a letter or a digit from 1, and what follows it."""
    odds = [0.0] * len(KEYS)
    odds[KEYS.index(key.lower())] = 0.99
    upper = 1.0 if key.isupper() else -1.0
    return Token(tuple(odds), upper, suffix, box, _CAPITAL * max(box[3] - box[1], 1), bracket)


def tokens_near(picture: NDArray[np.uint8], panels: Sequence[PixelBox]) -> list[Token]:
    """What may be a label in or near a corner of a panel, above or below it; the likeliest first.

    ``picture`` is (h, w) grey or (h, w, 3) RGB, ``panels`` are half-open pixel boxes.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, (_PIXELS / max(height * width, 1)) ** 0.5)
    if scale < 1:
        size = (max(1, int(width * scale)), max(1, int(height * scale)))
        # means of areas take eight times as long
        way = cv2.INTER_LINEAR if scale > 0.5 else cv2.INTER_AREA
        picture = cv2.resize(picture, size, interpolation=way).astype(np.uint8, copy=False)
    if min(picture.shape[:2]) < spots.LEAST:
        return []
    near = _near(picture.shape[:2], panels, scale)
    found: list[Token] = []
    for plane in _planes(picture, near):
        seen = spots.spots_of(plane, near)
        odds = classify(seen)
        for light in (True, False):
            side = np.flatnonzero((seen.bright == light) & (odds[:, -1] < _NONE))
            found.extend(_alone(seen.boxes[side], odds[side]))
    found.sort(key=lambda token: (-token.confidence, token.box))
    kept: list[Token] = []
    for token in found:
        if all(_shared(token.box, other.box) < 0.3 for other in kept):
            kept.append(token)
    return [_scaled(token, 1 / scale) for token in kept] if scale < 1 else kept


def _planes(picture: NDArray[np.uint8], near: NDArray[np.bool_]) -> Iterator[NDArray[np.uint8]]:
    """Grey, and how coloured each pixel is where a grey figure has a strong colour near: both (h, w)."""
    if picture.ndim == 2:
        yield picture
        return
    yield cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    red, green, blue = cv2.split(picture)
    most, least = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    chroma = cv2.subtract(most, least).astype(np.uint8, copy=False)
    if cv2.mean(chroma)[0] < 25 and np.count_nonzero((chroma > 110) & near) > 30:
        yield chroma


def _scaled(token: Token, by: float) -> Token:
    x0, y0, x1, y1 = (round(v * by) for v in token.box)
    return replace(token, box=(x0, y0, x1, y1), height=token.height * by)


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
    near = np.zeros(shape, bool)
    boxes = [[int(v * scale) for v in box] for box in panels]
    for x0, y0, x1, y1 in boxes:
        reach = max(60, int(0.15 * min(x1 - x0, y1 - y0)))
        near[max(0, y0 - reach) : max(0, y1 + reach), max(0, x0 - reach) : max(0, x1 + reach)] = True
    for x0, y0, x1, y1 in boxes:
        dx, dy = max(60, int(0.25 * (x1 - x0))), max(60, int(0.25 * (y1 - y0)))
        near[max(0, y0 + dy) : max(0, y1 - dy), max(0, x0) : max(0, x1)] = False
        near[max(0, y0) : max(0, y1), max(0, x0 + dx) : max(0, x1 - dx)] = False
    return near


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
    written_on = (spaced & (group[:, None] != group[None])).any(axis=0)
    tokens = []
    for name in np.unique(group):
        members = np.flatnonzero(group == name)
        if len(members) > _LONGEST or written_on[members].any():
            continue
        members = members[np.argsort(x0[members], kind="stable")]
        token = _parse(boxes[members], odds[members])
        if token is not None:
            tokens.append(token)
    return tokens


def _outermost(
    boxes: NDArray[np.int32], odds: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Without what lies inside another spot that is as clear a letter."""
    x0, y0, x1, y1 = (boxes[:, k] for k in range(4))
    inside = (x0[:, None] >= x0) & (y0[:, None] >= y0) & (x1[:, None] <= x1) & (y1[:, None] <= y1)
    clear = odds[:, :-1].max(axis=1)
    inside &= clear >= clear[:, None]
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
    short = 1.2 if KEYS[best] in _LOW and upper <= 0 else 0.85
    suffix = ""
    for k in range(first + 1, last):
        tall = float(heights[k]) / float(heights[first])
        low = boxes[k, 3] > boxes[first, 3] + 0.1 * heights[first] and tall < 0.95
        stem = said[k] in _STEMS + "j" or 5 * (boxes[k, 2] - boxes[k, 0]) < 2 * heights[k]
        if stem and (low or tall < short) and not suffix.isdigit():
            suffix += "i"
        elif said[k] in "vV" and (low or tall < short) and suffix in ("", "i"):
            suffix += "v"
        elif not suffix and not low and said[k] in "123456789ilI":
            suffix = said[k] if said[k].isdigit() else "1"
        else:
            return None
    if suffix and (KEYS[best].isdigit() or (suffix.isalpha() and suffix not in _ROMAN)):
        return None
    height = float(heights[first])
    if bracket:
        height = 0.8 * float(max(heights[0], heights[-1]))
    elif KEYS[best] in _LOW and upper <= 0:
        height *= 1.4
    box = (int(boxes[:, 0].min()), int(boxes[:, 1].min()), int(boxes[:, 2].max()), int(boxes[:, 3].max()))
    return Token(tuple(float(v) for v in folded), upper, suffix, box, height, bracket)


def _folded(odds: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Odds of ``KEYS`` and the logarithm of capital against small; look-alikes share theirs."""
    folded = np.concatenate([odds[:26] + odds[26:52], odds[53:62]])
    stems = float(sum(odds[CLASSES.index(c)] for c in _STEMS))
    for key in "il1":
        folded[KEYS.index(key)] = max(float(folded[KEYS.index(key)]), 0.8 * stems)
    folded[KEYS.index("o")] += odds[52]
    best = int(np.argmax(folded[:26]))
    upper = float(np.log((odds[26 + best] + 1e-3) / (odds[best] + 1e-3)))
    return folded, upper
