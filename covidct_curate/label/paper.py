"""The figures of one paper, labelled: for each panel its texts, its patient, and what the rules read there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from covidct_curate.label.age import ADULT, veiled
from covidct_curate.label.attribution import (
    UNKNOWN,
    FigureText,
    PanelText,
    Person,
    Said,
    Who,
    attribute,
    overlaps,
    single_subjects,
)
from covidct_curate.label.course import read_icu, read_outcome, read_rt_pcr, read_severity, read_ventilation
from covidct_curate.label.finding import read_finding
from covidct_curate.label.history import read_history, read_other_diseases
from covidct_curate.label.location import read_location
from covidct_curate.label.modality import read_modality, read_region, shows_face
from covidct_curate.label.passage import Passage, Passages, Reading
from covidct_curate.label.report import read_report
from covidct_curate.label.rules import Rules
from covidct_curate.label.subjects import Subject
from covidct_curate.label.text import Text, read
from covidct_curate.label.times import read_time
from covidct_curate.panels.subcaptions import divide
from covidct_curate.records import Evidence, Facts, Figure, Panel, Patient, Source, Span

STAGE_VERSION = 1
"""Counts up whenever the same words and rules would give other facts."""

_FRONT = 3000
"""Characters of the body in which a paper says where it was done."""
_MOST_CASE = 6000
"""Characters of the description of one case that are read."""
_NO_PATIENT = frozenset({"plot", "diagram", "table", "gel"})
"""Pictures of these show no patient."""

_REPORTED = frozenset({"ct", "xray", "mri", "ultrasound", "nuclear", "angiography", "unknown"})
"""Pictures whose description is a radiology report."""

_Reader = Callable[[Passages, Rules], Reading | None]
_FIELDS: tuple[tuple[str, _Reader, frozenset[Source]], ...] = (
    ("location", read_location, frozenset({"subcaption", "caption", "mention", "case", "paper"})),
    ("medical_history", read_history, frozenset({"subcaption", "caption", "mention", "case"})),
    ("severity", read_severity, frozenset({"subcaption", "caption", "mention", "case"})),
    ("radiology_report", read_report, frozenset({"subcaption", "caption", "mention"})),
    ("other_diseases", read_other_diseases, frozenset({"subcaption", "caption", "mention"})),
    ("rt_pcr", read_rt_pcr, frozenset({"subcaption", "caption", "mention", "case"})),
    ("outcome", read_outcome, frozenset({"subcaption", "caption", "case"})),
    ("icu", read_icu, frozenset({"subcaption", "caption", "case"})),
    ("ventilation", read_ventilation, frozenset({"subcaption", "caption", "case"})),
)
"""Field of the patient, its reader, and where it may be read."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is around a paper's figures."""

    title: str = ""
    body: str = ""
    """Running text; a blank line between paragraphs."""


def label_figures(figures: Sequence[Figure], setting: Setting, rules: Rules) -> tuple[Figure, ...]:
    """The figures with the facts of all their panels. Never raises over what a text says."""
    body, title = read(setting.body), read(setting.title)
    texts = [_figure_text(figure, body) for figure in figures]
    whos = attribute([text for text, _ in texts], body, title, rules)
    around = _Around(body, title, [text.caption for text, _ in texts], single_subjects(body, rules), rules)
    return tuple(
        replace(
            figure,
            panels=tuple(
                replace(panel, facts=around.facts(figure, panel, text, place, who, mentions))
                for place, (panel, who) in enumerate(zip(figure.panels, found, strict=True))
            ),
        )
        for figure, (text, mentions), found in zip(figures, texts, whos, strict=True)
    )


def _figure_text(figure: Figure, body: Text) -> tuple[FigureText, tuple[Passage, ...]]:
    """A figure's caption by panels, and the sentences that cite it as passages."""
    caption = read(figure.caption)
    division = divide(figure.caption)
    whole = (0, len(figure.caption))
    panels = []
    for panel in figure.panels:
        all_of_it = not panel.spans or panel.spans == (whole,) or _length(panel.spans) >= _length([whole]) - 2
        own = () if all_of_it else tuple(_without(panel.spans, division.shared))
        common = ((whole,) if all_of_it else division.shared) if figure.caption else ()
        panels.append(PanelText(_joined(caption, _placed(caption, own)), _placed(caption, common)))
    named = sum(bool(text.own) for text in panels)
    strange = any(panel.label and not text.own for panel, text in zip(figure.panels, panels, strict=True))
    contradicted = strange and 2 * named <= len(panels) and bool(division.parts)
    if contradicted:  # none of the caption's parts is any panel's
        panels = [PanelText((), _placed(caption, [whole])) for _ in panels]
    spans: list[Span] = []
    passages: list[Passage] = []
    reached: dict[bytes, int] = {}
    for mention in figure.mentions:
        text = read(mention)
        words = text.plain.strip()
        start = body.plain.find(words, reached.get(words, 0)) if words else -1
        if start >= 0:
            reached[words] = start + len(words)
            spans.append((start, start + len(words)))
            passages.append(Passage(body, start, start + len(words), "mention"))
        elif words:
            passages.append(Passage(text, 0, len(text.plain), "mention"))
    return FigureText(caption, tuple(panels), tuple(spans), contradicted), tuple(passages)


@dataclass(frozen=True, slots=True)
class _Around:
    """What is read for every panel of a paper."""

    body: Text
    title: Text
    captions: Sequence[Text]
    described: Sequence[Subject]
    """Every single patient of the body."""
    rules: Rules

    def facts(
        self,
        figure: Figure,
        panel: Panel,
        text: FigureText,
        place: int,
        who: Who,
        mentions: Sequence[Passage],
    ) -> Facts:
        rules = self.rules
        spoken = text.panels[place]
        own = [Passage(text.caption, *span, "subcaption") for span in spoken.own]
        common = [
            Passage(text.caption, start, end, "caption")
            for start, end in _without(spoken.shared, [s for each in who.strangers for s in each.spans])
        ]
        said = () if who.person is None else tuple(who.person.said)
        theirs = [
            Passage(text.caption, start, end, "caption")
            for each in said
            if each.text is text.caption
            for start, end in _without(each.subject.spans, [*spoken.own, *spoken.shared])
        ]
        cites = [each for each in mentions if self._is_for(each, said)]
        case = list(_case(said))
        title = [Passage(self.title, 0, len(self.title.plain), "title")] if self.title.plain else []
        siblings = [
            Passage(each, 0, len(each.plain), "paper") for each in self.captions if each is not text.caption
        ]
        shown = [Passage(text.caption, 0, len(text.caption.plain), "caption")]
        modality, why, flags = read_modality(
            [*own, *shown, *mentions, *title], rules, panel.look, kind=figure.kind
        )
        evidence: dict[str, Evidence] = {} if why is None else {"modality": why}
        finding, why = read_finding(
            [*own, *common, *theirs, *cites, *case, *siblings, *title],
            rules,
            modality=modality,
            own=bool(own) or len(text.panels) == 1,
        )
        if why is not None:
            evidence["finding"] = why
        region = read_region([*own, *shown, *mentions], rules)
        if region is not None:
            evidence["region"] = region.evidence
        passages = [*own, *common, *cites, *case]
        patient = Patient()
        marks = list(flags)
        if modality not in _NO_PATIENT:
            if self.body.plain:
                passages.append(Passage(self.body, 0, min(_FRONT, len(self.body.plain)), "paper"))
            patient = self._patient(text.caption, passages, spoken, who, evidence)
            if modality not in _REPORTED:
                evidence.pop("radiology_report", None)
                patient = replace(patient, radiology_report="")
            if _is_minor(patient) or (not patient.age and self._speaks_of_minors([*own, *common])):
                marks.append("under-18")
            if shows_face([*own, *shown], rules, modality, panel.look):
                marks.append("face")
        return Facts(
            modality=modality,
            region="" if region is None else region.value,
            finding=finding,
            patient=patient,
            evidence={field: replace(why, text=veiled(why.text)) for field, why in evidence.items()},
            flags=tuple(dict.fromkeys(marks)),
        )

    def _patient(
        self, caption: Text, passages: Passages, spoken: PanelText, who: Who, evidence: dict[str, Evidence]
    ) -> Patient:
        person, rules = who.person, self.rules
        patient = Patient(id=UNKNOWN if person is None else person.id)
        said = _in_common(who.candidates) if person is None else _nearest_first(person.said, caption)
        for each in said:
            subject, source = each.subject, each.source
            if source == "caption":
                here = each.text is caption
                named = here and overlaps(subject.mentions, spoken.own)
                source = "subcaption" if named else "caption" if here else "paper"
            for field in ("id", "age", "gender"):
                why = subject.evidence.get(field)
                if why is not None and field not in evidence:
                    sure = round(why.confidence * who.confidence, 3)
                    evidence[field] = replace(why, source=source, confidence=sure)
            if subject.age and not patient.age:
                age = subject.age
                patient = replace(patient, age=age.text, age_min=age.low, age_max=age.high)
            if subject.gender and not patient.gender:
                patient = replace(patient, gender=subject.gender)
        time = self._time(passages)
        if time is not None:
            reading, days = time
            evidence["time"] = reading.evidence
            patient = replace(patient, time=reading.value, time_days=days)
        values: dict[str, Any] = {}
        for field, reader, sources in _FIELDS:
            found = reader([each for each in passages if each.source in sources], rules)
            if found is not None:
                evidence[field] = found.evidence
                values[field] = veiled(found.value)
        return replace(patient, **values)

    def _time(self, passages: Passages) -> tuple[Reading, float | None] | None:
        """When the picture was made; nothing where parts of the caption that are this panel's disagree."""
        for source in ("subcaption", "caption", "mention"):
            near = [each for each in passages if each.source == source]
            parts = [[each] for each in near] if source == "subcaption" else [near]
            found = [time for part in parts if (time := read_time(part, self.rules)) is not None]
            if found:
                return found[0] if len({reading.value for reading, _ in found}) == 1 else None
        return None

    def _is_for(self, mention: Passage, said: Sequence[Said]) -> bool:
        """Does a sentence that cites the figure speak of this patient, or of nobody in particular?"""
        if mention.text is not self.body:
            return True
        mine = [span for each in said if each.text is self.body for span in each.subject.spans]
        span = [(mention.start, mention.end)]
        return overlaps(mine, span) or not any(overlaps(each.spans, span) for each in self.described)

    def _speaks_of_minors(self, passages: Passages) -> bool:
        """Do the words near a panel name a child, or is everybody that the paper describes one?"""
        if any(self.rules.find("minor", each.text, each.start, each.end) for each in passages):
            return True
        ages = [each.age for each in self.described if each.age]
        return bool(ages) and all(age.high is not None and age.high < ADULT for age in ages)


def _nearest_first(said: Sequence[Said], caption: Text) -> Sequence[Said]:
    """What this caption says of somebody, then the body, then other captions."""
    return sorted(said, key=lambda each: 0 if each.text is caption else 1 if each.source == "case" else 2)


def _in_common(candidates: Sequence[Person]) -> Sequence[Said]:
    """Age and gender of the first of several, as far as all of them have the same."""
    if len(candidates) < 2:
        return ()
    shared = {
        field
        for field, values in (
            ("age", {person.age for person in candidates}),
            ("gender", {person.gender for person in candidates}),
        )
        if len(values) == 1
    }
    return [replace(each, subject=_only(each.subject, shared)) for each in candidates[0].said]


def _only(subject: Subject, fields: set[str]) -> Subject:
    """What of a subject these fields say."""
    return replace(
        subject,
        age=subject.age if "age" in fields else None,
        gender=subject.gender if "gender" in fields else "",
        evidence={field: why for field, why in subject.evidence.items() if field in fields},
    )


def _case(said: Sequence[Said]) -> Iterator[Passage]:
    """What the body says of a patient, from the beginning."""
    room = _MOST_CASE
    for each in said:
        if each.source == "case":
            for start, end in each.subject.spans:
                if room > 0:
                    yield Passage(each.text, start, min(end, start + room), "case")
                    room -= end - start


def _is_minor(patient: Patient) -> bool:
    return patient.age_max is not None and patient.age_max < ADULT


def _without(spans: Sequence[Span], others: Sequence[Span]) -> Iterator[Span]:
    """What of ``spans`` lies in none of ``others``."""
    for start, end in spans:
        at = start
        for first, last in sorted(others):
            if first < end and last > at:
                if first > at:
                    yield at, first
                at = max(at, last)
        if at < end:
            yield at, end


def _length(spans: Sequence[Span]) -> int:
    return sum(end - start for start, end in spans)


def _joined(text: Text, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Stretches with nothing but marks and brackets between them as one."""
    joint: list[Span] = []
    for start, end in spans:
        if joint and not any(chr(byte).isalnum() for byte in text.plain[joint[-1][1] : start]):
            joint[-1] = joint[-1][0], end
        else:
            joint.append((start, end))
    return tuple(joint)


def _placed(text: Text, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans of the original as spans of the plain text."""
    return tuple((text.place(start), text.place(end)) for start, end in spans if end > start)
