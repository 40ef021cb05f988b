"""Figures of a dataset: ages, genders, examples, figures a paper. Each drawn the same on every run."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING

from PIL import Image

from covidct_curate.audit.statistics import DECADES, Statistics
from covidct_curate.audit.subject import Entry, Subject
from covidct_curate.forms import visible
from covidct_curate.review.thumbnails import Thumbnail, Wish, thumbnails

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILES: Mapping[str, str] = {
    "ages": "ages",
    "genders": "genders",
    "figures": "figures-a-paper",
    "examples": "examples",
}
"""Each plot and what its files are called, without ending."""
_COLOURS = ("#D55E00", "#0072B2", "#E69F00", "#56B4E9", "#009E73", "#F0E442")
"""Told apart by the colour-blind (Okabe and Ito): those of the classes, in their order."""
_REST, _MALE, _FEMALE = "#999999", "#0072B2", "#E69F00"
_MOST_CLASSES, _MOST_ROWS = len(_COLOURS), 4
"""Classes with a colour of their own, and classes of which examples are shown."""
_ACROSS, _DOWN, _CELL = 8, 2, 180
"""Examples in a row, rows a class, and the side of each in pixels."""
_NARROW = 12
"""Percent below which a share has no room for its label, which lies on the other one then."""
_HEADING = 60
"""Height of a class's heading above its examples in pixels."""
_MOST_BARS = 12
"""Bars of figures a paper; the last one is of all papers with more."""
_GROUND, _GAP = 225, 3
"""Grey level around an example, and width of the white between cells in pixels."""
_DPI = 150


def draw(statistics: Statistics, subject: Subject) -> dict[str, dict[str, bytes]]:
    """The plots that there is something for: name → ``png`` and ``svg`` → the file's bytes."""
    drawn: dict[str, dict[str, bytes]] = {}
    with _style():
        for name, made in (
            ("ages", _ages(statistics)),
            ("genders", _genders(statistics)),
            ("figures", _figures(statistics)),
            ("examples", _examples(statistics, subject)),
        ):
            if made is not None:
                drawn[name] = {form: _saved(made, form) for form in ("png", "svg")}
    return drawn


@contextmanager
def _style() -> Iterator[None]:
    from matplotlib import rc_context

    style = {
        "svg.hashsalt": "covidct",
        "svg.fonttype": "none",
        "text.parse_math": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "font.size": 11,
        "font.family": "DejaVu Sans",
    }
    with rc_context(style), warnings.catch_warnings():  # type: ignore[arg-type, unused-ignore]
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


def _saved(figure: Figure, form: str) -> bytes:
    buffer = BytesIO()
    metadata = {"Date": None} if form == "svg" else {"Software": None}
    figure.savefig(buffer, format=form, dpi=_DPI, metadata=metadata)
    return buffer.getvalue()


def _canvas(width: float = 7.5, height: float = 4.2) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _called(name: str) -> str:
    text = visible(name) or "class not known"
    text = text if len(text) <= 30 else f"{text[:29]}…"
    return f" {text}" if text.startswith("_") else text  # matplotlib hides what begins so


# ages and genders --------------------------------------------------------------------------------------


def _ages(statistics: Statistics) -> Figure | None:
    """People in each decade of life, stacked by class."""
    names = [group.name for group in statistics.classes if group.name in statistics.ages]
    if not names:
        return None
    shown = names if len(names) <= _MOST_CLASSES else names[: _MOST_CLASSES - 1]
    rows = [(_called(name), statistics.ages[name]) for name in shown]
    rest = [statistics.ages[name] for name in names[len(shown) :]]
    if rest:
        rows.append((f"{len(rest):,} other classes", tuple(map(sum, zip(*rest, strict=True)))))
    figure, axes = _canvas()
    base = [0] * len(DECADES)
    for (name, counts), colour in zip(rows, _class_colours(len(shown), bool(rest)), strict=True):
        axes.bar(DECADES, counts, 0.85, base, color=colour, label=f"{name} (n = {sum(counts):,})")
        base = [below + count for below, count in zip(base, counts, strict=True)]
    _whole_numbers(axes)
    one = len(rows) == 1
    axes.set_title(
        f"Ages of {statistics.people}{f' of class {rows[0][0]}' if one else ''}, n = {sum(base):,}"
    )
    more = statistics.open_ages
    axes.set_xlabel(f"age (years){f'; not shown: {more:,} without an upper or lower end' if more else ''}")
    axes.set_ylabel(f"number of {statistics.people}")
    if not one:
        axes.legend(frameon=False)
    return figure


def _class_colours(shown: int, rest: bool) -> list[str]:
    return [*_COLOURS[:shown], *[_REST] * rest]


def _whole_numbers(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="#dddddd")


def _genders(statistics: Statistics) -> Figure | None:
    """The share of male and female people of each class, of those whose gender is known."""
    groups = [each for each in statistics.classes if each.genders["M"] or each.genders["F"]][:_MOST_CLASSES]
    if not groups:
        return None
    figure, axes = _canvas(height=1.9 + 0.7 * len(groups))
    labels = []
    for at, group in enumerate(groups):
        male, female = group.genders["M"], group.genders["F"]
        share = 100 * male / (male + female)
        axes.barh(at, share, 0.6, color=_MALE, label="male" if at == 0 else None)
        axes.barh(at, 100 - share, 0.6, share, color=_FEMALE, label="female" if at == 0 else None)
        if male:
            axes.text(1, at, f"{male:,} male", color="black" if share < _NARROW else "white", va="center")
        if female:
            ink = "white" if 100 - share < _NARROW else "black"
            axes.text(99, at, f"{female:,} female", color=ink, va="center", ha="right")
        known = male + female
        labels.append(f"{_called(group.name)}\n(n = {known:,} of {known + group.genders['']:,})")
    axes.set_yticks(range(len(groups)), labels)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.axvline(50, color="black", linewidth=1, linestyle=":")
    axes.set_title(f"Gender of {statistics.people}, where known")
    axes.set_xlabel(f"share of {statistics.people} (%)")
    return figure


# figures a paper ---------------------------------------------------------------------------------------


def _figures(statistics: Statistics) -> Figure | None:
    """Papers by how many of their figures are in the dataset; where those are not known, how many pictures."""
    counts, what = statistics.figures_a_paper, "figures"
    if not counts:
        counts, what = statistics.panels_a_paper, "pictures"
    if not counts:
        return None
    last = min(max(counts), _MOST_BARS)
    heights = {at: counts.get(at, 0) for at in range(1, last + 1)}
    heights[last] = sum(papers for number, papers in counts.items() if number >= last)
    names = [f"{at}+" if at == last < max(counts) else str(at) for at in heights]
    figure, axes = _canvas()
    bars = axes.bar(names, list(heights.values()), 0.85, color=_MALE)
    axes.bar_label(bars, [f"{height:,}" if height else "" for height in heights.values()])
    _whole_numbers(axes)
    total = sum(counts.values())
    axes.set_title(f"{what.capitalize()} a paper, n = {total:,} papers")
    axes.set_xlabel(f"{what} of the paper in the dataset")
    axes.set_ylabel("number of papers")
    return figure


# examples ----------------------------------------------------------------------------------------------


def _examples(statistics: Statistics, subject: Subject) -> Figure | None:
    """Some pictures of each class, of as many patients as there are, each in a cell of one size."""
    from matplotlib.figure import Figure

    classes = [
        (group, cells)
        for group in statistics.classes[:_MOST_ROWS]
        if (cells := _chosen([entry for entry in subject.entries if entry.finding == group.name]))
    ]
    if not classes:
        return None
    rows = [-(-len(cells) // _ACROSS) for _, cells in classes]
    width, height = _ACROSS * _CELL, sum(rows) * _CELL + _HEADING * len(classes)
    figure = Figure(figsize=(width / _DPI, height / _DPI))
    top = height
    for (group, cells), down in zip(classes, rows, strict=True):
        title = f"{_called(group.name)}, n = {group.images:,} images"
        figure.text(_GAP / width, (top - 0.7 * _HEADING) / height, title, size=12)
        top -= _HEADING + down * _CELL
        axes = figure.add_axes((0, top / height, 1, down * _CELL / height))
        sheet = Image.new("L", (width, down * _CELL), 255)
        for at, cell in enumerate(cells):
            sheet.paste(cell, (at % _ACROSS * _CELL, at // _ACROSS * _CELL))
        axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="auto")
        axes.set_axis_off()
    return figure


def _chosen(entries: Sequence[Entry]) -> list[Image.Image]:
    """Examples as grey cells; the next picture is taken where one cannot be read."""
    wanted = _ACROSS * _DOWN
    candidates = _spread(entries, wanted)
    cells: list[Image.Image] = []
    while len(cells) < wanted and (batch := list(islice(candidates, wanted))):
        wishes = [Wish(entry.path, 2 * _CELL) for entry in batch]
        small = thumbnails(wishes)
        cells += [_cell(small[wish]) for wish in wishes if wish in small]
    return cells[:wanted]


def _spread(entries: Sequence[Entry], wanted: int) -> Iterator[Entry]:
    """All pictures: first one each of patients evenly spread over their list, then of the others, then second ones."""
    patients: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        patients[entry.patient or f"\0{entry.name}"].append(entry)
    groups = [patients[key] for key in sorted(patients)]
    count = min(wanted, len(groups))
    first = dict.fromkeys(at * len(groups) // count for at in range(count))
    order = [groups[at] for at in dict.fromkeys([*first, *range(len(groups))])]
    for turn in range(max(map(len, groups), default=0)):
        yield from (group[turn] for group in order if turn < len(group))


def _cell(small: Thumbnail) -> Image.Image:
    """The picture in grey on a grey square, as large as fits."""
    side = _CELL - _GAP
    with Image.open(BytesIO(small.content)) as image:
        grey = image.convert("L")
    scale = side / max(grey.size)
    width, height = (max(1, round(each * scale)) for each in grey.size)
    cell = Image.new("L", (side, side), _GROUND)
    place = ((side - width) // 2, (side - height) // 2)
    cell.paste(grey.resize((width, height), Image.Resampling.LANCZOS), place)
    return cell
