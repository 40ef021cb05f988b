"""Networks of a few weights, which train in no time and stand in for any that a run names."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from covidct_model.nets import Output


class Tiny(nn.Module):
    """Says COVID of what is bright at the left; with ``lesions`` also marks what is brighter than 150."""

    def __init__(self, lesions: bool = False) -> None:
        super().__init__()
        self.lesions = lesions
        self.body = nn.Sequential(nn.Conv2d(1, 4, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
        self.head = nn.Linear(64, 1)

    def forward(self, x: torch.Tensor) -> Output:
        logits = self.head(self.body(x / 128 - 1).flatten(1)).flatten()
        return Output(logits, (x - 150) / 10 if self.lesions else None)


def stand_in(monkeypatch: pytest.MonkeyPatch, fails: str = "none") -> None:
    """Every run builds `Tiny`, one that finds lesions for ``jcs``, and an error for the network that ``fails``."""
    from covidct_model.errors import WeightsError

    def build(name: str, weights: str = "imagenet") -> nn.Module:
        if name == fails:
            raise WeightsError(f"{name}: no weights")
        return Tiny(name == "jcs")

    for module in ("covidct_model.train", "covidct_model.run"):
        monkeypatch.setattr(f"{module}.build", build)
