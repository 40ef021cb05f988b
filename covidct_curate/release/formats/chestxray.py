"""The table of covid-chestxray-dataset with its pictures, as torchxrayvision's ``COVID19_Dataset`` loads it.

That loader looks for a disease's name anywhere in ``finding``, takes a blank one for a healthy chest, and leaves
``todo`` and ``Unknown`` out: so a row nobody reviewed is ``todo``, one whose finding is open ``Unknown``, and the word
for the other class never contains the disease's name. It computes with ``age``, ``offset`` and the like: these are
plain numbers or blank.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from covidct_curate.licences import known
from covidct_curate.release.formats.rows import accompany, base, named_apart, ordered, place, write_text
from covidct_curate.release.item import About, Item
from covidct_curate.review.output import cell_text

COLUMNS = (
    "patientid", "offset", "sex", "age", "finding", "RT_PCR_positive", "survival", "intubated", "intubation_present",
    "went_icu", "in_icu", "needed_supplemental_O2", "extubated", "temperature", "pO2_saturation", "leukocyte_count",
    "neutrophil_count", "lymphocyte_count", "view", "modality", "date", "location", "folder", "filename", "doi", "url",
    "license", "clinical_notes", "other_notes",
)  # fmt: skip
UNREVIEWED, UNCERTAIN = "todo", "Unknown"
"""What stands for a finding that must count for no class."""
_COVID = "Pneumonia/Viral/COVID-19"
_OTHER = "other"
_FLAG = {"yes": "Y", "no": "N"}
_SURVIVAL = {"died": "N", "survived": "Y", "discharged": "Y", "recovered": "Y"}
_MODALITIES = {"ct": "CT", "xray": "X-ray"}
_DATE = re.compile(r"(?:19|20)\d\d(?:-\d\d(?:-\d\d)?)?")
_PLANE = re.compile(r"\b(axial|transverse|coronal|sagittal)\b", re.I)
_FORMULA = tuple("=+-@\t\r＝＋－＠")


def write(items: Sequence[Item], folder: Path, about: About, release: Path) -> None:
    """Write ``metadata.csv`` (29 columns, UTF-8) and ``images/``.

    A CT is Axial where no word says that it is coronal or sagittal. What has no column here is in ``other_notes``.
    Raises OSError when a file cannot be written.
    """
    accompany(folder, release, about)
    shared = ordered(items)
    names = named_apart(base(item) for item in shared)
    (folder / "images").mkdir()
    lines = StringIO(newline="")
    writer = csv.DictWriter(lines, COLUMNS)
    writer.writeheader()
    for item, name in zip(shared, names, strict=True):
        place(release / item.file_name, folder / "images" / name)
        writer.writerow({key: _cell(value) for key, value in _row(item, name, about).items()})
    write_text(lines.getvalue(), folder / "metadata.csv")


def finding(item: Item, about: About) -> str:
    """What ``finding`` says: the disease's place in the dataset's hierarchy, or a word that matches none."""
    if not item.decided:
        return UNREVIEWED
    if item.finding not in (about.positive, about.negative):
        return UNCERTAIN
    disease = _COVID if about.positive == "covid" else _word(about.disease)
    if item.positive:
        return disease
    negative = _word(about.negative)
    parts = [part.casefold() for part in disease.split("/")]
    return _OTHER if any(part in negative.casefold() for part in parts) else negative


def _word(text: str) -> str:
    """A name without what the loader takes for levels or patterns."""
    return " ".join(re.sub(r"[^\w-]+", " ", text).split())


def _row(item: Item, name: str, about: About) -> dict[str, str | float | None]:
    patient, origin = item.patient, item.origin
    licence = known(origin.licence)
    invasive = {"invasive": "Y", "none": "N"}.get(patient.ventilation, "")
    exact = patient.age_min is not None and patient.age_min == patient.age_max
    return dict.fromkeys(COLUMNS) | {
        "patientid": patient.id,
        "offset": patient.time_days,
        "sex": patient.gender,
        "age": patient.age_min if exact else None,
        "finding": finding(item, about),
        "RT_PCR_positive": {"positive": "Y", "negative": "N"}.get(patient.rt_pcr),
        "survival": _SURVIVAL.get(patient.outcome),
        "intubated": invasive,
        "went_icu": _FLAG.get(patient.icu),
        "view": _view(item),
        "modality": _MODALITIES.get(item.modality, item.modality),
        "date": patient.time if _DATE.fullmatch(patient.time) else None,
        "location": patient.location,
        "folder": "images",
        "filename": name,
        "doi": origin.doi,
        "url": origin.url or (f"https://doi.org/{origin.doi}" if origin.doi else ""),
        "license": licence.name if licence else origin.licence,
        "clinical_notes": item.subcaption or item.caption,
        "other_notes": _notes(item, exact=exact),
    }


def _view(item: Item) -> str:
    """The plane of a CT; of other pictures what their own sheet says."""
    if item.modality != "ct":
        return item.extra.get("view", "")
    for text in (item.extra.get("view", ""), item.subcaption, item.caption):
        planes = {found[0].casefold().replace("transverse", "axial") for found in _PLANE.finditer(text)}
        if len(planes) == 1:
            return planes.pop().capitalize()
    return "Axial"


def _notes(item: Item, *, exact: bool) -> str:
    patient, origin = item.patient, item.origin
    told = {
        "split": item.part,
        "age": "" if exact else patient.age,
        "time": "" if _DATE.fullmatch(patient.time) else patient.time,
        "severity": patient.severity,
        "history": patient.medical_history,
        "other diseases": patient.other_diseases,
        "outcome": patient.outcome,
        "ventilation": patient.ventilation,
        "figure": " ".join(each for each in (origin.figure_label, origin.panel) if each),
        "uid": item.uid,
    }
    return "; ".join(f"{name}: {value}" for name, value in told.items() if value)


def _cell(value: str | float | None) -> str:
    """A number plainly; a text that a spreadsheet program would run gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return f"{value:g}"
    text = cell_text(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
