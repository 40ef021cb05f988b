"""Which panels a workspace selects for its dataset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from covidct_curate.catalog import Connection, settings
from covidct_curate.label.finding import NOT_APPLICABLE, UNCERTAIN
from covidct_curate.label.rules import DEFAULT, Rules, load_rules
from covidct_curate.records import Facts

WITHHELD = frozenset({"under-18", "face"})
"""Flags of pictures that only a reviewer may select."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The modalities and parts of the body that are selected."""

    keep: tuple[str, ...]
    regions: tuple[str, ...]
    """Empty: all of them."""

    def takes(self, facts: Facts | None) -> bool:
        """Is a panel selected? One of an unknown part of the body is; under-18s and faces are not."""
        return (
            facts is not None
            and facts.modality in self.keep
            and (not self.regions or facts.region in ("", *self.regions))
            and not WITHHELD & set(facts.flags)
        )


def settle(db: Connection, file: str | None, keep: Sequence[str]) -> tuple[str, Rules]:
    """The rule file to use and its rules: the one given, else the workspace's, else the default.

    Takes down the file, and what is selected: ``keep`` where given, else what was before, else what the rule
    file says. Raises `RuleError` when the file cannot be used.
    """
    before = settings.find(db, "rules")
    chosen = file or before or DEFAULT
    rules = load_rules(chosen)
    kept = of_workspace(db)
    if keep or kept is None or chosen != before:
        selection = {"keep": list(keep) or list(rules.keep), "regions": list(rules.regions)}
        settings.put(db, "selection", json.dumps(selection))
    settings.put(db, "rules", chosen)
    return chosen, rules


def of_workspace(db: Connection) -> Selection | None:
    """What the workspace selects; None before anything was labelled."""
    stored = settings.find(db, "selection")
    if stored is None:
        return None
    values = json.loads(stored)
    return Selection(tuple(values["keep"]), tuple(values["regions"]))


def rules_of(db: Connection) -> Rules:
    """The workspace's rules, else the default ones. Raises `RuleError` when its rule file cannot be used."""
    return load_rules(settings.find(db, "rules") or DEFAULT)


def findings(db: Connection) -> tuple[str, ...]:
    """What a finding may be called in the workspace. Raises `RuleError` when its rule file cannot be used."""
    rules = rules_of(db)
    return rules.positive, rules.negative, UNCERTAIN, NOT_APPLICABLE
