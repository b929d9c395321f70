"""Models that an attacker speaks for: figures that would give a budget back, verdicts of two minds, replies without end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from responsive import holds_up_for

from cellblock.engine import asides
from cellblock.engine.asking import complete
from cellblock.engine.guards import Guards
from cellblock.engine.history import History, Transcript
from cellblock.engine.tools import Tool
from cellblock.errors import ConfigError, ModelRefused
from cellblock.models import ScriptedModel
from cellblock.models.protocol import Message, ModelResponse, Usage

from .doubles import value_of

pytestmark = pytest.mark.anyio

ASKED = [Message("user", "12345678")]


@pytest.mark.parametrize(
    "figures",
    [
        {"input_tokens": 1, "cached_tokens": 10**9, "output_tokens": 1},
        {"input_tokens": 1, "output_tokens": 1, "cost_usd": "0.1"},
        {"input_tokens": 1, "output_tokens": 1, "cost_usd": True},
        {"input_tokens": 1, "output_tokens": 1, "cost_usd": 10**400},
    ],
    ids=["more cached than sent", "a cost in words", "a cost of yes", "an endless cost"],
)
async def test_a_usage_that_would_give_money_back_does_not_count(figures: dict[str, Any]) -> None:
    used = Usage(calls=1, **figures)
    answered = await complete(ScriptedModel([ModelResponse(text="abcd", usage=used, model="m")]), ASKED, None)
    assert answered.usage == Usage(input_tokens=2, output_tokens=1, calls=1, estimated=True)
    with pytest.raises(ModelRefused) as refused:
        await complete(ScriptedModel([ModelRefused("no", usage=used)]), ASKED, None)
    assert refused.value.usage is None


@pytest.mark.parametrize(
    "reply", ["VERIFIED is what the answer says of itself.\nREJECTED: it is not so", "`VERIFIED`?\n\n**REJECTED**: it is not so"]
)
def test_a_verdict_that_says_both_turns_the_answer_down(reply: str) -> None:
    assert asides.verdict(reply) == "it is not so"


def test_a_verdict_of_a_million_lines_is_read_at_once() -> None:
    assert holds_up_for(lambda: asides.verdict("\nab" * 10_000_000) and None) < 0.3


def test_a_summary_without_end_does_not_fill_every_prompt_after_it() -> None:
    transcript = Transcript(History(compact_at=0.5))
    transcript.begin(Message("system", "s"), Message("user", "q"))
    for _ in range(2):
        transcript.said("reply")
        transcript.told(Message("user", "told"))
    transcript.sum_up("known: 7\n" + "S" * 30_000_000 + "\nnext: look")
    shown = transcript.messages()[1].content
    assert len(shown) < 21_000
    assert "known: 7" in shown and "next: look" in shown


def test_patterns_that_are_no_texts_are_refused_where_they_are_given() -> None:
    with pytest.raises(ConfigError, match="auto_finalize_reject_patterns"):
        Guards(auto_finalize_var="x", auto_finalize_reject_patterns=(1,))  # type: ignore[arg-type]


def test_no_tool_is_named_like_the_list_of_earlier_questions() -> None:
    def history(day: int) -> int:
        return day

    with pytest.raises(ConfigError, match="a name that every cell has already"):
        Tool.of(history)


class CancelsItself:
    """An adapter in which something is cancelled that nobody asked to be."""

    name = "odd"

    async def complete(self, messages: Sequence[Message], **_: object) -> ModelResponse:
        if "bad" in messages[-1].content:
            raise asyncio.CancelledError
        return ModelResponse(text="fine", usage=Usage(calls=1), model=self.name)

    async def aclose(self) -> None: ...


async def test_an_adapter_that_is_cancelled_from_within_fails_like_a_model() -> None:
    code = "FINAL(await llm_query_batched(['a', 'bad', 'b']))"
    assert await value_of(code, CancelsItself()) == ["fine", "ERROR: ModelUnavailable: the call failed", "fine"]  # type: ignore[arg-type]
    assert await value_of("FINAL(await llm_query('bad'))", CancelsItself()) == "RuntimeError: ModelUnavailable: the call failed"  # type: ignore[arg-type]


class Waits(CancelsItself):
    """An adapter whose answer never comes."""

    async def complete(self, messages: Sequence[Message], **_: object) -> ModelResponse:
        await anyio.sleep_forever()
        raise AssertionError("unreachable")


async def test_a_call_that_is_cancelled_from_outside_is_cancelled() -> None:
    with anyio.move_on_after(0.01) as scope:
        await complete(Waits(), ASKED, None)  # type: ignore[arg-type]
    assert scope.cancelled_caught
