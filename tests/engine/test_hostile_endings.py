"""What the end of a question can cost: the event loop's time, or an answer that was paid for."""

from __future__ import annotations

import time

import anyio.lowlevel
import pytest

from cellblock.engine.driver import _next
from cellblock.engine.effects import Conclusion, Exec, Got, Loop, Ran, Reply
from cellblock.engine.run import RLM
from cellblock.errors import StoreError
from cellblock.models import ScriptedModel
from cellblock.repl.protocol import ExecResult
from cellblock.repl.session import Session

pytestmark = pytest.mark.anyio


def slow_loop() -> Loop:
    """A loop that takes its time over an answer."""
    yield Exec(code="", step=1, index=0)
    time.sleep(0.3)
    return Conclusion(success=True)


@pytest.mark.parametrize(
    "outcome", [Ran(result=ExecResult(has_final=True, final=1)), Got(value=1), Reply(text="FINAL(1)")], ids=["FINAL", "a variable", "text"]
)
async def test_an_answer_is_checked_beside_the_event_loop(outcome: Ran | Got | Reply) -> None:
    loop = slow_loop()
    next(loop)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.01)
            ticks += 1

    async with anyio.create_task_group() as group:
        group.start_soon(tick)
        await anyio.lowlevel.checkpoint()
        assert isinstance(await _next(loop, outcome, typed=True), Conclusion)
        group.cancel_scope.cancel()
    assert ticks > 5


@pytest.mark.parametrize("error", [StoreError("/home/u/secret: full"), OSError(24, "Too many open files")], ids=["store", "files"])
async def test_an_answer_is_not_lost_because_the_variables_could_not_be_kept(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: Session) -> None:
        raise error

    monkeypatch.setattr(Session, "dump", broken)
    session = RLM(ScriptedModel(["```repl\nFINAL(1)\n```"]), sandbox="restricted", journal=":memory:").session("c")
    async with session:
        assert (await session.arun("q")).value == 1
    assert "secret" not in str(session._carry.left_out)
