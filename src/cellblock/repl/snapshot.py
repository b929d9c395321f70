"""A session's state outside of any process: sealed with its tenant's key, bound to the interpreter that wrote it.

    magic | u32 length | header (msgpack) | the state | HMAC-SHA256 of all before

The state was written by a worker and is opaque here; the header is ours. Nothing of either is looked at before the seal is right.
"""

from __future__ import annotations

import hashlib
import hmac
import mmap
import os
import struct

import msgspec

from ..errors import StaleSnapshot, TamperedSnapshot
from .base import SavedState
from .guests import GuestSpec
from .wire import memory_file

MAGIC = b"cellblock snapshot\n"
FORMAT = 1
HEADER_BYTES = 2**20
"""Ours has a few hundred names at most."""
_LENGTH = struct.Struct("<I")
_SEAL_BYTES = hashlib.sha256().digest_size


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot is bound to."""

    format: int = FORMAT
    sandbox: str
    interpreter: str
    """Name and version."""
    artefact: str = ""
    """Hash of what the interpreter was built from, where it is built."""
    left_out: dict[str, str] = {}


def seal(saved: SavedState, spec: GuestSpec, key: bytes) -> bytes:
    """The snapshot of a state that a worker of `spec` wrote. Takes seconds per gigabyte, without the interpreter's lock."""
    header = Header(sandbox=spec.name, interpreter=spec.interpreter, artefact=spec.artefact, left_out=dict(saved.left_out))
    head = msgspec.msgpack.encode(header)
    return _sealed(b"".join((MAGIC, _LENGTH.pack(len(head)), head)), saved, key)


def _sealed(prefix: bytes, saved: SavedState, key: bytes) -> bytes:
    # Put together in a memory file and read back whole: to join bytes would hold all other threads for the length of a copy.
    end = len(prefix) + saved.size
    fd = memory_file("cellblock-snapshot", end + _SEAL_BYTES)
    try:
        with mmap.mmap(fd, end + _SEAL_BYTES) as room, memoryview(room) as view:
            view[: len(prefix)] = prefix
            with view[len(prefix) : end] as place:
                saved.read_into(place)
            seal = hmac.new(key, None, "sha256")
            with view[:end] as body:
                seal.update(body)
            view[end:] = seal.digest()
        return os.pread(fd, end + _SEAL_BYTES, 0)
    finally:
        os.close(fd)


def unseal(data: bytes, spec: GuestSpec, key: bytes) -> memoryview:
    """The state in a snapshot that this tenant's session of `spec` may go on from.

    Raises:
        TamperedSnapshot: its bytes are not the ones that were sealed with this key.
        StaleSnapshot: another sandbox, version or artefact wrote it.
    """
    view = memoryview(data)
    body, seal = view[:-_SEAL_BYTES], view[-_SEAL_BYTES:]
    if len(data) < len(MAGIC) + _LENGTH.size + _SEAL_BYTES or not hmac.compare_digest(hmac.digest(key, body, "sha256"), seal):
        raise TamperedSnapshot("these bytes are no snapshot of this tenant: changed, cut off, or sealed with another key")
    start = len(MAGIC) + _LENGTH.size
    end = start + _LENGTH.unpack(body[len(MAGIC) : start])[0]
    header = _header(data)
    if header is None:
        raise StaleSnapshot("this snapshot has another format; the version of Cellblock that wrote it can read it")
    _check_version(header, spec)
    return body[end:]


def sandbox_of(data: bytes) -> str:
    """The sandbox that a snapshot belongs to; empty where its format is another one. Of bytes whose seal is right, see `unseal`."""
    header = _header(data)
    return "" if header is None else header.sandbox


def left_out(snapshot: bytes) -> dict[str, str]:
    """Variables that a snapshot does not hold, by name, and why; none, if these bytes are no snapshot.

    Args:
        snapshot: what `dump` gave. The seal is not looked at: of bytes from elsewhere, this is what they say.
    """
    header = _header(snapshot)
    return {} if header is None else header.left_out


def _header(data: bytes) -> Header | None:
    start = len(MAGIC) + _LENGTH.size
    if not isinstance(data, bytes) or len(data) < start or not data.startswith(MAGIC):
        return None  # what sessions that are not ours call a dump
    (size,) = _LENGTH.unpack(data[len(MAGIC) : start])
    if size > HEADER_BYTES:
        return None
    try:
        return msgspec.msgpack.decode(data[start : start + size], type=Header)
    except (msgspec.DecodeError, ValueError, RecursionError):  # a text in it that is none is a ValueError
        return None


def _check_version(header: Header, spec: GuestSpec) -> None:
    for what, theirs, ours in (
        ("format", str(header.format), str(FORMAT)),
        ("sandbox", header.sandbox, spec.name),
        ("interpreter", header.interpreter, spec.interpreter),
        ("artefact", header.artefact[:16], spec.artefact[:16]),
    ):
        if theirs != ours:
            raise StaleSnapshot(f"this snapshot belongs to {what} {theirs!r}; here it is {ours!r}: open it there, or run its cells again")
