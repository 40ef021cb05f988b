"""Europe PMC: preprints of many servers, found by words, and the PDFs it links to.

https://europepmc.org/RestfulWebService: ``SRC:PPR`` are preprints; errors come as HTTP 200 with ``errCode``; the last
page gives its own cursor back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

from covidct_curate.crawl import web
from covidct_curate.crawl.client import Client
from covidct_curate.crawl.listing import Body, Listing
from covidct_curate.crawl.preprint import SERVERS, Preprint, count, day, number, text
from covidct_curate.crawl.wish import Wish
from covidct_curate.errors import CrawlError, NoAnswer

_SITE: Final = "https://www.ebi.ac.uk"
_PAGE: Final = 1000


class EuropePmc:
    """Lists by Europe PMC's search; PDFs come from where it says."""

    def __init__(self, client: Client, base_url: str = "") -> None:
        self._client = client
        self._search = f"{base_url or _SITE}/europepmc/webservices/rest/search"

    def records(self, wish: Wish, progress: Callable[[int], None]) -> Listing:
        """All preprints of the servers that were first posted in the dates and that the search words find.

        A search that breaks off is told in ``missing``.
        """
        listing = Listing()
        cursor, seen = "*", set[str]()
        keys, before = set[tuple[str, int]](), list[Any]()
        given = announced = 0
        while cursor not in seen:
            seen.add(cursor)
            params = {
                "query": query(wish),
                "format": "json",
                "resultType": "core",
                "pageSize": str(_PAGE),
                "cursorMark": cursor,
            }
            try:
                rows, cursor, total = self._page(params)
                told = [_preprint(row) for row in rows]
                fresh = {each.key for each in told if each} - keys
                if rows and ((not fresh and any(told)) or rows == before):
                    raise NoAnswer(f"{self._search}: it repeats what it gave before")
            except CrawlError as error:
                listing.missing.append(f"Europe PMC was not listed to its end: {error}")
                break
            if not rows:
                break
            keys |= fresh
            before, given, announced = rows, given + len(rows), max(announced, total)
            listing.found += [each for each in told if each]
            if odd := told.count(None):
                listing.notes.append(f"Europe PMC: {odd:,} rows without a DOI are left out")
            progress(len(listing.found))
        if given < announced:
            listing.notes.append(f"Europe PMC: {announced:,} preprints announced, {given:,} given")
        return listing

    @contextmanager
    def open(self, preprint: Preprint, have: int, etag: str) -> Iterator[Body]:
        """The PDF where Europe PMC says it is."""
        with web.body(self._client, preprint.url, have, etag) as body:
            yield body

    def _page(self, params: dict[str, str]) -> tuple[list[Any], str, int]:
        """Results, the next page's cursor, and how many there are on all pages."""
        told = self._client.json(self._search, params)
        if not isinstance(told, dict):
            raise NoAnswer(f"{self._search}: the answer is not Europe PMC's")
        if told.get("errCode") or told.get("errMsg"):
            code = text(str(told.get("errCode")))[:20]
            raise NoAnswer(f"{self._search}: {text(told.get('errMsg'))[:200]} ({code})")
        results = told.get("resultList")
        rows = results.get("result") if isinstance(results, dict) else None
        if not isinstance(rows, list):
            raise NoAnswer(f"{self._search}: the answer has no results, not even none")
        following = told.get("nextCursorMark")
        cursor = following if isinstance(following, str) else params["cursorMark"]
        return rows, cursor, count(told.get("hitCount"))


def query(wish: Wish) -> str:
    """The wish in Europe PMC's words."""
    since, until = wish.dates(date.today())
    servers = " OR ".join(f'PUBLISHER:"{SERVERS[server]}"' for server in wish.servers)
    words = f" AND ({wish.search})" if wish.search else ""
    return f'(SRC:"PPR") AND ({servers}) AND (FIRST_PDATE:[{since} TO {until}]){words}'


def _preprint(row: Any) -> Preprint | None:
    """A result; None where it names no paper."""
    if not isinstance(row, dict) or not text(row.get("doi")).startswith("10."):
        return None
    book = row.get("bookOrReportDetails")
    publisher = text(book.get("publisher")) if isinstance(book, dict) else ""
    return Preprint(
        doi=text(row.get("doi")),
        version=number(row.get("versionNumber")),
        server=SERVERS.get(publisher.casefold(), publisher),
        title=text(row.get("title")),
        abstract=text(row.get("abstractText")),
        authors=text(row.get("authorString")),
        posted=day(row.get("firstPublicationDate")),
        licence=text(row.get("license")),
        url=_pdf(row),
    )


def _pdf(row: dict[str, Any]) -> str:
    """The address of a free PDF; Europe PMC's own before others'."""
    listed = row.get("fullTextUrlList")
    urls = listed.get("fullTextUrl") if isinstance(listed, dict) else None
    found = [
        (text(each.get("site")) != "Europe_PMC", url)
        for each in (urls if isinstance(urls, list) else ())
        if isinstance(each, dict)
        and text(each.get("documentStyle")).casefold() == "pdf"
        and text(each.get("availabilityCode")) != "S"  # for subscribers
        and (url := text(each.get("url")))
    ]
    return min(found)[1] if found else ""
