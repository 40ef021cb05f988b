"""Scans and loose pictures in a workspace: which slices, whose, called what, and what is not brought along."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from covidct_curate import importing, listing
from covidct_curate.errors import ChoiceError, CurateError, DatasetError
from covidct_curate.originals.documents import Wish
from covidct_curate.originals.windows import Window, from_hu16, windowed
from tests.volumes import voxels, write_dicom, write_metaimage, write_nifti

SCAN = voxels((6, 40, 50))


def bring(kind: str, path: Path, ws: Path, wish: Wish | None = None, by: str = "Ann") -> list[dict[str, Any]]:
    report = importing.import_dataset(kind, path, ws, wish=wish, importer=by)
    assert not report.failures, report.failures
    return [dict(row) for row in listing.rows("panels", ws)]


def pixels(ws: Path, row: dict[str, Any]) -> Any:
    return np.asarray(Image.open(ws / row["file"]))


def test_a_dicom_series_becomes_pictures_in_the_lung_window_without_names(tmp_path: Path) -> None:
    write_dicom(tmp_path / "scan", SCAN)
    rows = bring("dicom", tmp_path / "scan", tmp_path / "ws", Wish(finding="non-covid"))
    assert len(rows) == 6 and len({row["patient"]["id"] for row in rows}) == 1
    for index, row in enumerate(sorted(rows, key=lambda row: int(row["extra"]["slice"]))):
        np.testing.assert_array_equal(pixels(tmp_path / "ws", row), windowed(SCAN[index]))
        assert (row["modality"], row["finding"], row["keep"], row["reviewer"]) == (
            "ct",
            "non-covid",
            "yes",
            "Ann",
        )
        assert row["selected"] and row["decided"]
    told = json.dumps(rows) + (tmp_path / "ws" / "catalog.db").read_bytes().decode("latin-1")
    for secret in ("Doe", "1.2.826", "19700101"):
        assert secret not in told


def test_pseudonyms_are_a_workspaces_own_and_the_same_the_next_time(tmp_path: Path) -> None:
    write_dicom(tmp_path / "scan", SCAN)
    first = bring("dicom", tmp_path / "scan", tmp_path / "one")
    assert bring("dicom", tmp_path / "scan", tmp_path / "one") == first
    other = bring("dicom", tmp_path / "scan", tmp_path / "two")
    assert {row["patient"]["id"] for row in other}.isdisjoint(row["patient"]["id"] for row in first)


def test_without_a_finding_nothing_is_decided(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii.gz", SCAN)
    rows = bring("nifti", tmp_path / "a.nii.gz", tmp_path / "ws", by="")
    assert {(row["finding"], row["keep"]) for row in rows} == {("uncertain", "")}


def test_slices_windows_crops_and_sixteen_bits(tmp_path: Path) -> None:
    (tmp_path / "luna").mkdir()
    write_metaimage(tmp_path / "luna" / "a.mhd", SCAN)
    rows = bring("luna", tmp_path / "luna", tmp_path / "a", Wish(every=4, window=Window(40, 400)))
    assert sorted(int(row["extra"]["slice"]) for row in rows) == [0, 4]
    for row in rows:
        shown = windowed(SCAN[int(row["extra"]["slice"])], Window(40, 400))
        np.testing.assert_array_equal(pixels(tmp_path / "a", row), shown)
    deep = bring("luna", tmp_path / "luna", tmp_path / "b", Wish(every=4, hu16=True))
    for row in deep:
        np.testing.assert_array_equal(
            from_hu16(pixels(tmp_path / "b", row)), SCAN[int(row["extra"]["slice"])]
        )
    assert listing.rows("papers", tmp_path / "a")[0]["licence"] == "cc_by"
    with pytest.raises(ChoiceError, match="hu16"):
        importing.import_dataset(
            "luna", tmp_path / "luna", tmp_path / "b", wish=Wish(hu16=True, crop="lungs")
        )


def test_masks_follow_their_pictures(tmp_path: Path) -> None:
    marks = np.zeros(SCAN.shape, np.int16)
    marks[2, 5:9, 7:20], marks[4, 1:3, 1:3] = 1, 2
    for folder in ("ct", "masks"):
        (tmp_path / folder).mkdir()
    write_nifti(tmp_path / "ct" / "case_1.nii.gz", SCAN)
    write_nifti(tmp_path / "ct" / "case_2.nii.gz", SCAN)
    write_nifti(tmp_path / "masks" / "case_1_mask.nii.gz", marks)
    ws = tmp_path / "ws"
    rows = bring("covid-seg", tmp_path / "ct", ws, Wish(masks=tmp_path / "masks", finding="covid"))
    assert sorted(int(row["extra"]["slice"]) for row in rows) == [2, 4]
    figures = {str(row["uid"]): dict(row) for row in listing.rows("figures", ws)}
    for row in rows:
        (mask,) = [each for each in figures[row["figure_uid"]]["pictures"] if each["role"] == "mask"]
        shown = np.asarray(Image.open(ws / mask["file"]))
        np.testing.assert_array_equal(shown, np.where(marks[int(row["extra"]["slice"])], 255, 0))
        assert mask["file"] == row["file"].replace(".png", ".mask.png")
    assert "no mask is called as its scan" in (ws / "import-covid-seg.txt").read_text()


def test_a_mask_of_another_size_costs_its_scan_only(tmp_path: Path) -> None:
    for folder in ("ct", "masks"):
        (tmp_path / folder).mkdir()
    write_nifti(tmp_path / "ct" / "a.nii.gz", SCAN)
    write_nifti(tmp_path / "ct" / "b.nii.gz", SCAN)
    write_nifti(tmp_path / "masks" / "a.nii.gz", np.ones((3, 40, 50), np.int16))
    write_nifti(tmp_path / "masks" / "b.nii.gz", np.ones(SCAN.shape, np.int16))
    wish = Wish(masks=tmp_path / "masks")
    report = importing.import_dataset("nifti", tmp_path / "ct", tmp_path / "ws", wish=wish)
    (failure,) = report.failures
    assert "mask has 3 by 40 by 50 voxels" in failure.reason
    assert len(listing.rows("panels", tmp_path / "ws")) == 6


def test_loose_pictures_come_with_a_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "medpix"
    folder.mkdir()
    for number in range(4):
        Image.new("RGB", (60, 50 + number), (20 * number,) * 3).save(folder / f"{number}.jpg")
    (tmp_path / "list.csv").write_text(
        "file,Patient,License,URL\n0.jpg,p1,CC BY 4.0,https://a.b/0\n1.jpg,p1,CC BY 4.0,\n2.jpg,,,\n"
        "missing.jpg,p3,,\n../list.csv,p4,,\n"
    )
    wish = Wish(source="medpix", manifest=tmp_path / "list.csv", finding="non-covid")
    rows = bring("images", folder, tmp_path / "ws", wish)
    assert len(rows) == 3
    assert len({row["patient"]["id"] for row in rows}) == 2
    assert {row["extra"].get("url", "") for row in rows} == {"https://a.b/0", ""}
    licences = {str(row["source"]): row["licence"] for row in listing.rows("papers", tmp_path / "ws")}
    assert licences == {"medpix/p1": "CC BY 4.0", "medpix/2": None}
    notes = (tmp_path / "ws" / "import-images.txt").read_text()
    assert notes.count("not in the folder") == 2


def test_cc19_and_pictures_of_slices_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for patient in ("p1", "p2"):
        (tmp_path / "cc19" / patient).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (40, 40), 50 * number).save(tmp_path / "cc19" / patient / f"{number}.png")
    rows = bring("cc19", tmp_path / "cc19", tmp_path / "ws", Wish(finding="covid"))
    assert len(rows) == 6 and len({row["patient"]["id"] for row in rows}) == 2


def test_archives_are_read_unless_they_are_unsafe(tmp_path: Path) -> None:
    write_dicom(tmp_path / "scan", SCAN)
    with zipfile.ZipFile(tmp_path / "scan.zip", "w") as archive:
        for path in (tmp_path / "scan").iterdir():
            archive.write(path, path.name)
    assert len(bring("dicom", tmp_path / "scan.zip", tmp_path / "ws")) == 6
    with tarfile.open(tmp_path / "evil.tar", "w") as evil:
        evil.add(tmp_path / "scan.zip", "../evil.zip")
    with pytest.raises(DatasetError, match="evil"):
        importing.import_dataset("dicom", tmp_path / "evil.tar", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_wishes_that_make_no_sense_are_refused_and_nothing_is_made(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii", SCAN)
    refused: list[tuple[str, Path, Wish | None, str]] = [
        ("nifti", tmp_path / "none", Wish(), "no such file"),
        ("dicom", tmp_path / "a.nii", Wish(), "DICOM"),
        ("nifti", tmp_path / "a.nii", Wish(manifest=tmp_path / "l.csv"), "manifest"),
        ("covid-ct", tmp_path, Wish(every=2), "no other option"),
        ("niftii", tmp_path, None, "no such dataset"),
        ("nifti", tmp_path / "a.nii", Wish(finding="covid"), "importer"),
    ]
    for kind, path, wish, words in refused:
        with pytest.raises(CurateError, match=words):
            importing.import_dataset(kind, path, tmp_path / "ws", wish=wish)
        assert not (tmp_path / "ws").exists()
    with pytest.raises(ChoiceError, match="no finding of this workspace"):
        wish = Wish(finding="covd")
        importing.import_dataset("nifti", tmp_path / "a.nii", tmp_path / "ws", wish=wish, importer="Ann")
