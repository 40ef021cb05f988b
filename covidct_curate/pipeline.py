"""The main job: PDFs in; a catalogue of figures, their pictures and a spreadsheet out.

It resumes where it stopped: what is done is skipped. Workers extract and write into temporary folders;
only this process touches the catalogue, and takes papers down in the order of the inputs, so that which
file of a paper came first does not hang on which worker was faster.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from covidct_curate import engine as engines
from covidct_curate import inputs, metainfo
from covidct_curate.catalog import Catalog, failures, papers
from covidct_curate.catalog.failures import Failure
from covidct_curate.catalog.papers import Stage
from covidct_curate.errors import CurateError, WorkspaceError
from covidct_curate.extract import STAGE_VERSION, extract_paper
from covidct_curate.inputs import Input
from covidct_curate.records import Extraction
from covidct_curate.workspace import Workspace

EXTRACT = Stage("extract", STAGE_VERSION, settings="")
"""Figures, captions and pictures of one PDF. No option changes what they are."""

Status = Literal["done", "skipped", "duplicate", "failed"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one input."""

    source: str
    status: Status
    """``skipped``: done in an earlier run. ``duplicate``: the same file or paper as another input."""
    note: str = ""
    """What it is a duplicate of, or why it failed."""
    stage: str = ""
    """Where it failed: ``read`` or ``extract``."""
    figures: int = 0
    pictures: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did: every input is accounted for once."""

    results: tuple[Result, ...]
    sheet: metainfo.Written

    @property
    def counts(self) -> Counter[Status]:
        """Number of inputs of each status."""
        return Counter(result.status for result in self.results)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed, the spreadsheet included; empty when all was done."""
        failed = [
            Failure(each.source, each.stage, each.note) for each in self.results if each.status == "failed"
        ]
        if self.sheet.problem:
            failed.append(Failure(metainfo.NAME, "sheet", self.sheet.problem))
        return tuple(failed)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    total: int
    """Papers to extract."""
    done: int = 0
    figures: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One PDF for a worker."""

    pdf: Path
    out: Path
    """The folder to make and to write pictures into."""
    name: str
    """Names the pictures of a paper without a DOI."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A file to extract, with all inputs that hold its bytes."""

    sha256: str
    holders: tuple[Input, ...]
    job: Job


def extract(
    paths: Sequence[Path],
    workspace: Path,
    *,
    jobs: int | None = None,
    timeout: float = 300,
    engine: str = "local",
    only_figures: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Extract the PDFs among ``paths`` (files, or folders searched recursively) into a workspace.

    ``jobs`` workers (default: one for each processor we may use) take up to ``timeout`` seconds for each
    PDF. ``only_figures`` writes no spreadsheet. ``progress`` is called after each PDF.

    A PDF that fails is in the report and the catalogue, and the others are done. Raises `WorkspaceError`
    when the workspace cannot be used at all, `EngineError` when the engine cannot run here, ValueError
    for ``jobs`` or ``timeout`` that make no sense.
    """
    place = Workspace(workspace)
    with place.locked(), Catalog(place.catalog, create=True) as catalog:
        run = _Run(place, catalog)
        with catalog.snapshot() as db:
            committed = papers.folders(db)
        place.recover(committed)
        tasks = run.take(paths)
        run.work(tasks, _processors() if jobs is None else jobs, timeout, engine, progress)
        with catalog.transaction() as db:
            failures.keep_only(db, [path.absolute() for path in paths], run.failed)
        sheet = metainfo.Written() if only_figures else metainfo.write(place, catalog)
        place.clear()
    return Report(tuple(run.results), sheet)


@dataclass(slots=True)
class _Run:
    """A run under way."""

    workspace: Workspace
    catalog: Catalog
    results: list[Result] = field(default_factory=list)
    failed: set[Path] = field(default_factory=set)
    """Absolute paths of the inputs that failed."""

    def take(self, paths: Sequence[Path]) -> list[_Task]:
        """Account for inputs that need no work and return the others, a file of several names once."""
        holders: dict[str, list[Input]] = {}
        for found in inputs.find(paths):
            try:
                if found.problem:
                    raise OSError(found.problem)
                holders.setdefault(inputs.digest(found.path), []).append(found)
            except OSError as error:
                self.fail([found], "read", error.strerror or str(error), None)
        with self.catalog.transaction() as db:
            papers.register(
                db, [(sha256, each.source) for sha256, group in holders.items() for each in group]
            )
            done, mains = papers.done(db, EXTRACT), papers.mains(db)
        tasks = []
        for sha256, group in holders.items():
            folder = done.get(sha256)
            if sha256 in done and (folder is None or (self.workspace.root / folder).is_dir()):
                self.results.append(Result(group[0].source, "skipped"))
                self.repeat(group)
                continue
            staging = self.workspace.staging(sha256)
            job = Job(group[0].path, staging.absolute(), Path(group[0].source).stem)
            tasks.append(_Task(sha256, tuple(group), job))
        # A paper's main file before its others, which are compared with it.
        return sorted(tasks, key=lambda task: task.sha256 not in mains)

    def work(
        self,
        tasks: Sequence[_Task],
        jobs: int,
        timeout: float,
        engine: str,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        """Extract and take down all tasks, in their order whichever is ready first."""
        state = Progress(len(tasks))
        ready: dict[Job, engines.Outcome[Job, Extraction | str]] = {}
        waiting = iter(tasks)
        head = next(waiting, None)
        with closing(
            engines.run(work, [task.job for task in tasks], jobs, timeout, engine=engine)
        ) as outcomes:
            for outcome in outcomes:
                ready[outcome.item] = outcome
                found = outcome.value
                state = replace(
                    state,
                    done=state.done + 1,
                    figures=state.figures + (len(found.figures) if isinstance(found, Extraction) else 0),
                    failed=state.failed + (not isinstance(found, Extraction)),
                )
                if progress:
                    progress(state)
                while head and head.job in ready:
                    self.record(head, ready.pop(head.job))
                    head = next(waiting, None)

    def record(self, task: _Task, outcome: engines.Outcome[Job, Extraction | str]) -> None:
        """Take down what one file gave, all of it or nothing."""
        found = outcome.value
        folder, staging = self.workspace.folder(task.sha256), task.job.out
        problem: str | None = None
        try:
            if not isinstance(found, Extraction):
                raise CurateError(found or outcome.error or "the worker gave no result")
            pictures = {picture.file for figure in found.figures for picture in figure.pictures}
            with self.catalog.transaction() as db:
                stored = papers.store(
                    db,
                    found,
                    sha256=task.sha256,
                    folder=folder,
                    staging=staging.name,
                    stage=EXTRACT,
                    seconds=outcome.seconds,
                )
                failures.clear(db, task.sha256)
                if stored.repeats is None:
                    self.workspace.place(staging, folder, pictures, stored.retired)
        except Exception as error:
            # The values come from hostile files: whatever they break, they cost their own paper only.
            problem = _reason(error)
        finally:
            # Also after an interrupt at any point: the catalogue knows whether the paper was taken down.
            with self.catalog.snapshot() as db:
                committed = papers.folders(db, folder)
            self.workspace.settle(staging.name, committed)
        if problem is not None or not isinstance(found, Extraction):
            self.fail(task.holders, "extract", problem or "", task.sha256)
            return
        source = task.holders[0].source
        if stored.repeats is None:
            self.results.append(Result(source, "done", figures=len(found.figures), pictures=len(pictures)))
        else:
            self.results.append(Result(source, "duplicate", f"another file of the paper {stored.repeats}"))
        self.repeat(task.holders)

    def repeat(self, holders: Sequence[Input]) -> None:
        """Account for further names of a file."""
        for found in holders[1:]:
            self.results.append(Result(found.source, "duplicate", f"the same file as {holders[0].source}"))

    def fail(self, holders: Sequence[Input], stage: str, reason: str, sha256: str | None) -> None:
        """Account for inputs that failed; on a full disk in the report alone."""
        for found in holders:
            self.results.append(Result(found.source, "failed", reason, stage))
            self.failed.add(found.path)
        try:
            with self.catalog.transaction() as db:
                for found in holders:
                    failures.put(db, found.path, Failure(found.source, stage, reason), sha256)
        except WorkspaceError:
            return


def work(job: Job) -> Extraction | str:
    """Extract one PDF (in a worker): what it gave, or in plain words why it gave nothing."""
    try:
        job.out.mkdir(exist_ok=True)
        return extract_paper(_openable(job), job.out, name=job.name)
    except (CurateError, OSError) as error:
        return _reason(error).removeprefix(f"{job.pdf}: ").removeprefix(f"{job.pdf.name}: ")


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _openable(job: Job) -> Path:
    """The PDF's path, or a link to it when the path is no valid Unicode, which MuPDF cannot open."""
    try:
        os.fspath(job.pdf).encode()
    except UnicodeEncodeError:
        link = job.out.with_suffix(".pdf")
        link.symlink_to(job.pdf)
        return link
    return job.pdf


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f": {Path(error.filename).name}" if isinstance(error.filename, str) else ""
        return f"{error.strerror}{where}"
    if isinstance(error, CurateError):
        return str(error)
    return f"{type(error).__name__}: {error}"
