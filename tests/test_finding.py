"""The finding: sentences with truth, and what beats what."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidct_curate.label.context import how_meant
from covidct_curate.label.finding import NO_PATIENT_PICTURE, read_finding
from covidct_curate.label.kinds import MODALITIES
from covidct_curate.label.passage import Passage
from covidct_curate.label.rules import Rules, load_rules
from covidct_curate.label.text import read
from covidct_curate.records import Evidence, Source

SENTENCES: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "sentences" / "finding.toml").read_text(encoding="utf-8")
)["sentence"]
SOURCES: dict[str, Source] = {
    "subcaption": "subcaption",
    "text": "caption",
    "mention": "mention",
    "case": "case",
    "title": "title",
    "paper": "paper",
}
COVID = load_rules("covid-19")
TUBERCULOSIS = load_rules("tuberculosis")


def whole(words: str, source: Source = "caption") -> Passage:
    text = read(words)
    return Passage(text, 0, len(text.plain), source)


def finding(*passages: Passage, rules: Rules = COVID, own: bool = True) -> tuple[str, Evidence | None]:
    return read_finding(passages, rules, modality="ct", own=own)


def meant(words: str) -> str:
    """How the first disease word is meant."""
    return how_meant(COVID.find("disease", read(words))[0], COVID)


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda each: f"{each['about']}: {each['text'][:60]}")
def test_sentences(sentence: dict[str, Any]) -> None:
    rules = {"covid-19": COVID, "tuberculosis": TUBERCULOSIS}[sentence["rules"]]
    passages = [whole(sentence[key], source) for key, source in SOURCES.items() if sentence.get(key)]
    value, evidence = read_finding(
        passages, rules, modality=sentence.get("modality", "ct"), own=sentence.get("own", True)
    )
    assert value == sentence["expect"], evidence
    if value in (rules.positive, rules.negative):
        assert evidence is not None
        assert evidence.rule in {rule.id for kind in rules.rules.values() for rule in kind}
        said = " ".join(passage.text.words(passage.start, passage.end) for passage in passages)
        assert all(words in said for words in evidence.text.split(" … "))
        assert 0 < evidence.confidence <= 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("COVID-19.", "affirmed"),
        ("no COVID-19", "negated"),
        ("no fever, cough or COVID-19", "negated"),
        ("no fever, but COVID-19", "affirmed"),
        ("no fever. COVID-19", "affirmed"),
        ("no fever; COVID-19", "affirmed"),
        ("not only COVID-19", "affirmed"),
        ("no increase of COVID-19 lesions", "affirmed"),
        ("COVID-19 was not ruled out", "possible"),
        ("COVID-19 cannot be excluded", "possible"),
        ("COVID-19 was excluded", "negated"),
        ("negative for SARS-CoV-2", "negated"),
        ("SARS-CoV-2 RT-PCR was negative", "negated"),
        ("suspected COVID-19", "possible"),
        ("probable COVID-19", "possible"),
        ("COVID-19 is possible", "possible"),
        ("COVID-19?", "possible"),
        ("to rule out COVID-19", "possible"),
        ("mimicking COVID-19", "possible"),
        ("suspected, then confirmed COVID-19", "affirmed"),
        ("history of COVID-19", "historical"),
        ("tuberculosis ten years ago", "historical"),
        ("contact with a confirmed COVID-19 patient", "other-subject"),
        ("his father had COVID-19", "other-subject"),
        ("his father was well, and he was ill with COVID-19", "affirmed"),
        ("prevention and control.", "other-subject"),
    ],
)
def test_how_a_disease_is_meant(words: str, expected: str) -> None:
    assert meant(words) == expected


def test_the_nearest_source_that_speaks_decides() -> None:
    panel, figure = whole("(B) influenza pneumonia", "subcaption"), whole("Lungs with COVID-19.")
    assert finding(panel, figure)[0] == "non-covid"
    assert finding(whole("(B) axial view", "subcaption"), figure)[0] == "covid"
    value, evidence = finding(whole("Axial view."), whole("COVID-19 on chest CT", "title"))
    assert value == "covid" and evidence is not None
    assert (evidence.source, evidence.rule, evidence.text) == ("title", "covid.covid-19", "COVID-19")
    assert 0.55 < evidence.confidence < 0.7
    assert finding() == ("uncertain", None)


def test_only_the_part_that_speaks_of_the_panel_counts() -> None:
    words = "(A) healthy volunteer; (B) COVID-19 patient, no effusion; (C) suspected NCP"
    text = read(words)
    parts = {
        mark: Passage(text, words.index(f"({mark})"), end, "subcaption")
        for mark, end in (("A", words.index("(B)")), ("B", words.index("(C)")), ("C", len(words)))
    }
    found = {mark: finding(part)[0] for mark, part in parts.items()}
    assert found == {"A": "non-covid", "B": "covid", "C": "uncertain"}


def test_passages_of_one_source_are_weighed_together() -> None:
    one, other = whole("Patient 1 had COVID-19.", "mention"), whole("Patient 2 had influenza.", "mention")
    assert finding(one)[0] == "covid"
    assert finding(one, other)[0] == finding(other, one)[0] == "uncertain"


def test_text_that_is_not_told_apart_may_speak_of_several_patients() -> None:
    caption = whole("Scans of COVID-19 in three men. One has lung cancer, another has lymphoma.")
    assert finding(caption)[0] == "covid"
    assert finding(caption, own=False)[0] == "uncertain"


@pytest.mark.parametrize("modality", sorted(NO_PATIENT_PICTURE))
def test_what_shows_no_patient_has_no_finding(modality: str) -> None:
    assert modality in MODALITIES
    assert read_finding([whole("COVID-19")], COVID, modality=modality) == ("not-applicable", None)


def test_evidence_of_an_uncertain_finding_says_why() -> None:
    _, evidence = finding(whole("CT of suspected COVID-19."))
    assert evidence == Evidence("maybe.suspected", "suspected COVID-19", "caption", 0.5)
    _, evidence = finding(whole("COVID-19 and influenza."))
    assert evidence == Evidence("other.influenza", "COVID-19 and influenza", "caption", 0.5)


def test_another_rule_file_turns_the_classes() -> None:
    words = "Chest CT of a man with COVID-19 who has never had tuberculosis."
    assert finding(whole(words))[0] == "covid"
    assert finding(whole(words), rules=TUBERCULOSIS)[0] == "non-tuberculosis"
    assert (TUBERCULOSIS.positive_folder, TUBERCULOSIS.negative_folder) == ("TB", "NonTB")
    assert (COVID.keep, TUBERCULOSIS.keep) == (("ct",), ("ct", "xray"))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "2019-nCoV",
            "2019 nCoV",
            "2019nCoV",
            "2019-CoV",
            "nCoV-2019",
            "HCoV-19",
            "SARS-CoV-2",
            "SARS-CoV2",
        ),
        *("COVID-19", "COVID 19", "COVID19", "Covid-19", "covid - 19", "NCP", "NCIP", "COVID\u201119"),
        *("novel coronavirus pneumonia", "new coronavirus", "novel coronavirus-infected pneumonia"),
        *("coronavirus disease 2019", "Coronavirus Disease-2019", "novel corona virus", "coronavirus"),
        "severe acute respiratory syndrome coronavirus 2",
    ],
)
def test_each_spelling_of_the_disease(name: str) -> None:
    assert finding(whole(f"Chest CT of a patient with {name}, day 3."))[0] == "covid"


@pytest.mark.parametrize(
    "name",
    [
        *("influenza", "H1N1", "bacterial pneumonia", "mycoplasma pneumonia", "SARS", "MERS-CoV", "SARS-CoV"),
        *(
            "community-acquired pneumonia",
            "tuberculosis",
            "lung cancer",
            "adenocarcinoma",
            "pulmonary embolism",
        ),
        *("bronchiectasis and no other illness", "sarcoidosis", "adenovirus pneumonia", "coronavirus OC43"),
    ],
)
def test_other_diseases(name: str) -> None:
    value, _ = finding(whole(f"Chest CT of a patient with {name}."))
    assert value == ("uncertain" if name.startswith("bronchiectasis") else "non-covid")


@given(st.text(max_size=300), st.text(max_size=300), st.booleans())
def test_any_text_gives_a_finding(first: str, second: str, own: bool) -> None:
    value, _ = finding(whole(first, "subcaption"), whole(f"{second} COVID-19 {first}"), own=own)
    assert value in ("covid", "non-covid", "uncertain")


@given(
    st.lists(
        st.sampled_from(
            ["COVID-19", "no", "influenza", "with", "suspected", "control", ". ", ", ", "and", "(A)"]
        )
    )
)
def test_any_order_of_its_words_gives_a_finding(words: list[str]) -> None:
    text = read(" ".join(words))
    for hit in COVID.find("disease", text):
        assert how_meant(hit, COVID) in ("affirmed", "negated", "possible", "historical", "other-subject")
    assert finding(whole(" ".join(words)))[0] in ("covid", "non-covid", "uncertain")


def test_every_source_is_known() -> None:
    for source in get_args(Source):
        value, evidence = finding(whole("COVID-19", source))
        assert value == "covid" and evidence is not None and evidence.source == source
