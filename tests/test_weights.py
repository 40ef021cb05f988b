from __future__ import annotations

import logging
import os
import socket
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from covidct_model import nets, weights
from covidct_model.errors import WeightsError

SMALL = "mobilenet_v3_small"
FILE = "mobilenet_v3_small-047dcff4.pth"
"""As torchvision names it."""


def small(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nets.build(SMALL, "none").eval()


def same(one: nn.Module, other: nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(each, theirs[name]) for name, each in one.state_dict().items())


def imagenet(name: str, classes: int = 1000) -> dict[str, torch.Tensor]:
    """Tensors as torchvision's, made on the spot."""
    tensors = nets.build(name, "none").body.state_dict()
    made = {}
    for name, each in tensors.items():
        shape = (classes, *each.shape[1:]) if each.shape[:1] == (1,) else each.shape
        made[name] = torch.rand(shape) if each.is_floating_point() else torch.zeros(shape, dtype=each.dtype)
    return made


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """PyTorch's cache, empty."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", [SMALL, "efficientnet_lite0"])
def test_what_is_saved_says_the_same_when_loaded(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, other = nets.build(name, "none").eval(), nets.build(name, "none").eval()
    net = net.to(memory_format=torch.channels_last)
    weights.save(net, tmp_path / "weights.safetensors")
    weights.load_into(other, tmp_path / "weights.safetensors")
    views = torch.rand(2, 1, 48, 48) * 255
    with torch.inference_mode():
        told = net(views).logits
        assert torch.allclose(told, other(views).logits, atol=1e-5)
    assert float(told.std()) > 0
    assert [each.name for each in tmp_path.iterdir()] == ["weights.safetensors"]
    assert same(net, nets.build(name, str(tmp_path / "weights.safetensors")))


def test_weights_of_another_network_are_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    weights.save(small(), path)
    with pytest.raises(WeightsError, match=r"another network: it (lacks|has) '"):
        weights.load_into(nets.build("squeezenet1_1", "none"), path)
    other = {
        name: each[:3] if name == "body.classifier.3.weight" else each
        for name, each in small().state_dict().items()
    }
    other["body.classifier.0.bias"] = torch.zeros(7)
    safetensors.torch.save_file(other, path)
    with pytest.raises(WeightsError, match=r"'body.classifier.0.bias' is \(7,\), not \(1024,\)"):
        weights.load_into(small(), path)


def test_imagenet_weights_are_read_from_the_cache(hub: Path) -> None:
    held = imagenet(SMALL)
    torch.save(held, hub / FILE)
    own = nets.build(SMALL).body.state_dict()
    assert torch.equal(own["features.0.0.weight"], held["features.0.0.weight"])
    assert own["classifier.3.weight"].shape == (1, 1024)


def test_jcs_starts_from_the_features_of_densenet_by_their_old_names(hub: Path) -> None:
    held = {
        name.replace("norm1.", "norm.1.").replace("norm2.", "norm.2.")
        .replace("conv1.", "conv.1.").replace("conv2.", "conv.2.")
        if "denselayer" in name else name: each
        for name, each in imagenet("densenet169").items()
        if not name.endswith("num_batches_tracked")
    }  # fmt: skip
    torch.save(held, hub / "densenet169-b2777c0a.pth")
    own = nets.build("jcs").features.state_dict()
    assert torch.equal(own["conv0.weight"], held["features.conv0.weight"])
    for layer in ("denseblock1.denselayer1", "denseblock4.denselayer32"):
        assert torch.equal(own[f"{layer}.conv2.weight"], held[f"features.{layer}.conv.2.weight"])


def test_without_a_network_it_is_said_where_the_file_goes(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "urlopen", away)
    with pytest.raises(WeightsError, match="--weights none") as told:
        nets.build("densenet169")
    assert "https://download.pytorch.org/models/densenet169-b2777c0a.pth" in str(told.value)
    assert str(hub / "densenet169-b2777c0a.pth") in str(told.value)
    assert not list(hub.iterdir())


def test_a_silent_server_is_not_waited_for(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_PATIENCE", 0.2)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(WeightsError, match="timed out"):
        weights.fetched(f"http://127.0.0.1:{server.getsockname()[1]}/some-0123abcd.pth")
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_file_of_pytorch_gives_all_but_its_head(
    wrapped: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held = {f"module.{name}": each for name, each in imagenet(SMALL, 2).items()}
    torch.save({"state_dict": held, "epoch": 3} if wrapped else held, tmp_path / "theirs.pt")
    with caplog.at_level(logging.WARNING):
        own = nets.build(SMALL, str(tmp_path / "theirs.pt")).body.state_dict()
    assert "left out: module.classifier.3.bias, module.classifier.3.weight" in caplog.text
    assert len([name for name in own if torch.equal(own[name], held[f"module.{name}"])]) == len(own) - 2


def test_densenet_starts_from_the_features_of_jcs(tmp_path: Path) -> None:
    jcs, densenet = nets.build("jcs", "none"), nets.build("densenet169", "none")
    weights.save(jcs, tmp_path / "jcs.safetensors")
    left = weights.start(densenet, tmp_path / "jcs.safetensors")
    assert same(densenet.body.features, jcs.features)
    assert {name.split(".")[0] for name in left} == {"aspp", "segment", "classify"}


@pytest.mark.parametrize(
    ("made_of", "asked"), [("resnet18", "resnet34"), ("resnet34", "resnet18"), (SMALL, "squeezenet1_1")]
)
def test_weights_of_a_relative_are_refused(made_of: str, asked: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(imagenet(made_of), path)
    net = nets.build(asked, "none")
    before = {name: each.clone() for name, each in net.state_dict().items()}
    with pytest.raises(WeightsError, match=r"another network: \d+ of \d+ tensors fit"):
        weights.start(net, path)
    assert all(torch.equal(each, before[name]) for name, each in net.state_dict().items())


class Malicious:
    """Writes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    path, mark = tmp_path / "weights.pt", tmp_path / "run"
    torch.save({"features.0.0.weight": Malicious(mark)}, path)
    with pytest.raises(WeightsError, match=r"pickle of more than tensors.*safetensors"):
        nets.build(SMALL, str(path))
    torch.save(small(), path)  # a whole network
    with pytest.raises(WeightsError, match=r"pickle of more than tensors.*state_dict"):
        nets.build(SMALL, str(path))
    assert not mark.exists()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_tensors_that_are_no_numbers_are_refused_by_name(bad: float, ending: str, tmp_path: Path) -> None:
    tensors = imagenet(SMALL)
    tensors["features.4.block.2.fc1.bias"][1] = bad
    path = tmp_path / f"weights.{ending}"
    (torch.save if ending == "pt" else safetensors.torch.save_file)(tensors, path)
    with pytest.raises(WeightsError, match=r"'features.4.block.2.fc1.bias' holds NaN or infinity"):
        nets.build(SMALL, str(path))


def test_a_tensor_larger_than_its_file_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1).expand(10**12)}, tmp_path / "bomb.pt")
    with pytest.raises(WeightsError, match="'w' is no plain tensor"):
        weights.load(tmp_path / "bomb.pt")


@pytest.mark.filterwarnings("ignore:Validating sparse")
def test_sparse_tensors_are_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.eye(3).to_sparse()}, tmp_path / "sparse.pt")
    with pytest.raises(WeightsError, match="'w' is no plain tensor"):
        weights.load(tmp_path / "sparse.pt")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "damaged"),
        (b"PK\x03\x04 and nothing else", "damaged"),
        (b"\x08\0\0\0\0\0\0\0{broken}", "damaged"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", "damaged"),
        (b"<html>not found</html>", "damaged"),
    ],
)
def test_damaged_files_are_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=reason) as told:
        weights.load(path)
    assert str(path) in str(told.value)


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_half_a_file_is_refused(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights.{ending}"
    (torch.save if ending == "pt" else safetensors.torch.save_file)(imagenet(SMALL), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WeightsError, match="damaged"):
        weights.load(path)


@pytest.mark.parametrize("held", [{}, {"epoch": 3}, [torch.zeros(3)], torch.zeros(3), {"state_dict": {}}])
def test_files_without_tensors_are_refused(held: object, tmp_path: Path) -> None:
    torch.save(held, tmp_path / "weights.pt")
    with pytest.raises(WeightsError, match="no table of tensors"):
        weights.load(tmp_path / "weights.pt")


def test_files_that_are_not_there_are_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.pt.*No such file"):
        nets.build(SMALL, str(tmp_path / "none.pt"))
    with pytest.raises(WeightsError, match="Is a directory"):
        nets.build(SMALL, str(tmp_path))
