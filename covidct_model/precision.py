"""How numbers are kept and laid out in memory while a network learns: which way is fastest depends on the machine."""

from __future__ import annotations

import copy
import gc
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from covidct_model.errors import ConfigError, MemoryShort
from covidct_model.losses import loss

NAMES = ("float32-channels-last", "bfloat16-channels-last", "float32")
_LIKELY_LOST = 2.0
"""How many times as long as the best one a first step may take, for the second to be worth its time."""


@dataclass(frozen=True, slots=True)
class Precision:
    """One way; ``name`` is of `NAMES`."""

    name: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Of one training step in each way that was measured."""

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
        """``name``, and ``seconds`` a step of each way measured."""
        return {"name": self.name, "seconds": dict(self.seconds)}

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

    ``size`` is the pictures' height and width, ``batch`` their number; a processor, slow but alike for any number,
    is given 4 at most. ``net`` and the state of chance are left as they were. Raises `MemoryShort` when a step fits
    into memory in no way.
    """
    gpu = device.type == "cuda"
    count = max(2, batch if gpu else min(batch, 4))
    seconds: dict[str, float] = {}
    with torch.random.fork_rng([device] if gpu else []):
        for name in NAMES:
            try:
                seconds[name] = _measured(Precision(name), net, (count, size), device, seconds)
            except (MemoryError, RuntimeError) as error:
                if not short(error):
                    raise
            gc.collect()
            if gpu:
                torch.cuda.empty_cache()
    if not seconds:
        raise MemoryShort(
            f"a batch of {count} at {size} pixels does not fit into memory; "
            f"try --batch {max(2, count // 2)} or --size {max(32, size * 2 // 3 // 32 * 32)}"
        )
    return Precision(min(seconds, key=lambda name: seconds[name]), seconds)


def short(error: MemoryError | RuntimeError) -> bool:
    """Whether an error of PyTorch says that memory does not suffice."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


def _measured(
    way: Precision, net: nn.Module, shape: tuple[int, int], device: torch.device, before: Mapping[str, float]
) -> float:
    """Seconds of a step: the shortest of a few, after one that warms up, which alone counts where it is hopeless."""
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

    first = step()
    if device.type != "cuda" and before and first > _LIKELY_LOST * min(before.values()):
        return first
    return min(step() for _ in range(5 if device.type == "cuda" else 2))
