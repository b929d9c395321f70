"""Values are copied in pieces; what others do between two of them comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
        "*['x' * 4_090 + 'é漢😀' * 3] * 7_500",
        "'x' * 33_000_000",
        "'x' * 8_000_000 + 'é漢😀'",
        "['x' * 8_000_000 + 'é漢'] * 4",
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


@pytest.mark.parametrize("cell", ["take('x' * 9_000_000 + 'é')", "take('x' * 9_000_000 + '😀')", "FINAL('x' * 9_000_000 + 'é')"])
async def test_a_text_that_would_be_four_times_as_large_in_the_host_is_refused(cell: str, sandbox: str) -> None:
    heard = Heard()
    async with await open_session(sandbox, externals={"take": heard.take}, limits=ROOMY) as session:
        result = await session.exec(cell)
        assert result.error is not None and "send it in parts" in result.error.message
        assert heard == [] and await _goes_on(session)


async def _goes_on(session: Session) -> bool:
    return (await session.exec("1 + 1")).value_preview == "2"
