"""Every command and option is explained in the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer.main

from covidct_curate.audit.finding import KINDS
from covidct_curate.cli import app
from covidct_model.cli import app as models

ROOT = Path(__file__).parents[1]


def commands(group: Any, before: str = "") -> dict[str, Any]:
    """By full name: ``curate extract``, ``curate sheet export``."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        found |= (
            commands(command, f"{before}{name} ")
            if hasattr(command, "commands")
            else {before + name: command}
        )
    return found


COMMANDS = {
    **commands(typer.main.get_command(app), "curate "),
    **commands(typer.main.get_command(models), "covidct "),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_documented(name: str) -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert f"## {name}" in text
    section = text.split(f"## {name}")[1].split("\n## ")[0] + text.split("\n## ")[0]
    for parameter in COMMANDS[name].params:
        if parameter.param_type_name == "option":
            assert any(f"`{option}" in section for option in parameter.opts), parameter.opts


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example(name: str) -> None:
    assert f"Example: {name}" in (COMMANDS[name].epilog or "")


def test_architecture_names_every_module() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    packages = ("covidct_curate", "covidct_model")
    modules = [p for each in packages for p in (ROOT / each).rglob("*.py") if not p.stem.startswith("__")]
    missing = [p.name for p in modules if p.parent.name != "catalog" and p.stem not in text]
    assert not missing


@pytest.mark.parametrize("kind", KINDS)
def test_kind_of_finding_is_documented(kind: str) -> None:
    text = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    assert f"| `{kind}` | {KINDS[kind].severity} | {KINDS[kind].meaning} {KINDS[kind].fix} |" in text
