"""A run's own record: each effect is written before it is acted on, and its outcome after; what an earlier attempt wrote is recalled.

The engine performs every effect through a record. A fresh run only writes. A resumed run goes through the same effects again and is
given the outcomes that are there, until there are none. A replay writes nothing, and compares.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import Diverged, ModelError, StoreError
from ..store.codec import pack, unpack
from ..store.journal import EffectRow, Journal, RunRow, Status
from .differences import difference
from .outcomes import by_chance, failure_of, timeless
from .shapes import check_end, checked

RecordMode = Literal["fresh", "resume", "replay"]
INSIDE_CELLS = frozenset({"call", "run", "tool", "vfs", "branch"})
"""Kinds of effects that a cell asks for; their keys begin with the cell's."""
OF_THE_LOOP = frozenset({"ask", "exec", "get", "refuse"})
"""Kinds of effects that the engine performs one after the other."""
RECALLED_IN_REPLAY = frozenset({"ask", "call", "tool", "snapshot"})
"""What a replay does not do again, since it costs money or acts on the world. All else it does, and compares; but for cells that were
stopped by a clock or lost their worker, which would come to another end each time."""
_OF_THE_CALL = frozenset({"branched", "allow_weak_isolation", "models"})
"""Of a task, what whoever performs it again decides, or what is told of in another place."""
UNFINISHED = "the record ends here: the run was cut off before this had an outcome"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One effect on record."""

    seq: int
    kind: str
    key: str
    outcome: Any = None
    """What came of it in an earlier attempt, if that is to be taken; else None."""
    done: bool = False
    """There is such an outcome, which may be None: nothing is to be done or written again."""
    recorded: Any = field(default=None, repr=False)
    """What came of it then, whether that is to be taken or only to be compared with."""
    again: bool = False
    """An earlier attempt had begun it, and nobody knows whether it was done."""
    failed: tuple[Any, ...] = field(default=(), repr=False)
    """Outcomes of earlier attempts that ended the run, and may have cost something."""


class RecordEnded(StoreError):
    """A replay has come to the place where the recorded run was cut off."""


class Record:
    """The effects of one run.

    Args:
        journal: where they are.
        run_id: whose they are.
        mode: what to do with those that are there.
    """

    def __init__(self, journal: Journal, run_id: str, mode: RecordMode = "fresh") -> None:
        self.run_id, self.mode = run_id, mode
        self._journal = journal
        rows = [] if mode == "fresh" else checked(journal.effects(run_id))
        self._past: dict[tuple[str, str], deque[EffectRow]] = defaultdict(deque)
        self._cells: dict[str, list[EffectRow]] = defaultdict(list)
        self._failed: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for row in rows:
            self._past[row.kind, row.key].append(row)
            if row.kind in INSIDE_CELLS:
                self._cells[cell_of(row.key)].append(row)
        self.row: RunRow | None = _row(journal, run_id) if rows or mode != "fresh" else None
        """Of the run, where an earlier attempt was made."""
        if self.row is not None:
            check_end(self.row)

    @property
    def replays(self) -> bool:
        """Whether nothing is written, and all is compared."""
        return self.mode == "replay"

    def start(self, task: Mapping[str, Any], parent: str | None) -> None:
        """Record that the run begins, or goes on.

        Raises:
            Diverged: it began as another one.
            StoreError: it could not be written.
        """
        if self.row is None:
            if self.replays:
                raise RecordEnded(f"{self.run_id}: {UNFINISHED}")
            self._journal.start_run(self.run_id, task, parent=parent)
            return
        if self.replays or parent is not None:
            # The root of a resumed run is asked what its record says, on whatever version of the interpreter is here now.
            was, now = ({key: value for key, value in one.items() if key not in _OF_THE_CALL} for one in (self.row.task, task))
            self._same("what was asked", self._asked(was), self._asked(now))
        if not self.replays:
            self._journal.reopen_run(self.run_id)

    def end(self, status: Status, result: Mapping[str, Any]) -> None:
        """Record how the run ended.

        Raises:
            Diverged: it ended in another way.
            StoreError: it could not be written.
        """
        if not self.replays:
            self._journal.end_run(self.run_id, status, result)
        elif self.row is not None and self.row.result is not None and status == "ended":
            self._check_done()
            self._same("how it ended", timeless(self.row.result), timeless(plain(result)))

    def begin(self, kind: str, key: str, payload: object) -> Entry:
        """Record an effect that is about to be performed; if an outcome is known, take that one.

        Raises:
            Diverged: at this place the record has another effect.
            StoreError: it could not be written: do not perform it.
        """
        return self.begin_many(kind, [(key, payload)])[0]

    def begin_many(self, kind: str, effects: Sequence[tuple[str, object]]) -> list[Entry]:
        """Record effects that are about to be performed together: all of them or none.

        Args:
            effects: of each, its key and payload.

        Raises:
            Diverged: at this place the record has another effect.
            StoreError: they could not be written: do not perform them.
        """
        if self.mode == "fresh":
            numbers = self._journal.begin_many(self.run_id, kind, effects)
            return [Entry(seq=seq, kind=kind, key=key) for seq, (key, _) in zip(numbers, effects, strict=True)]
        known = [self._recalled(kind, key, payload) for key, payload in effects]
        new = [effect for entry, effect in zip(known, effects, strict=True) if entry is None]
        if new and self.replays:
            raise self._ended(kind, new[0][0])
        seqs = iter(self._journal.begin_many(self.run_id, kind, new) if new else ())
        return [entry or self._new(next(seqs), kind, key) for entry, (key, _) in zip(known, effects, strict=True)]

    def finish(self, entry: Entry, outcome: object) -> None:
        """Record an effect's outcome.

        Raises:
            Diverged: on record it had another one.
            StoreError: it could not be written.
        """
        if self.replays:
            if entry.recorded is not None:
                self._same(f"the outcome of {entry.kind} {entry.key}", timeless(entry.recorded), timeless(plain(outcome)))
        else:
            self._journal.finish(self.run_id, entry.seq, outcome)

    def note(self, kind: str, key: str, payload: object, outcome: object = None) -> None:
        """Record something that was done at once.

        Raises:
            Diverged: at this place the record has something else.
            StoreError: it could not be written.
        """
        entry = None if self.mode == "fresh" else self._recalled(kind, key, payload)
        if entry is not None:
            if not entry.done:
                self.finish(entry, outcome)
        elif self.replays:
            raise self._ended(kind, key)
        else:
            # Both or neither: nobody would come back to give an outcome to a row that was left without one.
            self._journal.record(self.run_id, kind, key, payload, outcome)

    def inside(self, cell: str) -> Iterable[EffectRow]:
        """What a cell had asked for, in the order in which that began."""
        return self._cells.get(cell, ())

    def effects_of(self, run_id: str) -> list[EffectRow]:
        """Of another run of the same tree."""
        return checked(self._journal.effects(run_id))

    def has(self, kind: str, key: str) -> bool:
        """Whether an earlier attempt had begun the next effect of that kind and key."""
        return bool(self._past.get((kind, key)))

    def recall(self, kind: str, key: str) -> Any:
        """The outcome of something that the engine itself had noted; None where there is none."""
        rows = self._past.get((kind, key))
        return rows[0].outcome if rows else None

    def forget(self) -> None:
        """Let go of what an earlier attempt wrote: the run is over."""
        for rows in (self._past, self._cells, self._failed):
            rows.clear()

    def _new(self, seq: int, kind: str, key: str) -> Entry:
        return Entry(seq=seq, kind=kind, key=key, failed=tuple(self._failed.pop((kind, key), ())))

    def _recalled(self, kind: str, key: str, payload: object) -> Entry | None:
        rows = self._past.get((kind, key))
        if not rows:
            return None
        row = rows.popleft()
        # What ended the run is what a resumed one tries again; in a replay it is taken where nothing came after it.
        while kind == "ask" and _failed(row) and (rows or not self.replays):
            self._failed[kind, key].append(row.outcome)
            if not rows:
                return None
            row = rows.popleft()
        self._same(f"{kind} {key}", self._asked(row.payload), self._asked(plain(payload)))
        done = row.ended is not None
        if self.replays and not done:
            raise self._ended(kind, key)
        taken = done and (not self.replays or kind in RECALLED_IN_REPLAY or (kind == "exec" and by_chance(row.outcome)))
        if not done:
            self._journal.record(self.run_id, "again", key, {"seq": row.seq, "kind": kind}, None)
        recorded = row.outcome if done else None
        outcome = recorded if taken else None
        failed = tuple(self._failed.pop((kind, key), ()))
        return Entry(seq=row.seq, kind=kind, key=key, outcome=outcome, done=taken, recorded=recorded, again=not done, failed=failed)

    def _asked(self, payload: Any) -> Any:
        """What has to be the same. Which model was asked may change where a run goes on; its answers are on record in any case."""
        if not isinstance(payload, dict):
            return payload
        return {key: value for key, value in payload.items() if key != "model"}

    def _check_done(self) -> None:
        left = (row for rows in self._past.values() for row in rows if row.kind in OF_THE_LOOP)
        # Of runs side by side, the first alone finds out what a model can; which one that is may change.
        if (row := next((one for one in left if ".probe." not in one.key), None)) is not None:
            raise Diverged(f"{self.run_id}: {row.kind} {row.key} is on record, and was not done this time")

    def _ended(self, kind: str, key: str) -> StoreError:
        """Why there is nothing on record of an effect: the run was over by then, or it is another one now."""
        if self.row is None or self.row.result is None or self.row.status != "ended" or _by_deadline(self.row.result):
            return RecordEnded(f"{self.run_id}: {kind} {key}: {UNFINISHED}")
        return Diverged(f"{self.run_id}: {kind} {key} is not on record; the recorded run had ended by then ({self.row.result['ending']})")

    def _same(self, what: str, recorded: object, now: object) -> None:
        try:
            found = None if _packed(self.run_id, recorded) == pack(now) else difference(plain(recorded), plain(now))
        except RecursionError:
            # It could be read, some calls further up.
            raise StoreError(f"run {self.run_id}: its record is not as it should be: {what} is nested too deep") from None
        if found is not None:
            raise Diverged(f"{self.run_id}: {what} differs from its record{found}")


def _failed(row: EffectRow) -> bool:
    return isinstance(row.outcome, dict) and isinstance(failure_of(row.outcome), ModelError)


def _by_deadline(result: Mapping[str, Any]) -> bool:
    """Whether a run was ended by the clock, which stands still in a replay: between two effects, nothing else tells of it."""
    return (result.get("failure") or {}).get("limit") == "wall_seconds"


def _packed(run_id: str, recorded: object) -> bytes:
    try:
        return pack(recorded)
    except (ValueError, TypeError) as error:
        raise StoreError(f"run {run_id}: its record is not as it should be: {error}") from None


def plain(data: object) -> Any:
    """As it comes back from a journal."""
    return unpack(pack(data))


def cell_of(key: str) -> str:
    """The key of the cell that asked for an effect with this key."""
    return ".".join(key.split(".")[:2])


def _row(journal: Journal, run_id: str) -> RunRow | None:
    try:
        return journal.run(run_id)
    except LookupError:
        return None
