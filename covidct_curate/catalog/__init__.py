"""The catalogue: one SQLite file, the one truth of a workspace, and the only place that speaks SQL.

Open it with `Catalog`, then hand the connection of a `Catalog.transaction` or `Catalog.snapshot` to the
functions of `papers`, `figures`, `decisions`, `failures` and `sheets`.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from covidct_curate.catalog import schema
from covidct_curate.errors import NewerCatalog, WorkspaceError

Connection = sqlite3.Connection

_BUSY_SECONDS = 30.0
_ROOM = 1 << 16
"""Free bytes under which a disk is full for a catalogue."""


class Catalog:
    """An open catalogue. Use as a context manager, or `close` it."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the catalogue at ``path``, migrating an older one.

        ``create`` makes a new one where there is none. Raises `WorkspaceError` when there is none or it
        cannot be read, and `NewerCatalog` when a newer version of the toolkit wrote it.
        """
        self.path = path
        if not create and not path.is_file():
            raise WorkspaceError(f"{path}: there is no catalogue here; make one with `curate extract`")
        try:
            self._db = _connect(path, create)
        except sqlite3.Error as error:
            raise WorkspaceError(f"{path}: the catalogue cannot be opened: {_reason(error, path)}") from error
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was not committed is rolled back."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commit all of the block's writes, or none. Raises `WorkspaceError` when the file refuses."""
        with self._block("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Read one consistent state. Raises `WorkspaceError` when the file refuses."""
        with self._block("BEGIN") as db:
            yield db

    @contextmanager
    def _block(self, begin: str) -> Iterator[Connection]:
        try:
            self._db.execute(begin)
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise WorkspaceError(
                f"{self.path}: the catalogue refuses: {_reason(error, self.path)}"
            ) from error

    def _prepare(self) -> None:
        newest = len(schema.MIGRATIONS)
        with self.snapshot() as db:
            version = _version(db)
            if _pragma(db, "application_id") not in (0, schema.APPLICATION_ID):
                raise WorkspaceError(f"{self.path}: an SQLite file of another program, not a catalogue")
        if version > newest:
            raise NewerCatalog(
                f"{self.path}: written by a newer version of covidct (catalogue {version}, this version "
                f"knows {newest}); update covidct"
            )
        if version < newest:
            with self.transaction() as db:
                for number in range(_version(db), newest):
                    for statement in _statements(schema.MIGRATIONS[number]):
                        db.execute(statement)
                db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {newest}")


def storable(text: str | None) -> str | None:
    """Text as SQLite and JSON can hold it: halves of a surrogate pair, which are no characters, replaced."""
    return None if text is None else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _connect(path: Path, create: bool) -> Connection:
    """Open the file for writing, or for reading where its folder is read-only."""
    uri = path.absolute().as_uri()
    try:
        db = sqlite3.connect(
            f"{uri}?mode={'rwc' if create else 'rw'}", uri=True, isolation_level=None, timeout=_BUSY_SECONDS
        )
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA recursive_triggers = ON")
        except BaseException:
            db.close()
            raise
    except sqlite3.OperationalError:
        if create or path.with_name(f"{path.name}-wal").exists():
            raise
        # A write-ahead log cannot be opened beside a read-only file, but there is none: nobody writes.
        db = sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
    return db


def _reason(error: sqlite3.Error, path: Path) -> str:
    """SQLite's words, and that the disk is full where that may be why: it often calls that an I/O error."""
    try:
        full = shutil.disk_usage(path.parent).free < _ROOM
    except OSError:
        full = False
    return f"{error} (its disk is full)" if full and "full" not in str(error) else str(error)


def _pragma(db: Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _version(db: Connection) -> int:
    return _pragma(db, "user_version")


def _statements(script: str) -> Iterator[str]:
    """Split a script, since ``executescript`` would commit the transaction it runs in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError(f"unfinished statement: {statement.strip()}")
