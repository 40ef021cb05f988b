"""A release of ours, read back: every picture with what the release tells of it."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import fields
from pathlib import Path
from typing import Any

from covidct_curate.datasets import Dataset, Document, Image, Note
from covidct_curate.errors import DatasetError
from covidct_curate.records import Evidence, Facts, Paper, Patient

ROW = "release"
"""Extra of an imported picture that holds its line of the release."""
METADATA = "metadata.jsonl"
CARRIED = ("release.json", "recipe.jsonl", "LICENSES.csv", "README.md", "audit.json")
"""Files of a release that also speak of pictures which are not in it."""

_PATIENT = {each.name for each in fields(Patient)} - {"id"}


def read_release(folder: Path) -> Dataset:
    """The pictures of a release, by the papers and datasets they come from.

    Raises `DatasetError` when ``folder`` is no release or its ``metadata.jsonl`` cannot be read. A picture that is not
    there is a note.
    """
    path = folder / METADATA
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
        files = [folder / str(row["file_name"]) for row in rows]
    except OSError as error:
        raise DatasetError(
            f"{path}: it cannot be read: {error.strerror}; name the folder of a release"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: this is no release's ({error}); get a new copy") from error
    root = folder.resolve()
    groups: dict[str, list[Image]] = defaultdict(list)
    papers: dict[str, Paper] = {}
    notes = []
    for row, file in zip(rows, files, strict=True):
        if not file.resolve().is_relative_to(root) or not file.is_file():
            name = str(row["file_name"])
            notes.append(Note(f"{name}: not in the release's folder; it was left out", "missing", (name,)))
            continue
        try:
            image, paper, home = _image(row, file)
        except (KeyError, TypeError, ValueError) as error:
            name = str(row["file_name"])
            text = f"{name}: its line cannot be read ({error}); it was left out"
            notes.append(Note(text, files=(name,)))
            continue
        papers.setdefault(home, paper)
        groups[home].append(image)
    if not groups:
        raise DatasetError(f"{path}: it names no picture that is there; get a new copy of the release")
    documents = tuple(
        Document(f"release/{home}", papers[home], tuple(groups[home])) for home in sorted(groups)
    )
    return Dataset(documents, tuple(notes))


def carried(folder: Path) -> dict[str, str]:
    """File name → text of the release's files that also speak of pictures which are not in it, where there are any."""
    return {
        name: (folder / name).read_bytes().decode("utf-8", "replace")
        for name in CARRIED
        if (folder / name).is_file()
    }


def _image(row: dict[str, Any], file: Path) -> tuple[Image, Paper, str]:
    patient = Patient(id=str(row["patient_id"]), **{name: row[name] for name in sorted(_PATIENT)})
    facts = Facts(
        modality=str(row["modality"]),
        region=str(row["region"]),
        finding=str(row["finding"]),
        patient=patient,
        evidence={"finding": Evidence("release.metadata", str(row["finding"]), "sheet", 1.0)},
        extra={ROW: json.dumps(row)},
    )
    paper = Paper(
        doi=row["doi"] or None,
        server=row["server"] or None,
        version=row["version"],
        title=row["title"] or None,
        licence=row["licence"] or None,
    )
    home = str(row["doi"] or row["source"] or row["dataset"]) + (
        f"v{row['version']}" if row["version"] else ""
    )
    mask = file.parent.parent / "masks" / file.name if row["mask"] else None
    image = Image(file, "", row["page"], row["xref"], str(row["caption"]), facts, mask)
    return image, paper, home
