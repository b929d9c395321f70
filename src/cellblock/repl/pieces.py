"""Work on what a guest made is done in pieces: between two of them the event loop goes on."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import anyio.lowlevel

from ..values import collector_paused

T = TypeVar("T")


async def in_pieces(pieces: Generator[None, None, T]) -> T:
    """What the work comes to. Whoever cancels it is heard at the next wait: it is over soon."""
    while True:
        with collector_paused():
            try:
                next(pieces)
            except StopIteration as end:
                found: T = end.value
                return found
        await anyio.lowlevel.cancel_shielded_checkpoint()
