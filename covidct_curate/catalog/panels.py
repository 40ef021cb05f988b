"""Panels: which pictures show them, and what the cut ones are called."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from covidct_curate.catalog import Connection, storable
from covidct_curate.records import Evidence, Facts, Panel, Patient, Picture

_NUMBERED = re.compile(r"(?P<stem>.*)%(?P<number>\d+)(?P<suffix>\.[^.%]*)")


def names(db: Connection, paper: int, pictures: Sequence[tuple[str, Picture]]) -> dict[str, str]:
    """The name of each (uid, picture): name it was written under → name it is to have.

    A cut picture about which there is a decision has its number for good: others skip it.
    """
    held = dict(
        db.execute(
            """SELECT pictures.uid, pictures.name FROM pictures JOIN figures ON figures.uid = pictures.figure
               WHERE figures.paper = ? AND pictures.role = 'panel'
                 AND EXISTS (SELECT 1 FROM decisions WHERE decisions.uid = pictures.uid)""",
            (paper,),
        )
    )
    taken = set(held.values())
    given = {}
    for uid, picture in pictures:
        name, found = picture.file, _NUMBERED.fullmatch(picture.file)
        if picture.role == "panel" and found:
            mine = _NUMBERED.fullmatch(held.get(uid, ""))
            if mine and mine["stem"] == found["stem"]:
                name = held[uid]
            else:
                number = int(found["number"])
                while name in taken:
                    number += 1
                    name = f"{found['stem']}%{number}{found['suffix']}"
            taken.add(name)
        given[picture.file] = name
    return given


def clear(db: Connection, paper: int) -> None:
    """Forget the panels of all the paper's figures."""
    db.execute("DELETE FROM panels WHERE figure IN (SELECT uid FROM figures WHERE paper = ?)", (paper,))


def write(db: Connection, figure: str, panels: Iterable[Panel], uids: Mapping[str, str]) -> None:
    """Take a figure's panels down; ``uids`` are those of the pictures by their files in ``panels``."""
    db.executemany(
        """INSERT INTO panels (figure, place, whole, picture, box, label, label_source, spans, method,
                               confidence, look, facts)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (
                figure,
                place,
                uids[panel.figure_file],
                uids[panel.file],
                json.dumps(panel.box),
                storable(panel.label),
                panel.label_source,
                json.dumps(panel.spans),
                panel.method,
                panel.confidence,
                json.dumps(dict(panel.look)),
                _stored(panel.facts),
            )
            for place, panel in enumerate(panels)
        ],
    )


def write_facts(db: Connection, figure: str, found: Iterable[Facts | None]) -> None:
    """Take down the facts of a figure's panels, in their order."""
    db.executemany(
        "UPDATE panels SET facts = ? WHERE figure = ? AND place = ?",
        [(_stored(facts), figure, place) for place, facts in enumerate(found)],
    )


def _stored(facts: Facts | None) -> str | None:
    return None if facts is None else storable(json.dumps(asdict(facts), ensure_ascii=False))


def _facts(stored: str | None) -> Facts | None:
    if stored is None:
        return None
    values: dict[str, Any] = json.loads(stored)
    values["patient"] = Patient(**values["patient"])
    values["evidence"] = {name: Evidence(**each) for name, each in values["evidence"].items()}
    values["flags"] = tuple(values["flags"])
    return Facts(**values)


def of_figure(db: Connection, figure: str) -> tuple[Panel, ...]:
    """A figure's panels in reading order."""
    rows = db.execute(
        """SELECT whole.file, picture.file, box, label, label_source, spans, method, confidence,
                  look, facts
           FROM panels JOIN pictures AS whole ON whole.uid = panels.whole
           JOIN pictures AS picture ON picture.uid = panels.picture
           WHERE panels.figure = ? ORDER BY panels.place""",
        (figure,),
    )
    return tuple(
        Panel(
            figure_file=whole,
            file=file,
            box=tuple(json.loads(box)),
            label=label,
            label_source=source,
            spans=tuple((start, end) for start, end in json.loads(spans)),
            method=method,
            confidence=confidence,
            look=json.loads(look),
            facts=_facts(facts),
        )
        for whole, file, box, label, source, spans, method, confidence, look, facts in rows
    )
