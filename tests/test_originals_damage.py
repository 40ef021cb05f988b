"""Files with bytes changed, lost or doubled are read or refused, in one clear line, never worse."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from covidct_curate.errors import CurateError
from covidct_curate.originals.dicom import find_dicom
from covidct_curate.originals.metaimage import find_metaimage
from covidct_curate.originals.nifti import find_nifti
from covidct_curate.originals.pages import find_pages
from covidct_curate.originals.windows import pictures
from tests.volumes import SALT, voxels, write_dicom, write_metaimage, write_nifti

SEEDS = 60


def dicom(folder: Path) -> None:
    write_dicom(folder, voxels((3, 6, 7)))


def nifti(folder: Path) -> None:
    write_nifti(folder / "a.nii", voxels())


def metaimage(folder: Path) -> None:
    write_metaimage(folder / "a.mha", voxels(), packed=True)


def tiff(folder: Path) -> None:
    from PIL import Image

    Image.fromarray(voxels()[0].astype("uint8")).save(folder / "a.tif", compression="tiff_lzw")


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Content with a few bytes changed, near its beginning more often, a part lost, or a part doubled."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(min(len(data), chance.choice((400, 1500, len(data)))))
        data[place] = chance.choice(
            (0, 255, 127, data[place] ^ 1 << chance.randrange(8), chance.randrange(256))
        )
    if chance.random() < 0.2:
        data = data[: chance.randrange(len(data))]
    if chance.random() < 0.2:
        place = chance.randrange(len(data) + 1)
        data[place:place] = data[place : place + 20]
    return bytes(data)


@pytest.mark.parametrize(
    ("write", "find"),
    [(dicom, find_dicom), (nifti, find_nifti), (metaimage, find_metaimage), (tiff, find_pages)],
)
def test_damage(tmp_path: Path, write: Callable[[Path], None], find: Callable[..., tuple]) -> None:
    write(tmp_path)
    path = sorted(tmp_path.iterdir())[0]
    content = path.read_bytes()
    outcomes = set()
    for seed in range(SEEDS):
        path.write_bytes(damaged(content, random.Random(seed)))
        try:
            found, _ = find(tmp_path, SALT)
            for series in found:
                volume = series.load()
                assert volume.voxels.ndim == 3 and volume.voxels.dtype.name in ("int16", "float32")
                list(pictures(volume, range(len(volume.voxels))))
                outcomes.add("read")
        except CurateError as error:
            assert len(str(error).splitlines()) == 1
            outcomes.add("refused")
    assert "read" in outcomes
