"""What a run is: YAML, and what the command line says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from covidct_model.config import Config, made, read_config, spoken
from covidct_model.errors import ConfigError


def test_defaults_are_the_papers() -> None:
    config = read_config(None, data="release")
    assert (config.model, config.size, config.batch, config.lr, config.period) == (
        "densenet169",
        480,
        16,
        1e-4,
        10,
    )
    assert (config.scale, config.flip, config.brightness, config.contrast) == (0.5, True, 0.2, 0.2)


def test_file_then_options(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("data: sub/release\nlr: 1e-3\nepochs: 7\nsize: 224\n")
    config = read_config(path, epochs=3, seed=None)
    assert config == Config(data=str(tmp_path / "sub/release"), lr=1e-3, epochs=3, size=224)


def test_what_was_told_reads_back_the_same() -> None:
    config = read_config(None, data="release", rotate=12.5, fit="train+val")
    assert made(config.as_dict(), "config.json") == config


def test_spoken_settings() -> None:
    assert spoken(["rotate=10", "flip=false", "fit=train+val"]) == {
        "rotate": 10,
        "flip": False,
        "fit": "train+val",
    }
    with pytest.raises(ConfigError, match="NAME=VALUE"):
        spoken(["rotate"])


@pytest.mark.parametrize(
    "told, named",
    [
        ({}, "data"),
        ({"data": "r", "epoch": 3}, "'epoch'"),
        ({"data": "r", "epochs": "many"}, "epochs"),
        ({"data": "r", "epochs": True}, "epochs"),
        ({"data": "r", "epochs": 0}, "epochs"),
        ({"data": "r", "size": 31}, "size"),
        ({"data": "r", "batch": 1}, "batch"),
        ({"data": "r", "lr": 0.0}, "lr"),
        ({"data": "r", "lr": float("nan")}, "lr"),
        ({"data": "r", "scale": 1.5}, "scale"),
        ({"data": "r", "average": 1.0}, "average"),
        ({"data": "r", "precision": "float8"}, "precision"),
        ({"data": "r", "fit": "all"}, "fit"),
    ],
)
def test_nonsense_is_refused_by_name(told: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        read_config(None, **told)


@pytest.mark.parametrize("text", ["- a\n- b\n", "data: [", "\x00"])
def test_file_that_is_no_description(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"run\.yaml"):
        read_config(path)
