"""The store: one database with the journal, the blobs and the leases of one tenant.

Everything is synchronous, and the engine calls it on the event loop, but for opening and closing, which wait for the disk. A write to
SQLite takes some 20 microseconds, less than to hand it to a thread and back; and because nothing else runs meanwhile, what is recorded
stands in the order in which it happened, and an effect is on record before the next line of code acts on it. With PostgreSQL a write takes
a round trip to its server: keep the server near.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ..errors import ConfigError, StoreError
from ..in_thread import at_once
from .blobs import Blobs, Collected
from .connecting import connect
from .database import Database, check_name
from .journal import DEFAULT_TENANT, Journal
from .leases import Leases, holder_of
from .threads import Threads

GC_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """An open store, used by one thread at a time.

    By convention what belongs to a run is owned by `run:ID` in `blobs`, and its lease has that name.
    """

    database: Database
    journal: Journal
    blobs: Blobs
    leases: Leases

    @property
    def keeps(self) -> bool:
        """Whether blobs are worth their cost: they outlive this process, and there is a secret that vouches for them."""
        return self.database.place != ":memory:" and self.blobs.authenticated

    def check(self) -> list[str]:
        """What is damaged, a line each; empty: it is sound. Reads everything of this tenant.

        Raises:
            StoreError: not even that can be done.
        """
        found = self.database.problems()
        # Each for itself: a damage that stops one of them leaves the others their say.
        for look in (self._unreadable_runs, self._unreadable_threads, self.blobs.problems):
            try:
                found += look()
            except StoreError as error:
                found.append(str(error))
        return found

    def _unreadable_runs(self) -> list[str]:
        found = []
        for run in self.journal.runs():
            try:
                deque(self.journal.each_effect(run.run_id), maxlen=0)
            except StoreError as error:
                found.append(f"run {run.run_id}: {error}")
        return found

    def _unreadable_threads(self) -> list[str]:
        threads = Threads(self.database, self.blobs, self.leases, tenant=self.blobs.tenant)
        found = []
        for thread in threads.all():
            try:
                threads.documents(thread.name)
                threads.turns(thread.name)
            except (StoreError, ConfigError) as error:
                # ConfigError: a name that no thread can have.
                found.append(f"thread {thread.name!r}: {error}")
        return found

    def gc(self, older_than_seconds: float = GC_SECONDS) -> Collected:
        """Remove blobs that nothing links to. Space in the file is used again, the file does not shrink.

        Args:
            older_than_seconds: only those that nobody has touched for so long.

        Raises:
            StoreError: they could not be removed.
        """
        for owner in self.blobs.owners_without_a_run():
            # One whose process was killed before the run was on record. Another may be about to begin: it holds its lease.
            if holder_of(self.database, self.blobs.tenant, owner) is None:
                self.blobs.unlink(owner)
        return self.blobs.gc(older_than_seconds)

    def close(self) -> None:
        """Close the database; what was written stays. Harmless when called twice. May wait for a disk."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()


@asynccontextmanager
async def opened_aside(opening: Callable[[], Store]) -> AsyncIterator[Store]:
    """An open store, for an event loop: a disk that is busy takes tenths of a second to make a file, or to remove one.

    Raises as `opening` does.
    """
    store = await at_once(opening, undo=Store.close)
    try:
        yield store
    finally:
        await at_once(store.close)


def default_place() -> str:
    """The file in the user's data folder: one for all runs and threads."""
    # Imported here: only the default needs it.
    from platformdirs import user_data_path

    return str(user_data_path("cellblock") / "journal.db")


def open_store(place: str | os.PathLike[str], *, tenant: str = DEFAULT_TENANT, key: bytes = b"") -> Store:
    """Open or make the store at a place.

    Args:
        place: path of a SQLite file, made with its folder if missing and readable by its owner alone; `:memory:` keeps it in memory;
            `postgresql://user:password@host/database` for several machines, with the extra `cellblock[postgres]`.
        tenant: whose runs, blobs and leases are seen.
        key: the secret that authenticates the tenant's blobs, the same wherever they are to be read.

    Raises:
        StoreError: it cannot be opened, is no store, is damaged, or was written by a newer version.
        ConfigError: PostgreSQL is asked for, and its library is not installed; or an argument is of another kind.
    """
    if not isinstance(tenant, str) or not tenant:
        raise ConfigError(f"tenant={str(tenant)[:50]!r}: a name is needed")
    if not isinstance(key, bytes):
        raise ConfigError(f"key: bytes are needed, not {type(key).__name__}")
    check_name("tenant", tenant)
    database = connect(place)
    return Store(
        database=database,
        journal=Journal.on(database, tenant=tenant),
        blobs=Blobs(database, tenant, key),
        leases=Leases(database, tenant),
    )
