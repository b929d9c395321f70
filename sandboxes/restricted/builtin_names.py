"""The built-in names of a cell: those that are harmless as they are, and ours in place of those that are not."""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from restricted import raising, rules
from restricted.classes import Maker, serials
from restricted.managers import Managed
from restricted.modules import Facade, importer, members
from restricted.paths import opener
from restricted.screen import NOTHING, Screen
from restricted.texts import repr_of, text_of, without_addresses
from virtual_files import Files

_AS_THEY_ARE = (
    "abs all any bin bool bytearray bytes callable chr classmethod complex dict divmod enumerate filter float frozenset hex "
    "int isinstance issubclass iter len list map max memoryview min next object oct ord pow property range reversed round set slice "
    "sorted staticmethod str sum super tuple zip True False None Ellipsis NotImplemented"
)
_PLAIN_HASH: Any = object.__hash__
NOT_THERE: Any = object()
_METHODS = (types.BuiltinFunctionType, types.MethodType, types.MethodWrapperType)
"""Their hashes are made of addresses: their own, and those of what they belong to."""
_NO_ERRORS = ("BaseException", "BaseExceptionGroup", "ExceptionGroup")

Write = Callable[[str], None]


def _type(screen: Screen) -> Any:
    class TypeMeta(type):
        """Of what stands for `type`: one argument, and every class is an instance."""

        def __call__(cls, *args: Any) -> Any:
            if len(args) != 1:
                raise TypeError("type() takes one argument here; write a class statement")
            return screen.type_of(args[0])

        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, type)

        def __repr__(cls) -> str:
            return "<class 'type'>"

    return TypeMeta("type", (), {})


def builtin_names(screen: Screen, write: Write, files: Files) -> dict[str, Any]:
    """What a cell finds without binding it."""
    found = {name: getattr(builtins, name) for name in _AS_THEY_ARE.split()}
    for name, value in vars(builtins).items():
        if isinstance(value, type) and issubclass(value, BaseException) and name not in _NO_ERRORS:
            found[name] = value
    found["BaseException"] = raising.Base
    return {
        **found,
        **_own(screen),
        "print": _print(screen, write),
        "open": opener(files),
        "type": _type(screen),
        "__build_class__": builtins.__build_class__,
        "__import__": _native_import,
        "__name__": "builtins",
    }


def hooks(screen: Screen, facades: Mapping[str, Facade], maker: Maker) -> dict[str, Any]:
    """What the policy's hooks are bound to."""
    whole, member, everything = importer(facades, screen.variables)
    return {
        rules.READ: screen.read,
        rules.LOOK: screen.look,
        rules.WRITE: screen.writer(),
        rules.CLASS: maker,
        rules.IMPORT: whole,
        rules.MEMBER: member,
        rules.ALL: everything,
        rules.MANAGER: Managed,
        rules.ANYTHING: raising.ANYTHING,
        rules.CAUGHT: raising.caught,
    }


def _native_import(name: str, *_given: Any, **_named: Any) -> None:
    # Cells' imports are calls of our hooks. This is for native code that imports on behalf of the frame that called it, as
    # `datetime.strftime` does: it takes the module from `sys.modules` afterwards.
    if name not in sys.modules:
        raise ImportError(f"{name} cannot be imported here")


def _attributes(screen: Screen) -> dict[str, Callable[..., Any]]:
    def get(value: Any, name: str, default: Any = NOTHING) -> Any:
        try:
            return screen.look(value, name)
        except AttributeError:
            if default is NOTHING:
                raise
            return default

    def has(value: Any, name: str) -> bool:
        return get(value, name, NOT_THERE) is not NOT_THERE

    def put(value: Any, name: str, item: Any) -> None:
        screen.check_set(value, name)
        setattr(value, name, item)

    def remove(value: Any, name: str) -> None:
        screen.check_set(value, name)
        delattr(value, name)

    return {"getattr": get, "hasattr": has, "setattr": put, "delattr": remove}


def _descriptions(screen: Screen) -> dict[str, Callable[..., Any]]:
    # Functions, not methods: a method leads to its object.
    def listed(value: Any = NOTHING) -> list[str]:
        if value is NOTHING:
            return sorted(_seen(screen))
        names = members(value) if type(value) is Facade else dir(value)
        return sorted(name for name in names if type(name) is str and not name.startswith("_") and rules.HIDDEN not in name)

    def hashed(value: Any) -> int:
        number = hash(value)
        if type(value).__hash__ is _PLAIN_HASH:
            return serials.of(value)
        return hash(_parts(value)) if isinstance(value, _METHODS) else number

    return {
        "dir": listed,
        "hash": hashed,
        "vars": lambda value: screen.attributes_of(value),
        "globals": lambda: MappingProxyType(_seen(screen)),
        "id": lambda value: serials.of(value),
        "repr": lambda value: repr_of(value),
        "ascii": lambda value: repr_of(value).encode("ascii", "backslashreplace").decode(),
        "format": lambda value, spec="": without_addresses(format(value, spec), value),
    }


def _parts(method: Any) -> tuple[Any, Any]:
    """What tells a method from others, without asking anything of the cell's own."""
    owner = method.__self__
    which = serials.of(method.__func__) if isinstance(method, types.MethodType) else method.__name__
    return 0 if isinstance(owner, ModuleType) else serials.of(owner), which


def _own(screen: Screen) -> dict[str, Any]:
    found = _attributes(screen) | _descriptions(screen)
    for name, function in found.items():
        function.__name__ = function.__qualname__ = name
    return found


def _seen(screen: Screen) -> dict[str, Any]:
    ours = ("__", *rules.RESERVED)
    return {name: value for name, value in screen.variables.items() if rules.HIDDEN not in name and not name.startswith(ours)}


def _print(screen: Screen, write: Write) -> Callable[..., None]:
    def printed(*values: Any, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: bool = False) -> None:
        for name, given in (("sep", sep), ("end", end)):
            if given is not None and not isinstance(given, str):
                raise TypeError(f"{name} must be None or a string, not {type(given).__name__}")
        text = str.join(" " if sep is None else sep, [text_of(value) for value in values])
        # A text of a cell's own class would be asked how to be added.
        text += "\n" if end is None else str.__str__(end)
        if file is None:
            write(text)
            return
        screen.look(file, "write")(text)
        if flush:
            screen.look(file, "flush")()

    printed.__name__ = printed.__qualname__ = "print"
    return printed
