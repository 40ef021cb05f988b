"""Reviewers' decisions: append-only, each about one field of a figure or picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from covidct_curate.catalog import Connection, storable
from covidct_curate.records import Decision

State = Literal["stands", "replaced", "agrees", "conflict", "settled"]
"""A decision's: it is the field's value; a later one follows it; it was not based on the one that stood, but says
the same; it says something else, and waits for somebody to choose; such a one that was chosen about, or whose
reviewer has decided again."""


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision of the catalogue."""

    number: int
    decision: Decision
    pixels: str | None
    """Hash of the picture's pixels when it was decided; None for a figure."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What reviewers say of one field of a figure or picture."""

    standing: KeptDecision
    rivals: tuple[KeptDecision, ...] = ()
    """Decisions for another value, made without knowing of the one that stands: somebody must choose."""
    inherited: bool = False
    """It is about an older version of the paper, whose picture has the same pixels."""

    @property
    def value(self) -> str:
        """The field's value."""
        return self.standing.decision.value

    @property
    def basis(self) -> int | None:
        """What a decision that follows is based on; None where this one is about another paper's version."""
        return None if self.inherited else self.standing.number


@dataclass(frozen=True, slots=True)
class ListedDecision:
    """A decision with what it is about and what became of it."""

    decision: Decision
    file: str | None
    """Picture file, relative to the workspace; a figure's first. None for a caption without a picture."""
    old: str | None
    """What was shown before; else the value of the decision it is based on, None for an automatic value."""
    state: State
    orphaned: bool
    """The figure or picture is no longer found or cut so."""


_DECISION = "uid, field, value, based_on, reviewer, at, client, old"

Verdicts = Mapping[str, Mapping[str, Verdict]]
"""Uid → field → verdict."""


def append(db: Connection, decision: Decision, pixels: str = "") -> int:
    """Take a decision down and return its number. ``pixels``: hash of those the reviewer saw, ``""`` for the
    picture's as it is now.

    Its target must be a figure or picture of the catalogue, and ``based_on`` a decision about the same
    field of the same target: otherwise the catalogue refuses.
    """
    cursor = db.execute(
        """INSERT INTO decisions (uid, field, value, based_on, reviewer, at, client, old, pixels)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,
                   coalesce(nullif(?9, ''), (SELECT pixels FROM pictures WHERE uid = ?1)))""",
        (
            decision.uid,
            decision.field,
            storable(decision.value),
            decision.based_on,
            storable(decision.reviewer),
            decision.at,
            decision.client,
            storable(decision.old),
            pixels,
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def verdicts(db: Connection, fields: Sequence[str] = ()) -> dict[str, dict[str, Verdict]]:
    """The verdicts on all figures and pictures, or on these fields of them.

    Where nobody decided about a picture or figure of a paper's newest version, what was decided about an older
    version holds if the pixels are equal.
    """
    found: dict[str, dict[str, Verdict]] = {}
    for (uid, field), group in groupby(
        _kept(db, fields), lambda kept: (kept.decision.uid, kept.decision.field)
    ):
        found.setdefault(uid, {})[field] = fold(group)[0]
    for uid, pixels, older in _lineage(db) if found else ():
        for field, verdict in found.get(older, {}).items():
            if verdict.inherited or verdict.standing.pixels not in (None, pixels):
                continue
            found.setdefault(uid, {}).setdefault(field, replace(verdict, inherited=True))
    return found


def stands(verdict: Verdict | None, decision: Decision) -> bool:
    """Would this decision be the field's value if it were taken down now?"""
    if verdict is None or verdict.inherited:
        return decision.based_on is None
    known = decision.based_on in (verdict.standing.number, *(rival.number for rival in verdict.rivals))
    return known or _corrects(decision, verdict.standing.decision)


def made(db: Connection) -> dict[tuple[str, str, int | None, str], list[str]]:
    """Uid, field, basis and reviewer → the values of all such decisions, the oldest first: what a reviewer has
    said of a cell that showed the same, and need not say again."""
    found: dict[tuple[str, str, int | None, str], list[str]] = {}
    for *voice, value in db.execute(
        "SELECT uid, field, based_on, reviewer, value FROM decisions ORDER BY id"
    ):
        found.setdefault((voice[0], voice[1], voice[2], voice[3]), []).append(value)
    return found


def orphans(db: Connection) -> int:
    """Number of figures and pictures that somebody decided about and that are no longer found or cut so."""
    (count,) = db.execute(
        """SELECT count(*) FROM (SELECT DISTINCT uid FROM decisions) AS decided
           WHERE EXISTS (SELECT 1 FROM figures WHERE uid = decided.uid AND retired)
              OR EXISTS (SELECT 1 FROM pictures WHERE uid = decided.uid AND retired)"""
    ).fetchone()
    return int(count)


def find(db: Connection, number: int) -> Decision | None:
    """The decision of that number."""
    row = db.execute(f"SELECT {_DECISION} FROM decisions WHERE id = ?", (number,)).fetchone()
    return None if row is None else Decision(*row)


def of_pictures(db: Connection) -> list[Decision]:
    """All decisions about pictures, the oldest first."""
    rows = db.execute(
        f"SELECT {_DECISION} FROM decisions WHERE uid IN (SELECT uid FROM pictures) ORDER BY id"
    )
    return [Decision(*row) for row in rows]


def states(db: Connection) -> dict[int, State]:
    """What became of each decision, by its number."""
    found: dict[int, State] = {}
    for _, group in groupby(_kept(db, ()), lambda kept: (kept.decision.uid, kept.decision.field)):
        found |= fold(group)[1]
    return found


def every(db: Connection) -> Iterator[ListedDecision]:
    """All decisions, the oldest first."""
    became = states(db)
    for row in db.execute(
        f"""SELECT mine.id, papers.folder || '/' || pictures.file, coalesce(mine.old, basis.value),
                   coalesce(target.retired, figures.retired),
                   {", ".join(f"mine.{name.strip()}" for name in _DECISION.split(","))}
           FROM decisions AS mine
           LEFT JOIN decisions AS basis ON basis.id = mine.based_on
           LEFT JOIN pictures AS target ON target.uid = mine.uid
           LEFT JOIN pictures ON pictures.uid = coalesce(
               target.uid,
               (SELECT uid FROM pictures WHERE figure = mine.uid AND file IS NOT NULL
                ORDER BY retired, place LIMIT 1))
           LEFT JOIN figures ON figures.uid = coalesce(pictures.figure, mine.uid)
           LEFT JOIN papers ON papers.id = figures.paper
           ORDER BY mine.id"""
    ):
        number, file, old, retired = row[:4]
        yield ListedDecision(Decision(*row[4:]), file, old, became[number], bool(retired))


def _kept(db: Connection, fields: Sequence[str]) -> Iterator[KeptDecision]:
    """Decisions by target and field, the oldest first."""
    wanted = f"WHERE field IN ({', '.join('?' * len(fields))})" if fields else ""
    for row in db.execute(
        f"SELECT id, pixels, {_DECISION} FROM decisions {wanted} ORDER BY uid, field, id", tuple(fields)
    ):
        yield KeptDecision(row[0], Decision(*row[2:]), row[1])


def fold(made: Iterator[KeptDecision]) -> tuple[Verdict, dict[int, State]]:
    """The verdict of the decisions on one field of one target, the oldest first, and the state of each.

    A decision stands when it is based on the one that stands, or on one that waits beside it, or when the one that
    stands is the same reviewer's, based on the same: then the reviewer has typed anew. Any other is of somebody who
    did not know of the one that stands: it waits, unless it says the same. Each reviewer has one voice, the newest.
    """
    standing: KeptDecision | None = None
    waiting: dict[str, KeptDecision] = {}
    states: dict[int, State] = {}
    for mine in made:
        former = waiting.pop(mine.decision.reviewer, None)
        if former is not None:
            states[former.number] = "settled"
        basis = mine.decision.based_on
        rival = next((each for each in waiting.values() if each.number == basis), None)
        if rival is None and former is not None and former.number == basis:
            rival = former
        if (
            rival is not None
            or standing is None
            or basis == standing.number
            or _corrects(mine.decision, standing.decision)
        ):
            if standing is not None:
                states[standing.number] = "replaced"
            states[mine.number] = "stands"
            standing = mine
        elif standing is not None and mine.decision.value == standing.decision.value:
            states[mine.number] = "agrees"
        else:
            waiting[mine.decision.reviewer] = mine
            states[mine.number] = "conflict"
        for name, each in list(waiting.items()):
            if each is rival or (standing and each.decision.value == standing.decision.value):
                del waiting[name]
                states[each.number] = "settled"
    assert standing is not None, "the first decision replaces an automatic value"
    return Verdict(standing, tuple(waiting.values())), states


def _corrects(later: Decision, earlier: Decision) -> bool:
    """Whether a reviewer has said something else of a cell that showed the same."""
    return (later.reviewer, later.based_on) == (earlier.reviewer, earlier.based_on)


def _lineage(db: Connection) -> Iterator[tuple[str, str, str]]:
    """Uid and pixels of a figure or picture of a newest version, and the uid of one that was decided about in an
    older version and shows the same, the newest of these first."""
    yield from db.execute(
        """WITH shown (uid, pixels, paper, retired) AS (
               SELECT pictures.uid, pixels, figures.paper, pictures.retired
               FROM pictures JOIN figures ON figures.uid = pictures.figure
               UNION ALL
               SELECT figures.uid, pixels, figures.paper, figures.retired OR pictures.retired
               FROM figures JOIN pictures ON pictures.figure = figures.uid AND pictures.place = 0),
           decided (uid) AS (SELECT DISTINCT uid FROM decisions)
           SELECT mine.uid, mine.pixels, theirs.uid
           FROM decided JOIN shown AS theirs ON theirs.uid = decided.uid
           JOIN papers AS old ON old.id = theirs.paper AND old.superseded
           JOIN papers AS new ON new.doi = old.doi AND new.version > old.version AND NOT new.superseded
           JOIN shown AS mine ON mine.paper = new.id AND mine.pixels = theirs.pixels AND NOT mine.retired
           WHERE (mine.uid IN (SELECT uid FROM figures)) = (theirs.uid IN (SELECT uid FROM figures))
           ORDER BY mine.uid, old.version DESC, theirs.retired, theirs.uid"""
    ).fetchall()
