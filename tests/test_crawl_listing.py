"""What there is: listed by date, by words, by DOI and by folder, whole or with what is missing said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pymupdf
import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st

from covidct_curate.crawl.client import Client
from covidct_curate.crawl.dois import listed, read_dois
from covidct_curate.crawl.europepmc import query
from covidct_curate.crawl.exclusion import read_excluded
from covidct_curate.crawl.preprint import Preprint, named
from covidct_curate.crawl.run import Report, crawl
from covidct_curate.crawl.wish import (
    Wish,
    anew,
    asked_before,
    check,
    load_query,
    matching,
    pattern,
    remember,
)
from covidct_curate.errors import ChoiceError, CrawlError
from tests.preprintserver import Deposit, Fault, PreprintServer
from tests.test_crawl_client import Clock

NOWHERE = Path("no such folder")
SEARCH = "/europepmc/webservices/rest/search"
TROUBLE = json.dumps({"messages": [{"status": "Error : (2002) Connection refused"}], "collection": []})


def paper(number: int, day: str = "2020-03-01", **facts: Any) -> Deposit:
    return Deposit(
        f"10.1101/{day.replace('-', '.')}.{20_000_000 + number}", **{"date": day, "pdf": b"", **facts}
    )


def daily(since: int = 1, until: int = 31, month: str = "2020-03", **facts: Any) -> list[Deposit]:
    return [paper(day, f"{month}-{day:02}", **facts) for day in range(since, until + 1)]


def plan(server: PreprintServer, **facts: Any) -> Report:
    """What a crawl would do."""
    clock = Clock()
    wish = Wish(**{"since": "2020-03-01", "until": "2020-03-31", **facts})
    return crawl(wish, NOWHERE, base_url=server.url, dry_run=True, clock=clock, sleep=clock.sleep)


def found(report: Report) -> set[str]:
    return {str(each) for each in report.wanted}


def names(deposits: list[Deposit]) -> set[str]:
    return {f"{each.doi}v{each.version}" for each in deposits}


def cursors(server: PreprintServer, part: str = "/details/medrxiv/2020-03-01/2020-03-31/") -> list[int]:
    return [int(each.path.split("/")[5]) for each in server.asked(part)]


# --- by date ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [30, 7, 100])
def test_pages_by_the_number_received(size: int) -> None:
    deposits = [paper(number) for number in range(95)]
    with PreprintServer(deposits, page_size=size) as server:
        report = plan(server, servers=("medrxiv",))
        assert cursors(server) == [*range(0, 95, size), 95]
    assert [str(each) for each in report.wanted] == sorted(names(deposits))
    assert (report.listed, report.complete, report.notes) == (95, True, [])
    assert not NOWHERE.exists()


def test_a_short_page_is_not_the_last() -> None:
    deposits = [paper(number) for number in range(40)]
    with PreprintServer(deposits, page_size=3) as server:
        short = requests.get(f"{server.url}/details/medrxiv/2020-03-01/2020-03-31/0/json", timeout=30).text
        server.requests.clear()
        server.page_size = 30
        server.faults["/0/json"] = [Fault("body", body=short)]
        assert found(plan(server, servers=("medrxiv",))) == names(deposits)
        assert cursors(server) == [0, 3, 33, 40]


def test_month_by_month_at_both_servers() -> None:
    deposits = [
        paper(1, "2020-01-18"),
        paper(2, "2020-01-19"),
        paper(3, "2020-02-29", server="biorxiv"),
        paper(4, "2020-03-25"),
        paper(5, "2020-03-26", server="biorxiv"),
    ]
    with PreprintServer(deposits) as server:
        report = plan(server, since="2020-01-19", until="2020-03-25")
        asked = {"/".join(each.path.split("/")[2:5]) for each in server.requests}
    assert asked == {
        f"{name}/{days}"
        for name in ("medrxiv", "biorxiv")
        for days in ("2020-01-19/2020-01-31", "2020-02-01/2020-02-29", "2020-03-01/2020-03-25")
    }
    assert found(report) == names(deposits[1:4])
    assert [each.server for each in report.wanted] == ["medRxiv", "bioRxiv", "medRxiv"]


def test_a_total_that_is_too_large_is_told() -> None:
    deposits = [paper(number) for number in range(35)]
    with PreprintServer(deposits) as server:
        server.extra_total = 40
        report = plan(server, servers=("medrxiv",))
    assert found(report) == names(deposits)
    assert report.complete
    assert report.notes == ["medRxiv, 2020-03-01 to 2020-03-31: 75 versions announced, 35 given"]


@pytest.mark.parametrize("days", [16, 5, 1])
def test_long_ranges_that_fail_are_asked_for_in_halves(days: int) -> None:
    deposits = [*daily(), *daily(1, 29, "2020-02", server="biorxiv")]
    with PreprintServer(deposits) as server:
        server.longest_days = days
        report = plan(server, since="2020-02-01")
    assert found(report) == names(deposits)
    assert (report.missing, report.notes) == ([], [])


@pytest.mark.parametrize("until", ["2020-03-31", "2020-03-01"], ids=["a month", "a day"])
@pytest.mark.parametrize("times", [1, 2])
def test_an_error_within_a_good_status_that_passes(until: str, times: int) -> None:
    deposits = [paper(number) for number in range(40)]
    with PreprintServer(deposits) as server:
        for part in ("/0/json", "/30/json"):
            server.faults[part] = [Fault("body", body=TROUBLE)] * times
        report = plan(server, until=until, servers=("medrxiv",))
    assert found(report) == names(deposits)
    assert report.complete


def test_a_day_that_fails_for_good_is_missing_and_no_other() -> None:
    deposits = daily()
    with PreprintServer(deposits) as server:
        server.longest_days = 1
        for day in ("05", "06", "08"):
            server.faults[f"2020-03-{day}/2020-03-{day}"] = [Fault("body", body=TROUBLE, forever=True)]
        report = plan(server, servers=("medrxiv",))
    assert found(report) == names([each for each in deposits if each.date[-2:] not in ("05", "06", "08")])
    assert [told.partition(": ")[0] for told in report.missing] == [
        "medRxiv, 2020-03-05",
        "medRxiv, 2020-03-06",
        "medRxiv, 2020-03-08",
    ]
    assert all(told.endswith("Error : (2002) Connection refused") for told in report.missing)
    assert not report.complete


def test_three_days_in_a_row_stop_this_server_and_lose_nothing_before_or_elsewhere() -> None:
    medrxiv = [*daily(1, 29, "2020-02"), *daily()]
    biorxiv = [replace(each, doi=each.doi + "9", server="biorxiv") for each in medrxiv]
    with PreprintServer([*medrxiv, *biorxiv]) as server:
        server.longest_days = 1
        for day in ("05", "06", "07"):
            part = f"medrxiv/2020-03-{day}/2020-03-{day}"
            server.faults[part] = [Fault("status", status=500, forever=True)]
        report = plan(server, since="2020-02-01")
        assert server.asked("medrxiv/2020-03-08") == []
    before = [each for each in medrxiv if each.date < "2020-03-05"]
    assert found(report) == names([*before, *biorxiv])
    assert len(report.missing) == 3
    assert re.match(
        r"medRxiv was not listed to its end: 2020-03-07: .* 3 days in a row$", report.missing[-1], re.S
    )


@pytest.mark.parametrize("doi", ["10.1101/2020.03.01.20000001", ""], ids=["papers", "rows without a DOI"])
def test_a_server_that_repeats_itself_for_ever_ends(doi: str) -> None:
    here = paper(7, server="biorxiv")
    rows = [{"doi": doi and f"{doi}{number}", "version": "1"} for number in range(30)]
    body = json.dumps({"messages": [{"status": "ok", "total": "9999"}], "collection": rows})
    with PreprintServer([here]) as server:
        server.faults["details/medrxiv"] = [Fault("body", body=body, forever=True)]
        report = plan(server)
        assert len(server.requests) < 100
    assert found(report) == names([here])
    assert "it repeats what it gave before" in report.missing[0]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({}, "the answer is not the API's"),
        ([], "the answer is not the API's"),
        (None, "the answer is not the API's"),
        ({"messages": [], "collection": []}, "the answer is not the API's"),
        ({"messages": [{"status": "ok"}], "collection": {}}, "the answer is not the API's"),
        ({"messages": [{"status": 7}], "collection": []}, "it does not say whether all is well"),
        ({"messages": [{}], "collection": []}, "it does not say whether all is well"),
        ({"messages": [{"status": "bad\n\x1b[2J\ud800"}], "collection": []}, "bad [2J\ufffd"),
    ],
)
def test_an_answer_that_is_none_is_not_taken_for_the_end(answer: object, reason: str) -> None:
    with PreprintServer([paper(1)]) as server:
        server.faults["details"] = [Fault("body", body=json.dumps(answer), forever=True)]
        report = plan(server, until="2020-03-01", servers=("medrxiv",))
    assert [told.endswith(reason) for told in report.missing] == [True]


def test_a_server_that_the_api_does_not_know() -> None:
    with PreprintServer([]) as server:
        body = json.dumps({"messages": [{"status": "Server not recognized"}]})
        server.faults["details"] = [Fault("body", body=body)]
        with pytest.raises(ChoiceError, match="does not know this server"):
            plan(server)
        assert len(server.requests) == 1


def test_nobody_there_says_so_once_for_each_server() -> None:
    with PreprintServer([]) as server:
        pass
    report = plan(server)
    assert [told.partition(": ")[0] for told in report.missing] == [
        "medRxiv was not listed to its end",
        "bioRxiv was not listed to its end",
    ]
    assert all("127.0.0.1 cannot be reached" in told for told in report.missing)


# --- categories ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "category", ["radiology and imaging", "Radiology and Imaging", "radiology_and_imaging"]
)
def test_a_category(category: str) -> None:
    deposits = [paper(1), paper(2, category="epidemiology")]
    with PreprintServer(deposits) as server:
        assert found(plan(server, servers=("medrxiv",), category=category)) == names(deposits[:1])


def test_a_misspelt_category_is_told() -> None:
    with (
        PreprintServer([paper(1), paper(2, category="epidemiology")]) as server,
        pytest.raises(ChoiceError, match=r"^medRxiv knows no category 'radiolgy': it gave 'all'"),
    ):
        plan(server, category="radiolgy")


@pytest.mark.parametrize("echo", [None, 5, ["radiology"], "x" * 10_000, "radiology\n\ud800", ""])
def test_an_odd_echo_of_a_category(echo: object) -> None:
    row = {"doi": "10.1101/2020.03.01.20000001", "version": "1"}
    body = json.dumps({"messages": [{"status": "ok", "category": echo}], "collection": [row]})
    with PreprintServer([]) as server:
        server.faults["/0/json"] = [Fault("body", body=body)]
        with pytest.raises(ChoiceError, match="knows no category 'radiology'") as caught:
            plan(server, category="radiology")
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


# --- hostile answers ----------------------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.sampled_from(
        [
            *("\ud800", "a\udfffb", "\x00\x1b[31m", "x\r\n=cmd()", "\u202egnp.exe", "10.", "10.1101/", "v1"),
            *("9" * 400, "x" * 30_000, "2020-02-30", "NA", "٣", "1e9", "-1", "0", 10**300, 1e308),
        ]
    ),
)
HOSTILE = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
FIELDS = ("title", "authors", "date", "type", "license", "category", "abstract", "published", "server")
NO_DOI = st.one_of(
    st.none(),
    st.integers(),
    st.just([]),
    st.just({}),
    st.sampled_from(["", "NA", "http://10.1101/1", "\x00"]),
)
NO_VERSION = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(max_value=0),
    st.integers(1000),
    st.sampled_from(["", "v1", "1.0", "-1", "0", "٣", "1000", "9" * 5000, [1], {"1": 1}]),
)
GOOD = "10.1101/2020.03.01.2000000"


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[bool, Any]]:
    """Rows, and whether each names a paper and its version; all papers differ."""
    told: list[tuple[bool, Any]] = []
    for number in range(draw(st.integers(1, 5))):
        row = {name: draw(HOSTILE) for name in draw(st.sets(st.sampled_from(FIELDS)))}
        doi, version = f"{GOOD}{number}", draw(st.sampled_from([1, "1", 7, "999", " 2 "]))
        match draw(st.sampled_from(["good", "good", "no DOI", "no version", "no row"])):
            case "good":
                told.append((True, {**row, "doi": doi, "version": version}))
            case "no DOI":
                told.append((False, {**row, "doi": draw(NO_DOI), "version": version}))
            case "no version":
                told.append((False, {**row, "doi": doi, "version": draw(NO_VERSION)}))
            case _:
                told.append((False, draw(SCALARS | st.just([]) | st.just({}))))
    return told


def sound(preprint: Preprint) -> None:
    """Nothing in it can harm a file, a terminal or a table's line."""
    for name in ("doi", "server", "title", "abstract", "authors", "category", "licence", "published", "kind"):
        value = getattr(preprint, name)
        value.encode()
        assert len(value) <= 20_000
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", value)
    assert re.fullmatch(r"|\d{4}-\d\d-\d\d", preprint.posted)


@pytest.fixture(scope="module")
def empty() -> Iterator[PreprintServer]:
    """Has nothing but what its faults say."""
    with PreprintServer([]) as server:
        yield server


@settings(max_examples=60, deadline=None)
@given(rows())
def test_rows_of_the_api_that_make_no_sense_cost_only_themselves(
    empty: PreprintServer, told: list[tuple[bool, Any]]
) -> None:
    body = json.dumps({"messages": [{"status": "ok", "total": 1}], "collection": [row for _, row in told]})
    empty.faults["/0/json"] = [Fault("body", body=body)]
    report = plan(empty, until="2020-03-01", servers=("medrxiv",), all_versions=True)
    good = {row["doi"] for known, row in told if known}
    assert report.listed == len(good) == len(report.wanted) + len(report.withdrawn)
    assert {each.doi for each in report.wanted} <= good
    assert report.missing == []
    odd = len(told) - len(good)
    assert report.notes == (
        [f"medRxiv, 2020-03-01 to 2020-03-01: {odd} rows without a DOI or a version are left out"]
        if odd
        else []
    )
    for preprint in report.wanted:
        sound(preprint)


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        HOSTILE,
        st.fixed_dictionaries({"messages": HOSTILE, "collection": HOSTILE}),
        st.fixed_dictionaries(
            {
                "messages": st.tuples(
                    st.fixed_dictionaries({"status": st.just("ok"), "total": HOSTILE, "category": HOSTILE})
                ),
                "collection": st.lists(HOSTILE, max_size=3),
            }
        ),
    ),
    st.sampled_from(["", "radiology"]),
)
def test_whatever_the_api_answers_the_crawl_ends_well_or_says_why(
    empty: PreprintServer, answer: object, category: str
) -> None:
    empty.faults["/0/json"] = [Fault("body", body=json.dumps(answer))] * 3
    try:
        report = plan(empty, until="2020-03-01", servers=("medrxiv",), category=category)
    except ChoiceError as error:
        assert category
        assert str(error).isprintable()
    else:
        assert all("\n" not in told and len(told) < 500 for told in (*report.missing, *report.notes))


def test_a_total_that_is_deep_or_long_is_no_number() -> None:
    row = '{"doi": "10.1101/2020.03.01.20000001", "version": "1"}'
    totals = ["[" * depth + "]" * depth for depth in range(50, 1000, 50)]
    with PreprintServer([]) as server:
        for total in (*totals, "9" * 4000, "-1", "1e999", "true", '"9999999999"'):
            body = f'{{"messages": [{{"status": "ok", "total": {total}}}], "collection": [{row}]}}'
            server.faults["/0/json"] = [Fault("body", body=body)] * 3
            report = plan(server, until="2020-03-01", servers=("medrxiv",))
            if report.complete:  # else the parser itself was not up to it
                assert report.notes == []
                assert report.listed == 1


# --- DOIs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["10.1101", "10.64898"])
@pytest.mark.parametrize("server", ["medrxiv", "biorxiv"])
def test_the_prefix_does_not_tell_the_server(prefix: str, server: str) -> None:
    deposit = Deposit(f"{prefix}/2025.12.02.25000001", server=server, date="2020-03-02", pdf=b"")
    with PreprintServer([deposit]) as running:
        for facts in ({}, {"source": "dois", "dois": (deposit.doi,)}):
            report = plan(running, **facts)
            (preprint,) = report.wanted
            assert (preprint.doi, preprint.version, report.complete) == (deposit.doi, 1, True)
            assert preprint.server == {"medrxiv": "medRxiv", "biorxiv": "bioRxiv"}[server]
            assert preprint.url == running.url + deposit.path


def test_the_site_of_a_pdf_is_its_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    doi = "10.64898/2025.12.02.25000001"
    row = {"doi": doi, "version": "3", "server": "bioRxiv"}
    told = {"messages": [{"status": "ok"}], "collection": [row]}
    monkeypatch.setattr(Client, "json", lambda *_: told)
    report = crawl(Wish(source="dois", dois=(doi,)), NOWHERE, dry_run=True)
    assert [each.url for each in report.wanted] == [f"https://www.biorxiv.org/content/{doi}v3.full.pdf"]


DOI = "10.1101/2020.03.01.20000001"
TWO = [Deposit(DOI, version, date=f"2020-03-0{version}", pdf=b"") for version in (1, 2)]


@pytest.mark.parametrize(
    ("told", "version"),
    [
        (DOI, 2),
        (f"{DOI}v1", 1),
        (f"{DOI}V1", 1),
        (f"{DOI}v2", 2),
        (f"doi:{DOI}.", 2),
        (f"  ({DOI})  ", 2),
        (f"https://doi.org/{DOI}", 2),
        (f"http://dx.doi.org/{DOI}v1", 1),
        (f"https://www.medrxiv.org/content/{DOI}v1", 1),
        (f"https://www.medrxiv.org/content/{DOI}v1.full.pdf", 1),
        (f"https://www.medrxiv.org/content/{DOI}v1.full.pdf+html", 1),
        (f"https://www.medrxiv.org/content/{DOI}v1.full-text", 1),
        (f"https://www.medrxiv.org/content/{DOI}v1.full#F2", 1),
        (f"https://www.medrxiv.org/content/{DOI}v1.article-info", 1),
        (f"https://www.medrxiv.org/content/{DOI}v1.article-metrics", 1),
        (f"https://www.medrxiv.org/content/{DOI}v1.supplementary-material", 1),
        (f"https://www.medrxiv.org/content/{DOI}v1?versioned=true", 1),
        (f"https://www.medrxiv.org/content/{DOI}v1.abstract?a=b#c", 1),
    ],
)
def test_a_doi_however_it_is_given(told: str, version: int) -> None:
    with PreprintServer(TWO) as server:
        report = plan(server, source="dois", dois=listed([told], "here"))
    assert found(report) == {f"{DOI}v{version}"}
    assert report.complete


def test_all_versions_of_a_doi() -> None:
    with PreprintServer(TWO) as server:
        assert found(plan(server, source="dois", dois=(DOI,), all_versions=True)) == names(TWO)
        assert found(plan(server, source="dois", dois=(DOI, f"{DOI}v1"))) == names(TWO)


def test_a_doi_at_the_second_server_only_whatever_its_capitals() -> None:
    deposit = Deposit("10.1101/2020.03.01.AbC", server="biorxiv", pdf=b"")
    with PreprintServer([deposit]) as server:
        report = plan(server, source="dois", dois=("10.1101/2020.03.01.aBc",))
        asked = [each.path.split("/")[2] for each in server.requests]
    assert found(report) == names([deposit])
    assert asked == ["medrxiv", "biorxiv"]


def test_dois_that_nobody_has_are_missing_and_the_others_found() -> None:
    unknown, never = "10.1101/2020.03.01.29999999", f"{DOI}v3"
    with PreprintServer(TWO) as server:
        report = plan(server, source="dois", dois=(unknown, never, DOI, "nonsense"))
        one = plan(server, source="dois", dois=(DOI,), servers=("biorxiv",))
    assert found(report) == {f"{DOI}v2"}
    assert report.missing == [
        f"{unknown}: neither medRxiv nor bioRxiv has it",
        f"{DOI}: there is no version 3, only up to 2",
        "'nonsense' is no DOI",
    ]
    assert one.missing == [f"{DOI}: bioRxiv does not have it"]


def test_trouble_with_a_doi_passes() -> None:
    with PreprintServer(TWO) as server:
        server.faults["/na/json"] = [Fault("body", body=TROUBLE), Fault("body", body=b"")]
        assert found(plan(server, source="dois", dois=(DOI,))) == {f"{DOI}v2"}


def test_an_answer_about_another_paper_is_not_taken() -> None:
    row = {"doi": "10.1101/2020.03.01.20000009", "version": "1"}
    body = json.dumps({"messages": [{"status": "ok"}], "collection": [row, None, {"doi": DOI}]})
    with PreprintServer([]) as server:
        server.faults["/na/json"] = [Fault("body", body=body, forever=True)]
        report = plan(server, source="dois", dois=(DOI,))
    assert (report.wanted, len(report.missing)) == ([], 1)


def test_a_server_out_of_reach_ends_the_looking_up() -> None:
    with PreprintServer([]) as server:
        pass
    report = plan(server, source="dois", dois=(DOI, f"{DOI}v1", "10.1101/000001"))
    assert len(report.missing) == 1
    assert report.missing[0].startswith("3 DOIs were not looked up: 127.0.0.1 cannot be reached")


def test_a_file_of_dois(tmp_path: Path) -> None:
    path = tmp_path / "dois.txt"
    path.write_text(
        "\ufeff# to fetch\n\n"
        f"{DOI}v1\n"
        f"  {DOI}   # the newest\r\n"
        "   # 10.1101/2020.03.01.20000007\n"
        f"HTTPS://DOI.ORG/{DOI.upper()}V1\n"
        "Ro et al., doi: 10.64898/2025.12.02.25000001, medRxiv\n",
        encoding="utf-8",
    )
    assert read_dois(path) == (f"{DOI}v1", DOI, "10.64898/2025.12.02.25000001")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"10.1101/000001\nno number here\n", "there is no DOI in 'no number here'"),
        (b"\xff\xfe\x00\xd8", "it cannot be read"),
        (None, "it cannot be read"),
    ],
)
def test_a_file_that_is_none_of_dois(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "dois.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ChoiceError, match=rf"dois\.txt: {reason}"):
        read_dois(path)


@given(
    st.text(max_size=40) | st.text(st.sampled_from("10./v2a.pdful#?)-"), max_size=40).map("10.1101/{}".format)
)
@example("10.1101/v1")
@example("10.1101/.pdf.pdf")
def test_a_doi_read_again_is_the_same(told: str) -> None:
    first = named(told)
    if first is not None:
        again = f"{first[0]}{f'v{first[1]}' if first[1] else ''}"
        assert named(again) == first


# --- versions, withdrawals, words ---------------------------------------------------------------------------


def test_the_newest_version_in_the_dates_or_all_of_them() -> None:
    versions = [
        Deposit(DOI, 1, date="2020-03-01", pdf=b""),
        Deposit(DOI, 2, date="2020-03-09", pdf=b""),
        Deposit(DOI, 10, date="2020-03-20", pdf=b""),
        Deposit(DOI, 11, date="2020-04-01", pdf=b""),
    ]
    with PreprintServer([*versions, paper(5)]) as server:
        newest = plan(server)
        every = plan(server, all_versions=True)
    assert found(newest) == {f"{DOI}v10", f"{paper(5).doi}v1"}
    assert (newest.listed, newest.older) == (4, 2)
    assert found(every) == {f"{DOI}v1", f"{DOI}v2", f"{DOI}v10", f"{paper(5).doi}v1"}
    assert every.older == 0


@pytest.mark.parametrize(
    "title",
    [
        "WITHDRAWN: Chest CT of COVID-19",
        "[Withdrawn] Chest CT of COVID-19",
        "Retracted: Chest CT of COVID-19",
        "TEMPORARY WITHDRAWAL: Chest CT of COVID-19",
        "Withdrawn - Chest CT of COVID-19",
        "WITHDRAWN Chest CT of COVID-19",
        "withdrawn",
    ],
)
def test_a_withdrawn_paper_is_left_out_and_counted(title: str) -> None:
    with PreprintServer([paper(1, title=title), paper(2)]) as server:
        report = plan(server)
    assert found(report) == names([paper(2)])
    assert [each.title for each in report.withdrawn] == [title]


@pytest.mark.parametrize(
    "title",
    [
        "Withdrawn patients in trials of COVID-19",
        "Retracted papers on COVID-19: a count",
        "Reasons for papers being withdrawn",
        "The withdrawal of WITHDRAWN: a study",
    ],
)
def test_a_paper_about_withdrawals_is_not_withdrawn(title: str) -> None:
    with PreprintServer([paper(1, title=title)]) as server:
        assert found(plan(server)) == names([paper(1)])


def test_a_paper_whose_newest_version_is_withdrawn_is_left_out() -> None:
    gone = replace(TWO[1], title="WITHDRAWN: all of it", type="Withdrawn")
    with PreprintServer([TWO[0], gone]) as server:
        assert found(plan(server)) == set()
        assert found(plan(server, all_versions=True)) == names([TWO[0]])


@pytest.mark.parametrize(
    ("match", "title", "abstract", "held"),
    [
        ("covid", "Severe COVID-19 in adults", "", True),
        ("COVID", "covid", "", True),
        ("covid", "Influenza", "not even Covid", True),
        ("covid", "Influenza", "and nothing else", False),
        ("novel coronavirus", "A Novel\n   Coronavirus", "", True),
        ("novel  coronavirus", "A novel\u00a0coronavirus", "", True),
        ("novel coronavirus", "A novelcoronavirus", "", False),
        ("corona ?virus", "coronavirus", "", True),
        ("corona ?virus", "corona\tvirus", "", True),
        ("corona *virus", "coronavirus", "", True),
        ("corona {0,1}virus", "coronavirus", "", True),
        (r"corona\ virus", "corona virus", "", True),
        ("sars[- ]?cov", "SARS CoV", "", True),
        ("sars[- ]?cov", "SARS+CoV", "", False),
        (r"\bct\b", "Chest CT.", "", True),
        (r"\bct\b", "Doctor", "", False),
        ("mers|sars", "SARS", "", True),
        ("^chest ct$", "Chest CT", "and more", True),
        ("", "Influenza", "", True),
    ],
)
def test_words_and_expressions(match: str, title: str, abstract: str, held: bool) -> None:
    with PreprintServer([paper(1, title=title, abstract=abstract)]) as server:
        report = plan(server, match=match)
    assert (len(report.wanted), report.unlike) == ((1, 0) if held else (0, 1))


@pytest.mark.parametrize(
    "match", ["(", "[", "*covid", "a**", "covid(?=-19)", r"\1", "\udcff", "a{99999}", "\\"]
)
def test_a_bad_expression_is_told_before_anything_is_asked(match: str) -> None:
    with PreprintServer([]) as server:
        with pytest.raises(ChoiceError, match=r"^--match ") as caught:
            plan(server, match=match)
        assert server.requests == []
    str(caught.value).encode()


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_expression_is_used_or_refused(match: str, title: str) -> None:
    try:
        pattern(match)
    except ChoiceError as error:
        assert "--match" in str(error)
    else:
        assert len(matching([Preprint(DOI, 1, "medRxiv", title=title)], match)) in (0, 1)


# --- questions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "held"),
    [
        ("Spread of 2019-nCoV", True),
        ("Antibodies against SARS\u2011CoV\u20112", True),
        ("The nCoV-2019 outbreak", True),
        ("Receptor of SARS-CoV-2", True),
        ("Receptor of SARS CoV 2", True),
        ("Chest CT of COVID-19", True),
        ("Chest CT of Covid19 patients", True),
        ("A novel coronavirus in Hubei", True),
        ("The novel corona virus", True),
        ("Coronavirus disease 2019", True),
        ("Pneumonia of unknown cause in Wuhan and the virus", True),
        ("HCoV-19 in aerosols", True),
        ("MERS coronavirus receptor", False),
        ("Avian infectious bronchitis", False),
        ("SARS-CoV spike of 2003", False),
        ("Air pollution in Wuhan", False),
        ("Uncovering covariates in covert data", False),
        ("Influenza", False),
    ],
)
def test_the_shipped_query_finds_the_papers_of_2020(title: str, held: bool) -> None:
    wish = load_query("covid-19-2020")
    deposits = [paper(1, "2020-02-02", title=title, abstract=""), paper(2, "2020-03-26")]
    with PreprintServer(deposits) as server:
        clock = Clock()
        report = crawl(wish, NOWHERE, base_url=server.url, dry_run=True, clock=clock, sleep=clock.sleep)
    assert found(report) == (names(deposits[:1]) if held else set())


def test_the_shipped_query_asks_for_both_servers_in_the_dates_of_the_dataset() -> None:
    wish = load_query("covid-19-2020")
    assert (wish.source, wish.servers) == ("api", ("medrxiv", "biorxiv"))
    assert (wish.since, wish.until) == ("2020-01-19", "2020-03-25")


def test_a_query_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('servers = ["biorxiv"]\nfrom = "2020-03-01"\nmatch = "covid"\nall_versions = true\n')
    assert load_query(str(path)) == Wish(
        servers=("biorxiv",), since="2020-03-01", match="covid", all_versions=True
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("from = 2020-03-01\ncolour = 'red'", "there is no 'colour'"),
        ("from = 2020-03-01\nservers = 'medrxiv'", "servers is 'medrxiv'"),
        ("from = 2020-03-01\nservers = []", "name a server"),
        ("from = 2020-03-01\nservers = ['chemrxiv']", "there is no server 'chemrxiv'"),
        ("from = 2020-03-01\nmatch = 5", "match is 5"),
        ("from = 2020-03-01\nmatch = ['covid', '(']", "--match"),
        ("from = 2020-03-01\nall_versions = 1", "all_versions is 1"),
        ("from = 2020-03-01T10:00:00\n", "write dates as 2020-03-25"),
        ("from = 'March'", "write dates as 2020-03-25"),
        ("from = 2020-03-02\nto = 2020-03-01", "lies after the last"),
        ("match = 'covid'", "say from which day on"),
        ("from = ", "cannot be read"),
    ],
)
def test_a_query_that_makes_no_sense(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(ChoiceError, match=re.escape(reason)):
        load_query(str(path))


@pytest.mark.parametrize("name", ["covid-20", "../queries/none", "", "\x00", "none.toml"])
def test_a_query_that_is_not_there(name: str) -> None:
    with pytest.raises(ChoiceError, match=r"covid-19-2020|cannot be read"):
        load_query(name)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"source": "arxiv"}, "there is no source 'arxiv'"),
        ({"since": ""}, "say from which day on"),
        ({"source": "europepmc", "since": ""}, "say from which day on"),
        ({"search": "covid"}, "--search is Europe PMC's"),
        ({"source": "europepmc", "category": "epidemiology"}, "--category is the API's"),
        ({"source": "dois"}, "name DOIs"),
        ({"source": "folder"}, "name the folder"),
        ({"since": "2020-02-30"}, "write dates as 2020-03-25"),
        ({"until": "2020-03-00"}, "write dates as 2020-03-25"),
        ({"until": "2020-02-29"}, "lies after the last"),
        ({"servers": ("arxiv",)}, "there is no server 'arxiv'"),
    ],
)
def test_a_question_that_cannot_be_asked(facts: dict[str, Any], reason: str) -> None:
    with pytest.raises(ChoiceError, match=re.escape(reason)):
        check(Wish(**{"since": "2020-03-01", **facts}))


def test_questions_are_remembered_once_and_asked_again_up_to_today(tmp_path: Path) -> None:
    one = Wish(since="2020-03-01", until="2020-03-31", match="covid \u4e2d\udcff", all_versions=True)
    two = Wish(source="dois", dois=(DOI,))
    assert asked_before(tmp_path) == []
    for wish in (one, two, two):
        remember(tmp_path, replace(wish, match=wish.match.replace("\udcff", "")))
    kept = asked_before(tmp_path)
    assert kept == [replace(one, match="covid \u4e2d"), two]
    assert anew(kept[0]) == replace(kept[0], until="")


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '[{"colour": 1}]', '[{"source": "arxiv"}]', "[" * 100_000, "\xff"]
)
def test_questions_that_cannot_be_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "crawl.json").write_text(content, encoding="latin-1")
    with pytest.raises(CrawlError, match=r"crawl\.json: it cannot be read: .*; remove it"):
        asked_before(tmp_path)


# --- Europe PMC ---------------------------------------------------------------------------------------------


def test_europe_pmc_page_by_page_of_one_server_in_the_dates() -> None:
    deposits = [paper(number) for number in range(1003)]
    others = [paper(2000, server="biorxiv"), paper(2001, "2020-04-01"), paper(2002, "2020-02-29")]
    with PreprintServer([*deposits, *others]) as server:
        report = plan(server, source="europepmc", servers=("medrxiv",))
        assert len(server.asked(SEARCH)) == 3
    assert found(report) == names(deposits)
    assert (report.missing, report.notes) == ([], [])
    first = report.wanted[0]
    assert (first.server, first.posted, first.licence) == ("medRxiv", "2020-03-01", "cc by")
    assert first.url == server.url + deposits[0].path


def test_the_question_in_europe_pmcs_words() -> None:
    wish = Wish(source="europepmc", since="2020-03-01", until="2020-03-31", search="covid OR sars")
    assert query(wish) == (
        '(SRC:"PPR") AND (PUBLISHER:"medRxiv" OR PUBLISHER:"bioRxiv") AND '
        "(FIRST_PDATE:[2020-03-01 TO 2020-03-31]) AND (covid OR sars)"
    )
    assert query(replace(wish, servers=("biorxiv",), search="")) == (
        '(SRC:"PPR") AND (PUBLISHER:"bioRxiv") AND (FIRST_PDATE:[2020-03-01 TO 2020-03-31])'
    )


def test_europe_pmc_that_says_error_within_a_good_status() -> None:
    with PreprintServer([paper(1)]) as server:
        server.epmc_error = True
        report = plan(server, source="europepmc")
    assert (report.wanted, len(report.missing)) == ([], 1)
    assert report.missing[0].startswith("Europe PMC was not listed to its end: ")
    assert report.missing[0].endswith("Invalid query (404)")


def results(*rows: Any, **more: Any) -> str:
    return json.dumps({"hitCount": len(rows), "resultList": {"result": rows}, **more})


def test_europe_pmc_that_breaks_off_keeps_what_it_gave() -> None:
    first = results({"doi": DOI, "versionNumber": 1}, nextCursorMark="more")
    with PreprintServer([]) as server:
        server.faults[SEARCH] = [Fault("body", body=first), Fault("status", status=404)]
        report = plan(server, source="europepmc")
    assert found(report) == {f"{DOI}v1"}
    assert "HTTP 404" in report.missing[0]


@pytest.mark.parametrize("doi", [DOI, None], ids=["papers", "rows without a DOI"])
def test_europe_pmc_that_repeats_itself_for_ever_ends(doi: str | None) -> None:
    bodies = [results({"doi": doi, "versionNumber": 1}, nextCursorMark=f"{mark}") for mark in range(200)]
    with PreprintServer([]) as server:
        server.faults[SEARCH] = [Fault("body", body=body) for body in bodies]
        report = plan(server, source="europepmc")
        assert len(server.requests) < 10
    assert found(report) == ({f"{DOI}v1"} if doi else set())
    assert "it repeats what it gave before" in report.missing[0]


def test_europe_pmc_that_gives_fewer_than_it_found_is_told() -> None:
    body = results({"doi": DOI, "versionNumber": 1}, hitCount=500)
    with PreprintServer([]) as server:
        server.faults[SEARCH] = [Fault("body", body=body)]
        report = plan(server, source="europepmc")
    assert report.notes == ["Europe PMC: 500 preprints announced, 1 given"]


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "null",
        "{}",
        '{"resultList": []}',
        '{"resultList": {"result": {}}}',
        '{"errCode": ["\\ud800\\n"], "errMsg": {}}',
        '{"errCode": "\\ud800\\n", "errMsg": "\\u001b[2J\\n"}',
        '{"errMsg": "' + "x" * 10_000 + '"}',
    ],
)
def test_an_answer_that_is_not_europe_pmcs(body: str) -> None:
    with PreprintServer([]) as server:
        server.faults[SEARCH] = [Fault("body", body=body, forever=True)]
        (told,) = plan(server, source="europepmc").missing
    assert told.startswith("Europe PMC was not listed to its end: ")
    assert told.isprintable()
    assert len(told) < 500


def link(url: object, **more: object) -> dict[str, object]:
    return {"documentStyle": "pdf", "site": "Other", "availabilityCode": "F", "url": url, **more}


@pytest.mark.parametrize(
    ("links", "url"),
    [
        ([link("http://a/1.pdf"), link("http://b/1.pdf", site="Europe_PMC")], "http://b/1.pdf"),
        ([link("http://a/1", documentStyle="html"), link("http://a/1.pdf")], "http://a/1.pdf"),
        ([link("http://a/1", documentStyle="doi")], ""),
        ([link(""), link("http://a/1.pdf")], "http://a/1.pdf"),
        ([link(5, site="Europe_PMC"), link("http://a/1.pdf")], "http://a/1.pdf"),
        (
            [link("http://b/1.pdf", availabilityCode="S", site="Europe_PMC"), link("http://a/1.pdf")],
            "http://a/1.pdf",
        ),
        ([None, 5, [], "x", link("http://a/1.pdf", documentStyle="PDF")], "http://a/1.pdf"),
        ([], ""),
        (None, ""),
        (7, ""),
        (True, ""),
        ({"url": "http://a/1.pdf"}, ""),
    ],
)
def test_which_address_of_a_pdf_is_taken(links: object, url: str) -> None:
    row = {"doi": DOI, "versionNumber": 1, "fullTextUrlList": {"fullTextUrl": links}}
    with PreprintServer([]) as server:
        server.faults[SEARCH] = [Fault("body", body=results(row))]
        (preprint,) = plan(server, source="europepmc").wanted
    assert preprint.url == url


PMC_FIELDS = (
    *("title", "abstractText", "authorString", "firstPublicationDate", "license", "versionNumber"),
    *("bookOrReportDetails", "fullTextUrlList"),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.dictionaries(
                st.sampled_from(PMC_FIELDS),
                HOSTILE
                | HOSTILE.map(lambda each: {"publisher": each})
                | HOSTILE.map(lambda each: {"fullTextUrl": each})
                | HOSTILE.map(
                    lambda each: {"fullTextUrl": [{"documentStyle": "pdf", "url": each, "site": each}]}
                ),
            ),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([None, 5, "", "x", {}, "\ud800", "+/="]),
)
def test_results_of_europe_pmc_that_make_no_sense_cost_only_themselves(
    empty: PreprintServer, told: list[tuple[bool, dict[str, Any]]], mark: object
) -> None:
    known = [{**row, "doi": f"{GOOD}{number}"} for number, (good, row) in enumerate(told) if good]
    odd: list[Any] = [row for good, row in told if not good]
    body = results(*known, *odd, nextCursorMark=mark)
    empty.faults[SEARCH] = [Fault("body", body=body), Fault("body", body=results())]
    report = plan(empty, source="europepmc")
    assert report.listed == len(known)
    assert report.notes == ([f"Europe PMC: {len(odd)} rows without a DOI are left out"] if odd else [])
    assert len(report.missing) == (mark == "\ud800")
    for preprint in report.wanted:
        sound(preprint)


# --- papers that are not wanted -----------------------------------------------------------------------------

HERE = [
    Deposit("10.1101/2020.03.01.20000001", 1, pdf=b""),
    Deposit("10.1101/2020.03.01.20000002", 3, pdf=b""),
    Deposit("10.1101/2020.03.01.20000003", 1, pdf=b""),
    Deposit("10.1101/900004", 1, server="biorxiv", pdf=b""),
    Deposit("10.64898/2025.12.02.25000005", 2, pdf=b""),
    Deposit("10.1101/2020.03.01.20000006", 1, pdf=b""),
]
CELLS = [
    ["File name", "DOI", "Captions"],
    ["2020.03.01.20000001-p5-1.png", None, "Figure 1"],
    ["x.png", "10.1101/2020.03. 01.20000002", None],
    ["2020.03.01.20000003-p12-52%3.png", None, None],
    [None, "https://www.biorxiv.org/content/10.1101 / 900004v2.full.pdf", None],
    [None, None, "see doi:10.64898/2025.12.02.25000005v1."],
    [7, "2020.03.01", "10.1101/2020.03.01.2000000"],
]


def excluded_by(path: Path) -> list[int]:
    """Which papers a crawl leaves out, by number."""
    with PreprintServer(HERE) as server:
        report = plan(server, exclude=str(path))
    assert report.excluded == len(HERE) - len(report.wanted)
    left = {each.doi for each in report.wanted}
    return [number for number, each in enumerate(HERE, 1) if each.doi not in left]


def test_papers_in_a_workbook_are_left_out(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in CELLS:
        book.active.append(row)
    book.save(tmp_path / "MetaInfo.xlsx")
    assert excluded_by(tmp_path / "MetaInfo.xlsx") == [1, 2, 3, 4, 5]


def test_papers_in_any_sheet_and_above_the_header_are_left_out(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["10.1101/2020.03.01.20000006"], *CELLS[:2]):
        book.active.append(row)
    second = book.create_sheet("NonCOVID")
    for row in (CELLS[0], CELLS[3]):
        second.append(row)
    book.save(tmp_path / "MetaInfo.xlsx")
    assert excluded_by(tmp_path / "MetaInfo.xlsx") == [1, 3, 6]


@pytest.mark.parametrize(
    ("name", "between"), [("table.csv", ","), ("table.tsv", "\t"), ("papers.txt", " | ")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_papers_in_a_table_or_text_are_left_out(
    tmp_path: Path, name: str, between: str, encoding: str
) -> None:
    lines = (between.join(str(cell or "") for cell in row) for row in CELLS)
    (tmp_path / name).write_text("\r\n".join(lines) + "\r\nM\u00fcller\r\n", encoding=encoding)
    assert excluded_by(tmp_path / name) == [1, 2, 3, 4, 5]


def test_every_version_is_left_out_and_capitals_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "papers.txt"
    path.write_text("10.1234/ABC\n")
    excluded = read_excluded(path)
    assert excluded.has(Preprint("10.1234/aBc", 1, "")) and excluded.has(Preprint("10.1234/abc", None, ""))
    assert not excluded.has(Preprint("10.1234/abcd", 1, ""))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("none.txt", None),
        ("blank.txt", b""),
        ("words.txt", b"no paper in here, but 2020.03.01 and 10.5 and 123456\n"),
        ("broken.xlsx", b"PK\x03\x04 and nothing"),
        ("odd.pdf", b"%PDF-1.7 10.1101/2020.03.01.20000001"),
    ],
)
def test_a_table_that_names_no_paper_is_told(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ChoiceError, match=re.escape(name)):
        read_excluded(tmp_path / name)
    with PreprintServer([]) as server, pytest.raises(ChoiceError):
        plan(server, exclude=str(tmp_path / name))
    assert server.requests == []


# --- PDFs that are here -------------------------------------------------------------------------------------


def written(path: Path, *lines: str, **options: Any) -> Path:
    """A PDF of one page with these lines."""
    with pymupdf.open() as document:
        page = document.new_page()
        for number, line in enumerate(lines):
            page.insert_text((40, 60 + 20 * number), line, fontsize=9)
        document.save(path, **options)
    return path


def test_pdfs_are_known_by_their_names_and_by_their_first_pages(tmp_path: Path) -> None:
    deposits = [
        Deposit("10.1101/2020.03.01.20000001", 1, title="One"),
        Deposit("10.1101/2020.03.01.20000001", 2, title="One, again"),
        Deposit("10.64898/2025.12.02.25000002", 1, server="biorxiv", title="Two"),
        Deposit("10.1101/900003", 4, server="biorxiv", title="Three"),
        Deposit("10.1101/2020.03.01.20000004", 1, title="Four"),
        Deposit("10.1101/2020.03.01.20000005", 1, title="Five"),
        Deposit("10.1101/2020.03.01.20000005", 2, title="Five, again"),
        Deposit("10.64898/2025.12.02.25000006", 1, title="Six"),
    ]
    below = tmp_path / "below"
    below.mkdir()
    files = {
        "2020.03.01.20000001v1.full.pdf": written(tmp_path / "2020.03.01.20000001v1.full.pdf", "x"),
        "2025.12.02.25000002.PDF": written(below / "2025.12.02.25000002.PDF", "x"),
        "10.64898_2025.12.02.25000006v1.pdf": written(below / "10.64898_2025.12.02.25000006v1.pdf", "x"),
        "900003v4.pdf": written(below / "900003v4.pdf", "x"),
        "four.pdf": written(below / "four.pdf", "doi: https://doi.org/10.1101/2020.03.01.20000004; posted"),
        "five.pdf": written(below / "five.pdf", "doi: https://doi.org/10.1101/2020.03.", "01.20000005 ."),
    }
    with PreprintServer(deposits) as server:
        report = plan(server, source="folder", folder=str(tmp_path))
    assert report.missing == []
    assert {each.title: (each.doi, each.version, each.url) for each in report.wanted} == {
        "One": (deposits[0].doi, 1, files["2020.03.01.20000001v1.full.pdf"].as_uri()),
        "Two": (deposits[2].doi, 1, files["2025.12.02.25000002.PDF"].as_uri()),
        "Three": (deposits[3].doi, 4, files["900003v4.pdf"].as_uri()),
        "Four": (deposits[4].doi, 1, files["four.pdf"].as_uri()),
        "Six": (deposits[7].doi, 1, files["10.64898_2025.12.02.25000006v1.pdf"].as_uri()),
        "Five, again": (deposits[5].doi, None, files["five.pdf"].as_uri()),
    }


def test_a_paper_that_names_others_on_its_first_page_is_not_taken_for_them(tmp_path: Path) -> None:
    deposits = [Deposit(f"10.1101/2020.03.01.2000000{number}", pdf=b"") for number in (1, 2, 3)]
    written(
        tmp_path / "stamped.pdf",
        "We extend https://doi.org/10.1101/2020.03.01.20000002 in this paper.",
        "medRxiv preprint doi: https://doi.org/10.1101/2020.03.01.20000001; this version posted March 2, 2020.",
    )
    written(
        tmp_path / "unstamped.pdf",
        "See https://doi.org/10.1101/2020.03.01.20000002 and https://doi.org/10.1101/2020.03.01.20000003.",
    )
    with PreprintServer(deposits) as server:
        report = plan(server, source="folder", folder=str(tmp_path))
    assert found(report) == {"10.1101/2020.03.01.20000001v1"}
    assert [told.partition(": ")[0] for told in report.missing] == ["unstamped.pdf"]


def test_pdfs_that_nobody_knows_are_missing_and_say_why(tmp_path: Path) -> None:
    written(tmp_path / "letter.pdf", "Dear Ann")
    written(tmp_path / "locked.pdf", DOI, encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="a", user_pw="b")
    written(tmp_path / "10.1101_gr.000001.pdf", "x")
    written(tmp_path / "2020.03.01.29999999v1.pdf", "x")
    written(tmp_path / "2020.03.01.20000001v9.pdf", "x")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\n1 0 obj <</Type /Catalog /Pages 2 0 R")
    (tmp_path / "empty.pdf").write_bytes(b"")
    (tmp_path / "web.pdf").write_bytes(b"<html>Just a moment")
    with PreprintServer([replace(paper(1), doi=DOI)]) as server:
        report = plan(server, source="folder", folder=str(tmp_path))
    assert report.wanted == []
    assert dict(told.split(": ", 1) for told in report.missing) == {
        **dict.fromkeys(
            ("10.1101_gr.000001.pdf", "broken.pdf", "empty.pdf", "letter.pdf", "locked.pdf", "web.pdf"),
            "neither its name nor its first page says which preprint it is; "
            "name it 2020.03.01.20000001v1.pdf",
        ),
        "2020.03.01.29999999v1.pdf": "; ".join(
            f"{prefix}/2020.03.01.29999999: neither medRxiv nor bioRxiv has it"
            for prefix in ("10.1101", "10.64898")
        ),
        "2020.03.01.20000001v9.pdf": f"{DOI}: there is no version 9",
    }


def test_a_folder_that_is_not_there_or_blank(tmp_path: Path) -> None:
    with PreprintServer([]) as server:
        for folder in (tmp_path, tmp_path / "none"):
            report = plan(server, source="folder", folder=str(folder))
            assert (report.wanted, len(report.missing)) == ([], 1)
        assert server.requests == []


# --- names of files -----------------------------------------------------------------------------------------

SUFFIXES = st.one_of(
    st.text(max_size=30),
    st.text(st.sampled_from("aAbB._-/\\:v12 %*\u00e4\u4e2d"), max_size=12),
    st.text(st.sampled_from("ab./"), min_size=150, max_size=250),
    st.sampled_from(
        ["2020.03.01.20000001", "900004", "..", "../../etc/passwd", "con", "a/b", "a_b", "a-b", "av1"]
    ),
)
DOIS = st.builds("10.{}/{}".format, st.sampled_from(["1101", "64898", "1234"]), SUFFIXES) | SUFFIXES.map(
    "10.{}".format
)
VERSIONS = st.none() | st.integers(1, 999)


@given(st.lists(st.tuples(DOIS, VERSIONS), min_size=1, max_size=8))
@example([("10.1234/a/b", 1), ("10.1234/a_b", 1), ("10.1234_a/b", 1), ("10.1234_a_b", 1)])
@example([("10.1234/x", 1), ("10.1234/xv1", None), ("10.1101/900004", 1), ("10.1101/900004v1", None)])
@example([(f"10.1234/{'a' * 120}", 1), (f"10.1234/{'a' * 121}", 1)])
def test_file_names(told: list[tuple[str, int | None]]) -> None:
    files: dict[str, tuple[str, int]] = {}
    for doi, version in told:
        preprint = Preprint(doi, version, "medRxiv")
        assert re.fullmatch(r"[0-9][a-z0-9._-]*\.pdf", preprint.file)
        assert len(preprint.file) <= 130
        assert files.setdefault(preprint.file, preprint.key) == preprint.key


def test_a_name_made_from_anothers_hash_is_another_name() -> None:
    one = Preprint("10.1234/a/b", None, "")
    two = Preprint(one.file.removesuffix(".pdf").replace("_", "/", 1), None, "")
    assert two.key != one.key
    assert two.file != one.file


@given(st.text(st.sampled_from("aBcDxyZ019._-/():;<>"), min_size=1, max_size=150), VERSIONS)
def test_capitals_make_no_other_name(suffix: str, version: int | None) -> None:
    named = {
        Preprint(f"10.1234/{each}", version, "").file for each in (suffix, suffix.upper(), suffix.lower())
    }
    assert len(named) == 1


@pytest.mark.parametrize(
    ("doi", "version", "name"),
    [
        ("10.1101/2020.03.01.20000001", 2, "2020.03.01.20000001v2.pdf"),
        ("10.1101/900004", 1, "900004v1.pdf"),
        ("10.1101/900004", None, "900004.pdf"),
        ("10.64898/2025.12.02.25000001", 1, "10.64898_2025.12.02.25000001v1.pdf"),
        ("10.1234/Abc-1", 1, "10.1234_abc-1v1.pdf"),
    ],
)
def test_names_as_the_servers_have_them(doi: str, version: int | None, name: str) -> None:
    assert Preprint(doi, version, "medRxiv").file == name
