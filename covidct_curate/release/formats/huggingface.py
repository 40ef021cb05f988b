"""A dataset as Hugging Face's ``datasets`` loads it from a folder, and the same rows as Parquet."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from covidct_curate.audit.subject import Part
from covidct_curate.licences import known
from covidct_curate.release.card import card
from covidct_curate.release.formats.rows import (
    Value,
    accompany,
    by_part,
    mask_name,
    place,
    row,
    whole,
    write_lines,
    write_text,
)
from covidct_curate.release.item import About, Item

SPLITS: Mapping[Part, str] = {"train": "train", "val": "validation", "test": "test"}
"""What Hugging Face calls the parts."""
_TYPED = dict.fromkeys(("age_min", "age_max", "time_days"), "float64") | dict.fromkeys(
    ("version", "page", "xref"), "int64"
)
"""Columns of numbers that may be unknown, and what they are in Parquet."""
_PLAIN = {"label": "int64", "width": "int64", "height": "int64", "decided": "bool"}
_LISTS = {"box": "int64", "reviewers": "string"}
_THIS_FORM = """
## This form

Here the pictures lie as Hugging Face's `datasets` loads them, with what is told of them beside them; `parquet/`, where
it is there, holds the same. Other files that the card names are in the release that this was made from.
"""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write(items: Sequence[Item], folder: Path, about: About, release: Path) -> None:
    """Write pictures, a ``metadata.jsonl`` for each split and the card; Parquet where pyarrow is installed.

    Every row has the same columns of the same types, which the card names: ``label`` is 1 for the disease. Parquet has
    numbers and lists where the lines have texts. Splits without pictures are left out. Raises OSError when a file
    cannot be written.
    """
    accompany(folder, release, about)
    parts = {part: members for part, members in by_part(items).items() if members}
    for part, members in parts.items():
        home = folder / SPLITS[part]
        home.mkdir()
        for item in members:
            place(release / item.file_name, home / item.file_name)
            if mask := mask_name(item):
                place(release / mask, folder / mask)
        write_lines((_told(item) for item in members), home / "metadata.jsonl")
    write_text(_front(parts, about) + card(items, about) + _THIS_FORM, folder / "README.md")
    _write_parquet(parts, folder / "parquet", about, release)


def _told(item: Item) -> dict[str, Value]:
    """A row whose columns have the same types in every split, whatever is known of its pictures.

    The loader guesses types from values: a column without any value, an empty list and a text that is a date would
    each become something else than in another split. So what may be unknown, and lists, are texts here, and a text
    that is a date begins with "on".
    """
    told = row(item)
    box, reviewers = item.origin.box or (), item.reviewers
    return {
        **{
            key: _text(value) if key in _TYPED or isinstance(value, str) else value
            for key, value in told.items()
        },
        "box": ",".join(map(str, box)),
        "reviewers": whole("; ".join(reviewers)),
        "extra": json.dumps(told["extra"]),
    }


def _text(value: Value) -> str:
    text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return f"on {text}" if _DATE.match(text) else text


COLUMNS = (
    "split", "finding", "label", "modality", "region", "patient_id", "age", "age_min", "age_max", "gender", "location",
    "medical_history", "time", "time_days", "severity", "radiology_report", "other_diseases", "rt_pcr", "outcome",
    "icu", "ventilation", "caption", "subcaption", "dataset", "source", "doi", "version", "title", "server", "licence",
    "url", "page", "xref", "figure_label", "panel", "box", "pixels", "width", "height", "mask", "decided", "reviewers",
    "decided_at", "shared_because", "uid", "figure_uid", "extra",
)  # fmt: skip
"""Columns of a row without ``file_name``, which becomes the picture."""


def _front(parts: Mapping[Part, Sequence[Item]], about: About) -> str:
    """The card's head in YAML. Strings are written as JSON, which YAML reads alike."""
    shared = [item for members in parts.values() for item in members]
    keys = {licence.key if (licence := known(item.origin.licence)) else "" for item in shared}
    count = len(shared)
    size = next((name for most, name in _SIZES if count < most), "n>1M")
    lines = [
        "---",
        f"pretty_name: {json.dumps(about.name)}",
        f"license: {_licence(keys)}",
        "task_categories:",
        "- image-classification",
        "tags:",
        "- medical",
        "size_categories:",
        f"- {size}",
    ]
    if parts:
        lines += ["configs:", "- config_name: default", "  drop_labels: true", "  data_files:"]
        for part in parts:
            lines += [f"  - split: {SPLITS[part]}", f"    path: {SPLITS[part]}/**"]
    lines += ["dataset_info:", "  features:", "  - name: image", "    dtype: image"]
    for name in COLUMNS:
        lines += [f"  - name: {name}", f"    dtype: {_PLAIN.get(name, 'string')}"]
    return "\n".join([*lines, "---", "", ""])


def _licence(keys: set[str]) -> str:
    """One licence by Hugging Face's name for it, ``other`` where there are several or unknown ones."""
    key = keys.pop() if len(keys) == 1 else ""
    if key == "cc0":
        return "cc0-1.0"
    return f"{key.replace('_', '-')}-4.0" if key.startswith("cc_by") else "other"


def _write_parquet(parts: Mapping[Part, Sequence[Item]], folder: Path, about: About, release: Path) -> None:
    """``train.parquet`` and so on, the pictures' bytes within. Without pyarrow nothing is written."""
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        return
    plain = {
        "string": arrow.string(),
        "int64": arrow.int64(),
        "float64": arrow.float64(),
        "bool": arrow.bool_(),
    }
    fields: list[tuple[str, Any]] = [
        ("image", arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())]))
    ]
    features: dict[str, dict[str, Any]] = {"image": {"_type": "Image"}}
    for name in COLUMNS:
        kind = _LISTS.get(name) or (_TYPED | _PLAIN).get(name, "string")
        fields.append((name, arrow.list_(plain[kind]) if name in _LISTS else plain[kind]))
        value = {"dtype": kind, "_type": "Value"}
        features[name] = {"feature": value, "_type": "List"} if name in _LISTS else value
    features["label"] = {"names": [about.negative, about.positive], "_type": "ClassLabel"}
    schema = arrow.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})
    folder.mkdir()
    for part, members in parts.items():
        with parquet.ParquetWriter(folder / f"{SPLITS[part]}.parquet", schema) as writer:
            for start in range(0, len(members), 100):
                rows = [_stored(item, release) for item in members[start : start + 100]]
                writer.write_table(arrow.Table.from_pylist(rows, schema=schema))


def _stored(item: Item, release: Path) -> dict[str, Any]:
    told = row(item)
    picture = {"bytes": (release / item.file_name).read_bytes(), "path": item.file_name}
    return told | {"image": picture, "extra": json.dumps(told["extra"])}
