"""PDFs that are here already: what they are is looked up, so that they have a manifest too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pymupdf

from covidct_curate import inputs
from covidct_curate.crawl.api import Api
from covidct_curate.crawl.listing import Body, Listing
from covidct_curate.crawl.preprint import Preprint, named
from covidct_curate.crawl.wish import Wish
from covidct_curate.errors import HostStopped, NoAnswer

_NAME = re.compile(
    r"(?:10\.\d{4,5}_)?(?P<suffix>\d{4}\.\d{2}\.\d{2}\.\d{6,8}|\d{6}(?=v\d))(?:v(?P<version>\d{1,2}))?(?![\d])",
    re.I,
)
_PRINTED = r"(10\.(?:1101|64898)\s?/\s?(?:\d{4}\.\s?\d{2}\.\s?\d{2}\.\s?\d{6,8}|\d{6})(?:v\d{1,2})?)(?!\d)"
_FORMS: Final = (re.compile(rf"rxiv\s+preprint\b.{{0,100}}?{_PRINTED}", re.I | re.S), re.compile(_PRINTED))
"""How a first page tells its own DOI: in the server's stamp, else anywhere."""
_CHUNK: Final = 2**20
_PREFIXES: Final = ("10.1101", "10.64898")


class Folder:
    """Takes PDFs of a folder, named as the servers name them or with their DOI on the first page."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._paths: dict[str, Path] = {}

    def records(self, wish: Wish, progress: Callable[[int], None]) -> Listing:
        """The preprints among the PDFs below the folder; those that nobody knows are told in ``missing``."""
        listing = Listing()
        for found in inputs.find([Path(wish.folder)]):
            if found.problem:
                listing.missing.append(f"{found.source}: {found.problem}")
                continue
            try:
                preprint = self._look_up(found.path, wish)
            except NoAnswer as error:
                listing.missing.append(f"{found.source}: {error}")
                continue
            except HostStopped as error:
                listing.missing.append(f"{found.source} and what comes after it: {error}")
                break
            listing.found.append(preprint)
            listing.files[preprint.url] = self._paths[preprint.url] = found.path
            progress(len(listing.found))
        return listing

    @contextmanager
    def open(self, preprint: Preprint, have: int, etag: str) -> Iterator[Body]:
        """The file itself."""
        yield Body(_chunks(self._paths[preprint.url]), 0, None, "", preprint.url)

    def _look_up(self, path: Path, wish: Wish) -> Preprint:
        dois, version = _identity(path)
        if not dois:
            raise NoAnswer(
                "neither its name nor its first page says which preprint it is; name it 2020.03.01.20000001v1.pdf"
            )
        reasons = []
        for doi in dois:
            try:
                versions = self._api.versions(doi, wish.servers)
                break
            except NoAnswer as error:
                reasons.append(str(error))
        else:
            raise NoAnswer("; ".join(reasons))
        these = [each for each in versions if version in (None, each.version)]
        if not these:
            raise NoAnswer(f"{doi}: there is no version {version}")
        newest = max(these, key=lambda each: each.key)
        known = version is not None or len(versions) == 1
        return replace(newest, version=newest.version if known else None, url=path.absolute().as_uri())


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise NoAnswer(f"{path}: it cannot be read: {error.strerror}") from error


def _identity(path: Path) -> tuple[list[str], int | None]:
    """The DOIs that it may have, and its version where that is told."""
    if found := _NAME.match(path.name):
        version = int(found["version"]) if found["version"] else None
        return [f"{prefix}/{found['suffix']}" for prefix in _PREFIXES], version
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    try:
        with pymupdf.open(path, filetype="pdf") as document:
            page = document[0].get_text() if document.page_count and not document.needs_pass else ""
    except (pymupdf.mupdf.FzErrorBase, RuntimeError, ValueError, IndexError):
        return [], None
    for form in _FORMS:
        told = {named(re.sub(r"\s", "", found[1])) for found in form.finditer(page)} - {None}
        if told:
            # More than one are other papers that it speaks of.
            (only,) = told if len(told) == 1 else (None,)
            return ([only[0]], only[1]) if only else ([], None)
    return [], None
