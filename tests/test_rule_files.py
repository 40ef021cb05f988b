"""Rule files: those that come with the toolkit are sound and fast, broken ones are refused with line and reason."""

from __future__ import annotations

import re
import time
from functools import cache
from pathlib import Path

import pytest

from covidct_curate import metadata
from covidct_curate.errors import RuleError
from covidct_curate.label.finding import read_finding
from covidct_curate.label.kinds import KINDS
from covidct_curate.label.passage import Passage
from covidct_curate.label.rules import Rules, load_rules
from covidct_curate.label.text import read

FOLDER = metadata.folder() / "rules"
SHIPPED = sorted(path.stem for path in FOLDER.glob("*.toml"))
SIZE = 100_000
HANG = 20.0
"""Seconds that no pattern may take for one text; they take hundredths."""
HEAD = """name = "Test"
positive = "ill"
negative = "well"
positive_folder = "ILL"
negative_folder = "WELL"
extends = []
"""
RULE = '[[disease]]\nid = "d.one"\nvalue = "positive"\n'


@cache
def shipped(name: str) -> Rules:
    return load_rules(name)


EVERY = {rule.id: rule for name in SHIPPED for rules in shipped(name).rules.values() for rule in rules}
KINDS_SHIPPED = sorted({rule.kind for rule in EVERY.values()})


def test_what_ships() -> None:
    assert {"covid-19", "tuberculosis"} <= set(SHIPPED)
    for name in SHIPPED:
        rules = shipped(name)
        values = {rule.value for rule in rules.rules["disease"]}
        assert values == {"positive", "other", "healthy"}
        assert {rule.value for rule in rules.rules["context"]} == set(KINDS["context"].values or ())


def test_files_of_one_name_differ_in_their_digest() -> None:
    assert len({shipped(name).digest for name in SHIPPED}) == len(SHIPPED)


def hostile(pattern: str) -> list[bytes]:
    """Texts that make a backtracking matcher slow: the pattern's own words, over and over, and never the end."""
    words = re.findall(r"[A-Za-z0-9]{2,}", re.sub(r"\\[a-zA-Z]|\(\?[a-zA-Z<>]+", " ", pattern)) or ["a"]
    own = " ".join(words)[: SIZE // 4]
    pieces = [
        own + " ",
        words[0],
        words[-1] + " ",
        f"{words[0]}, ",
        "a",
        " ",
        "7",
        "12 ",
        "(((",
        "[)",
        "\n",
        "-",
    ]
    return [(piece * (SIZE // len(piece) + 1))[:SIZE].encode() for piece in pieces]


def repeats(source: str) -> bool:
    """Whether a pattern repeats anything but what a list of words may: the spaces in them and their endings."""
    return re.search(r"[*+{]", re.sub(r"\[ -\]\{0,2\}|\\w\*", "", source)) is not None


@pytest.mark.parametrize("kind", KINDS_SHIPPED)
def test_every_pattern_takes_time_linear_in_the_text(kind: str) -> None:
    for rule in (rule for rule in EVERY.values() if rule.kind == kind):
        source = rule.pattern.pattern
        source = source.decode() if isinstance(source, bytes) else source
        texts = hostile(source) if repeats(source) else [hostile(source)[0][: SIZE // 10]]
        for number, text in enumerate(texts):
            start = time.monotonic()
            found = sum(1 for _ in rule.pattern.finditer(text))
            assert time.monotonic() - start < HANG, (rule.id, number)
            assert found <= SIZE


@pytest.mark.parametrize(
    "piece",
    [
        "COVID-19 with influenza. ",
        "COVID-19 influenza ",
        "no COVID-19 and ",
        "suspected ",
        "(A) ",
        "not ",
        "a",
        ";",
    ],
)
@pytest.mark.parametrize("name", SHIPPED)
def test_a_long_hostile_caption_has_a_finding_soon(name: str, piece: str) -> None:
    text = read(piece * (SIZE // len(piece)))
    start = time.monotonic()
    value, _ = read_finding([Passage(text, 0, len(text.plain), "caption")], shipped(name), modality="ct")
    assert time.monotonic() - start < HANG
    assert value != "not-applicable"


def refused(folder: Path, content: str | bytes) -> str:
    path = folder / "mine.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(RuleError) as caught:
        load_rules(path)
    assert str(path) in str(caught.value)
    return str(caught.value).replace(str(path), "mine.toml")


@pytest.mark.parametrize(
    ("rule", "line", "reason"),
    [
        ('[[illness]]\nid = "x.y"\n', 7, "'illness' is no kind of rule"),
        (RULE + 'terms = ["flu"]\ncolour = "red"\n', 7, "'colour' is no key"),
        ('[[disease]]\nid = "d.one"\nvalue = "bad"\nterms = ["flu"]\n', 7, "value must be one of positive"),
        ('[[disease]]\nid = "d.one"\nvalue = 3\nterms = ["flu"]\n', 7, "value must be a text"),
        ('[[boundary]]\nid = "b.one"\nvalue = "x"\nterms = ["flu"]\n', 7, "such a rule has no value"),
        (RULE + 'terms = ["flu"]\nrole = "big"\n', 7, "role must be one of rival"),
        (RULE + 'terms = ["flu"]\nname = 3\n', 7, "name must be a text"),
        ('[[context]]\nid = "c.a"\nvalue = "negated"\nterms = ["no"]\nreach = "far"\n', 7, "reach must be a"),
        (
            '[[context]]\nid = "c.a"\nvalue = "negated"\nterms = ["no"]\ndirection = "up"\n',
            7,
            "direction must",
        ),
        (
            RULE + 'terms = ["flu"]\n' + RULE + 'terms = ["cold"]\n',
            11,
            "this id is taken by a rule in mine.toml, line 7",
        ),
        ('[[disease]]\nvalue = "positive"\nterms = ["flu"]\n', 7, "needs an id"),
        ('[[disease]]\nid = "Flu!"\nvalue = "positive"\nterms = ["flu"]\n', 7, "needs an id"),
        (RULE, 7, "needs either terms or a pattern"),
        (RULE + 'terms = ["flu"]\npattern = "flu"\n', 7, "needs either terms or a pattern"),
        (RULE + "terms = []\n", 7, "terms must be a list of words"),
        (RULE + 'terms = "flu"\n', 7, "terms must be a list of words"),
        (RULE + "terms = [3]\n", 7, "terms must be a list of words"),
        (RULE + 'terms = ["gr\u00fcn"]\n', 7, "plain ASCII"),
        (RULE + 'terms = ["*"]\n', 7, "must begin with a plain letter"),
        (RULE + "pattern = 'gr\u00fcn'\n", 7, "plain ASCII"),
        (RULE + "pattern = '(flu'\n", 7, "cannot be used"),
        (RULE + "pattern = 'flu(?=x)'\n", 7, "cannot be used"),
        (RULE + "pattern = '(flu) \\1'\n", 7, "cannot be used"),
        (RULE + "pattern = 'x*'\n", 7, "matches where there is nothing"),
        (RULE + "pattern = '\\s*'\n", 7, "matches where there is nothing"),
        (RULE + "pattern = ''\n", 7, "pattern must be a text"),
        (RULE + "pattern = '(?P<years>\\d+)'\n", 7, "'years' has no meaning here"),
        (RULE + 'terms = ["flu"]\ncase = 1\n', 7, "case must be true or false"),
        (RULE + 'terms = ["flu"]\nconfidence = 2\n', 7, "confidence must lie above 0"),
        (RULE + 'terms = ["flu"]\nconfidence = true\n', 7, "confidence must lie above 0"),
        ('[disease]\nid = "d.one"\n', 7, "rules of a kind are written as [[disease]]"),
        ('disease = "flu"\n', 7, "rules of a kind are written as [[disease]]"),
    ],
)
def test_a_broken_rule_is_refused(tmp_path: Path, rule: str, line: int, reason: str) -> None:
    said = refused(tmp_path, HEAD + rule)
    assert said.startswith(f"mine.toml:{line}: "), said
    assert reason in said


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('positive = "ill"', "", 1, "positive must be one word"),
        ('positive = "ill"', 'positive = "very ill"', 2, "positive must be one word"),
        ('positive = "ill"', "positive = 1", 2, "positive must be one word"),
        ('positive = "ill"', 'positive = "well"', 3, "must differ"),
        ('positive = "ill"', 'positive = "uncertain"', 2, "are no classes"),
        ('"WELL"', '"ill"', 3, "must differ"),
        ('"WELL"', '"../up"', 5, "negative_folder must be one word"),
        ("extends = []", 'extends = "context"', 6, "extends must be a list of words"),
        ("extends = []", 'extends = ["nothing"]', 6, "no common rule file 'nothing'"),
        ("extends = []", 'extends = ["../../metainfo"]', 6, "is no name of a file"),
        ("extends = []", 'keep = ["mrt"]', 6, "'mrt' is no modality"),
    ],
)
def test_a_broken_head_is_refused(tmp_path: Path, old: str, new: str, line: int, reason: str) -> None:
    assert old in HEAD
    said = refused(tmp_path, HEAD.replace(old, new, 1) + RULE + 'terms = ["flu"]\n')
    assert reason in said
    assert said.startswith(f"mine.toml:{line}: "), said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("positive = [", "is not TOML"),
        ("positive = 'a'\npositive = 'b'\n", "is not TOML"),
        (b'name = "\xff\xfe"\n', "is not UTF-8"),
        (b"\x00\x01\x02", "is not TOML"),
        ("# " + "x" * 2_000_001, "too large"),
    ],
    ids=["cut off", "twice", "not UTF-8", "binary", "too large"],
)
def test_a_file_that_is_no_rule_file_is_refused(tmp_path: Path, content: str | bytes, reason: str) -> None:
    assert reason in refused(tmp_path, content)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="cannot be read"):
        load_rules(tmp_path / "none.toml")
    with pytest.raises(RuleError, match=r"there are .*covid-19"):
        load_rules("measles")
    with pytest.raises(RuleError, match="no rule file of this name"):
        load_rules("../metainfo")


def test_the_example_of_the_manual_works(tmp_path: Path) -> None:
    manual = Path(__file__).parents[1] / "docs" / "rules.md"
    first = re.findall(r"```toml\n(.*?)```", manual.read_text(encoding="utf-8"), re.S)[0]
    path = tmp_path / "sarcoidosis.toml"
    path.write_text(first, encoding="utf-8")
    rules = load_rules(path)

    def finding(words: str) -> str:
        text = read(words)
        return read_finding([Passage(text, 0, len(text.plain), "caption")], rules, modality="ct")[0]

    assert finding("CT of a patient with pulmonary sarcoidosis.") == rules.positive
    assert finding("CT of a patient with COVID-19.") == rules.negative
    assert finding("Query sarcoidosis.") == "uncertain"


def test_every_kind_is_told_of_in_the_manual() -> None:
    manual = (Path(__file__).parents[1] / "docs" / "rules.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in manual] == []
