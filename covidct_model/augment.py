"""Pictures as a network sees them: cropped, mirrored, brighter or not, in batches and on the device they are on.

torchvision's transforms draw one crop for a whole batch, or go picture by picture; here each picture of a batch has a
draw of its own, in a few operations on the whole batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from covidct_model.config import Config

_RATIO = math.log(4 / 3)
"""Natural logarithm of the widest crop's ratio of sides."""


def drawn(count: int, generator: torch.Generator) -> Tensor:
    """What chance says of so many pictures: (count, 9) from 0 to 1, on the CPU, so that all devices see the same."""
    return torch.rand(count, 9, generator=generator)


def augmented(
    images: Tensor, masks: Tensor | None, draws: Tensor, config: Config
) -> tuple[Tensor, Tensor | None]:
    """A random view of each picture: crop, mirror, turn; then brightness, contrast, gamma.

    ``images`` are uint8 (n, 1, h, w), ``masks`` uint8 of the same shape, 0 or 1. Returns float32
    (n, 1, size, size) from 0 to 255, and the masks by the same geometry, float32 0 or 1. ``draws`` are as `drawn`
    gives them.
    """
    draws = draws.to(images.device)
    grid = _grid(draws[:, :6], config)
    levels = draws[:, 6:].view(len(images), 3, 1, 1, 1)
    views = functional.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    views = (views * _around(levels[:, 0], config.brightness)).clamp_(0, 255)
    middle = views.mean((1, 2, 3), keepdim=True)
    views = (middle + (views - middle) * _around(levels[:, 1], config.contrast)).clamp_(0, 255)
    if config.gamma:
        views = 255 * (views / 255) ** torch.exp((2 * levels[:, 2] - 1) * config.gamma)
    if masks is None:
        return views, None
    return views, functional.grid_sample(masks.float(), grid, mode="nearest", align_corners=False)


def prepared(images: Tensor, size: int) -> Tensor:
    """Pictures, uint8 (n, 1, h, w), as float32 (n, 1, size, size) from 0 to 255, without any chance."""
    views = images.float()
    if images.shape[-2:] == (size, size):
        return views
    return functional.interpolate(
        views, (size, size), mode="bilinear", antialias=True, align_corners=False
    ).clamp_(0, 255)


def _around(draw: Tensor, width: float) -> Tensor:
    return 1 + (2 * draw - 1) * width


def _grid(draws: Tensor, config: Config) -> Tensor:
    """Where each pixel of the views lies in its picture; draws are (n, 6) from 0 to 1."""
    area = config.scale + (1 - config.scale) * draws[:, 0]
    ratio = torch.exp((2 * draws[:, 1] - 1) * _RATIO)
    wide, high = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    right, down = (2 * draws[:, 2] - 1) * (1 - wide), (2 * draws[:, 3] - 1) * (1 - high)
    mirrored = torch.where(draws[:, 4] < 0.5, -1.0, 1.0) if config.flip else torch.ones_like(wide)
    turn = (2 * draws[:, 5] - 1) * math.radians(config.rotate)
    theta = torch.stack(
        [
            torch.stack([wide * mirrored * turn.cos(), -high * turn.sin(), right], 1),
            torch.stack([wide * mirrored * turn.sin(), high * turn.cos(), down], 1),
        ],
        1,
    )
    return functional.affine_grid(theta, [len(draws), 1, config.size, config.size], align_corners=False)
