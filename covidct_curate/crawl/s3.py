"""The servers' buckets for text mining at Amazon S3: a package for each version, and whoever asks pays the transfer.

What they are like: ``Current_Content/March_2020/{uuid}.meca`` by the month in which a version was processed, so that
a month's last posts lie in the next one's folder; what is older lies in ``Back_Content``, in batches that tell no
date. There is no index: what a package holds, only its JATS tells.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from functools import partial
from typing import IO, Any, Final

from covidct_curate import __version__
from covidct_curate.crawl import jats, meca
from covidct_curate.crawl.api import months
from covidct_curate.crawl.listing import Body, Listing
from covidct_curate.crawl.preprint import SERVERS, Preprint, text
from covidct_curate.crawl.wish import Wish
from covidct_curate.errors import ChoiceError, CrawlError, HostStopped, NoAnswer
from covidct_curate.manifest import plain

_REGION: Final = "us-east-1"
_CONNECT, _READ, _TRIES = 6, 30, 3
"""Seconds, and how often; an address that is out of reach is given up within 30 s."""
_FIRST: Final = {"medrxiv": date(2019, 6, 1), "biorxiv": date(2013, 11, 1)}
"""The servers' first months."""
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_HEADS: Final = (2**16, 2**20)
"""Bytes of a package that are read, one after the other, before all of it is."""
_CHUNK: Final = 2**20
_MOST_UNREAD: Final = 20
"""Packages in a row that cannot be read, before a bucket is given up: each of them costs."""
_LARGEST_PACKAGE: Final = 2**32


class S3:
    """Lists by what the packages say of themselves; a PDF is taken out of its package."""

    def __init__(self, base_url: str = "") -> None:
        """``base_url`` is a server with the interface of S3.

        Raises `ChoiceError` when boto3 is not installed, or its settings make no sense.
        """
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise ChoiceError("--source s3 needs boto3: pip install 'covidct[s3]'") from error
        try:
            session = boto3.Session()
            self._client: Any = session.client(
                "s3",
                region_name=_REGION,
                endpoint_url=base_url or None,
                config=Config(
                    connect_timeout=_CONNECT,
                    read_timeout=_READ,
                    retries={"mode": "standard", "total_max_attempts": _TRIES},
                    user_agent_extra=f"covidct/{__version__}",
                ),
            )
            self._known = session.get_credentials() is not None
        except (BotoCoreError, ValueError) as error:
            raise ChoiceError(f"boto3 cannot be set up: {_short(error)}; see `aws configure`") from error

    def records(self, wish: Wish, progress: Callable[[int], None]) -> Listing:
        """All versions that were posted in the dates, out of the folders of their months and of the one after.

        Packages that cannot be read, and months without a folder, are told in ``missing``. Raises `HostStopped` when
        nobody is there to pay.
        """
        if not self._known:
            raise HostStopped(
                "Amazon wants to know who pays for the transfer, and no credentials are there: run `aws configure`, or "
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        listing = Listing()
        since, until = wish.dates(date.today())
        for server in wish.servers:
            try:
                for folder in self._folders(server, max(since, _FIRST[server]), until, listing):
                    for preprint in self._within(server, folder, listing):
                        if since.isoformat() <= preprint.posted <= until.isoformat():
                            listing.found.append(preprint)
                        progress(len(listing.found))
            except CrawlError as error:
                if not isinstance(error, HostStopped | NoAnswer):
                    raise
                listing.missing.append(f"{SERVERS[server]} was not listed to its end: {error}")
        return listing

    @contextmanager
    def open(self, preprint: Preprint, have: int, etag: str) -> Iterator[Body]:
        """The PDF out of the package, always from its beginning; the tag is the package's."""
        url = preprint.url
        with self._whole(url) as (file, tag):
            with meca.unpacking(url):
                archive = zipfile.ZipFile(file)
                member = meca.pdf(archive, url)
                with archive.open(member) as stream:
                    while stream.read(_CHUNK):  # its checksum comes last
                        pass
            with archive, archive.open(member) as stream:
                yield Body(iter(partial(stream.read, _CHUNK), b""), 0, member.file_size, tag, url)

    def _folders(self, server: str, since: date, until: date, listing: Listing) -> list[str]:
        """The folders in which posts of the dates can be; what is missing among them is told."""
        wanted = [_folder(first) for first, _ in months(since, until)]
        if not wanted:
            return []
        there: set[str] = set()
        for page in self._pages(server, "Current_Content/", "/"):
            there.update(text(each.get("Prefix")) for each in page.get("CommonPrefixes", ()))
        if gone := [each for each in wanted if each not in there]:
            names = ", ".join(gone) if len(gone) < 4 else f"{gone[0]} to {gone[-1]}, {len(gone)} months"
            listing.missing.append(
                f"{SERVERS[server]}: {_bucket(server)} has no folder {names}; the newest ones come at a month's end, "
                "and what is older than those lies in Back_Content without its dates: list it with --source api"
            )
        after = _folder((until.replace(day=1) + timedelta(31)).replace(day=1))
        if after not in there and wanted[-1] in there:
            listing.notes.append(
                f"{SERVERS[server]}: {_bucket(server)} has no folder {after} yet, where a month's last posts lie; "
                "--update finds them later"
            )
        return [each for each in (*wanted, after) if each in there]

    def _within(self, server: str, folder: str, listing: Listing) -> Iterator[Preprint]:
        """What the packages of a folder hold."""
        unread = 0
        for page in self._pages(server, folder, ""):
            for each in page.get("Contents", ()):
                key, size = str(each.get("Key", "")), int(each.get("Size", 0))
                if not key.lower().endswith(".meca"):
                    continue
                try:
                    yield self._preprint(server, key, size)
                    unread = 0
                except NoAnswer as error:
                    listing.missing.append(str(error))
                    unread += 1
                    if unread == _MOST_UNREAD:
                        raise HostStopped(
                            f"{_MOST_UNREAD} packages in a row cannot be read; the last: {error}"
                        ) from error

    def _pages(self, server: str, prefix: str, delimiter: str) -> Iterator[dict[str, Any]]:
        bucket = _bucket(server)
        with _asking(f"s3://{bucket}/{prefix}"):
            yield from self._client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix, Delimiter=delimiter, RequestPayer="requester"
            )

    def _preprint(self, server: str, key: str, size: int) -> Preprint:
        url = f"s3://{_bucket(server)}/{key}"
        xml = self._front(url, size)
        try:
            return jats.preprint(jats.element(xml, "front"), server, url)
        except ValueError as error:
            raise NoAnswer(f"{plain(url)}: its JATS cannot be used: {plain(str(error))[:200]}") from error

    def _front(self, url: str, size: int) -> bytes:
        """The JATS up to the end of its front; no more is read of the package than it takes."""
        head = b""
        for upto in _HEADS:
            with self._get(url, Range=f"bytes={len(head)}-{upto - 1}") as answer, _asking(url):
                head += answer["Body"].read(upto - len(head))
            if (xml := meca.streamed(head)) is not None:
                return xml
            if len(head) >= size:
                return meca.unpacked(io.BytesIO(head), url)
        with self._whole(url) as (file, _):
            return meca.unpacked(file, url)

    @contextmanager
    def _whole(self, url: str) -> Iterator[tuple[IO[bytes], str]]:
        """A temporary file of the package, and its tag. Raises `CrawlError` when there is no room for it."""
        with tempfile.TemporaryFile(prefix="curate-") as file:
            with self._get(url) as answer:
                size = 0
                while True:
                    with _asking(url):
                        chunk = answer["Body"].read(_CHUNK)
                    if not chunk:
                        break
                    size += len(chunk)
                    if size > _LARGEST_PACKAGE:
                        raise NoAnswer(f"{plain(url)}: larger than {_LARGEST_PACKAGE >> 30} GiB")
                    try:
                        file.write(chunk)
                    except OSError as error:
                        raise CrawlError(
                            f"{tempfile.gettempdir()}: a package cannot be kept there for as long as it is read: "
                            f"{error.strerror}; make room, or name another folder in TMPDIR"
                        ) from error
            yield file, str(answer.get("ETag", ""))

    @contextmanager
    def _get(self, url: str, **wanted: str) -> Iterator[dict[str, Any]]:
        bucket, _, key = url.removeprefix("s3://").partition("/")
        with _asking(url):
            answer = self._client.get_object(Bucket=bucket, Key=key, RequestPayer="requester", **wanted)
        with closing(answer["Body"]):
            yield answer


def _bucket(server: str) -> str:
    return f"{server}-src-monthly"


def _folder(month: date) -> str:
    return f"Current_Content/{_MONTHS[month.month - 1]}_{month.year}/"


@contextmanager
def _asking(url: str) -> Iterator[None]:
    """What boto3 raises, in our words: `NoAnswer` for one object, `HostStopped` where no other will fare better."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError

    url = plain(url)
    try:
        yield
    except ClientError as error:
        code = plain(str(error.response.get("Error", {}).get("Code", "")))[:60]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code == "NoSuchBucket":
            raise HostStopped(f"{url}: there is no such bucket; check --base-url") from error
        if status in (401, 403) or code in ("ExpiredToken", "InvalidToken"):
            raise HostStopped(
                f"{url}: refused ({code}); check the credentials (`aws sts get-caller-identity`) and that they may "
                "list and read buckets whose requester pays"
            ) from error
        if status in (429, 503):
            raise HostStopped(f"{url}: the bucket asks to be left alone ({code}); go on later") from error
        raise NoAnswer(f"{url}: {code or 'no reason given'} (HTTP {status})") from error
    except (HTTPClientError, IncompleteReadError) as error:
        raise NoAnswer(f"{url}: the connection broke off: {_short(error)}") from error
    except BotoCoreError as error:
        raise HostStopped(
            f"{url}: it cannot be asked: {_short(error)}; check the network, the credentials and --base-url"
        ) from error


def _short(error: Exception) -> str:
    return plain(str(error))[:200] or type(error).__name__
