"""What a curator may edit without touching code: the files of ``metadata/``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def folder() -> Path:
    """The folder of these files: part of the package in a wheel, beside it in a checkout."""
    packaged = _HERE / "_metadata"
    return packaged if packaged.is_dir() else _HERE.parent / "metadata"


def load(name: str) -> dict[str, Any]:
    """Content of the TOML file ``name``. Raises FileNotFoundError when there is no such file."""
    return tomllib.loads((folder() / name).read_text(encoding="utf-8"))
