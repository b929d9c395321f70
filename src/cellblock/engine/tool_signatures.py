"""What a tool's signature says to whoever reads the prompt: `name: str, limit: int = 10`."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Union, get_args, get_origin, get_type_hints

from ..errors import ConfigError

MOST_DEPTH = 4
"""Of types within types that are written out."""
DEFAULT_CHARS = 60
_ONE_BY_ONE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """A function's parameters and what it returns, with types instead of names of types."""

    parameters: Mapping[str, inspect.Parameter]
    returns: Any

    @classmethod
    def of(cls, function: Callable[..., Any], name: str) -> Signature:
        """The signature of a typed function or of an instance with a typed `__call__`.

        Raises:
            ConfigError: it has none, a type is missing or unknown, or it takes `*args` or `**kwargs`.
        """
        try:
            found = inspect.signature(function)
            hints = get_type_hints(_typed(function), include_extras=True)
        except (NameError, TypeError, ValueError) as error:
            raise ConfigError(f"tool {name}: its signature cannot be read: {error}") from None
        for parameter in found.parameters.values():
            if parameter.kind not in _ONE_BY_ONE:
                raise ConfigError(f"tool {name}: *{parameter.name} cannot be told to a model; name each parameter")
            if parameter.name not in hints:
                raise ConfigError(f"tool {name}: parameter {parameter.name} has no type; write {parameter.name}: str, or what it is")
        parameters = {key: parameter.replace(annotation=hints[key]) for key, parameter in found.parameters.items()}
        return cls(parameters=parameters, returns=hints.get("return", Any))

    @property
    def shown(self) -> str:
        """`(name: str, limit: int = 10) -> list[str]`."""
        return f"({', '.join(map(_parameter, self.parameters.values()))}) -> {type_text(self.returns)}"


def first_line(function: Callable[..., Any]) -> str:
    """The first line of its docstring; empty if there is none."""
    function = function.func if isinstance(function, partial) else function
    own = function if inspect.isroutine(function) else type(function).__call__
    text = own.__doc__ or ("" if own is function else type(function).__doc__) or ""
    return " ".join(text.strip().partition("\n")[0].split())[:200]


def type_text(annotation: Any, depth: int = 0) -> str:
    """A type in the words of a cell: what it passes for a model or a dataclass is a dict of its fields."""
    if annotation is Any or depth > MOST_DEPTH:
        return "Any"
    if annotation in (None, type(None)):
        return "None"
    if (fields := _fields(annotation)) is not None:
        return "{" + ", ".join(f"{key!r}: {type_text(kind, depth + 1)}" for key, kind in fields.items()) + "}"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " | ".join(type_text(each, depth + 1) for each in arguments)
    if hasattr(annotation, "__metadata__"):
        return type_text(arguments[0], depth)
    if origin is not None and str(origin) != "typing.Literal":
        inner = ", ".join("..." if each is ... else type_text(each, depth + 1) for each in arguments)
        return f"{_name(origin)}[{inner}]"
    return _name(annotation) if origin is None else f"Literal[{', '.join(map(repr, arguments))}]"


def _typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function whose annotations these are."""
    if isinstance(function, partial):
        return _typed(function.func)
    return function if inspect.isroutine(function) else type(function).__call__


def _parameter(parameter: inspect.Parameter) -> str:
    text = f"{parameter.name}: {type_text(parameter.annotation)}"
    if parameter.default is inspect.Parameter.empty:
        return text
    default = repr(parameter.default)
    # Of an object it may be an address of this process's memory.
    is_plain = parameter.default is None or isinstance(parameter.default, (bool, int, float, str, bytes, list, tuple, dict))
    return f"{text} = {default if is_plain and len(default) <= DEFAULT_CHARS else '...'}"


def _fields(annotation: Any) -> Mapping[str, Any] | None:
    if not isinstance(annotation, type):
        return None
    if hasattr(annotation, "model_fields"):
        return {key: field.annotation for key, field in annotation.model_fields.items()}
    # A TypedDict by its mark: typing does not know those of typing_extensions, which pydantic asks for.
    if dataclasses.is_dataclass(annotation) or hasattr(annotation, "__total__"):
        return get_type_hints(annotation)
    return None


def _name(kind: Any) -> str:
    return str(getattr(kind, "__name__", None) or "Any")
