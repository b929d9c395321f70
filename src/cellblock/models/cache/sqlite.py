"""Answers in one SQLite file, which several processes may share."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import anyio
from anyio.lowlevel import RunVar

from ...errors import ConfigError, StoreError
from ...in_thread import in_thread
from .entry import CachedAnswer, checked_key, decode, encode

SCHEMA_VERSION = 1
BUSY_SECONDS = 5.0
"""How long a write waits for another process's."""
# In the file's head: what tells this database from every other one.
_APPLICATION = 0x43424341
_SCHEMA = "CREATE TABLE answers (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, stored REAL NOT NULL, entry BLOB NOT NULL)"
_STORE = "INSERT OR REPLACE INTO answers (key, stored, entry) VALUES (?, ?, ?)"
# Numbers only grow, and a replaced entry has a new one: whatever is so far below the last one is too old or too much.
_TRIM = "DELETE FROM answers WHERE number <= (SELECT max(number) FROM answers) - ?"

T = TypeVar("T")


class SQLiteCache:
    """A `CallCache` in a SQLite file that this user alone can read.

    Args:
        path: of the file, made with its folder if missing.
        ttl_seconds: how old an answer may be; None: as old as it is.
        max_entries: beyond it the oldest are removed.
        clock: Unix time in seconds.

    Raises:
        StoreError: the file cannot be opened, is no cache, or is damaged.
        ConfigError: a limit is not above 0, or the file is another user's, open to others, or a link.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        ttl_seconds: float | None = None,
        max_entries: int = 100_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if max_entries < 1 or (ttl_seconds is not None and not ttl_seconds > 0):
            raise ConfigError(f"ttl_seconds={ttl_seconds}, max_entries={max_entries}: both have to be greater than 0")
        self.path, self.ttl_seconds, self.max_entries = os.fspath(path), ttl_seconds, max_entries
        self._clock, self._closed = clock, False
        # A loop's tasks wait in the loop for their turn, and only other loops' in a thread.
        self._turn: RunVar[anyio.CapacityLimiter] = RunVar("turn at the cache")
        self._lock = threading.Lock()
        with self._one_line_errors():
            self._db = self._opened()

    def _opened(self) -> sqlite3.Connection:
        _make_private(Path(self.path))
        database = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(database)
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        if not _kind(database)[1]:
            with _transaction(database):
                # Another process may have been faster.
                if not _kind(database)[1]:
                    database.execute(_SCHEMA)
                    database.execute(f"PRAGMA application_id = {_APPLICATION}")
                    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        if _kind(database)[0] != (_APPLICATION, SCHEMA_VERSION):
            raise StoreError(f"{self.path}: a database, but not a cache of this version; name another file")
        _use_wal(database, time.monotonic() + BUSY_SECONDS)
        # A cache may lose its last entries with the power.
        database.execute("PRAGMA synchronous = OFF")

    async def get(self, key: str) -> CachedAnswer | None:
        """The answer stored under `key`, unless it is too old. A damaged one is removed.

        Raises:
            StoreError: the file cannot be read, or the cache was closed.
            ConfigError: `key` is none.
        """
        checked_key(key)
        return await self._in_thread(lambda: self._get(key))

    async def put(self, key: str, answer: CachedAnswer) -> None:
        """Store an answer.

        Raises:
            StoreError: it cannot be written, or the cache was closed.
            ConfigError: `key` is none.
        """
        entry = encode(checked_key(key), answer)
        if entry is not None:
            await self._in_thread(lambda: self._put(key, entry))

    async def aclose(self) -> None:
        """Close the file."""
        await self._in_thread(self._close, closing=True)

    async def _in_thread(self, work: Callable[[], T], *, closing: bool = False) -> T:
        try:
            turn = self._turn.get()
        except LookupError:
            turn = anyio.CapacityLimiter(1)
            self._turn.set(turn)

        def alone() -> T:
            with self._lock, self._one_line_errors():
                if self._closed and not closing:
                    raise StoreError(f"{self.path}: this cache was closed")
                return work()

        return await in_thread(alone, limiter=turn)

    def _get(self, key: str) -> CachedAnswer | None:
        row = self._db.execute("SELECT stored, entry FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        too_old = self.ttl_seconds is not None and row[0] + self.ttl_seconds <= self._clock()
        answer = None if too_old or not isinstance(row[1], bytes) else decode(key, row[1])
        if answer is None:
            self._db.execute("DELETE FROM answers WHERE key = ? AND stored = ?", (key, row[0]))
        return answer

    def _put(self, key: str, entry: bytes) -> None:
        with _transaction(self._db):
            self._db.execute(_STORE, (key, self._clock(), entry))
            self._db.execute(_TRIM, (self.max_entries,))

    def _close(self) -> None:
        self._closed = True
        self._db.close()

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            advice = "; remove it if it is a cache, else name another file" if _is_damage(error) else ""
            raise StoreError(f"{self.path}: the cache cannot be used: {error}{advice}") from error
        except OSError as error:
            raise StoreError(f"{self.path}: the cache cannot be used: {error.strerror or error}") from error


def _is_damage(error: sqlite3.Error) -> bool:
    return "not a database" in str(error) or "malformed" in str(error)


def _make_private(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    # Of a link, the link itself: what it points to could be made by whoever made it.
    about = path.lstat()
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
        raise ConfigError(f"{path}: others could read or change what is cached there; chmod 600 it, or name another file")


def _kind(database: sqlite3.Connection) -> tuple[tuple[int, int], int]:
    """What the file says it is, and how many tables and the like it has."""
    application, version = (int(database.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("application_id", "user_version"))
    return (application, version), int(database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _use_wal(database: sqlite3.Connection, deadline: float) -> None:
    # SQLite's own wait does not cover this switch.
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(0.005)


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    # IMMEDIATE: one that reads first fails at once when another process writes in between.
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
