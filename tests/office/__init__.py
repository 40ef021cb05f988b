"""LibreOffice at work on a file: opened, changed by its own commands, saved.

with office(profile) as libreoffice:
    libreoffice.edit(path, out, ("GoToCell", {"ToPoint": "C3"}), ("EnterString", {"StringName": "45"}))
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

PYTHON = Path("/usr/bin/python3")
"""The Python that has LibreOffice's module ``uno``."""
_LONGEST = 180
"""Seconds that LibreOffice may take for a file, its start with the first one; a hang guard."""

Step = tuple[str, dict[str, Any]]
"""A command of LibreOffice and its arguments, see ``edit.py``."""
As = tuple[str, str]
"""A kind of file: LibreOffice's name of the filter, and the filter's options."""


def missing() -> str:
    """What is needed and not installed; blank where all is there."""
    if shutil.which("soffice") is None:
        return "LibreOffice (Debian: libreoffice-calc)"
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", "import uno"], capture_output=True).returncode == 0:
        return ""
    return f"uno for {PYTHON} (Debian: python3-uno)"


@dataclass(frozen=True, slots=True)
class Office:
    """A LibreOffice that waits for work."""

    process: subprocess.Popen[str]

    def edit(
        self, path: Path, out: Path, *steps: Step, open_as: As | None = None, save_as: As | None = None
    ) -> Path:
        """Open ``path``, do the steps, save to ``out``, as .xlsx unless ``save_as`` says otherwise; give ``out``."""
        told = {"open": str(path.resolve()), "save": str(out.resolve())}
        job = json.dumps({**told, "steps": steps, "open_as": open_as, "save_as": save_as})
        assert self.process.stdin is not None and self.process.stdout is not None
        guard = Timer(_LONGEST, _kill, [self.process])
        guard.start()
        try:
            self.process.stdin.write(f"{job}\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        finally:
            guard.cancel()
        assert answer and json.loads(answer)["error"] is None, answer or "LibreOffice ended, or hung"
        return out


@contextmanager
def office(profile: Path) -> Iterator[Office]:
    """Start LibreOffice with its settings in the folder ``profile``, and end it."""
    process = subprocess.Popen(
        [PYTHON, Path(__file__).with_name("edit.py"), profile],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        start_new_session=True,
    )
    guard = Timer(_LONGEST, _kill, [process])
    with process:
        try:
            yield Office(process)
        finally:
            guard.start()
            process.communicate()
            guard.cancel()
            _kill(process)


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill it and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
