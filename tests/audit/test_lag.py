"""How long the event loop stood still, and what is none of its own doing."""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio
import pytest

from cellblock.audit.lag import RunningClock, watched_loop


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock()


def test_a_wait_for_a_processor_between_two_looks_is_no_stall(clock: RunningClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread is taken off its processor for half a second just before, or just after, the time is read."""
    seen = list[float]()
    for waits, times in (([0, 500_000_000, 500_000_000], [1.0, 1.5]), ([0, 500_000_000, 500_000_000], [1.5, 1.5]), ([0, 0], [1.0])):
        monkeypatch.setattr(clock, "_waited", next_of(waits))
        monkeypatch.setattr(time, "perf_counter", next_of(times))
        seen.append(clock())
    assert seen == [1.0, 1.0, 1.0]


def next_of(values: list[float]) -> Callable[[], float]:
    left = list(values)
    return lambda: left.pop(0)


@pytest.mark.anyio
async def test_work_on_the_loop_is_a_stall_and_so_is_a_call_that_blocks_it() -> None:
    def compute() -> None:
        ends = time.thread_time() + 0.05
        while time.thread_time() < ends:
            pass

    for block in (compute, lambda: time.sleep(0.05)):
        async with watched_loop() as lag:
            await anyio.sleep(0.02)
            block()
            await anyio.sleep(0.02)
        assert lag.seconds > 0.04
