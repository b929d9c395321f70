"""What may cross the boundary: plain data, with caps.

None, bool, int, float, str, bytes, list, and dict with str keys. A tuple crosses as a list. The worker applies the
same rules with friendlier errors; this side trusts none of that and checks again.
"""

from __future__ import annotations

import contextlib
import gc
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, Union

Value: TypeAlias = Union[bool, int, float, str, bytes, list["Value"], dict[str, "Value"], None]  # noqa: UP007 - recursive


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueCaps:
    """How much one value may hold."""

    total_bytes: int = 32 * 2**20
    """Of all texts and bytes together, keys included; UTF-8."""
    items: int = 100_000
    """Scalars and containers together."""
    depth: int = 32
    digits: int = 4_300
    """Of one int, in base 10; the same as CPython's own cap on int-to-str."""


BITS_PER_DIGIT = math.log2(10)
DEFAULT_CAPS = ValueCaps()
_SCALARS = (type(None), bool, float)


def plain(value: object, caps: ValueCaps = DEFAULT_CAPS) -> Value:
    """A copy of `value` that is plain data and nothing else; tuples become lists.

    Every visit counts, so a shared or cyclic structure cannot grow beyond the caps.

    Raises:
        TypeError: something in it is not plain data.
        ValueError: it is larger or deeper than `caps` allow, or holds a lone surrogate.
    """
    with collector_paused():
        return Copier(caps).copy(value, 0)


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

    def copy(self, value: object, depth: int) -> Value:
        """A plain copy of `value`, which lies `depth` containers deep."""
        self.items += 1
        if self.items > self.caps.items:
            raise ValueError(f"more than {self.caps.items:,} items; send less, or send one text")
        kind = type(value)
        if kind in _SCALARS:
            return value  # type: ignore[return-value]
        if kind is str:
            return self.text(value)  # type: ignore[arg-type]
        if kind is int:
            return self.number(value)  # type: ignore[arg-type]
        if kind is bytes:
            self.charge(len(value))  # type: ignore[arg-type]
            return value  # type: ignore[return-value]
        return self.container(value, kind, depth + 1)

    def container(self, value: object, kind: type, depth: int) -> Value:
        """A copy of a list, tuple or dict; anything else is refused."""
        if depth > self.caps.depth:
            raise ValueError(f"nested more than {self.caps.depth} deep; flatten it")
        if kind is list or kind is tuple:
            return [self.copy(item, depth) for item in value]  # type: ignore[attr-defined]
        if kind is dict:
            return {self.key(key): self.copy(item, depth) for key, item in value.items()}  # type: ignore[attr-defined]
        hint = "; use sorted(…) or list(…)" if kind in (set, frozenset) else "; only None, bool, int, float, str, bytes, list, dict cross"
        raise TypeError(f"{'an' if kind.__name__[:1] in 'aeiou' else 'a'} {kind.__name__} cannot cross the boundary{hint}")

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
            try:
                self.charge(len(text.encode()) - len(text))
            except UnicodeEncodeError as error:
                raise ValueError(f"a lone surrogate at character {error.start} is not text") from None
        return text

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
