"""The context's text as a worker sees it: mapped read-only, never copied, addressed in characters.

`src/cellblock/host/sealed.py` writes the file and says how it is laid out. Neither tree imports the other, so the
constants stand in both; a test holds them together.
"""

from __future__ import annotations

import ctypes
import os
import struct
from bisect import bisect_right
from codecs import utf_8_decode

MAGIC = b"CBCTX\x00\r\n"
VERSION = 1
HEADER = struct.Struct("=8s8Q")
TEXT_AT = 4096
BLOCK = 4096
RECORD = 6

KEEP_WHOLE_BYTES = 64 * 2**20
"""A whole text up to this size is kept once it was made; a larger one is made again rather than held."""
_PROT_READ, _MAP_SHARED, _PYBUF_READ = 1, 1, 0x100
_MAP_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
# Not the mmap module: it asks for the file's size and duplicates its descriptor, which a locked-down worker may not.
_libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
_libc.mmap.restype = ctypes.c_void_p
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_view_of_memory = ctypes.pythonapi.PyMemoryView_FromMemory
_view_of_memory.argtypes = (ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)
_view_of_memory.restype = ctypes.py_object


class MappedText:
    """One context's text, its block index and its documents.

    Attributes:
        data: the text's bytes, UTF-8.
        address: where they are in memory, for libc.
        num_bytes, num_chars, num_documents: sizes.
    """

    __slots__ = ("_base", "_marks", "_names", "_size", "_table", "_whole", "address", "data", "num_bytes", "num_chars", "num_documents")

    def __init__(self, fd: int) -> None:
        """Map the sealed file `fd`; takes microseconds, whatever its size.

        Raises:
            ValueError: it is not a context's file.
            OSError: it cannot be mapped.
        """
        raw = os.pread(fd, HEADER.size, 0)
        if len(raw) < HEADER.size or raw[:8] != MAGIC:
            raise ValueError("this file holds no context")
        header: tuple[int, ...] = HEADER.unpack(raw)[1:]
        version, self._size, self.num_bytes, self.num_chars, marks_at, table_at, names_at, self.num_documents = header
        if version != VERSION:
            raise ValueError(f"a context of layout {version}; this worker reads layout {VERSION}")
        self._base = _map(fd, self._size)
        self.address = self._base + TEXT_AT
        file = _view_of_memory(self._base, self._size, _PYBUF_READ)
        self.data: memoryview = file[TEXT_AT : TEXT_AT + self.num_bytes]
        self._marks: memoryview | None = file[marks_at:table_at].cast("Q") if marks_at else None
        self._table: memoryview = file[table_at:names_at].cast("Q")
        self._names: memoryview = file[names_at:]
        self._whole: str | None = None

    @property
    def is_ascii(self) -> bool:
        """Whether a character is a byte."""
        return self._marks is None

    def close(self) -> None:
        """Unmap. Any later use is a ValueError. A worker need not: its end does the same."""
        for view in (self.data, self._table, self._names, *([] if self._marks is None else [self._marks])):
            view.release()
        if self._base:
            _libc.munmap(self._base, self._size)
            self._base = 0

    # -- characters and bytes

    def byte_at(self, char: int) -> int:
        """Where character `char` begins; the end for `num_chars`. Looks at one block."""
        marks = self._marks
        if marks is None:
            return char
        if char >= self.num_chars:
            return self.num_bytes
        block = bisect_right(marks, char) - 1
        start = self.boundary(block * BLOCK)
        text = utf_8_decode(self.data[start : start + BLOCK], "strict", False)[0]
        ahead: int = char - marks[block]
        return start + (ahead if text.isascii() else len(text[:ahead].encode()))

    def char_at(self, byte: int) -> int:
        """Which character begins at `byte`, which must be such a place or the end. Looks at one block."""
        marks = self._marks
        if marks is None:
            return byte
        block = byte // BLOCK
        start = self.boundary(block * BLOCK)
        before: int = marks[block]
        return before + len(utf_8_decode(self.data[start:byte], "strict", True)[0])

    def boundary(self, byte: int) -> int:
        """The first place from `byte` on where a character begins, or the end."""
        data = self.data
        while byte < self.num_bytes and data[byte] & 0xC0 == 0x80:
            byte += 1
        return min(byte, self.num_bytes)

    # -- texts

    def decode(self, start: int, end: int) -> str:
        """The text between two places in bytes, both where a character begins."""
        return str(self.data[start:end], "ascii" if self._marks is None else "utf-8")

    def slice(self, start: int, end: int) -> str:
        """Characters `start` to `end`, where 0 <= start and end <= num_chars."""
        if start >= end:
            return ""
        if self._marks is None:
            return str(self.data[start:end], "ascii")
        first, wanted = self.byte_at(start), end - start
        if wanted > BLOCK:
            return self.decode(first, self.byte_at(end))
        # A short one: decode what it can take at most, which is cheaper than to look up its end.
        return utf_8_decode(self.data[first : first + 4 * wanted], "strict", False)[0][:wanted]

    def whole(self) -> str:
        """All of it as one str, a full copy under the worker's memory limit."""
        if self._whole is not None:
            return self._whole
        text = self.decode(0, self.num_bytes)
        if self.num_bytes <= KEEP_WHOLE_BYTES:
            self._whole = text
        return text

    # -- documents

    def document(self, number: int) -> str:
        """The text of document `number`, from 0."""
        at = number * RECORD
        return self.decode(self._table[at], self._table[at] + self._table[at + 1])

    def document_chars(self, first: int = 0, last: int | None = None) -> list[int]:
        """The lengths in characters of documents `first` to `last` (not included)."""
        end = self.num_documents if last is None else last
        return self._table[first * RECORD : end * RECORD].tolist()[3::RECORD]

    def document_name(self, number: int) -> str:
        """The name of document `number`, empty if it has none."""
        at = number * RECORD + 4
        start = self._table[at]
        return str(self._names[start : start + self._table[at + 1]], "utf-8")


def _map(fd: int, size: int) -> int:
    address: int | None = _libc.mmap(None, size, _PROT_READ, _MAP_SHARED, fd, 0)
    if address is None or address == _MAP_FAILED:
        raise OSError(ctypes.get_errno(), "the context cannot be mapped")
    return address
