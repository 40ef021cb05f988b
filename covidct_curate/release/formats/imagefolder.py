"""Folders as torchvision's ``ImageFolder`` reads them: ``train/CT_COVID/x.png``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from covidct_curate.release.formats.rows import accompany, base, by_part, place, write_text
from covidct_curate.release.item import About, Item

_README = """Load each part with `torchvision.datasets.ImageFolder`. It numbers classes by the order of their names:
{numbers}. Where the disease is to be 1, {target}.
A part may have no picture of a class: give it `allow_empty=True` then.
All that is known of the pictures is in metadata.jsonl of the release.
"""


def write(items: Sequence[Item], folder: Path, about: About, release: Path) -> None:
    """Write the pictures of ``release`` into ``folder`` as ``{train,val,test}/<class>/``.

    A part that has pictures gets both classes' folders, so that the classes' numbers are the same everywhere. Raises
    OSError when a file cannot be written.
    """
    accompany(folder, release, about)
    for part, members in by_part(items).items():
        for positive in (True, False) if members else ():
            (folder / part / about.folder(positive=positive)).mkdir(parents=True)
        for item in members:
            home = folder / part / about.folder(positive=item.positive)
            place(release / item.file_name, home / base(item))
    classes = sorted((about.positive_folder, about.negative_folder))
    numbers = ", ".join(f"{name} is {number}" for number, name in enumerate(classes))
    right = classes[1] == about.positive_folder
    target = "nothing is to be done" if right else "give it `target_transform=lambda number: 1 - number`"
    write_text(_README.format(numbers=numbers, target=target), folder / "README.md")
