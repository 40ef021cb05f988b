"""Splits: which pictures go to training, validation and test, so that nothing of one is in another.

Pictures that share a key (a patient, a paper, a cluster of near-duplicates) go to the same part, and so do
those that share one with them.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

from covidct_curate.audit.duplicates import clusters
from covidct_curate.audit.subject import PARTS, Part

SIZES = (0.6, 0.15, 0.25)
"""Shares of training, validation and test."""


def split(
    ids: Sequence[str],
    keys: Sequence[Sequence[Hashable]],
    positive: Sequence[bool],
    sizes: tuple[float, float, float] = SIZES,
    seed: int = 0,
) -> list[Part]:
    """The part of each item: `ids` tell the items apart, `keys` are what an item shares with others.

    Each class is shared out by `sizes` as nearly as the groups allow. With at least three groups of each class
    (one for each part whose size is not 0), every part has both, as long as groups of both classes do not
    stand in the way. Equal items give equal parts whatever their order; another `seed` gives another split.
    Raises ValueError when the lists differ in length, an id occurs twice or `sizes` are no shares.
    """
    if not len(ids) == len(keys) == len(positive):
        raise ValueError("split needs an id, keys and a class for each item")
    if len(set(ids)) != len(ids):
        raise ValueError(f"split needs ids that differ; twice: {Counter(ids).most_common(1)[0][0]!r}")
    if len(sizes) != len(PARTS) or min(sizes) < 0 or not sum(sizes) > 0:
        raise ValueError(f"the sizes of a split are shares of train, val and test, not {sizes}")
    shares = [size / sum(sizes) for size in sizes]
    whole = [sum(not each for each in positive), sum(map(bool, positive))]
    wanted = [[share * count for count in whole] for share in shares]
    reached = [[0, 0] for _ in PARTS]
    parts: list[Part] = ["train"] * len(ids)
    found = _ordered(groups(keys), ids, seed)
    for members in found:
        counts = [sum(not positive[each] for each in members), sum(bool(positive[each]) for each in members)]
        chosen = _nearest(counts, reached, wanted)
        reached[chosen] = [have + more for have, more in zip(reached[chosen], counts, strict=True)]
        for each in members:
            parts[each] = PARTS[chosen]
    _fill(found, ids, parts, positive, dict(zip(PARTS, wanted, strict=True)))
    return parts


def groups(keys: Sequence[Sequence[Hashable]]) -> list[list[int]]:
    """Numbers of the items that belong together: those that share a key, and those that share one with them."""
    first: dict[Hashable, int] = {}
    shared = [(first.setdefault(key, number), number, 1.0) for number, own in enumerate(keys) for key in own]
    members: dict[int, list[int]] = defaultdict(list)
    for number, root in enumerate(clusters(len(keys), shared)):
        members[root].append(number)
    return list(members.values())


def reached_sizes(parts: Sequence[Part], positive: Sequence[bool]) -> dict[Part, tuple[int, int]]:
    """How many positive and other items each part has."""
    counts = Counter(zip(parts, map(bool, positive), strict=True))
    return {part: (counts[part, True], counts[part, False]) for part in PARTS}


def _ordered(found: list[list[int]], ids: Sequence[str], seed: int) -> list[list[int]]:
    """The groups, the largest first, those of one size shuffled by the seed and the names of their members."""

    def place(members: list[int]) -> tuple[int, str]:
        name = min(ids[each] for each in members)
        return -len(members), hashlib.sha256(f"{seed}\n{name}".encode(errors="surrogatepass")).hexdigest()

    return sorted(found, key=place)


def _nearest(counts: list[int], reached: list[list[int]], wanted: list[list[float]]) -> int:
    """The part that lacks most of what the group has."""

    def lack(part: int) -> tuple[bool, float, int]:
        share = 0.0
        for kind, more in enumerate(counts):
            if more:
                whole = sum(each[kind] for each in wanted)
                share += more * (wanted[part][kind] - reached[part][kind] - more / 2) / whole
        return sum(wanted[part]) > 0, share, -part

    return max(range(len(wanted)), key=lack)


def _fill(
    found: list[list[int]],
    ids: Sequence[str],
    parts: list[Part],
    positive: Sequence[bool],
    wanted: dict[Part, list[float]],
) -> None:
    """Give a part that has none of a class the smallest group that another can spare."""
    for kind in (True, False):
        pure = [each for each in found if all(bool(positive[number]) is kind for number in each)]
        pure.sort(key=lambda members: (len(members), min(ids[number] for number in members)))
        for part in PARTS:
            have = Counter(parts[n] for n in range(len(parts)) if bool(positive[n]) is kind)
            if have[part] or not wanted[part][kind]:
                continue
            spare = [each for each in pure if have[parts[each[0]]] > len(each)]
            if spare:
                least = max(
                    spare, key=lambda each: have[parts[each[0]]] - wanted[parts[each[0]]][kind] - len(each)
                )
                for number in least:
                    parts[number] = part
