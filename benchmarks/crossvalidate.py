"""Settings of a network compared by cross-validation within training and validation; the test part is not looked at.

    python benchmarks/crossvalidate.py COVID-CT run.yaml [other.yaml …] --out DIR [--folds 3] [--seed 0]

COVID-CT is a folder in that dataset's layout with its lists of a split. Patients stay together. Each fold is a folder
of its own below DIR, in which the fold is the test part and a few patients of the others are validation, for a run to
have one: with ``fit: train+val`` they are learnt from. Runs that are there are not trained again.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from covidct_curate.audit.folders import read_folder
from covidct_curate.audit.subject import Entry
from covidct_model.config import read_config
from covidct_model.heap import keep_freed
from covidct_model.train import train

_FEW = 12
"""Pictures of each class, at most, in a fold's validation."""


def folded(entries: list[Entry], count: int) -> list[Mapping[str, list[Entry]]]:
    """For each fold the pictures of its parts."""
    classes = np.array([each.positive is True for each in entries])
    groups = np.array([each.patient or each.name for each in entries])
    chance = np.random.RandomState(0)
    found = []
    cut = StratifiedGroupKFold(count, shuffle=True, random_state=1).split(classes, classes, groups)
    for others, fold in cut:
        few: list[int] = []
        for positive in (True, False):
            left = _FEW
            names = sorted(set(groups[others][classes[others] == positive]))
            chance.shuffle(names)
            for name in names:
                members = [int(at) for at in others if groups[at] == name]
                if len(members) <= left:
                    few += members
                    left -= len(members)
        parts = {"train": [int(at) for at in others if at not in set(few)], "val": few, "test": list(fold)}
        found.append({part: [entries[at] for at in members] for part, members in parts.items()})
    return found


def put(source: Path, folder: Path, parts: Mapping[str, Iterable[Entry]]) -> None:
    """A dataset of the same pictures with another split."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in source.iterdir():
        if each.name != "Data-split" and not (folder / each.name).exists():
            (folder / each.name).symlink_to(each.resolve())
    for name, positive in (("COVID", True), ("NonCOVID", False)):
        lists = folder / "Data-split" / name
        lists.mkdir(parents=True, exist_ok=True)
        for part, entries in parts.items():
            files = [Path(each.name).name for each in entries if (each.positive is True) == positive]
            (lists / f"{part}CT_{name}.txt").write_text("".join(f"{file}\n" for file in files))


def main() -> None:
    """Print a row for each of the settings."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("settings", type=Path, nargs="+")
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--folds", type=int, default=3)
    options.add_argument("--seed", type=int, default=0)
    told = options.parse_args()
    keep_freed()
    entries = [each for each in read_folder(told.folder).entries if each.part in ("train", "val")]
    for number, parts in enumerate(folded(entries, told.folds)):
        put(told.folder, told.out / f"fold{number}", parts)
    print("| settings |", " | ".join(f"fold {number}" for number in range(told.folds)), "| all |")
    print("|---" * (told.folds + 2) + "|")
    for settings in told.settings:
        labels: list[list[int]] = []
        scores: list[list[float]] = []
        for number in range(told.folds):
            config = read_config(settings, data=str(told.out / f"fold{number}"), seed=told.seed)
            run = told.out / f"{settings.stem}-{number}"
            if not (run / "predictions.csv").exists():
                train(config, run)
            with (run / "predictions.csv").open(encoding="utf-8", newline="") as file:
                rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
            labels.append([int(row["label"]) for row in rows])
            scores.append([float(row["score"]) for row in rows])
        areas = [roc_auc_score(*each) for each in zip(labels, scores, strict=True)]
        pooled = roc_auc_score(list(chain(*labels)), list(chain(*scores)))
        print(f"| {settings.stem} |", " | ".join(f"{each:.3f}" for each in (*areas, pooled)), "|", flush=True)


if __name__ == "__main__":
    main()
