"""`audit`: a dataset examined, whole: its sheets, its files, copies, leaks and shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from covidct_curate.audit import copies, leaks, shortcuts
from covidct_curate.audit.files import look_at
from covidct_curate.audit.finding import SEVERITIES, Finding
from covidct_curate.audit.reading import read
from covidct_curate.audit.subject import Subject


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found."""

    subject: Subject
    findings: tuple[Finding, ...]
    """The most severe first, then by kind and files."""
    shortcuts: Mapping[str, Mapping[str, object]]
    """``file``, ``border``, ``histogram`` → as `shortcuts.as_json` tells them."""

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity == "error" for finding in self.findings)


def audit(path: Path, progress: Callable[[int, int], None] | None = None) -> Audit:
    """Examine the dataset in ``path``: a workspace, a release, a folder like COVID-CT or covid-chestxray-dataset.

    ``progress`` is called with how many pictures were looked at, and of how many. A bad file or row is a finding.
    Raises `DatasetError` when ``path`` is no such dataset, `WorkspaceError` when it is a workspace that cannot be
    used.
    """
    subject = read(path)
    seen, bad = look_at(subject, progress)
    told = shortcuts.of_subject(subject, seen)
    findings = (
        *subject.findings,
        *bad,
        *copies.copies(subject, seen),
        *leaks.leaks(subject.entries),
        *shortcuts.findings(told),
    )
    return Audit(subject, ordered(findings), shortcuts.as_json(told))


def ordered(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The most severe first, then by kind and files."""
    return tuple(
        sorted(findings, key=lambda each: (SEVERITIES.index(each.severity), each.kind, each.files, each.text))
    )
