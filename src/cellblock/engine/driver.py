"""Performs a loop's effects: asks models, runs cells, charges the budget, writes the journal, emits events."""

from __future__ import annotations

from typing import Any

import anyio

from ..errors import BudgetExceeded, CellblockError, SandboxBroken, SandboxError
from ..events import CellEnded, CellStarted, Refused
from ..in_thread import in_thread
from ..models.protocol import ModelAdapter
from ..repl.protocol import ExecResult
from . import observations
from .asides import passes_probe
from .asking import cleaned
from .branches import Branches
from .cells import begin_cell, outcome_of
from .effects import Ask, Conclusion, Effect, Exec, GetVariable, Got, Loop, Outcome, Purpose, Ran, Refuse, Reply, Stopped
from .model_calls import ask
from .outcomes import CellOutcome, failure_of, failure_record
from .recalling import charge_cell
from .record import Entry
from .tree import Call, Run

AFTER_SECONDS = 1.0
"""How much longer than its run a cell may take: at the deadline its calls raise, and what it prints by then is the partial answer. A child
run has half of it, so that its parent's cell still hears of its end."""
LONG_REPLY_CHARS = 50_000
"""A longer one is read in a thread: taking a hostile million characters apart takes a second."""


class Driver:
    """Feeds one loop.

    Args:
        run: whose it is.
        branches: where its cells run; None for a loop that has none.
    """

    def __init__(self, run: Run, branches: Branches | None) -> None:
        self._run, self._own_branches = run, branches

    async def drive(self, loop: Loop) -> Conclusion:
        """Perform the loop's effects until it concludes.

        Raises:
            CellblockError: as `perform_run`, budgets excepted: those are told to the loop.
        """
        outcome: Outcome = None
        typed = self._run.turn.answer_type.told != ""
        try:
            while True:
                effect = await _next(loop, outcome, typed=typed)
                if isinstance(effect, Conclusion):
                    return effect
                outcome = await self._within_the_deadline(effect)
        finally:
            loop.close()

    @property
    def _branches(self) -> Branches:
        assert self._own_branches is not None, "a loop without cells has no session"
        return self._own_branches

    async def _within_the_deadline(self, effect: Effect) -> Outcome:
        if isinstance(effect, Ask):
            # It keeps the deadline itself: cut off from here as well, its row in the journal would sometimes stay open.
            return await self._ask(effect)
        budget = self._run.budget
        after = AFTER_SECONDS / 2**budget.depth if isinstance(effect, Exec) else 0.0
        with anyio.move_on_after(budget.remaining_seconds() + after):
            return await self._perform(effect)
        return Stopped(error=budget.expire())

    async def _perform(self, effect: Exec | GetVariable | Refuse) -> Outcome:
        match effect:
            case Exec():
                return await self._exec(effect)
            case GetVariable():
                return await self._get(effect)
            case Refuse():
                self._run.record.note("refuse", str(effect.step), {"reason": effect.reason})
                self._run.event(Refused, step=effect.step, reason=effect.reason)
                return None

    async def _ask(self, effect: Ask) -> Outcome:
        run = self._run
        run.step = effect.step
        role, model = self._asked(effect.purpose)
        key = str(effect.step) if effect.purpose in ("reply", "direct") else f"{effect.step}.{effect.purpose}.{effect.index}"
        # Only what is new: the messages before it are in the journal already.
        payload = {"messages": effect.new, "shown": len(effect.messages), "role": role, "model": model.name}
        entry = run.record.begin("ask", key, payload)
        if effect.purpose in ("reply", "direct"):
            try:
                run.budget.take_step(again=entry.done)
            except BudgetExceeded as error:
                run.record.finish(entry, failure_record(error))
                return Stopped(error=error)
        try:
            response = await ask(run, Call(model=model, messages=effect.messages, role=role, entry=entry))
        except BudgetExceeded as error:
            return Stopped(error=error)
        if effect.purpose == "probe":
            run.tree.structured[model.name] = passes_probe(response.text)
        return Reply(text=response.text)

    def _asked(self, purpose: Purpose) -> tuple[str, ModelAdapter]:
        """The role of a call and the model for it."""
        run = self._run
        match purpose:
            case "reply":
                return "sub_root_call" if run.parent else "root_call", run.model
            case "final":
                return "final_call", run.model
            case "verify":
                return "verifier", run.tree.models.verifier
            case "brief":
                return "engineer", run.tree.models.engineer
            case "compact":
                return "compaction", run.model
            case "direct":
                return "baseline_call", run.model
            case "probe":
                return "probe", run.model

    async def _exec(self, effect: Exec) -> Outcome:
        run, late = self._run, self._run.budget.remaining_seconds() == 0
        branches, key = self._branches, f"{effect.step}.{effect.index}"
        if late and not run.record.has("exec", key):
            return Stopped(error=run.budget.expire())
        begin_cell(branches.current, effect.step, key)
        entry = run.record.begin("exec", key, {"code": effect.code, "origin": effect.origin})
        run.event(CellStarted, step=effect.step, index=effect.index, code=effect.code)
        if entry.outcome is not None and (failure := failure_of(entry.outcome)) is not None:
            charge_cell(branches.current.run, entry.key)
            return self._stopped(effect, failure)
        if late and not entry.done:
            return self._too_late(effect, entry)
        outcome = await self._outcome(effect, entry)
        run.event(CellEnded, step=effect.step, index=effect.index, **_cell_fields(outcome.result))
        if run.tree.fatal is not None:
            raise run.tree.fatal
        await branches.settle(key, keeps=entry.outcome is None, went_well=outcome.result.state == "kept")
        counts = {"subcalls": outcome.subcalls, "children": branches.children, "deepest": branches.deepest}
        return Ran(result=outcome.result, stopped=outcome.stopped, **counts)

    async def _outcome(self, effect: Exec, entry: Entry) -> CellOutcome:
        run, branches = self._run, self._branches
        try:
            return await outcome_of(branches, branches.current, run.record, entry, effect.code, branches.cell_limits())
        except anyio.get_cancelled_exc_class():
            if run.budget.remaining_seconds() == 0:
                error = run.budget.expire()
                run.record.finish(entry, failure_record(error))
                self._stopped(effect, error)
            raise

    def _too_late(self, effect: Exec, entry: Entry) -> Stopped:
        """A cell that an earlier attempt was at, until the run's time was over; what it had used by then counts."""
        charge_cell(self._branches.current.run, entry.key)
        error = self._run.budget.expire()
        self._run.record.finish(entry, failure_record(error))
        return self._stopped(effect, error)

    def _stopped(self, effect: Exec, error: CellblockError) -> Stopped:
        """A cell that went on and on after the deadline has ended without a result."""
        self._run.event(CellEnded, step=effect.step, index=effect.index, error=f"{type(error).__name__}: {error}")
        assert isinstance(error, BudgetExceeded)
        self._run.budget.recall(error)
        return Stopped(error=error)

    async def _get(self, effect: GetVariable) -> Outcome:
        entry = self._run.record.begin("get", str(effect.step), {"name": effect.name})
        if entry.outcome is not None:
            return Got(value=entry.outcome["value"], missing=entry.outcome["missing"])
        try:
            got = Got(value=await (await self._branches.current.session()).get(effect.name))
        except LookupError:
            got = Got(missing=f"there is no variable named {effect.name}; set it in a cell, or give the answer with FINAL(...)")
        except SandboxBroken:
            raise
        except (TypeError, SandboxError) as error:
            got = Got(missing=f"{effect.name} cannot be an answer: {observations.clip(cleaned(str(error)), 500)}")
        self._run.record.finish(entry, {"value": got.value, "missing": got.missing})
        return got


async def _next(loop: Loop, outcome: Outcome, *, typed: bool) -> Effect | Conclusion:
    return await in_thread(_sent, loop, outcome) if _may_take_long(outcome, typed) else _sent(loop, outcome)


def _may_take_long(outcome: Outcome, typed: bool) -> bool:
    """Whether the loop will read a long reply or check an answer, which may take a schema half a second.

    Args:
        typed: answers have to fit one.
    """
    if isinstance(outcome, Reply):
        return typed or len(outcome.text) > LONG_REPLY_CHARS
    return (isinstance(outcome, Ran) and outcome.result.has_final) or (isinstance(outcome, Got) and outcome.missing is None)


def _sent(loop: Loop, outcome: Outcome) -> Effect | Conclusion:
    try:
        return loop.send(outcome)
    except StopIteration as stop:
        conclusion: Conclusion = stop.value
        _ = conclusion.text  # here, where a long one does not hold up the event loop
        return conclusion


def _cell_fields(result: ExecResult) -> dict[str, Any]:
    return {
        "stdout": result.stdout,
        "value_preview": result.value_preview,
        "error": None if result.error is None else observations.error_text(result.error),
        "limit": None if result.error is None else result.error.limit,
        "state": result.state,
        "changed": result.changed,
        "wall_seconds": result.usage.wall_seconds,
        "host_calls": result.usage.host_calls,
        "near_calls": result.usage.near_calls,
    }
