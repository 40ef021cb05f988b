"""Whom a panel shows: captions by letters, figures of one paper, cases in the body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from covidct_curate.label.paper import Setting, label_figures
from covidct_curate.label.rules import load_rules
from covidct_curate.panels.subcaptions import divide, spans_for
from covidct_curate.records import Facts, Figure, Panel, Patient

ONE, TWO, THREE = (
    "Patient 1 was a 45-year-old man with fever.",
    "Patient 2 was a 31-year-old woman with cough.",
    "Patient 3, a 67-year-old man with diabetes, had dyspnoea.",
)
BODY = f"{ONE}\n\n{TWO}\n\n{THREE}"
CASE = "A 52-year-old woman with diabetes was admitted with fever. She recovered."
REPORT = "A rare complication of COVID-19: a case report"


def shown(caption: str, panels: str | int = 1, *cites: str) -> Figure:
    """A figure of panels with these letters, or of so many without; ``cites`` are sentences that cite it."""
    labels = list(panels) if isinstance(panels, str) else [None] * panels
    division, whole = divide(caption), ((0, len(caption)),)
    return Figure(
        label="Figure 1",
        caption=caption,
        caption_page=0,
        page=0,
        bbox=(0, 0, 1, 1),
        binding="below",
        confidence=1.0,
        mentions=cites,
        kind="radiology",
        panels=tuple(
            Panel(
                figure_file="f.png",
                file="f.png",
                box=(0, 0, 1, 1),
                label=label,
                label_source="text" if label else "",
                spans=whole if len(labels) == 1 else spans_for(caption, division, label=label, place=None),
                method="gutter",
                confidence=1.0,
            )
            for label in labels
        ),
    )


def facts(figures: Sequence[Figure], body: str = "", title: str = "") -> list[list[Facts]]:
    """Of each figure those of each panel."""
    labelled = label_figures(figures, Setting(title, body), load_rules())
    return [[panel.facts for panel in figure.panels if panel.facts] for figure in labelled]


def one(caption: str, body: str = "") -> Facts:
    """Those of a figure of one panel."""
    ((found,),) = facts([shown(caption)], body)
    return found


def brief(patient: Patient) -> str:
    return f"{patient.id} {patient.age or '-'} {patient.gender or '-'}"


@dataclass(frozen=True)
class Situation:
    figures: Sequence[Figure]
    who: list[str]
    """Of each panel of each figure: the patient's number, age and gender."""
    body: str = ""
    title: str = ""


SITUATIONS = {
    # the caption's own words
    "a figure of one patient": Situation([shown("Chest CT of a 45-year-old man.")], ["1 45 M"]),
    "one patient for all letters": Situation(
        [shown("Chest CT of a 45-year-old man with COVID-19. (A) On admission. (B) On day 9.", "AB")],
        ["1 45 M", "1 45 M"],
    ),
    "one patient behind the letters": Situation(
        [shown("Chest CT images (A, axial; B, coronal) of a 45-year-old man.", "AB")], ["1 45 M", "1 45 M"]
    ),
    "one patient, panels without letters": Situation(
        [shown("Chest CT of a 45-year-old man.", 3)], ["1 45 M", "1 45 M", "1 45 M"]
    ),
    "letters before patients": Situation(
        [shown("Chest CT of two patients. (A) A 45-year-old man. (B) A 31-year-old woman.", "AB")],
        ["1 45 M", "2 31 F"],
    ),
    "letters after patients": Situation(
        [shown("Chest CT of a 45-year-old man (A) and a 31-year-old woman (B).", "AB")], ["1 45 M", "2 31 F"]
    ),
    "a patient of several letters": Situation(
        [shown("Chest CT. (A, B) A 45-year-old man. (C, D) A 31-year-old woman.", "ABCD")],
        ["1 45 M", "1 45 M", "2 31 F", "2 31 F"],
    ),
    "a patient of a range of letters": Situation(
        [shown("Chest CT. (A-C) A 45-year-old man. (D) A 31-year-old woman.", "ABCD")],
        ["1 45 M", "1 45 M", "1 45 M", "2 31 F"],
    ),
    "the same patient by letters": Situation(
        [shown("Chest CT. (A) A 45-year-old man on admission. (B) The same patient on day 9.", "AB")],
        ["1 45 M", "1 45 M"],
    ),
    "a family": Situation(
        [
            shown(
                "Chest CT of a family. (A) The 45-year-old father. (B) The 43-year-old mother. (C) Their "
                "9-year-old son.",
                "ABC",
            )
        ],
        ["1 45 M", "2 43 F", "3 9 M"],
    ),
    "panels in the reading order of different letters' days": Situation(
        [shown("Chest CT. (A) Day 1 of patient 1. (B) Day 5 of patient 1. (C) Day 2 of patient 2.", "ABC")],
        ["1 45 M", "1 45 M", "2 31 F"],
        BODY,
    ),
    # in order, where there are as many patients as panels
    "in order": Situation(
        [shown("Chest CT of a 45-year-old man and a 50-year-old woman.", 2)], ["1 45 M", "2 50 F"]
    ),
    "numbers in order": Situation(
        [shown("Chest CT of patient 2 and patient 3.", 2)], ["1 31 F", "2 67 M"], BODY
    ),
    "more panels than patients": Situation(
        [shown("Chest CT of a 45-year-old man and a 50-year-old woman.", 3)], ["0 - -", "0 - -", "0 - -"]
    ),
    "candidates of one gender": Situation(
        [shown("Chest CT of a 45-year-old man and a 50-year-old man.", 3)], ["0 - M", "0 - M", "0 - M"]
    ),
    "candidates of one age": Situation(
        [shown("Chest CT of a 45-year-old man and a 45-year-old woman.", 3)], ["0 45 -", "0 45 -", "0 45 -"]
    ),
    "two patients at one letter": Situation(
        [shown("Chest CT. (A) A 45-year-old man and a 31-year-old woman. (B) A 20-year-old man.", "AB")],
        ["0 - -", "1 20 M"],
    ),
    "a panel whose letter the caption has not": Situation(
        [shown("Chest CT. (A) A 45-year-old man. (B) A 31-year-old woman.", "ABC")],
        ["1 45 M", "2 31 F", "0 - -"],
    ),
    "panels without letters, more than the caption's": Situation(
        [shown("Chest CT. (A) A 45-year-old man. (B) A 31-year-old woman.", 3)], ["0 - -", "0 - -", "0 - -"]
    ),
    # another panel shows somebody else
    "a healthy control beside": Situation(
        [shown("Chest CT. (A) A 45-year-old man with COVID-19. (B) A healthy control.", "AB")],
        ["1 45 M", "0 - -"],
    ),
    "another disease beside": Situation(
        [shown("Chest CT. (A) A 45-year-old man with COVID-19. (B) Influenza pneumonia.", "AB")],
        ["1 45 M", "0 - -"],
    ),
    # numbers that the body explains
    "a number explained in the body": Situation(
        [shown("Chest CT of patient 3 with COVID-19.")], ["1 67 M"], BODY
    ),
    "a number with a zero before": Situation([shown("Chest CT of patient 03.")], ["1 67 M"], BODY),
    "a number nobody explains": Situation([shown("Chest CT of patient 9.")], ["1 - -"], BODY),
    "numbers at letters, out of order": Situation(
        [shown("Chest CT of three patients. (A) Patient 3. (B) Patient 1. (C) Patient 2.", "ABC")],
        ["1 67 M", "2 45 M", "3 31 F"],
        BODY,
    ),
    "letters behind numbers": Situation(
        [shown("Chest CT. Patient 1 (A, B) and patient 2 (C, D).", "ABCD")],
        ["1 45 M", "1 45 M", "2 31 F", "2 31 F"],
        BODY,
    ),
    "a number whose facts differ in caption and body": Situation(
        [shown("Chest CT of patient 1, a 54-year-old woman.")], ["1 54 F"], BODY
    ),
    "a suspected patient of the same number": Situation(
        [shown("Chest CT of suspected patient 1.")], ["1 - -"], BODY
    ),
    # cases that cite the figure
    "a case that cites the figure": Situation(
        [shown("Chest CT with ground-glass opacities.", 1, "His CT is shown in Figure 1.")],
        ["1 61 M"],
        "A 61-year-old man was admitted with fever. His CT is shown in Figure 1. A 25-year-old woman was admitted "
        "later.",
    ),
    "cases that cite one figure each": Situation(
        [
            shown("Chest CT.", 1, "A 61-year-old man (Figure 1) was admitted with fever."),
            shown("Chest CT with nodules.", 2, "A 25-year-old woman (Figure 2) was admitted later."),
        ],
        ["1 61 M", "2 25 F", "2 25 F"],
        "A 61-year-old man (Figure 1) was admitted with fever. A 25-year-old woman (Figure 2) was admitted later.",
    ),
    "as many cases in one sentence as panels": Situation(
        [shown("Chest CT images.", 2, "A 61-year-old man and a 25-year-old woman are shown in Figure 1.")],
        ["1 61 M", "2 25 F"],
        "We saw many. A 61-year-old man and a 25-year-old woman are shown in Figure 1. Others were well.",
    ),
    "fewer cases in one sentence than panels": Situation(
        [shown("Chest CT images.", 3, "A 61-year-old man and a 25-year-old man are shown in Figure 1.")],
        ["0 - M", "0 - M", "0 - M"],
        "We saw many. A 61-year-old man and a 25-year-old man are shown in Figure 1. Others were well.",
    ),
    # case reports
    "the lone patient of a case report": Situation(
        [shown("Chest CT on admission.", 2), shown("")], ["1 52 F"] * 3, CASE, REPORT
    ),
    "the lone patient of a paper that is no case report": Situation(
        [shown("Chest CT on admission.", 2)], ["0 - -", "0 - -"], CASE, "Clinical features of COVID-19"
    ),
    "a case-control study is no case report": Situation(
        [shown("Chest CT on admission.")], ["0 - -"], CASE, "A case-control study of COVID-19"
    ),
    "a case report of two": Situation(
        [shown("Chest CT on admission.")], ["0 - -"], f"{CASE}\n\nA 33-year-old man was seen.", REPORT
    ),
    "other patients in a case report": Situation(
        [shown("Chest CT of two other patients.", 2)], ["0 - -", "0 - -"], CASE, REPORT
    ),
    "a healthy control in a case report": Situation(
        [shown("Chest CT on day 3."), shown("Chest CT of a healthy control.")],
        ["1 52 F", "0 - -"],
        CASE,
        REPORT,
    ),
    # over the figures of a paper
    "one number over two figures": Situation(
        [shown("Chest CT of patient 1 on admission."), shown("Chest CT of patient 1 on day 9.")],
        ["1 45 M", "1 45 M"],
        BODY,
    ),
    "one age and gender over two figures": Situation(
        [shown("Chest CT of a 45-year-old man."), shown("CT on day 9 of the 45-year-old man.", 2)],
        ["1 45 M", "1 45 M", "1 45 M"],
    ),
    "another age over two figures": Situation(
        [shown("Chest CT of a 45-year-old man."), shown("Chest CT of a 46-year-old man.")],
        ["1 45 M", "2 46 M"],
    ),
    "panels of two figures by letters": Situation(
        [
            shown("Chest CT on admission. (A) Patient 1. (B) Patient 2.", "AB"),
            shown("Chest CT on day 9. (A) Patient 2. (B) Patient 1.", "AB"),
        ],
        ["1 45 M", "2 31 F", "2 31 F", "1 45 M"],
        BODY,
    ),
    "the case the caption means by age and gender": Situation(
        [shown("Chest CT of a 67-year-old man.")], ["1 67 M"], BODY
    ),
    "nobody who can be told": Situation(
        [shown("Chest CT of COVID-19."), shown("Chest CT images.", 3)], ["0 - -"] * 4, BODY
    ),
    "a cohort": Situation([shown("Chest CT of 24 patients (median age 47 years, 13 men).")], ["0 - -"]),
    "a picture that shows no patient": Situation([shown("Bar plot of the ages of all patients.")], [" - -"]),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_situations(name: str) -> None:
    each = SITUATIONS[name]
    found = facts(each.figures, each.body, each.title)
    assert [brief(panel.patient) for panels in found for panel in panels] == each.who


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_age_and_gender_has_its_evidence(name: str) -> None:
    each = SITUATIONS[name]
    for figure, panels in zip(each.figures, facts(each.figures, each.body, each.title), strict=True):
        for found in panels:
            for field in ("age", "gender"):
                why = found.evidence.get(field)
                assert (why is not None) == bool(getattr(found.patient, field))
                if why is not None:
                    assert why.text in (each.body if why.source == "case" else figure.caption)


def test_the_body_s_facts_of_a_patient_are_theirs_alone() -> None:
    letters = shown("Chest CT. (A) Patient 3. (B) Patient 1.", "AB")
    ((third, first),) = facts([letters], BODY)
    assert (third.patient.medical_history, first.patient.medical_history) == ("diabetes", "")
    assert third.evidence["medical_history"].source == "case"
    # so are the caption's
    letters = shown(
        "Chest CT. (A) Patient 1, with asthma, on day 3 of illness. (B) Patient 2 on day 5 of illness.", "AB"
    )
    ((first, second),) = facts([letters], BODY)
    assert (first.patient.medical_history, second.patient.medical_history) == ("asthma", "")
    assert (first.patient.time_days, second.patient.time_days) == (3, 5)


def test_nearer_words_are_surer() -> None:
    def sure(figure: Figure, body: str = "") -> float:
        return facts([figure], body)[0][0].evidence["age"].confidence

    own = sure(shown("Chest CT. (A) A 45-year-old man. (B) A 31-year-old woman.", "AB"))
    cited = sure(shown("Chest CT.", 1, ONE), f"{ONE} {TWO}")
    in_order = sure(shown("Chest CT of a 45-year-old man and a 50-year-old woman.", 2))
    assert own > cited > in_order


def test_where_it_was_read_is_told() -> None:
    ((_, second),) = facts(
        [shown("Chest CT of a 45-year-old man. (A) Day 3. (B) A 31-year-old woman.", "AB")]
    )
    assert second.evidence["age"].source == "subcaption"
    assert one("Chest CT of a 45-year-old man.").evidence["age"].source == "caption"
    assert one("Chest CT of patient 1.", BODY).evidence["age"].source == "case"
    assert one("Chest CT of patient 1.", BODY).evidence["id"].source == "caption"


@pytest.mark.parametrize(
    ("caption", "age", "low", "high"),
    [
        ("Chest CT of an 89-year-old woman.", "89", 89, 89),
        ("Chest CT of a 90-year-old woman.", "90+", 90, None),
        ("Chest CT of a 97-year-old man.", "90+", 90, None),
        ("Chest CT of a woman aged 103 years.", "90+", 90, None),
        ("Chest CT of a woman in her 40s.", "40s", 40, 49),
    ],
)
def test_great_ages_are_not_told(caption: str, age: str, low: float, high: float | None) -> None:
    found = one(caption)
    assert (found.patient.age, found.patient.age_min, found.patient.age_max) == (age, low, high)
    assert found.flags == ()
    if age == "90+":
        for why in found.evidence.values():
            assert not {"97", "103"} & set(why.text.replace("-", " ").split())


@pytest.mark.parametrize(
    ("caption", "body", "flagged"),
    [
        ("Chest CT of a 17-year-old boy.", "", True),
        ("Chest CT of an 18-year-old woman.", "", False),
        ("Chest CT of a 7-month-old girl.", "", True),
        ("Chest CT of a newborn.", "", True),
        ("Chest CT of children with COVID-19.", "", True),
        ("Chest CT of patient 1.", "Patient 1 was a 9-year-old girl.", True),
        (
            "Chest CT of patient 2.",
            "Patient 1 was a 9-year-old girl. Patient 2 was a 40-year-old man.",
            False,
        ),
        ("Chest CT of a 45-year-old man.", "", False),
        ("Chest CT.", "", False),
    ],
)
def test_minors_are_flagged(caption: str, body: str, flagged: bool) -> None:
    assert ("under-18" in one(caption, body).flags) == flagged


def test_one_minor_among_letters_is_flagged_alone() -> None:
    (found,) = facts([shown("Chest CT. (A) A 9-year-old girl. (B) Her 35-year-old mother.", "AB")])
    assert ["under-18" in each.flags for each in found] == [True, False]


def test_names_are_nowhere_in_the_facts() -> None:
    found = one(
        "Chest CT of Mr. Q.X., a 45-year-old man.",
        "Mr. Q.X. (45 years, male) had diabetes. Mr. Q.X. recovered.",
    )
    assert brief(found.patient) == "1 45 M"
    assert "Q.X" not in repr(found)


def test_thousands_of_patients_in_one_caption_take_no_time() -> None:
    """Who is who is looked up for each panel: it must not cost the square of their number twice over."""
    caption = " ".join(
        f"({chr(97 + n % 26)}) Patient {n}, a {20 + n % 60}-year-old man." for n in range(2000)
    )
    ((*found,),) = facts([shown(caption, 12)], BODY)
    assert len(found) == 12
    assert {each.patient.age for each in found} == {""}
