"""Bad workers of every kind among good ones: exactly the culprits fail, and nobody is left behind."""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import pickle
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from covidct_curate import engine
from covidct_curate.engine import Outcome, run
from covidct_curate.errors import EngineError

ROOT = Path(__file__).parents[1]
GUARD = 5.0
"""Seconds for what takes a fraction of one; pebble's own stop of two workers hung in C takes six."""
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, relies on Linux limits")

Item = tuple[str, Any]
kept: list[bytearray] = []


class Bomb:
    """Pickles well, and raises when it is loaded."""

    def __reduce__(self) -> tuple[Callable[[], NoReturn], tuple[()]]:
        return explode, ()


class Slow:
    """Takes a second and a half to load."""

    def __reduce__(self) -> tuple[Callable[[], str], tuple[()]]:
        return load_slowly, ()


def explode() -> NoReturn:
    raise ValueError("not to be loaded")


def load_slowly() -> str:
    time.sleep(1.5)
    return "loaded"


def hang_in_c() -> None:
    """Sleep in C without giving up the interpreter's lock: no Python code of this process runs again."""
    while True:
        ctypes.PyDLL(None).sleep(1000)


def work(item: Item) -> Any:
    kind, value = item
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "exit":
        os._exit(3)
    if kind == "hang":
        time.sleep(1000)
    if kind == "hang in C":
        hang_in_c()
    if kind == "raise":
        raise ValueError(value)
    if kind == "leave":
        raise SystemExit(value)
    if kind == "eat":
        hoard = []
        while True:  # untouched pages count as well, and cost no time
            hoard.append(np.empty(50_000_000, np.uint8))
    if kind == "leak":
        kept.append(bytearray(value))
    if kind == "lambda":
        return lambda: value
    if kind == "bomb":
        return Bomb()
    if kind == "pid":
        return os.getpid()
    if kind == "await":
        while not Path(value).exists():
            time.sleep(0.02)
    if kind == "sleep":
        time.sleep(value)
    return value


def with_extra(extra: object, item: int) -> object:
    return extra


def among_good(bad: list[Item], good: int = 30) -> list[Item]:
    """The bad items spread evenly among the good ones."""
    items: list[Item] = [("good", n) for n in range(good)]
    for n, item in enumerate(bad):
        items.insert(2 + n * (good // len(bad) + 1), item)
    return items


def check(items: list[Item], outcomes: list[Outcome[Item, Any]], expected: dict[str, str]) -> None:
    """Every item is there once, the good ones with their value, the bad ones with the expected reason."""
    assert sorted(map(repr, items)) == sorted(repr(o.item) for o in outcomes)
    assert {o.item[0]: o.error for o in outcomes if o.error is not None} == expected
    assert all(o.value == o.item[1] for o in outcomes if o.error is None)


def descendants() -> set[int]:
    """Living processes below this one, from /proc."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def marked(mark: str) -> set[int]:
    """Living processes started with ``mark`` in their environment, whoever their parent is by now."""
    found = set()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in environ.read_bytes():
                found.add(int(environ.parent.name))
        except OSError:
            continue
    return found


def wait_until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + GUARD
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def driver() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A driver process whose two workers hang, one of them in C, and the mark they all carry."""
    mark = f"covidct-{uuid.uuid4()}"
    code = (
        "from tests.test_engine import run, work\n"
        "for outcome in run(work, [('good', 1), ('hang', 0), ('hang in C', 0)], 2, 600):\n"
        "    print('ready', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"COVIDCT_TEST_MARK": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)  # for both workers to be deep in their item
        # the driver, the fork server, the resource tracker and two workers
        assert len(marked(mark)) == 5
        yield process, mark
        for pid in marked(mark):
            os.kill(pid, signal.SIGKILL)


@linux
@pytest.mark.parametrize("jobs", [1, 2])
def test_exactly_the_culprits_fail(jobs: int) -> None:
    bad: list[Item] = [
        ("crash", 0),
        ("hang", 0),
        ("raise", "no\nsuch\x1b page"),
        ("exit", 0),
        ("eat", 0),
        ("leave", 3),
        ("hang in C", 0),
    ]
    items = among_good(bad)
    outcomes = list(run(work, items, jobs, 1.5, memory=600_000_000))
    check(
        items,
        outcomes,
        {
            "crash": "the worker died (signal 11)",
            "hang": "no answer within 1.5 s",
            "raise": "raised ValueError: no such� page",
            "exit": "the worker died (exit code 3)",
            "eat": "needed more than 0.6 GB of memory",
            "leave": "raised SystemExit: 3",
            "hang in C": "no answer within 1.5 s",
        },
    )
    assert all(o.seconds >= 1.5 for o in outcomes if o.item[0].startswith("hang"))


def test_what_cannot_be_pickled_is_an_error_of_its_item() -> None:
    items: list[Any] = [
        ("good", 1),
        ("lambda", 0),
        ("bomb", 0),
        ("good", Bomb()),
        ("good", lambda: 0),
        ("good", 2),
    ]
    reasons = {id(o.item): o.error for o in run(work, items, 2, 60)}
    found = [reasons[id(item)] for item in items]
    assert found[0] is None
    assert found[1] is not None and found[1].startswith("the result cannot be pickled: ")
    assert found[2] == "the result cannot be unpickled: ValueError: not to be loaded"
    assert found[3] == "the item cannot be unpickled: ValueError: not to be loaded"
    assert found[4] is not None and found[4].startswith("the item cannot be pickled: ")
    assert found[5] is None


@linux
def test_a_leaking_worker_is_replaced_before_it_starves_the_next_item() -> None:
    items: list[Item] = [("leak", 250_000_000)] * 6
    assert [o.error for o in run(work, items, 1, 60, memory=800_000_000)] == [None] * 6


def test_order_is_that_of_completion(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    items: list[Item] = [("await", str(gate)), ("good", 1), ("good", 2)]
    order = []
    for outcome in run(work, items, 2, 60):
        order.append(outcome.value)
        if len(order) == 2:
            gate.touch()
    assert order == [1, 2, str(gate)]


def test_items_are_drawn_only_as_workers_become_free() -> None:
    drawn = 0

    def endless() -> Iterator[Item]:
        nonlocal drawn
        for drawn in itertools.count(1):
            yield "good", drawn

    outcomes = run(work, endless(), 2, 60)
    assert drawn == 0
    for taken, _ in enumerate(itertools.islice(outcomes, 40), start=1):
        assert taken <= drawn <= taken + 2
    outcomes.close()


def test_workers_are_recycled() -> None:
    pids = [o.value for o in run(work, [("pid", n) for n in range(2 * engine.MAX_TASKS + 5)], 1, 60)]
    served = [pids.count(pid) for pid in dict.fromkeys(pids)]
    assert served == [engine.MAX_TASKS, engine.MAX_TASKS, 5]
    assert os.getpid() not in pids


def test_the_clock_starts_with_the_item() -> None:
    """Neither waiting for a worker nor loading the function counts."""
    waiting = run(work, [("sleep", 0.5)] * 4, 1, 1.2)
    assert [o.error for o in waiting] == [None] * 4
    loading = run(functools.partial(with_extra, Slow()), [1, 2], 1, 1.0)
    assert [(o.value, o.error) for o in loading] == [("loaded", None)] * 2


@linux
def test_closing_early_leaves_no_worker() -> None:
    list(run(work, [("good", 1)], 1, 60))  # the fork server and the resource tracker stay with the driver
    before = descendants()
    outcomes = run(work, [("good", 1), ("hang", 0), ("hang in C", 0), ("good", 2)], 2, 600)
    next(outcomes)
    assert len(descendants() - before) == 2
    outcomes.close()
    assert descendants() == before


@linux
def test_ctrl_c_stops_driver_and_workers(driver: tuple[subprocess.Popen[str], str]) -> None:
    process, mark = driver
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does: to the whole group
    assert process.wait(GUARD) in (-signal.SIGINT, 130)
    assert wait_until(lambda: not marked(mark))


@linux
def test_workers_die_with_a_killed_driver(driver: tuple[subprocess.Popen[str], str]) -> None:
    process, mark = driver
    process.kill()
    process.wait(GUARD)
    assert wait_until(lambda: not marked(mark))


def test_a_function_that_workers_cannot_load_is_named_once() -> None:
    with pytest.raises(EngineError, match="cannot start"):
        next(run(functools.partial(with_extra, Bomb()), itertools.count(), 2, 60))


@pytest.mark.parametrize(
    "wrong",
    [
        {"jobs": 0},
        {"jobs": -1},
        {"timeout": 0},
        {"timeout": -1.0},
        {"timeout": float("nan")},
        {"memory": 0},
        {"engine": "dask"},
    ],
)
def test_wrong_arguments_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        run(work, [], **{"jobs": 1, "timeout": 60, **wrong})


def test_a_function_that_cannot_be_pickled_is_refused_at_once() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError)):
        run(lambda item: item, [1], 1, 60)


def test_no_items_no_outcomes() -> None:
    assert list(run(work, [], 2, 60)) == []


def test_importing_loads_no_engine() -> None:
    code = "import sys, covidct_curate.engine; print({'pebble', 'ray'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout == "set()\n"


def test_a_missing_ray_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineError, match=r"pip install covidct\[ray\]"):
        run(work, [], 1, 60, engine="ray")


@linux
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_ray_keeps_the_contract() -> None:
    pytest.importorskip("ray")
    bad: list[Item] = [("crash", 0), ("hang", 0), ("raise", "no such page"), ("eat", 0), ("lambda", 0)]
    items = among_good(bad)
    outcomes = list(run(work, items, 2, 2, engine="ray", memory=2_000_000_000))
    reasons = {o.item[0]: o.error for o in outcomes if o.error is not None}
    assert reasons.pop("lambda", "").startswith("the result cannot be pickled: ")
    check(
        [item for item in items if item[0] != "lambda"],
        [o for o in outcomes if o.item[0] != "lambda"],
        {
            "crash": "the worker died",
            "hang": "no answer within 2 s",
            "raise": "raised ValueError: no such page",
            "eat": "needed more than 2.0 GB of memory",
        },
    )
