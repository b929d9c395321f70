"""An event loop whose clock jumps to the next timer: hours of waiting in milliseconds, in the real order."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

_TICK = 1e-6
"""Time that passes with every round of the loop: a clock that can stand still hides loops that never end."""


class _JumpingSelector(selectors.SelectSelector):
    """Does not wait: the clock goes on by as much as it was asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.now += _TICK + max(0.0, timeout or 0.0)
        ready = super().select(0)
        assert ready or timeout is not None, "everybody waits for ever"
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = _JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


def run_virtually(function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """What `function(*args)` returns. Nothing in it may wait for a thread or a socket."""
    return anyio.run(function, *args, backend_options={"loop_factory": _VirtualLoop})
