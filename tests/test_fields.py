"""The other fields of a patient: sentences with what is to be read from them, and what no text may do."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from covidct_curate.label.course import (
    read_icu,
    read_outcome,
    read_rt_pcr,
    read_severity,
    read_ventilation,
)
from covidct_curate.label.history import read_history, read_other_diseases
from covidct_curate.label.location import read_location
from covidct_curate.label.passage import Passage, Passages, Reading
from covidct_curate.label.report import LONGEST, read_report
from covidct_curate.label.rules import Rules, load_rules
from covidct_curate.label.text import read
from covidct_curate.label.times import read_time
from covidct_curate.records import Source

SENTENCES = tomllib.loads((Path(__file__).parent / "sentences" / "fields.toml").read_text(encoding="utf-8"))[
    "sentence"
]

READERS: dict[str, Callable[[Passages, Rules], Reading | None]] = {
    "severity": read_severity,
    "medical_history": read_history,
    "other_diseases": read_other_diseases,
    "location": read_location,
    "radiology_report": read_report,
    "rt_pcr": read_rt_pcr,
    "outcome": read_outcome,
    "icu": read_icu,
    "ventilation": read_ventilation,
}


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules("covid-19")


def passage(text: str, source: Source = "caption", part: str | None = None) -> Passage:
    given = read(text)
    if part is None:
        return Passage(given, 0, len(given.plain), source)
    start = given.plain.index(part.encode())
    return Passage(given, start, start + len(part), source)


def value_of(field: str, passages: Passages, rules: Rules) -> tuple[str, float | None]:
    if field == "time":
        timed = read_time(passages, rules)
        return (timed[0].value, timed[1]) if timed else ("", None)
    reading = READERS[field](passages, rules)
    return (reading.value if reading else ""), None


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda s: f"{s['field']}-{s['text'][:40]}")
def test_a_sentence_gives_its_field(sentence: dict[str, Any], rules: Rules) -> None:
    given = passage(sentence["text"], sentence.get("source", "caption"), sentence.get("part"))
    wanted = (sentence.get("expect", ""), sentence.get("days"))
    assert value_of(sentence["field"], [given], rules) == wanted


def test_every_field_has_sentences_that_say_it_and_some_that_do_not() -> None:
    for field in ("time", *READERS):
        own = [sentence for sentence in SENTENCES if sentence["field"] == field]
        assert any("expect" in each for each in own), field
        assert any("expect" not in each for each in own), field


def test_the_nearest_passage_wins(rules: Rules) -> None:
    own = passage("Severe patient on illness day 9. CT shows nodules.", "subcaption")
    all_of_it = passage("CT of a mild case on illness day 2 shows opacities.")
    assert value_of("severity", [own, all_of_it], rules) == ("severe", None)
    assert value_of("time", [own, all_of_it], rules) == ("illness day 9", 9.0)
    assert value_of("radiology_report", [own, all_of_it], rules) == ("CT shows nodules.", None)


def test_contradiction_in_the_nearest_passage_is_not_settled_by_a_farther_one(rules: Rules) -> None:
    own = passage("CT on illness day 4 shows nodules. CT on illness day 9 shows more.", "subcaption")
    farther = passage("CT on illness day 4 shows nodules.", "mention")
    assert value_of("time", [farther], rules) == ("illness day 4", 4.0)
    assert value_of("time", [own, farther], rules) == ("", None)


def test_only_what_lies_within_the_passage_is_read(rules: Rules) -> None:
    text = "(A) Mild case. (B) Severe case from Rome, Italy who died on May 3."
    first = passage(text, "subcaption", "Mild case.")
    assert value_of("severity", [first], rules)[0] == "mild"
    assert value_of("location", [first], rules)[0] == ""
    assert value_of("outcome", [first], rules)[0] == ""


def test_the_case_beats_the_affiliations_which_are_believed_less(rules: Rules) -> None:
    paper = passage("Department of Radiology, City Hospital, Turin, Italy.", "paper")
    case = passage("A 50-year-old man from Naples, Italy.", "case")
    near = read_location([case, paper], rules)
    far = read_location([paper], rules)
    assert near is not None and far is not None
    assert (near.value, far.value) == ("Naples, Italy", "Turin, Italy")
    assert far.evidence.confidence < 0.6 < near.evidence.confidence


def test_the_paper_as_a_whole_says_nothing_of_a_patient(rules: Rules) -> None:
    paper = passage("Patients were severe cases with hypertension; RT-PCR was positive.", "paper")
    for field in ("time", "severity", "medical_history", "rt_pcr", "outcome", "icu", "ventilation"):
        assert value_of(field, [paper], rules) == ("", None), field


def test_evidence_names_rule_words_and_source(rules: Rules) -> None:
    timed = read_time([passage("CT on illness day 4 shows nodules.", "mention")], rules)
    assert timed is not None
    evidence = timed[0].evidence
    assert (evidence.rule, evidence.text, evidence.source) == ("time.illness-day", "illness day 4", "mention")
    assert 0 < evidence.confidence < 0.95


def test_initials_are_never_copied(rules: Rules) -> None:
    given = passage("Patient Z.Q. had a history of asthma in Mr. Z.Q. and gout. Mr. Z.Q. has consolidation.")
    for field in ("medical_history", "radiology_report"):
        said, _ = value_of(field, [given], rules)
        assert said and "Z.Q" not in said


def test_a_report_keeps_whole_sentences_up_to_its_length(rules: Rules) -> None:
    text = " ".join(f"Consolidation number {n} lies in the lower lobe of the left lung." for n in range(40))
    said, _ = value_of("radiology_report", [passage(text)], rules)
    assert LONGEST - 80 < len(said) <= LONGEST and said.endswith("lung.")
    endless, _ = value_of("radiology_report", [passage("consolidation and nodules " * 400)], rules)
    assert 0 < len(endless) <= LONGEST


@pytest.mark.parametrize(
    "text",
    [
        "CT on illness day 4 shows nodules " * 3_000,
        "history of asthma and gout; " * 4_000,
        "C was day 9 and D was day 17; " * 3_500,
        "from Wuhan, China in Wuhan Hospital of Rome, " * 2_200,
        "severe and mild and severe or mild " * 2_900,
        "May 3, 2020 (hospital day 3, illness day 9), " * 2_000,
        "GGO, ground-glass opacity, arrows indicate the lesions of the " * 1_600,
        "RT-PCR was negative in the throat swab was " * 2_300,
        "(" * 100_000,
        '=HYPERLINK("x")\x00\x07 day 3 \u202e died of severe disease\n' * 1_800,
    ],
    ids=lambda text: text[:24].encode("ascii", "replace").decode().replace("\x00", "0"),
)
def test_hostile_captions_of_100_kb(text: str, rules: Rules) -> None:
    given = [passage(text)]
    for field in ("time", *READERS):
        said, _ = value_of(field, given, rules)
        assert said.isprintable() and len(said) <= LONGEST


def test_an_empty_text_says_nothing(rules: Rules) -> None:
    for field in ("time", *READERS):
        assert value_of(field, [passage("")], rules) == ("", None)
        assert value_of(field, [], rules) == ("", None)


def test_real_case_reports_give_short_printable_cells(papers: Path, rules: Rules) -> None:
    files = sorted((papers / "jats").glob("*.xml"))[:20]
    for file in files:
        given = [passage(file.read_text(encoding="utf-8")[:100_000], "case")]
        for field in ("time", *READERS):
            said, _ = value_of(field, given, rules)
            assert said.isprintable() and len(said) <= LONGEST
