"""A workspace opened for work: locked, its catalogue open, and what a killed run left put right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from covidct_curate.catalog import Catalog, papers
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
