"""Extract mutated PDFs for a while: nothing may hang, kill the driver or get lost.

    python -m benchmarks.fuzz --minutes 60 --seed 1 --jobs 1 --keep /tmp/mutants FOLDER...

The PDFs of the folders are damaged (flipped bytes, changed digits, truncations, cut, spliced and swapped
objects) and extracted in batches by the workers of ``curate extract``. Every tenth batch goes through the
whole command instead, and its catalogue is compared with the inputs and with the files. The same seed makes
the same mutants, so a longer run repeats a shorter one. Mutants that end in anything but figures or a plain
refusal are copied into the ``--keep`` folder.
"""

from __future__ import annotations

import argparse
import faulthandler
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from covidct_curate import engine, inputs, listing, pipeline
from covidct_curate.records import Extraction
from tests.manuscripts.fuzz import mutate

GRACE = 15.0
"""Seconds beyond the timeout in which a hanging worker must be gone and its item answered."""


class Fault(Exception):
    """A promise of the driver that was not kept."""


class Tally:
    """What became of the mutants."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.figures = 0
        self.slowest = 0.0
        self.faults: list[str] = []

    def table(self) -> str:
        total = self.outcomes.total()
        lines = [
            f"{count:>8,}  {100 * count / total:6.2f}%  {kind}" for kind, count in self.outcomes.most_common()
        ]
        lines.append(f"{total:>8,}  mutants; {self.figures:,} figures, slowest {self.slowest:.1f} s")
        if self.notes:
            lines.append("notes of what was left out:")
            lines += [f"{count:>8,}  {kind}" for kind, count in self.notes.most_common(25)]
        lines += [f"FAULT: {fault}" for fault in self.faults] or ["no fault of the driver"]
        return "\n".join(lines)


def kind(outcome: engine.Outcome[pipeline.Job, Extraction | str]) -> tuple[str, bool]:
    """The outcome in few words, and whether it is one that a broken PDF may have."""
    if isinstance(outcome.value, Extraction):
        return ("extracted, with notes" if outcome.value.notes else "extracted"), True
    if isinstance(outcome.value, str):
        return f"refused: {outcome.value}", True
    error = outcome.error or "no value and no error"
    raised = re.match(r"raised ([\w.]+)", error)
    return (f"raised {raised[1]}" if raised else error), False


def make(sources: Sequence[Path], folder: Path, seed: int, batch: int, size: int) -> list[Path]:
    """Write ``size`` mutants of PDFs drawn at random, the same ones for the same numbers."""
    rng = np.random.default_rng([seed, batch])
    folder.mkdir()
    made = []
    for number in range(size):
        source = sources[int(rng.integers(len(sources)))]
        path = folder / f"{batch:05d}-{number:03d}-{source.stem[:60]}.pdf"
        path.write_bytes(mutate(source.read_bytes(), rng))
        made.append(path)
    return made


def run_workers(mutants: Sequence[Path], out: Path, options: argparse.Namespace, tally: Tally) -> None:
    """Extract each mutant by the engine."""
    out.mkdir()
    items = [pipeline.Job(path, out / path.stem, path.stem) for path in mutants]
    answered = []
    with closing(engine.run(pipeline.work, items, options.jobs, options.timeout)) as outcomes:
        for outcome in outcomes:
            answered.append(outcome.item)
            what, fair = kind(outcome)
            tally.outcomes[what] += 1
            tally.slowest = max(tally.slowest, outcome.seconds)
            if outcome.seconds > options.timeout + GRACE:
                raise Fault(f"{outcome.item.pdf.name} took {outcome.seconds:.0f} s")
            if isinstance(outcome.value, Extraction):
                tally.figures += len(outcome.value.figures)
                tally.notes.update(re.sub(r"\d+", "0", note)[:90] for note in outcome.value.notes)
            if not fair:
                print(f"{outcome.item.pdf.name}: {outcome.error}", flush=True)
                keep(outcome.item.pdf, options.keep)
    if Counter(answered) != Counter(items):
        raise Fault(f"{len(answered)} outcomes of {len(items)} mutants")


def run_command(mutants: Sequence[Path], workspace: Path, options: argparse.Namespace, tally: Tally) -> None:
    """Extract a folder of mutants as ``curate extract`` does and check the workspace."""
    report = pipeline.extract([mutants[0].parent], workspace, jobs=options.jobs, timeout=options.timeout)
    names = sorted(path.name for path in mutants)
    if sorted(result.source for result in report.results) != names:
        raise Fault(f"{len(report.results)} results of {len(names)} inputs")
    for result in report.results:
        tally.outcomes[f"whole command: {result.status}"] += 1
        tally.figures += result.figures
        if result.stage == "extract" and re.match(r"raised|the worker|no answer|needed", result.note):
            print(f"{result.source}: {result.note}", flush=True)
            keep(mutants[0].parent / result.source, options.keep)
    failed = [result.source for result in report.results if result.status == "failed"]
    if report.sheet.problem:
        raise Fault(f"the spreadsheet: {report.sheet.problem}")
    if sorted(row["source"] for row in listing.rows("failures", workspace)) != sorted(failed):  # type: ignore[type-var]
        raise Fault("the catalogue lists other failures than the report")
    listed = [file for row in listing.rows("figures", workspace) for file in row["files"]]  # type: ignore[attr-defined]
    lying = [
        path.relative_to(workspace).as_posix() for path in workspace.rglob("papers/**/*") if path.is_file()
    ]
    if sorted(listed) != sorted(lying):
        raise Fault("the catalogue lists other pictures than there are")
    if any((workspace / "tmp").iterdir()):
        raise Fault("something was left in the temporary folder")


def keep(path: Path, folder: Path | None) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.name)


def fuzz(options: argparse.Namespace) -> Tally:
    """Make and extract batches of mutants until the time is over."""
    found = [each.path for each in inputs.find(options.folders) if not each.problem]
    sources = sorted(path for path in found if 0 < path.stat().st_size <= options.size)
    if not sources:
        raise SystemExit("there is no PDF of that size in the folders")
    print(f"{len(sources)} of {len(found)} PDFs, seed {options.seed}", flush=True)
    tally = Tally()
    begun = time.monotonic()
    batch = 0
    while time.monotonic() - begun < 60 * options.minutes:
        batch += 1
        # A driver that hangs says where and ends.
        limit = options.batch * (options.timeout + GRACE) + 600
        faulthandler.dump_traceback_later(limit, exit=True, file=sys.__stderr__ or sys.stderr)
        with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as scratch:
            mutants = make(sources, Path(scratch, "pdfs"), options.seed, batch, options.batch)
            try:
                if batch % 10:
                    run_workers(mutants, Path(scratch, "out"), options, tally)
                else:
                    run_command(mutants, Path(scratch, "ws"), options, tally)
            except Exception as error:
                tally.faults.append(f"batch {batch}: {type(error).__name__}: {error}")
                print(f"FAULT: {tally.faults[-1]}", flush=True)
                for path in mutants:
                    keep(path, options.keep)
        faulthandler.cancel_dump_traceback_later()
        if batch % 5 == 0:
            fair = sum(
                n for what, n in tally.outcomes.items() if what.startswith(("extracted", "refused", "whole"))
            )
            print(
                f"{(time.monotonic() - begun) / 60:5.1f} min  batch {batch}  {tally.outcomes.total():,} mutants  "
                f"{tally.figures:,} figures  {tally.outcomes.total() - fair} broke a worker or raised  "
                f"{len(tally.faults)} faults",
                flush=True,
            )
    return tally


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="PDFs to mutate")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=60, help="seconds a mutant may take")
    parser.add_argument("--batch", type=int, default=40, help="mutants in a batch")
    parser.add_argument("--size", type=int, default=1_500_000, help="largest PDF to mutate, in bytes")
    parser.add_argument("--keep", type=Path, help="folder for mutants that broke something")
    tally = fuzz(parser.parse_args(arguments))
    print(tally.table())
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
