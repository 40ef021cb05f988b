"""Papers that are not wanted, since somebody's table has them already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from covidct_curate.crawl.preprint import Preprint, named
from covidct_curate.errors import ChoiceError, DatasetError
from covidct_curate.tables.table import first_bytes, is_workbook
from covidct_curate.tables.workbooks import open_workbook

_DOI = re.compile(r"10\.\d{4,9}/[^\s,;\"']+")
_OLD = re.compile(r"10\.1101/\d{6}(?!\d)")
_NUMBER = re.compile(r"(?<![\d.])\d{4}\.\d{2}\.\d{2}\.\d{6,8}(?!\d)")


@dataclass(frozen=True, slots=True)
class Excluded:
    """DOIs without versions, and the servers' numbers in names of files, such as 2020.03.01.20000001-p5-1.png."""

    dois: frozenset[str]
    numbers: frozenset[str]

    def has(self, preprint: Preprint) -> bool:
        """Whether the paper, in whatever version, is in the table."""
        doi = preprint.doi.casefold()
        return doi in self.dois or doi.partition("/")[2] in self.numbers


def read_excluded(path: Path) -> Excluded:
    """All papers that a table (.xlsx, .csv) or a text names in any of its cells.

    Raises `ChoiceError` when it cannot be read, or names none.
    """
    dois, numbers = set[str](), set[str]()
    try:
        for told in _texts(path):
            for found in _DOI.finditer(told):
                if doi := named(found[0]):
                    dois.add(doi[0].casefold())
            # People's tables have blanks in their DOIs.
            squeezed = re.sub(r"\s*([./])\s*", r"\1", told)
            dois.update(_OLD.findall(squeezed))
            numbers.update(_NUMBER.findall(squeezed))
    except (OSError, ValueError, DatasetError) as error:
        raise ChoiceError(f"{path}: it cannot be read: {error}") from error
    if not dois and not numbers:
        raise ChoiceError(
            f"{path}: it names no paper; DOIs such as 10.1101/2020.03.01.20000001 are looked for"
        )
    return Excluded(frozenset(dois), frozenset(numbers))


def _texts(path: Path) -> Iterator[str]:
    """Each cell of each sheet, or each line."""
    if is_workbook(first_bytes(path)):
        with open_workbook(path) as sheets:
            for sheet in sheets:
                for _, cells in sheet.read().rows:
                    yield from cells
    else:
        content = path.read_bytes()
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        yield from content.decode("utf-16" if wide else "utf-8-sig", "replace").splitlines()
