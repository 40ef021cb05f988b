"""What all commands share: options, how errors and progress are told, and how a run ends."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidct_curate.errors import ChoiceError, CurateError, RuleError

if TYPE_CHECKING:
    from covidct_curate.report import Progress, Report

Workspace = Annotated[Path, typer.Option("-w", "--workspace", help="Folder of the catalogue and pictures.")]


class Format(StrEnum):
    """How a list is written."""

    table = "table"
    jsonl = "jsonl"
    csv = "csv"


class Crop(StrEnum):
    """What is left of a picture."""

    body = "body"
    lungs = "lungs"


@contextmanager
def plain_errors() -> Iterator[None]:
    """End with one clear line on an expected error: exit code 2 for options or rule files that make no sense,
    else 1; with 130 on Ctrl-C."""
    from covidct_curate.forms import visible

    try:
        yield
    except CurateError as error:
        print(f"Error: {visible(str(error))}", file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, ChoiceError | RuleError) else 1) from error
    except KeyboardInterrupt as error:
        print("Interrupted; the same command goes on from here.", file=sys.stderr)
        raise typer.Exit(130) from error


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    """A progress bar on stderr when that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("papers"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[figures]} figures, {task.fields[failed]} failed, left"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task("", total=None, figures=0, failed=0)

        def show(state: Progress) -> None:
            bar.update(
                task, total=state.total, completed=state.done, figures=state.figures, failed=state.failed
            )

        yield show


@contextmanager
def counting_bar(what: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """A progress bar on stderr when that is a terminal: so many of so many ``pictures``, or of nobody knows how
    many."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn(what),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, total=total, completed=done)


def finish(report: Report, workspace: Path) -> None:
    """The closing table on stdout, then what failed on stderr; exit code 1 when anything did."""
    from rich.console import Console
    from rich.table import Table

    from covidct_curate.forms import visible

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for status in ("done", "skipped", "duplicate", "failed"):
        table.add_row(status, f"{report.counts[status]:,}")
    table.add_row("new figures", f"{sum(result.figures for result in report.results):,}")
    table.add_row("new pictures", f"{sum(result.pictures for result in report.results):,}")
    table.add_row("new panels", f"{sum(result.panels for result in report.results):,}")
    Console(file=sys.stdout).print(table)
    where = "" if workspace == Path("curated") else f" -w {shlex.quote(str(workspace))}"
    print(f"catalogue: {visible(str(workspace))}; see it with: curate list figures{visible(where)}")
    if report.sheet.path:
        print(f"spreadsheet: {visible(str(report.sheet.path))}")
    for note in (*report.notes, *report.sheet.notes):
        print(f"note: {visible(note)}")
    sys.stdout.flush()
    for failure in report.failures:
        print(f"failed: {visible(failure.source)}: {visible(failure.reason)}", file=sys.stderr)
    if report.failures:
        raise typer.Exit(1)
