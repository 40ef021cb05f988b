"""Splits: nothing shared between parts, sizes as near as groups allow, the same for the same items."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covidct_curate.audit.subject import PARTS, Part
from covidct_curate.errors import DatasetError
from covidct_curate.release.official import official, official_split, read_split, violations
from covidct_curate.release.splits import SIZES, groups, reached_sizes, split

ITEMS = st.lists(
    st.tuples(st.lists(st.integers(0, 25), max_size=3), st.booleans()), max_size=80
)  # keys and class of each item


def _arguments(items: list[tuple[list[int], bool]]) -> tuple[list[str], list[list[int]], list[bool]]:
    return (
        [f"{number}.png" for number in range(len(items))],
        [keys for keys, _ in items],
        [kind for _, kind in items],
    )


@settings(deadline=None)
@given(ITEMS, st.integers(0, 5))
def test_no_key_is_in_two_parts(items: list[tuple[list[int], bool]], seed: int) -> None:
    ids, keys, positive = _arguments(items)
    parts = split(ids, keys, positive, seed=seed)
    homes = defaultdict(set)
    for own, part in zip(keys, parts, strict=True):
        for key in own:
            homes[key].add(part)
    assert len(parts) == len(items)
    assert all(len(each) == 1 for each in homes.values())


@settings(deadline=None)
@given(ITEMS, st.randoms(use_true_random=False))
def test_the_order_of_the_items_does_not_matter(items: list[tuple[list[int], bool]], random: object) -> None:
    ids, keys, positive = _arguments(items)
    parts = dict(zip(ids, split(ids, keys, positive), strict=True))
    order = list(range(len(items)))
    random.shuffle(order)  # type: ignore[attr-defined]
    again = split([ids[n] for n in order], [keys[n][::-1] for n in order], [positive[n] for n in order])
    assert dict(zip([ids[n] for n in order], again, strict=True)) == parts


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=40))
def test_sizes_are_within_the_largest_group(sizes: list[tuple[int, bool]]) -> None:
    items = [([group], kind) for group, (size, kind) in enumerate(sizes) for _ in range(size)]
    ids, keys, positive = _arguments(items)
    counts = Counter(zip(split(ids, keys, positive), positive, strict=True))
    for kind in (True, False):
        own = [size for size, each in sizes if each is kind]
        for part, share in zip(PARTS, SIZES, strict=True):
            assert abs(counts[part, kind] - share * sum(own)) <= max(own, default=0)
            assert counts[part, kind] > 0 or len(own) < 3


def test_many_small_groups_reach_the_sizes_in_both_classes() -> None:
    items = [([number // 2], number % 20 < 14) for number in range(2000)]
    ids, keys, positive = _arguments(items)
    parts = split(ids, keys, positive)
    assert reached_sizes(parts, positive) == {"train": (840, 360), "val": (210, 90), "test": (350, 150)}


def test_a_chain_of_keys_is_one_group() -> None:
    keys = [
        ["patient 1"],
        ["patient 1", "paper 1"],
        ["paper 1", "cluster 1"],
        ["cluster 1"],
        ["patient 2"],
        [],
    ]
    assert groups(keys) == [[0, 1, 2, 3], [4], [5]]


def test_another_seed_is_another_split() -> None:
    items = [([number], number % 2 == 0) for number in range(60)]
    assert split(*_arguments(items), seed=1) != split(*_arguments(items), seed=2)
    assert split(*_arguments(items), seed=1) == split(*_arguments(items), seed=1)


def test_a_part_of_size_nothing_stays_empty() -> None:
    items = [([number], number % 2 == 0) for number in range(40)]
    _, _, positive = _arguments(items)
    parts = split(*_arguments(items), sizes=(3, 0, 1))
    assert reached_sizes(parts, positive) == {"train": (15, 15), "val": (0, 0), "test": (5, 5)}


def test_one_class_alone_is_split_too() -> None:
    items: list[tuple[list[int], bool]] = [([number], True) for number in range(20)]
    assert reached_sizes(split(*_arguments(items)), [True] * 20) == {
        "train": (12, 0),
        "val": (3, 0),
        "test": (5, 0),
    }


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="an id, keys and a class"):
        split(["a"], [], [True])
    with pytest.raises(ValueError, match=r"twice: 'a'"):
        split(["a", "a"], [[], []], [True, False])
    with pytest.raises(ValueError, match="shares of train, val and test"):
        split([], [], [], sizes=(1, -1, 1))


# splits that are given ---------------------------------------------------------------------------------


def test_the_official_split_has_all_images_and_says_whence() -> None:
    counts = Counter((name.partition("/")[0], part) for name, part in official().parts.items())
    assert [counts["CT_COVID", part] for part in PARTS] == [191, 60, 98]
    assert [counts["CT_NonCOVID", part] for part in PARTS] == [234, 58, 105]
    assert "2003.13865" in official().source and official().licence
    assert Counter(each.kind for each in official().errata) == {"near-duplicate": 5, "shared-paper": 3}


def test_every_erratum_is_across_two_parts() -> None:
    for each in official().errata:
        inside = [part for name, part in official().parts.items() if each.paper and f"/{each.paper}-" in name]
        found = [part for part in official_split(each.images) if part] or inside
        assert len(set(found)) == 2, each


def test_names_are_found_however_they_are_written() -> None:
    names = list(official().parts)
    wanted = list(official().parts.values())
    assert official_split(names) == wanted
    assert official_split([name.rpartition("/")[2] for name in names]) == wanted
    assert official_split([f"release/{name.rpartition('.')[0]}.png" for name in names]) == wanted
    assert official_split([name.rpartition(".")[0].replace("%", "_") for name in names]) == wanted
    assert official_split(["CT_COVID/unknown.png", ""]) == [None, None]


def test_an_image_in_the_other_class_is_not_the_official_one() -> None:
    name = next(name for name in official().parts if name.startswith("CT_COVID/"))
    assert official_split([name.replace("CT_COVID/", "CT_NonCOVID/")]) == [None]


def _write(folder: Path, lists: dict[str, str]) -> Path:
    for name, text in lists.items():
        path = folder / "Data-split" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_lists_in_files_are_read(tmp_path: Path) -> None:
    lists = {
        "COVID/trainCT_COVID.txt": "\ufeffone.png\r\n\r\ntwo%1.png\r\n",
        "COVID/testCT_COVID.txt": "three.png",
        "NonCOVID/valCT_NonCOVID.txt": "one.png\n",
    }
    for root in (_write(tmp_path, lists), tmp_path / "Data-split"):
        listed = read_split(root)
        names = [
            "CT_COVID/one.png",
            "CT_COVID/two_1.jpg",
            "three",
            "CT_NonCOVID/one.png",
            "one.png",
            "four.png",
        ]
        assert listed.of(names) == ["train", "train", "test", "val", None, None]


def test_lists_that_are_wrong_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no lists of a split"):
        read_split(tmp_path)
    _write(tmp_path, {"COVID/trainCT_COVID.txt": "a%1.png\n", "COVID/testCT_COVID.txt": "a-1.jpg\n"})
    with pytest.raises(DatasetError, match=r"testCT_COVID\.txt: 'a-1\.jpg' is in train too"):
        read_split(tmp_path)
    (tmp_path / "Data-split/COVID/testCT_COVID.txt").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(DatasetError, match="list of file names"):
        read_split(tmp_path)


def test_violations_are_told_in_words() -> None:
    keys = {
        "patient": [["p2"], ["p2"], ["p1"], ["p3"]],
        "cluster of near-duplicates": [["c1"], ["c2"], ["c2"], ["c1"]],
        "paper": [[], ["x"], [], ["x"]],
    }
    assert violations(keys, ["train", "train", "test", "test"]) == [
        "2 clusters of near-duplicates are in train and test: "
        "c1 (1 in train, 1 in test), c2 (1 in train, 1 in test).",
        "1 paper is in train and test: x (1 in train, 1 in test).",
    ]
    assert violations(keys, ["train"] * 4) == []


def test_violations_name_three_and_count_the_rest() -> None:
    names = [[str(number)] for number in range(12)]
    parts: list[Part] = ["val" if number >= 12 else "train" for number in range(24)]
    told = violations({"paper": [*names, *names]}, parts)
    assert told == [
        "12 papers are in train and val: 0 (1 in train, 1 in val), 1 (1 in train, 1 in val), "
        "2 (1 in train, 1 in val) and 9 more."
    ]
