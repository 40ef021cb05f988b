"""COCO: figures as whole pictures, with a box for each of their panels in the release."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from covidct_curate.audit.subject import PARTS
from covidct_curate.licences import known
from covidct_curate.panels.loose import read_pixels
from covidct_curate.png import write_png
from covidct_curate.records import PixelBox
from covidct_curate.release.formats.rows import (
    accompany,
    base,
    named_apart,
    ordered,
    place,
    whole,
    write_json,
)
from covidct_curate.release.item import About, Item


@dataclass(frozen=True, slots=True)
class _Shown:
    """One picture of the format, and the panels marked in it."""

    name: str
    source: Path
    """A figure's picture in the workspace, or a panel's in the release."""
    is_figure: bool
    items: tuple[Item, ...]


def write(items: Sequence[Item], folder: Path, about: About, release: Path) -> None:
    """Write ``images/`` and ``annotations/{train,val,test}.json``.

    A figure is shown whole only where all its items are ``figure_shared`` and in one part of the split, and its boxes
    are known; else each of its panels is a picture by itself, with a box around the whole. Categories: 1 the disease,
    2 the other class. Figures are 8-bit grey. A figure's panels that are not in the release have no box. Raises
    `PictureError` when a figure's picture cannot be read, OSError when a file cannot be written.
    """
    accompany(folder, release, about)
    (folder / "images").mkdir()
    (folder / "annotations").mkdir()
    shown = _shown(ordered(items), release)
    names = named_apart(each.name for each in shown)
    licences = {item.origin.licence or "" for each in shown for item in each.items}
    numbers = {licence: number for number, licence in enumerate(sorted(licences), 1)}
    pictures: dict[str, list[dict[str, Any]]] = {part: [] for part in PARTS}
    boxes: dict[str, list[dict[str, Any]]] = {part: [] for part in PARTS}
    marked = 0
    for number, (each, name) in enumerate(zip(shown, names, strict=True), 1):
        first = each.items[0]
        width, height = _put(each, folder / "images" / name)
        pictures[first.part].append(
            {
                "id": number,
                "file_name": name,
                "width": width,
                "height": height,
                "license": numbers[first.origin.licence or ""],
                "doi": first.origin.doi or "",
                "figure_label": whole(first.origin.figure_label or ""),
                "caption": whole(first.caption),
            }
        )
        for item in each.items:
            marked += 1
            box = item.origin.box if each.is_figure and item.origin.box else (0, 0, width, height)
            boxes[first.part].append(_box(marked, number, item, _within(box, width, height)))
    for part in PARTS:
        told = {
            "info": {
                "description": whole(about.description),
                "version": about.version,
                "url": about.url,
                "contributor": whole(about.creator),
                "date_created": about.decided_at[:10],
            },
            "licenses": [
                {
                    "id": number,
                    "name": licence.name if licence else text,
                    "url": licence.url if licence else "",
                }
                for text, number in numbers.items()
                for licence in [known(text)]
            ],
            "categories": [
                {"id": 1, "name": about.positive, "supercategory": "finding"},
                {"id": 2, "name": about.negative, "supercategory": "finding"},
            ],
            "images": pictures[part],
            "annotations": boxes[part],
        }
        write_json(told, folder / "annotations" / f"{part}.json")


def _shown(items: Sequence[Item], release: Path) -> list[_Shown]:
    """The pictures, in the order of their first items."""
    figures: dict[tuple[str, Path], list[Item]] = defaultdict(list)
    for item in items:
        if item.figure_picture is not None:
            figures[item.figure_uid, item.figure_picture].append(item)
    found: list[_Shown] = []
    done: set[tuple[str, Path]] = set()
    for item in items:
        key = (item.figure_uid, item.figure_picture) if item.figure_picture is not None else None
        if key is None or not _may_be_whole(figures[key]):
            found.append(_Shown(base(item), release / item.file_name, False, (item,)))
        elif key not in done:
            done.add(key)
            name = f"{PurePosixPath(key[1].name).stem}.png"
            found.append(_Shown(name, key[1], True, tuple(figures[key])))
    return found


def _may_be_whole(items: Sequence[Item]) -> bool:
    alone = len(items) == 1
    return (
        all(item.figure_shared and (item.origin.box is not None or alone) for item in items)
        and len({item.part for item in items}) == 1
    )


def _put(shown: _Shown, path: Path) -> tuple[int, int]:
    """Put the picture in place; give its width and height."""
    if not shown.is_figure:
        place(shown.source, path)
        return shown.items[0].size
    pixels = read_pixels(shown.source)
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    write_png(grey.astype(np.uint8), path)
    return int(grey.shape[1]), int(grey.shape[0])


def _within(box: PixelBox, width: int, height: int) -> PixelBox:
    """The part of a box that lies in the picture."""
    x0, y0, x1, y1 = box
    return max(0, x0), max(0, y0), min(width, x1), min(height, y1)


def _box(number: int, picture: int, item: Item, box: PixelBox) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    return {
        "id": number,
        "image_id": picture,
        "category_id": 1 if item.positive else 2,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0),
        "segmentation": [],
        "iscrowd": 0,
        "panel": whole(item.origin.panel or ""),
        "uid": item.uid,
        "file_name": item.file_name,
    }
