"""Do with LibreOffice what its user does: open files, give its menu's commands, save. Run by its own Python.

    /usr/bin/python3 edit.py PROFILE < jobs > answers

A job and its answer are a line of JSON each. Job: ``open``, ``save`` (paths), ``steps`` (a list of
[command, arguments], see `Desk.do`) and where they are not of its own kind ``open_as``, ``save_as`` (filter,
options). Answer: ``error``, null where all went well. LibreOffice is started with a profile of its own in the folder
PROFILE, and ends when the input does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import uno  # type: ignore[import-not-found]

START = 120
"""Seconds that LibreOffice is given to start."""


class Desk:
    """A running LibreOffice without a window."""

    def __init__(self, profile: Path) -> None:
        pipe = f"office-{os.getpid()}"
        self._process = subprocess.Popen(
            ["soffice", "--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck",
             f"-env:UserInstallation={profile.resolve().as_uri()}", f"--accept=pipe,name={pipe};urp"],
            stdin=subprocess.DEVNULL, stdout=sys.stderr,
        )  # fmt: skip
        make = self._connect(pipe).ServiceManager
        context = make.DefaultContext
        self._desktop = make.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        self._dispatcher = make.createInstanceWithContext("com.sun.star.frame.DispatchHelper", context)

    def _connect(self, pipe: str) -> Any:
        here = uno.getComponentContext()
        resolver = here.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", here)
        until = time.monotonic() + START
        while True:
            try:
                return resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
            except uno.getClass("com.sun.star.connection.NoConnectException"):
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.1)

    def end(self) -> None:
        """End LibreOffice."""
        self._desktop.terminate()
        self._process.wait(60)

    def work(self, job: dict[str, Any]) -> None:
        """One job."""
        url = Path(job["open"]).as_uri()
        document = self._desktop.loadComponentFromURL(url, "_blank", 0, _filter(job["open_as"]))
        if document is None:
            raise ValueError(f"{job['open']} cannot be opened")
        try:
            for command, told in job["steps"]:
                self.do(document, command, told)
            kind = job["save_as"] or ["Calc MS Excel 2007 XML", ""]
            document.storeToURL(Path(job["save"]).as_uri(), _filter(kind))
        finally:
            document.close(True)

    def do(self, document: Any, command: str, told: dict[str, Any]) -> None:
        """A command of the menu, such as ``EnterString`` or ``DataSort``, for what is selected.

        ``filter``, which the menu has only as a dialogue: leave the rows of ``sheet`` whose cell in ``column``
        (0 is the first) is ``text``.
        """
        if command != "filter":
            frame = document.CurrentController.Frame
            self._dispatcher.executeDispatch(frame, f".uno:{command}", "", 0, _named(told))
            return
        sheet = document.Sheets.getByName(told["sheet"])
        cursor = sheet.createCursor()
        cursor.gotoEndOfUsedArea(True)
        end = cursor.RangeAddress
        area = sheet.getCellRangeByPosition(0, 0, end.EndColumn, end.EndRow)
        wish = area.createFilterDescriptor(True)
        field = uno.createUnoStruct("com.sun.star.sheet.TableFilterField")
        field.Field, field.StringValue = told["column"], told["text"]
        field.Operator = uno.Enum("com.sun.star.sheet.FilterOperator", "EQUAL")
        wish.ContainsHeader = True
        wish.setFilterFields((field,))
        area.filter(wish)


def _filter(kind: list[str] | None) -> tuple[Any, ...]:
    return _named({"FilterName": kind[0], "FilterOptions": kind[1]} if kind else {})


def _named(told: dict[str, Any]) -> tuple[Any, ...]:
    values = []
    for name, value in told.items():
        one = uno.createUnoStruct("com.sun.star.beans.PropertyValue")
        one.Name, one.Value = name, value
        values.append(one)
    return tuple(values)


def main() -> None:
    """Do the jobs of the standard input."""
    desk = Desk(Path(sys.argv[1]))
    try:
        for line in sys.stdin:
            error = None
            try:
                desk.work(json.loads(line))
            except Exception as raised:
                error = f"{type(raised).__name__}: {raised}"
            print(json.dumps({"error": error}), flush=True)
    finally:
        desk.end()


if __name__ == "__main__":
    main()
