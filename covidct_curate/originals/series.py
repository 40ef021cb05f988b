"""A scan that was found but not yet decoded, and what is told of files that are none."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from covidct_curate.errors import DatasetError, VolumeError, in_words
from covidct_curate.originals.volume import Volume


@dataclass(frozen=True, eq=False)
class Series:
    """One scan: its files, and the facts that may be told of it. It can be pickled."""

    name: str
    """Pseudonym, the same wherever the files lie: ``s-9c1f0a3be25d``. Unique among those found together."""
    files: tuple[Path, ...]
    patient: str
    """Pseudonym: ``p-3f2a81c0d94e``."""
    read: Callable[[], Volume]
    facts: Mapping[str, str] = field(default_factory=dict)
    """Those named in `deidentify.FACTS` that the files tell."""
    flags: tuple[str, ...] = ()
    """``burned-in``: its pixels may show a name. ``face``: they may show one."""

    def load(self) -> Volume:
        """Decode the scan. Raises `VolumeError` when it cannot be, `CurateError` when a package is missing."""
        try:
            return self.read()
        except MemoryError:
            raise VolumeError(
                f"{self.files[0]}: it takes more memory than there is; close other programs"
            ) from None
        except OSError as error:
            raise VolumeError(f"{self.files[0]}: it cannot be read: {in_words(error)}") from error

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the content of its files, whatever their names and order. Raises OSError."""
        parts = []
        for path in self.files:
            with path.open("rb") as file:
                parts.append(hashlib.file_digest(file, "sha256").hexdigest())
        return hashlib.sha256(" ".join(sorted(parts)).encode()).hexdigest()


@dataclass(slots=True)
class Tally:
    """Files that were left out: how many for each reason, and one of each."""

    _reasons: Counter[str] = field(default_factory=Counter)
    _first: dict[str, str] = field(default_factory=dict)

    def leave(self, reason: str, path: Path) -> None:
        """Count a file left out. Equal reasons are told once."""
        self._reasons[reason] += 1
        printable = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in path.name)
        self._first.setdefault(reason, printable)

    def notes(self) -> tuple[str, ...]:
        """``12 files left out: no DICOM; such as readme.txt``, in the order in which they were met."""
        return tuple(
            f"{count:,} file{'s' if count > 1 else ''} left out: {reason}; such as {self._first[reason]}"
            for reason, count in self._reasons.items()
        )


def files_below(path: Path) -> Iterator[Path]:
    """The file itself, or all files in the folder and those below it, by natural order of their names.

    Hidden files are passed over, links to folders not followed. Raises `DatasetError` when there is no such
    path or a folder cannot be listed.
    """
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise DatasetError(f"{path}: there is no such file or folder; check the path")

    def refuse(error: OSError) -> None:
        raise DatasetError(f"{error.filename}: {error.strerror}; check the folder and its rights") from error

    for folder, below, names in os.walk(path, onerror=refuse):
        below[:] = sorted((each for each in below if not each.startswith(".")), key=natural)
        for name in sorted(names, key=natural):
            if not name.startswith(".") and (Path(folder) / name).is_file():
                yield Path(folder) / name


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key in which numbers count as numbers: ``slice2`` before ``slice10``."""
    parts = re.split(r"(\d{1,18})", name)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]


def keys(paths: list[Path], root: Path) -> dict[Path, str]:
    """What each file is called by, to be made a pseudonym: its name, with its folders where names are alike."""
    names = Counter(path.name for path in paths)
    return {
        path: path.name if names[path.name] == 1 or path == root else path.relative_to(root).as_posix()
        for path in paths
    }
