"""The manifest of a folder of preprints: written, read whatever it holds, and followed by an extraction."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from dataclasses import asdict, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from covidct_curate import pipeline
from covidct_curate.catalog.papers import Stage
from covidct_curate.errors import CrawlError
from covidct_curate.manifest import Fetched, append, plain, read_manifest, write_manifest
from tests.fake_extract import fake_paper, fake_split, figure, picture, run_here, write_pdf
from tests.manuscripts import Manuscript
from tests.test_cli import curate
from tests.test_pipeline import every_kill, extracted, listed, state, statuses

DOI = "10.1101/2020.03.01.20000001"
OTHER = "10.1101/2020.03.02.20000002"

BLANK = Fetched(
    **{field.name: "" for field in fields(Fetched) if field.name not in ("version", "bytes")},
    version=None,
    bytes=0,
)


def entry(pdf: Path, **facts: Any) -> Fetched:
    """A line about a file as it is."""
    content = pdf.read_bytes()
    known = {"file": pdf.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    return replace(BLANK, **{**known, **facts})


def put(folder: Path, *told: dict[str, Any] | str) -> None:
    """A manifest of these objects or lines, as somebody else might have written it."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in told]
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


# --- the file ---------------------------------------------------------------------------------------------

HOSTILE = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(), max_size=8),
    st.sampled_from(
        [
            "=1+1",
            "\t=1",
            "@SUM(A1)",
            "a\nb\r\nc",
            "\x00\x1b[31m",
            "\u2028",
            "\ud800",
            "‮fdp",
            "-",
            "é",
            "1e5",
            "007",
        ]
    ),
)
NUMBER = st.integers(0, 2**63 - 1)


@st.composite
def entries(draw: st.DrawFn) -> Fetched:
    told = {field.name: draw(HOSTILE) for field in fields(Fetched)}
    day = draw(st.one_of(st.just(""), st.dates().map(str)))
    number = draw(st.integers(0, 3))
    told |= {
        "file": f"{number}.pdf",
        "posted": day,
        "version": draw(st.none() | NUMBER),
        "bytes": draw(NUMBER),
    }
    return Fetched(**told)


def plainly(told: Fetched) -> Fetched:
    return Fetched(**{k: plain(v) if isinstance(v, str) else v for k, v in asdict(told).items()})


@given(st.lists(entries(), max_size=3))
@settings(max_examples=25, deadline=None)
def test_what_is_written_is_read_again(told: list[Fetched]) -> None:
    last = {each.file: plainly(each) for each in told}
    with TemporaryDirectory() as name:
        folder = Path(name)
        for each in told:
            append(folder, each)
        assert read_manifest(folder) == (list(last.values()), [])
        write_manifest(folder, last.values())
        found, notes = read_manifest(folder)
        assert notes == []
        assert sorted(found, key=lambda each: each.file) == sorted(last.values(), key=lambda each: each.file)
        once = [(folder / each).read_bytes() for each in ("manifest.jsonl", "index.csv")]
        write_manifest(folder, reversed(found))
        assert [(folder / each).read_bytes() for each in ("manifest.jsonl", "index.csv")] == once
        table = list(csv.reader(io.StringIO(once[1].decode("utf-8-sig"), newline="")))
        assert table[0] == [field.name for field in fields(Fetched)]
        assert len(table) == 1 + len(last)
        assert not [
            cell for row in table for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        ]


@given(st.text())
@example("\x00\x1b[2J\u202eevil\u2069 \ud83d")
def test_plain_text_is_one_line_that_any_file_can_hold(text: str) -> None:
    found = plain(text)
    assert found.encode().decode() == found
    assert len(found.splitlines()) <= 1
    assert not set(found) & set(map(chr, [*range(32), 127, 0x200B, 0x202E, 0xFEFF]))
    assert plain(found) == found


@given(st.integers(1, 400))
@settings(max_examples=20, deadline=None)
def test_a_line_cut_short_costs_its_own_entry(missing: int) -> None:
    first, second, third = (replace(BLANK, file=f"{n}.pdf", title="Überschrift") for n in range(3))
    with TemporaryDirectory() as name:
        folder, path = Path(name), Path(name) / "manifest.jsonl"
        append(folder, first)
        begun = path.stat().st_size
        append(folder, second)
        content = path.read_bytes()
        path.write_bytes(content[: max(begun + 2, len(content) - missing)])
        whole = missing == 1  # its end alone
        found, notes = read_manifest(folder)
        assert found == ([first, second] if whole else [first])
        assert [note.startswith(f"{path}: line 4 is left out: ") for note in notes] == [True] * (not whole)
        append(folder, third)
        assert read_manifest(folder)[0] == [*found, third]


def test_of_lines_about_one_file_the_last_holds(tmp_path: Path) -> None:
    for licence in ("cc_by", "", "cc_no"):
        append(tmp_path, replace(BLANK, file="a.pdf", licence=licence))
    append(tmp_path, replace(BLANK, file="b.pdf"))
    found, notes = read_manifest(tmp_path)
    assert [(each.file, each.licence) for each in found] == [("a.pdf", "cc_no"), ("b.pdf", "")]
    assert notes == []


def test_keys_that_are_not_known_or_not_there_do_no_harm(tmp_path: Path) -> None:
    put(
        tmp_path,
        {"file": "a.pdf", "doi": DOI, "reviews": [1, {"x": None}], "version": None, "posted": "20200301"},
    )
    expected = replace(BLANK, file="a.pdf", doi=DOI, posted="2020-03-01")
    assert read_manifest(tmp_path) == ([expected], [])


@pytest.mark.parametrize(
    "line",
    [
        '{"file": 7}',
        '{"file": ["a.pdf"]}',
        '{"file": ""}',
        "{}",
        '{"file": "../a.pdf"}',
        '{"file": ".."}',
        '{"file": "/etc/a.pdf"}',
        '{"file": "a.pdf", "version": "2"}',
        '{"file": "a.pdf", "version": true}',
        '{"file": "a.pdf", "version": -1}',
        '{"file": "a.pdf", "version": 1.5}',
        '{"file": "a.pdf", "version": 9223372036854775808}',
        '{"file": "a.pdf", "bytes": "10"}',
        '{"file": "a.pdf", "title": {"x": 1}}',
        '{"file": "a.pdf", "posted": "1 March 2020"}',
        '{"file": "a.pdf", "posted": "2020-02-31"}',
        "[]",
        "null",
        "a.pdf",
        "[" * 100_000,
        "9" * 10_000,
        f'{{"file": ["{"x" * 10_000}"]}}',
        "\x00",
    ],
)
def test_a_line_that_makes_no_sense_is_left_out_and_told(tmp_path: Path, line: str) -> None:
    put(tmp_path, line, {"file": "good.pdf"})
    found, (note,) = read_manifest(tmp_path)
    assert [each.file for each in found] == ["good.pdf"]
    assert note.startswith(f"{tmp_path / 'manifest.jsonl'}: line 1 is left out: ")
    assert len(note) < 400


def test_a_file_that_is_no_text_is_told_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_bytes(b'\xff\xfe\x00\n\xc3(\n{"file": "a.pdf"}')
    found, notes = read_manifest(tmp_path)
    assert [each.file for each in found] == ["a.pdf"]
    assert len(notes) == 2


def test_a_manifest_that_cannot_be_read_is_an_error_and_none_is_not(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == ([], [])
    (tmp_path / "folder" / "manifest.jsonl").mkdir(parents=True)
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "manifest.jsonl")
    for name in ("folder", "pipe"):
        with pytest.raises(CrawlError, match=r"manifest\.jsonl: it is no regular file"):
            read_manifest(tmp_path / name)


def test_nothing_fetched_is_a_table_with_a_header(tmp_path: Path) -> None:
    write_manifest(tmp_path, [])
    assert read_manifest(tmp_path) == ([], [])
    (head,) = csv.reader(io.StringIO((tmp_path / "index.csv").read_text("utf-8-sig"), newline=""))
    assert head == [field.name for field in fields(Fetched)]


def test_no_text_of_the_index_is_a_formula(tmp_path: Path) -> None:
    told = replace(
        BLANK, file="=a.pdf", title='=HYPERLINK("http://x")', authors="@SUM(A1)", category="+1", etag="-1"
    )
    write_manifest(tmp_path, [told])
    (row,) = csv.DictReader(io.StringIO((tmp_path / "index.csv").read_text("utf-8-sig"), newline=""))
    assert [row[key] for key in ("file", "title", "authors", "category", "etag")] == [
        "'=a.pdf",
        '\'=HYPERLINK("http://x")',
        "'@SUM(A1)",
        "'+1",
        "'-1",
    ]
    assert read_manifest(tmp_path) == ([told], [])


# --- followed by an extraction of real pages --------------------------------------------------------------


def test_title_licence_and_date_follow_every_picture(tmp_path: Path) -> None:
    """As users type it: stamped manuscripts of two folders, each with a manifest, one of them damaged."""
    for name, doi in (("one", DOI), ("two", OTHER)):
        (tmp_path / name).mkdir()
        suffix = doi.partition("/")[2]
        m = Manuscript(tmp_path / name / f"{suffix}v1.full.pdf", title="Slices of invented lungs")
        assert m.stamp is not None
        m.stamp.doi = doi
        m.head()
        m.body(3, ("Figure 1", "The slices are shown in Figure 1."))
        m.figure(1, "Axial chest CT on admission.")
        m.save()
    one, two = next((tmp_path / "one").glob("*.pdf")), next((tmp_path / "two").glob("*.pdf"))
    first = curate("extract", "two", "-w", "ws", "--jobs", "1", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert [row["finding"] for row in listed("panels", tmp_path / "ws")] == ["uncertain"]
    title = "COVID-19 pneumonia in an invented hospital"
    append(
        tmp_path / "one",
        entry(one, doi=DOI.upper(), version=1, title=title, licence="CC BY 4.0", posted="2020-03-04"),
    )
    append(tmp_path / "two", entry(two, doi=OTHER, version=2, title=f"{title}, revised"))
    with (tmp_path / "two" / "manifest.jsonl").open("a") as file:
        file.write('{"file": "cut')
    second = curate("extract", "one", "two", "-w", "ws", "--jobs", "1", cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert f"note: {tmp_path / 'two' / 'manifest.jsonl'}: line 3 is left out: " in second.stdout
    assert facts(tmp_path / "ws", "doi", "server", "version", "title", "posted", "licence") == [
        (DOI.upper(), "medRxiv", 1, title, "2020-03-04", "cc_by"),
        (OTHER, "medRxiv", 2, f"{title}, revised", "2020-01-03", "cc_by_nc_nd"),
    ]
    assert facts(tmp_path / "ws", "notes") == [
        (("manifest.jsonl: licence cc_by is taken; the PDF says cc_by_nc_nd",),),
        (("manifest.jsonl: version 2 is taken; the PDF says 1",),),
    ]
    panels = listed("panels", tmp_path / "ws")
    assert [(row["finding"], row["evidence"]["finding"]["source"]) for row in panels] == [
        ("covid", "title")
    ] * 2


# --- followed by an extraction, in every way it may be told -----------------------------------------------


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace to be, for papers whose contents a test dictates."""
    monkeypatch.setattr(pipeline, "extract_paper", fake_paper)
    monkeypatch.setattr(pipeline.engines, "run", run_here)
    monkeypatch.setattr("covidct_curate.panels.figure.split", fake_split)
    monkeypatch.setattr("covidct_curate.panels.figure.kind_of", lambda picture: "radiology")
    return tmp_path / "ws"


def stamped(path: Path, shade: int = 10, **facts: Any) -> Path:
    """A paper with a server's stamp."""
    return write_pdf(
        path, figure(1, picture(shade)), **{"doi": DOI, "server": "medRxiv", "version": 1, **facts}
    )


def facts(ws: Path, *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(row[key] for key in keys) for row in listed("papers", ws)]


def test_what_the_manifest_leaves_blank_is_the_pdfs(tmp_path: Path, ws: Path) -> None:
    pdf = stamped(tmp_path / "pdfs" / "a.pdf", title="Printed", posted="2020-03-01", licence="cc_by")
    append(pdf.parent, entry(pdf, version=0))
    pipeline.extract([pdf.parent], ws)
    assert facts(ws, "doi", "server", "version", "title", "posted", "licence", "notes") == [
        (DOI, "medRxiv", 1, "Printed", "2020-03-01", "cc_by", ())
    ]


def test_a_paper_that_states_nothing_has_all_from_the_manifest(tmp_path: Path, ws: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))
    told = {
        "doi": DOI,
        "server": "bioRxiv",
        "version": 3,
        "title": "Told",
        "posted": "2020-03-01",
        "licence": "cc0_ng",
    }
    append(tmp_path, entry(pdf, **told))
    report = pipeline.extract([pdf], ws)
    assert report.notes == ()
    assert facts(ws, *told) == [tuple(told.values())]
    assert facts(ws, "notes", "pages") == [((), 1)]
    assert statuses(pipeline.extract([pdf], ws)) == {"a.pdf": "skipped"}


@pytest.mark.parametrize("late", [False, True])
def test_a_stamp_with_another_doi_takes_nothing(tmp_path: Path, ws: Path, late: bool) -> None:
    pdf = stamped(tmp_path / "a.pdf", title="Printed")
    if late:
        pipeline.extract([pdf], ws)
    append(tmp_path, entry(pdf, doi=OTHER, version=2, title="Told", licence="cc_by"))
    pipeline.extract([pdf], ws)
    assert facts(ws, "doi", "version", "title", "licence", "notes") == [
        (
            DOI,
            1,
            "Printed",
            None,
            (f"manifest.jsonl: nothing of it is taken: it says DOI {OTHER}, the PDF's stamp {DOI}",),
        )
    ]
    assert statuses(pipeline.extract([pdf], ws)) == {"a.pdf": "skipped"}


def test_a_doi_that_no_stamp_says_gives_way(tmp_path: Path, ws: Path) -> None:
    pdf = stamped(tmp_path / "a.pdf", doi="10.5555/cited", server=None, version=None)
    append(tmp_path, entry(pdf, doi=DOI, licence="cc_by"))
    pipeline.extract([pdf], ws)
    assert facts(ws, "doi", "licence", "notes") == [
        (DOI, "cc_by", (f"manifest.jsonl: DOI {DOI} is taken; the PDF says 10.5555/cited",))
    ]


def test_another_version_or_licence_is_the_manifests_with_a_note(tmp_path: Path, ws: Path) -> None:
    pdf = stamped(tmp_path / "a.pdf", licence="cc_by_nc")
    append(tmp_path, entry(pdf, doi=DOI.upper(), version=2, licence="cc_no"))
    pipeline.extract([pdf], ws)
    assert facts(ws, "version", "licence", "notes") == [
        (
            2,
            "cc_no",
            (
                "manifest.jsonl: version 2 is taken; the PDF says 1",
                "manifest.jsonl: licence cc_no is taken; the PDF says cc_by_nc",
            ),
        )
    ]


def test_the_same_bytes_under_another_name_are_known(tmp_path: Path, ws: Path) -> None:
    pdf = stamped(tmp_path / "pdfs" / "a.pdf")
    append(pdf.parent, entry(pdf, title="Told"))
    pdf.rename(pdf.with_name("renamed.pdf"))
    report = pipeline.extract([pdf.parent], ws)
    assert (report.notes, facts(ws, "source", "title")) == ((), [("renamed.pdf", "Told")])


@pytest.mark.parametrize("right", ["a.pdf", "b.pdf"])
def test_of_two_lines_about_the_same_bytes_the_one_that_fits_holds(
    tmp_path: Path, ws: Path, right: str
) -> None:
    pdfs = [stamped(tmp_path / "pdfs" / name) for name in ("a.pdf", "b.pdf")]
    for pdf in pdfs:
        append(pdf.parent, entry(pdf, doi=DOI if pdf.name == right else OTHER, title=f"Title of {pdf.name}"))
    pipeline.extract([tmp_path / "pdfs"], ws)
    assert facts(ws, "doi", "title") == [(DOI, f"Title of {right}")]


def test_a_file_that_was_replaced_gets_nothing_and_the_report_says_so(tmp_path: Path, ws: Path) -> None:
    pdf = stamped(tmp_path / "pdfs" / "a.pdf", title="Printed")
    append(pdf.parent, entry(pdf, title="Told", licence="cc_by"))
    stamped(pdf, title="Printed", salt="other bytes")
    report = pipeline.extract([pdf.parent], ws)
    (note,) = report.notes
    assert note.startswith(f"{pdf}: not the file that manifest.jsonl lists")
    assert (report.failures, facts(ws, "title", "licence", "notes")) == ((), [("Printed", None, ())])


def test_a_manifest_speaks_of_its_own_folder_alone(tmp_path: Path, ws: Path) -> None:
    top = stamped(tmp_path / "pdfs" / "a.pdf")
    deep = stamped(tmp_path / "pdfs" / "deep" / "b.pdf", 20, doi=OTHER)
    put(top.parent, *(asdict(entry(pdf, title=f"Told of {pdf.name}")) for pdf in (top, deep)))
    pipeline.extract([tmp_path / "pdfs"], ws)
    assert facts(ws, "source", "title") == [("a.pdf", "Told of a.pdf"), ("deep/b.pdf", None)]


def test_a_manifest_that_is_no_use_stops_nothing(tmp_path: Path, ws: Path) -> None:
    junk = stamped(tmp_path / "junk" / "a.pdf", title="Printed")
    put(junk.parent, *["junk"] * 30)
    barred = stamped(tmp_path / "barred" / "b.pdf", 20, doi=OTHER)
    (barred.parent / "manifest.jsonl").mkdir()
    report = pipeline.extract([junk.parent, barred.parent], ws)
    assert statuses(report) == {"a.pdf": "done", "b.pdf": "done"}
    assert len(report.notes) == 7
    assert report.notes[5] == f"{junk.parent / 'manifest.jsonl'}: 25 more lines are left out"
    assert report.notes[6].startswith(f"{barred.parent / 'manifest.jsonl'}: it is no regular file")
    assert facts(ws, "title") == [("Printed",), (None,)]


def test_hostile_facts_are_cut_and_kept_on_one_line(tmp_path: Path, ws: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", figure(1, picture(10)))
    title = "=1+1\n\x1b[31m" + "x" * 100_000
    put(tmp_path, asdict(entry(pdf, title=title, licence="{" * 100_000, doi="10.1/" + "y" * 100_000)))
    report = pipeline.extract([pdf], ws)
    assert (report.failures, report.sheet.problem) == ((), None)
    (paper,) = listed("papers", ws)
    assert paper["title"].startswith("=1+1 [31mxxx")
    assert max(len(str(paper[key])) for key in ("title", "licence", "doi")) == 500


# --- papers that were extracted before --------------------------------------------------------------------


def test_a_manifest_that_comes_later_is_followed_without_extracting(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdfs = tmp_path / "pdfs"
    old = stamped(pdfs / "a.pdf", version=None, title="Slices of invented lungs")
    new = stamped(pdfs / "b.pdf", 20, version=None, title="Slices of invented lungs")
    pipeline.extract([pdfs], ws)
    before = [row["uid"] for row in listed("panels", ws)]
    assert [row["finding"] for row in listed("panels", ws)] == ["uncertain"] * 2
    append(pdfs, entry(old, version=1, licence="cc_by"))
    append(pdfs, entry(new, version=2, title="COVID-19 pneumonia"))
    seen = extracted(monkeypatch)
    report = pipeline.extract([pdfs], ws)
    assert (seen, statuses(report)) == ([], {"a.pdf": "done", "b.pdf": "done"})
    assert facts(ws, "version", "superseded", "licence") == [(1, True, "cc_by"), (2, False, None)]
    panels = listed("panels", ws)
    assert [row["finding"] for row in panels] == ["uncertain", "covid"]
    assert [row["uid"] for row in panels] == before
    once = state(ws)
    again = pipeline.extract([pdfs], ws)
    assert (seen, set(statuses(again).values()), again.sheet.path) == ([], {"skipped"}, None)
    assert state(ws) == once
    pipeline.extract([pdfs], tmp_path / "fresh")
    assert state(tmp_path / "fresh")["lists"] == once["lists"]


def test_facts_that_a_newer_manifest_takes_back_are_the_pdfs_again(
    tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = stamped(tmp_path / "pdfs" / "a.pdf", title="Printed", licence="cc_by_nc")
    append(pdf.parent, entry(pdf, title="COVID-19 pneumonia", licence="cc_by", version=4))
    pipeline.extract([pdf.parent], ws)
    assert [row["finding"] for row in listed("panels", ws)] == ["covid"]
    append(pdf.parent, entry(pdf, licence="cc_no"))
    seen = extracted(monkeypatch)
    pipeline.extract([pdf.parent], ws)
    assert facts(ws, "title", "licence", "version", "notes") == [
        ("Printed", "cc_no", 1, ("manifest.jsonl: licence cc_no is taken; the PDF says cc_by_nc",))
    ]
    assert [row["finding"] for row in listed("panels", ws)] == ["uncertain"]
    assert seen == []


def test_facts_that_the_pdf_has_already_change_nothing(tmp_path: Path, ws: Path) -> None:
    pdf = stamped(tmp_path / "pdfs" / "a.pdf", title="Printed")
    pipeline.extract([pdf.parent], ws)
    append(pdf.parent, entry(pdf, doi=DOI, version=1, title="Printed"))
    assert statuses(pipeline.extract([pdf.parent], ws)) == {"a.pdf": "skipped"}


def test_what_a_manifest_said_outlives_it(tmp_path: Path, ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = stamped(tmp_path / "pdfs" / "a.pdf")
    append(pdf.parent, entry(pdf, title="Told", licence="cc_by"))
    pipeline.extract([pdf.parent], ws)
    (pdf.parent / "manifest.jsonl").unlink()
    pipeline.extract([pdf.parent], ws)
    monkeypatch.setattr(pipeline, "EXTRACT", Stage("extract", 99, ""))
    seen = extracted(monkeypatch)
    assert statuses(pipeline.extract([pdf.parent], ws)) == {"a.pdf": "done"}
    assert (seen, facts(ws, "title", "licence")) == (["a.pdf"], [("Told", "cc_by")])


@pytest.mark.parametrize("late", [False, True])
def test_a_paper_has_the_facts_of_its_fetched_copy(tmp_path: Path, ws: Path, late: bool) -> None:
    """A file of one's own, then the same paper as crawled: other bytes, the same pictures."""
    own = stamped(tmp_path / "own" / "a.pdf")
    fetched = stamped(tmp_path / "pdfs" / "b.pdf", salt="another download")
    append(fetched.parent, entry(fetched, doi=DOI, title="COVID-19 pneumonia", licence="cc_by"))
    if late:
        pipeline.extract([own.parent], ws)
    pipeline.extract([own.parent, fetched.parent], ws)
    assert facts(ws, "source", "title", "licence") == [("a.pdf", "COVID-19 pneumonia", "cc_by")]
    assert [row["finding"] for row in listed("panels", ws)] == ["covid"]
    once = state(ws)
    assert set(statuses(pipeline.extract([own.parent, fetched.parent], ws)).values()) == {"skipped"}
    assert state(ws) == once


def test_following_a_manifest_killed_at_any_instant_ends_the_same(tmp_path: Path, ws: Path) -> None:
    pdf = stamped(tmp_path / "pdfs" / "a.pdf")
    pipeline.extract([pdf.parent], ws)
    append(pdf.parent, entry(pdf, title="COVID-19 pneumonia", licence="cc_by"))

    def run(ws: Path) -> None:
        pipeline.extract([pdf.parent], ws)

    shutil.copytree(ws, tmp_path / "whole")
    run(tmp_path / "whole")
    expected = state(tmp_path / "whole")
    assert [row["finding"] for row in expected["lists"]["panels"]] == ["covid"]
    for killed in every_kill(run, tmp_path / "killed", ws):
        assert state(killed) == expected, killed.name
