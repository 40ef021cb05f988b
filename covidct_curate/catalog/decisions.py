"""Reviewers' decisions: append-only, each about one field of a figure or picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from covidct_curate.catalog import Connection
from covidct_curate.records import Decision


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision of the catalogue with what it is about."""

    number: int
    decision: Decision
    file: str | None
    """Picture file, relative to the workspace; a figure's first. None for a caption without a picture."""
    old: str | None
    """Value of the decision it is based on, None where it replaces the automatic value."""


def append(db: Connection, decision: Decision) -> int:
    """Take a decision down and return its number.

    Its target must be a figure or picture of the catalogue, and ``based_on`` a decision about the same
    field of the same target: otherwise the catalogue refuses.
    """
    cursor = db.execute(
        """INSERT INTO decisions (uid, field, value, based_on, reviewer, at, client)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (
            decision.uid,
            decision.field,
            decision.value,
            decision.based_on,
            decision.reviewer,
            decision.at,
            decision.client,
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def standing(db: Connection, field: str) -> dict[str, tuple[int, str]]:
    """Target uid → number and value of the decision on that field that stands.

    That is the newest one; but one that does not replace the decision standing at its time is a conflict,
    and changes nothing until somebody chooses.
    """
    found: dict[str, tuple[int, str]] = {}
    for number, uid, value, based_on in db.execute(
        "SELECT id, uid, value, based_on FROM decisions WHERE field = ? ORDER BY id", (field,)
    ):
        if based_on == (found[uid][0] if uid in found else None):
            found[uid] = number, value
    return found


def every(db: Connection) -> Iterator[KeptDecision]:
    """All decisions, the oldest first."""
    for row in db.execute(
        """SELECT mine.id, mine.uid, mine.field, mine.value, mine.based_on, mine.reviewer, mine.at,
                  mine.client, papers.folder || '/' || pictures.file, basis.value
           FROM decisions AS mine
           LEFT JOIN decisions AS basis ON basis.id = mine.based_on
           LEFT JOIN pictures ON pictures.uid = coalesce(
               (SELECT uid FROM pictures WHERE uid = mine.uid),
               (SELECT uid FROM pictures WHERE figure = mine.uid AND file IS NOT NULL
                ORDER BY retired, place LIMIT 1))
           LEFT JOIN figures ON figures.uid = pictures.figure
           LEFT JOIN papers ON papers.id = figures.paper
           ORDER BY mine.id"""
    ):
        number, uid, field, value, based_on, reviewer, at, client, file, old = row
        yield KeptDecision(number, Decision(uid, field, value, based_on, reviewer, at, client), file, old)
