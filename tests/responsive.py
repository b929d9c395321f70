"""Whether the event loop goes on while a session is under attack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing

from cellblock.audit.lag import RunningClock, watched_loop

STALL_SECONDS = 0.1


def holds_up_for(work: Callable[[], None], *, tries: int = 3) -> float:
    """Seconds for which `work` would hold up the event loop: the least of several, since a busy neighbour can slow down any one of them."""

    def once(clock: RunningClock) -> float:
        started = clock()
        work()
        return clock() - started

    with closing(RunningClock()) as clock:
        return min(once(clock) for _ in range(tries))


@asynccontextmanager
async def responsive_loop(seconds: float = STALL_SECONDS) -> AsyncIterator[None]:
    """Fails if the event loop stood still for longer.

    Args:
        seconds: more than a tenth where a thread computes meanwhile: it shares the interpreter's lock with the loop, and a busy machine may
            stop it while it has the lock.
    """
    async with watched_loop() as lag:
        yield
    assert lag.seconds < seconds, f"the event loop stalled for {lag.seconds:.3f} s"
