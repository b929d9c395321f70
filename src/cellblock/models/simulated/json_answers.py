"""Answers in JSON: the smallest value that fits a schema, filled with what the prompt says after a field's name. Fixed rules."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from .lexicon import label_of

ASKED = "\n\nAnswer with JSON alone, no other text"
_SCHEMA = " that fits this JSON Schema:\n"
_READ_CHARS = 20_000
_DEPTH = 12
_VALUES, _COUNT = 2_000, 1_000
"""Of one answer. A schema comes from a cell: one that refers to itself, or asks for a billion items, must not fill the memory."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def json_answer(prompt: str, words: str) -> str:
    """The JSON that a prompt asks for, in a fence.

    Args:
        prompt: with `ASKED` in it.
        words: what is answered where a text is wanted that the prompt does not name.
    """
    base, _, tail = prompt.rpartition(ASKED)
    schema = _schema(tail.partition(_SCHEMA)[2])
    value = {"answer": words} if schema is None else _Maker(schema, base, words).value(schema, base, 0)
    return f"```json\n{msgspec.json.encode(value).decode()}\n```"


def _schema(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


class _Maker:
    """Makes one value."""

    def __init__(self, root: Any, prompt: str, words: str) -> None:
        self._root, self._prompt, self._words = root, prompt, words
        self._made = 0

    def value(self, node: Any, found: str, depth: int) -> Any:
        """A value for a schema; `found` is the part of the prompt that speaks of it."""
        self._made += 1
        if not isinstance(node, dict) or depth > _DEPTH or self._made > _VALUES:
            return None
        if "$ref" in node:
            return self.value(self._target(str(node["$ref"])), found, depth + 1)
        if "const" in node:
            return node["const"]
        if choices := _listed(node, "enum"):
            return _choice(choices, found)
        for key in ("anyOf", "oneOf", "allOf"):
            if parts := _listed(node, key):
                return self.value(parts[0], found, depth + 1)
        return self._of_type(node, found, depth)

    def _of_type(self, node: dict[str, Any], found: str, depth: int) -> Any:
        kinds = node.get("type", "object" if "properties" in node else "string")
        kind = next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list) else kinds
        match kind:
            case "object":
                return self._object(node, found, depth)
            case "array":
                return [self.value(node.get("items", {}), found, depth + 1)] * max(1, _count(node, "minItems", 1))
            case "integer" | "number":
                return _number(node, found, whole=kind == "integer")
            case "boolean":
                return bool(re.match(r"\W*(?:yes|true)\b", found, re.IGNORECASE))
            case "null":
                return None
        text = self._words if found == self._prompt else found
        return text[: _count(node, "maxLength", 300)].ljust(_count(node, "minLength", 0), ".")

    def _object(self, node: dict[str, Any], found: str, depth: int) -> dict[str, Any]:
        given = node.get("properties")
        fields: dict[str, Any] = given if isinstance(given, dict) else {}
        named = dict.fromkeys([*fields, *map(str, _listed(node, "required"))])
        return {name: self.value(fields.get(name, {}), self._said_of(name, found), depth + 1) for name in named}

    def _said_of(self, name: str, found: str) -> str:
        """What stands after `name:` or `name =` in the prompt; all of it where nothing does."""
        spaced = re.escape(name.replace("_", " ")).replace(r"\ ", r"[ _]")
        said = re.search(rf"\b{spaced}[ \t]*[:=][ \t]*([^\s;][^\n;]{{0,200}})", found[:_READ_CHARS], re.IGNORECASE)
        return said[1].strip() if said else found

    def _target(self, ref: str) -> Any:
        node = self._root
        for part in ref.split("/")[1:]:
            node = node.get(part) if isinstance(node, dict) else None
        return node


def _listed(node: dict[str, Any], key: str) -> list[Any]:
    given = node.get(key)
    return given if isinstance(given, list) else []


def _count(node: dict[str, Any], key: str, otherwise: int) -> int:
    given = node.get(key)
    return min(given, _COUNT) if isinstance(given, int) else otherwise


def _choice(values: list[Any], found: str) -> Any:
    texts = [value for value in values if isinstance(value, str)]
    return label_of(found, texts) if len(texts) == len(values) else values[0]


def _number(node: dict[str, Any], found: str, *, whole: bool) -> Any:
    said = _NUMBER.search(found[:_READ_CHARS].replace(",", ""))
    number = float(said[0][:15]) if said else 0.0
    least, most = (given if isinstance(given := node.get(key), (int, float)) else number for key in ("minimum", "maximum"))
    number = min(max(number, least), most)
    return int(number) if whole else number
