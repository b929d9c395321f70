"""What an attempt left behind: evidence as plain data, for whoever judges it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """How long one thing took that has a limit."""

    seconds: float
    allowed: float
    what: str = "the cell"


@dataclass(kw_only=True, slots=True)
class Evidence:
    """What one attempt came to."""

    came: list[tuple[str, str, str]] = field(default_factory=list)
    timed: list[Timed] = field(default_factory=list)
    value: str | None = None
    error: str | None = None
    answer: str | None = None
    refused: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)
    calls: int = 0

    def add(self, session: str, what: str, text: str) -> None:
        """A text came out."""
        self.came.append((session, what, text))
