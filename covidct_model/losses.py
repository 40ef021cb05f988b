"""What training makes small."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from covidct_model.nets.output import Output


def loss(
    output: Output,
    labels: Tensor,
    masks: Tensor | None,
    has_mask: Tensor,
    *,
    smoothing: float = 0.0,
    total: int | None = None,
    total_masked: int | None = None,
) -> Tensor:
    """Cross-entropy of the class; and, of pictures with a mask, cross-entropy and Dice of their pixels, weights 1.

    ``labels`` are float (n,), 1 for the positive class; ``smoothing``, from 0 to 1, moves them towards one half.
    ``masks`` are float (n, 1, S, S), 0 or 1, or None where no picture of the batch has one; ``has_mask`` is bool
    (n,), and what ``masks`` hold of the others does not count. A picture's pixels count as their mean. Returns a
    float32 scalar. Where the pictures are a share of a batch, ``total`` and ``total_masked`` are the batch's numbers
    of pictures and of those with a mask: the losses of all shares sum to the batch's.
    """
    targets = labels * (1 - smoothing) + smoothing / 2
    entropy = functional.binary_cross_entropy_with_logits(output.logits.float(), targets, reduction="sum")
    value = entropy / (total if total is not None else len(labels))
    if output.masks is None or masks is None:
        return value
    lesions = (_per_picture(output.masks.float(), masks) * has_mask).sum()
    return value + lesions / (
        max(total_masked, 1) if total_masked is not None else has_mask.sum().clamp(min=1)
    )


def _per_picture(found: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy and 1 - Dice, summed, of each picture: logits and masks (n, 1, S, S) → (n,)."""
    entropy = functional.binary_cross_entropy_with_logits(found, masks, reduction="none").mean((1, 2, 3))
    chance = found.sigmoid()
    both, either = (chance * masks).sum((1, 2, 3)), chance.sum((1, 2, 3)) + masks.sum((1, 2, 3))
    return entropy + 1 - (2 * both + 1) / (either + 1)  # + 1: an empty mask found empty is a Dice of 1
