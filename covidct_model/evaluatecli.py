"""``covidct evaluate``: what a trained run is worth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from covidct_model.modelling import modelling

EVALUATE_EXAMPLES = (
    "Example: covidct evaluate runs/lite0\n\nExample: covidct evaluate runs/jcs --against runs/lite0"
)


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run that is done.")],
    against: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Another run on the same test pictures to compare with."),
    ] = None,
    draws: Annotated[int, typer.Option(min=100, help="Draws of patients that intervals are made of.")] = 1000,
) -> None:
    """Judge a run on its test part, beside what is reached without looking at the anatomy.

    Writes evaluation.json, report.html, plots and the worst mistakes into the run folder.
    """
    with modelling():
        from covidct_curate.forms import visible
        from covidct_model.evaluate import evaluate as judge
        from covidct_model.report import table

        told = judge(run, draws=draws, against=against)
        sys.stdout.write(table(told))
        print(f"report: {visible(str(run / 'report.html'))}")
