"""Agreement of reviewers: how often two of them gave a picture the same value, and Cohen's kappa.

Raw agreement is the share of pictures to which both gave the same value. Two reviewers who answer at random
agree now and then, the more often the fewer values there are and the more common one of them is. Cohen's kappa
sets that aside: kappa = (p - e) / (1 - e), where p is the raw agreement and e the agreement to be expected from
how often each of the two gives each value; 1 is full agreement, 0 what chance gives, below 0 less than that. All
disagreements weigh the same. Where both give one and the same value throughout, e is 1 and kappa says nothing.
(J. Cohen, A coefficient of agreement for nominal scales. Educational and Psychological Measurement 20, 1960,
37-46.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from covidct_curate.columns import columns
from covidct_curate.records import Decision

_CONFIRMED = frozenset({"yes", "no"})
"""Values of ``keep`` by which a reviewer confirms a picture's row."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One field of one picture to which two reviewers gave different values."""

    uid: str
    field: str
    first: str
    """The first reviewer's value."""
    second: str
    """The second reviewer's value."""


@dataclass(frozen=True, slots=True)
class FieldAgreement:
    """How far two reviewers agree on one field."""

    field: str
    pictures: int
    """Pictures that both confirmed and whose field both decided."""
    raw: float | None
    """Share of these to which both gave the same value, from 0 to 1; None where there are none."""
    kappa: float | None
    """Cohen's, from -1 to 1; None where it is undefined: agreement by chance is certain, or there are none."""
    disagreements: tuple[Disagreement, ...]
    """In the order of their pictures' uids."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reviewers who confirmed some of the same pictures."""

    first: str
    second: str
    pictures: int
    """Confirmed by both."""
    fields: tuple[FieldAgreement, ...]
    """Every field that one of them decided on such a picture, notes aside, in the order of the sheet's columns."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far reviewers agree."""

    pairs: tuple[Pair, ...]
    """By name; without those who confirmed no picture in common."""


def agreement(decided: Iterable[Decision]) -> Agreement:
    """How far each two reviewers agree about the pictures that both confirmed, by their newest decisions.

    ``decided``: all decisions, the oldest first. A reviewer has confirmed a picture when their own newest
    ``keep`` of it is yes or no. Names of reviewers and values are compared exactly.
    """
    values: dict[str, dict[str, dict[str, str]]] = {}
    for each in decided:
        values.setdefault(each.reviewer, {}).setdefault(each.uid, {})[each.field] = each.value
    confirmed = {
        reviewer: {uid: fields for uid, fields in pictures.items() if fields.get("keep") in _CONFIRMED}
        for reviewer, pictures in values.items()
    }
    pairs = []
    for first, second in combinations(sorted(confirmed), 2):
        mine, theirs = confirmed[first], confirmed[second]
        if common := sorted(mine.keys() & theirs.keys()):
            named = {field for uid in common for field in mine[uid].keys() | theirs[uid].keys()} - {"note"}
            fields = tuple(
                _field(
                    field,
                    [
                        (uid, mine[uid][field], theirs[uid][field])
                        for uid in common
                        if field in mine[uid] and field in theirs[uid]
                    ],
                )
                for field in _ordered(named)
            )
            pairs.append(Pair(first, second, len(common), fields))
    return Agreement(tuple(pairs))


def kappa(values: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's unweighted kappa of the two reviewers' values; None where it is undefined."""
    count = len(values)
    firsts, seconds = Counter(first for first, _ in values), Counter(second for _, second in values)
    same = sum(first == second for first, second in values)
    chance = sum(often * seconds[value] for value, often in firsts.items())
    return (count * same - chance) / (count**2 - chance) if chance < count**2 else None


def _field(field: str, values: Sequence[tuple[str, str, str]]) -> FieldAgreement:
    differing = tuple(
        Disagreement(uid, field, first, second) for uid, first, second in values if first != second
    )
    return FieldAgreement(
        field=field,
        pictures=len(values),
        raw=(len(values) - len(differing)) / len(values) if values else None,
        kappa=kappa([(first, second) for _, first, second in values]),
        disagreements=differing,
    )


def _ordered(fields: set[str]) -> list[str]:
    """In the order of the sheet's columns; fields of no column, which other versions may have, come last."""
    order = {column.field: at for at, column in enumerate(columns())}
    return sorted(fields, key=lambda field: (order.get(field, len(order)), field))
