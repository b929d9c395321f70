"""Every error that Cellblock raises, one tree, split by what the caller does next.

    CellblockError
    ├── ConfigError                    fix the call
    ├── SandboxError                   the cell or its sandbox
    │   ├── LimitExceeded              a limit of one exec was passed
    │   ├── SandboxBroken              the worker lied or died: it is gone, other sessions are not
    │   └── SandboxUnavailable         this machine lacks something that the message names
    ├── BudgetExceeded                 a limit of the run was passed: raise it, or use the partial answer
    │   ├── MaxStepsExceeded  MaxSubcallsExceeded  MaxDepthExceeded
    │   └── MaxTokensExceeded  MaxCostExceeded  DeadlineExceeded
    ├── ModelError                     the model's side
    │   ├── ModelUnavailable           down, overloaded or cut off: try again
    │   └── ModelRefused               it answered "no" (key, quota, bad request): change something
    └── StoreError                     journal and snapshots
        ├── Diverged                   a run does something else than what is on its record
        ├── TamperedSnapshot
        ├── StaleSnapshot
        └── LeaseHeld                  another process drives the run or writes the thread: wait for it, or end it

Every error carries its data as attributes and survives pickling.
"""

from __future__ import annotations

from typing import Any


class CellblockError(Exception):
    """The root of the tree."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild without calling `__init__`, whose signature differs from class to class."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[CellblockError], args: tuple[Any, ...], state: dict[str, Any]) -> CellblockError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(CellblockError, ValueError):
    """The call cannot work as written."""


class SandboxError(CellblockError):
    """Something about a cell or its sandbox."""


class LimitExceeded(SandboxError):
    """A limit of one exec was passed.

    Attributes:
        limit: the field of `ExecLimits`.
        allowed: its value, in the unit of its name.
        used: what was seen when it was stopped, same unit; None where it cannot be known.
    """

    def __init__(self, limit: str, *, allowed: float, used: float | None = None) -> None:
        self.limit, self.allowed, self.used = limit, allowed, used
        tail = "" if used is None else f": used {used:g}"
        super().__init__(f"{limit}={allowed:g} exceeded{tail}")


class SandboxBroken(SandboxError):
    """The worker said something that it may not say, or died. Its session is gone; nothing else is."""


class SandboxUnavailable(SandboxError):
    """This machine or installation cannot run the sandbox; the message says what is missing and what to do."""


class BudgetExceeded(CellblockError):
    """A limit of the run was passed.

    Attributes:
        limit: the field of `RunLimits`.
        allowed: its value; of `child_share`, the tokens that the share came to.
        used: what the run had used, or would have used with the refused call.
        result: the run's partial result, once the run has ended; None inside a running cell.
    """

    def __init__(self, limit: str, *, allowed: float, used: float, result: Any = None) -> None:
        self.limit, self.allowed, self.used, self.result = limit, allowed, used, result
        whose = "child_share: the child run's tokens" if limit == "child_share" else f"the run's {limit}"
        super().__init__(f"{whose}={allowed:g} exceeded: {used:g}")


class MaxStepsExceeded(BudgetExceeded):
    """The loop took its last step without an answer."""


class MaxSubcallsExceeded(BudgetExceeded):
    """A cell asked for more sub-calls than the run may make."""


class MaxDepthExceeded(BudgetExceeded):
    """A child run was asked for below the deepest level."""


class MaxTokensExceeded(BudgetExceeded):
    """The run's tokens are used up."""


class MaxCostExceeded(BudgetExceeded):
    """The run's money is used up."""


class DeadlineExceeded(BudgetExceeded):
    """The run's wall time is used up."""


class ModelError(CellblockError):
    """The model's side failed.

    Attributes:
        provider: who answered, such as `openai` or the host of a `base_url`.
        status: the HTTP status, None where there was none.
        usage: what the failed call used all the same, a `Usage`; None where nothing is known of any.
    """

    def __init__(self, message: str, *, provider: str = "", status: int | None = None, usage: Any = None) -> None:
        self.provider, self.status, self.usage = provider, status, usage
        super().__init__(message)


class ModelUnavailable(ModelError):
    """No usable answer came: connection, time-out, overload, broken stream. Trying again can help."""


class ModelRefused(ModelError):
    """The provider said no: key, quota, unknown model, bad request. Trying again cannot help."""


class StoreError(CellblockError):
    """The journal or a snapshot could not be written or read."""


class Diverged(StoreError):
    """A resumed or replayed run did something else than what is on its record; the message says what, and where first."""


class TamperedSnapshot(StoreError):
    """A snapshot's bytes are not the ones that were stored, or were sealed with another tenant's key."""


class StaleSnapshot(StoreError):
    """A snapshot of another sandbox, version or artefact; the message names both."""


class LeaseHeld(StoreError):
    """Somebody else drives the run or writes the thread.

    Attributes:
        name: the lease's.
        pid: the holder's process id, where it runs.
        machine: the name of the machine that it runs on.
        elsewhere: it runs on another machine or in another container, so that only its heartbeat tells whether it lives.
    """

    def __init__(self, name: str, *, pid: int, machine: str, elsewhere: bool) -> None:
        self.name, self.pid, self.machine, self.elsewhere = name, pid, machine, elsewhere
        super().__init__(f"{name}: process {pid} on {machine} is at it; wait for it, or end it")
