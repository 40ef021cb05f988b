"""The catalogue as lists: JSON Lines for programs, CSV for spreadsheets, a table for the terminal."""

from __future__ import annotations

import csv
import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from covidct_curate.catalog import Catalog, Connection, decisions, failures, figures, papers
from covidct_curate.catalog.figures import KeptFigure, KeptPicture
from covidct_curate.catalog.papers import KeptPaper
from covidct_curate.records import Box
from covidct_curate.workspace import Workspace

Row = Mapping[str, object]

_ROLES = ("figure", "native", "panel")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_ENDS = re.compile("[\x7f-\x9f\u2028\u2029]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_GAP, _LONGEST = 2, 500
_COLUMNS = {
    "papers": ("source", "doi", "version", "pages", "figures", "notes"),
    "figures": ("uid", "source", "label", "page", "binding", "caption"),
    "panels": ("uid", "source", "figure_label", "index", "box", "file"),
    "decisions": ("uid", "field", "old", "new", "reviewer", "at"),
    "failures": ("source", "stage", "reason"),
}
"""What of each list a terminal shows."""


def rows(kind: str, workspace: Path) -> list[Row]:
    """The list of that kind: ``papers``, ``figures``, ``panels``, ``decisions`` or ``failures``.

    Superseded papers and what is in them are listed with ``superseded`` true; retired figures and
    pictures are not listed. Files are relative to the workspace. Raises `WorkspaceError` where the
    workspace has no readable catalogue, KeyError for another kind.
    """
    listed = _LISTS[kind]
    with Catalog(Workspace(workspace).catalog) as catalog, catalog.snapshot() as db:
        return list(listed(db))


def write(kind: str, workspace: Path, form: str, out: TextIO) -> None:
    """Write the list as ``table``, ``jsonl`` or ``csv`` to a text stream."""
    _FORMS[form](kind, rows(kind, workspace), out)


def visible(text: str) -> str:
    """Text that is safe on a terminal: control, formatting and undecodable characters are spelt out."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else character
        for character in text
    )


def _papers(db: Connection) -> Iterator[Row]:
    for kept in papers.every(db):
        yield {
            "source": kept.source,
            "sha256": kept.sha256,
            "doi": kept.paper.doi,
            "server": kept.paper.server,
            "version": kept.paper.version,
            "title": kept.paper.title,
            "posted": kept.paper.posted,
            "licence": kept.paper.licence,
            "pages": kept.paper.pages,
            "figures": kept.figures,
            "seconds": round(kept.seconds, 3),
            "uid": kept.uid,
            "superseded": kept.superseded,
            "sources": kept.sources,
            "notes": kept.notes,
        }


def _figures(db: Connection) -> Iterator[Row]:
    for paper, kept in _each_figure(db):
        figure = kept.figure
        by_role = sorted(kept.pictures, key=lambda one: _ROLES.index(one.picture.role))
        yield {
            "source": paper.source,
            "doi": paper.paper.doi,
            "label": figure.label,
            "page": figure.page,
            "bbox": None if figure.bbox is None else [round(value, 2) for value in figure.bbox],
            "caption": figure.caption,
            "caption_page": figure.caption_page,
            "binding": figure.binding,
            "confidence": round(figure.confidence, 3),
            "xrefs": figure.xrefs,
            "files": [_file(paper, one) for one in by_role],
            "mentions": figure.mentions,
            "uid": kept.uid,
            "pages": figure.pages,
            "superseded": paper.superseded,
            "pictures": [
                {
                    "uid": one.uid,
                    "file": _file(paper, one),
                    "role": one.picture.role,
                    "page": one.picture.page,
                    "bbox": [round(value, 2) for value in one.picture.bbox],
                    "size": [one.picture.width, one.picture.height],
                    "xref": one.picture.xref,
                    "clipped": one.picture.clipped,
                    "turned": one.picture.turned,
                    "overlay": one.picture.overlay,
                }
                for one in by_role
            ],
        }


def _panels(db: Connection) -> Iterator[Row]:
    for paper, kept in _each_figure(db):
        for index, (whole, panel) in enumerate(_panels_of(kept)):
            yield {
                "source": paper.source,
                "doi": paper.paper.doi,
                "figure_label": kept.figure.label,
                "figure_file": _file(paper, whole),
                "file": _file(paper, panel),
                "index": index,
                "box": _box_in(whole, panel),
                "label": None,
                "caption": kept.figure.caption,
                "subcaption": "",
                "method": "whole" if panel is whole else "embedded",
                "confidence": None,
                "modality": "unknown",
                "finding": "uncertain",
                "patient": {},
                "evidence": {},
                "decided": False,
                "uid": panel.uid,
                "figure_uid": kept.uid,
                "superseded": paper.superseded,
            }


def _decisions(db: Connection) -> Iterator[Row]:
    for kept in decisions.every(db):
        yield {
            "uid": kept.decision.uid,
            "file": kept.file,
            "field": kept.decision.field,
            "old": kept.old,
            "new": kept.decision.value,
            "reviewer": kept.decision.reviewer,
            "at": kept.decision.at,
            "client": kept.decision.client,
        }


def _failures(db: Connection) -> Iterator[Row]:
    for failure in failures.every(db):
        yield {"source": failure.source, "stage": failure.stage, "reason": failure.reason}


def _each_figure(db: Connection) -> Iterator[tuple[KeptPaper, KeptFigure]]:
    by_paper = figures.by_paper(db)
    for paper in papers.every(db):
        for kept in by_paper[paper.uid]:
            yield paper, kept


def _file(paper: KeptPaper, kept: KeptPicture) -> str:
    return f"{paper.folder}/{kept.picture.file}"


def _panels_of(kept: KeptFigure) -> Iterator[tuple[KeptPicture, KeptPicture]]:
    """Each panel with the picture of the whole it lies in; that picture itself where it has no others."""
    parts = [one for one in kept.pictures if one.picture.role == "panel"]
    for whole in kept.pictures:
        if whole.picture.role == "figure":
            inside = [part for part in parts if _lies_in(part, whole)]
            parts = [part for part in parts if part not in inside]
            if len(inside) < 2:
                yield whole, whole
            else:
                yield from ((whole, part) for part in inside)
    yield from ((part, part) for part in parts)


def _lies_in(part: KeptPicture, whole: KeptPicture) -> bool:
    x0, y0, x1, y1 = part.picture.bbox
    left, top, right, bottom = whole.picture.bbox
    centred = left <= (x0 + x1) / 2 <= right and top <= (y0 + y1) / 2 <= bottom
    return part.picture.page == whole.picture.page and centred


def _box_in(whole: KeptPicture, part: KeptPicture) -> list[int]:
    """The part's place in the pixels of the whole, half-open."""
    width, height = whole.picture.width, whole.picture.height
    if part is whole:
        return [0, 0, width, height]
    left, top, right, bottom = whole.picture.bbox
    across, down = width / (right - left), height / (bottom - top)
    x0, y0, x1, y1 = part.picture.bbox
    box: Box = ((x0 - left) * across, (y0 - top) * down, (x1 - left) * across, (y1 - top) * down)
    return [min(max(round(value), 0), limit) for value, limit in zip(box, (width, height) * 2, strict=True)]


def _write_jsonl(kind: str, listed: list[Row], out: TextIO) -> None:
    for row in listed:
        line = json.dumps(row, ensure_ascii=False)
        # Readers that split at every Unicode line end would cut a record in two.
        out.write(_LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", line) + "\n")


def _write_csv(kind: str, listed: list[Row], out: TextIO) -> None:
    out.write("\ufeff")
    writer = csv.writer(out)
    for number, row in enumerate(listed):
        if number == 0:
            writer.writerow(row)
        writer.writerow([_cell(value) for value in row.values()])


def _cell(value: object) -> object:
    """A value as one cell of a spreadsheet, where no text may act as a formula."""
    if isinstance(value, (list, tuple, dict)):
        value = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value
    value = _CONTROLS.sub(lambda found: visible(found[0]), value)
    return f"'{value}" if value.startswith(_FORMULA) else value


def _write_table(kind: str, listed: list[Row], out: TextIO) -> None:
    """One line a row; the widest columns give way until a line fits the terminal. Reasons are told in full."""
    from rich.cells import cell_len, set_cell_size

    columns = _COLUMNS[kind]
    lines = [
        columns,
        *(tuple(visible(_short(row[column])[:_LONGEST]) for column in columns) for row in listed),
    ]
    widths = [max(map(cell_len, cells)) for cells in zip(*lines, strict=True)]
    room = shutil.get_terminal_size().columns - _GAP * (len(columns) - 1)
    while kind != "failures" and sum(widths) > max(room, len(columns)):
        widths[widths.index(max(widths))] -= 1
    for line in lines:
        cells = [
            set_cell_size(cell if cell_len(cell) <= width else set_cell_size(cell, width - 1) + "…", width)
            for cell, width in zip(line, widths, strict=True)
        ]
        out.write((" " * _GAP).join(cells).rstrip() + "\n")
    out.write(f"{len(listed):,} {kind}\n")


def _short(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value)
    return str(value)


_LISTS: Mapping[str, Callable[[Connection], Iterator[Row]]] = {
    "papers": _papers,
    "figures": _figures,
    "panels": _panels,
    "decisions": _decisions,
    "failures": _failures,
}
_FORMS: Mapping[str, Callable[[str, list[Row], TextIO], None]] = {
    "table": _write_table,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
}
