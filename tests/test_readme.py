"""What the README shows works as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PROGRAMS = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "anyio.run" in block]


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_prints_what_it_says(number: int) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAMS[number]], capture_output=True, text=True, check=True, timeout=60)
    said = re.findall(r"print\(.*\)  # (.*)$", PROGRAMS[number], re.MULTILINE)
    assert said and done.stdout.splitlines() == said


def test_there_are_programs() -> None:
    assert PROGRAMS
