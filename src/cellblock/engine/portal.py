"""Async calls for code without an event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from anyio.from_thread import start_blocking_portal

T = TypeVar("T")


def blocking(call: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of `call`, run on an event loop of its own in another thread. Ctrl-C cancels it. Under a running loop it blocks that."""
    with start_blocking_portal("asyncio") as portal:
        future = portal.start_task_soon(call)
        try:
            result: T = future.result()
            return result
        except BaseException:
            # Ctrl-C arrives here, in the caller's thread; the run is in the portal's.
            future.cancel()
            raise
