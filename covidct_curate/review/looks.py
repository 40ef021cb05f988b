"""How the cells of a workbook look: what a reviewer may change, and what needs an eye, tell by their colours."""

from __future__ import annotations

from functools import cache
from typing import Any

from covidct_curate.review.table import Tone

TONES: dict[Tone, tuple[str, str]] = {
    "changed": ("#CDE8CF", "a reviewer's value"),
    "doubtful": ("#FFE3A3", "read from the paper, but not sure: please check"),
    "conflict": ("#F7C1BB", "two reviewers decided differently: see the sheet “conflicts”"),
}
"""Colour of each tone, and what it tells."""
_LOCKED, _EDITABLE = "#EDEDED", "#FFFFFF"
_HEAD_LOCKED, _HEAD_EDITABLE = "#C9CDD1", "#1F5A87"
_LINES, _INK, _FAINT, _LINK = "#CFCFCF", "#000000", "#4A4A4A", "#0B5394"


class Looks:
    """The formats of one workbook, each made once."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._format = cache(self._made)
        self.plain = workbook.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
        """Of cells below the rows."""

    def text(self, tone: Tone | None = None, *, editable: bool, quoted: bool = False) -> Any:
        """Of text; ``quoted`` where a program might take it for a formula."""
        return self._format(tone, editable, "quoted" if quoted else "text")

    def number(self, tone: Tone | None = None, *, editable: bool) -> Any:
        """Of a number."""
        return self._format(tone, editable, "number")

    def link(self, tone: Tone | None = None, *, editable: bool) -> Any:
        """Of an address."""
        return self._format(tone, editable, "link")

    def head(self, *, editable: bool) -> Any:
        """Of a column's name."""
        return self._format(None, editable, "head")

    def _made(self, tone: Tone | None, editable: bool, kind: str) -> Any:
        if kind == "head":
            colours = (_HEAD_EDITABLE, "#FFFFFF") if editable else (_HEAD_LOCKED, _INK)
            return self._workbook.add_format(
                {"bold": True, "bg_color": colours[0], "font_color": colours[1], "border": 1,
                 "border_color": _LINES, "valign": "vcenter"}
            )  # fmt: skip
        ground = TONES[tone][0] if tone else _EDITABLE if editable else _LOCKED
        look: dict[str, object] = {"valign": "top", "border": 1, "border_color": _LINES, "bg_color": ground}
        look["font_color"] = _LINK if kind == "link" else _INK if editable else _FAINT
        if kind != "number":
            look |= {"text_wrap": True, "num_format": "@"}
        if kind == "number":
            look["align"] = "center"
        if kind == "link":
            look["underline"] = 1
        if kind == "quoted":
            look["quote_prefix"] = True
        return self._workbook.add_format(look)
