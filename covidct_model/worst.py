"""The worst mistakes of a run, and what in the pictures spoke for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from covidct_curate.audit.duplicates import in_grey
from covidct_curate.audit.folders import read_folder
from covidct_curate.errors import CurateError
from covidct_curate.panels.loose import read_pixels
from covidct_curate.png import write_png
from covidct_model.data import sized
from covidct_model.gradcam import cam, overlay
from covidct_model.metrics import HALF
from covidct_model.run import Prediction, Run

FOLDER = "errors"
_MOST = 8
_UNSAFE = re.compile(r"[^A-Za-z0-9.%_-]+")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture of which the network told the other class."""

    file_name: str
    label: int
    score: float
    overlay: str | None
    """The picture beside what spoke for the mistake, relative to the run; None where it cannot be told."""


def shown(run: Run, test: Sequence[Prediction]) -> tuple[tuple[Mistake, ...], str]:
    """At most 8 mistakes at 0.5, the worst first, with overlays in ``errors/``; and why there are no overlays, or ""."""
    wrong = [each for each in test if (each.score >= HALF) != bool(each.label)]
    wrong = sorted(wrong, key=lambda each: (-abs(each.score - each.label), each.file_name))[:_MOST]
    folder = run.folder / FOLDER
    for old in folder.glob("[0-9][0-9]-*.png"):
        old.unlink()
    if not wrong:
        return (), ""
    why, files = "", {}
    try:
        files = _overlays(run, wrong)
    except CurateError as error:
        why = f"What spoke for the mistakes cannot be shown: {error}"
    return tuple(
        Mistake(each.file_name, each.label, each.score, files.get(each.file_name)) for each in wrong
    ), why


def _overlays(run: Run, wrong: Sequence[Prediction]) -> dict[str, str]:
    """Draws each; picture → file. Raises `CurateError` when the network cannot be opened or a picture is gone."""
    net, size = run.network(), run.config.size
    paths = {entry.name: entry.path for entry in read_folder(Path(run.config.data)).entries}
    (run.folder / FOLDER).mkdir(exist_ok=True)
    files = {}
    for number, each in enumerate(wrong, 1):
        stem = _UNSAFE.sub("_", PurePosixPath(each.file_name).stem)[:80]
        files[each.file_name] = f"{FOLDER}/{number:02d}-{stem}.png"
        grey = sized(in_grey(read_pixels(paths[each.file_name])), size)
        write_png(_explained(net, grey), run.folder / files[each.file_name])
    return files


def _explained(net: nn.Module, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return overlay(grey, cam(net, torch.from_numpy(grey).float()[None, None]))
