"""Splits that are given: COVID-CT's official one with its known errata, and lists in files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from covidct_curate import metadata
from covidct_curate.audit.leaks import in_words, spread
from covidct_curate.audit.subject import PARTS, Part
from covidct_curate.datasets.covid_ct import loose_name
from covidct_curate.errors import DatasetError

_FILE = "covid-ct-split.toml"
_FOLDERS = {"COVID": "CT_COVID", "NonCOVID": "CT_NonCOVID"}
_NAMED = 3
"""How many keys a sentence names."""


@dataclass(frozen=True, slots=True)
class Erratum:
    """Something known to be wrong in the official split."""

    kind: str
    """``near-duplicate`` or ``shared-paper``."""
    images: tuple[str, ...]
    """With their folder: ``CT_COVID/…``; of a paper, none."""
    paper: str
    note: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A split given by lists of file names."""

    parts: Mapping[str, Part]
    """Folder and file name as listed → part."""
    source: str
    licence: str = ""
    errata: tuple[Erratum, ...] = ()

    def of(self, names: Sequence[str]) -> list[Part | None]:
        """The part of each name, ``CT_COVID/x.png`` or ``x.png``; None where it is not listed.

        The file's ending does not matter, nor whether a number at the end follows ``%``, ``_`` or ``-``. A name
        without folder that is listed in two parts is in none.
        """
        known: dict[str, set[Part]] = defaultdict(set)
        for name, part in self.parts.items():
            known[folded(name)].add(part)
            known[folded(name.rpartition("/")[2])].add(part)
        found = (known.get(folded(name), set()) for name in names)
        return [next(iter(each)) if len(each) == 1 else None for each in found]


@cache
def official() -> Listed:
    """COVID-CT's official split: 746 images, with source, licence status and known errata."""
    data = metadata.load(_FILE)
    parts: dict[str, Part] = {
        f"{folder}/{name}": part
        for folder in _FOLDERS.values()
        for part in PARTS
        for name in data[folder][part]
    }
    errata = tuple(
        Erratum(each["kind"], tuple(each.get("images", ())), each.get("paper", ""), each["note"])
        for each in data["errata"]
    )
    return Listed(parts, data["source"], data["licence"], errata)


def official_split(names: Sequence[str]) -> list[Part | None]:
    """The official part of each image, as `Listed.of` tells it; None for one that is not COVID-CT's."""
    return official().of(names)


def read_split(folder: Path) -> Listed:
    """The lists ``Data-split/{COVID,NonCOVID}/{train,val,test}CT_{COVID,NonCOVID}.txt``, one name a line.

    `folder` is ``Data-split`` or the folder it lies in. Raises `DatasetError` when there are no lists, one
    cannot be read, or a name is in two parts.
    """
    root = folder / "Data-split" if (folder / "Data-split").is_dir() else folder
    homes: dict[str, tuple[str, Part]] = {}
    found = [
        (path, part, name)
        for name in _FOLDERS
        for part in PARTS
        if (path := root / name / f"{part}CT_{name}.txt").is_file()
    ]
    if not found:
        raise DatasetError(
            f"{folder}: there are no lists of a split; put them at "
            "Data-split/COVID/trainCT_COVID.txt, …, Data-split/NonCOVID/testCT_NonCOVID.txt"
        )
    for path, part, folder_name in found:
        for line in _lines(path):
            key = f"{_FOLDERS[folder_name]}/{line}"
            other = homes.setdefault(folded(key), (key, part))[1]
            if other != part:
                raise DatasetError(f"{path}: {line[:80]!r} is in {other} too; leave it in one of them")
    return Listed(dict(homes.values()), str(root))


def violations(keys: Mapping[str, Sequence[Sequence[str]]], parts: Sequence[Part]) -> list[str]:
    """What is in more than one part, in words for a reader.

    `keys` are, for each kind of thing (``patient``, ``paper``, ``cluster of near-duplicates``), those of each
    item; `parts` the part of each item. One sentence for each kind and set of parts; none when nothing is
    shared. Raises ValueError when the lists differ in length.
    """
    told = []
    for kind, of_items in keys.items():
        across: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for key, counts in spread(of_items, parts).items():
            across[tuple(counts)].append(f"{key} ({in_words(counts)})")
        for inside, named in sorted(across.items()):
            rest = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
            what = f"1 {kind} is" if len(named) == 1 else f"{len(named)} {_plural(kind)} are"
            told.append(f"{what} in {' and '.join(inside)}: {', '.join(named[:_NAMED])}{rest}.")
    return told


def folded(name: str) -> str:
    """A picture's name by which lists find it: no ending, small letters, ``%`` before the numbers at its end."""
    folder, slash, file = name.strip().rpartition("/")
    return f"{folder.rpartition('/')[2].casefold()}{slash}{loose_name(file)}"


def _plural(kind: str) -> str:
    first, space, rest = kind.partition(" ")
    return f"{first}s{space}{rest}"


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); it is to be a list of file names") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
