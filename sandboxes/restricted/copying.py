"""`copy.copy`, `copy.deepcopy`, `dataclasses.asdict`: over the cell's own objects and plain containers alone.

The real ones hand their table of everything copied to any `__deepcopy__`, and rebuild objects by whatever `__reduce__` says.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import dataclasses
import io
import types
from collections.abc import Callable
from typing import Any

from restricted.classes import of_cell
from restricted.frozen import Random
from restricted.standins import Attributes

_SHALLOW = (
    list, dict, set, bytearray, collections.Counter, collections.defaultdict, collections.OrderedDict, collections.deque,
    collections.ChainMap, collections.UserDict, collections.UserList, io.StringIO, io.BytesIO,
)  # fmt: skip
_MAPPINGS = (dict, collections.Counter, collections.OrderedDict, collections.defaultdict)
_CARRIERS = (list, dict, set, tuple, frozenset, collections.deque, bytearray)


def shallow(value: Any) -> Any:
    """`copy.copy(value)`."""
    kind = type(value)
    if of_cell(kind):
        own = getattr(kind, "__copy__", None)
        return own(value) if own is not None else _twin(value, lambda item: item)
    return copy.copy(value) if kind in _SHALLOW or issubclass(kind, Random) else value


def deep(value: Any, memo: dict[int, Any] | None = None) -> Any:
    """`copy.deepcopy(value, memo)`."""
    memo = {} if memo is None else memo
    if type(memo) is not dict:
        raise TypeError("memo must be a dict")
    known = memo.get(id(value))
    # The original is kept with its copy: its number may be another object's once it is gone.
    if known is not None and type(known) is tuple and len(known) == 2 and known[0] is value:
        return known[1]
    return _deep(value, memo)


def _deep(value: Any, memo: dict[int, Any]) -> Any:
    kind = type(value)
    again: Callable[[Any], Any] = lambda item: deep(item, memo)  # noqa: E731
    if of_cell(kind):
        own = getattr(kind, "__deepcopy__", None)
        return own(value, memo) if own is not None else _twin(value, again, memo)
    if kind is tuple or kind is frozenset:
        return kind(map(again, value))
    if kind is Attributes:
        return deep(dict(value), memo)
    if kind not in (*_MAPPINGS, list, set, collections.deque):
        return shallow(value)
    made: Any = copy.copy(value)
    memo[id(value)] = (value, made)
    made.clear()
    if kind in _MAPPINGS:
        dict.update(made, {again(key): again(item) for key, item in value.items()})
    elif kind is set:
        made.update([again(item) for item in value])
    else:
        made.extend([again(item) for item in list(value)])
    return made


def _twin(value: Any, change: Callable[[Any], Any], memo: dict[int, Any] | None = None) -> Any:
    """An object of the same class of a cell, with changed attributes; its constructor does not run."""
    kind = type(value)
    if isinstance(value, type) or hasattr(kind, "__members__"):
        return value
    carrier = next((base for base in (*_CARRIERS, BaseException, int, float, complex, str, bytes) if isinstance(value, base)), object)
    frozen = carrier in (tuple, frozenset)
    made = carrier.__new__(kind, *_payload(carrier, value, change if frozen else None))
    if memo is not None:
        memo[id(value)] = (value, made)
    if carrier in (list, set, dict, collections.deque, bytearray):
        _fill(carrier, made, value, change)
    if isinstance(made, collections.defaultdict):
        made.default_factory = value.default_factory
    for name, item in attributes(value).items():
        object.__setattr__(made, name, change(item))
    return made


def _payload(carrier: type, value: Any, change: Callable[[Any], Any] | None) -> tuple[Any, ...]:
    if change is not None:
        return ([change(item) for item in carrier.__iter__(value)],)  # type: ignore[attr-defined]
    if carrier is BaseException:
        return tuple(value.args)
    return (value,) if carrier in (int, float, complex, str, bytes) else ()


def _fill(carrier: type, made: Any, value: Any, change: Callable[[Any], Any]) -> None:
    if carrier is dict:
        for key, item in list(dict.items(value)):
            dict.__setitem__(made, change(key), change(item))
    elif carrier is set:
        set.update(made, [change(item) for item in set.__iter__(value)])
    elif carrier is bytearray:
        bytearray.extend(made, value)
    else:
        carrier.extend(made, [change(item) for item in carrier.__iter__(value)])  # type: ignore[attr-defined]


def attributes(value: Any) -> dict[str, Any]:
    """What an object of a cell's class holds, in its dict and in its slots."""
    found: dict[str, Any] = {}
    for kind in reversed(type(value).__mro__):
        for name in kind.__dict__.get("__slots__", ()) if of_cell(kind) else ():
            slot = kind.__dict__.get(mangled_slot(kind, name))
            if isinstance(slot, types.MemberDescriptorType):
                try:
                    found[mangled_slot(kind, name)] = slot.__get__(value)
                except AttributeError:  # never set
                    continue
    with contextlib.suppress(AttributeError):  # of slots alone
        found |= object.__getattribute__(value, "__dict__")
    return found


def mangled_slot(kind: type, name: str) -> str:
    """The attribute under which a slot of a class is found."""
    return f"_{kind.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name


def as_dict(value: Any, *, dict_factory: Callable[[Any], Any] = dict) -> Any:
    """`dataclasses.asdict(value)`."""
    return _unfolded(_checked(value), dict_factory)


def as_tuple(value: Any, *, tuple_factory: Callable[[Any], Any] = tuple) -> Any:
    """`dataclasses.astuple(value)`."""
    return _unfolded(_checked(value), lambda pairs: tuple_factory([item for _, item in pairs]))


def _checked(value: Any) -> Any:
    if isinstance(value, type) or not dataclasses.is_dataclass(value):
        raise TypeError("asdict() and astuple() take an object of a dataclass")
    return value


def _unfolded(value: Any, factory: Callable[[Any], Any]) -> Any:
    kind = type(value)
    if of_cell(kind) and dataclasses.is_dataclass(value):
        held = [field.name for field in dataclasses.fields(value)]
        return factory([(name, _unfolded(getattr(value, name), factory)) for name in held])
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return kind(*[_unfolded(item, factory) for item in value])
    if kind is list or kind is tuple or kind is set or kind is frozenset:
        return kind([_unfolded(item, factory) for item in value])
    if kind is dict:
        return {_unfolded(key, factory): _unfolded(item, factory) for key, item in value.items()}
    return deep(value)
