"""Agreement of reviewers, checked against scikit-learn."""

from __future__ import annotations

import math
import warnings
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from covidct_curate.records import Decision
from covidct_curate.review.agreement import Disagreement, FieldAgreement, agreement, kappa


def said(reviewer: str, uid: str, **values: str) -> list[Decision]:
    """Decisions of one reviewer about one picture."""
    return [
        Decision(uid, field, value, None, reviewer, "2026-01-01", "test") for field, value in values.items()
    ]


def reference(firsts: list[str], seconds: list[str]) -> float | None:
    """scikit-learn's kappa, its undefined ones as None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = float(cohen_kappa_score(firsts, seconds))
    return None if math.isnan(found) else found


LABELS = st.sampled_from(["covid", "non-covid", "uncertain", ""])


@settings(deadline=None)
@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=40))
def test_kappa_is_scikit_learns(values: list[tuple[str, str]]) -> None:
    firsts, seconds = map(list, zip(*values, strict=True))
    assert kappa(values) == pytest.approx(reference(firsts, seconds))


@settings(deadline=None)
@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=40))
def test_the_report_is_scikit_learns(values: list[tuple[str, str]]) -> None:
    decided = []
    for at, (first, second) in enumerate(values):
        decided += said("Anna", f"{at:04d}", finding=first, keep="yes")
        decided += said("Ben", f"{at:04d}", finding=second, keep="no")
    (pair,) = agreement(decided).pairs
    keep, finding = pair.fields
    firsts, seconds = map(list, zip(*values, strict=True))
    assert pair.pictures == finding.pictures == len(values)
    assert finding.raw == pytest.approx(sum(a == b for a, b in values) / len(values))
    assert finding.kappa == pytest.approx(reference(firsts, seconds))
    assert [(each.first, each.second) for each in finding.disagreements] == [
        v for v in values if v[0] != v[1]
    ]
    assert (keep.raw, keep.kappa) == (0, 0)


def test_an_example_worked_by_hand() -> None:
    """50 pictures: both yes 20, first alone 5, second alone 10, both no 15: p = 0.7, e = 0.5."""
    counts = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    values = [value for value, count in counts.items() for _ in range(count)]
    assert kappa(values) == pytest.approx(0.4)


def test_kappa_is_undefined_where_chance_alone_agrees() -> None:
    assert kappa([("ct", "ct")] * 9) is None
    assert kappa([]) is None
    assert kappa([("ct", "xray")] * 9) == 0


def test_only_pictures_that_both_confirmed_count() -> None:
    decided = [
        *said("Anna", "a", modality="ct", keep="yes"),
        *said("Ben", "a", modality="ct", keep="no"),
        *said("Anna", "b", modality="ct", keep="yes"),
        *said("Ben", "b", modality="mri"),
        *said("Anna", "c", modality="ct", keep="yes"),
        *said("Ben", "c", modality="mri", keep="yes"),
        *said("Ben", "c", keep=""),
        *said("Anna", "figure", caption="one", panels="two"),
        *said("Ben", "figure", caption="two", panels="one"),
    ]
    (pair,) = agreement(decided).pairs
    assert (pair.first, pair.second, pair.pictures) == ("Anna", "Ben", 1)
    assert [(each.field, each.pictures, each.raw, each.kappa) for each in pair.fields] == [
        ("keep", 1, 0, 0),
        ("modality", 1, 1, None),
    ]


def test_the_newest_decision_of_each_counts() -> None:
    decided = [
        *said("Anna", "a", age="45", keep="no"),
        *said("Ben", "a", age="54", keep="yes"),
        *said("Anna", "a", age="54", keep="yes"),
    ]
    (pair,) = agreement(decided).pairs
    assert [(each.field, each.raw) for each in pair.fields] == [("age", 1), ("keep", 1)]


def test_a_field_that_one_of_them_left_out_has_no_agreement() -> None:
    decided = [*said("Anna", "a", icu="yes", note="dark", keep="yes"), *said("Ben", "a", keep="yes")]
    (pair,) = agreement(decided).pairs
    assert [each.field for each in pair.fields] == ["keep", "icu"]
    assert pair.fields[1] == FieldAgreement("icu", 0, None, None, ())


def test_fields_stand_in_the_order_of_the_columns() -> None:
    fields = dict.fromkeys(["later_field", "icu", "region", "keep", "age", "patient"], "yes")
    (pair,) = agreement([*said("Anna", "a", **fields), *said("Ben", "a", **fields)]).pairs
    assert [each.field for each in pair.fields] == ["patient", "age", "keep", "region", "icu", "later_field"]


def test_disagreements_name_picture_field_and_values() -> None:
    decided = [
        *said("Ben", "b", age="45", keep="yes"),
        *said("Anna", "b", age="54", keep="yes"),
        *said("Ben", "a", age="", keep="yes"),
        *said("Anna", "a", age="6", keep="yes"),
    ]
    (pair,) = agreement(decided).pairs
    assert pair.fields[0].disagreements == (
        Disagreement("a", "age", "6", ""),
        Disagreement("b", "age", "54", "45"),
    )


def test_every_pair_with_common_pictures_is_compared_and_names_are_exact() -> None:
    pictures = {"Ben": "ab", "Anna": "a", "anna": "b", "Cleo": "c"}
    decided = [
        each for name, uids in pictures.items() for uid in uids for each in said(name, uid, keep="yes")
    ]
    assert [(pair.first, pair.second) for pair in agreement(decided).pairs] == [
        ("Anna", "Ben"),
        ("Ben", "anna"),
    ]


def test_nobody_agrees_with_nobody() -> None:
    assert agreement([]).pairs == ()
    assert agreement(said("Anna", "a", keep="yes")).pairs == ()


def test_three_reviewers_give_three_pairs() -> None:
    decided = [each for name, uid in product("XYZ", "abc") for each in said(name, uid, keep="yes")]
    assert [(pair.first + pair.second, pair.pictures) for pair in agreement(decided).pairs] == [
        ("XY", 3),
        ("XZ", 3),
        ("YZ", 3),
    ]
