"""The sheet's columns are described in one place, and the documentation says what stands there."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from covidct_curate import metadata
from covidct_curate.columns import Column, columns, columns_page
from covidct_curate.label.kinds import KINDS, MODALITIES
from covidct_curate.records import Facts, Patient

ROOT = Path(__file__).parents[1]


def test_the_page_is_the_schemas() -> None:
    page = (ROOT / "docs" / "columns.md").read_text(encoding="utf-8")
    assert page == columns_page(), "write it again: python -m covidct_curate.columns > docs/columns.md"


def test_the_eleven_columns_of_covid_ct_come_first() -> None:
    assert [column.name for column in columns()[:11]] == [
        *("File name", "Patient ID", "Age", "Gender", "Location", "Medical history", "Time", "Severity"),
        *("Other diseases", "DOI", "Captions"),
    ]


def test_every_fact_has_exactly_one_column() -> None:
    keys = [column.key for column in columns() if column.name != "confidence"]
    assert len(keys) == len(set(keys))
    facts = {field.name for field in fields(Facts)} - {"patient", "extra"}
    assert facts | {f"patient.{field.name}" for field in fields(Patient)} <= set(keys)


def test_numbers_are_those_of_the_records() -> None:
    numbers = {column.key for column in columns() if column.number and column.key.startswith("patient.")}
    assert numbers == {f"patient.{field.name}" for field in fields(Patient) if "float" in str(field.type)}


@pytest.mark.parametrize("column", columns(), ids=lambda column: column.name)
def test_what_is_said_of_a_column_holds(column: Column) -> None:
    assert column.meaning.endswith(".") and column.origin
    assert set(column.rules) <= set(KINDS)
    for text in (column.name, column.meaning, column.origin, *column.examples):
        assert "|" not in text and "\n" not in text


def test_allowed_values_are_those_of_the_rules() -> None:
    by_name = {column.name: column for column in columns()}
    assert by_name["modality"].values == (*MODALITIES, "unknown")
    for name, kind in (("Gender", "gender"), ("RT-PCR", "rt_pcr"), ("ICU", "icu")):
        # a rule's "none" only silences others
        assert set(by_name[name].values) == set(KINDS[kind].values or ()) - {"none"}


def test_the_schema_says_what_it_is() -> None:
    schema = json.loads((metadata.folder() / "metainfo.schema.json").read_text(encoding="utf-8"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["required"] == ["File name", "uid", "export"]
