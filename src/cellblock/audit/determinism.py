"""The step `same`: a cell in two sessions of one seed and clock. A session is a function of its inputs, or no run can be replayed."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import CellblockError, SandboxUnavailable
from ..limits import ExecLimits
from ..repl.guests import GuestSpec
from ..repl.protocol import ExecResult
from ..repl.session import open_session
from ..values import Value
from .attempts import Step, whole
from .evidence import Evidence
from .tables import exec_limits

CLOCK = 1_700_000_000.0
TENANTS = ("one", "two")
"""Of different zygotes: what an address tells differs between them, so a cell that shows one is found out."""


async def run_same(step: Step, *, sandbox: str | GuestSpec, limits: ExecLimits, canaries: Mapping[str, str]) -> Evidence:
    """Run the cell `step.same` in two sessions; the step's `limits`, `settings.seed` and `settings.before`, a cell that runs first, count.

    Raises:
        SandboxUnavailable: the sandbox cannot run here.
    """
    limits, seed = exec_limits(limits, step.limits), step.settings.get("seed", 0)
    # One after the other, beside the session that every attempt begins with; what the first one held is given back when it is.
    evidence = Evidence(allowed_bytes=(1 + len(TENANTS)) * limits.memory_bytes)
    cells = [whole(code, canaries.items()) for code in (step.settings.get("before", ""), step.same or "") if code]
    one, two = [await _outcome(cells, sandbox, limits, tenant, seed) for tenant in TENANTS]
    for text in (one, two):
        evidence.add("A", "printed", text)
    if one != two:
        evidence.unequal.append(f"two sessions of one seed and clock differ: {_difference(one, two)}")
    return evidence


async def _outcome(cells: list[str], sandbox: str | GuestSpec, limits: ExecLimits, tenant: str, seed: int) -> str:
    shown = []
    try:
        async with await open_session(sandbox, limits=limits, tenant=tenant, seed=seed, clock=CLOCK, externals={"echo": _echo}) as session:
            shown = [_shown(await session.exec(cell)) for cell in cells]
    except SandboxUnavailable:
        raise
    except CellblockError as error:
        shown.append(f"{type(error).__name__}: {error}")
    return "\n".join(shown)


async def _echo(value: Value = None) -> Value:
    return value


def _shown(result: ExecResult) -> str:
    """All that a cell can decide: not its time, not its memory."""
    error = result.error
    told = [result.stdout, str(result.stdout_dropped), str(result.value_preview), repr(result.final), *result.changed, result.state]
    if error is not None:
        # A limit of time is reached after this or that many turns of a loop; that it was reached is the same.
        told += [error.kind, str(error.limit), "" if error.limit else error.message, str(error.line)]
    return "\n".join(told)


def _difference(one: str, two: str) -> str:
    pairs = zip(one.splitlines(), two.splitlines(), strict=False)
    return next((f"{mine[:200]!r} and {theirs[:200]!r}" for mine, theirs in pairs if mine != theirs), "in length")
