"""Values of cells and models that pydantic is to validate: bounded before, since what its work may cost is not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..values import Value

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MAX_NESTING = 12
"""Where a type refers to itself in several ways, validation tries all of them at each level."""
MAX_LARGE_NUMBERS = 1_000
"""Of those whose hashes can be made to collide, which a set then compares each with each: fifty thousand of them took a minute."""
MAX_KEY_CHARS = 16_000_000
"""Of the keys on the way to each value, of all values together: each that does not fit is noted with all of its way."""
MAX_CHECKS = 500_000
"""Lists and dicts of a value, times parts of its type: each of them may be tried on each, and misses noted. A tenth of a second."""
MANY_PROBLEMS = 1_000
"""More than that are counted, and none of them told."""
_LARGE_BITS = 60
_NUMBER = re.compile(r"[\s\d+\-_.eE]{19,10000}")
_HASHED = ("'type': 'set'", "'type': 'frozenset'", "'keys_schema'")
_Holder: TypeAlias = list[Value] | dict[str, Value]


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What a type may do to a value."""

    hashes: bool
    """It may put numbers into a set, or make them keys of a dict."""
    parts: int
    """Types that it is made of."""

    @classmethod
    def of(cls, adapter: TypeAdapter[Any]) -> Work:
        """Of what validates the type."""
        schema = str(adapter.core_schema)
        text = schema.replace("'keys_schema': {'type': 'str'}", "")
        return cls(hashes=any(word in text for word in _HASHED), parts=schema.count("'type': '"))


def refused(value: Value, work: Work) -> str | None:
    """Why a value is not validated, as what follows "it is"; None if it is."""
    level: list[tuple[_Holder, int]] = [(value, 0)] if isinstance(value, (list, dict)) else []
    large = chars = holders = 0
    for _ in range(MAX_NESTING):
        holders += len(level)
        if holders * work.parts > MAX_CHECKS:
            return f"made of more than {MAX_CHECKS // work.parts:,} lists and dicts, too many for its type; send fewer"
        level = [(holder, way) for holder, way in level if holder]
        for holder, way in level:
            large += sum(map(_is_large, _items(holder))) if work.hashes else 0
            chars += way * len(holder) + (sum(map(len, holder)) if isinstance(holder, dict) else 0)
            if large > MAX_LARGE_NUMBERS:
                return f"made of more than {MAX_LARGE_NUMBERS:,} numbers of more than 18 digits; send fewer"
            if chars > MAX_KEY_CHARS:
                return "made of too many values under long keys; shorten the keys, or send fewer"
        level = [inner for holder, way in level for inner in _inner(holder, way)]
        if not level:
            return None
    return f"nested more than {MAX_NESTING} deep; flatten it"


def _items(holder: _Holder) -> list[Value]:
    return [*holder, *holder.values()] if isinstance(holder, dict) else holder


def _inner(holder: _Holder, way: int) -> list[tuple[_Holder, int]]:
    """What is in it and holds something, each with the characters of all keys on the way there."""
    if isinstance(holder, dict):
        return [(item, way + len(key)) for key, item in holder.items() if isinstance(item, (list, dict))]
    return [(item, way) for item in holder if isinstance(item, (list, dict))]


def _is_large(value: Value) -> bool:
    if isinstance(value, int):
        return value.bit_length() > _LARGE_BITS
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None
