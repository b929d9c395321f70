"""Who drives a run: one process at a time, which shows that it lives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ..errors import StoreError
from ..store.leases import BEAT_SECONDS, Lease, Leases
from ..store.opening import Store
from ..store.trees import owner_of


@asynccontextmanager
async def driven(store: Store, run_id: str) -> AsyncIterator[None]:
    """Drive a run alone: from now on each write of this journal needs the run's lease.

    Raises:
        LeaseHeld: another process drives it, or this one does already.
    """
    lease = await store.leases.take_when_free(owner_of(run_id))
    store.journal.hold(lease)
    heart = _Heart(store.leases, lease)
    beating = asyncio.get_running_loop().create_task(heart.beat_on())
    try:
        yield
    finally:
        beating.cancel()
        # Whoever took over meanwhile is none of our business here: each write has said so.
        with suppress(StoreError):
            heart.beat()
            store.leases.release(lease)
        store.journal.hold(None)


class _Heart:
    def __init__(self, leases: Leases, lease: Lease) -> None:
        self._leases, self._lease, self._since = leases, lease, time.monotonic()

    def beat(self) -> None:
        now = time.monotonic()
        self._leases.beat(self._lease, now - self._since)
        self._since = now

    async def beat_on(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            # A database that is busy for once is no reason to stop; whether the lease is still ours, each write of the journal finds out.
            with suppress(StoreError):
                self.beat()
