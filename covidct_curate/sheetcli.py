"""``curate sheet``: the spreadsheet out and in, and how far reviewers agree."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from covidct_curate.console import Format, Workspace, plain_errors

sheet = typer.Typer(
    help="Review in a spreadsheet: write it, read it back, compare reviewers.", no_args_is_help=True
)


@sheet.command(
    "export",
    epilog=(
        "Example: curate sheet export -w curated\n\n"
        "Example: curate sheet export --only undecided --out for-ann.xlsx"
    ),
)
def export(
    workspace: Workspace = Path("curated"),
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An .xlsx or .csv.", show_default="WORKSPACE/MetaInfo.xlsx"),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="WHICH", help="undecided, conflicts, low-confidence, or a paper's file name or DOI."
        ),
    ] = None,
) -> None:
    """Write the sheet for reviewers: a row for each selected picture, its figure, and what they must choose.

    2,000 pictures in a file; more go into numbered ones. A file that somebody changed is not overwritten: the
    next number is taken.
    """
    with plain_errors():
        from covidct_curate.forms import visible
        from covidct_curate.review.export import export_sheet

        for written in export_sheet(workspace, out=out, only=only):
            print(visible(f"{written.path}: {written.rows:,} pictures"))
            for note in written.notes:
                print(f"note: {visible(note)}")


@sheet.command(
    "import",
    epilog=(
        "Example: curate sheet import MetaInfo.xlsx --reviewer Ann --dry-run\n\n"
        "Example: curate sheet import MetaInfo.xlsx --reviewer Ann"
    ),
)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The sheet that was changed: .xlsx or .csv.")],
    workspace: Workspace = Path("curated"),
    reviewer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who decided.", show_default="your login name")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Where some cells make no sense, apply the others.")
    ] = False,
) -> None:
    """Bring the changes of a sheet into the catalogue, each as a decision of the reviewer.

    The file is only read, and the same file again changes nothing. Exit code 1 when a cell makes no sense, which
    the last lines name: then nothing is applied without --partial.
    """
    with plain_errors():
        from covidct_curate.forms import visible
        from covidct_curate.review.intake import import_sheet
        from covidct_curate.splitting import login_name

        name = login_name() if reviewer is None else reviewer
        told = import_sheet(workspace, file, reviewer=name, dry_run=dry_run, partial=partial)
        for line in told.lines():
            print(visible(line))
        sys.stdout.flush()
        for problem in (*told.problems, *told.failures):
            print(f"problem: {visible(str(problem))}", file=sys.stderr)
        if told.problems or told.failures:
            raise typer.Exit(1)


@sheet.command(
    "agreement",
    epilog="Example: curate sheet agreement -w curated",
)
def agreement(
    workspace: Workspace = Path("curated"),
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.table,
) -> None:
    """Compare each two reviewers over the pictures both confirmed: agreement and Cohen's kappa for each field.

    What they say differently is listed below; with --format jsonl or csv beside each field.
    """
    with plain_errors():
        from covidct_curate import listing

        listing.write_agreement(workspace, form.value, sys.stdout)
