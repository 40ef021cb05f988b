"""Papers, the PDF files they were read from, and which stage is done for which file."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from covidct_curate.catalog import Connection, figures, panels, storable
from covidct_curate.catalog.figures import Files, KeptFigure
from covidct_curate.records import Extraction, Figure, Paper

CONTRIBUTION = "contribution"
"""Dataset of papers that came as a contribution, and extra of their pictures that says who gave them."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the work, as it is remembered for each file: any part that differs means: do it again."""

    name: str
    version: int
    settings: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an extraction: the picture files to place, or the paper it repeats."""

    repeats: str | None
    """Source of the paper that has the same DOI, version and pictures: nothing new was stored."""
    files: Files


@dataclass(frozen=True, slots=True)
class KeptPaper:
    """One paper of the catalogue with the names of its files."""

    uid: str
    paper: Paper
    source: str
    sha256: str
    sources: tuple[str, ...]
    """Every name of every file of this paper, ``source`` first."""
    folder: str
    dataset: str
    """The dataset its images were imported from, ``""`` for a PDF."""
    superseded: bool
    notes: tuple[str, ...]
    figures: int
    seconds: float
    """Time all stages took for the main file."""

    def patient(self, number: str) -> str:
        """Id of the paper's patient of that number among those of all papers; versions of one share theirs."""
        if not number:
            return ""
        if self.dataset == CONTRIBUTION:
            return number  # never renumbered
        if self.dataset:
            return f"{self.dataset}-{number}"
        suffix = (self.paper.doi or "").partition("/")[2]
        return f"{suffix or f'{PurePath(self.source).stem}.{self.sha256[:4]}'}-{number}"


def register(db: Connection, files: Iterable[tuple[str, str]]) -> None:
    """Take down (SHA-256, source name) pairs; known ones stay as they are."""
    for sha256, source in files:
        db.execute("INSERT OR IGNORE INTO pdfs (sha256) VALUES (?)", (sha256,))
        db.execute("INSERT OR IGNORE INTO sources (sha256, source) VALUES (?, ?)", (sha256, source))


def done(db: Connection, stage: Stage) -> set[str]:
    """SHA-256 of the files the stage is done for."""
    rows = db.execute(
        "SELECT sha256 FROM done WHERE stage = ? AND version = ? AND settings = ?",
        (stage.name, stage.version, stage.settings),
    )
    return {sha256 for (sha256,) in rows}


def stages(db: Connection, name: str) -> dict[str, Stage]:
    """SHA-256 of the files that any stage of that name is done for → the stage as it was done."""
    rows = db.execute("SELECT sha256, stage, version, settings FROM done WHERE stage = ?", (name,))
    return {sha256: Stage(*stage) for sha256, *stage in rows}


def files(db: Connection) -> dict[str, str]:
    """SHA-256 of each PDF that was extracted → that of its paper's main file."""
    return dict(
        db.execute(
            """SELECT pdfs.sha256, papers.sha256 FROM pdfs JOIN papers ON papers.id = pdfs.paper
               WHERE papers.dataset = ''"""
        )
    )


def waiting(db: Connection, stage: Stage) -> dict[str, str]:
    """SHA-256 of each PDF of the papers that the stage is not done for → that of the paper's main file."""
    return dict(
        db.execute(
            """SELECT pdfs.sha256, papers.sha256 FROM pdfs JOIN papers ON papers.id = pdfs.paper
               WHERE papers.dataset = ''
                 AND NOT EXISTS (SELECT 1 FROM done WHERE done.sha256 = papers.sha256
                                 AND stage = ? AND version = ? AND settings = ?)""",
            (stage.name, stage.version, stage.settings),
        )
    )


def with_figures(db: Connection, uids: Collection[str]) -> set[str]:
    """SHA-256 of the main files of papers that have one of these figures."""
    if not uids:
        return set()
    found = db.execute(
        "SELECT papers.sha256, figures.uid FROM papers JOIN figures ON figures.paper = papers.id"
    )
    return {sha256 for sha256, uid in found if uid in uids}


def undo(db: Connection, sha256: str, stage: str) -> None:
    """Take down that the stage is to be done again for a file."""
    db.execute("DELETE FROM done WHERE sha256 = ? AND stage = ?", (sha256, stage))


def mains(db: Connection) -> set[str]:
    """SHA-256 of the files that papers have their pictures from."""
    return {sha256 for (sha256,) in db.execute("SELECT sha256 FROM papers")}


def folders(db: Connection, folder: str | None = None) -> dict[str, str]:
    """Folder of each paper (or that one only) → name of the temporary folder its pictures came from."""
    return dict(db.execute("SELECT folder, staging FROM papers WHERE ?1 IS NULL OR folder = ?1", (folder,)))


def store(
    db: Connection,
    extraction: Extraction,
    *,
    sha256: str,
    folder: str,
    staging: str,
    stages: Sequence[Stage],
    seconds: float,
) -> Stored:
    """Take down what a registered file gave, and that these stages and no others are done for it: the first
    for the file, the others for the paper whose pictures it gave.

    The file's own paper is brought up to date, its figures and pictures keeping their uids where they
    fit. A file that shows what another paper of the same DOI and version shows becomes another file of
    that paper. Any other file, and what comes of another dataset, becomes a paper of its own.
    """
    known = db.execute("SELECT id, doi FROM papers WHERE sha256 = ?", (sha256,)).fetchone()
    twin = None if known or extraction.dataset else _twin(db, extraction)
    written = Files({}, {})
    if twin is not None:
        paper = twin
    else:
        paper = _write(db, extraction, sha256, folder, staging, known[0] if known else None)
        written = figures.replace(db, paper, extraction.figures)
    db.execute("UPDATE pdfs SET paper = ? WHERE sha256 = ?", (paper, sha256))
    db.execute("DELETE FROM done WHERE sha256 = ?", (sha256,))
    for number, stage in enumerate(stages if twin is None else stages[:1]):
        _done(db, sha256, stage, 0.0 if number else seconds)
    _supersede(db, extraction.paper.doi, known[1] if known else None)
    return Stored(repeats=None if twin is None else _main_source(db, twin), files=written)


def restate(
    db: Connection, sha256: str, facts: Paper, *, notes: Sequence[str], topic: str, stage: Stage
) -> bool:
    """Take down other facts of the paper with that main file, and that ``stage`` is done for it.

    ``notes`` replace those that begin with ``topic``. True where anything but the stage is new.
    """
    number, doi, *before = db.execute(
        "SELECT id, doi, version, server, title, posted, licence, notes FROM papers WHERE sha256 = ?",
        (sha256,),
    ).fetchone()
    kept = [note for note in json.loads(before[-1]) if not note.startswith(topic)]
    after = [
        storable(facts.doi),
        facts.version,
        storable(facts.server),
        storable(facts.title),
        storable(facts.posted),
        storable(facts.licence),
        _notes([*kept, *notes]),
    ]
    db.execute(
        """UPDATE papers SET doi = ?, version = ?, server = ?, title = ?, posted = ?, licence = ?, notes = ?
           WHERE id = ?""",
        (*after, number),
    )
    _done(db, sha256, stage, 0.0)
    _supersede(db, doi, storable(facts.doi))
    return after != [doi, *before]


def store_panels(
    db: Connection,
    found: Sequence[Figure],
    notes: Sequence[str],
    *,
    sha256: str,
    staging: str,
    stage: Stage | None,
    spoils: str,
    seconds: float,
) -> Files:
    """Take down the split figures of the paper with that main file, all of them in their order.

    ``stage`` is then done for the file; None leaves as it is what is done. The stage called ``spoils`` is to
    be done again.
    """
    (paper,) = db.execute("SELECT id FROM papers WHERE sha256 = ?", (sha256,)).fetchone()
    db.execute("UPDATE papers SET staging = ?, panel_notes = ? WHERE id = ?", (staging, _notes(notes), paper))
    if stage is not None:
        _done(db, sha256, stage, seconds)
    undo(db, sha256, spoils)
    return figures.replace(db, paper, found)


def store_facts(
    db: Connection,
    kept: Sequence[KeptFigure],
    found: Sequence[Figure],
    *,
    sha256: str,
    stage: Stage,
    seconds: float,
) -> None:
    """Take down the facts of the panels of ``found``, the figures ``kept`` labelled; ``stage`` is then done for
    the file."""
    for before, after in zip(kept, found, strict=True):
        panels.write_facts(db, before.uid, [panel.facts for panel in after.panels])
    _done(db, sha256, stage, seconds)


def body(db: Connection, sha256: str) -> str:
    """Running text of the paper with that main file."""
    (text,) = db.execute("SELECT body FROM papers WHERE sha256 = ?", (sha256,)).fetchone()
    return str(text)


def every(db: Connection) -> Iterator[KeptPaper]:
    """All papers by source name."""
    kept = []
    for row in db.execute(
        """SELECT id, uid, sha256, folder, dataset, superseded, notes, panel_notes,
                  doi, server, version, title, posted, licence, pages,
                  (SELECT count(*) FROM figures WHERE paper = papers.id AND NOT retired),
                  (SELECT sum(seconds) FROM done WHERE done.sha256 = papers.sha256)
           FROM papers"""
    ):
        number, uid, sha256, folder, dataset, superseded, notes, panel_notes = row[:8]
        doi, server, version, title, posted, licence, pages, count, seconds = row[8:]
        sources = _sources(db, number)
        kept.append(
            KeptPaper(
                uid=uid,
                paper=Paper(doi, server, version, title, posted, licence, pages),
                source=sources[0][1],
                sha256=sha256,
                sources=tuple(name for _, name in sources),
                folder=folder,
                dataset=dataset,
                superseded=bool(superseded),
                notes=(
                    *_identity_notes(db, number, sha256, sources),
                    *json.loads(notes),
                    *json.loads(panel_notes),
                ),
                figures=count,
                seconds=seconds,
            )
        )
    return iter(sorted(kept, key=lambda paper: (paper.source, paper.sha256)))


def current(db: Connection) -> list[KeptPaper]:
    """The papers of PDFs that no newer version replaces, by source name."""
    return [paper for paper in every(db) if not paper.superseded and not paper.dataset]


def _done(db: Connection, sha256: str, stage: Stage, seconds: float) -> None:
    db.execute(
        "INSERT OR REPLACE INTO done (sha256, stage, version, settings, seconds) VALUES (?, ?, ?, ?, ?)",
        (sha256, stage.name, stage.version, stage.settings, seconds),
    )


def _supersede(db: Connection, *dois: str | None) -> None:
    """Set anew which papers of these DOIs a newer version replaces."""
    for doi in dois:
        db.execute(
            """UPDATE papers SET superseded = EXISTS (
                   SELECT 1 FROM papers AS other WHERE other.doi = papers.doi AND other.version > papers.version)
               WHERE doi = ?""",
            (doi,),
        )


def _notes(notes: Iterable[str]) -> str:
    return json.dumps([storable(note) for note in notes])


def _write(
    db: Connection, extraction: Extraction, sha256: str, folder: str, staging: str, known: int | None
) -> int:
    paper = extraction.paper
    facts = (
        staging,
        storable(paper.doi),
        paper.version,
        storable(paper.server),
        storable(paper.title),
        storable(paper.posted),
        storable(paper.licence),
        paper.pages,
        _notes(extraction.notes),
        _notes(extraction.panel_notes),
        storable(extraction.body),
        extraction.dataset,
    )
    if known is None:
        cursor = db.execute(
            """INSERT INTO papers (staging, doi, version, server, title, posted, licence, pages, notes,
                                   panel_notes, body, dataset, uid, sha256, folder)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (*facts, secrets.token_hex(8), sha256, folder),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid
    db.execute(
        """UPDATE papers SET staging = ?, doi = ?, version = ?, server = ?, title = ?, posted = ?,
                             licence = ?, pages = ?, notes = ?, panel_notes = ?, body = ?, dataset = ?
           WHERE id = ?""",
        (*facts, known),
    )
    return known


def _twin(db: Connection, extraction: Extraction) -> int | None:
    """The paper of the same DOI and version that shows the same, None where there is none."""
    paper = extraction.paper
    if paper.doi is None:
        return None
    shown = figures.likeness(extraction.figures)
    for number, title, pages in db.execute(
        "SELECT id, title, pages FROM papers WHERE doi = ? AND version IS ? AND dataset = '' ORDER BY id",
        (paper.doi, paper.version),
    ).fetchall():
        stored = figures.of_paper(db, number)
        if figures.likeness(kept.figure for kept in stored) != shown:
            continue
        # Without pictures to go by, a DOI alone says little: a supplement carries its paper's.
        captions = [kept.figure.caption for kept in stored]
        same_words = (title, pages, captions) == (
            paper.title,
            paper.pages,
            [figure.caption for figure in extraction.figures],
        )
        if shown or same_words:
            return int(number)
    return None


def _sources(db: Connection, number: int) -> list[tuple[str, str]]:
    """(SHA-256, name) of all files of a paper: its main file's first name first."""
    return db.execute(
        """SELECT sources.sha256, sources.source FROM sources JOIN pdfs USING (sha256)
           JOIN papers ON papers.id = pdfs.paper
           WHERE papers.id = ? ORDER BY sources.sha256 != papers.sha256, sources.id""",
        (number,),
    ).fetchall()


def _main_source(db: Connection, number: int) -> str:
    return _sources(db, number)[0][1]


def _identity_notes(
    db: Connection, number: int, sha256: str, sources: list[tuple[str, str]]
) -> Iterator[str]:
    for other, name in sources[1:]:
        if other == sha256:
            yield f"the same file under another name: {name}"
        else:
            yield f"another file of this paper, with the same pictures: {name}"
    for (rival,) in db.execute(
        """SELECT other.id FROM papers AS other JOIN papers AS mine
           ON other.doi = mine.doi AND other.version IS mine.version AND other.id != mine.id
           WHERE mine.id = ? ORDER BY other.id""",
        (number,),
    ).fetchall():
        yield f"the same DOI and version with other pictures: {_main_source(db, rival)}"
