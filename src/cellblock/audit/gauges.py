"""What an attack does to the process that it attacks: how long the event loop stood still, memory, time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

_LOOK_SECONDS = 0.005


@dataclass(slots=True)
class Gauge:
    """What was measured; complete once its block has ended."""

    seconds: float = 0.0
    lag_seconds: float = 0.0
    """The longest time for which the event loop did nothing else."""
    memory_bytes: int = 0
    """Resident memory of this process at its peak, beyond what it was before."""


def running_clock() -> float:
    """Seconds, without those that this thread spent waiting for a processor: other processes' load is not our stall."""
    waited = int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1])
    return time.perf_counter() - waited / 1e9


@asynccontextmanager
async def gauged() -> AsyncIterator[Gauge]:
    """Measure what happens in the block."""
    gauge = Gauge()
    _forget_peak()
    started, before = time.perf_counter(), _resident("VmRSS")
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, gauge)
            await anyio.lowlevel.checkpoint()
            yield gauge
            group.cancel_scope.cancel()
    finally:
        gauge.seconds = time.perf_counter() - started
        gauge.memory_bytes = max(0, _resident("VmHWM") - before)


async def _watch(gauge: Gauge) -> None:
    last = running_clock()
    while True:
        await anyio.sleep(_LOOK_SECONDS)
        now = running_clock()
        gauge.lag_seconds = max(gauge.lag_seconds, now - last - _LOOK_SECONDS)
        last = now


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _resident(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(name + ":"):
            return 1024 * int(line.split()[1])
    return 0
