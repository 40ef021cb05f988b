"""``curate crawl`` on a local server: what is listed is fetched, kept in a manifest, and told."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from calendar import timegm
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from covidct_curate import __version__
from covidct_curate.cli import app
from covidct_curate.crawl import run
from covidct_curate.crawl.run import Report, crawl
from covidct_curate.crawl.wish import Wish
from covidct_curate.errors import CrawlError
from tests.preprintserver import Deposit, Fault, PreprintServer
from tests.test_cli import RUN, curate, rows
from tests.test_crawl_download import HTML, Clock, fill, names, paper

A = Deposit("10.1101/2020.03.01.20000001", date="2020-03-01", title="Chest CT in COVID-19, one")
B = Deposit("10.1101/2020.03.02.20000002", date="2020-03-02", title="Chest CT in COVID-19, two")
C = Deposit("10.64898/2020.03.03.20000003", date="2020-03-03", title="Chest CT in COVID-19, three")
D = Deposit(
    "10.1101/2020.03.04.20000004",
    date="2020-03-04",
    title="Gallstones",
    abstract="Gallstones and their bile.",
)
A_PDF, B_PDF, C_PDF, D_PDF = (
    "2020.03.01.20000001v1.pdf",
    "2020.03.02.20000002v1.pdf",
    "10.64898_2020.03.03.20000003v1.pdf",
    "2020.03.04.20000004v1.pdf",
)
KEPT = [".lock", "crawl.json", "index.csv", "manifest.jsonl"]
"""What else is in a folder after a crawl in which nothing failed."""
MARCH = Wish(servers=("medrxiv",), since="2020-03-01", until="2020-03-31", match="covid")
ASKED = ("--server", "medrxiv", "--from", "2020-03-01", "--to", "2020-03-31", "--match", "covid")
"""The same on the command line."""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the contact is kept: not in the home of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "config" / "covidct" / "contact"


@pytest.fixture
def server() -> Iterator[PreprintServer]:
    with PreprintServer([A, B, C, D]) as running:
        yield running


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "pdfs"


def fetch(server: PreprintServer, out: Path, wish: Wish = MARCH, **options: Any) -> Report:
    clock = Clock()
    return crawl(wish, out, base_url=server.url, clock=clock, sleep=clock.sleep, **options)


def command(server: PreprintServer, out: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["crawl", *options, "--out", str(out), "--base-url", server.url])


def started(
    server: PreprintServer,
    out: Path,
    *options: str,
    stdin: int | None = None,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[str]:
    """The same in a process of its own."""
    code = RUN.format("covidct_curate", "curate")
    return subprocess.Popen(
        [sys.executable, "-c", code, "crawl", *options, "--out", str(out), "--base-url", server.url],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        text=True,
    )


def manifest(out: Path) -> list[dict[str, Any]]:
    lines = (out / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {each.name: (each.stat().st_mtime_ns, each.read_bytes()) for each in folder.iterdir()}


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


# --- a folder and its manifest ---------------------------------------------------------------------------


def test_what_matches_is_fetched_with_a_manifest(server: PreprintServer, out: Path) -> None:
    report = fetch(server, out)
    assert names(out) == sorted([A_PDF, B_PDF, C_PDF, *KEPT])
    for deposit, name in zip((A, B, C), (A_PDF, B_PDF, C_PDF), strict=True):
        assert (out / name).read_bytes() == deposit.content
    assert (report.listed, report.unlike, report.there, len(report.fetched)) == (4, 1, 0, 3)
    assert report.complete
    assert [line["file"] for line in manifest(out)] == [A_PDF, B_PDF, C_PDF]


def test_the_manifest_says_all_that_is_known(server: PreprintServer, out: Path) -> None:
    server.deposits = [
        Deposit(
            A.doi,
            version=3,
            title="Über “CT”, part one",
            authors="Ro, A.; Bo, B.",
            date="2020-03-07",
            category="radiology and imaging",
            license="cc_by_nc",
            published="10.1000/journal.1",
        )
    ]
    before = int(time.time())
    fetch(server, out)
    (line,) = manifest(out)
    pdf = server.deposits[0].content
    assert before <= timegm(time.strptime(line["fetched"], "%Y-%m-%dT%H:%M:%SZ")) <= time.time()
    assert line == {
        "file": "2020.03.01.20000001v3.pdf",
        "doi": A.doi,
        "version": 3,
        "server": "medRxiv",
        "title": "Über “CT”, part one",
        "authors": "Ro, A.; Bo, B.",
        "posted": "2020-03-07",
        "category": "radiology and imaging",
        "licence": "cc_by_nc",
        "spdx": "CC-BY-NC-4.0",
        "url": f"{server.url}/content/{A.doi}v3.full.pdf",
        "sha256": sha256(pdf).hexdigest(),
        "bytes": len(pdf),
        "etag": f'"{sha256(pdf).hexdigest()[:16]}"',
        "fetched": line["fetched"],
        "tool": f"covidct {__version__}",
        "published": "10.1000/journal.1",
    }
    (row,) = table(out / "index.csv")
    assert row == {name: str(value) for name, value in line.items()}


def test_licences_are_kept_as_given_and_as_spdx_calls_them(server: PreprintServer, out: Path) -> None:
    licences = {
        "cc_by": "CC-BY-4.0",
        "cc_by_nc": "CC-BY-NC-4.0",
        "cc_by_nd": "CC-BY-ND-4.0",
        "cc_by_nc_nd": "CC-BY-NC-ND-4.0",
        "cc0": "CC0-1.0",
        "cc0_ng": "",
        "cc_no": "",
        "": "",
    }
    server.deposits = [
        Deposit(f"10.1101/2020.03.01.2000010{number}", license=licence)
        for number, licence in enumerate(licences)
    ]
    fetch(server, out)
    assert [(line["licence"], line["spdx"]) for line in manifest(out)] == list(licences.items())


def test_what_is_there_is_not_fetched_again(server: PreprintServer, out: Path) -> None:
    fetch(server, out)
    before, asked = content(out), len(server.asked("full.pdf"))
    report = fetch(server, out)
    assert (report.there, report.planned, report.fetched) == (3, [], [])
    assert len(server.asked("full.pdf")) == asked
    assert {name: kept for name, (_, kept) in content(out).items()} == {
        name: kept for name, (_, kept) in before.items()
    }


def test_a_file_that_somebody_deleted_is_fetched_again(server: PreprintServer, out: Path) -> None:
    fetch(server, out)
    (out / B_PDF).unlink()
    report = fetch(server, out)
    assert [entry.file for entry in report.fetched] == [B_PDF]
    assert (out / B_PDF).read_bytes() == B.content
    assert [line["file"] for line in manifest(out)] == [A_PDF, B_PDF, C_PDF]


def test_a_file_that_somebody_changed_is_told_and_stays(server: PreprintServer, out: Path) -> None:
    fetch(server, out)
    (out / B_PDF).write_bytes(B.content[:100])
    report = fetch(server, out)
    assert report.there == 2
    (failed,) = report.failed
    assert "move it away" in failed.reason
    assert (out / B_PDF).read_bytes() == B.content[:100]


def test_a_file_that_somebody_put_there_is_never_overwritten(server: PreprintServer, out: Path) -> None:
    out.mkdir()
    (out / A_PDF).write_bytes(b"mine")
    report = fetch(server, out)
    (failed,) = report.failed
    assert failed.preprint.doi == A.doi
    assert "move it away" in failed.reason
    assert (out / A_PDF).read_bytes() == b"mine"
    assert [line["file"] for line in manifest(out)] == [B_PDF, C_PDF]


def test_max_papers_are_the_first_by_date(server: PreprintServer, out: Path) -> None:
    server.deposits[0] = Deposit(A.doi, date=A.date, server="biorxiv")
    both = replace(MARCH, servers=("medrxiv", "biorxiv"))
    assert [entry.file for entry in fetch(server, out, both, most=2).fetched] == [A_PDF, B_PDF]
    again = fetch(server, out, both, most=2)
    assert (again.there, again.fetched) == (2, [])
    assert [entry.file for entry in fetch(server, out, both, most=3).fetched] == [C_PDF]
    assert fetch(server, out, both, most=0).wanted == []


def test_excluded_papers_are_not_fetched(server: PreprintServer, out: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(
        f"File name,DOI\n2020.03.02.20000002-p5-1.png,\nx.png,https://doi.org/{A.doi.upper()}v1\n"
    )
    done = command(server, out, *ASKED, "--exclude", str(mine))
    assert done.exit_code == 0, done.output
    assert "2 excluded" in done.stdout
    assert [line["file"] for line in manifest(out)] == [C_PDF]


def test_a_wrong_exclusion_is_not_asked_again_later(
    server: PreprintServer, out: Path, tmp_path: Path
) -> None:
    wrong = command(server, out, *ASKED, "--exclude", str(tmp_path / "none.csv"))
    assert wrong.exit_code == 2
    assert "none.csv" in wrong.stderr
    assert server.asked("full.pdf") == []
    assert command(server, out, *ASKED).exit_code == 0
    assert command(server, out, "--update").exit_code == 0


# --- what goes wrong -------------------------------------------------------------------------------------


def test_a_paper_that_fails_is_told_and_the_others_are_fetched(server: PreprintServer, out: Path) -> None:
    server.faults = {
        "20000001": [Fault("status", status=404)],
        "20000002v1.full.pdf": [Fault("body", body=HTML)],
    }
    done = command(server, out, *ASKED)
    assert done.exit_code == 1
    assert "1 fetched, 0 were there, 2 failed" in done.stdout
    assert done.stderr.splitlines() == [
        f"failed: {A.doi}v1: {server.url}/content/{A.doi}v1.full.pdf: HTTP 404 Not Found",
        f"failed: {B.doi}v1: a web page came instead of a PDF ('Just a moment[31m...')",
    ]
    first, second = table(out / "failed.csv")
    assert first == {
        "doi": A.doi,
        "version": "1",
        "server": "medRxiv",
        "title": A.title,
        "url": f"{server.url}/content/{A.doi}v1.full.pdf",
        "reason": f"{server.url}/content/{A.doi}v1.full.pdf: HTTP 404 Not Found",
    }
    assert second["reason"].startswith("a web page came")
    assert names(out) == sorted([C_PDF, *KEPT, "failed.csv"])

    (out / ".failed.csv.part").write_text("of a run that was killed")
    again = command(server, out, *ASKED)
    assert (again.exit_code, again.stderr) == (0, "")
    assert "2 fetched, 1 were there, 0 failed" in again.stdout
    assert names(out) == sorted([A_PDF, B_PDF, C_PDF, *KEPT])


def test_a_server_that_keeps_refusing_is_left_alone_and_the_rest_told(
    server: PreprintServer, out: Path
) -> None:
    server.faults["full.pdf"] = [Fault("status", status=403, headers={"Retry-After": "0"}, forever=True)]
    done = command(server, out, *ASKED)
    assert done.exit_code == 1
    assert "0 fetched, 0 were there, 3 failed" in done.stdout
    assert "waiting 0 s, as it asks" in done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert [line.split()[1].rstrip(":") for line in told] == [f"{each.doi}v1" for each in (A, B, C)]
    assert all("keeps refusing" in line for line in told[1:])
    assert server.asked("20000003v1.full.pdf") == []
    assert [row["doi"] for row in table(out / "failed.csv")] == [A.doi, B.doi, C.doi]
    server.faults.clear()
    assert command(server, out, *ASKED).exit_code == 0


def test_withdrawn_papers_are_failures_with_a_reason(server: PreprintServer, out: Path) -> None:
    server.deposits = [
        A,
        Deposit(B.doi, 1, date="2020-03-02"),
        Deposit(B.doi, 2, date="2020-03-05", title="WITHDRAWN: Chest CT in COVID-19, two"),
        Deposit(C.doi, date="2020-03-03", type="withdrawn results"),
    ]
    planned = command(server, out, *ASKED, "--dry-run")
    assert planned.exit_code == 0 and "2 withdrawn" in planned.stdout
    done = command(server, out, *ASKED)
    assert done.exit_code == 1, done.output
    assert "2 withdrawn" in done.stdout
    assert [line["file"] for line in manifest(out)] == [A_PDF]
    assert {row["doi"] for row in table(out / "failed.csv")} == {B.doi, C.doi}
    assert all("withdrawn" in line for line in done.stderr.splitlines())


def test_a_withdrawn_paper_that_was_named_is_a_failure(server: PreprintServer, out: Path) -> None:
    server.deposits[1] = Deposit(B.doi, date="2020-03-02", title="WITHDRAWN: Chest CT in COVID-19, two")
    done = command(server, out, A.doi, B.doi)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"failed: {B.doi}v1: ")
    assert "withdrawn" in line
    assert [row["doi"] for row in table(out / "failed.csv")] == [B.doi]
    assert [line["file"] for line in manifest(out)] == [A_PDF]


def test_a_doi_that_nobody_has_is_told(server: PreprintServer, out: Path) -> None:
    done = command(server, out, A.doi, "10.1101/2020.09.09.20999999")
    assert done.exit_code == 1
    assert done.stderr.startswith("not listed: 10.1101/2020.09.09.20999999")
    assert [line["file"] for line in manifest(out)] == [A_PDF]


def test_a_full_disk_ends_the_crawl_and_what_was_there_stays(
    server: PreprintServer, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.deposits[1] = Deposit(B.doi, date=B.date, pdf=paper(2))
    with monkeypatch.context() as patch:
        fill(patch, B_PDF)
        with pytest.raises(CrawlError, match="No space left on device; make room") as caught:
            fetch(server, out)
    assert B_PDF in str(caught.value)
    assert [line["file"] for line in manifest(out)] == [A_PDF]
    assert (out / A_PDF).read_bytes() == A.content
    assert [entry.file for entry in fetch(server, out).fetched] == [B_PDF, C_PDF]
    assert names(out) == sorted([A_PDF, B_PDF, C_PDF, *KEPT])


def test_a_manifest_that_cannot_be_written_ends_the_crawl(server: PreprintServer, out: Path) -> None:
    (out / ".manifest.jsonl.part").mkdir(parents=True)
    done = command(server, out, *ASKED)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {out}: it cannot be written: ")
    assert server.asked("full.pdf") == []


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--update",)])
def test_a_file_is_no_folder(server: PreprintServer, tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    done = command(server, tmp_path / "file", *(() if options == ("--update",) else ASKED), *options)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {tmp_path / 'file'}")
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_made_is_told(server: PreprintServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(CrawlError, match="file/pdfs: it cannot be written: Not a directory"):
        fetch(server, tmp_path / "file" / "pdfs")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(server: PreprintServer, out: Path) -> None:
    out.mkdir(mode=0o555)
    with pytest.raises(CrawlError, match="it cannot be written"):
        fetch(server, out)
    assert names(out) == []


def test_two_crawls_do_not_share_a_folder(server: PreprintServer, out: Path) -> None:
    server.faults["full.pdf"] = [Fault("slow", after=8, seconds=0.2, forever=True)]
    first = started(server, out, *ASKED)
    try:
        until(lambda: server.asked("full.pdf"))
        with pytest.raises(CrawlError, match="another crawl is writing to this folder"):
            fetch(server, out)
        assert len(server.asked("full.pdf")) == 1
        assert fetch(server, out, dry_run=True).there == 0, "to look is allowed"
        first.send_signal(signal.SIGINT)
        _, told = first.communicate(timeout=60)
    finally:
        first.kill()
        first.wait()
    assert first.returncode == 130
    assert told.splitlines() == ["Interrupted; the same command goes on from here."]
    server.faults.clear()
    assert len(fetch(server, out).fetched) == 3


EVIL = '=HYPERLINK("http://x.invalid","y")\x1b[31m\x07\r\n\u202enext\u2028row\ud800'


def test_what_servers_say_is_harmless_in_tables_and_on_the_terminal(
    server: PreprintServer, tmp_path: Path
) -> None:
    out = tmp_path / "pdfs\x1b[31m"
    out.mkdir()
    (out / C_PDF).write_bytes(b"mine")
    server.deposits = [
        C,
        Deposit(A.doi, title=EVIL, authors="+cmd|' /C calc'!A0", category="@SUM(A1)", pdf=paper(1, 1000)),
        Deposit(B.doi, title=EVIL, authors="-1", pdf=paper(2, 1000)),
    ]
    page = b"<html><title>\x1b]0;owned\x07\xe2\x80\xae=1+1</title></html>"
    server.faults["20000002v1.full.pdf"] = [Fault("body", body=page)]
    options = ("--server", "medrxiv", "--from", "2020-03-01", "--to", "2020-03-31")
    listed = [
        command(server, out, *options, "--dry-run", "--format", form) for form in ("table", "csv", "jsonl")
    ]
    done = command(server, out, *options)
    assert [each.exit_code for each in (*listed, done)] == [0, 0, 0, 1]
    texts = [text for each in (*listed, done) for text in (each.stdout, each.stderr)]
    texts += [(out / name).read_text("utf-8-sig") for name in ("index.csv", "failed.csv", "manifest.jsonl")]
    for text in texts:
        assert all(
            line.isprintable() for line in text.replace("\ufeff", "").split("\n") if line.strip("\r")
        ), text
    (row,) = table(out / "index.csv")
    assert row["title"] == '\'=HYPERLINK("http://x.invalid","y")[31m next row�'
    assert (row["authors"], row["category"]) == ("'+cmd|' /C calc'!A0", "'@SUM(A1)")
    (line,) = manifest(out)
    assert line["title"] == row["title"][1:]
    failed, _ = table(out / "failed.csv")
    assert failed["title"] == row["title"]
    assert failed["reason"] == "a web page came instead of a PDF (']0;owned=1+1')"


# --- --dry-run -------------------------------------------------------------------------------------------

ISSUE = (
    *("--server", "medrxiv", "--from", "2020-01-19", "--to", "2020-03-25"),
    *("--match", "covid", "--max-papers", "5", "--dry-run"),
)


def test_a_dry_run_tells_what_it_would_do(server: PreprintServer, out: Path) -> None:
    server.deposits += [Deposit(f"10.1101/2020.03.20.2000010{n}", date="2020-03-20") for n in range(5)]
    done = command(server, out, *ISSUE)
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["posted", "doi", "version", "licence", "state", "title"]
    assert [line.split()[:2] for line in lines[1:6]] == [
        ["2020-03-01", A.doi],
        ["2020-03-02", B.doi],
        ["2020-03-03", C.doi],
        ["2020-03-20", "10.1101/2020.03.20.20000100"],
        ["2020-03-20", "10.1101/2020.03.20.20000101"],
    ]
    assert all("to fetch" in line for line in lines[1:6])
    assert lines[6] == "5 preprints"
    assert lines[7] == "9 versions listed (1 without these words); 5 wanted"
    assert lines[8] == "to fetch: 5 papers, about 6 MB, at least 0 s; 0 are there"
    assert not out.exists()
    assert server.asked("full.pdf") == []


def test_a_dry_run_changes_nothing(server: PreprintServer, out: Path, config: Path) -> None:
    fetch(server, out, most=1)
    before, asked = content(out), len(server.asked("full.pdf"))
    done = command(server, out, *ISSUE)
    assert content(out) == before
    assert len(server.asked("full.pdf")) == asked
    assert not config.exists()
    states = [re.findall(r"  (there|to fetch)  ", line) for line in done.stdout.splitlines()[1:4]]
    assert states == [["there"], ["to fetch"], ["to fetch"]]
    assert "to fetch: 2 papers" in done.stdout
    assert "1 are there" in done.stdout


def test_a_dry_run_lists_for_programs(server: PreprintServer, out: Path) -> None:
    done = command(server, out, *ISSUE, "--format", "jsonl")
    listed = [json.loads(line) for line in done.stdout.splitlines()]
    assert listed[0] == {
        "posted": "2020-03-01",
        "doi": A.doi,
        "version": 1,
        "server": "medRxiv",
        "licence": "cc_by",
        "state": "to fetch",
        "category": "radiology and imaging",
        "authors": "Ro, A.; Bo, B.",
        "title": A.title,
        "url": f"{server.url}/content/{A.doi}v1.full.pdf",
    }
    assert [each["doi"] for each in listed] == [A.doi, B.doi, C.doi]
    assert "to fetch: 3 papers" in done.stderr

    done = command(server, out, *ISSUE, "--format", "csv")
    cells = list(csv.DictReader(done.stdout.removeprefix("\ufeff").splitlines()))
    assert cells == [{name: str(value) for name, value in each.items()} for each in listed]


def test_thousands_of_papers_are_said_to_take_long_and_pointed_elsewhere(
    server: PreprintServer, out: Path
) -> None:
    def found(number: int) -> dict[str, object]:
        doi = f"10.1101/2020.03.01.2{number:07}"
        link = {"documentStyle": "pdf", "url": f"https://www.medrxiv.org/content/{doi}v1.full.pdf"}
        return {"doi": doi, "title": "COVID-19", "fullTextUrlList": {"fullTextUrl": [link]}}

    told = {"nextCursorMark": "*", "resultList": {"result": [found(number) for number in range(1001)]}}
    options = ("--source", "europepmc", "--from", "2020-03-01", "--dry-run")
    server.faults["search"] = [Fault("body", body=json.dumps(told))]
    done = command(server, out, *options)
    assert done.exit_code == 0, done.output
    *_, estimate, note = done.stdout.splitlines()
    assert estimate == "to fetch: 1,001 papers, about 1,261 MB, at least 1 h 57 min; 0 are there"
    assert note.startswith("note: www.medrxiv.org asks for 7 s between requests; ")
    assert "--source europepmc" in note
    assert "--source s3" in note

    told["resultList"] = {"result": [found(number) for number in range(10)]}
    server.faults["search"] = [Fault("body", body=json.dumps(told))]
    done = command(server, out, *options)
    assert done.stdout.splitlines()[-1].startswith("to fetch: 10 papers, about 13 MB, at least 1 min; ")


# --- --update --------------------------------------------------------------------------------------------


def test_an_update_fetches_new_papers_and_new_versions_only(server: PreprintServer, out: Path) -> None:
    assert command(server, out, *ASKED).exit_code == 0
    server.deposits += [
        Deposit(A.doi, 2, date="2020-04-09"),
        Deposit("10.1101/2020.05.05.20000005", date="2020-05-05"),
        Deposit("10.1101/2020.05.06.20000006", date="2020-05-06", title="Bile", abstract="Bile again."),
        Deposit("10.1101/2020.05.07.000007", date="2020-05-07", server="biorxiv"),
    ]
    server.requests.clear()
    done = command(server, out, "--update")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "2 fetched, 2 were there, 0 failed" in done.stdout
    assert [each.path.removeprefix("/content/") for each in server.asked("full.pdf")] == [
        f"{A.doi}v2.full.pdf",
        "10.1101/2020.05.05.20000005v1.full.pdf",
    ]
    assert [(line["doi"], line["version"]) for line in manifest(out)] == [
        (A.doi, 1),
        (A.doi, 2),
        (B.doi, 1),
        ("10.1101/2020.05.05.20000005", 1),
        (C.doi, 1),
    ]
    assert (out / A_PDF).read_bytes() == A.content
    server.requests.clear()
    assert command(server, out, "--update").exit_code == 0
    assert server.asked("full.pdf") == []


def test_an_update_asks_each_question_of_the_folder(server: PreprintServer, out: Path) -> None:
    assert command(server, out, A.doi).exit_code == 0
    assert command(server, out, *ASKED[:-1], "gallstones").exit_code == 0
    server.deposits += [
        Deposit(A.doi, 2, date="2020-04-09"),
        Deposit(B.doi, 2, date="2020-04-09"),
        Deposit(D.doi, 2, date="2020-04-09", title="Gallstones"),
    ]
    server.faults["20000001v2"] = [Fault("status", status=404)]
    done = command(server, out, "--update")
    assert done.exit_code == 1
    assert f"failed: {A.doi}v2: " in done.stderr
    assert [(line["doi"], line["version"]) for line in manifest(out)] == [(A.doi, 1), (D.doi, 1), (D.doi, 2)]
    assert [row["doi"] for row in table(out / "failed.csv")] == [A.doi]
    assert command(server, out, "--update").exit_code == 0
    assert (A.doi, 2) in [(line["doi"], line["version"]) for line in manifest(out)]
    assert not (out / "failed.csv").exists()


def test_an_update_asks_what_the_folder_says_now(server: PreprintServer, out: Path) -> None:
    command(server, out, *ASKED)
    questions = out / "crawl.json"
    questions.write_text(questions.read_text().replace("covid", "gallstones"))
    done = command(server, out, "--update")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "1 fetched" in done.stdout
    assert (out / D_PDF).read_bytes() == D.content


@pytest.mark.parametrize("told", ["", "{}", "[1]", '[{"sources": "api"}]', '[{"since": 2020}]', "\x00"])
def test_an_update_of_a_broken_question_is_told(server: PreprintServer, out: Path, told: str) -> None:
    command(server, out, *ASKED)
    (out / "crawl.json").write_text(told)
    server.requests.clear()
    done = command(server, out, "--update")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {out / 'crawl.json'}: ")
    assert len(done.stderr.splitlines()) == 1
    assert server.requests == []


def test_an_update_of_nothing_is_told(server: PreprintServer, out: Path) -> None:
    for _ in range(2):
        done = command(server, out, "--update")
        assert done.exit_code == 2
        assert "nothing was fetched into this folder yet" in done.stderr
        out.mkdir(exist_ok=True)
    assert names(out) == []
    assert command(server, out, "--update", *ASKED).exit_code == 2
    assert server.requests == []


# --- whom the servers can write to -----------------------------------------------------------------------


def agents(server: PreprintServer) -> set[str]:
    found = {each.headers["user-agent"] for each in server.requests}
    server.requests.clear()
    return found


def test_the_contact_is_said_once(server: PreprintServer, out: Path, config: Path) -> None:
    assert command(server, out, *ASKED).exit_code == 0
    assert agents(server) == {f"covidct/{__version__} (curate crawl)"}
    assert not config.exists()
    assert command(server, out, *ASKED, "--contact", " ann@example.org ").exit_code == 0
    assert agents(server) == {f"covidct/{__version__} (curate crawl; ann@example.org)"}
    assert config.read_text() == "ann@example.org\n"
    assert command(server, out, *ASKED).exit_code == 0
    assert agents(server) == {f"covidct/{__version__} (curate crawl; ann@example.org)"}
    assert command(server, out, *ASKED, "--contact", "https://example.org/ann").exit_code == 0
    assert config.read_text() == "https://example.org/ann\n"


@pytest.mark.parametrize(
    "contact",
    [
        "ann@example.org\r\nX-Header: 1",
        "ann@example.org\n\nGET / HTTP/1.1",
        "ann@example.org\x00",
        "änn@example.org",
        "ann",
        "",
        "ann@example.org" * 20,
    ],
)
def test_what_is_no_address_goes_into_no_request(
    server: PreprintServer, out: Path, config: Path, contact: str
) -> None:
    done = command(server, out, *ASKED, "--contact", contact)
    assert done.exit_code == 2
    assert "--contact" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert server.requests == []
    assert not config.exists()
    config.parent.mkdir(parents=True)
    config.write_text(f"{contact}\n")
    assert command(server, out, *ASKED).exit_code == 0
    assert agents(server) == {f"covidct/{__version__} (curate crawl)"}


def test_where_the_contact_cannot_be_kept_it_is_used_all_the_same(
    server: PreprintServer, out: Path, config: Path
) -> None:
    config.parent.parent.write_text("a file, no folder")
    assert command(server, out, *ASKED, "--contact", "ann@example.org").exit_code == 0
    assert agents(server) == {f"covidct/{__version__} (curate crawl; ann@example.org)"}


def test_servers_of_others_are_not_asked_without_a_contact(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object, **__: object) -> Report:
        raise AssertionError("no request may be made")

    monkeypatch.setattr(run, "crawl", asked)
    done = CliRunner().invoke(
        app,
        ["crawl", *ASKED, "--out", str(out), "--base-url", "http://192.0.2.1/"],
        input="ann@example.org\n",
    )
    assert done.exit_code == 2
    assert "--contact ann@example.org" in done.stderr
    assert not out.exists()


def test_at_a_terminal_the_contact_is_asked_for_once(server: PreprintServer, out: Path, config: Path) -> None:
    # 127.1 is this machine, but not in the words by which that is known: it is treated as somebody else's.
    server.url = server.url.replace("127.0.0.1", "127.1")

    def at_terminal(answer: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        process = started(server, out, A.doi, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL)
        os.close(theirs)
        told, end = b"", time.monotonic() + 60
        os.write(ours, answer.encode())
        while time.monotonic() < end:
            try:
                if select.select([ours], [], [], 1)[0]:
                    told += os.read(ours, 4096)
            except OSError:
                break  # the other end is closed
        os.close(ours)
        return process.wait(timeout=60), told.decode()

    code, told = at_terminal("nobody\n")
    assert code == 2
    assert "Whom can the servers write to?" in told
    assert server.requests == []
    code, told = at_terminal("ann@example.org\n")
    assert code == 0, told
    assert "Whom can the servers write to?" in told
    assert agents(server) == {f"covidct/{__version__} (curate crawl; ann@example.org)"}
    assert config.read_text() == "ann@example.org\n"
    code, told = at_terminal("")
    assert code == 0
    assert "Whom" not in told


# --- PDFs that are here ----------------------------------------------------------------------------------


def test_pdfs_of_a_folder_get_a_manifest_in_place(server: PreprintServer, out: Path) -> None:
    out.mkdir()
    (out / "2020.03.01.20000001v1.full.pdf").write_bytes(A.content)
    (out / "some name.pdf").write_bytes(B.content)
    (out / "broken.pdf").write_bytes(b"%PDF-1.4 \xff")
    (out / C_PDF.removeprefix("10.64898_")).write_bytes(HTML)
    done = command(server, out, "--folder", str(out), "--server", "medrxiv")
    assert done.exit_code == 1
    assert [line["file"] for line in manifest(out)] == ["2020.03.01.20000001v1.full.pdf", "some name.pdf"]
    first, second = manifest(out)
    assert (first["doi"], first["version"], first["title"]) == (A.doi, 1, A.title)
    assert first["url"] == (out / "2020.03.01.20000001v1.full.pdf").as_uri()
    assert first["sha256"] == sha256(A.content).hexdigest()
    assert (second["doi"], second["title"], second["licence"]) == (B.doi, B.title, "cc_by")
    told = done.stderr.splitlines()
    assert len(told) == 2
    assert told[0].startswith("not listed: broken.pdf: ")
    assert told[1].startswith(f"failed: {C.doi}v1: a web page came")
    assert server.asked("full.pdf") == []
    pdfs = {each.name: each.read_bytes() for each in out.glob("*.pdf")}
    assert pdfs == {
        "2020.03.01.20000001v1.full.pdf": A.content,
        "some name.pdf": B.content,
        "broken.pdf": b"%PDF-1.4 \xff",
        C_PDF.removeprefix("10.64898_"): HTML,
    }


def test_pdfs_of_another_folder_are_copied(server: PreprintServer, out: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "below"
    mine.mkdir(parents=True)
    (mine / "some name.pdf").write_bytes(B.content)
    for _ in range(2):
        done = command(server, out, "--folder", str(mine.parent))
        assert (done.exit_code, done.stderr) == (0, "")
    assert "0 fetched, 1 were there, 0 failed" in done.stdout
    assert names(out) == sorted([B_PDF, *KEPT])
    assert (out / B_PDF).read_bytes() == B.content == (mine / "some name.pdf").read_bytes()
    assert manifest(out)[0]["url"] == (mine / "some name.pdf").as_uri()
    assert server.asked("full.pdf") == []


# --- what comes after ------------------------------------------------------------------------------------


def test_an_extraction_carries_title_and_licence(server: PreprintServer, out: Path, tmp_path: Path) -> None:
    server.deposits = [
        Deposit(A.doi, title="A title that only the server knows", license="cc_by_nc_nd", pdf=A.content)
    ]
    fetch(server, out)
    done = curate("extract", "pdfs", "-w", "ws", "--only", "figures", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (row,) = rows("papers", tmp_path / "ws")
    assert (row["source"], row["doi"], row["server"], row["version"]) == (A_PDF, A.doi, "medRxiv", 1)
    assert (row["title"], row["licence"], row["posted"]) == (
        "A title that only the server knows",
        "cc_by_nc_nd",
        "2020-03-01",
    )
