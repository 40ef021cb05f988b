"""A listing: what a source told, and what it failed to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from covidct_curate.crawl.preprint import Preprint
from covidct_curate.crawl.wish import Wish


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a PDF as they come."""

    chunks: Iterator[bytes]
    start: int
    """Of the whole file, which byte comes first."""
    total: int | None
    """Bytes of the whole file, where the server says."""
    etag: str
    url: str
    """Where it came from in the end."""


@dataclass(slots=True)
class Listing:
    """What a source found, in its order."""

    found: list[Preprint] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What could not be listed, and why; the listing is then not complete."""
    notes: list[str] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    """Address → the file, of PDFs that are on this machine."""


class Source(Protocol):
    """Where preprints are listed and their PDFs come from."""

    def records(self, wish: Wish, progress: Callable[[int], None]) -> Listing:
        """What there is to a wish; ``progress`` is told how many were found so far.

        Raises `HostStopped` when the source cannot be used at all.
        """

    def open(self, preprint: Preprint, have: int, etag: str) -> AbstractContextManager[Body]:
        """The PDF; from byte ``have`` on where the source still has the file of that strong ETag.

        Raises `NoAnswer`, `HostStopped`.
        """
