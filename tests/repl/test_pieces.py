"""Values are copied in pieces; what others do between two of them comes first."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from responsive import STALL_SECONDS

from cellblock.audit.lag import watched_loop
from cellblock.errors import ConfigError, SandboxBroken
from cellblock.limits import ExecLimits
from cellblock.repl import pieces
from cellblock.repl.session import Session, open_session
from cellblock.values import DEFAULT_CAPS, Copier

pytestmark = pytest.mark.anyio
MANY = "[[] for i in range(60_000)]"
ROOMY = ExecLimits(wall_seconds=20, memory_bytes=2**30)
TRIES = 3


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], Awaitable[None]]]:
    """What is put in there is done once, at the next pause."""
    todo: list[Callable[[], Awaitable[None]]] = []
    pause = anyio.lowlevel.cancel_shielded_checkpoint

    async def paused() -> None:
        if todo:
            await todo.pop()()
        await pause()

    monkeypatch.setattr(pieces.anyio.lowlevel, "cancel_shielded_checkpoint", paused)
    return todo


class Heard(list[int]):
    def take(self, value: list[Any]) -> None:
        self.append(len(value))


async def test_no_call_is_made_for_a_session_that_was_closed_meanwhile(between: list[Any], sandbox: str) -> None:
    heard = Heard()
    async with await open_session(sandbox, externals={"take": heard.take}, limits=ROOMY) as session:
        between.append(session.aclose)
        with pytest.raises(SandboxBroken, match="was closed"):
            await session.exec(f"take({MANY})")
    assert heard == []


async def test_no_call_is_made_for_a_cell_that_was_cancelled_meanwhile(between: list[Any], sandbox: str) -> None:
    heard = Heard()
    async with await open_session(sandbox, externals={"take": heard.take}, limits=ROOMY) as session:
        with anyio.CancelScope() as scope:

            async def cancel() -> None:
                scope.cancel()

            between.append(cancel)
            await session.exec(f"take({MANY})")
        assert scope.cancelled_caught and heard == []


async def test_a_second_call_meanwhile_is_refused(between: list[Any], sandbox: str) -> None:
    async with await open_session(sandbox, limits=ROOMY) as session:

        async def second() -> None:
            with pytest.raises(ConfigError, match="busy"):
                await session.exec("2")

        for work in (lambda: session.exec(f"FINAL({MANY})"), lambda: session.set("v", [[]] * 60_000), lambda: session.get("v")):
            between.append(second)
            await work()
            assert not between


@pytest.mark.parametrize(
    "value",
    [[[]] * 50_000, [None] * 50_000, {str(number): [] for number in range(25_000)}, [["x"]] * 20_000, ["x" * 2**20] * 24],
    ids=["empty lists", "scalars", "a dict", "lists", "texts"],
)
async def test_a_copy_rests_whatever_it_is_a_copy_of(value: Any) -> None:
    rests = sum(1 for _ in Copier(DEFAULT_CAPS).copying(value))
    assert 4 <= rests <= 10


@pytest.mark.parametrize(
    "arguments",
    [
        "*[[]] * 99_000",
        "*[1] * 99_000",
        "**{format(i, 'x'): None for i in range(70_000)}",
        "[[] for i in range(99_000)]",
        "*['x' * 4_090 + 'é漢😀' * 3] * 900",
        "'x' * 33_000_000",
        "'x' * 4_000_000 + 'é漢😀'",
        "['x' * 2_000_000 + 'é漢'] * 4",
        "'漢' * 8_000_000",
    ],
)
async def test_no_arguments_hold_up_the_loop(arguments: str, sandbox: str) -> None:
    async def take(*args: Any, **kwargs: Any) -> Any:
        return args[0] if args else None

    async def held() -> float:
        async with await open_session(sandbox, externals={"take": take}, limits=ROOMY) as session:
            async with watched_loop() as lag:
                result = await session.exec(f"x = take({arguments})")
            assert result.error is None, result.error
            return lag.seconds

    seconds = await held()
    for _ in range(TRIES - 1):
        if seconds < STALL_SECONDS:
            break
        seconds = await held()
    assert seconds < STALL_SECONDS


WIDE = [f"take({text})" for text in ("'x' * 4_200_000 + '😀'", "'x' * 8_400_000 + '漢'", "['x' * 900_000 + '😀'] * 5", "'é' * 16_800_000")]


@pytest.mark.parametrize("cell", [*WIDE, "FINAL('x' * 4_200_000 + '😀')", "FINAL(['x' * 900_000 + '漢'] * 10)"])
async def test_texts_that_would_be_much_larger_in_the_host_than_they_came_are_refused(cell: str, sandbox: str) -> None:
    heard = Heard()
    async with await open_session(sandbox, externals={"take": heard.take}, limits=ROOMY) as session:
        result = await session.exec(cell)
        assert result.error is not None and "send it in parts" in result.error.message
        assert heard == [] and await _goes_on(session)


async def test_monty_converts_no_arguments_for_which_there_is_no_memory() -> None:
    heard = Heard()
    async with await open_session("monty", externals={"take": heard.take}, limits=replace(ROOMY, memory_bytes=2**26)) as session:
        for text in ("'x' * 15_000_000 + '😀'", "['x' * 5_000_000 + '😀' for i in range(3)]", "'x' * 30_000_000"):
            result = await session.exec(f"kept = 1\ntake({text})")
            assert result.error is not None and "too large here" in result.error.message and result.state == "kept"
        assert heard == [] and await _goes_on(session)


async def test_an_answer_that_would_be_much_larger_in_the_worker_is_refused(sandbox: str) -> None:
    text = "x" * 8_400_000 + "😀"
    async with await open_session(sandbox, externals={"give": lambda: text}, limits=ROOMY) as session:
        result = await session.exec("give()")
        assert result.error is not None and "send less at a time" in result.error.message
        assert await _goes_on(session)


async def test_a_variable_that_would_be_much_larger_in_the_worker_is_refused(sandbox: str) -> None:
    async with await open_session(sandbox, limits=ROOMY) as session:
        await session.exec("kept = 1")
        with pytest.raises(TypeError, match="send less at a time"):
            await session.set("x", "x" * 8_400_000 + "😀")
        assert (await session.exec("kept")).value_preview == "1"


async def test_an_answer_on_record_that_cannot_cross_here_is_no_other_answer(sandbox: str) -> None:
    cell = "try:\n    n = len(give())\nexcept Exception as error:\n    n = str(error)"
    async with await open_session(sandbox, externals={"give": lambda: "x" * 12_000_000}, limits=ROOMY) as session:
        await session.exec(cell)
        assert (await session.get("n")) == 12_000_000 and session.last is not None
        for memory_bytes, refused in ((2**27, False), (2**26, True)):
            opening = open_session(
                sandbox, externals={"give": lambda: ""}, limits=replace(ROOMY, memory_bytes=memory_bytes), cells=[session.last]
            )
            with pytest.raises(SandboxBroken, match="on record") if refused else nullcontext():
                async with await opening as again:
                    assert await again.get("n") == 12_000_000


async def test_calls_are_answered_whatever_memory_is_allowed(sandbox: str) -> None:
    async with await open_session(sandbox, externals={"give": lambda what: what}, limits=replace(ROOMY, memory_bytes=2**36)) as session:
        assert (await session.exec("give(1)")).value_preview == "1"


async def test_mail_that_was_read_is_given_back(sandbox: str) -> None:
    async with await open_session(sandbox, externals={"echo": lambda value: value}, limits=ROOMY) as session:
        result = await session.exec(
            "n = len(echo('x' * 12_000_000))\nm = sum(map(len, echo(['x' * 1_000_000] * 12)))\nn == m == 12_000_000"
        )
        live = session._standing.live
        assert (result.error, result.value_preview) == (None, "True") and live is not None
        assert os.fstat(live.wire.mail).st_blocks * 512 < 2**22


async def _goes_on(session: Session) -> bool:
    return (await session.exec("1 + 1")).value_preview == "2"
