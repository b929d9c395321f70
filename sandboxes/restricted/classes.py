"""Classes that cells make: their metaclasses are the mark by which the screen knows them, and their bases are chosen."""

from __future__ import annotations

import abc
import collections
import collections.abc
import contextlib
import datetime
import enum
import json
import sys
import types
import typing
import weakref
from typing import Any, NamedTuple

from restricted import rules
from restricted.raising import BaseMeta

MODULE = "__cell__"
"""Where classes of cells say that they come from: an empty module, since the standard library looks into it."""
_HASH = "hash" + rules.HIDDEN


class CellType(type):
    """The class of a cell's classes."""

    def __repr__(cls) -> str:
        return f"<class '__main__.{cls.__qualname__}'>"


class CellABCMeta(CellType, abc.ABCMeta):
    """With abstract methods."""


class CellProtocolMeta(CellABCMeta, type(typing.Protocol)):  # type: ignore[misc]
    """Of protocols."""


class CellRaisedMeta(CellType, BaseMeta):
    """Of what derives from `BaseException` itself."""


class CellEnumMeta(CellType, enum.EnumType):
    """Of enumerations."""

    def __repr__(cls) -> str:
        return enum.EnumType.__repr__(cls)

    def __call__(cls, value: Any, *args: Any, **kwargs: Any) -> Any:
        """A member by its value, or a new enumeration by the names of its members."""
        if not cls.__members__ and (args or "names" in kwargs):
            return _enumerated(cls, value, *args, **kwargs)
        return super().__call__(value, *args, **kwargs)


def _enumerated(base: CellEnumMeta, name: str, names: Any = (), *, start: int = 1) -> Any:
    if type(names) is str:
        names = names.replace(",", " ").split()
    given = list(names.items() if isinstance(names, dict) else names)
    # Taken apart once: a tuple of a cell's own class may say something else the second time.
    pairs = [tuple(item) if isinstance(item, tuple) else (item, start + place) for place, item in enumerate(given)]
    for word in (name, *(pair[0] for pair in pairs)):
        check_word(word)
    return enum.EnumType.__call__(base, name, pairs, module=MODULE)


class Serials:
    """Numbers by which objects are told apart, the same in every process: where they lie in memory is not."""

    def __init__(self) -> None:
        self.last = 0
        self.known: dict[int, tuple[int, object]] = {}

    def restart(self) -> None:
        """Begin anew, for a new session."""
        self.last = 0
        self.known.clear()

    def next(self) -> int:
        """A number that no object has yet."""
        self.last += 1
        return self.last

    def of(self, value: object) -> int:
        """What `id(value)` is in a cell. The object is kept, so that no other ever has its number."""
        known = self.known.get(id(value))
        if known is None:
            known = self.known[id(value)] = (self.next(), value)
        return known[0]


serials = Serials()


class Root:
    """Base of a cell's own classes: texts and hashes that do not tell where an object lies."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<__main__.{type(self).__qualname__} object>"

    def __hash__(self) -> int:
        try:
            own = object.__getattribute__(self, "__dict__")
        except AttributeError:
            return serials.of(self)
        if _HASH not in own:
            own[_HASH] = serials.next()
        number: int = own[_HASH]
        return number


class Text(str):
    """Base of a cell's subclasses of str. Its formatter is set by `guards`; str's own would be found by native code."""

    __slots__ = ()


class ABC(Root, metaclass=CellABCMeta):
    """`abc.ABC` as cells have it."""

    __slots__ = ()


class Enum(enum.Enum, metaclass=CellEnumMeta):
    """`enum.Enum` as cells have it."""


class IntEnum(enum.IntEnum, Enum, metaclass=CellEnumMeta):
    """`enum.IntEnum` as cells have it."""


class StrEnum(Text, enum.ReprEnum, Enum, metaclass=CellEnumMeta):
    """`enum.StrEnum` as cells have it."""

    __new__ = enum.StrEnum.__new__  # type: ignore[assignment]

    @staticmethod
    def _generate_next_value_(name: str, _start: int, _count: int, _last_values: list[Any]) -> str:
        return name.lower()


class Flag(enum.Flag, Enum, metaclass=CellEnumMeta):
    """`enum.Flag` as cells have it."""

    _generate_next_value_ = enum.Flag._generate_next_value_


class IntFlag(enum.IntFlag, Flag, metaclass=CellEnumMeta):
    """`enum.IntFlag` as cells have it."""

    _generate_next_value_ = enum.Flag._generate_next_value_  # type: ignore[misc]


OWN_BASES = frozenset({ABC, Enum, IntEnum, StrEnum, Flag, IntFlag})
"""Of the mark, but no cell's: nothing on them may be changed."""
ABSTRACT = tuple(getattr(collections.abc, name) for name in collections.abc.__all__ if name not in ("ByteString", "Buffer"))
_NATIVE = (
    int, float, complex, bytes, list, dict, tuple, set, frozenset, collections.Counter, collections.defaultdict, collections.OrderedDict,
    collections.deque, collections.ChainMap, collections.UserDict, collections.UserList, datetime.tzinfo, json.JSONEncoder,
    json.JSONDecoder, contextlib.AbstractContextManager, typing.Generic, typing.Protocol, *ABSTRACT,
)  # fmt: skip
BASES: dict[Any, Any] = {object: Root, str: Text, **{base: base for base in _NATIVE}}
"""What is not of a cell and may be a base, and what stands in for it."""
_METACLASSES: dict[Any, type[CellType]] = {
    type: CellType, abc.ABCMeta: CellABCMeta, enum.EnumType: CellEnumMeta, type(typing.Protocol): CellProtocolMeta,
    BaseMeta: CellRaisedMeta,
}  # fmt: skip
_GIVEN = rules.CLASS_NAMES | {
    "__module__", "__qualname__", "__annotations__", "__classcell__", "__orig_bases__", "__firstlineno__", "__static_attributes__",
}  # fmt: skip
_TYPED_DICT = typing.TypedDict.__mro_entries__(())[0]  # type: ignore[attr-defined]
_NAMED_TUPLE = typing.NamedTuple.__mro_entries__((typing.NamedTuple,))[0]  # type: ignore[attr-defined]


class Abstract:
    """Stands for `abc.ABCMeta`, which as a real class could make classes past the maker."""

    def __repr__(self) -> str:
        return "<class 'abc.ABCMeta'>"


ABSTRACT_META = Abstract()
made: weakref.WeakSet[type] = weakref.WeakSet()
"""Classes that the standard library made for a cell: named tuples."""


def of_cell(value: object) -> bool:
    """Whether it is a class that a cell made."""
    return isinstance(value, type) and (issubclass(type(value), CellType) or value in made) and value not in OWN_BASES


def check_word(name: object) -> None:
    """Refuse what the standard library would paste into source that it runs.

    Raises:
        TypeError, ValueError: it is no plain str, no identifier, or private.
    """
    if type(name) is not str:
        raise TypeError("names of fields and members must be str")
    if not name.isidentifier() or name.startswith("_") or name in rules.INTROSPECTION:
        raise ValueError(f"{name!r} cannot be the name of a field or a member")


class Origin(NamedTuple):
    """Where a class statement at the top level of a cell stands."""

    filename: str
    line: int


class Maker:
    """What every class statement calls in place of a metaclass.

    Attributes:
        origins: of the classes that stand at the top level of a cell; by these they are made again.
        latest: the last class of each qualified name.
    """

    def __init__(self) -> None:
        self.origins: weakref.WeakKeyDictionary[type, Origin] = weakref.WeakKeyDictionary()
        self.latest: weakref.WeakValueDictionary[str, type] = weakref.WeakValueDictionary()

    def __prepare__(self, name: str, bases: tuple[Any, ...], /, **_given: Any) -> Any:
        """The namespace of the class's body."""
        if any(isinstance(base, enum.EnumType) for base in bases):
            return CellEnumMeta.__prepare__(name, tuple(self._base(base) for base in bases))
        return {}

    def __call__(self, name: str, bases: tuple[Any, ...], namespace: dict[str, Any], /, **given: Any) -> Any:
        """The class."""
        result = self._made(name, bases, namespace, given)
        frame = sys._getframe(1)
        if frame.f_code.co_name == "<module>":
            self.origins[result] = Origin(frame.f_code.co_filename, frame.f_lineno)
        self.latest[result.__qualname__] = result
        return result

    def replaced(self, old: type, new: type) -> None:
        """Note that a decorator made one class of another: it stands in the same place."""
        if old in self.origins:
            self.origins[new] = self.origins[old]
        self.latest[new.__qualname__] = new

    def _made(self, name: str, bases: tuple[Any, ...], namespace: dict[str, Any], given: dict[str, Any]) -> Any:
        requested = given.pop(rules.METACLASS, None)
        if requested is not None and requested is not ABSTRACT_META:
            raise TypeError("the only metaclass here is abc.ABCMeta")
        self._check(namespace)
        namespace["__module__"] = MODULE
        if bases and (bases[0] is _NAMED_TUPLE or type(bases[0]) is type(_TYPED_DICT)):
            return self._by_typing(name, bases[0], namespace, given)
        real = self._bases(bases)
        kind = self._metaclass(real, CellABCMeta if requested else CellType)
        return kind(name, real, namespace, **given)

    def _bases(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        real = tuple(self._base(base) for base in bases)
        protocol = any(isinstance(base, type(typing.Protocol)) for base in real)
        if not protocol and all(base.__repr__ is object.__repr__ for base in real):
            real = (*real, Root)
        return real

    def _base(self, base: Any) -> Any:
        if isinstance(base, type):
            if of_cell(base) or base in OWN_BASES:
                return base
            if issubclass(base, BaseException) and base.__module__ == "builtins" and base is not BaseException:
                return base
            if base in BASES:
                return BASES[base]
        raise TypeError(f"{getattr(base, '__name__', 'this')} cannot be a base class here")

    def _metaclass(self, bases: tuple[Any, ...], least: type[CellType]) -> type[CellType]:
        best = least
        for base in bases:
            kind = type(base) if issubclass(type(base), CellType) else _METACLASSES[type(base)]
            best = kind if issubclass(kind, best) else best
        return best

    def _check(self, namespace: dict[str, Any]) -> None:
        for key in list(namespace):
            if type(key) is not str or (rules.is_special(key) and key not in _GIVEN):
                raise TypeError(f"a class cannot define {key!s} here")
        if "__slots__" in namespace:
            namespace["__slots__"] = _words(namespace["__slots__"], {"__dict__", "__weakref__"})
        if "__match_args__" in namespace:
            namespace["__match_args__"] = _words(namespace["__match_args__"], set())
            for name in namespace["__match_args__"]:
                check_word(name)

    def _by_typing(self, name: str, base: Any, namespace: dict[str, Any], given: dict[str, Any]) -> Any:
        for field in namespace.get("__annotations__", {}):
            check_word(field)
        result = type(base)(name, (base,), namespace, **given)
        made.add(result)
        return result


def _words(value: Any, special: set[str]) -> tuple[str, ...]:
    words = (value,) if isinstance(value, str) else tuple(value)
    for word in words:
        if type(word) is not str or (rules.is_special(word) and word not in special):
            raise TypeError(f"{word!r} cannot be an attribute here")
    return words


def install_module() -> None:
    """Put the empty module where the standard library looks for the one of a cell's classes."""
    sys.modules.setdefault(MODULE, types.ModuleType(MODULE))
