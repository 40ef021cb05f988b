"""Sentences that cite a figure."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidct_curate.extract.mentions import LONGEST, cited_labels, find_mentions

CITES = {
    "Fig. 1A–C": "1",
    "Figures 2 and 3": "2 3",
    "Figs 1-3": "1 2 3",
    "Figs. 1 to 3": "1 2 3",
    "Figs. 1A-2C": "1 2",
    "Figure 2, 4 and S1": "2 4 S1",
    "Supplementary Figs. 1 and 2": "S1 S2",
    "Suppl. Fig. S3": "S3",
    "Supplementary material, Fig. 3": "S3",
    "eFigures 3 and 4": "S3 S4",
    "S1 and S2 Figs": "S1 S2",
    "S1 Fig": "S1",
    "Figure 1 in the Supplement": "S1",
    "Fig 10": "10",
    "Fig. 1a,b": "1",
    "Fig. 1a and b, 2": "1 2",
    "Figs. 1A, B, 2C": "1 2",
    "Figs. 1A-C and 2B": "1 2",
    "Figure 3(a)": "3",
    "Figure 3 (a, b)": "3",
    "FIG. 2": "2",
    "figure 2": "2",
    "ﬁg. 2": "2",
    "Figure\xa02": "2",
    "Figs. 4 & 5": "4 5",
    "Figure 1/2": "1 2",
    "Figure S1-S3": "S1 S2 S3",
    "Figs. S1–3": "S1 S2 S3",
    "Figure IV": "4",
    "Figure A1": "A1",
    "Fig. 3D": "3",
    "Fig. 1 (2020)": "1",
    "Fig. 1, 12%": "1",
    "Figure 2, 12 patients": "2",
    "Figure 2 and Table 3": "2",
    "Figure 2—figure supplement 1": "2 figure supplement 1",
    "(Figure)": "",
}
OTHER_KINDS = {
    "Extended Data Fig. 3": ["Extended Data Figure 3"],
    "Extended Data Figs 3 and 5-6": [f"Extended Data Figure {n}" for n in (3, 5, 6)],
    "Appendix Fig. 2": ["Appendix Figure 2"],
    "Graph 1": ["Graph 1"],
    "Graphs 1 and 2": ["Graph 1", "Graph 2"],
    "Scheme 2": ["Scheme 2"],
    "config 1": [],
    "Table 1": [],
    "a figure of speech": [],
    "Figures": [],
}


@pytest.mark.parametrize(("cite", "numbers"), CITES.items())
def test_the_forms_of_a_cite(cite: str, numbers: str) -> None:
    numbers = numbers.replace("2 figure supplement 1", "2_figure_supplement_1")
    expected = [f"Figure {n.replace('_', ' ')}" for n in numbers.split()] or ["Figure"]
    assert cited_labels(f"The lung is clear {cite}.") == expected
    assert cited_labels(f"In {cite}; the lung is clear.") == expected


@pytest.mark.parametrize(("cite", "labels"), OTHER_KINDS.items())
def test_other_kinds_and_what_is_no_cite(cite: str, labels: list[str]) -> None:
    assert cited_labels(f"The lung is clear in {cite}.") == labels


@pytest.mark.parametrize(
    "sentence",
    [
        "The lung is clear (Fig. 1).",
        "As Wang et al. showed in Fig. 1, the lung is clear.",
        "Opacities, e.g. in Fig. 1, were seen, i.e. on day 3 vs. Day 7.",
        "Dr. Smith and J. A. Jones (No. 5) read approx. 2.5 scans of ref. 3 and Fig. 1.",
        "It differed (P < .05; 3.4 vs. 5.6) in Fig. 1.",
        "The viral load in Fig. 1 fell.12",
        "The viral load in Fig. 1 fell.¹²",
        "The viral load in Fig. 1 fell [12].",
        "The viral load in Fig. 1 fell.[12]",
        '"It is the lung of Fig. 1."',
        "(The lung is clear in Fig. 1.)",
        "Is the lung of Fig. 1 clear?",
        "2019-nCoV is seen in Fig. 1.",
        "All had hepatitis B and the lung of Fig. 1 belongs to patient B.",
        "Scans were made in the U.S. Army hospital in Fig. 1.",
    ],
)
@pytest.mark.parametrize(
    "before", ["", "A first sentence. ", "Was it (n = 12)? ", "It was 5.3%. ", "It fell.3,4 "]
)
def test_a_mention_is_the_whole_sentence(before: str, sentence: str) -> None:
    body = f"{before}{sentence} The next one is no part of it. Neither is this."
    assert find_mentions(body, ["Figure 1"]) == {"Figure 1": (sentence,)}


def test_sentences_come_in_order_and_once_for_each_label() -> None:
    body = (
        "Both are shown in Figs 1 and 2 (see also Fig. 1a). Nothing here. Fig. 10 is another. "
        "It grew (Fig. 2; Fig. 1). Figures 1–3 show all."
    )
    both, grew, everything = (body[a : body.index(b) + len(b)] for a, b in
                              ((0, "1a)."), (body.index("It"), "1)."), (body.index("Figures"), "all.")))  # fmt: skip
    assert find_mentions(body, ["Figure 2", "Figure 1", "Figure 3", "Figure 4"]) == {
        "Figure 2": (both, grew, everything),
        "Figure 1": (both, grew, everything),
        "Figure 3": (everything,),
        "Figure 4": (),
    }


def test_the_labels_at_hand_settle_what_a_number_means() -> None:
    assert find_mentions("See Fig. 1-2.", ["Figure 1-2", "Figure 2"])["Figure 1-2"] == ("See Fig. 1-2.",)
    assert find_mentions("See Fig. 1.2.", ["Figure 1.2"])["Figure 1.2"] == ("See Fig. 1.2.",)
    assert find_mentions("We saw it in Fig. 1.12 The end.", ["Figure 1"])["Figure 1"] != ()
    assert find_mentions("See Figs. S1 and 2.", ["Figure 2", "Figure S1"])["Figure 2"] == (
        "See Figs. S1 and 2.",
    )


def test_a_text_without_stops_is_cut_around_the_cite() -> None:
    words = " ".join(f"word{n}" for n in range(1000))
    (mention,) = find_mentions(f"{words} (Fig. 1) {words}", ["Figure 1"])["Figure 1"]
    assert LONGEST * 0.9 < len(mention) <= LONGEST and "(Fig. 1) word0" in mention
    assert set(mention.split()) <= {*words.split(), "(Fig.", "1)"}


@given(st.text(alphabet="Figs. 12,-–()aSA and\n[]%“”", max_size=400))
def test_any_text_may_come(text: str) -> None:
    folded = " ".join(text.split())
    for label, sentences in find_mentions(text, ["Figure 1", "Figure S2", "Figure"]).items():
        for sentence in sentences:
            assert sentence in folded and len(sentence) <= LONGEST
            assert label in ("Figure", "Figure 1", "Figure S2")


@pytest.mark.parametrize(
    "unit",
    ["Fig 1 ", "Fig. ", ". ", "...", "S1, ", "Supplementary ", "Figs 1-30, ", "Figs 1, 2, 3, ", "A. ", "Appendix 1 ",
     " \t", "Fig. 1a,b,c,d-e ", "S1 and S2 and ", "[1,2", "1,", "Figs 1,", "x", "Fig", "(", "word ", "1-"],
)  # fmt: skip
def test_a_megabyte_takes_no_time(unit: str) -> None:
    body = "Figs 1, " + unit * (1_000_000 // len(unit))
    start = time.perf_counter()
    find_mentions(body, [f"Figure {n}" for n in range(40)])
    assert time.perf_counter() - start < 15  # a guard against hanging, ten times what it takes
