"""Controls: what is reached without the anatomy, on the pictures a network is judged on.

A forest learns from what the network learnt from, and sees only what each file is, the outermost pixels, or the shares
of grey levels; the last control always says what most pictures are. What these reach, a network may have reached by
the same means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covidct_curate.audit import shortcuts
from covidct_curate.audit.files import look_at
from covidct_curate.audit.folders import read_folder
from covidct_curate.errors import CurateError
from covidct_curate.forms import visible
from covidct_model.errors import RunError
from covidct_model.metrics import Numbers

NAMES: Mapping[str, str] = {**shortcuts.NAMES, "majority": "nothing: all are of the more frequent class"}
"""Every control, and what it goes by, in words."""


@dataclass(frozen=True, slots=True)
class Known:
    """A picture and its class, as a run knows them."""

    name: str
    label: int
    """1 for the positive class."""


def controls(release: Path, learnt: Sequence[Known], asked: Sequence[Known]) -> dict[str, Numbers]:
    """The scores, from 0 to 1, that each of `NAMES` gives the pictures ``asked``; learnt from those ``learnt``.

    The same input gives the same result. Raises `RunError` when the release is not there, or no longer has these
    pictures with these classes.
    """
    rows = _rows(release, (*learnt, *asked))
    truth = np.array([each.label == 1 for each in learnt], bool)
    return {
        **{
            name: shortcuts.scores(_features(rows, learnt, name), truth, _features(rows, asked, name))
            for name in shortcuts.NAMES
        },
        "majority": np.full(len(asked), truth.mean()),
    }


def _rows(release: Path, known: Sequence[Known]) -> dict[str, dict[str, shortcuts.Row]]:
    """The features of each picture, by its name."""
    changed = f"{release}: it is no longer the release that the run was trained on"
    try:
        subject = read_folder(release)
    except CurateError as error:
        raise RunError(f"{error}; the control rows need the release where it was") from error
    entries = {entry.name: entry for entry in subject.entries}
    for each in known:
        entry = entries.get(each.name)
        if entry is None or entry.positive is not bool(each.label):
            has = "is not there" if entry is None else f"is of class {entry.finding!r}"
            raise RunError(f"{changed}: {visible(each.name)} {has}; bring back what it was")
    wanted = tuple(entries[each.name] for each in known)
    seen, _ = look_at(replace(subject, entries=wanted))
    for entry in wanted:
        if entry.name not in seen:
            raise RunError(f"{changed}: {visible(entry.name)} cannot be read; bring back what it was")
    return {
        name: shortcuts.features(name, one.size, one.mode, one.bytes, one.border, one.histogram)
        for name, one in seen.items()
    }


def _features(
    rows: Mapping[str, Mapping[str, shortcuts.Row]], known: Sequence[Known], name: str
) -> NDArray[np.float32]:
    return np.array([rows[each.name][name] for each in known], np.float32)
