"""How numbers are kept and laid out in memory while a network learns: which way is fastest depends on the machine."""

from __future__ import annotations

import copy
import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from covidct_model.errors import ConfigError, MemoryShort
from covidct_model.losses import loss

NAMES = ("float32-channels-last", "bfloat16-channels-last", "float32")
_SMALL = (2, 64)
"""Pictures, and their height and width, on which a processor first tries all ways: hopeless ones take minutes."""
_HOPELESS = 3.0
"""How many times as long as the best."""
_LONG = 5.0
"""Seconds of measuring one way after which it is not measured again."""


@dataclass(frozen=True, slots=True)
class Precision:
    """One way; ``name`` is of `NAMES`."""

    name: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Of one training step in each way that came into question."""
    small: Mapping[str, float] = field(default_factory=dict)
    """The same on few and small pictures, where those were tried first."""

    def placed(self, net: nn.Module, device: torch.device) -> nn.Module:
        """``net`` itself, moved to the device and laid out."""
        return net.to(device=device, memory_format=self._layout)  # type: ignore[call-overload,no-any-return]

    def laid_out(self, views: Tensor) -> Tensor:
        """Pictures (n, c, h, w) as ``net`` takes them fastest."""
        return views.contiguous(memory_format=self._layout)

    def cast(self, device: torch.device) -> torch.autocast:
        """A context in which networks compute in bfloat16, where that is the way; their weights stay float32."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.name.startswith("bfloat16"))

    def as_dict(self) -> dict[str, Any]:
        """``name``, and ``seconds`` and ``small`` a step of each way measured."""
        return {"name": self.name, "seconds": dict(self.seconds), "small": dict(self.small)}

    @property
    def _layout(self) -> torch.memory_format:
        return torch.channels_last if self.name.endswith("channels-last") else torch.contiguous_format


def named(name: str) -> Precision:
    """The way of that name, of `NAMES`. Raises `ConfigError` for another."""
    if name not in NAMES:
        raise ConfigError(f"no precision is named {name!r}; there are {', '.join(NAMES)}")
    return Precision(name)


def fastest(net: nn.Module, size: int, batch: int, device: torch.device) -> Precision:
    """The way in which a training step of ``net`` takes least, measured on pictures of chance on that device.

    ``size`` is the pictures' height and width, ``batch`` their number. A processor is slow: it tries all ways on few
    and small pictures, and then those not far behind on 4 at most of that size. ``net`` and the state of chance are
    left as they were. Raises `MemoryShort` when a step fits into memory in no way.
    """
    gpu = device.type == "cuda"
    count = max(2, batch if gpu else min(batch, 4))
    small: dict[str, float] = {}
    ways: Sequence[str] = NAMES
    with torch.random.fork_rng([device] if gpu else []):
        if not gpu:
            small = _tried(NAMES, net, _SMALL, device)
            ways = [name for name in small if small[name] <= _HOPELESS * min(small.values())]
            if len(ways) == 1:
                return Precision(ways[0], {}, small)
        seconds = _tried(ways, net, (count, size), device)
    if not seconds:
        raise MemoryShort(
            f"a batch of {count} at {size} pixels does not fit into memory; "
            f"try --batch {max(2, count // 2)} or --size {max(32, size * 2 // 3 // 32 * 32)}"
        )
    return Precision(min(seconds, key=lambda name: seconds[name]), seconds, small)


def short(error: MemoryError | RuntimeError) -> bool:
    """Whether an error of PyTorch says that memory does not suffice."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


def _tried(
    ways: Sequence[str], net: nn.Module, shape: tuple[int, int], device: torch.device
) -> dict[str, float]:
    """Seconds of a step in each way that fits into memory."""
    seconds = {}
    for name in ways:
        try:
            seconds[name] = _measured(Precision(name), net, shape, device)
        except (MemoryError, RuntimeError) as error:
            if not short(error):
                raise
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return seconds


def _measured(way: Precision, net: nn.Module, shape: tuple[int, int], device: torch.device) -> float:
    """Seconds of a step, after one that warms up; the shortest of three, where three do not take too long.

    ``shape`` is the number of pictures and their size.
    """
    count, size = shape
    copied = way.placed(copy.deepcopy(net), device).train()
    views = way.laid_out(torch.rand(count, 1, size, size, device=device) * 255)
    masks = (torch.rand(count, 1, size, size, device=device) > 0.5).float()
    labels = (torch.arange(count, device=device) % 2).float()

    def step() -> float:
        begun = time.perf_counter()
        with way.cast(device):
            output = copied(views)
        copied.zero_grad(set_to_none=True)
        loss(output, labels, masks, labels > 0).backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - begun

    step()
    taken = [step()]
    while len(taken) < 3 and sum(taken) < _LONG:
        taken.append(step())
    return min(taken)
