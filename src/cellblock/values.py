"""What may cross the boundary: plain data, with caps.

None, bool, int, float, str, bytes, list, and dict with str keys. A tuple crosses as a list. The worker applies the
same rules with friendlier errors; this side trusts none of that and checks again.
"""

from __future__ import annotations

import contextlib
import gc
import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar, Union

T = TypeVar("T")

Value: TypeAlias = Union[bool, int, float, str, bytes, list["Value"], dict[str, "Value"], None]  # noqa: UP007 - recursive


COPIES = 8
"""Of a value that is brought out by a call and brought back by its answer: at most so many there were at one time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueCaps:
    """How much one value may hold."""

    total_bytes: int = 32 * 2**20
    """Of all texts and bytes together, keys included; UTF-8. In a session it is an eighth of `memory_bytes` where that is less: while a
    value crosses, it is there up to eight times. Texts that are not ASCII may take 16 MiB out of a cell as Python keeps them, 32 MiB into
    one: an emoji makes four bytes of each character of its text."""
    items: int = 100_000
    """Scalars and containers together."""
    depth: int = 32
    digits: int = 4_300
    """Of one int, in base 10; the same as CPython's own cap on int-to-str."""

    def within(self, memory_bytes: int) -> ValueCaps:
        """These in a session of that much memory."""
        return replace(self, total_bytes=min(self.total_bytes, memory_bytes // COPIES))


BITS_PER_DIGIT = math.log2(10)
DEFAULT_CAPS = ValueCaps()
PIECE_ITEMS, PIECE_BYTES = 5_000, 4 * 2**20
"""Are copied at once, which takes some milliseconds."""
TEXT_CHARS = 2**20
"""Of a long text are encoded at once, so that it is not here twice."""
_SCALARS = (type(None), bool, float)
_Waiting: TypeAlias = tuple[Any, int, Any]
"""What is in a container, how deep that lies, and the container's copy, still empty."""


def plain(value: object, caps: ValueCaps = DEFAULT_CAPS) -> Value:
    """A copy of `value` that is plain data and nothing else; tuples become lists.

    Every visit counts, so a shared or cyclic structure cannot grow beyond the caps.

    Raises:
        TypeError: something in it is not plain data.
        ValueError: it is larger or deeper than `caps` allow, or holds a lone surrogate.
    """
    return whole(Copier(caps).copying(value))


def whole(pieces: Generator[None, None, T]) -> T:
    """What work in pieces comes to, done without a pause."""
    with collector_paused():
        while True:
            try:
                next(pieces)
            except StopIteration as end:
                found: T = end.value
                return found


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Make many containers at once without the cycle collector: it would look at all of them again and again, for longer than they take."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Copier:
    """Copies under one set of caps; several values that cross together share one.

    Raises as `plain` does.
    """

    __slots__ = ("caps", "items", "size")

    def __init__(self, caps: ValueCaps) -> None:
        self.caps, self.items, self.size = caps, 0, 0

    def copying(self, value: object) -> Generator[None, None, Value]:
        """A plain copy of `value`, made in pieces."""
        waiting: list[_Waiting] = []
        copy = self.begun(value, 0, waiting)
        yield from self.filling(waiting)
        return copy

    def filling(self, waiting: list[_Waiting]) -> Generator[None, None, None]:
        """Fill the copies of containers, and those within them.

        No call within a call, whatever the depth: a guest would choose one at which Python gets memory for its stack, and gives it back,
        with each of a hundred thousand calls.
        """
        items, size = self.items + PIECE_ITEMS, self.size + PIECE_BYTES
        while waiting:
            content, depth, empty = waiting.pop()
            for item in content.items() if type(content) is dict else content:
                if type(content) is dict:
                    empty[self.key(item[0])] = self.begun(item[1], depth, waiting)
                else:
                    empty.append(self.begun(item, depth, waiting))
                if self.items >= items or self.size >= size:
                    yield
                    items, size = self.items + PIECE_ITEMS, self.size + PIECE_BYTES

    def begun(self, value: object, depth: int, waiting: list[_Waiting]) -> Value:
        """A copy of a scalar. Of a container that lies `depth` deep it is an empty one; what is to fill it waits."""
        self.count()
        kind = type(value)
        if kind in _SCALARS:
            return value  # type: ignore[return-value]
        if kind is str:
            return self.text(value)  # type: ignore[arg-type]
        if kind is int:
            return self.number(value)  # type: ignore[arg-type]
        if kind is bytes:
            return self.raw(value)  # type: ignore[arg-type]
        if kind is not list and kind is not dict and kind is not tuple:
            hint = (
                "; use sorted(…) or list(…)" if kind in (set, frozenset) else "; only None, bool, int, float, str, bytes, list, dict cross"
            )
            raise TypeError(f"{'an' if kind.__name__[:1] in 'aeiou' else 'a'} {kind.__name__} cannot cross the boundary{hint}")
        if depth >= self.caps.depth:
            raise ValueError(f"nested more than {self.caps.depth} deep; flatten it")
        empty: Value = {} if kind is dict else []
        if value:
            waiting.append((value, depth + 1, empty))
        return empty

    def count(self) -> None:
        """Count one scalar or container more."""
        self.items += 1
        if self.items > self.caps.items:
            raise ValueError(f"more than {self.caps.items:,} items; send less, or send one text")

    def key(self, key: object) -> str:
        """The key of a dict."""
        if type(key) is not str:
            raise TypeError(f"a dict key of type {type(key).__name__} cannot cross the boundary; use str keys")
        return self.text(key)

    def text(self, text: str) -> str:
        """A text."""
        # The bound on characters comes first, so that encoding never touches more than the cap allows.
        self.charge(len(text))
        if not text.isascii():
            for start in range(0, len(text), TEXT_CHARS):
                part = text[start : start + TEXT_CHARS]
                try:
                    self.charge(len(part.encode()) - len(part))
                except UnicodeEncodeError as error:
                    raise ValueError(f"a lone surrogate at character {start + error.start} is not text") from None
        return text

    def raw(self, raw: bytes) -> bytes:
        """Bytes."""
        self.charge(len(raw))
        return raw

    def number(self, number: int) -> int:
        """An int."""
        if number.bit_length() > int(self.caps.digits * BITS_PER_DIGIT):
            raise ValueError(f"an int of more than {self.caps.digits:,} digits; send it as text")
        return number

    def charge(self, size: int) -> None:
        """Count bytes."""
        self.size += size
        if self.size > self.caps.total_bytes:
            raise ValueError(f"more than {self.caps.total_bytes:,} bytes; send less at a time")
