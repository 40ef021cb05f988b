"""Whom a server's operators can write to: asked for once, kept for this user."""

from __future__ import annotations

import os
import re
from pathlib import Path

from covidct_curate.errors import ChoiceError

_CONTACT = re.compile(r"[!-~]+@[!-~]+\.[!-~]+|https?://[!-~]+")


def checked(contact: str) -> str:
    """The address as it goes into requests. Raises `ChoiceError` for what is neither mail nor web address."""
    contact = contact.strip()
    if not _CONTACT.fullmatch(contact) or len(contact) > 200:
        raise ChoiceError(
            f"--contact {contact[:80]!r}: give a mail address, or a web page that says how to reach you"
        )
    return contact


def kept() -> str:
    """The address that was given before, ``""`` where there is none."""
    try:
        return checked(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, ChoiceError):
        return ""


def keep(contact: str) -> None:
    """Keep it for later; where that cannot be, it is asked for again."""
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        _file().write_text(f"{contact}\n", encoding="utf-8")
    except OSError:
        return


def _file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if home else Path.home() / ".config") / "covidct" / "contact"
