from __future__ import annotations

import math

import pytest
import torch

from covidct_model.losses import loss
from covidct_model.nets import Output

LABELS = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0])
HAS_MASK = torch.tensor([True, False, True, False, False])


def found(seed: int = 0) -> tuple[Output, torch.Tensor]:
    """What a network may say of five pictures, and the masks of the first and third."""
    chance = torch.Generator().manual_seed(seed)
    logits = torch.randn(5, generator=chance, requires_grad=True)
    masks = torch.randn(5, 1, 6, 6, generator=chance, requires_grad=True)
    return Output(logits, masks), (torch.rand(5, 1, 6, 6, generator=chance) > 0.5).float()


def test_classification_by_hand() -> None:
    output = Output(torch.tensor([0.0, math.log(3)]), None)
    value = loss(output, torch.tensor([1.0, 0.0]), None, torch.tensor([False, False]))
    assert float(value) == pytest.approx((math.log(2) + math.log(4)) / 2)
    # 0.1 of smoothing: labels 0.95 and 0.05
    value = loss(output, torch.tensor([1.0, 0.0]), None, torch.tensor([False, False]), smoothing=0.1)
    assert float(value) == pytest.approx((math.log(2) + 0.95 * math.log(4) + 0.05 * math.log(4 / 3)) / 2)


def test_masks_by_hand() -> None:
    """Half of four pixels are of the lesion, and each is found with a chance of one half."""
    output = Output(torch.zeros(1), torch.zeros(1, 1, 2, 2))
    masks = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    value = loss(output, torch.ones(1), masks, torch.tensor([True]))
    assert float(value) == pytest.approx(2 * math.log(2) + 1 - (2 * 1 + 1) / (2 + 2 + 1))


@pytest.mark.parametrize("lesion", [0.0, 1.0])
def test_what_is_found_exactly_costs_nothing(lesion: float) -> None:
    masks = torch.full((2, 1, 4, 4), lesion)
    output = Output(torch.tensor([30.0, -30.0]), masks * 60 - 30)
    value = loss(output, torch.tensor([1.0, 0.0]), masks, torch.tensor([True, True]))
    assert float(value) == pytest.approx(0, abs=1e-4)


def test_pictures_without_a_mask_only_classify() -> None:
    output, masks = found()
    told = loss(output, LABELS, masks, HAS_MASK)
    other = torch.where(HAS_MASK.view(5, 1, 1, 1), masks, 1 - masks)
    assert torch.equal(told, loss(output, LABELS, other, HAS_MASK))
    told.backward()
    of_masks = output.masks.grad.abs().sum((1, 2, 3))
    assert (of_masks[HAS_MASK] > 0).all()
    assert (of_masks[~HAS_MASK] == 0).all()
    assert (output.logits.grad != 0).all()


@pytest.mark.parametrize("masks", [None, torch.zeros(5, 1, 6, 6)])
def test_a_batch_without_any_mask_only_classifies(masks: torch.Tensor | None) -> None:
    output, _ = found()
    none = torch.zeros(5, dtype=torch.bool)
    told = loss(output, LABELS, masks, none)
    assert torch.allclose(told, loss(Output(output.logits, None), LABELS, None, none))
    told.backward()
    assert (output.logits.grad != 0).all()


def test_shares_of_a_batch_sum_to_the_whole() -> None:
    output, masks = found()
    whole = loss(output, LABELS, masks, HAS_MASK, smoothing=0.05)
    whole.backward()
    again, _ = found()
    shares = [
        loss(
            Output(again.logits[share], again.masks[share]), LABELS[share], masks[share], HAS_MASK[share],
            smoothing=0.05, total=5, total_masked=2,
        )
        for share in (slice(0, 1), slice(1, 2), slice(2, 5))
    ]  # fmt: skip
    assert torch.allclose(sum(shares), whole)
    sum(shares).backward()
    assert torch.allclose(again.logits.grad, output.logits.grad)
    assert torch.allclose(again.masks.grad, output.masks.grad)


def test_half_precision_is_summed_in_full() -> None:
    output, masks = found()
    half = Output(output.logits.bfloat16(), output.masks.bfloat16())
    told = loss(half, LABELS, masks, HAS_MASK)
    assert told.dtype == torch.float32
    assert torch.allclose(told, loss(output, LABELS, masks, HAS_MASK), rtol=0.01)
