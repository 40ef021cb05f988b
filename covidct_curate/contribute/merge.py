"""`merge`: a contribution into a workspace, after everything about it was checked; all of it or nothing."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from covidct_curate.catalog import Catalog, papers
from covidct_curate.contribute.bring import bring, identity, stage
from covidct_curate.contribute.contents import Contributed, Contribution, read
from covidct_curate.contribute.dois import key
from covidct_curate.contribute.present import collisions, copies, nothing, present
from covidct_curate.errors import ChoiceError, DatasetError, in_words
from covidct_curate.originals.archives import unpacked
from covidct_curate.release.formats.rows import place as put
from covidct_curate.release.formats.rows import write_lines
from covidct_curate.release.recipe import RECIPE, rebuild
from covidct_curate.review import export
from covidct_curate.session import opened
from covidct_curate.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, or would do."""

    contributor: str
    dois: tuple[str, ...]
    """Papers that came in, or would."""
    pictures: int
    rebuilt: int
    """Those of them that were made from their papers' PDFs."""
    recipes: int
    """Pictures of the contribution that are not in it and were not made either."""
    problems: tuple[str, ...]
    """Why nothing was merged."""
    notes: tuple[str, ...]
    applied: bool


def merge(
    contribution: Path,
    workspace: Path,
    *,
    reviewer: str,
    pdfs: Path | None = None,
    allow_alike: bool = False,
    dry_run: bool = False,
) -> Merged:
    """Merge a contribution (archive or folder), which `pack` made, into a workspace; a new one where there is none.

    Checked are checksums, names, DOIs, licences, patients' ids and ages, classes, and whether a picture is there
    already; every problem is told, and one is enough to merge nothing. Ids of patients stay as they are. Each picture
    is kept in the name of the contribution's own reviewer; ``reviewer`` is who merges. With ``pdfs``, papers whose
    pictures are only recipes are made from their PDFs there, each paper whole or not at all; the same contribution may
    be merged again for them. ``allow_alike``: somebody looked at the pictures that seem to show a slice which is there
    already, and they do not; equal pixels are refused all the same. ``dry_run`` only tells.

    Raises `DatasetError` when it is no contribution or its archive is unsafe, `ChoiceError` without a reviewer,
    `RuleError` and `WorkspaceError` when the workspace cannot be used, `PictureError` when one of its pictures cannot
    be read.
    """
    reviewer = " ".join(reviewer.split())
    if not reviewer:
        raise ChoiceError("a merge needs the name of who answers for it; give --reviewer NAME")
    place = Workspace(workspace)
    there = place.catalog.is_file()
    with ExitStack() as stack:
        given = read(stack.enter_context(unpacked(contribution)))
        catalog: Catalog | None = None
        if there:
            catalog = stack.enter_context(Catalog(place.catalog) if dry_run else opened(place))
        wanted, here = given.pictures, nothing()
        if catalog is not None:
            with catalog.snapshot() as db:
                here, done = present(db, place.root), papers.done(db, stage(given))
            # What came with this very contribution need not come again, where something else of it still can.
            wanted = tuple(each for each in wanted if not (pdfs and identity(each) in done)) or wanted
        problems = [*given.problems, *collisions(here, wanted)]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="curate-")))
        notes: list[str] = []
        made: list[Contributed] = []
        if pdfs is not None and not problems:
            made = _made(wanted, pdfs, folder, notes)
        coming = sorted([*(each for each in wanted if each.inside), *made], key=lambda each: each.name)
        if not given.problems:
            _lay(given, coming, folder)
            new = [each for each in coming if key(each.doi) not in here.papers]
            files = [(each.name, folder / each.name) for each in new]
            problems += copies(here, files, allow_alike=allow_alike)
        if not problems and not coming:
            problems.append(
                "no picture of it may be shared, and none could be made from PDFs; give them with --pdfs DIR"
            )
        left = [each for each in wanted if not each.inside and each not in made]
        if left and not problems:
            dois = ", ".join(sorted({each.doi for each in left}))
            notes.append(
                f"only recipes, not merged: {len(left):,} pictures; get the PDFs of {dois} and give --pdfs DIR"
            )
        applied = not problems and not dry_run
        if applied:
            if catalog is None:
                catalog = stack.enter_context(opened(place, create=True))
            bring(place, catalog, given, {each.name: each for each in coming}, folder, reviewer)
            notes += export.write(place, catalog).notes
            place.clear()
    return Merged(
        contributor=given.contributor,
        dois=tuple(sorted({each.doi for each in coming})),
        pictures=len(coming),
        rebuilt=len(made),
        recipes=len(left),
        problems=tuple(problems),
        notes=tuple(notes),
        applied=applied,
    )


def _lay(given: Contribution, coming: Sequence[Contributed], folder: Path) -> None:
    """Put the files of pictures where those made from PDFs lie. Raises `DatasetError` when the disk refuses."""
    try:
        for each in coming:
            names = [each.name, each.told["mask"]] if each.inside else []
            for name in filter(None, names):
                put(given.folder / name, folder / name)
    except OSError as error:
        raise DatasetError(f"{given.folder}: it cannot be copied: {in_words(error)}") from error


def _made(wanted: Sequence[Contributed], pdfs: Path, folder: Path, notes: list[str]) -> list[Contributed]:
    """The pictures that are only recipes, made in ``folder`` from PDFs; of a paper all or none."""
    recipes = [each for each in wanted if not each.inside]
    if not recipes:
        return []
    write_lines((_recipe(each) for each in recipes), folder / RECIPE)
    outcomes = {each.file_name: each for each in rebuild(folder, pdfs, folder)}
    by_paper: dict[str, list[Contributed]] = defaultdict(list)
    for each in recipes:
        by_paper[identity(each)].append(each)
    made = []
    for same in by_paper.values():
        bad = [outcomes[each.name] for each in same if outcomes[each.name].outcome != "rebuilt"]
        if bad:
            notes += [
                f"{each.outcome}: {each.file_name} ({each.reason}); its paper is left out" for each in bad
            ]
        else:
            made += same
    return made


def _recipe(each: Contributed) -> dict[str, object]:
    told = each.told
    place = {name: told[name] for name in ("file_name", "doi", "source", "page", "xref", "pixels")}
    return place | {
        "in_release": False,
        "box": told["box"] or None,
        "figure_pixels": each.figure_pixels,
        "colour": "grey",
        "crop": "",
    }
