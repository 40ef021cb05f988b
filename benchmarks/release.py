"""Time of a release of many pictures.

    python benchmarks/release.py [PICTURES]

Scans of 50 slices are drawn (body, lungs and lesions of sizes and places of their own in every slice, under noise),
imported and released; half of them of each class.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np

from covidct_curate.audit.duplicates import looks, pairs
from covidct_curate.importing import import_dataset
from covidct_curate.originals.documents import Wish
from covidct_curate.release.build import Plan, build_release

_SIDE, _SLICES = 400, 50


def drawn(folder: Path, scans: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    folder.mkdir()
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
    for number in range(scans):
        voxels = np.full((_SLICES, _SIDE, _SIDE), -1000, np.int16)
        for plane in voxels:
            plane[(x / random.uniform(0.6, 0.9)) ** 2 + (y / random.uniform(0.5, 0.8)) ** 2 < 1] = 40
            for side in (-1, 1):
                at, size = side * random.uniform(0.25, 0.4), random.uniform(0.15, 0.3)
                plane[((x - at) / size) ** 2 + ((y - random.uniform(-0.1, 0.1)) / 0.4) ** 2 < 1] = -800
            for _ in range(random.integers(0, 9)):
                cx, cy, r = random.uniform(-0.5, 0.5), random.uniform(-0.4, 0.4), random.uniform(0.02, 0.12)
                plane[(x - cx) ** 2 + (y - cy) ** 2 < r**2] = random.integers(-600, 60)
            plane += random.normal(0, 30, plane.shape).astype(np.int16)
        nibabel.save(
            nibabel.Nifti1Image(voxels.T, np.diag([1, 1, 1, 1])), folder / f"case_{seed}_{number}.nii"
        )


if __name__ == "__main__":
    pictures = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for seed, finding in enumerate(("covid", "non-covid")):
            drawn(root / finding, max(1, pictures // _SLICES // 2), seed)
            wish = Wish(finding=finding, licence="cc0")
            import_dataset("nifti", root / finding, root / "ws", wish=wish, importer="Ann")
        start, busy = time.perf_counter(), time.process_time()
        made = build_release(root / "ws", root / "out", Plan())
        seconds, cpu = time.perf_counter() - start, time.process_time() - busy
        size = sum(path.stat().st_size for path in made.folder.rglob("*") if path.is_file()) / 1e6
        files = sorted(made.folder.glob("CT_*/*.png"))
        start = time.perf_counter()
        seen = looks(files)
        looked = time.perf_counter() - start
        start = time.perf_counter()
        found = pairs(seen, 0.93)
        print(
            "| pictures | seconds | CPU s | MB | of these near-duplicates: looks, pairs | found |\n|---|---|---|---|---|---|"
        )
        paired = time.perf_counter() - start
        print(
            f"| {len(files):,} | {seconds:.1f} | {cpu:.1f} | {size:.0f} | {looked:.1f}, {paired:.1f} | {len(found):,} |"
        )
