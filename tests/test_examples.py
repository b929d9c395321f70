"""Every example runs as it stands, and says what its reader would expect."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
EXPECTED = {
    "first_steps.py": "1429\n",
    "folder_of_files.py": "7, 33",
    "streaming.py": "103.25",
    "sandbox_only.py": "1.25\nExecError(kind='PermissionError'",
}


def test_every_example_is_expected() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_example_is_short_and_runs(name: str) -> None:
    path = EXAMPLES / name
    assert len(path.read_text().splitlines()) <= 40
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert EXPECTED[name] in done.stdout
