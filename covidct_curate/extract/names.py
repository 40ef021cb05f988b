"""Names for files that every file system takes."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 80
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.I)


def safe_name(text: str) -> str:
    """``text`` in letters, digits, ``.``, ``_`` and ``-``, at most 80 of them, never empty.

    The ``%`` that parts a panel's number from its figure's name is kept out, and so are leading dots and
    dashes and the names Windows keeps for devices.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).lstrip(".-_").rstrip("._")[:_LONGEST]
    return f"_{plain}" if _RESERVED.match(plain) else plain or "paper"
