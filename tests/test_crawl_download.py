"""One PDF onto the disk: whole and what it says it is, or not there and a reason."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import random
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from covidct_curate.crawl import download as downloading
from covidct_curate.crawl.api import Api
from covidct_curate.crawl.client import Client
from covidct_curate.crawl.download import Got, download
from covidct_curate.crawl.preprint import Preprint
from covidct_curate.crawl.web import pdf as address
from covidct_curate.errors import CrawlError, NoAnswer
from tests.preprintserver import Deposit, Fault, PreprintServer

DOI = "10.1101/2020.03.01.20000001"
NAME = "2020.03.01.20000001v1.pdf"


class Clock:
    """Time that passes by sleeping, and by ``step`` at each look."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 1000.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@cache
def paper(seed: int, size: int = 300_000) -> bytes:
    """A PDF of that size and a bit, that does not compress."""
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), f"paper {seed}")
        document.embfile_add("data", random.Random(seed).randbytes(size))
        content: bytes = document.tobytes(no_new_id=True)
        return content


def bare(*objects: str) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    body, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n"
    return body + f"{end}{len(body)}\n%%EOF\n".encode()


NO_PAGES = bare("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>")


@pytest.fixture
def server() -> Iterator[PreprintServer]:
    with PreprintServer([Deposit(DOI, pdf=paper(1))]) as running:
        yield running


def fetch(server: PreprintServer, folder: Path, clock: Clock | None = None) -> Got:
    clock = clock or Clock()
    with closing(Client(clock=clock, sleep=clock.sleep)) as client:
        preprint = Preprint(DOI, 1, "medRxiv", url=address("medrxiv", DOI, 1, server.url))
        return download(Api(client, server.url), preprint, folder / NAME, clock)


def refused(server: PreprintServer, folder: Path, clock: Clock | None = None) -> str:
    with pytest.raises(NoAnswer) as caught:
        fetch(server, folder, clock)
    return str(caught.value)


def ranges(server: PreprintServer) -> list[tuple[str | None, str | None]]:
    return [(each.headers.get("range"), each.headers.get("if-range")) for each in server.asked("full.pdf")]


def tag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def only(folder: Path, content: bytes) -> bool:
    """Whether nothing but the PDF is there, and it is this one."""
    return names(folder) == [NAME] and (folder / NAME).read_bytes() == content


def broken_off(server: PreprintServer, folder: Path) -> int:
    """Leave the first part of a PDF, as a run that is killed does; how much of it."""
    server.faults = {"full.pdf": [Fault("truncate", after=150_000), Fault("status", status=404)]}
    refused(server, folder)
    assert names(folder) == [f"{NAME}.part", f"{NAME}.part.json"]
    server.faults, server.requests = {}, []
    have = (folder / f"{NAME}.part").stat().st_size
    assert 0 < have <= 150_000
    return have


# --- whole -----------------------------------------------------------------------------------------------


def test_a_pdf_is_written_byte_for_byte(server: PreprintServer, tmp_path: Path) -> None:
    content = paper(1)
    got = fetch(server, tmp_path)
    assert only(tmp_path, content)
    assert got == Got(
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        etag=tag(content),
        url=f"{server.url}/content/{DOI}v1.full.pdf",
    )
    (asked,) = server.asked("full.pdf")
    assert asked.headers["accept-encoding"] == "identity"
    assert "range" not in asked.headers


def test_the_address_is_that_at_the_end_of_redirects(server: PreprintServer, tmp_path: Path) -> None:
    server.deposits.append(Deposit("10.1101/2020.03.01.20000002", pdf=paper(2)))
    there = "/content/10.1101/2020.03.01.20000002v1.full.pdf"
    server.faults["20000001"] = [Fault("redirect", body=there)]
    assert fetch(server, tmp_path).url == server.url + there
    assert only(tmp_path, paper(2))


def test_an_encrypted_pdf_is_kept(server: PreprintServer, tmp_path: Path) -> None:
    with pymupdf.open() as document:
        document.new_page()
        locked = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="u", owner_pw="o")
    server.deposits[0].pdf = locked
    fetch(server, tmp_path)
    assert only(tmp_path, locked)


# --- broken off ------------------------------------------------------------------------------------------


def test_a_broken_connection_is_taken_up_where_it_broke(server: PreprintServer, tmp_path: Path) -> None:
    server.faults["full.pdf"] = [Fault("truncate", after=150_000)]
    got = fetch(server, tmp_path)
    assert only(tmp_path, paper(1))
    first, (resumed, condition) = ranges(server)
    assert first == (None, None)
    assert condition == tag(paper(1)) == got.etag
    assert resumed is not None
    start, end = resumed.removeprefix("bytes=").split("-")
    assert 0 < int(start) <= 150_000
    assert end == ""


def test_it_is_taken_up_by_a_later_run(server: PreprintServer, tmp_path: Path) -> None:
    have = broken_off(server, tmp_path)
    fetch(server, tmp_path)
    assert ranges(server) == [(f"bytes={have}-", tag(paper(1)))]
    assert only(tmp_path, paper(1))


def test_a_weak_tag_is_not_relied_on(server: PreprintServer, tmp_path: Path) -> None:
    server.faults["full.pdf"] = [Fault("weak-etag"), Fault("truncate", after=150_000)]
    assert fetch(server, tmp_path).etag == f"W/{tag(paper(1))}"
    assert ranges(server) == [(None, None), (None, None)]
    assert only(tmp_path, paper(1))


def test_no_tag_is_not_relied_on(server: PreprintServer, tmp_path: Path) -> None:
    server.faults["full.pdf"] = [Fault("truncate", after=150_000, headers={"ETag": ""})]
    fetch(server, tmp_path)
    assert ranges(server) == [(None, None), (None, None)]
    assert only(tmp_path, paper(1))


def test_what_breaks_at_its_very_beginning_is_asked_for_again(server: PreprintServer, tmp_path: Path) -> None:
    server.faults["full.pdf"] = [Fault("truncate"), Fault("truncate", after=10)]
    fetch(server, tmp_path)
    assert len(server.asked("full.pdf")) == 3
    assert only(tmp_path, paper(1))


def test_what_breaks_each_time_is_a_failure_with_a_reason(server: PreprintServer, tmp_path: Path) -> None:
    server.faults["full.pdf"] = [Fault("truncate", after=1000, forever=True)]
    reason = refused(server, tmp_path)
    assert server.deposits[0].path in reason
    assert "broke off" in reason
    assert len(server.asked("full.pdf")) == 3
    assert not (tmp_path / NAME).exists()


def test_a_server_that_ignores_ranges_sends_all_anew(server: PreprintServer, tmp_path: Path) -> None:
    server.faults["full.pdf"] = [Fault("truncate", after=150_000), Fault("ignore-range")]
    fetch(server, tmp_path)
    assert [told is None for told, _ in ranges(server)] == [True, False]
    assert only(tmp_path, paper(1))


def test_of_a_file_that_changed_nothing_old_is_left(server: PreprintServer, tmp_path: Path) -> None:
    server.faults["full.pdf"] = [Fault("truncate", after=150_000), Fault("other-etag", body=paper(3))]
    got = fetch(server, tmp_path)
    assert got.etag not in ("", tag(paper(1)))
    assert only(tmp_path, paper(3))


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"another"', "Content-Range": "bytes {have}-{last}/{size}"},
        {"ETag": "W/{tag}", "Content-Range": "bytes {have}-{last}/{size}"},
        {"ETag": "{tag}", "Content-Range": "bytes 0-{last}/{size}"},
        {"ETag": "{tag}", "Content-Range": "bytes {last}-{last}/{size}"},
        {"ETag": "{tag}", "Content-Range": "pages 1-2"},
        {"ETag": "{tag}"},
    ],
)
def test_a_part_of_another_file_is_not_put_behind(
    server: PreprintServer, tmp_path: Path, headers: dict[str, str]
) -> None:
    have, size = broken_off(server, tmp_path), len(paper(1))
    known = {"have": have, "last": size - 1, "size": size, "tag": tag(paper(1))}
    told = {name: value.format(**known) for name, value in headers.items()}
    server.faults["full.pdf"] = [Fault("status", status=206, headers=told, body=paper(3)[have:])]
    fetch(server, tmp_path)
    assert [each[0] for each in ranges(server)] == [f"bytes={have}-", None]
    assert only(tmp_path, paper(1))


def test_a_range_that_ends_too_early_is_gone_on_with(server: PreprintServer, tmp_path: Path) -> None:
    have, size = broken_off(server, tmp_path), len(paper(1))
    told = {"ETag": tag(paper(1)), "Content-Range": f"bytes {have}-199999/{size}"}
    server.faults["full.pdf"] = [Fault("status", status=206, headers=told, body=paper(1)[have:200_000])]
    fetch(server, tmp_path)
    assert [each[0] for each in ranges(server)] == [f"bytes={have}-", "bytes=200000-"]
    assert only(tmp_path, paper(1))


@pytest.mark.parametrize("left", [paper(1), paper(1) + b"more than the file has"])
def test_a_range_beyond_the_end_is_answered_by_beginning_anew(
    server: PreprintServer, tmp_path: Path, left: bytes
) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(left)
    (tmp_path / f"{NAME}.part.json").write_text(json.dumps({"etag": tag(paper(1))}))
    fetch(server, tmp_path)
    assert ranges(server) == [(f"bytes={len(left)}-", tag(paper(1))), (None, None)]
    assert only(tmp_path, paper(1))


@pytest.mark.parametrize(
    "note",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b"null",
        b"{}",
        b'{"etag": 1}',
        b'{"etag": ""}',
        b'{"etag": "W/\\"x\\""}',
        b'{"etag": "\\"x\\"\\r\\nX-Header: 1"}',
    ],
)
def test_a_part_of_which_nobody_knows_what_it_is_is_thrown_away(
    server: PreprintServer, tmp_path: Path, note: bytes | None
) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(b"%PDF-1.4 of something else")
    if note is not None:
        (tmp_path / f"{NAME}.part.json").write_bytes(note)
    fetch(server, tmp_path)
    assert ranges(server) == [(None, None)]
    assert only(tmp_path, paper(1))


def test_a_note_without_its_part_is_thrown_away(server: PreprintServer, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part.json").write_text(json.dumps({"etag": tag(paper(1))}))
    fetch(server, tmp_path)
    assert ranges(server) == [(None, None)]
    assert only(tmp_path, paper(1))


def test_a_part_that_is_of_no_use_in_the_end_is_not_kept(server: PreprintServer, tmp_path: Path) -> None:
    have = broken_off(server, tmp_path)
    part = tmp_path / f"{NAME}.part"
    part.write_bytes(b"<html>".ljust(have))
    assert "web page" in refused(server, tmp_path)
    assert names(tmp_path) == []


# --- not the PDF -----------------------------------------------------------------------------------------

HTML = (
    b"<!DOCTYPE html>\n<html><head>\n<title>Just a\n moment\x1b[31m...</title></head><body>wait</body></html>"
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HTML, "a web page came instead of a PDF ('Just a moment[31m...')"),
        (b"\n <html><body>gone</body></html>", "a web page came instead of a PDF"),
        (b"<?xml version='1.0'?><error/>", "a web page came instead of a PDF"),
        (b"", "empty file"),
        (b"\n\n", "empty file"),
        (b"Connection refused", "no PDF"),
        (b"PK\x03\x04" + bytes(3000), "no PDF"),
        (paper(1)[:200_000], "breaks off before its end"),
        (b"%PDF-1.4\n%%EOF\n", ""),
        (b"%PDF-1.7\n" + random.Random(0).randbytes(9000) + b"\n%%EOF\n", ""),
        (NO_PAGES, "no page"),
    ],
)
def test_what_is_no_whole_pdf_is_not_kept(
    server: PreprintServer, tmp_path: Path, content: bytes, reason: str
) -> None:
    server.faults["full.pdf"] = [Fault("body", body=content)]
    told = refused(server, tmp_path)
    assert reason in told
    assert told.isprintable()
    assert names(tmp_path) == []
    assert len(server.asked("full.pdf")) == 1
    fetch(server, tmp_path)
    assert only(tmp_path, paper(1))


def test_a_pdf_cut_short_by_its_server_is_not_kept(server: PreprintServer, tmp_path: Path) -> None:
    server.faults["full.pdf"] = [Fault("cut", after=200_000)]
    assert "breaks off before its end" in refused(server, tmp_path)
    assert names(tmp_path) == []


def test_a_page_that_is_not_there_is_told(server: PreprintServer, tmp_path: Path) -> None:
    server.deposits.clear()
    assert refused(server, tmp_path) == f"{server.url}/content/{DOI}v1.full.pdf: HTTP 404 Not Found"
    assert names(tmp_path) == []
    assert len(server.asked("full.pdf")) == 1


def test_a_page_that_is_not_there_is_asked_for_once_whatever_was_left(
    server: PreprintServer, tmp_path: Path
) -> None:
    server.deposits.clear()
    (tmp_path / f"{NAME}.part").write_bytes(b"%PDF-1.4 of something else")
    assert "404" in refused(server, tmp_path)
    assert len(server.asked("full.pdf")) == 1


def test_a_body_without_end_is_given_up(
    server: PreprintServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "_LARGEST", 2**17)
    assert "larger than" in refused(server, tmp_path)
    assert names(tmp_path) == []


def test_a_body_that_takes_too_long_is_given_up_and_gone_on_with_later(
    server: PreprintServer, tmp_path: Path
) -> None:
    assert "too slow" in refused(server, tmp_path, Clock(step=400))
    assert len(server.asked("full.pdf")) == 1
    have = (tmp_path / f"{NAME}.part").stat().st_size
    assert 0 < have < len(paper(1))
    fetch(server, tmp_path)
    assert ranges(server)[1:] == [(f"bytes={have}-", tag(paper(1)))]
    assert only(tmp_path, paper(1))


# --- the disk --------------------------------------------------------------------------------------------


def test_a_file_that_somebody_put_there_stays(server: PreprintServer, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"mine")
    told = refused(server, tmp_path)
    assert str(tmp_path / NAME) in told
    assert "move it away" in told
    assert only(tmp_path, b"mine")


def test_a_folder_of_that_name_stays(server: PreprintServer, tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    assert "move it away" in refused(server, tmp_path)
    assert names(tmp_path) == [NAME]


def test_the_same_file_there_already_is_well(server: PreprintServer, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(paper(1))
    assert fetch(server, tmp_path).bytes == len(paper(1))
    assert only(tmp_path, paper(1))


class Full(io.FileIO):
    """A file on a disk that has room for 100,000 bytes more."""

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


def fill(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make the disk full while this PDF is written."""
    whole = Path.open

    def open_(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if path.name == f"{name}.part" and "a" in mode:
            return Full(path, "ab")
        return whole(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_)


def test_a_full_disk_ends_the_crawl_and_keeps_what_is_there(
    server: PreprintServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.pdf").write_bytes(b"other")
    with monkeypatch.context() as patch:
        fill(patch, NAME)
        with pytest.raises(CrawlError, match="No space left on device; make room") as caught:
            fetch(server, tmp_path)
    assert not isinstance(caught.value, NoAnswer), "not the paper's fault, the others would fail too"
    assert str(tmp_path / NAME) in str(caught.value)
    assert (tmp_path / "other.pdf").read_bytes() == b"other"
    assert not (tmp_path / NAME).exists()
    have = (tmp_path / f"{NAME}.part").stat().st_size
    assert 0 < have <= 100_000
    fetch(server, tmp_path)
    assert ranges(server)[1:] == [(f"bytes={have}-", tag(paper(1)))]
    assert (tmp_path / NAME).read_bytes() == paper(1)
