"""The pictures of a workspace that belong to a release, with all that is told of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from covidct_curate import listing, selection
from covidct_curate.catalog import Connection, papers, settings
from covidct_curate.catalog.papers import KeptPaper
from covidct_curate.datasets.release import ROW
from covidct_curate.label.age import veiled
from covidct_curate.label.rules import Rules
from covidct_curate.licences import may_share
from covidct_curate.records import Patient
from covidct_curate.release.formats.rows import item_of
from covidct_curate.release.item import Item, Origin

Listed = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Collected:
    """What a workspace has for a release."""

    items: tuple[Item, ...]
    """By file name."""
    rules: Rules
    counts: Mapping[str, int]
    """What was left out on the way, and why."""
    carried: Mapping[str, str]
    """File → text, where these are the pictures of one imported release, and nothing was decided since: what that
    release tells of them, and of the pictures it left out, holds."""
    wholes: Mapping[str, str]
    """Uid of each figure → hash of its picture's pixels."""


def collect(
    db: Connection,
    root: Path,
    *,
    include_undecided: bool = False,
    private: bool = False,
    only: Container[str] | None = None,
) -> Collected:
    """The selected pictures of current papers and datasets whose finding is one of the rule file's two classes.

    Only those that a reviewer kept, unless ``include_undecided``. ``private`` shares every picture. ``only``:
    items with these uids alone. ``root`` is where the workspace lies. Raises `RuleError` when the workspace's rule file cannot be used.
    """
    rules = selection.rules_of(db)
    by_uid = {paper.uid: paper for paper in papers.every(db)}
    figures = {row["uid"]: row for row in _rows(listing.figures(db))}
    pictures = {picture["uid"]: picture for row in figures.values() for picture in row["pictures"]}
    counts: Counter[str] = Counter()
    items = []
    again = 0
    listed = _rows(listing.panels(db))
    withheld = {
        row["figure_uid"] for row in listed if row["keep"] == "no" or selection.WITHHELD & {*row["flags"]}
    }
    for row in listed:
        if ROW in row["extra"] and not row["superseded"] and row["keep"] != "no":
            item = _again(row, figures[row["figure_uid"]], root, rules)
            items.append(replace(item, shared=item.shared or private))
            again += not row["decisions"]
            counts["pictures selected"] += 1
            continue
        if row["superseded"] or not row["selected"]:
            continue
        counts["pictures selected"] += 1
        if not row["decided"] and not include_undecided:
            counts["left out: nobody decided"] += 1
        elif row["finding"] not in (rules.positive, rules.negative):
            counts["left out: the finding is uncertain"] += 1
        else:
            figure, paper = figures[row["figure_uid"]], by_uid[row["paper_uid"]]
            item = _item(row, pictures[row["uid"]], figure, paper, root, rules, private)
            items.append(replace(item, figure_shared=item.shared and row["figure_uid"] not in withheld))
    told = settings.find(db, "release")
    carried = json.loads(told) if told and counts["pictures selected"] == again == len(items) else {}
    wholes = {uid: row["pictures"][0]["pixels"] for uid, row in figures.items() if row["pictures"]}
    wholes |= _told_wholes(listed)
    named = _named(items)
    if only is None:
        return Collected(named, rules, dict(counts), carried, wholes)
    named = tuple(item for item in named if item.uid in only)
    return Collected(named, rules, {"pictures selected": len(named)}, {}, wholes)


def _told_wholes(listed: Sequence[Listed]) -> dict[str, str]:
    """Uid of each figure that a contribution tells of → hash of its picture's pixels."""
    told = [json.loads(row["extra"][ROW]) for row in listed if ROW in row["extra"]]
    return {each["figure_uid"]: each["figure_pixels"] for each in told if "figure_pixels" in each}


def _rows(listed: Any) -> list[Listed]:
    return list(listed)


def _item(
    row: Listed, picture: Listed, figure: Listed, paper: KeptPaper, root: Path, rules: Rules, private: bool
) -> Item:
    facts, positive = paper.paper, row["finding"] == rules.positive
    shared, why = may_share(facts.licence)
    made = _decisions(row)
    cut = tuple(row["box"]) if row["file"] != row["figure_file"] and row["method"] != "embedded" else None
    return Item(
        file_name=f"{_folder(rules, positive=positive)}/{_stem(row['file'])}.png",
        positive=positive,
        finding=row["finding"],
        picture=root / row["file"],
        uid=row["uid"],
        modality=row["modality"],
        region=row["region"],
        patient=Patient(**row["patient"]),
        caption=veiled(row["caption"]) if shared or private else "",
        subcaption=veiled(row["subcaption"]) if shared or private else "",
        origin=Origin(
            dataset=paper.dataset,
            source=PurePosixPath(paper.source).name if not paper.dataset else paper.source,
            doi=facts.doi,
            version=facts.version,
            title=facts.title,
            server=facts.server,
            licence=facts.licence,
            url=row["extra"].get("url", ""),
            page=row["page"] if not paper.dataset or picture["xref"] is not None else None,
            xref=picture["xref"],
            figure_label=row["figure_label"],
            panel=row["label"],
            box=cut,
            pixels=row["pixels"],
        ),
        decided=row["decided"],
        reviewers=tuple(dict.fromkeys(each["reviewer"] for each in made)),
        decided_at=made[0]["at"] if made else "",
        shared=shared or private,
        why=why,
        figure_uid=row["figure_uid"],
        figure_picture=root / row["figure_file"],
        size=tuple(picture["size"]),
        extra=row["extra"],
        mask=_mask(row, figure, root),
    )


def _again(row: Listed, figure: Listed, root: Path, rules: Rules) -> Item:
    """A picture of an imported release: as that told of it, but for what was decided since."""
    item = item_of(json.loads(row["extra"][ROW]), root / row["file"], _mask(row, figure, root))
    made = _decisions(row)
    if not made:
        return item
    positive = row["finding"] == rules.positive
    base = PurePosixPath(item.file_name).name
    patient = replace(
        item.patient, **{name: row["patient"][name] for name in row["decisions"] if name in row["patient"]}
    )
    return replace(
        item,
        file_name=f"{_folder(rules, positive=positive)}/{base}",
        positive=positive,
        finding=row["finding"],
        modality=row["modality"],
        region=row["region"],
        patient=patient,
        decided=row["decided"] or item.decided,
        reviewers=tuple(dict.fromkeys([*(each["reviewer"] for each in made), *item.reviewers])),
        decided_at=max(made[0]["at"], item.decided_at),
    )


def _decisions(row: Listed) -> list[Listed]:
    """The decisions that stand about a picture, the newest first."""
    return sorted(row["decisions"].values(), key=lambda each: str(each["at"]), reverse=True)


def _folder(rules: Rules, *, positive: bool) -> str:
    return rules.positive_folder if positive else rules.negative_folder


def _mask(row: Listed, figure: Listed, root: Path) -> Path | None:
    """The mask that lies beside a picture."""
    name = f"{_stem(row['file'])}.mask.png"
    return next(
        (
            root / each["file"]
            for each in figure["pictures"]
            if each["role"] == "mask" and PurePosixPath(each["file"]).name == name
        ),
        None,
    )


def _stem(file: str) -> str:
    return PurePosixPath(file).stem


def _named(items: Sequence[Item]) -> tuple[Item, ...]:
    """By file name, no two alike on any file system: those that are get their version, then a short hash."""
    taken = Counter(_base(item) for item in items)
    named = []
    for item in sorted(items, key=lambda each: (each.file_name, each.origin.pixels, each.uid)):
        if taken[_base(item)] > 1:
            path = PurePosixPath(item.file_name)
            versions = {each.origin.version for each in items if _base(each) == _base(item)}
            mark = (
                f"v{item.origin.version}" if len(versions) == taken[_base(item)] else item.origin.pixels[:8]
            )
            item = replace(item, file_name=f"{path.parent}/{path.stem}-{mark}{path.suffix}")
        named.append(item)
    return tuple(sorted(named, key=lambda each: each.file_name))


def _base(item: Item) -> str:
    return PurePosixPath(item.file_name).name.lower()
