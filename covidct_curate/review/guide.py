"""The sheet "read me": how to use a workbook."""

from __future__ import annotations

from typing import Any

from covidct_curate.columns import Kind, columns
from covidct_curate.review.looks import TONES, Looks
from covidct_curate.review.table import Book

_LINES = (
    "Each row of “MetaInfo” is a picture; each row of “figures” is the whole figure that it was cut from.",
    "keep: yes or no decides about the picture, and confirms all values of its row in your name.",
    "Change any cell under a dark blue header. A cell that you make blank clears its value.",
    "Cells under a grey header are read again from the catalogue: a change in them is reported, not applied.",
    "reviewer: leave it as it is, or type a name that stands for the row in place of the one given to the import.",
    "panels, in “figures”: 2x3 cuts two rows of three; or a box each, left,top,right,bottom: 0,0,300,280; 310,0,600,280.",
    "conflicts, where there are any: choose earlier or later, or leave the cell blank to decide another time.",
    "Sorting, filtering, hiding and deleting rows, adding columns and renaming the file or a sheet do no harm.",
    "Leave the names of the columns and the hidden columns uid, conflict and export as they are.",
    "Save the file, then: curate sheet import FILE --reviewer NAME (with --dry-run it only says what it would do).",
)
_WIDTH = 120
"""Of the column of texts, in characters."""
_COUNTED: dict[Kind, str] = {"panels": "pictures", "figures": "figures", "conflicts": "conflicts"}


def write_guide(sheet: Any, book: Book, looks: Looks) -> None:
    """Write what the file is, how to use it, what its colours mean and which export it is."""
    sheet.set_column(0, 0, 24, looks.plain)
    sheet.set_column(1, 1, _WIDTH, looks.plain)
    sheet.hide_gridlines(2)
    sheet.set_portrait()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    line = 0

    def tell(name: str, text: str, look: Any = None) -> None:
        nonlocal line
        sheet.write_string(line, 0, name, look or looks.plain)
        sheet.write_string(line, 1, text, looks.plain)
        sheet.set_row_pixels(line, 20 * -(-len(text) // _WIDTH))
        line += 1

    def head(text: str) -> None:
        nonlocal line
        line += line > 0
        sheet.write_string(line, 0, text, looks.head(editable=False))
        sheet.write_blank(line, 1, None, looks.head(editable=False))
        line += 1

    head("What this is")
    tell("", "Pictures taken from papers, with what the papers say of them, for people to check and correct.")
    head("How to use it")
    for number, text in enumerate(_LINES, 1):
        tell(f"{number}.", text)
    head("Colours")
    tell("white", "yours to change", looks.text(editable=True))
    tell("grey", "not to be changed here", looks.text(editable=False))
    for (tone, (_, meaning)), colour in zip(TONES.items(), ("green", "amber", "red"), strict=True):
        tell(colour, meaning, looks.text(tone, editable=True))
    head("Columns to change")
    told = set()
    for kind in _COUNTED:
        for column in columns(kind):
            if column.editable and column.name not in told:
                told.add(column.name)
                tell(column.name, column.meaning)
    head("This file")
    tell("export", book.export)
    for kind, name in _COUNTED.items():
        tell(name, f"{len(book.rows(kind)):,}")
