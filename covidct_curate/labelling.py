"""Panels of the workspace to facts: all papers anew, or those that wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from covidct_curate import selection
from covidct_curate.catalog import Catalog, decisions, failures, figures, papers
from covidct_curate.catalog.failures import Failure
from covidct_curate.catalog.papers import KeptPaper, Stage
from covidct_curate.errors import in_words
from covidct_curate.label.paper import STAGE_VERSION, Setting, label_figures
from covidct_curate.label.rules import Rules, load_rules
from covidct_curate.records import Extraction
from covidct_curate.report import Meter, Progress, Report, Result
from covidct_curate.review import export
from covidct_curate.session import opened, remember
from covidct_curate.workspace import Workspace

NAME = "label"


def stage(rules: Rules) -> Stage:
    """Facts of all panels of a paper, as these rules read them."""
    return Stage(NAME, STAGE_VERSION, settings=rules.digest)


def label(
    workspace: Path,
    *,
    rules: str | None = None,
    keep: Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Label the panels of all current papers of a workspace anew.

    ``rules`` is the name or path of a rule file, ``keep`` the modalities to select; both are kept for later
    runs. A paper that fails is in the report, and the others are done. Raises `RuleError` when the rule file
    cannot be used, `WorkspaceError` when the workspace cannot.
    """
    place = Workspace(workspace)
    with opened(place) as catalog:
        with catalog.transaction() as db:
            _, loaded = selection.settle(db, rules, keep)
            current = papers.current(db)
        labelled = label_papers(catalog, current, loaded, Meter(progress))
        results = list(_remembered(place, catalog, labelled))
        sheet = export.write(place, catalog)
    return Report(tuple(result for _, result in results), sheet)


def own_rules(catalog: Catalog) -> Rules:
    """The workspace's own rules. Raises `RuleError` when its rule file cannot be used any more."""
    with catalog.transaction() as db:
        _, rules = selection.settle(db, None, ())
    return rules


def label_again(
    place: Workspace, catalog: Catalog, wanted: Sequence[KeptPaper], rules: Rules
) -> Iterator[tuple[KeptPaper, Result]]:
    """Label the panels of papers that were split again, and take down which failed."""
    yield from _remembered(place, catalog, label_papers(catalog, wanted, rules, Meter(None)))


def label_papers(
    catalog: Catalog, wanted: Sequence[KeptPaper], rules: Rules, meter: Meter
) -> Iterator[tuple[KeptPaper, Result]]:
    """Label the panels of papers and take the facts down, paper by paper. Failures are the caller's to keep."""
    meter.expect(len(wanted))
    for paper in wanted:
        started = time.perf_counter()
        try:
            with catalog.snapshot() as db:
                kept = figures.of_file(db, paper.sha256)
                verdicts = decisions.verdicts(db, ["caption"])
                setting = Setting(paper.paper.title or "", papers.body(db, paper.sha256))
            shown = [
                replace(each.figure, caption=verdicts[each.uid]["caption"].value)
                if each.uid in verdicts
                else each.figure
                for each in kept
            ]
            found = label_figures(shown, setting, rules)
            with catalog.transaction() as db:
                papers.store_facts(
                    db,
                    kept,
                    found,
                    sha256=paper.sha256,
                    stage=stage(rules),
                    seconds=time.perf_counter() - started,
                )
                failures.clear(db, paper.sha256, stage=NAME)
            result = Result(paper.source, "done", panels=sum(len(figure.panels) for figure in found))
        except Exception as error:
            # The words come from hostile files: whatever they break, they cost their own paper only.
            result = Result(paper.source, "failed", in_words(error), NAME)
        meter.count(None if result.status == "failed" else 0)
        yield paper, result


def label_extraction(extraction: Extraction, rules: str) -> Extraction:
    """Label the panels of a fresh extraction whose figures were split, by the rule file of that name or path."""
    setting = Setting(extraction.paper.title or "", extraction.body)
    return replace(extraction, figures=label_figures(extraction.figures, setting, load_rules(rules)))


def _remembered(
    place: Workspace, catalog: Catalog, labelled: Iterable[tuple[KeptPaper, Result]]
) -> Iterator[tuple[KeptPaper, Result]]:
    """Take failures down as they come."""
    for paper, result in labelled:
        if result.status == "failed":
            failure = Failure(paper.source, result.stage, result.note)
            remember(catalog, (place.root / paper.folder).absolute(), failure, paper.sha256)
        yield paper, result
