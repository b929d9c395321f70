"""The shape of the project: what its top holds, how long its files and functions are, what it exports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cellblock

ROOT = Path(__file__).parents[1]
CASES = ROOT / "sandboxes" / "cases"
"""Cells as models write them: data."""
SOURCES = sorted(path for tree in ("src", "sandboxes") for path in (ROOT / tree).rglob("*.py") if not path.is_relative_to(CASES))


def test_the_top_level_holds_what_it_should() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    top = {line.split("/")[0] for line in listed if line and not line.startswith(".")}
    files = {"pyproject.toml", "README.md", "SECURITY.md", "LICENSE", "uv.lock"}
    assert top == files | {"src", "sandboxes", "tests", "fuzz", "examples"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert not [node.name for node in functions if (node.end_lineno or 0) - node.lineno + 1 > 60]


def test_public_names_are_sorted_few_documented_and_there() -> None:
    names = cellblock.__all__
    assert names == sorted(names)
    assert len(names) <= 25
    assert not [name for name in names if not getattr(cellblock, name).__doc__]


def test_the_two_trees_do_not_import_each_other() -> None:
    guest_modules = {path.stem for path in SOURCES if path.is_relative_to(ROOT / "sandboxes")}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            heads = {name.split(".")[0] for name in names}
            assert not heads & ({"cellblock"} if path.is_relative_to(ROOT / "sandboxes") else guest_modules), path


def test_importing_the_package_is_cheap() -> None:
    clock = "import sys, time, asyncio; t = time.process_time()"
    code = f"{clock}; import cellblock; print(time.process_time() - t, 'openai' in sys.modules)"
    seconds, heavy = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert float(seconds) < 0.15
    assert heavy == "False"


def test_the_lock_file_names_public_indexes_only() -> None:
    hosts = {line.split('"')[1].split("/")[2] for line in (ROOT / "uv.lock").read_text().splitlines() if 'registry = "http' in line}
    assert hosts == {"pypi.org"}
