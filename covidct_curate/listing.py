"""The catalogue as lists: JSON Lines for programs, CSV for spreadsheets, a table for the terminal."""

from __future__ import annotations

import csv
import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from covidct_curate import selection
from covidct_curate.catalog import Catalog, Connection, decisions, failures, figures, papers
from covidct_curate.catalog.figures import KeptFigure, KeptPicture
from covidct_curate.catalog.papers import KeptPaper
from covidct_curate.errors import PictureError
from covidct_curate.panels.subcaptions import text_of
from covidct_curate.records import Facts
from covidct_curate.workspace import Workspace

Row = Mapping[str, object]

_ROLES = ("figure", "native", "part", "panel")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_ENDS = re.compile("[\x7f-\x9f\u2028\u2029]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_GAP, _LONGEST = 2, 500
_COLUMNS = {
    "papers": ("source", "doi", "version", "pages", "figures", "notes"),
    "figures": ("uid", "source", "label", "page", "binding", "caption"),
    "panels": ("uid", "figure_label", "label", "modality", "finding", "age", "gender", "subcaption", "file"),
    "pictures": ("file", "size", "modality", "panels"),
    "rows": ("File name", "modality", "finding", "Age", "Gender", "Time", "Severity"),
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


def write_loose(paths: Sequence[Path], form: str, out: TextIO) -> list[PictureError]:
    """Split picture files, and those in folders, and write what is found in them as `write` does.

    Needs no workspace. Returns why the others could not be read.
    """
    from covidct_curate.panels.loose import split_files

    failed: list[PictureError] = []

    def found() -> Iterator[Row]:
        for each in split_files(paths):
            if isinstance(each, PictureError):
                failed.append(each)
            else:
                panels = [{"box": cut.box, "confidence": round(cut.confidence, 3)} for cut in each.panels]
                yield {"file": each.file, "size": each.size, "modality": each.modality, "panels": panels}

    _FORMS[form]("pictures", found(), out)
    return failed


def write_labels(path: Path, rules: str, title: str, form: str, out: TextIO) -> tuple[str, ...]:
    """Label the rows of a table by their captions and write what they say as `write` does.

    Needs no workspace. Returns notes on the table. Raises `DatasetError` when it cannot be read, `RuleError`
    when the rule file cannot be used.
    """
    from covidct_curate.label.rules import load_rules
    from covidct_curate.tablelabels import label_table

    table, labelled = label_table(path, load_rules(rules), title=title)
    _FORMS[form]("rows", (row.as_json() for row in labelled), out)
    return table.notes


def write_contact_sheets(workspace: Path, path: Path, per_sheet: int) -> list[Path]:
    """Draw the current papers' figures with their panels on contact sheets, and return the files written.

    Raises `PictureError` when one cannot be written, `WorkspaceError` where there is no catalogue.
    """
    from covidct_curate.panels.contact import Mark, Tile, write_sheets

    tiles: dict[Path, tuple[str, list[Mark]]] = {}
    with Catalog(Workspace(workspace).catalog) as catalog, catalog.snapshot() as db:
        for paper, kept in _each_figure(db):
            for panel in () if paper.superseded else kept.figure.panels:
                file = workspace / paper.folder / panel.figure_file
                marks = tiles.setdefault(file, (panel.figure_file, []))[1]
                marks.append((panel.box, panel.label or "", panel.confidence))
    drawn = [Tile(file, title, tuple(marks)) for file, (title, marks) in tiles.items()]
    return write_sheets(drawn, path, per_sheet)


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
            "kind": figure.kind,
            "panels": len(figure.panels),
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


def panels(db: Connection) -> Iterator[Row]:
    """One row a panel."""
    selected = selection.of_workspace(db)
    for paper, kept in _each_figure(db):
        figure = kept.figure
        pictures = {one.picture.file: one for one in kept.pictures}
        for index, panel in enumerate(figure.panels):
            facts = panel.facts or Facts()
            patient = {**asdict(facts.patient), "id": paper.patient(facts.patient.id)}
            yield {
                "source": paper.source,
                "doi": paper.paper.doi,
                "figure_label": figure.label,
                "figure_file": f"{paper.folder}/{panel.figure_file}",
                "file": f"{paper.folder}/{panel.file}",
                "index": index,
                "box": panel.box,
                "label": panel.label,
                "caption": figure.caption,
                "subcaption": text_of(figure.caption, panel.spans),
                "method": panel.method,
                "confidence": round(panel.confidence, 3),
                "modality": facts.modality,
                "finding": facts.finding,
                "patient": patient,
                "evidence": {name: asdict(each) for name, each in facts.evidence.items()},
                "decided": False,
                "uid": pictures[panel.file].uid,
                "figure_uid": kept.uid,
                "superseded": paper.superseded,
                "subcaption_spans": panel.spans,
                "label_source": panel.label_source,
                "kind": figure.kind,
                "page": pictures[panel.file].picture.page,
                "pixels": pictures[panel.file].picture.pixels,
                "region": facts.region,
                "flags": facts.flags,
                "selected": selected is not None and selected.takes(panel.facts),
                "look": {name: round(chance, 3) for name, chance in panel.look.items()},
                "extra": facts.extra,
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


def _write_jsonl(kind: str, listed: Iterable[Row], out: TextIO) -> None:
    for row in listed:
        line = json.dumps(row, ensure_ascii=False)
        # Readers that split at every Unicode line end would cut a record in two.
        out.write(_LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", line) + "\n")


def _write_csv(kind: str, listed: Iterable[Row], out: TextIO) -> None:
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


def _write_table(kind: str, listed: Iterable[Row], out: TextIO) -> None:
    """One line a row; the widest columns give way until a line fits the terminal. Reasons are told in full."""
    from rich.cells import cell_len, set_cell_size

    columns, listed = _COLUMNS[kind], list(listed)
    lines = [
        columns,
        *(tuple(visible(_short(_value(row, column))[:_LONGEST]) for column in columns) for row in listed),
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


def _value(row: Row, column: str) -> object:
    """A column of the list, or a field of its patient."""
    patient = row.get("patient")
    return patient[column] if isinstance(patient, dict) and column in patient else row[column]


def _short(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)) and any(isinstance(each, dict) for each in value):
        return str(len(value))
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value)
    return str(value)


_LISTS: Mapping[str, Callable[[Connection], Iterator[Row]]] = {
    "papers": _papers,
    "figures": _figures,
    "panels": panels,
    "decisions": _decisions,
    "failures": _failures,
}
_FORMS: Mapping[str, Callable[[str, Iterable[Row], TextIO], None]] = {
    "table": _write_table,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
}
