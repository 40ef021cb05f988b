"""The ``covidct`` command, for models. What a command needs, torch first of all, is imported when it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covidct_curate import __version__
from covidct_curate.console import counting_bar
from covidct_model import evaluatecli, predictcli, studycli
from covidct_model.modelling import modelling

if TYPE_CHECKING:
    from covidct_model.train import Epoch

app = typer.Typer(
    help="Train and judge models on a released dataset.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command(epilog=evaluatecli.EVALUATE_EXAMPLES)(evaluatecli.evaluate)
app.command(epilog=predictcli.EXAMPLES)(predictcli.predict)
app.command(epilog=studycli.EXAMPLES)(studycli.study)


def main() -> None:
    """Run the ``covidct`` command."""
    app()


@app.callback(invoke_without_command=True)
def covidct(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)
    ] = False,
) -> None:
    """Train and judge models on a released dataset. Example: covidct --version."""
    if version or context.invoked_subcommand is None:
        print(f"covidct {__version__}" if version else context.get_help())


@app.command(
    epilog=(
        "Example: covidct train my-dataset --model efficientnet_lite0 --epochs 15 --size 224 --out run\n\n"
        "Example: torchrun --nproc-per-node 4 -m covidct_model train --config run.yaml --out run"
    )
)
def train(
    release: Annotated[
        Path | None,
        typer.Argument(metavar="RELEASE", help="A released folder, or one laid out like COVID-CT."),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="RUN", help="The run's folder; one that was begun goes on.")
    ] = Path("run"),
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="The run described; options go before it.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="densenet169, jcs, efficientnet_lite0, or any classifier of torchvision.",
            show_default="densenet169",
        ),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="imagenet, none, or a file.", show_default="imagenet")
    ] = None,
    epochs: Annotated[int | None, typer.Option(show_default="50")] = None,
    size: Annotated[int | None, typer.Option(metavar="PX", help="Of a picture.", show_default="480")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step.", show_default="16")] = None,
    lr: Annotated[float | None, typer.Option(help="Highest step size.", show_default="1e-4")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all that chance decides.", show_default="0")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Anything else of the YAML; one option each."),
    ] = None,
) -> None:
    """Train a network on a release: on the CPU, on a GPU, or by torchrun on several.

    Killed, it goes on where its last epoch ended. Pictures are 8-bit grey of one size, whatever they were. Refused:
    a release with a patient or equal pixels in two parts of its split.
    """
    with modelling():
        from covidct_model.config import read_config, spoken
        from covidct_model.train import train as trained

        given = {
            "data": str(release) if release else None,
            "model": model,
            "weights": weights,
            "epochs": epochs,
            "size": size,
            "batch": batch,
            "lr": lr,
            "seed": seed,
        }
        told = read_config(config, **spoken(settings or ()), **given)
        with counting_bar("epochs") as bar:

            def tell(epoch: Epoch) -> None:
                _tell(epoch)
                if bar:
                    bar(epoch.epoch, told.epochs)

            run = trained(told, out, tell)
        if os.environ.get("RANK", "0") == "0":
            print(f"run: {run.folder}; judge it with: covidct evaluate {run.folder}")


app.command(epilog=predictcli.EXAMPLES)(predictcli.predict)
app.command(epilog=studycli.EXAMPLES)(studycli.study)


def _tell(epoch: Epoch) -> None:
    """A line an epoch on stderr."""
    area = "" if epoch.val_auc is None else f", validation AUC {epoch.val_auc:.3f}"
    print(f"epoch {epoch.epoch}: loss {epoch.loss:.3f}{area}{' *' if epoch.kept else ''}", file=sys.stderr)
