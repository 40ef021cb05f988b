"""What the writers of workbooks and of CSV files share: text that a cell can hold, and files put in place whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import xlsxwriter

from covidct_curate.errors import SheetError

LONGEST = 32_767
"""Characters (UTF-16 units) that a cell holds."""

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def cell_text(text: str) -> str:
    """``text`` as a cell can hold it: no control characters or lone surrogates, at most 32,767 long."""
    text = _ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST:
        return text
    return units[: 2 * (LONGEST - 1)].decode("utf-16-le", "ignore") + "…"


def new_workbook(buffer: BytesIO) -> Any:
    """An XlsxWriter workbook in which text stays text, never a formula, a number or a link; the same every time."""
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    workbook = xlsxwriter.Workbook(buffer, options)
    workbook.set_properties({"title": "MetaInfo", "created": datetime(2020, 1, 1)})
    return workbook


def put(contents: Mapping[Path, bytes]) -> None:
    """Write each file, whole or not at all; none is touched before all are on the disk.

    Raises `SheetError` when one cannot be written.
    """
    drafts: dict[Path, Path] = {}
    path = Path()
    try:
        for number, (path, content) in enumerate(contents.items()):
            drafts[path] = path.with_name(f".{path.name[:40]}.{number}.part")
            drafts[path].write_bytes(content)
        for path, draft in drafts.items():
            draft.replace(path)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise SheetError(
            f"{path}: the sheet cannot be written ({reason}); close it elsewhere, or check the folder and its disk"
        ) from error
    finally:
        for draft in drafts.values():
            _discard(draft)


def _discard(draft: Path) -> None:
    try:
        draft.unlink(missing_ok=True)
    except (OSError, ValueError):
        return
