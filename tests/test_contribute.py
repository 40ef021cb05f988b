"""Contributions: packed, merged, released again; and every reason for which one is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openpyxl
import pytest
from PIL import Image
from typer.testing import CliRunner

from covidct_curate import importing, listing, pipeline
from covidct_curate.catalog import Catalog, decisions
from covidct_curate.contribute.dois import key, known
from covidct_curate.contribute.merge import Merged, merge
from covidct_curate.contribute.pack import pack
from covidct_curate.contributecli import contribute
from covidct_curate.errors import ChoiceError, CurateError, DatasetError
from covidct_curate.originals.documents import Wish
from covidct_curate.png import write_png
from covidct_curate.records import Decision
from covidct_curate.release.build import Plan, build_release, write_checksums
from tests.volumes import voxels, write_dicom

SAMPLES = Path(__file__).parents[1] / "docs" / "samples"
AT = "2024-02-11T09:30:00Z"
Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, all kept by Ann, and a scan of another source. Not to be changed."""
    folder = tmp_path_factory.mktemp("contribute")
    ws = folder / "ws"
    assert not pipeline.extract([SAMPLES], ws, jobs=1).failures
    write_dicom(folder / "scan", voxels((3, 40, 50)))
    wish = Wish(finding="non-covid", licence="cc0")
    assert not importing.import_dataset("dicom", folder / "scan", ws, wish=wish, importer="Bob").failures
    with Catalog(ws / "catalog.db") as catalog, catalog.transaction() as db:
        for row in listing.panels(db):
            if row["selected"] and not row["decided"]:
                decisions.append(db, Decision(str(row["uid"]), "keep", "yes", None, "Ann", AT, "test"))
    return ws


@pytest.fixture(scope="module")
def packed(reviewed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A contribution of them. Not to be changed."""
    out = tmp_path_factory.mktemp("packed") / "new.zip"
    pack(reviewed, out, contributor="Ann", contact="ann@example.org")
    return out


@pytest.fixture
def ws(reviewed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(reviewed, tmp_path / "ws"))


@pytest.fixture
def folder(packed: Path, tmp_path: Path) -> Path:
    """The contribution unpacked, to be changed."""
    shutil.unpack_archive(packed, tmp_path / "given")
    return tmp_path / "given"


def read(path: Path) -> Lines:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path: Path, lines: Lines) -> None:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def pixels(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image)


def panels(ws: Path) -> dict[str, Any]:
    return {Path(str(row["file"])).name: row for row in listing.rows("panels", ws)}


def decide(ws: Path, uid: str, field: str, value: str) -> None:
    with Catalog(ws / "catalog.db") as catalog, catalog.transaction() as db:
        decisions.append(db, Decision(uid, field, value, None, "Cy", "2025-01-01T00:00:00Z", "test"))


def drawn(seed: int) -> Any:
    """A picture like no other: 90 x 120, grey."""
    noise = np.random.default_rng(seed).normal(size=(9, 12)).astype(np.float32)
    wide = cv2.resize(noise, (120, 90), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(128 + 50 * wide, 0, 255), np.uint8)


def edit(folder: Path, change: Callable[[dict[str, Any]], object], name: str = "metadata.jsonl") -> None:
    """Change the first line of a file."""
    lines = read(folder / name)
    change(lines[0])
    write(folder / name, lines)


def small(packed: Path, folder: Path, number: int, by: str = "Dora") -> Path:
    """A contribution of two pictures of one new paper, that of the number."""
    shutil.unpack_archive(packed, folder)
    stem = f"2021.01.01.2100{number:04d}"
    kept: dict[str, Lines] = {}
    for name in ("metadata.jsonl", "recipe.jsonl", "evidence.jsonl"):
        inside = [line for line in read(folder / name) if line.get("in_release", True)]
        kept[name] = [line for line in inside if line["file_name"].startswith("CT_COVID")][:2]
    for lines in kept.values():
        for at, line in enumerate(lines):
            line["file_name"] = f"CT_COVID/{stem}-p1-{at}.png"
    for line in kept["metadata.jsonl"]:
        line |= {"doi": f"10.1101/{stem}", "patient_id": f"{stem}-1", "figure_uid": f"f{number}", "box": []}
    for name, lines in kept.items():
        write(folder / name, lines)
    for path in folder.glob("CT_*/*.png"):
        path.unlink()
    for at, line in enumerate(kept["metadata.jsonl"]):
        write_png(drawn(10 * number + at), folder / line["file_name"])
    about = json.loads((folder / "contribution.json").read_text())
    (folder / "contribution.json").write_text(json.dumps(about | {"contributor": by}))
    write_checksums(folder)
    return folder


def merged(given: Path, ws: Path, **options: Any) -> Merged:
    told = merge(given, ws, reviewer="Bob", **options)
    assert told.applied == (not told.problems), told.problems
    return told


# --- there and back -------------------------------------------------------------------------------------


def test_what_is_packed_is_merged_and_released_as_it_was(
    reviewed: Path, packed: Path, tmp_path: Path
) -> None:
    told = merged(packed, tmp_path / "theirs")
    shutil.unpack_archive(packed, tmp_path / "given")
    given = {line["file_name"]: line for line in read(tmp_path / "given" / "metadata.jsonl")}
    assert (told.pictures, told.recipes, told.contributor) == (len(given), 7, "Ann")
    out = build_release(tmp_path / "theirs", tmp_path / "out", Plan()).folder
    again = {line["file_name"]: line for line in read(out / "metadata.jsonl")}
    assert set(again) == set(given)
    for name, line in again.items():
        assert line["extra"].pop("contribution") == "Ann (ann@example.org)"
        given[name]["split"] = line["split"]
        assert line == given[name]
        assert np.array_equal(pixels(out / name), pixels(tmp_path / "given" / name))
    assert "contributed by Ann" in (out / "README.md").read_text()
    ours, theirs = panels(reviewed), panels(tmp_path / "theirs")
    for name, row in theirs.items():
        assert (row["decided"], row["reviewer"], row["selected"]) == (True, "Ann", True)
        assert row["patient"]["id"] == ours[name]["patient"]["id"]
        for field, why in ours[name]["evidence"].items():
            assert row["evidence"][field] == why
        (kept,) = row["decisions"].values()
        assert (kept["reviewer"], kept["at"]) == ("Ann", AT)
    (note,) = {note for row in listing.rows("papers", tmp_path / "theirs") for note in row["notes"]}  # type: ignore[attr-defined]
    assert note == "contributed by Ann (ann@example.org), 2024-02-11; merged by Bob"


def test_a_contribution_holds_what_may_be_shared_and_why_it_is_believed(packed: Path, folder: Path) -> None:
    about = json.loads((folder / "contribution.json").read_text())
    assert (about["contributor"], about["contact"], about["date"]) == ("Ann", "ann@example.org", AT)
    assert about["left_out"] == {"imported from dicom": {"papers": 1, "pictures": 3}}
    told = {line["file_name"]: line for line in read(folder / "evidence.jsonl")}
    pictures = {path.relative_to(folder).as_posix() for path in folder.glob("CT_*/*.png")}
    assert pictures == {name for name, line in told.items() if line["in_release"]}
    assert set(told) == {line["file_name"] for line in read(folder / "recipe.jsonl")}
    for line in told.values():
        assert line["evidence"]["finding"]["rule"] and line["decisions"][0]["reviewer"] == "Ann"
        quoted = any(why["text"] for why in line["evidence"].values())
        assert quoted == line["in_release"] == ("told" not in line)
        if not line["in_release"]:
            assert not any(line["told"][each] for each in ("caption", "subcaption", "radiology_report"))
    with zipfile.ZipFile(packed) as archive:
        members = archive.infolist()
    assert [each.filename for each in members] == sorted(each.filename for each in members)
    assert {each.date_time for each in members} == {(1980, 1, 1, 0, 0, 0)}


def test_the_same_workspace_gives_the_same_bytes(reviewed: Path, packed: Path, tmp_path: Path) -> None:
    pack(reviewed, tmp_path / "again.zip", contributor=" Ann ", contact="ann@example.org")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_what_was_merged_can_be_contributed_again(packed: Path, tmp_path: Path) -> None:
    merged(packed, tmp_path / "hub")
    told = pack(tmp_path / "hub", tmp_path / "on.zip", contributor="Bob")
    assert not told.left_out
    merged(tmp_path / "on.zip", tmp_path / "third")
    assert set(panels(tmp_path / "third")) == set(panels(tmp_path / "hub"))
    first = next(iter(panels(tmp_path / "third").values()))
    assert "Ann (ann@example.org)" in json.dumps(first["extra"]) and first["reviewer"] == "Ann"


# --- what is left out -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["list", "sheet", "names", "release", "archive", "address"])
def test_known_papers_are_left_out(form: str, reviewed: Path, packed: Path, tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    match form:
        case "list":
            path.write_text(
                "# ours\n10.1101/2020.01.01.00000001V3 the first\n\n10.64898/2025.12.01.00000005, x\n"
            )
        case "sheet":
            path = tmp_path / "known.xlsx"
            book = openpyxl.Workbook()
            sheet = book.active
            assert sheet is not None
            sheet.append(["File name", "Age", "DOI"])
            sheet.append(["x.png", 41, " 10.1101/ 2020.01.01. 00000001 "])
            sheet.append(["y.png", 42, "10.64898/2025.12.01.00000005v1"])
            book.save(path)
        case "names":
            path = tmp_path / "known.csv"
            path.write_text(
                "File name,Age\n2020.01.01.00000001-p6-52%3.png,41\n2025.12.01.00000005v2-p1-5.png,42\n"
            )
        case "address":
            path = tmp_path / "known.csv"
            path.write_text(
                "filename,url\n1.png,https://www.medrxiv.org/content/10.1101/2020.01.01.00000001v2.full.pdf\n"
                "2.png,https://doi.org/10.64898/2025.12.01.00000005\n"
            )
        case _:
            path = packed
            if form == "release":
                shutil.unpack_archive(packed, tmp_path / "known")
                path = tmp_path / "known"
                write(
                    path / "recipe.jsonl", [row for row in read(path / "recipe.jsonl") if row["in_release"]]
                )
    if form == "archive":  # it has the papers of the recipes too
        with pytest.raises(DatasetError, match=r"imported from dicom: 3; the paper is in new\.zip: 13"):
            pack(reviewed, tmp_path / "out.zip", contributor="Ann", known_in=[path])
        return
    told = pack(reviewed, tmp_path / "out.zip", contributor="Ann", known_in=[path])
    assert told.dois == ("10.1101/2020.01.01.00000002", "10.1101/2020.01.01.00000004")
    left = {each.paper: (each.why, each.pictures) for each in told.left_out}
    assert left["10.1101/2020.01.01.00000001"] == (f"the paper is in {path.name}", 5)


def test_one_paper_has_one_key() -> None:
    same = [
        "10.1101/2020.02.10.20021584",
        "10.64898/2020.02.10.20021584V2",
        "10.1101/2020.02.10.20021584v1.full.pdf",
    ]
    assert {key(each) for each in same} == {"2020.02.10.20021584"}
    assert key("10.21203/RS.3.rs-1/v2") == key("10.21203/rs.3.RS-1/v1") != key("10.21203/rs.3.rs-2/v1")
    assert key("10.1/2020.02.10.200215841") != key("10.1/2020.02.10.20021584")


def test_what_has_no_doi_is_not_taken_for_a_list(reviewed: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("nothing\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "folder").mkdir()
    for name in ("empty.txt", "other.csv", "folder", "none.txt"):
        with pytest.raises(DatasetError, match=name):
            pack(reviewed, tmp_path / "out.zip", contributor="Ann", known_in=[tmp_path / name])


def test_minors_are_left_out_and_the_very_old_not_told_apart(ws: Path, tmp_path: Path) -> None:
    rows = panels(ws)
    decide(ws, rows["2020.01.01.00000001-p0-6.png"]["uid"], "age", "12")
    decide(ws, rows["2020.01.01.00000001-p1-8%0.png"]["uid"], "age", "93 years")
    decide(ws, rows["2020.01.01.00000001-p1-8%1.png"]["uid"], "note", "ask Dr. No")
    told = pack(ws, tmp_path / "out.zip", contributor="Ann")
    (minor,) = (each for each in told.left_out if "imported" not in each.why)
    assert (minor.why, minor.pictures) == ("the patient is under 18", 1)
    shutil.unpack_archive(tmp_path / "out.zip", tmp_path / "out")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not any("00000001-p0-6" in path.name for path in files)
    lines = {Path(line["file_name"]).name: line for line in read(tmp_path / "out" / "evidence.jsonl")}
    old = lines["2020.01.01.00000001-p1-8%0.png"]
    assert [each["value"] for each in old["decisions"] if each["field"] == "age"] == ["90+"]
    told_of = (tmp_path / "out" / "evidence.jsonl").read_text()
    assert "93" not in json.dumps(old["evidence"]["age"]) and "Dr. No" not in told_of
    assert merged(tmp_path / "out.zip", tmp_path / "theirs").pictures == 5


def test_papers_without_a_doi_are_left_out(ws: Path, tmp_path: Path) -> None:
    with Catalog(ws / "catalog.db") as catalog, catalog.transaction() as db:
        db.execute("UPDATE papers SET doi = NULL WHERE doi LIKE '%00000001'")
        db.execute("UPDATE papers SET doi = 'doi' WHERE doi LIKE '%00000002'")
    told = pack(ws, tmp_path / "out.zip", contributor="Ann")
    left = {each.why: (each.paper, each.pictures) for each in told.left_out if "imported" not in each.why}
    assert left == {
        "the paper has no DOI": ("case-report.pdf", 5),
        "the paper's DOI is malformed": ("doi", 3),
    }


def test_nothing_to_contribute_is_refused_with_every_reason(tmp_path: Path, ws: Path) -> None:
    with Catalog(ws / "catalog.db") as catalog, catalog.transaction() as db:
        db.execute("UPDATE papers SET doi = NULL")
    decide(ws, next(iter(panels(ws).values()))["uid"], "finding", "uncertain")
    with pytest.raises(DatasetError, match=r"uncertain: 5; imported from dicom: 3; the paper has no DOI: 12"):
        pack(ws, tmp_path / "out.zip", contributor="Ann")
    assert not (tmp_path / "out.zip").exists()
    with pytest.raises(ChoiceError, match="--contributor"):
        pack(ws, tmp_path / "out.zip", contributor=" ")
    with pytest.raises(ChoiceError, match=r"a contribution is a \.zip"):
        pack(ws, tmp_path / "out.tar", contributor="Ann")


# --- refused for itself ---------------------------------------------------------------------------------


def first(folder: Path) -> Path:
    return folder / str(read(folder / "metadata.jsonl")[0]["file_name"])


def told(**changes: object) -> Callable[[Path], None]:
    return lambda folder: edit(folder, lambda line: line.update(changes))


def all_told(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        write(folder / "metadata.jsonl", [line | changes for line in read(folder / "metadata.jsonl")])

    return change


def renamed(folder: Path) -> None:
    """The second picture's name is the first's in capitals, in the other class's folder."""
    lines = read(folder / "metadata.jsonl")
    old = lines[1]["file_name"]
    new = lines[0]["file_name"].replace("CT_COVID", "CT_NonCOVID").replace("-p1-", "-P1-")
    (folder / old).rename(folder / new)
    for name in ("metadata.jsonl", "recipe.jsonl", "evidence.jsonl"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace(old, new))


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda folder: first(folder).unlink(), "it is listed, but not there"),
    "unlisted": (lambda folder: write_png(drawn(99), folder / "CT_COVID/more.png"), "nothing tells of"),
    "licence": (told(licence="cc_by_nd"), "may not be shared"),
    "no licence": (told(licence=""), "may not be shared"),
    "minor": (told(age="17 years", age_min=17, age_max=17), "under 18"),
    "minor in words": (told(age="8 months", age_min=None, age_max=None), "under 18"),
    "old": (told(age="93", age_min=93, age_max=93), "90[+] only"),
    "doi": (all_told(doi="see the paper"), "is no DOI"),
    "patient of two papers": (told(doi="10.1101/2021.02.02.21000099"), "is in several papers"),
    "one name": (renamed, "one name on some file systems"),
    "undecided": (told(decided=False), "nobody decided"),
    "class": (told(finding="tuberculosis"), "no class of this workspace"),
    "label": (told(label=0), "no class of this workspace"),
    "dataset": (told(dataset="luna"), "comes from the dataset"),
    "type": (told(age_min="forty"), "age_min is 'forty'"),
    "endless": (told(time_days=float("nan")), "time_days is nan"),
    "column": (lambda folder: edit(folder, lambda line: line.pop("title")), "no title"),
    "evidence": (
        lambda folder: edit(folder, lambda line: line["evidence"]["age"].pop("rule"), "evidence.jsonl"),
        "cannot be read .'rule'.",
    ),
    "no picture": (lambda folder: first(folder).write_text("<svg/>"), "CT_COVID/.*picture"),
    "no reviewer": (
        lambda folder: edit(folder, lambda line: line["decisions"][0].update(reviewer=" "), "evidence.jsonl"),
        "nobody decided",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else(fault: str, packed: Path, tmp_path: Path) -> None:
    given = small(packed, tmp_path / "given", 1)
    change, words = FAULTS[fault]
    before = (given / "checksums.sha256").read_text()
    change(given)
    if fault != "missing":
        write_checksums(given)
        assert (given / "checksums.sha256").read_text() != before
    told = merged(given, tmp_path / "ws")
    (problem,) = told.problems
    assert re.search(words, problem), problem
    assert not (tmp_path / "ws").exists()


def test_damage_and_stray_files_are_found(packed: Path, tmp_path: Path) -> None:
    given = small(packed, tmp_path / "given", 1)
    write_png(drawn(50), first(given))
    (given / "notes.exe").write_text("x")
    changed, stray = merged(given, tmp_path / "ws").problems
    assert changed.endswith("it is not the file that was packed; get a new copy")
    assert stray.startswith("notes.exe: it has no checksum")


def test_all_problems_are_told_at_once(packed: Path, tmp_path: Path) -> None:
    given = small(packed, tmp_path / "given", 1)
    told_ = read(given / "metadata.jsonl")
    told_[0] |= {"licence": "cc_no"}
    told_[1] |= {"age": "9", "age_max": 9.0, "decided": False}
    write(given / "metadata.jsonl", told_)
    write_checksums(given)
    words = [problem.partition(": ")[2][:20] for problem in merged(given, tmp_path / "ws").problems]
    assert words == ["it may not be shared", "its patient is under", "nobody decided to ke"]


@pytest.mark.parametrize(
    "name", ["../../evil.png", "CT_COVID/../evil.png", "/tmp/evil.png", "CT_COVID/=a\n.png"]
)
def test_names_that_lead_out_are_refused(name: str, packed: Path, tmp_path: Path) -> None:
    given = small(packed, tmp_path / "given", 1)
    edit(given, lambda line: line.update(file_name=name))
    write_checksums(given)
    problems = merged(given, tmp_path / "ws").problems
    assert "is no name of a picture" in problems[0]
    assert not (tmp_path / "ws").exists() and not list(tmp_path.rglob("evil*"))


def test_unsafe_and_foreign_archives_are_refused(packed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "slip.zip", "w") as archive:
        archive.writestr("../evil.png", "x")
    (tmp_path / "broken.zip").write_bytes(packed.read_bytes()[:5000])
    (tmp_path / "empty").mkdir()
    newer = small(packed, tmp_path / "newer", 1)
    (newer / "contribution.json").write_text('{"format": 2}')
    nested = small(packed, tmp_path / "nested", 1)
    (nested / "contribution.json").write_text("[" * 100_000)
    for name in ("slip.zip", "broken.zip", "empty", "newer", "nested", "none.zip"):
        with pytest.raises(DatasetError, match=name):
            merge(tmp_path / name, tmp_path / "ws", reviewer="Bob")
    with pytest.raises(ChoiceError, match="--reviewer"):
        merge(packed, tmp_path / "ws", reviewer=" ")
    assert not (tmp_path / "ws").exists() and not (tmp_path / "evil.png").exists()


def test_formulas_stay_texts(packed: Path, tmp_path: Path) -> None:
    given = small(packed, tmp_path / "given", 1)
    edit(given, lambda line: line.update(caption='=cmd|"/c calc"!A1\n\u202e\ud800', location="=1+1"))
    write_checksums(given)
    merged(given, tmp_path / "ws")
    book = openpyxl.load_workbook(tmp_path / "ws" / "MetaInfo.xlsx")
    cells = [cell for sheet in book for row in sheet for cell in row if "=" in str(cell.value)[:1]]
    assert {cell.data_type for cell in cells} == {"s"} and len(cells) >= 2
    build_release(tmp_path / "ws", tmp_path / "out", Plan())


# --- refused for what is there --------------------------------------------------------------------------


@pytest.fixture
def hub(packed: Path, tmp_path: Path) -> Path:
    """A workspace with contribution 1."""
    merged(small(packed, tmp_path / "first", 1), tmp_path / "hub")
    return tmp_path / "hub"


def dump(ws: Path) -> list[str]:
    with Catalog(ws / "catalog.db") as catalog, catalog.snapshot() as db:
        return list(db.iterdump())


def test_a_contribution_twice_is_refused_as_there_already(hub: Path, tmp_path: Path) -> None:
    before = dump(hub)
    (problem,) = merged(tmp_path / "first", hub).problems
    assert problem.startswith(
        "10.1101/2021.01.01.21000001: this paper is there already, contribution/10.1101/"
    )
    assert dump(hub) == before


COLLISIONS: dict[str, tuple[Callable[[Path], object], str]] = {
    "version": (all_told(doi="10.64898/2021.01.01.21000001v2"), "this paper is there already"),
    "patient": (all_told(patient_id="2021.01.01.21000001-1"), "patients are never renumbered"),
    "pixels": (
        lambda folder: write_png(drawn(10), first(folder)),
        "the same pixels as 2021.01.01.21000001-p1-0",
    ),
    "slice": (
        lambda folder: write_png(
            np.asarray(cv2.resize(drawn(10), (160, 120)) // 2 + 40, np.uint8), first(folder)
        ),
        "the same slice .* 2021.01.01.21000001-p1-0",
    ),
}


@pytest.mark.parametrize("what", COLLISIONS)
def test_what_is_there_already_is_refused(what: str, hub: Path, packed: Path, tmp_path: Path) -> None:
    given = small(packed, tmp_path / "second", 2)
    change, words = COLLISIONS[what]
    change(given)
    write_checksums(given)
    before = dump(hub)
    (problem,) = merged(given, hub).problems
    assert re.search(words, problem), problem
    assert dump(hub) == before
    if what == "slice":
        assert merged(given, hub, allow_alike=True).pictures == 2


def test_a_name_that_is_there_is_refused(hub: Path, packed: Path, tmp_path: Path) -> None:
    given = small(packed, tmp_path / "second", 2)
    for path in (*given.glob("*.jsonl"), *given.glob("CT_COVID/*-p1-0.png")):
        if path.suffix == ".png":
            path.rename(path.with_name(path.name.replace("21000002", "21000001")))
        else:
            path.write_text(path.read_text().replace("21000002-p1-0", "21000001-p1-0"))
    write_checksums(given)
    (problem,) = merged(given, hub).problems
    assert "a picture of this name is there already" in problem


def test_the_order_of_contributions_does_not_matter(packed: Path, tmp_path: Path) -> None:
    given = [small(packed, tmp_path / str(number), number) for number in (1, 2)]
    for name, order in (("a", given), ("b", given[::-1])):
        for each in order:
            merged(each, tmp_path / name)
    one, two = (build_release(tmp_path / name, tmp_path / f"out-{name}", Plan()).folder for name in "ab")
    for file in ("metadata.jsonl", "checksums.sha256"):
        assert (one / file).read_text() == (two / file).read_text()


def test_contributions_join_an_imported_release(packed: Path, reviewed: Path, tmp_path: Path) -> None:
    made = build_release(reviewed, tmp_path / "release", Plan(name="Theirs"))
    importing.import_dataset("release", made.folder, tmp_path / "ws")
    merged(small(packed, tmp_path / "given", 1), tmp_path / "ws")
    out = build_release(tmp_path / "ws", tmp_path / "out", Plan(name="Ours")).folder
    assert len(read(out / "metadata.jsonl")) == len(read(made.folder / "metadata.jsonl")) + 2
    card = (out / "README.md").read_text()
    assert "# Ours" in card and "2 of the pictures were contributed by Dora" in card


# --- recipes --------------------------------------------------------------------------------------------


def test_recipes_are_made_from_pdfs_and_stay_recipes_in_a_release(packed: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    assert "only recipes, not merged: 7 pictures" in merged(packed, theirs).notes[0]
    pdfs = tmp_path / "pdfs"
    pdfs.mkdir()
    shutil.copy(SAMPLES / "legends-at-end.pdf", pdfs)
    late = merged(packed, theirs, pdfs=pdfs, allow_alike=True)
    assert late.rebuilt == late.pictures > 0
    assert late.recipes == 7 - late.rebuilt and any("its paper is left out" in note for note in late.notes)
    rest = merged(packed, theirs, pdfs=SAMPLES, allow_alike=True)
    assert (rest.pictures, rest.recipes) == (7 - late.rebuilt, 0)
    assert "there already" in merged(packed, theirs, pdfs=SAMPLES, allow_alike=True).problems[0]
    out = build_release(theirs, tmp_path / "out", Plan()).folder
    assert len(read(out / "metadata.jsonl")) == 6
    shutil.unpack_archive(packed, tmp_path / "given")
    same = (
        "file_name",
        "in_release",
        "why",
        "doi",
        "page",
        "xref",
        "box",
        "pixels",
        "figure_pixels",
        "patient_id",
    )
    lines = [
        [{name: line[name] for name in same} for line in read(each / "recipe.jsonl")]
        for each in (out, tmp_path / "given")
    ]
    assert lines[0] == lines[1]
    private = build_release(theirs, tmp_path / "private", Plan(private=True)).folder
    assert len(read(private / "metadata.jsonl")) == 13


def test_a_contribution_of_recipes_alone_needs_pdfs(ws: Path, tmp_path: Path) -> None:
    (tmp_path / "known.txt").write_text("10.1101/2020.01.01.00000001\n10.64898/2025.12.01.00000005\n")
    made = pack(ws, tmp_path / "out.zip", contributor="Ann", known_in=[tmp_path / "known.txt"])
    assert (made.pictures, made.recipes) == (0, 7)
    (problem,) = merged(tmp_path / "out.zip", tmp_path / "theirs").problems
    assert "--pdfs" in problem and not (tmp_path / "theirs").exists()
    assert merged(tmp_path / "out.zip", tmp_path / "theirs", pdfs=SAMPLES).rebuilt == 7


# --- killed ---------------------------------------------------------------------------------------------

_KILLED = """
import os, signal, sys
from pathlib import Path
from covidct_curate.catalog import Catalog
from covidct_curate.contribute.merge import merge
left = int(sys.argv[3])
def count(_=None):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
def hook(event, arguments):
    if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
        count()
prepare = Catalog._prepare
def traced(catalog):
    catalog._db.set_trace_callback(count)
    prepare(catalog)
Catalog._prepare = traced
sys.addaudithook(hook)
before = left
merge(Path(sys.argv[1]), Path(sys.argv[2]), reviewer="Bob")
print(before - left)
"""


def test_a_merge_killed_at_any_instant_leaves_all_or_nothing(packed: Path, tmp_path: Path) -> None:
    def run(ws: Path, step: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _KILLED, os.fspath(packed), os.fspath(ws), str(step)]
        home = {**os.environ, "PYTHONPATH": os.fspath(Path(__file__).parents[1])}
        return subprocess.run(command, env=home, capture_output=True, text=True, timeout=300)

    whole = run(tmp_path / "whole", 1 << 30)
    steps = int(whole.stdout)
    expected = {name: row["pixels"] for name, row in panels(tmp_path / "whole").items()}
    assert steps > 100 and len(expected) == 6
    found = set()
    for part in (0.3, 0.55, 0.6, 0.65):
        ws = tmp_path / str(part)
        assert run(ws, int(steps * part)).returncode == -signal.SIGKILL
        there = (
            {name: row["pixels"] for name, row in panels(ws).items()} if (ws / "catalog.db").exists() else {}
        )
        assert there in ({}, expected), part
        found.add(len(there))
        again = merge(packed, ws, reviewer="Bob")
        assert again.applied == (not there)
        rows = panels(ws)
        assert {name: row["pixels"] for name, row in rows.items()} == expected
        assert all((ws / row["file"]).is_file() for row in rows.values())
        assert not list((ws / "tmp").iterdir())
    assert found == {0, 6}


def test_a_full_disk_leaves_nothing(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("covidct_curate.workspace.Workspace.place", full)
        with pytest.raises(CurateError, match=r"No space left on device; nothing was merged"):
            merge(packed, tmp_path / "ws", reviewer="Bob")
    assert not panels(tmp_path / "ws") and not list((tmp_path / "ws").glob("papers/*/*/*"))
    merged(packed, tmp_path / "ws")


# --- the command line -----------------------------------------------------------------------------------


def test_the_commands(reviewed: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    out, theirs = str(tmp_path / "new.zip"), str(tmp_path / "theirs")
    made = run(contribute, ["pack", "-w", str(reviewed), "--out", out, "--contributor", "Ann"])
    assert made.exit_code == 0 and "pictures: 6\n" in made.stdout and "left out: " in made.stdout
    again = run(contribute, ["pack", "-w", str(reviewed), "--out", out, "--contributor", "Ann"])
    assert again.exit_code == 2 and "it is there already" in again.stderr
    merging = ["merge", out, "-w", theirs, "--reviewer", "Bob"]
    dry = run(contribute, [*merging, "--dry-run"])
    assert dry.exit_code == 0 and "not merged: 6 pictures of 2 papers" in dry.stdout
    assert not (tmp_path / "theirs").exists()
    done = run(contribute, merging)
    assert done.exit_code == 0 and "\nmerged: 6 pictures of 2 papers" in done.stdout
    twice = run(contribute, merging)
    assert twice.exit_code == 1 and twice.stderr.count("problem: ") == 2
    dry = run(contribute, [*merging, "--dry-run"])
    assert dry.exit_code == 1 and twice.stderr == dry.stderr
    known_ = ["--known", out]
    refused = run(
        contribute, ["pack", "-w", str(reviewed), "--out", f"{out}.zip", "--contributor", "A", *known_]
    )
    assert refused.exit_code == 1 and "nothing to contribute" in refused.stderr


def test_the_real_sheet_tells_its_preprints() -> None:
    data = Path(os.environ.get("COVIDCT_DATA", "/nonexistent")) / "covid-ct"
    if not data.is_dir():
        pytest.skip("COVIDCT_DATA does not name a folder with covid-ct/")
    (sheet,) = data.glob("*.xlsx")
    found = known([sheet])
    cells = [str(row[0].value) for row in openpyxl.load_workbook(sheet).active.iter_rows()]
    names = {each.partition("-p")[0].partition("v")[0] for each in cells if each.startswith("2020.")}
    assert len(names) > 40 and names <= set(found)
