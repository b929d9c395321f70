"""Tools: typed Python functions of whoever embeds the engine, made into functions that cells may call.

A tool is trusted, its arguments are not: they are validated against its types before it is called, and each tool has limits.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import anyio

from ..errors import ConfigError
from ..limits import check_limits, check_type
from ..repl.session import GROUPS, RESERVED
from .tool_signatures import Signature, first_line
from .untrusted import Work
from .vocabulary import NAMES

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolLimits:
    """Limits of one tool in one run, its child runs included.

    Raises:
        ConfigError: a field is not a finite number greater than 0.
    """

    calls: int = 1_000
    wall_seconds: float = 60.0
    """Of one call, the wait for its turn included."""
    parallel: int = 16
    """Calls at once. One that its time limit has ended counts until its function has really returned."""

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tool:
    """One function that cells may call; `Tool.of` makes it."""

    name: str
    function: Callable[..., Any]
    signature: Signature
    description: str
    """The first line of its docstring."""
    is_async: bool
    limits: ToolLimits = field(default_factory=ToolLimits)

    @classmethod
    def of(cls, function: Callable[..., Any], *, name: str | None = None, limits: ToolLimits | None = None) -> Tool:
        """A tool from a typed function, sync or async, or from an instance with a typed `__call__`.

        A sync one runs in a thread of its own, which is left behind at the time limit. An async one shares the engine's event loop,
        and must not block it. What it raises reaches the cell as `RuntimeError` with the exception's kind alone, except `CellError`.

        Args:
            function: with a type for each parameter; takes and returns plain data, or what pydantic makes of it.
            name: that cells use; None takes the function's own.
            limits: of calls of this tool.

        Raises:
            ConfigError: it cannot be called, a type is missing or none that pydantic knows, or the name cannot be used.
        """
        if not callable(function) or isinstance(function, type):
            raise ConfigError(f"tools: a function is needed, not {function!r}"[:200])
        if limits is not None:
            check_type("limits", limits, ToolLimits)
        own_name = name if name is not None else getattr(function, "__name__", type(function).__name__)
        _check_name(own_name)
        tool = cls(
            name=own_name,
            function=function,
            signature=Signature.of(function, own_name),
            description=first_line(function),
            is_async=_is_async(function),
            limits=limits or ToolLimits(),
        )
        _ = tool.work
        return tool

    @cached_property
    def adapters(self) -> Mapping[str, TypeAdapter[Any]]:
        """Of each parameter, what validates it.

        Raises:
            ConfigError: pydantic makes nothing of a type.
        """
        # Imported here: it takes as long as all the rest together, and only tools need it.
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticUserError

        try:
            return {key: TypeAdapter(parameter.annotation) for key, parameter in self.signature.parameters.items()}
        except (PydanticUserError, TypeError, NameError) as error:
            first = str(error).partition("\n")[0]
            raise ConfigError(f"tool {self.name}: a type of its parameters cannot be validated: {first}") from None

    @cached_property
    def work(self) -> Mapping[str, Work]:
        """Of each parameter, what its type may do to a value."""
        return {key: Work.of(adapter) for key, adapter in self.adapters.items()}

    def json_schema(self) -> dict[str, Any]:
        """Of its arguments, as JSON Schema."""
        from pydantic import Field, create_model

        fields: dict[str, Any] = {
            # Numbered, since a field of a model may not have every name that a parameter may have.
            f"p{number}": (one.annotation, Field(alias=key) if one.default is inspect.Parameter.empty else Field(one.default, alias=key))
            for number, (key, one) in enumerate(self.signature.parameters.items())
        }
        schema: dict[str, Any] = create_model(self.name, **fields).model_json_schema()
        return schema

    @property
    def told(self) -> str:
        """A line for the prompt."""
        return f"- {self.name}{self.signature.shown}" + (f": {self.description}" if self.description else "")


@dataclass(frozen=True, slots=True)
class Toolset:
    """The tools of a run; `Toolset.of` makes it."""

    tools: tuple[Tool, ...] = ()

    @classmethod
    def of(cls, functions: Iterable[Callable[..., Any] | Tool]) -> Toolset:
        """Tools, or functions to make them of.

        Raises:
            ConfigError: as `Tool.of`; or two have one name.
        """
        tools = tuple(each if isinstance(each, Tool) else Tool.of(each) for each in functions)
        for index, tool in enumerate(tools):
            if any(other.name == tool.name for other in tools[:index]):
                raise ConfigError(f"tools: two are named {tool.name}; give one another name by Tool.of(function, name=...)")
        return cls(tools)

    def recorded(self) -> list[dict[str, Any]]:
        """For the journal: all that a replay has to know of them."""
        return [{"name": tool.name, "told": tool.told, "parameters": list(tool.signature.parameters)} for tool in self.tools]

    def descriptions(self) -> tuple[str, ...]:
        """A line for the prompt of each."""
        return tuple(tool.told for tool in self.tools)


class ToolUse:
    """What one run and its child runs have made of one tool.

    Attributes:
        calls: made so far.
        places: for calls at once.
    """

    def __init__(self, tool: Tool) -> None:
        self.calls = 0
        self.places = anyio.CapacityLimiter(tool.limits.parallel)


def _is_async(function: Callable[..., Any]) -> bool:
    function = function.func if isinstance(function, partial) else function
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _check_name(name: str) -> None:
    check_type("a tool's name", name, str)
    shown = repr(name[:50])
    if not name.isidentifier() or keyword.iskeyword(name) or unicodedata.normalize("NFKC", name) != name:
        raise ConfigError(f"tools: {shown} is no name that a cell can call; give one by Tool.of(function, name=...)")
    if name in NAMES or name in dir(builtins) or name.startswith((*RESERVED, *(f"{group}__" for group in GROUPS))):
        raise ConfigError(f"tools: {shown} is a name that every cell has already; give another by Tool.of(function, name=...)")
