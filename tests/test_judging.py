"""How a picture is judged: the views that a network is asked about, and the mean of what it says."""

import pytest
import torch
from torch import Tensor

from covidct_model.augment import prepared
from covidct_model.config import Config
from covidct_model.judging import judged, sizes
from covidct_model.nets import Output


def left(views: Tensor) -> Output:
    """Says how bright the left half is, and where it is bright."""
    half = views[..., : views.shape[-1] // 2]
    return Output(half.mean((1, 2, 3)), views - 100)


@pytest.fixture
def images() -> Tensor:
    chance = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (3, 1, 80, 80), generator=chance, dtype=torch.uint8)


def test_one_size_without_mirroring_is_what_the_network_says(images: Tensor) -> None:
    told = judged(left, images, Config(size=64, flip=False))
    assert torch.equal(told.logits, left(prepared(images, 64)).logits)


def test_the_mean_is_of_all_sizes_and_their_mirror_images(images: Tensor) -> None:
    told = judged(left, images, Config(size=64, scales=2))
    views = [prepared(images, 64), prepared(images, 80)]
    said = [left(each).logits for view in views for each in (view, view.flip(3))]
    torch.testing.assert_close(told.logits, torch.stack(said).mean(0))


def test_masks_are_of_the_size_that_was_learnt_from_and_not_mirrored(images: Tensor) -> None:
    told = judged(left, images, Config(size=64, scales=3))
    assert told.masks is not None
    assert torch.equal(told.masks, prepared(images, 64) - 100)


@pytest.mark.parametrize(
    ("least", "most", "count", "expected"),
    [(320, 400, 1, [320]), (320, 400, 2, [320, 400]), (320, 400, 3, [320, 352, 400]), (33, 48, 2, [33, 48])],
)
def test_sizes_go_evenly_from_that_of_training_to_that_which_is_held(
    least: int, most: int, count: int, expected: list[int]
) -> None:
    assert sizes(least, most, count) == expected
