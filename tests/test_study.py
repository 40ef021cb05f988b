"""Studies: the pictures they are made of, in one view and in parts that share nobody; the runs; and the table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from tests.htmlpage import Page
from tests.manuscripts.phantom import phantom_ct

torch = pytest.importorskip("torch")

from covidct_model.cli import app  # noqa: E402
from covidct_model.data import read_data  # noqa: E402
from covidct_model.errors import ConfigError, DataError, RunError  # noqa: E402
from covidct_model.material import build  # noqa: E402
from covidct_model.sources import of  # noqa: E402
from covidct_model.study import PACKAGED, read_study, study  # noqa: E402
from covidct_model.view import viewed  # noqa: E402
from tests.tinynet import stand_in  # noqa: E402

Grey = NDArray[np.uint8]
SEG, LUNA = ("coronacases", "radiopaedia"), 10


def ct(seed: int) -> Grey:
    return phantom_ct(seed, 128, 0)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Drawn slices as they are passed on: COVID-CT, COVID-Seg lying and in two windows, LUNA."""
    home = tmp_path_factory.mktemp("sources")
    slices, medseg, luna = home / "seg" / "slices", home / "seg" / "medseg", home / "luna"
    for folder in (slices, medseg / "images", medseg / "masks", luna):
        folder.mkdir(parents=True)
    seed = 0
    for case in range(5):
        for scan, window in (
            (f"Data-1_coronacases_org_{case:03}", 0.4),
            (f"Data-1_radiopaedia_org_covid-19-pneumonia-{case}_8590{case}_{1 + seed % 2}-dcm", 1.0),
        ):
            for number in (3, 11):
                lying = np.rot90(ct(seed), -1) if window < 1 else ct(seed).T
                Image.fromarray((lying[:, 8:-8] * window).astype(np.uint8)).save(
                    slices / f"{scan}_{number}.jpg"
                )
                seed += 1
    for number in range(3):
        mask = np.zeros((128, 128), np.uint8)
        mask[40:60, 30:50] = 255
        for home_of, plane in (("images", ct(200 + number)), ("masks", mask)):
            Image.fromarray(plane.T[:, 8:-8]).save(medseg / home_of / f"{number}.png")
    for number in range(LUNA):
        Image.fromarray(ct(100 + number)).save(luna / f"1.3.6.{number}.mhd_{number * 7}.png")
    return {"covid-ct": covid_ct(home / "ct"), "covid-seg": home / "seg", "luna": luna}


def covid_ct(root: Path) -> Path:
    seed = 300
    for folder, short in (("CT_COVID", "COVID"), ("CT_NonCOVID", "NonCOVID")):
        (root / folder).mkdir(parents=True)
        (root / "Data-split" / short).mkdir(parents=True)
        for part, count in (("train", 4), ("val", 2), ("test", 4)):
            names = [f"{part}-{each}.png" for each in range(count)]
            (root / "Data-split" / short / f"{part}CT_{short}.txt").write_text("\n".join(names))
            for name in names:
                Image.fromarray(ct(seed)).convert("RGBA" if short == "COVID" else "L").save(
                    root / folder / name
                )
                seed += 1
    return root


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


# one view ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", ["", "anticlockwise", "transposed"])
def test_a_slice_looks_the_same_whoever_passed_it_on(turn: Any) -> None:
    """Turned, framed and in a window of half the contrast: one view."""
    own = phantom_ct(1, 256, 2)
    there = np.clip(own * 0.5 + 40, 0, 255).astype(np.uint8)
    framed = cv2.copyMakeBorder(there, 20, 30, 10, 40, cv2.BORDER_CONSTANT, value=int(there[0, 0]))
    lying = {"": framed, "anticlockwise": np.rot90(framed, -1), "transposed": framed.T}[turn]
    first, second = viewed(own, ""), viewed(np.ascontiguousarray(lying), turn)
    assert first.lungs and second.lungs
    assert np.abs(np.subtract(first.pixels.shape, second.pixels.shape)).max() <= 6
    other = cv2.resize(second.pixels, first.pixels.shape[::-1])
    assert float(np.corrcoef(first.pixels.ravel(), other.ravel())[0, 1]) > 0.95
    assert abs(float(first.pixels.mean()) - float(other.mean())) < 6


def test_a_picture_without_lungs_is_told() -> None:
    plain = np.full((128, 128), 10, np.uint8)
    cv2.ellipse(plain, (64, 64), (56, 44), 0, 0, 360, 190, -1)
    assert not viewed(plain, "").lungs
    assert viewed(np.full((64, 64), 90, np.uint8), "").pixels.shape == (64, 64)


# the pictures ------------------------------------------------------------------------------------------


def test_parts_share_no_patient(roots: dict[str, Path]) -> None:
    for name, counts in (("covid-seg", (4, 4, 12)), ("luna", (4, 2, 4))):
        found = of(name, roots)
        parts: dict[str, set[str]] = {}
        for each in found:
            parts.setdefault(each.patient, set()).add(each.part)
        assert all(len(each) == 1 for each in parts.values())
        assert tuple([each.part for each in found].count(part) for part in ("test", "val", "train")) == counts


def test_two_scans_of_one_radiopaedia_case_are_one_patient(tmp_path: Path) -> None:
    (tmp_path / "slices").mkdir()
    for scan in ("29_86490_1-dcm", "29_86491_1-dcm", "4_85506_1-dcm"):
        Image.fromarray(ct(1)).save(
            tmp_path / "slices" / f"x_radiopaedia_org_covid-19-pneumonia-{scan}_5.png"
        )
    found = of("covid-seg", {"covid-seg": tmp_path})
    assert (len({each.patient for each in found}), len({each.scan for each in found})) == (2, 3)


def test_material_is_one_release_with_masks_in_place(roots: dict[str, Path], tmp_path: Path) -> None:
    learnt = ["covid-seg", "medseg", "covid-ct-negatives", "luna"]
    made = build(learnt, ["covid-seg", "luna"], roots, tmp_path / "m")
    assert {part: (each["positive"], each["negative"]) for part, each in made.counts.items()} == {
        "train": (12 + 3, 10 + 4), "val": (4, 2), "test": (4, 4),
    }  # fmt: skip
    assert made.counts["train"]["masks"] == 3 and made.left_out == {}
    data = read_data(made.folder, 32)
    assert data.parts["train"].has_mask.sum() == 3
    for row in rows_of(made.folder):
        with Image.open(made.folder / row["file_name"]) as image:
            assert (image.mode, image.format) == ("L", "PNG")
            assert image.width > image.height  # upright
        if row["mask"]:
            lesion = np.asarray(Image.open(made.folder / row["mask"]))
            found = lesion.nonzero()
            assert 0.2 * lesion.shape[0] < found[0].mean() < 0.6 * lesion.shape[0]
            assert found[1].mean() < lesion.shape[1] / 2


def test_material_is_taken_as_it_is_until_its_pictures_change(roots: dict[str, Path], tmp_path: Path) -> None:
    own = {name: Path(shutil.copytree(path, tmp_path / name)) for name, path in roots.items()}
    first = build(["luna", "covid-ct-349"], ["covid-seg", "luna"], own, tmp_path / "m")
    about = first.folder / "material.json"
    written = about.stat().st_mtime_ns
    assert build(["luna", "covid-ct-349"], ["covid-seg", "luna"], own, tmp_path / "m") == first
    assert about.stat().st_mtime_ns == written
    Image.fromarray(ct(999)).save(own["luna"] / "1.3.6.99.mhd_1.png")
    assert build(["luna", "covid-ct-349"], ["covid-seg", "luna"], own, tmp_path / "m") != first


def test_official_pictures_stay_as_they_are_in_grey(roots: dict[str, Path], tmp_path: Path) -> None:
    made = build(["covid-ct"], ["covid-ct"], roots, tmp_path / "m")
    assert [made.counts[part]["positive"] for part in ("train", "val", "test")] == [4, 2, 4]
    np.testing.assert_array_equal(np.asarray(Image.open(made.folder / "CT_COVID" / "train-0.png")), ct(300))


def test_the_smaller_covid_ct_takes_whole_patients(tmp_path: Path) -> None:
    root = tmp_path / "ct"
    (root / "CT_COVID").mkdir(parents=True)
    for number in range(130):
        Image.fromarray(np.full((4, 4), number, np.uint8)).save(root / "CT_COVID" / f"a-p{number}-1.png")
    found = of("covid-ct-118", {"covid-ct": root})
    assert len(found) == 118 and len({each.name for each in found}) == 118
    assert found == of("covid-ct-118", {"covid-ct": root})


def test_pictures_that_cannot_be_used(roots: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give --luna DIR"):
        build(["luna"], ["luna"], {}, tmp_path / "m")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="no pictures for luna"):
        build(["luna"], ["luna"], {"luna": tmp_path / "nothing"}, tmp_path / "m")
    luna = shutil.copytree(roots["luna"], tmp_path / "luna")
    (luna / "1.3.6.0.mhd_0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="no PNG"):
        build(["luna"], ["luna"], {"luna": luna}, tmp_path / "m")
    (tmp_path / "full").mkdir()
    with pytest.raises(RunError, match="something else"):
        build(["luna"], ["luna"], roots, tmp_path / "full")


# the study ---------------------------------------------------------------------------------------------

TOY = """
name: Toy
about: A study of nothing.
cited: nobody, 2020
seeds: 2
config: {size: 32, epochs: 1, batch: 8, lr: 0.01, weights: none, precision: float32}
judged_on: [covid-seg, luna]
leave_out: [CT_NonCOVID/luna-1.3.6.0-0.png]
differs: [It is a toy.]
settings:
  - {title: Net on Seg, learnt: [covid-seg, medseg, luna], config: {model: densenet169}, published: {auc: 0.5}}
  - {title: JCS on both, learnt: [covid-seg, covid-ct-349, luna], config: {model: jcs}, differs: More of it.}
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = tmp_path / "toy.yaml"
    path.write_text(TOY)
    return path


def test_a_study_is_run_resumed_and_told(
    roots: dict[str, Path], toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    stand_in(monkeypatch, fails="jcs")
    command = ["study", str(toy), "--out", str(out)]
    for name, path in roots.items():
        command += [f"--{name}", str(path)]
    failed = CliRunner().invoke(app, command)
    assert failed.exit_code == 1
    assert "failed: JCS on both, seed 1: jcs: no weights" in failed.stderr
    assert [row["title"] for row in table(out)["rows"]] == [
        "Net on Seg", "Net on Seg, 1 leaked test pictures left out",
    ]  # fmt: skip
    before = [(each, each.stat().st_mtime_ns) for each in sorted(out.rglob("*.safetensors"))]
    assert len(before) == 2

    stand_in(monkeypatch)
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.stderr
    assert [(each, each.stat().st_mtime_ns) for each, _ in before] == before
    told = table(out)
    assert told["failures"] == [] and told["study"] == "Toy" and told["differs"] == ["It is a toy."]
    net, _, jcs, less = told["rows"]
    assert (net["seeds"], net["published"], net["learnt"]) == (
        2,
        {"auc": 0.5},
        ["covid-seg", "medseg", "luna"],
    )
    assert net["config"]["model"] == "densenet169" and jcs["differs"] == "More of it."
    areas = [json.loads((out / each / "evaluation.json").read_text())["test"]["auc"] for each in net["runs"]]
    assert net["auc"]["mean"] == pytest.approx(sum(areas) / 2)
    assert net["auc"]["low"] <= net["auc"]["mean"] <= net["auc"]["high"]
    assert net["data"]["test"] == {"positive": 4, "negative": 4, "patients": 6, "masks": 0}
    assert less["test_left_out"] == 1
    assert set(net["controls"]) == {"file", "border", "histogram", "majority"}
    assert net["controls"]["majority"]["auc"] == 0.5
    text = (out / "table.md").read_text()
    for word in ("Net on Seg", "JCS on both", "– / – / 0.500", "border", "It is a toy.", "No medical device"):
        assert word in text
    page = (out / "index.html").read_text()
    assert "JCS on both: More of it." in page
    assert not {"script", "link", "iframe"} & set(Page(page).tags)


def table(out: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((out / "table.json").read_text())
    return told


def test_one_setting_and_other_values(
    roots: dict[str, Path], toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch)
    lines: list[str] = []
    told = study(
        read_study(str(toy)), roots, tmp_path / "out",
        seeds=1, only=["net on seg"], overrides={"epochs": 2, "size": None}, progress=lines.append,
    )  # fmt: skip
    assert [row.title for row in told.rows][:1] == ["Net on Seg"]
    assert told.rows[0].config.epochs == 2 and told.rows[0].config.size == 32
    assert any("epoch 2 of 2" in line for line in lines)


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_studies_can_be_run(name: str) -> None:
    described = read_study(name)
    assert described.seeds == 3 and described.cited and described.differs
    assert len(described.settings) >= 3
    assert all(set(each.published) in ({"accuracy", "f1", "auc"}, set()) for each in described.settings)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("judged_on: [covid-seg, luna]", "judged_on: [elsewhere]"), "no pictures are called 'elsewhere'"),
        (("title: JCS on both", "title: net on SEG"), "two settings have one title"),
        (("seeds: 2", "seeds: none"), "ought to be 1 or more"),
        (("published: {auc: 0.5}", "published: {auc: 50}"), "from 0 to 1"),
        (("about: A", "abuot: A"), "there is no 'abuot'"),
        (("settings:", "settings: ["), "cannot be read"),
    ],
)
def test_a_study_that_makes_no_sense(toy: Path, change: tuple[str, str], said: str) -> None:
    assert change[0] in TOY
    toy.write_text(TOY.replace(*change))
    with pytest.raises(ConfigError, match=said):
        read_study(str(toy))


def test_names_that_are_none(roots: dict[str, Path], toy: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are study-1, study-2, official"):
        read_study("study-3")
    with pytest.raises(ConfigError, match="no setting is called so"):
        study(read_study(str(toy)), roots, tmp_path / "out", only=["another"])
    with pytest.raises(ConfigError, match="epoochs"):
        study(read_study(str(toy)), roots, tmp_path / "out", overrides={"epoochs": 3})
