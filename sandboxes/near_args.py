"""Checks of what a cell passes to a near function: exact types, and errors that say what to do."""

from __future__ import annotations

from typing import Any

MAX_ITEMS = 100_000
"""Matches, chunks or lines that one call may return."""
MAX_CHARS = 32 * 2**20
"""Characters that one call may return in a list. A single text is bounded by the worker's memory alone."""


def text(name: str, value: Any) -> str:
    """`value`, which must be a str."""
    if type(value) is not str:
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    return value


def integer(name: str, value: Any, *, least: int | None = None, most: int | None = None) -> int:
    """`value`, which must be an int (a bool is none) from `least` to `most`."""
    if type(value) is not int:
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if least is not None and value < least:
        raise ValueError(f"{name}={_short(value)}: must be at least {least:,}")
    if most is not None and value > most:
        raise ValueError(f"{name}={_short(value)}: must be at most {most:,}")
    return value


def index(name: str, value: Any) -> int | None:
    """`value`, which must be an int or None."""
    return None if value is None else integer(name, value)


def flag(name: str, value: Any) -> bool:
    """`value`, which must be a bool."""
    if type(value) is not bool:
        raise TypeError(f"{name} must be True or False, not {type(value).__name__}")
    return value


def bounded(what: str, chars: int, items: int, instead: str) -> None:
    """Refuse a list of more than MAX_ITEMS items or MAX_CHARS characters, before it is built."""
    if items > MAX_ITEMS:
        raise ValueError(f"{what} gives {items:,} items; at most {MAX_ITEMS:,} are returned: {instead}")
    if chars > MAX_CHARS:
        raise ValueError(f"{what} gives {chars:,} characters; at most {MAX_CHARS:,} are returned: {instead}")


def _short(value: int) -> str:
    # An int of a million digits takes seconds to write out, and Python refuses it.
    return f"{value}" if value.bit_length() < 128 else f"an int of {value.bit_length():,} bits"
