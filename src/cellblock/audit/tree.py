"""The processes below this one: how many there are between two attempts, and how many an attempt left."""

from __future__ import annotations

import os
import time

import anyio

from ..in_thread import in_thread
from ..repl.zygote import ready_everywhere
from . import orchestrator
from .processes import below

LOOKS = 5
LEFTOVER_SECONDS = 1.5
"""For which a process may outlive its session."""


class Tree:
    """Counts them. Nobody counts where `counted` is False."""

    def __init__(self, *, counted: bool = True) -> None:
        # More than once: while a process ends, the kernel may leave a whole branch out.
        self._ordinary = max(len(below(os.getpid())) for _ in range(LOOKS)) if counted else 0
        self._counted, self._runs = counted, False

    async def ready_for_runs(self, sandbox: str) -> bool:
        """Have in place what a run and its screens need, before one of them is watched. Whether that was not there yet."""
        if self._runs:
            return False
        self._runs = True
        await orchestrator.warm(sandbox)
        await in_thread(ready_everywhere)
        ends = time.monotonic() + LEFTOVER_SECONDS
        while time.monotonic() < ends:  # the command line's own spares are still being made
            self._ordinary = max(self._ordinary, len(below(os.getpid())))
            await anyio.sleep(0.02)
        return True

    async def leftover(self) -> int:
        """How many there are beyond those."""
        if not self._counted:
            return 0
        # A spare that is being made counts as one for a moment.
        ends = time.monotonic() + LEFTOVER_SECONDS
        while (more := len(below(os.getpid())) - self._ordinary) > 0 and time.monotonic() < ends:  # noqa: ASYNC110 - nobody tells of it
            await anyio.sleep(0.02)
        return max(0, more)
