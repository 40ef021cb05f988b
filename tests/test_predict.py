"""Prediction on new pictures and scans: what is scored, what is told of what cannot be, and that it says what it is not."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.tinyrelease import tiny_release
from tests.volumes import voxels, write_dicom, write_metaimage, write_nifti

torch = pytest.importorskip("torch")

from covidct_curate.errors import ChoiceError, DatasetError  # noqa: E402
from covidct_curate.originals.windows import windowed  # noqa: E402
from covidct_model.cli import app  # noqa: E402
from covidct_model.config import Config  # noqa: E402
from covidct_model.errors import RunError  # noqa: E402
from covidct_model.predict import NOTICE, predict  # noqa: E402
from covidct_model.train import train  # noqa: E402
from tests.tinynet import stand_in  # noqa: E402


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A release, and a folder of runs ``densenet169`` and ``jcs`` (stand-ins of both) on it."""
    home = tmp_path_factory.mktemp("predict")
    release = tiny_release(home / "release")
    with pytest.MonkeyPatch.context() as monkeypatch:
        stand_in(monkeypatch)
        for model in ("densenet169", "jcs"):
            config = Config(
                data=str(release),
                model=model,
                weights="none",
                size=32,
                epochs=6,
                batch=4,
                lr=0.01,
                precision="float32",
            )
            train(config, home / model)
        yield release, home


@pytest.fixture
def run(trained: tuple[Path, Path]) -> Path:
    return trained[1] / "densenet169"


def test_scores_are_those_that_the_run_itself_wrote(trained: tuple[Path, Path], run: Path) -> None:
    from covidct_model.run import open_run

    written = {each.file_name: each.score for each in open_run(run).predictions()}
    told = predict(run, trained[0] / "CT_COVID")
    assert len(told.rows) == 18
    for row in told.rows:
        assert row.score == pytest.approx(written[f"CT_COVID/{row.file}"], abs=1e-4)
        assert row.score is not None and row.label == int(row.score >= 0.5)
        assert (row.slice, row.threshold, row.note, row.notice) == (None, 0.5, "", NOTICE)


def test_threshold_is_that_chosen_on_validation(
    trained: tuple[Path, Path], run: Path, tmp_path: Path
) -> None:
    judged = shutil.copytree(run, tmp_path / "judged")
    (judged / "evaluation.json").write_text(json.dumps({"threshold": 0.000001}))
    told = predict(judged, trained[0] / "CT_NonCOVID")
    assert {(row.threshold, row.label) for row in told.rows} == {(0.000001, 1)}


def test_each_slice_of_each_kind_of_scan_is_a_row(run: Path, tmp_path: Path) -> None:
    scan = voxels((5, 40, 48))
    (tmp_path / "series").mkdir()
    write_dicom(tmp_path / "series", scan)
    write_nifti(tmp_path / "a.nii.gz", scan)
    write_metaimage(tmp_path / "b.mhd", scan)
    for number, plane in enumerate(scan):
        Image.fromarray(windowed(plane)).save(tmp_path / f"c{number}.png")
    told = predict(run, tmp_path)
    assert not told.failed
    by_file: dict[str, list[tuple[int | None, float | None]]] = {}
    for row in told.rows:
        by_file.setdefault(row.file, []).append((row.slice, row.score))
    first = next(name for name in by_file if name.startswith("series/"))
    assert list(by_file) == ["a.nii.gz", "b.mhd", *(f"c{each}.png" for each in range(5)), first]
    pictured = [by_file[f"c{each}.png"][0][1] for each in range(5)]
    assert len(set(pictured)) == 5
    for name in ("a.nii.gz", "b.mhd", first):
        assert [each for each, _ in by_file[name]] == [0, 1, 2, 3, 4]
        assert [score for _, score in by_file[name]] == pytest.approx(pictured, abs=1e-5)


def test_what_cannot_be_read_is_a_row_with_the_reason(run: Path, tmp_path: Path) -> None:
    good = tmp_path / "in" / "=1+1.png"
    good.parent.mkdir()
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(good)
    (tmp_path / "in" / "broken.png").write_bytes(good.read_bytes()[:60])
    (tmp_path / "in" / "empty.jpg").touch()
    (tmp_path / "in" / "cut.nii.gz").write_bytes(b"\x1f\x8b nothing")
    (tmp_path / "in" / "readme.txt").write_text("no picture")
    out = tmp_path / "scores.csv"
    result = CliRunner().invoke(app, ["predict", str(run), str(good.parent), "--out", str(out)])
    assert result.exit_code == 1
    assert NOTICE in result.stdout and "1 scored, 3 failed" in result.stdout
    for name in ("broken.png", "empty.jpg", "cut.nii.gz"):
        assert f"failed: {name}: " in result.stderr
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"'=1+1.png", "broken.png", "empty.jpg", "cut.nii.gz"}
    assert list(rows["broken.png"]) == ["file", "slice", "score", "label", "threshold", "note", "notice"]
    assert "damaged" in rows["broken.png"]["note"] and rows["broken.png"]["score"] == ""
    assert rows["broken.png"]["threshold"] == ""
    assert 0 < float(rows["'=1+1.png"]["score"]) < 1
    assert {row["notice"] for row in rows.values()} == {NOTICE}


def test_csv_on_stdout_and_the_notice_beside_it(trained: tuple[Path, Path], run: Path) -> None:
    result = CliRunner().invoke(app, ["predict", str(run), str(trained[0] / "CT_COVID" / "covid-0.png")])
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader(result.stdout.lstrip("\ufeff").splitlines()))
    assert [row["file"] for row in rows] == ["covid-0.png"]
    assert result.stderr.strip() == NOTICE


def test_masks_have_the_size_of_their_pictures(trained: tuple[Path, Path], tmp_path: Path) -> None:
    picture = np.full((60, 90), 20, np.uint8)
    picture[10:40, 50:80] = 240
    (tmp_path / "in" / "a").mkdir(parents=True)
    Image.fromarray(picture).save(tmp_path / "in" / "a" / "x.png")
    Image.fromarray(picture[:50]).save(tmp_path / "in" / "a_x.png")
    predict(trained[1] / "jcs", tmp_path / "in", masks=tmp_path / "masks")
    masks = {each.name: np.asarray(Image.open(each)) for each in (tmp_path / "masks").iterdir()}
    assert sorted(each.shape for each in masks.values()) == [(50, 90), (60, 90)]
    for mask in masks.values():
        assert set(np.unique(mask)) == {0, 255}
        lesion = picture[: mask.shape[0]] > 150
        assert (lesion & (mask > 0)).sum() / (lesion | (mask > 0)).sum() > 0.85


def test_masks_of_a_network_that_finds_none(trained: tuple[Path, Path], run: Path, tmp_path: Path) -> None:
    with pytest.raises(ChoiceError, match="leave out --masks"):
        predict(run, trained[0] / "CT_COVID", masks=tmp_path / "masks")
    assert not (tmp_path / "masks").exists()


def test_a_crop_is_judged_as_if_it_were_the_picture(run: Path, tmp_path: Path) -> None:
    from covidct_curate.originals.body import body_box
    from tests.manuscripts.phantom import phantom_ct

    slice_ = np.full((320, 400), 0, np.uint8)
    slice_[:, :320] = phantom_ct(0)
    box = body_box(slice_)
    assert box is not None and box[2] - box[0] < 350
    (tmp_path / "cut").mkdir()
    Image.fromarray(slice_).save(tmp_path / "whole.png")
    Image.fromarray(slice_[box[1] : box[3], box[0] : box[2]]).save(tmp_path / "cut" / "cut.png")
    cropped = predict(run, tmp_path / "whole.png", crop="body").rows[0].score
    assert cropped == predict(run, tmp_path / "cut").rows[0].score
    assert cropped != predict(run, tmp_path / "whole.png").rows[0].score


@pytest.mark.parametrize("what", ["missing", "empty", "text"])
def test_nothing_to_judge(run: Path, tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    if what != "missing":
        path.mkdir()
    if what == "text":
        (path / "readme.txt").write_text("no picture")
    with pytest.raises(DatasetError, match=what):
        predict(run, path)


def test_a_folder_that_is_no_run(trained: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="name the folder of a run"):
        predict(tmp_path, trained[0])
