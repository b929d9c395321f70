"""Threads: conversations that are kept. Their documents, questions and answers, and the snapshot that the next question goes on from.

A thread's name is a key in the database and nothing else. Whoever writes one holds its lease, and each write is bound to that.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from .blobs import Blobs
from .codec import pack
from .database import Database
from .leases import Lease, Leases
from .rows import Kinds, as_declared
from .thread_rows import DOCUMENT, STATE, THREAD, TURN, DocumentRow, ThreadRow, ThreadState, TurnRow, state_of, turn_of, unpacked

__all__ = ["Added", "DocumentRow", "ThreadRow", "ThreadState", "Threads", "TurnRow", "check_thread_name"]

NAME_CHARS = 100
PART_BYTES = 32 * 2**20
"""A longer document is kept in several blobs, since no database likes values of gigabytes."""
_SNAPSHOT, _NEXT = "snapshot", "next snapshot"


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """What came of adding documents."""

    new: int
    known: int
    """Those that were there already, under the same name and with the same text."""


def check_thread_name(name: object) -> str:
    """The name, if it can be one.

    Raises:
        ConfigError: it is no text, is empty or too long, or holds what cannot be seen.
    """
    if not isinstance(name, str):
        raise ConfigError(f"thread: a name is needed, not {type(name).__name__}")
    if not name.strip():
        raise ConfigError("thread: the name is empty")
    if len(name) > NAME_CHARS:
        raise ConfigError(f"thread {name[:40]!r}…: a name has at most {NAME_CHARS} characters, and this has {len(name):,}")
    if not name.isprintable():
        raise ConfigError(f"thread {name!r}: control characters and invisible ones cannot be in a name")
    return name


class Threads:
    """The threads of one tenant."""

    def __init__(self, database: Database, blobs: Blobs, leases: Leases, *, tenant: str) -> None:
        self._db, self._blobs, self._leases, self._tenant = database, blobs, leases, tenant

    def lease_name(self, name: str) -> str:
        """What the lease of a thread is called."""
        return f"thread:{self._tenant}/{check_thread_name(name)}"

    def all(self) -> list[ThreadRow]:
        """All of them, by name.

        Raises:
            StoreError: they could not be read.
        """
        return self._rows("", ())

    def get(self, name: str) -> ThreadRow | None:
        """One of them, None if it is not there.

        Raises:
            ConfigError: that is no name.
            StoreError: it could not be read.
        """
        return next(iter(self._rows(" AND name = ?", (check_thread_name(name),))), None)

    def waiting_for(self, run_id: str) -> str | None:
        """The thread whose last question that run is to answer, None if there is none.

        Raises:
            StoreError: it could not be read.
        """
        return next((row.name for row in self._rows(" AND pending = ?", (run_id,))), None)

    def documents(self, name: str) -> list[DocumentRow]:
        """What its questions are about, in order; nothing if the thread is not there.

        Raises:
            StoreError: it could not be read.
        """
        sql = f"SELECT n, title, chars, blob, added FROM thread_documents WHERE thread = {_NUMBER} ORDER BY n"
        return [
            DocumentRow(n=n, title=unpacked(self._db.place, title, str), chars=chars, blobs=tuple(blob.split()), added=added)
            for n, title, chars, blob, added in self._read("thread_documents", DOCUMENT, sql, (check_thread_name(name),))
        ]

    def text(self, document: DocumentRow) -> Iterator[bytes]:
        """A document's parts as UTF-8, each of whole characters.

        Raises:
            StoreError: one is gone.
            TamperedSnapshot: one is not what was added.
        """
        return map(self._blobs.get, document.blobs)

    def turns(self, name: str, *, last: int | None = None) -> list[TurnRow]:
        """Its questions and answers, in order; nothing if the thread is not there.

        Args:
            last: only so many, the newest.

        Raises:
            StoreError: they could not be read.
        """
        sql = f"""
            SELECT n, question, answer, value, run_id, asked, seconds FROM thread_turns
            WHERE thread = {_NUMBER} ORDER BY n DESC"""
        bound = () if last is None else (last,)
        values = (check_thread_name(name), *bound)
        rows = self._read("thread_turns", TURN, sql + (" LIMIT ?" if bound else ""), values)
        return [turn_of(self._db.place, row) for row in reversed(rows)]

    def state(self, name: str) -> ThreadState:
        """Where its next question goes on from.

        Raises:
            StoreError: it could not be read.
            TamperedSnapshot: the snapshot is not what was kept.
        """
        sql = "SELECT snapshot, left_out FROM threads WHERE tenant = ? AND name = ?"
        for snapshot, packed in self._read("threads", STATE, sql, (check_thread_name(name),)):
            data = None if snapshot is None else self._blobs.get(snapshot)
            return state_of(self._db.place, data, packed)
        return ThreadState(snapshot=None, left_out={})

    def add_documents(self, lease: Lease, name: str, documents: Iterable[tuple[str, Iterable[bytes]]]) -> Added:
        """Add documents, of each its title and its text in parts of whole characters. A thread that is not there is made.

        Raises:
            StoreError: one could not be written, or the lease is not ours any more. Those before it are in the thread.
        """
        with self._db.transaction():
            thread = self._opened(lease, name)
        there = {(document.title, document.blobs) for document in self.documents(name)}
        n = first = self._next("thread_documents", thread)
        known = 0
        for title, text in documents:
            parts = list(text)
            blobs = tuple(hashlib.sha256(part).hexdigest() for part in parts)
            if (title, blobs) in there:
                known += 1
                continue
            self._add_document(lease, thread, n, title, parts, " ".join(blobs))
            there.add((title, blobs))
            n += 1
        return Added(new=n - first, known=known)

    def _add_document(self, lease: Lease, thread: int, n: int, title: str, parts: Sequence[bytes], blobs: str) -> None:
        # Each in a transaction of its own: others write between them, where one of gigabytes would hold them up for too long.
        for number, part in enumerate(parts):
            self._blobs.put(part, kind="document", owner=_owner(thread), name=f"document {n} {number}")
        chars = sum(len(part.decode()) for part in parts)
        with self._db.transaction():
            self._leases.check(lease)
            self._db.execute(
                "INSERT INTO thread_documents (thread, n, title, chars, blob, added) VALUES (?, ?, ?, ?, ?, ?)",
                (thread, n, pack(title), chars, blobs, time.time()),
            )
            self._touch(thread)

    def begin(self, lease: Lease, name: str, run_id: str) -> None:
        """Put on record which run is to answer the next question. A thread that is not there is made.

        Raises:
            StoreError: it could not be written, or the lease is not ours any more.
        """
        with self._db.transaction():
            thread = self._opened(lease, name)
            self._db.execute(
                "UPDATE threads SET pending = ?, pending_documents = ? WHERE number = ?",
                (run_id, self._next("thread_documents", thread), thread),
            )

    def add_turn(self, lease: Lease, name: str, turn: TurnRow, snapshot: bytes | None, left_out: Mapping[str, str]) -> None:
        """Add an answered question, and the snapshot that the next one goes on from: both or neither. No question is pending any more.

        Raises:
            StoreError: it could not be written, or the lease is not ours any more.
        """
        told = pack({"value": turn.value, "success": turn.success})
        with self._db.transaction():
            thread = self._opened(lease, name)
        # Written beforehand: others would wait for a transaction that holds hundreds of megabytes. What has a link is not collected.
        blob = None if snapshot is None else self._blobs.put(snapshot, kind="snapshot", owner=_owner(thread), name=_NEXT)
        with self._db.transaction():
            self._leases.check(lease)
            if blob is not None:
                self._blobs.link(_owner(thread), _SNAPSHOT, blob)
                self._blobs.unlink(_owner(thread), _NEXT)
            row = (thread, self._next("thread_turns", thread), pack(turn.question), pack(turn.answer), told)
            self._db.execute(
                "INSERT INTO thread_turns (thread, n, question, answer, value, run_id, asked, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, turn.run_id, turn.asked, turn.seconds),
            )
            self._db.execute(
                "UPDATE threads SET snapshot = ?, left_out = ?, pending = NULL, pending_documents = NULL WHERE number = ?",
                (blob, pack(dict(left_out)), thread),
            )
            self._touch(thread)

    def delete(self, lease: Lease, name: str) -> bool:
        """Remove a thread with all that only it links to; whether it was there. Its runs stay in the journal.

        Raises:
            StoreError: it could not be written, or the lease is not ours any more.
        """
        with self._db.transaction():
            self._leases.check(lease)
            for (thread,) in self._db.rows(_FIND, (self._tenant, check_thread_name(name))):
                self._db.execute("DELETE FROM threads WHERE number = ?", (thread,))
                self._blobs.unlink(_owner(thread))
                return True
        return False

    def _opened(self, lease: Lease, name: str) -> int:
        """Within a transaction: the thread's number."""
        self._leases.check(lease)
        for (thread,) in self._db.rows(_FIND, (self._tenant, check_thread_name(name))):
            return int(thread)
        now = time.time()
        sql = "INSERT INTO threads (tenant, name, created, updated) VALUES (?, ?, ?, ?) RETURNING number"
        return int(self._db.rows(sql, (self._tenant, name, now, now))[0][0])

    def _touch(self, thread: int) -> None:
        self._db.execute("UPDATE threads SET updated = ? WHERE number = ?", (time.time(), thread))

    def _next(self, table: str, thread: int) -> int:
        return int(self._db.rows(f"SELECT coalesce(max(n) + 1, 0) FROM {table} WHERE thread = ?", (thread,))[0][0])

    def _rows(self, where: str, values: Sequence[Any]) -> list[ThreadRow]:
        sql = f"""
            SELECT name, created, updated, (SELECT count(*) FROM thread_turns u WHERE u.thread = t.number),
                (SELECT count(*) FROM thread_documents d WHERE d.thread = t.number),
                (SELECT CAST(coalesce(sum(chars), 0) AS BIGINT) FROM thread_documents d WHERE d.thread = t.number),
                pending, pending_documents
            FROM threads t WHERE tenant = ?{where}"""
        rows = [
            ThreadRow(
                name=row[0],
                created=row[1],
                updated=row[2],
                turns=row[3],
                documents=row[4],
                chars=row[5],
                pending=row[6],
                pending_documents=row[7],
            )
            for row in self._read("threads", THREAD, sql, values)
        ]
        # Here and not in SQL, where each database has an order of its own.
        return sorted(rows, key=lambda row: row.name)

    def _read(self, table: str, columns: Mapping[str, Kinds], sql: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        return [as_declared(self._db.place, table, columns, row) for row in self._db.rows(sql, (self._tenant, *values))]


_FIND = "SELECT number FROM threads WHERE tenant = ? AND name = ?"
_NUMBER = f"({_FIND})"


def _owner(thread: int) -> str:
    # The number and not the name: it is never given again, so that what a deleted thread left behind is nobody's.
    return f"thread:{thread}"
