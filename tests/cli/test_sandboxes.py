"""`cellblock sandboxes` says what can run here, and why not what cannot."""

import io
import json

from rich.console import Console

from cellblock.cli.sandboxes import lines, table
from cellblock.repl.registry import SandboxInfo

GOOD = SandboxInfo(name="monty", version="1.4.0", available=True, layers={"seccomp": "on", "cgroup": "not delegated"})
BAD = SandboxInfo(name="other", version="?", available=False, why="no compiled\x1b[2J guest")


def test_the_plain_listing_names_each_layer_and_why_a_sandbox_is_not_usable():
    assert lines([GOOD, BAD]) == [
        "monty 1.4.0: usable",
        "  seccomp: on",
        "  cgroup: not delegated",
        r"other ?: not usable: no compiled\x1b[2J guest",
    ]


def test_the_table_says_the_same():
    screen = Console(file=io.StringIO(), width=120, markup=False)
    screen.print(table([GOOD, BAD]))
    for part in ("monty", "1.4.0", "usable", "seccomp", "not delegated", r"no compiled\x1b[2J guest"):
        assert part in screen.file.getvalue()


def test_every_sandbox_is_tried_for_real(cellblock):
    done = cellblock("sandboxes", "--json")
    listed = {info["name"]: info for info in json.loads(done.stdout)["sandboxes"]}
    assert done.returncode == 0 and done.stderr == ""
    assert listed["monty"]["available"] is True, listed["monty"]["why"]
    assert "on" in listed["monty"]["layers"].values()


def test_the_listing_of_a_pipe_has_no_table_and_no_colours(cellblock):
    done = cellblock("sandboxes", env={"FORCE_COLOR": "1"})
    assert done.stdout.startswith("monty ") and "\x1b" not in done.stdout
