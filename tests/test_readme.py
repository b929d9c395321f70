"""What the README shows works as it stands, and what it lists is what there is."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

from cellblock import ExecLimits, Guards, History, PromptSettings, RunLimits
from cellblock.cli.entry import app
from cellblock.engine.effects import Ending
from cellblock.engine.router import PROFILES
from cellblock.engine.snapshots import SnapshotPolicy
from cellblock.engine.vocabulary import CALLS
from cellblock.host.vfs import VfsLimits
from cellblock.models import PROVIDERS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SAID = re.compile(r"^\s*print\(.*\)  # (.*)$", re.MULTILINE)
"""A print with what it prints."""
REAL_MODEL = re.compile(r'"(?:gpt|claude)-[\w.-]+"')
"""Stands for the simulated model in these tests; a name that this does not fit needs a key, and fails."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the programs find where they run."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "a.txt").write_text("This agreement renews automatically every year.")
    policies = re.search(r"```json\n(.*?)```", README, re.DOTALL)
    assert policies
    (tmp_path / "careful.json").write_text(policies[1])
    return tmp_path


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_runs_and_prints_what_it_says(number: int, folder: Path) -> None:
    program = PROGRAMS[number]
    keyless = REAL_MODEL.sub('"simulated"', program)
    done = subprocess.run(
        [sys.executable, "-c", keyless], capture_output=True, text=True, encoding="utf-8", timeout=60, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) >= program.count("print(")
    if said := SAID.findall(program):
        assert done.stdout.splitlines() == said


def test_programs_are_found_and_some_say_what_they_print() -> None:
    assert len(PROGRAMS) == README.count("```python") >= 10
    assert sum(bool(SAID.search(program)) for program in PROGRAMS) >= 3


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("cellblock ")]


@pytest.mark.parametrize("line", commands())
def test_a_command_and_its_options_are_known(line: str) -> None:
    _, *words = shlex.split(line, comments=True)
    command: Any = typer.main.get_command(app)
    assert words[0] in command.commands
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    known = {option for param in command.params for option in param.opts}
    assert {word for word in words if word.startswith("-")} <= known


def test_every_example_is_named() -> None:
    named = README.partition("in under 40 lines")[2].partition("##")[0]
    assert set(re.findall(r"`(\w+)`", named)) == {path.stem for path in (ROOT / "examples").glob("*.py")}


@pytest.mark.parametrize("limits", [RunLimits(), ExecLimits()], ids=["run", "cell"])
def test_every_limit_is_listed_with_its_default(limits: RunLimits | ExecLimits) -> None:
    heading = "| limit of a run |" if isinstance(limits, RunLimits) else "| limit of a cell |"
    listed = {name: row[1] for row in rows(heading) for name in re.findall(r"`(\w+)`", row[0])}
    assert listed == {field.name: shown(getattr(limits, field.name)) for field in fields(limits)}


@pytest.mark.parametrize("limits", [SnapshotPolicy(), VfsLimits()], ids=lambda limits: type(limits).__name__)
def test_every_quota_is_listed_with_its_default(limits: SnapshotPolicy | VfsLimits) -> None:
    listed = {name: row[1] for row in rows(f"| `{type(limits).__name__}` |") for name in re.findall(r"`(\w+)`", row[0])}
    assert listed == {field.name: shown(getattr(limits, field.name)) for field in fields(limits)}


@pytest.mark.parametrize("settings", [Guards, PromptSettings, History], ids=lambda kind: kind.__name__)
def test_every_setting_is_named(settings: type) -> None:
    assert {field.name for field in fields(settings)} <= set(re.findall(r"`(\w+)`", README))


def test_every_provider_is_listed_with_its_key() -> None:
    listed = {name: row for row in rows("| provider |") for name in re.findall(r"`([\w-]+)`", row[0])}
    assert set(PROVIDERS) <= set(listed)
    for name, provider in PROVIDERS.items():
        assert set(provider.key_variables) <= set(re.findall(r"`(\w+)`", listed[name][1])), name
    with_responses = README.partition("The Responses API of ")[2].partition(" is asked")[0]
    assert set(re.findall(r"`(\w+)`", with_responses)) == {
        name for name, one in PROVIDERS.items() if {"chat", "responses"} <= set(one.apis)
    }


def test_every_call_of_a_cell_every_ending_and_every_profile_is_named() -> None:
    words = set(re.findall(r"`(\w+)", README))
    assert set(CALLS) <= words
    assert set(Ending.__args__) <= words  # type: ignore[attr-defined]
    assert set(PROFILES) <= words


def test_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links and all((ROOT / link).exists() for link in links)


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under `heading`, row by row."""
    table = README.partition(heading)[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def shown(value: float | None) -> str:
    return "none" if value is None else f"{value:,g}" if value < 10_000 else f"{value:,.0f}"
