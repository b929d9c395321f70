"""Limits of a run: each is checked inside a running cell too, batches included, and ends the run with its partial answer."""

from __future__ import annotations

import time
from typing import Any

import anyio
import pytest

from cellblock import Models, RunLimits, ScriptedModel
from cellblock.errors import (
    BudgetExceeded,
    ConfigError,
    DeadlineExceeded,
    MaxCostExceeded,
    MaxDepthExceeded,
    MaxStepsExceeded,
    MaxSubcallsExceeded,
    MaxTokensExceeded,
)
from cellblock.events import RunStarted
from cellblock.models import OpenAIChat
from cellblock.models.prices import Price
from cellblock.models.protocol import Message, ModelResponse, Usage

from .stage import Played, cell, echoing, engine, play, warm

pytestmark = pytest.mark.anyio

CAUGHT = "print('so far')\ntry:\n    {}\nexcept RuntimeError as e:\n    print('raised:', e)"


def using(tokens: int, *, cost: float | None = None, name: str = "sub") -> ScriptedModel:
    """A model each of whose calls uses that many tokens."""
    usage = Usage(input_tokens=tokens - 1, output_tokens=1, calls=1, cost_usd=cost)
    return ScriptedModel(fallback=ModelResponse(text="ok", usage=usage, model=name), name=name)


async def spent(sandbox: str, call: str, **settings: Any) -> Played:
    """A run whose only cell makes a call that is one too many."""
    return await play(sandbox, cell(CAUGHT.replace("{}", call)), **settings)


def ended_by(played: Played, kind: type[BudgetExceeded], limit: str) -> None:
    """It raised in the cell and ended the run with what there was, in the result and in the error."""
    assert "raised: the run's budget is used up: the run's " + limit in played.ended[-1].stdout
    result = played.result
    assert (result.success, result.ending) == (False, "budget")
    assert result.answer.startswith("so far")
    with pytest.raises(kind) as caught:
        result.raise_for_failure()
    assert (caught.value.limit, caught.value.result) == (limit, result)


async def test_steps_end_a_run_and_the_error_carries_the_partial_result(sandbox: str) -> None:
    played = await play(sandbox, *[cell("print('so far')")] * 2, "no answer", limits=RunLimits(steps=2))
    assert played.result.steps == 2 and played.result.success
    played = await play(sandbox, *[cell("print('so far')")] * 3, limits=RunLimits(steps=2))
    with pytest.raises(MaxStepsExceeded) as caught:
        played.result.raise_for_failure()
    assert caught.value.result.answer == "so far"


@pytest.mark.parametrize(
    "call",
    [
        "[llm_query(str(n)) for n in range(9)]",
        "llm_query_batched(['a', 'b', 'c', 'd'])",
        "llm_query_json_batched(['a', 'b', 'c', 'd'])",
        "ask_chunks('q', ['a', 'b', 'c', 'd'])",
        "rlm_query_batched(['a', 'b', 'c', 'd'])",
    ],
)
async def test_subcalls_are_counted_within_a_cell_and_a_batch(sandbox: str, call: str) -> None:
    played = await spent(sandbox, call, limits=RunLimits(subcalls=3))
    ended_by(played, MaxSubcallsExceeded, "subcalls")
    assert len(played.asked) <= 3 and played.result.subcalls <= 3


async def test_child_runs_count_as_subcalls_of_the_same_tree(sandbox: str) -> None:
    root = [cell(CAUGHT.replace("{}", "rlm_query('p'); llm_query('c'); llm_query('d')")), cell("FINAL(llm_query('a') + llm_query('b'))")]
    played = await play(sandbox, *root, limits=RunLimits(subcalls=4))
    ended_by(played, MaxSubcallsExceeded, "subcalls")
    assert played.asked == ["a", "b", "c"]


@pytest.mark.parametrize("limit", ["tokens", "sub_tokens"])
@pytest.mark.parametrize("call", ["[llm_query(str(n)) for n in range(30)]", "llm_query_batched([str(n) for n in range(30)])"])
async def test_tokens_are_counted_within_a_cell_and_a_batch(sandbox: str, limit: str, call: str) -> None:
    limits: Any = {limit: 25_000, "parallel_subcalls": 1}
    played = await spent(sandbox, call, limits=RunLimits(**limits), sub=using(2_000))
    ended_by(played, MaxTokensExceeded, limit)
    assert 10 <= len(played.asked) <= 13


async def test_root_tokens_are_the_loops_alone(sandbox: str) -> None:
    replies = [cell("print('so far', len(llm_query_batched([str(n) for n in range(9)])))"), *[cell("print('so far', 'x' * 8_000)")] * 9]
    played = await play(sandbox, *replies, limits=RunLimits(root_tokens=5_000), sub=using(9_000))
    assert played.result.failure is not None and played.result.failure.limit == "root_tokens"
    assert isinstance(played.result.failure, MaxTokensExceeded)
    assert len(played.asked) == 9 and played.result.answer.startswith("so far")


async def test_subcall_tokens_refuse_one_call_alone(sandbox: str) -> None:
    code = (
        "a = llm_query_batched(['short', 'x' * 8_000])\ntry:\n    llm_query('y' * 8_000)\nexcept RuntimeError as e:\n    FINAL([a, str(e)])"
    )
    played = await play(sandbox, cell(code), limits=RunLimits(subcall_tokens=1_000))
    (short, long), error = played.result.value
    assert (short, long[:7]) == ("sub: short", "ERROR: ")
    assert "subcall_tokens=1000" in error and "ask for less" in error
    assert played.result.success


async def test_cost_is_counted_within_a_cell(sandbox: str) -> None:
    models = Models(root=ScriptedModel([cell(CAUGHT.replace("{}", "[llm_query(str(n)) for n in range(30)]"))]), sub=using(1_000, cost=0.02))
    prices = {"scripted": Price(input_per_million=1, output_per_million=1)}
    result = await engine(sandbox, models, prices=prices, limits=RunLimits(cost_usd=0.1)).arun("q", "c")
    assert isinstance(result.failure, MaxCostExceeded) and result.answer.startswith("so far")
    assert result.usage.by_role["subcall"].calls in (4, 5)
    assert result.usage.cost_usd is not None and 0.08 <= result.usage.cost_usd <= 0.1 + 0.02


async def test_wall_seconds_end_a_run_within_a_call_and_within_a_cell(sandbox: str) -> None:
    await warm(sandbox)

    async def stuck(messages: list[Message]) -> str:
        await anyio.sleep_forever()
        return ""

    for call in ("llm_query('a')", "while True: pass"):
        root = ScriptedModel([cell("print('so far')"), cell(call)])
        started = time.monotonic()
        result = await engine(sandbox, Models(root=root, sub=stuck), limits=RunLimits(wall_seconds=0.4)).arun("q", "c")
        assert time.monotonic() - started < 4
        assert isinstance(result.failure, DeadlineExceeded)
        assert (result.success, result.answer) == (False, "so far")


@pytest.mark.parametrize("call", ["llm_query('a')", "llm_query_batched(['a', 'b'])", "wait(20)", "rlm_query('p')"])
async def test_wall_seconds_raise_in_the_running_cell_and_keep_what_it_printed(sandbox: str, call: str) -> None:
    await warm(sandbox)
    released = anyio.Event()

    async def stuck(messages: list[Message]) -> str:
        await released.wait()
        return ""

    async def wait(seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

    root = ScriptedModel([cell(CAUGHT.replace("{}", call)), cell("while True: pass")])
    started = time.monotonic()
    rlm = engine(sandbox, Models(root=root, sub=stuck), limits=RunLimits(wall_seconds=0.5), tools=[wait])
    ended_by(Played(result=await rlm.arun("q", "c"), root=root, sub=root), DeadlineExceeded, "wall_seconds")
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("call", "seconds", "left"), [("pass", 0.5, "so far"), ("llm_query('a')", 0.5, "so far"), ("llm_query('a')", 1.5, "before")]
)
async def test_a_cell_that_goes_on_after_the_deadline_is_stopped(sandbox: str, call: str, seconds: float, left: str) -> None:
    await warm(sandbox)

    async def stuck(messages: list[Message]) -> str:
        await anyio.sleep_forever()
        return ""

    # It has as much time of its own as the run has, and a second after the deadline: with the first it ends by itself, with the second not.
    root = ScriptedModel([cell("print('before')"), cell(CAUGHT.replace("{}", call) + "\nwhile True: pass")])
    started = time.monotonic()
    result = await engine(sandbox, Models(root=root, sub=stuck), limits=RunLimits(wall_seconds=seconds)).arun("q", "c")
    assert time.monotonic() - started < seconds + 3
    assert isinstance(result.failure, DeadlineExceeded) and not result.success
    assert result.answer.startswith(left)


async def test_parallel_subcalls_bound_the_calls_in_flight_of_the_whole_tree(sandbox: str) -> None:
    now = most = 0

    async def crowded(messages: list[Message]) -> str:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await anyio.sleep(0.002)
        now -= 1
        return "ok"

    child = cell("FINAL(llm_query_batched([str(n) + P for n in range(10)]))")
    root = ScriptedModel([cell("FINAL(len(rlm_query_batched(['a', 'b'], ['A', 'B'])))"), child, child])
    result = await engine(sandbox, Models(root=root, sub=crowded), limits=RunLimits(parallel_subcalls=3)).arun("q", "c")
    assert (result.value, result.usage.by_role["subcall"].calls, most) == (2, 20, 3)


async def test_a_child_draws_on_its_parents_tokens(sandbox: str) -> None:
    replies = [cell(CAUGHT.replace("{}", "rlm_query('p')")), cell("[llm_query(str(n)) for n in range(30)]")]
    played = await play(sandbox, *replies, limits=RunLimits(tokens=25_000), sub=using(2_000))
    assert isinstance(played.result.failure, MaxTokensExceeded)
    assert played.result.answer.startswith("so far")
    assert len(played.asked) <= 12


async def test_at_the_depth_limit_no_child_run_is_opened(sandbox: str) -> None:
    played = await play(sandbox, *[cell("FINAL(rlm_query('deeper'))")] * 3, limits=RunLimits(depth=2))
    assert [event.depth for event in played.of(RunStarted)] == [0, 1, 2]
    assert played.result.value == "sub: deeper"
    assert issubclass(MaxDepthExceeded, BudgetExceeded)


@pytest.mark.parametrize("name", ["tokens", "root_tokens", "sub_tokens", "subcall_tokens"])
def test_less_than_50_tokens_are_refused(name: str) -> None:
    limits: Any = {name: 49}
    with pytest.raises(ConfigError, match=f"{name}=49: at least 50"):
        RunLimits(**limits)
    limits[name] = 50
    RunLimits(**limits)


@pytest.mark.parametrize("name", ["steps", "subcalls", "depth", "tokens", "wall_seconds", "parallel_subcalls"])
def test_no_limit_can_be_switched_off(name: str) -> None:
    limits: Any = {name: None}
    with pytest.raises(ConfigError, match="cannot be switched off"):
        RunLimits(**limits)


@pytest.mark.parametrize(
    ("setting", "place"),
    [("max_tokens", "RunLimits(tokens="), ("timeout", "RunLimits(wall_seconds="), ("max_steps", "RunLimits(steps="), ("rpm", "Rates(")],
)
def test_a_limit_inside_model_settings_is_an_error_that_says_where_it_goes(setting: str, place: str) -> None:
    for make in (ScriptedModel, lambda **more: OpenAIChat("m", **more)):
        with pytest.raises(ConfigError) as caught:
            make(sampling={setting: 5})
        assert place in str(caught.value)


async def test_a_used_up_budget_leaves_the_engine_usable(sandbox: str) -> None:
    model = ScriptedModel([cell("llm_query_batched(['a', 'b'])"), cell("FINAL(llm_query('a'))")])
    rlm = engine(sandbox, model, sub_model=echoing(), limits=RunLimits(subcalls=1))
    assert not (await rlm.arun("q", "c")).success
    assert (await rlm.arun("q", "c")).value == "sub: a"
