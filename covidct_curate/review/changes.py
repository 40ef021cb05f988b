"""What reviewers changed in a sheet: each cell compared with what its own export showed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from covidct_curate.columns import Kind, columns
from covidct_curate.review.reading import Edited, Line
from covidct_curate.review.shown import (
    LONGEST_NAME,
    REVIEWER,
    Export,
    Odd,
    Shown,
    clean,
    name_of,
    said,
    same,
    written,
)
from covidct_curate.review.table import EXPORT, KEYS

_KEEP, _NOTE, _CHOOSE = "keep", "note", "choose"
_CONFIRMING = frozenset({"yes", "no"})
"""Values of ``keep`` that confirm the row."""
_NAMED = 5
"""Cells that are named one by one; more with the same problem in one column are told together."""
_AGAIN = "take the row from a fresh export and change it there"


@dataclass(frozen=True, slots=True)
class Edit:
    """What a reviewer says of one field of one picture or figure."""

    uid: str
    field: str
    value: str
    """Blank clears it. Panels are told as `Choice.value` does, boxes without the picture's size."""
    old: str
    """What the cell showed when it was exported."""
    based_on: int | None
    """Number of the decision that the cell showed, None for an automatic value."""
    reviewer: str
    place: str
    """Address of the cell: ``MetaInfo!C7``."""
    confirmed: bool
    """Not changed (``value`` is ``old``), but confirmed with the row."""
    pixels: str = ""
    """Hash of the pixels of the picture that the sheet showed; ``""`` for a figure."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a reviewer chose in a conflict."""

    conflict: int
    """Number of the later decision."""
    take: Literal["earlier", "later"]
    earlier: int | None
    """Number of the decision that stood when it was exported, None for an automatic value."""
    reviewer: str
    place: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One or more cells of which nothing is taken: where, what happened and what to do."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Changes:
    """All that was changed in a sheet."""

    edits: tuple[Edit, ...]
    """Row by row as the sheet has them, pictures first; within a row in the order of the columns, ``keep`` last."""
    rulings: tuple[Ruling, ...]
    problems: tuple[Problem, ...]
    rows: int
    """Rows that were compared with their export."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A problem of one cell."""

    line: Line
    column: str
    odd: Odd


@dataclass(frozen=True, slots=True)
class _Row:
    """A line beside what was exported of it."""

    kind: Kind
    key: str
    line: Line
    shown: Shown
    words: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Said:
    """What a row says."""

    changed: Mapping[str, str]
    """Column → new value."""
    reviewer: str
    """Typed in the row, ``""`` where nobody was."""
    confirms: bool
    """Whether the cells that were not changed are confirmed."""


def compare(edited: Edited, exports: Mapping[str, Export], reviewer: str) -> Changes:
    """What was changed in ``edited`` since it was exported, in the name of ``reviewer`` or of a row's own.

    Each row is compared with the export it names (``exports``: id → export), so rows of several exports may
    stand in one file, in any order. A cell that says the same is unchanged, whatever its spelling; a blank one
    that was not blank is cleared. ``keep`` set to yes or no, or a reviewer typed where it stands at one of
    them, confirms all cells of the row that may be changed, its note and those of columns that the file lacks aside.

    Of a cell with a problem nothing is taken. A row with a problem confirms nothing and rules on no conflict,
    but its other cells' edits stand, unless its reviewer is the problem. Of a row that stands twice the first
    is taken.
    """
    tables: dict[Kind, tuple[Line, ...]] = {
        "panels": edited.panels,
        "figures": edited.figures,
        "conflicts": edited.conflicts,
    }
    if _foreign(tables, exports):
        reason = (
            "none of its rows was exported from this workspace, or their export column was changed; name the "
            "workspace that they come from"
        )
        return Changes((), (), (Problem(edited.path.name, reason),), 0)
    importer = name_of(reviewer)
    troubles: list[_Trouble] = []
    edits: list[Edit] = []
    rulings: list[tuple[_Row, Ruling]] = []
    rows = 0
    for kind, lines in tables.items():
        for row in _rows(kind, lines, exports, troubles):
            rows += 1
            told = _told(row, troubles)
            name = told.reviewer or importer
            if (told.changed or told.confirms) and not 0 < len(name) <= LONGEST_NAME:
                troubles.append(_nameless(row))
            elif kind == "conflicts":
                rulings += [(row, ruling) for ruling in _rulings(row, told, name)]
            else:
                edits += _edits(row, told, name)
    agreed = _agreed(rulings, troubles)
    return Changes(tuple(edits), agreed, _problems(troubles), rows)


def _foreign(tables: Mapping[Kind, Sequence[Line]], exports: Mapping[str, Export]) -> bool:
    """Whether there are rows, and the export of none of them is known."""
    named = {
        clean(line.cells.get(EXPORT, ""))
        for kind, lines in tables.items()
        for line in lines
        if clean(line.cells.get(KEYS[kind], ""))
    }
    return bool(named) and all(exports.get(each) is None for each in named)


def _rows(
    kind: Kind, lines: Sequence[Line], exports: Mapping[str, Export], troubles: list[_Trouble]
) -> Iterator[_Row]:
    """The lines that were exported, each once; what is wrong with the others goes to ``troubles``."""
    name = KEYS[kind]
    seen: dict[str, Line] = {}
    for line in lines:
        key = clean(line.cells.get(name, ""))
        export = exports.get(clean(line.cells.get(EXPORT, "")))
        many = ""
        if not key:
            if not any(clean(text) for column, text in line.cells.items() if column != EXPORT):
                continue
            reason = f"no {name}: rows cannot be added by hand; make the changes in the row that was exported"
        elif export is None:
            reason = f"exported from another workspace, or the row's export was changed; {_AGAIN}"
        elif (shown := export.rows(kind).get(key)) is None:
            reason = (
                f"no such row was exported: its {name} was changed, or made a number by the spreadsheet program; "
                f"{_AGAIN}"
            )
        elif (first := seen.setdefault(key, line)) is line:
            yield _Row(kind, key, line, shown, export.words)
            continue
        elif _identical(first, line):
            continue
        else:
            do = "make all changes in one of them and delete the other"
            reason = (
                f"the row of {first.place(name)} once more, and not the same; nothing of it is taken: {do}"
            )
            many = f"rows that stand above once more, and not the same; nothing of them is taken: {do}"
        troubles.append(_Trouble(line, name, Odd(reason, many or reason)))


def _identical(one: Line, other: Line) -> bool:
    texts = ({name: clean(text) for name, text in line.cells.items()} for line in (one, other))
    return next(texts) == next(texts) and one.dates == other.dates


def _told(row: _Row, troubles: list[_Trouble]) -> _Said:
    """What the row says; its problems go to ``troubles``."""
    changed: dict[str, str] = {}
    odd: dict[str, Odd] = {}
    for column in columns(row.kind):
        text = row.line.cells.get(column.name)
        if text is None or column.name in (KEYS[row.kind], EXPORT):
            continue
        value = said(
            row.kind,
            column,
            row.shown.cells.get(column.name),
            text,
            is_date=column.name in row.line.dates,
            words=row.words.get(column.name, ()),
        )
        if isinstance(value, Odd):
            odd[column.name] = value
        elif value is not None:
            changed[column.name] = value
    typed = changed.pop(REVIEWER, "")
    signs = _CHOOSE if row.kind == "conflicts" else _KEEP
    confirms = row.kind == "panels" and _confirms(row, changed, typed)
    until = ""
    if REVIEWER in odd:
        changed, confirms, until = {}, False, "; until then nothing of the row is taken"
    elif odd and (confirms or (row.kind == "conflicts" and changed.get(signs))):
        changed.pop(signs, None)
        confirms, until = False, f"; until then its {signs} is not taken"
    troubles += [
        _Trouble(row.line, name, Odd(each.reason + until, each.many + until)) for name, each in odd.items()
    ]
    return _Said(changed, typed, confirms)


def _confirms(row: _Row, changed: Mapping[str, str], typed: str) -> bool:
    """Whether ``keep`` was set to yes or no, or stands there and somebody signed it."""
    if _KEEP in changed:
        return changed[_KEEP] in _CONFIRMING
    keep = row.shown.cells.get(_KEEP)
    return bool(typed) and keep in _CONFIRMING and same(keep, row.line.cells.get(_KEEP, ""))


def _edits(row: _Row, told: _Said, reviewer: str) -> Iterator[Edit]:
    """What the row says of its picture or figure, ``keep`` last."""
    for column in sorted(columns(row.kind), key=lambda each: each.name == _KEEP):
        if not column.editable or column.name == REVIEWER or column.name not in row.line.cells:
            continue
        value = told.changed.get(column.name)
        if value is not None or (told.confirms and column.name != _NOTE):
            old = written(row.shown.cells.get(column.name))
            yield Edit(
                uid=row.key,
                field=column.field,
                value=old if value is None else value,
                old=old,
                based_on=row.shown.basis.get(column.field),
                reviewer=reviewer,
                place=row.line.place(column.name),
                confirmed=value is None,
                pixels=row.shown.pixels,
            )


def _rulings(row: _Row, told: _Said, reviewer: str) -> Iterator[Ruling]:
    """What the row chose, if anything."""
    for take in ("earlier", "later"):
        if told.changed.get(_CHOOSE) == take:
            earlier = row.shown.basis.get("earlier")
            yield Ruling(int(row.key), take, earlier, reviewer, row.line.place(_CHOOSE))


def _agreed(rulings: Sequence[tuple[_Row, Ruling]], troubles: list[_Trouble]) -> tuple[Ruling, ...]:
    """The rulings, those aside that give one field two new values, which go to ``troubles``."""
    chosen: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for row, ruling in rulings:
        if ruling.take == "later":
            chosen[_disputed(row)].add(written(row.shown.cells.get("later value")))
    agreed = []
    for row, ruling in rulings:
        if ruling.take == "later" and len(chosen[_disputed(row)]) > 1:
            reason = "different later values are chosen for the same cell; choose later for one of them"
            troubles.append(_Trouble(row.line, _CHOOSE, Odd(reason, reason)))
        else:
            agreed.append(ruling)
    return tuple(agreed)


def _disputed(row: _Row) -> tuple[object, ...]:
    """What tells one disputed value from others: its cell, and the decision that stands."""
    names = ("File name", "column", "earlier value", "earlier reviewer", "earlier at")
    return (row.shown.basis.get("earlier"), *(row.shown.cells.get(name) for name in names))


def _nameless(row: _Row) -> _Trouble:
    reason = (
        "nobody is named whose changes these are; name the reviewer when the sheet is read "
        f"(at most {LONGEST_NAME} characters), or in the row's column {REVIEWER}"
    )
    return _Trouble(row.line, REVIEWER if REVIEWER in row.line.cells else KEYS[row.kind], Odd(reason, reason))


def _problems(troubles: Sequence[_Trouble]) -> tuple[Problem, ...]:
    """One problem a cell; a single one for more than five of the same kind in a column."""
    alike: dict[tuple[str, str, str], list[_Trouble]] = defaultdict(list)
    for each in troubles:
        alike[each.line.sheet, each.column, each.odd.many].append(each)
    problems = []
    for each in troubles:
        group = alike[each.line.sheet, each.column, each.odd.many]
        if len(group) <= _NAMED:
            problems.append(Problem(each.line.place(each.column), each.odd.reason))
        elif each is group[0]:
            problems.append(Problem(_places([one.line for one in group], each.column), each.odd.many))
    return tuple(problems)


def _places(lines: Sequence[Line], column: str) -> str:
    """``MetaInfo!C7, C8, C9, C10, C11 and 1,995 more``; ``rows 7, 8, 9, 10, 11 and 1,995 more, column Age``."""
    more = f"{len(lines) - _NAMED:,} more"
    if not lines[0].sheet:
        return f"rows {', '.join(str(line.number) for line in lines[:_NAMED])} and {more}, column {column}"
    others = ", ".join(f"{line.letters[column]}{line.number}" for line in lines[1:_NAMED])
    return f"{lines[0].place(column)}, {others} and {more}"
