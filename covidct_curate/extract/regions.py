"""Clusters: where on a page something is drawn that may be a figure or a part of one.

Images, drawings and the short texts that belong to them are painted on a coarse grid, grown by a little,
cut where prose or a caption stands, and read back as connected components. So 3,000 strips cost as much
as one picture.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt
import pymupdf

from covidct_curate.extract.page import Drawing, Line, Page, Placement, covers
from covidct_curate.extract.text import Style, clean, font_family, union
from covidct_curate.records import Box

Grid = npt.NDArray[np.uint8]
Parts = npt.NDArray[np.int32]

_CELL = 2.0
_GRID = 1500
"""Most cells a side: a page of 200 inches gets coarser cells, not a larger grid."""
_GROW = 4.0
"""Points by which marks are grown: two closer than twice this are one cluster."""
_THIN = 2.5
_SCAN_GAP = 60.0
"""Points between two lines of a scanned page that may hold a picture."""
_INKED = 4000
"""Most pixels a side of a page looked at for what is not blank."""


@dataclass(slots=True)
class Cluster:
    """Marks that belong together, before any caption is asked."""

    page: int
    bbox: Box
    placements: list[Placement] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    ruled: bool = False
    """Nothing but straight rules and cells: a table, a fraction, a separator."""
    scan: bool = False
    """Cut out of a scanned page by its text: a picture only if a caption takes it."""

    @property
    def area(self) -> float:
        """Square points of the box."""
        return (self.bbox[2] - self.bbox[0]) * (self.bbox[3] - self.bbox[1])


def find_prose(page: Page, body: Style) -> list[Line]:
    """Lines of running text, which no figure reaches across.

    A line in the body's type is told by its words; one in another type only with a like one over or under
    it, for figures hold such lines too. A line with wide gaps is a row of labels or of a table.
    """
    prose, other = [], []
    for line in page.lines:
        words = len(re.findall(r"[A-Za-z]{2,}", clean(line.text)))
        wide = line.bbox[2] - line.bbox[0]
        if not line.upright or words < 4 or _widest_gap(line) > 1.6 * line.lead.size:
            continue
        if font_family(line.lead.font) == body.font and abs(line.lead.size - body.size) < 0.8:
            if wide > 0.2 * page.width:
                prose.append(line)
        elif words >= 8 and wide > 0.3 * page.width:
            other.append(line)
    for line in other:
        if any(
            abs(line.lead.size - near.lead.size) < 0.5
            and abs(line.bbox[0] - near.bbox[0]) < 4
            and 0 < abs(line.baseline - near.baseline) < 3 * line.lead.size
            for near in other
        ):
            prose.append(line)
    return prose


def _widest_gap(line: Line) -> float:
    spans = sorted((span for span in line.spans if span.text.strip()), key=lambda span: span.bbox[0])
    return max((b.bbox[0] - a.bbox[2] for a, b in itertools.pairwise(spans)), default=0.0)


def find_clusters(page: Page, barriers: Sequence[Line], prose: Sequence[Line]) -> list[Cluster]:
    """Clusters of a page, largest first. ``barriers`` are its caption lines."""
    walls = {id(line) for line in barriers} | {id(line) for line in prose}
    under = _underlines(page.drawings, page.lines)
    drawings = [d for d in page.drawings if d.order not in under and not _is_sheet(d, page)]
    placements = [p for p in page.placements if max(_size(p.bbox)) > 0.5]
    scans = [p for p in placements if covers(p, page.width, page.height)]
    texts = [line for line in page.lines if line.upright and any(_inside(line.bbox, p.bbox) for p in scans)]
    if scans and texts and (barriers or len(texts) > 4):
        return _scan_gaps(page, scans[0], texts)
    labels = [line for line in page.lines if id(line) not in walls]
    if not drawings and not placements:
        return []
    cell = max(_CELL, max(page.width, page.height) / _GRID)
    shape = (int(page.height / cell) + 2, int(page.width / cell) + 2)
    grid: Grid = np.zeros(shape, np.uint8)
    for box in [p.bbox for p in placements] + [d.bbox for d in drawings]:
        _paint(grid, box, cell, 1)
    kernel = np.ones((2 * round(_GROW / cell) + 1,) * 2, np.uint8)
    grid = cv2.dilate(grid, kernel).astype(np.uint8)
    for line in labels:
        _paint(grid, line.bbox, cell, 1)
    for line in (*barriers, *prose):
        if not any(_inside(line.bbox, p.bbox) for p in placements):
            _paint(grid, line.bbox, cell, 0)
    count, found_parts = cv2.connectedComponents(grid, connectivity=4)
    parts: Parts = found_parts.astype(np.int32, copy=False)
    clusters = [Cluster(page.number, (0.0, 0.0, 0.0, 0.0)) for _ in range(count)]
    for placement in placements:
        clusters[_part(parts, placement.bbox, cell)].placements.append(placement)
    for drawing in drawings:
        clusters[_part(parts, drawing.bbox, cell)].drawings.append(drawing)
    for line in labels:
        clusters[_part(parts, line.bbox, cell)].lines.append(line)
    found = []
    for cluster in clusters[1:]:
        if cluster.placements or cluster.drawings:
            marks = union([p.bbox for p in cluster.placements] + [d.bbox for d in cluster.drawings])
            cluster.lines = [line for line in cluster.lines if _belongs(line, marks)]
            cluster.bbox = union([marks, *(line.bbox for line in cluster.lines)])
            cluster.ruled = _is_ruled(cluster)
            found.append(cluster)
    return sorted(found, key=lambda cluster: -cluster.area)


def _scan_gaps(page: Page, scan: Placement, texts: Sequence[Line]) -> list[Cluster]:
    """On a scanned page, what lies between its lines of text: pictures, where a caption says so."""
    left, right = min(line.bbox[0] for line in texts), max(line.bbox[2] for line in texts)
    found, top = [], max(scan.bbox[1], 0.05 * page.height)
    for low, high in [*sorted((line.bbox[1], line.bbox[3]) for line in texts), (scan.bbox[3], scan.bbox[3])]:
        if low - top > _SCAN_GAP:
            box = _inked(page, (left, top + 2, right, low - 2))
            if box is not None:
                found.append(Cluster(page.number, box, [replace(scan, bbox=box)], scan=True))
        top = max(top, high)
    return found


def _inked(page: Page, box: Box) -> Box | None:
    """What of ``box`` is not blank, None when all is. Looked at in 72 dpi, a huge page in fewer."""
    scale = min(1.0, _INKED / max(page.width, page.height))
    whole, clip = pymupdf.Matrix(scale, scale), [v * scale for v in box]
    grey = page.display.get_pixmap(whole, colorspace=pymupdf.csGRAY, alpha=0, clip=clip)
    pixels = np.frombuffer(grey.samples, np.uint8).reshape(grey.height, grey.stride)[:, : grey.width]
    rows, columns = np.nonzero((pixels < 230).sum(1) > 2)[0], np.nonzero((pixels < 230).sum(0) > 2)[0]
    if min(rows.size, columns.size) < _SCAN_GAP / 2 * scale:
        return None
    x0, y0 = float(grey.x), float(grey.y)
    found = x0 + columns[0], y0 + rows[0], x0 + columns[-1] + 1.0, y0 + rows[-1] + 1.0
    return found[0] / scale, found[1] / scale, found[2] / scale, found[3] / scale


def _belongs(line: Line, marks: Box) -> bool:
    """Beside the marks, or over or under their middle: a label, not the heading of what comes."""
    x0, y0, x1, y1 = line.bbox
    return (y0 < marks[3] and y1 > marks[1]) or marks[0] <= (x0 + x1) / 2 <= marks[2]


def _size(box: Box) -> tuple[float, float]:
    return box[2] - box[0], box[3] - box[1]


def _cells(shape: tuple[int, ...], box: Box, cell: float) -> tuple[int, int, int, int]:
    """A box in cells of a grid: lines of text may run off the page."""
    x0, y0, x1, y1 = (int(min(max(v / cell, 0), shape[1 - axis % 2] - 1)) for axis, v in enumerate(box))
    return x0, y0, x1, y1


def _paint(grid: Grid, box: Box, cell: float, value: int) -> None:
    x0, y0, x1, y1 = _cells(grid.shape, box, cell)
    grid[y0 : y1 + 1, x0 : x1 + 1] = value


def _part(parts: Parts, box: Box, cell: float) -> int:
    """The component most of a box lies in, 0 when it was painted over."""
    x0, y0, x1, y1 = _cells(parts.shape, box, cell)
    middle = int(parts[(y0 + y1) // 2, (x0 + x1) // 2])
    if middle:
        return middle
    inside = parts[y0 : y1 + 1, x0 : x1 + 1].ravel()
    inside = inside[inside > 0]
    return int(np.bincount(inside).argmax()) if inside.size else 0


def _is_sheet(drawing: Drawing, page: Page) -> bool:
    """White ground, or a box as large as the page."""
    width, height = _size(drawing.bbox)
    return drawing.white or width * height > 0.85 * page.width * page.height


def _underlines(drawings: Sequence[Drawing], lines: Sequence[Line]) -> set[int]:
    """Orders of drawings that are a rule under a word, or a ground colour behind a line of text."""
    levels: defaultdict[int, list[Line]] = defaultdict(list)
    for line in lines:
        if len(line.text.strip()) > 1:
            for level in range(int(line.bbox[1] // 32) - 1, int(line.bbox[3] // 32) + 2):
                levels[level].append(line)
    return {
        drawing.order
        for drawing in drawings
        if drawing.bbox[3] - drawing.bbox[1] <= 30
        and any(_underlines_line(drawing, line) for line in levels[int(drawing.bbox[1] // 32)])
    }


def _underlines_line(drawing: Drawing, line: Line) -> bool:
    x0, y0, x1, y1 = drawing.bbox
    lx0, ly0, lx1, ly1 = line.bbox
    if y1 - y0 < _THIN:
        under = ly0 < y0 and abs(y1 - line.baseline) < 0.35 * (ly1 - ly0)
        return under and lx0 - 3 <= x0 and x1 <= lx1 + 3
    behind = ly0 - 6 <= y0 and y1 <= ly1 + 6 and lx0 - 6 <= x0 and x1 <= lx1 + 6
    return drawing.kind == "fill" and behind and len(re.findall(r"[A-Za-z]{2,}", line.text)) >= 4


def _inside(inner: Box, outer: Box) -> bool:
    return (
        outer[0] - 1 <= inner[0]
        and outer[1] - 1 <= inner[1]
        and inner[2] <= outer[2] + 1
        and inner[3] <= outer[3] + 1
    )


def _is_ruled(cluster: Cluster) -> bool:
    if cluster.placements:
        return False
    shapes = [d for d in cluster.drawings if min(_size(d.bbox)) > _THIN]
    if len(shapes) <= 0.1 * len(cluster.drawings):
        return True
    cells = sum(
        d.kind == "fill" and any(_inside(line.bbox, d.bbox) for line in cluster.lines) for d in shapes
    )
    return len(shapes) - cells <= 0.1 * len(cluster.drawings)


def is_small(cluster: Cluster, page: Page) -> bool:
    """Too small to be a figure by itself: an icon, a badge, a mark in the text."""
    width, height = _size(cluster.bbox)
    return width < 40 or height < 30 or width * height < 0.008 * page.width * page.height


def is_picture(cluster: Cluster, page: Page, first: bool) -> bool:
    """Enough of a picture to be kept without any caption.

    Logos, licence badges, boxes around text and the ornaments of a title page are not: an image must take a
    twentieth of the page (a sixth of a paper's first), drawings besides must be many, not ruled, and hold
    little text.
    """
    if cluster.scan:
        return False
    whole = page.width * page.height
    least = whole * (0.07 if first else 0.05)
    images = [p for p in cluster.placements if min(_size(p.bbox)) > 1]
    if images:
        width, height = _size(union(p.bbox for p in images))
        if (
            width * height >= least
            and sum(_size(p.bbox)[0] * _size(p.bbox)[1] for p in images) >= 0.5 * least
        ):
            return True
    if cluster.ruled or cluster.area < least or len(cluster.drawings) < 20:
        return False
    text = sum(
        _size(line.bbox)[0] * _size(line.bbox)[1] for line in page.lines if _inside(line.bbox, cluster.bbox)
    )
    return text < 0.25 * cluster.area
