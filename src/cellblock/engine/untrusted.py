"""Values of cells and models that pydantic is to validate: bounded before, since what its work may cost is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..values import Value

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MAX_NESTING = 12
"""Where a type refers to itself in several ways, validation tries all of them at each level."""
MAX_LARGE_NUMBERS = 1_000
"""Of those whose hashes can be made to collide, which a set then compares each with each: fifty thousand of them took a minute."""
MANY_PROBLEMS = 1_000
"""More than that are counted, and none of them told."""
_LARGE_BITS = 60
_NUMBER = re.compile(r"[\s\d+\-_.eE]{19,10000}")
_HASHED = ("'type': 'set'", "'type': 'frozenset'", "'keys_schema'")


def hashes_numbers(adapter: TypeAdapter[Any]) -> bool:
    """Whether what it makes of a value may hold numbers in a set, or as keys of a dict."""
    text = str(adapter.core_schema).replace("'keys_schema': {'type': 'str'}", "")
    return any(word in text for word in _HASHED)


def refused(value: Value, *, hashed: bool) -> str | None:
    """Why a value is not validated, as what follows "it is"; None if it is.

    Args:
        hashed: numbers in it are.
    """
    level, large = [value], 0
    for _ in range(MAX_NESTING + 1):
        if hashed and (large := large + sum(map(_is_large, level))) > MAX_LARGE_NUMBERS:
            return f"made of more than {MAX_LARGE_NUMBERS:,} numbers of more than 18 digits; send fewer"
        level = [item for holder in level if isinstance(holder, (list, dict)) for item in _items(holder)]
        if not level:
            return None
    return f"nested more than {MAX_NESTING} deep; flatten it"


def _items(holder: list[Value] | dict[str, Value]) -> list[Value]:
    return [*holder, *holder.values()] if isinstance(holder, dict) else holder


def _is_large(value: Value) -> bool:
    if isinstance(value, int):
        return value.bit_length() > _LARGE_BITS
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None
