"""Every error the toolkit raises on purpose.

CurateError
├── UnreadablePDF       no page can be had from the file: empty, not a PDF, encrypted, broken
├── WorkspaceError      the workspace cannot be used: read-only, full, locked by another run
│   └── NewerCatalog    written by a newer version of the toolkit
├── SheetError          a spreadsheet that cannot be written or read
└── EngineError         the requested engine cannot run here
"""


class CurateError(Exception):
    """Base of all: the message says which file, what happened and what to do."""


class UnreadablePDF(CurateError):
    """No page can be had from the file."""


class WorkspaceError(CurateError):
    """The workspace cannot be used."""


class NewerCatalog(WorkspaceError):
    """The catalogue was written by a newer version of the toolkit."""


class SheetError(CurateError):
    """A spreadsheet cannot be written or read."""


class EngineError(CurateError):
    """The requested engine cannot run here."""
