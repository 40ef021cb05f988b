"""HTML of a page that is whole in itself: no script, nothing from elsewhere, all text escaped."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

from covidct_curate.forms import visible

Cells = Sequence[str | int]

_LONGEST = 300
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --ground: #fff; --soft: #5c5c5c; --line: #d5d5d5;
  --card: #f6f6f6; --error: #b3261e; --warning: #8a5a00; --note: #275d9c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --ground: #171717; --soft: #a8a8a8;
  --line: #3c3c3c; --card: #222; --error: #ff8a80; --warning: #f5b94a; --note: #8ab8f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; color: var(--ink); background: var(--ground);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; }
.soft { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .6rem 0 .2rem; }
th, td { padding: .2rem .7rem .2rem 0; text-align: right; border-bottom: 1px solid var(--line);
  overflow-wrap: normal; }
th:first-child, td:first-child { text-align: left; min-width: 8rem; overflow-wrap: anywhere; }
figure { margin: 1rem 0; }
figure img { max-width: 100%; height: auto; background: #fff; }
@media (max-width: 40rem) { th, td { padding-right: .45rem; font-size: .8rem; }
  th:first-child, td:first-child { min-width: 6.5rem; } }
@media print { :root { --ink: #000; --ground: #fff; --soft: #444; --card: #fff; --line: #bbb;
  --error: #b3261e; --warning: #8a5a00; --note: #275d9c; } html { font-size: 11px; }
  body { max-width: none; font-size: 1rem; } table, figure { break-inside: avoid; }
  h2, h3 { break-after: avoid; } }
"""


def text(value: str, longest: int = _LONGEST) -> str:
    """Hostile text as text of a page or of a quoted attribute: escaped, control characters spelt out, cut if long."""
    shown = value if len(value) <= longest else f"{value[: longest - 1]}…"
    return html.escape(visible(shown))


def document(title: str, body: str, style: str = "") -> str:
    """A whole page. ``title`` is text, ``body`` and ``style`` are markup."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{text(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def table(caption: str, head: Sequence[str], rows: Iterable[Cells]) -> str:
    """A table; all cells are text, numbers are written with commas."""
    lines = ["".join(f'<th scope="col">{text(cell)}</th>' for cell in head)]
    for first, *rest in rows:
        cells = "".join(f"<td>{number(cell)}</td>" for cell in rest)
        lines.append(f'<th scope="row">{number(first)}</th>{cells}')
    inside = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table>\n<caption>{text(caption)}</caption>\n{inside}\n</table></div>\n'


def number(cell: str | int) -> str:
    """A cell as text: numbers with commas."""
    return f"{cell:,}" if isinstance(cell, int) else text(cell)


def picture(content: bytes, kind: str, alt: str, attributes: str = "") -> str:
    """A picture inside the page. ``kind``: ``png``, ``jpeg`` or ``svg+xml``; ``attributes`` are markup."""
    data = base64.b64encode(content).decode()
    return f'<img src="data:image/{kind};base64,{data}" alt="{text(alt)}"{attributes}>'
