"""Load a release's formats with the libraries they are made for, and print what each says.

    pip install datasets mlcroissant pycocotools pyarrow torch torchvision torchxrayvision pandas
    python benchmarks/load_formats.py RELEASE

RELEASE has ``croissant.json``, and ``imagefolder``, ``huggingface``, ``coco`` and ``chestxray`` below ``formats/``; those
that are missing are left out. Every picture is decoded, and counts and labels are compared with ``metadata.jsonl``.
A release is loaded offline.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HOME", tempfile.mkdtemp())

Rows = list[dict[str, Any]]


def imagefolder(folder: Path, rows: Rows) -> str:
    from torchvision.datasets import ImageFolder

    told = []
    for part in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        loaded = ImageFolder(str(folder / part), allow_empty=True)
        disease = next(row["file_name"].split("/")[0] for row in rows if row["label"] == 1)
        found = sum(loaded.classes[number] == disease for _, number in loaded)
        wanted = [row for row in rows if row["split"] == part]
        assert len(loaded) == len(wanted) and found == sum(row["label"] for row in wanted)
        told.append(f"{part} {len(loaded)} ({found} of the disease)")
    return f"torchvision {version('torchvision')}: {', '.join(told)}; classes {loaded.class_to_idx}"


def huggingface(folder: Path, rows: Rows) -> str:
    from datasets import load_dataset

    names = {"train": "train", "validation": "val", "test": "test"}

    def as_text(value: Any) -> str:
        if isinstance(value, list):
            return (",", "; ")[any(isinstance(each, str) for each in value)].join(map(str, value))
        text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        return f"on {text}" if text[4:5] == "-" and text[:4].isdigit() else text

    def compared(loaded: Any) -> str:
        for split, found in loaded.items():
            wanted = sorted((row for row in rows if row["split"] == names[split]), key=lambda row: row["uid"])
            by_uid = sorted(found, key=lambda row: row["uid"])
            assert [row["label"] for row in by_uid] == [row["label"] for row in wanted]
            for got, row in zip(by_uid, wanted, strict=True):
                assert got["image"].size == (row["width"], row["height"]) and got["image"].mode == "L"
                same = row.keys() - {"file_name", "extra"}
                assert got.keys() - {"image"} == row.keys() - {"file_name"}
                assert all(got[key] == row[key] or got[key] == as_text(row[key]) for key in same), got
                assert json.loads(got["extra"]) == row["extra"]
        return ", ".join(f"{split} {len(found)}" for split, found in sorted(loaded.items()))

    loaded = load_dataset(str(folder))
    told = f"datasets {version('datasets')}: {compared(loaded)}"
    if (folder / "parquet").is_dir():
        files = {path.stem: str(path) for path in sorted((folder / "parquet").glob("*.parquet"))}
        parquet = load_dataset("parquet", data_files=files)
        names_of = next(iter(parquet.values())).features["label"].names
        told += f"; Parquet: {compared(parquet)}; label {names_of}"
    return told


def coco(folder: Path, rows: Rows) -> str:
    from PIL import Image
    from pycocotools.coco import COCO

    told, seen = [], set()
    for path in sorted((folder / "annotations").glob("*.json")):
        loaded = COCO(str(path))
        for picture in loaded.imgs.values():
            with Image.open(folder / "images" / picture["file_name"]) as image:
                assert image.size == (picture["width"], picture["height"]) and image.mode == "L"
        for box in loaded.anns.values():
            picture = loaded.imgs[box["image_id"]]
            x, y, width, height = box["bbox"]
            assert 0 <= x < x + width <= picture["width"] and 0 <= y < y + height <= picture["height"]
            seen.add((box["uid"], int(box["category_id"] == 1)))
        told.append(f"{path.stem} {len(loaded.imgs)} pictures, {len(loaded.anns)} boxes")
    assert seen == {(row["uid"], row["label"]) for row in rows}
    return f"pycocotools {version('pycocotools')}: {'; '.join(told)}"


def chestxray(folder: Path, rows: Rows) -> str:
    import torchxrayvision as xrv

    loaded = xrv.datasets.COVID19_Dataset(
        imgpath=str(folder / "images"), csvpath=str(folder / "metadata.csv"), views=["Axial", "Coronal"]
    )
    column = list(loaded.pathologies).index("COVID-19")
    found = Counter()
    by_uid = {row["uid"]: row for row in rows}
    for number in range(len(loaded)):
        sample = loaded[number]
        row = by_uid[loaded.csv["other_notes"][number].rpartition("uid: ")[2]]
        assert row["decided"] and row["finding"] != "uncertain", "unreviewed or uncertain, and loaded"
        assert int(sample["lab"][column]) == row["label"] and sample["img"].ndim == 3
        found[row["label"]] += 1
    ct = [row for row in rows if row["modality"] == "ct" and row["decided"] and row["finding"] != "uncertain"]
    assert found == Counter(row["label"] for row in ct)
    return (
        f"torchxrayvision {version('torchxrayvision')}: {len(loaded)} of {len(rows)} rows, {found[1]} with COVID-19 = 1, "
        f"the others unreviewed, uncertain or of another plane; labels {list(loaded.pathologies)}"
    )


def described(release: Path, rows: Rows) -> str:
    import mlcroissant

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = mlcroissant.Dataset(jsonld=str(release / "croissant.json"))
        issues = loaded.metadata.ctx.issues
        told = [record["rows/file_name"].decode() for record in loaded.records("rows")]
        assert sorted(told) == [row["file_name"] for row in rows]
        pictures = {str(record["images/image"].size) for record in loaded.records("images")}
        count = sum(1 for _ in loaded.records("images"))
        assert count == len(rows)
    return (
        f"mlcroissant {version('mlcroissant')}: {len(issues.errors)} errors, {len(issues.warnings)} warnings "
        f"{sorted(issues.warnings)}; {len(told)} rows, {count} pictures of {len(pictures)} sizes"
    )


def main(release: Path) -> None:
    """Print a line for each format."""
    lines = (release / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    rows: Rows = [json.loads(line) for line in lines]
    formats: tuple[Callable[[Path, Rows], str], ...] = (imagefolder, huggingface, coco, chestxray)
    print(f"| croissant | {described(release, rows)} |", flush=True)
    for load in formats:
        if (release / "formats" / load.__name__).is_dir():
            print(f"| {load.__name__} | {load(release / 'formats' / load.__name__, rows)} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
