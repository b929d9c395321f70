"""How a session gets back to where it was: its base, and the cells since, run again with the same answers.

A session is deterministic (frozen clock, seeded randomness), so a cell run again with the recorded answers of its calls
leaves the same variables. That makes roll-back exact at any size of state, at no cost while nothing goes wrong;
a new base only bounds how much has to run again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..limits import ExecLimits
from ..values import Value
from .base import Base

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
    seconds: float = 0.0
    """What it took."""


@dataclass
class History:
    """What a session has to do again."""

    base: Base | None = None
    """None: a fresh session."""
    ran: list[Ran] = field(default_factory=list)
    seconds: float = 0.0
    """What the cells in `ran` took: how long a roll-back would take now."""
    given: int = 0
    """Bytes that the cells in `ran` were given: they are held here for a roll-back."""
    is_lost: bool = False
    """It grew too large, and no base could be had: what was done cannot be done again."""

    def give_up(self) -> None:
        """Hold nothing any more: the session goes on for as long as its worker does."""
        self.close()
        self.ran.clear()
        self.is_lost = True

    def add(self, ran: Ran, size: int = 0) -> None:
        """One more thing to do again, which was given so many bytes."""
        self.ran.append(ran)
        self.seconds += ran.seconds
        self.given += size

    def rest_on(self, base: Base) -> None:
        """All so far is in `base`."""
        self.close()
        self.base = base
        self.ran.clear()
        self.seconds, self.given, self.is_lost = 0.0, 0, False

    def copy(self) -> History:
        """An independent copy on the same base."""
        return History(self.base and self.base.share(), list(self.ran), self.seconds, self.given, self.is_lost)

    def close(self) -> None:
        """Let go of the base."""
        if self.base is not None:
            self.base.release()
            self.base = None
