"""A run's events, live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from ..errors import ConfigError
from ..events import AnyEvent

T = TypeVar("T")


class RunStream(Generic[T]):
    """The events of one run while it runs. Iterate it once; `break`, `aclose` or leaving its `async with` cancels the run.

    Args:
        start: given a function that takes events, the coroutine of the run.
    """

    def __init__(self, start: Callable[[Callable[[AnyEvent], None]], Coroutine[Any, Any, T]]) -> None:
        self._start = start
        self._task: asyncio.Task[T] | None = None

    @property
    def result(self) -> T:
        """What the run returned.

        Raises:
            ConfigError: the run has not ended, or was cancelled.
            CellblockError: the run failed with it.
        """
        if self._task is None or not self._task.done() or self._task.cancelled():
            raise ConfigError("this run has no result: iterate its events to the end first")
        return self._task.result()

    def __aiter__(self) -> AsyncGenerator[AnyEvent, None]:
        """The events, to the end.

        Raises:
            ConfigError: it was iterated before.
            CellblockError: the run failed with it, after its last event.
        """
        if self._task is not None:
            raise ConfigError("a stream is iterated once; start another run")
        queue: asyncio.Queue[AnyEvent | None] = asyncio.Queue()
        self._task = asyncio.get_running_loop().create_task(self._start(queue.put_nowait))
        self._task.add_done_callback(lambda _: queue.put_nowait(None))
        # A generator, since nothing but the loop over it holds it: after a `break`, asyncio closes it, which ends the run.
        return _events(queue, self._task)

    async def aclose(self) -> None:
        """Cancel the run if it still runs, and wait until everything it started is gone. Harmless when called twice."""
        if self._task is not None:
            await _ended(self._task)

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """`aclose`."""
        await self.aclose()


async def _events(queue: asyncio.Queue[AnyEvent | None], task: asyncio.Task[T]) -> AsyncGenerator[AnyEvent, None]:
    try:
        while (event := await queue.get()) is not None:
            yield event
        task.result()
    finally:
        await _ended(task)


async def _ended(task: asyncio.Task[T]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        # Looked at, so that asyncio does not report it as forgotten.
        task.exception()
