"""The command as a user has it: a process of its own."""

import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "cellblock"]


def environment(home):
    """This one without anybody's keys and settings, with a data folder of the test's own."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_TOKEN")) and "CELLBLOCK" not in name}
    kept["CELLBLOCK_CACHE"] = os.environ["CELLBLOCK_CACHE"]  # not the user's, see tests/conftest.py
    return {**kept, "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "TERM": "xterm-256color"}


@pytest.fixture
def home(tmp_path):
    """An empty home."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def cellblock(home, tmp_path):
    """Runs the command to its end, in a folder of its own."""

    def call(*words, stdin="", env=None, **options):
        return subprocess.run(
            [*COMMAND, *map(str, words)],
            input=stdin,
            env={**environment(home), **(env or {})},
            cwd=tmp_path,
            timeout=60,
            capture_output=not options,
            text=True,
            **options,
        )

    return call


@pytest.fixture
def same_home(home, monkeypatch):
    """That home for this process, too: what it records is sealed by the secret that the command uses."""
    for name, value in environment(home).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CELLBLOCK_MODEL", raising=False)
    return home
