"""Threads beside an event loop: it never waits for one to begin."""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from cellblock.engine.run import RLM
from cellblock.in_thread import at_once, in_thread
from cellblock.models import CallableModel, ScriptedModel
from cellblock.repl.zygote import close_all
from cellblock.store.leases import Lease, Leases
from cellblock.store.sqlite import SQLiteDatabase

pytestmark = pytest.mark.anyio
NAME = contextvars.ContextVar("NAME", default="")


@pytest.fixture
def waited_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of threads whose beginning the loop waited for."""
    loop, found, start = threading.current_thread(), list[str](), threading.Thread.start

    def noticed(self: threading.Thread) -> None:
        if threading.current_thread() is loop:
            found.append(self.name)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", noticed)
    return found


async def test_a_run_waits_for_no_thread_to_begin(waited_for: list[str], tmp_path: Path, sandbox: str) -> None:
    def shout(text: str) -> str:
        return text.upper()

    def answer(prompt: str) -> str:
        return "x" * len(prompt)

    close_all()  # so that a zygote and its spares begin meanwhile
    model = ScriptedModel(["```repl\nparts = [llm_query(shout('a') * 10) for i in range(3)]\nFINAL('y' * 5_000_000)\n```"])
    files = {"cache": tmp_path / "cache.db", "journal": tmp_path / "journal.db"}
    result = await RLM(model, sub_model=CallableModel(answer), sandbox=sandbox, tools=[shout], **files).arun("q", "c" * 1_000_000)
    assert (result.error, len(str(result.value))) == (None, 5_000_000)
    assert waited_for == []


async def test_a_journal_is_opened_and_closed_and_first_written_to_in_a_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loop, done = threading.current_thread(), list[tuple[str, bool]]()

    def noticed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **options: Any) -> Any:
            done.append((name, threading.current_thread() is loop))
            return work(*given, **options)

        return called

    for owner, name in ((SQLiteDatabase, "__init__"), (SQLiteDatabase, "close"), (Leases, "take")):
        monkeypatch.setattr(owner, name, noticed(name, getattr(owner, name)))
    rlm = RLM(ScriptedModel(fallback=lambda messages: "FINAL(yes)"), journal=tmp_path / "journal.db")
    await rlm.arun("q", "c")
    async with rlm.thread("t") as thread:
        await thread.arun("q", "c")
    assert {name for name, _ in done} == {"__init__", "close", "take"}
    assert [name for name, on_the_loop in done if on_the_loop] == []


async def test_what_a_thread_returns_or_raises_comes_back() -> None:
    def fail(error: BaseException) -> None:
        raise error

    token = NAME.set("this task's")
    assert await in_thread(lambda left, right: (left + right, NAME.get()), 1, 2) == (3, "this task's")
    NAME.reset(token)
    for error in (ValueError("no"), SystemExit(3)):
        with pytest.raises(type(error)) as raised:
            await in_thread(fail, error)
        assert raised.value is error


@pytest.mark.parametrize("left_behind", [True, False])
async def test_who_is_cancelled_waits_for_the_thread_or_leaves_it_behind(left_behind: bool) -> None:
    begun, go_on, ended, token = anyio.Event(), threading.Event(), threading.Event(), anyio.lowlevel.current_token()

    def work(tell: Callable[..., Any]) -> None:
        tell()
        go_on.wait(20)
        ended.set()

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def cancel() -> None:
                await begun.wait()
                scope.cancel()
                if not left_behind:
                    go_on.set()

            group.start_soon(cancel)
            await in_thread(work, lambda: anyio.from_thread.run_sync(begun.set, token=token), abandon_on_cancel=left_behind)
    assert ended.is_set() is not left_behind
    go_on.set()


@pytest.mark.parametrize("undone", [False, True])
async def test_who_is_cancelled_by_asyncio_waits_too_and_what_came_of_it_is_undone(undone: bool) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), list[str]()

    def work() -> str:
        begun.set()
        go_on.wait(20)
        done.append("done")
        return "it"

    asked = at_once(work, undo=lambda what: done.append(f"{what} undone")) if undone else in_thread(work)
    task = asyncio.get_running_loop().create_task(asked)
    await in_thread(begun.wait, 20)
    for _ in range(3):
        task.cancel()
        await anyio.lowlevel.checkpoint()
    assert not task.done() and not done
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["done", "it undone"][: 1 + undone]


async def test_what_a_thread_failed_with_is_told_to_who_was_cancelled() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(20)
        raise ValueError("no")

    task = asyncio.get_running_loop().create_task(in_thread(work))
    await in_thread(begun.wait, 20)
    task.cancel()
    await anyio.lowlevel.checkpoint()
    go_on.set()
    with pytest.raises(asyncio.CancelledError) as raised:
        await task
    assert isinstance(raised.value.__cause__, ValueError)


async def test_a_lease_that_was_taken_for_a_cancelled_task_is_free_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rlm = RLM(ScriptedModel(fallback=lambda messages: "FINAL(yes)"), journal=tmp_path / "journal.db")
    begun, go_on, take = threading.Event(), threading.Event(), Leases.take

    def slowly(leases: Leases, name: str) -> Lease:
        begun.set()
        go_on.wait(20)
        return take(leases, name)

    async with rlm.thread("t") as thread:
        monkeypatch.setattr(Leases, "take", slowly)
        task = asyncio.get_running_loop().create_task(thread.aupload("a"))
        await in_thread(begun.wait, 20)
        task.cancel()
        await anyio.lowlevel.checkpoint()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sorted(os.listdir(tmp_path)) == ["journal.db"]  # it was closed, too
        monkeypatch.setattr(Leases, "take", take)
        await thread.aupload("a")


async def test_work_is_done_here_where_there_are_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(work: Callable[[], object], args: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", none_left)
    assert await at_once(threading.current_thread) is threading.current_thread()


async def test_a_function_in_a_thread_may_run_a_loop_of_its_own() -> None:
    async def answer() -> str:
        await anyio.sleep(0)
        return "yes"

    assert await in_thread(anyio.run, answer) == "yes"


async def test_no_more_threads_at_once_than_there_are_places() -> None:
    places, most, now, lock = anyio.CapacityLimiter(2), 0, 0, threading.Lock()
    full = threading.Barrier(2)

    def work() -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        full.wait(20)
        with lock:
            now -= 1

    async def one() -> None:
        await in_thread(work, limiter=places)

    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(one)
    assert most == 2
