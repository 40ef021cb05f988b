"""``evidence.jsonl``: for each picture of a contribution why its facts are believed, and who decided what when.

The words of a paper are quoted only for pictures that may be shared, and only as many as make the point; for the
others rule and source are told without the words. Ages over 89 are ``90+``; reviewers' notes stay in their workspace.
A picture that may not be shared has its facts here, without what quotes the paper, since ``metadata.jsonl`` has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast, get_args

from covidct_curate.datasets import cells
from covidct_curate.label.age import OLDEST, veiled
from covidct_curate.records import Evidence, Source
from covidct_curate.release.formats.rows import row, whole
from covidct_curate.release.item import Item
from covidct_curate.review.decisions import NOTE

EVIDENCE = "evidence.jsonl"
_LONGEST = 300
"""Characters of a quote."""
_QUOTES = ("caption", "subcaption", "radiology_report")
"""Facts that are the paper's own words."""
_SOURCES = frozenset(get_args(Source))


def line(item: Item, listed: Mapping[str, Any]) -> dict[str, object]:
    """The line of a picture; ``listed`` is what `listing.panels` says of it."""
    told: dict[str, object] = {
        "file_name": item.file_name,
        "in_release": item.shared,
        "evidence": {
            field: {
                "rule": whole(each["rule"]),
                "text": _quote(field, each["text"], item),
                "source": each["source"],
                "confidence": each["confidence"],
            }
            for field, each in sorted(listed["evidence"].items())
        },
        "decisions": [
            {
                "field": field,
                "value": _decided(field, each["value"], item),
                "reviewer": whole(each["reviewer"]),
                "at": each["at"],
            }
            for field, each in sorted(listed["decisions"].items())
            if field != NOTE
        ],
    }
    if not item.shared:
        told["told"] = row(item) | dict.fromkeys(_QUOTES, "") | {"extra": {}}
    return told


def _quote(field: str, text: str, item: Item) -> str:
    if not item.shared:
        return ""
    if field == "age" and (item.patient.age_min or 0) > OLDEST:
        return item.patient.age
    return whole(veiled(text)[:_LONGEST])


def _decided(field: str, value: str, item: Item) -> str:
    if not item.shared and field in _QUOTES:
        return ""
    age = cells.age(value) if field == "age" else None
    return whole(age.text if age else veiled(value))


def evidence_of(told: Any) -> dict[str, Evidence]:
    """The evidence of a line. Raises KeyError, TypeError or ValueError when it is none."""
    found = {}
    for field, each in told.items():
        texts = (field, each["rule"], each["text"])
        confidence = float(each["confidence"])
        if (
            not all(isinstance(text, str) for text in texts)
            or each["source"] not in _SOURCES
            or not math.isfinite(confidence)
        ):
            raise ValueError(f"{field!r} has no evidence that can be read")
        found[field] = Evidence(each["rule"], each["text"], cast(Source, each["source"]), confidence)
    return found
