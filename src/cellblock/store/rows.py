"""What is read from a journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import StoreError

Status = Literal["running", "ended", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    """One run or child run."""

    run_id: str
    parent: str | None
    status: Status
    """`running` also after the process was killed."""
    started: float
    """Unix time in seconds, like the others."""
    ended: float | None
    task: Any
    """What was asked, and under which settings: plain data."""
    result: Any
    """How it ended: plain data; None while `running`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectRow:
    """One effect of one run."""

    run_id: str
    seq: int
    """From 0, in the order in which the effects began."""
    kind: str
    key: str
    """Stable within the run: the same when the run is replayed."""
    payload: Any
    outcome: Any
    """None where `ended` is None: it never ended."""
    started: float
    ended: float | None


Kinds = type | tuple[type, ...]
OPTIONAL_TEXT = (str, type(None))
OPTIONAL_NUMBER = (float, int, type(None))
NUMBER = (float, int)


def as_declared(place: str, table: str, columns: Mapping[str, Kinds], row: Sequence[Any]) -> Sequence[Any]:
    """The row. SQLite keeps what is written into a column, whatever the table says of it, and anybody can write a file.

    Raises:
        StoreError: something in it is of another kind than its column.
    """
    for value, (name, kinds) in zip(row, columns.items(), strict=True):
        if not isinstance(value, kinds):
            raise StoreError(f"{place}: the journal is damaged: {table}.{name} holds {_KIND_WORDS.get(type(value), 'something else')}")
    return row


_KIND_WORDS: dict[type, str] = {str: "text", bytes: "bytes", int: "a whole number", float: "a number", type(None): "nothing"}
