"""How the body crop does on a folder of slices, and contact sheets to look through.

    python -m benchmarks.body FOLDER_OR_IMAGE... [--sheet out.png [--per-sheet 20]] [--lungs]
                              [--every N [--from K]] [--sample N [--seed S]]

Every picture is given to `covidct_curate.originals.body.body_box` and timed. Printed: how many were cut,
left whole, not told; milliseconds; and how many of the crops another crop would change by more than 1 % of a
side. --sheet: shown with the body's hull in blue and its box in green (whole pictures: yellow); --lungs: the
lungs' box in red. Several sheets are numbered: out.png, out-2.png, …
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from covidct_curate.originals.body import body_box, body_hull
from covidct_curate.originals.lungs import lung_box

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}
GREEN, YELLOW, RED, BLUE = (0, 230, 0), (0, 230, 230), (40, 40, 255), (255, 130, 0)
CELL, COLUMNS = 380, 5


def pictures(paths: list[Path]) -> list[Path]:
    """The picture files at the paths, by name."""
    found = [p for path in paths for p in (path.iterdir() if path.is_dir() else [path])]
    return sorted(p for p in found if p.suffix.lower() in SUFFIXES)


def cell(picture: Pixels, number: int, lungs: bool) -> Pixels:
    """The picture with its boxes drawn on it, on a square of the sheet."""
    height, width = picture.shape
    scale = (CELL - 24) / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shown = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)
    out = np.full((CELL, CELL, 3), (70, 50, 0), np.uint8)
    out[8 : 8 + size[1], 8 : 8 + size[0]] = shown
    hull = cv2.resize(body_hull(picture).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    outlines, _ = cv2.findContours(hull, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(out, outlines, -1, BLUE, 1, offset=(8, 8))
    boxes = [(body_box(picture), GREEN)] + ([(lung_box(picture), RED)] if lungs else [])
    for box, colour in boxes:
        if box is not None:
            corners = [round(v * scale) + 8 for v in box]
            tint = YELLOW if box == (0, 0, width, height) else colour
            cv2.rectangle(out, (corners[0], corners[1]), (corners[2] - 1, corners[3] - 1), tint, 1)
    told = "" if boxes[0][0] else " none"
    cv2.putText(out, f"{number}{told}", (10, CELL - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.45, YELLOW, 1)
    return out


def moved(picture: Pixels, box: Box) -> bool:
    """Would cropping the crop move an edge by more than 1 % of its side?"""
    crop = np.ascontiguousarray(picture[box[1] : box[3], box[0] : box[2]])
    again = body_box(crop) or (0, 0, 0, 0)
    height, width = crop.shape
    across, down = max(again[0], width - again[2]), max(again[1], height - again[3])
    return bool(across > max(1, 0.01 * width) or down > max(1, 0.01 * height))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--per-sheet", type=int, default=20)
    parser.add_argument("--lungs", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    files = pictures(options.paths)[options.first :: options.every]
    if options.sample:
        files = sorted(random.Random(options.seed).sample(files, min(options.sample, len(files))))
    cells: list[Pixels] = []
    spent: list[float] = []
    cut = whole = unstable = 0
    for number, file in enumerate(files):
        picture = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            print(f"{file.name}: no picture")
            continue
        grey = np.asarray(picture, np.uint8)
        start = time.perf_counter()
        box = body_box(grey)
        spent.append(1000 * (time.perf_counter() - start))
        if box is not None:
            unchanged = box == (0, 0, grey.shape[1], grey.shape[0])
            whole, cut = whole + unchanged, cut + (not unchanged)
            if moved(grey, box):
                unstable += 1
                print(f"{number} {file.name}: cropped again, an edge moves by more than 1 %")
        if options.sheet:
            cells.append(cell(grey, number, options.lungs))
    if not spent:
        parser.error("no pictures there")
    for start_at in range(0, len(cells), options.per_sheet):
        page = cells[start_at : start_at + options.per_sheet]
        page += [np.zeros((CELL, CELL, 3), np.uint8)] * (-len(page) % COLUMNS)
        rows = [np.hstack(page[k : k + COLUMNS]) for k in range(0, len(page), COLUMNS)]
        tail = "" if not start_at else f"-{start_at // options.per_sheet + 1}"
        cv2.imwrite(str(options.sheet.with_stem(options.sheet.stem + tail)), np.vstack(rows))
    print(f"{len(spent)} pictures: {cut} cut, {whole} left whole, {len(spent) - cut - whole} not told")
    print(f"{unstable} crops move when cropped again")
    print(f"{statistics.median(spent):.1f} ms a picture (median), {max(spent):.1f} at most")


if __name__ == "__main__":
    main()
