"""What exported sheets show, by the id that stands in each of their rows."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from covidct_curate.catalog import Connection


def put(db: Connection, export: str, content: str, at: str) -> None:
    """Take down what the export of that id shows. Equal exports have one id and are kept once."""
    db.execute(
        "INSERT OR IGNORE INTO exports (id, at, content) VALUES (?, ?, ?)",
        (export, at, zlib.compress(content.encode("utf-8", "surrogatepass"))),
    )


def find(db: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Id → content, of those that are exports of this workspace."""
    found = {}
    for each in ids:
        row = db.execute("SELECT content FROM exports WHERE id = ?", (each,)).fetchone()
        if row is not None:
            found[each] = zlib.decompress(row[0]).decode("utf-8", "surrogatepass")
    return found
