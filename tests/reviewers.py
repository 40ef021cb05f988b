"""Reviewers for tests: the sheets they hold, and a plain model of what the catalogue must make of them."""

from __future__ import annotations

import csv
import hashlib
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl

from covidct_curate.columns import Kind, columns
from covidct_curate.panels.choice import parse_grid
from covidct_curate.review.csvs import csv_files, guarded, unguarded

KINDS: tuple[Kind, ...] = ("panels", "figures", "conflicts")
MARKS: dict[Kind, tuple[str, str]] = {
    "panels": ("uid", "keep"),
    "figures": ("uid", "panels"),
    "conflicts": ("conflict", "choose"),
}
"""The column of each table's keys, and one that no other table has."""
FIELDS: dict[Kind, dict[str, str]] = {
    kind: {
        column.name: column.field for column in columns(kind) if column.editable and column.name != "reviewer"
    }
    for kind in KINDS
}
"""Column → what decisions call it."""
BOXES = "0,0,100,200; 100,0,200,200"
PANELS = {
    **{grid: parse_grid(grid).value() for grid in ("1x1", "1x2", "2x2")},
    BOXES: '{"boxes": [[0, 0, 100, 200], [100, 0, 200, 200]], "size": [200, 200]}',
}
"""As it is typed → as a decision about a picture of 200 x 200 pixels keeps it."""
SENSELESS = {"Age": "??", "DOI": "10.1/elsewhere"}
"""Column → what cannot be typed there."""


class Said(NamedTuple):
    """One decision, whatever its number."""

    uid: str
    field: str
    value: str
    basis: int | None
    reviewer: str


@dataclass(frozen=True)
class Kept:
    """A decision of the catalogue."""

    number: int
    said: Said
    pixels: str | None


@dataclass
class Line:
    """A row of somebody's sheet."""

    kind: Kind
    key: str
    cells: dict[str, Any]
    shown: dict[str, Any]
    """As it was exported."""
    basis: dict[str, int]
    """Field → the decision that stood when it was exported."""

    def changed(self) -> dict[str, str]:
        return {name: told(cell) for name, cell in self.cells.items() if told(cell) != told(self.shown[name])}


@dataclass
class Sheet:
    """A file that a reviewer holds, with what it says."""

    path: Path
    lines: list[Line] = field(default_factory=list)
    pixels: dict[str, str] = field(default_factory=dict)
    """Those of the pictures when it was exported."""

    def files(self) -> dict[Path, list[Line]]:
        """Each file of it, with the lines in it."""
        if self.path.suffix == ".xlsx":
            return {self.path: self.lines}
        parts = csv_files(self.path)
        return {
            parts[kind]: [line for line in self.lines if line.kind == kind]
            for kind in KINDS
            if parts[kind].exists()
        }

    def save(self) -> None:
        for path, lines in self.files().items():
            (_save_xlsx if path.suffix == ".xlsx" else _save_csv)(path, lines)

    def rename(self, stem: str) -> None:
        """The files get other names; each is still one of this sheet's."""
        moved = self.path.with_stem(stem)
        if self.path.suffix == ".xlsx":
            self.path.rename(moved)
        else:
            for kind, part in csv_files(self.path).items():
                if part.exists():
                    part.rename(csv_files(moved)[kind])
        self.path = moved


def told(cell: Any) -> str:
    return "" if cell is None else str(cell)


def read(path: Path) -> Iterator[tuple[Kind, dict[str, Any]]]:
    """Every row of the tables of a file, with its cells by column."""
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        tables = [[[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in book.worksheets]
        book.close()
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            tables = [[[unguarded(cell) for cell in row] for row in csv.reader(file)]]
    for head, *rows in filter(None, tables):
        for kind, marks in MARKS.items():
            if {*marks, "export"} <= set(head):
                yield from ((kind, dict(zip(head, row, strict=True))) for row in rows)


def _save_csv(path: Path, lines: Sequence[Line]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = next(csv.reader(file))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows([guarded(told(line.cells[name])) for name in head] for line in lines)


def _save_xlsx(path: Path, lines: Sequence[Line]) -> None:
    book = openpyxl.load_workbook(path)
    for sheet in book.worksheets:
        head = [cell.value for cell in sheet[1]]
        kind = next((kind for kind in KINDS if {*MARKS[kind], "export"} <= set(head)), None)
        if kind is None:
            continue
        mine = [line for line in lines if line.kind == kind]
        sheet.delete_rows(len(mine) + 2, max(0, sheet.max_row - len(mine) - 1))
        for number, line in enumerate(mine, 2):
            for column, name in enumerate(head, 1):
                sheet.cell(number, column).value = line.cells[name]
    book.save(path)


def digest(paths: Iterable[Path]) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def catalogue(ws: Path) -> list[Kept]:
    """All decisions, as they lie in the file."""
    db = sqlite3.connect(ws / "catalog.db")
    try:
        rows = db.execute(
            "SELECT id, uid, field, value, based_on, reviewer, pixels FROM decisions ORDER BY id"
        ).fetchall()
    finally:
        db.close()
    return [Kept(row[0], Said(*row[1:6]), row[6]) for row in rows]


def verdict(kept: Iterable[Kept]) -> tuple[Kept, list[Kept]]:
    """Of the decisions about one field: which stands, and which wait for somebody to choose."""
    standing, *later = kept
    waiting: list[Kept] = []
    for one in later:
        said = one.said
        heard = [each for each in waiting if each.said.reviewer != said.reviewer]
        known = {standing.number, *(each.number for each in waiting)}
        corrects = (said.reviewer, said.basis) == (standing.said.reviewer, standing.said.basis)
        if said.basis in known or corrects:
            waiting = [each for each in heard if each.number != said.basis and each.said.value != said.value]
            standing = one
        else:
            waiting = heard + [one] * (said.value != standing.said.value)
    return standing, waiting


def verdicts(kept: Iterable[Kept]) -> dict[tuple[str, str], tuple[Kept, list[Kept]]]:
    by_cell: dict[tuple[str, str], list[Kept]] = {}
    for one in kept:
        by_cell.setdefault(one.said[:2], []).append(one)
    return {cell: verdict(group) for cell, group in by_cell.items()}


def opened(sheet: Path, kept: Sequence[Kept]) -> Sheet:
    """An export as its reviewer gets it, of a catalogue that holds these decisions."""
    standing = {cell: one.number for cell, (one, _) in verdicts(kept).items()}
    by_number = {one.number: one.said for one in kept}
    found = Sheet(sheet)
    for path in csv_files(sheet).values() if sheet.suffix == ".csv" else [sheet]:
        for kind, cells in read(path) if path.exists() else ():
            key = cells[MARKS[kind][0]]
            if kind == "conflicts":
                basis = {"earlier": standing[by_number[int(key)][:2]]}
            else:
                basis = {named: number for (uid, named), number in standing.items() if uid == key}
            found.lines.append(Line(kind, key, cells, dict(cells), basis))
    return found


def expected(
    lines: Sequence[Line], importer: str, kept: Sequence[Kept], gone: frozenset[str]
) -> tuple[list[Said], int]:
    """The decisions that an import of these lines must add, and the number of cells of which nothing is taken.

    ``gone`` are the figures that are no longer found: their panels cannot be decided.
    """
    said: list[Said] = []
    senseless = 0
    for line in lines:
        if line.kind != "conflicts":
            edits, odd = _edits(line, importer)
            senseless += odd
            for edit in edits:
                if edit.field == "panels" and edit.uid in gone:
                    senseless += 1
                else:
                    said.append(edit)
    rulings, odd = _rulings([line for line in lines if line.kind == "conflicts"], importer, kept)
    before: dict[tuple[object, ...], list[str]] = {}
    for one in kept:
        before.setdefault(_voice(one.said), []).append(one.said.value)
    for made in rulings:
        if made.field == "panels" and made.uid in gone:
            odd += 1
        else:
            said.append(made)
    return list(_unsaid(said, before)), senseless + odd


def _voice(said: Said) -> tuple[object, ...]:
    return said.uid, said.field, said.basis, said.reviewer


def _unsaid(said: Sequence[Said], before: Mapping[tuple[object, ...], list[str]]) -> Iterator[Said]:
    """What a reviewer has not said last, of the same cell as it was shown."""
    groups: dict[tuple[object, ...], list[Said]] = {}
    for each in said:
        group = groups.setdefault(_voice(each), [])
        if not group or group[-1] != each:
            group.append(each)
    for voice, group in groups.items():
        history, values = before.get(voice, []), [each.value for each in group]
        known = max(n for n in range(len(values) + 1) if n == 0 or history[-n:] == values[:n])
        yield from group[known:]


def _edits(line: Line, importer: str) -> tuple[list[Said], int]:
    changed = line.changed()
    reviewer = changed.pop("reviewer", "") or importer
    typed = reviewer != importer or ("reviewer" in line.changed() and line.cells["reviewer"])
    keep = told(line.cells.get("keep"))
    signed = line.kind == "panels" and keep in ("yes", "no") and ("keep" in changed or bool(typed))
    odd = [name for name, text in SENSELESS.items() if changed.get(name) == text]
    for name in odd:
        del changed[name]
    if signed and odd:
        changed.pop("keep", None)
    names = [name for name in FIELDS[line.kind] if (signed and not odd and name != "note") or name in changed]
    edits = []
    for name in names:
        value, named = told(line.cells[name]), FIELDS[line.kind][name]
        edits.append(
            Said(
                line.key,
                named,
                PANELS[value] if named == "panels" else value,
                line.basis.get(named),
                reviewer,
            )
        )
    return edits, len(odd)


def _rulings(lines: Sequence[Line], importer: str, kept: Sequence[Kept]) -> tuple[list[Said], int]:
    """A reviewer who takes one of the later values rules all conflicts about the cell so."""
    now, by_number = verdicts(kept), {one.number: one.said for one in kept}
    chosen = [
        (line, line.cells["choose"], told(line.cells["reviewer"]) or importer)
        for line in lines
        if line.cells["choose"]
    ]
    taken: dict[tuple[str, str, int], dict[str, str]] = {}
    for line, take, reviewer in chosen:
        if take == "later":
            rival = by_number[int(line.key)]
            taken.setdefault((*rival[:2], line.basis["earlier"]), {})[rival.value] = reviewer
    made, odd = [], 0
    good = []
    for line, take, reviewer in chosen:
        rival = by_number[int(line.key)]
        if take == "later" and len(taken[*rival[:2], line.basis["earlier"]]) > 1:
            odd += 1
        else:
            good.append((line, take, reviewer, rival))
    wants = {(rival[:2], reviewer): rival.value for _, take, reviewer, rival in good if take == "later"}
    for line, _, reviewer, rival in sorted(good, key=lambda each: (each[3][:2], each[2]) in wants):
        earlier = line.basis["earlier"]
        value = wants.get((rival[:2], reviewer), by_number[earlier].value)
        number = int(line.key)
        ruled = any(_voice(one.said) == (*rival[:2], number, reviewer) for one in kept)
        basis = number if ruled or now[rival[:2]][0].number == earlier else earlier
        made.append(Said(rival.uid, rival.field, value, basis, reviewer))
    return made, odd


def copied(ws: Path, to: Path) -> Path:
    return Path(shutil.copytree(ws, to))
