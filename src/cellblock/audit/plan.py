"""What an audit attacks, in which order: the sandboxes, each wall alone, the controls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .attempts import Attempt
from .report import Part, Report
from .runner import Audit, Result
from .system import Walls
from .systems import CONTROLS, find_system

ALONE = "A"
"""The class that is tried on each wall alone."""
ON_CONTROLS = ("A/", "B/")
"""Attempts that are made on what is no sandbox. What fills memory and processors there would fill yours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A system, and what is tried on it."""

    name: str
    walls: Walls
    attempts: Sequence[Attempt]


def trials(attempts: Sequence[Attempt], names: Sequence[str], *, walls: Sequence[Walls], controls: bool) -> Iterator[Trial]:
    """All of them.

    Args:
        names: what is attacked.
        walls: which stand; `jail` is tried once, since plain CPython is in it whatever the sandbox.
        controls: with the controls.
    """
    alone = [attempt for attempt in attempts if attempt.kind == ALONE]
    sandboxes = [name for name in names if ":" not in name and name not in CONTROLS]
    if "both" in walls:
        yield from (Trial(name=name, walls="both", attempts=attempts) for name in names)
    if "interpreter" in walls and alone:
        yield from (Trial(name=name, walls="interpreter", attempts=alone) for name in sandboxes)
    if "jail" in walls and alone:
        yield from (Trial(name=name, walls="jail", attempts=alone) for name in sandboxes[:1])
    on_controls = [attempt for attempt in attempts if attempt.id.startswith(ON_CONTROLS)]
    if controls and on_controls:
        yield from (Trial(name=name, walls="both", attempts=on_controls) for name in CONTROLS if name not in names)


def audited(audit: Audit, planned: Sequence[Trial], tell: Callable[[Trial, Result], None]) -> Report:
    """Make them all.

    Raises:
        ConfigError: there is no such system.
        SandboxUnavailable: one does not start here.
    """
    report = Report()
    for trial in planned:
        system, started = find_system(trial.name, trial.walls), time.monotonic()
        results = audit.run(trial.name, trial.attempts, walls=trial.walls, tell=lambda result, trial=trial: tell(trial, result))  # type: ignore[misc]
        taken = time.monotonic() - started
        report.parts.append(Part(system=system.name, walls=trial.walls, is_control=system.is_control, results=results, seconds=taken))
    return report
