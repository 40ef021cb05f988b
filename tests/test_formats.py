"""Formats of a release, read back with what reads them; benchmarks/load_formats.py does it with the heavy libraries."""

import csv
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from PIL import Image

from covidct_curate.columns import columns
from covidct_curate.datasets.chestxray_rows import judged
from covidct_curate.datasets.covid_ct import read_covid_ct
from covidct_curate.licences import known, may_share
from covidct_curate.png import write_png
from covidct_curate.records import Patient
from covidct_curate.release.formats import chestxray, coco, covid_ct, huggingface, imagefolder
from covidct_curate.release.formats.rows import named_apart
from covidct_curate.release.item import About, Item
from covidct_curate.review.csvs import unguarded
from tests import releases
from tests.releases import ABOUT, HOSTILE

Write = Callable[[list[Item], Path, About, Path], None]
FORMATS: tuple[Write, ...] = (imagefolder.write, huggingface.write, coco.write, chestxray.write)
ORIGINAL = [
    "File name", "Patient ID", "Age", "Gender", "Location", "Medical history", "Time", "Severity", "Other diseases",
    "DOI", "Captions",
]  # fmt: skip


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    return releases.items(tmp_path)


@pytest.fixture
def release(tmp_path: Path, items: list[Item]) -> Path:
    return releases.release(tmp_path, items)


def written(write: Write, items: list[Item], release: Path, about: About = ABOUT) -> Path:
    folder = release / "formats" / "one"
    folder.mkdir(parents=True)
    write(items, folder, about, release)
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# The release's own layout


def test_lists_name_every_shared_picture_once(items: list[Item], release: Path) -> None:
    names = []
    for positive, home in ((True, "COVID"), (False, "NonCOVID")):
        for part in ("train", "val", "test"):
            text = (release / "Data-split" / home / f"{part}CT_{home}.txt").read_text()
            wanted = [
                Path(item.file_name).name
                for item in items
                if item.shared and item.part == part and item.positive == positive
            ]
            assert text.splitlines() == sorted(wanted)
            names += text.splitlines()
    assert len(names) == len(set(names)) == 18


def test_a_part_without_pictures_has_an_empty_list(tmp_path: Path) -> None:
    out = releases.release(tmp_path, [releases.item(0, tmp_path)])
    assert (out / "Data-split" / "COVID" / "testCT_COVID.txt").read_bytes() == b""
    assert len(list(out.rglob("*.txt"))) == 6


def test_another_disease_has_its_own_folders(tmp_path: Path) -> None:
    about = replace(ABOUT, positive_folder="CT_TB", negative_folder="CT_NonTB")
    releases.release(tmp_path, [releases.item(0, tmp_path)], about)
    assert (tmp_path / "release" / "Data-split" / "TB" / "trainCT_TB.txt").read_text()


def test_sheet_has_covid_ct_columns_first(release: Path, items: list[Item]) -> None:
    sheet = pd.read_excel(release / covid_ct.SHEET, dtype=str, keep_default_na=False)
    assert list(sheet.columns[:11]) == ORIGINAL
    assert set(sheet.columns[11:]) <= {column.name for column in columns()} | {
        "split",
        "subcaption",
        "licence",
        "source",
    }
    assert "keep" not in sheet.columns
    by_uid = sheet.set_index("uid")
    assert len(by_uid) == 18
    assert by_uid.at["u0005", "Age"] == "90+" and by_uid.at["u0005", "time in days"] == "-2"
    assert by_uid.at["u0003", "Patient ID"] == "p1" and by_uid.at["u0003", "reviewer"] == ""
    assert by_uid.at["u0000", "licence"] == "CC BY 4.0" and by_uid.at["u0000", "split"] == "train"
    assert by_uid.at["u0000", "link"] == "https://doi.org/10.1101/2020.01.01.00000000"


def test_hostile_text_is_text_in_the_sheet(release: Path) -> None:
    sheet = openpyxl.load_workbook(release / covid_ct.SHEET)["MetaInfo"]
    kinds = {cell.data_type for line in sheet.iter_rows() for cell in line}
    assert "f" not in kinds
    captions = [str(cell.value) for cell in sheet["K"]]
    assert any(text.startswith('=cmd|"/c calc"!A1 | <script>') for text in captions)


def test_metadata_has_a_line_for_each_picture(items: list[Item], release: Path) -> None:
    rows = lines(release / "metadata.jsonl")
    assert [row["file_name"] for row in rows] == sorted(item.file_name for item in items if item.shared)
    assert all(next(iter(row)) == "file_name" for row in rows)
    assert len({tuple(row) for row in rows}) == 1
    row = next(row for row in rows if row["uid"] == "u0001")
    assert row["caption"] == HOSTILE.replace("\ud800", "?") == row["extra"]["=k"]
    assert row["label"] == 1 and row["finding"] == "covid" and row["split"] == "train"
    assert row["box"] == [5, 5, 66, 46] and (row["width"], row["height"]) == (61, 41)
    assert row["patient_id"] == "p0" and row["licence"] == "cc0" and row["reviewers"] == ["Ann"]


def test_metadata_holds_every_field_of_an_item(items: list[Item], release: Path) -> None:
    """What an item tells can be read again, or a release could not be imported."""
    row = lines(release / "metadata.jsonl")[0]
    assert {"patient_id", *Patient.__dataclass_fields__} - {"id"} <= row.keys()
    origin = set(items[0].origin.__dataclass_fields__)
    assert origin <= row.keys()
    told = {"positive": "label", "part": "split", "why": "shared_because", "patient": "patient_id"}
    left = {"origin", "picture", "figure_picture", "figure_shared", "shared", "size"}
    assert {told.get(name, name) for name in items[0].__dataclass_fields__ if name not in left} <= row.keys()


def test_a_mask_is_named(tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    write_png(np.zeros((40, 60), np.uint8), mask)
    out = releases.release(tmp_path, [releases.item(0, tmp_path, mask=mask)])
    row = lines(out / "metadata.jsonl")[0]
    assert row["mask"] == "masks/2020.01.01.00000000-p3-0%0.png" and (out / row["mask"]).is_file()


def test_licences_name_all_items_and_run_nothing(items: list[Item], release: Path) -> None:
    rows = table(release / "LICENSES.csv", "utf-8-sig")
    assert len(rows) == len(items) == 19
    assert [row["file_name"] for row in rows if row["in the release"] == "no"] == [items[18].file_name]
    barred = rows[[row["in the release"] for row in rows].index("no")]
    assert barred["spdx"] == "CC-BY-ND-4.0" and "derivatives" in barred["why"] and barred["changes"] == ""
    hostile = next(row for row in rows if row["doi"].endswith("00000001"))
    assert hostile["title"].startswith("'=cmd")
    assert unguarded(hostile["title"]).startswith('=cmd|"/c calc"!A1')
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    first = next(row for row in rows if row["doi"].endswith("00000000") and row["in the release"] == "yes")
    assert first["licence_url"] == "https://creativecommons.org/licenses/by/4.0/"
    assert first["changes"].startswith("cut out of its figure")


def test_it_is_read_as_covid_ct(items: list[Item], release: Path) -> None:
    """Programs made for COVID-CT's folder take it: here our own reader of it."""
    found = {
        image.file.name: image for document in read_covid_ct(release).documents for image in document.images
    }
    assert found.keys() == {Path(item.file_name).name for item in items if item.shared}
    first = found["2020.01.01.00000000-p3-0%0.png"]
    assert first.facts.finding == "covid" and first.facts.patient.age == "45"
    assert first.facts.extra["split"] == "train"
    assert found["2020.01.01.00000008-p3-8%0.png"].facts.finding == "non-covid"


# Determinism


@pytest.mark.parametrize("write", FORMATS)
def test_equal_items_give_equal_bytes_in_any_order(tmp_path: Path, items: list[Item], write: Write) -> None:
    def made(name: str, of: list[Item]) -> dict[str, str]:
        out = releases.release(tmp_path, of).rename(tmp_path / name)
        written(write, of, out)
        return contents(out)

    assert made("one", items) == made("two", items[::-1])


@pytest.mark.parametrize("write", FORMATS)
def test_only_shared_pictures_are_written(items: list[Item], release: Path, write: Write) -> None:
    folder = written(write, items, release)
    assert (folder / "LICENSES.csv").read_bytes() == (release / "LICENSES.csv").read_bytes()
    told = b"".join(
        path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in {".csv", ".json", ".jsonl"} and path.name != "LICENSES.csv"
    )
    assert b"00000018-p3" not in told and len(list(folder.rglob("*.png"))) == 18


@pytest.mark.parametrize("write", FORMATS)
def test_a_private_folder_says_so(items: list[Item], release: Path, write: Write) -> None:
    folder = written(write, items, release, replace(ABOUT, private=True))
    assert "do not redistribute" in (folder / "DO-NOT-REDISTRIBUTE.txt").read_text()


@pytest.mark.parametrize("write", FORMATS)
def test_nothing_shared_is_no_error(tmp_path: Path, write: Write) -> None:
    barred = [releases.item(0, tmp_path, shared=False)]
    (tmp_path / "release").mkdir()
    folder = written(write, barred, releases.release(tmp_path, barred))
    assert not list(folder.rglob("*.png"))


def test_a_disk_without_links_gets_copies(
    items: list[Item], release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refused)
    folder = written(imagefolder.write, items, release)
    path = next(iter(sorted(folder.rglob("*.png"))))
    assert path.stat().st_nlink == 1 and path.read_bytes().startswith(b"\x89PNG")


def test_names_are_told_apart_on_any_file_system() -> None:
    assert named_apart(["a.png", "A.png", "a.png", "a-2.png"]) == ["a.png", "A-2.png", "a-3.png", "a-2-2.png"]


# ImageFolder


def test_imagefolder_has_both_classes_in_every_part(items: list[Item], release: Path) -> None:
    folder = written(imagefolder.write, items, release)
    for part in ("train", "val", "test"):
        assert {path.name for path in (folder / part).iterdir()} == {"CT_COVID", "CT_NonCOVID"}
        assert len(list((folder / part).rglob("*.png"))) == 6
    assert "1 - number" in (folder / "README.md").read_text()


# Hugging Face


def test_huggingface_rows_have_equal_types_in_every_split(items: list[Item], release: Path) -> None:
    """The loader guesses a column's type from each file by itself, and refuses files that differ."""
    folder = written(huggingface.write, items, release)
    types = set()
    for split in ("train", "validation", "test"):
        rows = lines(folder / split / "metadata.jsonl")
        assert all((folder / split / row["file_name"]).is_file() for row in rows) and len(rows) == 6
        types |= {tuple((key, type(value)) for key, value in row.items()) for row in rows}
        assert not any(
            str(value)[:4].isdigit() and str(value)[4:5] == "-" for row in rows for value in row.values()
        )
    ((_, *found),) = [[key for key, _ in each] for each in types]
    assert tuple(found) == huggingface.COLUMNS
    assert {kind for _, kind in next(iter(types))} == {str, int, bool}


def test_huggingface_card_begins_with_yaml(items: list[Item], release: Path) -> None:
    yaml = pytest.importorskip("yaml")
    folder = written(huggingface.write, items, release, replace(ABOUT, name="A: 'b' \"c\" #d\n---"))
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    told = yaml.safe_load(front)
    assert told["pretty_name"] == "A: 'b' \"c\" #d\n---"
    assert told["license"] == "other" and told["size_categories"] == ["n<1K"]
    assert [each["split"] for each in told["configs"][0]["data_files"]] == ["train", "validation", "test"]
    names = [each["name"] for each in told["dataset_info"]["features"]]
    assert names == ["image", *huggingface.COLUMNS]
    assert text.lstrip().startswith("# A: ")


def test_huggingface_names_one_licence(tmp_path: Path) -> None:
    made = [releases.item(0, tmp_path)]
    folder = written(huggingface.write, made, releases.release(tmp_path, made))
    assert "\nlicense: cc-by-4.0\n" in (folder / "README.md").read_text()
    assert not (folder / "test").exists()


def test_parquet_holds_the_pictures(items: list[Item], release: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = written(huggingface.write, items, release)
    found = parquet.read_table(folder / "parquet" / "train.parquet")
    told = {row["file_name"]: row for row in lines(release / "metadata.jsonl")}
    assert (
        json.loads(found.schema.metadata[b"huggingface"])["info"]["features"]["label"]["names"][1] == "covid"
    )
    for row in found.to_pylist():
        wanted = told[row["image"]["path"]]
        assert row["image"]["bytes"] == (release / wanted["file_name"]).read_bytes()
        same = row.keys() - {"image", "extra"}
        assert {key: row[key] for key in same} == {key: wanted[key] for key in same}


# COCO


def test_coco_boxes_lie_in_figures(items: list[Item], release: Path) -> None:
    folder = written(coco.write, items, release)
    told = json.loads((folder / "annotations" / "train.json").read_text())
    pictures = {picture["id"]: picture for picture in told["images"]}
    boxes = {box["uid"]: box for box in told["annotations"]}
    assert boxes.keys() == {item.uid for item in items if item.shared and item.part == "train"}
    whole = boxes["u0004"]
    assert whole["bbox"] == [5, 5, 64, 44] and whole["area"] == 64 * 44
    picture = pictures[whole["image_id"]]
    with Image.open(folder / "images" / picture["file_name"]) as image:
        assert image.size == (300, 200) == (picture["width"], picture["height"]) and image.mode == "L"
    alone = boxes["u0000"]
    assert alone["bbox"] == [0, 0, 60, 40]
    assert boxes["u0005"]["category_id"] == 2 and told["categories"][0]["name"] == "covid"
    licences = {licence["id"]: licence for licence in told["licenses"]}
    assert licences[picture["license"]]["name"] == "CC0 1.0"
    assert all(licence["url"] for licence in licences.values())


def test_coco_ids_are_unique_over_its_files(items: list[Item], release: Path) -> None:
    folder = written(coco.write, items, release)
    for key in ("images", "annotations"):
        ids = [
            each["id"]
            for path in sorted((folder / "annotations").iterdir())
            for each in json.loads(path.read_text())[key]
        ]
        assert len(ids) == len(set(ids)) == 18


@pytest.mark.parametrize(
    "change", [{"figure_shared": False}, {"part": "test"}], ids=["something was left out", "two parts"]
)
def test_coco_shows_no_figure_that_may_not_be_seen(tmp_path: Path, change: dict[str, Any]) -> None:
    first = releases.with_figure(releases.item(0, tmp_path), tmp_path)
    second = replace(
        releases.item(1, tmp_path),
        figure_uid=first.figure_uid,
        figure_picture=first.figure_picture,
        figure_shared=True,
    )
    made = [first, replace(second, **change)]
    folder = written(coco.write, made, releases.release(tmp_path, made))
    sizes = set()
    for path in (folder / "images").iterdir():
        with Image.open(path) as image:
            sizes.add(image.size)
    assert sizes == {(60, 40), (61, 41)}


def test_coco_draws_panels_of_one_figure_together(tmp_path: Path) -> None:
    first = releases.with_figure(releases.item(0, tmp_path), tmp_path)
    second = replace(
        releases.item(1, tmp_path),
        figure_uid=first.figure_uid,
        figure_picture=first.figure_picture,
        figure_shared=True,
    )
    made = [first, replace(second, origin=replace(second.origin, box=(250, 150, 320, 230)))]
    folder = written(coco.write, made, releases.release(tmp_path, made))
    told = json.loads((folder / "annotations" / "train.json").read_text())
    assert len(told["images"]) == 1
    assert [box["bbox"] for box in told["annotations"]] == [[5, 5, 60, 40], [250, 150, 50, 50]]


# covid-chestxray-dataset


def test_chestxray_table_has_its_29_columns(items: list[Item], release: Path) -> None:
    folder = written(chestxray.write, items, release)
    rows = table(folder / "metadata.csv")
    assert tuple(rows[0]) == chestxray.COLUMNS and len(chestxray.COLUMNS) == 29
    assert len({row["filename"] for row in rows}) == len(rows) == 18
    assert all((folder / row["folder"] / row["filename"]).is_file() for row in rows)
    frame = pd.read_csv(folder / "metadata.csv")
    assert frame["age"].dtype.kind == "f" and frame["offset"].dtype.kind == "f"
    old = frame[frame["other_notes"].str.contains("uid: u0005")].iloc[0]
    assert pd.isna(old["age"]) and "age: 90+" in old["other_notes"]
    assert old["offset"] == -2 and old["went_icu"] == "Y"


def test_chestxray_counts_nobody_as_negative_who_was_not_found_so(items: list[Item], release: Path) -> None:
    folder = written(chestxray.write, items, release)
    frame = pd.read_csv(folder / "metadata.csv")
    frame["uid"] = frame["other_notes"].str.rpartition("uid: ")[2]
    found = frame.set_index("uid")["finding"]
    assert not found.isna().any()
    assert found["u0003"] == "todo" and found["u0002"] == "Unknown"
    by_uid = {item.uid: item for item in items}
    for uid, text in found.items():
        if text not in ("todo", "Unknown"):
            assert ("COVID-19" in text) == by_uid[str(uid)].positive
            assert judged(text) == by_uid[str(uid)].finding


@pytest.mark.parametrize("negative", ["non-COVID-19", "not pneumonia", "non-viral"])
def test_chestxray_word_for_the_other_class_never_matches(tmp_path: Path, negative: str) -> None:
    about = replace(ABOUT, negative=negative)
    healthy = releases.item(2, tmp_path, finding=negative)
    assert chestxray.finding(healthy, about) == "other"


def test_chestxray_names_another_disease(tmp_path: Path) -> None:
    about = replace(ABOUT, disease="Tuberculosis (lung)/x", positive="tuberculosis", negative="healthy")
    assert (
        chestxray.finding(releases.item(0, tmp_path, finding="tuberculosis"), about) == "Tuberculosis lung x"
    )
    assert chestxray.finding(releases.item(2, tmp_path, finding="healthy"), about) == "healthy"


@pytest.mark.parametrize(
    ("caption", "subcaption", "view"),
    [
        ("Chest CT.", "", "Axial"),
        ("Axial and coronal CT.", "b, coronal", "Coronal"),
        ("Axial and coronal CT.", "", "Axial"),
        ("Transverse section", "", "Axial"),
        ("Sagittal", "", "Sagittal"),
    ],
)
def test_chestxray_view(tmp_path: Path, caption: str, subcaption: str, view: str) -> None:
    made = [releases.item(0, tmp_path, caption=caption, subcaption=subcaption)]
    folder = written(chestxray.write, made, releases.release(tmp_path, made))
    assert table(folder / "metadata.csv")[0]["view"] == view


def test_chestxray_leaves_the_view_of_an_xray_open(tmp_path: Path) -> None:
    made = [
        releases.item(0, tmp_path, modality="xray"),
        releases.item(1, tmp_path, modality="xray", extra={"view": "PA"}),
    ]
    folder = written(chestxray.write, made, releases.release(tmp_path, made))
    assert [(row["view"], row["modality"]) for row in table(folder / "metadata.csv")] == [
        ("", "X-ray"),
        ("PA", "X-ray"),
    ]


def test_chestxray_runs_nothing(items: list[Item], release: Path) -> None:
    folder = written(chestxray.write, items, release)
    cells = [cell for row in table(folder / "metadata.csv") for key, cell in row.items() if key != "offset"]
    assert any(cell.startswith("'=cmd") for cell in cells)
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in cells)


# Croissant


def test_croissant_has_what_is_required(items: list[Item], release: Path) -> None:
    told = json.loads((release / "croissant.json").read_text())
    required = {
        "@context",
        "@type",
        "conformsTo",
        "description",
        "license",
        "name",
        "url",
        "creator",
        "datePublished",
    }
    assert required <= told.keys()
    assert (
        told["conformsTo"] == "http://mlcommons.org/croissant/1.0" and told["datePublished"] == "2024-02-11"
    )
    assert told["license"] == [
        "https://creativecommons.org/licenses/by-nc/4.0/",
        "https://creativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org/publicdomain/zero/1.0/",
    ]
    file, pictures = told["distribution"]
    assert file["sha256"] == hashlib.sha256((release / file["contentUrl"]).read_bytes()).hexdigest()
    found = [path for pattern in pictures["includes"] for path in release.glob(pattern)]
    assert len(found) == 18
    rows = lines(release / "metadata.jsonl")
    fields = told["recordSet"][0]["field"]
    assert {field["source"]["extract"]["column"] for field in fields} <= rows[0].keys()
    assert {"@id": "https://doi.org/10.1101/2020.01.01.00000000"} in told["prov:wasDerivedFrom"]


def test_croissant_invents_no_day(tmp_path: Path) -> None:
    made = [releases.item(0, tmp_path, decided=False, decided_at="")]
    out = releases.release(tmp_path, made, replace(ABOUT, decided_at="", creator=""))
    told = json.loads((out / "croissant.json").read_text())
    assert "datePublished" not in told and told["creator"]["name"] == "Ann"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_croissant_is_valid(release: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    loaded = mlcroissant.Dataset(jsonld=str(release / "croissant.json"))
    assert not loaded.metadata.ctx.issues.errors
    assert len(list(loaded.records("rows"))) == 18


# Licences


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("cc_by", "CC-BY-4.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("cc-by 3.0", "CC-BY-3.0"),
        ("CCBY", "CC-BY-4.0"),
        ("CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0"),
        ("CC BY-SA 2.5 generic", "CC-BY-SA-2.5"),
        ("cc_by_nc", "CC-BY-NC-4.0"),
        (" CC BY\n4.0. ", "CC-BY-4.0"),
        (
            "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International License",
            "CC-BY-NC-SA-4.0",
        ),
        ("Creative Commons Attribution 4.0 International (CC BY 4.0)", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0"),
        ("http://creativecommons.org/licenses/by/2.0/legalcode", "CC-BY-2.0"),
        ("https://creativecommons.org/licenses/by-sa/4.0/deed.de", "CC-BY-SA-4.0"),
        ("cc0", "CC0-1.0"),
        ("CC0-1.0", "CC0-1.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("Creative Commons Zero", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("Public Domain", ""),
        ("public_domain", ""),
        ("https://creativecommons.org/publicdomain/mark/1.0/", ""),
    ],
)
def test_may_be_shared(text: str, spdx: str) -> None:
    found = known(text)
    assert found and found.spdx == spdx and found.url.startswith("https://creativecommons.org/")
    assert may_share(text) == (True, found.name)
    assert known(found.url) == known(found.key if found.url.endswith("4.0/") else found.name) or not spdx


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cc_by_nd", "no derivatives"),
        ("CC BY-NC-ND 4.0 International license", "no derivatives"),
        ("Creative Commons Attribution, Non-Commercial, No Derivatives", "no derivatives"),
        ("http://creativecommons.org/licenses/by-nc-nd/4.0/", "no derivatives"),
        ("cc_no", "all rights reserved"),
        ("All rights reserved", "all rights reserved"),
        ("No reuse allowed without permission", "all rights reserved"),
        ("© 2020 The Authors", "all rights reserved"),
        (None, "no licence stated"),
        ("  ", "no licence stated"),
        ("unknown", "no licence stated"),
        ("cc0_ng", "do not tell"),
        ("CC BY except figure 2", "not understood"),
        ("not cc by", "not understood"),
        ("cc_by or cc_no", "not understood"),
        ("CC BY-ND-SA", "not understood"),
        ("Open access", "not understood"),
        ("0", "not understood"),
        ("MIT", "not understood"),
        ("https://evil.example/licenses/by/4.0/", "not understood"),
    ],
)
def test_may_not_be_shared(text: str | None, why: str) -> None:
    shared, told = may_share(text)
    assert not shared and why in told and "\n" not in told


def test_a_reason_is_short() -> None:
    assert len(may_share("x" * 100_000)[1]) < 100
