"""The catalogue file: made, migrated, refused; decisions that cannot be changed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from covidct_curate.catalog import Catalog, Connection, decisions, figures, papers, schema
from covidct_curate.catalog.papers import Stage
from covidct_curate.errors import NewerCatalog, WorkspaceError
from covidct_curate.records import Decision, Extraction, Figure, Paper

STAGE = Stage("extract", 1, "")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.db", create=True) as made:
        yield made


def put(db: Connection, sha256: str = "ab" * 32, **facts: object) -> str:
    """A paper with one figure without pictures; its figure's uid."""
    papers.register(db, [(sha256, "a.pdf")])
    caption = Figure(
        **{"label": "Figure 1", "caption": "Words.", "caption_page": 0, "page": None, "bbox": None, **facts},  # type: ignore[arg-type]
        binding="none",
        confidence=1.0,
    )
    papers.store(
        db,
        Extraction(Paper(), (caption,)),
        sha256=sha256,
        folder=f"papers/{sha256[:2]}/{sha256[:12]}",
        staging="x",
        stages=[STAGE],
        seconds=1.0,
    )
    return next(kept.uid for found in figures.by_paper(db).values() for kept in found)


def decision(uid: str, value: str = "yes", based_on: int | None = None, field: str = "keep") -> Decision:
    return Decision(uid, field, value, based_on, "ann", "2024-01-01T00:00:00Z", "test")


def pragma(path: Path, name: str) -> object:
    db = sqlite3.connect(path)
    try:
        return db.execute(f"PRAGMA {name}").fetchone()[0]
    finally:
        db.close()


def test_a_new_catalogue_is_of_todays_layout(tmp_path: Path, catalog: Catalog) -> None:
    assert pragma(tmp_path / "catalog.db", "user_version") == len(schema.MIGRATIONS)
    assert pragma(tmp_path / "catalog.db", "journal_mode") == "wal"
    with catalog.snapshot() as db:
        assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_an_older_catalogue_is_migrated_with_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog(tmp_path / "catalog.db", create=True) as old, old.transaction() as db:
        uid = put(db)
        decisions.append(db, decision(uid))
    steps = (
        *schema.MIGRATIONS,
        "ALTER TABLE papers ADD COLUMN colour TEXT DEFAULT 'grey';\nDROP INDEX papers_doi;",
    )
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    with Catalog(tmp_path / "catalog.db") as migrated, migrated.snapshot() as db:
        assert db.execute("SELECT colour FROM papers").fetchall() == [("grey",)]
        assert [kept.decision.uid for kept in decisions.every(db)] == [uid]
    assert pragma(tmp_path / "catalog.db", "user_version") == len(steps)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Catalog(tmp_path / "catalog.db", create=True).close()
    steps = (*schema.MIGRATIONS, "CREATE TABLE more (a);\nCREATE TABLE papers (b);")
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    with pytest.raises(WorkspaceError, match="papers already exists"):
        Catalog(tmp_path / "catalog.db")
    monkeypatch.undo()
    with Catalog(tmp_path / "catalog.db") as same, same.snapshot() as db:
        assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'more'").fetchone() == (0,)


def test_a_newer_catalogue_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    Catalog(path, create=True).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    db.close()
    before = path.read_bytes()
    for create in (False, True):
        with pytest.raises(NewerCatalog, match="newer version of covidct"):
            Catalog(path, create=create)
    assert path.read_bytes() == before


def test_what_is_no_catalogue_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"catalog\.db: there is no catalogue"):
        Catalog(tmp_path / "catalog.db")
    assert not (tmp_path / "catalog.db").exists()
    (tmp_path / "catalog.db").write_text("This is a diary, and no SQLite file at all." * 40)
    with pytest.raises(WorkspaceError, match=r"catalog\.db.*not a database"):
        Catalog(tmp_path / "catalog.db", create=True)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("PRAGMA application_id = 77")
    other.close()
    with pytest.raises(WorkspaceError, match="another program"):
        Catalog(tmp_path / "other.db", create=True)


def test_a_transaction_is_whole_or_nothing(catalog: Catalog) -> None:
    with pytest.raises(RuntimeError, match="stop"), catalog.transaction() as db:
        put(db)
        raise RuntimeError("stop")
    with catalog.snapshot() as db:
        assert list(papers.every(db)) == []
        assert papers.done(db, STAGE) == set()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET value = 'no'",
        "DELETE FROM decisions",
        """INSERT OR REPLACE INTO decisions (id, uid, field, value, based_on, reviewer, at, client)
           SELECT id, uid, field, 'no', based_on, reviewer, at, client FROM decisions""",
    ],
)
def test_decisions_are_append_only(catalog: Catalog, statement: str) -> None:
    with catalog.transaction() as db:
        decisions.append(db, decision(put(db)))
    with pytest.raises(WorkspaceError, match="append-only"), catalog.transaction() as db:
        db.execute(statement)
    with catalog.snapshot() as db:
        assert [kept.decision.value for kept in decisions.every(db)] == ["yes"]


def test_a_decision_says_what_it_replaces(catalog: Catalog) -> None:
    with catalog.transaction() as db:
        uid = put(db)
        first = decisions.append(db, decision(uid))
        decisions.append(db, decision(uid, "no", based_on=first))
        assert [(kept.old, kept.decision.value) for kept in decisions.every(db)] == [
            (None, "yes"),
            ("yes", "no"),
        ]
    for wrong in (decision("nobody"), decision(uid, based_on=99), decision(uid, based_on=first, field="age")):
        with pytest.raises(WorkspaceError, match="a decision"), catalog.transaction() as db:
            decisions.append(db, wrong)


def test_done_is_file_stage_version_and_settings(catalog: Catalog) -> None:
    with catalog.transaction() as db:
        put(db)
        assert papers.done(db, STAGE) == {"ab" * 32}
        for other in (Stage("extract", 2, ""), Stage("extract", 1, "x"), Stage("panels", 1, "")):
            assert papers.done(db, other) == set()


def test_two_files_of_one_folder_name_do_not_share_it(catalog: Catalog) -> None:
    with catalog.transaction() as db:
        put(db, "ab" * 32)
    with pytest.raises(WorkspaceError, match=r"papers\.folder"), catalog.transaction() as db:
        put(db, "ab" * 31 + "cd")


def test_any_text_a_pdf_gives_can_be_stored(catalog: Catalog) -> None:
    odd = "half \ud800 pair, \x00 nul, \U0001f600"
    with catalog.transaction() as db:
        put(db, caption=odd, mentions=(odd,))
    with catalog.snapshot() as db:
        (kept,) = next(iter(figures.by_paper(db).values()))
    assert kept.figure.caption == "half � pair, \x00 nul, \U0001f600"
    assert kept.figure.mentions == (kept.figure.caption,)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_catalogue_can_be_read(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.transaction() as db:
        put(db)
    catalog.close()
    folder = tmp_path / "read-only"
    folder.mkdir()
    (folder / "catalog.db").write_bytes((tmp_path / "catalog.db").read_bytes())
    (folder / "catalog.db").chmod(0o444)
    folder.chmod(0o555)
    try:
        with Catalog(folder / "catalog.db") as read, read.snapshot() as db:
            assert [kept.source for kept in papers.every(db)] == ["a.pdf"]
    finally:
        folder.chmod(0o755)
