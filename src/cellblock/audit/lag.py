"""For how long the event loop stood still."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import anyio

TICK_SECONDS = 0.005


class RunningClock:
    """A clock of the thread that makes it, in seconds, which stands still while that waits for a processor.

    Other processes' load is not our stall. Source: the second field of `schedstat`, in nanoseconds.
    """

    def __init__(self) -> None:
        self._file = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)

    def __call__(self) -> float:
        """What it shows now."""
        waited = self._waited()
        while True:
            now = time.perf_counter()
            if (after := self._waited()) == waited:
                return now - waited / 1e9
            waited = after  # it waited between the two looks: one of them knows of that, the other does not

    def close(self) -> None:
        """Stop reading."""
        os.close(self._file)

    def _waited(self) -> int:
        return int(os.pread(self._file, 100, 0).split()[1])


class Lag:
    """The longest that the event loop of this thread stood still, in seconds."""

    def __init__(self, clock: RunningClock) -> None:
        self.seconds = 0.0
        self._clock, self._last = clock, clock()

    def look(self, pause: float = 0.0) -> None:
        """The loop runs: it stood still since it was last seen, but for a pause that was wanted."""
        now = self._clock()
        self.seconds = max(self.seconds, now - self._last - pause)
        self._last = now


@asynccontextmanager
async def watched_loop() -> AsyncIterator[Lag]:
    """Watch the running event loop while the block runs."""
    with closing(RunningClock()) as clock:
        lag = Lag(clock)

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
