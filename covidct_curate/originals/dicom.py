"""DICOM: the CT series among the files of a folder, whatever else lies there."""

from __future__ import annotations

import math
import re
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from covidct_curate.errors import CurateError, DatasetError
from covidct_curate.originals import deidentify
from covidct_curate.originals.planes import load, orientation
from covidct_curate.originals.series import Series, Tally, files_below, natural
from covidct_curate.originals.volume import MOST_VOXELS

_TAGS = [
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "ImageType"),
    *("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "InstanceNumber", "ImageOrientationPatient"),
    *("PatientID", "IssuerOfPatientID", "PatientSex", "PatientAge", "PatientBirthDate", "BodyPartExamined"),
    *("StudyDate", "SeriesDate", "AcquisitionDate", "Manufacturer", "KVP", "SliceThickness"),
    *("BurnedInAnnotation", "RecognizableVisualFeatures", "SharedFunctionalGroupsSequence"),
]
"""All that is read of a header while series are searched."""
_SUFFIXES = frozenset((".dcm", ".dicom", ".dic", ".ima"))
"""Files called so are tried even without DICOM's mark at their beginning."""
_INDEX = "1.2.840.10008.1.3.10"
_CAPTURES = "1.2.840.10008.5.1.4.1.1.7"
_CT = frozenset(f"1.2.840.10008.5.1.4.1.1.2{each}" for each in ("", ".1", ".2"))
_SAME = 0.02
"""Difference of direction cosines up to which slices are parallel."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    header: Any

    def text(self, name: str) -> str:
        value = self.header.get(name)
        return "" if value is None else str(value).strip()


def find_dicom(path: Path, salt: bytes) -> tuple[list[Series], tuple[str, ...]]:
    """The CT series in a file, or in a folder and those below it; and notes on what was left out.

    A series is one SeriesInstanceUID, wherever its files lie. Indexes, reports, other modalities, localizers,
    screen captures and copies are left out. ``salt``, 16 secret bytes or more, makes the pseudonyms. A series
    that cannot be decoded says so when it is loaded; there a slice that is damaged is left out with a note.

    Raises `DatasetError` when ``path`` cannot be listed or holds no CT series, `CurateError` when pydicom is
    not installed.
    """
    tally = Tally()
    found = [file for each in files_below(path) if (file := _file(each, tally))]
    grouped = _series(found, path, tally)
    if not grouped:
        because = "; ".join(tally.notes()) or "the folder is empty"
        raise DatasetError(f"{path}: there is no CT series in it: {because}")
    first = _first_days(list(grouped.values()))
    notes = list(tally.notes())
    unnamed = sum(deidentify.identity(files[0].header) is None for files in grouped.values())
    if unnamed:
        notes.append(
            f"{unnamed:,} series do not say whose they are; each study of them counts as one patient"
        )
    made = [_made(uid, files, salt, first) for uid, files in grouped.items()]
    return made, tuple(notes)


def _made(uid: str, files: Sequence[_File], salt: bytes, first: dict[str, date]) -> Series:
    told: dict[str, str] = {}
    for file in files:
        told = deidentify.facts(file.header) | told
    whose = _patient(files[0])
    day = next((day for file in files if (day := deidentify.day_of(file.header))), None)
    if day is not None:
        told["day"] = str((day - first[whose]).days)
    paths = tuple(file.path for file in files)
    return Series(
        name=deidentify.pseudonym("s", salt, uid),
        files=paths,
        patient=deidentify.pseudonym("p", salt, whose),
        read=partial(load, paths),
        facts=told,
        flags=tuple(dict.fromkeys(flag for file in files for flag in deidentify.flags(file.header))),
    )


def _patient(file: _File) -> str:
    study = file.text("StudyInstanceUID") or file.text("SeriesInstanceUID") or file.path.parent.name
    return deidentify.identity(file.header) or f"study {study}"


def _first_days(groups: list[list[_File]]) -> dict[str, date]:
    first: dict[str, date] = {}
    for files in groups:
        whose = _patient(files[0])
        for file in files:
            if day := deidentify.day_of(file.header):
                first[whose] = min(day, first.get(whose, day))
    return first


def _file(path: Path, tally: Tally) -> _File | None:
    """The header of a slice of CT; None, and why, for all else."""
    if path.name.upper() == "DICOMDIR":
        tally.leave("an index (DICOMDIR)", path)
        return None
    try:
        with path.open("rb") as opened:
            marked = opened.read(132)[128:] == b"DICM"
        if not marked and path.suffix.lower() not in _SUFFIXES:
            tally.leave("no DICOM", path)
            return None
        file = _File(path, read_header(path, _TAGS))
        reason = _reason(file)
    except CurateError:
        raise
    except Exception:  # whatever a damaged header makes its parser raise
        reason = "damaged, or no DICOM"
    if reason:
        tally.leave(reason, path)
        return None
    return file


def read_header(path: Path, tags: list[str]) -> Any:
    """The named elements of a file. Raises what pydicom raises, `CurateError` when it is not installed."""
    try:
        import pydicom
    except ImportError:
        raise CurateError("reading DICOM needs pydicom; install it: pip install pydicom") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=[*tags])
        for name in tags:
            header.get(name)  # decodes the element: a damaged one is met here
    return header


def _reason(file: _File) -> str:
    """Why a file is no slice of a CT; ``""`` where it is one."""
    kind = file.text("SOPClassUID")
    modality = re.sub(r"[^A-Z]", "", file.text("Modality").upper())[:16] or ("CT" if kind in _CT else "")
    rows, columns = int(file.header.get("Rows") or 0), int(file.header.get("Columns") or 0)
    if kind == _INDEX or str(file.header.file_meta.get("MediaStorageSOPClassUID", "")) == _INDEX:
        return "an index (DICOMDIR)"
    if not kind and not modality:
        return "damaged, or no DICOM"
    if modality != "CT":
        return f"{modality or 'no modality'}, not CT"
    if rows < 1 or columns < 1:
        return "without a picture"
    if rows * columns * int(file.header.get("NumberOfFrames") or 1) > MOST_VOXELS:
        return "a size that no scan has"
    if int(file.header.get("SamplesPerPixel") or 1) != 1:
        return "in colour, a report or a rendering"
    if kind == _CAPTURES or kind.startswith(f"{_CAPTURES}."):
        return "a screen capture"
    described = file.text("ImageType").upper()
    if "LOCALIZER" in described:
        return "a localizer"
    if "PERFUSION" in described:
        return "a map of perfusion"
    return ""


def _series(files: list[_File], root: Path, tally: Tally) -> dict[str, list[_File]]:
    """SeriesInstanceUID → its files that lie in parallel and have one size: the most there are."""
    seen: set[str] = set()
    by_uid: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        instance = file.text("SOPInstanceUID")
        if instance and instance in seen:
            tally.leave("a copy of another (same SOP instance)", file.path)
            continue
        seen.add(instance)
        folder = file.path.parent.relative_to(root).as_posix() if root.is_dir() else file.path.name
        by_uid[file.text("SeriesInstanceUID") or f"folder {folder}"].append(file)
    kept = {}
    for uid, members in by_uid.items():
        alike: list[list[_File]] = []
        for file in members:
            for group in alike:
                if _alike(group[0], file):
                    group.append(file)
                    break
            else:
                alike.append([file])
        best = max(alike, key=len)
        for group in alike:
            for file in group if group is not best else ():
                tally.leave("of another size or direction than most of its series", file.path)
        if len(best) == 1 and not int(best[0].header.get("NumberOfFrames") or 1) > 1 and _upended(best[0]):
            tally.leave("a single picture that is not axial, a localizer", best[0].path)
            continue
        kept[uid] = sorted(best, key=lambda file: natural(file.path.as_posix()))
    return kept


def _alike(one: _File, other: _File) -> bool:
    if any(one.header.get(name) != other.header.get(name) for name in ("Rows", "Columns")):
        return False
    ours, theirs = orientation(one.header), orientation(other.header)
    if ours is None or theirs is None:
        return ours is theirs
    return bool(abs(ours - theirs).max() <= _SAME)


def _upended(file: _File) -> bool:
    """Whether a slice does not lie across the body."""
    axes = orientation(file.header)
    return axes is not None and abs(axes[0][2]) < math.cos(math.pi / 4)
