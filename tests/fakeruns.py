"""Run folders as training leaves them, made without training."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from covidct_curate.audit.folders import read_folder
from covidct_model import weights
from covidct_model.config import Config
from covidct_model.nets import build
from covidct_model.run import Prediction, put, put_predictions

NET = "squeezenet1_1"


def fake_run(
    folder: Path,
    release: Path,
    *,
    seed: int = 0,
    apart: float = 1.5,
    change: Callable[[Prediction], Prediction | None] = lambda prediction: prediction,
    warnings: list[dict[str, object]] | None = None,
    net: bool = False,
) -> Path:
    """A run on ``release`` whose logits are normal, ``apart`` above 0 for the positive class and below for the other.

    ``change`` makes another prediction of each, or none; without ``net`` there are no weights.
    """
    random = np.random.default_rng(seed)
    told = []
    for entry in read_folder(release).entries:
        logit = float(random.normal(apart if entry.positive else -apart))
        score = 1 / (1 + math.exp(-logit))
        made = change(
            Prediction(
                entry.name, entry.part, entry.patient, entry.paper, int(bool(entry.positive)), score, logit
            )
        )
        told += [made] if made else []
    folder.mkdir(parents=True)
    put(folder / "config.json", Config(data=str(release), model=NET, size=32, seed=seed).as_dict())
    put(folder / "environment.json", {"torch": "2.15", "processor": "a <b>processor</b>", "processors": 2})
    put(folder / "data.json", {"digest": "0" * 64, "pictures": {"test": 9}, "warnings": warnings or []})
    epochs = [{"epoch": 1, "kept": True}, {"epoch": 2, "kept": False}]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in epochs))
    if net:
        weights.save(build(NET, "none"), folder / "weights.safetensors")
    put_predictions(folder, told)
    return folder
