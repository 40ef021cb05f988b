"""Originals as documents to import: scans slice by slice, loose pictures with their manifest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covidct_curate.datasets import Dataset, Document, Image, Note, Slice
from covidct_curate.datasets.cells import age as read_age
from covidct_curate.errors import ChoiceError, DatasetError, VolumeError
from covidct_curate.label.age import ADULT
from covidct_curate.originals.body import body_box_hu
from covidct_curate.originals.dicom import find_dicom
from covidct_curate.originals.lungs import crop_box
from covidct_curate.originals.metaimage import find_metaimage
from covidct_curate.originals.nifti import find_nifti
from covidct_curate.originals.pages import find_pages
from covidct_curate.originals.series import Series
from covidct_curate.originals.slices import choose, lesion
from covidct_curate.originals.volume import Volume
from covidct_curate.originals.windows import LUNG, Window, hu16, pictures
from covidct_curate.records import Evidence, Facts, Paper, Patient, PixelBox
from covidct_curate.tables import fold, read_table

KINDS: Mapping[str, str] = {
    "dicom": "",
    "nifti": "",
    "luna": "cc_by",
    "covid-seg": "cc_by_nc_sa",
    "cc19": "",
    "images": "",
}
"""What can be imported → the licence its publishers state, ``""`` where that is for the importer to say."""

HU16 = "hu16"
"""Extra of a picture whose 16 bits are Hounsfield units."""
_MASK_WORDS = re.compile(
    r"(?:^|[_ .-]+)(?:masks?|seg(?:mentations?)?|labels?|lesions?|infections?|lungs?)(?=$|[_ .-])", re.I
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What of the originals is wanted, and what is known of them."""

    finding: str = ""
    """The class they belong to; ``""`` while nobody knows."""
    source: str = ""
    """Where they come from: ``medpix``; ``""`` for the kind's own name."""
    licence: str = ""
    window: Window = LUNG
    every: int = 1
    lungs: float | None = None
    """Share of the scan's largest lung area that a slice shows at least; None for any."""
    masks: Path | None = None
    """Folder of lesion masks, called as their scans: only slices with a lesion are taken, with their masks."""
    crop: str = ""
    """``body``, ``lungs`` or ``""``."""
    hu16: bool = False
    """Write Hounsfield units as 16 bits in place of a window."""
    manifest: Path | None = None
    """Table of loose pictures: file, patient, licence, URL."""


def read_originals(kind: str, path: Path, wish: Wish, salt: bytes) -> Dataset:
    """The originals of that kind, one of `KINDS`, in a folder or file.

    Nothing is decoded before its document's slices are asked for. ``salt`` makes the pseudonyms. Raises
    `DatasetError` when there is none or ``path`` cannot be read, `ChoiceError` for wishes that do not go together.
    """
    if wish.hu16 and wish.crop == "lungs":
        raise ChoiceError("lungs are cropped in a window; leave out --hu16 or take --crop body")
    if kind == "images":
        if wish.masks is None and wish.manifest is not None:
            return _loose(path, wish)
        found, notes = find_pages(path, salt)
    else:
        if wish.manifest is not None:
            raise ChoiceError("--manifest goes with loose images: curate import images")
        found, notes = _scans(kind, path, salt, apart=wish.masks is not None)
    masks = _masks(wish.masks, salt) if wish.masks is not None else {}
    documents = []
    for series in found:
        mask = masks.get(_called(series.files[0])) if masks else None
        if masks and mask is None:
            notes = (*notes, f"{series.name}: no mask is called as its scan; it was left out")
            continue
        scan = Scan(kind, series, mask, wish)
        licence = wish.licence or KINDS[kind] or None
        documents.append(Document(f"{wish.source or kind}/{series.name}", Paper(licence=licence), (), scan))
    return Dataset(tuple(documents), tuple(map(Note, notes)))


def _scans(kind: str, path: Path, salt: bytes, *, apart: bool) -> tuple[list[Series], tuple[str, ...]]:
    """The first of the kind's forms that there is: as its publishers give it, else as others pass it on.

    ``apart``: pictures are of one patient each, not slices of scans that their numbers tell.
    """
    readers: dict[str, tuple[Callable[[], tuple[list[Series], tuple[str, ...]]], ...]] = {
        "dicom": (lambda: find_dicom(path, salt),),
        "nifti": (lambda: find_nifti(path, salt),),
        "luna": (lambda: find_metaimage(path, salt), lambda: find_pages(path, salt)),
        "covid-seg": (
            lambda: find_nifti(path, salt),
            lambda: find_pages(path, salt, by="file" if apart else "number"),
        ),
        "cc19": (lambda: find_dicom(path, salt), lambda: find_pages(path, salt, by="folder")),
    }
    first, *others = readers[kind]
    try:
        return first()
    except DatasetError:
        for other in others:
            with suppress(DatasetError):
                return other()
        raise


def _masks(folder: Path, salt: bytes) -> dict[str, Series]:
    try:
        found, _ = find_nifti(folder, salt)
    except DatasetError:
        found, _ = find_pages(folder, salt)
    return {_called(each.files[0]): each for each in found}


def _called(path: Path) -> str:
    """What a scan and its mask share: the name without its ending and words such as "mask"."""
    name = re.sub(r"\.(nii(\.gz)?|mhd|mha|png|jpe?g|tiff?|bmp)$", "", path.name, flags=re.I)
    return fold(_MASK_WORDS.sub("", name))


@dataclass(frozen=True, eq=False)
class Scan:
    """One scan whose slices become pictures."""

    kind: str
    series: Series
    mask: Series | None
    wish: Wish
    notes: list[str] = field(default_factory=list)
    """What is odd about it; complete once its slices were read."""

    @property
    def key(self) -> str:
        """What its pictures depend on: its files, its mask's, and the wish. Raises OSError."""
        told = [self.series.digest, self.mask.digest if self.mask else "", repr(self.wish)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def slices(self) -> Iterator[Slice]:
        """The chosen slices. Raises `VolumeError` when the scan cannot be decoded, `CurateError` when a package
        is missing."""
        volume = self.series.load()
        mask = self.mask.load() if self.mask else None
        self.notes[:] = [*volume.notes, *(mask.notes if mask else ())]
        wanted = choose(volume, every=self.wish.every, mask=mask, lungs=self.wish.lungs)
        if not wanted:
            raise VolumeError("no slice of it has what was asked for; ask for other slices")
        marked = lesion(mask, volume) if mask else None
        facts = self._facts()
        for index, plane in zip(wanted, self._planes(volume, wanted), strict=True):
            x0, y0, x1, y1 = self._box(volume, index, plane)
            extra = {**facts.extra, "slice": str(index), **({HU16: "yes"} if self.wish.hu16 else {})}
            image = Image(
                file=Path(f"{self.series.name}-{index:04d}.png"),
                figure="",
                page=None,
                xref=None,
                caption="",
                facts=replace(facts, extra=extra),
            )
            part = marked[index, y0:y1, x0:x1] if marked is not None else None
            cut = part.astype(np.uint8) * np.uint8(255) if part is not None else None
            yield Slice(image, plane[y0:y1, x0:x1], cut)

    def _planes(
        self, volume: Volume, wanted: Sequence[int]
    ) -> Iterator[NDArray[np.uint8] | NDArray[np.uint16]]:
        if not self.wish.hu16:
            yield from pictures(volume, wanted, self.wish.window)
            return
        if not volume.is_hu:
            raise VolumeError("it is not in Hounsfield units; import it without --hu16")
        for index in wanted:
            yield hu16(volume.voxels[index])

    def _box(self, volume: Volume, index: int, plane: NDArray[np.uint8] | NDArray[np.uint16]) -> PixelBox:
        if self.wish.crop == "body" and volume.is_hu:
            return body_box_hu(volume.voxels[index]) or (0, 0, plane.shape[1], plane.shape[0])
        return crop_box(plane.astype(np.uint8), self.wish.crop)

    def _facts(self) -> Facts:
        told = self.series.facts
        found = read_age(told.get("age", ""))
        patient = Patient(
            id=self.series.patient,
            age=found.text if found else "",
            age_min=found.low if found else None,
            age_max=found.high if found else None,
            gender=told.get("sex", ""),
        )
        flags = [*self.series.flags]
        if found and found.high is not None and found.high < ADULT:
            flags.append("under-18")
        part = told.get("body_part", "")
        region = {"thorax": "chest", "lung": "chest", "heart": "chest"}.get(part, part)
        return Facts(
            modality="ct",
            region=region,
            finding=self.wish.finding or "uncertain",
            patient=patient,
            evidence=_evidence(self.kind, {"age": patient.age, "gender": patient.gender}, self.wish.finding),
            flags=tuple(dict.fromkeys(flags)),
            extra={name: text for name, text in told.items() if name not in ("age", "sex", "modality")},
        )


def _evidence(kind: str, header: Mapping[str, str], finding: str) -> dict[str, Evidence]:
    found = {name: Evidence(f"{kind}.header", text, "sheet", 1.0) for name, text in header.items() if text}
    if finding:
        found["finding"] = Evidence("import.finding", f"{finding}, said the importer", "sheet", 1.0)
    return found


_COLUMNS = {
    "file": ("file", "filename", "image", "picture"),
    "patient": ("patient", "patientid", "case"),
    "licence": ("licence", "license"),
    "url": ("url", "link", "source"),
}


def _loose(folder: Path, wish: Wish) -> Dataset:
    """Loose pictures as their manifest lists them, one document a patient."""
    assert wish.manifest is not None
    table = read_table(wish.manifest, needs=("file",))
    names = {
        ours: next((column for column in table.columns if fold(column) in theirs), None)
        for ours, theirs in _COLUMNS.items()
    }
    root = folder.resolve()
    notes = [Note(each) for each in table.notes]
    groups: dict[tuple[str, str], list[Image]] = {}
    for number, row in zip(table.numbers, table.rows, strict=True):
        told = {ours: row[column].strip() if column else "" for ours, column in names.items()}
        file = (root / told["file"]).resolve()
        if not told["file"] or not file.is_relative_to(root) or not file.is_file():
            text = f"row {number}: {told['file'] or 'no file'} is not in the folder; it was left out"
            notes.append(Note(text, "missing", (told["file"],) if told["file"] else ()))
            continue
        patient = told["patient"] or file.stem
        facts = Facts(
            modality="ct",
            finding=wish.finding or "uncertain",
            patient=Patient(id=patient),
            evidence=_evidence(wish.source or "manifest", {}, wish.finding),
            extra={"url": told["url"]} if told["url"] else {},
        )
        licence = told["licence"] or wish.licence
        groups.setdefault((patient, licence), []).append(Image(file, "", None, None, "", facts))
    if not groups:
        raise DatasetError(f"{wish.manifest}: none of its files is in {folder}; name the folder they are in")
    source = wish.source or "images"
    documents = [
        Document(f"{source}/{patient}" + (f" ({licence})" if len({g for p, g in groups if p == patient}) > 1 else ""),
                 Paper(licence=licence or None), tuple(images))
        for (patient, licence), images in groups.items()
    ]  # fmt: skip
    return Dataset(tuple(documents), tuple(notes))
