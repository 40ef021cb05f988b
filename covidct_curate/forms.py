"""Lists as JSON Lines for programs, CSV for spreadsheets, and a table for the terminal."""

from __future__ import annotations

import csv
import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import TextIO

Row = Mapping[str, object]

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_ENDS = re.compile("[\x7f-\x9f\u2028\u2029]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_GAP, _LONGEST = 2, 500
_COLUMNS = {
    "preprints": ("posted", "doi", "version", "licence", "state", "title"),
    "papers": ("source", "doi", "version", "pages", "figures", "notes"),
    "figures": ("uid", "source", "label", "page", "binding", "caption"),
    "panels": (
        *("uid", "figure_label", "label", "modality", "finding", "age", "gender", "keep", "reviewer"),
        *("subcaption", "file"),
    ),
    "pictures": ("file", "size", "modality", "panels"),
    "rows": ("File name", "modality", "finding", "Age", "Gender", "Time", "Severity"),
    "decisions": ("uid", "field", "old", "new", "reviewer", "at", "state"),
    "failures": ("source", "stage", "reason"),
    "fields": ("first", "second", "field", "pictures", "agreement", "kappa", "disagreements"),
    "disagreements": ("uid", "file", "field", "first", "first_value", "second", "second_value"),
}
"""What of each list a terminal shows."""


def visible(text: str) -> str:
    """Text that is safe on a terminal: control, formatting and undecodable characters are spelt out."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else character
        for character in text
    )


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


def write_table(kind: str, listed: Iterable[Row], out: TextIO) -> None:
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


FORMS: Mapping[str, Callable[[str, Iterable[Row], TextIO], None]] = {
    "table": write_table,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
}
"""How a list of that kind is written to a text stream."""
