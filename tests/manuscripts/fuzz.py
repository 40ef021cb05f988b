"""Mutants of PDF files, for finding inputs that crash or hang."""

from __future__ import annotations

import re

import numpy as np

OBJECT = re.compile(rb"\d+ 0 obj\b.*?\bendobj", re.DOTALL)


def _flip(data: bytearray, rng: np.random.Generator) -> None:
    for at in rng.integers(0, len(data), int(rng.integers(1, 40))):
        data[at] = int(rng.integers(256))


def _digits(data: bytearray, rng: np.random.Generator) -> None:
    """Change a few digits: lengths, offsets, references, sizes."""
    at = np.flatnonzero((np.frombuffer(bytes(data), np.uint8) - 48) < 10)
    for k in rng.choice(at, min(len(at), int(rng.integers(1, 12)))) if len(at) else ():
        data[k] = 48 + int(rng.integers(10))


def _truncate(data: bytearray, rng: np.random.Generator) -> None:
    del data[int(rng.integers(len(data))) :]


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(data)))
    del data[start : start + int(rng.integers(1, 4000))]


def _splice(data: bytearray, rng: np.random.Generator) -> None:
    """Copy a chunk of the file over another place, or between."""
    start, at = (int(v) for v in rng.integers(0, len(data), 2))
    chunk = data[start : start + int(rng.integers(1, 4000))]
    data[at : at + len(chunk) * int(rng.integers(2))] = chunk


def _objects(data: bytearray, rng: np.random.Generator) -> None:
    """Write the body of one object over another's, or append a copy of one under another's number."""
    found = list(OBJECT.finditer(bytes(data)))
    if len(found) < 2:
        return
    one, other = (found[int(k)] for k in rng.choice(len(found), 2, replace=False))
    body = one.group().split(b"obj", 1)[1]
    copy = other.group().split(b"obj", 1)[0] + b"obj" + body
    if rng.integers(2):
        data[other.start() : other.end()] = copy
    else:
        data[one.start() : one.start()] = copy + b"\n"


MUTATIONS = (_flip, _digits, _truncate, _cut, _splice, _objects)


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """A damaged copy of a file: one to three random mutations; equal for an equal state of `rng`."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        if out:
            MUTATIONS[int(rng.integers(len(MUTATIONS)))](out, rng)
    return bytes(out)
