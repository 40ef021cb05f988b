"""Stand-ins for extraction, splitting and engine: papers whose contents a test dictates, done in this process."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from covidct_curate.engine import Outcome
from covidct_curate.errors import UnreadablePDF
from covidct_curate.panels.cascade import Cut, Hints
from covidct_curate.records import Box, Extraction, Figure, Paper, Picture


def picture(
    shade: int,
    *,
    role: str = "figure",
    bbox: Box = (50, 50, 150, 150),
    page: int = 0,
    xref: int = 7,
    noise: bool = False,
    columns: int = 1,
) -> dict[str, Any]:
    """One picture of a single grey: pictures of one shade are equal. ``noise`` makes its file big.

    ``columns`` of slightly different greys are its panels for `fake_split`.
    """
    told = {"shade": shade, "role": role, "bbox": bbox, "page": page, "xref": xref, "noise": noise}
    return {**told, "columns": columns}


def figure(number: int | None, *pictures: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """One figure, by default labelled, captioned and placed where its first picture is."""
    return {
        "label": None if number is None else f"Figure {number}",
        "caption": f"Chest CT, slice {number}.",
        "page": pictures[0]["page"] if pictures else None,
        "bbox": pictures[0]["bbox"] if pictures else None,
        "pictures": pictures,
        **facts,
    }


def write_pdf(path: Path, *figures: dict[str, Any], salt: str = "", **paper: Any) -> Path:
    """A file that `fake_paper` reads; ``salt`` alone makes another file of the same contents.

    ``paper`` are fields of `Paper`, and ``body``, its running text.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"figures": figures, "paper": paper, "salt": salt}))
    return path


def fake_paper(path: Path, out: Path, *, name: str) -> Extraction:
    """What a file of `write_pdf` says; other files are no PDF."""
    try:
        told = json.loads(path.read_text())
    except ValueError:
        raise UnreadablePDF(f"{path}: not a PDF") from None
    body, doi = told["paper"].pop("body", ""), told["paper"].get("doi")
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
    return Extraction(Paper(**{"pages": 1, **told["paper"]}), tuple(figures), body=body)


def fake_split(picture: NDArray[np.uint8], hints: Hints) -> tuple[Cut, ...]:
    """The parts there are, else the columns of a picture of `picture`, else the whole."""
    height, width = picture.shape[:2]
    if len(hints.parts) > 1:
        return tuple(Cut(part, "embedded", 1.0) for part in hints.parts)
    edges = [0, *(int(x) + 1 for x in np.nonzero(np.diff(picture[0, :, 0].astype(int)))[0]), width]
    if not 2 < len(edges) < 20:
        return (Cut((0, 0, width, height), "whole", 1.0),)
    return tuple(Cut((x0, 0, x1, height), "gutter", 0.9) for x0, x1 in itertools.pairwise(edges))


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
    for column in range(1, told["columns"]):
        left = round(width * column / told["columns"])
        image.paste(shade + 3 * column, (left, 0, width, height))
    image.save(out / file)
    return Picture(
        file=file,
        role=role,
        page=page,
        bbox=tuple(told["bbox"]),
        width=width,
        height=height,
        xref=told["xref"],
        pixels=hashlib.sha256(f"{shade} {width} {height} {told['columns']}".encode()).hexdigest(),
    )
