from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from covidct_model.errors import ConfigError, MemoryShort
from covidct_model.nets import Output
from covidct_model.precision import NAMES, fastest, named

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that share busy cores wait for each other at every one of these small operations."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Slow(nn.Module):
    """Slow in all precisions but one, and seen by how it is laid out and by what it computes in."""

    def __init__(self, quick: str, short: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.batch, self.drop = nn.BatchNorm2d(3), nn.Dropout()
        self.quick, self.short = quick, short

    def forward(self, x: torch.Tensor) -> Output:
        found = self.conv(x)
        kind = str(found.dtype).removeprefix("torch.")
        laid = "-channels-last" if found.is_contiguous(memory_format=torch.channels_last) else ""
        name = f"{kind}{laid}"
        if name in self.short:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        if name != self.quick:
            time.sleep(0.1)
        return Output(self.drop(self.batch(found)).mean((1, 2, 3)), None)


@pytest.mark.parametrize("quick", NAMES)
def test_takes_the_fastest_and_says_how_fast_all_were(quick: str) -> None:
    taken = fastest(Slow(quick), 32, 2, CPU)
    told = taken.as_dict()
    assert taken.name == told["name"] == quick
    assert set(told["small"]) == set(NAMES)
    assert min(told["small"], key=lambda name: told["small"][name]) == quick


def test_what_is_not_hopeless_is_measured_at_full_size() -> None:
    seen: list[tuple[int, ...]] = []
    net = Slow("none")
    net.register_forward_pre_hook(lambda _, views: seen.append(tuple(views[0].shape)))
    taken = fastest(net, 96, 3, CPU)  # all are as slow
    assert set(taken.seconds) == set(NAMES)
    assert taken.name == min(taken.seconds, key=lambda name: taken.seconds[name])
    assert seen == [(2, 1, 64, 64)] * 12 + [(3, 1, 96, 96)] * 12


def test_measuring_leaves_network_and_chance_as_they_were() -> None:
    torch.manual_seed(0)
    net = Slow("float32").eval()
    before = {name: each.clone() for name, each in net.state_dict().items()}
    state = torch.get_rng_state()
    fastest(net, 32, 2, CPU)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(each, before[name]) for name, each in net.state_dict().items())
    assert not net.training
    assert all(each.grad is None for each in net.parameters())


def test_what_does_not_fit_into_memory_is_not_taken() -> None:
    taken = fastest(Slow("float32", short=("float32",)), 32, 2, CPU)
    assert taken.name != "float32"
    assert set(taken.small) == set(NAMES) - {"float32"}
    with pytest.raises(MemoryShort, match=r"batch of 4 at 96 pixels.*--batch 2 or --size 64"):
        fastest(Slow("float32", short=NAMES), 96, 64, CPU)


def test_other_failures_are_not_hidden() -> None:
    with pytest.raises(RuntimeError, match=r"size mismatch|shapes cannot be multiplied"):
        fastest(nn.Sequential(nn.Flatten(), nn.Linear(3, 1)), 32, 2, CPU)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_learns_in_every_precision(name: str) -> None:
    way = named(name)
    net = way.placed(
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1)), CPU
    )
    views = way.laid_out(torch.rand(2, 3, 32, 32))
    with way.cast(CPU):
        logits = net(views)
    assert logits.dtype == (torch.bfloat16 if name.startswith("bfloat16") else torch.float32)
    logits.float().sum().backward()
    assert all(each.dtype == torch.float32 and each.grad is not None for each in net.parameters())
    for each in (views, net[0].weight):
        assert each.is_contiguous(memory_format=torch.channels_last) == name.endswith("channels-last")


def test_unknown_precisions_are_refused() -> None:
    with pytest.raises(ConfigError, match="float16"):
        named("float16")
