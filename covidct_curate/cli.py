"""The ``curate`` command. Each command calls one public function; what it needs is imported when it runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidct_curate import __version__
from covidct_curate.errors import CurateError

if TYPE_CHECKING:
    from covidct_curate.pipeline import Progress, Report

app = typer.Typer(
    help="Turn a folder of preprint PDFs into a reviewed medical-image dataset.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Workspace = Annotated[Path, typer.Option("-w", "--workspace", help="Folder of the catalogue and pictures.")]


class Engine(StrEnum):
    """Where workers run."""

    local = "local"
    ray = "ray"


class Only(StrEnum):
    """The last step of an extraction."""

    figures = "figures"


class Kind(StrEnum):
    """What the catalogue can list."""

    papers = "papers"
    figures = "figures"
    panels = "panels"
    decisions = "decisions"
    failures = "failures"


class Format(StrEnum):
    """How a list is written."""

    table = "table"
    jsonl = "jsonl"
    csv = "csv"


def main() -> None:
    """Run the ``curate`` command."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal of few letters shows what it can; files and pipes always get UTF-8.
        if not stream.isatty():
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
        else:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    app()


@app.callback(invoke_without_command=True)
def curate(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)
    ] = False,
) -> None:
    """Turn a folder of preprint PDFs into a reviewed medical-image dataset."""
    if version:
        print(f"covidct {__version__}")
        raise typer.Exit


@app.command(
    epilog="Example: curate extract preprints/ more.pdf -w curated --jobs 4",
)
def extract(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PDF_OR_FOLDER...", help="PDFs, or folders searched recursively.")
    ],
    workspace: Workspace = Path("curated"),
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Workers.", show_default="one for each processor")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds a PDF may take.")] = 300,
    engine: Annotated[Engine, typer.Option(help="Where workers run.")] = Engine.local,
    only: Annotated[
        Only | None, typer.Option(help="Stop after figures and captions, without MetaInfo.xlsx.")
    ] = None,
) -> None:
    """Extract every figure with its caption and mentions; go on where the last run stopped.

    Pictures go to WORKSPACE/papers, what is known of them to WORKSPACE/catalog.db, and MetaInfo.xlsx shows
    both. Exit code 1 when some inputs failed: the last lines and `curate list failures` name them.
    """
    with _plain_errors():
        from covidct_curate import pipeline

        with _progress_bar() as progress:
            report = pipeline.extract(
                paths,
                workspace,
                jobs=jobs,
                timeout=timeout,
                engine=engine.value,
                only_figures=only is Only.figures,
                progress=progress,
            )
        _show(report, workspace)
        if report.failures:
            raise typer.Exit(1)


@app.command("list", epilog="Example: curate list figures -w curated --format jsonl > figures.jsonl")
def list_(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    workspace: Workspace = Path("curated"),
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.table,
) -> None:
    """List what the catalogue holds; papers a newer version replaces are marked as superseded."""
    with _plain_errors():
        from covidct_curate import listing

        listing.write(kind.value, workspace, form.value, sys.stdout)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """End with one clear line and exit code 1 on an expected error, with 130 on Ctrl-C."""
    from covidct_curate.listing import visible

    try:
        yield
    except CurateError as error:
        print(f"Error: {visible(str(error))}", file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        print("Interrupted; the same command goes on from here.", file=sys.stderr)
        raise typer.Exit(130) from error


@contextmanager
def _progress_bar() -> Iterator[Callable[[Progress], None] | None]:
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


def _show(report: Report, workspace: Path) -> None:
    """The closing table on stdout, then what failed on stderr."""
    from rich.console import Console
    from rich.table import Table

    from covidct_curate.listing import visible

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for status in ("done", "skipped", "duplicate", "failed"):
        table.add_row(status, f"{report.counts[status]:,}")
    table.add_row("new figures", f"{sum(result.figures for result in report.results):,}")
    table.add_row("new pictures", f"{sum(result.pictures for result in report.results):,}")
    Console(file=sys.stdout).print(table)
    where = "" if workspace == Path("curated") else f" -w {shlex.quote(str(workspace))}"
    print(f"catalogue: {visible(str(workspace))}; see it with: curate list figures{visible(where)}")
    if report.sheet.path:
        print(f"spreadsheet: {visible(str(report.sheet.path))}")
    for note in report.sheet.notes:
        print(f"note: {visible(note)}")
    sys.stdout.flush()
    for failure in report.failures:
        print(f"failed: {visible(failure.source)}: {visible(failure.reason)}", file=sys.stderr)
