"""The columns of ``MetaInfo.xlsx``, as the schemas in ``metadata/`` describe them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from covidct_curate import metadata

Kind = Literal["panels", "figures", "conflicts"]
"""The tables of the workbook: one row a picture, a figure, or a value that two reviewers decided differently."""

SCHEMAS: dict[Kind, str] = {
    "panels": "metainfo.schema.json",
    "figures": "figures.schema.json",
    "conflicts": "conflicts.schema.json",
}

_HEAD = """# Columns

<!-- Written from metadata/*.schema.json by covidct_curate/columns.py; change it there. -->

A reviewer may change the columns marked ✎; the others are read again from the catalogue, and a change in them is
reported, not applied.

## MetaInfo

One row a picture. The first eleven columns are those of COVID-CT's own sheet, under their names and in their
order; ours follow in small letters. A blank cell means that the paper does not say: nothing is guessed. Every fact
names the rule and the words it was read from in *evidence*; those of imported datasets name their sheet's column.
"Words about the panel" are its part of the caption, the rest of the caption, the sentences that cite the figure
and the description of the case, in this order.

`curate list panels --format jsonl` has the same facts under the keys of the third column.

"""

_OTHERS: dict[Kind, str] = {
    "figures": "\n## figures\n\nOne row a figure of which a panel is shown. Keys are those of `curate list figures`.\n\n",
    "conflicts": "\n## conflicts\n\nOne row a value that was decided without knowing of the one that stands.\n\n",
}

_TABLE = "| column | meaning | key | values | from |\n|---|---|---|---|---|\n"


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
    editable: bool
    """A reviewer may change it."""

    @property
    def field(self) -> str:
        """What decisions call it: ``age``, ``modality``, ``patient`` for its id."""
        return "patient" if self.key == "patient.id" else self.key.removeprefix("patient.")


@cache
def columns(kind: Kind = "panels") -> tuple[Column, ...]:
    """The columns of that table in their order."""
    text = (metadata.folder() / SCHEMAS[kind]).read_text(encoding="utf-8")
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
            editable=each.get("x-edit", False),
        )
        for name, each in properties.items()
    )


def columns_page() -> str:
    """The documentation page on the columns, ``docs/columns.md``."""
    page = _HEAD + _TABLE + "".join(_line(column) for column in columns())
    for kind, head in _OTHERS.items():
        page += head + _TABLE + "".join(_line(column) for column in columns(kind))
    return page


def _line(column: Column) -> str:
    if column.values:
        values = ", ".join(f"`{value}`" for value in column.values)
    else:
        kind = "number" if column.number else "text"
        values = f"{kind}, in {column.unit}" if column.unit else kind
        if column.examples:
            values += f", such as {', '.join(f'`{example}`' for example in column.examples)}"
    rules = f" (rules: {', '.join(f'`{rule}`' for rule in column.rules)})" if column.rules else ""
    mark = " ✎" if column.editable else ""
    return (
        f"| {column.name}{mark} | {column.meaning} | `{column.key}` | {values} | {column.origin}{rules} |\n"
    )


if __name__ == "__main__":
    print(columns_page(), end="")
