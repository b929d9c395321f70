"""Runs as they stand in the tables: read, copied and deleted, each with the runs below it where that is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from types import EllipsisType
from typing import Any, cast, get_args

from ..errors import LeaseHeld, StoreError
from .codec import unpack
from .database import Database
from .leases import holder_of
from .processes import standing
from .rows import NUMBER, OPTIONAL_NUMBER, OPTIONAL_TEXT, EffectRow, Kinds, RunRow, Status, as_declared

# UNION, not UNION ALL: runs that are each other's children, in a file that somebody changed by hand, are an end and not an endless loop.
_BELOW = """
    WITH RECURSIVE below (run_id, tenant) AS (
        SELECT run_id, tenant FROM runs WHERE number = ?
        UNION SELECT runs.run_id, runs.tenant FROM runs JOIN below ON runs.parent = below.run_id AND runs.tenant = below.tenant
    ) SELECT runs.run_id, runs.number FROM runs JOIN below ON runs.run_id = below.run_id WHERE runs.number <> ? ORDER BY runs.number"""
_EFFECTS = """
    SELECT e.seq, e.kind, e.key, e.payload, o.outcome, e.started, o.ended FROM effects e
    LEFT JOIN outcomes o ON o.run = e.run AND o.seq = e.seq WHERE e.run = ?"""
_RUN_COLUMNS: dict[str, Kinds] = {
    "run_id": str,
    "parent": OPTIONAL_TEXT,
    "status": str,
    "started": NUMBER,
    "ended": OPTIONAL_NUMBER,
    "task": bytes,
    "result": (bytes, type(None)),
}
_EFFECT_COLUMNS: dict[str, Kinds] = {
    "seq": int,
    "kind": str,
    "key": str,
    "payload": bytes,
    "outcome": (bytes, type(None)),
    "started": NUMBER,
    "ended": OPTIONAL_NUMBER,
}
_COPY = (
    """INSERT INTO effects (run, seq, kind, key, payload, started)
    SELECT CAST(? AS BIGINT), seq, kind, key, payload, started FROM effects WHERE run = ? AND seq BETWEEN ? AND ?""",
    """INSERT INTO outcomes (run, seq, outcome, ended)
    SELECT CAST(? AS BIGINT), seq, outcome, ended FROM outcomes WHERE run = ? AND seq BETWEEN ? AND ?""",
)


def is_fork(run_id: str) -> bool:
    """Whether it is the record of a fork, which has cells and no model of its own."""
    return "~" in run_id.rpartition("/")[2]


def owner_of(run_id: str) -> str:
    """What the lease on a run is called, and the owner of its blobs."""
    return f"run:{run_id}"


class Trees:
    """The runs of one tenant, or everybody's."""

    def __init__(self, database: Database, tenant: str | None) -> None:
        self._db, self._tenant = database, tenant

    def number(self, run_id: str) -> int:
        """The number of a run.

        Raises:
            LookupError: there is none of that id, or it is another tenant's.
            StoreError: it could not be read.
        """
        return self._found(run_id)[0]

    def _found(self, run_id: str) -> tuple[int, str]:
        """A run's number and its tenant."""
        where, values = self._mine()
        for number, tenant in self._db.rows(f"SELECT number, tenant FROM runs WHERE run_id = ?{where}", (run_id, *values)):
            return int(number), str(tenant)
        raise LookupError(f"no run named {run_id!r} in {self._db.place}")

    def run(self, run_id: str) -> RunRow:
        """As `Journal.run`."""
        for row in self._runs(" AND run_id = ?", (run_id,), None):
            return row
        raise LookupError(f"no run named {run_id!r} in {self._db.place}")

    def runs(self, *, parent: str | EllipsisType | None, status: str | None, limit: int | None) -> list[RunRow]:
        """As `Journal.runs`."""
        where, values = "", []
        if parent is None:
            where += " AND parent IS NULL"
        elif not isinstance(parent, EllipsisType):
            where += " AND parent = ?"
            values.append(parent)
        if status is not None:
            where += " AND status = ?"
            values.append(status)
        return self._runs(where, values, limit)

    def _runs(self, where: str, values: Iterable[Any], limit: int | None) -> list[RunRow]:
        mine, tenant = self._mine()
        sql = f"SELECT run_id, parent, status, started, ended, task, result FROM runs WHERE 1 = 1{where}{mine} ORDER BY number DESC"
        bound = [] if limit is None else [max(0, limit)]
        rows = self._db.rows(sql + (" LIMIT ?" if bound else ""), (*values, *tenant, *bound))
        return [
            RunRow(
                run_id=row[0],
                parent=row[1],
                status=self._status(row[2]),
                started=row[3],
                ended=row[4],
                task=self._unpacked(row[5]),
                result=None if row[6] is None else self._unpacked(row[6]),
            )
            for row in (as_declared(self._db.place, "runs", _RUN_COLUMNS, row) for row in reversed(rows))
        ]

    def effects(self, run_id: str, kinds: Collection[str] | None) -> Iterator[EffectRow]:
        """As `Journal.each_effect`."""
        try:
            number = self.number(run_id)
        except LookupError:
            return
        wanted = () if kinds is None else tuple(kinds)
        if kinds is not None and not wanted:
            return
        where = f" AND e.kind IN ({', '.join('?' * len(wanted))})" if wanted else ""
        for row in self._db.each(f"{_EFFECTS}{where} ORDER BY e.seq", (number, *wanted)):
            yield self._effect(run_id, as_declared(self._db.place, "effects", _EFFECT_COLUMNS, row))

    def _effect(self, run_id: str, row: Sequence[Any]) -> EffectRow:
        return EffectRow(
            run_id=run_id,
            seq=row[0],
            kind=row[1],
            key=row[2],
            payload=self._unpacked(row[3]),
            outcome=None if row[4] is None else self._unpacked(row[4]),
            started=row[5],
            ended=row[6],
        )

    def descendants(self, run_id: str) -> list[str]:
        """As `Journal.descendants`."""
        number = self.number(run_id)
        return [row[0] for row in self._db.rows(_BELOW, (number, number))]

    def copy_effects(self, source: int, target: int, seqs: Collection[int] | None) -> int:
        """Within a transaction: give a run another's effects; returns the number of the last, -1 where there is none."""
        spans = [(0, 2**62)] if seqs is None else list(_spans(seqs))
        for sql in _COPY:
            self._db.executemany(sql, [(target, source, first, last) for first, last in spans])
        last = self._db.rows("SELECT max(seq) FROM effects WHERE run = ?", (target,))[0][0]
        return -1 if last is None else int(last)

    def delete(self, run_id: str) -> list[str]:
        """Within a transaction: remove a run and those below it; returns their ids."""
        number, tenant = self._found(run_id)
        runs = [(run_id, number), *self._db.rows(_BELOW, (number, number))]
        names = [(tenant, owner_of(each)) for each, _ in runs]
        for _, name in names:
            if (holder := holder_of(self._db, tenant, name)) is not None:
                elsewhere = standing(holder) == "elsewhere"
                raise LeaseHeld(name, pid=holder.pid, machine=holder.machine, elsewhere=elsewhere)
        self._db.executemany("DELETE FROM leases WHERE tenant = ? AND name = ?", names)
        self._db.executemany("DELETE FROM blob_links WHERE tenant = ? AND owner = ?", names)
        self._db.executemany("DELETE FROM runs WHERE number = ?", [(number,) for _, number in runs])
        return [each for each, _ in runs]

    def _mine(self) -> tuple[str, tuple[str, ...]]:
        return ("", ()) if self._tenant is None else (" AND tenant = ?", (self._tenant,))

    def _status(self, status: str) -> Status:
        for known in get_args(Status):
            if status == known:
                return cast("Status", known)
        raise StoreError(f"{self._db.place}: the journal is damaged: a run stands as none does")

    def _unpacked(self, data: bytes) -> Any:
        try:
            return unpack(data)
        except ValueError as error:
            raise StoreError(f"{self._db.place}: the journal is damaged: {error}") from error


def _spans(seqs: Collection[int]) -> Iterator[tuple[int, int]]:
    """Numbers that follow each other, as first and last."""
    first = last = None
    for seq in sorted(set(seqs)):
        if first is not None and last is not None and seq == last + 1:
            last = seq
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = seq
    if first is not None and last is not None:
        yield first, last
