"""The columns of ``MetaInfo.xlsx``, as ``metadata/metainfo.schema.json`` describes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from covidct_curate import metadata

_HEAD = """# Columns

<!-- Written from metadata/metainfo.schema.json by covidct_curate/columns.py; change it there. -->

`MetaInfo.xlsx` has one row a picture. The first eleven columns are those of COVID-CT's own sheet, under their
names and in their order. A blank cell means that the paper does not say: nothing is guessed. Every fact names
the rule and the words it was read from in *Evidence*; those of imported datasets name their sheet's column.
"Words about the panel" are its part of the caption, the rest of the caption, the sentences that cite the figure
and the description of the case, in this order.

`curate list panels --format jsonl` has the same facts under the keys of the third column.

| column | meaning | key | values | from |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the sheet."""

    name: str
    meaning: str
    key: str
    """Where `curate list panels` has it: ``patient.age_min``."""
    number: bool
    """A number, or blank; else text."""
    unit: str
    """``years``, ``days`` or ``""``."""
    values: tuple[str, ...]
    """The only ones allowed, blank aside; empty where any is."""
    examples: tuple[str, ...]
    origin: str
    rules: tuple[str, ...]
    """Kinds of rules that give it."""


def columns() -> tuple[Column, ...]:
    """The sheet's columns in their order."""
    text = (metadata.folder() / "metainfo.schema.json").read_text(encoding="utf-8")
    properties: dict[str, dict[str, Any]] = json.loads(text)["properties"]
    return tuple(
        Column(
            name=name,
            meaning=each["description"],
            key=each["x-field"],
            number=each["type"] != "string",
            unit=each.get("x-unit", ""),
            values=tuple(value for value in each.get("enum", ()) if value),
            examples=tuple(each.get("examples", ())),
            origin=each["x-from"],
            rules=tuple(each.get("x-rules", ())),
        )
        for name, each in properties.items()
    )


def columns_page() -> str:
    """The documentation page on the columns, ``docs/columns.md``."""
    return _HEAD + "".join(_line(column) for column in columns())


def _line(column: Column) -> str:
    if column.values:
        values = ", ".join(f"`{value}`" for value in column.values)
    else:
        kind = "number" if column.number else "text"
        values = f"{kind}, in {column.unit}" if column.unit else kind
        if column.examples:
            values += f", such as {', '.join(f'`{example}`' for example in column.examples)}"
    rules = f" (rules: {', '.join(f'`{rule}`' for rule in column.rules)})" if column.rules else ""
    return f"| {column.name} | {column.meaning} | `{column.key}` | {values} | {column.origin}{rules} |\n"


if __name__ == "__main__":
    print(columns_page(), end="")
