"""The data card."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidct_curate.release.card import card, plain
from covidct_curate.release.item import Item
from covidct_curate.review.agreement import FieldAgreement, Pair
from tests import releases
from tests.releases import ABOUT, HOSTILE


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    return releases.items(tmp_path)


def rows(text: str, heading: str) -> dict[str, list[str]]:
    """The rows of the table whose first column is called so, by their first cell."""
    body = text.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in body.splitlines()[2:]]
    return {first: rest for first, *rest in cells}


def test_it_counts(items: list[Item]) -> None:
    text = card(items, ABOUT)
    assert rows(text, "class") == {
        "covid (`CT_COVID/`)": ["4", "4", "4", "12", "9", "12"],
        "non-covid (`CT_NonCOVID/`)": ["2", "2", "2", "6", "6", "6"],
        "all": ["6", "6", "6", "18", "9", "18"],
    }
    assert rows(text, "source") == {"medrxiv": ["12", "6"]}
    assert rows(text, "modality") == {"ct": ["12", "6"]}
    assert "Age is known for 18 pictures, sex for 17 (8 F, 9 M)" in text
    assert "papers read | 12" in text


def test_it_names_licences_and_what_they_kept_out(items: list[Item]) -> None:
    text = card(items, ABOUT)
    assert rows(text, "licence") == {
        "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)": ["6"],
        "[CC BY-NC 4.0](https://creativecommons.org/licenses/by-nc/4.0/)": ["6"],
        "[CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/)": ["6"],
    }
    assert rows(text, "why") == {"CC BY-ND 4.0 allows no derivatives": ["1"]}
    assert "may not be shared: 1 pictures." in text and "recipe.jsonl" in text
    assert "may not be used commercially" in text
    free = [item for item in items if item.origin.licence == "cc0"]
    assert "commercially" not in card(free, ABOUT) and "may not be shared" not in card(free, ABOUT)


def test_it_tells_of_reviewers(items: list[Item]) -> None:
    field = FieldAgreement("finding", 10, 0.9, 0.8, ())
    unclear = FieldAgreement("keep", 10, 1.0, None, ())
    text = card(items, replace(ABOUT, agreement=(Pair("Ann", "Bo | b", 10, (unclear, field)),)))
    assert rows(text, "reviewer") == {"Ann": ["17"]}
    assert "| Ann, Bo \\| b | finding | 10 | 0.90 | 0.80 |" in text
    assert "| keep | 10 | 1.00 | undefined |" in text
    assert "**1 of the pictures nobody has reviewed**" in text
    assert "how far they would agree is not known" in card(items, ABOUT)


def test_it_tells_limits_and_whom_to_ask(items: list[Item]) -> None:
    text = card(items, replace(ABOUT, violations=("patient 7: a.png (train), b.png (test)",)))
    assert "**Never for\ndiagnosis**" in text
    assert "In two parts of the split: patient 7: a.png (train), b.png (test)" in text
    assert "12 are covid (67%)" in text and "18 of the 18 sources have pictures of one class only" in text
    assert "<takedown@example.org>" in text
    assert "[10.1101/2020.01.01.00000000](https://doi.org/10.1101/2020.01.01.00000000)" in text
    assert "Sample Group (2024). Sample CT, version 1.0. <https://example.org/sample>." in text


def test_it_tells_where_pictures_came_from(items: list[Item]) -> None:
    scan = replace(items[0], origin=replace(items[0].origin, dataset="luna"))
    assert "as scans" not in card(items, ABOUT) and "papers' PDFs" in card(items, ABOUT)
    assert "- 1 pictures came in" in card([scan, *items[1:]], ABOUT)
    assert "papers' PDFs" not in card([scan], ABOUT)
    assert rows(card([scan, *items[1:]], ABOUT), "source") == {"medrxiv": ["11", "6"], "luna": ["1", "0"]}


@pytest.mark.parametrize(
    ("contact", "told"),
    [
        ("https://example.org/takedown", "see <https://example.org/takedown>"),
        ("Ann, room 5", "ask Ann, room 5"),
        ("", "no contact was set"),
        ("a@b.example> <script>", "ask a&#64;b.example&gt; &lt;script&gt;"),
    ],
)
def test_contact(items: list[Item], contact: str, told: str) -> None:
    assert told in card(items, replace(ABOUT, contact=contact))


def test_a_private_release_says_so_first(items: list[Item]) -> None:
    private = card(items, replace(ABOUT, private=True)).splitlines()
    assert private[0] == "# Sample CT" and "do not redistribute" in private[2]
    assert "do not redistribute" not in card(items, ABOUT)


def test_it_claims_nothing_about_a_disease(items: list[Item]) -> None:
    text = card(items, ABOUT).casefold()
    for word in ("detects", "diagnoses", "clinical performance", "state of the art", "accurate"):
        assert word not in text
    assert all(sentence.startswith("never") for sentence in re.findall(r"\w+ for\s+diagnosis", text))


def test_it_does_not_depend_on_order(items: list[Item]) -> None:
    assert card(items, ABOUT) == card(items[::-1], ABOUT)


def test_an_empty_release_has_a_card() -> None:
    text = card([], ABOUT)
    assert rows(text, "class")["all"] == ["0"] * 6 and "None." in text


def test_long_lists_are_cut(tmp_path: Path) -> None:
    many = [releases.item(number, tmp_path) for number in range(60)]
    text = card([replace(each, reviewers=(f"R{at:02}",)) for at, each in enumerate(many)], ABOUT)
    assert "| … and 10 more |" in text and "- … and 10 more\n" in text


def test_hostile_text_stays_text(items: list[Item]) -> None:
    about = replace(
        ABOUT,
        name=HOSTILE,
        description=HOSTILE,
        split=HOSTILE,
        creator=HOSTILE,
        url="javascript:alert(1)",
        notes=(HOSTILE,),
        violations=(HOSTILE,),
        counts={HOSTILE: 1},
    )
    origin = replace(items[0].origin, server=HOSTILE, doi="10.1/<x>|)[a](b\n# h", licence="x | <b>")
    text = card(
        [replace(items[0], origin=origin, reviewers=(HOSTILE,)), *items[1:], replace(items[18], why=HOSTILE)],
        about,
    )
    assert "<script" not in text and "<b>" not in text and "\u202e" not in text and "javascript:" not in text
    assert "](http://evil" not in text and "http://evil" not in text
    assert not re.search(r"^# \[x\]|^# h", text, re.M)
    assert all(line.count(" | ") <= 8 for line in text.splitlines())
    table = [line for line in text.splitlines() if line.startswith("|") and "cmd" in line]
    assert table and all(len(re.findall(r"(?<!\\)\|", line)) in (3, 4) for line in table)


@given(st.text())
def test_plain_is_one_line_without_markup(text: str) -> None:
    told = plain(text)
    assert "\n" not in told and "<" not in told and ">" not in told and "@" not in told
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`*_\[\]~$]", told)
    assert not re.match(r"[#+=-]|\d+[.)](\s|$)", told)


def test_plain_leaves_names_readable() -> None:
    assert plain("non-covid, CT (1.2); 10.1101/2020.01") == "non-covid, CT (1.2); 10.1101/2020.01"
    assert (
        plain("1. first") == "1\\. first" and plain("x" * 400).endswith("…") and plain("a\n\n- b") == "a - b"
    )
