"""Each fuzz target for a few examples, always the same ones. `fuzz/run.py --minutes 60` looks longer."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import guided
import pytest
from finds import Find
from ground import Ground
from slices import slice_of
from targets import TARGETS, Target

FUZZ = Path(guided.__file__).parent
PURE = [name for name, target in TARGETS.items() if target.run is not None and not target.sandboxed]
SANDBOXED = [name for name, target in TARGETS.items() if target.sandboxed]


def finds_of(name: str, sandbox: str, folder: Path) -> list[str]:
    target = TARGETS[name]
    report = slice_of(target, sandbox, seed=0, seconds=60, examples=target.short, note=None, folder=folder)
    assert report.examples >= target.short or report.finds
    return report.told


@pytest.mark.parametrize("name", PURE)
def test_nothing_is_found_in_what_the_host_reads(name: str, tmp_path: Path) -> None:
    assert finds_of(name, "", tmp_path) == []


@pytest.mark.parametrize("name", SANDBOXED)
def test_nothing_is_found_in_sessions(name: str, sandbox: str, tmp_path: Path) -> None:
    assert finds_of(name, sandbox, tmp_path) == []


@pytest.mark.parametrize("name", ["decoder", "parser"])
def test_nothing_is_found_where_coverage_begins(name: str) -> None:
    with Ground() as ground:
        check = guided.check(name, ground)
        for data in guided.seeds(name, 0):
            check(data)


@pytest.mark.skipif(not guided.is_here(), reason="atheris is not installed")
@pytest.mark.parametrize("name", ["decoder", "parser"])
def test_coverage_guides(name: str, tmp_path: Path) -> None:
    found = guided.run(name, seed=0, seconds=20, executions=500, corpus=tmp_path)
    assert (found.problem, found.executions) == ("", 500)
    assert found.features > 50


BROKEN = {
    "a decoder that knows no error": """
        from cellblock.repl import wire
        decode = wire.Wire.decode
        def broken(self, data):
            if data[:1] == b"\\x82":
                raise KeyError("t")
            return decode(self, data)
        wire.Wire.decode = broken
    """,
    "a decoder that takes its time": """
        import time
        from cellblock.repl import wire
        decode = wire.Wire.decode
        def broken(self, data):
            ends = time.thread_time() + (0.2 if len(data) > 20 else 0)
            while time.thread_time() < ends:
                pass
            return decode(self, data)
        wire.Wire.decode = broken
    """,
    "a decoder that ends the process": """
        import os
        from cellblock.repl import wire
        decode = wire.Wire.decode
        def broken(self, data):
            if len(data) > 30:
                os.kill(os.getpid(), 11)
            return decode(self, data)
        wire.Wire.decode = broken
    """,
}
ONLY_IN_SLICES = "import sys\nif any(argument.endswith('slices.py') for argument in sys.orig_argv):\n    import the_bug\n"


@pytest.mark.parametrize(("bug", "says"), [(0, "KeyError"), (1, "processor time"), (2, "process died")])
def test_a_bug_put_in_on_purpose_is_found(bug: int, says: str, tmp_path: Path) -> None:
    # Python runs this module, if there is one, before anything else; the slices are processes of their own.
    (tmp_path / "sitecustomize.py").write_text(ONLY_IN_SLICES)
    (tmp_path / "the_bug.py").write_text(textwrap.dedent(list(BROKEN.values())[bug]))
    command = [sys.executable, str(FUZZ / "run.py"), "--short", "--only", "frames", "--jobs", "1", "--finds", str(tmp_path / "finds")]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path), "PATH": ""}, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    (path,) = (tmp_path / "finds").iterdir()
    find = tomllib.loads(path.read_text("utf-8"))
    assert says in find["problem"] and says in done.stdout
    assert find["again"].startswith(".venv/bin/python fuzz/run.py --only frames --seed ") and find["again"] in done.stdout
    assert find["class"] == "I" and (find.get("hex") or bug == 2)


def test_a_find_of_any_kind_can_be_written_and_read(tmp_path: Path) -> None:
    for example in (b"\x00\xff", ["x = '\ud800'", "y\x7f\x85\u2028\"'\\"], "\0\x1b"):
        find = Find(target="cells", attack_class="A", sandbox="wasi", seed=7, problem="it's \x9b", example=example)
        read = tomllib.loads(find.write(tmp_path).read_text("utf-8"))
        assert read["id"] == find.name and read["problem"] == "it's \x9b"
        assert {"hex", "source", "text"} & set(read)


def test_a_find_is_made_smaller() -> None:
    def test(data: bytes) -> None:
        if b"\x07" in data and b"\x09" in data:
            raise KeyError

    assert guided.smaller(test, bytes(range(64)) * 3) == b"\x07\x09"


def test_help_teaches() -> None:
    done = subprocess.run([sys.executable, str(FUZZ / "run.py"), "--help"], capture_output=True, text=True, check=True)
    assert all(
        isinstance(target, Target) and target.name in done.stdout and target.about[:20] in done.stdout for target in TARGETS.values()
    )
