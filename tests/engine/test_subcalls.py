from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import pytest

from cellblock.errors import MaxSubcallsExceeded, MaxTokensExceeded, ModelRefused, ModelUnavailable
from cellblock.events import ModelAnswered, RunEnded, RunStarted
from cellblock.limits import RunLimits
from cellblock.models import ScriptedModel
from cellblock.models.callables import CallableModel
from cellblock.models.protocol import Message, ModelResponse, Usage

from .doubles import Stage, assert_refused, cells, value_of

pytestmark = pytest.mark.anyio

SECRET = "https://internal.example:8443/v1 key sk-123456 in /home/alice/.keys"


class Crowd:
    """A model that notes how many ask it at once."""

    name = "crowd"

    def __init__(self, *, together: int = 1, tokens: int = 0) -> None:
        self.now = self.most = self.calls = 0
        self.tokens = tokens
        self._together = together
        self._gate = anyio.Event()

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        self.now, self.calls = self.now + 1, self.calls + 1
        self.most = max(self.most, self.now)
        if self.now >= self._together:
            self._gate.set()
        await self._gate.wait()
        await anyio.lowlevel.checkpoint()
        self.now -= 1
        text = messages[-1].content
        return ModelResponse(text=f"<{text}>", usage=Usage(input_tokens=self.tokens, output_tokens=1, calls=1), model="crowd")

    async def aclose(self) -> None:
        """Nothing to close."""


async def test_a_sub_call_is_one_user_message_as_it_is() -> None:
    sub = ScriptedModel(["{0} fine"])
    assert await value_of("FINAL(await llm_query('why {x}?'))", sub) == "{0} fine"
    assert [(m.role, m.content) for m in sub.calls[0].messages] == [("user", "why {x}?")]


async def test_a_second_text_that_names_no_model_is_the_task() -> None:
    sub = ScriptedModel(["ok"])
    await value_of("FINAL(await llm_query('the snippet', 'the task'))", sub)
    assert sub.calls[0].prompt == "the task\n\nthe snippet"


@pytest.mark.parametrize(
    ("model", "answer"), [("None", "from sub"), ("'sub'", "from sub"), ("'root'", "from root"), ("'root-name'", "from root")]
)
async def test_a_sub_call_goes_to_the_model_that_it_names(model: str, answer: str) -> None:
    root = ScriptedModel([f"```repl\nFINAL(await llm_query('hello', model={model}))\n```"], fallback="from root", name="root-name")
    assert (await Stage(root, ScriptedModel(fallback="from sub", name="sub-name")).answer()).value == answer


async def test_max_tokens_reach_the_model() -> None:
    sub = ScriptedModel(["a", "b"])
    await value_of("FINAL([await llm_query('x', max_tokens=7), await llm_query_batched(['y'], max_tokens=8)])", sub)
    assert [call.max_tokens for call in sub.calls] == [7, 8]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("llm_query()", "TypeError: llm_query(): prompt must be a str, not None"),
        ("llm_query(1)", "TypeError: llm_query(): prompt must be a str, not int"),
        ("llm_query('x', temperature=9)", "TypeError: llm_query() got an unexpected keyword argument 'temperature'; it takes"),
        ("llm_query('x', prompt='y')", "TypeError: llm_query() got multiple values for argument 'prompt'"),
        ("llm_query(1, 2, 3, 4, 5)", "TypeError: llm_query() takes at most 4 arguments (5 given)"),
        ("llm_query('x', model='gpt-99')", "ValueError: llm_query(): no model named 'gpt-99'; known: root, sub"),
        ("llm_query('x', model=3)", "TypeError: llm_query(): model must be a str or None"),
        ("llm_query('x', max_tokens='9')", "TypeError: llm_query(): max_tokens must be an int, not str"),
        ("llm_query('x', max_tokens=True)", "TypeError: llm_query(): max_tokens must be an int, not bool"),
        ("llm_query('x', max_tokens=0)", "ValueError: llm_query(): max_tokens must be between 1 and"),
        ("llm_query('x' * 4_000_001)", "ValueError: llm_query(): prompt has 4000001 characters"),
        ("llm_query_batched('abc')", "TypeError: llm_query_batched(): prompts must be a list of str, not str"),
        ("llm_query_batched(['a', 2])", "TypeError: llm_query_batched(): prompts[1] must be a str, not int"),
        ("llm_query_batched(['a'] * 10_001)", "ValueError: llm_query_batched(): prompts has 10001 items"),
        ("rlm_query('q', 5)", "TypeError: rlm_query(): context must be a str or a list of str, not int"),
        ("rlm_query('q', ['a', 5])", "TypeError: rlm_query(): context must hold str only"),
        ("rlm_query('q', '')", "ValueError: rlm_query(): the context is empty"),
        ("rlm_query('q', 'c', 1)", "TypeError: rlm_query() takes at most 2 arguments (3 given)"),
    ],
)
async def test_wrong_arguments_raise_in_the_cell_and_cost_nothing(call: str, error: str) -> None:
    await assert_refused(call, error)


@pytest.mark.parametrize(
    "failure", [ModelRefused(SECRET, status=401), ModelUnavailable(SECRET), ValueError(SECRET), OSError(2, SECRET), KeyError(SECRET)]
)
async def test_what_a_model_call_raises_is_redacted_for_the_cell(failure: Exception) -> None:
    got = await value_of("FINAL(await llm_query('x'))", ScriptedModel([failure]))
    item = await value_of("FINAL(await llm_query_batched(['x']))", ScriptedModel([failure]))
    assert isinstance(got, str)
    assert got.startswith("RuntimeError: Model")
    assert item == [got.replace("RuntimeError: ", "ERROR: ")]
    assert not any(part in got for part in ("internal", "8443", "sk-", "alice"))


async def test_a_failed_item_is_one_item_and_not_the_batch() -> None:
    sub = ScriptedModel(fallback="fine").add_rule("bad", ModelUnavailable("no", status=503))
    got = await value_of("FINAL(await llm_query_batched(['a', 'bad', 'c']))", sub)
    assert got == ["fine", "ERROR: ModelUnavailable: the call failed with status 503", "fine"]


async def test_a_batch_keeps_its_order_and_asks_equal_prompts_once() -> None:
    crowd = Crowd()
    stage = Stage(cells("FINAL(await llm_batch(['b', 'a', 'b', 'c', 'a']))"), crowd)
    assert (await stage.answer()).value == ["<b>", "<a>", "<b>", "<c>", "<a>"]
    assert (crowd.calls, stage.budget.subcalls) == (3, 3)


async def test_an_empty_batch_makes_no_call() -> None:
    assert await value_of("FINAL(await llm_query_batched([]))") == []


async def test_as_many_calls_are_in_flight_as_the_tree_allows_and_no_more() -> None:
    crowd = Crowd(together=5)
    code = "FINAL(len(await llm_query_batched([str(i) for i in range(40)])))"
    assert (await Stage(cells(code), crowd, limits=RunLimits(parallel_subcalls=5)).answer()).value == 40
    assert crowd.most == 5


async def test_a_batch_beyond_the_sub_call_limit_makes_none_of_its_calls_and_ends_the_run() -> None:
    crowd = Crowd()
    code = "print('before')\ntry:\n    await llm_query_batched(list('abcdef'))\nexcept RuntimeError as e:\n    print(e)"
    end = await Stage(cells(code, "never"), crowd, limits=RunLimits(subcalls=5)).answer()
    assert crowd.calls == 0
    assert (end.success, end.value) == (False, "before\nthe run's budget is used up: the run's subcalls=5 exceeded: 6")
    assert isinstance(end.failure, MaxSubcallsExceeded)


async def test_tokens_are_checked_within_a_batch() -> None:
    crowd = Crowd(tokens=2_000)
    stage = Stage(cells("await llm_query_batched([str(i) for i in range(100)])"), crowd, limits=RunLimits(tokens=20_000))
    end = await stage.answer()
    assert isinstance(end.failure, MaxTokensExceeded)
    assert crowd.calls <= 10


@pytest.mark.parametrize("used", [Usage(input_tokens=5_000, output_tokens=9, calls=1), Usage(output_tokens=5_000, calls=1)])
async def test_a_batch_holds_what_its_model_is_known_to_use_beyond_estimate_and_bound(used: Usage) -> None:
    async def unruly(messages: Sequence[Message]) -> ModelResponse:
        await anyio.sleep(0.002)
        return ModelResponse(text="ok", usage=used, model="unruly")

    code = "await llm_query('first', max_tokens=10)\nawait llm_query_batched([str(i) for i in range(64)], max_tokens=10)"
    stage = Stage(cells(code), CallableModel(unruly), limits=RunLimits(sub_tokens=30_000))
    await stage.answer()
    assert stage.budget.spending().by_role["subcall"].calls <= 7


async def test_a_call_that_is_too_long_for_one_is_refused_alone_and_the_run_goes_on() -> None:
    long, fine = "'x' * 4_000", "'short'"
    code = (
        f"found = await llm_query_batched([{long}, {fine}])\n"
        f"try:\n    await llm_query({long})\nexcept RuntimeError as e:\n    FINAL([*found, str(e)])"
    )
    stage = Stage(cells(code), ScriptedModel(fallback="ok"), limits=RunLimits(subcall_tokens=100))
    refused = "the run's subcall_tokens=100 exceeded: 1001; ask for less in one call"
    assert (await stage.answer()).value == ["ERROR: " + refused, "ok", refused]


async def test_small_calls_wait_for_each_other_when_their_reserves_do_not_fit_at_once() -> None:
    crowd = Crowd(tokens=10)
    end = await Stage(
        cells("FINAL(len(await llm_query_batched([str(i) for i in range(100)])))"), crowd, limits=RunLimits(tokens=15_000)
    ).answer()
    assert end.value == 100
    assert crowd.most <= 3


async def test_every_call_of_the_tree_is_counted_once() -> None:
    reply = ModelResponse(
        text="```repl\nFINAL(await llm_query('x'))\n```", usage=Usage(input_tokens=100, output_tokens=10, calls=1), model="m"
    )
    first = ModelResponse(text="```repl\nFINAL(await rlm_query('sub', 'ctx'))\n```", usage=reply.usage, model="m")
    sub = ModelResponse(text="leaf", usage=Usage(input_tokens=1, output_tokens=1, calls=1), model="s")
    stage = Stage(ScriptedModel([first, reply]), ScriptedModel([sub]))
    end = await stage.answer()
    assert end.value == "leaf"
    assert (stage.budget.usage.calls, stage.budget.usage.input_tokens, stage.budget.usage.output_tokens) == (3, 201, 21)
    assert sum(event.input_tokens for event in stage.of(ModelAnswered)) == 201
    assert stage.budget.subcalls == 2


async def test_a_child_run_has_its_own_context_session_and_typed_answer() -> None:
    root = ScriptedModel(["```repl\nv = await rlm_query('count', ['ab', 'cd'])\nFINAL([v, P])\n```", "```repl\nFINAL({'n': len(P)})\n```"])
    stage = Stage(root)
    end = await stage.answer(context="root text")
    child = stage.of(RunStarted)[1]
    assert end.value == [{"n": child.context_chars}, "root text"]
    assert (child.run_id, child.depth, child.question, child.context_documents) == ("r/1", 1, "count", 2)
    assert len(stage.sessions) == 2
    assert all(session.closed for session in stage.sessions)


async def test_a_child_without_a_context_shares_its_parents() -> None:
    root = ScriptedModel(["```repl\nFINAL(await rlm_query('q'))\n```", "```repl\nFINAL(P)\n```"])
    assert (await Stage(root).answer(context="shared")).value == "shared"


async def test_at_the_depth_limit_a_child_run_is_a_sub_call() -> None:
    sub = ScriptedModel(["flat"])
    stage = Stage(cells("FINAL(await rlm_query('q', ['a', 'b']))"), sub, limits=RunLimits(depth=0))
    assert (await stage.answer()).value == "flat"
    assert sub.calls[0].prompt == "q\n\na\n\nb"
    assert len(stage.sessions) == 1


async def test_a_child_that_finds_no_answer_raises_in_the_cell_and_the_run_goes_on() -> None:
    root = ScriptedModel(
        ["```repl\nawait rlm_query('q')\n```", "```repl\nprint('half')\n```", "```repl\n1\n```", "```repl\n2\n```", "FINAL(went on)"],
    )
    stage = Stage(root, limits=RunLimits(steps=2))
    assert (await stage.answer()).value == "went on"
    shown = root.calls[-1].prompt
    assert (
        "RuntimeError: the child run ended without an answer: all 2 steps were taken without a final answer; its last output: half" in shown
    )


async def test_a_budget_that_ends_in_a_child_ends_the_whole_tree() -> None:
    root = ScriptedModel(["```repl\nprint('root')\nawait rlm_query('q')\n```", "```repl\nawait llm_query_batched(['a', 'b'])\n```"])
    stage = Stage(root, limits=RunLimits(subcalls=2))
    end = await stage.answer()
    assert (end.success, end.value) == (False, "root")
    assert [event.error for event in stage.of(RunEnded)] == ["the run's subcalls=2 exceeded: 3"] * 2
    assert root.remaining == 0


async def test_a_child_whose_model_fails_raises_redacted_text_in_the_cell() -> None:
    root = ScriptedModel(
        ["```repl\ntry:\n    await rlm_query('q')\nexcept RuntimeError as e:\n    FINAL(str(e))\n```", ModelRefused(SECRET, status=403)]
    )
    assert (await Stage(root).answer()).value == "ModelRefused: the call failed with status 403"


async def test_child_runs_do_not_deadlock_on_the_limiter() -> None:
    root = ScriptedModel(["```repl\nFINAL(await rlm_query('q'))\n```", "```repl\nFINAL(await llm_query('x'))\n```"], fallback="deep")
    with anyio.fail_after(10):
        assert (await Stage(root, limits=RunLimits(parallel_subcalls=1)).answer()).value == "deep"


async def test_512_sub_calls_of_200_ms_at_64_in_flight_take_hardly_more_than_8_rounds() -> None:
    class Slow(Crowd):
        async def complete(self, messages: Sequence[Message], **kwargs: Any) -> ModelResponse:
            await anyio.sleep(0.2)  # the latency under test
            return ModelResponse(text="x", usage=Usage(calls=1), model="slow")

    times: list[float] = []
    for _ in range(3):
        started = time.perf_counter()
        await value_of("FINAL(len(await llm_query_batched([str(i) for i in range(512)])))", Slow())
        times.append(time.perf_counter() - started)
        if times[-1] <= 1.6 / 0.95:
            break
    # The target itself, 0.95, is the benchmark's: other tests run at the same time here. A ninth round would be 0.89.
    assert min(times) <= 1.6 / 0.9
