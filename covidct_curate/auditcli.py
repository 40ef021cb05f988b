"""``curate audit`` and ``curate stats``: what is wrong with a dataset, and what it is."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from covidct_curate.console import counting_bar, plain_errors
from covidct_curate.errors import ChoiceError

AUDIT_EXAMPLES = (
    "Example: curate audit COVID-CT/\n\nExample: curate audit curated --format html --out audit.html"
)
STATS_EXAMPLES = "Example: curate stats curated --out figures"


class Form(StrEnum):
    """How an audit is told."""

    table = "table"
    json = "json"
    html = "html"


Dataset = Annotated[
    Path,
    typer.Argument(
        metavar="PATH", help="A workspace, a release, or a folder like COVID-CT or covid-chestxray-dataset."
    ),
]


def audit(
    path: Dataset = Path("curated"),
    form: Annotated[Form, typer.Option("--format", help="How to tell what was found.")] = Form.table,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to.", show_default="stdout; with html audit.html"),
    ] = None,
) -> None:
    """Check a dataset: files, sheets, copies, what is in two parts of the split, and shortcuts to the class.

    A shortcut is how well the class is told by what is no anatomy: file properties, border, histogram. Exit code 1
    when there are errors.
    """
    with plain_errors():
        from covidct_curate.audit import report
        from covidct_curate.audit.examine import audit as examine
        from covidct_curate.forms import visible

        with counting_bar("pictures") as progress:
            found = examine(path, progress)
        if form is Form.html:
            target = out or Path("audit.html")
            report.write_html(found, target)
            print(visible(f"{target}: {report.verdict(found)}"))
        else:
            text = (
                report.table(found)
                if form is Form.table
                else json.dumps(report.as_json(found), indent=1, allow_nan=False) + "\n"
            )
            if out is None:
                sys.stdout.write(text)
                sys.stdout.flush()
            else:
                report.write_text(text, out)
        if found.errors:
            raise typer.Exit(1)


def stats(
    path: Dataset = Path("curated"),
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write figures, numbers and a page into this folder."),
    ] = None,
) -> None:
    """Show a dataset's numbers: images, patients and papers by class and source, sizes, ages, genders.

    With --out: a page (index.html) with these and figures as PNG and SVG: ages, genders, examples, figures a paper.
    """
    with plain_errors():
        from covidct_curate.audit import page
        from covidct_curate.audit.reading import read
        from covidct_curate.audit.statistics import statistics

        subject = read(path)
        told = statistics(subject)
        sys.stdout.write(page.table(told))
        if out is not None:
            if out.exists() and not out.is_dir():
                raise ChoiceError(f"{out}: it is a file; name a folder")
            page.write_statistics(subject, told, out)
