"""Figures of the workspace to panels: all papers anew, those that wait for it, or one as a reviewer says.

Workers read the pictures of a paper and write those of its panels into a temporary folder, beside links to
the others; only this process touches the catalogue.
"""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from covidct_curate import engine as engines
from covidct_curate import labelling
from covidct_curate.catalog import Catalog, Connection, decisions, failures, figures, papers
from covidct_curate.catalog.failures import Failure
from covidct_curate.catalog.figures import KeptFigure
from covidct_curate.catalog.papers import KeptPaper, Stage
from covidct_curate.errors import ChoiceError, CurateError, NoFigure, in_words
from covidct_curate.label.rules import Rules
from covidct_curate.panels.choice import Choice, read_choice
from covidct_curate.panels.figure import STAGE_VERSION, split_figure, wholes
from covidct_curate.records import Decision, Extraction, Figure
from covidct_curate.report import Meter, Progress, Report, Result
from covidct_curate.review import export
from covidct_curate.session import committed, now, opened, remember
from covidct_curate.workspace import Workspace

PANELS = Stage("panels", STAGE_VERSION, settings="")
"""Panels, their labels and subcaptions. No option changes what they are; decisions do."""

FIELD = "panels"
"""The field of a figure that a reviewer's grid or boxes decide."""

FIELDS = (FIELD, "caption")
"""The fields of a figure that splitting depends on."""


@dataclass(frozen=True, slots=True)
class Workers:
    """How many work, for how long at most on one paper, and where."""

    jobs: int | None = None
    timeout: float = 300
    engine: str = "local"

    @property
    def count(self) -> int:
        """``jobs``, or one for each processor we may use."""
        if self.jobs is not None:
            return self.jobs
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Task:
    """One figure for a worker."""

    figure: Figure
    choice: Choice | None
    caption: str | None
    """A reviewer's, in place of the figure's."""
    again: bool
    """To be split; else it stays as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class SplitJob:
    """The figures of one paper for a worker."""

    sha256: str
    folder: Path
    """Where the paper's pictures lie."""
    out: Path
    """The folder to make and to write pictures into."""
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """What splitting the figures of one paper gave."""

    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()


def split(
    workspace: Path,
    *,
    jobs: int | None = None,
    timeout: float = 300,
    engine: str = "local",
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Split the figures of all current papers of a workspace anew, as reviewers decided or by their pixels.

    Options, report and errors are those of `covidct_curate.pipeline.extract`; rules are the workspace's.
    """
    place = Workspace(workspace)
    with opened(place) as catalog:
        rules = labelling.own_rules(catalog)
        with catalog.snapshot() as db:
            current = papers.current(db)
        results = {}
        workers, meter = Workers(jobs, timeout, engine), Meter(progress)
        for paper, result in split_papers(place, catalog, current, workers, meter):
            results[paper.sha256] = result
            if result.status == "failed":
                failure = Failure(paper.source, result.stage, result.note)
                remember(catalog, (place.root / paper.folder).absolute(), failure, paper.sha256)
        done = [paper for paper in current if results[paper.sha256].status != "failed"]
        for paper, result in labelling.label_again(place, catalog, done, rules):
            if result.status == "failed":
                results[paper.sha256] = result
        sheet = export.write(place, catalog)
        place.clear()
    return Report(tuple(results[paper.sha256] for paper in current), sheet)


def decide(workspace: Path, uid: str, choice: Choice, *, reviewer: str, timeout: float = 300) -> Report:
    """Take down a reviewer's panels of the figure with that uid, and split it accordingly.

    ``choice`` is in pixels of the figure's first whole picture. The decision and what comes of it are stored
    together or not at all. Raises `NoFigure` when there is no such figure or it has no picture,
    `ChoiceError` when the choice does not fit it, `RuleError` when the workspace's rule file cannot be used, and
    `WorkspaceError` when the workspace cannot.
    """
    if not reviewer.strip():
        raise ChoiceError("a decision needs its reviewer's name")
    place = Workspace(workspace)
    with opened(place) as catalog:
        rules = labelling.own_rules(catalog)
        with catalog.snapshot() as db:
            paper, kept = find_figure(db, uid)
            verdict = decisions.verdicts(db, FIELDS).get(uid, {}).get(FIELD)
        decision = Decision(
            uid=uid,
            field=FIELD,
            value=fitted(paper, kept, choice),
            based_on=verdict.basis if verdict else None,
            reviewer=reviewer.strip(),
            at=now(),
            client="curate split",
            old=verdict.value if verdict else None,
        )
        result = decide_figures(place, catalog, paper, [decision], rules, timeout)
        sheet = export.write(place, catalog)
        place.clear()
    return Report((result,), sheet)


def decide_figures(
    place: Workspace,
    catalog: Catalog,
    paper: KeptPaper,
    made: Sequence[Decision],
    rules: Rules,
    timeout: float = 300,
) -> Result:
    """Take down decisions about figures of one paper and what comes of them: split anew where their panels or
    captions change, then labelled. The decisions and the panels are stored together or not at all."""
    with catalog.snapshot() as db:
        waits = paper.sha256 in papers.waiting(db, PANELS)
    decided = _Decided(tuple(made), alone=not waits)
    ((_, result),) = split_papers(place, catalog, [paper], Workers(1, timeout), Meter(None), decided)
    if result.status != "failed":
        labelled = [each for _, each in labelling.label_again(place, catalog, [paper], rules)]
        result = next((each for each in labelled if each.status == "failed"), result)
    return result


def fitted(paper: KeptPaper, kept: KeptFigure, choice: Choice) -> str:
    """A reviewer's panels of a figure as a decision keeps them. Raises `NoFigure` when the figure has no picture,
    `ChoiceError` when they do not fit it or it is not ours to split."""
    if paper.dataset:
        raise ChoiceError(f"{kept.uid}: this figure was imported from {paper.dataset} and is not split")
    whole = next(iter(wholes(kept.figure)), None)
    if whole is None:
        raise NoFigure(f"{kept.uid}: this figure has no picture to split; see curate list figures")
    size = whole.width, whole.height
    choice.check(size)
    return replace(choice, size=size).value()


@dataclass(frozen=True, slots=True)
class _Decided:
    """Decisions about to be taken down."""

    decisions: tuple[Decision, ...]
    alone: bool
    """The paper's other figures stay as they are."""


def login_name() -> str:
    """The name under which somebody is at this computer. Raises `ChoiceError` where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise ChoiceError("nobody knows who you are here; name yourself with --reviewer NAME") from None


def split_papers(
    place: Workspace,
    catalog: Catalog,
    wanted: Sequence[KeptPaper],
    workers: Workers,
    meter: Meter,
    decided: _Decided | None = None,
) -> Iterator[tuple[KeptPaper, Result]]:
    """Split the figures of papers and take down what that gives, paper by paper as they are ready."""
    by_file = {paper.sha256: paper for paper in wanted}
    meter.expect(len(wanted))
    jobs = (_job(place, catalog, paper, decided) for paper in wanted)
    with closing(engines.run(work, jobs, workers.count, workers.timeout, engine=workers.engine)) as outcomes:
        for outcome in outcomes:
            paper = by_file[outcome.item.sha256]
            result = _record(place, catalog, paper, outcome, decided)
            meter.count(None if result.status == "failed" else 0)
            yield paper, result


def work(job: SplitJob) -> Split | str:
    """Split the figures of one paper (in a worker): what it gave, or in plain words why it gave nothing."""
    try:
        job.out.mkdir(exist_ok=True)
        found: list[Figure] = []
        notes: list[str] = []
        for task in job.tasks:
            for picture in task.figure.pictures:
                if picture.role != "panel" or not task.again:
                    _bring(job.folder / picture.file, job.out / picture.file)
            figure = task.figure
            if task.again:
                shown = figure if task.caption is None else replace(figure, caption=task.caption)
                split, said = split_figure(shown, job.out, task.choice)
                figure = replace(split, caption=figure.caption)
                notes += said
            found.append(figure)
    except (CurateError, OSError) as error:
        return in_words(error)
    return Split(tuple(found), tuple(notes))


def split_extraction(extraction: Extraction, folder: Path) -> Extraction:
    """Split the figures of a fresh extraction whose pictures lie in ``folder``."""
    found = [split_figure(figure, folder) for figure in extraction.figures]
    notes = tuple(note for _, said in found for note in said)
    return replace(extraction, figures=tuple(figure for figure, _ in found), panel_notes=notes)


def find_figure(db: Connection, uid: str) -> tuple[KeptPaper, KeptFigure]:
    """The figure with that uid, and its paper. Raises `NoFigure` where there is none."""
    by_paper = figures.by_paper(db)
    for paper in papers.every(db):
        for kept in by_paper[paper.uid]:
            if kept.uid == uid:
                return paper, kept
            if any(one.uid == uid for one in kept.pictures):
                raise NoFigure(f"{uid}: this is the uid of a picture; that of its figure is {kept.uid}")
    raise NoFigure(f"{uid}: no figure has this uid; see curate list figures")


def _job(place: Workspace, catalog: Catalog, paper: KeptPaper, decided: _Decided | None) -> SplitJob:
    with catalog.snapshot() as db:
        found = figures.of_file(db, paper.sha256)
        verdicts = decisions.verdicts(db, FIELDS)
    values = {
        uid: {field: verdict.value for field, verdict in each.items()} for uid, each in verdicts.items()
    }
    for made in decided.decisions if decided else ():
        if decisions.stands(verdicts.get(made.uid, {}).get(made.field), made):
            values.setdefault(made.uid, {})[made.field] = made.value
    only = {made.uid for made in decided.decisions} if decided and decided.alone else None
    tasks = tuple(
        Task(
            kept.figure,
            read_choice(values.get(kept.uid, {}).get(FIELD, "")),
            values.get(kept.uid, {}).get("caption"),
            only is None or kept.uid in only,
        )
        for kept in found
    )
    staging = place.staging(paper.sha256).absolute()
    return SplitJob(paper.sha256, (place.root / paper.folder).absolute(), staging, tasks)


def _record(
    place: Workspace,
    catalog: Catalog,
    paper: KeptPaper,
    outcome: engines.Outcome[SplitJob, Split | str],
    decided: _Decided | None,
) -> Result:
    """Take down what one paper gave, all of it or nothing."""
    found, staging = outcome.value, outcome.item.out
    with place.settled(staging.name, committed(catalog, paper.folder)):
        try:
            if not isinstance(found, Split):
                raise CurateError(found or outcome.error or "the worker gave no result")
            with catalog.transaction() as db:
                for made in decided.decisions if decided else ():
                    decisions.append(db, made)
                moves = papers.store_panels(
                    db,
                    found.figures,
                    found.notes,
                    sha256=paper.sha256,
                    staging=staging.name,
                    spoils=labelling.NAME,
                    stage=None if decided is not None and decided.alone else PANELS,
                    seconds=outcome.seconds,
                )
                failures.clear(db, paper.sha256)
                place.place(staging, paper.folder, moves.names, moves.retired)
        except Exception as error:
            # Pictures come from hostile files: whatever they break, they cost their own paper only.
            return Result(paper.source, "failed", in_words(error), PANELS.name)
    return Result(paper.source, "done", panels=sum(len(figure.panels) for figure in found.figures))


def _bring(file: Path, to: Path) -> None:
    """Link a picture into a temporary folder, or copy it where the disk has no links."""
    try:
        to.hardlink_to(file)
    except FileNotFoundError:
        raise CurateError(f"{file.name} is gone from {file.parent}; extract its PDF again") from None
    except OSError:
        shutil.copyfile(file, to)
