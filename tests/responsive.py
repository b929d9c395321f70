"""Whether the event loop goes on while a session is under attack."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

STALL_SECONDS = 0.1


def running_clock() -> float:
    """Seconds, without those that this thread spent waiting for a processor: other processes' load is not our stall."""
    waited = int(Path("/proc/thread-self/schedstat").read_text().split()[1])
    return time.perf_counter() - waited / 1e9


def holds_up_for(work: Callable[[], None], *, tries: int = 3) -> float:
    """Seconds for which `work` would hold up the event loop: the least of several, since a busy neighbour can slow down any one of them."""

    def once() -> float:
        started = running_clock()
        work()
        return running_clock() - started

    return min(once() for _ in range(tries))


@asynccontextmanager
async def responsive_loop(seconds: float = STALL_SECONDS) -> AsyncIterator[None]:
    """Fails if the event loop stood still for longer.

    Args:
        seconds: more than a tenth where a thread computes meanwhile: it shares the interpreter's lock with the loop, and a busy machine may
            stop it while it has the lock.
    """
    gaps = [0.0]

    async def watch() -> None:
        last = running_clock()
        while True:
            await anyio.sleep(0.005)
            now = running_clock()
            gaps.append(now - last - 0.005)
            last = now

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        yield
        group.cancel_scope.cancel()
    assert max(gaps) < seconds, f"the event loop stalled for {max(gaps):.3f} s"
