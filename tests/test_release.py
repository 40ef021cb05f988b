"""Releases, from reviewed workspaces to folders: what is in them, what is not, and back again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from PIL import Image

from covidct_curate import importing, listing, pipeline
from covidct_curate.audit import report
from covidct_curate.audit.examine import audit
from covidct_curate.catalog import Catalog, decisions
from covidct_curate.errors import ChoiceError, DatasetError
from covidct_curate.originals.documents import Wish
from covidct_curate.records import Decision
from covidct_curate.release import build as building
from covidct_curate.release.build import Plan, build_release, parse_sizes
from covidct_curate.release.pictures import Look
from covidct_curate.release.recipe import rebuild
from tests.volumes import voxels, write_dicom, write_nifti

SAMPLES = Path(__file__).parents[1] / "docs" / "samples"


@pytest.fixture(scope="session")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, extracted and all kept by Ann, with two scans of other sources. Not to be changed."""
    folder = tmp_path_factory.mktemp("release")
    ws = folder / "ws"
    assert not pipeline.extract([SAMPLES], ws, jobs=1).failures
    write_dicom(folder / "scan", voxels((4, 40, 50)))
    write_nifti(folder / "case_7.nii.gz", voxels((3, 40, 50), seed=1))
    free = Wish(finding="non-covid", licence="cc0")
    assert not importing.import_dataset("dicom", folder / "scan", ws, wish=free, importer="Bob").failures
    importing.import_dataset("nifti", folder / "case_7.nii.gz", ws, wish=Wish(every=2, licence="cc_by"))
    with Catalog(ws / "catalog.db") as catalog, catalog.transaction() as db:
        for row in listing.panels(db):
            if row["selected"] and not row["decided"]:
                at = "2024-02-11T09:30:00Z"
                decisions.append(db, Decision(str(row["uid"]), "keep", "yes", None, "Ann", at, "test"))
    return ws


@pytest.fixture
def ws(reviewed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(reviewed, tmp_path / "ws"))


def rows(release: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (release / "metadata.jsonl").read_text().splitlines()]


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def decide(ws: Path, uid: str, field: str, value: str) -> None:
    with Catalog(ws / "catalog.db") as catalog, catalog.transaction() as db:
        verdict = decisions.verdicts(db).get(uid, {}).get(field)
        basis = verdict.basis if verdict else None
        decisions.append(db, Decision(uid, field, value, basis, "Cy", "2025-01-01T00:00:00Z", "test"))


# --- what is in it --------------------------------------------------------------------------------------


def test_the_folder_is_that_of_the_contract(reviewed: Path, tmp_path: Path) -> None:
    made = build_release(reviewed, tmp_path / "out", Plan(contact="a@b.org"))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "CT_COVID", "CT_NonCOVID", "Data-split", "COVID-CT-MetaInfo.xlsx", "metadata.jsonl", "croissant.json",
        "README.md", "LICENSES.csv", "recipe.jsonl", "checksums.sha256", "audit.json", "release.json",
    }  # fmt: skip
    told = rows(made.folder)
    files = {f"{path.parent.name}/{path.name}" for path in made.folder.glob("CT_*/*.png")}
    assert [row["file_name"] for row in told] == sorted(files)
    for row in told:
        with Image.open(made.folder / row["file_name"]) as image:
            assert (image.mode, image.info, list(image.size)) == ("L", {}, [row["width"], row["height"]])
        assert next(iter(row)) == "file_name"
        assert (row["file_name"].startswith("CT_COVID/"), row["decided"]) == (bool(row["label"]), True)
    lists = [
        name for path in (made.folder / "Data-split").rglob("*.txt") for name in path.read_text().splitlines()
    ]
    assert sorted(lists) == sorted(Path(row["file_name"]).name for row in told)
    sheet = openpyxl.load_workbook(made.folder / "COVID-CT-MetaInfo.xlsx").active
    assert sheet is not None and [cell.value for cell in sheet[1]][:3] == ["File name", "Patient ID", "Age"]
    sums = (made.folder / "checksums.sha256").read_text().splitlines()
    assert {line.split("  ")[1]: line.split("  ")[0] for line in sums} == {
        name: digest for name, digest in tree(made.folder).items() if name != "checksums.sha256"
    }


def test_what_may_not_be_shared_is_a_recipe_that_makes_it_again(reviewed: Path, tmp_path: Path) -> None:
    made = build_release(reviewed, tmp_path / "out", Plan())
    recipe = [json.loads(line) for line in (made.folder / "recipe.jsonl").read_text().splitlines()]
    left = {row["file_name"]: row for row in recipe if not row["in_release"]}
    assert left and not any((made.folder / name).exists() for name in left)
    captions = " ".join(row["caption"] for row in rows(made.folder))
    assert captions and all("caption" not in row for row in recipe)
    told = list(rebuild(made.folder, SAMPLES, tmp_path / "again"))
    assert {each.file_name: each.outcome for each in told} == dict.fromkeys(left, "rebuilt")
    private = build_release(reviewed, tmp_path / "private", Plan(private=True))
    for name in left:
        same = [np.asarray(Image.open(folder / name)) for folder in (tmp_path / "again", private.folder)]
        np.testing.assert_array_equal(*same)
    assert "do not redistribute" in (private.folder / "README.md").read_text().lower()


def test_a_panel_cut_by_a_reviewer_is_rebuilt_too(ws: Path, tmp_path: Path) -> None:
    from covidct_curate import splitting
    from covidct_curate.panels.choice import parse_grid

    made = build_release(ws, tmp_path / "one", Plan())
    recipe = [json.loads(line) for line in (made.folder / "recipe.jsonl").read_text().splitlines()]
    name = next(Path(row["file_name"]).name for row in recipe if not row["in_release"] and not row["box"])
    row = next(each for each in listing.rows("panels", ws) if Path(str(each["file"])).name == name)
    splitting.decide(ws, str(row["figure_uid"]), parse_grid("1x2"), reviewer="Ann")
    for each in listing.rows("panels", ws):
        if each["figure_uid"] == row["figure_uid"]:
            decide(ws, str(each["uid"]), "keep", "yes")
    made = build_release(ws, tmp_path / "two", Plan())
    told = list(rebuild(made.folder / "recipe.jsonl", SAMPLES, tmp_path / "again"))
    assert {each.outcome for each in told} == {"rebuilt"}
    assert sum(Path(each.file_name).name.startswith(name.removesuffix(".png")) for each in told) == 2


def test_a_recipe_says_what_is_missing_or_differs(reviewed: Path, tmp_path: Path) -> None:
    made = build_release(reviewed, tmp_path / "out", Plan())
    path = made.folder / "recipe.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    left = [row for row in lines if not row["in_release"]]
    left[0]["pixels"] = left[0]["figure_pixels"] = "0" * 64
    left[1] |= {"pixels": "0" * 64, "figure_pixels": "0" * 64, "page": 99}
    left[2] |= {"pixels": "0" * 64, "figure_pixels": "", "doi": "10.1/none", "source": "none.pdf"}
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in left[:3]))
    told = list(rebuild(tmp_path / "r.jsonl", SAMPLES, tmp_path / "again"))
    assert [each.outcome for each in told] == ["differs", "missing", "missing"]
    left[0]["file_name"] = "../../evil.png"
    (tmp_path / "r.jsonl").write_text(json.dumps(left[0]))
    with pytest.raises(DatasetError, match="outside the folder"):
        list(rebuild(tmp_path / "r.jsonl", SAMPLES, tmp_path / "again"))
    (tmp_path / "r.jsonl").write_text("{}")
    with pytest.raises(DatasetError, match="no recipe"):
        list(rebuild(tmp_path / "r.jsonl", SAMPLES, tmp_path / "again"))


def test_only_decided_pictures_of_the_two_classes(ws: Path, tmp_path: Path) -> None:
    before = rows(build_release(ws, tmp_path / "a", Plan(private=True)).folder)
    decide(ws, before[0]["uid"], "keep", "no")
    decide(ws, before[1]["uid"], "finding", "uncertain")
    decide(ws, before[2]["uid"], "age", "93")
    after = {row["uid"]: row for row in rows(build_release(ws, tmp_path / "b", Plan(private=True)).folder)}
    assert set(after) == {row["uid"] for row in before[2:]}
    told = after[before[2]["uid"]]
    assert (told["age"], told["reviewers"][0], told["decided_at"]) == ("90+", "Cy", "2025-01-01T00:00:00Z")


def test_undecided_pictures_are_marked(tmp_path: Path) -> None:
    pipeline.extract([SAMPLES], tmp_path / "ws", jobs=1)
    with pytest.raises(DatasetError, match="nobody decided"):
        build_release(tmp_path / "ws", tmp_path / "a", Plan())
    made = build_release(tmp_path / "ws", tmp_path / "a", Plan(include_undecided=True))
    assert {row["decided"] for row in rows(made.folder)} == {False}


def test_colours_only_where_asked_for(ws: Path, tmp_path: Path) -> None:
    grey = build_release(ws, tmp_path / "a", Plan(private=True)).folder
    keep = build_release(ws, tmp_path / "b", Plan(private=True, look=Look(colour="keep"))).folder
    modes = {Image.open(path).mode for path in keep.glob("CT_*/*.png")}
    assert {Image.open(path).mode for path in grey.glob("CT_*/*.png")} == {"L"}
    assert modes <= {"L", "RGB"}


def test_two_papers_that_would_write_one_name_are_told_apart(ws: Path, tmp_path: Path) -> None:
    made = rows(build_release(ws, tmp_path / "a", Plan(private=True)).folder)
    names = [Path(row["file_name"]).name.lower() for row in made]
    assert len(set(names)) == len(names)


def told(release: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((release / "audit.json").read_text())
    return found


def test_its_audit_is_what_an_audit_of_it_tells(reviewed: Path, tmp_path: Path) -> None:
    made = build_release(reviewed, tmp_path / "a", Plan(private=True)).folder
    assert told(made) == report.as_json(audit(made))
    assert {"label-contradiction", "licence", "near-duplicate"} <= {
        each["kind"] for each in told(made)["findings"]
    }
    assert list(told(made)["shortcuts"]) == ["border", "file", "histogram"]
    shared = build_release(reviewed, tmp_path / "b", Plan(look=Look(colour="keep"))).folder
    names = {row["file_name"] for row in rows(shared)}
    assert {name for each in told(shared)["findings"] for name in each["files"]} <= names


def test_its_audit_finds_what_given_lists_put_in_two_parts(reviewed: Path, tmp_path: Path) -> None:
    made = build_release(reviewed, tmp_path / "a", Plan(private=True)).folder
    leaks = [each for each in told(made)["findings"] if each["kind"].startswith("shared-")]
    assert leaks == []
    counts = Counter(row["doi"] for row in rows(made) if row["doi"] and row["label"])
    doi = counts.most_common(1)[0][0]
    first, *_ = inside = [row for row in rows(made) if row["doi"] == doi]
    there, other = (
        made / f"Data-split/COVID/{part}CT_COVID.txt"
        for part in (first["split"], "val" if first["split"] != "val" else "test")
    )
    name = Path(first["file_name"]).name
    there.write_text(there.read_text().replace(f"{name}\n", ""))
    other.write_text(f"{other.read_text()}{name}\n")
    again = build_release(reviewed, tmp_path / "b", Plan(private=True, split=str(made))).folder
    papers = [each for each in told(again)["findings"] if each["kind"] == "shared-paper"]
    assert [(each["severity"], each["files"]) for each in papers] == [
        ("error", sorted(row["file_name"] for row in inside))
    ]


# --- the same again -------------------------------------------------------------------------------------


def test_the_same_catalogue_gives_the_same_bytes(reviewed: Path, tmp_path: Path) -> None:
    plan = Plan(formats=building.FORMATS, seed=3)
    one, two = (tree(build_release(reviewed, tmp_path / name, plan).folder) for name in "ab")
    assert one == two
    assert {name.split("/")[1] for name in one if name.startswith("formats/")} == set(building.FORMATS)


def test_a_release_imported_and_released_again_is_the_same(reviewed: Path, tmp_path: Path) -> None:
    made = build_release(reviewed, tmp_path / "a", Plan(name="Mine", seed=5, contact="a@b.org"))
    report = importing.import_dataset("release", made.folder, tmp_path / "ws")
    assert not report.failures
    again = build_release(tmp_path / "ws", tmp_path / "b", Plan())
    assert tree(again.folder) == tree(made.folder)
    uid = next(str(row["uid"]) for row in listing.rows("panels", tmp_path / "ws"))
    decide(tmp_path / "ws", uid, "keep", "no")
    fewer = build_release(tmp_path / "ws", tmp_path / "c", Plan())
    assert len(rows(fewer.folder)) == len(rows(made.folder)) - 1


def test_an_imported_release_without_an_audit_is_audited(reviewed: Path, tmp_path: Path) -> None:
    made = build_release(reviewed, tmp_path / "a", Plan())
    before = told(made.folder)
    (made.folder / "audit.json").unlink()
    importing.import_dataset("release", made.folder, tmp_path / "ws")
    assert told(build_release(tmp_path / "ws", tmp_path / "b", Plan()).folder) == before


def test_pictures_of_one_patient_or_paper_are_in_one_part(reviewed: Path, tmp_path: Path) -> None:
    told = rows(build_release(reviewed, tmp_path / "a", Plan(private=True, seed=1)).folder)
    for key in ("patient_id", "doi"):
        parts: dict[str, set[str]] = {}
        for row in told:
            if row[key] and not row[key].endswith("-0"):
                parts.setdefault(row[key], set()).add(row["split"])
        assert all(len(each) == 1 for each in parts.values())


def test_lists_given_decide_the_split(reviewed: Path, tmp_path: Path) -> None:
    made = build_release(reviewed, tmp_path / "a", Plan(private=True))
    again = build_release(reviewed, tmp_path / "b", Plan(private=True, split=str(made.folder), seed=9))
    assert [row["split"] for row in rows(again.folder)] == [row["split"] for row in rows(made.folder)]
    with pytest.raises(DatasetError, match="none of the pictures"):
        build_release(reviewed, tmp_path / "c", Plan(split="official"))


# --- bad luck -------------------------------------------------------------------------------------------


def test_a_folder_that_is_there_is_not_touched(reviewed: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ChoiceError, match="there already"):
        build_release(reviewed, tmp_path / "out", Plan())
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_a_disk_that_fills_leaves_no_half_release(
    reviewed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building, "write_recipe", full)
    with pytest.raises(DatasetError, match="No space left"):
        build_release(reviewed, tmp_path / "out", Plan())
    assert list(tmp_path.iterdir()) == []


def test_plans_that_make_no_sense_are_refused(reviewed: Path, tmp_path: Path) -> None:
    with pytest.raises(ChoiceError, match="no such format"):
        build_release(reviewed, tmp_path / "out", Plan(formats=("webdataset",)))
    refused: list[str] = ["", "1,2", "a,b,c", "-1,1,1", "0,0,0", "inf,1,1", "nan,1,1"]
    for text in refused:
        with pytest.raises(ChoiceError, match="sizes"):
            parse_sizes(text)
    assert parse_sizes("60,15,25") == (0.6, 0.15, 0.25)


def test_a_release_that_was_tampered_with(tmp_path: Path, reviewed: Path) -> None:
    made = build_release(reviewed, tmp_path / "a", Plan()).folder
    told = rows(made)
    told[0]["file_name"] = "../../secret.png"
    (made / told[1]["file_name"]).unlink()
    del told[2]["patient_id"]
    (made / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    report = importing.import_dataset("release", made, tmp_path / "ws")
    assert not report.failures
    notes = (tmp_path / "ws" / "import-release.txt").read_text()
    assert notes.count("left out") == 3
    assert len(listing.rows("panels", tmp_path / "ws")) == len(told) - 3
    spoil: list[Callable[[], object]] = [
        lambda: (made / "metadata.jsonl").write_text("{"),
        lambda: (made / "metadata.jsonl").unlink(),
    ]
    for each in spoil:
        each()
        with pytest.raises(DatasetError, match="metadata"):
            importing.import_dataset("release", made, tmp_path / "other")
