"""What `P`, the whole text, answers without being copied: each method gives what the same one of str would give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import near_args as args
import near_scan as scan
from near_text import MappedText

_STEP_CHARS = 2**20


class WholeText:
    """The methods and operators of `P` that the worker answers; everything else needs `text()`."""

    __slots__ = ("_text",)

    def __init__(self, text: MappedText) -> None:
        self._text = text

    def len(self) -> int:
        """`len(P)`."""
        return self._text.num_chars

    def text(self) -> str:
        """All of it as a str: a full copy."""
        return self._text.whole()

    def item(self, i: int) -> str:
        """`P[i]`."""
        count = self._text.num_chars
        at = args.integer("P[i]: i", i)
        at += count if at < 0 else 0
        if not 0 <= at < count:
            raise IndexError("string index out of range")
        return self._text.slice(at, at + 1)

    def slice(self, start: int | None = None, stop: int | None = None, step: int | None = None) -> str:
        """`P[start:stop:step]`."""
        parts = slice(args.index("P[…]: start", start), args.index("P[…]: stop", stop), args.index("P[…]: step", step))
        if parts.step == 0:
            raise ValueError("slice step cannot be zero")
        wanted = range(self._text.num_chars)[parts]
        if wanted.step == 1:
            return self._text.slice(wanted.start, wanted.stop)
        return "".join(self._stepped(wanted))

    def _stepped(self, wanted: range) -> Iterator[str]:
        # By windows, so that a wide step over a large text does not copy all of it.
        group = max(1, _STEP_CHARS // abs(wanted.step))
        for at in range(0, len(wanted), group):
            part = wanted[at : at + group]
            low, high = min(part[0], part[-1]), max(part[0], part[-1])
            yield self._text.slice(low, high + 1)[:: part.step]

    def contains(self, sub: str) -> bool:
        """`sub in P`."""
        return self._find("P.__contains__", sub, None, None) >= 0

    def find(self, sub: str, start: int | None = None, end: int | None = None) -> int:
        """`P.find(…)`."""
        return self._find("P.find", sub, start, end)

    def index(self, sub: str, start: int | None = None, end: int | None = None) -> int:
        """`P.index(…)`."""
        return _found(self._find("P.index", sub, start, end))

    def rfind(self, sub: str, start: int | None = None, end: int | None = None) -> int:
        """`P.rfind(…)`."""
        return self._rfind("P.rfind", sub, start, end)

    def rindex(self, sub: str, start: int | None = None, end: int | None = None) -> int:
        """`P.rindex(…)`."""
        return _found(self._rfind("P.rindex", sub, start, end))

    def count(self, sub: str, start: int | None = None, end: int | None = None) -> int:
        """`P.count(…)`."""
        first, last = self._bounds("P.count", start, end)
        if not args.text("P.count: sub", sub):
            return max(0, last - first + 1)
        needle = scan.encoded(sub)
        if needle is None or last - first < len(sub):
            return 0
        return scan.count(self._text, needle, self._text.byte_at(first), self._text.byte_at(last))

    def startswith(self, prefix: Any, start: int | None = None, end: int | None = None) -> bool:
        """`P.startswith(…)`; several prefixes may come as a list."""
        first, last = self._bounds("P.startswith", start, end)
        return any(self._is_at(first, one) for one in _several("P.startswith: prefix", prefix) if first + len(one) <= last)

    def endswith(self, suffix: Any, start: int | None = None, end: int | None = None) -> bool:
        """`P.endswith(…)`; several suffixes may come as a list."""
        first, last = self._bounds("P.endswith", start, end)
        return any(self._is_at(last - len(one), one) for one in _several("P.endswith: suffix", suffix) if first + len(one) <= last)

    def _is_at(self, start: int, expected: str) -> bool:
        return self._text.slice(start, start + len(expected)) == expected

    def _find(self, name: str, sub: str, start: int | None, end: int | None) -> int:
        first, last = self._bounds(name, start, end)
        if not args.text(f"{name}: sub", sub):
            return first if first <= last else -1
        needle = scan.encoded(sub)
        if needle is None or last - first < len(sub):
            return -1
        text = self._text
        place = scan.find(text, needle, text.byte_at(first), text.byte_at(last))
        return -1 if place < 0 else text.char_at(place)

    def _rfind(self, name: str, sub: str, start: int | None, end: int | None) -> int:
        first, last = self._bounds(name, start, end)
        if not args.text(f"{name}: sub", sub):
            return last if first <= last else -1
        needle = scan.encoded(sub)
        if needle is None or last - first < len(sub):
            return -1
        text = self._text
        place = scan.find_last(text, needle, text.byte_at(first), text.byte_at(last))
        return -1 if place < 0 else text.char_at(place)

    def _bounds(self, name: str, start: int | None, end: int | None) -> tuple[int, int]:
        """As str does it: negative ones count from the end, `end` is clamped, and `start` may lie beyond the text."""
        count = self._text.num_chars
        first, last = args.index(f"{name}: start", start) or 0, args.index(f"{name}: end", end)
        first = max(0, first + count) if first < 0 else first
        if last is None:
            return first, count
        return first, max(0, last + count) if last < 0 else min(last, count)


def _several(name: str, value: Any) -> list[str]:
    if type(value) in (list, tuple):
        return [args.text(f"{name}'s items", one) for one in value]
    return [args.text(name, value)]


def _found(at: int) -> int:
    if at < 0:
        raise ValueError("substring not found")
    return at
