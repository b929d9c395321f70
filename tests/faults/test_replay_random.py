"""Small runs at random, replayed: the same prompts, the same outputs, the same answer, byte for byte."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellblock import Guards, RunLimits, RunResult, ScriptedModel
from cellblock.engine.snapshots import SnapshotPolicy
from cellblock.errors import CellblockError, ModelUnavailable
from cellblock.events import CellEnded, ModelAnswered

from .recorded import Told, last_run, rlm

EXAMPLES = int(os.environ.get("CELLBLOCK_REPLAYS", "12"))

numbers = st.integers(min_value=0, max_value=3)
texts = st.text("ab\n'é€\U0001f600", max_size=5)
lines = st.one_of(
    st.builds("x = {}".format, numbers),
    st.builds("x = x + {}".format, numbers),
    st.builds("print(x, {!r})".format, texts),
    st.builds("notes = [llm_query({!r}) for i in range({})]".format, texts.map(lambda text: "p" + text), numbers),
    st.builds("print(llm_query_batched(['a', 'b', 'a', {!r}]))".format, texts.map(lambda text: "p" + text)),
    st.builds("print(rlm_query('child {}', 'text'))".format, numbers),
    st.just("import random\nprint(random.random())"),
    st.builds("print(P[:{}])".format, numbers),
    st.just("undefined"),
    st.builds("FINAL([x, {!r}])".format, texts),
    st.builds("FINAL({})".format, numbers),
)
cells = st.lists(lines, min_size=1, max_size=4).map(lambda parts: "```repl\n" + "\n".join(parts) + "\n```")
replies = st.one_of(cells, st.builds("{}\n{}".format, cells, cells), st.just("FINAL_VAR(x)"), st.just("Hm."), texts.map("FINAL({})".format))


class Random(Told):
    """Says what a script says; a child's model always the same, and sub-calls echo."""

    def __init__(self, script: list[str], fails_at: int | None) -> None:
        super().__init__("random")
        self.lines = script
        self.script = ScriptedModel(script, fallback="FINAL(over)")
        self._fails_at = fails_at

    async def complete(self, messages: Any, **more: Any) -> Any:
        self.calls += 1
        if self.calls == self._fails_at:
            raise ModelUnavailable("the model is down")
        if messages[0].role != "system":
            return await ScriptedModel(fallback=f"<{messages[-1].content}>").complete(messages)
        if messages[1].content.startswith("Question:\nchild"):
            return await ScriptedModel(fallback="```repl\nFINAL(llm_query('of a child') + P)\n```").complete(messages)
        return await self.script.complete(messages)


@pytest.mark.timeout(600)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize="CELLBLOCK_REPLAYS" not in os.environ,
)
@given(
    script=st.lists(replies, min_size=1, max_size=5),
    every=st.sampled_from([None, 1, 2]),
    fails_at=st.one_of(st.none(), st.integers(min_value=1, max_value=8)),
    subcalls=st.sampled_from([2, 5, 100]),
    guards=st.sampled_from([Guards(), Guards(min_steps=2), Guards(require_subcall_before_final=True)]),
)
def test_any_run_is_replayed_byte_for_byte(
    sandbox: str, script: list[str], every: int | None, fails_at: int | None, subcalls: int, guards: Guards
):
    with tempfile.TemporaryDirectory() as folder:
        kept = {"sandbox": sandbox, "snapshots": SnapshotPolicy(every=every), "guards": guards}
        limits = RunLimits(steps=5, subcalls=subcalls)
        anyio.run(_check, Path(folder), Random(script, fails_at), kept | {"limits": limits})


async def _check(folder: Path, model: Random, kept: dict[str, Any]) -> None:
    engine = rlm(model, folder, **kept)
    result: RunResult | None = None
    events: list[Any] = []
    try:
        result = await engine.arun("root", "the context", on_event=events.append)
    except CellblockError:
        model._fails_at = None
        await _same(engine, last_run(folder), events)
        events.clear()
        result = await engine.aresume(last_run(folder), on_event=events.append)
        # Its own model was down, which the run that had no such luck never knew.
        whole = await rlm(Random(model.lines, None), folder / "whole", **kept).arun("root", "the context")
        assert _came_to(result) == _came_to(whole)
    again = await _same(engine, result.run_id, events)
    assert again.conclusion is not None
    assert (again.conclusion.value, again.conclusion.ending, again.conclusion.error) == (result.value, result.ending, result.error)


def _came_to(result: RunResult) -> tuple[Any, ...]:
    return result.value, result.ending, result.error, result.usage, result.steps, result.subcalls


async def _same(engine: Any, run_id: str, events: list[Any]) -> Any:
    replayed: list[Any] = []
    again = await engine.recorded(run_id).areplay(on_event=replayed.append)
    assert again.same, again.difference
    assert _shown(replayed, run_id) == _shown(events, run_id)
    return again


def _shown(events: list[Any], run_id: str) -> list[tuple[Any, ...]]:
    """What the root's cells showed and its model said, in order."""
    cells = [
        (one.step, one.index, one.stdout, one.error, one.state) for one in events if isinstance(one, CellEnded) and one.run_id == run_id
    ]
    said = [(one.call_id, one.text) for one in events if isinstance(one, ModelAnswered) and one.role == "root_call" and one.error is None]
    return cells + said
