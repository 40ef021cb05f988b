"""The processes of a run: one, or those that torchrun started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed


@dataclass(frozen=True, slots=True)
class Team:
    """This process among those of a run."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether it is the one that judges and writes."""
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """This process's part of a batch, as equal as can be."""
        return batch.tensor_split(self.size)[self.rank]

    def told(self, value: float) -> float:
        """A number that the first process knows, on all."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        return float(shared)


@contextmanager
def joined() -> Iterator[Team]:
    """The team of this process: alone, or by the environment that torchrun sets. On GPUs where there are any."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", rank))
    gpu = torch.cuda.is_available()
    device = torch.device("cuda", local % torch.cuda.device_count()) if gpu else torch.device("cpu")
    if gpu:
        torch.cuda.set_device(device)
    if size > 1:
        distributed.init_process_group("nccl" if gpu else "gloo", timeout=timedelta(minutes=30))
    try:
        yield Team(rank, size, device)
    finally:
        if size > 1:
            distributed.destroy_process_group()
