"""A lock file: held by one process, and gone with it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NotHeld(Exception):
    """The lock cannot be had: the reason in words."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.taken = error.errno in (errno.EACCES, errno.EAGAIN)
        """Whether another process holds it."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep others out while the block runs; also when that is killed. Raises `NotHeld`."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise NotHeld(error) from error
    try:
        try:
            # A record lock, unlike flock, is not inherited by workers that outlive a killed run.
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise NotHeld(error) from error
        yield
    finally:
        os.close(descriptor)
