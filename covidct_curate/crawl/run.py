"""A crawl: what there is, what of it is wanted, what is here, and the rest fetched one by one."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from covidct_curate.crawl import wish as wishes
from covidct_curate.crawl.api import Api
from covidct_curate.crawl.client import TOOL, Client
from covidct_curate.crawl.dois import Dois
from covidct_curate.crawl.download import Got, check, download
from covidct_curate.crawl.europepmc import EuropePmc
from covidct_curate.crawl.exclusion import read_excluded
from covidct_curate.crawl.folder import Folder
from covidct_curate.crawl.limiter import gap
from covidct_curate.crawl.listing import Source
from covidct_curate.crawl.preprint import Preprint, newest
from covidct_curate.crawl.wish import Wish
from covidct_curate.errors import ChoiceError, CrawlError, HostStopped, NoAnswer
from covidct_curate.forms import FORMS
from covidct_curate.locks import NotHeld, held
from covidct_curate.manifest import Fetched, append, put, read_manifest, spdx, write_manifest

FAILED: Final = "failed.csv"
_WITHDRAWN: Final = "it was withdrawn: what is left of it is a notice"
_TYPICAL: Final = 1_260_000
"""Bytes: the mean of twenty preprints of both servers."""
_ENOUGH: Final = 20
"""Files whose mean is taken instead."""
_LONG: Final = 60.0
"""Seconds from which on one is told before what it takes."""
_MANY: Final = 1000
"""Papers from which on other ways than the sites are pointed to."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A preprint that could not be fetched, and why."""

    preprint: Preprint
    reason: str


@dataclass(slots=True)
class Report:
    """What a crawl found and did."""

    listed: int = 0
    """Versions that the source told of."""
    unlike: int = 0
    """Those that hold none of the words."""
    older: int = 0
    """Those of which there is a newer version in the dates."""
    excluded: int = 0
    withdrawn: list[Preprint] = field(default_factory=list)
    """Those that are not fetched, since their authors took them back: failures of a crawl."""
    wanted: list[Preprint] = field(default_factory=list)
    there: int = 0
    """Wanted ones that are in the folder."""
    planned: list[Preprint] = field(default_factory=list)
    """Wanted ones that are not."""
    bytes: int = 0
    """How many the planned ones are likely to have."""
    seconds: float = 0.0
    """How long they take at least."""
    fetched: list[Fetched] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What could not be listed."""
    notes: list[str] = field(default_factory=list)

    @property
    def estimate(self) -> str:
        """How many papers, how large, how long, in words."""
        minutes = round(self.seconds / 60)
        took = f"{self.seconds:.0f} s" if minutes < 1 else f"{minutes} min"
        if minutes >= 60:
            took = f"{minutes // 60} h {minutes % 60} min"
        return f"{len(self.planned):,} papers, about {self.bytes / 1e6:,.0f} MB, at least {took}"

    @property
    def complete(self) -> bool:
        """Whether everything was listed and, where that was wished for, fetched."""
        return not self.failed and not self.missing


def crawl(
    wish: Wish,
    out: Path,
    *,
    contact: str = "",
    base_url: str = "",
    most: int | None = None,
    dry_run: bool = False,
    earlier: Sequence[Failed] = (),
    progress: Callable[[int, int | None], None] | None = None,
    say: Callable[[str], None] = lambda text: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Fetch what a wish asks for into a folder with its manifest; what is there is not fetched again.

    ``most`` takes the first so many papers by date. ``base_url`` is another server with the interfaces of all of them.
    ``dry_run`` only lists, and touches nothing. ``progress`` is told how many papers of how many are done, while
    they are listed of None; ``say`` what is waited for. A paper that fails is in the report and in ``failed.csv``, and
    the others are fetched. ``earlier`` failed for questions asked just before, and is to be in ``failed.csv`` too.

    Raises `ChoiceError` for a wish that makes no sense, `CrawlError` when the folder cannot be used or its disk is
    full.
    """
    wishes.check(wish)
    client = Client(contact, say=say, clock=clock, sleep=sleep)
    try:
        source = _source(wish, client, base_url.rstrip("/"))
        if dry_run:
            return _Crawl(wish, out, source, most).plan(progress)
        with _locked(out):
            run = _Crawl(wish, out, source, most)
            report = run.plan(progress)
            wishes.remember(out, wish)
            if report.seconds >= _LONG:
                say(f"to fetch: {report.estimate}")
            run.fetch(report, earlier, progress, clock)
            return report
    finally:
        client.close()


def update(out: Path) -> list[Wish]:
    """What was asked for a folder, as questions up to today. Raises `ChoiceError` when nothing was."""
    before = [wishes.anew(each) for each in wishes.asked_before(out)]
    if not before:
        raise ChoiceError(f"{out}: nothing was fetched into this folder yet; say what, without --update")
    return list(dict.fromkeys(before))


class _Crawl:
    def __init__(self, wish: Wish, out: Path, source: Source, most: int | None) -> None:
        self._wish, self._out, self._source, self._most = wish, out, source, most
        self._entries, self._notes = read_manifest(out)
        self._files: dict[str, Path] = {}

    def plan(self, progress: Callable[[int, int | None], None] | None) -> Report:
        """List, choose, and see what is there."""
        wish = self._wish
        excluded = read_excluded(Path(wish.exclude)) if wish.exclude else None
        listing = self._source.records(wish, lambda count: progress(count, None) if progress else None)
        self._files = listing.files
        report = Report(missing=listing.missing, notes=[*self._notes, *listing.notes])
        report.listed = len(listing.found)
        like = wishes.matching(listing.found, wish.match)
        report.unlike = report.listed - len(like)
        once = list({each.key: each for each in like}.values())
        chosen = once if wish.all_versions or wish.source in ("dois", "folder") else newest(once)
        report.older = len(like) - len(chosen)
        kept = [each for each in chosen if excluded is None or not excluded.has(each)]
        report.excluded = len(chosen) - len(kept)
        report.withdrawn = [each for each in kept if each.withdrawn]
        wanted = [each for each in kept if not each.withdrawn]
        wanted.sort(key=lambda each: (each.posted, each.key))
        report.wanted = wanted[: self._most]
        there = {entry.key for entry in self._entries if self._there(entry)}
        report.planned = [each for each in report.wanted if each.key not in there]
        report.there = len(report.wanted) - len(report.planned)
        self._estimate(report)
        return report

    def fetch(
        self,
        report: Report,
        earlier: Sequence[Failed],
        progress: Callable[[int, int | None], None] | None,
        clock: Callable[[], float],
    ) -> None:
        """Fetch what is planned, and bring the manifest into order."""
        report.failed = [Failed(each, _WITHDRAWN) for each in report.withdrawn]
        entries = {entry.file: entry for entry in self._entries}
        write_manifest(self._out, entries.values())
        stopped: dict[str, str] = {}
        for number, preprint in enumerate(report.planned):
            if progress is not None:
                progress(number, len(report.planned))
            host = urlsplit(preprint.url).netloc
            try:
                if host in stopped:
                    raise NoAnswer(stopped[host])
                entry = self._fetch(preprint, clock)
            except HostStopped as error:
                stopped[host] = str(error)
                report.failed.append(Failed(preprint, str(error)))
            except NoAnswer as error:
                report.failed.append(Failed(preprint, str(error)))
            else:
                append(self._out, entry)
                entries[entry.file] = entry
                report.fetched.append(entry)
        if progress is not None:
            progress(len(report.planned), len(report.planned))
        write_manifest(self._out, entries.values())
        self._tell([*earlier, *report.failed])

    def _fetch(self, preprint: Preprint, clock: Callable[[], float]) -> Fetched:
        here = self._files.get(preprint.url)
        if here is not None and here.resolve().parent == self._out.resolve():
            got, target = check(here), here
        else:
            target = self._out / preprint.file
            got = download(self._source, preprint, target, clock)
        return _entry(preprint, target.name, got)

    def _there(self, entry: Fetched) -> bool:
        try:
            return (self._out / entry.file).stat().st_size == entry.bytes
        except OSError:
            return False

    def _estimate(self, report: Report) -> None:
        known = [entry.bytes for entry in self._entries]
        mean = sum(known) / len(known) if len(known) >= _ENOUGH else _TYPICAL
        report.bytes = round(mean * len(report.planned))
        gaps: dict[str, float] = {}
        for each in report.planned:
            host = urlsplit(each.url).hostname or ""
            gaps[host] = gaps.get(host, 0.0) + gap(host)
        report.seconds = sum(gaps.values())
        slow = [host for host in gaps if gap(host) > 1]
        if slow and len(report.planned) >= _MANY:
            report.notes.append(
                f"{', '.join(sorted(slow))} asks for {gap(slow[0]):.0f} s between requests; Europe PMC (--source "
                "europepmc) asks for less, and the servers' buckets for text mining (--source s3) are meant for this "
                "many"
            )

    def _tell(self, failed: Sequence[Failed]) -> None:
        """Write what failed into a table of its own, or take that away."""
        path = self._out / FAILED
        table = io.StringIO(newline="")
        FORMS["csv"]("papers", (_row(each) for each in failed), table)
        put(path, table.getvalue().encode())
        if not failed:
            path.unlink()


def _row(failed: Failed) -> dict[str, object]:
    preprint = failed.preprint
    return {
        "doi": preprint.doi,
        "version": preprint.version,
        "server": preprint.server,
        "title": preprint.title,
        "url": preprint.url,
        "reason": failed.reason,
    }


def _entry(preprint: Preprint, file: str, got: Got) -> Fetched:
    return Fetched(
        file=file,
        doi=preprint.doi,
        version=preprint.version,
        server=preprint.server,
        title=preprint.title,
        authors=preprint.authors,
        posted=preprint.posted,
        category=preprint.category,
        licence=preprint.licence,
        spdx=spdx(preprint.licence),
        url=got.url or preprint.url,
        sha256=got.sha256,
        bytes=got.bytes,
        etag=got.etag,
        fetched=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        tool=TOOL,
        published=preprint.published,
    )


def _source(wish: Wish, client: Client, base_url: str) -> Source:
    api = Api(client, base_url)
    if wish.source == "europepmc":
        return EuropePmc(client, base_url)
    if wish.source == "dois":
        return Dois(api)
    if wish.source == "folder":
        return Folder(api)
    if wish.source == "s3":
        from covidct_curate.crawl.s3 import S3

        return S3(base_url)
    return api


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    try:
        out.mkdir(parents=True, exist_ok=True)
        with held(out / ".lock"):
            yield
    except NotHeld as error:
        if error.taken:
            raise CrawlError(
                f"{out}: another crawl is writing to this folder; wait for it or name another"
            ) from error
        raise CrawlError(f"{out}: it cannot be written: {error}") from error
    except OSError as error:
        raise CrawlError(f"{out}: it cannot be written: {error.strerror or error}") from error
