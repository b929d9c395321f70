"""Values that may cross the boundary, and values that may not, or not as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from ..values import Value

_LARGEST_INT_BITS = 14_284
"""Of the largest int that crosses under the default caps. None of that size may be a constant of a strategy: it cannot be printed."""


def values(*, max_leaves: int = 20) -> st.SearchStrategy[Value]:
    """Plain data as it may cross: None, bool, int, float, str, bytes, list, dict with str keys. Small, the edges of each kind included.

    Args:
        max_leaves: how many scalars one value holds at most, about.
    """
    return st.recursive(
        _scalars(),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_texts(), inner, max_size=5),
        max_leaves=max_leaves,
    )


def hostile_values() -> st.SearchStrategy[Any]:
    """What an untrusted side would like to cross, or a careless one: other types, cycles, shared structures, types that lie, huge numbers.

    Some of them cross as something plain (a tuple as a list), the rest has to be refused by TypeError or ValueError.
    """
    bad = _refused()
    return st.one_of(bad, st.recursive(bad | _scalars(), _holders, max_leaves=8))


@st.composite
def _refused(draw: st.DrawFn) -> Any:
    kinds = st.one_of(
        st.sampled_from(
            [1j, object(), print, type, {1}, frozenset({2}), bytearray(b"x"), memoryview(b"x"), range(3), Ellipsis, NotImplemented]
        ),
        st.builds(_huge, st.sampled_from([-1, 0, 1, 5_000, 50_000]), st.sampled_from([1, -1])),
        st.sampled_from(["\ud800", "a\udfff", {"\ud800": 1}, {1: 2}, {None: 1}, {b"k": 1}, {("a",): 1}, {True: 1}]),
        st.sampled_from(_TRAPS).map(lambda trap: trap()),
        st.builds(_deep, st.integers(1, 2_000), st.sampled_from(["list", "dict", "tuple"])),
        st.builds(_doubling, st.integers(1, 60)),
        st.builds(_cycle, st.sampled_from(["list", "dict"])),
        st.builds(lambda count: [None] * count, st.integers(0, 120_000)),
    )
    return draw(kinds)


@st.composite
def _scalars(draw: st.DrawFn) -> Any:
    ints = st.one_of(st.integers(-(2**200), 2**200), st.sampled_from([0, -1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**64, -(2**63) - 1]))
    floats = st.floats(allow_nan=False)
    return draw(st.one_of(st.none(), st.booleans(), ints, floats, _texts(), st.binary(max_size=20)))


def _texts() -> st.SearchStrategy[str]:
    return st.one_of(
        st.text(max_size=20), st.sampled_from(["", "\0", "\u202e", "é", "e\u0301", "\U0001f600", "__class__", "\n", "\r\n", "t"])
    )


def _holders(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple), st.dictionaries(_texts() | st.integers(), inner, max_size=3)
    )


def _huge(more_bits: int, sign: int) -> int:
    return sign * ((1 << (_LARGEST_INT_BITS + more_bits)) - 1)


def _deep(depth: int, kind: str) -> Any:
    value: Any = None
    for _ in range(depth):
        value = [value] if kind == "list" else (value,) if kind == "tuple" else {"k": value}
    return value


def _doubling(times: int) -> Any:
    value: list[Any] = []
    for _ in range(times):
        value = [value, value]
    return value


def _cycle(kind: str) -> Any:
    if kind == "list":
        items: list[Any] = [1]
        items.append(items)
        return items
    fields: dict[str, Any] = {}
    fields["me"] = [fields]
    return fields


class _Endless(list[Any]):
    """A list that never ends for whoever walks it."""

    def __iter__(self) -> Any:
        while True:
            yield self


class _Lying(dict[str, Any]):
    """A dict whose own methods raise."""

    def items(self) -> Any:
        raise SystemExit("walked")


class _Text(str):
    """A text that does something when it is looked at."""

    __slots__ = ()

    def encode(self, *args: Any) -> Any:
        raise KeyboardInterrupt

    def __len__(self) -> int:
        return -1


class _Number(int):
    """A number that says it is small."""

    def bit_length(self) -> int:
        return 0


class _Impostor:
    """An object that gives itself out for a list."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return list

    def __iter__(self) -> Any:
        raise SystemExit("walked")


_TRAPS: list[Callable[[], Any]] = [
    lambda: _Endless([1]),
    lambda: _Lying(a=1),
    lambda: _Text("x"),
    lambda: _Number(10**5_000),
    _Impostor,
    lambda: (n for n in range(3)),
    lambda: iter([1]),
    lambda: Exception("x"),
    lambda: {_Text("k"): 1},
]
