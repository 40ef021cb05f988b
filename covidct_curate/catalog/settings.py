"""What holds for a whole workspace."""

from __future__ import annotations

from covidct_curate.catalog import Connection


def find(db: Connection, name: str) -> str | None:
    """A setting's value, None where it was never set."""
    row = db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def put(db: Connection, name: str, value: str) -> None:
    """Set it."""
    db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value))
