"""Every error the toolkit raises on purpose.

CurateError
├── UnreadablePDF       no page can be had from the file: empty, not a PDF, encrypted, broken
├── WorkspaceError      the workspace cannot be used: read-only, full, locked by another run
│   └── NewerCatalog    written by a newer version of the toolkit
├── PictureError        a picture file cannot be read: no picture, damaged, too large
├── VolumeError         a scan or a mask cannot be read: damaged, unsafe, too large, of another shape
├── NoFigure            the workspace has no such figure, or no picture of it
├── ChoiceError         a reviewer's panels make no sense, or do not fit the figure
├── SheetError          a spreadsheet that cannot be written or read
├── RuleError           a rule file that cannot be used: which line, and why
├── DatasetError        another dataset's folder or sheet that cannot be read
├── CrawlError          preprints cannot be listed or kept: a server's answer, a manifest, a folder
│   ├── NoAnswer        one thing that a server does not give, or gives broken
│   └── HostStopped     a server that refuses, or is out of reach: nothing more is asked of it
└── EngineError         the requested engine cannot run here
"""

from __future__ import annotations

from pathlib import Path


class CurateError(Exception):
    """Base of all: the message says which file, what happened and what to do."""


class UnreadablePDF(CurateError):
    """No page can be had from the file."""


class WorkspaceError(CurateError):
    """The workspace cannot be used."""


class NewerCatalog(WorkspaceError):
    """The catalogue was written by a newer version of the toolkit."""


class PictureError(CurateError):
    """A picture file cannot be read."""


class VolumeError(CurateError):
    """A scan or a mask cannot be read."""


class NoFigure(CurateError):
    """The workspace has no such figure, or no picture of it."""


class ChoiceError(CurateError):
    """A reviewer's panels make no sense, or do not fit the figure."""


class SheetError(CurateError):
    """A spreadsheet cannot be written or read."""


class RuleError(CurateError):
    """A rule file cannot be used."""


class DatasetError(CurateError):
    """Another dataset's folder or sheet cannot be read."""


class CrawlError(CurateError):
    """Preprints cannot be listed, or not be kept."""


class NoAnswer(CrawlError):
    """A server does not give one thing, or gives it broken."""


class HostStopped(CrawlError):
    """A server refuses, or cannot be reached; nothing more is asked of it in this run."""


class EngineError(CurateError):
    """The requested engine cannot run here."""


def in_words(error: Exception) -> str:
    """What an error says to a reader: ours as they are, the system's reason and file, others by name."""
    if isinstance(error, OSError) and error.strerror:
        where = f": {Path(error.filename).name}" if isinstance(error.filename, str) else ""
        return f"{error.strerror}{where}"
    if isinstance(error, CurateError):
        return str(error)
    return f"{type(error).__name__}: {error}"
