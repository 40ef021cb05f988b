"""The rows of a table labelled by their captions alone, so that an existing dataset can be compared.

Rows with one caption are taken for the panels of one figure, in the order of their file names; rows whose file
names begin alike for figures of one paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from covidct_curate.datasets.cells import joined
from covidct_curate.extract.labels import parse_label
from covidct_curate.label.paper import Setting, label_figures
from covidct_curate.label.rules import Rules
from covidct_curate.panels.subcaptions import Division, divide, innermost, spans_for
from covidct_curate.records import Facts, Figure, Panel, Span
from covidct_curate.tables import Table, fold, read_table

FILE, CAPTION, CONTEXT = "File name", "Captions", "Context"

_PLACE = re.compile(r"-p\d{1,5}-\d{1,7}.*")
_NUMBER = re.compile(r"[%_-]\d{1,4}\Z")
_MOST_FIGURES = 200
"""More captions than these under names that begin alike are no paper's: the names are numbers."""
_LETTER = re.compile(r"(?:\A|[.;:]\s|\s\()([A-Z])(?:[.)]\s)")
_SUFFIX = re.compile(r"\.(?:png|jpe?g|tiff?|bmp|gif)\Z", re.I)


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """A row, and what its caption says."""

    file: str
    """As the table has it."""
    facts: Facts

    def as_json(self) -> Mapping[str, object]:
        """The row as `curate label --table` prints it."""
        patient = self.facts.patient
        return {
            FILE: self.file,
            "modality": self.facts.modality,
            "finding": self.facts.finding,
            "Age": patient.age,
            "Gender": patient.gender,
            "Location": patient.location,
            "Medical history": patient.medical_history,
            "Time": patient.time,
            "Severity": patient.severity,
            "Other diseases": patient.other_diseases,
            "evidence": {field: asdict(why) for field, why in self.facts.evidence.items()},
            "region": self.facts.region,
            "patient": asdict(patient),
            "flags": self.facts.flags,
        }


@dataclass(frozen=True, slots=True)
class _Row:
    place: int
    """Which row of the table it is."""
    file: str
    label: str | None
    caption: str
    context: str

    @property
    def paper(self) -> str:
        """What the file names of a paper's pictures begin with."""
        stem = _SUFFIX.sub("", self.file.strip())
        short = _PLACE.sub("", stem)
        return short if short != stem else _NUMBER.sub("", stem)

    @property
    def order(self) -> list[tuple[int, str]]:
        """Sorts file names as people count."""
        parts = re.split(r"(\d+)", self.file)
        parts[1::2] = [digits.lstrip("0") for digits in parts[1::2]]
        return [(len(each) if at % 2 else 0, each) for at, each in enumerate(parts)]


def label_table(path: Path, rules: Rules, *, title: str = "") -> tuple[Table, list[LabelledRow]]:
    """Label every row of an .xlsx or .csv table with the columns ``File name`` and ``Captions``, and
    ``Context`` where there is one: sentences of the paper that speak of the picture.

    ``title`` is what all rows are about, in words, as a paper's title would say it. Returns the table, and its
    rows in their order. Raises `DatasetError` when there is no such table.
    """
    table = read_table(path, needs=(FILE, CAPTION))
    context = next((name for name in table.columns if fold(name) == fold(CONTEXT)), "")
    rows = [_row(place, row, row.get(context, "")) for place, row in enumerate(table.rows)]
    papers: dict[str, list[_Row]] = {}
    for row in rows:
        papers.setdefault(row.paper, []).append(row)
    found: dict[int, Facts] = {}
    for group in papers.values():
        found.update(_label_paper(group, rules, title))
    return table, [LabelledRow(row.file, found[row.place]) for row in rows]


def _row(place: int, cells: Mapping[str, str], context: str) -> _Row:
    caption, _ = joined(cells[CAPTION])
    label = parse_label(caption)
    if label is not None:
        caption = caption[label.end :].lstrip(" .:|-")
    return _Row(place, cells[FILE], label.text if label else None, caption, context)


def _label_paper(rows: Sequence[_Row], rules: Rules, title: str) -> Iterator[tuple[int, Facts]]:
    figures: dict[str, list[_Row]] = {}
    for row in sorted(rows, key=lambda row: row.order):
        figures.setdefault(row.caption, []).append(row)
    if len(figures) > _MOST_FIGURES:
        for group in figures.values():
            yield from _label_paper(group, rules, title)
        return
    contexts = tuple(dict.fromkeys(row.context for row in rows if row.context.strip()))
    labelled = label_figures(
        [_figure(caption, group) for caption, group in figures.items()],
        Setting(title, "\n\n".join(contexts)),
        rules,
    )
    for group, figure in zip(figures.values(), labelled, strict=True):
        for row, panel in zip(group, figure.panels, strict=True):
            assert panel.facts is not None
            yield row.place, panel.facts


def _figure(caption: str, rows: Sequence[_Row]) -> Figure:
    """Rows of one caption as the panels of a figure."""
    division = divide(caption)
    labels = _shared_out(caption, division, len(rows))
    panels = tuple(
        Panel(row.file, row.file, (0, 0, 1, 1), label, "caption", spans, "whole", 1.0)
        for row, label in zip(rows, labels, strict=True)
        for spans in [_spans(caption, division, label)]
    )
    mentions = tuple(dict.fromkeys(row.context for row in rows if row.context.strip()))
    return Figure(rows[0].label, caption, None, None, None, "none", 1.0, mentions=mentions, panels=panels)


def _spans(caption: str, division: Division, label: str | None) -> tuple[Span, ...]:
    if label is None:
        return ((0, len(caption)),) if caption else ()
    return spans_for(caption, division, label=label, place=None)


def _shared_out(caption: str, division: Division, count: int) -> list[str | None]:
    """As many of a caption's labels as there are rows, each as often as another; the only one that a sentence
    begins with, where rows have only their own part of the figure's caption; else none."""
    labels = innermost(division)
    if len(labels) > 1 and count % len(labels) == 0:
        return [label for label in labels for _ in range(count // len(labels))]
    named = set(_LETTER.findall(caption))
    return [min(named) if len(named) == 1 else None] * count
