"""What a line of ``metadata.jsonl`` must hold before anything is made of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from covidct_curate.audit.subject import PARTS


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31


def _number(value: Any) -> bool:
    return value is None or (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    )


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _named(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


_TEXTS = (
    "file_name", "finding", "modality", "region", "patient_id", "age", "gender", "location", "medical_history", "time",
    "severity", "radiology_report", "other_diseases", "rt_pcr", "outcome", "icu", "ventilation", "caption", "subcaption",
    "dataset", "source", "doi", "title", "server", "licence", "url", "figure_label", "panel", "pixels", "mask",
    "decided_at", "shared_because", "uid", "figure_uid",
)  # fmt: skip
_KINDS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(("age_min", "age_max", "time_days"), _number),
    **dict.fromkeys(("version", "page", "xref"), lambda value: value is None or _whole(value)),
    **dict.fromkeys(("width", "height"), lambda value: _whole(value) and value > 0),
    "split": lambda value: value in PARTS,
    "label": lambda value: _whole(value) and value in (0, 1),
    "box": lambda value: isinstance(value, list) and len(value) in (0, 4) and all(map(_whole, value)),
    "decided": lambda value: isinstance(value, bool),
    "reviewers": _texts,
    "extra": _named,
}


def fault(told: Mapping[str, Any]) -> str:
    """What is wrong with a line, as `release.formats.rows.row` writes it; ``""`` when nothing is."""
    for name, good in _KINDS.items():
        if name not in told:
            return f"no {name}"
        if not good(told[name]):
            return f"{name} is {told[name]!r:.60}"
    return ""


def only_known(told: Mapping[str, Any]) -> dict[str, Any]:
    """The line without what no release tells."""
    return {name: told[name] for name in told if name in _KINDS}
