"""A JSON Schema as it has to be: short forms written out, every keyword known and of the right form. Schemas come from cells: hostile."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from ...values import Value
from .words import MAX_ALL_CHARS, JSONSchema, expression, fields, type_name

MAX_SCHEMAS = 2_000
"""Of one schema, those within it included."""
MAX_DEPTH = 24
MAX_ENUM = 10_000

Given: TypeAlias = "JSONSchema | bool"

ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "format", "deprecated", "readOnly", "writeOnly", "discriminator", "$comment"}
    | {"$schema", "$id", "contentMediaType", "contentEncoding"}
)
"""What says nothing of whether a value fits; left out."""
_NOT_HERE = frozenset(
    {"pattern", "patternProperties", "not", "if", "then", "else", "contains", "minContains", "maxContains", "dependentRequired"}
    | {"dependentSchemas", "dependencies", "unevaluatedProperties", "unevaluatedItems", "additionalItems", "$anchor", "$dynamicRef"}
    | {"$dynamicAnchor", "$recursiveRef", "$vocabulary"}
)


def written_out(given: Value) -> tuple[Given, frozenset[str]]:
    """The schema in full, and the references in it.

    Raises:
        ValueError: it is none, or uses what is not supported; the message names the place.
    """
    writer = _Writer()
    return writer.schema(given, "schema", 0), frozenset(writer.refs)


class _Writer:
    def __init__(self) -> None:
        self.count = self.words = 0
        self.refs: set[str] = set()

    def schema(self, given: Value, where: str, depth: int) -> Given:
        self.count += 1
        if self.count > MAX_SCHEMAS or depth > MAX_DEPTH:
            raise ValueError(f"the schema is too large: at most {MAX_SCHEMAS} parts, {MAX_DEPTH} deep")
        if isinstance(given, bool):
            return given
        self.words += len(given) if isinstance(given, str) else 0
        if self.words > MAX_ALL_CHARS:
            raise ValueError(f"the schema is too large: its types may take {MAX_ALL_CHARS:,} characters")
        full = _in_full(given)
        if full is None:
            raise ValueError(f"{where}: a JSON Schema is a dict, or a type such as 'str' or 'list[int]', not {_shown(given)}")
        # The type first: what does not have it is not worth another word.
        ordered = sorted(full.items(), key=lambda item: item[0] != "type")
        return {key: self._keyword(key, value, where, depth) for key, value in ordered if key not in ANNOTATIONS}

    def _keyword(self, key: str, value: Value, where: str, depth: int) -> Value:
        at = f"{where}.{key[:50]}"
        if key in _NOT_HERE:
            raise ValueError(f"{at}: {key!r} is not supported; leave it out, and check in the cell what it would have checked")
        if key not in _FORMS and isinstance(value, str) and expression(value) is None:
            raise ValueError(f"{at}: {_shown(value)} is no type; use str, int, float, bool, list[str] or the like, or a whole JSON Schema")
        if key not in _FORMS:
            raise ValueError(f"{where}: {key[:50]!r} is no keyword of JSON Schema; a field goes into {{'properties': {{...}}}}")
        return _FORMS[key](self, value, at, depth)

    # -- forms of keywords: each gives what stands in the schema in full

    def sub(self, value: Value, at: str, depth: int) -> Value:
        return self.schema(value, at, depth + 1)

    def sub_list(self, value: Value, at: str, depth: int) -> Value:
        if not isinstance(value, list) or not value:
            raise ValueError(f"{at}: a list of schemas is needed")
        return [self.schema(item, f"{at}[{index}]", depth + 1) for index, item in enumerate(value)]

    def sub_dict(self, value: Value, at: str, depth: int) -> Value:
        if not isinstance(value, dict):
            raise ValueError(f"{at}: a dict of schemas is needed")
        return {key: self.schema(item, f"{at}.{key[:50]}", depth + 1) for key, item in value.items()}

    def items(self, value: Value, at: str, depth: int) -> Value:
        if isinstance(value, list):
            raise ValueError(f"{at}: one schema for all items is needed; a list of them is 'prefixItems'")
        return self.sub(value, at, depth)

    def ref(self, value: Value, at: str, _: int) -> Value:
        if not isinstance(value, str) or not (value == "#" or value.startswith(("#/$defs/", "#/definitions/"))):
            raise ValueError(f"{at}: only references to '#/$defs/...' of the schema itself are followed")
        self.refs.add(value)
        return value

    def types(self, value: Value, at: str, _: int) -> Value:
        words = value if isinstance(value, list) else [value]
        names = [type_name(word) if isinstance(word, str) else None for word in words]
        known: list[Value] = [name for name in names if name is not None]
        if not known or len(known) < len(names):
            raise ValueError(f"{at}: one of string, integer, number, boolean, object, array, null, or a list of them, not {_shown(value)}")
        return known if isinstance(value, list) else known[0]

    def texts(self, value: Value, at: str, _: int) -> Value:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"{at}: a list of str is needed")
        return value

    def number(self, value: Value, at: str, _: int) -> Value:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"{at}: a number is needed")
        return value

    def positive(self, value: Value, at: str, depth: int) -> Value:
        if self.number(value, at, depth) <= 0:  # type: ignore[operator]
            raise ValueError(f"{at}: a number greater than 0 is needed")
        return value

    def count_of(self, value: Value, at: str, _: int) -> Value:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"{at}: a whole number from 0 on is needed")
        return value

    def flag(self, value: Value, at: str, _: int) -> Value:
        if not isinstance(value, bool):
            raise ValueError(f"{at}: True or False is needed")
        return value

    def enum(self, value: Value, at: str, _: int) -> Value:
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_ENUM:
            raise ValueError(f"{at}: a list of 1 to {MAX_ENUM} values is needed")
        return value

    def anything(self, value: Value, _: str, __: int) -> Value:
        return value


_Form = Callable[[_Writer, Value, str, int], Value]
_FORMS: dict[str, _Form] = {
    "type": _Writer.types,
    "enum": _Writer.enum,
    "const": _Writer.anything,
    "$ref": _Writer.ref,
    "required": _Writer.texts,
    "items": _Writer.items,
    "prefixItems": _Writer.sub_list,
    "uniqueItems": _Writer.flag,
    "multipleOf": _Writer.positive,
    **dict.fromkeys(("$defs", "definitions", "properties"), _Writer.sub_dict),
    **dict.fromkeys(("additionalProperties", "propertyNames"), _Writer.sub),
    **dict.fromkeys(("anyOf", "oneOf", "allOf"), _Writer.sub_list),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _Writer.number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _Writer.count_of),
}


def _in_full(given: Value) -> JSONSchema | None:
    if isinstance(given, str):
        return expression(given)
    if isinstance(given, list):
        return {"type": "array", "items": given[0]} if len(given) == 1 else None
    if isinstance(given, dict):
        return fields(given) or given
    return None


def _shown(value: Value) -> str:
    return repr(value[:50]) if isinstance(value, str) else "None" if value is None else with_article(type(value).__name__)


def with_article(kind: str) -> str:
    """`a str`, `an int`."""
    return f"an {kind}" if kind[:1] in "aeiou" else f"a {kind}"
