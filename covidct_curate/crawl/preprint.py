"""One version of one preprint, as a server lists it, and what its file is called."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from covidct_curate.manifest import plain

SERVERS = {"medrxiv": "medRxiv", "biorxiv": "bioRxiv"}
"""What the servers are called in addresses → by people."""

_DOI = re.compile(r"10\.[0-9]{4,9}/[^\s\"<>|\\^`{}\[\]]{1,200}")
_ENDS = ".,;:)'/"
"""What follows a DOI in a sentence or an address."""
_VERSION = re.compile(r"v(?P<version>[1-9][0-9]{0,2})$", re.I)
_TAIL = re.compile(
    r"(?:\.full|\.full-text|\.pdf|\.pdf\+html|\.abstract|\.html?|\.article-info|\.article-metrics"
    r"|\.supplementary-material|/full|/abstract|[?#].*)$",
    re.I,
)
_NUMBERED = re.compile(r"10\.(?:1101|64898)/", re.I)
_BARE = re.compile(r"10\.1101/(?P<suffix>\d{4}\.\d{2}\.\d{2}\.\d{6,8}|\d{6})", re.A)
_ODD = re.compile(r"[^a-z0-9._-]")
_EVEN = re.compile(r"10\.[0-9]{4,9}/[a-z0-9._-]+(?<!v[0-9])(?<!v[0-9]{2})(?<!v[0-9]{3})(?<!-[0-9a-f]{8})")
"""DOIs that can be told apart when the slash is another character, and something comes behind."""
_WITHDRAWN = re.compile(
    r"\W*(?:(?i:withdrawn|retracted|temporary withdrawal)(?:\s*[:\])]|\s+[-–—]|\W*$)"
    r"|(?:WITHDRAWN|RETRACTED|TEMPORARY WITHDRAWAL)\b)"
)
_LONGEST_NAME = 100
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Preprint:
    """What a server tells of one version; text that it does not tell is ``""``."""

    doi: str
    version: int | None
    server: str
    """``medRxiv`` or ``bioRxiv``; of Europe PMC what it calls the publisher."""
    title: str = ""
    abstract: str = ""
    authors: str = ""
    posted: str = ""
    """ISO 8601."""
    category: str = ""
    licence: str = ""
    """As given."""
    published: str = ""
    """DOI of the journal article."""
    url: str = ""
    """Where its PDF is."""
    kind: str = ""
    """The server's word for the sort of paper."""

    @property
    def key(self) -> tuple[str, int]:
        """Which paper's version: DOIs know no capitals."""
        return self.doi.casefold(), self.version or 0

    @property
    def withdrawn(self) -> bool:
        """Whether its authors took it back: what is left of it is a notice."""
        return bool(_WITHDRAWN.match(self.title)) or "withdraw" in self.kind.casefold()

    @property
    def file(self) -> str:
        """Its file name, the same on every machine: ``2020.03.01.20000001v2.pdf`` as on the servers; of other DOIs
        with their prefix."""
        doi = self.doi.casefold()
        bare = _BARE.fullmatch(doi)
        stem = bare["suffix"] if bare else _ODD.sub("_", doi)
        if not bare and (not _EVEN.fullmatch(doi) or len(stem) > _LONGEST_NAME):
            stem = f"{stem[:_LONGEST_NAME]}-{hashlib.sha256(doi.encode()).hexdigest()[:8]}"
        return f"{stem}{f'v{self.version}' if self.version else ''}.pdf"

    def __str__(self) -> str:
        return f"{self.doi}{f'v{self.version}' if self.version else ''}"


def text(value: Any) -> str:
    """A server's text on one line; what is no text, or too long to be any, is ``""`` or cut."""
    return plain(value[:_LONGEST]) if isinstance(value, str) else ""


def day(value: Any) -> str:
    """A server's date; ``""`` where it is none."""
    try:
        return date.fromisoformat(text(value)[:10]).isoformat()
    except ValueError:
        return ""


def number(value: Any) -> int | None:
    """A version, given as a number or as its digits; None where it is none."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}", value.strip()):
        value = int(value)
    return value if type(value) is int and 0 < value < 1000 else None


def count(value: Any) -> int:
    """How many a server says there are; 0 where it is no number."""
    told = str(value) if type(value) is int or isinstance(value, str) else ""
    return int(told) if re.fullmatch(r"[0-9]{1,9}", told) else 0


def named(told: str) -> tuple[str, int | None] | None:
    """The DOI in a text or an address, and the version behind it; None where there is no DOI.

    Only the preprint servers put versions behind their DOIs, so other DOIs are left as they are.
    """
    found = _DOI.search(told)
    if not found:
        return None
    doi, version = found[0].rstrip(_ENDS), None
    if _NUMBERED.match(doi):
        while (short := _TAIL.sub("", doi).rstrip(_ENDS)) != doi:
            doi = short
        if told_version := _VERSION.search(doi):
            doi, version = doi[: told_version.start()], int(told_version["version"])
    return (doi, version) if _DOI.fullmatch(doi) else None


def newest(found: Iterable[Preprint]) -> list[Preprint]:
    """Of each paper the newest version among them, in the order in which papers came."""
    best: dict[str, Preprint] = {}
    for each in found:
        doi, version = each.key
        if doi not in best or best[doi].key[1] < version:
            best[doi] = each
    return list(best.values())
