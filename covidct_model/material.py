"""The folder a setting of a study is trained on: laid out as a release, all pictures in one view, 8-bit grey PNG."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from covidct_curate.audit.duplicates import in_grey
from covidct_curate.audit.subject import PARTS
from covidct_curate.errors import PictureError
from covidct_curate.panels.loose import read_pixels
from covidct_curate.png import write_png
from covidct_model.errors import DataError, RunError
from covidct_model.sources import Roots, Source, of
from covidct_model.view import Grey, turned, viewed

_ABOUT = "material.json"
_VERSION = 1
"""Of the view and the layout; another one is built anew."""
_FOLDERS = {True: "CT_COVID", False: "CT_NonCOVID"}
_UNSAFE = re.compile(r"[^\w.%+-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Material:
    """A folder that was built."""

    folder: Path
    counts: Mapping[str, Mapping[str, int]]
    """Part → ``positive``, ``negative``, ``patients`` (that are known), ``masks``."""
    left_out: Mapping[str, int]
    """Dataset → slices in which both lungs are not well to be seen."""


def build(learnt: Sequence[str], judged_on: Sequence[str], roots: Roots, folder: Path) -> Material:
    """Build the folder, or take it as it is where it was built of the same pictures before.

    ``learnt`` and ``judged_on`` are of `sources.NAMES`: the training part of the first, validation and test of the
    second. Raises `ConfigError` for other names and folders not given, `DataError` when a picture cannot be read,
    `RunError` when ``folder`` holds something else.
    """
    chosen = _chosen(learnt, judged_on, roots)
    made_of = {"version": _VERSION, "learnt": [*learnt], "judged_on": [*judged_on], "digest": _digest(chosen)}
    about = folder / _ABOUT
    if about.is_file():
        told = _told(about)
        if told.get("made_of") == made_of:
            return Material(folder, told["counts"], told["left_out"])
    elif folder.exists():
        raise RunError(f"{folder}: there is something else; name a new folder with --out")
    draft = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    rows, left_out = _written(chosen, draft)
    counts = _counts(rows)
    (draft / _ABOUT).write_text(
        json.dumps({"made_of": made_of, "counts": counts, "left_out": left_out}, indent=1) + "\n"
    )
    if folder.exists():
        shutil.rmtree(folder)
    draft.replace(folder)
    return Material(folder, counts, left_out)


def _told(about: Path) -> dict[str, Any]:
    try:
        told = json.loads(about.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{about}: it cannot be read ({error}); delete its folder") from error
    return told if isinstance(told, dict) else {}


def _chosen(learnt: Sequence[str], judged_on: Sequence[str], roots: Roots) -> list[Source]:
    found = [each for name in learnt for each in of(name, roots) if each.part == "train"]
    found += [each for name in judged_on for each in of(name, roots) if each.part in ("val", "test")]
    return found


def _digest(chosen: Sequence[Source]) -> str:
    """Of all that the pictures are and say; their content by its size and time."""
    lines = []
    for each in chosen:
        files = [each.file] if each.mask is None else [each.file, each.mask]
        states = [path.stat() for path in files]
        lines.append(f"{each!r} {[(state.st_size, state.st_mtime_ns) for state in states]}")
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _written(chosen: Sequence[Source], folder: Path) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The rows of what was written, and how many slices of which dataset were left out."""
    for name in (*_FOLDERS.values(), "masks"):
        (folder / name).mkdir(parents=True)
    names = _names(chosen)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(_put, chosen, names, [folder] * len(chosen)))
    left_out = Counter(each.dataset for each, row in zip(chosen, rows, strict=True) if row is None)
    kept = [row for row in rows if row is not None]
    for positive, home in _FOLDERS.items():
        lists = folder / "Data-split" / home.removeprefix("CT_")
        lists.mkdir(parents=True)
        for part in PARTS:
            own = [row["file_name"] for row in kept if row["label"] == positive and row["split"] == part]
            lines = "".join(f"{name.partition('/')[2]}\n" for name in own)
            (lists / f"{part}{home}.txt").write_text(lines, encoding="utf-8")
    text = "".join(f"{json.dumps(row)}\n" for row in kept)
    (folder / "metadata.jsonl").write_text(text, encoding="utf-8")
    return kept, dict(sorted(left_out.items()))


def _names(chosen: Sequence[Source]) -> list[str]:
    """A stem for each picture, safe for every file system, no two alike in any letters."""
    taken: set[str] = set()
    names = []
    for each in chosen:
        stem = name = _UNSAFE.sub("_", each.name)[:150]
        count = 2
        while name.lower() in taken:
            name, count = f"{stem}-{count}", count + 1
        taken.add(name.lower())
        names.append(name)
    return names


def _put(source: Source, name: str, folder: Path) -> dict[str, Any] | None:
    """Write a picture and its mask; its row, or None where it is left out."""
    grey = _read(source.file)
    box = None
    if source.viewed:
        view = viewed(grey, source.turn)
        if source.lungs_needed and not view.lungs:
            return None
        grey, box = view.pixels, view.box
    home = _FOLDERS[source.positive]
    write_png(grey, folder / home / f"{name}.png")
    if source.mask is not None:
        mask = turned(_read(source.mask), source.turn)
        if box is not None:
            mask = mask[box[1] : box[3], box[0] : box[2]]
        if mask.shape != grey.shape:
            raise DataError(f"{source.mask}: it and its picture, {source.file.name}, are of two sizes")
        write_png(np.where(mask > 127, np.uint8(255), np.uint8(0)), folder / "masks" / f"{name}.png")
    return {
        "file_name": f"{home}/{name}.png",
        "split": source.part,
        "finding": "covid" if source.positive else "non-covid",
        "label": int(source.positive),
        "modality": "ct",
        "patient_id": source.patient,
        "doi": source.paper,
        "dataset": source.dataset,
        "source": source.scan,
        "extra": {"slice": name} if source.scan else {},
        "mask": f"masks/{name}.png" if source.mask is not None else "",
    }


def _read(path: Path) -> Grey:
    try:
        return in_grey(read_pixels(path))
    except PictureError as error:
        raise DataError(str(error)) from error


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    told: dict[str, dict[str, int]] = {}
    for part in PARTS:
        own = [row for row in rows if row["split"] == part]
        told[part] = {
            "positive": sum(row["label"] for row in own),
            "negative": sum(1 - row["label"] for row in own),
            "patients": len({row["patient_id"] for row in own} - {""}),
            "masks": sum(bool(row["mask"]) for row in own),
        }
    return told
