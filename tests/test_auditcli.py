"""``curate audit`` and ``curate stats`` from the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from covidct_curate.cli import app
from tests.htmlpage import Page

RUN = CliRunner()
REAL = Path(os.environ.get("COVIDCT_DATA", "/nowhere")) / "covid-ct"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like COVID-CT without a sheet: one picture in both classes, one broken, two of their own."""
    root = tmp_path / "set"
    drawn = np.random.default_rng(3)
    for name in ("CT_COVID/a.png", "CT_COVID/b.png", "CT_NonCOVID/c.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        low = drawn.integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(low).resize((96, 80)).save(root / name)
    (root / "CT_NonCOVID/d.png").write_bytes((root / "CT_COVID/a.png").read_bytes())
    (root / "CT_NonCOVID/e.png").write_bytes(b"\x89PNG no more")
    return root


def test_json_has_findings_and_shortcuts(folder: Path) -> None:
    result = RUN.invoke(app, ["audit", str(folder), "--format", "json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    errors = {(each["kind"], *each["files"]) for each in told["findings"] if each["severity"] == "error"}
    assert errors == {
        ("label-contradiction", "CT_COVID/a.png", "CT_NonCOVID/d.png"),
        ("unreadable", "CT_NonCOVID/e.png"),
    }
    assert all(each["fix"] for each in told["findings"])
    assert {name: each["auc"] for name, each in told["shortcuts"].items()} == dict.fromkeys(
        ("file", "border", "histogram")
    )


def test_table_ends_with_the_verdict_and_can_go_to_a_file(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "audit.txt"
    shown = RUN.invoke(app, ["audit", str(folder)])
    written = RUN.invoke(app, ["audit", str(folder), "--out", str(out)])
    assert (shown.exit_code, written.exit_code) == (1, 1)
    assert written.stdout == ""
    assert out.read_text(encoding="utf-8") == shown.stdout
    assert "2 errors" in shown.stdout


def test_page_is_whole(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "audit.html"
    assert RUN.invoke(app, ["audit", str(folder), "--format", "html", "--out", str(out)]).exit_code == 1
    page = Page(out.read_text(encoding="utf-8"))
    assert "CT_NonCOVID/e.png" in page.text


def test_clean_dataset_ends_well(folder: Path) -> None:
    for name in ("d", "e"):
        (folder / f"CT_NonCOVID/{name}.png").unlink()
    assert RUN.invoke(app, ["audit", str(folder)]).exit_code == 0


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    for command in ("audit", "stats"):
        result = RUN.invoke(app, [command, str(tmp_path)])
        assert result.exit_code == 1
        assert "covid-chestxray-dataset" in result.stderr


def test_statistics_are_shown_and_written(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures"
    result = RUN.invoke(app, ["stats", str(folder), "--out", str(out)])
    assert result.exit_code == 0
    assert "non-covid" in result.stdout
    assert {"index.html", "statistics.json", "examples.png"} <= {each.name for each in out.iterdir()}


@pytest.mark.skipif(not REAL.is_dir(), reason="needs COVID-CT in COVIDCT_DATA")
def test_covid_ct_has_its_known_errors_and_no_others() -> None:
    result = RUN.invoke(app, ["audit", str(REAL), "--format", "json"])
    told = json.loads(result.stdout)
    errors = [each for each in told["findings"] if each["severity"] == "error"]
    assert sorted(each["kind"] for each in errors) == (
        ["label-contradiction"] * 2 + ["near-duplicate"] * 3 + ["shared-paper"] * 3
    )
    assert 0.93 <= told["shortcuts"]["file"]["auc"] <= 0.97
