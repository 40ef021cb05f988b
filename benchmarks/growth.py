"""Time against size: one paper repeated to ten times its pages, and a folder of one to ten copies of it.

    python benchmarks/growth.py [PDF]

Without a PDF: the sample manuscript docs/samples/plot-and-panels.pdf. Linear growth is a steady last column.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pymupdf
from extract import CURATE, ROOT, extraction, measure

TIMES = (1, 2, 5, 10)
ROUNDS = 3
"""Each size is measured so often, in turn with the others; the least CPU time counts."""


def pages(paper: Path, folder: Path) -> None:
    """One paper with more and more pages."""
    print("| pages | CPU s | ms a page |\n|---|---|---|")
    files: dict[Path, int] = {}
    for times in TIMES:
        with pymupdf.open(paper) as one, pymupdf.open() as many:
            for _ in range(times):
                many.insert_pdf(one)
            file = folder / f"{times}.pdf"
            many.save(file)
            files[file] = many.page_count
    taken = [{file: extraction("covidct", file).cpu for file in files} for _ in range(ROUNDS)]
    for file, count in files.items():
        cpu = min(one[file] for one in taken)
        print(f"| {count} | {cpu:.2f} | {1000 * cpu / count:.1f} |")


def papers(paper: Path, folder: Path) -> None:
    """More and more copies of one paper, made different files by a comment behind their end."""
    print("\n| papers | CPU s | ms a paper beyond the first |\n|---|---|---|")
    first = 0.0
    for times in TIMES:
        place = folder / f"{times}-papers"
        place.mkdir()
        for number in range(times):
            (place / f"{number}.pdf").write_bytes(paper.read_bytes() + f"\n% copy {number}\n".encode())
        command = [*CURATE, "extract", place, "--only", "figures", "--jobs", "1", "-w"]
        cpu = min(measure([*command, folder / f"w{times}-{n}"]).cpu for n in range(ROUNDS))
        first = first or cpu
        more = f"{1000 * (cpu - first) / (times - 1):.0f}" if times > 1 else ""
        print(f"| {times} | {cpu:.2f} | {more} |")


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "samples" / "plot-and-panels.pdf"
    with tempfile.TemporaryDirectory() as temporary:
        pages(chosen, Path(temporary))
        papers(chosen, Path(temporary))
