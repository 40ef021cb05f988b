"""The main job: PDFs in; a catalogue of figures, their pictures and a spreadsheet out.

It resumes where it stopped: what is done is skipped. Workers extract and write into temporary folders;
only this process touches the catalogue, and takes papers down in the order of the inputs, so that which
file of a paper came first does not hang on which worker was faster.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from covidct_curate import engine as engines
from covidct_curate import inputs, labelling, provenance, selection, splitting
from covidct_curate.catalog import Catalog, decisions, failures, figures, papers
from covidct_curate.catalog.failures import Failure
from covidct_curate.catalog.papers import KeptPaper, Stage
from covidct_curate.errors import CurateError, WorkspaceError, in_words
from covidct_curate.extract import STAGE_VERSION, extract_paper
from covidct_curate.inputs import Input
from covidct_curate.label.rules import Rules, load_rules
from covidct_curate.records import Extraction, Paper
from covidct_curate.report import Meter, Progress, Report, Result
from covidct_curate.review import export
from covidct_curate.session import committed, opened
from covidct_curate.splitting import Workers
from covidct_curate.workspace import Workspace

EXTRACT = Stage("extract", STAGE_VERSION, settings="")
"""Figures, captions and pictures of one PDF. No option changes what they are."""


@dataclass(frozen=True, slots=True)
class Job:
    """One PDF for a worker."""

    pdf: Path
    out: Path
    """The folder to make and to write pictures into."""
    name: str
    """Names the pictures of a paper without a DOI."""
    rules: str | None = None
    """Its figures are to be split at once, and labelled by this rule file."""
    told: tuple[Paper, ...] = ()
    """What manifests beside it and beside its copies say of the paper."""


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
    rules: str | None = None,
    keep: Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Extract the PDFs among ``paths`` (files, or folders searched recursively) into a workspace.

    ``jobs`` workers (default: one for each processor we may use) take up to ``timeout`` seconds for each
    PDF. ``only_figures`` splits no figure, labels none and writes no spreadsheet. ``rules`` is the name or
    path of a rule file, ``keep`` the modalities to select for the dataset; both are kept for later runs.
    ``progress`` is called after each PDF.

    What a manifest in a PDF's folder says of it (`covidct_curate.manifest`) goes before what the PDF says, also of
    papers that were extracted before.

    A PDF that fails is in the report and the catalogue, and the others are done. Raises `WorkspaceError`
    when the workspace cannot be used at all, `RuleError` when the rule file cannot, `EngineError` when the
    engine cannot run here, ValueError for ``jobs`` or ``timeout`` that make no sense.
    """
    if rules is not None:
        load_rules(rules)  # refused before anything is made
    place = Workspace(workspace)
    with opened(place, create=True) as catalog:
        labels = None
        if not only_figures:
            with catalog.transaction() as db:
                labels = selection.settle(db, rules, keep)
        run = _Run(place, catalog, Workers(jobs, timeout, engine), Meter(progress), labels)
        run.extract(run.take(paths))
        run.attribute()
        if labels is not None:
            run.split()
            run.label(labels[1])
        run.account()
        with catalog.transaction() as db:
            failures.keep_only(db, [path.absolute() for path in paths], run.failed)
        sheet = export.Written() if only_figures else export.write(place, catalog)
        place.clear()
    return Report(tuple(run.results), sheet, tuple(run.manifests.notes))


@dataclass(slots=True)
class _Run:
    """A run under way."""

    workspace: Workspace
    catalog: Catalog
    workers: Workers
    meter: Meter
    labels: tuple[str, Rules] | None
    """The rule file by which panels are to be labelled; None where figures are not even split."""
    results: list[Result] = field(default_factory=list)
    failed: set[Path] = field(default_factory=set)
    """Absolute paths of the inputs that failed."""
    extracted: dict[str, tuple[tuple[Input, ...], Result]] = field(default_factory=dict)
    """SHA-256 of each file that is extracted, now or before → the inputs that hold it, and what becomes of
    the first of them."""
    manifests: provenance.Manifests = field(default_factory=provenance.Manifests)
    told: dict[str, tuple[Paper, ...]] = field(default_factory=dict)
    """SHA-256 of each file that manifests beside it list → what they say of the paper."""

    def take(self, paths: Sequence[Path]) -> list[_Task]:
        """Account for inputs that are extracted and return the others, a file of several names once."""
        holders: dict[str, list[Input]] = {}
        for found in inputs.find(paths):
            try:
                if found.problem:
                    raise OSError(found.problem)
                holders.setdefault(inputs.digest(found.path), []).append(found)
            except OSError as error:
                self.fail([found], "read", error.strerror or str(error), None)
        for sha256, group in holders.items():
            told = (self.manifests.told(found.path, sha256) for found in group)
            if said := tuple(each for each in told if each is not None):
                self.told[sha256] = said
        with self.catalog.transaction() as db:
            papers.register(
                db, [(sha256, each.source) for sha256, group in holders.items() for each in group]
            )
            done, mains, pictures = papers.done(db, EXTRACT), papers.mains(db), figures.files(db)
            decided = papers.with_figures(db, decisions.verdicts(db, splitting.FIELDS))
            attributed = papers.stages(db, provenance.NAME)
        told_before = {sha256: provenance.remembered(stage)[1:] for sha256, stage in attributed.items()}
        tasks = []
        for sha256, group in holders.items():
            there = all((self.workspace.root / file).is_file() for file in pictures.get(sha256, ()))
            if sha256 in done and there:
                self.extracted[sha256] = tuple(group), Result(group[0].source, "skipped")
                continue
            staging = self.workspace.staging(sha256)
            # Which new figure a reviewer's decision is about is known only when the figures are stored.
            rules = self.labels[0] if self.labels and sha256 not in decided else None
            said = self.told.get(sha256, told_before.get(sha256, ()))
            job = Job(group[0].path, staging.absolute(), Path(group[0].source).stem, rules, said)
            tasks.append(_Task(sha256, tuple(group), job))
        # A paper's main file before its others, which are compared with it.
        return sorted(tasks, key=lambda task: task.sha256 not in mains)

    def extract(self, tasks: Sequence[_Task]) -> None:
        """Extract and take down all tasks, in their order whichever is ready first."""
        self.meter.expect(len(tasks))
        ready: dict[Job, engines.Outcome[Job, Extraction | str]] = {}
        waiting = iter(tasks)
        head = next(waiting, None)
        jobs, workers = [task.job for task in tasks], self.workers
        with closing(
            engines.run(work, jobs, workers.count, workers.timeout, engine=workers.engine)
        ) as outcomes:
            for outcome in outcomes:
                ready[outcome.item] = outcome
                found = outcome.value
                self.meter.count(len(found.figures) if isinstance(found, Extraction) else None)
                while head and head.job in ready:
                    self.record(head, ready.pop(head.job))
                    head = next(waiting, None)

    def record(self, task: _Task, outcome: engines.Outcome[Job, Extraction | str]) -> None:
        """Take down what one file gave, all of it or nothing."""
        found = outcome.value
        folder, staging = self.workspace.folder(task.sha256), task.job.out
        problem: str | None = None
        with self.workspace.settled(staging.name, committed(self.catalog, folder)):
            try:
                if not isinstance(found, Extraction):
                    raise CurateError(found or outcome.error or "the worker gave no result")
                with self.catalog.transaction() as db:
                    stored = papers.store(
                        db,
                        provenance.attributed(found, task.job.told),
                        sha256=task.sha256,
                        folder=folder,
                        staging=staging.name,
                        stages=[EXTRACT, *self.later(found, task.job)],
                        seconds=outcome.seconds,
                    )
                    if task.sha256 in papers.with_figures(db, decisions.verdicts(db, splitting.FIELDS)):
                        papers.undo(db, task.sha256, splitting.PANELS.name)
                    failures.clear(db, task.sha256)
                    if stored.repeats is None:
                        self.workspace.place(staging, folder, stored.files.names, stored.files.retired)
            except Exception as error:
                # The values come from hostile files: whatever they break, they cost their own paper only.
                problem = in_words(error)
        if problem is not None or not isinstance(found, Extraction):
            self.fail(task.holders, "extract", problem or "", task.sha256)
            return
        result = Result(task.holders[0].source, "done", figures=len(found.figures))
        if stored.repeats is None:
            pictures = [picture for figure in found.figures for picture in figure.pictures]
            result = replace(
                result,
                pictures=sum(picture.role != "panel" for picture in pictures),
                panels=sum(len(figure.panels) for figure in found.figures),
            )
        else:
            note = f"another file of the paper {stored.repeats}"
            result = Result(task.holders[0].source, "duplicate", note)
        self.extracted[task.sha256] = task.holders, result

    def later(self, found: Extraction, job: Job) -> Iterator[Stage]:
        """The stages after extraction that are done at once."""
        if job.told:
            yield provenance.stage(found.paper, provenance.choose(found.paper, job.told))
        if self.labels is not None and job.rules is not None:
            yield splitting.PANELS
            if all(panel.facts is not None for figure in found.figures for panel in figure.panels):
                yield labelling.stage(self.labels[1])

    def attribute(self) -> None:
        """Bring the facts of papers up to date with what manifests say; those extracted now mostly are."""
        if not self.told:
            return
        with self.catalog.transaction() as db:
            mains, attributed = papers.files(db), papers.stages(db, provenance.NAME)
            files: dict[str, list[str]] = {}
            for sha256 in self.extracted:
                if sha256 in self.told and sha256 in mains:
                    files.setdefault(mains[sha256], []).append(sha256)
            for paper in papers.every(db):
                if paper.sha256 not in files:
                    continue
                # What is said of the main file goes before what is said of other files of the paper.
                listed = sorted(files[paper.sha256], key=lambda sha256: sha256 != paper.sha256)
                former = attributed.get(paper.sha256)
                own = provenance.remembered(former)[0] if former else paper.paper
                told = provenance.choose(own, [each for sha256 in listed for each in self.told[sha256]])
                stage = provenance.stage(own, told)
                if stage == former:
                    continue
                facts, notes = provenance.joined(own, told)
                changed = papers.restate(
                    db, paper.sha256, facts, notes=notes, topic=provenance.TOPIC, stage=stage
                )
                if facts.title != paper.paper.title:
                    papers.undo(db, paper.sha256, labelling.NAME)
                holders, result = self.extracted[listed[0]]
                if changed and result.status == "skipped":
                    self.extracted[listed[0]] = holders, replace(result, status="done")

    def split(self) -> None:
        """Split the figures of papers that were extracted without, now or in an earlier run."""
        wanted, files = self.waiting(splitting.PANELS)
        split = splitting.split_papers(self.workspace, self.catalog, wanted, self.workers, self.meter)
        self.settle(split, files)

    def label(self, rules: Rules) -> None:
        """Label the panels of papers that were not, or by other rules."""
        wanted, files = self.waiting(labelling.stage(rules))
        self.settle(labelling.label_papers(self.catalog, wanted, rules, self.meter), files)

    def waiting(self, stage: Stage) -> tuple[list[KeptPaper], dict[str, list[str]]]:
        """Papers of these inputs that the stage is not done for, and by main file all their files."""
        with self.catalog.snapshot() as db:
            mains = papers.waiting(db, stage)
            files: dict[str, list[str]] = {}
            for sha256 in self.extracted:
                if sha256 in mains:
                    files.setdefault(mains[sha256], []).append(sha256)
            return [paper for paper in papers.every(db) if paper.sha256 in files], files

    def settle(self, done: Iterable[tuple[KeptPaper, Result]], files: Mapping[str, Sequence[str]]) -> None:
        """Account for what a later stage did with papers."""
        for paper, later in done:
            for number, sha256 in enumerate(files[paper.sha256]):
                holders, result = self.extracted[sha256]
                if later.status == "failed":
                    del self.extracted[sha256]
                    self.fail(holders, later.stage, later.note, sha256)
                elif number == 0 and result.status != "duplicate":
                    result = replace(result, status="done", panels=later.panels)
                    self.extracted[sha256] = holders, result

    def account(self) -> None:
        """Account for the inputs whose file is extracted, further names of it as well."""
        for holders, result in self.extracted.values():
            self.results.append(result)
            for found in holders[1:]:
                note = f"the same file as {holders[0].source}"
                self.results.append(Result(found.source, "duplicate", note))

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
        found = extract_paper(_openable(job), job.out, name=job.name)
        if job.rules is None:
            return found
        found = splitting.split_extraction(found, job.out)
        try:
            labelled = labelling.label_extraction(provenance.attributed(found, job.told), job.rules)
            return replace(found, figures=labelled.figures)
        except Exception:  # the label stage tries again, and says what is wrong
            return found
    except (CurateError, OSError) as error:
        return in_words(error).removeprefix(f"{job.pdf}: ").removeprefix(f"{job.pdf.name}: ")


def _openable(job: Job) -> Path:
    """The PDF's path, or a link to it when the path is no valid Unicode, which MuPDF cannot open."""
    try:
        os.fspath(job.pdf).encode()
    except UnicodeEncodeError:
        link = job.out.with_suffix(".pdf")
        link.symlink_to(job.pdf)
        return link
    return job.pdf
