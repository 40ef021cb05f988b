"""Spreadsheets we wrote into the workspace, so that a file somebody edited is never overwritten."""

from __future__ import annotations

from dataclasses import dataclass

from covidct_curate.catalog import Connection


@dataclass(frozen=True, slots=True)
class Export:
    """Our last export of one file name."""

    ours: frozenset[str]
    """SHA-256 the file may have and still be ours: as last put in place, or as a killed run put it."""
    content: str
    """Digest of what the file shows, empty when it was never put in place."""


def find(db: Connection, name: str) -> Export | None:
    """Our last export of that name, None when there was none."""
    row = db.execute("SELECT sha256, written, content FROM sheets WHERE name = ?", (name,)).fetchone()
    return None if row is None else Export(frozenset(filter(None, row[:2])), row[2])


def announce(db: Connection, name: str, sha256: str) -> None:
    """Take down that a file of these bytes is about to be put in place."""
    db.execute(
        """INSERT INTO sheets (name, sha256, written, content) VALUES (?, ?, '', '')
           ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256""",
        (name, sha256),
    )


def confirm(db: Connection, name: str, content: str) -> None:
    """Take down that the announced file is in place and what it shows."""
    db.execute("UPDATE sheets SET written = sha256, content = ? WHERE name = ?", (content, name))
