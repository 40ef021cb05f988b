"""What a crawl looks for: servers, dates, words; kept in the folder, so that it can be asked again later."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import re2

from covidct_curate import metadata
from covidct_curate.crawl.preprint import SERVERS, Preprint
from covidct_curate.errors import ChoiceError, CrawlError
from covidct_curate.manifest import put

SOURCES = ("api", "europepmc", "dois", "folder", "s3")
NAME = "crawl.json"
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-")
"""What servers and authors write in SARS-CoV-2 instead of it."""
_FIRST_DAY = "2013-11-07"
"""bioRxiv's first."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One question to a source."""

    source: str = "api"
    servers: tuple[str, ...] = tuple(SERVERS)
    since: str = ""
    """The first day, ISO 8601."""
    until: str = ""
    """The last day; ``""`` is the day on which it is asked."""
    match: str = ""
    """Regular expression (RE2) that title or abstract hold, capitals or not; a space is any white space,
    since a server's text is on one line."""
    category: str = ""
    search: str = ""
    """Words for Europe PMC's own search."""
    dois: tuple[str, ...] = ()
    folder: str = ""
    all_versions: bool = False
    """Each version in the dates, not only the newest of them."""
    exclude: str = ""
    """A table or text whose DOIs are not wanted."""

    def dates(self, today: date) -> tuple[date, date]:
        """First and last day. Raises `ChoiceError` where they make no sense."""
        try:
            since = date.fromisoformat(self.since or _FIRST_DAY)
            until = date.fromisoformat(self.until) if self.until else today
        except ValueError as error:
            raise ChoiceError(f"{error}: write dates as 2020-03-25") from error
        if since > until:
            raise ChoiceError(f"the first day, {since}, lies after the last, {until}")
        return since, until


def check(wish: Wish) -> None:
    """Raises `ChoiceError` for what cannot be asked."""
    if wish.source not in SOURCES:
        raise ChoiceError(f"there is no source {wish.source!r}; there are {', '.join(SOURCES)}")
    if not wish.servers:
        raise ChoiceError(f"name a server: {', '.join(SERVERS)}")
    for server in wish.servers:
        if server not in SERVERS:
            raise ChoiceError(f"there is no server {server!r}; there are {', '.join(SERVERS)}")
    if wish.search and wish.source != "europepmc":
        raise ChoiceError("--search is Europe PMC's: add --source europepmc, or use --match")
    if wish.category and wish.source != "api":
        raise ChoiceError("--category is the API's: leave --source away")
    if wish.source in ("api", "europepmc", "s3") and not wish.since:
        raise ChoiceError("say from which day on: --from 2020-01-19")
    if wish.source == "dois" and not wish.dois:
        raise ChoiceError("name DOIs, or a file of them with --dois")
    if wish.source == "folder" and not wish.folder:
        raise ChoiceError("name the folder of PDFs: --folder DIR")
    wish.dates(date.today())
    pattern(wish.match)


def pattern(match: str) -> Any:
    """The compiled expression, None for ``""``. Raises `ChoiceError` with the reason."""
    if not match:
        return None
    options = re2.Options()
    options.case_sensitive, options.log_errors = False, False
    try:
        return re2.compile(re.sub(" +", " ", match), options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else ""
        told = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ChoiceError(f"--match {match!r}: {told}") from error


def matching(found: Iterable[Preprint], match: str) -> list[Preprint]:
    """Those whose title or abstract hold the expression."""
    wanted = pattern(match)
    if wanted is None:
        return list(found)
    return [
        each
        for each in found
        if any(wanted.search(told.translate(_HYPHENS)) for told in (each.title, each.abstract))
    ]


def load_query(name: str) -> Wish:
    """A question by its name in ``metadata/queries/``, or from a TOML file.

    Raises `ChoiceError` when there is none, or it makes no sense.
    """
    shipped = metadata.folder() / "queries"
    path = Path(name) if name.endswith(".toml") else shipped / f"{name}.toml"
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        names = ", ".join(sorted(each.stem for each in shipped.glob("*.toml")))
        raise ChoiceError(f"there is no query {name!r}; there is {names}, or name a .toml file") from error
    except (OSError, ValueError) as error:
        raise ChoiceError(f"{path}: it cannot be read: {error}") from error
    told.pop("about", None)
    for short, name in (("from", "since"), ("to", "until")):
        if short in told:
            told[name] = told.pop(short)
    told = {key: value.isoformat() if isinstance(value, date) else value for key, value in told.items()}
    if isinstance(told.get("match"), list):
        told["match"] = "|".join(str(each) for each in told["match"])
    return _wish(told, str(path))


def asked_before(folder: Path) -> list[Wish]:
    """What was asked for this folder. Raises `CrawlError` when its file cannot be read."""
    path = folder / NAME
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
            raise ValueError("it is no list of questions")
        return [_wish(each, str(path)) for each in told]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError, ChoiceError) as error:
        raise CrawlError(f"{path}: it cannot be read: {error}; remove it") from error


def remember(folder: Path, wish: Wish) -> None:
    """Keep the question in the folder, once. Raises OSError, `CrawlError`."""
    before = asked_before(folder)
    if wish not in before:
        content = json.dumps([asdict(each) for each in (*before, wish)], indent=1, ensure_ascii=False)
        put(folder / NAME, f"{content}\n".encode("utf-8", "replace"))


def anew(wish: Wish) -> Wish:
    """The same question up to today."""
    return replace(wish, until="")


def _wish(told: dict[str, Any], where: str) -> Wish:
    kinds = {each.name: type(each.default) for each in fields(Wish)}
    values: dict[str, Any] = {}
    for name, value in told.items():
        if name not in kinds:
            raise ChoiceError(f"{where}: there is no {name!r}; there are {', '.join(kinds)}")
        if kinds[name] is tuple and isinstance(value, list) and all(isinstance(each, str) for each in value):
            value = tuple(value)
        if type(value) is not kinds[name]:
            raise ChoiceError(f"{where}: {name} is {value!r}")
        values[name] = value
    wish = Wish(**values)
    check(wish)
    return wish
