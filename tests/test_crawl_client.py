"""Requests to servers: slow enough, patient with their troubles, and never without end."""

from __future__ import annotations

import email.utils
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from covidct_curate import __version__
from covidct_curate.crawl import limiter
from covidct_curate.crawl.client import Client
from covidct_curate.crawl.limiter import Limiter, gap
from covidct_curate.errors import CrawlError, HostStopped, NoAnswer
from tests.preprintserver import Deposit, Fault, PreprintServer

PAPER = Deposit("10.1101/2020.03.01.20000001")
OTHER = Deposit("10.1101/2020.03.01.20000002")
DETAILS = f"/details/medrxiv/{PAPER.doi}/na/json"


class Clock:
    """Time passes when somebody sleeps, and then at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Asking:
    """A client with a clock of its own, and what it said."""

    def __init__(self, contact: str = "") -> None:
        self.clock = Clock()
        self.said: list[str] = []
        self.client = Client(contact, say=self.said.append, clock=self.clock, sleep=self.clock.sleep)

    def get(self, url: str) -> bytes:
        with self.client.open(url) as answer:
            return answer.content


@pytest.fixture
def server() -> Iterator[PreprintServer]:
    with PreprintServer([PAPER, OTHER]) as running:
        yield running


@pytest.fixture
def asking() -> Iterator[Asking]:
    made = Asking()
    yield made
    made.client.close()


def refusal(status: int, **headers: str) -> Fault:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault("status", status=status, headers=told)


def forever(fault: Fault) -> list[Fault]:
    return [Fault(fault.kind, fault.status, fault.headers, fault.body, forever=True)]


# --- who asks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("contact", ["ann@example.org", ""])
def test_says_who_asks(server: PreprintServer, contact: str) -> None:
    asking = Asking(contact)
    asking.get(server.url + PAPER.path)
    asking.client.close()
    (asked,) = server.requests
    reach = f"; {contact}" if contact else ""
    assert asked.headers["user-agent"] == f"covidct/{__version__} (curate crawl{reach})"


# --- servers that refuse ------------------------------------------------------------------------------------


def test_waits_as_long_as_it_is_asked_to(server: PreprintServer, asking: Asking) -> None:
    server.faults["full.pdf"] = [refusal(429, Retry_After="3"), refusal(503, Retry_After="40")]
    assert asking.get(server.url + PAPER.path) == PAPER.content
    assert asking.clock.waits == [3, 40]
    assert asking.said == [
        "127.0.0.1 refuses (HTTP 429 Too Many Requests): waiting 3 s, as it asks",
        "127.0.0.1 refuses (HTTP 503 Service Unavailable): waiting 40 s, as it asks",
    ]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("ahead", "least", "most"), [(600, 500, 600), (-600, 0, 0)], ids=["to come", "gone by"]
)
def test_waits_until_a_date(
    server: PreprintServer, asking: Asking, ahead: float, least: float, most: float
) -> None:
    until = email.utils.formatdate(time.time() + ahead, usegmt=True)
    server.faults["full.pdf"] = [refusal(429, Retry_After=until)]
    assert asking.get(server.url + PAPER.path) == PAPER.content
    assert least <= sum(asking.clock.waits) <= most


@pytest.mark.parametrize("told", ["soon", "-5", "1e9", "٣", "", "Sun, 99 Foo 2020", "Fri, 31 Dec 9999"])
def test_waits_a_minute_then_two_where_nothing_sensible_is_asked(
    server: PreprintServer, asking: Asking, told: str
) -> None:
    headers = {"Retry_After": told} if told and told.isascii() else {}
    server.faults["full.pdf"] = [refusal(403, **headers), refusal(503, **headers)]
    assert asking.get(server.url + PAPER.path) == PAPER.content
    assert asking.clock.waits == [60, 120]


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_refused_address_is_given_up_and_then_the_host(
    server: PreprintServer, asking: Asking, status: int
) -> None:
    server.faults["full.pdf"] = forever(refusal(status))
    with pytest.raises(NoAnswer, match=rf"20000001v1\.full\.pdf: HTTP {status} .*, three times"):
        asking.get(server.url + PAPER.path)
    assert len(server.requests) == 3
    with pytest.raises(HostStopped, match=rf"127\.0\.0\.1 keeps refusing \(HTTP {status} .*some hours"):
        asking.get(server.url + OTHER.path)
    assert len(server.requests) == 6
    assert asking.clock.waits == [60, 120, 60, 120]
    with pytest.raises(HostStopped, match="keeps refusing"):
        asking.get(server.url + DETAILS)
    assert len(server.requests) == 6


def test_an_answer_in_between_shows_that_the_host_does_not_refuse(
    server: PreprintServer, asking: Asking
) -> None:
    server.faults["full.pdf"] = forever(refusal(403))
    for _ in range(4):
        with pytest.raises(NoAnswer):
            asking.get(server.url + PAPER.path)
        assert asking.client.json(server.url + DETAILS)["messages"] == [{"status": "ok"}]


def test_a_host_that_wants_an_hour_is_left_alone_at_once(server: PreprintServer, asking: Asking) -> None:
    server.faults["full.pdf"] = forever(refusal(429, Retry_After="3600"))
    for _ in range(2):
        with pytest.raises(HostStopped, match=r"HTTP 429 .* asks to be left alone for 60 minutes"):
            asking.get(server.url + PAPER.path)
    assert len(server.requests) == 1
    assert asking.clock.waits == []


def test_a_date_far_away_too(server: PreprintServer, asking: Asking) -> None:
    server.faults["full.pdf"] = [refusal(503, Retry_After="Wed, 21 Oct 2099 07:28:00 GMT")]
    with pytest.raises(HostStopped, match="asks to be left alone"):
        asking.get(server.url + PAPER.path)


# --- servers in trouble -------------------------------------------------------------------------------------


def test_a_server_in_trouble_is_asked_three_times(server: PreprintServer, asking: Asking) -> None:
    server.faults["full.pdf"] = forever(Fault("status", status=500))
    with pytest.raises(NoAnswer, match=r"HTTP 500 Internal Server Error, three times"):
        asking.get(server.url + PAPER.path)
    assert len(server.requests) == 3
    assert asking.clock.waits == [2, 5]
    server.faults.clear()
    assert asking.get(server.url + PAPER.path) == PAPER.content


def test_trouble_that_passes(server: PreprintServer, asking: Asking) -> None:
    server.faults["full.pdf"] = [Fault("status", status=502), Fault("drop")]
    assert asking.get(server.url + PAPER.path) == PAPER.content
    assert asking.clock.waits == [2, 5]


def test_refusals_and_troubles_by_turns_end(server: PreprintServer, asking: Asking) -> None:
    server.faults["full.pdf"] = [refusal(403), Fault("status", status=500)] * 10
    with pytest.raises(NoAnswer):
        asking.get(server.url + PAPER.path)
    assert len(server.requests) == 5


@pytest.mark.parametrize("status", [400, 401, 404, 410, 451, 304, 302])
def test_other_statuses_are_final(server: PreprintServer, asking: Asking, status: int) -> None:
    server.faults["full.pdf"] = forever(Fault("status", status=status))
    with pytest.raises(NoAnswer, match=rf"full\.pdf: HTTP {status}"):
        asking.get(server.url + PAPER.path)
    assert len(server.requests) == 1
    assert asking.clock.waits == []


def test_a_dropped_connection_is_no_answer_and_no_reason_to_leave_the_host(
    server: PreprintServer, asking: Asking
) -> None:
    server.faults[PAPER.path] = forever(Fault("drop"))
    with pytest.raises(NoAnswer, match=r"three times") as caught:
        asking.get(server.url + PAPER.path)
    assert "\n" not in str(caught.value)
    assert len(server.asked(PAPER.path)) == 3
    assert asking.clock.waits == [2, 5]
    assert asking.get(server.url + OTHER.path) == OTHER.content


def test_a_refused_connection_gives_up_soon_with_a_clear_line(asking: Asking) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    before = asking.clock.now
    with pytest.raises(HostStopped) as caught:
        asking.client.json(f"http://127.0.0.1:{port}/details")
    assert str(caught.value) == (
        "127.0.0.1 cannot be reached: connection refused; check the network, or the address"
    )
    assert asking.clock.waits == [2, 5]
    assert asking.clock.now - before < 30
    with pytest.raises(HostStopped, match="cannot be reached"):
        asking.get(f"http://127.0.0.1:{port}/other")
    assert asking.clock.waits == [2, 5]


def test_a_host_out_of_reach_gives_up_within_half_a_minute(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def silent(_session: requests.Session, url: str, *, timeout: tuple[float, float], **_: Any) -> None:
        tries.append(url)
        asking.clock.now += timeout[0]
        raise requests.ConnectTimeout(f"{url} did not answer")

    monkeypatch.setattr(requests.Session, "get", silent)
    before = asking.clock.now
    with pytest.raises(HostStopped, match=r"^www\.medrxiv\.org cannot be reached: .*check the network"):
        asking.get("https://www.medrxiv.org/content/x.full.pdf")
    assert len(tries) == 3
    assert asking.clock.now - before < 30


def test_a_server_that_stays_silent_is_no_answer(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any, **__: Any) -> None:
        raise requests.ReadTimeout("Read timed out.")

    monkeypatch.setattr(requests.Session, "get", silent)
    with pytest.raises(NoAnswer, match=r"x\.full\.pdf: Read timed out\., three times"):
        asking.get("https://www.medrxiv.org/content/x.full.pdf")


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "//", "file:///etc/hostname", "ftp://127.0.0.1/x", "javascript:alert(1)", "data:,x"),
        *("http://", "http://[x", "http://[::1", "http:///x", "http://127.0.0.1:99999/x"),
        *("http://127.0.0.1:x/", "http://.example/", "http://\ud800/", "http://*.x*/"),
    ],
)
def test_what_is_no_web_address_is_not_asked_for(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    def sent(*_: Any, **__: Any) -> None:
        raise AssertionError("a request went out")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", sent)
    with pytest.raises(NoAnswer):
        asking.get(url)
    assert asking.clock.waits == []


# --- redirects ----------------------------------------------------------------------------------------------


def test_a_redirect_is_followed_as_slowly_as_any_request(
    server: PreprintServer, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "gap", lambda host: 7.0)
    server.faults["/old"] = [Fault("redirect", body=PAPER.path)]
    with asking.client.open(f"{server.url}/old", params={"a": "b c"}) as answer:
        assert answer.content == PAPER.content
        assert answer.url == server.url + PAPER.path
    assert [each.path for each in server.requests] == ["/old?a=b+c", PAPER.path]
    assert asking.clock.waits == [7]


def test_a_redirect_to_a_host_that_refuses(server: PreprintServer, asking: Asking) -> None:
    server.faults["/refused"] = forever(refusal(429, Retry_After="3600"))
    with pytest.raises(HostStopped):
        asking.get(f"{server.url}/refused")
    other = server.url.replace("127.0.0.1", "localhost")
    server.faults["/old"] = forever(Fault("redirect", body=server.url + PAPER.path))
    with pytest.raises(HostStopped, match=r"^127\.0\.0\.1 refuses"):
        asking.get(f"{other}/old")
    assert server.asked("full.pdf") == []


def test_a_redirect_in_circles_ends(server: PreprintServer, asking: Asking) -> None:
    server.faults["/one"] = forever(Fault("redirect", body="/two"))
    server.faults["/two"] = forever(Fault("redirect", body="/one"))
    with pytest.raises(NoAnswer, match="redirected more than 5 times"):
        asking.get(f"{server.url}/one")
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "target",
    ["file:///etc/hostname", "ftp://127.0.0.1/x", "javascript:alert(1)", "http://[x", "http://", "//[", ""],
)
def test_a_redirect_to_what_is_no_web_address(server: PreprintServer, asking: Asking, target: str) -> None:
    server.faults["full.pdf"] = forever(Fault("redirect", headers={"Location": target}))
    with pytest.raises(NoAnswer):
        asking.get(server.url + PAPER.path)
    with pytest.raises(NoAnswer):
        asking.client.json(server.url + PAPER.path)


# --- JSON ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault("body", body=b""),
        Fault("body", body=b"<html>Just a moment</html>"),
        Fault("body", body=b'{"messages": [\xff]}'),
        Fault("body", body=b"[" * 100_000),
        Fault("body", body=b"1" * 10_000),
        Fault("truncate", after=5),
        Fault("cut", after=5),
    ],
    ids=["empty", "HTML", "no UTF-8", "deep", "a long number", "truncated", "cut"],
)
def test_a_broken_answer_is_asked_for_again(server: PreprintServer, asking: Asking, fault: Fault) -> None:
    server.faults["/details"] = [fault, fault]
    assert asking.client.json(server.url + DETAILS)["messages"] == [{"status": "ok"}]
    assert asking.clock.waits == [2, 5]
    server.faults["/details"] = forever(fault) if fault.kind == "body" else [fault] * 3
    with pytest.raises(NoAnswer, match=r"na/json: the answer (?:is empty or no JSON|broke off)"):
        asking.client.json(server.url + DETAILS)
    assert len(server.requests) == 6


def test_an_answer_that_will_not_do_is_asked_for_again(server: PreprintServer, asking: Asking) -> None:
    def wrong(told: Any) -> str:
        return "" if told["messages"][0]["status"] == "ok" else "the database is away"

    trouble = Fault("body", body=b'{"messages": [{"status": "Error"}]}')
    server.faults["/details"] = [trouble, trouble]
    assert asking.client.json(server.url + DETAILS, None, wrong)["messages"] == [{"status": "ok"}]
    assert asking.clock.waits == [2, 5]
    server.faults["/details"] = [trouble] * 3
    with pytest.raises(NoAnswer, match=r"na/json: the database is away$"):
        asking.client.json(server.url + DETAILS, None, wrong)


def test_an_endless_answer_is_no_answer(server: PreprintServer, asking: Asking) -> None:
    server.faults["/details"] = [Fault("body", body=b" " * (65 * 2**20))]
    with pytest.raises(NoAnswer, match="larger than 64 MiB"):
        asking.client.json(server.url + DETAILS)
    assert len(server.requests) == 1


ANSWERS = st.lists(
    st.sampled_from(
        [
            *("status", "drop", "redirect", "truncate", "empty"),
            *({"Retry-After": told} for told in ("0", "7", "99999", "x", "Wed, 21 Oct 2015 07:28:00 GMT")),
        ]
    ),
    max_size=12,
)


def test_whatever_comes_it_ends_in_an_answer_or_in_an_error_of_ours() -> None:
    with PreprintServer([PAPER]) as server:

        @given(ANSWERS)
        def hold(kinds: list[str | Mapping[str, str]]) -> None:
            def fault(kind: str | Mapping[str, str]) -> Fault:
                if isinstance(kind, Mapping):
                    return Fault("status", status=429, headers=kind)
                return Fault("body" if kind == "empty" else kind, body=DETAILS if kind == "redirect" else b"")

            server.requests.clear()
            server.faults["/details"] = [fault(kind) for kind in kinds]
            asking = Asking()
            try:
                assert asking.client.json(server.url + DETAILS)["messages"] == [{"status": "ok"}]
            except CrawlError as error:
                assert kinds
                assert "\n" not in str(error)
            finally:
                asking.client.close()
            assert len(server.requests) <= len(kinds) + 1
            assert asking.clock.now - 1000 < 3 * (900 + 900 + 7)

        hold()


# --- how often ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "seconds"),
    [
        ("www.medrxiv.org", 7),
        ("www.biorxiv.org", 7),
        ("medrxiv.org", 7),
        ("connect.biorxiv.org", 7),
        ("api.biorxiv.org", 1),
        ("api.medrxiv.org", 1),
        ("www.ebi.ac.uk", 1),
        ("notmedrxiv.org", 1),
        ("localhost", 0),
        ("127.0.0.1", 0),
        ("::1", 0),
        ("192.0.2.7", 1),
    ],
)
def test_gaps(host: str, seconds: float) -> None:
    clock = Clock()
    slow = Limiter(clock, clock.sleep)
    for _ in range(3):
        slow.wait(host)
    assert gap(host) == seconds
    assert clock.waits == ([seconds] * 2 if seconds else [])


def test_only_what_is_left_of_a_gap_is_waited_for() -> None:
    clock = Clock()
    slow = Limiter(clock, clock.sleep)
    slow.wait("www.medrxiv.org")
    clock.now += 5
    slow.wait("www.medrxiv.org")
    clock.now += 20
    slow.wait("www.medrxiv.org")
    assert clock.waits == [2]


def test_each_host_has_its_own_gap() -> None:
    clock = Clock()
    slow = Limiter(clock, clock.sleep)
    for host in ("www.medrxiv.org", "api.biorxiv.org", "www.biorxiv.org", "www.ebi.ac.uk"):
        slow.wait(host)
    assert clock.waits == []


def test_a_hold_is_kept_and_never_shortens() -> None:
    clock = Clock()
    slow = Limiter(clock, clock.sleep)
    slow.hold("127.0.0.1", 60)
    slow.hold("127.0.0.1", 5)
    slow.wait("www.medrxiv.org")
    assert clock.waits == []
    slow.wait("127.0.0.1")
    slow.wait("127.0.0.1")
    assert clock.waits == [60]
    slow.hold("www.medrxiv.org", 0)
    slow.wait("www.medrxiv.org")
    assert clock.waits == [60]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["www.medrxiv.org", "api.biorxiv.org"]),
            st.floats(0, 20),
            st.none() | st.floats(0, 100),
        ),
        max_size=20,
    ),
    st.floats(0.3, 1.0),
)
def test_no_host_is_ever_asked_too_soon(steps: list[tuple[str, float, float | None]], part: float) -> None:
    clock = Clock()
    # A sleep may end early.
    slow = Limiter(clock, lambda seconds: clock.sleep(max(0.01, seconds * part)))
    allowed: dict[str, float] = {}
    for host, passed, hold in steps:
        clock.now += passed
        if hold is not None:
            slow.hold(host, hold)
            allowed[host] = max(allowed.get(host, 0.0), clock.now + hold)
        slow.wait(host)
        assert clock.now >= allowed.get(host, 0.0)
        allowed[host] = clock.now + gap(host)


def test_requests_to_a_site_are_seven_seconds_apart(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    times = []
    answers: list[int] = [200, 500, 404, 200]

    def sent(_session: requests.Session, url: str, **_: Any) -> requests.Response:
        times.append(asking.clock.now - 1000)
        answer = requests.Response()
        answer.status_code, answer.url = answers.pop(0), url
        answer.raw = None
        return answer

    monkeypatch.setattr(requests.Session, "get", sent)
    monkeypatch.setattr(requests.Response, "close", lambda self: None)
    ask: list[Callable[[], Any]] = [
        lambda: asking.client.open("https://www.medrxiv.org/a").__enter__(),
        lambda: asking.client.open("https://WWW.medrxiv.org:443/b").__enter__(),
        lambda: asking.client.open("https://www.medrxiv.org/c").__enter__(),
    ]
    ask[0]()
    with pytest.raises(NoAnswer):
        ask[1]()
    ask[2]()
    assert times == [0, 7, 14, 21]
