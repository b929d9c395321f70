"""Modules of which the real one would lead out: what looks at names, runs source, changes functions or asks the system is ours."""

from __future__ import annotations

import abc
import dataclasses
import enum
import functools
import pprint
import typing
import uuid
from collections import namedtuple
from collections.abc import Callable, Iterable
from typing import Any

from restricted import classes, copying
from restricted.frozen import Frozen
from restricted.managers import contextlib_names
from restricted.paths import path_class
from restricted.screen import Screen
from virtual_files import Files

_TYPING = (
    "Any Optional Union List Dict Tuple Set FrozenSet Type Iterable Iterator Callable Sequence Mapping MutableMapping MutableSequence "
    "Collection Container Generator Hashable Sized Reversible Counter DefaultDict Deque OrderedDict ChainMap Generic TypeVar ParamSpec "
    "Literal Final ClassVar Annotated Protocol NoReturn Never Self LiteralString TypeAlias NewType TypedDict Required NotRequired AnyStr "
    "Text SupportsInt SupportsFloat SupportsIndex SupportsAbs SupportsRound Pattern Match Concatenate TypeGuard cast"
)


class NamedTuple:
    """`typing.NamedTuple`: a base that its maker knows, or a call."""

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(bases) > 1:
            raise TypeError("a NamedTuple cannot have other bases here")
        entries: tuple[Any, ...] = typing.NamedTuple.__mro_entries__((typing.NamedTuple,))  # type: ignore[attr-defined]
        return entries

    def __call__(self, typename: str, fields: Iterable[tuple[str, Any]] = ()) -> Any:
        """A class by the names of its fields."""
        return named_tuple(typename, [name for name, _ in fields])


def named_tuple(typename: str, field_names: Any, *, rename: bool = False, defaults: Any = None, module: Any = None) -> Any:
    """`collections.namedtuple`, whose names are checked before they are pasted into source."""
    names = field_names.replace(",", " ").split() if type(field_names) is str else list(field_names)
    classes.check_word(typename)
    for name in names if not rename else ():
        classes.check_word(name)
    if any(type(name) is not str for name in names):
        raise TypeError("names of fields must be str")
    make: Any = namedtuple
    made = make(typename, names, rename=rename, defaults=defaults, module=classes.MODULE)
    classes.made.add(made)
    return made


def _dataclass(maker: classes.Maker) -> Callable[..., Any]:
    def dataclass(cls: Any = None, /, **options: Any) -> Any:
        def decorated(made: Any) -> Any:
            if not classes.of_cell(made) or made in classes.made:
                raise TypeError("@dataclass goes on a class of yours")
            result = dataclasses.dataclass(**options)(made)
            maker.replaced(made, result)
            return result

        return decorated if cls is None else decorated(cls)

    return dataclass


def own_modules(screen: Screen, frozen: Frozen, maker: classes.Maker, files: Files) -> dict[str, dict[str, Any]]:
    """Those of one session."""
    path = path_class(files)
    return {
        "collections": {"namedtuple": named_tuple},
        "dataclasses": {
            "dataclass": _dataclass(maker),
            **{name: getattr(dataclasses, name) for name in ("field", "replace", "is_dataclass", "fields", "KW_ONLY")},
            "asdict": copying.as_dict,
            "astuple": copying.as_tuple,
            "FrozenInstanceError": dataclasses.FrozenInstanceError,
            "MISSING": dataclasses.MISSING,
        },
        "enum": {
            **{kind.__name__: kind for kind in classes.OWN_BASES if kind is not classes.ABC},
            **{name: getattr(enum, name) for name in ("auto", "unique", "member", "nonmember", "KEEP", "STRICT", "CONFORM", "EJECT")},
        },
        "typing": _typing(),
        "abc": {"ABC": classes.ABC, "ABCMeta": classes.ABSTRACT_META, "abstractmethod": _abstract(screen)},
        "functools": _functools(screen),
        "contextlib": contextlib_names(screen),
        "operator": {"attrgetter": _attrgetter(screen), "methodcaller": _methodcaller(screen)},
        "copy": {"copy": copying.shallow, "deepcopy": copying.deep},
        "pathlib": dict.fromkeys(("Path", "PosixPath", "PurePath", "PurePosixPath"), path),
        "pprint": {"pformat": pprint.pformat, "pprint": _printer(screen), "pp": _printer(screen)},
        "random": frozen.random_module(),
        "time": frozen.time_module(),
        "uuid": {
            **{name: getattr(uuid, name) for name in ("UUID", "uuid3", "uuid5", "NAMESPACE_DNS", "NAMESPACE_URL", "NAMESPACE_OID")},
            "uuid4": lambda: uuid.UUID(int=frozen.shared.getrandbits(128), version=4),
        },
    }


def _printer(screen: Screen) -> Callable[..., None]:
    def pretty_print(value: Any, **options: Any) -> None:
        screen.variables["__builtins__"]["print"](pprint.pformat(value, **options))

    return pretty_print


def _typing() -> dict[str, Any]:
    unchanged = lambda value=None, *_args, **_given: value  # noqa: E731
    return {
        **{name: getattr(typing, name) for name in _TYPING.split()},
        "NamedTuple": NamedTuple(),
        "TYPE_CHECKING": False,
        # The real ones note something on the function that they are given, whosoever it is.
        **dict.fromkeys(("final", "overload", "override", "runtime_checkable", "no_type_check"), unchanged),
    }


def _abstract(screen: Screen) -> Callable[[Any], Any]:
    def abstractmethod(function: Any) -> Any:
        if not screen.is_function(function):
            raise TypeError("@abstractmethod goes on a function of yours, below @property and the like")
        return abc.abstractmethod(function)

    return abstractmethod


def _functools(screen: Screen) -> dict[str, Any]:
    def wraps(wrapped: Any, *_names: Any) -> Callable[[Any], Any]:
        def named(wrapper: Any) -> Any:
            if screen.is_function(wrapper):
                for name in ("__name__", "__qualname__", "__doc__"):
                    text = getattr(wrapped, name, None)
                    if type(text) is str:
                        setattr(wrapper, name, text)
            return wrapper

        return named

    def total_ordering(cls: Any) -> Any:
        if not classes.of_cell(cls):
            raise TypeError("@total_ordering goes on a class of yours")
        return functools.total_ordering(cls)

    return {
        **{name: getattr(functools, name) for name in ("reduce", "partial", "lru_cache", "cache", "cmp_to_key", "cached_property")},
        "wraps": wraps,
        "update_wrapper": lambda wrapper, wrapped, *_names: wraps(wrapped)(wrapper),
        "total_ordering": total_ordering,
    }


def _attrgetter(screen: Screen) -> Callable[..., Callable[[Any], Any]]:
    def attrgetter(*paths: str) -> Callable[[Any], Any]:
        if not paths or any(type(path) is not str for path in paths):
            raise TypeError("attribute name must be a string")

        def one(value: Any, path: str) -> Any:
            for name in path.split("."):
                value = screen.look(value, name)
            return value

        if len(paths) == 1:
            return lambda value: one(value, paths[0])
        return lambda value: tuple(one(value, path) for path in paths)

    return attrgetter


def _methodcaller(screen: Screen) -> Callable[..., Callable[[Any], Any]]:
    def methodcaller(name: str, /, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        return lambda value: screen.look(value, name)(*args, **kwargs)

    return methodcaller
