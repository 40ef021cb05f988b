"""An edited sheet into the catalogue: every change a decision, applied once, conflicts kept, nothing overwritten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal

from covidct_curate import labelling
from covidct_curate.catalog import Catalog, Connection, decisions, exports, papers
from covidct_curate.catalog.papers import KeptPaper
from covidct_curate.errors import ChoiceError, NoFigure
from covidct_curate.label.rules import Rules
from covidct_curate.panels.choice import read_choice
from covidct_curate.records import Decision
from covidct_curate.report import Result
from covidct_curate.review import export
from covidct_curate.review.changes import Changes, Edit, Problem, Ruling, compare
from covidct_curate.review.decisions import KEEP, PANELS
from covidct_curate.review.reading import Edited, read_sheet
from covidct_curate.review.shown import clean, read_export
from covidct_curate.review.table import EXPORT
from covidct_curate.session import now, opened
from covidct_curate.splitting import FIELDS, decide_figures, find_figure, fitted
from covidct_curate.splitting import PANELS as SPLIT
from covidct_curate.workspace import Workspace

CONFLICTS = "conflicts.xlsx"
_CLIENT = "curate sheet import"
_SHOWN = 60
"""Characters of a value that a line shows."""

Outcome = Literal["changed", "confirmed", "conflict"]
"""The value is now the field's; it was so already, and somebody stands for it; another one stands, and somebody
must choose."""


@dataclass(frozen=True, slots=True)
class Change:
    """One decision that a sheet brought, or would bring."""

    place: str
    """Address of the cell: ``MetaInfo!C7``."""
    decision: Decision
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Intake:
    """What an import did, or would do."""

    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    applied: bool
    """False for a rehearsal, and where problems kept all of it from being applied."""
    rows: int
    """Rows that were read."""
    notes: tuple[str, ...] = ()
    """What is odd about the file."""
    failures: tuple[str, ...] = ()
    """Papers whose figures could not be cut or labelled anew."""
    conflicts: Path | None = None
    """The sheet to choose in, where new conflicts came up."""

    def count(self, outcome: Outcome) -> int:
        """Number of decisions with that outcome."""
        return sum(change.outcome == outcome for change in self.changes)

    @property
    def decided(self) -> int:
        """Number of pictures that were kept or dropped."""
        return sum(change.decision.field == KEEP for change in self.changes)

    def lines(self) -> Iterator[str]:
        """What happened, for a reader; problems and failures aside."""
        for change in self.changes:
            made = change.decision
            if change.outcome != "confirmed":
                mark = " (conflict: another value stands)" if change.outcome == "conflict" else ""
                yield f"{change.place}  {made.field}: {_quoted(made.old)} → {_quoted(made.value)}, {made.reviewer}{mark}"
        for note in self.notes:
            yield f"note: {note}"
        verb = "applied" if self.applied else "not applied"
        yield (
            f"{self.rows:,} rows read; {verb}: {self.count('changed'):,} changes, {self.decided:,} pictures decided, "
            f"{self.count('confirmed'):,} values confirmed, {self.count('conflict'):,} conflicts"
        )
        if self.conflicts:
            yield f"choose between the values in {self.conflicts} and import it"


def _quoted(value: str | None) -> str:
    """A value in one line, cut where it is long."""
    line = " ".join((value or "").split())
    return f"“{line[:_SHOWN]}…”" if len(line) > _SHOWN else f"“{line}”" if line else "blank"


@dataclass(frozen=True, slots=True)
class _Made:
    """A decision about to be taken down."""

    place: str
    decision: Decision
    pixels: str = ""
    """Those that the sheet showed."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What comes of a sheet."""

    plain: list[_Made]
    recut: list[tuple[KeptPaper, list[_Made]]]
    """By papers, those after which figures are cut anew."""
    misfits: list[Problem]
    """Those that do not fit."""
    figures: set[str]
    """Figures whose panels or captions the sheet decides, also in an earlier run."""
    disputed: bool
    """The sheet has decisions of an earlier run that still wait for somebody to choose."""


class _Rehearsed(Exception):
    """Everything was tried, nothing is to be kept."""


def import_sheet(
    workspace: Path, path: Path, *, reviewer: str, dry_run: bool = False, partial: bool = False
) -> Intake:
    """Bring the changes of an edited sheet into the catalogue, in the reviewer's name.

    Each cell is compared with what its export showed; what was changed becomes a decision. The same sheet again
    changes nothing. Where there are problems nothing is applied, unless ``partial`` asks for the rest.
    ``dry_run`` tells what would be done. The file is only read. Raises `SheetError` when it cannot be,
    `RuleError` when the workspace's rule file cannot be used, and `WorkspaceError` when the workspace cannot.
    """
    if not reviewer.strip():
        raise ChoiceError("a decision needs its reviewer's name; give --reviewer NAME")
    edited = read_sheet(path)
    place = Workspace(workspace)
    with opened(place) as catalog:
        changes = _changes(catalog, edited, reviewer)
        with catalog.snapshot() as db:
            plan = _plan(db, changes)
        problems = (*changes.problems, *plan.misfits)
        applied = not dry_run and (partial or not problems)
        rules = labelling.own_rules(catalog) if applied and plan.figures else None
        told = _take_down(catalog, plan.plain, keep=applied)
        told += [Change(made.place, made.decision, "changed") for _, group in plan.recut for made in group]
        failures: list[str] = []
        if rules is not None:
            results = [
                decide_figures(place, catalog, paper, [each.decision for each in group], rules)
                for paper, group in plan.recut
            ]
            results += _label_left(place, catalog, plan.figures, rules)
            failures += [f"{result.source}: {result.note}" for result in results if result.status == "failed"]
        orphans = export.orphan_notes(catalog) if rules is not None else ()
        sheet = None
        if applied and (plan.disputed or any(change.outcome == "conflict" for change in told)):
            sheet = export.write_conflicts(place, catalog, place.root / CONFLICTS)
        place.clear()
    return Intake(
        changes=tuple(told),
        problems=problems,
        applied=applied,
        rows=changes.rows,
        notes=(*edited.notes, *orphans),
        failures=tuple(failures),
        conflicts=sheet,
    )


def _changes(catalog: Catalog, edited: Edited, reviewer: str) -> Changes:
    lines = (*edited.panels, *edited.figures, *edited.conflicts)
    with catalog.snapshot() as db:
        known = exports.find(db, sorted({clean(line.cells.get(EXPORT, "")) for line in lines}))
    return compare(edited, {export: read_export(content) for export, content in known.items()}, reviewer)


def _plan(db: Connection, changes: Changes) -> _Plan:
    """The decisions to be taken down."""
    known, at = decisions.made(db), now()
    verdicts = decisions.verdicts(db)
    plain: list[_Made] = []
    recut: list[tuple[KeptPaper, _Made]] = []
    paper: KeptPaper | None
    misfits: list[Problem] = []
    said: list[_Made] = []
    for made in [*_edits(changes.edits, at), *_rulings(db, changes.rulings, verdicts, known, at)]:
        decision = made.decision
        if decision.field == PANELS:
            try:
                home, kept = find_figure(db, decision.uid)
                choice = read_choice(decision.value)
                assert choice is not None, "the comparison lets no other value through"
                decision = replace(decision, value=fitted(home, kept, choice))
            except (ChoiceError, NoFigure) as error:
                misfits.append(Problem(made.place, str(error)))
                continue
        said.append(replace(made, decision=decision))
    for made in _unsaid(said, known):
        decision = made.decision
        stands = decisions.stands(verdicts.get(decision.uid, {}).get(decision.field), decision)
        if decision.field in FIELDS and stands:
            try:
                paper, _ = find_figure(db, decision.uid)
            except NoFigure:  # it is no longer found: its caption is kept in case it is again
                paper = None
            if paper and not paper.dataset:  # what a dataset's own sheet says is not read from captions
                recut.append((paper, made))
                continue
        plain.append(made)
    recut.sort(key=lambda each: each[0].sha256)
    grouped = [list(group) for _, group in groupby(recut, key=lambda each: each[0].sha256)]
    return _Plan(
        plain,
        [(group[0][0], [made for _, made in group]) for group in grouped],
        misfits,
        {made.decision.uid for made in said if made.decision.field in FIELDS},
        any(_waits(verdicts, made.decision) for made in said),
    )


def _waits(verdicts: decisions.Verdicts, made: Decision) -> bool:
    """Whether this was said before, and another value stands."""
    verdict = verdicts.get(made.uid, {}).get(made.field)
    rivals = [rival.decision for rival in verdict.rivals] if verdict else []
    return any((_voice(each), each.value) == (_voice(made), made.value) for each in rivals)


def _label_left(place: Workspace, catalog: Catalog, figures: set[str], rules: Rules) -> list[Result]:
    """Label papers of these figures that were split, but not labelled, by a run that was killed."""
    with catalog.snapshot() as db:
        wanted = papers.with_figures(db, figures) & set(papers.waiting(db, labelling.stage(rules)).values())
        wanted -= set(papers.waiting(db, SPLIT).values())
        left = [paper for paper in papers.current(db) if paper.sha256 in wanted]
    return [result for _, result in labelling.label_again(place, catalog, left, rules)]


_Voice = tuple[str, str, int | None, str]


def _voice(made: Decision) -> _Voice:
    return made.uid, made.field, made.based_on, made.reviewer


def _unsaid(said: Iterable[_Made], known: Mapping[_Voice, Sequence[str]]) -> Iterator[_Made]:
    """Those that their reviewer has not said last of a cell that showed the same: the same sheet again, also after
    a run that was killed, adds only what is not there."""
    groups: dict[_Voice, list[_Made]] = {}
    for made in said:
        group = groups.setdefault(_voice(made.decision), [])
        if not group or group[-1].decision.value != made.decision.value:
            group.append(made)
    for voice, group in groups.items():
        values, before = [made.decision.value for made in group], [*known.get(voice, ())]
        lengths = range(min(len(values), len(before)), 0, -1)
        yield from group[next((n for n in lengths if before[-n:] == values[:n]), 0) :]


def _edits(edits: Iterable[Edit], at: str) -> Iterator[_Made]:
    for edit in edits:
        yield _Made(
            edit.place,
            Decision(
                uid=edit.uid,
                field=edit.field,
                value=edit.value,
                based_on=edit.based_on,
                reviewer=edit.reviewer,
                at=at,
                client=_CLIENT,
                old=edit.old,
            ),
            edit.pixels,
        )


def _rulings(
    db: Connection,
    rulings: Iterable[Ruling],
    verdicts: decisions.Verdicts,
    known: Mapping[_Voice, Sequence[str]],
    at: str,
) -> Iterator[_Made]:
    """What was chosen, as decisions based on the one that waited.

    One made in ignorance of what stands by now is based on what stood then, and so becomes a conflict itself. Who
    takes one of several values that wait takes it over the others too, whatever the order of the rows.
    """
    found = [(ruling, decisions.find(db, ruling.conflict)) for ruling in rulings]
    about = [(ruling, rival, (rival.uid, rival.field, ruling.reviewer)) for ruling, rival in found if rival]
    taken = {cell: rival.value for ruling, rival, cell in about if ruling.take == "later"}
    for ruling, rival, cell in sorted(about, key=lambda each: each[2] in taken):
        verdict = verdicts[rival.uid][rival.field]
        earlier = decisions.find(db, ruling.earlier) if ruling.earlier is not None else None
        old = earlier.value if earlier else verdict.value
        made = Decision(
            uid=rival.uid,
            field=rival.field,
            value=taken.get(cell, old),
            based_on=ruling.conflict,
            reviewer=ruling.reviewer,
            at=at,
            client=_CLIENT,
            old=old,
        )
        if _voice(made) not in known and verdict.basis != ruling.earlier:
            made = replace(made, based_on=ruling.earlier)
        yield _Made(ruling.place, made)


def _take_down(catalog: Catalog, made: Sequence[_Made], *, keep: bool) -> list[Change]:
    """Take decisions down, all or none, or only see what would come of them."""
    told: list[Change] = []
    with suppress(_Rehearsed), catalog.transaction() as db:
        numbers = [decisions.append(db, each.decision, each.pixels) for each in made]
        states = decisions.states(db)
        for each, number in zip(made, numbers, strict=True):
            unchanged = each.decision.value == each.decision.old or states[number] == "agrees"
            outcome: Outcome = (
                "conflict" if states[number] == "conflict" else "confirmed" if unchanged else "changed"
            )
            told.append(Change(each.place, each.decision, outcome))
        if not keep:
            raise _Rehearsed
    return told
