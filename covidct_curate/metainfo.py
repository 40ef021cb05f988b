"""``MetaInfo.xlsx`` in the workspace: a view of the catalogue that never overwrites somebody's edits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

from covidct_curate import __version__, inputs, listing
from covidct_curate.catalog import Catalog, sheets
from covidct_curate.columns import Column, columns
from covidct_curate.errors import CurateError, SheetError
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
    """Write one row for each selected panel of the current papers, where anything changed since the last time.

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
        listed = [row for row in listing.panels(db) if row["selected"] and not row["superseded"]]
    for row in listed:
        cells = tuple(_cell(row, column) for column in columns())
        rows.append(SheetRow(cells, workspace.root / str(row["file"])))
        shown.update(f"{json.dumps([row['pixels'], *cells])}\n".encode())
    return rows, shown.hexdigest()


def _cell(row: Mapping[str, Any], column: Column) -> str | float | None:
    """What a column shows of a panel as `curate list panels` has it."""
    if column.key == "file":
        return PurePosixPath(row["file"]).name
    if column.name == "Evidence":
        return "; ".join(
            f"{field}: {why['rule']} “{why['text']}” ({why['source']})"
            for field, why in row["evidence"].items()
        )
    if column.name == "Confidence":
        return min((why["confidence"] for why in row["evidence"].values()), default=None)
    value: Any = row
    for key in column.key.split("."):
        value = value[key]
    if isinstance(value, (list, tuple)):
        return "; ".join(value)
    return value if value is None or isinstance(value, int | float) else str(value)
