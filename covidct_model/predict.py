"""`predict`: what a run says of pictures and scans it was not trained on.

Pictures are prepared as they were in training, slices of scans windowed as on import. No medical device.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from covidct_curate import inputs
from covidct_curate.audit.duplicates import in_grey
from covidct_curate.errors import ChoiceError, CurateError, DatasetError, in_words
from covidct_curate.extract.names import safe_name
from covidct_curate.forms import FORMS
from covidct_curate.originals.dicom import find_dicom
from covidct_curate.originals.documents import Scan, Wish
from covidct_curate.originals.lungs import crop_box
from covidct_curate.originals.metaimage import find_metaimage
from covidct_curate.originals.nifti import find_nifti
from covidct_curate.originals.series import Series, files_below
from covidct_curate.panels.loose import SUFFIXES, read_pixels
from covidct_curate.png import write_png
from covidct_model.config import Config
from covidct_model.data import held, sized
from covidct_model.judging import judged
from covidct_model.run import Run, open_run

Grey = NDArray[np.uint8]

NOTICE = "No medical device: for research only."
CROPS = ("", "body", "lungs")
_NIFTI = (".nii", ".nii.gz")
_META = (".mhd", ".mha", ".raw", ".zraw")
_LONGEST = 300
"""Characters of a reason that are told."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is said of one picture or slice, or why nothing is."""

    file: str
    """Relative to what was given; of a scan in many files the first of them."""
    slice: int | None
    """Of a scan, from the feet, 0 the lowest."""
    score: float | None
    """From 0 to 1: how sure the network is of COVID; None where it was not asked."""
    label: int | None
    """1 (COVID) from the threshold on, else 0."""
    threshold: float | None
    note: str = ""
    notice: str = NOTICE


@dataclass(frozen=True, slots=True)
class Predictions:
    """All rows, in the order of the files, and what else is to be said."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    """Files of a folder that were left out."""

    @property
    def failed(self) -> tuple[Row, ...]:
        """Pictures and scans without a score."""
        return tuple(row for row in self.rows if row.score is None)


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A picture, or a slice, to be judged."""

    file: str
    slice: int | None
    grey: Grey
    note: str


def predict(
    run: Path,
    path: Path,
    *,
    masks: Path | None = None,
    crop: str = "",
    progress: Callable[[int], None] | None = None,
) -> Predictions:
    """Judge a picture, a DICOM series, a NIfTI or MetaImage scan, or all of these in a folder, by a run's network.

    ``masks``: folder for the lesions that the network finds, one PNG (0 and 255) a picture, in its size. ``crop``
    is what is cut out before: ``""`` the whole, ``body`` or ``lungs``. A picture or a scan that cannot be read is a
    row without a score. The threshold is the one that `evaluate` chose on validation, else 0.5. ``progress`` is
    called with the number of rows so far. Raises `RunError` and `WeightsError` for a run that cannot be used,
    `DatasetError` when there is nothing to judge in ``path``, `ChoiceError` for masks of a network that finds none.
    """
    if crop not in CROPS:
        raise ChoiceError(f"{crop}: no crop; there are body and lungs")
    opened = open_run(run)
    judge = _Judge(opened.network(), opened.config, _threshold(opened), masks)
    found, notes = _found(path)
    rows: list[Row] = []
    batch: list[_Shown | Row] = []
    for each in _shown(found, path, crop):
        batch.append(each)
        if len(batch) >= opened.config.batch:
            rows += judge.rows(batch)
            batch = []
            if progress:
                progress(len(rows))
    rows += judge.rows(batch)
    return Predictions(tuple(rows), notes)


def write(predictions: Predictions, stream: TextIO) -> None:
    """Write the rows as CSV, safe for spreadsheets; ``file``, ``slice``, ``score``, … are its columns."""
    FORMS["csv"]("predictions", (asdict(row) for row in predictions.rows), stream)


class _Judge:
    """The network of a run, where it is fastest."""

    def __init__(self, net: nn.Module, config: Config, threshold: float, masks: Path | None) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net, self.config, self.threshold = net.to(self.device), config, threshold
        self.masks = masks
        self.taken: set[str] = set()
        if masks is not None:
            blank = torch.zeros(1, 1, config.size, config.size, device=self.device)
            with torch.inference_mode():
                if net(blank).masks is None:
                    raise ChoiceError(
                        f"{config.model} finds no lesions; leave out --masks, or take a run of jcs"
                    )
            masks.mkdir(parents=True, exist_ok=True)

    def rows(self, batch: list[_Shown | Row]) -> list[Row]:
        """The rows of a batch, in its order; what failed before is a row already."""
        shown = [each for each in batch if isinstance(each, _Shown)]
        if not shown:
            return [each for each in batch if isinstance(each, Row)]
        scores, lesions = self._asked(shown)
        if lesions is not None:
            for each, lesion in zip(shown, lesions, strict=True):
                self._put(each, lesion)
        told = iter(scores)
        return [each if isinstance(each, Row) else self._row(each, next(told)) for each in batch]

    @torch.inference_mode()
    def _asked(self, shown: list[_Shown]) -> tuple[list[float], Tensor | None]:
        """Score of each; lesions."""
        side = held(self.config.size)
        planes = np.stack([sized(each.grey, side) for each in shown])[:, None]
        output = judged(self.net, torch.from_numpy(planes).to(self.device), self.config)
        lesions = None if output.masks is None or self.masks is None else output.masks[:, 0].cpu()
        return [float(score) for score in torch.sigmoid(output.logits.double()).cpu()], lesions

    def _row(self, shown: _Shown, score: float) -> Row:
        return Row(
            shown.file, shown.slice, round(score, 6), int(score >= self.threshold), self.threshold, shown.note
        )

    def _put(self, shown: _Shown, lesion: Tensor) -> None:
        """Write where the lesions are, in the picture's size."""
        assert self.masks is not None
        height, width = shown.grey.shape
        sized = cv2.resize(lesion.numpy(), (width, height), interpolation=cv2.INTER_LINEAR)
        stem = safe_name(shown.file) + (f"-{shown.slice:04d}" if shown.slice is not None else "")
        name, count = stem, 2
        while name.lower() in self.taken:
            name, count = f"{stem}-{count}", count + 1
        self.taken.add(name.lower())
        write_png(np.where(sized > 0, np.uint8(255), np.uint8(0)), self.masks / f"{name}.png")


def _threshold(run: Run) -> float:
    """The threshold that was chosen on validation, where the run was evaluated; else 0.5."""
    if not (run.folder / "evaluation.json").is_file():
        return 0.5
    told = run.told("evaluation.json").get("threshold")
    return float(told) if isinstance(told, int | float) and 0 <= told <= 1 else 0.5


# what there is -----------------------------------------------------------------------------------------


def _found(path: Path) -> tuple[list[Path | Series], tuple[str, ...]]:
    """Picture files and scans, in order of their first files; and notes."""
    files = list(files_below(path))
    names = [each.name.lower() for each in files]
    found: list[Path | Series] = [
        each for each, name in zip(files, names, strict=True) if Path(name).suffix in SUFFIXES
    ]
    others = [
        each
        for each, name in zip(files, names, strict=True)
        if not name.endswith((*SUFFIXES, *_NIFTI, *_META))
    ]
    notes: list[str] = []
    salt = secrets.token_bytes(32)  # for pseudonyms that are never shown
    if any(name.endswith(_NIFTI) for name in names):
        found += find_nifti(path, salt)[0]
    if any(name.endswith(_META[:2]) for name in names):
        found += find_metaimage(path, salt)[0]
    if others:
        try:
            series, told = find_dicom(path, salt)
        except DatasetError:
            if not found:
                raise
        else:
            found += series
            notes += told
    if not found:
        raise DatasetError(
            f"{path}: there is no picture (PNG, JPEG, …) and no scan (DICOM, NIfTI, MetaImage) in it"
        )
    return sorted(found, key=lambda each: os.fspath(_first(each))), tuple(notes)


def _first(found: Path | Series) -> Path:
    return found.files[0] if isinstance(found, Series) else found


def _shown(found: list[Path | Series], root: Path, crop: str) -> Iterator[_Shown | Row]:
    """All pictures and slices; a row for what cannot be read."""
    for each in found:
        first = _first(each)
        relative = first.relative_to(root).as_posix() if root.is_dir() else first.name
        name = inputs.name(relative)
        try:
            if isinstance(each, Series):
                yield from _slices(each, name, crop)
            else:
                yield _Shown(name, None, _cropped(in_grey(read_pixels(each)), crop), "")
        except (CurateError, OSError, MemoryError) as error:
            reason = in_words(error).removeprefix(f"{first}: ")
            yield Row(name, None, None, None, None, reason[:_LONGEST])


def _slices(series: Series, name: str, crop: str) -> Iterator[_Shown]:
    """The slices of a scan through the lung window; what is odd about it is told with the first."""
    scan = Scan("", series, None, Wish(crop=crop))
    for number, each in enumerate(scan.slices()):
        note = "; ".join(scan.notes) if number == 0 else ""
        yield _Shown(
            name, int(each.image.facts.extra["slice"]), np.ascontiguousarray(each.pixels, np.uint8), note
        )


def _cropped(grey: Grey, crop: str) -> Grey:
    x0, y0, x1, y1 = crop_box(grey, crop)
    return grey[y0:y1, x0:x1]
