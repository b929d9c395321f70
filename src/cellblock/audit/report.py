"""What an audit came to: figures by system and class, what was found, whether the controls showed that it can see, and the exit code."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

from .attempts import CLASSES
from .judging import Outcome
from .overseen import can_enter
from .runner import Result
from .system import Walls

FINDINGS = (Outcome.ESCAPED, Outcome.CRASHED, Outcome.OVERRUN)
SEEN_BY_CONTROLS = (
    "the secret file",
    "the secret variable",
    "the host's memory",
    "connections to",
    "must not appear",
    "must not run",
    "died",
)
"""A word of each kind of finding that attempts on a control have to bring about, or the audit would not see it elsewhere either."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One class on one system."""

    kind: str
    outcomes: dict[str, int]
    seconds: float
    """Of the slowest attempt."""
    memory_bytes: int
    """Of the largest."""
    lag_seconds: float

    @property
    def tried(self) -> int:
        """Attempts that were applicable."""
        return sum(self.outcomes.values()) - self.outcomes.get(Outcome.NOT_APPLICABLE, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One system, with both walls or one, and what became of each attempt."""

    system: str
    walls: Walls
    is_control: bool
    results: Sequence[Result]
    seconds: float

    def rows(self) -> list[Row]:
        """Figures by class."""
        return [row_of(kind, mine) for kind in CLASSES if (mine := [result for result in self.results if result.kind == kind])]

    def findings(self) -> list[Result]:
        """What was not contained."""
        return [result for result in self.results if result.outcome in FINDINGS]

    @property
    def title(self) -> str:
        """What was attacked, in words."""
        return f"{self.system} (a control: no sandbox)" if self.is_control else self.system


def row_of(kind: str, results: Sequence[Result]) -> Row:
    """The figures of some results."""
    return Row(
        kind=kind,
        outcomes=dict(Counter(str(result.outcome) for result in results)),
        seconds=max(result.seconds for result in results),
        memory_bytes=max(result.memory_bytes for result in results),
        lag_seconds=max(result.lag_seconds for result in results),
    )


@dataclass(kw_only=True, slots=True)
class Report:
    """A whole audit."""

    parts: list[Part] = field(default_factory=list)

    def escaped(self) -> list[Result]:
        """From a sandbox, with whatever walls."""
        return [result for result in self._found() if result.outcome is Outcome.ESCAPED]

    def findings(self) -> list[Result]:
        """Of the sandboxes."""
        return list(self._found())

    def unseen(self) -> list[str]:
        """What attempts on controls should have brought about and did not: such an audit is blind. Empty where no control was asked for."""
        controls = [part for part in self.parts if part.is_control]
        reasons = " ".join(why for part in controls for result in part.findings() for why in result.why)
        silent = [f"nothing escaped from {part.system}" for part in controls if not any(r.outcome is Outcome.ESCAPED for r in part.results)]
        return [*silent, *(f"no control showed: {word}" for word in SEEN_BY_CONTROLS if word not in reasons)] if controls else []

    @property
    def exit_code(self) -> int:
        """1 on an escape, a crash of the host or an overrun, or where the controls show that the audit is blind; else 0."""
        return 1 if self.findings() or self.unseen() else 0

    def fields(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "cellblock": version("cellblock"),
            "machine": machine(),
            "escaped": len(self.escaped()),
            "findings": len(self.findings()),
            "unseen_by_controls": self.unseen(),
            "systems": [_fields(part) for part in self.parts],
        }

    def _found(self) -> Iterable[Result]:
        return (result for part in self.parts if not part.is_control for result in part.findings())


def machine() -> dict[str, str]:
    """Where it was: what an isolation depends on."""
    return {
        "kernel": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "user": "root" if os.geteuid() == 0 else "an ordinary user" + (", in user namespaces where a jail stands" if can_enter() else ""),
    }


def _fields(part: Part) -> dict[str, Any]:
    return {
        "system": part.system,
        "walls": part.walls,
        "control": part.is_control,
        "seconds": round(part.seconds, 1),
        "classes": {
            row.kind: {**row.outcomes, "slowest_seconds": round(row.seconds, 3), "peak_memory_bytes": row.memory_bytes}
            for row in part.rows()
        },
        "attempts": [asdict(result) for result in part.results],
    }
