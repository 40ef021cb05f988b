"""`train`: one loop for every network, on one processor, one GPU or many.

A run that was killed goes on where its last epoch ended, and ends as one that was not: whatever chance decides is a
function of the seed and the epoch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.nn.parallel import DistributedDataParallel

from covidct_model import run as runs
from covidct_model import weights
from covidct_model.augment import augmented, drawn
from covidct_model.config import Config
from covidct_model.curves import curves
from covidct_model.data import Data, Pictures, read_data
from covidct_model.errors import DataError, MemoryShort, RunError
from covidct_model.judging import judged
from covidct_model.losses import loss
from covidct_model.metrics import area
from covidct_model.nets import Output, build
from covidct_model.precision import Precision, fastest, named, short
from covidct_model.run import Prediction, Run
from covidct_model.segmentation import lesions
from covidct_model.team import Team, joined

_STATE = "last.pt"


@dataclass(frozen=True, slots=True)
class Epoch:
    """How an epoch went."""

    epoch: int
    """From 1."""
    rate: float
    """Step size at its end."""
    loss: float
    """Mean over the training pictures, as they were augmented."""
    val_loss: float | None
    val_auc: float | None
    """None where validation lacks a class."""
    kept: bool
    """Whether its weights are the best so far."""


def train(config: Config, out: Path, progress: Callable[[Epoch], None] | None = None) -> Run:
    """Train as described into the run folder ``out``; go on there if it was begun before.

    Under torchrun all processes call it alike. ``progress`` is called after each epoch. Raises `DataError` when the
    release cannot be trained on, `RunError` when ``out`` is another run's or training fails, `WeightsError` when the
    first weights cannot be had, `MemoryShort` when a batch does not fit.
    """
    with joined() as team, _memory(config):
        data = read_data(Path(config.data), config.size)
        if team.leads:
            runs.start(out, config, data)
        team.told(0)  # all wait for the folder
        run = Run(out)
        if not run.done:
            _Training(config, run, data, team).go(progress)
        team.told(0)
    return run


class _Training:
    """A run under way, in one process of its team."""

    def __init__(self, config: Config, run: Run, data: Data, team: Team) -> None:
        self.config, self.run, self.data, self.team = config, run, data, team
        learnt = config.fit.split("+")
        pictures = data.joined(learnt)
        self.pictures, self.masked = _on(pictures, team.device), pictures.has_mask
        self.val = (
            None if "val" in learnt or not len(data.parts["val"]) else _on(data.parts["val"], team.device)
        )
        if len(self.pictures) < 2 * team.size:
            raise DataError(f"{data.folder}: {len(self.pictures)} pictures are too few to train on")
        torch.manual_seed(config.seed)
        net = build(config.model, config.weights)
        if team.size > 1 and team.device.type == "cuda":
            net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
        self.precision = self._precision(net)
        self.net = self.precision.placed(net, team.device)
        self.model = (
            DistributedDataParallel(self.net, find_unused_parameters=True) if team.size > 1 else self.net
        )
        self.optimizer = _optimizer(self.net, config)
        self.kept: dict[str, Tensor] = {}
        self.mean = _copied(self.net) if config.average else {}
        self.history: list[dict[str, Any]] = []
        self._go_on()

    def go(self, progress: Callable[[Epoch], None] | None) -> None:
        """Train to the end, and say what comes out."""
        while not self.team.told(float(self._over())):
            fitted, rate = self._epoch(len(self.history))
            epoch = self._judged(len(self.history) + 1, fitted, rate) if self.team.leads else None
            self.history.append(asdict(epoch) if epoch else {})
            if epoch:
                self._save()
                if progress:
                    progress(epoch)
        if self.team.leads:
            self._finish()

    def _precision(self, net: nn.Module) -> Precision:
        """The precision asked for; that of the run where it was begun, else the fastest."""
        if self.config.precision != "auto":
            return named(self.config.precision)
        path = self.run.folder / "precision.json"
        if self.team.leads and not path.is_file():
            runs.put(
                path,
                fastest(net, self.config.size, self._batch // self.team.size, self.team.device).as_dict(),
            )
        self.team.told(0)
        return named(str(self.run.told("precision.json")["name"]))

    @property
    def _batch(self) -> int:
        return min(self.config.batch, len(self.pictures))

    def _over(self) -> bool:
        """Whether all epochs are done, or too many went by without a better one."""
        if len(self.history) >= self.config.epochs:
            return True
        since = next((back for back, each in enumerate(reversed(self.history)) if each.get("kept")), 0)
        return bool(self.config.patience) and since >= self.config.patience

    def _epoch(self, number: int) -> tuple[float, float]:
        """Learn from every picture once; mean loss, and the step size at the end."""
        chance = torch.Generator().manual_seed(self.config.seed * 1_000_003 + number)
        torch.manual_seed((self.config.seed * 1_000_003 + number) * 64 + self.team.rank)  # for dropout
        batches = _batches(
            torch.randperm(len(self.pictures), generator=chance), self._batch, 2 * self.team.size
        )
        self.model.train()
        summed, rate = torch.zeros((), dtype=torch.float64, device=self.team.device), 0.0
        for step, batch in enumerate(batches):
            draws = drawn(len(batch), chance)
            rate = _rate(self.config, number + step / len(batches))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            summed += self._step(batch, draws) * len(batch)
            if self.mean:
                self._average(number * len(batches) + step)
        told = float(summed) / sum(map(len, batches))
        if not math.isfinite(told):
            raise RunError(f"{self.run.folder}: the loss is no number any more; try a smaller --lr")
        return told, rate

    def _step(self, batch: Tensor, draws: Tensor) -> Tensor:
        """One step on a batch, of which this process sees its share; the loss of that share."""
        total, lesions = (
            len(batch),
            int(self.masked[batch].sum()),
        )
        mine, draws = self.team.share(batch).to(self.team.device), self.team.share(draws)
        masked = self.pictures.has_mask[mine]
        views, masks = augmented(
            self.pictures.images[mine], self.pictures.masks[mine] if lesions else None, draws, self.config
        )
        with self.precision.cast(self.team.device):
            output: Output = self.model(self.precision.laid_out(views))
        # Of a team, each process's gradients are averaged: sums over shares are of the whole batch again.
        parts = self.team.size
        value = parts * loss(
            output, self.pictures.labels[mine], masks, masked, smoothing=self.config.smoothing,
            total=total, total_masked=lesions,
        )  # fmt: skip
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        self.optimizer.step()
        return value.detach().double()

    def _average(self, step: int) -> None:
        """Move the running mean of the weights towards them."""
        decay = min(self.config.average, (1 + step) / (10 + step))
        for name, each in self.net.state_dict().items():
            if each.dtype.is_floating_point:
                self.mean[name].mul_(decay).add_(each, alpha=1 - decay)
            else:
                self.mean[name].copy_(each)

    def _judged(self, number: int, fitted: float, rate: float) -> Epoch:
        """The epoch on validation; its weights are taken when they are the best so far."""
        told, val_loss = None, None
        if self.val is not None:
            with self._judging():
                logits = _logits(self.net, self.val, self.config, self.precision)
            told = area(self.val.labels.tolist(), logits.tolist())
            val_loss = float(nn.functional.binary_cross_entropy_with_logits(logits, self.val.labels.cpu()))
        before = [each for each in self.history if each["kept"]]
        better = (
            told is None or self.config.select == "last" or not before
            or (told, -(val_loss or 0)) > (before[-1]["val_auc"], -before[-1]["val_loss"])
        )  # fmt: skip
        if better:
            self.kept = (
                {name: each.clone() for name, each in self.mean.items()} if self.mean else _copied(self.net)
            )
        return Epoch(number, rate, fitted, val_loss, told, better)

    @contextmanager
    def _judging(self) -> Iterator[None]:
        """The network as it is judged: with the mean of its weights, where that is kept."""
        own = _copied(self.net) if self.mean else {}
        if own:
            self.net.load_state_dict(self.mean)
        try:
            yield
        finally:
            if own:
                self.net.load_state_dict(own)

    def _save(self) -> None:
        """Write where to go on from."""
        state = {
            "net": self.net.state_dict(), "optimizer": self.optimizer.state_dict(), "mean": self.mean,
            "kept": self.kept, "history": self.history,
        }  # fmt: skip
        content = BytesIO()
        torch.save(state, content)
        runs.whole(self.run.folder / _STATE, content.getvalue())
        lines = "".join(f"{json.dumps(each)}\n" for each in self.history)
        runs.whole(self.run.folder / "metrics.jsonl", lines.encode())
        curves(self.history, self.run.folder / "curves.png")

    def _go_on(self) -> None:
        path = self.run.folder / _STATE
        if not path.is_file():
            return
        try:
            state = torch.load(path, map_location=self.team.device, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.mean, self.kept, self.history = state["mean"], state["kept"], state["history"]
        except (OSError, KeyError, RuntimeError, ValueError, EOFError, UnpicklingError) as error:
            raise RunError(
                f"{path}: it cannot be gone on from ({error}); delete the run and begin anew"
            ) from error

    def _finish(self) -> None:
        """Write the weights that were kept, and what they say of every picture."""
        self.net.load_state_dict(self.kept)
        weights.save(self.net, self.run.folder / "weights.safetensors")
        told, found = [], []
        for part, pictures in self.data.parts.items():
            own = _on(pictures, self.team.device)
            logits = _logits(self.net, own, self.config, self.precision).tolist()
            told += [
                Prediction(name, part, patient, paper, int(label), 1 / (1 + math.exp(-logit)), logit)
                for name, patient, paper, label, logit in zip(
                    own.names, own.patients, own.papers, own.labels.tolist(), logits, strict=True
                )
            ]
            found += lesions(self.net, own, self.config.size, part)
        if found:
            runs.put_table(self.run.folder / "masks.csv", ("file_name", "split", "dice", "iou"), found)
        runs.put_predictions(self.run.folder, told)
        (self.run.folder / _STATE).unlink()


def _optimizer(net: nn.Module, config: Config) -> optim.Optimizer:
    if config.weight_decay:
        return optim.AdamW(net.parameters(), config.lr, weight_decay=config.weight_decay)
    return optim.Adam(net.parameters(), config.lr)


def _rate(config: Config, at: float) -> float:
    """The step size after so many epochs."""
    if config.period:
        return config.lr * (1 + math.cos(math.pi * (at % config.period) / config.period)) / 2
    done = at / config.epochs
    return config.lr * min(1.0, (done + 1e-3) / 0.1) * (1 + math.cos(math.pi * done)) / 2


def _batches(order: Tensor, size: int, least: int) -> list[Tensor]:
    """The pictures in batches; what is left over goes without when it is fewer than ``least``."""
    return [each for each in order.split(size) if len(each) >= least]


def _copied(net: nn.Module) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in net.state_dict().items()}


def _on(pictures: Pictures, device: torch.device) -> Pictures:
    moved = {name: getattr(pictures, name).to(device) for name in ("images", "labels", "masks", "has_mask")}
    return replace(pictures, **moved)


@torch.inference_mode()
def _logits(net: nn.Module, pictures: Pictures, config: Config, precision: Precision) -> Tensor:
    """What the network says of each picture, float32 (n,) on the CPU."""
    was = net.training
    net.eval()
    told = [torch.zeros(0)]
    for batch in pictures.images.split(2 * config.batch):
        with precision.cast(batch.device):
            told.append(judged(lambda views: net(precision.laid_out(views)), batch, config).logits.cpu())
    net.train(was)
    return torch.cat(told)


@contextmanager
def _memory(config: Config) -> Iterator[None]:
    """Says what to try where memory does not suffice."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not short(error):
            raise
        raise MemoryShort(
            f"a batch of {config.batch} at {config.size} pixels does not fit into memory; "
            f"try --batch {max(2, config.batch // 2)} or --size {max(32, config.size * 2 // 3 // 32 * 32)}"
        ) from error
