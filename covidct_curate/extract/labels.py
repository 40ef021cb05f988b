"""Figure and table labels: "FIG. IV:", "Suppl. Figure 2", "S1 Fig." → ``Figure 4``, ``Figure S2``, ``Figure S1``.

A label is only ever read at the start of a text. What follows it decides whether the line is a caption or
a sentence of the body ("Figure 3 shows …"); that is the caller's judgement, by the document's own style.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_HEAD = 240
"""Characters of a text that are looked at: no label is longer."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label as a paper prints it, and its normal form."""

    kind: str
    """``Figure``, ``Scheme``, ``Chart``, ``Graph``, ``Plate``, ``Table``, ``Box``, …"""
    supplement: str
    """``""``, ``S``, ``Extended Data`` or ``Appendix`` (``Appendix 1`` where appendices are numbered)."""
    number: str
    """``1``, ``S2``, ``A1``, ``1.2``, ``2 figure supplement 1``; ``""`` for a lone "Figure:"."""
    panel: str
    """Panel letters glued to the number, as printed: ``B`` in "Figure 2B", ``A`` in "Figure 1-A."."""
    plural: bool
    """Printed as "Figures", "Figs."."""
    text: str
    """The normal form without the panel: ``Figure S2``, ``Extended Data Figure 3``."""
    end: int
    """Index in the given text behind the label and the marks that close it, at the first word after."""


def parse_label(text: str) -> Label | None:
    """The figure label ``text`` starts with, None where it starts with none.

    Leading spaces and stray marks (``*``, ``†``, bullets) are passed over. ``Label.text`` is a fixed point:
    ``parse_label(label.text).text == label.text``.
    """
    return _parse(text, _FIGURE, _FIGURE_PLOS)


def parse_table(text: str) -> Label | None:
    """As `parse_label`, for what is labelled like a figure and is none: tables, boxes, algorithms."""
    return _parse(text, _TABLE, _TABLE_PLOS)


def fold(text: str) -> str:
    """``text`` in ASCII-like characters where one stands for one, so that indices stay true.

    All spaces and zero-width characters become spaces, all dashes ``-``, digits of every script and single
    Roman numeral signs 0-9, full-width and mathematical letters plain ones. Superscripts stay as they are.
    """
    return text.translate(_FOLD)


class _Fold(dict[int, str]):
    """Folds a character when it is first asked for."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_one(chr(code))
        return folded


def _fold_one(char: str) -> str:
    category = unicodedata.category(char)
    if char.isspace() or category in ("Cf", "Cc"):
        return " "
    if category == "Pd" or char == "\N{MINUS SIGN}":
        return "-"
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Nl" and unicodedata.numeric(char, 0.0) in range(1, 10):
        return str(int(unicodedata.numeric(char)))
    if unicodedata.decomposition(char).startswith(("<super>", "<sub>")):
        return char
    plain = unicodedata.normalize("NFKC", char)
    return plain if len(plain) == 1 else char


_FOLD = _Fold((code, chr(code)) for code in range(33, 127))

_LEAD = r"[ *†‡§•◦●○■□▪▫▶►◆◇#>_~|]*"
_SUPPLEMENT = r"""(?:
      (?P<supplement> supplement(?:ary|al|s)? | supp(?:l|lem)? | supporting | additional[ ]file[ ][0-9]{1,3}
        | additional | online(?:[ -]only)? | web | esm | si
      ) [.:,]?[ _-]* (?:(?:information|info|material|materials|data|online)[.:,]?[ ]+)?
    | (?P<glued> e[ -]? | s ) (?= fig | ﬁg | tab | box )
    )?"""
_EXTENDED = r"""(?:
      (?P<extended> extended[ ]+(?:data[ ]+)? | ed[ ]+ )
    | (?P<appendix> appendix [ ]* (?P<chapter>[a-z](?![a-z])|[0-9]{1,2})? [ ]* [-:,.]? [ ]* )
    )?"""
_FIGURES = r"""
    (?P<figure> (?: f[ ]?ig[ ]?ure | ﬁgure | figura | figur | abbildung ) | (?P<short> f[ ]?ig | ﬁg | abb ) )
    (?P<plural> s(?![ .]?[0-9]) | s(?=[ .]+[0-9]) | n(?![a-z]) )?
  | (?P<other> scheme | chart | graph | plate | image | picture | photograph | photo | illustration | diagram
    ) (?P<others> s )?
  | (?P<abstract> graphical[ ]+abstract | visual[ ]+abstract )
  | (?P<han> [图圖図] ) (?=[ ]*[0-9s])"""
_TABLES = r"""
    (?P<figure> table | tabelle | tabla | tableau | tabella ) (?P<plural> s(?![ .]?[0-9]) | s(?=[ .]+[0-9]) )?
  | (?P<short> tabs? (?=[. ]) )
  | (?P<other> box | algorithm | listing ) (?P<others> e?s )?
  | (?P<han> 表 ) (?=[ ]*[0-9s])"""
_NUMBER = r"""
    (?P<dot> [ ]*[.]? ) [ _-]* (?: (?:no|nr|number|n[°º])[.]?[ ]* (?=[a-z]?[0-9]) | [#][ ]* )?
    (?: (?P<within> suppl?(?:ement(?:ary|al)?)? ) [. ]* (?=s?[0-9]) )?
    (?: (?P<number>
          (?P<letters> s[ ]? (?=[.-]?[0-9]) | s?[a-z]{0,2} ) [.-]?
          [0-9]{1,3}(?![0-9]) (?: [.-] [0-9]{1,3} (?![0-9]) )*
        )
        (?P<panel> [a-z] (?: [-,&][ ]?[a-z] (?![a-z]) )* (?![a-z]) | -[a-z] (?= [ ]*[.:)|] | [ ]*$ ) )?
        (?: [ ]* [-:,]* [ ]* (?: figure[ ]+ )? supplement [ ]+ (?P<part> [0-9]{1,3} ) (?![0-9]) )?
      | (?P<roman> [ivx]{1,6} ) (?![a-z0-9])
      | (?P<letter> s?[a-z] ) (?= [ ]*[.:)|] | [ ]+-[ ] | [ ]*$ )
    )?"""
_STOP = re.compile(r"(?:[ .:|)*]|-(?![0-9]))*")
_LONE = re.compile(r" *(?:$|[.:|)]| - )")
_ROMAN = re.compile(r"X{0,3}(?:IX|IV|V?I{0,3})")


def _compile(kinds: str) -> re.Pattern[str]:
    whole = rf"{_LEAD} {_SUPPLEMENT} {_EXTENDED} (?:{kinds}) (?: (?![a-z]) | (?=s[0-9]) ) {_NUMBER}"
    return re.compile(whole, re.X | re.I | re.A)


def _compile_plos(*kinds: str) -> re.Pattern[str]:
    number = rf"{_LEAD} s(?P<number>[0-9]{{1,3}}) [ ]? (?P<panel>[a-z](?=[ ]))? [ _]+"
    return re.compile(rf"{number} (?P<kind>{'|'.join(kinds)}) (?![a-z0-9])", re.X | re.I | re.A)


_FIGURE, _TABLE = _compile(_FIGURES), _compile(_TABLES)
_FIGURE_PLOS = _compile_plos("figure", "fig", "ﬁgure", "ﬁg", "scheme", "chart", "graph")
_TABLE_PLOS = _compile_plos("table", "tab", "box", "algorithm")


def _parse(text: str, pattern: re.Pattern[str], plos: re.Pattern[str]) -> Label | None:
    head = fold(text[:_HEAD])
    if found := plos.match(head):
        kind, number = _kind(found["kind"]), "S" + found["number"]
        end = _stop(head, found.end())
        return Label(kind, "S", number, found["panel"] or "", False, f"{kind} {number}", end)
    found = pattern.match(head)
    if found is None:
        return None
    part = found.groupdict()
    kind = _kind(part.get("figure") or part.get("short") or part.get("other") or "")
    if part.get("abstract"):
        return Label(
            "Graphical abstract", "", "", "", False, "Graphical abstract", _stop(head, found.end("abstract"))
        )
    if part.get("han"):
        kind = "Figure" if pattern is _FIGURE else "Table"
    plural = bool(part.get("plural") or part.get("others"))
    full_stop = "." in part["dot"] and not part.get("short")
    number, end = _number(part, found, full_stop)
    extended = "Extended Data " if part["extended"] else ""
    if part["appendix"]:
        extended = "Appendix " + (part["chapter"].upper() + " " if part["chapter"] else "")
    supplement = extended.rstrip()
    if not number:
        end = found.start("dot")
        if plural or not _LONE.match(head, end):
            return None
    elif part["supplement"] or part["glued"] or part["within"]:
        number = "S" + number.lstrip("S")
    if number.startswith("S") and not supplement:
        supplement = "S"
    panel = (part["panel"] or "").lstrip("-") if number else ""
    if number and part["part"]:
        number += f" figure supplement {part['part']}"
    return Label(
        kind, supplement, number, panel, plural, f"{extended}{kind} {number}".rstrip(), _stop(head, end)
    )


def _kind(word: str) -> str:
    word = word.lower().replace(" ", "")
    if word.startswith(("fig", "ﬁg", "abb")):
        return "Figure"
    return "Table" if word.startswith("tab") else word.capitalize()


def _number(part: dict[str, str | None], found: re.Match[str], full_stop: bool) -> tuple[str, int]:
    """The number in its normal form and where it ends; ``("", 0)`` where what follows is the caption's.

    Behind "Figure." (a whole word with a full stop) letters begin the caption: "Figure. T2-weighted MRI".
    """
    if part["number"]:
        letters = (part["letters"] or "").strip().upper()
        if full_stop and letters not in ("", "S"):
            return "", 0
        number = part["number"].upper().replace(" ", "")
        return ("S" + number[1:].lstrip(".-") if letters == "S" else number), found.end()
    if part["roman"]:
        digits, end = part["roman"].upper(), found.end()
        closed = _LONE.match(found.string, end) is not None
        if not closed and (full_stop or part["roman"] != digits):
            return "", 0
        if digits == "X":  # far more often a number still to be filled in than a tenth figure
            return digits, end
        if _ROMAN.fullmatch(digits):
            return str(_roman(digits)), end
        return (digits, end) if len(digits) == 1 else ("", 0)
    return (part["letter"] or "").upper(), found.end()


def _roman(digits: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10}[d] for d in digits]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))


def _stop(head: str, end: int) -> int:
    found = _STOP.match(head, end)
    return found.end() if found else end
