"""Where bytes occur in the mapped text: libc's memmem and a few bounded windows, no copy of the text.

Measured over 256 MB, in GB/s, on 3.11 to 3.13: memmem 2.0 (two bytes) to 26, `re` with an escaped literal 2 to 4, `mmap.find`
and `bytes.find` 1.3 to 6. Runs such as `aaa…b` in a text of `a` cost memmem 0.28, bytes.find 0.34: none of them is quadratic.
UTF-8 never matches in the middle of a character, so a place in bytes is a place in the text.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from functools import lru_cache

from near_text import MappedText

WINDOW = 2**20
_UNINTERRUPTED = 16 * 2**20
"""Bytes that one C call may look at, since the soft limit cannot interrupt it: 0.06 s at worst."""
_SPLIT_WINDOW = 2**18

_libc = ctypes.CDLL(None)
HAS_MEMMEM = hasattr(_libc, "memmem")
if HAS_MEMMEM:
    _libc.memmem.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    _libc.memmem.restype = ctypes.c_void_p


def encoded(pattern: str) -> bytes | None:
    """`pattern` as UTF-8; None if it holds a lone surrogate, which no text does."""
    try:
        return pattern.encode()
    except UnicodeEncodeError:
        return None


def find(text: MappedText, needle: bytes, start: int, end: int) -> int:
    """The first place of a non-empty `needle` within bytes `start` to `end`, or -1."""
    end = min(end, text.data.nbytes)
    size = len(needle)
    # Of two bytes, such as one accented letter, memmem takes one at a time: `re` is twice as fast there.
    look = _by_memmem if HAS_MEMMEM and size != 2 else _by_regex
    while end - start >= size:
        stop = min(end, start + _UNINTERRUPTED + size - 1)
        place = look(text, needle, start, stop)
        if place >= 0:
            return place
        start = stop - size + 1
    return -1


def _by_memmem(text: MappedText, needle: bytes, start: int, end: int) -> int:
    hit = _libc.memmem(text.address + start, end - start, needle, len(needle))
    return -1 if hit is None else int(hit) - text.address


def _by_regex(text: MappedText, needle: bytes, start: int, end: int) -> int:
    hit = _literal(needle).search(text.data, start, end)
    return -1 if hit is None else hit.start()


@lru_cache(maxsize=16)
def _literal(needle: bytes) -> re.Pattern[bytes]:
    return re.compile(re.escape(needle))


def find_last(text: MappedText, needle: bytes, start: int, end: int) -> int:
    """The last place of a non-empty `needle` within bytes `start` to `end`, or -1."""
    size = len(needle)
    window = max(WINDOW, size)
    while end - start >= size:
        low = max(start, end - window - size + 1)
        hit = bytes(text.data[low:end]).rfind(needle)
        if hit >= 0:
            return low + hit
        end = low + size - 1
        if low == start:
            return -1
    return -1


def find_all(text: MappedText, needle: bytes, start: int, end: int) -> Iterator[int]:
    """The places of a non-empty `needle` from left to right, none overlapping the one before."""
    at = find(text, needle, start, end)
    while at >= 0:
        yield at
        at = find(text, needle, at + len(needle), end)


def count(text: MappedText, needle: bytes, start: int, end: int) -> int:
    """How many `find_all` would give."""
    total, size = 0, len(needle)
    if size == 1:
        return sum(bytes(text.data[at : min(at + WINDOW, end)]).count(needle) for at in range(start, end, WINDOW))
    window = max(_SPLIT_WINDOW, 2 * size)
    while end - start >= size:
        stop = min(end, start + window)
        # Not bytes.count: where the last of them ended decides where the next may begin (`aa` in `aaaaa`).
        parts = bytes(text.data[start:stop]).split(needle)
        total += len(parts) - 1
        start = stop if stop == end else stop - min(len(parts[-1]), size - 1)
    return total


def find_all_lower(text: MappedText, needle: bytes) -> Iterator[int]:
    """As `find_all` over the whole text, where ASCII letters of either case are equal; `needle` is in lower case."""
    size = len(needle)
    window = max(WINDOW, 2 * size)
    start = 0
    while text.num_bytes - start >= size:
        piece = bytes(text.data[start : start + window]).lower()
        at = piece.find(needle)
        after = 0
        while at >= 0:
            yield start + at
            after = at + size
            at = piece.find(needle, after)
        if start + len(piece) >= text.num_bytes:
            return
        start += max(after, len(piece) - size + 1)
