"""What the catalogue says of a workspace, drawn on the pages themselves: contact sheets to look through.

    python benchmarks/overlay.py WORKSPACE PDF_FOLDER --out FOLDER [--each-page]

Every paper gets sheets of several pages: those with a figure or a caption, or all with --each-page. A figure
has a coloured frame that says label, binding and confidence, and its pictures thin lines. A page with
captions has a border, and their label, page and first words stand in a strip below it.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pymupdf
from PIL import Image, ImageDraw, ImageFont

from covidct_curate import listing
from covidct_curate.extract.names import safe_name

ACROSS, DOWN = 3, 2
WIDTH, HEIGHT, STRIP = 640, 830, 220
"""Pixels of a page on a sheet, and of the strip of captions below it."""
LETTERS = 80
COLOURS = ("#d00000", "#0060d0", "#008020", "#b000b0", "#c06000", "#007c80")
FONT = ImageFont.load_default(15)

Figure = Any  # a row of the list of figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Contact sheets of pages with figures and captions marked.")
    parser.add_argument("workspace", type=Path, metavar="WORKSPACE")
    parser.add_argument("pdfs", type=Path, metavar="PDF_FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--each-page", action="store_true", help="show pages without figures and captions too"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    figures: defaultdict[str, list[Figure]] = defaultdict(list)
    for row in listing.rows("figures", options.workspace):
        figures[str(row["source"])].append(row)
    found = {path.name: path for path in sorted(options.pdfs.rglob("*.pdf"))}
    for row in listing.rows("papers", options.workspace):
        path = found.get(Path(str(row["source"])).name)
        if path is None:
            print(f"{row['source']}: not in {options.pdfs}")
            continue
        pages = list(draw(path, figures[str(row["source"])], options.each_page))
        for number in range(0, len(pages), ACROSS * DOWN):
            name = f"{safe_name(path.stem)}-{number // (ACROSS * DOWN) + 1}.png"
            sheet(pages[number : number + ACROSS * DOWN]).save(options.out / name)
        print(f"{path.name}: {len(figures[str(row['source'])])} figures, {len(pages)} pages shown")


def draw(path: Path, figures: Sequence[Figure], each_page: bool) -> Iterator[Image.Image]:
    """The pages of a paper that have something to show, each with its strip."""
    with pymupdf.open(path) as document:
        for page in document:
            marked = [
                (COLOURS[index % len(COLOURS)], figure)
                for index, figure in enumerate(figures)
                if page.number in (figure["page"], figure["caption_page"], *figure["pages"])
            ]
            if marked or each_page:
                yield mark(page, marked, path.name)


def mark(page: pymupdf.Page, marked: Sequence[tuple[str, Figure]], name: str) -> Image.Image:
    """One page with its figures framed and its captions listed."""
    zoom = min(WIDTH / page.rect.width, HEIGHT / page.rect.height)
    pixmap = page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False)
    tile = Image.new("RGB", (WIDTH, HEIGHT + STRIP), "white")
    tile.paste(Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples))
    pen = ImageDraw.Draw(tile)
    lines = [("black", f"{name}, page {page.number}")]
    for colour, figure in marked:
        says = f"{figure['label'] or 'no label'}: {figure['binding']} {figure['confidence']:.2f}"
        for picture in figure["pictures"]:
            if picture["page"] == page.number:
                frame(pen, picture["bbox"], zoom, colour, 1)
        if figure["page"] == page.number:
            frame(pen, figure["bbox"], zoom, colour, 4)
            x, y = figure["bbox"][0] * zoom + 5, figure["bbox"][1] * zoom + 5
            pen.rectangle(pen.textbbox((x, y), says, FONT), fill="white")
            pen.text((x, y), says, colour, FONT)
        if figure["caption_page"] == page.number:
            pen.rectangle((0, 0, pixmap.width - 1, pixmap.height - 1), outline=colour, width=3)
            where = "no picture" if figure["page"] is None else f"picture p{figure['page']}"
            text = f"{figure['label'] or 'no label'} ({where}) {figure['caption']}"
            lines.append(
                (colour, text if len(text) <= LETTERS else text[: text.rfind(" ", 0, LETTERS)] + " …")
            )
    for index, (colour, text) in enumerate(lines):
        pen.text((4, HEIGHT + 2 + 18 * index), text, colour, FONT)
    return tile


def frame(pen: ImageDraw.ImageDraw, box: Any, zoom: float, colour: str, width: int) -> None:
    """A box given in points."""
    x0, y0, x1, y1 = (value * zoom for value in box)
    if x1 >= x0 and y1 >= y0:
        pen.rectangle((x0, y0, x1, y1), outline=colour, width=width)


def sheet(pages: Sequence[Image.Image]) -> Image.Image:
    """Pages side by side, row under row."""
    rows = -(-len(pages) // ACROSS)
    whole = Image.new("RGB", (WIDTH * min(ACROSS, len(pages)), (HEIGHT + STRIP) * rows), "grey")
    for index, page in enumerate(pages):
        whole.paste(page, (WIDTH * (index % ACROSS), (HEIGHT + STRIP) * (index // ACROSS)))
    return whole


if __name__ == "__main__":
    main()
