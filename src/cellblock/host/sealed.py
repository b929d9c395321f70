"""The sealed memory file that holds a context: one copy of the text for the host and every worker of a run.

Layout, in this machine's byte order (little-endian wherever we run), every section 8-byte aligned:

    0          header: HEADER below; the rest of the first 4 KiB is zero
    TEXT_AT    the text: all documents, UTF-8, SEPARATOR between two of them
    index_at   one u64 per 4 KiB block of the text, and one more: how many characters start before it.
               Left out, and `index_at` is 0, when the text is pure ASCII.
    table_at   RECORD u64 per document: its byte offset, byte length, character offset, character length (all within
               the text), and the byte offset and byte length of its name (within the names)
    names_at   the names, UTF-8, one after the other; an unnamed document's is empty

The header comes first, not last: a locked-down worker may read and map, but not ask for a file's size.
`sandboxes/near_text.py` reads this layout. Neither tree imports the other, so the constants stand in both; a test
holds them together.
"""

from __future__ import annotations

import fcntl
import os
import struct
from array import array
from codecs import utf_8_decode
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import ConfigError, SandboxUnavailable

MAGIC = b"CBCTX\x00\r\n"
VERSION = 1
HEADER = struct.Struct("=8s8Q")
"""Magic, version, bytes of the whole file, bytes of the text, characters of the text, index_at, table_at, names_at, documents."""
TEXT_AT = 4096
BLOCK = 4096
RECORD = 6
SEPARATOR = "\n\n---\n\n"
"""Between two documents. It belongs to neither of them, but to the text."""

MAX_CONTEXT_BYTES = 4 * 2**30
PIECE = 2**18
"""Bytes that are copied at a time. Measured: 256 KiB stays in the cache, 1 MiB takes half as long again."""
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_MFD_NOEXEC_SEAL = 0x8


class NotText(Exception):
    """What is being loaded is not text; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """One named document of a context."""

    name: str
    size_chars: int
    size_bytes: int
    """As UTF-8, whatever the file's own encoding."""


@dataclass(frozen=True, slots=True)
class _Before:
    """Where the text stood before the document that is being written."""

    bytes: int = 0
    chars: int = 0
    edges: int | None = None


class SealedWriter:
    """Writes documents one after the other, counts as it copies, and seals. Use as a context manager: an error closes the file.

    Between `begin` and `end` stands one document; `undo` takes it back.
    """

    def __init__(self, max_bytes: int = MAX_CONTEXT_BYTES) -> None:
        self.fd = _memfd()
        self.max_bytes = max_bytes
        self.bytes = self.chars = 0
        # Characters that start before each block's edge; None as long as all is ASCII, where it would be a multiplication.
        self._edges: array[int] | None = None
        self._table: array[int] = array("Q")
        self._names: list[bytes] = []
        self._before = _Before()
        self._start = _Before()

    def __enter__(self) -> SealedWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            os.close(self.fd)

    @property
    def num_documents(self) -> int:
        """Documents that were ended."""
        return len(self._names)

    @property
    def empty(self) -> bool:
        """Whether no document holds a character."""
        return not any(self._table[3::RECORD])

    def begin(self) -> None:
        """Start a document."""
        self._before = self._here()
        if self._names:
            self.add(SEPARATOR.encode())
        self._start = self._here()

    def end(self, name: str = "") -> FileEntry:
        """The document is complete."""
        encoded = name.encode("utf-8", "backslashreplace")
        start, names_size = self._start, 0 if not self._names else self._table[-2] + self._table[-1]
        size_bytes, size_chars = self.bytes - start.bytes, self.chars - start.chars
        self._table.extend((start.bytes, size_bytes, start.chars, size_chars, names_size, len(encoded)))
        self._names.append(encoded)
        return FileEntry(name=encoded.decode(), size_chars=size_chars, size_bytes=size_bytes)

    def undo(self) -> None:
        """Forget the document that was begun."""
        before = self._before
        os.ftruncate(self.fd, TEXT_AT + before.bytes)
        self.bytes, self.chars = before.bytes, before.chars
        if before.edges is None:
            self._edges = None
        elif self._edges is not None:
            del self._edges[before.edges :]

    def add(self, piece: bytes | memoryview) -> None:
        """Append whole characters of UTF-8.

        Raises:
            UnicodeDecodeError: it is not UTF-8; `start` is relative to `piece`, and nothing was appended.
            ConfigError: the context would pass its size limit.
        """
        if self.bytes + len(piece) > self.max_bytes:
            raise ConfigError(f"the context is larger than {self.max_bytes:,} bytes; give fewer or smaller files")
        self._count(piece)
        view = memoryview(piece)
        while view:
            done = os.pwrite(self.fd, view, TEXT_AT + self.bytes)
            self.bytes += done
            view = view[done:]

    def add_text(self, text: str) -> None:
        """Append `text`, a piece at a time, so that no second copy of it ever exists.

        Raises:
            UnicodeEncodeError: a lone surrogate; `start` is its position in `text`.
            ConfigError: the context would pass its size limit.
        """
        for at in range(0, len(text), PIECE):
            try:
                piece = text[at : at + PIECE].encode()
            except UnicodeEncodeError as error:
                error.start += at
                raise
            self.add(piece)

    def seal(self) -> tuple[int, int]:
        """Write the tables and the header, and make the file immutable. Returns its descriptor and its size in bytes."""
        index = b"" if self._edges is None else self._edges.tobytes()
        text_end = TEXT_AT + _aligned(self.bytes)
        table_at = text_end + len(index)
        names_at = table_at + self._table.itemsize * len(self._table)
        names = b"".join(self._names)
        total = names_at + len(names)
        header = (MAGIC, VERSION, total, self.bytes, self.chars, text_end if index else 0, table_at, names_at, self.num_documents)
        os.ftruncate(self.fd, total)
        for offset, section in ((text_end, index), (table_at, self._table.tobytes()), (names_at, names), (0, HEADER.pack(*header))):
            _write_all(self.fd, section, offset)
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, _SEALS)
        return self.fd, total

    def _here(self) -> _Before:
        return _Before(self.bytes, self.chars, None if self._edges is None else len(self._edges))

    def _count(self, piece: bytes | memoryview) -> None:
        if bytes(piece).isascii():
            if self._edges is not None:
                first = BLOCK - self.bytes % BLOCK
                self._edges.extend(range(self.chars + first, self.chars + len(piece) + 1, BLOCK))
            self.chars += len(piece)
            return
        edges = list(_starts_before_edges(memoryview(piece), BLOCK - self.bytes % BLOCK))
        if self._edges is None:
            self._edges = array("Q", range(0, self.bytes + 1, BLOCK))
        self._edges.extend([self.chars + count for count in edges[:-1]])
        self.chars += edges[-1]


def _starts_before_edges(piece: memoryview, edge: int) -> Iterator[int]:
    """How many characters of `piece` start before `edge`, and before every BLOCK after it; last, how many there are.

    Decoding is both the check and the count: one pass, and a block's text never leaves the cache.
    """
    at = chars = 0
    while at < len(piece):
        stop = min(edge, len(piece))
        try:
            text, used = utf_8_decode(piece[at:stop], "strict", edge >= len(piece))
        except UnicodeDecodeError as error:
            error.start += at
            raise
        at += used
        chars += len(text)
        if edge <= len(piece):
            yield chars + (at < edge)  # one that crosses the edge starts before it
            edge += BLOCK
    yield chars


def _memfd() -> int:
    if not hasattr(os, "memfd_create"):
        raise SandboxUnavailable("this system has no memory files (memfd_create); contexts need Linux")
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        return os.memfd_create("context", flags | _MFD_NOEXEC_SEAL)
    except OSError:  # Linux before 6.3 does not know the flag
        return os.memfd_create("context", flags)


def _aligned(size: int) -> int:
    return (size + 7) // 8 * 8


def _write_all(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done
