"""Time and size of the sheet's round trip with 2,000 pictures.

    python benchmarks/sheet.py [WORKSPACE…]

Without a workspace: an imported dataset of pictures made on the spot, smooth ellipses under noise, each a figure of its
own. Of a workspace (its catalogue is copied) all panels are taken, whatever they show. ``keep`` is then set to yes in
every row.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
from PIL import Image

from covidct_curate.catalog import Catalog, settings
from covidct_curate.importing import import_dataset
from covidct_curate.label.kinds import MODALITIES
from covidct_curate.review.export import export_sheet
from covidct_curate.review.intake import import_sheet

ROWS = 2000
_CAPTION = (
    "Axial CT of the chest of a patient on day 5 after onset: ground-glass opacities in both lower lobes. "
    * 4
)


def drawn(folder: Path) -> Path:
    """A workspace of pictures of 200 to 600 pixels a side: a body and two lungs under noise."""
    random = np.random.default_rng(1)
    (folder / "data" / "CT_COVID").mkdir(parents=True)
    book = openpyxl.Workbook()
    book.active.append(["File name", "Patient ID", "Age", "Gender", "DOI", "Captions"])
    for number in range(ROWS):
        height, width = random.integers(200, 601, 2)
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        grey = np.full((height, width), 10.0)
        for centre, across, level in ((0.0, 0.85, 150), (-0.35, 0.28, 40), (0.35, 0.28, 40)):
            grey[((x - centre) / across) ** 2 + (y / 0.7) ** 2 < 1] = level
        grey += random.normal(0, 12, grey.shape)
        name = f"10.1101_2020.01.{number:05d}-p3-{number}.png"
        picture = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
        picture.save(folder / "data" / "CT_COVID" / name, compress_level=1)
        cells = [
            name,
            f"Patient {number}",
            str(20 + number % 70),
            "MF"[number % 2],
            f"10.1101/2020.01.{number:05d}",
        ]
        book.active.append([*cells, _CAPTION])
    book.save(folder / "data" / "COVID-CT-MetaInfo.xlsx")
    import_dataset("covid-ct", folder / "data", folder / "drawn")
    return folder / "drawn"


def copied(workspace: Path, folder: Path) -> Path:
    """The workspace with every panel selected; pictures are only linked."""
    copy = folder / workspace.name
    copy.mkdir()
    shutil.copy(workspace / "catalog.db", copy)
    (copy / "papers").symlink_to((workspace / "papers").absolute())
    with Catalog(copy / "catalog.db") as catalog, catalog.transaction() as db:
        settings.put(db, "selection", json.dumps({"keep": [*MODALITIES, "unknown"], "regions": []}))
    return copy


def keep_all(path: Path) -> Path:
    """The first sheet with ``keep`` set to yes in every row."""
    book = openpyxl.load_workbook(path)
    sheet = book["MetaInfo"]
    column = next(cell.column for cell in sheet[1] if cell.value == "keep")
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row, column).value = "yes"
    book.save(path.with_name("kept.xlsx"))
    return path.with_name("kept.xlsx")


def measure(workspace: Path, folder: Path) -> None:
    """Print a line for each step."""

    def step(name: str, run: Callable[[], str]) -> None:
        start, busy = time.perf_counter(), time.process_time()
        told = run()
        seconds, cpu = time.perf_counter() - start, time.process_time() - busy
        print(f"| {workspace.name}: {name} | {seconds:.1f} | {cpu:.1f} | {told} |", flush=True)

    def out(path: Path) -> str:
        written = export_sheet(workspace, out=path)[0]
        return f"{written.rows:,} pictures, {path.stat().st_size / 1e6:.1f} MB"

    def back(path: Path) -> str:
        told = import_sheet(workspace, path, reviewer="Ann")
        assert not told.problems and told.applied
        return f"{told.rows:,} rows, {len(told.changes):,} decisions"

    xlsx, csv = folder / f"{workspace.name}.xlsx", folder / f"{workspace.name}.csv"
    step("export .xlsx", lambda: out(xlsx))
    step("import .xlsx unchanged", lambda: back(xlsx))
    kept = keep_all(xlsx)
    step("import .xlsx, every row kept", lambda: back(kept))
    step("import .xlsx again", lambda: back(kept))
    step("export .csv", lambda: out(csv))
    step("import .csv unchanged", lambda: back(csv))


if __name__ == "__main__":
    print("| | seconds | CPU s | |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        made = [copied(Path(each), Path(temporary)) for each in sys.argv[1:]] or [drawn(Path(temporary))]
        for each in made:
            measure(each, Path(temporary))
