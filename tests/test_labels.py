"""Figure and table labels in the forms that papers print."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from covidct_curate.extract.labels import fold, parse_label, parse_table

FORMS = {
    "Figure 1": "Figure 1",
    "Figure\xa01. A lung": "Figure 1",
    "Figure\u2009\u200b1": "Figure 1",
    "FIGURE 1": "Figure 1",
    "FIG. 1": "Figure 1",
    "fig1": "Figure 1",
    "ﬁgure 2": "Figure 2",
    "F IGURE 3": "Figure 3",
    " * Figure 4 | Lung": "Figure 4",
    "Figure No. 4": "Figure 4",
    "Figs. 2 and 3": "Figure 2",
    "Figures 12 to 13": "Figure 12",
    "Figure １：": "Figure 1",
    "Figura 1": "Figure 1",
    "Abbildung 3": "Figure 3",
    "图1": "Figure 1",
    "Supplementary Figure 2": "Figure S2",
    "Suppl. Fig. 2": "Figure S2",
    "Supplemental Figure S2": "Figure S2",
    "Supporting Figure 1": "Figure S1",
    "Supplementary Information, Fig. 3": "Figure S3",
    "Online Figure 1": "Figure S1",
    "Additional Figure 3": "Figure S3",
    "Additional file 1: Figure S5": "Figure S5",
    "eFigure 3": "Figure S3",
    "SFig 3": "Figure S3",
    "FigS1": "Figure S1",
    "Fig S2": "Figure S2",
    "Fig. S2A": "Figure S2",
    "Figure S.2": "Figure S2",
    "Figure S 4": "Figure S4",
    "S1 Fig. Lung": "Figure S1",
    "Figure IV. Lung": "Figure 4",
    "Figure IX": "Figure 9",
    "Figure Ⅳ": "Figure 4",
    "Figure A1. Lung": "Figure A1",
    "Figure A. Lung": "Figure A",
    "Figure 1.2": "Figure 1.2",
    "Figure 1–2": "Figure 1-2",
    "Extended Data Fig. 3 | Lung": "Extended Data Figure 3",
    "ED Figure 3": "Extended Data Figure 3",
    "Appendix Figure 2": "Appendix Figure 2",
    "Appendix 1—figure 2": "Appendix 1 Figure 2",
    "Figure 2—figure supplement 1.": "Figure 2 figure supplement 1",
    "Figure 2 supplement 1": "Figure 2 figure supplement 1",
    "Graph 1": "Graph 1",
    "Graph X Distribution": "Graph X",
    "Scheme 2": "Scheme 2",
    "PLATE 1": "Plate 1",
    "Chart II": "Chart 2",
    "Graphical Abstract": "Graphical abstract",
    "Figure": "Figure",
    "Figure: Lung": "Figure",
    "Figure. T2-weighted image": "Figure",
    "Figure. IV contrast in the vessel": "Figure",
}
NONE = [
    "", " ", "figment 3", "Figures", "Figure legends", "Figure of eight", "Figure A patient", "Figure 2020",
    "Graph theory", "Chart review of 12 patients", "(Figure 1)", "Table 1", "As Figure 1 shows", "1. Figure 1",
]  # fmt: skip


@pytest.mark.parametrize(("text", "label"), FORMS.items())
def test_a_label_is_brought_to_its_normal_form(text: str, label: str) -> None:
    found = parse_label(text)
    assert found is not None and found.text == label


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_label_is_left_alone(text: str) -> None:
    assert parse_label(text) is None


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Figure 1. Lung", "Lung"),
        ("Fig. 1 | Lung", "Lung"),
        ("FIGURE 1.— Lung", "Lung"),
        ("Figure 1 - Lung", "Lung"),
        ("Figure 1) Lung", "Lung"),
        ("Figure 1 -5 HU", "-5 HU"),
        ("Figure 2, 3", ", 3"),
        ("Figure: Lung", "Lung"),
        ("Figure 1-A. Lung", "Lung"),
        ("S1 Fig. Lung", "Lung"),
        ("Figure 1\u2003Lung", "Lung"),
        ("Figure 1CT of the chest", "CT of the chest"),
        ("Figure 1 (A) Lung", "(A) Lung"),
    ],
)
def test_the_label_ends_where_the_words_begin(text: str, rest: str) -> None:
    found = parse_label(text)
    assert found is not None and text[found.end :] == rest


@pytest.mark.parametrize(
    ("text", "panel"),
    [
        ("Figure 1-A. Lung", "A"),
        ("Figure 2B", "B"),
        ("Fig. 2a–c. Lung", "a-c"),
        ("Figure S3C:", "C"),
        ("Figure 1", ""),
        ("Figure 1-CT", ""),
        ("Figure 1 A lung", ""),
    ],
)
def test_a_panel_letter_stays_out_of_the_number(text: str, panel: str) -> None:
    found = parse_label(text)
    assert found is not None and found.panel == panel and not found.number.endswith(panel or "-")


@pytest.mark.parametrize(
    ("text", "plural"), [("Figs 2", True), ("Figures 2", True), ("FigS2", False), ("Fig 2", False)]
)
def test_a_plural_is_told(text: str, plural: bool) -> None:
    found = parse_label(text)
    assert found is not None and found.plural is plural


@pytest.mark.parametrize(
    ("text", "supplement", "number"),
    [
        ("Suppl. Fig. 2", "S", "S2"),
        ("Extended Data Fig. 3", "Extended Data", "3"),
        ("Appendix Figure 2", "Appendix", "2"),
        ("Figure 2", "", "2"),
    ],
)
def test_the_supplement_is_told(text: str, supplement: str, number: str) -> None:
    found = parse_label(text)
    assert found is not None and (found.supplement, found.number) == (supplement, number)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Table 1. Patients", "Table 1"),
        ("Tab. 2", "Table 2"),
        ("TABLE IV", "Table 4"),
        ("Supplementary Table 1", "Table S1"),
        ("eTable 2", "Table S2"),
        ("S1 Table", "Table S1"),
        ("Box 1", "Box 1"),
        ("Algorithm 1", "Algorithm 1"),
    ],
)
def test_tables_are_no_figures(text: str, label: str) -> None:
    found = parse_table(text)
    assert found is not None and found.text == label
    assert parse_label(text) is None


@pytest.mark.parametrize("text", ["Appendix", "Appendix 1", "Table of contents", "tablet 1", "Figure 1"])
def test_no_table(text: str) -> None:
    assert parse_table(text) is None


PIECES = st.sampled_from(
    [
        "Figure",
        "fig.",
        "FIGS",
        "Figures",
        "Supplementary",
        "suppl.",
        "e",
        "S",
        "Appendix",
        "1",
        "Extended\xa0Data",
        "Graph",
        "Scheme",
        "figure",
        "supplement",
        "12",
        "3",
        ".",
        "-",
        "–",
        ":",
        ",",
        "A",
        "b",
        "iv",
        "X",
        "XI",
        "s2",
        "|",
        "\xa0",
        "Table",
        "no",
        "ﬁg",
        "1.2",
        "S1",
        "Fig",
        "SS",
        "ed",
        "ＡＢ",
    ]
)


@given(st.lists(PIECES, max_size=9), st.sampled_from(["", " "]))
@example(["Supplementary", "Fig", "A", "."], " ")
@example(["Supplementary", "Fig", "AB.1"], " ")
def test_a_normal_form_is_its_own_normal_form(pieces: list[str], glue: str) -> None:
    text = glue.join(pieces)
    for parse in (parse_label, parse_table):
        if label := parse(text):
            assert 0 < label.end <= len(text)
            again = parse(label.text)
            assert again is not None and (again.text, again.number) == (label.text, label.number)
            assert again.end == len(label.text)


@given(st.text(max_size=300))
def test_any_text_may_come(text: str) -> None:
    assert len(fold(text)) == len(text)
    for start in ("", "Figure ", "Supplementary "):
        for parse in (parse_label, parse_table):
            label = parse(start + text)
            assert label is None or parse(label.text) is not None


@pytest.mark.parametrize(
    "text", [" ", "s", "s1", "Figure 1", "1-", "Appendix ", "x" * 50, "-", "Figure 1" + "-a,"]
)
def test_a_long_text_takes_no_longer(text: str) -> None:
    start = time.perf_counter()
    parse_label(text * 200_000)
    parse_table(text * 200_000)
    assert time.perf_counter() - start < 5
