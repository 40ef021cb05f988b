"""The ``covidct`` command, for models."""

from __future__ import annotations

from typing import Annotated

import typer

from covidct_curate import __version__

app = typer.Typer(
    help="Train and judge models on a released dataset.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    print(f"covidct {__version__}" if version else context.get_help())
