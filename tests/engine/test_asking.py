"""What becomes of adapters that break their contract."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from cellblock.engine.asking import complete
from cellblock.errors import ModelRefused, ModelUnavailable
from cellblock.events import ModelAnswered, ModelAsked, RunEnded, to_jsonl
from cellblock.models import ScriptedModel
from cellblock.models.protocol import Message, ModelResponse, Usage
from cellblock.models.replies import estimate, token_bytes

from .doubles import Stage, cells, value_of

pytestmark = pytest.mark.anyio


class Odd(Exception):
    """Of no family that anybody expects."""


class Text(str):
    """A text of an adapter's own."""


class Adapter:
    """Gives what its function gives, whatever that is."""

    name = "adapter"

    def __init__(self, answer: Callable[[str], Any]) -> None:
        self.answer = answer

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        given: ModelResponse = self.answer(messages[-1].content)
        return given

    async def aclose(self) -> None:
        """Nothing to close."""


def said(text: Any = "yes", model: Any = "m", **usage: Any) -> ModelResponse:
    return ModelResponse(text=text, usage=Usage(**{"calls": 1, **usage}), model=model)


def failing(error: Exception) -> Adapter:
    def fail(prompt: str) -> ModelResponse:
        raise error

    return Adapter(fail)


@pytest.mark.parametrize("error", [Odd("x"), AssertionError("x"), ExceptionGroup("x", [Odd()]), MemoryError("x"), TimeoutError("x")])
async def test_whatever_an_adapter_raises_is_a_failure_of_the_model(error: Exception) -> None:
    stage = Stage(failing(error))
    with pytest.raises(ModelUnavailable, match=f"adapter raised {type(error).__name__}: x"):
        await stage.answer()
    assert stage.tree.journal.effects("r")[0].outcome["error"] == "ModelUnavailable"


@pytest.mark.parametrize("answer", [None, "yes", said(text=None), said(text=b"yes")])
async def test_what_is_no_answer_is_a_failure_of_the_model(answer: Any) -> None:
    stage = Stage(Adapter(lambda _: answer))
    with pytest.raises(ModelUnavailable, match="an answer is a ModelResponse with a text"):
        await stage.answer()
    assert stage.of(ModelAnswered)[0].error is not None


async def test_an_odd_exception_in_a_batch_is_one_item_of_it() -> None:
    def answer(prompt: str) -> ModelResponse:
        if prompt == "b":
            raise Odd
        return said(prompt)

    answers = await value_of("FINAL(await llm_query_batched(['a', 'b', 'c']))", Adapter(answer))
    assert answers == ["a", "ERROR: ModelUnavailable: the call failed", "c"]


@pytest.mark.parametrize(
    "usage",
    [{"input_tokens": -1_000}, {"output_tokens": 1.5}, {"input_tokens": "5"}, {"cost_usd": math.nan}, {"cost_usd": -1.0}, {"calls": 2**99}],
)
async def test_a_usage_that_no_budget_can_add_up_is_estimated(usage: dict[str, Any]) -> None:
    stage = Stage(Adapter(lambda _: said("FINAL(x)", **usage)))
    await stage.answer()
    assert stage.budget.usage.estimated
    assert (stage.budget.usage.output_tokens, stage.budget.usage.calls) == (2, 1)


async def test_an_answer_that_counts_no_call_is_not_free() -> None:
    stage = Stage(Adapter(lambda _: said("FINAL(x)", calls=0, input_tokens=7)))
    await stage.answer()
    assert stage.budget.usage == Usage(input_tokens=7, calls=1)


@pytest.mark.parametrize("answer", [said(Text("FINAL(x)")), said("FINAL(x)", model="\ud800"), said("FINAL(x)", model=None)])
async def test_odd_texts_of_an_adapter_reach_the_journal_as_plain_ones(answer: ModelResponse) -> None:
    stage = Stage(Adapter(lambda _: answer))
    assert (await stage.answer()).value == "x"
    assert type(stage.tree.journal.effects("r")[0].outcome["text"]) is str


async def test_half_a_surrogate_in_an_error_does_not_hide_the_error() -> None:
    stage = Stage(failing(ModelRefused("no \ud800")))
    with pytest.raises(ModelRefused):
        await stage.answer()
    assert stage.tree.journal.run("r").result["error"] == "ModelRefused: no ?"
    assert all(map(to_jsonl, stage.events))


async def test_a_refused_answer_is_charged_what_it_used() -> None:
    refused = ModelRefused("no text", usage=Usage(input_tokens=900, output_tokens=100, calls=1))
    stage = Stage(cells("try:\n    await llm_query('x')\nexcept RuntimeError:\n    FINAL(1)"), failing(refused))
    await stage.answer()
    assert [event.output_tokens for event in stage.of(ModelAnswered)][-1] == 100
    assert stage.tree.journal.effects("r")[-1].outcome["usage"]["input_tokens"] == 900
    assert stage.of(RunEnded)[0].input_tokens == stage.budget.usage.input_tokens >= 900


async def test_an_event_handler_that_raises_leaves_nothing_reserved() -> None:
    stage = Stage(ScriptedModel(["FINAL(x)"]))

    def emit(event: object) -> None:
        if isinstance(event, ModelAsked):
            raise Odd

    stage.tree.emit = emit
    with pytest.raises(Odd):
        await stage.answer()
    assert stage.budget._ledger.tokens_held == 0


def test_a_text_counts_by_its_bytes() -> None:
    assert token_bytes([Message("user", "ab"), Message("user", "中\ud800")]) == 6


def test_the_estimate_after_a_call_is_the_one_before_it() -> None:
    asked = [Message("user", "中" * 400)]
    assert estimate(asked, "中" * 40) == Usage(input_tokens=300, output_tokens=30, calls=1, estimated=True)
    assert token_bytes(asked) == 1_200


@pytest.mark.parametrize("usage", [Usage(input_tokens=-10_000, calls=1), Usage(output_tokens=10**30), "much"])
async def test_a_failed_call_gives_nothing_back_to_the_budget(usage: object) -> None:
    class Refusing(ScriptedModel):
        async def complete(self, messages: Any, **_: Any) -> ModelResponse:
            raise ModelRefused("no", usage=usage)

    with pytest.raises(ModelRefused) as caught:
        await complete(Refusing(), [Message("user", "x")], None)
    assert caught.value.usage is None


async def test_a_failed_call_that_cost_something_counts_as_a_call() -> None:
    class Refusing(ScriptedModel):
        async def complete(self, messages: Any, **_: Any) -> ModelResponse:
            raise ModelRefused("no", usage=Usage(input_tokens=3))

    with pytest.raises(ModelRefused) as caught:
        await complete(Refusing(), [Message("user", "x")], None)
    assert caught.value.usage == Usage(input_tokens=3, calls=1)
