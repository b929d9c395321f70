"""Cells that pass odd things to files, checkpoints, forks and strategies: errors in the cell, nothing else, and nothing of it acts up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cellblock.cli.board import Board, describe
from cellblock.engine.branches import Branches
from cellblock.engine.calls.branching import Branching
from cellblock.engine.calls.files import Files
from cellblock.engine.tree import Run
from cellblock.events import AnyEvent, Branched, FileChanged, from_jsonl, to_jsonl
from cellblock.host.context import Context
from cellblock.host.vfs_paths import normal
from cellblock.repl.protocol import CellError

from .acts import CHECKPOINT, play, tried
from .doubles import Stage, cells

pytestmark = pytest.mark.anyio
ODD = (
    *("None", "True", "-1", "0", "1.5", "float('nan')", "float('inf')", "10 ** 400"),
    *("''", "'c1\\x00'", "'a' * 1000000", "'main'", "'[/bold]'", "'\\x1b[2J'", "'../a'", "'\\u202e'", "'C1'", "' a'"),
    *("b'c1'", "[]", "['c1']", "{}", "{'id': 'c1'}"),
)
CALLS = (
    "checkpoint.create({})",
    "checkpoint.restore({})",
    "checkpoint.list({})",
    "fork.create({}, 'z')",
    "fork.create('c1', {})",
    "fork.switch({})",
    "fork.list({})",
    "fork.run({}, '1')",
    "fork.run('a', {})",
    "fork.run_all({})",
    "fork.run_all({{'a': {}}})",
    "fork.score({}, 1)",
    "fork.score('a', {})",
    "strategy.commit({})",
    "strategy.status({})",
    "vfs.diff({})",
    "vfs.promote({}, '/plans/p')",
    "vfs.promote('a', {})",
    "vfs.read({})",
    "vfs.write({}, 'x')",
    "vfs.append('/x/y', {})",
    "vfs.delete({})",
)
RIGHT = {
    "checkpoint.create({})": "strings",
    "fork.create('c1', {})": {"'C1'"},
    "fork.switch({})": {"'main'"},
    "fork.run('a', {})": "strings",
    "fork.run_all({})": {"{}"},
    "fork.run_all({{'a': {}}})": "strings",
    "fork.score('a', {})": {"-1", "0", "1.5"},
    "vfs.write({}, 'x')": "paths",
    "vfs.append('/x/y', {})": "data",
}
"""What is not odd there."""
KINDS = (
    "TypeError",
    "ValueError",
    "LookupError",
    "RuntimeError",
    "FileNotFoundError",
    "IsADirectoryError",
    "NotADirectoryError",
    "OSError",
)


def is_right(call: str, value: str) -> bool:
    allowed = RIGHT.get(call, set())
    if isinstance(allowed, set):
        return value in allowed
    made = eval(value)
    if allowed == "strings":
        return isinstance(made, str)
    if allowed == "data":
        return isinstance(made, (str, bytes))
    try:
        return normal(made, 200) != "/"
    except (TypeError, ValueError):
        return False


@pytest.mark.parametrize("call", CALLS)
async def test_an_odd_argument_is_an_error_of_the_cell_and_nothing_else(call: str) -> None:
    # One cell, so that what one of them did is seen by the next: forks of odd names, a switched branch, a lost file.
    odd = [value for value in ODD if not (is_right(call, value) and "fork.run" in call)]
    notes = "got.append(one if isinstance(one, str) else None)\n"
    code = "got = []\n" + "".join(tried(call.format(value), "one") + notes for value in odd) + "FINAL(got)"
    played = await play("restricted", CHECKPOINT, "fork.create('c1', 'a')", code)
    for value, got in zip(odd, played.value, strict=True):
        kind, _, message = (got or "").partition(": ")
        if not is_right(call, value):
            assert kind in KINDS, (call, value, got)
            assert len(message) < 600 and "failed (" not in message, (call, value, got)


MARKUP = "[red]x[/bold][link=http://e.vil]\x1b]0;owned\x07\x9b2J\u202e\r\n</script><script>alert(1)</script>"


async def test_labels_rationales_and_paths_come_out_of_events_and_rows_inert() -> None:
    path = "/[red]x[/bold]</script>"
    played = await play(
        "restricted",
        f"label = {MARKUP!r}\nvfs.write({path[:-10]!r}, 'x')\ncheckpoint.create(label)",
        f"fork.create('c1', 'a')\nfork.run('a', 'raise ValueError(label)')\nstrategy.commit('a', {MARKUP!r})",
        "FINAL([checkpoint.list()[0]['label'], strategy.status()['committed'][0]['rationale']])",
    )
    assert played.value == [MARKUP, MARKUP]
    told: list[AnyEvent] = [*played.of(Branched), *played.of(FileChanged)]
    assert len(told) == 5
    for event in told:
        line = to_jsonl(event)
        assert not any(byte < 32 for byte in line[:-1])
        assert next(iter(from_jsonl(line))) == event
        row = describe(Board(), event)
        assert row is not None
        for text in (row.label, row.text):
            assert text.isprintable(), text
    json.loads(to_jsonl(told[0]))


async def test_a_rationale_has_a_bound_and_a_label_is_cut() -> None:
    code = tried("strategy.commit('a', 'x' * 10001)") + "checkpoint.create('y' * 100000)\nprint(got)"
    played = await play("restricted", CHECKPOINT, "fork.create('c1', 'a')\n" + code, "FINAL([len(c['label']) for c in checkpoint.list()])")
    assert played.outputs[1].startswith("ValueError: strategy.commit(): a rationale has at most 10000 characters")
    assert played.value == [4, 200]


async def test_a_fork_does_not_see_what_the_main_line_does_meanwhile_and_the_other_way_round(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT + "\nclass_level = {'deep': {'er': [1, 2]}}\nalias = class_level['deep']",
        "fork.create('c1', 'a')\nalias['er'].append('main')\nvfs.append('/plans/p', ' main')\n"
        "r = fork.run('a', \"alias['er'].append('fork')\\nvfs.append('/plans/p', ' fork')\\nprint(class_level, vfs.read('/plans/p'))\")",
        "FINAL([r['output'], class_level, vfs.read('/plans/p')])",
    )
    assert played.value == ["{'deep': {'er': [1, 2, 'fork']}} plan fork\n", {"deep": {"er": [1, 2, "main"]}}, "plan main"]


async def test_a_cell_that_replaces_these_names_harms_itself_alone(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT,
        "fork.create('c1', 'a')\nw = fork.run\nr = w('a', \"vfs = None\\nfork = 'mine'\\nx = 5\")",
        "FINAL([r['error'], fork.run('a', 'print(vfs, fork, x)')['output'], vfs.list()])",
    )
    assert played.value == [None, "None mine 5\n", ["/plans/p"]]


async def test_the_text_of_a_fork_s_error_is_bounded() -> None:
    played = await play(
        "restricted", CHECKPOINT, "fork.create('c1', 'a')\nr = fork.run('a', \"raise ValueError('x' * 1000000)\")\nFINAL(len(r['error']))"
    )
    assert played.value < 5_000


async def test_externals_take_what_a_lying_worker_sends() -> None:
    # The guest's own checks are behind the wall: a broken worker sends what it likes.
    stage = Stage(cells("1"))
    with Context.from_text("c") as context:
        run = Run(tree=stage.tree, run_id="r", budget=stage.budget, context=context)
        run.record.start({}, None)
        branches = Branches(run, lambda run, branches, place: object())  # type: ignore[arg-type, return-value]
        externals = {**Branching(run, branches).externals(), **Files(run, branches).externals(), **Files(run, branches).of_forks()}
        odd: list[Any] = [None, 5, -0.0, float("nan"), "x" * 5_000_000, b"\xff", [], {}, {"": None}, [[[]]], True, 10**400]
        calls: list[Any] = [
            pair
            for value in odd
            for pair in (((value,), {}), ((value, value), {}), ((), {"name": value}), ((), {"\x1b[/b]" * 50: value}), ((value,) * 9, {}))
        ]
        for external in externals.values():
            for args, kwargs in calls:
                try:
                    await external(*args, **kwargs)
                except CellError as error:
                    assert len(error.message) < 1_000, external
