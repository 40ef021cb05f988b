"""Requests to a server: slow enough, patient with its troubles, and never without end."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import MaxRetryError

from covidct_curate import __version__
from covidct_curate.crawl.limiter import Limiter
from covidct_curate.errors import HostStopped, NoAnswer
from covidct_curate.manifest import plain

TOOL = f"covidct {__version__}"

_CONNECT, _READ = 6.0, 30.0
"""Seconds. A host that is out of reach is given up after three tries and two pauses: within 30 s."""
_PAUSES: Final = (2.0, 5.0)
"""Seconds before the second and third try at a server in trouble."""
_REFUSED: Final = frozenset({403, 429, 503})
_HOLDS: Final = (60.0, 120.0)
"""Seconds for which a host that refuses is left alone, unless it says how long."""
_LONGEST_HOLD: Final = 900.0
_MOST_REFUSED: Final = 2
"""Addresses in a row that a host refuses to the end, before it is asked nothing more."""
_REDIRECTS: Final = 5
_LARGEST_ANSWER: Final = 64 * 2**20
"""Bytes of a listing's page; the real ones have some hundred thousand."""
_LONGEST_REASON: Final = 200


class Client:
    """Asks servers, one request at a time."""

    def __init__(
        self,
        contact: str = "",
        *,
        say: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.say, self.clock, self._sleep = say, clock, sleep
        self._limiter = Limiter(clock, sleep)
        self._session = requests.Session()
        reach = f"; {contact}" if contact else ""
        self._session.headers.update(
            {"User-Agent": f"covidct/{__version__} (curate crawl{reach})", "Accept-Encoding": "identity"}
        )
        self._refused: dict[str, int] = {}
        self._stopped: dict[str, str] = {}

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def json(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        wrong: Callable[[Any], str] = lambda told: "",
    ) -> Any:
        """The JSON that an address gives; asked again where it is broken or empty, or ``wrong`` says why it is no use.

        Raises `NoAnswer` when it stays so, and for an HTTP status that is an error; `HostStopped`.
        """
        reason = ""
        for pause in (*_PAUSES, None):
            with self.open(url, params=params) as answer:
                try:
                    told = json.loads(_whole(answer))
                    if not (reason := wrong(told)):
                        return told
                except (ValueError, RecursionError):
                    reason = "the answer is empty or no JSON"
                except (requests.RequestException, OSError) as error:
                    reason = f"the answer broke off: {_short(error)}"
            if pause is not None:
                self._sleep(pause)
        raise NoAnswer(f"{url}: {reason}")

    @contextmanager
    def open(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (200,),
    ) -> Iterator[requests.Response]:
        """An answer with one of these statuses, its body not yet read; redirects are followed.

        A server in trouble is asked three times. One that refuses (403, 429, 503) is left alone for as long as it
        wants, or for a minute or two, and asked again. Raises `NoAnswer` for any other status, `HostStopped` when the
        host cannot be reached, refuses again and again, or wants to be left alone for longer than a quarter of an
        hour.
        """
        for _ in range(1 + _REDIRECTS):
            answer = self._patiently(url, params, headers or {}, accept)
            with closing(answer):
                if not answer.is_redirect:
                    yield answer
                    return
            url, params = urljoin(answer.url, answer.headers["Location"]), None
        raise NoAnswer(f"{url}: redirected more than {_REDIRECTS} times")

    def _patiently(
        self, url: str, params: Mapping[str, str] | None, headers: Mapping[str, str], accept: tuple[int, ...]
    ) -> requests.Response:
        host = _host(url)
        holds, pauses = iter(_HOLDS), iter(_PAUSES)
        while True:
            if host in self._stopped:
                raise HostStopped(self._stopped[host])
            self._limiter.wait(host)
            try:
                answer = self._session.get(
                    url,
                    params=params,
                    headers=headers,
                    stream=True,
                    allow_redirects=False,
                    timeout=(_CONNECT, _READ),
                )
            except (requests.Timeout, requests.ConnectionError) as error:
                reason, away = _short(error), _away(error)
            except (requests.RequestException, ValueError) as error:
                raise NoAnswer(f"{url}: it cannot be asked for: {_short(error)}") from error
            else:
                if answer.status_code in accept or answer.is_redirect:
                    self._refused[host] = 0
                    return answer
                answer.close()
                reason = f"HTTP {answer.status_code} {plain(answer.reason or '')[:60]}".rstrip()
                if answer.status_code in _REFUSED:
                    self._refuse(host, url, reason, _retry_after(answer), next(holds, None))
                    continue
                if answer.status_code < 500:
                    raise NoAnswer(f"{url}: {reason}")
                if (pause := next(pauses, None)) is None:
                    raise NoAnswer(f"{url}: {reason}, three times")
                self._sleep(pause)
                continue
            if (pause := next(pauses, None)) is not None:
                self._sleep(pause)
            elif away:
                self._stop(host, f"{host} cannot be reached: {reason}; check the network, or the address")
            else:
                raise NoAnswer(f"{url}: {reason}, three times")

    def _refuse(self, host: str, url: str, reason: str, asked: float | None, hold: float | None) -> None:
        """Leave the host alone for a while. Raises `NoAnswer` when that was done often enough for this address."""
        if asked is not None and asked > _LONGEST_HOLD:
            self._stop(
                host, f"{host} refuses ({reason}) and asks to be left alone for {asked / 60:.0f} minutes"
            )
        if hold is not None:
            seconds = hold if asked is None else asked
            self.say(
                f"{host} refuses ({reason}): waiting {seconds:.0f} s{'' if asked is None else ', as it asks'}"
            )
            self._limiter.hold(host, seconds)
            return
        self._refused[host] = self._refused.get(host, 0) + 1
        if self._refused[host] >= _MOST_REFUSED:
            self._stop(host, f"{host} keeps refusing ({reason}); try again in some hours")
        raise NoAnswer(f"{url}: {reason}, three times")

    def _stop(self, host: str, reason: str) -> None:
        self._stopped[host] = reason
        raise HostStopped(reason)


def _away(error: requests.RequestException) -> bool:
    """Whether not even a connection came about."""
    inner = error.args[0] if error.args else None
    return isinstance(error, requests.ConnectTimeout) or (
        isinstance(inner, MaxRetryError) and not isinstance(error, requests.Timeout)
    )


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise NoAnswer(f"{url[:_LONGEST_REASON]}: no web address") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NoAnswer(f"{url[:_LONGEST_REASON]}: no web address")
    return parts.hostname.casefold()


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds, from a number of them or a date."""
    told = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", told):
        return float(told)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _whole(answer: requests.Response) -> bytes:
    body = bytearray()
    for chunk in answer.iter_content(65536):
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise NoAnswer(f"{answer.url}: the answer is larger than {_LARGEST_ANSWER >> 20} MiB")
    return bytes(body)


def _short(error: Exception) -> str:
    """The innermost reason of an error of requests, short."""
    inner: object = error
    while isinstance(inner, BaseException):
        reason = getattr(inner, "reason", None)
        deeper = reason if isinstance(reason, BaseException) else (inner.args[0] if inner.args else None)
        if not isinstance(deeper, BaseException):
            break
        inner = deeper
    told = str(inner)
    if isinstance(inner, OSError) and inner.strerror:
        told = inner.strerror
    elif "Connection refused" in told:
        told = "connection refused"
    return plain(told)[:_LONGEST_REASON]
