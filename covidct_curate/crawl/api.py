"""The servers' own API, https://api.biorxiv.org: both servers, by date or by DOI.

What it is like: pages of 30 at an absolute offset; ``total`` counts versions and may be too large; errors come as
HTTP 200; a category that it does not know gives everything; long ranges of dates fail.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import quote

from covidct_curate.crawl import web
from covidct_curate.crawl.client import Client
from covidct_curate.crawl.listing import Body, Listing
from covidct_curate.crawl.preprint import SERVERS, Preprint, count, day, number, text
from covidct_curate.crawl.wish import Wish
from covidct_curate.errors import ChoiceError, HostStopped, NoAnswer

_API: Final = "https://api.biorxiv.org"
_MOST: Final = 100_000
"""Versions in a month; the servers together have some 5,000."""
_MOST_DAYS: Final = 3
"""Days in a row that cannot be listed, before a server is given up."""
_NOTHING: Final = "no posts found"
_NO_SERVER: Final = "server not recognized"


class Api:
    """Lists by the API; PDFs come from the servers' sites."""

    def __init__(self, client: Client, base_url: str = "") -> None:
        self._client = client
        self._api, self._site = base_url or _API, base_url
        self._failed = 0
        """Days in a row that could not be listed."""

    def records(self, wish: Wish, progress: Callable[[int], None]) -> Listing:
        """All versions that were posted in the dates, a month at a time; a month that fails in halves.

        Days that cannot be listed even alone are in ``missing``. Raises `ChoiceError` for a category or a server
        that the API does not know.
        """
        listing = Listing()
        since, until = wish.dates(date.today())
        for server in wish.servers:
            self._failed = 0
            try:
                for first, last in months(since, until):
                    self._between(server, first, last, wish.category, listing)
                    progress(len(listing.found))
            except HostStopped as error:
                listing.missing.append(f"{SERVERS[server]} was not listed to its end: {error}")
        return listing

    def versions(self, doi: str, servers: tuple[str, ...]) -> list[Preprint]:
        """All versions of a paper, by the first of the servers that has it.

        Raises `NoAnswer` when none has it, `HostStopped`.
        """
        for server in servers:
            url = f"{self._api}/details/{server}/{quote(doi, safe='/')}/na/json"
            rows, _ = self._page(url, {})
            found = [each for each in (self._preprint(row, server) for row in rows) if each]
            same = [each for each in found if each.doi.casefold() == doi.casefold()]
            if same:
                return same
        names = " nor ".join(SERVERS[server] for server in servers)
        raise NoAnswer(
            f"{doi}: neither {names} has it" if len(servers) > 1 else f"{doi}: {names} does not have it"
        )

    @contextmanager
    def open(self, preprint: Preprint, have: int, etag: str) -> Iterator[Body]:
        """The PDF at the server's site."""
        with web.body(self._client, preprint.url, have, etag) as body:
            yield body

    def _between(self, server: str, first: date, last: date, category: str, listing: Listing) -> None:
        """Listed whole, or in halves where that fails."""
        try:
            listing.found += self._listed(server, first, last, category, listing)
            self._failed = 0
        except NoAnswer as error:
            if first < last:
                middle = first + (last - first) // 2
                self._between(server, first, middle, category, listing)
                self._between(server, middle + timedelta(1), last, category, listing)
                return
            self._failed += 1
            if self._failed == _MOST_DAYS:
                raise HostStopped(f"{first}: {error}, and so for {_MOST_DAYS} days in a row") from error
            listing.missing.append(f"{SERVERS[server]}, {first}: {error}")

    def _listed(
        self, server: str, first: date, last: date, category: str, listing: Listing
    ) -> list[Preprint]:
        found: dict[tuple[str, int], Preprint] = {}
        odd, cursor, total = 0, 0, 0
        before: list[Any] = []
        while True:
            url = f"{self._api}/details/{server}/{first}/{last}/{cursor}/json"
            rows, message = self._page(url, {"category": category.replace(" ", "_")} if category else {})
            if rows and category and _folded(message.get("category")) != _folded(category):
                raise ChoiceError(
                    f"{SERVERS[server]} knows no category {category!r}: it gave "
                    f"{text(message.get('category'))[:80] or 'all'!r}; see the categories on its site"
                )
            if not rows:
                break
            told = [self._preprint(row, server) for row in rows]
            fresh = {each.key: each for each in told if each and each.key not in found}
            odd += told.count(None)
            if (not fresh and any(told)) or rows == before or cursor > _MOST:
                raise NoAnswer(f"{url}: it repeats what it gave before")
            before = rows
            found.update(fresh)
            cursor += len(rows)
            total = max(total, count(message.get("total")))
        if odd:
            listing.notes.append(
                f"{SERVERS[server]}, {first} to {last}: {odd:,} rows without a DOI or a version are left out"
            )
        if cursor < total:
            listing.notes.append(
                f"{SERVERS[server]}, {first} to {last}: {total:,} versions announced, {cursor:,} given"
            )
        return list(found.values())

    def _page(self, url: str, params: dict[str, str]) -> tuple[list[Any], dict[str, Any]]:
        """Rows, none at the end, and the message. Raises `NoAnswer` for an answer that stays none."""
        told = self._client.json(url, params, _wrong)
        message = told["messages"][0]
        status = text(message["status"]).casefold()
        if _NO_SERVER in status:
            raise ChoiceError(f"{url}: the API does not know this server")
        return [] if _NOTHING in status else told.get("collection", []), message

    def _preprint(self, row: Any, server: str) -> Preprint | None:
        """A row; None where it does not even name a paper and its version."""
        if not isinstance(row, dict):
            return None
        doi, version = text(row.get("doi")), number(row.get("version"))
        if not doi.startswith("10.") or version is None:
            return None
        server = (
            text(row.get("server")).casefold() if text(row.get("server")).casefold() in SERVERS else server
        )
        published = text(row.get("published"))
        return Preprint(
            doi=doi,
            version=version,
            server=SERVERS[server],
            title=text(row.get("title")),
            abstract=text(row.get("abstract")),
            authors=text(row.get("authors")),
            posted=day(row.get("date")),
            category=text(row.get("category")),
            licence=text(row.get("license")),
            published="" if published.upper() == "NA" else published,
            url=web.pdf(server, doi, version, self._site),
            kind=text(row.get("type")),
        )


def months(since: date, until: date) -> Iterator[tuple[date, date]]:
    """The dates month by month."""
    while since <= until:
        end = since.replace(day=calendar.monthrange(since.year, since.month)[1])
        yield since, min(end, until)
        since = end + timedelta(1)


def _wrong(told: Any) -> str:
    """Why an answer is none of the API's, or one of its errors; ``""`` for a good one."""
    messages = told.get("messages") if isinstance(told, dict) else None
    message = messages[0] if isinstance(messages, list) and messages else None
    if not isinstance(message, dict) or not isinstance(told.get("collection", []), list):
        return "the answer is not the API's"
    status = text(message.get("status"))
    if status.casefold() == "ok" or any(each in status.casefold() for each in (_NOTHING, _NO_SERVER)):
        return ""
    return status[:200] or "it does not say whether all is well"


def _folded(category: Any) -> str:
    return text(category).casefold().replace("_", " ")
