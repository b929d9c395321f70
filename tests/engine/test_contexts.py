from __future__ import annotations

from collections.abc import Awaitable

import anyio
import anyio.lowlevel
import pytest

from cellblock.engine.contexts import open_context
from cellblock.errors import ConfigError

from .doubles import Stage, cells

pytestmark = pytest.mark.anyio


async def turns_during(work: Awaitable[object]) -> int:
    """How often another task of the event loop had its turn meanwhile."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as group:
        group.start_soon(count)
        await work
        group.cancel_scope.cancel()
    return turns


async def test_a_large_context_is_made_while_the_event_loop_goes_on() -> None:
    assert await turns_during(open_context(["a document"] * 60_000)) > 20


async def test_a_reply_that_is_costly_to_read_does_not_hold_up_the_event_loop() -> None:
    stage = Stage(cells(end="\n" * 900_000 + "FINAL(x)"))
    assert await turns_during(stage.answer()) > 20
    assert stage.tree.journal.run("r").result["value"] == "x"


async def test_a_context_that_cannot_be_made_says_why() -> None:
    with pytest.raises(ConfigError, match="lone surrogate at character 0"):
        await open_context(["\ud800"])
