"""Networks that classify: those of torchvision, and EfficientNet-lite0, each with one logit."""

from __future__ import annotations

from typing import Any

import torchvision
from torch import Tensor, nn
from torch.nn import functional

from covidct_model.errors import ConfigError
from covidct_model.nets.output import Grey, Levels, Output

_LITE0: Levels = ((127 / 255,) * 3, (128 / 255,) * 3)


class Classifier(nn.Module):
    """Any network that gives one number a picture.

    ``least`` is the smallest height and width it takes, in pixels: smaller pictures are enlarged to it; with
    ``fixed`` larger ones are shrunk to it as well.
    """

    def __init__(self, body: nn.Module, levels: Levels, least: int = 1, fixed: bool = False) -> None:
        super().__init__()
        self.grey = Grey(levels)
        self.body = body
        self.least, self.fixed = least, fixed
        for each in body.modules():
            # Some networks begin with logits in the tens where there is one class.
            if isinstance(each, nn.Linear | nn.Conv2d) and each.weight.shape[0] == 1:
                nn.init.normal_(each.weight, std=0.01)
                if each.bias is not None:
                    nn.init.zeros_(each.bias)

    def forward(self, x: Tensor) -> Output:
        """float32 (n, 1, S, S) from 0 to 255 → logits (n,), no masks."""
        if x.shape[-1] < self.least or (self.fixed and x.shape[-1] != self.least):
            x = functional.interpolate(
                x, (self.least, self.least), mode="bilinear", antialias=True, align_corners=False
            )
        return Output(self.body(self.grey(x)).flatten(), None)


def of_torchvision(name: str) -> Classifier:
    """A classifier of torchvision, without weights; normalises as its weights were learnt with.

    ``densenet169`` is that of Huang et al. 2017, Densely Connected Convolutional Networks (arXiv 1608.06993):
    (n, 3, S, S) → 1664 features at S / 32, their mean → (n, 1).
    """
    default = torchvision.models.get_model_weights(name).DEFAULT
    least = max(default.meta["min_size"])
    more: dict[str, Any] = {}
    if name.startswith("vit_"):
        more = {"image_size": least}
    elif name in ("inception_v3", "googlenet"):
        more = {"aux_logits": False, "init_weights": True, "transform_input": True}
    body = torchvision.models.get_model(name, weights=None, num_classes=1, **more)
    if name.startswith("squeezenet"):
        body.classifier[2] = nn.Identity()  # a rectifier, after which no logit could be negative
    preset = default.transforms()
    return Classifier(body, (preset.mean, preset.std), least, name.startswith(("vit_", "maxvit_")))


def weights_url(name: str) -> str:
    """Where torchvision has the ImageNet weights of that classifier."""
    return str(torchvision.models.get_model_weights(name).DEFAULT.url)


def efficientnet_lite0() -> Classifier:
    """EfficientNet-lite0, without weights. Raises `ConfigError` when timm is not installed.

    Tan and Le 2019 (arXiv 1905.11946), in the variant of TensorFlow's TPU models without squeeze-and-excitation and
    with ReLU6; input (x - 127) / 128. (n, 3, S, S) → 1280 features at S / 32, their mean → (n, 1).
    """
    try:
        import timm
    except ImportError as error:
        raise ConfigError(
            "efficientnet_lite0 needs the package timm; install it: pip install timm"
        ) from error
    return Classifier(timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=1), _LITE0)
