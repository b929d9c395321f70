"""What the throw-away process tells the auditor: plain data, and no word about whether anything was contained."""

from __future__ import annotations

from typing import Any

import msgspec

from .attempts import Attempt
from .canaries import Planted

TEXT_CHARS = 200_000
"""Of one text; what a sandbox lets out beyond that is judged by its length."""
MESSAGE_BYTES = 64 * 2**20
"""Of one message: more is not read, and the process is ended."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the throw-away process is started with."""

    system: str
    walls: str
    planted: Planted | None = None
    wall_seconds: float
    memory_bytes: int
    external: str = "echo"


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """A text that came out."""

    session: str
    what: str
    """`printed`, `value`, `error`, `argument`, `snapshot`, `answer`, `prompt`, `journal`, `screen` …"""
    text: str
    chars: int


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """How long one step took that has a limit: host calls excluded."""

    seconds: float
    allowed: float
    what: str = "the cell"


class Evidence(msgspec.Struct, kw_only=True):
    """What one attempt came to."""

    came: list[Came] = []
    timed: list[Timed] = []
    value: str | None = None
    """Of the last cell: its value, None where it has none."""
    error: str | None = None
    """Of the last cell: kind and message, None where it has none."""
    answer: str | None = None
    """Of a run, None where it came to none."""
    refused: list[str] = []
    """Errors of ours."""
    crashed: list[str] = []
    """Exceptions that are not ours: they would end a host that trusts us."""
    wiped: list[str] = []
    calls: int = 0
    """Calls that reached the host; the most of one cell."""
    output_chars: int = 0
    """That the host was given of one cell, the most."""
    lag_seconds: float = 0.0
    """The longest that the event loop stood still."""
    allowed_bytes: int = 0
    """Of memory that the sessions open at once might hold, with the states that were kept; the most."""
    unequal: list[str] = []
    """What should have been the same and was not."""
    leftover: int = 0
    """Processes that outlived their session."""
    not_applicable: str | None = None
    not_made: str | None = None
    """Why no session opened to make the attempt in."""

    def add(self, session: str, what: str, text: str) -> None:
        """A text came out."""
        self.came.append(Came(session=session, what=what, text=text[:TEXT_CHARS], chars=len(text)))

    def take(self, other: Evidence) -> None:
        """What one step came to, told by whoever performed it."""
        for name in ("came", "timed", "refused", "crashed", "wiped", "unequal"):
            getattr(self, name).extend(getattr(other, name))
        self.value, self.error, self.answer = other.value, other.error, other.answer
        self.calls, self.allowed_bytes = max(self.calls, other.calls), max(self.allowed_bytes, other.allowed_bytes)


class Message(msgspec.Struct, kw_only=True):
    """From the throw-away process: it stands ready; the sessions of an attempt are open; an attempt is over."""

    ready: bool = False
    unavailable: str | None = None
    """It cannot stand here at all: why."""
    began: bool = False
    evidence: Evidence | None = None


class Request(msgspec.Struct, kw_only=True):
    """To the throw-away process."""

    attempt: dict[str, Any]
    id: str

    def read(self) -> Attempt:
        """The attempt."""
        return msgspec.convert({**self.attempt, "id": self.id}, Attempt)
