"""The catalogue as ``MetaInfo.xlsx``, or another sheet, in a way that never overwrites somebody's edits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from covidct_curate import __version__, inputs, selection
from covidct_curate.catalog import Catalog, decisions, exports, settings, sheets
from covidct_curate.errors import CurateError, SheetError
from covidct_curate.review.csvs import csv_files, write_csv
from covidct_curate.review.rows import books
from covidct_curate.review.table import Book
from covidct_curate.review.workbook import write_workbook
from covidct_curate.session import now, opened
from covidct_curate.workspace import Workspace

NAME = "MetaInfo.xlsx"
MOST_ROWS = 2000
"""Pictures in one file: one with more thumbnails is slow to open."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a spreadsheet."""

    path: Path | None = None
    """The file that was written, None when there was nothing new to write."""
    rows: int = 0
    """Pictures in it."""
    notes: tuple[str, ...] = ()
    """What its reader should know."""
    problem: str | None = None
    """Why it could not be written."""


def export_sheet(workspace: Path, *, out: Path | None = None, only: str | None = None) -> list[Written]:
    """Write the sheets for review: .xlsx, or .csv where ``out`` is called so; `MOST_ROWS` pictures in each.

    ``out`` is by default ``MetaInfo.xlsx`` in the workspace; further files are numbered. A file that is not byte
    for byte an export of this workspace stays as it is, and the next number is taken. For ``only`` see
    `covidct_curate.review.rows.books`. Raises `ChoiceError` for an ``only`` that is nothing, `RuleError` when the
    workspace's rule file cannot be used, `SheetError` when a file cannot be written and `WorkspaceError` when the
    workspace cannot be used.
    """
    place = Workspace(workspace)
    target = out or place.sheet
    if target.suffix.lower() not in (".xlsx", ".csv"):
        raise SheetError(f"{target}: not a kind of sheet that can be written; name it .xlsx or .csv")
    with opened(place) as catalog:
        found = _books(place, catalog, only)
        used: set[Path] = set()
        written = []
        for book in found:
            written.append(_put(place, catalog, book, target, used, again=True))
        place.clear()
    return written


def write(place: Workspace, catalog: Catalog) -> Written:
    """Write ``MetaInfo.xlsx`` where anything in it changed since the last time, at most `MOST_ROWS` pictures.

    A file that is not byte for byte our last export stays as it is: the new one is written beside it as
    ``MetaInfo-2.xlsx``, ``MetaInfo-3.xlsx``, …, and a note says so.
    """
    try:
        orphans = orphan_notes(catalog)
        found = _books(place, catalog, None)
        written = _put(place, catalog, found[0], place.sheet, set(), again=False)
    except SheetError as error:
        return Written(problem=str(error).removeprefix(f"{place.sheet}: "))
    except CurateError as error:
        return Written(problem=str(error))
    except OSError as error:
        return Written(problem=error.strerror or str(error))
    written = replace(written, notes=(*orphans, *written.notes))
    if written.path and len(found) > 1:
        total = sum(len(book.panels) for book in found)
        more = f"{written.path.name} shows {MOST_ROWS:,} of {total:,} pictures; for all of them: curate sheet export"
        return replace(written, notes=(*written.notes, more))
    return written


def orphan_notes(catalog: Catalog) -> tuple[str, ...]:
    """How many more pictures and figures than at the last time this was asked are no longer found or cut as
    somebody decided about them; empty where there are no more."""
    with catalog.transaction() as db:
        count, before = decisions.orphans(db), int(settings.find(db, "orphans") or 0)
        if count != before:
            settings.put(db, "orphans", str(count))
    if count <= before:
        return ()
    return (
        f"decided pictures or figures that are no longer found or cut so: {count - before:,}; what was decided is "
        "kept and waits for review: curate list decisions shows it as orphaned",
    )


def write_conflicts(place: Workspace, catalog: Catalog, target: Path) -> Path | None:
    """Write the pictures and figures with conflicts, and the sheet to choose in, where that is not there already.
    Raises `SheetError` when it cannot be written."""
    return _put(place, catalog, _books(place, catalog, "conflicts")[0], target, set(), again=False).path


def _books(place: Workspace, catalog: Catalog, only: str | None) -> list[Book]:
    with catalog.snapshot() as db:
        return books(db, place.root, only=only, words=selection.findings(db), most=MOST_ROWS)


def _put(
    place: Workspace, catalog: Catalog, book: Book, target: Path, used: set[Path], *, again: bool
) -> Written:
    """Write a book to the first free name; ``used`` are those of this run. Without ``again``, one that shows the
    same as its file of that name is not written."""
    shown = _digest(book)
    spared = []
    for path in _numbered(target):
        if path in used:
            continue
        names = [path] if path.suffix.lower() == ".xlsx" else [*csv_files(path).values()]
        with catalog.snapshot() as db:
            before = {name: sheets.find(db, _name(place, name)) for name in names}
            known = bool(exports.find(db, [book.export]))
        there = [name for name in names if name.exists() or name.is_symlink()]
        if not there:
            break
        ours = [_is_ours(name, before[name]) for name in there]
        mine = before[path]
        if not again and mine and mine.content == shown and known:
            return Written()
        if all(ours):
            break
        spared.append(path.name)
    if not again and not book.panels and before[path] is None:
        return Written()
    used.add(path)
    with _drafts(place, book, path) as drafts:
        with catalog.transaction() as db:
            exports.put(db, book.export, book.content, now())
            for name, draft in drafts.items():
                sheets.announce(db, _name(place, name), inputs.digest(draft))
        for name, draft in drafts.items():
            draft.rename(name)
        with catalog.transaction() as db:
            for name in drafts:
                sheets.confirm(db, _name(place, name), shown)
    kept = [
        f"{each} is not as we last wrote it and is kept; the new sheet is {path.name}" for each in spared[:1]
    ]
    return Written(path, len(book.panels), tuple(kept))


def _numbered(target: Path) -> Iterator[Path]:
    """``MetaInfo.xlsx``, ``MetaInfo-2.xlsx``, …"""
    yield target
    for number in count(2):
        yield target.with_stem(f"{target.stem}-{number}")


def _name(place: Workspace, path: Path) -> str:
    """What the catalogue calls a file: its name in the workspace, else its path."""
    return path.name if path.parent.resolve() == place.root.resolve() else str(path.absolute())


def _is_ours(path: Path, before: sheets.Export | None) -> bool:
    return before is not None and path.is_file() and inputs.digest(path) in before.ours


def _digest(book: Book) -> str:
    """All that shows in the file."""
    shown = hashlib.sha256(f"{__version__} {book.export}".encode())
    for row in book.panels:
        shown.update(row.pixels.encode())
    return shown.hexdigest()


@contextmanager
def _drafts(place: Workspace, book: Book, path: Path) -> Iterator[dict[Path, Path]]:
    """The files of a book, written where they can be renamed from: file → draft."""
    path.parent.mkdir(parents=True, exist_ok=True)
    inside = path.parent.resolve() == place.root.resolve()
    with TemporaryDirectory(dir=place.tmp if inside else path.parent, prefix=".sheet-") as folder:
        draft = Path(folder) / path.name
        try:
            if path.suffix.lower() == ".csv":
                drafts = write_csv(book, draft)
            else:
                write_workbook(book, draft)
                drafts = [draft]
        except SheetError as error:
            raise SheetError(str(error).replace(str(draft), str(path))) from error
        yield {path.parent / each.name: each for each in drafts}
