"""The statistics of a dataset as a table for the terminal, and as a folder: a page, figures and numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from covidct_curate.audit import markup
from covidct_curate.audit.plots import FILES, draw
from covidct_curate.audit.statistics import Extent, Group, Statistics
from covidct_curate.audit.subject import Subject
from covidct_curate.errors import ChoiceError, DatasetError, in_words
from covidct_curate.forms import visible
from covidct_curate.release.formats.rows import write_text

PAGE, NUMBERS = "index.html", "statistics.json"
_MARK = "curate stats"
"""What the numbers say of who wrote them."""
_OURS = frozenset({PAGE, NUMBERS, *(f"{file}.{form}" for file in FILES.values() for form in ("png", "svg"))})
_MOST = 50
"""Rows of a table; the rest is counted."""
_NAME = 60
_KINDS: Mapping[str, str] = {
    "workspace": "A workspace",
    "release": "A release",
    "covid-ct": "A folder like COVID-CT",
    "chestxray": "A folder like covid-chestxray-dataset",
}
_ALT: Mapping[str, str] = {
    "ages": "Histogram of ages in decades, by class.",
    "genders": "Share of male and female people of each class.",
    "figures": "Number of papers by how many of their figures are in the dataset.",
    "examples": "Pictures of each class, of different patients as far as there are.",
}


@dataclass(frozen=True, slots=True)
class _Table:
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]


def table(statistics: Statistics) -> str:
    """The numbers as plain text, a table after the other, for a terminal."""
    blocks = [_plain(each) for each in _tables(statistics)]
    return "\n".join([*blocks, *[f"{note}\n" for note in _notes(statistics)]])


def write_statistics(subject: Subject, statistics: Statistics, out: Path) -> Path:
    """Write the page, the figures (PNG and SVG) and the numbers (JSON) into the folder ``out``; the page's path.

    The same dataset gives the same bytes. Raises `ChoiceError` when the folder holds anything that this did not write,
    `DatasetError` when it cannot be written.
    """
    drawn = draw(statistics, subject)
    try:
        _check(out)
        out.mkdir(parents=True, exist_ok=True)
        numbers = {"made_by": _MARK, "dataset": subject.kind, **asdict(statistics)}
        told = json.dumps(numbers, indent=1, ensure_ascii=False, allow_nan=False)
        write_text(f"{told}\n", out / NUMBERS)  # first: it tells whose the folder is
        written = {PAGE, NUMBERS}
        for name, forms in drawn.items():
            for form, content in forms.items():
                file = f"{FILES[name]}.{form}"
                (out / file).write_bytes(content)
                written.add(file)
        for file in _OURS - written:
            (out / file).unlink(missing_ok=True)
        write_text(_page(subject, statistics, drawn), out / PAGE)
    except OSError as error:
        raise DatasetError(f"{out}: the statistics cannot be written: {in_words(error)}") from error
    return out / PAGE


def _check(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise ChoiceError(f"{out}: it is a file; name a folder")
    inside = {each.name for each in out.iterdir()}
    if inside and (inside - _OURS or not _is_ours(out / NUMBERS)):
        raise ChoiceError(
            f"{out}: it holds other files; name a folder that is not there yet, or an empty one"
        )


def _is_ours(path: Path) -> bool:
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("made_by") == _MARK


# numbers -----------------------------------------------------------------------------------------------


def _tables(statistics: Statistics) -> list[_Table]:
    classes = statistics.classes
    every = (*classes, statistics.total) if len(classes) != 1 else classes
    tables = [_counted("Classes", "class", every, statistics.total)]
    if any(each.name for each in statistics.sources):
        tables.append(_counted("Sources", "source", statistics.sources, statistics.total))
    if any(each.name for each in statistics.modalities):
        tables.append(_counted("Modalities", "modality", statistics.modalities, statistics.total))
    head = ("class", *(f"{side} {what}" for side in ("height", "width") for what in ("min", "mean", "max")))
    tables.append(
        _made("Sizes in pixels", head, every, lambda each: (*_sides(each.height), *_sides(each.width)))
    )
    total = statistics.total
    if total.ages or total.genders["M"] or total.genders["F"]:
        head = ("class", statistics.people, "age known", "male", "female", "gender not known")
        tables.append(_made(f"Ages and genders, of {statistics.people}", head, every, _persons))
    return tables


def _counted(caption: str, of: str, groups: Sequence[Group], total: Group) -> _Table:
    outside = bool(total.parts) and sum(total.parts.values()) < total.images
    head = (of, "images", "patients", "papers", *total.parts, *["no part"] * outside)

    def cells(group: Group) -> tuple[int, ...]:
        parts = [group.parts.get(part, 0) for part in total.parts]
        rest = [group.images - sum(parts)] * outside
        return (group.images, group.patients, group.papers, *parts, *rest)

    return _made(caption, head, groups, cells)


def _made(
    caption: str,
    head: tuple[str, ...],
    groups: Sequence[Group],
    cells: Callable[[Group], tuple[str | int, ...]],
) -> _Table:
    shown = groups if len(groups) <= _MOST else groups[: _MOST - 1]
    rows: list[tuple[str | int, ...]] = [(each.name or "not known", *cells(each)) for each in shown]
    if len(shown) < len(groups):
        rows.append((f"… and {len(groups) - len(shown):,} more", *[""] * (len(head) - 1)))
    return _Table(caption, head, tuple(rows))


def _sides(extent: Extent | None) -> tuple[str | int, ...]:
    return (extent.least, round(extent.mean), extent.most) if extent else ("", "", "")


def _persons(group: Group) -> tuple[int, ...]:
    genders = group.genders
    return sum(genders.values()), group.ages, genders["M"], genders["F"], genders[""]


def _notes(statistics: Statistics) -> list[str]:
    total, notes = statistics.total, []
    if not total.images:
        return ["There are no images."]
    if not total.patients:
        notes.append("No patient is known: what is told of people is counted by images.")
    if not total.ages:
        notes.append("No age is known.")
    elif statistics.open_ages:
        notes.append(f"Ages without an upper or a lower end, such as 50+: {statistics.open_ages:,}.")
    if not (total.genders["M"] or total.genders["F"]):
        notes.append("No gender is known.")
    if not total.papers:
        notes.append("No paper is known.")
    if statistics.unread:
        names = ", ".join(visible(name[:_NAME]) for name in statistics.unread[:3])
        more = ", …" if len(statistics.unread) > 3 else ""
        notes.append(f"Images that cannot be read: {len(statistics.unread):,} ({names}{more}).")
    return notes


# for people --------------------------------------------------------------------------------------------


def _plain(given: _Table) -> str:
    from rich.cells import cell_len, set_cell_size

    lines = [
        [f"{cell:,}" if isinstance(cell, int) else visible(cell[:_NAME]) for cell in row]
        for row in (given.head, *given.rows)
    ]
    widths = [max(map(cell_len, cells)) for cells in zip(*lines, strict=True)]
    text = f"{given.caption}\n"
    for first, *rest in lines:
        cells = [set_cell_size(first, widths[0])]
        cells += [" " * (width - cell_len(cell)) + cell for cell, width in zip(rest, widths[1:], strict=True)]
        text += "  ".join(cells).rstrip() + "\n"
    return text


def _page(subject: Subject, statistics: Statistics, drawn: Mapping[str, Mapping[str, bytes]]) -> str:
    total = statistics.total
    name = subject.path.absolute().name or str(subject.path)
    body = (
        f"<h1>{markup.text(name)}</h1>\n"
        f'<p class="soft">{_KINDS[subject.kind]}: {total.images:,} images of {total.patients:,} known patients '
        f"from {total.papers:,} known papers</p>\n"
    )
    body += "".join(markup.table(each.caption, each.head, each.rows) for each in _tables(statistics))
    body += "".join(f"<p>{markup.text(note, 1000)}</p>\n" for note in _notes(statistics))
    body += "".join(
        "<figure>"
        + (
            markup.picture(forms["png"], "png", _ALT[name])
            if name == "examples"
            else markup.picture(forms["svg"], "svg+xml", _ALT[name])
        )
        + f'<figcaption class="soft">{FILES[name]}.png, {FILES[name]}.svg</figcaption></figure>\n'
        for name, forms in drawn.items()
    )
    body += (
        '<p class="soft">Patients and papers are those that are known. A patient counts once, with the age and gender '
        "told of most of their images; an age given as a range counts at its middle. The pictures shown here keep the "
        "licences of their sources.</p>\n"
    )
    return markup.document(f"{name}: statistics", body)
