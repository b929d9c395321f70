"""Processes that die, calls that are cut off and a host that forks: the session goes on, or says why, and nothing is left over."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path

import anyio
import pytest
from responsive import responsive_loop

from cellblock.errors import ConfigError, SandboxBroken
from cellblock.limits import ExecLimits
from cellblock.repl import zygote
from cellblock.repl.guests import monty
from cellblock.repl.session import Session, open_session

pytestmark = pytest.mark.anyio
OTHER_MEMORY = ExecLimits(memory_bytes=64 * 2**20)
"""For which there are no spares."""


async def spares() -> zygote.Spares:
    await (await open_session()).aclose()
    pool = zygote.spares_for(monty(), "default")
    assert await anyio.to_thread.run_sync(pool.wait_ready)
    return pool


async def test_a_spare_that_died_while_it_waited_is_given_to_nobody() -> None:
    pool = await spares()
    for worker in list(pool._ready):
        os.kill(worker.pid, signal.SIGKILL)
    with anyio.fail_after(5):
        while any(worker.alive for worker in pool._ready):
            await anyio.lowlevel.checkpoint()
    async with await open_session() as session:
        assert (await session.exec("1 + 1")).value_preview == "2"


async def test_a_zygote_that_died_is_replaced_without_a_stall() -> None:
    pool = await spares()
    dead = pool.zygote
    inner = Path(f"/proc/{dead._process.pid}/task/{dead._process.pid}/children").read_text().split()
    os.kill(int(inner[0]), signal.SIGKILL)
    await anyio.to_thread.run_sync(dead._process.wait)
    async with responsive_loop(), await open_session(limits=OTHER_MEMORY) as one, await open_session() as two:
        assert (await one.exec("1")).value_preview == (await two.exec("1")).value_preview == "1"
    assert pool.zygote is not dead
    assert await anyio.to_thread.run_sync(pool.wait_ready, 10.0)


async def test_a_zygote_that_was_given_up_on_forks_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    forker = await anyio.to_thread.run_sync(zygote.Zygote, monty())
    with monkeypatch.context() as patch:
        patch.setattr(zygote, "received", _too_late)
        with pytest.raises(zygote.SandboxUnavailable):
            forker.spawn(2**28)
    assert not forker.alive
    with pytest.raises(zygote.SandboxUnavailable):
        forker.spawn(2**28)  # would have been the worker before
    forker.close()


def _too_late(*_: object) -> None:
    raise TimeoutError


async def test_closing_under_a_running_cell_ends_it_at_once_and_disturbs_nobody() -> None:
    started = anyio.Event()

    async def begin() -> None:
        started.set()

    session = await open_session(externals={"begin": begin})
    async with anyio.create_task_group() as group:
        group.start_soon(_fails, session, "begin()\nwhile True: pass")
        await started.wait()
        await session.aclose()
        async with await open_session() as other:  # may get the same descriptors
            assert (await other.exec("1 + 1")).value_preview == "2"
    assert session._standing.live is None and session._standing.history.base is None


async def _fails(session: Session, cell: str) -> None:
    with anyio.fail_after(5), pytest.raises(SandboxBroken):
        await session.exec(cell)


async def test_closing_while_a_roll_back_is_under_way_leaves_no_worker() -> None:
    session = await open_session()
    await session.exec("for i in range(100_000): pass")
    session._standing.drop()
    running = asyncio.create_task(session.exec("1"))
    await anyio.lowlevel.checkpoint()
    await session.aclose()
    with pytest.raises(SandboxBroken):
        await running
    assert session._standing.live is None and session._standing.history.base is None


async def test_an_opening_that_is_cut_off_leaves_no_descriptor() -> None:
    pool = await spares()
    await anyio.to_thread.run_sync(pool.wait_ready)
    before = len(os.listdir("/proc/self/fd"))
    for turn in range(10):
        opening = asyncio.create_task(open_session(limits=OTHER_MEMORY))
        await asyncio.wait([opening], timeout=0.001 * turn)
        if not opening.cancel():
            await opening.result().aclose()
        await asyncio.wait([opening])
    await anyio.to_thread.run_sync(pool.spawn(2**26).close)  # the zygote answers in turn: all are there now
    del opening
    gc.collect()
    await anyio.to_thread.run_sync(pool.wait_ready)
    with anyio.fail_after(20):  # threads that were making a worker for nobody still have to hear from it before they let go
        while len(os.listdir("/proc/self/fd")) > before:
            await anyio.to_thread.run_sync(pool.wait_ready)
            gc.collect()


async def test_a_forked_copy_of_the_host_neither_uses_nor_ends_a_session(repl: Session) -> None:
    await repl.exec("x = 1")
    child = os.fork()
    if child == 0:
        try:
            with pytest.raises(ConfigError, match="forked"):
                repl._check_usable()
            repl._standing.drop()
        finally:
            os._exit(0 if repl._standing.live is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (await repl.exec("x")).value_preview == "1"


async def test_a_roll_back_runs_each_cell_under_its_own_limits() -> None:
    async def answer() -> str:
        return "r" * 1_000

    async with await open_session(externals={"answer": answer}, limits=ExecLimits(host_calls=5, bytes_in=5_000)) as session:
        await session.exec("x = [answer() for i in range(40)]", limits=ExecLimits(host_calls=100))
        session._standing.drop()
        assert (await session.exec("len(x)")).value_preview == "40"


async def test_large_answers_are_not_held_for_ever() -> None:
    async def read() -> str:
        return "r" * 10_000_000

    async with await open_session(externals={"read": read}) as session:
        for _ in range(4):
            await session.exec("n = len(read())", limits=ExecLimits())
        assert session._standing.history.given < 40_000_000


@pytest.mark.parametrize("name", ["list", "len", "str", "isinstance", "repr", "type", "locals", "TypeError"])
async def test_a_variable_may_have_the_name_of_a_builtin(repl: Session, name: str) -> None:
    await repl.exec(f"{name} = 5")
    result = await repl.exec("x = [1, 'a']\n1 / 0")
    assert result.error is not None and (result.error.kind, result.changed) == ("ZeroDivisionError", ("x",))
    assert (await repl.exec("x")).value_preview == "[1, 'a']"
    assert (await repl.exec("FINAL(x)")).final == await repl.get("x") == [1, "a"]


async def test_names_that_cannot_be_set_are_refused_and_ligatures_are_letters(repl: Session) -> None:
    for name in ("class", "None", "a b", ""):
        with pytest.raises(ConfigError, match="not a variable's name"):
            await repl.set(name, 1)
    with pytest.raises(TypeError, match="reserved"):
        await repl.set("_cb_show", 1)
    await repl.set("\ufb01le", 7)
    assert await repl.get("file") == await repl.get("\ufb01le") == 7
