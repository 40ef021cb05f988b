"""Images of a dataset, and slices of scans, as pictures, panels and figures."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from covidct_curate import inputs
from covidct_curate.datasets import Document, Image, Slice
from covidct_curate.datasets.folders import stem
from covidct_curate.errors import in_words
from covidct_curate.extract.names import safe_name
from covidct_curate.panels.kind import look_of
from covidct_curate.panels.loose import in_colour, read_pixels
from covidct_curate.png import Pixels, write_png
from covidct_curate.records import Figure, Panel, Picture

_PANEL = re.compile(r"(.+)%(\d{1,4})")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Read:
    """An image that was read, and what it gave."""

    image: Image
    picture: Picture
    panel: Panel
    mask: Picture | None = None


def read_images(document: Document, staging: Path) -> tuple[list[Read], list[str]]:
    """Write the images of a document into a folder: those that can be read, and why not the others."""
    if document.scan is not None:
        return [_read_slice(each, staging) for each in document.scan.slices()], []
    read, unread = [], []
    for image, name in zip(document.images, names_of(document.images), strict=True):
        try:
            read.append(_read_image(image, staging / name))
        except OSError:
            raise  # the workspace's disk: of an image they are no OSErrors
        except Exception as error:  # whatever odd pixels break, they cost their own image
            called, said = inputs.name(image.file.name), inputs.name(in_words(error))
            unread.append(f"{called}: {said.removeprefix(f'{inputs.name(str(image.file))}: ')}")
    return read, unread


def _read_image(image: Image, path: Path) -> Read:
    """Write one image as PNG and judge its look. Raises `PictureError` when it cannot be read."""
    pixels = read_pixels(image.file)
    read = _written(image, pixels, path, look_of(in_colour(pixels)))
    return _with_mask(read, read_pixels(image.mask), path) if image.mask else read


def _read_slice(found: Slice, staging: Path) -> Read:
    """Write one slice of a scan, and its mask."""
    path = staging / found.image.file.name
    read = _written(found.image, found.pixels, path, {})
    return read if found.mask is None else _with_mask(read, found.mask, path)


def _with_mask(read: Read, mask: Pixels, path: Path) -> Read:
    """The mask of the picture at ``path`` written beside it."""
    name = f"{path.stem}.mask.png"
    picture = replace(read.picture, file=name, role="mask", pixels=write_png(mask, path.with_name(name)))
    return replace(read, mask=picture)


def _written(image: Image, pixels: NDArray[Any], path: Path, look: Mapping[str, float]) -> Read:
    """An image written as PNG, as picture and panel."""
    height, width = pixels.shape[:2]
    panel = Panel(
        figure_file=path.name,
        file=path.name,
        box=(0, 0, width, height),
        label=None,
        label_source="",
        spans=((0, len(image.caption)),) if image.caption else (),
        method="whole",
        confidence=1.0,
        look=look,
        facts=image.facts,
    )
    picture = Picture(
        file=path.name,
        role="figure",
        page=image.page or 0,
        bbox=(0, 0, width, height),
        width=width,
        height=height,
        xref=image.xref,
        pixels=write_png(pixels, path),
    )
    return Read(image, picture, panel)


def names_of(images: Iterable[Image]) -> list[str]:
    """Names for pictures: those of their images, made safe, no two alike on any file system.

    The number of a panel stays as it is: ``a-p6-52%3.jpg`` is ``a-p6-52%3.png``.
    """
    names: list[str] = []
    taken: set[str] = set()
    for image in images:
        plain, number = stem(image.file.name), ""
        if found := _PANEL.fullmatch(plain):
            plain, number = found[1], f"%{found[2]}"
        base = safe_name(plain[:80]) + _UNSAFE.sub("_", plain[80:])[-60:]  # a long name's end tells most
        name, count = f"{base}{number}.png", 2
        while name.lower() in taken:
            name, count = f"{base}-{count}{number}.png", count + 1
        taken.add(name.lower())
        names.append(name)
    return names


def figures_of(read: Iterable[Read]) -> list[Figure]:
    """The figures that images were cut from; an image of which that is not known is a figure of its own."""
    groups: dict[tuple[str, str, str], list[Read]] = defaultdict(list)
    for each in read:
        alone = "" if each.image.figure else each.picture.file
        groups[each.image.figure, each.image.caption, alone].append(each)
    found = []
    for (_, caption, _), members in groups.items():
        pages = sorted({each.image.page for each in members if each.image.page is not None})
        xrefs = dict.fromkeys(each.image.xref for each in members if each.image.xref is not None)
        found.append(
            Figure(
                label=None,
                caption=caption,
                caption_page=None,
                page=pages[0] if pages else None,
                bbox=None,
                binding="none",
                confidence=1.0,
                xrefs=tuple(xrefs),
                pictures=(
                    *(each.picture for each in members),
                    *(each.mask for each in members if each.mask is not None),
                ),
                pages=tuple(pages),
                panels=tuple(each.panel for each in members),
            )
        )
    return found


def wholes_of(figure: Figure) -> list[Picture]:
    """The pictures that images became: all but cut panels."""
    return [picture for picture in figure.pictures if picture.role == "figure"]


def part_of(found: Iterable[Figure], files: Set[str], home: Path, staging: Path) -> list[Figure]:
    """Figures with these whole pictures and their panels only, copied from ``home`` to ``staging``."""
    part = []
    for figure in found:
        panels = tuple(panel for panel in figure.panels if panel.figure_file in files)
        names = files | {panel.file for panel in panels}
        pictures = tuple(picture for picture in figure.pictures if picture.file in names)
        for picture in pictures:
            shutil.copyfile(home / picture.file, staging / picture.file)
        if pictures:
            part.append(replace(figure, pictures=pictures, panels=panels))
    return part
