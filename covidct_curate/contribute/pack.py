"""`pack`: the kept pictures of papers that a dataset does not have yet, as one archive for its keepers."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from covidct_curate import __version__, listing
from covidct_curate.catalog import Catalog
from covidct_curate.contribute.dois import key, known, well_formed
from covidct_curate.contribute.evidence import EVIDENCE, line
from covidct_curate.contribute.minors import minor
from covidct_curate.datasets.release import ROW
from covidct_curate.errors import ChoiceError, DatasetError, in_words
from covidct_curate.release.build import Plan, build_release, write_checksums
from covidct_curate.release.collect import collect
from covidct_curate.release.formats.rows import write_json, write_lines
from covidct_curate.release.item import Item
from covidct_curate.workspace import Workspace

CONTENTS = "contribution.json"
FORMAT = 1
"""Of contributions; a later one may mean something else."""
_DAWN = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Pictures of one paper that are not contributed."""

    why: str
    paper: str
    """DOI, or what the workspace calls it."""
    pictures: int


@dataclass(frozen=True, slots=True)
class Packed:
    """What a contribution holds."""

    path: Path
    dois: tuple[str, ...]
    pictures: int
    """Those in the archive."""
    recipes: int
    """Those whose licences forbid sharing them: how to make them from the papers is in the archive."""
    left_out: tuple[LeftOut, ...]


def pack(
    workspace: Path, out: Path, *, contributor: str, contact: str = "", known_in: Sequence[Path] = ()
) -> Packed:
    """Pack the kept pictures of papers with DOIs that are in none of ``known_in`` (see `dois.known`) into ``out``.

    The archive is a release of them (only what may be shared, recipes for the rest) with ``evidence.jsonl`` and
    ``contribution.json``. Left out and told are papers without a DOI, pictures that came from another dataset and
    those of minors. The same workspace gives the same bytes. Raises `DatasetError` when nothing is left, or when the
    archive cannot be written or something in ``known_in`` not be read, `ChoiceError` when there is no contributor, or
    ``out`` is there already or no ``.zip``, and what `build_release` raises.
    """
    contributor = " ".join(contributor.split())
    if not contributor:
        raise ChoiceError("a contribution needs its contributor's name; give --contributor NAME")
    if out.suffix.lower() != ".zip" or out.exists():
        problem = "it is there already" if out.exists() else "a contribution is a .zip"
        raise ChoiceError(f"{out}: {problem}; name another file")
    there = known(known_in)
    place = Workspace(workspace)
    with Catalog(place.catalog) as catalog, catalog.snapshot() as db:
        found = collect(db, place.root)
        listed = {_uid(row): row for row in listing.panels(db)}
    whys = {item.uid: _why_not(item, listed[item.uid], there) for item in found.items}
    taken = [item for item in found.items if not whys[item.uid]]
    left = _left_out(found.items, whys)
    if not taken:
        raise DatasetError(f"{workspace}: there is nothing to contribute ({_reasons(left, found.counts)})")
    with tempfile.TemporaryDirectory(prefix="curate-") as spare:
        folder = Path(spare) / "contribution"
        plan = Plan(
            name=f"Contribution by {contributor}",
            contact=contact,
            creator=contributor,
            only=frozenset(item.uid for item in taken),
        )
        build_release(workspace, folder, plan)
        try:
            write_lines((line(item, listed[item.uid]) for item in taken), folder / EVIDENCE)
            write_json(_contents(taken, left, contributor, contact), folder / CONTENTS)
            write_checksums(folder)
            out.parent.mkdir(parents=True, exist_ok=True)
            draft = out.with_name(f".{out.name}.part")
            try:
                _zip(folder, draft)
                draft.replace(out)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise DatasetError(f"{out}: the contribution cannot be written: {in_words(error)}") from error
    return Packed(
        out,
        _dois(taken),
        sum(item.shared for item in taken),
        sum(not item.shared for item in taken),
        left,
    )


def _uid(row: Mapping[str, Any]) -> str:
    """The uid of a picture's item: an imported release's pictures keep theirs."""
    extra = row["extra"]
    return str(json.loads(extra[ROW])["uid"] if ROW in extra else row["uid"])


def _why_not(item: Item, listed: Mapping[str, Any], there: Mapping[str, str]) -> str:
    """Why a picture is not contributed; ``""`` when it is."""
    doi = item.origin.doi
    if item.origin.dataset:
        return f"imported from {item.origin.dataset}"
    if not doi:
        return "the paper has no DOI"
    if not well_formed(doi):
        return "the paper's DOI is malformed"
    if key(doi) in there:
        return f"the paper is in {there[key(doi)]}"
    if minor(item.patient.age, item.patient.age_max) or "under-18" in listed["flags"]:
        return "the patient is under 18"
    return "" if item.decided else "nobody decided"


def _left_out(items: Sequence[Item], whys: Mapping[str, str]) -> tuple[LeftOut, ...]:
    counts = Counter(
        (whys[item.uid], item.origin.doi or item.origin.source) for item in items if whys[item.uid]
    )
    return tuple(LeftOut(why, paper, count) for (why, paper), count in sorted(counts.items()))


def _reasons(left: Sequence[LeftOut], counts: Mapping[str, int]) -> str:
    told = Counter(
        {name.removeprefix("left out: "): count for name, count in counts.items() if "left out" in name}
    )
    for each in left:
        told[each.why] += each.pictures
    return "; ".join(f"{why}: {count:,}" for why, count in told.items()) or "no picture is selected"


def _contents(taken: Sequence[Item], left: Sequence[LeftOut], by: str, contact: str) -> dict[str, object]:
    papers: dict[str, list[Item]] = defaultdict(list)
    for item in taken:
        papers[item.origin.doi or ""].append(item)
    reasons = {
        why: {
            "papers": len({each.paper for each in left if each.why == why}),
            "pictures": sum(each.pictures for each in left if each.why == why),
        }
        for why in {each.why for each in left}
    }
    return {
        "format": FORMAT,
        "contributor": by,
        "contact": contact,
        "date": max(item.decided_at for item in taken),
        "tool": f"covidct {__version__}",
        "dois": list(_dois(taken)),
        "papers": [
            {
                "doi": doi,
                "title": items[0].origin.title or "",
                "licence": items[0].origin.licence or "",
                "pictures": sum(item.shared for item in items),
                "recipes": sum(not item.shared for item in items),
            }
            for doi, items in sorted(papers.items())
        ],
        "left_out": reasons,
    }


def _dois(taken: Sequence[Item]) -> tuple[str, ...]:
    return tuple(sorted({item.origin.doi or "" for item in taken}))


def _zip(folder: Path, path: Path) -> None:
    """Pack a folder: sorted, at one time, not compressed, since compressors differ from machine to machine."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for each in sorted(folder.rglob("*")):
            if each.is_file():
                member = zipfile.ZipInfo(each.relative_to(folder).as_posix(), _DAWN)
                member.create_system = 3
                member.external_attr = 0o100644 << 16
                archive.writestr(member, each.read_bytes())
