"""The release's own layout: that of COVID-CT, with more columns and a line of JSON for each picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import BytesIO, StringIO
from pathlib import Path

from covidct_curate.audit.subject import PARTS
from covidct_curate.columns import columns
from covidct_curate.licences import known
from covidct_curate.release.formats.rows import base, by_part, ordered, row, write_lines, write_text
from covidct_curate.release.item import About, Item
from covidct_curate.review.csvs import guarded
from covidct_curate.review.output import cell_text, new_workbook

SHEET = "COVID-CT-MetaInfo.xlsx"
ORIGINAL = 11
"""Columns of COVID-CT's own sheet."""
_OTHERS = ("split", "subcaption", "licence", "source")
"""Our columns that the review sheet has not."""
_NOT = frozenset({"keep", "note", "automatic value", "confidence", "evidence", "flags", "export"})
"""The review sheet's columns that a release has not."""
_LICENCES = (
    "file_name", "in the release", "why", "licence", "spdx", "licence_url", "title", "doi", "version", "server",
    "source", "url", "changes",
)  # fmt: skip
_WIDE = {"File name": 44, "Captions": 80, "subcaption": 60, "radiology report": 50, "DOI": 28, "link": 40}


def write(items: Sequence[Item], folder: Path, about: About) -> None:
    """Write lists, sheet, ``metadata.jsonl`` and ``LICENSES.csv`` beside the pictures in ``folder``.

    Lists, sheet and ``metadata.jsonl`` name the pictures that are in the release, ``LICENSES.csv`` all items. Raises
    OSError when a file cannot be written.
    """
    shared = ordered(items)
    _write_lists(shared, folder, about)
    (folder / SHEET).write_bytes(_sheet(shared))
    write_lines((row(item) for item in shared), folder / "metadata.jsonl")
    write_text(_licences(items), folder / "LICENSES.csv")


def _write_lists(items: Sequence[Item], folder: Path, about: About) -> None:
    """``Data-split/COVID/trainCT_COVID.txt``: base names, one a line, sorted; an empty list for an empty part."""
    parts = by_part(items)
    for positive in (True, False):
        name = about.folder(positive=positive)
        home = folder / "Data-split" / name.removeprefix("CT_")
        home.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            names = sorted(base(item) for item in parts[part] if item.positive == positive)
            write_text("".join(f"{each}\n" for each in names), home / f"{part}{name}.txt")


def cells(item: Item) -> dict[str, str | int | float | None]:
    """A picture's row in the sheet; a blank cell is ``""`` or None."""
    patient, origin = item.patient, item.origin
    told: Mapping[str, str | int | float | None] = {
        "file": base(item),
        "doi": origin.doi,
        "caption": item.caption,
        "modality": item.modality,
        "finding": item.finding,
        "region": item.region,
        "reviewer": "; ".join(item.reviewers),
        "figure_label": origin.figure_label,
        "label": origin.panel,
        "page": origin.page,
        "link": f"https://doi.org/{origin.doi}" if origin.doi else origin.url,
        "uid": item.uid,
    }
    found: dict[str, str | int | float | None] = {}
    for column in columns():
        if column.name not in _NOT:
            home, _, name = column.key.rpartition(".")
            found[column.name] = getattr(patient, name) if home == "patient" else told[column.key]
    licence = known(origin.licence)
    others = (
        item.part,
        item.subcaption,
        licence.name if licence else origin.licence,
        "/".join(each for each in (origin.dataset, origin.source) if each),
    )
    return found | dict(zip(_OTHERS, others, strict=True))


def _sheet(items: Sequence[Item]) -> bytes:
    """The workbook: text as text, never a formula, a number or a date; equal items give equal bytes."""
    buffer = BytesIO()
    workbook = new_workbook(buffer)
    text = workbook.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    number = workbook.add_format({"valign": "top"})
    head = workbook.add_format({"bold": True})
    sheet = workbook.add_worksheet("MetaInfo")
    names = [column.name for column in columns() if column.name not in _NOT] + list(_OTHERS)
    for at, name in enumerate(names):
        sheet.set_column(at, at, _WIDE.get(name, max(10, len(name) + 2)))
        sheet.write_string(0, at, name, head)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, len(items), len(names) - 1)
    for line, item in enumerate(items, 1):
        for at, value in enumerate(cells(item).values()):
            if isinstance(value, str) and value:
                sheet.write_string(line, at, cell_text(value), text)
            elif isinstance(value, int | float):
                sheet.write_number(line, at, value, number)
    workbook.close()
    return buffer.getvalue()


def _licences(items: Sequence[Item]) -> str:
    """One line an item, whether its picture is in the release or not; a program that opens it runs nothing."""
    lines = StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(_LICENCES)
    for item in sorted(items, key=lambda item: (item.file_name, item.uid)):
        origin, licence = item.origin, known(item.origin.licence)
        told = (
            item.file_name,
            "yes" if item.shared else "no",
            item.why,
            origin.licence or "",
            licence.spdx if licence else "",
            licence.url if licence else "",
            origin.title or "",
            origin.doi or "",
            "" if origin.version is None else str(origin.version),
            origin.server or "",
            "/".join(each for each in (origin.dataset, origin.source) if each),
            origin.url or (f"https://doi.org/{origin.doi}" if origin.doi else ""),
            _changes(item),
        )
        writer.writerow([guarded(cell_text(each)) for each in told])
    return "\ufeff" + lines.getvalue()


def _changes(item: Item) -> str:
    """What was done to the picture, as the Creative Commons licences ask to be told."""
    if not item.shared:
        return ""
    return "cut out of its figure; written as PNG" if item.origin.box else "written as PNG"
