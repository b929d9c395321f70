"""Several contexts as one: their documents in order, copied from one sealed memory file into another."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator, Sequence

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
        files = [entry for context in contexts for entry in copied(context.fd, context.size, writer)]
        return Context(writer, files=[entry for entry in files if entry.name])


def assembled(documents: Iterable[tuple[str, Iterable[bytes]]]) -> Context:
    """A context of documents that were taken out of others: of each its name, or an empty one, and its text in parts.

    Raises:
        ConfigError: together they are too large, or there is no text in them.
    """
    with SealedWriter() as writer:
        files = [_added(writer, name, parts) for name, parts in documents]
        return Context(writer, files=[entry for entry in files if entry.name])


def documents_of(context: Context, part_bytes: int) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Each document's name, empty where it has none, and its text as UTF-8 in parts of whole characters, which are read as they are used.

    Raises:
        ConfigError: the context is closed.
    """
    with mmap.mmap(context.fd, context.size, prot=mmap.PROT_READ) as whole, memoryview(whole) as view:
        for name, start, end in _places(view):
            yield name, _pieces(view, start, end, part_bytes)


def copied(fd: int, size: int, writer: SealedWriter) -> Iterator[FileEntry]:
    """Copy the documents of a sealed memory file to `writer`, one after the other."""
    with mmap.mmap(fd, size, prot=mmap.PROT_READ) as whole, memoryview(whole) as view:
        for name, start, end in _places(view):
            yield _added(writer, name, _pieces(view, start, end, PIECE))


def _places(view: memoryview) -> Iterator[tuple[str, int, int]]:
    """Of each document in a sealed file: its name, where its text begins, where it ends."""
    *_, table_at, names_at, documents = HEADER.unpack_from(view)
    for number in range(documents):
        start, size, _, _, name_at, name_size = _RECORD.unpack_from(view, table_at + number * _RECORD.size)
        name = bytes(view[names_at + name_at : names_at + name_at + name_size]).decode()
        yield name, TEXT_AT + start, TEXT_AT + start + size


def _added(writer: SealedWriter, name: str, parts: Iterable[bytes]) -> FileEntry:
    writer.begin()
    for part in parts:
        for piece in _pieces(memoryview(part), 0, len(part), PIECE) if len(part) > PIECE else (part,):
            writer.add(piece)
    return writer.end(name)


def _pieces(view: memoryview, at: int, end: int, size: int) -> Iterator[bytes]:
    """The bytes from `at` to `end`, in pieces of whole characters."""
    while at < end:
        stop = min(at + size, end)
        while stop < end and view[stop] & 0xC0 == 0x80:  # within a character
            stop -= 1
        yield bytes(view[at:stop])
        at = stop
