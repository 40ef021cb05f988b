"""Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391): which places of a picture spoke for what a network says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Colours = NDArray[np.uint8]
"""Height x width x 3, red, green, blue."""
_STRENGTH = 0.55
"""Share of colour where most speaks for it."""


def cam(net: nn.Module, view: Tensor) -> NDArray[np.float32]:
    """Where in a picture is what speaks for the class that the network tells: (S, S), from 0 to 1.

    ``view`` is float32 (1, 1, S, S) from 0 to 255, on the network's device; the network gives an `Output`. Taken on
    the last map of features that the class is told from: the last module's output of more than one channel and
    place. All is 0 where nothing there speaks for the class, or there is no such map.
    """
    net.eval()
    side = view.shape[-1]
    with _maps(net) as maps, torch.enable_grad():
        logit = net(view.clone().requires_grad_()).logits[0]
        told = logit if float(logit.detach()) >= 0 else -logit
        for features in reversed(maps):
            (slope,) = torch.autograd.grad(told, features, retain_graph=True, allow_unused=True)
            if slope is not None:
                weight = slope.float().mean((2, 3), keepdim=True)
                heat = (weight * features.detach().float()).sum(1, keepdim=True).clamp(min=0)
                heat = nn.functional.interpolate(heat, (side, side), mode="bilinear", align_corners=False)
                most = float(heat.max())
                return np.asarray((heat / most if most > 0 else heat)[0, 0].cpu().numpy(), np.float32)
    return np.zeros((side, side), np.float32)


@contextmanager
def _maps(net: nn.Module) -> Iterator[list[Tensor]]:
    """Collects the maps of features that modules without parts give, in the order in which they do."""
    maps: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 4 and output.requires_grad:
            channels, high, wide = output.shape[1:]
            if channels > 1 and high * wide > 1:
                maps.append(output)

    hooks = [module.register_forward_hook(keep) for module in net.modules() if not any(module.children())]
    try:
        yield maps
    finally:
        for each in hooks:
            each.remove()


def overlay(grey: NDArray[np.uint8], heat: NDArray[np.float32]) -> Colours:
    """A grey picture (S, S) beside itself with heat (S, S, from 0 to 1) in colour on it: (S, 2 S, 3)."""
    plain = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    levels = np.asarray(np.round(heat * 255), np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    share = _STRENGTH * np.sqrt(heat)[..., None]
    shown = np.round(plain * (1 - share) + colours * share)
    return np.asarray(np.concatenate([plain, shown.astype(np.uint8)], axis=1), np.uint8)
