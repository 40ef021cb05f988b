"""A release folder as tensors: 8-bit grey, one size, decoded once and held in memory.

A colour mode, an ending or a size must not tell the class, so nothing of them is left.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covidct_curate import inputs
from covidct_curate.audit.copies import copies
from covidct_curate.audit.duplicates import in_grey
from covidct_curate.audit.files import look_at
from covidct_curate.audit.finding import Finding
from covidct_curate.audit.folders import read_folder
from covidct_curate.audit.leaks import leaks
from covidct_curate.audit.seen import Seen
from covidct_curate.audit.subject import PARTS, Entry
from covidct_curate.errors import CurateError
from covidct_curate.panels.loose import read_pixels
from covidct_model.errors import DataError, MemoryShort

Plane = NDArray[np.uint8]
"""Height x width."""
_SHOWN = 10
"""Problems of one kind that an error names."""
_SPARE = 1.25
"""How much larger pictures are held than they are seen, so that a crop is not blurred."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The pictures of one part of the split, in order of their names."""

    names: tuple[str, ...]
    """Relative to the release."""
    images: Tensor
    """uint8 (n, 1, h, w), h = w = `held` of the size."""
    labels: Tensor
    """float32 (n,): 1 the positive class (COVID), 0 the negative one."""
    masks: Tensor
    """uint8 (n, 1, h, w), 1 where a lesion is; of no use where ``has_mask`` is not."""
    has_mask: Tensor
    """bool (n,)."""
    patients: tuple[str, ...]
    """``""`` where not known."""
    papers: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A release, ready to train on."""

    folder: Path
    parts: Mapping[str, Pictures]
    """``train``, ``val`` and ``test``, each of which may be empty."""
    digest: str
    """Of the names, classes, parts and pixels: equal for equal data."""
    warnings: tuple[Finding, ...]
    """Papers and near-duplicates in two parts of the split, and near-duplicates in two classes."""

    def joined(self, names: Sequence[str]) -> Pictures:
        """Several parts as one."""
        some = [self.parts[name] for name in names]
        return Pictures(
            names=sum((each.names for each in some), ()),
            images=torch.cat([each.images for each in some]),
            labels=torch.cat([each.labels for each in some]),
            masks=torch.cat([each.masks for each in some]),
            has_mask=torch.cat([each.has_mask for each in some]),
            patients=sum((each.patients for each in some), ()),
            papers=sum((each.papers for each in some), ()),
        )


def held(size: int) -> int:
    """The side in which pictures are held for a network that sees ``size``."""
    return math.ceil(size * _SPARE / 16) * 16


def sized(grey: Plane, side: int) -> Plane:
    """A grey picture of any size as side x side."""
    how = cv2.INTER_AREA if min(grey.shape) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (side, side), interpolation=how), np.uint8)


def read_data(folder: Path, size: int) -> Data:
    """Read a release, or a folder laid out like COVID-CT with lists of a split, for a network that sees ``size``.

    Refused with a list of all that is wrong: files that are missing or cannot be read, classes that are not known, a
    patient or equal pixels in two parts, masks of another shape or without a picture. Pictures in no part are left
    out. Raises `DataError` for these and for a folder that is no such dataset, `MemoryShort` when the pictures do not
    fit into memory.
    """
    try:
        subject = read_folder(folder)
    except CurateError as error:
        raise DataError(str(error)) from error
    entries = tuple(entry for entry in subject.entries if entry.part)
    _fits(len(entries), size)
    parted = replace(subject, entries=entries)
    seen, unreadable = look_at(parted)
    shared = [each for each in (*copies(parted, seen), *leaks(entries)) if each.severity == "error"]
    parts = {entry.name: entry.part for entry in entries}
    masks = _masks(folder)
    pictured = {_stem(entry) for entry in subject.entries}
    problems = [
        *(_line(each) for each in subject.findings if each.kind == "missing" and each.severity == "error"),
        *(_line(each) for each in unreadable if each.severity == "error"),
        *(f"{each.name}: its class is {each.finding!r}" for each in entries if each.positive is None),
        *(_line(each) for each in shared if each.kind == "shared-patient" or _equal(each, seen, parts)),
        *(f"{mask.name}: a mask without a picture" for stem, mask in masks.items() if stem not in pictured),
    ]
    if not any(entry.part == "train" for entry in entries):
        problems.append("no picture is in the training part of a split (Data-split/)")
    held_planes = _Planes(held(size), masks)
    usable = [entry for entry in entries if entry.name in seen]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        planes = list(pool.map(held_planes.of, usable))
    problems += held_planes.problems
    if problems:
        rest = [f"and {len(problems) - _SHOWN:,} more"] if len(problems) > _SHOWN else []
        lines = "\n  ".join([*problems[:_SHOWN], *rest])
        raise DataError(f"{folder}: it cannot be trained on:\n  {lines}")
    pictures: dict[str, Pictures] = {
        part: _part([each for each in zip(usable, planes, strict=True) if each[0].part == part], held(size))
        for part in PARTS
    }
    return Data(folder, pictures, _digest(entries, seen, masks), tuple(shared))


def _line(finding: Finding) -> str:
    names = ", ".join(finding.files[:3]) + (
        f" and {len(finding.files) - 3:,} more" if len(finding.files) > 3 else ""
    )
    return f"{finding.kind}: {names}: {finding.text}"


def _equal(finding: Finding, seen: Mapping[str, Seen], parts: Mapping[str, str]) -> bool:
    """Whether a finding is about equal pixels in two parts."""
    if finding.kind not in ("duplicate", "label-contradiction"):
        return False
    return (
        len({seen[each].pixels for each in finding.files}) == 1 < len({parts[each] for each in finding.files})
    )


def _fits(count: int, size: int) -> None:
    """Raises `MemoryShort` unless so many pictures fit into half of the memory that is free."""
    needed, free = 2 * count * held(size) ** 2, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > free / 2:
        most = int(math.sqrt(free / 4 / count) / _SPARE) // 32 * 32
        raise MemoryShort(
            f"{count:,} pictures for a size of {size} need {needed / 2**30:.1f} GiB of memory, and half of the "
            f"{free / 2**30:.1f} GiB that are free may be taken; try --size {max(32, most)}"
        )


def _stem(entry: Entry) -> str:
    return PurePosixPath(entry.name).stem


def _masks(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted((folder / "masks").glob("*.png"))}


class _Planes:
    """Reads pictures and their masks in one size."""

    def __init__(self, side: int, masks: Mapping[str, Path]) -> None:
        self.side, self.masks = side, masks
        self.problems: list[str] = []

    def of(self, entry: Entry) -> tuple[Plane, Plane | None]:
        """The grey picture and its mask (0 or 1), each side x side; what is wrong with a mask is a problem."""
        grey = in_grey(read_pixels(entry.path))
        picture = sized(grey, self.side)
        path = self.masks.get(_stem(entry))
        if path is None:
            return picture, None
        try:
            mask = in_grey(read_pixels(path))
        except CurateError as error:
            self.problems.append(str(error))
            return picture, None
        if mask.shape != grey.shape:
            sizes = " and ".join(f"{each.shape[1]} x {each.shape[0]}" for each in (mask, grey))
            self.problems.append(
                f"masks/{path.name}: it and its picture, {entry.name}, are of two sizes, {sizes}"
            )
            return picture, None
        lesions = np.asarray(mask > 127, np.uint8)
        shape = (self.side, self.side)
        return picture, np.asarray(cv2.resize(lesions, shape, interpolation=cv2.INTER_NEAREST), np.uint8)


def _part(members: Sequence[tuple[Entry, tuple[Plane, Plane | None]]], side: int) -> Pictures:
    none = np.zeros((side, side), np.uint8)
    images = [picture for _, (picture, _) in members]
    masks = [none if mask is None else mask for _, (_, mask) in members]
    return Pictures(
        names=tuple(entry.name for entry, _ in members),
        images=torch.from_numpy(np.array(images, np.uint8).reshape(-1, 1, side, side)),
        labels=torch.tensor([float(entry.positive is True) for entry, _ in members]),
        masks=torch.from_numpy(np.array(masks, np.uint8).reshape(-1, 1, side, side)),
        has_mask=torch.tensor([mask is not None for _, (_, mask) in members], dtype=torch.bool),
        patients=tuple(entry.patient for entry, _ in members),
        papers=tuple(entry.paper for entry, _ in members),
    )


def _digest(entries: Sequence[Entry], seen: Mapping[str, Seen], masks: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        mask = masks.get(_stem(entry))
        told = (entry.name, entry.positive, entry.part, entry.patient, seen[entry.name].pixels)
        digest.update(repr((*told, inputs.digest(mask) if mask else "")).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
