"""What a run over papers did, and how far it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from covidct_curate.catalog.failures import Failure
from covidct_curate.review import export

Status = Literal["done", "skipped", "duplicate", "failed"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one input."""

    source: str
    status: Status
    """``skipped``: done in an earlier run. ``duplicate``: the same file or paper as another input."""
    note: str = ""
    """What it is a duplicate of, or why it failed."""
    stage: str = ""
    """Where it failed: ``read``, ``extract``, ``panels`` or ``label``."""
    figures: int = 0
    pictures: int = 0
    panels: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did: every input is accounted for once."""

    results: tuple[Result, ...]
    sheet: export.Written
    notes: tuple[str, ...] = ()
    """What a curator should know of the inputs."""

    @property
    def counts(self) -> Counter[Status]:
        """Number of inputs of each status."""
        return Counter(result.status for result in self.results)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed, the spreadsheet included; empty when all was done."""
        failed = [
            Failure(each.source, each.stage, each.note) for each in self.results if each.status == "failed"
        ]
        if self.sheet.problem:
            failed.append(Failure(export.NAME, "sheet", self.sheet.problem))
        return tuple(failed)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    total: int
    """Papers to work on."""
    done: int = 0
    figures: int = 0
    failed: int = 0


@dataclass(slots=True)
class Meter:
    """Tells somebody how far a run is."""

    tell: Callable[[Progress], None] | None
    state: Progress = Progress(0)

    def expect(self, papers: int) -> None:
        """So many more papers are to be worked on."""
        self.state = replace(self.state, total=self.state.total + papers)

    def count(self, figures: int | None) -> None:
        """One more paper is done: its number of figures, None when it failed."""
        state = self.state
        self.state = replace(
            state,
            done=state.done + 1,
            figures=state.figures + (figures or 0),
            failed=state.failed + (figures is None),
        )
        if self.tell:
            self.tell(self.state)
