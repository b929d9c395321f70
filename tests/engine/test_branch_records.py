"""Branches on record: child runs that had forks are counted when their parent goes on, and a run that is branched from has its forks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cellblock import RLM, Models, RunLimits, ScriptedModel
from cellblock.engine.snapshots import SnapshotPolicy
from cellblock.events import SessionOpened
from cellblock.models.protocol import Message

from .acts import CHECKPOINT, cell
from .test_branches_model import cut_off

pytestmark = pytest.mark.anyio
NESTED = [
    "x = 1\ncheckpoint.create()",
    "fork.create('c1', 'a')\nfork.run('a', \"y = llm_query('in a')\")\nfork.switch('a')",
    "x = 2\ncheckpoint.create()",
    "fork.create('c2', 'b')\nr = fork.run('b', \"z = llm_query_batched(['in b', 'b too'])\\nprint(x, y, z)\")",
    "fork.switch('main')",
    "FINAL([x, fork.run('b', 'print(x, y)')['output']])",
]
"""A fork that is made on a fork, and sub-calls in both."""


class Counting:
    """Writes the cells by their place in the conversation, and counts who asks."""

    def __init__(self, *cells: str, name: str) -> None:
        self.cells, self.name, self.calls = cells, name, 0

    def model(self) -> ScriptedModel:
        def reply(messages: Sequence[Message]) -> str:
            self.calls += 1
            return cell(self.cells[sum(message.role == "assistant" for message in messages)])

        return ScriptedModel(fallback=reply, name=self.name)


class Sub:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def model(self) -> ScriptedModel:
        def reply(messages: Sequence[Message]) -> str:
            self.asked.append(messages[-1].content)
            return f"sub: {messages[-1].content}"

        return ScriptedModel(fallback=reply, name="sub")


def engine(root: Counting, journal: Path, sub: Sub, child: Counting | None = None, **settings: Any) -> RLM:
    models = Models(root=root.model(), sub=sub.model(), children=[child.model()] if child else None)
    return RLM(models, sandbox="restricted", journal=journal, limits=RunLimits(depth=1), **settings)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8, 0.92, 0.97, 1.0])
async def test_a_child_run_that_had_forks_on_forks_is_counted_when_its_parent_goes_on(share: float, tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    root = Counting("v = rlm_query('child')", "w = llm_query('after')", "FINAL([v, w])", name="root")
    child, sub = Counting(*NESTED, name="child"), Sub()
    whole = await engine(root, journal, sub, child).arun("q", "c")
    assert whole.value == [[1, "2 sub: in a\n"], "sub: after"], whole.error
    asked = len(sub.asked)
    assert asked == whole.usage.by_role["subcall"].calls == 4
    cut_off(journal, whole.run_id, share)
    again = engine(root, journal, sub, child)
    resumed = await again.aresume(whole.run_id)
    assert (resumed.value, resumed.subcalls, resumed.usage.total) == (whole.value, whole.subcalls, whole.usage.total)
    assert len(sub.asked) <= 2 * asked
    assert (await again.recorded(whole.run_id).areplay()).same


async def test_a_run_that_is_branched_from_has_the_forks_of_its_forks(tmp_path: Path) -> None:
    journal, root, sub = tmp_path / "j.db", Counting(*NESTED, name="root"), Sub()
    whole = await engine(root, journal, sub).arun("q", "c")
    asked, calls = len(sub.asked), root.calls
    branched = await engine(root, journal, sub).recorded(whole.run_id).abranch(6)
    assert branched.value == whole.value
    assert (len(sub.asked), root.calls) == (asked, calls + 1), "all before that step is on record, its forks' calls too"
    assert (await engine(root, journal, sub).recorded(branched.run_id).areplay()).same


async def test_a_kept_state_spares_a_fork_the_cells_before_its_checkpoint(tmp_path: Path) -> None:
    forks = "fork.create('c1', 'a')\nFINAL(fork.run('a', 'x')['value'])"
    root = Counting("x = 1", "x += 1", "x += 1\ncheckpoint.create()", forks, name="root")
    result = await engine(root, tmp_path / "j.db", Sub(), snapshots=SnapshotPolicy()).arun("q", "c")
    opened = [event for event in result.trace if isinstance(event, SessionOpened)]
    assert result.value == "3"
    assert [event.cells_again for event in opened] == [0, 0]


async def test_what_a_commit_rests_on_is_kept_after_the_forks_have_gone(tmp_path: Path) -> None:
    root = Counting(
        CHECKPOINT, "fork.create('c1', 'a')\nfork.run('a', 'x = 40')\nstrategy.commit('a')", "x += 1", "x += 1\nFINAL(x)", name="root"
    )
    whole = await engine(root, tmp_path / "j.db", Sub(), snapshots=SnapshotPolicy(every=1)).arun("q", "c")
    assert whole.value == 42
    cut_off(tmp_path / "j.db", whole.run_id, 0.9)
    resumed = await engine(root, tmp_path / "j.db", Sub()).aresume(whole.run_id)
    assert resumed.value == 42
    opened = [event for event in resumed.trace if isinstance(event, SessionOpened)]
    assert [event.skipped for event in opened] == [()] * len(opened)
