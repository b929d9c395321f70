"""Dump and load: linear memory is a guest's whole state between cells, so a dump is what differs from the image that all start from.

Exact: generators, closures and open iterators are in it. Layout: length of the head, the head (msgpack), zeros up to a whole page, then the
changed runs of pages.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import msgspec

from interpreter import Movable, Piece

from .imports import State
from .memory import PAGE, Memory

BLOCK, FINE = 65_536, 4_096
"""Memory is compared block by block, and a block that differs page by page."""
HEAD_BYTES = 2**24
MAPPED_BYTES = 2**18
"""A shorter run is copied: a mapping of its own costs more."""
MOVED_BYTES = 2**20
"""Of a longer run are moved into the dump's file at once."""
_LENGTH = struct.Struct("<I")
_RUN = struct.Struct("<II")
_ZEROS = bytes(BLOCK)
# Keeps the interpreter's lock: giving it up and taking it again would cost more than comparing a page.
_compare = ctypes.PyDLL(None).memcmp
_compare.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_compare.restype = ctypes.c_int


class BadState(Exception):
    """These bytes are no dump of this artefact's."""


@dataclass(frozen=True)
class Image:
    """The memory that every session starts from."""

    data: bytes
    digest: bytes
    """Its SHA-256."""


@dataclass(frozen=True)
class StateFile:
    """The file that holds a dump from `offset` on."""

    descriptor: int
    offset: int


class Head(msgspec.Struct, frozen=True):
    """What a dump says before its pages."""

    image: bytes
    memory_bytes: int
    runs: bytes
    """Pairs of first page and number of pages."""
    monotonic: int
    seed: int
    drawn: int


def dump(memory: Memory, image: Image, state: State, *, keeps: bool = False) -> list[Piece]:
    """The pieces of a dump; the pages are views of the guest's memory, to be copied before it runs again.

    Args:
        keeps: long runs become the dump's file as they are written, and no page stays an older one's.
    """
    runs = changed(memory, image)
    packed = b"".join(_RUN.pack(first // FINE, size // FINE) for first, size in runs)
    head = msgspec.msgpack.encode(Head(image.digest, memory.size, packed, state.monotonic, state.seed, state.drawn))
    padding = bytes(_pages_at(len(head)) - _LENGTH.size - len(head))
    return [_LENGTH.pack(len(head)), head, padding, *_pieces(memory, runs, keeps=keeps)]


def _pieces(memory: Memory, runs: list[tuple[int, int]], *, keeps: bool) -> Iterator[Piece]:
    view = memory.view()
    if keeps:
        for first, size in list(memory.mapped.without(run for run in runs if run[1] >= MAPPED_BYTES)):
            memory.own(first, size)
    for first, size in runs:
        if size < MAPPED_BYTES or not keeps:
            yield view[first : first + size]
            continue
        for start in range(first, first + size, MOVED_BYTES):
            part = min(MOVED_BYTES, first + size - start)
            yield Movable(view[start : start + part], partial(memory.map, start, part))


def changed(memory: Memory, image: Image) -> list[tuple[int, int]]:
    """Address and size of each run of pages that is not as `image` says."""
    return list(_joined(_changed(memory, image.data)))


def revert(memory: Memory, image: Image, runs: list[tuple[int, int]]) -> None:
    """Make these pages what they are in `image`."""
    view = memory.view()
    for first, size in runs:
        view[first : first + size] = image.data[first : first + size]


def load(memory: Memory, image: Image, data: memoryview, file: StateFile | None = None) -> State:
    """Put a dump into a memory that is still as `image` says. Returns the state outside of it; the clock is the caller's to set.

    Args:
        data: the dump.
        file: where it lies; then long runs are mapped instead of copied, and nobody may write the file any more.

    Raises:
        BadState: the dump is another artefact's, damaged, or larger than this guest may grow.
    """
    head, offset = _head(data)
    if head.image != image.digest:
        raise BadState("another build of the interpreter wrote it")
    if head.memory_bytes % PAGE or head.memory_bytes < len(image.data) or min(head.monotonic, head.drawn) < 0:
        raise BadState("its head cannot be right")
    runs = _checked(head, len(data) - offset)
    if not memory.grow_to(head.memory_bytes):
        raise BadState(f"it needs {head.memory_bytes - len(image.data):,} bytes, more than memory_bytes allows")
    view = memory.view()
    for first, size in runs:
        if file is None or size < MAPPED_BYTES or not memory.map(first, size, file.descriptor, file.offset + offset):
            view[first : first + size] = data[offset : offset + size]
        offset += size
    return State(monotonic=head.monotonic, seed=head.seed, drawn=head.drawn)


def _head(data: memoryview) -> tuple[Head, int]:
    try:
        (size,) = _LENGTH.unpack_from(data)
        if size > HEAD_BYTES:
            raise ValueError
        return msgspec.msgpack.decode(data[_LENGTH.size : _LENGTH.size + size], type=Head), _pages_at(size)
    except (struct.error, ValueError, msgspec.MsgspecError):
        raise BadState("its head cannot be read") from None


def _pages_at(head_bytes: int) -> int:
    return -(-(_LENGTH.size + head_bytes) // FINE) * FINE


def _checked(head: Head, rest: int) -> list[tuple[int, int]]:
    if len(head.runs) % _RUN.size:
        raise BadState("its head cannot be right")
    runs, end = [], 0
    for page, pages in _RUN.iter_unpack(head.runs):
        first, size = page * FINE, pages * FINE
        if first < end or not size or first + size > head.memory_bytes:
            raise BadState("its pages do not fit")
        end = first + size
        runs.append((first, size))
    if sum(size for _, size in runs) != rest:
        raise BadState("its pages are not all there")
    return runs


def _changed(memory: Memory, image: bytes) -> Iterator[tuple[int, int]]:
    here, size = memory.address, memory.size
    there = ctypes.cast(ctypes.c_char_p(image), ctypes.c_void_p).value or 0
    zeros = ctypes.cast(ctypes.c_char_p(_ZEROS), ctypes.c_void_p).value or 0
    compare = _compare
    for block in range(0, len(image), BLOCK):
        if compare(here + block, there + block, BLOCK):
            for page in range(block, block + BLOCK, FINE):
                if compare(here + page, there + page, FINE):
                    yield page, FINE
    for block in range(len(image), size, BLOCK):
        if compare(here + block, zeros, BLOCK):
            yield block, BLOCK


def _joined(parts: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    first = size = 0
    for start, length in parts:
        if start == first + size:
            size += length
            continue
        if size:
            yield first, size
        first, size = start, length
    if size:
        yield first, size
