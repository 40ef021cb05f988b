"""Importing datasets: everything of them is in the workspace, once, and what was there is never lost."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from PIL import Image

from covidct_curate import listing
from covidct_curate.catalog import Catalog, decisions
from covidct_curate.errors import DatasetError, WorkspaceError
from covidct_curate.importing import import_dataset
from covidct_curate.labelling import label
from covidct_curate.pipeline import extract
from covidct_curate.png import write_png
from covidct_curate.records import Decision
from covidct_curate.report import Progress, Report
from covidct_curate.splitting import split
from covidct_curate.workspace import Workspace
from tests.test_datasets import chestxray, covid_ct

PAPER = "2020.05.06.20091234"
ONE, TWO = f"{PAPER}-p6-52%0.png", f"{PAPER}-p6-52%1.png"
THREE = "2020.07.08.20095678-p3-9.png"
ROWS = [
    {"File name": ONE, "Patient ID": "Patient 1", "Age": "45", "Captions": "Two slices."},
    {"File name": TWO, "Patient ID": "Patient 1", "Age": "45", "Captions": "Two slices."},
    {"File name": THREE, "Patient ID": "Patient 2", "Gender": "F"},
]
OTHERS = [("7%0.jpg", "crawled_patient_7"), ("8.png", "crawled_patient_8")]


def paint(path: Path) -> None:
    """An image unlike any of another name."""
    seed = np.random.default_rng(zlib.crc32(path.name.encode()))
    Image.fromarray(seed.integers(0, 255, (40, 50), np.uint8)).save(path)


def made(
    folder: Path,
    rows: list[dict[str, str]] = ROWS,
    others: list[tuple[str, str]] = OTHERS,
    images: list[str] | None = None,
) -> Path:
    """A copy of COVID-CT with images that differ."""
    covid_ct(folder, rows, images, others)
    for path in folder.glob("CT_*/*"):
        paint(path)
    return folder


def changed(number: int, **cells: str) -> list[dict[str, str]]:
    return [{**row, **cells} if at == number else row for at, row in enumerate(ROWS)]


def panels(workspace: Path) -> dict[str, Any]:
    """Name of each panel's file → its row; no name comes twice."""
    rows = listing.rows("panels", workspace)
    found = {Path(str(row["file"])).name: row for row in rows}
    assert len(found) == len(rows)
    for row in rows:
        assert (workspace / str(row["file"])).is_file()
    return found


def notes(workspace: Path, source: str) -> tuple[str, ...]:
    (row,) = [each for each in listing.rows("papers", workspace) if each["source"] == source]
    found = row["notes"]
    assert isinstance(found, tuple)
    return found


def sheet_names(workspace: Path) -> list[str]:
    sheet = openpyxl.load_workbook(workspace / "MetaInfo.xlsx").active
    return sorted(row[0] for row in sheet.iter_rows(min_row=2, values_only=True))


def decide(workspace: Path, uid: str) -> None:
    with Catalog(Workspace(workspace).catalog) as catalog, catalog.transaction() as db:
        decisions.append(db, Decision(uid, "keep", "yes", None, "Ann", "2024-01-01T00:00:00Z", "test"))


def become(report: Report) -> dict[str, str]:
    return {result.source: result.status for result in report.results}


def test_a_dataset_becomes_papers_pictures_and_rows(tmp_path: Path) -> None:
    told: list[Progress] = []
    report = import_dataset("covid-ct", made(tmp_path / "in"), tmp_path / "ws", progress=told.append)
    assert report.counts == {"done": 4} and not report.failures
    assert [(state.done, state.total) for state in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert sum(result.pictures for result in report.results) == 5
    found = panels(tmp_path / "ws")
    assert sorted(found) == sorted([ONE, TWO, THREE, "7%0.png", "8.png"])
    row = found[ONE]
    assert (row["source"], row["doi"], row["page"]) == (f"covid-ct/{PAPER}", f"10.1101/{PAPER}", 6)
    assert (row["modality"], row["region"], row["finding"]) == ("ct", "chest", "covid")
    assert (row["patient"]["id"], row["patient"]["age"], row["patient"]["age_min"]) == (
        "covid-ct-1",
        "45",
        45,
    )
    assert row["evidence"]["age"] == {
        **{"rule": "sheet.Age", "text": "45", "source": "sheet", "confidence": 1.0},
    }
    assert row["superseded"] is False and row["selected"] is True
    assert (row["box"], row["method"], row["label"], row["confidence"]) == (
        (0, 0, 50, 40),
        "whole",
        None,
        1.0,
    )
    assert row["subcaption"] == row["caption"] == "Two slices."
    assert sum(row["look"].values()) == pytest.approx(1, abs=0.01)
    assert found["8.png"]["finding"] == "non-covid" and found["8.png"]["subcaption"] == ""
    with (
        Image.open(tmp_path / "ws" / row["file"]) as copy,
        Image.open(tmp_path / "in/CT_COVID" / ONE) as image,
    ):
        assert np.array_equal(np.asarray(copy), np.asarray(image))
    assert sheet_names(tmp_path / "ws") == sorted(found)


def test_images_of_one_figure_and_caption_are_one_figure(tmp_path: Path) -> None:
    rows = [*ROWS, {"File name": f"{PAPER}-p6-52%2.png", "Patient ID": "Patient 3", "Captions": "Another."}]
    import_dataset("covid-ct", made(tmp_path / "in", rows), tmp_path / "ws")
    figures = [
        row for row in listing.rows("figures", tmp_path / "ws") if row["source"] == f"covid-ct/{PAPER}"
    ]
    assert [(row["caption"], row["panels"]) for row in figures] == [("Two slices.", 2), ("Another.", 1)]
    assert {(row["label"], row["binding"], row["page"], row["xrefs"]) for row in figures} == {
        (None, "none", 6, (52,))
    }


def test_an_xray_keeps_what_has_no_field_and_is_not_selected(tmp_path: Path) -> None:
    row = {"patientid": "4", "finding": "COVID-19", "modality": "X-ray", "filename": "a.png", "bed": "12"}
    rows = [row, {**row, "filename": "b.jpg"}]
    import_dataset("chestxray", chestxray(tmp_path / "in", rows, ["a.png", "b.jpg"]), tmp_path / "ws")
    found = panels(tmp_path / "ws")
    assert list(found) == ["a.png", "b.png"]
    assert (found["a.png"]["modality"], found["a.png"]["finding"]) == ("xray", "covid")
    assert (found["a.png"]["extra"], found["a.png"]["selected"]) == ({"bed": "12"}, False)
    assert found["a.png"]["figure_uid"] != found["b.png"]["figure_uid"]


def test_an_import_again_skips_everything(tmp_path: Path) -> None:
    made(tmp_path / "in")
    import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    before = panels(tmp_path / "ws")
    report = import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    assert report.counts == {"skipped": 4} and report.sheet.path is None
    assert panels(tmp_path / "ws") == before


def test_a_changed_cell_is_brought_up_to_date_and_uids_stay(tmp_path: Path) -> None:
    made(tmp_path / "in")
    import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    before = panels(tmp_path / "ws")
    decide(tmp_path / "ws", before[TWO]["uid"])
    made(tmp_path / "in", changed(1, Age="46", Captions="The second."))
    report = import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    assert become(report)[f"covid-ct/{PAPER}"] == "done" and report.counts["skipped"] == 3
    after = panels(tmp_path / "ws")
    assert {name: row["uid"] for name, row in after.items()} == {
        name: row["uid"] for name, row in before.items()
    }
    assert (after[TWO]["patient"]["age"], after[TWO]["subcaption"]) == ("46", "The second.")
    assert after[ONE]["patient"]["age"] == "45"
    (decision,) = listing.rows("decisions", tmp_path / "ws")
    assert decision["file"] == after[TWO]["file"]


def test_a_bad_image_costs_itself_only(tmp_path: Path) -> None:
    made(tmp_path / "in")
    (tmp_path / "in/CT_COVID" / TWO).write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    report = import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    assert report.counts == {"done": 4} and not report.failures
    assert sorted(panels(tmp_path / "ws")) == sorted([ONE, THREE, "7%0.png", "8.png"])
    (note,) = notes(tmp_path / "ws", f"covid-ct/{PAPER}")
    assert note.startswith(f"left out: {TWO}: ") and str(tmp_path) not in note
    (result,) = [each for each in report.results if each.source == f"covid-ct/{PAPER}"]
    assert result.note == "1 of 2 images left out"
    assert any("1 documents came in without" in each for each in report.sheet.notes)


def test_a_document_without_a_good_image_fails_until_it_has_one(tmp_path: Path) -> None:
    made(tmp_path / "in")
    (tmp_path / "in/CT_COVID" / THREE).write_bytes(b"")
    report = import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    assert report.counts == {"done": 3, "failed": 1}
    (failure,) = report.failures
    assert (failure.source, failure.stage) == ("covid-ct/2020.07.08.20095678", "import")
    assert THREE in failure.reason
    assert [row["source"] for row in listing.rows("failures", tmp_path / "ws")] == [failure.source]
    paint(tmp_path / "in/CT_COVID" / THREE)
    assert import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws").counts == {"skipped": 3, "done": 1}
    assert not listing.rows("failures", tmp_path / "ws") and THREE in panels(tmp_path / "ws")


def test_what_is_gone_or_damaged_later_stays(tmp_path: Path) -> None:
    made(tmp_path / "in")
    import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    before = panels(tmp_path / "ws")
    (tmp_path / "in/CT_COVID" / ONE).unlink()
    (tmp_path / "in/CT_COVID" / THREE).write_bytes(b"")
    (tmp_path / "in/CT_NonCOVID/8.png").unlink()
    report = import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    assert become(report) == {
        f"covid-ct/{PAPER}": "done",
        "covid-ct/2020.07.08.20095678": "failed",
        "covid-ct/crawled_patient_7": "skipped",
    }
    after = panels(tmp_path / "ws")
    assert {name: (row["uid"], row["patient"], row["pixels"]) for name, row in after.items()} == {
        name: (row["uid"], row["patient"], row["pixels"]) for name, row in before.items()
    }
    assert any(note.startswith(f"{ONE}: kept") for note in notes(tmp_path / "ws", f"covid-ct/{PAPER}"))
    assert any("covid-ct/crawled_patient_8" in note for note in report.sheet.notes)
    again = import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    assert again.counts == {"skipped": 2, "failed": 1}
    assert panels(tmp_path / "ws") == after


def test_an_image_of_another_patient_now_is_in_one_document_only(tmp_path: Path) -> None:
    others = [("7%0.jpg", "crawled_patient_7"), ("7%1.jpg", "crawled_patient_7"), OTHERS[1]]
    made(tmp_path / "in", others=others)
    import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    made(
        tmp_path / "in", others=[others[0], ("7%1.jpg", "crawled_patient_9"), ("8.png", "crawled_patient_9")]
    )
    report = import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    found = panels(tmp_path / "ws")
    assert {name: found[name]["patient"]["id"] for name in ("7%0.png", "7%1.png", "8.png")} == {
        "7%0.png": "covid-ct-crawled_patient_7",
        "7%1.png": "covid-ct-crawled_patient_9",
        "8.png": "covid-ct-crawled_patient_9",
    }
    assert not any("crawled_patient_8" in note for note in report.sheet.notes), "nothing of it is left"
    again = import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    assert again.counts == {"skipped": 4} and panels(tmp_path / "ws") == found


def test_a_lost_picture_file_is_written_again(tmp_path: Path) -> None:
    made(tmp_path / "in")
    import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    before = panels(tmp_path / "ws")
    (tmp_path / "ws" / before[ONE]["file"]).unlink()
    report = import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    assert report.counts == {"done": 1, "skipped": 3}
    assert panels(tmp_path / "ws") == before


def test_a_killed_import_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "in")

    def killed(pixels: Any, path: Path) -> str:
        if path.name == THREE:
            raise KeyboardInterrupt
        return write_png(pixels, path)

    monkeypatch.setattr("covidct_curate.pictures.write_png", killed)
    with pytest.raises(KeyboardInterrupt):
        import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    done = panels(tmp_path / "ws")
    assert done and THREE not in done
    monkeypatch.undo()
    report = import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    assert report.counts["skipped"] == len({row["source"] for row in done.values()})
    after = panels(tmp_path / "ws")
    assert len(after) == 5 and all(after[name] == row for name, row in done.items())
    assert not list((tmp_path / "ws/tmp").iterdir())


def test_a_full_disk_fails_the_document_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(pixels: Any, path: Path) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("covidct_curate.pictures.write_png", full)
    report = import_dataset("covid-ct", made(tmp_path / "in"), tmp_path / "ws")
    assert report.counts == {"failed": 4}
    assert {failure.reason for failure in report.failures} == {"No space left on device"}
    assert not panels(tmp_path / "ws") and not list((tmp_path / "ws").glob("papers/*/*/*"))


def test_all_notes_are_in_the_workspace_and_first_ones_in_the_report(tmp_path: Path) -> None:
    rows = [
        {"patientid": "COVID-7", "finding": "COVID-19", "filename": "a.png", "url": "https://a.example/1"},
        {"patientid": "COVID-7", "finding": "COVID-19", "filename": "b.png", "url": "https://a.example/2"},
        {"patientid": "COVID-8", "finding": "COVID-19", "filename": "lost.png", "url": "https://a.example/2"},
    ]
    folder = chestxray(tmp_path / "in", rows, ["a.png", "b.png", "c_1.png"])
    report = import_dataset("chestxray", folder, tmp_path / "ws")
    lines = (tmp_path / "ws/import-chestxray.txt").read_text().splitlines()
    assert len(lines) == 3
    assert report.sheet.notes[0].startswith("3 notes on the dataset, all are in import-chestxray.txt")
    assert list(report.sheet.notes[1:4]) == lines
    assert any("row 4: its image is not there" in line for line in lines)
    (own,) = notes(tmp_path / "ws", "chestxray/image c_1")
    assert own in lines and "c_1.png" in own


def test_names_of_images_become_safe_and_stay_apart(tmp_path: Path) -> None:
    long = "word-" * 30 + "p3-89%1.jpg"
    names = ["=a b%3.jpg", "=a b%3.png", "=b A%3.bmp", "=b a%3.png", "con.png", long]
    rows = [
        {"patientid": "4", "finding": "COVID-19", "modality": "CT", "filename": name, "date": str(at)}
        for at, name in enumerate(names)
    ]
    folder = chestxray(tmp_path / "in", rows, names)
    for name in names:
        paint(folder / "images" / name)
    import_dataset("chestxray", folder, tmp_path / "ws")
    found = panels(tmp_path / "ws")
    assert {row["patient"]["time"] for row in found.values()} == {"0", "1", "2", "3", "4", "5"}
    assert len({name.lower() for name in found}) == 6
    assert {"a_b%3.png", "a_b-2%3.png", "b_A%3.png", "b_a-2%3.png", "_con.png"} <= found.keys()
    assert [name for name in found if name.endswith("-p3-89%1.png")]
    assert all(len(name) < 160 for name in found)


def test_other_commands_leave_imported_papers_alone(tmp_path: Path) -> None:
    import_dataset("covid-ct", made(tmp_path / "in"), tmp_path / "ws")
    before = panels(tmp_path / "ws")
    assert not split(tmp_path / "ws", jobs=1).results
    assert not label(tmp_path / "ws").results
    (tmp_path / "pdfs").mkdir()
    extract([tmp_path / "pdfs"], tmp_path / "ws", jobs=1)
    assert panels(tmp_path / "ws") == before


def test_the_same_images_of_two_datasets_are_two_papers(tmp_path: Path) -> None:
    """What one sheet says of an image is not given up for what another says."""
    made(tmp_path / "in")
    row = {"patientid": "4", "finding": "COVID-19", "modality": "CT", "doi": "10.1101/2020.07.08.20095678"}
    chestxray(tmp_path / "other", [{**row, "filename": THREE}], [THREE])
    paint(tmp_path / "other/images" / THREE)
    import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")
    report = import_dataset("chestxray", tmp_path / "other", tmp_path / "ws")
    assert report.counts == {"done": 1}
    rows = [row for row in listing.rows("panels", tmp_path / "ws") if str(row["file"]).endswith(THREE)]
    assert {(row["source"], row["pixels"] == rows[0]["pixels"], row["superseded"]) for row in rows} == {
        ("covid-ct/2020.07.08.20095678", True, False),
        ("chestxray/10.1101_2020.07.08.20095678", True, False),
    }


def test_what_cannot_be_imported_is_refused_and_no_workspace_made(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="covid-ct, chestxray"):
        import_dataset("imagenet", tmp_path, tmp_path / "ws")
    with pytest.raises(DatasetError, match="not COVID-CT"):
        import_dataset("covid-ct", tmp_path, tmp_path / "ws")
    assert not (tmp_path / "ws").exists()
    made(tmp_path / "in")
    (tmp_path / "ws").write_text("a file")
    with pytest.raises(WorkspaceError):
        import_dataset("covid-ct", tmp_path / "in", tmp_path / "ws")


def test_the_real_covid_ct_comes_in_whole(tmp_path: Path) -> None:
    data = os.environ.get("COVIDCT_DATA")
    if not data or not (Path(data) / "covid-ct").is_dir():
        pytest.skip("COVIDCT_DATA does not name a folder with covid-ct/")
    folder = Path(data) / "covid-ct"
    report = import_dataset("covid-ct", folder, tmp_path / "ws")
    assert not report.failures and report.counts.keys() == {"done"}
    rows = listing.rows("panels", tmp_path / "ws")
    assert Counter((row["modality"], row["finding"], row["superseded"]) for row in rows) == {
        ("ct", "covid", False): 349,
        ("ct", "non-covid", False): 397,
    }
    files = {Path(str(row["file"])).stem for row in rows}
    assert len(files & {path.stem for path in folder.glob("CT_*/*")}) > 700, "they keep their names"
    again = import_dataset("covid-ct", folder, tmp_path / "ws")
    assert again.counts == {"skipped": len(report.results)}
