"""JCS: one network that classifies a picture and outlines the lesions it judges by.

The joint model of the COVID-CT paper (Zhao, He et al. 2020, arXiv 2003.13865), after Wu et al. 2020, JCS: An
Explainable COVID-19 Diagnosis System by Joint Classification and Segmentation (arXiv 2004.07054).
"""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.segmentation.deeplabv3 import ASPP

from covidct_model.nets.output import IMAGENET, Grey, Output

_RATES = (6, 12, 18)
"""Of DeepLabv3 at output stride 16 (Chen et al. 2017, arXiv 1706.05587)."""
_WIDTH = 256


class Jcs(nn.Module):
    """DenseNet-169 at output stride 16, atrous spatial pyramid pooling (ASPP), and a branch for each task.

    At stride 16 the last transition does not halve the features, and the last dense block is dilated by 2 instead:
    its weights are those of DenseNet-169, name by name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.grey = Grey(IMAGENET)
        whole = torchvision.models.densenet169(weights=None)
        self.features = whole.features
        self.features.transition3.pool = nn.Identity()
        for each in self.features.denseblock4.modules():
            if isinstance(each, nn.Conv2d) and each.kernel_size == (3, 3):
                each.dilation, each.padding = (2, 2), (2, 2)
        self.aspp = ASPP(whole.classifier.in_features, _RATES, _WIDTH)
        self.segment = nn.Sequential(*_block(_WIDTH), nn.Conv2d(_WIDTH, 1, 1))
        self.classify = nn.Sequential(
            *_block(_WIDTH + 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(_WIDTH, 1)
        )

    def forward(self, x: Tensor) -> Output:
        """float32 (n, 1, S, S) from 0 to 255 → logits (n,), masks (n, 1, S, S).

        Features (n, 1664, S / 16, S / 16) → ASPP (n, 256, S / 16, S / 16) → masks (n, 1, S / 16, S / 16), which are
        enlarged to the input's size, and go beside the ASPP's features (n, 257, …) into the classification.
        """
        found = self.aspp(functional.relu(self.features(self.grey(x))))
        masks = self.segment(found)
        logits = self.classify(torch.cat([found, masks.sigmoid()], 1)).flatten()
        return Output(
            logits, functional.interpolate(masks, x.shape[-2:], mode="bilinear", align_corners=False)
        )


def _block(channels: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, _WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(_WIDTH), nn.ReLU()]
