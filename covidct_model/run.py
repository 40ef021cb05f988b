"""A run folder: what was trained, on what, how it went, and what came out.

```
run/
├── config.json         the run as it was described, and the precision taken
├── environment.json    versions, machine, command
├── data.json           the release: digest, sizes of its parts, what two parts share
├── metrics.jsonl       a line an epoch
├── curves.png
├── weights.safetensors the epoch that was kept
├── predictions.csv     every picture with its score
├── masks.csv           Dice and IoU, of networks that find lesions
└── last.pt             where to go on from, until the run is done
```
"""

from __future__ import annotations

import csv
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

from covidct_curate import __version__
from covidct_model import weights
from covidct_model.config import Config, made
from covidct_model.data import Data
from covidct_model.errors import RunError
from covidct_model.nets import build

_COLUMNS = ("file_name", "split", "patient", "paper", "label", "score", "logit")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a run says of one picture."""

    file_name: str
    split: str
    patient: str
    paper: str
    label: int
    """1 for the positive class."""
    score: float
    """From 0 to 1: how sure the network is that it is of the positive class."""
    logit: float


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder that is there."""

    folder: Path

    @property
    def config(self) -> Config:
        """As it was described."""
        return made(self.told("config.json"), str(self.folder / "config.json"))

    @property
    def done(self) -> bool:
        """Whether it came to its end."""
        return (self.folder / "predictions.csv").is_file()

    def told(self, name: str) -> dict[str, Any]:
        """One of its JSON files. Raises `RunError` when it is not there or cannot be read."""
        path = self.folder / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{path}: it cannot be read ({error}); name the folder of a run") from error
        if not isinstance(content, dict):
            raise RunError(f"{path}: it is no object; name the folder of a run")
        return content

    def network(self) -> nn.Module:
        """The network with the weights that were kept, ready to predict, on the CPU. Raises `WeightsError`."""
        net = build(self.config.model, "none")
        weights.load_into(net, self.folder / "weights.safetensors")
        return net.eval()

    def predictions(self) -> list[Prediction]:
        """What it says of every picture. Raises `RunError` when it is not done, or the file is damaged."""
        path = self.folder / "predictions.csv"
        try:
            with path.open(encoding="utf-8", newline="") as file:
                return [
                    Prediction(
                        row["file_name"], row["split"], row["patient"], row["paper"],
                        int(row["label"]), float(row["score"]), float(row["logit"]),
                    )
                    for row in csv.DictReader(file)
                ]  # fmt: skip
        except OSError as error:
            raise RunError(f"{path}: the run is not done; train it to its end first") from error
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{path}: these are no predictions of a run ({error})") from error


def open_run(folder: Path) -> Run:
    """The run in ``folder``. Raises `RunError` when there is none."""
    run = Run(folder)
    run.told("config.json")
    return run


def start(folder: Path, config: Config, data: Data) -> Run:
    """A run folder for that run: a new one, or one that was begun on the same data with the same configuration.

    Raises `RunError` when ``folder`` holds anything else.
    """
    run = Run(folder)
    told = {
        "digest": data.digest,
        "pictures": {part: len(each) for part, each in data.parts.items()},
        "positive": {part: int(each.labels.sum()) for part, each in data.parts.items()},
        "warnings": [
            {"kind": each.kind, "files": list(each.files), "text": each.text} for each in data.warnings
        ],
    }
    if (folder / "config.json").is_file():
        before, now = run.told("config.json"), config.as_dict()
        if run.told("data.json").get("digest") != data.digest:
            raise RunError(f"{folder}: it was begun on other data; name another folder")
        same = {"data", "precision"}
        other = [name for name in now if name not in same and before.get(name) != now[name]]
        if other:
            name = other[0]
            raise RunError(
                f"{folder}: it was begun with {name} = {before.get(name)!r}, not {now[name]!r}; name another folder"
            )
        return run
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder}: there is something else; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    put(folder / "environment.json", _environment())
    put(folder / "data.json", told)
    put(folder / "config.json", config.as_dict())
    return run


def put(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON, whole or not at all."""
    whole(path, json.dumps(content, indent=1, allow_nan=False).encode() + b"\n")


def whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    draft.replace(path)


def put_predictions(folder: Path, predictions: Iterable[Prediction]) -> None:
    """Write ``predictions.csv``, which says that the run is done."""
    rows = [[getattr(each, name) for name in _COLUMNS] for each in predictions]
    put_table(folder / "predictions.csv", _COLUMNS, rows)


def put_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file, whole or not at all."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    draft.replace(path)


def _environment() -> dict[str, Any]:
    gpus = [torch.cuda.get_device_name(each) for each in range(torch.cuda.device_count())]
    return {
        "covidct": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "system": platform.platform(),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "processors": os.cpu_count(),
        "gpus": gpus,
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "command": shlex.join(sys.argv),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
