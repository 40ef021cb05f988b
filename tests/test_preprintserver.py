"""The local server of the crawler's tests answers as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pymupdf
import pytest
import requests

from tests.preprintserver import Deposit, Fault, PreprintServer

MONTH = "/details/medrxiv/2020-03-01/2020-03-31"
FIRST = Deposit("10.1101/2020.03.02.20000001", date="2020-03-02", category="radiology and imaging")
SECOND = Deposit("10.1101/2020.03.02.20000001", 2, date="2020-03-09", license="cc_by_nc_nd")
THIRD = Deposit("10.64898/2020.03.05.20000002", date="2020-03-05", category="epidemiology", license="cc_no")
OTHER = Deposit("10.1101/2020.03.05.000003", server="biorxiv", date="2020-03-05", license="")


@pytest.fixture
def server() -> Iterator[PreprintServer]:
    with PreprintServer([SECOND, FIRST, THIRD, OTHER], page_size=2) as running:
        yield running


def get(server: PreprintServer, path: str, **headers: str) -> requests.Response:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(server.url + path, headers=told, timeout=30, allow_redirects=False)


def told(server: PreprintServer, path: str) -> Any:
    answer = get(server, path)
    assert answer.status_code == 200
    return answer.json()


def search(server: PreprintServer, query: str, **more: str) -> Any:
    params = {"query": query, "format": "json", "resultType": "core", **more}
    address = f"{server.url}/europepmc/webservices/rest/search"
    return requests.get(address, params=params, timeout=30).json()


def test_listing_pages_by_offset(server: PreprintServer) -> None:
    server.extra_total = 40
    page = told(server, f"{MONTH}/0/json")
    assert page["messages"] == [
        {
            "status": "ok",
            "category": "all",
            "interval": "2020-03-01:2020-03-31",
            "cursor": 0,
            "count": 2,
            "count_new_papers": "2",
            "total": "43",
        }
    ]
    assert [(row["doi"], row["version"]) for row in page["collection"]] == [
        (FIRST.doi, "1"),
        (THIRD.doi, "1"),
    ]
    assert page["collection"][0]["server"] == "medRxiv"
    assert [row["version"] for row in told(server, f"{MONTH}/2/json")["collection"]] == ["2"]
    assert [row["doi"] for row in told(server, f"{MONTH}/1/json")["collection"]] == [THIRD.doi, SECOND.doi]
    nothing = {"messages": [{"status": "no posts found"}], "collection": []}
    assert told(server, f"{MONTH}/3/json") == nothing
    assert told(server, "/details/medrxiv/2020-04-01/2020-04-30/0/json") == nothing
    unknown = told(server, "/details/chemrxiv/2020-03-01/2020-03-31/0/json")
    assert unknown == {"messages": [{"status": "Server not recognized"}]}


def test_listing_of_a_category(server: PreprintServer) -> None:
    for sent in ("radiology%20and%20imaging", "radiology_and_imaging"):
        page = told(server, f"{MONTH}/0/json?category={sent}")
        assert page["messages"][0]["category"] == "radiology and imaging"
        assert {row["doi"] for row in page["collection"]} == {FIRST.doi}
    page = told(server, f"{MONTH}/0/json?category=radiolgy")
    assert page["messages"][0]["category"] == "all"
    assert page["messages"][0]["total"] == "3"


def test_long_intervals_fail_silently(server: PreprintServer) -> None:
    server.longest_days = 31
    assert told(server, f"{MONTH}/0/json")["collection"]
    answer = get(server, "/details/medrxiv/2020-03-01/2020-04-01/0/json")
    assert (answer.status_code, answer.content) == (200, b"")


def test_versions_of_a_doi(server: PreprintServer) -> None:
    page = told(server, f"/details/medrxiv/{FIRST.doi}/na/json")
    assert [row["version"] for row in page["collection"]] == ["1", "2"]
    for path in (
        f"/details/biorxiv/{FIRST.doi}/na/json",
        "/details/medrxiv/10.1101/2020.03.09.20000009/na/json",
    ):
        assert told(server, path)["messages"] == [{"status": "no posts found"}]


def test_pdf(server: PreprintServer) -> None:
    answer = get(server, FIRST.path)
    assert answer.content == FIRST.content == Deposit(FIRST.doi).content
    assert answer.headers["Content-Type"] == "application/pdf"
    with pymupdf.open(stream=answer.content) as document:
        text = document[0].get_text()
    assert f"doi: https://doi.org/{FIRST.doi}" in text
    assert FIRST.title in " ".join(text.split())
    assert get(server, SECOND.path).content != answer.content

    tag, size = answer.headers["ETag"], len(answer.content)
    part = get(server, FIRST.path, Range="bytes=100-", If_Range=tag)
    assert (part.status_code, part.content) == (206, answer.content[100:])
    assert part.headers["Content-Range"] == f"bytes 100-{size - 1}/{size}"
    assert get(server, FIRST.path, Range="bytes=100-", If_Range='"another"').content == answer.content
    beyond = get(server, FIRST.path, Range=f"bytes={size}-")
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")

    head = requests.head(server.url + FIRST.path, timeout=30)
    assert (head.headers["Content-Length"], head.headers["ETag"], head.content) == (str(size), tag, b"")
    missing = get(server, f"/content/{FIRST.doi}v3.full.pdf")
    assert (missing.status_code, missing.headers["Content-Type"]) == (404, "text/html")


def test_requests_are_noted(server: PreprintServer) -> None:
    get(server, f"{MONTH}/0/json?category=radiology%20and%20imaging", User_Agent="A crawler")
    requests.head(server.url + FIRST.path, timeout=30)
    assert [(asked.method, asked.path) for asked in server.requests] == [
        ("GET", f"{MONTH}/0/json?category=radiology%20and%20imaging"),
        ("HEAD", FIRST.path),
    ]
    assert server.asked("radiology and")[0].headers["user-agent"] == "A crawler"
    assert [asked.method for asked in server.asked("full.pdf")] == ["HEAD"]


def test_faults_are_used_up(server: PreprintServer) -> None:
    database = b'{"messages":[{"status":"Error : (2002) Connection refused"}],"collection":[]}'
    server.faults["/0/json"] = [
        Fault("status", status=429, headers={"Retry-After": "3"}, body="<html>wait</html>"),
        Fault("body", body=database),
        Fault("body"),
        Fault("redirect", headers={"Location": FIRST.path}),
    ]
    refused = get(server, f"{MONTH}/0/json")
    assert (refused.status_code, refused.headers["Retry-After"], refused.text) == (
        429,
        "3",
        "<html>wait</html>",
    )
    assert get(server, f"{MONTH}/0/json").content == database
    empty = get(server, f"{MONTH}/0/json")
    assert (empty.status_code, empty.content) == (200, b"")
    moved = get(server, f"{MONTH}/0/json")
    assert (moved.status_code, moved.headers["Location"]) == (302, FIRST.path)
    assert told(server, f"{MONTH}/0/json")["messages"][0]["status"] == "ok"
    assert server.faults == {"/0/json": []}

    server.faults["full.pdf"] = [Fault("status", status=403, forever=True)]
    assert [get(server, FIRST.path).status_code for _ in range(3)] == [403] * 3
    with pytest.raises(ValueError, match="no fault is called 'truncated'"):
        Fault("truncated")


def test_bodies_that_break_off(server: PreprintServer) -> None:
    html = {"Content-Type": "application/pdf"}
    server.faults["full.pdf"] = [
        Fault("truncate", after=100),
        Fault("cut", after=100),
        Fault("drop"),
        Fault("body", body="<html>sorry</html>", headers=html),
        Fault("slow", seconds=0.001, after=200),
    ]
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="100 bytes read"):
        get(server, FIRST.path)
    cut = get(server, FIRST.path)
    assert (cut.content, cut.headers["Content-Length"]) == (FIRST.content[:100], "100")
    with pytest.raises(requests.ConnectionError):
        get(server, FIRST.path)
    page = get(server, FIRST.path)
    assert (page.headers["Content-Type"], page.text) == ("application/pdf", "<html>sorry</html>")
    assert get(server, FIRST.path).content == FIRST.content


def test_ranges_and_tags_that_change(server: PreprintServer) -> None:
    tag = get(server, FIRST.path).headers["ETag"]
    server.faults["20000001v1"] = [Fault("ignore-range"), Fault("other-etag", body=b"%PDF-another")]
    whole = get(server, FIRST.path, Range="bytes=10-", If_Range=tag)
    assert (whole.status_code, whole.content) == (200, FIRST.content)
    for _ in range(2):
        other = get(server, FIRST.path, Range="bytes=5-", If_Range=tag)
        assert (other.status_code, other.content) == (200, b"%PDF-another")
        assert other.headers["ETag"] != tag
    resumed = get(server, FIRST.path, Range="bytes=5-", If_Range=other.headers["ETag"])
    assert (resumed.status_code, resumed.content) == (206, b"another")

    server.faults["20000001v2"] = [Fault("weak-etag"), Fault("status", status=500)]
    assert get(server, SECOND.path).status_code == 500
    for _ in range(2):
        weak = get(server, SECOND.path)
        assert weak.headers["ETag"].startswith('W/"')
    assert get(server, SECOND.path, Range="bytes=5-", If_Range=weak.headers["ETag"]).status_code == 200
    assert get(server, SECOND.path, Range="bytes=5-").status_code == 206


def test_europe_pmc(server: PreprintServer) -> None:
    marks, found = ["*"], []
    while True:
        page = search(server, 'SRC:"PPR" AND covid', pageSize="3", cursorMark=marks[-1])
        assert page["hitCount"] == 4
        found += page["resultList"]["result"]
        if page["nextCursorMark"] in marks:
            break
        marks.append(page["nextCursorMark"])
    assert (len(marks), page["resultList"]["result"]) == (3, [])
    assert [(one["doi"], one["versionNumber"]) for one in found] == [
        (FIRST.doi, 1),
        (OTHER.doi, 1),
        (THIRD.doi, 1),
        (SECOND.doi, 2),
    ]
    assert [one.get("license") for one in found] == ["cc by", None, None, "cc by-nc-nd"]
    assert (found[0]["source"], found[0]["authorString"]) == ("PPR", "Ro A, Bo B.")
    (link,) = found[0]["fullTextUrlList"]["fullTextUrl"]
    assert requests.get(link["url"], timeout=30).content == FIRST.content

    only = search(server, '(PUBLISHER:"bioRxiv" OR PUBLISHER:"x") AND FIRST_PDATE:[2020-03-01 TO 2020-03-31]')
    assert [one["bookOrReportDetails"]["publisher"] for one in only["resultList"]["result"]] == ["bioRxiv"]
    days = search(server, 'PUBLISHER:"medRxiv" AND (FIRST_PDATE:[2020-03-03 TO 2020-03-09])')
    assert days["hitCount"] == 2
    assert search(server, "covid", cursorMark="AoI 1") == {"errCode": 404, "errMsg": "Invalid query"}
    server.epmc_error = True
    assert search(server, "covid") == {"errCode": 404, "errMsg": "Invalid query"}


def test_ends_at_once_and_returns_to_its_address() -> None:
    server = PreprintServer([FIRST])
    with requests.Session() as idle, requests.Session() as busy:
        with server:
            address = server.url
            assert idle.get(address, timeout=30).status_code == 404
            server.faults["full.pdf"] = [Fault("slow", seconds=3600)]
            slow = busy.get(address + FIRST.path, stream=True, timeout=30)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            _ = slow.content
        with pytest.raises(requests.ConnectionError):
            idle.get(address, timeout=30)
        with server:
            assert server.url == address
            assert idle.get(address + FIRST.path, timeout=30).content == FIRST.content
