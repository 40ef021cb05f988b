"""A first look at pixels alone: radiology, photo or graphic, and whether a panel looks like CT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.records import Kind, PixelBox

Modality = Literal["ct", "other", "unknown"]
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

CLASSES = ("ct", "mri", "xray", "ultrasound", "nuclear", "photo", "graphic")
"""What the trees tell apart: the first five are radiology, X-ray includes angiography, nuclear all colour scans."""
SIDE = 256
LEAST = 16
"""Pictures shorter or narrower than this are not judged."""
SURE = 0.6
SURE_CT, NO_CT = 0.5, 0.2
WEIGHTS = Path(__file__).with_suffix(".npz")


def _thumbnail(picture: Pixels) -> Pixels:
    """The picture at most SIDE pixels long."""
    height, width = picture.shape[:2]
    stride = max(1, max(height, width) // (4 * SIDE))
    part = picture[::stride, ::stride]
    step = -(-max(part.shape[:2]) // SIDE)
    high, wide = max(1, part.shape[0] // step), max(1, part.shape[1] // step)
    part = np.ascontiguousarray(part[: high * step, : wide * step])
    if step == 1:
        return part
    return cv2.resize(part, (wide, high), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _trimmed(thumb: Pixels) -> Pixels:
    """The thumbnail without white edges: the page around a panel says nothing of the panel."""
    ink = (cv2.cvtColor(thumb, cv2.COLOR_RGB2GRAY) < 240).view(np.uint8)
    across = cv2.reduce(ink, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    down = cv2.reduce(ink, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    rows, columns = np.flatnonzero(across > 0.04 * ink.shape[1]), np.flatnonzero(down > 0.04 * ink.shape[0])
    if len(rows) < LEAST or len(columns) < LEAST:
        return thumb
    return thumb[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _share(mask: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(mask)) / mask.size


def _colour(thumb: Pixels) -> list[float]:
    small = cv2.resize(thumb, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    chroma = small.max(axis=2) - small.min(axis=2)
    light = small.mean(axis=2)
    level = np.minimum(light / 16, 15).astype(np.intp).ravel()
    count = np.bincount(level, minlength=16)
    left = 0.0  # colour that the grey level does not explain: none in a tinted scan, much in a photo
    for channel in (0, 2):
        offset = (small[..., channel] - small[..., 1]).ravel()
        mean = np.bincount(level, offset, 16) / np.maximum(count, 1)
        left += float(np.sqrt(np.mean((offset - mean[level]) ** 2)))
    coloured = chroma > 40
    hue = cv2.cvtColor(np.clip(small, 0, 255).astype(np.uint8), cv2.COLOR_RGB2HSV)[..., 0]
    wheel = np.bincount(hue[coloured] // 15, minlength=12).astype(np.float64)
    wheel /= max(wheel.sum(), 1.0)
    warm = float(wheel[[0, 10, 11]].sum())
    return [
        _share(chroma > 15),
        _share(coloured),
        _share(chroma > 90),
        float(chroma.mean()) / 64,
        left / 32,
        float(-(wheel * np.log(wheel + 1e-9)).sum()),
        warm * float(coloured.any()),
        float(wheel[[1, 2]].sum()),
        _share(coloured & (light < 60)),
    ]


def _flatness(picture: Pixels, grey: Pixels) -> list[float]:
    height, width = picture.shape[:2]
    step = max(1, int(np.sqrt(height * width / 16384)))
    here = picture[:-1:step, :-1:step, 1].astype(np.int16)
    across = np.abs(picture[:-1:step, 1::step, 1].astype(np.int16) - here)
    down = np.abs(picture[1::step, :-1:step, 1].astype(np.int16) - here)
    change = np.maximum(across, down)
    inner = (here > 20) & (here < 235)
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64) / grey.size
    bins = counts.reshape(64, 4).sum(axis=1)
    top = np.sort(bins)[::-1]
    return [
        _share(change <= 1),
        _share((change > 1) & (change <= 8)),
        _share((change > 8) & (change <= 32)),
        _share(change > 80),
        _share(inner),
        _share(inner & (change <= 1)),
        _share(inner & (change > 1)),
        float(counts[250:].sum()),
        float(counts[:10].sum()),
        float(counts[10:40].sum()),
        float(counts[200:250].sum()),
        float(top[0]),
        float(top[:3].sum()),
        float(np.count_nonzero(bins > 0.002)) / 64,
        float(-(bins * np.log(bins + 1e-9)).sum()),
    ]


def _blocks(grey: Pixels) -> list[float]:
    """Shares of 8 x 8 blocks that are blank white, flat, line art on a flat ground, or continuous tone."""
    height, width = (max(8, n // 8 * 8) for n in grey.shape)
    if grey.shape != (height, width):
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
    tiles = grey.reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2).reshape(-1, 64)
    tiles = np.sort(tiles, axis=1).astype(np.int16)
    low, middle, high = tiles[:, 3], tiles[:, 32], tiles[:, 60]
    spread = high - low
    flat = spread <= 4
    ground = np.minimum(tiles[:, 60] - tiles[:, 30], tiles[:, 34] - tiles[:, 4])  # half the block alike
    lines = ~flat & (spread > 40) & (ground <= 6)
    tone = ~flat & ~lines
    used = tiles[~flat]
    return [
        _share(flat & (middle > 245)),
        _share(flat & (middle < 12)),
        _share(flat & (middle >= 12) & (middle <= 245)),
        _share(lines & (high > 240)),
        _share(lines & (high <= 240)),
        _share(tone),
        _share(tone & (high > 245)),
        _share(tone & (spread <= 24)),
        _share(tone & (spread > 100)),
        float(np.median(used[:, 60] - used[:, 3])) / 128 if len(used) else 0.0,
    ]


def _profile(grey: Pixels) -> list[float]:
    """How long straight lines run and how busy rows and columns are."""
    edge = cv2.Laplacian(grey, cv2.CV_16S, ksize=1)
    strong = np.abs(edge) > 60
    rows, columns = strong.mean(axis=1), strong.mean(axis=0)
    detail = cv2.absdiff(grey, cv2.GaussianBlur(grey, (9, 9), 2.0))
    return [
        _share(strong),
        float(rows.max()),
        float(columns.max()),
        _share(rows < 0.01),
        _share(columns < 0.01),
        float(np.median(detail)) / 16,
        float(np.percentile(detail, 90)) / 32,
        float(detail.mean()) / 16,
    ]


def _anatomy(grey: Pixels) -> list[float]:
    """What sets a slice through a body apart: dark surround, filled outline, air, soft tissue, bone."""
    scale = 128 / max(grey.shape)
    size = (max(8, round(grey.shape[1] * scale)), max(8, round(grey.shape[0] * scale)))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    smooth = cv2.GaussianBlur(small, (3, 3), 0)
    frame = np.concatenate([smooth[0], smooth[-1], smooth[:, 0], smooth[:, -1]])
    corner = max(2, min(size) // 10)
    corners = [
        float(np.median(smooth[rows, columns]))
        for rows in (slice(0, corner), slice(-corner, None))
        for columns in (slice(0, corner), slice(-corner, None))
    ]
    dark = (smooth < 32).astype(np.uint8)
    _, label = cv2.connectedComponents(dark, connectivity=4)
    rim = np.unique(np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]]))
    around = np.isin(label, rim[rim > 0])
    count, parts, stats, _ = cv2.connectedComponentsWithStats((~around).astype(np.uint8), connectivity=4)
    total = float(small.size)
    if count > 1:
        body_index = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        body = parts == body_index
        x, y, w, h, area = (int(v) for v in stats[body_index])
    else:
        body, (x, y, w, h, area) = np.ones_like(around), (0, 0, small.shape[1], small.shape[0], small.size)
    inside = small[body]
    q = np.percentile(inside, (2, 10, 25, 50, 75, 90, 98)).astype(np.float64)
    counts = np.bincount(inside, minlength=256).astype(np.float64) / len(inside)
    wide = np.convolve(counts, np.ones(17), "same")
    peak = int(np.argmax(wide))
    rest = wide.copy()
    rest[max(0, peak - 40) : peak + 41] = 0
    second = int(np.argmax(rest))
    upper = np.convolve(counts[90:235], np.ones(25), "same")
    crop = small[y : y + h, x : x + w].astype(np.float32)
    square = cv2.resize(crop, (24, 24), interpolation=cv2.INTER_AREA)
    mirror = square[:, ::-1]
    spread = float(square.std())
    symmetry = float(((square - square.mean()) * (mirror - square.mean())).mean()) / (spread**2 + 1)
    yy, xx = np.mgrid[-1:1:24j, -1:1:24j]
    ring = np.sqrt(yy**2 + xx**2)
    rings = [float(square[(ring >= a) & (ring < b)].mean()) / 255 for a, b in _RINGS]
    thirds = [float(v) / 255 for v in square[4:20].reshape(16, 4, 6).mean(axis=(0, 2))]
    storeys = [float(v) / 255 for v in square[:, 4:20].reshape(4, 6, 16).mean(axis=(1, 2))]
    gradient = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    texture = gradient[body]
    bone = (small > 225) & body
    ellipse = _share(ring <= 1.0)
    filled = cv2.resize(body[y : y + h, x : x + w].astype(np.uint8), (24, 24)) > 0
    round_ = _share(filled == (ring <= 1.0)) if ellipse else 0.0
    air = (small < 50) & body
    return [
        _share(frame < 25),
        _share(frame > 225),
        float(frame.std()) / 128,
        min(corners) / 255,
        float(np.median(corners)) / 255,
        max(corners) / 255,
        float(np.count_nonzero(around)) / total,
        area / total,
        area / max(1, w * h),
        np.log(max(w, 1) / max(h, 1)),
        np.log(size[0] / size[1]),
        round_,
        *(q / 255),
        peak / 255,
        float(wide[peak]),
        second / 255,
        float(wide[second]) if rest.any() else 0.0,
        float(upper.max()),
        (90 + int(np.argmax(upper))) / 255,
        float(np.count_nonzero(bone)) / max(area, 1),
        float(np.count_nonzero(air)) / max(area, 1),
        float(counts[60:100].sum()),
        float(counts[100:170].sum()),
        symmetry,
        spread / 128,
        *rings,
        *thirds,
        *storeys,
        float(np.median(texture)) / 64,
        float(np.percentile(texture, 90)) / 128,
        _share(texture > 100),
    ]


_RINGS = ((0.0, 0.3), (0.3, 0.55), (0.55, 0.75), (0.75, 0.92), (0.92, 1.1), (1.1, 1.5))


_COLOUR = "tinted coloured vivid chroma unexplained hues warm yellow dark_colour"
_FLAT = "alike slight moderate jumps inner inner_alike inner_varied white black dark light mode modes levels entropy"
_BLOCKS = "blank blank_black flat ink_on_white ink tone light_tone soft_tone hard_tone contrast"
_PROFILE = "edges busiest_row busiest_column quiet_rows quiet_columns detail fine_detail mean_detail"
_ANATOMY = (
    "frame_dark frame_white frame_spread corner_low corner corner_high surround body extent wide shape round "
    "q2 q10 q25 q50 q75 q90 q98 peak peak_share second second_share soft_share soft_grey bone air dim middle "
    "symmetry spread ring1 ring2 ring3 ring4 ring5 ring6 third1 third2 third3 third4 storey1 storey2 storey3 "
    "storey4 texture coarse sharp"
)
NAMES = tuple(f"{_COLOUR} {_FLAT} {_BLOCKS} {_PROFILE} {_ANATOMY}".split())
"""Names of the features, in order."""
_BLANK = NAMES.index("blank")


def features(picture: Pixels) -> Floats | None:
    """The look of an RGB picture as numbers, one for each of NAMES; None if too small or too even to tell."""
    if min(picture.shape[:2]) < LEAST:
        return None
    thumb = _thumbnail(picture)
    if int(np.ptp(thumb)) < 12:
        return None
    thumb = _trimmed(thumb)
    grey = cv2.cvtColor(thumb, cv2.COLOR_RGB2GRAY).astype(np.uint8)
    found = [*_colour(thumb), *_flatness(picture, grey), *_blocks(grey), *_profile(grey), *_anatomy(grey)]
    return np.asarray(found, np.float32)


@cache
def _weights() -> dict[str, NDArray[Any]]:
    with np.load(WEIGHTS) as stored:
        return dict(stored)


def _descend(x: Floats, feature: NDArray[Any], cut: NDArray[Any], leaf: NDArray[Any]) -> Floats:
    """Softmax of boosted trees: node k of a tree has the children 2k+1 and 2k+2, the leaves come last."""
    tree = np.arange(len(feature))
    node = np.zeros(len(feature), np.intp)
    while node[0] < feature.shape[1]:
        node = 2 * node + 1 + (x[feature[tree, node]] > cut[tree, node])
    score = leaf[tree, node - feature.shape[1]].astype(np.float32).sum(axis=0)
    power = np.exp(score - score.max())
    return np.asarray(power / power.sum(), np.float32)


def chances(x: Floats, weights: Mapping[str, NDArray[Any]]) -> Floats:
    """Probability of each of CLASSES, from features."""
    return _descend(x, weights["feature"], weights["cut"], weights["leaf"])


def chance_of_ct(x: Floats, weights: Mapping[str, NDArray[Any]]) -> float:
    """Probability that one panel is a CT slice: the mean of two opinions, trees for CT alone and all classes."""
    if x[_BLANK] > 0.4:
        return 0.0  # more white paper than any slice leaves bare
    alone = _descend(x, weights["ct_feature"], weights["ct_cut"], weights["ct_leaf"])
    return float(alone[0] + chances(x, weights)[0]) / 2


def look_from(x: Floats, weights: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    """Probability of each of CLASSES for one panel: of CT as `chance_of_ct` has it, the others in proportion."""
    ct, rest = chance_of_ct(x, weights), chances(x, weights)[1:]
    share = (1 - ct) / max(float(rest.sum()), 1e-9)
    return {"ct": ct, **{name: share * float(p) for name, p in zip(CLASSES[1:], rest, strict=True)}}


def kind_from(chance: NDArray[Any]) -> Kind:
    """The kind whose classes together are likely enough."""
    parts: dict[Kind, float] = {
        "radiology": float(chance[:-2].sum()),
        "photo": float(chance[-2]),
        "graphic": float(chance[-1]),
    }
    best = max(parts, key=lambda kind: parts[kind])
    return best if parts[best] >= SURE else "unknown"


def modality_from(ct: Sequence[float]) -> Modality:
    """What the panels' chances of being CT say of the figure."""
    if not ct:
        return "unknown"
    return "ct" if max(ct) > SURE_CT else "other" if max(ct) < NO_CT else "unknown"


def kind_of(picture: Pixels) -> Kind:
    """What an RGB picture (h, w, 3), a whole figure or one panel, looks like.

    Radiology is CT, MR, X-ray, ultrasound, nuclear and fused scans; photo any other continuous-tone picture;
    graphic plots, diagrams, tables, text; unknown what is mixed, tiny, of one colour or unclear.
    """
    x = features(picture)
    return "unknown" if x is None else kind_from(chances(x, _weights()))


def look_of(picture: Pixels) -> Mapping[str, float]:
    """What one panel, an RGB picture (h, w, 3), looks like: the probability of each of CLASSES; they sum to 1.

    Empty for a picture too small or too even to tell.
    """
    x = features(picture)
    return {} if x is None else look_from(x, _weights())


def modality_of(picture: Pixels, boxes: Sequence[PixelBox]) -> Modality:
    """Whether an RGB picture (h, w, 3) has a panel, among these boxes, that surely is a CT slice.

    Without boxes the whole picture is one panel. "other": no panel looks like CT; "unknown": between.
    """
    found = []
    for x0, y0, x1, y1 in boxes or [(0, 0, picture.shape[1], picture.shape[0])]:
        x = features(picture[max(0, y0) : y1, max(0, x0) : x1])
        if x is not None:
            found.append(chance_of_ct(x, _weights()))
    return modality_from(found)
