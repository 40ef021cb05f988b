"""A workspace folder: what lies where, one run at a time, and pictures put in place so that a kill loses none.

::

    catalog.db                  the catalogue, the one truth
    papers/ab/ab12cd34ef56/     the pictures of the PDF whose SHA-256 starts so
    MetaInfo.xlsx               a view of the catalogue
    import-covid-ct.txt         what is odd in a dataset that was imported
    tmp/                        what is being written now; emptied at the start and end of a run
    lock                        held while a run writes
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from covidct_curate.errors import WorkspaceError
from covidct_curate.locks import NotHeld, held

_HEX = re.compile(r"[0-9a-f]+")
_OLD = ".old"


class Workspace:
    """The paths of one workspace folder and the moves of files in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.catalog = root / "catalog.db"
        self.sheet = root / "MetaInfo.xlsx"
        self.tmp = root / "tmp"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder where needed and keep other runs out of it.

        The lock goes with the process, also when that is killed. Raises `WorkspaceError` when the folder
        cannot be written or another run holds it.
        """
        try:
            self.tmp.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(f"{self.root}: cannot write to this workspace: {_reason(error)}") from error
        try:
            with held(self.root / "lock"):
                yield
        except NotHeld as error:
            if error.taken:
                raise WorkspaceError(
                    f"{self.root}: another run is writing to this workspace; wait for it or name another"
                ) from error
            raise WorkspaceError(f"{self.root}: cannot write to this workspace: {error}") from error

    def folder(self, sha256: str) -> str:
        """Where the pictures of that file lie, relative to the workspace, with forward slashes."""
        return f"papers/{sha256[:2]}/{sha256[:12]}"

    def staging(self, sha256: str) -> Path:
        """A new temporary folder's path for the pictures of that file; its name comes once."""
        return self.tmp / f"{sha256[:12]}-{secrets.token_hex(6)}"

    def place(self, staging: Path, folder: str, names: Mapping[str, str], retired: Mapping[str, str]) -> None:
        """Move a temporary folder to where its pictures belong, in place of what lies there.

        ``names`` are the pictures it must hold, name written under → name to have: others are removed.
        ``retired`` names files of the replaced folder to keep, former name → new name. Raises
        `WorkspaceError` when a picture is missing and OSError when the disk refuses. Call `settle`
        afterwards, whatever happens.
        """
        for path in staging.iterdir():
            if path.name not in names:
                _remove(path)
        missing = sorted(name for name in names if not (staging / name).is_file())
        if missing:
            raise WorkspaceError(f"the extraction did not write {', '.join(missing)}")
        moved = [(f"{number}.part", *pair) for number, pair in enumerate(names.items()) if pair[0] != pair[1]]
        for between, written, _ in moved:
            (staging / written).rename(staging / between)
        for between, _, name in moved:
            (staging / between).rename(staging / name)
        home, old = self.root / folder, self._old(staging.name)
        for former, latter in retired.items():
            (staging / latter).parent.mkdir(exist_ok=True)
            shutil.copyfile(home / former, staging / latter)
        home.parent.mkdir(parents=True, exist_ok=True)
        if home.exists():
            home.rename(old)
        staging.rename(home)

    @contextmanager
    def settled(self, token: str, committed: Callable[[], Mapping[str, str]]) -> Iterator[None]:
        """A block in which pictures are placed: `settle` at its end, also after an interrupt.

        ``committed`` asks the catalogue, which knows whether the paper was taken down.
        """
        try:
            yield
        finally:
            self.settle(token, committed())

    def settle(self, token: str, committed: Mapping[str, str]) -> None:
        """Finish a `place` of the temporary folder named ``token``, or take it back.

        ``committed`` says of which temporary folder each picture folder is, as the catalogue has it.
        """
        folder = self.folder(token.partition("-")[0])
        home, old = self.root / folder, self._old(token)
        if committed.get(folder) != token:
            if old.exists():
                _remove(home)
                old.rename(home)
            elif folder not in committed:
                _remove(home)
        _remove(old)
        _remove(self.tmp / token)

    def recover(self, committed: Mapping[str, str]) -> None:
        """Bring the folder to what the catalogue says after a run that was killed."""
        for old in sorted(self.tmp.glob(f"*{_OLD}")):
            self.settle(old.name.removesuffix(_OLD), committed)
        for home in sorted(self.root.glob("papers/??/????????????")):
            folder = self.folder(home.name)
            if _HEX.fullmatch(home.name) and home == self.root / folder and folder not in committed:
                _remove(home)
        self.clear()

    def clear(self) -> None:
        """Empty the temporary folder."""
        for path in self.tmp.iterdir():
            _remove(path)

    def _old(self, token: str) -> Path:
        return self.tmp / f"{token}{_OLD}"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
