"""The contract of a session, and what one exec gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ..limits import ExecLimits
from ..values import Value

External = Callable[..., Awaitable[Value] | Value]
"""A far function: takes plain values, returns one. One that is not async holds up the event loop while it works.

What it raises reaches the cell as `RuntimeError` with a redacted text, except `CellError`, whose kind and message are meant
for the cell.
"""


class ContextFile(Protocol):
    """A run's context as far as sessions care: a sealed memory file that workers map read-only."""

    @property
    def fd(self) -> int:
        """Its descriptor, open for as long as sessions are opened with it."""
        ...


class CellError(Exception):
    """Raised by an external to put an exception of a chosen kind and message into the cell.

    `kind` is a built-in exception's name that every sandbox knows, such as `ValueError` or `RuntimeError`.
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind, self.message = kind, message
        super().__init__(f"{kind}: {message}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecError:
    """Why a cell did not run to its end. Data from the guest: show it, never interpret it."""

    kind: str
    """The exception's type name, such as `ZeroDivisionError`; `LimitExceeded` for a limit."""
    message: str
    line: int | None = None
    """1-based line in the cell, None where unknown."""
    limit: str | None = None
    """The field of `ExecLimits` that was passed, None for an ordinary exception."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecUsage:
    """What one exec used."""

    wall_seconds: float = 0.0
    """The cell's own time, host calls excluded."""
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    host_calls: int = 0
    near_calls: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecResult:
    """What one cell did. A failing cell is a result, and so is a passed limit."""

    stdout: str = ""
    """Printed text, head and tail if it was clipped."""
    stdout_dropped: int = 0
    """Characters left out of `stdout`."""
    value_preview: str | None = None
    """Bounded `repr` of the last expression, None if there was none or it was None."""
    error: ExecError | None = None
    changed: tuple[str, ...] = ()
    """Top-level names that the cell bound, sorted."""
    has_final: bool = False
    final: Value = None
    """The value given to `FINAL(…)` or named by `FINAL_VAR(…)`, if `has_final`."""
    state: Literal["kept", "rolled_back"] = "kept"
    """`rolled_back`: variables are as they were before this cell."""
    usage: ExecUsage = field(default_factory=ExecUsage)


class REPLProtocol(Protocol):
    """One live session. Variables persist from cell to cell."""

    async def exec(self, code: str, *, limits: ExecLimits | None = None) -> ExecResult:
        """Run one cell whole. None takes the limits that the session was opened with.

        Raises:
            SandboxBroken: the worker lied or died and could not be replaced; the session is closed.
            ConfigError: the session is closed, or busy with another call.
        """
        ...

    async def get(self, name: str) -> Value:
        """The value of a top-level variable, copied out.

        Raises:
            LookupError: there is no such variable.
            TypeError: its value is not plain data.
        """
        ...

    async def set(self, name: str, value: Value) -> None:
        """Bind a top-level variable to a copy of `value`.

        Raises:
            TypeError: `value` is not plain data, or too large.
        """
        ...

    async def dump(self) -> bytes:
        """State between cells: bytes that `open_session(…, snapshot=…)` of the same sandbox, version and tenant goes on from.

        `left_out` names the variables that could not be carried. The work is done in a thread.

        Raises:
            SandboxError: it is too large to be written; the session goes on.
        """
        ...

    async def fork(self) -> REPLProtocol:
        """An independent copy with the same variables.

        Raises:
            LimitExceeded: the session and its forks are too many already; close one.
        """
        ...

    async def aclose(self) -> None:
        """Kill the worker and free everything. Harmless when called twice."""
        ...
