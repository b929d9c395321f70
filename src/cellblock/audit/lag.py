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


def running_clock() -> float:
    """Seconds, without those that this thread spent waiting for a processor: other processes' load is not our stall."""
    waited = int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1])
    return time.perf_counter() - waited / 1e9


@asynccontextmanager
async def watched_loop() -> AsyncIterator[Lag]:
    """Watch the running event loop while the block runs."""
    lag = Lag()

    async def watch() -> None:
        last = running_clock()
        while True:
            await anyio.sleep(TICK_SECONDS)
            now = running_clock()
            lag.seconds = max(lag.seconds, now - last - TICK_SECONDS)
            last = now

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            yield lag
        finally:
            group.cancel_scope.cancel()
