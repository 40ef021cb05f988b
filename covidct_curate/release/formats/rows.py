"""What the formats share: a picture as a row, pictures put in place, text written the same on every machine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any

from covidct_curate.audit.subject import PARTS, Part
from covidct_curate.records import Patient
from covidct_curate.release.item import About, Item, Origin

Value = str | int | float | bool | None | list[int] | list[str] | dict[str, str]


def ordered(items: Sequence[Item]) -> list[Item]:
    """The items whose pictures are in the release, by file name."""
    return sorted((item for item in items if item.shared), key=lambda item: item.file_name)


def by_part(items: Sequence[Item]) -> dict[Part, list[Item]]:
    """The same for each part of the split, empty ones too."""
    shared = ordered(items)
    return {part: [item for item in shared if item.part == part] for part in PARTS}


def base(item: Item) -> str:
    """A picture's file name without its folder."""
    return PurePosixPath(item.file_name).name


def mask_name(item: Item) -> str:
    """Where a picture's mask lies in the release; ``""`` where it has none."""
    return f"masks/{PurePosixPath(item.file_name).stem}.png" if item.mask else ""


def row(item: Item) -> dict[str, Value]:
    """All that is told of a picture, ``file_name`` first; unknown texts are ``""``, unknown numbers None."""
    patient, origin = item.patient, item.origin
    told: dict[str, Value] = {
        "file_name": item.file_name,
        "split": item.part,
        "finding": item.finding,
        "label": int(item.positive),
        "modality": item.modality,
        "region": item.region,
        "patient_id": patient.id,
        "age": patient.age,
        "age_min": patient.age_min,
        "age_max": patient.age_max,
        "gender": patient.gender,
        "location": patient.location,
        "medical_history": patient.medical_history,
        "time": patient.time,
        "time_days": patient.time_days,
        "severity": patient.severity,
        "radiology_report": patient.radiology_report,
        "other_diseases": patient.other_diseases,
        "rt_pcr": patient.rt_pcr,
        "outcome": patient.outcome,
        "icu": patient.icu,
        "ventilation": patient.ventilation,
        "caption": item.caption,
        "subcaption": item.subcaption,
        "dataset": origin.dataset,
        "source": origin.source,
        "doi": origin.doi or "",
        "version": origin.version,
        "title": origin.title or "",
        "server": origin.server or "",
        "licence": origin.licence or "",
        "url": origin.url,
        "page": origin.page,
        "xref": origin.xref,
        "figure_label": origin.figure_label or "",
        "panel": origin.panel or "",
        "box": list(origin.box or ()),
        "pixels": origin.pixels,
        "width": item.size[0],
        "height": item.size[1],
        "mask": mask_name(item),
        "decided": item.decided,
        "reviewers": list(item.reviewers),
        "decided_at": item.decided_at,
        "shared_because": item.why,
        "uid": item.uid,
        "figure_uid": item.figure_uid,
        "extra": {whole(key): whole(text) for key, text in sorted(item.extra.items())},
    }
    return {key: whole(value) if isinstance(value, str) else value for key, value in told.items()}


def whole(text: str) -> str:
    """Text that every reader of JSON takes: half a character, as broken PDFs have, becomes ``?``."""
    return text.encode("utf-8", "replace").decode()


def item_of(told: Mapping[str, Any], picture: Path, mask: Path | None) -> Item:
    """The item that `row` told of, with its files; one with ``in_release`` false may not be shared. Raises KeyError, TypeError or ValueError for another's line."""
    names = [each.name for each in fields(Patient) if each.name != "id"]
    return Item(
        file_name=str(told["file_name"]),
        positive=bool(told["label"]),
        finding=str(told["finding"]),
        picture=picture,
        uid=str(told["uid"]),
        modality=str(told["modality"]),
        region=str(told["region"]),
        patient=Patient(id=str(told["patient_id"]), **{name: told[name] for name in names}),
        caption=str(told["caption"]),
        subcaption=str(told["subcaption"]),
        origin=Origin(
            dataset=told["dataset"],
            source=told["source"],
            doi=told["doi"] or None,
            version=told["version"],
            title=told["title"] or None,
            server=told["server"] or None,
            licence=told["licence"] or None,
            url=told["url"],
            page=told["page"],
            xref=told["xref"],
            figure_label=told["figure_label"] or None,
            panel=told["panel"] or None,
            box=tuple(told["box"]) or None,
            pixels=told["pixels"],
        ),
        decided=bool(told["decided"]),
        reviewers=tuple(told["reviewers"]),
        decided_at=told["decided_at"],
        shared=bool(told.get("in_release", True)),
        why=told["shared_because"],
        figure_uid=told["figure_uid"],
        figure_picture=picture,
        part=told["split"],
        size=(int(told["width"]), int(told["height"])),
        extra=dict(told["extra"]),
        mask=mask,
    )


def write_lines(rows: Iterable[Mapping[str, object]], path: Path) -> None:
    """Write JSON Lines: a row a line, ASCII only, so that no character can end one early."""
    write_text("".join(f"{json.dumps(each, allow_nan=False)}\n" for each in rows), path)


def write_json(content: Mapping[str, object], path: Path) -> None:
    """Write JSON, keys sorted."""
    write_text(json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 with the same line ends everywhere; what UTF-8 cannot hold becomes ``?``."""
    path.write_bytes(text.encode("utf-8", "replace"))


def place(source: Path, target: Path) -> None:
    """Put a file of the release in another place too: a hard link, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def accompany(folder: Path, release: Path, about: About) -> None:
    """Put what must go with the pictures into a format's folder, which may be handed on without its release."""
    place(release / "LICENSES.csv", folder / "LICENSES.csv")
    if about.private:
        write_text(
            "Private: do not redistribute. Some of these pictures may not be shared; LICENSES.csv tells which.\n",
            folder / "DO-NOT-REDISTRIBUTE.txt",
        )


def named_apart(names: Iterable[str]) -> list[str]:
    """The names in their order, each once on any file system: of equal ones the second is ``x-2.png``."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        stem, dot, ending = name.rpartition(".")
        candidate, count = name, 2
        while candidate.casefold() in taken:
            candidate, count = f"{stem}-{count}{dot}{ending}", count + 1
        taken.add(candidate.casefold())
        found.append(candidate)
    return found
