"""Whether a value fits a JSON Schema. Schema and value come from cells and models: depth and work are bounded, and neither is executed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import msgspec

from ...values import Value, ValueCaps, plain
from .forms import Given, with_article, written_out

MAX_BYTES = 200_000
"""Of a schema as JSON, since it stands in prompts."""
MAX_STEPS = 400_000
"""Of one check, about half a second."""
MAX_DEPTH = 150
"""Of schemas within schemas while a value is checked; a value is at most 32 deep."""
_CAPS = ValueCaps(total_bytes=MAX_BYTES, items=20_000, depth=30)
_NAMES = {
    "string": "a str",
    "integer": "an int",
    "number": "a number",
    "boolean": "a bool",
    "object": "a dict",
    "array": "a list",
    "null": "None",
}

Path: TypeAlias = "tuple[Path, str | int] | None"
"""Where a value lies: the way to what holds it, and its place there."""
Problem: TypeAlias = tuple[Path, str]
Node: TypeAlias = "dict[str, Any] | bool"


class _TooMuch(Exception):
    """The check would take too long."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that can be used, made by `from_value`."""

    text: str
    """As JSON, short forms written out."""
    _root: Given
    _refs: dict[str, Given]

    @classmethod
    def from_value(cls, value: Value) -> Schema:
        """The schema that `value` means: a JSON Schema, a type such as `"list[str]"`, or a dict of field to type.

        Raises:
            ValueError: it means none, is too large, or uses what is not supported; the message says where, and what to do.
        """
        try:
            root, refs = written_out(plain(value, _CAPS))
        except TypeError as error:
            raise ValueError(f"schema: {error}") from None
        text = msgspec.json.encode(root).decode()
        return cls(text, root, {ref: _target(root, ref) for ref in refs})

    def check(self, value: Value, name: str = "answer") -> str | None:
        """None if `value` fits; else one line that says where it does not, and why."""
        try:
            problem = _Check(self._refs).schema(self._root, value, None, 0)
        except _TooMuch as error:
            return f"{name}: {error}"
        return None if problem is None else f"{name}{_place(problem[0])}: {problem[1]}"


def _target(root: Given, ref: str) -> Given:
    if ref == "#":
        return root
    _, holder, name = ref.split("/", 2)
    found = root.get(holder) if isinstance(root, dict) else None
    name = name.replace("~1", "/").replace("~0", "~")
    if not isinstance(found, dict) or name not in found:
        raise ValueError(f"schema: there is no {ref[:100]!r} in it")
    target = found[name]
    assert isinstance(target, (dict, bool))
    return target


class _Check:
    """One check of one value, with its count of steps."""

    def __init__(self, refs: dict[str, Given]) -> None:
        self.refs = refs
        self.steps = 0
        self._canonical: dict[int, frozenset[str]] = {}

    def take(self, steps: int) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise _TooMuch(f"to check it takes more than {MAX_STEPS} steps; use a simpler schema or less data")

    def schema(self, node: Node, value: Value, path: Path, depth: int) -> Problem | None:
        self.take(1)
        if isinstance(node, bool):
            return None if node else (path, "nothing is allowed here")
        if depth > MAX_DEPTH:
            raise _TooMuch("the schema refers to itself without end")
        for keyword, rule in node.items():
            self.take(1)
            rule_of = _RULES.get(keyword)
            if rule_of is not None and (problem := rule_of(self, rule, value, path, depth, node)) is not None:
                return problem
        return None

    def all_of(self, nodes: list[Node], value: Value, path: Path, depth: int) -> Problem | None:
        for node in nodes:
            if (problem := self.schema(node, value, path, depth + 1)) is not None:
                return problem
        return None

    def allowed(self, values: list[Value]) -> frozenset[str]:
        """The values of an `enum`, as texts that are equal where JSON's values are. Made once a check."""
        if id(values) not in self._canonical:
            self._canonical[id(values)] = frozenset(map(self.canonical, values))
        return self._canonical[id(values)]

    def canonical(self, value: Value) -> str:
        """A text: hashes of texts cannot be made to collide, those of numbers can."""
        self.take(1)
        if isinstance(value, list):
            return "[" + ",".join(map(self.canonical, value)) + "]"
        if isinstance(value, dict):
            self.take(sum(map(len, value)) // 100)
            return "{" + ",".join(f"{key!r}:{self.canonical(item)}" for key, item in sorted(value.items())) + "}"
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, (str, bytes)):
            self.take(len(value) // 100)
            return repr(value)
        return hex(value) if type(value) is int else repr(value)


_Rule: TypeAlias = Callable[[_Check, Any, Value, Path, int, dict[str, Any]], Problem | None]


def _type(_: _Check, rule: str | list[str], value: Value, path: Path, __: int, ___: dict[str, Any]) -> Problem | None:
    names = rule if isinstance(rule, list) else [rule]
    if any(_is(name, value) for name in names):
        return None
    is_not_finite = isinstance(value, float) and not math.isfinite(value)
    found = "not finite" if is_not_finite else "None" if value is None else with_article(type(value).__name__)
    return path, f"must be {' or '.join(_NAMES[name] for name in names)}, is {found}"


def _is(name: str, value: Value) -> bool:
    if name == "number":
        return _number(value) is not None
    if name == "integer":
        number = _number(value)
        return number is not None and (isinstance(number, int) or number.is_integer())
    kinds = {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None)}
    return type(value) is kinds[name]


def _number(value: Value) -> int | float | None:
    is_number = type(value) is int or (type(value) is float and math.isfinite(value))
    return value if is_number else None  # type: ignore[return-value]


def _enum(check: _Check, rule: list[Value], value: Value, path: Path, _: int, __: dict[str, Any]) -> Problem | None:
    if check.canonical(value) in check.allowed(rule):
        return None
    shown = ", ".join(_short(item) for item in rule[:10]) + (f" or one of {len(rule) - 10} more" if len(rule) > 10 else "")
    return path, f"must be one of {shown}" if len(rule) > 1 else f"must be {shown}"


def _const(check: _Check, rule: Value, value: Value, path: Path, _: int, __: dict[str, Any]) -> Problem | None:
    return None if check.canonical(value) == check.canonical(rule) else (path, f"must be {_short(rule)}")


def _ref(check: _Check, rule: str, value: Value, path: Path, depth: int, _: dict[str, Any]) -> Problem | None:
    return check.schema(check.refs[rule], value, path, depth + 1)


def _any_of(check: _Check, rule: list[Node], value: Value, path: Path, depth: int, _: dict[str, Any]) -> Problem | None:
    best: Problem | None = None
    for node in rule:
        problem = check.schema(node, value, path, depth + 1)
        if problem is None:
            return None
        # The one that goes deepest into the value is the one that was meant.
        if best is None or _length(problem[0]) > _length(best[0]):
            best = problem
    assert best is not None
    return best if best[0] is not path or len(rule) == 1 else (path, f"fits none of {len(rule)} alternatives: {best[1]}")


def _one_of(check: _Check, rule: list[Node], value: Value, path: Path, depth: int, node: dict[str, Any]) -> Problem | None:
    fitting = sum(check.schema(each, value, path, depth + 1) is None for each in rule)
    if fitting == 0:
        return _any_of(check, rule, value, path, depth, node)
    return None if fitting == 1 else (path, f"fits {fitting} of {len(rule)} alternatives, and may fit only one")


def _all_of(check: _Check, rule: list[Node], value: Value, path: Path, depth: int, _: dict[str, Any]) -> Problem | None:
    return check.all_of(rule, value, path, depth)


def _properties(check: _Check, rule: dict[str, Node], value: Value, path: Path, depth: int, _: dict[str, Any]) -> Problem | None:
    if not isinstance(value, dict):
        return None
    for key, node in rule.items():
        check.take(1)
        if key in value and (problem := check.schema(node, value[key], (path, key), depth + 1)) is not None:
            return problem
    return None


def _required(check: _Check, rule: list[str], value: Value, path: Path, _: int, __: dict[str, Any]) -> Problem | None:
    check.take(len(rule))
    missing = [key for key in rule if key not in value] if isinstance(value, dict) else []
    return (path, f"{_short(missing[0])} is missing") if missing else None


def _additional(check: _Check, rule: Node, value: Value, path: Path, depth: int, node: dict[str, Any]) -> Problem | None:
    if not isinstance(value, dict):
        return None
    known = node.get("properties", {})
    for key, item in value.items():
        check.take(1)
        if key in known:
            continue
        if rule is False:
            return path, f"{_short(key)} is not allowed" + (f"; known: {', '.join(map(_short, list(known)[:10]))}" if known else "")
        if (problem := check.schema(rule, item, (path, key), depth + 1)) is not None:
            return problem
    return None


def _property_names(check: _Check, rule: Node, value: Value, path: Path, depth: int, _: dict[str, Any]) -> Problem | None:
    for key in value if isinstance(value, dict) else ():
        if (problem := check.schema(rule, key, path, depth + 1)) is not None:
            return path, f"the key {_short(key)} {problem[1]}"
    return None


def _prefix_items(check: _Check, rule: list[Node], value: Value, path: Path, depth: int, _: dict[str, Any]) -> Problem | None:
    pairs = zip(rule, value, strict=False) if isinstance(value, list) else ()
    for index, (node, item) in enumerate(pairs):
        if (problem := check.schema(node, item, (path, index), depth + 1)) is not None:
            return problem
    return None


def _items(check: _Check, rule: Node, value: Value, path: Path, depth: int, node: dict[str, Any]) -> Problem | None:
    if not isinstance(value, list):
        return None
    for index in range(len(node.get("prefixItems", ())), len(value)):
        if (problem := check.schema(rule, value[index], (path, index), depth + 1)) is not None:
            return problem
    return None


def _unique(check: _Check, rule: bool, value: Value, path: Path, _: int, __: dict[str, Any]) -> Problem | None:
    is_wanted = rule and isinstance(value, list)
    return (path, "must hold no item twice") if is_wanted and len(set(map(check.canonical, value))) < len(value) else None  # type: ignore


def _multiple(check: _Check, rule: int | float, value: Value, path: Path, __: int, ___: dict[str, Any]) -> Problem | None:
    number = _number(value)
    if number is None:
        return None
    check.take(int(number).bit_length() // 100)
    # As written: 0.3 is a multiple of 0.1, though not the float of it.
    exact, of = (Fraction(repr(each)) if isinstance(each, float) else Fraction(each) for each in (number, rule))
    return None if exact % of == 0 else (path, f"must be a multiple of {rule}")


def _bound(words: str, fits: Callable[[int | float, int | float], bool]) -> _Rule:
    def rule_of(_: _Check, rule: int | float, value: Value, path: Path, __: int, ___: dict[str, Any]) -> Problem | None:
        number = _number(value)
        return None if number is None or fits(number, rule) else (path, f"must be {words} {_short(rule)}")

    return rule_of


def _size(kind: type, words: str, *, least: bool) -> _Rule:
    def rule_of(_: _Check, rule: int, value: Value, path: Path, __: int, ___: dict[str, Any]) -> Problem | None:
        if type(value) is not kind:
            return None
        size = len(value)  # type: ignore[arg-type]
        fits = size >= rule if least else size <= rule
        return None if fits else (path, f"must have at {'least' if least else 'most'} {rule} {words}, has {size}")

    return rule_of


_RULES: dict[str, _Rule] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "$ref": _ref,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "allOf": _all_of,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
    "propertyNames": _property_names,
    "prefixItems": _prefix_items,
    "items": _items,
    "uniqueItems": _unique,
    "multipleOf": _multiple,
    "minimum": _bound("at least", lambda number, rule: number >= rule),
    "maximum": _bound("at most", lambda number, rule: number <= rule),
    "exclusiveMinimum": _bound("greater than", lambda number, rule: number > rule),
    "exclusiveMaximum": _bound("less than", lambda number, rule: number < rule),
    "minLength": _size(str, "characters", least=True),
    "maxLength": _size(str, "characters", least=False),
    "minItems": _size(list, "items", least=True),
    "maxItems": _size(list, "items", least=False),
    "minProperties": _size(dict, "keys", least=True),
    "maxProperties": _size(dict, "keys", least=False),
}


def _length(path: Path) -> int:
    length = 0
    while path is not None:
        (path, _), length = path, length + 1
    return length


def _place(path: Path) -> str:
    parts: list[str] = []
    while path is not None:
        path, key = path
        is_name = isinstance(key, str) and len(key) <= 50 and key.isascii() and key.isidentifier()
        parts.append(f".{key}" if is_name else f"[{key}]" if isinstance(key, int) else f"[{_short(key)}]")
    return "".join(reversed(parts))


def _short(value: Value) -> str:
    """At most some 60 characters of a value, on one line."""
    if isinstance(value, (str, bytes)):
        return repr(value[:50]) + ("..." if len(value) > 50 else "")
    if isinstance(value, (list, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 150:
        return "a number of many digits"
    return repr(value)
