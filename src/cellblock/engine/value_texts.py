"""The text of a final value."""

from __future__ import annotations

import msgspec

from ..values import Value


def answer_text(value: Value) -> str:
    """The text of a final value: a text is itself, containers are JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    try:
        return msgspec.json.encode(value).decode() if isinstance(value, (list, dict)) else str(value)
    except ValueError:
        # CPython writes out no int of more than 4,300 digits, and the caps are counted in bits.
        return "(a number of too many digits)"
