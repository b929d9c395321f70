"""Sessions that open while their run's model is asked."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from cellblock.engine.opening import Opening
from cellblock.engine.roles import Models, Roles
from cellblock.errors import SandboxUnavailable
from cellblock.models.protocol import ModelResponse, Usage

from .doubles import DictREPL, Stage, cells

pytestmark = pytest.mark.anyio


async def test_it_opens_at_once_and_closes_at_the_end() -> None:
    session = DictREPL({}, None)
    begun = anyio.Event()

    async def open_it() -> DictREPL:
        begun.set()
        return session

    async with Opening(open_it) as opening:
        await begun.wait()
        assert await opening.session() is session
        assert await opening.session() is session
    assert session.closed


async def test_a_run_that_needs_no_session_does_not_wait_for_one() -> None:
    ended = anyio.Event()

    async def never() -> DictREPL:
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()
        raise AssertionError

    async with Opening(never):
        await anyio.sleep(0)
    assert ended.is_set()


async def test_whoever_waits_is_told_why_there_is_none() -> None:
    async def fail() -> DictREPL:
        raise SandboxUnavailable("no user namespaces here")

    with pytest.raises(SandboxUnavailable, match="no user namespaces"):
        async with Opening(fail) as opening:
            await opening.session()


async def test_a_failure_that_nobody_waited_for_is_no_failure() -> None:
    async def fail() -> DictREPL:
        raise SandboxUnavailable("no user namespaces here")

    async with Opening(fail):
        await anyio.sleep(0.01)


async def test_a_session_that_came_just_before_the_end_is_closed_too() -> None:
    session, go_on = DictREPL({}, None), anyio.Event()

    async def late() -> DictREPL:
        with anyio.CancelScope(shield=True):
            await go_on.wait()
        return session

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            async with Opening(late):
                await anyio.sleep(0)
                group.start_soon(anyio.sleep, 0)
                go_on.set()
                scope.cancel()
                await anyio.sleep(0)
    assert session.closed


async def test_a_root_that_gets_no_session_spends_nothing() -> None:
    stage = Stage(cells("1"))

    async def fail(*_: object, **__: object) -> DictREPL:
        raise SandboxUnavailable("no user namespaces here")

    stage.tree.open_session = fail
    with pytest.raises(SandboxUnavailable):
        await stage.answer()
    assert stage.tree.models.root.calls == []  # type: ignore[attr-defined]


async def test_a_childs_session_opens_while_its_model_is_asked() -> None:
    asked, opening = anyio.Event(), anyio.Event()

    class Child:
        name = "child"

        async def complete(self, messages: Any, *, max_tokens: int | None = None, sampling: Any = None) -> ModelResponse:
            asked.set()
            await opening.wait()
            return ModelResponse(text="FINAL(done)", usage=Usage(calls=1), model="child")

        async def aclose(self) -> None: ...

    stage = Stage(cells("FINAL(await rlm_query('go'))"))
    stage.tree.models = Roles(Models(root=stage.tree.models.root, children=Child()))
    opened = stage.open_session

    async def slow(*args: Any, **kwargs: Any) -> DictREPL:
        if stage.sessions:
            opening.set()
            await asked.wait()
        return await opened(*args, **kwargs)

    stage.tree.open_session = slow
    with anyio.fail_after(5):
        assert (await stage.answer()).value == "done"


async def test_it_is_opened_once_however_often_it_is_needed() -> None:
    opened: list[DictREPL] = []

    async def open_it() -> DictREPL:
        opened.append(DictREPL({}, None))
        return opened[-1]

    async with Opening(open_it) as opening:
        await opening.session()
        await opening.session()
    assert [session.closed for session in opened] == [True]
