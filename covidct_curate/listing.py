"""What the catalogue holds, as lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from covidct_curate import selection
from covidct_curate.catalog import Catalog, Connection, decisions, failures, papers
from covidct_curate.catalog import figures as kept_figures
from covidct_curate.catalog.figures import KeptFigure, KeptPicture
from covidct_curate.catalog.papers import KeptPaper
from covidct_curate.errors import PictureError
from covidct_curate.forms import FORMS, Row, write_table
from covidct_curate.panels.subcaptions import text_of
from covidct_curate.records import Facts, Figure
from covidct_curate.review import decisions as reviewed
from covidct_curate.review.decisions import CAPTION, FIGURE, FIGURE_FIELDS
from covidct_curate.workspace import Workspace

_ROLES = ("figure", "native", "part", "panel", "mask")


def rows(kind: str, workspace: Path) -> list[Row]:
    """The list of that kind: ``papers``, ``figures``, ``panels``, ``decisions`` or ``failures``.

    Superseded papers and what is in them are listed with ``superseded`` true; retired figures and
    pictures are not listed. Files are relative to the workspace. Raises `WorkspaceError` where the
    workspace has no readable catalogue, KeyError for another kind.
    """
    listed = _LISTS[kind]
    with Catalog(Workspace(workspace).catalog) as catalog, catalog.snapshot() as db:
        return list(listed(db))


def write(kind: str, workspace: Path, form: str, out: TextIO) -> None:
    """Write the list as ``table``, ``jsonl`` or ``csv`` to a text stream."""
    FORMS[form](kind, rows(kind, workspace), out)


def write_loose(paths: Sequence[Path], form: str, out: TextIO) -> list[PictureError]:
    """Split picture files, and those in folders, and write what is found in them as `write` does.

    Needs no workspace. Returns why the others could not be read.
    """
    from covidct_curate.panels.loose import split_files

    failed: list[PictureError] = []

    def found() -> Iterator[Row]:
        for each in split_files(paths):
            if isinstance(each, PictureError):
                failed.append(each)
            else:
                panels = [{"box": cut.box, "confidence": round(cut.confidence, 3)} for cut in each.panels]
                yield {"file": each.file, "size": each.size, "modality": each.modality, "panels": panels}

    FORMS[form]("pictures", found(), out)
    return failed


def write_labels(path: Path, rules: str, title: str, form: str, out: TextIO) -> tuple[str, ...]:
    """Label the rows of a table by their captions and write what they say as `write` does.

    Needs no workspace. Returns notes on the table. Raises `DatasetError` when it cannot be read, `RuleError`
    when the rule file cannot be used.
    """
    from covidct_curate.label.rules import load_rules
    from covidct_curate.tablelabels import label_table

    table, labelled = label_table(path, load_rules(rules), title=title)
    FORMS[form]("rows", (row.as_json() for row in labelled), out)
    return table.notes


def write_agreement(workspace: Path, form: str, out: TextIO) -> None:
    """Write how far each two reviewers agree on each field, as `write` does, and what they say differently: in
    a table of its own, else beside the field. Raises `WorkspaceError` where there is no catalogue."""
    from covidct_curate.review.agreement import agreement

    with Catalog(Workspace(workspace).catalog) as catalog, catalog.snapshot() as db:
        pairs = agreement(decisions.of_pictures(db)).pairs
        files = {kept.decision.uid: kept.file for kept in decisions.every(db)}
    fields: list[Row] = []
    differing: list[Row] = []
    for pair in pairs:
        for field in pair.fields:
            theirs: list[Row] = [
                {
                    "uid": each.uid,
                    "file": files[each.uid],
                    "field": each.field,
                    "first": pair.first,
                    "first_value": each.first,
                    "second": pair.second,
                    "second_value": each.second,
                }
                for each in field.disagreements
            ]
            differing += theirs
            fields.append(
                {
                    "first": pair.first,
                    "second": pair.second,
                    "field": field.field,
                    "pictures": field.pictures,
                    "agreement": None if field.raw is None else round(field.raw, 3),
                    "kappa": None if field.kappa is None else round(field.kappa, 3),
                    "disagreements": theirs,
                }
            )
    FORMS[form]("fields", fields, out)
    if form == "table":
        out.write("\n")
        write_table("disagreements", differing, out)


def write_contact_sheets(workspace: Path, path: Path, per_sheet: int) -> list[Path]:
    """Draw the current papers' figures with their panels on contact sheets, and return the files written.

    Raises `PictureError` when one cannot be written, `WorkspaceError` where there is no catalogue.
    """
    from covidct_curate.panels.contact import Mark, Tile, write_sheets

    tiles: dict[Path, tuple[str, list[Mark]]] = {}
    with Catalog(Workspace(workspace).catalog) as catalog, catalog.snapshot() as db:
        for paper, kept in _each_figure(db):
            for panel in () if paper.superseded else kept.figure.panels:
                file = workspace / paper.folder / panel.figure_file
                marks = tiles.setdefault(file, (panel.figure_file, []))[1]
                marks.append((panel.box, panel.label or "", panel.confidence))
    drawn = [Tile(file, title, tuple(marks)) for file, (title, marks) in tiles.items()]
    return write_sheets(drawn, path, per_sheet)


def _papers(db: Connection) -> Iterator[Row]:
    for kept in papers.every(db):
        yield {
            "source": kept.source,
            "sha256": kept.sha256,
            "doi": kept.paper.doi,
            "server": kept.paper.server,
            "version": kept.paper.version,
            "title": kept.paper.title,
            "posted": kept.paper.posted,
            "licence": kept.paper.licence,
            "pages": kept.paper.pages,
            "figures": kept.figures,
            "seconds": round(kept.seconds, 3),
            "uid": kept.uid,
            "superseded": kept.superseded,
            "sources": kept.sources,
            "notes": kept.notes,
        }


def figures(db: Connection) -> Iterator[Row]:
    """One row a figure."""
    verdicts = decisions.verdicts(db, FIGURE_FIELDS)
    for paper, kept in _each_figure(db):
        figure, decided = kept.figure, verdicts.get(kept.uid, {})
        by_role = sorted(kept.pictures, key=lambda one: _ROLES.index(one.picture.role))
        yield {
            "source": paper.source,
            "doi": paper.paper.doi,
            "label": figure.label,
            "page": figure.page,
            "bbox": None if figure.bbox is None else [round(value, 2) for value in figure.bbox],
            "caption": _caption(figure, decided),
            "caption_page": figure.caption_page,
            "binding": figure.binding,
            "confidence": round(figure.confidence, 3),
            "xrefs": figure.xrefs,
            "files": [_file(paper, one) for one in by_role],
            "mentions": figure.mentions,
            "uid": kept.uid,
            "pages": figure.pages,
            "superseded": paper.superseded,
            "kind": figure.kind,
            "panels": len(figure.panels),
            "pictures": [
                {
                    "uid": one.uid,
                    "file": _file(paper, one),
                    "role": one.picture.role,
                    "page": one.picture.page,
                    "bbox": [round(value, 2) for value in one.picture.bbox],
                    "size": [one.picture.width, one.picture.height],
                    "xref": one.picture.xref,
                    "pixels": one.picture.pixels,
                    "clipped": one.picture.clipped,
                    "turned": one.picture.turned,
                    "overlay": one.picture.overlay,
                }
                for one in by_role
            ],
            "figure": decided[FIGURE].value if FIGURE in decided else "",
            "decisions": _decided(decided, {CAPTION: figure.caption}),
        }


def panels(db: Connection) -> Iterator[Row]:
    """One row a panel, with every value as reviewers decided it."""
    chosen = selection.of_workspace(db)
    verdicts = decisions.verdicts(db)
    for paper, kept in _each_figure(db):
        figure, about = kept.figure, verdicts.get(kept.uid, {})
        caption = _caption(figure, about)
        pictures = {one.picture.file: one for one in kept.pictures}
        for index, panel in enumerate(figure.panels):
            found = panel.facts or Facts()
            own, picture = pictures[panel.file], pictures[panel.file].picture
            decided = verdicts.get(own.uid, {})
            review, facts = reviewed.review(decided, picture.pixels), reviewed.settled(found, decided)
            number = paper.patient(found.patient.id)
            patient = {
                **asdict(facts.patient),
                "id": decided["patient"].value if "patient" in decided else number,
            }
            automatic = {field: reviewed.automatic(found, field) for field in reviewed.PICTURE_FIELDS}
            selected = chosen is not None and chosen.takes(facts if panel.facts or decided else None)
            if review.keep:
                selected = review.keep == "yes"
            yield {
                "source": paper.source,
                "doi": paper.paper.doi,
                "figure_label": figure.label,
                "figure_file": f"{paper.folder}/{panel.figure_file}",
                "file": f"{paper.folder}/{panel.file}",
                "index": index,
                "box": panel.box,
                "label": panel.label,
                "caption": caption,
                "subcaption": text_of(caption, panel.spans),
                "method": panel.method,
                "confidence": round(panel.confidence, 3),
                "modality": facts.modality,
                "finding": facts.finding,
                "patient": patient,
                "evidence": {name: asdict(each) for name, each in facts.evidence.items()},
                "decided": bool(review.keep),
                "uid": own.uid,
                "figure_uid": kept.uid,
                "superseded": paper.superseded,
                "subcaption_spans": panel.spans,
                "label_source": panel.label_source,
                "kind": figure.kind,
                "page": picture.page,
                "pixels": picture.pixels,
                "region": facts.region,
                "flags": (*facts.flags, *([reviewed.RECUT] if review.recut else [])),
                "selected": selected and not (FIGURE in about and about[FIGURE].value == "no"),
                "look": {name: round(chance, 3) for name, chance in panel.look.items()},
                "extra": facts.extra,
                "keep": review.keep,
                "note": review.note,
                "reviewer": review.reviewer,
                "decisions": _decided(decided, {**automatic, "patient": number}),
                "paper_uid": paper.uid,
            }


def _decisions(db: Connection) -> Iterator[Row]:
    for kept in decisions.every(db):
        yield {
            "uid": kept.decision.uid,
            "file": kept.file,
            "field": kept.decision.field,
            "old": kept.old,
            "new": kept.decision.value,
            "reviewer": kept.decision.reviewer,
            "at": kept.decision.at,
            "client": kept.decision.client,
            "state": kept.state,
            "orphaned": kept.orphaned,
        }


def _failures(db: Connection) -> Iterator[Row]:
    for failure in failures.every(db):
        yield {"source": failure.source, "stage": failure.stage, "reason": failure.reason}


def _each_figure(db: Connection) -> Iterator[tuple[KeptPaper, KeptFigure]]:
    by_paper = kept_figures.by_paper(db)
    for paper in papers.every(db):
        for kept in by_paper[paper.uid]:
            yield paper, kept


def _caption(figure: Figure, decided: reviewed.Decided) -> str:
    """The caption as reviewers have it, else as it was found."""
    return decided[CAPTION].value if CAPTION in decided else figure.caption


def _decided(decided: reviewed.Decided, automatic: Mapping[str, str]) -> dict[str, Row]:
    """The decisions that stand, by field, with what was found without them and the values that wait beside them."""
    return {
        field: {
            "value": verdict.value,
            "automatic": automatic.get(field),
            "reviewer": verdict.standing.decision.reviewer,
            "at": verdict.standing.decision.at,
            "basis": verdict.basis,
            "rivals": [
                {
                    "number": rival.number,
                    "value": rival.decision.value,
                    "reviewer": rival.decision.reviewer,
                    "at": rival.decision.at,
                }
                for rival in verdict.rivals
            ],
        }
        for field, verdict in decided.items()
    }


def _file(paper: KeptPaper, kept: KeptPicture) -> str:
    return f"{paper.folder}/{kept.picture.file}"


_LISTS: Mapping[str, Callable[[Connection], Iterator[Row]]] = {
    "papers": _papers,
    "figures": figures,
    "panels": panels,
    "decisions": _decisions,
    "failures": _failures,
}
