"""A sync function in a thread that can be left behind: one that hangs holds up neither the run nor the end of the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import anyio

from ...in_thread import Call

Ended = tuple[Any, BaseException | None]
"""What a function returned, or raised."""


async def call_in_a_thread(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], places: anyio.CapacityLimiter
) -> Ended:
    """What the function returned or raised, whatever it was: not even its SystemExit ends the host.

    The thread holds one of `places` until the function has returned, also when nobody waits for it any more.
    """
    borrower = object()
    call = Call(partial(function, *args, **kwargs), then=lambda: places.release_on_behalf_of(borrower))
    await places.acquire_on_behalf_of(borrower)
    try:
        call.begin()
    except BaseException:
        places.release_on_behalf_of(borrower)
        raise
    return await call.ended
