"""``curate release``: a dataset folder, or the pictures that one left out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from covidct_curate.console import Crop, Workspace, plain_errors
from covidct_curate.errors import ChoiceError

EXAMPLES = (
    "Example: curate release -w curated --out covid-ct-2 --seed 1 --contact curator@example.org\n\n"
    "Example: curate release --from-recipe covid-ct-2 --pdfs preprints/ --out rebuilt"
)


class Colour(StrEnum):
    """How pictures are released."""

    grey = "grey"
    keep = "keep"


class ReleaseFormat(StrEnum):
    """Formats beside the release's own."""

    imagefolder = "imagefolder"
    huggingface = "huggingface"
    coco = "coco"
    chestxray = "chestxray"


def release(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to make.")],
    workspace: Workspace = Path("curated"),
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    sizes: Annotated[
        str, typer.Option(metavar="A,B,C", help="Shares of training, validation and test.")
    ] = "60,15,25",
    split_: Annotated[
        str | None,
        typer.Option(
            "--split", metavar="WHICH", help="official, or a folder with lists.", show_default="grouped"
        ),
    ] = None,
    formats: Annotated[
        list[ReleaseFormat] | None, typer.Option("--format", help="A further format; one option each.")
    ] = None,
    include_undecided: Annotated[
        bool, typer.Option("--include-undecided", help="Also pictures about which nobody decided.")
    ] = False,
    private: Annotated[
        bool, typer.Option("--private", help="Also pictures that may not be passed on: for yourself only.")
    ] = False,
    colour: Annotated[Colour, typer.Option(help="8-bit grey, or the colours they have.")] = Colour.grey,
    crop: Annotated[Crop | None, typer.Option(help="Crop every picture to the body or the lungs.")] = None,
    name: Annotated[str, typer.Option(help="What the dataset is called.")] = "covidct release",
    version: Annotated[str, typer.Option("--release-version", help="Its version.")] = "1.0",
    contact: Annotated[str, typer.Option(help="Whom to ask for a takedown: a mail or web address.")] = "",
    creator: Annotated[str, typer.Option(help="Who answers for it.")] = "",
    url: Annotated[str, typer.Option(help="Where it can be found.")] = "",
    from_recipe: Annotated[
        Path | None, typer.Option(metavar="RELEASE", help="Make the pictures left out of a release instead.")
    ] = None,
    pdfs: Annotated[Path | None, typer.Option(metavar="DIR", help="With --from-recipe: the papers.")] = None,
) -> None:
    """Build a dataset folder from the pictures that reviewers kept: only what may be passed on, the rest as recipes.

    The same catalogue gives the same bytes. With --from-recipe: makes the pictures that a release left out from
    their papers' PDFs, and says of each: rebuilt, differs, missing; exit code 1 when not all were rebuilt.
    """
    with plain_errors():
        from covidct_curate.forms import visible

        if from_recipe is not None or pdfs is not None:
            if from_recipe is None or pdfs is None:
                raise ChoiceError("--from-recipe RELEASE goes with --pdfs DIR")
            from covidct_curate.release.recipe import rebuild

            bad = 0
            for each in rebuild(from_recipe, pdfs, out):
                print(
                    visible(f"{each.outcome}: {each.file_name}{f' ({each.reason})' if each.reason else ''}")
                )
                bad += each.outcome != "rebuilt"
            if bad:
                raise typer.Exit(1)
            return
        from covidct_curate.release.build import Plan, build_release, parse_sizes
        from covidct_curate.release.pictures import Look

        plan = Plan(
            name=name,
            version=version,
            seed=seed,
            sizes=parse_sizes(sizes),
            split=split_ or "",
            include_undecided=include_undecided,
            private=private,
            look=Look(colour.value, crop.value if crop else ""),
            formats=tuple(each.value for each in formats or ()),
            contact=contact,
            creator=creator,
            url=url,
        )
        made = build_release(workspace, out, plan)
        for what, count in made.counts.items():
            print(f"{what}: {count:,}")
        for violation in made.violations:
            print(f"note: {visible(violation)}")
        print(f"release: {visible(str(made.folder))}")
