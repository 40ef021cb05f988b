"""Controls: what is reached without the anatomy, on the pictures a network is judged on.

A forest learns from what the network learnt from, and sees only what each file is, the outermost pixels, or the shares
of grey levels; the last control always says what most pictures are. What these reach, a network may have reached by
the same means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covidct_curate.audit import shortcuts
from covidct_curate.audit.files import decoded, over
from covidct_curate.audit.folders import read_folder
from covidct_curate.audit.subject import Entry
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
            name: shortcuts.scores(
                _features(rows, learnt, name), truth, _features(rows, asked, name), shortcuts.TREES
            )
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

    def told(entry: Entry) -> dict[str, shortcuts.Row]:
        try:
            file = decoded(entry.path)
        except (CurateError, OSError) as error:
            raise RunError(
                f"{changed}: {visible(entry.name)} cannot be read; bring back what it was"
            ) from error
        grey = file.grey
        size = grey.shape[1], grey.shape[0]
        edge, levels = shortcuts.border(grey), shortcuts.histogram(grey)
        return shortcuts.features(entry.name, size, file.mode, file.bytes, edge, levels)

    return {entry.name: one for entry, one in zip(wanted, over(wanted, told), strict=True)}


def _features(
    rows: Mapping[str, Mapping[str, shortcuts.Row]], known: Sequence[Known], name: str
) -> NDArray[np.float32]:
    return np.array([rows[each.name][name] for each in known], np.float32)
