"""``curate import``: datasets, scans and loose pictures that never were in a paper."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from covidct_curate.console import Crop, Workspace, finish, plain_errors, progress_bar

EXAMPLES = (
    "Example: curate import covid-ct COVID-CT/Images-processed -w curated\n\n"
    "Example: curate import luna LUNA16/subset0 --finding non-covid --every 20 --lungs 0.5 --reviewer Ann\n\n"
    "Example: curate import images medpix/ --source medpix --manifest list.csv --finding non-covid --reviewer Ann"
)


class Dataset(StrEnum):
    """Existing datasets and originals that can be imported."""

    covid_ct = "covid-ct"
    chestxray = "chestxray"
    dicom = "dicom"
    nifti = "nifti"
    luna = "luna"
    covid_seg = "covid-seg"
    cc19 = "cc19"
    images = "images"
    release = "release"


def import_(
    kind: Annotated[Dataset, typer.Argument(help="What it is.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Its folder, file, or .zip or .tar.")],
    workspace: Workspace = Path("curated"),
    finding: Annotated[
        str | None,
        typer.Option(metavar="CLASS", help="What all of it shows: covid, non-covid, …; decides them."),
    ] = None,
    reviewer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who says so.", show_default="your login name")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where it comes from.", show_default="the kind")
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(metavar="LICENCE", help="Its licence: cc_by, cc0, …", show_default="the publisher's"),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With images: a table of file, patient, licence and url."),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(metavar="LEVEL,WIDTH", help="Hounsfield units shown.", show_default="-600,1500"),
    ] = None,
    every: Annotated[int | None, typer.Option(min=1, help="Take each n-th slice.", show_default="1")] = None,
    lungs: Annotated[
        float | None,
        typer.Option(min=0.01, max=1, help="Take slices with this share of the largest lung area or more."),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Lesion masks, called as their scans: take slices with a lesion."
        ),
    ] = None,
    crop: Annotated[Crop | None, typer.Option(help="Crop slices to the body or the lungs.")] = None,
    hu16: Annotated[
        bool, typer.Option("--hu16", help="Keep Hounsfield units as 16 bits, in place of a window.")
    ] = False,
) -> None:
    """Bring an existing dataset, scans or loose pictures into the workspace, and what is known of them.

    Names, numbers and dates of patients are replaced by pseudonyms. Exit code 1 when some of it could not be
    read: the last lines name it.
    """
    with plain_errors():
        from covidct_curate import importing
        from covidct_curate.originals.documents import Wish
        from covidct_curate.originals.windows import LUNG, parse_window
        from covidct_curate.splitting import login_name

        given = (finding, source, licence, manifest, window, every, lungs, masks, crop, hu16 or None)
        wish = Wish(
            finding=finding or "",
            source=source or "",
            licence=licence or "",
            window=parse_window(window) if window else LUNG,
            every=every or 1,
            lungs=lungs,
            masks=masks,
            crop=crop.value if crop else "",
            hu16=hu16,
            manifest=manifest,
        )
        with progress_bar() as progress:
            report = importing.import_dataset(
                kind.value,
                path,
                workspace,
                wish=wish if any(each is not None for each in given) else None,
                importer=reviewer or (login_name() if finding else ""),
                progress=progress,
            )
        finish(report, workspace)
