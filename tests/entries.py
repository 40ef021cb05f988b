"""Pictures of a dataset, as an audit takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from covidct_curate.audit.subject import Entry

_PLAIN: dict[str, Any] = {
    **dict.fromkeys(Entry.__dataclass_fields__, ""),
    "finding": "covid",
    "positive": True,
    "modality": "ct",
    "age_min": None,
    "age_max": None,
    "licence": None,
}


def entry(name: str, **told: Any) -> Entry:
    """The picture of that name, of class covid, of which nothing else is known but what is ``told``."""
    return Entry(**{**_PLAIN, "name": name, "path": Path(name), **told})
