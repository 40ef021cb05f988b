"""What feeding a network costs: a training step on a batch that is already there, ours, and one fed file by file.

    python benchmarks/train.py RELEASE [--model densenet169] [--size 480] [--batch 16] [--steps 30] [--give-back]

The third row decodes with Pillow in a DataLoader with a worker for each processor, as the original code of COVID-CT
does. All three take the same network, precision and device, in turns. With ``--give-back`` memory that is freed goes
back to the system at once, as it does by itself.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from covidct_curate.audit.folders import read_folder
from covidct_model.augment import augmented, drawn
from covidct_model.config import Config
from covidct_model.data import read_data
from covidct_model.heap import keep_freed
from covidct_model.losses import loss
from covidct_model.nets import build
from covidct_model.precision import fastest


class Files(Dataset[tuple[Tensor, float]]):
    """Pictures decoded when they are asked for."""

    def __init__(self, folder: Path, size: int) -> None:
        self.entries = [each for each in read_folder(folder).entries if each.part == "train"]
        self.view = v2.Compose(
            [
                v2.RandomResizedCrop(size, scale=(0.5, 1.0), antialias=True),
                v2.RandomHorizontalFlip(),
                v2.ColorJitter(brightness=0.2, contrast=0.2),
                v2.PILToTensor(),
            ]
        )

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, at: int) -> tuple[Tensor, float]:
        entry = self.entries[at]
        return self.view(Image.open(entry.path).convert("L")), float(entry.positive is True)


def there(images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The same batch again and again."""
    return itertools.repeat((images, labels))


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("release", type=Path)
    options.add_argument("--model", default="densenet169")
    options.add_argument("--size", type=int, default=480)
    options.add_argument("--batch", type=int, default=16)
    options.add_argument("--steps", type=int, default=30)
    options.add_argument("--give-back", action="store_true")
    told = options.parse_args()
    if not told.give_back:
        keep_freed()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = Config(data=str(told.release), model=told.model, size=told.size, batch=told.batch)
    begun = time.perf_counter()
    train = read_data(told.release, told.size).parts["train"]
    read = time.perf_counter() - begun
    images, labels = train.images.to(device), train.labels.to(device)
    net = build(told.model, "none")
    precision = fastest(net, told.size, told.batch, device)
    net = precision.placed(net, device).train()
    optimizer = torch.optim.Adam(net.parameters(), 1e-5)
    none = torch.zeros(told.batch, dtype=torch.bool, device=device)

    def learn(views: Tensor, target: Tensor) -> None:
        with precision.cast(device):
            output = net(precision.laid_out(views))
        optimizer.zero_grad(set_to_none=True)
        loss(output, target, None, none[: len(target)]).backward()
        optimizer.step()

    def ours() -> Iterator[tuple[Tensor, Tensor]]:
        chance = torch.Generator().manual_seed(0)
        while True:
            for batch in torch.randperm(len(images), generator=chance).split(told.batch):
                if len(batch) == told.batch:
                    own = batch.to(device)
                    yield augmented(images[own], None, drawn(len(own), chance), config)[0], labels[own]

    def files() -> Iterator[tuple[Tensor, Tensor]]:
        loader = DataLoader(
            Files(told.release, told.size), told.batch, shuffle=True, drop_last=True, pin_memory=device.type == "cuda",
            num_workers=os.cpu_count() or 1, persistent_workers=True,
        )  # fmt: skip
        while True:
            for views, target in loader:
                yield views.to(device).float(), target.to(device).float()

    first = torch.rand(told.batch, 1, told.size, told.size, device=device) * 255
    ways = {
        "already there": there(first, labels[: told.batch]),
        "covidct": ours(),
        "Pillow, DataLoader": files(),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for name, feed in ways.items():
        for _ in range(3):
            learn(*next(feed))
        for _ in range(told.steps):
            if device.type == "cuda":
                torch.cuda.synchronize()
            begun = time.perf_counter()
            learn(*next(feed))
            if device.type == "cuda":
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - begun)
    best = statistics.mean(seconds["already there"])
    where = (
        torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    )
    print(
        f"{told.model}, {told.batch} x {told.size} px, {precision.name}, {where}; read once in {read:.1f} s"
    )
    print(f"{'pictures':<20} {'ms a step':>10} {'speed':>7}")
    for name, each in seconds.items():
        print(f"{name:<20} {1000 * statistics.mean(each):>10.1f} {best / statistics.mean(each):>7.2f}")


if __name__ == "__main__":
    main()
