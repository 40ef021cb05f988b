"""An audit as a table for the terminal, as JSON, and as a page of HTML with the pictures that are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from covidct_curate.audit import markup
from covidct_curate.audit.finding import KINDS, SEVERITIES, Finding, Severity
from covidct_curate.audit.shortcuts import NAMES
from covidct_curate.errors import DatasetError, in_words
from covidct_curate.forms import visible
from covidct_curate.release.formats.rows import whole
from covidct_curate.release.formats.rows import write_text as _write_text
from covidct_curate.review.thumbnails import Thumbnail, Wish, thumbnails

if TYPE_CHECKING:
    from covidct_curate.audit.examine import Audit

Shortcut = Mapping[str, object]
Groups = list[tuple[Severity, str, list[Finding]]]
Pictures = list[tuple[str, Thumbnail | None]]
"""Names of pictures, and what can be shown of them."""

_FINDINGS, _FILES, _LONGEST = 5, 3, 200
"""What the terminal shows: findings of a kind, files of each, characters of a text."""
_AT_ONCE, _FILES_AT_ONCE, _MOST = 20, 6, 500
"""What the page shows at once of the findings of a kind and of the files of a finding, and at all of either."""
_COMPARED = ("label-contradiction", "duplicate", "near-duplicate")
_SIDE, _ABREAST, _PAIRS = 160, 4, 150
"""Longest side of a thumbnail in pixels, thumbnails of a finding, and findings that have some."""
_SCALE = 200
"""Width of the chart of a shortcut in pixels."""
_ABOUT_SHORTCUTS = (
    "How well the class is told without the anatomy: area under the ROC curve with its 95 % interval. 0.5 is chance; "
    "what a shortcut reaches, a model may have reached by it."
)
_STYLE = """
.verdict { font-size: 1.2rem; }
input[type=checkbox] { margin: 0 .3rem 0 0; }
label { margin-right: 1.2rem; white-space: nowrap; }
section { margin: 1rem 0; padding: .2rem 1rem .8rem; background: var(--card); border-left: 4px solid var(--line); }
section h3 { margin: .5rem 0; font-size: 1.05rem; }
section.error { border-color: var(--error); } section.error h3 span, label.error { color: var(--error); }
section.warning { border-color: var(--warning); } section.warning h3 span, label.warning { color: var(--warning); }
section.note { border-color: var(--note); } section.note h3 span, label.note { color: var(--note); }
#show-error:not(:checked) ~ main section.error, #show-warning:not(:checked) ~ main section.warning,
#show-note:not(:checked) ~ main section.note { display: none; }
ul { margin: .4rem 0; padding-left: 1.2rem; } li { margin: .3rem 0; }
code { font: .88em/1.4 ui-monospace, monospace; }
summary { cursor: pointer; color: var(--soft); }
.files { font-size: .92em; }
.shortcuts td { white-space: nowrap; }
.shortcuts th:last-child, .shortcuts td:last-child { text-align: left; white-space: normal; min-width: 9rem; }
.shortcuts th .soft { display: block; font-weight: normal; font-size: .8rem; }
.pair { display: flex; flex-wrap: wrap; gap: .5rem; }
.pair figure { margin: .3rem 0; width: 160px; }
.pair figcaption { font-size: .75rem; line-height: 1.3; }
svg { color: var(--ink); vertical-align: middle; }
@media (max-width: 40rem) { .shortcuts svg { width: 6rem; } }
@media print { input, label { display: none; } section { display: block !important; } li { break-inside: avoid; } }
"""


def verdict(audit: Audit) -> str:
    """``3 errors, 1 warning, 40 notes``."""
    return ", ".join(_plural(count, severity) for severity, count in _counts(audit).items())


def table(audit: Audit) -> str:
    """The findings by kind, the first of each; the shortcuts; and the verdict. Safe on a terminal."""
    text = ""
    for severity, kind, findings in _grouped(audit):
        fix = _common_fix(findings)
        about = f"{KINDS[kind].meaning} {visible(_cut(fix))}".rstrip()
        text += f"{severity}: {kind} ({len(findings):,})\n  {about}\n"
        text += "".join(f"    {_line(finding, fix)}\n" for finding in findings[:_FINDINGS])
        if len(findings) > _FINDINGS:
            text += f"    … and {len(findings) - _FINDINGS:,} more\n"
        text += "\n"
    if audit.shortcuts:
        text += "How well the class is told without the anatomy (AUC, 95 % interval; 0.5 is chance)\n"
        for name, told in audit.shortcuts.items():
            text += f"  {visible(name):<10} {visible(' '.join(_told(told)))}\n"
        text += "\n"
    text += f"{_plural(len(audit.subject.entries), 'picture')}: {verdict(audit)}\n"
    if any(len(findings) > _FINDINGS for _, _, findings in _grouped(audit)):
        text += "All findings: --format json or --format html\n"
    return text


def as_json(audit: Audit) -> dict[str, Any]:
    """``dataset``, ``counts`` by severity, ``findings`` and ``shortcuts``: what any program can read."""
    subject = audit.subject
    return {
        "dataset": {
            "kind": subject.kind,
            "images": len(subject.entries),
            "positive": whole(subject.positive),
            "negative": whole(subject.negative),
        },
        "counts": dict(_counts(audit)),
        "findings": [
            {
                "kind": finding.kind,
                "severity": finding.severity,
                "files": [whole(file) for file in finding.files],
                "text": whole(finding.text),
                "fix": whole(finding.fix),
            }
            for finding in audit.findings
        ],
        "shortcuts": {name: dict(told) for name, told in audit.shortcuts.items()},
    }


def write_html(audit: Audit, out: Path) -> None:
    """Write the audit as one page that needs nothing else. Raises `DatasetError` when it cannot be written."""
    write_text(_page(audit), out)


def write_text(text: str, out: Path) -> None:
    """Write a text as UTF-8. Raises `DatasetError` when it cannot be written."""
    try:
        _write_text(text, out)
    except OSError as error:
        raise DatasetError(f"{out}: it cannot be written: {in_words(error)}") from error


def _counts(audit: Audit) -> dict[Severity, int]:
    counts = Counter(finding.severity for finding in audit.findings)
    return {severity: counts[severity] for severity in SEVERITIES}


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _grouped(audit: Audit) -> Groups:
    groups = groupby(audit.findings, key=lambda finding: (finding.severity, finding.kind))
    return [(severity, kind, list(members)) for (severity, kind), members in groups]


def _common_fix(findings: Sequence[Finding]) -> str:
    """What mends all of them; ``""`` when that differs."""
    fixes = {finding.fix for finding in findings}
    return fixes.pop() if len(fixes) == 1 else ""


def _line(finding: Finding, common: str) -> str:
    """The finding in a line; where it has more than a pair of files, these in a line of their own."""
    told = visible(_cut(f"{finding.text} {finding.fix if finding.fix != common else ''}".rstrip()))
    files = ", ".join(visible(_cut(file)) for file in finding.files[:_FILES])
    if not files or len(finding.files) <= 2:
        return f"{files}: {told}" if files else told
    more = len(finding.files) - _FILES
    return f"{told}\n      {files}{f' and {more:,} more' if more > 0 else ''}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _told(told: Shortcut) -> tuple[str, str]:
    """``0.956 [0.930, 0.973]`` and how that was had; else why nothing can be said."""
    area = _area(told)
    if area is None:
        return "not told:", str(told.get("why", ""))
    return "{:.3f} [{:.3f}, {:.3f}]".format(*area), str(told.get("how", ""))


def _area(told: Shortcut) -> tuple[float, float, float] | None:
    values = [told.get(name) for name in ("auc", "low", "high")]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None


# the page ----------------------------------------------------------------------------------------------


def _page(audit: Audit) -> str:
    name = audit.subject.path.absolute().name or str(audit.subject.path)
    body = (
        f"<h1>Audit of {markup.text(name)}</h1>\n"
        f'<p class="verdict"><strong>{markup.text(verdict(audit))}</strong> '
        f"in {_plural(len(audit.subject.entries), 'picture')}</p>\n"
    )
    if audit.shortcuts:
        body += f"<h2>Shortcuts</h2>\n{_shortcuts(audit.shortcuts)}"
    body += "<h2>Findings</h2>\n"
    for severity, count in _counts(audit).items():
        body += f'<input type="checkbox" id="show-{severity}" checked>'
        body += f'<label class="{severity}" for="show-{severity}">{_plural(count, severity)}</label>\n'
    compared = _compared(audit)
    body += "<main>\n" + "".join(_section(*group, compared) for group in _grouped(audit)) + "</main>\n"
    if not audit.findings:
        body += "<p>Nothing was found.</p>\n"
    if compared:
        body += '<p class="soft">The pictures shown here keep the licences of their sources.</p>\n'
    return markup.document(f"{name}: audit", body, _STYLE)


def _shortcuts(shortcuts: Mapping[str, Shortcut]) -> str:
    rows = ""
    for name, told in shortcuts.items():
        area = _area(told)
        words, how = (markup.text(each) for each in _told(told))
        chart = _chart(*area) if area else ""
        title = f'{markup.text(name)} <span class="soft">{markup.text(NAMES.get(name, ""))}</span>'
        rows += f'<tr><th scope="row">{title}</th><td>{words}</td><td>{chart}</td><td>{how}</td></tr>\n'
    head = "".join(f'<th scope="col">{each}</th>' for each in ("told by", "AUC [95 %]", "0 to 1", "how"))
    return f'<p>{_ABOUT_SHORTCUTS}</p>\n<div class="wide"><table class="shortcuts">\n<tr>{head}</tr>\n{rows}</table></div>\n'


def _chart(area: float, low: float, high: float) -> str:
    """An interval on a line from 0 to 1, with a mark at 0.5."""
    at, start, end = (round(8 + each * (_SCALE - 16), 1) for each in (area, low, high))
    middle = _SCALE / 2
    return (
        f'<svg viewBox="0 0 {_SCALE} 24" width="{_SCALE}" height="24" role="img" aria-label="{area:.3f} between {low:.3f} and {high:.3f}">'
        f'<line x1="8" y1="12" x2="{_SCALE - 8}" y2="12" stroke="currentColor" stroke-opacity=".3"/>'
        f'<line x1="{middle}" y1="3" x2="{middle}" y2="21" stroke="currentColor" stroke-dasharray="2 2"/>'
        f'<line x1="{start}" y1="12" x2="{end}" y2="12" stroke="#D55E00" stroke-width="5"/>'
        f'<circle cx="{at}" cy="12" r="5" fill="#D55E00"/></svg>'
    )


def _compared(audit: Audit) -> dict[Finding, Pictures]:
    """The pictures of the first findings that compare some, unless none of theirs can be shown."""
    paths = {entry.name: entry.path for entry in audit.subject.entries}
    findings = [finding for finding in audit.findings if finding.kind in _COMPARED][:_PAIRS]
    names = {name for finding in findings for name in finding.files[:_ABREAST] if name in paths}
    wishes = {name: Wish(paths[name], _SIDE) for name in sorted(names)}
    made = thumbnails(wishes.values())
    small = {name: made[wish] for name, wish in wishes.items() if wish in made}
    return {
        finding: [(name, small.get(name)) for name in finding.files[:_ABREAST]]
        for finding in findings
        if any(name in small for name in finding.files[:_ABREAST])
    }


def _section(
    severity: Severity, kind: str, findings: list[Finding], compared: Mapping[Finding, Pictures]
) -> str:
    common = _common_fix(findings)
    items = [_item(finding, common, compared.get(finding, [])) for finding in findings[:_MOST]]
    more = len(findings) - _MOST
    if more > 0:
        items.append(f"<li>… and {more:,} more; --format json tells them all</li>\n")
    return (
        f'<section class="{severity}">\n<h3><span>{severity}</span> {markup.text(kind)} ({len(findings):,})</h3>\n'
        f'<p>{markup.text(KINDS[kind].meaning)} <span class="soft">{markup.text(common)}</span></p>\n'
        f"{_folded(items)}</section>\n"
    )


def _folded(items: Sequence[str]) -> str:
    """Items of a list; those after the first are shown when asked for."""
    text = f"<ul>\n{''.join(items[:_AT_ONCE])}</ul>\n"
    if len(items) > _AT_ONCE:
        summary = f"<summary>{len(items) - _AT_ONCE:,} more</summary>"
        text += f"<details>{summary}<ul>\n{''.join(items[_AT_ONCE:])}</ul>\n</details>\n"
    return text


def _item(finding: Finding, common: str, pictures: Pictures) -> str:
    told = markup.text(finding.text, 1000)
    if finding.fix != common:
        told += f' <span class="soft">{markup.text(finding.fix, 1000)}</span>'
    if pictures:
        side_by_side = "".join(_figure(name, small) for name, small in pictures)
        left = finding.files[len(pictures) :]
        return f'<li>{told}\n<div class="pair">{side_by_side}</div>{_files(left)}</li>\n'
    if len(finding.files) == 1:
        return f"<li><code>{markup.text(finding.files[0])}</code> {told}</li>\n"
    return f"<li>{told}{_files(finding.files)}</li>\n"


def _figure(name: str, small: Thumbnail | None) -> str:
    image = ""
    if small:
        size = f' width="{small.width}" height="{small.height}"'
        image = markup.picture(small.content, "jpeg", "", size)
    return f"<figure>{image}<figcaption><code>{markup.text(name)}</code></figcaption></figure>"


def _files(files: Sequence[str]) -> str:
    """Names one after the other; of many, those after the first are shown when asked for."""
    if not files:
        return ""
    names = [f"<code>{markup.text(name)}</code>" for name in files[:_MOST]]
    if len(files) > _MOST:
        names.append(f"… and {len(files) - _MOST:,} more; --format json tells them all")
    text = f'\n<p class="files">{", ".join(names[:_FILES_AT_ONCE])}</p>\n'
    if len(names) > _FILES_AT_ONCE:
        summary = f"<summary>{len(files) - _FILES_AT_ONCE:,} more</summary>"
        text += f'<details>{summary}<p class="files">{", ".join(names[_FILES_AT_ONCE:])}</p></details>\n'
    return text
