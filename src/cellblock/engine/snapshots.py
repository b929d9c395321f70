"""When a session's state is kept beside the journal, and where: so that a run that was cut off has less to do again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..limits import check_limits
from ..repl.history import Ran
from ..store.blobs import Packed


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotPolicy:
    """After which cells a session's state is kept. Without one, a run that goes on runs its cells again, with the answers on record.

    Raises:
        ConfigError: a field is not a finite number greater than 0.
    """

    every: int | None = None
    """Cells: 1 keeps the state after each. None goes by time and size alone."""
    after_seconds: float = 2.0
    """Once the cells since the last one took longer than this."""
    after_bytes: int = 16 * 2**20
    """Once they were answered more than this."""
    max_bytes: int = 64 * 2**20
    """A larger state is not kept."""

    def __post_init__(self) -> None:
        check_limits(self)

    def due(self, cells: int, seconds: float, answered: int) -> bool:
        """Whether the state is to be kept, so many cells, seconds and bytes after the last one."""
        return (self.every is not None and cells >= self.every) or seconds > self.after_seconds or answered > self.after_bytes


class Blobs(Protocol):
    """Where states are kept; see `store.blobs`."""

    def put(self, data: bytes | Packed, *, kind: str, owner: str, name: str) -> str:
        """Keep it for this owner under this name, and return its id."""
        ...

    def get(self, blob_id: str) -> bytes:
        """What was kept."""
        ...

    def links(self, owner: str) -> dict[str, str]:
        """The ids of what is kept for an owner, by name."""
        ...

    def unlink(self, owner: str, name: str | None = None) -> None:
        """Keep it no longer."""
        ...


def answered_bytes(ran: Ran) -> int:
    """About how much a cell was answered."""
    return sum(len(value) for value, _ in ran.answers if isinstance(value, (str, bytes, list)))
