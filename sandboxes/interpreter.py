"""What every sandbox's interpreter has to offer its worker, and what passes between the two."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import msgspec

from frames import Caps

INTERRUPT = signal.SIGUSR1
"""The host sends it when the running cell used up a soft limit; see `Worker.interrupt_wanted`."""
INTERRUPTED = "interrupted"
"""The limit of an `Outcome` that ended so; the host knows which one it was."""


class Interrupted(BaseException):
    """Raised inside a cell at a soft limit. No name of it is within a cell's reach."""


class GuestError(Exception):
    """To be raised inside the cell as the built-in exception `kind`."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind, self.message = kind, message[:2_000]
        super().__init__(kind, self.message)


@dataclass
class Outcome:
    """How the interpreter got on with one cell."""

    preview: str | None = None
    error: tuple[str, str, int | None] | None = None
    limit: str | None = None
    """The limit that ended it: a field of the host's `ExecLimits`, or `INTERRUPTED`; None for an ordinary error."""
    lost: bool = False
    """The variables are gone, or no longer to be trusted: the host goes back to the state before this cell."""


Buffer: TypeAlias = "bytes | bytearray | memoryview"


@dataclass(frozen=True)
class Movable:
    """A piece of a dump that need not be in memory twice: its memory can be the dump's file from then on."""

    view: memoryview
    move: Callable[[int, int], object]
    """Given the file's descriptor and where in it the piece lies. The file is never written again."""

    def __len__(self) -> int:
        return len(self.view)


Piece: TypeAlias = "Buffer | Movable"
Dispatch = Callable[[str, tuple[Any, ...], dict[str, Any]], Any]


class Interpreter(Protocol):
    """Wall 1: what runs cells. Its methods raise `GuestError` where the host asked for something that is not there."""

    def open(self, request: OpenRequest, inputs: dict[str, Any]) -> None:
        """Begin a session: seed, clock, names of far functions, first variables."""
        ...

    def run(self, code: str, dispatch: Dispatch, *, inputs: Mapping[str, Any], write: Callable[[str], None], shows: bool) -> Outcome:
        """Run one cell with `inputs` bound first; `dispatch` answers its calls, `write` takes what it prints.

        `shows` says that its last expression gives the text of the preview.
        """
        ...

    def names(self) -> list[str]:
        """Top-level names that are bound now."""
        ...

    def get(self, name: str) -> Any:
        """A variable's value, as plain Python data."""
        ...

    def dump(self, *, keeps: bool) -> tuple[Sequence[Piece], dict[str, str]]:
        """The whole state between cells, in pieces, and what is not in it: each such variable's name, and why.

        `keeps` says that the dump's file stays as long as this session goes on, so that memory may become it; see `Movable`.
        """
        ...

    def load(self, request: OpenRequest, inputs: dict[str, Any], state: memoryview) -> None:
        """Become the session that `dump` saved, in place of `open`'s fresh state. `state` is gone afterwards."""
        ...


class OpenRequest(msgspec.Struct, frozen=True):
    """The host's first frame."""

    far: list[str]
    caps: Caps
    mail_bytes: int
    seed: int
    clock: float
    has_context: bool
    state_bytes: int | None = None
    """Size of the saved state to go on from, whose descriptor comes last; None for a fresh session."""
    state_place: tuple[int, int] | None = None
    """Filled in by the worker: the descriptor of that file, open until `load` returns, and where the interpreter's part begins: at a
    multiple of the page size, so that it can be mapped. Nobody writes to the file any more."""
