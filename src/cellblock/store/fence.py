"""Writes that happen only while a lease's epoch stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import StoreError
from .database import Database
from .leases import LOST, Lease, Leases


class Fence:
    """Stands between a journal and its database. Without a lease everything passes."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._db, self._tenant, self._leases = database, tenant, Leases(database, tenant)
        self._lease: Lease | None = None
        self._sql: dict[str, str] = {}

    def hold(self, lease: Lease | None) -> None:
        """From now on writes need that lease; None: none."""
        self._lease = lease
        self._sql.clear()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction that the lease is needed for.

        Raises:
            StoreError: the lease is another's now, or as `Database.transaction`.
        """
        with self._db.transaction():
            if self._lease is not None:
                self._leases.check(self._lease)
            yield

    def insert(self, into: str, row: Sequence[Any]) -> None:
        """Insert a row, in one statement.

        Args:
            into: `INSERT INTO table (columns)`, with as many columns as the row has values.

        Raises:
            StoreError: the lease is another's now, or as `Database.execute`.
        """
        done = self._db.execute(self._statement(into, len(row)), (*row, *self._proof()))
        if done.rowcount == 0:
            raise self._lost()

    def insert_many(self, into: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows, all of them or none; see `insert`."""
        if not rows:
            return
        proof = self._proof()
        with self._db.transaction():
            done = self._db.executemany(self._statement(into, len(rows[0])), [(*row, *proof) for row in rows])
            if done != len(rows):
                raise self._lost()

    def _proof(self) -> tuple[Any, ...]:
        return () if self._lease is None else (self._tenant, self._lease.name, self._lease.epoch)

    def _lost(self) -> StoreError:
        assert self._lease is not None, "without a lease a row is inserted or an error raised"
        return StoreError(f"{self._db.place}: {self._lease.name}: {LOST}")

    def _statement(self, into: str, columns: int) -> str:
        # One statement for both, so that it costs one round trip and no transaction of its own: each row comes out of the lease's row.
        if (found := self._sql.get(into)) is not None:
            return found
        marks = ", ".join("?" * columns)
        proof = f"FROM leases WHERE tenant = ? AND name = ? AND epoch = ? AND held = 1{self._db.share}"
        sql = f"{into} VALUES ({marks})" if self._lease is None else f"{into} SELECT {marks} {proof}"
        self._sql[into] = sql
        return sql
