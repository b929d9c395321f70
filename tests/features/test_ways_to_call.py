"""Ways to call the engine: typed answers, sessions of several questions, streams, without a loop, and cancelled; on every sandbox."""

from __future__ import annotations

import os
from typing import Any

import anyio
import pydantic
import pytest

from cellblock import RLM, Models, Router, ScriptedModel
from cellblock.engine import answering
from cellblock.events import CellStarted, ModelAnswered, ModelAsked, RunEnded, RunStarted
from cellblock.models.protocol import Message
from cellblock.repl.session import Session, open_session

from .stage import cell, engine, play

pytestmark = pytest.mark.anyio


class Invoice(pydantic.BaseModel):
    number: str
    amount: float = pydantic.Field(gt=0)


# -- typed answers


async def test_a_typed_answer_is_validated_repaired_and_comes_back_as_its_type(sandbox: str) -> None:
    replies = [cell("FINAL({'number': '7', 'amount': -1})"), cell("FINAL({'number': '7', 'amount': 3})")]
    played = await play(sandbox, *replies, output_type=Invoice)
    assert played.result.output == Invoice(number="7", amount=3.0)
    assert "amount: Input should be greater than 0" in played.told[1]
    assert '"exclusiveMinimum":0' in played.system


@pytest.mark.parametrize(
    ("wanted", "given", "output"),
    [
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", [1, 2]),
        (list[int], "['1', '2']", [1, 2]),
        (int, "'41'", 41),
        (dict[str, float], "{'a': 1}", {"a": 1.0}),
    ],
)
async def test_a_type_may_be_any_type_or_a_json_schema(sandbox: str, wanted: object, given: str, output: object) -> None:
    played = await play(sandbox, cell("FINAL({1: 'no'} and 'no')"), cell(f"FINAL({given})"), output_type=wanted)
    assert (played.result.output, played.result.steps) == (output, 2)


# -- several questions


async def test_a_session_keeps_variables_history_and_contexts(sandbox: str) -> None:
    replies = [
        cell("def double(x):\n    return 2 * x\nn = len(P)\nFINAL(n)"),
        cell("FINAL([double(n), ctx.num_documents(), ctx.get_document(1), history])"),
        cell("FINAL([len(history), ctx.num_documents(), n])"),
    ]
    model = ScriptedModel(replies)
    async with engine(sandbox, model).session("abc") as session:
        first = await session.arun("how long?")
        second = await session.arun("and doubled?", "more")
        third = await session.arun("and now?", ["x", "y"])
    assert first.value == 3
    assert second.value == [6, 2, "more", [{"question": "how long?", "answer": "3"}]]
    assert third.value == [2, 4, 3]
    assert "Q: how long?\nA: 3" in model.calls[1].messages[1].content


# -- async, streamed, sync


async def test_a_stream_gives_the_events_as_they_happen_and_then_the_result(sandbox: str) -> None:
    events = []
    async with engine(sandbox, ScriptedModel([cell("FINAL(len(P))")])).stream("q", "abc") as stream:
        async for event in stream:
            events.append(type(event))
    assert events[0] is RunStarted and events[-1] is RunEnded
    assert {ModelAsked, ModelAnswered, CellStarted} < set(events)
    assert stream.result.value == 3


def test_run_and_completion_need_no_event_loop(sandbox: str) -> None:
    model = ScriptedModel(fallback=cell("FINAL(P[:3])"))
    rlm = engine(sandbox, model)
    assert rlm.run("question", "abcdef").value == "abc"
    result = rlm.completion("the long prompt", query="the question")
    assert (result.response, result.answer) == ("the", "the")
    assert "Question:\nthe question" in model.calls[-1].prompt
    assert rlm.completion("the long prompt").success


async def test_run_works_under_a_running_loop_too(sandbox: str) -> None:
    assert engine(sandbox, ScriptedModel([cell("FINAL(1)")])).run("q", "c").value == 1


async def test_cancellation_reaches_the_sub_calls_in_flight(sandbox: str) -> None:
    asked, cancelled = anyio.Event(), 0
    waiting = 0

    async def stuck(messages: list[Message]) -> str:
        nonlocal waiting, cancelled
        waiting += 1
        if waiting == 3:
            asked.set()
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            cancelled += 1
            raise
        return ""

    root = ScriptedModel([cell("rlm_query('p')"), cell("llm_query_batched(['a', 'b', 'c'])")])
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(engine(sandbox, Models(root=root, sub=stuck)).arun, "q", "c")
            await asked.wait()
            group.cancel_scope.cancel()
    assert cancelled == 3


async def test_cancellation_ends_the_cell_and_its_process(sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Session] = []

    async def noted(*args: Any, **kwargs: Any) -> Session:
        opened.append(await open_session(*args, **kwargs))
        return opened[-1]

    monkeypatch.setattr(answering, "open_session", noted)
    with anyio.fail_after(30):
        async with engine(sandbox, ScriptedModel([cell("while True: pass")])).stream("q", "c") as stream:
            async for event in stream:
                if isinstance(event, CellStarted):
                    pids = opened[0]._standing.live.process.pids  # type: ignore[union-attr]
                    assert all(os.path.exists(f"/proc/{pid}") for pid in pids)
                    break
        while any(os.path.exists(f"/proc/{pid}") for pid in pids):
            await anyio.sleep(0.005)


# -- the router


async def test_the_router_asks_directly_below_the_threshold_and_runs_above_it(sandbox: str) -> None:
    model = ScriptedModel(["Paris", cell("FINAL(len(P))")])
    router = Router(engine(sandbox, model))
    short, long = await router.arun("q", "x" * 7_999), await router.arun("q", "x" * 8_000)
    assert (short.method, short.output, long.method, long.output) == ("baseline", "Paris", "rlm", 8_000)
    assert all(result.tokens_used == result.result.usage.input_tokens + result.result.usage.output_tokens for result in (short, long))


async def test_one_engine_answers_many_questions_at_once(sandbox: str) -> None:
    rlm: RLM = engine(sandbox, ScriptedModel(fallback=cell("x = len(P)\nFINAL(x)")))
    values = {}

    async def ask(length: int) -> None:
        values[length] = (await rlm.arun("q", "x" * length)).value

    async with anyio.create_task_group() as group:
        for length in (1, 2, 3, 4):
            group.start_soon(ask, length)
    assert values == {1: 1, 2: 2, 3: 3, 4: 4}
