"""One cell of a branch: run, or recalled with all that it had done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import anyio

from ..errors import BudgetExceeded, SandboxBroken
from ..host.vfs import Vfs
from ..limits import ExecLimits
from ..store.journal import EffectRow
from .branch import Branch
from .branches import Branches, Fork
from .budget import Budget
from .outcomes import CLOCK, CellOutcome, failure_of, failure_record
from .recalling import charge_cell
from .record import Entry, Record
from .tree import Run

FILES, BRANCH = "vfs", "branch"
"""Kinds of effects: what a cell does to files, and to branches."""


def begin_cell(branch: Branch, step: int, key: str) -> None:
    """From now on what is called on this branch belongs to that cell."""
    run = branch.run
    run.step, run.cell, run.calls, run.fork_calls, run.acts = step, key, 0, 0, 0


async def outcome_of(branches: Branches, branch: Branch, record: Record, entry: Entry, code: str, limits: ExecLimits) -> CellOutcome:
    """What came of a cell: from the record, or by running it.

    Args:
        record: that holds the cell: the run's own, or a fork's.

    Raises:
        SandboxError, StoreError: as `Branch.exec`.
    """
    if entry.outcome is not None:
        known = CellOutcome.of(entry.outcome)
        await _recall(branches, branch, entry.key, known)
        await branch.recalled(code, branch.run.tree.settings.exec_limits, known, entry.key)
        return known
    outcome = await branch.exec(code, limits)
    # On record together with the outcome: with that alone, nobody could go on from there.
    outcome = replace(outcome, saved=await branch.save(entry.key), stopped=_stopped(branch.run.budget, record, entry))
    if branch.run.tree.fatal is None:
        record.finish(entry, outcome.record())
    if record.replays and entry.recorded is not None and not (known := CellOutcome.of(entry.recorded)).comparable:
        # It was run for what it leaves behind. What it shows differs each time, and the model was shown what is on record.
        return known
    return outcome


def _stopped(budget: Budget, record: Record, entry: Entry) -> BudgetExceeded | None:
    """The limit of the run that is over by now. In a replay the clock stands still: what time was over by then is on record.

    Of forks side by side, another one's cell may have been given that before this one has ended.
    """
    now = budget.ended()
    if not record.replays or entry.recorded is None or (now is not None and now.limit != CLOCK):
        return now
    then = CellOutcome.of(entry.recorded).stopped
    if then is not None and then.limit != CLOCK:
        return now
    if then is not None:
        budget.recall(then)
    return then


async def run_in(branches: Branches, fork: Fork, code: str) -> CellOutcome:
    """What came of a cell that another branch runs in this fork.

    Raises:
        SandboxError, StoreError: as `Branch.exec`, or as on record.
    """
    outer, branch = branches.current.run, fork.branch
    run = branch.run
    fork.runs += 1
    begin_cell(branch, outer.step, f"{outer.cell}-{fork.runs}")
    entry = run.record.begin("exec", run.cell, {"code": code, "origin": "fork"})
    if entry.recorded is not None and (failure := failure_of(entry.recorded)) is not None:
        raise failure
    async with _place(run):
        run.in_fork = True
        try:
            with failing(run, entry):
                outcome = await outcome_of(branches, branch, run.record, entry, code, branches.cell_limits())
        finally:
            run.in_fork = False
        outer.fork_calls += outcome.subcalls
        await branch.keep(entry.key)
        await branches.rest(fork)
    return outcome


@contextmanager
def failing(run: Run, entry: Entry) -> Iterator[None]:
    """Have it on record where a broken worker, or the run's deadline, keeps something in a fork from its end."""
    try:
        yield
    except SandboxBroken as broken:
        run.record.finish(entry, failure_record(broken))
        raise
    except anyio.get_cancelled_exc_class():
        if run.budget.remaining_seconds() == 0 and entry.recorded is None:
            run.record.finish(entry, failure_record(run.budget.expire()))
        raise


def _place(run: Run) -> anyio.CapacityLimiter:
    """Each depth has its own: a fork's cell that waits for a child run keeps its place, which no fork of that child can need."""
    places, depth = run.tree.fork_places, run.budget.depth
    if depth not in places:
        places[depth] = anyio.CapacityLimiter(run.budget.limits.parallel_children)
    return places[depth]


async def _recall(branches: Branches, branch: Branch, cell: str, outcome: CellOutcome) -> None:
    """Count what a cell of an earlier attempt has used, and do again what it did to files and branches."""
    run = branch.run
    charge_cell(run, cell)
    run.children, run.deepest = outcome.children, max(run.deepest, outcome.deepest)
    if outcome.stopped is not None:
        run.budget.recall(outcome.stopped)
    for row in run.record.inside(cell):
        if row.kind == FILES:
            change(run.files, **row.payload)
        elif row.kind == BRANCH:
            await _act(branches, row)


async def _act(branches: Branches, row: EffectRow) -> None:
    match row.payload:
        case {"act": "checkpoint.create", "label": label}:
            branches.take_checkpoint(label)
        case {"act": "checkpoint.restore", "id": id}:
            branches.restore(id)
        case {"act": "fork.create", "checkpoint": checkpoint, "name": name}:
            branches.create(checkpoint, name)
        case {"act": "fork.switch", "name": name}:
            branches.switch(name)
        case {"act": "fork.score", "name": name, "score": score}:
            branches.fork(name).score = score
        case {"act": "fork.run", "name": name, "code": code}:
            with suppress(SandboxBroken):
                await run_in(branches, branches.fork(name), code)
        case {"act": "strategy.commit", "fork": fork, "rationale": rationale}:
            branches.commit(fork, rationale)


def change(files: Vfs, how: str, path: str, data: bytes) -> None:
    """Do to the files what a cell does, or what is on record of it.

    Raises:
        OSError, ValueError, TypeError: it cannot be done; nothing was changed.
    """
    if how == "write":
        files.write(path, data)
    elif how == "append":
        files.append(path, data)
    else:
        files.delete(path)
