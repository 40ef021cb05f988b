"""`build_release`: a reviewed workspace as a dataset folder, whole or not at all."""

from __future__ import annotations

import json
import secrets
import shutil
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from pathlib import Path

from covidct_curate import __version__, inputs
from covidct_curate.audit.duplicates import Match, Pair, clusters, looks, matches
from covidct_curate.audit.names import known
from covidct_curate.catalog import Catalog, decisions
from covidct_curate.catalog.papers import CONTRIBUTION
from covidct_curate.errors import ChoiceError, DatasetError, in_words
from covidct_curate.release import official
from covidct_curate.release.audited import audited
from covidct_curate.release.card import card
from covidct_curate.release.collect import Collected, collect
from covidct_curate.release.formats import covid_ct, croissant
from covidct_curate.release.formats.rows import write_json, write_text
from covidct_curate.release.item import About, Item
from covidct_curate.release.pictures import Look, Written, write_pictures
from covidct_curate.release.recipe import RECIPE, write_recipe
from covidct_curate.release.splits import split
from covidct_curate.review.agreement import agreement
from covidct_curate.workspace import Workspace

FORMATS = ("imagefolder", "huggingface", "coco", "chestxray")
"""Formats beside the release's own, each a module of `release.formats`."""
CHECKSUMS = "checksums.sha256"
AUDIT = "audit.json"
_ALIKE = 0.93
"""Likeness from which on pictures stay in one part: lower than for a finding, since parting too little costs little."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a release is to be made."""

    name: str = "covidct release"
    version: str = "1.0"
    seed: int = 0
    sizes: tuple[float, float, float] = (0.6, 0.15, 0.25)
    """Shares of training, validation and test."""
    split: str = ""
    """``""``: grouped; ``official``: COVID-CT's own lists; else a folder with such lists."""
    include_undecided: bool = False
    private: bool = False
    look: Look = field(default_factory=Look)
    formats: tuple[str, ...] = ()
    contact: str = ""
    creator: str = ""
    url: str = ""
    only: frozenset[str] | None = None
    """Items to take, by their uids; None: all."""


@dataclass(frozen=True, slots=True)
class Released:
    """What a release holds."""

    folder: Path
    counts: Mapping[str, int]
    violations: tuple[str, ...] = ()


def build_release(workspace: Path, out: Path, plan: Plan) -> Released:
    """Build the release folder ``out``, which must not be there yet, or be empty.

    The same catalogue and plan give the same bytes: dates are those of the newest decision. It is built beside its
    place and renamed when whole. Raises `DatasetError` when there is nothing to release or the folder cannot be
    written, `ChoiceError` for a plan that makes no sense, `PictureError` when a picture cannot be read,
    `RuleError` and `WorkspaceError` when the workspace cannot be used.
    """
    _check(out, plan)
    place = Workspace(workspace)
    with Catalog(place.catalog) as catalog, catalog.snapshot() as db:
        found = collect(
            db, place.root, include_undecided=plan.include_undecided, private=plan.private, only=plan.only
        )
        made = decisions.of_pictures(db)
        pairs = agreement([each for each in made if plan.only is None or each.uid in plan.only]).pairs
    if not found.items:
        told = (
            "; ".join(f"{name}: {count:,}" for name, count in found.counts.items())
            or "no picture is selected"
        )
        raise DatasetError(f"{workspace}: there is nothing to release ({told}); review some pictures first")
    examined = AUDIT not in found.carried
    alike: list[Match] = []
    violations: tuple[str, ...] = ()
    if examined:
        scans = [_scan(item) for item in found.items]
        alike = matches(looks([item.picture for item in found.items]), _ALIKE, scans)
    if found.carried:
        items, about = found.items, _told(found.carried)
    else:
        items, violations = _parted(
            found, [(one, other, likeness) for one, other, likeness, _ in alike], plan
        )
        about = replace(_about(found, items, plan), agreement=pairs, violations=violations)
    draft = out.parent / f".{out.name}.{secrets.token_hex(4)}.part"
    try:
        draft.mkdir(parents=True)
        written = _fill(draft, items, about, plan.look, found.wholes)
        if examined:
            names = [item.file_name for item in found.items]
            same = [(names[one], names[other], likeness, flip) for one, other, likeness, flip in alike]
            write_json(audited(draft, items, about, written, same), draft / AUDIT)
        for name, text in found.carried.items():
            write_text(text, draft / name)
        for name in plan.formats:
            home = draft / "formats" / name
            home.mkdir(parents=True)
            import_module(f"covidct_curate.release.formats.{name}").write(items, home, about, draft)
        write_checksums(draft)
        if out.is_dir():
            out.rmdir()
        draft.rename(out)
    except OSError as error:
        raise DatasetError(f"{out}: the release cannot be written: {in_words(error)}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Released(out, about.counts, violations)


def parse_sizes(text: str) -> tuple[float, float, float]:
    """``60,15,25``: shares of training, validation and test. Raises `ChoiceError` for anything else."""
    try:
        train, val, test = (float(each) for each in text.split(","))
    except ValueError:
        raise ChoiceError(f"{text!r} are no sizes of a split; write three shares, such as 60,15,25") from None
    total = train + val + test
    if not (min(train, val, test) >= 0 and 0 < total < float("inf")):
        raise ChoiceError(
            f"{text!r} are no sizes of a split; write three shares of 0 or more, such as 60,15,25"
        )
    return train / total, val / total, test / total


def _check(out: Path, plan: Plan) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ChoiceError(f"{out}: it is there already; name a folder that is not, or empty it")
    unknown = [each for each in plan.formats if each not in FORMATS]
    if unknown:
        raise ChoiceError(f"{unknown[0]}: no such format; there are {', '.join(FORMATS)}")


def _keys(found: Collected, alike: Sequence[Pair]) -> dict[str, list[list[str]]]:
    """What keeps pictures together, by kind, those of each: their patient, their paper, what they nearly equal."""
    keys: dict[str, list[list[str]]] = {"patient": [], "paper": [], "cluster of near-duplicates": []}
    for item, cluster in zip(found.items, clusters(len(found.items), alike), strict=True):
        patient = known(item.patient.id)
        keys["patient"].append([patient] if patient else [])
        keys["paper"].append([_paper(item)])
        keys["cluster of near-duplicates"].append([found.items[cluster].file_name])
    return keys


def _paper(item: Item) -> str:
    """What names the paper or scan that a picture comes from."""
    return (item.origin.doi or f"{item.origin.dataset}/{item.origin.source}").lower()


def _scan(item: Item) -> Hashable:
    """What names the scan that a picture is a slice of, else the picture."""
    return (item.origin.dataset, item.origin.source) if "slice" in item.extra else item.file_name


def _parted(found: Collected, alike: Sequence[Pair], plan: Plan) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """The items with their parts of the split, and what is in two parts."""
    keys = _keys(found, alike)
    names = [item.file_name for item in found.items]
    if not plan.split:
        joint: list[list[Hashable]] = [
            [(kind, key) for kind, each in keys.items() for key in each[number]]
            for number in range(len(names))
        ]
        positive = [item.positive for item in found.items]
        parts = split(names, joint, positive, sizes=plan.sizes, seed=plan.seed)
        return tuple(replace(item, part=part) for item, part in zip(found.items, parts, strict=True)), ()
    lists = official.official() if plan.split == "official" else official.read_split(Path(plan.split))
    listed = lists.of(names)
    there = [number for number, part in enumerate(listed) if part is not None]
    if not there:
        raise DatasetError(f"{plan.split}: its lists name none of the pictures of this release")
    items = tuple(replace(found.items[number], part=part) for number in there if (part := listed[number]))
    kept = {kind: [each[number] for number in there] for kind, each in keys.items()}
    return items, tuple(official.violations(kept, [item.part for item in items]))


def _about(found: Collected, items: Sequence[Item], plan: Plan) -> About:
    rules = found.rules
    counts = dict(found.counts)
    counts["in the release"] = sum(item.shared for item in items)
    counts["as a recipe only, for their licences"] = sum(not item.shared for item in items)
    left = len(found.items) - len(items)
    if left:
        counts["left out: in no list of the split"] = left
    split_words = {
        "": "grouped by patient, paper and near-duplicates, stratified by class",
        "official": "as COVID-CT's own lists have it",
    }
    notes = []
    if plan.look.crop:
        notes.append(f"Pictures were cropped to the {plan.look.crop}.")
    if plan.look.colour == "keep":
        notes.append("Pictures keep their colours: a model may learn the class from the colour mode.")
    if plan.include_undecided:
        notes.append("Pictures about which nobody decided are in it, marked as such.")
    givers = Counter(item.extra[CONTRIBUTION] for item in items if item.shared and CONTRIBUTION in item.extra)
    notes += [
        f"{count:,} of the pictures were contributed by {who}." for who, count in sorted(givers.items())
    ]
    return About(
        name=plan.name,
        version=plan.version,
        description=f"Pictures of {rules.name} and of other cases, from papers and from collections of scans.",
        disease=rules.name,
        positive=rules.positive,
        negative=rules.negative,
        positive_folder=rules.positive_folder,
        negative_folder=rules.negative_folder,
        seed=plan.seed,
        split=split_words.get(plan.split, "as given by lists"),
        tool=f"covidct {__version__}",
        decided_at=max((item.decided_at for item in items), default=""),
        contact=plan.contact,
        creator=plan.creator,
        url=plan.url,
        private=plan.private,
        counts=counts,
        notes=tuple(notes),
    )


def _told(carried: Mapping[str, str]) -> About:
    """What an imported release tells of itself. Raises `DatasetError` when it does not."""
    try:
        values = json.loads(carried["release.json"])
        tuples = {name: tuple(values[name]) for name in ("violations", "notes")}
        return About(**{**values, **tuples, "agreement": ()})
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"the imported release does not tell what it is ({error}); import a whole one"
        ) from error


def _fill(
    folder: Path, items: Sequence[Item], about: About, look: Look, wholes: Mapping[str, str]
) -> dict[str, Written]:
    """Write a release into an empty folder, all but its audit and checksums; file name → the picture written."""
    for positive in (True, False):
        (folder / about.folder(positive=positive)).mkdir()
    written = write_pictures((item for item in items if item.shared), folder, look)
    items = [
        replace(item, size=written[item.file_name].size) if item.file_name in written else item
        for item in items
    ]
    covid_ct.write(items, folder, about)
    write_recipe(items, folder / RECIPE, wholes, look)
    croissant.write(items, folder, about)
    write_json(asdict(about), folder / "release.json")
    write_text(card(items, about), folder / "README.md")
    return written


def write_checksums(folder: Path) -> None:
    """Write the SHA-256 of every file of a release, anew where that was done before."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    files = [each for each in files if each != CHECKSUMS]
    write_text("".join(f"{inputs.digest(folder / each)}  {each}\n" for each in files), folder / CHECKSUMS)
