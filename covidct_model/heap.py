"""Memory that a process keeps: giving it back after every layer costs a CPU a third of its time."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of mallopt(3), glibc."""


def keep_freed() -> bool:
    """Let this process keep what it frees, for the next layer, rather than hand it back and have it zeroed anew.

    True where that can be said: with glibc on Linux. It uses no more memory at its highest.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        said = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(said(_MMAP_MAX, 0)) and bool(said(_TRIM_THRESHOLD, 2**31 - 1))
