"""``MetaInfo.xlsx`` in the workspace: a view of the catalogue that never overwrites somebody's edits."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from covidct_curate import __version__, inputs
from covidct_curate.catalog import Catalog, figures, papers, sheets
from covidct_curate.errors import CurateError, SheetError
from covidct_curate.records import Figure, Picture
from covidct_curate.sheet import SheetRow, write_metainfo
from covidct_curate.workspace import Workspace

NAME = "MetaInfo.xlsx"
MOST_ROWS = 2000
"""A spreadsheet with more thumbnails than this is slow to open."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the spreadsheet."""

    path: Path | None = None
    """The file that was written, None when there was nothing new to write."""
    notes: tuple[str, ...] = ()
    """What its reader should know."""
    problem: str | None = None
    """Why it could not be written."""


def write(workspace: Workspace, catalog: Catalog) -> Written:
    """Write one row for each panel of the current papers, where anything changed since the last time.

    A file that is not byte for byte our last export stays as it is: the new one is written beside it as
    ``MetaInfo-2.xlsx``, ``MetaInfo-3.xlsx``, …, and a note says so.
    """
    draft = workspace.tmp / NAME
    try:
        return _write(workspace, catalog, draft)
    except SheetError as error:
        return Written(problem=str(error).removeprefix(f"{draft}: "))
    except CurateError as error:
        return Written(problem=str(error))
    except OSError as error:
        return Written(problem=error.strerror or str(error))


def _write(workspace: Workspace, catalog: Catalog, draft: Path) -> Written:
    rows, content = _rows(workspace, catalog)
    spared = []
    for number in count(1):
        name = NAME if number == 1 else f"{Path(NAME).stem}-{number}{Path(NAME).suffix}"
        path = workspace.root / name
        with catalog.snapshot() as db:
            export = sheets.find(db, name)
        if not path.exists() and not path.is_symlink():
            break
        if export and export.content == content:
            return Written()
        if export and path.is_file() and inputs.digest(path) in export.ours:
            break
        spared.append(name)
    if not rows and export is None:
        return Written()
    write_metainfo(rows[:MOST_ROWS], draft)
    with catalog.transaction() as db:
        sheets.announce(db, name, inputs.digest(draft))
    draft.rename(path)
    with catalog.transaction() as db:
        sheets.confirm(db, name, content)
    notes = [f"{each} is not as we last wrote it and is kept; the new sheet is {name}" for each in spared[:1]]
    if len(rows) > MOST_ROWS:
        notes.append(
            f"{name} shows {MOST_ROWS:,} of {len(rows):,} panels; for all of them: "
            f"curate list panels --format csv"
        )
    return Written(path, tuple(notes))


def _rows(workspace: Workspace, catalog: Catalog) -> tuple[list[SheetRow], str]:
    """The rows, and a digest of all that shows in the file."""
    rows, shown = [], hashlib.sha256(__version__.encode())
    with catalog.snapshot() as db:
        kept_figures = figures.by_paper(db)
        kept_papers = [paper for paper in papers.every(db) if not paper.superseded]
    for paper in kept_papers:
        for figure in kept_figures[paper.uid]:
            for picture in _shown(figure.figure):
                path = workspace.root / paper.folder / picture.file
                row = SheetRow(picture.file, path, paper.paper.doi or "", figure.figure.caption)
                rows.append(row)
                cells = [row.file, picture.pixels, row.doi, row.caption]
                shown.update(f"{json.dumps(cells)}\n".encode())
    return rows, shown.hexdigest()


def _shown(figure: Figure) -> list[Picture]:
    """The pictures of a figure's panels; the whole pictures of one that was not split."""
    if not figure.panels:
        return [picture for picture in figure.pictures if picture.role == "figure"]
    by_file = {picture.file: picture for picture in figure.pictures}
    return [by_file[panel.file] for panel in figure.panels]
