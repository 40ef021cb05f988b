"""Controls: a planted shortcut is found on the test part, and a release that changed is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from covidct_curate.audit.folders import read_folder
from covidct_model.controls import NAMES, Known, controls
from covidct_model.errors import RunError
from covidct_model.metrics import area
from tests.tinyrelease import Grey, change_row, tiny_release

COUNTS = (16, 2, 10)


def framed(picture: Grey, positive: bool) -> Grey:
    """Noise of every level, with a white frame where it is positive, and as much white elsewhere where not."""
    noise = np.random.default_rng(int(picture.sum())).integers(0, 200, picture.shape, np.uint8)
    inside = np.zeros(picture.shape, bool)
    inside[4:-4, 4:-4] = True
    white = ~inside
    white[2:-2, 2:-2] = False
    if not positive:
        places = np.random.default_rng(0).permutation(np.flatnonzero(inside))[: white.sum()]
        white = np.isin(np.arange(picture.size), places).reshape(picture.shape)
    noise[white] = 255
    return noise


def framed_release(root: Path, counts: tuple[int, int, int]) -> Path:
    """Every positive picture has a white frame, and nothing else tells the class: all files are of one length."""
    tiny_release(root, counts, change=framed)
    files = sorted(root.glob("CT_*/*.png"))
    longest = max(each.stat().st_size for each in files)
    for each in files:
        each.write_bytes(each.read_bytes().ljust(longest, b"\0"))
    return root


def known(release: Path, part: str) -> list[Known]:
    entries = read_folder(release).entries
    return [Known(each.name, int(bool(each.positive))) for each in entries if each.part == part]


def areas(release: Path) -> dict[str, float | None]:
    test = known(release, "test")
    told = controls(release, known(release, "train"), test)
    assert list(told) == list(NAMES) == ["file", "border", "histogram", "majority"]
    assert all(own.shape == (len(test),) and own.min() >= 0 and own.max() <= 1 for own in told.values())
    return {name: area([each.label for each in test], own.tolist()) for name, own in told.items()}


def test_a_planted_frame_is_told_by_the_border_alone(tmp_path: Path) -> None:
    told = areas(framed_release(tmp_path / "r", COUNTS))
    assert told["border"] == 1 and told["majority"] == told["file"] == 0.5
    assert told["histogram"] is not None and 0.15 < told["histogram"] < 0.85


def test_without_one_the_border_tells_nothing(tmp_path: Path) -> None:
    told = areas(tiny_release(tmp_path / "r", COUNTS, change=lambda picture, _: framed(picture, False)))
    assert told["border"] is not None and 0.15 < told["border"] < 0.85


def test_the_majority_of_what_is_learnt_counts(tmp_path: Path) -> None:
    release = tiny_release(tmp_path / "r")
    learnt = known(release, "train")
    told = controls(release, learnt[:10], known(release, "test"))  # 8 of 10 are positive
    assert set(told["majority"]) == {0.8}


def test_the_same_pictures_give_the_same_scores(tmp_path: Path) -> None:
    release = tiny_release(tmp_path / "r")
    train, test = known(release, "train"), known(release, "test")
    one, two = (controls(release, train, test) for _ in range(2))
    for name in NAMES:
        np.testing.assert_array_equal(one[name], two[name])


def test_a_release_that_changed_is_refused(tmp_path: Path) -> None:
    release = tiny_release(tmp_path / "r")
    train, test = known(release, "train"), known(release, "test")
    picture = test[0].name
    (release / picture).write_bytes(b"no picture")
    with pytest.raises(RunError, match=f"no longer the release.*{picture} cannot be read"):
        controls(release, train, test)
    change_row(release, picture, finding="non-covid", label=0)
    with pytest.raises(RunError, match=f"{picture} is of class 'non-covid'"):
        controls(release, train, test)
    (release / picture).unlink()
    with pytest.raises(RunError, match=f"{picture} is not there"):
        controls(release, train, test)
    shutil.rmtree(release)
    with pytest.raises(RunError, match="there is no such folder; the control rows need the release"):
        controls(release, train, test)
