"""``curate crawl`` killed at any instant and run again ends in the same folder as one never killed."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from covidct_curate.crawl.run import crawl
from covidct_curate.crawl.wish import Wish
from tests.preprintserver import Deposit, Fault, PreprintServer
from tests.test_crawl import started
from tests.test_crawl_download import Clock, paper

MARCH = Wish(servers=("medrxiv",), since="2020-03-01", until="2020-03-31")
ASKED = ("--server", "medrxiv", "--from", "2020-03-01", "--to", "2020-03-31")
"""The same on the command line."""


def deposits(count: int, size: int) -> list[Deposit]:
    return [
        Deposit(
            f"10.1101/2020.03.{number:02}.200000{number:02}",
            date=f"2020-03-{number:02}",
            license=("cc_by", "cc_no", "")[number % 3],
            pdf=paper(number, size),
        )
        for number in range(1, count + 1)
    ]


def content(folder: Path) -> dict[str, bytes]:
    """All that is in a folder, but for the time at which a file was fetched."""
    found = {each.name: each.read_bytes() for each in folder.iterdir()}
    lines = [json.loads(line) for line in found["manifest.jsonl"].decode().splitlines()]
    rows = list(csv.DictReader(io.StringIO(found["index.csv"].decode("utf-8-sig"), newline="")))
    assert [line["fetched"] for line in lines] == [row["fetched"] for row in rows]
    for line in lines:
        for name in ("manifest.jsonl", "index.csv"):
            found[name] = found[name].replace(line["fetched"].encode(), b"then")
    return found


# --- at each touch of the folder -------------------------------------------------------------------------

# Reads lines "STEP FOLDER"; for each it crawls into that folder in a child, which kills itself before its STEP-th touch
# of the folder, and says whether it did. A process of its own, since one with threads, as a server has, cannot fork.
KILLED = """
import os, signal, sys
from pathlib import Path
from covidct_curate.crawl.run import crawl
from covidct_curate.crawl.wish import Wish

def touched(event, arguments):
    global left
    written = event == "open" and str(out) in str(arguments[0]) and set("wa+") & set(arguments[1] or "")
    if written or event in ("os.rename", "os.remove", "os.mkdir"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

for line in sys.stdin:
    step, _, folder = line.rstrip().partition(" ")
    child = os.fork()
    if child == 0:
        left, out = int(step), Path(folder)
        sys.addaudithook(touched)
        crawl(Wish(servers=("medrxiv",), since="2020-03-01", until="2020-03-31"), out, base_url=sys.argv[1])
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print({0: "ended", signal.SIGKILL: "killed"}.get(status, status), flush=True)
"""


def test_a_crawl_killed_at_any_touch_of_its_folder_ends_the_same(tmp_path: Path) -> None:
    with PreprintServer(deposits(2, 100_000)) as server:

        def finish(out: Path) -> dict[str, bytes]:
            clock = Clock()
            assert crawl(MARCH, out, base_url=server.url, clock=clock, sleep=clock.sleep).complete
            return content(out)

        def trouble() -> None:
            server.faults = {
                "20000001v1.full.pdf": [Fault("truncate", after=80_000)],
                "20000002v1.full.pdf": [Fault("weak-etag"), Fault("truncate", after=80_000)],
            }
            server.requests.clear()

        trouble()
        expected = finish(tmp_path / "whole")
        assert len([name for name in expected if name.endswith(".pdf")]) == 2
        resumed = False
        killer = subprocess.Popen(
            [sys.executable, "-c", KILLED, server.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert killer.stdin
        assert killer.stdout
        with killer, killer.stdin as told, killer.stdout as heard:
            for step in range(1, 1000):
                trouble()
                out = tmp_path / str(step)
                print(step, out, file=told)
                end = heard.readline().strip()
                assert end in ("killed", "ended")
                if end == "ended":
                    assert content(out) == expected
                    break
                server.requests.clear()
                assert finish(out) == expected, step
                first = server.asked("20000001v1.full.pdf")[:1]
                resumed = resumed or any("range" in asked.headers for asked in first)
        assert step > 20
        assert resumed
    assert not [name for name in expected if ".part" in name]


# --- at any time, from the command line ------------------------------------------------------------------


def wait(process: subprocess.Popen[str], server: PreprintServer, more: int) -> None:
    """Until it asked for so many PDFs more, or ended."""
    end, before = time.monotonic() + 60, len(server.asked("full.pdf"))
    while process.poll() is None and len(server.asked("full.pdf")) < before + more:
        assert time.monotonic() < end
        time.sleep(0.002)


def trouble(server: PreprintServer) -> None:
    """Bodies come slowly; of two papers the first time only a part, of one of these under a weak tag."""
    slow = Fault("slow", after=20_000, seconds=0.004, forever=True)
    server.faults = {
        "20000003v1.full.pdf": [Fault("truncate", after=90_000), slow],
        "20000006v1.full.pdf": [Fault("weak-etag"), Fault("truncate", after=90_000), slow],
        "full.pdf": [slow],
    }


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PreprintServer]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with PreprintServer(deposits(12, 200_000)) as running:
        trouble(running)
        yield running


def test_a_crawl_killed_at_random_ends_the_same(server: PreprintServer, tmp_path: Path) -> None:
    whole = started(server, tmp_path / "whole", *ASKED)
    assert whole.communicate(timeout=120)[1] == ""
    assert whole.returncode == 0
    expected = content(tmp_path / "whole")
    assert len([name for name in expected if name.endswith(".pdf")]) == 12

    trouble(server)
    chance, out, killed = random.Random(9), tmp_path / "killed", 0
    for _ in range(5):
        process = started(server, out, *ASKED)
        wait(process, server, chance.choice((1, 2, 3)))
        time.sleep(chance.random() * 0.06)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        killed += process.returncode == -signal.SIGKILL
    assert killed >= 3
    last = started(server, out, *ASKED)
    assert last.communicate(timeout=120)[1] == ""
    assert last.returncode == 0
    assert content(out) == expected


def test_an_interrupted_crawl_says_so_and_goes_on(server: PreprintServer, tmp_path: Path) -> None:
    out = tmp_path / "pdfs"
    server.faults = {"20000002v1.full.pdf": [Fault("slow", after=1000, seconds=0.05)]}
    process = started(server, out, *ASKED)
    wait(process, server, 2)
    process.send_signal(signal.SIGINT)
    told, wrong = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, "")
    assert wrong == "Interrupted; the same command goes on from here.\n"
    assert (out / "2020.03.01.20000001v1.pdf").read_bytes() == server.deposits[0].content
    server.requests.clear()
    again = started(server, out, *ASKED)
    told, wrong = again.communicate(timeout=120)
    assert (again.returncode, wrong) == (0, "")
    assert "11 fetched, 1 were there, 0 failed" in told
    assert server.asked("20000001v1.full.pdf") == []
    assert not [name for name in content(out) if ".part" in name]
