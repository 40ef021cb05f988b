"""A workspace opened for work: locked, its catalogue open, and what a killed run left put right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from covidct_curate.catalog import Catalog, failures, papers
from covidct_curate.catalog.failures import Failure
from covidct_curate.errors import WorkspaceError
from covidct_curate.workspace import Workspace


@contextmanager
def opened(place: Workspace, *, create: bool = False) -> Iterator[Catalog]:
    """The catalogue of a workspace, with other runs kept out.

    Raises `WorkspaceError` when the workspace cannot be used, or is not there and not to be made.
    """
    if not create:
        Catalog(place.catalog).close()
    with place.locked(), Catalog(place.catalog, create=create) as catalog:
        with catalog.snapshot() as db:
            folders = papers.folders(db)
        place.recover(folders)
        yield catalog


def committed(catalog: Catalog, folder: str) -> Callable[[], Mapping[str, str]]:
    """Asks the catalogue from which temporary folder the pictures in ``folder`` came."""

    def ask() -> Mapping[str, str]:
        with catalog.snapshot() as db:
            return papers.folders(db, folder)

    return ask


def remember(catalog: Catalog, path: Path, failure: Failure, sha256: str) -> None:
    """Take a failure down; on a full disk it is in the report alone."""
    with suppress(WorkspaceError), catalog.transaction() as db:
        failures.put(db, path, failure, sha256)


def now() -> str:
    """The time as decisions have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
