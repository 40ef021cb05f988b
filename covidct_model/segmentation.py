"""Lesions found and lesions drawn: Dice and IoU of masks."""

from __future__ import annotations

import torch
from torch import nn

from covidct_model.augment import prepared
from covidct_model.data import Pictures


@torch.inference_mode()
def lesions(net: nn.Module, pictures: Pictures, size: int, part: str) -> list[tuple[str, str, float, float]]:
    """Name, part, Dice and IoU (0 to 1) of each picture that has a mask, at the size the network sees.

    Nothing for a network that finds no lesions. An empty mask that is found empty counts 1.
    """
    net.eval()
    found = []
    for at in pictures.has_mask.nonzero().flatten().tolist():
        masks = net(prepared(pictures.images[at : at + 1], size)).masks
        if masks is None:
            return []
        told = masks[0, 0] > 0
        truth = prepared(pictures.masks[at : at + 1] * 255, size)[0, 0] > 127
        both, either = int((told & truth).sum()), int((told | truth).sum())
        dice = 2 * both / (both + either) if either else 1.0
        found.append((pictures.names[at], part, dice, both / either if either else 1.0))
    return found
