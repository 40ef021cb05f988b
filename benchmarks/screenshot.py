"""A picture of a sheet as a curator sees it, drawn by LibreOffice (``soffice``): docs/metainfo.png.

    python benchmarks/screenshot.py SHEET.xlsx [PICTURE.png]

Some rows and columns of a copy are printed with their numbers and letters. The sheet of the picture in the docs:

    curate extract docs/samples -w demo
    (in demo/MetaInfo.xlsx: another age, a note and keep yes in row 11; keep yes in row 13; finding non-covid and
    keep yes in row 14)
    curate sheet import demo/MetaInfo.xlsx -w demo --reviewer Ann
    curate sheet export -w demo --out sheet.xlsx
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import openpyxl
import pymupdf
from PIL import Image

ROWS = range(11, 17)
COLUMNS = (
    "File name", "Patient ID", "Age", "Gender", "Captions", "keep", "modality", "finding", "reviewer", "note"
)  # fmt: skip
DPI = 110
A3 = 8
WHITE = 255


def printed(sheet: Path, folder: Path) -> Path:
    """The pages of a sheet, as PDF."""
    book = openpyxl.load_workbook(sheet)
    page = book["MetaInfo"]
    for number, cell in enumerate(page[1], 1):
        if cell.value not in COLUMNS:
            page.column_dimensions[openpyxl.utils.get_column_letter(number)].hidden = True
    for other in book.worksheets:
        if other is not page:
            other.sheet_state = "hidden"
    page.print_area = f"A{ROWS[0]}:{page.cell(ROWS[-1], page.max_column).coordinate}"
    page.print_options.headings = True
    page.page_setup.paperSize = A3
    copy = folder / "sheet.xlsx"
    book.save(copy)
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation={(folder / 'profile').as_uri()}",
         "--convert-to", "pdf", "--outdir", str(folder), str(copy)],
        check=True, timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return copy.with_suffix(".pdf")


def drawn(pdf: Path) -> Image.Image:
    """The first page without its margins."""
    with pymupdf.open(pdf) as document:
        pixels = document[0].get_pixmap(dpi=DPI)
    page = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
    return page.crop(page.convert("L").point(lambda grey: WHITE - grey).getbbox())


def main() -> None:
    sheet, picture = Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "docs/metainfo.png")
    with tempfile.TemporaryDirectory() as folder:
        drawn(printed(sheet, Path(folder))).quantize(192).save(picture, optimize=True)
    print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
