"""Forks at once, under the run's limits, and forks that break: what becomes of the others and of the main line."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from cellblock import RLM, ExecLimits, Guards, Models, RunLimits, ScriptedModel
from cellblock.engine.branches import Branches
from cellblock.engine.snapshots import SnapshotPolicy
from cellblock.events import Branched, CellEnded
from cellblock.models.protocol import Message
from cellblock.store.journal import Journal

from .acts import CHECKPOINT, cell, play, tried
from .test_branches_model import cut_off

pytestmark = pytest.mark.anyio
SHORT = ExecLimits(wall_seconds=0.5, cpu_seconds=0.5)
TWO = "fork.create('c1', 'a')\nfork.create('c1', 'b')\n"


class Barrier:
    """A sub-model that answers nobody before so many ask."""

    def __init__(self, parties: int) -> None:
        self._parties, self._all, self.waiting = parties, anyio.Event(), 0

    async def __call__(self, prompt: str) -> str:
        self.waiting += 1
        if self.waiting == self._parties:
            self._all.set()
        with anyio.fail_after(20):
            await self._all.wait()
        return f"met {prompt}"


def processes() -> int:
    """Of this one and all below it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    mine, more = {os.getpid()}, True
    while more:
        found = {pid for pid, parent in parents.items() if parent in mine} - mine
        mine, more = mine | found, bool(found)
    return len(mine)


@asynccontextmanager
async def counted_processes() -> AsyncIterator[list[int]]:
    """The most processes at any time within the block, as its only item."""
    most = [0]

    async def watch() -> None:
        while True:
            most[0] = max(most[0], await anyio.to_thread.run_sync(processes))
            await anyio.sleep(0.02)

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        yield most
        group.cancel_scope.cancel()


async def test_fault_6_10_forks_run_in_parallel(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT,
        TWO + "r = fork.run_all({name: 'print(llm_query(\"' + name + '\"))' for name in ['a', 'b']})",
        "FINAL([r['a']['output'], r['b']['output']])",
        sub=Barrier(2),
    )
    assert played.value == ["met a\n", "met b\n"]


class Pairs:
    """A sub-model that answers two at a time, and knows how many asked at once."""

    def __init__(self) -> None:
        self.now, self.most, self._partner = 0, 0, anyio.Event()

    async def __call__(self, prompt: str) -> str:
        self.now += 1
        self.most = max(self.most, self.now)
        partner = self._partner
        if self.now == 2:
            self._partner = anyio.Event()
            partner.set()
        with anyio.fail_after(20):
            await partner.wait()
        self.now -= 1
        return "ok"


async def test_no_more_forks_run_at_once_than_may() -> None:
    sub, names = Pairs(), "['f' + str(n) for n in range(6)]"
    played = await play(
        "restricted",
        CHECKPOINT,
        f"for name in {names}:\n    fork.create('c1', name)\nr = fork.run_all({{name: 'llm_query(\"q\")' for name in {names}}})\n"
        "FINAL(list({v['value'] for v in r.values()}))",
        sub=sub,
        limits=RunLimits(parallel_children=2),
    )
    assert (played.value, sub.most) == (["'ok'"], 2)


async def test_a_fork_s_sub_calls_count_for_the_run(sandbox: str) -> None:
    played = await play(
        sandbox, CHECKPOINT, TWO + "r = fork.run_all({'a': 'llm_query(\"1\")', 'b': 'llm_query_batched([\"2\", \"3\"])'})\nFINAL(1)"
    )
    assert played.result.success
    assert played.result.usage.by_role["subcall"].calls == 3
    assert played.result.subcalls == 5, "three calls, and a cell in each of two forks"


async def test_sub_calls_in_forks_are_sub_calls_to_the_guards() -> None:
    played = await play(
        "restricted",
        CHECKPOINT,
        TWO + "fork.run('a', 'llm_query(\"1\")')\nFINAL('asked')",
        guards=Guards(require_subcall_before_final=True),
    )
    assert played.value == "asked"


async def test_child_runs_of_a_fork_are_child_runs_to_the_guards_before_and_after_its_commit() -> None:
    child = ScriptedModel(fallback="FINAL(7)", name="child")
    codes = [CHECKPOINT, "fork.create('c1', 'a')\nfork.run('a', 'y = rlm_query(\"q\")')\nstrategy.commit('a')", "z = 1", "FINAL(y)"]
    models = Models(root=ScriptedModel(list(map(cell, codes)), name="root"), children=[child])
    guards = Guards(depth_enforcement="strict", require_min_depth=1, require_min_recursive_calls=1)
    result = await RLM(models, sandbox="restricted", journal=":memory:", guards=guards).arun("q", "c")
    assert (result.value, result.steps) == ("7", 4), result.error


async def test_a_sub_call_limit_is_told_in_the_fork_and_ends_the_run_with_what_there_is() -> None:
    many = "n = 0\\nfor i in range(1000):\\n    llm_query(str(i))\\n    n += 1"
    played = await play(
        "restricted",
        CHECKPOINT,
        TWO + f"r = fork.run_all({{'a': \"{many}\", 'b': \"{many}\"}})\nprint([v['error'] for v in r.values()])",
        limits=RunLimits(subcalls=100),
    )
    assert (played.result.ending, played.result.subcalls) == ("budget", 100)
    assert "subcalls=100 exceeded" in played.outputs[1]
    assert played.result.usage.by_role["subcall"].calls in (97, 98), "and two cells in forks; one call may be refused when the other passes"


BREAKS: dict[str, tuple[str, str]] = {
    "wall_seconds": ("while True:\\n    pass", "wall_seconds"),
    "memory_bytes": ("big = []\\nwhile True:\\n    big.append('x' * 1000000 + str(len(big)))", ""),
    "host_calls": ("for i in range(2000):\\n    vfs.exists('/x')", "host_calls"),
}


@pytest.mark.parametrize("limit", BREAKS)
async def test_a_fork_that_passes_a_limit_leaves_the_others_and_the_main_line_whole(sandbox: str, limit: str) -> None:
    code, named = BREAKS[limit]
    played = await play(
        sandbox,
        CHECKPOINT,
        TWO + f"r = fork.run_all({{'a': \"x = 50\\n{code}\", 'b': \"x = 60\\nlog.append('b')\"}})",
        "FINAL([r['a']['error'], r['b']['error'], x, log, fork.run('b', 'print(x, log)')['output'], fork.run('a', 'len(log)')['value']])",
        exec_limits=ExecLimits(wall_seconds=3, cpu_seconds=1.5, memory_bytes=64 * 2**20),
    )
    error, other, x, log, after, alive = played.value
    assert error is not None and (named in error or "cpu_seconds" in error), error
    assert (other, x, log, after, alive) == (None, 1, ["start"], "60 ['start', 'b']\n", "1")


@pytest.mark.parametrize("journal", [":memory:", "j.db"])
@pytest.mark.parametrize("use", ["commit", "restore", "fork"])
async def test_a_place_behind_a_cell_that_ran_out_of_time_can_be_gone_to(sandbox: str, journal: str, use: str, tmp_path: Path) -> None:
    # Where the limit is soft the variables are kept, at a place that no cell that runs again would come to.
    stopped = "y = 2\nwhile True:\n    pass"
    first = [CHECKPOINT] if use == "commit" else ["x = 1", stopped, "checkpoint.create()"]
    then = {
        "commit": ["fork.create('c1', 'a')\nr = fork.run('a', \"y = 2\\nwhile True:\\n    pass\")", "strategy.commit('a')"],
        "restore": ["x = 5", "checkpoint.restore('c1')"],
        "fork": ["fork.create('c1', 'a')\nfork.run('a', 'z = 3')\nstrategy.commit('a')"],
    }[use]
    played = await play(
        sandbox,
        *first,
        *then,
        tried("y") + "FINAL([x, got])",
        exec_limits=SHORT,
        journal=journal if journal == ":memory:" else tmp_path / journal,
    )
    kept = 2 if sandbox != "monty" else "NameError: name 'y' is not defined"
    assert played.value == [1, kept]


async def test_a_state_behind_such_a_cell_that_is_too_large_is_told_and_the_run_goes_on() -> None:
    played = await play(
        "restricted",
        "x = 'ab' * 1000000\nwhile True:\n    pass",
        "checkpoint.create()",
        tried("fork.create('c1', 'a')") + "FINAL(got)",
        exec_limits=SHORT,
        snapshots=SnapshotPolicy(max_bytes=10_000),
    )
    assert played.value.startswith("RuntimeError: checkpoint 'c1' stands after a cell that a limit stopped")


# -- what a rolled-back cell did


async def test_a_rolled_back_cell_s_files_stay_and_what_it_asked_for_its_end_is_not_done(sandbox: str) -> None:
    # Its calls were paid for: what it noted of them is all that is left.
    endless = "sum(range(10**11))"
    played = await play(
        sandbox,
        CHECKPOINT,
        "fork.create('c1', 'a')\nx = 2\nvfs.append('/evidence/e', llm_query('paid'))\ncheckpoint.create('lost')\nfork.switch('a')\n"
        + endless,
        "FINAL([x, vfs.read('/evidence/e'), checkpoint.list(), strategy.status()['current'], fork.list()[0]['name']])",
        exec_limits=SHORT,
    )
    assert played.value == [1, "sub: paid", [{"id": "c1", "label": "base", "step": 1}], "main", "a"]
    assert "files are as it left them." in played.root.calls[2].messages[-1].content


# -- storms


async def test_checkpoints_and_forks_in_a_loop_end_at_their_limits() -> None:
    async with counted_processes() as most:
        before = processes()
        played = await play(
            "restricted",
            "ids = []\ntry:\n    while True:\n        ids.append(checkpoint.create())\nexcept RuntimeError as e:\n    first = str(e)",
            "made = []\ntry:\n    while True:\n        fork.create('c1', 'f' + str(len(made)))\n        made.append(1)\n"
            "except RuntimeError as e:\n    second = str(e)",
            "FINAL([len(ids), first, len(made), second])",
            limits=RunLimits(forks=5, checkpoints=7),
        )
    assert played.value == [
        7,
        "checkpoint.create(): all 7 checkpoints are taken; go on with those",
        5,
        "fork.create(): all 5 forks are there; commit one, which drops the others",
    ]
    assert most[0] <= before + 8, "a fork that runs nothing has no process"


async def test_ten_thousand_names_are_one_clear_error() -> None:
    code = "r = {'n' + str(n): '1' for n in range(10000)}\n" + tried("fork.run_all(r)") + "FINAL(got)"
    assert (await play("restricted", CHECKPOINT, code)).value == "LookupError: no fork 'n0'; there are: none"


async def test_forks_made_run_and_dropped_over_and_over_leave_no_process_behind() -> None:
    rounds = 6
    cells = []
    for n in range(rounds):
        cells += [f"checkpoint.create()\nn = {n}", f"for k in range(4):\n    fork.create('c{n + 1}', 'f' + str(k))\n"
                  "fork.run_all({'f' + str(k): 'n += 1' for k in range(4)})\nstrategy.commit('f0')"]  # fmt: skip
    await play("restricted", "FINAL(1)")
    before = processes()
    async with counted_processes() as most:
        played = await play("restricted", *cells, "FINAL(n)", limits=RunLimits(forks=4))
    assert played.value == rounds
    assert most[0] <= before + 4 + 1 + 6, "its forks, its main line, and what the zygote keeps ready"
    with anyio.fail_after(20):
        while processes() > before + 4:
            await anyio.sleep(0.05)


async def test_checkpoints_hold_only_so_many_bytes_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Branches] = []
    real = Branches.__post_init__
    monkeypatch.setattr(Branches, "__post_init__", lambda self: (made.append(self), real(self))[1])
    grow = [
        f"for k in range(4):\n    vfs.write('/plans/p' + str(k), str({n}) * 4000000)\n" + tried("checkpoint.create()") + "print(got)"
        for n in range(10)
    ]
    played = await play("restricted", *grow, "FINAL(1)", limits=RunLimits(steps=30))
    assert played.outputs[7] == "c8\n"
    assert played.outputs[9].startswith(
        "RuntimeError: checkpoint.create(): the checkpoints hold 144,000,000 bytes of files; at most 134,217,728"
    )
    assert made[0]._held_bytes() <= 9 * 16_000_000


async def test_a_fork_s_cells_are_told_of_in_the_order_in_which_they_end(sandbox: str) -> None:
    played = await play(sandbox, CHECKPOINT, TWO + "r = fork.run_all({'a': 'x', 'b': 'x'})\nFINAL(list(r))")
    assert played.value == ["a", "b"]
    assert sorted((event.act, event.name) for event in played.of(Branched)[-2:]) == [("fork.run", "a"), ("fork.run", "b")]


async def test_forks_of_all_runs_together_have_only_so_many_processes() -> None:
    # Four children with five forks each: twenty forks, of which two run and two more keep their workers.
    names = "['f' + str(n) for n in range(5)]"
    forks = (
        f"for name in {names}:\n    fork.create('c1', name)\nfor k in range(3):\n    fork.run_all({{name: 'n += 1' for name in {names}}})\n"
    )
    child = ["checkpoint.create()\nn = 0", forks + "FINAL([fork.run(name, 'n')['value'] for name in " + names + "])"]
    model = ScriptedModel(fallback=lambda messages: cell(child[sum(message.role == "assistant" for message in messages)]), name="child")
    root = ScriptedModel([cell("FINAL(rlm_query_batched(['q' + str(k) for k in range(4)]))")], name="root")
    limits = RunLimits(parallel_children=2)
    await play("restricted", "FINAL(1)")
    before = processes()
    async with counted_processes() as most:
        result = await RLM(Models(root=root, children=[model]), sandbox="restricted", journal=":memory:", limits=limits).arun("q", "c")
    assert result.value == [["3"] * 5] * 4
    assert most[0] <= before + 1 + 2 + 2 + 2 + 4, "the root, children, forks that run, forks that wait, and what the zygote keeps ready"


async def test_forks_of_a_child_run_in_a_fork_have_places_of_their_own() -> None:
    child = ["checkpoint.create()", "fork.create('c1', 'inner')\nFINAL(fork.run('inner', '7')['value'])"]
    model = ScriptedModel(fallback=lambda messages: cell(child[sum(message.role == "assistant" for message in messages)]), name="child")
    code = "fork.create('c1', 'a')\nFINAL(fork.run('a', \"print(rlm_query('q'))\")['output'])"
    root = ScriptedModel([cell(CHECKPOINT), cell(code)], name="root")
    limits = RunLimits(parallel_children=1, wall_seconds=30)
    result = await RLM(Models(root=root, children=[model]), sandbox="restricted", journal=":memory:", limits=limits).arun("q", "c")
    assert result.value == "7\n"


# -- ends of all kinds while forks run


LIES = "import worker\ndef lie(self, *a):\n    self.wire.send({'t': 'system'})\nworker.Worker._finish = lie"


async def test_a_fork_whose_worker_lies_leaves_the_others_and_the_main_line_whole(naked: str, tmp_path: Path) -> None:
    cells = [
        "x = 1\ncheckpoint.create('base')",
        f"fork.create('c1', 'a')\nfork.create('c1', 'b')\nr = fork.run_all({{'a': {LIES!r}, 'b': 'x = 2\\nx'}})\n"
        "print(r['a']['error'], r['b']['value'], x)",
        "print(fork.run('b', 'x')['value'], fork.run('a', 'x')['value'], x)",
    ]
    played = await play(naked, replies=[*map(cell, cells), "FINAL: over"], journal=tmp_path / "j.db")
    assert played.outputs == ["", "SandboxBroken: the call failed 2 1\n", "2 1 1\n"], played.errors
    told = [event.error for event in played.of(Branched) if event.act == "fork.run"]
    assert sorted(filter(None, told)) == ["SandboxBroken: the call failed"]
    assert without_outcome(tmp_path / "j.db") == []
    assert (await played.rlm.recorded(played.result.run_id).areplay()).same
    cut_off(tmp_path / "j.db", played.result.run_id, 0.95)
    resumed = await played.rlm.aresume(played.result.run_id)
    assert [event.stdout for event in resumed.trace if isinstance(event, CellEnded)] == played.outputs


async def test_a_run_whose_time_is_up_in_a_fork_ends_with_what_there_is(tmp_path: Path) -> None:
    code = "print('before')\nfork.create('c1', 'a')\nfork.run('a', 'while True: pass')\nprint('after')"
    started = time.monotonic()
    played = await play("restricted", CHECKPOINT, code, limits=RunLimits(wall_seconds=3), journal=tmp_path / "j.db")
    assert (played.result.ending, played.result.success) == ("budget", False)
    assert "before" in played.result.answer
    assert time.monotonic() - started < 15
    assert without_outcome(tmp_path / "j.db") == []


async def test_a_fork_that_waits_for_a_model_when_the_time_is_up_is_on_record(tmp_path: Path) -> None:
    code = "print('before')\nfork.create('c1', 'a')\nfork.run('a', 'llm_query(\"slow\")')\nprint('after')"
    played = await play("restricted", CHECKPOINT, code, sub=Barrier(2), limits=RunLimits(wall_seconds=2), journal=tmp_path / "j.db")
    assert (played.result.ending, played.result.success) == ("budget", False)
    assert without_outcome(tmp_path / "j.db") == []


def without_outcome(journal: Path) -> list[Any]:
    """Effects of any run that have begun and not ended."""
    with Journal(journal) as opened:
        return [row for run in opened.runs() for row in opened.effects(run.run_id) if row.ended is None]


async def test_a_run_that_is_cancelled_while_forks_run_leaves_no_process_and_can_go_on(tmp_path: Path) -> None:
    asked, go_on = anyio.Event(), anyio.Event()

    async def sub(prompt: str) -> str:
        asked.set()
        await go_on.wait()
        return f"sub: {prompt}"

    code = TWO + "r = fork.run_all({'a': 'x = 7\\ny = llm_query(\"1\")', 'b': 'x'})\nstrategy.commit('a')"
    root = ScriptedModel(fallback=by_place(CHECKPOINT, code, "FINAL([x, y])"), name="root")
    rlm, runs = RLM(root, sub_model=sub, sandbox="restricted", journal=tmp_path / "j.db"), list[str]()
    await play("restricted", "FINAL(1)")
    before = processes()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: rlm.arun("q", "c", on_event=lambda event: runs.append(event.run_id)))
        await asked.wait()
        group.cancel_scope.cancel()
    with anyio.fail_after(20):
        while processes() > before + 4:
            await anyio.sleep(0.05)
    go_on.set()
    assert (await rlm.aresume(runs[0])).value == [7, "sub: 1"]


def by_place(*cells: str) -> Callable[[Sequence[Message]], str]:
    """Replies by their place in the conversation."""
    return lambda messages: cell(cells[sum(message.role == "assistant" for message in messages)])
