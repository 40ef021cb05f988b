"""The ``curate`` command. Each command calls one public function; what it needs is imported when it runs."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidct_curate import __version__, auditcli, crawlcli, importcli
from covidct_curate.console import Format, Workspace, finish, plain_errors, progress_bar
from covidct_curate.contributecli import contribute
from covidct_curate.errors import ChoiceError
from covidct_curate.releasecli import EXAMPLES, release
from covidct_curate.sheetcli import sheet

if TYPE_CHECKING:
    from covidct_curate.panels.choice import Choice

app = typer.Typer(
    help="Turn a folder of preprint PDFs into a reviewed medical-image dataset.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(sheet, name="sheet")
app.add_typer(contribute, name="contribute")
app.command(epilog=EXAMPLES)(release)
app.command("import", epilog=importcli.EXAMPLES)(importcli.import_)
app.command(epilog=crawlcli.EXAMPLES)(crawlcli.crawl)
app.command(epilog=auditcli.AUDIT_EXAMPLES)(auditcli.audit)
app.command(epilog=auditcli.STATS_EXAMPLES)(auditcli.stats)


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


class Modality(StrEnum):
    """What a picture is, as far as it may be selected."""

    ct = "ct"
    xray = "xray"
    mri = "mri"
    ultrasound = "ultrasound"
    nuclear = "nuclear"
    angiography = "angiography"
    endoscopy = "endoscopy"
    photo = "photo"
    microscopy = "microscopy"


Rules = Annotated[
    str | None,
    typer.Option(
        metavar="NAME_OR_FILE",
        help="Rule file: covid-19, tuberculosis, or your own .toml.",
        show_default="the workspace's, else covid-19",
    ),
]
Keep = Annotated[
    list[Modality] | None,
    typer.Option(
        help="Modality selected for the dataset; one option each.",
        show_default="the workspace's, else the rule file's",
    ),
]


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
        Only | None, typer.Option(help="Stop after figures and captions: no panels, no MetaInfo.xlsx.")
    ] = None,
    rules: Rules = None,
    keep: Keep = None,
) -> None:
    """Extract every figure, split and label its panels; go on where the last run stopped.

    Pictures go to WORKSPACE/papers, what is known of them to WORKSPACE/catalog.db, and MetaInfo.xlsx shows
    both. Exit code 1 when some inputs failed: the last lines and `curate list failures` name them.
    """
    with plain_errors():
        from covidct_curate import pipeline

        with progress_bar() as progress:
            report = pipeline.extract(
                paths,
                workspace,
                jobs=jobs,
                timeout=timeout,
                engine=engine.value,
                only_figures=only is Only.figures,
                rules=_rule_file(rules),
                keep=[each.value for each in keep or ()],
                progress=progress,
            )
        finish(report, workspace)


@app.command(
    epilog=(
        "Example: curate split scan.png --format jsonl\n\n"
        "Example: curate split -w curated --figure 0123456789abcdef --grid 2x3 --reviewer Ann\n\n"
        "Example: curate split --figure 0123456789abcdef --boxes 0,0,300,280 --boxes 310,0,600,280 --reviewer Ann"
    ),
)
def split(
    images: Annotated[
        list[Path] | None, typer.Argument(metavar="IMAGE...", help="Picture files, or folders of them.")
    ] = None,
    workspace: Workspace = Path("curated"),
    form: Annotated[
        Format | None, typer.Option("--format", help="How to write what IMAGEs show.", show_default="table")
    ] = None,
    figure: Annotated[
        str | None, typer.Option(metavar="UID", help="The figure that a reviewer splits.")
    ] = None,
    grid: Annotated[
        str | None, typer.Option(metavar="RxC", help="Its panels: so many rows and columns.")
    ] = None,
    boxes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X0,Y0,X1,Y1", help="Its panels: boxes in its picture's pixels; one option each."
        ),
    ] = None,
    reviewer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who decides.", show_default="your login name")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Workers.", show_default="one for each processor")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds a paper's figures may take.")] = 300,
    engine: Annotated[Engine, typer.Option(help="Where workers run.")] = Engine.local,
) -> None:
    """Split the figures of the workspace into panels anew; or loose IMAGEs; or one figure as a reviewer says.

    With IMAGEs the panels are printed and no workspace is needed. A reviewer's panels are a decision: every
    later run keeps to it. Exit code 1 when some could not be split: the last lines name them.
    """
    with plain_errors():
        choice = _choice(images, form, figure, grid, boxes, reviewer)
        if images:
            from covidct_curate import listing
            from covidct_curate.forms import visible

            failed = listing.write_loose(images, (form or Format.table).value, sys.stdout)
            sys.stdout.flush()
            for each in failed:
                print(f"failed: {visible(str(each))}", file=sys.stderr)
            if failed:
                raise typer.Exit(1)
            return
        from covidct_curate import splitting

        if figure is not None and choice is not None:
            name = reviewer or splitting.login_name()
            report = splitting.decide(workspace, figure, choice, reviewer=name, timeout=timeout)
        else:
            with progress_bar() as progress:
                report = splitting.split(
                    workspace, jobs=jobs, timeout=timeout, engine=engine.value, progress=progress
                )
        finish(report, workspace)


def _choice(
    images: list[Path] | None,
    form: Format | None,
    figure: str | None,
    grid: str | None,
    boxes: list[str] | None,
    reviewer: str | None,
) -> Choice | None:
    """A reviewer's panels, None without any. Raises ChoiceError for options that do not go together."""
    if form is not None and not images:
        raise ChoiceError(f"--format goes with IMAGEs; else see: curate list panels --format {form.value}")
    if figure is None:
        if grid is not None or boxes or reviewer is not None:
            raise ChoiceError("--grid, --boxes and --reviewer go with --figure UID")
        return None
    if images:
        raise ChoiceError("either --figure or IMAGEs, not both")
    if (grid is None) == (not boxes):
        raise ChoiceError("--figure takes either --grid or --boxes")
    if reviewer is not None and not reviewer.strip():
        raise ChoiceError("--reviewer takes a name: a decision is somebody's")
    from covidct_curate.panels.choice import parse_boxes, parse_grid

    return parse_grid(grid) if grid is not None else parse_boxes(boxes or [])


@app.command(
    epilog=(
        "Example: curate label -w curated --rules tuberculosis --keep ct --keep xray\n\n"
        "Example: curate label --table COVID-CT-MetaInfo.xlsx --format jsonl > labels.jsonl"
    ),
)
def label(
    workspace: Workspace = Path("curated"),
    table: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An .xlsx or .csv with File name and Captions: label its rows."),
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="How to write the rows.", show_default="table")
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="WORDS", help="What all rows are about, as a paper's title says it.")
    ] = None,
    rules: Rules = None,
    keep: Keep = None,
) -> None:
    """Read modality, finding and patient of every panel anew from the words of its paper; or of a table's rows.

    The workspace keeps to the rule file and the modalities given here. With --table the rows are printed and
    no workspace is needed. Exit code 1 when some papers could not be labelled: the last lines name them.
    """
    with plain_errors():
        if table is None:
            if form is not None or title is not None:
                raise ChoiceError("--format and --title go with --table; else see: curate list panels")
            from covidct_curate import labelling

            with progress_bar() as progress:
                report = labelling.label(
                    workspace,
                    rules=_rule_file(rules),
                    keep=[each.value for each in keep or ()],
                    progress=progress,
                )
            finish(report, workspace)
            return
        if keep:
            raise ChoiceError("--keep selects panels of a workspace; it does not go with --table")
        from covidct_curate import listing
        from covidct_curate.forms import visible
        from covidct_curate.label.rules import DEFAULT

        notes = listing.write_labels(
            table, _rule_file(rules) or DEFAULT, title or "", (form or Format.table).value, sys.stdout
        )
        sys.stdout.flush()
        for note in notes:
            print(f"note: {visible(note)}", file=sys.stderr)


def _rule_file(given: str | None) -> str | None:
    """A rule file's name as it is, its path from the root, so that later runs find it."""
    return str(Path(given).absolute()) if given is not None and given.endswith(".toml") else given


@app.command(
    "list",
    epilog=(
        "Example: curate list figures -w curated --format jsonl > figures.jsonl\n\n"
        "Example: curate list panels --contact-sheet panels.png"
    ),
)
def list_(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    workspace: Workspace = Path("curated"),
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.table,
    contact_sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="With panels: draw them on small figures instead."),
    ] = None,
    per_sheet: Annotated[int, typer.Option(min=1, max=2000, help="Figures on one contact sheet.")] = 200,
) -> None:
    """List what the catalogue holds; papers a newer version replaces are marked as superseded."""
    if contact_sheet is not None and kind is not Kind.panels:
        raise typer.BadParameter("it goes with: curate list panels", param_hint="--contact-sheet")
    with plain_errors():
        from covidct_curate import listing
        from covidct_curate.forms import visible

        if contact_sheet is None:
            listing.write(kind.value, workspace, form.value, sys.stdout)
            return
        for path in listing.write_contact_sheets(workspace, contact_sheet, per_sheet):
            print(visible(str(path)))
