"""Training: what comes out, that it goes on where it stopped, and that two processes do what one does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.tinyrelease import tiny_release

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from covidct_model import train as training  # noqa: E402
from covidct_model.cli import app  # noqa: E402
from covidct_model.config import Config  # noqa: E402
from covidct_model.errors import MemoryShort, RunError  # noqa: E402
from covidct_model.nets import Output  # noqa: E402
from covidct_model.run import Run, open_run  # noqa: E402
from covidct_model.train import Epoch, train  # noqa: E402


class Tiny(nn.Module):
    """A network of a few weights, without anything that depends on how a batch is shared."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 5, stride=4), nn.ReLU(), nn.Dropout(0.0), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, 1)
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> Output:
        return Output(self.body(x / 128 - 1).flatten(), None)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run trains `Tiny`, whatever network it names."""
    for module in ("covidct_model.train", "covidct_model.run"):
        monkeypatch.setattr(f"{module}.build", lambda name, weights="imagenet": Tiny())


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_release(tmp_path_factory.mktemp("release") / "r")


def config(release: Path, **values: Any) -> Config:
    told = {"data": str(release), "model": "resnet18", "weights": "none", "size": 32, "epochs": 4, "batch": 8}
    return Config(**{**told, "lr": 3e-3, "precision": "float32", "seed": 1, **values})  # type: ignore[arg-type]


def same(one: Run, other: Run) -> bool:
    return all(
        (one.folder / name).read_bytes() == (other.folder / name).read_bytes()
        for name in ("metrics.jsonl", "weights.safetensors", "predictions.csv")
    )


@pytest.mark.usefixtures("tiny")
def test_run_folder_is_whole(release: Path, tmp_path: Path) -> None:
    run = train(config(release, epochs=2), tmp_path / "run")
    assert {each.name for each in run.folder.iterdir()} == {
        "config.json", "environment.json", "data.json", "metrics.jsonl", "curves.png", "weights.safetensors",
        "predictions.csv",
    }  # fmt: skip
    told = run.predictions()
    assert [(each.split, each.label) for each in told].count(("test", 1)) == 6
    assert all(0 < each.score < 1 for each in told)
    assert run.told("data.json")["pictures"] == {"train": 16, "val": 8, "test": 12}
    assert run.told("environment.json")["torch"] == torch.__version__


@pytest.mark.usefixtures("tiny")
def test_same_seed_same_run(release: Path, tmp_path: Path) -> None:
    one, again, other = (
        train(config(release, seed=seed), tmp_path / name) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert same(one, again)
    assert not same(one, other)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("more", [{}, {"average": 0.9, "weight_decay": 0.01, "period": 0}])
def test_killed_and_resumed_equals_unkilled(release: Path, tmp_path: Path, more: dict[str, Any]) -> None:
    class Killed(Exception):
        pass

    def kill(epoch: Epoch) -> None:
        if epoch.epoch in (1, 3):
            raise Killed

    told = config(release, **more)
    whole = train(told, tmp_path / "whole")
    for _ in range(2):
        with pytest.raises(Killed):
            train(told, tmp_path / "killed", kill)
    assert same(whole, train(told, tmp_path / "killed"))
    assert same(whole, train(told, tmp_path / "killed"))  # and is not trained again


@pytest.mark.usefixtures("tiny")
def test_best_epoch_is_kept(release: Path, tmp_path: Path) -> None:
    run = train(config(release, epochs=6), tmp_path / "run")
    epochs = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    kept = [each for each in epochs if each["kept"]][-1]
    assert kept["val_auc"] == max(each["val_auc"] for each in epochs)
    last = train(config(release, epochs=6, select="last"), tmp_path / "last")
    assert all(json.loads(line)["kept"] for line in (last.folder / "metrics.jsonl").read_text().splitlines())


@pytest.mark.usefixtures("tiny")
def test_stops_when_nothing_gets_better(release: Path, tmp_path: Path) -> None:
    run = train(config(release, epochs=50, patience=2, lr=1e-9), tmp_path / "run")
    epochs = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert len(epochs) < 50
    assert [each["kept"] for each in epochs[-3:]] == [True, False, False]


@pytest.mark.usefixtures("tiny")
def test_learns_from_validation_too_when_told(release: Path, tmp_path: Path) -> None:
    run = train(config(release, epochs=1, fit="train+val"), tmp_path / "run")
    (epoch,) = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert epoch["val_auc"] is None


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("counts", [(8, 0, 4), (8, 4, 0)])
def test_empty_parts(tmp_path: Path, counts: tuple[int, int, int]) -> None:
    run = train(config(tiny_release(tmp_path / "r", counts), epochs=1), tmp_path / "run")
    assert len(run.predictions()) == 2 * sum(counts)


@pytest.mark.usefixtures("tiny")
def test_batch_larger_than_the_set(release: Path, tmp_path: Path) -> None:
    assert train(config(release, epochs=1, batch=512), tmp_path / "run").done


@pytest.mark.usefixtures("tiny")
def test_folder_of_another_run_is_refused(release: Path, tmp_path: Path) -> None:
    train(config(release, epochs=1), tmp_path / "run")
    with pytest.raises(RunError, match="epochs = 1, not 2"):
        train(config(release, epochs=2), tmp_path / "run")
    other = tiny_release(tmp_path / "other", (9, 4, 6))
    with pytest.raises(RunError, match="other data"):
        train(config(other, epochs=1), tmp_path / "run")
    (tmp_path / "else").mkdir()
    (tmp_path / "else/letter.txt").write_text("dear")
    with pytest.raises(RunError, match="something else"):
        train(config(release), tmp_path / "else")


@pytest.mark.usefixtures("tiny")
def test_damaged_state_is_told(release: Path, tmp_path: Path) -> None:
    def kill(epoch: Epoch) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config(release), tmp_path / "run", kill)
    (tmp_path / "run/last.pt").write_bytes(b"nothing")
    with pytest.raises(RunError, match=r"last\.pt"):
        train(config(release), tmp_path / "run")


def test_loss_that_is_no_number(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Tiny):
        def forward(self, x: torch.Tensor) -> Output:
            return Output(super().forward(x).logits * float("nan"), None)

    monkeypatch.setattr(training, "build", lambda name, weights: Broken())
    with pytest.raises(RunError, match="--lr"):
        train(config(release), tmp_path / "run")


def test_too_little_memory_says_what_to_try(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Huge(Tiny):
        def forward(self, x: torch.Tensor) -> Output:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte")

    monkeypatch.setattr(training, "build", lambda name, weights: Huge())
    with pytest.raises(MemoryShort, match="--batch 4 or --size 32"):
        train(config(release), tmp_path / "run")


def test_two_processes_equal_one(release: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from tests.test_train import *\n"
        "training.build = lambda name, weights='imagenet': Tiny()\n"
        "train(config(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    root = Path(__file__).parents[1]
    for name, count in (("one", 1), ("two", 2)):
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(release), str(tmp_path / name)],
                cwd=root,
                env={
                    **os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(29400 + os.getpid() % 500),
                    "WORLD_SIZE": str(count), "RANK": str(rank), "OMP_NUM_THREADS": "1",
                },
            )
            for rank in range(count)
        ]  # fmt: skip
        assert [each.wait(300) for each in workers] == [0] * count
    one, two = (open_run(tmp_path / name).predictions() for name in ("one", "two"))
    assert [each.file_name for each in one] == [each.file_name for each in two]
    assert [each.score for each in one] == pytest.approx([each.score for each in two], abs=1e-4)


def test_command_line(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("covidct_model.train", "covidct_model.run"):
        monkeypatch.setattr(f"{module}.build", lambda name, weights="imagenet": Tiny())
    options = ["--size", "32", "--epochs", "1", "--weights", "none", "--set", "precision=float32"]
    result = CliRunner().invoke(app, ["train", str(release), "--out", str(tmp_path / "run"), *options])
    assert result.exit_code == 0, result.output
    assert f"covidct evaluate {tmp_path / 'run'}" in result.stdout
    assert "epoch 1: loss" in result.stderr
    wrong = CliRunner().invoke(app, ["train", str(tmp_path), "--out", str(tmp_path / "other")])
    assert wrong.exit_code == 1
    assert "metadata.jsonl" in wrong.stderr
    shutil.rmtree(tmp_path / "run")
