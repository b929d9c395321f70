"""SQLite's log of what was written, and how it gets into the file: in a thread, since tens of megabytes take tenths of a second."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

from ..in_thread import begin_thread

MOVED_BYTES = 64 * 2**20
"""Once so much was written, it is moved. Not sooner: the write after that begins the log anew, and waits for the disk."""
LEFT_BYTES = 4 * 2**20
"""So much may be left to others when one of them closes the file."""
NEVER_MORE_PAGES = 65_536
"""A log of 256 MB is moved by whoever writes next, whatever became of the thread."""


class Log:
    """The log of one open file, for the thread that writes to that. What is in it is as safe as what is in the file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._place = f"{Path(path).absolute().as_uri()}?mode=rw"  # which makes no file where there is none any more
        self._written = 0
        self._process, self._still = os.getpid(), threading.Event()
        self._still.set()

    def wrote(self, size: int) -> None:
        """So many bytes were written. Not in the middle of a transaction: what is not committed cannot be moved."""
        self._written += size
        if self._written > MOVED_BYTES and self._still.is_set():
            self._written = 0
            self._still.clear()
            try:
                begin_thread(self._move)
            except RuntimeError:  # there are no more threads
                self._move()
            except BaseException:
                self._still.set()
                raise

    def settle(self) -> None:
        """Wait until nothing is being moved, and move much that is left; whoever closes the file last moves the rest."""
        if self._process == os.getpid():  # a copy of it has no such thread
            self._still.wait()
        with suppress(OSError):
            if Path(f"{self._path}-wal").stat().st_size > LEFT_BYTES:
                self._move()

    def _move(self) -> None:
        # What cannot be moved now, since the disk is full or others are reading, stays where it is until the next time.
        try:
            with suppress(sqlite3.Error), closing(sqlite3.connect(self._place, uri=True, timeout=0)) as database:
                database.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            self._still.set()
