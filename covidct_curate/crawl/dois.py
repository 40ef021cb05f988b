"""Papers named by their DOIs: some are missing from the listings, so they can always be given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from covidct_curate.crawl.api import Api
from covidct_curate.crawl.listing import Body, Listing
from covidct_curate.crawl.preprint import Preprint, named, newest
from covidct_curate.crawl.wish import Wish
from covidct_curate.errors import ChoiceError, HostStopped, NoAnswer


class Dois:
    """Looks each DOI up at the servers' API; the prefix does not tell which server."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def records(self, wish: Wish, progress: Callable[[int], None]) -> Listing:
        """The version behind each DOI (``…v2``), else the newest, or all if those are wished for.

        DOIs that no server has are told in ``missing``.
        """
        listing = Listing()
        for number, told in enumerate(wish.dois):
            try:
                listing.found += self._versions(told, wish)
            except NoAnswer as error:
                listing.missing.append(str(error))
            except HostStopped as error:
                listing.missing.append(f"{len(wish.dois) - number:,} DOIs were not looked up: {error}")
                break
            progress(len(listing.found))
        return listing

    @contextmanager
    def open(self, preprint: Preprint, have: int, etag: str) -> Iterator[Body]:
        """The PDF at the server's site."""
        with self._api.open(preprint, have, etag) as body:
            yield body

    def _versions(self, told: str, wish: Wish) -> list[Preprint]:
        found = named(told)
        if found is None:
            raise NoAnswer(f"{told[:100]!r} is no DOI")
        doi, version = found
        versions = self._api.versions(doi, wish.servers)
        if version is None:
            return versions if wish.all_versions else newest(versions)
        these = [each for each in versions if each.version == version]
        if not these:
            raise NoAnswer(
                f"{doi}: there is no version {version}, only up to {max(v.key[1] for v in versions)}"
            )
        return these


def read_dois(path: Path) -> tuple[str, ...]:
    """The DOIs of a text file, one a line, a word in front or behind or not; lines with a # in front are passed over.

    Raises `ChoiceError` when it cannot be read, or a line has none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise ChoiceError(f"{path}: it cannot be read: {error}") from error
    return listed((line for line in lines if line.strip() and not line.lstrip().startswith("#")), str(path))


def listed(told: Iterable[str], where: str) -> tuple[str, ...]:
    """The DOIs of texts, each once, with their versions. Raises `ChoiceError` for a text without one."""
    dois: dict[str, str] = {}
    for each in told:
        found = named(each)
        if found is None:
            raise ChoiceError(f"{where}: there is no DOI in {each.strip()[:80]!r}")
        doi = f"{found[0]}{f'v{found[1]}' if found[1] else ''}"
        dois.setdefault(doi.casefold(), doi)
    return tuple(dois.values())
