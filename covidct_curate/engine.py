"""Run a function over many items in worker processes, so that a bad item costs only itself.

MuPDF crashes, hangs and swallows memory on some files. Each item therefore runs in a process of its own
that may be killed at any moment, and every item ends in one Outcome: its value, or why there is none.
Two engines keep the same contract: local processes (default) and Ray.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from covidct_curate.errors import EngineError

T = TypeVar("T")
R = TypeVar("R")

MEMORY = 4_000_000_000
"""Bytes one worker may hold unless the caller says otherwise."""
MAX_TASKS = 50
"""Items a worker serves before a fresh one takes its place: leaks and fragments go with it."""
_TRIES = 3
_WORDS = 500
_NO_START = (
    "worker processes cannot start here: the messages above say why; a script that calls run() must do so "
    "under if __name__ == '__main__':"
)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T, R]):
    """What became of one item: ``error`` is None where ``value`` is the function's answer."""

    item: T
    value: R | None
    error: str | None
    """One line in plain words, such as ``raised ValueError: …``, ``the worker died (signal 11)``,
    ``no answer within 60 s``, ``needed more than 4.0 GB of memory``."""
    seconds: float
    """Time in the function; where the worker never answered, time since the item was handed to it."""


class _Answer(NamedTuple):
    packed: bytes | None
    error: str | None
    seconds: float
    worn: bool


def run(
    fn: Callable[[T], R],
    items: Iterable[T],
    jobs: int,
    timeout: float,
    *,
    engine: str = "local",
    memory: int | None = None,
) -> Generator[Outcome[T, R], None, None]:
    """Yield one Outcome per item, in the order in which they are done.

    ``fn`` must be picklable (a module's function, or a functools.partial of one). ``jobs`` workers hold
    one item each; the next item is drawn from ``items`` only when a worker is free. ``timeout`` is in
    seconds from the moment the worker begins the item. ``memory`` is the number of bytes a worker may
    hold, default ``MEMORY``; it is enforced on Linux, elsewhere it is only asked for. An item whose
    worker broke before beginning it is sent again, so ``fn`` should be safe to repeat.

    Closing the generator, or Ctrl-C while it waits, kills the workers at once. A caller whose own loop
    may be interrupted should hold it in ``contextlib.closing``.

    Raises ValueError for ``jobs`` below 1, ``timeout`` or ``memory`` not above 0, or an unknown engine;
    EngineError where the engine is not installed or its workers cannot start; and what pickle raises for
    an ``fn`` that cannot be pickled.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be 1 or more, not {jobs}")
    if not timeout > 0:
        raise ValueError(f"timeout must be above 0 seconds, not {timeout}")
    memory = MEMORY if memory is None else memory
    if memory <= 0:
        raise ValueError(f"memory must be above 0 bytes, not {memory}")
    if engine not in ("local", "ray"):
        raise ValueError(f"engine must be 'local' or 'ray', not {engine!r}")
    packed_fn = pickle.dumps(fn)
    if engine == "local":
        return _local(fn, packed_fn, items, jobs, timeout, memory)
    try:
        import ray
    except ImportError as error:
        raise EngineError("the Ray engine needs Ray: pip install covidct[ray]") from error
    return _ray(ray, packed_fn, items, jobs, timeout, memory)


# --- in the worker ------------------------------------------------------------------------------------

_fn: Callable[[Any], Any]


@functools.lru_cache(maxsize=1)
def _load(packed_fn: bytes) -> None:
    global _fn
    _fn = pickle.loads(packed_fn)


def _prepare(packed_fn: bytes, memory: int) -> None:
    """Make this worker killable, mortal and bounded, and load the function before any clock runs.

    pebble has set it to ignore SIGINT: a Ctrl-C at the terminal reaches the whole process group, and
    stopping the workers is the driver's business.
    """
    # pebble's own handler for SIGTERM is Python code, which a worker hanging in C would never reach.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _follow_driver()
    _bound(memory)
    _load(packed_fn)


def _follow_driver() -> None:
    """End this process when the driver is gone, even by SIGKILL.

    On Linux the kernel does it: the driver's end of a pipe closes and SIGIO ends this process, also where C
    code keeps the interpreter's lock and no thread of ours would run. PR_SET_PDEATHSIG would not do: the
    parent is the fork server, which lives as long as any worker.
    """
    driver = multiprocessing.parent_process()
    if driver is None:
        return
    if sys.platform == "linux":
        import fcntl

        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(driver.sentinel, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(driver.sentinel, fcntl.F_GETFL)
        fcntl.fcntl(driver.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)

    def watch() -> None:
        driver.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _bound(memory: int) -> None:
    """Cap what this process may hold, and leave no core dumps behind.

    RLIMIT_DATA rather than RLIMIT_AS: it counts what can be written to, not mapped files and the address
    space that libraries merely reserve.
    """
    try:
        import resource
    except ImportError:
        return
    for kind, soft in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))


def _worn(memory: int) -> bool:
    """Whether this process keeps so much memory that the next, innocent item could run into the cap."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
    except OSError:
        return False
    return pages * os.sysconf("SC_PAGE_SIZE") > memory / 2


def _answer(packed: bytes, memory: int) -> _Answer:
    """Take one item from its bytes to the bytes of its value.

    Items and values cross the pipe as bytes, so that one that cannot be pickled or unpickled is an error
    of that item here and not of the pipe.
    """
    begun = time.perf_counter()
    value, step = None, "the item cannot be unpickled:"
    try:
        item = pickle.loads(packed)
        step = "raised"
        result = _fn(item)
        step = "the result cannot be pickled:"
        value, error = pickle.dumps(result, pickle.HIGHEST_PROTOCOL), None
    except MemoryError:
        error = f"needed more than {memory / 1e9:.1f} GB of memory"
    except BaseException as raised:
        error = f"{step} {_words(raised)}"
    return _Answer(value, error, time.perf_counter() - begun, _worn(memory))


def _words(error: BaseException) -> str:
    """Type and message in one printable line: messages may quote hostile files."""
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = ""
    message = "".join(c if c.isprintable() else "�" for c in message[:_WORDS])
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


# --- in the driver ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Job(Generic[T]):
    item: T
    packed: bytes
    begun: float
    tries: int = 1

    def outcome(self, error: str) -> Outcome[T, Any]:
        return Outcome(self.item, None, error, time.perf_counter() - self.begun)


def _pack(item: T) -> _Job[T] | Outcome[T, Any]:
    begun = time.perf_counter()
    try:
        return _Job(item, pickle.dumps(item, pickle.HIGHEST_PROTOCOL), begun)
    except Exception as error:
        return Outcome(item, None, f"the item cannot be pickled: {_words(error)}", 0.0)


def _unpack(job: _Job[T], answer: _Answer) -> Outcome[T, Any]:
    value, error = None, answer.error
    if answer.packed is not None:
        try:
            value = pickle.loads(answer.packed)
        except Exception as raised:
            error = f"the result cannot be unpickled: {_words(raised)}"
    return Outcome(job.item, value, error, answer.seconds)


def _death(code: int | None) -> str:
    if code is None:
        return "the worker died"
    return f"the worker died ({f'signal {-code}' if code < 0 else f'exit code {code}'})"


def _local(
    fn: Callable[[T], R], packed_fn: bytes, items: Iterable[T], jobs: int, timeout: float, memory: int
) -> Generator[Outcome[T, R], None, None]:
    """Run on this machine: one pebble pool of one worker for each job, one item in each.

    One pool of many workers shares a pipe and its locks. With a busy driver we saw it lose and blame
    innocent items when a worker died before its neighbours' messages were read ("All workers expired").
    A pool with a single item in flight has nobody else to blame, and after a death its pipe is thrown
    away with it.

    Workers are forked from a clean server that has imported fn's module once: 8 ms a worker, where spawn
    takes 0.3 s for PyMuPDF and OpenCV, which recycling and every crash would pay again. Plain fork would
    copy this process with its threads, locks and open catalogue. Only Windows is left with spawn.
    """
    from concurrent.futures.process import BrokenProcessPool

    from pebble import ProcessExpired, ProcessPool

    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    bare = fn.func if isinstance(fn, functools.partial) else fn
    context.set_forkserver_preload(["pebble", __name__, getattr(bare, "__module__", __name__)])
    new_pool = functools.partial(
        ProcessPool,
        max_workers=1,
        max_tasks=MAX_TASKS,
        initializer=_prepare,
        initargs=(packed_fn, memory),
        context=context,
    )
    pools: list[Any] = []
    idle: list[Any] = []
    busy: dict[Any, tuple[Any, _Job[T]]] = {}
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def retire(pool: Any) -> None:
        pool.stop()
        pool.join()
        pools.remove(pool)

    def begin(job: _Job[T]) -> None:
        while idle and not idle[-1].active:
            retire(idle.pop())
        if not idle:
            pools.append(new_pool())
            idle.append(pools[-1])
        pool = idle.pop()
        job.begun = time.perf_counter()
        try:
            future = pool.schedule(_answer, args=(job.packed, memory), timeout=timeout)
        except BrokenProcessPool as error:
            raise EngineError(_NO_START) from error
        busy[future] = pool, job
        future.add_done_callback(done.put)

    pending = iter(items)
    answered, drawn_all = False, False
    outcome: Outcome[T, R] | None = None
    try:
        while True:
            # Fill the workers before handing out an outcome: they work while the caller writes it down.
            while len(busy) < jobs and not drawn_all:
                try:
                    job = _pack(next(pending))
                except StopIteration:
                    drawn_all = True
                    break
                if isinstance(job, Outcome):
                    yield job
                else:
                    begin(job)
            if outcome is not None:
                yield outcome
            if not busy:
                return
            future = done.get()
            pool, job = busy.pop(future)
            error = future.exception()
            if error is None:
                answer = future.result()
                outcome = _unpack(job, answer)
                healthy = not answer.worn
            elif isinstance(error, TimeoutError):
                outcome = job.outcome(f"no answer within {timeout:g} s")
                healthy = True
            elif isinstance(error, BrokenProcessPool) and job.tries < _TRIES:
                # The worker ended before it was seen to begin this item: who did it, only a fresh one tells.
                retire(pool)
                job.tries += 1
                begin(job)
                outcome = None
                continue
            elif isinstance(error, BrokenProcessPool) and not answered:
                raise EngineError(_NO_START)
            else:
                code = error.exitcode if isinstance(error, ProcessExpired) else None
                outcome = job.outcome(_death(code))
                healthy = False
            answered = True
            if healthy:
                idle.append(pool)
            else:
                retire(pool)
    finally:
        for pool in pools:
            pool.stop()
        for pool in pools:
            pool.join()


def _answer_on_ray(packed_fn: bytes, packed: bytes, memory: int) -> Generator[_Answer | None, None, None]:
    """Say with a None that the item's clock runs now, then answer."""
    _bound(memory)
    _load(packed_fn)
    yield None
    yield _answer(packed, memory)


def _ray(
    ray: Any, packed_fn: bytes, items: Iterable[T], jobs: int, timeout: float, memory: int
) -> Generator[Outcome[T, Any], None, None]:
    """Run on Ray: the cluster that is connected or named by RAY_ADDRESS, else one started for this run."""
    own = not ray.is_initialized()
    if own:
        size = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": jobs, "include_dashboard": False}
        ray.init(log_to_driver=False, logging_level="ERROR", **size)
    task = ray.remote(num_cpus=1, max_retries=0, max_calls=MAX_TASKS, num_returns="streaming")(_answer_on_ray)
    pending = iter(items)
    drawn_all = False
    busy: dict[Any, _Job[T]] = {}
    deadlines: dict[Any, float] = {}
    outcome: Outcome[T, Any] | None
    try:
        shared_fn = ray.put(packed_fn)
        while True:
            while len(busy) < jobs and not drawn_all:
                try:
                    job = _pack(next(pending))
                except StopIteration:
                    drawn_all = True
                    break
                if isinstance(job, Outcome):
                    yield job
                else:
                    busy[task.remote(shared_fn, job.packed, memory)] = job
            if not busy:
                return
            ready, _ = ray.wait(list(busy), num_returns=1, timeout=0.1)
            for stream in ready:
                job = busy[stream]
                try:
                    answer = ray.get(next(stream))
                    if answer is None:
                        job.begun = time.perf_counter()
                        deadlines[stream] = job.begun + timeout
                        continue
                    outcome = _unpack(job, answer)
                except ray.exceptions.RayTaskError as error:
                    raise EngineError(f"the function cannot be loaded in a Ray worker: {error}") from error
                except ray.exceptions.RayError:
                    outcome = job.outcome(_death(None))
                del busy[stream]
                deadlines.pop(stream, None)
                yield outcome
            for stream in [s for s, deadline in deadlines.items() if deadline < time.perf_counter()]:
                ray.cancel(stream, force=True)
                del deadlines[stream]
                yield busy.pop(stream).outcome(f"no answer within {timeout:g} s")
    finally:
        for stream in busy:
            ray.cancel(stream, force=True)
        if own:
            ray.shutdown()
