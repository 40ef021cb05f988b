"""How often a server is asked: one request at a time, and a gap before the next."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable
from typing import Final

_SITES: Final = ("medrxiv.org", "biorxiv.org")
_SITES_GAP: Final = 7.0
"""Seconds; ``Crawl-delay`` in robots.txt of www.medrxiv.org and www.biorxiv.org."""
_GAP: Final = 1.0
"""Seconds; where nothing is asked for, such as api.biorxiv.org and Europe PMC."""


def gap(host: str) -> float:
    """Seconds from one request to the next; none for this machine itself."""
    if host == "localhost" or _loopback(host):
        return 0.0
    if host.startswith("api."):
        return _GAP
    return _SITES_GAP if any(host == site or host.endswith(f".{site}") for site in _SITES) else _GAP


class Limiter:
    """Waits before a request for as long as its server wants."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._next: dict[str, float] = {}

    def wait(self, host: str) -> None:
        """Return when the host may be asked, and count that as asked."""
        while (left := self._next.get(host, -math.inf) - self._clock()) > 0:
            self._sleep(left)
        self._next[host] = self._clock() + gap(host)

    def hold(self, host: str, seconds: float) -> None:
        """Ask the host nothing for so long."""
        self._next[host] = max(self._next.get(host, -math.inf), self._clock() + seconds)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
