"""What a spot of a picture says: a letter, a digit, a bracket or nothing.

A network of one hidden layer; its weights lie beside it in ``glyphs.npz``, with the number of fonts whose letters
it learned, the SHA-256 of their names and the seed (``benchmarks/glyphs.py`` trains it).
"""

from __future__ import annotations

import functools
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from covidct_curate.panels.spots import PATCH, Spots

CLASSES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789()"
"""What a spot may say; one more class says "no letter"."""


@functools.cache
def _weights() -> dict[str, NDArray[np.float32]]:
    with resources.files(__package__).joinpath("glyphs.npz").open("rb") as file, np.load(file) as stored:
        return {name: stored[name].astype(np.float32) for name in ("w1", "b1", "w2", "b2")}


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
