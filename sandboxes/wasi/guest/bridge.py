"""The way out of the guest: calls of externals, and the interrupt that ends a cell.

A cell can reach and change all of this; the worker believes nothing that comes from here.
"""

from __future__ import annotations

import builtins
import signal
from types import FrameType
from typing import Any

import wit_world

from names import plain
from wasi.values import ERROR, TEXT, pack, sendable, unpack

PRINT = "print"
"""The one call that is no external: takes printed text."""
PIECE_CHARS = 2**15
"""Printed text leaves the guest in pieces of about so many characters, so that a flood of it needs no memory here."""


class CellTimeout(BaseException):
    """The cell is over its time. No `Exception`: ordinary handlers do not take it."""


class State:
    """Where the guest is, for the interrupt, and what the cell has printed so far."""

    in_cell = False
    in_glue = False
    """Inside the bindings, which an exception would tear apart."""
    pending = False
    printed: list[str] = []  # noqa: RUF012 - there is one State, and it is never made
    printed_chars = 0
    shown: str | None = None


def on_interrupt(_number: int, _frame: FrameType | None, state: type[State] = State) -> None:
    """Raise `CellTimeout` in the cell, and only there."""
    if not state.in_cell:
        return
    if state.in_glue:
        state.pending = True
        return
    raise CellTimeout


def listen() -> None:
    """Take interrupts; the worker trips them as if Ctrl-C was pressed."""
    signal.signal(signal.SIGINT, on_interrupt)


def host(name: str, payload: str, state: type[State] = State) -> tuple[int, str]:
    """One call of the host, with a sendable text."""
    state.in_glue = True
    try:
        return wit_world.host_call(name, payload)  # type: ignore[no-any-return]
    finally:
        state.in_glue = False
        if state.pending:
            state.pending = False
            raise CellTimeout


def call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call an external by its flat name; its error rises here as the built-in exception of that name."""
    try:
        payload = pack([args, kwargs])
    except TypeError:
        payload = pack([tuple(map(plain, args)), {key: plain(value) for key, value in kwargs.items()}])
    flush()
    kind, text = host(name, payload)
    if kind == TEXT:
        return text
    value = unpack(text)
    if kind == ERROR:
        raise _error(*value)
    return value


def _error(kind: str, message: str) -> Exception:
    found = getattr(builtins, kind, None)
    if isinstance(found, type) and issubclass(found, Exception):
        try:
            return found(message)
        except TypeError:  # one that takes more than a message
            pass
    return RuntimeError(f"{kind}: {message}")


def write(text: str) -> None:
    """Take printed text."""
    state = State
    state.printed.append(text)
    state.printed_chars += len(text)
    if state.printed_chars > PIECE_CHARS:
        flush()


def take_printed() -> str:
    """What was printed and has not left yet."""
    text, State.printed = "".join(State.printed), []
    State.printed_chars = 0
    return text


def flush() -> None:
    """Send what was printed."""
    if State.printed:
        text = take_printed()
        for start in range(0, len(text), 2**20):
            piece = text[start : start + 2**20]
            host(PRINT, piece if sendable(piece) else piece.encode("utf-8", "backslashreplace").decode())
