"""Work on what a guest made is done in pieces: between two of them the event loop goes on."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TypeVar

import anyio.lowlevel

from ..values import collector_paused

T = TypeVar("T")
LONG_SECONDS = 0.01
"""Of work after which whoever goes on with what came of it may take as long again."""


async def in_pieces(pieces: Generator[None, None, T]) -> T:
    """What the work comes to. Whoever cancels it is heard at the next wait: it is over soon."""
    while True:
        started = time.perf_counter()
        with collector_paused():
            try:
                next(pieces)
            except StopIteration as end:
                found: T = end.value
                break
        await anyio.lowlevel.cancel_shielded_checkpoint()
    if time.perf_counter() - started > LONG_SECONDS:
        await anyio.lowlevel.cancel_shielded_checkpoint()
    return found
