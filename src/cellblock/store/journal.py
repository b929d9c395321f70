"""The journal: every effect of every run in one SQLite file, written before it is acted on, its outcome after.

One connection, used from the thread that opened it. Several processes may write to one file at a time: each write is a short
transaction of its own.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ..errors import StoreError
from .codec import pack, unpack

SCHEMA_VERSION = 1
BUSY_SECONDS = 5.0
"""How long a write waits for another process's."""

Status = Literal["running", "ended", "failed", "cancelled"]

_SCHEMA = """
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, parent TEXT, status TEXT NOT NULL, started REAL NOT NULL, ended REAL, task BLOB NOT NULL, result BLOB
) WITHOUT ROWID;
CREATE TABLE effects (
    run_id TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, payload BLOB NOT NULL, outcome BLOB,
    started REAL NOT NULL, ended REAL, PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
"""
_BEGIN = "INSERT INTO effects (run_id, seq, kind, key, payload, started) VALUES (?, ?, ?, ?, ?, ?)"
_FINISH = "UPDATE effects SET outcome = ?, ended = ? WHERE run_id = ? AND seq = ?"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    """One run or child run."""

    run_id: str
    parent: str | None
    status: Status
    """`running` also after the process was killed."""
    started: float
    """Unix time in seconds, like the others."""
    ended: float | None
    task: Any
    """What was asked, and under which settings: plain data."""
    result: Any
    """How it ended: plain data; None while `running`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectRow:
    """One effect of one run."""

    run_id: str
    seq: int
    """From 0, in the order in which the effects began."""
    kind: str
    key: str
    """Stable within the run: the same when the run is replayed."""
    payload: Any
    outcome: Any
    """None where `ended` is None: it never ended."""
    started: float
    ended: float | None


class Journal:
    """An open journal.

    Args:
        path: of the file, made with its folder if missing; `:memory:` keeps it in memory.
        busy_seconds: how long a write waits for another process's.

    Raises:
        StoreError: the file cannot be opened, is no journal, is damaged, or was written by a newer version.
    """

    def __init__(self, path: str | os.PathLike[str], *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = os.fspath(path)
        self._sequences: dict[str, int] = {}
        with self._one_line_errors():
            _make_private(self.path)
            self._db = sqlite3.connect(self.path, timeout=busy_seconds, isolation_level=None)
            try:
                self._prepare(busy_seconds)
            except BaseException:
                self._db.close()
                raise

    def _prepare(self, busy_seconds: float) -> None:
        self._use_wal(time.monotonic() + busy_seconds)
        self._db.execute("PRAGMA synchronous = NORMAL")
        if self._version() == 0:
            with self._transaction():
                # Another process may have been faster.
                if self._version() == 0:
                    self._create()
        if self._version() != SCHEMA_VERSION:
            raise StoreError(
                f"{self.path}: this journal has schema {self._version()}, and this version reads {SCHEMA_VERSION}; use a newer cellblock"
            )

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _use_wal(self, deadline: float) -> None:
        # Two processes that make the same new file: SQLite's own wait does not cover this switch.
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() >= deadline:
                    raise
                time.sleep(0.005)

    def _create(self) -> None:
        if self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise StoreError(f"{self.path}: a database, but not a journal; name another file")
        for statement in _SCHEMA.strip().split(";\n"):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def start_run(self, run_id: str, task: Mapping[str, Any], *, parent: str | None = None) -> None:
        """Record that a run begins.

        Raises:
            StoreError: it could not be written, or the run is already there.
        """
        with self._one_line_errors():
            self._db.execute(
                "INSERT INTO runs (run_id, parent, status, started, task) VALUES (?, ?, 'running', ?, ?)",
                (run_id, parent, time.time(), pack(task)),
            )
        self._sequences[run_id] = 0

    def end_run(self, run_id: str, status: Status, result: Mapping[str, Any]) -> None:
        """Record how a run ended.

        Raises:
            StoreError: it could not be written.
        """
        self._sequences.pop(run_id, None)
        with self._one_line_errors():
            self._db.execute(
                "UPDATE runs SET status = ?, ended = ?, result = ? WHERE run_id = ?", (status, time.time(), pack(result), run_id)
            )

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
        first, now = self._sequences[run_id], time.time()
        with self._one_line_errors():
            rows = [(run_id, first + offset, kind, key, pack(payload), now) for offset, (key, payload) in enumerate(effects)]
            if len(rows) == 1:
                self._db.execute(_BEGIN, rows[0])
            else:
                with self._transaction():
                    self._db.executemany(_BEGIN, rows)
        self._sequences[run_id] = first + len(rows)
        return range(first, first + len(rows))

    def finish(self, run_id: str, seq: int, outcome: object) -> None:
        """Record an effect's outcome.

        Raises:
            StoreError: it could not be written.
        """
        with self._one_line_errors():
            self._db.execute(_FINISH, (pack(outcome), time.time(), run_id, seq))

    def run(self, run_id: str) -> RunRow:
        """One run.

        Raises:
            LookupError: it is not in this journal.
            StoreError: it could not be read.
        """
        for row in self._runs("WHERE run_id = ?", (run_id,)):
            return row
        raise LookupError(f"no run named {run_id!r} in {self.path}")

    def runs(self) -> list[RunRow]:
        """All runs and child runs, by the time they started.

        Raises:
            StoreError: they could not be read.
        """
        return self._runs("", ())

    def _runs(self, where: str, values: tuple[str, ...]) -> list[RunRow]:
        query = f"SELECT run_id, parent, status, started, ended, task, result FROM runs {where} ORDER BY started, run_id"
        with self._one_line_errors():
            return [
                RunRow(
                    run_id=row[0],
                    parent=row[1],
                    status=row[2],
                    started=row[3],
                    ended=row[4],
                    task=unpack(row[5]),
                    result=None if row[6] is None else unpack(row[6]),
                )
                for row in self._db.execute(query, values)
            ]

    def effects(self, run_id: str) -> list[EffectRow]:
        """The effects of one run, without its children's, in order.

        Raises:
            StoreError: they could not be read.
        """
        query = "SELECT seq, kind, key, payload, outcome, started, ended FROM effects WHERE run_id = ? ORDER BY seq"
        with self._one_line_errors():
            return [
                EffectRow(
                    run_id=run_id,
                    seq=row[0],
                    kind=row[1],
                    key=row[2],
                    payload=unpack(row[3]),
                    outcome=None if row[4] is None else unpack(row[4]),
                    started=row[5],
                    ended=row[6],
                )
                for row in self._db.execute(query, (run_id,))
            ]

    def close(self) -> None:
        """Close the file; what was written stays. Harmless when called twice."""
        self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # IMMEDIATE: a transaction that reads first and then wants to write fails at once when another process wrote in between.
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: the journal cannot be used: {_explain(error)}") from error
        except OSError as error:
            raise StoreError(f"{self.path}: the journal cannot be used: {error.strerror or error}") from error
        except (ValueError, TypeError) as error:
            raise StoreError(f"{self.path}: {error}") from error


def _make_private(path: str) -> None:
    # The journal holds questions, cells and answers: nobody else on the machine has to read them.
    if path == ":memory:":
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made without being opened: closing any descriptor of a database drops the locks that this process holds on it.
    with suppress(FileExistsError):
        try:
            os.mknod(path, 0o600 | stat.S_IFREG)
        except PermissionError:
            # macOS keeps mknod for root. EXCL, so that at least no existing database is opened.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _explain(error: sqlite3.Error) -> str:
    text = str(error)
    for symptom, advice in _ADVICE.items():
        if symptom in text:
            return f"{text}; {advice}"
    return text


_ADVICE = {
    "unable to open": "a file is needed, in a folder that can be written; name another",
    "locked": "another process is writing to it; wait, or name another file",
    "full": "free some space, or name a file elsewhere; what was written before is readable",
    "readonly": "make it writable, or name another file",
    "not a database": "this is not a journal; name another file",
    "malformed": "the file is damaged; name another file and keep this one for recovery",
}
