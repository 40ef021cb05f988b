"""The pictures a study learns from and is judged on, where they lie, and in which part each is.

The paper's lists of pictures are not published. Who is in which part goes by the order of the names, so that it is
always the same, and no patient is in two.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from covidct_curate.audit.folders import read_folder
from covidct_curate.audit.subject import Entry
from covidct_curate.datasets.folders import natural
from covidct_curate.errors import CurateError
from covidct_model.errors import ConfigError, DataError
from covidct_model.view import Turn

Roots = Mapping[str, Path]
"""``covid-ct``, ``covid-seg`` and ``luna``: their folders, where given."""

_SUFFIXES = frozenset((".png", ".jpg", ".jpeg"))
_SLICE = re.compile(r"(?P<scan>.+)_(?P<number>\d{1,5})")
_SERIES = re.compile(r"_\d+_\d+-dcm$")
"""What tells scans of one Radiopaedia case apart."""
_FEW = 118
"""COVID images of the smaller COVID-CT."""


@dataclass(frozen=True, slots=True)
class Source:
    """One picture."""

    name: str
    """What it is called in the study, without ending."""
    file: Path
    positive: bool
    part: str
    """``train``, ``val`` or ``test``; ``""`` in none."""
    dataset: str
    patient: str = ""
    paper: str = ""
    scan: str = ""
    """The scan whose slice it is; ``""`` where it is none."""
    turn: Turn = ""
    mask: Path | None = None
    viewed: bool = True
    """Whether it is brought into the `view` of all; else it stays as it is, in grey."""
    lungs_needed: bool = False
    """Whether it is left out where both lungs are not well in it."""


def of(name: str, roots: Roots) -> list[Source]:
    """The pictures called ``name``, one of `NAMES`, in order of their names.

    Raises `ConfigError` when there is no such name or its folder was not given, `DataError` when nothing is in it.
    """
    if name not in NAMES:
        raise ConfigError(f"{name}: no pictures are called so; there are {', '.join(NAMES)}")
    root, read = NAMES[name]
    if root not in roots:
        raise ConfigError(f"{name}: its folder is not known; give --{root} DIR")
    found = read(roots[root])
    if not found:
        raise DataError(
            f"{roots[root]}: there are no pictures for {name} in it (docs/studies.md says how they lie)"
        )
    return found


# COVID-CT ----------------------------------------------------------------------------------------------


def _official(root: Path) -> list[Source]:
    """As it is, with its official split."""
    return [_covid_ct(entry, entry.part, viewed=False) for entry in _entries(root) if entry.part]


def _all_covid(root: Path) -> list[Source]:
    return [_covid_ct(entry, "train") for entry in _entries(root) if entry.positive]


def _few_covid(root: Path) -> list[Source]:
    """118 images of whole patients, as many as fit, in the order of the hash of their ids."""
    by_patient: dict[str, list[Entry]] = {}
    for entry in _entries(root):
        if entry.positive:
            by_patient.setdefault(entry.patient or entry.name, []).append(entry)
    taken: list[Entry] = []
    for _, own in sorted(by_patient.items(), key=lambda each: hashlib.sha256(each[0].encode()).digest()):
        if len(taken) + len(own) <= _FEW:
            taken += own
    return [_covid_ct(entry, "train") for entry in sorted(taken, key=lambda each: each.name)]


def _negatives(root: Path) -> list[Source]:
    return [_covid_ct(entry, "train") for entry in _entries(root) if entry.positive is False]


def _entries(root: Path) -> list[Entry]:
    try:
        subject = read_folder(root)
    except CurateError as error:
        raise DataError(str(error)) from error
    return [entry for entry in subject.entries if entry.positive is not None]


def _covid_ct(entry: Entry, part: str, *, viewed: bool = True) -> Source:
    return Source(
        name=Path(entry.name).stem,
        file=entry.path,
        positive=entry.positive is True,
        part=part,
        dataset="covid-ct",
        patient=f"covid-ct/{entry.patient}" if entry.patient else "",
        paper=entry.paper,
        viewed=viewed,
    )


# COVID-Seg and LUNA ------------------------------------------------------------------------------------


def _covid_seg(root: Path) -> list[Source]:
    """``slices/<case>_<number>``: of five patients of one origin, one is for test and one for validation."""
    files = [each for each in _pictures(root / "slices") if _SLICE.fullmatch(each.stem)]
    upright = not _portrait(files)
    scans = {each: str(_SLICE.sub(r"\g<scan>", each.stem)) for each in files}
    patients = {each: _SERIES.sub("", scan) for each, scan in scans.items()}
    origins: dict[str, list[str]] = {}
    for patient in sorted(set(patients.values()), key=natural):
        origins.setdefault("coronacases" if "coronacases" in patient else "others", []).append(patient)
    parts = {
        patient: ("test", "val", "train", "train", "train")[number % 5]
        for own in origins.values()
        for number, patient in enumerate(own)
    }
    turns: dict[bool, Turn] = {True: "anticlockwise", False: "transposed"}
    return [
        Source(
            name=f"covid-seg-{each.stem}",
            file=each,
            positive=True,
            part=parts[patients[each]],
            dataset="covid-seg",
            patient=f"covid-seg/{patients[each]}",
            scan=f"covid-seg/{scans[each]}",
            turn="" if upright else turns["coronacases" in each.stem],
            lungs_needed=True,
        )
        for each in files
    ]


def _medseg(root: Path) -> list[Source]:
    """``medseg/images/`` with lesions of the same names in ``medseg/masks/``: all in training, patients not known."""
    files = _pictures(root / "medseg" / "images")
    turn: Turn = "transposed" if _portrait(files) else ""
    masks = {each.stem: each for each in _pictures(root / "medseg" / "masks")}
    return [
        Source(f"medseg-{each.stem}", each, True, "train", "medseg", turn=turn, mask=masks.get(each.stem))
        for each in files
    ]


def _luna(root: Path) -> list[Source]:
    """``<series>_<number>``: of five scans two are for test and one for validation."""
    files = [each for each in _pictures(root) if _SLICE.fullmatch(each.stem)]
    scans = {each: str(_SLICE.sub(r"\g<scan>", each.stem)).removesuffix(".mhd") for each in files}
    order = {scan: number for number, scan in enumerate(sorted(set(scans.values()), key=natural))}
    parts = ("test", "test", "val", "train", "train")
    return [
        Source(
            name=f"luna-{scan}-{each.stem.rpartition('_')[2]}",
            file=each,
            positive=False,
            part=parts[order[scan] % 5],
            dataset="luna",
            patient=f"luna/{scan}",
            scan=f"luna/{scan}",
            lungs_needed=True,
        )
        for each, scan in scans.items()
    ]


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = [each for each in folder.iterdir() if each.suffix.lower() in _SUFFIXES and each.is_file()]
    return sorted(found, key=lambda each: natural(each.name))


def _portrait(files: list[Path]) -> bool:
    """Whether most are taller than wide, as no upright slice of a chest is: third parties store them lying."""
    taller = 0
    for each in files:
        try:
            with Image.open(each) as image:
                taller += 1 if image.height > image.width else -1
        except OSError as error:
            raise DataError(f"{each}: it is no picture ({error}); get a new copy") from error
    return taller > 0


NAMES: Mapping[str, tuple[str, Callable[[Path], list[Source]]]] = {
    "covid-ct": ("covid-ct", _official),
    "covid-ct-349": ("covid-ct", _all_covid),
    "covid-ct-118": ("covid-ct", _few_covid),
    "covid-ct-negatives": ("covid-ct", _negatives),
    "covid-seg": ("covid-seg", _covid_seg),
    "medseg": ("covid-seg", _medseg),
    "luna": ("luna", _luna),
}
"""What a study may name, the folder it lies in, and how it is read."""
