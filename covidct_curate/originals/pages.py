"""Scans that come as pictures: pages of a TIFF, or image files numbered slice by slice."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from covidct_curate.errors import CurateError, DatasetError, VolumeError
from covidct_curate.originals import deidentify
from covidct_curate.originals.series import Series, Tally, files_below, natural
from covidct_curate.originals.volume import Volume, check_size, narrow

By = Literal["file", "number", "folder"]
"""What one patient's pictures are: a file; files of a folder whose names differ in their last number only; a folder's."""

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"))
_LAST_NUMBER = re.compile(r"\d{1,9}(?=\D*$)")


def find_pages(path: Path, salt: bytes, by: By = "file") -> tuple[list[Series], tuple[str, ...]]:
    """The scans among the pictures of a folder and those below it, or the picture given; and notes.

    ``by`` says which pictures are one patient's; those of one size are a scan, in natural order of their names, each
    page of a TIFF a slice. ``salt``, 16 secret bytes or more, makes the pseudonyms, from names relative to ``path``.
    Raises `DatasetError` when ``path`` cannot be listed or has no picture.
    """
    tally = Tally()
    grouped: dict[str, dict[tuple[int, int], list[Path]]] = defaultdict(lambda: defaultdict(list))
    for each in files_below(path):
        if each.suffix.lower() not in _SUFFIXES:
            tally.leave("no picture", each)
        elif size := _size(each):
            grouped[_whose(each, path, by)][size].append(each)
        else:
            tally.leave("damaged, or no picture", each)
    if not grouped:
        because = "; ".join(tally.notes()) or "the folder is empty"
        raise DatasetError(f"{path}: there is no picture (PNG, JPEG, TIFF, BMP) in it: {because}")
    found = []
    for key, sizes in grouped.items():
        for size, files in sizes.items():
            ordered = tuple(sorted(files, key=lambda each: natural(each.name)))
            found.append(
                Series(
                    name=deidentify.pseudonym("s", salt, f"{key} {size}" if len(sizes) > 1 else key),
                    files=ordered,
                    patient=deidentify.pseudonym("p", salt, key),
                    read=partial(load, ordered),
                )
            )
    return found, tally.notes()


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height by the header; None where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                return image.size
    except Exception:  # whatever a damaged file makes its decoder raise
        return None


def _whose(path: Path, root: Path, by: By) -> str:
    relative = path.relative_to(root) if root.is_dir() else Path(path.name)
    if by == "file":
        return relative.as_posix()
    if by == "folder":
        return f"{relative.parent.as_posix()}/"
    return f"{relative.parent.as_posix()}/{_LAST_NUMBER.sub('', path.stem)}"


def load(files: Sequence[Path]) -> Volume:
    """Read the pages of files, in their order, as slices of values as stored; colour becomes grey.

    Raises `VolumeError` when a file cannot be read or is of another size than the first, OSError when it cannot be
    opened.
    """
    pages: list[NDArray[np.generic]] = []
    notes: list[str] = []
    for path in files:
        try:
            with warnings.catch_warnings(), path.open("rb") as file:
                warnings.simplefilter("ignore")
                with Image.open(file, formats=_FORMATS) as image:
                    _read(image, path, pages, notes)
        except (CurateError, MemoryError):
            raise
        except UnidentifiedImageError:
            raise VolumeError(f"{path}: it is no PNG, JPEG, TIFF or BMP picture") from None
        except Image.DecompressionBombError:
            raise VolumeError(f"{path}: it is larger than any slice of a scan") from None
        except OSError as error:
            if error.errno is not None:
                raise
            raise VolumeError(f"{path}: the picture is damaged or cut short; get a new copy") from error
        except Exception as error:  # whatever a damaged file makes its decoder raise
            raise VolumeError(f"{path}: the picture is damaged or cut short; get a new copy") from error
    voxels, more = narrow(np.stack(pages))
    return Volume(voxels, None, False, None, (*dict.fromkeys(notes), *more))


def _read(image: Image.Image, path: Path, pages: list[NDArray[np.generic]], notes: list[str]) -> None:
    count = int(getattr(image, "n_frames", 1))
    check_size((len(pages) + count, image.height, image.width), path)
    for number in range(count):
        image.seek(number)
        page = _grey(image, notes)
        if pages and page.shape != pages[0].shape:
            size, first = (f"{each.shape[1]} by {each.shape[0]}" for each in (page, pages[0]))
            raise VolumeError(
                f"{path}: it is {size} pixels, the scan's first picture {first}; they are not one scan"
            )
        pages.append(page)


def _grey(image: Image.Image, notes: list[str]) -> NDArray[np.generic]:
    """The pixels of the page an image stands at, in the depth they are stored in; 1 bit as 0 and 255."""
    if image.mode == "1":
        return np.array(image.convert("L"))
    if image.mode == "L" or image.mode.startswith(("I", "F")):
        return np.array(image)
    colour = image.convert("RGB")
    if (np.ptp(np.array(colour), axis=2) > 0).any():
        notes.append("pictures in colour were made grey")
    return np.array(colour.convert("L"))
