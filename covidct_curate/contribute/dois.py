"""Which papers a dataset has: the DOIs in its sheets, lists and releases, compared without case and version."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from covidct_curate.datasets.cells import doi as doi_in
from covidct_curate.datasets.release import METADATA
from covidct_curate.errors import DatasetError, in_words
from covidct_curate.originals.archives import is_archive, unpacked
from covidct_curate.release.recipe import RECIPE
from covidct_curate.tables import fold, read_table

_PREPRINT = re.compile(r"(?<![\d.])20\d\d\.\d\d\.\d\d\.\d{6}(?:\d\d)?(?!\d)")
"""A preprint's number, as COVID-CT's file names have it: ``2020.02.10.20021584``."""
_VERSION = re.compile(r"[./]?v\d{1,3}(?:\.full(?:\.pdf)?)?$")
_COLUMNS = ("doi", "url", "link", "file name", "filename", "file_name", "image name")
"""Columns of sheets that tell of papers."""


def key(doi: str) -> str:
    """What all versions of a paper share: the DOI in small letters without its version.

    Of medRxiv's and bioRxiv's the number alone, since they have had two prefixes.
    """
    prefix, _, suffix = "".join(doi.split()).casefold().partition("/")
    preprint = _PREPRINT.match(suffix)
    return preprint[0] if preprint else f"{prefix}/{_VERSION.sub('', suffix)}"


def well_formed(doi: str) -> bool:
    """Whether a text is a DOI and nothing else."""
    return doi_in(doi) == doi and doi.isprintable()


def known(paths: Sequence[Path]) -> dict[str, str]:
    """`key` of every paper in sheets (.xlsx, .csv), lists (.txt) and releases (folder or archive) → the file's name.

    In sheets the DOIs, with or without spaces, addresses, and the preprints that file names tell of. Raises
    `DatasetError` when one cannot be read or has no DOI at all.
    """
    found: dict[str, str] = {}
    for path in paths:
        keys = {each for text in _texts(path) for each in _keys(text)}
        if not keys:
            raise DatasetError(f"{path}: no DOI in it; name a sheet, a list or a release that has DOIs")
        for each in sorted(keys):
            found.setdefault(each, path.name)
    return found


def _texts(path: Path) -> Iterator[str]:
    if path.is_dir() or is_archive(path):
        with unpacked(path) as folder:
            yield from _of_release(folder, path)
    elif path.suffix.lower() == ".txt":
        try:
            yield from path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            raise DatasetError(f"{path}: it cannot be read: {in_words(error)}; check the name") from error
    else:
        table = read_table(path)
        columns = [each for each in table.columns if fold(each) in _COLUMNS]
        if not columns:
            raise DatasetError(f"{path}: no column DOI, url or File name; name the columns so in its header")
        yield from (row[column] for row in table.rows for column in columns)


def _of_release(folder: Path, path: Path) -> Iterator[str]:
    for name in (METADATA, RECIPE):
        try:
            for line in (folder / name).read_text(encoding="utf-8").splitlines():
                if line.strip():
                    yield str(json.loads(line)["doi"] or "")
        except OSError as error:
            raise DatasetError(
                f"{path}: no release ({in_words(error)}); name a sheet, a list or a release"
            ) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DatasetError(f"{path}: its {name} cannot be read; get a new copy") from error


def _keys(text: str) -> Iterator[str]:
    """The papers of a cell: DOIs may have spaces in them or between them."""
    for part in {text, *re.split(r"[\s;,]+", text)}:
        if doi := doi_in(part):
            yield key(doi)
    if preprint := _PREPRINT.search("".join(text.split())):
        yield preprint[0]
