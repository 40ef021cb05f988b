"""The PDF files among the given files and folders, each with the name it goes by and its SHA-256."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Input:
    """One file to work on, or a path that gives none and why."""

    path: Path
    """Absolute."""
    source: str
    """Path relative to the given folder, with forward slashes; a file's name where it was given itself.
    Bytes that are no UTF-8 are replaced, so that it can be written anywhere."""
    problem: str | None = None


def find(paths: Iterable[Path]) -> Iterator[Input]:
    """Yield each file to work on once, in order of the given paths, then by name.

    Folders are searched recursively for names that end in ``.pdf`` in any case; links are followed, in
    circles only once. A file given itself is taken whatever its name. A missing path, a folder without a
    PDF and a folder that cannot be read are inputs with a problem.
    """
    seen: set[str] = set()
    for given in paths:
        root = given.absolute()
        for found in _folder(root, given) if root.is_dir() else [Input(root, name(root.name))]:
            key = os.fspath(found.path)
            if key not in seen:
                seen.add(key)
                yield found


def digest(path: Path) -> str:
    """SHA-256 of a regular file, in hexadecimal. Raises OSError when it cannot be read or is none."""
    if not path.exists():
        raise FileNotFoundError(f"there is no such file: {path}")
    if not path.is_file():
        raise OSError(f"not a regular file: {path}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def name(path: str) -> str:
    """Make a path's text valid Unicode: bytes that are no UTF-8 become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")


def _folder(root: Path, given: Path) -> Iterator[Input]:
    problems: list[OSError] = []
    entered: set[tuple[int, int]] = set()
    found = False
    for folder, below, files in os.walk(root, followlinks=True, onerror=problems.append):
        here = Path(folder)
        below[:] = [each for each in sorted(below) if _first_visit(here / each, entered)]
        for each in sorted(files):
            if each.lower().endswith(".pdf"):
                found = True
                yield Input(here / each, _relative(here / each, root))
    for problem in problems:
        path = Path(os.fsdecode(problem.filename))
        yield Input(path, _relative(path, root), f"this folder cannot be read: {problem.strerror}")
    if not found and not problems:
        yield Input(root, name(os.fspath(given)), "there is no PDF in this folder")


def _first_visit(folder: Path, entered: set[tuple[int, int]]) -> bool:
    """Whether to descend: yes, once. A folder that cannot be looked at is left to the walk to report."""
    try:
        status = folder.stat()
    except OSError:
        return True
    key = status.st_dev, status.st_ino
    if key in entered:
        return False
    entered.add(key)
    return True


def _relative(path: Path, root: Path) -> str:
    return name(path.name if path == root else path.relative_to(root).as_posix())
