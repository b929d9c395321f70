"""A store in one SQLite file, or in memory."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import StoreError
from .database import Duplicate, Orphan
from .log import NEVER_MORE_PAGES, Log
from .schema import FROM_1_AFTER, FROM_1_BEFORE, SCHEMA_VERSION, TABLES, statements

BUSY_SECONDS = 5.0
"""How long a write waits for another process's."""
PROBLEMS = 20
"""Of that many damages at most is told."""


class SQLiteDatabase:
    """An open file; implements `Database`. Several processes may write to one file at a time.

    Args:
        path: of the file, made with its folder if missing; `:memory:` keeps it in memory. One that may not be written can be read.
        busy_seconds: how long a write waits for another process's.

    Raises:
        StoreError: the file cannot be opened, is no journal, is damaged, or was written by a newer version.
    """

    share = ""
    """There is one writer at a time: who writes has looked at what stands."""

    def __init__(self, path: str | os.PathLike[str], *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.place = os.fspath(path)
        self._depth = self._written = 0
        self._writable = True
        self._log: Log | None = None
        try:
            self._db = self._connect(busy_seconds)
        except sqlite3.Error as error:
            raise self._told(error) from error
        except OSError as error:
            raise StoreError(f"{self.place}: the journal cannot be used: {error.strerror or error}") from error
        except ValueError as error:
            raise StoreError(f"{self.place!r}: {error}") from error
        try:
            self._prepare(busy_seconds)
        except BaseException:
            self._db.close()
            raise

    def _connect(self, busy_seconds: float) -> sqlite3.Connection:
        _make_private(self.place)
        self._writable = self.place == ":memory:" or os.access(self.place, os.W_OK)
        if self._writable:
            return sqlite3.connect(self.place, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
        options = "mode=ro"
        if not os.access(Path(self.place).absolute().parent, os.W_OK) and not Path(f"{self.place}-wal").exists():
            # Nothing can be made beside the file, and nobody else can be writing to it.
            options += "&immutable=1"
        place = f"{Path(self.place).absolute().as_uri()}?{options}"
        return sqlite3.connect(place, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False)

    def _prepare(self, busy_seconds: float) -> None:
        if self._writable:
            self._use_wal(time.monotonic() + busy_seconds)
            self.execute("PRAGMA synchronous = NORMAL")
            # What is deleted is written over, not only forgotten.
            self.execute("PRAGMA secure_delete = ON")
        self._check_plain()
        if self._writable and self._version() < SCHEMA_VERSION:
            with self.transaction():
                # Another process may have been faster.
                self._bring_up_to_date(self._version())
        if self._version() != SCHEMA_VERSION:
            older = self._version() < SCHEMA_VERSION
            advice = "make the file writable, and it is brought up to date" if older else "use a newer cellblock"
            raise StoreError(f"{self.place}: this journal has schema {self._version()}, and this version reads {SCHEMA_VERSION}; {advice}")
        self.execute("PRAGMA foreign_keys = ON")
        if self._writable and self.place != ":memory:":
            self.execute(f"PRAGMA wal_autocheckpoint = {NEVER_MORE_PAGES}")
            self._log = Log(self.place)

    def _check_plain(self) -> None:
        # Somebody else's file may hold them under the names of the journal's tables. Whoever reads or writes there runs its statements,
        # and these need never end.
        sql = "SELECT 1 FROM sqlite_master WHERE type IN ('view', 'trigger') OR sql LIKE 'CREATE VIRTUAL%' LIMIT 1"
        if self.rows(sql):
            raise StoreError(f"{self.place}: this is no journal: it holds views, triggers or virtual tables; name another file")

    def _version(self) -> int:
        return int(self.rows("PRAGMA user_version")[0][0])

    def _use_wal(self, deadline: float) -> None:
        # Two processes that make the same new file: SQLite's own wait does not cover this switch.
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.Error as error:
                if "locked" not in str(error) or time.monotonic() >= deadline:
                    raise self._told(error) from error
                time.sleep(0.005)

    def _bring_up_to_date(self, version: int) -> None:
        if version == 0 and self.rows("SELECT 1 FROM sqlite_master LIMIT 1"):
            raise StoreError(f"{self.place}: a database, but not a journal; name another file")
        if version not in (0, 1):
            return
        before, after = (FROM_1_BEFORE, FROM_1_AFTER) if version == 1 else ("", "")
        tables = TABLES.replace("NUMBERED", "INTEGER PRIMARY KEY AUTOINCREMENT")
        for script in filter(None, (before, tables, after)):
            for statement in statements(script):
                self.execute(statement)
        self.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """As `Database` says."""
        try:
            done = self._db.execute(sql, values)
        except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
            raise self._told(error) from error
        self._wrote(sum(len(value) for value in values if type(value) is bytes))
        return done

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """As `Database` says."""
        rows = list(rows)
        try:
            done = self._db.executemany(sql, rows).rowcount
        except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
            raise self._told(error) from error
        self._wrote(sum(len(value) for row in rows for value in row if type(value) is bytes))
        return done

    def _wrote(self, size: int) -> None:
        self._written += size
        if self._log is not None and self._depth == 0:
            self._log.wrote(self._written)
            self._written = 0

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """As `Database` says."""
        try:
            return self._db.execute(sql, values).fetchall()
        except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
            raise self._told(error) from error

    def each(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """As `Database` says."""
        try:
            yield from self._db.execute(sql, values)
        except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
            raise self._told(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """As `Database` says."""
        if self._depth == 0:
            # IMMEDIATE: one that reads first and then wants to write fails at once when another process wrote in between.
            self.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
            if self._depth == 1:
                self.execute("COMMIT")
        except BaseException:
            if self._depth == 1 and self._db.in_transaction:
                # What went wrong first is what is told.
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
            raise
        finally:
            self._depth -= 1
        self._wrote(0)

    def take_turn(self, name: str) -> None:
        """Nothing to wait for: a transaction that has begun is the only one that writes."""

    def problems(self) -> list[str]:
        """As `Database` says: SQLite's own check of every page, and rows that belong to none."""
        found = [line for line in self._told_by(f"PRAGMA integrity_check({PROBLEMS})", "{0}") if line != "ok"]
        if not found:
            found = self._told_by("PRAGMA foreign_key_check", "{0}: row {1} belongs to no row of {2}")
        return [f"{self.place}: {line}" for text in found for line in text.splitlines() if "***" not in line][:PROBLEMS]

    def _told_by(self, check: str, line: str) -> list[str]:
        found = []
        try:
            for row in self._db.execute(check):
                found.append(line.format(*row))
        except sqlite3.Error as error:
            # It stops at some damages, and has told others before.
            found.append(_explain(error))
        return found

    def close(self) -> None:
        """As `Database` says."""
        if self._log is not None:
            self._log.settle()
        self._db.close()

    def _told(self, error: Exception) -> StoreError:
        if not isinstance(error, sqlite3.Error):
            return StoreError(f"{self.place}: {error}")
        name = getattr(error, "sqlite_errorname", "")
        kind = _KINDS.get(name, StoreError)
        return kind(f"{self.place}: the journal cannot be used: {_explain(error)}")


_KINDS: dict[str, type[StoreError]] = {
    "SQLITE_CONSTRAINT_PRIMARYKEY": Duplicate,
    "SQLITE_CONSTRAINT_UNIQUE": Duplicate,
    "SQLITE_CONSTRAINT_FOREIGNKEY": Orphan,
}


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
        except OSError:
            # On a file system that is read-only as a whole the name is looked at second.
            if not Path(path).exists():
                raise


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
    "disk I/O": "the file is damaged, or its disk; what was written before may be readable",
}
