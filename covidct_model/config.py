"""What a run is: a small YAML file, and what the command line says otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from covidct_model.errors import ConfigError

Select = Literal["best", "last"]
_CHOICES = {
    "select": ("best", "last"),
    "precision": ("auto", "float32", "float32-channels-last", "bfloat16-channels-last"),
    "fit": ("train", "train+val"),
}


@dataclass(frozen=True, slots=True)
class Config:
    """One run. What is not said is as in the COVID-CT paper (arXiv 2003.13865), early stop and seed aside."""

    data: str = ""
    """Folder of the release."""
    model: str = "densenet169"
    weights: str = "imagenet"
    """``imagenet``, ``none``, or a file."""
    size: int = 480
    """Height and width of what the network sees, in pixels."""
    epochs: int = 50
    batch: int = 16
    """Pictures a step, over all processes."""
    lr: float = 1e-4
    """Highest step size of Adam."""
    weight_decay: float = 0.0
    """Above 0 by AdamW."""
    period: int = 10
    """Epochs in which the step size falls from the highest to 0 as a cosine; 0: once over the whole run, after
    rising over its first tenth."""
    scale: float = 0.5
    """Smallest share of a picture's area that a random crop keeps."""
    flip: bool = True
    """Mirror every second picture in training; in prediction average with the mirrored one."""
    brightness: float = 0.2
    contrast: float = 0.2
    scales: int = 1
    """In how many sizes a picture is judged, from ``size`` up to a quarter more; their mean counts."""
    rotate: float = 0.0
    """Degrees, to either side."""
    gamma: float = 0.0
    """Natural logarithm of the largest exponent put on grey levels, and of the inverse of the smallest."""
    smoothing: float = 0.0
    """How far labels are moved towards one half."""
    average: float = 0.0
    """Decay of the running mean of weights that is judged and kept; 0: the weights themselves."""
    fit: Literal["train", "train+val"] = "train"
    """The parts that are learnt from. With ``train+val`` nothing is left to select by: the last epoch is kept."""
    select: Select = "best"
    """``best``: the epoch of the highest AUC on validation; ``last``."""
    patience: int = 15
    """Stop after so many epochs without a better one; 0: never."""
    seed: int = 0
    precision: str = "auto"
    """``auto`` takes the fastest of the others, measured on one step."""

    def as_dict(self) -> dict[str, Any]:
        """Name → value."""
        return asdict(self)


def read_config(path: Path | None, **overrides: Any) -> Config:
    """The run that a YAML file describes; ``overrides`` that are not None go before it.

    Raises `ConfigError` for a file that cannot be read, a name that is none, or a value that makes no sense.
    """
    told: Any = {}
    if path is not None:
        try:
            told = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise ConfigError(f"{path}: it cannot be read: {' '.join(str(error).split())}") from error
        if not isinstance(told, dict):
            raise ConfigError(f"{path}: it is no list of names and values, such as 'epochs: 20'")
        if told.get("data") and not Path(str(told["data"])).is_absolute():
            told["data"] = str(path.parent / str(told["data"]))
    where = str(path) if path is not None else "options"
    return made({**told, **{name: value for name, value in overrides.items() if value is not None}}, where)


def made(values: dict[str, Any], where: str) -> Config:
    """A checked `Config`. Raises `ConfigError`, which says that it comes from ``where``."""
    kinds = {each.name: type(each.default) for each in fields(Config)}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in kinds:
            raise ConfigError(f"{where}: there is no {name!r}; there are {', '.join(kinds)}")
        kind = kinds[name]
        if kind is float and isinstance(value, int | str) and not isinstance(value, bool):
            with suppress(ValueError):
                value = float(value)  # YAML reads 1e-4 as text
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ConfigError(
                f"{where}: {name} is {value!r}, and ought to be like {getattr(Config(), name)!r}"
            )
        checked[name] = value
    config = Config(**checked)
    _check(config, where)
    return config


def _check(config: Config, where: str) -> None:
    def demand(good: bool, name: str, ought: str) -> None:
        if not good:
            raise ConfigError(f"{where}: {name} is {getattr(config, name)!r}, and ought to be {ought}")

    for name, known in _CHOICES.items():
        demand(getattr(config, name) in known, name, f"one of {', '.join(known)}")
    demand(bool(config.data), "data", "the folder of a release")
    demand(32 <= config.size <= 2048, "size", "from 32 to 2048")
    demand(config.epochs >= 1, "epochs", "1 or more")
    demand(config.batch >= 2, "batch", "2 or more")
    demand(1 <= config.scales <= 8, "scales", "from 1 to 8")
    demand(0 < config.lr < math.inf, "lr", "above 0")
    demand(0 < config.scale <= 1, "scale", "above 0, up to 1")
    for name in ("weight_decay", "period", "rotate", "gamma", "patience", "seed"):
        demand(0 <= getattr(config, name) < math.inf, name, "0 or more")
    for name in ("brightness", "contrast", "smoothing", "average"):
        demand(0 <= getattr(config, name) < 1, name, "from 0 to below 1")


def spoken(settings: Iterable[str]) -> dict[str, Any]:
    """``["rotate=10"]`` as names and values, read as YAML reads them. Raises `ConfigError` for anything else."""
    told = {}
    for each in settings:
        name, sign, value = each.partition("=")
        if not sign:
            raise ConfigError(f"--set {each}: write NAME=VALUE, such as rotate=10")
        try:
            told[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {each}: {' '.join(str(error).split())}") from error
    return told
