"""A local server that answers as the preprint servers and Europe PMC do, and goes wrong as they do when told to.

with PreprintServer([Deposit("10.1101/2020.03.01.20000001")]) as server:
    server.faults["full.pdf"] = [Fault("status", status=429, headers={"Retry-After": "3"})]
    …                                   # ask server.url
    assert len(server.asked("full.pdf")) == 2
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pymupdf

SERVERS = {"medrxiv": "medRxiv", "biorxiv": "bioRxiv"}
_KINDS = {
    *("status", "body", "drop", "redirect", "truncate", "cut", "slow"),
    *("ignore-range", "other-etag", "weak-etag"),
}
_MARK = "AoI+"  # a client that does not encode the plus of a cursor mark is told that its query is invalid


@dataclass
class Deposit:
    """One version of one preprint as the servers have it."""

    doi: str
    version: int = 1
    server: str = "medrxiv"
    title: str = "Chest CT of patients with COVID-19"
    abstract: str = "Background: we describe the chest CT of some patients with COVID-19."
    date: str = "2020-03-01"
    category: str = "radiology and imaging"
    license: str = "cc_by"
    authors: str = "Ro, A.; Bo, B."
    published: str = "NA"
    type: str = "new results"
    pdf: bytes | None = None
    """None: a small one, the same each time, which says title and DOI; another for each version."""

    @property
    def content(self) -> bytes:
        """The PDF that the server gives."""
        return _pdf(self.doi, self.version, self.title) if self.pdf is None else self.pdf

    @property
    def path(self) -> str:
        """Where the server has the PDF."""
        return f"/content/{self.doi}v{self.version}.full.pdf"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request, or with each where it is ``forever``.

    - ``status``: the answer is ``status``, ``headers``, ``body``.
    - ``body``: 200 with ``body``, in place of what belongs there.
    - ``truncate``: the connection is closed after ``after`` bytes of a body whose length was told rightly.
    - ``cut``: the body ends after ``after`` bytes, and the length told is just that.
    - ``slow``: ``seconds`` pass before each ``after`` (else 256) bytes of the body.
    - ``drop``: the connection is closed without an answer.
    - ``redirect``: 302 to ``headers["Location"]``, else to the path in ``body``.
    - ``ignore-range``: 200 with the whole body, though a part was asked for.
    - ``other-etag``: from this answer on the path has another ETag and, where it is not empty, this ``body``.
    - ``weak-etag``: all ETags are weak ones, for good. It uses up no request: the next fault of the list strikes too.

    ``headers`` are sent with any of them, in place of the server's own of that name.
    """

    kind: str
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | str = b""
    after: int = 0
    seconds: float = 0.0
    forever: bool = False

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are {sorted(_KINDS)}")

    @property
    def content(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else self.body


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    """As it was sent, query and all."""
    headers: dict[str, str]
    """By lower-case name."""


@dataclass(frozen=True)
class _Answer:
    status: int
    kind: str
    """Its Content-Type."""
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    stop: int | None = None
    """After so many bytes the connection is closed."""
    chunk: int = 0
    pause: float = 0.0


class PreprintServer:
    """Serves on 127.0.0.1 as long as the ``with`` lasts; entered again, at the same address.

    Routes: ``/details/{server}/{from}/{to}/{cursor}/json``, ``/details/{server}/{doi}/na/json``,
    ``/content/{doi}v{n}.full.pdf`` and ``/europepmc/webservices/rest/search``.
    """

    def __init__(self, deposits: Sequence[Deposit], *, page_size: int = 30) -> None:
        self.deposits = list(deposits)
        """May be changed while it serves."""
        self.page_size = page_size
        self.url = ""
        """``http://127.0.0.1:PORT``, once entered."""
        self.requests: list[Asked] = []
        """All that was asked, in order."""
        self.faults: dict[str, list[Fault]] = {}
        """By a part of the path, as sent or decoded: each fault is used up by one request, the first part's first."""
        self.extra_total = 0
        """By how much the listing's ``total`` is too large."""
        self.longest_days: int | None = None
        """Listings over more days, both ends counted, are answered with nothing."""
        self.epmc_error = False
        """Europe PMC calls every query invalid."""
        self.stopped = threading.Event()
        self._port = 0
        self._lock = threading.Lock()
        self._others: dict[str, tuple[bytes, str]] = {}
        for deposit in self.deposits:
            _ = deposit.content  # made here, since PyMuPDF is not to be used by two threads at once

    def __enter__(self) -> PreprintServer:
        self.stopped.clear()
        self._listener = _Listener(("127.0.0.1", self._port), _Handler)
        self._listener.site = self
        self._port = self._listener.server_address[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()

    def asked(self, part: str) -> list[Asked]:
        """The requests whose path, as sent or decoded, contains ``part``."""
        with self._lock:
            return [asked for asked in self.requests if _contains(asked.path, part)]

    def answer(self, asked: Asked) -> _Answer | None:
        """Note the request, and say what to send; None: nothing."""
        with self._lock:
            self.requests.append(asked)
            weak, fault = self._fault(asked.path)
        if fault is None:
            return self._usual(asked, weak=weak)
        if fault.kind == "drop":
            return None
        answer = self._faulty(asked, fault, weak=weak)
        theirs = {name.lower() for name in fault.headers}
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in theirs}
        return replace(answer, headers=kept | dict(fault.headers))

    def _fault(self, path: str) -> tuple[bool, Fault | None]:
        """Whether ETags are weak, and what else goes wrong, used up."""
        matching = [faults for part, faults in self.faults.items() if _contains(path, part)]
        weak = any(fault.kind == "weak-etag" for faults in matching for fault in faults)
        for faults in matching:
            for at, fault in enumerate(faults):
                if fault.kind != "weak-etag":
                    return weak, fault if fault.forever else faults.pop(at)
        return weak, None

    def _faulty(self, asked: Asked, fault: Fault, *, weak: bool) -> _Answer:
        if fault.kind == "status":
            return _Answer(fault.status, "text/html", fault.content)
        if fault.kind == "redirect":
            return _Answer(302, "text/html", b"", {"Location": fault.content.decode()})
        if fault.kind == "body":
            html = fault.content.lstrip().startswith(b"<")
            return _Answer(200, "text/html" if html else self._route(asked.path).kind, fault.content)
        if fault.kind == "other-etag":
            body = fault.content or self._route(asked.path).body
            with self._lock:
                self._others[asked.path] = body, _tag(b"other " + body)
        if fault.kind == "cut":
            return self._usual(asked, weak=weak, cut=fault.after)
        answer = self._usual(asked, weak=weak, ranges=fault.kind != "ignore-range")
        if fault.kind == "truncate":
            return replace(answer, stop=fault.after)
        if fault.kind == "slow":
            return replace(answer, chunk=fault.after or 256, pause=fault.seconds)
        return answer

    def _usual(self, asked: Asked, *, weak: bool, ranges: bool = True, cut: int | None = None) -> _Answer:
        answer = self._route(asked.path)
        with self._lock:
            other = self._others.get(asked.path)
        if other is not None and answer.status == 200:
            answer = replace(answer, body=other[0], headers={**answer.headers, "ETag": other[1]})
        if cut is not None:
            answer = replace(answer, body=answer.body[:cut])
        if "ETag" not in answer.headers:
            return answer
        tag = answer.headers["ETag"]
        answer = replace(answer, headers={**answer.headers, "ETag": f"W/{tag}" if weak else tag})
        return _part(answer, asked.headers) if ranges else answer

    def _route(self, sent: str) -> _Answer:
        address = urlsplit(sent)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        path = address.path if "%2f" in address.path.lower() else unquote(address.path)
        if found := re.fullmatch(r"/content/(10\..+)v(\d+)\.full\.pdf", path):
            for deposit in self.deposits:
                if _same(deposit.doi, found[1]) and deposit.version == int(found[2]):
                    body = deposit.content
                    headers = {"Accept-Ranges": "bytes", "ETag": _tag(body)}
                    return _Answer(200, "application/pdf", body, headers)
        elif found := re.fullmatch(r"/details/([^/]+)/(.+)", path):
            if found[1] not in SERVERS:
                return _json({"messages": [{"status": "Server not recognized"}]})
            if one := re.fullmatch(r"(10\..+)/na(?:/json)?", found[2]):
                return self._versions(found[1], one[1])
            if several := re.fullmatch(r"([\d-]{10})/([\d-]{10})/(\d+)(?:/json)?", found[2]):
                start, end, cursor = several.groups()
                return self._listing(found[1], start, end, int(cursor), query.get("category", ""))
        elif path == "/europepmc/webservices/rest/search":
            return self._search(query)
        return _Answer(404, "text/html", b"<!DOCTYPE html><html><body><h1>Page not found</h1></body></html>")

    def _listing(self, server: str, start: str, end: str, cursor: int, asked: str) -> _Answer:
        if self.longest_days is not None and _days(start, end) > self.longest_days:
            return _Answer(200, "application/json", b"")
        category = asked.replace("_", " ")
        if not any(_same(deposit.category, category) for deposit in self.deposits):
            category = ""
        found = [
            deposit
            for deposit in self._ordered()
            if deposit.server == server
            and start <= deposit.date <= end
            and (not category or _same(deposit.category, category))
        ]
        page = found[cursor : cursor + self.page_size]
        if not page:
            return _none()
        message = {
            "status": "ok",
            "category": category or "all",
            "interval": f"{start}:{end}",
            "cursor": cursor,
            "count": len(page),
            "count_new_papers": str(len({deposit.doi.casefold() for deposit in found})),
            "total": str(len(found) + self.extra_total),
        }
        return _json({"messages": [message], "collection": [self._row(deposit) for deposit in page]})

    def _versions(self, server: str, doi: str) -> _Answer:
        found = [one for one in self.deposits if one.server == server and _same(one.doi, doi)]
        if not found:
            return _none()
        rows = [self._row(deposit) for deposit in sorted(found, key=lambda one: one.version)]
        return _json({"messages": [{"status": "ok"}], "collection": rows})

    def _row(self, deposit: Deposit) -> dict[str, Any]:
        early = f"{deposit.date.replace('-', '/')}/{deposit.doi.partition('/')[2]}"
        return {
            "title": deposit.title,
            "authors": deposit.authors,
            "author_corresponding": deposit.authors.partition(";")[0],
            "author_corresponding_institution": "A hospital",
            "doi": deposit.doi,
            "date": deposit.date,
            "version": str(deposit.version),
            "type": deposit.type,
            "license": deposit.license,
            "category": deposit.category,
            "jatsxml": f"{self.url}/content/early/{early}.source.xml",
            "abstract": deposit.abstract,
            "funder": "NA",
            "published": deposit.published,
            "server": SERVERS[deposit.server],
        }

    def _search(self, asked: Mapping[str, str]) -> _Answer:
        if asked.get("format") != "json":
            return _Answer(200, "application/xml", b'<?xml version="1.0"?><responseWrapper/>')
        query, mark = asked.get("query", ""), asked.get("cursorMark", "*")
        first = _offset(mark)
        if self.epmc_error or not query or first is None:
            return _json({"errCode": 404, "errMsg": "Invalid query"})
        publishers = [name.casefold() for name in re.findall(r'PUBLISHER:"([^"]*)"', query, re.IGNORECASE)]
        days = re.search(r"FIRST_PDATE:\[(\S+) TO (\S+)\]", query, re.IGNORECASE)
        found = [
            deposit
            for deposit in self._ordered()
            if (not publishers or deposit.server in publishers)
            and (days is None or days[1] <= deposit.date <= days[2])
        ]
        size = min(max(int(asked.get("pageSize", "25")), 1), 1000)
        page = found[first : first + size]
        core = asked.get("resultType", "lite").casefold() == "core"
        return _json(
            {
                "version": "6.9",
                "hitCount": len(found),
                "nextCursorMark": _mark(first + len(page)) if page else mark,
                "request": {
                    "queryString": query,
                    "resultType": "core" if core else "lite",
                    "cursorMark": mark,
                    "pageSize": size,
                    "sort": "",
                    "synonym": False,
                },
                "resultList": {"result": [self._result(deposit, core=core) for deposit in page]},
            }
        )

    def _result(self, deposit: Deposit, *, core: bool) -> dict[str, Any]:
        names = [name.replace(",", "").rstrip(".") for name in deposit.authors.split("; ")]
        told: dict[str, Any] = {
            "id": f"PPR{self.deposits.index(deposit) + 1}",
            "source": "PPR",
            "doi": deposit.doi,
            "title": deposit.title,
            "authorString": ", ".join(names) + ".",
            "pubYear": deposit.date[:4],
            "firstPublicationDate": deposit.date,
            "versionNumber": deposit.version,
        }
        if not core:
            return told
        if deposit.license.startswith("cc_by"):
            told["license"] = deposit.license.replace("_", " ", 1).replace("_", "-")
        elif deposit.license.startswith("cc0"):
            told["license"] = "cc0"
        pdf = {
            "availability": "Free",
            "availabilityCode": "F",
            "documentStyle": "pdf",
            "site": "Europe_PMC",
            "url": self.url + deposit.path,
        }
        return told | {
            "abstractText": deposit.abstract,
            "bookOrReportDetails": {"publisher": SERVERS[deposit.server]},
            "fullTextUrlList": {"fullTextUrl": [pdf]},
        }

    def _ordered(self) -> list[Deposit]:
        return sorted(self.deposits, key=lambda deposit: (deposit.date, deposit.doi, deposit.version))


class _Listener(ThreadingHTTPServer):
    """Knows its connections, so that none outlives the server."""

    site: PreprintServer
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.connections: set[Any] = set()
        self.lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.lock:
            self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self.lock:
            self.connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the client was first

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go away at any time, by a kill too; all else is a mistake here and shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve(self._send)

    def do_HEAD(self) -> None:
        self._serve(lambda answer: None)

    def _serve(self, send: Callable[[_Answer], None]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.site.answer(Asked(self.command, self.path, headers))
        if answer is None:
            self.close_connection = True
            return
        told = {"Content-Type": answer.kind, "Content-Length": str(len(answer.body))}
        for name in [own for own in told if own.lower() in map(str.lower, answer.headers)]:
            del told[name]
        self.send_response(answer.status)
        for name, value in (told | dict(answer.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if answer.stop is not None or "Content-Length" not in told:
            self.close_connection = True
        send(answer)

    def _send(self, answer: _Answer) -> None:
        body = answer.body[: answer.stop]
        step = answer.chunk or len(body) or 1
        for start in range(0, len(body), step):
            if answer.pause and self.server.site.stopped.wait(answer.pause):
                self.close_connection = True
                return
            self.wfile.write(body[start : start + step])

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests read ``PreprintServer.requests``."""


@cache
def _pdf(doi: str, version: int, title: str) -> bytes:
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_textbox((72, 72, 523, 600), title[:500])
        page.insert_text((72, 700), f"doi: https://doi.org/{doi}", fontsize=9)
        document.set_metadata({"subject": f"version {version}"})
        content: bytes = document.tobytes(no_new_id=True)
        return content


def _part(answer: _Answer, asked: Mapping[str, str]) -> _Answer:
    """The part of the body that was asked for, if one was."""
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.get("range", "").strip())
    if answer.status != 200 or wanted is None:
        return answer
    tag, size = answer.headers["ETag"], len(answer.body)
    condition = asked.get("if-range", tag)
    if condition != tag or ("if-range" in asked and tag.startswith("W/")):
        return answer
    first, last = int(wanted[1]), min(int(wanted[2] or size), size - 1)
    if first >= size or last < first:
        return _Answer(416, "text/html", b"", {"Content-Range": f"bytes */{size}"})
    headers = {**answer.headers, "Content-Range": f"bytes {first}-{last}/{size}"}
    return replace(answer, status=206, body=answer.body[first : last + 1], headers=headers)


def _json(told: Mapping[str, object]) -> _Answer:
    return _Answer(200, "application/json", json.dumps(told).encode())


def _none() -> _Answer:
    return _json({"messages": [{"status": "no posts found"}], "collection": []})


def _tag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


def _days(start: str, end: str) -> int:
    """How many days an interval has, both ends counted; none where it makes no sense."""
    try:
        return (date.fromisoformat(end) - date.fromisoformat(start)).days + 1
    except ValueError:
        return 0


def _mark(offset: int) -> str:
    return _MARK + base64.b64encode(str(offset).encode()).decode()


def _offset(mark: str) -> int | None:
    if mark == "*":
        return 0
    try:
        return int(base64.b64decode(mark.removeprefix(_MARK), validate=True))
    except ValueError:
        return None


def _contains(path: str, part: str) -> bool:
    return part in path or part in unquote(path)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
