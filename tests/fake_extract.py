"""Stand-ins for the extraction and the engine: papers whose contents a test dictates, done in this process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from covidct_curate.engine import Outcome
from covidct_curate.errors import UnreadablePDF
from covidct_curate.records import Box, Extraction, Figure, Paper, Picture


def picture(
    shade: int,
    *,
    role: str = "figure",
    bbox: Box = (50, 50, 150, 150),
    page: int = 0,
    xref: int = 7,
    noise: bool = False,
) -> dict[str, Any]:
    """One picture of a single grey: pictures of one shade are equal. ``noise`` makes its file big."""
    return {"shade": shade, "role": role, "bbox": bbox, "page": page, "xref": xref, "noise": noise}


def figure(number: int | None, *pictures: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """One figure, by default labelled, captioned and placed where its first picture is."""
    return {
        "label": None if number is None else f"Figure {number}",
        "caption": f"Slice {number}.",
        "page": pictures[0]["page"] if pictures else None,
        "bbox": pictures[0]["bbox"] if pictures else None,
        "pictures": pictures,
        **facts,
    }


def write_pdf(path: Path, *figures: dict[str, Any], salt: str = "", **paper: Any) -> Path:
    """A file that `fake_paper` reads; ``salt`` alone makes another file of the same contents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"figures": figures, "paper": paper, "salt": salt}))
    return path


def fake_paper(path: Path, out: Path, *, name: str) -> Extraction:
    """What a file of `write_pdf` says; other files are no PDF."""
    try:
        told = json.loads(path.read_text())
    except ValueError:
        raise UnreadablePDF(f"{path}: not a PDF") from None
    doi = told["paper"].get("doi")
    stem = doi.rpartition("/")[2] if doi else name[:60]
    figures = []
    for each in told["figures"]:
        pictures = tuple(_picture(stem, one, out) for one in each.pop("pictures"))
        box = each.pop("bbox")
        figures.append(
            Figure(
                **{"caption_page": 0, "binding": "below", "confidence": 0.9, **each},
                bbox=None if box is None else tuple(box),
                pictures=pictures,
            )
        )
    return Extraction(Paper(**{"pages": 1, **told["paper"]}), tuple(figures))


def run_here(
    fn: Callable[[Any], Any], items: Iterable[Any], jobs: int, timeout: float, *, engine: str = "local"
) -> Generator[Outcome[Any, Any], None, None]:
    """The engine's contract in this process."""
    for item in items:
        value, error = None, None
        try:
            value = fn(item)
        except Exception as raised:
            error = f"raised {type(raised).__name__}: {raised}"
        yield Outcome(item, value, error, 0.5)


def _picture(stem: str, told: dict[str, Any], out: Path) -> Picture:
    role, page, shade = told["role"], told["page"], told["shade"]
    ending = "" if role == "figure" else f"-{role}{shade}"
    file = f"{stem}-p{page}-{told['xref']}{ending}.png"
    width, height = round(told["bbox"][2] - told["bbox"][0]) * 2, round(told["bbox"][3] - told["bbox"][1]) * 2
    image = (
        Image.effect_noise((width, height), 100) if told["noise"] else Image.new("L", (width, height), shade)
    )
    image.save(out / file)
    return Picture(
        file=file,
        role=role,
        page=page,
        bbox=tuple(told["bbox"]),
        width=width,
        height=height,
        xref=told["xref"],
        pixels=hashlib.sha256(f"{shade} {width} {height}".encode()).hexdigest(),
    )
