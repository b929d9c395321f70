"""The screen: every attribute that a cell reads, sets or deletes goes through here, whatever the way it is named.

Two things are looked at: the name together with the object, and what comes out. Of the cell's own objects it gives everything
but what the interpreter itself put there; of all others public attributes alone, and no module, frame, code or traceback.
"""

from __future__ import annotations

import abc
import decimal
import enum
import inspect
import types
from collections.abc import Callable
from typing import Any

from restricted import rules
from restricted.classes import BASES, CellType, Root, of_cell
from restricted.modules import Facade, TextWrapper
from restricted.raising import is_catchable
from restricted.standins import Attributes, TypeName
from restricted.texts import Formatting

OPAQUE = frozenset({
    types.ModuleType, types.CodeType, types.FrameType, types.TracebackType, types.CellType, types.CoroutineType, types.AsyncGeneratorType,
})  # fmt: skip
"""Nothing can be read of them."""
_BUILTIN, _DESCRIPTOR = types.BuiltinMethodType, types.MethodDescriptorType
_SCREENED = OPAQUE | {_BUILTIN, _DESCRIPTOR, types.FunctionType, types.ClassMethodDescriptorType, type, abc.ABCMeta, enum.EnumType}
"""Types of results that are looked at."""
DATA = frozenset({
    int, float, complex, bool, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, slice, type(None), type(...),
    type(NotImplemented), memoryview,
})  # fmt: skip
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodDescriptorType, type)
_SETTABLE: dict[type, frozenset[str]] = {
    decimal.Context: frozenset({"prec", "rounding", "Emin", "Emax", "capitals", "clamp"}),
    TextWrapper: frozenset({"width", "initial_indent", "subsequent_indent", "max_lines", "placeholder", "expand_tabs", "tabsize"}),
}
"""What may be set on objects of the standard library."""
_CLOCKS = frozenset({"now", "utcnow", "today"})
_LEADING_OUT = rules.CAREFUL - {"format", "format_map"}
NOTHING: Any = object()


class Screen:
    """The screen of one session.

    Attributes:
        variables: the cells' globals, by which functions of cells are known.
        classes: those of the standard library that cells may hold.
    """

    def __init__(self, variables: dict[str, Any], moments: Callable[[str, Any], Callable[..., Any]]) -> None:
        self.variables, self.moments = variables, moments
        self.classes: set[Any] = set(DATA) | {object}
        self.formatting = Formatting(self.look)
        self.read = self.reader()

    # -- reading

    def reader(self) -> Callable[[Any, str], Any]:
        """`value.name` for a public name that was written in the cell and needs no care. A closure: it runs all the time."""
        screened = self._screened

        def read(value: Any, name: str) -> Any:
            kind = type(value)
            if kind is Facade:
                return getattr(value, name)
            if kind in OPAQUE:
                raise AttributeError(f"nothing of a {kind.__name__} can be read here")
            result = getattr(value, name)
            return screened(result, value) if type(result) in _SCREENED else result

        return read

    def writer(self) -> Callable[[Any, str], Any]:
        """The object whose attribute `name` is set or deleted, if it may be."""
        writable = self.writable

        def write(value: Any, name: str) -> Any:
            return value if type(type(value)) is CellType else writable(value, name)

        return write

    def look(self, value: Any, name: str) -> Any:
        """`value.name` for any name, which may have been made at run time."""
        if type(name) is not str:
            raise TypeError("attribute name must be string")
        if name in rules.INTROSPECTION or rules.HIDDEN in name:
            raise _hidden(value, name)
        if name.startswith("_"):
            return self._special(value, name) if rules.is_special(name) else self._private(value, name)
        if name in _LEADING_OUT and self._leads_out(value, name) and not self._own(value, name):
            raise _hidden(value, name)
        return self.read(value, name)

    def _leads_out(self, value: Any, name: str) -> bool:
        # Aliases such as typing.Mapping pass on to their class what they do not have.
        if name in ("mro", "register") or type(value) is super:
            return True
        return isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException))

    def _screened(self, result: Any, value: Any) -> Any:
        kind = type(result)
        if kind is types.FunctionType:
            return result if result.__globals__ is self.variables else _of_library(result, value)
        if kind is _BUILTIN:
            name = result.__name__
            if name in ("format", "format_map") and isinstance(result.__self__, str):
                return self.formatting.bound(name, result.__self__)
            return self.moments(name, result.__self__) if name in _CLOCKS else result
        if kind is _DESCRIPTOR or kind is types.ClassMethodDescriptorType:
            own = result.__name__ in ("format", "format_map") and result.__objclass__ is str
            return self.formatting.unbound(result.__name__) if own else result
        if kind in OPAQUE or issubclass(result, type) or result is types.FunctionType:
            raise AttributeError("a part of the interpreter cannot be read here")
        return result

    def _private(self, value: Any, name: str) -> Any:
        if name not in rules.NEVER and (self._own(value, name) or self._known_private(value, name)):
            return getattr(value, name)
        raise _hidden(value, name)

    def _known_private(self, value: Any, name: str) -> bool:
        kind = value if isinstance(value, type) else type(value)
        if name in rules.NAMED_TUPLE:
            return issubclass(kind, tuple) and hasattr(kind, "_fields")
        return name in rules.ENUM and isinstance(kind, enum.EnumType)

    def _own(self, value: Any, name: str) -> bool:
        """Whether what `value.name` finds was put there by a cell: on the instance, or first on one of its classes."""
        kind, on_instance = type(value), False
        if kind is super:
            order = value.__self_class__.__mro__
            searched = order[order.index(value.__thisclass__) + 1 :]
        elif isinstance(value, type):
            searched = value.__mro__
        elif kind is types.FunctionType:
            return self.is_function(value) and name in value.__dict__
        else:
            searched = kind.__mro__
            on_instance = of_cell(kind) and name in _attributes(value)
        for owner in searched:
            if name in owner.__dict__:
                # A descriptor of a class that can be set is asked before what is on the instance.
                return of_cell(owner) or (on_instance and not hasattr(type(owner.__dict__[name]), "__set__"))
        return kind is not super and not isinstance(value, type) and of_cell(kind)  # nowhere: it says so itself, or `__getattr__` does

    # -- special names

    def _special(self, value: Any, name: str) -> Any:
        if name in rules.DEFINABLE:
            return self._method(value, name)
        if name in rules.DESCRIBING:
            return self._description(value, name)
        if name == "__class__" and (of_cell(type(value)) or isinstance(value, BaseException)):
            return self.type_of(value)
        if name == "__dict__" and of_cell(type(value)):
            return self.attributes_of(value)
        if name in ("__cause__", "__context__", "__notes__") and isinstance(value, BaseException):
            result = getattr(value, name)
            return result if not isinstance(result, BaseException) or is_catchable(result) else None
        if name == "__annotations__" and (of_cell(value) or self.is_function(value)):
            return dict(value.__annotations__)
        if (name == "__members__" and isinstance(value, enum.EnumType)) or (name == "__slots__" and of_cell(value)):
            return getattr(value, name)
        raise _hidden(value, name)

    def _description(self, value: Any, name: str) -> str | None:
        if isinstance(value, _FUNCTIONS) or of_cell(type(value)) or type(value) is TypeName:
            if name == "__module__" and of_cell(value):
                return "__main__"
            text = getattr(value, name, None)
            if text is None or type(text) is str:
                return text
        raise _hidden(value, name)

    def _method(self, value: Any, name: str) -> Any:
        kind = type(value)
        native = kind in DATA or value is object or (isinstance(value, type) and (value in DATA or value in BASES))
        native = native or (isinstance(value, type) and issubclass(value, BaseException))
        if not (native or kind is super or of_cell(value) or of_cell(kind)):
            raise _hidden(value, name)
        result = getattr(value, name)
        if name in ("__setattr__", "__delattr__"):
            return self._setter(value, result)
        if name == "__new__":
            return self._builder(result)
        if value is object and name in ("__repr__", "__hash__"):
            return getattr(Root, name)
        return result

    def _setter(self, value: Any, raw: Callable[..., Any]) -> Callable[..., Any]:
        def setter(*args: Any) -> Any:
            place = 1 if isinstance(value, type) else 0  # of a class it takes the object first
            target = args[0] if place else getattr(value, "__self__") if isinstance(value, super) else value  # noqa: B009
            self.check_set(target, args[place])
            return raw(*args)

        return setter

    def _builder(self, raw: Callable[..., Any]) -> Callable[..., Any]:
        def builder(kind: Any, *args: Any, **kwargs: Any) -> Any:
            if not of_cell(kind) and kind not in DATA:
                raise TypeError(f"{kind!r} cannot be made this way here")
            return raw(kind, *args, **kwargs)

        return builder

    # -- setting

    def writable(self, value: Any, name: str) -> Any:
        """`value` itself, if its attribute `name` may be set or deleted."""
        kind = type(value)
        if of_cell(kind) or of_cell(value) or self.is_function(value):
            if name in rules.NEVER:
                raise AttributeError(f"{name} cannot be set here")
            return value
        if name in _SETTABLE.get(kind, ()) or (isinstance(value, BaseException) and not name.startswith("_")):
            return value
        what = "a class" if isinstance(value, type) else f"a {kind.__name__}"
        raise TypeError(f"attributes of {what} that no cell made cannot be set here")

    def check_set(self, value: Any, name: Any) -> None:
        """Refuse to set an attribute whose name was made at run time.

        Raises:
            TypeError, AttributeError: the object is not the cell's, or the name is special.
        """
        if type(name) is not str:
            raise TypeError("attribute name must be string")
        if rules.is_special(name) or name in rules.INTROSPECTION or rules.HIDDEN in name:
            raise AttributeError(f"{name} cannot be set here")
        self.writable(value, name)

    # -- kinds

    def is_function(self, value: object) -> bool:
        """Whether it is a function that a cell made."""
        return type(value) is types.FunctionType and value.__globals__ is self.variables

    def type_of(self, value: Any) -> Any:
        """`type(value)`, or its name where it is a class that cells must not hold."""
        kind = type(value)
        if kind in self.classes or of_cell(kind) or (isinstance(value, BaseException) and is_catchable(value)):
            return kind
        if isinstance(value, type):
            return self.variables["__builtins__"]["type"]
        return TypeName(kind.__name__)

    def attributes_of(self, value: Any) -> Attributes:
        """`vars(value)` of an object of a cell."""
        if not of_cell(type(value)):
            raise TypeError("vars() takes an object of a class of yours")

        def put(name: Any, item: Any) -> None:
            self.check_set(value, name)
            _attributes(value)[name] = item

        def drop(name: Any) -> None:
            self.check_set(value, name)
            del _attributes(value)[name]

        return Attributes({name: item for name, item in _attributes(value).items() if rules.HIDDEN not in name}, put, drop)


def _of_library(function: types.FunctionType, value: Any) -> Any:
    """A function of the library that was read from a class: given an object of another class, it would set attributes of that."""
    if type(value) is property:
        raise AttributeError("the functions of a property that is not yours cannot be read here")
    if not isinstance(value, type) or isinstance(inspect.getattr_static(value, function.__name__, None), staticmethod):
        return function

    def method(*args: Any, **kwargs: Any) -> Any:
        if not args or not isinstance(args[0], value):
            raise TypeError(f"{function.__name__} takes an object of {value.__name__} first")
        return function(*args, **kwargs)

    method.__name__ = method.__qualname__ = function.__name__
    return method


def _attributes(value: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found


def _hidden(value: Any, name: str) -> AttributeError:
    return AttributeError(f"{name!r} of a {type(value).__name__} cannot be read here")
