"""What an external raises ends its call, and neither the host's task nor its process; what is meant for the task goes through."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from cellblock.repl.session import open_session

pytestmark = pytest.mark.anyio


class Own(BaseException):
    """Of somebody's own."""


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, StopIteration, Own])
@pytest.mark.parametrize("is_async", [True, False])
async def test_what_an_external_raises_ends_its_call_alone(kind: type[BaseException], is_async: bool) -> None:
    def fails() -> str:
        raise kind("sk-key")

    async def fails_later() -> str:
        await anyio.sleep(0)
        raise kind("sk-key")

    async with await open_session("monty", externals={"f": fails_later if is_async else fails}) as session:
        result = await session.exec("try:\n    f()\nexcept RuntimeError as error:\n    print(error)\n")
        assert "f failed (" in result.stdout and "sk-key" not in result.stdout
        assert (await session.exec("1 + 1")).value_preview == "2"


async def test_a_cancelled_host_is_cancelled_while_an_external_answers() -> None:
    asked, ended = anyio.Event(), []

    async def slow() -> str:
        asked.set()
        await anyio.sleep_forever()
        return ""

    async with await open_session("monty", externals={"f": slow}) as session, anyio.create_task_group() as group:

        async def run() -> None:
            try:
                await session.exec("f()")
            except anyio.get_cancelled_exc_class():
                ended.append("cancelled")
                raise

        group.start_soon(run)
        await asked.wait()
        group.cancel_scope.cancel()
    assert ended == ["cancelled"]
