"""What is read from a journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

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
