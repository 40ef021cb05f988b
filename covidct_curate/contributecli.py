"""``curate contribute``: new papers packed for a dataset's keepers, and merged by them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from covidct_curate.console import Workspace, plain_errors

contribute = typer.Typer(
    help="Give reviewed pictures of new papers to a dataset, and merge what others give.",
    no_args_is_help=True,
)


@contribute.command(
    "pack",
    epilog=(
        "Example: curate contribute pack -w curated --contributor Ann --known COVID-CT-MetaInfo.xlsx --out new.zip"
    ),
)
def pack(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The .zip to make.")],
    contributor: Annotated[str, typer.Option(metavar="NAME", help="Who contributes; it is published.")],
    workspace: Workspace = Path("curated"),
    known: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="What the dataset has: a sheet (.xlsx, .csv), a list (.txt) or a release; one option each.",
        ),
    ] = None,
    contact: Annotated[str, typer.Option(help="Whom to ask: a mail or web address; it is published.")] = "",
) -> None:
    """Pack the kept pictures of papers that the dataset does not have: shared ones, recipes for the rest, evidence.

    Left out and told: papers without a DOI, pictures from other datasets, patients under 18. The same workspace
    gives the same bytes. Exit code 1 when nothing is left.
    """
    with plain_errors():
        from covidct_curate.contribute.pack import pack as packed
        from covidct_curate.forms import visible

        made = packed(workspace, out, contributor=contributor, contact=contact, known_in=known or ())
        for each in made.left_out:
            print(visible(f"left out: {each.paper}: {each.pictures:,} pictures ({each.why})"))
        print(f"papers: {len(made.dois):,}")
        print(f"pictures: {made.pictures:,}")
        print(f"as a recipe only, for their licences: {made.recipes:,}")
        print(f"contribution: {visible(str(made.path))}")


@contribute.command(
    "merge",
    epilog=(
        "Example: curate contribute merge new.zip -w curated --reviewer Bob --dry-run\n\n"
        "Example: curate contribute merge new.zip -w curated --reviewer Bob --pdfs preprints/"
    ),
)
def merge(
    contribution: Annotated[
        Path, typer.Argument(metavar="CONTRIBUTION", help="A .zip that pack made, or its folder.")
    ],
    workspace: Workspace = Path("curated"),
    reviewer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who merges.", show_default="your login name")
    ] = None,
    pdfs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="PDFs of the papers, to make the pictures that are recipes only."),
    ] = None,
    allow_alike: Annotated[
        bool,
        typer.Option(
            "--allow-alike", help="The pictures said to show the same slice were looked at: they do not."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be merged.")] = False,
) -> None:
    """Merge a contribution after checking all of it; one problem is enough to merge nothing.

    Refused: papers, names, patients' ids or pictures that are there already, files that are damaged or not listed,
    licences that forbid sharing, patients under 18, other classes. Patients are never renumbered. Exit code 1 when
    refused; the last lines name every problem.
    """
    with plain_errors():
        from covidct_curate.contribute.merge import merge as merged
        from covidct_curate.forms import visible
        from covidct_curate.splitting import login_name

        name = login_name() if reviewer is None else reviewer
        told = merged(
            contribution, workspace, reviewer=name, pdfs=pdfs, allow_alike=allow_alike, dry_run=dry_run
        )
        for note in told.notes:
            print(f"note: {visible(note)}")
        verb = "merged" if told.applied else "not merged"
        print(
            f"{verb}: {told.pictures:,} pictures of {len(told.dois):,} papers, {told.rebuilt:,} of them made from PDFs; "
            f"contributed by {visible(told.contributor)}"
        )
        sys.stdout.flush()
        for problem in told.problems:
            print(f"problem: {visible(problem)}", file=sys.stderr)
        if told.problems:
            raise typer.Exit(1)
