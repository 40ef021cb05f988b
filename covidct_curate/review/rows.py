"""Which pictures, figures and conflicts a workbook shows, and what stands in their cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from covidct_curate import listing
from covidct_curate.catalog import Connection
from covidct_curate.columns import Column, Kind, columns
from covidct_curate.errors import ChoiceError
from covidct_curate.panels.choice import Choice, read_choice, written
from covidct_curate.review.decisions import PANELS
from covidct_curate.review.output import cell_text
from covidct_curate.review.table import EXPORT, Book, Row, Tone, Value

Only = Literal["undecided", "conflicts", "low-confidence"]
"""Selected pictures about which nobody decided; those with values to choose from; those of the first kind with a
fact that is not sure, or a flag."""
SURE = 0.7
"""Confidence under which a value is to be looked at."""
_CUT = frozenset({"gutter", "seam", "reviewer"})
"""Methods by which a panel is a part of its figure's picture: its thumbnail is cut from what is decoded anyway."""

Listed = Mapping[str, Any]


def books(db: Connection, root: Path, *, only: str | None, words: Sequence[str], most: int) -> list[Book]:
    """The catalogue as workbooks of at most ``most`` pictures each, with their figures and conflicts.

    Without ``only``: every selected picture of the current papers, and every other one that somebody decided
    about. ``only`` is one of `Only`, or a paper's file name or DOI for all of its pictures. ``words`` are what a
    finding may be called; ``root`` is where the workspace lies. Raises `ChoiceError` when no paper is called so.
    """
    shown = [row for row in listing.panels(db) if not row["superseded"]]
    figures: dict[str, Listed] = {
        str(row["uid"]): row for row in listing.figures(db) if not row["superseded"]
    }
    wanted = _wanted(shown, figures, only)
    every = list(dict.fromkeys([*words, *(str(row["finding"]) for row in shown)]))
    found = []
    for start in range(0, max(1, len(wanted)), most):
        rows = wanted[start : start + most]
        theirs = {row["figure_uid"]: figures[row["figure_uid"]] for row in rows}
        boxes: dict[str, list[Listed]] = {uid: [] for uid in theirs}
        for row in shown:
            if row["figure_uid"] in boxes:
                boxes[row["figure_uid"]].append(row)
        found.append(
            Book(
                panels=tuple(_panel(row, root) for row in rows),
                figures=tuple(_figure(row, boxes[uid], root) for uid, row in theirs.items()),
                conflicts=(
                    *_conflicts("panels", rows, lambda row: str(row["file"]), root),
                    *_conflicts("figures", theirs.values(), _first_file, root),
                ),
                words={"finding": tuple(every)},
            )
        )
    return found


def _wanted(shown: Sequence[Listed], figures: Mapping[str, Listed], only: str | None) -> list[Listed]:
    tests: dict[str | None, Callable[[Listed], bool]] = {
        None: lambda row: bool(
            row["selected"] or row["decisions"] or figures[row["figure_uid"]]["decisions"]
        ),
        "undecided": lambda row: row["selected"] and not row["decided"],
        "conflicts": lambda row: _disputed(row) or _disputed(figures[row["figure_uid"]]),
        "low-confidence": lambda row: row["selected"] and not row["decided"] and _is_doubtful(row),
    }
    if only in tests:
        return [row for row in shown if tests[only](row)]
    name = str(only).casefold()
    rows = [row for row in shown if name in {str(each).casefold() for each in _names(row)}]
    if not rows:
        raise ChoiceError(
            f"{only!r} is neither undecided, conflicts, low-confidence nor the file name or DOI of a current paper "
            "that has pictures; see curate list papers"
        )
    return rows


def _names(row: Listed) -> Iterable[str | None]:
    yield row["source"]
    yield PurePosixPath(row["source"]).name
    yield PurePosixPath(row["source"]).stem
    yield row["doi"]


def _disputed(row: Listed) -> bool:
    return any(decided["rivals"] for decided in row["decisions"].values())


def _is_doubtful(row: Listed) -> bool:
    return bool(row["flags"]) or any(
        _tone(row, column) == "doubtful" for column in columns() if column.editable
    )


def _panel(row: Listed, root: Path) -> Row:
    cells = {column.name: _text(_panel_cell(row, column)) for column in columns() if column.name != EXPORT}
    cut = row["method"] in _CUT
    return Row(
        key=row["uid"],
        cells=cells,
        basis=_basis(row),
        tones=_tones(row, "panels"),
        picture=root / row["figure_file" if cut else "file"],
        crop=row["box"] if cut else None,
        pixels=row["pixels"],
    )


def _panel_cell(row: Listed, column: Column) -> Value:
    """What a column shows of a panel as `curate list panels` has it."""
    if column.key == "file":
        return PurePosixPath(row["file"]).name
    if column.key == "automatic":
        told = {each.name: _automatic(row, each) for each in columns() if each.editable}
        return "; ".join(f"{name}: {value}" for name, value in told.items() if value)
    if column.key == "link":
        return f"https://doi.org/{row['doi']}" if row["doi"] else ""
    if column.name == "evidence":
        return "; ".join(
            f"{field}: {why['rule']} “{why['text']}” ({why['source']})"
            for field, why in row["evidence"].items()
        )
    if column.name == "confidence":
        return min((why["confidence"] for why in row["evidence"].values()), default=None)
    return _value(row, column)


def _automatic(row: Listed, column: Column) -> Value:
    decided = row["decisions"].get(column.field)
    if decided is None:
        return "" if column.field in ("keep", "note", "reviewer") else _value(row, column)
    return str(decided["automatic"] or "")


def _value(row: Listed, column: Column) -> Value:
    value: Any = row
    for key in column.key.split("."):
        value = value[key]
    if isinstance(value, (list, tuple)):
        return "; ".join(value)
    return value if value is None or isinstance(value, int | float) else str(value)


def _figure(row: Listed, panels: Sequence[Listed], root: Path) -> Row:
    first = _first_file(row)
    boxes = [panel["box"] for panel in panels if panel["figure_file"] == first]
    decided = row["decisions"]
    if PANELS in decided:
        cut = read_choice(decided[PANELS]["value"])
        how = written(cut) if cut else ""
    else:
        whole = bool(first) and boxes == [(0, 0, *row["pictures"][0]["size"])]
        how = "1x1" if whole else written(Choice(boxes=tuple(boxes)))
    made = max(decided.values(), key=lambda each: each["at"], default=None)
    told = {
        "file": PurePosixPath(first).name if first else "",
        "panels": how if first else "",
        "reviewer": made["reviewer"] if made else "",
        "automatic": f"caption: {decided['caption']['automatic']}" if "caption" in decided else "",
    }
    cells = {
        column.name: _text(told[column.key] if column.key in told else _value(row, column))
        for column in columns("figures")
        if column.name != EXPORT
    }
    return Row(
        key=row["uid"],
        cells=cells,
        basis=_basis(row),
        tones=_tones(row, "figures"),
        picture=root / first if first else None,
        boxes=tuple(boxes),
    )


def _first_file(row: Listed) -> str:
    return row["files"][0] if row["files"] else ""


def _conflicts(
    kind: Kind, rows: Iterable[Listed], file: Callable[[Listed], str], root: Path
) -> Iterable[Row]:
    names = {column.field: column.name for column in columns(kind)}
    for row in rows:
        for field, decided in row["decisions"].items():
            for rival in decided["rivals"]:
                told = {
                    "file": PurePosixPath(file(row)).name,
                    "column": names[field],
                    "earlier": _readable(field, decided["value"]),
                    "earlier_reviewer": decided["reviewer"],
                    "earlier_at": decided["at"],
                    "later": _readable(field, rival["value"]),
                    "later_reviewer": rival["reviewer"],
                    "later_at": rival["at"],
                    "choose": "",
                    "reviewer": "",
                    "conflict": str(rival["number"]),
                }
                cells = {
                    column.name: _text(told[column.key])
                    for column in columns("conflicts")
                    if column.name != EXPORT
                }
                yield Row(
                    key=str(rival["number"]),
                    cells=cells,
                    basis={} if decided["basis"] is None else {"earlier": decided["basis"]},
                    picture=root / file(row) if file(row) else None,
                )


def _readable(field: str, value: str) -> str:
    choice = read_choice(value) if field == PANELS else None
    return value if choice is None else written(choice)


def _basis(row: Listed) -> dict[str, int]:
    return {
        field: decided["basis"] for field, decided in row["decisions"].items() if decided["basis"] is not None
    }


def _tones(row: Listed, kind: Kind) -> dict[str, Tone]:
    found = {column.name: _tone(row, column) for column in columns(kind) if column.editable}
    return {name: tone for name, tone in found.items() if tone is not None}


def _tone(row: Listed, column: Column) -> Tone | None:
    decided = row["decisions"].get(column.field)
    if decided is not None:
        changed = decided["value"] != (decided["automatic"] or "")
        return "conflict" if decided["rivals"] else "changed" if changed else None
    why = row.get("evidence", {}).get(_EVIDENCE.get(column.field, column.field))
    if (why is not None and why["confidence"] < SURE) or (
        column.field == "finding" and row["finding"] == "uncertain"
    ):
        return "doubtful"
    return None


_EVIDENCE = {"patient": "id"}


def _text(value: Value) -> Value:
    return cell_text(value) if isinstance(value, str) else value
