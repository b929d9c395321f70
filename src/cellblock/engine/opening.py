"""A run's session, opened beside whatever the run does until it needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import anyio

from .tree import LiveSession

CLOSE_SECONDS = 5.0
"""How long closing a session may hold up the end of a run."""


class Opening:
    """Opens a session in the background; leaving it closes the session, or ends its opening.

    A child run's model thinks for longer than a worker takes to start, so a run that uses this waits for one of the two alone.

    Args:
        open_session: makes the session.
        waits: until somebody needs the session; else it begins at once.
    """

    def __init__(self, open_session: Callable[[], Awaitable[LiveSession]], *, waits: bool = False) -> None:
        self._open, self._waits = open_session, waits
        self._task: asyncio.Task[LiveSession] | None = None

    async def session(self) -> LiveSession:
        """The session, once it is open. Whoever is cancelled while waiting ends its opening.

        Raises:
            SandboxError: it could not be opened.
        """
        return await self._begun()

    def _begun(self) -> asyncio.Task[LiveSession]:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._opened())
        return self._task

    async def _opened(self) -> LiveSession:
        return await self._open()

    async def __aenter__(self) -> Self:
        """Begin to open it, unless it waits."""
        if not self._waits:
            self._begun()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close it, however far it has come."""
        if self._task is None:
            return
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            if not self._task.done():
                self._task.cancel()
                await asyncio.wait([self._task])
            # What it failed with was told to whoever waited for it; a run that ended before it needed its session need not know.
            if not self._task.cancelled() and self._task.exception() is None:
                await self._task.result().aclose()
