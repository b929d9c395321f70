"""Sessions whose questions come from anybody: none of them makes the next one fail."""

from __future__ import annotations

import pytest

from cellblock.engine.conversation import Conversation
from cellblock.engine.run import RLM
from cellblock.engine.settings import Turn
from cellblock.host.context import Context
from cellblock.models import ScriptedModel

pytestmark = pytest.mark.anyio


def chat(*replies: str) -> Conversation:
    return RLM(ScriptedModel(replies), sandbox="restricted", journal=":memory:").session("c")


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


async def test_a_question_with_half_a_character_does_not_end_the_session() -> None:
    async with chat(cell("FINAL(1)"), cell("FINAL(history)")) as session:
        await session.arun("a\ud800b")
        assert (await session.arun("and then?")).value == [{"question": "a?b", "answer": "1"}]


async def test_long_questions_do_not_end_the_session() -> None:
    async with chat(*[cell("FINAL(1)")] * 9, cell("FINAL([len(history), len(history[0]['question'])])")) as session:
        for _ in range(9):
            await session.arun("é" * 4_000_000)
        assert (await session.arun("and then?")).value == [9, 20_000]


async def test_what_is_closed_during_a_question_is_forgotten_after_it() -> None:
    seen: list[int] = []
    session: Conversation

    async def perform(question: str, context: Context, turn: Turn, on_event: object) -> object:
        session.close()
        seen.append(context.fd)
        assert turn.carry is not None
        turn.carry.snapshot = b"the variables"
        return type("Result", (), {"answer": "1"})

    session = Conversation(perform, "c")  # type: ignore[arg-type]
    await session.arun("q")
    assert len(seen) == 1
    assert session._held is None
    assert session._carry.snapshot is None
