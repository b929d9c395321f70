"""The short way to write a schema: `"int"`, `"list[str] | None"`, `{"name": "str", "amount": "float"}`."""

from __future__ import annotations

from ...values import Value

MAX_CHARS = 200
"""Of one expression."""
MAX_NESTING = 8
"""Of its brackets: each level is read once more."""
MAX_ALL_CHARS = 20_000
"""Of all expressions of one schema together."""
_TYPES = {
    **dict.fromkeys(("str", "string"), "string"),
    **dict.fromkeys(("int", "integer"), "integer"),
    **dict.fromkeys(("float", "number"), "number"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("dict", "object"), "object"),
    **dict.fromkeys(("list", "array", "tuple"), "array"),
    **dict.fromkeys(("None", "none", "null"), "null"),
}
_HOLDERS = frozenset(
    {"properties", "items", "prefixItems", "additionalProperties", "propertyNames", "patternProperties", "definitions", "anyOf", "oneOf"}
    | {"allOf", "not", "if", "then", "else", "contains", "enum", "required", "const", "dependentSchemas", "unevaluatedProperties"}
)
"""Keywords whose value says that a dict is a schema: no field is described by such a value."""

JSONSchema = dict[str, Value]


def type_name(word: str) -> str | None:
    """The JSON type that a word of Python or of JSON names; None if it names none."""
    return _TYPES.get(word)


def expression(text: str) -> JSONSchema | None:
    """The schema that an expression of type words means; None if it is none."""
    parts = _split(text, "|") if len(text) <= MAX_CHARS and text.count("[") <= MAX_NESTING else None
    if parts is None:
        return None
    schemas = [_atom(part.strip()) for part in parts]
    known = [schema for schema in schemas if schema is not None]
    if len(known) < len(schemas):
        return None
    return known[0] if len(known) == 1 else {"anyOf": list(known)}


def fields(given: JSONSchema) -> JSONSchema | None:
    """The schema of a dict with these fields, each of them needed; None if `given` is a schema already.

    Raises:
        ValueError: there is too much of it.
    """
    if not given or "type" in given or any(key.startswith("$") for key in given):
        return None
    if sum(len(value) for value in given.values() if isinstance(value, str)) > MAX_ALL_CHARS:
        raise ValueError(f"the schema is too large: its types may take {MAX_ALL_CHARS:,} characters")
    if any(not _describes(key, value) for key, value in given.items()):
        return None
    return {"type": "object", "properties": dict(given), "required": list(given)}


def _describes(key: str, value: Value) -> bool:
    """Whether `value` can be the description of a field."""
    if isinstance(value, str):
        return expression(value) is not None
    if isinstance(value, list):
        return key not in _HOLDERS and len(value) == 1 and isinstance(value[0], (str, dict))
    return isinstance(value, dict) and key not in _HOLDERS


def _atom(text: str) -> JSONSchema | None:
    if text in ("any", "Any"):
        return {}
    if (kind := type_name(text)) is not None:
        return {"type": kind}
    name, bracket, rest = text.partition("[")
    if not bracket or not rest.endswith("]"):
        return None
    return _generic(name.strip(), [part.strip() for part in _split(rest[:-1], ",") or ()])


def _generic(name: str, arguments: list[str]) -> JSONSchema | None:
    inner = [expression(argument) for argument in arguments]
    last = inner[-1] if inner else None
    if last is None or None in inner:
        return None
    if name in ("list", "List", "array") and len(inner) == 1:
        return {"type": "array", "items": last}
    if name in ("dict", "Dict") and len(inner) == 2 and inner[0] == {"type": "string"}:
        return {"type": "object", "additionalProperties": last}
    return {"anyOf": [last, {"type": "null"}]} if name == "Optional" and len(inner) == 1 else None


def _split(text: str, separator: str) -> list[str] | None:
    """The parts between separators that stand in no brackets; None where brackets do not match."""
    if separator not in text:
        # Brackets that do not match are found where what is in them is read.
        return [text]
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        depth += (char == "[") - (char == "]")
        if depth < 0:
            return None
        if char == separator and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return None if depth else [*parts, text[start:]]
