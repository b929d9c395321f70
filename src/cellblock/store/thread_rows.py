"""What is read of threads, and what their columns have to hold for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import StoreError
from .codec import unpack
from .rows import NUMBER, OPTIONAL_TEXT, Kinds

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class ThreadRow:
    """One thread."""

    name: str
    created: float
    """Unix time in seconds, like `updated`."""
    updated: float
    turns: int
    documents: int
    chars: int
    """Of all documents."""
    pending: str | None
    """The run of its last question, as long as that has no answer."""
    pending_documents: int | None
    """How many documents there were for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentRow:
    """One document of a thread."""

    n: int
    """From 0, in the order in which they were added."""
    title: str
    """Its name, empty where it has none."""
    chars: int
    blobs: tuple[str, ...]
    """Ids of its parts."""
    added: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnRow:
    """One question and its answer."""

    n: int = 0
    """From 0."""
    question: str
    answer: str
    value: Any
    """The answer with its type."""
    success: bool
    """Whether the answer was accepted; else it is a partial one."""
    run_id: str
    asked: float
    """Unix time in seconds."""
    seconds: float
    """Until the answer was there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ThreadState:
    """Where a thread's session goes on from."""

    snapshot: bytes | None
    left_out: Mapping[str, str]
    """Variables that could not be kept, and why."""


THREAD: Mapping[str, Kinds] = {
    "name": str,
    "created": NUMBER,
    "updated": NUMBER,
    "turns": int,
    "documents": int,
    "chars": int,
    "pending": OPTIONAL_TEXT,
    "pending_documents": (int, type(None)),
}
STATE: Mapping[str, Kinds] = {"snapshot": OPTIONAL_TEXT, "left_out": (bytes, type(None))}
DOCUMENT: Mapping[str, Kinds] = {"n": int, "title": bytes, "chars": int, "blob": str, "added": NUMBER}
TURN: Mapping[str, Kinds] = {
    "n": int,
    "question": bytes,
    "answer": bytes,
    "value": bytes,
    "run_id": str,
    "asked": NUMBER,
    "seconds": NUMBER,
}


def turn_of(place: str, row: Sequence[Any]) -> TurnRow:
    """A row of `TURN`.

    Raises:
        StoreError: it is damaged.
    """
    n, question, answer, value, run_id, asked, seconds = row
    told = unpacked(place, value, dict)
    if not isinstance(told.get("success"), bool):
        raise StoreError(f"{place}: the journal is damaged: thread_turns.value holds no answer")
    return TurnRow(
        n=n,
        question=unpacked(place, question, str),
        answer=unpacked(place, answer, str),
        value=told.get("value"),
        success=told["success"],
        run_id=run_id,
        asked=asked,
        seconds=seconds,
    )


def state_of(place: str, snapshot: bytes | None, packed: bytes | None) -> ThreadState:
    """Where a question goes on from.

    Raises:
        StoreError: it is damaged.
    """
    left_out = {} if packed is None else unpacked(place, packed, dict)
    if not all(isinstance(word, str) for pair in left_out.items() for word in pair):
        raise StoreError(f"{place}: the journal is damaged: threads.left_out holds no names")
    return ThreadState(snapshot=snapshot, left_out=left_out)


def unpacked(place: str, data: bytes, kind: type[T]) -> T:
    """What was packed, if it is of that kind.

    Raises:
        StoreError: it is not.
    """
    try:
        found = unpack(data)
    except ValueError as error:
        raise StoreError(f"{place}: the journal is damaged: {error}") from error
    if not isinstance(found, kind):
        raise StoreError(f"{place}: the journal is damaged: a thread holds something else where {kind.__name__} belongs")
    return found
