"""Fixtures shared by all tests: generated manuscripts, written once a session."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.manuscripts import LAYOUTS, Written


@pytest.fixture(scope="session")
def manuscript(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Written]:
    """``manuscript("clean")`` writes that layout on first use and returns its truth."""
    folder = tmp_path_factory.mktemp("manuscripts")
    done: dict[str, Written] = {}

    def write(name: str) -> Written:
        if name not in done:
            done[name] = LAYOUTS[name](folder / f"{name}.pdf", 0)
        return done[name]

    return write


@pytest.fixture(scope="session")
def papers() -> Path:
    """The folder of real papers; tests that need it are skipped without ``COVIDCT_DATA``."""
    data = os.environ.get("COVIDCT_DATA")
    if not data or not (Path(data) / "papers").is_dir():
        pytest.skip("COVIDCT_DATA does not name a folder with papers/")
    return Path(data) / "papers"
