"""The catalogue's tables, as the list of steps that leads from an empty file to today's layout."""

from __future__ import annotations

APPLICATION_ID = 0x43764354
"""Marks the file as a covidct catalogue (``PRAGMA application_id``)."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE pdfs (
        sha256 TEXT PRIMARY KEY,
        paper  INTEGER REFERENCES papers (id) DEFERRABLE INITIALLY DEFERRED
    );
    CREATE TABLE sources (
        id     INTEGER PRIMARY KEY,
        sha256 TEXT NOT NULL REFERENCES pdfs (sha256),
        source TEXT NOT NULL,
        UNIQUE (sha256, source)
    );
    CREATE TABLE papers (
        id         INTEGER PRIMARY KEY,
        uid        TEXT NOT NULL UNIQUE,
        sha256     TEXT NOT NULL UNIQUE REFERENCES pdfs (sha256),
        folder     TEXT NOT NULL UNIQUE,
        staging    TEXT NOT NULL,
        doi        TEXT COLLATE NOCASE,
        version    INTEGER,
        server     TEXT,
        title      TEXT,
        posted     TEXT,
        licence    TEXT,
        pages      INTEGER NOT NULL,
        notes      TEXT NOT NULL,
        superseded INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX papers_doi ON papers (doi, version);
    CREATE TABLE figures (
        uid          TEXT PRIMARY KEY,
        paper        INTEGER NOT NULL REFERENCES papers (id),
        place        INTEGER NOT NULL,
        label        TEXT,
        caption      TEXT NOT NULL,
        caption_page INTEGER,
        page         INTEGER,
        bbox         TEXT,
        binding      TEXT NOT NULL,
        confidence   REAL NOT NULL,
        xrefs        TEXT NOT NULL,
        mentions     TEXT NOT NULL,
        pages        TEXT NOT NULL,
        retired      INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX figures_paper ON figures (paper, place);
    CREATE TABLE pictures (
        uid     TEXT PRIMARY KEY,
        figure  TEXT NOT NULL REFERENCES figures (uid),
        place   INTEGER NOT NULL,
        file    TEXT,
        role    TEXT NOT NULL,
        page    INTEGER NOT NULL,
        bbox    TEXT NOT NULL,
        width   INTEGER NOT NULL,
        height  INTEGER NOT NULL,
        xref    INTEGER,
        pixels  TEXT NOT NULL,
        clipped INTEGER NOT NULL,
        turned  TEXT NOT NULL,
        overlay INTEGER NOT NULL,
        retired INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX pictures_figure ON pictures (figure, place);
    CREATE INDEX pictures_pixels ON pictures (pixels);
    CREATE TABLE done (
        sha256   TEXT NOT NULL REFERENCES pdfs (sha256),
        stage    TEXT NOT NULL,
        version  INTEGER NOT NULL,
        settings TEXT NOT NULL,
        seconds  REAL NOT NULL,
        PRIMARY KEY (sha256, stage)
    );
    CREATE TABLE failures (
        path   BLOB NOT NULL PRIMARY KEY,
        source TEXT NOT NULL,
        sha256 TEXT,
        stage  TEXT NOT NULL,
        reason TEXT NOT NULL
    );
    CREATE TABLE decisions (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        uid      TEXT NOT NULL,
        field    TEXT NOT NULL,
        value    TEXT NOT NULL,
        based_on INTEGER REFERENCES decisions (id),
        reviewer TEXT NOT NULL,
        at       TEXT NOT NULL,
        client   TEXT NOT NULL
    );
    CREATE INDEX decisions_uid ON decisions (uid, field, id);
    CREATE TRIGGER decisions_target BEFORE INSERT ON decisions
    WHEN NOT EXISTS (SELECT 1 FROM figures WHERE uid = NEW.uid)
     AND NOT EXISTS (SELECT 1 FROM pictures WHERE uid = NEW.uid)
    BEGIN SELECT RAISE (ABORT, 'a decision needs a figure or picture of this catalogue'); END;
    CREATE TRIGGER decisions_basis BEFORE INSERT ON decisions
    WHEN NEW.based_on IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM decisions WHERE id = NEW.based_on AND uid = NEW.uid AND field = NEW.field
    )
    BEGIN SELECT RAISE (ABORT, 'a decision is based on one about the same field of the same target'); END;
    CREATE TRIGGER decisions_update BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE (ABORT, 'decisions are append-only'); END;
    CREATE TRIGGER decisions_delete BEFORE DELETE ON decisions
    BEGIN SELECT RAISE (ABORT, 'decisions are append-only'); END;
    CREATE TRIGGER decisions_replace BEFORE INSERT ON decisions
    WHEN EXISTS (SELECT 1 FROM decisions WHERE id = NEW.id)
    BEGIN SELECT RAISE (ABORT, 'decisions are append-only'); END;
    CREATE TABLE sheets (
        name    TEXT PRIMARY KEY,
        sha256  TEXT NOT NULL,
        written TEXT NOT NULL,
        content TEXT NOT NULL
    );
    """,
    """
    UPDATE pictures SET role = 'part' WHERE role = 'panel';
    ALTER TABLE pictures ADD COLUMN name TEXT NOT NULL DEFAULT '';
    UPDATE pictures SET name = coalesce(file, '') WHERE NOT retired;
    ALTER TABLE figures ADD COLUMN lettering TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE figures ADD COLUMN kind TEXT NOT NULL DEFAULT 'unknown';
    ALTER TABLE papers ADD COLUMN panel_notes TEXT NOT NULL DEFAULT '[]';
    CREATE TABLE panels (
        figure       TEXT NOT NULL REFERENCES figures (uid),
        place        INTEGER NOT NULL,
        whole        TEXT NOT NULL REFERENCES pictures (uid),
        picture      TEXT NOT NULL REFERENCES pictures (uid),
        box          TEXT NOT NULL,
        label        TEXT,
        label_source TEXT NOT NULL,
        spans        TEXT NOT NULL,
        method       TEXT NOT NULL,
        confidence   REAL NOT NULL,
        PRIMARY KEY (figure, place)
    );
    """,
    """
    ALTER TABLE papers ADD COLUMN dataset TEXT NOT NULL DEFAULT '';
    ALTER TABLE papers ADD COLUMN body TEXT NOT NULL DEFAULT '';
    ALTER TABLE panels ADD COLUMN look TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE panels ADD COLUMN facts TEXT;
    CREATE TABLE settings (
        name  TEXT PRIMARY KEY,
        value TEXT NOT NULL
    );
    """,
    """
    ALTER TABLE decisions ADD COLUMN old TEXT;
    ALTER TABLE decisions ADD COLUMN pixels TEXT;
    CREATE TABLE exports (
        id      TEXT PRIMARY KEY,
        at      TEXT NOT NULL,
        content BLOB NOT NULL
    );
    """,
)
"""Step ``n`` leads from ``user_version`` n to n + 1. A released step never changes: add another.

``pdfs.paper``: the paper a file belongs to, NULL until it was extracted. ``papers.sha256``: the file the
paper's pictures came from; ``papers.staging``: the temporary folder they were written in, which tells
after a kill whether the folder now in place is the one the catalogue speaks of. ``done``: the last
extraction of a file that succeeded. ``retired`` figures and pictures are no longer found; they stay for
the decisions on them. ``sheets.sha256``: the file now being put in place, ``written``: the last one that
was, ``content``: what the latter shows. ``pictures.name``: the file name in the paper's folder, kept when
the picture is retired, for a name that a decided picture had is not given to another. ``panels.whole``,
``panels.picture``: the picture of the figure and the panel's own. ``panels.facts``: JSON, NULL until the panel
was labelled. ``papers.dataset``: the dataset that images were imported from, ``''`` for a PDF. ``settings``:
the workspace's rule file and what it selects. ``decisions.old``: what was shown before; ``decisions.pixels``: those
of the picture that was decided about. ``exports``: what each exported sheet shows, as compressed JSON.
"""
