"""What an earlier attempt of a run has used, counted again: in cells that need not run again, and in child runs that have ended."""

from __future__ import annotations

from ..events import SUBCALL_ROLES, ModelAnswered, ModelAsked, ToolCalled
from ..store.journal import EffectRow
from .asides import passes_probe
from .budget import Budget
from .outcomes import failure_of, usage_of
from .tree import Run


def child_id(run_id: str, number: int) -> str:
    """The id of a run's child run, counted from 1."""
    return f"{run_id}/{number}"


def fork_id(run_id: str, number: int) -> str:
    """The id under which what a run's fork does is on record, counted from 1."""
    return f"{run_id}~{number}"


def charge_cell(run: Run, cell: str) -> None:
    """Count what a finished cell had asked for, and tell of it once more."""
    rows = list(run.record.inside(cell))
    # They were counted before they were made, whatever became of them.
    run.budget.take_subcalls(sum(map(_counts, rows)), again=True)
    for row in rows:
        if row.kind == "call":
            _charge(run, run.run_id, run.budget, row)
        elif row.kind == "run":
            charge_child(run, child_id(run.run_id, row.payload["child"]))
        elif row.kind == "tool" and row.ended is not None:
            _used_tool(run, row)


def charge_child(run: Run, run_id: str) -> None:
    """Count what a child run and all below it had used."""
    _charge_run(run, run_id, run.budget.child())


def _charge_run(run: Run, run_id: str, budget: Budget) -> None:
    run.deepest = max(run.deepest, budget.depth)
    rows, forks = run.record.effects_of(run_id), 0
    budget.take_subcalls(sum(map(_counts, rows)), again=True)
    for row in rows:
        if row.kind in ("ask", "call"):
            _charge(run, run_id, budget, row)
        elif row.kind == "run":
            _charge_run(run, child_id(run_id, row.payload["child"]), budget.child())
        elif row.kind == "tool" and row.ended is not None:
            _used_tool(run, row)
        elif row.kind == "branch" and row.payload["act"] == "fork.create":
            forks += 1
            _charge_run(run, fork_id(run_id, forks), budget)


def _counts(row: EffectRow) -> bool:
    """Whether it counts as a sub-call."""
    return row.kind in ("call", "run") or (row.kind == "branch" and row.payload["act"] == "fork.run")


def _charge(run: Run, run_id: str, budget: Budget, row: EffectRow) -> None:
    if row.ended is None:
        return
    role = row.payload.get("role") or ("repair" if "repairs" in row.payload else "subcall")
    model, step = row.payload["model"], int(row.key.partition(".")[0])
    told = {"call_id": f"{run_id}:{row.key}", "role": role, "step": step, "model": model}
    used, failure = usage_of(row.outcome), failure_of(row.outcome)
    if role == "probe" and failure is None:
        run.tree.structured[model] = passes_probe(row.outcome["text"])
    run.event(ModelAsked, **told)
    spent = {} if used is None else {"input_tokens": used.input_tokens, "output_tokens": used.output_tokens, "cost_usd": used.cost_usd}
    error = None if failure is None else f"{type(failure).__name__}: {failure}"
    run.event(ModelAnswered, **told, text=row.outcome.get("text", ""), source="journal", error=error, **spent)
    if used is not None:
        budget.charge(used, role=role, served_by=model, subcall=role in SUBCALL_ROLES)


def _used_tool(run: Run, row: EffectRow) -> None:
    name = row.payload["name"]
    for tool, use in run.tool_use.items():
        if tool.name == name:
            use.calls += 1
    error = f"{row.outcome['error']}: {row.outcome['message']}" if "error" in row.outcome else None
    run.event(ToolCalled, step=run.step, name=name, error=error)
