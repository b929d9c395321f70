"""asyncio without sockets: its loop sleeps where others would wait for a file descriptor."""

from __future__ import annotations

import asyncio
import asyncio.events
import asyncio.runners
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any


class _Selector(selectors._BaseSelectorImpl):
    """Knows no descriptors. A sleep moves the clock on at once, so a timer is always due when it comes back."""

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("asyncio: nothing is left that could wake this loop up")
        if timeout > 0:
            time.sleep(timeout)
        return []


class GuestLoop(asyncio.SelectorEventLoop):
    """One thread and no descriptors: no self-pipe, and executors run in place."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def _make_self_pipe(self) -> None:
        self._internal_fds = 0

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """Call it now."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever awaits the future
            future.set_exception(error)
        return future


def install() -> None:
    """Make it the loop that `asyncio.run` uses."""
    run = asyncio.run

    def run_here(main: Coroutine[Any, Any, Any], *, debug: bool | None = None, loop_factory: Any = None) -> Any:
        return run(main, debug=debug, loop_factory=loop_factory or GuestLoop)  # type: ignore[call-arg]  # there since 3.12

    run_here.__name__ = run_here.__qualname__ = "run"
    asyncio.run = asyncio.runners.run = run_here
