"""The servers' buckets: what the packages say is listed, and their PDFs are taken out of them."""

from __future__ import annotations

import io
import os
import random
import re
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from covidct_curate.cli import app
from covidct_curate.crawl.run import Report, crawl
from covidct_curate.crawl.s3 import S3
from covidct_curate.crawl.wish import Wish
from covidct_curate.errors import ChoiceError, CrawlError, HostStopped, NoAnswer
from covidct_curate.manifest import read_manifest
from tests.preprintserver import Deposit, PreprintServer

boto3 = pytest.importorskip("boto3")
moto = pytest.importorskip("moto.server")

DOI = "10.1101/2020.03.01.20000001"
MARCH = Wish(source="s3", servers=("medrxiv",), since="2020-03-01", until="2020-03-31")
NOISE = random.Random(0).randbytes(3 * 2**20)
LICENCES = {
    "cc_by": "by",
    "cc_by_nc": "by-nc",
    "cc_by_nd": "by-nd",
    "cc_by_nc_nd": "by-nc-nd",
}
RESERVED = (
    "The copyright holder for this pre-print is the author. All rights reserved. The material may not be "
    "redistributed, re-used or adapted without the author's permission."
)
DOCTYPE = '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.2d1//EN" "JATS-archivearticle1.dtd">'


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    range: str
    payer: str


class Bucket:
    """moto's S3, which notes what the crawler asks, and fails when told to."""

    def __init__(self, server: Any) -> None:
        host, port = server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.requests: list[Request] = []
        self.page = 0
        """Keys a page, when not as many as S3 gives."""
        self.faults: dict[str, tuple[int, str]] = {}
        """By a part of the path or the query: an HTTP status and a code."""
        self.cut: set[str] = set()
        """Keys whose bodies break off after 1,000 bytes, when all of them is asked for."""
        self._app, server._server.app = server._server.app, self
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if "covidct/" not in environ.get("HTTP_USER_AGENT", ""):
            return self._app(environ, start)  # type: ignore[no-any-return]
        request = Request(
            environ["REQUEST_METHOD"],
            unquote(environ["PATH_INFO"]),
            environ["QUERY_STRING"],
            environ.get("HTTP_RANGE", ""),
            environ.get("HTTP_X_AMZ_REQUEST_PAYER", ""),
        )
        self.requests.append(request)
        for part, (status, code) in self.faults.items():
            if part in request.path or part in unquote(request.query):
                body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
                headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
                start(f"{status} no", headers)
                return [body]
        if self.page and "list-type" in request.query:
            environ["QUERY_STRING"] += f"&max-keys={self.page}"
        if any(each in request.path for each in self.cut) and not request.range:
            return [b"".join(self._app(environ, start))[:1000]]
        return self._app(environ, start)  # type: ignore[no-any-return]

    def put(self, content: bytes, name: str, server: str = "medrxiv", folder: str = "March_2020") -> str:
        """A package; its address."""
        return self.put_at(content, f"Current_Content/{folder}/{name}.meca", server)

    def put_at(self, content: bytes, key: str, server: str = "medrxiv") -> str:
        self.client.put_object(Bucket=f"{server}-src-monthly", Key=key, Body=content)
        return f"s3://{server}-src-monthly/{key}"

    def ranges(self, key: str) -> list[str]:
        return [each.range for each in self.requests if each.path.endswith(key)]


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody pays; nothing of this machine's own settings is read."""
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    from functools import cache

    from botocore.loaders import JSONFileLoader

    with pytest.MonkeyPatch.context() as patch:
        # Each client reads some megabytes of Amazon's descriptions, the same ones each time.
        read, loader = JSONFileLoader.load_file, JSONFileLoader()
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: kept(path))
        kept = cache(lambda path: read(loader, path))
        server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def bucket(running: Any) -> Iterator[Bucket]:
    """Both buckets, with the month after March."""
    import requests

    inner = running._server.app
    made = Bucket(running)
    requests.post(f"{made.url}/moto-api/reset", timeout=30).close()
    for server in ("medrxiv", "biorxiv"):
        made.client.create_bucket(Bucket=f"{server}-src-monthly")
        made.put_at(b"", "Current_Content/April_2020/readme.txt", server)
    yield made
    made.client.close()
    running._server.app = inner


def day_of(posted: str) -> str:
    year, month, of_month = posted.split("-")
    return f"<day>{of_month.lstrip('0')}</day><month>{month.lstrip('0')}</month><year>{year}</year>"


def jats(deposit: Deposit, *, doctype: str = DOCTYPE, dates: str = "", **parts: str) -> str:
    """As the servers write it."""
    licence = deposit.license
    if licence in LICENCES:
        where = f"http://creativecommons.org/licenses/{LICENCES[licence]}/4.0/"
        rights = (
            f'<license license-type="creative-commons" xlink:href="{where}"><license-p>Under <ext-link '
            f'ext-link-type="uri" xlink:href="{where}">{where}</ext-link></license-p></license>'
        )
    else:
        rights = f"<license><license-p>{RESERVED}</license-p></license>"
    names = (each.split(", ") for each in deposit.authors.split("; "))
    authors = "".join(
        f'<contrib contrib-type="author"><name><surname>{last}</surname><given-names>{first}</given-names></name>'
        f'<xref ref-type="aff" rid="a1">1</xref></contrib>'
        for last, first in names
    )
    history = dates or (
        f'<pub-date pub-type="epub"><year>{deposit.date[:4]}</year></pub-date><history>'
        f'<date date-type="received">{day_of("2020-01-02")}</date>'
        f'<date date-type="accepted">{day_of(deposit.date)}</date></history>'
    )
    has = {
        "declaration": '<?xml version="1.0" encoding="UTF-8"?>\n',
        "doi": f'<article-id pub-id-type="doi">{deposit.doi}</article-id>',
        "version": f"<article-version>1.{deposit.version}</article-version>",
        "title": deposit.title,
        "abstract": f"<title>Abstract</title><p>{deposit.abstract}</p>",
        "permissions": f"<copyright-year>2020</copyright-year>{rights}",
        "more": "",
    } | parts
    return (
        f"{has['declaration']}{doctype}\n"
        '<article xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:ali="http://www.niso.org/schemas/ali/1.0/">\n'
        "<front><journal-meta><journal-title>medRxiv</journal-title></journal-meta><article-meta>"
        f"{has['doi']}{has['version']}<article-categories>"
        '<subj-group subj-group-type="author-type"><subject>Regular Article</subject></subj-group>'
        f'<subj-group subj-group-type="heading"><subject>{deposit.type}</subject></subj-group>'
        f'<subj-group subj-group-type="hwp-journal-coll"><subject>{deposit.category}</subject></subj-group>'
        f"</article-categories><title-group><article-title>{has['title']}</article-title></title-group>"
        f"<contrib-group>{authors}<aff id='a1'>Somewhere</aff></contrib-group>{history}"
        f"<permissions>{has['permissions']}</permissions>"
        '<self-uri xlink:href="20000001.pdf" content-type="pdf" xlink:role="full-text"/>'
        f'<abstract abstract-type="graphical"><p>Picture.</p></abstract><abstract>{has["abstract"]}</abstract>'
        f"{has['more']}</article-meta></front>\n<body><p>Broken from here on &amp <b></p></body></article>"
    )


def manifest(*pdfs: str, kind: str = "article") -> str:
    return (
        '<?xml version="1.0"?><!DOCTYPE manifest SYSTEM "http://schema.example.org/Manifest.dtd">'
        '<manifest xmlns="http://manuscriptexchange.org" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.0">'
        f'<item type="{kind}"><instance media-type="application/xml" href="content/20000001.xml"/>'
        + "".join(f'<instance media-type="application/pdf" href="{each}"/>' for each in pdfs)
        + '</item><item type="supplement"><instance media-type="application/pdf" href="content/media-1.pdf"/></item>'
        "</manifest>"
    )


class Pipe(io.BytesIO):
    """A file that cannot be gone back in, so that zipfile writes sizes behind the content."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError("a pipe")


def zipped(files: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED, *, pipe: bool = False) -> bytes:
    out = Pipe() if pipe else io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def contents(deposit: Deposit, **changes: Any) -> dict[str, bytes | str]:
    """A package's files; ``changes`` are told to `jats`."""
    return {
        "manifest.xml": manifest("content/20000001.pdf"),
        "content/20000001.xml": jats(deposit, **changes),
        "content/20000001.pdf": deposit.content,
        "content/20000001v1_fig1.tif": NOISE[:5000],
    }


def package(deposit: Deposit, **changes: Any) -> bytes:
    return zipped(contents(deposit, **changes))


def run(bucket: Bucket, out: Path, wish: Wish = MARCH, **others: Any) -> Report:
    return crawl(wish, out, base_url=bucket.url, **others)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


DEPOSITS = [
    Deposit(DOI, date="2020-03-02", license="cc_by_nc_nd", published="NA"),
    Deposit(
        "10.1101/2020.03.01.20000002", version=2, date="2020-03-30", license="cc_no", title="=1+1 and CT"
    ),
    Deposit("10.64898/2020.03.03.20000003", date="2020-03-15", server="biorxiv", category="Microbiology"),
    Deposit(
        "10.1101/900001", date="2020-03-16", server="biorxiv", title="WITHDRAWN: nothing", license="cc_by"
    ),
]
FILES = [
    *("10.64898_2020.03.03.20000003v1.pdf", "2020.03.01.20000001v1.pdf", "2020.03.01.20000002v2.pdf"),
    *("crawl.json", "index.csv", "manifest.jsonl"),
]


def test_files_and_manifest_are_those_that_the_api_gives(bucket: Bucket, tmp_path: Path) -> None:
    for number, deposit in enumerate(DEPOSITS):
        bucket.put(package(deposit), f"{number}", deposit.server)
    wish = Wish(source="s3", since="2020-03-01", until="2020-03-31")
    report = run(bucket, tmp_path / "s3", wish)
    with PreprintServer(DEPOSITS) as server:
        other = crawl(
            Wish(since="2020-03-01", until="2020-03-31"),
            tmp_path / "api",
            base_url=server.url,
            sleep=lambda seconds: None,
        )
    assert (report.listed, len(report.withdrawn), len(report.fetched)) == (4, 1, 3)
    assert [each.reason for each in report.failed] == [each.reason for each in other.failed]
    assert not report.missing and not other.missing and not report.notes
    assert [each for each in names(tmp_path / "s3") if each != ".lock"] == sorted([*FILES, "failed.csv"])
    own = {"url", "etag", "fetched"}
    entries, expected = (
        [{name: value for name, value in asdict(each).items() if name not in own} for each in read[0]]
        for read in (read_manifest(tmp_path / "s3"), read_manifest(tmp_path / "api"))
    )
    assert entries == expected
    for entry in read_manifest(tmp_path / "s3")[0]:
        assert (tmp_path / "s3" / entry.file).read_bytes() == (tmp_path / "api" / entry.file).read_bytes()
        assert re.fullmatch(r"s3://(med|bio)rxiv-src-monthly/Current_Content/March_2020/\d\.meca", entry.url)
        assert re.fullmatch(r'"[0-9a-f]{32}"', entry.etag)


def test_each_request_says_that_the_requester_pays(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put(package(DEPOSITS[0]), "a")
    run(bucket, tmp_path)
    assert {each.method for each in bucket.requests} == {"GET"}
    assert len(bucket.requests) == 5
    assert {each.payer for each in bucket.requests} == {"requester"}


def test_what_is_there_is_not_fetched_again(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put(package(DEPOSITS[0]), "a")
    run(bucket, tmp_path)
    assert bucket.ranges("a.meca") == ["bytes=0-65535", ""]
    report = run(bucket, tmp_path)
    assert (report.there, report.fetched, report.complete) == (1, [], True)
    assert bucket.ranges("a.meca")[2:] == ["bytes=0-65535"]


def test_a_dry_run_touches_nothing(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put(package(DEPOSITS[0]), "a")
    report = run(bucket, tmp_path / "out", dry_run=True)
    assert [each.doi for each in report.planned] == [DOI]
    assert not (tmp_path / "out").exists()
    assert bucket.ranges("a.meca") == ["bytes=0-65535"]


def test_the_command_line(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put(package(DEPOSITS[0]), "a")
    line = ["crawl", "--source", "s3", "--server", "medrxiv", "--from", "2020-03-01", "--to", "2020-03-31"]
    result = CliRunner().invoke(app, [*line, "--base-url", bucket.url, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "1 fetched, 0 were there, 0 failed" in result.output


def test_words_are_looked_for_in_title_and_abstract(bucket: Bucket, tmp_path: Path) -> None:
    parts = {
        "title": "A <italic>novel</italic>\ncoronavirus<sup>2</sup>",
        "abstract": "<p>One.</p><p>Two.</p>",
    }
    bucket.put(package(DEPOSITS[0], **parts), "a")
    for match, count in (("novel coronavirus2", 1), ("one. two", 1), ("picture", 0), ("broken", 0)):
        wish = Wish("s3", ("medrxiv",), since="2020-03-01", until="2020-03-31", match=match)
        assert len(run(bucket, tmp_path, wish, dry_run=True).wanted) == count, match


def listed(bucket: Bucket, tmp_path: Path, since: str, until: str, server: str = "medrxiv") -> Report:
    wish = Wish(source="s3", servers=(server,), since=since, until=until)
    return run(bucket, tmp_path / "none", wish, dry_run=True)


def test_posts_of_a_months_last_day_are_found_in_the_next_folder(bucket: Bucket, tmp_path: Path) -> None:
    for folder, posted in (
        *(("February_2020", "2020-02-10"), ("March_2020", "2020-02-29"), ("March_2020", "2020-03-01")),
        *(("March_2020", "2020-03-30"), ("April_2020", "2020-03-31"), ("April_2020", "2020-04-01")),
        *(("December_2020", "2020-12-30"), ("January_2021", "2020-12-31")),
    ):
        paper = Deposit(f"10.1101/{posted.replace('-', '.')}.20000001", date=posted)
        bucket.put(package(paper), posted, folder=folder)
    for since, until, days in (
        ("2020-03-01", "2020-03-31", ["2020-03-01", "2020-03-30", "2020-03-31"]),
        ("2020-03-31", "2020-03-31", ["2020-03-31"]),
        ("2020-02-29", "2020-02-29", ["2020-02-29"]),
        ("2020-12-01", "2020-12-31", ["2020-12-30", "2020-12-31"]),
    ):
        report = listed(bucket, tmp_path, since, until)
        assert [each.posted for each in report.wanted] == days
        assert report.complete and not report.notes
    bucket.requests.clear()
    listed(bucket, tmp_path, "2020-02-29", "2020-02-29")
    assert not [
        each for each in bucket.requests if each.path.endswith(("2020-03-31.meca", "2020-12-30.meca"))
    ]


def test_months_without_a_folder_are_told(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put(package(DEPOSITS[0]), "a")
    bucket.put(package(DEPOSITS[0]), "a", folder="July_2020")
    report = listed(bucket, tmp_path, "2020-03-01", "2020-05-31")
    assert [each.doi for each in report.wanted] == [DOI]
    assert len(report.missing) == 1
    assert "no folder Current_Content/May_2020/;" in report.missing[0]
    assert "--source api" in report.missing[0]
    report = listed(bucket, tmp_path, "2019-01-01", "2020-07-31")
    assert "Current_Content/June_2019/ to Current_Content/June_2020/, 11 months" in report.missing[0]
    assert len(report.notes) == 1 and "no folder Current_Content/August_2020/ yet" in report.notes[0]


def test_before_a_server_began_nothing_is_missing(bucket: Bucket, tmp_path: Path) -> None:
    report = listed(bucket, tmp_path, "2018-01-01", "2019-05-31")
    assert (report.listed, report.missing, report.notes) == (0, [], [])


def test_a_folder_of_many_pages_is_listed_to_its_end(bucket: Bucket, tmp_path: Path) -> None:
    for number in range(7):
        bucket.put(package(Deposit(f"10.1101/2020.03.01.2000000{number}")), f"{number}")
    bucket.page = 2
    report = listed(bucket, tmp_path, "2020-03-01", "2020-03-31")
    assert len(report.wanted) == 7


def late(size: int, first: dict[str, bytes | str], rest: dict[str, bytes | str]) -> dict[str, bytes | str]:
    return {**first, "content/20000001v1_fig9.tif": NOISE[:size], **rest}


GOOD = contents(DEPOSITS[0])
LONG = {**GOOD, "content/20000001v1_fig2.tif": NOISE[-100_000:]}
HEAD, MEDIUM = ["bytes=0-65535"], ["bytes=0-65535", "bytes=65536-1048575"]


@pytest.mark.parametrize(
    ("content", "ranges"),
    [
        pytest.param(zipped(LONG), HEAD, id="deflated"),
        pytest.param(zipped(LONG, zipfile.ZIP_STORED), HEAD, id="stored"),
        pytest.param(zipped(LONG, pipe=True), HEAD, id="sizes behind"),
        pytest.param(zipped(LONG, zipfile.ZIP_STORED, pipe=True), MEDIUM, id="stored, sizes behind"),
        pytest.param(zipped({f"5f3a/{name}": each for name, each in LONG.items()}), HEAD, id="deeper"),
        pytest.param(
            zipped({name: LONG[name] for name in sorted(LONG)}).replace(b"content/2", b"content\\2"),
            HEAD,
            id="backslashes",
        ),
        pytest.param(zipped(late(10_000, {}, LONG)), HEAD, id="behind a figure"),
        pytest.param(zipped(late(10_000, {}, LONG), pipe=True), HEAD, id="behind a figure, sizes behind"),
        pytest.param(zipped(late(200_000, {}, LONG)), MEDIUM, id="behind 200 kB"),
        pytest.param(zipped(late(200_000, {}, LONG), pipe=True), MEDIUM, id="behind 200 kB, sizes behind"),
        pytest.param(
            zipped(late(500_000, {}, LONG), zipfile.ZIP_STORED, pipe=True),
            MEDIUM,
            id="all there, but only the end tells where",
        ),
        pytest.param(zipped(late(2_000_000, {}, LONG)), [*MEDIUM, ""], id="behind 2 MB"),
        pytest.param(
            zipped(
                {**LONG, "content/20000001.xml": jats(DEPOSITS[0], more="<!-- " + "abc" * 50_000 + "-->")}
            ),
            HEAD,
            id="long, but shrinks",
        ),
        pytest.param(
            zipped(
                {
                    **LONG,
                    "content/20000001.xml": jats(
                        DEPOSITS[0], more=f"<kwd-group>{NOISE[:150_000].hex()}</kwd-group>"
                    ),
                }
            ),
            MEDIUM,
            id="front of 300 kB",
        ),
        pytest.param(
            zipped({"content/directives.xml": "<directives/>", **LONG}), HEAD, id="another XML comes first"
        ),
    ],
)
def test_packages_of_all_forms_are_read_and_no_more_of_them_than_it_takes(
    bucket: Bucket, tmp_path: Path, content: bytes, ranges: list[str]
) -> None:
    bucket.put(content, "a")
    report = run(bucket, tmp_path)
    assert [each.doi for each in report.fetched] == [DOI], (report.missing, report.failed)
    assert (tmp_path / report.fetched[0].file).read_bytes() == DEPOSITS[0].content
    assert bucket.ranges("a.meca") == [*ranges, ""]


def told(bucket: Bucket, tmp_path: Path, content: bytes) -> Any:
    bucket.put(content, "a")
    report = listed(bucket, tmp_path, "2020-03-01", "2020-03-31")
    assert not report.missing
    return report.wanted[0]


@pytest.mark.parametrize(
    "declaration",
    ["", "\ufeff<?xml version='1.0'?>", " \n<?xml version='1.0' encoding='UTF-8'?>"],
)
def test_faults_that_real_files_have_are_mended(bucket: Bucket, tmp_path: Path, declaration: str) -> None:
    title = "R&D of <i>T&nbsp;cells</i>, &eacute;t&#233; &lt; x&#x0a0;&; &unknown; a&LT;b"
    found = told(bucket, tmp_path, package(DEPOSITS[0], declaration=declaration, title=title))
    assert found.title == "R&D of T cells, été < x &; &unknown; a<b"


def test_a_declaration_that_comes_second_is_mended(bucket: Bucket, tmp_path: Path) -> None:
    parts = {"declaration": "", "doctype": f"{DOCTYPE}\n<?xml version='1.0' encoding='utf-8'?>"}
    assert told(bucket, tmp_path, package(DEPOSITS[0], **parts)).doi == DOI


def each_told(bucket: Bucket, tmp_path: Path, changes: list[dict[str, str]]) -> list[Any]:
    """What is told of a package for each of the changes, in their order."""
    for number, each in enumerate(changes):
        deposit = Deposit(f"10.1101/2020.03.01.200000{number:02}")
        bucket.put(package(deposit, **each), f"{number:02}")
    report = listed(bucket, tmp_path, "2020-03-01", "2020-03-31")
    assert not report.missing
    found = sorted(report.wanted, key=lambda each: each.doi)
    assert len(found) == len(changes)
    return found


PERMISSIONS = {
    **{
        f'<license xlink:href="http://creativecommons.org/licenses/{path}/4.0/"/>': key
        for key, path in LICENCES.items()
    },
    '<license xlink:href="https://creativecommons.org/publicdomain/zero/1.0/"/>': "cc0",
    "<ali:license_ref>http://creativecommons.org/licenses/by-nc/4.0/</ali:license_ref>": "cc_by_nc",
    '<license><license-p><ext-link xlink:href="http://creativecommons.org/licenses/by/4.0/">CC BY</ext-link>'
    "</license-p></license>": "cc_by",
    '<license xlink:href="http://creativecommons.org/licenses/by/3.0/"/>': "CC-BY-3.0",
    f"<license><license-p>{RESERVED}</license-p></license>": "cc_no",
    '<license xlink:href="http://creativecommons.org/licenses/by/4.0/"><license-p>Two: <ext-link '
    'xlink:href="http://creativecommons.org/licenses/by-nd/4.0/">x</ext-link></license-p></license>': "Two: x",
    "<license><license-p>Ask\nus.</license-p></license>": "Ask us.",
    "": "",
}


def test_licences(bucket: Bucket, tmp_path: Path) -> None:
    found = each_told(bucket, tmp_path, [{"permissions": each} for each in PERMISSIONS])
    assert [each.licence for each in found] == list(PERMISSIONS.values())


VERSIONS = {
    "<article-version>1.1</article-version>": 1,
    "<article-version>1.12</article-version>": 12,
    "<article-version>3</article-version>": 3,
    "<article-version-alternatives><article-version article-version-type='x'>preprint</article-version>"
    "<article-version>1.2</article-version></article-version-alternatives>": 2,
    "<article-version>1.0</article-version>": None,
    "<article-version>first</article-version>": None,
    "": None,
}


def test_versions(bucket: Bucket, tmp_path: Path) -> None:
    found = each_told(bucket, tmp_path, [{"version": each} for each in VERSIONS])
    assert [each.version for each in found] == list(VERSIONS.values())


DAYS = {name: day_of(f"2020-03-0{number}") for number, name in enumerate("abcd", 1)}


DATES = {
    f"<pub-date>{DAYS['a']}</pub-date><history><date date-type='accepted'>{DAYS['b']}</date></history>": "01",
    f"<history><date date-type='received'>{DAYS['a']}</date><date date-type='rev-recd'>{DAYS['b']}</date>"
    f"<date date-type='accepted'>{DAYS['c']}</date></history>": "03",
    f"<history><date date-type='received'>{DAYS['a']}</date>"
    f"<date date-type='rev-recd'>{DAYS['b']}</date></history>": "02",
    f"<history><date date-type='received'>{DAYS['d']}</date></history>": "04",
    "<pub-date><day>31</day><month>2</month><year>2020</year></pub-date>"
    f"<history><date date-type='received'>{DAYS['b']}</date></history>": "02",
}


def test_the_day_of_posting(bucket: Bucket, tmp_path: Path) -> None:
    found = each_told(bucket, tmp_path, [{"dates": each} for each in DATES])
    assert [each.posted for each in found] == [f"2020-03-{each}" for each in DATES.values()]


def test_authors_of_all_sorts(bucket: Bucket, tmp_path: Path) -> None:
    more = (
        '<contrib-group><contrib contrib-type="author"><collab>The <b>CT</b> Group</collab></contrib>'
        '<contrib contrib-type="author"><string-name>Ann Other</string-name></contrib>'
        '<contrib contrib-type="editor"><name><surname>Ed</surname></name></contrib>'
        '<contrib contrib-type="author"><name-alternatives><name><surname>Li</surname></name></name-alternatives>'
        "</contrib></contrib-group>"
    )
    found = told(bucket, tmp_path, package(DEPOSITS[0], more=more))
    assert found.authors == "Ro, A.; Bo, B.; The CT Group; Ann Other; Li"


LAUGHS = "<!DOCTYPE article [<!ENTITY a 'haha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>"
BAD = {
    "no zip": NOISE[:3000],
    "empty": b"",
    "cut": zipped(late(200_000, {}, GOOD))[:150_000],
    "no XML": zipped({name: each for name, each in GOOD.items() if not name.endswith("1.xml")}),
    "front without an end": zipped({**GOOD, "content/20000001.xml": "<article><front><article-meta>"}),
    "not well formed": package(DEPOSITS[0], title="a <b> c"),
    "entities": package(DEPOSITS[0], doctype=LAUGHS, title="&b;"),
    "a file from outside": package(
        DEPOSITS[0], doctype="<!DOCTYPE article [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>", title="&a;"
    ),
    "no DOI": package(DEPOSITS[0], doi=""),
    "no DOI but a word": package(DEPOSITS[0], doi='<article-id pub-id-type="doi">=SUM(A1)</article-id>'),
    "no day": package(DEPOSITS[0], dates="<pub-date><year>2020</year></pub-date>"),
    "too deep": package(DEPOSITS[0], more="<x>" * 5000 + "</x>" * 5000),
    "encoding": package(DEPOSITS[0], declaration="<?xml version='1.0' encoding='klingon'?>"),
    "LZMA": zipped(GOOD, zipfile.ZIP_LZMA),
}


def test_packages_that_cannot_be_read_are_told_by_their_names(bucket: Bucket, tmp_path: Path) -> None:
    where = [bucket.put(BAD[kind], kind) for kind in sorted(BAD)]
    bucket.put(package(DEPOSITS[0]), "z")
    report = run(bucket, tmp_path)
    assert [each.doi for each in report.fetched] == [DOI]
    assert sorted(each.split(".meca: ")[0] + ".meca" for each in report.missing) == sorted(where)
    told = {each.split(".meca: ")[0].rsplit("/", 1)[1]: each for each in report.missing}
    assert (
        "it declares entities" in told["entities"] and "it declares entities" in told["a file from outside"]
    )
    assert "it tells no DOI" in told["no DOI"] and "it tells no day of posting" in told["no day"]
    assert not report.complete


def test_a_doctypes_address_is_not_asked(bucket: Bucket, tmp_path: Path) -> None:
    doctype = f'<!DOCTYPE article SYSTEM "{bucket.url}/outside/x.dtd">'
    assert told(bucket, tmp_path, package(DEPOSITS[0], doctype=doctype)).doi == DOI
    assert not [each for each in bucket.requests if "outside" in each.path]


def test_an_xml_that_swells_is_given_up(bucket: Bucket, tmp_path: Path) -> None:
    bomb = b"<article><front><article-meta>" + b" " * 100_000_000
    files: dict[str, bytes | str] = {**GOOD, "content/20000001.xml": bomb}
    bucket.put(zipped(files), "a")
    tracemalloc.start()
    try:
        report = listed(bucket, tmp_path, "2020-03-01", "2020-03-31")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "no JATS with a front" in report.missing[0]
    assert peak < 50_000_000


def test_keys_that_are_no_packages_are_passed_over(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_at(b"x", "Current_Content/March_2020/readme.txt")
    bucket.put(package(DEPOSITS[0]), "batch 7/a ü+%41?#[")
    report = run(bucket, tmp_path)
    assert [each.doi for each in report.fetched] == [DOI] and report.complete


def test_after_twenty_packages_in_a_row_a_bucket_is_given_up(bucket: Bucket, tmp_path: Path) -> None:
    for number in range(25):
        bucket.put(NOISE[:100], f"{number:02}")
    bucket.put(package(DEPOSITS[2]), "a", "biorxiv")
    wish = Wish(source="s3", since="2020-03-01", until="2020-03-31")
    report = run(bucket, tmp_path, wish)
    assert len([each for each in bucket.requests if each.path.startswith("/medrxiv") and each.range]) == 20
    assert "medRxiv was not listed to its end: 20 packages in a row" in report.missing[-1]
    assert [each.doi for each in report.fetched] == [DEPOSITS[2].doi]


def test_damaged_packages_never_stop_a_crawl(bucket: Bucket, tmp_path: Path) -> None:
    chance = random.Random(9)
    forms = [zipped(GOOD), zipped(GOOD, pipe=True), zipped(GOOD, zipfile.ZIP_STORED)]
    good = 0
    for number in range(60):
        content = bytearray(chance.choice(forms))
        if number % 6:
            for _ in range(chance.choice((1, 3, 30))):
                content[chance.randrange(len(content))] = chance.randrange(256)
            del content[chance.choice((len(content), chance.randrange(len(content)))) :]
        else:
            good += 1
        bucket.put(bytes(content), f"{number:03}")
    wish = Wish("s3", ("medrxiv",), since="2000-01-01", until="2020-03-31", all_versions=True)
    source = S3(bucket.url)
    seen: list[int] = []
    listing = source.records(wish, seen.append)
    broken = [each for each in listing.missing if ".meca: " in each]
    assert len(listing.found) >= good and len(listing.found) + len(broken) <= 60
    assert seen == sorted(seen) and seen[-1] == len(listing.found)
    for each in listing.found:
        try:
            with source.open(each, 0, "") as body:
                assert len(b"".join(body.chunks)) == body.total
        except NoAnswer as error:
            assert str(error).startswith(each.url)


TWO = {**GOOD, "content/media-1.pdf": Deposit("10.1101/x").content, "content/other.pdf": b"%PDF-1.4 other"}
CHOSEN = {
    "the manifest's": {**TWO, "content/20000001.xml": jats(DEPOSITS[0])},
    "another name": {
        "manifest.xml": manifest("content/paper.pdf"),
        "content/20000001.xml": jats(DEPOSITS[0]),
        "content/media-1.pdf": b"%PDF-1.4 other",
        "content/paper.pdf": DEPOSITS[0].content,
    },
    "backslash in the manifest": {**TWO, "manifest.xml": manifest("content\\20000001.pdf")},
    "two in the manifest": {**TWO, "manifest.xml": manifest("content/20000001.pdf", "content/other.pdf")},
    "none in the manifest": {**TWO, "manifest.xml": manifest()},
    "one in the manifest that is not there": {**TWO, "manifest.xml": manifest("content/gone.pdf")},
    "no manifest": {name: each for name, each in TWO.items() if name != "manifest.xml"},
    "a manifest that is broken": {**TWO, "manifest.xml": "<manifest><item"},
    "a manifest with entities": {
        **TWO,
        "manifest.xml": "<!DOCTYPE manifest [<!ENTITY a 'haha'>]>" + manifest("content/other.pdf")[21:],
    },
}


@pytest.mark.parametrize("kind", CHOSEN)
def test_the_articles_pdf_is_taken(bucket: Bucket, tmp_path: Path, kind: str) -> None:
    bucket.put(zipped(CHOSEN[kind]), "a")
    report = run(bucket, tmp_path)
    assert not report.failed, report.failed
    assert (tmp_path / "2020.03.01.20000001v1.pdf").read_bytes() == DEPOSITS[0].content


def damaged() -> bytes:
    """The PDF's own bytes are changed, and its checksum is not."""
    content = zipped(GOOD, zipfile.ZIP_STORED)
    return content.replace(b"%%EOF", b"%%EOR")


def lying() -> bytes:
    """More than the sizes tell comes out."""
    content = zipped({**GOOD, "content/20000001.pdf": b"%PDF" + b"x" * 10_000})
    return content.replace((10_004).to_bytes(4, "little"), (5).to_bytes(4, "little"))


NO_PDF = {name: each for name, each in GOOD.items() if not name.endswith(".pdf")}
UNUSABLE = {
    "none": (zipped(NO_PDF), "which of its 0 PDFs"),
    "a supplement": (zipped({**NO_PDF, "content/media-1.pdf": b"%PDF-1.4"}), "which of its 1 PDFs"),
    "two": (
        zipped(
            {
                **NO_PDF,
                "manifest.xml": manifest("content/a.pdf", "content/b.pdf"),
                "content/a.pdf": b"%PDF-1.4",
                "content/b.pdf": b"%PDF-1.4",
            }
        ),
        "which of its 2 PDFs",
    ),
    "a bomb": (
        zipped({**GOOD, "content/20000001.pdf": b"%PDF" + b"\0" * 50_000_000}),
        "would swell to 50,000,004",
    ),
    "damaged": (damaged(), "cannot be unpacked"),
    "a lie": (lying(), "cannot be unpacked"),
    "a page": (zipped({**GOOD, "content/20000001.pdf": "<html><title>Sorry</title></html>"}), "a web page"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_without_a_pdf_a_paper_fails_and_the_others_are_fetched(
    bucket: Bucket, tmp_path: Path, kind: str
) -> None:
    content, reason = UNUSABLE[kind]
    bucket.put(content, "a")
    bucket.put(package(DEPOSITS[1]), "b")
    report = run(bucket, tmp_path)
    assert [each.doi for each in report.fetched] == [DEPOSITS[1].doi]
    assert len(report.failed) == 1 and report.failed[0].preprint.doi == DOI
    assert reason in report.failed[0].reason
    assert not [each for each in names(tmp_path) if ".part" in each]


def test_a_connection_that_breaks_is_told_and_fetched_the_next_time(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put(package(DEPOSITS[0]), "a")
    bucket.cut.add("a.meca")
    report = run(bucket, tmp_path)
    assert "the connection broke off" in report.failed[0].reason
    bucket.cut.clear()
    report = run(bucket, tmp_path)
    assert report.complete and (tmp_path / report.fetched[0].file).read_bytes() == DEPOSITS[0].content
    assert [each for each in names(tmp_path) if each != ".lock"] == [FILES[1], *FILES[3:]]


def test_a_package_that_is_gone_fails(bucket: Bucket, tmp_path: Path) -> None:
    where = bucket.put(package(DEPOSITS[0]), "a")
    source = S3(bucket.url)
    found = source.records(MARCH, lambda count: None).found
    bucket.client.delete_object(Bucket="medrxiv-src-monthly", Key=where.split("/", 3)[3])
    with pytest.raises(NoAnswer, match="NoSuchKey"), source.open(found[0], 0, ""):
        pass


def test_without_credentials_nothing_is_asked(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(HostStopped, match="aws configure"):
        run(bucket, tmp_path)
    assert not bucket.requests


def test_settings_that_make_no_sense_are_told(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ChoiceError, match="boto3 cannot be set up"):
        crawl(MARCH, tmp_path, base_url="no address")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ChoiceError, match="nobody"):
        run(bucket, tmp_path)


def test_without_boto3_it_says_what_to_install(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ChoiceError, match=re.escape("pip install 'covidct[s3]'")):
        run(bucket, tmp_path)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "AccessDenied", r"refused \(AccessDenied\); check the credentials"),
        (400, "ExpiredToken", r"refused \(ExpiredToken\); check the credentials"),
        (404, "NoSuchBucket", "there is no such bucket; check --base-url"),
        (503, "SlowDown", r"asks to be left alone \(SlowDown\)"),
        (500, "InternalError", r"InternalError \(HTTP 500\)"),
    ],
)
def test_a_bucket_that_refuses_does_not_stop_the_other(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: str, words: str
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    bucket.put(package(DEPOSITS[2]), "a", "biorxiv")
    bucket.faults["medrxiv-src-monthly"] = (status, code)
    report = run(bucket, tmp_path, Wish(source="s3", since="2020-03-01", until="2020-03-31"))
    assert len(report.missing) == 1
    assert re.match(f"medRxiv was not listed to its end: s3://.*{words}", report.missing[0])
    assert [each.doi for each in report.fetched] == [DEPOSITS[2].doi]


def test_a_bucket_that_refuses_later_stops_what_is_left(bucket: Bucket, tmp_path: Path) -> None:
    for number in range(3):
        bucket.put(package(Deposit(f"10.1101/2020.03.01.2000000{number}")), f"{number}")
    source = S3(bucket.url)
    assert len(source.records(MARCH, lambda count: None).found) == 3
    bucket.faults["1.meca"] = (403, "AccessDenied")
    listing = source.records(MARCH, lambda count: None)
    assert [each.doi for each in listing.found] == ["10.1101/2020.03.01.20000000"]
    assert "refused" in listing.missing[0]
    assert len(bucket.ranges("2.meca")) == 1


def test_a_refused_connection_is_given_up_soon(tmp_path: Path) -> None:
    start = time.monotonic()
    report = crawl(MARCH, tmp_path, base_url="http://127.0.0.1:9")
    assert time.monotonic() - start < 30
    assert "it cannot be asked" in report.missing[0] and "check the network" in report.missing[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_without_room_for_a_package_it_says_where(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(package(DEPOSITS[0]), "a")
    with Path("/dev/full").open("w+b", buffering=0) as full:
        monkeypatch.setattr("tempfile.TemporaryFile", lambda prefix: full)
        with pytest.raises(CrawlError, match="make room, or name another folder in TMPDIR"):
            run(bucket, tmp_path)
