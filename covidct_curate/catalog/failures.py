"""Inputs that gave nothing, and why. A failure stands until its file succeeds or is gone from the input."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from covidct_curate.catalog import Connection, storable


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one input gave nothing."""

    source: str
    stage: str
    reason: str


def put(db: Connection, path: Path, failure: Failure, sha256: str | None) -> None:
    """Take down why the input at ``path`` (absolute) failed, in place of an earlier reason."""
    db.execute(
        "INSERT OR REPLACE INTO failures (path, source, sha256, stage, reason) VALUES (?, ?, ?, ?, ?)",
        (os.fsencode(path), failure.source, sha256, failure.stage, storable(failure.reason)),
    )


def clear(db: Connection, sha256: str, *, stage: str | None = None) -> None:
    """Forget the failures of a file that succeeded, or those of one stage."""
    db.execute("DELETE FROM failures WHERE sha256 = ?1 AND (?2 IS NULL OR stage = ?2)", (sha256, stage))


def keep_only(db: Connection, inputs: list[Path], failed: set[Path]) -> None:
    """Forget failures at or below the given inputs (all absolute) but those at ``failed`` paths."""
    roots = [os.fsencode(path) for path in inputs]
    stand = {os.fsencode(path) for path in failed}
    for (path,) in db.execute("SELECT path FROM failures").fetchall():
        below = any(path == root or path.startswith(root.rstrip(b"/") + b"/") for root in roots)
        if below and path not in stand:
            db.execute("DELETE FROM failures WHERE path = ?", (path,))


def every(db: Connection) -> Iterator[Failure]:
    """All failures by source name."""
    for source, stage, reason in db.execute(
        "SELECT source, stage, reason FROM failures ORDER BY source, path"
    ):
        yield Failure(source, stage, reason)
