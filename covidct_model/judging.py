"""How a picture is judged: by what the network says of several views of it, which are always the same."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from covidct_model.augment import prepared
from covidct_model.config import Config
from covidct_model.nets import Output


def judged(ask: Callable[[Tensor], Output], images: Tensor, config: Config) -> Output:
    """The mean of what a network says of pictures in each of ``config.scales`` sizes, and of their mirror images where
    it learnt from both; masks are those of the picture as it is, in the size the network learnt from.

    ``images`` are uint8 (n, 1, h, w) as they are held. In training a crop is shown as large as a whole picture, so
    that what is in it looks larger; sizes above that of training make up for it (arXiv 1906.06423).
    """
    masks: Tensor | None = None
    logits: list[Tensor] = []
    for size in sizes(config.size, images.shape[-1], config.scales):
        views = prepared(images, size)
        output = ask(views)
        masks = output.masks if not logits else masks
        logits.append(output.logits.float())
        if config.flip:
            logits.append(ask(views.flip(3)).logits.float())
    return Output(torch.stack(logits).mean(0), masks)


def sizes(least: int, most: int, count: int) -> list[int]:
    """So many sizes from the one to the other, in even steps, all but the first multiples of 16."""
    return [least, *(int(least + (most - least) * step / (count - 1)) // 16 * 16 for step in range(1, count))]
