"""Datasets of every kind are read for an audit: each fault in their sheets and lists is told, and exactly it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from covidct_curate import importing, listing, pipeline
from covidct_curate.audit.reading import read
from covidct_curate.catalog import Catalog, decisions
from covidct_curate.errors import DatasetError
from covidct_curate.originals.documents import Wish
from covidct_curate.records import Decision
from covidct_curate.release.build import Plan, build_release
from tests.test_datasets import chestxray, covid_ct, put_pictures
from tests.volumes import voxels, write_nifti

SAMPLES = Path(__file__).parents[1] / "docs" / "samples"
Told = list[tuple[str, tuple[str, ...]]]


def told(path: Path) -> Told:
    """Kind and files of every finding, but for licences."""
    return [(each.kind, each.files) for each in read(path).findings if each.kind != "licence"]


def severities(path: Path) -> set[str]:
    return {each.severity for each in read(path).findings if each.kind != "licence"}


# --- like COVID-CT

A, B, C, N = (
    "2020.05.06.20091234-p6-52%0.png",
    "2020.05.06.20091234-p6-52%1.png",
    "S01-p2-7.png",
    "7%0.jpg",
)
ROWS = [
    {"File name": A, "Patient ID": "Patient 1", "Age": "45", "Gender": "F"},
    {"File name": B, "Patient ID": "Patient 1", "Age": "45", "Gender": "F"},
    {"File name": C, "Patient ID": "Patient 2", "Age": "60s", "Gender": "M", "DOI": "10.1016/S01"},
]
LISTS = {"trainCT_COVID": [A, B], "testCT_COVID": [C], "valCT_COVID": [], "trainCT_NonCOVID": [N]}
K = {name: f"CT_COVID/{name}" for name in (A, B, C)}


def like_covid_ct(
    folder: Path,
    change: dict[str, dict[str, str]] | None = None,
    more: list[dict[str, str]] | None = None,
    **lists: list[str],
) -> Path:
    """A clean copy, but for cells of the rows of some images, more rows, and some lists."""
    rows = [row | (change or {}).get(row["File name"], {}) for row in ROWS] + (more or [])
    covid_ct(folder, rows, [A, B, C], [(N, "crawled_patient_1")])
    for name, files in (LISTS | lists).items():
        home = folder / "Data-split" / name.partition("CT_")[2]
        home.mkdir(parents=True, exist_ok=True)
        (home / f"{name}.txt").write_text("".join(f"{each}\n" for each in files), encoding="utf-8")
    return folder


def test_a_clean_copy_of_covid_ct_has_nothing_but_no_licence(tmp_path: Path) -> None:
    subject = read(like_covid_ct(tmp_path))
    (finding,) = subject.findings
    assert (finding.kind, finding.severity, len(finding.files)) == ("licence", "note", 4)
    assert (subject.kind, subject.positive, subject.negative) == ("covid-ct", "covid", "non-covid")
    first, second, third, other = subject.entries
    assert [each.name for each in subject.entries] == [K[A], K[B], K[C], f"CT_NonCOVID/{N}"]
    assert all(each.path == tmp_path / each.name and each.path.is_file() for each in subject.entries)
    assert (first.finding, first.positive, first.modality, first.part) == ("covid", True, "ct", "train")
    assert (first.age, first.age_min, first.age_max, first.gender) == ("45", 45, 45, "F")
    assert (first.paper, first.source) == ("10.1101/2020.05.06.20091234", "medrxiv")
    assert first.figure == second.figure != "" and first.figure != third.figure
    assert first.patient == second.patient and len({each.patient for each in subject.entries} - {""}) == 3
    assert (third.paper, third.source, third.part) == ("10.1016/s01", "journal", "test")
    assert (other.paper, other.source, other.patient) == ("", "crawled", "crawled_patient_1")
    assert (other.finding, other.positive, other.scan) == ("non-covid", False, "")


@pytest.mark.parametrize(
    ("change", "more", "lists", "expected"),
    [
        ({}, [{"File name": "gone.png", "Patient ID": "Patient 9"}], {}, [("missing", ("gone.png",))]),
        ({}, [{"File name": A, "Patient ID": "Patient 9"}], {}, [("duplicate-row", (K[A],))]),
        ({A: {"File name": A.removesuffix(".png")}}, [], {}, [("name", (K[A],))]),
        ({A: {"File name": A.upper()}}, [], {}, [("name", (K[A],))]),
        ({C: {"Age": "M", "Gender": "61"}}, [], {}, [("columns-swapped", (K[C],))]),
        ({C: {"Medical history": "bilateral opacities"}}, [], {}, [("columns-shifted", (K[C],))]),
        ({C: {"Age": "20-Oct"}}, [], {}, [("age", (K[C],))]),
        ({C: {"Age": "125"}}, [], {}, [("age", (K[C],))]),
        ({C: {"Age": "-3"}}, [], {}, [("age", (K[C],))]),
        ({C: {"Age": "7"}}, [], {}, [("under-18", (K[C],))]),
        ({C: {"Gender": "unclear"}}, [], {}, [("gender", (K[C],))]),
        ({C: {"DOI": "see text"}}, [], {}, [("doi", (K[C],))]),
        ({C: {"DOI": "10.1016/ S01"}}, [], {}, [("doi", (K[C],))]),
        ({B: {"Age": "46"}}, [], {}, [("patient-contradiction", (K[A], K[B]))]),
        ({B: {"Gender": "M"}}, [], {}, [("patient-contradiction", (K[A], K[B]))]),
        (
            {C: {"Patient ID": "Patient 1", "Age": "", "Gender": ""}},
            [],
            {},
            [("patient-contradiction", (K[A], K[B], K[C]))],
        ),
        ({C: {"Captions": "['one', 'two']"}}, [], {}, [("sheet", (K[C],))]),
        ({}, [{"Patient ID": "Patient 9"}], {}, [("sheet", ("COVID-CT-MetaInfo.xlsx",))]),
        ({}, [], {"valCT_COVID": [C]}, [("split", (K[C],))]),
        ({}, [], {"valCT_COVID": [C], "trainCT_COVID": [A, B, C]}, [("split", (K[C],)), ("split", (K[C],))]),
        ({}, [], {"testCT_COVID": []}, [("split", (K[C],))]),
        ({}, [], {"valCT_COVID": ["gone.png"]}, [("missing", ("gone.png",))]),
        ({}, [], {"testCT_COVID": [C.upper()]}, [("name", (K[C],))]),
    ],
)
def test_each_fault_of_a_sheet_or_list_is_told(
    tmp_path: Path,
    change: dict[str, dict[str, str]],
    more: list[dict[str, str]],
    lists: dict[str, list[str]],
    expected: Told,
) -> None:
    folder = like_covid_ct(tmp_path, change, more, **lists)
    assert told(folder) == expected
    assert len(read(folder).entries) == 4


def test_unlisted_and_other_files_and_another_class_are_told(tmp_path: Path) -> None:
    folder = like_covid_ct(tmp_path, valCT_COVID=["new.png"])
    put_pictures(folder / "CT_COVID", ["new.png"])
    (folder / "CT_COVID" / "list.txt").touch()
    assert told(folder) == [("other-file", ("CT_COVID/list.txt",)), ("unlisted", ("CT_COVID/new.png",))]
    shutil.rmtree(folder)
    folder = like_covid_ct(
        folder, more=[{"File name": "moved-p1-2.png", "Patient ID": "3"}], valCT_NonCOVID=["moved-p1-2.png"]
    )
    put_pictures(folder / "CT_NonCOVID", ["moved-p1-2.png"])
    assert told(folder) == [("label-contradiction", ("CT_NonCOVID/moved-p1-2.png",))]


@pytest.mark.parametrize(("listed", "disk"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_in_another_form_of_unicode_are_found_and_told(tmp_path: Path, listed: str, disk: str) -> None:
    def form(kind: str) -> str:
        return unicodedata.normalize(kind, "Étude-p2-7.png")  # type: ignore[arg-type]

    folder = like_covid_ct(tmp_path / "ct", {C: {"File name": form(listed)}}, testCT_COVID=[form(listed)])
    (folder / K[C]).rename(folder / "CT_COVID" / form(disk))
    key = f"CT_COVID/{form(disk)}"
    assert told(folder) == [("name", (key,)), ("name", (key,))], "the list's, then the row's"
    assert next(each for each in read(folder).entries if each.name == key).part == "test"
    row = CXR[0] | {"filename": form(listed)}
    other = chestxray(tmp_path / "cxr", [row], [form(disk)])
    assert told(other) == [("name", (f"images/{form(disk)}",))]


def test_an_image_whose_name_another_folds_to_is_its_own(tmp_path: Path) -> None:
    """Where the exact name is there, one in other letters does not matter."""
    rows = [{"File name": name, "Patient ID": name} for name in ("a.png", "A.png")]
    assert told(covid_ct(tmp_path, rows)) == []


def test_the_two_sheets_count_their_patients_apart(tmp_path: Path) -> None:
    folder = covid_ct(
        tmp_path, [{"File name": A, "Patient ID": "Patient 7"}], others=[(N, "7"), ("8.jpg", "0")]
    )
    one, other, unknown = read(folder).entries
    assert "" not in (one.patient, other.patient) and one.patient != other.patient
    assert unknown.patient == ""


def test_without_a_workbook_the_pictures_are_still_read(tmp_path: Path) -> None:
    folder = like_covid_ct(tmp_path)
    (folder / "COVID-CT-MetaInfo.xlsx").unlink()
    subject = read(folder)
    assert [each.part for each in subject.entries] == ["train", "train", "test", "train"]
    assert told(folder) == [("missing", ()), ("unlisted", (K[A], K[B], K[C]))]
    assert severities(folder) == {"warning"}


def test_one_class_alone_and_images_processed_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "Images-processed"
    like_covid_ct(folder)
    shutil.rmtree(folder / "CT_NonCOVID")
    (folder / "NonCOVID-CT-MetaInfo.csv").rename(tmp_path / "NonCOVID-CT-MetaInfo.csv")
    (folder / "COVID-CT-MetaInfo.xlsx").rename(tmp_path / "COVID-CT-MetaInfo.xlsx")
    assert [each.name for each in read(tmp_path).entries] == [K[A], K[B], K[C]]
    assert told(tmp_path) == [("missing", ()), ("missing", (N,)), ("missing", (N,))]


def test_names_that_are_no_unicode_stay_apart_and_can_be_written(tmp_path: Path) -> None:
    folder = like_covid_ct(tmp_path)
    for byte in (b"\xff", b"\xfe"):
        (Path(str(folder)) / "CT_COVID" / (byte + b".png").decode("utf-8", "surrogateescape")).write_bytes(
            b"x"
        )
    subject = read(folder)
    assert len({each.name.encode() for each in subject.entries}) == 6
    (unlisted,) = [each for each in subject.findings if each.kind == "unlisted"]
    assert {*unlisted.files} < {each.name for each in subject.entries}


# --- like covid-chestxray-dataset

CXR = [
    {
        "patientid": str(at),
        "sex": "M",
        "age": "65",
        "finding": finding,
        "modality": "X-ray",
        "filename": f"{at}.png",
        "doi": "10.1234/ABC",
        "url": "https://www.example.org/case/1",
        "License": "CC BY 4.0",
    }
    for at, finding in enumerate(["Pneumonia/Viral/COVID-19", "No Finding", "COVID-19 (suspected)"])
]
FILES = [row["filename"] for row in CXR]


def test_a_clean_table_of_x_rays_has_nothing(tmp_path: Path) -> None:
    subject = read(chestxray(tmp_path, [CXR[0] | {"doi": ""}, *CXR[1:]], FILES))
    assert subject.findings == () and subject.kind == "chestxray"
    assert [each.name for each in subject.entries] == ["images/0.png", "images/1.png", "images/2.png"]
    assert [each.positive for each in subject.entries] == [True, False, None]
    first, second, _ = subject.entries
    assert (first.paper, first.source, first.licence, first.patient) == ("", "example.org", "CC BY 4.0", "")
    assert (second.paper, second.source, second.patient, second.age) == ("10.1234/abc", "journal", "1", "65")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"filename": "gone.png"}, [("unlisted", ("images/1.png",)), ("missing", ("gone.png",))]),
        ({"filename": "1.PNG"}, [("name", ("images/1.png",))]),
        ({"filename": "1"}, [("name", ("images/1.png",))]),
        ({"filename": "2.png"}, [("unlisted", ("images/1.png",)), ("duplicate-row", ("images/2.png",))]),
        ({"sex": "X"}, [("gender", ("images/1.png",))]),
        ({"age": "old"}, [("age", ("images/1.png",))]),
        ({"age": "12"}, [("under-18", ("images/1.png",))]),
        ({"doi": "unknown yet"}, [("doi", ("images/1.png",))]),
        ({"modality": "PET"}, [("sheet", ("images/1.png",))]),
        ({"patientid": "2", "age": "66"}, [("patient-contradiction", ("images/1.png", "images/2.png"))]),
        ({"patientid": "2", "sex": "F"}, [("patient-contradiction", ("images/1.png", "images/2.png"))]),
    ],
)
def test_each_fault_of_a_table_of_x_rays_is_told(
    tmp_path: Path, change: dict[str, str], expected: Told
) -> None:
    assert told(chestxray(tmp_path, [CXR[0], CXR[1] | change, CXR[2]], FILES)) == expected


def test_licences_of_x_rays_that_forbid_or_are_not_stated_are_told(tmp_path: Path) -> None:
    rows = [CXR[0] | {"License": "CC BY-NC-ND 4.0"}, CXR[1], CXR[2] | {"License": ""}]
    findings = read(chestxray(tmp_path, rows, FILES)).findings
    assert [(each.kind, each.severity, each.files) for each in findings] == [
        ("licence", "warning", ("images/0.png",)),
        ("licence", "note", ("images/2.png",)),
    ]


# --- workspaces and releases


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a workspace of the samples and a scan, and a release of what is in it."""
    folder = tmp_path_factory.mktemp("audited")
    ws = folder / "ws"
    assert not pipeline.extract([SAMPLES], ws, jobs=1).failures
    write_nifti(folder / "case_7.nii.gz", voxels((3, 40, 50), seed=1))
    wish = Wish(finding="non-covid", licence="cc_by")
    assert not importing.import_dataset(
        "nifti", folder / "case_7.nii.gz", ws, wish=wish, importer="Bob"
    ).failures
    build_release(ws, folder / "release", Plan(include_undecided=True))
    return folder


def test_a_workspace_is_read_with_one_note_on_licences(made: Path) -> None:
    subject = read(made / "ws")
    assert [(each.kind, each.severity) for each in subject.findings] == [("licence", "note")]
    rows = {str(row["file"]): row for row in listing.rows("panels", made / "ws") if row["selected"]}
    assert [each.name for each in subject.entries] == sorted(rows) and subject.kind == "workspace"
    slices = [each for each in subject.entries if each.scan]
    assert len(slices) == 3 and len({each.scan for each in slices}) == 1
    assert {(each.source, each.paper, each.positive) for each in slices} == {("nifti", "", False)}
    others = [each for each in subject.entries if not each.scan]
    assert all(
        each.paper.startswith("10.") and each.source.endswith("rxiv") and each.figure for each in others
    )
    for entry in subject.entries:
        assert not entry.patient.endswith("-0") and entry.path.is_file()
        row = rows[entry.name]
        assert entry.finding == row["finding"]
        assert entry.positive == {"covid": True, "non-covid": False}.get(str(row["finding"]))


def test_a_workspace_tells_lost_pictures_and_contradictions(made: Path, tmp_path: Path) -> None:
    ws = Path(shutil.copytree(made / "ws", tmp_path / "ws"))
    whole = read(ws).entries
    (patient, count), *_ = Counter(each.patient for each in whole if each.patient).most_common()
    own = [each for each in whole if each.patient == patient]
    assert count > 2
    lost = next(each for each in whole if each.patient != patient and "%" in each.name)
    (ws / lost.name).unlink()
    uid = next(str(row["uid"]) for row in listing.rows("panels", ws) if row["file"] == own[0].name)
    with Catalog(ws / "catalog.db") as catalog, catalog.transaction() as db:
        for field, value in (("gender", "F" if own[0].gender == "M" else "M"), ("age", "88")):
            decisions.append(db, Decision(uid, field, value, None, "Cy", "2025-01-01T00:00:00Z", "test"))
    names = tuple(each.name for each in own)
    found = dict(told(ws))
    assert found.pop("missing") == (lost.name,) and lost.name not in {each.name for each in read(ws).entries}
    assert found.pop("patient-contradiction") == names and found == {}
    texts = [each.text for each in read(ws).findings if each.kind == "patient-contradiction"]
    assert [text.split()[:4] for text in texts] == [
        ["patient", patient, "has", field] for field in ("ages", "genders")
    ]


def lines(release: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (release / "metadata.jsonl").read_text().splitlines()]


def rewrite(release: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the lines of a release's ``metadata.jsonl``, which its checksum then does not fit."""
    rows = lines(release)
    change(rows)
    (release / "metadata.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    sums = (release / "checksums.sha256").read_text().splitlines(keepends=True)
    (release / "checksums.sha256").write_text("".join(each for each in sums if "metadata.jsonl" not in each))


@pytest.fixture
def release(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "release", tmp_path / "release"))


def test_a_release_has_nothing_to_tell(release: Path) -> None:
    subject = read(release)
    assert subject.findings == () and (subject.kind, subject.positive) == ("release", "covid")
    rows = lines(release)
    assert [each.name for each in subject.entries] == [row["file_name"] for row in rows]
    for entry, row in zip(subject.entries, rows, strict=True):
        assert (entry.part, entry.finding, entry.positive) == (
            row["split"],
            row["finding"],
            bool(row["label"]),
        )
        assert (entry.paper, entry.licence, entry.figure) == (row["doi"], row["licence"], row["figure_uid"])
    assert len([each for each in subject.entries if each.scan]) == 3


def test_pictures_lost_changed_added_or_renamed_in_a_release_are_told(release: Path) -> None:
    names = [row["file_name"] for row in lines(release)]
    (release / names[0]).unlink()
    Image.new("L", (9, 9)).save(release / names[1])
    put_pictures(release / "CT_COVID", ["more.png"])
    (release / names[2]).rename((release / names[2]).with_suffix(".PNG"))
    assert sorted(told(release)) == [
        ("changed", (names[1],)),
        ("missing", (names[0],)),
        ("name", (names[2].removesuffix("png") + "PNG",)),
        ("unlisted", ("CT_COVID/more.png",)),
    ]
    assert len(read(release).entries) == len(names) - 1


def test_lists_that_disagree_with_the_lines_are_told(release: Path) -> None:
    rows = lines(release)
    own = [row for row in rows if row["split"] == "train" and row["label"]]
    home = release / "Data-split" / "COVID"
    names = [row["file_name"].partition("/")[2] for row in own]
    (home / "trainCT_COVID.txt").write_text("\n".join(names[1:]))
    (home / "testCT_COVID.txt").write_text(f"{names[1]}\ngone.png\n")
    (release / "checksums.sha256").unlink()
    assert sorted(told(release)) == [
        ("missing", ("CT_COVID/gone.png",)),
        ("missing", ("checksums.sha256",)),
        ("split", (own[0]["file_name"],)),
        ("split", (own[1]["file_name"],)),
    ]


def test_pictures_that_the_licences_list_and_nobody_has_are_told(release: Path) -> None:
    with (release / "LICENSES.csv").open("a", newline="") as file:
        csv.writer(file).writerow(["CT_COVID/gone.png", "yes"])
        csv.writer(file).writerow(["CT_COVID/barred.png", "no"])
    assert sorted(told(release)) == [("changed", ("LICENSES.csv",)), ("missing", ("CT_COVID/gone.png",))]


def test_bad_lines_do_not_end_the_reading(release: Path) -> None:
    count = len(lines(release))
    with (release / "metadata.jsonl").open("ab") as file:
        file.write(b'{"file_name": \n[1]\n{"label": 1}\n\xff\xfe\n' + b"[" * 100_000 + b"\n")
        file.write(
            b'{"file_name": "../../etc/passwd", "age_min": "x", "extra": 3, "doi": ["y"], "mask": {}}\n'
        )
        file.write(b'{"file_name": "CT_COVID/\\ud800\\u0000.png"}\n')
    subject = read(release)
    assert len(subject.entries) == count
    (odd,) = [each for each in subject.findings if each.kind == "sheet"]
    assert (odd.severity, odd.files) == ("error", ("metadata.jsonl",)) and "5 lines" in odd.text
    (missing,) = [each for each in subject.findings if each.kind == "missing"]
    assert missing.files[0] == "../../etc/passwd" and len(missing.files) == 2
    assert all(text.encode() for each in subject.findings for text in (each.text, *each.files))
    assert {each.kind for each in subject.findings} == {"sheet", "missing", "changed"}


def test_contradictions_ages_and_licences_in_a_release_are_told(release: Path) -> None:
    def spoil(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row.update(patient_id=row["uid"], age="", age_min=None, age_max=None, gender="")
        rows[0].update(patient_id="x", age="30", age_min=30, age_max=30)
        rows[1].update(patient_id="x", age="40s", age_min=40, age_max=49)
        rows[2].update(age="-1", age_min=-1, age_max=-1)
        rows[3].update(licence="cc_no")

    rewrite(release, spoil)
    names = [row["file_name"] for row in lines(release)]
    assert {(each.kind, each.severity, each.files) for each in read(release).findings} == {
        ("patient-contradiction", "warning", (names[0], names[1])),
        ("age", "warning", (names[2],)),
        ("licence", "error", (names[3],)),
    }
    about = json.loads((release / "release.json").read_text()) | {"private": True}
    (release / "release.json").write_text(json.dumps(about))
    assert [each.severity for each in read(release).findings if each.kind == "licence"] == ["warning"]


def test_masks_are_looked_for_and_are_no_unlisted_pictures(release: Path) -> None:
    def masked(rows: list[dict[str, Any]]) -> None:
        for at, row in enumerate(rows[:3]):
            row["mask"] = f"masks/{at}.png"

    rewrite(release, masked)
    put_pictures(release / "masks", ["0.png", "1.PNG"])
    assert sorted(told(release)) == [("missing", ("masks/2.png",)), ("name", ("masks/1.PNG",))]


def test_a_line_told_twice_is_one_picture(release: Path) -> None:
    rewrite(release, lambda rows: rows.append(rows[0]))
    assert told(release) == [("duplicate-row", (lines(release)[0]["file_name"],))]


def test_folders_that_are_no_dataset_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        read(tmp_path / "none")
    (tmp_path / "data.zip").touch()
    with pytest.raises(DatasetError, match=r"data\.zip: this is a file; unpack it"):
        read(tmp_path / "data.zip")
    with pytest.raises(DatasetError, match=r"catalog\.db .*metadata\.jsonl .*CT_COVID .*patientid"):
        read(tmp_path)
    (tmp_path / "metadata.jsonl").write_text("{}\n")
    with pytest.raises(DatasetError, match="names a picture"):
        read(tmp_path)
    (tmp_path / "metadata.jsonl").unlink()
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "images").mkdir()
    with pytest.raises(DatasetError, match="patientid"):
        read(tmp_path)


# --- the real ones


def test_the_real_covid_ct_is_read_whole() -> None:
    folder = real() / "covid-ct"
    subject = read(folder)
    assert Counter((each.positive, each.part) for each in subject.entries) == {
        **{(True, "train"): 191, (True, "val"): 60, (True, "test"): 98},
        **{(False, "train"): 234, (False, "val"): 58, (False, "test"): 105},
    }
    assert not [each for each in subject.findings if each.severity == "error"]
    kinds = {each.kind for each in subject.findings}
    assert {"patient-contradiction", "columns-shifted", "name", "doi", "licence"} <= kinds


def real() -> Path:
    found = os.environ.get("COVIDCT_DATA")
    if not found or not (Path(found) / "covid-ct").is_dir():
        pytest.skip("COVIDCT_DATA does not name a folder with covid-ct/")
    return Path(found)
