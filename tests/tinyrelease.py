"""A release of a few drawn pictures, laid out like COVID-CT, to train on in seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covidct_curate.png import write_png

Grey = NDArray[np.uint8]
SIZE = 48


def drawn(random: np.random.Generator, *, positive: bool) -> tuple[Grey, Grey]:
    """A picture of noise, with a bright square at the left where it is positive; and the square as a mask."""
    picture = random.integers(20, 90, (SIZE, SIZE), np.uint8)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    if positive:
        top = int(random.integers(8, 24))
        picture[top : top + 16, 6:20] += 140
        mask[top : top + 16, 6:20] = 255
    return picture, mask


def tiny_release(
    root: Path,
    counts: tuple[int, int, int] = (8, 4, 6),
    *,
    masks: bool = False,
    change: Callable[[Grey, bool], Grey] = lambda picture, positive: picture,
) -> Path:
    """Write a release with so many pictures of each class in train, val and test; each a patient's own."""
    random = np.random.default_rng(11)
    rows = []
    for positive, folder, word in ((True, "CT_COVID", "covid"), (False, "CT_NonCOVID", "non-covid")):
        number = 0
        for part, count in zip(("train", "val", "test"), counts, strict=True):
            names = [f"{word}-{number + each}.png" for each in range(count)]
            number += count
            home = root / "Data-split" / folder.removeprefix("CT_")
            home.mkdir(parents=True, exist_ok=True)
            (home / f"{part}{folder}.txt").write_text("".join(f"{each}\n" for each in names))
            for name in names:
                picture, mask = drawn(random, positive=positive)
                (root / folder).mkdir(parents=True, exist_ok=True)
                write_png(change(picture, positive), root / folder / name)
                if masks and positive:
                    (root / "masks").mkdir(exist_ok=True)
                    write_png(mask, root / "masks" / name)
                told = {"split": part, "finding": word, "label": int(positive), "patient_id": f"p-{name}"}
                rows.append(
                    {"file_name": f"{folder}/{name}", **told, "doi": f"10.1101/{name}", "licence": "cc_by"}
                )
    (root / "metadata.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    return root


def change_row(root: Path, name: str, **values: object) -> None:
    """Change what the release says of one picture."""
    path = root / "metadata.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        if row["file_name"] == name:
            row.update(values)
    path.write_text("".join(f"{json.dumps(each)}\n" for each in rows))
