"""Views of pictures: geometry, grey levels, and that masks go along."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from covidct_model.augment import augmented, drawn, prepared  # noqa: E402
from covidct_model.config import Config  # noqa: E402

STILL = Config(size=64, scale=1.0, flip=False, brightness=0, contrast=0)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def squares(count: int = 32) -> torch.Tensor:
    """Pictures with a bright square in the upper left."""
    images = torch.full((count, 1, 80, 80), 40, dtype=torch.uint8)
    images[:, :, 8:32, 8:32] = 200
    return images


def test_without_chance_nothing_changes_but_the_size() -> None:
    images = squares(4)
    views, masks = augmented(images, None, drawn(4, chance()), replace(STILL, size=80))
    assert masks is None
    assert views.dtype == torch.float32
    middle = views[:, :, 2:-2, 2:-2]  # full crops differ from the picture in their ratio of sides only
    assert float(middle.min()) > 30 and float(middle.max()) < 210


def test_masks_follow_the_pictures() -> None:
    images = squares()
    masks = (images > 100).to(torch.uint8)
    config = replace(STILL, scale=0.5, flip=True, rotate=20)
    views, moved = augmented(images, masks, drawn(32, chance()), config)
    assert moved is not None
    assert set(moved.unique().tolist()) <= {0.0, 1.0}
    inside = views[moved > 0]
    assert float((inside > 120).float().mean()) > 0.97
    assert float((views[moved == 0] < 120).float().mean()) > 0.97
    assert not torch.equal(moved[0], moved[1])


def test_half_are_mirrored() -> None:
    views, _ = augmented(squares(400), None, drawn(400, chance()), replace(STILL, flip=True))
    left = views[..., :32].mean((1, 2, 3)) > views[..., 32:].mean((1, 2, 3))
    assert 150 < int(left.sum()) < 250


def test_grey_levels_stay_in_range_and_vary() -> None:
    config = replace(STILL, brightness=0.5, contrast=0.5, gamma=0.7)
    views, _ = augmented(squares(64), None, drawn(64, chance()), config)
    assert float(views.min()) >= 0 and float(views.max()) <= 255
    assert float(views.mean((1, 2, 3)).std()) > 5
    assert bool(torch.isfinite(views).all())


def test_draws_decide_all() -> None:
    config = replace(STILL, scale=0.5, flip=True, brightness=0.2)
    images = squares(8)
    one, _ = augmented(images, None, drawn(8, chance(5)), config)
    same, _ = augmented(images, None, drawn(8, chance(5)), config)
    other, _ = augmented(images, None, drawn(8, chance(6)), config)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    draws = drawn(8, chance(5))
    halves = [augmented(images[half], None, draws[half], config)[0] for half in (slice(0, 4), slice(4, 8))]
    assert torch.allclose(torch.cat(halves), one, atol=1e-4)


def test_prepared_is_the_picture_in_another_size() -> None:
    small = prepared(squares(2), 40)
    assert small.shape == (2, 1, 40, 40)
    assert float(small[0, 0, 8, 8]) == pytest.approx(200, abs=2)
    assert torch.equal(prepared(squares(2), 80), squares(2).float())
