"""The pytest plugin as somebody's project uses it: pytest itself, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "isolation"
TESTS = Path(__file__).parents[1]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:anyio", *words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(folder)])}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110)


def test_the_example_passes() -> None:
    done = run(EXAMPLE)
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout


def test_the_corpus_is_tried_on_the_examples_tools() -> None:
    done = run(
        EXAMPLE, "--cellblock-audit", "--cellblock-system", "shop:system", "--cellblock-only", "B/class", "-k", "note or price", "-rN"
    )
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.splitlines()[-1].split()[0]) >= 2


def test_an_attempt_that_gets_through_is_a_failed_test_that_tells_why(tmp_path: Path) -> None:
    (tmp_path / "corpus" / "A").mkdir(parents=True)
    text = 'class = "A"\ntechnique = "t/mine"\nabout = "Files are read by name."\nsource = ["@FILE@"]\n[expectation]\n'
    (tmp_path / "corpus" / "A" / "mine.toml").write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\ncellblock_systems = audit.careless:reads monty\n")
    done = run(tmp_path, "--cellblock-audit", "--cellblock-corpus", "corpus")
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "Files are read by name." in done.stdout
    assert "escaped: the secret file in a text (value) of session A" in done.stdout
    assert "runner.py" not in done.stdout


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("canaries.check(sandbox(f=lambda name: open(name).read()).exec(f'f({canaries.file!r})'))", "the secret file came out"),
        ("canaries.check(__import__('os').environ[canaries.variable])", "the secret variable came out"),
        ("open(canaries.touch, 'w').close()", "a file that must not appear"),
        ("canaries.check(sandbox(f=lambda name: 'nothing').exec('f(1)'))", "1 passed"),
    ],
)
def test_the_canaries_fail_the_test_in_which_they_are_reached(tmp_path: Path, body: str, outcome: str) -> None:
    (tmp_path / "test_one.py").write_text(f"def test_one(canaries, sandbox):\n    {body}\n")
    assert outcome in run(tmp_path).stdout


def test_a_wrong_system_is_one_clear_line(tmp_path: Path) -> None:
    done = run(tmp_path, "--cellblock-audit", "--cellblock-system", "docker")
    assert done.returncode == 4
    assert "nothing named 'docker' can be attacked" in done.stderr + done.stdout
