"""Speed and memory of the extraction beside other tools, in one run.

    python benchmarks/extract.py [FOLDER...] [--pymupdf4llm PYTHON] [--sample N] [--csv FILE]

Without folders: $COVIDCT_DATA/papers/jats and preprints. Contestants take turns paper by paper, each paper
in a fresh process of its own, so that peak memory is that paper's and no one inherits a warm cache. Seconds
of the Python contestants are counted from inside, without the start of the interpreter and its imports;
those of pdfimages are its whole run. CPU seconds are user and system time together.

floor         open, get_text("dict") once a page, every embedded image decoded and written as PNG
covidct       extract_paper: figures, captions, mentions, pictures
pymupdf4llm   to_markdown with its pictures written; slow, so only on a sample of each folder
pdfimages     pdfimages -all of poppler-utils, which copies JPEG streams as they are

Then, over all folders: `curate extract --only figures` with one job and with two, and `curate --help`.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CURATE = [sys.executable, "-c", "from covidct_curate.cli import main; main()"]
Contestant = Callable[[Path, Path], object]
"""Takes a PDF and a folder for its pictures."""


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds of the clock, seconds of processors, MB at the peak of its largest process."""

    wall: float
    cpu: float
    peak: float
    exit: int = 0


def measure(command: Sequence[str | Path], out: Path | None = None) -> Cost:
    """Run a command to its end. Its own count of seconds, where it wrote one to ``out``, goes first."""
    if sys.platform == "linux":
        # what outlives the command becomes our child and is counted too: the fork server and its workers
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen([str(c) for c in command], stdout=said, stderr=said, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    ended = [used]
    with contextlib.suppress(ChildProcessError):
        while True:
            ended.append(os.wait4(-1, 0)[2])
    cpu = sum(each.ru_utime + each.ru_stime for each in ended)
    if out is not None and out.exists():
        wall, cpu = json.loads(out.read_text())
    return Cost(wall, cpu, max(each.ru_maxrss for each in ended) / 1024, process.returncode)


def extraction(contestant: str, pdf: Path, python: str = sys.executable) -> Cost:
    """One paper by one contestant, its pictures thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        pictures, seconds = Path(folder, "pictures"), Path(folder, "seconds")
        pictures.mkdir()
        if contestant == "pdfimages":
            return measure(["pdfimages", "-all", pdf, pictures / "i"])
        return measure([python, __file__, "--one", contestant, pdf, pictures, seconds], seconds)


# contestants, each in its own process ------------------------------------------------------------------


def one(contestant: str, pdf: Path, pictures: Path, seconds: Path) -> None:
    """Import what the contestant needs, then do the paper against the clock."""
    run = {"floor": floor, "covidct": covidct, "pymupdf4llm": pymupdf4llm}[contestant]()
    wall, cpu = time.perf_counter(), time.process_time()
    run(pdf, pictures)
    seconds.write_text(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


def floor() -> Contestant:
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)

    def run(pdf: Path, pictures: Path) -> None:
        with pymupdf.open(pdf) as document:
            xrefs: dict[int, None] = {}
            for page in document:
                page.get_text("dict")
                xrefs.update((entry[0], None) for entry in page.get_images(full=True))
            for xref in xrefs:
                try:
                    pixmap = pymupdf.Pixmap(document, xref)
                    if pixmap.colorspace is None or pixmap.colorspace.n > 3:
                        pixmap = pymupdf.Pixmap(pymupdf.csRGB, pixmap)
                    pixmap.save(pictures / f"{xref}.png")
                except (pymupdf.mupdf.FzErrorBase, RuntimeError, ValueError) as error:
                    print(f"{pdf}: image {xref}: {error}", file=sys.stderr)

    return run


def covidct() -> Contestant:
    from covidct_curate.extract import extract_paper

    return lambda pdf, pictures: extract_paper(pdf, pictures, name=pdf.stem)


def pymupdf4llm() -> Contestant:
    from pymupdf4llm import to_markdown

    return lambda pdf, pictures: to_markdown(str(pdf), write_images=True, image_path=str(pictures))


# tables ------------------------------------------------------------------------------------------------


def table(title: str, costs: dict[str, dict[Path, Cost]]) -> None:
    """Totals, medians and peaks of each contestant, and its ratios to the floor over its own papers."""
    print(f"\n**{title}**\n")
    print(
        "| | papers | failed | CPU s | median CPU s | wall s | median wall s | peak MB | CPU / floor | wall / floor |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, of in costs.items():
        done = {pdf: cost for pdf, cost in of.items() if cost.exit == 0}
        if not done:
            print(f"| {name} | 0 | {len(of)} | | | | | | | |")
            continue
        cpu, wall = [c.cpu for c in done.values()], [c.wall for c in done.values()]
        base = [costs["floor"][pdf] for pdf in done if costs["floor"][pdf].exit == 0]
        print(
            f"| {name} | {len(done)} | {len(of) - len(done)} | {sum(cpu):.1f} | {statistics.median(cpu):.2f} "
            f"| {sum(wall):.1f} | {statistics.median(wall):.2f} | {max(c.peak for c in done.values()):.0f} "
            f"| {sum(cpu) / sum(c.cpu for c in base):.2f} | {sum(wall) / sum(c.wall for c in base):.2f} |"
        )


def whole(folders: Sequence[Path], floor_cpu: float) -> None:
    """The command itself with one job and with two, and how long it takes to say what it can do."""
    print("\n**`curate extract --only figures`, all folders**\n")
    print("| jobs | wall s | CPU s | peak MB of a process | CPU / floor | faster than one job |")
    print("|---|---|---|---|---|---|")
    first = 0.0
    for jobs in (1, 2):
        with tempfile.TemporaryDirectory() as workspace:
            cost = measure(
                [*CURATE, "extract", *folders, "-w", workspace, "--only", "figures", "--jobs", str(jobs)]
            )
        first = first or cost.wall
        print(
            f"| {jobs} | {cost.wall:.1f} | {cost.cpu:.1f} | {cost.peak:.0f} | {cost.cpu / floor_cpu:.2f} "
            f"| {first / cost.wall:.2f} |"
        )
    starts = [measure([*CURATE, "--help"]) for _ in range(5)]
    print(
        f"\n`curate --help`: median of {len(starts)} {statistics.median(s.wall for s in starts):.2f} s, "
        f"CPU {statistics.median(s.cpu for s in starts):.2f} s"
    )


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        contestant, *paths = sys.argv[2:]
        one(contestant, *map(Path, paths))
        return
    parser = argparse.ArgumentParser(description="Speed and memory of the extraction beside other tools.")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--pymupdf4llm", metavar="PYTHON", help="an interpreter that has pymupdf4llm")
    parser.add_argument("--sample", type=int, default=6, help="papers of a folder that pymupdf4llm is given")
    parser.add_argument("--limit", type=int, help="papers of a folder that all are given")
    parser.add_argument("--csv", type=Path, help="write each paper's costs to this file")
    options = parser.parse_args()
    data = os.environ.get("COVIDCT_DATA")
    if not options.folders and not data:
        parser.error("name a folder of PDFs, or set COVIDCT_DATA")
    folders = options.folders or [Path(str(data), "papers", kind) for kind in ("jats", "preprints")]
    contestants = {"floor": sys.executable, "covidct": sys.executable}
    if shutil.which("pdfimages"):
        contestants["pdfimages"] = ""
    else:
        print("pdfimages skipped: poppler-utils is not installed")
    if options.pymupdf4llm:
        contestants["pymupdf4llm"] = options.pymupdf4llm
    else:
        print("pymupdf4llm skipped: name an interpreter that has it with --pymupdf4llm")
    everything: dict[str, dict[Path, Cost]] = {name: {} for name in contestants}
    for folder in folders:
        papers = sorted(folder.rglob("*.pdf"))[: options.limit]
        sample = set(papers[:: max(1, len(papers) // options.sample)][: options.sample])
        costs: dict[str, dict[Path, Cost]] = {name: {} for name in contestants}
        for pdf in papers:
            for name, python in contestants.items():
                if name != "pymupdf4llm" or pdf in sample:
                    costs[name][pdf] = everything[name][pdf] = extraction(name, pdf, python)
        table(f"{folder.name}, {len(papers)} papers", costs)
    if len(folders) > 1:
        table("all folders", everything)
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["paper", "contestant", "wall", "cpu", "peak", "exit"])
            for name, of in everything.items():
                rows.writerows([pdf, name, c.wall, c.cpu, c.peak, c.exit] for pdf, c in of.items())
    if not options.limit:
        whole(folders, sum(cost.cpu for cost in everything["floor"].values()))


if __name__ == "__main__":
    main()
