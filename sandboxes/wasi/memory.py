"""The guest's linear memory: every access is checked, since pointers and lengths come from the guest."""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import wasmtime._bindings as bindings

from .mapped import Mapped

PAGE = 65536
"""Of WebAssembly: memory grows by so many bytes."""
_copy_out = ctypes.string_at
_view = ctypes.pythonapi.PyMemoryView_FromMemory
_view.argtypes = (ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)
_view.restype = ctypes.py_object
_PYBUF_WRITE = 0x200
_MAP_FIXED = 16
_ALL_PAGES = mmap.PROT_READ | mmap.PROT_WRITE
_libc = ctypes.CDLL(None)
_libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
_libc.mmap.restype = ctypes.c_void_p


class GuestLied(Exception):
    """The guest gave a pointer, a length or an answer that cannot be."""


class Memory:
    """One guest's memory.

    Attributes:
        address: where it lies in this process.
        mapped: which of its pages are a file's.
    """

    def __init__(self, context: Any, extern: Any) -> None:
        self._context, self._memory = context, ctypes.byref(extern.of.memory)
        self._kept = extern
        self.mapped = Mapped()
        # As much address space is reserved as a memory can ever have, so it does not move; and it never shrinks.
        self.address = ctypes.cast(bindings.wasmtime_memory_data(context, self._memory), ctypes.c_void_p).value or 0
        self._at_least = self.size

    @property
    def size(self) -> int:
        """Bytes now."""
        return int(bindings.wasmtime_memory_data_size(self._context, self._memory))

    def read(self, pointer: int, size: int) -> bytes:
        """A copy of so many bytes.

        Raises:
            GuestLied: they are not all there.
        """
        self._check(pointer, size)
        return _copy_out(self.address + pointer, size)

    def write(self, pointer: int, data: bytes) -> None:
        """Put bytes there.

        Raises:
            GuestLied: there is no room.
        """
        self._check(pointer, len(data))
        ctypes.memmove(self.address + pointer, data, len(data))

    def view(self) -> memoryview:
        """All of it, in place; until it grows."""
        found: memoryview = _view(self.address, self.size, _PYBUF_WRITE)
        return found

    def map(self, pointer: int, size: int, descriptor: int, offset: int) -> bool:
        """Put so many bytes of a file there, copy-on-write. False where they do not lie on whole pages, or the system refuses.

        Raises:
            GuestLied: there is no room.
        """
        self._check(pointer, size)
        if (pointer | size | offset) % mmap.PAGESIZE:
            return False
        found = _libc.mmap(self.address + pointer, size, _ALL_PAGES, _MAP_FIXED | mmap.MAP_PRIVATE, descriptor, offset)
        self.mapped.add(pointer, size)
        return bool(found == self.address + pointer)

    def own(self, pointer: int, size: int) -> None:
        """Let go of the file that lies there, and have its bytes in memory of our own; zeros take none.

        Raises:
            OSError: the system refuses.
        """
        for start in range(pointer, pointer + size, PAGE):
            part = min(PAGE, pointer + size - start)
            data = self.read(start, part)
            place = self.address + start
            if _libc.mmap(place, part, _ALL_PAGES, _MAP_FIXED | mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0) != place:
                raise OSError("no memory")
            if data.count(0) != part:
                self.write(start, data)
        self.mapped.remove(pointer, size)

    def grow_to(self, size: int) -> bool:
        """Make it at least so large. False where the limit forbids."""
        missing = size - self.size
        if missing <= 0:
            return True
        before = ctypes.c_uint64()
        error = bindings.wasmtime_memory_grow(self._context, self._memory, -(-missing // PAGE), ctypes.byref(before))
        if error:
            bindings.wasmtime_error_delete(error)
            return False
        return True

    def _check(self, pointer: int, size: int) -> None:
        end = pointer + size
        if end > self._at_least:
            self._at_least = self.size
        if pointer < 0 or size < 0 or end > self._at_least:
            raise GuestLied(f"the guest pointed at {size:,} bytes at {pointer:#x}, past its memory")
