"""`evaluate`: what it writes of a run is right, tells shortcuts and leaks, and refuses what cannot be judged."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from sklearn import metrics as sk
from typer.testing import CliRunner

from covidct_model.errors import RunError
from covidct_model.evaluate import evaluate, summary
from covidct_model.evaluatecli import evaluate as command
from covidct_model.metrics import NAMES
from covidct_model.run import Prediction, open_run
from tests.fakeruns import fake_run
from tests.htmlpage import Page
from tests.test_controls import framed_release

COUNTS = (14, 8, 12)
DRAWS = 100


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return framed_release(tmp_path_factory.mktemp("data") / "framed <i>&", COUNTS)


def told(run: Path, **options: Any) -> dict[str, Any]:
    evaluate(run, draws=DRAWS, **options)
    content: dict[str, Any] = json.loads((run / "evaluation.json").read_text())
    return content


def test_a_run_is_judged_as_scikit_learn_does(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release, net=True)
    found = told(run)
    rows = open_run(run).predictions()
    for part in ("test", "val"):
        own = [each for each in rows if each.split == part]
        labels, scores = [each.label for each in own], [each.score for each in own]
        for key in ("at_0.5", "at_validation_threshold"):
            judged = found[part][key]
            answers = [int(score >= judged["threshold"]) for score in scores]
            assert judged["auc"] == sk.roc_auc_score(labels, scores)
            assert judged["accuracy"] == sk.accuracy_score(labels, answers)
            assert judged["f1"] == sk.f1_score(labels, answers)
            assert judged["f1_negative"] == sk.f1_score(labels, answers, pos_label=0)
            assert set(judged["intervals"]) == set(NAMES)
            assert all(0 <= low <= high <= 1 for low, high in judged["intervals"].values())
        assert {name: found[part][name] for name in NAMES} == {
            name: found[part]["at_0.5"][name] for name in NAMES
        }
        assert (found[part]["n"], found[part]["positive"], found[part]["patients"]) == (
            len(own),
            len(own) / 2,
            len(own),
        )
    assert found["threshold"] == found["val"]["at_validation_threshold"]["threshold"]
    assert found["test_without_leaks"] is None and found["against"] is None
    for name in ("roc", "calibration", "confusion"):
        with Image.open(run / f"{name}.png") as image:
            image.load()
            assert min(image.size) > 200
    assert "medical device" in found["disclaimer"]


def test_a_planted_shortcut_is_told_beside_the_result(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release, apart=1)
    found = told(run)
    controls = found["controls"]
    assert list(controls) == ["file", "border", "histogram", "majority"]
    assert controls["border"]["auc"] == controls["border"]["accuracy"] == 1
    assert controls["majority"]["auc"] == 0.5 and controls["majority"]["intervals"]["auc"] == [0.5, 0.5]
    assert found["test"]["auc"] < 1
    assert [name for name, each in controls.items() if not each["beaten"]] == ["border"]
    text = Page((run / "report.html").read_text()).text
    assert "does not surely beat the control 'border', which sees only the outermost pixels" in text
    assert "the control 'file'" not in text and "better than guessing" not in text


def test_a_network_that_guesses_is_told_so(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release, apart=0)
    found = told(run)
    assert not any(each["beaten"] for each in found["controls"].values())
    assert "not surely better than guessing" in Page((run / "report.html").read_text()).text


def test_the_worst_mistakes_are_shown_the_worst_first(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release, apart=0, net=True)
    (run / "errors").mkdir()
    (run / "errors" / "01-old.png").write_bytes(b"")
    found = told(run)
    test = [each for each in open_run(run).predictions() if each.split == "test"]
    wrong = sorted(
        (
            (abs(each.label - each.score), each.file_name)
            for each in test
            if (each.score >= 0.5) != each.label
        ),
        reverse=True,
    )
    assert [each["file_name"] for each in found["errors"]] == [name for _, name in wrong[:8]]
    assert len(wrong) > 8
    files = sorted(str(path.relative_to(run)) for path in (run / "errors").iterdir())
    assert files == [each["overlay"] for each in found["errors"]]
    with Image.open(run / files[0]) as image:
        assert (image.size, image.mode) == ((64, 32), "RGB")
    page = Page((run / "report.html").read_text())
    assert page.images == {"image/png": 3 + 8}
    assert found["errors"][0]["file_name"] in page.text


def test_a_run_whose_network_cannot_be_opened_is_judged_all_the_same(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release, apart=0)
    found = told(run)
    assert found["errors"] and {each["overlay"] for each in found["errors"]} == {None}
    assert any("What spoke for the mistakes cannot be shown" in each for each in found["notes"])
    assert not (run / "errors").exists()


def test_the_report_is_whole_in_itself_and_says_what_the_run_is(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release, seed=7)
    told(run)
    page = Page((run / "report.html").read_text())
    assert not {"script", "iframe", "object", "link", "form"} & set(page.tags)
    assert all(
        value.startswith("data:image/") for _, name, value in page.attributes if name in ("src", "href")
    )
    for piece in ("squeezenet1_1 on framed <i>&", "0" * 64, "seed 7", "32 x 32 pixels", "2 of 50; kept: 1",
                  "a <b>processor</b>", "No medical device"):  # fmt: skip
        assert piece in page.text, piece


def test_judged_again_it_is_the_same(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release)
    first = told(run)
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    assert told(run) == first
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


def test_pictures_that_leak_are_taken_out_and_told(tmp_path: Path, release: Path) -> None:
    covid, other = (f"CT_{folder}/{word}" for folder, word in (("COVID", "covid"), ("NonCOVID", "non-covid")))
    first = COUNTS[0] + COUNTS[1]
    warnings: list[dict[str, object]] = [
        {"kind": "near-duplicate", "files": [f"{covid}-{first}.png", f"{other}-0.png"], "text": "likeness 0.99"},
        {"kind": "shared-paper", "files": [f"{covid}-0.png", f"{other}-{COUNTS[0]}.png"], "text": "train, val"},
        {"kind": "label-contradiction", "files": [f"{covid}-{first + 1}.png", f"{other}-{first}.png"], "text": "test"},
    ]  # fmt: skip
    run = fake_run(tmp_path / "run", release, warnings=warnings)
    found = told(run)
    clean = found["test_without_leaks"]
    assert clean["left_out"] == [f"{covid}-{first}.png"]
    assert (found["test"]["n"], clean["n"], clean["positive"]) == (24, 23, 11)
    rows = [each for each in open_run(run).predictions() if each.split == "test"]
    kept = [each for each in rows if each.file_name not in clean["left_out"]]
    assert clean["auc"] == sk.roc_auc_score([each.label for each in kept], [each.score for each in kept])
    text = Page((run / "report.html").read_text()).text
    assert "1 picture of the test part share" in text and "likeness 0.99" in text


def test_with_masks_their_overlap_is_told(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release)
    names = [each.file_name for each in open_run(run).predictions() if each.split == "test" and each.label]
    rows = [f"{names[0]},test,0.5,0.25", f"{names[1]},test,0.9,0.75", "CT_COVID/covid-0.png,train,1,1"]
    (run / "masks.csv").write_text("\n".join(["file_name,split,dice,iou", *rows]))
    found = told(run)
    assert (found["test"]["dice"], found["test"]["iou"], found["test"]["masks"]) == (0.7, 0.5, 2)
    assert found["test"]["intervals"]["dice"] == [0.5, 0.9]
    assert "dice" not in found["val"]
    assert "Dice of lesions 0.700" in Page((run / "report.html").read_text()).text
    (run / "masks.csv").write_text("file_name,dice,iou\na,nan,1")
    with pytest.raises(RunError, match="no number from 0 to 1"):
        told(run)


def test_of_one_class_no_area_is_told_and_nothing_breaks(tmp_path: Path, release: Path) -> None:
    run = fake_run(
        tmp_path / "run",
        release,
        change=lambda each: each if each.split != "test" or each.label else None,
    )
    found = told(run)
    assert (found["test"]["auc"], found["test"]["intervals"]["auc"]) == (None, None)
    assert found["test"]["why"] == "one class only"
    assert found["test"]["accuracy"] is not None
    assert {each["auc"] for each in found["controls"].values()} == {None}
    assert any("No test picture is of the negative class" in each for each in found["notes"])
    assert not (run / "roc.png").exists()
    assert "Test AUC -" in Page((run / "report.html").read_text()).text


def test_without_validation_there_is_one_threshold(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release, change=lambda each: each if each.split != "val" else None)
    found = told(run)
    assert found["val"] is found["threshold"] is found["test"]["at_validation_threshold"] is None
    assert any("no threshold could be chosen" in each for each in found["notes"])


def test_few_patients_are_told(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release, change=lambda each: replace(each, patient=f"p{each.label}"))
    found = told(run)
    assert found["test"]["patients"] == 2
    assert found["test"]["intervals"]["auc"] == [found["test"]["auc"]] * 2
    assert sum("intervals say little" in each for each in found["notes"]) == 2


def broken(each: Prediction, **values: Any) -> Prediction:
    return replace(each, **values) if each.file_name.endswith("/covid-30.png") else each


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"score": math.nan}, "the score of CT_COVID/covid-30.png is nan"),
        ({"score": 1.5}, "the score of CT_COVID/covid-30.png is 1.5"),
        ({"label": 2}, "the class of CT_COVID/covid-30.png is 2"),
        ({"file_name": "CT_COVID/covid-29.png"}, "CT_COVID/covid-29.png is in it twice"),
        ({"label": 0}, "CT_COVID/covid-30.png is of class 'covid'"),
    ],
)
def test_scores_that_are_none_are_refused(
    tmp_path: Path, release: Path, values: dict[str, Any], message: str
) -> None:
    run = fake_run(tmp_path / "run", release, change=lambda each: broken(each, **values))
    with pytest.raises(RunError, match=message):
        evaluate(run)
    assert not (run / "evaluation.json").exists()


def test_a_run_without_a_test_part_or_not_done_is_refused(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release, change=lambda each: each if each.split == "train" else None)
    with pytest.raises(RunError, match="no picture is in its test part"):
        evaluate(run)
    (run / "predictions.csv").unlink()
    with pytest.raises(RunError, match="the run is not done"):
        evaluate(run)
    with pytest.raises(RunError, match="name the folder of a run"):
        evaluate(tmp_path / "none")


# several runs --------------------------------------------------------------------------------------------


def test_a_run_against_itself_and_against_a_better_one(tmp_path: Path, release: Path) -> None:
    run = fake_run(tmp_path / "run", release, apart=0)
    same = told(run, against=run)["against"]
    assert set(same["differences"]) == set(NAMES)
    assert {tuple(each.values()) for each in same["differences"].values()} == {(0, 0, 0, 1)}
    better = fake_run(tmp_path / "better", release, seed=1, apart=4)
    found = told(better, against=run)["against"]
    assert found["run"] == str(run)
    area = found["differences"]["auc"]
    assert 0 < area["low"] <= area["value"] <= area["high"] and area["p"] < 0.05
    assert "Against another run" in Page((better / "report.html").read_text()).text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda each: None if each.file_name.endswith("/covid-30.png") else each,
            "others: CT_COVID/covid-30.png is not in its test part",
        ),
        (
            lambda each: broken(each, file_name="CT_COVID/a.png"),
            "others: CT_COVID/a.png is in its test part only",
        ),
        (
            lambda each: broken(each, label=0),
            "others: CT_COVID/covid-30.png is of class 0 there, of class 1 here",
        ),
    ],
)
def test_runs_on_other_pictures_are_not_compared(
    tmp_path: Path, release: Path, change: Any, message: str
) -> None:
    run = fake_run(tmp_path / "run", release)
    other = fake_run(tmp_path / "other", release, change=change)
    with pytest.raises(RunError, match=message):
        evaluate(run, against=other)
    with pytest.raises(RunError, match=message):
        summary([run, other])


def test_a_summary_over_seeds(tmp_path: Path, release: Path) -> None:
    runs = [fake_run(tmp_path / f"run{seed}", release, seed=seed) for seed in range(3)]
    areas = []
    for run in runs:
        test = [each for each in open_run(run).predictions() if each.split == "test"]
        areas.append(sk.roc_auc_score([each.label for each in test], [each.score for each in test]))
    told = summary(runs, draws=200)
    assert set(told) == set(NAMES)
    area = told["auc"]
    assert area.mean == pytest.approx(sum(areas) / 3)
    assert (area.least, area.most) == (min(areas), max(areas))
    assert area.low is not None and area.high is not None
    assert 0.5 < area.low < area.mean < area.high <= 1
    alone = summary(runs[:1], draws=200)["auc"]
    assert alone.least == alone.most == alone.mean == areas[0]


# the command ---------------------------------------------------------------------------------------------


def test_the_command_prints_the_table(tmp_path: Path, release: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    run = fake_run(tmp_path / "run", release)
    other = fake_run(tmp_path / "other", release, seed=1)
    result = CliRunner().invoke(app, [str(run), "--against", str(other), "--draws", "100"])
    assert result.exit_code == 0, result.output
    found = json.loads((run / "evaluation.json").read_text())
    assert f"AUC                       {found['test']['auc']:.3f} (" in result.stdout
    assert "border     1.000 (1.000–1.000)" in result.stdout
    assert "No medical device" in result.stdout and "report.html" in result.stdout
    assert f"less {other}:" in result.stdout
    (run / "predictions.csv").unlink()
    failed = CliRunner().invoke(app, [str(run)])
    assert failed.exit_code == 1
    assert failed.stderr.startswith("Error: ") and len(failed.stderr.splitlines()) == 1
