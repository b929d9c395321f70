"""Outcomes as they stand in a journal, and back: results of cells, failures, usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .. import errors
from ..errors import BudgetExceeded, CellblockError, ModelError
from ..models.protocol import Usage
from ..repl.history import Answered, Ran
from ..repl.protocol import ExecError, ExecResult, ExecUsage
from .asking import cleaned

ERROR_CHARS = 2_000
CLOCK = "wall_seconds"
"""The limit that is passed by waiting."""
_TIMED = frozenset({"usage", "spent", "seconds", "saved"})
"""What differs from one performance to the next."""
_TIME_LIMITS = frozenset({"wall_seconds", "cpu_seconds", "memory_bytes"})
"""Limits that stop a cell at another place each time."""
CRASHED = "InterpreterCrashed"
"""Kind of the error of a cell whose worker died: by its own doing or by somebody else's, which nobody knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellOutcome:
    """What a cell did, and what it was answered meanwhile."""

    result: ExecResult
    answers: tuple[Answered, ...] = field(default=(), repr=False)
    """Of its calls: with these it can run again and do the same."""
    subcalls: int = 0
    children: int = 0
    """Child runs that the run had opened by then."""
    deepest: int = 0
    stopped: BudgetExceeded | None = None
    """The limit of the run that was passed by then."""
    saved: str | None = None
    """Id of the state that it left, where that cannot be had by running it again."""

    @property
    def repeatable(self) -> bool:
        """Whether the cell, run again with these answers, leaves the same variables."""
        error = self.result.error
        return self.result.state == "rolled_back" or error is None or error.limit not in _TIME_LIMITS

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> CellOutcome:
        """From the journal."""
        return cls(
            result=_exec_result(record["result"]),
            answers=tuple((value, None if error is None else (error[0], error[1])) for value, error in record["answers"]),
            subcalls=record["subcalls"],
            children=record["children"],
            deepest=record["deepest"],
            stopped=_budget_failure(record["stopped"]),
            saved=record.get("saved"),
        )

    def record(self) -> dict[str, Any]:
        """For the journal."""
        return {
            "result": self.result,
            "answers": self.answers,
            "subcalls": self.subcalls,
            "children": self.children,
            "deepest": self.deepest,
            "stopped": None if self.stopped is None else failure_record(self.stopped),
            "saved": self.saved,
        }

    @property
    def comparable(self) -> bool:
        """Whether the cell, run again with these answers, shows the same."""
        error = self.result.error
        return error is None or (error.limit not in _TIME_LIMITS and error.kind != CRASHED)

    def again(self, code: str, limits: Any) -> Ran:
        """What a session has to do to come to where this cell left it."""
        return Ran(code, self.answers, limits, seconds=self.result.usage.wall_seconds)


def _exec_result(record: Mapping[str, Any]) -> ExecResult:
    error = record["error"]
    return ExecResult(
        **{key: value for key, value in record.items() if key not in ("error", "changed", "usage")},
        error=None if error is None else ExecError(**error),
        changed=tuple(record["changed"]),
        usage=ExecUsage(**record["usage"]),
    )


def _budget_failure(record: Mapping[str, Any] | None) -> BudgetExceeded | None:
    failure = None if record is None else failure_of(record)
    return failure if isinstance(failure, BudgetExceeded) else None


def usage_of(record: Mapping[str, Any]) -> Usage | None:
    """What a call used, if it was made and anything is known of it."""
    used = record.get("usage")
    return None if used is None else Usage(**{each.name: used[each.name] for each in fields(Usage) if each.name in used})


def failure_record(error: CellblockError) -> dict[str, Any]:
    """How a failed effect stands in the journal."""
    record: dict[str, Any] = {"error": type(error).__name__, "message": cleaned(str(error)[:ERROR_CHARS])}
    if isinstance(error, ModelError):
        if error.status is not None:
            record["status"] = error.status
        if error.usage is not None:
            record["usage"] = asdict(error.usage)
    if isinstance(error, BudgetExceeded):
        record |= {"limit": error.limit, "allowed": error.allowed, "used": error.used}
    return record


def failure_of(record: Mapping[str, Any]) -> CellblockError | None:
    """The error that `failure_record` wrote; None where the effect did not fail."""
    kind = getattr(errors, record["error"], None) if isinstance(record.get("error"), str) else None
    if not (isinstance(kind, type) and issubclass(kind, CellblockError)):
        return None
    if issubclass(kind, BudgetExceeded):
        return kind(record["limit"], allowed=record["allowed"], used=record["used"])
    if issubclass(kind, ModelError):
        return kind(record["message"], status=record.get("status"), usage=usage_of(record))
    return kind(record["message"])


def by_chance(outcome: Any) -> bool:
    """Whether a cell's outcome, as it stands in a journal, is one that the same cell need not come to again, and one can go on from."""
    if not isinstance(outcome, dict) or "result" not in outcome:
        return True
    known = CellOutcome.of(outcome)
    return not known.comparable and (known.result.state == "rolled_back" or known.saved is not None)


def timeless(outcome: Any) -> Any:
    """An outcome without what differs from one performance to the next."""
    if not isinstance(outcome, dict):
        return outcome
    error = outcome.get("error")
    if isinstance(error, dict) and error.get("limit") in _TIME_LIMITS:
        # How far the cell came by then, and how late it was stopped, is another thing each time.
        return {"limit": error["limit"]}
    return {key: timeless(value) if key == "result" else value for key, value in outcome.items() if key not in _TIMED}
