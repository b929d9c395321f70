"""Bytes by their content: snapshots, documents. Kept once, compressed, and authenticated by the tenant's key.

Which blob a link names is not authenticated: who can write the database can put an older one of the same tenant in its place, but none that
the tenant has not put. A blob that nothing links to is removed by `gc` some time after it was last touched.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
import zlib
from dataclasses import dataclass
from typing import Self

from ..errors import StoreError, TamperedSnapshot
from .database import Database, check_name
from .rows import as_declared
from .trees import owner_of

_ID = re.compile(r"[0-9a-f]{64}")
_COLUMNS = {"kind": str, "size": int, "tag": bytes, "data": bytes}
_LINK_COLUMNS = {"name": str, "blob": str}
_LINK = """
    INSERT INTO blob_links (tenant, owner, name, blob) VALUES (?, ?, ?, ?)
    ON CONFLICT (tenant, owner, name) DO UPDATE SET blob = excluded.blob"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What `gc` removed."""

    blobs: int
    bytes: int
    """As they were stored: compressed."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Bytes that are about to be put: hashed and compressed, which takes a second for a hundred megabytes and needs no database."""

    blob: str
    size: int
    data: bytes

    @classmethod
    def of(cls, data: bytes | memoryview) -> Self:
        """From the raw bytes; in a thread, if they are many."""
        return cls(hashlib.sha256(data).hexdigest(), memoryview(data).nbytes, zlib.compress(data, 1))


class Blobs:
    """The blobs of one tenant.

    Args:
        tenant: whose they are.
        key: the tenant's secret. Without one, changed bytes are found and forged ones are not.
    """

    def __init__(self, database: Database, tenant: str, key: bytes) -> None:
        self._db, self.tenant, self._key = database, tenant, key

    @property
    def authenticated(self) -> bool:
        """Whether there is a secret, so that forged bytes are found, too."""
        return bool(self._key)

    def put(self, data: bytes | memoryview | Packed, *, kind: str, owner: str, name: str) -> str:
        """Keep bytes and link them, both or neither; returns their id, the SHA-256 of the bytes.

        Args:
            kind: what they are, in a word. The same bytes are kept once, under the kind that they had first.
            owner, name: where the link is; one that is there is replaced.

        Raises:
            StoreError: they could not be written.
        """
        place = self._place(owner, name)
        check_name("kind", kind)
        # Outside of the transaction: others would wait for a compression.
        packed = data if isinstance(data, Packed) else Packed.of(data)
        blob = packed.blob
        with self._db.transaction():
            self._take_turn()
            if not self._touch(blob):
                row = (self.tenant, blob, kind, packed.size, self._tag(blob, kind, packed.size), time.time())
                self._db.execute(
                    "INSERT INTO blobs (tenant, blob, kind, size, tag, touched, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (tenant, blob) DO NOTHING",
                    (*row, packed.data),
                )
            self._set_link(place, blob)
        return blob

    def get(self, blob_id: str) -> bytes:
        """The bytes of that id.

        Raises:
            StoreError: they are gone.
            TamperedSnapshot: what is stored is not what was put, or was put with another key.
        """
        sql = "SELECT kind, size, tag, data FROM blobs WHERE tenant = ? AND blob = ?"
        for row in self._db.rows(sql, (self.tenant, _checked(blob_id))):
            kind, size, tag, data = as_declared(self._db.place, "blobs", _COLUMNS, row)
            if not hmac.compare_digest(tag, self._tag(blob_id, kind, size)):
                raise TamperedSnapshot(f"{self._db.place}: blob {blob_id[:12]}… was not put with this tenant's key, or was changed")
            raw = _inflated(data, size)
            if raw is None or hashlib.sha256(raw).hexdigest() != blob_id:
                raise TamperedSnapshot(f"{self._db.place}: blob {blob_id[:12]}… is not what was stored: it was changed, or is damaged")
            return raw
        raise StoreError(f"{self._db.place}: blob {blob_id[:12]}… is gone: it was removed, or never was in this store")

    def link(self, owner: str, name: str, blob_id: str) -> None:
        """Link a blob that is there; a link of that name is replaced.

        Raises:
            StoreError: the blob is gone, or the link could not be written.
        """
        place = self._place(owner, name)
        with self._db.transaction():
            self._take_turn()
            if not self._touch(_checked(blob_id)):
                raise StoreError(f"{self._db.place}: blob {blob_id[:12]}… is gone: it was removed, or never was in this store")
            self._set_link(place, blob_id)

    def unlink(self, owner: str, name: str | None = None) -> None:
        """Remove a link, or all links of an owner; harmless where there is none.

        Raises:
            StoreError: it could not be written.
        """
        where, values = ("", ()) if name is None else (" AND name = ?", (name,))
        place = (self.tenant, owner, *values)
        with self._db.transaction():
            self._take_turn()
            self._touch_linked(where, place)
            self._db.execute(f"DELETE FROM blob_links WHERE tenant = ? AND owner = ?{where}", place)

    def links(self, owner: str) -> dict[str, str]:
        """The names that an owner has linked, and the id behind each.

        Raises:
            StoreError: they could not be read.
        """
        sql = "SELECT name, blob FROM blob_links WHERE tenant = ? AND owner = ? ORDER BY name"
        rows = self._db.rows(sql, (self.tenant, owner))
        return {name: blob for name, blob in (as_declared(self._db.place, "blob_links", _LINK_COLUMNS, row) for row in rows)}

    def owners_without_a_run(self) -> list[str]:
        """Owners that are named like a run of this tenant which is not on record.

        Raises:
            StoreError: they could not be read.
        """
        sql = """
            SELECT DISTINCT owner FROM blob_links WHERE tenant = ? AND owner LIKE ? AND NOT EXISTS
            (SELECT 1 FROM runs WHERE runs.tenant = blob_links.tenant AND 'run:' || runs.run_id = blob_links.owner) ORDER BY owner"""
        return [str(owner) for (owner,) in self._db.rows(sql, (self.tenant, owner_of("%")))]

    def gc(self, older_than_seconds: float) -> Collected:
        """Remove blobs that nothing links to and that nobody put, linked or unlinked for so long. Those of deleted runs may go at once.

        Raises:
            StoreError: they could not be removed.
        """
        sql = """
            DELETE FROM blobs WHERE tenant = ? AND touched <= ? AND NOT EXISTS
            (SELECT 1 FROM blob_links l WHERE l.tenant = blobs.tenant AND l.blob = blobs.blob) RETURNING length(data)"""
        with self._db.transaction():
            self._take_turn()
            sizes = [int(row[0]) for row in self._db.rows(sql, (self.tenant, time.time() - older_than_seconds))]
        return Collected(blobs=len(sizes), bytes=sum(sizes))

    def problems(self) -> list[str]:
        """Blobs that are changed and links that lead nowhere, a line each. Reads every blob."""
        found = []
        for (blob,) in self._db.rows("SELECT blob FROM blobs WHERE tenant = ? ORDER BY blob", (self.tenant,)):
            try:
                self.get(blob)
            except StoreError as error:
                found.append(str(error))
        sql = """
            SELECT owner, name FROM blob_links l WHERE tenant = ? AND NOT EXISTS
            (SELECT 1 FROM blobs WHERE blobs.tenant = l.tenant AND blobs.blob = l.blob) ORDER BY owner, name"""
        lost = [
            f"{self._db.place}: the blob that {owner!r} links as {name!r} is gone" for owner, name in self._db.rows(sql, (self.tenant,))
        ]
        return found + lost

    def _place(self, owner: str, name: str) -> tuple[str, str, str]:
        return self.tenant, check_name("owner", owner), check_name("link", name)

    def _take_turn(self) -> None:
        # One transaction at a time writes a tenant's blobs. Else a collector could remove what a writer has just found to be there, and
        # two writers with the same blobs in another order would wait for each other.
        self._db.take_turn(f"blobs of {self.tenant}")

    def _set_link(self, place: tuple[str, str, str], blob: str) -> None:
        # Who has just read where a link leads may still get what was there.
        self._touch_linked(" AND name = ?", place)
        self._db.execute(_LINK, (*place, blob))

    def _touch_linked(self, where: str, place: tuple[str, ...]) -> None:
        linked = f"SELECT blob FROM blob_links WHERE tenant = ? AND owner = ?{where}"
        sql = f"UPDATE blobs SET touched = ? WHERE tenant = ? AND blob IN ({linked})"
        self._db.execute(sql, (time.time(), self.tenant, *place))

    def _touch(self, blob: str) -> bool:
        sql = "UPDATE blobs SET touched = ? WHERE tenant = ? AND blob = ?"
        return self._db.execute(sql, (time.time(), self.tenant, blob)).rowcount > 0

    def _tag(self, blob: str, kind: str, size: int) -> bytes:
        # The size as well: it bounds what is unpacked, so whoever changes the database must not choose it.
        return hmac.digest(self._key, f"{blob} {size} {kind}".encode(), "sha256")


def _checked(blob_id: str) -> str:
    if not isinstance(blob_id, str) or not _ID.fullmatch(blob_id):
        raise StoreError(f"blob {str(blob_id)[:50]!r}: an id is 64 hexadecimal digits")
    return blob_id


def _inflated(data: bytes, size: int) -> bytes | None:
    """The raw bytes, None if they are not `size` many; no more than that is ever unpacked."""
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(data, max(0, size) + 1)
    except (zlib.error, ValueError, OverflowError):
        return None
    return raw if len(raw) == size and unpacker.eof and not unpacker.unused_data else None
