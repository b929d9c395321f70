"""A sync function in a thread that can be left behind: one that hangs holds up neither the run nor the end of the process."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import anyio

Ended = tuple[Any, BaseException | None]
"""What a function returned, or raised."""


async def call_in_a_thread(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], places: anyio.CapacityLimiter
) -> Ended:
    """What the function returned or raised, whatever it was.

    The thread is a daemon, unlike anyio's, since the interpreter waits at its end for all others. It holds one of `places` until the
    function has returned, also when nobody waits for it any more.
    """
    thread = _Thread(function, args, kwargs, places)
    await places.acquire_on_behalf_of(thread)
    try:
        thread.start()
    except BaseException:
        places.release_on_behalf_of(thread)
        raise
    return await thread.ended


class _Thread:
    def __init__(self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], places: anyio.CapacityLimiter) -> None:
        self._call = (function, args, kwargs)
        self._places = places
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self.ended: asyncio.Future[Ended] = self._loop.create_future()

    def start(self) -> None:
        threading.Thread(target=self._run, name="cellblock-tool", daemon=True).start()

    def _run(self) -> None:
        function, args, kwargs = self._call
        try:
            found: Ended = (self._context.run(function, *args, **kwargs), None)
        except BaseException as error:  # noqa: BLE001 - foreign code: not even SystemExit of it ends the host
            found = (None, error)
        # The loop may be gone by now, and with it whoever waited.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end, found)

    def _end(self, found: Ended) -> None:
        self._places.release_on_behalf_of(self)
        if not self.ended.done():
            self.ended.set_result(found)
