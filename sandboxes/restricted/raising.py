"""What cells may raise and catch. Limits are BaseExceptions, so `BaseException` is not what it is elsewhere."""

from __future__ import annotations

import builtins
from typing import Any

_NATIVE: tuple[type[builtins.BaseException], ...] = (Exception, SystemExit, KeyboardInterrupt, GeneratorExit)


class BaseMeta(type):
    """Of what stands for `BaseException`."""

    def __instancecheck__(cls, value: object) -> bool:
        return is_catchable(value) if cls is Base else type.__instancecheck__(cls, value)

    def __subclasscheck__(cls, kind: type) -> bool:
        return (cls is Base and issubclass(kind, _NATIVE)) or type.__subclasscheck__(cls, kind)


class Base(builtins.BaseException, metaclass=BaseMeta):
    """`BaseException` as cells have it: all that they may know of is an instance, and what they derive from it is."""


Base.__name__ = Base.__qualname__ = "BaseException"
Base.__module__ = "builtins"
ANYTHING = (Base, *_NATIVE)
"""What a bare `except` catches."""


def is_catchable(error: object) -> bool:
    """Whether it is an exception that cells may know of: no limit is."""
    return isinstance(error, _NATIVE) or type.__instancecheck__(Base, error)


def caught(kinds: Any) -> Any:
    """What an `except` clause catches. Native code compares by inheritance alone, so `BaseException` stands for several."""
    if kinds is Base:
        return ANYTHING
    if type(kinds) is tuple and any(kind is Base for kind in kinds):
        return (*(kind for kind in kinds if kind is not Base), *ANYTHING)
    return kinds
