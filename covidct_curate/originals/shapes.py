"""Masks of shapes: opened, filled, sorted by size, bounded, and their convex hull."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.records import PixelBox

Mask = NDArray[np.uint8]
"""Height x width, 1 where it holds and 0 elsewhere."""


def solid(mask: Mask, share: float) -> Mask:
    """The mask opened: nothing of it that is thinner than a share of its shorter side is left."""
    width = max(3, round(share * min(mask.shape))) | 1
    reach = width // 2 + 1
    padded = cv2.copyMakeBorder(mask, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, kernel)
    return np.asarray(opened[reach:-reach, reach:-reach], np.uint8)


def joined(mask: Mask, share: float) -> Mask:
    """The mask closed: gaps in it that are thinner than a share of its shorter side are bridged."""
    width = max(3, round(share * min(mask.shape))) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel), np.uint8)


def filled(mask: Mask, share: float = 0) -> Mask:
    """The mask and what it encloses; only what is thicker than a share of the shorter side, if one is given."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(padded, None, (0, 0), 2, flags=4)
    holes = np.asarray(padded[1:-1, 1:-1] == 0, np.uint8)
    return np.asarray(mask | (solid(holes, share) if share else holes), np.uint8)


def large(mask: Mask, least: float) -> Mask:
    """The connected parts of at least so many pixels."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= least
    keep[0] = False
    return np.asarray(keep[parts], np.uint8)


def largest(mask: Mask) -> int:
    """Pixels of the largest connected part."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return int(stats[1:, cv2.CC_STAT_AREA].max(initial=0))


def bounds(mask: Mask) -> PixelBox:
    """The box of the mask, empty where the mask is."""
    x, y, width, height = cv2.boundingRect(mask)
    return x, y, x + width, y + height


def hull(mask: Mask) -> Mask:
    """1 inside the convex hull of the mask."""
    out = np.zeros_like(mask)
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size:
        first = mask[rows].argmax(axis=1)
        last = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
        ends = np.stack((np.concatenate((first, last)), np.concatenate((rows, rows))), axis=1)
        cv2.fillConvexPoly(out, cv2.convexHull(ends.astype(np.int32)), 1)
    return out
