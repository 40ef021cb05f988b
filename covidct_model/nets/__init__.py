"""The networks, by name: each takes grey pictures from 0 to 255 and says one logit of each."""

from __future__ import annotations

import difflib
import logging
from pathlib import Path

import torchvision
from torch import nn

from covidct_model import weights as files
from covidct_model.errors import ConfigError
from covidct_model.nets import classifier
from covidct_model.nets.jcs import Jcs
from covidct_model.nets.output import Output

__all__ = ["Output", "build", "names"]


def names() -> tuple[str, ...]:
    """All that `build` knows."""
    return ("efficientnet_lite0", "jcs", *torchvision.models.list_models(module=torchvision.models))


def build(name: str, weights: str = "imagenet") -> nn.Module:
    """The network of that name; float32 (n, 1, S, S) from 0 to 255 → `Output`, for any S from 32 up.

    ``weights`` is ``imagenet``, ``none``, or a file of safetensors or PyTorch tensors, with this network's names or
    those of the network it is made of; a head of other classes is left out, and so is told. Raises `ConfigError` for
    a name that is none, `WeightsError` when the weights cannot be had, read or trusted.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), 3, 0.5) or (
            "densenet169",
            "efficientnet_lite0",
            "jcs",
        )
        raise ConfigError(f"model: there is no {name!r}; did you mean {' or '.join(near)}?")
    net = _made(name)
    if weights == "none":
        return net
    if weights == "imagenet":
        path = files.lite0() if name == "efficientnet_lite0" else files.fetched(_url(name))
    else:
        path = Path(weights)
    left = files.start(net, path)
    if left and weights != "imagenet":
        logging.getLogger(__name__).warning("%s: left out: %s", path, ", ".join(left))
    return net


def _made(name: str) -> nn.Module:
    if name == "jcs":
        return Jcs()
    return (
        classifier.efficientnet_lite0() if name == "efficientnet_lite0" else classifier.of_torchvision(name)
    )


def _url(name: str) -> str:
    return classifier.weights_url("densenet169" if name == "jcs" else name)
