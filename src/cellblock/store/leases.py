"""Leases: who may drive a run or write a thread.

The holder is named by its process. One that is provably dead (see `processes.py`) is succeeded at once. Of one that runs elsewhere, on
another machine or in another container, only its heartbeat is known: who wants the lease watches the counter by its own monotonic clock.
Clocks of two machines are never compared. Every taker has an epoch one higher than the one before, by compare-and-set, and every write of
a driver can be bound to its epoch (`Journal.hold`, `Leases.check`): one that was suspended and wakes up late cannot write any more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

import anyio

from ..errors import LeaseHeld, StoreError
from ..in_thread import at_once
from .database import Database, check_name
from .processes import Process, standing, this_process
from .rows import NUMBER, Kinds, as_declared

LEASE_SECONDS = 10.0
"""So long the heartbeat of a holder elsewhere must have stood still before another one takes over."""
BEAT_SECONDS = 2.0
"""How often a holder should call `beat`."""
_LOOK_SECONDS = 1.0

LOST = "another process drives this run now; what this one does is not recorded any more"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The right to drive what `name` names, for as long as `epoch` stands."""

    name: str
    epoch: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    epoch: int
    held: int
    """As it stands there: 0 or 1, in a file that nobody has changed by hand."""
    beats: int
    holder: Process


class Leases:
    """The leases of one tenant."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._db, self._tenant = database, tenant

    def take(self, name: str) -> Lease:
        """The lease, if nobody has it or whoever has it is dead.

        Raises:
            LeaseHeld: its holder lives (it may be this process), or runs elsewhere.
            StoreError: the store cannot be written.
        """
        check_name("lease", name)
        while True:
            row = self._row(name)
            if row is not None and row.held and (where := standing(row.holder)) != "dead":
                raise LeaseHeld(name, pid=row.holder.pid, machine=row.holder.machine, elsewhere=where == "elsewhere")
            # False: another taker was faster.
            if (lease := self._succeed(name, row)) is not None:
                return lease

    async def take_when_free(
        self,
        name: str,
        *,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> Lease:
        """The lease, also if its holder runs elsewhere and its heartbeat stands still for `LEASE_SECONDS`.

        Args:
            sleep: waits for so many seconds.
            clock: seconds of a clock that never goes back.

        Raises: as `take`; LeaseHeld of a holder elsewhere only after its heartbeat was seen to move.
        """
        since, seen = clock(), self._row(name)
        while True:
            try:
                # In a thread: the first write of a connection waits for the disk.
                return await at_once(partial(self.take, name), undo=self.release)
            except LeaseHeld as error:
                row = self._row(name)
                if not error.elsewhere or row is None or seen is None or row != seen:
                    # It changed hands or moved while this one watched.
                    raise
                if clock() - since >= LEASE_SECONDS and (lease := self._succeed(name, row)) is not None:
                    return lease
            await sleep(_LOOK_SECONDS)

    def check(self, lease: Lease) -> None:
        """Within a transaction: make sure that the lease is still ours, and that it stays so until the transaction has ended.

        Raises:
            StoreError: it is not.
        """
        sql = f"SELECT 1 FROM leases WHERE tenant = ? AND name = ? AND epoch = ? AND held = 1{self._db.share}"
        if not self._db.rows(sql, (self._tenant, lease.name, lease.epoch)):
            raise StoreError(f"{lease.name}: {LOST}")

    def beat(self, lease: Lease, seconds: float = 0.0) -> None:
        """Show that the holder lives.

        Args:
            seconds: for which it was active since the last time, by its monotonic clock.

        Raises:
            StoreError: the lease is not ours any more: stop.
        """
        if not (0 <= seconds < math.inf):
            raise ValueError(f"seconds={seconds}: a time that has passed is needed")
        sql = "UPDATE leases SET beats = beats + 1, active = active + ? WHERE tenant = ? AND name = ? AND epoch = ? AND held = 1"
        if not self._db.execute(sql, (float(seconds), self._tenant, lease.name, lease.epoch)).rowcount:
            raise StoreError(f"{lease.name}: {LOST}")

    def release(self, lease: Lease) -> None:
        """Give it back. Harmless if it is not ours any more.

        Raises:
            StoreError: the store cannot be written.
        """
        sql = "UPDATE leases SET held = 0 WHERE tenant = ? AND name = ? AND epoch = ?"
        self._db.execute(sql, (self._tenant, lease.name, lease.epoch))

    def active_seconds(self, name: str) -> float:
        """For how long all its holders together were active, as they told with their heartbeats.

        Raises:
            StoreError: it cannot be read.
        """
        rows = self._db.rows("SELECT active FROM leases WHERE tenant = ? AND name = ?", (self._tenant, name))
        return float(as_declared(self._db.place, "leases", {"active": NUMBER}, rows[0])[0]) if rows else 0.0

    def _row(self, name: str) -> _Row | None:
        sql = "SELECT epoch, held, beats, boot, namespace, pid, start, machine FROM leases WHERE tenant = ? AND name = ?"
        for row in self._db.rows(sql, (self._tenant, name)):
            epoch, held, beats, *holder = as_declared(self._db.place, "leases", _COLUMNS | _HOLDER_COLUMNS, row)
            return _Row(epoch=epoch, held=held, beats=beats, holder=_process(holder))
        return None

    def _succeed(self, name: str, row: _Row | None) -> Lease | None:
        """The lease after `row`, None if that is not how it stands any more."""
        holder = astuple(this_process())
        if row is None:
            sql = """
                INSERT INTO leases (tenant, name, epoch, held, beats, active, boot, namespace, pid, start, machine)
                VALUES (?, ?, 1, 1, 0, 0, ?, ?, ?, ?, ?) ON CONFLICT (tenant, name) DO NOTHING"""
            done = self._db.execute(sql, (self._tenant, name, *holder))
            return Lease(name=name, epoch=1) if done.rowcount else None
        sql = """
            UPDATE leases SET epoch = epoch + 1, held = 1, boot = ?, namespace = ?, pid = ?, start = ?, machine = ?
            WHERE tenant = ? AND name = ? AND epoch = ? AND held = ? AND beats = ?"""
        values = (*holder, self._tenant, name, row.epoch, row.held, row.beats)
        return Lease(name=name, epoch=row.epoch + 1) if self._db.execute(sql, values).rowcount else None


def holder_of(database: Database, tenant: str, name: str) -> Process | None:
    """The process that holds a lease and may be alive."""
    sql = "SELECT boot, namespace, pid, start, machine FROM leases WHERE tenant = ? AND name = ? AND held = 1"
    for row in database.rows(sql, (tenant, name)):
        holder = _process(as_declared(database.place, "leases", _HOLDER_COLUMNS, row))
        if standing(holder) != "dead":
            return holder
    return None


_COLUMNS: dict[str, Kinds] = {"epoch": int, "held": int, "beats": int}
_HOLDER_COLUMNS: dict[str, Kinds] = {"boot": str, "namespace": str, "pid": int, "start": int, "machine": str}


def _process(row: Sequence[Any]) -> Process:
    boot, namespace, pid, start, machine = row
    return Process(boot=boot, namespace=namespace, pid=pid, start=start, machine=machine)
