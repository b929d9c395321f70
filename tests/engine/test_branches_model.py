"""Files, checkpoints, forks and strategies against plain dicts: in one run, in a run that is cut off anywhere and goes on, in a replay."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import anyio
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from cellblock import RLM, RunLimits, RunResult, ScriptedModel
from cellblock.engine.snapshots import SnapshotPolicy
from cellblock.models.protocol import Message

from .acts import cell
from .branch_world import BEGIN, END, Act, World, cell_of

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.sampled_from(["/p", "/plans/q", "/plans/r"])
DATA = st.sampled_from(["", "x", "yy", "zwei €"])
IDS = st.sampled_from(["c1", "c2", "c3", "c9"])
SIMPLE = st.one_of(
    st.tuples(st.just("set"), st.integers(0, 9)),
    st.tuples(st.just("push"), st.integers(0, 9)),
    st.tuples(st.sampled_from(["write", "append"]), PATHS, DATA),
    st.tuples(st.just("delete"), PATHS),
    st.tuples(st.just("ask"), st.sampled_from(["q1", "q2"])),
)
IN_A_FORK = st.lists(st.one_of(SIMPLE.filter(lambda act: act[0] != "delete"), st.just(("fail",))), max_size=4)


class Program(RuleBasedStateMachine):
    """Collects the cells of one run, then runs them, cuts the record off, goes on, and replays. Each rule is one cell or a part of one."""

    sandbox: ClassVar[str] = "restricted"

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[list[Act]] = []
        self.cut = 0.5
        self.snapshots = SnapshotPolicy()

    @initialize(cut=st.floats(0, 1), every=st.sampled_from([None, 1, 2]))
    def begin(self, cut: float, every: int | None) -> None:
        self.cut, self.snapshots = cut, SnapshotPolicy(every=every)
        self.cells.append([("set", 1), ("checkpoint", "first")])

    def _add(self, act: Act, new: bool) -> None:
        if new or not self.cells:
            self.cells.append([])
        self.cells[-1].append(act)

    @rule(act=SIMPLE, new=st.booleans())
    def simple(self, act: Act, new: bool) -> None:
        self._add(act, new)

    @rule(new=st.booleans())
    def checkpoint(self, new: bool) -> None:
        self._add(("checkpoint", "label"), new)

    @rule(id=IDS, new=st.booleans())
    def restore(self, id: str, new: bool) -> None:
        self._add(("restore", id), new)

    @rule(id=IDS, name=NAMES, new=st.booleans())
    def create(self, id: str, name: str, new: bool) -> None:
        self._add(("create", id, name), new)

    @rule(cells=st.dictionaries(NAMES, IN_A_FORK, min_size=1), new=st.booleans())
    def run(self, cells: dict[str, list[Act]], new: bool) -> None:
        self._add(("run", cells), new)

    @rule(name=st.one_of(NAMES, st.just("main")), new=st.booleans())
    def switch(self, name: str, new: bool) -> None:
        self._add(("switch", name), new)

    @rule(name=NAMES, score=st.integers(-3, 3), new=st.booleans())
    def score(self, name: str, score: int, new: bool) -> None:
        self._add(("score", name, score), new)

    @rule(name=NAMES, path=PATHS, new=st.booleans())
    def promote(self, name: str, path: str, new: bool) -> None:
        self._add(("promote", name, path), new)

    @rule(name=NAMES, new=st.booleans())
    def diff(self, name: str, new: bool) -> None:
        self._add(("diff", name), new)

    @rule(name=NAMES, new=st.booleans())
    def commit(self, name: str, new: bool) -> None:
        self._add(("commit", name, "why"), new)

    def teardown(self) -> None:
        if self.cells:
            anyio.run(check, self.sandbox, self.cells, self.cut, self.snapshots)


async def check(sandbox: str, cells: Sequence[Sequence[Act]], cut: float, snapshots: SnapshotPolicy) -> None:
    """The run does what the model says, goes on as if nothing had been where it is cut off, and its replay is the same."""
    world = World()
    printed = [world.cell(acts) for acts in cells]
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "j.db"
        whole = await engine(sandbox, cells, journal, snapshots).arun("q", "c")
        assert outputs(whole)[1:-1] == printed
        assert whole.value == world.end(), whole.error
        assert whole.files == {path: data.encode() for path, data in world.here.files.items()}
        assert whole.subcalls == world.asked
        same = await engine(sandbox, cells, journal, snapshots).recorded(whole.run_id).areplay()
        assert same.same, same.difference
        cut_off(journal, whole.run_id, cut)
        again = engine(sandbox, cells, journal, snapshots)
        resumed = await again.aresume(whole.run_id)
        assert (resumed.value, resumed.files, resumed.subcalls) == (whole.value, whole.files, whole.subcalls), resumed.error
        assert resumed.usage.total == whole.usage.total
        same = await again.recorded(whole.run_id).areplay()
        assert same.same, same.difference


def engine(sandbox: str, cells: Sequence[Sequence[Act]], journal: Path, snapshots: SnapshotPolicy) -> RLM:
    codes = [BEGIN, *map(cell_of, cells), END]

    def reply(messages: Sequence[Message]) -> str:
        # By the place in the conversation: a run that goes on asks for what is not on record alone.
        return cell(codes[sum(message.role == "assistant" for message in messages)])

    root = ScriptedModel(fallback=reply, name="root")
    sub = ScriptedModel(fallback=lambda messages: f"sub: {messages[-1].content}", name="sub")
    limits = RunLimits(steps=len(codes) + 1, forks=16)
    return RLM(root, sub_model=sub, sandbox=sandbox, journal=journal, limits=limits, snapshots=snapshots)


def outputs(result: RunResult) -> list[str]:
    return [event.stdout for event in result.trace if type(event).__name__ == "CellEnded"]


def cut_off(journal: Path, run_id: str, share: float) -> None:
    """Leave of the whole tree what was on record when that share of it was written."""
    database = sqlite3.connect(journal)
    times: list[Any] = [row[0] for row in database.execute("SELECT started FROM effects UNION SELECT ended FROM outcomes ORDER BY 1")]
    last = times[min(len(times) - 1, int(share * len(times)))]
    database.execute("DELETE FROM outcomes WHERE ended > ?", (last,))
    database.execute("DELETE FROM effects WHERE started > ?", (last,))
    database.execute("DELETE FROM runs WHERE started > ? AND run_id <> ?", (last, run_id))
    database.execute("UPDATE runs SET status = 'running', ended = NULL, result = NULL")
    database.commit()
    database.close()


class OnMonty(Program):
    sandbox = "monty"


class OnWasi(Program):
    sandbox = "wasi"


MORE = int(os.environ.get("CELLBLOCK_BRANCH_EXAMPLES", "0"))
"""Of each sandbox, at random; unset: a few that are always the same."""
FEW = settings(
    max_examples=MORE or 8,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not MORE,
    database=None,
)
TestBranches = Program.TestCase
TestBranches.settings = FEW
TestBranchesOnMonty = OnMonty.TestCase
TestBranchesOnMonty.settings = settings(FEW, max_examples=MORE or 2)
TestBranchesOnWasi = OnWasi.TestCase
TestBranchesOnWasi.settings = settings(FEW, max_examples=MORE or 2)
FOUND: dict[str, list[list[Act]]] = {
    "a fork that is made on a fork": [
        [("checkpoint", "")],
        [("create", "c1", "a"), ("switch", "a")],
        [("set", 3), ("checkpoint", "")],
        [("create", "c2", "b"), ("run", {"b": [("ask", "q1"), ("write", "/p", "x")]})],
        [("switch", "main")],
        [("commit", "b", "why")],
    ],
    "scores": [
        [("checkpoint", ""), ("ask", "q1")],
        [("create", "c1", "a"), ("score", "a", 2)],
        [("run", {"a": [("push", 5)]}), ("score", "a", -1)],
        [("create", "c1", "b"), ("score", "b", 1)],
    ],
    "forks that fail and ask": [
        [("checkpoint", ""), ("ask", "q1")],
        [
            ("create", "c1", "a"),
            ("create", "c1", "b"),
            ("run", {"a": [("ask", "q2"), ("fail",)], "b": [("append", "/p", "x"), ("ask", "q1")]}),
        ],
        [("run", {"a": [("push", 5)]}), ("promote", "b", "/p"), ("commit", "a", "why")],
        [("checkpoint", ""), ("restore", "c1")],
    ],
}


@pytest.mark.anyio
@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.55, 0.7, 0.85, 0.99])
@pytest.mark.parametrize("every", [None, 1])
@pytest.mark.parametrize("name", FOUND)
async def test_a_run_goes_on_from_each_place(name: str, every: int | None, share: float) -> None:
    await check("restricted", FOUND[name], share, SnapshotPolicy(every=every))
