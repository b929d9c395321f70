"""Several contexts as one: their documents in order, copied from one sealed memory file into another."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Sequence

from .context import Context
from .sealed import HEADER, PIECE, RECORD, TEXT_AT, FileEntry, SealedWriter

_RECORD = struct.Struct(f"={RECORD}Q")


def joined(contexts: Sequence[Context]) -> Context:
    """A context of all documents of `contexts`, which stay open. One context alone is returned as it is.

    Raises:
        ConfigError: together they are too large, or one of them is closed.
    """
    if len(contexts) == 1:
        return contexts[0]
    with SealedWriter() as writer:
        files = [entry for context in contexts for entry in documents_of(context.fd, context.size, writer)]
        return Context(writer, files=[entry for entry in files if entry.name])


def documents_of(fd: int, size: int, writer: SealedWriter) -> Iterator[FileEntry]:
    """Copy the documents of a sealed memory file to `writer`, one after the other."""
    with mmap.mmap(fd, size, prot=mmap.PROT_READ) as whole, memoryview(whole) as view:
        *_, table_at, names_at, documents = HEADER.unpack_from(view)
        for number in range(documents):
            start, size, _, _, name_at, name_size = _RECORD.unpack_from(view, table_at + number * _RECORD.size)
            name = bytes(view[names_at + name_at : names_at + name_at + name_size]).decode()
            writer.begin()
            for piece in _pieces(view, TEXT_AT + start, TEXT_AT + start + size):
                writer.add(piece)
            yield writer.end(name)


def _pieces(view: memoryview, at: int, end: int) -> Iterator[bytes]:
    """The bytes from `at` to `end`, in pieces of whole characters."""
    while at < end:
        stop = min(at + PIECE, end)
        while stop < end and view[stop] & 0xC0 == 0x80:  # within a character
            stop -= 1
        yield bytes(view[at:stop])
        at = stop
