"""Where threads are kept, and who may write one; what can be done with one without asking it anything."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from ..errors import ConfigError, LeaseHeld, StoreError
from ..host.joining import documents_of
from ..in_thread import in_thread
from ..repl.keys import tenant_key
from ..store.journal import Journal
from ..store.leases import BEAT_SECONDS, Lease, holder_of
from ..store.opening import Store, default_place, open_store, opened_aside
from ..store.threads import PART_BYTES, Added, Threads
from .contexts import ContextSource, open_context

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the threads of a tenant are.

    Raises:
        ConfigError: in memory, where nothing is kept.
    """

    path: str
    tenant: str = "default"
    secret: bytes | None = field(default=None, repr=False)
    """See `Settings.secret`."""

    def __post_init__(self) -> None:
        if in_memory(self.path):
            raise ConfigError("threads are kept in the journal's file, and ':memory:' keeps nothing; name a file with journal=")

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """The store, for the thread that asks.

        Raises:
            StoreError: it cannot be opened.
        """
        with self._open() as store:
            yield store

    def _open(self) -> Store:
        return open_store(self.path, tenant=self.tenant, key=tenant_key(self.tenant, self.secret))

    @contextmanager
    def threads(self) -> Iterator[Threads]:
        """The threads in it, for the thread that asks.

        Raises:
            StoreError: it cannot be opened.
        """
        with self.opened() as store:
            yield threads_of(store, self.tenant)

    def cut_off(self, store: Store, name: str) -> str | None:
        """The run of a thread's last question, where that was begun and never answered; None where there is nothing to resume.

        Raises:
            StoreError: it could not be read.
        """
        threads = threads_of(store, self.tenant)
        row = threads.get(name)
        if row is None or row.pending is None or holder_of(store.database, self.tenant, threads.lease_name(name)) is not None:
            return None
        try:
            return Journal.on(store.database).run(row.pending).run_id
        except LookupError:
            # It was refused before it began.
            return None

    @asynccontextmanager
    async def leased(self, name: str) -> AsyncIterator[Lease]:
        """The right to write a thread, kept up until the end of the block.

        Raises:
            LeaseHeld: another process, or this one, writes it.
            StoreError: the store cannot be used.
        """
        async with opened_aside(self._open) as store:
            lease = await _taken(store, threads_of(store, self.tenant).lease_name(name), name)
            beats = asyncio.get_running_loop().create_task(_beating(store, lease))
            try:
                yield lease
            finally:
                beats.cancel()
                # A store that cannot be written has told its reason where it mattered; the lease of a process that is gone is free.
                with suppress(StoreError):
                    store.leases.release(lease)


def in_memory(journal: str | os.PathLike[str] | None) -> bool:
    """Whether a journal is in memory, so that nothing is kept beside it."""
    return journal is not None and os.fspath(journal) == ":memory:"


def place_of(journal: str | os.PathLike[str] | None, tenant: str, secret: bytes | None = None) -> Place:
    """The place of threads beside the runs of `journal`; None takes the one in the user's data folder."""
    return Place(path=default_place() if journal is None else os.fspath(journal), tenant=tenant, secret=secret)


def threads_of(store: Store, tenant: str) -> Threads:
    """The threads in an open store of that tenant."""
    return Threads(store.database, store.blobs, store.leases, tenant=tenant)


async def _taken(store: Store, lease: str, name: str) -> Lease:
    try:
        return await store.leases.take_when_free(lease)
    except LeaseHeld as error:
        told = LeaseHeld(f"thread {name!r}", pid=error.pid, machine=error.machine, elsewhere=error.elsewhere)
        raise told from None


async def _beating(store: Store, lease: Lease) -> None:
    since = time.monotonic()
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        # One that is missed is made up for by the next; whether the lease was lost meanwhile is asked by every write.
        with suppress(StoreError):
            store.leases.beat(lease, time.monotonic() - since)
            since = time.monotonic()


async def kept(place: Place, use: Callable[[Threads], T]) -> T:
    """What `use` makes of the threads, in a thread of its own: snapshots and documents may be large."""

    def used() -> T:
        with place.threads() as threads:
            return use(threads)

    return await in_thread(used)


async def upload(place: Place, name: str, source: ContextSource) -> Added:
    """Add documents to a thread, which is made if it is new.

    Raises:
        ConfigError: they cannot be read, or that is no name.
        LeaseHeld: a question to it is being answered.
        StoreError: they could not be written; those before are in the thread.
    """
    async with place.leased(name) as lease:
        return await add_documents(place, lease, name, source)


async def delete(place: Place, name: str) -> bool:
    """Remove a thread; whether it was there. Its runs stay in the journal.

    Raises:
        LeaseHeld: a question to it is being answered.
        StoreError: it could not be removed.
    """
    async with place.leased(name) as lease:
        return await kept(place, lambda threads: threads.delete(lease, name))


async def add_documents(place: Place, lease: Lease, name: str, source: ContextSource) -> Added:
    """`upload` for whoever has the lease.

    Raises:
        ConfigError: they cannot be read.
        StoreError: they could not be written.
    """
    more = await open_context(source)
    try:
        return await kept(place, lambda threads: threads.add_documents(lease, name, documents_of(more, PART_BYTES)))
    finally:
        if more is not source:
            more.close()
