"""Recorded runs are replayed: they are the same, however they ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from cellblock import RLM, ExecLimits, Guards, Models, RunLimits, RunResult, ScriptedModel
from cellblock.engine.replaying import Replayed
from cellblock.engine.snapshots import SnapshotPolicy
from cellblock.errors import ModelRefused
from cellblock.repl.live import Live

from . import checking, story
from .chains import Setting
from .recorded import cell, cells, failed, last_run, rlm, story_rlm

pytestmark = pytest.mark.anyio
SOON = ExecLimits(wall_seconds=0.3, cpu_seconds=0.3)
BUSY = "print('before')\nx = 0\nwhile True:\n    x = x + 1\n    y = x"
GREEDY = "many = []\nwhile True:\n    many.append('x' * 1000000 + str(len(many)))"


async def replayed(engine: RLM, run_id: str, **asked: Any) -> Replayed:
    return await engine.recorded(run_id).areplay(**asked)


async def same(engine: RLM, run_id: str) -> Replayed:
    again = await replayed(engine, run_id)
    assert again.difference is None
    assert again.same
    return again


async def test_a_whole_run_is_the_same_again(tmp_path: Path, sandbox: str):
    engine = story_rlm(tmp_path, sandbox)
    result = await engine.arun(story.QUESTION, story.CONTEXT)
    again = await same(engine, result.run_id)
    assert again.whole and again.conclusion is not None
    assert again.conclusion.value == result.value


async def test_a_replay_asks_no_model_calls_no_tool_and_writes_nothing(tmp_path: Path):
    engine = story_rlm(tmp_path, "monty")
    run_id = (await engine.arun(story.QUESTION, story.CONTEXT)).run_id
    before = checking.recorded(tmp_path)
    root = engine.engine.models.root
    asked = root.calls  # type: ignore[union-attr]
    await same(engine, run_id)
    assert root.calls == asked  # type: ignore[union-attr]
    assert checking.recorded(tmp_path) == before


@pytest.mark.parametrize("at", [20, 55, 80, 110])
async def test_a_killed_run_is_the_same_up_to_there_and_the_resumed_one_to_its_end(staged: Callable[..., Setting], at: int):
    setting = staged("restricted")
    job = setting.job("killed")
    folder = Path(job.folder)
    from msgspec.structs import replace

    setting.host.do(replace(job, kill_at=at))
    run_id = checking.root_id(folder)
    assert run_id is not None
    engine = story_rlm(folder, "restricted")
    assert not (await same(engine, run_id)).whole
    setting.host.do(replace(job, do="resume", run_id=run_id))
    assert (await same(engine, run_id)).whole


LIMITS = {
    "steps": RunLimits(steps=3),
    "subcalls": RunLimits(subcalls=5),
    "sub-calls in a child": RunLimits(subcalls=9),
    "tokens": RunLimits(tokens=7_000),
    "tokens of sub-calls": RunLimits(sub_tokens=300),
    "tokens of one sub-call": RunLimits(subcall_tokens=50),
    "a child's share": RunLimits(tokens=40_000, child_share=0.05),
    "no children": RunLimits(depth=0),
}


@pytest.mark.parametrize("name", LIMITS)
async def test_a_run_that_a_limit_ended_is_the_same_again(tmp_path: Path, name: str):
    engine = story_rlm(tmp_path, "restricted", limits=LIMITS[name])
    result = await engine.arun(story.QUESTION, story.CONTEXT)
    again = await same(engine, result.run_id)
    assert again.conclusion is not None
    assert (again.conclusion.ending, again.conclusion.error) == (result.ending, result.error)


async def test_a_run_that_its_deadline_ended_in_a_cell_is_the_same_again(tmp_path: Path, sandbox: str):
    engine = rlm(ScriptedModel(cells("x = 1", BUSY)), tmp_path, sandbox=sandbox, limits=RunLimits(wall_seconds=1.5))
    result = await engine.arun("q", "c")
    assert result.ending == "budget"
    await same(engine, result.run_id)


async def test_a_run_that_its_deadline_ended_in_a_sub_call_is_the_same_again(tmp_path: Path):
    async def slow(prompt: str) -> str:
        await anyio.sleep(30)
        return "late"

    replies = cells("x = 1", "print('so far')\nprint(llm_query_batched(['a', 'b']))")
    engine = rlm(ScriptedModel(replies), tmp_path, sandbox="restricted", sub_model=slow, limits=RunLimits(wall_seconds=1.0))
    result = await engine.arun("q", "c")
    assert result.ending == "budget"
    await same(engine, result.run_id)


async def test_a_run_whose_time_was_over_within_forks_side_by_side_is_the_same_again(tmp_path: Path):
    """The forks' child runs wait for their model, and all of them are cut off at once."""

    class Slow(ScriptedModel):
        async def complete(self, messages: Any, **given: Any) -> Any:
            if "inner" in messages[1].content:
                await anyio.sleep(30)
            return await super().complete(messages, **given)

    forks = {f"f{number}": 'rlm_query("inner")' for number in range(6)}
    replies = cells(
        "c = checkpoint.create()", f"for name in {list(forks)}:\n    fork.create(c, name)\nprint(fork.run_all({forks}))\nFINAL(1)"
    )
    engine = rlm(Slow(replies), tmp_path, sandbox="restricted", limits=RunLimits(wall_seconds=2.0))
    result = await engine.arun("q", "c")
    await same(engine, result.run_id)


async def test_a_run_that_its_model_failed_is_the_same_again(tmp_path: Path):
    engine = rlm(ScriptedModel([cell("x = 1"), ModelRefused("no such model", status=404)]), tmp_path)
    assert "no such model" in await failed(engine)
    assert (await same(engine, last_run(tmp_path))).whole


async def test_a_cancelled_run_is_the_same_again_up_to_there(tmp_path: Path):
    with anyio.CancelScope() as scope:

        async def cancels(prompt: str) -> str:
            if prompt == "second":
                scope.cancel()
            return "ok"

        replies = cells("x = llm_query('first')", "y = llm_query_batched(['third', 'second'])")
        await rlm(ScriptedModel(replies), tmp_path, sub_model=cancels).arun("q", "c")
    assert scope.cancelled_caught
    assert not (await same(rlm(ScriptedModel(), tmp_path), last_run(tmp_path))).whole


CUT = {
    "time": (BUSY, SOON),
    "memory": (GREEDY, ExecLimits(memory_bytes=64 * 2**20)),
    "calls": (
        "for i in range(9):\n    try:\n        llm_query(str(i))\n    except RuntimeError:\n        print('no', i)",
        ExecLimits(host_calls=3),
    ),
    "output": ("for i in range(500):\n    print(i)", ExecLimits(output_chars=300)),
    "an error": ("print('here')\nz = 1\n1 / 0", ExecLimits()),
}


async def cut_short(folder: Path, sandbox: str, what: str, **settings: Any) -> tuple[RLM, RunResult]:
    code, limits = CUT[what]
    after = "try:\n    print(kept, x)\nexcept NameError:\n    print(kept, 'rolled back')"
    engine = rlm(
        ScriptedModel(cells("kept = 41", code, after, "kept = kept + 1\nFINAL(kept)")),
        folder,
        sandbox=sandbox,
        sub_model=lambda prompt: "ok",
        exec_limits=limits,
        **settings,
    )
    result = await engine.arun("q", "c")
    assert result.value == 42, result
    return engine, result


@pytest.mark.parametrize("what", CUT)
async def test_a_run_whose_cell_passed_a_limit_is_the_same_again(tmp_path: Path, sandbox: str, what: str):
    engine, result = await cut_short(tmp_path, sandbox, what)
    again = await same(engine, result.run_id)
    assert again.conclusion is not None and again.conclusion.value == 42


async def test_a_run_whose_worker_was_killed_is_the_same_again(tmp_path: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch):
    run = Live.run

    async def killed_first(live: Live, *args: Any) -> Any:
        if "doomed" in args[1] and not victims:
            victims.append(live.process.pid)
            os.kill(live.process.pid, signal.SIGKILL)
        return await run(live, *args)

    victims: list[int] = []
    monkeypatch.setattr(Live, "run", killed_first)
    engine = rlm(ScriptedModel(cells("x = 1", "doomed = x = 2\nprint(x)", "x = x + 1\nFINAL(x)")), tmp_path, sandbox=sandbox)
    result = await engine.arun("q", "c")
    assert victims and result.value == 2
    await same(engine, result.run_id)


async def test_a_run_with_states_on_record_and_guards_is_the_same_again(tmp_path: Path, sandbox: str):
    guards = Guards(require_repl_before_final=True, min_steps=2)
    replies = ["FINAL(too soon)", cell("x = [1]"), cell("x.append(2)\nFINAL(x)"), cell("FINAL(x)")]
    engine = rlm(ScriptedModel(replies), tmp_path, sandbox=sandbox, guards=guards, snapshots=SnapshotPolicy(every=1))
    result = await engine.arun("q", "c")
    assert result.value == [1, 2]
    await same(engine, result.run_id)


async def test_a_run_that_went_on_with_another_model_is_the_same_again(tmp_path: Path):
    journal, sub = tmp_path / "j.db", ScriptedModel(fallback="said", name="sub")
    first = RLM(ScriptedModel([cell("x = llm_query('a')"), "FINAL(0)"], name="one"), sub_model=sub, sandbox="restricted", journal=journal)
    run_id = (await first.arun("q", "c")).run_id
    models = Models(root=ScriptedModel([cell("y = llm_query('b')"), "FINAL(1)"], name="two"), sub=ScriptedModel(fallback="b", name="more"))
    branched = await RLM(models, sandbox="restricted", journal=journal).recorded(run_id).abranch(2)
    assert branched.value == "1"
    await same(first, branched.run_id)


async def test_a_cell_that_time_stopped_and_whose_state_cannot_be_kept_is_shown_as_it_is_on_record(tmp_path: Path):
    stopped = "g = (i for i in range(3))\nx = 2\nwhile True:\n    x += 1"
    model = ScriptedModel([cell("x = 1"), cell(stopped), cell("FINAL(x > 2)")])
    engine = RLM(model, sandbox="restricted", exec_limits=SOON, journal=tmp_path / "j.db")
    run_id = (await engine.arun("q", "c")).run_id
    for _ in range(3):
        await same(engine, run_id)
