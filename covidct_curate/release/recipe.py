"""Recipes: how to make a picture again from its paper's PDF, for those that may not be passed on."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from covidct_curate import listing, pipeline
from covidct_curate.errors import DatasetError
from covidct_curate.panels.loose import Pixels, read_pixels
from covidct_curate.png import pixels_hash, write_png
from covidct_curate.release.formats.rows import write_lines
from covidct_curate.release.item import Item
from covidct_curate.release.pictures import Look, cut, rendered

RECIPE = "recipe.jsonl"

Outcome = Literal["rebuilt", "differs", "missing"]
"""Pixel for pixel the same; found in the same place with other pixels; not found."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of one picture of a recipe."""

    file_name: str
    outcome: Outcome
    reason: str = ""
    """Why it is missing, or what it differs in."""


def write_recipe(items: Sequence[Item], path: Path, wholes: Mapping[str, str], look: Look) -> None:
    """Write a line for each picture of a paper, shared or not: where it is, and what its pixels must be.

    ``wholes``: uid of a figure → hash of its picture's pixels.
    """
    write_lines(
        (_line(item, wholes.get(item.figure_uid, ""), look) for item in items if not item.origin.dataset),
        path,
    )


def _line(item: Item, whole: str, look: Look) -> dict[str, object]:
    origin = item.origin
    return {
        "file_name": item.file_name,
        "in_release": item.shared,
        "why": item.why,
        "finding": item.finding,
        "label": int(item.positive),
        "split": item.part,
        "doi": origin.doi,
        "version": origin.version,
        "title": origin.title,
        "source": origin.source,
        "page": origin.page,
        "xref": origin.xref,
        "figure_label": origin.figure_label,
        "panel": origin.panel,
        "figure_pixels": whole,
        "box": list(origin.box) if origin.box else None,
        "pixels": origin.pixels,
        "colour": look.colour,
        "crop": look.crop,
        "modality": item.modality,
        "patient_id": item.patient.id,
        "age": item.patient.age,
        "gender": item.patient.gender,
    }


def rebuild(recipe: Path, pdfs: Path, out: Path) -> Iterator[Rebuilt]:
    """Make the pictures of a recipe that are not in its release from the papers' PDFs, into ``out``.

    ``recipe`` is a release's folder or its ``recipe.jsonl``. Each PDF is extracted as `pipeline.extract` does; a
    picture is known by its pixels, else by its place. Raises `DatasetError` when the recipe cannot be read.
    """
    rows = _read(recipe)
    wanted = [row for row in rows if not row["in_release"]]
    with tempfile.TemporaryDirectory(prefix="curate-") as folder:
        workspace = Path(folder) / "workspace"
        pipeline.extract([pdfs], workspace)
        found = _Found(workspace)
        for row in wanted:
            yield _rebuilt(row, found, out)


class _Found:
    """The pictures of extracted papers, by what they can be known by."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.by_pixels: dict[str, Path] = {}
        self.by_place: dict[tuple[str, int, int | None], Path] = {}
        self.papers: set[str] = set()
        for row in listing.rows("figures", workspace):
            figure: Mapping[str, Any] = row
            names = {str(figure["doi"]).lower() if figure["doi"] else "", Path(figure["source"]).name}
            self.papers |= names
            for picture in figure["pictures"]:
                path = workspace / picture["file"]
                self.by_pixels.setdefault(picture["pixels"], path)
                for name in names - {""}:
                    self.by_place.setdefault((name, picture["page"], picture["xref"]), path)


def _rebuilt(row: Mapping[str, Any], found: _Found, out: Path) -> Rebuilt:
    name, box = row["file_name"], row["box"]
    target = _target(out, name)
    path = found.by_pixels.get(row["pixels"])
    pixels: Pixels | None = None if path is None else read_pixels(path)
    whole = found.by_pixels.get(row["figure_pixels"])
    if pixels is None and whole is not None and box:
        pixels = cut(read_pixels(whole), box)
    if pixels is None:
        keys = {str(row["doi"]).lower() if row["doi"] else "", row["source"]} - {""}
        if not keys & found.papers:
            return Rebuilt(name, "missing", f"no PDF of {row['doi'] or row['source']} gave a figure")
        path = next(
            filter(None, (found.by_place.get((key, row["page"], row["xref"])) for key in sorted(keys))), None
        )
        if path is None:
            return Rebuilt(name, "missing", f"its paper has no such picture on page {row['page']}")
        pixels = read_pixels(path)
        if box and box[2] <= pixels.shape[1] and box[3] <= pixels.shape[0]:
            pixels = cut(pixels, box)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_png(rendered(pixels, Look(colour=row["colour"], crop=row["crop"]))[0], target)
    if pixels_hash(pixels) == row["pixels"]:
        return Rebuilt(name, "rebuilt")
    return Rebuilt(name, "differs", "the picture in its place has other pixels; another version of the PDF?")


def _target(out: Path, name: str) -> Path:
    """Where a picture goes. Raises `DatasetError` for a name that leads out of the folder."""
    target = (out / name).resolve()
    if not target.is_relative_to(out.resolve()) or target.suffix != ".png":
        raise DatasetError(f"{name}: the recipe names a file outside the folder; it is not followed")
    return target


def _read(recipe: Path) -> list[dict[str, Any]]:
    path = recipe / RECIPE if recipe.is_dir() else recipe
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        for row in rows:
            for key in ("file_name", "in_release", "pixels", "page", "xref", "doi", "source", "box", "figure_pixels",
                        "colour", "crop"):  # fmt: skip
                row[key]
    except OSError as error:
        raise DatasetError(
            f"{path}: it cannot be read: {error.strerror}; name a release or its {RECIPE}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: this is no recipe of a release ({error}); get a new copy") from error
    return rows
