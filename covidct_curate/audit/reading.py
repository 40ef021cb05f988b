"""`read`: any dataset as what is audited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from covidct_curate import listing, selection
from covidct_curate.audit import consistency
from covidct_curate.audit.finding import found
from covidct_curate.audit.folders import read_folder
from covidct_curate.audit.names import known
from covidct_curate.audit.subject import Entry, Subject
from covidct_curate.catalog import Catalog, papers
from covidct_curate.datasets.release import ROW
from covidct_curate.workspace import Workspace


def read(path: Path) -> Subject:
    """Read the dataset in ``path``: a workspace, a release, a folder like COVID-CT or covid-chestxray-dataset.

    No picture is decoded. Raises `DatasetError` when it is none of these or its main table cannot be read,
    `WorkspaceError` when it is a workspace that cannot be used.
    """
    return _workspace(path) if (path / "catalog.db").is_file() else read_folder(path)


def _workspace(path: Path) -> Subject:
    """The selected pictures of current papers and datasets."""
    place = Workspace(path)
    with Catalog(place.catalog) as catalog, catalog.snapshot() as db:
        rules = selection.rules_of(db)
        by_uid = {paper.uid: paper for paper in papers.every(db)}
        figures: list[dict[str, Any]] = [dict(row) for row in listing.figures(db) if not row["superseded"]]
        panels: list[dict[str, Any]] = [dict(row) for row in listing.panels(db) if not row["superseded"]]
    gone = {file for row in figures for file in row["files"] if not (path / file).is_file()}
    xrefs = {picture["uid"]: picture["xref"] for row in figures for picture in row["pictures"]}
    entries = {}
    for row in panels:
        taken = row["selected"] or (ROW in row["extra"] and row["keep"] != "no")
        if not taken or row["file"] in gone:
            continue
        paper, patient = by_uid[row["paper_uid"]], row["patient"]
        from_paper = not paper.dataset or xrefs[row["uid"]] is not None
        entries[row["file"]] = Entry(
            name=row["file"],
            path=path / row["file"],
            finding=row["finding"],
            positive={rules.positive: True, rules.negative: False}.get(row["finding"]),
            patient=known(patient["id"]),
            paper=(row["doi"] or "").lower() or (row["source"] if from_paper else ""),
            scan=row["source"] if "slice" in row["extra"] else "",
            part="",
            source=paper.dataset or (paper.paper.server or "").lower() or ("journal" if row["doi"] else ""),
            modality=row["modality"],
            age=patient["age"],
            age_min=patient["age_min"],
            age_max=patient["age_max"],
            gender=patient["gender"],
            licence=paper.paper.licence,
            figure=row["figure_uid"],
        )
    ordered = tuple(entries[name] for name in sorted(entries))
    lost = f"{len(gone):,} pictures that the catalogue knows are not there"
    findings = [
        *([found("missing", sorted(gone), lost, fix="Extract or import them again.")] if gone else []),
        *consistency.findings(ordered, "workspace"),
    ]
    return Subject(path, "workspace", rules.positive, rules.negative, ordered, tuple(findings))
