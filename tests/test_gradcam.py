"""Grad-CAM: what a network looks at lights up, of every kind of network there is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from covidct_model.gradcam import cam, overlay
from covidct_model.nets import Output, build


class Window(nn.Module):
    """Nothing is left of a map of features but one quadrant."""

    def __init__(self, down: int, across: int) -> None:
        super().__init__()
        self.down, self.across = down, across

    def forward(self, x: Tensor) -> Tensor:
        high, wide = x.shape[2] // 2, x.shape[3] // 2
        kept = torch.zeros_like(x)
        rows, columns = slice(self.down * high, None), slice(self.across * wide, None)
        kept[:, :, rows, columns][:, :, :high, :wide] = x[:, :, rows, columns][:, :, :high, :wide]
        return kept


class Looker(nn.Module):
    """Says how bright one quadrant is: positive, or where ``sign`` is -1 negative."""

    def __init__(self, down: int = 0, across: int = 0, sign: float = 1.0) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.ReLU(inplace=True), Window(down, across))
        self.pool, self.sign = nn.AdaptiveAvgPool2d(1), sign
        with torch.no_grad():
            for each in self.features.parameters():
                each.fill_(0.01)

    def forward(self, x: Tensor) -> Output:
        pooled = self.pool(self.features(x))
        return Output(self.sign * pooled.mean((1, 2, 3)), torch.zeros_like(x))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(("down", "across"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_the_quadrant_that_is_looked_at_lights_up(down: int, across: int, sign: float) -> None:
    heat = cam(Looker(down, across, sign), torch.full((1, 1, 32, 32), 200.0))
    assert heat.shape == (32, 32) and heat.min() == 0 and heat.max() == 1
    quadrants = [[heat[i : i + 16, j : j + 16].mean() for j in (0, 16)] for i in (0, 16)]
    assert quadrants[down][across] > 0.8
    assert sum(map(sum, quadrants)) - quadrants[down][across] < 0.15


def test_without_a_map_of_features_nothing_lights_up() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(1024, 1)

        def forward(self, x: Tensor) -> Output:
            return Output(self.head(x.flatten(1)).flatten(), None)

    assert not cam(Flat(), torch.ones(1, 1, 32, 32)).any()


def test_the_network_is_left_as_it_was() -> None:
    net = Looker()
    for each in net.parameters():
        each.requires_grad_(False)
    assert cam(net, torch.full((1, 1, 32, 32), 200.0)).max() == 1
    assert all(each.grad is None for each in net.parameters())
    assert not any(each._forward_hooks for each in net.modules())


@pytest.mark.parametrize("name", ["efficientnet_lite0", "densenet169", "jcs", "resnet18"])
def test_every_kind_of_network_is_looked_into(name: str) -> None:
    torch.manual_seed(0)
    net = build(name, "none")
    view = torch.rand(1, 1, 64, 64) * 255
    heat = cam(net, view)
    assert heat.shape == (64, 64) and np.isfinite(heat).all()
    assert heat.min() >= 0 and heat.max() == 1 and heat.std() > 0.1


def test_an_overlay_shows_the_picture_beside_itself_with_heat() -> None:
    grey = np.full((20, 20), 100, np.uint8)
    heat = np.zeros((20, 20), np.float32)
    heat[5, 6] = 1
    shown = overlay(grey, heat)
    assert shown.shape == (20, 40, 3) and shown.dtype == np.uint8
    changed = np.argwhere((shown != 100).any(axis=2))
    assert changed.tolist() == [[5, 26]]
    assert shown[5, 26, 0] > shown[5, 26, 2]  # warm
