"""A release as tensors, and what cannot be trained on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tinyrelease import SIZE, change_row, tiny_release

torch = pytest.importorskip("torch")

from covidct_model.data import held, read_data  # noqa: E402
from covidct_model.errors import DataError, MemoryShort  # noqa: E402


def test_parts_classes_patients_and_masks(tmp_path: Path) -> None:
    data = read_data(tiny_release(tmp_path / "r", masks=True), 32)
    assert {part: len(each) for part, each in data.parts.items()} == {"train": 16, "val": 8, "test": 12}
    train = data.parts["train"]
    assert train.images.shape == train.masks.shape == (16, 1, held(32), held(32))
    assert train.images.dtype == torch.uint8
    assert train.labels.tolist() == [float(name.startswith("CT_COVID/")) for name in train.names]
    assert train.has_mask.tolist() == [name.startswith("CT_COVID/") for name in train.names]
    assert set(train.masks.unique().tolist()) == {0, 1}
    assert data.warnings == ()
    assert len(set(train.patients)) == 16


def test_colour_mode_and_format_leave_no_trace(tmp_path: Path) -> None:
    plain = read_data(tiny_release(tmp_path / "plain"), 32)
    other = tiny_release(tmp_path / "other")
    for path in other.glob("CT_COVID/*.png"):
        Image.open(path).convert("RGBA").save(path)
    changed = read_data(other, 32)
    assert changed.digest == plain.digest
    assert torch.equal(changed.parts["train"].images, plain.parts["train"].images)


@pytest.mark.parametrize("change", ["picture", "patient", "mask"])
def test_digest_tells_data_apart(tmp_path: Path, change: str) -> None:
    root = tiny_release(tmp_path / "r", masks=True)
    before = read_data(root, 32).digest
    assert read_data(root, 32).digest == before
    if change == "patient":
        change_row(root, "CT_COVID/covid-0.png", patient_id="somebody else")
    else:
        folder = "CT_COVID" if change == "picture" else "masks"
        path = root / folder / "covid-0.png"
        pixels = np.asarray(Image.open(path)).copy()
        pixels[0, 0] = 255 - pixels[0, 0]
        Image.fromarray(pixels).save(path)
    assert read_data(root, 32).digest != before


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as refused:
        read_data(root, 32)
    return str(refused.value)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    root = tiny_release(tmp_path / "r", masks=True)
    change_row(root, "CT_COVID/covid-0.png", patient_id="one")  # train
    change_row(root, "CT_COVID/covid-9.png", patient_id="one")  # val
    (root / "CT_NonCOVID/non-covid-14.png").write_bytes((root / "CT_NonCOVID/non-covid-1.png").read_bytes())
    change_row(root, "CT_NonCOVID/non-covid-2.png", finding="perhaps")
    (root / "CT_COVID/covid-3.png").unlink()
    (root / "masks/covid-3.png").unlink()
    (root / "CT_COVID/covid-4.png").write_bytes(b"no picture")
    (root / "masks/nobody.png").write_bytes((root / "masks/covid-1.png").read_bytes())
    Image.new("L", (SIZE // 2, SIZE)).save(root / "masks/covid-5.png")
    told = refusal(root)
    for problem in (
        "shared-patient: CT_COVID/covid-0.png, CT_COVID/covid-9.png: patient one: 1 in train, 1 in val",
        "duplicate: CT_NonCOVID/non-covid-1.png, CT_NonCOVID/non-covid-14.png",
        "CT_NonCOVID/non-covid-2.png: its class is 'perhaps'",
        "missing: CT_COVID/covid-3.png",
        "unreadable: CT_COVID/covid-4.png",
        "nobody.png: a mask without a picture",
        "masks/covid-5.png: it and its picture, CT_COVID/covid-5.png, are of two sizes, 24 x 48 and 48 x 48",
    ):
        assert problem in told


def test_shared_paper_is_a_warning(tmp_path: Path) -> None:
    root = tiny_release(tmp_path / "r")
    for name in ("covid-0", "covid-13"):
        change_row(root, f"CT_COVID/{name}.png", doi="10.1101/shared")
    (warning,) = read_data(root, 32).warnings
    assert warning.kind == "shared-paper"
    assert warning.files == ("CT_COVID/covid-0.png", "CT_COVID/covid-13.png")


def test_without_training_part(tmp_path: Path) -> None:
    assert "training part" in refusal(tiny_release(tmp_path / "r", (0, 4, 4)))


def test_no_dataset(tmp_path: Path) -> None:
    assert "metadata.jsonl" in refusal(tmp_path)


def test_more_pictures_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: 400)
    with pytest.raises(MemoryShort, match="try --size 32"):
        read_data(tiny_release(tmp_path / "r"), 64)


def test_the_catalogue_is_never_touched() -> None:
    code = (
        "import sys, covidct_model.train, covidct_model.evaluate, covidct_model.predict\n"
        "print([each for each in sys.modules if each.startswith('covidct_curate.catalog')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
