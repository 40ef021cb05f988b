"""PDFs as the preprint servers' sites, and others, serve them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

import requests
from urllib3.exceptions import HTTPError

from covidct_curate.crawl.client import Client
from covidct_curate.crawl.listing import Body
from covidct_curate.errors import NoAnswer

_CHUNK: Final = 2**16
_RANGE = re.compile(r"bytes (?P<start>\d{1,15})-\d{1,15}/(?P<total>\d{1,15}|\*)")


def pdf(server: str, doi: str, version: int, base_url: str = "") -> str:
    """The address of a version's PDF at medRxiv or bioRxiv."""
    site = base_url or f"https://www.{server}.org"
    return f"{site}/content/{quote(doi, safe='/')}v{version}.full.pdf"


def strong(etag: str) -> bool:
    """Whether two files of this tag are equal in every byte (RFC 9110, 8.8.1)."""
    return re.fullmatch(r'"[\x21\x23-\x7e]*"', etag) is not None


@contextmanager
def body(client: Client, url: str, have: int, etag: str) -> Iterator[Body]:
    """What an address gives, from byte ``have`` on if it is still the file of that tag, else from the beginning.

    Raises `NoAnswer`, also from the chunks where the connection breaks; `HostStopped`.
    """
    if not url:
        raise NoAnswer("nobody says where its PDF is")
    resumed = have > 0 and strong(etag)
    headers = {"Range": f"bytes={have}-", "If-Range": etag} if resumed else {}
    with client.open(url, headers=headers, accept=(200, 206, 416) if resumed else (200,)) as answer:
        tag = answer.headers.get("ETag", "")
        if answer.status_code == 200:
            yield Body(_chunks(answer), 0, _length(answer), tag, answer.url)
            return
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
        if answer.status_code == 206 and found and int(found["start"]) == have and tag in ("", etag):
            total = None if found["total"] == "*" else int(found["total"])
            yield Body(_chunks(answer), have, total, etag, answer.url)
            return
    with body(client, url, 0, "") as whole:
        yield whole


def _length(answer: requests.Response) -> int | None:
    told = answer.headers.get("Content-Length", "")
    return (
        int(told) if re.fullmatch(r"[0-9]{1,15}", told) and "Content-Encoding" not in answer.headers else None
    )


def _chunks(answer: requests.Response) -> Iterator[bytes]:
    try:
        # What is there, not a whole chunk: a server that trickles must not hold on to us.
        while chunk := answer.raw.read1(_CHUNK, decode_content=True):
            yield chunk
    except (requests.RequestException, HTTPError, OSError) as error:
        raise NoAnswer(f"{answer.url}: the connection broke off: {type(error).__name__}") from error
