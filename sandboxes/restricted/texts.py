"""Text of values: a formatter whose fields go through the screen, and texts without memory addresses."""

from __future__ import annotations

import re
import string
import types
from _string import formatter_field_name_split, formatter_parser  # type: ignore[import-not-found]
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Look = Callable[[object, str], Any]

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_PLAIN_REPR: Any = object.__repr__
_SIMPLE = (int, float, str, bool, type(None))
_ADDRESSED: tuple[Any, ...] = (
    types.FunctionType, types.GeneratorType, types.BuiltinFunctionType, types.MethodType, types.MethodWrapperType, super, property,
    staticmethod, classmethod, map, filter, zip, enumerate, reversed, type(iter([])), type(iter("")), type(iter({})), type(iter(range(0))),
)  # fmt: skip
_CONTAINERS = (list, tuple, dict, set, frozenset)
MAX_SEARCHED = 2_000
"""Items of a container that are asked for addresses."""


class ScreenedFormatter(string.Formatter):
    """`str.format` whose `{0.x}` asks the screen like any other attribute."""

    def __init__(self, look: Look) -> None:
        self.look = look

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
        """The value of `{field_name}`."""
        first, rest = formatter_field_name_split(field_name)
        value = self.get_value(first, args, kwargs)
        for is_attribute, key in rest:
            value = self.look(value, key) if is_attribute else value[key]
        return value, first

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """An argument by its place or name."""
        return args[key] if isinstance(key, int) else kwargs[key]


def reaches_inside(template: str) -> bool:
    """Whether a field of a template asks for an attribute or an item.

    Raises:
        ValueError: it is no template.
    """
    for _, field, spec, _ in formatter_parser(template):
        if field is not None and ("." in field or "[" in field):
            return True
        if spec and "{" in spec and reaches_inside(spec):
            return True
    return False


class Formatting:
    """`format` and `format_map` as cells have them."""

    def __init__(self, look: Look) -> None:
        self.screened = ScreenedFormatter(look)

    def formatted(self, template: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """What `template.format(*args, **kwargs)` is. `template` may be of a subclass: its text counts, not its methods."""
        template = str.__str__(template)
        if ("." not in template and "[" not in template) or not reaches_inside(template):
            return str.format(template, *args, **kwargs)
        return self.screened.vformat(template, args, kwargs)

    def mapped(self, template: str, mapping: Mapping[str, Any]) -> str:
        """What `template.format_map(mapping)` is."""
        template = str.__str__(template)
        return self.screened.vformat(template, (), mapping) if reaches_inside(template) else str.format_map(template, mapping)

    def bound(self, name: str, template: str) -> Callable[..., str]:
        """The method of one text."""
        if name == "format":
            return lambda *args, **kwargs: self.formatted(template, args, kwargs)
        return lambda mapping: self.mapped(template, mapping)

    def unbound(self, name: str) -> Callable[..., str]:
        """The method as an attribute of the class."""
        if name == "format":
            return lambda template, *args, **kwargs: self.formatted(template, args, kwargs)
        return lambda template, mapping: self.mapped(template, mapping)


def text_of(value: Any) -> str:
    """`str(value)` without addresses."""
    return without_addresses(str(value), value)


def repr_of(value: Any) -> str:
    """`repr(value)` without addresses."""
    return without_addresses(repr(value), value)


def without_addresses(text: str, value: Any) -> str:
    """A text of `value` without the places in memory of what is in it, which differ from process to process."""
    return text if type(value) in _SIMPLE or " at 0x" not in text else _scrubbed(text, value)


def _scrubbed(text: str, value: Any) -> str:
    # Only addresses of objects that are there: the text may be the cell's own, and about addresses.
    if isinstance(value, str):
        return text
    if not isinstance(value, _CONTAINERS):
        return _ADDRESS.sub("", text) if isinstance(value, _ADDRESSED) or type(value).__repr__ is _PLAIN_REPR else text
    for item in _found(value):
        own = repr(item)
        text = text.replace(own, _ADDRESS.sub("", own))
    return text


def _found(value: Any) -> list[Any]:
    found, waiting, seen = [], [value], 0
    while waiting and seen < MAX_SEARCHED:
        item, seen = waiting.pop(), seen + 1
        kind = type(item)
        if kind in _CONTAINERS:
            waiting += [*item.keys(), *item.values()] if kind is dict else item
        elif kind in _ADDRESSED:
            found.append(item)
    return found
