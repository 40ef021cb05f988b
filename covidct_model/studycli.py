"""``covidct study``: a published study once more, as one table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from covidct_model.modelling import modelling

EXAMPLES = (
    "Example: covidct study official --covid-ct COVID-CT --out official\n\n"
    "Example: covidct study study-2 --covid-ct COVID-CT --covid-seg covid-seg --luna luna-slices --out study-2 "
    "--size 224 --epochs 15"
)
_Folder = Path | None


def study(
    described: Annotated[
        str, typer.Argument(metavar="STUDY", help="study-1, study-2, official, or a YAML file.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to; a study that was begun goes on.")],
    covid_ct: Annotated[_Folder, typer.Option(metavar="DIR", help="A copy of COVID-CT.")] = None,
    covid_seg: Annotated[
        _Folder, typer.Option(metavar="DIR", help="COVID-Seg: slices/, and medseg/ with images/ and masks/.")
    ] = None,
    luna: Annotated[_Folder, typer.Option(metavar="DIR", help="Slices of LUNA16.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Runs of each setting.", show_default="3")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="SETTING", help="Only the setting of that title; one option each."),
    ] = None,
    size: Annotated[
        int | None, typer.Option(metavar="PX", help="Of a picture.", show_default="the study's")
    ] = None,
    epochs: Annotated[int | None, typer.Option(show_default="the study's")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step.", show_default="the study's")] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="imagenet, none, or a file, for all settings.", show_default="the study's"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Anything else of a run's YAML; one option each."),
    ] = None,
) -> None:
    """Train and judge every setting of a study with several seeds, and set it beside the published numbers.

    Killed, the same command goes on. The table (table.md, table.json, index.html) is written after every run.
    """
    with modelling():
        from covidct_curate.forms import visible
        from covidct_model import studytable
        from covidct_model.config import spoken
        from covidct_model.study import read_study
        from covidct_model.study import study as ran

        roots = {"covid-ct": covid_ct, "covid-seg": covid_seg, "luna": luna}
        given = {"size": size, "epochs": epochs, "batch": batch, "weights": weights}
        told = ran(
            read_study(described),
            {name: path for name, path in roots.items() if path is not None},
            out,
            seeds=seeds,
            only=only or (),
            overrides={**spoken(settings or ()), **{k: v for k, v in given.items() if v is not None}},
            progress=lambda line: print(visible(line), file=sys.stderr, flush=True),
        )
        sys.stdout.write(studytable.as_text(told))
        print(f"table: {visible(str(out / 'table.md'))}; page: {visible(str(out / 'index.html'))}")
        sys.stdout.flush()
        for each in told.failures:
            print(f"failed: {visible(f'{each.title}, seed {each.seed}: {each.reason}')}", file=sys.stderr)
        if told.failures:
            raise typer.Exit(1)
