"""How a session gets back to where it was: its last checkpoint, and the cells since, run again with the same answers.

A session is deterministic (frozen clock, seeded randomness), so a cell run again with the recorded answers of its calls
leaves the same variables. That makes roll-back exact at any size of state, at no cost while nothing goes wrong;
checkpoints only bound how much has to run again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from ..limits import ExecLimits
from ..values import Value
from .wire import memory_file

Answered = tuple[Value, tuple[str, str] | None]
"""A call's value, or its error's kind and message."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One cell that ran, or one variable that was set."""

    code: str
    answers: tuple[Answered, ...] = ()
    limits: ExecLimits | None = None
    """What it ran under; a run again gets the same, and more time."""
    name: str | None = None
    value: Value = None


@dataclass
class History:
    """What a session has to do again. The checkpoint lies in a memory file that only workers of this session read."""

    checkpoint_bytes: int
    ran: list[Ran] = field(default_factory=list)
    seconds: float = 0.0
    """What the cells in `ran` took: how long a roll-back would take now."""
    given: int = 0
    """Bytes that the cells in `ran` were given: they are held here for a roll-back."""
    state: tuple[int, int] | None = None
    """Offset and size of the last good checkpoint."""
    fd: int = -1

    def __post_init__(self) -> None:
        self.fd = memory_file("cellblock-checkpoint", 2 * self.checkpoint_bytes)

    @property
    def spare_offset(self) -> int:
        """Where the next checkpoint goes: the half that does not hold the last good one."""
        return self.checkpoint_bytes if self.state is not None and self.state[0] == 0 else 0

    def add(self, ran: Ran, seconds: float, size: int = 0) -> None:
        """One more thing to do again: it took so many seconds, and was given so many bytes."""
        self.ran.append(ran)
        self.seconds += seconds
        self.given += size

    def saved(self, offset: int, size: int) -> None:
        """A checkpoint holds all so far."""
        self.state = (offset, size)
        self.ran.clear()
        self.seconds, self.given = 0.0, 0

    def copy(self) -> History:
        """An independent copy, its checkpoint included."""
        other = History(self.checkpoint_bytes, list(self.ran), self.seconds, self.given, self.state)
        if self.state is not None:
            os.pwrite(other.fd, self.read(), self.state[0])
        return other

    def read(self) -> bytes:
        """The last checkpoint's bytes; opaque. Empty where there is none."""
        return b"" if self.state is None else os.pread(self.fd, self.state[1], self.state[0])

    def close(self) -> None:
        """Free the memory file."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def open_frame(history: History, **fields: Any) -> dict[str, Any]:
    """The frame that begins a session, or goes on from the checkpoint."""
    return {"t": "open", "checkpoint_bytes": history.checkpoint_bytes, "state": history.state, **fields}
