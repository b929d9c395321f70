"""For how long the event loop stood still."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

TICK_SECONDS = 0.005


class Lag:
    """The longest that the loop stood still, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last = running_clock()

    def look(self, pause: float = 0.0) -> None:
        """The loop runs: it stood still since it was last seen, but for a pause that was wanted."""
        now = running_clock()
        self.seconds = max(self.seconds, now - self._last - pause)
        self._last = now


def running_clock() -> float:
    """Seconds, without those that this thread spent waiting for a processor: other processes' load is not our stall."""
    waited = int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1])
    return time.perf_counter() - waited / 1e9


@asynccontextmanager
async def watched_loop() -> AsyncIterator[Lag]:
    """Watch the running event loop while the block runs."""
    lag = Lag()

    async def watch() -> None:
        while True:
            await anyio.sleep(TICK_SECONDS)
            lag.look(TICK_SECONDS)

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            yield lag
        finally:
            group.cancel_scope.cancel()
            lag.look(TICK_SECONDS)
