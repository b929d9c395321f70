"""The clocks of one exec: the worker's own wall and processor time, taken while the host waits for it and never otherwise."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

from ..errors import LimitExceeded
from ..limits import ExecLimits
from .process import WorkerProcess
from .wire import Incoming, Wire, WorkerDied

T = TypeVar("T")
GRACE_SECONDS = 0.25
"""After an interrupt: a cell that has not ended by then is killed."""
_INTERRUPT_AGAIN_SECONDS = 0.05
"""The cell can swallow one interrupt, and native code can hold it up."""
_SHORTEST_LOOK = 0.02
"""Seconds between two looks at the processor clock, at least."""


class Meter:
    """Waits for frames under the limits of one exec.

    Attributes:
        wall: seconds that were charged so far.
        passed: the limit at which the cell was interrupted, if it was.
    """

    __slots__ = (
        "_cpu_start", "_grace_ends", "_interrupt", "_limits", "_process", "_received_start", "_sent_start", "_started", "_wire", "passed",
        "wall",
    )  # fmt: skip

    def __init__(self, wire: Wire, process: WorkerProcess, limits: ExecLimits, interrupt: Callable[[], None] | None = None) -> None:
        """`interrupt` asks the worker to end the cell by itself; None where it cannot, and is killed at once."""
        self._wire, self._process, self._limits, self._interrupt = wire, process, limits, interrupt
        self._cpu_start, self._started = process.cpu_seconds(), time.perf_counter()
        self._received_start, self._sent_start = wire.received, wire.sent
        self.wall, self._grace_ends = 0.0, 0.0
        self.passed: LimitExceeded | None = None

    @property
    def cpu(self) -> float:
        """Processor seconds of the worker since the exec began."""
        return max(0.0, self._process.cpu_seconds() - self._cpu_start)  # of a dead worker nothing is known

    @property
    def taken(self) -> int:
        """Bytes that the worker was given since the exec began."""
        return self._wire.sent - self._sent_start

    async def receive(self) -> Incoming:
        """The next frame.

        Raises:
            LimitExceeded: the worker used up a limit; it has to be killed.
            SandboxBroken: it hung up, or sent what is no frame.
        """
        while True:
            frame = await self._wait(self._wire.receive, self._patience())
            self._check()
            if frame is not None:
                return frame

    async def send(self, frame: dict[str, Any]) -> None:
        """Write one frame. A worker that does not read it is on the clock, too.

        Raises:
            LimitExceeded: the worker used up a limit; it has to be killed.
            SandboxBroken: it hung up.
            ValueError: the frame is too large.
        """
        rest = self._wire.offer(frame)
        if rest and not await self._wait(lambda: self._finished(rest), self._limits.wall_seconds - self.wall):
            raise self._wall_passed()

    def expect(self, size: int) -> None:
        """Refuse what has not been read yet, and would be too much.

        Raises:
            LimitExceeded: with so many bytes more.
        """
        if (out := self._wire.received - self._received_start + size) > self._limits.bytes_out:
            raise LimitExceeded("bytes_out", allowed=self._limits.bytes_out, used=out)

    def give(self, size: int) -> None:
        """Refuse what has not been sent yet, and would be too much.

        Raises:
            LimitExceeded: with so many bytes more.
        """
        if (taken := self.taken + size) > self._limits.bytes_in:
            raise LimitExceeded("bytes_in", allowed=self._limits.bytes_in, used=taken)

    def check_alive(self) -> None:
        """Refuse what a worker asked for that somebody has ended since.

        Raises:
            WorkerDied: it was.
        """
        if not self._process.alive:
            raise WorkerDied("the worker was ended")

    async def _finished(self, rest: memoryview) -> bool:
        await self._wire.finish(rest)
        return True

    async def _wait(self, work: Callable[[], Awaitable[T]], patience: float) -> T | None:
        started = time.perf_counter()
        try:
            with anyio.move_on_after(max(0.0, patience)):
                return await work()
            return None
        finally:
            self.wall += time.perf_counter() - started

    def _patience(self) -> float:
        if self.passed is not None:
            return _INTERRUPT_AGAIN_SECONDS
        # Processor time cannot pass faster than the clock for a worker of one running thread: look again when it might be over.
        return min(self._limits.wall_seconds - self.wall, max(_SHORTEST_LOOK, self._limits.cpu_seconds - self.cpu))

    def _check(self) -> None:
        self.expect(0)
        self.give(0)
        passed = self.passed or self._time_passed()
        if passed is None:
            return
        if self._interrupt is None:
            raise passed
        if self.passed is None:
            self.passed, self._grace_ends = passed, time.perf_counter() + GRACE_SECONDS
        elif time.perf_counter() >= self._grace_ends:
            raise passed
        self._interrupt()

    def _time_passed(self) -> LimitExceeded | None:
        if self.wall >= self._limits.wall_seconds:
            return self._wall_passed()
        # By the clock on the wall, not by what was charged: a worker has no work to do while the host answers it.
        allowed = self._limits.cpu_seconds
        elapsed = time.perf_counter() - self._started
        if elapsed >= allowed and (cpu := self.cpu) >= allowed:
            return LimitExceeded("cpu_seconds", allowed=allowed, used=round(cpu, 3))
        return None

    def _wall_passed(self) -> LimitExceeded:
        return LimitExceeded("wall_seconds", allowed=self._limits.wall_seconds, used=round(self.wall, 3))
