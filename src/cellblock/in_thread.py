"""Work in threads, for an event loop that must not wait for one to begin.

`threading.Thread.start` holds whoever calls it until the new thread has had a processor. Beside cells that burn all there are, that was
measured to take up to some tenths of a second, and anyio's and asyncio's own pools begin their threads in that way.
"""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar, TypeVarTuple, cast

import anyio
import anyio.lowlevel
import anyio.to_thread

T = TypeVar("T")
Given = TypeVarTuple("Given")


def begin_thread(work: Callable[[], object]) -> None:
    """Do it in a thread of its own, which the end of the process does not wait for. Returns at once.

    Raises:
        RuntimeError: the system gives no more threads.
    """
    _thread.start_new_thread(work, ())


class Call(Generic[T]):
    """One call of a function in a thread of its own, with this task's context."""

    def __init__(self, function: Callable[[], T], then: Callable[[], object] = lambda: None) -> None:
        """`then` is called in the event loop once the function has ended, also where nobody waits for it any more."""
        self._function, self._then = function, then
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        if (sniffio := sys.modules.get("sniffio")) is not None:  # there is no loop in that thread: the function may run one
            self._context.run(sniffio.current_async_library_cvar.set, None)
        self.ended: asyncio.Future[tuple[T | None, BaseException | None]] = self._loop.create_future()
        """What it returned, or what it raised."""

    def begin(self) -> None:
        """Call it. Raises as `begin_thread` does."""
        begin_thread(self._run)

    async def whole(self) -> asyncio.CancelledError | None:
        """Wait until it has ended, whoever is cancelled meanwhile: that cancellation is returned, and is to be raised."""
        cancelled = None
        with anyio.CancelScope(shield=True):
            while not self.ended.done():
                try:
                    await asyncio.wait([self.ended])
                except asyncio.CancelledError as error:  # asyncio's own, which no scope keeps away
                    cancelled = error
        return cancelled

    def result(self) -> T:
        """What came of it, once it has ended."""
        value, error = self.ended.result()
        if error is not None:
            try:
                raise error
            finally:
                del error, self  # which would hold this frame by way of its traceback
        return cast(T, value)

    def _run(self) -> None:
        found: tuple[T | None, BaseException | None]
        try:
            found = (self._context.run(self._function), None)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            found = (None, error)
        # The loop may be gone by now, and with it whoever waited.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end, found)

    def _end(self, found: tuple[T | None, BaseException | None]) -> None:
        self._then()
        if not self.ended.done():
            self.ended.set_result(found)


async def in_thread(
    work: Callable[[*Given], T],
    *given: *Given,
    abandon_on_cancel: bool = False,
    limiter: anyio.CapacityLimiter | None = None,
    undo: Callable[[T], object] | None = None,
) -> T:
    """What the function returns, called in a thread of its own; it may raise whatever that raises.

    Args:
        abandon_on_cancel: whoever is cancelled does not wait for it.
        limiter: how many there may be at once; anyio's own for threads where there is none.
        undo: called the same way with what the function returned, where who waited was cancelled and will not have it.
    """
    await anyio.lowlevel.checkpoint()
    async with limiter or anyio.to_thread.current_default_thread_limiter():
        call = Call(lambda: work(*given))
        call.begin()
        if abandon_on_cancel:
            await call.ended
            return call.result()
        return await _waited_for(call, undo)


async def at_once(work: Callable[[], T], *, undo: Callable[[T], object] | None = None) -> T:
    """As `in_thread`, begun now, whatever else is in threads. Where there are no more of them, the function is called here."""
    call = Call(work)
    try:
        call.begin()
    except RuntimeError:
        return work()
    return await _waited_for(call, undo)


async def _waited_for(call: Call[T], undo: Callable[[T], object] | None) -> T:
    cancelled = await call.whole()
    if cancelled is None:
        return call.result()
    try:
        value = call.result()
        if undo is not None:
            await at_once(partial(undo, value))
    except BaseException as error:
        raise cancelled from error
    raise cancelled
