"""What the panels of a figure are called: from the page's text, else from the pixels, else as the caption counts."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from covidct_curate.panels import naming, tokens
from covidct_curate.panels.tokens import Token
from covidct_curate.records import LabelSource, PixelBox

Label = tuple[str | None, LabelSource]

_LABEL = re.compile(r"([(\[]?)([A-Za-z]|[1-9])(i{1,3}|iv|v|[1-9])?([)\].:]?)(?=$|\s+\S)")
_ALPHABET = string.ascii_lowercase
_SURE = 0.8
"""Confidence from which on a letter read in pixels stands though the caption does not name it."""


def label_panels(
    picture: NDArray[np.uint8],
    boxes: Sequence[PixelBox],
    lettering: Sequence[tuple[str, PixelBox]],
    announced: Sequence[str],
) -> tuple[Label, ...]:
    """The label of each panel as printed, and where it was read.

    ``picture`` is (h, w, 3) RGB, ``boxes`` its panels in reading order, ``lettering`` the page's short texts
    in its pixels (they may lie outside), ``announced`` the labels the caption names, in order. A panel
    without a readable label has None; letters alone never make a panel.
    """
    named = {label.casefold() for label in announced}
    read: list[Label] = [
        (letter.text, "text") if letter else (None, "")
        for letter in naming.assign(list(_tokens(lettering, named)), boxes)
    ]
    if any(label is None for label, _ in read):
        seen: list[Label] = [
            (letter.text, "pixels")
            if letter and (not named or letter.text.casefold() in named or letter.confidence >= _SURE)
            else (None, "")
            for letter in naming.read_labels(picture, boxes)
        ]
        if _count(seen) > _count(read):
            read = seen
    return tuple(_counted(read, announced))


def printed(lettering: Sequence[tuple[str, PixelBox]]) -> tuple[str, ...]:
    """The labels in brackets among a figure's texts, in small letters, where they count from a; else none."""
    found = sorted({token.key for token in _tokens(lettering, set()) if token.bracket and not token.suffix})
    return tuple(found) if len(found) > 1 and "".join(found) == _ALPHABET[: len(found)] else ()


def _tokens(lettering: Sequence[tuple[str, PixelBox]], named: set[str]) -> Iterator[Token]:
    """The texts that may be labels; where the caption names labels, only those."""
    for text, (x0, y0, x1, y1) in lettering:
        found = _LABEL.match(text)
        if found is None:
            continue
        opened, key, suffix, closed = found.groups(default="")
        alone = found.end() == len(text)
        if not alone and not (opened and closed):
            continue
        if named and key.casefold() + suffix not in named and key.casefold() not in named:
            continue
        right = x1 if alone else x0 + round((x1 - x0) * found.end() / len(text))
        yield tokens.printed(key, suffix, (x0, y0, max(right, x0 + 1), y1), bracket=closed in (")", "]"))


def _count(labels: Sequence[Label]) -> int:
    return sum(label is not None for label, _ in labels)


def _counted(read: list[Label], announced: Sequence[str]) -> Iterator[Label]:
    """Labels that could not be read, as the caption counts them where it names as many as there are panels."""
    agree = len(announced) == len(read) > 1 and all(
        label is None or label.casefold() == told.casefold()
        for (label, _), told in zip(read, announced, strict=True)
    )
    for index, each in enumerate(read):
        yield (announced[index], "caption") if agree and each[0] is None else each
