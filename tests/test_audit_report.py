"""An audit as a table, as JSON and as a page."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from covidct_curate.audit import report
from covidct_curate.audit.examine import Audit, ordered
from covidct_curate.audit.finding import KINDS, Finding, found
from covidct_curate.audit.subject import Entry, Subject
from covidct_curate.errors import DatasetError
from covidct_curate.png import write_png
from tests.htmlpage import Page, hostile_free
from tests.test_statistics import HOSTILE, entry

SHORTCUTS: dict[str, dict[str, object]] = {
    "file": {"auc": 0.956, "low": 0.93, "high": 0.973, "how": "test part"},
    "histogram": {"auc": None, "low": None, "high": None, "why": "fewer than 10 patients"},
}


def audit(*findings: Finding, entries: tuple[Entry, ...] = (), **changes: Any) -> Audit:
    made = Audit(Subject(Path("/nowhere/set"), "covid-ct", "covid", "non-covid", entries, ()), (), SHORTCUTS)
    return replace(made, findings=ordered(findings), **changes)


def pictures(folder: Path, count: int) -> tuple[Entry, ...]:
    made = []
    for number in range(count):
        path = folder / f"{number}.png"
        write_png(np.full((300, 400), number % 200, np.uint8), path)
        made.append(entry(number, path=path))
    return tuple(made)


def shown(made: Audit, folder: Path) -> Page:
    report.write_html(made, folder / "audit.html")
    return Page((folder / "audit.html").read_text("utf-8"))


def test_the_verdict_counts_by_severity() -> None:
    assert report.verdict(audit()) == "0 errors, 0 warnings, 0 notes"
    told = report.verdict(
        audit(found("missing", ["a"], ""), found("age", ["a"], ""), found("age", ["b"], ""))
    )
    assert told == "1 error, 2 warnings, 0 notes"


def test_the_table_tells_the_worst_first_and_the_first_of_each_kind() -> None:
    many = [found("unlisted", [f"u{at:03d}.png"], "in no sheet") for at in range(1234)]
    paper = found("shared-paper", [f"s{at}.png" for at in range(9)], "paper 10.1/1: 4 in train, 5 in test")
    lines = report.table(audit(*many, paper, entries=(entry(1),))).splitlines()
    assert lines[:4] == [
        "error: shared-paper (1)",
        "  A paper is in two parts of the split. Move all pictures of the paper to one part.",
        "    paper 10.1/1: 4 in train, 5 in test",
        "      s0.png, s1.png, s2.png and 6 more",
    ]
    assert lines[5] == "warning: unlisted (1,234)"
    assert lines[7:13] == [*(f"    u00{at}.png: in no sheet" for at in range(5)), "    … and 1,229 more"]
    assert lines[-2:] == [
        "1 picture: 1 error, 1,234 warnings, 0 notes",
        "All findings: --format json or --format html",
    ]
    assert any(re.match(r"  file +0\.956 \[0\.930, 0\.973\] test part$", line) for line in lines)
    assert any(re.match(r"  histogram +not told: fewer than 10 patients$", line) for line in lines)


def test_fixes_of_their_own_are_told_with_the_finding() -> None:
    one, other = found("doi", ["a"], "first", fix="Do this."), found("doi", ["b"], "second", fix="Do that.")
    text = report.table(audit(one, other))
    assert "a: first Do this." in text and "b: second Do that." in text and KINDS["doi"].fix not in text
    assert report.table(audit(one, replace(other, fix="Do this."))).count("Do this.") == 1


def test_a_terminal_is_safe() -> None:
    hostile = audit(found("other-file", [HOSTILE, HOSTILE], HOSTILE, fix=HOSTILE))
    hostile = replace(hostile, shortcuts={HOSTILE: {"auc": None, "why": HOSTILE}})
    text = report.table(hostile)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
    assert text.count(r"\n\x00\u202e") == 6
    assert len(report.table(audit(found("sheet", ["x" * 100_000] * 5000, "y" * 100_000)))) < 3000


def test_json_is_as_promised() -> None:
    finding = found("near-duplicate", ["a.png", "b\ud800.png"], "likeness 0.99", "error", "Look.")
    told = json.loads(json.dumps(report.as_json(audit(finding, entries=(entry(1),))), allow_nan=False))
    assert told == {
        "dataset": {"kind": "covid-ct", "images": 1, "positive": "covid", "negative": "non-covid"},
        "counts": {"error": 1, "warning": 0, "note": 0},
        "findings": [
            {
                "kind": "near-duplicate",
                "severity": "error",
                "files": ["a.png", "b?.png"],
                "text": "likeness 0.99",
                "fix": "Look.",
            }
        ],
        "shortcuts": SHORTCUTS,
    }


def test_the_page_has_every_finding_and_can_hide_by_severity(tmp_path: Path) -> None:
    made = audit(
        found("missing", ["gone.png"], "listed in row 3"),
        found("age", ["odd.png"], "Age: 430"),
        *(found("other-file", [f"o{at:02d}.txt"], "no picture") for at in range(30)),
    )
    page = shown(made, tmp_path)
    for text in ("gone.png listed in row 3", "odd.png Age: 430", KINDS["missing"].meaning, KINDS["age"].fix):
        assert text in page.text
    assert all(f"o{at:02d}.txt" in page.text for at in range(30)) and "10 more" in page.text
    assert page.tags["details"] == 1 and page.tags["section"] == 3
    for severity in ("error", "warning", "note"):
        assert ("input", "id", f"show-{severity}") in page.attributes
        assert ("label", "for", f"show-{severity}") in page.attributes
        assert f"#show-{severity}:not(:checked) ~ main section.{severity}" in page.source
        assert page.source.index(f'id="show-{severity}"') < page.source.index("<main>")
    assert "1 error, 1 warning, 30 notes" in page.text


def test_shortcuts_are_drawn(tmp_path: Path) -> None:
    page = shown(audit(), tmp_path)
    assert "0.956 [0.930, 0.973]" in page.text and "not told" in page.text
    assert "fewer than 10 patients" in page.text and "Nothing was found." in page.text
    assert page.tags["svg"] == 1
    marks = [float(value) for tag, name, value in page.attributes if (tag, name) == ("circle", "cx")]
    assert marks == [pytest.approx(8 + 0.956 * 184, abs=0.1)]
    assert page.tags["svg"] == 1 and "Shortcuts" not in shown(audit(shortcuts={}), tmp_path).text


def test_long_lists_of_files_are_folded(tmp_path: Path) -> None:
    names = [f"n{at:04d}.png" for at in range(2000)]
    page = shown(audit(found("licence", names, "no licence stated")), tmp_path)
    assert "1,994 more" in page.text and page.tags["details"] == 1
    assert names[499] in page.text and names[500] not in page.text and "… and 1,500 more" in page.text


def test_pictures_are_compared_side_by_side(tmp_path: Path) -> None:
    entries = pictures(tmp_path, 6)
    names = [each.name for each in entries]
    entries[4].path.write_bytes(b"broken")
    page = shown(
        audit(
            found("label-contradiction", names[:2], "likeness 0.99"),
            found("near-duplicate", [names[2], names[4]], "likeness 0.97"),
            found("duplicate", ["gone.png", "lost.png"], "the same pixels"),
            found("shared-paper", names, "paper x"),
            entries=entries,
        ),
        tmp_path,
    )
    assert page.images == {"image/jpeg": 3}
    assert page.tags["figure"] == 4
    sizes = {value for tag, name, value in page.attributes if tag == "img" and name in ("width", "height")}
    assert sizes == {"160", "120"}
    assert all(name in page.text for name in (*names, "gone.png", "lost.png"))


def test_a_page_of_very_many_findings_stays_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    entries = pictures(tmp_path, 40)
    for each in entries:
        write_png(rng.integers(0, 255, (300, 300), np.uint8), each.path)
    pairs = [
        found("near-duplicate", [entries[at % 40].name, entries[at * 7 % 40].name], f"{at}")
        for at in range(5000)
    ]
    lost = [found("unlisted", [f"{'long' * 20}{at}.png"], "in no sheet") for at in range(100_000)]
    page = shown(audit(*pairs, *lost, entries=entries), tmp_path)
    assert (tmp_path / "audit.html").stat().st_size < 10_000_000
    assert page.images == {"image/jpeg": 300}
    assert "99,500 more" in page.text and "4,500 more" in page.text


def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    entries = tuple(replace(each, name=f"{HOSTILE}{each.name}") for each in pictures(tmp_path, 2))
    made = audit(
        found("label-contradiction", [each.name for each in entries], HOSTILE, fix=HOSTILE),
        found("sheet", [HOSTILE], HOSTILE),
        found("sheet", [HOSTILE] * 30, "</style></main>", fix="'\"><b>"),
        entries=entries,
        shortcuts={HOSTILE: {"auc": None, "why": HOSTILE}},
    )
    made = replace(made, subject=replace(made.subject, path=Path("/nowhere") / HOSTILE.replace("/", "")))
    page = shown(made, tmp_path)
    hostile_free(page)
    assert page.images == {"image/jpeg": 2} and "</style></main>" in page.text and "b" not in page.tags


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"audit\.html: it cannot be written: No such file"):
        report.write_html(audit(), tmp_path / "none" / "audit.html")
