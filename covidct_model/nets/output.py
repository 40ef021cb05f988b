"""What every network is given and gives back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

Levels = tuple[Sequence[float], Sequence[float]]
"""Mean and standard deviation of each channel, of grey levels from 0 to 1."""
IMAGENET: Levels = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Output(NamedTuple):
    """What a network says of n pictures."""

    logits: Tensor
    """(n,): above 0 where the positive class is the likelier."""
    masks: Tensor | None
    """(n, 1, S, S), logits of each pixel's being of a lesion; None of networks that look for none."""


class Grey(nn.Module):
    """Grey pictures as the three channels that networks made for photographs take.

    float32 (n, 1, S, S) from 0 to 255 → (n, 3, S, S), less ``mean`` and divided by ``deviation``.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, levels: Levels) -> None:
        super().__init__()
        # Not kept with the weights: they are the network's definition.
        for name, values in zip(("mean", "deviation"), levels, strict=True):
            level = torch.tensor(values, dtype=torch.float32) * 255
            self.register_buffer(name, level.view(1, -1, 1, 1).expand(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, S, S) → (n, 3, S, S)."""
        return (x - self.mean) / self.deviation
