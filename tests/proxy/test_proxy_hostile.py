from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hostile_sources
import pytest
from hostile_sources import SOURCES

SECONDS = 2.0
SANDBOXES = str(Path(__file__).resolve().parents[2] / "sandboxes")


@pytest.mark.parametrize("name", SOURCES)
def test_a_hostile_source_is_dealt_with_in_time(name: str) -> None:
    command = [sys.executable, hostile_sources.__file__, name, SANDBOXES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if float(line.split()[0]) > SECONDS] == []
