"""``covidct predict``: scores of pictures and scans by a run."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from covidct_curate.console import counting_bar
from covidct_model.modelling import modelling

EXAMPLES = (
    "Example: covidct predict run/ scan.png\n\n"
    "Example: covidct predict run/ series/ --crop body --out scores.csv --masks lesions"
)


class Crop(StrEnum):
    """What is cut out of a picture before it is judged."""

    none = "none"
    body = "body"
    lungs = "lungs"


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run that was trained.")],
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A picture, a DICOM series, a NIfTI or MetaImage scan, or a folder of them."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to, as CSV.", show_default="stdout")
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write lesions as PNG, of networks that find them."),
    ] = None,
    crop: Annotated[
        Crop, typer.Option(help="What to cut out before; as the run's own pictures.")
    ] = Crop.none,
) -> None:
    """Score pictures and slices for COVID, from 0 to 1. No medical device: for research only.

    One row a picture or slice; what cannot be read is a row with the reason, and the exit code 1.
    """
    with modelling():
        from covidct_curate.errors import ChoiceError, in_words
        from covidct_curate.forms import visible
        from covidct_model import predict as predicting

        if out is not None and out.is_dir():
            raise ChoiceError(f"{out}: it is a folder; name a file")
        with counting_bar("rows") as bar:
            told = predicting.predict(
                run,
                path,
                masks=masks,
                crop="" if crop is Crop.none else crop.value,
                progress=(lambda done: bar(done, done)) if bar else None,
            )
        if out is None:
            predicting.write(told, sys.stdout)
            sys.stdout.flush()
        else:
            try:
                with out.open("w", encoding="utf-8", newline="") as stream:
                    predicting.write(told, stream)
            except OSError as error:
                raise ChoiceError(f"{out}: it cannot be written: {in_words(error)}") from error
            scored = len(told.rows) - len(told.failed)
            print(f"{predicting.NOTICE}\n{visible(str(out))}: {scored:,} scored, {len(told.failed):,} failed")
        if out is None:
            print(predicting.NOTICE, file=sys.stderr)
        for note in told.notes:
            print(f"note: {visible(note)}", file=sys.stderr)
        for row in told.failed:
            print(f"failed: {visible(row.file)}: {visible(row.note)}", file=sys.stderr)
        if told.failed or any("damaged" in note for note in told.notes):
            raise typer.Exit(1)
