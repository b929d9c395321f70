"""The journal: every effect of every run, written before it is acted on, its outcome after.

Rows are only ever added: an effect when it begins, its outcome when it ends. What changes is a run's own row, when it ends or is resumed.
Everything is synchronous, see `opening.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import EllipsisType, TracebackType
from typing import Any, Self

from ..errors import StoreError
from .codec import pack
from .connecting import connect
from .database import Database, Duplicate, Orphan, check_name
from .fence import Fence
from .leases import Lease
from .rows import EffectRow, RunRow, Status
from .schema import SCHEMA_VERSION
from .sqlite import BUSY_SECONDS
from .trees import Trees

__all__ = ["BUSY_SECONDS", "SCHEMA_VERSION", "EffectRow", "Journal", "RunRow", "Status"]

DEFAULT_TENANT = "default"

_RUN = "INSERT INTO runs (tenant, run_id, parent, status, started, task) VALUES (?, ?, ?, 'running', ?, ?) RETURNING number"
_BEGIN = "INSERT INTO effects (run, seq, kind, key, payload, started)"
_FINISH = "INSERT INTO outcomes (run, seq, outcome, ended)"


class Journal:
    """An open journal.

    Args:
        place: path of the file, made with its folder if missing; `:memory:` keeps it in memory; or `postgresql://…`.
        busy_seconds: how long a write waits for another process's.
        tenant: whose runs are read and begun; None reads everybody's, and those begun are the default tenant's.

    Raises:
        StoreError: it cannot be opened, is no journal, is damaged, or was written by a newer version.
        ConfigError: PostgreSQL is asked for, and its library is not installed.
    """

    def __init__(self, place: str | os.PathLike[str], *, busy_seconds: float = BUSY_SECONDS, tenant: str | None = None) -> None:
        self._use(connect(place, busy_seconds=busy_seconds), tenant)

    @classmethod
    def on(cls, database: Database, *, tenant: str | None = None) -> Self:
        """The journal in a database that is open already."""
        journal = cls.__new__(cls)
        journal._use(database, tenant)
        return journal

    def _use(self, database: Database, tenant: str | None) -> None:
        self._db, self._tenant = database, tenant
        self.path = database.place
        self._fence = Fence(database, tenant or DEFAULT_TENANT)
        self._trees = Trees(database, tenant)
        self._open: dict[str, tuple[int, int]] = {}
        """Of each run that is open here its number and the next effect's."""

    def hold(self, lease: Lease | None) -> None:
        """Bind each write of this journal to a lease: from now on it happens only while that lease's epoch stands.

        Args:
            lease: None: to none.
        """
        self._fence.hold(lease)

    def start_run(self, run_id: str, task: Mapping[str, Any], *, parent: str | None = None) -> None:
        """Record that a run begins.

        Raises:
            StoreError: it could not be written, or the run is already there.
        """
        row = (self._tenant or DEFAULT_TENANT, check_name("run", run_id), parent, time.time(), self._packed(task))
        try:
            with self._fence.transaction():
                ((number,),) = self._db.rows(_RUN, row)
        except Duplicate as error:
            raise StoreError(f"{self.path}: there is a run named {run_id!r} already") from error
        self._open[run_id] = (int(number), 0)

    def reopen_run(self, run_id: str) -> None:
        """Let a run go on: it is `running` again, and its effects are numbered on after the last one.

        Raises:
            LookupError: it is not in this journal.
            StoreError: it could not be written.
        """
        with self._fence.transaction():
            number = self._trees.number(run_id)
            self._db.execute("UPDATE runs SET status = 'running', ended = NULL, result = NULL WHERE number = ?", (number,))
            last = self._db.rows("SELECT max(seq) FROM effects WHERE run = ?", (number,))[0][0]
        self._open[run_id] = (number, 0 if last is None else int(last) + 1)

    def end_run(self, run_id: str, status: Status, result: Mapping[str, Any]) -> None:
        """Record how a run ended.

        Raises:
            StoreError: it could not be written.
        """
        self._open.pop(run_id, None)
        values = (status, time.time(), self._packed(result))
        with self._fence.transaction():
            self._db.execute("UPDATE runs SET status = ?, ended = ?, result = ? WHERE number = ?", (*values, self._known(run_id)))

    def begin(self, run_id: str, kind: str, key: str, payload: object) -> int:
        """Record an effect that is about to be performed; returns its number for `finish`.

        Raises:
            StoreError: it could not be written: do not perform it.
        """
        return self.begin_many(run_id, kind, [(key, payload)])[0]

    def begin_many(self, run_id: str, kind: str, effects: Sequence[tuple[str, object]]) -> range:
        """Record effects that are about to be performed together: all of them or none.

        Args:
            effects: of each, its key and payload.

        Raises:
            StoreError: they could not be written: do not perform them.
        """
        number, first = self._next(run_id)
        now = time.time()
        rows = [(number, first + offset, kind, key, self._packed(payload), now) for offset, (key, payload) in enumerate(effects)]
        try:
            if len(rows) == 1:
                self._fence.insert(_BEGIN, rows[0])
            else:
                self._fence.insert_many(_BEGIN, rows)
        except Duplicate as error:
            raise StoreError(f"{self.path}: {run_id}: another process drives this run as well; take its lease first") from error
        except Orphan as error:
            raise StoreError(f"{self.path}: {run_id}: the run has been deleted") from error
        self._open[run_id] = (number, first + len(rows))
        return range(first, first + len(rows))

    def finish(self, run_id: str, seq: int, outcome: object) -> None:
        """Record an effect's outcome.

        Raises:
            StoreError: it could not be written, or the effect has one already.
        """
        number = self._open[run_id][0] if run_id in self._open else self._known(run_id)
        try:
            self._fence.insert(_FINISH, (number, seq, self._packed(outcome), time.time()))
        except Duplicate as error:
            raise StoreError(f"{self.path}: effect {seq} of run {run_id} has its outcome already") from error
        except Orphan as error:
            raise StoreError(f"{self.path}: run {run_id} has no effect {seq}") from error

    def record(self, run_id: str, kind: str, key: str, payload: object, outcome: object) -> int:
        """Record an effect together with its outcome, both or neither; returns its number.

        Raises:
            StoreError: it could not be written.
        """
        before = self._next(run_id)
        try:
            with self._db.transaction():
                seq = self.begin(run_id, kind, key, payload)
                self.finish(run_id, seq, outcome)
        except BaseException:
            # Not begun either: its number is the next one's.
            self._open[run_id] = before
            raise
        return seq

    def run(self, run_id: str) -> RunRow:
        """One run.

        Raises:
            LookupError: it is not in this journal.
            StoreError: it could not be read.
        """
        return self._trees.run(run_id)

    def runs(self, *, parent: str | EllipsisType | None = ..., status: Status | None = None, limit: int | None = None) -> list[RunRow]:
        """Runs and child runs, in the order in which they were begun.

        Args:
            parent: only the children of that run; None: only runs that are nobody's child.
            status: only those that stand so.
            limit: so many at most, the newest.

        Raises:
            StoreError: they could not be read.
        """
        return self._trees.runs(parent=parent, status=status, limit=limit)

    def effects(self, run_id: str, *, kinds: Collection[str] | None = None) -> list[EffectRow]:
        """The effects of one run, without its children's, in order.

        Args:
            kinds: only these.

        Raises:
            StoreError: they could not be read.
        """
        return list(self.each_effect(run_id, kinds=kinds))

    def each_effect(self, run_id: str, *, kinds: Collection[str] | None = None) -> Iterator[EffectRow]:
        """The same one after the other, for those who do not need all of them at once: few are in memory at any time.

        Raises as `effects` does.
        """
        return self._trees.effects(run_id, kinds)

    def descendants(self, run_id: str) -> list[str]:
        """The ids of all runs below a run, at any depth, in the order in which they were begun.

        Raises:
            StoreError: they could not be read.
        """
        return self._trees.descendants(run_id)

    def copy_run(self, old: str, new: str, *, parent: str | None, task: Mapping[str, Any], seqs: Collection[int] | None) -> None:
        """Make another run that has the effects of one, with the same numbers, and their outcomes where they have one.

        It is `running`, and goes on after the last effect. All of it or nothing is copied, and nothing is unpacked.

        Args:
            seqs: which effects; None: all.

        Raises:
            LookupError: `old` is not in this journal.
            StoreError: it could not be written, or `new` is there already.
        """
        with self._fence.transaction():
            source = self._trees.number(old)
            self.start_run(new, task, parent=parent)
            number = self._open.pop(new)[0]
            last = self._trees.copy_effects(source, number, seqs)
        self._open[new] = (number, last + 1)

    def delete_run(self, run_id: str) -> None:
        """Remove a run and all runs below it, with what is theirs: effects, outcomes, leases and links to blobs.

        Raises:
            LookupError: it is not in this journal.
            LeaseHeld: one of them is being driven.
            StoreError: it could not be written.
        """
        with self._fence.transaction():
            gone = self._trees.delete(run_id)
        for each in gone:
            self._open.pop(each, None)

    def close(self) -> None:
        """Close it; what was written stays. Harmless when called twice."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def _next(self, run_id: str) -> tuple[int, int]:
        try:
            return self._open[run_id]
        except KeyError:
            raise StoreError(f"{self.path}: run {run_id!r} is not open here: start it or reopen it first") from None

    def _known(self, run_id: str) -> int:
        try:
            return self._trees.number(run_id)
        except LookupError as error:
            raise StoreError(str(error)) from error

    def _packed(self, data: object) -> bytes:
        try:
            return pack(data)
        except (ValueError, TypeError) as error:
            raise StoreError(f"{self.path}: {error}") from error
